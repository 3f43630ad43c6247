package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
)

// A look that GitHub does not answer, or refuses. An incident that runs is never ended by that (A8): people are paged from what
// is kept, and the look is made again. What GitHub refuses today it may allow tomorrow: an installation is suspended for an hour,
// an IP allow list is wrong, the App is removed and installed again, permissions wait for an owner.

// How a refused look is made again.
const (
	firstRelook = time.Minute     // after the first refusal, then half of the time since that …
	lastRelook  = 5 * time.Minute // … and at most this: somebody may mend it, and waits

	// How long a look may be refused until the incident is left alone: one that ran, one that GitHub says was deleted, and one
	// of which nothing is known. After that a webhook or the sweep leads back to it.
	patienceRunning = 7 * 24 * time.Hour
	patienceDeleted = 10 * time.Minute
	patienceUnknown = 5 * time.Minute
)

// refusedLook is a series of looks that GitHub refused, kept outside GitHub: the next try may be another process's.
type refusedLook struct {
	Since  time.Time `json:"since"`
	Next   time.Time `json:"next"` // when the look is made again
	Runs   bool      `json:"runs"` // the incident was running when it was last read
	Status int       `json:"status"`
	Reason string    `json:"reason"`
}

func refusedLookName(ref incident.Ref) string {
	return fmt.Sprintf("refused/%s/%d", ref.FullName(), ref.Number)
}

// lookFailed pages from what is kept if a look failed because GitHub is away or refuses it, and says when to look again.
func (p *pass) lookFailed(failed error) error {
	var refusal *Refusal
	var later *Later
	switch {
	case errors.As(failed, &refusal):
		return p.lookRefused(refusal, failed)
	case errors.Is(failed, ErrNoAccess): // the operator does not serve this account
		p.Logger.Warn("incident left: its account is not served", "incident", p.m.Ref.String(), "err", brief(failed))
		p.looked = true
		return nil
	case errors.Is(failed, ErrNotYet):
		return failed
	case errors.As(failed, &later), errors.Is(failed, ErrUnavailable):
		next := p.pageBlind()
		if next.IsZero() {
			next = p.pageFirst()
		}
		return p.until(next, failed)
	}
	return failed
}

// brokeOff goes on paging after a look that was made and could not be finished, and says when to look again. Whom a page reaches outside
// GitHub must wait neither for the comment that was to mention them nor for what else the look had to do.
func (p *pass) brokeOff(failed error) error {
	var later *Later
	if errors.Is(failed, ErrNotYet) || !errors.As(failed, &later) && !errors.Is(failed, ErrUnavailable) {
		return failed
	}
	var next time.Time
	switch {
	case p.stepped:
		p.pageOutside(func(incident.Send) bool { return true })
		if waiting(p.state) && p.Shelf != nil {
			p.shelve(spare{p.snap.Title, p.snap.URL, p.state, nil}) // with what came of the pages
			next = p.state.NextEscalation()
		}
	case p.before.Declared != nil:
		next = p.pageBlind()
	default:
		next = p.pageFirst()
	}
	return p.until(next, failed)
}

// until lets a message that failed come back when the next page is due, and before that as GitHub may be back. next is zero where nobody is
// to be paged.
func (p *pass) until(next time.Time, failed error) error {
	var later *Later
	isLater := errors.As(failed, &later)
	switch {
	case next.IsZero():
		return failed
	case isLater && !next.Before(later.Until):
		return failed
	case isLater:
		return &Later{Until: p.soonest(next), Err: failed}
	}
	return &Later{Until: p.soonest(earlier(next, p.now.Add(p.pauseAway()))), Err: failed}
}

// soonest returns a time, or that of the next second if it is before: no message is tried more than once a second.
func (p *pass) soonest(at time.Time) time.Time {
	if least := p.now.Add(time.Second); at.Before(least) {
		return least
	}
	return at
}

// pauseAway returns how long to wait for the next look while GitHub is away: a second, and then as long as it has been away so far,
// but no longer than a minute. A single failure holds up nobody's command.
func (p *pass) pauseAway() time.Duration { return min(max(p.awayFor(), time.Second), firstRelook) }

// awayFor returns how long ago the first of the looks was that failed since one was finished; 0: this is the first.
func (p *pass) awayFor() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	since, ok := p.away[p.m.Ref]
	if !ok || p.now.Sub(since) > outages {
		since = p.now
		p.away[p.m.Ref] = since
	}
	return p.now.Sub(since)
}

// issueGone handles a look that did not find the issue. It reports whether the message is done with; a report of a source is
// not: it opens another incident once this one is left alone.
func (p *pass) issueGone() (over bool, err error) {
	refusal := p.snap.Refused
	if refusal == nil {
		refusal = &Refusal{Status: 404, Reason: "the issue was transferred", Err: ErrNoAccess}
	}
	err = p.lookRefused(refusal, fmt.Errorf("read the issue (%s): %w", p.m.Ref, refusal))
	return !p.left || p.m.Signal() == nil, err
}

