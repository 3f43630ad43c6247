package engine_test

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/metrics"
)

// Two quick comments of which one look reads both, and behind that look's back something else
// happens: the second comment's message is done with without a look, and must not take what came in
// between with it (A4).
func TestA4WhatHappensBetweenTwoQuickCommentsCounts(t *testing.T) {
	before := down + "carol: /ic\nbob: /oe\ncarol: /ic phase investigate\n"
	for _, c := range []struct {
		name, story, what string
		isSo              func(w *world) bool
	}{
		{"a timer", down + "wait 4m59s", "",
			func(w *world) bool { return slices.Contains(w.pages(), "page/2") }},
		{"a close", before + "bob: /oe fix Renewed\ncarol: /ic phase monitoring\ncarol: /ic agree Gina by phone", "carol closes",
			func(w *world) bool {
				return slices.Contains(w.view().labels(), "phase/closing") && w.view().State == "closed"
			}},
		{"a phase's label", before, "carol labels phase/identify",
			func(w *world) bool { return slices.Contains(w.view().labels(), "phase/identify") }},
		{"a severity's label", before, "carol labels severity/regular",
			func(w *world) bool {
				return slices.Contains(w.view().labels(), "severity/regular") &&
					!slices.Contains(w.view().labels(), "severity/critical")
			}},
		{"an unassignment", before, "carol unassigns bob", func(w *world) bool {
			return !slices.Contains(w.view().assignees(), "bob") && !strings.Contains(w.card(), "bob is")
		}},
		{"a label that may not go", before, "carol unlabels incident", func(w *world) bool {
			return slices.Contains(w.view().labels(), "incident") &&
				slices.ContainsFunc(w.list(),
					func(c commentView) bool { return strings.Contains(c.Body, "/incident decline") })
		}},
		{"a drill's label", before, "carol labels drill", func(w *world) bool {
			return slices.Contains(w.view().labels(), "drill") &&
				strings.Contains(strings.ToLower(w.card()), "drill")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			waiting := &backlog{}
			w.measured = waiting
			w.restart()
			w.tell(c.story)
			if c.isSo(w) {
				t.Fatal("it is so before it happens")
			}
			w.behindALook(func() { w.comment("alice", "/incident note the second comment") }, func() {
				if c.what != "" {
					w.step(steps(c.what)[0])
					w.delivered()
					return
				}
				w.rung(waiting, 2*time.Second)
			})
			w.comment("alice", "/incident note the first comment")
			w.settle()
			w.advance(time.Second)
			if !c.isSo(w) {
				t.Errorf("it is lost: %s %v %v, paged %v, and the card says\n%s", w.view().State,
					w.view().labels(), w.view().assignees(), w.pages(), w.card())
			}
		})
	}
}

// behindALook lets something happen before the next look reads the issue, and something else once
// it has read the timeline.
func (w *world) behindALook(first, then func()) {
	var once, twice sync.Once
	w.replicas.sees(func(req *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
		if strings.HasSuffix(req.URL.Path, "/issues/1") {
			once.Do(first)
		}
		res, err := send()
		if strings.HasSuffix(req.URL.Path, "/timeline") {
			twice.Do(then)
		}
		return res, err
	})
}

// delivered returns once the queue has the webhooks of all that happened.
func (w *world) delivered() {
	for isDelivered := false; !isDelivered; {
		var all []struct{ Status int }
		w.as("", "GET", "/sandbox/deliveries", nil, &all)
		isDelivered = true
		for _, d := range all {
			isDelivered = isDelivered && d.Status != 0
		}
	}
}

// rung sets the product's clock ahead, and returns once a timer that is due by then has become a
// message, while a look is under way. It counts before the clock moves, since the queue may wake
// for reasons of its own as soon as the timer is due.
func (w *world) rung(waiting *backlog, ahead time.Duration) {
	measure := func() float64 {
		if err := w.product.Measure(context.Background()); err != nil {
			w.t.Error(err)
		}
		return waiting.messages()
	}
	before := measure()
	w.ahead.Store(int64(ahead))
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _, _ = w.product.Follow(ctx, clock{w}.Now()) }() // which wakes the queue
	for measure() <= before {
		runtime.Gosched()
	}
	stop()
	<-ended
}

// backlog keeps how many messages wait.
type backlog struct {
	mu sync.Mutex
	n  float64
}

func (b *backlog) Record(m *metrics.Metric, value float64, _ ...string) {
	if m == metrics.QueueMessages {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.n = value
	}
}

func (b *backlog) messages() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.n
}
