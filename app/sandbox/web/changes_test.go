package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// Deployments, releases and runs are listed for whoever sees the repository, and commits are shown.
func TestPagesChanges(t *testing.T) {
	f, b := pageWorld(t)
	hasNot(t, b.page("/acme/incidents"), `id="changes"`)
	has(t, b.page("/acme/incidents/deployments"), "Nothing was deployed", `id="deployments"`, `form id="deploy"`)
	hasNot(t, b.as("mallory").page("/acme/incidents/deployments"), `form id="deploy"`)
	if w := b.as("mallory").do(http.MethodPost, "/acme/incidents/deployments", url.Values{"deploy": {"1"}}); w.Code != http.StatusForbidden {
		t.Errorf("mallory gets %d for a deployment", w.Code)
	}
	has(t, b.page("/acme/incidents/releases"), "There is no release")
	has(t, b.page("/acme/incidents/actions"), "No workflow has run")

	r := repoNamed(t, f, "incidents")
	alice, _ := f.PersonActor("alice")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	d, err := f.CreateDeployment(alice, r, forge.NewDeployment{Ref: "main", Description: "build <7>"})
	must(err)
	_, err = f.AddDeploymentStatus(alice, r, d, forge.NewDeploymentStatus{State: "success", LogURL: "https://ci.example/7", EnvironmentURL: "javascript:alert(1)"})
	must(err)
	_, err = f.CreateRelease(alice, r, forge.NewRelease{Tag: "v1.0.0", Name: "One", Body: "**First**"})
	must(err)
	_, err = f.CreateRelease(alice, r, forge.NewRelease{Tag: "v2.0.0", Draft: true})
	must(err)
	run, err := f.AddRun(alice, r, forge.NewRun{Workflow: "CI", Conclusion: "failure"})
	must(err)
	sha := r.Git.Refs["refs/heads/main"]

	has(t, b.page("/acme/incidents"), `id="changes"`, `href="/acme/incidents/deployments">Deployments <span class="counter">1</span>`, `href="/acme/incidents/actions"`)
	page := b.page("/acme/incidents/deployments")
	has(t, page, `data-state="active"`, "production · build &lt;7&gt;", "/acme/incidents/commit/"+sha, `href="https://ci.example/7">Log`)
	hasNot(t, page, "javascript:")
	has(t, b.page("/acme/incidents/releases"), "One · v1.0.0", `data-state="latest"`, `data-state="draft"`, "<strong>First</strong>")
	b.press("/acme/incidents/deployments", url.Values{"deploy": {"1"}})
	if all := r.Deployments; len(all) != 2 || all[1].Environment != "production" || all[1].SHA != sha || all[1].Latest().State != "success" {
		t.Errorf("the button deploys %+v", all)
	}
	reader := b.as("mallory")
	hasNot(t, reader.page("/acme/incidents/releases"), "v2.0.0", `data-state="draft"`)
	has(t, reader.page("/acme/incidents/releases/tag/v1.0.0"), "One · v1.0.0")
	has(t, b.page("/acme/incidents/actions"), `data-state="failure"`, "CI · ", "started it on main")
	has(t, b.page(strings.TrimPrefix(f.RunURL(r, run), f.URL)), "CI · ")
	has(t, b.page("/acme/incidents/commit/"+sha[:9]), `data-sha="`+sha+`"`, "README.md")
	for _, target := range []string{"/releases/tag/v2.0.0", "/releases/tag/v9", "/actions/runs/1", "/commit/nothing"} {
		if w := reader.do(http.MethodGet, "/acme/incidents"+target, nil); w.Code != http.StatusNotFound {
			t.Errorf("mallory gets %d for %s", w.Code, target)
		}
	}
	for _, target := range []string{"/deployments", "/releases", "/releases/tag/v1.0.0", "/actions", "/commit/" + sha} {
		if w := b.as("gina").do(http.MethodGet, "/acme/incidents"+target, nil); w.Code != http.StatusNotFound {
			t.Errorf("gina gets %d for %s", w.Code, target)
		}
	}
}

