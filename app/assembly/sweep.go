package assembly

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
)

// How far back a sweep looks: at the start as far as GitHub keeps deliveries, later as far as the
// one before, and a little more, since what GitHub finds is a little behind.
// https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks
const (
	deliveriesKept = 3 * 24 * time.Hour
	sweepMargin    = 10 * time.Minute
)

// A sweep of 10,000 installations in five minutes, and the limits that it keeps to:
//
//   - Searches: two for each installation, and seven once an hour: 2.4 on average, so 24,000. GitHub
//     allows an installation 30 a minute, of which a sweep uses at most seven unless much changed. With
//     sweptAtOnce = 30 of them under way and 0.3 s each they take 24,000 × 0.3 s / 30 = 240 s. GitHub
//     allows 100 requests at once.
//   - Tokens: each lives for an hour and comes from one endpoint of the App itself (by its JWT), of
//     which GitHub allows 900 points a minute, 180 tokens: 10,000 tokens take 56 minutes, however they
//     are asked for. So a sweep asks for tokensPerSweep = 750 new ones, 150 a minute, and leaves the
//     rest to those who work at incidents. Nine of ten installations have a token at any time and are
//     swept every five minutes, the tenth once its turn comes; each goes on from where it was. Up to
//     750 installations every one is swept every five minutes.
//   - The list of installations: 100 pages, 20 s. The list of failed deliveries: one call.
//
// Together 265 s. A sweep that has less time, as a Lambda function has 240 s, ends before its time
// is over, and the next one begins with those that were left.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
const (
	sweptAtOnce    = 30
	tokensPerSweep = 750
	tokenLife      = 55 * time.Minute // after which a new one is asked for, a little before its hour is over
	sweepReserve   = 20 * time.Second // before the end of the sweep's time, in which none is begun
)

// Each open incident is looked at once an hour although nothing changed: its timer may be lost.
// When follows from the clock and the installation's number alone, so that it needs no memory and
// installations take turns.
const (
	sweepEvery = 5 * time.Minute
	wholeEvery = time.Hour
	// mostOpen is how many open incidents of an installation are looked at in an hour. Where there
	// are more, they take turns by their number: a look that finds nothing new costs two calls,
	// which are free of the hour's calls while their answers are kept.
	mostOpen = 500
)

// sweeper finds what was lost on the way (A4): webhooks that never arrived are delivered again,
// each incident that changed is looked at, and once an hour each of which something may be due.
// Where nothing was lost it changes nothing. Each installation has its own sweep: what fails for
// one is its own failure, and the others go on.
type sweeper struct {
	app     *github.App
	queue   engine.Queue
	clock   engine.Clock
	metrics metrics.Recorder
	log     *slog.Logger

	// how far back the first sweep looks; zero: as far as GitHub keeps deliveries
	since time.Time
	// nothing is known of before, timers neither: every incident is looked at
	isBlank bool
	// the first sweep looks at each open incident, since the process was down
	isFirst bool
	isWhole func(id int64, start time.Time) bool // whether an installation's turn for that has come
	// over how long the looks at unchanged incidents are asked for; 0: at once
	spread time.Duration

	aside Aside // nil: nothing is taken back

	delivered time.Time // how far back the next sweep looks for lost webhooks

	mu       sync.Mutex
	progress map[int64]*progress // by installation
}

// Aside holds the messages that were put aside.
type Aside interface {
	// TakeBack has those handled again whose turn has come, and returns how many.
	TakeBack(ctx context.Context) (int, error)
}

// next sweeps all installations, each as far back as its own last one that went well. It returns
// what the operator has to see to: that GitHub is out, or the App itself refused, or the queue not
// written. What one installation refuses is logged when it begins and when it ends, and counted.
func (s *sweeper) next(ctx context.Context) error {
	start := s.clock.Now()
	if s.since.IsZero() {
		s.since = start.Add(-deliveriesKept)
	}
	if s.delivered.IsZero() {
		s.delivered = s.since
	}
	err := errors.Join(s.redeliver(ctx, start), s.sweepAll(ctx, start))
	if err != nil {
		s.metrics.Record(metrics.Sweeps, 1, "failed")
		return err
	}
	s.metrics.Record(metrics.Sweeps, 1, "done")
	s.metrics.Record(metrics.GoodSweeps, 1)
	return s.takeBack(ctx)
}

