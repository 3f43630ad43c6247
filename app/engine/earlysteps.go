package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/delivery"
	"github.com/firebreak-dev/firebreak/app/engine/effects"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
)

// A report that pages before GitHub is asked has no incident while GitHub is out, and so no state whose timers would
// page the next step (I5). Its message waits in the queue, and each time that it is handed out the steps that are due
// by then go out, by the configuration and the rotations that are kept. What left is known from the deliveries, and
// who answered as well: nothing else is stored. The text of the incident, once it is open, says which steps left, and
// its escalation goes on from there.

// handleReport opens an incident for a report or leads it to one. While GitHub is away or refuses that, it pages who
// is to be paged by now.
func (r *reconciliation) handleReport() error {
	failed := r.routeSignal()
	var later *RetryAfter
	switch {
	case failed == nil, errors.Is(failed, ErrNotYet):
		return failed
	case errors.As(failed, &later), errors.Is(failed, ErrUnavailable):
		return r.retryBy(r.escalateEarly(), failed)
	case !isForNow(failed):
		return failed
	}
	next := r.escalateEarly()
	if next.IsZero() {
		return failed
	}
	r.Logger.Error("report refused by GitHub: people are paged, and it is tried again", "repository", r.Ref.FullName(),
		"err", ports.Redact(failed))
	return r.retryBy(next, failed)
}

// isForNow reports whether GitHub refuses something that somebody may allow again: a suspended installation, an IP
// allow list, a permission. What is not there stays so.
func isForNow(failed error) bool {
	var refusal *Refusal
	return errors.As(failed, &refusal) && refusal.Status != http.StatusNotFound && refusal.Status != http.StatusGone
}

// earlySteps is the escalation of one report.
type earlySteps struct {
	*reconciliation
	page    Page
	from    time.Time // when its first step went out, or was to
	isPaged bool      // its first step went out before GitHub was asked
	service string    // that it names
}

// earlyEscalation returns the escalation of the report that the look is about. It reports whether there is one: the
// report was to page.
func (r *reconciliation) earlyEscalation() (e earlySteps, ok bool) {
	m := r.m.Signal()
	if m == nil || r.Store == nil || r.Pager == nil || m.At.IsZero() || r.Now.Sub(m.At) > longestOutage {
		return e, false
	}
	if !m.IsPaged && m.Early.Key == "" { // it was not to page, or belongs to an incident that is open
		return e, false
	}
	var s intake.Signal
	if err := json.Unmarshal(m.Body, &s); err != nil {
		return e, false // the look says so
	}
	r.Policy = r.lastPolicy(r.Ctx, r.settingsName()).For(r.Ref)
	d := intake.Decide(s, r.Policy)
	if d.Action != incident.RulePage || !s.Firing || len(r.Policy.Escalation) == 0 {
		return e, false
	}
	repo := incident.Ref{Owner: r.Ref.Owner, Repo: r.Ref.Repo}
	key := cmp.Or(m.Early.Key, r.episodeKey(repo.FullName()+"/signal/"+r.dedupHash(s.DedupKey), m.At))
	severity := cmp.Or(d.Severity, s.SeverityHint)
	e = earlySteps{reconciliation: r, from: m.At, isPaged: m.IsPaged, service: s.Labels[incident.ServiceLabel],
		page: Page{Ref: repo, Key: key, URL: s.URL, Severity: severity, Others: r.Policy.Services,
			Title: "Unconfirmed " + severity + ": " + cmp.Or(d.Title, s.Title),
			Text:  "Nobody answered yet. GitHub is not available, so there is no issue yet."}}
	if !m.Early.At.IsZero() {
		e.from = m.Early.At
	}
	e.from = e.from.UTC().Truncate(time.Second)
	return e, true
}

// escalateEarly pages the steps of a report that are due while GitHub can't open its incident. It returns when the
// next one is due; zero: none is.
func (r *reconciliation) escalateEarly() (next time.Time) {
	e, ok := r.earlyEscalation()
	if !ok || r.deliveries.IsSent(r.Ctx, e.page.Ref, answeredName(e.page.Key)) ||
		r.deliveries.IsSent(r.Ctx, e.page.Ref, openedName(e.page.Key)) {
		return time.Time{}
	}
	return e.walk(func(s incident.EarlyStep) (isSent bool, later time.Time) {
		isSent = s.Number == 0 && e.isPaged || len(s.To) == 0 || e.send(s)
		return isSent, e.remind(s)
	})
}

