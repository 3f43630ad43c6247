package webhook_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/logs"
	"github.com/firebreak-dev/firebreak/app/webhook"
)

const appID = 1

func sign(body, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func endpoint(t testing.TB, enqueue func(incident.Message) error) http.Handler {
	h, err := webhook.Handler(webhook.Options{
		Secrets: [][]byte{[]byte("now"), []byte("before")}, AppID: appID, Login: func() string { return "firebreak[bot]" },
		Enqueue: func(_ context.Context, m incident.Message) error { return enqueue(m) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func post(h http.Handler, event, body, signature string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", event)
	r.Header.Set("X-GitHub-Delivery", "0b989ba4-242f-11e5-81e1-c7b6966d2516")
	if signature != "" {
		r.Header.Set("X-Hub-Signature-256", signature)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestNoSecretNoEndpoint(t *testing.T) {
	for _, secrets := range [][][]byte{nil, {[]byte("")}, {[]byte("a"), nil}} {
		if _, err := webhook.Handler(webhook.Options{Secrets: secrets}); err == nil {
			t.Errorf("an endpoint with the secrets %q", secrets)
		}
	}
}

func TestSignatures(t *testing.T) {
	body := `{"action":"created"}`
	weak := hmac.New(sha1.New, []byte("now"))
	weak.Write([]byte(body))
	for name, c := range map[string]struct {
		signature string
		status    int
	}{
		"current":           {sign(body, "now"), 202},
		"while rotating":    {sign(body, "before"), 202},
		"another secret":    {sign(body, "other"), 401},
		"another body":      {sign(body+" ", "now"), 401},
		"none":              {"", 401},
		"cut":               {sign(body, "now")[:40], 401},
		"without its name":  {strings.TrimPrefix(sign(body, "now"), "sha256="), 401},
		"SHA-1":             {"sha1=" + hex.EncodeToString(weak.Sum(nil)), 401},
		"SHA-1 in disguise": {"sha256=" + hex.EncodeToString(weak.Sum(nil)), 401},
		"not hex":           {"sha256=zz", 401},
		"empty":             {"sha256=", 401},
	} {
		h := endpoint(t, func(incident.Message) error { return nil })
		if w := post(h, "issue_comment", body, c.signature); w.Code != c.status {
			t.Errorf("%s: %d, want %d", name, w.Code, c.status)
		}
	}
}

func TestWhatIsNoWebhook(t *testing.T) {
	h := endpoint(t, func(incident.Message) error { return nil })
	for _, body := range []string{"", "x", "[]", `"a"`, "{", `{"issue":3}`, `{"action":{}}`} {
		if w := post(h, "issues", body, sign(body, "now")); w.Code != 400 {
			t.Errorf("issues with %q: %d, want 400", body, w.Code)
		}
	}
	if w := post(h, "star", "nonsense", sign("nonsense", "now")); w.Code != 400 {
		t.Errorf("an event that isn't used, with garbage: %d, want 400", w.Code)
	}
	if w := post(h, "", "{}", sign("{}", "now")); w.Code != 400 {
		t.Errorf("without an event: %d, want 400", w.Code)
	}
	r := httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader("payload={}"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-GitHub-Event", "issues")
	r.Header.Set("X-Hub-Signature-256", sign("payload={}", "now"))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 400 {
		t.Errorf("a form: %d, want 400", w.Code)
	}
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/webhook", nil))
	if w.Code != 405 {
		t.Errorf("GET: %d, want 405", w.Code)
	}
	large := strings.Repeat(" ", webhook.MaxBody+1)
	if w := post(h, "issues", large, sign(large, "now")); w.Code != 413 {
		t.Errorf("26 MB: %d, want 413", w.Code)
	}
}

func TestWhatCannotBeStoredFails(t *testing.T) {
	body := `{"action":"labeled","label":{"name":"incident"},"issue":{"number":1,"labels":[{"name":"incident"}]},"repository":{"name":"r","owner":{"login":"o"}},"sender":{"login":"alice","type":"User"}}`
	h := endpoint(t, func(incident.Message) error { return errors.New("disk full") })
	if w := post(h, "issues", body, sign(body, "now")); w.Code != 503 {
		t.Errorf("%d, want 503, so that GitHub keeps it as failed", w.Code)
	}
}

// Every payload that GitHub documents, rightly signed, is taken; what it makes anybody look at is
// listed here.
func TestEveryDocumentedPayloadIsTaken(t *testing.T) {
	examples := examples(t)
	if len(examples) < 300 {
		t.Fatalf("%d examples only", len(examples))
	}
	var looked []string
	access, deployed := map[string]int{}, 0
	for _, e := range examples {
		h := endpoint(t, func(m incident.Message) error {
			if _, ok := m.Sweep(); ok {
				access[m.Why]++
			} else if m.Deployed() != nil {
				deployed++
			} else {
				looked = append(looked, m.Ref.String()+" "+m.Why)
			}
			return nil
		})
		if w := post(h, e.Event, string(e.Payload), sign(string(e.Payload), "now")); w.Code != 202 {
			t.Errorf("%s: %d %s", e.Event, w.Code, w.Body)
		}
	}
	if len(looked) > 0 {
		t.Errorf("none of GitHub's examples is an incident, and these made somebody look: %v", looked)
	}
	if deployed != 10 {
		t.Errorf("%d deployments succeeded", deployed)
	}
	want := map[string]int{
		"installation.created": 4, "installation.deleted": 9, "installation.suspend": 1, "installation.unsuspend": 1, "installation.new_permissions_accepted": 1,
		"installation_repositories.added": 9, "installation_repositories.removed": 3, "repository.renamed": 1, "repository.transferred": 1, "repository.publicized": 7, "repository.privatized": 2,
	}
	if d := cmp.Diff(want, access); d != "" {
		t.Errorf("examples of what the App may reach (-want +got):\n%s", d)
	}
}

const (
	repo  = `"repository":{"name":"incidents","full_name":"acme/incidents","owner":{"login":"acme"}},"installation":{"id":7},`
	alice = `"sender":{"login":"alice","type":"User"}`
	bot   = `"sender":{"login":"firebreak[bot]","type":"Bot"}`
	other = `"sender":{"login":"alerts[bot]","type":"Bot"}`
	is    = `"issue":{"number":1,"body":"text","labels":[{"name":"incident"}]},`
	drill = `"### Summary\n\nDown\n\n### Severity\n\ncritical\n\n### Customers impacted\n\nnone\n\n### How did you learn of it?\n\nAn alert\n\n### Drill\n\n- [x] This is a drill"`
	plain = `"issue":{"number":1,"body":"text","labels":[]},`
	pull  = `"issue":{"number":1,"body":"text","labels":[{"name":"incident"}],"pull_request":{}},`
)

// What is packed stays packed: a body that would unfold to a thousand times its size isn't one that
// GitHub sends.
func TestNothingIsUnpacked(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(`{"action":"opened",` + strings.Repeat(" ", 10<<20) + is + repo + alice + `}`)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	h := endpoint(t, func(m incident.Message) error { t.Errorf("it looks at %s", m.Ref); return nil })
	r := httptest.NewRequest(http.MethodPost, "/webhook", bytes.NewReader(packed.Bytes()))
	for name, value := range map[string]string{"Content-Type": "application/json", "Content-Encoding": "gzip", "X-GitHub-Event": "issues", "X-Hub-Signature-256": sign(packed.String(), "now")} {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != http.StatusBadRequest {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// examples reads GitHub's documented payloads.
func examples(t testing.TB) (all []struct {
	Event   string
	Payload json.RawMessage
}) {
	f, err := os.Open("testdata/octokit-webhooks-examples.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

// A payload that breaks off anywhere is refused, and not read for what it holds so far.
func TestAPayloadThatBreaksOff(t *testing.T) {
	body := `{"action":"created",` + is + by("alice", "User", `/ic {"a":[1,2]} "}`) + repo + alice + `}`
	self := webhook.Self{AppID: appID, Login: "firebreak[bot]"}
	if m, ok, err := webhook.Decide("issue_comment", []byte(body), self); !ok || err != nil || m.Comment().Body != `/ic {"a":[1,2]} "}` {
		t.Fatalf("whole, it returns %+v, %t, %v", m.Comment(), ok, err)
	}
	for n := range body {
		if _, _, err := webhook.Decide("issue_comment", []byte(body[:n]), self); err == nil {
			t.Errorf("%q is taken", body[:n])
		}
	}
}

// A text is what was written, however its JSON escapes it.
func TestATextIsWhatWasWritten(t *testing.T) {
	const text = "/oe finding <b> & \"C:\\tmp\\new\" costs 5 €,\r\n\tder Server läuft 🔥 nicht /mehr"
	var escaped strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		fmt.Fprintf(&escaped, `\u%04x`, unit)
	}
	marshalled, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	plain := by("alice", "User", "/oe finding it")
	for _, written := range []string{string(marshalled), `"` + escaped.String() + `"`, strings.ReplaceAll(string(marshalled), "/", `\/`)} {
		body := `{"action":"created",` + is + strings.Replace(plain, `"/oe finding it"`, written, 1) + repo + alice + `}`
		m, ok, err := webhook.Decide("issue_comment", []byte(body), webhook.Self{AppID: appID, Login: "firebreak[bot]"})
		if !ok || err != nil || m.Comment().Body != text {
			t.Errorf("%s returns %+v, %t, %v", written, m.Comment(), ok, err)
		}
	}
}

// A message keeps nothing of the memory that its payload was read in: the next payload is read
// there.
func TestAMessageStandsByItself(t *testing.T) {
	payload := func(text string) []byte {
		return []byte(`{"action":"edited","changes":{"body":{"from":"before ` + text + `"}},` + is + by("alice", "User", "/oe finding "+text) + repo + alice + `}`)
	}
	self := webhook.Self{AppID: appID, Login: "firebreak[bot]"}
	first := payload("the disk is full")
	m, ok, err := webhook.Decide("issue_comment", first, self)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	said, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	clear(first)
	for range 100 {
		if _, _, err := webhook.Decide("issue_comment", payload("XXX XXXX XX XXXX"), self); err != nil {
			t.Fatal(err)
		}
	}
	if now, err := json.Marshal(m); err != nil || string(now) != string(said) {
		t.Errorf("it was %s and is %s (%v)", said, now, err)
	}
}

// Who isn't known writes nothing into the log, and however often they are refused fills no disk.
func TestStrangersFillNoLog(t *testing.T) {
	var log bytes.Buffer
	now := time.Unix(1_800_000_000, 0)
	counted := 0
	h, err := webhook.Handler(webhook.Options{
		Secrets: [][]byte{[]byte("now")}, Enqueue: func(context.Context, incident.Message) error { return nil }, Now: func() time.Time { return now },
		Refused: func(string) { counted++ }, Logger: logs.New(&log),
	})
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Repeat("confidential\u202e", 4000)
	for i := range 1000 {
		now = now.Add(time.Second / 100)
		r := httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader("{}"))
		for _, name := range []string{"Content-Type", "X-GitHub-Event", "X-GitHub-Delivery", "X-Hub-Signature-256", "User-Agent", "X-Forwarded-For"} {
			r.Header.Set(name, words)
		}
		if i%2 == 0 {
			r.Header.Set("X-Hub-Signature-256", sign("{}", "other"))
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized || w.Body.Len() > 100 {
			t.Fatalf("%d with %d bytes", w.Code, w.Body.Len())
		}
	}
	if n := strings.Count(log.String(), "\n"); n != 1 || strings.Contains(log.String(), "confidential") || log.Len() > 500 || counted != 1000 {
		t.Errorf("%d lines of %d bytes, %d counted: %.500s", n, log.Len(), counted, &log)
	}
}

// GitHub signs the body and not the header that names the delivery: what isn't an id is not stored as
// one.
func TestAnOddDeliveryIDIsNotStored(t *testing.T) {
	body := `{"action":"labeled","label":{"name":"incident"},"issue":{"number":1,"labels":[{"name":"incident"}]},"repository":{"name":"r","owner":{"login":"o"}},"sender":{"login":"alice","type":"User"}}`
	for given, want := range map[string]string{
		"0b989ba4-242f-11e5-81e1-c7b6966d2516": "0b989ba4-242f-11e5-81e1-c7b6966d2516",
		"":                                     "",
		strings.Repeat("x", 60<<10):            "odd-", "a b": "odd-", "a\u202eb": "odd-", "ack x/y#1": "odd-",
	} {
		got := ""
		h := endpoint(t, func(m incident.Message) error { got = m.Delivery; return nil })
		r := httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-GitHub-Event", "issues")
		r.Header.Set("X-GitHub-Delivery", given)
		r.Header.Set("X-Hub-Signature-256", sign(body, "now"))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusAccepted || !strings.HasPrefix(got, want) || len(got) > 64 || want == "" && got != "" {
			t.Errorf("%.20q is stored as %q (%d)", given, got, w.Code)
		}
	}
}
