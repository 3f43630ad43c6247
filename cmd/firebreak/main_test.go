package main_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the command as a user gets it, and server the one that people run in production, built
// once.
var binary, server string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "firebreak")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary, server = filepath.Join(dir, "firebreak"), filepath.Join(dir, "firebreak-serve")
	if out, err := exec.Command("go", "build", "-o", dir, ".",
		"../firebreak-serve").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	said := fails(t, nil, "serve", "--listen", "127.0.0.1:0")
	for _, name := range []string{"FIREBREAK_APP_ID", "FIREBREAK_PRIVATE_KEY", "FIREBREAK_WEBHOOK_SECRET"} {
		if !strings.Contains(said, name) {
			t.Errorf("serve without anything does not name %s:\n%s", name, said)
		}
	}
	env := app("http://127.0.0.1:1")
	env[2] = "FIREBREAK_WEBHOOK_SECRET="
	if said := fails(t, env, "serve", "--listen", "127.0.0.1:0"); !strings.Contains(said,
		"FIREBREAK_WEBHOOK_SECRET") || strings.Contains(said, "APP_ID") {
		t.Errorf("serve without a secret says %s", said)
	}
	if said := fails(t, nil, "demo", "--listen", "nowhere"); !strings.Contains(said, "nowhere") {
		t.Errorf("demo without an address says %s", said)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, args := range [][]string{{"serve"}, {"demo"},
		{"sandbox", "--webhook", "http://127.0.0.1:1/webhook"}} {
		if said := fails(t, app("http://127.0.0.1:1"),
			append(args, "--listen", taken.Addr().String())...); !strings.Contains(said, "in use") {
			t.Errorf("%v on a port that is taken says %s", args, said)
		}
	}
}

// Who types it wrong is told what is wrong and where the help is, with a status of its own.
func TestMisuse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args string
		says []string
	}{
		{"sandbox --listen 127.0.0.1:0", []string{"webhook", "firebreak sandbox --help"}},
		{"sandbox --webhook http://127.0.0.1:1 --empty", []string{"empty", "firebreak sandbox --help"}},
		{"upgrade", []string{"--check", "firebreak upgrade --help"}},
		{"serv", []string{`unknown command "serv"`, "serve", "firebreak --help"}},
		{"serve --lisen x", []string{"--lisen", "firebreak serve --help"}},
		{"serve now", []string{`"now"`, "firebreak serve --help"}},
		{"stats acme", []string{"OWNER/REPO", "firebreak stats --help"}},
		{"stats", []string{"1 arg", "firebreak stats --help"}},
		{"stats acme/incidents --format xls", []string{"--format", "firebreak stats --help"}},
		{"stats acme/incidents --since yesterday", []string{"--since", "firebreak stats --help"}},
		{"lint", []string{"1 arg", "firebreak lint --help"}},
		{"man none", []string{`"none"`, "firebreak man --help"}},
		{"init acme/a/b", []string{"OWNER/REPO", "firebreak init --help"}},
		{"doctor https://github.com/acme/incidents", []string{"OWNER/REPO", "firebreak doctor --help"}},
		{"drill acme/incidents --wait 0", []string{"--wait", "firebreak drill --help"}},
		{"drill acme/incidents --again 0s", []string{"--again", "firebreak drill --help"}},
		{"drill acme/incidents --intake nowhere", []string{"--intake", "firebreak drill --help"}},
		{"drill acme/incidents --intake http://127.0.0.1:1",
			[]string{"FIREBREAK_INTAKE_SECRET", "firebreak drill --help"}},
		{"replay x.json", []string{"dry-run", "firebreak replay --help"}},
		{"setup", []string{`"webhook"`, "firebreak setup --help"}},
		{"setup --webhook nowhere", []string{"--webhook", "firebreak setup --help"}},
		{"setup --webhook http://a.example --to file:x", []string{"env:FILE", "firebreak setup --help"}},
		{"setup --webhook http://a.example --listen 0.0.0.0:0", []string{"--listen", "this machine"}},
	} {
		cmd := exec.CommandContext(t.Context(), binary, strings.Fields(c.args)...)
		cmd.Dir, cmd.Env = t.TempDir(), append(app("http://127.0.0.1:1"), "HOME="+t.TempDir())
		var out, said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &said
		if err := cmd.Run(); cmd.ProcessState.ExitCode() != 2 || out.Len() > 0 {
			t.Errorf("firebreak %s: %v and %q on standard output, want status 2", c.args, err, &out)
		}
		for _, has := range c.says {
			if !strings.Contains(said.String(), has) {
				t.Errorf("firebreak %s does not say %q:\n%s", c.args, has, &said)
			}
		}
	}
}

