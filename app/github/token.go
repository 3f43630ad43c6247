package github

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// scope is a kind of work, and the permissions that it takes: a token has those and no other, in
// the repositories that it is for and no other. Every token may read a repository's metadata.
type scope struct {
	name        string
	permissions github.InstallationPermissions
	follows     bool // a write to a repository's old name goes on to the new one
	// lesser is what there is instead where an installation has not granted all of that; nil: nothing.
	lesser *scope
}

var (
	read, write = github.String("read"), github.String("write")

	// incidents: issues, what is said on a postmortem's pull request, and teams, which GitHub
	// mentions only for an app that may read members.
	incidents = scope{"incidents", github.InstallationPermissions{Issues: write, PullRequests: write,
		Members: read}, false, nil}
	// tickets: issues in other people's repositories, a product team's or one shared with a
	// customer.
	tickets = scope{"tickets", github.InstallationPermissions{Issues: write}, true, nil}
	// files: the configuration, and the organisation's in its .github repository.
	files = scope{"files", github.InstallationPermissions{Contents: read}, false, nil}
	// documents: a postmortem's branch and pull request, for which teams are asked for reviews, and what is
	// said of its commits.
	documents = scope{"documents", github.InstallationPermissions{Contents: write, PullRequests: write,
		Members: read, Checks: write}, false, &unchecked}
	unchecked = scope{"unchecked", github.InstallationPermissions{Contents: write, PullRequests: write,
		Members: read}, false, nil}
	// setting: what a person's command line does in a repository to prepare and to check it.
	setting = scope{"setting", github.InstallationPermissions{Issues: write, Contents: write,
		PullRequests: write, Members: read}, true, nil}
	// checks: what is said of a commit, which has one repository whatever that is called.
	checks = scope{"checks", github.InstallationPermissions{Checks: write}, true, nil}
	// figures: what `stats` reads.
	figures = scope{"figures", github.InstallationPermissions{Issues: read}, false, nil}
	// sweeping: incidents and postmortems that changed, in all repositories of an installation.
	sweeping = scope{"sweeping", github.InstallationPermissions{Issues: read, PullRequests: read}, false, nil}
)

// clientFor returns a client whose tokens open these repositories of one owner, for one kind of
// work. The installation is looked up by the repository: what a payload names could be another's.
func (a *App) clientFor(ctx context.Context, w scope, owner string, repos ...string) (*github.Client, error) {
	if err := a.checkAccount(owner); err != nil {
		isRenamed, unknown := a.isRenamedAccount(ctx, owner, repos[0])
		if unknown != nil {
			return nil, unknown
		}
		if !isRenamed {
			return nil, err
		}
	}
	if w.lesser != nil && a.isUngranted(w.name+" of "+owner) {
		w = *w.lesser
	}
	key := strings.ToLower(w.name + " " + owner + "/" + strings.Join(repos, "+"))
	a.mu.Lock()
	if a.dropOldIDs(owner, repos) {
		delete(a.clients, key)
	}
	c, id := a.clients[key], a.installations[strings.ToLower(owner)]
	a.mu.Unlock()
	if c != nil {
		return c, nil
	}
	if id == 0 {
		var err error
		if id, err = a.findInstallation(ctx, owner, repos[0]); err != nil {
			return nil, err
		}
	}
	refresh := func(ctx context.Context, failed error) (*github.Client, error) {
		if w.lesser != nil && isNotGranted(failed) {
			a.noteUngranted(w.name + " of " + owner)
			return a.clientFor(ctx, *w.lesser, owner, repos...)
		}
		if isMisnamed(failed) {
			isElsewhere, err := a.identify(ctx, id, owner, repos)
			if err == nil && !isElsewhere {
				isElsewhere, err = a.isTakenOver(ctx, owner, repos[0], id)
			}
			if err != nil {
				return nil, err // it is not known yet what the refusal means
			}
			if !isElsewhere {
				return nil, failed
			}
		}
		a.forget(owner, id)
		return a.clientFor(ctx, w, owner, repos...)
	}
	a.mu.Lock()
	ids := a.idsOf(owner, repos)
	a.mu.Unlock()
	c, err := a.installationClient(id, key, w, repos, ids, refresh)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.installations[strings.ToLower(owner)] = id
	return c, nil
}

// findInstallation returns the App's installation that has a repository. Where there is none the error says so.
func (a *App) findInstallation(ctx context.Context, owner, repo string) (int64, error) {
	const what = "find the app's installation"
	inst, _, err := a.self.Apps.FindRepositoryInstallation(ctx, owner, repo)
	if err != nil {
		return 0, notInstalled(describeError(what, owner+"/"+repo, err))
	}
	return inst.GetID(), requireFields(what, owner+"/"+repo, field{"id", inst.GetID() != 0})
}

// notInstalled turns the answer that nothing is found, to the question for an installation, into
// what it means.
func notInstalled(err error) error {
	var refusal *ports.Refusal
	if errors.As(err, &refusal) && refusal.Status == http.StatusNotFound {
		refusal.NotInstalled, refusal.Reason = true, "the App is not installed there"
	}
	return err
}

