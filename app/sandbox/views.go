package sandbox

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// fields is a JSON object under construction.
type fields map[string]any

// with adds to an object and returns it.
func (f fields) with(more fields) fields {
	for k, v := range more {
		f[k] = v
	}
	return f
}

// stamp writes a time as GitHub does: whole seconds, UTC.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// stampOrNull is null for the zero time.
func stampOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}

// textOrNull is null for the empty text.
func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// list makes sure that an empty list is written [] and not null.
func list[T any](of []T) []T {
	if of == nil {
		return []T{}
	}
	return of
}

// each makes a view of every element.
func each[T, V any](of []T, view func(T) V) []V {
	out := make([]V, 0, len(of))
	for _, x := range of {
		out = append(out, view(x))
	}
	return out
}

// api is the address of a REST resource.
func (st *store) api(format string, args ...any) string {
	return st.url + "/api/v3" + fmt.Sprintf(format, args...)
}

// mustJSON writes what cannot fail to be written.
func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("sandbox: a view cannot be written as JSON: %v", err))
	}
	return b
}

// userView is an account as others embed it; null for nobody.
func (st *store) userView(login string) json.RawMessage {
	u, ok := st.user(login)
	if !ok {
		return json.RawMessage("null")
	}
	if u.view == nil {
		u.view = mustJSON(st.userFields(u))
	}
	return u.view
}

func (st *store) userFields(u *User) fields {
	at := url.PathEscape(u.Login)
	api := st.api("/users/%s", at)
	html := st.url + "/" + at
	if u.Kind == KindBot {
		html = st.url + "/apps/" + st.app.Slug
	}
	prefix := "U"
	switch u.Kind {
	case KindBot:
		prefix = "BOT"
	case KindOrganization:
		prefix = "O"
	}
	return fields{
		"login": u.Login, "id": u.ID, "node_id": nodeID(prefix, u.ID), "avatar_url": fmt.Sprintf("%s/avatars/u/%d", st.url, u.ID), "gravatar_id": "",
		"url": api, "html_url": html, "followers_url": api + "/followers", "following_url": api + "/following{/other_user}",
		"gists_url": api + "/gists{/gist_id}", "starred_url": api + "/starred{/owner}{/repo}", "subscriptions_url": api + "/subscriptions",
		"organizations_url": api + "/orgs", "repos_url": api + "/repos", "events_url": api + "/events{/privacy}",
		"received_events_url": api + "/received_events", "type": u.Kind, "user_view_type": "public", "site_admin": false,
	}
}

// profileView is an account as GET /users/{login} answers it.
func (st *store) profileView(u *User) fields {
	return st.userFields(u).with(fields{
		"name": textOrNull(u.Name), "company": nil, "blog": "", "location": nil, "email": textOrNull(u.Email), "hireable": nil, "bio": nil,
		"twitter_username": nil, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
		"created_at": stamp(u.Created), "updated_at": stamp(u.Created),
	})
}

// ownProfileView is an account as it sees itself.
func (st *store) ownProfileView(u *User) fields {
	return st.profileView(u).with(fields{
		"user_view_type": "private", "private_gists": 0, "total_private_repos": 0, "owned_private_repos": 0, "disk_usage": 0, "collaborators": 0,
		"two_factor_authentication": true,
	})
}

// orgView is the organisation as others embed it.
func (st *store) orgView() fields {
	api := st.api("/orgs/%s", st.org.Login)
	return fields{
		"login": st.org.Login, "id": st.org.ID, "node_id": nodeID("O", st.org.ID), "url": api, "repos_url": api + "/repos", "events_url": api + "/events",
		"hooks_url": api + "/hooks", "issues_url": api + "/issues", "members_url": api + "/members{/member}",
		"public_members_url": api + "/public_members{/member}", "avatar_url": fmt.Sprintf("%s/avatars/u/%d", st.url, st.org.ID), "description": nil,
	}
}

// orgFullView is the organisation as GET /orgs/{org} answers it.
func (st *store) orgFullView() fields {
	return st.orgView().with(fields{
		"name": textOrNull(st.org.Name), "html_url": st.url + "/" + st.org.Login, "type": KindOrganization, "has_organization_projects": true,
		"has_repository_projects": true, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0, "archived_at": nil,
		"created_at": stamp(st.org.Created), "updated_at": stamp(st.org.Created),
	})
}

