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
func (v *views) api(format string, args ...any) string {
	return v.url + "/api/v3" + fmt.Sprintf(format, args...)
}

// views makes the views of a store. Those that nearly every other view embeds are kept.
type views struct {
	*store
	keptUsers        map[*User]keptUser
	keptRepositories map[*Repository]keptRepository
	keptApp          keptApp
}

// keptUser is the view of an account under a login.
type keptUser struct {
	login string
	view  json.RawMessage
}

// keptRepository is the view of a repository's revision.
type keptRepository struct {
	revision int
	view     json.RawMessage
}

// keptApp is the view of the App under an owner's login.
type keptApp struct {
	app   *app
	owner string
	view  json.RawMessage
}

// newViews returns what makes the views of a store.
func newViews(st *store) *views {
	return &views{store: st, keptUsers: map[*User]keptUser{}, keptRepositories: map[*Repository]keptRepository{}}
}

// userView is an account as others embed it; null for nobody.
func (v *views) userView(login string) json.RawMessage {
	u, ok := v.user(login)
	if !ok {
		return json.RawMessage("null")
	}
	kept, ok := v.keptUsers[u]
	if !ok || kept.login != u.Login {
		kept = keptUser{login: u.Login, view: mustJSON(v.userFields(u))}
		v.keptUsers[u] = kept
	}
	return kept.view
}

func (v *views) userFields(u *User) fields {
	api := v.api("/users/%s", url.PathEscape(u.Login))
	return fields{
		"login": u.Login, "id": u.ID, "node_id": u.nodeID(), "avatar_url": v.avatarURL(u), "gravatar_id": "",
		"url": api, "html_url": v.userHTML(u), "followers_url": api + "/followers", "following_url": api + "/following{/other_user}",
		"gists_url": api + "/gists{/gist_id}", "starred_url": api + "/starred{/owner}{/repo}", "subscriptions_url": api + "/subscriptions",
		"organizations_url": api + "/orgs", "repos_url": api + "/repos", "events_url": api + "/events{/privacy}",
		"received_events_url": api + "/received_events", "type": u.Kind, "user_view_type": "public", "site_admin": false,
	}
}

// profileView is an account as GET /users/{login} answers it.
func (v *views) profileView(u *User) fields {
	return v.userFields(u).with(fields{
		"name": textOrNull(u.Name), "company": nil, "blog": "", "location": nil, "email": textOrNull(u.Email), "hireable": nil, "bio": nil,
		"twitter_username": nil, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
		"created_at": stamp(u.Created), "updated_at": stamp(u.Created),
	})
}

// ownProfileView is an account as it sees itself.
func (v *views) ownProfileView(u *User) fields {
	return v.profileView(u).with(fields{
		"user_view_type": "private", "private_gists": 0, "total_private_repos": 0, "owned_private_repos": 0, "disk_usage": 0, "collaborators": 0,
		"two_factor_authentication": true,
	})
}

// orgView is the organisation as others embed it.
func (v *views) orgView() fields {
	api := v.api("/orgs/%s", v.org.Login)
	return fields{
		"login": v.org.Login, "id": v.org.ID, "node_id": nodeID("O", v.org.ID), "url": api, "repos_url": api + "/repos", "events_url": api + "/events",
		"hooks_url": api + "/hooks", "issues_url": api + "/issues", "members_url": api + "/members{/member}",
		"public_members_url": api + "/public_members{/member}", "avatar_url": fmt.Sprintf("%s/avatars/u/%d", v.url, v.org.ID), "description": nil,
	}
}

// orgFullView is the organisation as GET /orgs/{org} answers it.
func (v *views) orgFullView() fields {
	return v.orgView().with(fields{
		"name": textOrNull(v.org.Name), "html_url": v.url + "/" + v.org.Login, "type": KindOrganization, "has_organization_projects": true,
		"has_repository_projects": true, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0, "archived_at": nil,
		"created_at": stamp(v.org.Created), "updated_at": stamp(v.org.Created),
	})
}

