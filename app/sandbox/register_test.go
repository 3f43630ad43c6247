package sandbox

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v4"
)

// person sits in front of the pages.
type person struct {
	g     *github
	login string
}

func (g *github) sits(login string) person { return person{g, login} }

// does gets or posts a page, and returns its text or where it leads.
func (p person) does(method, path string, form url.Values, status int) string {
	p.g.t.Helper()
	req := httptest.NewRequest(method, p.g.url+path, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.AddCookie(&http.Cookie{Name: "person", Value: p.login})
	if strings.Contains(path, "/settings/apps/new") {
		req.Header.Set("Sec-Fetch-Site", "cross-site") // as from the page that has the manifest
	}
	w := httptest.NewRecorder()
	p.g.box.Handler().ServeHTTP(w, req)
	if w.Code != status {
		p.g.t.Fatalf("%s %s %v: %d, want %d:\n%s", method, path, form, w.Code, status, w.Body)
	}
	if to := w.Header().Get("Location"); to != "" {
		return to
	}
	return w.Body.String()
}

const goodManifest = `{"name":"On Call","url":"https://app.example","hook_attributes":{"url":"HOOK"},"redirect_url":"http://127.0.0.1:9/done",
	"default_permissions":{"issues":"write","checks":"read"},"default_events":["issues","check_run"],"public":false}`

func empty(o *Options) { o.Empty = true }

// From nothing to an App that hears and acts, as a person and a manifest go.
func testRegistration(g *github) {
	t := g.t
	hook := newReceiver(t)
	hook.other = true
	manifest := strings.ReplaceAll(goodManifest, "HOOK", hook.url)
	alice := g.sits("alice")
	const at = "/organizations/acme/settings/apps/new?state=s1"

	g.steps(
		step{"jwt", "GET /app", "", 401, nil}, // nobody is registered
		step{"alice", "GET /apps/on-call", "", 404, nil},
		step{"", "POST /app-manifests/guessed/conversions", "", 404, nil},
		step{"alice", "GET ~/labels", "", 200, []string{"#=0"}},
	)
	for name, form := range map[string]string{
		"no JSON": "{", "no address": strings.Replace(manifest, "https://app.example", "app", 1), "no webhook": strings.Replace(manifest, hook.url, "", 1),
		"an event without its permission": strings.Replace(manifest, `"issues","check_run"`, `"push"`, 1), "no level": strings.Replace(manifest, `"read"`, `"some"`, 1),
	} {
		if page := alice.does("POST", at, url.Values{"manifest": {form}}, 422); strings.Contains(page, `id="new-app"`) {
			t.Errorf("%s: the page can be confirmed", name)
		}
	}
	g.sits("gina").does("POST", at, url.Values{"manifest": {manifest}}, 404)                            // no member
	alice.does("POST", "/organizations/bob/settings/apps/new", url.Values{"manifest": {manifest}}, 404) // somebody else
	page := alice.does("POST", at, url.Values{"manifest": {manifest}}, 200)
	for _, has := range []string{"Create GitHub App for acme", `value="On Call"`, "issues: write", "check_run", hook.url, `name="state" value="s1"`} {
		if !strings.Contains(page, has) {
			t.Errorf("the page lacks %q:\n%s", has, page)
		}
	}
	if page := alice.does("POST", "/settings/apps/new", url.Values{"manifest": {manifest}}, 200); !strings.Contains(page, "Create GitHub App for alice") {
		t.Errorf("without an organization the App is not alice's:\n%s", page)
	}

	form := url.Values{"manifest": {manifest}, "state": {"s1"}, "owner": {"acme"}, "name": {"Acme"}}
	if page := alice.does("POST", "/settings/apps/manifest", form, 422); !strings.Contains(page, "already taken") {
		t.Errorf("a taken name is not refused:\n%s", page)
	}
	form.Set("name", strings.Repeat("n", 35))
	alice.does("POST", "/settings/apps/manifest", form, 422)
	form.Set("name", "On Call")
	back, err := url.Parse(alice.does("POST", "/settings/apps/manifest", form, 303))
	if err != nil || back.Host != "127.0.0.1:9" || back.Path != "/done" || back.Query().Get("state") != "s1" {
		t.Fatalf("leads to %s (%v)", back, err)
	}
	g.vars["code"] = back.Query().Get("code")
	alice.does("POST", at, url.Values{"manifest": {manifest}}, 422) // a sandbox has one

	g.steps(
		step{"", "POST /app-manifests/$code/conversions", "", 201, []string{"slug=on-call", "owner.login=acme", "permissions.issues=write", "permissions.metadata=read",
			"events.#=2", "pem>key", "id>id", "webhook_secret>secret", "external_url=https://app.example"}},
	)
	g.settle()
	if all := hook.take(); len(all) != 1 || all[0].event != "ping" || all[0].field("hook.app_id") != g.vars["id"] || all[0].field("hook.type") != "App" {
		t.Errorf("the App hears %v, want a ping", kinds(all))
	}
	g.steps(step{"", "POST /app-manifests/$code/conversions", "", 404, nil}) // once only
}

// What was registered can be installed, on some repositories or all, and hears of those.
func TestInstallation(t *testing.T) {
	g := newGitHub(t, empty)
	hook := newReceiver(t)
	hook.other = true
	alice := g.sits("alice")
	form := url.Values{"manifest": {strings.ReplaceAll(goodManifest, "HOOK", hook.url)}, "owner": {"acme"}, "name": {"On Call"}}
	back, err := url.Parse(alice.does("POST", "/settings/apps/manifest", form, 303))
	if err != nil {
		t.Fatal(err)
	}
	g.vars["code"] = back.Query().Get("code")
	g.steps(step{"", "POST /app-manifests/$code/conversions", "", 201, []string{"pem>pem", "id>id"}})
	block, _ := pem.Decode([]byte(g.vars["pem"]))
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	claims := goodClaims()
	claims.Issuer = g.vars["id"]
	token, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	asApp := func(request string, status int, want ...string) {
		t.Helper()
		a := g.call("", request, "", "Authorization: Bearer "+token)
		a.want(status)
		for _, w := range want {
			path, value, _ := strings.Cut(w, "=")
			if got := a.field(path); got != value {
				t.Errorf("%s: %s is %q, want %q", request, path, got, value)
			}
		}
	}
	asApp("GET /app", 200, "slug=on-call", "installations_count=0")
	asApp("GET /app/installations", 200, "#=0")
	asApp("GET ~/installation", 404)
	asApp("POST /app/installations/7001/access_tokens", 404)
	asApp("GET /app/hook/config", 200, "url="+hook.url)

	const install, settings = "/apps/on-call/installations/new", "/organizations/acme/settings/installations/7001"
	alice.does("GET", settings, nil, 404)
	g.sits("gina").does("GET", install, nil, 404)
	alice.does("GET", "/apps/other/installations/new", nil, 404)
	if page := alice.does("GET", install, nil, 200); !strings.Contains(page, "Install On Call on acme") || !strings.Contains(page, "acme/payments") {
		t.Errorf("the page of the installation is\n%s", page)
	}
	alice.does("POST", install, url.Values{"target": {"selected"}}, 422)
	if to := alice.does("POST", install, url.Values{"target": {"selected"}, "repository": {"3001"}}, 303); to != settings {
		t.Errorf("leads to %s", to)
	}
	if page := alice.does("GET", settings, nil, 200); !strings.Contains(page, "acme/incidents") || strings.Contains(page, "acme/payments") {
		t.Errorf("the installation's page is\n%s", page)
	}
	asApp("GET ~/installation", 200, "repository_selection=selected")
	asApp("GET /repos/acme/payments/installation", 404)
	asApp("POST /app/installations/7001/access_tokens", 201, "permissions.issues=write")
	g.settle()
	if all := hook.take(); strings.Join(kinds(all), " ") != "ping installation/created" || all[1].field("repositories.*.name") != "incidents" {
		t.Errorf("the App hears %v, want a ping and its installation with one repository", kinds(all))
	}

	// It hears of its repositories and its events alone.
	g.steps(
		step{"alice", "POST /repos/acme/payments/issues", `{"title":"Not its own"}`, 201, nil},
		step{"alice", "POST ~/issues", `{"title":"Down"}`, 201, nil},
		step{"alice", "POST ~/issues/1/comments", `{"body":"Not subscribed"}`, 201, nil},
	)
	g.settle()
	if all := hook.take(); strings.Join(kinds(all), " ") != "issues/opened" {
		t.Errorf("the App hears %v, want its issue alone", kinds(all))
	}
	alice.does("POST", install, url.Values{"target": {"all"}}, 303)
	asApp("GET /repos/acme/payments/installation", 200, "repository_selection=all")
}

// A private App belongs where it was registered, and the account of a person has no repositories here.
func TestAPersonsPrivateAppIsNotInstalledElsewhere(t *testing.T) {
	g := newGitHub(t, empty)
	alice := g.sits("alice")
	form := url.Values{"manifest": {strings.ReplaceAll(goodManifest, "HOOK", "http://127.0.0.1:9/webhook")}, "owner": {"alice"}, "name": {"On Call"}}
	alice.does("POST", "/settings/apps/manifest", form, 303)
	alice.does("GET", "/apps/on-call/installations/new", nil, 422)
	alice.does("POST", "/apps/on-call/installations/new", url.Values{"target": {"all"}}, 422)
}

// A sandbox that is made with its App registers no other.
func TestASandboxHasOneApp(t *testing.T) {
	g := newGitHub(t)
	form := url.Values{"manifest": {strings.ReplaceAll(goodManifest, "HOOK", "http://127.0.0.1:9/webhook")}, "owner": {"acme"}, "name": {"On Call"}}
	if page := g.sits("alice").does("POST", "/settings/apps/manifest", form, 422); !strings.Contains(page, "--empty") {
		t.Errorf("it does not say how:\n%s", page)
	}
}

// What was registered outlives the process.
func TestTheRegisteredAppIsKept(t *testing.T) {
	folder := t.TempDir()
	kept := func(o *Options) { o.Empty, o.Data, o.PrivateKey = true, folder, nil }
	g := newGitHub(t, kept)
	form := url.Values{"manifest": {strings.ReplaceAll(goodManifest, "HOOK", "http://127.0.0.1:9/webhook")}, "owner": {"acme"}, "name": {"On Call"}}
	alice := g.sits("alice")
	back, err := url.Parse(alice.does("POST", "/settings/apps/manifest", form, 303))
	if err != nil {
		t.Fatal(err)
	}
	alice.does("POST", "/apps/on-call/installations/new", url.Values{"target": {"all"}}, 303)
	g.close()
	g = newGitHub(t, kept, func(o *Options) { o.Empty = false })
	g.vars["code"] = back.Query().Get("code")
	g.steps(
		step{"", "POST /app-manifests/$code/conversions", "", 201, []string{"slug=on-call"}},
		step{"alice", "GET /apps/on-call", "", 200, nil},
	)
	g.sits("alice").does("GET", "/organizations/acme/settings/installations/7001", nil, 200)
}
