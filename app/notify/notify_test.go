package notify_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/notify"
)

// receiver checks the signature as an operator would and keeps the last body.
func receiver(t *testing.T, status int) (*httptest.Server, *map[string]string) {
	got := map[string]string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, []byte("secret"))
		mac.Write(body)
		if want := "sha256=" + hex.EncodeToString(mac.Sum(nil)); r.Header.Get(notify.SignatureHeader) != want {
			t.Errorf("signature %q, want %q", r.Header.Get(notify.SignatureHeader), want)
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Error(err)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "no such team")
	}))
	t.Cleanup(s.Close)
	return s, &got
}

func TestPage(t *testing.T) {
	s, got := receiver(t, 200)
	w := &notify.Webhook{PageURL: s.URL, Secret: []byte("secret")}
	err := w.Page(t.Context(), engine.Page{Key: "acme/incidents#1/page/1", To: []string{"incident-coordinators", "@bob"}, Title: "API down", URL: "https://github.com/acme/incidents/issues/1", Drill: true})
	if err != nil {
		t.Fatal(err)
	}
	if (*got)["key"] != "acme/incidents#1/page/1" || (*got)["to"] != "incident-coordinators, @bob" || (*got)["text"] != "DRILL: API down" || (*got)["kind"] != "page" {
		t.Errorf("sent %v", *got)
	}
}

func TestA7AnnouncementsCarryTheTextAlone(t *testing.T) {
	s, got := receiver(t, 204)
	w := &notify.Webhook{AnnounceURL: s.URL, Secret: []byte("secret")}
	err := w.Announce(t.Context(), engine.Announcement{Key: "k", Customer: "globex", Channel: incident.Channel{Kind: "email", To: "gina@globex.example"}, Text: "We are on it."})
	if err != nil {
		t.Fatal(err)
	}
	if (*got)["text"] != "We are on it." || (*got)["to"] != "gina@globex.example" || (*got)["channel"] != "email" || (*got)["url"] != "" {
		t.Errorf("sent %v", *got)
	}
}

func TestWhatTheReceiverRefusesIsAnError(t *testing.T) {
	s, _ := receiver(t, 422)
	w := &notify.Webhook{PageURL: s.URL, Secret: []byte("secret")}
	if err := w.Page(t.Context(), engine.Page{}); err == nil || !strings.Contains(err.Error(), "422") || !strings.Contains(err.Error(), "no such team") {
		t.Errorf("error %v", err)
	}
	if err := w.Announce(t.Context(), engine.Announcement{}); err == nil {
		t.Error("nowhere to send it, and no error")
	}
	s.Close()
	if err := w.Page(t.Context(), engine.Page{}); err == nil {
		t.Error("nobody listens, and no error")
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
	w := &notify.Webhook{PageURL: s.URL + "/page", Secret: []byte("secret")}
	if err := w.Page(t.Context(), engine.Page{}); err == nil || followed.Load() {
		t.Errorf("error %v, followed %t", err, followed.Load())
	}
}

// A receiver that doesn't answer must not hold up the incident for long.
func TestAReceiverThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}
		began := time.Now()
		w := &notify.Webhook{PageURL: "https://pager.example", Secret: []byte("secret"), Client: hang}
		if err := w.Page(t.Context(), engine.Page{}); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 10*time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
