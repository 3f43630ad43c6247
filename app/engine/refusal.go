package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// attempt does one effect. A refusal by GitHub becomes a fact, which a person is told (A8); while it is refused the effect is
// tried only when the state says so. Any other error is returned: it ends the look, and the message comes back.
func (r *reconciliation) attempt(effect string, do func() error) error {
	if r.State.IsHeldBack(effect) {
		return nil
	}
	err := do()
	if err == nil {
		if r.State.IsRefused(effect) {
			r.Report(incident.TakenByGitHub{Effect: effect})
		}
		return nil
	}
	return r.noteRefusal(effect, err)
}

// noteRefusal makes a fact of a refusal and returns any other error.
func (r *reconciliation) noteRefusal(effect string, err error) error {
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	r.Logger.Warn("effect refused by GitHub", "incident", r.m.Ref.String(), "effect", effect, "status", refusal.Status, "err", redact(err))
	r.Report(incident.RefusedByGitHub{Effect: effect, Reason: fmt.Sprintf("%s (%d)", refusal.Reason, refusal.Status), By: r.Asker})
	return nil
}

// isRefused reports whether GitHub refused a request for good.
func isRefused(err error) bool {
	var refusal *Refusal
	return errors.As(err, &refusal)
}

// isNotInstalled reports whether GitHub says that the App has no access there: that is no answer about a person or a thing, and may
// pass.
func isNotInstalled(err error) bool {
	var refusal *Refusal
	return errors.As(err, &refusal) && refusal.NotInstalled
}

// postOrKeep posts a comment with its markers. One that GitHub refuses is kept in the state, if it has markers: the card shows its
// text until GitHub takes it.
func (r *reconciliation) postOrKeep(keys []string, text string, post func() error) error {
	refused := func() {
		if len(keys) > 0 {
			r.Report(incident.NotSaid{Keys: keys, Text: text})
		}
	}
	if r.State.IsHeldBack("comments") {
		refused()
		return nil
	}
	err := post()
	if err == nil {
		if r.State.IsRefused("comments") {
			r.Report(incident.TakenByGitHub{Effect: "comments"})
		}
		return nil
	}
	if r.putOff(keys, text, err) {
		return nil
	}
	if !isRefused(err) {
		return err
	}
	refused()
	return r.noteRefusal("comments", err)
}

// postKept posts the comments that GitHub refused before, or put off.
func (r *reconciliation) postKept() error {
	for _, u := range r.State.Unsaid {
		if r.State.IsHeldBack("comments") {
			return nil
		}
		if r.Posted[u.Keys[0]] == notPosted { // by this look
			continue
		}
		if !r.isPosted(u.Keys[0]) {
			if err := r.postOrKeep(u.Keys, u.Text, func() error { _, err := r.postComment(u.Text, u.Keys...); return err }); err != nil {
				return err
			}
		}
		if r.isPosted(u.Keys[0]) {
			r.recordWait(UrgencyAnswer, u.Since)
			r.Report(incident.SaidAfterAll{Key: u.Keys[0]})
		} else {
			r.Posted[u.Keys[0]] = notPosted
		}
	}
	return nil
}

// addReaction reacts to a comment. Where GitHub refuses that, the answer is given in words.
func (r *reconciliation) addReaction(id int64, fact string, how incident.Reaction) error {
	if r.State.IsHeldBack("reactions") {
		return r.replyInWords(fact, how)
	}
	if !r.reactionsHeldUntil.IsZero() {
		r.Report(incident.NotReacted{Fact: fact, How: how, Since: r.commentTime(fact)})
		return nil
	}
	if r.wasReactionGiven(id, how) {
		r.Report(incident.ReactedAfterAll{Comment: id})
		return nil
	}
	err := r.GitHub.AddReaction(r.Ctx, r.m.Ref, id, reactionNames[how])
	if err == nil {
		r.rememberReaction(id, how)
		r.recordWait(UrgencyAnswer, r.commentTime(fact))
		if r.State.IsRefused("reactions") {
			r.Report(incident.TakenByGitHub{Effect: "reactions"})
		}
		r.Report(incident.ReactedAfterAll{Comment: id})
		return nil
	}
	if until, ok := isPutOff(err); ok { // the card that takes up the command is not to wait for it
		r.reactionsHeldUntil = until
		r.deferUntil(until, UrgencyAnswer)
		r.Report(incident.NotReacted{Fact: fact, How: how, Since: r.commentTime(fact)})
		return nil
	}
	if !isRefused(err) {
		return fmt.Errorf("react to comment %d: %w", id, err)
	}
	if err := r.noteRefusal("reactions", err); err != nil {
		return err
	}
	return r.replyInWords(fact, how)
}

