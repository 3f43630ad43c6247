package github

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// PostComment posts a comment. It implements engine.GitHub.
func (a *App) PostComment(ctx context.Context, ref incident.Ref, body string) (int64, error) {
	c, err := a.clientOf(ctx, incidents, ref)
	if err != nil {
		return 0, err
	}
	return postComment(ctx, c, ref, body)
}

func postComment(ctx context.Context, c *github.Client, ref incident.Ref, body string) (int64, error) {
	posted, _, err := c.Issues.CreateComment(ctx, ref.Owner, ref.Repo, ref.Number,
		&github.IssueComment{Body: &body})
	if err != nil {
		return 0, describeError("comment", ref.String(), err)
	}
	return posted.GetID(), requireFields("comment", ref.String(), field{"id", posted.GetID() != 0})
}

// EditComment replaces a comment's text. It implements engine.GitHub.
func (a *App) EditComment(ctx context.Context, ref incident.Ref, id int64, body string) error {
	c, err := a.clientOf(ctx, incidents, ref)
	if err != nil {
		return err
	}
	path := fmt.Sprintf("%s/issues/comments/%d", repoPath(ref), id)
	// the answer holds the card again, which nobody reads
	if _, err := call(ctx, c, http.MethodPatch, path, &github.IssueComment{Body: &body}, io.Discard); err != nil {
		return describeError(fmt.Sprintf("edit comment %d", id), ref.String(), err)
	}
	return nil
}

// PinComment pins a comment to its issue. Where the server has no pinned comments it does nothing:
// the card is found among the first comments there. It implements engine.GitHub.
func (a *App) PinComment(ctx context.Context, ref incident.Ref, id int64) error {
	a.mu.Lock()
	unpinnable := a.unpinnable
	a.mu.Unlock()
	if unpinnable {
		return nil
	}
	c, err := a.clientOf(ctx, incidents, ref)
	if err != nil {
		return err
	}
	_, err = call(ctx, c, http.MethodPut, fmt.Sprintf("%s/issues/comments/%d/pin", repoPath(ref), id), nil,
		nil)
	switch statusOf(err) {
	case http.StatusNotFound, http.StatusGone, http.StatusUnprocessableEntity:
		a.o.Logger.Info("the card can't be pinned", "incident", ref.String(), "err", err)
		if statusOf(err) != http.StatusNotFound {
			return nil
		}
		// Either the comment is gone, or the server knows no such thing as a pinned comment.
		if _, _, err := c.Issues.GetComment(ctx, ref.Owner, ref.Repo, id); err == nil {
			a.mu.Lock()
			a.unpinnable = true
			a.mu.Unlock()
		}
		return nil
	}
	if err != nil {
		return describeError(fmt.Sprintf("pin comment %d", id), ref.String(), err)
	}
	return nil
}

// DeleteComment deletes a comment. It implements engine.GitHub.
func (a *App) DeleteComment(ctx context.Context, ref incident.Ref, id int64) error {
	c, err := a.clientOf(ctx, tickets, ref)
	if err != nil {
		return err
	}
	if _, err := c.Issues.DeleteComment(ctx, ref.Owner, ref.Repo, id); err != nil &&
		statusOf(err) != http.StatusNotFound {
		return describeError(fmt.Sprintf("delete comment %d", id), ref.String(), err)
	}
	return nil
}

// AddReaction adds a reaction to a comment; one that is there already stays. A comment that was
// deleted needs none. It implements engine.GitHub.
func (a *App) AddReaction(ctx context.Context, ref incident.Ref, id int64, content string) error {
	c, err := a.clientOf(ctx, incidents, ref)
	if err != nil {
		return err
	}
	if _, _, err := c.Reactions.CreateIssueCommentReaction(ctx, ref.Owner, ref.Repo, id,
		content); err != nil && statusOf(err) != http.StatusNotFound {
		return describeError(fmt.Sprintf("react to comment %d", id), ref.String(), err)
	}
	return nil
}

