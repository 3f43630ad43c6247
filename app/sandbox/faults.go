package sandbox

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
	"github.com/firebreak-dev/firebreak/app/sandbox/rest"
)

// faults are what goes wrong on demand. They hit the App alone: people must be able to go on.
type faults struct {
	mu      sync.Mutex
	rules   []*rule
	latency time.Duration
	limit   string        // primary or secondary; empty: none
	until   time.Time     // when the limit ends, on the virtual clock
	outage  time.Time     // when the outage ends, on the virtual clock
	lags    []lag         // the newest last
	skew    time.Duration // by how much GitHub's clock is ahead of ours

	secondary *secondary // GitHub's secondary limits as numbers; nil: they aren't enforced
}

// rule makes some calls fail.
type rule struct {
	match   *regexp.Regexp // of "METHOD path"
	status  int
	message string // GitHub's, of the refusal
	left    int    // how often still; negative: for ever
	applied bool   // what was asked for happens, only the answer is lost
}

// lag makes reads answer what was some time ago, as a replica that is behind does.
type lag struct {
	match *regexp.Regexp // of "METHOD path"
	by    time.Duration
	left  int // how many reads still; negative: for ever
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
	Message   string `json:"message"`
	Lag       string `json:"lag"`
	Delay     string `json:"webhook_delay"`
	Skew      string `json:"skew"`
	Limits    string `json:"limits"`
}

// orderFaults takes an order. Latency passes on the real clock, all else on the virtual one. Beyond
// the faults that SANDBOX.md names there are
//
//	{"match":"…","status":404,"count":-1}  for ever; "message" says it in other words than GitHub's usual ones
//	{"match":"…","lag":"10s"}     reads that match answer what was so long ago, but not from before the order;
//	                              webhooks and the answers to writes tell what is new at once. "count" is for how
//	                              many reads, all of them without. "0s" ends what was ordered for the same match
//	{"webhook_delay":"160m"}      what happens from now on is delivered so much later; "0s" ends that, and what waits
//	                              goes out when it was due. DELETE delivers all that waits
//	{"skew":"90s"}                GitHub's clock is ahead of ours, or behind with "-90s"
func (s *Sandbox) orderFaults(text []byte) error {
	var o order
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields() // a misspelt fault would be one that never happens
	if err := in.Decode(&o); err != nil {
		return fmt.Errorf("the faults can't be read: %w", err)
	}
	p, err := o.parse()
	if err != nil {
		return err
	}
	s.faults.add(o, p, s.clock.Now())
	if o.Match != "" || o.Lag != "" {
		s.keepPast()
	}
	s.courier.add(o, p)
	s.forge.Lock()
	defer s.forge.Unlock()
	s.forge.NotifyWatchers()
	return nil
}

// parsedOrder is what the texts of an order mean.
type parsedOrder struct {
	match                   *regexp.Regexp
	latency, outage, behind time.Duration
	delay, skew             time.Duration
	limits                  *secondary    // that are enforced from now on, nil: none
	after                   time.Duration // how long the fault "rate_limit" lasts
}

// parse reads an order, and refuses what contradicts itself.
func (o order) parse() (p parsedOrder, err error) {
	for _, span := range []struct {
		text string
		into *time.Duration
	}{{o.Latency, &p.latency}, {o.Outage, &p.outage}, {o.Lag, &p.behind}, {o.Delay, &p.delay},
		{o.Skew, &p.skew}} {
		if span.text == "" {
			continue
		}
		d, parseErr := time.ParseDuration(span.text)
		*span.into, err = d, errors.Join(err, parseErr)
	}
	var limitsErr, matchErr error
	p.limits, p.after, limitsErr = o.limits()
	p.match, matchErr = regexp.Compile(o.Match)
	if err := errors.Join(err, limitsErr, matchErr); err != nil {
		return p, err
	}
	return p, o.check(p)
}

// check refuses an order that contradicts itself.
func (o order) check(p parsedOrder) error {
	belongsToMatch := o.Status != 0 && p.limits == nil || o.Count != 0 || o.Applied || o.Lag != "" ||
		o.Message != ""
	switch {
	case o.RateLimit != "" && o.RateLimit != "primary" && o.RateLimit != "secondary":
		return fmt.Errorf("rate_limit is primary or secondary, not %q", o.RateLimit)
	case o.Status != 0 && (o.Status < 400 || o.Status > 599):
		return fmt.Errorf("status is that of an error, not %d", o.Status)
	case o.Match == "" && belongsToMatch:
		return errors.New(`status, message, count, applied and lag belong to a match, like "POST .*/comments$"`)
	case o.Lag != "" && (o.Status != 0 || o.Applied || o.Message != ""):
		return errors.New("a match has a lag or a status, not both")
	case o.Count < -1 || min(o.Drop, o.Duplicate) < 0 ||
		min(p.latency, p.after, p.outage, p.behind, p.delay) < 0:
		return errors.New("numbers and durations can't be negative, except a count of -1: for ever")
	}
	return nil
}

// add puts the faults of an order in force.
func (f *faults) add(o order, p parsedOrder, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case o.Lag != "":
		f.lags = slices.DeleteFunc(f.lags, func(l lag) bool { return l.match.String() == o.Match })
		if p.behind > 0 {
			f.lags = append(f.lags, lag{match: p.match, by: p.behind, left: cmp.Or(o.Count, -1)})
		}
	case o.Match != "":
		status := cmp.Or(o.Status, http.StatusBadGateway)
		f.rules = append(f.rules, &rule{match: p.match, status: status,
			message: cmp.Or(o.Message, messageOf(status)),
			left:    cmp.Or(o.Count, 1), applied: o.Applied})
	}
	if o.Skew != "" {
		f.skew = p.skew
	}
	if o.Latency != "" {
		f.latency = p.latency
	}
	if o.RateLimit != "" {
		f.limit, f.until = o.RateLimit, now.Add(p.after)
	}
	if p.limits != nil {
		f.secondary = p.limits
	}
	if o.Outage != "" {
		f.outage = now.Add(p.outage)
	}
}

