package sandbox

import (
	"encoding/json"
)

// pullAPI is the address of a pull request in the API.
func (v *views) pullAPI(i *Issue) string {
	return v.api("/repos/%s/pulls/%d", i.repo.FullName(), i.Number)
}

// pullView is a pull request as lists show it.
func (v *views) pullView(i *Issue) fields {
	api, issue, html, p := v.pullAPI(i), v.issueAPI(i), v.issueHTML(i), i.Pull
	repo := v.api("/repos/%s", i.repo.FullName())
	link := func(address string) fields { return fields{"href": address} }
	labels := v.labelViews(i)
	for n, l := range i.Labels {
		labels[n]["description"] = l.Description
	}
	base := p.BaseSHA
	if tip, ok := i.repo.Git.branch(p.Base); ok && !i.Closed {
		base = tip.SHA
	}
	end := func(branch, sha string) fields {
		return fields{"label": i.repo.Owner + ":" + branch, "ref": branch, "sha": sha, "user": v.userView(i.repo.Owner), "repo": v.repoView(i.repo)}
	}
	f := fields{
		"id": p.ID, "node_id": nodeID("PR", p.ID), "url": api, "html_url": html, "diff_url": html + ".diff", "patch_url": html + ".patch", "issue_url": issue,
		"commits_url": api + "/commits", "review_comments_url": api + "/comments", "review_comment_url": repo + "/pulls/comments{/number}",
		"comments_url": issue + "/comments", "statuses_url": repo + "/statuses/" + p.HeadSHA, "number": i.Number, "state": i.State(), "locked": i.Locked,
		"active_lock_reason": textOrNull(i.LockReason), "title": i.Title, "user": v.userView(i.Author), "body": textOrNull(i.Body), "labels": labels, "milestone": nil,
		"created_at": stamp(i.Created), "updated_at": stamp(i.Updated), "closed_at": stampOrNull(i.ClosedAt), "merged_at": stampOrNull(p.MergedAt),
		"merge_commit_sha": textOrNull(p.MergeSHA), "assignee": v.firstUser(i.Assignees), "assignees": each(i.Assignees, v.userView),
		"requested_reviewers": each(p.Reviewers, v.userView), "requested_teams": each(p.Teams, v.teamBySlug),
		"head": end(p.Head, p.HeadSHA), "base": end(p.Base, base),
		"_links": fields{
			"self": link(api), "html": link(html), "issue": link(issue), "comments": link(issue + "/comments"), "review_comments": link(api + "/comments"),
			"review_comment": link(repo + "/pulls/comments{/number}"), "commits": link(api + "/commits"), "statuses": link(repo + "/statuses/" + p.HeadSHA),
		},
		"author_association": v.association(i.Author, i.repo), "auto_merge": nil, "draft": p.Draft,
	}
	return f
}

// teamSimpleBySlug is a team as a pull request alone has it: without its parent.
func (v *views) teamSimpleBySlug(slug string) fields {
	view := v.teamBySlug(slug)
	delete(view, "parent")
	return view
}

func (v *views) teamBySlug(slug string) fields {
	t, ok := v.team(slug)
	if !ok {
		return nil
	}
	return v.teamView(t)
}

// pullFullView is a pull request as the API answers it alone.
func (v *views) pullFullView(i *Issue) fields {
	commits, changes := v.pullCommits(i), v.pullChanges(i)
	additions, deletions := 0, 0
	for _, c := range changes {
		additions += c.Additions
		deletions += c.Deletions
	}
	f := v.pullView(i).with(fields{
		"merged": i.Pull.Merged(), "merged_by": nil, "mergeable": nil, "rebaseable": nil, "mergeable_state": "unknown", "comments": len(i.Comments),
		"review_comments": 0, "maintainer_can_modify": false, "commits": len(commits), "additions": additions, "deletions": deletions,
		"changed_files": len(changes), "requested_teams": each(i.Pull.Teams, v.teamSimpleBySlug),
	})
	if i.Pull.Merged() {
		f["merged_by"] = v.userView(i.Pull.MergedBy)
	}
	if !i.Closed {
		_, ok := v.mergeable(i)
		f["mergeable"], f["rebaseable"], f["mergeable_state"] = ok, ok, v.mergeState(i)
	}
	return f
}

