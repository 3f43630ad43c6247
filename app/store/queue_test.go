package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/store"
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
	*store.Store
	t     *testing.T
	clock *clock
	mu    sync.Mutex
	seen  []string
	stop  func()
}

// open opens a store and works it by handle, which may be nil.
func open(t *testing.T, path string, c *clock, handle func(engine.Message) error) *queue {
	t.Helper()
	s, err := openStore(t, path, c, nil)
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

// openPoisoned opens a store and works it: the message "a" fails until broken is set to false.
func openPoisoned(t *testing.T, c *clock) (q *queue, broken *atomic.Bool) {
	t.Helper()
	broken = new(atomic.Bool)
	broken.Store(true)
	return open(t, "", c, func(m engine.Message) error {
		if broken.Load() && m.Why == "a" {
			return errors.New("a poison")
		}
		return nil
	}), broken
}

func TestWhatNeverWorksIsPutAsideAndRevivedByRedelivery(t *testing.T) {
	c := &clock{now: start}
	q, broken := openPoisoned(t, c)
	q.put(message(1, "a"), time.Time{})
	q.put(message(1, "b"), time.Time{})
	for range 40 {
		q.idle()
		c.add(10 * time.Minute)
	}
	seen := q.idle()
	expect(t, seen[len(seen)-2:], "1 b", "1 aside") // nothing is held up, and the incident is told (A8)
	if len(seen) != 12 {
		t.Errorf("%d looks, want 10 for the poison and two more", len(seen))
	}
	dead, err := q.Dead(t.Context())
	if err != nil || dead["acme/incidents#1"] != "a poison" {
		t.Errorf("put aside: %v %v", dead, err)
	}
	broken.Store(false)
	q.put(message(1, "a"), time.Time{})
	seen = q.idle()
	if seen[len(seen)-1] != "1 a" {
		t.Error("a redelivery does not revive what was put aside")
	}
}

// What was put aside is tried again once a sweep went well: once each time, more and more seldom, and
// so that it holds up nothing (A8).
func TestA8WhatWasPutAsideIsTakenBackByAGoodSweep(t *testing.T) {
	c := &clock{now: start}
	q, broken := openPoisoned(t, c)
	q.put(message(1, "a"), time.Time{})
	for range 20 {
		q.idle()
		c.add(10 * time.Minute)
	}
	tries := func() (n int) {
		for _, what := range q.idle() {
			if what == "1 a" {
				n++
			}
		}
		return n
	}
	sweep := func() {
		t.Helper()
		if _, err := q.TakeBack(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := tries(); n != 10 {
		t.Fatalf("tried %d times before it was put aside", n)
	}
	sweep()
	if n := tries(); n != 11 {
		t.Errorf("tried %d times after a good sweep, want one more", n)
	}
	c.add(9 * time.Minute)
	if sweep(); tries() != 11 {
		t.Error("tried again too soon")
	}
	c.add(time.Minute)
	if sweep(); tries() != 12 {
		t.Error("not tried again")
	}
	for range 60 * 24 {
		c.add(time.Hour)
		sweep()
		q.idle()
	}
	if n := tries(); n != 22 {
		t.Errorf("tried %d times in two months, want 22", n)
	}
	if dead, err := q.Dead(t.Context()); err != nil || len(dead) != 1 {
		t.Errorf("put aside: %v, %v", dead, err)
	}
	q.put(message(2, "a"), time.Time{})
	for range 20 {
		q.idle()
		c.add(10 * time.Minute)
	}
	broken.Store(false)
	sweep()
	q.idle()
	if dead, err := q.Dead(t.Context()); err != nil || dead["acme/incidents#2"] != "" {
		t.Errorf("once it works: %v, %v", dead, err)
	}
}

// An outage of GitHub's may last as long as it likes: nothing is put aside for it.
func TestA4AnOutageLosesNothing(t *testing.T) {
	c := &clock{now: start}
	var out atomic.Bool
	out.Store(true)
	q := open(t, "", c, func(engine.Message) error {
		if out.Load() {
			return fmt.Errorf("look: %w", engine.ErrUnavailable)
		}
		return nil
	})
	q.put(message(1, "a"), time.Time{})
	for range 100 {
		c.add(10 * time.Minute)
		q.idle() // a try that the outage ends is over before it does
	}
	if dead, err := q.Dead(t.Context()); err != nil || len(dead) > 0 {
		t.Errorf("put aside: %v %v", dead, err)
	}
	out.Store(false)
	c.add(10 * time.Minute)
	q.idle()
	if next, err := q.Next(t.Context()); err != nil || !next.IsZero() {
		t.Errorf("still to be done at %s %v", next, err)
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
	var out atomic.Bool
	out.Store(true)
	q := open(t, "", c, func(m engine.Message) error {
		switch {
		case m.Why == "known":
			return engine.ErrNotLooked
		case out.Load():
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
	out.Store(false)
	c.add(time.Hour)
	seen := q.idle()
	if last := seen[len(seen)-2:]; !slices.Contains(last, "1 clock") {
		t.Errorf("the timer is lost: %v", seen)
	}
	if next, err := q.Next(t.Context()); err != nil || !next.IsZero() {
		t.Errorf("something is left at %s (%v)", next, err)
	}
}

// What it costs to store a message, and what to put it in its place afterwards.
func BenchmarkEnqueue(b *testing.B) {
	s, err := store.Open(filepath.Join(b.TempDir(), "q.db"), &clock{now: start}, nil)
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
