package engine_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/workspace"
)

// wantLines compares what a channel shows of the issue from some line on.
func wantLines(t *testing.T, chat *workspace.Workspace, from int, want ...string) {
	t.Helper()
	got := lines(only(t, chat))
	if from > len(got) || !slices.Equal(got[from:], want) {
		t.Errorf("the channel shows\n%s\nwant after %d lines\n%s", strings.Join(got, "\n"), from, strings.Join(want, "\n"))
	}
}

// TestS2IssueInSlack: what happens on the issue is in the channel once, with its text where there is one, and
// follows what becomes of the comment. What came from Slack isn't sent back.
func TestS2IssueInSlack(t *testing.T) {
	w, chat := newChatWorld(t)
	w.declareCritical()
	w.pass(20)
	wantLines(t, chat, 0,
		":rotating_light: *bob* declared the incident",
		":rotating_light: *bob* confirmed the severity: *critical*",
		":bust_in_silhouette: *bob* became Operations Engineer",
		":pager: paged *incident-coordinators*",
		":bust_in_silhouette: *carol* became Incident Coordinator",
		":pager: *carol* answered the page",
		":arrow_forward: *carol* moved to *investigate*")
	n := len(lines(only(t, chat)))

	finding := w.comment("bob", "/oe finding the <pool> is *full*")
	w.settle()
	plain := w.comment("dan", "I look at @carol's graphs <!here>")
	w.pass(10)
	wantLines(t, chat, n, ":mag: *bob* finding: the &lt;pool&gt; is *full*",
		":speech_balloon: *dan*: I look at @carol's graphs &lt;!here&gt;")
	if id := only(t, chat).ID; !strings.Contains(only(t, chat).Messages[len(only(t, chat).Messages)-1].Text,
		fmt.Sprintf("issues/1#issuecomment-%d|on GitHub>", plain)) {
		t.Errorf("the line in %s leads nowhere", id)
	}

	w.restart()
	w.redeliver()
	w.overwrite("bob", finding, "/oe finding the pool leaks")
	w.overwrite("dan", plain, "I look at the graphs")
	w.pass(10)
	wantLines(t, chat, n, ":mag: *bob* finding: the pool leaks", ":speech_balloon: *dan*: I look at the graphs")

	w.erase("bob", finding)
	w.erase("carol", plain)
	w.pass(10)
	wantLines(t, chat, n)

	w.slash("1.1", "U0BOB00", only(t, chat).ID, "/oe", "finding a leak in the cache")
	w.pass(10)
	wantLines(t, chat, n)

	// the card is lost: the timeline is read a second time, and nothing of it is shown again
	w.act("carol", "deletes", "card", nil)
	w.comment("carol", "/incident note a new thing")
	w.pass(20)
	wantLines(t, chat, n, ":small_blue_diamond: *carol* note: a new thing")
}

// TestS5LinesWhileSlackIsAway: what Slack missed is brought up once it is back, shortened, and a message whose
// answer was lost is not written twice.
func TestS5LinesWhileSlackIsAway(t *testing.T) {
	w, chat := newChatWorld(t)
	w.declareCritical()
	w.pass(20)
	n := len(lines(only(t, chat)))
	chat.Break(workspace.Fault{Match: ".*", Status: 503, Count: -1})
	for i := range 20 { // the first one is on its way by then
		w.comment("dan", fmt.Sprintf("number %d", i))
	}
	w.advance(6 * time.Minute) // the rhythm of what is tried again
	chat.Mend()
	w.advance(6 * time.Minute)
	w.pass(5)
	got := lines(only(t, chat))
	if len(got) != n+2 || !strings.Contains(got[n], "number 0") || !strings.Contains(got[n+1], "*19 things happened*") ||
		strings.Contains(got[n+1], "number 11") || !strings.Contains(got[n+1], "number 12") ||
		!strings.Contains(got[n+1], "number 19") || !strings.Contains(got[n+1], "11 earlier ones are on the issue.") {
		t.Fatalf("the channel shows %d lines more: %q", len(got)-n, got[n:])
	}

	chat.Break(workspace.Fault{Match: "chat.postMessage", IsApplied: true, Count: 1})
	w.comment("dan", "once")
	w.slash("1.2", "U0BOB00", only(t, chat).ID, "/oe", "finding here")
	w.pass(120)
	got = lines(only(t, chat))[n+2:]
	if len(got) != 1 || len(said(only(t, chat))) != 1 {
		t.Errorf("after a lost answer the channel shows %q, and answers %q", got, said(only(t, chat)))
	}
}

