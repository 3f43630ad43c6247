package incident

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// Count returns how many pages went out to people. A step that only names the phone list does not count.
func (p Paging) Count() int { return p.Sent - p.Listed }

// AnsweredPage returns the index among Pages of the page that was answered, or -1. The answer is one
// to the escalation or to a regression, and not to what somebody asked for in between.
func (p Paging) AnsweredPage() int {
	for i, page := range slices.Backward(p.Pages) {
		if p.Answered != nil && page.Why != "asked" && page.Why != "update" && !p.Answered.At.Before(page.At) {
			return i
		}
	}
	return -1
}

// Escalates reports whether a page for that reason is a step of the escalation.
func Escalates(why string) bool { return why == "team" || why == "silent" }

// Wants reports whether a page asks for what is still so: one that comes late, as nobody could look
// at the incident when it was due, must wake nobody for a moment that is over.
func (s State) Wants(page Send) bool {
	switch {
	case !s.Running():
		return false
	case page.Why == "team":
		return s.IC == "" && s.Phase != Closing && (!s.Paging.Next.IsZero() || s.Paging.GaveUp)
	case page.Why == "silent":
		return s.Summons.Silent && s.Phase != Closing
	case page.Why == "update":
		return s.Updates.Overdue
	case page.Why == "again" || page.Why == "reopened":
		return s.Summons.Page == page.Key
	}
	return true // somebody asked for it, and has no other way
}

// startPaging walks the escalation from its start (I4). A drill pages nobody (A6).
func (r *run) startPaging() {
	if r.Drill || len(r.p.Escalation) == 0 {
		return
	}
	r.Paging.Step, r.Paging.Answered, r.Paging.GaveUp = 0, nil, false
	r.Paging.Next = r.f.At.Add(r.p.Escalation[0].After)
}

// pageNext sends the next step (I5): from the start again until the rounds are walked, then
// everybody at a slower rhythm.
func (r *run) pageNext() {
	steps := r.p.Escalation
	switch {
	case r.Paging.GaveUp:
		r.pageEverybody()
		return
	case r.Paging.Step >= r.countSteps():
		r.giveUp()
		return
	}
	step := steps[r.Paging.Step%len(steps)]
	to := r.withSomebody(r.withOwners(step.To))
	r.record("page", joinNames(r.onCall(to)), "")
	sent := r.sendPage(Send{To: to, By: step.By, Why: r.pageReason()})
	r.stepDone()
	if sent == "" {
		r.Paging.Next = r.f.At // nobody is on call there
	}
}

// stepDone moves the escalation on to its next step, which with 0s goes out together with the one before. A
// round that starts again waits as the process says (I5).
func (r *run) stepDone() {
	r.Paging.Step++
	for r.Paging.Step >= len(r.p.Escalation) && r.Paging.Step < r.countSteps() &&
		isList(r.p.Escalation[r.Paging.Step%len(r.p.Escalation)].To) {
		r.Paging.Step++ // the list was named in the first round, and the card shows it
	}
	next := r.Paging.Step % len(r.p.Escalation)
	wait := r.p.Escalation[next].After
	if wait == 0 && next == 0 {
		wait = 5 * time.Minute
	}
	r.Paging.Next = r.f.At.Add(wait)
}

func joinNames(names []string) string { return strings.Join(names, ", ") }

// servicesOr returns the services of a step: its own, or the policy's.
func (r *run) servicesOr(own []string) []string {
	return r.p.ServicesOf(EscalationStep{By: own})
}

// pagePeople sends one page by these services, or by the policy's own if none is named.
func (r *run) pagePeople(to, by []string, why, text string) {
	r.sendPage(Send{To: to, By: by, Why: why, Text: text})
}

// sendPage sends a page under the next number and returns its key. Rotations become who is on call;
// where nobody is, nothing is sent, that is said, and the key is empty.
func (r *run) sendPage(s Send) string {
	s.By = r.servicesOr(s.By)
	reached := r.p.ReachOnCall(s.To, r.f.At)
	to, gaps := reached.To, reached.Gaps
	rotations := r.rotationsOf(s.To)
	if len(gaps) > 0 {
		r.sayGap(gaps, s, len(to) == 0)
	}
	if len(to) == 0 && len(gaps) > 0 {
		return ""
	}
	s.To = to
	if s.Why == "team" && s.Text == "" {
		s.Text = r.news // the incident's title says only what was known before
	}
	r.Paging.Sent++
	if isList(s.To) {
		r.Paging.Listed++
	}
	s.Key, s.Asker, s.Fact, s.At = fmt.Sprintf("page/%d", r.Paging.Sent), r.f.By.Login, r.f.ID, r.f.At
	r.Paging.Pages = keepNewest(append(r.Paging.Pages,
		Page{Key: s.Key, At: s.At, To: s.To, By: s.By, Why: s.Why, Rotations: rotations, Unread: reached.Unread}),
		keptPages)
	r.emit(s)
	return s.Key
}

