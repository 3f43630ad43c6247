package github

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
)

func TestLimited(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	const (
		secondary = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
		blocked   = "You have exceeded a secondary rate limit and have been temporarily blocked from content creation. Please retry your request again later."
		abuse     = "You have triggered an abuse detection mechanism. Please wait a few minutes before you try again."
		quick     = `{"message":"Validation Failed","errors":[{"resource":"IssueComment","code":"unprocessable","field":"data","message":"was submitted too quickly"}]}`
	)
	reset := func(d time.Duration) string {
		return "X-RateLimit-Remaining: 0; X-RateLimit-Reset: " + strconv.FormatInt(now.Add(d).Unix(), 10)
	}
	for _, c := range []struct {
		status  int
		header  string // Name: value; …
		body    string
		wait    time.Duration // 0: there is no limit
		told    bool
		content bool
		other   bool
	}{
		{status: 200},
		{status: 200, header: "Retry-After: 5"},
		{status: 304, header: reset(time.Minute)},
		{status: 403, body: "Resource not accessible by integration"},
		{status: 403, body: secondary, wait: time.Minute},
		{status: 403, body: abuse, wait: time.Minute},
		{status: 403, body: blocked, wait: time.Minute, content: true},
		{status: 403, body: "was submitted too quickly", wait: time.Minute, content: true},
		{status: 422, body: quick, wait: time.Minute, content: true},
		{status: 422, header: "Retry-After: 9", body: quick, wait: 9 * time.Second, told: true,
			content: true},
		{status: 422, body: `{"message":"Validation Failed"}`},
		{status: 422, header: reset(time.Minute), body: `{"message":"Validation Failed"}`},
		{status: 404, body: secondary},
		{status: 429, wait: time.Minute},
		{status: 429, header: "Retry-After: 90", wait: 90 * time.Second, told: true},
		{status: 403, header: "Retry-After: 0", wait: time.Second, told: true},
		{status: 403, header: "Retry-After: -20", wait: time.Second, told: true},
		{status: 403, header: "Retry-After: 86400", wait: time.Hour, told: true},
		{status: 403, header: "Retry-After: 99999999999999999999999", wait: time.Hour, told: true},
		{status: 429, header: "Retry-After: soon", wait: time.Minute},
		{status: 429, header: "Retry-After: NaN", wait: time.Minute},
		{status: 403, header: "Retry-After: Mon, 02 Mar 2026 10:41:30 GMT", wait: 90 * time.Second,
			told: true},
		{status: 403, header: reset(10 * time.Minute), wait: 10*time.Minute + time.Second, told: true},
		{status: 403, header: reset(-time.Hour), wait: time.Second, told: true},
		{status: 403, header: reset(100 * time.Minute), wait: time.Hour, told: true},
		{status: 403, header: reset(100 * time.Hour), wait: time.Minute}, // of no clock that could be meant
		{status: 403, header: reset(-100 * time.Hour), wait: time.Minute},
		{status: 403, header: "X-RateLimit-Remaining: 0; X-RateLimit-Reset: 9223372036854775807",
			wait: time.Minute},
		{status: 403, header: "X-RateLimit-Remaining: 0; X-RateLimit-Reset: ?",
			body: "API rate limit exceeded", wait: time.Minute},
		{status: 403, header: "X-RateLimit-Resource: search; " + reset(20*time.Second),
			wait: 21 * time.Second, told: true, other: true},
		{status: 502},
		{status: 503, header: "Retry-After: 120", wait: 2 * time.Minute, told: true},
		{status: 503, header: "Retry-After: 0", wait: time.Second, told: true},
	} {
		res := &http.Response{StatusCode: c.status, Header: http.Header{},
			Body: io.NopCloser(strings.NewReader(c.body))}
		for h := range strings.SplitSeq(c.header, "; ") {
			if name, value, ok := strings.Cut(h, ": "); ok {
				res.Header.Set(name, value)
			}
		}
		l, ok := readLimit(res, now)
		if ok != (c.wait > 0) || ok && (l.until.Sub(now) != c.wait || l.told != c.told ||
			l.isContent != c.content || l.other != c.other) {
			t.Errorf("%d %s %q: %t, wait %s, told %t, content %t, other %t", c.status, c.header, c.body, ok,
				l.until.Sub(now), l.told, l.isContent, l.other)
		}
		if text, _ := io.ReadAll(res.Body); string(text) != c.body {
			t.Errorf("%d: of the body %q is left", c.status, text)
		}
	}
}

