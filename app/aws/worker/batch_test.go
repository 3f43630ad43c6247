package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/firebreak-dev/firebreak/app/aws/worker"
	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
)

// hides notes what is hidden for how long.
type hides struct {
	mu   sync.Mutex
	seen map[string]time.Duration
	sent []incident.Message
	held int // messages, each time that a worker says that it is at work
}

func (h *hides) Enqueue(_ context.Context, m incident.Message, _ time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sent = append(h.sent, m)
	return nil
}

func (h *hides) Hide(_ context.Context, receipts []string, d time.Duration) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if d == holding {
		h.held += len(receipts)
		return nil
	}
	for _, r := range receipts {
		h.seen[r] = d
	}
	return nil
}

// holding is for how long a worker that is at work keeps its messages; no wait is as long.
const holding = 20 * time.Second

// record is a message as Lambda hands it over; text is what the handler makes of it.
func record(id string, number, received int) events.SQSMessage {
	return events.SQSMessage{MessageId: id, ReceiptHandle: "r" + id,
		Body: fmt.Sprintf(`{"ref":{"owner":"acme","repo":"incidents","number":%d},"why":%q}`, number, id),
		Attributes: map[string]string{"MessageGroupId": fmt.Sprintf("acme/incidents#%d", number),
			"ApproximateReceiveCount": strconv.Itoa(received)}}
}

