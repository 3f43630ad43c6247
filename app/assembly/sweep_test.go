package assembly_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/assembly"
	"github.com/firebreak-dev/firebreak/app/demo"
	"github.com/firebreak-dev/firebreak/app/metrics"
	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/templates"
)

// swept is a GitHub with many incidents, and the product before it.
type swept struct {
	tb      testing.TB
	box     *sandbox.Sandbox
	product *assembly.Server
	all     int // incidents
	since   int // calls counted so far
	depth   int // of the queue, as last measured
}

// newSwept declares incidents and closes some of them; all that was long ago.
func newSwept(tb testing.TB, open, closed int) *swept {
	tb.Helper()
	return newSweptWith(tb, open, closed, sandbox.App{})
}

// newSweptWith is newSwept for an App that may do more.
func newSweptWith(tb testing.TB, open, closed int, app sandbox.App) *swept {
	tb.Helper()
	s := &swept{tb: tb, all: open + closed}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.box.Handler().ServeHTTP(w, r) }))
	tb.Cleanup(server.Close)
	box, err := demo.New(sandbox.Options{App: app, URL: server.URL, Frozen: true, Start: time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC), Files: map[string]map[string]string{"acme/incidents": templates.Repository()}})
	if err != nil {
		tb.Fatal(err)
	}
	s.box = box
	env := box.Environment()
	s.product, err = assembly.New(func(name string) string { return env[name] }, assembly.Options{Clock: box.Clock(), File: filepath.Join(tb.TempDir(), "queue.db"), Metrics: s, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.product.Close(); _ = box.Close() })
	for n := 1; n <= open+closed; n++ {
		s.ask("POST", "/api/v3/repos/acme/incidents/issues", `{"title":"It is down","body":"/incident","labels":["incident"]}`)
		if n <= closed {
			s.ask("PATCH", fmt.Sprintf("/api/v3/repos/acme/incidents/issues/%d", n), `{"state":"closed"}`)
		}
	}
	s.change(0)
	s.sweep() // the first of a process asks for a token too
	return s
}

func (s *swept) advance(d time.Duration) {
	s.tb.Helper()
	if err := s.box.Clock().Advance(s.tb.Context(), d); err != nil {
		s.tb.Fatal(err)
	}
}

