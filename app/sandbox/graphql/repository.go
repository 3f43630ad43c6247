package graphql

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
	"github.com/graph-gophers/graphql-go"
)

// gqlRepository is a repository. What GitHub has and the sandbox has not is fixed here.
type gqlRepository struct {
	c *gqlCall
	r *forge.Repository

	ID                                                                          graphql.ID
	DatabaseID                                                                  *int32
	Name, NameWithOwner                                                         string
	Owner                                                                       *gqlActor
	Description                                                                 *string
	HomepageURL, MirrorURL                                                      *gqlScalar
	URL, SSHURL                                                                 gqlScalar
	IsPrivate, IsFork, IsArchived, IsEmpty, IsTemplate, IsMirror, IsDisabled    bool
	IsInOrganization                                                            bool
	Visibility                                                                  string
	CreatedAt, UpdatedAt                                                        gqlScalar
	PushedAt, ArchivedAt                                                        *gqlScalar
	HasIssuesEnabled, HasWikiEnabled, HasProjectsEnabled, HasDiscussionsEnabled bool
	ViewerPermission                                                            *string
	ViewerCanAdminister                                                         bool
	Parent                                                                      *gqlRepository
	MergeCommitAllowed, SquashMergeAllowed, RebaseMergeAllowed                  bool
	AutoMergeAllowed, DeleteBranchOnMerge                                       bool
	ForkCount, StargazerCount                                                   int32
}

// repository returns a repository. What it leaves out is false, as in REST's view of it.
func (c *gqlCall) repository(r *forge.Repository) *gqlRepository {
	role := c.forge.RoleOfActor(c.by, r)
	g := &gqlRepository{
		c:                   c,
		r:                   r,
		ID:                  graphql.ID(r.NodeID()),
		DatabaseID:          databaseID(r.ID),
		Name:                r.Name,
		NameWithOwner:       r.FullName(),
		Owner:               c.actor(r.Owner),
		Description:         orNull(r.Description),
		URL:                 gqlScalar(c.forge.RepositoryURL(r)),
		SSHURL:              gqlScalar(c.forge.SSHURL(r)),
		IsPrivate:           r.Private,
		IsArchived:          r.Archived,
		IsEmpty:             len(r.Git.Refs) == 0,
		IsInOrganization:    strings.EqualFold(r.Owner, c.forge.Org.Login),
		Visibility:          enum(r.Visibility()),
		CreatedAt:           dateTime(r.Created),
		UpdatedAt:           dateTime(r.Updated),
		PushedAt:            dateTimeOrNull(r.Pushed),
		HasIssuesEnabled:    !r.NoIssues,
		HasProjectsEnabled:  true,
		ViewerCanAdminister: role >= forge.RoleAdmin,
		MergeCommitAllowed:  true,
		SquashMergeAllowed:  true,
		RebaseMergeAllowed:  true,
	}
	if role > forge.RoleNone {
		g.ViewerPermission = new(enum(role.String()))
	}
	if g.IsArchived {
		g.ArchivedAt = new(g.UpdatedAt)
	}
	return g
}

// at finds the issue or pull request of a number.
func (r *gqlRepository) at(number int32, kind string, fits func(*forge.Issue) bool) (*forge.Issue, error) {
	i, ok := r.r.IssueAt(int(number))
	if !ok || !fits(i) || i.Pull == nil && r.r.NoIssues {
		return nil, &gqlError{
			"NOT_FOUND",
			fmt.Sprintf("Could not resolve to %s with the number of %d.", kind, number),
		}
	}
	return i, r.c.mayRead(i)
}

// Issue finds an issue by its number.
func (r *gqlRepository) Issue(args struct{ Number int32 }) (*gqlIssue, error) {
	i, err := r.at(args.Number, "an Issue", func(i *forge.Issue) bool { return i.Pull == nil })
	if err != nil {
		return nil, err
	}
	return r.c.issue(i), nil
}

// PullRequest finds a pull request by its number.
func (r *gqlRepository) PullRequest(args struct{ Number int32 }) (*gqlPull, error) {
	i, err := r.at(args.Number, "a PullRequest", func(i *forge.Issue) bool { return i.Pull != nil })
	if err != nil {
		return nil, err
	}
	return r.c.pull(i), nil
}

// IssueOrPullRequest finds either by its number.
func (r *gqlRepository) IssueOrPullRequest(args struct{ Number int32 }) (*gqlItem, error) {
	i, err := r.at(args.Number, "an issue or pull request", func(*forge.Issue) bool { return true })
	if err != nil {
		return nil, err
	}
	return &gqlItem{c: r.c, issue: i}, nil
}

// issueFilters choose issues.
type issueFilters struct {
	Assignee, CreatedBy, Mentioned *string
	Labels, States                 *[]string
	Since                          *gqlScalar
}

type issuesArgs struct {
	pageArgs
	States, Labels *[]string
	OrderBy        *struct{ Field, Direction string }
	FilterBy       *issueFilters
}

// Issues lists issues, the oldest first unless asked otherwise.
func (r *gqlRepository) Issues(args issuesArgs) (*connection[*gqlIssue], error) {
	filter := issueFilters{}
	if args.FilterBy != nil {
		filter = *args.FilterBy
	}
	since := time.Time{}
	if filter.Since != nil {
		var err error
		if since, err = time.Parse(time.RFC3339, string(*filter.Since)); err != nil {
			return nil, &gqlError{"ARGUMENT_ERROR", "since is no time"}
		}
	}
	found := slices.DeleteFunc(slices.Clone(r.r.Issues), func(i *forge.Issue) bool {
		return i == nil || i.Pull != nil || r.r.NoIssues || !isIn(args.States, enum(i.State())) ||
			!isIn(filter.States, enum(i.State())) ||
			!hasLabels(i, args.Labels) || !hasLabels(i, filter.Labels) || i.Updated.Before(since) ||
			!r.c.isBy(i.Author, filter.CreatedBy) ||
			!r.c.isAssigned(i, filter.Assignee) ||
			!r.c.isMentioned(i, filter.Mentioned) ||
			!r.c.forge.Can(r.c.by, r.r, forge.RoleRead, forge.IssueAreas(i)...)
	})
	sortIssues(found, args.OrderBy)
	return connect("issues", found, args.pageArgs, r.c.issue), nil
}

