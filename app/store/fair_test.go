package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/store"
)

// A thousand incidents at once take turns: none gets a third look before each has had its first,
// and none waits for one that has run into its rate limit.
func TestAThousandIncidentsTakeTurns(t *testing.T) {
	incidents, each := 1000, 3
	if testing.Short() {
		incidents = 100
	}
	limited := func(number int) bool { return number%10 == 0 }
	q := open(t, "", &clock{now: start}, func(m engine.Message) error {
		if limited(m.Ref.Number) {
			return &engine.RetryAfter{Until: start.Add(time.Hour)}
		}
		return nil
	})
	for i := range each {
		for n := 1; n <= incidents; n++ {
			q.put(message(n, fmt.Sprintf("%d/%d", n, i)), start.Add(time.Second))
		}
	}
	q.clock.add(time.Second)
	looks := map[int]int{}
	once := 0 // incidents that had a look
	for i, seen := range q.idle() {
		var n int
		if _, err := fmt.Sscanf(seen, "%d ", &n); err != nil {
			t.Fatal(err)
		}
		if looks[n]++; looks[n] == 1 {
			once++
		}
		if looks[n] == 3 && once < incidents {
			t.Fatalf("look %d is the third at %d, and %d have had none", i, n, incidents-once)
		}
	}
	for n := 1; n <= incidents; n++ {
		want := each
		if limited(n) {
			want = 1 // and its others wait behind it
		}
		if looks[n] != want {
			t.Errorf("incident %d was looked at %d times, want %d", n, looks[n], want)
		}
	}
}

// What a message costs the queue, from storing to done, while that many incidents have one waiting.
func BenchmarkBacklog(b *testing.B) {
	for _, incidents := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprint(incidents), func(b *testing.B) {
			s, err := store.Open(filepath.Join(b.TempDir(), "q.db"), &clock{now: start}, nil)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			done := make(chan struct{}, 1)
			var left atomic.Int64
			ctx, stop := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() {
				ended <- s.Run(ctx, func(_ context.Context, m engine.Message) error {
					if m.Ref.Number > 1_000_000 && left.Add(-1) == 0 {
						done <- struct{}{}
					}
					return nil
				})
			}()
			for n := 1; n <= incidents; n++ { // these wait for later
				if err := s.Enqueue(ctx, message(n, fmt.Sprint("later ", n)),
					start.Add(time.Hour)); err != nil {
					b.Fatal(err)
				}
			}
			n := 0
			for b.Loop() {
				const batch = 8
				left.Store(batch)
				for range batch {
					n++
					if err := s.Enqueue(ctx, message(1_000_000+n%100+1, fmt.Sprint(n)),
						time.Time{}); err != nil {
						b.Fatal(err)
					}
				}
				<-done
			}
			stop()
			if err := <-ended; err != nil {
				b.Error(err)
			}
		})
	}
}
