package assembly_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/assembly"
)

var key = sync.OnceValue(func() string {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)}))
})

// env is an environment that works, changed.
func env(change map[string]string) func(string) string {
	all := map[string]string{"FIREBREAK_APP_ID": "17", "FIREBREAK_PRIVATE_KEY": key(), "FIREBREAK_WEBHOOK_SECRET": "now"}
	maps.Copy(all, change)
	return func(name string) string { return all[name] }
}

func TestEveryMistakeInTheEnvironmentIsNamedAtOnce(t *testing.T) {
	_, err := assembly.New(func(name string) string {
		return map[string]string{"FIREBREAK_GITHUB_URL": "github.example.com", "FIREBREAK_PAGER_URL": "ftp://pager"}[name]
	}, assembly.Options{})
	if err == nil {
		t.Fatal("an empty environment, and no error")
	}
	for _, name := range []string{"APP_ID", "PRIVATE_KEY", "WEBHOOK_SECRET", "OUTBOUND_SECRET", "GITHUB_URL", "PAGER_URL"} {
		if !strings.Contains(err.Error(), "FIREBREAK_"+name) {
			t.Errorf("FIREBREAK_%s is not named in:\n%v", name, err)
		}
	}
	if strings.Contains(err.Error(), "MAIL_URL must") || strings.Contains(err.Error(), "CLOCK_URL") {
		t.Errorf("what may be missing is called wrong:\n%v", err)
	}
}

func TestOneMistakeAtATime(t *testing.T) {
	for name, change := range map[string]map[string]string{
		"FIREBREAK_APP_ID":                  {"FIREBREAK_APP_ID": "my-app"},
		"FIREBREAK_PRIVATE_KEY_FILE":        {"FIREBREAK_PRIVATE_KEY": "", "FIREBREAK_PRIVATE_KEY_FILE": "/nowhere/key.pem"},
		"FIREBREAK_FREEZE_APP_ID":           {"FIREBREAK_FREEZE_APP_ID": "my-app", "FIREBREAK_FREEZE_PRIVATE_KEY_FILE": "assembly_test.go"},
		"FIREBREAK_FREEZE_PRIVATE_KEY_FILE": {"FIREBREAK_FREEZE_APP_ID": "18", "FIREBREAK_FREEZE_PRIVATE_KEY_FILE": "/nowhere/key.pem"},
		"FIREBREAK_FREEZE_URL":              {"FIREBREAK_FREEZE_URL": "freezer:8791", "FIREBREAK_FREEZE_SECRET": "x"},
		"FIREBREAK_FREEZE_SECRET":           {"FIREBREAK_FREEZE_URL": "http://freezer:8791"},
		"leave out FIREBREAK_FREEZE_APP_ID": {"FIREBREAK_FREEZE_URL": "http://freezer:8791", "FIREBREAK_FREEZE_SECRET": "x", "FIREBREAK_FREEZE_APP_ID": "18"},
		"use the App for freezes":           {"FIREBREAK_FREEZE_APP_ID": "18", "FIREBREAK_FREEZE_PRIVATE_KEY_FILE": "assembly_test.go"},
		"private key":                       {"FIREBREAK_PRIVATE_KEY": "no key"},
		"FIREBREAK_WEBHOOK_SECRET":          {"FIREBREAK_WEBHOOK_SECRET": ""},
		"FIREBREAK_OUTBOUND_SECRET":         {"FIREBREAK_MAIL_URL": "https://mail.example"},
		"FIREBREAK_CLOCK_URL":               {"FIREBREAK_CLOCK_URL": "now"},
		"FIREBREAK_DATABASE_URL":            {"FIREBREAK_DATABASE_URL": "mysql://root@db/firebreak"},
		"FIREBREAK_KMS_KEY":                 {"FIREBREAK_KMS_KEY": "alias/firebreak"},
	} {
		s, err := assembly.New(env(change), assembly.Options{})
		if err == nil {
			t.Errorf("%v, and no error", change)
			_ = s.Close()
			continue
		}
		if !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s is not what this says: %v", name, err)
		}
	}
}

// The process for freezes needs the key of its own App, the number of the product's and the secret, and says so at once.
func TestX4TheEnvironmentOfTheProcessForFreezes(t *testing.T) {
	good := map[string]string{"FIREBREAK_APP_ID": "17", "FIREBREAK_FREEZE_APP_ID": "18", "FIREBREAK_FREEZE_SECRET": "hush",
		"FIREBREAK_FREEZE_PRIVATE_KEY_FILE": filepath.Join(t.TempDir(), "key.pem")}
	if err := os.WriteFile(good["FIREBREAK_FREEZE_PRIVATE_KEY_FILE"], []byte(key()), 0o600); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	if _, err := assembly.NewFreezer(func(name string) string { return good[name] }, log); err != nil {
		t.Error(err)
	}
	_, err := assembly.NewFreezer(func(string) string { return "" }, log)
	for name := range good {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in %v", name, err)
		}
	}
	for name, value := range map[string]string{"FIREBREAK_GITHUB_URL": "github", "FIREBREAK_GITHUB_LIMITS": "few",
		"FIREBREAK_FREEZE_PRIVATE_KEY_FILE": "assembly_test.go"} {
		_, err := assembly.NewFreezer(func(n string) string {
			if n == name {
				return value
			}
			return good[n]
		}, log)
		if err == nil {
			t.Errorf("%s may be %s", name, value)
		}
	}
}