// teamView is a team as others embed it.
func (st *store) teamView(t *Team) fields {
	api := st.api("/organizations/%d/team/%d", st.org.ID, t.ID)
	return fields{
		"id": t.ID, "node_id": nodeID("T", t.ID), "name": t.Name, "slug": t.Slug, "description": textOrNull(t.Description), "privacy": "closed",
		"notification_setting": "notifications_enabled", "permission": "pull", "url": api, "html_url": fmt.Sprintf("%s/orgs/%s/teams/%s", st.url, t.Org, t.Slug),
		"members_url": api + "/members{/member}", "repositories_url": api + "/repos", "type": "organization", "organization_id": st.org.ID, "parent": nil,
	}
}

// teamFullView is a team as GET /orgs/{org}/teams/{slug} answers it.
func (st *store) teamFullView(t *Team) fields {
	repos := 0
	for _, r := range st.Repos {
		if r.Teams[t.Slug] > RoleNone {
			repos++
		}
	}
	return st.teamView(t).with(fields{
		"members_count": len(t.Members), "repos_count": repos, "created_at": stamp(t.Created), "updated_at": stamp(t.Created),
		"organization": st.orgFullView(),
	})
}

func permissionFields(role Role) fields {
	return fields{"admin": role >= RoleAdmin, "maintain": role >= RoleMaintain, "push": role >= RoleWrite, "triage": role >= RoleTriage, "pull": role >= RoleRead}
}

// repoView is a repository as others embed it.
func (st *store) repoView(r *Repository) json.RawMessage {
	if r.view == nil {
		r.view = mustJSON(st.repoFields(r))
	}
	return r.view
}

func (st *store) repoFields(r *Repository) fields {
	html := st.url + "/" + r.FullName()
	visibility := "public"
	if r.Private {
		visibility = "private"
	}
	return st.repoSimpleFields(r).with(fields{
		"git_url": "git:" + strings.TrimPrefix(strings.TrimPrefix(html, "https:"), "http:") + ".git", "ssh_url": "git@" + hostOf(st.url) + ":" + r.FullName() + ".git",
		"clone_url": html + ".git", "svn_url": html, "mirror_url": nil, "homepage": nil, "language": nil, "license": nil,
		"forks": 0, "forks_count": 0, "stargazers_count": 0, "watchers": 0, "watchers_count": 0, "size": 0, "default_branch": r.DefaultBranch,
		"open_issues": r.open, "open_issues_count": r.open, "is_template": false, "topics": []string{}, "has_issues": true, "has_projects": true,
		"has_wiki": false, "has_pages": false, "has_downloads": true, "has_discussions": false, "has_pull_requests": true, "archived": false,
		"disabled": false, "visibility": visibility, "allow_forking": false, "web_commit_signoff_required": false,
		"pushed_at": stamp(r.Pushed), "created_at": stamp(r.Created), "updated_at": stamp(r.Updated),
	})
}

// repoSimpleFields is a repository where GitHub gives only its name and its addresses.
func (st *store) repoSimpleFields(r *Repository) fields {
	api := st.api("/repos/%s", r.FullName())
	f := fields{
		"id": r.ID, "node_id": nodeID("R", r.ID), "name": r.Name, "full_name": r.FullName(), "owner": st.userView(r.Owner), "private": r.Private,
		"html_url": st.url + "/" + r.FullName(), "description": textOrNull(r.Description), "fork": false, "url": api,
	}
	for key, path := range repoLinks {
		f[key] = api + path
	}
	return f
}

