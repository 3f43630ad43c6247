package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// What people pin, edit and delete in the incident's channel in Slack (S2). A pin is /ic pin. What becomes of a
// message that is a command is what becomes of a comment on GitHub: an edit runs only what it adds, and
// words that are taken away are taken off the card.

// keptSaid is what is kept of a message in Slack for some weeks, as Slack may send things twice and out of order.
type keptSaid struct {
	Login  string `json:"login,omitempty"`  // of a pin: who pinned it first
	Reply  string `json:"reply,omitempty"`  // of a button outside the incident's channel: where its person is answered
	Edited string `json:"edited,omitempty"` // when it was edited last, by Slack's clock
}

func saidStoreKey(s incident.ChatSaid) string { return "chatsaid/" + s.Channel + "/" + s.ID }

func (r *reconciliation) loadSaid(s incident.ChatSaid) (kept keptSaid) {
	if s.Thread() == "" {
		return kept // a slash command: it can't be edited
	}
	if text := r.loadKept(r.Ctx, saidStoreKey(s)); len(text) > 0 {
		if err := json.Unmarshal(text, &kept); err != nil {
			r.Logger.Warn("what is kept of a message in Slack is damaged", "incident", r.Ref.String(), "err", err)
		}
	}
	return kept
}

func (r *reconciliation) saveSaid(s incident.ChatSaid, kept keptSaid) {
	if text, err := json.Marshal(kept); err == nil { // a struct of texts always marshals
		r.saveKept(saidStoreKey(s), text)
	}
}

// findSaid finds the newest comment of a message in Slack that fits. It reads the timeline, which few looks need:
// people seldom edit commands.
func (r *reconciliation) findSaid(s incident.ChatSaid, fits func(Item) bool) (it Item, login string,
	old incident.ChatSaid, err error) {
	all, err := r.timeline()
	if err != nil {
		return it, "", old, err
	}
	for _, it := range slices.Backward(all) {
		if !it.Own || !incident.MayBeSaid(it.Body) || !fits(it) {
			continue
		}
		for _, key := range r.KeysIn(it) {
			login, old, ok := incident.ParseChatSaid(key)
			if ok && old.Channel == s.Channel && old.ID == s.ID {
				return it, login, old, nil
			}
		}
	}
	return it, "", old, nil
}

// isSaidPinned reports whether a message in Slack is pinned on the issue.
func (r *reconciliation) isSaidPinned(s incident.ChatSaid) (bool, error) {
	it, _, _, err := r.findSaid(s, func(it Item) bool { return slices.Contains(r.State.Pinned, it.Comment) })
	return it.Comment != 0, err
}

// editSaid has the comment of a message follow what its author made of it in Slack. isNew reports that there is no
// such comment, and the message may be a command by now.
func (r *reconciliation) editSaid(said incident.ChatSaid, kept keptSaid) (isNew bool, err error) {
	if kept.Edited >= said.Edited { // Slack's clock has as many digits each time
		return false, nil
	}
	it, login, old, err := r.findSaid(said, func(Item) bool { return true })
	if err != nil {
		return false, err
	}
	if it.Comment == 0 {
		r.saveSaid(said, keptSaid{Edited: said.Edited})
		return !said.IsDeleted, nil
	}
	if by, ok := r.loginOf(said.User); !ok || !naming.Equal(by, login) {
		return false, nil
	}
	now := old
	now.User, now.Text = said.User, ""
	if !said.IsDeleted {
		text, unknown := r.saidText(said.Text)
		if unknown != "" || len(text) > incident.MaxSaid {
			text = ""
		}
		now.Text = text
	}
	text, err := r.Render(r.sayOf(now, login))
	if err != nil {
		return false, err
	}
	err = r.GitHub.EditComment(r.Ctx, r.Ref, it.Comment, r.SignComment(text, look.MarksFor(now.Key(login))...))
	if ports.IsRefused(err) { // somebody deleted it, perhaps
		r.Logger.Warn("comment does not follow an edit in Slack", "incident", r.Ref.String(), "err", ports.Redact(err))
	} else if err != nil {
		return false, fmt.Errorf("follow an edit in Slack on %s: %w", r.Ref, err)
	}
	c := &incident.Comment{ID: it.Comment, Author: login, Editor: login, Before: old.Text, Body: now.Text, Created: it.At,
		Updated: r.Now, Deleted: said.IsDeleted, Said: &now}
	m := Message{Ref: r.Ref, Why: "slack", What: c,
		Delivery: fmt.Sprintf("slack edit %s %s %s", said.Channel, said.ID, said.Edited)}
	if err := r.Queue.Enqueue(r.Ctx, m, time.Time{}); err != nil {
		return false, fmt.Errorf("follow an edit in Slack on %s: %w", r.Ref, err)
	}
	kept.Edited = said.Edited
	r.saveSaid(said, kept)
	return false, nil
}

// readChatPin reads what somebody pinned, and passes it on as /ic pin.
func (r *reconciliation) readChatPin() error {
	if r.Chat == nil {
		return nil
	}
	if err := r.loadPolicy(); err != nil {
		return err
	}
	pin := *r.m.ChatPin()
	service, _ := r.Policy.Service("slack")
	heard, err := r.Chat.Read(r.Ctx, ports.ChatMessage{Service: service, Channel: pin.Channel, ID: pin.TS, Now: r.Now})
	if r.Ctx.Err() != nil {
		return r.Ctx.Err()
	}
	var later *RetryAfter
	if errors.As(err, &later) {
		return err
	}
	if err != nil {
		at, again := r.sendAgain(r.m, chatAnswers)
		r.Logger.Warn("what was pinned in Slack can't be read", "incident", r.Ref.String(), "again", at, "err",
			ports.Redact(err))
		return again
	}
	if heard.IsApp || heard.IsGone { // such as the card, which the app pins itself
		return nil
	}
	r.knowMembers(heard.User)
	author, _ := r.loginOf(heard.User)
	said := &incident.ChatSaid{User: pin.User, Channel: pin.Channel, ID: incident.PinID(pin.TS), Text: heard.Text,
		At: pin.At, Parent: heard.Thread, IsPin: true, Author: author}
	m := Message{Ref: r.Ref, Why: "slack", What: said, Delivery: "slack read " + said.Name()}
	if err := r.Queue.Enqueue(r.Ctx, m, time.Time{}); err != nil {
		return fmt.Errorf("pass on what was pinned in Slack for %s: %w", r.Ref, err)
	}
	return nil
}
