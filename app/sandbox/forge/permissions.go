package forge

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

// PersonActor is the actor for somebody on the pages or with a personal token, or for another App's bot.
func (f *Forge) PersonActor(login string) (*Actor, bool) {
	u, ok := f.usersByLogin[strings.ToLower(login)]
	if !ok || u.Suspended || u.Kind == KindOrganization || strings.EqualFold(login, f.App.Login) {
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

// HasMember reports whether somebody is in the team; case does not matter.
func (t *Team) HasMember(login string) bool {
	return slices.ContainsFunc(t.Members, func(m string) bool { return strings.EqualFold(m, login) })
}

// RoleOf is what a person may do in a repository: the best of what they were given directly and through teams.
func (f *Forge) RoleOf(login string, r *Repository) Role {
	role := r.People[strings.ToLower(login)]
	for _, t := range f.Teams {
		if t.HasMember(login) {
			role = max(role, r.Teams[t.Slug])
		}
	}
	if role == RoleNone && !r.Private {
		role = RoleRead
	}
	return role
}

// RoleOfActor is what the actor may do in a repository. For the app it is only whether its token
// reaches the repository; what it may do there depends on the token's permissions, see need.
func (f *Forge) RoleOfActor(by *Actor, r *Repository) Role {
	if by.ViaApp {
		if by.Repositories == nil || by.Repositories[r.ID] {
			return RoleWrite
		}
		return RoleNone
	}
	return f.RoleOf(by.Login, r)
}

// CanSee reports whether the actor may know of the repository.
func (f *Forge) CanSee(by *Actor, r *Repository) bool { return f.RoleOfActor(by, r) >= RoleRead }

// VisibleRepositories lists the repositories that the actor may see, in the order in which they were made.
func (f *Forge) VisibleRepositories(by *Actor) []*Repository {
	var list []*Repository
	for _, r := range f.Repos {
		if f.CanSee(by, r) {
			list = append(list, r)
		}
	}
	return list
}

// VisibleRepository finds a repository that the actor sees; otherwise it does not exist.
func (f *Forge) VisibleRepository(by *Actor, fullName string) (*Repository, error) {
	r, ok := f.FindRepository(fullName)
	if !ok || !f.CanSee(by, r) {
		return nil, ErrNotFound
	}
	return r, nil
}

// Require refuses an actor who has less than the role; the app needs the area's permission at the
// level that the role means.
func (f *Forge) Require(by *Actor, r *Repository, role Role, areas ...string) error {
	if !f.CanSee(by, r) {
		return ErrNotFound
	}
	if by.ViaApp {
		level := "read"
		if role > RoleRead {
			level = "write"
		}
		if !slices.ContainsFunc(areas, func(area string) bool { return by.HasPermission(area, level) }) {
			return Forbidden("Resource not accessible by integration")
		}
	} else if err := f.requireRole(by, r, role); err != nil {
		return err
	}
	if role > RoleRead {
		return r.checkWritable()
	}
	return nil
}

// requireRole refuses a person who has less than the role.
func (f *Forge) requireRole(by *Actor, r *Repository, role Role) error {
	if f.RoleOfActor(by, r) < role {
		switch role {
		case RoleTriage:
			return Forbidden("Must have triage access to Repository.")
		case RoleWrite:
			return Forbidden("Must have push access to repository")
		}
		return Forbidden("Must have admin rights to Repository.")
	}
	return nil
}

// HasPermission reports whether the token has a permission.
func (a *Actor) HasPermission(area, level string) bool {
	has := a.Permissions[area]
	return has == "write" || has == level && level == "read"
}

// Can reports whether need would let the actor pass.
func (f *Forge) Can(by *Actor, r *Repository, role Role, areas ...string) bool {
	return f.Require(by, r, role, areas...) == nil
}

// requireAuthor lets the author pass, provided that they may still write there, and everybody else
// who has the role.
func (f *Forge) requireAuthor(by *Actor, r *Repository, author string, role Role, areas []string) error {
	if !by.ViaApp && by.Login == author && f.CanSee(by, r) {
		return r.checkWritable()
	}
	return f.Require(by, r, role, areas...)
}

// requireWrite lets readers pass, as GitHub does for reviews, and the app if its token writes the area.
func (f *Forge) requireWrite(by *Actor, r *Repository, area string) error {
	if err := f.Require(by, r, RoleRead, area); err != nil {
		return err
	}
	if by.ViaApp && !by.HasPermission(area, "write") {
		return Forbidden("Resource not accessible by integration")
	}
	return nil
}

// IsAssignable reports whether somebody can be assigned to an issue: those with write access, members
// of the organization who can read, and whoever commented there. Issue may be nil.
func (f *Forge) IsAssignable(login string, r *Repository, issue *Issue) bool {
	u, ok := f.FindUser(login)
	if !ok || u.Kind != KindUser {
		return false
	}
	role := f.RoleOf(login, r)
	if role >= RoleWrite || role >= RoleRead && f.IsMember(login) {
		return true
	}
	return role >= RoleRead && issue != nil && slices.ContainsFunc(issue.Comments,
		func(c *Comment) bool { return c.Author == u.Login })
}

// Association is the author_association of somebody in a repository.
func (f *Forge) Association(login string, r *Repository) string {
	switch {
	case f.IsMember(login):
		return "MEMBER"
	case r.People[strings.ToLower(login)] > RoleNone:
		return "COLLABORATOR"
	}
	return "NONE"
}

// IssueAreas is the permission that an app needs for an issue or, when it is one, a pull request.
func IssueAreas(i *Issue) []string {
	if i.Pull != nil {
		return []string{"pull_requests", "issues"}
	}
	return []string{"issues"}
}

// IsMember reports whether somebody belongs to the organization: its members are those who are in a team.
func (f *Forge) IsMember(login string) bool {
	return slices.ContainsFunc(f.Teams, func(t *Team) bool { return t.HasMember(login) })
}

// checkWritable refuses changes of an archived repository.
func (r *Repository) checkWritable() error {
	if r.Archived {
		return errArchived
	}
	return nil
}

// CheckIssuesEnabled refuses what belongs to issues where they are disabled. Pull requests stay.
func (r *Repository) CheckIssuesEnabled() error {
	if r.NoIssues {
		return errNoIssues
	}
	return nil
}

// checkRules refuses a direct change of the default branch where a ruleset asks for pull requests, and of a
// branch whose ruleset asks for a status that the commit lacks; one that is made just now lacks each, and its sha
// is empty. The contents API answers 409, git's references 422.
func (f *Forge) checkRules(r *Repository, ref, sha string, status int) error {
	if !r.Ruled || ref != "refs/heads/"+r.DefaultBranch {
		return f.checkStatuses(r, ref, sha, status)
	}
	return &Error{Status: status,
		Message: "Repository rule violations found\n\nChanges must be made through a pull request.\n\n"}
}
