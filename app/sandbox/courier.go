package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
	"github.com/firebreak-dev/firebreak/app/sandbox/rest"
)

// courier delivers webhooks, one after the other. As on GitHub nothing is tried again without being asked.
type courier struct {
	s      *Sandbox
	client *http.Client

	mu        sync.Mutex
	waiting   []outgoing
	busy      bool
	sent      int // deliveries that were ever queued
	drop      int
	duplicate int
	shuffle   *rand.Rand    // nil: in order
	delay     time.Duration // of what happens from now on
	due       time.Time     // when the next of the delayed ones goes out; zero: there is none
	changed   chan struct{}
	ended     chan struct{}
	done      sync.WaitGroup
}

// outgoing is a delivery that waits for its attempt.
type outgoing struct {
	*forge.Delivery
	isLost bool // its receiver could not be reached when it was queued
}

// hookTimeout is how long GitHub waits for an answer.
// https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks
const hookTimeout = 10 * time.Second

func newCourier(s *Sandbox) *courier {
	return &courier{s: s, client: &http.Client{Timeout: hookTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		changed: make(chan struct{}), ended: make(chan struct{})}
}

// keptDeliveries is how many deliveries are remembered at least; GitHub keeps three days of them.
const keptDeliveries = 5_000

// send queues the webhooks of an event. The forge is locked.
func (c *courier) send(e forge.Event) {
	if url, _ := c.s.forge.HookTarget(); url == "" {
		return
	}
	for _, h := range c.s.views.Webhooks(e) {
		c.accept(h)
	}
}

// accept queues a webhook. The forge is locked. A dropped one is listed as failed and can be asked
// for again, like one that its receiver never answered.
func (c *courier) accept(h rest.Webhook) {
	d := &forge.Delivery{Event: h.Event, Action: h.Action, Payload: h.Payload}
	if h.Repository != nil {
		d.RepositoryID = h.Repository.ID
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.delay > 0 {
		d.Due = c.s.clock.Now().UTC().Add(c.delay)
		c.s.forge.Delayed = append(c.s.forge.Delayed, d)
		c.findDue()
		return
	}
	c.dispatch(d)
}

// findDue notes when the next of the delayed deliveries goes out. The forge is locked.
func (c *courier) findDue() {
	c.due = time.Time{}
	for _, d := range c.s.forge.Delayed {
		if c.due.IsZero() || d.Due.Before(c.due) {
			c.due = d.Due
		}
	}
	c.s.forge.NotifyWatchers()
	c.tell()
}

// release queues the delayed deliveries that are due, or all with the zero time, in the order in which they are
// due. The forge is locked.
func (c *courier) release(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.due.IsZero() || !now.IsZero() && c.due.After(now) {
		return
	}
	var out, stay []*forge.Delivery
	for _, d := range c.s.forge.Delayed {
		if now.IsZero() || !d.Due.After(now) {
			out = append(out, d)
		} else {
			stay = append(stay, d)
		}
	}
	slices.SortStableFunc(out, func(a, b *forge.Delivery) int { return a.Due.Compare(b.Due) })
	c.s.forge.Delayed = stay
	c.findDue()
	for _, d := range out {
		d.Due = time.Time{}
		c.dispatch(d)
	}
}

// nextDue returns when the next of the delayed deliveries goes out; zero: there is none.
func (c *courier) nextDue() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.due
}

// dispatch names a delivery, lists it and queues it, as the faults will have it. The forge is locked,
// and the courier.
func (c *courier) dispatch(d *forge.Delivery) {
	f := c.s.forge
	d.ID, d.At = f.NextID("delivery"), c.s.clock.Now().UTC()
	d.GUID = c.guid(d.ID)
	if c.drop > 0 {
		c.drop--
		d.Done, d.Reason = true, "dropped"
		c.list(d)
		return
	}
	c.list(d)
	c.queue(d)
	if c.duplicate > 0 {
		c.duplicate--
		again := *d
		again.ID, again.Redelivery = f.NextID("delivery"), true
		c.list(&again)
		c.queue(&again)
	}
}

// list adds a delivery to those that can be looked up.
func (c *courier) list(d *forge.Delivery) {
	f := c.s.forge
	f.Deliveries = append(f.Deliveries, d)
	if len(f.Deliveries) > 2*keptDeliveries {
		f.Deliveries = slices.Clone(f.Deliveries[keptDeliveries:])
	}
	c.s.keeper.record(record{Delivery: d})
}

// guid names a delivery. Another sandbox names its deliveries otherwise, so that a receiver that
// knows both confuses none.
func (c *courier) guid(id int64) string {
	h := sign(c.s.o.WebhookSecret, fmt.Appendf(nil, "delivery %d", id))[len("sha256="):]
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:32]
}

// queue lets a delivery be attempted. Whether its receiver can be reached is what it is now: the
// attempt may come a moment later, and a run would not be the same twice.
func (c *courier) queue(d *forge.Delivery) {
	c.waiting = append(c.waiting, outgoing{d, c.s.faults.out(c.s.clock.Now())})
	c.sent++
	c.tell()
}

