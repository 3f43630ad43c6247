package rest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// deploymentView is a deployment.
func (v *Views) deploymentView(r *forge.Repository, d *forge.Deployment) fields {
	repo := v.api("/repos/%s", r.FullName())
	api := fmt.Sprintf("%s/deployments/%d", repo, d.ID)
	payload := d.Payload
	if payload == nil {
		payload = json.RawMessage("{}")
	}
	return fields{
		"id": d.ID, "node_id": forge.NodeID("DE", d.ID), "url": api, "sha": d.SHA, "ref": d.Ref,
		"task": d.Task, "payload": payload, "original_environment": d.Original,
		"environment": d.Environment, "description": textOrNull(d.Description),
		"creator": v.userView(d.Creator), "created_at": forge.FormatTime(d.Created),
		"updated_at": forge.FormatTime(d.Updated), "statuses_url": api + "/statuses",
		"repository_url": repo, "transient_environment": d.Transient,
		"production_environment": d.Production, "performed_via_github_app": v.viaApp(d.ViaApp),
	}
}

// deploymentStatusView is a status of a deployment.
func (v *Views) deploymentStatusView(r *forge.Repository, d *forge.Deployment, s *forge.DeploymentStatus) fields {
	repo := v.api("/repos/%s", r.FullName())
	api := fmt.Sprintf("%s/deployments/%d", repo, d.ID)
	return fields{
		"id": s.ID, "node_id": forge.NodeID("DES", s.ID), "url": fmt.Sprintf("%s/statuses/%d", api, s.ID),
		"state": s.State, "creator": v.userView(s.Creator), "description": s.Description,
		"environment": s.Environment, "target_url": s.LogURL, "log_url": s.LogURL,
		"environment_url": s.EnvironmentURL, "created_at": forge.FormatTime(s.Created),
		"updated_at": forge.FormatTime(s.Created), "deployment_url": api, "repository_url": repo,
		"performed_via_github_app": v.viaApp(s.ViaApp),
	}
}

// releaseView is a release. There are no files in it here.
func (v *Views) releaseView(r *forge.Repository, o *forge.Release) fields {
	repo := v.api("/repos/%s", r.FullName())
	api := fmt.Sprintf("%s/releases/%d", repo, o.ID)
	return fields{
		"id": o.ID, "node_id": forge.NodeID("RE", o.ID), "url": api, "html_url": v.forge.ReleaseURL(r, o),
		"assets_url": api + "/assets", "upload_url": api + "/assets{?name,label}",
		"tarball_url": repo + "/tarball/" + forge.EscapePath(o.Tag),
		"zipball_url": repo + "/zipball/" + forge.EscapePath(o.Tag), "tag_name": o.Tag,
		"target_commitish": o.Target, "name": textOrNull(o.Name), "body": textOrNull(o.Body),
		"draft": o.Draft, "prerelease": o.Prerelease, "immutable": false, "assets": []any{},
		"author": v.userView(o.Author), "created_at": forge.FormatTime(o.Created),
		"updated_at": forge.FormatTime(o.Updated), "published_at": stampOrNull(o.Published),
	}
}

