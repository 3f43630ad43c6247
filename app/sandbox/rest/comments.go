package rest

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

func listComments(q *request) (int, any, error) {
	i, err := q.issue()
	if err != nil {
		return 0, nil, err
	}
	comments, err := q.since(i.Comments)
	if err != nil {
		return 0, nil, err
	}
	return paged(q, comments, q.views.commentView)
}

// since leaves out comments that did not change since the time of the query.
func (q *request) since(comments []*forge.Comment) ([]*forge.Comment, error) {
	s := q.query("since")
	if s == "" {
		return comments, nil
	}
	since, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return nil, forge.Invalid("IssueComment", "since", "invalid", "")
	}
	return slices.DeleteFunc(slices.Clone(comments),
		func(c *forge.Comment) bool { return c.Updated.Before(since) }), nil
}

// listRepoComments lists the comments of all issues and pull requests, by id unless asked otherwise.
// https://docs.github.com/en/rest/issues/comments#list-issue-comments-for-a-repository
func listRepoComments(q *request) (int, any, error) {
	r, err := q.repo()
	if err == nil {
		err = q.forge.Require(q.by, r, forge.RoleRead, "issues", "pull_requests")
	}
	if err != nil {
		return 0, nil, err
	}
	var comments []*forge.Comment
	for _, i := range r.Issues {
		if i != nil && q.forge.Can(q.by, r, forge.RoleRead, forge.IssueAreas(i)...) {
			comments = append(comments, i.Comments...)
		}
	}
	if comments, err = q.since(comments); err != nil {
		return 0, nil, err
	}
	byID := func(a, b *forge.Comment) int { return cmp.Compare(a.ID, b.ID) }
	slices.SortFunc(comments, byID)
	switch q.query("sort") {
	case "created":
		slices.SortStableFunc(comments, func(a, b *forge.Comment) int { return a.Created.Compare(b.Created) })
	case "updated":
		slices.SortStableFunc(comments, func(a, b *forge.Comment) int { return a.Updated.Compare(b.Updated) })
	default:
		return paged(q, comments, q.views.commentView)
	}
	if q.query("direction") != "asc" {
		slices.Reverse(comments)
	}
	return paged(q, comments, q.views.commentView)
}

func createComment(q *request) (int, any, error) {
	i, err := q.issue()
	if err != nil {
		return 0, nil, err
	}
	var in struct{ Body *string }
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	if in.Body == nil {
		return 0, nil, forge.MissingField("body")
	}
	c, err := q.forge.AddComment(q.by, i, *in.Body)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, q.views.commentView(c), nil
}

func getComment(q *request) (int, any, error) {
	c, err := q.comment()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.views.commentView(c), nil
}

func patchComment(q *request) (int, any, error) {
	c, err := q.comment()
	if err != nil {
		return 0, nil, err
	}
	var in struct{ Body *string }
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	if in.Body == nil {
		return 0, nil, forge.MissingField("body")
	}
	if err := q.forge.EditComment(q.by, c, *in.Body); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.views.commentView(c), nil
}

func deleteComment(q *request) (int, any, error) {
	c, err := q.comment()
	if err == nil {
		err = q.forge.DeleteComment(q.by, c)
	}
	return http.StatusNoContent, nil, err
}

func pinComment(q *request) (int, any, error) {
	c, err := q.comment()
	if err == nil {
		err = q.forge.PinComment(q.by, c)
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.views.commentView(c), nil
}

func unpinComment(q *request) (int, any, error) {
	c, err := q.comment()
	if err == nil {
		err = q.forge.UnpinComment(q.by, c)
	}
	return http.StatusNoContent, nil, err
}

// reactFunc reacts to what a request is about; it reports whether the reaction is new.
type reactFunc func(content string) (r *forge.Reaction, isNew bool, err error)

// reacting serves the reactions of issues and of comments alike.
func (q *request) reacting() (i *forge.Issue, on *[]*forge.Reaction, react reactFunc, err error) {
	if q.value("comment") != "" {
		c, err := q.comment()
		if err != nil {
			return nil, nil, nil, err
		}
		react = func(content string) (*forge.Reaction, bool, error) { return q.forge.ReactComment(q.by, c, content) }
		return c.Issue(), &c.Reactions, react, nil
	}
	i, err = q.issue()
	if err != nil {
		return nil, nil, nil, err
	}
	react = func(content string) (*forge.Reaction, bool, error) { return q.forge.ReactIssue(q.by, i, content) }
	return i, &i.Reactions, react, nil
}

func listReactions(q *request) (int, any, error) {
	_, on, _, err := q.reacting()
	if err != nil {
		return 0, nil, err
	}
	reactions := *on
	if content := q.query("content"); content != "" {
		reactions = slices.DeleteFunc(slices.Clone(reactions),
			func(r *forge.Reaction) bool { return r.Content != content })
	}
	return paged(q, reactions, q.views.reactionView)
}

func createReaction(q *request) (int, any, error) {
	_, _, react, err := q.reacting()
	if err != nil {
		return 0, nil, err
	}
	var in struct{ Content string }
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	r, created, err := react(in.Content)
	if err != nil {
		return 0, nil, err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return status, q.views.reactionView(r), nil
}

func deleteReaction(q *request) (int, any, error) {
	i, on, _, err := q.reacting()
	if err == nil {
		err = q.forge.RemoveReaction(q.by, i, on, q.id("reaction"))
	}
	return http.StatusNoContent, nil, err
}