// pageFailed notes which service did not take a page. If none did, that is said at once, with whom
// to call, and the next step does not wait (I5).
func (r *run) pageFailed(f PageFailed) {
	i := slices.IndexFunc(r.Paging.Pages, func(p Page) bool { return p.Key == f.Key })
	if i < 0 || slices.Contains(r.Paging.Pages[i].Lost, f.Service) {
		return
	}
	page := &r.Paging.Pages[i]
	page.Lost = append(slices.Clone(page.Lost), f.Service)
	if len(page.Lost) < len(page.By) {
		return
	}
	page.Failed = f.Why
	r.sayPageFailed(*page)
	switch {
	case page.Key == r.Summons.Page: // they can't be paged: mention them, and don't wait for them
		r.Summons.Mention = r.f.At
		if !r.Summons.Due.IsZero() {
			r.Summons.Due = r.f.At
		}
	case Escalates(page.Why) && !r.Paging.Next.IsZero() && !r.Paging.GaveUp:
		// the slower rhythm has no next step
		r.Paging.Next = r.f.At
	}
}

// sayPageFailed says that a page reached nobody, and whom to call.
func (r *run) sayPageFailed(p Page) {
	r.emit(Remind{Key: "failed/" + p.Key, At: r.f.At, Say: Say{
		Name: "page-failed", Line: joinNames(p.To), Reason: p.Failed, Names: r.p.Phones}})
}

// pageSkipped notes of a page that nobody got it: the card must not say that they did.
func (r *run) pageSkipped(f PageSkipped) {
	i := slices.IndexFunc(r.Paging.Pages, func(p Page) bool { return p.Key == f.Key })
	if i >= 0 && r.Paging.Pages[i].Failed == "" {
		r.Paging.Pages[i].Failed, r.Paging.Pages[i].Skipped = f.Why, true
	}
}

// applyAck takes an answer that was given at the pager (I5). It ends the escalation; the role is
// still to be taken.
func (r *run) applyAck(a Acknowledged) {
	known := slices.ContainsFunc(r.Paging.Pages, func(p Page) bool { return p.Key == a.Key })
	summoned := r.Summons.Page != "" && (a.Key == r.Summons.Page || r.Summons.Silent)
	if !known || !summoned && (r.Paging.Answered != nil || r.Paging.Next.IsZero() && !r.Paging.GaveUp) {
		return
	}
	r.f.By.Login = a.Name
	if summoned {
		r.summonsAnswered()
	} else {
		r.endPaging()
	}
	r.emit(Remind{Key: "ack/" + a.Key + "/" + a.Service + "/" + url.PathEscape(a.Name), At: r.f.At,
		Say: Say{Name: "acknowledged", Line: a.Name, Reason: a.Service}})
}

// answeredPage ends the escalation if somebody is being paged.
func (r *run) answeredPage() {
	if !r.Paging.Next.IsZero() || r.Paging.GaveUp {
		r.endPaging()
	}
}

// endPaging ends the escalation.
func (r *run) endPaging() {
	r.Paging.Next, r.Paging.GaveUp = time.Time{}, false
	if len(r.Paging.Pages) > 0 {
		r.Paging.Answered = r.stamped()
		r.record("answered", r.f.By.Login, "")
	}
}

// stopPaging ends the escalation without an answer.
func (r *run) stopPaging() {
	r.Paging.Next, r.Paging.GaveUp = time.Time{}, false
	r.Summons = Summons{}
}

// seekCoordinator pages the group for a critical incident that has no coordinator, unless that is
// under way (I4).
func (r *run) seekCoordinator() {
	if r.Critical(r.p) && r.IC == "" && (r.Paging.Next.IsZero() || r.Paging.GaveUp) {
		r.startPaging()
	}
}

// pageReason returns why the group is paged: the role is vacant, or its holder does not answer.
func (r *run) pageReason() string {
	if r.Summons.Silent && r.IC != "" {
		return "silent"
	}
	return "team"
}

