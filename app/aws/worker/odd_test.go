package worker_test

import (
	"errors"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/wait"
)

// oddTimes are times to come back at that headers, clocks and files have given.
var oddTimes = []time.Time{{}, start, start.Add(-time.Nanosecond), start.Add(-time.Hour), time.Unix(0, 0),
	time.Unix(-1<<62, 0), start.Add(time.Nanosecond),
	time.Date(2262, 4, 12, 0, 0, 0, 0, time.UTC), time.Date(2926, 1, 1, 0, 0, 0, 0, time.UTC),
	time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), time.Unix(1<<62, 0)}

// Whenever a message says to come back, SQS hides it for a second at least, and no longer than it can.
func TestNoMessageComesBackWithinASecondNorNever(t *testing.T) {
	for _, until := range oddTimes {
		for _, received := range []int{-1, 0, 1, 40, 1 << 40} {
			_, failed, hidden := work(t, t.Context(), func(string) error {
				return &engine.RetryAfter{Until: until, Err: engine.ErrUnavailable}
			}, record("a", 1, received))
			if d := hidden["ra"]; len(failed) != 1 || d < wait.Least || d > wait.Message {
				t.Errorf("until %s, received %d times: hidden for %s, failed %q", until, received, d, failed)
			}
		}
	}
	for _, received := range []int{-1, 0, 1, 40, 1 << 40} {
		_, _, hidden := work(t, t.Context(), func(string) error {
			return errors.New("502")
		}, record("a", 1, received))
		if d := hidden["ra"]; d < wait.Least || d > 5*time.Minute {
			t.Errorf("received %d times and failed: hidden for %s", received, d)
		}
	}
}

// EventBridge Scheduler takes no time that is over, and none of the far future.
func TestWhateverATimerIsSetToItComes(t *testing.T) {
	for _, at := range oddTimes {
		if at.IsZero() {
			continue // which removes it
		}
		x := newTimers(t)
		x.set(1, at)
		if err := x.Send(t.Context(), incident.Message{Ref: ref(2), Why: "a"}, at); err != nil {
			t.Error(err)
		}
		for _, s := range x.aws.Schedules() {
			if d := s.At.Sub(start); d < wait.Least || d > wait.Timer+time.Second {
				t.Errorf("%s is set for %s from now", at, d)
			}
		}
		if n := len(x.aws.Schedules()); n != 2 {
			t.Errorf("%s: %d schedules", at, n)
		}
	}
}
