package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
)

// A look that GitHub does not answer, or refuses, never ends a running incident (A8): people are
// paged from what is saved, and the look is made again. What GitHub refuses today it may allow
// tomorrow: an installation is suspended for an hour, an IP allow list is wrong, the App is removed
// and installed again, permissions wait for an owner.

// How a refused look is made again.
const (
	firstRelook = time.Minute     // after the first refusal, then half of the time since that …
	lastRelook  = 5 * time.Minute // … and at most this: somebody may mend it, and waits

	// How long a look may be refused until the incident is left alone: one that ran, one that
	// GitHub says was deleted, and one of which nothing is known. After that a webhook or the sweep
	// leads back to it.
	patienceRunning = 7 * 24 * time.Hour
	patienceDeleted = 10 * time.Minute
	patienceUnknown = 5 * time.Minute
)

// refusedLook is a series of looks that GitHub refused, kept outside GitHub: the next try may be
// another process's.
type refusedLook struct {
	Since  time.Time `json:"since"`
	Next   time.Time `json:"next"` // when the look is made again
	Runs   bool      `json:"runs"` // the incident was running when it was last read
	Status int       `json:"status"`
	Reason string    `json:"reason"`
}

func refusedLookKey(ref incident.Ref) string {
	return fmt.Sprintf("refused/%s/%d", ref.FullName(), ref.Number)
}

// handleFailedLook pages from what is saved if a look failed because GitHub is away or refuses it,
// and returns when to look again.
func (r *reconciliation) handleFailedLook(failed error) error {
	var refusal *Refusal
	var later *RetryAfter
	switch {
	case errors.As(failed, &refusal):
		return r.handleRefusedLook(refusal, failed)
	case errors.Is(failed, ErrNoAccess): // the operator does not serve this account
		r.Logger.Warn("incident left: its account is not served", "incident", r.Ref.String(), "err",
			ports.Redact(failed))
		r.hasLooked = true
		return nil
	case errors.Is(failed, ErrNotYet):
		return failed
	case errors.As(failed, &later), errors.Is(failed, ErrUnavailable):
		return r.retryBy(r.pageKept(), failed)
	}
	return failed
}

// handleBrokenOff goes on paging after a look that could not be finished, and returns when to look
// again. Whom a page reaches outside GitHub must wait neither for the comment that was to mention
// them nor for what else the look had to do.
func (r *reconciliation) handleBrokenOff(failed error) error {
	var later *RetryAfter
	if errors.Is(failed, ErrNotYet) || !errors.As(failed, &later) && !errors.Is(failed, ErrUnavailable) {
		return failed
	}
	var next time.Time
	if r.hasStepped {
		r.pages.SendOutside(func(incident.Send) bool { return true })
		if isEscalating(r.State) && r.Store != nil {
			// with what came of the pages
			r.saveOutageSnapshot(outageSnapshot{r.Snapshot.Title, r.Snapshot.URL, r.State, nil})
			next = r.State.NextEscalation()
		}
	} else {
		next = r.pageKept()
	}
	return r.retryBy(next, failed)
}

// retryBy makes a failed message come back when the next page is due, and before that as GitHub may
// be back. next is zero if nobody is to be paged.
func (r *reconciliation) retryBy(next time.Time, failed error) error {
	var later *RetryAfter
	isLater := errors.As(failed, &later)
	switch {
	case next.IsZero():
		return failed
	case isLater && !next.Before(later.Until):
		return failed
	case isLater:
		return &RetryAfter{Until: r.soonestRetry(next), Err: failed}
	}
	return &RetryAfter{Until: r.soonestRetry(earlier(next, r.Now.Add(r.outagePause()))), Err: failed}
}

// soonestRetry returns a time, or that of the next second if it is before: no message is tried more
// than once a second.
func (r *reconciliation) soonestRetry(at time.Time) time.Time {
	if least := r.Now.Add(time.Second); at.Before(least) {
		return least
	}
	return at
}

