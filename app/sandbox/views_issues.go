package sandbox

import (
	"fmt"
	"net/url"
	"strings"
)

// labelView is a label of a repository.
func (st *store) labelView(r *Repository, l *Label) fields {
	return fields{
		"id": l.ID, "node_id": nodeID("LA", l.ID), "url": st.api("/repos/%s/labels/%s", r.FullName(), url.PathEscape(l.Name)), "name": l.Name,
		"description": textOrNull(l.Description), "color": l.Color, "default": l.Default,
	}
}

func (st *store) labelViews(i *Issue) []fields {
	return each(i.Labels, func(l *Label) fields { return st.labelView(i.repo, l) })
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

func (st *store) reactionView(r *Reaction) fields {
	return fields{"id": r.ID, "node_id": nodeID("REA", r.ID), "user": st.userView(r.User), "content": r.Content, "created_at": stamp(r.Created)}
}

// viaApp is the app for what was written with an installation token, else null.
func (st *store) viaApp(via bool) any {
	if !via {
		return nil
	}
	if st.app.view == nil {
		st.app.view = mustJSON(st.appView())
	}
	return st.app.view
}

// issueAPI is the address of an issue in the API; issueHTML is its page.
func (st *store) issueAPI(i *Issue) string {
	return st.api("/repos/%s/issues/%d", i.repo.FullName(), i.Number)
}

func (st *store) issueHTML(i *Issue) string {
	kind := "issues"
	if i.Pull != nil {
		kind = "pull"
	}
	return fmt.Sprintf("%s/%s/%s/%d", st.url, i.repo.FullName(), kind, i.Number)
}

// firstUser is the view of the first login, or null.
func (st *store) firstUser(logins []string) any {
	if len(logins) == 0 {
		return nil
	}
	return st.userView(logins[0])
}

// nodeID is the issue's id in GraphQL; a pull request has its own there.
func (i *Issue) nodeID() string {
	if i.Pull != nil {
		return nodeID("PR", i.Pull.ID)
	}
	return nodeID("I", i.ID)
}

// relatedView is an issue as lists of sub-issues and a search show it: with its repository.
func (st *store) relatedView(i *Issue) fields {
	return st.issueView(i).with(fields{"repository": st.repoView(i.repo)})
}

// issueView is an issue as lists and webhooks show it.
func (st *store) issueView(i *Issue) fields {
	api := st.issueAPI(i)
	f := fields{
		"id": i.ID, "node_id": i.nodeID(), "url": api, "repository_url": st.api("/repos/%s", i.repo.FullName()),
		"labels_url": api + "/labels{/name}", "comments_url": api + "/comments", "events_url": api + "/events", "timeline_url": api + "/timeline",
		"html_url": st.issueHTML(i), "number": i.Number, "title": i.Title, "body": textOrNull(i.Body), "user": st.userView(i.Author),
		"author_association": st.association(i.Author, i.repo), "state": i.State(), "state_reason": textOrNull(i.StateReason), "locked": i.Locked,
		"active_lock_reason": textOrNull(i.LockReason), "type": nil, "labels": st.labelViews(i), "assignee": st.firstUser(i.Assignees), "assignees": each(i.Assignees, st.userView),
		"milestone": nil, "comments": len(i.Comments), "created_at": stamp(i.Created), "updated_at": stamp(i.Updated), "closed_at": stampOrNull(i.ClosedAt),
		"performed_via_github_app": st.viaApp(i.ViaApp), "reactions": rollup(api, i.Reactions), "sub_issues_summary": st.subIssuesSummary(i),
		"issue_dependencies_summary": fields{"blocked_by": 0, "blocking": 0, "total_blocked_by": 0, "total_blocking": 0},
	}
	if parent, ok := st.issues[i.Parent]; ok {
		f["parent_issue_url"] = st.issueAPI(parent)
	}
	if i.Pull != nil {
		f["draft"] = i.Pull.Draft
		f["pull_request"] = fields{
			"url": st.pullAPI(i), "html_url": st.issueHTML(i), "diff_url": st.issueHTML(i) + ".diff", "patch_url": st.issueHTML(i) + ".patch",
			"merged_at": stampOrNull(i.Pull.MergedAt),
		}
	}
	return f
}

// issueFullView is an issue as the API answers it alone: with who closed it and the pinned comment.
func (st *store) issueFullView(i *Issue) fields {
	f := st.issueView(i)
	f["closed_by"] = nil
	if i.ClosedBy != "" {
		f["closed_by"] = st.userView(i.ClosedBy)
	}
	f["pinned_comment"] = nil
	if c, ok := st.comments[i.Pinned]; ok {
		f["pinned_comment"] = st.commentView(c)
	}
	return f
}

func (st *store) subIssuesSummary(i *Issue) fields {
	done := 0
	for _, id := range i.SubIssues {
		if child, ok := st.issues[id]; ok && child.Closed {
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
func (st *store) commentAPI(c *Comment) string {
	return st.api("/repos/%s/issues/comments/%d", c.issue.repo.FullName(), c.ID)
}

// commentHTML is the place of a comment on its issue's page.
func (st *store) commentHTML(c *Comment) string {
	return fmt.Sprintf("%s#issuecomment-%d", st.issueHTML(c.issue), c.ID)
}

// commentView is a comment.
func (st *store) commentView(c *Comment) fields {
	api := st.commentAPI(c)
	f := fields{
		"id": c.ID, "node_id": nodeID("IC", c.ID), "url": api, "html_url": st.commentHTML(c), "issue_url": st.issueAPI(c.issue), "body": c.Body,
		"user": st.userView(c.Author), "author_association": st.association(c.Author, c.issue.repo), "created_at": stamp(c.Created),
		"updated_at": stamp(c.Updated), "performed_via_github_app": st.viaApp(c.ViaApp), "reactions": rollup(api, c.Reactions), "pin": nil, "minimized": nil,
	}
	if !c.PinnedAt.IsZero() {
		f["pin"] = fields{"pinned_at": stamp(c.PinnedAt), "pinned_by": st.userView(c.PinnedBy)}
	}
	return f
}

// eventView is an item of the timeline, as an actor sees it; inTimeline tells it from the same item in the events API.
func (st *store) eventView(by *Actor, i *Issue, e *Event, inTimeline bool) fields {
	switch e.Kind {
	case "commented":
		return st.commentView(e.comment).with(fields{"event": "commented", "actor": st.userView(e.Actor)})
	case "reviewed":
		return st.reviewView(i, e.review).with(fields{"event": "reviewed", "user": st.userView(e.review.Author), "state": strings.ToLower(e.review.State)})
	case "committed":
		return st.gitCommitView(i.repo, i.repo.Git.Commits[e.CommitID]).with(fields{"event": "committed"})
	case "cross-referenced":
		f := fields{"event": e.Kind, "actor": st.userView(e.Actor), "created_at": stamp(e.At), "updated_at": stamp(e.At)}
		source := st.issues[e.IssueID]
		f["source"] = fields{"type": "issue", "issue": st.issueView(source).with(fields{"repository": st.repoView(source.repo)})}
		return f
	}
	f := fields{
		"id": e.ID, "node_id": nodeID("EV", e.ID), "url": st.api("/repos/%s/issues/events/%d", i.repo.FullName(), e.ID), "actor": st.userView(e.Actor),
		"event": e.Kind, "commit_id": textOrNull(e.CommitID), "commit_url": nil, "created_at": stamp(e.At), "performed_via_github_app": st.viaApp(e.ViaApp),
	}
	if e.CommitID != "" {
		f["commit_url"] = st.api("/repos/%s/commits/%s", i.repo.FullName(), e.CommitID)
	}
	switch e.Kind {
	case "labeled", "unlabeled":
		f["label"] = fields{"name": e.Label.Name, "color": e.Label.Color}
	case "assigned", "unassigned":
		f["assignee"] = st.userView(e.Assignee)
		if !inTimeline {
			// the events API names the assignee as actor and tells apart who assigned
			f["actor"], f["assigner"] = st.userView(e.Assignee), st.userView(e.Actor)
		}
	case "renamed":
		f["rename"] = fields{"from": e.From, "to": e.To}
	case "closed", "reopened":
		f["state_reason"] = textOrNull(e.StateReason)
	case "locked":
		f["lock_reason"] = textOrNull(e.LockReason)
	case "review_requested", "review_request_removed":
		f["review_requester"] = st.userView(e.Actor)
		if t, ok := st.team(e.Team); ok {
			f["requested_team"] = st.teamView(t)
		} else {
			f["requested_reviewer"] = st.userView(e.Reviewer)
		}
	case "review_dismissed":
		f["dismissed_review"] = fields{"state": strings.ToLower(e.From), "review_id": e.ReviewID, "dismissal_message": textOrNull(e.To)}
	case "sub_issue_added", "sub_issue_removed":
		f["sub_issue"] = st.issueReference(by, e.IssueID)
	case "parent_issue_added", "parent_issue_removed":
		f["parent_issue"] = st.issueReference(by, e.IssueID)
	}
	return f
}

// issueReference is how a timeline names another issue; null when it is gone or the actor does not see it.
func (st *store) issueReference(by *Actor, id int64) any {
	i, ok := st.issues[id]
	if !ok || !st.sees(by, i.repo) {
		return nil
	}
	return fields{
		"number": i.Number, "title": i.Title, "state": i.State(), "state_reason": textOrNull(i.StateReason), "repository": st.repoSimpleFields(i.repo),
		"issue_type": nil,
	}
}
