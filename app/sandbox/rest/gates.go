package rest

import (
	"net/http"
	"slices"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// gateOperations are those of deployment protection rules.
func gateOperations() map[string]endpoint {
	const run = repoPath + "/actions/runs/{run}"
	return map[string]endpoint{
		"POST " + run + "/deployment_protection_rule":                                 answerGate,
		"GET " + run + "/approvals":                                                   listApprovals,
		"GET " + run + "/pending_deployments":                                         listPendingDeployments,
		"GET " + repoPath + "/environments":                                           listEnvironments,
		"GET " + repoPath + "/environments/{environment}/deployment_protection_rules": listProtectionRules,
	}
}

func answerGate(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	run, ok := r.FindRun(q.id("run"))
	if !ok {
		return 0, nil, forge.ErrNotFound
	}
	var in struct {
		Environment string `json:"environment_name"`
		State       string
		Comment     string
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, q.forge.AnswerGate(q.by, r, run, in.Environment, in.State, in.Comment)
}

// readRun returns the run that somebody asks for who may read it.
func (q *request) readRun() (*forge.Repository, *forge.WorkflowRun, error) {
	r, err := q.readableBy("actions")
	if err != nil {
		return nil, nil, err
	}
	run, ok := r.FindRun(q.id("run"))
	if !ok {
		return nil, nil, forge.ErrNotFound
	}
	return r, run, nil
}

func listPendingDeployments(q *request) (int, any, error) {
	r, run, err := q.readRun()
	if err != nil {
		return 0, nil, err
	}
	pending := []fields{}
	for _, g := range run.Gates {
		if g.Answer == "" && run.IsHeld() {
			pending = append(pending, fields{"environment": q.views.environmentView(r, g.Environment), "wait_timer": 0,
				"wait_timer_started_at": nil, "current_user_can_approve": false, "reviewers": []any{}})
		}
	}
	return http.StatusOK, pending, nil
}

// listApprovals lists what was said of a run's environments: here that is the App alone.
func listApprovals(q *request) (int, any, error) {
	r, run, err := q.readRun()
	if err != nil {
		return 0, nil, err
	}
	all := []fields{}
	for _, g := range run.Gates {
		for n, comment := range g.Comments {
			state := "pending"
			if g.Answer != "" && n == len(g.Comments)-1 {
				state = g.Answer
			}
			all = append(all, fields{"state": state, "comment": comment, "user": q.views.userView(q.forge.App.Login),
				"environments": []any{q.views.environmentView(r, g.Environment).with(fields{
					"created_at": forge.FormatTime(run.Created), "updated_at": forge.FormatTime(run.Updated)})}})
		}
	}
	return http.StatusOK, all, nil
}

// environmentID numbers the environments.
func environmentID(r *forge.Repository, name string) int64 {
	return r.ID*1000 + int64(slices.Index(r.Environments(), name)) + 1
}

func (v *Views) environmentView(r *forge.Repository, name string) fields {
	id := environmentID(r, name)
	return fields{"id": id, "node_id": forge.NodeID("EN", id), "name": name,
		"url":      v.api("/repos/%s/environments/%s", r.FullName(), forge.EscapePath(name)),
		"html_url": v.forge.RepositoryURL(r) + "/deployments/activity_log?environments_filter=" + forge.EscapePath(name)}
}

func listProtectionRules(q *request) (int, any, error) {
	r, err := q.readableBy("actions")
	if err != nil {
		return 0, nil, err
	}
	name := q.value("environment")
	if !slices.Contains(r.Environments(), name) {
		return 0, nil, forge.ErrNotFound
	}
	rules := []fields{}
	if r.IsGated(name) {
		id, app := environmentID(r, name), q.forge.App
		rules = append(rules, fields{"id": id, "node_id": forge.NodeID("GA", id), "enabled": true,
			"app": fields{"id": app.ID, "slug": app.Slug, "node_id": forge.NodeID("A", app.ID),
				"integration_url": q.views.api("/apps/%s", app.Slug)}})
	}
	return http.StatusOK, fields{"total_count": len(rules), "custom_deployment_protection_rules": rules}, nil
}

func listEnvironments(q *request) (int, any, error) {
	r, err := q.readableBy("actions")
	if err != nil {
		return 0, nil, err
	}
	all := []fields{}
	for _, name := range r.Environments() {
		all = append(all, q.views.environmentView(r, name).with(fields{"protection_rules": []any{},
			"deployment_branch_policy": nil, "created_at": forge.FormatTime(r.Created),
			"updated_at": forge.FormatTime(r.Created)}))
	}
	return http.StatusOK, fields{"total_count": len(all), "environments": all}, nil
}

// gateHook is the webhook that asks for the App's word.
func (v *Views) gateHook(e *forge.GateEvent) []Webhook {
	callback := v.api("/repos/%s/actions/runs/%d/deployment_protection_rule", e.Repository.FullName(), e.Run.ID)
	return v.hook(e.By, e.Repository, "deployment_protection_rule", "requested", fields{
		"environment": e.Deployment.Environment, "event": e.Run.Event, "sha": e.Run.SHA, "ref": "refs/heads/" + e.Run.Branch,
		"deployment_callback_url": callback,
		"deployment": v.deploymentView(e.Repository, e.Deployment).with(
			fields{"performed_via_github_app": v.hookAppView(e.Deployment.ViaApp)}),
		"pull_requests": []any{}})
}