// outagePause returns how long to wait for the next look while GitHub is away: a second, and then
// as long as it has been away so far, but no longer than a minute. A single failure holds up
// nobody's command.
func (r *reconciliation) outagePause() time.Duration {
	return min(max(r.unavailableFor(), time.Second), firstRelook)
}

// unavailableFor returns how long ago the first of the looks was that failed since one was
// finished; 0: this is the first.
func (r *reconciliation) unavailableFor() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	since, ok := r.unavailableSince[r.Ref]
	if !ok || r.Now.Sub(since) > longestOutage {
		since = r.Now
		r.unavailableSince[r.Ref] = since
	}
	return r.Now.Sub(since)
}

// handleGone handles a look that did not find the issue. It reports whether the message is done
// with. A report of a source is not: it opens another incident once this one is abandoned.
func (r *reconciliation) handleGone() (over bool, err error) {
	refusal := r.Snapshot.Refused
	if refusal == nil {
		refusal = &Refusal{Status: 404, Reason: "the issue was transferred", Err: ErrNoAccess}
	}
	err = r.handleRefusedLook(refusal, fmt.Errorf("read the issue (%s): %w", r.Ref, refusal))
	return !r.isAbandoned || r.m.Signal() == nil, err
}

// handleRefusedLook schedules another look, with growing distance, and abandons the incident when
// that has gone on for long.
func (r *reconciliation) handleRefusedLook(refusal *Refusal, failed error) error {
	series := r.recordRefusedLook(refusal)
	patience := patienceUnknown
	switch {
	case refusal.Status == 410 && isDeleted(refusal.Reason):
		patience = patienceDeleted
	case series.Runs:
		patience = patienceRunning
	}
	refusedFor := r.Now.Sub(series.Since)
	if refusedFor >= patience {
		return r.abandon(series, failed)
	}
	next := series.Next
	page := r.pageFromSnapshot()
	if page.IsZero() && refusal.Status != http.StatusNotFound && refusal.Status != http.StatusGone {
		page = r.pageNewIncident()
	}
	if !page.IsZero() {
		next = earlier(next, page)
	}
	r.Logger.Error("look refused by GitHub: looking again", "incident", r.Ref.String(), "why", r.m.Why,
		"status", refusal.Status, "reason", refusal.Reason,
		"running", series.Runs, "refused_for", refusedFor, "next", next)
	if !r.m.IsBare() {
		// it carries what GitHub does not have, or what is signed
		return &RetryAfter{Until: next, Err: failed}
	}
	r.hasLooked = true
	if err := r.Scheduler.Schedule(r.Ctx, r.Ref, next); err != nil {
		return fmt.Errorf("set the timer for another look: %w", err)
	}
	return nil
}

// abandon stops looking at an incident that GitHub has refused to show for long. A message that
// carries something is put aside in the end.
func (r *reconciliation) abandon(series refusedLook, failed error) error {
	r.Logger.Error("incident left: GitHub has refused the look for too long", "incident", r.Ref.String(),
		"since", series.Since,
		"running", series.Runs, "status", series.Status, "reason", series.Reason)
	r.forgetOpenIncident(r.Ref)
	r.mu.Lock()
	delete(r.lastLooks, r.Ref)
	r.mu.Unlock()
	if err := r.Scheduler.Schedule(r.Ctx, r.Ref, time.Time{}); err != nil {
		return fmt.Errorf("remove the timer: %w", err)
	}
	r.isAbandoned = true
	if r.m.Signal() != nil && r.Snapshot != nil { // the issue is gone, and not the App's access
		return nil
	}
	if r.m.Signal() != nil || isAnswer(r.m) || r.m.Fold() != nil {
		return failed
	}
	r.hasLooked = true
	return nil
}

