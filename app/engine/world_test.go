package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/assembly"
	"github.com/firebreak-dev/firebreak/app/demo"
	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/app/sandbox/contract"
	"github.com/firebreak-dev/firebreak/app/store/storetest"
	"github.com/firebreak-dev/firebreak/templates"
)

// world is the product and an embedded GitHub, in one process and over HTTP, with a clock that
// moves only when told to. Every request and every answer is held against GitHub's description.
type world struct {
	t       testing.TB
	url     string
	sandbox *sandbox.Sandbox
	product *assembly.Server
	swap    sync.RWMutex // guards product against webhooks that arrive while it starts again
	ref     incident.Ref

	env      map[string]string
	queue    string
	follower *follower
	stop     func()
	end      func()        // asks the product to end, as SIGTERM does, and doesn't wait for it
	patience time.Duration // that it has then
	replies  replies
	deaf     bool // nothing reaches the product: no webhook, and none delivered again

	since    int              // calls told so far
	comments map[int64]seen   // as last told
	last     string           // labels, assignees and state as last told
	left     int              // entries of the outbox told so far
	measured metrics.Recorder // nil: nothing is measured
	replicas replicas         // of GitHub, some of which may be behind
	several  bool             // the story is about several incidents, at which the product works at once
	repeats  bool             // the story may send a message again with its key
	ahead    atomic.Int64     // by how many nanoseconds the product's clock is ahead of the sandbox's
}

// clock is the product's clock.
type clock struct{ w *world }

func (c clock) Now() time.Time { return c.w.sandbox.Clock().Now().Add(time.Duration(c.w.ahead.Load())) }

// logWriter shows what the product logs where a test fails.
type logWriter struct{ t testing.TB }

func (l logWriter) Write(b []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// Each world holds GitHub's description and a database. Collecting that often costs a quarter of
// all the tests' time.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(2 << 30)
	os.Exit(m.Run())
}

// skipUnderRace skips a long test in which nothing runs side by side where the race detector runs
// (-short): it would find nothing there, and takes minutes.
func skipUnderRace(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("nothing in it runs side by side")
	}
}

var began = time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)

func newWorld(t *testing.T) *world {
	return newWorldWith(t, map[string]map[string]string{"acme/incidents": templates.Repository()})
}

// newWorldWith makes a world whose repositories hold these files.
func newWorldWith(t *testing.T, files map[string]map[string]string, more ...func(*sandbox.Options)) *world {
	return newWorldJudged(t, files, func(h http.Handler) http.Handler { return contract.Middleware(t, h) },
		more...)
}

// newWorldJudged makes a world whose GitHub is judged in another way, or not at all.
func newWorldJudged(t testing.TB, files map[string]map[string]string, judge func(http.Handler) http.Handler,
	more ...func(*sandbox.Options)) *world {
	w := &world{t: t, comments: map[int64]seen{}, ref: incident.Ref{Owner: "acme", Repo: "incidents",
		Number: 1}}
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter,
		r *http.Request) {
		handler.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	w.url = server.URL

	var follower follower
	o := sandbox.Options{
		URL: w.url, WebhookURL: w.url +
			"/webhook", WebhookSecret: "a secret of the tests", Frozen: true, Start: began,
		Files: files, Follower: &follower,
	}
	for _, set := range more {
		set(&o)
	}
	box, err := demo.New(o)
	if err != nil {
		t.Fatal(err)
	}
	w.sandbox = box
	mux := http.NewServeMux()
	mux.Handle("/", judge(box.Handler()))
	handler = mux

	w.env, w.queue, w.follower = box.Environment(), filepath.Join(storetest.Memory(t), "queue.db"), &follower
	w.env["FIREBREAK_PUBLIC_URL"] = w.url
	w.env["FIREBREAK_GITHUB_LIMITS"] = "none" // in a story hours may pass at one instant
	w.start()
	for _, path := range []string{"/webhook", "/intake/", engine.AnswerPath} {
		mux.HandleFunc(path, func(rw http.ResponseWriter, r *http.Request) {
			if w.deaf {
				rw.WriteHeader(http.StatusBadGateway)
				return
			}
			w.swap.RLock()
			product := w.product
			w.swap.RUnlock()
			product.Handler().ServeHTTP(rw, r)
		})
	}
	t.Cleanup(func() { w.stop(); w.leftOnce(); _ = box.Close() })
	return w
}

