package rest

import (
	"net/url"
	"strings"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// labelView is a label of a repository.
func (v *Views) labelView(r *forge.Repository, l *forge.Label) fields {
	return fields{
		"id": l.ID, "node_id": forge.NodeID("LA", l.ID),
		"url": v.api("/repos/%s/labels/%s", r.FullName(), url.PathEscape(l.Name)), "name": l.Name,
		"description": textOrNull(l.Description), "color": l.Color, "default": l.Default,
	}
}

func (v *Views) labelViews(i *forge.Issue) []fields {
	return each(i.Labels, func(l *forge.Label) fields { return v.labelView(i.Repo(), l) })
}

// rollup counts reactions.
func rollup(address string, reactions []*forge.Reaction) fields {
	f := fields{"url": address + "/reactions", "total_count": len(reactions)}
	for _, kind := range forge.ReactionKinds {
		f[kind] = 0
	}
	for _, r := range reactions {
		f[r.Content] = f[r.Content].(int) + 1
	}
	return f
}

func (v *Views) reactionView(r *forge.Reaction) fields {
	return fields{"id": r.ID, "node_id": forge.NodeID("REA", r.ID), "user": v.userView(r.User),
		"content": r.Content, "created_at": forge.FormatTime(r.Created)}
}

// viaApp is the app for what was written with an installation token, else null.
func (v *Views) viaApp(via bool) any {
	if !via {
		return nil
	}
	if kept := v.keptApp; kept.app != v.forge.App || kept.owner != v.forge.App.Owner {
		v.keptApp = keptApp{app: v.forge.App, owner: v.forge.App.Owner, view: mustJSON(v.appView())}
	}
	return v.keptApp.view
}

// issueAPI is the address of an issue in the API; issueHTML is its page.
func (v *Views) issueAPI(i *forge.Issue) string {
	return v.api("/repos/%s/issues/%d", i.Repo().FullName(), i.Number)
}

// firstUser is the view of the first login, or null.
func (v *Views) firstUser(logins []string) any {
	if len(logins) == 0 {
		return nil
	}
	return v.userView(logins[0])
}

// relatedView is an issue as lists of sub-issues and a search show it: with its repository.
func (v *Views) relatedView(i *forge.Issue) fields {
	return v.issueView(i).with(fields{"repository": v.repoView(i.Repo())})
}

// issueView is an issue as lists and webhooks show it.
func (v *Views) issueView(i *forge.Issue) fields {
	api := v.issueAPI(i)
	f := fields{
		"id": i.ID, "node_id": i.NodeID(), "url": api,
		"repository_url": v.api("/repos/%s", i.Repo().FullName()),
		"labels_url":     api + "/labels{/name}", "comments_url": api + "/comments",
		"events_url": api + "/events", "timeline_url": api + "/timeline",
		"html_url": v.forge.IssueURL(i), "number": i.Number, "title": i.Title, "body": textOrNull(i.Body),
		"user":               v.userView(i.Author),
		"author_association": v.forge.Association(i.Author, i.Repo()), "state": i.State(),
		"state_reason": textOrNull(i.StateReason), "locked": i.Locked,
		"active_lock_reason": textOrNull(i.LockReason), "type": nil, "labels": v.labelViews(i),
		"assignee": v.firstUser(i.Assignees), "assignees": each(i.Assignees, v.userView),
		"milestone": nil, "comments": len(i.Comments), "created_at": forge.FormatTime(i.Created),
		"updated_at": forge.FormatTime(i.Updated), "closed_at": stampOrNull(i.ClosedAt),
		"performed_via_github_app": v.viaApp(i.ViaApp), "reactions": rollup(api, i.Reactions),
		"sub_issues_summary": v.subIssuesSummary(i),
		"issue_dependencies_summary": fields{"blocked_by": 0, "blocking": 0, "total_blocked_by": 0,
			"total_blocking": 0},
	}
	if parent, ok := v.forge.IssuesByID[i.Parent]; ok {
		f["parent_issue_url"] = v.issueAPI(parent)
	}
	if i.Pull != nil {
		f["draft"] = i.Pull.Draft
		f["pull_request"] = fields{
			"url": v.pullAPI(i), "html_url": v.forge.IssueURL(i),
			"diff_url": v.forge.IssueURL(i) + ".diff", "patch_url": v.forge.IssueURL(i) + ".patch",
			"merged_at": stampOrNull(i.Pull.MergedAt),
		}
	}
	return f
}

// issueFullView is an issue as the API answers it alone: with who closed it and the pinned comment.
func (v *Views) issueFullView(i *forge.Issue) fields {
	f := v.issueView(i)
	f["closed_by"] = nil
	if i.ClosedBy != "" {
		f["closed_by"] = v.userView(i.ClosedBy)
	}
	f["pinned_comment"] = nil
	if c, ok := v.forge.CommentsByID[i.Pinned]; ok {
		f["pinned_comment"] = v.commentView(c)
	}
	return f
}

func (v *Views) subIssuesSummary(i *forge.Issue) fields {
	done := 0
	for _, id := range i.SubIssues {
		if child, ok := v.forge.IssuesByID[id]; ok && child.Closed {
			done++
		}
	}
	percent := 0
	if len(i.SubIssues) > 0 {
		percent = 100 * done / len(i.SubIssues)
	}
	return fields{"total": len(i.SubIssues), "completed": done, "percent_completed": percent}
}

// commentAPI is the address of a comment in the API.
func (v *Views) commentAPI(c *forge.Comment) string {
	return v.api("/repos/%s/issues/comments/%d", c.Issue().Repo().FullName(), c.ID)
}

// commentView is a comment.
func (v *Views) commentView(c *forge.Comment) fields {
	api := v.commentAPI(c)
	f := fields{
		"id": c.ID, "node_id": forge.NodeID("IC", c.ID), "url": api, "html_url": v.forge.CommentURL(c),
		"issue_url": v.issueAPI(c.Issue()), "body": c.Body,
		"user": v.userView(c.Author), "author_association": v.forge.Association(c.Author,
			c.Issue().Repo()), "created_at": forge.FormatTime(c.Created),
		"updated_at": forge.FormatTime(c.Updated), "performed_via_github_app": v.viaApp(c.ViaApp),
		"reactions": rollup(api, c.Reactions), "pin": nil, "minimized": nil,
	}
	if !c.PinnedAt.IsZero() {
		f["pin"] = fields{"pinned_at": forge.FormatTime(c.PinnedAt), "pinned_by": v.userView(c.PinnedBy)}
	}
	return f
}

// eventView is an item of the timeline, as an actor sees it; inTimeline distinguishes it from the same item
// in the events API.
func (v *Views) eventView(by *forge.Actor, i *forge.Issue, e *forge.TimelineEvent, inTimeline bool) fields {
	switch e.Kind {
	case "commented":
		return v.commentView(e.Comment()).with(fields{"event": "commented", "actor": v.userView(e.Actor)})
	case "reviewed":
		return v.reviewView(i, e.Review()).with(fields{"event": "reviewed",
			"user": v.userView(e.Review().Author), "state": strings.ToLower(e.Review().State)})
	case "committed":
		return v.gitCommitView(i.Repo(), i.Repo().Git.Commits[e.CommitID]).with(fields{"event": "committed"})
	case "cross-referenced":
		f := fields{"event": e.Kind, "actor": v.userView(e.Actor), "created_at": forge.FormatTime(e.At),
			"updated_at": forge.FormatTime(e.At)}
		source := v.forge.IssuesByID[e.IssueID]
		f["source"] = fields{"type": "issue",
			"issue": v.issueView(source).with(fields{"repository": v.repoView(source.Repo())})}
		return f
	}
	f := fields{
		"id": e.ID, "node_id": forge.NodeID("EV", e.ID),
		"url": v.api("/repos/%s/issues/events/%d", i.Repo().FullName(), e.ID), "actor": v.userView(e.Actor),
		"event": e.Kind, "commit_id": textOrNull(e.CommitID), "commit_url": nil,
		"created_at": forge.FormatTime(e.At), "performed_via_github_app": v.viaApp(e.ViaApp),
	}
	if e.CommitID != "" {
		f["commit_url"] = v.api("/repos/%s/commits/%s", i.Repo().FullName(), e.CommitID)
	}
	switch e.Kind {
	case "labeled", "unlabeled":
		f["label"] = fields{"name": e.Label.Name, "color": e.Label.Color}
	case "assigned", "unassigned":
		f["assignee"] = v.userView(e.Assignee)
		if !inTimeline {
			// the events API names the assignee as actor and distinguishes who assigned
			f["actor"], f["assigner"] = v.userView(e.Assignee), v.userView(e.Actor)
		}
	case "renamed":
		f["rename"] = fields{"from": e.From, "to": e.To}
	case "closed", "reopened":
		f["state_reason"] = textOrNull(e.StateReason)
	case "locked":
		f["lock_reason"] = textOrNull(e.LockReason)
	case "review_requested", "review_request_removed":
		f["review_requester"] = v.userView(e.Actor)
		if t, ok := v.forge.FindTeam(e.Team); ok {
			f["requested_team"] = v.teamView(t)
		} else {
			f["requested_reviewer"] = v.userView(e.Reviewer)
		}
	case "review_dismissed":
		f["dismissed_review"] = fields{"state": strings.ToLower(e.From), "review_id": e.ReviewID,
			"dismissal_message": textOrNull(e.To)}
	case "sub_issue_added", "sub_issue_removed":
		f["sub_issue"] = v.issueReference(by, e.IssueID)
	case "parent_issue_added", "parent_issue_removed":
		f["parent_issue"] = v.issueReference(by, e.IssueID)
	}
	return f
}

// issueReference is how a timeline names another issue; null when it is gone or the actor does not see it.
func (v *Views) issueReference(by *forge.Actor, id int64) any {
	i, ok := v.forge.IssuesByID[id]
	if !ok || !v.forge.CanSee(by, i.Repo()) {
		return nil
	}
	return fields{
		"number": i.Number, "title": i.Title, "state": i.State(),
		"state_reason": textOrNull(i.StateReason), "repository": v.repoSimpleFields(i.Repo()),
		"issue_type": nil,
	}
}