func (c *courier) tell() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// start sends what waited when the sandbox was closed, and all that comes.
func (c *courier) start() {
	for _, d := range c.s.forge.Deliveries {
		if !d.Done {
			c.queue(d)
		}
	}
	c.findDue()
	c.done.Go(c.work)
}

func (c *courier) stop() {
	close(c.ended)
	c.done.Wait()
}

func (c *courier) work() {
	for {
		c.mu.Lock()
		changed := c.changed
		var next outgoing
		if len(c.waiting) > 0 {
			n := 0
			if c.shuffle != nil {
				n = c.shuffle.IntN(len(c.waiting))
			}
			next = c.waiting[n]
			c.waiting = slices.Delete(c.waiting, n, n+1)
			c.busy = true
		}
		c.mu.Unlock()
		if next.Delivery == nil {
			timer := c.dueTimer()
			select {
			case <-changed:
			case <-timer.C:
				c.s.forge.Lock()
				c.release(c.s.clock.Now())
				c.s.forge.Unlock()
			case <-c.ended:
				timer.Stop()
				return
			}
			timer.Stop()
			continue
		}
		c.deliver(next)
		c.mu.Lock()
		c.busy = false
		c.tell()
		c.mu.Unlock()
		if c.isEnded() {
			return
		}
	}
}

// dueTimer returns a timer that fires when the next delayed delivery is due, on a clock that runs.
func (c *courier) dueTimer() *time.Timer {
	wait := time.Duration(math.MaxInt64)
	due, rate := c.nextDue(), c.s.clock.rate()
	if !due.IsZero() && rate > 0 {
		wait = time.Duration(float64(due.Sub(c.s.clock.Now()))/rate) + time.Millisecond
	}
	return time.NewTimer(wait)
}

// deliver makes one attempt and records it. During an outage nobody is reached, and as always with
// GitHub the attempt is listed as failed and made again only when somebody asks for it.
// https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries
func (c *courier) deliver(d outgoing) {
	c.s.forge.Lock()
	target, secret := c.s.forge.HookTarget()
	appID := c.s.forge.App.ID
	c.s.forge.Unlock()
	head := map[string]string{
		"Content-Type": "application/json", "User-Agent": "GitHub-Hookshot/5a4db8b", "Accept": "*/*",
		"X-GitHub-Event": d.Event, "X-GitHub-Delivery": d.GUID,
		"X-GitHub-Hook-ID":                       fmt.Sprint(forge.HookID),
		"X-GitHub-Hook-Installation-Target-ID":   fmt.Sprint(appID),
		"X-GitHub-Hook-Installation-Target-Type": "integration",
		"X-Hub-Signature":                        signSHA1(secret, d.Payload),
		"X-Hub-Signature-256":                    sign(secret, d.Payload),
	}
	var code int
	var reason, answer string
	answerHead := map[string]string{}
	begin := time.Now()
	if d.isLost {
		reason = "failed to connect to host"
	} else {
		ctx, stop := context.WithCancel(context.Background())
		go func() {
			select {
			case <-c.ended:
				stop()
			case <-ctx.Done():
			}
		}()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(d.Payload))
		var res *http.Response
		if err == nil {
			for k, v := range head {
				req.Header.Set(k, v)
			}
			res, err = c.client.Do(req)
		}
		var timeout net.Error
		switch {
		case err != nil && c.isEnded():
			stop()
			return // it is made when the sandbox is opened again
		case errors.As(err, &timeout) && timeout.Timeout():
			reason = forge.TimedOut
		case err != nil:
			reason = "failed to connect to host"
		default:
			body, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10))
			res.Body.Close()
			code, answer = res.StatusCode, string(body)
			for k := range res.Header {
				answerHead[k] = res.Header.Get(k)
			}
			reason = "OK"
			if code < 200 || code >= 300 {
				reason = fmt.Sprintf("Invalid HTTP Response: %d", code)
			}
		}
		stop()
	}
	c.s.forge.Lock()
	defer c.s.forge.Unlock()
	d.Done, d.Code, d.Reason, d.Duration = true, code, reason, time.Since(begin)
	d.RequestHead, d.ResponseHead, d.ResponseBody = head, answerHead, answer
	c.s.keeper.record(record{Done: d.Delivery})
	c.s.forge.NotifyWatchers()
}

// redeliver queues a delivery once more, under its own guid. The forge is locked.
func (c *courier) redeliver(d *forge.Delivery) *forge.Delivery {
	again := &forge.Delivery{ID: c.s.forge.NextID("delivery"), GUID: d.GUID, Event: d.Event,
		Action: d.Action, RepositoryID: d.RepositoryID, Redelivery: true,
		At: c.s.clock.Now().UTC(), Payload: d.Payload}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list(again)
	c.queue(again)
	return again
}

func (c *courier) isEnded() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

func (c *courier) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent
}

func (c *courier) quiet() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.busy && len(c.waiting) == 0
}

// idle waits until nothing is on its way.
func (c *courier) idle(ctx context.Context) error {
	for {
		c.mu.Lock()
		quiet, changed := !c.busy && len(c.waiting) == 0, c.changed
		c.mu.Unlock()
		if quiet {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("webhooks are still on their way: %w", ctx.Err())
		case <-c.ended:
			return errors.New("the sandbox is closed")
		}
	}
}