// TestS5Pace: however much happens on the issue, the channel gets a message a second at most, and not one for
// each thing. Slack's limit costs nobody a line.
func TestS5Pace(t *testing.T) {
	w, chat := newChatWorld(t)
	w.declareCritical()
	w.pass(20)
	chat.Break(workspace.Fault{Match: "chat.postMessage", Status: 429, RetryAfter: 30 * time.Second, Count: 1})
	n, before := len(lines(only(t, chat))), len(posts(chat))
	for i := range 60 {
		w.comment("dan", fmt.Sprintf("number %d", i))
	}
	w.pass(120)
	got := lines(only(t, chat))[n:]
	if len(got) > 20 || !strings.Contains(strings.Join(got, "\n"), "number 59") {
		t.Errorf("%d lines for 60 comments: %q", len(got), got)
	}
	all := posts(chat)[before:]
	for i := 1; i < len(all); i++ {
		if d := all[i].At.Sub(all[i-1].At); d < time.Second {
			t.Errorf("two messages within %s", d)
		}
	}
}

// pass lets seconds pass, one by one.
func (w *world) pass(seconds int) {
	w.t.Helper()
	for range seconds {
		w.advance(time.Second)
	}
}

// erase deletes a comment.
func (w *world) erase(who string, comment int64) {
	w.t.Helper()
	w.ok(who, "DELETE", fmt.Sprintf("/api/v3/repos/%s/issues/comments/%d", w.ref.FullName(), comment), nil, nil)
}

// posts returns the calls by which messages were written.
func posts(chat *workspace.Workspace) (all []workspace.Call) {
	for _, c := range chat.Calls() {
		if c.Method == "chat.postMessage" {
			all = append(all, c)
		}
	}
	return all
}

// TestS2Pins: a pin or a 📌 on a message is /ic pin with its text, once, by whoever may; the app's own card
// isn't one.
func TestS2Pins(t *testing.T) {
	w, chat := newChatWorld(t)
	w.declareCritical()
	id := only(t, chat).ID
	ts := chat.Say(id, "U0DAN00", "it is the <cache>, &amp; only there")
	react := func(user, ts string) map[string]any {
		return map[string]any{"type": "reaction_added", "user": user, "reaction": "pushpin",
			"item": map[string]any{"type": "message", "channel": id, "ts": ts}}
	}
	before := len(w.list())
	w.event(react("U0STRANGER", ts))
	w.settle()
	if got := said(only(t, chat)); len(got) != 1 || !strings.Contains(got[0], "who you are on GitHub") {
		t.Errorf("whom nobody knows is answered %q", got)
	}
	w.event(react("U0BOB00", ts)) // who doesn't coordinate
	w.settle()
	if got := said(only(t, chat)); len(got) != 2 || !strings.Contains(got[1], ":no_entry:") {
		t.Errorf("who may not pin is answered %q", got)
	}
	w.event(react("U0CAROL", ts))
	w.event(react("U0CAROL", ts))
	w.settle()
	w.event(map[string]any{"type": "pin_added", "user": "U0DAN00", "channel_id": id,
		"item": map[string]any{"type": "message", "channel": id, "message": map[string]any{"ts": ts, "user": "U0DAN00"}}})
	w.event(react("U0CAROL", only(t, chat).Pins[0]))
	w.pass(5)
	comments := w.list()
	if len(comments) != before+3 { // bob's, the refusal, and carol's
		t.Fatalf("%d comments more, want 3", len(comments)-before)
	}
	text := visible(comments[len(comments)-1].Body)
	if !strings.Contains(text, "**carol** pinned in Slack, inc-1-checkout-is-down, what dan wrote") ||
		!strings.Contains(text, "it is the") {
		t.Errorf("the issue says: %s", text)
	}
	if card := w.card(); !strings.Contains(card, "comment pinned") {
		t.Errorf("the timeline has no pin:\n%s", card)
	}
	if got := said(only(t, chat)); len(got) != 3 || !strings.HasPrefix(got[2], ts+" :white_check_mark:") {
		t.Errorf("the answers in Slack: %q", got)
	}
}

