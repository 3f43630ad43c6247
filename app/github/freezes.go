package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/naming"
)

var (
	// freezing: the rulesets by which a repository is frozen.
	freezing = scope{"freezing", github.InstallationPermissions{Administration: write}, false, nil}
	// marking: what is said of commits that wait, or are let through.
	marking = scope{"marking", github.InstallationPermissions{Statuses: write}, false, nil}
	// waiting: which pull requests wait, with which commits, and by which rulesets.
	waiting = scope{"waiting", github.InstallationPermissions{Contents: read, PullRequests: read}, false, nil}
)

// ruleset is a ruleset as REST shows it.
type ruleset struct {
	ID          int64     `json:"id"`
	Name        string    `json:"name"`
	Target      string    `json:"target"`
	Enforcement string    `json:"enforcement"`
	Created     time.Time `json:"created_at"`
	Links       struct {
		HTML *struct {
			Href string `json:"href"`
		} `json:"html"`
	} `json:"_links"`
	Conditions struct {
		RefName struct {
			Include []string `json:"include"`
			Exclude []string `json:"exclude"`
		} `json:"ref_name"`
	} `json:"conditions"`
	Rules []struct {
		Type       string `json:"type"`
		Parameters struct {
			Required []requiredStatus `json:"required_status_checks"`
		} `json:"parameters"`
	} `json:"rules"`
}

// requiredStatus is a status that a commit needs to be merged, and the App that has to write it.
type requiredStatus struct {
	Context     string `json:"context"`
	Integration int64  `json:"integration_id,omitempty"`
}

// port returns what a ruleset says, if it freezes the repository.
func (a *App) port(repo incident.Ref, s ruleset) (f ports.Freeze, ok bool) {
	f, ok = ports.ReadFreeze(s.Name)
	f.Repo, f.ID, f.Created, f.IsActive = repo, s.ID, s.Created.UTC(), s.Enforcement == "active"
	f.URL = fmt.Sprintf("%s/%s/rules/%d", a.web(), repo.FullName(), s.ID)
	if s.Links.HTML != nil && s.Links.HTML.Href != "" {
		f.URL = s.Links.HTML.Href
	}
	return f, ok && s.ID != 0
}

// holds reports whether a ruleset holds what a freeze of ours holds.
func (s ruleset) holds(f ports.Freeze, app int64) bool {
	ref := s.Conditions.RefName
	isBranch := len(ref.Include) == 1 && ref.Include[0] == "~DEFAULT_BRANCH" && len(ref.Exclude) == 0
	for _, rule := range s.Rules {
		for _, status := range rule.Parameters.Required {
			if status.Context == f.Context() && status.Integration == app {
				return isBranch
			}
		}
	}
	return false
}

// FindFreezes returns the rulesets of a repository that freeze it. It implements engine.GitHub.
// https://docs.github.com/en/rest/repos/rules#get-all-repository-rulesets
func (a *App) FindFreezes(ctx context.Context, repo incident.Ref) (found []ports.Freeze, err error) {
	c, err := a.clientOf(ctx, waiting, repo)
	if err != nil {
		return nil, err
	}
	var all []ruleset
	path := repoPath(repo) + "/rulesets?includes_parents=false&per_page=100" // a repository has 75 at most
	if _, err := call(ctx, c, http.MethodGet, path, nil, &all); err != nil {
		return nil, describeError("list the rulesets", repo.FullName(), err)
	}
	for _, s := range all {
		if f, ok := a.port(repo, s); ok {
			found = append(found, f)
		}
	}
	return found, nil
}

