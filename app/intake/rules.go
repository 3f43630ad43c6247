package intake

import (
	"fmt"
	"regexp"
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

	Action     Action // empty: Open
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
	Severity   string // a hint: the policy may not know it
	Customer   string // likewise, one or more, separated by commas
	Repository string
	Rule       int // index of the rule that fitted; -1: none did
}

// Map says what becomes of a Signal: the first rule that fits decides, and without any it opens an incident. A recovery
// opens nothing and pages nobody, and neither does a drill page (A6). Nobody becomes a customer by a mail that anybody may have sent, but it is taken all the
// same.
func Map(s Signal, rules []Rule) Decision {
	d := Decision{Action: Open, Severity: s.SeverityHint, Customer: s.CustomerHint, Rule: -1}
	for i, r := range rules {
		if !r.fits(s) {
			continue
		}
		d.Rule, d.Repository = i, r.Repository
		if r.Action != "" {
			d.Action = r.Action
		}
		if r.Severity != "" {
			d.Severity = r.Severity
		}
		if r.Customer != "" {
			d.Customer = r.Customer
		}
		break
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

func (r Rule) fits(s Signal) bool {
	if r.Source != "" && r.Source != s.Source || r.Title != nil && !r.Title.MatchString(s.Title) {
		return false
	}
	for name, p := range r.Labels {
		if !p.MatchString(s.Labels[name]) {
			return false
		}
	}
	return true
}
