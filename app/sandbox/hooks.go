package sandbox

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// webhook is what is sent to the App of an event.
type webhook struct {
	Event      string
	Action     string      // empty where the event has none
	Repository *Repository // nil when the event is about no repository
	Payload    json.RawMessage
}

// webhooksOf renders an event as the webhooks that GitHub sends of it: none where the App isn't told, else one, or two of
// what concerns two repositories.
func (v *views) webhooksOf(e event) []webhook {
	switch e := e.(type) {
	case *issueEvent:
		return v.issueHook(e)
	case *transferEvent:
		return v.transferHook(e)
	case *commentEvent:
		return v.hook(e.By, e.Comment.issue.repo, "issue_comment", e.Action,
			fields{"issue": v.hookIssueView(e.Comment.issue), "comment": v.commentView(e.Comment)}, changesView(e.Was))
	case *reviewEvent:
		return v.reviewHook(e)
	case *checkRunEvent:
		return v.checkRunHook(e)
	case *statusEvent:
		return v.statusHook(e)
	case *subIssueEvent:
		return v.subIssueHooks(e)
	case *refEvent:
		return v.refHook(e)
	case *pushEvent:
		return v.pushHook(e)
	case *repositoryEvent:
		var more fields
		if e.WasName != "" {
			more = fields{"changes": fields{"repository": fields{"name": fields{"from": e.WasName}}}}
		}
		return v.hook(e.By, e.Repository, "repository", e.Action, more)
	case *dispatchEvent:
		return v.dispatchHook(e)
	case *organizationEvent:
		return v.organizationHooks(e)
	case *installationEvent:
		return v.installationHook(e)
	case *pingEvent:
		return v.pingHook(e)
	}
	panic(fmt.Sprintf("sandbox: no webhook is known for %T", e))
}

// hook is a webhook of a repository's event, if the App is subscribed to it.
func (v *views) hook(by *Actor, r *Repository, event, action string, parts ...fields) []webhook {
	if !v.isSubscribed(r, event) {
		return nil
	}
	body := fields{"repository": v.repoView(r), "organization": v.orgView(), "sender": v.userView(by.Login), "installation": v.installationRef()}
	if action != "" {
		body["action"] = action
	}
	for _, p := range parts {
		body.with(p)
	}
	return []webhook{{Event: event, Action: action, Repository: r, Payload: mustJSON(body)}}
}

// issueHook is the webhook of a change of an issue or a pull request.
func (v *views) issueHook(e *issueEvent) []webhook {
	i, more := e.Issue, changesView(e.Was)
	switch {
	case e.Label != nil:
		more = fields{"label": v.labelView(i.repo, e.Label)}
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
		more = fields{"changes": fields{"old_issue": v.issueView(old), "old_repository": v.repoView(old.repo)}}
	}
	if i.Pull == nil {
		return v.hook(e.By, i.repo, "issues", e.Action, fields{"issue": v.hookIssueView(i)}, more)
	}
	view := v.pullFullView(i)
	if !slices.Contains(wholeTeams, e.Action) {
		view = v.hookPullView(i, view)
	}
	return v.hook(e.By, i.repo, "pull_request", e.Action, fields{"number": i.Number, "pull_request": view}, more)
}

