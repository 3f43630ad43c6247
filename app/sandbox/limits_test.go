package sandbox

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/rest"
)

// Beyond GitHub's secondary limits the App is refused as GitHub does, over any minute and any hour; people go on.
func TestSecondaryLimits(t *testing.T) {
	const comment = `{"body":"hello"}`
	g := newGitHub(t, func(o *Options) { o.Calls = 100_000 })
	g.call("alice", "POST ~/issues", `{"title":"Down"}`).want(201)
	g.token("app")
	many := func(n int, request, body string, want int) {
		t.Helper()
		for range n {
			g.call("app", request, body).want(want)
		}
	}
	refused := func(request, body string, status int, after, text string) {
		t.Helper()
		a := g.call("app", request, body)
		if got := a.header.Get("Retry-After"); a.status != status || got != after || !strings.Contains(a.field("message"), text) {
			t.Errorf("%s answers %d, Retry-After %q: %s", request, a.status, got, a.body)
		}
	}
	many(90, "POST ~/issues/1/comments", comment, 201) // nothing is enforced unless asked for
	g.fault(`{"limits":"github"}`)

	// 80 a minute, over any minute.
	many(40, "POST ~/issues/1/comments", comment, 201)
	g.advance(50 * time.Second)
	many(40, "POST ~/issues/1/comments", comment, 201)
	refused("POST ~/issues/1/comments", comment, 403, "", "secondary rate limit and have been temporarily blocked from content creation")
	g.call("alice", "POST ~/issues/1/comments", comment).want(201)
	g.call("app", "GET ~/issues/1", "").want(200)
	g.advance(10 * time.Second)
	many(40, "POST ~/issues/1/comments", comment, 201)
	refused("POST ~/issues", `{"title":"Down again"}`, 403, "", "content creation")

	// 500 an hour.
	for n := 120; n < 500; {
		g.advance(time.Minute)
		k := min(80, 500-n)
		many(k, "POST ~/issues/1/comments", comment, 201)
		n += k
	}
	g.advance(time.Minute)
	refused("POST ~/issues/1/comments", comment, 403, "", "content creation")
	g.advance(time.Hour)

	// 900 points a minute: what changes something takes 5, what reads 1, whatever it is answered.
	many(100, "POST ~/labels", `{"name":"incident","color":"ff0000"}`, 422)
	many(400, "GET ~/issues/1", "", 200)
	refused("GET ~/issues/1", "", 403, "60", "secondary rate limit. Please wait")
	g.call("jwt", "GET /app", "").want(200)
	g.advance(time.Minute)
	g.call("app", "GET ~/issues/1", "").want(200)

	// The faults choose how it is refused.
	for order, want := range map[string]struct {
		status int
		after  string
	}{
		`{"limits":"github","status":429,"retry_after":"none"}`: {429, ""},
		`{"limits":"github","retry_after":"0s"}`:                {403, "0"},
		`{"limits":"github","retry_after":"24h"}`:               {403, "86400"},
	} {
		g.fault(order)
		many(180, "PATCH ~/issues/1", `{}`, 200)
		refused("GET ~", "", want.status, want.after, "secondary rate limit")
	}
	g.mend()
	many(10, "PATCH ~/issues/1", `{}`, 200)
	for _, bad := range []string{`{"limits":"gitlab"}`, `{"limits":"github","status":500}`, `{"limits":"github","retry_after":"soon"}`, `{"retry_after":"none"}`} {
		g.call("", "POST /sandbox/faults", bad).want(http.StatusBadRequest)
	}
}

// No more than 100 requests may be under way.
func TestSecondaryLimitAtOnce(t *testing.T) {
	l := &secondary{status: http.StatusTooManyRequests}
	for busy, want := range map[int64]bool{1: true, 100: true, 101: false} {
		c := rest.Call{Method: "GET", Resource: "/repos/acme/incidents", Header: http.Header{}, AtOnce: busy}
		if refused := l.take(c, time.Now()); (refused == nil) != want {
			t.Errorf("%d at once: %v", busy, refused)
		}
	}
}

func TestContentCreating(t *testing.T) {
	for request, want := range map[string]bool{
		"POST /repos/acme/incidents/issues":                      true,
		"POST /repositories/12/issues/7/comments":                true,
		"POST /repos/acme/incidents/issues/7/comments":           true,
		"POST /repos/acme/incidents/issues/7/sub_issues":         true,
		"POST /repos/acme/incidents/pulls":                       true,
		"POST /repos/acme/incidents/pulls/7/reviews":             true,
		"POST /repos/acme/incidents/pulls/7/requested_reviewers": true,
		"PUT /repos/acme/incidents/pulls/7/merge":                true,
		"PATCH /repos/acme/incidents/issues/comments/7":          false,
		"POST /repos/acme/incidents/issues/comments/7/reactions": false,
		"PUT /repos/acme/incidents/issues/comments/7/pin":        false,
		"POST /repos/acme/incidents/issues/7/labels":             false,
		"POST /repos/acme/incidents/issues/7/assignees":          false,
		"PATCH /repos/acme/incidents/issues/7":                   false,
		"POST /repos/acme/incidents/git/refs":                    false,
		"POST /repos/acme/incidents/check-runs":                  false,
		"GET /repos/acme/incidents/issues/7/comments":            false,
		"DELETE /repos/acme/incidents/issues/comments/7":         false,
	} {
		method, path, _ := strings.Cut(request, " ")
		if got := isContent(method, path); got != want {
			t.Errorf("%s counts as content: %t", request, got)
		}
	}
}
