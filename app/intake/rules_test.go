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

func isCritical(severity string) bool { return severity == "critical" }

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
		"the first fits":   {intake.Signal{Source: "sns", Firing: true, Title: "the disk is full"}, intake.Decision{Action: intake.Note, Title: "the disk is full", Rule: 3}},
		"a recovery":       {intake.Signal{Source: "generic"}, intake.Decision{Action: intake.Note, Rule: -1}},
		"no page for one":  {intake.Signal{Source: "grafana", Labels: map[string]string{"cluster": "eu-1", "severity": "page"}}, intake.Decision{Action: intake.Note, Severity: "critical", Customer: "globex", Repository: "acme/incidents-eu", Rule: 1}},
		"a drop stays one": {intake.Signal{Source: "alertmanager", Labels: map[string]string{"alertname": "Watchdog"}}, intake.Decision{Action: intake.Drop, Rule: 0}},
	} {
		if d := cmp.Diff(c.want, intake.Map(c.signal, rules, isCritical)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// What claims to be critical pages, unless a rule that fits says what to do (I7); and each alert of a group counts with its own labels.
func TestI7EachAlertCountsWithItsOwnLabels(t *testing.T) {
	alert := func(name, severity string) intake.Alert {
		return intake.Alert{Name: name, Title: name + ": it", Severity: severity, Labels: map[string]string{"alertname": name, "severity": severity}}
	}
	group := func(alerts ...intake.Alert) intake.Signal {
		return intake.Signal{Source: "alertmanager", Firing: true, Trust: intake.SharedSecret, Title: alerts[0].Title, SeverityHint: alerts[0].Severity, Alerts: alerts}
	}
	mixed := group(alert("APIServerDown", "critical"), alert("DiskFilling", "warning"))
	only := func(severity string, action intake.Action, customer string) intake.Rule {
		return intake.Rule{Labels: map[string]*regexp.Regexp{"severity": pattern(t, severity)}, Action: action, Customer: customer}
	}
	for name, c := range map[string]struct {
		signal intake.Signal
		rules  []intake.Rule
		want   intake.Decision
	}{
		"critical by default":             {intake.Signal{Source: "slack", Firing: true, Title: "x", SeverityHint: "critical"}, nil, intake.Decision{Action: intake.Page, Title: "x", Severity: "critical", Rule: -1}},
		"critical and a drill":            {intake.Signal{Source: "slack", Firing: true, Drill: true, SeverityHint: "critical"}, nil, intake.Decision{Action: intake.Open, Severity: "critical", Rule: -1}},
		"critical and recovered":          {intake.Signal{Source: "generic", SeverityHint: "critical"}, nil, intake.Decision{Action: intake.Note, Severity: "critical", Rule: -1}},
		"a rule says open":                {intake.Signal{Source: "email", Firing: true, SeverityHint: "critical"}, []intake.Rule{{Source: "email", Action: intake.Open}}, intake.Decision{Action: intake.Open, Severity: "critical", Rule: 0}},
		"a rule says nothing":             {intake.Signal{Source: "sns", Firing: true, SeverityHint: "critical"}, []intake.Rule{{Source: "sns"}}, intake.Decision{Action: intake.Page, Severity: "critical", Rule: 0}},
		"a rule makes it critical":        {intake.Signal{Source: "sns", Firing: true}, []intake.Rule{{Source: "sns", Severity: "critical"}}, intake.Decision{Action: intake.Page, Severity: "critical", Rule: 0}},
		"a rule makes it harmless":        {intake.Signal{Source: "sns", Firing: true, SeverityHint: "critical"}, []intake.Rule{{Source: "sns", Severity: "regular"}}, intake.Decision{Action: intake.Open, Severity: "regular", Rule: 0}},
		"a mixed group":                   {mixed, nil, intake.Decision{Action: intake.Page, Title: "APIServerDown: it", Severity: "critical", Rule: -1}},
		"a mixed group, by its rule":      {mixed, []intake.Rule{only("critical", intake.Page, "")}, intake.Decision{Action: intake.Page, Title: "APIServerDown: it", Severity: "critical", Rule: 0}},
		"a rule for the other alert":      {mixed, []intake.Rule{only("warning", intake.Note, "")}, intake.Decision{Action: intake.Page, Title: "APIServerDown: it", Severity: "critical", Rule: -1}},
		"a rule drops the other alert":    {mixed, []intake.Rule{only("warning", intake.Drop, "")}, intake.Decision{Action: intake.Page, Title: "APIServerDown: it", Severity: "critical", Rule: -1}},
		"a rule drops the worst":          {mixed, []intake.Rule{only("critical", intake.Drop, "")}, intake.Decision{Action: intake.Open, Title: "DiskFilling: it", Severity: "warning", Rule: -1}},
		"a rule pages for the lesser one": {mixed, []intake.Rule{only("warning", intake.Page, ""), only("critical", intake.Open, "")}, intake.Decision{Action: intake.Page, Title: "DiskFilling: it", Severity: "warning", Rule: 0}},
		"customers of several rules":      {mixed, []intake.Rule{only("warning", "", "globex"), only("critical", "", "initech")}, intake.Decision{Action: intake.Page, Title: "APIServerDown: it", Severity: "critical", Customer: "initech, globex", Rule: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(c.want, intake.Map(c.signal, c.rules, isCritical)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
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
