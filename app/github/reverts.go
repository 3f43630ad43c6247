package github

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// reverts: pull requests that take others back, which GitHub makes with a branch of their own.
// Their reviewers may be teams, which only an app that may read members can name.
var reverts = scope{"reverts", github.InstallationPermissions{Contents: write, PullRequests: write,
	Members: read}, false, nil}

// FindRevert looks for a pull request of the app's own by its mark. It implements engine.GitHub.
func (a *App) FindRevert(ctx context.Context, repo string, is ports.IsMarked, since time.Time) (int, error) {
	owner, name, _ := naming.SplitRepository(repo)
	c, err := a.clientFor(ctx, reverts, owner, name)
	if err != nil {
		return 0, err
	}
	me, err := a.Login(ctx)
	if err != nil {
		return 0, err
	}
	opts := &github.PullRequestListOptions{State: "all", Sort: "created", Direction: "desc",
		ListOptions: github.ListOptions{PerPage: 100}}
	for {
		pulls, res, err := c.PullRequests.List(ctx, owner, name, opts)
		if err != nil {
			return 0, describeError("look for the revert", repo, err)
		}
		for _, p := range pulls {
			if p.GetCreatedAt().Before(since) {
				return 0, nil
			}
			if naming.Equal(p.GetUser().GetLogin(), me) && is(ports.Written{Body: p.GetBody(),
				Created: p.GetCreatedAt().UTC(), Updated: p.GetUpdatedAt().UTC()}) {
				return p.GetNumber(), requireFields("look for the revert", repo, field{"number", p.GetNumber() != 0})
			}
		}
		if res.NextPage == 0 {
			return 0, nil
		}
		opts.Page = res.NextPage
	}
}

// revertible reads what a pull request needs to be taken back.
const revertible = `query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) { pullRequest(number: $number) {
    id merged author { login __typename } mergedBy { login __typename }
  } }
}`

// revertMutation opens the revert. REST has nothing like it.
// https://docs.github.com/en/graphql/reference/mutations#revertpullrequest
const revertMutation = `mutation($id: ID!, $body: String!) {
  revertPullRequest(input: {pullRequestId: $id, body: $body}) { revertPullRequest { number } }
}`

// RevertPull opens the revert of a merged pull request as GitHub's own button does, and asks who
// wrote it, who merged it and the owners for a review; GitHub itself asks those whom CODEOWNERS
// names, but not in private repositories of a free plan. It implements engine.GitHub.
// https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
func (a *App) RevertPull(ctx context.Context, pull incident.Ref, body string, owners []string) (int, error) {
	c, err := a.clientOf(ctx, reverts, pull)
	if err != nil {
		return 0, err
	}
	var read struct {
		Repository *struct {
			PullRequest *struct {
				ID               string
				Merged           bool
				Author, MergedBy *graphActor
			}
		}
	}
	partial, err := query(ctx, c, revertible, map[string]any{"owner": pull.Owner, "name": pull.Repo,
		"number": pull.Number}, &read)
	switch {
	case err != nil:
		return 0, describeError("read the pull request", pull.String(), err)
	case read.Repository == nil || read.Repository.PullRequest == nil:
		return 0, fmt.Errorf("revert %s: %w", pull, refusalOf(partial, "there is no such pull request"))
	case !read.Repository.PullRequest.Merged:
		return 0, fmt.Errorf("revert %s: %w", pull, &ports.Refusal{Status: http.StatusUnprocessableEntity,
			Reason: "it is not merged", Err: ports.ErrNotMerged})
	}
	of := read.Repository.PullRequest
	var made struct {
		RevertPullRequest *struct {
			RevertPullRequest *struct{ Number int }
		}
	}
	partial, err = query(ctx, c, revertMutation, map[string]any{"id": of.ID, "body": body}, &made)
	if err != nil {
		return 0, describeError("revert the pull request", pull.String(), err)
	}
	if made.RevertPullRequest == nil || made.RevertPullRequest.RevertPullRequest == nil {
		return 0, fmt.Errorf("revert %s: %w", pull, refusalOf(partial, "GitHub does not say why"))
	}
	number := made.RevertPullRequest.RevertPullRequest.Number
	if err := requireFields("revert the pull request", pull.String(), field{"number", number != 0}); err != nil {
		return 0, err
	}
	pull.Number = number
	a.askForReview(ctx, c, pull, reviewersOf(owners, of.Author, of.MergedBy))
	return number, nil
}

// reviewersOf returns whom to ask for a review: people, and owners, which are team slugs and people
// with @. A bot reviews nothing.
func reviewersOf(owners []string, people ...*graphActor) (all github.ReviewersRequest) {
	add := func(to *[]string, name string) {
		if !naming.Contains(*to, name) {
			*to = append(*to, name)
		}
	}
	for _, by := range people {
		if by != nil && by.Type != "Bot" {
			add(&all.Reviewers, by.Login)
		}
	}
	for _, o := range owners {
		if login, isPerson := strings.CutPrefix(o, "@"); isPerson {
			add(&all.Reviewers, login)
		} else {
			add(&all.TeamReviewers, o)
		}
	}
	return all
}