// earlyPage returns what came of the pages before there was an issue, with the steps that left while GitHub was out.
func (r *reconciliation) earlyPage() incident.EarlyPage {
	early, policy := r.m.Signal().Early, r.Policy
	defer func() { r.Policy = policy }() // the steps left by the one that was kept
	e, ok := r.earlyEscalation()
	if !ok {
		return early
	}
	early.Key, early.Answered = e.page.Key, r.deliveries.SentAt(r.Ctx, e.page.Ref, answeredName(e.page.Key))
	isOver := false
	e.walk(func(s incident.EarlyStep) (isSent bool, later time.Time) {
		if isOver || s.Number == 0 && e.isPaged {
			return true, time.Time{}
		}
		isSent = len(s.To) == 0
		for _, kind := range s.By {
			name := e.keyOf(s.Number) + " " + kind
			switch {
			case kind == "github": // nobody could be mentioned
			case e.deliveries.IsSent(e.Ctx, e.page.Ref, name):
				isSent = true
			case e.deliveries.HasFailed(e.Ctx, e.page.Ref, name):
				s.Lost = append(s.Lost, kind)
			}
		}
		if !isSent && len(s.Lost) == 0 { // GitHub was back by then
			isOver = true
			return true, time.Time{}
		}
		early.Add(s)
		return isSent, time.Time{}
	})
	return early
}

// answeredName is under what the deliveries know that somebody answered the page of a report.
func answeredName(key string) string { return incident.EarlyAnsweredName(key) }

// openedName is under what the deliveries know that the incident of a report is open.
func openedName(key string) string { return key + " opened" }

// passedName is under what the deliveries know that somebody passed the page of a step on.
func passedName(key string) string { return key + " passed" }

// endEarly ends the escalation of a report: its incident is open, and pages by its own timers.
func (r *reconciliation) endEarly() {
	if key := r.m.Signal().Early.Key; key != "" {
		r.deliveries.NoteSent(r.Ctx, incident.Ref{Owner: r.Ref.Owner, Repo: r.Ref.Repo}, openedName(key))
	}
}

// noteEarlyAnswer notes what somebody answered to the page of a report that has no incident yet: taking it ends its
// escalation, the others end the reminders of who answers, and passing it on brings the next step.
func (e *Engine) noteEarlyAnswer(ctx context.Context, repo incident.Ref, page, login, how string) {
	if repo.Number != 0 || !strings.HasPrefix(page, "signal/") {
		return
	}
	repo = incident.Ref{Owner: repo.Owner, Repo: repo.Repo}
	key := repo.FullName() + "/" + page
	if how == incident.AnswerCoordinate {
		e.deliveries.NoteSent(ctx, repo, answeredName(key))
		return
	}
	if !strings.Contains(page, incident.EarlyMark) {
		key += incident.EarlyMark + "0"
	}
	e.deliveries.NoteSent(ctx, repo, incident.EarlySeenName(key, login))
	if how == incident.AnswerPass {
		e.deliveries.NoteSent(ctx, repo, passedName(key))
	}
}

// NoteAcknowledgement ends the escalation of a report that somebody answered at the pager, before its incident is
// there to hear of it.
func (e *Engine) NoteAcknowledgement(ctx context.Context, m Message) {
	if a := m.Ack(); a != nil {
		e.noteEarlyAnswer(ctx, m.Ref, a.Page, "", incident.AnswerCoordinate)
	}
}

// roundPause is between two rounds whose first step names no time, as in an incident.
const roundPause = 5 * time.Minute

