package engine_test

import "testing"

// An edit counts when it was made: what others did before the app could look decides nothing of it,
// also where one look reads both (A4).
func TestA4AnEditCountsAtItsTime(t *testing.T) {
	w := newWorld(t)
	w.tell(opened + "carol: /ic\nalice: /oe\nalice: /oe finding The disk is full\nwait 1m\n")
	w.order(`{"match":"GET .*/issues/1$","status":503,"count":20}`)
	for _, s := range steps("alice edits 3: /oe finding The disk is full\n  \n  /oe finding So is the other one\nwait 30s\ncarol unassigns alice") {
		w.step(s)
	}
	w.advance(2e9)
	w.as("", "DELETE", "/sandbox/faults", nil, nil)
	w.tell("wait 10m")
	if s := w.state(); s.Findings != 2 || len(s.OEs) != 0 {
		t.Errorf("%d findings, Operations Engineers %v\n%s", s.Findings, s.OEs, w.card())
	}
}
