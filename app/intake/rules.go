package intake

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Action is what becomes of a Signal.
type Action string

// The actions.
const (
	Open Action = "open" // an incident, or an entry on the one that is open
	Page Action = "page" // the same, and the first step of the escalation is paged at once, before anybody confirmed it
	Note Action = "note" // an entry on the incident that is open, if there is one
	Drop Action = "drop" // nothing
)

// Rule says what becomes of the Signals that fit it. What it leaves empty fits everything.
type Rule struct {
	Source string                    // as in Signal
	Labels map[string]*regexp.Regexp // each label must fit as a whole: see Pattern
	Title  *regexp.Regexp            // must be found somewhere

	Action     Action // empty: Page for what claims to be critical, else Open
	Severity   string // of the policy; empty: the source's hint
	Customer   string // of the policy; empty: the source's hint
	Repository string // owner/repo of the incident; empty: where the rules stand
}

// Pattern gives the expression for a label's whole value: a plain word fits only itself.
func Pattern(expression string) (*regexp.Regexp, error) {
	p, err := regexp.Compile("^(?:" + expression + ")$")
	if err != nil {
		return nil, fmt.Errorf("%q is not a regular expression for a label: %w", expression, err)
	}
	return p, nil
}

// Decision is what Map says of a Signal.
type Decision struct {
	Action     Action
	Title      string // of what decided
	Severity   string // a hint: the policy may not know it
	Customer   string // likewise, one or more, separated by commas
	Repository string
	Rule       int // index of the rule that fitted; -1: none did
}

// Map says what becomes of a Signal. The first rule that fits decides. Where none says what to do, what claims to be critical pages
// (I7), and anything else opens an incident. Of a group each alert is judged by itself, and the most that any of them asks for is
// done, as the most severe of those asks.
//
// A recovery opens nothing and pages nobody, and neither does a drill page (A6). Nobody becomes a customer by a mail that anybody may
// have sent, but it is taken all the same.
func Map(s Signal, rules []Rule, isCritical func(severity string) bool) Decision {
	alerts := s.Alerts
	if len(alerts) == 0 {
		alerts = []Alert{{Title: s.Title, Labels: s.Labels, Severity: s.SeverityHint}}
	}
	var d Decision
	var customers []string
	for i, a := range alerts {
		one := judge(s, a, rules, isCritical)
		if one.Action != Drop {
			customers = add(customers, one.Customer)
		}
		if i == 0 || one.weighs(d, isCritical) {
			d = one
		}
	}
	if len(alerts) > 1 && d.Action != Drop {
		d.Customer = strings.Join(customers, ", ")
	}
	if s.Trust == Unverified {
		d.Customer = ""
	}
	if s.Drill && d.Action == Page {
		d.Action = Open
	}
	if !s.Firing && d.Action != Drop {
		d.Action = Note
	}
	return d
}

// judge decides of one alert.
func judge(s Signal, a Alert, rules []Rule, isCritical func(severity string) bool) Decision {
	d := Decision{Title: s.Title, Severity: a.Severity, Customer: s.CustomerHint, Rule: -1}
	if a.Severity != s.SeverityHint {
		d.Title = a.Title
	}
	for i, r := range rules {
		if !r.fits(s, a) {
			continue
		}
		d.Rule, d.Repository, d.Action = i, r.Repository, r.Action
		d.Severity, d.Customer = cmp.Or(r.Severity, d.Severity), cmp.Or(r.Customer, d.Customer)
		break
	}
	switch {
	case d.Action != "":
	case isCritical(d.Severity):
		d.Action = Page
	default:
		d.Action = Open
	}
	return d
}

// weighs reports whether a decision asks for more than another.
func (d Decision) weighs(than Decision, isCritical func(severity string) bool) bool {
	actions := []Action{Drop, Note, Open, Page}
	if a, b := slices.Index(actions, d.Action), slices.Index(actions, than.Action); a != b {
		return a > b
	}
	return isCritical(d.Severity) && !isCritical(than.Severity)
}

// add adds names, separated by commas, to those that are there.
func add(names []string, more string) []string {
	for name := range strings.SplitSeq(more, ",") {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func (r Rule) fits(s Signal, a Alert) bool {
	if r.Source != "" && r.Source != s.Source || r.Title != nil && !r.Title.MatchString(s.Title) && !r.Title.MatchString(a.Title) {
		return false
	}
	for name, p := range r.Labels {
		if !p.MatchString(a.Labels[name]) {
			return false
		}
	}
	return true
}
