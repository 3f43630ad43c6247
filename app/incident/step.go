package incident

import (
	"fmt"
	"slices"
	"time"
)

// Step returns the state after a fact, and what must be done. A fact that the state knows already
// changes nothing.
//
// What became due before the fact happens first, at its own time: so it makes no difference how
// often, or how late, the clock is looked at in between, and an incident rebuilt from its timeline
// is the one that ran.
func Step(s State, f Fact, p Policy) (State, []Effect) {
	r := &run{State: s.clone(), p: p, f: f}
	if f.ID != "" {
		if r.isKnown(f) {
			return s, nil
		}
		r.noteSeen(f)
	}
	r.noteComment(f)
	r.runDue(f.At, func(due time.Time) bool { return due.Before(f.At) })
	r.f = f
	r.hearSummoned()
	before := r.State.clone()
	r.applyFact()
	r.advance(before)
	r.noteContest()
	r.keepAsking()
	r.runDue(f.At, func(due time.Time) bool { return !due.After(f.At) })
	r.f = f
	r.completeClosing()
	r.watchFreezes(before)
	r.keepDay()
	r.keepStatus()
	r.keepChat()
	r.seekOwed()
	if d := r.Document; d.Number != 0 && d.Merged == nil && !d.IsClosed && s.Document.Number != 0 &&
		r.postmortemChanged(s) {
		r.Document.Stale = true
	}
	r.addHints()
	return r.State, r.effects
}

// postmortemChanged reports whether something changed that the postmortem holds.
func (r *run) postmortemChanged(before State) bool {
	return r.Entries != before.Entries || !slices.Equal(r.FollowUps, before.FollowUps)
}

func (r *run) isKnown(f Fact) bool {
	if isOutside(f.ID) {
		return r.Asked.tookEdit(f.ID)
	}
	return r.Cursor.Knows(f.ID, f.At)
}

func (r *run) noteSeen(f Fact) {
	if isOutside(f.ID) {
		r.Asked.takeEdit(f.ID)
		return
	}
	r.Cursor = r.Cursor.See(f.ID, f.At)
}

// noteComment notes the two newest comments by people, so that `/ic pin` finds the one before its own (V4).
func (r *run) noteComment(f Fact) {
	id := CommentOf(f.ID)
	if id == 0 || isOutside(f.ID) || f.By.Bot || r.Heard != nil && r.Heard.Comment() == id {
		return
	}
	r.Last, r.Heard = r.Heard, &Stamp{By: f.By.Login, At: f.At, ID: fmt.Sprintf("c%d", id)}
}
