package graphql

import (
	"slices"
	"strings"

	"github.com/graph-gophers/graphql-go"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// gqlUser is a person.
type gqlUser struct {
	c *gqlCall
	u *forge.User

	ID             graphql.ID
	DatabaseID     *int32
	Login          string
	Name           *string
	Email          string
	URL, AvatarURL gqlScalar
	CreatedAt      gqlScalar
}

func (c *gqlCall) user(u *forge.User) *gqlUser {
	return &gqlUser{
		c:          c,
		u:          u,
		ID:         graphql.ID(u.NodeID()),
		DatabaseID: databaseID(u.ID),
		Login:      u.Login,
		Name:       orNull(u.Name),
		Email:      u.Email,
		URL:        gqlScalar(c.forge.UserURL(u)),
		AvatarURL:  gqlScalar(c.forge.AvatarURL(u)),
		CreatedAt:  dateTime(u.Created),
	}
}

// users makes a connection of people.
func (c *gqlCall) users(name string, logins []string, args pageArgs) *connection[*gqlUser] {
	var people []*forge.User
	for _, login := range logins {
		if u, ok := c.forge.FindUser(login); ok && u.Kind == forge.KindUser {
			people = append(people, u)
		}
	}
	return connect(name, people, args, c.user)
}

// OrganizationVerifiedDomainEmails lists a member's verified addresses in the domains that an organization has
// verified: none of another organization.
func (u *gqlUser) OrganizationVerifiedDomainEmails(args struct{ Login string }) []string {
	if !strings.EqualFold(args.Login, u.c.forge.Org.Login) {
		return []string{}
	}
	return append([]string{}, u.u.DomainEmails...)
}

// gqlBot is an App's account.
type gqlBot struct {
	ID         graphql.ID
	DatabaseID *int32
	Login      string
	URL        gqlScalar
}

// gqlOrganization is an organization.
type gqlOrganization struct{ *gqlUser }

// ID and so on are the account's: fields of an embedded pointer would not be found.
func (o *gqlOrganization) ID() graphql.ID       { return o.gqlUser.ID }
func (o *gqlOrganization) DatabaseID() *int32   { return o.gqlUser.DatabaseID }
func (o *gqlOrganization) Login() string        { return o.gqlUser.Login }
func (o *gqlOrganization) Name() *string        { return o.gqlUser.Name }
func (o *gqlOrganization) URL() gqlScalar       { return o.gqlUser.URL }
func (o *gqlOrganization) AvatarURL() gqlScalar { return o.gqlUser.AvatarURL }

// MembersWithRole lists the organization's members: all people but who has left.
func (o *gqlOrganization) MembersWithRole(args pageArgs) (*connection[*gqlUser], error) {
	if by := o.c.by; by.ViaApp && !by.HasPermission("members", "read") {
		return nil, &gqlError{"FORBIDDEN", "Resource not accessible by integration"}
	}
	var logins []string
	for _, u := range o.c.forge.Users {
		if u.Kind == forge.KindUser && u.Login != forge.Ghost && !u.Suspended {
			logins = append(logins, u.Login)
		}
	}
	slices.Sort(logins)
	return o.c.users("membersWithRole", logins, args), nil
}

// gqlActor is a person, a bot or an organization.
type gqlActor struct {
	c *gqlCall
	u *forge.User
}

// actor returns an account; null for nobody, and for who was deleted.
func (c *gqlCall) actor(login string) *gqlActor {
	u, ok := c.forge.FindUser(login)
	if !ok || u.Login == forge.Ghost {
		return nil
	}
	return &gqlActor{c, u}
}

// ID is the account's id.
func (a *gqlActor) ID() graphql.ID { return a.c.user(a.u).ID }

// Login is the account's name; a bot has none of the "[bot]" here that it has in REST.
func (a *gqlActor) Login() string { return strings.TrimSuffix(a.u.Login, "[bot]") }

// URL is the account's page.
func (a *gqlActor) URL() gqlScalar { return a.c.user(a.u).URL }

// ToUser, ToBot and ToOrganization return the account as what it is.
func (a *gqlActor) ToUser() (*gqlUser, bool) { return a.c.user(a.u), a.u.Kind == forge.KindUser }

// ToBot is described at ToUser.
func (a *gqlActor) ToBot() (*gqlBot, bool) {
	u := a.c.user(a.u)
	return &gqlBot{ID: u.ID, DatabaseID: u.DatabaseID, Login: a.Login(), URL: u.URL}, a.u.Kind == forge.KindBot
}

// ToOrganization is described at ToUser.
func (a *gqlActor) ToOrganization() (*gqlOrganization, bool) {
	return &gqlOrganization{a.c.user(a.u)}, a.u.Kind == forge.KindOrganization
}

type repositoriesArgs struct {
	pageArgs
	Privacy           *string
	IsFork            *bool
	OwnerAffiliations []*string
	OrderBy           *struct{ Field, Direction string }
}

// Repositories lists those that an account owns and that whoever asks sees.
func (a *gqlActor) Repositories(args repositoriesArgs) *connection[*gqlRepository] {
	return a.c.user(a.u).Repositories(args)
}

// Repositories is described at gqlActor.Repositories.
func (u *gqlUser) Repositories(args repositoriesArgs) *connection[*gqlRepository] {
	// Nobody but the organization owns a repository here; people are its members and collaborators.
	var found []*forge.Repository
	for _, r := range u.c.forge.VisibleRepositories(u.c.by) {
		owner := strings.EqualFold(r.Owner, u.u.Login)
		asked := slices.ContainsFunc(args.OwnerAffiliations, func(a *string) bool {
			return a != nil &&
				(*a == "OWNER" && owner || *a == "COLLABORATOR" && hasDirectAccess(u.u, r) ||
					*a == "ORGANIZATION_MEMBER" && u.c.forge.IsMember(u.u.Login) &&
						u.c.forge.RoleOf(u.u.Login, r) >= forge.RoleRead)
		})
		private := args.Privacy == nil || (*args.Privacy == "PRIVATE") == r.Private
		if asked && private && (args.IsFork == nil || !*args.IsFork) {
			found = append(found, r)
		}
	}
	if order := args.OrderBy; order != nil {
		slices.SortStableFunc(found, func(a, b *forge.Repository) int {
			switch order.Field {
			case "NAME":
				return strings.Compare(a.Name, b.Name)
			case "PUSHED_AT":
				return a.Pushed.Compare(b.Pushed)
			case "UPDATED_AT":
				return a.Updated.Compare(b.Updated)
			}
			return a.Created.Compare(b.Created)
		})
		if order.Direction == "DESC" {
			slices.Reverse(found)
		}
	}
	return connect("repositories", found, args.pageArgs, u.c.repository)
}

// hasDirectAccess reports whether somebody was given a repository directly.
func hasDirectAccess(u *forge.User, r *forge.Repository) bool {
	return r.People[strings.ToLower(u.Login)] >= forge.RoleRead
}

// gqlTeam is a team.
type gqlTeam struct {
	ID                       graphql.ID
	DatabaseID               *int32
	Name, Slug, CombinedSlug string
	Description              *string
	Organization             *gqlOrganization
	URL                      gqlScalar
}

func (c *gqlCall) team(t *forge.Team) *gqlTeam {
	return &gqlTeam{
		ID:           graphql.ID(t.NodeID()),
		DatabaseID:   databaseID(t.ID),
		Name:         t.Name,
		Slug:         t.Slug,
		CombinedSlug: t.Org + "/" + t.Slug,
		Description:  orNull(t.Description),
		Organization: &gqlOrganization{c.user(c.forge.Org)},
		URL:          gqlScalar(c.forge.TeamURL(t)),
	}
}

// gqlReviewer is who is asked for a review.
type gqlReviewer struct {
	*gqlActor
	team *gqlTeam
}

// ToTeam returns the team that is asked.
func (r *gqlReviewer) ToTeam() (*gqlTeam, bool) { return r.team, r.team != nil }

// ToUser and ToBot return who is asked.
func (r *gqlReviewer) ToUser() (*gqlUser, bool) {
	if r.gqlActor == nil {
		return nil, false
	}
	return r.gqlActor.ToUser()
}

// ToBot is described at ToUser.
func (r *gqlReviewer) ToBot() (*gqlBot, bool) {
	if r.gqlActor == nil {
		return nil, false
	}
	return r.gqlActor.ToBot()
}
