package sandbox

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/firebreak-dev/firebreak/app/sandbox/contract"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// delivered is a webhook that arrived.
type delivered struct {
	event, guid string
	*answer     // its payload
}

// receiver takes webhooks and holds each against GitHub's description.
type receiver struct {
	t     *testing.T
	url   string
	mu    sync.Mutex
	all   []delivered
	other bool          // the App is not the tests': its secret is its own
	gate  chan struct{} // nil: open; else each delivery waits for it
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{t: t}
	mux := http.NewServeMux() // it does not keep the sandbox's time, and says 404 to that
	mux.HandleFunc("POST /webhook", func(_ http.ResponseWriter, req *http.Request) {
		payload, err := io.ReadAll(req.Body)
		if err != nil {
			return // the sandbox was closed while it sent: the test is over
		}
		event, guid := req.Header.Get("X-GitHub-Event"), req.Header.Get("X-GitHub-Delivery")
		if !r.other && req.Header.Get("X-Hub-Signature-256") != sign("a secret of the tests", payload) {
			t.Errorf("%s: the signature does not fit", event)
		}
		if req.Header.Get("Content-Type") != "application/json" || len(guid) != 36 ||
			!strings.HasPrefix(req.Header.Get("User-Agent"), "GitHub-Hookshot/") || !r.other && req.Header.Get("X-GitHub-Hook-Installation-Target-ID") != "1" {
			t.Errorf("%s: the request is not as GitHub's: %v", event, req.Header)
		}
		contract.Webhook(t, event, payload)
		r.mu.Lock()
		r.all = append(r.all, delivered{event, guid, &answer{t: t, what: event, body: payload}})
		gate := r.gate
		r.mu.Unlock()
		if gate != nil {
			<-gate
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	r.url = server.URL + "/webhook"
	return r
}

func (r *receiver) option(o *Options) { o.WebhookURL = r.url }

// hold keeps deliveries waiting until they are released.
func (r *receiver) hold() (release func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	gate := make(chan struct{})
	r.gate = gate
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.gate = nil
		close(gate)
	}
}

// take returns what arrived since the last time.
func (r *receiver) take() []delivered {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.all
	r.all = nil
	return all
}

// kinds names deliveries, like issues/opened.
func kinds(all []delivered) []string {
	return eachOf(all, func(d delivered) string {
		if action := d.field("action"); action != "absent" {
			return d.event + "/" + action
		}
		return d.event
	})
}

// Every webhook that there is, as people's doings send it.
func TestWebhooks(t *testing.T) {
	r := newReceiver(t)
	g := newGitHub(t, r.option)
	seen := map[string]bool{}
	after := func(want string, steps ...step) []delivered {
		t.Helper()
		g.steps(steps...)
		g.settle()
		all := r.take()
		if got := strings.Join(kinds(all), " "); got != want {
			t.Errorf("%s sends\n%s\nwant\n%s", steps[0].request, got, want)
		}
		for _, kind := range kinds(all) {
			seen[kind] = true
		}
		return all
	}
	part := func(d delivered, path, want string) {
		t.Helper()
		if got := d.field(path); got != want {
			t.Errorf("%s: %s is %q, want %q", kinds([]delivered{d})[0], path, got, want)
		}
	}

	all := after("issues/opened issues/labeled issues/labeled issues/assigned",
		step{"alice", "POST ~/issues", `{"title":"Down","body":"All of it","labels":["incident","drill"],"assignees":["bob"]}`, 201, nil})
	part(all[0], "issue.labels.*.name", "incident,drill")
	part(all[0], "sender.login", "alice")
	part(all[0], "installation.id", "7001")
	part(all[0], "repository.full_name", "acme/incidents")
	part(all[0], "organization.login", "acme")
	part(all[2], "label.name", "drill")
	part(all[3], "assignee.login", "bob")

	all = after("issues/edited issues/edited",
		step{"alice", "PATCH ~/issues/1", `{"title":"All down"}`, 200, nil}, step{"alice", "PATCH ~/issues/1", `{"body":"Everything"}`, 200, nil},
		step{"alice", "PATCH ~/issues/1", `{"body":"Everything"}`, 200, nil})
	part(all[0], "changes.title.from", "Down")
	part(all[0], "changes.body", "absent")
	part(all[1], "changes.body.from", "All of it")
	all = after("issues/closed issues/reopened issues/closed issues/reopened",
		step{"alice", "PATCH ~/issues/1", `{"state":"closed","state_reason":"not_planned"}`, 200, nil}, step{"alice", "PATCH ~/issues/1", `{"state":"open"}`, 200, nil},
		step{"alice", "PATCH ~/issues/1", `{"state":"closed","state_reason":"duplicate"}`, 200, nil}, step{"alice", "PATCH ~/issues/1", `{"state":"open"}`, 200, nil})
	part(all[0], "issue.state_reason", "not_planned")
	part(all[1], "issue.state_reason", "reopened")
	after("issues/unlabeled issues/unassigned issues/labeled issues/assigned",
		step{"alice", "DELETE ~/issues/1/labels/drill", "", 200, nil}, step{"alice", "DELETE ~/issues/1/assignees", `{"assignees":["bob"]}`, 200, nil},
		step{"app", "POST ~/issues/1/labels", `["drill","incident"]`, 200, nil}, step{"app", "POST ~/issues/1/assignees", `{"assignees":["carol","gina"]}`, 201, nil})
	after("issues/locked issues/unlocked", step{"alice", "PUT ~/issues/1/lock", "", 204, nil}, step{"alice", "DELETE ~/issues/1/lock", "", 204, nil})

	all = after("issue_comment/created issue_comment/edited issue_comment/pinned issue_comment/created issue_comment/unpinned issue_comment/pinned issue_comment/unpinned issue_comment/deleted",
		step{"app", "POST ~/issues/1/comments", `{"body":"the card"}`, 201, []string{"id>card"}},
		step{"app", "PATCH ~/issues/comments/$card", `{"body":"the card, again"}`, 200, nil},
		step{"app", "PUT ~/issues/comments/$card/pin", "", 200, nil},
		step{"alice", "POST ~/issues/1/comments", `{"body":"/ic"}`, 201, []string{"id>command"}},
		step{"alice", "PUT ~/issues/comments/$command/pin", "", 200, nil},
		step{"alice", "DELETE ~/issues/comments/$command/pin", "", 204, nil},
		step{"alice", "DELETE ~/issues/comments/$command", "", 204, nil})
	part(all[0], "comment.performed_via_github_app.slug", "robot")
	part(all[0], "sender.type", "Bot")
	part(all[0], "issue.comments", "1")
	part(all[1], "changes.body.from", "the card")
	part(all[7], "comment.body", "/ic")
	// Reactions are silent.
	after("", step{"app", "POST ~/issues/comments/$card/reactions", `{"content":"eyes"}`, 201, nil})

	after("issues/opened sub_issues/sub_issue_added sub_issues/parent_issue_added sub_issues/sub_issue_removed sub_issues/parent_issue_removed",
		step{"alice", "POST /repos/acme/platform/issues", `{"title":"Fix it"}`, 201, []string{"id>task"}},
		step{"app", "POST ~/issues/1/sub_issues", `{"sub_issue_id":$task}`, 201, nil},
		step{"app", "DELETE ~/issues/1/sub_issue", `{"sub_issue_id":$task}`, 200, nil})
	after("issues/deleted", step{"", "POST /sandbox/states", `{"delete_issue":"acme/platform#1"}`, 200, nil}, step{"alice", "GET /repos/acme/platform/issues/1", "", 410, nil})

	all = after("create push push delete push create push delete push",
		step{"alice", "GET ~/git/ref/heads/main", "", 200, []string{"object.sha>main"}},
		step{"alice", "POST ~/git/refs", `{"ref":"refs/heads/postmortem/1","sha":"$main"}`, 201, nil},
		step{"alice", "PUT ~/contents/postmortems/1.md", `{"message":"Write it","content":"` + encoded("# Down\n") + `","branch":"postmortem/1"}`, 201, []string{"commit.sha>head"}},
		step{"alice", "DELETE ~/git/refs/heads/postmortem/1", "", 204, nil},
		step{"alice", "POST ~/git/refs", `{"ref":"refs/tags/v1","sha":"$main"}`, 201, nil},
		step{"alice", "DELETE ~/git/refs/tags/v1", "", 204, nil})
	part(all[0], "ref", "postmortem/1")
	part(all[0], "ref_type", "branch")
	part(all[1], "created", "true")
	part(all[2], "ref", "refs/heads/postmortem/1")
	part(all[2], "commits.*.id", g.vars["head"])
	part(all[2], "commits.0.added.0", "postmortems/1.md")
	part(all[2], "before", g.vars["main"])
	part(all[2], "forced", "false")
	part(all[4], "deleted", "true")
	part(all[4], "after", strings.Repeat("0", 40))
	part(all[5], "ref_type", "tag")

	after("create push push pull_request/opened pull_request/labeled pull_request/assigned pull_request/edited pull_request/edited issue_comment/created",
		step{"alice", "POST ~/git/refs", `{"ref":"refs/heads/postmortem/1","sha":"$main"}`, 201, nil},
		step{"alice", "PATCH ~/git/refs/heads/postmortem/1", `{"sha":"$head"}`, 200, nil},
		step{"bob", "POST ~/pulls", `{"title":"Postmortem","body":"Of #1","head":"postmortem/1","base":"main"}`, 201, []string{"number>pull"}},
		step{"bob", "POST ~/issues/$pull/labels", `["incident"]`, 200, nil},
		step{"bob", "POST ~/issues/$pull/assignees", `{"assignees":["bob"]}`, 201, nil},
		step{"bob", "PATCH ~/pulls/$pull", `{"title":"The postmortem"}`, 200, nil},
		step{"bob", "PATCH ~/pulls/$pull", `{"body":"Of #1, again"}`, 200, nil},
		step{"bob", "POST ~/issues/$pull/comments", `{"body":"Read it"}`, 201, nil})
	after("pull_request/unlabeled pull_request/unassigned pull_request/locked pull_request/unlocked pull_request/closed pull_request/reopened",
		step{"bob", "DELETE ~/issues/$pull/labels/incident", "", 200, nil}, step{"bob", "DELETE ~/issues/$pull/assignees", `{"assignees":["bob"]}`, 200, nil},
		step{"bob", "PUT ~/issues/$pull/lock", "", 204, nil}, step{"bob", "DELETE ~/issues/$pull/lock", "", 204, nil},
		step{"bob", "PATCH ~/pulls/$pull", `{"state":"closed"}`, 200, nil}, step{"bob", "PATCH ~/pulls/$pull", `{"state":"open"}`, 200, nil})
	all = after("create push pull_request/edited push pull_request/synchronize push pull_request/synchronize push pull_request/synchronize",
		step{"alice", "POST ~/git/refs", `{"ref":"refs/heads/release","sha":"$main"}`, 201, nil},
		step{"bob", "PATCH ~/pulls/$pull", `{"base":"release"}`, 200, nil},
		step{"alice", "PUT ~/contents/postmortems/2.md", `{"message":"More","content":"","branch":"postmortem/1"}`, 201, []string{"commit.sha>next"}},
		step{"alice", "PATCH ~/git/refs/heads/postmortem/1", `{"sha":"$head","force":true}`, 200, nil},
		step{"alice", "PATCH ~/git/refs/heads/postmortem/1", `{"sha":"$next"}`, 200, nil})
	part(all[2], "changes.base.ref.from", "main")
	part(all[4], "before", g.vars["head"])
	part(all[4], "after", g.vars["next"])
	part(all[5], "forced", "true")
	g.held(func(f *forge.Forge) {
		for _, draft := range []bool{true, false} {
			if err := f.EditPull(&forge.Actor{Login: "bob"}, f.Repos[0].Issues[1], forge.PullEdit{Draft: &draft}); err != nil {
				t.Error(err)
			}
		}
	})
	all = after("pull_request/converted_to_draft pull_request/ready_for_review pull_request/review_requested pull_request/review_requested pull_request/review_request_removed pull_request/review_request_removed",
		step{"app", "POST ~/pulls/$pull/requested_reviewers", `{"reviewers":["carol"],"team_reviewers":["platform"]}`, 201, nil},
		step{"app", "DELETE ~/pulls/$pull/requested_reviewers", `{"reviewers":["carol"],"team_reviewers":["platform"]}`, 200, nil})
	part(all[2], "requested_reviewer.login", "carol")
	part(all[3], "requested_team.slug", "platform")
	all = after("pull_request_review/submitted pull_request_review/submitted pull_request_review/submitted pull_request_review/dismissed",
		step{"carol", "POST ~/pulls/$pull/reviews", `{"event":"REQUEST_CHANGES","body":"no cause"}`, 200, []string{"id>review"}},
		step{"bob", "POST ~/pulls/$pull/reviews", `{"event":"COMMENT","body":"it's there"}`, 200, nil},
		step{"alice", "POST ~/pulls/$pull/reviews", `{"event":"APPROVE"}`, 200, nil},
		step{"dan", "PUT ~/pulls/$pull/reviews/$review/dismissals", `{"message":"carol is away"}`, 200, nil})
	part(all[0], "review.state", "changes_requested")
	part(all[2], "review.state", "approved")
	part(all[2], "review.body", "null")
	part(all[3], "review.state", "dismissed")

	all = after("check_run/created check_run/completed check_run/created check_run/completed",
		step{"app", "POST ~/check-runs", `{"name":"postmortem","head_sha":"$next","actions":[{"label":"Again","description":"Reads it again","identifier":"again"}]}`, 201, []string{"id>run"}},
		step{"app", "PATCH ~/check-runs/$run", `{"conclusion":"failure","output":{"title":"Not yet","summary":"It is not done"}}`, 200, nil},
		step{"app", "PATCH ~/check-runs/$run", `{"output":{"title":"Not yet","summary":"It is still not done"}}`, 200, nil},
		step{"app", "POST ~/check-runs", `{"name":"other","head_sha":"$next","conclusion":"success"}`, 201, nil})
	part(all[0], "check_run.check_suite.head_branch", "postmortem/1")
	part(all[1], "check_run.pull_requests.*.number", "2")
	g.held(func(f *forge.Forge) {
		run := f.Repos[0].CheckRuns[0]
		for _, identifier := range []string{"", "again"} {
			if err := f.PressCheckAction(&forge.Actor{Login: "alice"}, f.Repos[0], run, identifier); err != nil {
				t.Error(err)
			}
		}
		if f.PressCheckAction(&forge.Actor{Login: "alice"}, f.Repos[0], run, "other") == nil {
			t.Error("a button that is not there was pressed")
		}
	})
	all = after("check_run/rerequested check_run/requested_action push pull_request/closed",
		step{"alice", "PUT ~/pulls/$pull/merge", "", 200, nil})
	part(all[1], "requested_action.identifier", "again")
	part(all[3], "pull_request.merged", "true")
	after("installation/suspend installation/unsuspend",
		step{"jwt", "PUT /app/installations/7001/suspended", "", 204, nil}, step{"alice", "POST ~/issues", `{"title":"Unheard"}`, 201, nil},
		step{"jwt", "DELETE /app/installations/7001/suspended", "", 204, nil})

	after("repository/renamed installation_target/renamed",
		step{"", "POST /sandbox/states", `{"rename":["acme/incidents","acme/p1"]}`, 200, nil},
		step{"", "POST /sandbox/states", `{"rename_org":["acme","acme2"]}`, 200, nil})

	for _, event := range forge.DefaultEvents {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(seen)), func(kind string) bool { return kind == event || strings.HasPrefix(kind, event+"/") }) {
			t.Errorf("the App is subscribed to %s and never got one", event)
		}
	}
}