// repoLinks are the addresses of a repository's parts, under its own.
var repoLinks = map[string]string{
	"archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}", "branches_url": "/branches{/branch}",
	"collaborators_url": "/collaborators{/collaborator}", "comments_url": "/comments{/number}", "commits_url": "/commits{/sha}",
	"compare_url": "/compare/{base}...{head}", "contents_url": "/contents/{+path}", "contributors_url": "/contributors", "deployments_url": "/deployments",
	"downloads_url": "/downloads", "events_url": "/events", "forks_url": "/forks", "git_commits_url": "/git/commits{/sha}", "git_refs_url": "/git/refs{/sha}",
	"git_tags_url": "/git/tags{/sha}", "hooks_url": "/hooks", "issue_comment_url": "/issues/comments{/number}", "issue_events_url": "/issues/events{/number}",
	"issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}", "labels_url": "/labels{/name}", "languages_url": "/languages", "merges_url": "/merges",
	"milestones_url": "/milestones{/number}", "notifications_url": "/notifications{?since,all,participating}", "pulls_url": "/pulls{/number}",
	"releases_url": "/releases{/id}", "stargazers_url": "/stargazers", "statuses_url": "/statuses/{sha}", "subscribers_url": "/subscribers",
	"subscription_url": "/subscription", "tags_url": "/tags", "teams_url": "/teams", "trees_url": "/git/trees{/sha}",
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Hostname()
}

// repoListView is a repository as the actor sees it in a list.
func (st *store) repoListView(by *Actor, r *Repository) fields {
	return st.repoFields(r).with(fields{"permissions": permissionFields(st.role(by, r))})
}

// repoFullView is a repository as GET /repos/{owner}/{repo} answers it.
func (st *store) repoFullView(by *Actor, r *Repository) fields {
	return st.repoListView(by, r).with(fields{
		"subscribers_count": 0, "network_count": 0, "organization": st.userView(r.Owner), "allow_rebase_merge": true, "allow_squash_merge": true,
		"allow_merge_commit": true, "allow_auto_merge": false, "delete_branch_on_merge": false, "allow_update_branch": false, "temp_clone_token": "",
	})
}

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
	return st.appView()
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

