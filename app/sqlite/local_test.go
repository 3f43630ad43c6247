package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/sqlite"
)

// clock moves only when told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

var start = time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)

func message(number int, delivery string) engine.Message {
	return engine.Message{Ref: incident.Ref{Owner: "acme", Repo: "incidents", Number: number},
		Why: delivery, Delivery: delivery,
		What: &incident.Comment{ID: 1}}
}

// queue is a store with a worker that notes what it is handed.
type queue struct {
	*sqlite.Store
	t     *testing.T
	clock *clock
	mu    sync.Mutex
	seen  []string
	stop  func()
}

// open opens a store and works it by handle, which may be nil.
func open(t *testing.T, path string, c *clock, handle func(engine.Message) error) *queue {
	t.Helper()
	s, err := sqlite.Open(path, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	q := &queue{Store: s, t: t, clock: c}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- s.Run(ctx, func(_ context.Context, m engine.Message) error {
			q.mu.Lock()
			q.seen = append(q.seen, fmt.Sprintf("%d %s", m.Ref.Number, m.Why))
			q.mu.Unlock()
			if handle == nil {
				return nil
			}
			return handle(m)
		})
	}()
	var once sync.Once
	q.stop = func() {
		once.Do(func() {
			cancel()
			if err := errors.Join(<-done, s.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(q.stop)
	return q
}

func (q *queue) put(m engine.Message, at time.Time) {
	q.t.Helper()
	if err := q.Enqueue(q.t.Context(), m, at); err != nil {
		q.t.Fatal(err)
	}
}

func (q *queue) idle() []string {
	q.t.Helper()
	q.Wake()
	if err := q.Idle(q.t.Context()); err != nil {
		q.t.Fatal(err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.seen)
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("handed out %q, want %q", got, want)
	}
}

func TestOneAtATimeAndInOrder(t *testing.T) {
	var mu sync.Mutex
	busy := map[int]bool{}
	q := open(t, "", &clock{now: start}, func(m engine.Message) error {
		mu.Lock()
		if busy[m.Ref.Number] {
			t.Errorf("two looks at incident %d at once", m.Ref.Number)
		}
		busy[m.Ref.Number] = true
		mu.Unlock()
		mu.Lock()
		busy[m.Ref.Number] = false
		mu.Unlock()
		return nil
	})
	for i := range 200 {
		q.put(message(i%5+1, fmt.Sprint("d", i)), time.Time{})
	}
	last := map[string]int{}
	seen := q.idle()
	for _, s := range seen {
		ref, d, _ := strings.Cut(s, " d")
		var n int
		fmt.Sscan(d, &n)
		if n < last[ref] {
			t.Errorf("incident %s: %d after %d", ref, n, last[ref])
		}
		last[ref] = n
	}
	if len(seen) != 200 {
		t.Errorf("%d of 200 handed out", len(seen))
	}
}

func TestADeliveryIsTakenOnce(t *testing.T) {
	q := open(t, "", &clock{now: start}, nil)
	q.put(message(1, "a"), time.Time{})
	q.put(message(1, "a"), time.Time{})
	expect(t, q.idle(), "1 a")
	q.put(message(1, "a"), time.Time{})
	expect(t, q.idle(), "1 a")
	q.clock.add(4 * 24 * time.Hour)
	q.put(message(1, "b"), time.Time{})
	q.put(message(1, "a"), time.Time{})
	expect(t, q.idle(), "1 a", "1 b", "1 a")
}

func TestLaterAndFailuresKeepTheOrder(t *testing.T) {
	c := &clock{now: start}
	first := 0
	q := open(t, "", c, func(m engine.Message) error {
		if m.Why != "a" {
			return nil
		}
		first++
		switch first {
		case 1:
			return &engine.RetryAfter{Until: start.Add(time.Minute), Err: errors.New("limited")}
		case 2:
			return errors.New("502")
		case 3:
			panic("a bug")
		}
		return nil
	})
	q.put(message(1, "a"), time.Time{})
	q.put(message(1, "b"), time.Time{})
	q.put(message(2, "c"), time.Time{})
	seen := q.idle()
	slices.Sort(seen)
	expect(t, seen, "1 a", "2 c")
	// not now: what is behind it waits too
	if next, _ := q.Next(t.Context()); !next.Equal(start.Add(time.Minute)) {
		t.Errorf("next at %s", next)
	}
	c.add(time.Minute)
	q.idle()
	c.add(time.Second)
	q.idle()
	c.add(2 * time.Second)
	seen = q.idle()
	expect(t, seen[len(seen)-2:], "1 a", "1 b")
	if first != 4 {
		t.Errorf("tried %d times, want 4", first)
	}
}

func TestWhatNeverWorksIsPutAsideAndRevivedByRedelivery(t *testing.T) {
	c := &clock{now: start}
	broken := true
	q := open(t, "", c, func(m engine.Message) error {
		if broken && m.Why == "a" {
			return errors.New("a poison")
		}
		return nil
	})
	q.put(message(1, "a"), time.Time{})
	q.put(message(1, "b"), time.Time{})
	for range 40 {
		q.idle()
		c.add(10 * time.Minute)
	}
	seen := q.idle()
	expect(t, seen[len(seen)-2:], "1 b", "1 aside") // nothing is held up, and the incident is told (A8)
	if len(seen) != 22 {
		t.Errorf("%d looks, want 20 for the poison and two more", len(seen))
	}
	dead, err := q.Dead(t.Context())
	if err != nil || dead["acme/incidents#1"] != "a poison" {
		t.Errorf("put aside: %v %v", dead, err)
	}
	broken = false
	q.put(message(1, "a"), time.Time{})
	seen = q.idle()
	if seen[len(seen)-1] != "1 a" {
		t.Error("a redelivery does not revive what was put aside")
	}
}

// An outage of GitHub's may last as long as it likes: nothing is put aside for it.
func TestA4AnOutageLosesNothing(t *testing.T) {
	c := &clock{now: start}
	out := true
	q := open(t, "", c, func(engine.Message) error {
		if out {
			return fmt.Errorf("look: %w", engine.ErrUnavailable)
		}
		return nil
	})
	q.put(message(1, "a"), time.Time{})
	for range 100 {
		q.idle()
		c.add(10 * time.Minute)
	}
	if dead, err := q.Dead(t.Context()); err != nil || len(dead) > 0 {
		t.Errorf("put aside: %v %v", dead, err)
	}
	out = false
	q.idle()
	if next, err := q.Next(t.Context()); err != nil || !next.IsZero() {
		t.Errorf("still to be done at %s %v", next, err)
	}
}

// While a report waits the next of its kind is counted with it, also one that comes while it is
// being told.
func TestI6ReportsOfOneTroubleAreCountedTogether(t *testing.T) {
	c := &clock{now: start}
	told := 0
	var again func()
	q := open(t, "", c, func(m engine.Message) error {
		told += m.Signal().Count
		if again != nil {
			again()
			again = nil
		}
		return nil
	})
	report := func(key string) engine.Message {
		return engine.Message{Ref: incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}, Why: "signal",
			What: &incident.Signal{Body: []byte(`{}`), Key: key, Count: 1}}
	}
	again = func() {
		for range 5 {
			if err := q.Enqueue(t.Context(), report("a"), time.Time{}); err != nil {
				t.Error(err)
			}
		}
	}
	for range 5 {
		q.put(report("a"), c.now.Add(time.Minute))
	}
	q.put(report("b"), c.now.Add(time.Minute))
	c.add(2 * time.Minute)
	if seen := q.idle(); told != 11 || len(seen) != 3 {
		t.Errorf("%d reports told in %d looks, want 11 in 3", told, len(seen))
	}
}

// What a process that ended was handed may be counted already: nothing is joined to it, and a
// source that tries again because it got no answer adds nothing.
func TestA4I6AReportIsJoinedOnce(t *testing.T) {
	c := &clock{now: start}
	file := filepath.Join(t.TempDir(), "queue.db")
	var told []string
	note := func(m engine.Message) error {
		told = append(told, fmt.Sprint(m.Signal().ID, " ", m.Signal().Count))
		return nil
	}
	report := func(id, event string, at time.Time) engine.Message {
		return engine.Message{Ref: incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}, Why: "signal",
			What: &incident.Signal{Body: []byte(`{}`), Key: "a true", Count: 1, Event: event, ID: id, At: at}}
	}
	later := start.Add(time.Minute)
	before, err := sqlite.Open(file, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []engine.Message{report("1", "x", start), report("2", "x", start.Add(time.Second)),
		report("3", "y", start)} {
		if err := before.Enqueue(t.Context(), m, later); err != nil {
			t.Fatal(err)
		}
	}
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	q := open(t, file, c, note)
	q.put(report("4", "z", start), later)
	q.put(report("5", "z", start.Add(2*time.Minute)), later)
	c.add(2 * time.Minute)
	q.idle()
	if want := []string{"3 2", "5 2"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

// A report that was tried may be counted already, whatever came of it, unless nothing was done:
// what comes after it is counted on its own.
func TestA4I6AReportThatWasTriedIsNotJoined(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want []string
	}{
		"it failed": {errors.New("502"), []string{"1 1", "1 1", "2 1"}},
		"it waits": {&engine.RetryAfter{Until: start.Add(time.Minute), Err: errors.New("403")},
			[]string{"1 1", "1 1", "2 1"}},
		"nothing began": {&engine.RetryAfter{Until: start.Add(time.Minute), Err: errors.New("calm"),
			IsIdle: true}, []string{"1 1", "2 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := &clock{now: start}
			var told []string
			q := open(t, "", c, func(m engine.Message) error {
				told = append(told, fmt.Sprint(m.Signal().ID, " ", m.Signal().Count))
				if len(told) == 1 {
					return tt.err
				}
				return nil
			})
			for _, id := range []string{"1", "2"} {
				q.put(engine.Message{Ref: incident.Ref{Owner: "acme", Repo: "incidents", Number: 1},
					Why: "signal",
					What: &incident.Signal{Body: []byte(`{}`), Key: "a true", Count: 1, Event: id, ID: id,
						At: start}}, time.Time{})
				q.idle()
			}
			c.add(2 * time.Minute)
			q.idle()
			if !slices.Equal(told, tt.want) {
				t.Errorf("told %q, want %q", told, tt.want)
			}
		})
	}
}

// A report that waits because its source repeats itself holds up nobody's command.
func TestA1ARepetitionThatWaitsHoldsUpNoCommand(t *testing.T) {
	c := &clock{now: start}
	q := open(t, "", c, func(m engine.Message) error {
		if m.Signal() != nil {
			return &engine.RetryAfter{Until: c.now.Add(15 * time.Second), Err: errors.New("it repeats itself")}
		}
		return nil
	})
	q.put(engine.Message{Ref: incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}, Why: "signal",
		What: &incident.Signal{Body: []byte(`{}`), Key: "a true"}}, time.Time{})
	q.idle()
	m := message(1, "a command")
	m.What = &engine.Comment{ID: 5, Author: "carol", Body: "/ic"}
	q.put(m, time.Time{})
	q.put(message(1, "a look"), time.Time{})
	if seen := q.idle(); seen[len(seen)-1] != "1 a look" || !slices.Contains(seen, "1 a command") {
		t.Errorf("seen: %v", seen)
	}
}

func TestTimers(t *testing.T) {
	c := &clock{now: start}
	q := open(t, "", c, nil)
	ref := incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}
	set := func(at time.Time) {
		t.Helper()
		if err := q.Schedule(t.Context(), ref, at); err != nil {
			t.Fatal(err)
		}
	}
	set(start.Add(time.Hour))
	set(start.Add(time.Minute))
	set(start.Add(time.Minute))
	expect(t, q.idle())
	if next, _ := q.Next(t.Context()); !next.Equal(start.Add(time.Minute)) {
		t.Errorf("next at %s", next)
	}
	c.add(time.Minute)
	expect(t, q.idle(), "1 clock")
	c.add(2 * time.Hour)
	expect(t, q.idle(), "1 clock")
	set(start.Add(time.Hour * 4))
	set(time.Time{})
	c.add(24 * time.Hour)
	expect(t, q.idle(), "1 clock")
}

// A timer that becomes a message while Idle reads the queue is due all the same.
func TestIdleSeesATimerThatFiresMeanwhile(t *testing.T) {
	q := open(t, "", &clock{now: start}, nil)
	for n := range 300 {
		ref := incident.Ref{Owner: "acme", Repo: "incidents", Number: n + 1}
		if err := q.Schedule(t.Context(), ref, start); err != nil {
			t.Fatal(err)
		}
		if seen := q.idle(); len(seen) != n+1 {
			t.Fatalf("%d of %d timers are handed out once the queue is idle", len(seen), n+1)
		}
	}
}

func TestLooksAreCoalesced(t *testing.T) {
	gate := make(chan struct{})
	q := open(t, "", &clock{now: start}, func(m engine.Message) error { <-gate; return nil })
	for i := range 50 {
		m := message(1, fmt.Sprint(i))
		m.What = nil
		q.put(m, time.Time{})
	}
	close(gate)
	if n := len(q.idle()); n > 3 {
		t.Errorf("50 requests to look again made %d looks", n)
	}
}

// A message that is done with without a look answers for itself alone: a timer and a label that
// wait for their look get it (A4).
func TestA4WhatIsNotLookedAtAnswersForNothingElse(t *testing.T) {
	c := &clock{now: start}
	out := true
	q := open(t, "", c, func(m engine.Message) error {
		switch {
		case m.Why == "known":
			return engine.ErrNotLooked
		case out:
			return engine.ErrUnavailable
		}
		return nil
	})
	if err := q.Schedule(t.Context(), message(1, "").Ref, start); err != nil {
		t.Fatal(err)
	}
	expect(t, q.idle(), "1 clock")
	label := message(1, "labeled")
	label.What = nil
	q.put(message(1, "known"), time.Time{})
	q.put(label, time.Time{})
	c.add(10 * time.Minute)
	q.idle()
	out = false
	c.add(time.Hour)
	seen := q.idle()
	if last := seen[len(seen)-2:]; !slices.Contains(last, "1 clock") {
		t.Errorf("the timer is lost: %v", seen)
	}
	if next, err := q.Next(t.Context()); err != nil || !next.IsZero() {
		t.Errorf("something is left at %s (%v)", next, err)
	}
}

func TestItOutlivesTheProcess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "q.db")
	c := &clock{now: start}
	ref := incident.Ref{Owner: "acme", Repo: "incidents", Number: 2}
	s, err := sqlite.Open(file, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Enqueue(t.Context(), message(1, "a"), time.Time{}),
		s.Schedule(t.Context(), ref, start.Add(time.Minute)), s.Close()); err != nil {
		t.Fatal(err)
	}
	c.add(time.Hour) // it passed while the process was away
	q := open(t, file, c, nil)
	seen := q.idle()
	slices.Sort(seen)
	expect(t, seen, "1 a", "2 clock")
}

