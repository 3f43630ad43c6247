package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// ReachOnCall returns whom names mean at a time: rotations become who is on call in them (O1). If
// that is nobody at all, they are the coordinators.
func (p Policy) ReachOnCall(names []string, at time.Time) []string {
	to, gaps := p.OnCall.Reach(names, at)
	if len(to) == 0 && len(gaps) > 0 {
		return []string{p.Coordinators}
	}
	return to
}

// onCall returns names with who is on call in place of rotations. A rotation with nobody stays.
func (r *run) onCall(names []string) []string {
	to, gaps := r.p.OnCall.Reach(names, r.f.At)
	return append(to, gaps...)
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
	key := fmt.Sprintf("gap/%d/%s", r.f.At.Unix(), strings.Join(gaps, "+"))
	r.emit(Remind{Key: key, At: r.f.At, Say: say})
}

// brokenOnCall says, once for each version of the file, that the rotations can't be read.
func (r *run) brokenOnCall(w BrokenOnCall) {
	if r.Asked.OnCall == w.Where {
		return
	}
	if r.Asked.OnCall = w.Where; w.Where != "" {
		r.emit(Remind{Key: "oncall/" + w.Where, At: r.f.At, Say: Say{Name: "on-call-broken", Reason: w.Why}})
	}
}

// WhoIsPaged returns whom a step pages at a time, as the card shows it: a rotation with who is on call
// in it.
func (p Policy) WhoIsPaged(step EscalationStep, at time.Time) (out []string) {
	for _, name := range step.To {
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