// changesView is what a webhook says of an edit; nil where nothing was edited.
func changesView(was changes) fields {
	if was == (changes{}) {
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

// transferHook is the webhook of an issue's transfer. GitHub shows the new issue in it as it is by then, and the old one as
// it was.
func (v *views) transferHook(e *transferEvent) []webhook {
	to := e.Issue
	return v.hook(e.By, e.Before.repo, "issues", "transferred", fields{"issue": v.issueView(e.Before)},
		fields{"changes": fields{"new_issue": v.issueView(to), "new_repository": v.repoView(to.repo)}})
}

// hookIssueView is an issue as webhooks of issues and comments have it: without its parent, of which there are webhooks of their own.
func (v *views) hookIssueView(i *Issue) fields {
	view := v.issueView(i)
	delete(view, "parent_issue_url")
	return view
}

// wholeTeams are the actions whose webhooks have a pull request as REST has it.
var wholeTeams = []string{"opened", "edited", "closed", "reopened", "ready_for_review", "converted_to_draft"}

// hookPullView is a pull request's view as webhooks have it: with less of the teams.
func (v *views) hookPullView(i *Issue, view fields) fields {
	teams := []fields{}
	for _, slug := range i.Pull.Teams {
		if t, ok := v.team(slug); ok {
			teams = append(teams, v.hookTeamView(t))
		}
	}
	return view.with(fields{"requested_teams": teams})
}

// hookTeamView is a team as webhooks have it.
func (v *views) hookTeamView(t *Team) fields {
	view := v.teamView(t)
	for _, key := range []string{"notification_setting", "organization_id", "type"} {
		delete(view, key)
	}
	return view
}

// reviewHook is the webhook of a review.
func (v *views) reviewHook(e *reviewEvent) []webhook {
	i, r := e.Issue, e.Review
	review := v.reviewView(i, r).with(fields{"state": strings.ToLower(r.State), "body": textOrNull(r.Body)})
	return v.hook(e.By, i.repo, "pull_request_review", e.Action,
		fields{"review": review, "pull_request": v.hookPullView(i, v.pullView(i))})
}

// checkRunHook is the webhook of a check run.
func (v *views) checkRunHook(e *checkRunEvent) []webhook {
	view := v.checkRunView(e.Repository, e.Run)
	view["check_suite"] = v.suiteSimpleView(e.Repository, v.suiteFor(e.Repository, e.Run.HeadSHA))
	body := fields{"check_run": view}
	if e.Action == "requested_action" {
		body["requested_action"] = fields{"identifier": e.Identifier}
	}
	return v.hook(e.By, e.Repository, "check_run", e.Action, body)
}

// subIssueHooks are the webhooks of a relation between issues: one for each of their repositories.
func (v *views) subIssueHooks(e *subIssueEvent) []webhook {
	parent, child := e.Parent, e.Child
	both := fields{"parent_issue_id": parent.ID, "parent_issue": v.issueView(parent), "sub_issue_id": child.ID, "sub_issue": v.issueView(child)}
	return append(
		v.hook(e.By, parent.repo, "sub_issues", "sub_issue_"+e.Action, both, fields{"sub_issue_repo": v.repoView(child.repo)}),
		v.hook(e.By, child.repo, "sub_issues", "parent_issue_"+e.Action, both, fields{"parent_issue_repo": v.repoView(parent.repo)})...)
}

// refHook is the webhook of a new or removed branch or tag.
func (v *views) refHook(e *refEvent) []webhook {
	kind, name := "branch", strings.TrimPrefix(e.Ref, "refs/heads/")
	if strings.HasPrefix(e.Ref, "refs/tags/") {
		kind, name = "tag", strings.TrimPrefix(e.Ref, "refs/tags/")
	}
	body := fields{"ref": name, "ref_type": kind, "pusher_type": "user"}
	if e.Deleted {
		return v.hook(e.By, e.Repository, "delete", "", body)
	}
	return v.hook(e.By, e.Repository, "create", "",
		body.with(fields{"master_branch": e.Repository.DefaultBranch, "description": textOrNull(e.Repository.Description)}))
}

// pushHook is the webhook of a push.
func (v *views) pushHook(e *pushEvent) []webhook {
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
			log := git.log(e.After, e.Before)
			for _, c := range slices.Backward(log[:min(len(log), 20)]) {
				commits = append(commits, v.pushedCommitView(r, c))
			}
		}
	}
	return v.hook(e.By, r, "push", "", fields{"ref": e.Ref, "before": from, "after": to, "base_ref": nil,
		"created": e.Before == "", "deleted": e.After == "",
		"forced":  e.Before != "" && e.After != "" && !git.ancestors(e.After)[e.Before],
		"compare": fmt.Sprintf("%s/%s/compare/%.12s...%.12s", v.url, r.FullName(), from, to), "commits": commits, "head_commit": head,
		"pusher": fields{"name": e.By.Login, "email": v.signature(e.By.Login).Email}, "repository": v.pushRepoView(r)})
}

// pushedCommitView is a commit as push webhooks have it.
func (v *views) pushedCommitView(r *Repository, c *Commit) fields {
	person := func(s Signature) fields { return fields{"name": s.Name, "email": s.Email, "username": c.Login} }
	var added, removed, modified []string
	for _, ch := range commitChanges(r.Git, c) {
		switch ch.Status {
		case "added":
			added = append(added, ch.Path)
		case "removed":
			removed = append(removed, ch.Path)
		default:
			modified = append(modified, ch.Path)
		}
	}
	return fields{"id": c.SHA, "tree_id": c.Tree, "distinct": true, "message": c.Message, "timestamp": stamp(c.Committer.At), "url": v.commitHTML(r, c.SHA),
		"author": person(c.Author), "committer": person(c.Committer), "added": list(added), "removed": list(removed), "modified": list(modified)}
}

// pushRepoView is a repository as push webhooks have it: an older form, with times as numbers.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
func (v *views) pushRepoView(r *Repository) fields {
	owner := fields{"name": r.Owner, "email": nil}
	if u, ok := v.user(r.Owner); ok {
		owner = v.userFields(u).with(owner)
	}
	return v.repoFields(r).with(fields{
		"url": v.url + "/" + r.FullName(), "owner": owner, "created_at": r.Created.Unix(), "pushed_at": r.Pushed.Unix(),
		"stargazers": 0, "master_branch": r.DefaultBranch, "organization": r.Owner,
	})
}

