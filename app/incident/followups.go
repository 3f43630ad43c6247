package incident

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// The commands of this file.
const (
	AddFollowUp Kind = "followup"
)

var _ = register(Row{
	Kind: AddFollowUp, Verbs: []string{VerbIC, VerbOE}, Word: "followup",
	Usage: "/ic followup [owner/repo] title [@owner] [due:DATE]", Does: "add a follow-up ticket",
	Example: "/ic followup Raise the limit @dan due:+7d", Who: Holder, Place: 330, AfterClosing: true, OnPull: true,
}, parseFollowUp, (*run).followUp)

func (r *run) followUp(c Command) {
	if c.Number != 0 {
		r.changeFollowUp(c)
		return
	}
	if len(c.Cannot) > 0 {
		r.refuse(Say{Name: "cannot-respond", Names: c.Cannot})
		return
	}
	due := r.resolveDue(c.Due)
	if !r.mayBeDue(due) {
		return
	}
	fu := FollowUp{Stamp: r.stampText(c.Text), Repo: c.Repo, Due: due}
	if len(c.Logins) > 0 {
		fu.Owner = c.Logins[0]
	}
	r.FollowUps = append(r.FollowUps, fu)
	r.record("followup", c.Repo, c.Text)
	r.done()
}

// resolveDue resolves +7d and +2w from the day of the comment in the configured zone.
func (r *run) resolveDue(due string) string {
	rest, ok := strings.CutPrefix(due, "+")
	if !ok || rest == "" {
		return due
	}
	n := 0
	for _, d := range rest[:len(rest)-1] {
		n = n*10 + int(d-'0')
	}
	if strings.HasSuffix(rest, "w") {
		n *= 7
	}
	zone := r.p.Zone
	if zone == nil {
		zone = time.UTC
	}
	return r.f.At.In(zone).AddDate(0, 0, n).Format(time.DateOnly)
}

// maxDue is how far ahead a follow-up's date may be: what is later is a slip more often than meant.
const maxDue = 2 // years

// DueProblem returns why a follow-up can't be due on a day that is written on another: "past",
// "far", or "". What isn't a date is "no date".
func DueProblem(due string, now time.Time, zone *time.Location) string {
	if zone == nil {
		zone = time.UTC
	}
	today := now.In(zone)
	switch day, err := time.Parse(time.DateOnly, due); {
	case err != nil:
		return "no date"
	case due < today.Format(time.DateOnly):
		return "past"
	case day.After(today.AddDate(maxDue, 0, 0)):
		return "far"
	}
	return ""
}

// ChangeTicket brings the ticket of follow-up Index up to date with who owns it and when it is due.
type ChangeTicket struct {
	Index int
	Was   string // who owned it before; empty: its owner is the same
}

// TicketUpToDate says that the ticket of follow-up Index says who owns it and when it is due.
type TicketUpToDate struct{ Index int }

func (ChangeTicket) effect() string { return "change ticket" }

// FollowUpEdited says that somebody changed follow-up Index in the table of the postmortem's pull
// request.
type FollowUpEdited struct {
	Index int
	Owner string    // empty: as it was
	Due   string    // YYYY-MM-DD, or "none"; empty: as it was
	Read  time.Time // when it was read there
}

// mayBeDue reports whether a follow-up may be due then; if not, it asks.
func (r *run) mayBeDue(due string) bool {
	why := DueProblem(due, r.f.At, r.p.Zone)
	if due == "" || why == "" {
		return true
	}
	if why == "no date" {
		why = "far"
	}
	r.react(Unclear)
	r.reply(Say{Name: "due-unlikely", Line: due, Variant: why})
	return false
}

// changeFollowUp changes the owner or the date of a follow-up, after the fact.
func (r *run) changeFollowUp(c Command) {
	i := r.followUpOf(c)
	due := r.resolveDue(c.Due)
	switch {
	case i < 0:
		name := strconv.Itoa(c.Number)
		if c.Repo != "" {
			name = c.Repo + "#" + name
		}
		r.refuse(Say{Name: "follow-up-unknown", Line: name, Count: len(r.FollowUps)})
	case len(c.Logins) == 0 && c.Due == "":
		r.react(Unclear)
		r.reply(Say{Name: "follow-up-change", Count: i + 1})
	case len(c.Cannot) > 0:
		r.refuse(Say{Name: "cannot-respond", Names: c.Cannot})
	case r.mayBeDue(due):
		owner := ""
		if len(c.Logins) > 0 {
			owner = c.Logins[0]
		}
		r.reassign(i, owner, due, r.f.At, r.f.ID)
		r.done()
	}
}

// followUpOf finds the follow-up that a command names: by its number on the card, or by its ticket;
// -1 if there is none.
func (r *run) followUpOf(c Command) int {
	if c.Repo != "" {
		ticket := c.Repo + "#" + strconv.Itoa(c.Number)
		return slices.IndexFunc(r.FollowUps, func(f FollowUp) bool { return naming.Equal(f.Ticket, ticket) })
	}
	if c.Number > len(r.FollowUps) {
		return -1
	}
	return c.Number - 1
}

