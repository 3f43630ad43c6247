package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
)

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
func TestIdleSeesATimerThatFiresInBetween(t *testing.T) {
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
