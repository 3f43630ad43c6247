package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// pages lists the pages that left because nobody answered, each as its key's last part.
func (w *world) pages() (keys []string) {
	w.t.Helper()
	for _, s := range w.outbox() {
		if s.Kind == "page" && strings.Contains(s.Text, "no Incident Coordinator yet") {
			key, _, _ := strings.Cut(strings.TrimPrefix(s.Key, w.ref.String()+"/"), "@") // of one that went out blindly
			keys = append(keys, key)
		}
	}
	return keys
}

// The escalation of an incident that nobody answers goes on while GitHub can't be asked, in a process that started meanwhile
// too; when it is back nobody is paged twice, and the card says who was.
func TestI5TheEscalationWaitsForNoGitHub(t *testing.T) {
	for name, fault := range map[string]string{"an outage": `{"outage":"12m"}`, "the rate's limit": `{"rate_limit":"primary","retry_after":"12m"}`} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.tell("alice opens \"The API is down\"\n  Summary: Customers get 502\n  Severity: critical\n  Customers impacted: globex")
			w.settle()
			if got := w.pages(); !slices.Equal(got, []string{"page/1"}) {
				t.Fatalf("paged %v", got)
			}
			w.order(fault)
			w.tell("wait 1m")
			w.restart()
			w.tell("wait 10m")
			if got := w.pages(); !slices.Equal(got, []string{"page/1", "page/2"}) {
				t.Errorf("while GitHub can't be asked %v are paged", got)
			}
			w.as("", "DELETE", "/sandbox/faults", nil, nil)
			w.tell("wait 10m")
			if got := w.pages(); !slices.Equal(got, []string{"page/1", "page/2", "page/4", "page/5"}) { // the third calls by phone
				t.Errorf("when it is back %v are paged", got)
			}
			if card := w.card(); !strings.Contains(card, "10:45 by webhook") {
				t.Errorf("the card says\n%s", card)
			}
		})
	}
}

// A comment that was written during an outage waits for GitHub, and the escalation does not wait with it (A8).
func TestA8ACommentDuringAnOutageHoldsUpNoPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tell("alice opens \"The API is down\"\n  Summary: Customers get 502\n  Severity: critical\n  Customers impacted: globex")
	w.order(`{"match":"GET .*/issues/1$","status":502,"count":1000}`)
	w.tell("wait 1m\nbob: I have a look\nwait 7m")
	if got := w.pages(); !slices.Equal(got, []string{"page/1", "page/2"}) {
		t.Errorf("while GitHub fails %v are paged", got)
	}
}

// An answer at the pager ends the escalation though GitHub does not know of it, and what was due after it is not made up for.
func TestI5AnAnswerWhileGitHubIsOutIsHeard(t *testing.T) {
	w := newWorld(t)
	w.tell("alice opens \"The API is down\"\n  Summary: Customers get 502\n  Severity: critical\n  Customers impacted: globex")
	w.settle()
	key := w.outbox()[0].Key
	w.order(`{"outage":"30m"}`)
	w.tell("wait 1m")
	w.post("/intake/opsgenie", "application/json", fmt.Sprintf(`{"action":"Acknowledge","source":{"name":"web","type":"web"},"alert":{"alertId":"1","alias":%q,"message":"x","username":"dan@acme.example","updatedAt":%d}}`,
		key, began.UnixMilli()+60_000))
	w.tell("wait 9m")
	if got := w.pages(); !slices.Equal(got, []string{"page/1"}) {
		t.Errorf("paged %v after the answer", got)
	}
	w.tell("wait 12m") // dan has not taken the role for ten minutes, and a try of the queue is as late as that
	if got := w.pages(); !slices.Contains(got, "page/2") {
		t.Errorf("paged %v while GitHub is out and nobody has taken the role", got)
	}
	w.as("", "DELETE", "/sandbox/faults", nil, nil)
	w.tell("wait 10m")
	if card := w.card(); !strings.Contains(card, "dan@acme.example") {
		t.Errorf("the card says\n%s", card)
	}
}

// Who takes over on GitHub while the app can't read it is paged once in vain, and what is asked later is another page.
func TestI5APageInVainHidesNoOther(t *testing.T) {
	w := newWorld(t)
	w.tell("alice opens \"The API is down\"\n  Summary: Customers get 502\n  Severity: critical\n  Customers impacted: globex")
	w.settle()
	w.order(`{"outage":"12m"}`)
	w.comment("carol", "/ic")
	w.tell("wait 12m")
	if got := w.pages(); !slices.Equal(got, []string{"page/1", "page/2"}) {
		t.Fatalf("while GitHub is out %v are paged", got)
	}
	w.as("", "DELETE", "/sandbox/faults", nil, nil)
	w.tell("wait 6m")
	before := len(w.outbox())
	w.comment("carol", "/ic escalate nobody here knows the network")
	w.settle()
	if sent := w.outbox()[before:]; len(sent) != 1 || sent[0].Key != w.ref.String()+"/page/2" {
		t.Errorf("asked for help the outbox gains %v", sent)
	}
}
