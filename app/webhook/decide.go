package webhook

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// Self is what the app knows of itself: its own doings need no look.
type Self struct {
	AppID int64
	Login string // slug[bot]; empty: not known
}

// Decide reports, from an event's payload alone, whether its incident must be reconciled, and which
// that is. Events that say nothing to the product are not even decoded. An error means that this is
// nothing that GitHub sends.
func Decide(event string, body []byte, self Self) (m incident.Message, relevant bool, err error) {
	access := accessEvents[event]
	mine := access != nil || event == "issues" || event == "issue_comment" || event == "pull_request" ||
		event == "pull_request_review" ||
		event == "push" && changesSettings(body)
	if !mine {
		if !looksWhole(body) {
			return m, false, fmt.Errorf("the payload of %q can't be read: %w", event, errNoObject)
		}
		return m, false, nil
	}
	p, err := decode(body)
	if err != nil {
		return m, false, fmt.Errorf("the payload of %q can't be read: %w", event, err)
	}
	if access != nil {
		return m, slices.Contains(access, p.Action) && p.aboutAccess(event, &m), nil
	}
	if p.Repository == nil || p.Repository.Name == "" || p.Repository.Owner.Login == "" {
		return m, false, nil
	}
	own := p.Sender != nil && self.Login != "" && naming.Equal(p.Sender.Login, self.Login)
	if own && event != "pull_request" && !p.opensForm(event) {
		return m, false, nil
	}
	m.Ref = incident.Ref{Owner: p.Repository.Owner.Login, Repo: p.Repository.Name}
	m.Why = event + "." + p.Action
	if p.Issue != nil {
		m.Ref.Number = p.Issue.Number
	}
	switch event {
	case "push":
		return m, p.aboutConfig(&m), nil
	case "pull_request", "pull_request_review":
		relevant = p.aboutPull(&m, self)
	case "issues":
		relevant = p.aboutTicket(&m, self) || p.aboutTransfer(&m) || p.aboutRemoval(&m) || p.aboutIssue(self)
		if relevant && m.What == nil {
			if issue := p.declaration(); issue != nil {
				m.What = incident.Refresh{Issue: issue}
			}
		}
	default:
		relevant = p.aboutComment(&m, self)
	}
	if relevant {
		m.Floor = p.floor(event)
	}
	if m.Ref.Owner == p.Repository.Owner.Login && m.Ref.Repo == p.Repository.Name {
		m.Repository = p.Repository.ID
	}
	if ref, err := incident.ParseRef(m.Ref.String()); err != nil || ref != m.Ref {
		return m, false, nil
	}
	return m, relevant, nil
}

// accessEvents are the events, with their actions, after which the App may reach more or less than
// before, or by another name. They are of no issue.
var accessEvents = map[string][]string{
	"installation":              {"created", "deleted", "suspend", "unsuspend", "new_permissions_accepted"},
	"installation_repositories": {"added", "removed"},
	"installation_target":       {"renamed"},
	"repository": {
		"renamed",
		"transferred",
		"archived",
		"unarchived",
		"deleted",
		"privatized",
		"publicized",
	},
}

// aboutAccess asks for a look at the open incidents of a repository or of an installation.
func (p payload) aboutAccess(event string, m *incident.Message) bool {
	sweep := incident.Sweep{Installation: p.Installation, At: p.Changed}
	m.Why, m.Ref.Owner = event+"."+p.Action, p.Account
	if event == "repository" {
		if p.Repository == nil {
			return false
		}
		m.Ref, sweep.At = incident.Ref{
			Owner: p.Repository.Owner.Login,
			Repo:  p.Repository.Name,
		}, p.Repository.Updated
	}
	m.What = sweep
	name := m.Ref
	if name.Number = 1; name.Repo == "" {
		name.Repo = "any"
	}
	ref, err := incident.ParseRef(name.String())
	return err == nil && ref == name && sweep.Installation != 0
}

// floor returns what the payload proves of the issue or pull request that it is about.
func (p payload) floor(event string) *incident.Floor {
	f := &incident.Floor{}
	switch {
	case p.Pull != nil:
		f.Updated = p.Pull.Updated
	case p.Issue != nil:
		f.Updated = p.Issue.Updated
	}
	switch event + "." + p.Action {
	case "issues.labeled", "issues.unlabeled":
		f.Event, f.Name = p.Action, p.Label
	case "issues.assigned", "issues.unassigned":
		f.Event, f.Name = p.Action, p.Assignee
	case "issues.closed", "issues.reopened":
		f.Event = p.Action
	case "issues.edited":
		if p.WasTitle != nil {
			f.Event = "renamed"
		}
	case "issue_comment.created":
		f.Comment = p.Comment.ID
	case "issue_comment.deleted":
		f.Deleted = p.Comment.ID
	case "issue_comment.edited", "issue_comment.unpinned":
		if p.Comment.User.Type == "Bot" { // one of the app's own, or it would not be relevant
			f.Touched = p.Comment.ID
		}
	}
	isPush := event+"."+p.Action == "pull_request.synchronize"
	if (f.Event != "" || f.Deleted != 0 || f.Touched != 0 || isPush) && p.Sender != nil {
		f.By = p.Sender.Login
	}
	return f
}

