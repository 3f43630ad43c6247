package intake

import (
	"cmp"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// Decision is what becomes of a Signal.
type Decision struct {
	Action     incident.RuleAction
	Title      string // of what decided
	Severity   string // a hint: the policy may not know it
	Customer   string // likewise, one or more, separated by commas
	Repository string
}

// Decide returns what becomes of a Signal by a policy. The first rule that matches decides. Where
// none says what to do, what claims to be critical pages (I7), and anything else opens an incident.
// Of a group each alert is decided for itself, and the most that any of them asks for is done, as
// the most severe of those asks.
//
// What a machine answers to a mail, as an out-of-office note (RFC 3834), is noted where it belongs
// to an incident, and opens none, unless a rule says so. A recovery opens nothing and pages nobody,
// and neither does a drill page (A6). Nobody becomes a customer by a mail that anybody may have
// sent, but it is taken all the same.
func Decide(s Signal, policy incident.Policy) Decision {
	alerts := s.Alerts
	if len(alerts) == 0 {
		alerts = []Alert{{Title: s.Title, Labels: s.Labels, Severity: s.SeverityHint}}
	}

	var d Decision
	var customers []string
	for i, a := range alerts {
		one := decideAlert(s, a, policy)
		if one.Action != incident.RuleDrop {
			customers = addNames(customers, one.Customer)
		}
		if i == 0 || one.outweighs(d, policy) {
			d = one
		}
	}
	if len(alerts) > 1 && d.Action != incident.RuleDrop {
		d.Customer = strings.Join(customers, ", ")
	}

	if s.Trust == Unverified {
		d.Customer = ""
	}
	if s.Drill && d.Action == incident.RulePage {
		d.Action = incident.RuleOpen
	}
	if !s.Firing && d.Action != incident.RuleDrop {
		d.Action = incident.RuleNote
	}
	return d
}

// decideAlert returns what becomes of one alert.
func decideAlert(s Signal, a Alert, policy incident.Policy) Decision {
	d := Decision{Title: s.Title, Severity: a.Severity, Customer: s.CustomerHint}
	if a.Severity != s.SeverityHint {
		d.Title = a.Title
	}
	for _, r := range policy.Signals {
		if r.Matches(s.Source, a.Labels, s.Title, a.Title) {
			d.Repository, d.Action = r.Repository, r.Action
			d.Severity, d.Customer = cmp.Or(r.Severity, d.Severity), cmp.Or(r.Customer, d.Customer)
			break
		}
	}

	switch {
	case d.Action != "":
	case strings.HasPrefix(s.Labels["auto-submitted"], autoReplied):
		d.Action = incident.RuleNote
	case isCritical(d.Severity, policy):
		d.Action = incident.RulePage
	default:
		d.Action = incident.RuleOpen
	}
	return d
}

// isCritical reports whether a severity, as a source calls it, is critical by the policy.
func isCritical(severity string, policy incident.Policy) bool {
	return policy.Critical(policy.Named(severity))
}

// outweighs reports whether a decision asks for more than another.
func (d Decision) outweighs(other Decision, policy incident.Policy) bool {
	actions := []incident.RuleAction{
		incident.RuleDrop,
		incident.RuleNote,
		incident.RuleOpen,
		incident.RulePage,
	}
	if a, b := slices.Index(actions, d.Action), slices.Index(actions, other.Action); a != b {
		return a > b
	}
	return isCritical(d.Severity, policy) && !isCritical(other.Severity, policy)
}

// addNames adds names, separated by commas, to those that are there.
func addNames(names []string, more string) []string {
	for name := range strings.SplitSeq(more, ",") {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
