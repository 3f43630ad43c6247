package main_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestProbotRuns runs an App that others wrote: the one of Probot's README, which greets each new
// issue. It knows of `firebreak sandbox` only what Probot's documentation says of a GitHub
// Enterprise Server.
// https://probot.github.io/docs/configuration/
func TestProbotRuns(t *testing.T) {
	t.Parallel()
	app, err := filepath.Abs(filepath.Join("..", "..", "app", "sandbox", "testdata", "probot"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(app, "node_modules", "probot")); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("Probot isn't installed (npm ci --prefix app/sandbox/testdata/probot): %v", err)
		}
		t.Skipf("Probot isn't installed (npm ci --prefix app/sandbox/testdata/probot): %v", err)
	}

	port := freePort(t)
	data := t.TempDir()
	box := start(t, nil, "sandbox", "--listen", "127.0.0.1:0", "--data", data,
		"--webhook", fmt.Sprintf("http://127.0.0.1:%s/api/github/webhooks", port))
	env := readEnvironment(t, filepath.Join(data, "firebreak.env"))
	said := startProbot(t, app, []string{
		"GHE_HOST=" + strings.TrimPrefix(box.url, "http://"), "GHE_PROTOCOL=http",
		"APP_ID=" + env["FIREBREAK_APP_ID"], "PRIVATE_KEY_PATH=" + env["FIREBREAK_PRIVATE_KEY_FILE"],
		"WEBHOOK_SECRET=" + env["FIREBREAK_WEBHOOK_SECRET"], "HOST=127.0.0.1", "PORT=" + port,
	})

	repo := box.url + "/api/v3/repos/acme/customer-globex"
	if status, body := request(t, "erin", "POST", repo+"/issues",
		`{"title":"Checkout is slow"}`); status != 201 {
		t.Fatalf("the issue is answered %d: %s", status, body)
	}
	if status, body := request(t, "", "GET", box.url+"/sandbox/settled?timeout=20s", ""); status != 200 {
		t.Fatalf("settled is answered %d: %s\nProbot says:\n%s", status, body, said)
	}
	status, body := request(t, "erin", "GET", repo+"/issues/1/comments", "")
	greeted := strings.Contains(body, `"Thanks for opening this issue!"`) &&
		strings.Contains(body, `"firebreak[bot]"`)
	if status != 200 || strings.Count(body, `"issue_url"`) != 1 || !greeted {
		t.Errorf("the issue's comments are answered %d: %s\nProbot says:\n%s", status, body, said)
	}
}

// freePort returns a port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// readEnvironment reads NAME=value lines.
func readEnvironment(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		env[name] = value
	}
	return env
}

// startProbot starts the App and returns what it says, once it listens. It is killed at the end of
// the test.
func startProbot(t *testing.T, folder string, env []string) *heard {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(stop)
	c := exec.CommandContext(ctx, node, filepath.Join("node_modules", "probot", "bin", "probot.js"), "run",
		"./index.js")
	said := &heard{}
	c.Dir, c.Stderr = folder, said
	c.Env = append(env, "PATH="+os.Getenv("PATH"), "LOG_LEVEL=info", "LOG_FORMAT=json")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	listens, read := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() {
		_ = c.Process.Kill()
		<-read
		_ = c.Wait()
	})
	go func() {
		defer close(read)
		heardIt := false
		for lines := bufio.NewScanner(out); lines.Scan(); {
			_, _ = said.Write(append(lines.Bytes(), '\n'))
			if !heardIt && strings.Contains(lines.Text(), "Listening on") {
				heardIt = true
				close(listens)
			}
		}
	}()
	select {
	case <-listens:
	case <-read:
		t.Fatalf("Probot ended:\n%s", said)
	}
	return said
}
