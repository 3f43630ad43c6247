package witness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/assembly"
	"github.com/firebreak-dev/firebreak/app/store/storetest"
)

// repository is the incidents'.
const repository = "acme/incidents"

// patience is how long GitHub and the product may take to come to rest.
const patience = 30 * time.Second

// GitHub is one that stories are played against. Its clock moves only when told to.
type GitHub interface {
	// Handler serves its REST API below /api/v3, and whatever else it has.
	Handler() http.Handler
	// Environment is what the product needs to be the App there.
	Environment() map[string]string
	Now() time.Time
	// Advance lets time pass, and returns when all that became due was done.
	Advance(ctx context.Context, d time.Duration) error
	// Settled returns once no webhook is under way and the product is idle.
	Settled(ctx context.Context) error
	// OpenForm opens an issue by the incident form, as a person.
	OpenForm(who, title string, answers []string) error
}

// Stage is the product, as `firebreak serve` runs it, on one GitHub.
type Stage struct {
	Recorder Recorder // of the product's and the people's requests
	Sink     Sink     // of pages and mails

	t       testing.TB
	url     string
	github  GitHub
	product *assembly.Server
	number  int // of the issue that the story is about
}

// newStage builds a GitHub at an address of its own, and the product on it.
func newStage(t testing.TB, build func(url string, p *product) GitHub) *Stage {
	s := &Stage{t: t, number: 1}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	s.url = server.URL
	follower := &product{}
	mux.Handle("/webhook", follower)
	s.github = build(s.url, follower)
	mux.Handle("/", s.github.Handler())
	mux.Handle("/api/v3/", s.Recorder.Record(s.github.Handler()))
	mux.Handle("/sink/", &s.Sink)

	env := s.github.Environment()
	env["FIREBREAK_PAGER_URL"], env["FIREBREAK_MAIL_URL"] = s.url+"/sink/page", s.url+"/sink/mail"
	var err error
	s.product, err = assembly.New(func(name string) string { return env[name] }, assembly.Options{
		Clock: s.github, File: filepath.Join(storetest.Memory(t), "queue.db"),
		Logger: slog.New(slog.NewTextHandler(logWriter{t}, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.product.Run(ctx) }()
	follower.Server = s.product
	t.Cleanup(func() {
		stop()
		<-ended
		_ = s.product.Close()
		server.Close()
	})
	return s
}

// product is the product, once there is one.
type product struct{ *assembly.Server }

// ServeHTTP hands it a webhook.
func (p *product) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.Server.Handler().ServeHTTP(w, r)
}

// Follow does all that is due by now. It makes the product a follower of a GitHub's clock.
func (p *product) Follow(ctx context.Context, now time.Time) (time.Time, error) {
	if p.Server == nil {
		return time.Time{}, nil
	}
	return p.Server.Follow(ctx, now)
}

// logWriter shows what the product logs where a test fails.
type logWriter struct{ t testing.TB }

func (l logWriter) Write(b []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

func (s *Stage) issue() string { return fmt.Sprintf("repos/%s/issues/%d", repository, s.number) }

// ok makes a request as a person that must succeed, and decodes the answer.
func (s *Stage) ok(who, method, path string, body, into any) {
	s.t.Helper()
	if err := request(s.url+"/api/v3/", who, method, path, body, into); err != nil {
		s.t.Fatal(err)
	}
}

// request makes a request as a person.
func request(api, who, method, path string, body, into any) error {
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		payload = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, api+path, payload)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer demo-"+who)
	req.Header.Set("Accept", "application/vnd.github+json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s %s as %s: %d %s", method, path, who, res.StatusCode, text)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s %s: %s: %w", method, path, text, err)
	}
	return nil
}

// list reads all pages of a list, as alice.
func list[T any](s *Stage, path string) (all []T) {
	s.t.Helper()
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	for page := 1; ; page++ {
		var some []T
		s.ok("alice", "GET", fmt.Sprintf("%s%sper_page=100&page=%d", path, separator, page), nil, &some)
		all = append(all, some...)
		if len(some) < 100 {
			return all
		}
	}
}
