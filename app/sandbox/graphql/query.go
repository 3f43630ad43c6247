package graphql

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/graph-gophers/graphql-go"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// Viewer is who asks.
func (*gqlRoot) Viewer(ctx context.Context) (*gqlUser, error) {
	c := callOf(ctx)
	u, ok := c.forge.FindUser(c.by.Login)
	if !ok {
		return nil, &gqlError{"NOT_FOUND", "Could not resolve the viewer"}
	}
	return c.user(u), nil
}

// Repository finds a repository by its name.
func (*gqlRoot) Repository(ctx context.Context, args struct {
	Owner, Name   string
	FollowRenames bool
}) (*gqlRepository, error) {
	c := callOf(ctx)
	name := args.Owner + "/" + args.Name
	r, err := c.forge.VisibleRepository(c.by, name)
	if err != nil && args.FollowRenames {
		r, err = c.forge.RenamedRepository(c.by, name)
	}
	if err != nil {
		return nil, &gqlError{
			"NOT_FOUND",
			fmt.Sprintf("Could not resolve to a Repository with the name '%s'.", name),
		}
	}
	return c.repository(r), nil
}

// RepositoryOwner finds a person or an organization.
func (*gqlRoot) RepositoryOwner(ctx context.Context, args struct{ Login string }) *gqlActor {
	a := callOf(ctx).actor(args.Login)
	if a == nil || a.u.Kind == forge.KindBot || a.u.Suspended {
		return nil
	}
	return a
}

// Organization finds an organization.
func (*gqlRoot) Organization(ctx context.Context, args struct{ Login string }) (*gqlOrganization, error) {
	if a := callOf(ctx).actor(args.Login); a != nil && a.u.Kind == forge.KindOrganization {
		return &gqlOrganization{a.c.user(a.u)}, nil
	}
	return nil, &gqlError{
		"NOT_FOUND",
		fmt.Sprintf("Could not resolve to an Organization with the login of '%s'.", args.Login),
	}
}

// User finds a person.
func (*gqlRoot) User(ctx context.Context, args struct{ Login string }) (*gqlUser, error) {
	if a := callOf(ctx).actor(args.Login); a != nil && a.u.Kind == forge.KindUser && !a.u.Suspended {
		return a.c.user(a.u), nil
	}
	return nil, &gqlError{
		"NOT_FOUND",
		fmt.Sprintf("Could not resolve to a User with the login of '%s'.", args.Login),
	}
}

// Search searches issues and pull requests as REST does, or repositories and people by name.
func (*gqlRoot) Search(ctx context.Context, args struct {
	pageArgs
	Query, Type string
}) (*gqlFound, error) {
	c := callOf(ctx)
	var items []*gqlItem
	issues, repositories := 0, 0
	switch args.Type {
	case "ISSUE":
		found, err := c.forge.SearchIssues(c.by, forge.ParseQuery(args.Query), "", "")
		if err != nil {
			return nil, gqlRefusal(err)
		}
		issues = len(found)
		items = convert(found, func(i *forge.Issue) *gqlItem { return &gqlItem{c: c, issue: i} })
	case "REPOSITORY":
		found := searchRepos(c.forge, c.by, forge.ParseQuery(args.Query))
		repositories = len(found)
		items = convert(found, func(r *forge.Repository) *gqlItem { return &gqlItem{c: c, repo: r} })
	case "USER":
		for _, u := range c.forge.Users {
			if u.Kind != forge.KindBot &&
				strings.Contains(strings.ToLower(u.Login), strings.ToLower(args.Query)) {
				items = append(items, &gqlItem{c: c, account: u})
			}
		}
	}
	items = items[:min(len(items), forge.MaxFound)]
	return &gqlFound{
		connection[*gqlItem]{"search", items, args.pageArgs},
		int32(issues),
		int32(repositories),
	}, nil
}

// gqlFound is what a search found.
type gqlFound struct {
	connection[*gqlItem]
	IssueCount, RepositoryCount int32
}

