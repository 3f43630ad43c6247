package sandbox

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"time"
)

// keptFaults are the faults in force as the snapshot has them. What reads answered before the
// sandbox was closed is not among them: a lag goes back no further than to the state at its
// opening.
type keptFaults struct {
	Rules     []keptRule    `json:",omitempty"`
	Lags      []keptRule    `json:",omitempty"`
	Latency   time.Duration `json:",omitempty"`
	Limit     string        `json:",omitempty"`
	Until     time.Time     `json:",omitzero"`
	Outage    time.Time     `json:",omitzero"`
	Skew      time.Duration `json:",omitempty"`
	Limits    int           `json:",omitempty"` // status of a refusal by the secondary limits, 0: they aren't enforced
	After     string        `json:",omitempty"` // and its Retry-After
	Delay     time.Duration `json:",omitempty"`
	Drop      int           `json:",omitempty"`
	Duplicate int           `json:",omitempty"`
	Shuffle   bool          `json:",omitempty"`
}

// keptRule is a rule or a lag.
type keptRule struct {
	Match   string
	Status  int           `json:",omitempty"`
	Message string        `json:",omitempty"`
	Applied bool          `json:",omitempty"`
	By      time.Duration `json:",omitempty"`
	Left    int
}

// keepFaults returns what is to be kept of the faults.
func (s *Sandbox) keepFaults() (k keptFaults) {
	f, c := s.faults, s.courier
	f.mu.Lock()
	for _, r := range f.rules {
		k.Rules = append(k.Rules, keptRule{Match: r.match.String(), Status: r.status, Message: r.message,
			Applied: r.applied, Left: r.left})
	}
	for _, l := range f.lags {
		k.Lags = append(k.Lags, keptRule{Match: l.match.String(), By: l.by, Left: l.left})
	}
	k.Latency, k.Limit, k.Until, k.Outage, k.Skew = f.latency, f.limit, f.until, f.outage, f.skew
	if f.secondary != nil {
		k.Limits, k.After = f.secondary.status, f.secondary.after
	}
	f.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	k.Delay, k.Drop, k.Duplicate, k.Shuffle = c.delay, c.drop, c.duplicate, c.shuffle != nil
	return k
}

// restoreFaults puts the faults in force again, when the sandbox is opened.
func (s *Sandbox) restoreFaults(k keptFaults) error {
	f, c := s.faults, s.courier
	for _, r := range k.Rules {
		match, err := regexp.Compile(r.Match)
		if err != nil {
			return fmt.Errorf("the fault of %q: %w", r.Match, err)
		}
		f.rules = append(f.rules, &rule{match: match, status: r.Status, message: r.Message, left: r.Left,
			applied: r.Applied})
	}
	for _, l := range k.Lags {
		match, err := regexp.Compile(l.Match)
		if err != nil {
			return fmt.Errorf("the lag of %q: %w", l.Match, err)
		}
		f.lags = append(f.lags, lag{match: match, by: l.By, left: l.Left})
	}
	f.latency, f.limit, f.until, f.outage, f.skew = k.Latency, k.Limit, k.Until, k.Outage, k.Skew
	if k.Limits != 0 {
		f.secondary = &secondary{status: k.Limits, after: k.After}
	}
	c.delay, c.drop, c.duplicate = k.Delay, k.Drop, k.Duplicate
	if k.Shuffle {
		c.shuffle = rand.New(rand.NewPCG(0, 1))
	}
	s.forge.KeepPast(s.clock.Now, f.reach())
	return nil
}

// describeFaults says which faults are in force, for people.
func (s *Sandbox) describeFaults() (all []string) {
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	f, c, now := s.faults, s.courier, s.clock.Now()
	f.mu.Lock()
	times := func(left int) string {
		if left < 0 {
			return "until mended"
		}
		return fmt.Sprintf("%d more", left)
	}
	for _, r := range f.rules {
		say("%s is answered %d (%s)", r.match, r.status, times(r.left))
	}
	for _, l := range f.lags {
		say("%s is %s behind (%s)", l.match, l.by, times(l.left))
	}
	if now.Before(f.outage) {
		say("GitHub is away until %s", momentOf(f.outage))
	}
	if f.limit != "" && now.Before(f.until) {
		say("The %s limit is reached until %s", f.limit, momentOf(f.until))
	}
	if f.secondary != nil {
		say("Secondary limits are enforced")
	}
	if f.skew != 0 {
		say("GitHub's clock is %s ahead", f.skew)
	}
	if f.latency != 0 {
		say("Each call takes %s", f.latency)
	}
	f.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.delay != 0 {
		say("Webhooks come %s late", c.delay)
	}
	if c.drop > 0 {
		say("Webhooks to be lost: %d", c.drop)
	}
	if c.duplicate > 0 {
		say("Webhooks to come twice: %d", c.duplicate)
	}
	if c.shuffle != nil {
		say("Webhooks come in any order")
	}
	return all
}

// momentOf writes a time for people.
func momentOf(t time.Time) string { return t.UTC().Format("2 Jan 15:04:05 UTC") }
