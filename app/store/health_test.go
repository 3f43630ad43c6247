package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/store"
)

func TestTheBacklogIsCounted(t *testing.T) {
	c := &clock{now: start}
	s, err := openStore(t, "", c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	backlog := func(want store.Backlog) {
		t.Helper()
		if got, err := s.Backlog(t.Context()); got != want || err != nil {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
	backlog(store.Backlog{})
	for n, at := range []time.Time{start.Add(time.Hour), start, start} {
		if err := s.Enqueue(t.Context(), message(n+1, ""), at); err != nil {
			t.Fatal(err)
		}
	}
	backlog(store.Backlog{Messages: 3})
	c.add(90 * time.Second)
	backlog(store.Backlog{Messages: 3, Oldest: 90 * time.Second})
}

// What was put aside is counted on its own.
func TestTheDeadAreCounted(t *testing.T) {
	c := &clock{now: start}
	q := open(t, "", c, func(m engine.Message) error {
		if m.PutAside() != nil { // by which the incident is told
			return nil
		}
		return errors.New("never")
	})
	q.put(message(1, "one"), time.Time{})
	for range 20 {
		q.idle()
		c.add(5 * time.Minute)
		q.Wake()
	}
	q.idle()
	if got, err := q.Backlog(t.Context()); got != (store.Backlog{Dead: 1}) || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

// Health is good only where webhooks are stored and worked at.
func TestHealth(t *testing.T) {
	s, err := openStore(t, filepath.Join(t.TempDir(), "queue.db"), &clock{now: start}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Health(t.Context()); err != nil {
			t.Error(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := s.Run(ctx, func(context.Context, engine.Message) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := s.Health(t.Context()); err == nil {
		t.Error("nobody works, and all is well")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = openStore(t, "", &clock{now: start}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Health(t.Context()); err == nil {
		t.Error("it is closed, and all is well")
	}
}
