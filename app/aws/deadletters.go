package aws

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// DeadSQS is what DeadLetters needs of Amazon SQS.
type DeadSQS interface {
	GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (
		*sqs.GetQueueAttributesOutput, error)
	ListMessageMoveTasks(context.Context, *sqs.ListMessageMoveTasksInput, ...func(*sqs.Options)) (
		*sqs.ListMessageMoveTasksOutput, error)
	StartMessageMoveTask(context.Context, *sqs.StartMessageMoveTaskInput, ...func(*sqs.Options)) (
		*sqs.StartMessageMoveTaskOutput, error)
}

// DeadLetters is the queue of messages that SQS put aside after all of their tries.
type DeadLetters struct {
	SQS DeadSQS
	URL string
	Now func() time.Time
}

// takenBackEvery is how often what was put aside is tried again. A message has all of its tries each time,
// in which it holds up its incident for some minutes.
const takenBackEvery = 6 * time.Hour

// TakeBack has SQS move the messages back from where they came, unless it did so in the last hours, and
// returns about how many there are. When that was SQS itself knows.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
func (d *DeadLetters) TakeBack(ctx context.Context) (n int, err error) {
	fail := func(doing string, err error) (int, error) {
		return 0, fmt.Errorf("%s %s: %w", doing, d.URL, err)
	}
	const count, name = types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameQueueArn
	q, err := d.SQS.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: aws.String(d.URL),
		AttributeNames: []types.QueueAttributeName{count, name}})
	if err != nil {
		return fail("count what was put aside in", err)
	}
	if n, _ = strconv.Atoi(q.Attributes[string(count)]); n == 0 {
		return 0, nil
	}
	arn := aws.String(q.Attributes[string(name)])
	before, err := d.SQS.ListMessageMoveTasks(ctx, &sqs.ListMessageMoveTasksInput{SourceArn: arn})
	if err != nil {
		return fail("ask when messages were taken back from", err)
	}
	for _, t := range before.Results {
		if d.Now().Sub(time.UnixMilli(t.StartedTimestamp)) < takenBackEvery {
			return 0, nil
		}
	}
	if _, err := d.SQS.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{SourceArn: arn}); err != nil {
		return fail("take messages back from", err)
	}
	return n, nil
}
