package forge

import (
	"slices"
	"strings"
	"time"
)

// AddComment posts a comment: whoever reads the issue may.
func (f *Forge) AddComment(by *Actor, i *Issue, body string) (*Comment, error) {
	if err := f.Require(by, i.repo, RoleRead, IssueAreas(i)...); err != nil {
		return nil, err
	}
	if by.ViaApp && !slices.ContainsFunc(IssueAreas(i),
		func(area string) bool { return by.HasPermission(area, "write") }) {
		return nil, Forbidden("Resource not accessible by integration")
	}
	if err := i.repo.checkWritable(); err != nil {
		return nil, err
	}
	if i.Converted || i.Locked && f.RoleOfActor(by, i.repo) < RoleWrite {
		return nil, Forbidden("Unable to create comment because issue is locked.")
	}
	if strings.TrimSpace(body) == "" {
		return nil, Invalid("IssueComment", "body", "missing_field", "body can't be blank")
	}
	if err := validBody("IssueComment", body); err != nil {
		return nil, err
	}
	now := f.Now()
	c := &Comment{ID: f.NextID("comment"), Author: by.Login, ViaApp: by.ViaApp, Body: body, Created: now,
		Updated: now, issue: i}
	i.Comments = append(i.Comments, c)
	f.CommentsByID[c.ID] = c
	i.Timeline = append(i.Timeline, &TimelineEvent{ID: c.ID, Kind: "commented", Actor: by.Login,
		ViaApp: by.ViaApp, At: now, CommentID: c.ID, comment: c})
	f.touch(i)
	f.Emit(&CommentEvent{By: by, Comment: c, Action: "created"})
	f.noteMentions(by, i, body)
	return c, nil
}

// EditComment changes a comment's body: its author may, and everybody with write access.
func (f *Forge) EditComment(by *Actor, c *Comment, body string) error {
	if err := f.requireAuthor(by, c.issue.repo, c.Author, RoleWrite, IssueAreas(c.issue)); err != nil {
		return err
	}
	if strings.TrimSpace(body) == "" {
		return Invalid("IssueComment", "body", "missing_field", "body can't be blank")
	}
	if err := validBody("IssueComment", body); err != nil {
		return err
	}
	if body == c.Body {
		return nil
	}
	from := c.Body
	c.Body, c.Updated, c.EditedBy = body, f.Now(), by.Login
	f.touch(c.issue)
	f.Emit(&CommentEvent{By: by, Comment: c, Action: "edited", Was: Changes{Body: &from}})
	f.noteMentions(by, c.issue, body)
	return nil
}

// DeleteComment removes a comment, and its pin with it: its author may, and everybody with write access.
func (f *Forge) DeleteComment(by *Actor, c *Comment) error {
	if err := f.requireAuthor(by, c.issue.repo, c.Author, RoleWrite, IssueAreas(c.issue)); err != nil {
		return err
	}
	i := c.issue
	i.Comments = slices.DeleteFunc(i.Comments, func(o *Comment) bool { return o == c })
	i.Timeline = slices.DeleteFunc(i.Timeline, func(e *TimelineEvent) bool { return e.comment == c })
	delete(f.CommentsByID, c.ID)
	if i.Pinned == c.ID {
		i.Pinned = 0
	}
	f.addEvent(by, i, TimelineEvent{Kind: "comment_deleted"})
	f.Emit(&CommentEvent{By: by, Comment: c, Action: "deleted"})
	return nil
}

// PinComment pins a comment to its issue; an earlier pinned comment loses its pin.
func (f *Forge) PinComment(by *Actor, c *Comment) error {
	i := c.issue
	if err := f.Require(by, i.repo, RoleTriage, "issues"); err != nil {
		return err
	}
	if i.Pull != nil {
		return Invalid("IssueComment", "pin", "custom", "Comment pinning is not supported on pull requests")
	}
	if i.Pinned == c.ID {
		return nil
	}
	if before, ok := f.CommentsByID[i.Pinned]; ok {
		f.unpin(by, before)
	}
	i.Pinned, c.PinnedAt, c.PinnedBy = c.ID, f.Now(), by.Login
	f.addEvent(by, i, TimelineEvent{Kind: "comment_pinned", CommentID: c.ID})
	f.Emit(&CommentEvent{By: by, Comment: c, Action: "pinned"})
	return nil
}

// UnpinComment takes a comment's pin away.
func (f *Forge) UnpinComment(by *Actor, c *Comment) error {
	if err := f.Require(by, c.issue.repo, RoleTriage, "issues"); err != nil {
		return err
	}
	if c.issue.Pinned == c.ID {
		f.unpin(by, c)
	}
	return nil
}

func (f *Forge) unpin(by *Actor, c *Comment) {
	c.issue.Pinned, c.PinnedAt, c.PinnedBy = 0, time.Time{}, ""
	f.addEvent(by, c.issue, TimelineEvent{Kind: "comment_unpinned", CommentID: c.ID})
	f.Emit(&CommentEvent{By: by, Comment: c, Action: "unpinned"})
}

// ReactionKinds are the reactions that exist.
var ReactionKinds = []string{"+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"}

// ReactIssue reacts to an issue; created is false when the same reaction was there already.
// Reactions send no webhook.
func (f *Forge) ReactIssue(by *Actor, i *Issue, content string) (reaction *Reaction, created bool, err error) {
	if err := f.requireReact(by, i); err != nil {
		return nil, false, err
	}
	return f.react(by, &i.Reactions, content)
}

// ReactComment reacts to a comment; created is false when the same reaction was there already.
func (f *Forge) ReactComment(by *Actor, c *Comment,
	content string) (reaction *Reaction, created bool, err error) {
	if err := f.requireReact(by, c.issue); err != nil {
		return nil, false, err
	}
	return f.react(by, &c.Reactions, content)
}

func (f *Forge) requireReact(by *Actor, i *Issue) error {
	role := RoleRead
	if by.ViaApp {
		role = RoleWrite
	}
	if err := f.Require(by, i.repo, role, IssueAreas(i)...); err != nil {
		return err
	}
	return i.repo.checkWritable()
}

func (f *Forge) react(by *Actor, on *[]*Reaction, content string) (*Reaction, bool, error) {
	if !slices.Contains(ReactionKinds, content) {
		return nil, false, Invalid("Reaction", "content", "invalid", "")
	}
	for _, r := range *on {
		if r.User == by.Login && r.Content == content {
			return r, false, nil
		}
	}
	r := &Reaction{ID: f.NextID("reaction"), User: by.Login, Content: content, Created: f.Now()}
	*on = append(*on, r)
	f.NoteChange()
	return r, true, nil
}

// RemoveReaction takes back a reaction. Only the one who reacted may.
func (f *Forge) RemoveReaction(by *Actor, i *Issue, on *[]*Reaction, id int64) error {
	for n, r := range *on {
		if r.ID != id {
			continue
		}
		if r.User != by.Login {
			return Forbidden("Must be the author of the reaction.")
		}
		if err := f.requireReact(by, i); err != nil {
			return err
		}
		*on = slices.Delete(*on, n, n+1)
		f.NoteChange()
		return nil
	}
	return ErrNotFound
}
