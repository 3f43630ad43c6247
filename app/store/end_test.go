package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
)

// What is under way when Run's context ends may end on its own, and is done with then. Nothing is
// begun any more (A4).
func TestA4WhatIsUnderWayEndsByItself(t *testing.T) {
	for name, c := range map[string]struct {
		patience time.Duration
		isDone   bool // it is done with
	}{
		"in time":     {time.Hour, true},
		"too late":    {time.Nanosecond, false},
		"no patience": {0, false},
	} {
		t.Run(name, func(t *testing.T) {
			c0, path := &clock{now: start}, filepath.Join(t.TempDir(), "queue.db")
			s, err := openStore(t, path, c0, nil)
			if err != nil {
				t.Fatal(err)
			}
			s.Patience = c.patience
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			begun, ended := make(chan string, 10), make(chan error, 1)
			goOn := make(chan struct{})
			go func() {
				ended <- s.Run(ctx, func(ctx context.Context, m engine.Message) error {
					begun <- m.Why
					if c.isDone {
						<-goOn
						return ctx.Err()
					}
					<-ctx.Done()
					return ctx.Err()
				})
			}()
			if err := s.Enqueue(t.Context(), message(1, "first"), time.Time{}); err != nil {
				t.Fatal(err)
			}
			<-begun
			if err := s.Enqueue(t.Context(), message(1, "second"), time.Time{}); err != nil {
				t.Fatal(err)
			}
			stop()
			close(goOn)
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			if len(begun) > 0 {
				t.Errorf("%s is begun after the end", <-begun)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			q := open(t, path, c0, nil)
			defer q.stop()
			if err := q.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			want := "[1 first 1 second]"
			if c.isDone {
				want = "[1 second]"
			}
			q.mu.Lock()
			defer q.mu.Unlock()
			if got := fmt.Sprint(q.seen); got != want {
				t.Errorf("the next process is handed %s, want %s", got, want)
			}
		})
	}
}
