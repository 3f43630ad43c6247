package engine_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/metrics"
	"github.com/firebreak-dev/firebreak/app/selftest"
)

// tested counts tests, as "person silent".
type tested struct {
	mu    sync.Mutex
	count map[string]int

	overdue []float64 // as it was measured
}

func (m *tested) Record(of *metrics.Metric, value float64, labels ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if of == metrics.SelfTestsOverdue {
		m.overdue = append(m.overdue, value)
	}
	if of != metrics.SelfTests && of != metrics.SelfTestFailures {
		return
	}
	m.count[strings.Join(labels, " ")] += int(value)
}

// take returns what was counted since, in order.
func (m *tested) take() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for what, n := range m.count {
		all = append(all, fmt.Sprint(what, " ", n))
	}
	slices.Sort(all)
	m.count = map[string]int{}
	return strings.Join(all, ", ")
}

// Who is on call gets a test page a week by day, which says that it is one. Whoever does not answer is counted
// and named, and so is a path that fails; the operator can ask for it (O3).
func TestO3SelfTests(t *testing.T) {
	skipUnderRace(t)
	w, p := byPush(t)
	m := &tested{count: map[string]int{}}
	w.measured = m
	w.env["FIREBREAK_SECRET_PEOPLE"] = strings.Replace(w.env["FIREBREAK_SECRET_PEOPLE"], `"dan": [`, `"dan": [{"github": "dan"}, `, 1)
	w.restart()
	sweep := func(at string) {
		t.Helper()
		to, err := time.Parse("2006-01-02 15:04", at)
		if err != nil {
			t.Fatal(err)
		}
		w.advance(to.Sub(w.sandbox.Clock().Now()))
		if err := w.product.SweepOpen(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.settle()
	}
	expect := func(rang int, counted string) {
		t.Helper()
		if got := p.told(); len(got) != rang {
			t.Errorf("rang %q", got)
		}
		if got := m.take(); got != counted {
			t.Errorf("counted %q, want %q", got, counted)
		}
	}
	sweep("2026-03-02 10:45") // a Monday: the path alone, at once
	expect(0, "path 1")
	sweep("2026-03-03 10:05") // pages at 10:00 UTC on Tuesday
	expect(2, "path 1")
	sweep("2026-03-03 11:05")
	expect(2, "")
	link := ""
	for topic, of := range p.links {
		if strings.HasPrefix(topic, "carol") {
			link = of
		}
	}
	if _, _, body := w.request("GET", link, ""); !strings.Contains(body, "This is a test") || !strings.Contains(body, "acme/incidents") ||
		strings.Contains(body, "I coordinate") {
		t.Errorf("the page says\n%s", body)
	}
	w.answers(link, "seen")
	if _, _, body := w.request("GET", link+"?said=seen", ""); !strings.Contains(body, "The test arrived") {
		t.Errorf("the page says\n%s", body)
	}
	p.mu.Lock()
	p.down["dan-1"] = true
	p.mu.Unlock()
	sweep("2026-03-04 11:00")
	expect(2, "path 1, person 1, person silent 1")
	status := func() (s selftest.State) {
		t.Helper()
		path := engine.TestStatusPath([][]byte{[]byte("a secret of the tests")}, w.ref, w.sandbox.Clock().Now())
		code, head, body := w.request("GET", w.url+path, "")
		if err := json.Unmarshal([]byte(body), &s); err != nil || code != http.StatusOK || head.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d: %s", code, body)
		}
		return s
	}
	if s := status(); !slices.Equal(s.Silent(s.Now), []string{"dan"}) || len(s.Path.Wrong) != 0 {
		t.Errorf("the product says %+v", s)
	}
	for _, secret := range []string{"another", ""} {
		if code, _, _ := w.request("GET", w.url+engine.TestStatusPath([][]byte{[]byte("x" + secret)}, w.ref, w.sandbox.Clock().Now()), ""); code != http.StatusNotFound {
			t.Errorf("without the secret: %d", code)
		}
	}
	sweep("2026-03-05 03:00") // nothing at night, and a new process knows all this
	w.restart()
	expect(2, "")

	// A week later dan's way refuses, and the secret of the day after can't be used.
	sweep("2026-03-10 10:30")
	expect(3, "path 1, person failed 1")
	w.env["FIREBREAK_SECRET_PEOPLE"] = "nonsense"
	w.restart()
	sweep("2026-03-11 10:30")
	expect(3, "path failed 1")
	if s := status(); len(s.Path.Wrong) != 1 || !strings.Contains(s.Path.Wrong[0], "PEOPLE") || strings.Contains(fmt.Sprint(s), "127.0.0.1") {
		t.Errorf("the product says %+v", s)
	}
}

// Each hour it is measured whether tests are missing, also where none is asked for: that nothing measures it rings.
// Somebody whose test page nothing sent in its hours gets it a day later (O3).
func TestO3TestsThatStoppedAreMeasured(t *testing.T) {
	w, p := byPush(t)
	m := &tested{count: map[string]int{}}
	w.measured = m
	w.restart()
	sweep := func(at string, want ...float64) {
		t.Helper()
		to, err := time.Parse("2006-01-02 15:04", at)
		if err != nil {
			t.Fatal(err)
		}
		w.advance(to.Sub(w.sandbox.Clock().Now()))
		if err := w.product.SweepOpen(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.settle()
		m.mu.Lock()
		defer m.mu.Unlock()
		if !slices.Equal(m.overdue, want) {
			t.Errorf("at %s measured %v, want %v", at, m.overdue, want)
		}
		m.overdue = nil
	}
	sweep("2026-03-02 10:45", 0)
	sweep("2026-03-04 17:00", 3*3600) // nothing ran on Tuesday, nor on Wednesday while it could
	if got := p.told(); len(got) > 0 {
		t.Errorf("a test page woke somebody in the evening: %q", got)
	}
	sweep("2026-03-05 10:05", 0)
	if got := p.told(); len(got) != 2 {
		t.Errorf("a day later rang %q", got)
	}
	sweep("2026-03-06 10:05", 0)
	if got := p.told(); len(got) != 2 {
		t.Errorf("it came twice: %q", got)
	}
}
