package webhook

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// What becomes of an issue in another place, and of one that is no more.
func TestIssuesThatGo(t *testing.T) {
	const (
		down    = `{"id":5,"number":1,"title":"Down","state":"open","body":"x","labels":[{"name":"Incident"},{"name":"severity/critical"}]}`
		closed  = `{"id":5,"number":1,"title":"Down","state":"closed","body":"x","labels":[{"name":"incident"},{"name":"severity/critical"}]}`
		drilled = `{"id":5,"number":1,"title":"Down","state":"open","body":"x","labels":[{"name":"incident"},{"name":"drill"}]}`
		bare    = `{"id":9,"number":7,"title":"Down","state":"open","body":"x","labels":[]}`
		from    = `"repository":{"name":"incidents","full_name":"acme/incidents","owner":{"login":"acme"}},"sender":{"login":"bob","type":"User"}`
		to      = `{"name":"platform","full_name":"acme/platform","owner":{"login":"acme"}}`
	)
	old, now := incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}, incident.Ref{Owner: "acme", Repo: "platform", Number: 7}
	gone := func(how string) *incident.Removed {
		return &incident.Removed{How: how, By: "bob", Title: "Down", Severity: "critical"}
	}
	for _, c := range []struct {
		name, body string
		want       incident.Message // without its reason; zero: nothing
	}{
		{"transferred", `{"action":"transferred","issue":` + down + `,"changes":{"new_issue":` + bare + `,"new_repository":` + to + `},` + from + `}`,
			incident.Message{Ref: now, Was: old, What: gone("transferred")}},
		{"a closed one is transferred", `{"action":"transferred","issue":` + closed + `,"changes":{"new_issue":` + bare + `,"new_repository":` + to + `},` + from + `}`,
			incident.Message{Ref: now, Was: old}},
		{"arrived, and the label is lost", `{"action":"opened","issue":` + bare + `,"changes":{"old_issue":` + down + `,"old_repository":{"name":"incidents","full_name":"acme/incidents","owner":{"login":"acme"}}},"repository":` + to + `,"sender":{"login":"bob","type":"User"}}`,
			incident.Message{Ref: now, Was: old}},
		{"another issue is transferred", `{"action":"transferred","issue":` + bare + `,"changes":{"new_issue":` + bare + `,"new_repository":` + to + `},` + from + `}`, incident.Message{}},
		{"transferred from a name that is none", `{"action":"opened","issue":` + bare + `,"changes":{"old_issue":` + down + `,"old_repository":{"name":"a b","owner":{"login":"acme"}}},"repository":` + to + `,"sender":{"login":"bob","type":"User"}}`, incident.Message{}},
		{"deleted", `{"action":"deleted","issue":` + down + `,` + from + `}`, incident.Message{Ref: old, What: gone("deleted")}},
		{"a drill is deleted", `{"action":"deleted","issue":` + drilled + `,` + from + `}`,
			incident.Message{Ref: old, What: &incident.Removed{How: "deleted", By: "bob", Title: "Down", Drill: true}}},
		{"a closed one is deleted", `{"action":"deleted","issue":` + closed + `,` + from + `}`, incident.Message{}},
		{"another issue is deleted", `{"action":"deleted","issue":` + bare + `,` + from + `}`, incident.Message{}},
		{"locked", `{"action":"locked","issue":` + down + `,` + from + `}`, incident.Message{Ref: old}},
	} {
		m, relevant, err := Decide("issues", []byte(c.body), Self{AppID: 1, Login: "firebreak[bot]"})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		m.Floor = nil // TestWhatAPayloadProves holds it
		if m.Why = ""; !relevant {
			m = incident.Message{}
		}
		if d := cmp.Diff(c.want, m); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}
