package suspect

import (
	"strings"
	"testing"
)

// TestTheTableOfWeights holds the table: whoever changes a weight changes it here too, with the figures of
// TestTheGeneratedDay and TestHistory before and after in the commit.
func TestTheTableOfWeights(t *testing.T) {
	want := map[ReasonKind]float64{
		Live:           1.2,
		Service:        4.0,
		ServicePath:    4.0,
		Named:          3.0,
		Related:        1.5,
		Path:           4.0,
		Title:          4.0,
		Migration:      2.0,
		Settings:       0.5,
		Infrastructure: 1.0,
		Pipeline:       1.0,
		Brings:         0,
		Update:         0.6,
		Switch:         0.7,
		Wording:        -0.5,
		Deployed:       1.0,
		NotLive:        -4.0,
		RevertedBefore: 2.0,
		TakenBack:      2.0,
		Revert:         -1.0,
		Direct:         0.5,
		Bot:            -0.3,
		Size:           1.0,
		Docs:           -8.0,
		Tests:          -8.0,
	}
	for kind, w := range weights {
		if want[kind] != w.points {
			t.Errorf("%s has %v points, want %v", kind, w.points, want[kind])
		}
		if len(w.why) < 20 || !strings.HasSuffix(w.why, ".") {
			t.Errorf("%s has no sentence that says why: %q", kind, w.why)
		}
	}
	for kind := range want {
		if _, ok := weights[kind]; !ok {
			t.Errorf("%s has no weight", kind)
		}
	}
}
