package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Clock is the virtual clock. It runs at its speed, or is frozen, and jumps when it is advanced.
type Clock struct {
	s      *Sandbox
	speed  float64
	frozen bool

	advancing sync.Mutex // one advance at a time
	mu        sync.Mutex
	base      time.Time
	at        time.Time // when base was set, on the real clock
}

func newClock(s *Sandbox, o Options) *Clock {
	return &Clock{s: s, speed: o.Speed, frozen: o.Frozen, base: o.Start, at: time.Now()}
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.frozen {
		return c.base
	}
	return c.base.Add(time.Duration(float64(time.Since(c.at)) * c.speed))
}

func (c *Clock) set(t time.Time) {
	now := c.Now()
	if t.Before(now) {
		t = now
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base, c.at = t, time.Now()
}

// rate is the speed as a follower must know it.
func (c *Clock) rate() float64 {
	if c.frozen {
		return 0
	}
	return c.speed
}

// Advance lets time pass, from one due time of the follower to the next, and returns when all that
// became due was done.
func (c *Clock) Advance(ctx context.Context, d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("time does not go back: %s", d)
	}
	c.advancing.Lock()
	defer c.advancing.Unlock()
	next, err := c.s.settle(ctx)
	if err != nil {
		return err
	}
	for target := c.Now().Add(d); ; {
		last := next.IsZero() || !next.Before(target)
		if last {
			c.set(target)
		} else {
			c.set(next)
		}
		c.s.noteTime()
		if next, err = c.s.settle(ctx); err != nil || last {
			return err
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("the clock stopped at %s: %w", c.Now().Format(time.RFC3339), err)
		}
	}
}

// Pass lets time pass while the follower is at work, as it does while a request takes long: nothing
// that becomes due is waited for.
func (c *Clock) Pass(d time.Duration) {
	c.set(c.Now().Add(d))
	c.s.noteTime()
}

// noteTime makes pages and snapshot see that the clock jumped.
func (s *Sandbox) noteTime() {
	s.forge.Lock()
	defer s.forge.Unlock()
	s.forge.NotifyWatchers()
}

// follow lets the follower do what is due now.
func (s *Sandbox) follow(ctx context.Context) (time.Time, error) {
	if s.o.Follower != nil {
		return s.o.Follower.Follow(ctx, s.clock.Now())
	}
	s.forge.Lock()
	target, secret := s.forge.HookTarget()
	s.forge.Unlock()
	hook, err := url.Parse(target)
	if err != nil || hook.Host == "" {
		return time.Time{}, nil
	}
	body, err := json.Marshal(map[string]any{"now": s.clock.Now(), "speed": s.clock.rate()})
	if err != nil {
		return time.Time{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hook.Scheme+"://"+hook.Host+"/clock",
		bytes.NewReader(body))
	if err != nil {
		return time.Time{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Hub-Signature-256", sign(secret, body))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return time.Time{}, ctx.Err() // nobody is there to follow
	}
	defer res.Body.Close()
	var answer struct{ Next *time.Time }
	if res.StatusCode != http.StatusOK || json.NewDecoder(res.Body).Decode(&answer) != nil ||
		answer.Next == nil {
		return time.Time{}, ctx.Err() // other Apps' bots don't follow
	}
	return *answer.Next, nil
}