// searchRepos finds repositories by their owner, by what they are, and by words of their name.
func searchRepos(f *forge.Forge, by *forge.Actor, terms []forge.Term) []*forge.Repository {
	found := slices.DeleteFunc(slices.Clone(f.VisibleRepositories(by)), func(r *forge.Repository) bool {
		return slices.ContainsFunc(terms, func(t forge.Term) bool {
			fits := true
			switch t.Key {
			case "":
				fits = strings.Contains(strings.ToLower(r.Name+" "+r.Description), strings.ToLower(t.Value))
			case "user", "org":
				fits = strings.EqualFold(r.Owner, t.Value) ||
					t.Value == "@me" && strings.EqualFold(r.Owner, by.Login)
			case "repo":
				fits = strings.EqualFold(r.FullName(), t.Value)
			case "archived":
				fits = fmt.Sprint(r.Archived) == t.Value
			case "is":
				fits = t.Value == "" || t.Value == "private" && r.Private ||
					t.Value == "public" && !r.Private
			case "fork":
				fits = t.Value != "only"
			case "language", "topic":
				fits = t.Value == ""
			}
			return fits == t.IsNegated
		})
	})
	slices.SortStableFunc(found, func(a, b *forge.Repository) int { return b.Updated.Compare(a.Updated) })
	return found
}

// Node finds by an id.
func (*gqlRoot) Node(ctx context.Context, args struct{ ID graphql.ID }) (*gqlItem, error) {
	return callOf(ctx).node(args.ID)
}

// gqlItem is one of what has an id. Exactly one of its fields is set.
type gqlItem struct {
	c       *gqlCall
	account *forge.User
	team    *forge.Team
	repo    *forge.Repository
	issue   *forge.Issue // or pull request
	comment *forge.Comment
	label   *gqlLabel
	review  *gqlReview
}

// node finds what an id means, if whoever asks may read it.
func (c *gqlCall) node(id graphql.ID) (*gqlItem, error) {
	prefix, n, ok := nodeNumber(id, "U", "BOT", "O", "T", "R", "I", "PR", "IC", "PRR", "LA")
	if !ok {
		return nil, notResolved(id)
	}
	switch prefix {
	case "U", "BOT", "O":
		if at := slices.IndexFunc(c.forge.Users, func(u *forge.User) bool { return u.ID == n }); at >= 0 {
			return &gqlItem{c: c, account: c.forge.Users[at]}, nil
		}
	case "T":
		if at := slices.IndexFunc(c.forge.Teams, func(t *forge.Team) bool { return t.ID == n }); at >= 0 &&
			(c.by.ViaApp || c.forge.IsMember(c.by.Login)) {
			return &gqlItem{c: c, team: c.forge.Teams[at]}, nil
		}
	case "R":
		if at := slices.IndexFunc(c.forge.Repos,
			func(r *forge.Repository) bool { return r.ID == n }); at >= 0 &&
			c.forge.CanSee(c.by, c.forge.Repos[at]) {
			return &gqlItem{c: c, repo: c.forge.Repos[at]}, nil
		}
	case "I":
		if i, ok := c.forge.IssuesByID[n]; ok && i.Pull == nil && c.forge.CanSee(c.by, i.Repo()) {
			return &gqlItem{c: c, issue: i}, c.mayRead(i)
		}
	case "IC":
		if comment, ok := c.forge.CommentsByID[n]; ok && c.forge.CanSee(c.by, comment.Issue().Repo()) {
			return &gqlItem{c: c, comment: comment}, c.mayRead(comment.Issue())
		}
	case "LA":
		for _, r := range c.forge.VisibleRepositories(c.by) {
			if at := slices.IndexFunc(r.Labels, func(l *forge.Label) bool { return l.ID == n }); at >= 0 {
				return &gqlItem{c: c, label: c.label(r, r.Labels[at])}, nil
			}
		}
	default:
		return c.pullNode(prefix, n, id)
	}
	return nil, notResolved(id)
}

