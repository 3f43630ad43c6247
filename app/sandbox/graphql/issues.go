package graphql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/graph-gophers/graphql-go"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// gqlThread is what issues and pull requests have in common.
type gqlThread struct {
	c *gqlCall
	i *forge.Issue

	ID                   graphql.ID
	DatabaseID           *int32
	FullDatabaseID       *gqlScalar
	Number               int32
	Title, Body          string
	URL                  gqlScalar
	Closed, Locked       bool
	ClosedAt             *gqlScalar
	CreatedAt, UpdatedAt gqlScalar
	ActiveLockReason     *string
	AuthorAssociation    string
	ViewerDidAuthor      bool
	Milestone            *gqlMilestone // the sandbox has none
}

func (c *gqlCall) thread(i *forge.Issue) gqlThread {
	id := i.ID
	if i.Pull != nil {
		id = i.Pull.ID
	}
	return gqlThread{
		c:                 c,
		i:                 i,
		ID:                graphql.ID(i.NodeID()),
		DatabaseID:        databaseID(id),
		FullDatabaseID:    new(gqlScalar(fmt.Sprint(id))),
		Number:            int32(i.Number),
		Title:             i.Title,
		Body:              i.Body,
		URL:               gqlScalar(c.forge.IssueURL(i)),
		Closed:            i.Closed,
		Locked:            i.Locked,
		ClosedAt:          dateTimeOrNull(i.ClosedAt),
		CreatedAt:         dateTime(i.Created),
		UpdatedAt:         dateTime(i.Updated),
		ActiveLockReason:  orNull(enum(i.LockReason)),
		AuthorAssociation: c.forge.Association(i.Author, i.Repo()),
		ViewerDidAuthor:   i.Author == c.by.Login,
	}
}

// Author is who opened it.
func (t gqlThread) Author() *gqlActor { return t.c.actor(t.i.Author) }

// Repository is where it is.
func (t gqlThread) Repository() *gqlRepository { return t.c.repository(t.i.Repo()) }

// Assignees lists who is assigned.
func (t gqlThread) Assignees(args pageArgs) *connection[*gqlUser] {
	return t.c.users("assignees", t.i.Assignees, args)
}

// Labels lists its labels.
func (t gqlThread) Labels(args struct {
	pageArgs
	OrderBy labelOrder
}) *connection[*gqlLabel] {
	return t.c.labels(t.i.Repo(), t.i.Labels, args.pageArgs, args.OrderBy)
}

// Comments lists its comments, the oldest first unless asked otherwise.
func (t gqlThread) Comments(args struct {
	pageArgs
	OrderBy *struct{ Field, Direction string }
}) *connection[*gqlComment] {
	comments := t.i.Comments
	if order := args.OrderBy; order != nil {
		comments = slices.Clone(comments)
		slices.SortStableFunc(comments, func(a, b *forge.Comment) int { return a.Updated.Compare(b.Updated) })
		if order.Direction == "DESC" {
			slices.Reverse(comments)
		}
	}
	return connect("comments", comments, args.pageArgs, t.c.comment)
}

// ReactionGroups counts reactions by kind.
func (t gqlThread) ReactionGroups() *[]*gqlReactionGroup { return reactionGroups(t.i.Reactions) }

// ProjectCards is empty: the sandbox has no projects.
func (t gqlThread) ProjectCards(args pageArgs) *connection[*gqlProjectCard] {
	return &connection[*gqlProjectCard]{name: "projectCards", args: args}
}

// gqlProjectCard, gqlProject and gqlProjectColumn are of classic projects, of which the sandbox has none.
type gqlProjectCard struct {
	ID      graphql.ID
	Project *gqlProject
	Column  *gqlProjectColumn
}

type gqlProject struct {
	ID   graphql.ID
	Name string
}

type gqlProjectColumn struct {
	ID   graphql.ID
	Name string
}

// gqlIssue is an issue.
type gqlIssue struct {
	gqlThread
	State       string
	StateReason *string
	IsPinned    *bool // issues can't be pinned here
}

func (c *gqlCall) issue(i *forge.Issue) *gqlIssue {
	return &gqlIssue{
		gqlThread:   c.thread(i),
		State:       enum(i.State()),
		StateReason: orNull(enum(i.StateReason)),
		IsPinned:    new(false),
	}
}

// Parent is the issue of which it is a sub-issue.
func (i *gqlIssue) Parent() *gqlIssue {
	parent, ok := i.c.forge.IssuesByID[i.i.Parent]
	if !ok || !i.c.forge.CanSee(i.c.by, parent.Repo()) {
		return nil
	}
	return i.c.issue(parent)
}

