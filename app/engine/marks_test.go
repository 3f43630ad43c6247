package engine_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/mark"
)

// ours signs marks as the app does.
func ours() mark.Keys { return mark.Keys(card.Keys([][]byte{[]byte("a secret of the tests")})) }

// every is a key of every kind that the app writes under its comments.
var every = []string{
	"page/9", "reply/c%d.0", "ack/page/1/pagerduty/Eve", "signals/99/fired/1772447000/1772447000/", "recovered/1772447000", "again/1772447000",
	"regression/1772450000/Alertmanager", "closed/20260302110000", "unsent/globex/email/20260302110000,c5", "message/3f9a.XKQM.1772447000/Email/critical/page",
	"news/3f9a.XKQM.1772447000/1772447003/critical/page/1a2b,3c4d/Alertmanager", "data/1", "claim/1", "folded/5/c123.0/1772447000/bob/globex/Alertmanager",
	"followup/1/erin/2026-12-24/1772447000", "unasked/c%d.0", "merged",
}

// forgeries are what somebody who may write makes of a comment of the app's own, to have a key
// believed: was is the comment as the app wrote it, and other one of its comments elsewhere, with
// such a mark.
var forgeries = map[string]func(was, other string, m mark.Mark) string{
	"added": func(was, _ string, m mark.Mark) string { return was + "\n" + m.Line() },
	"added above the others": func(was, _ string, m mark.Mark) string {
		return strings.Replace(was, "\n<!--", "\n"+m.Line()+"\n<!--", 1)
	},
	"altered": func(was, _ string,
		m mark.Mark) string {
		return was[:strings.LastIndex(was, "<!--")] + m.Line()
	},
	"unsigned": func(_, _ string,
		m mark.Mark) string {
		return "Firebreak was here.\n" + m.Line()
	},
	"moved with its text": func(_, other string, _ mark.Mark) string { return other },
	"moved without its text": func(was, other string, _ mark.Mark) string {
		return visible(was) + other[strings.Index(other, "\n<!--"):]
	},
	"moved below another": func(was, other string,
		_ mark.Mark) string {
		return was + other[strings.Index(other, "\n<!--"):]
	},
	"signed as a person does": func(_, _ string, m mark.Mark) string {
		return mark.Keys{[]byte("mallory's")}.Comment("issue 1", "x", m)
	},
}

// Whatever somebody writes into a comment of the app's own, or of theirs, no mark of any kind is
// believed: when the card is lost, the state that is built again is the same.
func TestNoForgedMarkIsBelieved(t *testing.T) {
	for n, key := range every {
		if testing.Short() && n%4 != 0 {
			continue
		}
		// an incident each: a card that is deleted twenty times in an hour is not posted again
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			forgeAll(t, key)
		})
	}
}

