package engine_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// empty is the form with nothing answered but how bad it is.
func empty(severity, drill string) string {
	return "### Summary\n\n_No response_\n\n### Severity\n\n" + severity +
		"\n\n### Customers impacted\n\n_No response_\n\n### How did you learn of it?\n\n_No response_\n\n### Drill\n\n- [" + drill + "] This is a drill"
}

// A P1 that is declared with only a title has paged within one look, in whichever way it is
// declared. In a drill, which pages nobody, it is confirmed and the clock runs.
func TestI2I3I4AP1WithOnlyATitlePagesWithinOneLook(t *testing.T) {
	skipUnderRace(t)
	open := func(w *world, who, body string, labels ...string) {
		fields := map[string]any{"title": "The API is down", "body": body}
		if len(labels) > 0 {
			fields["labels"] = labels
		}
		w.ok(who, "POST", "/api/v3/repos/acme/incidents/issues", fields, nil)
	}
	for name, c := range map[string]struct {
		declare func(*world)
		drill   bool
	}{
		"the form":                {func(w *world) { open(w, "alice", empty("critical", " "), "incident") }, false},
		"the form, and the label": {func(w *world) { open(w, "alice", empty("_No response_", " "), "severity/critical", "incident") }, false},
		"a command in a comment":  {func(w *world) { open(w, "bob", ""); w.settle(); w.comment("alice", "/incident critical") }, false},
		"a command with p1":       {func(w *world) { open(w, "bob", ""); w.settle(); w.comment("alice", "/incident p1") }, false},
		"a command in the issue's text": {func(w *world) { open(w, "alice", "/incident critical") },
			false},
		"labels at once":                      {func(w *world) { open(w, "alice", "", "incident", "severity/critical") }, false},
		"labels at once, the other way round": {func(w *world) { open(w, "alice", "", "severity/critical", "incident") }, false},
		"labels one by one":                   {func(w *world) { open(w, "alice", ""); w.tell("alice labels incident\nalice labels severity/critical") }, false},
		"labels one by one, the other way":    {func(w *world) { open(w, "alice", ""); w.tell("alice labels severity/critical\nalice labels incident") }, false},
		"a severity afterwards": {func(w *world) {
			open(w, "alice", "", "incident")
			w.settle()
			w.comment("alice", "/ic severity critical")
		}, false},
		"a severity afterwards, by another": {func(w *world) {
			open(w, "alice", "", "incident")
			w.settle()
			w.comment("bob", "/ic severity critical")
		}, false},
		"the role under it, in one comment": {func(w *world) { open(w, "bob", ""); w.settle(); w.comment("alice", "/oe\n/incident critical") }, false},
		"a drill's text":                    {func(w *world) { open(w, "alice", "/incident critical The API is down", "drill") }, true},
		"a drill's form":                    {func(w *world) { open(w, "alice", empty("critical", "x"), "incident") }, true},
		"a drill by an alert, and the command": {func(w *world) {
			w.post("/intake/generic", "application/json",
				`{"title":"The API is down","severity":"critical","drill":true}`)
			w.settle()
			w.comment("alice", "/incident critical")
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.declare(w)
			w.settle()
			card, sent := w.card(), w.outbox()
			if !strings.Contains(card, "P1 · Identify") ||
				!strings.Contains(card, "Next&nbsp;update | **11:00 UTC**") {
				t.Errorf("the card says\n%s", card)
			}
			if c.drill != (len(sent) == 0) || !c.drill &&
				(len(sent) != 1 || !strings.HasPrefix(sent[0].Text, "P1: The API is down")) {
				t.Errorf("the outbox holds %v", sent)
			}
			if strings.Contains(card, "what is broken") || !c.drill &&
				!strings.Contains(card, "which customers are hit") {
				t.Errorf("of what is missing the card says\n%s", card)
			}
			before := w.card()
			w.tell("alice deletes card")
			if d := cmp.Diff(before, w.card()); d != "" {
				t.Errorf("a lost card comes back as another:\n%s", d)
			}
		})
	}
}

