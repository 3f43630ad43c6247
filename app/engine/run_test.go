package engine_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/app/sandbox/contract"
	"github.com/firebreak-dev/firebreak/templates"
)

// runnable allows two workflows of acme/payments.
const runnable = `
run:
  rollback:
    repository: acme/payments
    workflow: rollback.yml
    who: [platform]
    inputs:
      version: { required: true }
      to: { choices: [staging, production] }
  restart: { repository: acme/payments, workflow: rollback.yml, in-drill: true, inputs: { version: {} } }
  foreign: { repository: other/payments, workflow: rollback.yml, who: ["@alice"] }
  gone: { repository: acme/payments, workflow: gone.yml }
`

// newWorldOfRuns has the workflows of runnable, and an App that may start them.
func newWorldOfRuns(t *testing.T) *world {
	return newWorldOfRunsJudged(t, func(h http.Handler) http.Handler { return contract.Middleware(t, h) })
}

// newWorldOfRunsJudged is as newWorldOfRuns, and its requests go through judge.
func newWorldOfRunsJudged(t *testing.T, judge func(http.Handler) http.Handler) *world {
	files := maps.Clone(templates.Repository())
	files[config.Path] += runnable
	w := newWorldJudged(t, map[string]map[string]string{"acme/incidents": files}, judge, func(o *sandbox.Options) {
		o.App.Permissions, o.App.Events = map[string]string{"actions": "write"}, []string{"workflow_run"}
	})
	w.ok("erin", "PUT", "/api/v3/repos/acme/payments/contents/.github/workflows/rollback.yml", map[string]string{"message": "Roll back",
		"content": base64.StdEncoding.EncodeToString([]byte("on: {workflow_dispatch: {inputs: {version: {type: string}, to: {type: choice, options: [staging, production]}}}}\n"))}, nil)
	w.tell("alice opens \"payments restarts\"")
	w.comment("alice", "/incident critical payments restarts")
	w.settle()
	return w
}

// runsOf counts the runs of acme/payments.
func (w *world) runsOf() int {
	w.t.Helper()
	var page struct {
		Total int `json:"total_count"`
	}
	w.ok("alice", "GET", "/api/v3/repos/acme/payments/actions/runs", nil, &page)
	return page.Total
}

func (w *world) endRun(how string) {
	w.t.Helper()
	if err := w.sandbox.SetState(fmt.Appendf(nil, `{"end_run":{"repository":"acme/payments","conclusion":%q}}`, how)); err != nil {
		w.t.Fatal(err)
	}
	w.settle()
}

// A workflow runs once for a command, whatever is lost on the way, and its end is told (X5).
func TestX5AWorkflowRunsOnce(t *testing.T) {
	skipUnderRace(t)
	for name, c := range map[string]struct {
		fault       string
		want        int
		says        string
		isEndUnsaid bool
	}{
		"":                        {want: 1, says: "is running in"},
		"the answer is lost":      {fault: `{"match":"POST .*dispatches$","status":502,"count":1,"applied":true}`, want: 1, says: "I take that as yours"},
		"the request is lost":     {fault: `{"match":"POST .*dispatches$","status":502,"count":1}`, want: 0, says: "I can't tell whether it runs", isEndUnsaid: true},
		"it is refused":           {fault: `{"match":"POST .*dispatches$","status":422,"count":1}`, want: 0, says: "I could not run", isEndUnsaid: true},
		"GitHub limits the rate":  {fault: `{"rate_limit":"secondary","retry_after":"30s"}`, want: 1, says: "is running in"},
		"the card is not taken":   {fault: `{"match":"PATCH .*/issues/comments/.*","status":502,"count":2}`, want: 1, says: "is running in"},
		"the webhook comes twice": {fault: `{"duplicate_webhooks":4}`, want: 1, says: "is running in"},
		"the webhook is lost":     {fault: `{"match":"GET nothing","status":500,"count":1}`, want: 1, says: "is running in"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldOfRuns(t)
			if c.fault != "" {
				w.order(c.fault)
			}
			w.comment("alice", "/oe run rollback version='v6 \"<b>\" '")
			w.settle()
			for range 8 {
				w.advance(30 * time.Second)
			}
			if n := w.runsOf(); n != c.want || w.heard(c.says) != 1 {
				t.Fatalf("%d runs, and it says %s", n, w.everything())
			}
			if c.isEndUnsaid {
				return
			}
			if !strings.Contains(w.card(), ", running") {
				t.Errorf("the card:\n%s", w.card())
			}
			if strings.HasSuffix(name, "is lost") {
				w.order(`{"drop_webhooks":3}`)
			}
			w.endRun("failure")
			if strings.HasSuffix(name, "is lost") {
				w.advance(time.Minute)
			}
			if w.heard("did not end well (failure)") != 1 || !strings.Contains(w.card(), "did not end well (failure)") {
				t.Errorf("its end is not said: %s\n%s", w.card(), w.everything())
			}
			w.advance(time.Hour)
			if n := w.runsOf(); n != c.want || w.heard("did not end well") != 1 {
				t.Errorf("an hour later %d runs, told %d times", n, w.heard("did not end well"))
			}
		})
	}
}

