package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/store"
)

// wall is the real clock; in a synctest bubble that is one that moves when nobody has anything to do.
type wall struct{}

func (wall) Now() time.Time { return time.Now() }

// run works a store on the wall clock until the bubble's test ends, and notes when what was handed out.
func run(t *testing.T, handle func(engine.Message) error) (*store.Store, func() string) {
	s, err := store.Open("", wall{}, nil) // no bubble has a network
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var seen []string
	began := time.Now()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- s.Run(ctx, func(_ context.Context, m engine.Message) error {
			mu.Lock()
			seen = append(seen, fmt.Sprintf("%s %s@%s", m.Ref, m.Why, time.Since(began).Round(time.Second)))
			mu.Unlock()
			return handle(m)
		})
	}()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-done, s.Close()); err != nil {
			t.Error(err)
		}
	})
	return s, func() string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(seen, "; ")
	}
}

// Nobody wakes the queue here: it must come back on its own to what waits, and to what waits behind it.
func TestItComesBackByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := 0
		s, seen := run(t, func(m engine.Message) error {
			if failed++; m.Why == "a" && failed <= 3 {
				return errors.New("502")
			}
			return nil
		})
		if err := errors.Join(s.Enqueue(t.Context(), message(1, "a"), time.Time{}),
			s.Enqueue(t.Context(), message(1, "b"), time.Time{})); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute) // by the clock of the bubble
		const one = "acme/incidents#1 "
		if want := one + "a@0s; " + one + "a@1s; " + one + "a@3s; " + one + "a@7s; " + one +
			"b@7s"; seen() != want {
			t.Errorf("handed out %s\nwant       %s", seen(), want)
		}
	})
}

// A look that takes its time must not hold up other incidents' timers.
func TestALongLookHoldsUpNoOtherTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, seen := run(t, func(m engine.Message) error {
			if m.Ref.Number == 1 {
				<-time.After(4 * time.Minute) // by the clock of the bubble
			}
			return nil
		})
		two := incident.Ref{Owner: "acme", Repo: "incidents", Number: 2}
		if err := errors.Join(s.Enqueue(t.Context(), message(1, "slow"), time.Time{}),
			s.Schedule(t.Context(), two, time.Now().Add(2*time.Minute))); err != nil {
			t.Fatal(err)
		}
		<-time.After(2 * time.Hour) // by the clock of the bubble
		if want := "acme/incidents#1 slow@0s; acme/incidents#2 clock@2m0s"; seen() != want {
			t.Errorf("handed out %s\nwant       %s", seen(), want)
		}
	})
}

// A comment is looked at with its signed text at hand, not by the look that somebody asked for a
// moment before.
func TestCommentsGoBeforeBareLooks(t *testing.T) {
	bare := func(why string) engine.Message {
		m := message(1, why)
		m.What = nil
		return m
	}
	c := &clock{now: start}
	s, err := openStore(t, "", c, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []engine.Message{bare("look 1"), message(1, "comment 1"), bare("look 2"),
		message(1, "comment 2"), bare("look 3")} {
		if err := s.Enqueue(t.Context(), m, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var seen []string
	done := make(chan error, 1)
	go func() {
		done <- s.Run(ctx, func(_ context.Context, m engine.Message) error {
			seen = append(seen, m.Why)
			return nil
		})
	}()
	if err := s.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := errors.Join(<-done, s.Close()); err != nil {
		t.Fatal(err)
	}
	expect(t, seen, "comment 1", "comment 2")
}

func TestWhatWasDoneBeforeTheEndIsNotDoneAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "q.db")
	c := &clock{now: start}
	s, err := openStore(t, file, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"a", "b"} {
		if err := s.Enqueue(t.Context(), message(1, d), time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	err = s.Run(ctx, func(ctx context.Context, m engine.Message) error {
		stop() // somebody ends the process while a look is under way, and the look ends well
		return nil
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	q := open(t, file, c, nil)
	expect(t, q.idle(), "1 b")
}

func TestOneProcessPerFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "q.db")
	s, err := store.Open(file, wall{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(file, wall{}, nil)
	if err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a second process opens the queue: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = store.Open(file, wall{}, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Enqueue(t.Context(), message(1, "a"), time.Time{}); err == nil {
		t.Error("a closed queue takes a message")
	}
}

func TestAnyPath(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a folder 100% #1?", "q.db")
	if _, err := store.Open(file, wall{}, nil); err == nil {
		t.Error("a folder that isn't there, and no error")
	}
	file = filepath.Join(t.TempDir(), "a file 100%41 #1?x=y.db")
	s, err := store.Open(file, wall{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Enqueue(t.Context(), message(1, "a"), time.Time{}), s.Close()); err != nil {
		t.Fatal(err)
	}
	if s, err = store.Open(file, wall{}, nil); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if b, err := s.Backlog(t.Context()); err != nil || b.Messages != 1 {
		t.Errorf("opened again it has %d messages (%v)", b.Messages, err)
	}
	if found, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "*.db")); len(found) != 1 ||
		found[0] != file {
		t.Errorf("the queue is in %q, not in %q", found, file)
	}
}

func TestNoTimerForNoIncident(t *testing.T) {
	s, err := openStore(t, "", wall{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Schedule(t.Context(), incident.Ref{Owner: "acme", Repo: "incidents"}, time.Now()); err == nil {
		t.Error("a timer for issue 0")
	}
}

// The loud log is what an operator finds.
func TestWhatIsPutAsideIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		s, err := store.Open("", wall{},
			slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError})))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Enqueue(t.Context(), message(7, "poison"), time.Time{}); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), 3*time.Hour)
		defer stop()
		handle := func(_ context.Context, m engine.Message) error {
			if m.PutAside() != nil { // by which the incident is told
				return nil
			}
			return errors.New("it never works")
		}
		if err := errors.Join(s.Run(ctx, handle), s.Close()); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(log.String(), "acme/incidents#7") ||
			!strings.Contains(log.String(), "poison") || strings.Count(log.String(), "\n") != 1 {
			t.Errorf("logged %s", log.String())
		}
	})
}