// reviewView is a review.
func (v *views) reviewView(i *Issue, r *Review) fields {
	html := v.reviewHTML(i, r)
	user := v.userView(r.Author)
	if r.Author == ghost { // GitHub names the ghost everywhere but here
		user = json.RawMessage("null")
	}
	return fields{
		"id": r.ID, "node_id": nodeID("PRR", r.ID), "user": user, "body": r.Body, "state": r.State, "html_url": html,
		"pull_request_url": v.pullAPI(i), "author_association": v.association(r.Author, i.repo), "submitted_at": stamp(r.Submitted),
		"commit_id": r.CommitID, "_links": fields{"html": fields{"href": html}, "pull_request": fields{"href": v.pullAPI(i)}},
	}
}

// pullMinimalViews lists the open pull requests whose head is a commit, as check runs name them.
func (v *views) pullMinimalViews(r *Repository, sha string) []fields {
	out := []fields{}
	repo := fields{"id": r.ID, "url": v.api("/repos/%s", r.FullName()), "name": r.Name}
	for _, i := range r.Issues {
		if i == nil || i.Pull == nil || i.Closed || i.Pull.HeadSHA != sha {
			continue
		}
		out = append(out, fields{
			"id": i.Pull.ID, "number": i.Number, "url": v.pullAPI(i), "head": fields{"ref": i.Pull.Head, "sha": sha, "repo": repo},
			"base": fields{"ref": i.Pull.Base, "sha": i.Pull.BaseSHA, "repo": repo},
		})
	}
	return out
}

// checkRunView is a check run.
func (v *views) checkRunView(r *Repository, run *CheckRun) fields {
	api := v.api("/repos/%s/check-runs/%d", r.FullName(), run.ID)
	html, details := v.checkRunHTML(r, run)
	return fields{
		"id": run.ID, "node_id": nodeID("CR", run.ID), "head_sha": run.HeadSHA, "external_id": run.ExternalID, "url": api, "html_url": html,
		"details_url": details, "status": run.Status, "conclusion": textOrNull(run.Conclusion), "started_at": stampOrNull(run.Started),
		"completed_at": stampOrNull(run.Completed), "name": run.Name, "app": v.appView(), "check_suite": fields{"id": run.Suite},
		"pull_requests": v.pullMinimalViews(r, run.HeadSHA),
		"output": fields{
			"title": textOrNull(run.Title), "summary": textOrNull(run.Summary), "text": textOrNull(run.Text), "annotations_count": len(run.Annotations),
			"annotations_url": api + "/annotations",
		},
	}
}

// suiteSimpleView is a check suite as check_run webhooks show it.
func (v *views) suiteSimpleView(r *Repository, s *CheckSuite) fields {
	status, conclusion := suiteState(r, s)
	return fields{
		"id": s.ID, "node_id": nodeID("CS", s.ID), "head_branch": s.Branch, "head_sha": s.HeadSHA, "status": status, "conclusion": textOrNull(conclusion),
		"url": v.api("/repos/%s/check-suites/%d", r.FullName(), s.ID), "before": nil, "after": s.HeadSHA, "app": v.appView(),
		"pull_requests": v.pullMinimalViews(r, s.HeadSHA), "created_at": stamp(s.Created), "updated_at": stamp(s.Updated),
	}
}

// suiteView is a check suite.
func (v *views) suiteView(r *Repository, s *CheckSuite) fields {
	api := v.api("/repos/%s/check-suites/%d", r.FullName(), s.ID)
	return v.suiteSimpleView(r, s).with(fields{
		"repository": v.repoView(r), "head_commit": v.simpleCommitView(r.Git.Commits[s.HeadSHA]), "latest_check_runs_count": len(r.runsFor(s.HeadSHA, false)),
		"check_runs_url": api + "/check-runs",
	})
}

func (v *views) annotationView(r *Repository, run *CheckRun, a Annotation) fields {
	return fields{
		"path": a.Path, "start_line": a.StartLine, "end_line": a.EndLine, "start_column": a.StartColumn, "end_column": a.EndColumn,
		"annotation_level": a.Level, "title": textOrNull(a.Title), "message": a.Message, "raw_details": textOrNull(a.RawDetails),
		"blob_href": v.api("/repos/%s/contents/%s?ref=%s", r.FullName(), escapePath(a.Path), run.HeadSHA),
	}
}

// statusView is a commit status. Where a commit's statuses are summed up it has no creator.
func (v *views) statusView(r *Repository, s *Status) fields {
	return fields{
		"id": s.ID, "node_id": nodeID("SC", s.ID), "url": v.api("/repos/%s/statuses/%s", r.FullName(), s.SHA), "avatar_url": nil, "state": s.State,
		"description": textOrNull(s.Description), "target_url": textOrNull(s.TargetURL), "context": s.Context, "created_at": stamp(s.Created),
		"updated_at": stamp(s.Created),
	}
}