// Whoever may write ends a run, well or badly, and sees what it was given.
func TestPagesEndRun(t *testing.T) {
	f, b := pageWorld(t)
	r := repoNamed(t, f, "incidents")
	alice, _ := f.PersonActor("alice")
	if _, _, err := f.ChangeFile(alice, r, forge.FileChange{Path: ".github/workflows/go.yml", Content: []byte("on: {workflow_dispatch: {inputs: {what: {type: string}}}}\n"), Message: "x", Branch: "main"}); err != nil {
		t.Fatal(err)
	}
	run, err := f.Dispatch(alice, r, "go.yml", "main", map[string]string{"what": "<b>"})
	if err != nil {
		t.Fatal(err)
	}
	at := strings.TrimPrefix(f.RunURL(r, run), f.URL)
	has(t, b.page("/acme/incidents/actions"), `data-state="in progress"`, "<code>&lt;b&gt;</code>", `action="`+at+`/end"`)
	hasNot(t, b.as("mallory").page(at), "form class=\"end-run\"")
	if w := b.as("mallory").do(http.MethodPost, at+"/end", url.Values{"conclusion": {"success"}}); w.Code != http.StatusForbidden {
		t.Errorf("mallory ends it: %d", w.Code)
	}
	b = b.as("alice")
	b.press(at+"/end", url.Values{"conclusion": {"failure"}})
	has(t, b.page(at), `data-state="failure"`)
	hasNot(t, b.page(at), "form class=\"end-run\"")
	if w := b.do(http.MethodPost, "/acme/incidents/actions/runs/1/end", url.Values{"conclusion": {"success"}}); w.Code != http.StatusNotFound {
		t.Errorf("no run ends with %d", w.Code)
	}
}

// A frozen pull request is let through by a comment in the incident, and who administers the repository deletes a
// ruleset.
func TestPagesFreeze(t *testing.T) {
	f, b := pageWorld(t)
	r := repoNamed(t, f, "incidents")
	alice, _ := f.PersonActor("alice")
	r.Git.Refs["refs/heads/fix"] = r.Git.Refs["refs/heads/main"]
	if _, _, err := f.ChangeFile(alice, r, forge.FileChange{Path: "x", Content: []byte("x"), Message: "x", Branch: "fix"}); err != nil {
		t.Fatal(err)
	}
	burning, err := f.OpenIssue(alice, r, forge.NewIssue{Title: "It burns"})
	if err != nil {
		t.Fatal(err)
	}
	pull, err := f.OpenPull(alice, r, forge.NewPull{Title: "Fix", Head: "fix", Base: "main"})
	if err != nil {
		t.Fatal(err)
	}
	at, holder := fmt.Sprintf("/acme/incidents/pull/%d", pull.Number), fmt.Sprintf("acme/incidents#%d/1", burning.Number)
	hasNot(t, b.as("alice").page(at), `id="let"`)
	r.People["alice"] = forge.RoleAdmin
	owner := alice
	rules, err := f.SaveRuleset(owner, r, forge.Ruleset{Name: "firebreak freeze of " + holder, Enforcement: "active", Include: []string{"~DEFAULT_BRANCH"},
		Rules: []forge.Rule{{Type: "required_status_checks", Parameters: json.RawMessage(`{"strict_required_status_checks_policy":false,"required_status_checks":[{"context":"firebreak/freeze ` + holder + `"}]}`)}}})
	if err != nil {
		t.Fatal(err)
	}
	has(t, b.as("alice").page(at), `action="`+at+`/let"`, fmt.Sprintf("the freeze of acme/incidents#%d", burning.Number))
	b.as("alice").press(at+"/let", url.Values{"because": {"it is\nthe fix"}})
	if said := burning.Comments; len(said) != 1 || said[0].Body != fmt.Sprintf("/ic let acme/incidents#%d through because it is the fix", pull.Number) {
		t.Errorf("it says %+v", said)
	}
	of := strings.TrimPrefix(f.RulesetURL(r, rules), f.URL)
	has(t, b.as("alice").page("/acme/incidents/rules"), "firebreak freeze of "+holder)
	hasNot(t, b.as("mallory").page(of), "delete-ruleset")
	if w := b.as("mallory").do(http.MethodPost, of+"/delete", url.Values{}); w.Code != http.StatusForbidden {
		t.Errorf("mallory deletes it: %d", w.Code)
	}
	b = b.as(owner.Login)
	has(t, b.page(of), `action="`+of+`/delete"`)
	b.press(of+"/delete", url.Values{})
	has(t, b.page("/acme/incidents/rules"), "There is no ruleset")
	if w := b.do(http.MethodPost, of+"/delete", url.Values{}); w.Code != http.StatusNotFound {
		t.Errorf("it is deleted again: %d", w.Code)
	}
	b.press(at+"/let", url.Values{"because": {"late"}}) // nothing freezes it any more
	if len(burning.Comments) != 1 {
		t.Errorf("it says %+v", burning.Comments)
	}
}

