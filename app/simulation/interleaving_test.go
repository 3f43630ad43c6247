package simulation

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// interleaving is what happens while the product works: between two of its calls people act, webhooks
// arrive, and time passes.
type interleaving struct {
	w *world

	slow uint64 // of a thousand calls, how many take long

	mu    sync.Mutex
	acts  []later // what people do, one after the other
	since time.Time
	calls int // at this instant
	most  int // of those, ever
	stuck string

	window time.Time // when ten minutes began …
	made   int       // … in which so many calls were made
	busy   string    // when they were too many
}

// later is what somebody does after so many more calls.
type later struct {
	at    string // part of the calls that count, as "/issues/3/"
	calls int
	act   func()
}

// mostCalls is how many calls the product may make at one instant. More are work without an end.
const mostCalls = 4000

// mostInTenMinutes is how many calls may be made in ten minutes: GitHub allows 5,000 in an hour,
// and people's commands come in bursts.
const mostInTenMinutes = 2500

// between is called before each call. What happens here causes no call that is counted, and of two
// calls that are made side by side one goes out at once.
func (m *interleaving) between(c call) {
	if !m.mu.TryLock() {
		return
	}
	defer m.mu.Unlock()
	if now := m.w.box.Clock().Now(); now.After(m.since) {
		m.since, m.calls = now, 0
	}
	m.calls++
	m.most = max(m.most, m.calls)
	if m.made++; m.since.Sub(m.window) >= 10*time.Minute {
		m.window, m.made = m.since, 0
	}
	if m.made > mostInTenMinutes && m.busy == "" {
		m.busy = fmt.Sprintf("more than %d calls in ten minutes from %s on", mostInTenMinutes, m.window.Format(time.DateTime))
	}
	if m.calls > mostCalls && m.stuck == "" {
		m.stuck = fmt.Sprintf("%d calls at one instant, %s", m.calls, m.since.Format(time.DateTime))
		m.w.net.stop()
	}
	if len(m.acts) > 0 && strings.Contains(c.name+"/", m.acts[0].at) {
		if m.acts[0].calls--; m.acts[0].calls <= 0 {
			act := m.acts[0].act
			m.acts = m.acts[1:]
			act()
			m.deliver()
		}
	}
	if x := m.w.net.random(call{"slow " + c.name, c.n}); x%1000 < m.slow {
		d := [...]time.Duration{time.Second, time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute}[x>>20%5]
		if x>>40%30 == 0 {
			d = 7 * time.Minute
		}
		m.w.net.tell("%s takes %s", c.name, d)
		m.w.reach.stall(d)
		m.w.box.Clock().Pass(d)
		m.deliver()
	}
}

// deliver hands the product what is due by now, and lets its queue look at the clock.
func (m *interleaving) deliver() {
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	if err := m.w.box.Delivered(ctx); err != nil {
		panic(err)
	}
	for _, l := range m.w.arrived(m.w.box.Clock().Now()) {
		m.w.handed[l.issue] = l
		if !l.isTaken(m.w.serve(http.MethodPost, l.to(), l.header, l.body)) { // its sender tries again
			m.w.mu.Lock()
			m.w.mail = append(m.w.mail, l)
			m.w.mu.Unlock()
		}
	}
	m.w.serve(http.MethodGet, "/healthz", nil, nil) // it writes to the queue, which wakes
}

// serve lets the product answer one request.
func (w *world) serve(method, path string, header http.Header, body []byte) int {
	rec := httptest.NewRecorder()
	req := httptest.NewRequest(method, path, bytes.NewReader(body))
	if header != nil {
		req.Header = header.Clone()
	}
	w.product.Handler().ServeHTTP(rec, req)
	return rec.Code
}

// stop lets no call through any more: the product works without an end.
func (n *network) stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dead = true
}

// arm lets somebody act between two calls of what the product does next at an incident; 0: at any.
func (m *interleaving) arm(number, calls int, act func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := "/"
	if number > 0 {
		at = fmt.Sprintf("/issues/%d/", number)
	}
	m.acts = append(m.acts, later{at, calls, act})
}

// armAt lets something happen at the next call of a kind, "METHOD /path", or what it begins with.
func (m *interleaving) armAt(name string, act func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.acts = append(m.acts, later{name, 1, act})
}

// disarm lets those act now who had no chance to.
func (m *interleaving) disarm() {
	m.mu.Lock()
	acts := m.acts
	m.acts = nil
	m.mu.Unlock()
	for _, l := range acts {
		l.act()
	}
}

// acted is what somebody did.
type acted struct {
	step
	at     time.Time
	taken  string
	unread bool // nobody had read yet what this deletes
}
