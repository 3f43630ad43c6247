package sandbox

import (
	"net/http"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

func testPeople(g *github) {
	g.steps(
		step{"alice", "GET /user", "", 200, []string{"login=alice", "type=User"}},
		step{"app", "GET /user", "", 403, []string{notForApp}},
		step{"jwt", "GET /user", "", 403, []string{notForApp}},
		step{"", "GET /user", "", 401, []string{"message=Requires authentication", "status=401"}},
		step{"nobody", "GET /user", "", 401, []string{"message=Bad credentials"}},
		step{"robot[bot]", "GET /user", "", 401, []string{"message=Bad credentials"}},
		step{"alice", "GET /users/Carol", "", 200, []string{"login=carol", "name=Carol Okafor"}},
		step{"alice", "GET /users/robot%5Bbot%5D", "", 200, []string{"login=robot[bot]", "type=Bot"}},
		step{"alice", "GET /users/nobody", "", 404, []string{notFound}},
		step{"gina", "GET /user/repos", "", 200, []string{"*.full_name=acme/customer-globex", "0.permissions.push=false", "0.permissions.pull=true"}},
		step{"app", "GET /user/repos", "", 403, []string{notForApp}},
		step{"alice", "GET /orgs/acme", "", 200, []string{"login=acme"}},
		step{"alice", "GET /orgs/globex", "", 404, nil},
		step{"alice", "GET /orgs/acme/repos", "", 200, []string{"*.name=incidents,platform,payments,customer-globex,checkout,ledger,web"}},
		step{"app @platform", "GET /orgs/acme/repos", "", 200, []string{"*.name=platform"}},
		step{"alice", "GET /orgs/globex/repos", "", 404, nil},

		step{"alice", "GET /orgs/acme/teams", "", 200, []string{"*.slug=platform,incident-coordinators,payments"}},
		step{"gina", "GET /orgs/acme/teams", "", 403, nil},
		step{"app", "GET /orgs/acme/teams/Incident-Coordinators", "", 200, []string{"slug=incident-coordinators", "members_count=2", "repos_count=7"}},
		step{"app issues:write", "GET /orgs/acme/teams/platform", "", 403, []string{notForApp}},
		step{"gina", "GET /orgs/acme/teams/platform", "", 404, nil},
		step{"app", "GET /orgs/acme/teams/incident-coordinators/members", "", 200, []string{"*.login=carol,dan"}},
		step{"app", "GET /orgs/acme/teams/none/members", "", 404, nil},
		step{"app", "GET /orgs/acme/teams/platform/memberships/alice", "", 200, []string{"state=active", "role=member"}},
		step{"app", "GET /orgs/acme/teams/platform/memberships/carol", "", 404, nil},

		step{"alice", "GET ~", "", 200, []string{"full_name=acme/incidents", "private=true", "permissions.push=true", "permissions.admin=false"}},
		step{"alice", "GET /repos/Acme/Incidents", "", 200, []string{"full_name=acme/incidents"}},
		step{"app", "GET ~", "", 200, []string{"default_branch=main"}},
		step{"gina", "GET ~", "", 404, []string{notFound}},
		step{"", "GET ~", "", 404, []string{notFound}},
		step{"jwt", "GET ~", "", 403, []string{notForApp}},
		step{"app @platform", "GET ~", "", 404, nil},
		step{"alice", "GET ~/collaborators", "", 200, []string{"*.login=alice,bob,carol,dan,erin,mallory,dave_acme,ivan-", "5.role_name=read"}},
		step{"mallory", "GET ~/collaborators", "", 403, nil},
		step{"app", "GET ~/collaborators/mallory", "", 204, nil},
		step{"app", "GET ~/collaborators/gina", "", 404, nil},
		step{"mallory", "GET ~/collaborators/alice", "", 403, nil},
		step{"app", "GET ~/collaborators/alice/permission", "", 200, []string{"permission=write", "role_name=write", "user.login=alice"}},
		step{"app", "GET ~/collaborators/mallory/permission", "", 200, []string{"permission=read"}},
		step{"app", "GET ~/collaborators/gina/permission", "", 200, []string{"permission=none"}},
		step{"app", "GET ~/collaborators/nobody/permission", "", 404, []string{"message=nobody is not a user"}},
		step{"alice", "GET /nothing/of/the/kind", "", 404, []string{notFound}},
	)
}

func testIssues(g *github) {
	long := strings.Repeat("x", 257)
	g.steps(
		step{"alice", "POST ~/issues", `{"title":"Payments fail","body":"Cards are declined","labels":["incident","new one"],"assignees":["alice"]}`, 201, []string{
			"number=1", "state=open", "user.login=alice", "author_association=MEMBER", "labels.*.name=incident,new one", "labels.1.color=ededed", "assignees.*.login=alice",
			"performed_via_github_app=null", "closed_by=null", "comments=0", "created_at=2026-11-24T10:41:00Z", "pinned_comment=null"}},
		// Who may only read opens an issue as well, but without the labels and people that they name.
		step{"mallory", "POST ~/issues", `{"title":"It is slow","labels":["incident"],"assignees":["alice"]}`, 201, []string{"number=2", "labels.#=0", "assignees.#=0", "body=null"}},
		step{"app", "POST ~/issues", `{"title":"From the app","labels":[{"name":"drill"}]}`, 201, []string{
			"number=3", "user.login=robot[bot]", "user.type=Bot", "performed_via_github_app.slug=robot", "labels.*.name=drill"}},
		step{"alice", "POST ~/issues", `{}`, 422, nil},
		step{"alice", "POST ~/issues", `{"title":" "}`, 422, []string{"message=Validation Failed", "errors.0.field=title", "errors.0.code=missing_field", "errors.0.resource=Issue"}},
		step{"alice", "POST ~/issues", `{"title":"` + long + `"}`, 422, []string{"errors.0.message=title is too long (maximum is 256 characters)"}},
		step{"alice", "POST ~/issues", `{"title":"x","body":"` + strings.Repeat("é", 65537) + `"}`, 422, []string{"errors.0.field=body"}},
		step{"alice", "POST ~/issues", `{"title":"x","labels":["` + long + `"]}`, 422, []string{"errors.0.resource=Label"}},
		step{"alice", "POST ~/issues", `{"title":"x","assignees":["gina"]}`, 422, []string{"errors.0.field=assignees", "errors.0.code=invalid"}},
		step{"alice", "POST ~/issues", `{"title":`, 400, []string{"message=Problems parsing JSON"}},
		step{"gina", "POST ~/issues", `{"title":"x"}`, 404, nil},
		step{"app issues:read", "POST ~/issues", `{"title":"x"}`, 403, []string{notForApp}},
		// What was refused left nothing behind.
		step{"alice", "GET ~/issues?state=all", "", 200, []string{"*.number=3,2,1"}},

		step{"app", "GET ~/issues/1", "", 200, []string{"title=Payments fail"}},
		step{"app", "GET ~/issues/9", "", 404, nil},
		step{"app contents:read", "GET ~/issues/1", "", 403, []string{notForApp}},
		step{"gina", "GET ~/issues/1", "", 404, nil},
	)
	g.advance(time.Minute)
	g.steps(
		step{"alice", "PATCH ~/issues/1", `{"title":"Card payments fail","body":"All of them"}`, 200, []string{
			"title=Card payments fail", "body=All of them", "updated_at=2026-11-24T10:42:00Z", "created_at=2026-11-24T10:41:00Z"}},
		step{"mallory", "PATCH ~/issues/1", `{"title":"x"}`, 403, nil},
		// An author may edit and close, and says in vain what needs triage access.
		step{"mallory", "PATCH ~/issues/2", `{"state":"closed","labels":["incident"],"assignees":["alice"]}`, 200, []string{
			"state=closed", "state_reason=completed", "closed_by.login=mallory", "closed_at=2026-11-24T10:42:00Z", "labels.#=0", "assignees.#=0"}},
		// The reason counts only where the state changes.
		step{"alice", "PATCH ~/issues/2", `{"state":"closed","state_reason":"not_planned"}`, 200, []string{"state_reason=completed"}},
		step{"alice", "PATCH ~/issues/2", `{"state":"open"}`, 200, []string{"state=open", "state_reason=reopened", "closed_at=null", "closed_by=null"}},
		step{"alice", "PATCH ~/issues/2", `{"state":"closed","state_reason":"not_planned"}`, 200, []string{"state_reason=not_planned"}},
		step{"alice", "PATCH ~/issues/2", `{"state":"open","state_reason":"reopened"}`, 200, []string{"state=open"}},
		step{"alice", "PATCH ~/issues/2", `{"state":"closed","state_reason":"duplicate"}`, 200, []string{"state_reason=duplicate"}},
		// An edit works wholly or not at all.
		step{"alice", "PATCH ~/issues/1", `{"title":"changed","state":"shut"}`, 422, []string{"errors.0.field=state"}},
		step{"alice", "PATCH ~/issues/1", `{"title":"changed","state":"closed","state_reason":"boredom"}`, 422, []string{"errors.0.field=state_reason"}},
		step{"alice", "PATCH ~/issues/1", `{"title":"changed","labels":[""]}`, 422, []string{"errors.0.resource=Label"}},
		step{"alice", "PATCH ~/issues/1", `{"title":""}`, 422, []string{"errors.0.field=title"}},
		step{"alice", "GET ~/issues/1", "", 200, []string{"title=Card payments fail", "state=open"}},
		step{"alice", "PATCH ~/issues/1", `{"labels":["INCIDENT","drill"],"assignees":["bob","gina"]}`, 200, []string{"labels.*.name=incident,drill", "assignees.*.login=bob"}},
		step{"app issues:read", "PATCH ~/issues/1", `{"title":"x"}`, 403, []string{notForApp}},

		step{"alice", "GET ~/issues", "", 200, []string{"*.number=3,1"}},
		step{"alice", "GET ~/issues?state=closed", "", 200, []string{"*.number=2"}},
		step{"alice", "GET ~/issues?labels=drill,Incident", "", 200, []string{"*.number=1"}},
		step{"alice", "GET ~/issues?creator=robot%5Bbot%5D", "", 200, []string{"*.number=3"}},
		step{"alice", "GET ~/issues?assignee=bob", "", 200, []string{"*.number=1"}},
		step{"alice", "GET ~/issues?assignee=none", "", 200, []string{"*.number=3"}},
		step{"alice", "GET ~/issues?assignee=*", "", 200, []string{"*.number=1"}},
		step{"alice", "GET ~/issues?since=2026-11-24T10:42:00Z", "", 200, []string{"*.number=1"}},
		step{"alice", "GET ~/issues?sort=updated&direction=asc&state=all", "", 200, []string{"*.number=3,1,2"}},
		step{"alice", "GET ~/issues?state=shut", "", 422, nil},
		step{"alice", "GET ~/issues?since=yesterday", "", 422, nil},
		step{"gina", "GET ~/issues", "", 404, nil},

		step{"mallory", "PUT ~/issues/1/lock", "", 403, nil},
		step{"alice", "PUT ~/issues/1/lock", "", 204, nil},
		step{"mallory", "POST ~/issues/1/comments", `{"body":"hello"}`, 403, []string{"message=Unable to create comment because issue is locked."}},
		step{"alice", "POST ~/issues/1/comments", `{"body":"hello"}`, 201, nil},
		step{"gina", "DELETE ~/issues/1/lock", "", 404, nil},
		step{"alice", "DELETE ~/issues/1/lock", "", 204, nil},
		step{"mallory", "POST ~/issues/1/comments", `{"body":"hello"}`, 201, nil},
	)

	// The canonical issue of a duplicate is named by its id.
	g.steps(
		step{"alice", "GET ~/issues/1", "", 200, []string{"id>one"}},
		step{"alice", "PATCH ~/issues/3", `{"state":"closed","duplicate_issue_id":$one}`, 200, []string{"state_reason=duplicate"}},
		step{"alice", "PATCH ~/issues/3", `{"state":"open"}`, 200, nil},
		step{"alice", "PATCH ~/issues/3", `{"state":"closed","duplicate_issue_id":1}`, 422, []string{"errors.0.field=duplicate_issue_id"}},
	)

	// A deleted issue is gone, and its number isn't given out again.
	g.steps(
		step{"", "POST /sandbox/states", `{"delete_issue":"acme/incidents#2"}`, 200, nil},
		step{"app", "GET ~/issues/2", "", 410, []string{"message=This issue was deleted"}},
		step{"alice", "POST ~/issues", `{"title":"next"}`, 201, []string{"number=4"}},
	)

	// Pages.
	for range 246 {
		g.call("alice", "POST ~/issues", `{"title":"one of many"}`).want(201)
	}
	link := func(page, rel string) string {
		return "<" + g.url + "/api/v3/repositories/3001/issues?page=" + page + "&per_page=100&state=all>; rel=\"" + rel + "\""
	}
	for page, want := range map[string]struct{ count, link string }{
		"1": {"100", link("2", "next") + ", " + link("3", "last")},
		"2": {"100", link("1", "prev") + ", " + link("3", "next") + ", " + link("3", "last") + ", " + link("1", "first")},
		"3": {"49", link("2", "prev") + ", " + link("1", "first")},
		"9": {"0", link("3", "prev") + ", " + link("1", "first")},
	} {
		a := g.call("app", "GET ~/issues?per_page=100&state=all&page="+page, "")
		if a.field("#") != want.count || a.header.Get("Link") != want.link {
			g.t.Errorf("page %s has %s issues and links\n%s\nwant %s and\n%s", page, a.field("#"), a.header.Get("Link"), want.count, want.link)
		}
	}
	g.steps(
		step{"alice", "GET ~/issues", "", 200, []string{"#=30"}},
		step{"alice", "GET ~/issues?per_page=1000", "", 200, []string{"#=100"}},
	)
	if link := g.call("alice", "GET ~/issues?labels=drill", "").header.Get("Link"); link != "" {
		g.t.Errorf("one page has links: %s", link)
	}
}

// advance lets time pass.
func (g *github) advance(d time.Duration) {
	g.t.Helper()
	if err := g.box.Clock().Advance(g.t.Context(), d); err != nil {
		g.t.Fatal(err)
	}
}

// held does something to the model for which GitHub's API has no operation.
func (g *github) held(do func(*forge.Forge)) {
	g.box.forge.Lock()
	defer g.box.forge.Unlock()
	do(g.box.forge)
}

func testComments(g *github) {
	g.steps(
		step{"alice", "POST ~/issues", `{"title":"Down"}`, 201, nil},
		step{"alice", "POST ~/issues/1/comments", `{"body":"/ic"}`, 201, []string{
			"body=/ic", "user.login=alice", "pin=null", "reactions.total_count=0", "issue_url=" + g.url + "/api/v3/repos/acme/incidents/issues/1", "id>first", "html_url>page"}},
		step{"mallory", "POST ~/issues/1/comments", `{"body":"me too"}`, 201, []string{"author_association=COLLABORATOR", "id>second"}},
		step{"app", "POST ~/issues/1/comments", `{"body":"the card"}`, 201, []string{"user.login=robot[bot]", "performed_via_github_app.id=1", "id>card"}},
		step{"gina", "POST ~/issues/1/comments", `{"body":"x"}`, 404, nil},
		step{"", "POST ~/issues/1/comments", `{"body":"x"}`, 404, nil},
		step{"app issues:read", "POST ~/issues/1/comments", `{"body":"x"}`, 403, []string{notForApp}},
		step{"alice", "POST ~/issues/1/comments", `{}`, 422, nil},
		step{"alice", "POST ~/issues/1/comments", `{"body":" \n"}`, 422, []string{"errors.0.resource=IssueComment"}},
		step{"alice", "POST ~/issues/1/comments", `{"body":7}`, 422, nil},
		step{"alice", "POST ~/issues/7/comments", `{"body":"x"}`, 404, nil},
		step{"alice", "GET ~/issues/1", "", 200, []string{"comments=3"}},
	)
	if want := g.url + "/acme/incidents/issues/1#issuecomment-" + g.vars["first"]; g.vars["page"] != want {
		g.t.Errorf("html_url is %s, want %s", g.vars["page"], want)
	}
	g.advance(time.Minute)
	g.steps(
		step{"alice", "GET ~/issues/comments/$first", "", 200, []string{"body=/ic"}},
		step{"gina", "GET ~/issues/comments/$first", "", 404, nil},
		step{"alice", "GET /repos/acme/platform/issues/comments/$first", "", 404, nil},
		step{"alice", "PATCH ~/issues/comments/$first", `{"body":"/ic @bob"}`, 200, []string{"body=/ic @bob", "updated_at=2026-11-24T10:42:00Z", "created_at=2026-11-24T10:41:00Z"}},
		step{"alice", "GET ~/issues/1", "", 200, []string{"updated_at=2026-11-24T10:42:00Z"}},
		step{"mallory", "PATCH ~/issues/comments/$second", `{"body":"me as well"}`, 200, nil},
		step{"mallory", "PATCH ~/issues/comments/$first", `{"body":"x"}`, 403, nil},
		step{"alice", "PATCH ~/issues/comments/$second", `{"body":"edited by one with write access"}`, 200, nil},
		step{"alice", "PATCH ~/issues/comments/$second", `{"body":""}`, 422, nil},
		step{"alice", "PATCH ~/issues/comments/$second", `{}`, 422, nil},
		step{"app issues:read", "PATCH ~/issues/comments/$card", `{"body":"x"}`, 403, []string{notForApp}},
		step{"app", "GET ~/issues/1/comments", "", 200, []string{"*.id=$first,$second,$card"}},
		step{"app", "GET ~/issues/1/comments?since=2026-11-24T10:42:00Z", "", 200, []string{"*.id=$first,$second"}},
		step{"app", "GET ~/issues/1/comments?per_page=1&page=2", "", 200, []string{"*.id=$second"}},
		step{"app", "GET ~/issues/1/comments?since=now", "", 422, nil},
		step{"gina", "GET ~/issues/1/comments", "", 404, nil},

		// One pin at a time.
		step{"app", "PUT ~/issues/comments/$card/pin", "", 200, []string{"pin.pinned_by.login=robot[bot]", "pin.pinned_at=2026-11-24T10:42:00Z"}},
		step{"mallory", "PUT ~/issues/comments/$second/pin", "", 403, nil},
		step{"app", "GET ~/issues/1", "", 200, []string{"pinned_comment.id=$card", "pinned_comment.body=the card"}},
		step{"alice", "PUT ~/issues/comments/$first/pin", "", 200, nil},
		step{"app", "GET ~/issues/comments/$card", "", 200, []string{"pin=null"}},
		step{"app", "GET ~/issues/1", "", 200, []string{"pinned_comment.id=$first"}},
		step{"gina", "DELETE ~/issues/comments/$first/pin", "", 404, nil},
		step{"alice", "DELETE ~/issues/comments/$first/pin", "", 204, nil},
		step{"app", "GET ~/issues/1", "", 200, []string{"pinned_comment=null"}},
		step{"app", "PUT ~/issues/comments/$second/pin", "", 200, nil},

		step{"app", "POST ~/issues/comments/$first/reactions", `{"content":"eyes"}`, 201, []string{"content=eyes", "user.login=robot[bot]", "id>eyes"}},
		step{"app", "POST ~/issues/comments/$first/reactions", `{"content":"eyes"}`, 200, []string{"id=$eyes"}},
		step{"mallory", "POST ~/issues/comments/$first/reactions", `{"content":"+1"}`, 201, nil},
		step{"alice", "POST ~/issues/comments/$first/reactions", `{"content":"sauna"}`, 422, []string{"errors.0.field=content"}},
		step{"app issues:read", "POST ~/issues/comments/$first/reactions", `{"content":"eyes"}`, 403, []string{notForApp}},
		step{"gina", "GET ~/issues/comments/$first/reactions", "", 404, nil},
		step{"alice", "GET ~/issues/comments/$first/reactions", "", 200, []string{"*.content=eyes,+1"}},
		step{"alice", "GET ~/issues/comments/$first/reactions?content=%2B1", "", 200, []string{"*.user.login=mallory"}},
		step{"alice", "GET ~/issues/comments/$first", "", 200, []string{"reactions.total_count=2", "reactions.eyes=1", "reactions.+1=1"}},
		step{"alice", "DELETE ~/issues/comments/$first/reactions/$eyes", "", 403, nil},
		step{"app", "DELETE ~/issues/comments/$first/reactions/$eyes", "", 204, nil},
		step{"app", "DELETE ~/issues/comments/$first/reactions/$eyes", "", 404, nil},

		step{"alice", "POST ~/issues/1/reactions", `{"content":"heart"}`, 201, []string{"id>heart"}},
		step{"alice", "POST ~/issues/1/reactions", `{"content":"heart"}`, 200, nil},
		step{"gina", "POST ~/issues/1/reactions", `{"content":"heart"}`, 404, nil},
		step{"alice", "GET ~/issues/1/reactions", "", 200, []string{"*.content=heart"}},
		step{"gina", "GET ~/issues/1/reactions", "", 404, nil},
		step{"mallory", "DELETE ~/issues/1/reactions/$heart", "", 403, nil},
		step{"alice", "DELETE ~/issues/1/reactions/$heart", "", 204, nil},

		step{"mallory", "DELETE ~/issues/comments/$first", "", 403, nil},
		step{"mallory", "DELETE ~/issues/comments/$second", "", 204, nil}, // the pinned one
		step{"alice", "DELETE ~/issues/comments/$second", "", 404, nil},
		step{"app", "GET ~/issues/1", "", 200, []string{"pinned_comment=null", "comments=2"}},
	)

	// What has not changed is not sent again, and costs nothing.
	a := g.call("app", "GET ~/issues/1/comments", "")
	tag, left := a.header.Get("ETag"), a.header.Get("X-RateLimit-Remaining")
	b := g.call("app", "GET ~/issues/1/comments", "", "If-None-Match: "+tag)
	if b.status != http.StatusNotModified || len(b.body) > 0 || b.header.Get("ETag") != tag || b.header.Get("X-RateLimit-Remaining") != left {
		g.t.Errorf("the same again answers %d %q, with %s calls left after %s", b.status, b.body, b.header.Get("X-RateLimit-Remaining"), left)
	}
	g.call("alice", "POST ~/issues/1/comments", `{"body":"news"}`).want(201)
	if b := g.call("app", "GET ~/issues/1/comments", "", "If-None-Match: "+tag); b.status != 200 || b.header.Get("ETag") == tag {
		g.t.Errorf("news answers %d", b.status)
	}
}
