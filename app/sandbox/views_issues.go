package sandbox

import (
	"net/url"
	"strings"
)

// labelView is a label of a repository.
func (v *views) labelView(r *Repository, l *Label) fields {
	return fields{
		"id": l.ID, "node_id": nodeID("LA", l.ID), "url": v.api("/repos/%s/labels/%s", r.FullName(), url.PathEscape(l.Name)), "name": l.Name,
		"description": textOrNull(l.Description), "color": l.Color, "default": l.Default,
	}
}

func (v *views) labelViews(i *Issue) []fields {
	return each(i.Labels, func(l *Label) fields { return v.labelView(i.repo, l) })
}

// rollup counts reactions.
func rollup(address string, reactions []*Reaction) fields {
	f := fields{"url": address + "/reactions", "total_count": len(reactions)}
	for _, kind := range reactionKinds {
		f[kind] = 0
	}
	for _, r := range reactions {
		f[r.Content] = f[r.Content].(int) + 1
	}
	return f
}

func (v *views) reactionView(r *Reaction) fields {
	return fields{"id": r.ID, "node_id": nodeID("REA", r.ID), "user": v.userView(r.User), "content": r.Content, "created_at": stamp(r.Created)}
}

// viaApp is the app for what was written with an installation token, else null.
func (v *views) viaApp(via bool) any {
	if !via {
		return nil
	}
	if kept := v.keptApp; kept.app != v.app || kept.owner != v.app.Owner {
		v.keptApp = keptApp{app: v.app, owner: v.app.Owner, view: mustJSON(v.appView())}
	}
	return v.keptApp.view
}

// issueAPI is the address of an issue in the API; issueHTML is its page.
func (v *views) issueAPI(i *Issue) string {
	return v.api("/repos/%s/issues/%d", i.repo.FullName(), i.Number)
}

// firstUser is the view of the first login, or null.
func (v *views) firstUser(logins []string) any {
	if len(logins) == 0 {
		return nil
	}
	return v.userView(logins[0])
}

// relatedView is an issue as lists of sub-issues and a search show it: with its repository.
func (v *views) relatedView(i *Issue) fields {
	return v.issueView(i).with(fields{"repository": v.repoView(i.repo)})
}

// issueView is an issue as lists and webhooks show it.
func (v *views) issueView(i *Issue) fields {
	api := v.issueAPI(i)
	f := fields{
		"id": i.ID, "node_id": i.nodeID(), "url": api, "repository_url": v.api("/repos/%s", i.repo.FullName()),
		"labels_url": api + "/labels{/name}", "comments_url": api + "/comments", "events_url": api + "/events", "timeline_url": api + "/timeline",
		"html_url": v.issueHTML(i), "number": i.Number, "title": i.Title, "body": textOrNull(i.Body), "user": v.userView(i.Author),
		"author_association": v.association(i.Author, i.repo), "state": i.State(), "state_reason": textOrNull(i.StateReason), "locked": i.Locked,
		"active_lock_reason": textOrNull(i.LockReason), "type": nil, "labels": v.labelViews(i), "assignee": v.firstUser(i.Assignees), "assignees": each(i.Assignees, v.userView),
		"milestone": nil, "comments": len(i.Comments), "created_at": stamp(i.Created), "updated_at": stamp(i.Updated), "closed_at": stampOrNull(i.ClosedAt),
		"performed_via_github_app": v.viaApp(i.ViaApp), "reactions": rollup(api, i.Reactions), "sub_issues_summary": v.subIssuesSummary(i),
		"issue_dependencies_summary": fields{"blocked_by": 0, "blocking": 0, "total_blocked_by": 0, "total_blocking": 0},
	}
	if parent, ok := v.issues[i.Parent]; ok {
		f["parent_issue_url"] = v.issueAPI(parent)
	}
	if i.Pull != nil {
		f["draft"] = i.Pull.Draft
		f["pull_request"] = fields{
			"url": v.pullAPI(i), "html_url": v.issueHTML(i), "diff_url": v.issueHTML(i) + ".diff", "patch_url": v.issueHTML(i) + ".patch",
			"merged_at": stampOrNull(i.Pull.MergedAt),
		}
	}
	return f
}

// issueFullView is an issue as the API answers it alone: with who closed it and the pinned comment.
func (v *views) issueFullView(i *Issue) fields {
	f := v.issueView(i)
	f["closed_by"] = nil
	if i.ClosedBy != "" {
		f["closed_by"] = v.userView(i.ClosedBy)
	}
	f["pinned_comment"] = nil
	if c, ok := v.comments[i.Pinned]; ok {
		f["pinned_comment"] = v.commentView(c)
	}
	return f
}

