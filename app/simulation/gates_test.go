package simulation

import (
	"fmt"
	"slices"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// gatesSince is the last seed in which nobody deploys to where deployments wait for the product.
const gatesSince = 940_100

// holds reports whether in a seed deployments wait for the product.
func holds(seed uint64) bool {
	return seed > gatesSince && freezes(seed) && newDraw(seed, 19).chance(60)
}

// deployOne starts a deployment, with each other step of a script.
func (w *world) deployOne() {
	if !holds(w.net.seed) || w.merges%2 == 0 {
		return
	}
	w.t.Helper()
	w.state("deploy", map[string]string{"repository": "acme/platform", "environment": "production"})
}

// wrongGates returns the deployments that wait in the end although no incident has the repository frozen: nobody else
// would let them go on.
func (w *world) wrongGates() (wrong []string) {
	if !holds(w.net.seed) {
		return nil
	}
	w.t.Helper()
	for title := range w.issues {
		if s, _, ok := w.stateOf(title); ok && slices.ContainsFunc(s.Freezes, incident.Freeze.IsLive) {
			return nil
		}
	}
	var page struct {
		Runs []struct{ ID int64 } `json:"workflow_runs"`
	}
	w.as("alice", "GET", changed+"/actions/runs?status=waiting", nil, &page)
	for _, run := range page.Runs {
		wrong = append(wrong, fmt.Sprintf("the deployment by run %d waits, and no incident wants that", run.ID))
	}
	return wrong
}
