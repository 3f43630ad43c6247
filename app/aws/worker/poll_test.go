package worker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/firebreak-dev/firebreak/app/aws"
	"github.com/firebreak-dev/firebreak/app/aws/awstest"
	"github.com/firebreak-dev/firebreak/app/aws/worker"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
)

// pollers are processes that share a queue, in virtual time.
type pollers struct {
	t     *testing.T
	aws   *awstest.AWS
	queue *aws.Queue
	url   string

	mu   sync.Mutex
	done []string // "process incident word", in the order in which the looks ended
	now  map[int]int
}

func newPollers(t *testing.T, double *awstest.AWS) *pollers {
	p := &pollers{t: t, aws: double, now: map[int]int{}}
	p.url, _ = double.AddQueue("firebreak.fifo", awstest.QueueOptions{Visibility: 720 * time.Second, Receives: 10})
	p.queue = &aws.Queue{SQS: p.client(), URL: p.url, Now: time.Now}
	return p
}

func (p *pollers) client() *sqs.Client {
	cfg, err := aws.Config(p.aws.Getenv)
	if err != nil {
		p.t.Fatal(err)
	}
	cfg.HTTPClient = p.aws.Client()
	return sqs.NewFromConfig(cfg)
}

func (p *pollers) put(number int, word string) {
	p.t.Helper()
	m := incident.Message{Ref: incident.Ref{Owner: "acme", Repo: "incidents", Number: number}, Why: word,
		Delivery: fmt.Sprintf("%d-%s", number, word)}
	if err := p.queue.Enqueue(p.t.Context(), m, time.Time{}); err != nil {
		p.t.Fatal(err)
	}
}

// cable is what a process reaches SQS by; cut, it reaches nothing, as a process that was killed.
type cable struct {
	*sqs.Client
	isCut atomic.Bool
}

var errCut = errors.New("the process is dead")

func (c *cable) ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput,
	o ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	if c.isCut.Load() {
		return nil, errCut
	}
	return c.Client.ReceiveMessage(ctx, in, o...)
}

func (c *cable) DeleteMessageBatch(ctx context.Context, in *sqs.DeleteMessageBatchInput,
	o ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error) {
	if c.isCut.Load() {
		return nil, errCut
	}
	return c.Client.DeleteMessageBatch(ctx, in, o...)
}

func (c *cable) ChangeMessageVisibilityBatch(ctx context.Context, in *sqs.ChangeMessageVisibilityBatchInput,
	o ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	if c.isCut.Load() {
		return nil, errCut
	}
	return c.Client.ChangeMessageVisibilityBatch(ctx, in, o...)
}