// A title that says nothing is asked for, from whoever declared it, and renaming answers.
func TestI2ATitleThatSaysNothingIsAskedFor(t *testing.T) {
	w := newWorld(t)
	w.ok("alice", "POST", "/api/v3/repos/acme/incidents/issues",
		map[string]any{"title": "[Incident]: ", "body": "",
			"labels": []string{"severity/critical", "incident"}}, nil)
	w.settle()
	if len(w.outbox()) != 1 {
		t.Errorf("the outbox holds %v", w.outbox())
	}
	w.tell("carol: /ic\nwait 35m")
	if said := w.said("this is still missing"); len(said) != 1 || !strings.Contains(said[0], "@alice") ||
		!strings.Contains(said[0], "What is broken") || !strings.Contains(said[0], "Which customers") {
		t.Errorf("asked for so: %q", said)
	}
	w.tell("alice renames The API of eu-1 answers with 503\nalice: /ic customer add none")
	before := w.card()
	if strings.Contains(before, "still missing") {
		t.Errorf("all is answered, and the card says\n%s", before)
	}
	w.tell("alice deletes card")
	if d := cmp.Diff(before, w.card()); d != "" {
		t.Errorf("a lost card comes back as another:\n%s", d)
	}
	before = fmt.Sprint(w.said("this is still missing"))
	w.tell("wait 5h")
	if after := fmt.Sprint(w.said("this is still missing")); after != before {
		t.Errorf("it is asked for again: %s", after)
	}
}

// What comes from outside and claims to be critical pages who is on call, unless a rule says
// otherwise; anything else mentions the coordinators until somebody takes it.
func TestI7WhatComesFromOutsideWakesSomebody(t *testing.T) {
	skipUnderRace(t)
	mail := func(subject string) func(*world) {
		return func(w *world) {
			w.post("/intake/email", "message/rfc822",
				"From: Gina <gina@globex.example>\r\nTo: p1@acme.example\r\nSubject: "+subject+"\r\nMessage-ID: <1@globex.example>\r\n\r\nIt does not work\r\n")
		}
	}
	slack := func(text string) func(*world) {
		return func(w *world) {
			w.slack(url.Values{"command": {"/incident"}, "text": {text}, "team_id": {"T1"},
				"team_domain": {"acme"}, "channel_id": {"C1"}, "channel_name": {"general"},
				"user_id": {"U2"}, "user_name": {"bob"}, "trigger_id": {"9.9.bob"}})
		}
	}
	generic := func(severity string) func(*world) {
		return func(w *world) {
			w.post("/intake/generic", "application/json",
				fmt.Sprintf(`{"title":"eu-1 degraded","message":"API slow","severity":%q}`, severity))
		}
	}
	reader := func(severity string) func(*world) {
		return func(w *world) {
			w.tell("mallory opens \"It is slow\"\n  Severity: " + severity)
		}
	}
	for name, c := range map[string]struct {
		rules  string
		report func(*world)
		pages  bool
	}{
		"an alert": {"", func(w *world) { w.alert("firing", "APIServerDown", 1) },
			true},
		"an alert, and a rule": {"signals: [{source: alertmanager, do: open}]\n",
			func(w *world) { w.alert("firing", "APIServerDown", 1) }, false},
		"an alert, and a rule for others": {"signals: [{source: email, do: open}]\n",
			func(w *world) { w.alert("firing", "APIServerDown", 1) }, true},
		"a mail":                         {"", mail("P1: checkout is down"), true},
		"a mail about an outage":         {"", mail("Re: production down at globex"), true},
		"a mail that says no such thing": {"", mail("Question about an invoice"), false},
		"a mail of no outage":            {"", mail("Planned outage on Sunday, not critical"), false},
		"a mail, and a rule":             {"signals: [{source: email, do: open}]\n", mail("SEV-1"), false},
		"Slack":                          {"", slack("critical: API is down"), true},
		"Slack with p1":                  {"", slack("p1 API is down"), true},
		"Slack without":                  {"", slack("API is slow"), false},
		"a webhook":                      {"", generic("P1"), true},
		"a webhook, regular":             {"", generic("regular"), false},
		"a reader":                       {"", reader("critical"), true},
		"a reader, and a rule": {"signals: [{source: reader, do: open}]\n", reader("critical"),
			false},
		"a reader, regular": {"", reader("regular"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.change("main", "pager: webhook\n"+c.rules)
			c.report(w)
			w.settle()
			sent, asked := w.outbox(), w.said("Nobody has taken it yet")
			if c.pages && (len(sent) != 1 || !strings.HasPrefix(sent[0].Text, "Unconfirmed critical: ") ||
				len(asked) > 0) || !c.pages && (len(sent) > 0 || len(asked) != 1 ||
				!strings.Contains(asked[0], "@acme/incident-coordinators")) {
				t.Errorf("paged %v, asked %q", sent, asked)
			}
			if !strings.Contains(w.card(), "Nobody has confirmed this yet") {
				t.Errorf("the card says\n%s", w.card())
			}
			w.tell("wait 16m")
			if again := w.said("Nobody has taken it yet"); !c.pages &&
				(len(again) != 1 || again[0] == asked[0]) {
				t.Errorf("a quarter of an hour later it is said so: %q", again)
			}
			w.tell("bob: /oe")
			last := w.said("Nobody has taken it yet")
			before := len(w.outbox())
			w.tell("wait 8h")
			if again := w.said("Nobody has taken it yet"); !slices.Equal(again, last) ||
				len(w.outbox()) != before {
				t.Errorf("somebody took it, and %q, %v", again, w.outbox()[before:])
			}
		})
	}
}

