package gh

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
)

// apiVersion is the version of the REST API that this package was written against; GitHub asks to send it always.
// https://docs.github.com/en/rest/about-the-rest-api/api-versions
const apiVersion = "2022-11-28"

// limits stands between GitHub's client and the network. It turns every way in which GitHub says "not now" into an
// *engine.Later on the product's clock, paces the writes, and takes GitHub's counters out of the answers: go-github
// would remember them by the wall clock and refuse calls by itself.
type limits struct {
	next http.RoundTripper
	now  func() time.Time
	pace time.Duration

	mu   sync.Mutex
	free time.Time // when the next write may go out, on the wall clock
}

func (l *limits) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("X-GitHub-Api-Version", apiVersion)
	if err := l.wait(req); err != nil {
		return nil, err
	}
	res, err := l.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if until, limited := l.limited(res); limited {
		res.Body.Close()
		return nil, &engine.Later{Until: until, Err: fmt.Errorf("GitHub limits the rate: %s %s: %s", req.Method, req.URL.Path, res.Status)}
	}
	res.Header.Del("X-RateLimit-Remaining")
	res.Header.Del("X-RateLimit-Reset")
	return res, nil
}

// wait keeps writes that create content apart, as GitHub asks of integrations.
// https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
func (l *limits) wait(req *http.Request) error {
	if l.pace == 0 || req.Method == http.MethodGet || strings.HasSuffix(req.URL.Path, "/access_tokens") || strings.HasSuffix(req.URL.Path, "/reactions") {
		return nil
	}
	l.mu.Lock()
	at := time.Now()
	if l.free.After(at) {
		at = l.free
	}
	l.free = at.Add(l.pace)
	l.mu.Unlock()
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-req.Context().Done():
		return req.Context().Err()
	}
}

// limited reads GitHub's answer to whoever asks too much: Retry-After, else the reset of the primary limit, else a minute.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
func (l *limits) limited(res *http.Response) (time.Time, bool) {
	after := res.Header.Get("Retry-After")
	switch {
	case res.StatusCode == http.StatusTooManyRequests, res.StatusCode == http.StatusForbidden, res.StatusCode >= 500:
		if seconds, err := strconv.Atoi(after); err == nil {
			return l.now().Add(time.Duration(seconds) * time.Second), true
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
		return l.now().Add(time.Minute), true
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
