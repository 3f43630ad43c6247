package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// gating: deployments that wait for the App's word.
var gating = scope{"gating", github.InstallationPermissions{Actions: read, Deployments: write}, false, nil}

// WaitingGates returns the deployments of a repository that wait for the App's word. It implements engine.GitHub.
// https://docs.github.com/en/rest/actions/workflow-runs#get-pending-deployments-for-a-workflow-run
func (a *App) WaitingGates(ctx context.Context, repo incident.Ref, known []incident.HeldDeploy) (
	found []ports.Gate, err error) {
	c, err := a.clientOf(ctx, gating, repo)
	if err != nil {
		return nil, err
	}
	me, err := a.Login(ctx)
	if err != nil {
		return nil, err
	}
	var page struct {
		Runs []waitingRun `json:"workflow_runs"`
	}
	path := repoPath(repo) + "/actions/runs?status=waiting&per_page=100"
	if _, err := call(ctx, c, http.MethodGet, path, nil, &page); err != nil {
		return nil, describeError("list the runs that wait", repo.FullName(), err)
	}
	isOurs := map[string]bool{} // by the name of an environment
	for _, run := range page.Runs {
		before := len(found)
		for _, k := range known {
			if k.Run == run.ID {
				gate := run.port(repo, k.Environment, me)
				gate.IsKnown = true
				found = append(found, gate)
			}
		}
		if len(found) > before {
			continue
		}
		var pending []struct {
			Environment struct{ Name string }
		}
		path := fmt.Sprintf("%s/actions/runs/%d/pending_deployments", repoPath(repo), run.ID)
		if _, err := call(ctx, c, http.MethodGet, path, nil, &pending); err != nil {
			return found, describeError("list what a run waits for", fmt.Sprintf("%s, run %d", repo.FullName(), run.ID), err)
		}
		for _, p := range pending {
			name := p.Environment.Name
			is, known := isOurs[name]
			if !known {
				if is, err = a.hasGate(ctx, c, repo, name); err != nil {
					return found, err
				}
				isOurs[name] = is
			}
			if is {
				found = append(found, run.port(repo, name, me))
			}
		}
	}
	return found, nil
}

// ReadGate reads what a run deploys, of which a webhook told. It implements engine.GitHub.
// https://docs.github.com/en/rest/actions/workflow-runs#get-a-workflow-run
func (a *App) ReadGate(ctx context.Context, repo incident.Ref, run int64, environment string) (ports.Gate, error) {
	c, err := a.clientOf(ctx, gating, repo)
	if err != nil {
		return ports.Gate{}, err
	}
	me, err := a.Login(ctx)
	if err != nil {
		return ports.Gate{}, err
	}
	var is waitingRun
	path := fmt.Sprintf("%s/actions/runs/%d", repoPath(repo), run)
	if _, err := call(ctx, c, http.MethodGet, path, nil, &is); err != nil {
		return ports.Gate{}, describeError("read the run", fmt.Sprintf("%s, run %d", repo.FullName(), run), err)
	}
	return is.port(repo, environment, me), nil
}

// waitingRun is a run as REST shows it.
type waitingRun struct {
	ID    int64  `json:"id"`
	SHA   string `json:"head_sha"`
	Actor *user  `json:"actor"`
}

// port returns what a run deploys. What the app started stays its own, whoever runs it again.
func (w waitingRun) port(repo incident.Ref, environment, me string) ports.Gate {
	return ports.Gate{Repo: repo, Run: w.ID, Environment: environment, Commit: w.SHA,
		IsOwn: w.Actor != nil && naming.Equal(w.Actor.Login, me)}
}

// mostEnvironments bounds of how many environments the rules are read.
const mostEnvironments = 30

// GatedEnvironments returns the environments of a repository whose deployments wait for the App's word. It implements
// engine.GitHub.
// https://docs.github.com/en/rest/deployments/environments#list-environments
func (a *App) GatedEnvironments(ctx context.Context, repo incident.Ref) (found []string, err error) {
	c, err := a.clientOf(ctx, gating, repo)
	if err != nil {
		return nil, err
	}
	var page struct {
		Environments []struct{ Name string } `json:"environments"`
	}
	path := repoPath(repo) + "/environments?per_page=100"
	if _, err := call(ctx, c, http.MethodGet, path, nil, &page); err != nil {
		return nil, describeError("list the environments", repo.FullName(), err)
	}
	for _, e := range page.Environments[:min(len(page.Environments), mostEnvironments)] {
		is, err := a.hasGate(ctx, c, repo, e.Name)
		if err != nil {
			return found, err
		}
		if is {
			found = append(found, e.Name)
		}
	}
	return found, nil
}