// issueView is an issue as lists and webhooks show it.
func (st *store) issueView(i *Issue) fields {
	api := st.issueAPI(i)
	f := fields{
		"id": i.ID, "node_id": nodeID("I", i.ID), "url": api, "repository_url": st.api("/repos/%s", i.repo.FullName()),
		"labels_url": api + "/labels{/name}", "comments_url": api + "/comments", "events_url": api + "/events", "timeline_url": api + "/timeline",
		"html_url": st.issueHTML(i), "number": i.Number, "title": i.Title, "body": textOrNull(i.Body), "user": st.userView(i.Author),
		"author_association": st.association(i.Author, i.repo), "state": i.State(), "state_reason": textOrNull(i.StateReason), "locked": i.Locked,
		"active_lock_reason": nil, "labels": st.labelViews(i), "assignee": st.firstUser(i.Assignees), "assignees": each(i.Assignees, st.userView),
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

// eventView is an item of the timeline; inTimeline tells it from the same item in the events API.
func (st *store) eventView(i *Issue, e *Event, inTimeline bool) fields {
	switch e.Kind {
	case "commented":
		return st.commentView(e.comment).with(fields{"event": "commented", "actor": st.userView(e.Actor)})
	case "reviewed":
		return st.reviewView(i, e.review).with(fields{"event": "reviewed", "state": strings.ToLower(e.review.State)})
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
	case "locked", "unlocked":
		f["lock_reason"] = nil
	case "review_requested", "review_request_removed":
		f["review_requester"] = st.userView(e.Actor)
		if t, ok := st.team(e.Team); ok {
			f["requested_team"] = st.teamView(t)
		} else {
			f["requested_reviewer"] = st.userView(e.Reviewer)
		}
	case "sub_issue_added", "sub_issue_removed":
		f["sub_issue"] = st.issueReference(e.IssueID)
	case "parent_issue_added", "parent_issue_removed":
		f["parent_issue"] = st.issueReference(e.IssueID)
	}
	return f
}

// issueReference is how a timeline names another issue; null when it is gone.
func (st *store) issueReference(id int64) any {
	i, ok := st.issues[id]
	if !ok {
		return nil
	}
	return fields{
		"number": i.Number, "title": i.Title, "state": i.State(), "state_reason": textOrNull(i.StateReason), "repository": st.repoSimpleFields(i.repo),
		"issue_type": nil,
	}
}

// pullAPI is the address of a pull request in the API.
func (st *store) pullAPI(i *Issue) string {
	return st.api("/repos/%s/pulls/%d", i.repo.FullName(), i.Number)
}

// pullView is a pull request as lists show it.
func (st *store) pullView(i *Issue) fields {
	api, issue, html, p := st.pullAPI(i), st.issueAPI(i), st.issueHTML(i), i.Pull
	repo := st.api("/repos/%s", i.repo.FullName())
	link := func(address string) fields { return fields{"href": address} }
	labels := st.labelViews(i)
	for n, l := range i.Labels {
		labels[n]["description"] = l.Description
	}
	base := p.BaseSHA
	if tip, ok := i.repo.Git.branch(p.Base); ok && !i.Closed {
		base = tip.SHA
	}
	end := func(branch, sha string) fields {
		return fields{"label": i.repo.Owner + ":" + branch, "ref": branch, "sha": sha, "user": st.userView(i.repo.Owner), "repo": st.repoView(i.repo)}
	}
	f := fields{
		"id": p.ID, "node_id": nodeID("PR", p.ID), "url": api, "html_url": html, "diff_url": html + ".diff", "patch_url": html + ".patch", "issue_url": issue,
		"commits_url": api + "/commits", "review_comments_url": api + "/comments", "review_comment_url": repo + "/pulls/comments{/number}",
		"comments_url": issue + "/comments", "statuses_url": repo + "/statuses/" + p.HeadSHA, "number": i.Number, "state": i.State(), "locked": i.Locked,
		"active_lock_reason": nil, "title": i.Title, "user": st.userView(i.Author), "body": textOrNull(i.Body), "labels": labels, "milestone": nil,
		"created_at": stamp(i.Created), "updated_at": stamp(i.Updated), "closed_at": stampOrNull(i.ClosedAt), "merged_at": stampOrNull(p.MergedAt),
		"merge_commit_sha": textOrNull(p.MergeSHA), "assignee": st.firstUser(i.Assignees), "assignees": each(i.Assignees, st.userView),
		"requested_reviewers": each(p.Reviewers, st.userView), "requested_teams": each(p.Teams, st.teamBySlug),
		"head": end(p.Head, p.HeadSHA), "base": end(p.Base, base),
		"_links": fields{
			"self": link(api), "html": link(html), "issue": link(issue), "comments": link(issue + "/comments"), "review_comments": link(api + "/comments"),
			"review_comment": link(repo + "/pulls/comments{/number}"), "commits": link(api + "/commits"), "statuses": link(repo + "/statuses/" + p.HeadSHA),
		},
		"author_association": st.association(i.Author, i.repo), "auto_merge": nil, "draft": p.Draft,
	}
	return f
}

func (st *store) teamBySlug(slug string) fields {
	t, ok := st.team(slug)
	if !ok {
		return nil
	}
	return st.teamView(t)
}

// pullFullView is a pull request as the API answers it alone.
func (st *store) pullFullView(i *Issue) fields {
	commits, changes := st.pullCommits(i), st.pullChanges(i)
	additions, deletions := 0, 0
	for _, c := range changes {
		additions += c.Additions
		deletions += c.Deletions
	}
	f := st.pullView(i).with(fields{
		"merged": i.Pull.Merged(), "merged_by": nil, "mergeable": nil, "rebaseable": nil, "mergeable_state": "unknown", "comments": len(i.Comments),
		"review_comments": 0, "maintainer_can_modify": false, "commits": len(commits), "additions": additions, "deletions": deletions,
		"changed_files": len(changes),
	})
	if i.Pull.Merged() {
		f["merged_by"] = st.userView(i.Pull.MergedBy)
	}
	if !i.Closed {
		_, ok := st.mergeable(i)
		f["mergeable"], f["rebaseable"], f["mergeable_state"] = ok, ok, "clean"
		switch {
		case !ok:
			f["mergeable_state"] = "dirty"
		case i.Pull.Draft:
			f["mergeable_state"] = "draft"
		case slices.ContainsFunc(i.repo.runsFor(i.Pull.HeadSHA, false), func(r *CheckRun) bool { return r.Conclusion != "success" }):
			f["mergeable_state"] = "unstable"
		}
	}
	return f
}

// pullBase is the commit over which a pull request's changes are shown.
func (st *store) pullBase(i *Issue) string {
	base := i.Pull.BaseSHA
	if tip, ok := i.repo.Git.branch(i.Pull.Base); ok && !i.Closed {
		base = tip.SHA
	}
	if c, ok := i.repo.Git.mergeBase(base, i.Pull.HeadSHA); ok {
		return c.SHA
	}
	return base
}

// pullCommits lists a pull request's commits, oldest first.
func (st *store) pullCommits(i *Issue) []*Commit {
	commits := i.repo.Git.log(i.Pull.HeadSHA, st.pullBase(i))
	slices.Reverse(commits)
	return commits
}

// pullChanges lists what a pull request changes.
func (st *store) pullChanges(i *Issue) []Change {
	head, ok := i.repo.Git.Commits[i.Pull.HeadSHA]
	if !ok {
		return nil
	}
	from := ""
	if base, ok := i.repo.Git.Commits[st.pullBase(i)]; ok {
		from = base.Tree
	}
	return i.repo.Git.diff(from, head.Tree)
}

// reviewView is a review.
func (st *store) reviewView(i *Issue, r *Review) fields {
	html := fmt.Sprintf("%s#pullrequestreview-%d", st.issueHTML(i), r.ID)
	return fields{
		"id": r.ID, "node_id": nodeID("PRR", r.ID), "user": st.userView(r.Author), "body": r.Body, "state": r.State, "html_url": html,
		"pull_request_url": st.pullAPI(i), "author_association": st.association(r.Author, i.repo), "submitted_at": stamp(r.Submitted),
		"commit_id": r.CommitID, "_links": fields{"html": fields{"href": html}, "pull_request": fields{"href": st.pullAPI(i)}},
	}
}

// pullMinimalViews lists the open pull requests whose head is a commit, as check runs name them.
func (st *store) pullMinimalViews(r *Repository, sha string) []fields {
	out := []fields{}
	repo := fields{"id": r.ID, "url": st.api("/repos/%s", r.FullName()), "name": r.Name}
	for _, i := range r.Issues {
		if i == nil || i.Pull == nil || i.Closed || i.Pull.HeadSHA != sha {
			continue
		}
		out = append(out, fields{
			"id": i.Pull.ID, "number": i.Number, "url": st.pullAPI(i), "head": fields{"ref": i.Pull.Head, "sha": sha, "repo": repo},
			"base": fields{"ref": i.Pull.Base, "sha": i.Pull.BaseSHA, "repo": repo},
		})
	}
	return out
}

// checkRunView is a check run.
func (st *store) checkRunView(r *Repository, run *CheckRun) fields {
	api := st.api("/repos/%s/check-runs/%d", r.FullName(), run.ID)
	html := fmt.Sprintf("%s/%s/runs/%d", st.url, r.FullName(), run.ID)
	details := run.DetailsURL
	if details == "" {
		details = html
	}
	return fields{
		"id": run.ID, "node_id": nodeID("CR", run.ID), "head_sha": run.HeadSHA, "external_id": run.ExternalID, "url": api, "html_url": html,
		"details_url": details, "status": run.Status, "conclusion": textOrNull(run.Conclusion), "started_at": stampOrNull(run.Started),
		"completed_at": stampOrNull(run.Completed), "name": run.Name, "app": st.appView(), "check_suite": fields{"id": run.Suite},
		"pull_requests": st.pullMinimalViews(r, run.HeadSHA),
		"output": fields{
			"title": textOrNull(run.Title), "summary": textOrNull(run.Summary), "text": textOrNull(run.Text), "annotations_count": len(run.Annotations),
			"annotations_url": api + "/annotations",
		},
	}
}

// suiteState sums up the runs of a check suite.
func suiteState(r *Repository, s *CheckSuite) (status, conclusion string) {
	status, conclusion = "completed", "success"
	runs := 0
	for _, run := range r.runsFor(s.HeadSHA, false) {
		runs++
		if run.Status != "completed" {
			return run.Status, ""
		}
		if run.Conclusion != "success" && run.Conclusion != "neutral" && run.Conclusion != "skipped" {
			conclusion = run.Conclusion
		}
	}
	if runs == 0 {
		return "queued", ""
	}
	return status, conclusion
}

// suiteSimpleView is a check suite as check_run webhooks show it.
func (st *store) suiteSimpleView(r *Repository, s *CheckSuite) fields {
	status, conclusion := suiteState(r, s)
	return fields{
		"id": s.ID, "node_id": nodeID("CS", s.ID), "head_branch": s.Branch, "head_sha": s.HeadSHA, "status": status, "conclusion": textOrNull(conclusion),
		"url": st.api("/repos/%s/check-suites/%d", r.FullName(), s.ID), "before": nil, "after": s.HeadSHA, "app": st.appView(),
		"pull_requests": st.pullMinimalViews(r, s.HeadSHA), "created_at": stamp(s.Created), "updated_at": stamp(s.Updated),
	}
}

// suiteView is a check suite.
func (st *store) suiteView(r *Repository, s *CheckSuite) fields {
	api := st.api("/repos/%s/check-suites/%d", r.FullName(), s.ID)
	return st.suiteSimpleView(r, s).with(fields{
		"repository": st.repoView(r), "head_commit": st.simpleCommitView(r.Git.Commits[s.HeadSHA]), "latest_check_runs_count": len(r.runsFor(s.HeadSHA, false)),
		"check_runs_url": api + "/check-runs",
	})
}

func (st *store) annotationView(r *Repository, run *CheckRun, a Annotation) fields {
	return fields{
		"path": a.Path, "start_line": a.StartLine, "end_line": a.EndLine, "start_column": a.StartColumn, "end_column": a.EndColumn,
		"annotation_level": a.Level, "title": textOrNull(a.Title), "message": a.Message, "raw_details": textOrNull(a.RawDetails),
		"blob_href": st.api("/repos/%s/contents/%s?ref=%s", r.FullName(), escapePath(a.Path), run.HeadSHA),
	}
}

func escapePath(path string) string {
	parts := strings.Split(path, "/")
	for n, p := range parts {
		parts[n] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

// simpleCommitView is a commit as check suites show it.
func (st *store) simpleCommitView(c *Commit) fields {
	person := func(s Signature) fields { return fields{"name": s.Name, "email": s.Email} }
	return fields{
		"id": c.SHA, "tree_id": c.Tree, "message": c.Message, "timestamp": stamp(c.Committer.At), "author": person(c.Author), "committer": person(c.Committer),
	}
}

func signatureView(s Signature) fields {
	return fields{"name": s.Name, "email": s.Email, "date": stamp(s.At)}
}

func verification(c *Commit) fields {
	f := fields{"verified": c.Verified, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil}
	if c.Verified {
		f.with(fields{
			"reason": "valid", "signature": "-----BEGIN PGP SIGNATURE-----\n\nsandbox\n-----END PGP SIGNATURE-----\n", "payload": "tree " + c.Tree + "\n",
			"verified_at": stamp(c.Committer.At),
		})
	}
	return f
}

// gitCommitView is a commit as the Git database API answers it.
func (st *store) gitCommitView(r *Repository, c *Commit) fields {
	return fields{
		"sha": c.SHA, "node_id": "C_" + c.SHA, "url": st.api("/repos/%s/git/commits/%s", r.FullName(), c.SHA), "html_url": st.commitHTML(r, c.SHA),
		"author": signatureView(c.Author), "committer": signatureView(c.Committer), "message": c.Message,
		"tree":    fields{"sha": c.Tree, "url": st.api("/repos/%s/git/trees/%s", r.FullName(), c.Tree)},
		"parents": st.parentViews(r, c, "git/commits"), "verification": verification(c),
	}
}

func (st *store) commitHTML(r *Repository, sha string) string {
	return fmt.Sprintf("%s/%s/commit/%s", st.url, r.FullName(), sha)
}

func (st *store) parentViews(r *Repository, c *Commit, under string) []fields {
	return each(c.Parents, func(sha string) fields {
		return fields{"sha": sha, "url": st.api("/repos/%s/%s/%s", r.FullName(), under, sha), "html_url": st.commitHTML(r, sha)}
	})
}

// commitView is a commit as lists show it.
func (st *store) commitView(r *Repository, c *Commit) fields {
	api := st.api("/repos/%s/commits/%s", r.FullName(), c.SHA)
	var author any
	if c.Login != "" {
		author = st.userView(c.Login)
	}
	return fields{
		"sha": c.SHA, "node_id": "C_" + c.SHA, "url": api, "html_url": st.commitHTML(r, c.SHA), "comments_url": api + "/comments",
		"commit": fields{
			"url": st.api("/repos/%s/git/commits/%s", r.FullName(), c.SHA), "author": signatureView(c.Author), "committer": signatureView(c.Committer),
			"message": c.Message, "comment_count": 0, "tree": fields{"sha": c.Tree, "url": st.api("/repos/%s/git/trees/%s", r.FullName(), c.Tree)},
			"verification": verification(c),
		},
		"author": author, "committer": author, "parents": st.parentViews(r, c, "commits"),
	}
}

// commitFullView is a commit with its changes.
func (st *store) commitFullView(r *Repository, c *Commit) fields {
	changes := commitChanges(r.Git, c)
	additions, deletions := 0, 0
	for _, change := range changes {
		additions += change.Additions
		deletions += change.Deletions
	}
	return st.commitView(r, c).with(fields{
		"stats": fields{"additions": additions, "deletions": deletions, "total": additions + deletions},
		"files": each(changes, func(change Change) fields { return st.changeView(r, c.SHA, change) }),
	})
}

// commitChanges lists what a commit changes over its first parent.
func commitChanges(g *Git, c *Commit) []Change {
	from := ""
	if len(c.Parents) > 0 {
		if parent, ok := g.Commits[c.Parents[0]]; ok {
			from = parent.Tree
		}
	}
	return g.diff(from, c.Tree)
}

// changeView is one changed file.
func (st *store) changeView(r *Repository, ref string, c Change) fields {
	path := escapePath(c.Path)
	f := fields{
		"sha": c.SHA, "filename": c.Path, "status": c.Status, "additions": c.Additions, "deletions": c.Deletions, "changes": c.Additions + c.Deletions,
		"blob_url": fmt.Sprintf("%s/%s/blob/%s/%s", st.url, r.FullName(), ref, path), "raw_url": fmt.Sprintf("%s/%s/raw/%s/%s", st.url, r.FullName(), ref, path),
		"contents_url": st.api("/repos/%s/contents/%s?ref=%s", r.FullName(), path, ref),
	}
	if c.Patch != "" {
		f["patch"] = c.Patch
	}
	return f
}

// contentView is a file or folder without its content.
func (st *store) contentView(r *Repository, ref, path string, e TreeEntry) fields {
	kind, objects, page, size := "file", "blobs", "blob", len(r.Git.Blobs[e.SHA])
	if e.Mode == modeTree {
		kind, objects, page, size = "dir", "trees", "tree", 0
	}
	at := escapePath(path)
	api := st.api("/repos/%s/contents/%s?ref=%s", r.FullName(), at, url.QueryEscape(ref))
	git := st.api("/repos/%s/git/%s/%s", r.FullName(), objects, e.SHA)
	html := fmt.Sprintf("%s/%s/%s/%s/%s", st.url, r.FullName(), page, escapePath(ref), at)
	var download any
	if kind == "file" {
		download = fmt.Sprintf("%s/%s/raw/%s/%s", st.url, r.FullName(), escapePath(ref), at)
	}
	return fields{
		"type": kind, "size": size, "name": e.Name, "path": path, "sha": e.SHA, "url": api, "git_url": git, "html_url": html, "download_url": download,
		"_links": fields{"self": api, "git": git, "html": html},
	}
}

// refView is a branch or tag.
func (st *store) refView(r *Repository, ref string) fields {
	sha := r.Git.Refs[ref]
	return fields{
		"ref": ref, "node_id": "REF_" + r.FullName() + ":" + ref, "url": st.api("/repos/%s/git/%s", r.FullName(), escapePath(ref)),
		"object": fields{"type": "commit", "sha": sha, "url": st.api("/repos/%s/git/commits/%s", r.FullName(), sha)},
	}
}

// statusView is a commit status.
func (st *store) statusView(r *Repository, s *Status) fields {
	return fields{
		"id": s.ID, "node_id": nodeID("SC", s.ID), "url": st.api("/repos/%s/statuses/%s", r.FullName(), s.SHA), "avatar_url": nil, "state": s.State,
		"description": textOrNull(s.Description), "target_url": textOrNull(s.TargetURL), "context": s.Context, "created_at": stamp(s.Created),
		"updated_at": stamp(s.Created), "creator": st.userView(s.Creator), "required": nil,
	}
}