// strictGitHub is a server with GitHub's secondary limits, for some limiters.
type strictGitHub struct {
	now    time.Time
	points []time.Time // one entry for each
	wrote  []time.Time
	calls  int // of all time
	used   int // of the hour
	hour   time.Time
	after  string // Retry-After; empty: none

	refused int
}

func last(all []time.Time, since time.Time) int {
	n, _ := slices.BinarySearchFunc(all, since,
		func(t, since time.Time) int { return cmp.Or(t.Compare(since), -1) })
	return len(all) - n
}

func (g *strictGitHub) clock() time.Time { return g.now }

// send sends a request through a limiter.
func (g *strictGitHub) send(l *limiter, u ports.Urgency, points int, isContent bool) error {
	if err := l.enter(u, points, isContent); err != nil {
		return err
	}
	res := &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody}
	if last(g.points, g.now.Add(-time.Minute))+points > pointsPerMinute || isContent &&
		(last(g.wrote, g.now.Add(-time.Minute)) >= contentPerMinute ||
			last(g.wrote, g.now.Add(-time.Hour)) >= contentPerHour) {
		g.refused++
		res.StatusCode = http.StatusForbidden
		if g.after != "" {
			res.Header.Set("Retry-After", g.after)
		}
		res.Body = io.NopCloser(strings.NewReader("You have exceeded a secondary rate limit."))
		refused, _ := readLimit(res, g.now)
		err := &ports.RetryAfter{Until: refused.until, Err: &limitError{refused, "403"}}
		l.leave(points, isContent, nil, err)
		return err
	}
	for range points {
		g.points = append(g.points, g.now)
	}
	if isContent {
		g.wrote = append(g.wrote, g.now)
	}
	if g.calls++; !g.now.Before(g.hour) {
		g.used, g.hour = 0, g.now.Add(time.Hour)
	}
	g.used++
	res.Header.Set("X-RateLimit-Resource", "core")
	res.Header.Set("X-RateLimit-Used", strconv.Itoa(g.used))
	res.Header.Set("X-RateLimit-Reset", strconv.FormatInt(g.hour.Unix(), 10))
	l.leave(points, isContent, res, nil)
	return nil
}

// message is something to write, after a look.
type message struct {
	at, due time.Time
	urgency ports.Urgency
	content bool
	process int
	tries   int
}

// play lets messages go out through one limiter each process, and returns how long each urgency
// waited.
func play(t *testing.T, g *strictGitHub, limiters []*limiter,
	all []*message) map[ports.Urgency][]time.Duration {
	t.Helper()
	waits := map[ports.Urgency][]time.Duration{}
	for len(all) > 0 {
		slices.SortStableFunc(all, func(a, b *message) int { return a.due.Compare(b.due) })
		m := all[0]
		if m.due.After(g.now) {
			g.now = m.due
		}
		if m.tries++; m.tries > 200 {
			t.Fatalf("a message of urgency %s, content %t, is tried for the %d. time after %s; %d are left",
				m.urgency, m.content, m.tries, g.now.Sub(m.at), len(all))
		}
		l := limiters[m.process]
		look := m.urgency // which is known once it was held back
		if m.tries == 1 {
			look = max(look, ports.UrgencyCard)
		}
		err := g.send(l, look, 1, false)
		if err == nil {
			err = g.send(l, m.urgency, 5, m.content)
		}
		var later *ports.RetryAfter
		if !errors.As(err, &later) {
			waits[m.urgency] = append(waits[m.urgency], g.now.Sub(m.at))
			all = all[1:]
			continue
		}
		if later.Until.Sub(g.now) < time.Second || later.Until.Sub(g.now) > time.Hour {
			t.Fatalf("it comes back in %s", later.Until.Sub(g.now))
		}
		m.due = later.Until
	}
	return waits
}

func tell(t *testing.T, waits map[ports.Urgency][]time.Duration) {
	t.Helper()
	for u := range ports.Urgencies {
		w := waits[ports.Urgency(u)]
		slices.Sort(w)
		if len(w) > 0 {
			t.Logf("%-6s %4d: min %s, median %s, max %s", ports.Urgency(u), len(w), w[0], w[len(w)/2],
				w[len(w)-1])
		}
	}
}

