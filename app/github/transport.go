package github

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/wait"
)

// Version is the version of the REST API that this package was written against; GitHub asks to send
// it always. https://docs.github.com/en/rest/about-the-rest-api/api-versions
const Version = "2022-11-28"

// rateLimitTransport is between GitHub's client and the network. It turns every way in which GitHub
// says "not now" into a *ports.RetryAfter on the product's clock.
type rateLimitTransport struct {
	next http.RoundTripper
	now  func() time.Time
}

func (l *rateLimitTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("X-GitHub-Api-Version", Version)
	res, err := l.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if refused, ok := readLimit(res, l.now()); ok {
		res.Body.Close()
		what := fmt.Sprintf("%s %s: %s", req.Method, req.URL.Path, res.Status)
		return nil, &ports.RetryAfter{Until: refused.until, Err: &limitError{refused, what}}
	}
	return res, nil
}

// quotaTransport notes GitHub's counters and takes them out of the answers: go-github would
// remember them by the wall clock and refuse calls on its own.
type quotaTransport struct {
	next  http.RoundTripper
	now   func() time.Time
	meter *quota
}

// longestSkew is how far GitHub's counter of an hour may be from our clock: its hour, and what
// clocks differ.
const longestSkew = 2 * time.Hour

// quota is what is left of the calls that an installation has in an hour.
type quota struct {
	mu   sync.Mutex
	left ports.RateBudget
}

func (m *quotaTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := m.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	left, err1 := strconv.Atoi(res.Header.Get("X-RateLimit-Remaining"))
	limit, err2 := strconv.Atoi(res.Header.Get("X-RateLimit-Limit"))
	now := m.now()
	reset, ok := wait.Epoch(res.Header.Get("X-RateLimit-Reset"), now, longestSkew)
	if err1 == nil && err2 == nil && left >= 0 && limit > 0 && ok &&
		res.Header.Get("X-RateLimit-Resource") == "core" {
		m.meter.mu.Lock()
		m.meter.left = ports.RateBudget{Left: min(left, limit), Limit: limit,
			Reset: wait.NoLater(reset, now, wait.Limit)}
		m.meter.mu.Unlock()
	}
	res.Header.Del("X-RateLimit-Remaining")
	res.Header.Del("X-RateLimit-Reset")
	return res, nil
}

// RateBudget returns what is left of the calls to an incident's installation, as GitHub said last.
// It implements engine.GitHub.
func (a *App) RateBudget(ref incident.Ref) ports.RateBudget {
	a.mu.Lock()
	m := a.meters[a.installations[strings.ToLower(ref.Owner)]]
	a.mu.Unlock()
	if m == nil {
		return ports.RateBudget{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.left
}

// limitError is an answer of GitHub's that refuses a request because of a limit.
type limitError struct {
	limitedAnswer
	what string
}

func (e *limitError) Error() string { return ports.ErrLimited.Error() + ": " + e.what }

// Unwrap returns the kind of error.
func (e *limitError) Unwrap() error { return ports.ErrLimited }

// readLimit reports whether an answer refuses a request because of a limit, and until when: by
// Retry-After, else by the reset of the primary limit, else for a minute. A server that is
// overloaded may say when it wants to be asked again, too.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
func readLimit(res *http.Response, now time.Time) (l limitedAnswer, ok bool) {
	resource := res.Header.Get("X-RateLimit-Resource")
	l.other = resource != "" && resource != "core"
	pause, hasAfter := wait.RetryAfter(res.Header.Get("Retry-After"), now, wait.Limit)
	after := now.Add(pause)
	if res.StatusCode >= 500 {
		l.until, l.told = wait.Until(after, now, wait.Limit), hasAfter
		return l, hasAfter
	}
	if !slices.Contains([]int{http.StatusForbidden, http.StatusTooManyRequests,
		http.StatusUnprocessableEntity}, res.StatusCode) {
		return l, false
	}
	words := bodyText(res)
	isTooQuick := strings.Contains(words, "submitted too quickly") // which is a 422, too
	if res.StatusCode == http.StatusUnprocessableEntity && !isTooQuick {
		return l, false
	}
	l.isContent = isTooQuick || strings.Contains(words, "content creation")
	reset, hasReset := wait.Epoch(res.Header.Get("X-RateLimit-Reset"), now, longestSkew)
	switch {
	case hasAfter:
		l.until, l.told = after, true
	case res.Header.Get("X-RateLimit-Remaining") == "0" && hasReset:
		l.until, l.told = reset.Add(time.Second), true
	case res.Header.Get("X-RateLimit-Remaining") == "0":
		l.until = now.Add(defaultWait)
	case l.isContent || res.StatusCode == http.StatusTooManyRequests ||
		strings.Contains(words, "rate limit") || strings.Contains(words, "abuse detection"):
		l.until = now.Add(defaultWait)
	default:
		return l, false
	}
	l.until = wait.Until(l.until, now, wait.Limit)
	return l, true
}

// bodyText returns the beginning of an answer's text in lower case, and leaves the answer as it
// was.
func bodyText(res *http.Response) string {
	text, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		text = nil
	}
	rest := res.Body
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(text), rest), rest}
	return string(bytes.ToLower(text))
}
