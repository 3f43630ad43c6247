package engine_test

import "testing"

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