// bySomeBot reports whether a bot did it.
func (p payload) bySomeBot() bool { return p.Sender != nil && p.Sender.Type == "Bot" }

// byHand reports whether it counts as done by hand: by a person, or by another app. While the app
// doesn't know its own name, any bot could be itself.
func (p payload) byHand(self Self) bool { return !p.bySomeBot() || self.Login != "" }

// opensForm reports whether an incident was opened by the form. If the app did so, it was by
// `firebreak drill`, and nothing else asks for a look.
func (p payload) opensForm(event string) bool {
	return event == "issues" && p.Action == "opened" && p.Issue != nil && p.declared() && isForm(p.Issue.Body)
}

// declared reports whether the issue carries the incident label.
func (p payload) declared() bool { return declared(p.Issue.Labels) }

func declared(labels []string) bool {
	return slices.ContainsFunc(
		labels,
		func(name string) bool { return naming.Equal(name, incident.LabelIncident) },
	)
}

// aboutIssue: what changed on an issue that is an incident, or becomes one.
func (p payload) aboutIssue(self Self) bool {
	if p.Issue == nil || p.Issue.Pull {
		return false
	}
	switch p.Action {
	case "opened":
		// A bot's issue is an incident by its label; its text is no person's order.
		return p.declared() || !p.bySomeBot() && (declares(p.Issue.Body) || isForm(p.Issue.Body))
	case "labeled":
		// The label that makes an incident is never taken for the app's own doing: most alerts come
		// by a bot.
		return p.declared() && ours(p.Label) &&
			(p.byHand(self) || naming.Equal(p.Label, incident.LabelIncident))
	case "unlabeled":
		return p.byHand(self) && ours(p.Label) &&
			(p.declared() || naming.Equal(p.Label, incident.LabelIncident))
	case "reopened", "closed", "assigned", "unassigned", "locked", "unlocked":
		return p.byHand(self) && p.declared()
	case "edited":
		return p.byHand(self) && p.declared() && p.WasTitle != nil || p.declaresByEdit()
	}
	return false
}

// declaresByEdit reports whether the author of an issue that is not an incident put a declaration
// into its text. Comments take one by an edit too. What somebody else puts into it is not the
// author's word.
func (p payload) declaresByEdit() bool {
	isAuthor := p.Sender != nil && p.Issue.User != nil && naming.Equal(p.Sender.Login, p.Issue.User.Login)

	return isAuthor && !p.bySomeBot() && !p.declared() && p.WasBody != nil &&
		!declares(*p.WasBody) && declares(p.Issue.Body)
}

// mostText is how much of an issue's text a message carries, in bytes: no more of a text is parsed.
const mostText = 16 << 10

// openedWithin is how long after an issue GitHub may date the labels with which it was opened.
const openedWithin = 2 * time.Second

// declaration returns what an issue says that has just become an incident: if GitHub goes away
// before anybody read it there, people are paged by what it signed (I5). An issue that is opened
// with several labels sends a webhook for each, in any order, and the first one holds up the others.
func (p payload) declaration() *incident.Issue {
	isOpenedWith := p.declared() && !p.Issue.Updated.IsZero() &&
		p.Issue.Updated.Sub(p.Issue.Created) <= openedWithin
	isDeclared := p.Action == "opened" ||
		p.Action == "labeled" && (naming.Equal(p.Label, incident.LabelIncident) || isOpenedWith)
	if !isDeclared || p.Issue.User == nil || len(p.Issue.Body) > mostText {
		return nil
	}
	i := &incident.Issue{ID: p.Issue.ID, Title: p.Issue.Title, Body: p.Issue.Body, Author: p.Issue.User.Login,
		Bot: p.Issue.User.Type == "Bot", URL: p.Issue.URL, Labels: p.Issue.Labels, Created: p.Issue.Created}
	if p.Action == "labeled" && p.Sender != nil {
		i.By = p.Sender.Login
	}
	return i
}

// aboutTransfer: an incident that is in another repository by now. It may have lost its label on
// the way, if that repository does not have it. Both repositories send an event; the one where it
// is counts.
func (p payload) aboutTransfer(m *incident.Message) bool {
	if p.Issue == nil || p.Issue.Pull {
		return false
	}
	switch {
	case p.Action == "transferred" && p.New != nil && p.declared():
		m.Was, m.Ref = m.Ref, p.New.ref()
		if r := p.removed(); r != nil {
			m.What = r
		}
	case p.Action == "opened" && p.Old != nil && (p.declared() || declared(p.Old.Labels)):
		m.Was = p.Old.ref()
	default:
		return false
	}
	was, err := incident.ParseRef(m.Was.String())
	return err == nil && was == m.Was
}

