package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// Channels in Slack that customers share with the company are where they read updates (S4), as set under `customers`.
// What they write there comes back as what they write in a shared issue on GitHub does (V6). Nothing else is written
// there: a command in such a channel does nothing, and has no answer.

const (
	mostTold  = 50 // updates that are kept of a channel
	mostMeant = 5  // incidents that are asked whether what somebody writes there is for them
)

// toldIn is an update in a customer's channel.
type toldIn struct {
	Ref      string    `json:"ref"`
	Customer string    `json:"customer"`
	ID       string    `json:"id"` // of the message
	At       time.Time `json:"at"`
}

func toldKey(channel string) string { return "told/" + channel }

// noteTold notes where a customer read an update.
func (r *reconciliation) noteTold(customer, channel, id string) {
	if r.Store == nil || channel == "" || id == "" {
		return
	}
	r.toldMu.Lock() // other incidents tell the same customer
	defer r.toldMu.Unlock()
	all := loadJSON[[]toldIn](r, toldKey(channel))
	if slices.ContainsFunc(all, func(t toldIn) bool { return t.ID == id }) {
		return
	}
	all = append(all, toldIn{Ref: r.Ref.String(), Customer: customer, ID: id, At: r.Now})
	r.saveJSON(toldKey(channel), all[max(0, len(all)-mostTold):])
}

// takeCustomersWords stores what somebody wrote in a customer's channel, and reports whether it is one. In the
// thread of an update it is for that incident, and else for each that told the customer something there of late:
// which of them run is known once they are looked at.
func (e *Engine) takeCustomersWords(ctx context.Context, w incident.ChatWords) (isTaken bool, err error) {
	text, err := e.Store.Load(ctx, toldKey(w.Channel))
	if err != nil {
		return false, fmt.Errorf("find the customer of a Slack channel: %w", err)
	}
	var all []toldIn
	if len(text) == 0 || json.Unmarshal(text, &all) != nil {
		return false, nil
	}
	comment, err := strconv.ParseInt(strings.ReplaceAll(w.TS, ".", ""), 10, 64)
	if err != nil || w.Edited != "" { // what they change or delete later changes nothing, as on GitHub
		return true, nil //nolint:nilerr // no ts of Slack's
	}
	isThread := func(t toldIn) bool { return w.Parent != "" && t.ID == w.Parent }
	isReply := slices.ContainsFunc(all, isThread)
	var asked []string
	for _, t := range slices.Backward(all) {
		ref, err := incident.ParseRef(t.Ref)
		isMeant := isThread(t) || !isReply && len(asked) < mostMeant
		if err != nil || !isMeant || slices.Contains(asked, t.Ref) {
			continue
		}
		asked = append(asked, t.Ref)
		answer := &incident.CustomerAnswer{Customer: t.Customer, Comment: comment, Body: w.Text, At: chatTime(w.TS),
			Member: w.User, IsReply: isReply, IsRouted: true}
		m := Message{Ref: ref, Why: "customer answer", What: answer,
			Delivery: "answer " + w.Channel + " " + w.TS + " " + t.Ref}
		if err := e.Queue.Enqueue(ctx, m, time.Time{}); err != nil {
			return false, fmt.Errorf("store what a customer wrote in Slack for %s: %w", ref, err)
		}
	}
	return true, nil
}

// chatAnswerFacts returns the fact that somebody wrote in a customer's channel in Slack.
func (r *reconciliation) chatAnswerFacts(answer incident.CustomerAnswer) []incident.Fact {
	if !r.State.Running() && !answer.IsReply {
		return nil // the channel is for other things, too
	}
	plain, _ := r.saidText(answer.Body)
	text := texts.TruncateBytes(strings.TrimSpace(texts.Clean(plain)), maxAnswer)
	if text == "" {
		return nil
	}
	by, ok := r.loginOf(answer.Member)
	if !ok {
		by = incident.SlackMember + answer.Member
	}
	return []incident.Fact{{ID: incident.AnswerID(answer.Comment), At: answer.At, By: incident.Person{Login: by},
		What: incident.CustomerAnswered{Customer: answer.Customer, Comment: answer.Comment, Text: text}}}
}
