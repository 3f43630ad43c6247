package sandbox

import (
	"net/http"
	"strings"
	"testing"
)

// An old name leads to a repository by its id, until another one takes that name.
func TestRenamedRepository(t *testing.T) {
	r := newReceiver(t)
	g := newGitHub(t, r.option)
	g.token("app")
	g.steps(
		step{"alice", "POST ~/issues", `{"title":"It burns"}`, 201, []string{"id>issue"}},
		step{"app", "GET /orgs/acme", "", 200, []string{"id>org"}},
		step{"app", "GET /orgs/acme/teams/incident-coordinators", "", 200, []string{"id>team"}},
		step{"", "POST /sandbox/states", `{"rename":["acme/incidents","acme/p1"]}`, 200, nil},
	)
	g.settle()
	all := r.take()
	last := all[len(all)-1]
	if last.event != "repository" || last.field("action") != "renamed" || last.field("changes.repository.name.from") != "incidents" || last.field("repository.full_name") != "acme/p1" {
		t.Errorf("the last webhook is %s: %s", last.event, last.body)
	}
	at := g.url + "/api/v3/repositories/3001"
	for _, c := range []struct {
		who, method, path, body string
		status                  int
		to                      string
	}{
		{"app", "GET", "/repos/acme/incidents", "", 301, at},
		{"app", "GET", "/repos/Acme/Incidents/issues/1/timeline?per_page=5", "", 301, at + "/issues/1/timeline?per_page=5"},
		{"app", "POST", "/repos/acme/incidents/issues/1/comments", `{"body":"x"}`, 307, at + "/issues/1/comments"},
		{"app", "PATCH", "/repos/acme/incidents/issues/1", `{"title":"x"}`, 307, at + "/issues/1"},
		{"app", "DELETE", "/repos/acme/incidents/issues/1/labels/phase%2Ffixing", "", 307, at + "/issues/1/labels/phase%2Ffixing"},
		{"jwt", "GET", "/repos/acme/incidents/installation", "", 301, at + "/installation"},
		{"gina", "GET", "/repos/acme/incidents/issues/1", "", 404, ""},
	} {
		a := g.unfollowed(c.who, c.method+" "+c.path, c.body)
		a.want(c.status)
		if to := a.header.Get("Location"); to != c.to {
			t.Errorf("%s %s leads to %q, want %q", c.method, c.path, to, c.to)
		}
		if c.to != "" && (a.field("message") != "Moved Permanently" || a.field("url") != c.to) {
			t.Errorf("%s %s answers %s", c.method, c.path, a.body)
		}
	}
	g.steps(
		step{"app", "GET /repositories/3001/issues/1", "", 200, []string{"id=$issue", "repository_url=" + g.url + "/api/v3/repos/acme/p1"}},
		step{"app", "PATCH /repositories/3001/issues/1", `{"title":"Still"}`, 200, []string{"title=Still"}},
		step{"app", "GET /repositories/3999/issues/1", "", 404, nil},
		step{"gina", "GET /repositories/3001/issues/1", "", 404, nil},
		step{"app", "GET /organizations/$org/team/$team/memberships/carol", "", 200, []string{"state=active"}},
		step{"jwt", "GET /repositories/3001/installation", "", 200, []string{"id=7001"}},
		step{"jwt", "POST /app/installations/7001/access_tokens", `{"repositories":["incidents"]}`, 422, nil},
		step{"jwt", "POST /app/installations/7001/access_tokens", `{"repository_ids":[3001]}`, 201, []string{"repositories.0.name=p1"}},
		step{"", "POST /sandbox/states", `{"rename":["acme/platform","acme/incidents"]}`, 200, nil},
		step{"app", "GET /repos/acme/incidents", "", 200, []string{"id=3002"}},
		step{"app", "GET /repos/acme/platform", "", 200, []string{"id=3002"}}, // by a redirect
		step{"app", "GET /repos/acme/incidents/issues/1", "", 404, nil},
	)
}

// The organization's old name leads nowhere; those of its repositories lead to them.
func TestRenamedOrganization(t *testing.T) {
	r := newReceiver(t)
	g := newGitHub(t, r.option)
	g.token("app")
	g.steps(
		step{"alice", "POST ~/issues", `{"title":"It burns"}`, 201, nil},
		step{"", "POST /sandbox/states", `{"rename_org":["acme","acme2"]}`, 200, nil},
		step{"app", "GET /repos/acme/incidents/issues/1", "", 200, []string{"repository_url=" + g.url + "/api/v3/repos/acme2/incidents"}},
		step{"app", "GET /repos/acme2/incidents", "", 200, []string{"owner.login=acme2"}},
		step{"alice", "GET /orgs/acme", "", 404, nil},
		step{"app", "GET /orgs/acme/teams/platform/memberships/alice", "", 404, nil},
		step{"app", "GET /orgs/acme2/teams/platform/memberships/alice", "", 200, nil},
		step{"jwt", "GET /orgs/acme2/installation", "", 200, []string{"account.login=acme2"}},
	)
	g.settle()
	all := r.take()
	last := all[len(all)-1]
	if last.event != "installation_target" || last.field("changes.login.from") != "acme" || last.field("account.login") != "acme2" {
		t.Errorf("the last webhook is %s: %s", last.event, last.body)
	}
}

