package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/wait"
)

// still is a clock that does not go.
type still struct{ at time.Time }

func (c *still) Now() time.Time { return c.at }

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func opened(t *testing.T, c *still) *Store {
	t.Helper()
	s, err := Open("", c, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// No more incidents are looked at at once than there are workers, and none of them twice.
func TestNoMoreLooksAtOnceThanWorkers(t *testing.T) {
	s := opened(t, &still{noon})
	for i := range accountWorkers {
		if !s.acquire(fmt.Sprint("acme/incidents#", i)) {
			t.Fatalf("worker %d is not free", i)
		}
	}
	if s.acquire("acme/incidents#99") {
		t.Error("one more is looked at")
	}
	s.release("acme/incidents#0")
	if s.acquire("acme/incidents#1") {
		t.Error("one incident is looked at twice")
	}
	if !s.acquire("acme/incidents#99") {
		t.Error("a worker that is done is not free")
	}
}

// When timers fired is kept for as long as it matters, also if there are many.
func TestWhenTimersFiredIsForgotten(t *testing.T) {
	s := opened(t, &still{noon})
	for i := range maxFired {
		s.recordFired(fmt.Sprint("acme/incidents#", i), noon)
	}
	s.recordFired("acme/incidents#young", noon.Add(wait.Least/2))
	if len(s.firedAt) != maxFired+1 {
		t.Errorf("%d are left of those that matter", len(s.firedAt))
	}
	s.recordFired("acme/incidents#late", noon.Add(wait.Least))
	if len(s.firedAt) != 2 {
		t.Errorf("%d are left of %d that matter no more", len(s.firedAt), maxFired)
	}
}

// What has nothing to do with the file gets no advice about the disk.
func TestAdviceIsForWhatItIsAbout(t *testing.T) {
	if got := withAdvice("read the queue", "q.db", errors.New("it is closed")).Error(); got != "read the queue q.db: it is closed" {
		t.Error(got)
	}
}

// A timer that is due goes before a message only while that waits for its next try (A8).
func TestA8MessagesKeepTheirOrderWhileTheyAreDue(t *testing.T) {
	c := &still{noon.Add(-time.Hour)}
	s := opened(t, c)
	ref := incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}
	for _, m := range []struct {
		m  engine.Message
		at time.Time
	}{{engine.Message{Ref: ref, Why: "sweep"}, noon.Add(-time.Hour)}, {engine.Message{Ref: ref, What: &incident.Tick{}, Delivery: "a"}, noon}} {
		if err := s.Enqueue(t.Context(), m.m, m.at); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.ingest(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.at = noon
	first, err := s.nextJob(ref.String())
	if err != nil || first.due != noon.UnixNano() {
		t.Errorf("first is what is due at %s: %v", time.Unix(0, first.due).UTC(), err)
	}
	c.at = noon.Add(-time.Minute)
	first, err = s.nextJob(ref.String())
	if err != nil || first.due != noon.Add(-time.Hour).UnixNano() {
		t.Errorf("while it waits, first is what is due at %s: %v", time.Unix(0, first.due).UTC(), err)
	}
	c.at = noon.Add(-2 * time.Hour)
	if first, err = s.nextJob(ref.String()); err == nil && first.due <= c.at.UnixNano() {
		t.Errorf("what is due at %s is handed out before", time.Unix(0, first.due).UTC())
	}
}

// Only a message that says the same takes the place of an earlier one, and never that of one that is
// under way (A4).
func TestA4OnlyWhatIsAlikeTakesItsPlace(t *testing.T) {
	ref := incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}
	for _, c := range []struct {
		name              string
		isAlike, underWay bool
		other             bool // another one is under way
		want              bool
	}{{name: "alike", isAlike: true, want: true}, {name: "another"}, {name: "under way", isAlike: true, underWay: true}, {name: "another, under way", underWay: true},
		{name: "alike, while another is under way", isAlike: true, other: true, want: true}} {
		s := opened(t, &still{noon})
		if err := s.Enqueue(t.Context(), engine.Message{Ref: ref, Why: "sweep"}, noon); err != nil {
			t.Fatal(err)
		}
		if err := s.ingest(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c.underWay || c.other {
			j, err := s.nextJob(ref.String())
			if err != nil || !s.acquire(ref.String()) {
				t.Fatal(err)
			}
			if c.other {
				j.id++
			}
			s.assign(ref.String(), j.id)
		}
		var ok bool
		if err := s.write(t.Context(), func(tx transaction) (err error) {
			_, ok, err = s.removeAlike(tx, ref.String(), func(engine.Message, []byte) bool { return c.isAlike })
			return err
		}); err != nil {
			t.Fatal(err)
		}
		left := 1
		if c.want {
			left = 0
		}
		if n := stored(t, s); ok != c.want || n != left {
			t.Errorf("%s: taken: %t, and %d are left", c.name, ok, n)
		}
	}
}

// What is under way when the process is asked to end may go on for a while, and then ends (A4).
func TestA4WhatIsUnderWayGetsAWhile(t *testing.T) {
	for _, patience := range []time.Duration{0, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			ctx, end := context.WithCancel(t.Context())
			working, stop := (&Store{Patience: patience}).extend(ctx)
			defer stop()
			end()
			synctest.Wait()
			if (working.Err() == nil) != (patience > 0) {
				t.Errorf("patience %s: at once %v", patience, working.Err())
			}
			time.Sleep(patience)
			synctest.Wait()
			if working.Err() == nil {
				t.Errorf("patience %s: it goes on", patience)
			}
		})
	}
}

// A look that was given up and ends after all hangs no more (A8).
func TestA8ALookThatReturnsHangsNoMore(t *testing.T) {
	s := &Store{hung: 2}
	s.recordReturn(&look{hung: true})
	s.recordReturn(&look{})
	if s.hung != 1 {
		t.Errorf("%d looks hang", s.hung)
	}
}

// An incident waits for a worker unless it has one, or is kept from the next look for a while.
func TestWhatWaitsForAWorker(t *testing.T) {
	s := &Store{running: map[string]int64{"busy": 0, "both": 0}, holds: map[string]hold{"held": {until: time.Now().Add(time.Hour)}, "both": {until: time.Now().Add(time.Hour)}, "free": {}}}
	for ref, want := range map[string]bool{"busy": false, "held": false, "both": false, "free": true, "other": true} {
		if got := s.isAssignable(ref); got != want {
			t.Errorf("%s: %t", ref, got)
		}
	}
}

// The sweep asks for one look, however often it runs before that begins; what asks for another is
// kept, too (A4).
func TestA4TheSweepAsksForOneLook(t *testing.T) {
	s := opened(t, &still{noon})
	ref := incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}
	sweep := engine.Message{Ref: ref, Why: "sweep"}
	other := engine.Message{Ref: ref, Why: "sweep", Repository: 7}
	for i, m := range []struct {
		m    engine.Message
		left int
	}{{sweep, 1}, {sweep, 1}, {other, 2}, {sweep, 2}, {other, 2}} {
		if err := s.Enqueue(t.Context(), m.m, noon); err != nil {
			t.Fatal(err)
		}
		if err := s.ingest(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := stored(t, s); n != m.left {
			t.Errorf("after %d: %d messages, want %d", i+1, n, m.left)
		}
	}
}

// An answer to a page that went out before its incident was opened waits behind the report that opens it,
// also where it came first (A4, I8).
func TestI8AnEarlyAnswerHoldsUpNoReport(t *testing.T) {
	c := &still{noon}
	s := opened(t, c)
	ref := incident.Ref{Owner: "acme", Repo: "incidents"}
	answer := engine.Message{Ref: ref, Why: "link", Delivery: "link", What: &incident.PageAnswer{Page: "signal/1"}}
	report := engine.Message{Ref: ref, Why: "signal", What: &incident.Signal{Key: "api firing"}}
	if err := errors.Join(s.Enqueue(t.Context(), answer, noon.Add(5*time.Second)),
		s.Enqueue(t.Context(), report, noon), s.ingest(t.Context())); err != nil {
		t.Fatal(err)
	}
	for _, at := range []time.Time{noon, noon.Add(time.Minute)} {
		c.at = at
		var m engine.Message
		j, err := s.nextJob(ref.String())
		if err = errors.Join(err, json.Unmarshal(j.body, &m)); err != nil || m.Why != "signal" {
			t.Errorf("at %s first is %s: %v", at, m.Why, err)
		}
	}
}