// reassign changes the owner or the date of follow-up i; what is empty stays, and "none" means no date
// any more.
func (r *run) reassign(i int, owner, due string, at time.Time, ref string) {
	fu := &r.FollowUps[i]
	was := r.OwnerOf(*fu)
	var says []string
	if owner != "" && !naming.Equal(owner, was) {
		fu.Owner = owner
		says = append(says, owner)
	} else {
		was = ""
	}
	if due == "none" && fu.Due != "" {
		fu.Due, fu.Next = "", time.Time{}
		says = append(says, "no date")
	} else if due != "" && due != "none" && due != fu.Due {
		fu.Due = due
		says = append(says, "due "+due)
	}
	if len(says) == 0 {
		return
	}
	r.recordAt(Entry{At: at, By: r.f.By.Login, Kind: "rescheduled", Ref: ref,
		What: fmt.Sprintf("%d: %s", i+1, strings.Join(says, ", "))})
	if fu.Ticket == "" {
		return
	}
	if !fu.Done {
		r.remindOf(fu)
	}
	if !fu.Changed || fu.Was == "" {
		fu.Was = was
	}
	fu.Changed = true // Pending asks for it
}

// followUpEdited takes what somebody changed in the postmortem's table, and says so where the
// incident keeps it.
func (r *run) followUpEdited(e FollowUpEdited) {
	fu := r.followUpAt(e.Index)
	if fu == nil {
		return
	}
	before := *fu
	// the entry is the same when a comment brings it back
	r.reassign(e.Index, e.Owner, e.Due, e.Read, "")
	if *fu == before {
		return
	}
	say := Say{Name: "follow-up-edited", Count: e.Index + 1, Line: e.Due}
	if e.Owner != "" {
		say.Names = []string{e.Owner}
	}
	r.emit(Remind{Key: e.key(), At: r.f.At, Say: say})
}

// key writes the edit for the hidden part of the comment that reports it:
// followup/2/erin/2026-12-24/1772447000.
func (e FollowUpEdited) key() string {
	return fmt.Sprintf("followup/%d/%s/%s/%d", e.Index, e.Owner, e.Due, e.Read.Unix())
}

// ParseFollowUpEdited reads what a comment says of an edit.
func ParseFollowUpEdited(key string) (e FollowUpEdited, ok bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 5 || parts[0] != "followup" {
		return e, false
	}
	i, err := strconv.Atoi(parts[1])
	at, err2 := strconv.ParseInt(parts[4], 10, 64)
	e = FollowUpEdited{Index: i, Owner: parts[2], Due: parts[3], Read: time.Unix(at, 0).UTC()}
	return e, err == nil && err2 == nil && i >= 0
}

// Reminders of a follow-up: this long before it is due, then this often (C4).
const (
	nudgeBefore = 48 * time.Hour
	nudgeEvery  = 7 * 24 * time.Hour
)

// nudgeOwner reminds a follow-up's owner, on its ticket.
func (r *run) nudgeOwner(i int) {
	fu := &r.FollowUps[i]
	due, overdue := r.dueDay(*fu), 0
	if r.f.At.After(due) {
		overdue = 1
	}
	if r.f.At.Before(due) {
		fu.Next = due.Add(24 * time.Hour) // the morning after
	} else {
		fu.Next = r.f.At.Add(nudgeEvery)
	}
	fu.Next = r.p.Hours.Next(fu.Next, r.p.Zone)
	r.emit(Nudge{Index: i, Key: fmt.Sprintf("nudge/%d/%d", i, r.f.At.Unix()),
		Say: Say{Name: "follow-up-due", Who: r.OwnerOf(*fu), Count: overdue, Line: fu.Due}})
}

// dueDay returns the working morning of the day on which a follow-up is due, or the zero time.
func (r *run) dueDay(fu FollowUp) time.Time {
	zone := r.p.Zone
	if zone == nil {
		zone = time.UTC
	}
	day, err := time.ParseInLocation(time.DateOnly, fu.Due, zone)
	if err != nil {
		return time.Time{}
	}
	return r.p.Hours.Next(day, zone)
}

// remindOf sets when a follow-up's owner is reminded first.
func (r *run) remindOf(fu *FollowUp) {
	due := r.dueDay(*fu)
	if due.IsZero() {
		return
	}
	fu.Next = due.Add(-nudgeBefore)
	if fu.Next.Before(r.f.At) {
		// it was due sooner than that when the ticket was opened
		fu.Next = r.f.At.Add(24 * time.Hour)
	}
	fu.Next = r.p.Hours.Next(fu.Next, r.p.Zone)
}

// followUpAt returns a follow-up by its index; nil if the card does not hold it.
func (r *run) followUpAt(i int) *FollowUp {
	if i < 0 || i >= len(r.FollowUps) {
		return nil
	}
	return &r.FollowUps[i]
}

// ticketChanged follows what people do with a follow-up's ticket (C4).
func (r *run) ticketChanged(t TicketChanged) {
	fu := r.followUpAt(t.Index)
	if fu == nil {
		return
	}
	if t.Owner != "" {
		fu.Owner = t.Owner
	}
	if t.Done == fu.Done {
		return
	}
	fu.Done, fu.Ended = t.Done, time.Time{}
	if fu.Done {
		fu.Ended = r.f.At
		r.record("followup done", fu.Ticket, "")
		fu.Next = time.Time{}
		return
	}
	r.record("followup reopened", fu.Ticket, "")
	r.remindOf(fu)
}

// OwnerOf returns who does a follow-up: who was named, else an OE, the IC, the declarer (C4); "" if
// nobody may.
func (s State) OwnerOf(fu FollowUp) string {
	switch {
	case fu.Owner != "":
		return fu.Owner
	case len(s.OEs) > 0:
		return s.OEs[0]
	case s.IC != "":
		return s.IC
	case s.Declared != nil && s.Responder:
		return s.Declared.By
	}
	return ""
}
