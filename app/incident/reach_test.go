package incident_test

import (
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// Ways are independent by their vendors, and a mention counts once, whoever makes it (O3).
func TestO3WaysThatDontDependOnEachOther(t *testing.T) {
	for _, c := range []struct{ services, own, want string }{
		{"github", "", "github"},
		{"github", "twilio ntfy", "github"},
		{"people", "twilio ntfy", "twilio ntfy"},
		{"people", "ntfy ntfy", "ntfy ntfy"},
		{"people github", "twilio github", "github twilio"},
		{"github github pagerduty", "", "github pagerduty"},
		{"people", "", ""},
	} {
		got := incident.WaysBy(strings.Fields(c.services), strings.Fields(c.own))
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s with %q: %q, want %q", c.services, c.own, got, c.want)
		}
	}
	p := incident.Policy{Pager: "people", Escalation: []incident.EscalationStep{
		{To: []string{"primary", "@dan"}}, {To: []string{"Primary"}, By: []string{"github", "people"}}}}
	for name, want := range map[string]string{"primary": "people|github people", "@dan": "people", "other": "people"} {
		var got []string
		for _, services := range p.ServicesFor(name) {
			got = append(got, strings.Join(services, " "))
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
