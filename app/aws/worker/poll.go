package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/firebreak-dev/firebreak/app/wait"
)

const (
	// pollWait is how long SQS waits for a message before it answers that there is none.
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
	pollWait = 20 * time.Second
	// lookTime is how long a look may take, as long as the function may.
	lookTime = 120 * time.Second
	// deleteTries is how often a message is deleted that is done. After that it comes again, and its look
	// finds nothing to do.
	deleteTries = 5
)

// Receiver is what a Poller needs of Amazon SQS.
type Receiver interface {
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessageBatch(context.Context, *sqs.DeleteMessageBatchInput,
		...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error)
}

// Poller hands the queue's messages to a Batch where Lambda does not: in a process that runs on. SQS keeps the
// order of each incident, whichever of any number of such processes and of functions takes its messages.
type Poller struct {
	SQS  Receiver
	URL  string
	Work func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)
	// At once are so many messages worked at, each of another incident.
	AtOnce int
	// Grace is how long the looks under way may take to end once Run's context has ended.
	Grace  time.Duration
	Logger *slog.Logger

	mu     sync.Mutex
	polled time.Time // when SQS answered last
}

// Run hands messages out until ctx ends; what is under way then has Grace to end. A message that was not done is
// handed out again after seconds, here or elsewhere.
func (p *Poller) Run(ctx context.Context) error {
	working, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(p.Grace, cut) })()
	var all sync.WaitGroup
	for range max(p.AtOnce, 1) {
		all.Go(func() {
			for failures := 0; ctx.Err() == nil; {
				err := p.next(ctx, working)
				if err == nil || ctx.Err() != nil {
					failures = 0
					continue
				}
				rest := wait.Backoff(firstWait, failures, longest)
				failures++
				p.Logger.Error("the queue can't be read: trying again", "in", rest, "err", err)
				select {
				case <-ctx.Done():
				case <-time.After(rest):
				}
			}
		})
	}
	all.Wait()
	return nil
}

// Health returns an error if SQS has not answered for long.
func (p *Poller) Health(now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if quiet := now.Sub(p.polled); !p.polled.IsZero() && quiet > lookTime+2*pollWait {
		return fmt.Errorf("the queue was not read for %s", quiet.Round(time.Second))
	}
	return nil
}

// next takes one message, and works at it. One at a time is received: SQS hands out nothing more of any incident
// of a batch before all of the batch is done, and a long look must hold up no other incident.
func (p *Poller) next(ctx, working context.Context) error {
	out, err := p.SQS.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: awssdk.String(p.URL),
		MaxNumberOfMessages: 1, WaitTimeSeconds: int32(pollWait / time.Second),
		VisibilityTimeout:           int32(held / time.Second), // the Batch says every few seconds that it is at work
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll}})
	if err != nil {
		return fmt.Errorf("receive from %s: %w", p.URL, err)
	}
	p.mu.Lock()
	p.polled = time.Now()
	p.mu.Unlock()
	if len(out.Messages) == 0 {
		return nil
	}
	event := events.SQSEvent{}
	for _, m := range out.Messages {
		event.Records = append(event.Records, events.SQSMessage{MessageId: awssdk.ToString(m.MessageId),
			ReceiptHandle: awssdk.ToString(m.ReceiptHandle), Body: awssdk.ToString(m.Body), Attributes: m.Attributes})
	}
	looking, stop := context.WithTimeout(working, lookTime)
	defer stop()
	response, err := p.Work(looking, event)
	if err != nil {
		return fmt.Errorf("work at a message: %w", err)
	}
	failed := map[string]bool{}
	for _, f := range response.BatchItemFailures {
		failed[f.ItemIdentifier] = true
	}
	var done []string
	for _, m := range event.Records {
		if !failed[m.MessageId] {
			done = append(done, m.ReceiptHandle)
		}
	}
	return p.delete(working, done)
}

// delete deletes messages that are done. It goes on while the process ends, or they would be looked at again.
func (p *Poller) delete(ctx context.Context, receipts []string) (err error) {
	if len(receipts) == 0 {
		return nil
	}
	in := &sqs.DeleteMessageBatchInput{QueueUrl: awssdk.String(p.URL)}
	for i, r := range receipts {
		in.Entries = append(in.Entries,
			types.DeleteMessageBatchRequestEntry{Id: awssdk.String(strconv.Itoa(i)), ReceiptHandle: awssdk.String(r)})
	}
	for try := range deleteTries {
		var out *sqs.DeleteMessageBatchOutput
		if out, err = p.SQS.DeleteMessageBatch(context.WithoutCancel(ctx), in); err == nil {
			for _, f := range out.Failed {
				err = errors.Join(err, fmt.Errorf("%s: %s", awssdk.ToString(f.Code), awssdk.ToString(f.Message)))
			}
			if err != nil { // its time was over: SQS hands it out again
				return fmt.Errorf("delete what is done: %w", err)
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("delete what is done: %w", err)
		case <-time.After(wait.Backoff(firstWait/10, try, firstWait)):
		}
	}
	return fmt.Errorf("delete what is done: %w", err)
}
