package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/wait"
)

// contentCreating lists what counts as content: the operations of which GitHub's description says
// that "creating content too quickly using this endpoint may result in secondary rate limiting"
// (@octokit/openapi 23.0.2), as far as the product uses them.
var contentCreating = lazily.Compile(`^(?:POST .*/(?:issues|pulls|issues/\d+/(?:comments|sub_issues)` +
	`|pulls/\d+/(?:comments|requested_reviewers|reviews))` +
	`|DELETE .*/issues/\d+/sub_issue|PUT .*/pulls/\d+/merge)$`)

// costOf returns the points of a request, and whether it creates content.
func costOf(req *http.Request) (points int, isContent bool) {
	if isRead(req) {
		return 1, false
	}
	return 5, contentCreating.MatchString(req.Method + " " + req.URL.Path)
}

// queryOnly marks the context of a request that is posted and only asks: a GraphQL query.
type queryOnly struct{}

// isRead reports whether a request changes nothing. A GraphQL query without a mutation counts as a
// read.
// https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api#calculating-points-for-the-secondary-rate-limit
func isRead(req *http.Request) bool {
	return req.Method == http.MethodGet || req.Method == http.MethodHead || req.Context().Value(queryOnly{}) != nil
}

// pacingTransport keeps the requests of an installation within GitHub's secondary limits, and its
// writes apart.
type pacingTransport struct {
	next    http.RoundTripper
	pace    *pacer
	limiter *limiter // nil: the server has no such limits

	isPatient bool
}

func (p *pacingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	u := ports.UrgencyOf(req.Context())
	// A reaction creates no content, and whoever wrote a command waits for it.
	if !isRead(req) && !reaction.MatchString(req.URL.Path) {
		if err := p.pace.wait(req.Context(), u); err != nil {
			return nil, err
		}
	}
	if p.limiter == nil {
		return p.next.RoundTrip(req)
	}
	points, isContent := costOf(req)
	for {
		err := p.limiter.enter(u, points, isContent)
		if err == nil {
			break
		}
		var later *ports.RetryAfter
		if !p.isPatient || !errors.As(err, &later) {
			return nil, err
		}
		select {
		case <-time.After(later.Until.Sub(p.limiter.now())):
		case <-req.Context().Done():
			return nil, fmt.Errorf("%w: %w", req.Context().Err(), err)
		}
	}
	res, err := p.next.RoundTrip(req)
	p.limiter.leave(points, isContent, res, err)
	return res, err
}

var reaction = lazily.Compile(`/reactions$`)

// pacer keeps the writes of an installation so far apart, as GitHub asks of integrations that write
// much: the most urgent goes first. It works on the wall clock, for it waits; a server on a clock
// of its own needs none.
// https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#pause-between-mutative-requests
type pacer struct {
	every time.Duration
	now   func() time.Time // the product's clock

	mu      sync.Mutex
	free    time.Time // when the next may go out, on the wall clock
	waiting []*waiter // the most urgent first, each urgency in the order in which they came
}

type waiter struct {
	urgency ports.Urgency
	turn    chan struct{} // closed when it is its turn
}

// patience is how long a write waits for those before it, within the time that a request may take.
// Then its message comes back instead: a function on AWS pays by time, and whoever waits holds up
// its incident.
const patience = timeout / 2

// wait returns when a write may go out.
func (p *pacer) wait(ctx context.Context, u ports.Urgency) error {
	if p.every == 0 {
		return nil
	}
	p.mu.Lock()
	at := time.Now()
	if len(p.waiting) == 0 && !p.free.After(at) {
		p.free = at.Add(p.every)
		p.mu.Unlock()
		return nil
	}
	before := slices.IndexFunc(p.waiting, func(w *waiter) bool { return w.urgency < u })
	if before < 0 {
		before = len(p.waiting)
	}
	if pause := p.free.Sub(at) + time.Duration(before)*p.every; pause > patience {
		p.mu.Unlock()
		return &ports.RetryAfter{Until: p.now().Add(wait.Within(pause, wait.Limit)), Err: errPaced}
	}
	w := &waiter{u, make(chan struct{})}
	p.waiting = slices.Insert(p.waiting, before, w)
	if len(p.waiting) == 1 {
		go p.release()
	}
	p.mu.Unlock()
	select {
	case <-w.turn:
		return nil
	case <-ctx.Done():
		p.mu.Lock()
		defer p.mu.Unlock()
		p.waiting = slices.DeleteFunc(p.waiting, func(o *waiter) bool { return o == w })
		return ctx.Err()
	}
}

// release lets those that wait go, one after the other, until none does.
func (p *pacer) release() {
	for {
		p.mu.Lock()
		if len(p.waiting) == 0 {
			p.mu.Unlock()
			return
		}
		rest := time.Until(p.free)
		if rest <= 0 {
			close(p.waiting[0].turn)
			p.waiting = p.waiting[1:]
			p.free = time.Now().Add(p.every)
			p.mu.Unlock()
			continue
		}
		p.mu.Unlock()
		time.Sleep(rest)
	}
}
