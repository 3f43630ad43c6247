package assembly

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/metrics"
)

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
