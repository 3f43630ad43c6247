package setup_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/firebreak-dev/firebreak/app/aws"
	"github.com/firebreak-dev/firebreak/app/aws/awstest"
	"github.com/firebreak-dev/firebreak/app/demo"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/app/setup"
	"github.com/firebreak-dev/firebreak/app/stage"
)

// server serves a handler that is made once its address is known.
func server(t *testing.T, handler func(url string) http.Handler) string {
	t.Helper()
	var h http.Handler
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	h = handler(s.URL)
	return s.URL
}

// emptyGitHub is a GitHub on which nobody set anything up.
func emptyGitHub(t *testing.T) string {
	t.Helper()
	return server(t, func(url string) http.Handler {
		box, err := demo.New(sandbox.Options{URL: url, Empty: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := box.Close(); err != nil {
				t.Error(err)
			}
		})
		return box.Handler()
	})
}

// visitor goes the way of a browser.
type visitor struct {
	t *testing.T
	*http.Client
}

func (v visitor) get(address string) (int, string) {
	v.t.Helper()
	res, err := v.Get(address)
	return v.read(res, err)
}

func (v visitor) post(address string, form url.Values) (int, string) {
	v.t.Helper()
	res, err := v.PostForm(address, form)
	return v.read(res, err)
}

func (v visitor) read(res *http.Response, err error) (int, string) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

var (
	action = regexp.MustCompile(`<form id="create" method="post" action="([^"]+)">`)
	hidden = regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)">`)
)

// form reads a page's form.
func form(t *testing.T, page string) (string, url.Values) {
	t.Helper()
	values := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(page, -1) {
		values.Set(m[1], html.UnescapeString(m[2]))
	}
	at := ""
	if m := action.FindStringSubmatch(page); m != nil {
		at = html.UnescapeString(m[1])
	}
	return at, values
}

// begin starts the flow and returns its address and log.
func begin(t *testing.T, o setup.Options) (*setup.Flow, string, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if o.Webhook == "" {
		o.Webhook = "http://127.0.0.1:9"
	}
	var flow *setup.Flow
	at := server(t, func(url string) http.Handler {
		o.Self = url
		var err error
		if flow, err = setup.New(o); err != nil {
			t.Fatal(err)
		}
		return flow.Handler()
	})
	return flow, at, &log
}

