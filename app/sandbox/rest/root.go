package rest

import (
	"net/http"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// getRoot answers where the API begins: clients look there whether it is one, and which scopes a token has.
// https://docs.github.com/en/rest/meta/meta#github-api-root
func getRoot(q *request) (int, any, error) {
	view := fields{}
	for name, path := range rootLinks {
		view[name] = q.views.api("%s", path)
	}
	view["current_user_authorizations_html_url"] = q.forge.URL +
		"/settings/connections/applications{/client_id}"
	return http.StatusOK, view, nil
}

var rootLinks = map[string]string{
	"current_user_url": "/user", "authorizations_url": "/authorizations",
	"code_search_url":   "/search/code?q={query}{&page,per_page,sort,order}",
	"commit_search_url": "/search/commits?q={query}{&page,per_page,sort,order}",
	"emails_url":        "/user/emails", "emojis_url": "/emojis", "events_url": "/events",
	"feeds_url":     "/feeds",
	"followers_url": "/user/followers", "following_url": "/user/following{/target}",
	"gists_url": "/gists{/gist_id}",
	"hub_url":   "/hub", "issue_search_url": "/search/issues?q={query}{&page,per_page,sort,order}",
	"issues_url":        "/issues",
	"keys_url":          "/user/keys",
	"label_search_url":  "/search/labels?q={query}&repository_id={repository_id}{&page,per_page}",
	"notifications_url": "/notifications", "organization_url": "/orgs/{org}",
	"organization_repositories_url": "/orgs/{org}/repos{?type,page,per_page,sort}",
	"organization_teams_url":        "/orgs/{org}/teams",
	"public_gists_url":              "/gists/public", "rate_limit_url": "/rate_limit",
	"repository_url":                "/repos/{owner}/{repo}",
	"repository_search_url":         "/search/repositories?q={query}{&page,per_page,sort,order}",
	"current_user_repositories_url": "/user/repos{?type,page,per_page,sort}",
	"starred_url":                   "/user/starred{/owner}{/repo}", "starred_gists_url": "/gists/starred",
	"topic_search_url": "/search/topics?q={query}{&page,per_page}", "user_url": "/users/{user}",
	"user_organizations_url": "/user/orgs",
	"user_repositories_url":  "/users/{user}/repos{?type,page,per_page,sort}",
	"user_search_url":        "/search/users?q={query}{&page,per_page,sort,order}",
}

// readmes are the names of a README, the first that is there counts.
var readmes = []string{"README.md", "README", "README.txt", "readme.md"}

// getReadme serves GET readme: the file's contents under the name that it has.
func getReadme(q *request) (int, any, error) {
	r, err := q.readable()
	if err != nil {
		return 0, nil, err
	}
	if c, ok := r.Git.Resolve(q.ref(r)); ok {
		for _, name := range readmes {
			if _, ok := r.Git.Entry(c.Tree, name); ok {
				q.values["path"] = name
				return getContents(q)
			}
		}
	}
	return 0, nil, forge.ErrNotFound
}

// ref returns the ref of the query, or the default branch.
func (q *request) ref(r *forge.Repository) string {
	if ref := q.query("ref"); ref != "" {
		return ref
	}
	return r.DefaultBranch
}

// listMilestones answers an empty list: no milestone can be made here.
func listMilestones(q *request) (int, any, error) {
	r, err := q.repo()
	if err == nil {
		err = q.forge.Require(q.by, r, forge.RoleRead, "issues", "pull_requests")
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, []fields{}, nil
}

// What a repository_dispatch may hold at most.
const (
	maxEventType = 100
	maxPayload   = 64 << 10
	maxKeys      = 10
)

// dispatch sends a repository_dispatch webhook, whose action is the caller's own.
// https://docs.github.com/en/rest/repos/repos#create-a-repository-dispatch-event
func dispatch(q *request) (int, any, error) {
	r, err := q.repo()
	if err == nil {
		err = q.forge.Require(q.by, r, forge.RoleWrite, "contents")
	}
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Type    string         `json:"event_type"`
		Payload map[string]any `json:"client_payload"`
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	switch {
	case in.Type == "":
		return 0, nil, forge.MissingField("event_type")
	case len(in.Type) > maxEventType:
		return 0, nil, forge.Invalid(
			"RepositoryDispatch",
			"event_type",
			"custom",
			"event_type is too long (maximum is 100 characters)",
		)
	case len(in.Payload) > maxKeys:
		return 0, nil, &forge.Error{
			Status: http.StatusUnprocessableEntity,
			Message: "No more than 10 properties are allowed; " +
				"client_payload has more.",
		}
	case len(q.body) > maxPayload:
		return 0, nil, &forge.Error{
			Status:  http.StatusUnprocessableEntity,
			Message: "client_payload is too large.",
		}
	}
	q.forge.Emit(&forge.DispatchEvent{By: q.by, Repository: r, Action: in.Type, Payload: in.Payload})
	return http.StatusNoContent, nil, nil
}

// listStatuses lists each status of a commit, newest first.
func listStatuses(q *request) (int, any, error) {
	r, c, err := q.commitAt("statuses")
	if err != nil {
		return 0, nil, err
	}
	var found []*forge.Status
	for n := len(r.Statuses) - 1; n >= 0; n-- {
		if r.Statuses[n].SHA == c.SHA {
			found = append(found, r.Statuses[n])
		}
	}
	return paged(q, found, func(s *forge.Status) fields {
		return q.views.statusView(r, s).with(fields{"creator": q.views.userView(s.Creator)})
	})
}
