package delivery

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

var (
	start = time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	ref   = incident.Ref{Owner: "acme", Repo: "incidents", Number: 7}
)

// store is a store in memory. err is returned by all calls.
type store struct {
	kept map[string][]byte
	err  error
}

func (s *store) Save(_ context.Context, name string, content []byte) error {
	if s.err == nil {
		s.kept[name] = content
	}
	return s.err
}

func (s *store) Load(_ context.Context, name string) ([]byte, error) { return s.kept[name], s.err }

// clock is set by hand.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// partly is the error of a message that reached some of its receivers.
type partly []string

func (p partly) Error() string     { return "some were not reached" }
func (p partly) Reached() []string { return p }

func newLog(s *store, c *clock) *Log {
	l := &Log{Clock: c, Logger: slog.New(slog.DiscardHandler)}
	if s != nil {
		l.Store = s
	}
	return l
}

func TestA4AMessageLeavesOnceAlsoFromAnotherProcess(t *testing.T) {
	s, c := &store{kept: map[string][]byte{}}, &clock{start}
	sent := 0
	send := func(context.Context, Attempt) error { sent++; return nil }
	for _, l := range []*Log{newLog(s, c), newLog(s, c)} {
		for range 2 {
			if _, _, err := l.Send(t.Context(), ref, "page/1 pagerduty", send); err != nil {
				t.Fatal(err)
			}
		}
		if !l.IsSent(t.Context(), ref, "page/1 pagerduty") || l.IsSent(t.Context(), ref, "page/2 pagerduty") {
			t.Error("a process is wrong about what left")
		}
	}
	if sent != 1 {
		t.Errorf("it left %d times", sent)
	}
}

func TestA4AMessageOfWhichNobodyKnowsLeavesAgain(t *testing.T) {
	s, c := &store{kept: map[string][]byte{}}, &clock{start}
	func() {
		defer func() { _ = recover() }() // the process crashes while it sends
		_, _, _ = newLog(s, c).Send(t.Context(), ref, "page/1",
			func(context.Context, Attempt) error { panic("crash") })
	}()
	isNew, _, err := newLog(s, c).Send(t.Context(), ref, "page/1",
		func(context.Context, Attempt) error { return nil })
	if !isNew || err != nil {
		t.Errorf("%t, %v", isNew, err)
	}
}

func TestA4AMessageThatFailsKeepsItsFirstTime(t *testing.T) {
	s, c := &store{kept: map[string][]byte{}}, &clock{start}
	fail := func(context.Context, Attempt) error { return errors.New("HTTP 500") }
	for range 2 {
		_, failed, err := newLog(s, c).Send(t.Context(), ref, "page/1", fail)
		if err == nil || !failed.Equal(start) {
			t.Errorf("failed at %v: %v", failed, err)
		}
		c.now = c.now.Add(time.Minute)
	}
}

func TestA4WhomAMessageReachedIsKnownTheNextTime(t *testing.T) {
	s, c := &store{kept: map[string][]byte{}}, &clock{start}
	_, _, err := newLog(s, c).Send(t.Context(), ref, "page/1",
		func(context.Context, Attempt) error { return partly{"carol"} })
	if err == nil {
		t.Fatal("no error")
	}
	_, _, err = newLog(s, c).Send(t.Context(), ref, "page/1", func(_ context.Context, before Attempt) error {
		if !slices.Equal(before.Reached, []string{"carol"}) {
			t.Errorf("reached before: %v", before.Reached)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestI5AStoreThatFailsHoldsUpNoPage(t *testing.T) {
	s, c := &store{kept: map[string][]byte{}, err: errors.New("the store is away")}, &clock{start}
	sent := 0
	l := newLog(s, c)
	for range 2 {
		if _, _, err := l.Send(t.Context(), ref, "page/1",
			func(context.Context, Attempt) error { sent++; return nil }); err != nil {
			t.Error(err)
		}
	}
	if sent != 1 { // this process knows
		t.Errorf("it left %d times", sent)
	}
}

func TestA4NothingLeavesWhenTheProcessEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := newLog(nil, &clock{start}).Send(ctx, ref, "page/1", func(context.Context, Attempt) error {
		t.Error("it left")
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestWhatLeftLongAgoIsForgotten(t *testing.T) {
	c := &clock{start}
	l := newLog(nil, c)
	l.NoteSent(t.Context(), ref, "page/1")
	c.now = start.Add(memoryLife + time.Second)
	l.NoteSent(t.Context(), ref, "page/2")
	if l.IsSent(t.Context(), ref, "page/1") || !l.IsSent(t.Context(), ref, "page/2") {
		t.Error("the memory of a process has no end")
	}
}
