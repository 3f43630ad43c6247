package graphql

import (
	"context"
	"strings"

	"github.com/graph-gophers/graphql-go"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// Each mutation is one or a few operations of the forge's, which checks what the actor may do. What
// mutates nothing but is refused half way has changed what it did before, as on GitHub.

type gqlIssuePayload struct {
	ClientMutationID *string
	Issue            *gqlIssue
}

type gqlPullPayload struct {
	ClientMutationID *string
	PullRequest      *gqlPull
}

type gqlPayload struct{ ClientMutationID *string }

// issueNode finds the issue of an id.
func (c *gqlCall) issueNode(id graphql.ID) (*forge.Issue, error) {
	n, err := c.node(id)
	if err != nil {
		return nil, err
	}
	if n.issue == nil || n.issue.Pull != nil {
		return nil, notResolved(id)
	}
	return n.issue, nil
}

// pullNamed finds the pull request of an id.
func (c *gqlCall) pullNamed(id graphql.ID) (*forge.Issue, error) {
	n, err := c.node(id)
	if err != nil {
		return nil, err
	}
	if n.issue == nil || n.issue.Pull == nil {
		return nil, notResolved(id)
	}
	return n.issue, nil
}

// threadNode finds the issue or pull request of an id.
func (c *gqlCall) threadNode(id graphql.ID) (*forge.Issue, error) {
	n, err := c.node(id)
	if err != nil {
		return nil, err
	}
	if n.issue == nil {
		return nil, notResolved(id)
	}
	return n.issue, nil
}

// names returns what ids mean: labels' names, people's logins or teams' slugs.
func (c *gqlCall) names(ids []graphql.ID, of func(*gqlItem) string) ([]string, error) {
	names := []string{}
	for _, id := range ids {
		n, err := c.node(id)
		if err != nil {
			return nil, err
		}
		name := of(n)
		if name == "" {
			return nil, notResolved(id)
		}
		names = append(names, name)
	}
	return names, nil
}

func labelOf(n *gqlItem) string {
	if n.label == nil {
		return ""
	}
	return n.label.Name
}

func loginOf(n *gqlItem) string {
	if n.account == nil {
		return ""
	}
	return n.account.Login
}

func slugOf(n *gqlItem) string {
	if n.team == nil {
		return ""
	}
	return n.team.Slug
}

// namesOrNil is names, and nil for null.
func (c *gqlCall) namesOrNil(ids *[]graphql.ID, of func(*gqlItem) string) (*[]string, error) {
	if ids == nil {
		return nil, nil
	}
	names, err := c.names(*ids, of)
	return &names, err
}

// plans are what issues and pull requests are planned by, and of which the sandbox has none. Clients
// send empty ones.
type plans struct {
	MilestoneID *graphql.ID
	ProjectIDs  *[]graphql.ID
}

// none refuses a milestone or a project.
func (p plans) none() error {
	if p.MilestoneID != nil {
		return notResolved(*p.MilestoneID)
	}
	if p.ProjectIDs != nil && len(*p.ProjectIDs) > 0 {
		return notResolved((*p.ProjectIDs)[0])
	}
	return nil
}

// CreateIssue opens an issue.
func (*gqlRoot) CreateIssue(ctx context.Context, args struct {
	Input struct {
		plans
		ParentIssueID         *graphql.ID
		ClientMutationID      *string
		RepositoryID          graphql.ID
		Title                 string
		Body                  *string
		AssigneeIDs, LabelIDs *[]graphql.ID
	}
}) (*gqlIssuePayload, error) {
	c, in := callOf(ctx), args.Input
	n, err := c.node(in.RepositoryID)
	if err != nil {
		return nil, err
	}
	if n.repo == nil {
		return nil, notResolved(in.RepositoryID)
	}
	if err := in.none(); err != nil {
		return nil, err
	}
	if err := n.repo.CheckIssuesEnabled(); err != nil {
		return nil, gqlRefusal(err)
	}
	var parent *forge.Issue
	if in.ParentIssueID != nil {
		if parent, err = c.issueNode(*in.ParentIssueID); err != nil {
			return nil, err
		}
	}
	labels, err := c.namesOrNil(in.LabelIDs, labelOf)
	if err != nil {
		return nil, err
	}
	assignees, err := c.namesOrNil(in.AssigneeIDs, loginOf)
	if err != nil {
		return nil, err
	}
	issue := forge.NewIssue{Title: in.Title, Body: orEmpty(in.Body)}
	if labels != nil {
		issue.Labels = *labels
	}
	if assignees != nil {
		issue.Assignees = *assignees
	}
	i, err := c.forge.OpenIssue(c.by, n.repo, issue)
	if err == nil && parent != nil {
		err = c.forge.AddSubIssue(c.by, parent, i, false)
	}
	if err != nil {
		return nil, gqlRefusal(err)
	}
	return &gqlIssuePayload{in.ClientMutationID, c.issue(i)}, nil
}

// orEmpty is the empty text for null.
func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// lower is a value of an enumeration as REST has it.
func lower(value *string) *string {
	if value == nil {
		return nil
	}
	return new(strings.ToLower(*value))
}

// UpdateIssue changes an issue.
func (*gqlRoot) UpdateIssue(ctx context.Context, args struct {
	Input struct {
		plans
		ClientMutationID      *string
		ID                    graphql.ID
		Title, Body, State    *string
		AssigneeIDs, LabelIDs *[]graphql.ID
	}
}) (*gqlIssuePayload, error) {
	in := args.Input
	if err := in.none(); err != nil {
		return nil, err
	}
	return editIssueNode(ctx, in.ClientMutationID, in.ID, in.LabelIDs, in.AssigneeIDs,
		forge.IssueEdit{Title: in.Title, Body: in.Body, State: lower(in.State)})
}

// editIssueNode changes the issue of an id.
func editIssueNode(
	ctx context.Context,
	mutation *string,
	id graphql.ID,
	labels, assignees *[]graphql.ID,
	edit forge.IssueEdit,
) (*gqlIssuePayload, error) {
	c := callOf(ctx)
	i, err := c.issueNode(id)
	if err != nil {
		return nil, err
	}
	if edit.Labels, err = c.namesOrNil(labels, labelOf); err != nil {
		return nil, err
	}
	if edit.Assignees, err = c.namesOrNil(assignees, loginOf); err != nil {
		return nil, err
	}
	if err := c.forge.EditIssue(c.by, i, edit); err != nil {
		return nil, gqlRefusal(err)
	}
	return &gqlIssuePayload{mutation, c.issue(i)}, nil
}

// CloseIssue closes an issue.
func (*gqlRoot) CloseIssue(ctx context.Context, args struct {
	Input struct {
		ClientMutationID *string
		IssueID          graphql.ID
		StateReason      *string
		DuplicateIssueID *graphql.ID
	}
}) (*gqlIssuePayload, error) {
	in := args.Input
	edit := forge.IssueEdit{State: new("closed"), StateReason: lower(in.StateReason)}
	if in.DuplicateIssueID != nil {
		other, err := callOf(ctx).issueNode(*in.DuplicateIssueID)
		if err != nil {
			return nil, err
		}
		edit.DuplicateOf = &other.ID
	}
	return editIssueNode(ctx, in.ClientMutationID, in.IssueID, nil, nil, edit)
}

// ReopenIssue opens a closed issue again.
func (*gqlRoot) ReopenIssue(ctx context.Context, args struct {
	Input struct {
		ClientMutationID *string
		IssueID          graphql.ID
	}
}) (*gqlIssuePayload, error) {
	return editIssueNode(
		ctx,
		args.Input.ClientMutationID,
		args.Input.IssueID,
		nil,
		nil,
		forge.IssueEdit{State: new("open")},
	)
}

type gqlCommentEdge struct {
	Cursor string
	Node   *gqlComment
}

type gqlAddCommentPayload struct {
	ClientMutationID *string
	CommentEdge      *gqlCommentEdge
	Subject          *gqlItem
}

// AddComment comments on an issue or pull request.
func (*gqlRoot) AddComment(ctx context.Context, args struct {
	Input struct {
		ClientMutationID *string
		SubjectID        graphql.ID
		Body             string
	}
}) (*gqlAddCommentPayload, error) {
	c := callOf(ctx)
	i, err := c.threadNode(args.Input.SubjectID)
	if err != nil {
		return nil, err
	}
	comment, err := c.forge.AddComment(c.by, i, args.Input.Body)
	if err != nil {
		return nil, gqlRefusal(err)
	}
	edge := &gqlCommentEdge{Cursor: cursorOf(len(i.Comments)), Node: c.comment(comment)}
	return &gqlAddCommentPayload{args.Input.ClientMutationID, edge, &gqlItem{c: c, issue: i}}, nil
}

// commentNode finds the comment of an id.
func (c *gqlCall) commentNode(id graphql.ID) (*forge.Comment, error) {
	n, err := c.node(id)
	if err != nil {
		return nil, err
	}
	if n.comment == nil {
		return nil, notResolved(id)
	}
	return n.comment, nil
}

type gqlCommentPayload struct {
	ClientMutationID *string
	IssueComment     *gqlComment
}

// UpdateIssueComment changes a comment.
func (*gqlRoot) UpdateIssueComment(ctx context.Context, args struct {
	Input struct {
		ClientMutationID *string
		ID               graphql.ID
		Body             string
	}
}) (*gqlCommentPayload, error) {
	c := callOf(ctx)
	comment, err := c.commentNode(args.Input.ID)
	if err != nil {
		return nil, err
	}
	if err := c.forge.EditComment(c.by, comment, args.Input.Body); err != nil {
		return nil, gqlRefusal(err)
	}
	return &gqlCommentPayload{args.Input.ClientMutationID, c.comment(comment)}, nil
}

// DeleteIssueComment deletes a comment.
func (*gqlRoot) DeleteIssueComment(ctx context.Context, args struct {
	Input struct {
		ClientMutationID *string
		ID               graphql.ID
	}
}) (*gqlPayload, error) {
	c := callOf(ctx)
	comment, err := c.commentNode(args.Input.ID)
	if err == nil {
		if err = c.forge.DeleteComment(c.by, comment); err != nil {
			err = gqlRefusal(err)
		}
	}
	if err != nil {
		return nil, err
	}
	return &gqlPayload{args.Input.ClientMutationID}, nil
}

type labelableArgs struct {
	Input struct {
		ClientMutationID *string
		LabelableID      graphql.ID
		LabelIDs         []graphql.ID
	}
}

// AddLabelsToLabelable sets labels.
func (*gqlRoot) AddLabelsToLabelable(ctx context.Context, args labelableArgs) (*gqlPayload, error) {
	return changeNode(
		ctx,
		args.Input.ClientMutationID,
		args.Input.LabelableID,
		args.Input.LabelIDs,
		labelOf,
		(*forge.Forge).AddLabels,
	)
}

// RemoveLabelsFromLabelable takes labels off; one that isn't there is left out.
func (*gqlRoot) RemoveLabelsFromLabelable(ctx context.Context, args labelableArgs) (*gqlPayload, error) {
	return changeNode(
		ctx,
		args.Input.ClientMutationID,
		args.Input.LabelableID,
		args.Input.LabelIDs,
		labelOf,
		func(f *forge.Forge, by *forge.Actor, i *forge.Issue, names []string) error {
			if err := f.Require(by, i.Repo(), forge.RoleTriage, forge.IssueAreas(i)...); err != nil {
				return err
			}
			for _, name := range names {
				if i.HasLabel(name) {
					if err := f.RemoveLabel(by, i, name); err != nil {
						return err
					}
				}
			}
			return nil
		},
	)
}

type assignableArgs struct {
	Input struct {
		ClientMutationID *string
		AssignableID     graphql.ID
		AssigneeIDs      []graphql.ID
	}
}

// AddAssigneesToAssignable assigns people.
func (*gqlRoot) AddAssigneesToAssignable(ctx context.Context, args assignableArgs) (*gqlPayload, error) {
	return changeNode(
		ctx,
		args.Input.ClientMutationID,
		args.Input.AssignableID,
		args.Input.AssigneeIDs,
		loginOf,
		(*forge.Forge).Assign,
	)
}

// RemoveAssigneesFromAssignable takes people off.
func (*gqlRoot) RemoveAssigneesFromAssignable(ctx context.Context, args assignableArgs) (*gqlPayload, error) {
	return changeNode(
		ctx,
		args.Input.ClientMutationID,
		args.Input.AssignableID,
		args.Input.AssigneeIDs,
		loginOf,
		(*forge.Forge).Unassign,
	)
}

// changeNode changes labels or assignees of the issue or pull request of an id.
func changeNode(
	ctx context.Context,
	mutation *string,
	id graphql.ID,
	ids []graphql.ID,
	of func(*gqlItem) string,
	change func(*forge.Forge, *forge.Actor, *forge.Issue, []string) error,
) (*gqlPayload, error) {
	c := callOf(ctx)
	i, err := c.threadNode(id)
	if err != nil {
		return nil, err
	}
	names, err := c.names(ids, of)
	if err != nil {
		return nil, err
	}
	if err := change(c.forge, c.by, i, names); err != nil {
		return nil, gqlRefusal(err)
	}
	return &gqlPayload{mutation}, nil
}