// start starts the product on its file; stop ends it, as a process ends.
func (w *world) start() {
	w.t.Helper()
	product, err := assembly.New(func(name string) string { return w.env[name] },
		assembly.Options{Clock: clock{w}, File: w.queue, Replier: &w.replies, Transport: &w.replicas,
			Metrics: w.measured, Patience: w.patience, Logger: slog.New(slog.NewTextHandler(logWriter{w.t},
				nil))})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = product.Run(ctx) }()
	w.swap.Lock()
	w.product, w.follower.Server, w.end = product, product, stop
	w.swap.Unlock()
	w.stop = func() { stop(); <-ended; _ = product.Close() }
}

// restart ends the product and starts it again on its file.
func (w *world) restart() { w.stop(); w.start() }

// follower is the product, while there is one.
type follower struct{ *assembly.Server }

func (f *follower) Follow(ctx context.Context, now time.Time) (time.Time, error) {
	if f.Server == nil {
		return time.Time{}, nil
	}
	return f.Server.Follow(ctx, now)
}

func (w *world) settle() {
	w.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	if err := w.sandbox.Settled(ctx); err != nil {
		w.t.Fatalf("it does not settle: %v", err)
	}
}

func (w *world) advance(d time.Duration) {
	w.t.Helper()
	if err := w.sandbox.Clock().Advance(context.Background(), d); err != nil {
		w.t.Fatal(err)
	}
}

// as makes a request as a person and decodes the answer.
func (w *world) as(who, method, path string, body, into any) int {
	w.t.Helper()
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			w.t.Fatal(err)
		}
		payload = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, w.url+path, payload)
	if err != nil {
		w.t.Fatal(err)
	}
	if who != "" {
		req.Header.Set("Authorization", "Bearer demo-"+who)
		req.Header.Set("Accept", "application/vnd.github+json")
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			w.t.Fatalf("%s %s: %d %s: %v", method, path, res.StatusCode, text, err)
		}
	}
	return res.StatusCode
}

func (w *world) issue() string {
	return fmt.Sprintf("/api/v3/repos/%s/issues/%d", w.ref.FullName(), w.ref.Number)
}

// ok makes a request as a person that must succeed.
func (w *world) ok(who, method, path string, body, into any) {
	w.t.Helper()
	if status := w.as(who, method, path, body, into); status >= 300 {
		w.t.Fatalf("%s %s as %s: %d", method, path, who, status)
	}
}

// comment writes a comment as a person.
func (w *world) comment(who, body string) (id int64) {
	w.t.Helper()
	var c struct{ ID int64 }
	w.ok(who, "POST", w.issue()+"/comments", map[string]string{"body": body}, &c)
	return c.ID
}

