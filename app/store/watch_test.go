package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/metrics"
	"github.com/firebreak-dev/firebreak/app/store"
)

// counted counts what is measured, by name and labels.
type counted struct {
	mu sync.Mutex
	of map[string]int
}

func (c *counted) Record(m *metrics.Metric, _ float64, labels ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[strings.Join(append([]string{m.Name}, labels...), " ")]++
}

// watch works a store in a time of its own.
type watch struct {
	*store.Store
	measured counted
	log      bytes.Buffer
	ended    chan error
	stop     func()
}

func watched(t *testing.T, handle func(context.Context, engine.Message) error) *watch {
	w := &watch{measured: counted{of: map[string]int{}}, ended: make(chan error, 1)}
	s, err := store.Open("", wall{}, slog.New(slog.NewTextHandler(&w.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	w.Store, s.Metrics = s, &w.measured
	ctx, stop := context.WithCancel(t.Context())
	w.stop = stop
	go func() { w.ended <- s.Run(ctx, handle) }()
	return w
}

func (w *watch) put(t *testing.T, number int, delivery string) {
	t.Helper()
	if err := w.Enqueue(t.Context(), message(number, delivery), time.Time{}); err != nil {
		t.Fatal(err)
	}
}

// A look that hangs and does not notice that its context ended holds no worker: it is given up, its
// message is put aside after a few tries and told, and the other incidents go on all the time.
func TestA8AHungLookHoldsNoWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var mu sync.Mutex
		hung, others, told := 0, 0, ""
		w := watched(t, func(_ context.Context, m engine.Message) error {
			mu.Lock()
			switch {
			case m.PutAside() != nil:
				told = fmt.Sprintf("%s: %s", m.PutAside().What, m.PutAside().Why)
			case m.Ref.Number != 1:
				others++
			default:
				hung++
				mu.Unlock()
				<-release // as a computation does that looks at no context
				return nil
			}
			mu.Unlock()
			return nil
		})
		w.put(t, 1, "hangs")
		for range 2 * 60 {
			<-time.After(time.Minute)
			w.put(t, 2, fmt.Sprint("goes on ", time.Now()))
		}
		synctest.Wait()
		mu.Lock()
		if hung != 3 || others != 120 || !strings.Contains(told, "hangs: ") ||
			!strings.Contains(told, "was given up after 5m10s") {
			t.Errorf("it was tried %d times, the others %d, told %q", hung, others, told)
		}
		mu.Unlock()
		if n := w.measured.of["firebreak_looks_too_long_total given up"]; n != 3 {
			t.Errorf("given up %d times: %v", n, w.measured.of)
		}
		if err := w.Health(t.Context()); err != nil {
			t.Errorf("three hang, and there is a worker for everybody: %v", err)
		}
		if log := w.log.String(); !strings.Contains(log, "look given up") ||
			!strings.Contains(log, "chan receive") {
			t.Errorf("the log does not say where it hangs: %s", log)
		}
		close(release)
		synctest.Wait()
		w.put(t, 1, "again")
		<-time.After(2 * time.Hour)
		mu.Lock()
		if hung != 4 {
			t.Errorf("once it hangs no more it was tried %d times", hung)
		}
		mu.Unlock()
		w.stop()
		if err := errors.Join(<-w.ended, w.Close()); err != nil {
			t.Error(err)
		}
	})
}

// Where as many looks hang as there are workers the process is unhealthy and ends: only a new one
// is rid of them.
func TestA8TooManyHungLooksEndTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		w := watched(t, func(context.Context, engine.Message) error { <-release; return nil })
		for n := range 4 {
			w.put(t, n+1, fmt.Sprint("hangs ", n))
		}
		<-time.After(5*time.Minute - time.Second)
		if err := w.Health(t.Context()); err != nil {
			t.Errorf("they may take so long: %v", err)
		}
		<-time.After(5 * time.Second)
		if err := w.Health(t.Context()); err == nil || !strings.Contains(err.Error(), "4 looks hang") {
			t.Errorf("all workers hang: %v", err)
		}
		if err := w.Ready(t.Context()); err != nil {
			t.Errorf("webhooks can be stored all the same: %v", err)
		}
		if err := <-w.ended; err == nil || !strings.Contains(err.Error(), "4 looks hang") {
			t.Errorf("it ended with %v", err)
		}
		if err := errors.Join(w.Health(t.Context()), w.Ready(t.Context())); err == nil {
			t.Error("it ended, and all is well")
		}
		close(release)
		synctest.Wait()
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
}

// What could be handed out and waits for a worker makes the process unhealthy, even where no single
// look takes too long. What waits for its time does not, however long.
func TestHealthSeesWhatWaitsForAWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := true
		var mu sync.Mutex
		w := watched(t, func(context.Context, engine.Message) error {
			mu.Lock()
			again := busy
			mu.Unlock()
			if !again {
				return nil
			}
			<-time.After(4 * time.Minute)
			return &engine.RetryAfter{Until: time.Now(), Err: engine.ErrLimited}
		})
		if err := w.Enqueue(t.Context(), message(9, "later"), time.Now().Add(24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Hour)
		if err := w.Health(t.Context()); err != nil {
			t.Errorf("nothing is due: %v", err)
		}
		for n := range 4 {
			w.put(t, n+1, fmt.Sprint("slow ", n))
		}
		<-time.After(time.Second)
		for n := range 24 {
			w.put(t, n+11, fmt.Sprint("waits ", n))
		}
		<-time.After(5 * time.Minute)
		if err := w.Health(t.Context()); err != nil {
			t.Errorf("five minutes are nothing: %v", err)
		}
		<-time.After(time.Hour)
		if err := w.Health(t.Context()); err == nil || !strings.Contains(err.Error(), "waits for a worker") {
			t.Errorf("an hour: %v", err)
		}
		mu.Lock()
		busy = false
		mu.Unlock()
		<-time.After(time.Hour)
		if err := w.Health(t.Context()); err != nil {
			t.Errorf("all is done: %v", err)
		}
		w.stop()
		if err := errors.Join(<-w.ended, w.Close()); err != nil {
			t.Error(err)
		}
	})
}

// A look that notices that its time is over is tried again like any other that fails, and one that
// waits for GitHub is not put aside.
func TestALookThatTakesTooLongIsEnded(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		aside bool
	}{
		"by itself":        {errors.New("cut off"), true},
		"waits for GitHub": {fmt.Errorf("cut off: %w", engine.ErrUnavailable), false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := watched(t, func(ctx context.Context, m engine.Message) error {
					if m.PutAside() != nil {
						return nil
					}
					<-ctx.Done()
					return c.err
				})
				w.put(t, 1, "slow")
				<-time.After(12 * time.Hour)
				b, err := w.Backlog(t.Context())
				if err != nil || (b.Dead == 1) != c.aside {
					t.Errorf("%+v, %v", b, err)
				}
				if n := w.measured.of["firebreak_looks_too_long_total ended"]; n < 10 {
					t.Errorf("ended %d times", n)
				}
				w.stop()
				if err := errors.Join(<-w.ended, w.Close()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