// A merged pull request shows its files though its branch is gone, and can be taken back.
func TestPagesRevert(t *testing.T) {
	f, b := pageWorld(t)
	r := repoNamed(t, f, "platform")
	alice, _ := f.PersonActor("alice")
	tip := r.Git.Refs["refs/heads/main"]
	if err := f.CreateRef(alice, r, "refs/heads/limits", tip); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.ChangeFile(alice, r, forge.FileChange{Path: "deploy/api.yaml", Content: []byte("memory: 256Mi\n"), Branch: "limits", Message: "Lower"}); err != nil {
		t.Fatal(err)
	}
	i, err := f.OpenPull(alice, r, forge.NewPull{Title: "Lower memory limits", Head: "limits", Base: "main"})
	if err != nil {
		t.Fatal(err)
	}
	const at = "/acme/platform/pull/1"
	hasNot(t, b.page(at), `form id="revert"`)
	b.press(at+"/merge", url.Values{"merge": {"1"}})
	if err := f.DeleteRef(alice, r, "refs/heads/limits"); err != nil {
		t.Fatal(err)
	}
	page := b.page(at + "/files")
	has(t, page, "memory: 256Mi", "/acme/platform/blob/"+i.Pull.HeadSHA+"/deploy/api.yaml")
	has(t, b.page("/acme/platform/blob/"+i.Pull.HeadSHA+"/deploy/api.yaml"), "memory: 256Mi")
	has(t, b.page("/acme/platform/commit/"+i.Pull.MergeSHA), `href="`+at+`">#1</a>`)

	hasNot(t, b.as("mallory").page(at), `form id="revert"`)
	if w := b.as("mallory").do(http.MethodPost, at+"/revert", url.Values{"revert": {"1"}}); w.Code != http.StatusForbidden {
		t.Errorf("mallory gets %d", w.Code)
	}
	has(t, b.page(at), `form id="revert"`)
	if to := b.press(at+"/revert", url.Values{"revert": {"1"}}); to != "/acme/platform/pull/2" {
		t.Errorf("a revert leads to %s", to)
	}
	has(t, b.page("/acme/platform/pull/2"), "Revert &#34;Lower memory limits&#34;", "revert-1-limits")
	b.press("/acme/platform/pull/2/merge", url.Values{"merge": {"1"}})
	w := b.do(http.MethodPost, at+"/revert", url.Values{"revert": {"1"}})
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a second revert is answered %d", w.Code)
	}
	has(t, flashOf(w.Body.String()), "be reverted automatically")
}

// Who administers a repository has an environment wait for the App, and starts what waits all the same.
func TestPagesGates(t *testing.T) {
	f, b := pageWorld(t)
	r := repoNamed(t, f, "platform")
	r.People["alice"] = forge.RoleAdmin
	const at = "/acme/platform"
	hasNot(t, b.as("mallory").page(at+"/deployments"), `id="gate"`)
	if w := b.as("mallory").do(http.MethodPost, at+"/environments/production/gate", url.Values{"gate": {"on"}}); w.Code != http.StatusForbidden {
		t.Errorf("mallory gets %d", w.Code)
	}
	b = b.as("alice")
	has(t, b.page(at+"/deployments"), `value="on"`)
	b.press(at+"/environments/production/gate", url.Values{"gate": {"on"}})
	has(t, b.page(at+"/deployments"), `value="off"`)
	b.press(at+"/deployments", url.Values{"deploy": {"1"}})
	app := &forge.Actor{Login: f.App.Login, ViaApp: true}
	run := r.Runs[len(r.Runs)-1]
	run.Gates[0].Comments = append(run.Gates[0].Comments, "Frozen by acme/incidents#1")
	has(t, b.page(at+"/actions"), "waiting", "Frozen by", `class="bypass"`)
	has(t, b.page(at+"/deployments"), "waiting")
	hasNot(t, b.as("mallory").page(at+"/actions"), `class="bypass"`)
	b.press(fmt.Sprintf("%s/actions/runs/%d/bypass", at, run.ID), url.Values{"bypass": {"1"}})
	if page := b.page(at + "/actions"); strings.Contains(page, `class="bypass"`) || !strings.Contains(page, "in progress") {
		t.Errorf("it waits still:\n%s", page)
	}
	if err := f.AnswerGate(app, r, run, "production", "approved", "late"); err == nil {
		t.Error("what somebody started is approved again")
	}
}
