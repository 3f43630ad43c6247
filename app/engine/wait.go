package engine

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
)

// What GitHub's limits hold back. The most urgent goes first, and nothing waits for what is less urgent than itself: a reminder on
// a ticket that must wait for half an hour holds up neither the card nor the next command, though the same look asked for it. So
// what can be derived from the state again is left to a later look, a comment is kept in the state, and only pages, answers and
// the card itself make their message come back.

// as makes the requests of a stage that urgent.
func (p *pass) as(u Urgency, stage func() error) func() error {
	return func() error {
		before := p.ctx
		p.ctx = WithUrgency(before, u)
		defer func() { p.ctx = before }()
		return stage()
	}
}

// owed is when a look comes for what GitHub's limits held back, and how urgent the most urgent of it is.
type owed struct {
	at      time.Time
	urgency Urgency
}

// cardRead is what an incident's card says, as this process knows it. It decides how urgent a look is and nothing else, so it
// may be behind.
type cardRead struct {
	state    incident.State
	policy   incident.Policy
	isPaging bool // a page's mention is not out yet
}

// mostCards bounds how many incidents' cards are known. All are forgotten then: the next look at each is as urgent as a page.
const mostCards = 10_000

// noteCardRead notes what the card says.
func (p *pass) noteCardRead(s incident.State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.cards) >= mostCards {
		clear(p.cards)
	}
	p.cards[p.m.Ref] = cardRead{state: s, policy: p.policy}
}

// notePaging notes whether a page's mention still has to go out.
func (p *pass) notePaging(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, ok := p.cards[p.m.Ref]; ok {
		_, c.isPaging = isPutOff(err)
		p.cards[p.m.Ref] = c
	}
}

// nextPage returns when a timer's look pages somebody next, as far as the card tells, if it is by that time.
func (c cardRead) nextPage(by time.Time) (at time.Time, ok bool) {
	for state := c.state; ; {
		due := incident.Due(state, c.policy)
		if due.IsZero() || due.After(by) {
			return time.Time{}, false
		}
		next, effects := incident.Step(state, incident.Fact{At: due, What: incident.Clock{}}, c.policy)
		if slices.ContainsFunc(effects, func(e incident.Effect) bool { _, ok := e.(incident.Send); return ok }) {
			return due, true
		}
		if !incident.Due(next, c.policy).After(due) {
			return time.Time{}, false
		}
		state = next
	}
}

// pages reports whether a look at that time pages somebody.
func (c cardRead) pages(now time.Time) bool {
	_, ok := c.nextPage(now)
	return ok || c.isPaging
}

// untilPage makes a look come back no later than somebody is to be paged: a timer's look that may wait rings for what comes due
// meanwhile, too.
func (e *Engine) untilPage(ref incident.Ref, until, now time.Time) time.Time {
	e.mu.Lock()
	c, known := e.cards[ref]
	e.mu.Unlock()
	if !known {
		return until
	}
	if at, ok := c.nextPage(until); ok && at.After(now) {
		return at
	}
	return until
}

// urgency returns how urgent the look for a message is. Nobody waits for an incident whose card this process doesn't know: it may
// be new. Of the others the card says whether somebody is to be paged; if every timer's look were as urgent as a page, a hundred
// incidents would leave no room for the cards that those looks have to write.
func (e *Engine) urgency(m Message, now time.Time) Urgency {
	e.mu.Lock()
	c, known := e.cards[m.Ref]
	back := e.owed[m.Ref]
	e.mu.Unlock()
	switch {
	case !known, m.Ack() != nil, m.Signal() != nil, c.pages(now):
		return UrgencyPage
	case m.Why == "clock" && m.Due.Equal(back.at):
		return back.urgency
	case m.Why != "clock" && weightOf(c.state, c.policy) == 0: // whoever answers the page ends the paging
		return UrgencyPage
	}
	return UrgencyCard
}

// briefly is how long a comment waits for GitHub's limits with its message. What must wait longer is put off.
const briefly = time.Minute

// isPutOff reports whether an error is of GitHub's limits, and until when.
func isPutOff(err error) (until time.Time, ok bool) {
	var later *Later
	if errors.As(err, &later) && errors.Is(err, ErrLimited) {
		return later.Until, true
	}
	return time.Time{}, false
}

// putOff keeps a comment in the state if GitHub's limits hold it back for long, so that all else goes on. One without markers
// shows what the card shows, and is not made up for.
func (p *pass) putOff(keys []string, text string, err error) bool {
	until, ok := isPutOff(err)
	if !ok || until.Sub(p.now) <= briefly || UrgencyOf(p.ctx) == UrgencyPage || len(keys) > 0 && !p.state.CanPutOff(keys, text) {
		return false
	}
	p.Logger.Info("comment put off", "incident", p.m.Ref.String(), "until", until)
	if len(keys) > 0 {
		since := p.now
		if fact, ok := strings.CutPrefix(keys[0], "reply/"); ok {
			since = p.when(fact)
		}
		p.result(incident.PutOff{Keys: keys, Text: text, Since: since})
		p.comeBack(until, UrgencyOf(p.ctx))
	}
	return true
}

// comeBack asks for a look for what was left.
func (p *pass) comeBack(at time.Time, u Urgency) {
	if p.back.at.IsZero() || at.Before(p.back.at) {
		p.back.at = at
	}
	p.back.urgency = max(p.back.urgency, u)
}

// leaveForLater leaves what nobody waits for to a later look, if GitHub's limits hold it back or GitHub does not have it yet: the
// next command must not wait behind a ticket. What only this message tells must be done with it.
func (p *pass) leaveForLater(err error) error {
	until, ok := isPutOff(err)
	var later *Later
	if errors.Is(err, ErrNotYet) && errors.As(err, &later) {
		until, ok = later.Until, true
	}
	if !ok || p.m.Pull() != 0 || p.m.Signal() != nil {
		return err
	}
	p.comeBack(until, UrgencyTicket)
	return p.inOrder(p.speak, p.react) // of what was done before
}

// deliverOrLeave leaves the customers' postmortem, which the state owes them, to a later look.
func (p *pass) deliverOrLeave() error {
	err := p.deliver()
	if until, ok := isPutOff(err); ok && p.m.Pull() == 0 {
		p.comeBack(until, UrgencyTicket)
		return nil
	}
	return err
}

// setTimer sets the time of the next look.
func (p *pass) setTimer() error {
	due := incident.Due(p.state, p.policy)
	p.mu.Lock()
	delete(p.owed, p.m.Ref)
	if at := p.back.at; !at.IsZero() && (due.IsZero() || at.Before(due)) {
		due = at
		p.owed[p.m.Ref] = p.back
	}
	p.mu.Unlock()
	return p.Scheduler.Schedule(p.ctx, p.m.Ref, due)
}

// wasGiven reports whether this process gave a comment that reaction: a look that comes back because the card had to wait must not
// take from the card what it waits for.
func (e *Engine) wasGiven(comment int64, how incident.Reaction) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	before, ok := e.given[comment]
	return ok && before == how
}

// noteGiven notes a reaction, of the newest ones.
func (e *Engine) noteGiven(comment int64, how incident.Reaction) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.given) >= 10_000 {
		clear(e.given)
	}
	e.given[comment] = how
}

// waited measures how long something waited until GitHub had it.
func (p *pass) waited(u Urgency, since time.Time) {
	if since.IsZero() || p.lost {
		return
	}
	p.Metrics.Record(metrics.WriteWait, max(0, p.Clock.Now().Sub(since)).Seconds(), u.String())
}
