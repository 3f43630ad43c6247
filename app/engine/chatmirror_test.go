package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/workspace"
)

// newMirrorWorld makes a world whose incident's channel is brought to the issue.
func newMirrorWorld(t *testing.T) (w *world, chat *workspace.Workspace, id string) {
	t.Helper()
	w, chat = newChatWorld(t)
	w.mirror("all")
	w.declareCritical()
	w.pass(20)
	return w, chat, only(t, chat).ID
}

// mirror sets what of the channel is brought to the issue.
func (w *world) mirror(what string) {
	w.t.Helper()
	w.change("main", `
slack: { channel-per: critical, mirror: `+what+` }
services:
  slack:
    secret: SLACK
    channel: C0123ABCD
    targets: { "@alice": U0ALICE, "@bob": U0BOB00, "@carol": U0CAROL, "@dan": U0DAN00, "@mallory": U0MALLORY }
`)
	w.advance(time.Hour) // the configuration is read again
}

func wrote(channel, user, text, ts string) map[string]any {
	return map[string]any{"type": "message", "channel": channel, "user": user, "text": text, "ts": ts}
}

func rewrote(channel, user, from, to, ts, edited string) map[string]any {
	now := wrote(channel, user, to, ts)
	now["edited"] = map[string]any{"ts": edited, "user": user}
	return map[string]any{"type": "message", "subtype": "message_changed", "channel": channel, "message": now,
		"previous_message": wrote(channel, user, from, ts), "event_ts": edited}
}

func tookBack(channel, user, text, ts, at string) map[string]any {
	return map[string]any{"type": "message", "subtype": "message_deleted", "channel": channel, "deleted_ts": ts,
		"event_ts": at, "previous_message": wrote(channel, user, text, ts)}
}

// mirrored returns the comments that have what people wrote in Slack.
func (w *world) mirrored() (all []string) {
	for _, c := range w.list() {
		if text := visible(c.Body); strings.HasPrefix(text, "What people wrote in Slack") {
			all = append(all, text)
		}
	}
	return all
}

// mirrorWrites counts the comments that were written and edited since mark, but for the card.
func (w *world) mirrorWrites() (n int) {
	for _, c := range w.calls() {
		if (c.Method == "POST" || c.Method == "PATCH") && strings.Contains(c.Path, "/comments") &&
			!strings.HasSuffix(c.Path, fmt.Sprintf("/comments/%d", w.view().Pinned.ID)) {
			n++
		}
	}
	return n
}

// TestS2Mirror: with mirror: all what people write in the channel is on the issue, once, by their logins. It does
// nothing there, isn't sent back, and follows what they make of it in Slack.
func TestS2Mirror(t *testing.T) {
	w, chat, id := newMirrorWorld(t)
	shown, card := len(lines(only(t, chat))), w.card()
	const first, second = "1772448000.000001", "1772448001.000001"
	w.event(wrote(id, "U0DAN00", "the pods <b>restart</b>, <@U0CAROL> @acme/sre\n/ic close\nsee #1", first))
	w.event(wrote(id, "U0DAN00", "the pods <b>restart</b>, <@U0CAROL> @acme/sre\n/ic close\nsee #1", first))
	w.event(wrote(id, "U0STRANGER", "which version?", second))
	w.pass(90)
	all := w.mirrored()
	if len(all) != 1 || strings.Count(all[0], "the pods") != 1 || !strings.Contains(all[0], "**dan** at ") ||
		!strings.Contains(all[0], "the member `U0STRANGER`") || !strings.Contains(all[0], "/p1772448000000001)") {
		t.Fatalf("the issue has %q", all)
	}
	if strings.Contains(all[0], "<b>") || strings.Contains(all[0], "@carol") || strings.Contains(all[0], "@acme/sre") {
		t.Errorf("it may do something: %s", all[0])
	}
	if w.card() != card || len(lines(only(t, chat))) != shown {
		t.Errorf("something came of it: %q", lines(only(t, chat))[shown:])
	}

	w.restart()
	w.redeliver()
	w.event(wrote(id, "U0DAN00", "the pods <b>restart</b>", first)) // a late try of Slack's
	change := rewrote(id, "U0STRANGER", "which version?", "which version is it?", second, "1772448002.000001")
	w.event(change)
	w.event(change)
	w.event(rewrote(id, "U0STRANGER", "which version?", "an older word", second, "1772448001.500000"))
	w.event(rewrote(id, "U0STRANGER", "which version?", "somebody else's", first, "1772448009.500000"))
	w.pass(90)
	if all = w.mirrored(); len(all) != 1 || !strings.Contains(all[0], "which version is it?") || strings.Contains(all[0], "older word") ||
		strings.Contains(all[0], "somebody else") {
		t.Errorf("after an edit the issue has %q", all)
	}
	w.event(tookBack(id, "U0STRANGER", "which version is it?", second, "1772448003.000001"))
	w.event(tookBack(id, "U0DAN00", "too fast", "1772448004.000001", "1772448005.000001")) // before its message
	w.event(wrote(id, "U0DAN00", "too fast", "1772448004.000001"))
	w.event(rewrote(id, "U0BOB00", "findng", "finding", "1772448006.000001", "1772448007.000001")) // likewise
	w.event(wrote(id, "U0BOB00", "findng", "1772448006.000001"))
	w.pass(90)
	if all = w.mirrored(); len(all) != 1 || strings.Contains(all[0], "which version") || strings.Contains(all[0], "too fast") ||
		!strings.Contains(all[0], "> finding") {
		t.Errorf("after a deletion the issue has %q", all)
	}

	// what becomes a command is one, and no longer words
	w.event(rewrote(id, "U0BOB00", "finding", "/oe finding it leaks", "1772448006.000001", "1772448008.000001"))
	w.pass(90)
	if all = w.mirrored(); len(all) != 1 || strings.Contains(all[0], "> finding") || !strings.Contains(w.card(), "it leaks") {
		t.Errorf("after it became a command the issue has %q, and the card\n%s", all, w.card())
	}
}

