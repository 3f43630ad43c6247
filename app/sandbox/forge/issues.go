package forge

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// maxBody is the longest body of an issue or a comment, in characters.
const maxBody = 65536

// NewIssue is what an issue is opened with.
type NewIssue struct {
	Title      string
	Body       string
	Labels     []string
	Assignees  []string
	FormLabels []string // labels of an issue form: they are set whoever opens the issue, if they exist
}

// OpenIssue opens an issue. A person without push access opens it too, but what they say of labels
// and assignees is ignored.
func (f *Forge) OpenIssue(by *Actor, r *Repository, in NewIssue) (*Issue, error) {
	if err := f.Require(by, r, RoleRead, "issues"); err != nil {
		return nil, err
	}
	if by.ViaApp && !by.HasPermission("issues", "write") {
		return nil, Forbidden("Resource not accessible by integration")
	}
	if err := r.checkWritable(); err != nil {
		return nil, err
	}
	if err := r.CheckIssuesEnabled(); err != nil {
		return nil, err
	}
	if err := validIssue(in.Title, in.Body); err != nil {
		return nil, err
	}
	labels := slices.Clone(in.FormLabels)
	labels = slices.DeleteFunc(labels, func(name string) bool { _, ok := r.FindLabel(name); return !ok })
	privileged := f.Can(by, r, RoleTriage, "issues")
	if privileged {
		labels = append(labels, in.Labels...)
	}
	if err := validLabels(r, labels); err != nil {
		return nil, err
	}
	i := f.addIssue(by, r, in.Title, in.Body)
	if privileged {
		for _, login := range in.Assignees {
			if u, ok := f.FindUser(login); ok && f.IsAssignable(login, r, i) && !i.HasAssignee(login) &&
				len(i.Assignees) < maxAssignees {
				i.Assignees = append(i.Assignees, u.Login)
			}
		}
	}
	for _, name := range labels {
		l := f.ensureLabel(r, name)
		if !i.HasLabel(l.Name) {
			i.Labels = append(i.Labels, l)
		}
	}
	f.Emit(&IssueEvent{By: by, Issue: i, Action: "opened"})
	for _, l := range i.Labels {
		f.addEvent(by, i, TimelineEvent{Kind: "labeled", Label: &EventLabel{l.Name, l.Color}})
		f.Emit(&IssueEvent{By: by, Issue: i, Action: "labeled", Label: l})
	}
	for _, login := range i.Assignees {
		f.addEvent(by, i, TimelineEvent{Kind: "assigned", Assignee: login})
		f.Emit(&IssueEvent{By: by, Issue: i, Action: "assigned", Assignee: login})
	}
	f.noteMentions(by, i, in.Body)
	return i, nil
}

// addIssue returns the next number to a new issue or pull request.
func (f *Forge) addIssue(by *Actor, r *Repository, title, body string) *Issue {
	now := f.Now()
	i := &Issue{ID: f.NextID("issue"), Number: len(r.Issues) + 1, Title: title, Body: body,
		Author: by.Login, ViaApp: by.ViaApp,
		Created: now, Updated: now, repo: r}
	r.Issues = append(r.Issues, i)
	f.IssuesByID[i.ID] = i
	r.countOpen(1)
	f.NoteChange()
	return i
}

func validIssue(title, body string) error {
	if strings.TrimSpace(title) == "" {
		return Invalid("Issue", "title", "missing_field", "")
	}
	if utf8.RuneCountInString(title) > 256 {
		return Invalid("Issue", "title", "custom", "title is too long (maximum is 256 characters)")
	}
	return validBody("Issue", body)
}

func validBody(resource, body string) error {
	if utf8.RuneCountInString(body) > maxBody {
		return Invalid(resource, "body", "custom",
			fmt.Sprintf("body is too long (maximum is %d characters)", maxBody))
	}
	return nil
}

