package sandbox

import (
	"cmp"
	"net/http"
	"slices"
	"time"
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
	return paged(q, comments, q.st.commentView)
}

// since leaves out comments that did not change since the time of the query.
func (q *request) since(comments []*Comment) ([]*Comment, error) {
	s := q.query("since")
	if s == "" {
		return comments, nil
	}
	since, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return nil, invalid("IssueComment", "since", "invalid", "")
	}
	return slices.DeleteFunc(slices.Clone(comments), func(c *Comment) bool { return c.Updated.Before(since) }), nil
}

// listRepoComments lists the comments of all issues and pull requests, by id unless asked otherwise.
// https://docs.github.com/en/rest/issues/comments#list-issue-comments-for-a-repository
func listRepoComments(q *request) (int, any, error) {
	r, err := q.repo()
	if err == nil {
		err = q.st.need(q.by, r, RoleRead, "issues", "pull_requests")
	}
	if err != nil {
		return 0, nil, err
	}
	var comments []*Comment
	for _, i := range r.Issues {
		if i != nil && q.st.can(q.by, r, RoleRead, issueArea(i)...) {
			comments = append(comments, i.Comments...)
		}
	}
	if comments, err = q.since(comments); err != nil {
		return 0, nil, err
	}
	byID := func(a, b *Comment) int { return cmp.Compare(a.ID, b.ID) }
	slices.SortFunc(comments, byID)
	switch q.query("sort") {
	case "created":
		slices.SortStableFunc(comments, func(a, b *Comment) int { return a.Created.Compare(b.Created) })
	case "updated":
		slices.SortStableFunc(comments, func(a, b *Comment) int { return a.Updated.Compare(b.Updated) })
	default:
		return paged(q, comments, q.st.commentView)
	}
	if q.query("direction") != "asc" {
		slices.Reverse(comments)
	}
	return paged(q, comments, q.st.commentView)
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
		return 0, nil, missing("body")
	}
	c, err := q.st.comment(q.by, i, *in.Body)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, q.st.commentView(c), nil
}

func getComment(q *request) (int, any, error) {
	c, err := q.comment()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.st.commentView(c), nil
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
		return 0, nil, missing("body")
	}
	if err := q.st.editComment(q.by, c, *in.Body); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.st.commentView(c), nil
}

func deleteComment(q *request) (int, any, error) {
	c, err := q.comment()
	if err == nil {
		err = q.st.deleteComment(q.by, c)
	}
	return http.StatusNoContent, nil, err
}

func pinComment(q *request) (int, any, error) {
	c, err := q.comment()
	if err == nil {
		err = q.st.pinComment(q.by, c)
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.st.commentView(c), nil
}

func unpinComment(q *request) (int, any, error) {
	c, err := q.comment()
	if err == nil {
		err = q.st.unpinComment(q.by, c)
	}
	return http.StatusNoContent, nil, err
}

// reacting serves the reactions of issues and of comments alike.
func (q *request) reacting() (i *Issue, on *[]*Reaction, react func(string) (*Reaction, bool, error), err error) {
	if q.value("comment") != "" {
		c, err := q.comment()
		if err != nil {
			return nil, nil, nil, err
		}
		return c.issue, &c.Reactions, func(content string) (*Reaction, bool, error) { return q.st.reactComment(q.by, c, content) }, nil
	}
	i, err = q.issue()
	if err != nil {
		return nil, nil, nil, err
	}
	return i, &i.Reactions, func(content string) (*Reaction, bool, error) { return q.st.reactIssue(q.by, i, content) }, nil
}

func listReactions(q *request) (int, any, error) {
	_, on, _, err := q.reacting()
	if err != nil {
		return 0, nil, err
	}
	reactions := *on
	if content := q.query("content"); content != "" {
		reactions = slices.DeleteFunc(slices.Clone(reactions), func(r *Reaction) bool { return r.Content != content })
	}
	return paged(q, reactions, q.st.reactionView)
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
	return status, q.st.reactionView(r), nil
}

func deleteReaction(q *request) (int, any, error) {
	i, on, _, err := q.reacting()
	if err == nil {
		err = q.st.unreact(q.by, i, on, q.id("reaction"))
	}
	return http.StatusNoContent, nil, err
}
