package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// changeOperations are those of deployments, releases, workflow runs and custom properties.
func changeOperations() map[string]endpoint {
	const deployment, releases, runs = repoPath + "/deployments/{deployment}", repoPath + "/releases",
		repoPath + "/actions/runs"
	return map[string]endpoint{
		"GET " + repoPath + "/deployments":         listDeployments,
		"POST " + repoPath + "/deployments":        createDeployment,
		"GET " + deployment:                        getDeployment,
		"GET " + deployment + "/statuses":          listDeploymentStatuses,
		"POST " + deployment + "/statuses":         createDeploymentStatus,
		"GET " + deployment + "/statuses/{status}": getDeploymentStatus,
		"GET " + releases:                          listReleases,
		"POST " + releases:                         createRelease,
		"GET " + releases + "/latest":              getLatestRelease,
		"GET " + releases + "/{release}":           getRelease,
		"GET " + releases + "/tags/{tag...}":       getReleaseByTag,
		"GET " + runs:                              listRuns,
		"GET " + runs + "/{run}":                   getRun,
		"GET " + repoPath + "/properties/values":   listProperties,

		"POST " + repoPath + "/actions/workflows/{workflow}/dispatches": dispatchWorkflow,
		"GET " + repoPath + "/actions/workflows/{workflow}/runs":        listRunsOf,
	}
}

// readableBy finds the repository of the path for who may read an area of it.
func (q *request) readableBy(area string) (*forge.Repository, error) {
	r, err := q.repo()
	if err != nil {
		return nil, err
	}
	return r, q.forge.Require(q.by, r, forge.RoleRead, area)
}

// deployment finds the deployment of the path.
func (q *request) deployment() (*forge.Repository, *forge.Deployment, error) {
	r, err := q.readableBy("deployments")
	if err != nil {
		return nil, nil, err
	}
	d, ok := r.FindDeployment(q.id("deployment"))
	if !ok {
		return nil, nil, forge.ErrNotFound
	}
	return r, d, nil
}

func listDeployments(q *request) (int, any, error) {
	r, err := q.readableBy("deployments")
	if err != nil {
		return 0, nil, err
	}
	found := slices.DeleteFunc(slices.Clone(r.Deployments), func(d *forge.Deployment) bool {
		for name, has := range map[string]string{"sha": d.SHA, "ref": d.Ref, "task": d.Task,
			"environment": d.Environment} {
			if asked := q.query(name); asked != "" && asked != "none" && asked != has {
				return true
			}
		}
		return false
	})
	slices.Reverse(found)
	return paged(q, found, func(d *forge.Deployment) fields { return q.views.deploymentView(r, d) })
}

// createDeployment answers 201 always. GitHub refuses a commit whose statuses aren't successful, and
// merges the default branch into one that is behind it; the sandbox does neither.
// https://docs.github.com/en/rest/deployments/deployments#create-a-deployment
func createDeployment(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Ref, Task, Environment, Description string
		Payload                             json.RawMessage
		Transient                           bool  `json:"transient_environment"`
		Production                          *bool `json:"production_environment"`
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	if string(in.Payload) == "null" {
		in.Payload = nil
	}
	d, err := q.forge.CreateDeployment(q.by, r, forge.NewDeployment{Ref: in.Ref, Task: in.Task,
		Environment: in.Environment, Description: in.Description, Payload: in.Payload,
		Transient: in.Transient, Production: in.Production})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, q.views.deploymentView(r, d), nil
}

func getDeployment(q *request) (int, any, error) {
	r, d, err := q.deployment()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.views.deploymentView(r, d), nil
}

func listDeploymentStatuses(q *request) (int, any, error) {
	r, d, err := q.deployment()
	if err != nil {
		return 0, nil, err
	}
	newest := slices.Clone(d.Statuses)
	slices.Reverse(newest)
	return paged(q, newest, func(s *forge.DeploymentStatus) fields {
		return q.views.deploymentStatusView(r, d, s)
	})
}

func createDeploymentStatus(q *request) (int, any, error) {
	r, d, err := q.deployment()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		State, Description, Environment string
		EnvironmentURL                  string `json:"environment_url"`
		LogURL                          string `json:"log_url"`
		TargetURL                       string `json:"target_url"` // an older name of the log's
		AutoInactive                    *bool  `json:"auto_inactive"`
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	if in.LogURL == "" {
		in.LogURL = in.TargetURL
	}
	s, err := q.forge.AddDeploymentStatus(q.by, r, d, forge.NewDeploymentStatus{State: in.State,
		Description: in.Description, Environment: in.Environment, EnvironmentURL: in.EnvironmentURL,
		LogURL: in.LogURL, KeepActive: in.AutoInactive != nil && !*in.AutoInactive})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, q.views.deploymentStatusView(r, d, s), nil
}

func getDeploymentStatus(q *request) (int, any, error) {
	r, d, err := q.deployment()
	if err != nil {
		return 0, nil, err
	}
	for _, s := range d.Statuses {
		if s.ID == q.id("status") {
			return http.StatusOK, q.views.deploymentStatusView(r, d, s), nil
		}
	}
	return 0, nil, forge.ErrNotFound
}

