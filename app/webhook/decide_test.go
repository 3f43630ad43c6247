package webhook_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/webhook"
	"github.com/google/go-cmp/cmp"
)

// What changes where the App may work asks for a look at the open incidents there.
func TestAccessEventsAskForASweep(t *testing.T) {
	const installed = `"installation":{"id":7,"account":{"login":"acme"},"updated_at":%s},`
	at := time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	text := fmt.Sprintf(installed, `"2026-03-02T10:40:00Z"`)
	in := strings.Replace(repo, `"name"`, `"updated_at":"2026-03-02T10:40:00Z","name"`, 1)
	all := incident.Message{Ref: incident.Ref{Owner: "acme"}, What: incident.Sweep{Installation: 7, At: at}}
	one := all
	one.Ref.Repo = "incidents"
	for _, c := range []struct {
		name, event, body string
		want              incident.Message
	}{
		{"created", "installation", `{"action":"created",` + text + alice + `}`, all},
		{"a time as a number", "installation", `{"action":"created",` + fmt.Sprintf(installed, "1772448000") + alice + `}`, all},
		{"suspended", "installation", `{"action":"suspend",` + text + alice + `}`, all},
		{"back again", "installation", `{"action":"unsuspend",` + text + alice + `}`, all},
		{"by an enterprise, which has no repositories", "installation", `{"action":"created","installation":{"id":7,"account":{"slug":"acme"}},` + alice + `}`, incident.Message{}},
		{"permissions", "installation", `{"action":"new_permissions_accepted",` + text + alice + `}`, all},
		{"an action of tomorrow", "installation", `{"action":"paused",` + text + alice + `}`, incident.Message{}},
		{"repositories", "installation_repositories", `{"action":"added",` + text + alice + `}`, all},
		{"no installation", "installation", `{"action":"created",` + alice + `}`, incident.Message{}},
		{"no account", "installation", `{"action":"created","installation":{"id":7},` + alice + `}`, incident.Message{}},
		{"an account that isn't one", "installation", `{"action":"created","installation":{"id":7,"account":{"login":"a/b#1"}},` + alice + `}`, incident.Message{}},
		{"an account renamed", "installation_target", `{"action":"renamed","account":{"login":"acme"},"changes":{"login":{"from":"old"}},"installation":{"id":7},` + alice + `}`,
			incident.Message{Ref: incident.Ref{Owner: "acme"}, What: incident.Sweep{Installation: 7}}},
		{"a repository renamed", "repository", `{"action":"renamed","changes":{"repository":{"name":{"from":"old"}}},` + in + alice + `}`, one},
		{"a repository archived", "repository", `{"action":"archived",` + in + alice + `}`, one},
		{"a repository edited", "repository", `{"action":"edited",` + in + alice + `}`, incident.Message{}},
		{"no repository", "repository", `{"action":"renamed",` + text + alice + `}`, incident.Message{}},
	} {
		m, ok, err := webhook.Decide(c.event, []byte(c.body), webhook.Self{AppID: appID, Login: "firebreak[bot]"})
		if err != nil || ok != (c.want.What != nil) {
			t.Errorf("%s: %v %v", c.name, ok, err)
		}
		if ok {
			m.Why = ""
			if d := cmp.Diff(c.want, m); d != "" || m.IsBare() {
				t.Errorf("%s (-want +got):\n%s", c.name, d)
			}
		}
	}
}

func by(login, kind, body string) string {
	return fmt.Sprintf(`"comment":{"id":5,"body":%q,"user":{"login":%q,"type":%q},"created_at":"2026-03-02T10:40:00Z","updated_at":"2026-03-02T10:41:00Z"},`, body, login, kind)
}

