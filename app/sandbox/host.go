package sandbox

import (
	"context"
	"slices"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
	"github.com/firebreak-dev/firebreak/app/sandbox/graphql"
	"github.com/firebreak-dev/firebreak/app/sandbox/rest"
	"github.com/firebreak-dev/firebreak/app/sandbox/web"
)

// host is what the API sees of the sandbox.
type host struct{ *Sandbox }

// Now returns the virtual time.
func (h host) Now() time.Time { return h.clock.Now() }

// Skew returns how far GitHub's clock is ahead of ours.
func (h host) Skew() time.Duration { return h.faults.ahead() }

// Outage returns what everybody is answered while there is an outage.
func (h host) Outage() *forge.Error {
	if h.faults.out(h.clock.Now()) {
		return errAway
	}
	return nil
}

// Fault returns what goes wrong with a call by the App.
func (h host) Fault(c rest.Call) rest.Fault { return h.faults.hit(c, h.clock.Now()) }

// Replica returns the forge as a read sees it: this one, or where reads lag behind what it was.
func (h host) Replica(method, path string) (*forge.Forge, error) {
	behind := h.faults.behind(method, path)
	if behind == 0 {
		return h.forge, nil
	}
	replica, err := h.forge.AsOf(h.clock.Now().Add(-behind))
	if err != nil {
		return nil, err
	}
	h.forge.KeepPast(h.clock.Now, h.faults.reach()) // it may have been the last
	return replica, nil
}

// Call is an API call that arrived.
type Call struct {
	N      int64  `json:"n"`
	Method string `json:"method"`
	Path   string `json:"path"`
	Status int    `json:"status"`
	Actor  string `json:"actor"`
}

// keptCalls is how many calls are remembered at least.
const keptCalls = 100_000

// Record lists a call, and returns its number.
func (h host) Record(method, path string, status int, actor string) int64 {
	n := int64(1)
	if k := len(h.calls); k > 0 {
		n = h.calls[k-1].N + 1
	}
	c := Call{N: n, Method: method, Path: path, Status: status, Actor: actor}
	h.calls = append(h.calls, c)
	if len(h.calls) > 2*keptCalls {
		h.calls = slices.Clone(h.calls[keptCalls:])
	}
	h.keeper.record(record{Call: &c})
	return n
}

// Redeliver queues a webhook once more.
func (h host) Redeliver(d *forge.Delivery) { h.courier.redeliver(d) }

// QueryGraphQL answers a query of the GraphQL API.
func (h host) QueryGraphQL(ctx context.Context, f *forge.Forge, by *forge.Actor, query, operation string,
	variables map[string]any) map[string]any {
	return graphql.Query(ctx, f, by, query, operation, variables)
}

// RenderMarkdown returns a text as HTML.
func (h host) RenderMarkdown(f *forge.Forge, by *forge.Actor, r *forge.Repository, text string) string {
	return string(web.RenderMarkdown(f, by, r, text))
}
