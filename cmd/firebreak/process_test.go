package main_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// process is a running command.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	url string
	out *bufio.Reader
	err *heard
}

var ready = regexp.MustCompile(`^ready (http://127\.0\.0\.1:[0-9]+)\n$`)

// heard is what a process says while it is read.
type heard struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.b.Write(p)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.b.String()
}

// patience is how long a process may take for anything.
const patience = 30 * time.Second

// start starts the command in an empty folder, with nothing in its environment but env, and waits
// until it is ready.
func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p, err := launch(t, env, binary, args...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// launch is start for where a test can't be ended, and for the command by another's name.
func launch(t *testing.T, env []string, name string, args ...string) (*process, error) {
	ctx, stop := context.WithTimeout(context.Background(), 2*patience) // reading below can't wait for ever
	t.Cleanup(stop)
	p := &process{t: t, cmd: exec.CommandContext(ctx, name, args...), err: &heard{}}
	p.cmd.Dir, p.cmd.Env, p.cmd.Stderr = t.TempDir(), append([]string{}, env...), p.err
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
	p.out = bufio.NewReader(out)
	line, _ := p.out.ReadString('\n')
	m := ready.FindStringSubmatch(line)
	if m == nil {
		_ = p.cmd.Wait()
		return nil, fmt.Errorf("firebreak %v says %q, not that it is ready:\n%s", args, line, p.err)
	}
	p.url = m[1]
	return p, nil
}

// end asks the process to end, and holds it to ending well, with nothing more on standard output.
func (p *process) end(sig os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
	rest, _ := io.ReadAll(p.out)
	if err := p.cmd.Wait(); err != nil || len(rest) > 0 {
		p.t.Errorf("after %s: %v, %q on standard output, and on standard error:\n%s", sig, err, rest, p.err)
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// request makes a request, as a person if who isn't empty, and returns status and body.
func request(t *testing.T, who, method, url, body string, header ...string) (int, string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if who != "" {
		r.Header.Set("Authorization", "Bearer demo-"+who)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// fails runs a command that must fail at once, and returns what it says.
func fails(t *testing.T, env []string, args ...string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	cmd := exec.CommandContext(ctx, binary, args...)
	var out, said bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = t.TempDir(), append([]string{}, env...), &out, &said
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("firebreak %v: %v, want status 1", args, err)
	}
	if out.Len() > 0 {
		t.Errorf("firebreak %v fails and says on standard output: %s", args, &out)
	}
	return said.String()
}

var key = sync.OnceValue(func() string {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY",
		Bytes: x509.MarshalPKCS1PrivateKey(k)}))
})

func app(url string) []string {
	return []string{"FIREBREAK_GITHUB_URL=" + url, "FIREBREAK_APP_ID=17", "FIREBREAK_WEBHOOK_SECRET=now",
		"FIREBREAK_PRIVATE_KEY=" + strings.ReplaceAll(key(), "\n", `\n`)}
}
