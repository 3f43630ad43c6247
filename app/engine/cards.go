package engine

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// foundCard is a comment that has a card in it.
type foundCard struct {
	id   int64
	seq  int
	body string
}

// mergeCards merges several cards into one. Two processes post one each when neither's read shows
// the other's. The oldest comment stays, with the text of the card that was written most often; the
// others are deleted, without a word. It returns a *RetryAfter then, for a look at the one that is
// left.
func (r *reconciliation) mergeCards() error {
	all := r.findCards()
	if len(all) < 2 {
		return nil
	}
	oldest, best := all[0], all[0]
	var ids []int64
	for _, c := range all {
		ids = append(ids, c.id)
		if c.id < oldest.id {
			oldest = c
		}
		if c.seq > best.seq || c.seq == best.seq && c.id < best.id {
			best = c
		}
	}
	r.Logger.Warn("several cards: keeping one", "incident", r.Ref.String(), "cards", ids, "kept", oldest.id,
		"seq", best.seq)

	if best.id != oldest.id {
		if err := r.GitHub.EditComment(r.Ctx, r.Ref, oldest.id, best.body); err != nil {
			return fmt.Errorf("merge the cards: %w", err)
		}
	}
	if r.Snapshot.Card == nil || r.Snapshot.Card.ID != oldest.id || !r.Snapshot.Card.Pinned {
		if err := r.GitHub.PinComment(r.Ctx, r.Ref, oldest.id); err != nil && !ports.IsRefused(err) {
			return fmt.Errorf("pin the card: %w", err)
		}
	}
	for _, c := range all {
		if c.id == oldest.id {
			continue
		}
		if err := r.GitHub.DeleteComment(r.Ctx, r.Ref, c.id); err != nil && !ports.IsRefused(err) {
			return fmt.Errorf("delete a second card: %w", err)
		}
	}
	r.updateOwnMemory(func(m *memory) { *m = memory{opened: m.opened, said: m.said} })
	return &RetryAfter{Until: r.Now.Add(time.Second), Err: errors.New("several cards were merged into one")}
}

// findCards returns the cards among the comments that this look read.
func (r *reconciliation) findCards() (all []foundCard) {
	take := func(id int64, body string) {
		_, seq, err := card.Open(body, r.Ref, r.keys)
		if err != nil || slices.ContainsFunc(all, func(c foundCard) bool { return c.id == id }) {
			return
		}
		all = append(all, foundCard{id, seq, body})
	}
	if r.Snapshot.Card != nil {
		take(r.Snapshot.Card.ID, r.Snapshot.Card.Body)
	}
	for _, it := range r.Snapshot.Items {
		if it.Own && it.Comment != 0 {
			take(it.Comment, it.Body)
		}
	}
	return all
}

// maxUnread limits how much of a timeline is read again and again before the card is written for
// that alone. The webhook asks for a look before so much is new, so a command costs the same
// whatever was said before it.
const maxUnread = 10

// writeCard writes the card, unless nothing changed but how far was read, and that is not far.
func (r *reconciliation) writeCard() error {
	r.State.Cursor.Items = max(r.State.Cursor.Items, r.Snapshot.First+len(r.Snapshot.Items))
	posted := r.Snapshot.Card != nil
	far := r.State.Cursor.Items-r.Before.Cursor.Items >= maxUnread
	isTicked := len(r.tickedLines) > 0 // the boxes are to be empty again
	if posted && !r.IsRebuilt && !r.isCardChanged && !isTicked && !r.hasNews && !far && !r.hasChanged() &&
		!r.State.IsRefused("card") {
		return r.pinCard(r.Snapshot.Card)
	}
	before := r.State
	if r.State.IsRefused("card") {
		r.Report(incident.TakenByGitHub{Effect: "card"})
	}
	if r.IsRebuilt {
		r.cardSeq = max(r.cardSeq, r.memoryOf(r.Ref).seq) // the newest is known by it
	}
	view := card.View{Ref: r.Ref, ID: r.Snapshot.ID, URL: r.Snapshot.URL, Title: r.Snapshot.Title,
		Policy: r.Policy, Now: r.Now}
	r.saveCardContest()
	if r.leavesCard() {
		r.cardSeq++
		r.saveRefusedCard(view)
		return nil
	}
	body, err := card.Render(r.State, r.cardSeq+1, view, r.keys[0])
	if err != nil {
		return fmt.Errorf("render the card: %w", err)
	}
	err = r.putCard(body)
	r.cardSeq++
	if ports.IsRefused(err) {
		r.State = before
		if err := r.RecordRefusal("card", err); err != nil {
			return err
		}
		r.saveRefusedCard(view)
	} else if err != nil {
		return err
	} else if r.State.OwesAnswers() { // only the card has what could not be said, and the card may be lost
		r.saveRefusedCard(view)
	} else if r.hasRefusedCard || before.IsRefused("card") || r.Before.OwesAnswers() ||
		r.savedState.OwesAnswers() {
		r.deleteRefusedCard()
	}
	if err == nil {
		r.RecordWait(UrgencyCard, r.newsSince)
		r.newsSince = time.Time{}
	}
	r.isCardWritten = true
	if r.Snapshot.Card == nil {
		return nil
	}
	return r.pinCard(r.Snapshot.Card)
}

// putCard edits the card, or posts one. If GitHub does not find the card to edit, that does not prove
// that it is gone: the next look posts another if it finds none.
func (r *reconciliation) putCard(body string) error {
	if r.Snapshot.Card != nil {
		if err := r.GitHub.EditComment(r.Ctx, r.Ref, r.Snapshot.Card.ID, body); err != nil {
			return fmt.Errorf("write the card: %w", err)
		}
		r.rememberCard(r.Snapshot.Card.ID, r.cardSeq+1, false)
		return nil
	}
	id, err := r.GitHub.PostComment(r.Ctx, r.Ref, body)
	if err != nil {
		return fmt.Errorf("post the card: %w", err)
	}
	r.Snapshot.Card = &Card{ID: id}
	r.rememberCard(id, r.cardSeq+1, true)
	return nil
}

// pinCard pins the card. If GitHub refuses, the card is found among the first comments.
func (r *reconciliation) pinCard(c *Card) error {
	if c.Pinned || r.State.Contested.Left(incident.ContestPin) {
		return nil
	}
	err := r.GitHub.PinComment(r.Ctx, r.Ref, c.ID)
	if err == nil || ports.IsRefused(err) {
		c.Pinned = true
		return nil
	}
	return fmt.Errorf("pin the card: %w", err)
}