func TestVersionAndCompletion(t *testing.T) {
	t.Parallel()
	for args, has := range map[string]string{
		"--version": "firebreak", "version": "\ncommit ", "version --json": `"platform":"`, "help serve": "firebreak serve", "completion bash": "__start_firebreak",
		"completion zsh":  "#compdef firebreak",
		"completion fish": "complete -c firebreak", "__complete stats acme/incidents --format ": "html",
		"__complete man se": "setup", "help ways": "OWNER/REPO LOGIN",
		"man": ".TH \"FIREBREAK\"", "man setup": ".TH \"FIREBREAK-SETUP\"",
	} {
		out, err := exec.CommandContext(t.Context(), binary, strings.Split(args, " ")...).Output()
		if err != nil || !bytes.Contains(out, []byte(has)) {
			t.Errorf("firebreak %s: %v, %s", args, err, out)
		}
	}
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), binary, "man", "--dir", dir).CombinedOutput(); err != nil {
		t.Fatalf("firebreak man --dir: %v %s", err, out)
	}
	for _, name := range []string{"firebreak.1", "firebreak-doctor.1", "firebreak-init.1",
		"firebreak-serve.1"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

// The binary for production serves and does nothing else, by the same flags and with the same statuses.
func TestTheServerAlone(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]struct {
		status int
		says   string
	}{
		"--version": {0, "firebreak-serve version"}, "--help": {0, "FIREBREAK_PRIVATE_KEY"},
		"version": {0, "\ncommit "}, "version now": {2, `"now"`}, "health --url http://127.0.0.1:1": {1, "connection refused"},
		"--listen 127.0.0.1:0": {1, "FIREBREAK_APP_ID"},
		"serve":                {2, "firebreak-serve --help"}, "demo": {2, `"demo"`},
		"--lisen x": {2, "--lisen"},
	} {
		cmd := exec.CommandContext(t.Context(), server, strings.Fields(args)...)
		cmd.Dir, cmd.Env = t.TempDir(), []string{"HOME=/nowhere"}
		said, err := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != want.status ||
			!strings.Contains(string(said), want.says) {
			t.Errorf("firebreak-serve %s ends with %d (%v), want %d and %q:\n%s", args, got, err,
				want.status, want.says, said)
		}
	}
}

func TestServeEndsWell(t *testing.T) {
	t.Parallel()
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		p := start(t, app("http://127.0.0.1:1"), "serve", "--listen", "127.0.0.1:0")
		if status, _ := request(t, "", "GET", p.url+"/healthz", ""); status != 200 {
			t.Errorf("health: %d", status)
		}
		if status, _ := request(t, "", "POST", p.url+"/webhook", "{}", "X-GitHub-Event",
			"ping"); status != 401 {
			t.Errorf("an unsigned webhook: %d", status)
		}
		if _, err := os.Stat(filepath.Join(p.cmd.Dir, "firebreak-data", "firebreak.db")); err != nil {
			t.Error(err)
		}
		p.end(sig)
	}
}