// ReadFreeze reads one ruleset that freezes a repository; ok is false if there is none. It implements
// engine.GitHub.
// https://docs.github.com/en/rest/repos/rules#get-a-repository-ruleset
func (a *App) ReadFreeze(ctx context.Context, repo incident.Ref, id int64) (f ports.Freeze, ok bool, err error) {
	c, err := a.clientOf(ctx, waiting, repo)
	if err != nil {
		return ports.Freeze{}, false, err
	}
	var s ruleset
	if _, err := call(ctx, c, http.MethodGet, rulesetPath(repo, id), nil, &s); isStatus(err, http.StatusNotFound) {
		return ports.Freeze{}, false, a.isThere(ctx, c, repo)
	} else if err != nil {
		return ports.Freeze{}, false, describeError("read the ruleset", fmt.Sprintf("%s, %d", repo.FullName(), id), err)
	}
	if f, ok = a.port(repo, s); !ok {
		return ports.Freeze{}, false, nil // somebody made something else of it
	}
	f.IsAltered = !s.holds(f, a.o.AppID)
	return f, true, nil
}

// isThere returns an error unless the repository can be seen: else that nothing is found there says nothing.
func (a *App) isThere(ctx context.Context, c *github.Client, repo incident.Ref) error {
	if _, _, err := c.Repositories.Get(ctx, repo.Owner, repo.Repo); err != nil {
		return describeError("look for the repository", repo.FullName(), err)
	}
	return nil
}

func rulesetPath(repo incident.Ref, id int64) string {
	return fmt.Sprintf("%s/rulesets/%d", repoPath(repo), id)
}

// isStatus reports whether GitHub answered with a status.
func isStatus(err error, status int) bool {
	var answer *github.ErrorResponse
	return errors.As(err, &answer) && answer.Response != nil && answer.Response.StatusCode == status
}

// SaveFreeze makes a ruleset that freezes a repository, or sets another end for the one of that id. It implements
// engine.GitHub.
//
// The rule requires a status that the App alone may write. So whatever would get into the default branch, a merge, a
// push, a merge queue or a button, is refused without it; an exception is that status on one commit. "Restrict
// updates" would need people who may bypass it, and who bypasses it leaves no reason.
// https://docs.github.com/en/rest/repos/rules#create-a-repository-ruleset
func (a *App) SaveFreeze(ctx context.Context, f ports.Freeze) (ports.Freeze, error) {
	c, err := a.rulesetClient(ctx, f.Repo)
	if err != nil {
		return ports.Freeze{}, err
	}
	where := fmt.Sprintf("%s for %s", f.Repo.FullName(), f.Holder)
	method, path := http.MethodPost, repoPath(f.Repo)+"/rulesets"
	if f.ID != 0 {
		method, path = http.MethodPut, rulesetPath(f.Repo, f.ID)
	}
	var s ruleset
	for _, name := range []string{f.Name(), f.ShortName()} { // GitHub may find the first one too long
		_, err = call(ctx, c, method, path, freezeRules(f, name, a.o.AppID), &s)
		if !isStatus(err, http.StatusUnprocessableEntity) {
			break
		}
		if there, ok := a.findFreeze(ctx, f); ok {
			return there, nil
		}
		if isNameTaken(err) {
			return ports.Freeze{}, fmt.Errorf("freeze (%s): %w: its list of rulesets lacks one of that name: %w", where,
				ports.ErrUnavailable, err)
		}
	}
	if err != nil {
		return ports.Freeze{}, describeError("freeze", where, a.explainFreezer(err))
	}
	made, ok := a.port(f.Repo, s)
	if !ok || !made.IsActive {
		return ports.Freeze{}, fmt.Errorf("freeze (%s): GitHub made the ruleset %d of another name or not active", where,
			s.ID)
	}
	return made, nil
}

// isNameTaken reports whether GitHub refuses the name of a ruleset because another has it, in words that it does not
// document.
func isNameTaken(err error) bool { return strings.Contains(err.Error(), "must be unique") }

// findFreeze returns an active ruleset of the same holder and end: what another process made just now. GitHub takes a
// name only once in a repository, and does not document that, nor how long a name may be.
func (a *App) findFreeze(ctx context.Context, f ports.Freeze) (ports.Freeze, bool) {
	all, err := a.FindFreezes(ctx, f.Repo)
	i := slices.IndexFunc(all, func(o ports.Freeze) bool {
		return err == nil && o.IsActive && naming.Equal(o.Holder, f.Holder) && o.Until.Equal(f.Until)
	})
	if i < 0 {
		return ports.Freeze{}, false
	}
	return all[i], true
}