// aboutRemoval: an incident that somebody deleted while it was open.
func (p payload) aboutRemoval(m *incident.Message) bool {
	if p.Action != "deleted" || p.Issue == nil || p.Issue.Pull || !p.declared() {
		return false
	}
	r := p.removed()
	if r == nil {
		return false
	}
	m.What = r
	return true
}

// removed returns what is known of an incident whose issue goes away; nil if it was over.
func (p payload) removed() *incident.Removed {
	if p.Issue.State != "open" {
		return nil
	}
	r := incident.Removed{How: p.Action, Title: p.Issue.Title}
	if p.Sender != nil {
		r.By = p.Sender.Login
	}
	for _, l := range p.Issue.Labels {
		name := strings.ToLower(l)
		if severity, ok := strings.CutPrefix(name, incident.LabelSeverity); ok {
			r.Severity = severity
		}
		r.Drill = r.Drill || name == incident.LabelDrill
	}
	return &r
}

func (p place) ref() incident.Ref {
	return incident.Ref{Owner: p.Repository.Owner.Login, Repo: p.Repository.Name, Number: p.Number}
}

// aboutTicket: a follow-up's ticket that somebody closed, opened again, or gave to somebody else.
// It says of which incident it is, in any repository of the app's.
func (p payload) aboutTicket(m *incident.Message, self Self) bool {
	if p.Issue == nil || p.Issue.User == nil || p.Issue.User.Type != "Bot" || !p.byHand(self) {
		return false
	}
	if self.Login != "" && !naming.Equal(p.Issue.User.Login, self.Login) {
		return false
	}
	ref, index, ok := incident.ReadTicketMark(p.Issue.Body)
	if !ok ||
		!slices.Contains(
			[]string{"closed", "reopened", "assigned", "unassigned", "deleted", "transferred"},
			p.Action,
		) {
		return false
	}
	m.Ref, m.What, m.Why = ref, &incident.Ticket{Index: index}, "ticket."+p.Action
	return true
}

// What a repository may set, which is checked before it is merged: the configuration and the
// postmortem template.
var settingsPaths = []string{incident.ConfigPath, incident.PostmortemTemplatePath}

// changesSettings reports whether a push may change one of them.
func changesSettings(body []byte) bool {
	return slices.ContainsFunc(
		settingsPaths,
		func(path string) bool { return bytes.Contains(body, []byte(path)) },
	)
}

// aboutConfig: a push that changes a setting.
func (p payload) aboutConfig(m *incident.Message) bool {
	changed := false
	for _, c := range p.Commits {
		for _, path := range settingsPaths {
			changed = changed || slices.Contains(c.Added, path) || slices.Contains(c.Modified, path)
		}
	}
	if !changed || !sha.MatchString(p.After) || strings.Trim(p.After, "0") == "" {
		return false
	}
	m.What, m.Why = incident.ConfigPush{Commit: p.After}, "push"
	return m.Ref.Owner != "" && m.Ref.Repo != ""
}

var sha = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// isForm reports whether the text is the issue form's, whose label may come a moment after it.
func isForm(body string) bool {
	_, ok := command.Form(body)
	return ok
}

// ours reports whether a label means something to the product.
func ours(label string) bool {
	_, ok := incident.OwnLabel(label)
	return ok
}

// often is after how many comments somebody looks although none holds a command: so the cursor
// stays near the end, and a command costs the same however much was said before it.
const often = 20

