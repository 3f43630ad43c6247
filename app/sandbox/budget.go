package sandbox

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
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

var errRateLimit = &Error{Status: http.StatusForbidden, Message: fmt.Sprintf("API rate limit exceeded for installation ID %d.", installationID)}

// budgetOf finds what a call is taken from. Asking for the limits costs nothing, and the App's own token has limits of its own.
func (a *apiServer) budgetOf(q *request) *budget {
	switch {
	case q.app, q.r.URL.Path == "/rate_limit":
		return nil
	case strings.HasPrefix(q.r.URL.Path, "/search/"):
		return &a.search
	}
	return &a.core
}

// renew begins a new span when the old one is over.
func (b *budget) renew(now time.Time) {
	if now.Sub(b.since) >= b.span || now.Before(b.since) {
		b.since, b.used = now, 0
	}
}

// take spends one call, if there is one left.
func (b *budget) take(now time.Time) bool {
	if b.renew(now); b.used >= b.limit {
		return false
	}
	b.used++
	return true
}

func (b *budget) reset() int64 { return b.since.Add(b.span).Unix() }

func (b *budget) tell(head http.Header) {
	for name, n := range map[string]int64{"Limit": int64(b.limit), "Remaining": int64(b.limit - b.used), "Used": int64(b.used), "Reset": b.reset()} {
		head.Set("X-RateLimit-"+name, strconv.FormatInt(n, 10))
	}
	head.Set("X-RateLimit-Resource", b.resource)
}