// walk visits the steps that are due by now, in order and as the timers of an incident would send them: all rounds,
// the moment at which the escalation gives up, which pages nobody, and then everybody at the slower rhythm. visit
// reports whether somebody took the page, and when somebody is to be reached by a later way. walk returns when the
// next page or way is due; zero: none is.
func (e earlySteps) walk(visit func(incident.EarlyStep) (isSent bool, later time.Time)) (next time.Time) {
	steps := e.Policy.Escalation
	due, isLost := e.from, false
	rounds := len(steps) * max(1, e.Policy.Rounds)
	for n := range rounds {
		step := steps[n%len(steps)]
		isList := !slices.ContainsFunc(step.To, func(to string) bool { return to != "phone" })
		if isList && n >= len(steps) {
			continue // the list is named in the first round
		}
		if n > 0 {
			due = e.dueAfter(n-1, due, waitOf(step, n%len(steps)), isLost)
		}
		if due.After(e.Now) {
			return sooner(next, due)
		}
		to := e.reach(step.To, due)
		if first := e.m.Signal().Early.To; n == 0 && e.isPaged && len(first) > 0 {
			to = first
		}
		if len(to) == 0 {
			isLost = !isList
			continue
		}
		isSent, later := visit(incident.EarlyStep{Number: n, At: due, To: to, By: e.Policy.ServicesOf(step)})
		isLost = !isSent
		next = sooner(next, later)
	}
	due = e.dueAfter(rounds-1, due, waitOf(steps[0], 0), isLost)
	if due.After(e.Now) {
		return sooner(next, due)
	}
	visit(incident.EarlyStep{Number: rounds, At: due})
	for n := rounds + 1; e.Policy.Again > 0; {
		if due = due.Add(e.Policy.Again); due.After(e.Now) {
			return sooner(next, due)
		}
		for _, group := range e.Policy.Everybody() {
			if to := e.reach(group.To, due); len(to) > 0 {
				_, later := visit(incident.EarlyStep{Number: n, At: due, To: to, By: group.By})
				next = sooner(next, later)
			}
			n++
		}
	}
	return next
}

// waitOf returns how long a step waits for the one before.
func waitOf(step incident.EscalationStep, n int) time.Duration {
	if step.After == 0 && n == 0 {
		return roundPause
	}
	return step.After
}

// dueAfter returns when a step is due: some time after the one before, which is step n, at once where that one reached
// nobody, and when somebody passes that one on.
func (e earlySteps) dueAfter(n int, before time.Time, wait time.Duration, isLost bool) time.Time {
	if isLost {
		return before
	}
	due := before.Add(wait)
	passed := e.deliveries.SentAt(e.Ctx, e.page.Ref, passedName(e.keyOf(n))).Truncate(time.Second)
	if passed.After(before) && passed.Before(due) {
		return passed
	}
	return due
}

// reach returns whom the names of a step mean at a time, with the owners of the service where the configuration says
// so.
func (e earlySteps) reach(names []string, at time.Time) []string {
	named := slices.DeleteFunc(slices.Clone(names), func(to string) bool { return to == "phone" })
	if len(named) == 0 {
		return nil
	}
	to := withOwners(e.Policy, e.service, e.Policy.ReachOnCall(named, at).To)
	if len(to) == 0 && e.Policy.ReachesNobody(at) {
		return []string{e.Policy.Coordinators}
	}
	return to
}

// sooner returns the sooner of two times of which a zero one says nothing.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// keyOf returns the key of a step's page.
func (e earlySteps) keyOf(n int) string {
	return fmt.Sprintf("%s%s%d", e.page.Key, incident.EarlyMark, n)
}

func (e earlySteps) pageOf(n int, to []string) Page {
	p := e.page
	p.Key = e.keyOf(n)
	p.To, p.Links = to, e.earlyLinks(p.Ref, p.Key, to, e.from)
	p.LinkOf = func(login string) string { return e.earlyLink(p.Ref, p.Key, login, e.from) }
	return p
}

// send pages a step once by each of its services, and reports whether one took it.
func (e earlySteps) send(s incident.EarlyStep) (isSent bool) {
	p := e.pageOf(s.Number, s.To)
	for _, kind := range s.By {
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
func (e earlySteps) remind(s incident.EarlyStep) (next time.Time) {
	reacher, ok := e.Pager.(Reacher)
	if !ok || !slices.Contains(s.By, effects.ByPeople) || len(s.To) == 0 || e.Now.Sub(s.At) > effects.LongestReach {
		return time.Time{}
	}
	settings, _ := e.Policy.Service(effects.ByPeople)
	ways, err := reacher.LaterWays(e.Ctx, settings, s.To)
	if err != nil {
		e.Logger.Error("ways to reach people not readable", "repository", e.page.Ref.FullName(), "err", ports.Redact(err))
		return time.Time{}
	}
	key := e.keyOf(s.Number)
	hasFailed := map[string]bool{} // by login: the way before
	for _, w := range ways {
		if e.deliveries.IsSent(e.Ctx, e.page.Ref, incident.EarlySeenName(key, w.Login)) {
			continue // they have seen it
		}
		due := s.At.Add(w.After)
		if due.After(e.Now) && !hasFailed[w.Login] {
			next = sooner(next, due)
			continue
		}
		p := e.pageOf(s.Number, []string{"@" + w.Login})
		p.Service, p.Way = settings, &w
		p.Key = incident.EarlyWayName(key, w.Login, w.Index)
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