// askForReview asks for a review as far as GitHub takes it: the pull request is there, and nothing
// waits for that. GitHub takes all of a request or nothing, so where it refuses somebody each is asked alone.
func (a *App) askForReview(ctx context.Context, c *github.Client, pull incident.Ref, all github.ReviewersRequest) {
	ask := func(r github.ReviewersRequest) error {
		_, _, err := c.PullRequests.RequestReviewers(ctx, pull.Owner, pull.Repo, pull.Number, r)
		if err != nil {
			a.o.Logger.Warn("GitHub refuses the reviewers", "pull", pull.String(),
				"reviewers", slices.Concat(r.Reviewers, r.TeamReviewers), "err", ports.Redact(err))
		}
		return err
	}
	n := len(all.Reviewers) + len(all.TeamReviewers)
	if n == 0 || statusOf(ask(all)) != http.StatusUnprocessableEntity || n == 1 {
		return
	}
	var each []github.ReviewersRequest
	for _, login := range all.Reviewers {
		each = append(each, github.ReviewersRequest{Reviewers: []string{login}})
	}
	for _, slug := range all.TeamReviewers {
		each = append(each, github.ReviewersRequest{TeamReviewers: []string{slug}})
	}
	for _, r := range each {
		_ = ask(r) // as many as can be
	}
}

// refusalOf returns what GraphQL refused, in its words.
func refusalOf(partial []graphError, otherwise string) *ports.Refusal {
	refusal := &ports.Refusal{Status: http.StatusUnprocessableEntity, Reason: otherwise}
	if len(partial) > 0 {
		refusal.Reason = strings.TrimSuffix(partial[0].Message, ".")
		switch partial[0].Type {
		case "NOT_FOUND":
			refusal.Status = http.StatusNotFound
		case "FORBIDDEN":
			refusal.Status = http.StatusForbidden
		}
	}
	return refusal
}

// ReadRevert reads whether a revert was merged, and since when a deployment that has it is live. It
// implements engine.GitHub.
func (a *App) ReadRevert(ctx context.Context, pull incident.Ref,
	isProduction func(string) bool) (ports.Reverted, error) {
	c, err := a.clientOf(ctx, reverts, pull)
	if err != nil {
		return ports.Reverted{}, err
	}
	p, _, err := c.PullRequests.Get(ctx, pull.Owner, pull.Repo, pull.Number)
	if err != nil {
		return ports.Reverted{}, describeError("read the revert", pull.String(), err)
	}
	if err := requireFields("read the revert", pull.String(), field{"state", p.GetState() != ""}); err != nil {
		return ports.Reverted{}, err
	}
	if p.MergedAt == nil {
		return ports.Reverted{IsClosed: p.GetState() == "closed"}, nil
	}
	seen := ports.Reverted{Merged: p.GetMergedAt().UTC()}
	if a.isUngranted(pull.Owner) {
		seen.HasNoLive = true
		return seen, nil
	}
	seen.Live, err = a.liveSince(ctx, pull, p.GetMergeCommitSHA(), seen.Merged, isProduction)
	if isNotGranted(err) {
		a.noteUngranted(pull.Owner)
	}
	if isNotGranted(err) || ports.IsRefused(err) { // it is merged all the same
		seen.HasNoLive, err = true, nil
	}
	return seen, err
}

// liveSince returns when a deployment to production succeeded that has a commit; the zero time if
// none did.
func (a *App) liveSince(ctx context.Context, pull incident.Ref, commit string, merged time.Time,
	isProduction func(string) bool) (time.Time, error) {
	c, err := a.clientOf(ctx, deployed, pull)
	if err != nil {
		return time.Time{}, err
	}
	all, _, err := c.Repositories.ListDeployments(ctx, pull.Owner, pull.Repo,
		&github.DeploymentsListOptions{ListOptions: github.ListOptions{PerPage: 20}}) // the newest first
	if isNotGranted(err) {
		return time.Time{}, err
	}
	if err != nil {
		return time.Time{}, describeError("list the deployments", pull.FullName(), err)
	}
	for _, d := range all {
		if d.GetCreatedAt().Before(merged) || !isProduction(d.GetEnvironment()) {
			continue
		}
		if d.GetSHA() != commit {
			compared, _, err := c.Repositories.CompareCommits(ctx, pull.Owner, pull.Repo, commit, d.GetSHA(),
				&github.ListOptions{PerPage: 1})
			if err != nil {
				return time.Time{}, describeError("compare the deployment", pull.FullName(), err)
			}
			if s := compared.GetStatus(); s != "ahead" && s != "identical" {
				continue
			}
		}
		statuses, _, err := c.Repositories.ListDeploymentStatuses(ctx, pull.Owner, pull.Repo, d.GetID(), nil)
		if err != nil {
			return time.Time{}, describeError("read the deployment", pull.FullName(), err)
		}
		for _, s := range statuses {
			if s.GetState() == "success" {
				return s.GetCreatedAt().UTC(), nil
			}
		}
	}
	return time.Time{}, nil
}
