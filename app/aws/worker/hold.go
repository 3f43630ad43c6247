package worker

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

const (
	// held is how long SQS keeps a batch's messages for this worker, counted from when it last said that
	// it is at work: after that another one takes them. The queue's own visibility timeout is six times as
	// long as the function may take, as Lambda asks, and a worker that died would hold its incidents for it.
	// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
	held = 20 * time.Second
	// holdPace is how often it says so.
	holdPace = 6 * time.Second
)

// hold keeps the messages of a batch from being handed out to another worker while this one works.
type hold struct {
	b *Batch

	mu       sync.Mutex
	receipts map[string]bool // of the messages that are kept
}

// hold begins to hold a batch's messages. The caller ends it before it answers Lambda.
func (b *Batch) hold(ctx context.Context, e events.SQSEvent) (h *hold, end func()) {
	h = &hold{b: b, receipts: map[string]bool{}}
	for _, m := range e.Records {
		h.receipts[m.ReceiptHandle] = true
	}
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		pace := time.NewTicker(holdPace)
		defer pace.Stop()
		for {
			h.renew(ctx)
			select {
			case <-ctx.Done():
				return
			case <-pace.C:
			}
		}
	})
	return h, func() { cancel(); done.Wait() }
}

// renew says that this worker is at work. While that can't be said, the time that SQS knows counts.
func (h *hold) renew(ctx context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var receipts []string
	for r := range h.receipts {
		receipts = append(receipts, r)
	}
	if err := h.b.Queue.Hide(ctx, receipts, held); err != nil && ctx.Err() == nil {
		h.b.Logger.Warn("not said that messages are worked at: they may come twice", "messages", len(receipts), "err", err)
	}
}

// hide hides messages for a time of their own, and holds them no more.
func (h *hold) hide(ctx context.Context, receipts []string, d time.Duration) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range receipts {
		delete(h.receipts, r)
	}
	return h.b.Queue.Hide(ctx, receipts, d)
}
