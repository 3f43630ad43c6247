package sandbox

import (
	"strings"
	"testing"
)

// A request names exactly one state that there is, of something that there is.
func TestStatesRefuse(t *testing.T) {
	g := newGitHub(t)
	for _, c := range []struct{ body, says string }{
		{`nothing`, "can't be read"},
		{`{}`, "exactly one state, not 0"},
		{`{"suspend":"acme","resume":"acme"}`, "exactly one state, not 2"},
		{`{"susspend":"acme"}`, `no state "susspend"`},
		{`{"suspend":"umbrella"}`, `no organization "umbrella"`},
		{`{"suspend":7}`, `like "acme"`},
		{`{"resume":"acme"}`, "is not suspended"},
	} {
		a := g.call("", "POST /sandbox/states", c.body)
		a.want(400)
		if says := a.field("message"); !strings.Contains(says, c.says) {
			t.Errorf("%s is answered %q, want %q", c.body, says, c.says)
		}
	}
}

// A suspended installation has no tokens and no webhooks, until it is resumed.
func TestStateSuspended(t *testing.T) {
	r := newReceiver(t)
	g := newGitHub(t, r.option)
	g.token("app")
	g.steps(
		step{"", "POST /sandbox/states", `{"suspend":"acme"}`, 200, nil},
		step{"app", "GET ~", "", 403, []string{"message=This installation has been suspended"}},
		step{"jwt", "POST /app/installations/7001/access_tokens", "", 403, nil},
		step{"alice", "POST ~/issues", `{"title":"Down"}`, 201, nil},
		step{"", "POST /sandbox/states", `{"resume":"acme"}`, 200, nil},
		step{"app", "GET ~/issues/1", "", 200, nil},
	)
	g.settle()
	if got := strings.Join(kinds(r.take()), " "); got != "installation/suspend installation/unsuspend" {
		t.Errorf("the App was told %s", got)
	}
}
