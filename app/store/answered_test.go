package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// A message goes with the look for another one only if that began after it arrived, and after it
// became due (A4). Each case lets a request for a look become one while the look for a comment is
// under way, from 2m0s to 3m0s, or lets it prove what a look may not show.
func TestA4OnlyALookThatBeganAfterItAnswersAMessage(t *testing.T) {
	later := func(d time.Duration) error {
		return &engine.RetryAfter{Until: time.Now().Add(d), Err: engine.ErrLimited}
	}
	bare := func(why string) engine.Message {
		m := message(1, why)
		m.What = nil
		return m
	}
	nothing := func(context.Context, queueOf) error { return nil }
	done := func(engine.Message, int) error { return nil }
	ref := message(1, "").Ref
	for _, c := range []struct {
		name    string
		prepare func(context.Context, queueOf) error
		during  func(context.Context, queueOf) error // at 2m30s
		// what comes of handing out a message, the comment's aside, for the nth time
		handle func(m engine.Message, n int) error
		want   string
	}{
		{"a timer joins one that waits", func(ctx context.Context, q queueOf) error {
			return q.Schedule(ctx, ref, time.Now().Add(time.Minute))
		}, func(ctx context.Context, q queueOf) error {
			return q.Schedule(ctx, ref, time.Now())
		}, func(_ engine.Message, n int) error {
			if n == 1 {
				return later(time.Hour)
			}
			return nil
		}, "clock@1m0s comment@2m0s clock@3m0s"},
		{"a timer's next try becomes due", func(ctx context.Context, q queueOf) error {
			return q.Schedule(ctx, ref, time.Now().Add(time.Minute))
		}, nothing, func(_ engine.Message, n int) error {
			if n == 1 {
				return later(90 * time.Second)
			}
			return nil
		}, "clock@1m0s comment@2m0s clock@3m0s"},
		{"a delivery that was put aside comes again", func(ctx context.Context, q queueOf) error {
			return q.Enqueue(ctx, bare("locked"), time.Time{})
		}, func(ctx context.Context, q queueOf) error {
			return q.Enqueue(ctx, bare("locked"), time.Time{})
		}, func(_ engine.Message, n int) error {
			if n <= 10 {
				return errors.New("it fails")
			}
			return nil
		}, "locked@3m0s"},
		{"a webhook proves what the look may not show", nothing, func(ctx context.Context, q queueOf) error {
			m, other := bare("locked"), message(1, "another")
			m.Floor, other.Why = &incident.Floor{Updated: time.Now()}, "comment"
			return errors.Join(q.Enqueue(ctx, m, time.Time{}), q.Enqueue(ctx, other, time.Time{}))
		}, done, "comment@2m0s comment@3m0s locked@4m0s"},
		{"a webhook proves nothing", nothing, func(ctx context.Context, q queueOf) error {
			other := message(1, "another")
			other.Why = "comment"
			return errors.Join(q.Enqueue(ctx, bare("locked"), time.Time{}), q.Enqueue(ctx, other, time.Time{}))
		}, done, "comment@2m0s comment@3m0s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var q queueOf
				handed := map[string]int{}
				s, seen := run(t, func(m engine.Message) error {
					if m.Why == "comment" {
						<-time.After(time.Minute)
						return nil
					}
					handed[m.Why]++
					return c.handle(m, handed[m.Why])
				})
				q = s
				if err := c.prepare(t.Context(), q); err != nil {
					t.Fatal(err)
				}
				if strings.Contains(c.name, "put aside") {
					<-time.After(3 * time.Hour) // until it was tried often enough
				} else {
					<-time.After(2 * time.Minute)
				}
				if err := q.Enqueue(t.Context(), message(1, "comment"), time.Time{}); err != nil {
					t.Fatal(err)
				}
				<-time.After(30 * time.Second)
				if err := c.during(t.Context(), q); err != nil {
					t.Fatal(err)
				}
				<-time.After(5 * time.Minute)
				synctest.Wait()
				got := strings.ReplaceAll(strings.ReplaceAll(seen(), fmt.Sprintf("%s ", ref), ""), ";", "")
				if strings.Contains(c.name, "put aside") {
					if n := handed["locked"]; n != 11 {
						t.Errorf("it is handed out %d times, want once after the ten that failed: %s", n, got)
					}
				} else if got != c.want {
					t.Errorf("handed out %s\nwant       %s", got, c.want)
				}
			})
		})
	}
}

// queueOf is the part of a store that is told what there is to do.
type queueOf interface {
	Schedule(ctx context.Context, ref incident.Ref, at time.Time) error
	Enqueue(ctx context.Context, m engine.Message, at time.Time) error
}