// forget makes an owner's installation be looked up again, unless that was done.
func (a *App) forget(owner string, id int64) {
	owner = strings.ToLower(owner)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.installations[owner] != id {
		return
	}
	delete(a.installations, owner)
	maps.DeleteFunc(a.clients,
		func(key string, _ *github.Client) bool { return strings.Contains(key, " "+owner+"/") })
}

// Repository returns a client for the command line, whose tokens open one repository.
func (a *App) Repository(ctx context.Context, owner, repo string) (*github.Client, error) {
	return a.clientFor(ctx, setting, owner, repo)
}

// checkAccount refuses accounts that the operator did not name, if any are named: whoever installs
// an App that is public would give it orders otherwise, and its configuration names the operator's
// secrets.
func (a *App) checkAccount(owner string) error {
	if len(a.o.Accounts) == 0 || naming.Contains(a.o.Accounts, owner) {
		return nil
	}
	return fmt.Errorf("%s is not among the accounts that this app serves: %w", owner, ports.ErrNoAccess)
}

// Serves reports whether the repositories of an account are served.
func (a *App) Serves(owner string) bool { return a.checkAccount(owner) == nil }

// readAllClient returns a client that may read the issues and pull requests of all repositories of
// an installation, and do nothing else.
func (a *App) readAllClient(id int64) (*github.Client, error) {
	return a.installationClient(id, fmt.Sprintf("installation %d", id), sweeping, nil, nil, nil)
}

// installationClient returns the cached client for key, creating it if needed. Without repositories
// it opens all of the installation's. refresh is called when the installation is gone; nil: nobody
// looks for another.
func (a *App) installationClient(id int64, key string, w scope, repos []string, ids []int64,
	refresh func(context.Context, error) (*github.Client, error)) (*github.Client, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.clients[key]; c != nil {
		return c, nil
	}
	permissions := w.permissions
	permissions.Metadata = read
	options := &github.InstallationTokenOptions{Repositories: repos, Permissions: &permissions}
	if len(ids) > 0 {
		options.Repositories, options.RepositoryIDs = nil, ids
	}
	fresh := func() http.RoundTripper {
		own := *a.jwt // ghinstallation writes the address into it whenever a token is renewed
		tr := ghinstallation.NewFromAppsTransport(&own, id)
		tr.BaseURL = strings.TrimSuffix(a.api, "/")
		tr.Client = &http.Client{Transport: a.jwt, Timeout: timeout}
		tr.InstallationTokenOptions = options
		return tr
	}
	tr := &renewingTransport{fresh: fresh, now: a.o.Now}
	if a.paces[id] == nil {
		a.paces[id], a.meters[id] = &pacer{every: a.o.Pace, now: a.o.Now}, &quota{}
		if !a.o.Unlimited {
			a.limiters[id] = newLimiter(a.o.Now)
		}
	}
	c, err := a.client(&pacingTransport{next: &reinstallTransport{next: tr, refresh: refresh},
		pace: a.paces[id], limiter: a.limiters[id], isPatient: a.o.Patient}, a.meters[id], w.follows)
	if err != nil {
		return nil, err
	}
	a.clients[key] = c
	return c, nil
}

// clientOf returns a client for a kind of work in a repository.
func (a *App) clientOf(ctx context.Context, w scope, ref incident.Ref) (*github.Client, error) {
	return a.clientFor(ctx, w, ref.Owner, ref.Repo)
}

// reinstallTransport retries a request once with a fresh installation: after an App is reinstalled,
// the old installation's id returns 404 and its tokens 401.
type reinstallTransport struct {
	next http.RoundTripper
	// refresh returns another client after such a failure; nil: none is looked for.
	refresh func(context.Context, error) (*github.Client, error)
}

// secondTry marks the context of a request that goes out again.
type secondTry struct{}

func (r *reinstallTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := r.next.RoundTrip(req)
	if !isGone(res, err) || r.refresh == nil || req.Context().Value(secondTry{}) != nil ||
		req.Body != nil && req.GetBody == nil {
		return res, err
	}
	ctx := context.WithValue(req.Context(), secondTry{}, true)
	c, failed := r.refresh(ctx, err)
	switch {
	case failed != nil && saysNotInstalled(failed): // which is what the first answer says
		return res, err
	case failed != nil: // what the first answer means can't be known now
		if res != nil {
			res.Body.Close()
		}
		return nil, failed
	}
	again := req.Clone(ctx)
	if req.Body != nil {
		if again.Body, failed = req.GetBody(); failed != nil {
			return res, err
		}
	}
	if res != nil {
		res.Body.Close()
	}
	return c.Client().Transport.RoundTrip(again)
}

// saysNotInstalled reports whether looking for another installation came to an answer: there is none.
func saysNotInstalled(err error) bool {
	v := classify(err)
	return v.class == classLost || v.status == http.StatusNotFound ||
		v.status == 0 && errors.Is(err, ports.ErrNoAccess) // an account that is not served
}

// isGone reports whether an answer can mean that the installation is gone.
func isGone(res *http.Response, err error) bool {
	var refused *ghinstallation.HTTPError
	if errors.As(err, &refused) {
		return refused.Response != nil && (refused.Response.StatusCode == http.StatusNotFound ||
			isMisnamed(err))
	}
	return err == nil && res.StatusCode == http.StatusUnauthorized
}
