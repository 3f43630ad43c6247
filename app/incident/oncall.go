package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// Reached is whom names of a step mean at a time.
type Reached struct {
	To   []string // people and teams
	Gaps []string // rotations with nobody on call
	// Unread are names that may be rotations of a file that could not be read: To has the coordinators in their
	// place.
	Unread []string
}

// ReachOnCall returns whom names mean at a time: rotations become who is on call in them (O1). Where a name may be a
// rotation that can't be read, the coordinators take its place: the configuration names them as a team.
func (p Policy) ReachOnCall(names []string, at time.Time) (reached Reached) {
	var sure []string
	for _, name := range names {
		if !p.isDoubtful(name) {
			sure = append(sure, name)
			continue
		}
		reached.Unread = append(reached.Unread, name)
		if !naming.Contains(sure, p.Coordinators) {
			sure = append(sure, p.Coordinators)
		}
	}
	reached.To, reached.Gaps = p.OnCall.Reach(sure, at)
	return reached
}

// ReachSomebody is ReachOnCall for a page that no next step follows: where nobody at all is on call, it goes to the
// coordinators.
func (p Policy) ReachSomebody(names []string, at time.Time) Reached {
	reached := p.ReachOnCall(names, at)
	if len(reached.To) == 0 && len(reached.Gaps) > 0 {
		reached.To = []string{p.Coordinators}
	}
	return reached
}

// ReachesNobody reports whether no step of the escalation has anybody who is on call.
func (p Policy) ReachesNobody(at time.Time) bool {
	for _, group := range p.Everybody() {
		if len(p.ReachOnCall(group.To, at).To) > 0 {
			return false
		}
	}
	return true
}

// isDoubtful reports whether a name of a step may be a rotation that can't be read. Of some names the configuration
// says that they are teams: the coordinators, the responders, and those that a service has a name for.
func (p Policy) isDoubtful(name string) bool {
	if !p.OnCall.IsDoubtful(name) || name == "phone" || naming.Equal(name, p.Coordinators) {
		return false
	}
	for _, s := range p.Services {
		for target := range s.Targets {
			if naming.Equal(target, name) {
				return false
			}
		}
	}
	return !naming.Contains(p.Responders, name)
}

// onCall returns names with who is on call in place of rotations. A rotation with nobody stays.
func (r *run) onCall(names []string) []string {
	reached := r.p.ReachOnCall(names, r.f.At)
	return append(reached.To, reached.Gaps...)
}

func (r *run) isRotation(name string) bool {
	_, ok := r.p.OnCall.Find(name)
	return ok
}

// rotationsOf returns those of names that are rotations with somebody on call.
func (r *run) rotationsOf(names []string) (out []string) {
	for _, name := range names {
		if rotation, ok := r.p.OnCall.Find(name); ok && len(r.p.OnCall.OnCall(name, r.f.At)) > 0 {
			out = append(out, rotation.Name)
		}
	}
	return out
}

// withSomebody returns whom a step pages: the coordinators in its place, which is said, where nobody is on call in
// it and no other step has anybody. A next step would be paged at once, and find nobody either. The phone list pages
// nobody.
func (r *run) withSomebody(to []string) []string {
	reached := r.p.ReachOnCall(to, r.f.At)
	if !isList(reached.To) || len(reached.Gaps) == 0 || !r.p.ReachesNobody(r.f.At) {
		return to
	}
	r.emit(Remind{Key: gapKey(r.f.At, reached.Gaps), At: r.f.At,
		Say: Say{Name: "on-call-gap", Variant: "instead", Lines: reached.Gaps, Line: r.p.Coordinators}})
	return append([]string{r.p.Coordinators}, reached.To...)
}

func gapKey(at time.Time, gaps []string) string {
	return fmt.Sprintf("gap/%d/%s", at.Unix(), strings.Join(gaps, "+"))
}

