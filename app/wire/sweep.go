package wire

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/gh"
	"github.com/firebreak-dev/firebreak/app/metrics"
)

// How far back a sweep looks: at the start as far as GitHub keeps deliveries, later as far as the one before, and a little
// more, since what GitHub finds is a little behind.
// https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks
const (
	deliveriesKept = 3 * 24 * time.Hour
	sweepMargin    = 10 * time.Minute
)

// sweeper finds what was lost on the way (A4): webhooks that never arrived are delivered again, and each incident that
// changed is looked at. Where nothing was lost it changes nothing.
type sweeper struct {
	app     *gh.App
	queue   engine.Queue
	clock   engine.Clock
	metrics metrics.Recorder
	log     *slog.Logger
	since   time.Time  // how far back the next sweep looks; zero: as far as GitHub keeps deliveries
	blank   bool       // nothing is known of before, timers neither: every incident is looked at
	reached gh.Reached // by a sweep that was cut short, from where the next one goes on
}

// next sweeps as far back as the last one that went well.
func (s *sweeper) next(ctx context.Context) error {
	start := s.clock.Now()
	if s.since.IsZero() {
		s.since = start.Add(-deliveriesKept)
	}
	stirred := s.since
	if s.blank {
		stirred = time.Time{}
	}
	if s.reached == nil {
		s.reached = gh.Reached{}
	}
	safe := start.Add(-sweepMargin)
	if err := s.sweep(ctx, s.since, stirred, s.reached); err != nil {
		for what, at := range s.reached { // what changed since may not be found yet
			if at.After(safe) {
				s.reached[what] = safe
			}
		}
		s.metrics.Record(metrics.Sweeps, 1, "failed")
		return err
	}
	s.metrics.Record(metrics.Sweeps, 1, "done")
	s.since, s.blank, s.reached = safe, false, nil
	return nil
}

// sweep asks again for the webhooks since a time, and for a look at each incident that changed since another; zero: at all.
func (s *sweeper) sweep(ctx context.Context, delivered, since time.Time, reached gh.Reached) error {
	n, errDeliveries := s.app.Redeliver(ctx, delivered)
	if n > 0 {
		s.log.Warn("webhooks had not arrived and are delivered again", "count", n)
	}
	stirred, errStirred := s.app.Stirred(ctx, since, reached)
	for _, m := range stirred {
		if err := s.queue.Enqueue(ctx, m, time.Time{}); err != nil {
			clear(reached) // the rest is found again
			return fmt.Errorf("ask for a look at %s: %w", m.Ref, err)
		}
	}
	return errors.Join(errDeliveries, errStirred)
}

// Sweep finds what was lost on the way since a time.
func (s *Server) Sweep(ctx context.Context, since time.Time) error {
	return s.sweeper().sweep(ctx, since, since, gh.Reached{})
}

func (s *Server) sweeper() *sweeper {
	return &sweeper{app: s.app, queue: s.store, clock: s.clock, metrics: s.metrics, log: s.log, blank: s.store.Fresh()}
}

// sweepUntil sweeps at once and then again and again, until ctx ends.
func (s *Server) sweepUntil(ctx context.Context) {
	tick := time.NewTicker(s.sweep)
	defer tick.Stop()
	sweeper := s.sweeper()
	for {
		if err := sweeper.next(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("the sweep failed: trying again later", "in", s.sweep, "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
