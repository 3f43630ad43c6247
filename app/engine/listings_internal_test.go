package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Who asks for the open incidents while GitHub is asked gets the next listing, and all of them the same
// one: never an older one than the question (I5).
func TestI5ListingsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l listings
		var calls atomic.Int32
		out := errors.New("out")
		find := func(_ context.Context, _ string, is IsMarked) (int, error) {
			n := int(calls.Add(1))
			time.Sleep(100 * time.Millisecond)
			is(Written{Number: n})
			if n == 3 {
				return 0, out
			}
			return 0, nil
		}
		ask := func(ctx context.Context, repo string) int {
			all, err := l.open(ctx, repo, find)
			if err != nil {
				return -1
			}
			return all[0].Number
		}
		var all sync.WaitGroup
		answers := make([]int, 101)
		leaving, leave := context.WithCancel(t.Context())
		all.Go(func() { answers[0] = ask(leaving, "acme/incidents") })
		synctest.Wait()
		for n := range 100 {
			time.Sleep(time.Millisecond / 2) // all while the first is under way
			all.Go(func() { answers[n+1] = ask(t.Context(), "acme/incidents") })
		}
		leave()
		all.Wait()
		if calls.Load() != 2 || answers[0] != -1 {
			t.Errorf("%d calls for 101 who ask, and %d for who leaves", calls.Load(), answers[0])
		}
		for n, got := range answers[1:] {
			if got != 2 {
				t.Errorf("who came as number %d got listing %d", n+1, got)
			}
		}
		if got := ask(t.Context(), "acme/incidents"); got != -1 {
			t.Errorf("a failure answers with listing %d", got)
		}
		if got := ask(t.Context(), "acme/incidents"); got != 4 {
			t.Errorf("after a failure: listing %d", got)
		}
		if len(l.running)+len(l.next) != 0 {
			t.Errorf("left over: %v, %v", l.running, l.next)
		}
	})
}