// countSteps is how many steps the escalation has before it goes on at the slower rhythm.
func (r *run) countSteps() int { return len(r.p.Escalation) * max(1, r.p.Rounds) }

// isList reports whether a step only names the phone list.
func isList(to []string) bool {
	return !slices.ContainsFunc(to, func(to string) bool { return to != "phone" })
}

// giveUp says loudly that every round was walked and nobody answered. The escalation goes on at a
// slower rhythm (I5).
func (r *run) giveUp() {
	r.Paging.GaveUp = true
	r.pageLater()
	r.record("unanswered", "", "")
	r.sayGaveUp()
}

// sayGaveUp says that nobody answered, with the phone list.
func (r *run) sayGaveUp() {
	if r.Paging.Listed > 0 {
		r.sayUnanswered(Say{Lines: r.p.Phones}) // a step named whom to call
		return
	}
	r.sayUnanswered(Say{Names: r.p.Phones})
}

// sayUnanswered says how many pages nobody answered, in place of what was said before.
func (r *run) sayUnanswered(say Say) {
	say = Say{Name: "unanswered", Teams: say.Teams, Names: say.Names, Lines: say.Lines, Holder: say.Holder,
		Count: r.Paging.Count(), Time: r.Paging.Next}
	if r.Confirmed == nil {
		say.Variant = "unconfirmed"
	}
	r.emit(Remind{Key: fmt.Sprintf("unanswered/%d", r.Paging.Sent), At: r.f.At, Say: say})
}

// pageLater sets when everybody is paged again.
func (r *run) pageLater() {
	r.Paging.Next = time.Time{}
	if r.p.Again > 0 {
		r.Paging.Next = r.f.At.Add(r.p.Again)
	}
}

// Everybody returns all whom the steps name, the phone list left out, as one step for each set of services by which
// they are paged together.
func (p Policy) Everybody() (groups []EscalationStep) {
	for _, step := range p.Escalation {
		by := p.ServicesOf(step)
		i := slices.IndexFunc(groups, func(g EscalationStep) bool { return slices.Equal(g.By, by) })
		if i < 0 {
			i, groups = len(groups), append(groups, EscalationStep{By: by})
		}
		for _, to := range step.To {
			if to != "phone" && !naming.Contains(groups[i].To, to) {
				groups[i].To = append(groups[i].To, to)
			}
		}
	}
	return slices.DeleteFunc(groups, func(g EscalationStep) bool { return len(g.To) == 0 })
}

// pageEverybody pages everybody whom the steps name, once the rounds are over, each by the services
// of their steps, and mentions them on GitHub. People on the phone list are called by others.
func (r *run) pageEverybody() {
	groups := r.p.Everybody()
	var all []string
	for i := range groups {
		to := slices.DeleteFunc(r.onCall(r.withOwners(groups[i].To)), r.isRotation)
		for _, name := range to {
			if !naming.Contains(all, name) {
				all = append(all, name)
			}
		}
		groups[i].To = to
	}
	if len(groups) > 0 && len(all) == 0 { // nobody is on call in any rotation
		groups, all = []EscalationStep{{To: []string{r.p.Coordinators}}}, []string{r.p.Coordinators}
	}
	if len(all) == 0 {
		r.Paging.Next = time.Time{} // there is a phone list and nothing else
		return
	}
	r.pageLater()
	r.record("page", joinNames(all), "")
	for _, g := range groups {
		if len(g.To) > 0 {
			r.sendPage(Send{To: g.To, By: g.By, Why: r.pageReason(), Spoken: true})
		}
	}
	r.sayUnanswered(Say{Teams: all, Holder: r.IC})
}

// NextPage returns when the next step of the escalation is due (I5); the zero time if none is. An
// incident that somebody closes wakes nobody any more, though its postmortem and tickets may take a
// while to exist.
func (s State) NextPage() time.Time {
	if s.Phase == Closing {
		return time.Time{}
	}
	return s.Paging.Next
}

// NextEscalation returns when the escalation next may page somebody (I5): by its steps, for a role
// that nobody took after an answer, or for people who do not answer; the zero time: by nothing that
// is known now.
func (s State) NextEscalation() time.Time {
	next := s.NextPage()
	sooner := func(at time.Time, is bool) {
		if is && !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	sooner(s.Asked.Role, s.Asked.Open == "ic" && !s.Drill && !s.Paging.GaveUp)
	sooner(s.Summons.Due, true)
	return next
}