const mixed = `{"version":"4","groupKey":"{}:mixed","status":"firing","receiver":"firebreak","groupLabels":{},"commonLabels":{},"commonAnnotations":{},"externalURL":"http://am.example",
"alerts":[{"status":"firing","labels":{"alertname":"DiskFilling","severity":"warning"},"annotations":{},"startsAt":"2026-03-02T10:00:00Z","fingerprint":"a"},
{"status":"firing","labels":{"alertname":"APIServerDown","severity":"critical","cluster":"eu-1"},"annotations":{"summary":"the API of eu-1 does not answer"},"startsAt":"2026-03-02T10:00:00Z","fingerprint":"b"}]}`

const disk = `{"version":"4","groupKey":"{}:mixed","status":"firing","receiver":"firebreak","groupLabels":{},"commonLabels":{"alertname":"DiskFilling","severity":"warning"},"commonAnnotations":{},"externalURL":"http://am.example",
"alerts":[{"status":"firing","labels":{"alertname":"DiskFilling","severity":"warning"},"annotations":{"summary":"disk 80 %"},"startsAt":"2026-03-02T10:00:00Z","fingerprint":"a"}]}`

// K5: each alert of a group counts with its own labels, and the worst decides.
func TestI1I7AMixedGroup(t *testing.T) {
	for name, rules := range map[string]string{"by default": "",
		"by a rule": "signals: [{source: alertmanager, labels: {severity: critical}, do: page}]\n", "whatever the other's rule": "signals: [{labels: {severity: warning}, do: note}]\n"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.change("main", "pager: webhook\n"+rules)
			w.post("/intake/alertmanager", "application/json", mixed)
			w.settle()
			v, card := w.view(), w.card()
			if sent := w.outbox(); len(sent) != 1 || !strings.Contains(sent[0].Text, "APIServerDown") {
				t.Errorf("the outbox holds %v", sent)
			}
			if v.Title != "APIServerDown: the API of eu-1 does not answer" ||
				!strings.Contains(card, "as critical") {
				t.Errorf("it is %q and says\n%s", v.Title, card)
			}
		})
	}
}