// hasGate reports whether an environment has a rule of the App.
// https://docs.github.com/en/rest/deployments/protection-rules#get-all-deployment-protection-rules-for-an-environment
func (a *App) hasGate(ctx context.Context, c *github.Client, repo incident.Ref, environment string) (bool, error) {
	var all struct {
		Rules []struct {
			Enabled bool `json:"enabled"`
			App     struct {
				ID int64 `json:"id"`
			} `json:"app"`
		} `json:"custom_deployment_protection_rules"`
	}
	path := repoPath(repo) + "/environments/" + url.PathEscape(environment) + "/deployment_protection_rules"
	if _, err := call(ctx, c, http.MethodGet, path, nil, &all); isStatus(err, http.StatusNotFound) {
		return false, nil
	} else if err != nil {
		return false, describeError("list the protection rules", repo.FullName()+", "+environment, err)
	}
	for _, rule := range all.Rules {
		if rule.Enabled && rule.App.ID == a.o.AppID {
			return true, nil
		}
	}
	return false, nil
}

// AnswerGate says the App's word: approved or rejected, or with no state a comment alone, with which it goes on
// waiting. It implements engine.GitHub.
// https://docs.github.com/en/rest/actions/workflow-runs#review-custom-deployment-protection-rules-for-a-workflow-run
func (a *App) AnswerGate(ctx context.Context, g ports.Gate, state, comment string) error {
	c, err := a.clientOf(ctx, gating, g.Repo)
	if err != nil {
		return err
	}
	in := map[string]string{"environment_name": g.Environment, "comment": comment}
	if state != "" {
		in["state"] = state
	}
	path := fmt.Sprintf("%s/actions/runs/%d/deployment_protection_rule", repoPath(g.Repo), g.Run)
	if _, err := call(ctx, c, http.MethodPost, path, in, nil); err != nil {
		where := fmt.Sprintf("%s, run %d", g.Repo.FullName(), g.Run)
		return describeError("answer a deployment to "+g.Environment, where, err)
	}
	return nil
}

// MergedHeads returns the heads of the pull requests that a commit merged. It implements engine.GitHub.
// https://docs.github.com/en/rest/commits/commits#list-pull-requests-associated-with-a-commit
func (a *App) MergedHeads(ctx context.Context, repo incident.Ref, commit string) (heads []string, err error) {
	c, err := a.clientOf(ctx, waiting, repo)
	if err != nil {
		return nil, err
	}
	all, _, err := c.PullRequests.ListPullRequestsWithCommit(ctx, repo.Owner, repo.Repo, commit, nil)
	if err != nil {
		return nil, describeError("look what a commit merged", repo.FullName()+"@"+commit, err)
	}
	for _, p := range all {
		if !p.GetMergedAt().IsZero() && p.GetMergeCommitSHA() == commit {
			heads = append(heads, p.GetHead().GetSHA())
		}
	}
	return heads, nil
}

// gatedQuery lists the newest deployments of all repositories of an account.
const gatedQuery = `query($login: String!, $after: String) {
  repositoryOwner(login: $login) {
    repositories(first: 100, after: $after) {
      nodes {
        nameWithOwner
        deployments(first: 50, orderBy: {field: CREATED_AT, direction: DESC}) { nodes { state } }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}`

// WaitingRepositories returns the repositories of an account in which some deployment waits, at one call for 100
// repositories.
func (a *App) WaitingRepositories(ctx context.Context, inst Installation) (found []incident.Ref, err error) {
	c, err := a.installationClient(inst.ID, fmt.Sprintf("installation %d, deployments that wait", inst.ID),
		scope{"gates", github.InstallationPermissions{Deployments: read}, false, nil}, nil, nil, nil)
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
						Deployments   struct{ Nodes []struct{ State string } }
					}
					PageInfo struct {
						HasNextPage bool
						EndCursor   string
					}
				}
			}
		}
		if _, err := query(ctx, c, gatedQuery, variables, &answer); err != nil {
			return found, describeError("look for deployments that wait", inst.Owner, err)
		}
		if answer.RepositoryOwner == nil {
			return found, nil
		}
		page := answer.RepositoryOwner.Repositories
		for _, r := range page.Nodes {
			owner, name, ok := naming.SplitRepository(r.NameWithOwner)
			for _, d := range r.Deployments.Nodes {
				if ok && d.State == "WAITING" {
					found = append(found, incident.Ref{Owner: owner, Repo: name})
					break
				}
			}
		}
		if !page.PageInfo.HasNextPage {
			return found, nil
		}
		variables["after"] = page.PageInfo.EndCursor
	}
}
