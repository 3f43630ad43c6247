package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/firebreak-dev/firebreak/app/aws"
	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
	"github.com/firebreak-dev/firebreak/app/wait"
)

const (
	firstWait = time.Second     // after a failure, doubled each time …
	longest   = 5 * time.Minute // … up to this
	// hidden is how long a message can be kept from being handed out: twelve hours from when it was
	// received, of which this batch used some.
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
	hidden = wait.Message - 15*time.Minute
	// reserve is the time before the function's end in which nothing is worked at any more: what is
	// cut off then is noted as failed, while a function that is ended by force holds up its
	// messages for the queue's whole visibility timeout.
	reserve = 5 * time.Second
)

// Batch hands SQS's batches to a handler, each incident's messages in order and several incidents
// at once.
type Batch struct {
	Handle func(context.Context, incident.Message) error
	Queue  interface {
		Hide(ctx context.Context, receipts []string, d time.Duration) error
		Enqueue(ctx context.Context, m incident.Message, at time.Time) error
	}
	// Tries is how often SQS hands out a message before it puts it aside, the queue's
	// maxReceiveCount; 0: not known.
	Tries   int
	Now     func() time.Time
	Metrics metrics.Recorder // takes how long messages wait
	Logger  *slog.Logger
	Exit    func(status int) // ends the process; nil: os.Exit

	mu   sync.Mutex
	hung int // looks that were given up and still run
}