func TestRelevance(t *testing.T) {
	card := `"comment":{"id":9,"body":"card","user":{"login":"firebreak[bot]","type":"Bot"},"performed_via_github_app":{"id":1}},`
	for _, c := range []struct {
		name, event, body string
		want              bool
	}{
		{"opened as an incident", "issues", `{"action":"opened",` + is + repo + alice + `}`, true},
		{"opened as something else", "issues", `{"action":"opened",` + plain + repo + alice + `}`, false},
		{"opened with the command", "issues", `{"action":"opened","issue":{"number":1,"body":"/incident critical","labels":[]},` + repo + alice + `}`, true},
		{"opened with the command by a bot", "issues", `{"action":"opened","issue":{"number":1,"body":"/incident critical","labels":[]},` + repo + other + `}`, false},
		{"opened by a bot as an incident", "issues", `{"action":"opened",` + is + repo + other + `}`, true},
		{"a phase by hand", "issues", `{"action":"labeled","label":{"name":"phase/fixing"},` + is + repo + alice + `}`, true},
		{"a phase by the app", "issues", `{"action":"labeled","label":{"name":"phase/fixing"},` + is + repo + bot + `}`, false},
		{"the incident label by the app", "issues", `{"action":"labeled","label":{"name":"incident"},` + is + repo + bot + `}`, false},
		{"the incident label by another bot", "issues", `{"action":"labeled","label":{"name":"incident"},` + is + repo + other + `}`, true},
		{"a phase by another bot", "issues", `{"action":"labeled","label":{"name":"phase/fixing"},` + is + repo + other + `}`, true},
		{"closed by another bot", "issues", `{"action":"closed",` + is + repo + other + `}`, true},
		{"GitHub keeps a label's case", "issues", `{"action":"labeled","label":{"name":"Severity/Critical"},"issue":{"number":1,"labels":[{"name":"Incident"}]},` + repo + alice + `}`, true},
		{"the form, and no label yet", "issues", `{"action":"opened","issue":{"number":1,"body":"### Summary\n\nx\n\n### Severity\n\ncritical\n\n### Customers impacted\n\nglobex\n","labels":[]},` + repo + alice + `}`, true},
		{"transferred", "issues", `{"action":"transferred",` + is + repo + alice + `}`, false},
		{"another label", "issues", `{"action":"labeled","label":{"name":"bug"},` + is + repo + alice + `}`, false},
		{"the incident label goes", "issues", `{"action":"unlabeled","label":{"name":"incident"},` + plain + repo + alice + `}`, true},
		{"assigned", "issues", `{"action":"assigned",` + is + repo + alice + `}`, true},
		{"assigned elsewhere", "issues", `{"action":"assigned",` + plain + repo + alice + `}`, false},
		{"closed", "issues", `{"action":"closed",` + is + repo + alice + `}`, true},
		{"closed by the app", "issues", `{"action":"closed",` + is + repo + bot + `}`, false},
		{"renamed", "issues", `{"action":"edited","changes":{"title":{"from":"a"}},` + is + repo + alice + `}`, true},
		{"rewritten", "issues", `{"action":"edited","changes":{"body":{"from":"a"}},` + is + repo + alice + `}`, false},
		{"pinned", "issues", `{"action":"pinned",` + is + repo + alice + `}`, false},
		{"a label on a pull request", "issues", `{"action":"labeled","label":{"name":"incident"},` + pull + repo + alice + `}`, false},
		{"a command", "issue_comment", `{"action":"created",` + is + by("alice", "User", "/ic") + repo + alice + `}`, true},
		{"a command on a pull request", "issue_comment", `{"action":"created",` + pull + by("alice", "User", "/ic") + repo + alice + `}`, false},
		{"talk", "issue_comment", `{"action":"created","issue":{"number":1,"comments":21,"labels":[{"name":"incident"}]},` + by("alice", "User", "looking") + repo + alice + `}`, false},
		{"the twentieth comment", "issue_comment", `{"action":"created","issue":{"number":1,"comments":20,"labels":[{"name":"incident"}]},` + by("alice", "User", "looking") + repo + alice + `}`, true},
		{"a command elsewhere", "issue_comment", `{"action":"created",` + plain + by("alice", "User", "/ic") + repo + alice + `}`, false},
		{"a declaration elsewhere", "issue_comment", `{"action":"created",` + plain + by("alice", "User", "/incident") + repo + alice + `}`, true},
		{"a misspelt declaration elsewhere", "issue_comment", `{"action":"created",` + plain + by("alice", "User", "/incidnet critical") + repo + alice + `}`, true},
		{"a declaration in code elsewhere", "issue_comment", `{"action":"created",` + plain + by("alice", "User", "try\n```\n/incident\n```") + repo + alice + `}`, false},
		{"a command by a bot", "issue_comment", `{"action":"created",` + is + by("alerts[bot]", "Bot", "/ic") + repo + other + `}`, false},
		{"a comment by the app", "issue_comment", `{"action":"created",` + is + card + repo + bot + `}`, false},
		{"the card edited by the app", "issue_comment", `{"action":"edited","changes":{"body":{"from":"x"}},` + is + card + repo + bot + `}`, false},
		{"the card edited by hand", "issue_comment", `{"action":"edited","changes":{"body":{"from":"x"}},` + is + card + repo + alice + `}`, true},
		{"the card deleted", "issue_comment", `{"action":"deleted",` + is + card + repo + alice + `}`, true},
		{"the card unpinned", "issue_comment", `{"action":"unpinned",` + is + card + repo + alice + `}`, true},
		{"somebody's comment deleted", "issue_comment", `{"action":"deleted",` + is + by("alice", "User", "/ic") + repo + alice + `}`, false},
		{"an edit", "issue_comment", `{"action":"edited","changes":{"body":{"from":"x"}},` + is + by("alice", "User", "/ic") + repo + alice + `}`, true},
		{"an edit that adds nothing", "issue_comment", `{"action":"edited","changes":{"body":{"from":"/ic\n\nthx"}},` + is + by("alice", "User", "/ic\n\nthanks") + repo + alice + `}`, false},
		{"words of somebody's deleted", "issue_comment", `{"action":"deleted",` + is + by("alice", "User", "/oe cause a disk") + repo + alice + `}`, true},
		{"words taken out of a comment", "issue_comment", `{"action":"edited","changes":{"body":{"from":"/oe cause a disk"}},` + is + by("alice", "User", "never mind") + repo + alice + `}`, true},
		{"words of somebody's deleted by a bot", "issue_comment", `{"action":"deleted",` + is + by("alice", "User", "/oe cause a disk") + repo + `"sender":{"login":"redact[bot]","type":"Bot"}}`, true},
		{"words redacted by a bot", "issue_comment", `{"action":"edited","changes":{"body":{"from":"/oe cause a disk"}},` + is + by("alice", "User", "redacted") + repo + `"sender":{"login":"redact[bot]","type":"Bot"}}`, true},
		{"words added by a bot", "issue_comment", `{"action":"edited","changes":{"body":{"from":"a disk"}},` + is + by("alice", "User", "/oe cause a disk") + repo + `"sender":{"login":"redact[bot]","type":"Bot"}}`, false},
		{"another bot's comment deleted", "issue_comment", `{"action":"deleted",` + is + by("alerts[bot]", "Bot", "/ic") + repo + alice + `}`, false},
		{"the card deleted by another bot", "issue_comment", `{"action":"deleted",` + is + card + repo + other + `}`, true},
		{"the card of which GitHub doesn't say the app", "issue_comment", `{"action":"deleted",` + is + by("firebreak[bot]", "Bot", "card") + repo + alice + `}`, true},
		{"a number that isn't one", "pull_request", `{"action":"closed","pull_request":{"number":4,"head":{"ref":"postmortem/+1","repo":{"full_name":"acme/incidents"}}},` + repo + alice + `}`, false},
		{"issue 0", "issues", `{"action":"closed","issue":{"number":0,"labels":[{"name":"incident"}]},` + repo + alice + `}`, false},
		{"an owner that isn't one", "issues", `{"action":"closed",` + is + `"repository":{"name":"r#1","owner":{"login":"a/b"}},` + alice + `}`, false},
		{"a postmortem merged", "pull_request", `{"action":"closed","pull_request":{"number":4,"head":{"ref":"postmortem/1","repo":{"full_name":"acme/incidents"}}},` + repo + alice + `}`, true},
		{"a postmortem of a fork", "pull_request", `{"action":"closed","pull_request":{"number":4,"head":{"ref":"postmortem/1","repo":{"full_name":"mallory/incidents"}}},` + repo + alice + `}`, false},
		{"another branch", "pull_request", `{"action":"closed","pull_request":{"number":4,"head":{"ref":"fix","repo":{"full_name":"acme/incidents"}}},` + repo + alice + `}`, false},
		{"a fork that is gone", "pull_request", `{"action":"closed","pull_request":{"number":4,"head":{"ref":"postmortem/1","repo":null}},` + repo + alice + `}`, false},
		{"opened by the app", "pull_request", `{"action":"opened","pull_request":{"number":4,"head":{"ref":"postmortem/1","repo":{"full_name":"acme/incidents"}}},` + repo + bot + `}`, false},
		{"a ticket closed", "issues", `{"action":"closed","issue":{"number":9,"body":"Text\n<!-- firebreak:ticket acme/incidents#1/2 -->","user":{"login":"firebreak[bot]","type":"Bot"}},"repository":{"name":"payments","owner":{"login":"acme"}},` + alice + `}`, true},
		{"a ticket closed by the app", "issues", `{"action":"closed","issue":{"number":9,"body":"<!-- firebreak:ticket acme/incidents#1/2 -->","user":{"login":"firebreak[bot]","type":"Bot"}},"repository":{"name":"payments","owner":{"login":"acme"}},` + bot + `}`, false},
		{"a ticket's mark in somebody's issue", "issues", `{"action":"closed","issue":{"number":9,"body":"<!-- firebreak:ticket acme/incidents#1/2 -->","user":{"login":"mallory","type":"User"}},"repository":{"name":"payments","owner":{"login":"acme"}},` + alice + `}`, false},
		{"a ticket labelled", "issues", `{"action":"labeled","label":{"name":"bug"},"issue":{"number":9,"body":"<!-- firebreak:ticket acme/incidents#1/2 -->","user":{"login":"firebreak[bot]","type":"Bot"}},"repository":{"name":"payments","owner":{"login":"acme"}},` + alice + `}`, false},
		{"a drill that the app opened", "issues", `{"action":"opened","issue":{"number":1,"body":` + drill + `,"labels":[{"name":"incident"}]},` + repo + bot + `}`, true},
		{"a drill that the app labelled", "issues", `{"action":"labeled","label":{"name":"incident"},"issue":{"number":1,"body":` + drill + `,"labels":[{"name":"incident"}]},` + repo + bot + `}`, false},
		{"an incident that the app opened for a source", "issues", `{"action":"opened","issue":{"number":1,"body":"Alertmanager reports this","labels":[{"name":"incident"}]},` + repo + bot + `}`, false},
		{"without a repository", "issues", `{"action":"opened"}`, false},
		{"an event of tomorrow", "incident_declared", `{"action":"created",` + is + repo + alice + `}`, false},
	} {
		m, got, err := webhook.Decide(c.event, []byte(c.body), webhook.Self{AppID: appID, Login: "firebreak[bot]"})
		if err != nil || got != c.want {
			t.Errorf("%s: %v %v, want %v", c.name, got, err, c.want)
		}
		if got && m.Ref.String() != "acme/incidents#1" {
			t.Errorf("%s: looks at %s", c.name, m.Ref)
		}
	}
}

