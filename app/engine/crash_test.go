package engine_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The steps at which each call is made to fail: the declaration with its page, a customer update, and closing up.
func TestA4C2C4AnyCallMayFailOrLoseItsAnswer(t *testing.T) {
	story := steps(whole(t))
	read := map[string]bool{} // a read that fails changes nothing, whatever the story has come to
	for _, at := range []string{"alice opens", "carol: /ic update", "carol: /ic close"} {
		n := 0
		for n < len(story) && !strings.HasPrefix(story[n].head, at) {
			n++
		}
		good := newWorld(t)
		calls := good.playTo(story, n, "")
		want := good.everything()
		tried := map[string]bool{}
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
				if applied && c.Method == "GET" {
					continue
				}
				name := fmt.Sprintf("%s, %s %s, applied %t", at, c.Method, strings.TrimPrefix(path, "/api/v3/repos/acme/"), applied)
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					w := newWorld(t)
					w.playTo(story, n, fmt.Sprintf(`{"match":%q,"status":502,"count":1,"applied":%t}`, "^"+regexp.QuoteMeta(call)+"$", applied))
					if d := cmp.Diff(want, w.everything()); d != "" {
						t.Errorf("not as without the fault (-want +got):\n%s", d)
					}
				})
			}
		}
		if len(tried) < 6 {
			t.Errorf("%s makes the calls %v only", at, tried)
		}
	}
}

// playTo plays a story up to step n, orders the fault for it, and lets a minute pass, in which the product comes back. It
// gives the calls of the last step.
func (w *world) playTo(story []step, n int, fault string) []call {
	w.t.Helper()
	for i, s := range story[:n+1] {
		if i == n {
			w.calls()
			if fault != "" {
				w.order(fault)
			}
		}
		w.step(s)
		w.settle()
	}
	w.advance(time.Minute)
	return w.calls()
}
