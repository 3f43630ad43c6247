package templates_test

import (
	"testing"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/templates"
)

// A link can be clicked if it is sure who reported it, and shows where it leads in any case (I1).
func TestLinksOfReports(t *testing.T) {
	for url, want := range map[string][2]string{
		"https://wiki.acme.example/r?a=1&b=2": {"[Runbook at wiki.acme.example](<https://wiki.acme.example/r?a=1&amp;b=2>)", "Runbook at wiki.acme.example: `https://wiki.acme.example/r?a=1&b=2`"},
		"http://Grafana:3000/d/x":             {"[Runbook at grafana](<http://Grafana:3000/d/x>)", "Runbook at grafana: `http://Grafana:3000/d/x`"},
		"https://x.example/a|b>c\\d":          {"[Runbook at x.example](<https://x.example/a%7Cb%3Ec%5Cd>)", "Runbook at x.example: `https://x.example/a¦b>c\\d`"},
		"https://github.example/a/b/issues/1": {"Runbook at github.example: `https://github.example/a/b/issues/1`", "Runbook at github.example: `https://github.example/a/b/issues/1`"},
		"https://good.example@evil.example/":  {"Runbook: `https://good.example@evil.example/`", "Runbook: `https://good.example@evil.example/`"},
		"javascript:alert(1)":                 {"Runbook: `javascript:alert(1)`", "Runbook: `javascript:alert(1)`"},
	} {
		for i, isVerified := range []bool{true, false} {
			if got := templates.Link(incident.Link{Name: "Runbook", URL: url, IsVerified: isVerified}); got != want[i] {
				t.Errorf("%s, verified %v: %s", url, isVerified, got)
			}
		}
	}
}