// K6: what is new in a known trouble is told, once, and a rise to critical pages once; what repeats
// it is counted.
func TestI6I7WhatIsNewIsTold(t *testing.T) {
	generic := func(title, message, severity string) string {
		return fmt.Sprintf(`{"title":%q,"message":%q,"dedup_key":"eu-1","severity":%q}`, title, message,
			severity)
	}
	for name, c := range map[string]struct {
		path          string
		first, second string
		words         []string
	}{
		"another alert": {"/intake/alertmanager", disk, mixed,
			[]string{"APIServerDown", "critical"}},
		"another text and severity": {"/intake/generic", generic("eu-1 degraded", "API slow", "regular"),
			generic("eu-1 lost data", "Database is corrupt, customers lose orders",
				"critical"), []string{"eu-1 lost data", "Database is corrupt", "critical"}},
	} {
		// at once it must not be joined with the first
		for _, waits := range []time.Duration{time.Minute, 0} {
			t.Run(fmt.Sprint(name, " after ", waits), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.post(c.path, "application/json", c.first)
				if waits > 0 {
					w.settle()
					w.advance(waits)
				}
				w.post(c.path, "application/json", c.second)
				w.tell("wait 1m")
				news := w.said("firebreak:did news/")
				if len(news) != 1 || !strings.Contains(news[0], "@acme/incident-coordinators") {
					t.Fatalf("told so: %q", news)
				}
				for _, word := range c.words {
					if !strings.Contains(news[0], word) {
						t.Errorf("%q is not told of: %s", word, news[0])
					}
				}
				if !strings.Contains(w.card(), "as critical") || len(w.outbox()) != 1 {
					t.Errorf("paged %v, and the card says\n%s", w.outbox(), w.card())
				}
				w.tell("bob: /oe")
				w.post(c.path, "application/json", c.second)
				w.tell("wait 1m")
				w.post(c.path, "application/json", c.first)
				w.tell("wait 30m")
				if again := w.said("firebreak:did news/"); !slices.Equal(again, news) ||
					len(w.outbox()) != 1 {
					t.Errorf("told again: %q, paged %v", again, w.outbox())
				}
				if counted := w.said("reported this 4 times"); len(counted) != 1 {
					t.Errorf("counted so: %q", w.said("reported this"))
				}
				before := w.card()
				w.tell("alice deletes card")
				if d := cmp.Diff(before, w.card()); d != "" {
					t.Errorf("a lost card comes back as another:\n%s", d)
				}
				w.post(c.path, "application/json", c.second)
				w.tell("wait 2m")
				if again := w.said("firebreak:did news/"); !slices.Equal(again, news) {
					t.Errorf("after the card was lost it is told again: %q", again)
				}
			})
		}
	}
}

// A look that breaks off after it wrote down that the trouble was reported again has counted the
// report nowhere else: it comes again, and what is new in it is told.
func TestI6WhatIsNewIsToldByTheNextTry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/intake/alertmanager", "application/json", disk)
	w.settle()
	w.tell("bob: /oe\nwait 1m")
	w.order(`{"match":"^PATCH .*/issues/comments/","status":502,"count":1}`)
	w.post("/intake/alertmanager", "application/json", mixed)
	w.tell("wait 10m")
	if news := w.said("firebreak:did news/"); len(news) != 1 || !strings.Contains(news[0], "APIServerDown") {
		t.Errorf("told so: %q", news)
	}
	if !strings.Contains(w.card(), "as critical") {
		t.Errorf("the card says\n%s", w.card())
	}
	if counted := w.said("reported this 2 times"); len(counted) != 1 {
		t.Errorf("counted so: %q", w.said("reported this"))
	}
}

// An alert that goes on firing pages nobody again, while its incident is open; once that is over
// the next one does.
func TestI7AnAlertThatGoesOnFiringPagesOnce(t *testing.T) {
	w := newWorld(t)
	w.alert("firing", "APIServerDown", 1)
	w.settle()
	w.tell("bob: /oe\ndan: /ic")
	for n := range 5 {
		w.tell("wait 2h")
		w.alert("firing", "APIServerDown", n+2)
		w.settle()
	}
	w.tell("wait 1m")
	if sent := w.outbox(); len(sent) != 1 {
		t.Errorf("paged %v", sent)
	}
	w.tell("dan: /incident decline A test\nwait 1m")
	w.alert("firing", "APIServerDown", 9)
	w.settle()
	w.tell("wait 1m")
	if sent := w.outbox(); len(sent) != 2 {
		t.Errorf("it fires after its incident was declined, and %v", sent)
	}
}

