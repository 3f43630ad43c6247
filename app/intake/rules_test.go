package intake_test

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/intake"
)

func pattern(t *testing.T, expression string) *regexp.Regexp {
	t.Helper()
	p, err := intake.Pattern(expression)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestI1RulesDecide(t *testing.T) {
	type labels = map[string]*regexp.Regexp
	rules := []intake.Rule{
		{Source: "alertmanager", Labels: labels{"alertname": pattern(t, "Watchdog")}, Action: intake.Drop},
		{Labels: labels{"cluster": pattern(t, "eu-.*"), "severity": pattern(t, "critical|page")}, Action: intake.Page, Severity: "critical", Customer: "globex", Repository: "acme/incidents-eu"},
		{Source: "email", Labels: labels{"from_domain": pattern(t, `globex\.example`)}, Customer: "globex"},
		{Title: regexp.MustCompile(`(?i)disk`), Action: intake.Note},
		{Title: regexp.MustCompile(`disk`), Action: intake.Page},
	}
	for name, c := range map[string]struct {
		signal intake.Signal
		want   intake.Decision
	}{
		"no rule":          {intake.Signal{Source: "generic", Firing: true, SeverityHint: "high", CustomerHint: "initech"}, intake.Decision{Action: intake.Open, Severity: "high", Customer: "initech", Rule: -1}},
		"dropped":          {intake.Signal{Source: "alertmanager", Firing: true, Labels: map[string]string{"alertname": "Watchdog"}}, intake.Decision{Action: intake.Drop, Rule: 0}},
		"of all sources":   {intake.Signal{Source: "grafana", Firing: true, SeverityHint: "page", Labels: map[string]string{"cluster": "eu-1", "severity": "page"}}, intake.Decision{Action: intake.Page, Severity: "critical", Customer: "globex", Repository: "acme/incidents-eu", Rule: 1}},
		"a drill":          {intake.Signal{Source: "grafana", Firing: true, Drill: true, Labels: map[string]string{"cluster": "eu-1", "severity": "page"}}, intake.Decision{Action: intake.Open, Severity: "critical", Customer: "globex", Repository: "acme/incidents-eu", Rule: 1}},
		"one label only":   {intake.Signal{Source: "grafana", Firing: true, Labels: map[string]string{"cluster": "eu-1"}}, intake.Decision{Action: intake.Open, Rule: -1}},
		"part of a label":  {intake.Signal{Source: "alertmanager", Firing: true, Labels: map[string]string{"alertname": "WatchdogDown"}}, intake.Decision{Action: intake.Open, Rule: -1}},
		"a customer":       {intake.Signal{Source: "email", Firing: true, Trust: intake.Verified, Labels: map[string]string{"from_domain": "globex.example"}}, intake.Decision{Action: intake.Open, Customer: "globex", Rule: 2}},
		"a forged sender":  {intake.Signal{Source: "email", Firing: true, Trust: intake.Unverified, Labels: map[string]string{"from_domain": "globex.example"}}, intake.Decision{Action: intake.Open, Rule: 2}},
		"the first fits":   {intake.Signal{Source: "sns", Firing: true, Title: "the disk is full"}, intake.Decision{Action: intake.Note, Rule: 3}},
		"a recovery":       {intake.Signal{Source: "generic"}, intake.Decision{Action: intake.Note, Rule: -1}},
		"no page for one":  {intake.Signal{Source: "grafana", Labels: map[string]string{"cluster": "eu-1", "severity": "page"}}, intake.Decision{Action: intake.Note, Severity: "critical", Customer: "globex", Repository: "acme/incidents-eu", Rule: 1}},
		"a drop stays one": {intake.Signal{Source: "alertmanager", Labels: map[string]string{"alertname": "Watchdog"}}, intake.Decision{Action: intake.Drop, Rule: 0}},
	} {
		if d := cmp.Diff(c.want, intake.Map(c.signal, rules)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func TestPatternsThatAreNone(t *testing.T) {
	if _, err := intake.Pattern("("); err == nil {
		t.Error("a broken expression is taken")
	}
	if p := pattern(t, "a|b"); p.MatchString("ab") || !p.MatchString("b") {
		t.Error("an alternative is not held to the whole value")
	}
}
