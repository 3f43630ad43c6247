package github

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// Names that changed. GitHub redirects from a repository's old name to its id, 301 for reads and
// 307 for writes, until another repository takes the name; and from a transferred issue to where it
// is now, for a token that opens both repositories. Tokens are asked for by names, and an old one
// is refused with 422; one that was given stays with the repository and not with its name.
// https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects

// redirects is how a client follows GitHub's redirects. A read goes on. So does a write, as what it
// is, if follow says so. A write to an incident under a name that it no longer has must not:
// another look may be at work under the new name, and an incident has one writer. It comes back as
// an *ports.RetryAfter, and the next look finds where the incident is.
func redirects(follow bool, now func() time.Time) func(*http.Request, []*http.Request) error {
	return func(req *http.Request, via []*http.Request) error {
		first := via[0]
		switch {
		case len(via) > 5:
			return errors.New("GitHub redirects in a circle")
		case req.URL.Host != first.URL.Host:
			return fmt.Errorf("GitHub redirects to another server: %s", req.URL.Host)
		case first.Method == http.MethodGet || first.Method == http.MethodHead:
			return nil
		case follow && req.Method == first.Method: // Go makes a GET of it after a 301
			return nil
		}
		return &ports.RetryAfter{Until: now().Add(time.Second),
			Err: fmt.Errorf("%w: %s %s: it has another name by now", ports.ErrNotYet, first.Method,
				first.URL.Path)}
	}
}

// placeOf reads which issue or pull request a page's address is of.
func placeOf(page string) (incident.Ref, bool) {
	u, err := url.Parse(page)
	if err != nil {
		return incident.Ref{}, false
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(parts) < 4 {
		return incident.Ref{}, false
	}
	parts = parts[len(parts)-4:]
	n, err := strconv.Atoi(parts[3])
	if err != nil || n < 1 || parts[2] != "issues" && parts[2] != "pull" {
		return incident.Ref{}, false
	}
	return incident.Ref{Owner: parts[0], Repo: parts[1], Number: n}, true
}

// isSameName reports whether two names are one to GitHub, which makes no difference of case.
func isSameName(a, b incident.Ref) bool { return naming.Equal(a.String(), b.String()) }

// findPresentName looks for an issue that is not to be found under its name by a token for that
// repository: it may have been transferred to another one, or no token is given for the name any
// more. It returns nil where GitHub does not show it with a token for all either. An error says that
// GitHub can't be asked now.
func (a *App) findPresentName(ctx context.Context, ref incident.Ref, me string) (*ports.Snapshot, error) {
	a.mu.Lock()
	id := a.installations[strings.ToLower(ref.Owner)]
	a.mu.Unlock()
	if id == 0 {
		return nil, nil
	}
	c, err := a.readAllClient(id)
	if err != nil {
		return nil, err
	}
	snap, _, err := readIssue(ctx, c, ref, me)
	if ports.IsRefused(err) || err == nil && snap.Gone {
		return nil, nil
	}
	return snap, err
}

// forgetTokens makes new tokens be asked for the next time that a repository is worked in.
func (a *App) forgetTokens(ref incident.Ref) {
	name := strings.ToLower(ref.FullName())
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.ids, name)
	maps.DeleteFunc(a.clients,
		func(key string, _ *github.Client) bool { return strings.HasSuffix(key, " "+name) })
}

// isLost reports whether what GitHub answered may mean that an issue has another name.
func isLost(snap *ports.Snapshot, err error) bool {
	var refusal *ports.Refusal
	if errors.As(err, &refusal) {
		return refusal.NotInstalled
	}
	return err == nil && snap.Gone && snap.Refused != nil && snap.Refused.Status == http.StatusNotFound
}

// repoID is a repository's id, found by a name that it no longer has.
type repoID struct {
	id int64 // 0: it has no other name
	at time.Time
}

// keepID is how long such an id is used, since another repository may take the name; askID is how
// long a repository that no token is given for is not looked up again.
const (
	keepID = 10 * time.Minute
	askID  = time.Minute
)

// idsOf returns the ids of an owner's repositories if one of them has another name by now; nil:
// their names are good. The caller holds the lock.
func (a *App) idsOf(owner string, repos []string) []int64 {
	var ids []int64
	for _, repo := range repos {
		known := a.ids[strings.ToLower(owner+"/"+repo)]
		if known.id == 0 {
			return nil
		}
		ids = append(ids, known.id)
	}
	return ids
}

// dropOldIDs forgets ids that were looked up long ago, and reports whether there were any. The
// caller holds the lock.
func (a *App) dropOldIDs(owner string, repos []string) (old bool) {
	for _, repo := range repos {
		key := strings.ToLower(owner + "/" + repo)
		if known, ok := a.ids[key]; ok && known.id != 0 && a.o.Now().Sub(known.at) >= keepID {
			delete(a.ids, key)
			old = true
		}
	}
	return old
}

