package slack_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/sandbox/workspace"
	"github.com/firebreak-dev/firebreak/app/sandbox/workspace/webapi"
	"github.com/firebreak-dev/firebreak/app/slack"
)

var now = time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)

// chat is the adapter at a workspace.
type chat struct {
	t    *testing.T
	at   *workspace.Workspace
	to   *slack.Slack
	want engine.ChatChannel
	kept []byte
}

func newChat(t *testing.T) *chat {
	t.Helper()
	at := workspace.New(func() time.Time { return now }, map[string]string{"U0BOB00": "bob", "U0CAROL": "carol"})
	server := httptest.NewServer(webapi.Middleware(t, at))
	t.Cleanup(server.Close)
	return &chat{t: t, at: at, to: newAdapter(server.URL), want: channel()}
}

func newAdapter(url string) *slack.Slack {
	return slack.New(slack.Options{URL: url, Secret: func(context.Context, string) (string, error) {
		return workspace.Token, nil
	}})
}

func channel() engine.ChatChannel {
	return engine.ChatChannel{
		Ref:     incident.Ref{Owner: "acme", Repo: "incidents", Number: 12},
		Service: incident.Service{Kind: "slack", Secret: "SLACK", Targets: map[string]string{"@bob": "U0BOB00", "@Carol": "U0CAROL"}},
		Name:    "inc-12-checkout", Purpose: "Incident acme/incidents#12: https://github.com/acme/incidents/issues/12",
		Topic: "P1", Text: "P1", Card: []string{"*P1*", "facts"}, Members: []string{"bob", "carol", "nobody-knows"},
		Links: []incident.Link{{Name: "Issue", URL: "https://github.com/acme/incidents/issues/12"},
			{Name: "Call", URL: "https://meet.example/12"}},
		Now: now,
	}
}

func (c *chat) bring() (engine.ChatState, error) {
	return c.to.Bring(c.t.Context(), c.want, c.kept, func(kept []byte, _ string) { c.kept = slices.Clone(kept) })
}

// A channel's id is kept before anybody is invited: what they write there is to be heard, though the process may end.
func TestS5TheIdIsKeptBeforePeopleCome(t *testing.T) {
	c := newChat(t)
	isKept := false
	_, err := c.to.Bring(t.Context(), c.want, nil, func(_ []byte, id string) {
		all := c.at.Channels()
		if id != "" && !isKept && (len(all) != 1 || all[0].ID != id || len(all[0].Members) != 1) {
			t.Errorf("%s is kept first when there is %+v", id, all)
		}
		isKept = isKept || id != ""
	})
	if err != nil || !isKept {
		t.Errorf("%t, %v", isKept, err)
	}
	if got := c.at.Channels()[0].Members; len(got) < 3 {
		t.Errorf("members %v", got)
	}
}

// bringAll brings the channel up to date, however often that takes.
func (c *chat) bringAll() engine.ChatState {
	c.t.Helper()
	var err error
	for range 10 {
		var state engine.ChatState
		if state, err = c.bring(); err == nil {
			return state
		}
	}
	c.t.Fatalf("never up to date: %v", err)
	return engine.ChatState{}
}

// check checks that there is one channel, as it is wanted.
func (c *chat) check() {
	c.t.Helper()
	all := c.at.Channels()
	if len(all) != 1 {
		c.t.Fatalf("%d channels: %+v", len(all), all)
	}
	got := all[0]
	if got.Name != c.want.Name || got.Topic != c.want.Topic || got.Purpose != c.want.Purpose || !got.IsPrivate {
		c.t.Errorf("channel %+v", got)
	}
	if len(got.Messages) != 1 || got.Messages[0].Text != c.want.Text {
		c.t.Errorf("messages %+v", got.Messages)
	} else if !slices.Equal(got.Pins, []string{got.Messages[0].TS}) {
		c.t.Errorf("pins %v", got.Pins)
	}
	var titles []string
	for _, b := range got.Bookmarks {
		titles = append(titles, b.Title+" "+b.Link)
	}
	var want []string
	for _, l := range c.want.Links {
		want = append(want, l.Name+" "+l.URL)
	}
	if !slices.Equal(titles, want) {
		c.t.Errorf("bookmarks %v, want %v", titles, want)
	}
	if !slices.Equal(got.Members, []string{workspace.BotUser, "U0BOB00", "U0CAROL"}) {
		c.t.Errorf("members %v", got.Members)
	}
}

// TestS5EveryCallFails lets each call fail in each way, once, with what is kept and without: the channel
// ends as it does without a fault, and nothing is there twice.
func TestS5EveryCallFails(t *testing.T) {
	methods := []string{"auth.test", "conversations.create", "conversations.info", "conversations.setPurpose",
		"conversations.setTopic", "conversations.invite", "chat.postMessage", "pins.add", "bookmarks.add",
		"users.conversations"}
	faults := map[string]workspace.Fault{
		"refused":  {Code: "internal_error"},
		"500":      {Status: http.StatusInternalServerError},
		"lost":     {IsApplied: true},
		"lost 503": {IsApplied: true, Status: http.StatusServiceUnavailable},
		"429":      {Status: http.StatusTooManyRequests, RetryAfter: 30 * time.Second},
	}
	for _, method := range methods {
		for how, fault := range faults {
			for _, isForgotten := range []bool{false, true} {
				name := method + " " + how
				if isForgotten {
					name += ", nothing kept"
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					c := newChat(t)
					fault := fault
					fault.Match, fault.Count = method, 1
					c.at.Break(fault)
					_, err := c.bring()
					var later *engine.RetryAfter
					if is := errors.As(err, &later); err == nil || is != (how == "429") ||
						is && later.Until != now.Add(30*time.Second) {
						t.Errorf("the error is %v", err)
					}
					// without what was kept, a channel that nobody had described is another one's
					if isForgotten && !(method == "conversations.create" || method == "conversations.info" ||
						method == "conversations.setPurpose") {
						c.kept = nil
					}
					c.bringAll()
					c.check()
					before := len(c.at.Calls())
					c.bringAll()
					if calls := c.at.Calls()[before:]; len(calls) != 1 || calls[0].Method != "conversations.info" {
						t.Errorf("nothing changed, and it costs %v", calls)
					}
				})
			}
		}
	}
}

