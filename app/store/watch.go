package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
)

// How long a look may take, by the wall clock. A look that is ended in time has its context
// cancelled and returns. One that hangs in a computation does not notice: its worker is abandoned
// and replaced. Go can't end a goroutine, so the computation goes on. With too many of them the
// process ends, and its service manager starts it again.
const (
	lookTimeout   = 5 * time.Minute  // an ordinary look takes seconds, a closing of 10,000 comments a minute
	sweepTimeout  = 30 * time.Minute // for the sweep of an installation
	returnTimeout = 10 * time.Second // how long a look may take to return once its context ended
	maxHungTries  = 3                // tries of a message whose look hangs
	maxHung       = 4                // abandoned looks that still run
	// how long a message that could be handed out may wait before the process counts as unhealthy
	maxWait      = 10 * time.Minute
	roundTimeout = time.Minute // how long one round of Run may take
)

// errTooLong is the cause with which a look's context ends.
var errTooLong = errors.New("the look took too long")

// errHung is returned for a look that does not return although its context has ended.
var errHung = errors.New("the look hangs and was given up")

// hold keeps an incident from being handed out after a look at it was abandoned: the next would
// hang too.
type hold struct {
	until time.Time
	count int
}

// handleInTime handles a message within its time limit.
func (s *Store) handleInTime(ctx context.Context, m engine.Message,
	handle func(context.Context, engine.Message) error) error {
	limit := lookTimeout
	if _, ok := m.Sweep(); ok {
		limit = sweepTimeout
	}
	ctx, stop := context.WithTimeoutCause(ctx, limit, errTooLong)
	defer stop()
	ref := m.Group()
	s.mu.Lock()
	s.ends[ref] = time.Now().Add(limit)
	s.mu.Unlock()
	look := &look{id: make(chan []byte, 1), ended: make(chan error, 1)}
	go func() {
		err := errors.New("the look ended without a result")
		defer func() { look.ended <- err; s.recordReturn(look) }()
		look.id <- goroutineID()
		err = recoverPanics(ctx, m, handle)
	}()
	select {
	case err := <-look.ended:
		s.liftHold(ref)
		return err
	case <-ctx.Done():
	}
	patience := time.NewTimer(returnTimeout)
	defer patience.Stop()
	select {
	case err := <-look.ended:
		if err != nil && errors.Is(context.Cause(ctx), errTooLong) {
			s.log.Warn("look ended: it took too long", "incident", ref, "why", m.Why, "delivery",
				m.Delivery, "after", limit)
			s.Metrics.Record(metrics.LooksTooLong, 1, "ended")
			err = fmt.Errorf("%w (%s): %w", errTooLong, limit, err)
		}
		return err
	case <-patience.C:
	}
	if !s.abandon(look, m) {
		return <-look.ended
	}
	return fmt.Errorf("%w after %s", errHung, limit+returnTimeout)
}

// look is a look under way.
type look struct {
	id    chan []byte // of its goroutine
	ended chan error
	hung  bool // it was given up, and counts among those
}

// abandon records that a look hangs, and keeps its incident from the next one for a while. It
// reports false if the look has ended by now.
func (s *Store) abandon(l *look, m engine.Message) bool {
	s.mu.Lock()
	if len(l.ended) > 0 {
		s.mu.Unlock()
		return false
	}
	l.hung = true
	s.hung++
	n := s.hung
	h := s.holds[m.Group()]
	h.count++
	h.until = time.Now().Add(min(lookTimeout<<min(h.count-1, 4), time.Hour))
	s.holds[m.Group()] = h
	s.mu.Unlock()
	s.Metrics.Record(metrics.LooksTooLong, 1, "given up")
	s.log.Error("look given up: it hangs and does not notice that its time is over", "incident",
		m.Ref.String(), "why", m.Why,
		"delivery", m.Delivery, "hung", n, "again", h.until.UTC(), "stack", stackOf(<-l.id))
	if n >= maxHung {
		s.stop(fmt.Errorf("%d looks hang: the process ends, to be started again", n))
	}
	return true
}

