package rest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

func getUser(q *request) (int, any, error) {
	by, err := q.person()
	if err != nil {
		return 0, nil, err
	}
	if by.ViaApp {
		return 0, nil, forge.Forbidden("Resource not accessible by integration")
	}
	u, _ := q.forge.FindUser(by.Login)
	return http.StatusOK, q.views.ownProfileView(u), nil
}

func getUserNamed(q *request) (int, any, error) {
	u, ok := q.forge.FindUser(q.value("login"))
	if !ok || u.Suspended {
		return 0, nil, forge.ErrNotFound
	}
	return http.StatusOK, q.views.profileView(u), nil
}

func getOrg(q *request) (int, any, error) {
	if !strings.EqualFold(q.value("org"), q.forge.Org.Login) {
		return 0, nil, forge.ErrNotFound
	}
	return http.StatusOK, q.views.orgFullView(), nil
}

// listRepos serves a person's repositories and the organization's.
func listRepos(q *request) (int, any, error) {
	by, err := q.person()
	if err != nil {
		return 0, nil, err
	}
	switch org := q.value("org"); {
	case org == "" && by.ViaApp:
		return 0, nil, forge.Forbidden("Resource not accessible by integration")
	case org != "" && !strings.EqualFold(org, q.forge.Org.Login):
		return 0, nil, forge.ErrNotFound
	}
	return paged(q, q.forge.VisibleRepositories(by),
		func(r *forge.Repository) fields { return q.views.repoListView(by, r) })
}

func getRepo(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.views.repoFullView(q.by, r), nil
}

func getPermission(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	u, ok := q.forge.FindUser(q.value("login"))
	if !ok || u.Suspended {
		return 0, nil, &forge.Error{Status: http.StatusNotFound, Message: q.value("login") + " is not a user"}
	}
	role := q.forge.RoleOf(u.Login, r)
	permission := role.String()
	switch role {
	case forge.RoleTriage:
		permission = "read"
	case forge.RoleMaintain:
		permission = "write"
	}
	name := role.String()
	if own := r.RoleNames[strings.ToLower(u.Login)]; own != "" && r.People[strings.ToLower(u.Login)] == role {
		name = own
	}
	user := q.views.userFields(u).with(fields{"permissions": permissionFields(role), "role_name": name})
	return http.StatusOK, fields{"permission": permission, "role_name": name, "user": user}, nil
}

// collaborators finds the repository of the path, if its collaborators may be known.
func (q *request) collaborators() (*forge.Repository, error) {
	r, err := q.repo()
	if err == nil && !q.by.ViaApp && q.forge.RoleOfActor(q.by, r) < forge.RoleWrite {
		err = forge.Forbidden("Must have push access to view repository collaborators.")
	}
	return r, err
}

func isCollaborator(q *request) (int, any, error) {
	r, err := q.collaborators()
	if err == nil && q.forge.RoleOf(q.value("login"), r) < forge.RoleRead {
		err = forge.ErrNotFound
	}
	return http.StatusNoContent, nil, err
}

func listCollaborators(q *request) (int, any, error) {
	r, err := q.collaborators()
	if err != nil {
		return 0, nil, err
	}
	people := slices.DeleteFunc(slices.Clone(q.forge.Users), func(u *forge.User) bool {
		return u.Kind != forge.KindUser || q.forge.RoleOf(u.Login, r) < forge.RoleRead
	})
	return paged(q, people, func(u *forge.User) fields {
		role := q.forge.RoleOf(u.Login, r)
		return q.views.userFields(u).with(fields{"permissions": permissionFields(role),
			"role_name": role.String()})
	})
}

// team finds the team of the path. It exists for members of the organization and for an app that
// may read members.
func (q *request) team() (*forge.Team, error) {
	by, err := q.person()
	if err != nil {
		return nil, err
	}
	if by.ViaApp && !by.HasPermission("members", "read") {
		return nil, forge.Forbidden("Resource not accessible by integration")
	}
	t, ok := q.forge.FindTeam(q.value("team"))
	if !ok || !strings.EqualFold(q.value("org"), q.forge.Org.Login) ||
		!by.ViaApp && !q.forge.IsMember(by.Login) {
		return nil, forge.ErrNotFound
	}
	return t, nil
}

func listTeams(q *request) (int, any, error) {
	by, err := q.person()
	if err != nil {
		return 0, nil, err
	}
	if by.ViaApp && !by.HasPermission("members", "read") || !by.ViaApp && !q.forge.IsMember(by.Login) {
		return 0, nil, forge.Forbidden("Resource not accessible by integration")
	}
	return paged(q, q.forge.Teams, q.views.teamView)
}

func getTeam(q *request) (int, any, error) {
	t, err := q.team()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.views.teamFullView(t), nil
}

func listTeamMembers(q *request) (int, any, error) {
	t, err := q.team()
	if err != nil {
		return 0, nil, err
	}
	return paged(q, t.Members, q.views.userView)
}

func getMembership(q *request) (int, any, error) {
	t, err := q.team()
	if err != nil {
		return 0, nil, err
	}
	if u, known := q.forge.FindUser(q.value("login")); !known || u.Suspended || !t.HasMember(u.Login) {
		return 0, nil, forge.ErrNotFound
	}
	return http.StatusOK, fields{"url": q.views.api("/teams/%d/memberships/%s", t.ID, q.value("login")),
		"role": "member", "state": "active"}, nil
}
