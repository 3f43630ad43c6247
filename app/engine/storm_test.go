package engine_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/templates"
)

var storm = flag.Int("storm", 4, "how many incidents the storm has; GitHub allows 50 calls for each, as it does for 100")

// A storm of incidents with 50 commands each, one after the other, within an hour: it stays within what GitHub allows, the limit
// is not hit once, whoever must be paged is paged at once, and no command is lost.
func TestA4AStormStaysWithinTheLimit(t *testing.T) {
	t.Parallel()
	n := *storm
	if testing.Short() {
		n = min(n, 3)
	}
	const commands = 50
	w := newWorldWith(t, map[string]map[string]string{"acme/incidents": templates.Repository()}, func(o *sandbox.Options) { o.Calls = 50 * n })
	declare := func(number int) {
		w.ref.Number = number
		w.step(step{head: fmt.Sprintf(`alice opens "Incident %d"`, number), body: []string{"Summary: Customers get 502", "Severity: critical", "Customers impacted: globex"}})
		w.settle()
	}
	for i := range n - 1 {
		declare(i + 1)
		w.comment("carol", "/ic")
		w.comment("alice", "/oe")
		w.settle()
	}
	for c := range commands {
		for i := range n - 1 {
			w.ref.Number = i + 1
			w.comment("alice", fmt.Sprintf("/oe finding number %d", c+1))
			w.advance(55 * time.Minute / time.Duration(n*commands))
		}
		if c == commands/2 {
			before := len(w.outbox())
			declare(n)
			if len(w.outbox()) == before {
				t.Error("in the midst of the storm nobody is paged for a new incident")
			}
		}
	}
	counted := 0
	for _, c := range w.calls() {
		switch {
		case c.Status == 403 || c.Status == 429:
			t.Errorf("the limit is hit: %s %s", c.Method, c.Path)
		case c.Actor == "firebreak[bot]" && c.Status != 304:
			counted++
		}
	}
	t.Logf("%d commands took %d of %d calls", (n-1)*commands, counted, 50*n)
	if counted >= 50*n {
		t.Errorf("%d commands took %d calls, and GitHub allows %d", (n-1)*commands, counted, 50*n)
	}
	w.advance(time.Hour)
	for i := range n - 1 {
		w.ref.Number = i + 1
		if card := w.card(); !strings.Contains(card, fmt.Sprintf("findings (%d)", commands)) {
			t.Errorf("incident %d lost findings:\n%s", i+1, card)
		}
	}
}