// sayGap says loudly that a page reaches nobody of a rotation, as nobody is on call there, and names
// the phone list if it reaches nobody at all (I5).
func (r *run) sayGap(gaps []string, s Send, isNobody bool) {
	say := Say{Name: "on-call-gap", Lines: gaps}
	switch {
	case isNobody && Escalates(s.Why) && !r.Paging.GaveUp && r.Paging.Step+1 < r.countSteps():
		say.Variant = "next"
	case isNobody:
		say.Variant, say.Names = "nobody", r.p.Phones
	}
	r.emit(Remind{Key: gapKey(r.f.At, gaps), At: r.f.At, Say: say})
}

// brokenOnCall says, once for each version of the file, that the rotations can't be read.
func (r *run) brokenOnCall(w BrokenOnCall) {
	r.pageReadRotation()
	if r.p.OnCall.Unread != "" && !slices.ContainsFunc(r.p.Escalation, func(step EscalationStep) bool {
		return slices.ContainsFunc(step.To, r.p.isDoubtful)
	}) {
		w = BrokenOnCall{} // nobody is paged who is in doubt
	}
	if r.Asked.OnCall == w.Where {
		return
	}
	if r.Asked.OnCall = w.Where; w.Where == "" {
		return
	}
	say := Say{Name: "on-call-broken", Reason: w.Why}
	if r.p.OnCall.Unread != "" || len(r.p.OnCall.Lost) > 0 {
		say.Variant, say.Line, say.Names = "unread", r.p.Coordinators, r.p.OnCall.Lost
	}
	r.emit(Remind{Key: "oncall/" + w.Where, At: r.f.At, Say: say})
}

// unreadPage returns the newest page if it went to the coordinators in place of a rotation that could not be read, and
// nobody answered it yet.
func (s State) unreadPage() *Page {
	n := len(s.Paging.Pages)
	if n == 0 || s.NextPage().IsZero() || s.Paging.GaveUp || s.Paging.Step == 0 {
		return nil
	}
	last := &s.Paging.Pages[n-1]
	if len(last.Unread) == 0 || !Escalates(last.Why) {
		return nil
	}
	return last
}

// nextReread returns when the rotations are tried again while a page waits for them.
func (s State) nextReread() time.Time {
	page := s.unreadPage()
	switch {
	case page == nil:
		return time.Time{}
	case s.Paging.Reread.After(page.At):
		return s.Paging.Reread
	}
	return page.At.Add(firstReread)
}

// firstReread is how long after a page the rotations are tried again; each further wait is twice as long.
const firstReread = time.Minute

// rereadRotation is a look for rotations that a page waits for: the look has read them, or could not.
func (r *run) rereadRotation() {
	if r.pageReadRotation(); r.unreadPage() != nil {
		r.Paging.Reread = r.f.At.Add(r.f.At.Sub(r.unreadPage().At))
	}
}

// pageReadRotation pages the step again whose rotation could not be read when its page was due, now that it can be:
// whoever is on call heard nothing, and must not wait for the next step.
func (r *run) pageReadRotation() {
	last := r.unreadPage()
	if last == nil || slices.ContainsFunc(last.Unread, r.p.isDoubtful) {
		return
	}
	last.Unread = nil
	r.Paging.Step--
	r.Paging.Next = r.f.At
}

// WhoIsPaged returns whom a step pages at a time, as the card shows it: a rotation with who is on call
// in it.
func (p Policy) WhoIsPaged(step EscalationStep, at time.Time) (out []string) {
	for _, name := range step.To {
		if p.isDoubtful(name) {
			out = append(out, fmt.Sprintf("%s (unknown: %s)", name, p.Coordinators))
			continue
		}
		rotation, ok := p.OnCall.Find(name)
		if !ok {
			out = append(out, name)
			continue
		}
		who := []string{"nobody"}
		if people := p.OnCall.OnCall(name, at); len(people) > 0 {
			who = nil
			for _, one := range people {
				who = append(who, strings.TrimPrefix(one.Name, "@"))
			}
		}
		out = append(out, fmt.Sprintf("%s (%s)", rotation.Name, strings.Join(who, ", ")))
	}
	return slices.Clip(out)
}