// TestS1NameTaken: a name that somebody else has gets a number, also where the answer is lost.
func TestS1NameTaken(t *testing.T) {
	for name, fault := range map[string]*workspace.Fault{"": nil, "lost": {Match: "conversations.create", IsApplied: true, Count: 2}} {
		t.Run("taken "+name, func(t *testing.T) {
			c := newChat(t)
			c.at.Make("inc-12-checkout", "U0BOB00")
			if fault != nil {
				c.at.Break(*fault)
			}
			state := c.bringAll()
			if all := c.at.Channels(); state.Name != "inc-12-checkout-2" || len(all) != 2 {
				t.Errorf("%s, and %d channels", state.Name, len(all))
			}
		})
	}
}

// TestS5Away says what is wrong with Slack, and what to do about it.
func TestS5Away(t *testing.T) {
	c := newChat(t)
	c.bringAll()
	for code, want := range map[string]string{
		"token_revoked":     "Slack says token_revoked: install the Slack app again, and set the new token",
		"missing_scope":     "Slack says missing_scope: add the scope to the Slack app, and install it again",
		"channel_not_found": "Slack says channel_not_found: the channel was deleted, or the app was removed from it",
	} {
		c.at.Mend()
		c.at.Break(workspace.Fault{Match: ".*", Code: code, Count: -1})
		state, err := c.bring()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", code, err, want)
		}
		if state.ID == "" {
			t.Errorf("%s: the channel is forgotten", code)
		}
	}
}

// TestS5ChangedByPeople: what people do to the channel is put up with.
func TestS5ChangedByPeople(t *testing.T) {
	c := newChat(t)
	id := c.bringAll().ID
	c.at.Change(id, func(ch *workspace.Channel) {
		ch.Name, ch.Topic = "renamed", "a person's own"
		ch.Messages, ch.Pins = nil, nil
		ch.Bookmarks = ch.Bookmarks[:1]
		ch.Members = ch.Members[:2] // carol left
	})
	c.want.Card, c.want.Links[1].URL = []string{"*P1*", "other facts"}, "https://meet.example/other"
	state := c.bringAll()
	c.bringAll()
	got := c.at.Channels()[0]
	if state.Name != "renamed" || len(got.Messages) != 1 || len(got.Pins) != 1 || got.Topic != "a person's own" ||
		len(got.Members) != 2 {
		t.Errorf("state %+v, channel %+v", state, got)
	}

	c.at.Change(id, func(ch *workspace.Channel) { ch.IsArchived = true })
	c.want.Topic = "another"
	if state := c.bringAll(); !state.IsArchived || len(c.at.Channels()) != 1 {
		t.Errorf("a channel that a person archived is left alone: %+v", state)
	}
}

// TestS1ArchivedAndOpenedAgain: the channel is archived once the incident is over. Where the incident
// goes on and Slack doesn't open the channel again, there is another one.
func TestS1ArchivedAndOpenedAgain(t *testing.T) {
	c := newChat(t)
	c.bringAll()
	c.want.IsOver = true
	c.at.Break(workspace.Fault{Match: "conversations.archive", IsApplied: true, Count: 1})
	if state := c.bringAll(); !state.IsArchived {
		t.Errorf("not archived: %+v", state)
	}
	c.want.IsOver = false
	c.at.Break(workspace.Fault{Match: "conversations.create", IsApplied: true, Count: 1})
	state := c.bringAll()
	if all := c.at.Channels(); state.IsArchived || state.Name != "inc-12-checkout-2" || len(all) != 2 {
		t.Errorf("%+v, and %d channels", state, len(all))
	}
	c.kept = nil
	if found := c.bringAll(); found.ID != state.ID {
		t.Errorf("found %s again, want the open one, %s", found.ID, state.ID)
	}
}

// TestS5RefusedForGood: what Slack refuses for good keeps nothing else from the channel: the card that can't be pinned,
// and whoever can't be invited.
func TestS5RefusedForGood(t *testing.T) {
	for method, codes := range map[string][]string{
		"pins.add":             {"restricted_action", "too_many_pins", "not_pinnable"},
		"conversations.invite": {"invitee_cant_see_channel", "no_external_invite_permission", "user_not_found"},
	} {
		for _, code := range codes {
			c := newChat(t)
			c.at.Break(workspace.Fault{Match: method, Code: code, Count: 1})
			if _, err := c.bring(); err != nil {
				t.Errorf("%s refused by %s: %v", method, code, err)
			}
			if got := c.at.Channels()[0]; len(got.Bookmarks) != len(c.want.Links) || !slices.Contains(got.Members, "U0CAROL") {
				t.Errorf("%s refused by %s: the channel is %+v", method, code, got)
			}
		}
	}
}
