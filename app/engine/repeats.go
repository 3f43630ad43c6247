package engine

import (
	"time"
)

// repeatInterval is how far apart reports of one incident are recorded: those in between wait, and
// are counted.
const repeatInterval = 15 * time.Second

// repeatsSuppressed returns until when a report waits, if the one before was recorded just now.
func (e *Engine) repeatsSuppressed(m Message, now time.Time) (time.Time, bool) {
	if m.Signal() == nil || m.Ref.Number == 0 {
		return time.Time{}, false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	until := e.recordedRepeats[m.Ref].Add(repeatInterval)
	return until, now.Before(until)
}

// repeatsSuppressedByCard is repeatsSuppressed by the card, as another process may have recorded
// the one before.
func (r *reconciliation) repeatsSuppressedByCard() (time.Time, bool) {
	until := r.Before.Signals.Last.Add(repeatInterval)
	return until, r.m.Signal() != nil && r.Before.Said["signals"] != 0 && r.Now.Before(until)
}

// recordRepeat remembers that a report was recorded.
func (e *Engine) recordRepeat(m Message, now time.Time) {
	if m.Signal() == nil || m.Ref.Number == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for ref, at := range e.recordedRepeats {
		if now.Sub(at) > repeatInterval {
			delete(e.recordedRepeats, ref)
		}
	}
	e.recordedRepeats[m.Ref] = now
}