// A process that is killed has lost nothing that it had acknowledged.
func TestKilled(t *testing.T) {
	if file := os.Getenv("FIREBREAK_TEST_KILLED"); file != "" {
		s, err := sqlite.Open(file, &clock{now: start}, nil)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		for i := 0; ; i++ {
			if err := s.Enqueue(context.Background(), message(i+1, fmt.Sprint("k", i)),
				time.Time{}); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			fmt.Println("stored", i)
		}
	}
	file := filepath.Join(t.TempDir(), "q.db")
	cmd := exec.Command(os.Args[0], "-test.run", "^TestKilled$")
	cmd.Env = append(os.Environ(), "FIREBREAK_TEST_KILLED="+file)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stored := 0
	for stored < 50 {
		var n int
		if _, err := fmt.Fscanf(out, "stored %d\n", &n); err != nil {
			t.Fatalf("after %d: %v", stored, err)
		}
		stored = n + 1
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	q := open(t, file, &clock{now: start}, nil)
	if n := len(q.idle()); n < stored {
		t.Errorf("%d acknowledged, %d there after the kill", stored, n)
	}
}

// What it costs to store a message, and what to put it in its place afterwards.
func BenchmarkEnqueue(b *testing.B) {
	s, err := sqlite.Open(filepath.Join(b.TempDir(), "q.db"), &clock{now: start}, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.SetParallelism(32)
	var n atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			if err := s.Enqueue(context.Background(), message(int(i%1000)+1, fmt.Sprint("delivery ", i)),
				time.Time{}); err != nil {
				b.Error(err)
			}
		}
	})
	b.StopTimer()
	began := time.Now()
	backlog, err := s.Backlog(context.Background())
	if err != nil || backlog.Messages != int(n.Load()) {
		b.Fatalf("%d of %d messages are there: %v", backlog.Messages, n.Load(), err)
	}
	b.ReportMetric(float64(time.Since(began).Nanoseconds())/float64(b.N), "ns/sorted")
}

