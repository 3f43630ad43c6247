package sandbox

import (
	"net/http"
	"slices"
	"strings"
)

func getUser(q *request) (int, any, error) {
	by, err := q.person()
	if err != nil {
		return 0, nil, err
	}
	if by.ViaApp {
		return 0, nil, forbidden("Resource not accessible by integration")
	}
	u, _ := q.st.user(by.Login)
	return http.StatusOK, q.st.ownProfileView(u), nil
}

func getUserNamed(q *request) (int, any, error) {
	u, ok := q.st.user(q.value("login"))
	if !ok || u.Suspended {
		return 0, nil, errNotFound
	}
	return http.StatusOK, q.st.profileView(u), nil
}

func getOrg(q *request) (int, any, error) {
	if !strings.EqualFold(q.value("org"), q.st.org.Login) {
		return 0, nil, errNotFound
	}
	return http.StatusOK, q.st.orgFullView(), nil
}

// listRepos serves a person's repositories and the organisation's.
func listRepos(q *request) (int, any, error) {
	by, err := q.person()
	if err != nil {
		return 0, nil, err
	}
	switch org := q.value("org"); {
	case org == "" && by.ViaApp:
		return 0, nil, forbidden("Resource not accessible by integration")
	case org != "" && !strings.EqualFold(org, q.st.org.Login):
		return 0, nil, errNotFound
	}
	return paged(q, q.st.visibleRepos(by), func(r *Repository) fields { return q.st.repoListView(by, r) })
}

func getRepo(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.st.repoFullView(q.by, r), nil
}

func getPermission(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	u, ok := q.st.user(q.value("login"))
	if !ok || u.Suspended {
		return 0, nil, &Error{Status: http.StatusNotFound, Message: q.value("login") + " is not a user"}
	}
	role := q.st.roleOf(u.Login, r)
	permission := role.String()
	switch role {
	case RoleTriage:
		permission = "read"
	case RoleMaintain:
		permission = "write"
	}
	name := role.String()
	if own := r.RoleNames[strings.ToLower(u.Login)]; own != "" && r.People[strings.ToLower(u.Login)] == role {
		name = own
	}
	user := q.st.userFields(u).with(fields{"permissions": permissionFields(role), "role_name": name})
	return http.StatusOK, fields{"permission": permission, "role_name": name, "user": user}, nil
}

// collaborators finds the repository of the path, if its collaborators may be known.
func (q *request) collaborators() (*Repository, error) {
	r, err := q.repo()
	if err == nil && !q.by.ViaApp && q.st.role(q.by, r) < RoleWrite {
		err = forbidden("Must have push access to view repository collaborators.")
	}
	return r, err
}

func isCollaborator(q *request) (int, any, error) {
	r, err := q.collaborators()
	if err == nil && q.st.roleOf(q.value("login"), r) < RoleRead {
		err = errNotFound
	}
	return http.StatusNoContent, nil, err
}

func listCollaborators(q *request) (int, any, error) {
	r, err := q.collaborators()
	if err != nil {
		return 0, nil, err
	}
	people := slices.DeleteFunc(slices.Clone(q.st.Users), func(u *User) bool { return u.Kind != KindUser || q.st.roleOf(u.Login, r) < RoleRead })
	return paged(q, people, func(u *User) fields {
		role := q.st.roleOf(u.Login, r)
		return q.st.userFields(u).with(fields{"permissions": permissionFields(role), "role_name": role.String()})
	})
}

// team finds the team of the path. It exists for members of the organisation and for an app that may read members.
func (q *request) team() (*Team, error) {
	by, err := q.person()
	if err != nil {
		return nil, err
	}
	if by.ViaApp && !by.allows("members", "read") {
		return nil, forbidden("Resource not accessible by integration")
	}
	t, ok := q.st.team(q.value("team"))
	if !ok || !strings.EqualFold(q.value("org"), q.st.org.Login) || !by.ViaApp && !q.st.member(by.Login) {
		return nil, errNotFound
	}
	return t, nil
}

func listTeams(q *request) (int, any, error) {
	by, err := q.person()
	if err != nil {
		return 0, nil, err
	}
	if by.ViaApp && !by.allows("members", "read") || !by.ViaApp && !q.st.member(by.Login) {
		return 0, nil, forbidden("Resource not accessible by integration")
	}
	return paged(q, q.st.Teams, q.st.teamView)
}

func getTeam(q *request) (int, any, error) {
	t, err := q.team()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.st.teamFullView(t), nil
}

func listTeamMembers(q *request) (int, any, error) {
	t, err := q.team()
	if err != nil {
		return 0, nil, err
	}
	return paged(q, t.Members, q.st.userView)
}

func getMembership(q *request) (int, any, error) {
	t, err := q.team()
	if err != nil {
		return 0, nil, err
	}
	if u, known := q.st.user(q.value("login")); !known || u.Suspended || !t.has(u.Login) {
		return 0, nil, errNotFound
	}
	return http.StatusOK, fields{"url": q.st.api("/teams/%d/memberships/%s", t.ID, q.value("login")), "role": "member", "state": "active"}, nil
}
