package rest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// Webhook is what is sent to the App of an event.
type Webhook struct {
	Event      string
	Action     string            // empty where the event has none
	Repository *forge.Repository // nil when the event is about no repository
	Payload    json.RawMessage
}

// Webhooks renders an event as the webhooks that GitHub sends of it: none where the App isn't told,
// else one, or two of what concerns two repositories.
func (v *Views) Webhooks(e forge.Event) []Webhook {
	switch e := e.(type) {
	case *forge.IssueEvent:
		return v.issueHook(e)
	case *forge.TransferEvent:
		return v.transferHook(e)
	case *forge.CommentEvent:
		return v.hook(e.By, e.Comment.Issue().Repo(), "issue_comment", e.Action,
			fields{"issue": v.hookIssueView(e.Comment.Issue()), "comment": v.commentView(e.Comment)},
			changesView(e.Was))
	case *forge.ReviewEvent:
		return v.reviewHook(e)
	case *forge.CheckRunEvent:
		return v.checkRunHook(e)
	case *forge.StatusEvent:
		return v.statusHook(e)
	case *forge.SubIssueEvent:
		return v.subIssueHooks(e)
	case *forge.RefEvent:
		return v.refHook(e)
	case *forge.PushEvent:
		return v.pushHook(e)
	case *forge.RepositoryEvent:
		var more fields
		if e.WasName != "" {
			more = fields{"changes": fields{"repository": fields{"name": fields{"from": e.WasName}}}}
		}
		return v.hook(e.By, e.Repository, "repository", e.Action, more)
	case *forge.DeploymentEvent:
		return v.deploymentHook(e)
	case *forge.ReleaseEvent:
		return v.releaseHook(e)
	case *forge.RunEvent:
		return v.runHook(e)
	case *forge.GateEvent:
		return v.gateHook(e)
	case *forge.DispatchEvent:
		return v.dispatchHook(e)
	case *forge.OrganizationEvent:
		return v.organizationHooks(e)
	case *forge.InstallationEvent:
		return v.installationHook(e)
	case *forge.PingEvent:
		return v.pingHook(e)
	}
	panic(fmt.Sprintf("sandbox: no webhook is known for %T", e))
}

// hook is a webhook of a repository's event, if the App is subscribed to it.
func (v *Views) hook(by *forge.Actor, r *forge.Repository, event, action string, parts ...fields) []Webhook {
	if !v.forge.IsSubscribed(r, event) {
		return nil
	}
	body := fields{"repository": v.repoView(r), "organization": v.orgView(),
		"sender": v.userView(by.Login), "installation": v.installationRef()}
	if action != "" {
		body["action"] = action
	}
	for _, p := range parts {
		body.with(p)
	}
	return []Webhook{{Event: event, Action: action, Repository: r, Payload: mustJSON(body)}}
}

// issueHook is the webhook of a change of an issue or a pull request.
func (v *Views) issueHook(e *forge.IssueEvent) []Webhook {
	i, more := e.Issue, changesView(e.Was)
	switch {
	case e.Label != nil:
		more = fields{"label": v.labelView(i.Repo(), e.Label)}
	case e.Assignee != "":
		more = fields{"assignee": v.userView(e.Assignee)}
	case e.Reviewer != "":
		more = fields{"requested_reviewer": v.userView(e.Reviewer)}
	case e.Team != nil:
		more = fields{"requested_team": v.hookTeamView(e.Team)}
	case e.After != "":
		more = fields{"before": e.Before, "after": e.After}
	case e.TransferredFrom != nil:
		old := e.TransferredFrom
		more = fields{"changes": fields{"old_issue": v.issueView(old),
			"old_repository": v.repoView(old.Repo())}}
	}
	if i.Pull == nil {
		return v.hook(e.By, i.Repo(), "issues", e.Action, fields{"issue": v.hookIssueView(i)}, more)
	}
	view := v.pullFullView(i)
	if !slices.Contains(wholeTeams, e.Action) {
		view = v.hookPullView(i, view)
	}
	return v.hook(e.By, i.Repo(), "pull_request", e.Action,
		fields{"number": i.Number, "pull_request": view}, more)
}

