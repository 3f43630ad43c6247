package incident

import (
	"cmp"
	"errors"

	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/words"
)

// The commands of this file.
const (
	SetSeverity Kind = "severity"
)

var _ = register(Row{
	Kind: SetSeverity, Verbs: []string{VerbIC}, Word: "severity",
	Usage: "/ic severity critical [why]", Does: "confirm or change the severity",
	Example: "/ic severity critical", Who: HolderIC, Place: 220,
}, parseSeverity, func(r *run, c Command) {
	if r.confirmSeverity(c.Severity, c.Text) {
		r.done()
	}
})

// parseSeverity reads a severity and why.
func parseSeverity(w words.Words) (Command, error) {
	w = w.First()
	name, rest := words.CutName(w.Line)
	if name == "" {
		return Command{}, errors.New("add the severity")
	}
	return Command{Severity: name, Text: w.WithLine(rest).Text()}, nil
}

// confirmSeverity confirms or changes the severity (I3, I4) and reports whether it could.
func (r *run) confirmSeverity(name, why string) bool {
	name = cmp.Or(r.p.Named(name), name)
	if _, ok := r.p.Severity(name); !ok {
		var names []string
		for _, s := range r.p.Severities {
			names = append(names, s.Name)
		}
		r.refuse(Say{Name: "unknown-severity", Line: name, Names: names})
		return false
	}
	if r.Confirmed != nil && r.Severity == name {
		return true
	}
	was := r.Critical(r.p)
	r.Severity, r.Claimed, r.Confirmed = name, "", r.stamped()
	r.record("severity", name, why)
	if r.Phase == Identify {
		r.broadcast()
	}
	switch is := r.Critical(r.p); {
	case is && !was:
		r.becomeCritical()
	case !is:
		if was {
			r.stopUpdates()
		} else {
			r.answeredPage() // it was paged as unconfirmed: who says that it can wait has answered
		}
		r.stopPaging()
		r.dropSearches()
	}
	return true
}

// becomeCritical starts the P1 process: two different people, the page, and the customer's clock (I4, V3).
func (r *run) becomeCritical() {
	if r.IC != "" && naming.Contains(r.OEs, r.IC) && r.Alone == nil {
		// Whoever did both goes on as the engineer if nobody else is: they know the system, and
		// coordinators are paged.
		if len(r.OEs) > 1 {
			r.record("left", r.IC, "oe")
			r.OEs = withoutLogin(r.OEs, r.IC)
		} else {
			r.record("left", r.IC, "ic")
			r.IC, r.ICSince = "", nil
		}
	}
	if len(r.OEs) == 0 && r.Responder && !naming.Equal(r.IC, r.Declared.By) {
		r.OEs = []string{r.Declared.By}
		r.record("oe", r.Declared.By, "")
	}
	if r.Phase != Monitoring && r.Phase != Closing {
		r.startUpdates()
	}
	if r.IC != "" {
		r.answeredPage() // it was paged as unconfirmed, and its coordinator confirms it
	}
	r.seekCoordinator()
	if r.p.Changes.Automatic {
		r.Changes.want(false)
	}
	r.Hit.Owed = r.Hit.Owed || r.Hit.Read.IsZero() // which it is, and whose
	r.Similar.want(false)
	r.Runbook.want(false)
}