// A transferred issue has another id and number, keeps what was said, and what refers to it.
func TestTransferredIssue(t *testing.T) {
	r := newReceiver(t)
	g := newGitHub(t, r.option)
	g.token("app")
	g.steps(
		step{"alice", "POST /repos/acme/platform/labels", `{"name":"Incident","color":"ff0000"}`, 201, nil},
		step{"alice", "POST ~/issues", `{"title":"It burns","labels":["incident","drill"],"assignees":["carol"]}`, 201, []string{"id>issue"}},
		step{"alice", "POST ~/issues/1/comments", `{"body":"On it"}`, 201, []string{"id>comment"}},
		step{"alice", "POST ~/issues", `{"title":"See #1"}`, 201, []string{"id>ticket"}},
		step{"alice", "POST ~/issues/1/sub_issues", `{"sub_issue_id":$ticket}`, 201, nil},
	)
	g.settle()
	r.take()
	g.steps(
		step{"", "POST /sandbox/states", `{"transfer":["acme/incidents#1","acme/platform"]}`, 200, nil},
		step{"app", "GET /repos/acme/platform/issues/1", "", 200, []string{"title=It burns", "labels.*.name=Incident", "assignees.*.login=carol", "sub_issues_summary.total=1"}},
		step{"app", "GET /repos/acme/platform/issues/comments/$comment", "", 200, []string{"user.login=alice", "body=On it"}},
		step{"app", "GET ~/issues/comments/$comment", "", 404, nil},
		step{"app", "GET ~/issues/1/timeline", "", 404, nil},
		step{"app", "GET ~/issues/2/parent", "", 200, []string{"number=1", "repository_url=" + g.url + "/api/v3/repos/acme/platform"}},
	)
	if a := g.unfollowed("app", "GET /repos/acme/incidents/issues/1", ""); a.status != 301 || a.header.Get("Location") != g.url+"/api/v3/repositories/3002/issues/1" {
		t.Errorf("its old address answers %d and %q", a.status, a.header.Get("Location"))
	}
	g.settle()
	all := r.take()
	if got := strings.Join(kinds(all), " "); got != "issues/transferred issues/opened" {
		t.Fatalf("the App was told %s", got)
	}
	if all[0].field("changes.new_repository.full_name") != "acme/platform" || all[0].field("changes.new_issue.number") != "1" || all[0].field("repository.full_name") != "acme/incidents" {
		t.Errorf("transferred: %s", all[0].body)
	}
	if all[1].field("changes.old_repository.full_name") != "acme/incidents" || all[1].field("changes.old_issue.number") != "1" || all[1].field("issue.id") == all[1].field("changes.old_issue.id") {
		t.Errorf("opened: %s", all[1].body)
	}
}

// A converted issue can be read and neither answered nor opened; a deleted one is gone.
func TestConvertedAndDeletedIssue(t *testing.T) {
	g := newGitHub(t)
	g.token("app")
	g.steps(
		step{"alice", "POST ~/issues", `{"title":"It burns"}`, 201, nil},
		step{"alice", "POST ~/issues", `{"title":"It burns, too"}`, 201, nil},
		step{"", "POST /sandbox/states", `{"lock":"acme/incidents#2"}`, 200, nil},
		step{"mallory", "POST ~/issues/2/comments", `{"body":"x"}`, 403, nil},
		step{"app", "POST ~/issues/2/comments", `{"body":"x"}`, 201, nil},
		step{"", "POST /sandbox/states", `{"unlock":"acme/incidents#2"}`, 200, nil},
		step{"mallory", "POST ~/issues/2/comments", `{"body":"x"}`, 201, nil},
		step{"", "POST /sandbox/states", `{"convert":"acme/incidents#1"}`, 200, nil},
		step{"app", "GET ~/issues/1", "", 200, []string{"state=closed", "locked=true"}},
		step{"app", "GET ~/issues/1/timeline", "", 200, []string{"*.event=closed,locked,converted_to_discussion"}},
		step{"app", "POST ~/issues/1/comments", `{"body":"x"}`, 403, nil},
		step{"app", "PATCH ~/issues/1", `{"state":"open"}`, 422, nil},
		step{"", "POST /sandbox/states", `{"delete_issue":"acme/incidents#2"}`, 200, nil},
		step{"app", "GET ~/issues/2", "", 410, nil},
	)
}

// unfollowed makes a call and follows no redirect.
func (g *github) unfollowed(who, call, body string) *answer {
	g.t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return g.callBy(&client, who, call, body)
}
