package engine

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// dropContested drops from what is to be put right what an automaton changes back each time
// (incident.Contest).
func (r *reconciliation) dropContested(add, remove, assign, dismiss []string) ([]string, []string, []string,
	[]string) {
	label := func(name string) bool { return r.State.Contested.LeavesLabel(name, r.Now) }
	assignee := func(login string) bool { return r.State.Contested.Left(incident.ContestAssignee(login)) }
	return slices.DeleteFunc(add, label), slices.DeleteFunc(remove, label),
		slices.DeleteFunc(assign, assignee), slices.DeleteFunc(dismiss, assignee)
}

// noteChangedBack notes that somebody changed back what the app wrote, of which the timeline says
// nothing.
func (r *reconciliation) noteChangedBack(what string) {
	by := incident.Person{}
	if f := r.m.Floor; f != nil {
		by.Login, by.Bot = f.By, naming.IsBot(f.By)
	}
	r.Step(incident.Fact{At: r.Now, By: by, What: incident.ChangedBack{What: what}})
}

// loadCardContest brings back how often the card was changed back: whoever takes the card takes
// what it says of that too.
func (r *reconciliation) loadCardContest() {
	if r.Store == nil || !r.isCardHarmed() {
		return
	}
	text, err := r.Store.Load(r.Ctx, contestKey(r.Ref))
	if err != nil {
		r.Logger.Warn("contest of the card not readable", "incident", r.Ref.String(), "err",
			ports.Redact(err))
		return
	}
	var kept incident.Contests
	if len(text) > 0 && json.Unmarshal(text, &kept) == nil {
		others := slices.DeleteFunc(slices.Clone(r.State.Contested), isCardContest)
		r.State.Contested = append(others, slices.DeleteFunc(kept,
			func(c incident.Contest) bool { return !isCardContest(c) })...)
	}
}

// saveCardContest keeps that outside of the card.
func (r *reconciliation) saveCardContest() {
	ofCard := slices.DeleteFunc(slices.Clone(r.State.Contested),
		func(c incident.Contest) bool { return !isCardContest(c) })
	before := slices.DeleteFunc(slices.Clone(r.Before.Contested),
		func(c incident.Contest) bool { return !isCardContest(c) })
	if r.Store == nil || slices.Equal(ofCard, before) && !r.isCardHarmed() {
		return
	}
	text, err := json.Marshal(ofCard)
	if err == nil {
		err = r.Store.Save(r.Ctx, contestKey(r.Ref), text)
	}
	if err != nil {
		r.Logger.Warn("contest of the card not kept", "incident", r.Ref.String(), "err", ports.Redact(err))
	}
}

func isCardContest(c incident.Contest) bool { return c.What == incident.ContestCard }

func contestKey(ref incident.Ref) string {
	return fmt.Sprintf("contest/%s/%d", ref.FullName(), ref.Number)
}

// isCardHarmed reports whether the card is to be written for no other reason than that somebody
// changed or deleted it.
func (r *reconciliation) isCardHarmed() bool {
	if r.Snapshot.Card == nil {
		return r.IsCardLost || r.isCardChanged || r.isCardRestored
	}
	f := r.m.Floor
	isTouched := r.m.IsCardEdited() && (f == nil || f.Touched == 0 || f.Touched == r.Snapshot.Card.ID)
	return r.isCardChanged || r.isCardForged || isTouched
}

// noteContests notes what somebody did to the card.
func (r *reconciliation) noteContests() {
	isNew := r.m.IsCardEdited() || r.deletedComment() != 0 // and no look at what is left as it is
	if r.isCardHarmed() && (isNew || !r.State.Contested.Left(incident.ContestCard)) {
		r.noteChangedBack(incident.ContestCard)
	}
	if f := r.m.Floor; r.m.Why == "issue_comment.unpinned" && f != nil && r.Snapshot.Card != nil &&
		!r.Snapshot.Card.Pinned && f.Touched == r.Snapshot.Card.ID {
		r.noteChangedBack(incident.ContestPin)
	}
}

// leavesCard reports whether the card stays as somebody made it.
func (r *reconciliation) leavesCard() bool {
	return r.isCardHarmed() && r.State.Contested.LeavesCard(r.Now)
}