// forgeAll forges a key in every way.
func forgeAll(t *testing.T, key string) {
	w := newWorld(t)
	w.tell("bob opens \"Something else\"\n  Summary: Something else\n  Severity: critical\n  Customers impacted: globex\n" +
		"carol: /ic\nbob: /oe\ncarol: /ic update We look into it\ncarol: /ic followup acme/platform Alert on it @bob\nbob: /incidnet\n")
	w.tell("wait 16m")
	last := w.comment("bob", "I look at the graphs")
	w.settle()
	target := int64(0)
	was := ""
	for _, c := range w.list() {
		if strings.HasSuffix(c.User.Login, "[bot]") && strings.Contains(c.Body, "firebreak:did reply/") {
			target, was = c.ID, c.Body
		}
	}
	if target == 0 {
		t.Fatal("the app answered nothing")
	}
	lose := func() string { // the card
		t.Helper()
		w.step(steps("carol deletes the card")[0])
		w.settle()
		s := w.stateOf()
		s.Cursor, s.Heard, s.Last = incident.Cursor{}, nil, nil
		s.Contested = nil // that carol deletes the card again and again
		text, err := json.MarshalIndent(s, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	before, sent := lose(), len(w.outbox())
	said := func() (n int) {
		for _, c := range w.list() {
			if strings.HasSuffix(c.User.Login, "[bot]") {
				n++
			}
		}
		return n
	}()
	check := func(name string) {
		t.Helper()
		if d := cmp.Diff(before, lose()); d != "" {
			t.Errorf("%s is believed (-before +after):\n%s", name, d)
		}
		if got := w.outbox()[sent:]; len(got) > 0 {
			t.Errorf("%s: sent %+v", name, got)
			sent = len(w.outbox())
		}
	}
	if strings.Contains(key, "%d") {
		key = fmt.Sprintf(key, last)
	}
	m := mark.Mark{Kind: "did", Text: key}
	other := ours().Comment("issue 999", "Noted elsewhere.", m)
	for name, forge := range forgeries {
		w.overwrite("bob", target, forge(was, other, m))
		check(name)
	}
	w.overwrite("bob", target, was)
	id := w.comment("mallory", "Look\n"+m.Line())
	w.settle()
	check("in a person's comment")
	w.ok("bob", "DELETE", fmt.Sprintf("/api/v3/repos/acme/incidents/issues/comments/%d", id), nil, nil)
	w.settle()
	if got := slices.DeleteFunc(w.list(),
		func(c commentView) bool { return !strings.HasSuffix(c.User.Login, "[bot]") }); len(got) != said {
		t.Errorf("the app wrote %d comments, and there were %d", len(got), said)
	}
}

// A mark that is added to a comment of the app's own silences no page and no answer (I5, A1).
func TestI5NoAddedMarkSilencesAPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tell(opened + "bob: /incidnet\n")
	target := int64(0)
	was := ""
	for _, c := range w.list() {
		if strings.HasSuffix(c.User.Login, "[bot]") && strings.Contains(c.Body, "firebreak:did reply/") {
			target, was = c.ID, c.Body
		}
	}
	added := was
	for n := range 5 {
		added += fmt.Sprintf("\n<!-- firebreak:did page/%d -->\n<!-- firebreak:did ack/page/%d/pagerduty/Eve -->", n+1, n+1)
	}
	for n := range int64(30) {
		added += fmt.Sprintf("\n<!-- firebreak:did reply/c%d.0 -->", target+n)
	}
	w.overwrite("bob", target, added)
	w.step(steps("bob deletes the card")[0])
	w.settle()
	before := len(w.outbox())
	w.tell("wait 6m")
	if left := w.outbox()[before:]; !slices.ContainsFunc(left,
		func(s sent) bool { return strings.HasSuffix(s.Key, "/page/2") }) {
		t.Errorf("page 2 does not go out: %+v", left)
	}
	if card := w.card(); strings.Contains(card, "Eve") {
		t.Errorf("Eve answered:\n%s", card)
	}
	w.tell("bob: /ic sevrity regular")
	if !slices.ContainsFunc(w.byApp(),
		func(body string) bool { return strings.Contains(body, "id you mean") }) {
		t.Error("nobody is answered")
	}
}

// A trouble's mark that is taken to another incident leads no report there, and one that is
// invented in a ticket keeps no ticket from being opened.
func TestI6NoMovedMarkLeadsAReportAstray(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alert("firing", "APIServerDown", 1)
	w.settle()
	w.tell("wait 2h")
	w.alert("firing", "DiskFull", 1)
	w.settle()
	w.ref.Number = 2
	var first, second struct{ Body string }
	w.ok("bob", "GET", "/api/v3/repos/acme/incidents/issues/1", nil, &first)
	w.ok("bob", "GET", w.issue(), nil, &second)
	marks := first.Body[strings.Index(first.Body, "<!-- firebreak:"):]
	w.ok("bob", "PATCH", w.issue(), map[string]string{"body": marks + "\n\n" + second.Body}, nil)
	w.settle()
	w.tell("wait 2h")
	card := w.card()
	w.alert("firing", "APIServerDown", 2)
	w.settle()
	if now := w.card(); now != card {
		t.Errorf("the report is counted on the other incident:\n%s\nbefore:\n%s", now, card)
	}
	w.alert("firing", "DiskFull", 2)
	w.settle()
	if w.as("bob", "GET", "/api/v3/repos/acme/incidents/issues/3", nil, nil) != 404 {
		t.Error("another incident was opened")
	}
}

func TestC4AForgedTicketIsNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	regular := "alice opens \"Checkout is down\"\n  Summary: Checkout is down\n  Severity: regular\n  Customers impacted: none\n"
	end := "alice: /ic followup acme/platform Alert on it @bob\nalice: /ic phase closing because it is over\nwait 1m\n"
	w.tell(regular)
	w.ref.Number = 2
	w.tell(regular)
	w.ref.Number = 1
	w.tell(end)
	tickets := func() (n int) {
		var all []struct{ Body string }
		w.ok("bob", "GET", "/api/v3/repos/acme/platform/issues?state=all", nil, &all)
		return len(all)
	}
	if n := tickets(); n != 1 {
		t.Fatalf("%d tickets", n)
	}
	var ticket struct{ Body string }
	w.ok("bob", "GET", "/api/v3/repos/acme/platform/issues/1", nil, &ticket)
	w.ok("bob", "PATCH", "/api/v3/repos/acme/platform/issues/1",
		map[string]string{"body": ticket.Body + "\n<!-- firebreak:ticket acme/incidents#2/0 -->\n"}, nil)
	w.settle()
	w.ref.Number = 2
	w.tell(end)
	if n := tickets(); n != 2 {
		t.Errorf("%d tickets: the forged one counts", n)
	}
}
