package witness

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTheWitnessSaysTheSame plays every story of the engine's on both GitHubs.
func TestTheWitnessSaysTheSame(t *testing.T) {
	process, counts := startProcess(t), &tally{filled: map[string]int{}, missed: map[string]int{}}
	stories, err := os.ReadDir(scenarios)
	if err != nil || len(stories) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, story := range stories {
		t.Run(story.Name(), func(t *testing.T) {
			if testing.Short() && !strings.Contains(story.Name(), "whole") {
				t.Skip("short: the whole incident is enough")
			}
			compare(t, newOurs(t), newEmulate(t, process, counts), readStory(t, story.Name()))
		})
	}
	t.Log(counts)
}

// compare plays a story on both, and compares after each step what people see, and at the end what
// was sent to them.
func compare(t *testing.T, ours, theirs *Stage, story []step) {
	t.Helper()
	deleted := false
	for n, st := range story {
		_, from := ours.Recorder.Since(0)
		_, fromTheirs := theirs.Recorder.Since(0)
		ours.play(st)
		theirs.play(st)
		said, _ := ours.Recorder.Since(from)
		saidTheirs, _ := theirs.Recorder.Since(fromTheirs)
		if d := Diff(ours.view(), theirs.view()); d != "" {
			t.Fatalf("step %d, %q: the sandbox (-) and the witness (+) differ:\n%s\nwritten to or "+
				"refused by the sandbox:\n%s\nby the witness:\n%s",
				n+1, st.head, d, writes(said), writes(saidTheirs))
		}
		deleted = deleted || strings.Contains(st.head, " deletes ")
	}
	for _, s := range []*Stage{ours, theirs} {
		// Who deletes the card makes the product forget what it sent; the receivers know by the key.
		if again := s.Sink.Repeated(); len(again) > 0 && !deleted {
			t.Errorf("sent more than once: %v", again)
		}
	}
	if d := Diff(View{Elsewhere: sent(ours)}, View{Elsewhere: sent(theirs)}); d != "" {
		t.Errorf("pages and mails of the sandbox (-) and the witness (+) differ:\n%s", d)
	}
}

// writes lists what was written, and what failed.
func writes(all []Exchange) string {
	var out strings.Builder
	for _, e := range all {
		if e.Method != "GET" || e.Status >= 400 {
			out.WriteString("  " + e.Who + " " + e.String() + "\n")
		}
	}
	return out.String()
}

// sent lists what left for people outside.
func sent(s *Stage) (out []string) {
	for _, one := range s.Sink.Sent() {
		out = append(out, Steady(one.Kind+" to "+one.To+" by "+one.Channel+": "+one.Text+" ("+one.Key+")"))
	}
	slices.Sort(out) // those of one moment come in any order
	return out
}

// What differs is told: the witness would be none if it agreed with everything.
func TestADifferenceIsTold(t *testing.T) {
	a, b := newOurs(t), newOurs(t)
	for _, s := range []*Stage{a, b} {
		s.play(step{head: `alice opens "The API is down"`, body: []string{"Severity: critical"}})
	}
	if d := Diff(a.view(), b.view()); d != "" {
		t.Fatalf("the same steps differ:\n%s", d)
	}
	for _, change := range []string{"alice labels bug", "bob: /oe", "alice assigns dan", "alice closes"} {
		b.play(step{head: change})
		if d := Diff(a.view(), b.view()); d == "" {
			t.Errorf("%q on one side makes no difference", change)
		}
		a.play(step{head: change})
		if d := Diff(a.view(), b.view()); d != "" {
			t.Errorf("%q on both sides differs:\n%s", change, d)
		}
	}
}

var scenarios = filepath.Join("..", "engine", "testdata", "scenarios")
