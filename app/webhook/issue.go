package webhook

import (
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// aboutIssue reports whether something that counts changed on an issue that is an incident, or
// becomes one.
func (p payload) aboutIssue(self Self) bool {
	if p.Issue == nil || p.Issue.Pull {
		return false
	}
	switch p.Action {
	case "opened":
		// A bot's issue is an incident by its label; its text isn't a person's order.
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

// aboutTransfer reports whether an incident is in another repository by now. It may have lost its label on
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

// aboutRemoval reports whether somebody deleted an incident while it was open.
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

// aboutTicket reports whether somebody closed a follow-up's ticket, opened it again, or assigned it to
// somebody else. It says of which incident it is, in any repository of the app's.
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