// aboutComment: a comment with commands, or something done to a comment of the app's own, such as
// the card.
func (p payload) aboutComment(m *incident.Message, self Self) bool {
	c := p.Comment
	if p.Issue == nil || c == nil || c.User == nil || p.Sender == nil {
		return false
	}
	if p.Issue.Pull {
		return p.onPull(m, self)
	}
	own := self.Login != "" && naming.Equal(c.User.Login, self.Login) || c.App == self.AppID
	if own && c.User.Type == "Bot" {
		if p.Action == "edited" && p.isCard() {
			lines, isClean := p.ticked()
			if isClean && len(lines) == 0 {
				return false // a tick that was taken away again
			}
			m.What = incident.CardEdited{}
			if len(lines) > 0 && !p.bySomeBot() {
				m.What = &incident.Tick{Comment: c.ID, By: p.Sender.Login, At: c.Updated, Lines: lines, IsClean: isClean}
			}
		}
		return p.byHand(self) && p.declared() &&
			(p.Action == "edited" || p.Action == "deleted" || p.Action == "unpinned")
	}
	if c.User.Type == "Bot" {
		return false
	}
	if p.Action == "deleted" && p.declared() && command.HasWords(c.Body) {
		m.What = &incident.Comment{ID: c.ID, Author: c.User.Login, Editor: p.Sender.Login, Before: c.Body,
			Created: c.Created, Updated: p.Issue.Updated, Deleted: true}
		return true
	}
	edited := p.Action == "edited" && p.WasBody != nil
	if p.Action == "created" && !p.bySomeBot() && !command.Has(c.Body) {
		return p.declared() && p.Issue.Comments%often == 0
	}
	// Whoever took words out: a bot that redacts, too.
	removes := edited && p.declared() && command.HasWords(*p.WasBody) && len(command.Added(c.Body, *p.WasBody)) > 0
	switch {
	case p.bySomeBot() && !removes:
		return false
	case p.Action != "created" && !edited, !removes && !command.Has(c.Body):
		return false
	case edited && !removes && len(command.Added(*p.WasBody, c.Body)) == 0:
		return false
	case !p.declared() && !declares(c.Body) && !p.mayDeclare():
		return false
	}
	comment := &incident.Comment{
		ID:      c.ID,
		Author:  c.User.Login,
		Body:    c.Body,
		Created: c.Created,
		Updated: c.Updated,
	}
	if edited {
		comment.Editor, comment.Before = p.Sender.Login, *p.WasBody
	}
	m.What = comment
	return true
}

// cardMark begins the hidden part of the card.
const cardMark = "<!-- firebreak:card"

// ticked returns which boxes of the card somebody ticked, and whether the edit changed nothing else.
func (p payload) ticked() (lines []string, isClean bool) {
	if p.WasBody == nil {
		return incident.TickedBoxes(p.Comment.Body), false
	}
	return incident.TickedBy(*p.WasBody, p.Comment.Body)
}

// isCard reports whether an edited comment of the app's own is the card, or was. Of others the
// marks count only as they were signed.
func (p payload) isCard() bool {
	return p.WasBody == nil || strings.Contains(*p.WasBody, cardMark) ||
		strings.Contains(p.Comment.Body, cardMark)
}

// mayDeclare reports whether the text of an issue that is no incident yet may make it one: nobody
// may have read that, as GitHub sends no webhooks while the App is suspended.
func (p payload) mayDeclare() bool {
	return p.Issue.State == "open" && p.Issue.User != nil && p.Issue.User.Type != "Bot" &&
		declares(p.Issue.Body)
}

// declares reports whether a comment on an ordinary issue is for the product: a command that starts
// with /incident, or was meant to. The other commands could be another bot's.
func declares(body string) bool {
	return slices.ContainsFunc(command.Parse(body), func(c any) bool {
		switch c := c.(type) {
		case incident.Command:
			return strings.HasPrefix(incident.RowOf(c.Kind).Usage, "/incident")
		case incident.Misspelt:
			return strings.HasPrefix(c.Known, "/incident") || strings.HasPrefix(strings.ToLower(c.Line), "/incident")
		}
		return false
	})
}

// onPull: a comment with commands on a postmortem's pull request, whose text says which incident it
// is of (C3).
func (p payload) onPull(m *incident.Message, self Self) bool {
	c := p.Comment
	if p.Action != "created" || c.User.Type == "Bot" || p.bySomeBot() || !command.Has(c.Body) ||
		p.Issue.User == nil ||
		p.Issue.User.Type != "Bot" {
		return false
	}
	ref, ok := incident.ReadPullMark(p.Issue.Body)
	if !ok || self.Login != "" && !naming.Equal(p.Issue.User.Login, self.Login) {
		return false
	}
	m.Ref.Number = ref.Number // of the pull request's own repository, whatever that was called
	m.What = &incident.Comment{
		ID:      c.ID,
		Author:  c.User.Login,
		Body:    c.Body,
		Created: c.Created,
		Updated: c.Updated,
		Pull:    p.Issue.Number,
	}
	return true
}

// aboutPull: a postmortem's pull request that was merged, closed, opened again, written to or
// reviewed. Its branch names the incident; a branch of the same name in a fork is somebody else's.
func (p payload) aboutPull(m *incident.Message, self Self) bool {
	if p.Pull == nil {
		return false
	}
	switch p.Action {
	case "closed", "reopened":
	case "synchronize", "submitted", "dismissed":
		if !p.byHand(self) || p.Sender != nil && naming.Equal(p.Sender.Login, self.Login) {
			return false // what the app itself wrote it has checked
		}
	default:
		return false
	}
	number, ok := incident.ParsePostmortemBranch(p.Pull.Ref)
	if !ok || p.Pull.From == "" || !naming.Equal(p.Pull.From, p.Repository.FullName) {
		return false
	}
	m.Ref.Number, m.What = number, incident.PullChanged{Number: p.Pull.Number}
	return true
}
