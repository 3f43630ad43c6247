package main_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// lookedAt is a GitHub that fails while it is down, and says when somebody looks at the incident.
func lookedAt(t *testing.T, down *atomic.Bool) (url string, looked <-chan bool) {
	t.Helper()
	looks := make(chan bool, 100)
	github := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case down.Load():
			w.WriteHeader(http.StatusBadGateway)
		case strings.HasSuffix(r.URL.Path, "/installation"):
			_, _ = io.WriteString(w, `{"id":7}`)
		case strings.HasSuffix(r.URL.Path, "/access_tokens"):
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"token":"ghs_x","expires_at":%q}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		case r.URL.Path == "/api/v3/app":
			_, _ = io.WriteString(w, `{"id":17,"slug":"firebreak"}`)
		default:
			if r.URL.Path == "/api/v3/repos/acme/incidents/issues/1" {
				looks <- true
			}
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"message":"Not Found"}`)
		}
	}))
	t.Cleanup(github.Close)
	return github.URL, looks
}

// TestABackupIsRestored walks through docs/production.md: what waited when the server was stopped and its
// folder packed, is done by a server that has nothing but the packed folder.
func TestABackupIsRestored(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	down.Store(true)
	github, looked := lookedAt(t, &down)
	state := t.TempDir()
	p := start(t, app(github), "serve", "--listen", "127.0.0.1:0", "--data", filepath.Join(state, "firebreak"))
	body := `{"action":"labeled","label":{"name":"incident"},"issue":{"number":1,"labels":[{"name":"incident"}]},
		"repository":{"name":"incidents","full_name":"acme/incidents","owner":{"login":"acme"}},"sender":{"login":"alice","type":"User"}}`
	mac := hmac.New(sha256.New, []byte("now"))
	mac.Write([]byte(body))
	if status, said := request(t, "", "POST", p.url+"/webhook", body, "X-GitHub-Event", "issues", "X-GitHub-Delivery", "1",
		"X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil))); status != 202 {
		t.Fatalf("the webhook: %d %s", status, said)
	}
	p.end(syscall.SIGTERM)

	packed := filepath.Join(t.TempDir(), "firebreak.tar.gz")
	tar := func(args ...string) {
		t.Helper()
		if said, err := exec.CommandContext(t.Context(), "tar", args...).CombinedOutput(); err != nil {
			t.Fatalf("tar: %v\n%s", err, said)
		}
	}
	tar("--create", "--gzip", "--file", packed, "--directory", state, "firebreak")
	if err := os.RemoveAll(filepath.Join(state, "firebreak")); err != nil {
		t.Fatal(err)
	}
	tar("--extract", "--gzip", "--file", packed, "--directory", state)

	down.Store(false)
	p = start(t, app(github), "serve", "--listen", "127.0.0.1:0", "--data", filepath.Join(state, "firebreak"))
	select {
	case <-looked:
	case <-time.After(patience):
		t.Errorf("nobody looked:\n%s", p.err)
	}
	p.end(syscall.SIGTERM)
}

// proxy starts a program that is in Debian's package of its name, until the test ends.
func proxy(t *testing.T, env []string, name string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err != nil && os.Getenv("CI") != "":
		t.Fatal(err)
	case err != nil:
		t.Skipf("%v: it is in Debian's package of that name; in CI that fails", err)
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(env, "HOME="+t.TempDir(), "PATH="+os.Getenv("PATH")), &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s says\n%s", name, &said)
		}
	})
}

// behind holds a proxy in front of the server to what docs/production.md says of proxies.
func behind(t *testing.T, client *http.Client, url string) {
	t.Helper()
	var status int
	ask := func(method, path string, body []byte) error {
		req, err := http.NewRequestWithContext(t.Context(), method, url+path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-GitHub-Event", "ping")
		req.Header.Set("X-Hub-Signature-256", "sha256="+strings.Repeat("0", 64)) // so that the body is read
		answer, err := client.Do(req)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		status = answer.StatusCode
		return answer.Body.Close()
	}
	until(t, "the proxy answers", func() bool { return ask("GET", "/healthz", nil) == nil && status == 200 })
	if err := ask("POST", "/webhook", make([]byte, 24<<20)); err != nil || status != 401 {
		t.Errorf("24 MB, which GitHub may send: %v, %d; want the server's refusal of a wrong signature", err, status)
	}
	// One that is too large is refused, by an answer or by hanging up.
	if err := ask("POST", "/webhook", make([]byte, 40<<20)); err == nil && status != 413 {
		t.Errorf("40 MB: %d", status)
	}
}

func TestBehindNginx(t *testing.T) {
	t.Parallel()
	p := start(t, app("http://127.0.0.1:1"), "serve", "--listen", "127.0.0.1:0")
	text, err := os.ReadFile("../../templates/deploy/proxy/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	dir, plain, secure := t.TempDir(), "127.0.0.1:"+freePort(t), "127.0.0.1:"+freePort(t)
	cert := certificate(t, dir)
	conf := strings.NewReplacer("listen 80;", "listen "+plain+";", "listen 443 ssl;", "listen "+secure+" ssl;",
		"    listen [::]:80;\n", "", "    listen [::]:443 ssl;\n", "", "/etc/ssl/firebreak/fullchain.pem", cert,
		"/etc/ssl/firebreak/privkey.pem", cert, "http://127.0.0.1:8789", p.url).Replace(string(text))
	main := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(main, fmt.Appendf(nil, `daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events {}