// Somebody who edits a comment of the app's own may put back a card that the app signed earlier.
func TestA5ACardThatSomebodyEditedIsDoubted(t *testing.T) {
	card := `"comment":{"id":9,"body":"<!-- firebreak:card v1","user":{"login":"firebreak[bot]","type":"Bot"},"performed_via_github_app":{"id":1}},`
	for action, want := range map[string]bool{"edited": true, "deleted": false, "unpinned": false} {
		m, ok, err := webhook.Decide("issue_comment", []byte(`{"action":"`+action+`","changes":{"body":{"from":"x"}},`+is+card+repo+alice+`}`), webhook.Self{AppID: appID, Login: "firebreak[bot]"})
		if !ok || err != nil || m.IsCardEdited() != want || m.IsBare() { // what it says, no other look knows
			t.Errorf("%s: %+v %t %v", action, m, ok, err)
		}
	}
	for change, want := range map[string]bool{
		`"changes":{"body":{"from":"x"}},` + is + strings.Replace(card, "<!-- firebreak:card v1", "y", 1):                      false,
		`"changes":{"body":{"from":"<!-- firebreak:card v1"}},` + is + strings.Replace(card, "<!-- firebreak:card v1", "y", 1): true,
		`"changes":{"body":{"from":"x"}},` + is + card:                                                                         true,
		`"changes":{},` + is + card: true,
	} {
		m, ok, err := webhook.Decide("issue_comment", []byte(`{"action":"edited",`+change+repo+alice+`}`), webhook.Self{AppID: appID, Login: "firebreak[bot]"})
		if !ok || err != nil || m.IsCardEdited() != want {
			t.Errorf("%s: %+v %t %v", change, m, ok, err)
		}
	}
}

