package graphql

import (
	"context"
	"slices"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
	"github.com/graph-gophers/graphql-go"
)

// CreatePullRequest opens a pull request.
func (*gqlRoot) CreatePullRequest(ctx context.Context, args struct {
	Input struct {
		ClientMutationID                *string
		RepositoryID                    graphql.ID
		HeadRepositoryID                *graphql.ID
		BaseRefName, HeadRefName, Title string
		Body                            *string
		Draft, MaintainerCanModify      bool
	}
}) (*gqlPullPayload, error) {
	c, in := callOf(ctx), args.Input
	n, err := c.node(in.RepositoryID)
	if err != nil {
		return nil, err
	}
	if n.repo == nil {
		return nil, notResolved(in.RepositoryID)
	}
	if head := in.HeadRepositoryID; head != nil && *head != c.repository(n.repo).ID {
		return nil, notResolved(*head) // there are no forks here
	}
	i, err := c.forge.OpenPull(
		c.by,
		n.repo,
		forge.NewPull{Title: in.Title, Body: orEmpty(in.Body), Head: in.HeadRefName, Base: in.BaseRefName,
			Draft: in.Draft},
	)
	if err != nil {
		return nil, gqlRefusal(err)
	}
	return &gqlPullPayload{in.ClientMutationID, c.pull(i)}, nil
}

// changePull changes the pull request of an id.
func changePull(
	ctx context.Context,
	mutation *string,
	id graphql.ID,
	change func(*gqlCall, *forge.Issue) error,
) (*gqlPullPayload, error) {
	c := callOf(ctx)
	i, err := c.pullNamed(id)
	if err != nil {
		return nil, err
	}
	if err := change(c, i); err != nil {
		return nil, gqlRefusal(err)
	}
	return &gqlPullPayload{mutation, c.pull(i)}, nil
}

type pullArgs struct {
	Input struct {
		ClientMutationID *string
		PullRequestID    graphql.ID
	}
}

func editPullNode(ctx context.Context, args pullArgs, edit forge.PullEdit) (*gqlPullPayload, error) {
	return changePull(
		ctx,
		args.Input.ClientMutationID,
		args.Input.PullRequestID,
		func(c *gqlCall, i *forge.Issue) error {
			return c.forge.EditPull(c.by, i, edit)
		},
	)
}

// UpdatePullRequest changes a pull request.
func (*gqlRoot) UpdatePullRequest(ctx context.Context, args struct {
	Input struct {
		plans
		MaintainerCanModify             *bool // of forks only, and there are none here
		ClientMutationID                *string
		PullRequestID                   graphql.ID
		BaseRefName, Title, Body, State *string
		AssigneeIDs, LabelIDs           *[]graphql.ID
	}
}) (*gqlPullPayload, error) {
	in := args.Input
	return changePull(ctx, in.ClientMutationID, in.PullRequestID, func(c *gqlCall, i *forge.Issue) error {
		if err := in.none(); err != nil {
			return err
		}
		edit := forge.PullEdit{
			IssueEdit: forge.IssueEdit{Title: in.Title, Body: in.Body, State: lower(in.State)},
			Base:      in.BaseRefName,
		}
		var err error
		if edit.Labels, err = c.namesOrNil(in.LabelIDs, labelOf); err != nil {
			return err
		}
		if edit.Assignees, err = c.namesOrNil(in.AssigneeIDs, loginOf); err != nil {
			return err
		}
		return c.forge.EditPull(c.by, i, edit)
	})
}

// ClosePullRequest closes a pull request.
func (*gqlRoot) ClosePullRequest(ctx context.Context, args pullArgs) (*gqlPullPayload, error) {
	return editPullNode(ctx, args, forge.PullEdit{IssueEdit: forge.IssueEdit{State: new("closed")}})
}

// ReopenPullRequest opens a closed pull request again.
func (*gqlRoot) ReopenPullRequest(ctx context.Context, args pullArgs) (*gqlPullPayload, error) {
	return editPullNode(ctx, args, forge.PullEdit{IssueEdit: forge.IssueEdit{State: new("open")}})
}

// MarkPullRequestReadyForReview ends that it is a draft.
func (*gqlRoot) MarkPullRequestReadyForReview(ctx context.Context, args pullArgs) (*gqlPullPayload, error) {
	return editPullNode(ctx, args, forge.PullEdit{Draft: new(false)})
}

