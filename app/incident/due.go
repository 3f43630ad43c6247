package incident

import (
	"fmt"
	"net/url"
	"slices"
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
	if s.Declared == nil || s.Outcome != "" {
		return nil
	}
	if s.Closed != nil {
		return s.afterwards()
	}
	all := []due{
		{s.Asked.Data, (*run).askData},
		{s.Asked.Role, (*run).askRole},
		{s.NextPage(), (*run).pageNext},
		{s.nextUpdate(p), (*run).updateDue},
		{s.StandBy.Update, (*run).askUpdate},
		{s.StandBy.CheckIn, (*run).checkIn},
		{s.Day, (*run).turnDay},
	}
	if !s.StandBy.Asked && s.Phase == Monitoring {
		all = append(all, due{s.StandBy.Ends, (*run).standByOver})
	}
	return set(all)
}

// NextPage gives when the next step of the escalation is due (I5); the zero time: none is. An incident that somebody closes wakes
// nobody any more, though its postmortem and tickets may take a while to exist.
func (s State) NextPage() time.Time {
	if s.Phase == Closing {
		return time.Time{}
	}
	return s.Paging.Next
}

// set drops what is not due at any time.
func set(all []due) []due {
	return slices.DeleteFunc(all, func(d due) bool { return d.at.IsZero() })
}

// afterwards lists what is due once the incident is closed: the postmortem's review and the follow-ups (C3, C4).
func (s State) afterwards() []due {
	all := []due{{s.Document.Next, (*run).askReview}}
	for i, fu := range s.FollowUps {
		if fu.Ticket != "" && !fu.Done {
			all = append(all, due{fu.Next, func(r *run) { r.nudge(i) }})
		}
	}
	return set(all)
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
				r.page([]string{r.p.Coordinators}, nil, "update", "")
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
	r.do(Remind{Key: fmt.Sprintf("update/%d", u.Due.Unix()), Topic: "update", At: r.f.At, Say: Say{
		Name: "update-due", Who: holder, Time: since, Count: u.Missed, Names: r.Customers, Command: "/ic update …"}})
}

// askData asks once for what I2 needs.
func (r *run) askData() {
	r.Asked.Data = time.Time{}
	if m := r.missing(); len(m) > 0 {
		holder, _ := r.Coordinator()
		r.do(Remind{Key: "data", Topic: "data", At: r.f.At, Say: Say{Name: "missing-data", Who: holder, Missing: m}})
	}
}

// vacancy names the role of a critical incident that nobody holds and nobody is paged for: "ic", "oe", or "".
func (r *run) vacancy() string {
	switch {
	case !r.Running() || !r.Critical(r.p) || r.Phase == Monitoring || r.Phase == Closing:
		return ""
	case r.IC == "" && r.Paging.Next.IsZero():
		return "ic"
	case r.IC != "" && len(r.OEs) == 0 && r.Alone == nil:
		return "oe"
	}
	return ""
}

// askRole asks once for each vacancy.
func (r *run) askRole() {
	r.Asked.Role = time.Time{}
	holder, _ := r.Coordinator()
	say := Say{Name: "role-vacant", Who: holder, Role: r.Asked.Open}
	if r.Asked.Open == "ic" && !r.Drill { // a drill wakes nobody who isn't there already (A6)
		say.Teams = []string{r.p.Coordinators}
	}
	r.do(Remind{Key: fmt.Sprintf("role/%s/%d", r.Asked.Open, r.f.At.Unix()), Topic: "role", At: r.f.At, Say: say})
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
		r.do(Remind{Key: fmt.Sprintf("unanswered/%d", r.Paging.Sent), Topic: "unanswered", At: r.f.At, Say: Say{Name: "unanswered", Names: r.p.Phones, Count: r.Paging.Sent}})
		return
	}
	step := steps[r.Paging.Step%len(steps)]
	r.record("page", list(step.To), "")
	r.page(step.To, step.By, "team", "")
	r.stepDone()
}

// stepDone moves the escalation on to its next step. A round that starts again waits as the process says (I5).
func (r *run) stepDone() {
	r.Paging.Step++
	wait := r.p.Escalation[r.Paging.Step%len(r.p.Escalation)].After
	if wait == 0 {
		wait = 5 * time.Minute
	}
	r.Paging.Next = r.f.At.Add(wait)
}

func list(names []string) string { return strings.Join(names, ", ") }

// by gives the services of a step: its own, or the policy's.
func (r *run) by(own []string) []string {
	if len(own) > 0 {
		return own
	}
	return []string{r.p.Pager}
}

// page sends one page by these services, or by the policy's own if none is named.
func (r *run) page(to, by []string, why, text string) {
	by = r.by(by)
	r.Paging.Sent++
	key := fmt.Sprintf("page/%d", r.Paging.Sent)
	r.Paging.Pages = newest(append(r.Paging.Pages, Page{Key: key, At: r.f.At, To: to, By: by, Why: why}), keptPages)
	r.do(Send{Key: key, To: to, By: by, Why: why, Text: text, Asker: r.f.By.Login, Fact: r.f.ID, At: r.f.At})
}

// pageFailed notes which service did not take a page. If none did, that is said at once, with whom to call, and the next
// step does not wait (I5).
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
	r.do(Remind{Key: "failed/" + f.Key, Topic: "page-failed", At: r.f.At, Say: Say{
		Name: "page-failed", Line: list(page.To), Reason: f.Why, Names: r.p.Phones}})
	if page.Why == "team" && !r.Paging.Next.IsZero() {
		r.Paging.Next = r.f.At
	}
}

