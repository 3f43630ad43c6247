package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/delivery"
	"github.com/firebreak-dev/firebreak/app/engine/effects"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// A report that pages before GitHub is asked has no incident while GitHub is out, and so no state whose timers would
// page the next step (I5). Its message waits in the queue, and each time that it is handed out the steps that are due
// by then go out, by the configuration and the rotations that are kept. What left is known from the deliveries, and
// who answered as well: nothing else is stored.

// handleReport opens an incident for a report or leads it to one. While GitHub is away it pages who is to be paged by
// now.
func (r *reconciliation) handleReport() error {
	failed := r.routeSignal()
	var later *RetryAfter
	if errors.Is(failed, ErrNotYet) || !errors.As(failed, &later) && !errors.Is(failed, ErrUnavailable) {
		return failed
	}
	return r.retryBy(r.escalateEarly(), failed)
}

// earlySteps is the escalation of one report.
type earlySteps struct {
	*reconciliation
	page Page
	from time.Time // when its first step went out, or was to
}

// escalateEarly pages the steps of a report that are due while GitHub can't open its incident. It returns when the
// next one is due; zero: none is.
func (r *reconciliation) escalateEarly() (next time.Time) {
	m := r.m.Signal()
	if m == nil || r.Store == nil || r.Pager == nil || m.At.IsZero() || r.Now.Sub(m.At) > longestOutage {
		return time.Time{}
	}
	if !m.IsPaged && m.Early.Key == "" { // it was not to page, or belongs to an incident that is open
		return time.Time{}
	}
	var s intake.Signal
	if err := json.Unmarshal(m.Body, &s); err != nil {
		return time.Time{} // the look says so
	}
	r.Policy = r.lastPolicy(r.Ctx, r.settingsName()).For(r.Ref)
	d := intake.Decide(s, r.Policy)
	if d.Action != incident.RulePage || !s.Firing || len(r.Policy.Escalation) == 0 {
		return time.Time{}
	}
	repo := incident.Ref{Owner: r.Ref.Owner, Repo: r.Ref.Repo}
	key := cmp.Or(m.Early.Key, r.episodeKey(repo.FullName()+"/signal/"+r.dedupHash(s.DedupKey), m.At))
	if r.deliveries.IsSent(r.Ctx, repo, answeredName(key)) {
		return time.Time{}
	}
	severity := cmp.Or(d.Severity, s.SeverityHint)
	e := earlySteps{r, Page{Ref: repo, Key: key, URL: s.URL, Severity: severity, Others: r.Policy.Services,
		Title: "Unconfirmed " + severity + ": " + cmp.Or(d.Title, s.Title),
		Text:  "Nobody answered yet. GitHub is not available, so there is no issue yet."}, m.At}
	if !m.Early.At.IsZero() {
		e.from = m.Early.At
	}
	return e.walk(m.IsPaged)
}

// answeredName is under what the deliveries know that somebody answered the page of a report.
func answeredName(key string) string {
	key, _, _ = strings.Cut(key, stepMark)
	return key + " answered"
}

// endEarly ends the escalation of a report: its incident is open, and pages by its own timers.
func (r *reconciliation) endEarly() {
	if key := r.m.Signal().Early.Key; key != "" {
		r.deliveries.NoteSent(r.Ctx, incident.Ref{Owner: r.Ref.Owner, Repo: r.Ref.Repo}, answeredName(key))
	}
}

// stepMark is between the key of a report's page and the number of its step.
const stepMark = "-s"

// noteEarlyAnswer ends the escalation of a report that has no incident yet.
func (e *Engine) noteEarlyAnswer(ctx context.Context, repo incident.Ref, page string) {
	if repo.Number == 0 && strings.HasPrefix(page, "signal/") {
		repo = incident.Ref{Owner: repo.Owner, Repo: repo.Repo}
		e.deliveries.NoteSent(ctx, repo, answeredName(repo.FullName()+"/"+page))
	}
}

// NoteAcknowledgement ends the escalation of a report that somebody answered at the pager, before its incident is
// there to hear of it.
func (e *Engine) NoteAcknowledgement(ctx context.Context, m Message) {
	if a := m.Ack(); a != nil {
		e.noteEarlyAnswer(ctx, m.Ref, a.Page)
	}
}

