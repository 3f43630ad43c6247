package engine

import (
	"slices"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/wait"
)

// What a person did by hand is never undone on a read that is older than that. Where labels,
// assignees or the open state differ from the state, either somebody changed them, or what the app
// wanted is not done yet. The app corrects what this look decided, what it could not do before, and
// what an event that it has read explains. Anything else it leaves until the timeline shows
// something newer than the look that noticed it, or for a quarter of an hour.

// canCorrect reports whether a difference between the issue and the state may be corrected. subject
// is as subjectOf names it, event is what would have caused the difference, and isDecided means
// that this look wants the change.
func (r *reconciliation) canCorrect(about, event string, isDecided bool) bool {
	m := r.memoryOf(r.Ref)
	if isDecided || m.owed {
		return true
	}
	last, newest := "", time.Time{}
	for _, it := range r.Snapshot.Items {
		switch {
		case subjectOf(it.Event, it.Label, it.Login) == about:
			last = it.Event
		case it.Event == "transferred":
			last = event // what the new repository does not have was dropped with it
		}
		if it.At.After(newest) {
			newest = it.At
		}
	}
	if last == event && !r.isReadBehind {
		return true
	}
	since, noticed := m.unexplained[about]
	if !noticed {
		since = r.Now
	}
	patient := longestLag
	if r.Snapshot.First == 0 && last == "" {
		patient = maxLag // by the whole timeline it was never there: a process ended before it put it there
	}
	// A timeline that shows something newer would show who did it.
	if noticed && newest.After(since.Add(clockTolerance)) || r.Now.Sub(since) >= patient {
		return true
	}
	r.Logger.Info("left as it is until the timeline says why", "incident", r.Ref.String(), "what", about,
		"since", since)
	if r.unexplainedSince == nil {
		r.unexplainedSince = map[string]time.Time{}
	}
	r.unexplainedSince[about] = since
	return false
}

// dropUnexplained removes from the corrections what a person may have done.
func (r *reconciliation) dropUnexplained(add, remove, assign, dismiss []string) ([]string, []string,
	[]string, []string) {
	was := incident.AsWanted(r.Before, r.Policy)
	keep := func(names []string, effect, event string, before []string) (kept []string) {
		for _, name := range names {
			isDecided := !naming.Contains(before, name) || r.State.IsRefused(effect)
			if r.canCorrect(subjectOf(event, name, name), event, isDecided) {
				kept = append(kept, name)
			}
		}
		return kept
	}
	return keep(add, "labels", "unlabeled", was.Labels), keep(remove, "labels", "labeled", was.Unwanted),
		keep(assign, "assignees", "unassigned", was.Assignees), keep(dismiss, "assignees", "assigned",
			was.Dismissed)
}

// canCorrectState reports whether the app may close the issue, or open it again.
func (r *reconciliation) canCorrectState(open bool) bool {
	event := "reopened" // what made it so, if it is to be closed
	if open {
		event = "closed"
	}
	isDecided := incident.AsWanted(r.Before, r.Policy).Open != open || r.State.IsRefused("state")
	return r.canCorrect("state", event, isDecided)
}

// scheduleRecheck asks for another look soon at what was left as it is, or was read from a server
// that is behind.
func (r *reconciliation) scheduleRecheck() {
	if len(r.unexplainedSince) == 0 && !r.isReadBehind {
		return
	}
	pause := wait.Pause
	for _, since := range r.unexplainedSince {
		pause = max(pause, min(r.Now.Sub(since), maxLag))
	}
	r.DeferUntil(r.Now.Add(pause), UrgencyTicket)
}

// pendingCorrections returns what differs between the issue and how it should look.
func (r *reconciliation) pendingCorrections() (add, remove, assign, dismiss []string) {
	w := incident.AsWanted(r.State, r.Policy)
	for _, l := range w.Labels {
		if !naming.Contains(r.Snapshot.Labels, l) {
			add = append(add, l)
		}
	}
	for _, l := range r.Snapshot.Labels { // as the repository spells them
		if w.IsUnwanted(l) {
			remove = append(remove, l)
		}
	}
	for _, l := range w.Assignees {
		if !naming.Contains(r.Snapshot.Assignees, l) {
			assign = append(assign, l)
		}
	}
	for _, l := range w.Dismissed {
		if naming.Contains(r.Snapshot.Assignees, l) {
			dismiss = append(dismiss, l)
		}
	}
	slices.Sort(remove)
	add, remove, assign, dismiss = r.dropContested(add, remove, assign, dismiss)
	return r.dropUnexplained(add, remove, assign, dismiss)
}