// HasReacted reports whether the app has reacted to a comment so. It implements engine.GitHub.
func (a *App) HasReacted(ctx context.Context, ref incident.Ref, comment int64, content string) (bool, error) {
	c, err := a.clientOf(ctx, incidents, ref)
	if err != nil {
		return false, err
	}
	me, err := a.Login(ctx)
	if err != nil {
		return false, err
	}
	opts := &github.ListOptions{PerPage: 100}
	for {
		reactions, res, err := c.Reactions.ListIssueCommentReactions(ctx, ref.Owner, ref.Repo, comment, opts)
		if err != nil {
			return false, describeError(fmt.Sprintf("read the reactions to comment %d", comment), ref.String(), err)
		}
		for _, r := range reactions {
			if r.GetContent() == content && naming.Equal(r.GetUser().GetLogin(), me) {
				return true, nil
			}
		}
		if res.NextPage == 0 {
			return false, nil
		}
		opts.Page = res.NextPage
	}
}

// AddLabels adds labels to the set. It implements engine.GitHub.
func (a *App) AddLabels(ctx context.Context, ref incident.Ref, labels []string) error {
	c, err := a.clientOf(ctx, incidents, ref)
	if err != nil {
		return err
	}
	if _, _, err := c.Issues.AddLabelsToIssue(ctx, ref.Owner, ref.Repo, ref.Number, labels); err != nil {
		return describeError("add labels", ref.String(), err)
	}
	return nil
}

// RemoveLabel removes a label; a label that is not there is no error. It implements engine.GitHub.
func (a *App) RemoveLabel(ctx context.Context, ref incident.Ref, label string) error {
	c, err := a.clientOf(ctx, incidents, ref)
	if err != nil {
		return err
	}
	// Not by go-github, which does not escape the slash of phase/… in the path.
	_, err = call(ctx, c, http.MethodDelete, issuePath(ref)+"/labels/"+url.PathEscape(label), nil, nil)
	if err != nil && statusOf(err) != http.StatusNotFound {
		return describeError("remove label "+label, ref.String(), err)
	}
	return nil
}

// Assign assigns people and returns who is assigned afterwards. It implements engine.GitHub.
func (a *App) Assign(ctx context.Context, ref incident.Ref, logins []string) ([]string, error) {
	c, err := a.clientOf(ctx, incidents, ref)
	if err != nil {
		return nil, err
	}
	is, _, err := c.Issues.AddAssignees(ctx, ref.Owner, ref.Repo, ref.Number, logins)
	if err != nil {
		return nil, describeError("assign", ref.String(), err)
	}
	if err := requireFields("assign", ref.String(), field{"assignees", is.Assignees != nil}); err != nil {
		return nil, err
	}
	var now []string
	for _, u := range is.Assignees {
		now = append(now, u.GetLogin())
	}
	return now, nil
}

// Unassign unassigns people. It implements engine.GitHub.
func (a *App) Unassign(ctx context.Context, ref incident.Ref, logins []string) error {
	c, err := a.clientOf(ctx, incidents, ref)
	if err != nil {
		return err
	}
	if _, _, err := c.Issues.RemoveAssignees(ctx, ref.Owner, ref.Repo, ref.Number, logins); err != nil {
		return describeError("unassign", ref.String(), err)
	}
	return nil
}

// SetOpen opens or closes the issue. It implements engine.GitHub.
func (a *App) SetOpen(ctx context.Context, ref incident.Ref, open bool, reason string,
	duplicate int64) error {
	c, err := a.clientOf(ctx, incidents, ref)
	if err != nil {
		return err
	}
	change := map[string]any{"state": "open", "state_reason": "reopened"}
	if !open {
		change = map[string]any{"state": "closed", "state_reason": reason}
		if reason == "duplicate" && duplicate != 0 { // without one the reason alone says it
			change["duplicate_issue_id"] = duplicate
		}
	}
	if _, err := call(ctx, c, http.MethodPatch, issuePath(ref), change, nil); err != nil {
		return describeError("open or close", ref.String(), err)
	}
	return nil
}

