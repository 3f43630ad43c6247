package incident

import "testing"

// What the coordinator says comes before the first impacted customer's call, that before the
// severity's, and that before the one for all (V8).
func TestV8WhoseCallCounts(t *testing.T) {
	p := DefaultPolicy()
	p.Call = "https://meet.example/all-{number}"
	for i := range p.Severities {
		if p.Severities[i].Critical {
			p.Severities[i].Call = "https://meet.example/p1-{number}"
		}
	}
	p.Customers = []Customer{{Name: "initech"}, {Name: "globex", Call: "https://meet.example/globex-{number}"},
		{Name: "hooli", Call: "https://meet.example/hooli"}}
	of := p.For(Ref{Owner: "acme", Repo: "incidents", Number: 4})
	for _, c := range []struct {
		s    State
		want string
	}{
		{State{Severity: "regular"}, "https://meet.example/all-4"},
		{State{Severity: "critical"}, "https://meet.example/p1-4"},
		{State{Claimed: "critical"}, "https://meet.example/p1-4"},
		{State{Severity: "critical", Customers: []string{"initech"}}, "https://meet.example/p1-4"},
		{State{Severity: "critical", Customers: []string{"initech", "globex", "hooli"}}, "https://meet.example/globex-4"},
		{State{Severity: "critical", Customers: []string{"globex"}, Call: "https://zoom.us/j/1"}, "https://zoom.us/j/1"},
	} {
		if got := c.s.CallOf(of); got != c.want {
			t.Errorf("%+v: %s, want %s", c.s, got, c.want)
		}
	}
	if p.Customers[1].Call != "https://meet.example/globex-{number}" {
		t.Error("one incident's number is in the policy of all")
	}
}
