package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// refusedCard is a card that GitHub refused, kept outside GitHub until it takes it. Without it the
// next look would start from the card before, page again and answer again. On the shelf it is
// signed as it is on GitHub.
type refusedCard struct {
	Seq   int
	State incident.State
	ref   incident.Ref // the name under which it is kept
	issue int64        // its id at GitHub; 0: not known
}

// isOf reports whether the card is of an issue, and not of another one that has its name by now.
func (u refusedCard) isOf(issue *Snapshot) bool { return u.issue == 0 || u.issue == issue.ID }

func refusedCardKey(ref incident.Ref) string {
	return fmt.Sprintf("unwritten/%s/%d", ref.FullName(), ref.Number)
}

// saveRefusedCard keeps the state while GitHub refuses the card. The process itself keeps it only
// where the shelf can't: another process may take it from the shelf and write the card, and what
// this one remembers would be old.
func (r *reconciliation) saveRefusedCard(view card.View) {
	if r.Store != nil {
		body, err := card.Render(r.State, r.cardSeq, view, r.keys[0])
		if err == nil {
			err = r.Store.Save(r.Ctx, refusedCardKey(r.Ref), []byte(body))
		}
		if err == nil {
			r.mu.Lock()
			delete(r.Engine.refusedCards, r.Ref)
			r.mu.Unlock()
			return
		}
		r.Logger.Error("refused card not kept", "incident", r.Ref.String(), "err", ports.Redact(err))
	}
	r.mu.Lock()
	r.Engine.refusedCards[r.Ref] = refusedCard{Seq: r.cardSeq, State: r.State, ref: r.Ref, issue: view.ID}
	r.mu.Unlock()
}

// deleteRefusedCard forgets what was kept, once the card is written.
func (r *reconciliation) deleteRefusedCard() {
	r.mu.Lock()
	delete(r.Engine.refusedCards, r.Ref)
	r.mu.Unlock()
	if r.Store == nil {
		return
	}
	if err := r.Store.Save(r.Ctx, refusedCardKey(r.Ref), []byte{}); err != nil {
		r.Logger.Warn("refused card not forgotten", "incident", r.Ref.String(), "err", ports.Redact(err))
	}
}

// loadRefusedCard returns the newest card of an incident that GitHub refused, if there is one,
// under whichever of its names it is kept. Another process may have kept it. One that the App did
// not sign is not believed.
func (e *Engine) loadRefusedCard(ctx context.Context, names ...incident.Ref) (u refusedCard, ok bool) {
	for _, ref := range names {
		if one, found := e.loadRefusedCardOf(ctx, ref); found && (!ok || one.Seq > u.Seq) {
			u, ok = one, true
		}
	}
	return u, ok
}

func (e *Engine) loadRefusedCardOf(ctx context.Context, ref incident.Ref) (u refusedCard, ok bool) {
	e.mu.Lock()
	u, ok = e.refusedCards[ref]
	e.mu.Unlock()
	if e.Store == nil {
		return u, ok
	}
	body, err := e.Store.Load(ctx, refusedCardKey(ref))
	if err == nil && len(body) > 0 {
		var kept card.Card
		if kept, err = card.OpenIn(string(body), card.Issue{Ref: ref}, e.keys); err == nil &&
			(!ok || kept.Seq >= u.Seq) {
			return refusedCard{Seq: kept.Seq, State: kept.State, ref: ref, issue: kept.Written.ID}, true
		}
	}
	if err != nil {
		e.Logger.Error("refused card not readable", "incident", ref.String(), "err", ports.Redact(err))
	}
	return u, ok
}

// loadFormerRefusedCard returns the card that is kept under the name under which the incident was
// declared. A look under another name, to which nobody passed a message on, doesn't know it until the
// issue is read.
func (r *reconciliation) loadFormerRefusedCard(issue *Snapshot) (u refusedCard, ok bool) {
	name, _ := r.savedDeclaredName(r.Ctx, issue.ID)
	was, err := incident.ParseRef(name)
	if err != nil || isSame(was, r.Ref) {
		return u, false
	}
	u, ok = r.loadRefusedCard(r.Ctx, was)
	return u, ok && u.isOf(issue)
}

// adoptRefusedCard returns a card that was kept, under whatever name, as adoptCard returns one that
// was read.
func (r *reconciliation) adoptRefusedCard(issue *Snapshot, u refusedCard) card.Card {
	return r.adoptCard(issue, card.Card{State: u.State, Seq: u.Seq,
		Written: card.Issue{Ref: u.ref, ID: u.issue}})
}

// containsFold reports whether text contains part, in whatever case.
func containsFold(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}