func TestAPushOfTheConfigurationIsChecked(t *testing.T) {
	push := func(changed, after string) string {
		return `{"ref":"refs/heads/x","after":"` + after + `","commits":[{"added":[],"modified":["README.md"]},` + changed + `],` + repo + alice + `}`
	}
	commit := strings.Repeat("ab", 20)
	for _, c := range []struct {
		name, body string
		want       bool
	}{
		{"changed", push(`{"modified":[".github/firebreak.yml"]}`, commit), true},
		{"added", push(`{"added":[".github/firebreak.yml"]}`, commit), true},
		{"the template changed", push(`{"modified":[".github/firebreak/postmortem.md"]}`, commit), true},
		{"removed", push(`{"removed":[".github/firebreak.yml"]}`, commit), false},
		{"something else", push(`{"modified":["docs/.github/firebreak.yml"]}`, commit), false},
		{"the branch deleted", push(`{"modified":[".github/firebreak.yml"]}`, strings.Repeat("0", 40)), false},
		{"no commit", push(`{"modified":[".github/firebreak.yml"]}`, "../../x"), false},
	} {
		m, got, err := webhook.Decide("push", []byte(c.body), webhook.Self{AppID: appID})
		if err != nil || got != c.want {
			t.Errorf("%s: %v %v, want %v", c.name, got, err, c.want)
		}
		if got && (m.Commit() != commit || m.Ref.FullName() != "acme/incidents" || m.Ref.Number != 0) {
			t.Errorf("%s: %+v", c.name, m)
		}
	}
}