func (s *swept) ask(method, path, body string) []byte {
	s.tb.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer demo-alice")
	w := httptest.NewRecorder()
	if s.box.Handler().ServeHTTP(w, r); w.Code >= 300 {
		s.tb.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

// change changes so many of the incidents, a day after the last sweep.
func (s *swept) change(n int) {
	s.tb.Helper()
	s.advance(24 * time.Hour)
	for n := range n {
		s.ask("PATCH", fmt.Sprintf("/api/v3/repos/acme/incidents/issues/%d", n+1), fmt.Sprintf(`{"title":"It is down, %d"}`, s.since))
		s.advance(time.Second)
	}
}

// sweep sweeps, and counts the calls and the looks that are asked for by then: what waits already
// is asked for once.
func (s *swept) sweep() (calls, looks int) {
	s.tb.Helper()
	s.calls()
	if err := s.product.Sweep(s.tb.Context(), s.box.Clock().Now().Add(-time.Hour)); err != nil {
		s.tb.Fatal(err)
	}
	return s.calls(), s.waiting()
}

// calls counts the product's calls since it was asked last.
func (s *swept) calls() (n int) {
	var answer struct {
		Next  int
		Calls []struct{ Actor string }
	}
	if err := json.Unmarshal(s.ask("GET", fmt.Sprintf("/sandbox/calls?since=%d", s.since), ""), &answer); err != nil {
		s.tb.Fatal(err)
	}
	s.since = answer.Next
	for _, c := range answer.Calls {
		if strings.Contains(c.Actor, "firebreak") {
			n++
		}
	}
	return n
}

// waiting is for how many incidents a look is asked.
func (s *swept) waiting() int {
	s.tb.Helper()
	if err := s.product.Measure(s.tb.Context()); err != nil {
		s.tb.Fatal(err)
	}
	return s.depth
}

// Record implements metrics.Recorder.
func (s *swept) Record(m *metrics.Metric, value float64, _ ...string) {
	if m == metrics.QueueMessages {
		s.depth = int(value)
	}
}

// A sweep costs what is to be done, and not what there is: a look for each incident that changed,
// and a call for each hundred of them; and one for a token, since it comes a day after the last.
// The whole number is BenchmarkSweep's.
func TestA4ASweepCostsWhatChanged(t *testing.T) {
	t.Parallel()
	few, many := newSwept(t, 10, 100), newSwept(t, 80, 800)
	for _, c := range []struct{ changed, calls int }{{0, 5}, {10, 5}, {105, 6}} {
		for _, s := range []*swept{few, many} {
			s.change(c.changed)
			if calls, looks := s.sweep(); calls != c.calls || looks != c.changed {
				t.Errorf("%d changed of %d: %d calls and %d looks, want %d and %d", c.changed, s.all, calls, looks, c.calls, c.changed)
			}
		}
	}
}

// BenchmarkSweep sweeps over incidents of which some changed. Its time is the embedded GitHub's:
// that reads all it has at a search.
func BenchmarkSweep(b *testing.B) {
	for _, n := range []struct{ open, closed int }{{100, 1_000}, {10_000, 100_000}} {
		s := newSwept(b, n.open, n.closed)
		for _, changed := range []int{10, 1_000} {
			b.Run(fmt.Sprintf("%d+%d/%d", n.open, n.closed, changed), func(b *testing.B) {
				calls, looks, rounds := 0, 0, 0
				for b.Loop() {
					b.StopTimer()
					s.change(changed)
					b.StartTimer()
					c, l := s.sweep()
					calls, looks, rounds = calls+c, looks+l, rounds+1
				}
				b.ReportMetric(float64(calls)/float64(rounds), "calls/op")
				b.ReportMetric(float64(looks)/float64(rounds), "looks/op")
			})
		}
	}
}

// A freeze that nobody wants any more is lifted by the sweep, whatever is left of its incident; one that somebody wants
// is left alone.
func TestX4TheSweepLiftsWhatIsForgotten(t *testing.T) {
	s := newSweptWith(t, 2, 1, sandbox.App{Permissions: map[string]string{"administration": "write", "statuses": "write"}}) // 1 is closed
	until := func(d time.Duration) string { return s.box.Clock().Now().Add(d).UTC().Format("2006-01-02 15:04 UTC") }
	names := map[string]bool{ // whether it stays
		"firebreak freeze of acme/incidents#1/1 until " + until(9*time.Hour) + "; to lift it, delete this ruleset":             false,
		"firebreak freeze of acme/incidents#2/1 until " + until(9*time.Hour) + "; to lift it, delete this ruleset":             true,
		"firebreak freeze of acme/incidents#99/1 until " + until(9*time.Hour) + "; to lift it, delete this ruleset":            false,
		"firebreak freeze of acme/incidents#3/1 until " + until(10*time.Minute) + "; to lift it, delete this ruleset":          false,
		"firebreak freeze of maintenance/20260302T104000 until " + until(9*time.Hour) + "; to lift it, delete this ruleset":    true,
		"firebreak freeze of maintenance/20260302T104001 until " + until(10*time.Minute) + "; to lift it, delete this ruleset": false,
		"firebreak freeze of the year": true, "main": true,
	}
	for name := range names {
		if err := s.box.SetState(fmt.Appendf(nil, `{"rulesets":{"repository":"acme/payments","name":%q}}`, name)); err != nil {
			t.Fatal(err)
		}
	}
	s.advance(time.Hour)
	s.sweep()
	var left []struct{ Name string }
	if err := json.Unmarshal(s.ask("GET", "/api/v3/repos/acme/payments/rulesets", ""), &left); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, l := range left {
		got[l.Name] = true
	}
	for name, stays := range names {
		if got[name] != stays {
			t.Errorf("%s: it is there %t, want %t", name, got[name], stays)
		}
	}
}

// Where a deployment waits whose webhook was lost, the sweep asks for an answer (X4).
func TestX4TheSweepFindsDeploymentsThatWait(t *testing.T) {
	s := newSweptWith(t, 2, 1, sandbox.App{Permissions: map[string]string{"deployments": "write", "actions": "read"}})
	_, before := s.sweep()
	for _, state := range []string{`{"gate":{"repository":"acme/payments","environment":"production"}}`,
		`{"deploy":{"repository":"acme/payments"}}`, `{"deploy":{"repository":"acme/platform"}}`} {
		if err := s.box.SetState([]byte(state)); err != nil {
			t.Fatal(err)
		}
	}
	s.advance(6 * time.Minute)
	if _, looks := s.sweep(); looks != before+1 {
		t.Errorf("the sweep asked for %d, want %d", looks, before+1)
	}
}
