package incident

import (
	"fmt"
	"slices"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// The commands of this file.
const (
	Close      Kind = "close"
	Decline    Kind = "decline"
	Postmortem Kind = "postmortem"
)

var _ = register(Row{
	Kind: Close, Verbs: []string{VerbIC}, Word: "close",
	Usage: "/ic close", Does: "close the incident; opens the postmortem and the tickets",
	Example: "/ic close", Who: HolderIC, Place: 340,
}, parseReason, func(r *run, c Command) {
	if r.closeUp(c.Because) {
		r.done()
	}
})

var _ = register(Row{
	Kind: Decline, Verbs: []string{VerbIncident}, Word: "decline",
	Usage: "/incident decline why", Does: "false alarm: close it as not planned, not counted",
	Example: "/incident decline a test alert", Who: Responder, Place: 140,
}, parseText("add why it is a false alarm"), func(r *run, c Command) {
	r.endAs(Declined, 0, c.Text)
})

var _ = register(Row{
	Kind: Postmortem, Verbs: []string{VerbIC, VerbOE}, Word: "postmortem",
	Usage: "/ic postmortem", Does: "refresh the facts in the postmortem",
	Example: "/ic postmortem", Who: Holder, Place: 350, AfterClosing: true, OnPull: true,
}, parseNothing, (*run).refreshPostmortem)

// refreshPostmortem asks for the postmortem's facts to be written again.
func (r *run) refreshPostmortem(Command) {
	if r.Document.Number == 0 || r.Document.Merged != nil {
		r.refuse(Say{Name: "no-postmortem", Phase: r.Phase, Count: r.Document.Number, Command: "/ic close"})
		return
	}
	r.Document.Stale = true
	r.done()
}

func (r *run) endAs(o Outcome, number int, why string) {
	r.Outcome, r.Duplicate, r.Closed = o, number, r.stamped()
	r.stopUpdates()
	r.stopPaging()
	into := ""
	if number != 0 {
		into = fmt.Sprintf("#%d", number)
	}
	r.record(string(o), into, why)
	r.done()
}

// isClosed says that the incident is closed, and what it still takes.
func (r *run) isClosed() Say {
	return Say{Name: "closed", Command: "/oe regression …", Try: []string{"/incident note …", "/ic followup …"}}
}

func (r *run) closedByHand() {
	switch {
	case r.Closed != nil:
	case !r.mayByHand():
		if r.isRepeated(ContestState) {
			break
		}
		holder, _ := r.Coordinator()
		r.reply(Say{Name: "close-refused", Holder: holder, Names: r.OEs, Command: "/ic"})
	default:
		r.closeUp("")
	}
}

func (r *run) applyReopened() {
	if r.Closed == nil || !r.f.By.Respond || r.f.By.Bot {
		return
	}
	r.Closed, r.Outcome, r.Duplicate = nil, "", 0
	r.record("reopened", "", "")
	switch {
	case r.Phase == Closing:
		r.enterPhase(Monitoring)
	case r.Phase != Monitoring && r.Critical(r.p):
		r.startUpdates() // of an incident that was declined, they stopped
	}
	say := Say{Name: "reopened", Phase: r.Phase, Names: r.summonRoles("reopened", "", true)}
	if r.Confirmed != nil {
		say.Try = []string{"/oe regression …", "/ic close"}
	}
	r.reply(say)
}

// completeClosing ends what has become complete: the incident closes once its postmortem and
// tickets exist (C5).
func (r *run) completeClosing() {
	for _, l := range r.roles() {
		if !naming.Contains(r.Mirrored, l) {
			r.Mirrored = append(r.Mirrored, l)
		}
	}
	if r.Handover == "" {
		r.Asked.Handover, r.Asked.Asker = time.Time{}, ""
	}
	r.watchRoles()
	r.noteFirsts()
	if !r.Running() || r.Phase != Closing || r.Document.Number == 0 {
		return
	}
	for _, fu := range r.FollowUps {
		if fu.Ticket == "" {
			return
		}
	}
	var tickets []string
	for _, fu := range r.FollowUps {
		tickets = append(tickets, fu.Ticket)
	}
	r.emit(Remind{Key: closedKey(r.Since.At), At: r.f.At, Say: Say{
		Name: "closed-up", Count: r.Document.Number, Names: tickets}})
	r.noteClosed()
}

// closedKey is the key of what is said once a closing that was asked for at a time is complete.
func closedKey(asked time.Time) string { return "closed/" + asked.UTC().Format("20060102150405") }

// noteClosed notes that the closing is complete.
func (r *run) noteClosed() {
	closed := r.Since // the stamp of the request: the same whenever the parts came to exist
	r.Closed = &closed
	if r.Document.Merged == nil {
		r.Document.Next = r.p.Hours.Add(closed.At, r.p.ReviewDays, r.p.Zone)
	}
	r.recordAt(Entry{At: closed.At, By: closed.By, Kind: "closed", Ref: closed.ID})
	if r.p.HasStakeholders() && r.Confirmed != nil {
		r.emit(Broadcast{Key: closedKey(closed.At), At: closed.At, Phase: r.Phase, IsOver: true})
	}
}

// closeUp moves the phase to closing (C1) and reports whether it could: the tickets and the
// postmortem are opened, and the issue closes once they exist (C5, settle).
func (r *run) closeUp(because string) bool {
	if r.Phase == Closing {
		return true
	}
	if !r.checkMove(Closing, because, "/ic close because …") {
		return false
	}
	r.enterPhase(Closing)
	if r.Workaround != nil && r.Fix == nil && !slices.ContainsFunc(r.FollowUps, func(f FollowUp) bool { return f.Auto }) {
		r.FollowUps = append(r.FollowUps, FollowUp{Stamp: *r.Workaround, Auto: true}) // F2
		r.record("followup", "", "")
	}
	// Pending asks for it, and for the tickets
	r.Document.Wanted = r.Document.Number == 0 || r.Document.IsClosed
	return true
}

func (r *run) applyMerged(number int) {
	if number != r.Document.Number || r.Document.Merged != nil {
		return
	}
	r.Document.Merged, r.Document.IsClosed, r.Document.Next = r.stamped(), false, time.Time{}
	r.record("merged", "", "")
	r.dateUnfilled()
	if !r.Drill && len(r.Customers) > 0 {
		r.Document.Owed = true
		r.emit(r.customerVersion())
	}
	r.Document.Unchecked = !r.Drill
	r.emit(Remind{Key: "merged", At: r.f.At, Say: Say{Name: "merged", Count: number, Names: r.roles()}})
}

// askReview asks for the review of a postmortem that is still open, every few working days (C3).
func (r *run) askReview() {
	r.Document.Next = r.p.Hours.Add(r.f.At, r.p.ReviewDays, r.p.Zone)
	if r.Document.IsClosed {
		return // the card asks what is to become of it
	}
	r.emit(Remind{Key: fmt.Sprintf("review/%d", r.f.At.Unix()), At: r.f.At, Say: Say{
		Name: "review-open", Count: r.Document.Number, Names: r.roles(), Time: r.Closed.At}})
}

// unfinished lists the tickets that are still open.
func (s State) unfinished() (tickets []string) {
	for _, fu := range s.FollowUps {
		if fu.Ticket != "" && !fu.Done {
			tickets = append(tickets, fu.Ticket)
		}
	}
	return tickets
}

// customerVersion returns the effect that sends the customers their version of the merged postmortem.
func (s State) customerVersion() AnnounceDocument {
	return AnnounceDocument{Key: fmt.Sprintf("document/%d", s.Document.Number), Customers: s.Customers}
}

// pullRequestClosed says that the postmortem's pull request was closed without merging.
func (r *run) pullRequestClosed(number int) {
	if number != r.Document.Number || r.Document.Merged != nil || r.Document.IsClosed {
		return
	}
	r.Document.IsClosed = true
	r.record("unmerged", "", "")
	r.emit(Remind{
		Key: fmt.Sprintf("shut/%d/%d", number, r.f.At.Unix()), At: r.f.At,
		Say: Say{Name: "review-shut", Count: number, Names: r.roles(), Lines: r.unfinished()},
	})
}