type pullsArgs struct {
	pageArgs
	States, Labels           *[]string
	BaseRefName, HeadRefName *string
	OrderBy                  *struct{ Field, Direction string }
}

// PullRequests lists pull requests, the oldest first unless asked otherwise.
func (r *gqlRepository) PullRequests(args pullsArgs) *connection[*gqlPull] {
	found := slices.DeleteFunc(slices.Clone(r.r.Issues), func(i *forge.Issue) bool {
		return i == nil || i.Pull == nil || !isIn(args.States, pullState(i)) ||
			!hasLabels(i, args.Labels) ||
			args.BaseRefName != nil && *args.BaseRefName != i.Pull.Base ||
			args.HeadRefName != nil && *args.HeadRefName != i.Pull.Head ||
			!r.c.forge.Can(r.c.by, r.r, forge.RoleRead, forge.IssueAreas(i)...)
	})
	sortIssues(found, args.OrderBy)
	return connect("pullRequests", found, args.pageArgs, r.c.pull)
}

// isIn reports whether a list has a value; null has all.
func isIn(list *[]string, value string) bool { return list == nil || slices.Contains(*list, value) }

// hasLabels reports whether an issue carries one of the labels; null isn't a condition.
func hasLabels(i *forge.Issue, labels *[]string) bool {
	return labels == nil || slices.ContainsFunc(*labels, i.HasLabel)
}

// isBy reports whether a login is what is asked for; nil asks for anybody.
func (c *gqlCall) isBy(login string, asked *string) bool {
	return asked == nil || forge.IsAccount(login, c.me(*asked))
}

// me is the login of whoever asks, where @me is written.
func (c *gqlCall) me(login string) string {
	if login == "@me" {
		return c.by.Login
	}
	return login
}

func (c *gqlCall) isAssigned(i *forge.Issue, asked *string) bool {
	switch {
	case asked == nil:
		return true
	case *asked == "*":
		return len(i.Assignees) > 0
	case *asked == "":
		return len(i.Assignees) == 0
	}
	return i.HasAssignee(c.me(*asked))
}

func (c *gqlCall) isMentioned(i *forge.Issue, asked *string) bool {
	return asked == nil || slices.ContainsFunc(i.Timeline, func(e *forge.TimelineEvent) bool {
		return e.Kind == "mentioned" && forge.IsAccount(e.Actor, c.me(*asked))
	})
}

func sortIssues(all []*forge.Issue, order *struct{ Field, Direction string }) {
	if order == nil {
		return
	}
	slices.SortStableFunc(all, func(a, b *forge.Issue) int {
		switch order.Field {
		case "UPDATED_AT":
			return cmp.Or(a.Updated.Compare(b.Updated), a.Number-b.Number)
		case "COMMENTS":
			return cmp.Or(len(a.Comments)-len(b.Comments), a.Number-b.Number)
		}
		return cmp.Or(a.Created.Compare(b.Created), a.Number-b.Number)
	})
	if order.Direction == "DESC" {
		slices.Reverse(all)
	}
}

type labelsArgs struct {
	pageArgs
	Query   *string
	OrderBy labelOrder
}

// labelOrder has a default, so that it is never null.
type labelOrder struct{ Field, Direction string }

// Labels lists the repository's labels.
func (r *gqlRepository) Labels(args labelsArgs) *connection[*gqlLabel] {
	labels := slices.DeleteFunc(slices.Clone(r.r.Labels), func(l *forge.Label) bool {
		return args.Query != nil && !strings.Contains(strings.ToLower(l.Name), strings.ToLower(*args.Query))
	})
	return r.c.labels(r.r, labels, args.pageArgs, args.OrderBy)
}

// Label finds a label by its name.
func (r *gqlRepository) Label(args struct{ Name string }) *gqlLabel {
	l, ok := r.r.FindLabel(args.Name)
	if !ok {
		return nil
	}
	return r.c.label(r.r, l)
}

// AssignableUsers lists who can be assigned to issues.
func (r *gqlRepository) AssignableUsers(args struct {
	pageArgs
	Query *string
}) *connection[*gqlUser] {
	var logins []string
	for _, u := range r.c.forge.Users {
		if r.c.forge.IsAssignable(u.Login, r.r, nil) &&
			(args.Query == nil || strings.Contains(strings.ToLower(u.Login), strings.ToLower(*args.Query))) {
			logins = append(logins, u.Login)
		}
	}
	return r.c.users("assignableUsers", logins, args.pageArgs)
}

// gqlMilestone is a milestone, of which the sandbox has none.
type gqlMilestone struct {
	ID          graphql.ID
	Number      int32
	Title       string
	Description *string
	DueOn       *gqlScalar
}

// Milestones is empty: no milestone can be made here.
func (r *gqlRepository) Milestones(args struct {
	pageArgs
	States  *[]string
	OrderBy *struct{ Field, Direction string }
}) *connection[*gqlMilestone] {
	return &connection[*gqlMilestone]{name: "milestones", args: args.pageArgs}
}
