package engine_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/templates"
)

// allOfHold is what the App needs to hold deployments.
var allOfHold = map[string]string{"deployments": "write", "actions": "write", "statuses": "write"}

const gateEvent = "deployment_protection_rule"

// newWorldOfGates has production of acme/payments wait for the App, two pull requests, and a workflow that rolls back.
func newWorldOfGates(t *testing.T, permissions map[string]string, events ...string) *world {
	files := maps.Clone(templates.Repository())
	files[config.Path] += freezable + "\nrun:\n  rollback: { repository: acme/payments, workflow: rollback.yml, in-drill: true }\n"
	w := newWorldWith(t, map[string]map[string]string{"acme/incidents": files}, func(o *sandbox.Options) {
		o.App.Permissions, o.App.Events = permissions, events
	})
	w.ok("erin", "PUT", "/api/v3/repos/acme/payments/contents/.github/workflows/rollback.yml", map[string]string{
		"message": "Roll back", "content": base64.StdEncoding.EncodeToString([]byte(
			"on: workflow_dispatch\njobs: { back: { environment: { name: production } } }\n"))}, nil)
	for n, name := range []string{"fix", "other"} {
		w.openPull(name, n+1)
	}
	w.setState(`{"gate":{"repository":"acme/payments","environment":"production"}}`)
	w.tell("alice opens \"payments restarts\"")
	w.comment("alice", "/incident critical payments restarts")
	w.comment("carol", "/ic")
	w.settle()
	return w
}

func (w *world) setState(state string) {
	w.t.Helper()
	if err := w.sandbox.SetState([]byte(state)); err != nil {
		w.t.Fatal(err)
	}
}

// startDeploy starts a deployment of acme/payments to production.
func (w *world) startDeploy() {
	w.t.Helper()
	w.setState(`{"deploy":{"repository":"acme/payments","environment":"production"}}`)
	w.settle()
}

// wantRuns checks the states of the runs of acme/payments, the oldest first.
func (w *world) wantRuns(when string, want ...string) {
	w.t.Helper()
	var page struct {
		Runs []struct{ Status, Conclusion string } `json:"workflow_runs"`
	}
	w.ok("erin", "GET", "/api/v3/repos/acme/payments/actions/runs", nil, &page)
	var got []string
	for _, run := range slices.Backward(page.Runs) {
		got = append(got, strings.TrimSpace(run.Status+" "+run.Conclusion))
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("%s: the runs are %q, want %q\n%s", when, got, want, w.everything())
	}
}

const heldRun, freeRun = "waiting", "in_progress"