// IssueEdit is what changes in an issue or pull request; nil leaves as it is.
type IssueEdit struct {
	Title       *string
	Body        *string
	State       *string // open or closed
	StateReason *string // completed, not_planned, duplicate or reopened; only together with a change of state
	DuplicateOf *int64  // id of the canonical issue
	Labels      *[]string
	Assignees   *[]string
}

// EditIssue changes an issue, wholly or not at all. Its author may change text and state without
// further rights.
func (f *Forge) EditIssue(by *Actor, i *Issue, edit IssueEdit) error {
	if err := f.requireAuthor(by, i.repo, i.Author, RoleTriage, IssueAreas(i)); err != nil {
		return err
	}
	// what needs push access is ignored when somebody else sends it
	if !f.Can(by, i.repo, RoleTriage, IssueAreas(i)...) {
		edit.Labels, edit.Assignees = nil, nil
	}
	if err := f.checkEdit(by, i, edit); err != nil {
		return err
	}
	title, body := edit.text(i)
	f.setText(by, i, title, body)
	if edit.State != nil {
		f.setState(by, i, edit)
	}
	if edit.Labels != nil {
		if err := f.SetLabels(by, i, *edit.Labels); err != nil {
			return err
		}
	}
	if edit.Assignees != nil {
		keep := *edit.Assignees
		gone := slices.DeleteFunc(slices.Clone(i.Assignees), func(login string) bool {
			return slices.ContainsFunc(keep, func(k string) bool { return strings.EqualFold(k, login) })
		})
		if err := f.Unassign(by, i, gone); err != nil {
			return err
		}
		return f.Assign(by, i, keep)
	}
	return nil
}

// text is the title and body after the edit.
func (e IssueEdit) text(i *Issue) (title, body string) {
	title, body = i.Title, i.Body
	if e.Title != nil {
		title = *e.Title
	}
	if e.Body != nil {
		body = *e.Body
	}
	return title, body
}

// checkEdit says why an issue can't be changed like this, if so.
func (f *Forge) checkEdit(by *Actor, i *Issue, edit IssueEdit) error {
	title, body := edit.text(i)
	if err := validIssue(title, body); err != nil {
		return err
	}
	if edit.Labels != nil {
		if err := validLabels(i.repo, *edit.Labels); err != nil {
			return err
		}
	}
	if edit.State == nil {
		return nil
	}
	switch *edit.State {
	case "closed":
		if i.Closed || i.Pull != nil {
			return nil
		}
		if r := edit.StateReason; r != nil &&
			!slices.Contains([]string{"", "completed", "not_planned", "duplicate"}, *r) {
			return Invalid("Issue", "state_reason", "invalid", "")
		}
		if edit.DuplicateOf != nil {
			if canonical, ok := f.IssuesByID[*edit.DuplicateOf]; !ok || !f.CanSee(by, canonical.repo) ||
				canonical == i {
				return Invalid("Issue", "duplicate_issue_id", "invalid", "")
			}
		}
		return nil
	case "open":
		if i.Converted {
			return Invalid("Issue", "state", "invalid", "")
		}
		if i.Pull != nil && i.Closed {
			return f.checkReopenPull(i)
		}
		return nil
	}
	return Invalid("Issue", "state", "invalid", "")
}

func (f *Forge) setText(by *Actor, i *Issue, title, body string) {
	was := Changes{}
	if title != i.Title {
		was.Title = new(i.Title)
		f.addEvent(by, i, TimelineEvent{Kind: "renamed", From: i.Title, To: title})
		i.Title = title
	}
	if body != i.Body {
		was.Body = new(i.Body)
		i.Body = body
		f.touch(i)
	}
	if was != (Changes{}) {
		f.Emit(&IssueEvent{By: by, Issue: i, Action: "edited", Was: was})
		f.noteMentions(by, i, body)
	}
}

