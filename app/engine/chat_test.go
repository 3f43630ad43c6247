package engine_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/workspace"
	"github.com/firebreak-dev/firebreak/templates"
)

// chatUsers are the members of the workspace.
var chatUsers = map[string]string{"U0ALICE": "alice", "U0BOB00": "bob", "U0CAROL": "carol", "U0DAN00": "dan"}

// newChatWorld makes a world whose incidents have channels in Slack.
func newChatWorld(t *testing.T) (*world, *workspace.Workspace) {
	t.Helper()
	files := templates.Repository()
	files[".github/firebreak.yml"] += `
slack: { channel-per: critical }
services:
  slack:
    secret: SLACK
    channel: C0123ABCD
    targets: { "@alice": U0ALICE, "@bob": U0BOB00, "@carol": U0CAROL, "@dan": U0DAN00 }
`
	w := newWorldWith(t, map[string]map[string]string{"acme/incidents": files})
	chat := workspace.New(w.sandbox.Clock().Now, chatUsers)
	server := httptest.NewServer(chat)
	t.Cleanup(server.Close)
	w.env["FIREBREAK_SLACK_URL"], w.env["FIREBREAK_SECRET_SLACK"] = server.URL+"/api", workspace.Token
	w.restart()
	return w, chat
}

// declareCritical declares an incident by bob, which carol coordinates.
func (w *world) declareCritical() {
	w.t.Helper()
	w.form("bob", "Checkout is down", []string{"Severity: critical", "Customers impacted: globex"})
	w.settle()
	w.comment("carol", "/ic")
	w.settle()
}

// only returns the one channel of an incident that there is.
func only(t *testing.T, chat *workspace.Workspace) workspace.Channel {
	t.Helper()
	all := chat.Channels()
	if len(all) != 1 {
		t.Fatalf("%d channels, want 1: %+v", len(all), all)
	}
	return all[0]
}

// TestS1Channel: a confirmed critical incident has a channel of its own, which follows it.
func TestS1Channel(t *testing.T) {
	w, chat := newChatWorld(t)
	w.declareCritical()

	c := only(t, chat)
	if c.Name != "inc-1-checkout-is-down" || !c.IsPrivate || c.Creator != workspace.BotUser {
		t.Errorf("the channel is %s, private %v", c.Name, c.IsPrivate)
	}
	if want := "IC carol · OE bob · globex"; !strings.HasSuffix(c.Topic, want) || !strings.Contains(c.Topic, "P1") {
		t.Errorf("the topic is %q, want it to end with %q", c.Topic, want)
	}
	for _, id := range []string{"U0BOB00", "U0CAROL"} {
		if !slices.Contains(c.Members, id) {
			t.Errorf("%s is not in the channel: %v", id, c.Members)
		}
	}
	if len(c.Bookmarks) == 0 || c.Bookmarks[0].Title != "Issue" || !strings.HasSuffix(c.Bookmarks[0].Link, "/issues/1") {
		t.Errorf("bookmarks %v", c.Bookmarks)
	}
	if len(c.Messages) != 1 || !slices.Equal(c.Pins, []string{c.Messages[0].TS}) {
		t.Fatalf("want one message, pinned: %v, pins %v", c.Messages, c.Pins)
	}
	if card := w.card(); !strings.Contains(card, "| Slack | [#inc-1-checkout-is-down](https://acme.slack.com/archives/"+c.ID+") |") {
		t.Errorf("the card has no channel:\n%s", card)
	}

	w.comment("bob", "/oe cause a <!channel> deploy & more")
	w.settle()
	w.restart() // a process that remembers nothing makes nothing twice
	w.comment("dan", "/incident note I help")
	w.settle()
	c = only(t, chat)
	if len(c.Messages) != 1 || !strings.Contains(string(c.Messages[0].Blocks), `\u0026lt;!channel\u0026gt; deploy \u0026amp; more`) &&
		!strings.Contains(string(c.Messages[0].Blocks), `&lt;!channel&gt; deploy &amp; more`) {
		t.Errorf("the pinned card does not show the cause inertly: %s", c.Messages[0].Blocks)
	}
	if !slices.Contains(c.Members, "U0DAN00") {
		t.Errorf("dan, who helps, is not in the channel: %v", c.Members)
	}
}

// TestS5SlackAway: while Slack is away every command on GitHub works as ever, and the card says that the
// channel can't be reached. Once Slack is back the channel shows what it missed.
func TestS5SlackAway(t *testing.T) {
	w, chat := newChatWorld(t)
	chat.Break(workspace.Fault{Match: ".*", Status: 503, Count: -1})
	w.declareCritical()
	if card := w.card(); strings.Contains(card, "| Slack |") || !strings.Contains(card, "Incident Coordinator **carol**") {
		t.Errorf("the card, at once:\n%s", card)
	}
	w.advance(3 * time.Minute)
	if card := w.card(); !strings.Contains(card, "| Slack | can't be reached since 10:40 UTC: Slack answers 503 (auth.test). Nothing here waits for it |") {
		t.Errorf("the card says nothing of it:\n%s", card)
	}
	w.comment("bob", "/oe cause a deploy")
	w.settle()
	chat.Mend()
	w.advance(10 * time.Minute)
	c := only(t, chat)
	if len(c.Messages) != 1 || !strings.Contains(string(c.Messages[0].Blocks), "a deploy") {
		t.Errorf("the channel doesn't show what it missed: %v", c.Messages)
	}
	if card := w.card(); !strings.Contains(card, "| Slack | [#inc-1-checkout-is-down](") {
		t.Errorf("the card, once Slack is back:\n%s", card)
	}
}

// TestS1Ends: the channel is archived a week after the incident ended, and one that was declined too.
func TestS1Ends(t *testing.T) {
	w, chat := newChatWorld(t)
	w.declareCritical()
	w.comment("carol", "/incident decline a false alarm")
	w.settle()
	if c := only(t, chat); c.IsArchived || !strings.Contains(c.Topic, "Declined") {
		t.Errorf("the channel of a declined incident: %q, archived %v", c.Topic, c.IsArchived)
	}
	w.advance(8 * 24 * time.Hour)
	if c := only(t, chat); !c.IsArchived {
		t.Error("the channel is not archived")
	}
	if card := w.card(); !strings.Contains(card, "· archived |") {
		t.Errorf("the card doesn't say so:\n%s", card)
	}
}

// TestS1NoChannel: without the setting, and before somebody confirmed the incident, nothing goes to Slack.
func TestS1NoChannel(t *testing.T) {
	w, chat := newChatWorld(t)
	w.form("bob", "Checkout is slow", []string{"Severity: regular", "Customers impacted: globex"})
	w.settle()
	w.comment("carol", "/ic")
	w.settle()
	if calls := chat.Calls(); len(calls) > 0 {
		t.Errorf("a regular incident calls Slack: %v", calls)
	}
}
