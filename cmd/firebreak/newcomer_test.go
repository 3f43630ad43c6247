package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// newcomer is somebody with an empty folder and a GitHub on which nothing is set up.
type newcomer struct {
	t      *testing.T
	folder string
	env    []string
	github *process
}

// runs runs a command to its end, and returns what it prints. Nothing that it prints may be a secret.
func (n *newcomer) runs(status int, args ...string) string {
	n.t.Helper()
	cmd := exec.CommandContext(n.t.Context(), binary, args...)
	var out, said bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = n.folder, n.env, &out, &said
	_ = cmd.Run()
	if cmd.ProcessState.ExitCode() != status {
		n.t.Fatalf("firebreak %v ends with %d, want %d:\n%s%s", args, cmd.ProcessState.ExitCode(), status,
			&out, &said)
	}
	n.keepsSecrets(out.String() + said.String())
	return out.String()
}

func (n *newcomer) keepsSecrets(text string) {
	n.t.Helper()
	for _, v := range n.env {
		if name, value, _ := strings.Cut(v, "="); strings.HasSuffix(name, "_WEBHOOK_SECRET") &&
			strings.Contains(text, value) || strings.Contains(text, "PRIVATE KEY---") {
			n.t.Errorf("a secret is printed:\n%s", text)
		}
	}
}

// reads adds a file of variables to the environment.
func (n *newcomer) reads(file string) {
	n.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		n.t.Fatal(err)
	}
	n.env = append(n.env, strings.Fields(string(text))...)
}

func (n *newcomer) calls(method, path, body string) string {
	n.t.Helper()
	status, said := request(n.t, "alice", method, n.github.url+"/api/v3/repos/acme/incidents"+path, body)
	if status >= 300 {
		n.t.Fatalf("%s %s: %d %s", method, path, status, said)
	}
	return said
}