// walk sends what is due of all rounds.
func (e earlySteps) walk(isPaged bool) (next time.Time) {
	steps := e.Policy.Escalation
	due, isLost := e.from, false
	for n := range len(steps) * max(1, e.Policy.Rounds) {
		step := steps[n%len(steps)]
		wait := step.After
		if wait == 0 && n > 0 && n%len(steps) == 0 {
			wait = 5 * time.Minute
		}
		if n > 0 && !isLost { // one that reached nobody makes the next go out at once
			due = due.Add(wait)
		}
		if due.After(e.Now) {
			return sooner(next, due)
		}
		named := slices.DeleteFunc(slices.Clone(step.To), func(to string) bool { return to == "phone" })
		to := e.Policy.ReachOnCall(named, due).To
		if len(to) == 0 {
			isLost = !slices.Contains(step.To, "phone")
			continue
		}
		isLost = (n > 0 || !isPaged) && !e.send(n, step, to)
		next = sooner(next, e.remind(n, step, to, due))
	}
	return next
}

// sooner returns the sooner of two times of which a zero one says nothing.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func (e earlySteps) pageOf(n int, to []string) Page {
	p := e.page
	p.Key = fmt.Sprintf("%s%s%d", p.Key, stepMark, n)
	p.To, p.Links = to, e.earlyLinks(p.Ref, p.Key, to, e.from)
	p.LinkOf = func(login string) string { return e.earlyLink(p.Ref, p.Key, login, e.from) }
	return p
}

// send pages a step once by each of its services, and reports whether one took it.
func (e earlySteps) send(n int, step incident.EscalationStep, to []string) (isSent bool) {
	p, kinds := e.pageOf(n, to), e.Policy.ServicesOf(step)
	for _, kind := range kinds {
		name := p.Key + " " + kind
		if kind == "github" || e.deliveries.HasFailed(e.Ctx, p.Ref, name) {
			continue // nobody can be mentioned
		}
		p.Service, _ = e.Policy.Service(kind)
		isNew, _, err := e.deliveries.Send(e.Ctx, p.Ref, name, func(ctx context.Context, before delivery.Attempt) error {
			one := p
			one.Reached = before.Reached
			return e.Pager.Page(ctx, one)
		})
		if isNew {
			e.countPage(kind, p.Ref.FullName(), p.Key, err)
		}
		isSent = isSent || err == nil
	}
	return isSent
}

// remind reaches those whom a step paged by their later ways, and returns when the next one is due.
func (e earlySteps) remind(n int, step incident.EscalationStep, to []string, paged time.Time) (next time.Time) {
	reacher, ok := e.Pager.(Reacher)
	if !ok || !slices.Contains(e.Policy.ServicesOf(step), effects.ByPeople) {
		return time.Time{}
	}
	settings, _ := e.Policy.Service(effects.ByPeople)
	ways, err := reacher.LaterWays(e.Ctx, settings, to)
	if err != nil {
		e.Logger.Error("ways to reach people not readable", "repository", e.page.Ref.FullName(), "err", ports.Redact(err))
		return time.Time{}
	}
	hasFailed := map[string]bool{} // by login: the way before
	for _, w := range ways {
		due := paged.Add(w.After)
		if due.After(e.Now) && !hasFailed[w.Login] {
			next = sooner(next, due)
			continue
		}
		p := e.pageOf(n, []string{"@" + w.Login})
		p.Service, p.Way = settings, &w
		p.Key = fmt.Sprintf("%s/%s/%d", p.Key, naming.Key(w.Login), w.Index)
		if e.deliveries.HasFailed(e.Ctx, p.Ref, p.Key) {
			hasFailed[w.Login] = true
			continue
		}
		isNew, _, err := e.deliveries.Send(e.Ctx, p.Ref, p.Key, func(ctx context.Context, _ delivery.Attempt) error {
			return e.Pager.Page(ctx, p)
		})
		if isNew {
			e.countPage(effects.ByPeople, p.Ref.FullName(), p.Key, err)
		}
		hasFailed[w.Login] = err != nil
	}
	return next
}
