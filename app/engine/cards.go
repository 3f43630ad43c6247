package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
)

// mergeCards merges several cards into one. Two processes post one each when neither's read shows
// the other's. The oldest comment stays, with the text of the card that was written most often; the
// others are deleted, without a word. It returns a *RetryAfter then, for a look at the one that is
// left.
func (r *reconciliation) mergeCards() error {
	type found struct {
		id   int64
		seq  int
		body string
	}
	var oldest, best found
	var all []int64
	take := func(id int64, body string) {
		_, seq, err := card.Open(body, r.Ref, r.keys)
		if err != nil {
			return
		}
		for _, known := range all {
			if known == id {
				return
			}
		}
		all = append(all, id)
		c := found{id, seq, body}
		if oldest.id == 0 || id < oldest.id {
			oldest = c
		}
		if best.id == 0 || seq > best.seq || seq == best.seq && id < best.id {
			best = c
		}
	}
	if r.Snapshot.Card != nil {
		take(r.Snapshot.Card.ID, r.Snapshot.Card.Body)
	}
	for _, it := range r.Snapshot.Items {
		if it.Own && it.Comment != 0 {
			take(it.Comment, it.Body)
		}
	}
	if len(all) < 2 {
		return nil
	}
	r.Logger.Warn("several cards: keeping one", "incident", r.Ref.String(), "cards", all, "kept", oldest.id,
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
	for _, id := range all {
		if id == oldest.id {
			continue
		}
		if err := r.GitHub.DeleteComment(r.Ctx, r.Ref, id); err != nil && !ports.IsRefused(err) {
			return fmt.Errorf("delete a second card: %w", err)
		}
	}
	r.updateOwnMemory(func(m *memory) { *m = memory{opened: m.opened, said: m.said} })
	return &RetryAfter{Until: r.Now.Add(time.Second), Err: errors.New("several cards were merged into one")}
}