// changesView is what a webhook says of an edit; nil where nothing was edited.
func changesView(was forge.Changes) fields {
	if was == (forge.Changes{}) {
		return nil
	}
	view := fields{}
	if was.Title != nil {
		view["title"] = fields{"from": *was.Title}
	}
	if was.Body != nil {
		view["body"] = fields{"from": *was.Body}
	}
	if was.Base != nil {
		view["base"] = fields{"ref": fields{"from": *was.Base}, "sha": fields{"from": *was.BaseSHA}}
	}
	return fields{"changes": view}
}

// transferHook is the webhook of an issue's transfer. GitHub shows the new issue in it as it is by
// then, and the old one as it was.
func (v *Views) transferHook(e *forge.TransferEvent) []Webhook {
	to := e.Issue
	return v.hook(e.By, e.Before.Repo(), "issues", "transferred", fields{"issue": v.issueView(e.Before)},
		fields{"changes": fields{"new_issue": v.issueView(to), "new_repository": v.repoView(to.Repo())}})
}

// hookIssueView is an issue as webhooks of issues and comments have it: without its parent, of
// which there are webhooks of their own.
func (v *Views) hookIssueView(i *forge.Issue) fields {
	view := v.issueView(i)
	delete(view, "parent_issue_url")
	return view
}

// wholeTeams are the actions whose webhooks have a pull request as REST has it.
var wholeTeams = []string{"opened", "edited", "closed", "reopened", "ready_for_review", "converted_to_draft"}

// hookPullView is a pull request's view as webhooks have it: with less of the teams.
func (v *Views) hookPullView(i *forge.Issue, view fields) fields {
	teams := []fields{}
	for _, slug := range i.Pull.Teams {
		if t, ok := v.forge.FindTeam(slug); ok {
			teams = append(teams, v.hookTeamView(t))
		}
	}
	return view.with(fields{"requested_teams": teams})
}

// hookTeamView is a team as webhooks have it.
func (v *Views) hookTeamView(t *forge.Team) fields {
	view := v.teamView(t)
	for _, key := range []string{"notification_setting", "organization_id", "type"} {
		delete(view, key)
	}
	return view
}

// reviewHook is the webhook of a review.
func (v *Views) reviewHook(e *forge.ReviewEvent) []Webhook {
	i, r := e.Issue, e.Review
	review := v.reviewView(i, r).with(fields{"state": strings.ToLower(r.State), "body": textOrNull(r.Body)})
	return v.hook(e.By, i.Repo(), "pull_request_review", e.Action,
		fields{"review": review, "pull_request": v.hookPullView(i, v.pullView(i))})
}

// checkRunHook is the webhook of a check run.
func (v *Views) checkRunHook(e *forge.CheckRunEvent) []Webhook {
	view := v.checkRunView(e.Repository, e.Run)
	view["check_suite"] = v.suiteSimpleView(e.Repository, v.forge.EnsureSuite(e.Repository, e.Run.HeadSHA))
	body := fields{"check_run": view}
	if e.Action == "requested_action" {
		body["requested_action"] = fields{"identifier": e.Identifier}
	}
	return v.hook(e.By, e.Repository, "check_run", e.Action, body)
}

// subIssueHooks are the webhooks of a relation between issues: one for each of their repositories.
func (v *Views) subIssueHooks(e *forge.SubIssueEvent) []Webhook {
	parent, child := e.Parent, e.Child
	both := fields{"parent_issue_id": parent.ID, "parent_issue": v.issueView(parent),
		"sub_issue_id": child.ID, "sub_issue": v.issueView(child)}
	return append(
		v.hook(e.By, parent.Repo(), "sub_issues", "sub_issue_"+e.Action, both,
			fields{"sub_issue_repo": v.repoView(child.Repo())}),
		v.hook(e.By, child.Repo(), "sub_issues", "parent_issue_"+e.Action, both,
			fields{"parent_issue_repo": v.repoView(parent.Repo())})...)
}

