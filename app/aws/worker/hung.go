package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
)

const (
	// returnTime is how long a look may take to return once its time is over; then there is still
	// time to answer Lambda.
	returnTime = 2 * time.Second
	// hungTries is the try of a message whose look hangs at which its incident is told. SQS puts it
	// aside only after all of its tries.
	hungTries = 3
)

// errHung is the error of a look that computes and does not notice that its time is over.
var errHung = errors.New("the look hangs and was given up")

// handle hands a message to the handler, and gives up a look that does not return in time: it must
// not keep the batch from being answered, or all that was done in it would be done again. A panic
// is an error, for one incident must not end the others.
func (b *Batch) handle(ctx context.Context, m incident.Message) error {
	ended, isHung := make(chan error, 1), false
	go func() {
		err := errors.New("the look ended without a result")
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			if isHung {
				b.hung--
			}
			ended <- err
		}()
		err = b.Handle(ctx, m)
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	patience := time.NewTimer(returnTime)
	defer patience.Stop()
	select {
	case err := <-ended:
		return err
	case <-patience.C:
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(ended) > 0 {
		return <-ended
	}
	isHung = true
	b.hung++
	b.Metrics.Record(metrics.LooksTooLong, 1, "given up")
	b.Logger.Error("look given up: it hangs and does not notice that its time is over", "incident",
		m.Ref.String(), "why", m.Why, "delivery", m.Delivery)
	return errHung
}

// isHung reports whether a look of a batch before still runs.
func (b *Batch) isHung() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.hung > 0
}

// startAnew ends the process, so that what hangs does not take the next looks' time: the batch
// comes again after a second, and Lambda starts a new process for it.
func (b *Batch) startAnew(ctx context.Context, e events.SQSEvent) (response events.SQSEventResponse) {
	var receipts []string
	for _, m := range e.Records {
		receipts = append(receipts, m.ReceiptHandle)
		response.BatchItemFailures = append(response.BatchItemFailures,
			events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
	}
	b.Logger.Error("a look hangs: the process ends, and another one takes its place", "messages", len(receipts))
	if err := b.Queue.Hide(ctx, receipts, time.Second); err != nil {
		b.Logger.Error("the messages come again only after the queue's own visibility timeout", "err", err)
	}
	if b.Exit == nil {
		os.Exit(1)
	}
	b.Exit(1)
	return response
}