// SubIssues lists its sub-issues.
func (i *gqlIssue) SubIssues(args pageArgs) *connection[*gqlIssue] {
	var children []*forge.Issue
	for _, id := range i.i.SubIssues {
		if child, ok := i.c.forge.IssuesByID[id]; ok && i.c.forge.CanSee(i.c.by, child.Repo()) {
			children = append(children, child)
		}
	}
	return connect("subIssues", children, args, i.c.issue)
}

// gqlLabel is a label.
type gqlLabel struct {
	l *forge.Label

	ID          graphql.ID
	Name, Color string
	Description *string
	IsDefault   bool
	URL         gqlScalar
}

func (c *gqlCall) label(r *forge.Repository, l *forge.Label) *gqlLabel {
	return &gqlLabel{
		l:           l,
		ID:          graphql.ID(forge.NodeID("LA", l.ID)),
		Name:        l.Name,
		Color:       l.Color,
		Description: orNull(l.Description),
		IsDefault:   l.Default,
		URL:         gqlScalar(c.forge.LabelURL(r, l)),
	}
}

func (c *gqlCall) labels(
	r *forge.Repository,
	labels []*forge.Label,
	args pageArgs,
	order labelOrder,
) *connection[*gqlLabel] {
	labels = slices.Clone(labels)
	slices.SortStableFunc(labels, func(a, b *forge.Label) int {
		if order.Field == "NAME" {
			return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
		}
		return int(a.ID - b.ID)
	})
	if order.Direction == "DESC" {
		slices.Reverse(labels)
	}
	return connect("labels", labels, args, func(l *forge.Label) *gqlLabel { return c.label(r, l) })
}

// gqlComment is a comment on an issue or pull request.
type gqlComment struct {
	c  *gqlCall
	of *forge.Comment

	ID                               graphql.ID
	DatabaseID                       *int32
	AuthorAssociation, Body          string
	CreatedAt, UpdatedAt             gqlScalar
	IncludesCreatedEdit, IsMinimized bool
	MinimizedReason                  *string
	URL                              gqlScalar
	ViewerDidAuthor                  bool
}

func (c *gqlCall) comment(of *forge.Comment) *gqlComment {
	return &gqlComment{c: c, of: of, ID: graphql.ID(forge.NodeID("IC", of.ID)), DatabaseID: databaseID(of.ID),
		AuthorAssociation: c.forge.Association(of.Author, of.Issue().Repo()),
		Body:              of.Body, CreatedAt: dateTime(of.Created), UpdatedAt: dateTime(of.Updated),
		IncludesCreatedEdit: of.Edited(), URL: gqlScalar(c.forge.CommentURL(of)),
		ViewerDidAuthor: of.Author == c.by.Login}
}

// Author is who wrote it.
func (c *gqlComment) Author() *gqlActor { return c.c.actor(c.of.Author) }

// Issue is where it is. A pull request is an issue, too.
func (c *gqlComment) Issue() *gqlIssue { return c.c.issue(c.of.Issue()) }

// PullRequest is the pull request on which it is, if it is one.
func (c *gqlComment) PullRequest() *gqlPull {
	if c.of.Issue().Pull == nil {
		return nil
	}
	return c.c.pull(c.of.Issue())
}

// Repository is the repository of its issue.
func (c *gqlComment) Repository() *gqlRepository { return c.c.repository(c.of.Issue().Repo()) }

// ReactionGroups counts reactions by kind.
func (c *gqlComment) ReactionGroups() *[]*gqlReactionGroup { return reactionGroups(c.of.Reactions) }

// gqlReactionGroup counts the reactions of one kind.
type gqlReactionGroup struct {
	Content   string
	CreatedAt *gqlScalar
	count     int32
}

// Users counts who reacted.
func (g *gqlReactionGroup) Users(pageArgs) *gqlReactingUsers { return &gqlReactingUsers{g.count} }

type gqlReactingUsers struct{ TotalCount int32 }

var reactionContents = map[string]string{"+1": "THUMBS_UP", "-1": "THUMBS_DOWN"}

// reactionGroups counts reactions; a kind that nobody used is there, too.
func reactionGroups(reactions []*forge.Reaction) *[]*gqlReactionGroup {
	groups := convert(forge.ReactionKinds, func(kind string) *gqlReactionGroup {
		g := &gqlReactionGroup{Content: enum(kind)}
		if content, ok := reactionContents[kind]; ok {
			g.Content = content
		}
		for _, r := range reactions {
			if r.Content == kind {
				g.count++
				if g.CreatedAt == nil {
					g.CreatedAt = new(dateTime(r.Created))
				}
			}
		}
		return g
	})
	return &groups
}