// freezeRules is the ruleset of a freeze.
func freezeRules(f ports.Freeze, name string, app int64) map[string]any {
	return map[string]any{
		"name": name, "target": "branch", "enforcement": "active", "bypass_actors": []any{},
		"conditions": map[string]any{"ref_name": map[string]any{"include": []string{"~DEFAULT_BRANCH"},
			"exclude": []string{}}},
		"rules": []any{map[string]any{"type": "required_status_checks", "parameters": map[string]any{
			"strict_required_status_checks_policy": false, "do_not_enforce_on_create": true,
			"required_status_checks": []requiredStatus{{f.Context(), app}},
		}}},
	}
}

// DeleteFreeze deletes a ruleset. One that is gone is fine. It implements engine.GitHub.
// https://docs.github.com/en/rest/repos/rules#delete-a-repository-ruleset
func (a *App) DeleteFreeze(ctx context.Context, repo incident.Ref, id int64) error {
	c, err := a.rulesetClient(ctx, repo)
	if err != nil {
		return err
	}
	_, err = call(ctx, c, http.MethodDelete, rulesetPath(repo, id), nil, nil)
	switch {
	case err == nil, isStatus(err, http.StatusNotFound) && a.remoteFreezer != nil: // it has looked for the repository
		return nil
	case isStatus(err, http.StatusNotFound):
		return a.isThere(ctx, c, repo)
	}
	return describeError("delete the ruleset", fmt.Sprintf("%s, %d", repo.FullName(), id), a.explainFreezer(err))
}

// waitingQuery lists the pull requests of which some may wait.
const waitingQuery = `query($owner: String!, $name: String!, $after: String) {
  repository(owner: $owner, name: $name) {
    defaultBranchRef { name }
    pullRequests(states: OPEN, first: 100, after: $after, orderBy: {field: UPDATED_AT, direction: DESC}) {
      nodes {
        number headRefOid baseRefName autoMergeRequest { enabledAt } mergeQueueEntry { position headCommit { oid } }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}`

// mostWaitingPages bounds what is read of the open pull requests, the newest first.
const mostWaitingPages = 5

// WaitingPulls returns the open pull requests that have auto-merge or are in the merge queue. It implements
// engine.GitHub.
func (a *App) WaitingPulls(ctx context.Context, repo incident.Ref) (found []ports.WaitingPull, err error) {
	c, err := a.clientOf(ctx, waiting, repo)
	if err != nil {
		return nil, err
	}
	variables := map[string]any{"owner": repo.Owner, "name": repo.Repo, "after": nil}
	var queue map[int]ports.WaitingPull // nil: as the pull requests say
	for range mostWaitingPages {
		var answer struct {
			Repository *struct {
				DefaultBranchRef *struct{ Name string }
				PullRequests     struct {
					Nodes []struct {
						Number                  int
						HeadRefOid, BaseRefName string
						AutoMergeRequest        *struct{ EnabledAt *time.Time }
						MergeQueueEntry         *struct {
							Position   int
							HeadCommit *struct{ Oid string }
						}
					}
					PageInfo struct {
						HasNextPage bool
						EndCursor   string
					}
				}
			}
		}
		unseen, err := query(ctx, c, waitingQuery, variables, &answer)
		if err != nil {
			return nil, describeError("list what waits to be merged", repo.FullName(), err)
		}
		r := answer.Repository
		if r == nil || r.DefaultBranchRef == nil {
			return found, nil
		}
		if queue == nil && slices.ContainsFunc(unseen, isOfQueue) {
			if queue, err = a.queueByRefs(ctx, c, repo, r.DefaultBranchRef.Name); err != nil {
				return nil, err
			}
		}
		for _, p := range r.PullRequests.Nodes {
			entry := p.MergeQueueEntry
			w := ports.WaitingPull{Number: p.Number, Head: p.HeadRefOid, Place: queue[p.Number].Place,
				Group: queue[p.Number].Group}
			if entry != nil {
				w.Place = entry.Position
				if entry.HeadCommit != nil {
					w.Group = entry.HeadCommit.Oid
				}
			}
			if p.BaseRefName != r.DefaultBranchRef.Name || w.Place == 0 && p.AutoMergeRequest == nil {
				continue
			}
			found = append(found, w)
		}
		if !r.PullRequests.PageInfo.HasNextPage {
			return found, nil
		}
		variables["after"] = r.PullRequests.PageInfo.EndCursor
	}
	return found, nil
}