// acknowledged takes an answer that was given at the pager (I5). It ends the escalation; the role is still to be taken.
func (r *run) acknowledged(a Acknowledged) {
	known := slices.ContainsFunc(r.Paging.Pages, func(p Page) bool { return p.Key == a.Key })
	if !known || r.Paging.Answered != nil || r.Paging.Next.IsZero() && !r.Paging.GaveUp {
		return
	}
	r.f.By.Login = a.Name
	r.answered()
	r.do(Remind{Key: "ack/" + a.Key + "/" + a.Service + "/" + url.PathEscape(a.Name), At: r.f.At, Say: Say{Name: "acknowledged", Line: a.Name, Reason: a.Service}})
}

// answered ends the escalation.
func (r *run) answered() {
	r.Paging.Next, r.Paging.GaveUp = time.Time{}, false
	if len(r.Paging.Pages) > 0 {
		r.Paging.Answered = r.stamped()
		r.record("answered", r.f.By.Login, "")
	}
}

// UnsentKey is the key of the reminder that the update of a time did not reach a customer by a channel.
func UnsentKey(customer, channel string, at time.Time) string {
	return "unsent/" + customer + "/" + channel + "/" + at.UTC().Format("20060102150405")
}

func (r *run) askUpdate() {
	r.StandBy.Update = time.Time{}
	holder, _ := r.Coordinator()
	r.do(Remind{Key: fmt.Sprintf("told/%d", r.Since.At.Unix()), Topic: "told", At: r.f.At, Say: Say{
		Name: "tell-customer", Who: holder, Phase: r.Phase, Names: r.Customers, Command: "/ic update …"}})
}

// nextCheckIn gives the next check-in of the stand-by: in working hours, and before its end, or never.
func (r *run) nextCheckIn() time.Time {
	at := r.p.Hours.Next(r.f.At.Add(r.p.CheckIn), r.p.Zone)
	if !at.Before(r.StandBy.Ends) {
		return time.Time{}
	}
	return at
}

// checkIn is M2's question, every 8 hours of stand-by.
func (r *run) checkIn() {
	r.StandBy.Checks++
	r.StandBy.CheckIn = r.nextCheckIn()
	holder, _ := r.Coordinator()
	r.do(Remind{Key: fmt.Sprintf("check-in/%d", r.f.At.Unix()), Topic: "stand-by", At: r.f.At, Say: Say{
		Name: "check-in", Who: holder, Time: r.StandBy.Ends, Count: r.StandBy.Checks}})
}

// standByOver asks for the customer's agreement at the end of stand-by.
func (r *run) standByOver() {
	r.StandBy.Asked = true
	if r.Agreed != nil {
		return
	}
	holder, _ := r.Coordinator()
	r.do(Remind{Key: fmt.Sprintf("stand-by/%d", r.StandBy.Ends.Unix()), Topic: "stand-by", At: r.f.At, Say: Say{
		Name: "stand-by-over", Who: holder, Names: r.Customers, Command: "/ic agree who and how"}})
}

// askReview asks for the review of a postmortem that is still open, every few working days (C3).
func (r *run) askReview() {
	r.Document.Next = r.p.Hours.Add(r.f.At, r.p.ReviewDays, r.p.Zone)
	if r.Document.Shut {
		return // the card asks what is to become of it
	}
	r.do(Remind{Key: fmt.Sprintf("review/%d", r.f.At.Unix()), Topic: "review", At: r.f.At, Say: Say{
		Name: "review-open", Count: r.Document.Number, Names: r.roles(), Time: r.Closed.At}})
}

// Reminders of a follow-up: this long before it is due, then this often (C4).
const (
	nudgeBefore = 48 * time.Hour
	nudgeEvery  = 7 * 24 * time.Hour
)

// nudge reminds a follow-up's owner, on its ticket.
func (r *run) nudge(i int) {
	fu := &r.FollowUps[i]
	due, overdue := r.dueDay(*fu), 0
	if r.f.At.After(due) {
		overdue = 1
	}
	if r.f.At.Before(due) {
		fu.Next = due.Add(24 * time.Hour) // the morning after
	} else {
		fu.Next = r.f.At.Add(nudgeEvery)
	}
	fu.Next = r.p.Hours.Next(fu.Next, r.p.Zone)
	r.do(Nudge{Index: i, Key: fmt.Sprintf("nudge/%d/%d", i, r.f.At.Unix()), Say: Say{Name: "follow-up-due", Who: r.OwnerOf(*fu), Count: overdue, Line: fu.Due}})
}

// dueDay gives the working morning of the day on which a follow-up is due, or the zero time.
func (r *run) dueDay(fu FollowUp) time.Time {
	zone := r.p.Zone
	if zone == nil {
		zone = time.UTC
	}
	day, err := time.ParseInLocation(time.DateOnly, fu.Due, zone)
	if err != nil {
		return time.Time{}
	}
	return r.p.Hours.Next(day, zone)
}

// remindOf sets when a follow-up's owner is reminded first.
func (r *run) remindOf(fu *FollowUp) {
	due := r.dueDay(*fu)
	if due.IsZero() {
		return
	}
	fu.Next = due.Add(-nudgeBefore)
	if fu.Next.Before(r.f.At) {
		fu.Next = r.f.At.Add(24 * time.Hour) // it was due sooner than that when the ticket was opened
	}
	fu.Next = r.p.Hours.Next(fu.Next, r.p.Zone)
}
