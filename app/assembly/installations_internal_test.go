package assembly

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
)

// orgs is a GitHub with many organisations, org1 and so on, each with an installation of that
// number.
type orgs struct {
	n         int
	suspended map[int]bool
	open      map[int][]int     // by organisation, its open incidents
	search    func(org int) int // the answer to a search; nil: 200
	mint      func(org int) int // the answer to a request for a token; nil: 201
	queries   map[int][]string  // by organisation, what was searched for
	minted    map[int]int       // by organisation, how often it was asked for a token
	mu        sync.Mutex
	searches  int
}

var words = map[int]string{
	403: `{"message":"Although you appear to have the correct authorization credentials, the organization has an IP allow list enabled"}`,
	422: `{"message":"Validation Failed","errors":[{"message":"The listed users and repositories cannot be searched"}]}`,
	404: `{"message":"Not Found"}`, 502: `{"message":"Bad Gateway"}`, 429: `{"message":"API rate limit exceeded"}`,
}

func (o *orgs) RoundTrip(r *http.Request) (*http.Response, error) {
	code, body, head := 200, "", http.Header{"Content-Type": {"application/json"}}
	path := strings.TrimPrefix(r.URL.Path, "/api/v3")
	q := r.URL.Query()
	var org int
	switch {
	case path == "/app":
		body = `{"id":17,"slug":"firebreak"}`
	case path == "/app/hook/deliveries":
		body = `[]`
	case path == "/app/installations":
		page, _ := strconv.Atoi(q.Get("page"))
		page = max(page, 1)
		var list []string
		for i := (page-1)*100 + 1; i <= min(page*100, o.n); i++ {
			since := "null"
			if o.suspended[i] {
				since = `"2026-03-01T00:00:00Z"`
			}
			list = append(list, fmt.Sprintf(`{"id":%d,"account":{"login":"org%d"},"suspended_at":%s}`, i, i, since))
		}
		if page*100 < o.n {
			head.Set("Link", fmt.Sprintf(`<https://github.test/x?page=%d>; rel="next"`, page+1))
		}
		body = "[" + strings.Join(list, ",") + "]"
	case strings.HasSuffix(path, "/access_tokens"):
		_, _ = fmt.Sscanf(path, "/app/installations/%d/", &org)
		o.mu.Lock()
		o.minted[org]++
		if code = 201; o.mint != nil {
			code = o.mint(org)
		}
		o.mu.Unlock()
		body = fmt.Sprintf(`{"token":"ghs_%d","expires_at":%q}`, org, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		if code >= 400 {
			body = words[code]
		}
	case path == "/search/issues":
		query := q.Get("q")
		_, _ = fmt.Sscanf(query, "user:org%d", &org)
		o.mu.Lock()
		o.searches++
		if o.queries != nil {
			o.queries[org] = append(o.queries[org], query)
		}
		if o.search != nil {
			code = o.search(org)
		}
		var items []string
		if strings.Contains(query, "label:incident is:open") {
			for _, n := range o.open[org] {
				items = append(items, fmt.Sprintf(`{"number":%d,"repository_url":"http://x/repos/org%d/incidents","updated_at":"2026-01-01T00:00:00Z"}`, n, org))
			}
		}
		o.mu.Unlock()
		if body = `{"items":[` + strings.Join(items, ",") + `]}`; code >= 400 {
			body = words[code]
		}
	default:
		code = http.StatusTeapot
	}
	return &http.Response{StatusCode: code, Header: head, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// counts counts what is recorded.
type counts struct {
	mu  sync.Mutex
	all map[string]int
}

func (c *counts) Record(m *metrics.Metric, v float64, labels ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m == metrics.SweepFailures || m == metrics.Sweeps || m == metrics.InstallationEvents {
		c.all[strings.Join(append([]string{strings.TrimPrefix(m.Name, "firebreak_")}, labels...), " ")] += int(v)
	}
}

// looks is a queue that keeps what is asked for.
type looks struct {
	mu  sync.Mutex
	all []string
}

func (l *looks) Enqueue(_ context.Context, m engine.Message, _ time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, m.Ref.String())
	return nil
}

var testKey = sync.OnceValue(func() []byte {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
})

// before is five minutes before a time whose slot is not that of installations 1 to 9.
var sweepStart = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

type sweptOrgs struct {
	*sweeper
	orgs   *orgs
	counts *counts
	queue  *looks
	clock  *fixed
	log    bytes.Buffer
}

func sweepOrgs(tb testing.TB, o *orgs) *sweptOrgs {
	o.minted = map[int]int{}
	clock := &fixed{sweepStart}
	app, err := github.New(github.Options{BaseURL: "https://github.test", AppID: 17, PEM: testKey(), Now: clock.Now, Transport: o})
	if err != nil {
		tb.Fatal(err)
	}
	s := &sweptOrgs{orgs: o, counts: &counts{all: map[string]int{}}, queue: &looks{}, clock: clock}
	s.sweeper = &sweeper{app: app, queue: s.queue, clock: clock, metrics: s.counts, log: slog.New(slog.NewTextHandler(&s.log, nil)), isWhole: isHourly}
	return s
}

// An organisation that refuses the App keeps no other from being swept. It is said once, and
// counted each time; when it is back it is swept from where its own last good sweep was, and each
// of its open incidents is looked at.
func TestA4OneOrganisationThatRefusesEndsNoOther(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		search, mint int
		suspended    bool
		kind         string
	}{
		"names that can't be searched": {422, 201, false, "refused"},
		"an IP allow list":             {403, 201, false, "refused"},
		"no token":                     {200, 404, false, "refused"},
		"a token refused":              {200, 403, false, "refused"},
		"suspended":                    {200, 403, true, "suspended"},
		"limited":                      {429, 201, false, "limited"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &orgs{n: 5, queries: map[int][]string{}, suspended: map[int]bool{}, open: map[int][]int{1: {4, 7}, 3: {5}}}
			s := sweepOrgs(t, o)
			next := func() {
				t.Helper()
				clear(o.queries)
				s.queue.all = nil
				if err := s.next(t.Context()); err != nil {
					t.Errorf("the sweep fails: %v", err)
				}
			}
			next()
			good := s.clock.now
			o.suspended[1] = c.suspended
			only := func(code, other int) func(int) int {
				return func(org int) int {
					if org == 1 {
						return code
					}
					return other
				}
			}
			o.search, o.mint = only(c.search, 200), only(c.mint, 201)
			s.clock.now = s.clock.now.Add(2 * time.Hour) // their tokens are over
			s.sweeper.app = sweepOrgs(t, o).app
			for range 3 {
				s.clock.now = s.clock.now.Add(5 * time.Minute)
				next()
				for org := 2; org <= 5; org++ {
					if len(o.queries[org]) < 2 {
						t.Errorf("org%d is not swept: %q", org, o.queries[org])
					}
				}
			}
			if n := s.counts.all["sweep_failures_total "+c.kind]; n != 3 || strings.Count(s.log.String(), "kind="+c.kind) != 1 || !strings.Contains(s.log.String(), "account=org1") {
				t.Errorf("counted %d times as %s; the log:\n%s", n, c.kind, &s.log)
			}
			o.search, o.mint, o.suspended[1] = nil, nil, false
			s.sweeper.app = sweepOrgs(t, o).app
			s.clock.now = s.clock.now.Add(5 * time.Minute)
			next()
			from := good.Add(-sweepMargin)
			if c.kind != "suspended" && c.kind != "limited" { // each open one, and what was refused in closed ones
				from = s.clock.now.Add(-deliveriesKept)
				slices.Sort(s.queue.all)
				if !slices.Contains(s.queue.all, "org1/incidents#4") || !slices.Contains(s.queue.all, "org1/incidents#7") {
					t.Errorf("looked at %q once it was back", s.queue.all)
				}
			}
			if want := "user:org1 is:issue label:incident updated:>=" + from.Format(time.RFC3339); !slices.Contains(o.queries[1], want) {
				t.Errorf("then it is searched for %q, want %q", o.queries[1], want)
			}
			if !strings.Contains(s.log.String(), "installation is swept again") {
				t.Errorf("it is not said that it is back:\n%s", &s.log)
			}
		})
	}
}

