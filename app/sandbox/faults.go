package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"
)

// faults are what goes wrong on demand. They hit the App alone: people must be able to go on.
type faults struct {
	mu      sync.Mutex
	rules   []*rule
	latency time.Duration
	limit   string    // primary or secondary; empty: none
	until   time.Time // when the limit ends, on the virtual clock
	outage  time.Time // when the outage ends, on the virtual clock

	secondary *secondary // GitHub's secondary limits as numbers; nil: they aren't enforced
}

// rule makes some calls fail.
type rule struct {
	match   *regexp.Regexp // of "METHOD path"
	status  int
	left    int  // how often still
	applied bool // what was asked for happens, only the answer is lost
}

// order is a request for faults.
type order struct {
	Match     string `json:"match"`
	Status    int    `json:"status"`
	Count     int    `json:"count"`
	Applied   bool   `json:"applied"`
	Drop      int    `json:"drop_webhooks"`
	Duplicate int    `json:"duplicate_webhooks"`
	Shuffle   *bool  `json:"shuffle_webhooks"`
	Seed      uint64 `json:"seed"`
	Latency   string `json:"latency"`
	RateLimit string `json:"rate_limit"`
	After     string `json:"retry_after"`
	Outage    string `json:"outage"`
	Limits    string `json:"limits"`
}

// orderFaults takes an order. Latency passes on the real clock, all else on the virtual one.
func (s *Sandbox) orderFaults(text []byte) error {
	var o order
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields() // a misspelt fault would be one that never happens
	if err := in.Decode(&o); err != nil {
		return fmt.Errorf("the faults can't be read: %w", err)
	}
	f, now := s.faults, s.clock.Now()
	span := func(text string, fallback time.Duration) (time.Duration, error) {
		if text == "" {
			return fallback, nil
		}
		return time.ParseDuration(text)
	}
	latency, err1 := span(o.Latency, 0)
	limits, after, err2 := o.limits()
	outage, err3 := span(o.Outage, 0)
	match, err4 := regexp.Compile(o.Match)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	if o.RateLimit != "" && o.RateLimit != "primary" && o.RateLimit != "secondary" {
		return fmt.Errorf("rate_limit is primary or secondary, not %q", o.RateLimit)
	}
	if o.Status != 0 && (o.Status < 400 || o.Status > 599) {
		return fmt.Errorf("status is that of an error, not %d", o.Status)
	}
	if o.Match == "" && (o.Status != 0 && limits == nil || o.Count != 0 || o.Applied) {
		return errors.New(`status, count and applied belong to a match, like "POST .*/comments$"`)
	}
	if min(o.Count, o.Drop, o.Duplicate) < 0 || min(latency, after, outage) < 0 {
		return errors.New("numbers and durations can't be negative")
	}
	f.mu.Lock()
	if o.Match != "" {
		r := &rule{match: match, status: o.Status, left: max(1, o.Count), applied: o.Applied}
		if r.status == 0 {
			r.status = http.StatusBadGateway
		}
		f.rules = append(f.rules, r)
	}
	if o.Latency != "" {
		f.latency = latency
	}
	if o.RateLimit != "" {
		f.limit, f.until = o.RateLimit, now.Add(after)
	}
	if limits != nil {
		f.secondary = limits
	}
	if o.Outage != "" {
		f.outage = now.Add(outage)
	}
	f.mu.Unlock()
	c := s.courier
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop += o.Drop
	c.duplicate += o.Duplicate
	if o.Shuffle != nil {
		c.shuffle = nil
		if *o.Shuffle {
			c.shuffle = rand.New(rand.NewPCG(o.Seed, 1))
		}
	}
	return nil
}

// clearFaults mends everything.
func (s *Sandbox) clearFaults() {
	f := s.faults
	f.mu.Lock()
	f.rules, f.latency, f.limit, f.until, f.outage = nil, 0, "", time.Time{}, time.Time{}
	f.secondary = nil
	f.mu.Unlock()
	c := s.courier
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop, c.duplicate, c.shuffle = 0, 0, nil
}

// out tells whether there is an outage.
func (f *faults) out(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return now.Before(f.outage)
}

// hit tells what goes wrong with a call of the App's: a refusal instead of it, or a status that hides that it worked.
func (f *faults) hit(q *request, now time.Time) (refuse *Error, hide int, wait time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	wait = f.latency
	switch {
	case now.Before(f.outage):
		return &Error{Status: http.StatusServiceUnavailable, Message: "Service unavailable"}, 0, wait
	case now.Before(f.until) && f.limit == "secondary":
		// whole seconds, rounded up: whoever waits that long is let through
		left := int64((f.until.Sub(now) + time.Second - 1) / time.Second)
		q.head.Set("Retry-After", strconv.FormatInt(left, 10))
		return &Error{Status: http.StatusForbidden, Message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}, 0, wait
	case now.Before(f.until) && !q.app:
		if b := q.a.budgetOf(q); b != nil {
			spent := budget{resource: b.resource, limit: b.limit, used: b.limit, since: f.until.Add(time.Second - 1)} // of no span: it ends then
			spent.tell(q.head)
			return errRateLimit, 0, wait
		}
	}
	if f.secondary != nil && !q.app {
		if refuse := f.secondary.take(q, now); refuse != nil {
			return refuse, 0, wait
		}
	}
	for n, r := range f.rules {
		if !r.match.MatchString(q.r.Method + " " + q.prefix() + q.r.URL.Path) {
			continue
		}
		if r.left--; r.left == 0 {
			f.rules = append(f.rules[:n:n], f.rules[n+1:]...)
		}
		if r.applied {
			return nil, r.status, wait
		}
		return &Error{Status: r.status, Message: http.StatusText(r.status)}, 0, wait
	}
	return nil, 0, wait
}
