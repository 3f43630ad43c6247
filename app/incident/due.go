package incident

import (
	"fmt"
	"strings"
	"time"
)

// due is one time at which something happens by itself.
type due struct {
	at   time.Time
	what func(*run)
}

// dues lists what is due and when. Each handler moves its own time on, so that ticking ends.
func (s State) dues(p Policy) []due {
	if !s.Running() {
		return nil
	}
	all := []due{
		{s.Asked.Data, (*run).askData},
		{s.Paging.Next, (*run).pageNext},
		{s.nextUpdate(p), (*run).updateDue},
		{s.StandBy.Update, (*run).askUpdate},
		{s.StandBy.CheckIn, (*run).checkIn},
	}
	if !s.StandBy.Asked && s.Phase == Monitoring {
		all = append(all, due{s.StandBy.Ends, (*run).standByOver})
	}
	set := all[:0]
	for _, d := range all {
		if !d.at.IsZero() {
			set = append(set, d)
		}
	}
	return set
}

// Due gives the next time at which the incident must be looked at, or the zero time.
func Due(s State, p Policy) time.Time {
	next, _ := s.first(p)
	return next.at
}

func (s State) first(p Policy) (due, bool) {
	var first due
	for _, d := range s.dues(p) {
		if first.at.IsZero() || d.at.Before(first.at) {
			first = d
		}
	}
	return first, !first.at.IsZero()
}

// tick does what is due, in order and each at its own time.
func (r *run) tick(is func(time.Time) bool) {
	for {
		d, ok := r.first(r.p)
		if !ok || !is(d.at) {
			return
		}
		r.f = Fact{At: d.at}
		d.what(r)
	}
}

// rhythm gives the wait between updates at a time (V3: slower after two hours).
func (s State) rhythm(p Policy, at time.Time) time.Duration {
	sev, _ := p.Severity(s.Severity)
	if sev.Later > 0 && s.Confirmed != nil && !at.Before(s.Confirmed.At.Add(sev.After)) {
		return sev.Later
	}
	return sev.Every
}

func (r *run) startUpdates() {
	every := r.rhythm(r.p, r.f.At)
	if every == 0 {
		return
	}
	r.Updates.From, r.Updates.Due = r.f.At, r.f.At.Add(every)
	r.Updates.Stage, r.Updates.Overdue = 0, false
}

// stopUpdates ends the rhythm; the wait that it ends counts towards the longest.
func (r *run) stopUpdates() {
	if !r.Updates.Due.IsZero() {
		r.Updates.Longest = max(r.Updates.Longest, r.f.At.Sub(r.Updates.From))
	}
	r.Updates.From, r.Updates.Due, r.Updates.Stage, r.Updates.Overdue = time.Time{}, time.Time{}, 0, false
}

// updated counts an update that was sent, and starts the next wait.
func (r *run) updated() {
	u := &r.Updates
	u.Last = r.f.At
	r.StandBy.Update = time.Time{}
	if u.Due.IsZero() {
		return
	}
	if !r.f.At.After(u.Due) && !u.Overdue {
		u.Kept++
	}
	u.Longest = max(u.Longest, r.f.At.Sub(u.From))
	r.startUpdates()
}

// nextUpdate gives when the next thing about the update happens: amber, due, overdue, due again.
func (s State) nextUpdate(p Policy) time.Time {
	if s.Updates.Due.IsZero() {
		return time.Time{}
	}
	sev, _ := p.Severity(s.Severity)
	switch s.Updates.Stage {
	case 0:
		return s.Updates.Due.Add(-sev.Amber)
	case 1:
		return s.Updates.Due
	case 2:
		return s.Updates.Due.Add(sev.Grace)
	}
	return s.Updates.Due.Add(s.rhythm(p, s.Updates.Due))
}

