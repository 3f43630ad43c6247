package sandbox

import (
	"slices"
	"strings"
)

// Actor is who makes a request: a person, or the app with the limits of its token.
type Actor struct {
	Login        string
	ViaApp       bool              // acts with an installation token
	Permissions  map[string]string // of the token: area → read or write
	Repositories map[int64]bool    // the token's repositories; nil means all
}

// person is the actor for somebody on the pages or with a personal token, or for another App's bot.
func (st *store) person(login string) (*Actor, bool) {
	u, ok := st.users[strings.ToLower(login)]
	if !ok || u.Suspended || u.Kind == KindOrganization || strings.EqualFold(login, st.app.Login) {
		return nil, false
	}
	return &Actor{Login: u.Login}, true
}

// Role is what somebody may do in a repository; a greater role includes the lesser ones.
type Role int

// String is GitHub's role_name.
func (r Role) String() string {
	return [...]string{"none", "read", "triage", "write", "maintain", "admin"}[r]
}

func (t *Team) has(login string) bool {
	return slices.ContainsFunc(t.Members, func(m string) bool { return strings.EqualFold(m, login) })
}

// roleOf is what a person may do in a repository: the best of what they were given directly and through teams.
func (st *store) roleOf(login string, r *Repository) Role {
	role := r.People[strings.ToLower(login)]
	for _, t := range st.Teams {
		if t.has(login) {
			role = max(role, r.Teams[t.Slug])
		}
	}
	if role == RoleNone && !r.Private {
		role = RoleRead
	}
	return role
}

// role is what the actor may do in a repository. For the app it is only whether its token reaches the repository;
// what it may do there depends on the token's permissions, see need.
func (st *store) role(by *Actor, r *Repository) Role {
	if by.ViaApp {
		if by.Repositories == nil || by.Repositories[r.ID] {
			return RoleWrite
		}
		return RoleNone
	}
	return st.roleOf(by.Login, r)
}

// sees tells whether the actor may know of the repository.
func (st *store) sees(by *Actor, r *Repository) bool { return st.role(by, r) >= RoleRead }

// visibleRepos lists the repositories that the actor may see, in the order in which they were made.
func (st *store) visibleRepos(by *Actor) []*Repository {
	var list []*Repository
	for _, r := range st.Repos {
		if st.sees(by, r) {
			list = append(list, r)
		}
	}
	return list
}

// openRepo finds a repository that the actor sees; otherwise it does not exist.
func (st *store) openRepo(by *Actor, fullName string) (*Repository, error) {
	r, ok := st.repo(fullName)
	if !ok || !st.sees(by, r) {
		return nil, errNotFound
	}
	return r, nil
}

// need refuses an actor who has less than the role; the app needs the area's permission at the level that the role means.
func (st *store) need(by *Actor, r *Repository, role Role, areas ...string) error {
	if !st.sees(by, r) {
		return errNotFound
	}
	if by.ViaApp {
		level := "read"
		if role > RoleRead {
			level = "write"
		}
		if !slices.ContainsFunc(areas, func(area string) bool { return by.allows(area, level) }) {
			return forbidden("Resource not accessible by integration")
		}
	} else if err := st.needRole(by, r, role); err != nil {
		return err
	}
	if role > RoleRead {
		return r.writable()
	}
	return nil
}

// needRole refuses a person who has less than the role.
func (st *store) needRole(by *Actor, r *Repository, role Role) error {
	if st.role(by, r) < role {
		switch role {
		case RoleTriage:
			return forbidden("Must have triage access to Repository.")
		case RoleWrite:
			return forbidden("Must have push access to repository")
		}
		return forbidden("Must have admin rights to Repository.")
	}
	return nil
}

// allows tells whether the token has a permission.
func (a *Actor) allows(area, level string) bool {
	has := a.Permissions[area]
	return has == "write" || has == level && level == "read"
}

// can tells whether need would let the actor pass.
func (st *store) can(by *Actor, r *Repository, role Role, areas ...string) bool {
	return st.need(by, r, role, areas...) == nil
}

// needAuthor lets the author pass, provided that they may still write there, and everybody else who has the role.
func (st *store) needAuthor(by *Actor, r *Repository, author string, role Role, areas []string) error {
	if !by.ViaApp && by.Login == author && st.sees(by, r) {
		return r.writable()
	}
	return st.need(by, r, role, areas...)
}

// needToWrite lets readers pass, as GitHub does for reviews, and the app if its token writes the area.
func (st *store) needToWrite(by *Actor, r *Repository, area string) error {
	if err := st.need(by, r, RoleRead, area); err != nil {
		return err
	}
	if by.ViaApp && !by.allows(area, "write") {
		return forbidden("Resource not accessible by integration")
	}
	return nil
}

// assignable tells whether somebody can be assigned to an issue: those with write access, members of the organisation who can
// read, and whoever commented there. Issue may be nil.
func (st *store) assignable(login string, r *Repository, issue *Issue) bool {
	u, ok := st.user(login)
	if !ok || u.Kind != KindUser {
		return false
	}
	role := st.roleOf(login, r)
	if role >= RoleWrite || role >= RoleRead && st.member(login) {
		return true
	}
	return role >= RoleRead && issue != nil && slices.ContainsFunc(issue.Comments, func(c *Comment) bool { return c.Author == u.Login })
}

// association is the author_association of somebody in a repository.
func (st *store) association(login string, r *Repository) string {
	switch {
	case st.member(login):
		return "MEMBER"
	case r.People[strings.ToLower(login)] > RoleNone:
		return "COLLABORATOR"
	}
	return "NONE"
}

// issueArea is the permission that an app needs for an issue or, when it is one, a pull request.
func issueArea(i *Issue) []string {
	if i.Pull != nil {
		return []string{"pull_requests", "issues"}
	}
	return []string{"issues"}
}

// member tells whether somebody belongs to the organisation: its members are those who are in a team.
func (st *store) member(login string) bool {
	return slices.ContainsFunc(st.Teams, func(t *Team) bool { return t.has(login) })
}

// writable refuses changes of an archived repository.
func (r *Repository) writable() error {
	if r.Archived {
		return errArchived
	}
	return nil
}

// hasIssues refuses what belongs to issues where they are disabled. Pull requests stay.
func (r *Repository) hasIssues() error {
	if r.NoIssues {
		return errNoIssues
	}
	return nil
}

// ruled refuses a direct change of the default branch where a ruleset asks for pull requests. The contents API
// answers 409, git's references 422.
func (r *Repository) ruled(ref string, status int) error {
	if !r.Ruled || ref != "refs/heads/"+r.DefaultBranch {
		return nil
	}
	return &Error{Status: status, Message: "Repository rule violations found\n\nChanges must be made through a pull request.\n\n"}
}