http { access_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s;
uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
%[2]s }`, dir, conf), 0o600); err != nil {
		t.Fatal(err)
	}
	proxy(t, nil, "nginx", "-p", dir, "-c", main)
	trusting := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // the certificate is this test's own
	behind(t, &http.Client{Transport: &http.Transport{TLSClientConfig: trusting}}, "https://"+secure)
}

func TestBehindCaddy(t *testing.T) {
	t.Parallel()
	p := start(t, app("http://127.0.0.1:1"), "serve", "--listen", "127.0.0.1:0")
	address := "127.0.0.1:" + freePort(t)
	// Without its administration and certificates, for which a test has no name.
	text, err := os.ReadFile("../../templates/deploy/proxy/Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(file, append([]byte("{\n\tadmin off\n\tauto_https off\n}\n"), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	proxy(t, []string{"FIREBREAK_HOST=http://" + address, "FIREBREAK_UPSTREAM=" + strings.TrimPrefix(p.url, "http://")},
		"caddy", "run", "--config", file, "--adapter", "caddyfile")
	behind(t, http.DefaultClient, "http://"+address)
}

// certificate writes a key and a certificate of this test into one file, and returns its path.
func certificate(t *testing.T, dir string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"firebreak.example.com"},
		NotAfter: time.Now().Add(time.Hour)}
	signed, err := x509.CreateCertificate(rand.Reader, of, of, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "tls.pem")
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}),
		pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})...)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A folder that SSL_CERT_DIR names adds a private authority, as Kubernetes mounts one: through links.
func TestAPrivateAuthorityIsTrusted(t *testing.T) {
	t.Parallel()
	private := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok\n")
	}))
	defer private.Close()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "..1"), 0o700); err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: private.Certificate().Raw})
	if err := os.WriteFile(filepath.Join(dir, "..1", "ca.crt"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"..data": "..1", "ca.crt": "..data/ca.crt"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for folder, isTrusted := range map[string]bool{dir: true, t.TempDir(): false} {
		cmd := exec.CommandContext(t.Context(), server, "health", "--url", private.URL)
		cmd.Env = []string{"SSL_CERT_DIR=" + folder}
		if said, err := cmd.CombinedOutput(); (err == nil) != isTrusted || !isTrusted && !bytes.Contains(said, []byte("x509")) {
			t.Errorf("trusted %v: %v, %s", isTrusted, err, said)
		}
	}
}