// setState closes or opens. The reason counts only where the state changes.
func (f *Forge) setState(by *Actor, i *Issue, edit IssueEdit) {
	closing := *edit.State == "closed"
	if closing == i.Closed {
		return
	}
	reason := ""
	switch {
	case i.Pull != nil:
	case !closing:
		reason = "reopened"
	case edit.DuplicateOf != nil:
		i.DuplicateOf, reason = *edit.DuplicateOf, "duplicate"
	case edit.StateReason != nil && *edit.StateReason != "":
		reason = *edit.StateReason
	default:
		reason = "completed"
	}
	if closing {
		f.close(by, i, reason, "")
		return
	}
	if i.Pull != nil {
		if tip, ok := i.repo.Git.Branch(i.Pull.Head); ok {
			i.Pull.HeadSHA = tip.SHA
		}
	}
	i.Closed, i.StateReason, i.ClosedAt, i.ClosedBy, i.DuplicateOf = false, reason, time.Time{}, "", 0
	i.repo.countOpen(1)
	f.addEvent(by, i, TimelineEvent{Kind: "reopened", StateReason: reason})
	f.Emit(&IssueEvent{By: by, Issue: i, Action: "reopened"})
}

// close closes an issue or pull request; commit is what closed it, if a commit did.
func (f *Forge) close(by *Actor, i *Issue, reason, commit string) {
	i.Closed, i.StateReason, i.ClosedAt, i.ClosedBy = true, reason, f.Now(), by.Login
	i.repo.countOpen(-1)
	if i.Pull != nil && i.Pull.Queued != nil {
		f.Dequeue(i)
	}
	f.addEvent(by, i, TimelineEvent{Kind: "closed", StateReason: reason, CommitID: commit})
	f.Emit(&IssueEvent{By: by, Issue: i, Action: "closed"})
}

// CloseIssue closes an issue or pull request; reason may be empty.
func (f *Forge) CloseIssue(by *Actor, i *Issue, reason string) error {
	state := "closed"
	edit := IssueEdit{State: &state}
	if reason != "" {
		edit.StateReason = &reason
	}
	return f.EditIssue(by, i, edit)
}

// ReopenIssue reopens an issue or pull request.
func (f *Forge) ReopenIssue(by *Actor, i *Issue) error {
	state := "open"
	return f.EditIssue(by, i, IssueEdit{State: &state})
}

// lockReasons are those that GitHub knows.
var lockReasons = []string{"", "off-topic", "too heated", "resolved", "spam"}

// LockIssue locks or unlocks the conversation; reason may be empty.
func (f *Forge) LockIssue(by *Actor, i *Issue, locked bool, reason string) error {
	if err := f.Require(by, i.repo, RoleTriage, IssueAreas(i)...); err != nil {
		return err
	}
	if !slices.Contains(lockReasons, reason) {
		return Invalid("Issue", "lock_reason", "invalid", "")
	}
	if i.Locked == locked {
		return nil
	}
	i.Locked, i.LockReason = locked, reason
	kind := "unlocked"
	if locked {
		kind = "locked"
	}
	f.addEvent(by, i, TimelineEvent{Kind: kind, LockReason: reason})
	f.Emit(&IssueEvent{By: by, Issue: i, Action: kind})
	return nil
}

// deleteIssue deletes an issue for good, in the name of somebody who may. Its number is not used again.
func (f *Forge) deleteIssue(by *Actor, i *Issue) {
	f.Emit(&IssueEvent{By: by, Issue: i, Action: "deleted"})
	i.repo.Issues[i.Number-1] = nil
	if !i.Closed {
		i.repo.countOpen(-1)
	}
	delete(f.IssuesByID, i.ID)
	for _, c := range i.Comments {
		delete(f.CommentsByID, c.ID)
	}
	for _, id := range i.SubIssues {
		if child, ok := f.IssuesByID[id]; ok {
			child.Parent = 0
		}
	}
	if parent, ok := f.IssuesByID[i.Parent]; ok {
		parent.SubIssues = slices.DeleteFunc(parent.SubIssues, func(id int64) bool { return id == i.ID })
	}
	f.NoteChange()
}