// add puts the faults of an order in force that concern webhooks.
func (c *courier) add(o order, p parsedOrder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o.Delay != "" {
		c.delay = p.delay
	}
	c.drop += o.Drop
	c.duplicate += o.Duplicate
	if o.Shuffle != nil {
		c.shuffle = nil
		if *o.Shuffle {
			c.shuffle = rand.New(rand.NewPCG(o.Seed, 1))
		}
	}
}

// clearFaults mends everything.
func (s *Sandbox) clearFaults() {
	f := s.faults
	f.mu.Lock()
	f.rules, f.latency, f.limit, f.until, f.outage = nil, 0, "", time.Time{}, time.Time{}
	f.secondary, f.lags, f.skew = nil, nil, 0
	f.mu.Unlock()
	s.keepPast()
	c := s.courier
	c.mu.Lock()
	c.drop, c.duplicate, c.shuffle, c.delay = 0, 0, nil, 0
	c.mu.Unlock()
	s.forge.Lock()
	defer s.forge.Unlock()
	c.release(time.Time{})
	s.forge.NotifyWatchers()
}

// errAway is the answer of whoever is out.
var errAway = &forge.Error{Status: http.StatusServiceUnavailable,
	Message: messageOf(http.StatusServiceUnavailable)}

// keepPast lets the forge keep as much of its past as reads go back.
func (s *Sandbox) keepPast() {
	s.forge.Lock()
	defer s.forge.Unlock()
	s.forge.KeepPast(s.clock.Now, s.faults.reach())
}

// reach returns how far back reads go.
func (f *faults) reach() (most time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.lags {
		most = max(most, l.by)
	}
	return most
}

// ahead returns by how much GitHub's clock is ahead of ours.
func (f *faults) ahead() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.skew
}

// behind returns by how much the answer to a read lags; 0: it doesn't. The lag that was ordered last counts.
func (f *faults) behind(method, path string) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if method != http.MethodGet && method != http.MethodHead {
		return 0
	}
	for n := len(f.lags) - 1; n >= 0; n-- {
		l := &f.lags[n]
		if !l.match.MatchString(method + " /api/v3" + path) {
			continue
		}
		by := l.by
		if l.left--; l.left == 0 {
			f.lags = slices.Delete(f.lags, n, n+1)
		}
		return by
	}
	return 0
}

// messageOf is what GitHub says with a status, where nothing more is known of the reason.
func messageOf(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "Bad credentials"
	case http.StatusForbidden:
		return "Resource not accessible by integration"
	case http.StatusConflict:
		return "Git Repository is empty."
	case http.StatusGone:
		return "Issues are disabled for this repo"
	case http.StatusUnprocessableEntity:
		return "Validation Failed"
	case http.StatusTooManyRequests:
		return tooMany
	case http.StatusUnavailableForLegalReasons:
		return "Repository access blocked"
	case http.StatusInternalServerError, http.StatusBadGateway:
		return "Server Error"
	case http.StatusServiceUnavailable:
		return "No server is currently available to service your request. Sorry about that. " +
			"Please try refreshing and contact us if the problem persists."
	case http.StatusGatewayTimeout:
		return "We couldn't respond to your request in time. Sorry about that. " +
			"Please try resubmitting your request and contact us if the problem persists."
	}
	return http.StatusText(status)
}

// out reports whether there is an outage.
func (f *faults) out(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return now.Before(f.outage)
}

// hit returns what goes wrong with a call of the App's: a refusal instead of it, or one that hides
// that it worked.
func (f *faults) hit(c rest.Call, now time.Time) rest.Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	hit := rest.Fault{Wait: f.latency}
	switch {
	case now.Before(f.outage):
		hit.Refuse = errAway
		return hit
	case now.Before(f.until) && f.limit == "secondary":
		// whole seconds, rounded up: whoever waits that long is let through
		left := int64((f.until.Sub(now) + time.Second - 1) / time.Second)
		c.Header.Set("Retry-After", strconv.FormatInt(left, 10))
		hit.Refuse = &forge.Error{Status: http.StatusForbidden, Message: tooMany}
		return hit
	case now.Before(f.until) && !c.IsOwn && c.IsCosted:
		hit.SpentUntil = f.until
		return hit
	}
	if f.secondary != nil && !c.IsOwn {
		if hit.Refuse = f.secondary.take(c, now); hit.Refuse != nil {
			return hit
		}
	}
	hit.Refuse, hit.Hide = f.applyRules(c)
	return hit
}

// applyRules returns what the first rule that matches a call makes of it.
func (f *faults) applyRules(c rest.Call) (refuse, hide *forge.Error) {
	for n, r := range f.rules {
		if !r.match.MatchString(c.Method + " " + c.Path) {
			continue
		}
		if r.left--; r.left == 0 {
			f.rules = append(f.rules[:n:n], f.rules[n+1:]...)
		}
		refuse := &forge.Error{Status: r.status, Message: r.message}
		if r.applied {
			return nil, refuse
		}
		return refuse, nil
	}
	return nil, nil
}