// isOfQueue reports whether GitHub does not show the merge queue: it has a permission of its own, merge_queues, of
// which nothing says that this query takes it.
func isOfQueue(e graphError) bool {
	return slices.ContainsFunc(e.Path, func(at any) bool { return at == "mergeQueueEntry" })
}

// queueBranch names what a merge queue is about to merge: the base's name, the pull request and the commit on which
// it is made.
var queueBranch = lazily.Compile(`^refs/heads/gh-readonly-queue/(.+)/pr-(\d{1,9})-([0-9a-f]{40,64})$`)

// queueByRefs reads a merge queue from the branches that it makes, which who may read the repository sees. Each is made
// on the one before it, and the first on the tip of the base. What has no branch yet has no commit to judge.
// https://docs.github.com/en/rest/git/refs#list-matching-references
func (a *App) queueByRefs(ctx context.Context, c *github.Client, repo incident.Ref,
	base string) (map[int]ports.WaitingPull, error) {
	options := &github.ReferenceListOptions{Ref: "heads/gh-readonly-queue/" + base + "/",
		ListOptions: github.ListOptions{PerPage: 100}}
	refs, _, err := c.Git.ListMatchingRefs(ctx, repo.Owner, repo.Repo, options)
	if err != nil {
		return nil, describeError("list the branches of the merge queue", repo.FullName(), err)
	}
	type entry struct {
		number int
		commit string
	}
	on := map[string]entry{} // by the commit on which each is made
	made := map[string]bool{}
	for _, ref := range refs {
		at := queueBranch.FindStringSubmatch(ref.GetRef())
		if at == nil || at[1] != base {
			continue
		}
		number, _ := strconv.Atoi(at[2])
		on[at[3]] = entry{number, ref.GetObject().GetSHA()}
		made[ref.GetObject().GetSHA()] = true
	}
	queue := map[int]ports.WaitingPull{}
	for first := range on {
		if made[first] {
			continue // it is not the first
		}
		for at, place := first, 1; ; place++ {
			next, ok := on[at]
			if !ok {
				break
			}
			queue[next.number] = ports.WaitingPull{Number: next.number, Place: place, Group: next.commit}
			delete(on, at)
			at = next.commit
		}
	}
	return queue, nil
}

// ReadHead returns the commit that a pull request would bring, and whether it is open. It implements engine.GitHub.
func (a *App) ReadHead(ctx context.Context, ref incident.Ref) (head string, isOpen bool, err error) {
	c, err := a.clientOf(ctx, waiting, ref)
	if err != nil {
		return "", false, err
	}
	p, _, err := c.PullRequests.Get(ctx, ref.Owner, ref.Repo, ref.Number)
	if err != nil {
		return "", false, describeError("read the pull request", ref.String(), err)
	}
	return p.GetHead().GetSHA(), p.GetState() == "open", requireFields("read the pull request", ref.String(),
		field{"head", p.GetHead().GetSHA() != ""})
}

// StatusOf returns the state of the App's newest status of a context; "" if there is none. Others may write one of that
// name too. It implements engine.GitHub.
// https://docs.github.com/en/rest/commits/statuses#list-commit-statuses-for-a-reference
func (a *App) StatusOf(ctx context.Context, repo incident.Ref, commit, of string) (string, error) {
	c, err := a.clientOf(ctx, marking, repo)
	if err != nil {
		return "", err
	}
	login, err := a.Login(ctx)
	if err != nil {
		return "", err
	}
	all, _, err := c.Repositories.ListStatuses(ctx, repo.Owner, repo.Repo, commit, &github.ListOptions{PerPage: 100})
	if err != nil {
		return "", describeError("read the statuses", repo.FullName()+"@"+commit, err)
	}
	for _, s := range all { // the newest first
		if s.GetContext() == of && naming.Equal(s.GetCreator().GetLogin(), login) {
			return s.GetState(), nil
		}
	}
	return "", nil
}

