package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// Thrift. GitHub allows an installation some thousands of calls in an hour, and a look costs four or five of them whether it
// finds one command or ten. While calls are plenty, each command is looked at when it comes. Once an hour's calls would not
// last for the hour, looks at one incident wait for each other, so that more commands share one; where nobody answers the page
// yet nothing waits, and what is not critical waits twice as long.

// lastLook is what the engine keeps in memory of an incident's last look. Without it the next look is made at once.
type lastLook struct {
	at     time.Time
	cursor incident.Cursor
	weight int // how long others go before it; 0: nobody does
}

// alreadySeen tells whether the last look has read the comment that a message is about: then there is nothing to look for.
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

// deferIfLow tells to come back later if calls are scarce and the incident was looked at just now. What is due pages people, and is
// not held.
func (e *Engine) deferIfLow(m Message, now time.Time) error {
	if m.Why == "clock" || m.Ack() != nil || m.Signal() != nil {
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

// staggerRetry lets the most urgent go first when a limit ends that all of them wait for: the others come so much later. What this
// process has not looked at yet counts as urgent.
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

// staggerStep is how much later each step of urgency goes on after a limit.
const staggerStep = 3 * time.Second

// rememberLook keeps what a look has read.
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

// staggerWeight returns how long looks at other incidents go before those at one: 0 where nobody answers the page yet, and nobody
// goes before it.
func staggerWeight(s incident.State, policy incident.Policy) int {
	switch isCritical := policy.Critical(s.Severity); {
	case s.Running() && isCritical && s.IC == "":
		return 0
	case isCritical:
		return 1
	}
	return 2
}