// runView is a run of a workflow.
func (v *Views) runView(r *forge.Repository, run *forge.WorkflowRun) fields {
	repo := v.api("/repos/%s", r.FullName())
	api := fmt.Sprintf("%s/actions/runs/%d", repo, run.ID)
	view := fields{
		"id": run.ID, "node_id": forge.NodeID("WFR", run.ID), "name": run.Workflow, "path": run.Path,
		"run_number": run.Number, "run_attempt": 1, "event": run.Event, "status": run.Status,
		"conclusion": textOrNull(run.Conclusion), "workflow_id": run.WorkflowID,
		"head_branch": run.Branch, "head_sha": run.SHA, "display_title": run.Title,
		"check_suite_id": run.ID, "check_suite_node_id": forge.NodeID("CS", run.ID),
		"check_suite_url": fmt.Sprintf("%s/check-suites/%d", repo, run.ID), "url": api,
		"html_url": v.forge.RunURL(r, run), "jobs_url": api + "/jobs", "logs_url": api + "/logs",
		"artifacts_url": api + "/artifacts", "cancel_url": api + "/cancel", "rerun_url": api + "/rerun",
		"workflow_url":         fmt.Sprintf("%s/actions/workflows/%d", repo, run.WorkflowID),
		"previous_attempt_url": nil, "pull_requests": []any{}, "referenced_workflows": []any{},
		"actor": v.userView(run.Actor), "triggering_actor": v.userView(run.Actor),
		"created_at": forge.FormatTime(run.Created), "updated_at": forge.FormatTime(run.Updated),
		"run_started_at": forge.FormatTime(run.Created), "head_commit": nil,
		"repository": v.repoSimpleFields(r), "head_repository": v.repoSimpleFields(r),
	}
	if c, ok := r.Git.Commits[run.SHA]; ok {
		view["head_commit"] = v.simpleCommitView(c)
	}
	return view
}

// workflowView is the workflow of a run.
func (v *Views) workflowView(r *forge.Repository, run *forge.WorkflowRun) fields {
	html := v.forge.RepositoryURL(r)
	return fields{
		"id": run.WorkflowID, "node_id": forge.NodeID("W", run.WorkflowID), "name": run.Workflow,
		"path": run.Path, "state": "active",
		"url":        v.api("/repos/%s/actions/workflows/%d", r.FullName(), run.WorkflowID),
		"html_url":   fmt.Sprintf("%s/blob/%s/%s", html, r.DefaultBranch, run.Path),
		"badge_url":  html + "/workflows/" + forge.EscapePath(run.Workflow) + "/badge.svg",
		"created_at": forge.FormatTime(r.Created), "updated_at": forge.FormatTime(r.Created),
	}
}

// propertyViews are the custom properties of a repository.
func propertyViews(r *forge.Repository) []fields {
	return each(slices.Sorted(maps.Keys(r.Properties)), func(name string) fields {
		return fields{"property_name": name, "value": r.Properties[name]}
	})
}

// hookAppView is the App as webhooks of deployments name it: in an older form, with the events that
// GitHub lists there; null where it wasn't the App.
func (v *Views) hookAppView(isApp bool) any {
	if !isApp {
		return nil
	}
	view := v.appView()
	delete(view, "client_id")
	return view.with(fields{"events": slices.DeleteFunc(slices.Clone(v.forge.App.Events),
		func(event string) bool { return event == "sub_issues" })})
}

// deploymentHook is the webhook of a deployment, or of a status of one. None here is of a workflow.
func (v *Views) deploymentHook(e *forge.DeploymentEvent) []Webhook {
	view := v.deploymentView(e.Repository, e.Deployment).with(
		fields{"performed_via_github_app": v.hookAppView(e.Deployment.ViaApp)})
	if e.Status == nil {
		return v.hook(e.By, e.Repository, "deployment", "created",
			fields{"deployment": view, "workflow": nil, "workflow_run": nil})
	}
	return v.hook(e.By, e.Repository, "deployment_status", "created",
		fields{"deployment": view, "check_run": nil, "workflow": nil, "workflow_run": nil,
			"deployment_status": v.deploymentStatusView(e.Repository, e.Deployment, e.Status).with(
				fields{"performed_via_github_app": v.hookAppView(e.Status.ViaApp)})})
}

// releaseHook is the webhook of a release.
func (v *Views) releaseHook(e *forge.ReleaseEvent) []Webhook {
	return v.hook(e.By, e.Repository, "release", e.Action, fields{"release": v.releaseView(e.Repository, e.Release)})
}

// runHook is the webhook of a run that began or ended.
func (v *Views) runHook(e *forge.RunEvent) []Webhook {
	return v.hook(e.By, e.Repository, "workflow_run", e.Action,
		fields{"workflow_run": v.runView(e.Repository, e.Run), "workflow": v.workflowView(e.Repository, e.Run)})
}