// The card is refused for half an hour that knows what came of a run, and others are taken, up to which the timeline
// is read: it is said once all the same (A4).
func TestX5WhatCameOfARunIsSaidOnceHoweverLateTheCardIs(t *testing.T) {
	skipUnderRace(t)
	var isRefused atomic.Bool
	w := newWorldOfRunsJudged(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPatch && strings.Contains(r.URL.Path, "/issues/comments/") && isRefused.Load() {
				text, err := io.ReadAll(r.Body)
				if err != nil || strings.Contains(string(text), "/actions/runs/") {
					http.Error(rw, `{"message":"Server Error"}`, http.StatusBadGateway)
					return
				}
				r.Body = io.NopCloser(bytes.NewReader(text))
			}
			h.ServeHTTP(rw, r)
		})
	})
	isRefused.Store(true)
	w.comment("alice", "/oe run rollback version='v6'")
	w.advance(time.Minute)
	for range 5 {
		for range 30 { // until the answer is not on the newest page of the timeline any more
			w.comment("erin", "All quiet")
		}
		// this is on the card, which is written up to here before it is known what came of the run
		w.comment("alice", "/oe finding The disks are full")
		w.advance(5 * time.Minute)
		w.restart()
	}
	isRefused.Store(false)
	isRefused.Store(false)
	w.advance(6 * time.Minute)
	if n := w.heard("is running in"); n != 1 || w.runsOf() != 1 || !strings.Contains(w.card(), ", running") {
		t.Errorf("it is said %d times: %s", n, w.everything())
	}
}

// What the card said of a run is read from what was noted, once it is lost (X5, A4).
func TestX5AWorkflowDoesNotRunAgainOnceTheCardIsLost(t *testing.T) {
	skipUnderRace(t)
	w := newWorldOfRuns(t)
	w.comment("alice", "/oe run rollback version=v6")
	w.comment("alice", "/oe run restart")
	w.settle()
	w.endRun("success")
	w.as("alice", "DELETE", fmt.Sprintf("/api/v3/repos/acme/incidents/issues/comments/%d", w.view().Pinned.ID), nil, nil)
	w.settle()
	w.advance(time.Minute)
	if w.runsOf() != 2 || !strings.Contains(w.card(), "ended well") || !strings.Contains(w.card(), ", running") {
		t.Errorf("%d runs, and the card:\n%s", w.runsOf(), w.card())
	}
	w.advance(time.Hour)
	if w.runsOf() != 2 {
		t.Errorf("an hour later %d runs", w.runsOf())
	}
}

// A run that was started stays on a card that is built again while GitHub doesn't say who may start one (X5, A8).
func TestX5ARunIsKnownThoughTheCardIsLostAndNobodyMayBeAskedAbout(t *testing.T) {
	skipUnderRace(t)
	w := newWorldOfRuns(t)
	w.comment("alice", "/oe run restart")
	w.settle()
	w.order(`{"match":"GET .*/payments/collaborators/.*","status":403,"count":-1}`)
	w.restart()
	w.as("alice", "DELETE", fmt.Sprintf("/api/v3/repos/acme/incidents/issues/comments/%d", w.view().Pinned.ID), nil, nil)
	w.settle()
	w.advance(time.Minute)
	if w.runsOf() != 1 || !strings.Contains(w.card(), ", running") {
		t.Errorf("%d runs, and the card:\n%s", w.runsOf(), w.card())
	}
}

// Who may not run it, what it does not take and what is not there is answered, and runs nothing; what comes
// after an outage that was too long is asked about (X5, A3, A8).
func TestX5WhatIsRefusedIsAnswered(t *testing.T) {
	skipUnderRace(t)
	w := newWorldOfRuns(t)
	w.comment("alice", "/oe run")
	w.comment("alice", "/oe run rolback version=v6")
	w.comment("alice", "/oe run rollback versionn=v6")
	w.comment("alice", "/oe run rollback version=v6 to=mars")
	w.comment("alice", "/oe run foreign")
	w.comment("alice", "/oe run gone")
	w.comment("bob", "/oe run restart")
	w.comment("mallory", "/oe run restart")
	w.settle()
	for _, words := range []string{"**Workflows that can be run here**", "I know no workflow rolback", "versionn is not an input of it", "to has to be one of staging, production",
		"so I did not run **foreign**", "I could not run **gone**", "Only **alice** can do that", "only responders can use `/oe run`"} {
		if !strings.Contains(strings.ToLower(w.everything()), strings.ToLower(words)) {
			t.Errorf("nobody hears %q: %s", words, w.everything())
		}
	}
	w.order(`{"match":"(GET|POST) .*/payments(/actions.*)?$","status":503,"count":-1}`)
	w.comment("alice", "/oe run restart")
	w.settle()
	for range 20 {
		w.advance(time.Minute)
	}
	w.as("", "DELETE", "/sandbox/faults", nil, nil)
	for range 20 {
		w.advance(time.Minute)
	}
	if w.heard("I could not start **restart** in time") != 1 || w.runsOf() != 0 {
		t.Errorf("%d runs: %s", w.runsOf(), w.everything())
	}
}
