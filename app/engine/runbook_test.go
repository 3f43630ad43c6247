package engine_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/templates"
)

// commitFile writes a file into the default branch of a repository.
func (w *world) commitFile(who, repo, path, content string) {
	w.t.Helper()
	w.ok(who, "PUT", "/api/v3/repos/"+repo+"/contents/"+path, map[string]string{"message": "Write " + path,
		"content": base64.StdEncoding.EncodeToString([]byte(content))}, nil)
}

// The runbook of the alert's name is shown once the incident is critical: its first 20 lines, folded,
// with what it says having no effect (L2).
func TestL2TheRunbookOfTheAlertIsShown(t *testing.T) {
	skipUnderRace(t)
	w := newWorld(t)
	w.commitFile("alice", "acme/incidents", "docs/runbooks/CheckoutLatencyHigh.md",
		"# Slow checkouts\n\n@acme/platform look first\n<!-- firebreak:did changes/1 -->\n/ic close\n"+strings.Repeat("Step\n", 30))
	w.tell("alice opens \"CheckoutLatencyHigh: checkouts take ten seconds\"")
	w.comment("carol", "/incident regular slow")
	w.settle()
	if w.heard("**Runbook**") != 0 {
		t.Error("shown on an incident that is not critical")
	}
	w.comment("alice", "/ic severity critical")
	w.settle()
	if w.heard("**Runbook** [acme/incidents/docs/runbooks/CheckoutLatencyHigh.md](<") != 1 {
		t.Fatalf("not shown: %s", w.everything())
	}
	for _, c := range w.list() {
		if !strings.Contains(c.Body, "**Runbook**") {
			continue
		}
		if strings.Contains(c.Body, "@acme/platform") || strings.Count(c.Body, "Step") != 16 || !strings.Contains(c.Body, "> …") ||
			strings.Count(c.Body, "firebreak:did changes/1") > 0 && !strings.Contains(c.Body, "&lt;") {
			t.Errorf("the runbook: %s", c.Body)
		}
	}
	if v := w.view(); v.State != "open" {
		t.Error("the runbook closed the incident")
	}
	w.comment("carol", "/incident started 10:39")
	w.settle()
	if w.heard("**Runbook**") != 1 {
		t.Error("shown twice")
	}
}

// It is found in the repository of the service that is hit, also once that is named later, and later
// where GitHub doesn't answer (L2, X2, A8).
func TestL2TheRunbookOfTheServiceIsFound(t *testing.T) {
	skipUnderRace(t)
	w := newWorldWith(t, map[string]map[string]string{"acme/incidents": templates.Repository()},
		func(o *sandbox.Options) { o.Morning = true })
	w.tell("alice opens \"PaymentsPodsRestarting\"")
	w.comment("alice", "/incident critical pods of payments restart")
	w.settle()
	if w.heard("**Runbook**") != 0 {
		t.Error("a runbook before anybody said whose the alert is")
	}
	w.order(`{"match":"POST .*graphql$","status":502,"count":1}`)
	w.comment("alice", "/incident service payments")
	w.settle()
	for range 4 {
		w.advance(time.Minute)
	}
	if w.heard("**Runbook** [acme/payments/docs/runbooks/PaymentsPodsRestarting.md](<") != 1 {
		t.Errorf("not shown: %s", w.everything())
	}
}

// Where no alert has a name nothing is read for it (L2).
func TestL2NothingIsReadWithoutAnAlert(t *testing.T) {
	skipUnderRace(t)
	w := newWorld(t)
	w.tell("alice opens \"the shop is slow\"")
	w.comment("alice", "/incident critical the shop is slow")
	w.settle()
	if w.heard("**Runbook**") != 0 || !strings.Contains(w.card(), "P1") {
		t.Errorf("shown: %s", w.everything())
	}
}

// Of a runbook in one endless line the beginning is shown: what a search found travels in a message (L2).
func TestL2ARunbookOfOneLineIsCut(t *testing.T) {
	skipUnderRace(t)
	w := newWorld(t)
	w.commitFile("alice", "acme/incidents", "docs/runbooks/CheckoutLatencyHigh.md", strings.Repeat("restart it and ", 20_000))
	w.tell("alice opens \"CheckoutLatencyHigh: checkouts take ten seconds\"")
	w.comment("alice", "/incident critical slow")
	w.settle()
	if w.heard("**Runbook** [acme/incidents/docs/runbooks/CheckoutLatencyHigh.md](<") != 1 || w.heard(strings.Repeat("restart it and ", 40)) != 0 {
		t.Error("the runbook isn't shown, or all of it")
	}
}