// What one process asks of GitHub stays within the limits whatever comes, nothing is lost, and a
// page hardly waits.
func TestLimiterOneProcess(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			start := time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
			g := &strictGitHub{now: start}
			l := newLimiter(g.clock)
			var all []*message
			for range 900 { // within ten minutes
				u := ports.Urgency(r.IntN(ports.Urgencies - 1))
				if r.IntN(60) == 0 {
					u = ports.UrgencyPage
				}
				at := start.Add(time.Duration(r.IntN(600_000)) * time.Millisecond)
				all = append(all, &message{at: at, due: at, urgency: u,
					content: r.IntN(2) == 0 || u == ports.UrgencyPage})
			}
			waits := play(t, g, []*limiter{l}, all)
			tell(t, waits)
			if g.refused > 0 {
				t.Errorf("GitHub refuses %d requests", g.refused)
			}
			if pages := waits[ports.UrgencyPage]; pages[len(pages)-1] > 10*time.Second {
				t.Errorf("a page waits %s", pages[len(pages)-1])
			}
		})
	}
}

// Processes that can't see each other learn from GitHub's counter that they are not alone.
func TestLimiterManyProcesses(t *testing.T) {
	for _, after := range []string{"", "0"} {
		r := rand.New(rand.NewPCG(1, 2))
		start := time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
		g := &strictGitHub{now: start, after: after}
		var limiters []*limiter
		for range 10 {
			limiters = append(limiters, newLimiter(g.clock))
		}
		var all []*message
		for range 800 {
			u := ports.Urgency(r.IntN(ports.Urgencies - 1))
			if r.IntN(60) == 0 {
				u = ports.UrgencyPage
			}
			at := start.Add(time.Duration(r.IntN(240_000)) * time.Millisecond)
			all = append(all, &message{at: at, due: at, urgency: u,
				content: r.IntN(6) == 0 || u == ports.UrgencyPage, process: r.IntN(len(limiters))})
		}
		waits := play(t, g, limiters, all)
		tell(t, waits)
		t.Logf("Retry-After %q: GitHub refuses %d of %d", after, g.refused, g.calls)
		if g.refused > g.calls/50 {
			t.Errorf("Retry-After %q: GitHub refuses %d of %d", after, g.refused, g.calls)
		}
	}
}

// A refusal holds the whole installation back, one request tries whether it is over, and refusals
// in a row make it wait longer.
func TestLimiterLearns(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	l := newLimiter(func() time.Time { return now })
	refuse := func(a limitedAnswer) {
		t.Helper()
		if err := l.enter(ports.UrgencyPage, 5, a.isContent); err != nil {
			t.Fatal(err)
		}
		l.leave(5, a.isContent, nil, &ports.RetryAfter{Until: a.until, Err: &limitError{a, "403"}})
	}
	waits := func(u ports.Urgency, isContent bool, want time.Duration) {
		t.Helper()
		err := l.enter(u, 1, isContent)
		var later *ports.RetryAfter
		got := time.Duration(0)
		if errors.As(err, &later) {
			got = later.Until.Sub(now)
		} else {
			l.leave(1, isContent, &http.Response{StatusCode: 200, Header: http.Header{}}, nil)
		}
		if got != want {
			t.Errorf("%s waits %s, not %s", u, got, want)
		}
	}
	// Only content is refused: reading goes on.
	refuse(limitedAnswer{until: now.Add(time.Minute), isContent: true})
	waits(ports.UrgencyPage, true, time.Minute)
	waits(ports.UrgencyAnswer, false, 0)
	now = now.Add(time.Minute)
	waits(ports.UrgencyPage, true, 0)

	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		refuse(limitedAnswer{until: now.Add(defaultWait)})
		waits(ports.UrgencyPage, false, want*time.Minute)
		waits(ports.UrgencyPage, true, want*time.Minute)
		now = now.Add(want * time.Minute)
	}
	// While one tries, the others wait.
	if err := l.enter(ports.UrgencyAnswer, 1, false); err != nil {
		t.Fatal(err)
	}
	waits(ports.UrgencyPage, false, time.Second)
	l.leave(1, false, &http.Response{StatusCode: 200, Header: http.Header{}}, nil)
	waits(ports.UrgencyNudge, false, 0)

	// What GitHub says counts; that it says "at once" again and again does not.
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		refuse(limitedAnswer{until: now.Add(time.Second), told: true})
		waits(ports.UrgencyPage, false, want*time.Second)
		now = now.Add(want * time.Second)
	}
	refuse(limitedAnswer{until: now.Add(20 * time.Minute), told: true})
	waits(ports.UrgencyPage, false, 20*time.Minute)
	now = now.Add(20 * time.Minute)
	// A limit of searches is not one of the rest.
	refuse(limitedAnswer{until: now.Add(time.Minute), told: true, other: true})
	waits(ports.UrgencyPage, false, 0)
}
