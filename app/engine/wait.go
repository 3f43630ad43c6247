package engine

import (
	"errors"
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

// urgency returns how urgent the look for a message is. Who is to be paged is seen only by looking, and nobody waits for an
// incident that this process doesn't know: it may be new. A look for work that was left is as urgent as that.
func (e *Engine) urgency(m Message) Urgency {
	e.mu.Lock()
	defer e.mu.Unlock()
	if at, ok := e.owed[m.Ref]; ok && m.Why == "clock" && m.Due.Equal(at) {
		return UrgencyTicket
	}
	if h, known := e.heard[m.Ref]; !known || h.weight == 0 || m.Why == "clock" || m.Ack != nil || m.Signal != nil {
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
	if !ok || until.Sub(p.now) <= briefly || UrgencyOf(p.ctx) == UrgencyPage || len(keys) > 0 && !p.state.CanPutOff(text) {
		return false
	}
	p.Logger.Info("comment put off", "incident", p.m.Ref.String(), "until", until)
	if len(keys) > 0 {
		p.result(incident.PutOff{Keys: keys, Text: text})
		p.comeBack(until)
	}
	return true
}

// comeBack asks for a look for what was left.
func (p *pass) comeBack(at time.Time) {
	if p.back.IsZero() || at.Before(p.back) {
		p.back = at
	}
}

// leaveForLater leaves what nobody waits for to a later look, if GitHub's limits hold it back. What only this message tells must be done
// with it.
func (p *pass) leaveForLater(err error) error {
	until, ok := isPutOff(err)
	if !ok || p.m.Pull != 0 || p.m.Signal != nil {
		return err
	}
	p.comeBack(until)
	return p.inOrder(p.speak, p.react) // of what was done before
}

// deliverOrLeave leaves the customers' postmortem, which the state owes them, to a later look.
func (p *pass) deliverOrLeave() error {
	err := p.deliver()
	if until, ok := isPutOff(err); ok && p.m.Pull == 0 {
		p.comeBack(until)
		return nil
	}
	return err
}

// setTimer sets the time of the next look.
func (p *pass) setTimer() error {
	due := incident.Due(p.state, p.policy)
	p.mu.Lock()
	delete(p.owed, p.m.Ref)
	if !p.back.IsZero() && (due.IsZero() || p.back.Before(due)) {
		due = p.back
		p.owed[p.m.Ref] = due
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
