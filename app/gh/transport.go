package gh

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// Version is the version of the REST API that this package was written against; GitHub asks to send it always.
// https://docs.github.com/en/rest/about-the-rest-api/api-versions
const Version = "2022-11-28"

// limits stands between GitHub's client and the network. It turns every way in which GitHub says "not now" into an
// *engine.Later on the product's clock.
type limits struct {
	next http.RoundTripper
	now  func() time.Time
}

func (l *limits) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("X-GitHub-Api-Version", Version)
	res, err := l.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if until, limited := limited(res, l.now()); limited {
		res.Body.Close()
		return nil, &engine.Later{Until: until, Err: fmt.Errorf("%w: %s %s: %s", engine.ErrLimited, req.Method, req.URL.Path, res.Status)}
	}
	return res, nil
}

// metered notes GitHub's counters and takes them out of the answers: go-github would remember them by the wall clock and
// refuse calls by itself.
type metered struct {
	next  http.RoundTripper
	meter *meter
}

// meter is what is left of the calls that an installation has in an hour.
type meter struct {
	mu   sync.Mutex
	left engine.Budget
}

func (m *metered) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := m.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	left, err1 := strconv.Atoi(res.Header.Get("X-RateLimit-Remaining"))
	limit, err2 := strconv.Atoi(res.Header.Get("X-RateLimit-Limit"))
	reset, err3 := strconv.ParseInt(res.Header.Get("X-RateLimit-Reset"), 10, 64)
	if err1 == nil && err2 == nil && err3 == nil && res.Header.Get("X-RateLimit-Resource") == "core" {
		m.meter.mu.Lock()
		m.meter.left = engine.Budget{Left: left, Limit: limit, Reset: time.Unix(reset, 0).UTC()}
		m.meter.mu.Unlock()
	}
	res.Header.Del("X-RateLimit-Remaining")
	res.Header.Del("X-RateLimit-Reset")
	return res, nil
}

// Budget tells what is left of the calls to an incident's installation, as GitHub said last. It implements engine.GitHub.
func (a *App) Budget(ref incident.Ref) engine.Budget {
	a.mu.Lock()
	m := a.meters[a.installations[strings.ToLower(ref.Owner)]]
	a.mu.Unlock()
	if m == nil {
		return engine.Budget{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.left
}

// paced keeps the writes of an installation apart, as GitHub asks of integrations.
// https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
type paced struct {
	next http.RoundTripper
	pace *pace
}

// pace is when the next write of an installation may go out.
type pace struct {
	every time.Duration

	mu   sync.Mutex
	free time.Time // on the wall clock
}

func (p *paced) RoundTrip(req *http.Request) (*http.Response, error) {
	// A reaction creates no content, and whoever wrote a command waits for it.
	if req.Method != http.MethodGet && !strings.HasSuffix(req.URL.Path, "/reactions") {
		if err := p.pace.wait(req.Context()); err != nil {
			return nil, err
		}
	}
	return p.next.RoundTrip(req)
}

func (p *pace) wait(ctx context.Context) error {
	if p.every == 0 {
		return nil
	}
	p.mu.Lock()
	at := time.Now()
	if p.free.After(at) {
		at = p.free
	}
	p.free = at.Add(p.every)
	p.mu.Unlock()
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// limited reads GitHub's answer to whoever asks too much: Retry-After, else the reset of the primary limit, else a minute.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
func limited(res *http.Response, now time.Time) (time.Time, bool) {
	after := res.Header.Get("Retry-After")
	switch {
	case res.StatusCode == http.StatusTooManyRequests, res.StatusCode == http.StatusForbidden, res.StatusCode >= 500:
		if seconds, err := strconv.Atoi(after); err == nil {
			return now.Add(time.Duration(seconds) * time.Second), true
		}
	}
	if res.StatusCode != http.StatusTooManyRequests && res.StatusCode != http.StatusForbidden {
		return time.Time{}, false
	}
	if res.Header.Get("X-RateLimit-Remaining") == "0" {
		if epoch, err := strconv.ParseInt(res.Header.Get("X-RateLimit-Reset"), 10, 64); err == nil {
			return time.Unix(epoch, 0).UTC().Add(time.Second), true
		}
	}
	if res.StatusCode == http.StatusTooManyRequests || secondary(res) {
		return now.Add(time.Minute), true
	}
	return time.Time{}, false
}

// secondary tells the secondary limit that comes without a header; only its text says so.
func secondary(res *http.Response) bool {
	text, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(text))
	return err == nil && bytes.Contains(bytes.ToLower(text), []byte("rate limit"))
}