// takeBack has what was put aside handled again, once a sweep went well: what failed may work now.
func (s *sweeper) takeBack(ctx context.Context) error {
	if s.aside == nil {
		return nil
	}
	n, err := s.aside.TakeBack(ctx)
	if err != nil {
		return err
	}
	if n > 0 {
		s.log.Info("messages that were put aside are tried again", "count", n)
	}
	return nil
}

// redeliver asks for the webhooks that never arrived.
func (s *sweeper) redeliver(ctx context.Context, start time.Time) error {
	r, err := s.app.Redeliver(ctx, s.delivered)
	if r.Asked > 0 {
		s.log.Warn("webhooks had not arrived and are delivered again", "count", r.Asked, "left", r.Left)
	}
	if len(r.Refused) > 0 {
		s.log.Warn(
			"webhooks had not arrived and GitHub does not deliver them again: their incidents are looked at if they changed",
			"count",
			len(r.Refused),
			"err",
			r.Refused[0],
		)
	}
	if err == nil && r.Left == 0 {
		s.delivered = start.Add(-sweepMargin)
	}
	return err
}

// sweepAll sweeps the installations side by side.
func (s *sweeper) sweepAll(ctx context.Context, start time.Time) error {
	if _, err := s.app.Login(ctx); err != nil {
		return err
	}
	all, err := s.app.Installations(ctx)
	if err != nil {
		return err
	}
	chosen, left := s.choose(all, start)
	if left > 0 {
		s.log.Info("installations wait for a later sweep: the token limit is used up for now", "count", left)
	}
	var tally tally
	var workers sync.WaitGroup
	next := make(chan github.Installation)
	for range min(sweptAtOnce, len(chosen)) {
		workers.Go(func() {
			for inst := range next {
				tally.add(s.sweepOne(ctx, inst, start, false))
			}
		})
	}
	for _, inst := range chosen {
		if isOver(ctx) || tally.isOut() {
			break
		}
		next <- inst
	}
	close(next)
	workers.Wait()
	return errors.Join(tally.failure(), s.ask(ctx, tally.unchanged, s.spread))
}

// isOver reports whether the time of a sweep is over, so that nothing is begun any more.
func isOver(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && time.Until(end) < sweepReserve
}

// choose returns the installations that are swept now, and how many have to wait. What is suspended
// is left out.
func (s *sweeper) choose(
	all []github.Installation,
	start time.Time,
) (chosen []github.Installation, left int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.progress
	s.progress = map[int64]*progress{} // of those that are gone nothing is kept
	var fresh []github.Installation
	tried := map[int64]time.Time{}
	for _, inst := range all {
		p := before[inst.ID]
		if p == nil {
			p = s.begin(start)
		}
		s.progress[inst.ID] = p
		p.mu.Lock()
		hasToken := start.Sub(p.token) < tokenLife
		tried[inst.ID] = p.tried
		p.mu.Unlock()
		switch {
		case inst.Suspended:
			s.note(inst, p, "suspended", nil)
		case hasToken:
			chosen = append(chosen, inst)
		default:
			fresh = append(fresh, inst)
		}
	}
	s.isBlank, s.isFirst = false, false
	// A new process knows of no turns: then they follow from the clock.
	slices.SortFunc(fresh, func(a, b github.Installation) int { return int(a.ID - b.ID) })
	if n := len(fresh); n > tokensPerSweep {
		first := int(start.Unix() / int64(sweepEvery.Seconds()) % int64(n) * tokensPerSweep % int64(n))
		fresh = slices.Concat(fresh[first:], fresh[:first])
		slices.SortStableFunc(fresh, func(a, b github.Installation) int {
			return tried[a.ID].Compare(tried[b.ID])
		})
		left = n - tokensPerSweep
		fresh = fresh[:tokensPerSweep]
	}
	for _, inst := range fresh {
		p := s.progress[inst.ID]
		p.mu.Lock()
		p.token = start
		p.mu.Unlock()
	}
	return append(chosen, fresh...), left
}

