package github

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/suspect"
)

// What changed is asked of GraphQL: one call reads what takes REST one for each pull request and
// repository (X1).

const (
	// mostMergedPages is how many pages of 100 merged pull requests are read, the newest first.
	mostMergedPages = 3
	// runsOf is of how many repositories workflow runs are read: that takes a call each.
	runsOf = 3
	// ungrantedFor is how long an installation is taken to lack permissions that it did not have.
	ungrantedFor = time.Hour
)

var (
	// changes: what was merged, in all repositories of an owner.
	changes = scope{"changes", github.InstallationPermissions{Contents: read, PullRequests: read}, false, nil}
	// deployed: that, and what was deployed and run, where the installation grants it.
	deployed = scope{"deployed", github.InstallationPermissions{Contents: read, PullRequests: read,
		Deployments: read, Actions: read}, false, nil}
)

// ownerClient returns a client whose tokens open all repositories that the owner of an incident has
// given the App.
func (a *App) ownerClient(ctx context.Context, w scope, ref incident.Ref) (*github.Client, error) {
	if _, err := a.clientOf(ctx, incidents, ref); err != nil { // finds the installation
		return nil, err
	}
	owner := strings.ToLower(ref.Owner)
	a.mu.Lock()
	id := a.installations[owner]
	a.mu.Unlock()
	refresh := func(ctx context.Context, failed error) (*github.Client, error) {
		if isNotGranted(failed) { // by another installation neither
			return nil, failed
		}
		a.forget(ref.Owner, id)
		return a.ownerClient(ctx, w, ref)
	}
	return a.installationClient(id, w.name+" "+owner+"/*", w, nil, nil, refresh)
}

// mergedQuery finds merged pull requests, and reads who may read the incident.
const mergedQuery = `query($q: String!, $after: String, $owner: String!, $name: String!) {
  repository(owner: $owner, name: $name) { isPrivate }
  search(type: ISSUE, query: $q, first: 100, after: $after) {
    pageInfo { hasNextPage endCursor }
    nodes { ... on PullRequest {
      number title url mergedAt additions deletions changedFiles baseRefName headRefName
      mergedBy { login __typename } author { login __typename }
      labels(first: 10) { nodes { name } }
      mergeCommit { oid }
      repository { nameWithOwner isPrivate defaultBranchRef { name } }
    } }
  }
}`

// graphActor is who did something.
type graphActor struct {
	Login string
	Type  string `json:"__typename"`
}

// mergedPull is a merged pull request, as mergedQuery asks for it.
type mergedPull struct {
	Number                               int
	Title, URL, BaseRefName, HeadRefName string
	MergedAt                             time.Time
	Additions, Deletions, ChangedFiles   int
	MergedBy, Author                     *graphActor
	Labels                               struct{ Nodes []struct{ Name string } }
	MergeCommit                          *struct{ OID string }
	Repository                           struct {
		NameWithOwner    string
		IsPrivate        bool
		DefaultBranchRef *struct{ Name string }
	}
}

