// Package worker is what the functions behind the queue need of AWS next to it: timers by
// EventBridge Scheduler, batches of SQS, parameters of Systems Manager, and a key that stays in
// KMS.
package worker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/firebreak-dev/firebreak/app/aws"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/wait"
)

// EventBridge is what a Scheduler needs of Amazon EventBridge Scheduler.
type EventBridge interface {
	GetSchedule(context.Context, *scheduler.GetScheduleInput,
		...func(*scheduler.Options)) (*scheduler.GetScheduleOutput, error)
	CreateSchedule(context.Context, *scheduler.CreateScheduleInput,
		...func(*scheduler.Options)) (*scheduler.CreateScheduleOutput, error)
	UpdateSchedule(context.Context, *scheduler.UpdateScheduleInput,
		...func(*scheduler.Options)) (*scheduler.UpdateScheduleOutput, error)
	DeleteSchedule(context.Context, *scheduler.DeleteScheduleInput,
		...func(*scheduler.Options)) (*scheduler.DeleteScheduleOutput, error)
}

// Scheduler keeps timers as one-time schedules that put a message into the queue. It implements
// engine.Scheduler.
type Scheduler struct {
	EventBridge EventBridge
	Group       string // schedule group
	Role        string // ARN of the role by which the service sends to the queue
	QueueARN    string
	Now         func() time.Time
}

// soonest is how far ahead a timer is set at least: a time that passes while the request is on its
// way is refused.
const soonest = 5 * time.Second

// Schedule sets the time of an incident's next look; zero removes it.
//
// An incident has a few places for its timer, of which one is used at a time. A schedule that fired
// deletes itself shortly after, and with it whatever is set in its place in the meantime: so the look
// that it caused uses the next. It fires within the minute of its time, so one whose time passed may also
// still fire; that is a look more. Such a look more is all that comes of a timer that remains in a later place, too.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-delete.html
func (s *Scheduler) Schedule(ctx context.Context, ref incident.Ref, at time.Time) error {
	if _, err := incident.ParseRef(ref.String()); err != nil {
		return fmt.Errorf("set a timer: %w", err)
	}
	if at.IsZero() {
		return errors.Join(s.remove(ctx, place(ref, 1)), s.remove(ctx, place(ref, 2)))
	}
	now := s.Now()
	at = whole(wait.NoLater(later(at, now.Add(soonest)), now, wait.Timer))
	n, isNew, err := s.find(ctx, ref, at, now)
	if err != nil || n == 0 {
		return err
	}
	body, err := aws.Encode(incident.Message{Ref: ref, Why: "clock", Due: at}, maxInput)
	if err != nil {
		return err
	}
	if err := s.put(ctx, place(ref, n), aws.Group(ref), ref, body, at); err != nil || !isNew {
		return err
	}
	for n++; n <= places && err == nil; n++ { // where the timer may be since this place had one that fired
		err = s.remove(ctx, place(ref, n))
	}
	return err
}

// places is how many timers of an incident may have fired shortly one after the other and not be deleted yet.
const places = 4

func place(ref incident.Ref, n int) string { return name("clock", ref, strconv.Itoa(n)) }

// find returns the first place in which no timer has fired or is about to, and whether there is none in it; or 0 if the
// timer is set already. What is due at once is set where one is about to fire.
func (s *Scheduler) find(ctx context.Context, ref incident.Ref, at, now time.Time) (free int, isNew bool, err error) {
	for n := 1; n <= places; n++ {
		stands, err := s.read(ctx, place(ref, n))
		isDueAtOnce := !at.After(whole(now.Add(soonest)))
		if err != nil || stands.Equal(at) || isDueAtOnce && stands.After(now) && stands.Before(at) {
			return 0, false, err
		}
		if stands.IsZero() || stands.After(now.Add(soonest)) {
			return n, stands.IsZero(), nil
		}
	}
	return 0, false, fmt.Errorf("set a timer of %s: the last %d have fired and are not deleted yet", ref, places)
}

// maxInput is the size of the largest input of a target, in bytes.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/scheduler-quotas.html
const maxInput = 256 << 10