// sweepOne sweeps one installation. It asks for a look at each incident that changed, and returns
// the unchanged ones of which something may be due, if it is the time to look at those.
func (s *sweeper) sweepOne(
	ctx context.Context,
	inst github.Installation,
	start time.Time,
	isAsked bool,
) (unchanged []engine.Message, kind string, err error) {
	p := s.of(inst.ID, start)
	p.turn.Lock()
	defer p.turn.Unlock()
	whole := isAsked || p.isWhole || s.isWhole != nil && s.isWhole(inst.ID, start)
	since := p.since
	if whole && since.After(start.Add(-deliveriesKept)) {
		since = start.Add(-deliveriesKept) // closed ones in which an effect was refused: see gh.App.Open
	}
	if p.reached == nil {
		p.reached = github.Progress{}
	}
	changed, err := s.app.ChangedSince(ctx, inst, since, p.reached)
	var open []engine.Message
	if err == nil && whole {
		open, err = s.app.OpenIncidents(ctx, inst, p.reached)
	}
	if err == nil && whole {
		var unread []engine.Message
		unread, err = s.app.UndeclaredSince(ctx, inst, since, p.reached)
		changed = append(changed, without(unread, changed)...)
	}
	if err == nil && !isAsked {
		s.liftForgotten(ctx, inst, start)
		changed = append(changed, s.askToSettle(ctx, inst, start)...)
	}
	if whole && !isAsked { // whatever GitHub says: pages go out without it too
		changed = append(changed, testsOf(inst.Owner, start))
	}
	if errStore := s.ask(ctx, changed, 0); errStore != nil {
		p.reached, err = nil, errStore // the rest is found again
	}
	safe := start.Add(-sweepMargin)
	kind = kindOf(err)
	if err != nil {
		for what, at := range p.reached { // what changed since may not be found yet
			if at.After(safe) {
				p.reached[what] = safe
			}
		}
		p.isWhole = whole || kind != "limited" // even if it was due in between
	} else {
		p.since, p.reached, p.isWhole = safe, nil, false
	}
	p.mu.Lock()
	p.tried = start
	p.mu.Unlock()
	s.note(inst, p, kind, err)
	return inTurn(without(open, changed), start), kind, err
}

// testsOf asks to test what reaches people of an owner, once in an hour (O3).
func testsOf(owner string, now time.Time) engine.Message {
	return engine.Message{Ref: incident.Ref{Owner: owner}, What: incident.SelfTests{}, Why: "tests",
		Delivery: "tests " + strings.ToLower(owner) + " " + now.UTC().Format("2006-01-02T15")}
}

// Sweep finds what was lost on the way since a time.
func (s *Server) Sweep(ctx context.Context, since time.Time) error {
	sweeper := s.newSweeper()
	sweeper.since = since
	return sweeper.next(ctx)
}

// SweepOpen asks for a look at each incident of which something may be due, as the hourly sweep
// does.
func (s *Server) SweepOpen(ctx context.Context) error {
	sweeper := s.newSweeper()
	sweeper.isFirst = true
	return sweeper.next(ctx)
}

// SweepInTurn is the sweep that Run does again and again, from where the one before it ended.
func (s *Server) SweepInTurn(ctx context.Context) error { return s.sweeper.next(ctx) }

func (s *Server) newSweeper() *sweeper {
	return &sweeper{app: s.app, queue: s.store, aside: s.store, clock: s.clock, metrics: s.metrics, log: s.log}
}

// sweepUntil sweeps at once and then again and again, until ctx ends. Of processes that share a database
// one sweeps; once it has ended another one begins as it began.
func (s *Server) sweepUntil(ctx context.Context) {
	tick := time.NewTicker(s.sweep)
	defer tick.Stop()
	for {
		isLeading, err := s.store.Leads(ctx)
		if isLeading {
			err = s.sweeper.next(ctx)
		}
		if err != nil && ctx.Err() == nil {
			s.log.Warn("the sweep failed: trying again later", "in", s.sweep, "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