// commentTime returns when the comment of a fact was written: of this look, or one whose reaction was put off.
func (r *reconciliation) commentTime(fact string) time.Time {
	for _, u := range r.Before.Unreacted {
		if u.Fact == fact && !u.Since.IsZero() {
			return u.Since
		}
	}
	return r.timeOf(fact)
}

// replyInWords stands in for a reaction. What was refused or not understood has words of its own.
func (r *reconciliation) replyInWords(fact string, how incident.Reaction) error {
	r.Report(incident.NotReacted{Fact: fact, How: how})
	key := fmt.Sprintf("reaction/%d", incident.CommentOf(fact))
	wasAnswered := slices.ContainsFunc(r.Before.Unreacted, func(u incident.Unreacted) bool {
		return u.Since.IsZero() && incident.CommentOf(u.Fact) == incident.CommentOf(fact)
	})
	if how != incident.Done || wasAnswered || r.isPosted(key) {
		return nil
	}
	return r.postSayOnce(key, incident.Say{Name: "done", Who: r.authorOf(fact)})
}

// authorOf returns who wrote the comment of a fact of this look, or "".
func (r *reconciliation) authorOf(fact string) string {
	for _, it := range r.Snapshot.Items {
		if it.Comment != 0 && it.Comment == incident.CommentOf(fact) {
			return it.By
		}
	}
	return ""
}

// refusedCard is a card that GitHub refused, kept outside GitHub until it takes it. Without it the next look would start from
// the card before, page again and answer again. On the shelf it is signed as it is on GitHub.
type refusedCard struct {
	Seq   int
	State incident.State
	issue int64 // its id at GitHub; 0: not known
}

// isOf reports whether the card is of an issue, and not of another one that has its name by now.
func (u refusedCard) isOf(issue *Snapshot) bool { return u.issue == 0 || u.issue == issue.ID }

func refusedCardKey(ref incident.Ref) string {
	return fmt.Sprintf("unwritten/%s/%d", ref.FullName(), ref.Number)
}

// saveRefusedCard keeps the state while GitHub refuses the card. The process itself keeps it only where the shelf can't: another
// process may take it from the shelf and write the card, and what this one remembers would be old.
func (r *reconciliation) saveRefusedCard(view card.View) {
	if r.Store != nil {
		body, err := card.Render(r.State, r.cardSeq, view, r.keys[0])
		if err == nil {
			err = r.Store.Save(r.Ctx, refusedCardKey(r.m.Ref), []byte(body))
		}
		if err == nil {
			r.mu.Lock()
			delete(r.Engine.refusedCards, r.m.Ref)
			r.mu.Unlock()
			return
		}
		r.Logger.Error("refused card not kept", "incident", r.m.Ref.String(), "err", redact(err))
	}
	r.mu.Lock()
	r.Engine.refusedCards[r.m.Ref] = refusedCard{Seq: r.cardSeq, State: r.State, issue: view.ID}
	r.mu.Unlock()
}

// deleteRefusedCard forgets what was kept, once the card is written.
func (r *reconciliation) deleteRefusedCard() {
	r.mu.Lock()
	delete(r.Engine.refusedCards, r.m.Ref)
	r.mu.Unlock()
	if r.Store == nil {
		return
	}
	if err := r.Store.Save(r.Ctx, refusedCardKey(r.m.Ref), []byte{}); err != nil {
		r.Logger.Warn("refused card not forgotten", "incident", r.m.Ref.String(), "err", redact(err))
	}
}

// loadRefusedCard returns the newest card of an incident that GitHub refused, if there is one, under whichever of its names it is
// kept. Another process may have kept it. One that the App did not sign is not believed.
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
		if kept, err = card.OpenIn(string(body), card.Issue{Ref: ref}, e.keys); err == nil && (!ok || kept.Seq >= u.Seq) {
			return refusedCard{Seq: kept.Seq, State: kept.State, issue: kept.Written.ID}, true
		}
	}
	if err != nil {
		e.Logger.Error("refused card not readable", "incident", ref.String(), "err", redact(err))
	}
	return u, ok
}

// containsFold reports whether text contains part, in whatever case.
func containsFold(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}