// Before the app knows its own name, what any bot does could be its own doing, which must not cause
// looks without end.
func TestWhileItsOwnNameIsUnknown(t *testing.T) {
	for body, want := range map[string]bool{
		`{"action":"labeled","label":{"name":"phase/fixing"},` + is + repo + bot + `}`:     false,
		`{"action":"labeled","label":{"name":"incident"},` + is + repo + other + `}`:       true,
		`{"action":"unlabeled","label":{"name":"phase/fixing"},` + is + repo + bot + `}`:   false,
		`{"action":"assigned",` + is + repo + bot + `}`:                                    false,
		`{"action":"edited","changes":{"title":{"from":"a"}},` + is + repo + bot + `}`:     false,
		`{"action":"labeled","label":{"name":"phase/fixing"},` + is + repo + alice + `}`:   true,
		`{"action":"opened",` + is + repo + other + `}`:                                    true,
		`{"action":"unlabeled","label":{"name":"phase/fixing"},` + is + repo + alice + `}`: true,
	} {
		if _, got, err := webhook.Decide("issues", []byte(body), webhook.Self{AppID: appID}); err != nil || got != want {
			t.Errorf("%s: %v %v, want %v", body, got, err, want)
		}
	}
}

// A deployment that succeeds may bring a revert (X3). Nothing else is even stored.
func TestX3ADeploymentThatSucceededIsHeardOf(t *testing.T) {
	const payments = `"repository":{"id":3,"name":"payments","full_name":"acme/payments","owner":{"login":"acme"}},`
	for body, want := range map[string]bool{
		`{"action":"created","deployment_status":{"state":"success","environment":"production"},` + payments + alice + `}`:              true,
		`{"action":"created","deployment_status":{"state":"success","environment":"production"},` + payments + other + `}`:              true,
		`{"action":"created","deployment_status":{"state":"failure","environment":"production"},` + payments + alice + `}`:              false,
		`{"action":"created","deployment_status":{"state":"failure","environment":"success"},` + payments + alice + `}`:                 false,
		`{"action":"created","deployment":{"environment":"success"},` + payments + alice + `}`:                                          false,
		`{"action":"created","deployment_status":{"state":"success","environment":"production"},` + alice + `}`:                         false,
		`{"deployment_status":{"state":"success"},"repository":{"name":"r#1","full_name":"a/r","owner":{"login":"a/b"}},` + alice + `}`: false,
	} {
		m, ok, err := webhook.Decide("deployment_status", []byte(body), webhook.Self{AppID: appID, Login: "firebreak[bot]"})
		if err != nil || ok != want {
			t.Errorf("%s: %t, %v", body, ok, err)
		}
		expected := incident.Message{Ref: incident.Ref{Owner: "acme", Repo: "payments"}, Why: "deployment_status",
			What: &incident.Deployed{Environment: "production"}}
		if d := cmp.Diff(expected, m); ok && (d != "" || m.IsBare()) {
			t.Error(d)
		}
	}
}