// liftHold lets an incident be handed out again: a look at it ended.
func (s *Store) liftHold(ref string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.holds, ref)
}

// recordReturn records that an abandoned look ended after all.
func (s *Store) recordReturn(l *look) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.hung {
		s.hung--
	}
}

// isHeld reports whether an incident is kept from being handed out. The caller holds s.mu.
func (s *Store) isHeld(ref string) bool {
	h, held := s.holds[ref]
	return held && time.Now().Before(h.until)
}

// goroutineID returns the name of the calling goroutine in a dump: "goroutine 12".
func goroutineID() []byte {
	dump := make([]byte, 64)
	dump = dump[:runtime.Stack(dump, false)]
	id, _, _ := bytes.Cut(dump, []byte(" ["))
	return id
}

// stackOf returns the stack of a goroutine.
func stackOf(id []byte) string {
	const most = 4 << 10
	dump := make([]byte, 1<<20)
	dump = dump[:runtime.Stack(dump, true)]
	for one := range bytes.SplitSeq(dump, []byte("\n\n")) {
		if bytes.HasPrefix(one, append(bytes.Clone(id), " ["...)) {
			return string(one[:min(len(one), most)])
		}
	}
	return ""
}

// recordRound records that Run is working.
func (s *Store) recordRound() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastRound = time.Now()
	s.observeClock(s.lastRound)
}

// observeClock records whether the clock jumped, as the clock of an embedded GitHub does, or of a
// machine that slept: what became due by that has waited only since then. The caller holds s.mu.
func (s *Store) observeClock(now time.Time) {
	clock := s.clock.Now()
	if jump := clock.Sub(s.clockAt) - now.Sub(s.wallAt); s.wallAt.IsZero() || jump.Abs() > roundTimeout/2 {
		s.epoch = clock
	}
	s.clockAt, s.wallAt = clock, now
}

// findStall returns an error that says why no work gets done, or nil.
func (s *Store) findStall(ctx context.Context) error {
	now := time.Now()
	s.mu.Lock()
	s.observeClock(now)
	looped, epoch, overdue, held := s.lastRound, s.epoch, s.hung, len(s.holds)
	if s.isWaiting {
		looped = now
	}
	for _, end := range s.ends {
		if now.After(end) {
			overdue++
		}
	}
	s.mu.Unlock()
	switch {
	case looped.IsZero():
		return nil // Run has not begun
	case now.Sub(looped) > roundTimeout:
		return fmt.Errorf("the queue has handed out nothing for %s: it hangs",
			now.Sub(looped).Round(time.Second))
	case overdue >= maxHung:
		return fmt.Errorf("%d looks hang", overdue)
	}
	rows, err := s.db.QueryContext(ctx, selectDueSince, s.clock.Now().UnixNano(), turns+held, listed+held)
	if err != nil {
		return withAdvice("read the queue", s.path, err)
	}
	defer rows.Close()
	for rows.Next() {
		var ref string
		var due int64
		if err := rows.Scan(&ref, &due); err != nil {
			return withAdvice("read the queue", s.path, err)
		}
		since := time.Unix(0, due)
		if since.Before(epoch) {
			since = epoch
		}
		if wait := s.clock.Now().Sub(since); wait > maxWait && s.isAssignable(ref) &&
			!incident.IsChatGroup(ref) { // which waits for Slack
			return fmt.Errorf("%s waits for a worker for %s", ref, wait.Round(time.Second))
		}
	}
	return rows.Err()
}

// isAssignable reports whether an incident could be handed out if a worker were free. Where this process has
// several accounts, it is not what fails while one of them has more to do than its workers can.
func (s *Store) isAssignable(ref string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, busy := s.running[ref]
	isTooMuch := len(s.served) > 1 && s.countOf(accountOf(ref)) >= accountWorkers
	return !busy && !s.isHeld(ref) && !isTooMuch
}