// What is the operator's to see is a sweep's error: that GitHub is out, or refuses all. GitHub's
// outage ends a sweep soon.
func TestA4WhatASweepFailsOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		search, mint int
		says         string
		most         int // requests for tokens and searches
	}{
		"GitHub is out":  {502, 201, "and 58 more", 260},
		"no token":       {200, 502, "and 58 more", 260},
		"refused by all": {422, 201, "0 installations swept, map[refused:1000] not", 2000},
	} {
		o := &orgs{n: 1000, search: func(int) int { return c.search }, mint: func(int) int { return c.mint }}
		s := sweepOrgs(t, o)
		s.isWhole = nil
		err := s.next(t.Context())
		asked := o.searches + len(o.minted)
		if err == nil || !strings.Contains(err.Error(), "installations swept") || asked > c.most {
			t.Errorf("%s: asked %d times: %v", name, asked, err)
		}
	}
}

// Ten thousand installations: each gets its turn within an hour and a bit, no sweep asks for more
// tokens than GitHub issues, and whoever has a token is swept every time. A process of which nothing
// is known takes turns by the clock.
func TestTenThousandInstallationsTakeTurns(t *testing.T) {
	t.Parallel()
	var all []github.Installation
	for i := range 10_000 {
		all = append(all, github.Installation{ID: int64(i + 1), Owner: "org"})
	}
	s := &sweeper{metrics: metrics.Discard{}, log: slog.New(slog.DiscardHandler)}
	swept, now := map[int64]int{}, sweepStart
	for n := range 24 {
		chosen, left := s.choose(all, now)
		tokens := 0
		for _, inst := range chosen {
			p := s.progress[inst.ID]
			if p.token.Equal(now) {
				tokens++
			}
			p.tried = now
			swept[inst.ID]++
		}
		if tokens != tokensPerSweep || len(chosen)+left != len(all) {
			t.Fatalf("sweep %d asks for %d tokens, sweeps %d and leaves %d", n, tokens, len(chosen), left)
		}
		if n >= 12 && len(chosen) < 8_250 {
			t.Errorf("sweep %d sweeps %d", n, len(chosen))
		}
		if n == 13 && len(swept) != len(all) {
			t.Errorf("after 70 minutes %d were swept", len(swept))
		}
		now = now.Add(sweepEvery)
	}
	now, swept = sweepStart, map[int64]int{}
	for range 2 * 14 {
		chosen, _ := (&sweeper{metrics: metrics.Discard{}, log: s.log}).choose(all, now)
		for _, inst := range chosen {
			swept[inst.ID]++
		}
		now = now.Add(sweepEvery)
	}
	if len(swept) != len(all) {
		t.Errorf("new processes swept %d", len(swept))
	}
}