func TestMessageCarriesTheSignedComment(t *testing.T) {
	body := `{"action":"edited","changes":{"body":{"from":"x"}},` + is + by("alice", "User", "/ic") + repo + `"sender":{"login":"bob","type":"User"}}`
	m, ok, err := webhook.Decide("issue_comment", []byte(body), webhook.Self{AppID: appID})
	want := incident.Message{Ref: incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}, Why: "issue_comment.edited", What: &incident.Comment{
		ID: 5, Author: "alice", Editor: "bob", Before: "x", Body: "/ic",
		Created: time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC), Updated: time.Date(2026, 3, 2, 10, 41, 0, 0, time.UTC)}, Floor: &incident.Floor{}}
	if d := cmp.Diff(want, m); !ok || err != nil || d != "" {
		t.Error(ok, err, d)
	}
}

// The end of a run that the app started is somebody's, whom the engine knows; any other run is nobody's (X5).
func TestX5TheEndOfARun(t *testing.T) {
	self := webhook.Self{AppID: appID, Login: "firebreak[bot]"}
	run := func(action, event, actor string, id int) string {
		return fmt.Sprintf(`{"action":%q,"workflow_run":{"id":%d,"event":%q,"actor":{"login":%q,"type":"Bot"}},`+repo+`"sender":{"login":"firebreak[bot]","type":"Bot"}}`, action, id, event, actor)
	}
	for _, c := range []struct {
		body string
		want int64
	}{
		{run("completed", "workflow_dispatch", "firebreak[bot]", 9), 9}, {run("requested", "workflow_dispatch", "firebreak[bot]", 9), 0}, {run("completed", "push", "firebreak[bot]", 9), 0},
		{run("completed", "workflow_dispatch", "other[bot]", 9), 0}, {run("completed", "workflow_dispatch", "firebreak[bot]", -1), 0}, {`{"action":"completed","x":"workflow_dispatch"}`, 0},
	} {
		m, ok, err := webhook.Decide("workflow_run", []byte(c.body), self)
		if err != nil || ok != (c.want != 0) || m.Run() != c.want || ok && (m.Ref.FullName() != "acme/incidents" || m.Ref.Number != 0) {
			t.Errorf("%s: %+v, %t, %v", c.body, m, ok, err)
		}
	}
}

