package assembly

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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

	delivered time.Time // how far back the next sweep looks for lost webhooks

	mu       sync.Mutex
	progress map[int64]*progress // by installation
}

// progress is how far the sweeps of an installation got.
type progress struct {
	turn sync.Mutex // one sweep of it at a time

	since   time.Time       // from where the next sweep searches; zero: all there is
	reached github.Progress // by one that was cut short, from where the next one goes on
	isWhole bool            // the next sweep looks at each open incident

	mu      sync.Mutex // guards what follows
	tried   time.Time  // when it was swept last, however that went
	token   time.Time  // when its token was new
	failure string     // kind of the last failure; "": it went well
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

// begin returns the progress of an installation of which nothing is known.
func (s *sweeper) begin(start time.Time) *progress {
	p := &progress{since: s.since, isWhole: s.isFirst}
	if p.since.IsZero() {
		p.since = start.Add(-deliveriesKept)
	}
	if s.isBlank {
		p.since = time.Time{}
	}
	return p
}

// of returns the progress of an installation.
func (s *sweeper) of(id int64, start time.Time) *progress {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.progress == nil {
		s.progress = map[int64]*progress{}
	}
	if s.progress[id] == nil {
		s.progress[id] = s.begin(start)
	}
	return s.progress[id]
}

// isHourly reports whether the turn of an installation has come in which each of its open incidents
// is looked at.
func isHourly(id int64, start time.Time) bool {
	slots := int64(wholeEvery / sweepEvery)
	return (start.Unix()/int64(sweepEvery.Seconds())+id)%slots == 0
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

// kindOf names the kind of a failure, as metrics.SweepFailures counts them.
func kindOf(err error) string {
	var later *engine.RetryAfter
	var refused *engine.Refusal
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refused):
		return "refused"
	case errors.Is(err, engine.ErrLimited), errors.Is(err, engine.ErrNotYet):
		return "limited"
	case errors.Is(err, engine.ErrUnavailable), errors.As(err, &later):
		return "unavailable"
	}
	return "failed"
}

// note counts a failure of an installation, and logs when one begins and ends.
func (s *sweeper) note(inst github.Installation, p *progress, kind string, err error) {
	if kind != "" {
		s.metrics.Record(metrics.SweepFailures, 1, kind)
	}
	p.mu.Lock()
	before := p.failure
	p.failure = kind
	p.mu.Unlock()
	if kind == before {
		return
	}
	log := s.log.With("account", inst.Owner, "installation", inst.ID)
	switch kind {
	case "":
		log.Info("installation is swept again", "was", before)
	case "unavailable", "failed": // the sweep's error says so
	default:
		log.Warn(
			"installation can't be swept: its incidents are found by their webhooks and timers only",
			"kind",
			kind,
			"err",
			err,
		)
	}
}

// tally gathers what came of the sweeps of installations.
type tally struct {
	mu        sync.Mutex
	unchanged []engine.Message
	done      int
	failed    []error        // for the operator to see
	other     error          // the first of those that are an installation's own
	kinds     map[string]int // of all failures
	away      int            // how often in a row GitHub was out
}

// isOut reports whether GitHub is out, so that asking for more installations is useless.
func (t *tally) isOut() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.away > 2*sweptAtOnce
}

func (t *tally) add(unchanged []engine.Message, kind string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unchanged = append(t.unchanged, unchanged...)
	if t.away++; kind != "unavailable" {
		t.away = 0
	}
	switch {
	case err == nil:
		t.done++
		return
	case kind == "unavailable" || kind == "failed":
		t.failed = append(t.failed, err)
	case t.other == nil:
		t.other = err
	}
	if t.kinds == nil {
		t.kinds = map[string]int{}
	}
	t.kinds[kind]++
}

// shownErrors is how many errors of installations one error holds.
const shownErrors = 5

// failure returns what the operator has to see to, or nil. That GitHub refuses all that there are,
// the App is at fault for.
func (t *tally) failure() error {
	if len(t.failed) == 0 && (t.done > 0 || t.other == nil) {
		return nil
	}
	errs := t.failed
	if t.done == 0 && t.other != nil {
		errs = append(errs, t.other)
	}
	if n := len(errs); n > shownErrors {
		errs = append(errs[:shownErrors:shownErrors], fmt.Errorf("and %d more", n-shownErrors))
	}
	return fmt.Errorf("%d installations swept, %v not: %w", t.done, t.kinds, errors.Join(errs...))
}

