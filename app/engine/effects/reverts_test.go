package effects

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// fakeReverts answers what became of a revert.
type fakeReverts struct {
	RevertsAPI
	seen ports.Reverted
}

func (f fakeReverts) ReadRevert(context.Context, incident.Ref, func(string) bool) (ports.Reverted, error) {
	return f.seen, nil
}

// An incident hears of a repository's deployments as long as a revert there is looked at, and of none
// once nothing is waited for (X3).
func TestX3DeploymentsAreFollowedAsLongAsARevertIsLookedAt(t *testing.T) {
	for name, tt := range map[string]struct {
		asked time.Duration // how long ago
		seen  ports.Reverted
		other bool // a second revert waits in the same repository
		want  []string
	}{
		"open":                        {time.Minute, ports.Reverted{}, false, []string{"follow acme/payments"}},
		"merged":                      {30 * time.Hour, ports.Reverted{Merged: now.Add(-time.Minute)}, false, []string{"follow acme/payments"}},
		"live":                        {time.Hour, ports.Reverted{Merged: now, Live: now}, false, []string{"leave acme/payments"}},
		"live, and another waits":     {time.Hour, ports.Reverted{Merged: now, Live: now}, true, nil},
		"closed":                      {time.Hour, ports.Reverted{IsClosed: true}, false, []string{"leave acme/payments"}},
		"GitHub doesn't say":          {time.Hour, ports.Reverted{Merged: now, HasNoLive: true}, false, []string{"leave acme/payments"}},
		"merged long ago, never live": {72 * time.Hour, ports.Reverted{Merged: now.Add(-25 * time.Hour)}, false, []string{"leave acme/payments"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLook(t)
			l.State.Reversals = []incident.Reversal{{Stamp: incident.Stamp{ID: "c1", At: now.Add(-tt.asked)},
				Of: "acme/payments#41", Pull: "acme/payments#52", Due: true}}
			if tt.other {
				l.State.Reversals = append(l.State.Reversals, incident.Reversal{Stamp: incident.Stamp{ID: "c2", At: now},
					Of: "acme/payments#42", Pull: "Acme/Payments#53"})
			}
			ask(l, incident.CheckRevert{Reversal: l.State.Reversals[0]})
			var got []string
			note := func(what string) func(string) { return func(repo string) { got = append(got, what+" "+repo) } }
			e := Reverts{Look: l, GitHub: fakeReverts{seen: tt.seen}, Follow: note("follow"), Leave: note("leave")}
			if err := e.Apply(); err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("%v, want %v (%v)", got, tt.want, err)
			}
		})
	}
}