// FindMerged returns the pull requests that were merged into the default branches of the incident's
// owner's repositories, without their files. It takes one call for a hundred.
func (a *App) FindMerged(ctx context.Context, s ports.ChangeSpan) (found ports.MergedPulls, err error) {
	c, err := a.ownerClient(ctx, changes, s.Ref)
	if err != nil {
		return found, err
	}
	where := "user:" + s.Ref.Owner // also an organisation
	if len(s.Repos) == 1 {         // GitHub wants all of several to fit, so several are chosen from here
		where = "repo:" + s.Repos[0]
	}
	variables := map[string]any{"owner": s.Ref.Owner, "name": s.Ref.Repo,
		"q": fmt.Sprintf("%s is:pr is:merged merged:%s..%s sort:updated-desc", where,
			s.From.UTC().Format(time.RFC3339), s.Until.Add(clockTolerance).UTC().Format(time.RFC3339))}
	for range mostMergedPages {
		var page struct {
			Repository *struct{ IsPrivate bool }
			Search     struct {
				PageInfo struct {
					HasNextPage bool
					EndCursor   string
				}
				Nodes []mergedPull
			}
		}
		partial, err := query(ctx, c, mergedQuery, variables, &page)
		if err == nil && len(partial) > 0 && page.Search.Nodes == nil {
			err = fmt.Errorf("GraphQL: %s", partial[0].Message)
		}
		if err != nil {
			return found, describeError("search for merged pull requests", s.Ref.Owner, err)
		}
		found.IsPublic = page.Repository == nil || !page.Repository.IsPrivate // nil: who reads it isn't known
		for _, p := range page.Search.Nodes {
			isMeant := len(s.Repos) == 0 || naming.Contains(s.Repos, p.Repository.NameWithOwner)
			if isMeant && isCandidate(p, s.Ref) && !(found.IsPublic && p.Repository.IsPrivate) {
				found.Pulls = append(found.Pulls, p.change())
			}
		}
		if !page.Search.PageInfo.HasNextPage {
			break
		}
		variables["after"] = page.Search.PageInfo.EndCursor
	}
	return found, nil
}

// clockTolerance is how far GitHub's clock and that of an alert may be apart.
const clockTolerance = 2 * time.Minute

// isCandidate reports whether a pull request may have hurt: it went into the default branch, and is no
// postmortem.
func isCandidate(p mergedPull, of incident.Ref) bool {
	r := p.Repository
	isPostmortem := naming.Equal(r.NameWithOwner, of.FullName()) && strings.HasPrefix(p.HeadRefName, "postmortem/")
	return r.DefaultBranchRef != nil && p.BaseRefName == r.DefaultBranchRef.Name && !isPostmortem
}

// reverting is the branch of a pull request that GitHub's own button makes.
var reverting = lazily.Compile(`^revert-(\d+)-`)

// dependencyBots keep dependencies up to date.
var dependencyBots = []string{"dependabot", "dependabot[bot]", "renovate", "renovate[bot]", "dependabot-preview"}

func (p mergedPull) change() suspect.Change {
	repo := p.Repository.NameWithOwner
	c := suspect.Change{Kind: suspect.Pull, Ref: fmt.Sprintf("%s#%d", repo, p.Number), Repo: repo, Title: p.Title,
		URL: p.URL, Merged: p.MergedAt, Lines: p.Additions + p.Deletions, By: personOf(p.MergedBy, p.Author)}
	for _, l := range p.Labels.Nodes {
		c.Labels = append(c.Labels, l.Name)
	}
	if p.MergeCommit != nil {
		c.Commit = p.MergeCommit.OID
	}
	if m := reverting.FindStringSubmatch(p.HeadRefName); m != nil {
		c.Reverts = repo + "#" + m[1]
	}
	if p.Author != nil && naming.Contains(dependencyBots, p.Author.Login) ||
		slices.ContainsFunc(c.Labels, func(l string) bool { return naming.Equal(l, "dependencies") }) {
		c.Kind = suspect.Dependency
	}
	c.RevertedBefore = strings.HasPrefix(p.Title, "Reapply ") || strings.HasPrefix(p.Title, `Revert "Revert `)
	return c
}

// personOf returns the first of some that is a person, or else the first: a merge queue merges for
// whoever wrote it.
func personOf(actors ...*graphActor) string {
	first := ""
	for _, by := range actors {
		if by == nil {
			continue
		}
		if by.Type != "Bot" {
			return by.Login
		}
		if first == "" {
			first = by.Login
		}
	}
	return first
}

// ReadChanges reads the files of some pull requests, and what was deployed, released, pushed to
// watched paths and run in some repositories. It takes one call, and one for each of the first
// repositories whose workflow runs may be read.
func (a *App) ReadChanges(ctx context.Context, d ports.ChangeDetails) (ports.FoundChanges, error) {
	w := deployed
	if a.isUngranted(d.Ref.Owner) {
		w = changes
	}
	found, err := a.readChanges(ctx, w, d)
	if isNotGranted(err) && w.name == deployed.name {
		a.noteUngranted(d.Ref.Owner)
		found, err = a.readChanges(ctx, changes, d)
	}
	if err != nil {
		return ports.FoundChanges{}, describeError("read what changed", d.Ref.Owner, err)
	}
	return found, nil
}