// EditIssue changes the text of an issue, and opens or closes it. It implements engine.GitHub.
func (a *App) EditIssue(ctx context.Context, ref incident.Ref, edit ports.IssueEdit) error {
	c, err := a.clientOf(ctx, tickets, ref)
	if err != nil {
		return err
	}
	change := map[string]any{"body": edit.Body}
	switch edit.State {
	case "closed":
		change["state"], change["state_reason"] = "closed", "completed"
	case "open":
		change["state"], change["state_reason"] = "open", "reopened"
	}
	if _, err := call(ctx, c, http.MethodPatch, issuePath(ref), change, nil); err != nil {
		return describeError("edit the issue", ref.String(), err)
	}
	return nil
}

// isMarked reports whether an issue of the app's own is marked.
func isMarked(issue *github.Issue, me string, is ports.IsMarked) bool {
	return !issue.IsPullRequest() && naming.Equal(issue.GetUser().GetLogin(), me) &&
		is(ports.Written{Number: issue.GetNumber(), Body: issue.GetBody(), Created: issue.GetCreatedAt().UTC(),
			Updated: issue.GetUpdatedAt().UTC()})
}

// FindIssue looks for an issue of the app's own by its mark, in the list and not by search, whose
// index is behind. It implements engine.GitHub.
func (a *App) FindIssue(ctx context.Context, repo string, is ports.IsMarked, since time.Time) (int, int64,
	error) {
	ref, c, err := a.repositoryClient(ctx, repo)
	if err != nil {
		return 0, 0, err
	}
	me, err := a.Login(ctx)
	if err != nil {
		return 0, 0, err
	}
	opts := &github.IssueListByRepoOptions{Creator: me, State: "all", Since: since, Sort: "created",
		Direction: "asc", ListOptions: github.ListOptions{PerPage: 100}}
	for {
		issues, res, err := c.Issues.ListByRepo(ctx, ref.Owner, ref.Repo, opts)
		if err != nil {
			return 0, 0, describeError("look for an issue", repo, err)
		}
		for _, issue := range issues {
			if issue.GetCreatedAt().Before(since) {
				continue // only changed since: it may be of an incident that had the same name before
			}
			if isMarked(issue, me, is) {
				return issue.GetNumber(), issue.GetID(), requireFields("look for an issue", repo,
					field{"number", issue.GetNumber() != 0}, field{"id", issue.GetID() != 0})
			}
		}
		if res.NextPage == 0 {
			return 0, 0, nil
		}
		opts.Page = res.NextPage
	}
}

// FindIncident looks for an open incident of the app's own by its mark. It implements
// engine.GitHub.
func (a *App) FindIncident(ctx context.Context, repo string, is ports.IsMarked) (int, error) {
	ref, c, err := a.repositoryClient(ctx, repo)
	if err != nil {
		return 0, err
	}
	me, err := a.Login(ctx)
	if err != nil {
		return 0, err
	}
	opts := &github.IssueListByRepoOptions{Creator: me, State: "open",
		Labels: []string{incident.LabelIncident}, ListOptions: github.ListOptions{PerPage: 100}}
	for {
		issues, res, err := c.Issues.ListByRepo(ctx, ref.Owner, ref.Repo, opts)
		if err != nil {
			return 0, describeError("look for an incident", repo, err)
		}
		for _, issue := range issues {
			if isMarked(issue, me, is) {
				return issue.GetNumber(), requireFields("look for an incident", repo,
					field{"number", issue.GetNumber() != 0})
			}
		}
		if res.NextPage == 0 {
			return 0, nil
		}
		opts.Page = res.NextPage
	}
}

// IssueURL returns where people read an issue. It implements engine.GitHub.
func (a *App) IssueURL(ref incident.Ref) string {
	return fmt.Sprintf("%s/%s/issues/%d", a.web(), ref.FullName(), ref.Number)
}

// web returns where people read GitHub, without a slash at its end.
func (a *App) web() string {
	if a.o.BaseURL == "" {
		return "https://github.com"
	}
	return strings.TrimSuffix(a.o.BaseURL, "/")
}

