package sandbox

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
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
	if err := validIssue(in.Title, in.Body); err != nil {
		return nil, err
	}
	i := st.addIssue(by, r, in.Title, in.Body)
	labels := slices.Clone(in.FormLabels)
	labels = slices.DeleteFunc(labels, func(name string) bool { _, ok := r.label(name); return !ok })
	if st.can(by, r, RoleTriage, "issues") {
		labels = append(labels, in.Labels...)
		for _, login := range in.Assignees {
			if u, ok := st.user(login); ok && st.assignable(login, r, i) && !i.HasAssignee(login) && len(i.Assignees) < maxAssignees {
				i.Assignees = append(i.Assignees, u.Login)
			}
		}
	}
	for _, name := range labels {
		l, err := st.ensureLabel(r, name)
		if err != nil {
			return nil, err
		}
		if !i.HasLabel(l.Name) {
			i.Labels = append(i.Labels, l)
		}
	}
	st.emitIssue(by, i, "opened", nil)
	for _, l := range i.Labels {
		st.happened(by, i, Event{Kind: "labeled", Label: &EventLabel{l.Name, l.Color}})
		st.emitIssue(by, i, "labeled", fields{"label": st.labelView(r, l)})
	}
	for _, login := range i.Assignees {
		st.happened(by, i, Event{Kind: "assigned", Assignee: login})
		st.emitIssue(by, i, "assigned", fields{"assignee": st.userView(login)})
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
	r.open++
	r.view = nil
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

// editIssue changes an issue. Its author may change text and state without further rights.
func (st *store) editIssue(by *Actor, i *Issue, edit issueEdit) error {
	if err := st.needAuthor(by, i.repo, i.Author, RoleTriage, issueArea(i)); err != nil {
		return err
	}
	if edit.Title != nil || edit.Body != nil {
		title, body := i.Title, i.Body
		if edit.Title != nil {
			title = *edit.Title
		}
		if edit.Body != nil {
			body = *edit.Body
		}
		if err := validIssue(title, body); err != nil {
			return err
		}
		st.setText(by, i, title, body)
	}
	if edit.State != nil {
		if err := st.setState(by, i, edit); err != nil {
			return err
		}
	}
	// what needs push access is ignored when somebody else sends it
	if !st.can(by, i.repo, RoleTriage, issueArea(i)...) {
		return nil
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

// needAuthor lets the author pass, provided that they may still write there, and everybody else who has the role.
func (st *store) needAuthor(by *Actor, r *Repository, author string, role Role, areas []string) error {
	if !by.ViaApp && by.Login == author && st.sees(by, r) {
		return nil
	}
	return st.need(by, r, role, areas...)
}

func (st *store) setText(by *Actor, i *Issue, title, body string) {
	changes := fields{}
	if title != i.Title {
		changes["title"] = fields{"from": i.Title}
		st.happened(by, i, Event{Kind: "renamed", From: i.Title, To: title})
		i.Title = title
	}
	if body != i.Body {
		changes["body"] = fields{"from": i.Body}
		i.Body = body
		st.touch(i)
	}
	if len(changes) > 0 {
		st.emitIssue(by, i, "edited", fields{"changes": changes})
		st.refer(by, i, body)
	}
}

func (st *store) setState(by *Actor, i *Issue, edit issueEdit) error {
	reason := ""
	if edit.StateReason != nil {
		reason = *edit.StateReason
	}
	switch *edit.State {
	case "closed":
		if i.Closed {
			return nil
		}
		if i.Pull == nil {
			switch reason {
			case "":
				reason = "completed"
			case "completed", "not_planned", "duplicate":
			default:
				return invalid("Issue", "state_reason", "invalid", "")
			}
		} else {
			reason = ""
		}
		if edit.DuplicateOf != nil {
			canonical, ok := st.issues[*edit.DuplicateOf]
			if !ok || !st.sees(by, canonical.repo) || canonical == i {
				return invalid("Issue", "duplicate_issue_id", "invalid", "")
			}
			i.DuplicateOf, reason = canonical.ID, "duplicate"
		}
		st.close(by, i, reason, "")
	case "open":
		if !i.Closed {
			return nil
		}
		if i.Pull != nil && i.Pull.Merged() {
			return invalid("PullRequest", "state", "invalid", "state cannot be changed. The pull request cannot be reopened.")
		}
		if i.Pull != nil {
			if err := st.checkReopenPull(i); err != nil {
				return err
			}
			reason = ""
		} else {
			reason = "reopened"
		}
		i.Closed, i.StateReason, i.ClosedAt, i.ClosedBy, i.DuplicateOf = false, reason, time.Time{}, "", 0
		i.repo.open++
		i.repo.view = nil
		st.happened(by, i, Event{Kind: "reopened", StateReason: reason})
		st.emitIssue(by, i, "reopened", nil)
	default:
		return invalid("Issue", "state", "invalid", "")
	}
	return nil
}

// close closes an issue or pull request; commit is what closed it, if a commit did.
func (st *store) close(by *Actor, i *Issue, reason, commit string) {
	i.Closed, i.StateReason, i.ClosedAt, i.ClosedBy = true, reason, st.now(), by.Login
	i.repo.open--
	i.repo.view = nil
	st.happened(by, i, Event{Kind: "closed", StateReason: reason, CommitID: commit})
	st.emitIssue(by, i, "closed", nil)
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

// comment posts a comment: whoever reads the issue may.
func (st *store) comment(by *Actor, i *Issue, body string) (*Comment, error) {
	if err := st.need(by, i.repo, RoleRead, issueArea(i)...); err != nil {
		return nil, err
	}
	if by.ViaApp && !slices.ContainsFunc(issueArea(i), func(area string) bool { return by.allows(area, "write") }) {
		return nil, forbidden("Resource not accessible by integration")
	}
	if i.Locked && st.role(by, i.repo) < RoleWrite {
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
	st.emitComment(by, c, "created", nil)
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
	st.emitComment(by, c, "edited", fields{"changes": fields{"body": fields{"from": from}}})
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
	st.touch(i)
	st.emitComment(by, c, "deleted", nil)
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
	st.emitComment(by, c, "pinned", nil)
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
	st.emitComment(by, c, "unpinned", nil)
}

// lockIssue locks or unlocks the conversation.
func (st *store) lockIssue(by *Actor, i *Issue, locked bool) error {
	if err := st.need(by, i.repo, RoleTriage, issueArea(i)...); err != nil {
		return err
	}
	if i.Locked == locked {
		return nil
	}
	i.Locked = locked
	kind := "unlocked"
	if locked {
		kind = "locked"
	}
	st.happened(by, i, Event{Kind: kind})
	st.emitIssue(by, i, kind, nil)
	return nil
}

// deleteIssue removes an issue for good; its number is not used again.
func (st *store) deleteIssue(by *Actor, i *Issue) error {
	if err := st.need(by, i.repo, RoleMaintain, "administration"); err != nil {
		return err
	}
	if i.Pull != nil {
		return forbidden("Pull requests cannot be deleted.")
	}
	st.emitIssue(by, i, "deleted", nil)
	i.repo.Issues[i.Number-1] = nil
	if !i.Closed {
		i.repo.open--
	}
	i.repo.view = nil
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
	return nil
}

// ensureLabel finds a label or creates it with the default colour, as GitHub does when an issue gets a label that isn't there.
func (st *store) ensureLabel(r *Repository, name string) (*Label, error) {
	if l, ok := r.label(name); ok {
		return l, nil
	}
	if strings.TrimSpace(name) == "" || utf8.RuneCountInString(name) > 50 {
		return nil, invalid("Label", "name", "invalid", "")
	}
	return st.addLabel(r, name, "ededed", ""), nil
}

func (st *store) addLabel(r *Repository, name, color, description string) *Label {
	l := &Label{ID: st.nextID("label"), Name: name, Color: color, Description: description}
	r.Labels = append(r.Labels, l)
	st.changed()
	return l
}

var hexColor = regexp.MustCompile(`^[0-9a-fA-F]{6}$`)

// createLabel makes a label in a repository.
func (st *store) createLabel(by *Actor, r *Repository, name, color, description string) (*Label, error) {
	if err := st.need(by, r, RoleWrite, "issues", "pull_requests"); err != nil {
		return nil, err
	}
	if color == "" {
		color = "ededed"
	}
	if err := validLabel(r, nil, name, color, description); err != nil {
		return nil, err
	}
	return st.addLabel(r, name, strings.ToLower(color), description), nil
}

func validLabel(r *Repository, self *Label, name, color, description string) error {
	if strings.TrimSpace(name) == "" {
		return invalid("Label", "name", "missing_field", "")
	}
	if utf8.RuneCountInString(name) > 50 {
		return invalid("Label", "name", "custom", "name is too long (maximum is 50 characters)")
	}
	if !hexColor.MatchString(color) {
		return invalid("Label", "color", "invalid", "")
	}
	if utf8.RuneCountInString(description) > 100 {
		return invalid("Label", "description", "custom", "description is too long (maximum is 100 characters)")
	}
	if other, ok := r.label(name); ok && other != self {
		return invalid("Label", "name", "already_exists", "")
	}
	return nil
}

// editLabel changes a label; nil leaves as it is.
func (st *store) editLabel(by *Actor, r *Repository, l *Label, name, color, description *string) error {
	if err := st.need(by, r, RoleWrite, "issues", "pull_requests"); err != nil {
		return err
	}
	next := *l
	for _, change := range []struct{ to, from *string }{{&next.Name, name}, {&next.Color, color}, {&next.Description, description}} {
		if change.from != nil {
			*change.to = *change.from
		}
	}
	if err := validLabel(r, l, next.Name, next.Color, next.Description); err != nil {
		return err
	}
	next.Color = strings.ToLower(next.Color)
	*l = next
	st.changed()
	return nil
}

// deleteLabel removes a label from the repository and so from every issue.
func (st *store) deleteLabel(by *Actor, r *Repository, l *Label) error {
	if err := st.need(by, r, RoleWrite, "issues", "pull_requests"); err != nil {
		return err
	}
	r.Labels = slices.DeleteFunc(r.Labels, func(o *Label) bool { return o == l })
	for _, i := range r.Issues {
		if i != nil && i.HasLabel(l.Name) {
			st.dropLabel(by, i, l)
		}
	}
	st.changed()
	return nil
}

// addLabels adds labels to an issue; those that do not exist yet are created.
func (st *store) addLabels(by *Actor, i *Issue, names []string) error {
	if err := st.need(by, i.repo, RoleTriage, issueArea(i)...); err != nil {
		return err
	}
	if len(i.Labels)+len(names) > 100 {
		return invalid("Issue", "labels", "custom", "an issue carries at most 100 labels")
	}
	for _, name := range names {
		l, err := st.ensureLabel(i.repo, name)
		if err != nil {
			return err
		}
		if i.HasLabel(l.Name) {
			continue
		}
		i.Labels = append(i.Labels, l)
		st.happened(by, i, Event{Kind: "labeled", Label: &EventLabel{l.Name, l.Color}})
		st.emitIssue(by, i, "labeled", fields{"label": st.labelView(i.repo, l)})
	}
	return nil
}

// removeLabel takes a label off an issue; 404 when it does not carry it.
func (st *store) removeLabel(by *Actor, i *Issue, name string) error {
	if err := st.need(by, i.repo, RoleTriage, issueArea(i)...); err != nil {
		return err
	}
	for _, l := range i.Labels {
		if strings.EqualFold(l.Name, name) {
			st.dropLabel(by, i, l)
			return nil
		}
	}
	return &Error{Status: http.StatusNotFound, Message: "Label does not exist"}
}

func (st *store) dropLabel(by *Actor, i *Issue, l *Label) {
	i.Labels = slices.DeleteFunc(slices.Clone(i.Labels), func(o *Label) bool { return o == l })
	st.happened(by, i, Event{Kind: "unlabeled", Label: &EventLabel{l.Name, l.Color}})
	st.emitIssue(by, i, "unlabeled", fields{"label": st.labelView(i.repo, l)})
}

// setLabels replaces the labels of an issue.
func (st *store) setLabels(by *Actor, i *Issue, names []string) error {
	if err := st.need(by, i.repo, RoleTriage, issueArea(i)...); err != nil {
		return err
	}
	for _, l := range slices.Clone(i.Labels) {
		if !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, l.Name) }) {
			st.dropLabel(by, i, l)
		}
	}
	return st.addLabels(by, i, names)
}

// maxAssignees is how many people an issue takes.
const maxAssignees = 10

// assign adds assignees; whoever cannot be assigned is silently left out.
func (st *store) assign(by *Actor, i *Issue, logins []string) error {
	if err := st.need(by, i.repo, RoleTriage, issueArea(i)...); err != nil {
		return err
	}
	for _, login := range logins {
		u, ok := st.user(login)
		if !ok || !st.assignable(login, i.repo, i) || i.HasAssignee(login) || len(i.Assignees) >= maxAssignees {
			continue
		}
		i.Assignees = append(i.Assignees, u.Login)
		st.happened(by, i, Event{Kind: "assigned", Assignee: u.Login})
		st.emitIssue(by, i, "assigned", fields{"assignee": st.userView(u.Login)})
	}
	return nil
}

// unassign removes assignees; whoever is not assigned is left out.
func (st *store) unassign(by *Actor, i *Issue, logins []string) error {
	if err := st.need(by, i.repo, RoleTriage, issueArea(i)...); err != nil {
		return err
	}
	for _, login := range logins {
		if !i.HasAssignee(login) {
			continue
		}
		u, _ := st.user(login)
		i.Assignees = slices.DeleteFunc(slices.Clone(i.Assignees), func(a string) bool { return a == u.Login })
		st.happened(by, i, Event{Kind: "unassigned", Assignee: u.Login})
		st.emitIssue(by, i, "unassigned", fields{"assignee": st.userView(u.Login)})
	}
	return nil
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
	return st.need(by, i.repo, role, issueArea(i)...)
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

// unreact takes back a reaction: the one who reacted may, and the app and people with write access.
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

// maxSubIssues is how many sub-issues an issue takes.
const maxSubIssues = 100

// addSubIssue makes child a sub-issue of parent. Both must belong to the same owner; a child has one parent unless replace.
func (st *store) addSubIssue(by *Actor, parent, child *Issue, replace bool) error {
	if err := st.need(by, parent.repo, RoleTriage, "issues"); err != nil {
		return err
	}
	if err := st.need(by, child.repo, RoleRead, "issues"); err != nil {
		return err
	}
	refuse := func(why string) error {
		return &Error{Status: http.StatusUnprocessableEntity, Message: "An error occurred while adding the sub-issue to the parent issue. " + why}
	}
	switch {
	case child.Pull != nil || parent.Pull != nil:
		return refuse("Pull requests cannot be sub-issues")
	case parent == child:
		return refuse("Issue may not be a sub-issue of itself")
	case child.Parent == parent.ID:
		return refuse("Issue may not contain duplicate sub-issues")
	case child.Parent != 0 && !replace:
		return refuse("Sub issue may only have one parent")
	case len(parent.SubIssues) >= maxSubIssues:
		return refuse("Parent cannot have more than 100 sub-issues")
	}
	for at, depth := parent, 1; at.Parent != 0; depth++ {
		if at.Parent == child.ID || depth >= 8 {
			return refuse("Sub-issues may not be nested deeper than eight levels or in a circle")
		}
		at = st.issues[at.Parent]
	}
	if before, ok := st.issues[child.Parent]; ok {
		st.dropSubIssue(by, before, child)
	}
	parent.SubIssues = append(parent.SubIssues, child.ID)
	child.Parent = parent.ID
	st.happened(by, parent, Event{Kind: "sub_issue_added", IssueID: child.ID})
	st.happened(by, child, Event{Kind: "parent_issue_added", IssueID: parent.ID})
	st.emitSubIssue(by, parent, child, "added")
	return nil
}

// removeSubIssue ends the relation.
func (st *store) removeSubIssue(by *Actor, parent, child *Issue) error {
	if err := st.need(by, parent.repo, RoleTriage, "issues"); err != nil {
		return err
	}
	if child.Parent != parent.ID {
		return errNotFound
	}
	st.dropSubIssue(by, parent, child)
	return nil
}

func (st *store) dropSubIssue(by *Actor, parent, child *Issue) {
	parent.SubIssues = slices.DeleteFunc(parent.SubIssues, func(id int64) bool { return id == child.ID })
	child.Parent = 0
	st.happened(by, parent, Event{Kind: "sub_issue_removed", IssueID: child.ID})
	st.happened(by, child, Event{Kind: "parent_issue_removed", IssueID: parent.ID})
	st.emitSubIssue(by, parent, child, "removed")
}

var (
	// inertText is where GitHub looks for no reference: code and HTML comments.
	inertText = regexp.MustCompile("(?s)<!--.*?-->|(?:^|\n)[ ]{0,3}```.*?(?:\n[ ]{0,3}```|$)|(?:^|\n)[ ]{0,3}~~~.*?(?:\n[ ]{0,3}~~~|$)|``.*?``|`[^`\n]*`")
	reference = regexp.MustCompile(`(?:^|[^\w/#&])(?:([\w.-]+/[\w.-]+))?#(\d+)\b`)
	issueLink = regexp.MustCompile(`/([\w.-]+/[\w.-]+)/(?:issues|pull)/(\d+)\b`)
	mention   = regexp.MustCompile(`(?:^|[^\w@/.` + "`" + `-])@([A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)(?:[^\w/-]|$)`)
)

// references lists the issues that a text written in an issue of r mentions, as owner/repo and number, in order.
func (st *store) references(r *Repository, text string) []*Issue {
	text = inertText.ReplaceAllString(text, " ")
	var found []*Issue
	add := func(fullName, number string) {
		at := r
		if fullName != "" {
			var ok bool
			if at, ok = st.repo(fullName); !ok {
				return
			}
		}
		n, _ := strconv.Atoi(number)
		if i, ok := at.issueAt(n); ok && !slices.Contains(found, i) {
			found = append(found, i)
		}
	}
	for _, m := range reference.FindAllStringSubmatch(text, -1) {
		add(m[1], m[2])
	}
	for rest := text; ; {
		_, after, ok := strings.Cut(rest, st.url+"/")
		if !ok {
			break
		}
		if m := issueLink.FindStringSubmatchIndex("/" + after); m != nil && m[0] == 0 {
			add(("/" + after)[m[2]:m[3]], ("/" + after)[m[4]:m[5]])
		}
		rest = after
	}
	return found
}

// refer writes what a text mentions into the timelines: once per source issue and target, and once per person mentioned.
func (st *store) refer(by *Actor, source *Issue, text string) {
	if !strings.ContainsAny(text, "#/@") {
		return
	}
	for _, target := range st.references(source.repo, text) {
		known := target == source || !st.sees(by, target.repo) || slices.ContainsFunc(target.Timeline, func(e *Event) bool {
			return e.Kind == "cross-referenced" && e.IssueID == source.ID
		})
		if !known {
			// a mention does not change the target's updated_at
			target.Timeline = append(target.Timeline, &Event{Kind: "cross-referenced", Actor: by.Login, ViaApp: by.ViaApp, At: st.now(), IssueID: source.ID})
			st.changed()
		}
	}
	for _, m := range mention.FindAllStringSubmatch(inertText.ReplaceAllString(text, " "), -1) {
		u, ok := st.user(m[1])
		if !ok || u.Kind != KindUser || st.roleOf(u.Login, source.repo) < RoleRead {
			continue
		}
		if slices.ContainsFunc(source.Timeline, func(e *Event) bool { return e.Kind == "mentioned" && e.Actor == u.Login }) {
			continue
		}
		for _, kind := range []string{"mentioned", "subscribed"} {
			source.Timeline = append(source.Timeline, &Event{ID: st.nextID("event"), Kind: kind, Actor: u.Login, At: st.now()})
		}
	}
}
