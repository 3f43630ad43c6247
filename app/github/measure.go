package github

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/metrics"
)

// metricsTransport counts the calls and what GitHub says is left of its limits.
type metricsTransport struct {
	next    http.RoundTripper
	metrics metrics.Recorder
	now     func() time.Time

	mu      sync.Mutex
	windows map[window]int // calls left
}

// window is a time in which a limit holds. Those of two installations differ in their end, or are
// as good as one.
type window struct {
	limit string
	reset int64 // Unix seconds
}

func (m *metricsTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := m.next.RoundTrip(req)
	metrics.Called(req.Context())
	if err != nil {
		m.metrics.Record(metrics.GitHubCalls, 1, "none")
		return nil, err
	}
	answer := fmt.Sprintf("%dxx", res.StatusCode/100)
	if _, limited := readLimit(res, m.now()); limited {
		answer = "limited"
	}
	m.metrics.Record(metrics.GitHubCalls, 1, answer)
	left, errLeft := strconv.Atoi(res.Header.Get("X-RateLimit-Remaining"))
	reset, errReset := strconv.ParseInt(res.Header.Get("X-RateLimit-Reset"), 10, 64)
	if limit := res.Header.Get("X-RateLimit-Resource"); limit != "" && errLeft == nil && errReset == nil {
		if limit == "core" {
			metrics.Left(req.Context(), left)
		}
		m.metrics.Record(metrics.RateLeft, float64(m.lowest(window{limit, reset}, left)), limit)
	}
	return res, nil
}

// lowest notes what is left in a window, and returns the least of all windows of that limit that
// have not ended.
func (m *metricsTransport) lowest(w window, left int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.windows == nil {
		m.windows = map[window]int{}
	}
	if known, ok := m.windows[w]; !ok || left < known {
		m.windows[w] = left
	}
	least := m.windows[w]
	for other, n := range m.windows {
		switch {
		case other.reset < m.now().Unix() && other != w:
			delete(m.windows, other)
		case other.limit == w.limit:
			least = min(least, n)
		}
	}
	return least
}
