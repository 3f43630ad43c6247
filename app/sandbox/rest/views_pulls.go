package rest

import (
	"encoding/json"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// pullAPI is the address of a pull request in the API.
func (v *Views) pullAPI(i *forge.Issue) string {
	return v.api("/repos/%s/pulls/%d", i.Repo().FullName(), i.Number)
}

// pullView is a pull request as lists show it.
func (v *Views) pullView(i *forge.Issue) fields {
	api, issue, html, p := v.pullAPI(i), v.issueAPI(i), v.forge.IssueURL(i), i.Pull
	repo := v.api("/repos/%s", i.Repo().FullName())
	link := func(address string) fields { return fields{"href": address} }
	labels := v.labelViews(i)
	for n, l := range i.Labels {
		labels[n]["description"] = l.Description
	}
	base := p.BaseSHA
	if tip, ok := i.Repo().Git.Branch(p.Base); ok && !i.Closed {
		base = tip.SHA
	}
	end := func(branch, sha string) fields {
		return fields{"label": i.Repo().Owner + ":" + branch, "ref": branch, "sha": sha,
			"user": v.userView(i.Repo().Owner), "repo": v.repoView(i.Repo())}
	}
	f := fields{
		"id": p.ID, "node_id": forge.NodeID("PR", p.ID), "url": api, "html_url": html,
		"diff_url": html + ".diff", "patch_url": html + ".patch", "issue_url": issue,
		"commits_url": api + "/commits", "review_comments_url": api + "/comments",
		"review_comment_url": repo + "/pulls/comments{/number}",
		"comments_url":       issue + "/comments", "statuses_url": repo + "/statuses/" + p.HeadSHA,
		"number": i.Number, "state": i.State(), "locked": i.Locked,
		"active_lock_reason": textOrNull(i.LockReason), "title": i.Title, "user": v.userView(i.Author),
		"body": textOrNull(i.Body), "labels": labels, "milestone": nil,
		"created_at": forge.FormatTime(i.Created), "updated_at": forge.FormatTime(i.Updated),
		"closed_at": stampOrNull(i.ClosedAt), "merged_at": stampOrNull(p.MergedAt),
		"merge_commit_sha": textOrNull(p.MergeSHA), "assignee": v.firstUser(i.Assignees),
		"assignees":           each(i.Assignees, v.userView),
		"requested_reviewers": each(p.Reviewers, v.userView), "requested_teams": each(p.Teams, v.teamBySlug),
		"head": end(p.Head, p.HeadSHA), "base": end(p.Base, base),
		"_links": fields{
			"self": link(api), "html": link(html), "issue": link(issue),
			"comments": link(issue + "/comments"), "review_comments": link(api + "/comments"),
			"review_comment": link(repo + "/pulls/comments{/number}"), "commits": link(api + "/commits"),
			"statuses": link(repo + "/statuses/" + p.HeadSHA),
		},
		"author_association": v.forge.Association(i.Author, i.Repo()), "auto_merge": nil, "draft": p.Draft,
	}
	if m := p.AutoMerge; m != nil {
		f["auto_merge"] = fields{"enabled_by": v.userView(m.By), "merge_method": m.Method, "commit_title": i.Title,
			"commit_message": ""}
	}
	return f
}

// teamSimpleBySlug is a team as a pull request alone has it: without its parent.
func (v *Views) teamSimpleBySlug(slug string) fields {
	view := v.teamBySlug(slug)
	delete(view, "parent")
	return view
}

func (v *Views) teamBySlug(slug string) fields {
	t, ok := v.forge.FindTeam(slug)
	if !ok {
		return nil
	}
	return v.teamView(t)
}

// pullFullView is a pull request as the API answers it alone.
func (v *Views) pullFullView(i *forge.Issue) fields {
	commits, changes := v.forge.PullCommits(i), v.forge.PullChanges(i)
	additions, deletions := 0, 0
	for _, c := range changes {
		additions += c.Additions
		deletions += c.Deletions
	}
	f := v.pullView(i).with(fields{
		"merged": i.Pull.Merged(), "merged_by": nil, "mergeable": nil, "rebaseable": nil,
		"mergeable_state": "unknown", "comments": len(i.Comments),
		"review_comments": 0, "maintainer_can_modify": false, "commits": len(commits),
		"additions": additions, "deletions": deletions,
		"changed_files": len(changes), "requested_teams": each(i.Pull.Teams, v.teamSimpleBySlug),
	})
	if i.Pull.Merged() {
		f["merged_by"] = v.userView(i.Pull.MergedBy)
	}
	if !i.Closed {
		_, ok := v.forge.TryMerge(i)
		f["mergeable"], f["rebaseable"], f["mergeable_state"] = ok, ok, v.forge.MergeState(i)
	}
	return f
}

// reviewView is a review.
func (v *Views) reviewView(i *forge.Issue, r *forge.Review) fields {
	html := v.forge.ReviewURL(i, r)
	user := v.userView(r.Author)
	if r.Author == forge.Ghost { // GitHub names the ghost everywhere but here
		user = json.RawMessage("null")
	}
	return fields{
		"id": r.ID, "node_id": forge.NodeID("PRR", r.ID), "user": user, "body": r.Body, "state": r.State,
		"html_url":         html,
		"pull_request_url": v.pullAPI(i), "author_association": v.forge.Association(r.Author, i.Repo()),
		"submitted_at": forge.FormatTime(r.Submitted),
		"commit_id":    r.CommitID, "_links": fields{"html": fields{"href": html},
			"pull_request": fields{"href": v.pullAPI(i)}},
	}
}

// pullMinimalViews lists the open pull requests whose head is a commit, as check runs name them.
func (v *Views) pullMinimalViews(r *forge.Repository, sha string) []fields {
	out := []fields{}
	repo := fields{"id": r.ID, "url": v.api("/repos/%s", r.FullName()), "name": r.Name}
	for _, i := range r.Issues {
		if i == nil || i.Pull == nil || i.Closed || i.Pull.HeadSHA != sha {
			continue
		}
		out = append(out, fields{
			"id": i.Pull.ID, "number": i.Number, "url": v.pullAPI(i),
			"head": fields{"ref": i.Pull.Head, "sha": sha, "repo": repo},
			"base": fields{"ref": i.Pull.Base, "sha": i.Pull.BaseSHA, "repo": repo},
		})
	}
	return out
}

// checkRunView is a check run.
func (v *Views) checkRunView(r *forge.Repository, run *forge.CheckRun) fields {
	api := v.api("/repos/%s/check-runs/%d", r.FullName(), run.ID)
	html, details := v.forge.CheckRunURLs(r, run)
	return fields{
		"id": run.ID, "node_id": forge.NodeID("CR", run.ID), "head_sha": run.HeadSHA,
		"external_id": run.ExternalID, "url": api, "html_url": html,
		"details_url": details, "status": run.Status, "conclusion": textOrNull(run.Conclusion),
		"started_at":   stampOrNull(run.Started),
		"completed_at": stampOrNull(run.Completed), "name": run.Name, "app": v.appView(),
		"check_suite":   fields{"id": run.Suite},
		"pull_requests": v.pullMinimalViews(r, run.HeadSHA),
		"output": fields{
			"title": textOrNull(run.Title), "summary": textOrNull(run.Summary),
			"text": textOrNull(run.Text), "annotations_count": len(run.Annotations),
			"annotations_url": api + "/annotations",
		},
	}
}

// suiteSimpleView is a check suite as check_run webhooks show it.
func (v *Views) suiteSimpleView(r *forge.Repository, s *forge.CheckSuite) fields {
	status, conclusion := forge.SuiteState(r, s)
	return fields{
		"id": s.ID, "node_id": forge.NodeID("CS", s.ID), "head_branch": s.Branch, "head_sha": s.HeadSHA,
		"status": status, "conclusion": textOrNull(conclusion),
		"url": v.api("/repos/%s/check-suites/%d", r.FullName(), s.ID), "before": nil, "after": s.HeadSHA,
		"app":           v.appView(),
		"pull_requests": v.pullMinimalViews(r, s.HeadSHA), "created_at": forge.FormatTime(s.Created),
		"updated_at": forge.FormatTime(s.Updated),
	}
}

// suiteView is a check suite.
func (v *Views) suiteView(r *forge.Repository, s *forge.CheckSuite) fields {
	api := v.api("/repos/%s/check-suites/%d", r.FullName(), s.ID)
	return v.suiteSimpleView(r, s).with(fields{
		"repository": v.repoView(r), "head_commit": v.simpleCommitView(r.Git.Commits[s.HeadSHA]),
		"latest_check_runs_count": len(r.CheckRunsOf(s.HeadSHA, false)),
		"check_runs_url":          api + "/check-runs",
	})
}

func (v *Views) annotationView(r *forge.Repository, run *forge.CheckRun, a forge.Annotation) fields {
	return fields{
		"path": a.Path, "start_line": a.StartLine, "end_line": a.EndLine, "start_column": a.StartColumn,
		"end_column":       a.EndColumn,
		"annotation_level": a.Level, "title": textOrNull(a.Title), "message": a.Message,
		"raw_details": textOrNull(a.RawDetails),
		"blob_href": v.api("/repos/%s/contents/%s?ref=%s", r.FullName(), forge.EscapePath(a.Path),
			run.HeadSHA),
	}
}

// statusView is a commit status. Where a commit's statuses are summed up it has no creator.
func (v *Views) statusView(r *forge.Repository, s *forge.Status) fields {
	return fields{
		"id": s.ID, "node_id": forge.NodeID("SC", s.ID),
		"url": v.api("/repos/%s/statuses/%s", r.FullName(), s.SHA), "avatar_url": nil, "state": s.State,
		"description": textOrNull(s.Description), "target_url": textOrNull(s.TargetURL),
		"context": s.Context, "created_at": forge.FormatTime(s.Created),
		"updated_at": forge.FormatTime(s.Created),
	}
}
