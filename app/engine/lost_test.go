package engine_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// loseTimers ends the product, drops all of its timers and all that waits in its queue, and starts
// it again.
func (w *world) loseTimers() {
	w.t.Helper()
	w.lose("timers", "messages")
}

// lose ends the product, empties tables of its queue's file, and starts it again.
func (w *world) lose(tables ...string) {
	w.t.Helper()
	w.stop()
	db, err := sql.Open("sqlite", w.queue)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, table := range tables {
		if _, err := db.Exec("DELETE FROM " + table); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.start()
}

// sweepOpen sweeps as once an hour.
func (w *world) sweepOpen() {
	w.t.Helper()
	if err := w.product.SweepOpen(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	w.settle()
}

const down = "alice opens \"The API is down\"\n  Summary: Customers get 502\n  Severity: critical\n  Customers impacted: globex\n"

// The timer of an incident in which nothing happens any more is lost: the hourly sweep finds it,
// and paging goes on.
func TestA4I5ALostTimerIsFound(t *testing.T) {
	w := newWorld(t)
	w.tell(down)
	w.loseTimers()
	before := len(w.outbox())
	w.advance(4 * 24 * time.Hour) // it changed too long ago for what changed to be searched for
	if n := len(w.outbox()); n != before {
		t.Fatalf("%d pages although the timer is lost", n-before)
	}
	if err := w.product.Sweep(context.Background(), w.sandbox.Clock().Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if n := len(w.outbox()); n != before {
		t.Fatalf("the sweep for what changed finds %d pages", n-before)
	}
	w.sweepOpen()
	if n := len(w.outbox()); n == before {
		t.Error("nobody is paged after the hourly sweep")
	}
	before = len(w.outbox())
	w.advance(time.Hour)
	if n := len(w.outbox()); n == before {
		t.Error("the clock does not go on")
	}
}

// A closed incident still has reminders: of its follow-ups, and of its postmortem's review. Their
// timer is found by their tickets and by the pull request.
func TestA4C3C4LostRemindersAreFound(t *testing.T) {
	story, err := os.ReadFile(filepath.Join("testdata", "scenarios", "C3-C4-reminders", "story.txt"))
	if err != nil {
		t.Fatal(err)
	}
	closing, _, ok := strings.Cut(string(story), "wait ")
	if !ok {
		t.Fatal("the story waits for nothing")
	}
	w := newWorld(t)
	w.tell(closing)
	if w.view().State != "closed" {
		t.Fatal("it is not closed")
	}
	w.loseTimers()
	w.mark()
	w.advance(30 * 24 * time.Hour)
	if wrote := w.changes(); strings.Contains(wrote, "POST") {
		t.Fatalf("reminded although the timer is lost:\n%s", wrote)
	}
	w.mark()
	w.sweepOpen()
	wrote := w.changes()
	if !strings.Contains(wrote, "review") || !strings.Contains(wrote,
		"POST /repos/acme/payments/issues/1/comments") {
		t.Errorf("after the hourly sweep:\n%s", wrote)
	}
}

// The hourly look at open incidents in which nothing happened costs the searches, and nothing else
// of the hour's calls.
func TestA4TheHourlyLookIsFreeWhereNothingHappened(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		w.tell(down)
	}
	for range 2 {
		w.sweepOpen()
	}
	w.calls()
	w.sweepOpen()
	searches, looks, counted := 0, 0, 0
	for _, c := range w.calls() {
		switch {
		case strings.Contains(c.Path, "/search/"):
			searches++
		case strings.Contains(c.Path, "/incidents/issues/"):
			if looks++; c.Status != 304 {
				counted++
			}
		case c.Method != "GET":
			t.Errorf("it writes: %+v", c)
		}
	}
	if searches != 7 || looks != 2*5 || counted != 0 {
		t.Errorf("%d searches, %d calls for looks of which %d count, want 7, 10 and 0", searches, looks,
			counted)
	}
}

// What happened while the installation was suspended is read as soon as it is back, without waiting
// for a sweep.
func TestA4AnInstallationThatComesBackIsLookedAt(t *testing.T) {
	w := newWorld(t)
	w.tell(down)
	w.ok("", "POST", "/sandbox/states", map[string]string{"suspend": "acme"}, nil)
	w.settle()
	w.comment("alice", "/oe finding While it was suspended")
	w.advance(3 * time.Minute)
	if strings.Contains(w.card(), "findings (1)") {
		t.Fatal("the finding is known while the installation is suspended")
	}
	w.ok("", "POST", "/sandbox/states", map[string]string{"resume": "acme"}, nil)
	w.settle()
	if !strings.Contains(w.card(), "findings (1)") {
		t.Errorf("the finding is not known once the installation is back:\n%s", w.card())
	}
}

// An incident that was declared while the installation was suspended is found once it is back,
// though GitHub sent no webhook for it and it carries no label: by the sweep, or by the next
// command there.
func TestA4WhatWasDeclaredMeanwhileIsFound(t *testing.T) {
	for name, declare := range map[string]string{
		"in the issue":   "alice writes \"Checkout is down\"\n  Something is odd\n\n  /incident critical Orders fail\n",
		"in a comment":   "alice writes \"Checkout is down\"\n  Something is odd\nalice: /incident critical Orders fail\n",
		"only spoken of": "alice writes \"Checkout is down\"\n  Something is odd\nbob: an incident, critical\n",
		"by a stranger":  "mallory writes \"Checkout is down\"\n  Something is odd\n\n  /incident critical Orders fail\n",
		"by the command": "alice writes \"Checkout is down\"\n  Something is odd\n\n  /incident critical Orders fail\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.ok("", "POST", "/sandbox/states", map[string]string{"suspend": "acme"}, nil)
			w.tell(declare + "wait 5m\n")
			if name == "by the command" {
				w.order(`{"drop_webhooks":1}`)
			}
			w.ok("", "POST", "/sandbox/states", map[string]string{"resume": "acme"}, nil)
			if name == "by the command" {
				w.settle()
				w.as("", "DELETE", "/sandbox/faults", nil, nil)
				w.tell("carol: /ic")
			}
			w.tell("wait 10s\n")
			isIncident, pages := slices.Contains(w.view().labels(), "severity/critical"), len(w.outbox())
			want := name != "by a stranger" && name != "only spoken of"
			wantPage := want && name != "by the command" // carol has the role by the time that anybody looks
			if isIncident != want || (pages > 0) != wantPage {
				t.Errorf("it has the labels %v, and %d pages left", w.view().labels(), pages)
			}
		})
	}
}