// slow is a GitHub that takes 200 ms for each answer.
type slow struct {
	next  http.RoundTripper
	calls atomic.Int64
}

func (s *slow) RoundTrip(r *http.Request) (*http.Response, error) {
	s.calls.Add(1)
	time.Sleep(200 * time.Millisecond)
	return s.next.RoundTrip(r)
}

// ticking is the time of a test's bubble.
type ticking struct{}

func (ticking) Now() time.Time { return time.Now() }

// A sweep of a thousand installations ends within a minute where GitHub takes 200 ms for each call, also in the
// five minutes in which all of them have the hour's turn: they are swept side by side.
func TestASweepOfAThousandInstallationsTakesAMinute(t *testing.T) {
	t.Parallel()
	key := testKey()
	for name, isWhole := range map[string]func(int64, time.Time) bool{"as the hours go": isHourly,
		"all have their turn": func(int64, time.Time) bool { return true }} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				away := &slow{next: &orgs{n: 1000, minted: map[int]int{}}}
				app, err := github.New(github.Options{BaseURL: "https://github.test", AppID: 17, PEM: key, Now: time.Now,
					Transport: away})
				if err != nil {
					t.Fatal(err)
				}
				s := &sweeper{app: app, queue: &looks{}, clock: ticking{}, metrics: metrics.Discard{},
					log: slog.New(slog.DiscardHandler), isWhole: isWhole}
				for n := range 4 {
					start, before := time.Now(), away.calls.Load()
					if err := s.next(t.Context()); err != nil {
						t.Fatal(err)
					}
					took, calls := time.Since(start), away.calls.Load()-before
					t.Logf("sweep %d: %v, %d calls", n+1, took, calls)
					if took > time.Minute || took < 5*time.Second {
						t.Errorf("sweep %d took %v", n+1, took)
					}
					time.Sleep(sweepEvery - took)
				}
				swept := 0
				for _, p := range s.progress {
					if time.Since(p.tried) < 2*sweepEvery {
						swept++
					}
				}
				if swept != 1000 {
					t.Errorf("%d were swept in the last sweeps", swept)
				}
			})
		})
	}
}

// Once an hour each installation has the turn in which its open incidents are looked at, and in
// each five minutes as many have.
func TestTheHourlyTurnFollowsFromTheClock(t *testing.T) {
	t.Parallel()
	turns := map[int64]int{}
	for n := range 12 {
		now, many := sweepStart.Add(time.Duration(n)*sweepEvery+time.Minute), 0
		for id := range int64(120) {
			if isHourly(id, now) {
				turns[id]++
				many++
			}
		}
		if many != 10 {
			t.Errorf("%d have their turn at %s", many, now)
		}
	}
	if len(turns) != 120 || slices.Max(slices.Collect(maps.Values(turns))) != 1 {
		t.Errorf("turns in an hour: %v", turns)
	}
}