// Send puts a message into the queue at a time; the same message at the same time is one.
func (s *Scheduler) Send(ctx context.Context, m incident.Message, at time.Time) error {
	body, err := aws.Encode(m, maxInput)
	if err != nil {
		return err
	}
	now := s.Now()
	at = whole(wait.NoLater(later(at, now.Add(soonest)), now, wait.Timer))
	return s.put(ctx, name("message", m.Ref, body+at.Format(time.RFC3339)), aws.GroupOf(m), m.Ref, body, at)
}

// put creates a schedule, or changes the one that is there. One that is there may be gone when it is to be changed.
func (s *Scheduler) put(ctx context.Context, name, group string, ref incident.Ref, body string, at time.Time) error {
	err := s.createOrUpdate(ctx, name, group, ref, body, at)
	var none *types.ResourceNotFoundException
	if errors.As(err, &none) {
		err = s.createOrUpdate(ctx, name, group, ref, body, at)
	}
	if err != nil {
		return fmt.Errorf("set the schedule %s/%s of %s: %w", s.Group, name, ref, err)
	}
	return nil
}

func (s *Scheduler) createOrUpdate(ctx context.Context, name, group string, ref incident.Ref, body string,
	at time.Time) error {
	expression := awssdk.String("at(" + at.Format(layout) + ")")
	window := &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff}
	target := &types.Target{Arn: awssdk.String(s.QueueARN), RoleArn: awssdk.String(s.Role),
		Input:         awssdk.String(body),
		SqsParameters: &types.SqsParameters{MessageGroupId: awssdk.String(group)}}
	_, err := s.EventBridge.CreateSchedule(ctx, &scheduler.CreateScheduleInput{
		GroupName: awssdk.String(s.Group), Name: awssdk.String(name),
		Description: awssdk.String(ref.String()), ScheduleExpression: expression,
		ScheduleExpressionTimezone: awssdk.String("UTC"), FlexibleTimeWindow: window, Target: target,
		ActionAfterCompletion: types.ActionAfterCompletionDelete,
	})
	var there *types.ConflictException
	if errors.As(err, &there) {
		_, err = s.EventBridge.UpdateSchedule(ctx, &scheduler.UpdateScheduleInput{
			GroupName: awssdk.String(s.Group), Name: awssdk.String(name),
			Description: awssdk.String(ref.String()), ScheduleExpression: expression,
			ScheduleExpressionTimezone: awssdk.String("UTC"), FlexibleTimeWindow: window, Target: target,
			ActionAfterCompletion: types.ActionAfterCompletionDelete,
		})
	}
	return err
}

// read returns the time of a schedule; zero: there is none.
func (s *Scheduler) read(ctx context.Context, name string) (time.Time, error) {
	out, err := s.EventBridge.GetSchedule(ctx,
		&scheduler.GetScheduleInput{GroupName: awssdk.String(s.Group), Name: awssdk.String(name)})
	var none *types.ResourceNotFoundException
	if errors.As(err, &none) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read the schedule %s/%s: %w", s.Group, name, err)
	}
	at, err := time.Parse("at("+layout+")", awssdk.ToString(out.ScheduleExpression))
	if err != nil {
		return time.Time{}, fmt.Errorf("the schedule %s/%s is not one of ours: %w", s.Group, name, err)
	}
	return at, nil
}

func (s *Scheduler) remove(ctx context.Context, name string) error {
	_, err := s.EventBridge.DeleteSchedule(ctx,
		&scheduler.DeleteScheduleInput{GroupName: awssdk.String(s.Group), Name: awssdk.String(name)})
	var none *types.ResourceNotFoundException
	var fires *types.ConflictException // it is being deleted, or fires once more: a look too many
	if err != nil && !errors.As(err, &none) && !errors.As(err, &fires) {
		return fmt.Errorf("remove the schedule %s/%s: %w", s.Group, name, err)
	}
	return nil
}

// layout is how a schedule says its time, to the second.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#one-time
const layout = "2006-01-02T15:04:05"

// whole is the first whole second at or after t: a timer must not come too early.
func whole(t time.Time) time.Time {
	w := t.UTC().Truncate(time.Second)
	if w.Before(t) {
		w = w.Add(time.Second)
	}
	return w
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// name derives a schedule's name from the incident and what distinguishes its schedules. At most 64
// letters, digits, and
// -_. are allowed, so a hash represents all that.
// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
func name(kind string, ref incident.Ref, what string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(ref.String()) + "\n" + what))
	return fmt.Sprintf("%s-%d-%s", kind, ref.Number, hex.EncodeToString(sum[:16]))
}
