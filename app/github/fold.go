package github

import (
	"context"
	"net/http"
	"slices"

	"github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// FindFolded looks among the newest closed incidents of the app's own for the newest that is
// marked. It implements engine.GitHub.
func (a *App) FindFolded(ctx context.Context, repo string, is ports.IsMarked) (int, error) {
	ref, c, err := a.repositoryClient(ctx, repo)
	if err != nil {
		return 0, err
	}
	me, err := a.Login(ctx)
	if err != nil {
		return 0, err
	}
	opts := &github.IssueListByRepoOptions{Creator: me, State: "closed",
		Labels: []string{incident.LabelIncident}, Sort: "created", Direction: "desc",
		ListOptions: github.ListOptions{PerPage: 100}}
	issues, _, err := c.Issues.ListByRepo(ctx, ref.Owner, ref.Repo, opts)
	if err != nil {
		return 0, describeError("look for a folded incident", repo, err)
	}
	for _, issue := range issues {
		if isMarked(issue, me, is) {
			if issue.GetStateReason() == "duplicate" {
				return issue.GetNumber(), nil
			}
			return 0, nil
		}
	}
	return 0, nil
}

// ChangeTicket brings a follow-up's ticket up to date. It implements engine.GitHub.
func (a *App) ChangeTicket(ctx context.Context, ref incident.Ref, body func(string) string, owner,
	before string) error {
	c, err := a.clientOf(ctx, tickets, ref)
	if err != nil {
		return err
	}
	var is issue
	if _, err := call(ctx, c, http.MethodGet, issuePath(ref), nil, &is); err != nil {
		s := statusOf(err)
		if s == http.StatusNotFound {
			me, err := a.Login(ctx)
			if err != nil {
				return err
			}
			elsewhere, err := a.findPresentName(ctx, ref, me)
			if err != nil {
				return err
			}
			if elsewhere != nil && !isSameName(elsewhere.Ref, ref) {
				return a.ChangeTicket(ctx, elsewhere.Ref, body, owner, before)
			}
		}
		if s == http.StatusNotFound || s == http.StatusGone {
			return nil // nobody works on it any more
		}
		return describeError("read a ticket", ref.String(), err)
	}
	if at, ok := placeOf(is.URL); ok && !isSameName(at, ref) { // its repository was renamed
		return a.ChangeTicket(ctx, at, body, owner, before)
	}
	if err := is.complete("read a ticket", ref.String()); err != nil {
		return err
	}
	if text := body(is.Body); text != is.Body {
		if _, err := call(ctx, c, http.MethodPatch, issuePath(ref), map[string]string{"body": text},
			nil); err != nil {
			return describeError("write a ticket", ref.String(), err)
		}
	}
	has := func(login string) bool {
		return login != "" && slices.ContainsFunc(is.Assignees,
			func(u user) bool { return naming.Equal(u.Login, login) })
	}
	if before != "" && !naming.Equal(before, owner) && has(before) {
		if _, _, err := c.Issues.RemoveAssignees(ctx, ref.Owner, ref.Repo, ref.Number,
			[]string{before}); err != nil {
			return describeError("unassign "+before, ref.String(), err)
		}
	}
	if before != "" && owner != "" && !has(owner) {
		if _, _, err := c.Issues.AddAssignees(ctx, ref.Owner, ref.Repo, ref.Number,
			[]string{owner}); err != nil {
			return describeError("assign "+owner, ref.String(), err)
		}
	}
	return nil
}