// TestS2MirrorStorm: a storm in the channel costs a write a minute at most, and few comments. A lost answer of GitHub's
// brings nothing twice.
func TestS2MirrorStorm(t *testing.T) {
	w, _, id := newMirrorWorld(t)
	w.order(`{"match":"POST .*/issues/1/comments$","status":502,"applied":true,"count":1}`)
	w.mark()
	for n := range 1000 {
		w.event(wrote(id, "U0DAN00", fmt.Sprintf("number %04d.", n), fmt.Sprintf("17724480%02d.%06d", n/100, n)))
	}
	started := w.sandbox.Clock().Now()
	w.pass(60 * 20)
	minutes := int(w.sandbox.Clock().Now().Sub(started).Minutes()) + 1
	all := w.mirrored()
	if len(all) < 5 || len(all) > 15 {
		t.Errorf("%d comments for 1,000 messages", len(all))
	}
	text := strings.Join(all, "\n")
	for n := range 1000 {
		if count := strings.Count(text, fmt.Sprintf("number %04d.", n)); count != 1 {
			t.Fatalf("message %d is there %d times", n, count)
		}
	}
	if got := w.mirrorWrites(); got < len(all) || got > minutes {
		t.Errorf("%d writes in %d minutes", got, minutes)
	}
}

// TestS2MirrorIsAsked: without the setting nothing of it is on the issue.
func TestS2MirrorIsAsked(t *testing.T) {
	w, chat := newChatWorld(t)
	w.declareCritical()
	id := only(t, chat).ID
	w.mark()
	w.event(wrote(id, "U0DAN00", "hello", "1772448000.000001"))
	w.pass(120)
	if got := w.mirrorWrites(); got != 0 || len(w.mirrored()) != 0 {
		t.Errorf("%d writes", got)
	}
}

// TestS2MirrorIsTurnedOff: once it is turned off in the middle of an incident, nothing more that people wrote is brought
// to the issue, also what waits for its turn. When it is turned on again, what waited then stays in Slack, and nothing is
// there twice.
func TestS2MirrorIsTurnedOff(t *testing.T) {
	for name, isPosted := range map[string]bool{"before the first comment": false, "after it": true} {
		t.Run(name, func(t *testing.T) {
			w, _, id := newMirrorWorld(t)
			if isPosted {
				w.event(wrote(id, "U0DAN00", "the first one", "1772448000.000001"))
				w.pass(5)
				w.event(wrote(id, "U0DAN00", "the second one", "1772448100.000001")) // in a minute
			} else {
				w.order(`{"match":"POST .*/issues/1/comments$","status":502,"count":1}`)
				w.event(wrote(id, "U0DAN00", "the first one", "1772448000.000001"))
				w.pass(5)
				w.event(wrote(id, "U0DAN00", "the second one", "1772448100.000001"))
			}
			w.mirror("commands")
			w.mark()
			w.pass(300)
			if got := strings.Join(w.mirrored(), "\n"); strings.Contains(got, "second") || w.mirrorWrites() != 0 {
				t.Errorf("%d writes, and the issue has %q", w.mirrorWrites(), got)
			}
			w.comment("carol", "/ic update We are looking at it.") // the channel is brought up to date
			w.pass(120)
			w.event(wrote(id, "U0DAN00", "while it is off", "1772448200.000001"))
			w.pass(120)

			w.mirror("all")
			w.comment("carol", "/ic update We have a look at it again.")
			w.pass(120)
			w.event(wrote(id, "U0DAN00", "on again", "1772448300.000001"))
			w.event(wrote(id, "U0DAN00", "the second one", "1772448100.000001")) // a late try of Slack's
			w.pass(120)
			got := strings.Join(w.mirrored(), "\n")
			if strings.Count(got, "the first one") != 1 || strings.Count(got, "on again") != 1 ||
				strings.Contains(got, "second") || strings.Contains(got, "while it is off") {
				t.Errorf("turned on again, the issue has %q", got)
			}
		})
	}
}
