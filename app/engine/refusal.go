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
func (p *pass) attempt(effect string, do func() error) error {
	if p.state.IsHeldBack(effect) {
		return nil
	}
	err := do()
	if err == nil {
		if p.state.IsRefused(effect) {
			p.result(incident.TakenByGitHub{Effect: effect})
		}
		return nil
	}
	return p.noteRefusal(effect, err)
}

// noteRefusal makes a fact of a refusal and returns any other error.
func (p *pass) noteRefusal(effect string, err error) error {
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	p.Logger.Warn("effect refused by GitHub", "incident", p.m.Ref.String(), "effect", effect, "status", refusal.Status, "err", brief(err))
	p.result(incident.RefusedByGitHub{Effect: effect, Reason: fmt.Sprintf("%s (%d)", refusal.Reason, refusal.Status), By: p.asker})
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

// comment posts a comment with its markers. One that GitHub refuses is kept in the state, if it has markers: the card shows its
// text until GitHub takes it.
func (p *pass) comment(keys []string, text string, post func() error) error {
	refused := func() {
		if len(keys) > 0 {
			p.result(incident.NotSaid{Keys: keys, Text: text})
		}
	}
	if p.state.IsHeldBack("comments") {
		refused()
		return nil
	}
	err := post()
	if err == nil {
		if p.state.IsRefused("comments") {
			p.result(incident.TakenByGitHub{Effect: "comments"})
		}
		return nil
	}
	if p.putOff(keys, text, err) {
		return nil
	}
	if !isRefused(err) {
		return err
	}
	refused()
	return p.noteRefusal("comments", err)
}

// speakAfterAll posts the comments that GitHub refused before, or put off.
func (p *pass) speakAfterAll() error {
	for _, u := range p.state.Unsaid {
		if p.state.IsHeldBack("comments") {
			return nil
		}
		if p.done[u.Keys[0]] == kept { // by this look
			continue
		}
		if !p.said(u.Keys[0]) {
			if err := p.comment(u.Keys, u.Text, func() error { _, err := p.post(u.Text, u.Keys...); return err }); err != nil {
				return err
			}
		}
		if p.said(u.Keys[0]) {
			p.waited(UrgencyAnswer, u.Since)
			p.result(incident.SaidAfterAll{Key: u.Keys[0]})
		} else {
			p.done[u.Keys[0]] = kept
		}
	}
	return nil
}

// giveReaction reacts to a comment. Where GitHub refuses that, the answer is given in words.
func (p *pass) giveReaction(id int64, fact string, how incident.Reaction) error {
	if p.state.IsHeldBack("reactions") {
		return p.answerInWords(fact, how)
	}
	if !p.reactLater.IsZero() {
		p.result(incident.NotReacted{Fact: fact, How: how, Since: p.writtenAt(fact)})
		return nil
	}
	if p.wasGiven(id, how) {
		p.result(incident.ReactedAfterAll{Comment: id})
		return nil
	}
	err := p.GitHub.React(p.ctx, p.m.Ref, id, reactions[how])
	if err == nil {
		p.noteGiven(id, how)
		p.waited(UrgencyAnswer, p.writtenAt(fact))
		if p.state.IsRefused("reactions") {
			p.result(incident.TakenByGitHub{Effect: "reactions"})
		}
		p.result(incident.ReactedAfterAll{Comment: id})
		return nil
	}
	if until, ok := isPutOff(err); ok { // the card that takes up the command is not to wait for it
		p.reactLater = until
		p.comeBack(until, UrgencyAnswer)
		p.result(incident.NotReacted{Fact: fact, How: how, Since: p.writtenAt(fact)})
		return nil
	}
	if !isRefused(err) {
		return fmt.Errorf("react to comment %d: %w", id, err)
	}
	if err := p.noteRefusal("reactions", err); err != nil {
		return err
	}
	return p.answerInWords(fact, how)
}

// writtenAt returns when the comment of a fact was written: of this look, or one whose reaction was put off.
func (p *pass) writtenAt(fact string) time.Time {
	for _, u := range p.before.Unreacted {
		if u.Fact == fact && !u.Since.IsZero() {
			return u.Since
		}
	}
	return p.when(fact)
}

// answerInWords stands in for a reaction. What was refused or not understood has words of its own.
func (p *pass) answerInWords(fact string, how incident.Reaction) error {
	p.result(incident.NotReacted{Fact: fact, How: how})
	key := fmt.Sprintf("reaction/%d", incident.CommentOf(fact))
	wasAnswered := slices.ContainsFunc(p.before.Unreacted, func(u incident.Unreacted) bool {
		return u.Since.IsZero() && incident.CommentOf(u.Fact) == incident.CommentOf(fact)
	})
	if how != incident.Done || wasAnswered || p.said(key) {
		return nil
	}
	return p.sayOnce(key, incident.Say{Name: "done", Who: p.author(fact)})
}

// author returns who wrote the comment of a fact of this look, or "".
func (p *pass) author(fact string) string {
	for _, it := range p.snap.Items {
		if it.Comment != 0 && it.Comment == incident.CommentOf(fact) {
			return it.By
		}
	}
	return ""
}

// unwritten is a card that GitHub refused, kept outside GitHub until it takes it. Without it the next look would start from
// the card before, page again and answer again. On the shelf it is signed as it is on GitHub.
type unwritten struct {
	Seq   int
	State incident.State
	issue int64 // its id at GitHub; 0: not known
}

// isOf reports whether the card is of an issue, and not of another one that has its name by now.
func (u unwritten) isOf(issue *Snapshot) bool { return u.issue == 0 || u.issue == issue.ID }

func unwrittenName(ref incident.Ref) string {
	return fmt.Sprintf("unwritten/%s/%d", ref.FullName(), ref.Number)
}

// keepUnwritten keeps the state while GitHub refuses the card. The process itself keeps it only where the shelf can't: another
// process may take it from the shelf and write the card, and what this one remembers would be old.
func (p *pass) keepUnwritten(view card.View) {
	if p.Shelf != nil {
		body, err := card.Render(p.state, p.seq, view, p.keys[0])
		if err == nil {
			err = p.Shelf.Keep(p.ctx, unwrittenName(p.m.Ref), []byte(body))
		}
		if err == nil {
			p.mu.Lock()
			delete(p.Engine.unwritten, p.m.Ref)
			p.mu.Unlock()
			return
		}
		p.Logger.Error("refused card not kept", "incident", p.m.Ref.String(), "err", brief(err))
	}
	p.mu.Lock()
	p.Engine.unwritten[p.m.Ref] = unwritten{Seq: p.seq, State: p.state, issue: view.ID}
	p.mu.Unlock()
}

// dropUnwritten forgets what was kept, once the card is written.
func (p *pass) dropUnwritten() {
	p.mu.Lock()
	delete(p.Engine.unwritten, p.m.Ref)
	p.mu.Unlock()
	if p.Shelf == nil {
		return
	}
	if err := p.Shelf.Keep(p.ctx, unwrittenName(p.m.Ref), []byte{}); err != nil {
		p.Logger.Warn("refused card not forgotten", "incident", p.m.Ref.String(), "err", brief(err))
	}
}

// findUnwritten returns the newest card of an incident that GitHub refused, if there is one, under whichever of its names it is
// kept. Another process may have kept it. One that the App did not sign is not believed.
func (e *Engine) findUnwritten(ctx context.Context, names ...incident.Ref) (u unwritten, ok bool) {
	for _, ref := range names {
		if one, found := e.unwrittenUnder(ctx, ref); found && (!ok || one.Seq > u.Seq) {
			u, ok = one, true
		}
	}
	return u, ok
}

func (e *Engine) unwrittenUnder(ctx context.Context, ref incident.Ref) (u unwritten, ok bool) {
	e.mu.Lock()
	u, ok = e.unwritten[ref]
	e.mu.Unlock()
	if e.Shelf == nil {
		return u, ok
	}
	body, err := e.Shelf.Kept(ctx, unwrittenName(ref))
	if err == nil && len(body) > 0 {
		var kept card.Card
		if kept, err = card.OpenIn(string(body), card.Issue{Ref: ref}, e.keys); err == nil && (!ok || kept.Seq >= u.Seq) {
			return unwritten{Seq: kept.Seq, State: kept.State, issue: kept.Written.ID}, true
		}
	}
	if err != nil {
		e.Logger.Error("refused card not readable", "incident", ref.String(), "err", brief(err))
	}
	return u, ok
}

// containsFold reports whether text contains part, in whatever case.
func containsFold(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}
