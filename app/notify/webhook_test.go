package notify_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/notify"
)

func signature(body, key string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// receiver is the operator's own, on this machine. It checks the signature and keeps the last body.
func receiver(t *testing.T, status int) (*httptest.Server, *map[string]string) {
	got := map[string]string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if want := signature(string(body), "operator-secret"); r.Header.Get(notify.SignatureHeader) != want {
			t.Errorf("signature %q, want %q", r.Header.Get(notify.SignatureHeader), want)
		}
		clear(got)
		if err := json.Unmarshal(body, &got); err != nil {
			t.Error(err)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "no such team")
	}))
	t.Cleanup(s.Close)
	return s, &got
}

func operators(page, announce string) func(*notify.Options) {
	return func(o *notify.Options) {
		o.PageURL, o.AnnounceURL, o.Signing = page, announce, []byte("operator-secret")
	}
}

// The operator's own receivers may be anywhere, on this machine too.
func TestWebhookPage(t *testing.T) {
	s, got := receiver(t, 200)
	n := newNotifier(t, operators(s.URL, ""))
	for _, kind := range []string{"", "webhook"} {
		p := page(incident.Service{Kind: kind}, "incident-coordinators", "@bob")
		p.Drill = true
		if err := n.Page(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			"kind": "page", "channel": "webhook", "to": "incident-coordinators, @bob", "key": "acme/incidents#98765/page/1",
			"text": "DRILL: API down: <b>& 502s\nthe database <!channel> is gone", "url": "https://github.com/acme/incidents/issues/98765",
		}
		if diff := cmp.Diff(want, *got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestWhatTheReceiverRefusesIsAnError(t *testing.T) {
	s, _ := receiver(t, 422)
	n := newNotifier(t, operators(s.URL, s.URL))
	if err := n.Page(t.Context(), engine.Page{}); err == nil || !strings.Contains(err.Error(), "422") || !strings.Contains(err.Error(), "no such team") {
		t.Errorf("error %v", err)
	}
	if err := n.Announce(t.Context(), engine.Announcement{Channel: incident.Channel{Kind: "email"}}); err == nil {
		t.Error("refused, and no error")
	}
}

// A redirect of a POST becomes a GET without its body: nobody was paged, whatever the answer.
func TestARedirectIsAnError(t *testing.T) {
	var followed atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/login" {
			followed.Store(true)
			return
		}
		http.Redirect(rw, r, "/login", http.StatusFound)
	}))
	defer s.Close()
	n := newNotifier(t, operators(s.URL+"/page", ""))
	if err := n.Page(t.Context(), engine.Page{}); err == nil || followed.Load() {
		t.Errorf("error %v, followed %t", err, followed.Load())
	}
}

// A customer's receiver is signed to with its own key; without one, its address is the secret.
func TestACustomersWebhook(t *testing.T) {
	for name, c := range map[string]struct{ address, url, key string }{
		"signed":   {"https://hooks.globex.example/in?token=t#signing-key", "https://hooks.globex.example/in?token=t", "signing-key"},
		"unsigned": {"https://hooks.globex.example/in/secret", "https://hooks.globex.example/in/secret", ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := &double{host: "hooks.globex.example", answers: []answer{{status: 204}}}
			n := newNotifier(t, func(o *notify.Options) { o.Secret = always(c.address) })
			n.Through(d)
			if err := n.Announce(t.Context(), engine.Announcement{Key: "k", Channel: incident.Channel{Kind: "webhook", To: "GLOBEX_HOOK"}, Text: "We are on it."}); err != nil {
				t.Fatal(err)
			}
			g, want := d.one(t), ""
			if c.key != "" {
				want = signature(g.body, c.key)
			}
			g.has(t, c.url, map[string]string{"Content-Type": "application/json", notify.SignatureHeader: want})
		})
	}
}

func TestACustomersWebhookMustBeAnAddress(t *testing.T) {
	for _, address := range []string{"hooks.globex.example/in", "ftp://hooks.globex.example", "https://", "http://hooks.globex.example/in", "https://hooks.globex.example:port/"} {
		n := newNotifier(t, func(o *notify.Options) { o.Secret = always(address) })
		n.Through(&double{host: "hooks.globex.example", answers: []answer{{status: 204}}})
		if err := n.Announce(t.Context(), engine.Announcement{Channel: incident.Channel{Kind: "webhook", To: "GLOBEX_HOOK"}}); err == nil || strings.Contains(err.Error(), "globex.example") {
			t.Errorf("%s: error %v", address, err)
		}
	}
}

// What the receiver answers may repeat what it was sent: the card may show it, a log may not (A7).
func TestA7TheLogHoldsNoAnswer(t *testing.T) {
	s, _ := receiver(t, 422)
	err := newNotifier(t, operators(s.URL, "")).Page(t.Context(), page(incident.Service{Kind: "webhook"}, "incident-coordinators"))
	if err == nil || !strings.Contains(err.Error(), "no such team") {
		t.Fatalf("error %v", err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Error("failed", "err", err)
	if !strings.Contains(log.String(), "send by webhook: the receiver answers 422 Unprocessable Entity") || strings.Contains(log.String(), "team") {
		t.Errorf("the log says %s", &log)
	}
}