// work handles records by a handler of their ids, and returns what failed and what was hidden.
func work(t *testing.T, ctx context.Context, handle func(id string) error,
	records ...events.SQSMessage) (tried, failed []string, hidden map[string]time.Duration) {
	t.Helper()
	h := &hides{seen: map[string]time.Duration{}}
	var mu sync.Mutex
	b := worker.Batch{Queue: h, Now: func() time.Time {
		return start
	}, Metrics: metrics.Discard{}, Logger: slog.New(slog.DiscardHandler),
		Handle: func(_ context.Context, m incident.Message) error {
			mu.Lock()
			tried = append(tried, m.Why)
			mu.Unlock()
			return handle(m.Why)
		}}
	out, err := b.Work(ctx, events.SQSEvent{Records: records})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range out.BatchItemFailures {
		failed = append(failed, f.ItemIdentifier)
	}
	slices.Sort(tried)
	slices.Sort(failed)
	return tried, failed, h.seen
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// After the first failure of an incident the rest of its messages fail untried; other incidents go on.
func TestFailuresKeepTheOrder(t *testing.T) {
	tried, failed, hidden := work(t, t.Context(), func(id string) error {
		if id == "1b" || id == "3a" {
			return errors.New("502")
		}
		return nil
	}, record("1a", 1, 1), record("2a", 2, 1), record("1b", 1, 1), record("1c", 1, 1), record("3a", 3, 1),
		record("2b", 2, 1), record("1d", 1, 1))
	expect(t, "tried", tried, "1a", "1b", "2a", "2b", "3a")
	expect(t, "failed", failed, "1b", "1c", "1d", "3a")
	if len(hidden) != 4 || hidden["r1b"] != time.Second || hidden["r1d"] != time.Second {
		t.Errorf("hidden %v", hidden)
	}
}

// A search that came with others is left for the next batch: SQS hands out nothing more of their
// incidents before all of a batch is done (X1).
func TestX1ASearchHoldsUpNothingOfItsBatch(t *testing.T) {
	search := record("search", 1, 1)
	search.Body = `{"ref":{"owner":"acme","repo":"incidents","number":1},"why":"search","sought":{"number":1,"at":"2026-03-02T10:40:00Z"}}`
	search.Attributes["MessageGroupId"] = "~acme/incidents#1"
	done := func(string) error { return nil }
	tried, failed, hidden := work(t, t.Context(), done, search, record("1a", 1, 1))
	expect(t, "tried", tried, "1a")
	expect(t, "failed", failed, "search")
	if hidden["rsearch"] != 2*time.Second {
		t.Errorf("hidden %v", hidden)
	}
	tried, failed, _ = work(t, t.Context(), done, search)
	expect(t, "tried alone", tried, "search")
	expect(t, "failed alone", failed)
	search.Attributes["ApproximateReceiveCount"] = "6"
	tried, _, _ = work(t, t.Context(), done, search, record("1a", 1, 1))
	expect(t, "tried in the end", tried, "1a", "search")
}

func TestHowLongAMessageWaits(t *testing.T) {
	later := func(d time.Duration) error {
		return fmt.Errorf("handle it: %w", &engine.RetryAfter{Until: start.Add(d), Err: errors.New("403")})
	}
	for name, c := range map[string]struct {
		err      error
		received int
		want     time.Duration
	}{
		"a failure":                  {errors.New("502"), 1, time.Second},
		"again":                      {errors.New("502"), 2, 2 * time.Second},
		"the fifth time":             {errors.New("502"), 5, 16 * time.Second},
		"often":                      {errors.New("502"), 12, 5 * time.Minute},
		"for ever":                   {errors.New("502"), 1 << 40, 5 * time.Minute},
		"a count that can't be read": {errors.New("502"), -3, time.Second},
		"later":                      {later(20 * time.Minute), 1, 20 * time.Minute},
		"later, however often":       {later(20 * time.Minute), 12, 20 * time.Minute},
		"later by half a second: a whole one": {later(time.Minute + time.Second/2), 1,
			time.Minute + time.Second},
		"later, which has come by now":          {later(-time.Minute), 1, time.Second},
		"tomorrow, which is more than SQS does": {later(24 * time.Hour), 1, 12*time.Hour - 15*time.Minute},
	} {
		_, _, hidden := work(t, t.Context(), func(string) error { return c.err }, record("a", 1, c.received))
		if hidden["ra"] != c.want {
			t.Errorf("%s: hidden for %s, want %s", name, hidden["ra"], c.want)
		}
	}
}

// A sweep every five minutes of a day in which no look works leaves no more than one batch to be
// handed out: what asks for the same look as an earlier one is done with.
func TestA4SweepsDontPileUp(t *testing.T) {
	var waiting []events.SQSMessage
	sent := 0
	send := func(why string) {
		sent++
		m := record(fmt.Sprint(sent), 1, 1)
		m.Body = strings.Replace(m.Body, fmt.Sprintf(`"why":"%d"`, sent), fmt.Sprintf(`"why":%q`, why), 1)
		waiting = append(waiting, m)
	}
	most, looks := 0, 0
	deliver := func(handle func(why string) error) {
		batch := waiting[:min(len(waiting), 10)]
		tried, failed, _ := work(t, t.Context(), handle, batch...)
		looks += len(tried)
		waiting = slices.DeleteFunc(waiting, func(m events.SQSMessage) bool {
			isOf := func(b events.SQSMessage) bool { return b.MessageId == m.MessageId }
			return slices.ContainsFunc(batch, isOf) && !slices.Contains(failed, m.MessageId)
		})
		most = max(most, len(waiting))
	}
	send("issue_comment.created")
	for range 24 * 12 {
		send("sweep")
		deliver(func(string) error { return engine.ErrUnavailable })
	}
	if most > 2 {
		t.Errorf("%d messages wait, want the comment's and one of the sweep", most)
	}
	for range 30 { // a limit that lasts hides them all
		send("sweep")
	}
	looks = 0
	for len(waiting) > 0 {
		deliver(func(string) error { return nil })
	}
	if looks > 5 {
		t.Errorf("%d looks once GitHub was back, want one for each batch and one for the comment", looks)
	}
}

func TestAPanicFailsItsIncidentAlone(t *testing.T) {
	_, failed, _ := work(t, t.Context(), func(id string) error {
		if id == "1a" {
			panic("the core is wrong")
		}
		return nil
	}, record("1a", 1, 1), record("2a", 2, 1))
	expect(t, "failed", failed, "1a")
}

func TestWhatIsNoMessageFails(t *testing.T) {
	bad := record("1a", 1, 1)
	bad.Body = "hello"
	tried, failed, _ := work(t, t.Context(), func(string) error { return nil }, bad, record("1b", 1, 1))
	expect(t, "tried", tried)
	expect(t, "failed", failed, "1a", "1b")
}

// The last try of a message that always fails is reported on its incident, once (A8).
func TestA8TheLastTryTellsTheIncident(t *testing.T) {
	h := &hides{seen: map[string]time.Duration{}}
	b := worker.Batch{Queue: h, Tries: 3, Now: func() time.Time {
		return start
	}, Metrics: metrics.Discard{}, Logger: slog.New(slog.DiscardHandler),
		Handle: func(context.Context, incident.Message) error { return errors.New("it never works") }}
	for received := 1; received <= 3; received++ {
		if _, err := b.Work(t.Context(),
			events.SQSEvent{Records: []events.SQSMessage{record("1a", 1, received)}}); err != nil {
			t.Fatal(err)
		}
	}
	if len(h.sent) != 1 || h.sent[0].Why != "aside" || h.sent[0].Ref.Number != 1 ||
		h.sent[0].PutAside().Why != "it never works" {
		t.Fatalf("sent %+v", h.sent)
	}
	told := record("1b", 1, 3)
	body, err := json.Marshal(h.sent[0])
	if err != nil {
		t.Fatal(err)
	}
	told.Body = string(body)
	if _, err := b.Work(t.Context(), events.SQSEvent{Records: []events.SQSMessage{told}}); err != nil {
		t.Fatal(err)
	}
	if len(h.sent) != 1 {
		t.Errorf("what tells of a message that was put aside is told of itself: %+v", h.sent)
	}
}

// SQS counts each time that it hands out a message. One that only waits, or waits behind another,
// is sent again before that is too often, for the time when it is to come; one that fails is not.
func TestA4WaitingIsNoFailure(t *testing.T) {
	later := fmt.Errorf("handle it: %w",
		&engine.RetryAfter{Until: start.Add(time.Hour), Err: errors.New("GitHub limits the rate")})
	away := fmt.Errorf("look: %w", engine.ErrUnavailable)
	for name, c := range map[string]struct {
		err             error
		tries, received int
		again, failed   []string
		in              time.Duration
	}{
		"later, for the first time": {err: later, tries: 8, received: 1, failed: []string{"a", "b"}},
		"later, often": {err: later, tries: 8, received: 4, again: []string{"a", "b"},
			in: time.Hour},
		"away, often": {err: away, tries: 8, received: 4, again: []string{"a", "b"},
			in: 8 * time.Second},
		"away, for the last time": {err: away, tries: 8, received: 8, again: []string{"a", "b"},
			in: 128 * time.Second},
		"later, one try":         {err: later, tries: 1, received: 1, again: []string{"a", "b"}, in: time.Hour},
		"how often is not known": {err: later, received: 1000, failed: []string{"a", "b"}},
		"a failure": {err: errors.New("no"), tries: 8, received: 4, again: []string{"b"},
			failed: []string{"a"}, in: 8 * time.Second},
		"the last failure": {err: errors.New("no"), tries: 8, received: 8, again: []string{"aside", "b"},
			failed: []string{"a"}},
	} {
		h := &hides{seen: map[string]time.Duration{}}
		b := worker.Batch{Queue: h, Tries: c.tries, Now: func() time.Time {
			return start
		}, Metrics: metrics.Discard{}, Logger: slog.New(slog.DiscardHandler),
			Handle: func(context.Context, incident.Message) error { return c.err }}
		out, err := b.Work(t.Context(),
			events.SQSEvent{Records: []events.SQSMessage{record("a", 1, c.received),
				record("b", 1, c.received)}})
		if err != nil {
			t.Fatal(err)
		}
		var again, failed []string
		for _, m := range h.sent {
			again = append(again, m.Why)
			if c.in != 0 && !m.Again.Equal(start.Add(c.in)) {
				t.Errorf("%s: %s comes again at %s", name, m.Why, m.Again)
			}
		}
		for _, f := range out.BatchItemFailures {
			failed = append(failed, f.ItemIdentifier)
		}
		expect(t, name+": sent again", again, c.again...)
		expect(t, name+": failed", failed, c.failed...)
		if len(h.seen) != len(failed) {
			t.Errorf("%s: hidden %v", name, h.seen)
		}
	}
}

// What can't be sent again waits where it is.
func TestWhatCannotBeSentAgainIsKept(t *testing.T) {
	b := worker.Batch{Queue: broken{}, Tries: 2, Now: func() time.Time {
		return start
	}, Metrics: metrics.Discard{}, Logger: slog.New(slog.DiscardHandler),
		Handle: func(context.Context, incident.Message) error { return engine.ErrUnavailable }}
	out, err := b.Work(t.Context(), events.SQSEvent{Records: []events.SQSMessage{record("1a", 1, 2)}})
	if err != nil || len(out.BatchItemFailures) != 1 {
		t.Errorf("%v, %v", err, out)
	}
}

// What is not done when the function's time is over is noted as failed before Lambda ends it.
func TestTheEndOfTheFunctionsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		h := &hides{seen: map[string]time.Duration{}}
		b := worker.Batch{Queue: h, Now: time.Now, Metrics: metrics.Discard{},
			Logger: slog.New(slog.DiscardHandler), Handle: func(ctx context.Context, m incident.Message) error {
				<-ctx.Done()
				return ctx.Err()
			}}
		out, err := b.Work(ctx, events.SQSEvent{Records: []events.SQSMessage{record("1a", 1, 1),
			record("2a", 2, 1)}})
		if err != nil || ctx.Err() != nil || len(out.BatchItemFailures) != 2 || len(h.seen) != 2 {
			t.Errorf("%v, %v, failed %v, hidden %v", err, ctx.Err(), out.BatchItemFailures, h.seen)
		}
		// With its time over already nothing is begun.
		over, end := context.WithTimeout(t.Context(), time.Second)
		defer end()
		b.Handle = func(context.Context, incident.Message) error { t.Error("it is handled"); return nil }
		out, err = b.Work(over, events.SQSEvent{Records: []events.SQSMessage{record("1a", 1, 1)}})
		if err != nil || len(out.BatchItemFailures) != 1 {
			t.Errorf("%v, failed %v", err, out.BatchItemFailures)
		}
	})
}

