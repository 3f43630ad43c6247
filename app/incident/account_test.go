package incident_test

import (
	"testing"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// A policy's services are its account's, those too that it has no settings for.
func TestThePolicyOfAnAccount(t *testing.T) {
	all := incident.Policy{Services: []incident.Service{{Kind: "slack", Secret: "SLACK"}}}
	acme := all.Of("acme")
	for kind, want := range map[string]bool{"slack": true, "webhook": false} {
		if s, ok := acme.Service(kind); s.Account != "acme" || ok != want {
			t.Errorf("%s: %+v, %t", kind, s, ok)
		}
	}
	if s, _ := all.Service("slack"); s.Account != "" {
		t.Errorf("the policy that it was made of is %s's now", s.Account)
	}
}