// TestS2EditsInSlack: an edit of a command in Slack runs only what it adds, what it corrects or takes away follows
// on the card, and whatever comes late or twice changes nothing more.
func TestS2EditsInSlack(t *testing.T) {
	w, chat := newChatWorld(t)
	w.declareCritical()
	id := only(t, chat).ID
	message := func(text, ts string) map[string]any {
		return map[string]any{"type": "message", "channel": id, "user": "U0BOB00", "text": text, "ts": ts}
	}
	edit := func(from, to, ts, edited string) map[string]any {
		now := message(to, ts)
		now["edited"] = map[string]any{"ts": edited, "user": "U0BOB00"}
		return map[string]any{"type": "message", "subtype": "message_changed", "channel": id, "message": now,
			"previous_message": message(from, ts), "event_ts": edited}
	}
	ts := chat.Say(id, "U0BOB00", "/oe finding the pool is full")
	w.event(message("/oe finding the pool is full", ts))
	w.pass(2)
	before := len(w.list())
	fixed := edit("/oe finding the pool is full", "/oe finding the pool leaks\n/oe action restarted it", ts, "1772448100.000001")
	w.event(fixed)
	w.pass(3)
	w.event(fixed)
	w.event(edit("/oe finding the pool is full", "/oe finding an older word", ts, "1772448099.000001"))
	w.pass(3)
	if got := len(w.list()); got != before+1 { // what it said before is kept, as on GitHub
		t.Errorf("%d comments more than before the edit, want 1", got-before)
	}
	card := w.card()
	if !strings.Contains(card, "the pool leaks") || strings.Contains(card, "pool is full") ||
		strings.Count(card, "change to a system") != 1 {
		t.Errorf("the card does not follow:\n%s", card)
	}
	w.event(map[string]any{"type": "message", "subtype": "message_deleted", "channel": id, "deleted_ts": ts,
		"event_ts": "1772448200.000001", "previous_message": message("/oe finding the pool leaks\n/oe action restarted it", ts)})
	w.pass(3)
	if card := w.card(); strings.Contains(card, "the pool leaks") {
		t.Errorf("the card still says what was deleted:\n%s", card)
	}
	all := w.list()
	if text := visible(all[before-1].Body); !strings.Contains(text, "deleted what they wrote in Slack") {
		t.Errorf("the issue says: %s", text)
	}

	// an edit that comes before its message
	w.event(edit("/oe finding x", "/oe finding the right one", "1772448300.000001", "1772448301.000001"))
	w.event(message("/oe finding x", "1772448300.000001"))
	w.pass(3)
	if card := w.card(); !strings.Contains(card, "the right one") || strings.Contains(card, "finding x") {
		t.Errorf("the card:\n%s", card)
	}
	if all := w.list(); len(all) != before+2 {
		t.Errorf("%d comments more", len(all)-before)
	}
}

// TestS3LinkInSlack: whom the configuration does not name gets a code in Slack that they alone see, and it counts
// once they write it on GitHub: for one person, within a quarter of an hour. It ends where they say so.
func TestS3LinkInSlack(t *testing.T) {
	w, chat := newChatWorld(t)
	w.declareCritical()
	id := only(t, chat).ID
	chat.Change(id, func(c *workspace.Channel) { c.Members = append(c.Members, "U0ERIN00") })
	code := func(trigger string) string {
		t.Helper()
		w.slash(trigger, "U0ERIN00", id, "/incident", "link")
		w.settle()
		messages := only(t, chat).Messages
		last := messages[len(messages)-1]
		got := regexp.MustCompile("/incident link ([A-Z2-9-]{9})`").FindStringSubmatch(last.Text)
		if last.OnlyTo != "U0ERIN00" || got == nil {
			t.Fatalf("in Slack: %q, to %q", last.Text, last.OnlyTo)
		}
		return got[1]
	}
	note := func(trigger, text string) (isDone bool) {
		t.Helper()
		before := w.card()
		w.slash(trigger, "U0ERIN00", id, "/incident", "note "+text)
		w.settle()
		return w.card() != before
	}
	if note("2.1", "too early") {
		t.Error("a note of a member whom nobody knows counts")
	}
	late := code("2.2")
	w.advance(16 * time.Minute)
	w.comment("erin", "/incident link "+late)
	w.settle()
	if note("2.3", "by an old code") {
		t.Error("an old code counts")
	}
	fresh := code("2.4")
	w.slash("2.5", "U0CAROL", id, "/incident", "link "+fresh) // in Slack it proves nothing
	w.settle()
	w.comment("erin", "/incident link "+strings.ToLower(fresh))
	w.comment("mallory", "/incident link "+fresh)
	w.comment("carol", "/incident link "+fresh)
	w.restart()
	if !note("2.6", "we roll back") {
		t.Fatalf("once it is linked nothing counts: %q", said(only(t, chat)))
	}
	if all := w.list(); !strings.Contains(visible(all[len(all)-1].Body), "**erin** in Slack") {
		t.Errorf("the issue says: %s", visible(all[len(all)-1].Body))
	}
	w.comment("erin", "/incident link none")
	w.settle()
	if note("2.7", "no longer") {
		t.Error("a link that was taken back counts")
	}
}

// TestS5CardUnanswered: what happened on the issue is in the channel, and what people said there is answered, also where
// GitHub takes the card and its answer is lost: the next look finds nothing new.
func TestS5CardUnanswered(t *testing.T) {
	w, chat := newChatWorld(t)
	w.declareCritical()
	w.pass(20)
	n, lose := len(lines(only(t, chat))), `{"match":"^PATCH .*/issues/comments/","status":502,"count":1,"applied":true}`
	w.order(lose)
	w.comment("bob", "/oe finding the pool leaks")
	w.pass(20)
	wantLines(t, chat, n, ":mag: *bob* finding: the pool leaks")
	w.order(lose)
	w.slash("1.1", "U0BOB00", only(t, chat).ID, "/oe", "finding a leak in the cache")
	w.pass(20)
	if got := said(only(t, chat)); len(got) != 1 {
		t.Errorf("the answers in Slack: %q", got)
	}
}