// Deployments wait while a repository is frozen, but for what was let through and what the incident itself runs; they go
// on at its end, and at once where nothing is frozen; whatever is lost, and by whatever way it is frozen (X4).
func TestX4AFreezeHoldsDeployments(t *testing.T) {
	skipUnderRace(t)
	withRules := maps.Clone(allOfHold)
	withRules["administration"] = "write"
	for name, c := range map[string]struct {
		permissions map[string]string
		isDeaf      bool // no webhook asks
		fault       string
		says        string
	}{
		"":                           {permissions: withRules, says: "GitHub refuses merges and holds deployments to production"},
		"without rulesets":           {permissions: allOfHold, says: "GitHub holds deployments to production, but no merges: these have a status alone"},
		"the webhooks are lost":      {permissions: allOfHold, isDeaf: true, says: "GitHub holds deployments to production"},
		"the answer is lost":         {permissions: allOfHold, fault: `{"match":"POST .*/deployment_protection_rule$","status":502,"count":1,"applied":true}`},
		"the run can't be read once": {permissions: allOfHold, fault: `{"match":"GET .*/actions/runs/.*","status":502,"count":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			events := []string{gateEvent}
			if c.isDeaf {
				events = nil
			}
			w := newWorldOfGates(t, c.permissions, events...)
			if c.fault != "" {
				w.order(c.fault)
			}
			w.startDeploy()
			w.advance(time.Minute)
			first := freeRun
			if c.isDeaf {
				first = heldRun // until the sweep, or a freeze ends
			}
			w.wantRuns("nothing is frozen", first)
			w.comment("carol", "/ic freeze all")
			w.settle()
			w.startDeploy()
			w.advance(3 * time.Minute)
			w.wantRuns("it is frozen", first, heldRun)
			if card := w.card(); !strings.Contains(card, "1 deployment waits") && !c.isDeaf || !strings.Contains(card, c.says) {
				t.Errorf("the card:\n%s", card)
			}
			w.comment("carol", "/oe run rollback")
			w.settle()
			w.advance(3 * time.Minute)
			w.wantRuns("the incident rolls back", first, heldRun, freeRun)
			w.comment("carol", "/ic let acme/payments#1 through because it is the fix")
			w.settle()
			if got := w.merges(1); got != http.StatusOK {
				t.Fatalf("merging answers %d", got)
			}
			w.startDeploy()
			w.advance(3 * time.Minute)
			w.wantRuns("the fix is let through", first, heldRun, freeRun, freeRun)
			w.comment("carol", "/ic thaw")
			w.settle()
			w.wantRuns("it is over", freeRun, freeRun, freeRun, freeRun)
			w.startDeploy()
			if c.isDeaf {
				return
			}
			w.wantRuns("after it", freeRun, freeRun, freeRun, freeRun, freeRun)
		})
	}
}

// Why a deployment waits is said once, with a link to the incident; it is refused as soon as the coordinator says so, and
// goes on with the end of the freeze else (X4).
func TestX4AHeldDeploymentIsToldWhy(t *testing.T) {
	skipUnderRace(t)
	w := newWorldOfGates(t, allOfHold, gateEvent)
	w.comment("carol", "/ic freeze all for 1h")
	w.settle()
	w.startDeploy()
	for range 5 {
		w.advance(time.Minute)
	}
	said := w.gateComments()
	if len(said) != 1 || !strings.Contains(said[0], "by acme/incidents#1: ") || !strings.Contains(said[0], "/acme/incidents/issues/1") {
		t.Errorf("said %q", said)
	}
	w.comment("carol", "/ic refuse acme/payments because the fix goes first")
	w.settle()
	const refused = "completed failure"
	w.wantRuns("it is refused", refused)
	if said := w.gateComments(); len(said) != 2 || !strings.HasPrefix(said[1], "rejected: Refused by carol: the fix goes first") ||
		w.heard("I refused 1 deployment of acme/payments") != 1 {
		t.Errorf("said %q\n%s", said, w.everything())
	}
	w.startDeploy()
	w.advance(3 * time.Minute)
	w.wantRuns("the next one waits", refused, heldRun)
	w.advance(time.Hour)
	w.wantRuns("its time is over", refused, freeRun)
}

// gateComments returns what the App said of the oldest run's environments.
func (w *world) gateComments() (all []string) {
	w.t.Helper()
	var page struct {
		Runs []struct{ ID int64 } `json:"workflow_runs"`
	}
	w.ok("erin", "GET", "/api/v3/repos/acme/payments/actions/runs", nil, &page)
	var reviews []struct{ Comment, State string }
	w.ok("erin", "GET", fmt.Sprintf("/api/v3/repos/acme/payments/actions/runs/%d/approvals", page.Runs[len(page.Runs)-1].ID), nil,
		&reviews)
	for _, r := range reviews {
		all = append(all, r.State+": "+r.Comment)
	}
	return all
}

// A deployment is held by no drill, and by nothing that no incident wants, whatever is left of it (X4).
func TestX4NothingElseHoldsADeployment(t *testing.T) {
	skipUnderRace(t)
	ruleset := func(w *world, holder string) string {
		return fmt.Sprintf(`{"rulesets":{"repository":"acme/payments","name":"firebreak freeze of %s until %s; x"}}`, holder,
			w.sandbox.Clock().Now().Add(9*time.Hour).UTC().Format("2006-01-02 15:04 UTC"))
	}
	for name, c := range map[string]struct {
		holder string
		want   string
	}{
		"of the command line":        {"maintenance/20260302T120000", heldRun},
		"of an incident that is not": {"acme/incidents#77/1", freeRun},
		"that the incident ended":    {"acme/incidents#1/1", freeRun},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldOfGates(t, allOfHold, gateEvent)
			w.comment("carol", "/ic freeze all")
			w.settle()
			w.comment("carol", "/ic thaw")
			w.settle()
			w.setState(ruleset(w, c.holder))
			w.startDeploy()
			w.wantRuns(name, c.want)
		})
	}
}

// What waits since its webhook was lost goes on once the sweep found it, unless the repository is frozen (X4).
func TestX4WhatWaitsGoesOnLater(t *testing.T) {
	skipUnderRace(t)
	w := newWorldOfGates(t, allOfHold)
	w.startDeploy()
	w.wantRuns("nobody was asked", heldRun)
	sweep := func() {
		t.Helper()
		w.advance(6 * time.Minute)
		if err := w.product.Sweep(t.Context(), w.sandbox.Clock().Now().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
		w.settle()
	}
	sweep()
	w.wantRuns("the sweep asked", freeRun)
	w.comment("carol", "/ic freeze all")
	w.settle()
	w.startDeploy()
	sweep()
	w.wantRuns("it is frozen", freeRun, heldRun)
	w.setState(`{"delete_issue":"acme/incidents#1"}`)
	sweep()
	w.wantRuns("its incident is deleted", freeRun, freeRun)
}

// A freeze is looked at every two minutes for days. That edits no card, and costs few calls however many deployments wait;
// what changes is seen all the same, by a new process too (X4).
func TestX4WatchingCostsLittle(t *testing.T) {
	skipUnderRace(t)
	permissions := maps.Clone(allOfHold)
	permissions["administration"] = "write"
	w := newWorldOfGates(t, permissions, gateEvent)
	w.comment("carol", "/ic freeze all for 70h")
	w.settle()
	for range 8 {
		w.startDeploy()
	}
	w.advance(3 * time.Minute)
	w.mark()
	w.advance(6 * time.Minute) // in the tenth minute all is asked about again
	calls := w.calls()
	news := slices.DeleteFunc(slices.Clone(calls), func(c call) bool { return c.Status == http.StatusNotModified })
	if len(calls) > 3*6 || len(news) > 3 { // the merge queue is asked of by GraphQL
		t.Errorf("three looks at a freeze make %d calls, %d of which GitHub counts, want 18 and 3: %v", len(calls),
			len(news), news)
	}
	w.setState(`{"rulesets":{"repository":"acme/payments","enforcement":"disabled"}}`)
	w.restart()
	w.advance(3 * time.Minute)
	if w.heard("somebody lifted the freeze on GitHub") != 1 {
		t.Errorf("it says %s", w.everything())
	}
}