// A newcomer goes from nothing to a declared incident by setup, init and doctor alone, with a browser.
func TestBrowserNewcomer(t *testing.T) {
	t.Parallel()
	chromium := findChromium(t)
	free, err := net.Listen("tcp", "127.0.0.1:0") // where the product will be
	if err != nil {
		t.Fatal(err)
	}
	product := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	n := &newcomer{t: t, folder: t.TempDir(),
		github: start(t, nil, "sandbox", "--listen", "127.0.0.1:0", "--empty", "--data", data)}
	n.env = []string{"HOME=" + n.folder}

	// setup: one click here, one on GitHub, and the installation.
	file := filepath.Join(n.folder, "firebreak.env")
	setup := start(t, nil, "setup", "--org", "acme", "--github-url", n.github.url, "--webhook",
		"http://"+product, "--repository", "acme/incidents", "--to", "env:"+file)
	w := browse(t, chromium, setup, n.github)
	w.sees("h1", "Create the GitHub App for acme")
	w.sees("#permissions", "An incident is an issue")
	w.look("setup")
	w.leave(click("#create button"))
	w.sees("h1", "Create GitHub App for acme")
	w.look("setup-github")
	w.leave(click("form#new-app button[name=create]"))
	w.sees("#done", "firebreak-acme is registered")
	w.look("setup-done")
	install, err := chromedp.Run(w.ctx, chromedp.Evaluate[string](`document.querySelector("#install").href`))
	if err != nil {
		t.Fatal(err)
	}
	rest := new(strings.Builder)
	if _, err := setup.out.WriteTo(rest); err != nil {
		t.Fatal(err)
	}
	if err := setup.cmd.Wait(); err != nil || !strings.Contains(rest.String(), "firebreak init") ||
		!strings.Contains(rest.String(), install) {
		t.Fatalf("setup ends with %v, and says\n%s%s", err, rest, setup.err)
	}
	n.reads(filepath.Join(data, "firebreak.env"))
	n.reads(file)
	n.keepsSecrets(rest.String() + setup.err.String())
	w.leave(chromedp.Navigate(install))
	w.look("setup-install")
	w.leave(click("form#install button[name=install]"))
	w.sees("#installed", "Firebreak acme is installed on acme")

	// init: labels, and a pull request to merge. Before, doctor says what is missing.
	if said := n.runs(1, "doctor", "acme/incidents"); !strings.Contains(said, "FAIL  labels") ||
		!strings.Contains(said, "firebreak init acme/incidents") ||
		!strings.Contains(said, "can't reach the address") {
		t.Errorf("doctor finds\n%s", said)
	}
	if said := n.runs(0, "init", "acme/incidents"); !strings.Contains(said, "11 labels created") ||
		!strings.Contains(said, "/acme/incidents/pull/1") {
		t.Errorf("init says\n%s", said)
	}
	if said := n.runs(0, "init", "acme/incidents"); !strings.Contains(said, "all 11 labels are there") ||
		!strings.Contains(said, "open already") {
		t.Errorf("init says again\n%s", said)
	}
	n.calls("PUT", "/pulls/1/merge", "{}")

	// doctor: all is well once the product runs.
	start(t, n.env, "serve", "--listen", product)
	var findings []struct{ Check, Status, Found string }
	if err := json.Unmarshal([]byte(n.runs(0, "doctor", "acme/incidents", "--json")), &findings); err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.Status != "ok" {
			t.Errorf("doctor finds %+v", f)
		}
	}

	// And an incident is declared, by the form that init brought.
	w.do(chromedp.Navigate(n.github.url + "/acme/incidents/issues/new?template=incident.yml"))
	w.insert(`[name="issue-title"]`, "The API of globex is down")
	w.insert("[name=summary]", "Customers of globex get 502 from the API since 10:38")
	w.do(chromedp.SendKeys(chromedp.CSS("[name=severity]"), "critical"))
	w.insert("[name=customers]", "globex")
	w.leave(click("form#new-issue button[name=create]"))
	settle(t, n.github.url)
	w.sees("#pinned .comment-body", "P1")
	w.sees("[data-label]", "phase/identify")

	// An exercise, and what the product would do with a delivery that it has seen.
	if said := n.runs(0, "drill", "acme/incidents"); !strings.Contains(said, "/acme/incidents/issues/3") {
		t.Errorf("drill says\n%s", said)
	}
	if said := n.runs(0, "drill", "acme/incidents", "--intake", "http://"+product, "--again",
		"1ms"); !strings.Contains(said, "The alert recovers") ||
		!strings.Contains(said, "/acme/incidents/issues/4") {
		t.Errorf("an alert is played so:\n%s", said)
	}
	settle(t, n.github.url)
	w.do(chromedp.Navigate(n.github.url + "/acme/incidents/issues/3"))
	w.sees("#pinned .comment-body", "pages nobody, tells no customer")
	if status, outbox := request(t, "", "GET", n.github.url+"/sandbox/outbox", ""); status != 200 ||
		strings.TrimSpace(outbox) != "[]" {
		t.Errorf("the drill paged: %d %s", status, outbox)
	}
	delivery := fmt.Sprintf(`{"guid":"1","event":"issue_comment","request":{"headers":{},"payload":{"action":"created","issue":%s,"comment":%s,
		"repository":{"name":"incidents","full_name":"acme/incidents","owner":{"login":"acme"}},"sender":{"login":"carol","type":"User"}}}}`,
		n.calls("GET", "/issues/2", ""),
		`{"id":1,"body":"/ic","user":{"login":"carol","type":"User"},"created_at":"2026-11-25T10:00:00Z","updated_at":"2026-11-25T10:00:00Z"}`)
	if err := os.WriteFile(filepath.Join(n.folder, "delivery.json"), []byte(delivery), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := n.runs(0, "replay", "delivery.json", "--dry-run"); !strings.Contains(said,
		"Nothing of this was done") {
		t.Errorf("replay says\n%s", said)
	}
	if said := n.runs(0, "replay", "delivery.json", "--to",
		"http://"+product+"/webhook"); !strings.Contains(said, "202") {
		t.Errorf("replay says\n%s", said)
	}
}