func listReleases(q *request) (int, any, error) {
	r, err := q.readableBy("contents")
	if err != nil {
		return 0, nil, err
	}
	return paged(q, q.forge.VisibleReleases(q.by, r),
		func(o *forge.Release) fields { return q.views.releaseView(r, o) })
}

func createRelease(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Name, Body        string
		Tag               string `json:"tag_name"`
		Target            string `json:"target_commitish"`
		Draft, Prerelease bool
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	o, err := q.forge.CreateRelease(q.by, r, forge.NewRelease{Tag: in.Tag, Target: in.Target, Name: in.Name,
		Body: in.Body, Draft: in.Draft, Prerelease: in.Prerelease})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, q.views.releaseView(r, o), nil
}

func getLatestRelease(q *request) (int, any, error) {
	r, err := q.readableBy("contents")
	if err != nil {
		return 0, nil, err
	}
	return q.release(r, func(o *forge.Release) bool { return o == r.LatestRelease() })
}

func getRelease(q *request) (int, any, error) {
	r, err := q.readableBy("contents")
	if err != nil {
		return 0, nil, err
	}
	return q.release(r, func(o *forge.Release) bool { return o.ID == q.id("release") })
}

func getReleaseByTag(q *request) (int, any, error) {
	r, err := q.readableBy("contents")
	if err != nil {
		return 0, nil, err
	}
	return q.release(r, func(o *forge.Release) bool { return !o.Draft && o.Tag == q.value("tag") })
}

// release answers the release that is meant.
func (q *request) release(r *forge.Repository, isMeant func(*forge.Release) bool) (int, any, error) {
	for _, o := range q.forge.VisibleReleases(q.by, r) {
		if isMeant(o) {
			return http.StatusOK, q.views.releaseView(r, o), nil
		}
	}
	return 0, nil, forge.ErrNotFound
}

func listRuns(q *request) (int, any, error) {
	r, err := q.readableBy("actions")
	if err != nil {
		return 0, nil, err
	}
	found := r.RunsOf(forge.RunQuery{Branch: q.query("branch"), Event: q.query("event"), Actor: q.query("actor"),
		SHA: q.query("head_sha"), Status: q.query("status"), Created: q.query("created")})
	from, to := q.page(len(found))
	return http.StatusOK, fields{"total_count": len(found), "workflow_runs": each(found[from:to],
		func(run *forge.WorkflowRun) fields { return q.views.runView(r, run) })}, nil
}

// listRunsOf lists the runs of one workflow.
func listRunsOf(q *request) (int, any, error) {
	r, err := q.readableBy("actions")
	if err != nil {
		return 0, nil, err
	}
	file, ok := q.forge.WorkflowAt(r, q.value("workflow"))
	if !ok {
		return 0, nil, forge.ErrNotFound
	}
	found := r.RunsOf(forge.RunQuery{Branch: q.query("branch"), Event: q.query("event"), Actor: q.query("actor"),
		SHA: q.query("head_sha"), Status: q.query("status"), Created: q.query("created"), Path: file})
	from, to := q.page(len(found))
	return http.StatusOK, fields{"total_count": len(found), "workflow_runs": each(found[from:to],
		func(run *forge.WorkflowRun) fields { return q.views.runView(r, run) })}, nil
}

// dispatchWorkflow starts a workflow. Since 2025 GitHub says which run it is, where that is asked for, and
// always in newer versions of the API.
func dispatchWorkflow(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Ref     string
		Inputs  map[string]any
		Details *bool `json:"return_run_details"`
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	if in.Ref == "" {
		return 0, nil, forge.MissingField("ref")
	}
	inputs := map[string]string{}
	for name, value := range in.Inputs {
		inputs[name] = fmt.Sprint(value)
	}
	run, err := q.forge.Dispatch(q.by, r, q.value("workflow"), in.Ref, inputs)
	if err != nil {
		return 0, nil, err
	}
	if isAsked := in.Details != nil && *in.Details; !isAsked && q.version == version2022 {
		return http.StatusNoContent, nil, nil
	}
	return http.StatusOK, fields{"workflow_run_id": run.ID, "run_url": q.views.runView(r, run)["url"],
		"html_url": q.forge.RunURL(r, run)}, nil
}

func getRun(q *request) (int, any, error) {
	r, run, err := q.readRun()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.views.runView(r, run), nil
}

// listProperties lists the custom properties that have a value.
func listProperties(q *request) (int, any, error) {
	r, err := q.readableBy("metadata")
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, propertyViews(r), nil
}

// listCommitPulls lists the pull requests that brought a commit.
func listCommitPulls(q *request) (int, any, error) {
	r, c, err := q.commitAt("contents")
	if err == nil {
		err = q.forge.Require(q.by, r, forge.RoleRead, "pull_requests")
	}
	if err != nil {
		return 0, nil, err
	}
	return paged(q, q.forge.PullsWith(r, c.SHA), q.views.pullView)
}