// without returns the messages that are not among others.
func without(messages, others []engine.Message) []engine.Message {
	type key struct {
		ref  string
		pull int
	}
	seen := map[key]bool{}
	for _, m := range others {
		seen[key{m.Ref.String(), m.Pull()}] = true
	}
	return slices.DeleteFunc(
		messages,
		func(m engine.Message) bool { return seen[key{m.Ref.String(), m.Pull()}] },
	)
}

// inTurn returns those of an installation's open incidents whose turn it is, in this hour.
func inTurn(open []engine.Message, start time.Time) []engine.Message {
	turns := (len(open) + mostOpen - 1) / mostOpen
	if turns < 2 {
		return open
	}
	hour := int(start.Unix() / int64(wholeEvery.Seconds()) % int64(turns))
	return slices.DeleteFunc(open, func(m engine.Message) bool { return m.Ref.Number%turns != hour })
}

// ask asks for looks, one after the other over a time.
func (s *sweeper) ask(ctx context.Context, looks []engine.Message, over time.Duration) error {
	for i, m := range looks {
		if i > 0 && over > 0 {
			select {
			case <-time.After(min(over/time.Duration(len(looks)), time.Second)):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err := s.queue.Enqueue(ctx, m, time.Time{}); err != nil {
			return fmt.Errorf("ask for a look at %s: %w", m.Ref, err)
		}
	}
	return nil
}

// askedAgain is how long what an event says may lag behind it at GitHub: a refusal in that time
// proves nothing.
const askedAgain = 2 * time.Minute

// change does what an event of an installation or a repository asks for: a look at each open
// incident there, at once. It logs and counts the event, for the operator.
func (s *sweeper) change(ctx context.Context, m engine.Message, sweep incident.Sweep) error {
	if !s.app.Serves(m.Ref.Owner) {
		return nil
	}
	now := s.clock.Now()
	log := s.log.With(
		"account",
		m.Ref.Owner,
		"repository",
		m.Ref.Repo,
		"installation",
		sweep.Installation,
		"event",
		m.Why,
		"delivery",
		m.Delivery,
	)
	if isLoss(m.Why) {
		s.metrics.Record(metrics.InstallationEvents, 1, m.Why)
		log.Warn("the App has lost access: open incidents there are not run any more")
		return nil
	}
	var looks []engine.Message
	var err error
	if m.Ref.Repo != "" {
		looks, err = s.app.OpenIncidentsIn(ctx, m.Ref.Owner, m.Ref.Repo)
	} else {
		looks, _, err = s.sweepOne(ctx, github.Installation{ID: sweep.Installation, Owner: m.Ref.Owner}, now, true)
	}
	err = errors.Join(err, s.ask(ctx, looks, 0))
	if kindOf(err) == "refused" {
		if now.Sub(sweep.At) < askedAgain {
			return &engine.RetryAfter{Until: now.Add(10 * time.Second), Err: err}
		}
		log.Warn("open incidents can't be looked at", "err", err)
		err = nil
	}
	if err != nil {
		return fmt.Errorf("look at the open incidents of %s: %w", m.Ref.Owner, err)
	}
	s.metrics.Record(metrics.InstallationEvents, 1, m.Why)
	log.Info("open incidents are looked at", "count", len(looks))
	return nil
}

// isLoss reports whether an event says that the App can't work there any more.
func isLoss(why string) bool {
	switch why {
	case "installation.deleted",
		"installation.suspend",
		"installation_repositories.removed",
		"repository.deleted":
		return true
	}
	return false
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
	return &sweeper{app: s.app, queue: s.store, clock: s.clock, metrics: s.metrics, log: s.log}
}

// sweepUntil sweeps at once and then again and again, until ctx ends.
func (s *Server) sweepUntil(ctx context.Context) {
	tick := time.NewTicker(s.sweep)
	defer tick.Stop()
	for {
		if err := s.sweeper.next(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("the sweep failed: trying again later", "in", s.sweep, "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