// lookRefused looks again later, with growing distance, and leaves the incident alone when that has gone on for long.
func (p *pass) lookRefused(refusal *Refusal, failed error) error {
	series := p.noteRefusedLook(refusal)
	patience := patienceUnknown
	switch {
	case refusal.Status == 410 && isDeleted(refusal.Reason):
		patience = patienceDeleted
	case series.Runs:
		patience = patienceRunning
	}
	refusedFor := p.now.Sub(series.Since)
	if refusedFor >= patience {
		return p.leave(series, failed)
	}
	next := series.Next
	page := p.pageBlind()
	if page.IsZero() && refusal.Status != http.StatusNotFound && refusal.Status != http.StatusGone {
		page = p.pageFirst()
	}
	if !page.IsZero() {
		next = earlier(next, page)
	}
	p.Logger.Error("look refused by GitHub: looking again", "incident", p.m.Ref.String(), "why", p.m.Why, "status", refusal.Status, "reason", refusal.Reason,
		"running", series.Runs, "refused_for", refusedFor, "next", next)
	if !p.m.IsBare() {
		return &Later{Until: next, Err: failed} // it carries what GitHub does not have, or what is signed
	}
	p.looked = true
	if err := p.Scheduler.Schedule(p.ctx, p.m.Ref, next); err != nil {
		return fmt.Errorf("set the timer for another look: %w", err)
	}
	return nil
}

// leave stops looking at an incident that GitHub has refused to show for so long. What carries something is put aside in the end.
func (p *pass) leave(series refusedLook, failed error) error {
	p.Logger.Error("incident left: GitHub has refused the look for too long", "incident", p.m.Ref.String(), "since", series.Since,
		"running", series.Runs, "status", series.Status, "reason", series.Reason)
	p.forget(p.m.Ref)
	p.mu.Lock()
	delete(p.heard, p.m.Ref)
	p.mu.Unlock()
	if err := p.Scheduler.Schedule(p.ctx, p.m.Ref, time.Time{}); err != nil {
		return fmt.Errorf("remove the timer: %w", err)
	}
	p.left = true
	if p.m.Signal() != nil && p.snap != nil { // the issue is gone, and not the App's access
		return nil
	}
	if p.m.Signal() != nil || p.m.Ack() != nil || p.m.Fold() != nil {
		return failed
	}
	p.looked = true
	return nil
}

// isDeleted reports whether GitHub says that an issue was deleted for good, and not that issues are off in its repository.
func isDeleted(reason string) bool { return containsFold(reason, "deleted") }

// noteRefusedLook notes that a look was refused, and returns the series of refusals to which it belongs.
func (p *pass) noteRefusedLook(refusal *Refusal) refusedLook {
	p.Metrics.Record(metrics.LooksRefused, 1, refusalKind(refusal))
	series, goesOn := p.refusedSeries()
	// Where the process ended, nobody may have noted that a series was over: a look that comes much later than the next one was to
	// begins another.
	if !goesOn || p.now.Sub(series.Next) > lastRelook {
		series = refusedLook{Since: p.now, Runs: p.isKnownRunning()}
	}
	series.Next = p.now.Add(min(max(firstRelook, p.now.Sub(series.Since)/2), lastRelook))
	series.Status, series.Reason = refusal.Status, refusal.Reason
	p.mu.Lock()
	p.refused[p.m.Ref] = series
	p.mu.Unlock()
	if p.Shelf != nil {
		text, err := json.Marshal(series)
		if err == nil {
			err = p.Shelf.Keep(p.ctx, refusedLookName(p.m.Ref), text)
		}
		if err != nil {
			p.Logger.Warn("refused look not kept", "incident", p.m.Ref.String(), "err", brief(err))
		}
	}
	return series
}

// refusedSeries returns the refusals before this one.
func (p *pass) refusedSeries() (series refusedLook, ok bool) {
	p.mu.Lock()
	series, ok = p.refused[p.m.Ref]
	p.mu.Unlock()
	if p.Shelf == nil {
		return series, ok
	}
	text, err := p.Shelf.Kept(p.ctx, refusedLookName(p.m.Ref))
	var kept refusedLook
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &kept)
	}
	if err != nil {
		p.Logger.Warn("refused look not readable", "incident", p.m.Ref.String(), "err", brief(err))
		return series, ok
	}
	if kept.Next.After(series.Next) {
		return kept, true
	}
	return series, ok
}

// isKnownRunning reports whether the incident ran when anybody last read it. A timer is set for no other, and a webhook about an
// issue, or the sweep that found it, says that the App may see it.
func (p *pass) isKnownRunning() bool {
	if p.m.Why == "clock" || p.m.Why == "sweep" || strings.HasPrefix(p.m.Why, "issue") {
		return true
	}
	p.mu.Lock()
	_, ok := p.heard[p.m.Ref]
	p.mu.Unlock()
	if ok || p.Shelf == nil {
		return ok
	}
	s, err := p.keptIncident()
	return err == nil && s.State.Running()
}

// lookWorked ends a series of refusals.
func (p *pass) lookWorked() {
	p.mu.Lock()
	series, ok := p.refused[p.m.Ref]
	delete(p.refused, p.m.Ref)
	p.mu.Unlock()
	if !ok {
		return
	}
	p.Logger.Info("look works again", "incident", p.m.Ref.String(), "refused_for", p.now.Sub(series.Since), "status", series.Status)
	if p.Shelf == nil {
		return
	}
	if err := p.Shelf.Keep(p.ctx, refusedLookName(p.m.Ref), []byte{}); err != nil {
		p.Logger.Warn("refused look not forgotten", "incident", p.m.Ref.String(), "err", brief(err))
	}
}

// noteBack notes that a look was finished: GitHub is not away.
func (p *pass) noteBack() {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.away, p.m.Ref)
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
