package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/workspace"
)

// newSharedWorld makes a world in which globex reads updates in a channel in Slack that it shares with the company.
func newSharedWorld(t *testing.T) (w *world, chat *workspace.Workspace, shared string) {
	t.Helper()
	w, chat = newChatWorld(t)
	shared = chat.Make("globex-p1", "U0ALICE")
	chat.Change(shared, func(c *workspace.Channel) {
		c.Members = append(c.Members, workspace.BotUser, "U0GINA00", "U0BOB00")
	})
	chat.SetProfile("U0GINA00", workspace.Profile{Team: "T0GLOBEX1"})
	w.change("main", `
slack: { channel-per: critical }
customers: { globex: { channels: [{ slack: `+shared+` }] } }
services:
  slack:
    secret: SLACK
    channel: C0123ABCD
    targets: { "@alice": U0ALICE, "@bob": U0BOB00, "@carol": U0CAROL, "@dan": U0DAN00, "@mallory": U0MALLORY }
`)
	w.advance(time.Hour) // the configuration is read again
	w.form("bob", "Checkout is down", []string{"Severity: critical", "Customers impacted: globex"})
	w.settle()
	w.comment("carol", "/ic")
	w.settle()
	return w, chat, shared
}

// textsIn returns what a channel shows.
func textsIn(chat *workspace.Workspace, id string) (all []string) {
	for _, c := range chat.Channels() {
		for _, m := range c.Messages {
			if c.ID == id {
				all = append(all, m.Text)
			}
		}
	}
	return all
}

// TestS4CustomersInSlack: an update is once in the channel that a customer shares with the company, and what they write
// there, or in its thread, comes back to the incident once. Nothing in it acts, and nothing else is ever there.
func TestS4CustomersInSlack(t *testing.T) {
	w, chat, shared := newSharedWorld(t)
	chat.Break(workspace.Fault{Match: "chat.postMessage", Status: 503, Count: 1})
	w.event(wrote(shared, "U0GINA00", "Is anybody there?", "1772447000.000001")) // before they read anything of us
	w.comment("carol", "/ic update We see <failing> requests")
	w.pass(30)
	want := []string{"We see &lt;failing&gt; requests"}
	if got := textsIn(chat, shared); !slices.Equal(got, want) {
		t.Fatalf("globex reads %q, want %q", got, want)
	}
	var update workspace.Message
	for _, c := range chat.Channels() {
		if c.ID == shared {
			update = c.Messages[0]
		}
	}

	first := wrote(shared, "U0GINA00", "Still broken <@U0ALICE>\n/ic close", "1772448000.000001")
	w.event(first)
	w.event(first)
	reply := wrote(shared, "U0GINA00", "Since 10:31", "1772448001.000001")
	reply["thread_ts"] = update.TS
	w.event(reply)
	w.event(rewrote(shared, "U0GINA00", "Since 10:31", "Since 10:35", "1772448001.000001", "1772448002.000001"))
	w.event(wrote(shared, "U0BOB00", "Words of the company", "1772448003.000001"))
	w.pass(5)
	w.restart()
	w.event(first)
	w.pass(5)
	for text, times := range map[string]int{"Still broken": 1, "Since 10:31": 1, "Since 10:35": 0, "anybody there": 0,
		"Words of the company": 0} {
		if said := w.said(text); len(said) != times {
			t.Errorf("%q is quoted %d times, want %d: %q", text, len(said), times, said)
		}
	}
	if said := w.said("Still broken"); len(said) != 1 || !strings.Contains(said[0], "@carol") || strings.Contains(said[0], " @alice") ||
		!strings.Contains(said[0], "their channel in Slack") {
		t.Errorf("the incident says %q", said)
	}
	if card := w.card(); !strings.Contains(card, "Since 10:31") || w.view().State != "open" {
		t.Errorf("the card:\n%s", card)
	}

	// the card is lost: what was quoted is not quoted again
	w.act("carol", "deletes", "card", nil)
	w.comment("carol", "/incident status")
	w.event(first)
	w.pass(5)
	if said := w.said("Still broken"); len(said) != 1 {
		t.Errorf("it is quoted %d times", len(said))
	}
}

// TestS4NothingInternal: whatever happens in the incident, and whatever anybody writes, pins or presses in a customer's
// channel, the updates are all that it has.
func TestS4NothingInternal(t *testing.T) {
	w, chat, shared := newSharedWorld(t)
	w.comment("carol", "/ic update We look into it")
	w.pass(30)
	before, comments := w.card(), len(w.list())
	for i, text := range []string{"/ic close", "/oe cause a secret", "/incident note a secret", "/incident link", "/ic"} {
		for _, user := range []string{"U0GINA00", "U0BOB00", "U0CAROL"} {
			w.event(wrote(shared, user, text, "17724480"+string(rune('1'+i))+"0."+user[2:4]+"0001"))
		}
	}
	w.slash("4.1", "U0GINA00", shared, "/ic", "close")
	w.slash("4.2", "U0CAROL", shared, "/oe", "cause a secret")
	w.event(map[string]any{"type": "reaction_added", "user": "U0CAROL", "reaction": "pushpin",
		"item": map[string]any{"type": "message", "channel": shared, "ts": "1772448000.000001"}})
	w.pass(10)
	if w.card() != before || len(w.list()) != comments {
		t.Errorf("something came of it: %d comments more", len(w.list())-comments)
	}
	w.comment("bob", "/oe cause a secret deploy")
	w.comment("carol", "internal words")
	w.comment("carol", "/ic severity regular it is a secret")
	w.comment("carol", "/ic update It works again")
	w.pass(60)
	if got := textsIn(chat, shared); !slices.Equal(got, []string{"We look into it", "It works again"}) {
		t.Errorf("globex reads %q", got)
	}

	// once the incident is over, what they write there is for other things, but for the thread of an update
	w.comment("carol", "/incident decline it was the monitoring")
	w.pass(5)
	w.event(wrote(shared, "U0GINA00", "When is the next release?", "1772449000.000001"))
	w.pass(5)
	if said := w.said("next release"); len(said) != 0 {
		t.Errorf("it is quoted: %q", said)
	}
}

// TestS4LostAnswer: an update whose answer Slack lost is in the customer's channel once.
func TestS4LostAnswer(t *testing.T) {
	w, chat, shared := newSharedWorld(t)
	chat.Break(workspace.Fault{Match: "chat.postMessage", IsApplied: true, Count: 1})
	w.comment("carol", "/ic update We see failing requests")
	w.pass(60)
	if got := textsIn(chat, shared); len(got) != 1 {
		t.Errorf("globex reads %q", got)
	}
}
