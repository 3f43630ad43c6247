package incident

import "slices"

// run is one step under way.
type run struct {
	State
	p       Policy
	f       Fact
	effects []Effect

	isTurnedDown bool // the command was refused with a word

	isRefused bool // the fact is a label of ours that was refused with a word

	news string // what the fact reports that was not known before; pages of this step say it
}

// How much of a long incident a state keeps; the rest is in the timeline.
const (
	keptEntries = 25
	keptSpans   = 20
	keptPages   = 20
	keptPins    = 50
)

func (s State) clone() State {
	s.Customers = slices.Clone(s.Customers)
	s.Phases = slices.Clone(s.Phases)
	s.OEs = slices.Clone(s.OEs)
	s.Mirrored = slices.Clone(s.Mirrored)
	s.Unplaced = slices.Clone(s.Unplaced)
	s.FollowUps = slices.Clone(s.FollowUps)
	s.Ticked = slices.Clone(s.Ticked)
	s.Found, s.Tried = slices.Clone(s.Found), slices.Clone(s.Tried)
	s.Timeline = slices.Clone(s.Timeline)
	s.Pinned = slices.Clone(s.Pinned)
	s.Paging.Pages = slices.Clone(s.Paging.Pages)
	s.Asked.Edits = slices.Clone(s.Asked.Edits)
	s.Asked.Floor = slices.Clone(s.Asked.Floor)
	s.Updates.Shared = slices.Clone(s.Updates.Shared)
	s.Updates.Unsent = slices.Clone(s.Updates.Unsent)
	s.Updates.ReachedBy = slices.Clone(s.Updates.ReachedBy)
	s.Updates.Heard = slices.Clone(s.Updates.Heard)
	s.Updates.Sent = slices.Clone(s.Updates.Sent)
	for i := range s.Updates.Sent {
		sent := &s.Updates.Sent[i]
		sent.Reached, sent.Lost = slices.Clone(sent.Reached), slices.Clone(sent.Lost)
		sent.Wait.Heard = slices.Clone(sent.Wait.Heard)
	}
	s.Folded = slices.Clone(s.Folded)
	s.Sources = slices.Clone(s.Sources)
	s.Signals.Turns = slices.Clone(s.Signals.Turns)
	s.Signals.Taken = slices.Clone(s.Signals.Taken)
	s.Signals.Known = slices.Clone(s.Signals.Known)
	s.Proposed = slices.Clone(s.Proposed)
	s.Links = slices.Clone(s.Links)
	s.Signals.Mails = slices.Clone(s.Signals.Mails)
	s.Summons.People = slices.Clone(s.Summons.People)
	s.Reversals = slices.Clone(s.Reversals)
	s.Runs = slices.Clone(s.Runs)
	s.Freezes = slices.Clone(s.Freezes)
	s.Changes.Suspects = slices.Clone(s.Changes.Suspects)
	s.Changes.Cleared = slices.Clone(s.Changes.Cleared)
	s.Hit.Owners, s.Hit.DependsOn = slices.Clone(s.Hit.Owners), slices.Clone(s.Hit.DependsOn)
	s.Hit.NeededBy = slices.Clone(s.Hit.NeededBy)
	s.Similar.Past = slices.Clone(s.Similar.Past)
	return s
}

// keepNewest keeps the last n of a list.
func keepNewest[T any](list []T, n int) []T { return slices.Clone(list[max(0, len(list)-n):]) }

func (r *run) stamp() Stamp { return Stamp{By: r.f.By.Login, At: r.f.At, ID: r.f.ID} }

func (r *run) stamped() *Stamp { s := r.stamp(); return &s }

func (r *run) emit(e Effect) { r.effects = append(r.effects, e) }

// record writes a timeline entry.
func (r *run) record(kind, what, text string) {
	r.recordAt(Entry{At: r.f.At, By: r.f.By.Login, Kind: kind, Ref: r.f.ID, What: what, Text: text})
}

func (r *run) recordAt(e Entry) {
	r.emit(Record{Entry: e})
	e.Text = ""
	if n := len(r.Timeline); n > 1 && r.repeats(r.Timeline[n-1], e) && r.repeats(r.Timeline[n-2], e) {
		r.Timeline = slices.Clone(r.Timeline)
		// a night of pages must not push out what happened: the first and the newest are shown
		r.Timeline[n-1] = e
		return
	}
	r.Entries++
	r.Timeline = keepNewest(append(r.Timeline, e), keptEntries)
}

// repeats reports whether two entries say that the same people were paged, as the escalation does
// when nobody answers, or that the same customer wrote.
func (r *run) repeats(a, b Entry) bool {
	isRepeated := a.Kind == "page" && a.By == "" || a.Kind == "answer"
	return isRepeated && a.Kind == b.Kind && a.By == b.By && a.What == b.What
}

// reply says something about the fact.
func (r *run) reply(s Say) {
	if s.Who == "" {
		s.Who = r.f.By.Login
	}
	r.emit(Reply{Fact: r.f.ID, Say: s})
}

func (r *run) react(how Reaction) {
	if CommentOf(r.f.ID) != 0 {
		r.emit(React{Fact: r.f.ID, How: how})
	}
}

func (r *run) done() { r.react(Done) }

func (r *run) refuse(s Say) {
	r.isTurnedDown = true
	r.react(Refused)
	r.reply(s)
}
