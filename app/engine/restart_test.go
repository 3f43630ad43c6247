package engine_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Three hours of updates, and an escalation that nobody answers, with the process killed and
// started again between any two steps and once an hour while it waits: each page and update goes
// out once, and all is counted as without.
func TestV3I5RestartsChangeNothing(t *testing.T) {
	for _, name := range []string{"V3-three-hours", "I4-I5-nobody-answers"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story, err := os.ReadFile(filepath.Join("testdata", "scenarios", name, "story.txt"))
			if err != nil {
				t.Fatal(err)
			}
			calm, restless := newWorld(t), newWorld(t)
			calm.tell(string(story))
			for _, s := range steps(string(story)) {
				restless.step(s)
				restless.settle()
				restless.restart()
			}
			if d := cmp.Diff(calm.everything(), restless.everything()); d != "" {
				t.Errorf("not as without restarts (-want +got):\n%s", d)
			}
		})
	}
}

// A time that passed while the process was down is caught up with once it is back.
func TestI5TimersOutliveTheProcess(t *testing.T) {
	w := newWorld(t)
	w.tell("alice opens \"The API is down\"\n  Summary: Customers get 502\n  Severity: critical\n  Customers impacted: globex")
	if n := len(w.outbox()); n != 1 {
		t.Fatalf("%d pages at first", n)
	}
	w.stop()
	w.follower.Server = nil
	w.tell("wait 6m")
	if n := len(w.outbox()); n != 1 {
		t.Fatalf("%d pages while it was down", n)
	}
	w.start()
	w.settle()
	if n := len(w.outbox()); n != 2 {
		t.Errorf("%d pages once it is back, want the second step too", n)
	}
}
