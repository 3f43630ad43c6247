package sandbox

import (
	"encoding/json"
	"fmt"
	"net/url"
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
		"open_issues": r.open, "open_issues_count": r.open, "is_template": false, "topics": []string{}, "has_issues": !r.NoIssues, "has_projects": true,
		"has_wiki": false, "has_pages": false, "has_downloads": true, "has_discussions": false, "has_pull_requests": true, "archived": r.Archived,
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
