package engine

import (
	"context"
	"log/slog"
	"testing"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// keptPolicies are what a store keeps.
type keptPolicies map[string][]byte

func (k keptPolicies) Save(context.Context, string, []byte) error { return nil }

func (k keptPolicies) Load(_ context.Context, name string) ([]byte, error) { return k[name], nil }

// What goes out by a kept configuration is its account's: that of the repository that it was read from, also where
// an incident was transferred to another account.
func TestAKeptConfigurationIsItsAccounts(t *testing.T) {
	file := []byte("services:\n  slack:\n    secret: SLACK\n    channel: C0123ABCD\n")
	const moved = "beta/incidents/from/acme/incidents"
	e := &Engine{Options: Options{Logger: slog.New(slog.DiscardHandler), Store: keptPolicies{
		policyKey("beta/incidents"): file,
		policyKey(moved):            savedConfiguration(moved, "acme/incidents", file),
	}}}
	for repo, want := range map[string]string{"beta/incidents": "beta", moved: "acme"} {
		last := e.loadLastGood(t.Context(), repo)
		if s, ok := last.policy.Service("slack"); !ok || s.Account != want {
			t.Errorf("%s: %+v", repo, s)
		}
		if s, _ := last.policy.For(incident.Ref{Number: 1}).Service("webhook"); s.Account != want {
			t.Errorf("%s: %+v", repo, s)
		}
	}
}
