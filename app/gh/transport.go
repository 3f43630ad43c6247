package gh

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
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
	if refused, ok := limited(res, l.now()); ok {
		res.Body.Close()
		what := fmt.Sprintf("%s %s: %s", req.Method, req.URL.Path, res.Status)
		return nil, &engine.Later{Until: refused.until, Err: &limitError{refused, what}}
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

// limitError is an answer of GitHub's that refuses a request because of a limit.
type limitError struct {
	limitedAnswer
	what string
}

func (e *limitError) Error() string { return engine.ErrLimited.Error() + ": " + e.what }

// Unwrap returns the kind of error.
func (e *limitError) Unwrap() error { return engine.ErrLimited }

// limited reports whether an answer refuses a request because of a limit, and until when: by Retry-After, else by the reset of the
// primary limit, else for a minute. A server that is overloaded may say when it wants to be asked again, too.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
func limited(res *http.Response, now time.Time) (l limitedAnswer, ok bool) {
	resource := res.Header.Get("X-RateLimit-Resource")
	l.other = resource != "" && resource != "core"
	after, hasAfter := retryAfter(res.Header.Get("Retry-After"), now)
	if res.StatusCode >= 500 {
		l.until, l.told = sensible(after, now), hasAfter
		return l, hasAfter
	}
	if !slices.Contains([]int{http.StatusForbidden, http.StatusTooManyRequests, http.StatusUnprocessableEntity}, res.StatusCode) {
		return l, false
	}
	words := wordsOf(res)
	isTooQuick := strings.Contains(words, "submitted too quickly") // which is a 422, too
	if res.StatusCode == http.StatusUnprocessableEntity && !isTooQuick {
		return l, false
	}
	l.isContent = isTooQuick || strings.Contains(words, "content creation")
	epoch, err := strconv.ParseInt(res.Header.Get("X-RateLimit-Reset"), 10, 64)
	switch {
	case hasAfter:
		l.until, l.told = after, true
	case res.Header.Get("X-RateLimit-Remaining") == "0" && err == nil:
		l.until, l.told = time.Unix(epoch, 0).UTC().Add(time.Second), true
	case l.isContent || res.StatusCode == http.StatusTooManyRequests ||
		strings.Contains(words, "rate limit") || strings.Contains(words, "abuse detection"):
		l.until = now.Add(untoldWait)
	default:
		return l, false
	}
	l.until = sensible(l.until, now)
	return l, true
}

// retryAfter reads a Retry-After header, which is a number of seconds or a date.
// https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
func retryAfter(text string, now time.Time) (time.Time, bool) {
	seconds, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) { // it is the largest then
		return now.Add(time.Duration(max(0, min(seconds, int64(longestWait/time.Second)))) * time.Second), true
	}
	at, err := http.ParseTime(text)
	return at, err == nil
}

// wordsOf returns the beginning of an answer's text in lower case, and leaves the answer as it was.
func wordsOf(res *http.Response) string {
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