// identify looks up the ids of repositories for which no token is given by their names, and reports
// whether one was found under another name. An error says that GitHub can't be asked now.
func (a *App) identify(ctx context.Context, installation int64, owner string, repos []string) (renamed bool,
	err error) {
	c, err := a.readAllClient(installation)
	if err != nil {
		return false, err
	}
	for _, repo := range repos {
		key, now := strings.ToLower(owner+"/"+repo), a.o.Now()
		a.mu.Lock()
		known, asked := a.ids[key]
		a.mu.Unlock()
		if asked && known.id == 0 && now.Sub(known.at) < askID {
			continue
		}
		var answer struct {
			ID   int64  `json:"id"`
			Name string `json:"full_name"`
		}
		ref := incident.Ref{Owner: owner, Repo: repo}
		if _, err := call(ctx, c, http.MethodGet, repoPath(ref), nil, &answer); err != nil {
			var refusal *ports.Refusal
			err = describeError("look up the repository", ref.FullName(), err)
			if !errors.As(err, &refusal) || refusal.Status != http.StatusNotFound {
				return false, err
			}
			answer.ID = 0
		}
		if !naming.Equal(answer.Name, ref.FullName()) {
			renamed = renamed || answer.ID != 0
		} else if len(repos) == 1 {
			answer.ID = 0 // it has the name still, so the token was refused for another reason
		}
		a.mu.Lock()
		a.ids[key] = repoID{answer.ID, now}
		a.mu.Unlock()
	}
	return renamed, nil
}

// RepositoryID returns the id of the repository that a name leads to. It implements engine.GitHub.
func (a *App) RepositoryID(ctx context.Context, ref incident.Ref) (int64, error) {
	c, err := a.clientOf(ctx, incidents, ref)
	if err != nil {
		return 0, err
	}
	var answer struct {
		ID int64 `json:"id"`
	}
	if _, err := call(ctx, c, http.MethodGet, repoPath(ref), nil, &answer); err != nil {
		return 0, describeError("read the repository", ref.FullName(), err)
	}
	return answer.ID, requireFields("read the repository", ref.FullName(), field{"id", answer.ID != 0})
}

// isTakenOver reports whether an owner's name belongs to another installation by now: the account
// was renamed, and somebody else, who installed the App too, took its old name. It is asked once a
// minute. An error says that GitHub can't be asked now.
func (a *App) isTakenOver(ctx context.Context, owner, repo string, installation int64) (bool, error) {
	key, now := strings.ToLower(owner), a.o.Now()
	a.mu.Lock()
	asked, known := a.lookedUp[key]
	if !known || now.Sub(asked).Abs() >= askID {
		if len(a.lookedUp) >= maxTeams {
			clear(a.lookedUp)
		}
		a.lookedUp[key], known = now, false
	}
	a.mu.Unlock()
	if known {
		return false, nil
	}
	id, err := a.findInstallation(ctx, owner, repo)
	if err != nil && !saysNotInstalled(err) {
		a.mu.Lock()
		delete(a.lookedUp, key)
		a.mu.Unlock()
		return false, err
	}
	return id != 0 && id != installation, nil
}

// isMisnamed reports whether no token was given for what it was asked for: an unknown repository,
// or a permission.
func isMisnamed(err error) bool {
	var refused *ghinstallation.HTTPError
	return errors.As(err, &refused) && refused.Response != nil &&
		refused.Response.StatusCode == http.StatusUnprocessableEntity
}

// isRenamedAccount reports whether an account that the operator did not name is one that they did,
// under another name: GitHub leads from the old name of its repository to the same installation. An
// incident must not fall silent until they write the new one down. An error says that GitHub can't be
// asked now.
func (a *App) isRenamedAccount(ctx context.Context, owner, repo string) (bool, error) {
	key, now := strings.ToLower(owner), a.o.Now()
	a.mu.Lock()
	known, ok := a.accounts[key]
	a.mu.Unlock()
	if ok && now.Sub(known.at) < keepID {
		return known.may, nil
	}
	here, err := a.findInstallation(ctx, owner, repo)
	if saysNotInstalled(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	known = permission{at: now}
	for _, account := range a.o.Accounts {
		there, err := a.findInstallation(ctx, account, repo)
		if err != nil && !saysNotInstalled(err) {
			return false, err
		}
		if known.may = there == here; known.may {
			a.o.Logger.Warn("account served under a new name: write it into FIREBREAK_ACCOUNTS", "account",
				account, "now", owner)
			break
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.accounts) >= maxTeams {
		clear(a.accounts) // whoever installs an App that is public can fill it
	}
	a.accounts[key] = known
	return known.may, nil
}