func TestTheShelfKeepsTheLast(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue.db")
	s, err := sqlite.Open(path, wall{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	kept := func(name string) []byte {
		t.Helper()
		content, err := s.Load(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	if got := kept("policies/acme/incidents"); got != nil {
		t.Errorf("nothing was kept, and there is %q", got)
	}
	for _, content := range []string{"pager: slack", "", "pager: webhook"} {
		if err := s.Save(t.Context(), "policies/Acme/incidents", []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got := kept("policies/acme/incidents"); got == nil || string(got) != content {
			t.Errorf("kept %q, and there is %q", content, got)
		}
	}
}

// A message that waits for its next try holds up no timer of its incident: the clock and the
// escalation go on (A8).
func TestA8ATimerWaitsForNoMessage(t *testing.T) {
	c := &clock{now: start}
	q := open(t, "", c, func(m engine.Message) error {
		if m.Why == "poison" {
			return errors.New("it never works")
		}
		return nil
	})
	q.put(message(1, "poison"), time.Time{})
	q.idle()
	for range 5 { // by now it waits longer than a minute
		c.add(time.Minute)
		q.idle()
	}
	if err := q.Schedule(t.Context(), message(1, "").Ref, c.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	c.add(2 * time.Second)
	q.put(message(1, "comment"), time.Time{})
	seen := q.idle()
	if seen[len(seen)-1] != "1 clock" {
		t.Errorf("handed out: %v", seen)
	}
	c.add(10 * time.Minute)
	if seen = q.idle(); seen[len(seen)-1] != "1 poison" {
		t.Errorf("the others keep their order: %v", seen)
	}
}
