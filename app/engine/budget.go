package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// GitHub allows an installation some thousands of calls in an hour, and a look costs four or five
// of them whether it finds one command or ten. While calls are plenty, each command is looked at
// when it comes. Once the calls would not last for the hour, looks at one incident wait for each
// other, so that more commands share one. Incidents whose page nobody has answered never wait, and
// those that are not critical wait twice as long.

// lastLook is what the engine keeps in memory of an incident's last look. Without it the next look
// is made at once.
type lastLook struct {
	at     time.Time
	cursor incident.Cursor
	weight int // how long others go before it; 0: nobody does
}

// alreadySeen reports whether the last look read the comment that a message is about: then another
// look would find nothing.
func (e *Engine) alreadySeen(m Message) bool {
	c := m.Comment()
	if c == nil || c.Editor != "" || m.Pull() != 0 {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	id := fmt.Sprintf("c%d", c.ID)
	last, ok := e.lastLooks[m.Ref]
	return ok && (last.cursor.Knows(id, c.Created) || last.cursor.Knows(id+".0", c.Created))
}

// deferIfLow returns a *RetryAfter if calls are low and the incident was looked at just now. What
// is due pages people, and is never deferred.
func (e *Engine) deferIfLow(m Message, now time.Time) error {
	if m.Why == "clock" || isAnswer(m) || m.Signal() != nil {
		return nil
	}
	left := e.GitHub.RateBudget(m.Ref)
	if !left.IsLow(now) {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	last, ok := e.lastLooks[m.Ref]
	if !ok || last.weight == 0 {
		return nil
	}
	n := 0
	for _, h := range e.lastLooks {
		if now.Sub(h.at) < time.Hour {
			n += h.weight
		}
	}
	until := last.at.Add(time.Duration(last.weight) * left.Interval(now, n))
	if !until.After(now) {
		return nil
	}
	return &RetryAfter{Until: until, Err: errors.New("GitHub's calls must last for the hour")}
}

// staggerRetry staggers retries after a rate limit so that the most urgent incidents go first.
// Incidents not seen yet count as urgent.
func (r *reconciliation) staggerRetry(err error) error {
	var later *RetryAfter
	if !errors.As(err, &later) || !errors.Is(err, ErrLimited) {
		return err
	}
	if later.IsReserved {
		return &RetryAfter{Until: r.untilPage(r.Ref, later.Until, r.Now), Err: later.Err, IsReserved: true}
	}
	r.mu.Lock()
	weight := r.Engine.lastLooks[r.Ref].weight
	r.mu.Unlock()
	until := later.Until.Add(time.Duration(weight) * staggerStep)
	return &RetryAfter{Until: r.untilPage(r.Ref, until, r.Now), Err: later.Err}
}

// staggerStep is how much later each weight goes on after a limit.
const staggerStep = 3 * time.Second

// rememberLook remembers what a look read.
func (r *reconciliation) rememberLook() {
	weight := staggerWeight(r.State, r.Policy)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.State.Running() {
		delete(r.lastLooks, r.Ref)
		return
	}
	r.lastLooks[r.Ref] = lastLook{at: r.Now, cursor: r.State.Cursor, weight: weight}
}

// staggerWeight returns how many steps looks at an incident wait behind those at others: 0 for one
// whose page nobody has answered.
func staggerWeight(s incident.State, policy incident.Policy) int {
	switch isCritical := policy.Critical(s.Severity); {
	case s.Running() && isCritical && s.IC == "":
		return 0
	case isCritical:
		return 1
	}
	return 2
}