// act does what a line of a story says.
func (w *world) act(who, verb, rest string, body []string) {
	w.t.Helper()
	text := strings.TrimSpace(strings.Join(append([]string{rest}, body...), "\n"))
	switch verb {
	case "":
		w.comment(who, text)
	case "opens", "writes":
		title, err := strconv.Unquote(rest)
		if err != nil {
			w.t.Fatalf("%s: %v", rest, err)
		}
		issue := map[string]any{"title": title, "body": strings.Join(body, "\n")}
		if verb == "opens" {
			// GitHub adds the form's labels although the person may not label.
			w.form(who, title, body)
			return
		}
		w.ok(who, "POST", "/api/v3/repos/"+w.ref.FullName()+"/issues", issue, nil)
	case "edits":
		n, more, _ := strings.Cut(rest, ": ")
		i, err := strconv.Atoi(n)
		if err != nil {
			w.t.Fatal(err)
		}
		text = strings.TrimSpace(strings.Join(append([]string{more}, body...), "\n"))
		w.ok(who, "PATCH", "/api/v3/repos/"+w.ref.FullName()+"/issues/comments/"+strconv.FormatInt(w.byPeople()[i-1], 10), map[string]string{"body": text}, nil)
	case "ticks": // a box of the card, by words of its label
		p := w.view().Pinned
		box := regexp.MustCompile(`(?m)^- \[ \] (.*` + regexp.QuoteMeta(rest) + `.*)$`)
		if !box.MatchString(p.Body) {
			w.t.Fatalf("the card has no box %q:\n%s", rest, p.Body)
		}
		w.ok(who, "PATCH", "/api/v3/repos/"+w.ref.FullName()+"/issues/comments/"+strconv.FormatInt(p.ID, 10),
			map[string]string{"body": box.ReplaceAllString(p.Body, "- [x] $1")}, nil)
	case "answers": // in the issue in which globex reads updates
		w.ok(who, "POST", "/api/v3/repos/acme/customer-globex/issues/1/comments", map[string]string{"body": text}, nil)
	case "labels":
		w.ok(who, "POST", w.issue()+"/labels", map[string][]string{"labels": {rest}}, nil)
	case "unlabels":
		w.ok(who, "DELETE", w.issue()+"/labels/"+url.PathEscape(rest), nil, nil)
	case "assigns":
		w.ok(who, "POST", w.issue()+"/assignees", map[string][]string{"assignees": {rest}}, nil)
	case "unassigns":
		w.ok(who, "DELETE", w.issue()+"/assignees", map[string][]string{"assignees": {rest}}, nil)
	case "closes":
		w.ok(who, "PATCH", w.issue(), map[string]string{"state": "closed"}, nil)
	case "reopens":
		w.ok(who, "PATCH", w.issue(), map[string]string{"state": "open"}, nil)
	case "renames":
		w.ok(who, "PATCH", w.issue(), map[string]string{"title": rest}, nil)
	case "merges":
		w.ok(who, "PUT", fmt.Sprintf("/api/v3/repos/%s/pulls/%d/merge", w.ref.FullName(), w.pull()),
			map[string]string{}, nil)
	case "deletes": // the card, or the comment of a number
		id := w.view().Pinned.ID
		if i, err := strconv.Atoi(rest); err == nil {
			id = w.byPeople()[i-1]
		}
		w.ok(who, "DELETE", "/api/v3/repos/"+w.ref.FullName()+"/issues/comments/"+strconv.FormatInt(id, 10), nil, nil)
	case "tampers":
		p := w.view().Pinned
		w.ok(who, "PATCH", "/api/v3/repos/"+w.ref.FullName()+"/issues/comments/"+strconv.FormatInt(p.ID, 10),
			map[string]string{"body": strings.Replace(p.Body, `"ic":"`, `"ic":"x`, 1)}, nil)
	default:
		w.t.Fatalf("nobody can %q", verb)
	}
}

// form opens an issue by the page of the issue form, as a person does.
func (w *world) form(who, title string, lines []string) {
	w.t.Helper()
	answers := url.Values{"issue-title": {title}}
	fields := map[string]string{"Summary": "summary", "Severity": "severity",
		"Customers impacted": "customers", "How did you learn of it?": "source", "Drill": "drill"}
	for _, l := range lines {
		if h, v, ok := strings.Cut(l, ": "); ok {
			if h == "Drill" {
				v = "0" // its first box
			}
			answers.Set(fields[h], v)
		}
	}
	req, err := http.NewRequest("POST", w.url+"/"+w.ref.FullName()+"/issues/new?template=incident.yml",
		strings.NewReader(answers.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.AddCookie(&http.Cookie{Name: "person", Value: who})
	client := &http.Client{CheckRedirect: func(*http.Request,
		[]*http.Request) error {
		return http.ErrUseLastResponse
	}}
	res, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusSeeOther && res.StatusCode != http.StatusFound {
		w.t.Fatalf("the form answers %d", res.StatusCode)
	}
}

// byPeople lists the comments that people wrote.
func (w *world) byPeople() []int64 {
	var ids []int64
	for _, c := range w.list() {
		if !strings.HasSuffix(c.User.Login, "[bot]") {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func (w *world) pull() int {
	var pulls []struct{ Number int }
	w.ok("alice", "GET", "/api/v3/repos/"+w.ref.FullName()+"/pulls?state=all", nil, &pulls)
	if len(pulls) == 0 {
		w.t.Fatal("there is no pull request")
	}
	return pulls[0].Number
}

// redeliver sends every webhook again, the newest first.
func (w *world) redeliver() {
	w.t.Helper()
	var all []struct{ ID int64 }
	w.as("", "GET", "/sandbox/deliveries", nil, &all)
	for i := len(all) - 1; i >= 0; i-- {
		w.as("", "POST", fmt.Sprintf("/sandbox/deliveries/%d/redeliver", all[i].ID), nil, nil)
	}
}

// order asks the sandbox for faults.
func (w *world) order(faults string) {
	w.t.Helper()
	if status := w.as("", "POST", "/sandbox/faults", json.RawMessage(faults), nil); status >= 300 {
		w.t.Fatalf("the faults %s: %d", faults, status)
	}
}
