package rest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// budget is how many calls of one kind the installation has in a span of virtual time.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
type budget struct {
	resource string
	limit    int
	span     time.Duration
	since    time.Time // when the span began
	used     int
}

// rateLimited is the refusal of whoever spent a budget.
func (v *Views) rateLimited() *forge.Error {
	return forge.Forbidden(fmt.Sprintf("API rate limit exceeded for installation ID %d.",
		v.forge.InstallationID()))
}

// budgets are what one caller has: the installation, the App itself, a person, or everybody without a token.
type budgets struct{ core, search, graphql budget }

// budgetsOf returns the caller's budgets. Only the installation's are enforced: scripts play many
// people by one login.
func (a *server) budgetsOf(q *request) *budgets {
	who := q.actor()
	b, ok := a.spent[who]
	if !ok {
		calls, searches := 5000, 30
		switch {
		case q.by != nil && q.by.ViaApp:
			calls = a.calls
		case who == "":
			calls, searches = 60, 10
		}
		b = &budgets{core: budget{resource: "core", limit: calls, span: time.Hour},
			search:  budget{resource: "search", limit: searches, span: time.Minute},
			graphql: budget{resource: "graphql", limit: calls, span: time.Hour}}
		a.spent[who] = b
	}
	return b
}

// budgetOf finds what a call is taken from. Asking for the limits costs nothing.
func (a *server) budgetOf(q *request) *budget {
	b := a.budgetsOf(q)
	switch {
	case q.graphql:
		return &b.graphql
	case q.r.URL.Path == "/rate_limit":
		return nil
	case strings.HasPrefix(q.r.URL.Path, "/search/"):
		return &b.search
	}
	return &b.core
}

// renew begins a new span when the old one is over.
func (b *budget) renew(now time.Time) {
	if now.Sub(b.since) >= b.span || now.Before(b.since) {
		b.since, b.used = now, 0
	}
}

// take spends one call, and reports whether there was one left.
func (b *budget) take(now time.Time) bool {
	if b.renew(now); b.used >= b.limit {
		return false
	}
	b.used++
	return true
}

func (b *budget) giveBack() { b.used = max(0, b.used-1) }

func (b *budget) reset() int64 { return b.since.Add(b.span).Unix() }

func (b *budget) tell(head http.Header) {
	for name, n := range map[string]int64{"Limit": int64(b.limit), "Remaining": int64(b.limit - b.used),
		"Used": int64(b.used), "Reset": b.reset()} {
		head.Set("X-RateLimit-"+name, strconv.FormatInt(n, 10))
	}
	head.Set("X-RateLimit-Resource", b.resource)
}
