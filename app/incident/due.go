package incident

import (
	"slices"
	"time"
)

// due is one time at which something happens because of the clock.
type due struct {
	at   time.Time
	what func(*run)
}

// allDues lists what is due and when. Each handler moves its own time on, so that ticking ends.
func (s State) allDues(p Policy) []due {
	if s.Declared == nil {
		return nil
	}
	if s.Outcome != "" {
		return slices.Concat(s.statusDues(), s.retryDues(), s.chatDues(), s.freezeDues())
	}
	if s.Closed != nil {
		return slices.Concat(s.duesAfterClosing(), s.statusDues(), s.retryDues(), s.chatDues(), s.freezeDues())
	}
	all := []due{
		{s.Asked.Data, (*run).askData},
		{s.Asked.Claim, (*run).askClaim},
		{s.Asked.Role, (*run).askRole},
		{s.NextPage(), (*run).pageNext},
		{s.nextReread(), (*run).rereadRotation},
		{s.nextUpdate(p), (*run).updateDue},
		{s.StandBy.Update, (*run).askUpdate},
		{s.StandBy.CheckIn, (*run).checkIn},
		{s.Summons.Mention, (*run).mentionSummoned},
		{s.Summons.Due, (*run).replaceSummoned},
		{s.Asked.Handover, (*run).askHandover},
		{s.Day, (*run).turnDay},
		{s.nextTick(), (*run).askTicked},
	}
	if !s.StandBy.Asked && s.Phase == Monitoring {
		all = append(all, due{s.StandBy.Ends, (*run).standByOver})
	}
	return slices.Concat(onlySet(all), s.statusDues(), s.retryDues(), s.reversalDues(), s.runDues(),
		s.freezeDues(), onlySet(s.searchDues()))
}

// onlySet drops what is not due at any time.
func onlySet(all []due) []due {
	return slices.DeleteFunc(all, func(d due) bool { return d.at.IsZero() })
}

// duesAfterClosing lists what is due once the incident is closed: the postmortem's review and the
// follow-ups (C3, C4).
func (s State) duesAfterClosing() []due {
	all := []due{{s.Document.Next, (*run).askReview}}
	for i, fu := range s.FollowUps {
		if fu.Ticket != "" && !fu.Done {
			all = append(all, due{fu.Next, func(r *run) { r.nudgeOwner(i) }})
		}
	}
	return onlySet(all)
}

// Due returns the next time at which the incident must be looked at, or the zero time.
func Due(s State, p Policy) time.Time {
	next, _ := s.firstDue(p)
	return next.at
}

func (s State) firstDue(p Policy) (due, bool) {
	var first due
	for _, d := range s.allDues(p) {
		if first.at.IsZero() || d.at.Before(first.at) {
			first = d
		}
	}
	return first, !first.at.IsZero()
}

// mostDues is how much becomes due one after the other in one step: an update every 20 minutes of two months.
const mostDues = 5000

// runDue does what is due, in order and each at its own time. A clock may jump by centuries: what
// is left after mostDues happens now, once, as each handler moves its time on from there.
func (r *run) runDue(now time.Time, is func(time.Time) bool) {
	for n := 0; ; n++ {
		d, ok := r.firstDue(r.p)
		if !ok || !is(d.at) || n > 2*mostDues {
			return
		}
		if r.f = (Fact{At: d.at}); n >= mostDues {
			r.f.At = now
		}
		d.what(r)
		r.keepAsking()
		// an escalation that gave up leaves the role vacant from now on, whenever somebody looks
		r.watchRoles()
	}
}