// The commands of one comment count together, in edits and on the pull request too.
func TestI2CommandsOfOneCommentCountTogether(t *testing.T) {
	w := newWorld(t)
	w.tell("alice opens \"The API is down\"\n  Severity: regular\n  Customers impacted: globex")
	w.tell("alice: /ic phase fixing\n  /oe cause A certificate ran out")
	if labels := w.view().labels(); !slices.Contains(labels, "phase/fixing") {
		t.Fatalf("labels %v", labels)
	}
	w.tell("alice: Hold on")
	w.tell("alice edits 2: /ic phase monitoring\n  /oe workaround by hand")
	if labels := w.view().labels(); !slices.Contains(labels, "phase/monitoring") {
		t.Fatalf("labels %v", labels)
	}
	w.tell("alice: /ic close\n  /ic followup acme/payments Add a limit\n  /ic agree Gina, by phone")
	if v := w.view(); v.State != "closed" || !strings.Contains(w.card(), "acme/payments#1") {
		t.Errorf("%s, and the card says\n%s", v.State, w.card())
	}
}

// A declaration that the author puts into the text of an open issue counts, as one in a comment
// does (K21, I1). What others put there is not the author's word.
func TestK21AnIssuesTextMayBeEdited(t *testing.T) {
	for _, c := range []struct {
		by    string
		wait  string
		isOne bool
	}{{"alice", "wait 1m", true}, {"alice", "wait 26h", true}, {"carol", "wait 1m", false}} {
		w := newWorld(t)
		w.ok("alice", "POST", "/api/v3/repos/acme/incidents/issues", map[string]any{"title": "The API is slow", "body": "Since noon."}, nil)
		w.settle()
		w.tell(c.wait)
		w.ok(c.by, "PATCH", w.issue(), map[string]string{"body": "It got worse.\n\n/incident critical The API is down"}, nil)
		w.settle()
		if isOne := slices.Contains(w.view().labels(), "severity/critical"); isOne != c.isOne || len(w.outbox()) > 0 != c.isOne {
			t.Errorf("%+v: %v, %+v", c, w.view().labels(), w.outbox())
		}
	}
}

// An invisible mark before, in or between the lines of the form hides nothing of it (K3): people are
// paged as by any other form.
func TestK3AFormWithInvisibleMarks(t *testing.T) {
	form := "### Summary\n\nThe API is down\n\n### Severity\n\ncritical\n\n### Customers impacted\n\nglobex\n\n" +
		"### How did you learn of it?\n\n_No response_\n\n### Drill\n\n- [ ] This is a drill\n"
	for name, body := range map[string]string{
		"a byte order mark first":    "\ufeff" + form,
		"one before each heading":    strings.ReplaceAll(form, "###", "\u200b###"),
		"no-break spaces":            strings.ReplaceAll(form, "### ", "###\u00a0"),
		"marks around the answers":   strings.NewReplacer("critical", "\u2060Critical\u200f", "globex", "\u200bglobex\u00a0").Replace(form),
		"wide spaces and CRLF":       strings.ReplaceAll(strings.ReplaceAll(form, "\n", "\r\n"), "critical", "\u3000critical\u3000"),
		"a soft hyphen in the word":  strings.ReplaceAll(form, "critical", "criti\u00adcal"),
		"marks of direction, around": "\u202a" + form + "\u202c",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := unjudged(t)
			w.ok("alice", "POST", "/api/v3/repos/acme/incidents/issues", map[string]any{"title": "The API is down", "body": body, "labels": []string{"incident"}}, nil)
			w.settle()
			if !slices.Contains(w.view().labels(), "severity/critical") || len(w.outbox()) != 1 || !strings.Contains(w.card(), "customer **globex**") {
				t.Errorf("labels %v, paged %d times, the card says\n%s", w.view().labels(), len(w.outbox()), w.card())
			}
		})
	}
}