// updateDue is V3: amber, then a mention of the IC and one more missed, then the label and the group.
func (r *run) updateDue() {
	u := &r.Updates
	switch u.Stage {
	case 0:
		u.Stage = 1
		return
	case 2:
		u.Stage = 3
		if !u.Overdue {
			u.Overdue = true
			r.record("overdue", "", "")
			if !r.Drill {
				r.page([]string{r.p.Coordinators}, "update", "")
			}
		}
		return
	case 3:
		u.Due = r.f.At // still nothing: the next one is missed too
	}
	u.Stage = 2
	u.Missed++
	r.record("missed", "", "")
	holder, _ := r.Coordinator()
	since := u.From
	r.do(Remind{Key: fmt.Sprintf("update/%d", u.Due.Unix()), At: r.f.At, Say: Say{
		Name: "update-due", Who: holder, Time: since, Count: u.Missed, Names: r.Customers, Command: "/ic update …"}})
}

// askData asks once for what I2 needs.
func (r *run) askData() {
	r.Asked.Data = time.Time{}
	if m := r.missing(); len(m) > 0 {
		holder, _ := r.Coordinator()
		r.do(Remind{Key: "data", At: r.f.At, Say: Say{Name: "missing-data", Who: holder, Missing: m}})
	}
}

// startPaging walks the escalation from its start (I4). A drill pages nobody (A6).
func (r *run) startPaging() {
	if r.Drill || len(r.p.Escalation) == 0 {
		return
	}
	r.Paging.Step, r.Paging.Answered, r.Paging.GaveUp = 0, nil, false
	r.Paging.Next = r.f.At.Add(r.p.Escalation[0].After)
}

// pageNext sends the next step (I5): from the start again until the rounds are walked, then it gives up loudly.
func (r *run) pageNext() {
	steps := r.p.Escalation
	if r.Paging.Step >= len(steps)*max(1, r.p.Rounds) {
		r.Paging.Next, r.Paging.GaveUp = time.Time{}, true
		r.record("unanswered", "", "")
		r.do(Remind{Key: fmt.Sprintf("unanswered/%d", r.Paging.Sent), At: r.f.At, Say: Say{Name: "unanswered", Names: r.p.Phones, Count: r.Paging.Sent}})
		return
	}
	step := steps[r.Paging.Step%len(steps)]
	r.record("page", strings.Join(step.To, ", "), "")
	r.page(step.To, "team", "")
	r.Paging.Step++
	wait := steps[r.Paging.Step%len(steps)].After
	if wait == 0 {
		wait = 5 * time.Minute // a round that starts again waits as the process says (I5)
	}
	r.Paging.Next = r.f.At.Add(wait)
}

// page sends one page.
func (r *run) page(to []string, why, text string) {
	r.Paging.Sent++
	key := fmt.Sprintf("page/%d", r.Paging.Sent)
	r.Paging.Pages = newest(append(r.Paging.Pages, Page{Key: key, At: r.f.At, To: to, Why: why}), keptPages)
	r.do(Send{Key: key, To: to, Why: why, Text: text, By: r.f.By.Login, At: r.f.At})
}

func (r *run) askUpdate() {
	r.StandBy.Update = time.Time{}
	holder, _ := r.Coordinator()
	r.do(Remind{Key: fmt.Sprintf("told/%d", r.Since.At.Unix()), At: r.f.At, Say: Say{
		Name: "tell-customer", Who: holder, Phase: r.Phase, Names: r.Customers, Command: "/ic update …"}})
}

// checkIn is M2's question, every 8 hours of stand-by.
func (r *run) checkIn() {
	r.StandBy.Checks++
	r.StandBy.CheckIn = r.f.At.Add(r.p.CheckIn)
	if !r.StandBy.CheckIn.Before(r.StandBy.Ends) {
		r.StandBy.CheckIn = time.Time{}
	}
	holder, _ := r.Coordinator()
	r.do(Remind{Key: fmt.Sprintf("check-in/%d", r.f.At.Unix()), At: r.f.At, Say: Say{
		Name: "check-in", Who: holder, Time: r.StandBy.Ends, Count: r.StandBy.Checks}})
}

// standByOver asks for the customer's agreement at the end of stand-by.
func (r *run) standByOver() {
	r.StandBy.Asked = true
	if r.Agreed != nil {
		return
	}
	holder, _ := r.Coordinator()
	r.do(Remind{Key: fmt.Sprintf("stand-by/%d", r.StandBy.Ends.Unix()), At: r.f.At, Say: Say{
		Name: "stand-by-over", Who: holder, Names: r.Customers, Command: "/ic agree who and how"}})
}
