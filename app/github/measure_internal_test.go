package github

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/metrics"
)

// noted keeps what was recorded last, and how often.
type noted map[string]float64

func (n noted) Record(m *metrics.Metric, value float64, labels ...string) {
	key := strings.Join(append([]string{m.Name}, labels...), " ")
	if m.Kind == metrics.Counter {
		value += n[key]
	}
	n[key] = value
}

type trip func(*http.Request) (*http.Response, error)

func (t trip) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func TestCallsAreCountedByTheirAnswer(t *testing.T) {
	got := noted{}
	now := time.Unix(1000, 0)
	for _, c := range []struct {
		status int
		head   map[string]string
	}{{200, nil}, {201, nil}, {304, nil}, {404, nil}, {502, nil}, {503,
		map[string]string{"Retry-After": "60"}}, {403, map[string]string{"X-RateLimit-Remaining": "0",
		"X-RateLimit-Reset": "2000"}}, {0, nil}} {
		m := &metricsTransport{metrics: got, now: func() time.Time { return now },
			next: trip(func(*http.Request) (*http.Response, error) {
				if c.status == 0 {
					return nil, errors.New("no route")
				}
				res := &http.Response{StatusCode: c.status, Header: http.Header{},
					Body: io.NopCloser(strings.NewReader("text"))}
				for name, value := range c.head {
					res.Header.Set(name, value)
				}
				return res, nil
			})}
		ctx, calls := metrics.Counted(t.Context())
		res, err := m.RoundTrip(httptest.NewRequestWithContext(ctx, "GET", "https://api.github.com/x", nil))
		if n, _, known := calls.Total(); n != 1 || known {
			t.Errorf("%d: %d calls of the pass, %t", c.status, n, known)
		}
		if (err != nil) != (c.status == 0) {
			t.Errorf("%d: %v", c.status, err)
		}
		if res != nil {
			if text, err := io.ReadAll(res.Body); string(text) != "text" || err != nil {
				t.Errorf("%d: the body is %q, %v", c.status, text, err)
			}
		}
	}
	if d := cmp.Diff(noted{"firebreak_github_calls_total 2xx": 2, "firebreak_github_calls_total 3xx": 1,
		"firebreak_github_calls_total 4xx": 1,
		"firebreak_github_calls_total 5xx": 1, "firebreak_github_calls_total limited": 2, "firebreak_github_calls_total none": 1}, got); d != "" {
		t.Error(d)
	}
}

// Each installation has a limit of its own, whose time ends at another moment: the least of those
// that hold now counts.
func TestTheLeastThatIsLeft(t *testing.T) {
	got := noted{}
	var now time.Time
	m := &metricsTransport{metrics: got, now: func() time.Time { return now }}
	for _, c := range []struct {
		at          int64
		limit       string
		left, reset int
		want        float64
	}{
		{1000, "core", 4000, 2000, 4000},
		{1001, "core", 300, 2500, 300},  // another installation
		{1002, "core", 3999, 2000, 300}, // the first again
		{1003, "search", 29, 1060, 29},
		{1004, "core", 310, 2500, 300}, // an answer that came late
		{2001, "core", 5000, 5600, 300},
		{2501, "core", 4990, 5600, 4990}, // the second's time is over
	} {
		now = time.Unix(c.at, 0)
		m.next = trip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: http.NoBody,
				Header: http.Header{"X-Ratelimit-Resource": {c.limit},
					"X-Ratelimit-Remaining": {strconv.Itoa(c.left)}, "X-Ratelimit-Reset": {strconv.Itoa(c.reset)}}}, nil
		})
		ctx, calls := metrics.Counted(t.Context())
		if _, err := m.RoundTrip(httptest.NewRequestWithContext(ctx, "GET", "https://api.github.com/x",
			nil)); err != nil {
			t.Fatal(err)
		}
		if is := got["firebreak_github_calls_left "+c.limit]; is != c.want {
			t.Errorf("at %d %v are left of %s, want %v", c.at, is, c.limit, c.want)
		}
		if _, left, known := calls.Total(); known != (c.limit == "core") || known && left != c.left {
			t.Errorf("at %d the pass knows of %d left, %t", c.at, left, known)
		}
	}
}