// Work handles a batch and says which of its messages are to be handed out again. After the first
// failure of an incident the rest of its messages fail untried, which keeps their order.
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
func (b *Batch) Work(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
	if b.isHung() {
		return b.startAnew(ctx, e), nil
	}
	hold, endHold := b.hold(ctx, e)
	defer endHold()
	working := ctx
	if end, ok := ctx.Deadline(); ok {
		var stop context.CancelFunc
		working, stop = context.WithDeadline(ctx, end.Add(-reserve))
		defer stop()
	}
	groups := map[string][]events.SQSMessage{}
	for _, m := range e.Records {
		group := m.Attributes["MessageGroupId"]
		groups[group] = append(groups[group], m)
	}
	failed := make(chan []events.SQSMessage, len(groups)+1)
	var all sync.WaitGroup
	failed <- b.leaveSearches(ctx, hold, groups)
	for group, messages := range groups {
		all.Go(func() { failed <- b.group(ctx, working, hold, group, messages) })
	}
	all.Wait()
	close(failed)
	var response events.SQSEventResponse
	for messages := range failed {
		for _, m := range messages {
			response.BatchItemFailures = append(response.BatchItemFailures,
				events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		}
	}
	return response, nil
}

// searchPause is how long a search waits that came in one batch with others, and mostPauses how often.
const (
	searchPause = 2 * time.Second
	mostPauses  = 5
)

// leaveSearches takes the searches out of a batch that has other messages too, to be handed out again
// soon: SQS hands out nothing more of any incident of a batch before all of the batch is done, and a
// search takes seconds.
func (b *Batch) leaveSearches(ctx context.Context, hold *hold,
	groups map[string][]events.SQSMessage) (left []events.SQSMessage) {
	isAlone := true
	for group := range groups {
		isAlone = isAlone && incident.IsSearchGroup(group)
	}
	if isAlone {
		return nil
	}
	var receipts []string
	for group, messages := range groups {
		if !incident.IsSearchGroup(group) || received(messages[0]) > mostPauses {
			continue
		}
		for _, m := range messages {
			left, receipts = append(left, m), append(receipts, m.ReceiptHandle)
		}
		delete(groups, group)
	}
	if len(left) == 0 {
		return nil
	}
	if err := hold.hide(ctx, receipts, searchPause); err != nil {
		b.Logger.Error("searches come again only after the queue's own visibility timeout", "err", err)
	}
	return left
}

// group handles an incident's messages and returns those that are left.
func (b *Batch) group(ctx, working context.Context, hold *hold, group string,
	messages []events.SQSMessage) []events.SQSMessage {
	messages = withoutRepeatedSweeps(messages)
	for i, m := range messages {
		err := b.one(working, m)
		if err == nil {
			continue
		}
		b.tellAside(ctx, m, err)
		rest := b.wait(m, err)
		b.Logger.Warn("look failed or must wait: its incident's messages come again", "group", group,
			"message", m.MessageId,
			"in", rest, "received", m.Attributes["ApproximateReceiveCount"], "left", len(messages)-i, "err",
			err)
		left := messages[i:]
		if isWaiting(err) {
			left = b.sendAgain(ctx, left, rest)
		} else {
			left = append([]events.SQSMessage{m}, b.sendAgain(ctx, left[1:], rest)...)
		}
		// As long as one message of a group is hidden, none of them is handed out: so all wait for
		// the first.
		receipts := make([]string, len(left))
		for j, l := range left {
			receipts[j] = l.ReceiptHandle
		}
		if err := hold.hide(ctx, receipts, rest); err != nil {
			b.Logger.Error("the messages come again only after the queue's own visibility timeout", "group",
				group, "err", err)
		}
		return left
	}
	return nil
}

// withoutRepeatedSweeps returns an incident's messages without the requests of the sweep that an
// earlier one asks for too: the look for that one begins after all of them were sent. The sweep runs
// every five minutes, as long as SQS knows a message, so while no look works for a day 288 of them
// would wait. What is left out counts as done, and SQS deletes it.
func withoutRepeatedSweeps(messages []events.SQSMessage) (left []events.SQSMessage) {
	known := map[string]bool{}
	for _, record := range messages {
		m, err := aws.Decode(record.Body)
		if err != nil || m.Why != "sweep" {
			left = append(left, record)
			continue
		}
		m.Again = time.Time{} // one that was sent again asks for the same
		request, err := json.Marshal(m)
		if err == nil && known[string(request)] {
			continue
		}
		known[string(request)] = true
		left = append(left, record)
	}
	return left
}

// isWaiting reports whether an error says that a message must wait, and not that it failed.
func isWaiting(err error) bool {
	return errors.As(err, new(*engine.RetryAfter)) || errors.Is(err, engine.ErrUnavailable)
}

// sendAgain sends messages again that did not fail and were handed out so often that SQS, which
// counts only that, would soon put them aside: waiting isn't a failure, however long it takes. It
// returns the others, and what could not be sent. Before that a message waits where it is, which
// keeps its incident's order.
func (b *Batch) sendAgain(ctx context.Context, messages []events.SQSMessage,
	rest time.Duration) (left []events.SQSMessage) {
	for _, record := range messages {
		m, err := aws.Decode(record.Body)
		if received(record) < max(b.Tries/2, 1) || b.Tries == 0 || err != nil {
			left = append(left, record)
			continue
		}
		at := b.Now().Add(max(rest, leastAhead))
		m.Again = at // or SQS would take it for the message that was sent before
		if err := b.Queue.Enqueue(ctx, m, at); err != nil {
			b.Logger.Error("message not sent again: it may be put aside although it only waits", "incident",
				m.Ref.String(), "err", err)
			left = append(left, record)
		}
	}
	return left
}

// leastAhead is how far ahead a message is sent again at least: what is due at once would be the
// delivery that SQS knows already.
const leastAhead = 5 * time.Second

// received returns how often SQS has handed out a message.
func received(record events.SQSMessage) int {
	n, _ := strconv.Atoi(record.Attributes["ApproximateReceiveCount"])
	return n
}

// one handles one message.
func (b *Batch) one(ctx context.Context, record events.SQSMessage) (err error) {
	m, err := aws.Decode(record.Body)
	if err != nil {
		return err
	}
	if sent, err := strconv.ParseInt(record.Attributes["SentTimestamp"], 10, 64); err == nil {
		b.Metrics.Record(metrics.QueueAge, max(0, b.Now().Sub(time.UnixMilli(sent)).Seconds()))
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("the function's time is over: %w", err)
	}
	return b.handle(ctx, m)
}

// tellAside asks for a look that tells people on the incident about a message that SQS puts aside
// now: this was its last try.
func (b *Batch) tellAside(ctx context.Context, record events.SQSMessage, cause error) {
	isLast := b.Tries > 0 && received(record) >= b.Tries ||
		errors.Is(cause, errHung) && received(record) == hungTries
	if !isLast || isWaiting(cause) {
		return
	}
	m, err := aws.Decode(record.Body)
	if err != nil {
		return // it names no incident
	}
	told, ok := engine.AsideMessage(m, cause)
	if !ok {
		return
	}
	if err := b.Queue.Enqueue(ctx, told, time.Time{}); err != nil {
		b.Logger.Error("message put aside, and its incident not told", "incident", m.Ref.String(), "err", err)
	}
}

// wait returns how long a message that failed is hidden: until the time that the failure names, else
// longer each time.
func (b *Batch) wait(m events.SQSMessage, err error) time.Duration {
	var later *engine.RetryAfter
	if errors.As(err, &later) {
		now := b.Now()
		rest := wait.Until(later.Until, now, hidden).Sub(now)
		return min(rest+time.Second-1, hidden).Truncate(time.Second) // whole seconds, and not too early
	}
	if errors.Is(err, errHung) {
		return longest
	}
	return wait.Backoff(firstWait, received(m)-1, longest)
}