func (a *App) repositoryClient(ctx context.Context, name string) (incident.Ref, *github.Client, error) {
	owner, repo, ok := naming.SplitRepository(name)
	if !ok {
		return incident.Ref{}, nil, fmt.Errorf("%q is not a repository: write owner/repo", name)
	}
	c, err := a.clientFor(ctx, tickets, owner, repo)
	return incident.Ref{Owner: owner, Repo: repo}, c, err
}

// OpenIssue opens an issue. It implements engine.GitHub.
func (a *App) OpenIssue(ctx context.Context, repo string, n ports.NewIssue) (int, int64, error) {
	ref, c, err := a.repositoryClient(ctx, repo)
	if err != nil {
		return 0, 0, err
	}
	req := &github.IssueRequest{Title: &n.Title, Body: &n.Body}
	if len(n.Labels) > 0 {
		req.Labels = &n.Labels
	}
	assignees := slices.DeleteFunc(slices.Clone(n.Assignees), func(l string) bool { return l == "" })
	if len(assignees) > 0 {
		req.Assignees = &assignees
	}
	var is *github.Issue
	if both, ok, clientErr := a.familyClient(ctx, n.Parent, repo); clientErr == nil && ok {
		is, _, err = both.Issues.Create(ctx, ref.Owner, ref.Repo, req)
	}
	// No token opens both, so that nothing was sent: the one for this repository says what is wrong.
	if is == nil && (err == nil || isNoToken(err)) {
		is, _, err = c.Issues.Create(ctx, ref.Owner, ref.Repo, req)
	}
	if statusOf(err) == http.StatusUnprocessableEntity && len(assignees) > 0 {
		// Here, and only here, somebody who can't be assigned loses the whole request. So each is asked for,
		// and it is opened for the others.
		can, failed := assignable(ctx, c, ref, assignees)
		if failed != nil {
			return 0, 0, failed
		}
		if len(can) < len(assignees) {
			req.Assignees = &can
			is, _, err = c.Issues.Create(ctx, ref.Owner, ref.Repo, req)
		}
	}
	if err != nil {
		return 0, 0, describeError("open an issue", repo, err)
	}
	return is.GetNumber(), is.GetID(), requireFields("open an issue", repo,
		field{"number", is.GetNumber() != 0}, field{"id", is.GetID() != 0})
}

// assignable returns those of some people who can be assigned to issues of a repository.
func assignable(ctx context.Context, c *github.Client, ref incident.Ref, logins []string) ([]string, error) {
	can := []string{}
	for _, l := range logins {
		ok, _, err := c.Issues.IsAssignee(ctx, ref.Owner, ref.Repo, l)
		if err != nil {
			return nil, describeError("ask whether "+l+" can be assigned", ref.FullName(), err)
		}
		if ok {
			can = append(can, l)
		}
	}
	return can, nil
}

// isNoToken reports whether GitHub gave no token for a request, which then was not sent.
func isNoToken(err error) bool {
	var minting *ghinstallation.HTTPError
	return errors.As(err, &minting)
}

// familyClient returns a client whose tokens open the repositories of an issue and of a sub-issue. GitHub
// takes sub-issues of one owner only: ok is false for another's.
func (a *App) familyClient(ctx context.Context, parent incident.Ref, child string) (c *github.Client, ok bool,
	err error) {
	owner, repo, _ := strings.Cut(child, "/")
	if parent.Number == 0 || !naming.Equal(owner, parent.Owner) {
		return nil, false, nil
	}
	repos := []string{parent.Repo}
	if !naming.Equal(repo, parent.Repo) {
		repos = append(repos, repo)
	}
	c, err = a.clientFor(ctx, tickets, parent.Owner, repos...)
	return c, err == nil, err
}

// AddSubIssue makes an issue of the same owner a sub-issue. It does nothing where GitHub has no
// sub-issues, or the issue is one already. It implements engine.GitHub.
func (a *App) AddSubIssue(ctx context.Context, ref incident.Ref, child string, id int64) error {
	c, ok, err := a.familyClient(ctx, ref, child)
	if err != nil || !ok {
		return err
	}
	_, err = call(ctx, c, http.MethodPost, issuePath(ref)+"/sub_issues",
		map[string]int64{"sub_issue_id": id}, nil)
	switch statusOf(err) {
	case http.StatusNotFound, http.StatusGone, http.StatusUnprocessableEntity:
		return nil
	}
	if err != nil {
		return describeError("add a sub-issue", ref.String(), err)
	}
	return nil
}

