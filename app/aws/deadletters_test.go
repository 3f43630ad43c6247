package aws_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/firebreak-dev/firebreak/app/aws"
)

// deadQueue is a queue of dead letters, with when they were moved back.
type deadQueue struct {
	count, arn string
	moved      []time.Time
	now        time.Time
	fails      string // operation that is refused
}

var errDenied = errors.New("AccessDenied")

func (q *deadQueue) GetQueueAttributes(_ context.Context, _ *sqs.GetQueueAttributesInput, _ ...func(*sqs.Options)) (
	*sqs.GetQueueAttributesOutput, error) {
	if q.fails == "count" {
		return nil, errDenied
	}
	return &sqs.GetQueueAttributesOutput{Attributes: map[string]string{"ApproximateNumberOfMessages": q.count,
		"QueueArn": q.arn}}, nil
}

func (q *deadQueue) ListMessageMoveTasks(_ context.Context, in *sqs.ListMessageMoveTasksInput, _ ...func(*sqs.Options)) (
	*sqs.ListMessageMoveTasksOutput, error) {
	if q.fails == "list" || *in.SourceArn != q.arn {
		return nil, errDenied
	}
	out := &sqs.ListMessageMoveTasksOutput{}
	for _, at := range q.moved {
		out.Results = append(out.Results, types.ListMessageMoveTasksResultEntry{StartedTimestamp: at.UnixMilli()})
	}
	return out, nil
}

func (q *deadQueue) StartMessageMoveTask(_ context.Context, in *sqs.StartMessageMoveTaskInput, _ ...func(*sqs.Options)) (
	*sqs.StartMessageMoveTaskOutput, error) {
	if q.fails == "move" || *in.SourceArn != q.arn || in.DestinationArn != nil {
		return nil, errDenied
	}
	q.moved = append(q.moved, q.now)
	return &sqs.StartMessageMoveTaskOutput{}, nil
}

// What SQS put aside is moved back by a good sweep, at most every six hours, and only where there is
// something (A8).
func TestA8DeadLettersAreTakenBackByAGoodSweep(t *testing.T) {
	q := &deadQueue{count: "3", arn: "arn:aws:sqs:eu-central-1:1:firebreak-dead.fifo",
		now: time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)}
	d := &aws.DeadLetters{SQS: q, URL: "https://sqs.example/dead.fifo", Now: func() time.Time { return q.now }}
	for _, c := range []struct {
		name   string
		after  time.Duration
		count  string
		want   int
		movedN int
	}{
		{"the first", 0, "3", 3, 1},
		{"the next sweep", 5 * time.Minute, "3", 0, 1},
		{"six hours later", 6 * time.Hour, "1", 1, 2},
		{"with nothing there", 12 * time.Hour, "0", 0, 2},
	} {
		q.now, q.count = q.now.Add(c.after), c.count
		if n, err := d.TakeBack(t.Context()); n != c.want || err != nil || len(q.moved) != c.movedN {
			t.Errorf("%s: %d messages, moved %d times, %v", c.name, n, len(q.moved), err)
		}
	}
	q.now, q.count = q.now.Add(time.Hour), "1"
	for _, q.fails = range []string{"count", "list", "move"} {
		if n, err := d.TakeBack(t.Context()); n != 0 || !errors.Is(err, errDenied) {
			t.Errorf("%s is refused: %d, %v", q.fails, n, err)
		}
	}
}