// A timer that rings while the look of an earlier one waits for its turn asks for no second look:
// both are answered by one.
func TestTimersOfOneIncidentMakeOneLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ref, looks := message(1, "").Ref, 0
		s, seen := run(t, func(engine.Message) error {
			if looks++; looks == 1 {
				return &engine.RetryAfter{Until: time.Now().Add(10 * time.Minute), Err: engine.ErrLimited}
			}
			return nil
		})
		if err := s.Schedule(t.Context(), ref, time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		<-time.After(2 * time.Minute)
		if err := s.Schedule(t.Context(), ref, time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Hour)
		const one = "acme/incidents#1 "
		if want := one + "clock@1m0s; " + one + "clock@3m0s"; seen() != want {
			t.Errorf("handed out %s\nwant       %s", seen(), want)
		}
	})
}

// The sweep asks for a look at each open incident every five minutes. Where none works, GitHub being out for a day, what it asked for
// before waits still: they are one look, and so are the timers between them, or each is tried on its own, with more calls at each
// sweep than at the one before.
func TestA4SweepsOfAnOutageMakeOneLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tried := map[string]int{}
		s, _ := run(t, func(m engine.Message) error {
			tried[m.Why]++
			return fmt.Errorf("no configuration: %w", engine.ErrUnavailable)
		})
		const sweeps = 100
		for range sweeps {
			m := message(1, "sweep")
			m.What = nil
			pull := message(1, "sweep")
			pull.What, pull.Delivery, m.Delivery = incident.PullChanged{Number: 7}, "", ""
			if err := errors.Join(s.Enqueue(t.Context(), m, time.Time{}), s.Enqueue(t.Context(), pull, time.Time{}),
				s.Schedule(t.Context(), m.Ref, time.Now().Add(time.Minute))); err != nil {
				t.Fatal(err)
			}
			<-time.After(5 * time.Minute)
		}
		synctest.Wait()
		// From two to six for each sweep, as their order falls out; each on its own they would be hundreds.
		if tried["sweep"] < sweeps || tried["sweep"] > 10*sweeps || tried["clock"] > 2*sweeps+20 {
			t.Errorf("%d sweeps made these tries: %v", sweeps, tried)
		}
	})
}

// oddTimes are times to come back at that headers, clocks and files have given.
func oddTimes(now time.Time) map[string]time.Time {
	return map[string]time.Time{
		"now": now, "a moment ago": now.Add(-time.Nanosecond), "an hour ago": now.Add(-time.Hour),
		"the year 1": time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC),
		"1970":       time.Unix(0, 0), "1600": time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC),
		"2262": time.Date(2262, 4, 12, 0, 0, 0, 0, time.UTC),
		"2926": time.Date(2926, 1, 1, 0, 0, 0, 0, time.UTC),
		"9999": time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), "no year": time.Unix(1<<62, 0),
	}
}

// No message is tried more than once a second, whenever it says to come back, and none is left for
// more than half a day.
func TestNoMessageIsTriedMoreThanOnceASecondNorParked(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes ten times as long under the race detector")
	}
	for name := range oddTimes(time.Time{}) {
		synctest.Test(t, func(t *testing.T) {
			tried := 0
			s, _ := run(t, func(m engine.Message) error {
				tried++
				return &engine.RetryAfter{Until: oddTimes(time.Now())[name], Err: engine.ErrUnavailable}
			})
			if err := s.Enqueue(t.Context(), message(1, "a"), time.Time{}); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Minute)
			synctest.Wait()
			if tried > 61 {
				t.Errorf("%s: tried %d times in a minute", name, tried)
			}
			if !oddTimes(time.Now())[name].After(time.Now()) {
				return
			}
			<-time.After(12 * time.Hour)
			synctest.Wait()
			if tried < 2 {
				t.Errorf("%s: parked", name)
			}
		})
	}
}

// Nor does a timer ring more than once a second, whatever it is set to, and a time that a file
// can't hold does not ring at once.
func TestNoTimerRingsMoreThanOnceASecond(t *testing.T) {
	for name := range oddTimes(time.Time{}) {
		synctest.Test(t, func(t *testing.T) {
			rang := 0
			var s *store.Store
			s, _ = run(t, func(m engine.Message) error {
				rang++
				return s.Schedule(t.Context(), m.Ref, oddTimes(time.Now())[name])
			})
			if err := s.Schedule(t.Context(), message(1, "").Ref, oddTimes(time.Now())[name]); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Minute)
			synctest.Wait()
			if rang > 61 {
				t.Errorf("%s: rang %d times in a minute", name, rang)
			}
			if isFar := oddTimes(time.Now())[name].After(time.Now()); isFar && rang > 0 {
				t.Errorf("%s: rang %d times before its time", name, rang)
			} else if !isFar && rang < 10 {
				t.Errorf("%s: rang %d times in a minute", name, rang)
			}
		})
	}
}
