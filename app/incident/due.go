package incident

import (
	"cmp"
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
	if s.Declared == nil {
		return nil
	}
	if s.Outcome != "" {
		return s.retries()
	}
	if s.Closed != nil {
		return append(s.afterwards(), s.retries()...)
	}
	all := []due{
		{s.Asked.Data, (*run).askData},
		{s.Asked.Claim, (*run).askClaim},
		{s.Asked.Role, (*run).askRole},
		{s.NextPage(), (*run).pageNext},
		{s.nextUpdate(p), (*run).updateDue},
		{s.StandBy.Update, (*run).askUpdate},
		{s.StandBy.CheckIn, (*run).checkIn},
		{s.Summons.Mention, (*run).mentionSummoned},
		{s.Summons.Due, (*run).replaceSummoned},
		{s.Asked.Handover, (*run).askHandover},
		{s.Day, (*run).turnDay},
	}
	if !s.StandBy.Asked && s.Phase == Monitoring {
		all = append(all, due{s.StandBy.Ends, (*run).standByOver})
	}
	return append(set(all), s.retries()...)
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

// mostDues is how much becomes due one after the other in one step: an update every 20 minutes of two months.
const mostDues = 5000

// tick does what is due, in order and each at its own time. A clock may jump by centuries: what is left after mostDues happens
// now, once, as each handler moves its time on from there.
func (r *run) tick(now time.Time, is func(time.Time) bool) {
	for n := 0; ; n++ {
		d, ok := r.first(r.p)
		if !ok || !is(d.at) || n > 2*mostDues {
			return
		}
		if r.f = (Fact{At: d.at}); n >= mostDues {
			r.f.At = now
		}
		d.what(r)
		r.keepAsking()
		r.watchRoles() // an escalation that gave up leaves the role vacant from now on, whenever somebody looks
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

func (r *run) startUpdates() { r.startUpdatesAt(r.f.At) }

// startUpdatesAt begins a wait. Where it is known that no customer is impacted nobody waits.
func (r *run) startUpdatesAt(at time.Time) {
	every := r.rhythm(r.p, at)
	if every == 0 || r.NothingToTell() {
		return
	}
	r.Updates.From, r.Updates.Due = at, at.Add(every)
	r.Updates.Stage, r.Updates.Overdue, r.Updates.Heard = 0, false, nil
}

// stopUpdates ends the rhythm; the wait that it ends counts towards the longest.
func (r *run) stopUpdates() {
	if !r.Updates.Due.IsZero() {
		r.Updates.Longest = max(r.Updates.Longest, r.f.At.Sub(r.Updates.From))
	}
	r.Updates.From, r.Updates.Due, r.Updates.Stage, r.Updates.Overdue, r.Updates.Heard = time.Time{}, time.Time{}, 0, false, nil
}

// nextUpdate gives when the next thing about the update happens: amber, due, overdue, due again.
func (s State) nextUpdate(p Policy) time.Time {
	if s.Updates.Due.IsZero() || s.rhythm(p, s.Updates.Due) == 0 { // the configuration may have said since that none is due
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
	since, names, unheard := u.From, r.Customers, r.Unheard()
	if len(unheard) > 0 {
		names = unheard
	}
	r.do(Remind{Key: fmt.Sprintf("update/%d", u.Due.Unix()), Topic: "update", At: r.f.At, Say: Say{
		Name: "update-due", Who: holder, Time: since, Count: u.Missed, Names: names, Command: "/ic update …", Untold: r.untold(unheard)}})
}

// askData asks for what I2 needs, more and more slowly, until it is there.
func (r *run) askData() {
	r.Asked.DataWait = doubled(cmp.Or(r.Asked.DataWait, r.p.AskData))
	r.Asked.Data = r.f.At.Add(r.Asked.DataWait)
	r.do(Remind{Key: fmt.Sprintf("data/%d", r.f.At.Unix()), Topic: "data", At: r.f.At, Say: Say{Name: "missing-data", Who: r.asked(), Missing: r.missing()}})
}

// askClaim asks the coordinators who takes what somebody outside reported (I7): at once, and more and more slowly until somebody does.
func (r *run) askClaim() {
	r.Asked.ClaimWait = cmp.Or(r.Asked.ClaimWait, r.p.AskClaim/2)
	r.Asked.ClaimWait = doubled(r.Asked.ClaimWait)
	r.Asked.Claim = r.f.At.Add(r.Asked.ClaimWait)
	r.do(Remind{Key: fmt.Sprintf("claim/%d", r.f.At.Unix()), Topic: "claim", At: r.f.At, Say: Say{
		Name: "unclaimed", Line: r.reporter(), Role: r.Claimed, Time: r.Declared.At, Teams: []string{r.p.Coordinators}}})
}

// reporter names who reported the incident: a source, or somebody who may not respond.
func (s State) reporter() string {
	if s.Source == "form" || s.Source == "label" || s.Source == "command" || s.Source == "" {
		return s.Declared.By
	}
	return s.Source
}

// vacancy names the role of a critical incident that nobody holds and nobody is paged for: "ic", "oe", or "".
func (r *run) vacancy() string {
	switch {
	case !r.Running() || !r.Critical(r.p) || r.Phase == Closing:
		return ""
	case r.IC == "" && r.Paging.Next.IsZero():
		return "ic"
	case r.Phase == Monitoring:
		return ""
	case r.IC != "" && len(r.OEs) == 0 && r.Alone == nil:
		return "oe"
	}
	return ""
}

// askRole asks once for each vacancy. For a coordinator it pages the group again: whoever answered the page has not taken the
// role.
func (r *run) askRole() {
	r.Asked.Role = time.Time{}
	holder, _ := r.Coordinator()
	say := Say{Name: "role-vacant", Who: holder, Role: r.Asked.Open}
	if r.Asked.Open == "ic" && !r.Drill { // a drill wakes nobody who isn't there already (A6)
		say.Teams = []string{r.p.Coordinators}
	}
	r.do(Remind{Key: fmt.Sprintf("role/%s/%d", r.Asked.Open, r.f.At.Unix()), Topic: "role", At: r.f.At, Say: say})
	if r.Asked.Open == "ic" && !r.Paging.GaveUp {
		r.startPaging()
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

// pageNext sends the next step (I5): from the start again until the rounds are walked, then everybody at a slower rhythm.
func (r *run) pageNext() {
	steps := r.p.Escalation
	switch {
	case r.Paging.GaveUp:
		r.pageEverybody()
		return
	case r.Paging.Step >= r.steps():
		r.giveUp()
		return
	}
	step := steps[r.Paging.Step%len(steps)]
	r.record("page", list(step.To), "")
	r.page(step.To, step.By, r.reason(), "")
	r.stepDone()
}

// stepDone moves the escalation on to its next step. A round that starts again waits as the process says (I5).
func (r *run) stepDone() {
	r.Paging.Step++
	for r.Paging.Step >= len(r.p.Escalation) && r.Paging.Step < r.steps() && isList(r.p.Escalation[r.Paging.Step%len(r.p.Escalation)].To) {
		r.Paging.Step++ // the list was named in the first round, and the card shows it
	}
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
	r.send(Send{To: to, By: by, Why: why, Text: text})
}

// send sends a page under the next number and gives its key.
func (r *run) send(s Send) string {
	s.By = r.by(s.By)
	r.Paging.Sent++
	if isList(s.To) {
		r.Paging.Listed++
	}
	s.Key, s.Asker, s.Fact, s.At = fmt.Sprintf("page/%d", r.Paging.Sent), r.f.By.Login, r.f.ID, r.f.At
	r.Paging.Pages = newest(append(r.Paging.Pages, Page{Key: s.Key, At: s.At, To: s.To, By: s.By, Why: s.Why}), keptPages)
	r.do(s)
	return s.Key
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
	switch {
	case page.Key == r.Summons.Page: // they can't be paged: mention them, and don't wait for them
		r.Summons.Mention = r.f.At
		if !r.Summons.Due.IsZero() {
			r.Summons.Due = r.f.At
		}
	case Escalates(page.Why) && !r.Paging.Next.IsZero() && !r.Paging.GaveUp: // the slower rhythm has no next step
		r.Paging.Next = r.f.At
	}
}

// pageSkipped notes of a page that nobody got it: the card must not say that they did.
func (r *run) pageSkipped(f PageSkipped) {
	i := slices.IndexFunc(r.Paging.Pages, func(p Page) bool { return p.Key == f.Key })
	if i >= 0 && r.Paging.Pages[i].Failed == "" {
		r.Paging.Pages[i].Failed, r.Paging.Pages[i].Skipped = f.Why, true
	}
}

// acknowledged takes an answer that was given at the pager (I5). It ends the escalation; the role is still to be taken.
func (r *run) acknowledged(a Acknowledged) {
	known := slices.ContainsFunc(r.Paging.Pages, func(p Page) bool { return p.Key == a.Key })
	summoned := r.Summons.Page != "" && (a.Key == r.Summons.Page || r.Summons.Silent)
	if !known || !summoned && (r.Paging.Answered != nil || r.Paging.Next.IsZero() && !r.Paging.GaveUp) {
		return
	}
	r.f.By.Login = a.Name
	if summoned {
		r.summonsAnswered()
	} else {
		r.answered()
	}
	r.do(Remind{Key: "ack/" + a.Key + "/" + a.Service + "/" + url.PathEscape(a.Name), At: r.f.At, Say: Say{Name: "acknowledged", Line: a.Name, Reason: a.Service}})
}

// answeredPage ends the escalation if somebody is being paged.
func (r *run) answeredPage() {
	if !r.Paging.Next.IsZero() || r.Paging.GaveUp {
		r.answered()
	}
}

// answered ends the escalation.
func (r *run) answered() {
	r.Paging.Next, r.Paging.GaveUp = time.Time{}, false
	if len(r.Paging.Pages) > 0 {
		r.Paging.Answered = r.stamped()
		r.record("answered", r.f.By.Login, "")
	}
}

func (r *run) askUpdate() {
	r.StandBy.Update = time.Time{}
	holder, _ := r.Coordinator()
	r.do(Remind{Key: fmt.Sprintf("told/%d", r.f.At.Unix()), Topic: "told", At: r.f.At, Say: Say{
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
		Name: "check-in", Who: holder, Time: r.StandBy.Ends, Count: r.StandBy.Checks, Try: []string{"/oe regression …", "/ic agree …"}}})
}

// standByOver asks for the customer's agreement at the end of stand-by.
func (r *run) standByOver() {
	r.StandBy.Asked = true
	if r.Agreed != nil {
		return
	}
	holder, _ := r.Coordinator()
	say := Say{Name: "stand-by-over", Who: holder, Names: r.Customers, Command: "/ic agree …"}
	if r.NothingToTell() {
		say.Role, say.Command = "none", "/ic close"
	}
	r.do(Remind{Key: fmt.Sprintf("stand-by/%d", r.StandBy.Ends.Unix()), Topic: "stand-by", At: r.f.At, Say: say})
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
