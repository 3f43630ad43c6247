package sandbox

import (
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// state brings a state about.
func (g *github) state(text string) {
	g.t.Helper()
	g.call("", "POST /sandbox/states", text).want(200)
}

// told settles, and returns the webhooks that arrived.
func (g *github) told(r *receiver) string {
	g.t.Helper()
	g.settle()
	return strings.Join(kinds(r.take()), " ")
}

// An App that was uninstalled finds nothing, and has another installation when it is back.
func TestStateUninstalled(t *testing.T) {
	r := newReceiver(t)
	data := t.TempDir()
	kept := func(o *Options) { o.Data = data }
	g := newGitHub(t, r.option, kept)
	old := "Authorization: Bearer " + g.token("app")
	g.call("alice", "POST ~/issues", `{"title":"Down"}`).want(201)
	g.told(r)
	g.state(`{"suspend":"acme"}`)
	g.state(`{"uninstall":"acme"}`)
	g.call("", "POST /sandbox/states", `{"uninstall":"acme"}`).want(400)
	if got := g.told(r); got != "installation/suspend installation/deleted" {
		t.Errorf("the App was told %s", got)
	}
	if a := g.call("", "GET ~", "", old); a.status != 401 || a.field("message") != "Bad credentials" {
		t.Errorf("a token of before answers %d %s", a.status, a.body)
	}
	g.steps(
		step{"jwt", "GET ~/installation", "", 404, nil},
		step{"jwt", "GET /orgs/acme/installation", "", 404, nil},
		step{"jwt", "GET /app/installations/7001", "", 404, nil},
		step{"jwt", "POST /app/installations/7001/access_tokens", "", 404, nil},
		step{"jwt", "GET /app/installations", "", 200, []string{"#=0"}},
		step{"jwt", "GET /app", "", 200, []string{"installations_count=0"}},
		step{"alice", "POST ~/issues", `{"title":"Nobody hears"}`, 201, nil},
	)
	if got := g.told(r); got != "" {
		t.Errorf("without an installation the App was told %s", got)
	}
	g = g.reopen(r.option, kept)
	g.state(`{"install":"acme"}`)
	g.call("", "POST /sandbox/states", `{"install":"acme"}`).want(400)
	if got := g.told(r); got != "installation/created" {
		t.Errorf("the App was told %s", got)
	}
	g.tokens = map[string]string{}
	g.steps(
		step{"jwt", "GET ~/installation", "", 200, []string{"id=7002", "suspended_at=null"}},
		step{"jwt", "POST /app/installations/7001/access_tokens", "", 404, nil},
		step{"app", "POST ~/issues/1/comments", `{"body":"back"}`, 201, nil},
	)
	g.call("", "GET ~", "", old).want(401)
}

// An installation whose owner has not accepted all permissions has the old ones, in tokens that are out, too.
func TestStatePermissions(t *testing.T) {
	r := newReceiver(t)
	g := newGitHub(t, r.option)
	g.token("app")
	g.call("alice", "POST ~/issues", `{"title":"Down"}`).want(201)
	g.told(r)
	g.state(`{"permissions":{"issues":"read"}}`)
	g.steps(
		step{"app", "GET ~/issues", "", 200, nil},
		step{"app", "POST ~/issues", `{"title":"x"}`, 403, []string{notForApp}},
		step{"app", "GET ~/contents/README.md", "", 403, []string{notForApp}},
		step{"jwt", "POST /app/installations/7001/access_tokens", `{"permissions":{"issues":"write"}}`, 422, nil},
		step{"jwt", "GET ~/installation", "", 200, []string{"permissions.issues=read", "permissions.contents=absent"}},
		step{"", "POST /sandbox/states", `{"permissions":{"secrets":"write"}}`, 400, nil},
	)
	g.state(`{"permissions":""}`)
	g.steps(step{"app", "POST ~/issues/1/comments", `{"body":"x"}`, 201, nil})
	if got := g.told(r); got != "installation/new_permissions_accepted issue_comment/created" {
		t.Errorf("the App was told %s", got)
	}
}

// An IP allow list keeps the App out of what is the organization's; webhooks come on.
func TestStateAllowList(t *testing.T) {
	r := newReceiver(t)
	g := newGitHub(t, r.option)
	g.token("app")
	g.state(`{"allow_list":"acme"}`)
	const kept = "message=Although you appear to have the correct authorization credentials, the `acme` organization has an IP allow list enabled, and your IP address is not permitted to access this resource."
	g.steps(
		step{"app", "GET ~/issues", "", 403, []string{kept}},
		step{"jwt", "GET ~/installation", "", 403, []string{kept}},
		step{"jwt", "GET /app", "", 200, nil},
		step{"jwt", "POST /app/installations/7001/access_tokens", "", 201, nil},
		step{"app", "GET /rate_limit", "", 200, nil},
		step{"alice", "POST ~/issues", `{"title":"Down"}`, 201, nil},
	)
	if got := g.told(r); got != "issues/opened" {
		t.Errorf("the App was told %s", got)
	}
	g.state(`{"allow_list":""}`)
	g.steps(step{"app", "GET ~/issues", "", 200, nil})
}

// What is archived can be read and not be changed, by nobody.
func TestStateArchived(t *testing.T) {
	r := newReceiver(t)
	g := newGitHub(t, r.option)
	g.steps(
		step{"alice", "POST ~/issues", `{"title":"Down"}`, 201, nil},
		step{"alice", "POST ~/issues/1/comments", `{"body":"x"}`, 201, []string{"id>comment"}},
		step{"alice", "GET ~/git/ref/heads/main", "", 200, []string{"object.sha>main"}},
	)
	g.told(r)
	g.state(`{"archive":"acme/incidents"}`)
	const archived = "message=Repository was archived so is read-only."
	for _, who := range []string{"app", "alice"} {
		g.steps(
			step{who, "GET ~", "", 200, []string{"archived=true"}},
			step{who, "GET ~/issues/1", "", 200, nil},
			step{who, "POST ~/issues", `{"title":"x"}`, 403, []string{archived}},
			step{who, "PATCH ~/issues/1", `{"state":"closed"}`, 403, []string{archived}},
			step{who, "POST ~/issues/1/comments", `{"body":"x"}`, 403, []string{archived}},
			step{who, "PATCH ~/issues/comments/$comment", `{"body":"y"}`, 403, []string{archived}},
			step{who, "POST ~/issues/1/reactions", `{"content":"eyes"}`, 403, []string{archived}},
			step{who, "POST ~/issues/1/labels", `["x"]`, 403, []string{archived}},
			step{who, "POST ~/issues/1/assignees", `{"assignees":["bob"]}`, 403, []string{archived}},
			step{who, "PUT ~/contents/x", `{"message":"x","content":""}`, 403, []string{archived}},
			step{who, "POST ~/git/refs", `{"ref":"refs/heads/b","sha":"$main"}`, 403, []string{archived}},
			step{who, "POST ~/git/blobs", `{"content":"x"}`, 403, []string{archived}},
		)
	}
	g.steps(step{"mallory", "GET /repos/acme/none", "", 404, nil}, step{"gina", "POST ~/issues", `{"title":"x"}`, 404, nil})
	g.state(`{"archive":"acme/incidents"}`) // it is
	g.state(`{"archive":""}`)
	g.steps(step{"app", "POST ~/issues/1/comments", `{"body":"again"}`, 201, nil})
	if got := g.told(r); got != "repository/archived repository/unarchived issue_comment/created" {
		t.Errorf("the App was told %s", got)
	}
}

// An empty repository has no commit, and a conflict for whoever asks for git's objects; a first file ends it.
func TestStateEmpty(t *testing.T) {
	r := newReceiver(t)
	g := newGitHub(t, r.option)
	g.steps(
		step{"alice", "GET ~/git/ref/heads/main", "", 200, []string{"object.sha>main"}},
		step{"alice", "POST ~/git/refs", `{"ref":"refs/heads/b","sha":"$main"}`, 201, nil},
		step{"alice", "PUT ~/contents/b.md", `{"message":"b","content":"eA==","branch":"b"}`, 201, nil},
		step{"alice", "POST ~/pulls", `{"title":"P","head":"b","base":"main"}`, 201, nil},
	)
	g.told(r)
	g.state(`{"empty":"acme/incidents"}`)
	if got := g.told(r); got != "delete push pull_request/closed delete push" {
		t.Errorf("the App was told %s", got)
	}
	const empty = "message=Git Repository is empty."
	for _, who := range []string{"app", "alice"} {
		g.steps(
			step{who, "GET ~/contents", "", 404, []string{"message=This repository is empty."}},
			step{who, "GET ~/contents/.github/firebreak.yml", "", 404, nil},
			step{who, "GET ~/git/ref/heads/main", "", 409, []string{empty}},
			step{who, "GET ~/commits", "", 409, []string{empty}},
			step{who, "GET ~/git/trees/main", "", 409, []string{empty}},
			step{who, "GET ~/branches", "", 200, []string{"#=0"}},
			step{who, "POST ~/git/blobs", `{"content":"x"}`, 409, []string{empty}},
			step{who, "POST ~/git/trees", `{"tree":[]}`, 409, []string{empty}},
			step{who, "POST ~/git/commits", `{"message":"x","tree":"$main"}`, 409, []string{empty}},
			step{who, "POST ~/git/refs", `{"ref":"refs/heads/b","sha":"$main"}`, 409, []string{empty}},
			step{who, "GET ~/pulls/1", "", 200, []string{"state=closed"}},
			step{who, "GET ~/pulls/1/files", "", 200, nil},
		)
	}
	g.steps(
		step{"app", "PUT ~/contents/x.md", `{"message":"x","content":"eA=="}`, 201, nil},
		step{"app", "GET ~/contents", "", 200, []string{"*.name=x.md"}},
	)
	g.state(`{"empty":""}`)
	g.steps(step{"app", "GET ~/git/ref/heads/main", "", 200, []string{"object.sha=$main"}}, step{"app", "GET ~/contents/README.md", "", 200, nil})
}

// A ruleset lets changes of the default branch in by pull requests alone.
func TestStateRuleset(t *testing.T) {
	g := newGitHub(t)
	g.steps(step{"alice", "GET ~/git/ref/heads/main", "", 200, []string{"object.sha>main"}})
	g.state(`{"ruleset":"acme/incidents"}`)
	g.steps(step{"alice", "GET /repos/acme/incidents/rules/branches/main", "", 200, []string{"#=1", "0.type=pull_request"}},
		step{"alice", "GET /repos/acme/incidents/rules/branches/postmortem/1", "", 200, []string{"#=0"}},
		step{"alice", "GET /repos/acme/nowhere/rules/branches/main", "", 404, nil})
	const ruled = "message=Repository rule violations found\n\nChanges must be made through a pull request.\n\n"
	g.steps(
		step{"app", "PUT ~/contents/x.md", `{"message":"x","content":"eA=="}`, 409, []string{ruled}},
		step{"alice", "PUT ~/contents/x.md", `{"message":"x","content":"eA==","branch":"main"}`, 409, []string{ruled}},
		step{"app", "POST ~/git/refs", `{"ref":"refs/heads/b","sha":"$main"}`, 201, nil},
		step{"app", "PUT ~/contents/x.md", `{"message":"x","content":"eA==","branch":"b"}`, 201, []string{"commit.sha>commit"}},
		step{"app", "PATCH ~/git/refs/heads/main", `{"sha":"$commit"}`, 422, []string{ruled}},
		step{"app", "GET ~/branches/main", "", 200, []string{"protected=true"}},
		step{"app", "POST ~/pulls", `{"title":"P","head":"b","base":"main"}`, 201, nil},
		step{"alice", "PUT ~/pulls/1/merge", "", 200, nil},
	)
	g.state(`{"ruleset":""}`)
	g.steps(step{"app", "PUT ~/contents/y.md", `{"message":"y","content":"eA=="}`, 201, nil})
}

// Where issues are disabled there are none; pull requests are.
func TestStateIssuesDisabled(t *testing.T) {
	g := newGitHub(t)
	g.steps(
		step{"alice", "POST ~/issues", `{"title":"Down"}`, 201, nil},
		step{"alice", "POST ~/issues/1/comments", `{"body":"x"}`, 201, []string{"id>comment"}},
	)
	g.state(`{"disable_issues":"acme/incidents"}`)
	const none = "message=Issues are disabled for this repo"
	for _, who := range []string{"app", "alice"} {
		g.steps(
			step{who, "GET ~", "", 200, []string{"has_issues=false"}},
			step{who, "GET ~/issues?state=all", "", 200, []string{"#=0"}},
			step{who, "POST ~/issues", `{"title":"x"}`, 410, []string{none}},
			step{who, "GET ~/issues/1", "", 410, []string{none}},
			step{who, "PATCH ~/issues/1", `{"state":"closed"}`, 410, []string{none}},
			step{who, "GET /search/issues?q=is:issue", "", 200, []string{"total_count=0"}},
			step{who, "GET ~/labels", "", 200, nil},
			step{who, "GET ~/pulls", "", 200, nil},
		)
	}
	g.state(`{"disable_issues":""}`)
	g.steps(step{"app", "GET ~/issues/1", "", 200, nil})
}

// Who is deleted is the ghost where they wrote, nobody where they reviewed, and not there any more elsewhere.
func TestStateUserDeleted(t *testing.T) {
	g := newGitHub(t)
	g.steps(
		step{"bob", "POST ~/issues", `{"title":"Down","assignees":["bob","carol"]}`, 201, nil},
		step{"bob", "POST ~/issues/1/comments", `{"body":"x"}`, 201, []string{"id>comment"}},
		step{"alice", "GET ~/git/ref/heads/main", "", 200, []string{"object.sha>main"}},
		step{"alice", "POST ~/git/refs", `{"ref":"refs/heads/b","sha":"$main"}`, 201, nil},
		step{"alice", "PUT ~/contents/b.md", `{"message":"b","content":"eA==","branch":"b"}`, 201, nil},
		step{"alice", "POST ~/pulls", `{"title":"P","head":"b","base":"main"}`, 201, nil},
		step{"bob", "POST ~/pulls/2/reviews", `{"event":"APPROVE"}`, 200, nil},
	)
	g.state(`{"delete_user":"bob"}`)
	g.steps(
		step{"app", "GET ~/issues/1", "", 200, []string{"user.login=ghost", "assignees.*.login=carol"}},
		step{"app", "GET ~/issues/comments/$comment", "", 200, []string{"user.login=ghost"}},
		step{"app", "GET ~/pulls/2/reviews", "", 200, []string{"0.user=null", "0.state=APPROVED", "0.author_association=NONE"}},
		step{"app", "GET ~/issues/2/timeline", "", 200, nil},
		step{"app", "GET /users/bob", "", 404, nil},
		step{"app", "GET ~/collaborators/bob/permission", "", 404, nil},
		step{"app", "GET ~/assignees/bob", "", 404, nil},
		step{"app", "GET /orgs/acme/teams/platform/members", "", 200, []string{"*.login=alice,dave_acme"}},
		step{"bob", "GET ~", "", 401, nil},
		step{"", "POST /sandbox/states", `{"delete_user":"bob"}`, 400, nil},
	)
}

// People with names that not every grammar takes are there as on GitHub.
func TestOddLogins(t *testing.T) {
	g := newGitHub(t)
	g.steps(
		step{"dave_acme", "POST ~/issues", `{"title":"Down","labels":["incident"],"assignees":["dave_acme"]}`, 201, []string{"user.login=dave_acme", "labels.#=1"}},
		step{"app", "GET ~/collaborators/dave_acme/permission", "", 200, []string{"permission=write"}},
		step{"app", "GET /orgs/acme/teams/platform/memberships/dave_acme", "", 200, nil},
		step{"app", "GET ~/collaborators/ivan-/permission", "", 200, []string{"permission=read"}},
		step{"ivan-", "POST ~/issues", `{"title":"x","labels":["incident"]}`, 201, []string{"user.login=ivan-", "labels.#=0"}},
		step{"ivan-", "PATCH ~/issues/1", `{"title":"y"}`, 403, nil},
	)
}

// What the addresses bring about, a person can on a page; it says what holds, and why something can't be.
func TestStatesPage(t *testing.T) {
	g := newGitHub(t)
	press := func(status int, pairs ...string) string {
		t.Helper()
		form := url.Values{}
		for n := 0; n < len(pairs); n += 2 {
			form.Set(pairs[n], pairs[n+1])
		}
		res, err := http.PostForm(g.url+"/_states", form) // and where it leads
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		page, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != status {
			t.Errorf("%v: %d, %v", pairs, res.StatusCode, err)
		}
		return html.UnescapeString(string(page))
	}
	for _, c := range []struct {
		status int
		pairs  []string
		says   string
	}{
		{200, []string{"do", "state", "key", "archive", "value", `"acme/web"`}, "acme/web is archived"},
		{200, []string{"do", "state", "key", "ruleset", "value", "acme/web"}, "acme/web takes changes of main by pull requests alone"},
		{200, []string{"do", "state", "key", "suspend", "value", `"acme"`}, "The App's installation is suspended since"},
		{200, []string{"do", "state", "key", "allow_list", "value", `"acme"`}, "An IP allow list keeps the App out of acme"},
		{200, []string{"do", "state", "key", "rename", "value", `["acme/web","acme/shop"]`}, "acme/shop is archived"},
		{200, []string{"do", "fault", "value", `{"match":"GET ","lag":"30s"}`}, "GET  is 30s behind (until mended)"},
		{200, []string{"do", "fault", "value", `{"outage":"10m"}`}, "GitHub is away until 24 Nov 10:51:00 UTC"},
		{200, []string{"do", "fault", "value", `{"skew":"90s","webhook_delay":"1h","drop_webhooks":2}`}, "Webhooks come 1h0m0s late"},
		{422, []string{"do", "fault", "value", `{"outtage":"10m"}`}, "unknown field"},
		{422, []string{"do", "state", "key", "archive", "value", "acme/none"}, `there is no repository "acme/none"`},
		{422, []string{"do", "nothing"}, "no button"},
	} {
		if page := press(c.status, c.pairs...); !strings.Contains(page, c.says) {
			t.Errorf("after %v the page doesn't say %q", c.pairs, c.says)
		}
	}
	g.steps(step{"", "GET /sandbox/states", "", 200, []string{"holds.#=4", "states.0.key=suspend", "faults.#=5"}})
	for _, key := range []string{"archive", "ruleset", "allow_list"} {
		press(200, "do", "end", "key", key)
	}
	press(200, "do", "state", "key", "resume", "value", `"acme"`)
	if page := press(200, "do", "mend"); !strings.Contains(page, "All is well.") {
		t.Error("mended, the page still says that something holds")
	}
	if res, err := http.Get(g.url + "/"); err == nil {
		page, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if !strings.Contains(string(page), `href="/_states"`) {
			t.Error("no page leads there")
		}
	}
}
