package engine_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// alert posts what Alertmanager posts.
func (w *world) alert(status, name string, n int) {
	w.t.Helper()
	w.post("/intake/alertmanager", "application/json", fmt.Sprintf(`{"version":"4","groupKey":"{}:{alertname=%s}","status":%q,"receiver":"firebreak",
		"groupLabels":{"alertname":%q},"commonLabels":{"alertname":%q,"severity":"critical","customer":"globex"},"commonAnnotations":{"summary":"The API server of eu-1 is down @carol"},
		"externalURL":"http://alertmanager.example","alerts":[{"status":%q,"labels":{"alertname":%q,"instance":"i-%d"},"annotations":{"description":"/ic close"},
		"startsAt":"2026-03-02T10:39:00Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":"f%d"}]}`, name, status, name, name, status, name, n, n))
}

func (w *world) post(path, kind, body string) {
	w.t.Helper()
	req, err := http.NewRequest("POST", w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer demo-intake")
	req.Header.Set("Content-Type", kind)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	if text, _ := io.ReadAll(res.Body); res.StatusCode >= 300 {
		w.t.Fatalf("%s answers %d %s", path, res.StatusCode, text)
	}
}

// said lists the comments of the app's own that hold some words, but for the card.
func (w *world) said(words string) (bodies []string) {
	w.t.Helper()
	for _, c := range w.list() {
		isCard := strings.Contains(c.Body, "<!-- firebreak:card v1 {")
		if strings.HasSuffix(c.User.Login, "[bot]") && strings.Contains(c.Body, words) && !isCard {
			bodies = append(bodies, c.Body)
		}
	}
	return bodies
}

func TestI1I6AnAlertOpensOneIncidentAndGoesOnBeingCounted(t *testing.T) {
	w := newWorld(t)
	w.alert("firing", "APIServerDown", 1)
	w.settle()
	card := w.card()
	if !strings.Contains(card, "Unconfirmed · Identify") ||
		!strings.Contains(card, "reported by **Alertmanager** as critical") ||
		!strings.Contains(card, "globex") {
		t.Fatalf("the card says\n%s", card)
	}
	if sent := w.outbox(); len(sent) != 1 || !strings.HasPrefix(sent[0].Text,
		"Unconfirmed critical: APIServerDown") {
		t.Errorf("a critical alert pages as unconfirmed (I7), and once: %v", sent)
	}
	w.tell("bob: /oe\nbob: /ic severity critical")
	if sent := w.outbox(); len(sent) != 2 || sent[1].Kind != "page" ||
		!strings.HasPrefix(sent[1].Text, "P1 globex") {
		t.Errorf("confirmed, and the outbox holds %v", sent)
	}
	w.tell("wait 1m")
	w.alert("firing", "APIServerDown", 2)
	w.tell("wait 1m")
	w.alert("firing", "APIServerDown", 3)
	w.tell("wait 1m")
	if said := w.said("reported this"); len(said) != 1 ||
		!strings.Contains(said[0], "reported this 3 times") {
		t.Errorf("the repetitions are told so: %q", said)
	}
	w.alert("resolved", "APIServerDown", 3)
	w.tell("wait 1m")
	v := w.view()
	if said := w.said("says that it recovered. Is it over?"); v.State != "open" || len(said) != 1 {
		t.Errorf("after the recovery: %s, %q", v.State, said)
	}
	w.tell("dan: /ic\nbob: /oe workaround Restarted\ndan: /ic phase monitoring")
	w.alert("firing", "APIServerDown", 4)
	w.tell("wait 1m")
	if said := w.said("**Alertmanager** fires again."); len(said) != 1 ||
		!strings.HasPrefix(said[0], "@dan, @bob: it came back. **Alertmanager** fires again.") {
		t.Errorf("firing during the stand-by: %q", said)
	}
	if !strings.Contains(w.card(), "P1 · Investigate") {
		t.Error("an alert in the stand-by does not take the incident back (M3)")
	}
	var all []struct{ Number int }
	w.ok("alice", "GET", "/api/v3/repos/acme/incidents/issues?state=all", nil, &all)
	if len(all) != 1 {
		t.Errorf("%d issues", len(all))
	}
	w.alert("firing", "DiskFull", 1)
	w.settle()
	w.ok("alice", "GET", "/api/v3/repos/acme/incidents/issues?state=all", nil, &all)
	if len(all) != 2 {
		t.Errorf("another trouble, and %d issues", len(all))
	}
}

// A storm of one group is one incident and few writes.
func TestI6AStorm(t *testing.T) {
	w := newWorld(t)
	storm := 1000
	if testing.Short() {
		storm = 100
	}
	for i := range storm {
		w.alert("firing", "APIServerDown", i)
		if i%(storm/4) == storm/4-1 {
			w.tell("wait 15s")
		}
	}
	w.tell("wait 1m")
	if said := w.said("reported this"); len(said) != 1 ||
		!strings.Contains(said[0], fmt.Sprintf("reported this %d times", storm)) {
		t.Errorf("the storm is told so: %q", said)
	}
	calls := w.calls()
	t.Logf("%d alerts within a minute: %d calls, %d of them writes", storm, len(calls), writes(calls))
	if writes(calls) > 30 || len(calls) > 80 {
		t.Errorf("%d calls, %d writes", len(calls), writes(calls))
	}
	var all []struct{ Number int }
	w.ok("alice", "GET", "/api/v3/repos/acme/incidents/issues?state=all", nil, &all)
	if len(all) != 1 {
		t.Errorf("%d incidents", len(all))
	}
}

// What a source says acts as nothing: no command, no mention, no link.
func TestI1WhatASourceSaysIsInert(t *testing.T) {
	w := newWorld(t)
	w.alert("firing", "APIServerDown", 1)
	w.settle()
	var issue struct{ Body, Title string }
	w.ok("alice", "GET", w.issue(), nil, &issue)
	for _, bad := range []string{"\n/ic close", "@carol"} {
		if strings.Contains(issue.Body, bad) {
			t.Errorf("the incident's text holds %q:\n%s", bad, issue.Body)
		}
	}
	w.post("/intake/email", "message/rfc822",
		"From: Gina <gina@globex.example>\r\nTo: p1@acme.example\r\nSubject: Nothing works @alice\r\nMessage-ID: <1@globex.example>\r\n\r\nHelp!\r\n/ic phase closing because I say so\r\n")
	w.settle()
	w.ref.Number = 2
	if card := w.card(); !strings.Contains(card, "Unconfirmed") || !strings.Contains(card, "Email") {
		t.Errorf("a mail returns the card\n%s", card)
	}
	w.post("/intake/email", "message/rfc822",
		"From: Gina <gina@globex.example>\r\nTo: p1@acme.example\r\nSubject: Re: Nothing works\r\nMessage-ID: <2@globex.example>\r\nIn-Reply-To: <1@globex.example>\r\nReferences: <1@globex.example>\r\n\r\nAny news?\r\n")
	w.tell("wait 1m")
	if said := w.said("Any news?"); len(said) != 1 {
		t.Errorf("the reply in the thread is told so: %q", said)
	}
}

// Where the configuration says so people are paged before GitHub is asked, so that its outage
// delays nobody.
func TestI1PageFirst(t *testing.T) {
	w := newWorld(t)
	w.change("main", "pager: webhook\nsignals:\n  - source: alertmanager\n    do: page\n    severity: critical\n    customer: globex\ncustomers: {globex: {}}\n")
	w.alert("firing", "First", 1) // the configuration is read once while GitHub is there
	w.settle()
	if sent := w.outbox(); len(sent) != 1 || sent[0].Kind != "page" {
		t.Fatalf("the outbox holds %v", sent)
	}
	w.order(`{"outage":"10m"}`)
	w.alert("firing", "APIServerDown", 1)
	w.alert("firing", "APIServerDown", 2)
	if sent := w.outbox(); len(sent) != 2 {
		t.Fatalf("during the outage the outbox holds %v", sent)
	}
	w.tell("wait 20m")
	w.ref.Number = 2
	card := w.card()
	if !strings.Contains(card, "reported by **Alertmanager**") || !strings.Contains(card, "Paged") {
		t.Errorf("after the outage the card says\n%s", card)
	}
	before := len(w.outbox())
	w.tell("bob: /oe\nwait 10m")
	if sent := w.outbox(); len(sent) != before {
		t.Errorf("somebody looks into it, and the outbox holds %v", sent)
	}
}

// A6: a drill that comes as a signal opens an exercise. It pages nobody, even where the
// configuration pages at once, tells no customer, and stays apart from the trouble that it plays:
// whatever is real opens an incident of its own, and pages.
func TestA6ADrillBySignal(t *testing.T) {
	w := newWorld(t)
	w.change("main", "pager: webhook\nsignals:\n  - source: generic\n    do: page\n    severity: critical\n    customer: globex\ncustomers: {globex: {channels: [{email: ops@globex.example}]}}\n")
	signal := func(state string, drill bool, n int) {
		w.post("/intake/generic", "application/json",
			fmt.Sprintf(`{"title":"APIServerDown","state":%q,"dedup_key":"api","drill":%t,"n":%d}`, state,
				drill, n))
		w.tell("wait 1m")
	}
	signal("alerting", true, 1)
	v := w.view()
	if !strings.HasPrefix(v.Title, "Drill: ") || !slices.Contains(v.labels(), "drill") ||
		!strings.Contains(w.card(), "pages nobody, tells no customer") {
		t.Errorf("the drill is %q with %q and says\n%s", v.Title, v.labels(), w.card())
	}
	w.tell("bob: /oe\nbob: /ic severity critical\nwait 30m")
	signal("alerting", true, 2)
	signal("ok", true, 3)
	if said := w.said("says that it recovered. Is it over?"); len(said) != 1 || w.view().State != "open" {
		t.Errorf("the recovery is told so: %q", said)
	}
	if sent := w.outbox(); len(sent) > 0 {
		t.Errorf("a drill reached people outside: %v", sent)
	}
	signal("alerting", false, 4)
	w.ref.Number = 2
	if v := w.view(); v.Title != "APIServerDown" || slices.Contains(v.labels(), "drill") {
		t.Errorf("what is real is %q with %q", v.Title, v.labels())
	}
	if sent := w.outbox(); len(sent) == 0 || sent[0].Kind != "page" {
		t.Errorf("what is real reached nobody: %v", sent)
	}
	signal("ok", true, 5)
	if said := w.said("says that it recovered"); len(said) > 0 {
		t.Errorf("a drill's recovery landed on what is real: %q", said)
	}
}

// An acknowledgement at the pager ends the escalation (I5), also that of a page that went out
// before its incident.
func TestI5AnAcknowledgementAtThePager(t *testing.T) {
	w := newWorld(t)
	w.tell("alice opens \"The API is down\"\n  Summary: Customers get 502\n  Severity: critical\n  Customers impacted: globex")
	key := w.outbox()[0].Key
	w.post("/intake/opsgenie", "application/json",
		fmt.Sprintf(`{"action":"Acknowledge","source":{"name":"web","type":"web"},"alert":{"alertId":"1","alias":%q,"message":"x","username":"dan@acme.example","updatedAt":1772448120000}}`, key))
	w.settle()
	if card := w.card(); !strings.Contains(card, "dan@acme.example") {
		t.Errorf("the card says\n%s", card)
	}
	if said := w.said("answered the page in Opsgenie"); len(said) != 1 {
		t.Errorf("the answer is told so: %q", said)
	}
	w.tell("wait 4m\nalice deletes card\nwait 5m")
	for _, e := range w.outbox()[1:] {
		if e.Kind == "page" {
			t.Errorf("paged after the answer: %v", e)
		}
	}
}
