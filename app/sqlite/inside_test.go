package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"testing"
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
	for i := range maxWorkers {
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
		if err := s.write(t.Context(), func(tx *sql.Tx) (err error) {
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
