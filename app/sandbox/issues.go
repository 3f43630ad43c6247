package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// maxBody is the longest body of an issue or a comment, in characters.
const maxBody = 65536

// newIssue is what an issue is opened with.
type newIssue struct {
	Title      string
	Body       string
	Labels     []string
	Assignees  []string
	FormLabels []string // labels of an issue form: they are set whoever opens the issue, if they exist
}

// openIssue opens an issue. A person without push access opens it too, but what they say of labels and assignees is ignored.
func (st *store) openIssue(by *Actor, r *Repository, in newIssue) (*Issue, error) {
	if err := st.need(by, r, RoleRead, "issues"); err != nil {
		return nil, err
	}
	if by.ViaApp && !by.allows("issues", "write") {
		return nil, forbidden("Resource not accessible by integration")
	}
	if err := r.writable(); err != nil {
		return nil, err
	}
	if err := r.hasIssues(); err != nil {
		return nil, err
	}
	if err := validIssue(in.Title, in.Body); err != nil {
		return nil, err
	}
	labels := slices.Clone(in.FormLabels)
	labels = slices.DeleteFunc(labels, func(name string) bool { _, ok := r.label(name); return !ok })
	privileged := st.can(by, r, RoleTriage, "issues")
	if privileged {
		labels = append(labels, in.Labels...)
	}
	if err := validLabels(r, labels); err != nil {
		return nil, err
	}
	i := st.addIssue(by, r, in.Title, in.Body)
	if privileged {
		for _, login := range in.Assignees {
			if u, ok := st.user(login); ok && st.assignable(login, r, i) && !i.HasAssignee(login) && len(i.Assignees) < maxAssignees {
				i.Assignees = append(i.Assignees, u.Login)
			}
		}
	}
	for _, name := range labels {
		l := st.ensureLabel(r, name)
		if !i.HasLabel(l.Name) {
			i.Labels = append(i.Labels, l)
		}
	}
	st.emit(&issueEvent{By: by, Issue: i, Action: "opened"})
	for _, l := range i.Labels {
		st.happened(by, i, Event{Kind: "labeled", Label: &EventLabel{l.Name, l.Color}})
		st.emit(&issueEvent{By: by, Issue: i, Action: "labeled", Label: l})
	}
	for _, login := range i.Assignees {
		st.happened(by, i, Event{Kind: "assigned", Assignee: login})
		st.emit(&issueEvent{By: by, Issue: i, Action: "assigned", Assignee: login})
	}
	st.refer(by, i, in.Body)
	return i, nil
}

// addIssue gives the next number to a new issue or pull request.
func (st *store) addIssue(by *Actor, r *Repository, title, body string) *Issue {
	now := st.now()
	i := &Issue{ID: st.nextID("issue"), Number: len(r.Issues) + 1, Title: title, Body: body, Author: by.Login, ViaApp: by.ViaApp,
		Created: now, Updated: now, repo: r}
	r.Issues = append(r.Issues, i)
	st.issues[i.ID] = i
	r.countOpen(1)
	st.changed()
	return i
}

func validIssue(title, body string) error {
	if strings.TrimSpace(title) == "" {
		return invalid("Issue", "title", "missing_field", "")
	}
	if utf8.RuneCountInString(title) > 256 {
		return invalid("Issue", "title", "custom", "title is too long (maximum is 256 characters)")
	}
	return validBody("Issue", body)
}

func validBody(resource, body string) error {
	if utf8.RuneCountInString(body) > maxBody {
		return invalid(resource, "body", "custom", fmt.Sprintf("body is too long (maximum is %d characters)", maxBody))
	}
	return nil
}

// issueEdit is what changes in an issue or pull request; nil leaves as it is.
type issueEdit struct {
	Title       *string
	Body        *string
	State       *string // open or closed
	StateReason *string // completed, not_planned, duplicate or reopened; only together with a change of state
	DuplicateOf *int64  // id of the canonical issue
	Labels      *[]string
	Assignees   *[]string
}

// editIssue changes an issue, wholly or not at all. Its author may change text and state without further rights.
func (st *store) editIssue(by *Actor, i *Issue, edit issueEdit) error {
	if err := st.needAuthor(by, i.repo, i.Author, RoleTriage, issueArea(i)); err != nil {
		return err
	}
	// what needs push access is ignored when somebody else sends it
	if !st.can(by, i.repo, RoleTriage, issueArea(i)...) {
		edit.Labels, edit.Assignees = nil, nil
	}
	if err := st.checkEdit(by, i, edit); err != nil {
		return err
	}
	title, body := edit.text(i)
	st.setText(by, i, title, body)
	if edit.State != nil {
		st.setState(by, i, edit)
	}
	if edit.Labels != nil {
		if err := st.setLabels(by, i, *edit.Labels); err != nil {
			return err
		}
	}
	if edit.Assignees != nil {
		keep := *edit.Assignees
		gone := slices.DeleteFunc(slices.Clone(i.Assignees), func(login string) bool {
			return slices.ContainsFunc(keep, func(k string) bool { return strings.EqualFold(k, login) })
		})
		if err := st.unassign(by, i, gone); err != nil {
			return err
		}
		return st.assign(by, i, keep)
	}
	return nil
}