// pullNode finds a pull request, or a review of one.
func (c *gqlCall) pullNode(prefix string, n int64, id graphql.ID) (*gqlItem, error) {
	for _, r := range c.forge.VisibleRepositories(c.by) {
		for _, i := range r.Issues {
			if i == nil || i.Pull == nil {
				continue
			}
			if prefix == "PR" && i.Pull.ID == n {
				return &gqlItem{c: c, issue: i}, c.mayRead(i)
			}
			if at := slices.IndexFunc(i.Pull.Reviews,
				func(r *forge.Review) bool { return r.ID == n }); prefix == "PRR" &&
				at >= 0 {
				return &gqlItem{c: c, review: c.review(i, i.Pull.Reviews[at])}, c.mayRead(i)
			}
		}
	}
	return nil, notResolved(id)
}

// mayRead refuses an app whose token has no permission for issues, or pull requests, and everybody
// where issues are disabled.
func (c *gqlCall) mayRead(i *forge.Issue) error {
	err := c.forge.Require(c.by, i.Repo(), forge.RoleRead, forge.IssueAreas(i)...)
	if err == nil && i.Pull == nil {
		err = i.Repo().CheckIssuesEnabled()
	}
	if err != nil {
		return gqlRefusal(err)
	}
	return nil
}

// ID is the id of what it is.
func (n *gqlItem) ID() graphql.ID {
	switch {
	case n.account != nil:
		return n.c.user(n.account).ID
	case n.team != nil:
		return n.c.team(n.team).ID
	case n.repo != nil:
		return n.c.repository(n.repo).ID
	case n.issue != nil:
		return graphql.ID(n.issue.NodeID())
	case n.comment != nil:
		return n.c.comment(n.comment).ID
	case n.label != nil:
		return n.label.ID
	}
	return n.review.ID
}

// ToUser and the others return what it is as its type.
func (n *gqlItem) ToUser() (*gqlUser, bool) {
	if n.account == nil || n.account.Kind != forge.KindUser {
		return nil, false
	}
	return n.c.user(n.account), true
}

// ToBot is described at ToUser.
func (n *gqlItem) ToBot() (*gqlBot, bool) {
	if n.account == nil {
		return nil, false
	}
	return (&gqlActor{n.c, n.account}).ToBot()
}

// ToOrganization is described at ToUser.
func (n *gqlItem) ToOrganization() (*gqlOrganization, bool) {
	if n.account == nil {
		return nil, false
	}
	return (&gqlActor{n.c, n.account}).ToOrganization()
}

// ToTeam is described at ToUser.
func (n *gqlItem) ToTeam() (*gqlTeam, bool) {
	if n.team == nil {
		return nil, false
	}
	return n.c.team(n.team), true
}

// ToRepository is described at ToUser.
func (n *gqlItem) ToRepository() (*gqlRepository, bool) {
	if n.repo == nil {
		return nil, false
	}
	return n.c.repository(n.repo), true
}

// ToIssue is described at ToUser.
func (n *gqlItem) ToIssue() (*gqlIssue, bool) {
	if n.issue == nil || n.issue.Pull != nil {
		return nil, false
	}
	return n.c.issue(n.issue), true
}

// ToPullRequest is described at ToUser.
func (n *gqlItem) ToPullRequest() (*gqlPull, bool) {
	if n.issue == nil || n.issue.Pull == nil {
		return nil, false
	}
	return n.c.pull(n.issue), true
}

// ToIssueComment is described at ToUser.
func (n *gqlItem) ToIssueComment() (*gqlComment, bool) {
	if n.comment == nil {
		return nil, false
	}
	return n.c.comment(n.comment), true
}

// ToPullRequestReview is described at ToUser.
func (n *gqlItem) ToPullRequestReview() (*gqlReview, bool) { return n.review, n.review != nil }

// ToLabel is described at ToUser.
func (n *gqlItem) ToLabel() (*gqlLabel, bool) { return n.label, n.label != nil }
