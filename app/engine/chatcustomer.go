package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
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

// keptTold is what is kept of the updates in a customer's channel. Each is an entry of its own too, by its number:
// incidents at which several processes work tell the same customer at once, and neither may overwrite what the other
// one notes. What is gathered here may lag behind the entries, and is read together with those after Last.
type keptTold struct {
	Last int      `json:"last"` // the number up to which all entries are in All, or older than those
	All  []toldIn `json:"all"`  // the newest ones
}

func toldKey(channel string) string { return "told/" + channel }

func toldEntryKey(channel string, number int) string {
	return fmt.Sprintf("told/%s/%d", channel, number)
}

// mostUnread is how many entries come after one that has no content before that one is given up: the process that
// claimed its number has ended.
const mostUnread = 5

// addTold reads the entries after those that were gathered, and returns the first number that nobody has claimed.
func (e *Engine) addTold(ctx context.Context, channel string, told *keptTold) (next int, err error) {
	unread := 0
	for next = told.Last + 1; ; next++ {
		text, err := e.Store.Load(ctx, toldEntryKey(channel, next))
		if err != nil {
			return 0, fmt.Errorf("read what a customer was told in Slack: %w", err)
		}
		var one toldIn
		switch {
		case len(text) == 0 && unread == 0:
			told.Last = next - 1
			return next, nil
		case len(text) == 0:
			if told.Last = unread - 1; next-unread > mostUnread {
				told.Last = unread
			}
			return next, nil
		case json.Unmarshal(text, &one) == nil && one.ID != "":
			told.add(one)
		case unread == 0: // it is being written
			unread = next
		}
	}
}

// add adds an update, once.
func (k *keptTold) add(one toldIn) {
	if !k.has(one.ID) {
		k.All = append(k.All, one)
		k.All = k.All[max(0, len(k.All)-mostTold):]
	}
}

func (k *keptTold) has(id string) bool {
	return slices.ContainsFunc(k.All, func(t toldIn) bool { return t.ID == id })
}

// noteTold notes where a customer read an update, so that what they write there finds the incident. It is not what
// keeps an update from being said twice: that is the log of deliveries, of the incident alone, at which one process
// works at a time.
func (r *reconciliation) noteTold(customer, channel, id string) {
	if r.Store == nil || channel == "" || id == "" {
		return
	}
	one := toldIn{Ref: r.Ref.String(), Customer: customer, ID: id, At: r.Now}
	if err := r.keepTold(channel, one); err != nil {
		r.Logger.Warn("what a customer writes in Slack may not find the incident", "incident", r.Ref.String(), "err",
			ports.Redact(err))
	}
}

func (r *reconciliation) keepTold(channel string, one toldIn) error {
	told := loadJSON[keptTold](r, toldKey(channel))
	number, err := r.addTold(r.Ctx, channel, &told)
	if err != nil || told.has(one.ID) {
		return err
	}
	if claimer, ok := r.Store.(ports.Claimer); ok {
		for {
			isFirst, err := claimer.Claim(r.Ctx, toldEntryKey(channel, number))
			if err != nil {
				return err
			}
			if isFirst {
				break
			}
			number++
		}
	}
	r.saveJSON(toldEntryKey(channel, number), one)
	if told.add(one); told.Last == number-1 { // else others write what is between
		told.Last = number
	}
	r.saveJSON(toldKey(channel), told)
	return nil
}

// takeCustomersWords stores what somebody wrote in a customer's channel, and reports whether it is one. In the
// thread of an update it is for that incident, and else for each that told the customer something there of late:
// which of them run is known once they are looked at.
func (e *Engine) takeCustomersWords(ctx context.Context, w incident.ChatWords) (isTaken bool, err error) {
	text, err := e.Store.Load(ctx, toldKey(w.Channel))
	if err != nil {
		return false, fmt.Errorf("find the customer of a Slack channel: %w", err)
	}
	var told keptTold
	if len(text) == 0 || json.Unmarshal(text, &told) != nil {
		return false, nil
	}
	if _, err := e.addTold(ctx, w.Channel, &told); err != nil {
		return false, err
	}
	all := told.All
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