// A merge queue's commit is looked at, and nothing else that is pushed; its end is not (X4).
func TestX4AMergeQueueIsLookedAt(t *testing.T) {
	self := webhook.Self{AppID: appID, Login: "firebreak[bot]"}
	const commit, none = "0123456789abcdef0123456789abcdef01234567", "0000000000000000000000000000000000000000"
	for _, c := range []struct {
		ref, after string
		want       string
	}{
		{"refs/heads/gh-readonly-queue/main/pr-7-" + commit, commit, "acme/incidents"}, {"refs/heads/gh-readonly-queue/main/pr-7-" + commit, none, ""},
		{"refs/heads/main", commit, ""}, {"refs/tags/gh-readonly-queue/main", commit, ""}, {"refs/heads/x/refs/heads/gh-readonly-queue/", commit, ""},
	} {
		body := fmt.Sprintf(`{"ref":%q,"after":%q,"commits":[],`+repo+`"sender":{"login":"github-merge-queue[bot]","type":"Bot"}}`, c.ref, c.after)
		m, ok, err := webhook.Decide("push", []byte(body), self)
		if err != nil || ok != (c.want != "") || m.Queue() != c.want || ok && (m.Ref.FullName() != "acme/incidents" || m.Ref.Number != 0) {
			t.Errorf("%s: %+v, %t, %v", body, m, ok, err)
		}
	}
}

// A deployment that waits for the App's word is answered, also one that the App started (X4).
func TestX4AWaitingDeploymentIsAnswered(t *testing.T) {
	const at = "https://x/repos/acme/incidents/actions/runs/"
	for callback, want := range map[string]int64{
		at + "9/deployment_protection_rule": 9, at + "9/x": 0, "": 0, at + "0/deployment_protection_rule": 0,
		at + "99999999999999999999/deployment_protection_rule": 0,
	} {
		body := fmt.Sprintf(`{"action":"requested","environment":"production","deployment_callback_url":%q,`+repo+
			`"sender":{"login":"firebreak[bot]","type":"Bot"}}`, callback)
		m, ok, err := webhook.Decide("deployment_protection_rule", []byte(body),
			webhook.Self{AppID: appID, Login: "firebreak[bot]"})
		if err != nil || ok != (want != 0) || ok && (m.Gate().Run != want || m.Gate().Environment != "production" ||
			m.Ref.FullName() != "acme/incidents" || m.Ref.Number != 0) {
			t.Errorf("%s: %+v, %t, %v", body, m, ok, err)
		}
	}
}