// refHook is the webhook of a new or removed branch or tag.
func (v *Views) refHook(e *forge.RefEvent) []Webhook {
	kind, name := "branch", strings.TrimPrefix(e.Ref, "refs/heads/")
	if strings.HasPrefix(e.Ref, "refs/tags/") {
		kind, name = "tag", strings.TrimPrefix(e.Ref, "refs/tags/")
	}
	body := fields{"ref": name, "ref_type": kind, "pusher_type": "user"}
	if e.Deleted {
		return v.hook(e.By, e.Repository, "delete", "", body)
	}
	return v.hook(e.By, e.Repository, "create", "",
		body.with(fields{"master_branch": e.Repository.DefaultBranch,
			"description": textOrNull(e.Repository.Description)}))
}

// pushHook is the webhook of a push.
func (v *Views) pushHook(e *forge.PushEvent) []Webhook {
	r, git := e.Repository, e.Repository.Git
	zero := strings.Repeat("0", 40)
	from, to := e.Before, e.After
	if from == "" {
		from = zero
	}
	if to == "" {
		to = zero
	}
	var head any
	commits := []fields{}
	if c, ok := git.Commits[e.After]; ok {
		head = v.pushedCommitView(r, c)
		if e.Before != "" {
			log := git.Log(e.After, e.Before)
			for _, c := range slices.Backward(log[:min(len(log), 20)]) {
				commits = append(commits, v.pushedCommitView(r, c))
			}
		}
	}
	return v.hook(e.By, r, "push", "", fields{"ref": e.Ref, "before": from, "after": to, "base_ref": nil,
		"created": e.Before == "", "deleted": e.After == "",
		"forced":  e.Before != "" && e.After != "" && !git.Ancestors(e.After)[e.Before],
		"compare": fmt.Sprintf("%s/%s/compare/%.12s...%.12s", v.forge.URL, r.FullName(), from, to),
		"commits": commits, "head_commit": head,
		"pusher":     fields{"name": e.By.Login, "email": v.forge.SignatureOf(e.By.Login).Email},
		"repository": v.pushRepoView(r)})
}

// pushedCommitView is a commit as push webhooks have it.
func (v *Views) pushedCommitView(r *forge.Repository, c *forge.Commit) fields {
	person := func(s forge.Signature) fields {
		return fields{"name": s.Name, "email": s.Email,
			"username": c.Login}
	}
	var added, removed, modified []string
	for _, ch := range forge.CommitChanges(r.Git, c) {
		switch ch.Status {
		case "added":
			added = append(added, ch.Path)
		case "removed":
			removed = append(removed, ch.Path)
		default:
			modified = append(modified, ch.Path)
		}
	}
	return fields{"id": c.SHA, "tree_id": c.Tree, "distinct": true, "message": c.Message,
		"timestamp": forge.FormatTime(c.Committer.At), "url": v.forge.CommitURL(r, c.SHA),
		"author": person(c.Author), "committer": person(c.Committer), "added": list(added),
		"removed": list(removed), "modified": list(modified)}
}

// pushRepoView is a repository as push webhooks have it: an older form, with times as numbers.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
func (v *Views) pushRepoView(r *forge.Repository) fields {
	owner := fields{"name": r.Owner, "email": nil}
	if u, ok := v.forge.FindUser(r.Owner); ok {
		owner = v.userFields(u).with(owner)
	}
	return v.repoFields(r).with(fields{
		"url": v.forge.URL + "/" + r.FullName(), "owner": owner, "created_at": r.Created.Unix(),
		"pushed_at":  r.Pushed.Unix(),
		"stargazers": 0, "master_branch": r.DefaultBranch, "organization": r.Owner,
	})
}

// statusHook is the webhook of a commit status.
func (v *Views) statusHook(e *forge.StatusEvent) []Webhook {
	r, s := e.Repository, e.Status
	commit := r.Git.Commits[s.SHA]
	branches := []fields{}
	for _, name := range r.Git.Branches() {
		if c, ok := r.Git.Branch(name); ok && r.Git.Ancestors(c.SHA)[s.SHA] {
			branches = append(branches, fields{"name": name, "protected": false,
				"commit": fields{"sha": c.SHA, "url": v.api("/repos/%s/commits/%s", r.FullName(), c.SHA)}})
		}
	}
	return v.hook(e.By, r, "status", "", fields{
		"id": s.ID, "sha": s.SHA, "name": r.FullName(), "avatar_url": nil,
		"target_url": textOrNull(s.TargetURL), "context": s.Context,
		"description": textOrNull(s.Description), "state": s.State, "commit": v.commitView(r, commit),
		"branches":   branches,
		"created_at": forge.FormatTime(s.Created), "updated_at": forge.FormatTime(s.Created),
	})
}

