package worker_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/firebreak-dev/firebreak/app/aws/worker"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
)

// visibility is what SQS knows of messages: until when each is kept from other workers.
type visibility struct {
	mu    sync.Mutex
	until map[string]time.Time
	fails bool
}

func (v *visibility) Hide(_ context.Context, receipts []string, d time.Duration) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.fails {
		return errors.New("SQS throttles")
	}
	for _, r := range receipts {
		v.until[r] = time.Now().Add(d)
	}
	return nil
}

func (v *visibility) Enqueue(context.Context, incident.Message, time.Time) error { return nil }

func (v *visibility) left(receipt string) time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	return time.Until(v.until[receipt])
}

// A worker that dies holds its incidents for seconds: SQS keeps a message only as long as the worker
// says that it is at work, whatever the queue's own visibility timeout. Those that wait for a time of
// their own are held no more (A4).
func TestA4ADeadWorkerHoldsItsIncidentsForSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &visibility{until: map[string]time.Time{}}
		b := worker.Batch{Queue: v, Now: time.Now, Metrics: metrics.Discard{}, Logger: slog.New(slog.DiscardHandler),
			Handle: func(ctx context.Context, m incident.Message) error {
				if m.Why == "2a" {
					return errors.New("502")
				}
				for range 90 {
					<-time.After(time.Second)
					if left := v.left("r1a"); left <= 0 || left > 20*time.Second {
						t.Errorf("another worker gets it in %s", left)
					}
				}
				if left := v.left("r2a"); left > 0 {
					t.Errorf("one that failed a minute ago is kept for %s", left)
				}
				return nil
			}}
		ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
		defer stop()
		out, err := b.Work(ctx, events.SQSEvent{Records: []events.SQSMessage{record("1a", 1, 1), record("2a", 2, 1)}})
		if err != nil || len(out.BatchItemFailures) != 1 {
			t.Errorf("%v, failed %v", err, out.BatchItemFailures)
		}
		until := v.until["r1a"]
		<-time.After(time.Minute)
		if v.until["r1a"] != until {
			t.Error("it is held after the batch")
		}
	})
}

// Where SQS doesn't take it, the work goes on: the queue's own visibility timeout is longer than it takes.
func TestAMessageThatCantBeHeldIsHandled(t *testing.T) {
	v := &visibility{until: map[string]time.Time{}, fails: true}
	b := worker.Batch{Queue: v, Now: time.Now, Metrics: metrics.Discard{}, Logger: slog.New(slog.DiscardHandler),
		Handle: func(context.Context, incident.Message) error { return nil }}
	out, err := b.Work(t.Context(), events.SQSEvent{Records: []events.SQSMessage{record("1a", 1, 1)}})
	if err != nil || len(out.BatchItemFailures) != 0 {
		t.Errorf("%v, failed %v", err, out.BatchItemFailures)
	}
}
