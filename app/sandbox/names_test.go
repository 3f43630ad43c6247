package sandbox

import (
	"testing"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// The sandbox has the people that GitHub has: managed users, accounts from before 2013, roles of an organization's own, and
// reviews by nobody any more. Names and labels have no case.
func TestNamesThatGitHubHas(t *testing.T) {
	g := newGitHub(t)
	roles := func(r forge.Role) map[string]forge.Role { return map[string]forge.Role{"acme/incidents": r} }
	for _, p := range []Person{
		{Login: "jo-e_acme", Team: "platform", Roles: roles(forge.RoleWrite), RoleName: "release-crew"}, {Login: "bob-", Roles: roles(forge.RoleMaintain)}, {Login: "a--b", Team: "support", Roles: roles(forge.RoleTriage)},
	} {
		if err := g.box.Add(p); err != nil {
			t.Fatal(err)
		}
	}
	g.token("app")
	g.steps(
		step{"jo-e_acme", "POST ~/issues", `{"title":"It burns","body":"@bob- and @JO-E_acme, see @a--b","labels":["Incident"]}`, 201, []string{"user.login=jo-e_acme", "labels.0.name=incident"}},
		step{"app", "GET ~/issues/1/timeline", "", 200, []string{"*.event=labeled,mentioned,subscribed,mentioned,subscribed,mentioned,subscribed"}},
		step{"alice", "POST ~/issues/1/assignees", `{"assignees":["BOB-","a--b"]}`, 201, []string{"assignees.*.login=bob-,a--b"}},
		step{"app", "GET ~/issues?labels=INCIDENT&creator=Jo-E_acme", "", 200, []string{"#=1"}},
		step{"alice", "DELETE ~/issues/1/labels/INCIDENT", "", 200, []string{"#=0"}},
		step{"app", "GET ~/collaborators/jo-e_acme/permission", "", 200, []string{"permission=write", "role_name=release-crew"}},
		step{"app", "GET ~/collaborators/Bob-/permission", "", 200, []string{"permission=write", "role_name=maintain"}},
		step{"app", "GET ~/collaborators/a--b/permission", "", 200, []string{"permission=read", "role_name=triage"}},
		step{"app", "GET /orgs/acme/teams/platform/memberships/jo-e_acme", "", 200, []string{"state=active"}},
	)
}
