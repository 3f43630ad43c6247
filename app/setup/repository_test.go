package setup_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/setup"
	"github.com/firebreak-dev/firebreak/templates"
)

// registered returns a GitHub on which the App was registered by the flow, and the App as each new
// process knows it.
func registered(t *testing.T) (string, func() *github.App) {
	t.Helper()
	server := emptyGitHub(t)
	file := filepath.Join(t.TempDir(), "firebreak.env")
	flow, at, _ := begin(t, setup.Options{GitHub: server, Org: "acme", Store: envStore(t, file)})
	if status, page := confirm(t, at); status != 200 {
		t.Fatalf("%d\n%s", status, page)
	}
	app, err := flow.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(strings.TrimSuffix(file, ".env") + ".private-key.pem")
	if err != nil {
		t.Fatal(err)
	}
	return server, func() *github.App {
		self, err := github.New(github.Options{BaseURL: server, AppID: app.ID, PEM: pem})
		if err != nil {
			t.Fatal(err)
		}
		return self
	}
}

func install(t *testing.T, server string) {
	t.Helper()
	if status, page := (visitor{t, http.DefaultClient}).post(server+
		"/apps/firebreak-acme/installations/new", url.Values{"target": {"all"}}); status != 200 {
		t.Fatalf("install: %d\n%s", status, page)
	}
}

// api calls GitHub's API as alice.
func api(t *testing.T, method, address, body string, into any) {
	t.Helper()
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer demo-alice")
	status, text := (visitor{t, http.DefaultClient}).read(http.DefaultClient.Do(req))
	if status >= 300 {
		t.Fatalf("%s %s: %d %s", method, address, status, text)
	}
	if err := json.Unmarshal([]byte(text), into); into != nil && err != nil {
		t.Fatal(err)
	}
}

func silent(string, int, int) {}

// From a repository without anything to one that is ready; again and again without harm.
func TestARepositoryIsPrepared(t *testing.T) {
	t.Parallel()
	server, app := registered(t)
	prepare := func() *setup.Repository {
		t.Helper()
		r, err := setup.Prepare(t.Context(), app(), "acme", "incidents", "platform", silent)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if _, err := setup.Prepare(t.Context(), app(), "acme", "incidents", "platform", silent); err == nil ||
		!strings.Contains(err.Error(), server+"/apps/firebreak-acme/installations/new") {
		t.Errorf("before it is installed: %v, want the address where it is", err)
	}
	install(t, server)
	repo := server + "/api/v3/repos/acme/incidents"
	api(t, "POST", repo+"/labels", `{"name":"Incident","color":"ffffff","description":"ours"}`, nil)

	first := prepare()
	if len(first.Created) != 10 || !cmp.Equal(first.Present, []string{"incident"}) || first.Pull == nil ||
		!first.Pull.Opened || first.Files[0].Present || first.Files[1].Present {
		t.Errorf("the first time: %+v, pull request %+v", first, first.Pull)
	}
	var labels []struct{ Name, Color, Description string }
	api(t, "GET", repo+"/labels?per_page=100", "", &labels)
	for _, l := range labels {
		if l.Description == "" || l.Name == "Incident" && l.Description != "ours" {
			t.Errorf("the label %+v", l)
		}
	}
	again := prepare()
	if len(again.Created) != 0 || len(again.Present) != 11 || again.Pull == nil || again.Pull.Opened ||
		again.Pull.Number != first.Pull.Number || again.Pull.URL != first.Pull.URL {
		t.Errorf("the second time: %+v, pull request %+v", again, again.Pull)
	}
	var pulls []struct{ Number int }
	if api(t, "GET", repo+"/pulls", "", &pulls); len(pulls) != 1 {
		t.Errorf("there are %d pull requests", len(pulls))
	}
	api(t, "PUT", repo+"/pulls/1/merge", "{}", nil)
	if merged := prepare(); len(merged.Created) != 0 || merged.Pull != nil || !merged.Files[0].Present ||
		!merged.Files[1].Present {
		t.Errorf("once it is merged: %+v, pull request %+v", merged, merged.Pull)
	}

	// Somebody changes the configuration and removes the form: the one stays, the other is offered
	// again.
	var file struct{ SHA string }
	api(t, "GET", repo+"/contents/.github/ISSUE_TEMPLATE/incident.yml", "", &file)
	api(t, "DELETE", repo+"/contents/.github/ISSUE_TEMPLATE/incident.yml",
		`{"message":"Remove","sha":"`+file.SHA+`"}`, nil)
	api(t, "GET", repo+"/contents/.github/firebreak.yml", "", &file)
	ours := base64.StdEncoding.EncodeToString([]byte("severities: {p1: {critical: true}}\n"))
	api(t, "PUT", repo+"/contents/.github/firebreak.yml",
		`{"message":"Ours","sha":"`+file.SHA+`","content":"`+ours+`"}`, nil)
	if third := prepare(); third.Pull == nil || third.Pull.Number == first.Pull.Number ||
		!third.Pull.Opened || !cmp.Equal(third.Created, []string{"severity/p1"}) {
		t.Errorf("after that: %+v, pull request %+v", third, third.Pull)
	}
	api(t, "GET", repo+"/contents/.github/firebreak.yml", "", &file)
	broken := base64.StdEncoding.EncodeToString([]byte("severities: 1\n"))
	api(t, "PUT", repo+"/contents/.github/firebreak.yml",
		`{"message":"Broken","sha":"`+file.SHA+`","content":"`+broken+`"}`, nil)
	if _, err := setup.Prepare(t.Context(), app(), "acme", "incidents", "platform", silent); err == nil ||
		!strings.Contains(err.Error(), "line 1") {
		t.Errorf("with a configuration that can't be used: %v", err)
	}
}

// What a repository begins with is understood by the product: the configuration, and what the form
// declares.
func TestTheStarterIsUnderstood(t *testing.T) {
	t.Parallel()
	files, text := templates.Starter("on-call")
	policy, err := config.Parse([]byte(files[config.Path]))
	if err != nil {
		t.Fatal(err)
	}
	if policy.Coordinators != "on-call" || len(policy.Escalation) != 2 ||
		policy.Escalation[1].To[0] != "on-call" || policy.Pager != "github" || !policy.Critical("critical") {
		t.Errorf("the policy is %+v", policy)
	}
	if !strings.HasPrefix(files[config.Path], "# yaml-language-server: $schema=https://") ||
		!strings.Contains(text, config.Path) {
		t.Error("the schema or the text lacks")
	}
}
