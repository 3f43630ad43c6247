package intake_test

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
)

func pattern(t *testing.T, expression string) *regexp.Regexp {
	t.Helper()
	p, err := incident.CompileLabel(expression)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// decide returns what becomes of a signal by the default policy with some rules.
func decide(s intake.Signal, rules []incident.Rule) intake.Decision {
	policy := incident.DefaultPolicy()
	policy.Signals = rules
	return intake.Decide(s, policy)
}

func TestI1RulesDecide(t *testing.T) {
	type labels = map[string]*regexp.Regexp
	rules := []incident.Rule{
		{Source: "alertmanager", Labels: labels{"alertname": pattern(t, "Watchdog")}, Action: incident.RuleDrop},
		{Labels: labels{"cluster": pattern(t, "eu-.*"), "severity": pattern(t, "critical|page")}, Action: incident.RulePage, Severity: "critical", Customer: "globex", Repository: "acme/incidents-eu"},
		{Source: "email", Labels: labels{"from_domain": pattern(t, `globex\.example`)}, Customer: "globex"},
		{Title: regexp.MustCompile(`(?i)disk`), Action: incident.RuleNote},
		{Title: regexp.MustCompile(`disk`), Action: incident.RulePage},
	}
	for name, c := range map[string]struct {
		signal intake.Signal
		want   intake.Decision
	}{
		"no rule":          {intake.Signal{Source: "generic", Firing: true, SeverityHint: "high", CustomerHint: "initech"}, intake.Decision{Action: incident.RuleOpen, Severity: "high", Customer: "initech"}},
		"dropped":          {intake.Signal{Source: "alertmanager", Firing: true, Labels: map[string]string{"alertname": "Watchdog"}}, intake.Decision{Action: incident.RuleDrop}},
		"of all sources":   {intake.Signal{Source: "grafana", Firing: true, SeverityHint: "page", Labels: map[string]string{"cluster": "eu-1", "severity": "page"}}, intake.Decision{Action: incident.RulePage, Severity: "critical", Customer: "globex", Repository: "acme/incidents-eu"}},
		"a drill":          {intake.Signal{Source: "grafana", Firing: true, Drill: true, Labels: map[string]string{"cluster": "eu-1", "severity": "page"}}, intake.Decision{Action: incident.RuleOpen, Severity: "critical", Customer: "globex", Repository: "acme/incidents-eu"}},
		"one label only":   {intake.Signal{Source: "grafana", Firing: true, Labels: map[string]string{"cluster": "eu-1"}}, intake.Decision{Action: incident.RuleOpen}},
		"part of a label":  {intake.Signal{Source: "alertmanager", Firing: true, Labels: map[string]string{"alertname": "WatchdogDown"}}, intake.Decision{Action: incident.RuleOpen}},
		"a customer":       {intake.Signal{Source: "email", Firing: true, Trust: intake.Verified, Labels: map[string]string{"from_domain": "globex.example"}}, intake.Decision{Action: incident.RuleOpen, Customer: "globex"}},
		"a forged sender":  {intake.Signal{Source: "email", Firing: true, Trust: intake.Unverified, Labels: map[string]string{"from_domain": "globex.example"}}, intake.Decision{Action: incident.RuleOpen}},
		"the first fits":   {intake.Signal{Source: "sns", Firing: true, Title: "the disk is full"}, intake.Decision{Action: incident.RuleNote, Title: "the disk is full"}},
		"a recovery":       {intake.Signal{Source: "generic"}, intake.Decision{Action: incident.RuleNote}},
		"no page for one":  {intake.Signal{Source: "grafana", Labels: map[string]string{"cluster": "eu-1", "severity": "page"}}, intake.Decision{Action: incident.RuleNote, Severity: "critical", Customer: "globex", Repository: "acme/incidents-eu"}},
		"a drop stays one": {intake.Signal{Source: "alertmanager", Labels: map[string]string{"alertname": "Watchdog"}}, intake.Decision{Action: incident.RuleDrop}},
	} {
		if d := cmp.Diff(c.want, decide(c.signal, rules)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// What claims to be critical pages, unless a rule that fits says what to do (I7); and each alert of
// a group counts with its own labels.
func TestI7EachAlertCountsWithItsOwnLabels(t *testing.T) {
	alert := func(name, severity string) intake.Alert {
		return intake.Alert{Name: name, Title: name + ": it", Severity: severity, Labels: map[string]string{"alertname": name, "severity": severity}}
	}
	group := func(alerts ...intake.Alert) intake.Signal {
		return intake.Signal{Source: "alertmanager", Firing: true, Trust: intake.SharedSecret, Title: alerts[0].Title, SeverityHint: alerts[0].Severity, Alerts: alerts}
	}
	mixed := group(alert("APIServerDown", "critical"), alert("DiskFilling", "warning"))
	only := func(severity string, action incident.RuleAction, customer string) incident.Rule {
		return incident.Rule{Labels: map[string]*regexp.Regexp{"severity": pattern(t, severity)}, Action: action, Customer: customer}
	}
	for name, c := range map[string]struct {
		signal intake.Signal
		rules  []incident.Rule
		want   intake.Decision
	}{
		"critical by default":             {intake.Signal{Source: "slack", Firing: true, Title: "x", SeverityHint: "critical"}, nil, intake.Decision{Action: incident.RulePage, Title: "x", Severity: "critical"}},
		"critical and a drill":            {intake.Signal{Source: "slack", Firing: true, Drill: true, SeverityHint: "critical"}, nil, intake.Decision{Action: incident.RuleOpen, Severity: "critical"}},
		"critical and recovered":          {intake.Signal{Source: "generic", SeverityHint: "critical"}, nil, intake.Decision{Action: incident.RuleNote, Severity: "critical"}},
		"a rule says open":                {intake.Signal{Source: "email", Firing: true, SeverityHint: "critical"}, []incident.Rule{{Source: "email", Action: incident.RuleOpen}}, intake.Decision{Action: incident.RuleOpen, Severity: "critical"}},
		"a rule says nothing":             {intake.Signal{Source: "sns", Firing: true, SeverityHint: "critical"}, []incident.Rule{{Source: "sns"}}, intake.Decision{Action: incident.RulePage, Severity: "critical"}},
		"a rule makes it critical":        {intake.Signal{Source: "sns", Firing: true}, []incident.Rule{{Source: "sns", Severity: "critical"}}, intake.Decision{Action: incident.RulePage, Severity: "critical"}},
		"a rule makes it harmless":        {intake.Signal{Source: "sns", Firing: true, SeverityHint: "critical"}, []incident.Rule{{Source: "sns", Severity: "regular"}}, intake.Decision{Action: incident.RuleOpen, Severity: "regular"}},
		"a mixed group":                   {mixed, nil, intake.Decision{Action: incident.RulePage, Title: "APIServerDown: it", Severity: "critical"}},
		"a mixed group, by its rule":      {mixed, []incident.Rule{only("critical", incident.RulePage, "")}, intake.Decision{Action: incident.RulePage, Title: "APIServerDown: it", Severity: "critical"}},
		"a rule for the other alert":      {mixed, []incident.Rule{only("warning", incident.RuleNote, "")}, intake.Decision{Action: incident.RulePage, Title: "APIServerDown: it", Severity: "critical"}},
		"a rule drops the other alert":    {mixed, []incident.Rule{only("warning", incident.RuleDrop, "")}, intake.Decision{Action: incident.RulePage, Title: "APIServerDown: it", Severity: "critical"}},
		"a rule drops the worst":          {mixed, []incident.Rule{only("critical", incident.RuleDrop, "")}, intake.Decision{Action: incident.RuleOpen, Title: "DiskFilling: it", Severity: "warning"}},
		"a rule pages for the lesser one": {mixed, []incident.Rule{only("warning", incident.RulePage, ""), only("critical", incident.RuleOpen, "")}, intake.Decision{Action: incident.RulePage, Title: "DiskFilling: it", Severity: "warning"}},
		"customers of several rules":      {mixed, []incident.Rule{only("warning", "", "globex"), only("critical", "", "initech")}, intake.Decision{Action: incident.RulePage, Title: "APIServerDown: it", Severity: "critical", Customer: "initech, globex"}},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(c.want, decide(c.signal, c.rules)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestPatternsThatAreNone(t *testing.T) {
	if _, err := incident.CompileLabel("("); err == nil {
		t.Error("a broken expression is taken")
	}
	if p := pattern(t, "a|b"); p.MatchString("ab") || !p.MatchString("b") {
		t.Error("an alternative is not held to the whole value")
	}
}

// What a machine answers opens nothing, unless a rule says so; what it sends unasked does (K12).
func TestK12MachinesAnswersOpenNothing(t *testing.T) {
	for head, want := range map[string]incident.RuleAction{
		"Auto-Submitted: auto-replied\n":            incident.RuleNote,
		"Auto-Submitted: Auto-Replied (vacation)\n": incident.RuleNote,
		"X-Autoreply: yes\n":                        incident.RuleNote,
		"Precedence: auto_reply\n":                  incident.RuleNote,
		"From: p1-request@lists.example\n":          incident.RuleNote,
		"Auto-Submitted: auto-generated\n":          incident.RulePage,
		"Auto-Submitted: no\nX-Autoreply: yes\n":    incident.RulePage,
		"Precedence: bulk\n":                        incident.RulePage,
		"":                                          incident.RulePage,
	} {
		s := readMail(t, head+"From: bill@initech.example\nTo: p1@acme.example\nSubject: P1: production down\nMessage-ID: <m@x.example>\n\ntext")
		if d := intake.Decide(s, incident.DefaultPolicy()); d.Action != want {
			t.Errorf("%q: %s, want %s", head, d.Action, want)
		}
	}
	s := readMail(t, "Auto-Submitted: auto-replied\nFrom: bill@initech.example\nSubject: x\n\ntext")
	policy := incident.DefaultPolicy()
	policy.Signals = []incident.Rule{{Source: "email", Action: incident.RuleOpen}}
	if d := intake.Decide(s, policy); d.Action != incident.RuleOpen {
		t.Errorf("a rule is passed over: %s", d.Action)
	}
}
