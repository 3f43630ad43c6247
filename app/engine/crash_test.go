package engine_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The steps at which each call is made to fail: the declaration with its page, a customer update,
// and closing up.
func TestA4C2C4AnyCallMayFailOrLoseItsAnswer(t *testing.T) {
	story := steps(whole(t))
	read := map[string]bool{} // a read that fails changes nothing, whatever the story has come to
	for _, at := range []string{"alice opens", "carol: /ic update", "carol: /ic close"} {
		n := 0
		for n < len(story) && !strings.HasPrefix(story[n].head, at) {
			n++
		}
		good := newWorld(t)
		calls := good.playTo(story, n)
		want := good.everything()
		tried := map[string]bool{}
		var faults []string
		for _, c := range calls {
			path, _, _ := strings.Cut(c.Path, "?")
			call := c.Method + " " + path
			if tried[call] || strings.HasSuffix(path, "/access_tokens") {
				continue
			}
			tried[call] = true
			if c.Method == "GET" && read[call] {
				continue
			}
			read[call] = c.Method == "GET"
			if testing.Short() && len(tried)%5 != 0 {
				continue // under the race detector a few tell as much
			}
			for _, applied := range []bool{false, true} {
				if !applied || c.Method != "GET" {
					faults = append(faults, fmt.Sprintf(`{"match":%q,"status":502,"count":1,"applied":%t}`,
						"^"+regexp.QuoteMeta(call)+"$", applied))
				}
			}
		}
		// Two calls that are far from each other go wrong in one play: each look breaks off at one
		// of them.
		half := (len(faults) + 1) / 2
		for i := range half {
			pair := faults[i:min(i+1, len(faults))]
			if i+half < len(faults) {
				pair = append(slices.Clone(pair), faults[i+half])
			}
			t.Run(at+", "+strings.Join(pair, ", "), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.playTo(story, n, pair...)
				if d := cmp.Diff(want, w.everything()); d != "" {
					t.Errorf("not as without the faults (-want +got):\n%s", d)
				}
			})
		}
		if len(tried) < 6 {
			t.Errorf("%s makes the calls %v only", at, tried)
		}
	}
}

// playTo plays a story up to step n, orders faults for it, and lets three minutes pass, in which
// the product comes back. It returns the calls of the last step.
func (w *world) playTo(story []step, n int, faults ...string) []call {
	w.t.Helper()
	for i, s := range story[:n+1] {
		if i == n {
			w.calls()
			for _, fault := range faults {
				w.order(fault)
			}
		}
		w.step(s)
		w.settle()
	}
	w.advance(3 * time.Minute)
	return w.calls()
}