// The open incidents of a repository that got another name are looked at under it at once.
func TestA4ARenamedRepositoryIsLookedAt(t *testing.T) {
	w := newWorld(t)
	w.tell(down)
	w.calls()
	w.ok("", "POST", "/sandbox/states", map[string][]string{"rename": {"acme/incidents", "acme/p1"}}, nil)
	w.settle()
	looked := false
	for _, c := range w.calls() {
		looked = looked || strings.HasSuffix(c.Path, "/repos/acme/p1/issues/1")
	}
	if !looked {
		t.Error("it is not looked at by its new name")
	}
}

// What GitHub keeps refusing is not written to the card at every sweep: each write would change the
// issue, and the next sweep would find it changed.
func TestA8SweepsDoNotStirUpWhatIsRefused(t *testing.T) {
	skipUnderRace(t)
	w := newWorld(t)
	w.tell(down + "carol: /ic\nalice: /oe fix Renewed\ncarol: /ic phase monitoring\ncarol: /ic agree Gina by phone\ncarol: /ic followup acme/payments Add a limit @erin due:2026-03-20")
	w.order(`{"match":"POST .*/payments/issues$","status":403,"count":-1}`)
	w.order(`{"match":"POST .*/incidents/issues$","status":403,"count":-1}`)
	w.comment("carol", "/ic close")
	w.settle()
	w.advance(80 * time.Hour)
	sweepAnHour := func() {
		t.Helper()
		for range 12 {
			w.advance(5 * time.Minute)
			if err := w.product.Sweep(context.Background(),
				w.sandbox.Clock().Now().Add(-15*time.Minute)); err != nil {
				t.Fatal(err)
			}
			w.settle()
		}
		w.sweepOpen()
	}
	sweepAnHour()
	sweepAnHour()
	w.calls()
	sweepAnHour()
	wrote := 0
	for _, c := range w.calls() {
		if c.Method == "PATCH" && strings.Contains(c.Path, "/comments/") {
			wrote++
		}
	}
	if wrote == 0 || wrote > 2 {
		t.Errorf("the card is written %d times in an hour of sweeps, want once or twice", wrote)
	}
}