// SetStatus says something of a commit. It implements engine.GitHub.
// https://docs.github.com/en/rest/commits/statuses#create-a-commit-status
func (a *App) SetStatus(ctx context.Context, repo incident.Ref, commit string, s ports.CommitStatus) error {
	c, err := a.clientOf(ctx, marking, repo)
	if err != nil {
		return err
	}
	status := &github.RepoStatus{State: &s.State, Context: &s.Context, Description: new(s.Short()), TargetURL: &s.URL}
	if _, _, err := c.Repositories.CreateStatus(ctx, repo.Owner, repo.Repo, commit, status); err != nil {
		return describeError("set the status "+s.Context, repo.FullName()+"@"+commit, err)
	}
	return nil
}

// frozenQuery lists the rulesets of all repositories of an account.
const frozenQuery = `query($login: String!, $after: String) {
  repositoryOwner(login: $login) {
    repositories(first: 100, after: $after) {
      nodes {
        nameWithOwner
        rulesets(first: 100, includeParents: false) { nodes { databaseId name enforcement createdAt } }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}`

// AllFreezes returns what freezes any repository of an account, at one call for 100 repositories.
func (a *App) AllFreezes(ctx context.Context, inst Installation) (found []ports.Freeze, err error) {
	c, err := a.readAllClient(inst.ID)
	if err != nil {
		return nil, err
	}
	variables := map[string]any{"login": inst.Owner, "after": nil}
	for {
		var answer struct {
			RepositoryOwner *struct {
				Repositories struct {
					Nodes []struct {
						NameWithOwner string
						Rulesets      *struct {
							Nodes []struct {
								DatabaseID        int64
								Name, Enforcement string
								CreatedAt         time.Time
							}
						}
					}
					PageInfo struct {
						HasNextPage bool
						EndCursor   string
					}
				}
			}
		}
		if _, err := query(ctx, c, frozenQuery, variables, &answer); err != nil {
			return found, describeError("look for frozen repositories", inst.Owner, err)
		}
		if answer.RepositoryOwner == nil {
			return found, nil
		}
		page := answer.RepositoryOwner.Repositories
		for _, r := range page.Nodes {
			owner, name, ok := naming.SplitRepository(r.NameWithOwner)
			if !ok || r.Rulesets == nil {
				continue
			}
			for _, s := range r.Rulesets.Nodes {
				f, ok := a.port(incident.Ref{Owner: owner, Repo: name},
					ruleset{ID: s.DatabaseID, Name: s.Name,
						Enforcement: strings.ToLower(s.Enforcement), Created: s.CreatedAt})
				if ok {
					found = append(found, f)
				}
			}
		}
		if !page.PageInfo.HasNextPage {
			return found, nil
		}
		variables["after"] = page.PageInfo.EndCursor
	}
}

// IncidentEnded reports whether an incident is over, and since when: its issue is closed, or gone. The time is zero
// where it is gone.
func (a *App) IncidentEnded(ctx context.Context, ref incident.Ref) (since time.Time, isOver bool, err error) {
	c, err := a.clientOf(ctx, tickets, ref)
	if err == nil {
		var issue *github.Issue
		if issue, _, err = c.Issues.Get(ctx, ref.Owner, ref.Repo, ref.Number); err == nil {
			return issue.GetClosedAt().UTC(), issue.GetState() == "closed", nil
		}
		err = describeError("look whether it is over", ref.String(), err)
	}
	var refusal *ports.Refusal
	isGone := errors.As(err, &refusal) && (refusal.Status == http.StatusNotFound || refusal.Status == http.StatusGone)
	if isGone && !refusal.NotInstalled { // nobody can say what became of it
		return time.Time{}, true, nil
	}
	return time.Time{}, false, err
}