func envStore(t *testing.T, file string) setup.Store {
	t.Helper()
	s, err := setup.ParseStore("env:"+file, setup.Stage{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// confirm clicks through to GitHub's page and confirms there, and returns what the browser sees at
// the end.
func confirm(t *testing.T, at string) (int, string) {
	t.Helper()
	v := visitor{t, http.DefaultClient}
	status, page := v.get(at + "/")
	to, values := form(t, page)
	if status != 200 || to == "" {
		t.Fatalf("the page: %d\n%s", status, page)
	}
	status, page = v.post(to, values)
	if status != 200 || !strings.Contains(page, "Create GitHub App for acme") {
		t.Fatalf("GitHub's page: %d\n%s", status, page)
	}
	_, values = form(t, page)
	values.Set("name", "Firebreak acme")
	target, _ := url.Parse(to)
	return v.post(target.Scheme+"://"+target.Host+"/settings/apps/manifest", values)
}

// The App for freezes administers repositories and does nothing else: it hears of nothing, and its credentials are those
// of the process that holds its key (X4).
func TestX4TheAppForFreezesIsRegistered(t *testing.T) {
	t.Parallel()
	server := emptyGitHub(t)
	file := filepath.Join(t.TempDir(), "freezer.env")
	store, err := setup.ParseFreezerStore("env:" + file)
	if err != nil {
		t.Fatal(err)
	}
	flow, at, _ := begin(t, setup.Options{GitHub: server, Org: "acme", Store: store, IsFreezer: true})
	status, page := visitor{t, http.DefaultClient}.get(at + "/")
	_, values := form(t, page)
	var m struct {
		Hook        struct{ Active bool } `json:"hook_attributes"`
		Permissions map[string]string     `json:"default_permissions"`
		Events      []string              `json:"default_events"`
	}
	if err := json.Unmarshal([]byte(values.Get("manifest")), &m); err != nil {
		t.Fatal(err)
	}
	if status != 200 || m.Hook.Active || len(m.Events) > 0 || len(m.Permissions) != 1 || m.Permissions["administration"] != "write" ||
		strings.Contains(page, "What it hears of") || strings.Contains(page, "Webhooks") {
		t.Errorf("it asks for %+v by %s", m, page)
	}
	if status, page = confirm(t, at); status != 200 || !strings.Contains(page, "on the repositories that may be frozen") {
		t.Fatalf("at the end: %d\n%s", status, page)
	}
	app, err := flow.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(filepath.Dir(file), "freezer.private-key.pem")
	want := fmt.Sprintf("FIREBREAK_GITHUB_URL=%s\nFIREBREAK_FREEZE_APP_ID=%d\nFIREBREAK_FREEZE_PRIVATE_KEY_FILE=%s\nFIREBREAK_FREEZE_SECRET=",
		server, app.ID, key)
	if !strings.HasPrefix(string(text), want) || len(text) < len(want)+20 || strings.Contains(string(text), "WEBHOOK") {
		t.Errorf("it keeps\n%s", text)
	}
	if _, err := setup.ParseFreezerStore("secretsmanager:x"); err == nil || !strings.Contains(err.Error(), "reads a file") {
		t.Error(err)
	}
}

func TestAnAppIsRegisteredAndItsCredentialsAreStored(t *testing.T) {
	t.Parallel()
	server := emptyGitHub(t)
	file := filepath.Join(t.TempDir(), "firebreak.env")
	store := envStore(t, file)
	if err := store.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	flow, at, log := begin(t, setup.Options{GitHub: server, Org: "acme", Store: store})
	status, page := confirm(t, at)
	if status != 200 || !strings.Contains(page, "firebreak-acme is registered") ||
		!strings.Contains(page, server+"/apps/firebreak-acme/installations/new") {
		t.Fatalf("at the end: %d\n%s", status, page)
	}
	app, err := flow.Wait(t.Context())
	if err != nil || app.ID == 0 || app.Slug != "firebreak-acme" || app.Stored != file {
		t.Errorf("the App is %+v (%v)", app, err)
	}
	if status, again := (visitor{t, http.DefaultClient}).get(at + "/"); status != 200 ||
		!strings.Contains(again, "is registered") {
		t.Errorf("the first page offers another App: %d\n%s", status, again)
	}

	key := filepath.Join(filepath.Dir(file), "firebreak.private-key.pem")
	for _, name := range []string{file, key} {
		if info, err := os.Stat(name); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v (%v), want it for its owner alone", name, info.Mode(), err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for _, line := range strings.Fields(string(text)) {
		name, value, _ := strings.Cut(line, "=")
		env[name] = value
	}
	if env["FIREBREAK_GITHUB_URL"] != server || env["FIREBREAK_APP_ID"] != fmt.Sprint(app.ID) ||
		env["FIREBREAK_PRIVATE_KEY_FILE"] != key || env["FIREBREAK_WEBHOOK_SECRET"] == "" {
		t.Errorf("the file holds\n%s", text)
	}
	pem, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	// They are the App's: GitHub knows it by them, with what it needs and nothing more.
	self, err := github.New(github.Options{BaseURL: server, AppID: app.ID, PEM: pem})
	if err != nil {
		t.Fatal(err)
	}
	known, _, err := self.Self().Apps.Get(t.Context(), "")
	if err != nil || known.GetSlug() != "firebreak-acme" || len(known.Events) != len(github.Events) ||
		known.GetPermissions().GetIssues() != "write" || known.GetPermissions().Administration != nil {
		t.Errorf("GitHub knows %v (%v)", known, err)
	}
	for _, secret := range []string{env["FIREBREAK_WEBHOOK_SECRET"], strings.Split(string(pem), "\n")[1]} {
		if strings.Contains(log.String(), secret) || strings.Contains(page, secret) {
			t.Errorf("a credential stands in the log or on the page:\n%s", log)
		}
	}
	if err := store.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "not overwritten") {
		t.Errorf("what is there would be overwritten: %v", err)
	}
}

// Who was sent by another site, or comes with a code that GitHub does not know, changes nothing,
// and it can be tried again.
func TestOnlyTheWayBackIsTaken(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "firebreak.env")
	flow, at, _ := begin(t, setup.Options{GitHub: emptyGitHub(t), Org: "acme", Store: envStore(t, file)})
	v := visitor{t, http.DefaultClient}
	_, page := v.get(at + "/")
	to, _ := form(t, page)
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	state := target.Query().Get("state")
	for query, want := range map[string]int{"": 403, "?code=1": 403, "?code=1&state=other": 403,
		"?state=" + state: 403, "?code=guessed&state=" + state: 502} {
		if status, page := v.get(at + "/done" + query); status != want ||
			!strings.Contains(page, `id="error"`) {
			t.Errorf("%q: %d, want %d\n%s", query, status, want, page)
		}
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was stored: %v", err)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	if _, err := flow.Wait(ended); err == nil {
		t.Error("an App was registered")
	}
	req, err := http.NewRequest(http.MethodGet, at+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "rebound.example"
	if status, page := v.read(http.DefaultClient.Do(req)); status != http.StatusMisdirectedRequest ||
		strings.Contains(page, state) {
		t.Errorf("under another name: %d\n%s", status, page)
	}
	if status, page := confirm(t, at); status != 200 {
		t.Errorf("after all that: %d\n%s", status, page)
	}
}

// Credentials that GitHub gave and nobody could store are lost: that is said, with how to get others.
func TestCredentialsThatCannotBeStoredAreSaid(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "firebreak.env")
	flow, at, _ := begin(t, setup.Options{GitHub: emptyGitHub(t), Org: "acme", Store: envStore(t, file)})
	if err := os.WriteFile(file, []byte("taken by now"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, page := confirm(t, at)
	if status != 500 || !strings.Contains(page, "make a new private key") {
		t.Errorf("%d\n%s", status, page)
	}
	if _, err := flow.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "firebreak-acme") {
		t.Errorf("the command says %v", err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "taken by now" {
		t.Errorf("the file was overwritten: %q (%v)", text, err)
	}
}

// Each GitHub has its page.
func TestTheFormLeadsToEachGitHub(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ github, org, action string }{
		{"", "", "https://github.com/settings/apps/new"},
		{"", "acme", "https://github.com/organizations/acme/settings/apps/new"},
		{"https://github.acme.example/", "acme",
			"https://github.acme.example/organizations/acme/settings/apps/new"},
		{"https://acme.ghe.com", "acme", "https://acme.ghe.com/organizations/acme/settings/apps/new"},
	} {
		_, at, _ := begin(t, setup.Options{GitHub: c.github, Org: c.org,
			Webhook: "https://firebreak.example", Store: envStore(t, "firebreak.env")})
		_, page := (visitor{t, http.DefaultClient}).get(at + "/")
		to, values := form(t, page)
		if got, _, _ := strings.Cut(to, "?state="); got != c.action {
			t.Errorf("%v leads to %s", c, to)
		}
		var m struct {
			Name        string
			Redirect    string               `json:"redirect_url"`
			Hook        struct{ URL string } `json:"hook_attributes"`
			Permissions map[string]string    `json:"default_permissions"`
			Events      []string             `json:"default_events"`
			Public      bool
		}
		if err := json.Unmarshal([]byte(values.Get("manifest")), &m); err != nil {
			t.Fatal(err)
		}
		if m.Redirect != at+"/done" || m.Hook.URL != "https://firebreak.example/webhook" || m.Public ||
			len(m.Permissions) != len(github.Permissions) || len(m.Events) != len(github.Events) {
			t.Errorf("the manifest is %+v", m)
		}
		for _, p := range github.Permissions {
			if m.Permissions[p.Name] != p.Level || !strings.Contains(html.UnescapeString(page), p.Why) {
				t.Errorf("%s is not asked for or not explained", p.Name)
			}
		}
		for _, e := range github.Events {
			if !strings.Contains(html.UnescapeString(page), e.Why) {
				t.Errorf("%s is not explained", e.Name)
			}
		}
	}
}

// What a capability needs is asked for where somebody wants it, with the reasons.
func TestACapabilityIsAskedForAndExplained(t *testing.T) {
	t.Parallel()
	_, at, _ := begin(t, setup.Options{Webhook: "https://firebreak.example", With: []string{"changes"},
		Store: envStore(t, "firebreak.env")})
	_, page := (visitor{t, http.DefaultClient}).get(at + "/")
	_, values := form(t, page)
	var m struct {
		Permissions map[string]string `json:"default_permissions"`
		Events      []string          `json:"default_events"`
	}
	if err := json.Unmarshal([]byte(values.Get("manifest")), &m); err != nil {
		t.Fatal(err)
	}
	permissions, events := slices.Clone(github.Permissions), len(github.Events)
	for _, c := range github.Capabilities {
		if c.Name == "changes" {
			permissions, events = append(permissions, c.Permissions...), events+len(c.Events)
		}
	}
	if len(m.Permissions) != len(permissions) || len(m.Events) != events || len(permissions) == len(github.Permissions) {
		t.Errorf("the manifest is %+v", m)
	}
	for _, p := range permissions {
		if m.Permissions[p.Name] != p.Level || !strings.Contains(html.UnescapeString(page), p.Why) {
			t.Errorf("%s is not asked for or not explained", p.Name)
		}
	}
}

func TestWhatCannotBeSetUp(t *testing.T) {
	t.Parallel()
	for _, o := range []setup.Options{{Webhook: ""}, {Webhook: "firebreak.example/webhook"},
		{Webhook: "https://a.example", GitHub: "github.example"},
		{Webhook: "https://a.example", With: []string{"everything"}}} {
		if _, err := setup.New(o); err == nil || !strings.Contains(err.Error(), "--") {
			t.Errorf("%+v: %v, want an error that names the flag", o, err)
		}
	}
	for _, to := range []string{"", "env:", "env", "file:x", "env:a b.env", "secretsmanager:"} {
		if _, err := setup.ParseStore(to, setup.Stage{}, nil); err == nil || !strings.Contains(err.Error(), "--to") {
			t.Errorf("--to %q: %v", to, err)
		}
	}
	if err := envStore(t, filepath.Join(t.TempDir(), "none", "firebreak.env")).Check(t.Context()); err == nil {
		t.Error("a folder that isn't there passes")
	}
}

func TestCredentialsInSecretsManager(t *testing.T) {
	t.Parallel()
	double := awstest.New(t, time.Now)
	manager := func() (setup.SecretsManager, error) {
		cfg, err := aws.Config(double.Getenv)
		return secretsmanager.NewFromConfig(cfg), err
	}
	dir := t.TempDir()
	place := setup.Stage{Dir: dir, Name: "prod"}
	store, err := setup.ParseStore("secretsmanager:firebreak", place, manager)
	if err == nil {
		if no := store.Check(t.Context()); no == nil || !strings.Contains(no.Error(), "--dir") {
			t.Errorf("without a checkout: %v", no)
		}
		var template []byte
		if template, err = os.ReadFile("../../serverless.yml"); err == nil {
			err = os.WriteFile(filepath.Join(dir, "serverless.yml"), template, 0o644)
		}
	}
	if err == nil {
		err = store.Check(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	server := emptyGitHub(t)
	flow, at, _ := begin(t, setup.Options{GitHub: server, Org: "acme", Store: store})
	if status, page := confirm(t, at); status != 200 ||
		!strings.Contains(page, "firebreak deploy prod") {
		t.Fatalf("%d\n%s", status, page)
	}
	app, err := flow.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if next := store.Next(app); !slices.Contains(next, "firebreak deploy prod") {
		t.Errorf("nothing says how to deploy: %q", next)
	}
	kept, err := stage.Read(dir, "prod")
	if err != nil {
		t.Fatal(err)
	}
	params := kept.Params
	if params["region"] != awstest.Region || strings.Contains(fmt.Sprint(params), "BEGIN") {
		t.Errorf("the stage has the parameters %v", params)
	}
	if params["appId"] != fmt.Sprint(app.ID) || params["appSlug"] != "firebreak-acme" ||
		params["githubUrl"] != server {
		t.Errorf("the functions are deployed with %v", params)
	}
	read := &aws.Secrets{Environ: []string{"FIREBREAK_PRIVATE_KEY=secretsmanager:" + params["privateKey"],
		"FIREBREAK_WEBHOOK_SECRET=secretsmanager:" + params["webhookSecret"]}, Now: time.Now}
	cfg, err := aws.Config(double.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	read.Manager = secretsmanager.NewFromConfig(cfg)
	env, err := read.Read(t.Context())
	if err != nil || !strings.HasPrefix(env["FIREBREAK_PRIVATE_KEY"], "-----BEGIN") ||
		env["FIREBREAK_WEBHOOK_SECRET"] == "" {
		t.Errorf("the functions read %d variables (%v)", len(env), err)
	}
	if err := store.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "not overwritten") {
		t.Errorf("what is there would be overwritten: %v", err)
	}
	if err := os.Remove(kept.Path); err != nil {
		t.Fatal(err)
	}
	if err := store.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "the secret firebreak/private-key") {
		t.Errorf("secrets that are there would be overwritten: %v", err)
	}
	double.Refuse("DescribeSecret", "AccessDeniedException")
	if err := store.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("without the right to look: %v", err)
	}
}
