package incident

import (
	"fmt"
	"slices"
	"time"
)

// Step returns the state after a fact, and what must be done. A fact that the state knows already changes nothing.
//
// What became due before the fact happens first, at its own time: so it makes no difference how often, or how late, the
// clock is looked at in between, and an incident rebuilt from its timeline is the one that ran.
func Step(s State, f Fact, p Policy) (State, []Effect) {
	r := &run{State: s.clone(), p: p, f: f}
	if f.ID != "" {
		if r.knows(f) {
			return s, nil
		}
		r.see(f)
	}
	r.hear(f)
	r.tick(f.At, func(due time.Time) bool { return due.Before(f.At) })
	r.f = f
	r.hearSummoned()
	r.apply()
	r.contest()
	r.keepAsking()
	r.tick(f.At, func(due time.Time) bool { return !due.After(f.At) })
	r.f = f
	r.settle()
	r.keepDay()
	if d := r.Document; d.Number != 0 && d.Merged == nil && !d.Shut && s.Document.Number != 0 && r.told(s) {
		r.Document.Stale = true
	}
	r.address()
	return r.State, r.effects
}

// told reports whether something changed that the postmortem holds.
func (r *run) told(before State) bool {
	return r.Entries != before.Entries || !slices.Equal(r.FollowUps, before.FollowUps)
}

func (r *run) knows(f Fact) bool {
	if isOutside(f.ID) {
		return r.Asked.tookEdit(f.ID)
	}
	return r.Cursor.Knows(f.ID, f.At)
}

func (r *run) see(f Fact) {
	if isOutside(f.ID) {
		r.Asked.takeEdit(f.ID)
		return
	}
	r.Cursor = r.Cursor.See(f.ID, f.At)
}

// hear notes the two newest comments by people, so that `/ic pin` finds the one before its own (V4).
func (r *run) hear(f Fact) {
	id := CommentOf(f.ID)
	if id == 0 || isOutside(f.ID) || f.By.Bot || r.Heard != nil && r.Heard.Comment() == id {
		return
	}
	r.Last, r.Heard = r.Heard, &Stamp{By: f.By.Login, At: f.At, ID: fmt.Sprintf("c%d", id)}
}
