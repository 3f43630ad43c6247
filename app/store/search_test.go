package store_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
)

func seek(number int) engine.Message {
	m := message(number, fmt.Sprintf("seek %d", number))
	m.Why, m.What = "seek", &incident.Sought{Number: 1}
	return m
}

// While searches take their time, what people write is handled: also for the same incident, and
// however many incidents are searched for (X1).
func TestX1NothingWaitsForASearch(t *testing.T) {
	answered := make(chan struct{})
	var handled atomic.Int64
	q := open(t, "", &clock{now: start}, func(m engine.Message) error {
		if m.Sought() != nil {
			<-answered // GitHub takes its time
			return nil
		}
		if handled.Add(1) == 20 {
			close(answered)
		}
		return nil
	})
	for n := 1; n <= 20; n++ {
		q.put(seek(n), start.Add(time.Second))
	}
	for n := 1; n <= 20; n++ {
		q.put(message(n, fmt.Sprintf("command %d", n)), start.Add(time.Second))
	}
	q.clock.add(time.Second)
	if seen := q.idle(); len(seen) != 40 {
		t.Errorf("%d of 40 messages were handled: %q", len(seen), seen)
	}
}

// While Slack takes its time, searches are made and what people write is handled (S5).
func TestS5ASlowSlackHoldsUpNoSearch(t *testing.T) {
	answered := make(chan struct{})
	var handled atomic.Int64
	q := open(t, "", &clock{now: start}, func(m engine.Message) error {
		if m.ChatSync() != nil {
			<-answered // Slack takes its time
			return nil
		}
		if handled.Add(1) == 20 {
			close(answered)
		}
		return nil
	})
	for n := 1; n <= 20; n++ {
		m := message(n, fmt.Sprintf("chat %d", n))
		m.Why, m.What = "chat", &incident.ChatSync{Seq: 1}
		q.put(m, start.Add(time.Second))
	}
	for n := 1; n <= 10; n++ {
		q.put(seek(n), start.Add(time.Second))
		q.put(message(n, fmt.Sprintf("command %d", n)), start.Add(time.Second))
	}
	q.clock.add(time.Second)
	if seen := q.idle(); len(seen) != 40 {
		t.Errorf("%d of 40 messages were handled: %q", len(seen), seen)
	}
}

// A result waits for what people wrote, unless it pages somebody (X1, X2).
func TestX1AResultComesAfterCommands(t *testing.T) {
	q := open(t, "", &clock{now: start}, func(engine.Message) error { return nil })
	found := message(1, "found")
	found.What = &incident.Found{Number: 1, NoChanges: true}
	owner := message(1, "owner")
	owner.What = &incident.Found{Number: 1, NoOwner: true, IsUrgent: true}
	command := message(1, "command")
	command.What = &incident.Comment{ID: 1, Body: "/ic"}
	for _, m := range []engine.Message{found, owner, command} {
		q.put(m, start.Add(time.Second))
	}
	q.clock.add(time.Second)
	if seen := q.idle(); !slices.Equal(seen, []string{"1 owner", "1 command", "1 found"}) {
		t.Errorf("handled %q", seen)
	}
}