// dispatchHook is the webhook of a repository_dispatch.
func (v *Views) dispatchHook(e *forge.DispatchEvent) []Webhook {
	var payload any // null where the sender gave none
	if e.Payload != nil {
		payload = e.Payload
	}
	return v.hook(e.By, e.Repository, "repository_dispatch", e.Action,
		fields{"branch": e.Repository.DefaultBranch, "client_payload": payload})
}

// organizationHooks are the webhooks of the organization's new name: one for those who are
// subscribed to organizations, and one for each App that is installed there.
func (v *Views) organizationHooks(e *forge.OrganizationEvent) []Webhook {
	if !v.forge.Suspended.IsZero() || !v.forge.IsInstalled(nil) {
		return nil
	}
	var out []Webhook
	body := func() fields {
		return fields{"action": "renamed", "changes": fields{"login": fields{"from": e.WasLogin}},
			"installation": v.installationRef()}
	}
	if slices.Contains(v.forge.App.Events, "organization") {
		view := body().with(fields{"organization": v.orgView(), "sender": v.userView(e.By.Login)})
		out = append(out, Webhook{Event: "organization", Action: "renamed", Payload: mustJSON(view)})
	}
	view := body().with(fields{"target_type": forge.KindOrganization, "account": v.targetView()})
	return append(out, Webhook{Event: "installation_target", Action: "renamed", Payload: mustJSON(view)})
}

// targetView is the account of an installation, as a webhook has it.
func (v *Views) targetView() fields {
	return v.orgView().with(fields{
		"html_url": v.forge.URL + "/" + v.forge.Org.Login, "type": forge.KindOrganization, "gravatar_id": "",
		"site_admin": false, "has_organization_projects": true, "has_repository_projects": true,
		"public_repos": 0, "public_gists": 0, "followers": 0, "following": 0, "archived_at": nil,
		"created_at": forge.FormatTime(v.forge.Org.Created),
		"updated_at": forge.FormatTime(v.forge.Org.Created),
	})
}

// installationHook is the webhook of a change of the App's installation, of which the App is always told.
func (v *Views) installationHook(e *forge.InstallationEvent) []Webhook {
	body := fields{"action": e.Action, "installation": v.installationView(), "sender": v.userView(e.By.Login),
		"repositories": v.installedRepos()}
	if e.Action == "created" {
		body["requester"] = nil
	}
	return []Webhook{{Event: "installation", Action: e.Action, Payload: mustJSON(body)}}
}

// installedRepos are the repositories of the installation, as its webhooks name them.
func (v *Views) installedRepos() []fields {
	views := []fields{}
	for _, r := range v.forge.Repos {
		if v.forge.IsInstalled(r) {
			views = append(views, fields{"id": r.ID, "node_id": r.NodeID(), "name": r.Name,
				"full_name": r.FullName(), "private": r.Private})
		}
	}
	return views
}

// pingHook is the first webhook of a new App.
func (v *Views) pingHook(e *forge.PingEvent) []Webhook {
	a := e.App
	body := fields{"zen": "Design for failure.", "hook_id": forge.HookID, "hook": fields{
		"type": "App", "id": forge.HookID, "name": "web", "active": true, "events": a.Events,
		"app_id": a.ID, "config": hookConfigView(a.HookURL),
		"created_at": forge.FormatTime(a.Created), "updated_at": forge.FormatTime(a.Created),
		"deliveries_url": v.api("/app/hook/deliveries")}}
	return []Webhook{{Event: "ping", Payload: mustJSON(body)}}
}

// hookConfigView is where the App's webhooks go.
func hookConfigView(url string) fields {
	return fields{"content_type": "json", "insecure_ssl": "0", "secret": "********", "url": url}
}
