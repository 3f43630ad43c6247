package engine

import (
	"errors"
	"slices"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// What GitHub's limits hold back. The most urgent goes first, and nothing waits for what is less
// urgent: a reminder on a ticket that must wait for half an hour holds up neither the card nor the
// next command, although the same look asked for it. What can be derived from the state again is
// left to a later look, a comment is kept in the state, and only pages, answers and the card itself
// make their message come back.

// knownCard is what an incident's card says, as this process knows it. It decides how urgent a look
// is, and shows people who were paged what is known, so it may be behind.
type knownCard struct {
	state    incident.State
	policy   incident.Policy
	isPaging bool // a page's mention is not out yet

	title, url string // of the issue, for the page of a link (I8)
}

// mostCards bounds how many incidents' cards are known. All are forgotten then: the next look at
// each is as urgent as a page.
const mostCards = 10_000

// rememberKnownCard notes what the card says.
func (r *reconciliation) rememberKnownCard(s incident.State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.knownCards) >= mostCards {
		clear(r.knownCards)
	}
	r.knownCards[r.Ref] = knownCard{state: s, policy: r.Policy, title: r.Snapshot.Title, url: r.Snapshot.URL}
}

// withFreezeLooks returns the state of a card with when its freezes are looked at next, as far as this process knows
// better: the card is not written for that alone.
func (r *reconciliation) withFreezeLooks(s incident.State) incident.State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return s.LaterFreezeLooks(r.knownCards[r.Ref].state)
}

// rememberPaging notes whether a page's mention still has to go out.
func (r *reconciliation) rememberPaging(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, ok := r.knownCards[r.Ref]; ok {
		_, c.isPaging = ports.IsPutOff(err)
		r.knownCards[r.Ref] = c
	}
}

// nextPage returns when a timer's look pages somebody next, as far as the card says, if that is by
// a time.
func (c knownCard) nextPage(by time.Time) (at time.Time, ok bool) {
	for state := c.state; ; {
		due := incident.Due(state, c.policy)
		if due.IsZero() || due.After(by) {
			return time.Time{}, false
		}
		next, effects := incident.Step(state, incident.Fact{At: due, What: incident.Clock{}}, c.policy)
		if slices.ContainsFunc(effects,
			func(e incident.Effect) bool { _, ok := e.(incident.Send); return ok }) {
			return due, true
		}
		if !incident.Due(next, c.policy).After(due) {
			return time.Time{}, false
		}
		state = next
	}
}

// pagesAt reports whether a look at that time pages somebody.
func (c knownCard) pagesAt(now time.Time) bool {
	_, ok := c.nextPage(now)
	return ok || c.isPaging
}

// untilPage returns the earlier of until and the incident's next page: a timer's look that may wait
// still rings for what comes due in between.
func (e *Engine) untilPage(ref incident.Ref, until, now time.Time) time.Time {
	e.mu.Lock()
	c, known := e.knownCards[ref]
	e.mu.Unlock()
	if !known {
		return until
	}
	if at, ok := c.nextPage(until); ok && at.After(now) {
		return at
	}
	return until
}

// urgency returns how urgent the look for a message is. Nobody waits for an incident whose card
// this process doesn't know: it may be new. Of the others the card says whether somebody is to be
// paged; if every timer's look were as urgent as a page, a hundred incidents would leave no room
// for the cards that those looks have to write.
func (e *Engine) urgency(m Message, now time.Time) Urgency {
	e.mu.Lock()
	c, known := e.knownCards[m.Ref]
	back := e.deferrals[m.Ref]
	e.mu.Unlock()
	switch {
	case !known, isAnswer(m), m.Signal() != nil, c.pagesAt(now):
		return UrgencyPage
	case m.Why == "clock" && m.Due.Equal(back.At):
		return back.Urgency
	// whoever answers the page ends the paging
	case m.Why != "clock" && staggerWeight(c.state, c.policy) == 0:
		return UrgencyPage
	}
	return UrgencyCard
}

// deferRest defers what nobody waits for to a later look if GitHub's limits hold it back, or GitHub
// does not have it yet: the next command must not wait behind a ticket. What only this message says
// can't be deferred.
func (r *reconciliation) deferRest(err error) error {
	until, ok := ports.IsPutOff(err)
	var later *RetryAfter
	if errors.Is(err, ErrNotYet) && errors.As(err, &later) {
		until, ok = later.Until, true
	}
	if !ok || r.m.Pull() != 0 || r.m.Signal() != nil {
		return err
	}
	r.DeferUntil(until, UrgencyTicket)
	return inOrder(r.comments.Apply, r.react) // of what was done before
}

// deliverOrDefer delivers the customers' postmortem, which the state owes them, or defers it to a
// later look.
func (r *reconciliation) deliverOrDefer() error {
	err := r.postmortem.Deliver()
	if until, ok := ports.IsPutOff(err); ok && r.m.Pull() == 0 {
		r.DeferUntil(until, UrgencyTicket)
		return nil
	}
	return err
}

// setTimer sets the time of the next look.
func (r *reconciliation) setTimer() error {
	due := incident.Due(r.State, r.Policy)
	r.mu.Lock()
	delete(r.deferrals, r.Ref)
	if at := r.Deferral.At; !at.IsZero() && (due.IsZero() || at.Before(due)) {
		due = at
		r.deferrals[r.Ref] = r.Deferral
	}
	r.mu.Unlock()
	if at := r.nextWay; !at.IsZero() && (due.IsZero() || at.Before(due)) {
		due = at
	}
	return r.Scheduler.Schedule(r.Ctx, r.Ref, due)
}