// CommentOnce comments unless a marked comment of the app's own is there. It implements engine.GitHub.
func (a *App) CommentOnce(ctx context.Context, ref incident.Ref, once ports.Once, body string) (int64, error) {
	return a.commentOnce(ctx, tickets, ref, once, body)
}

// CommentOnPull is CommentOnce for a pull request of the incidents' repository. It implements
// engine.GitHub.
func (a *App) CommentOnPull(ctx context.Context, ref incident.Ref, once ports.Once, body string) (int64, error) {
	return a.commentOnce(ctx, incidents, ref, once, body)
}

func (a *App) commentOnce(ctx context.Context, w scope, ref incident.Ref, once ports.Once,
	body string) (int64, error) {
	c, err := a.clientOf(ctx, w, ref)
	if err != nil {
		return 0, err
	}
	if once.Is != nil {
		id, listed, err := a.findComment(ctx, c, ref, once.Is)
		if id != 0 || err != nil {
			return id, err
		}
		if once.IsTried {
			if err := requireListed(ctx, c, ref, listed); err != nil {
				return 0, err
			}
		}
	}
	return postComment(ctx, c, ref, body)
}

// findComment returns the marked comment of the app's own; 0 if none is listed, and then how many comments are.
func (a *App) findComment(ctx context.Context, c *github.Client, ref incident.Ref, is ports.IsMarked) (id int64,
	listed int, err error) {
	me, err := a.Login(ctx)
	if err != nil {
		return 0, 0, err
	}
	opts := &github.IssueListCommentsOptions{ListOptions: github.ListOptions{PerPage: 100}}
	for {
		comments, res, err := c.Issues.ListComments(ctx, ref.Owner, ref.Repo, ref.Number, opts)
		if err != nil {
			return 0, 0, describeError("read the comments", ref.String(), err)
		}
		listed += len(comments)
		for _, k := range comments {
			written := ports.Written{Body: k.GetBody(), IsComment: true, Created: k.GetCreatedAt().UTC(),
				Updated: k.GetUpdatedAt().UTC()}
			if naming.Equal(k.GetUser().GetLogin(), me) && is(written) {
				return k.GetID(), 0, requireFields("read the comments", ref.String(),
					field{"id", k.GetID() != 0})
			}
		}
		if res.NextPage == 0 {
			return 0, listed, nil
		}
		opts.Page = res.NextPage
	}
}

// requireListed returns an ErrBehind where an issue counts more comments than are listed: GitHub may answer the two
// from different servers, and each may be behind.
func requireListed(ctx context.Context, c *github.Client, ref incident.Ref, listed int) error {
	issue, _, err := c.Issues.Get(ctx, ref.Owner, ref.Repo, ref.Number)
	if err != nil {
		return describeError("count the comments", ref.String(), err)
	}
	if issue.GetComments() > listed {
		return fmt.Errorf("%w: %s has %d comments, and %d are listed", ports.ErrBehind, ref, issue.GetComments(),
			listed)
	}
	return nil
}

// ReadTicket reads an issue that a follow-up became. It implements engine.GitHub.
func (a *App) ReadTicket(ctx context.Context, ref incident.Ref) (ports.Ticket, error) {
	me, err := a.Login(ctx)
	if err != nil {
		return ports.Ticket{}, err
	}
	_, is, _, err := a.readIssue(ctx, tickets, ref, me)
	if err != nil {
		return ports.Ticket{}, err
	}
	return ports.Ticket{Ref: is.Ref, ID: is.ID, Own: is.Own, Created: is.Created, Updated: is.Updated,
		Open: is.Open, Gone: is.Gone, Body: is.Body, Assignees: is.Assignees}, nil
}