// A look that computes and does not notice that its time is over fails alone, and its incident is
// told at the third try. The next batch goes to a new process, for this one is not rid of it.
func TestAHungLookFailsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		h := &hides{seen: map[string]time.Duration{}}
		exited := 0
		b := worker.Batch{Queue: h, Tries: 50, Now: time.Now, Metrics: metrics.Discard{},
			Logger: slog.New(slog.DiscardHandler), Exit: func(int) {
				exited++
			},
			Handle: func(_ context.Context, m incident.Message) error {
				if m.Why == "1a" {
					<-release
				}
				return nil
			}}
		batch := func(records ...events.SQSMessage) (failed []string) {
			t.Helper()
			ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
			defer stop()
			out, err := b.Work(ctx, events.SQSEvent{Records: records})
			if err != nil || ctx.Err() != nil {
				t.Errorf("%v, %v", err, ctx.Err())
			}
			for _, f := range out.BatchItemFailures {
				failed = append(failed, f.ItemIdentifier)
			}
			return failed
		}
		expect(t, "failed", batch(record("1a", 1, 3), record("1b", 1, 1), record("2a", 2, 1)), "1a", "1b")
		if h.seen["r1a"] != 5*time.Minute || h.seen["r2a"] != 0 {
			t.Errorf("hidden %v", h.seen)
		}
		if len(h.sent) != 1 || h.sent[0].PutAside() == nil ||
			!strings.Contains(h.sent[0].PutAside().Why, "hangs") {
			t.Errorf("told %+v", h.sent)
		}
		expect(t, "failed while it hangs", batch(record("3a", 3, 1)), "3a")
		if exited != 1 || h.seen["r3a"] != time.Second {
			t.Errorf("ended %d times, hidden %v", exited, h.seen)
		}
		close(release)
		synctest.Wait()
		expect(t, "failed once it ended", batch(record("3a", 3, 1)))
	})
}

func TestWhatCannotBeHiddenFailsAllTheSame(t *testing.T) {
	log := &strings.Builder{}
	b := worker.Batch{Queue: broken{}, Now: time.Now, Metrics: metrics.Discard{},
		Logger: slog.New(slog.NewTextHandler(log, nil)),
		Handle: func(context.Context, incident.Message) error { return errors.New("502") }}
	out, err := b.Work(t.Context(), events.SQSEvent{Records: []events.SQSMessage{record("1a", 1, 1)}})
	if err != nil || len(out.BatchItemFailures) != 1 || !strings.Contains(log.String(), "no permission") {
		t.Errorf("%v, %v, %s", err, out, log)
	}
}

type broken struct{}

func (broken) Enqueue(context.Context, incident.Message, time.Time) error {
	return errors.New("no permission")
}

func (broken) Hide(context.Context, []string, time.Duration) error {
	return errors.New("no permission")
}