// However many incidents are open, an hour's looks are bounded and each has its turn.
func TestManyOpenIncidentsTakeTurns(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for hour := range 4 {
		var open []engine.Message
		for n := range 2_000 {
			open = append(open, engine.Message{Ref: incident.Ref{Owner: "acme", Repo: "incidents", Number: n + 1}})
		}
		now := inTurn(open, sweepStart.Add(time.Duration(hour)*time.Hour))
		if len(now) != mostOpen {
			t.Errorf("%d looks in an hour", len(now))
		}
		for _, m := range now {
			seen[m.Ref.Number] = true
		}
	}
	if len(seen) != 2_000 {
		t.Errorf("%d were looked at", len(seen))
	}
}

// An event that says where the App may work is logged and counted, and the open incidents there are
// looked at; what GitHub does not show yet is asked for again.
func TestEventsOfAnInstallation(t *testing.T) {
	t.Parallel()
	o := &orgs{n: 3, open: map[int][]int{2: {4, 7}}}
	s := sweepOrgs(t, o)
	sweep := incident.Sweep{Installation: 2, At: s.clock.now}
	m := engine.Message{Ref: incident.Ref{Owner: "org2"}, What: sweep}
	for _, c := range []struct {
		why   string
		after time.Duration
		code  int
		looks int
		later bool
		says  string
	}{
		{"installation.unsuspend", time.Second, 200, 2, false, "count=2"},
		{"installation.suspend", time.Second, 200, 0, false, "lost access"},
		{"installation.created", time.Second, 422, 0, true, ""},
		{"installation.created", time.Hour, 422, 0, false, "can't be looked at"},
		{"installation.new_permissions_accepted", time.Hour, 200, 2, false, "count=2"},
	} {
		s.queue.all, o.search = nil, func(int) int { return c.code }
		s.log.Reset()
		m.Why, s.clock.now = c.why, sweepStart.Add(c.after)
		err := s.change(t.Context(), m, sweep)
		var later *engine.RetryAfter
		if errors.As(err, &later) != c.later || err != nil && !c.later || len(s.queue.all) != c.looks || !strings.Contains(s.log.String(), c.says) {
			t.Errorf("%s after %s, answer %d: %v, looks at %q, logs\n%s", c.why, c.after, c.code, err, s.queue.all, &s.log)
		}
	}
	if d := s.counts.all["installation_events_total installation.created"]; d != 1 {
		t.Errorf("counted: %v", s.counts.all)
	}
	o.search = func(int) int { return 502 }
	if err := s.change(t.Context(), m, sweep); !errors.Is(err, engine.ErrUnavailable) {
		t.Errorf("while GitHub is out: %v", err)
	}
}

// BenchmarkInstallations sweeps a thousand installations, with their tokens at hand and without.
// GitHub answers at once, so the time is the product's own.
func BenchmarkInstallations(b *testing.B) {
	for _, tokens := range []string{"new", "kept"} {
		b.Run(tokens, func(b *testing.B) {
			o := &orgs{n: 1_000, open: map[int][]int{}}
			s := sweepOrgs(b, o)
			sweep := func() {
				if err := s.next(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			for range 2 { // 750 of them have a token after the first
				sweep()
			}
			searches := o.searches
			for b.Loop() {
				if tokens == "new" {
					b.StopTimer()
					s = sweepOrgs(b, o)
					b.StartTimer()
				}
				sweep()
			}
			b.ReportMetric(float64(o.searches-searches)/float64(b.N), "searches/op")
		})
	}
}

// shelved counts how often what was put aside is taken back.
type shelved struct{ times int }

func (a *shelved) TakeBack(context.Context) (int, error) { a.times++; return a.times, nil }

// What was put aside is tried again once a sweep went well, and while GitHub is out it stays (A8).
func TestA8OnlyAGoodSweepTakesBackWhatWasPutAside(t *testing.T) {
	t.Parallel()
	o := &orgs{n: 2, queries: map[int][]string{}, suspended: map[int]bool{}}
	s, aside := sweepOrgs(t, o), &shelved{}
	s.aside = aside
	o.search = func(int) int { return 503 }
	if err := s.next(t.Context()); err == nil || aside.times != 0 {
		t.Errorf("while GitHub is out: taken back %d times, %v", aside.times, err)
	}
	o.search = nil
	if err := s.next(t.Context()); err != nil || aside.times != 1 {
		t.Errorf("taken back %d times, %v", aside.times, err)
	}
	if !strings.Contains(s.log.String(), "messages that were put aside are tried again") {
		t.Errorf("the log: %s", s.log.String())
	}
}