// isDeleted reports whether GitHub says that an issue was deleted for good, and not that issues are
// off in its repository.
func isDeleted(reason string) bool { return containsFold(reason, "deleted") }

// recordRefusedLook notes that a look was refused, and returns the series of refusals to which it
// belongs.
func (r *reconciliation) recordRefusedLook(refusal *Refusal) refusedLook {
	r.Metrics.Record(metrics.LooksRefused, 1, refusalKind(refusal))
	series, goesOn := r.refusedSeries()
	// Where the process ended, nobody may have noted that a series was over: a look that comes much
	// later than the next one was to begins another.
	if !goesOn || r.Now.Sub(series.Next) > lastRelook {
		series = refusedLook{Since: r.Now, Runs: r.isKnownRunning()}
	}
	series.Next = r.Now.Add(min(max(firstRelook, r.Now.Sub(series.Since)/2), lastRelook))
	series.Status, series.Reason = refusal.Status, refusal.Reason
	r.mu.Lock()
	r.refusedLooks[r.Ref] = series
	r.mu.Unlock()
	if r.Store != nil {
		text, err := json.Marshal(series)
		if err == nil {
			err = r.Store.Save(r.Ctx, refusedLookKey(r.Ref), text)
		}
		if err != nil {
			r.Logger.Warn("refused look not kept", "incident", r.Ref.String(), "err", ports.Redact(err))
		}
	}
	return series
}

// refusedSeries returns the refusals before this one.
func (r *reconciliation) refusedSeries() (series refusedLook, ok bool) {
	r.mu.Lock()
	series, ok = r.refusedLooks[r.Ref]
	r.mu.Unlock()
	if r.Store == nil {
		return series, ok
	}
	text, err := r.Store.Load(r.Ctx, refusedLookKey(r.Ref))
	var kept refusedLook
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &kept)
	}
	if err != nil {
		r.Logger.Warn("refused look not readable", "incident", r.Ref.String(), "err", ports.Redact(err))
		return series, ok
	}
	if kept.Next.After(series.Next) {
		return kept, true
	}
	return series, ok
}

// isKnownRunning reports whether the incident ran when anybody last read it. A timer is set for no
// other, and a webhook about an issue, or the sweep that found it, says that the App may see it.
func (r *reconciliation) isKnownRunning() bool {
	if r.m.Why == "clock" || r.m.Why == "sweep" || strings.HasPrefix(r.m.Why, "issue") {
		return true
	}
	r.mu.Lock()
	_, ok := r.lastLooks[r.Ref]
	r.mu.Unlock()
	if ok || r.Store == nil {
		return ok
	}
	s, err := r.loadOutageSnapshot()
	return err == nil && s.State.Running()
}

// clearRefusedLooks ends a series of refusals.
func (r *reconciliation) clearRefusedLooks() {
	r.mu.Lock()
	series, ok := r.refusedLooks[r.Ref]
	delete(r.refusedLooks, r.Ref)
	r.mu.Unlock()
	if !ok {
		return
	}
	r.Logger.Info("look works again", "incident", r.Ref.String(), "refused_for", r.Now.Sub(series.Since),
		"status", series.Status)
	if r.Store == nil {
		return
	}
	if err := r.Store.Save(r.Ctx, refusedLookKey(r.Ref), []byte{}); err != nil {
		r.Logger.Warn("refused look not forgotten", "incident", r.Ref.String(), "err", ports.Redact(err))
	}
}

// clearUnavailable notes that a look was finished: GitHub is not away.
func (r *reconciliation) clearUnavailable() {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.unavailableSince, r.Ref)
}

// refusalKind names a refusal for the metrics.
func refusalKind(refusal *Refusal) string {
	switch {
	case refusal.NotInstalled:
		return "not installed"
	case refusal.Status == 403 || refusal.Status == 404 || refusal.Status == 410:
		return fmt.Sprint(refusal.Status)
	}
	return "other"
}

// earlier returns the earlier of two times.
func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
