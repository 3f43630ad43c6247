package assembly

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
)

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
