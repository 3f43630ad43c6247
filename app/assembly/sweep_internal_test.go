package assembly

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/metrics"
)

// searches is a GitHub with a hundred incidents that changed one second after the other, and which
// then limits the rate.
type searches struct {
	first   time.Time // when the oldest changed
	limited bool
	from    []string // where each search for incidents began
}

func (s *searches) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch strings.TrimPrefix(r.URL.Path, "/api/v3") {
	case "/app":
		_, _ = io.WriteString(w, `{"id":17,"slug":"firebreak"}`)
	case "/app/installations":
		_, _ = io.WriteString(w, `[{"id":7,"account":{"login":"acme"}}]`)
	case "/app/installations/7/access_tokens":
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"token":"ghs_x","expires_at":%q}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	case "/app/hook/deliveries":
		_, _ = io.WriteString(w, `[]`)
	case "/search/issues":
		_, from, _ := strings.Cut(r.URL.Query().Get("q"), "updated:>=")
		switch issues := strings.HasPrefix(r.URL.Query().Get("q"), "user:acme is:issue label:incident updated:"); {
		case issues && s.limited && len(s.from) > 0:
			s.from = append(s.from, from)
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusForbidden)
		case issues && s.limited:
			s.from = append(s.from, from)
			w.Header().Set("Link", `<http://x/?page=2>; rel="next"`)
			var items []string
			for i := range 100 {
				items = append(items, fmt.Sprintf(`{"number":%d,"repository_url":"http://x/repos/acme/incidents","updated_at":%q}`, i+1, s.first.Add(time.Duration(i)*time.Second).Format(time.RFC3339)))
			}
			fmt.Fprintf(w, `{"items":[%s]}`, strings.Join(items, ","))
		case issues:
			s.from = append(s.from, from)
			fallthrough
		default:
			_, _ = io.WriteString(w, `{"items":[]}`)
		}
	default:
		w.WriteHeader(http.StatusTeapot)
	}
}

// asked is a queue that takes so many messages.
type asked struct{ room, taken int }

func (a *asked) Enqueue(context.Context, engine.Message, time.Time) error {
	if a.taken >= a.room {
		return errors.New("the disk is full")
	}
	a.taken++
	return nil
}

type fixed struct{ now time.Time }

func (f *fixed) Now() time.Time { return f.now }

// A sweep that GitHub's limit cut is followed by one that goes on where it was; not so behind what
// could not be asked for, nor behind what GitHub's search may not know yet.
func TestA4TheNextSweepGoesOn(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	at := func(d time.Duration) string { return now.Add(d).Format(time.RFC3339) }
	for name, c := range map[string]struct {
		first time.Duration
		room  int
		again string // from where the next sweep searches
	}{
		"cut":          {-time.Hour, 1000, at(-time.Hour + 99*time.Second)},
		"cut just now": {-time.Minute - 40*time.Second, 1000, at(-sweepMargin)},
		"not stored":   {-time.Hour, 50, at(-deliveriesKept)},
	} {
		t.Run(name, func(t *testing.T) {
			found := &searches{first: now.Add(c.first), limited: true}
			server := httptest.NewServer(found)
			defer server.Close()
			clock := &fixed{now}
			app, err := github.New(github.Options{BaseURL: server.URL, AppID: 17, Now: clock.Now, Sign: func(digest []byte) ([]byte, error) {
				return rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest)
			}})
			if err != nil {
				t.Fatal(err)
			}
			queue := &asked{room: c.room}
			s := &sweeper{app: app, queue: queue, clock: clock, metrics: metrics.Discard{}, log: slog.New(slog.DiscardHandler)}
			if err := s.next(t.Context()); err == nil || queue.taken != min(100, c.room) {
				t.Fatalf("the first sweep asked for %d looks: %v", queue.taken, err)
			}
			found.limited, found.from, queue.room = false, nil, 1000
			clock.now = now.Add(5 * time.Minute)
			if err := s.next(t.Context()); err != nil {
				t.Fatal(err)
			}
			clock.now = now.Add(10 * time.Minute)
			if err := s.next(t.Context()); err != nil {
				t.Fatal(err)
			}
			if want := []string{c.again, at(5*time.Minute - sweepMargin)}; !slices.Equal(found.from, want) {
				t.Errorf("the next sweeps search from %q, want %q", found.from, want)
			}
		})
	}
}