// FuzzDecide: whatever comes, it looks at one incident, checks one commit, or sweeps one account;
// never for what the app itself did.
func FuzzDecide(f *testing.F) {
	for _, e := range examples(f) {
		switch e.Event {
		case "issues", "issue_comment", "pull_request", "pull_request_review", "push", "installation", "repository", "deployment_status":
			f.Add(e.Event, string(e.Payload))
		}
	}
	f.Add("issues", `{"action":"opened",`+is+repo+alice+`}`)
	f.Add("issues", `{"action":"closed","issue":{"number":9,"body":"<!-- firebreak:ticket acme/incidents#1/2 -->","user":{"login":"firebreak[bot]","type":"Bot"}},`+repo+alice+`}`)
	f.Add("issue_comment", `{"action":"created",`+is+by("alice", "User", "/ic")+repo+alice+`}`)
	f.Add("issue_comment", `{"action":"edited","changes":{"body":{"from":"x"}},`+is+by("alice", "User", "/ic")+repo+alice+`}`)
	f.Add("issue_comment", `{"action":"created","issue":{"number":4,"body":"<!-- firebreak:postmortem acme/incidents#1 -->","user":{"login":"firebreak[bot]","type":"Bot"},"pull_request":{}},`+by("alice", "User", "/ic postmortem")+repo+alice+`}`)
	f.Add("pull_request", `{"action":"closed","pull_request":{"number":4,"head":{"ref":"postmortem/1","repo":{"full_name":"acme/incidents"}}},`+repo+alice+`}`)
	f.Add("push", `{"after":"`+strings.Repeat("ab", 20)+`","commits":[{"added":[".github/firebreak.yml"]}],`+repo+alice+`}`)
	f.Add("ping", `{"zen":"x"}`)
	f.Fuzz(func(t *testing.T, event, body string) {
		m, ok, err := webhook.Decide(event, []byte(body), webhook.Self{AppID: appID, Login: "firebreak[bot]"})
		if sweep, isSweep := m.Sweep(); ok && isSweep {
			if err != nil || m.Ref.Owner == "" || m.Ref.Number != 0 || sweep.Installation == 0 {
				t.Fatalf("sweeps %+v: %v", m, err)
			}
			return
		}
		isNumberless := event == "push" || event == "deployment_status"
		if ok && (err != nil || m.Ref.Owner == "" || m.Ref.Repo == "" || (m.Ref.Number < 1) != isNumberless || (m.Commit() != "") != (event == "push")) {
			t.Fatalf("looks at %+v: %v", m, err)
		}
		var said struct {
			Action string
			Sender struct{ Login string }
		}
		if ok && json.Unmarshal([]byte(body), &said) == nil && said.Sender.Login == "firebreak[bot]" && event != "pull_request" {
			t.Fatalf("looks at the app's own doing: %+v", m)
		}
	})
}

// TestS2PlainComments: what people write, change and delete on an incident without a command is passed on at once
// where Slack is to show it, and else not. What is a command, an app's or elsewhere never is.
func TestS2PlainComments(t *testing.T) {
	comment := func(body, more string) string {
		return `"comment":{"id":9,"body":"` + body + `","created_at":"2026-03-02T10:40:00Z","user":{"login":"dan","type":"User"}` +
			more + `},`
	}
	on := `"issue":{"number":1,"body":"text","labels":[{"name":"incident"}],"comments":3},` // each 20th asks for a look
	line := incident.CommentLine(9, "dan", "I look at it", time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC))
	for name, c := range map[string]struct {
		body string
		want *incident.ChatLines
	}{
		"written":        {`"action":"created",` + comment("I look at it", "") + on, &incident.ChatLines{Lines: []incident.ChatLine{line}}},
		"with a command": {`"action":"created",` + comment("/oe finding x", "") + on, nil},
		"elsewhere":      {`"action":"created",` + comment("I look at it", "") + `"issue":{"number":1,"body":"text","labels":[]},`, nil},
		"by the app": {`"action":"created","comment":{"id":9,"body":"text","user":{"login":"firebreak[bot]","type":"Bot"}},` + on,
			nil},
		"changed": {`"action":"edited","changes":{"body":{"from":"I lok"}},` + comment("I look", "") + on,
			&incident.ChatLines{Edits: []incident.ChatEdit{{Comment: 9, Words: "I look"}}}},
		"changed, and was a command": {`"action":"edited","changes":{"body":{"from":"/oe finding x"}},` + comment("I look", "") + on, nil},
		"deleted": {`"action":"deleted",` + comment("I look", "") + on,
			&incident.ChatLines{Edits: []incident.ChatEdit{{Comment: 9}}}},
	} {
		for _, isChatty := range []bool{true, false} {
			m, _, err := webhook.Decide("issue_comment", []byte("{"+c.body+repo+alice+"}"),
				webhook.Self{AppID: appID, Login: "firebreak[bot]", IsChatty: isChatty})
			want := c.want
			if !isChatty {
				want = nil
			}
			if d := cmp.Diff(want, m.ChatLines()); err != nil || d != "" {
				t.Errorf("%s, %v: %v\n%s", name, isChatty, err, d)
			}
		}
	}
}
