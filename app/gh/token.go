package gh

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// work is a kind of work, and the permissions that it takes: a token has those and no other, in the repositories that it
// is for and no other. Every token may read a repository's metadata.
type work struct {
	name        string
	permissions github.InstallationPermissions
}

var (
	read, write = github.String("read"), github.String("write")

	// incidents: issues, what is said on a postmortem's pull request, and teams, which GitHub mentions only for an app that
	// may read members.
	incidents = work{"incidents", github.InstallationPermissions{Issues: write, PullRequests: write, Members: read}}
	// tickets: issues in other people's repositories, a product team's or one shared with a customer.
	tickets = work{"tickets", github.InstallationPermissions{Issues: write}}
	// files: the configuration, and the organisation's in its .github repository.
	files = work{"files", github.InstallationPermissions{Contents: read}}
	// documents: a postmortem's branch and pull request, for which teams are asked for reviews.
	documents = work{"documents", github.InstallationPermissions{Contents: write, PullRequests: write, Members: read}}
	// setting: what a person's command line does in a repository to prepare and to check it.
	setting = work{"setting", github.InstallationPermissions{Issues: write, Contents: write, PullRequests: write, Members: read}}
	checks  = work{"checks", github.InstallationPermissions{Checks: write}}
	// figures: what `stats` reads.
	figures = work{"figures", github.InstallationPermissions{Issues: read}}
	// sweeping: incidents and postmortems that changed, in all repositories of an installation.
	sweeping = work{"sweeping", github.InstallationPermissions{Issues: read, PullRequests: read}}
)

// in gives a client whose tokens open these repositories of one owner, for one kind of work. The installation is looked
// up by the repository: what a payload names could be another's.
func (a *App) in(ctx context.Context, w work, owner string, repos ...string) (*github.Client, error) {
	if err := a.serves(owner); err != nil {
		return nil, err
	}
	key := strings.ToLower(w.name + " " + owner + "/" + strings.Join(repos, "+"))
	a.mu.Lock()
	c, id := a.clients[key], a.installations[strings.ToLower(owner)]
	a.mu.Unlock()
	if c != nil {
		return c, nil
	}
	if id == 0 {
		inst, _, err := a.self.Apps.FindRepositoryInstallation(ctx, owner, repos[0])
		if err != nil {
			return nil, fail("find the app's installation", owner+"/"+repos[0], err)
		}
		id = inst.GetID()
	}
	c, err := a.installed(id, key, w, repos)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.installations[strings.ToLower(owner)] = id
	return c, nil
}

// Repository gives a client for the command line, whose tokens open one repository.
func (a *App) Repository(ctx context.Context, owner, repo string) (*github.Client, error) {
	return a.in(ctx, setting, owner, repo)
}

// serves refuses accounts that the operator did not name, if any are named: whoever installs an App that is public would
// give it orders otherwise, and its configuration names the operator's secrets.
func (a *App) serves(owner string) error {
	if len(a.o.Accounts) == 0 || incident.Has(a.o.Accounts, owner) {
		return nil
	}
	return fmt.Errorf("%s is not among the accounts that this app serves: %w", owner, engine.ErrNoAccess)
}

// wide gives a client that may read the issues and pull requests of all repositories of an installation, and do nothing else.
func (a *App) wide(id int64) (*github.Client, error) {
	return a.installed(id, fmt.Sprintf("installation %d", id), sweeping, nil)
}

// installed gives the client of a key, which renews its tokens by itself; without repositories it opens all of them.
func (a *App) installed(id int64, key string, w work, repos []string) (*github.Client, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.clients[key]; c != nil {
		return c, nil
	}
	own := *a.jwt // ghinstallation writes the address into it whenever a token is renewed
	tr := ghinstallation.NewFromAppsTransport(&own, id)
	tr.BaseURL = strings.TrimSuffix(a.api, "/")
	tr.Client = &http.Client{Transport: a.jwt, Timeout: timeout}
	permissions := w.permissions
	permissions.Metadata = read
	tr.InstallationTokenOptions = &github.InstallationTokenOptions{Repositories: repos, Permissions: &permissions}
	if a.paces[id] == nil {
		a.paces[id], a.meters[id] = &pace{every: a.o.Pace}, &meter{}
	}
	c, err := a.client(&paced{next: tr, pace: a.paces[id]}, a.meters[id])
	if err != nil {
		return nil, err
	}
	a.clients[key] = c
	return c, nil
}

// of gives a client for a kind of work in a repository.
func (a *App) of(ctx context.Context, w work, ref incident.Ref) (*github.Client, error) {
	return a.in(ctx, w, ref.Owner, ref.Repo)
}
