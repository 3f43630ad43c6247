package wire

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
)

// How far back a sweep looks: at the start as far as GitHub keeps deliveries, later as far as the one before, and a little
// more, since what GitHub finds is a little behind.
// https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks
const (
	deliveriesKept = 3 * 24 * time.Hour
	sweepMargin    = 10 * time.Minute
)

// Sweep finds what was lost on the way since a time (A4): webhooks that never arrived are delivered again, and each incident
// that changed is looked at. Where nothing was lost it changes nothing.
func (s *Server) Sweep(ctx context.Context, since time.Time) error {
	n, errDeliveries := s.app.Redeliver(ctx, since)
	if n > 0 {
		s.log.Warn("webhooks had not arrived and are delivered again", "count", n)
	}
	refs, errStirred := s.app.Stirred(ctx, since)
	for _, ref := range refs {
		if err := s.store.Enqueue(ctx, engine.Message{Ref: ref, Why: "sweep"}, time.Time{}); err != nil {
			return fmt.Errorf("ask for a look at %s: %w", ref, err)
		}
	}
	return errors.Join(errDeliveries, errStirred)
}

// sweepUntil sweeps at once and then again and again, until ctx ends.
func (s *Server) sweepUntil(ctx context.Context) {
	tick := time.NewTicker(s.sweep)
	defer tick.Stop()
	since := s.clock.Now().Add(-deliveriesKept)
	for {
		start := s.clock.Now()
		if err := s.Sweep(ctx, since); err == nil {
			since = start.Add(-sweepMargin)
		} else if ctx.Err() == nil {
			s.log.Warn("the sweep failed: trying again later", "in", s.sweep, "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
