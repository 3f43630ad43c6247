package overview_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/overview"
)

// Scripts read which service is hit, whose it is and how that is known; without one it is null (X2).
func TestX2ScriptsReadTheService(t *testing.T) {
	payments := incident.Hit{Name: "payments", Repo: "acme/payments", Owners: []string{"money", "@dan"},
		Runbook: "https://wiki.acme.example/payments", DependsOn: []string{"ledger"}, NeededBy: []string{"checkout"}}
	guessed := incident.Hit{Name: "web", How: incident.HitSummary, By: "the web"}
	suspected := incident.Hit{Name: "web", How: incident.HitSuspect, By: "acme/web#41"}
	for want, hit := range map[string]incident.Hit{
		`null`: {},
		`{"name":"payments","repository":"acme/payments","owners":["money","@dan"],"runbook":"https://wiki.acme.example/payments",` +
			`"depends_on":["ledger"],"needed_by":["checkout"],"found_by":"name"}`: payments,
		`{"name":"web","repository":"","owners":[],"runbook":"","depends_on":[],"needed_by":[],"found_by":"summary"}`: guessed,
		`{"name":"web","repository":"","owners":[],"runbook":"","depends_on":[],"needed_by":[],"found_by":"change"}`:  suspected,
	} {
		state := incident.State{Declared: &incident.Stamp{At: time.Unix(1772448000, 0)}, Hit: hit}
		text, err := json.Marshal(overview.Found{Issue: &engine.Snapshot{}, State: state}.View())
		var got struct{ Service json.RawMessage }
		if err == nil {
			err = json.Unmarshal(text, &got)
		}
		if err != nil || string(got.Service) != want {
			t.Errorf("the service is %s, want %s (%v)", got.Service, want, err)
		}
	}
}
