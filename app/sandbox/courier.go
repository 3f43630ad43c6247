package sandbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// courier delivers webhooks, one after the other. As on GitHub nothing is tried again by itself.
type courier struct {
	s      *Sandbox
	client *http.Client

	mu        sync.Mutex
	waiting   []*Delivery
	busy      bool
	sent      int // deliveries that were ever queued
	drop      int
	duplicate int
	shuffle   *rand.Rand // nil: in order
	changed   chan struct{}
	ended     chan struct{}
	done      sync.WaitGroup
}

// hookTimeout is how long GitHub waits for an answer.
// https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks
const hookTimeout = 10 * time.Second

func newCourier(s *Sandbox) *courier {
	return &courier{s: s, client: &http.Client{Timeout: hookTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		changed: make(chan struct{}), ended: make(chan struct{})}
}

// keptDeliveries is how many deliveries are remembered; GitHub keeps three days of them.
const keptDeliveries = 20_000

// send queues a webhook. The store is held.
func (c *courier) send(event, action string, h hookPayload) {
	if c.s.o.WebhookURL == "" {
		return
	}
	st := c.s.st
	d := &Delivery{ID: st.nextID("delivery"), GUID: guid(st.nextID("guid")), Event: event, Action: action, At: c.s.clock.Now().UTC(), Payload: mustJSON(h.body)}
	if h.repo != nil {
		d.RepositoryID = h.repo.ID
	}
	st.Deliveries = append(st.Deliveries, d)
	if n := len(st.Deliveries) - keptDeliveries; n > 0 {
		st.Deliveries = slices.Clone(st.Deliveries[n:])
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drop > 0 {
		c.drop--
		d.Done, d.Reason = true, "dropped"
		return
	}
	c.queue(d)
	if c.duplicate > 0 {
		c.duplicate--
		again := *d
		again.ID, again.Redelivery = st.nextID("delivery"), true
		st.Deliveries = append(st.Deliveries, &again)
		c.queue(&again)
	}
}

func guid(n int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "delivery %d", n))
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func (c *courier) queue(d *Delivery) {
	c.waiting = append(c.waiting, d)
	c.sent++
	c.tell()
}

func (c *courier) tell() {
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *courier) start() { c.done.Go(c.work) }

func (c *courier) stop() {
	close(c.ended)
	c.done.Wait()
}

func (c *courier) work() {
	for {
		c.mu.Lock()
		changed := c.changed
		var next *Delivery
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
		if next == nil {
			select {
			case <-changed:
				continue
			case <-c.ended:
				return
			}
		}
		c.deliver(next)
		c.mu.Lock()
		c.busy = false
		c.tell()
		c.mu.Unlock()
		select {
		case <-c.ended:
			return
		default:
		}
	}
}

// deliver makes one attempt and records it.
func (c *courier) deliver(d *Delivery) {
	head := map[string]string{
		"Content-Type": "application/json", "User-Agent": "GitHub-Hookshot/5a4db8b", "Accept": "*/*", "X-GitHub-Event": d.Event, "X-GitHub-Delivery": d.GUID,
		"X-GitHub-Hook-ID": "1", "X-GitHub-Hook-Installation-Target-ID": fmt.Sprint(c.s.o.AppID), "X-GitHub-Hook-Installation-Target-Type": "integration",
		"X-Hub-Signature-256": sign(c.s.o.WebhookSecret, d.Payload),
	}
	code, reason, answerHead, answer := 0, "", map[string]string{}, ""
	begin := time.Now()
	if c.s.faults.out(c.s.clock.Now()) {
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
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.s.o.WebhookURL, bytes.NewReader(d.Payload))
		var res *http.Response
		if err == nil {
			for k, v := range head {
				req.Header.Set(k, v)
			}
			res, err = c.client.Do(req)
		}
		var timeout net.Error
		switch {
		case errors.As(err, &timeout) && timeout.Timeout():
			reason = "timed out"
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
	c.s.st.mu.Lock()
	defer c.s.st.mu.Unlock()
	d.Done, d.Code, d.Reason, d.Duration = true, code, reason, time.Since(begin)
	d.RequestHead, d.ResponseHead, d.ResponseBody = head, answerHead, answer
	c.s.st.changed()
}

// redeliver queues a delivery once more, under its own guid. The store is held.
func (c *courier) redeliver(d *Delivery) *Delivery {
	again := &Delivery{ID: c.s.st.nextID("delivery"), GUID: d.GUID, Event: d.Event, Action: d.Action, RepositoryID: d.RepositoryID, Redelivery: true,
		At: c.s.clock.Now().UTC(), Payload: d.Payload}
	c.s.st.Deliveries = append(c.s.st.Deliveries, again)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue(again)
	return again
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

// ping is GitHub's first delivery to a new hook.
func (s *Sandbox) ping() {
	s.courier.send("ping", "", hookPayload{body: fields{"zen": "Keep it logically awesome.", "hook_id": 1, "hook": fields{
		"type": "App", "id": 1, "name": "web", "active": true, "app_id": s.o.AppID, "events": hookEvents, "config": s.hookConfig(),
		"updated_at": stamp(s.clock.Now()), "created_at": stamp(s.clock.Now()), "deliveries_url": s.st.api("/app/hook/deliveries")}}})
}

func (s *Sandbox) hookConfig() fields {
	return fields{"content_type": "json", "insecure_ssl": "0", "secret": "********", "url": s.o.WebhookURL}
}