func (a *App) readChanges(ctx context.Context, w scope, d ports.ChangeDetails) (ports.FoundChanges, error) {
	c, err := a.ownerClient(ctx, w, d.Ref)
	if err != nil {
		return ports.FoundChanges{}, err
	}
	hasDeployments := w.name == deployed.name
	text, variables := detailsQuery(d, hasDeployments)
	answer := map[string]*repositoryChanges{}
	if _, err := query(ctx, c, text, variables, &answer); err != nil {
		return ports.FoundChanges{}, err
	}
	found := ports.FoundChanges{}
	files := map[string][]string{} // by the pull request's Ref
	for _, key := range slices.Sorted(maps.Keys(answer)) {
		r := answer[key]
		if r == nil || d.IsPublic && r.IsPrivate { // nil: it is gone, or the App does not have it
			continue
		}
		maps.Copy(files, r.files())
		found.Changes = append(found.Changes, r.changes(d)...)
	}
	for _, p := range d.Pulls {
		p.Files = files[p.Ref]
		found.Changes = append(found.Changes, p)
	}
	if !hasDeployments {
		return found, nil
	}
	for _, repo := range d.Repos[:min(runsOf, len(d.Repos))] {
		runs, err := readRuns(ctx, c, repo, d)
		if err != nil {
			found.Unread = append(found.Unread, "workflow runs of "+repo)
			continue // the rest is known
		}
		found.Changes = append(found.Changes, runs...)
	}
	return found, nil
}

// isUngranted reports whether an owner's installation lacks the permissions for deployments, or others that
// it is asked by.
func (a *App) isUngranted(owner string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, ok := a.ungranted[naming.Key(owner)]
	return ok && a.o.Now().Sub(at) < ungrantedFor
}

func (a *App) noteUngranted(owner string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ungranted[naming.Key(owner)] = a.o.Now()
}

// workflowRun is a run of a workflow, as GitHub lists it.
type workflowRun struct {
	Name       string    `json:"name"`
	Title      string    `json:"display_title"`
	URL        string    `json:"html_url"`
	Number     int       `json:"run_number"`
	Commit     string    `json:"head_sha"`
	Event      string    `json:"event"`
	Conclusion string    `json:"conclusion"`
	Updated    time.Time `json:"updated_at"`
	Actor      *struct {
		Login string `json:"login"`
	} `json:"triggering_actor"`
}

// readRuns returns the workflow runs that somebody, a schedule or another system started on the
// default branch: those of a push came with what was pushed.
// https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-repository
func readRuns(ctx context.Context, c *github.Client, repo string, d ports.ChangeDetails) ([]suspect.Change, error) {
	owner, name, _ := naming.SplitRepository(repo)
	path := repoPath(incident.Ref{Owner: owner, Repo: name}) + "/actions/runs?" + url.Values{
		"status": {"success"}, "per_page": {"50"}, "exclude_pull_requests": {"true"},
		"created": {d.From.UTC().Format(time.RFC3339) + ".." + d.Until.UTC().Format(time.RFC3339)},
	}.Encode()
	var page struct {
		Runs []workflowRun `json:"workflow_runs"`
	}
	if _, err := call(ctx, c, http.MethodGet, path, nil, &page); err != nil {
		return nil, err
	}
	var all []suspect.Change
	for _, r := range page.Runs {
		if r.Event != "workflow_dispatch" && r.Event != "repository_dispatch" && r.Event != "schedule" {
			continue
		}
		one := suspect.Change{Kind: suspect.Workflow, Ref: repo + "@" + strconv.Itoa(r.Number), Repo: repo,
			Title: r.Name, URL: r.URL, Live: r.Updated, Commit: r.Commit}
		if r.Actor != nil {
			one.By = r.Actor.Login
		}
		all = append(all, one)
	}
	return all, nil
}
