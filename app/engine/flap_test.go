package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is said in a row is told in that row, also where it waits for its turn.
func TestI6AFlapEndsAsItIs(t *testing.T) {
	w := newWorld(t)
	w.alert("firing", "APIServerDown", 1)
	w.settle()
	for _, status := range []string{"firing", "firing", "resolved", "firing"} {
		w.alert(status, "APIServerDown", 1)
		w.settle()
	}
	w.tell("wait 1m")
	if said := w.said("says that it recovered, at"); len(said) > 0 {
		t.Errorf("it fires, and the incident says %q", said)
	}
}

// A source that tries again because the answer was lost says nothing new, before its incident is
// open and after.
func TestA4I6AReportSentAgainIsCountedOnce(t *testing.T) {
	w := newWorld(t)
	for range 2 {
		w.alert("firing", "APIServerDown", 1)
	}
	w.settle()
	w.alert("firing", "APIServerDown", 1)
	w.tell("wait 20s")
	if said := w.said("reported this"); len(said) > 0 ||
		!strings.Contains(w.card(), "reported by **Alertmanager**") {
		t.Errorf("one report, and the incident says %q", said)
	}
	w.tell("wait 1m")
	w.restart()
	w.alert("firing", "APIServerDown", 1)
	w.tell("wait 1m")
	if said := w.said("reported this 2 times"); len(said) != 1 {
		t.Errorf("it reports the same again a minute later, and the incident says %q",
			w.said("reported this"))
	}
}

// A recovery outlives the card: the comment that counts has it.
func TestA5I6ARebuiltCardKnowsTheRecovery(t *testing.T) {
	w := newWorld(t)
	w.alert("firing", "APIServerDown", 1)
	w.tell("wait 1m")
	w.alert("resolved", "APIServerDown", 1)
	w.tell("wait 1m")
	before := w.card()
	if !strings.Contains(before, "said that it recovered") {
		t.Fatalf("the card says\n%s", before)
	}
	w.tell("alice deletes card\nwait 1m")
	if d := cmp.Diff(before, w.card()); d != "" {
		t.Errorf("rebuilt (-want +got):\n%s", d)
	}
	w.alert("firing", "APIServerDown", 1)
	w.tell("wait 1m")
	if said := w.said("reported this 2 times"); len(said) != 1 {
		t.Errorf("it fires again, and the incident says %q", w.said("APIServer"))
	}
	if said := w.said("says that it recovered. Is it over?"); len(said) > 0 {
		t.Errorf("it fires again, and the question stands: %q", said)
	}
}

// A report that comes while the one before it is tried again is counted apart: what was written
// down of that one before its look failed is not counted once more, by the next process either.
func TestA4I6AReportThatWaitsForItsNextTryIsCountedOnce(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		t.Run(fmt.Sprint("restarts ", restarts), func(t *testing.T) {
			w := newWorld(t)
			w.alert("firing", "APIServerDown", 1)
			w.tell("wait 1m")
			for n := 2; n <= 8; n += 2 {
				w.order(`{"match":"PATCH .*/issues/comments/.*","status":502,"count":2,"applied":true}`)
				w.alert("firing", "APIServerDown", n)
				w.settle()
				w.alert("firing", "APIServerDown", n+1)
				if restarts {
					w.restart()
				}
				w.tell("wait 2m")
				want := fmt.Sprintf("reported this %d times", n+1)
				if said := w.said("reported this"); len(said) != 1 || !strings.Contains(said[0], want) {
					t.Errorf("%d reports, and the incident says %q", n+1, said)
				}
			}
		})
	}
}

// A report that pages while GitHub is away pages once, though the process is restarted and the
// source tries again (A4, I5).
func TestA4I5AReportPagesOnceOverARestart(t *testing.T) {
	w := newWorld(t)
	w.tell("alice opens \"Slow\"\n  Summary: Slow\n  Severity: regular") // so that the configuration is known
	w.order(`{"match":"(GET|POST|PATCH) /api/v3/(repos|graphql|search).*","status":502,"count":-1}`)
	for n := range 3 {
		w.alert("firing", "APIServerDown", n+1)
		w.settle()
		w.restart()
	}
	if sent := w.outbox(); len(sent) != 1 || sent[0].Count != 1 {
		t.Errorf("what left is %+v", sent)
	}
	w.as("", "DELETE", "/sandbox/faults", nil, nil)
	w.tell("wait 1m")
	if n := w.issues(); n != 2 {
		t.Errorf("%d issues, want that of the report too", n)
	}
}
