package worker_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/aws"
	"github.com/firebreak-dev/firebreak/app/aws/awstest"
	"github.com/firebreak-dev/firebreak/app/aws/worker"
	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
)

var start = time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)

func ref(number int) incident.Ref {
	return incident.Ref{Owner: "acme", Repo: "incidents", Number: number}
}

var _ engine.Scheduler = (*worker.Scheduler)(nil)

// timers is a scheduler, the double that it is in, and the clock of both.
type timers struct {
	*worker.Scheduler
	t     *testing.T
	aws   *awstest.AWS
	queue string
	now   time.Time
}

func newTimers(t *testing.T) *timers {
	x := &timers{t: t, now: start}
	clock := func() time.Time { return x.now }
	x.aws = awstest.New(t, clock)
	url, arn := x.aws.AddQueue("firebreak.fifo",
		awstest.QueueOptions{Visibility: 12 * time.Minute, Receives: 3})
	cfg, err := aws.Config(x.aws.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	x.queue = url
	x.Scheduler = &worker.Scheduler{EventBridge: scheduler.NewFromConfig(cfg), Group: "firebreak-prod",
		Role:     "arn:aws:iam::123456789012:role/timers",
		QueueARN: arn, Now: clock}
	return x
}

func (x *timers) set(number int, at time.Time) {
	x.t.Helper()
	if err := x.Schedule(x.t.Context(), ref(number), at); err != nil {
		x.t.Error(err)
	}
}

// expect holds what is set to "number time" of each.
func (x *timers) expect(want ...string) {
	x.t.Helper()
	var got []string
	for _, s := range x.aws.Schedules() {
		m, err := aws.Decode(s.Input)
		if err != nil || m.Why != "clock" || !m.Due.Equal(s.At) || s.Group != "firebreak-prod" {
			x.t.Errorf("%+v, %v", s, err)
		}
		got = append(got, strings.TrimPrefix(m.Ref.String(), "acme/incidents#")+s.At.Format(" 15:04:05"))
	}
	if d := cmp.Diff(want, got); d != "" {
		x.t.Error(d)
	}
}

func TestOneTimerPerIncident(t *testing.T) {
	x := newTimers(t)
	x.set(1, start.Add(20*time.Minute))
	x.set(2, start.Add(5*time.Minute))
	x.set(1, start.Add(20*time.Minute)) // twice is once
	x.expect("2 10:45:00", "1 11:00:00")
	x.set(1, start.Add(time.Minute)) // a later call replaces it
	x.expect("1 10:41:00", "2 10:45:00")
	x.set(1, time.Time{})
	x.set(1, time.Time{}) // and removing twice isn't an error
	x.expect("2 10:45:00")
	x.set(2, start.Add(5*time.Minute+time.Millisecond)) // never too early
	x.expect("2 10:45:01")
}

func TestTheSameTimerCostsOneCall(t *testing.T) {
	x := newTimers(t)
	x.set(1, start.Add(20*time.Minute))
	x.aws.Calls()
	x.set(1, start.Add(20*time.Minute))
	if calls := x.aws.Calls(); !slices.Equal(calls, []string{"GetSchedule"}) {
		t.Errorf("it costs %v", calls)
	}
}

func TestATimerInThePastComesSoon(t *testing.T) {
	x := newTimers(t)
	x.set(1, start.Add(-time.Hour))
	x.expect("1 10:40:05")
}

// A schedule that fired deletes itself a moment later. What the look that it caused sets must
// outlive that, again and again.
func TestATimerSetByItsOwnFiringIsKept(t *testing.T) {
	x := newTimers(t)
	next := start.Add(20 * time.Minute)
	x.set(1, next)
	for range 5 {
		x.now = next
		if n := x.aws.Fire(); n != 1 {
			t.Fatalf("%d schedules fired", n)
		}
		next = next.Add(20 * time.Minute)
		x.set(1, next)                  // while the one that fired is still there
		x.set(1, next.Add(time.Minute)) // and once more
		x.set(1, next)                  // and back
		x.now = x.now.Add(30 * time.Second)
		x.aws.Fire() // now it is gone
		x.expect("1" + next.Format(" 15:04:05"))
		x.set(1, next)
		x.expect("1" + next.Format(" 15:04:05"))
	}
	x.set(1, time.Time{})
	x.expect()
}

func TestATimerBecomesAMessage(t *testing.T) {
	x := newTimers(t)
	x.set(1, start.Add(time.Minute))
	x.now = start.Add(time.Minute)
	x.aws.Fire()
	all := x.aws.Messages(x.queue)
	if len(all) != 1 || all[0].Group != "acme/incidents#1" {
		t.Fatalf("messages %+v", all)
	}
	m, err := aws.Decode(all[0].Body)
	if d := cmp.Diff(incident.Message{Ref: ref(1), Why: "clock", Due: x.now}, m); err != nil || d != "" {
		t.Error(err, d)
	}
}

func TestMessagesForLater(t *testing.T) {
	x := newTimers(t)
	m := incident.Message{Ref: ref(1), Why: "again", Delivery: "d",
		What: &incident.Comment{Body: "<aws.scheduler.execution-id>"}}
	for range 2 {
		if err := x.Send(t.Context(), m, start.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(x.aws.Schedules()); n != 1 {
		t.Errorf("the same message is %d", n)
	}
	// The service replaces <aws.scheduler.…> in what it sends.
	if input := x.aws.Schedules()[0].Input; strings.Contains(input, "<aws.") {
		t.Errorf("the input is %s", input)
	}
	x.set(1, start.Add(2*time.Minute)) // a timer next to it is another
	if n := len(x.aws.Schedules()); n != 2 {
		t.Errorf("%d schedules", n)
	}
}

// Names are within what is allowed, and each incident has its own, in whatever case GitHub writes it.
func TestScheduleNames(t *testing.T) {
	x := newTimers(t)
	allowed := regexp.MustCompile(`^[0-9a-zA-Z-_.]{1,64}$`)
	seen := map[string]bool{}
	// the longest name and number that there are
	for _, r := range []incident.Ref{ref(1), ref(11), {Owner: "acme", Repo: "incidents-1", Number: 1},
		{Owner: strings.Repeat("o", 39), Repo: strings.Repeat("r", 100), Number: 999_999_999}} {
		if err := x.Schedule(t.Context(), r, start.Add(time.Hour)); err != nil {
			t.Error(err)
		}
	}
	if err := x.Schedule(t.Context(), incident.Ref{Owner: "ACME", Repo: "Incidents", Number: 1},
		start.Add(time.Hour)); err != nil {
		t.Error(err)
	}
	for _, s := range x.aws.Schedules() {
		if !allowed.MatchString(s.Name) || seen[s.Name] {
			t.Errorf("the name %q", s.Name)
		}
		seen[s.Name] = true
	}
	if len(seen) != 4 {
		t.Errorf("%d schedules for four incidents", len(seen))
	}
}

func TestTimersThatFail(t *testing.T) {
	x := newTimers(t)
	if err := x.Schedule(t.Context(), incident.Ref{Owner: "acme"}, start.Add(time.Hour)); err == nil {
		t.Error("a timer of no incident")
	}
	x.set(1, start.Add(time.Hour))
	for operation, at := range map[string]time.Time{"GetSchedule": start.Add(2 * time.Hour),
		"CreateSchedule": start.Add(2 * time.Hour), "UpdateSchedule": start.Add(2 * time.Hour),
		"DeleteSchedule": {}} {
		x.aws.Refuse(operation, "AccessDeniedException")
		if err := x.Schedule(t.Context(), ref(1), at); err == nil ||
			!strings.Contains(err.Error(), "AccessDenied") {
			t.Errorf("%s is refused: %v", operation, err)
		}
		x.aws.Refuse(operation, "")
	}
	x.expect("1 11:40:00")
}

// EventBridge Scheduler fires within the minute, deletes what fired when it likes, and lets nobody change it until then. No
// timer is lost by that, however shortly they follow each other, whatever else causes looks.
func TestA4NoTimerIsLostWhileSchedulerTakesItsTime(t *testing.T) {
	for name, p := range map[string]awstest.Precision{
		"exact":                          {},
		"a minute late":                  {Late: 59 * time.Second},
		"deleted slowly":                 {Linger: 90 * time.Second},
		"deleted slowly, with conflicts": {Linger: 90 * time.Second, Conflicts: true},
		"late and slowly":                {Late: 30 * time.Second, Linger: 50 * time.Second, Conflicts: true},
		"deleted as it is changed":       {Linger: 90 * time.Second, Vanish: true},
	} {
		for _, every := range []time.Duration{25 * time.Second, 40 * time.Second, time.Minute, 4 * time.Minute} {
			x := newTimers(t)
			x.aws.SetPrecision(p)
			next, arrived, looks, failed := start.Add(every), 0, 0, false
			x.set(1, next)
			for ; x.now.Before(start.Add(10 * (every + p.Late))); x.now = x.now.Add(time.Second) {
				x.aws.Fire()
				n := len(x.aws.Messages(x.queue))
				isTimer := n > arrived
				arrived = n
				if isTimer && !next.After(x.now) {
					next = x.now.Add(every)
					looks++
				}
				another := x.now.Sub(start)%(7*time.Second) == 0 && next.After(x.now) // that some comment caused
				if isTimer || another || failed {                                     // a look that failed is made again after a second
					err := x.Schedule(t.Context(), ref(1), next)
					if failed = err != nil; failed && every > p.Linger/3 {
						t.Errorf("%s, each %s, after %s: %v", name, every, x.now.Sub(start), err)
					}
				}
				if late := x.now.Sub(next); late > p.Late+soonest {
					t.Fatalf("%s, each %s: the timer of %s is lost after %d looks", name, every, next, looks)
				}
			}
			if looks < 3 {
				t.Errorf("%s, each %s: %d looks", name, every, looks)
			}
		}
	}
}

// soonest is how far ahead a timer is set at least.
const soonest = 5 * time.Second

// A timer that is being deleted counts as removed, and one that vanishes before it is changed is set again.
func TestTimersThatConflict(t *testing.T) {
	x := newTimers(t)
	x.aws.SetPrecision(awstest.Precision{Linger: time.Minute, Conflicts: true})
	x.set(1, start.Add(10*time.Second))
	x.now = start.Add(10 * time.Second)
	x.aws.Fire()
	x.set(1, time.Time{})
	x.set(1, start.Add(20*time.Second))
	x.expect("1 10:40:20")
	m := incident.Message{Ref: ref(2), Why: "again"}
	if err := x.Send(t.Context(), m, start.Add(20*time.Second)); err != nil {
		t.Fatal(err)
	}
	x.now = start.Add(20 * time.Second)
	x.aws.SetPrecision(awstest.Precision{Linger: time.Minute, Vanish: true})
	x.aws.Fire()
	x.now = start.Add(12 * time.Second) // another machine's clock, which is behind
	if err := x.Send(t.Context(), m, start.Add(20*time.Second)); err != nil {
		t.Errorf("one that vanished is not set again: %v", err)
	}
}
