package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// running: the team's own workflows, which people start by a command.
var running = scope{"running", github.InstallationPermissions{Actions: write}, false, nil}

// mostRunsRead is how many runs of a workflow are read, the newest first: those of a few minutes.
const mostRunsRead = 100

// dispatchedRun is a run as REST shows it.
type dispatchedRun struct {
	ID         int64     `json:"id"`
	Event      string    `json:"event"`
	HTMLURL    string    `json:"html_url"`
	Status     string    `json:"status"`
	Conclusion string    `json:"conclusion"`
	Created    time.Time `json:"created_at"`
	Updated    time.Time `json:"updated_at"`
	Actor      *user     `json:"actor"`
}

func (w dispatchedRun) port() ports.Run {
	return ports.Run{ID: w.ID, URL: w.HTMLURL, Status: w.Status, Outcome: w.Conclusion, Created: w.Created.UTC(),
		Updated: w.Updated.UTC()}
}

// workflowPath is the address of a workflow.
func workflowPath(repo incident.Ref, file string) string {
	return repoPath(repo) + "/actions/workflows/" + url.PathEscape(file)
}

// DefaultBranch returns the name of a repository's default branch. It implements engine.GitHub.
func (a *App) DefaultBranch(ctx context.Context, repo incident.Ref) (string, error) {
	c, err := a.clientOf(ctx, running, repo)
	if err != nil {
		return "", err
	}
	r, _, err := c.Repositories.Get(ctx, repo.Owner, repo.Repo)
	if err != nil {
		return "", describeError("read the default branch", repo.FullName(), err)
	}
	return r.GetDefaultBranch(), requireFields("read the default branch", repo.FullName(),
		field{"default_branch", r.GetDefaultBranch() != ""})
}

// StartRun starts a workflow. It implements engine.GitHub.
// https://docs.github.com/en/rest/actions/workflows#create-a-workflow-dispatch-event
func (a *App) StartRun(ctx context.Context, r ports.NewRun) (ports.Run, error) {
	c, err := a.clientOf(ctx, running, r.Repo)
	if err != nil {
		return ports.Run{}, err
	}
	asked := struct {
		Ref     string            `json:"ref"`
		Inputs  map[string]string `json:"inputs,omitempty"`
		Details bool              `json:"return_run_details"`
	}{r.Branch, r.Inputs, true}
	// a server from before that answers 204 and says nothing
	var started struct {
		ID      int64  `json:"workflow_run_id"`
		HTMLURL string `json:"html_url"`
	}
	if _, err := call(ctx, c, http.MethodPost, workflowPath(r.Repo, r.File)+"/dispatches", asked, &started); err != nil {
		return ports.Run{}, describeError("start "+r.File, r.Repo.FullName(), err)
	}
	return ports.Run{ID: started.ID, URL: started.HTMLURL}, nil
}

// FindRuns returns the runs of a workflow that the app started since a time, the oldest first. It
// implements engine.GitHub.
func (a *App) FindRuns(ctx context.Context, repo incident.Ref, file string, since time.Time) ([]ports.Run, error) {
	c, err := a.clientOf(ctx, running, repo)
	if err != nil {
		return nil, err
	}
	me, err := a.Login(ctx)
	if err != nil {
		return nil, err
	}
	query := url.Values{"event": {"workflow_dispatch"}, "actor": {me},
		"created": {">=" + since.UTC().Format(time.RFC3339)}, "per_page": {fmt.Sprint(mostRunsRead)}}
	var page struct {
		Runs []dispatchedRun `json:"workflow_runs"`
	}
	if _, err := call(ctx, c, http.MethodGet, workflowPath(repo, file)+"/runs?"+query.Encode(), nil, &page); err != nil {
		return nil, describeError("look for runs of "+file, repo.FullName(), err)
	}
	var found []ports.Run
	for _, run := range slices.Backward(page.Runs) {
		isOurs := run.Actor != nil && naming.Equal(run.Actor.Login, me) && run.Event == "workflow_dispatch"
		if isOurs && !run.Created.Before(since.Truncate(time.Second)) && run.ID != 0 {
			found = append(found, run.port())
		}
	}
	return found, nil
}

// ReadRun reads how a run is. It implements engine.GitHub.
func (a *App) ReadRun(ctx context.Context, repo incident.Ref, id int64) (ports.Run, error) {
	c, err := a.clientOf(ctx, running, repo)
	if err != nil {
		return ports.Run{}, err
	}
	var run dispatchedRun
	path := fmt.Sprintf("%s/actions/runs/%d", repoPath(repo), id)
	if _, err := call(ctx, c, http.MethodGet, path, nil, &run); err != nil {
		return ports.Run{}, describeError("read a run", fmt.Sprintf("%s, run %d", repo.FullName(), id), err)
	}
	return run.port(), requireFields("read a run", repo.FullName(), field{"status", run.Status != ""})
}

// RunsURL returns where people see the runs of a workflow. It implements engine.GitHub.
func (a *App) RunsURL(repo incident.Ref, file string) string {
	return a.web() + "/" + repo.FullName() + "/actions/workflows/" + url.PathEscape(file)
}