// text is the title and body after the edit.
func (e issueEdit) text(i *Issue) (title, body string) {
	title, body = i.Title, i.Body
	if e.Title != nil {
		title = *e.Title
	}
	if e.Body != nil {
		body = *e.Body
	}
	return title, body
}

// checkEdit tells why an issue can't be changed like this, if so.
func (st *store) checkEdit(by *Actor, i *Issue, edit issueEdit) error {
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
		if r := edit.StateReason; r != nil && !slices.Contains([]string{"", "completed", "not_planned", "duplicate"}, *r) {
			return invalid("Issue", "state_reason", "invalid", "")
		}
		if edit.DuplicateOf != nil {
			if canonical, ok := st.issues[*edit.DuplicateOf]; !ok || !st.sees(by, canonical.repo) || canonical == i {
				return invalid("Issue", "duplicate_issue_id", "invalid", "")
			}
		}
		return nil
	case "open":
		if i.Converted {
			return invalid("Issue", "state", "invalid", "")
		}
		if i.Pull != nil && i.Closed {
			return st.checkReopenPull(i)
		}
		return nil
	}
	return invalid("Issue", "state", "invalid", "")
}

func (st *store) setText(by *Actor, i *Issue, title, body string) {
	was := changes{}
	if title != i.Title {
		was.Title = new(i.Title)
		st.happened(by, i, Event{Kind: "renamed", From: i.Title, To: title})
		i.Title = title
	}
	if body != i.Body {
		was.Body = new(i.Body)
		i.Body = body
		st.touch(i)
	}
	if was != (changes{}) {
		st.emit(&issueEvent{By: by, Issue: i, Action: "edited", Was: was})
		st.refer(by, i, body)
	}
}

// setState closes or opens. The reason counts only where the state changes.
func (st *store) setState(by *Actor, i *Issue, edit issueEdit) {
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
		st.close(by, i, reason, "")
		return
	}
	if i.Pull != nil {
		if tip, ok := i.repo.Git.branch(i.Pull.Head); ok {
			i.Pull.HeadSHA = tip.SHA
		}
	}
	i.Closed, i.StateReason, i.ClosedAt, i.ClosedBy, i.DuplicateOf = false, reason, time.Time{}, "", 0
	i.repo.countOpen(1)
	st.happened(by, i, Event{Kind: "reopened", StateReason: reason})
	st.emit(&issueEvent{By: by, Issue: i, Action: "reopened"})
}

// close closes an issue or pull request; commit is what closed it, if a commit did.
func (st *store) close(by *Actor, i *Issue, reason, commit string) {
	i.Closed, i.StateReason, i.ClosedAt, i.ClosedBy = true, reason, st.now(), by.Login
	i.repo.countOpen(-1)
	st.happened(by, i, Event{Kind: "closed", StateReason: reason, CommitID: commit})
	st.emit(&issueEvent{By: by, Issue: i, Action: "closed"})
}

// closeIssue closes an issue or pull request; reason may be empty.
func (st *store) closeIssue(by *Actor, i *Issue, reason string) error {
	state := "closed"
	edit := issueEdit{State: &state}
	if reason != "" {
		edit.StateReason = &reason
	}
	return st.editIssue(by, i, edit)
}

// reopenIssue reopens an issue or pull request.
func (st *store) reopenIssue(by *Actor, i *Issue) error {
	state := "open"
	return st.editIssue(by, i, issueEdit{State: &state})
}

// lockReasons are those that GitHub knows.
var lockReasons = []string{"", "off-topic", "too heated", "resolved", "spam"}

// lockIssue locks or unlocks the conversation; reason may be empty.
func (st *store) lockIssue(by *Actor, i *Issue, locked bool, reason string) error {
	if err := st.need(by, i.repo, RoleTriage, issueArea(i)...); err != nil {
		return err
	}
	if !slices.Contains(lockReasons, reason) {
		return invalid("Issue", "lock_reason", "invalid", "")
	}
	if i.Locked == locked {
		return nil
	}
	i.Locked, i.LockReason = locked, reason
	kind := "unlocked"
	if locked {
		kind = "locked"
	}
	st.happened(by, i, Event{Kind: kind, LockReason: reason})
	st.emit(&issueEvent{By: by, Issue: i, Action: kind})
	return nil
}

// deleteIssue deletes an issue for good, in the name of somebody who may. Its number is not used again.
func (st *store) deleteIssue(by *Actor, i *Issue) {
	st.emit(&issueEvent{By: by, Issue: i, Action: "deleted"})
	i.repo.Issues[i.Number-1] = nil
	if !i.Closed {
		i.repo.countOpen(-1)
	}
	delete(st.issues, i.ID)
	for _, c := range i.Comments {
		delete(st.comments, c.ID)
	}
	for _, id := range i.SubIssues {
		if child, ok := st.issues[id]; ok {
			child.Parent = 0
		}
	}
	if parent, ok := st.issues[i.Parent]; ok {
		parent.SubIssues = slices.DeleteFunc(parent.SubIssues, func(id int64) bool { return id == i.ID })
	}
	st.changed()
}