// What GitHub was told is taken, is done although the process was killed before it could.
func TestServeOutlivesItsKilling(t *testing.T) {
	t.Parallel()
	looked := make(chan bool, 100)
	var down sync.Mutex // held while this GitHub doesn't answer
	down.Lock()
	github := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		down.Lock()
		defer down.Unlock()
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/installation"):
			_, _ = io.WriteString(w, `{"id":7}`)
		case strings.HasSuffix(r.URL.Path, "/access_tokens"):
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"token":"ghs_x","expires_at":%q}`,
				time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		case r.URL.Path == "/api/v3/app":
			_, _ = io.WriteString(w, `{"id":17,"slug":"firebreak"}`)
		default:
			if r.URL.Path == "/api/v3/repos/acme/incidents/issues/1" {
				looked <- true
			}
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"message":"Not Found"}`)
		}
	}))
	defer github.Close()
	data := t.TempDir()
	p := start(t, app(github.URL), "serve", "--listen", "127.0.0.1:0", "--data", data)
	body := `{"action":"labeled","label":{"name":"incident"},"issue":{"number":1,"labels":[{"name":"incident"}]},
		"repository":{"name":"incidents","full_name":"acme/incidents","owner":{"login":"acme"}},"sender":{"login":"alice","type":"User"}}`
	mac := hmac.New(sha256.New, []byte("now"))
	mac.Write([]byte(body))
	status, said := request(t, "", "POST", p.url+"/webhook", body, "X-GitHub-Event", "issues",
		"X-GitHub-Delivery", "1", "X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	if status != 202 {
		t.Fatalf("the webhook: %d %s", status, said)
	}
	p.kill()
	down.Unlock()
	p = start(t, app(github.URL), "serve", "--listen", "127.0.0.1:0", "--data", data)
	select {
	case <-looked:
	case <-time.After(patience):
		t.Errorf("nobody looked:\n%s", p.err)
	}
	p.end(syscall.SIGTERM)
}

// drive declares an incident as a newcomer does, and holds the product to its card. It returns the
// card.
func drive(t *testing.T, github string) string {
	t.Helper()
	api := github + "/api/v3/repos/acme/incidents/issues"
	status, said := request(t, "alice", "POST", api, `{"title":"The API is down","body":"/incident critical"}`)
	if status != 201 {
		t.Fatalf("alice opens an issue: %d %s", status, said)
	}
	var issue struct{ Number int }
	if err := json.Unmarshal([]byte(said), &issue); err != nil {
		t.Fatal(err)
	}
	api = fmt.Sprintf("%s/%d", api, issue.Number)
	settle(t, github)
	if status, said = request(t, "carol", "POST", api+"/comments", `{"body":"/ic"}`); status != 201 {
		t.Fatalf("carol comments: %d %s", status, said)
	}
	settle(t, github)
	return look(t, api)
}

func settle(t *testing.T, github string) {
	t.Helper()
	if status, said := request(t, "", "GET", github+"/sandbox/settled?timeout=20s", ""); status != 200 {
		t.Fatalf("it does not settle: %d %s", status, said)
	}
}

// look returns the card of an incident.
func look(t *testing.T, api string) string {
	t.Helper()
	_, said := request(t, "alice", "GET", api, "")
	var issue struct {
		Labels    []struct{ Name string }
		Assignees []struct{ Login string }
		Pinned    *struct{ Body string } `json:"pinned_comment"`
	}
	if err := json.Unmarshal([]byte(said), &issue); err != nil {
		t.Fatal(err)
	}
	if issue.Pinned == nil {
		t.Fatalf("there is no card: %s", said)
	}
	if !strings.Contains(issue.Pinned.Body, "carol") {
		t.Errorf("carol took the role, and the card says:\n%s", issue.Pinned.Body)
	}
	return issue.Pinned.Body
}

