package card

import (
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// Each run has a line that says how far it is, and leads there; what was not started has none (X5).
func TestX5TheCardShowsRuns(t *testing.T) {
	for want, v := range map[string]incident.WorkflowRun{
		"**rollback** in acme/payments, by **alice**, starts":                                       {},
		"[rollback](<https://x/9>) in acme/payments, by **alice**, running":                         {Run: 9, URL: "https://x/9", Status: "in_progress"},
		"[rollback](<https://x/9>) in acme/payments, by **alice**, waits for an approval on GitHub": {Run: 9, URL: "https://x/9", Status: "waiting"},
		"[rollback](<https://x/9>) in acme/payments, by **alice**, ended well 12:05 UTC":            {Run: 9, URL: "https://x/9", Outcome: "success", Ended: after(5), Closed: true},
		"**rollback** in acme/payments, by **alice**, did not end well (timed out) 12:05 UTC":       {Run: 9, URL: "https://x/9> [y](<https://evil.example", Outcome: "timed_out", Ended: after(5), Closed: true},
		"**rollback** in acme/payments, by **alice**, did not end well (action required) 12:05 UTC": {Run: 9, URL: "javascript:alert(1)", Outcome: "action_required", Ended: after(5), Closed: true},
		"": {Closed: true},
	} {
		v.Name, v.Repo, v.By = "rollback", "acme/payments", "alice"
		p := &page{today: noon, Running: true, S: incident.State{Runs: []incident.WorkflowRun{v}}}
		p.runs()
		var got []string
		for _, f := range p.Found {
			got = append(got, f.Text)
		}
		if text := strings.Join(got, "\n"); text != want {
			t.Errorf("%+v is %q, want %q", v, text, want)
		}
	}
	p := &page{today: noon}
	for range 5 {
		p.S.Runs = append(p.S.Runs, incident.WorkflowRun{Name: "x"})
	}
	if p.runs(); len(p.Found) != shownRuns {
		t.Errorf("%d of 5 are shown", len(p.Found))
	}
}
