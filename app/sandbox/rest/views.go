package rest

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
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
	return forge.FormatTime(t)
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
func (v *Views) api(format string, args ...any) string {
	return v.forge.URL + "/api/v3" + fmt.Sprintf(format, args...)
}

// Views makes the views of a forge. Those that nearly every other view embeds are kept.
type Views struct {
	forge            *forge.Forge
	keptUsers        map[*forge.User]keptUser
	keptRepositories map[*forge.Repository]keptRepository
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
	app   *forge.App
	owner string
	view  json.RawMessage
}

// NewViews returns what makes the views of a forge.
func NewViews(f *forge.Forge) *Views {
	return &Views{forge: f, keptUsers: map[*forge.User]keptUser{},
		keptRepositories: map[*forge.Repository]keptRepository{}}
}

// userView is an account as others embed it; null for nobody.
func (v *Views) userView(login string) json.RawMessage {
	u, ok := v.forge.FindUser(login)
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

func (v *Views) userFields(u *forge.User) fields {
	api := v.api("/users/%s", url.PathEscape(u.Login))
	return fields{
		"login": u.Login, "id": u.ID, "node_id": u.NodeID(), "avatar_url": v.forge.AvatarURL(u),
		"gravatar_id": "",
		"url":         api, "html_url": v.forge.UserURL(u), "followers_url": api + "/followers",
		"following_url": api + "/following{/other_user}",
		"gists_url":     api + "/gists{/gist_id}", "starred_url": api + "/starred{/owner}{/repo}",
		"subscriptions_url": api + "/subscriptions",
		"organizations_url": api + "/orgs", "repos_url": api + "/repos",
		"events_url":          api + "/events{/privacy}",
		"received_events_url": api + "/received_events", "type": u.Kind, "user_view_type": "public",
		"site_admin": false,
	}
}

// profileView is an account as GET /users/{login} answers it.
func (v *Views) profileView(u *forge.User) fields {
	return v.userFields(u).with(fields{
		"name": textOrNull(u.Name), "company": nil, "blog": "", "location": nil,
		"email": textOrNull(u.Email), "hireable": nil, "bio": nil,
		"twitter_username": nil, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
		"created_at": forge.FormatTime(u.Created), "updated_at": forge.FormatTime(u.Created),
	})
}

// ownProfileView is an account as it sees itself.
func (v *Views) ownProfileView(u *forge.User) fields {
	return v.profileView(u).with(fields{
		"user_view_type": "private", "private_gists": 0, "total_private_repos": 0,
		"owned_private_repos": 0, "disk_usage": 0, "collaborators": 0,
		"two_factor_authentication": true,
	})
}

// orgView is the organization as others embed it.
func (v *Views) orgView() fields {
	api := v.api("/orgs/%s", v.forge.Org.Login)
	return fields{
		"login": v.forge.Org.Login, "id": v.forge.Org.ID, "node_id": forge.NodeID("O", v.forge.Org.ID),
		"url": api, "repos_url": api + "/repos", "events_url": api + "/events",
		"hooks_url": api + "/hooks", "issues_url": api + "/issues", "members_url": api + "/members{/member}",
		"public_members_url": api + "/public_members{/member}",
		"avatar_url":         fmt.Sprintf("%s/avatars/u/%d", v.forge.URL, v.forge.Org.ID), "description": nil,
	}
}

// orgFullView is the organization as GET /orgs/{org} answers it.
func (v *Views) orgFullView() fields {
	return v.orgView().with(fields{
		"name": textOrNull(v.forge.Org.Name), "html_url": v.forge.URL + "/" + v.forge.Org.Login,
		"type": forge.KindOrganization, "has_organization_projects": true,
		"has_repository_projects": true, "public_repos": 0, "public_gists": 0, "followers": 0,
		"following": 0, "archived_at": nil,
		"created_at": forge.FormatTime(v.forge.Org.Created),
		"updated_at": forge.FormatTime(v.forge.Org.Created),
	})
}

// teamView is a team as others embed it.
func (v *Views) teamView(t *forge.Team) fields {
	api := v.api("/organizations/%d/team/%d", v.forge.Org.ID, t.ID)
	return fields{
		"id": t.ID, "node_id": t.NodeID(), "name": t.Name, "slug": t.Slug,
		"description": textOrNull(t.Description), "privacy": "closed",
		"notification_setting": "notifications_enabled", "permission": "pull", "url": api,
		"html_url":    v.forge.TeamURL(t),
		"members_url": api + "/members{/member}", "repositories_url": api + "/repos",
		"type": "organization", "organization_id": v.forge.Org.ID, "parent": nil,
	}
}

// teamFullView is a team as GET /orgs/{org}/teams/{slug} answers it.
func (v *Views) teamFullView(t *forge.Team) fields {
	repos := 0
	for _, r := range v.forge.Repos {
		if r.Teams[t.Slug] > forge.RoleNone {
			repos++
		}
	}
	return v.teamView(t).with(fields{
		"members_count": len(t.Members), "repos_count": repos, "created_at": forge.FormatTime(t.Created),
		"updated_at":   forge.FormatTime(t.Created),
		"organization": v.orgFullView(),
	})
}

func permissionFields(role forge.Role) fields {
	return fields{"admin": role >= forge.RoleAdmin, "maintain": role >= forge.RoleMaintain,
		"push": role >= forge.RoleWrite, "triage": role >= forge.RoleTriage, "pull": role >= forge.RoleRead}
}

// repoView is a repository as others embed it.
func (v *Views) repoView(r *forge.Repository) json.RawMessage {
	kept, ok := v.keptRepositories[r]
	if !ok || kept.revision != r.Revision() {
		kept = keptRepository{revision: r.Revision(), view: mustJSON(v.repoFields(r))}
		v.keptRepositories[r] = kept
	}
	return kept.view
}

func (v *Views) repoFields(r *forge.Repository) fields {
	html := v.forge.RepositoryURL(r)
	return v.repoSimpleFields(r).with(fields{
		"git_url":   "git:" + strings.TrimPrefix(strings.TrimPrefix(html, "https:"), "http:") + ".git",
		"ssh_url":   v.forge.SSHURL(r),
		"clone_url": html + ".git", "svn_url": html, "mirror_url": nil, "homepage": nil, "language": nil,
		"license": nil,
		"forks":   0, "forks_count": 0, "stargazers_count": 0, "watchers": 0, "watchers_count": 0, "size": 0,
		"default_branch": r.DefaultBranch,
		"open_issues":    r.OpenIssues(), "open_issues_count": r.OpenIssues(), "is_template": false,
		"topics": []string{}, "has_issues": !r.NoIssues, "has_projects": true,
		"has_wiki": false, "has_pages": false, "has_downloads": true, "has_discussions": false,
		"has_pull_requests": true, "archived": r.Archived,
		"disabled": false, "visibility": r.Visibility(), "allow_forking": false,
		"web_commit_signoff_required": false,
		"pushed_at":                   forge.FormatTime(r.Pushed), "created_at": forge.FormatTime(r.Created),
		"updated_at": forge.FormatTime(r.Updated),
	})
}

// repoSimpleFields is a repository where GitHub shows only its name and its addresses.
func (v *Views) repoSimpleFields(r *forge.Repository) fields {
	api := v.api("/repos/%s", r.FullName())
	f := fields{
		"id": r.ID, "node_id": r.NodeID(), "name": r.Name, "full_name": r.FullName(),
		"owner": v.userView(r.Owner), "private": r.Private,
		"html_url": v.forge.RepositoryURL(r), "description": textOrNull(r.Description), "fork": false,
		"url": api,
	}
	for key, path := range repoLinks {
		f[key] = api + path
	}
	return f
}

// repoLinks are the addresses of a repository's parts, under its own.
var repoLinks = map[string]string{
	"archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}",
	"blobs_url": "/git/blobs{/sha}", "branches_url": "/branches{/branch}",
	"collaborators_url": "/collaborators{/collaborator}", "comments_url": "/comments{/number}",
	"commits_url": "/commits{/sha}",
	"compare_url": "/compare/{base}...{head}", "contents_url": "/contents/{+path}",
	"contributors_url": "/contributors", "deployments_url": "/deployments",
	"downloads_url": "/downloads", "events_url": "/events", "forks_url": "/forks",
	"git_commits_url": "/git/commits{/sha}", "git_refs_url": "/git/refs{/sha}",
	"git_tags_url": "/git/tags{/sha}", "hooks_url": "/hooks",
	"issue_comment_url": "/issues/comments{/number}", "issue_events_url": "/issues/events{/number}",
	"issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}", "labels_url": "/labels{/name}",
	"languages_url": "/languages", "merges_url": "/merges",
	"milestones_url":    "/milestones{/number}",
	"notifications_url": "/notifications{?since,all,participating}", "pulls_url": "/pulls{/number}",
	"releases_url": "/releases{/id}", "stargazers_url": "/stargazers", "statuses_url": "/statuses/{sha}",
	"subscribers_url":  "/subscribers",
	"subscription_url": "/subscription", "tags_url": "/tags", "teams_url": "/teams",
	"trees_url": "/git/trees{/sha}",
}

// repoListView is a repository as the actor sees it in a list.
func (v *Views) repoListView(by *forge.Actor, r *forge.Repository) fields {
	return v.repoFields(r).with(fields{"permissions": permissionFields(v.forge.RoleOfActor(by, r))})
}

// repoFullView is a repository as GET /repos/{owner}/{repo} answers it.
func (v *Views) repoFullView(by *forge.Actor, r *forge.Repository) fields {
	return v.repoListView(by, r).with(fields{
		"subscribers_count": 0, "network_count": 0, "organization": v.userView(r.Owner),
		"allow_rebase_merge": true, "allow_squash_merge": true,
		"allow_merge_commit": true, "allow_auto_merge": false, "delete_branch_on_merge": false,
		"allow_update_branch": false, "temp_clone_token": "",
	})
}
