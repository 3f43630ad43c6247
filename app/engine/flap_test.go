package engine_test

import (
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

// A source that tries again because the answer was lost tells nothing new, before its incident is open and after.
func TestA4I6AReportSentAgainIsCountedOnce(t *testing.T) {
	w := newWorld(t)
	for range 2 {
		w.alert("firing", "APIServerDown", 1)
	}
	w.settle()
	w.alert("firing", "APIServerDown", 1)
	w.tell("wait 20s")
	if said := w.said("reported this"); len(said) > 0 || !strings.Contains(w.card(), "reported by **Alertmanager**") {
		t.Errorf("one report, and the incident says %q", said)
	}
	w.tell("wait 1m")
	w.restart()
	w.alert("firing", "APIServerDown", 1)
	w.tell("wait 1m")
	if said := w.said("reported this 2 times"); len(said) != 1 {
		t.Errorf("it reports the same again a minute later, and the incident says %q", w.said("reported this"))
	}
}

// A recovery outlives the card: the comment that counts tells it.
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