func TestDemo(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "demo", "--listen", "127.0.0.1:0")
	if status, page := request(t, "", "GET", p.url+"/", ""); status != 200 ||
		!strings.Contains(page, "acme/incidents") {
		t.Errorf("the pages: %d %s", status, page)
	}
	before := drive(t, p.url)
	if status, said := request(t, "", "POST", p.url+"/sandbox/clock", `{"advance":"2h"}`); status != 200 {
		t.Errorf("the clock: %d %s", status, said)
	}
	if after := look(t, p.url+"/api/v3/repos/acme/incidents/issues/1"); after == before {
		t.Error("two hours without an update, and the card is as before")
	}
	p.end(syscall.SIGTERM)
}

// Both the demo and the sandbox begin after a busy morning, of which the App may read, and with no incident.
func TestMorning(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"demo": {"demo"}, "sandbox": {"sandbox", "--webhook", "http://127.0.0.1:1/webhook"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, nil, append(args, "--listen", "127.0.0.1:0")...)
			for path, want := range map[string]string{
				"/search/issues?q=org:acme+is:pr+is:merged":               `"total_count":30}`,
				"/repos/acme/payments/deployments?environment=production": `"description":"build 43"`,
				"/repos/acme/incidents/issues?state=all":                  "[]",
				"/apps/firebreak":                                         `"deployments":"write"`,
			} {
				if status, said := request(t, "alice", "GET", p.url+"/api/v3"+path, ""); status != 200 || !strings.Contains(said, want) {
					t.Errorf("%s: %d %.300s", path, status, said)
				}
			}
			p.end(syscall.SIGTERM)
		})
	}
}

func TestDemoKeepsItsData(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := start(t, nil, "demo", "--listen", "127.0.0.1:0", "--data", data)
	card := drive(t, p.url)
	p.end(syscall.SIGINT)
	p = start(t, nil, "demo", "--listen", strings.TrimPrefix(p.url, "http://"), "--data", data)
	settle(t, p.url)
	api := p.url + "/api/v3/repos/acme/incidents/issues/1"
	if again := look(t, api); again != card {
		t.Errorf("the card was\n%s\nand is\n%s", card, again)
	}
	// Its timers are kept too.
	if status, said := request(t, "", "POST", p.url+"/sandbox/clock", `{"advance":"2h"}`); status != 200 {
		t.Errorf("the clock: %d %s", status, said)
	}
	if look(t, api) == card {
		t.Error("two hours without an update, and the card is as before")
	}
	p.end(syscall.SIGTERM)
}

// The sandbox writes the environment with which serve runs against it, as two processes.
func TestSandboxAndServe(t *testing.T) {
	t.Parallel()
	for name, command := range map[string][]string{"serve": {binary, "serve"}, "the server alone": {server}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sandboxAndServe(t, command)
		})
	}
}

func sandboxAndServe(t *testing.T, command []string) {
	port, err := net.Listen("tcp", "127.0.0.1:0") // serve's, which the sandbox must know before
	if err != nil {
		t.Fatal(err)
	}
	address := port.Addr().String()
	data := t.TempDir()
	box := start(t, nil, "sandbox", "--listen", "127.0.0.1:0", "--data", data, "--webhook",
		"http://"+address+"/webhook")
	text, err := os.ReadFile(filepath.Join(data, "firebreak.env"))
	if err != nil {
		t.Fatal(err)
	}
	if err := port.Close(); err != nil {
		t.Fatal(err)
	}
	env := strings.Fields(string(text)) // as a shell splits $(cat …)
	p, err := launch(t, env, command[0], append(command[1:], "--listen", address)...)
	if err != nil {
		t.Fatal(err)
	}
	before := drive(t, box.url)
	if status, said := request(t, "", "POST", box.url+"/sandbox/clock", `{"advance":"2h"}`); status != 200 {
		t.Errorf("the clock: %d %s", status, said)
	}
	if after := look(t, box.url+"/api/v3/repos/acme/incidents/issues/1"); after == before {
		t.Error("two hours without an update, and the card is as before")
	}
	p.end(syscall.SIGTERM)
	box.end(syscall.SIGTERM)
}
