package intake

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Of a group the most severe alert decides title, severity and labels, and what is kept of many is
// bounded (I1).
func TestI1TheWorstOfAGroupDecides(t *testing.T) {
	one := func(name, severity, instance string) alert {
		return alert{Status: "firing", Labels: map[string]string{"alertname": name, "severity": severity, "instance": instance}, Annotations: map[string]string{"summary": name + " of " + instance}}
	}
	g := group{Status: "firing", GroupLabels: map[string]string{"cluster": "eu-1"}, Alerts: []alert{one("DiskFilling", "warning", "a"), one("APIServerDown", "critical", "b"), one("APIServerDown", "critical", "c")}}
	s := g.signal()
	if s.SeverityHint != "critical" || s.Title != "APIServerDown eu-1" {
		t.Errorf("%q is %q", s.Title, s.SeverityHint)
	}
	if d := cmp.Diff(map[string]string{"cluster": "eu-1", "alertname": "APIServerDown", "severity": "critical"}, s.Labels); d != "" {
		t.Errorf("labels (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"APIServerDown", "DiskFilling"}, s.Names()); d != "" {
		t.Errorf("names (-want +got):\n%s", d)
	}
	for i := range 1000 {
		g.Alerts = append(g.Alerts, one("DiskFilling", "warning", fmt.Sprint(i)))
	}
	g.Alerts = append(g.Alerts, one("Last", "info", "z"))
	s = g.signal()
	if len(s.Alerts) > maxGroupAlerts || s.Alerts[0].Name != "APIServerDown" {
		t.Errorf("%d alerts are kept, the first is %q", len(s.Alerts), s.Alerts[0].Name)
	}
	if d := cmp.Diff([]string{"APIServerDown", "DiskFilling", "Last"}, s.Names()); d != "" {
		t.Errorf("of each kind one is kept (-want +got):\n%s", d)
	}
}
