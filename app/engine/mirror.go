package engine

import (
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// What a person did by hand is never undone on a read that is older than that. Where labels, assignees or the open issue differ from
// the state, either somebody changed them, or what the app wanted is not done yet. The app puts right what this look decided, what it
// could not do before, and what an event that it has read explains. Anything else it leaves until the timeline shows something newer
// than the look that noticed it, or for a quarter of an hour.

// mayPutRight reports whether a difference between the issue and the state may be put right. about names it as aboutOf does, event is
// what would have made it so, and isDecided tells that this look wants it.
func (p *pass) mayPutRight(about, event string, isDecided bool) bool {
	r := p.recentOf(p.m.Ref)
	if isDecided || r.owed {
		return true
	}
	last, newest := "", time.Time{}
	for _, it := range p.snap.Items {
		switch {
		case aboutOf(it.Event, it.Label, it.Login) == about:
			last = it.Event
		case it.Event == "transferred":
			last = event // what the new repository does not have was dropped with it
		}
		if it.At.After(newest) {
			newest = it.At
		}
	}
	if last == event && !p.behind {
		return true
	}
	since, noticed := r.unexplained[about]
	if !noticed {
		since = p.now
	}
	patient := longestLag
	if p.snap.First == 0 && last == "" {
		patient = lagging // it was never there, so far as the whole timeline tells: a process ended before it put it there
	}
	// A timeline that shows something newer would show who did it.
	if noticed && newest.After(since.Add(dating)) || p.now.Sub(since) >= patient {
		return true
	}
	p.Logger.Info("left as it is until the timeline says why", "incident", p.m.Ref.String(), "what", about, "since", since)
	if p.unexplained == nil {
		p.unexplained = map[string]time.Time{}
	}
	p.unexplained[about] = since
	return false
}

// leaveUnexplained drops from what is to be put right what a person may have done.
func (p *pass) leaveUnexplained(add, remove, assign, dismiss []string) ([]string, []string, []string, []string) {
	was := incident.AsWanted(p.before, p.policy)
	keep := func(names []string, effect, event string, before []string) (kept []string) {
		for _, name := range names {
			isDecided := !naming.Contains(before, name) || p.state.IsRefused(effect)
			if p.mayPutRight(aboutOf(event, name, name), event, isDecided) {
				kept = append(kept, name)
			}
		}
		return kept
	}
	return keep(add, "labels", "unlabeled", was.Labels), keep(remove, "labels", "labeled", was.Unwanted),
		keep(assign, "assignees", "unassigned", was.Assignees), keep(dismiss, "assignees", "assigned", was.Dismissed)
}

// mayPutStateRight is mayPutRight for whether the issue is open.
func (p *pass) mayPutStateRight(open bool) bool {
	event := "reopened" // what made it so, if it is to be closed
	if open {
		event = "closed"
	}
	isDecided := incident.AsWanted(p.before, p.policy).Open != open || p.state.IsRefused("state")
	return p.mayPutRight("state", event, isDecided)
}

// lookAgain asks for another look soon at what was left as it is, or read from behind.
func (p *pass) lookAgain() {
	if len(p.unexplained) == 0 && !p.behind {
		return
	}
	wait := longestPause
	for _, since := range p.unexplained {
		wait = max(wait, min(p.now.Sub(since), lagging))
	}
	p.comeBack(p.now.Add(wait), UrgencyTicket)
}
