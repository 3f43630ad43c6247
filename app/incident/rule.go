package incident

import "regexp"

// RuleAction is what becomes of a report.
type RuleAction string

// The actions.
const (
	RuleOpen RuleAction = "open" // an incident, or an entry on the one that is open
	// the same, and the first step of the escalation is paged at once, before anybody confirmed it
	RulePage RuleAction = "page"
	RuleNote RuleAction = "note" // an entry on the incident that is open, if there is one
	RuleDrop RuleAction = "drop" // nothing
)

// RuleActions lists the actions.
func RuleActions() []string {
	return []string{string(RuleOpen), string(RulePage), string(RuleNote), string(RuleDrop)}
}

// Rule says what becomes of the reports that it matches (I1). What it leaves empty matches everything.
type Rule struct {
	Source string
	Labels map[string]*regexp.Regexp // each label must match as a whole: see CompileLabel
	Title  *regexp.Regexp            // must be found somewhere

	Action     RuleAction // empty: page for what claims to be critical, else open
	Severity   string     // of the policy; empty: the source's own
	Customer   string     // of the policy; empty: the source's own
	Repository string     // owner/repo of the incident; empty: the one with the rules
}

// CompileLabel returns the expression for a label's whole value: a plain word matches only itself.
func CompileLabel(expression string) (*regexp.Regexp, error) {
	return regexp.Compile("^(?:" + expression + ")$")
}

// Matches reports whether the rule is for a report of a source. A report of several alerts has a
// title of its own and one for each of them.
func (r Rule) Matches(source string, labels map[string]string, titles ...string) bool {
	if r.Source != "" && r.Source != source {
		return false
	}
	if r.Title != nil && !matchesAny(r.Title, titles) {
		return false
	}
	for name, pattern := range r.Labels {
		if !pattern.MatchString(labels[name]) {
			return false
		}
	}
	return true
}

func matchesAny(pattern *regexp.Regexp, texts []string) bool {
	for _, t := range texts {
		if pattern.MatchString(t) {
			return true
		}
	}
	return false
}