// What is wrong with the environment is told without what it holds: most of it is secret, addresses
// included.
func TestMistakesInTheEnvironmentRepeatNoSecret(t *testing.T) {
	const secret = "s3cr3t-0f-th3-op3r4t0r"
	for _, name := range []string{"FIREBREAK_APP_ID", "FIREBREAK_PRIVATE_KEY", "FIREBREAK_KMS_KEY", "FIREBREAK_GITHUB_URL", "FIREBREAK_CLOCK_URL", "FIREBREAK_PAGER_URL", "FIREBREAK_MAIL_URL"} {
		for _, value := range []string{secret, "ftp://user:" + secret + "@host/" + secret, "-----BEGIN RSA PRIVATE KEY-----\n" + secret + "\n-----END RSA PRIVATE KEY-----"} {
			s, err := assembly.New(env(map[string]string{name: value, "FIREBREAK_WEBHOOK_SECRET_PREVIOUS": secret, "FIREBREAK_INTAKE_SECRET": secret, "FIREBREAK_OUTBOUND_SECRET": secret}), assembly.Options{})
			if err == nil {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				t.Errorf("%s may be %q", name, value)
			} else if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestTheAccountsThatAreServed(t *testing.T) {
	for value, want := range map[string]string{"": "", "acme": "acme", "acme, globex": "acme globex", " ,acme,": "acme"} {
		e, err := assembly.Read(env(map[string]string{"FIREBREAK_ACCOUNTS": value}))
		if got := strings.Join(e.Accounts, " "); err != nil || got != want {
			t.Errorf("%q returns %q, %v", value, got, err)
		}
	}
}

func TestTheKeyInAnyShape(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, []byte(key()), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]map[string]string{
		"as it is":    nil,
		"in one line": {"FIREBREAK_PRIVATE_KEY": strings.ReplaceAll(key(), "\n", `\n`)},
		"in a file":   {"FIREBREAK_PRIVATE_KEY": "", "FIREBREAK_PRIVATE_KEY_FILE": file},
	} {
		s, err := assembly.New(env(change), assembly.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func sign(body, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func do(h http.Handler, method, path, body, signature, event string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", event)
	if signature != "" {
		r.Header.Set("X-Hub-Signature-256", signature)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAddresses(t *testing.T) {
	s, err := assembly.New(env(map[string]string{"FIREBREAK_WEBHOOK_SECRET_PREVIOUS": "before"}), assembly.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := s.Handler()
	for name, c := range map[string]struct {
		got  *httptest.ResponseRecorder
		want int
	}{
		"a webhook":                           {do(h, "POST", "/webhook", "{}", sign("{}", "now"), "ping"), 202},
		"a webhook while rotating":            {do(h, "POST", "/webhook", "{}", sign("{}", "before"), "ping"), 202},
		"a webhook by anybody":                {do(h, "POST", "/webhook", "{}", sign("{}", "guessed"), "ping"), 401},
		"health":                              {do(h, "GET", "/healthz", "", "", ""), 200},
		"readiness":                           {do(h, "GET", "/readyz", "", "", ""), 200},
		"a clock where there is none to turn": {do(h, "POST", "/clock", "{}", sign("{}", "now"), ""), 404},
		"anything else":                       {do(h, "GET", "/", "", "", ""), 404},
	} {
		if c.got.Code != c.want {
			t.Errorf("%s: %d, want %d", name, c.got.Code, c.want)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = assembly.New(env(nil), assembly.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if w := do(s.Handler(), "GET", "/healthz", "", "", ""); w.Code != 503 || w.Body.String() != "work does not get done: see the log\n" {
		t.Errorf("the queue is closed, and health says %d %s", w.Code, w.Body)
	}
	if w := do(s.Handler(), "GET", "/readyz", "", "", ""); w.Code != 503 || w.Body.String() != "webhooks can't be stored: see the log\n" {
		t.Errorf("the queue is closed, and readiness says %d %s", w.Code, w.Body)
	}
}

// github is a GitHub that is out of order: no issue can be looked at. It sends the time as an
// embedded one does.
type github struct {
	*httptest.Server
	mu    sync.Mutex
	calls []string
	now   time.Time // what its clock says; zero: it is not up yet
}

func newGitHub(t *testing.T) *github {
	g := &github{}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		defer g.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.URL.Path == "/sandbox/clock":
			if g.now.IsZero() {
				http.NotFound(w, r)
				return
			}
			fmt.Fprintf(w, `{"now":%q,"speed":0}`, g.now.Format(time.RFC3339))
		case r.URL.Path == "/api/v3/app":
			_, _ = io.WriteString(w, `{"id":17,"slug":"firebreak"}`)
		case strings.HasSuffix(r.URL.Path, "/installation"):
			_, _ = io.WriteString(w, `{"id":7}`)
		case strings.HasSuffix(r.URL.Path, "/access_tokens"):
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"token":"ghs_17_x.y.z","expires_at":%q}`, time.Now().Add(24*365*time.Hour).Format(time.RFC3339))
		default:
			g.calls = append(g.calls, r.Method+" "+r.URL.Path)
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, `{"message":"Server Error"}`)
		}
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *github) looks() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, c := range g.calls {
		if strings.HasPrefix(c, "GET /api/v3/repos/acme/incidents/issues/1") {
			n++
		}
	}
	return n
}

const labeled = `{"action":"labeled","label":{"name":"incident"},"issue":{"number":1,"labels":[{"name":"incident"}]},
	"repository":{"name":"incidents","full_name":"acme/incidents","owner":{"login":"acme"}},"sender":{"login":"alice","type":"User"}}`

// The clock of an embedded GitHub is the product's: setting it does all that is due before it
// answers.
func TestTheClockIsFollowed(t *testing.T) {
	g := newGitHub(t)
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	g.now = noon
	s, err := assembly.New(env(map[string]string{"FIREBREAK_GITHUB_URL": g.URL, "FIREBREAK_CLOCK_URL": g.URL + "/sandbox/clock"}), assembly.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	defer func() {
		stop()
		if err := errors.Join(<-done, s.Close()); err != nil {
			t.Error(err)
		}
	}()
	h := s.Handler()

	if w := do(h, "POST", "/webhook", labeled, sign(labeled, "now"), "issues"); w.Code != 202 {
		t.Fatalf("the webhook: %d %s", w.Code, w.Body)
	}
	turn := func(now time.Time) (next *time.Time) {
		t.Helper()
		body := fmt.Sprintf(`{"now":%q,"speed":0}`, now.Format(time.RFC3339))
		w := do(h, "POST", "/clock", body, sign(body, "now"), "")
		var answer map[string]*time.Time
		if err := json.Unmarshal(w.Body.Bytes(), &answer); w.Code != 200 || err != nil {
			t.Fatalf("the clock: %d %s", w.Code, w.Body)
		}
		next, told := answer["next"]
		if !told {
			t.Errorf("the answer %s has no next", w.Body)
		}
		return next
	}
	next := turn(noon)
	if g.looks() == 0 {
		t.Fatal("it answers before what is due was done")
	}
	// The look failed, so it is tried again, on the product's clock and not on the real one.
	if next == nil || !next.Equal(noon.Add(time.Second)) {
		t.Fatalf("next is %v, want a second after noon", next)
	}
	before := g.looks()
	if turn(noon); g.looks() != before {
		t.Error("it looks again although its clock has stopped")
	}
	if turn(*next); g.looks() == before {
		t.Error("its time came, and it doesn't look again")
	}

	for name, c := range map[string]struct {
		body, signature string
		want            int
	}{
		"unsigned": {`{"now":"2030-01-01T00:00:00Z"}`, "", 401},
		"forged":   {`{"now":"2030-01-01T00:00:00Z"}`, sign("{}", "now"), 401},
		"garbage":  {`x`, sign("x", "now"), 400},
		"no time":  {`{}`, sign("{}", "now"), 400},
	} {
		if w := do(h, "POST", "/clock", c.body, c.signature, ""); w.Code != c.want {
			t.Errorf("%s: %d, want %d", name, w.Code, c.want)
		}
	}
}

// An embedded GitHub that comes up after the product is followed all the same.
func TestTheClockIsReadOnceItIsThere(t *testing.T) {
	g := newGitHub(t)
	log := make(lines, 100)
	s, err := assembly.New(env(map[string]string{"FIREBREAK_GITHUB_URL": g.URL, "FIREBREAK_REPOSITORIES": "acme/incidents", "FIREBREAK_CLOCK_URL": g.URL + "/sandbox/clock"}),
		assembly.Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if l := <-log; !strings.Contains(l, "can't be read") {
		t.Errorf("there is no clock, and it says %s", l)
	}
	g.mu.Lock()
	g.now = time.Date(2031, 3, 2, 12, 0, 0, 0, time.UTC)
	g.mu.Unlock()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	if l := <-log; !strings.Contains(l, "2031-03-02") {
		t.Errorf("it says %s", l)
	}
	stop()
	if err := errors.Join(<-done, s.Close()); err != nil {
		t.Error(err)
	}
}

// lines returns a log's lines one by one.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(bytes.TrimSpace(p))
	return len(p), nil
}