// start starts a process whose looks take so long. kill cuts it off at once, stop ends it as SIGTERM does and
// returns once it has ended.
func (p *pollers) start(name string, takes time.Duration) (kill, stop func()) {
	line := &cable{Client: p.client()}
	log := slog.New(slog.DiscardHandler)
	batch := &worker.Batch{Queue: &aws.Queue{SQS: line, URL: p.url, Now: time.Now}, Tries: 10, Now: time.Now,
		Metrics: metrics.Discard{}, Logger: log, Handle: func(ctx context.Context, m incident.Message) error {
			p.mu.Lock()
			if p.now[m.Ref.Number]++; p.now[m.Ref.Number] > 1 && !line.isCut.Load() {
				p.t.Errorf("two looks at incident %d at once", m.Ref.Number)
			}
			p.mu.Unlock()
			defer func() { p.mu.Lock(); p.now[m.Ref.Number]--; p.mu.Unlock() }()
			select {
			case <-time.After(takes):
			case <-ctx.Done():
				return ctx.Err()
			}
			if line.isCut.Load() {
				return errCut
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			p.done = append(p.done, fmt.Sprintf("%s %d %s", name, m.Ref.Number, m.Why))
			return nil
		}}
	poller := &worker.Poller{SQS: line, URL: p.url, Work: batch.Work, AtOnce: 4, Grace: 25 * time.Second, Logger: log}
	ctx, cancel := context.WithCancel(p.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- poller.Run(ctx) }()
	return func() {
			line.isCut.Store(true)
			p.mu.Lock()
			defer p.mu.Unlock()
			p.now = map[int]int{}
		}, func() {
			cancel()
			if err := <-ended; err != nil {
				p.t.Error(err)
			}
		}
}

// words are what was done at an incident, in order.
func (p *pollers) words(number int) (words []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range p.done {
		var who, word string
		var n int
		if _, err := fmt.Sscan(d, &who, &n, &word); err != nil {
			p.t.Fatal(err)
		}
		if n == number {
			words = append(words, word)
		}
	}
	return words
}

// Two processes outside Lambda share the queue: each incident has one look at a time, in order, and both work. A
// look that takes longer than a message is hidden at first is not begun again elsewhere (A4).
func TestA4ProcessesShareTheQueueInOrder(t *testing.T) {
	double := awstest.New(t, time.Now)
	synctest.Test(t, func(t *testing.T) {
		p := newPollers(t, double)
		var want []string
		for _, word := range []string{"a", "b", "c", "d"} {
			want = append(want, word)
			for number := range 6 {
				p.put(number+1, word)
			}
		}
		_, stopFirst := p.start("first", 45*time.Second)
		_, stopSecond := p.start("second", 45*time.Second)
		time.Sleep(10 * time.Minute)
		for number := range 6 {
			if got := p.words(number + 1); !slices.Equal(got, want) {
				t.Errorf("incident %d: %v, want %v", number+1, got, want)
			}
		}
		by := map[string]int{}
		for _, d := range p.done {
			by[d[:5]]++
		}
		if by["first"] < 6 || by["secon"] < 6 {
			t.Errorf("who worked: %v", by)
		}
		stopFirst()
		stopSecond()
		if left := double.Messages(p.url); len(left) > 0 {
			t.Errorf("%d messages are left", len(left))
		}
	})
}

// What a process had under way that was killed is another's within seconds, and nothing of the incident comes
// before it (A4).
func TestA4AKilledProcessHoldsItsIncidentsForSeconds(t *testing.T) {
	double := awstest.New(t, time.Now)
	synctest.Test(t, func(t *testing.T) {
		p := newPollers(t, double)
		kill, stopDead := p.start("first", time.Minute)
		p.put(1, "a")
		p.put(1, "b")
		time.Sleep(30 * time.Second)
		kill()
		_, stop := p.start("second", time.Second)
		time.Sleep(25 * time.Second)
		if got := p.words(1); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("25 seconds after the kill: %v", got)
		}
		stopDead()
		stop()
		if left := double.Messages(p.url); len(left) > 0 {
			t.Errorf("%d messages are left", len(left))
		}
	})
}

// SIGTERM: nothing new is begun, what is under way ends, and what takes too long is another's.
func TestA4AProcessEndsGracefully(t *testing.T) {
	double := awstest.New(t, time.Now)
	synctest.Test(t, func(t *testing.T) {
		p := newPollers(t, double)
		_, stop := p.start("first", 20*time.Second)
		p.put(1, "a")
		p.put(1, "b")
		time.Sleep(5 * time.Second)
		began := time.Now()
		stop()
		if took := time.Since(began); took > 16*time.Second {
			t.Errorf("it ended after %s", took)
		}
		if got := p.words(1); !slices.Equal(got, []string{"a"}) || len(double.Messages(p.url)) != 1 {
			t.Errorf("done: %v, left: %d", got, len(double.Messages(p.url)))
		}
		_, stopSlow := p.start("slow", time.Hour)
		time.Sleep(5 * time.Second)
		began = time.Now()
		stopSlow()
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("a look that does not end held it up for %s", took)
		}
		_, stop = p.start("next", time.Second)
		time.Sleep(30 * time.Second)
		if got := p.words(1); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("done: %v", got)
		}
		stop()
	})
}

// While SQS can't be reached, it is asked again more and more slowly, and nothing is lost.
func TestAnOutageOfTheQueueIsWaitedOut(t *testing.T) {
	double := awstest.New(t, time.Now)
	synctest.Test(t, func(t *testing.T) {
		p := newPollers(t, double)
		double.Refuse("ReceiveMessage", "ThrottlingException")
		_, stop := p.start("first", time.Second)
		p.put(1, "a")
		time.Sleep(time.Hour)
		if n := len(double.Calls()); n > 400 {
			t.Errorf("%d requests in an hour", n)
		}
		double.Refuse("ReceiveMessage", "")
		time.Sleep(6 * time.Minute)
		if got := p.words(1); !slices.Equal(got, []string{"a"}) {
			t.Errorf("done: %v", got)
		}
		stop()
	})
}