// statusHook is the webhook of a commit status.
func (v *views) statusHook(e *statusEvent) []webhook {
	r, s := e.Repository, e.Status
	commit := r.Git.Commits[s.SHA]
	branches := []fields{}
	for _, name := range r.Git.branches() {
		if c, ok := r.Git.branch(name); ok && r.Git.ancestors(c.SHA)[s.SHA] {
			branches = append(branches, fields{"name": name, "protected": false,
				"commit": fields{"sha": c.SHA, "url": v.api("/repos/%s/commits/%s", r.FullName(), c.SHA)}})
		}
	}
	return v.hook(e.By, r, "status", "", fields{
		"id": s.ID, "sha": s.SHA, "name": r.FullName(), "avatar_url": nil, "target_url": textOrNull(s.TargetURL), "context": s.Context,
		"description": textOrNull(s.Description), "state": s.State, "commit": v.commitView(r, commit), "branches": branches,
		"created_at": stamp(s.Created), "updated_at": stamp(s.Created),
	})
}

// dispatchHook is the webhook of a repository_dispatch.
func (v *views) dispatchHook(e *dispatchEvent) []webhook {
	var payload any // null where the sender gave none
	if e.Payload != nil {
		payload = e.Payload
	}
	return v.hook(e.By, e.Repository, "repository_dispatch", e.Action,
		fields{"branch": e.Repository.DefaultBranch, "client_payload": payload})
}

// organizationHooks are the webhooks of the organization's new name: one for those who are subscribed to organizations, and
// one for each App that is installed there.
func (v *views) organizationHooks(e *organizationEvent) []webhook {
	if !v.Suspended.IsZero() || !v.installed(nil) {
		return nil
	}
	var out []webhook
	body := func() fields {
		return fields{"action": "renamed", "changes": fields{"login": fields{"from": e.WasLogin}}, "installation": v.installationRef()}
	}
	if slices.Contains(v.app.Events, "organization") {
		view := body().with(fields{"organization": v.orgView(), "sender": v.userView(e.By.Login)})
		out = append(out, webhook{Event: "organization", Action: "renamed", Payload: mustJSON(view)})
	}
	view := body().with(fields{"target_type": KindOrganization, "account": v.targetView()})
	return append(out, webhook{Event: "installation_target", Action: "renamed", Payload: mustJSON(view)})
}

// targetView is the account of an installation, as a webhook has it.
func (v *views) targetView() fields {
	return v.orgView().with(fields{
		"html_url": v.url + "/" + v.org.Login, "type": KindOrganization, "gravatar_id": "",
		"site_admin": false, "has_organization_projects": true, "has_repository_projects": true,
		"public_repos": 0, "public_gists": 0, "followers": 0, "following": 0, "archived_at": nil,
		"created_at": stamp(v.org.Created), "updated_at": stamp(v.org.Created),
	})
}

// installationHook is the webhook of a change of the App's installation, of which the App is always told.
func (v *views) installationHook(e *installationEvent) []webhook {
	body := fields{"action": e.Action, "installation": v.installationView(), "sender": v.userView(e.By.Login),
		"repositories": v.installedRepos()}
	if e.Action == "created" {
		body["requester"] = nil
	}
	return []webhook{{Event: "installation", Action: e.Action, Payload: mustJSON(body)}}
}

// installedRepos are the repositories of the installation, as its webhooks name them.
func (v *views) installedRepos() []fields {
	views := []fields{}
	for _, r := range v.Repos {
		if v.installed(r) {
			views = append(views, fields{"id": r.ID, "node_id": r.nodeID(), "name": r.Name, "full_name": r.FullName(), "private": r.Private})
		}
	}
	return views
}

// pingHook is the first webhook of a new App.
func (v *views) pingHook(e *pingEvent) []webhook {
	a := e.App
	body := fields{"zen": "Design for failure.", "hook_id": hookID, "hook": fields{
		"type": "App", "id": hookID, "name": "web", "active": true, "events": a.Events, "app_id": a.ID, "config": hookConfigView(a.HookURL),
		"created_at": stamp(a.Created), "updated_at": stamp(a.Created), "deliveries_url": v.api("/app/hook/deliveries")}}
	return []webhook{{Event: "ping", Payload: mustJSON(body)}}
}

// hookConfigView is where the App's webhooks go.
func hookConfigView(url string) fields {
	return fields{"content_type": "json", "insecure_ssl": "0", "secret": "********", "url": url}
}
