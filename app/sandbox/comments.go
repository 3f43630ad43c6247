package sandbox

import (
	"slices"
	"strings"
	"time"
)

// comment posts a comment: whoever reads the issue may.
func (st *store) comment(by *Actor, i *Issue, body string) (*Comment, error) {
	if err := st.need(by, i.repo, RoleRead, issueArea(i)...); err != nil {
		return nil, err
	}
	if by.ViaApp && !slices.ContainsFunc(issueArea(i), func(area string) bool { return by.allows(area, "write") }) {
		return nil, forbidden("Resource not accessible by integration")
	}
	if err := i.repo.writable(); err != nil {
		return nil, err
	}
	if i.Converted || i.Locked && st.role(by, i.repo) < RoleWrite {
		return nil, forbidden("Unable to create comment because issue is locked.")
	}
	if strings.TrimSpace(body) == "" {
		return nil, invalid("IssueComment", "body", "missing_field", "body can't be blank")
	}
	if err := validBody("IssueComment", body); err != nil {
		return nil, err
	}
	now := st.now()
	c := &Comment{ID: st.nextID("comment"), Author: by.Login, ViaApp: by.ViaApp, Body: body, Created: now, Updated: now, issue: i}
	i.Comments = append(i.Comments, c)
	st.comments[c.ID] = c
	i.Timeline = append(i.Timeline, &Event{ID: c.ID, Kind: "commented", Actor: by.Login, ViaApp: by.ViaApp, At: now, CommentID: c.ID, comment: c})
	st.touch(i)
	st.emit(&commentEvent{By: by, Comment: c, Action: "created"})
	st.refer(by, i, body)
	return c, nil
}

// editComment changes a comment's body: its author may, and everybody with write access.
func (st *store) editComment(by *Actor, c *Comment, body string) error {
	if err := st.needAuthor(by, c.issue.repo, c.Author, RoleWrite, issueArea(c.issue)); err != nil {
		return err
	}
	if strings.TrimSpace(body) == "" {
		return invalid("IssueComment", "body", "missing_field", "body can't be blank")
	}
	if err := validBody("IssueComment", body); err != nil {
		return err
	}
	if body == c.Body {
		return nil
	}
	from := c.Body
	c.Body, c.Updated, c.EditedBy = body, st.now(), by.Login
	st.touch(c.issue)
	st.emit(&commentEvent{By: by, Comment: c, Action: "edited", Was: changes{Body: &from}})
	st.refer(by, c.issue, body)
	return nil
}

// deleteComment removes a comment, and its pin with it: its author may, and everybody with write access.
func (st *store) deleteComment(by *Actor, c *Comment) error {
	if err := st.needAuthor(by, c.issue.repo, c.Author, RoleWrite, issueArea(c.issue)); err != nil {
		return err
	}
	i := c.issue
	i.Comments = slices.DeleteFunc(i.Comments, func(o *Comment) bool { return o == c })
	i.Timeline = slices.DeleteFunc(i.Timeline, func(e *Event) bool { return e.comment == c })
	delete(st.comments, c.ID)
	if i.Pinned == c.ID {
		i.Pinned = 0
	}
	st.happened(by, i, Event{Kind: "comment_deleted"})
	st.emit(&commentEvent{By: by, Comment: c, Action: "deleted"})
	return nil
}

// pinComment pins a comment to its issue; an earlier pinned comment loses its pin.
func (st *store) pinComment(by *Actor, c *Comment) error {
	i := c.issue
	if err := st.need(by, i.repo, RoleTriage, "issues"); err != nil {
		return err
	}
	if i.Pull != nil {
		return invalid("IssueComment", "pin", "custom", "Comment pinning is not supported on pull requests")
	}
	if i.Pinned == c.ID {
		return nil
	}
	if before, ok := st.comments[i.Pinned]; ok {
		st.unpin(by, before)
	}
	i.Pinned, c.PinnedAt, c.PinnedBy = c.ID, st.now(), by.Login
	st.happened(by, i, Event{Kind: "comment_pinned", CommentID: c.ID})
	st.emit(&commentEvent{By: by, Comment: c, Action: "pinned"})
	return nil
}

// unpinComment takes a comment's pin away.
func (st *store) unpinComment(by *Actor, c *Comment) error {
	if err := st.need(by, c.issue.repo, RoleTriage, "issues"); err != nil {
		return err
	}
	if c.issue.Pinned == c.ID {
		st.unpin(by, c)
	}
	return nil
}

func (st *store) unpin(by *Actor, c *Comment) {
	c.issue.Pinned, c.PinnedAt, c.PinnedBy = 0, time.Time{}, ""
	st.happened(by, c.issue, Event{Kind: "comment_unpinned", CommentID: c.ID})
	st.emit(&commentEvent{By: by, Comment: c, Action: "unpinned"})
}

// reactionKinds are the reactions that exist.
var reactionKinds = []string{"+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"}

// reactIssue reacts to an issue; created is false when the same reaction was there already. Reactions send no webhook.
func (st *store) reactIssue(by *Actor, i *Issue, content string) (reaction *Reaction, created bool, err error) {
	if err := st.mayReact(by, i); err != nil {
		return nil, false, err
	}
	return st.react(by, &i.Reactions, content)
}

// reactComment reacts to a comment; created is false when the same reaction was there already.
func (st *store) reactComment(by *Actor, c *Comment, content string) (reaction *Reaction, created bool, err error) {
	if err := st.mayReact(by, c.issue); err != nil {
		return nil, false, err
	}
	return st.react(by, &c.Reactions, content)
}

func (st *store) mayReact(by *Actor, i *Issue) error {
	role := RoleRead
	if by.ViaApp {
		role = RoleWrite
	}
	if err := st.need(by, i.repo, role, issueArea(i)...); err != nil {
		return err
	}
	return i.repo.writable()
}

func (st *store) react(by *Actor, on *[]*Reaction, content string) (*Reaction, bool, error) {
	if !slices.Contains(reactionKinds, content) {
		return nil, false, invalid("Reaction", "content", "invalid", "")
	}
	for _, r := range *on {
		if r.User == by.Login && r.Content == content {
			return r, false, nil
		}
	}
	r := &Reaction{ID: st.nextID("reaction"), User: by.Login, Content: content, Created: st.now()}
	*on = append(*on, r)
	st.changed()
	return r, true, nil
}

// unreact takes back a reaction. Only the one who reacted may.
func (st *store) unreact(by *Actor, i *Issue, on *[]*Reaction, id int64) error {
	for n, r := range *on {
		if r.ID != id {
			continue
		}
		if r.User != by.Login {
			return forbidden("Must be the author of the reaction.")
		}
		if err := st.mayReact(by, i); err != nil {
			return err
		}
		*on = slices.Delete(*on, n, n+1)
		st.changed()
		return nil
	}
	return errNotFound
}