func (v *views) subIssuesSummary(i *Issue) fields {
	done := 0
	for _, id := range i.SubIssues {
		if child, ok := v.issues[id]; ok && child.Closed {
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
func (v *views) commentAPI(c *Comment) string {
	return v.api("/repos/%s/issues/comments/%d", c.issue.repo.FullName(), c.ID)
}

// commentView is a comment.
func (v *views) commentView(c *Comment) fields {
	api := v.commentAPI(c)
	f := fields{
		"id": c.ID, "node_id": nodeID("IC", c.ID), "url": api, "html_url": v.commentHTML(c), "issue_url": v.issueAPI(c.issue), "body": c.Body,
		"user": v.userView(c.Author), "author_association": v.association(c.Author, c.issue.repo), "created_at": stamp(c.Created),
		"updated_at": stamp(c.Updated), "performed_via_github_app": v.viaApp(c.ViaApp), "reactions": rollup(api, c.Reactions), "pin": nil, "minimized": nil,
	}
	if !c.PinnedAt.IsZero() {
		f["pin"] = fields{"pinned_at": stamp(c.PinnedAt), "pinned_by": v.userView(c.PinnedBy)}
	}
	return f
}

// eventView is an item of the timeline, as an actor sees it; inTimeline tells it from the same item in the events API.
func (v *views) eventView(by *Actor, i *Issue, e *Event, inTimeline bool) fields {
	switch e.Kind {
	case "commented":
		return v.commentView(e.comment).with(fields{"event": "commented", "actor": v.userView(e.Actor)})
	case "reviewed":
		return v.reviewView(i, e.review).with(fields{"event": "reviewed", "user": v.userView(e.review.Author), "state": strings.ToLower(e.review.State)})
	case "committed":
		return v.gitCommitView(i.repo, i.repo.Git.Commits[e.CommitID]).with(fields{"event": "committed"})
	case "cross-referenced":
		f := fields{"event": e.Kind, "actor": v.userView(e.Actor), "created_at": stamp(e.At), "updated_at": stamp(e.At)}
		source := v.issues[e.IssueID]
		f["source"] = fields{"type": "issue", "issue": v.issueView(source).with(fields{"repository": v.repoView(source.repo)})}
		return f
	}
	f := fields{
		"id": e.ID, "node_id": nodeID("EV", e.ID), "url": v.api("/repos/%s/issues/events/%d", i.repo.FullName(), e.ID), "actor": v.userView(e.Actor),
		"event": e.Kind, "commit_id": textOrNull(e.CommitID), "commit_url": nil, "created_at": stamp(e.At), "performed_via_github_app": v.viaApp(e.ViaApp),
	}
	if e.CommitID != "" {
		f["commit_url"] = v.api("/repos/%s/commits/%s", i.repo.FullName(), e.CommitID)
	}
	switch e.Kind {
	case "labeled", "unlabeled":
		f["label"] = fields{"name": e.Label.Name, "color": e.Label.Color}
	case "assigned", "unassigned":
		f["assignee"] = v.userView(e.Assignee)
		if !inTimeline {
			// the events API names the assignee as actor and tells apart who assigned
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
		if t, ok := v.team(e.Team); ok {
			f["requested_team"] = v.teamView(t)
		} else {
			f["requested_reviewer"] = v.userView(e.Reviewer)
		}
	case "review_dismissed":
		f["dismissed_review"] = fields{"state": strings.ToLower(e.From), "review_id": e.ReviewID, "dismissal_message": textOrNull(e.To)}
	case "sub_issue_added", "sub_issue_removed":
		f["sub_issue"] = v.issueReference(by, e.IssueID)
	case "parent_issue_added", "parent_issue_removed":
		f["parent_issue"] = v.issueReference(by, e.IssueID)
	}
	return f
}

// issueReference is how a timeline names another issue; null when it is gone or the actor does not see it.
func (v *views) issueReference(by *Actor, id int64) any {
	i, ok := v.issues[id]
	if !ok || !v.sees(by, i.repo) {
		return nil
	}
	return fields{
		"number": i.Number, "title": i.Title, "state": i.State(), "state_reason": textOrNull(i.StateReason), "repository": v.repoSimpleFields(i.repo),
		"issue_type": nil,
	}
}