// ConvertPullRequestToDraft makes it a draft.
func (*gqlRoot) ConvertPullRequestToDraft(ctx context.Context, args pullArgs) (*gqlPullPayload, error) {
	return editPullNode(ctx, args, forge.PullEdit{Draft: new(true)})
}

// RequestReviews asks for reviews: of these alone unless union.
func (*gqlRoot) RequestReviews(ctx context.Context, args struct {
	Input struct {
		ClientMutationID *string
		PullRequestID    graphql.ID
		UserIDs, TeamIDs *[]graphql.ID
		Union            bool
	}
}) (*gqlPullPayload, error) {
	in := args.Input
	return changePull(ctx, in.ClientMutationID, in.PullRequestID, func(c *gqlCall, i *forge.Issue) error {
		users, err := c.namesOrNil(in.UserIDs, loginOf)
		if err != nil {
			return err
		}
		teams, err := c.namesOrNil(in.TeamIDs, slugOf)
		if err != nil {
			return err
		}
		logins, slugs := []string{}, []string{}
		if users != nil {
			logins = *users
		}
		if teams != nil {
			slugs = *teams
		}
		if !in.Union {
			others := func(all, keep []string) []string {
				return slices.DeleteFunc(
					slices.Clone(all),
					func(s string) bool { return slices.Contains(keep, s) },
				)
			}
			if err := c.forge.RemoveReviewers(c.by, i, others(i.Pull.Reviewers, logins),
				others(i.Pull.Teams, slugs)); err != nil {
				return err
			}
		}
		return c.forge.RequestReviewers(c.by, i, logins, slugs)
	})
}

type gqlReviewPayload struct {
	ClientMutationID  *string
	PullRequestReview *gqlReview
}

// AddPullRequestReview submits a review. There are no reviews here that wait to be submitted.
func (*gqlRoot) AddPullRequestReview(ctx context.Context, args struct {
	Input struct {
		ClientMutationID *string
		PullRequestID    graphql.ID
		Event, Body      *string
		CommitOID        *gqlScalar
	}
}) (*gqlReviewPayload, error) {
	c, in := callOf(ctx), args.Input
	i, err := c.pullNamed(in.PullRequestID)
	if err != nil {
		return nil, err
	}
	commit := ""
	if in.CommitOID != nil {
		commit = string(*in.CommitOID)
	}
	r, err := c.forge.AddReview(c.by, i, orEmpty(in.Event), orEmpty(in.Body), commit)
	if err != nil {
		return nil, gqlRefusal(err)
	}
	return &gqlReviewPayload{in.ClientMutationID, c.review(i, r)}, nil
}

// MergePullRequest merges a pull request. Commits have the merging person's address, whatever is asked for.
func (*gqlRoot) MergePullRequest(ctx context.Context, args struct {
	Input struct {
		ClientMutationID           *string
		PullRequestID              graphql.ID
		CommitHeadline, CommitBody *string
		MergeMethod                string
		ExpectedHeadOid            *gqlScalar
		AuthorEmail                *string
	}
}) (*gqlPullPayload, error) {
	in := args.Input
	return changePull(ctx, in.ClientMutationID, in.PullRequestID, func(c *gqlCall, i *forge.Issue) error {
		merge := forge.MergeRequest{
			Method:  mergeMethod(&in.MergeMethod),
			Title:   orEmpty(in.CommitHeadline),
			Message: orEmpty(in.CommitBody),
		}
		if in.ExpectedHeadOid != nil {
			merge.SHA = string(*in.ExpectedHeadOid)
		}
		return c.forge.MergePull(c.by, i, merge)
	})
}

type gqlRevertPayload struct {
	ClientMutationID               *string
	PullRequest, RevertPullRequest *gqlPull
}

// RevertPullRequest opens a pull request that takes a merged one back.
func (*gqlRoot) RevertPullRequest(ctx context.Context, args struct {
	Input struct {
		ClientMutationID *string
		PullRequestID    graphql.ID
		Title, Body      *string
		Draft            bool // has a default, so that it is never null
	}
}) (*gqlRevertPayload, error) {
	c, in := callOf(ctx), args.Input
	i, err := c.pullNamed(in.PullRequestID)
	if err != nil {
		return nil, err
	}
	revert, err := c.forge.RevertPull(c.by, i, forge.RevertRequest{Title: orEmpty(in.Title),
		Body: orEmpty(in.Body), Draft: in.Draft})
	if err != nil {
		return nil, gqlRefusal(err)
	}
	return &gqlRevertPayload{in.ClientMutationID, c.pull(i), c.pull(revert)}, nil
}
