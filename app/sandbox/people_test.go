package sandbox

import (
	"slices"
	"testing"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// People come, are suspended and are deleted as on GitHub, and an issue that was transferred is found where it is.
func TestPeopleAndTransfers(t *testing.T) {
	g := newGitHub(t)
	for _, p := range []Person{
		{Login: "sue", Team: "support", Roles: map[string]forge.Role{"acme/incidents": forge.RoleWrite}},
		{Login: "alerts[bot]", Bot: true, Roles: map[string]forge.Role{"acme/incidents": forge.RoleTriage}},
	} {
		if err := g.box.Add(p); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []Person{{Login: "Sue"}, {Login: "x", Roles: map[string]forge.Role{"acme/none": forge.RoleRead}}} {
		if g.box.Add(p) == nil {
			t.Errorf("%+v can be added", p)
		}
	}
	g.token("app")
	g.steps(
		step{"sue", "POST ~/issues", `{"title":"It burns","labels":["incident","bug"]}`, 201, []string{"user.login=sue"}},
		step{"sue", "POST ~/issues/1/comments", `{"body":"/ic"}`, 201, nil},
		step{"alerts[bot]", "POST ~/issues/1/comments", `{"body":"It still burns"}`, 201, []string{"user.type=Bot"}},
		step{"app", "GET ~/collaborators/sue/permission", "", 200, []string{"permission=write"}},
		step{"app", "GET /orgs/acme/teams/support/memberships/sue", "", 200, []string{"state=active"}},
		step{"sue", "GET /repos/acme/platform", "", 404, nil},
	)
	if err := g.box.Suspend("sue"); err != nil {
		t.Fatal(err)
	}
	g.steps(
		step{"app", "GET ~/collaborators/sue/permission", "", 404, nil},
		step{"app", "GET /orgs/acme/teams/support/memberships/sue", "", 404, nil},
		step{"app", "GET ~/issues/1", "", 200, []string{"user.login=sue"}},
		step{"sue", "GET ~/issues/1", "", 401, nil},
	)
	if err := g.box.Delete("sue"); err != nil {
		t.Fatal(err)
	}
	g.steps(
		step{"app", "GET ~/issues/1", "", 200, []string{"user.login=ghost"}},
		step{"app", "GET ~/issues/1/comments", "", 200, []string{"*.user.login=ghost,alerts[bot]"}},
		step{"app", "GET ~/collaborators/sue/permission", "", 404, nil},
	)
	if g.box.Delete("sue") == nil || g.box.Suspend("sue") == nil {
		t.Error("somebody is deleted twice, or suspended who isn't there")
	}

	for _, to := range []string{"acme/incidents", "acme/none"} {
		if g.box.Transfer("alice", "acme/incidents", 1, to) == nil {
			t.Errorf("an issue can be transferred to %s", to)
		}
	}
	if g.box.Transfer("mallory", "acme/incidents", 1, "acme/platform") == nil {
		t.Error("a reader can transfer an issue")
	}
	if err := g.box.Transfer("alice", "acme/incidents", 1, "acme/platform"); err != nil {
		t.Fatal(err)
	}
	g.steps(
		step{"alice", "GET /repos/acme/platform/issues/1", "", 200, []string{"title=It burns", "labels.#=0"}},
		step{"alice", "GET ~/issues", "", 200, []string{"#=0"}},
		step{"app @incidents", "GET ~/issues/1", "", 404, nil},
		step{"alice", "GET ~/issues/1", "", 200, []string{"html_url=" + g.url + "/acme/platform/issues/1"}}, // by a redirect
		step{"alice", "GET ~/issues/1/comments", "", 404, nil},
	)
	g.held(func(f *forge.Forge) {
		if r, _ := f.FindRepository("acme/incidents"); r.OpenIssues() != 0 || !slices.Contains(r.Issues, nil) {
			t.Errorf("%d open issues are left behind", r.OpenIssues())
		}
	})
}