// teamView is a team as others embed it.
func (v *views) teamView(t *Team) fields {
	api := v.api("/organizations/%d/team/%d", v.org.ID, t.ID)
	return fields{
		"id": t.ID, "node_id": t.nodeID(), "name": t.Name, "slug": t.Slug, "description": textOrNull(t.Description), "privacy": "closed",
		"notification_setting": "notifications_enabled", "permission": "pull", "url": api, "html_url": v.teamHTML(t),
		"members_url": api + "/members{/member}", "repositories_url": api + "/repos", "type": "organization", "organization_id": v.org.ID, "parent": nil,
	}
}

// teamFullView is a team as GET /orgs/{org}/teams/{slug} answers it.
func (v *views) teamFullView(t *Team) fields {
	repos := 0
	for _, r := range v.Repos {
		if r.Teams[t.Slug] > RoleNone {
			repos++
		}
	}
	return v.teamView(t).with(fields{
		"members_count": len(t.Members), "repos_count": repos, "created_at": stamp(t.Created), "updated_at": stamp(t.Created),
		"organization": v.orgFullView(),
	})
}

func permissionFields(role Role) fields {
	return fields{"admin": role >= RoleAdmin, "maintain": role >= RoleMaintain, "push": role >= RoleWrite, "triage": role >= RoleTriage, "pull": role >= RoleRead}
}

// repoView is a repository as others embed it.
func (v *views) repoView(r *Repository) json.RawMessage {
	kept, ok := v.keptRepositories[r]
	if !ok || kept.revision != r.Revision() {
		kept = keptRepository{revision: r.Revision(), view: mustJSON(v.repoFields(r))}
		v.keptRepositories[r] = kept
	}
	return kept.view
}

func (v *views) repoFields(r *Repository) fields {
	html := v.repoHTML(r)
	return v.repoSimpleFields(r).with(fields{
		"git_url": "git:" + strings.TrimPrefix(strings.TrimPrefix(html, "https:"), "http:") + ".git", "ssh_url": v.sshURL(r),
		"clone_url": html + ".git", "svn_url": html, "mirror_url": nil, "homepage": nil, "language": nil, "license": nil,
		"forks": 0, "forks_count": 0, "stargazers_count": 0, "watchers": 0, "watchers_count": 0, "size": 0, "default_branch": r.DefaultBranch,
		"open_issues": r.OpenIssues(), "open_issues_count": r.OpenIssues(), "is_template": false, "topics": []string{}, "has_issues": !r.NoIssues, "has_projects": true,
		"has_wiki": false, "has_pages": false, "has_downloads": true, "has_discussions": false, "has_pull_requests": true, "archived": r.Archived,
		"disabled": false, "visibility": r.visibility(), "allow_forking": false, "web_commit_signoff_required": false,
		"pushed_at": stamp(r.Pushed), "created_at": stamp(r.Created), "updated_at": stamp(r.Updated),
	})
}

// repoSimpleFields is a repository where GitHub gives only its name and its addresses.
func (v *views) repoSimpleFields(r *Repository) fields {
	api := v.api("/repos/%s", r.FullName())
	f := fields{
		"id": r.ID, "node_id": r.nodeID(), "name": r.Name, "full_name": r.FullName(), "owner": v.userView(r.Owner), "private": r.Private,
		"html_url": v.repoHTML(r), "description": textOrNull(r.Description), "fork": false, "url": api,
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

// repoListView is a repository as the actor sees it in a list.
func (v *views) repoListView(by *Actor, r *Repository) fields {
	return v.repoFields(r).with(fields{"permissions": permissionFields(v.role(by, r))})
}

// repoFullView is a repository as GET /repos/{owner}/{repo} answers it.
func (v *views) repoFullView(by *Actor, r *Repository) fields {
	return v.repoListView(by, r).with(fields{
		"subscribers_count": 0, "network_count": 0, "organization": v.userView(r.Owner), "allow_rebase_merge": true, "allow_squash_merge": true,
		"allow_merge_commit": true, "allow_auto_merge": false, "delete_branch_on_merge": false, "allow_update_branch": false, "temp_clone_token": "",
	})
}
