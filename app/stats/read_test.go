package stats_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/demo"
	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/app/sandbox/contract"
	"github.com/firebreak-dev/firebreak/app/stats"
)

const secret = "a secret of the tests"

var keys = card.Keys([][]byte{[]byte(secret)})

func ref(n int) incident.Ref { return incident.Ref{Owner: "acme", Repo: "incidents", Number: n} }

// cardOf writes the card of an incident.
func cardOf(t testing.TB, s incident.State, n int, keys [][]byte) string {
	t.Helper()
	body, err := card.Render(s, 1, card.View{Ref: ref(n), Policy: incident.DefaultPolicy()}, keys[0])
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// world is an embedded GitHub over HTTP, with the App's own client.
type world struct {
	t     *testing.T
	url   string
	box   *sandbox.Sandbox
	app   *github.App
	cache string

	mu    sync.Mutex
	cards int    // issues that were read one by one
	onGet func() // called before each of them
}

var oneIssue = regexp.MustCompile(`^/api/v3/repos/acme/incidents/issues/[0-9]+$`)

func newWorld(t *testing.T) *world {
	w := &world{t: t, cache: t.TempDir(), onGet: func() {}}
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && oneIssue.MatchString(r.URL.Path) {
			w.mu.Lock()
			w.cards++
			w.onGet()
			w.mu.Unlock()
		}
		handler.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	w.url = server.URL
	box, err := demo.New(sandbox.Options{URL: w.url, WebhookSecret: secret, Frozen: true,
		Start: began.AddDate(0, 6, 0)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	w.box, handler = box, contract.Middleware(t, box.Handler())
	env := box.Environment()
	id, err := strconv.ParseInt(env["FIREBREAK_APP_ID"], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if w.app, err = github.New(github.Options{BaseURL: w.url, AppID: id,
		PEM: []byte(env["FIREBREAK_PRIVATE_KEY"]), Now: box.Clock().Now}); err != nil {
		t.Fatal(err)
	}
	return w
}

// post makes a request as a person, and returns the number in its answer.
func (w *world) post(method, path, body string) int {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer demo-alice")
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode > 299 {
		w.t.Fatalf("%s %s: %d %s (%v)", method, path, res.StatusCode, text, err)
	}
	var answer struct{ Number int }
	if len(text) > 0 {
		if err := json.Unmarshal(text, &answer); err != nil {
			w.t.Fatal(err)
		}
	}
	return answer.Number
}

// declare opens an issue with the label and, unless the state is nil, the card that the app would
// have pinned to it.
func (w *world) declare(s *incident.State, pinned bool) (number int, comment int64) {
	w.t.Helper()
	number = w.post("POST", "/api/v3/repos/acme/incidents/issues",
		`{"title":"The API is down","labels":["incident"]}`)
	if s == nil {
		return number, 0
	}
	comment, err := w.app.PostComment(w.t.Context(), ref(number), cardOf(w.t, *s, number, keys))
	if err == nil && pinned {
		err = w.app.PinComment(w.t.Context(), ref(number), comment)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return number, comment
}

func (w *world) reader() *stats.Reader {
	return &stats.Reader{GitHub: w.app, Keys: keys, Cache: w.cache, Host: "github.example",
		Now: w.box.Clock().Now, Progress: func(string, int, int) {}}
}

// read reads, and reports how many cards were read for it.
func (w *world) read(since time.Time) (*stats.Read, int, error) {
	w.mu.Lock()
	before := w.cards
	w.mu.Unlock()
	read, err := w.reader().Read(w.t.Context(), "acme", "incidents", since)
	w.mu.Lock()
	defer w.mu.Unlock()
	return read, w.cards - before, err
}

func (w *world) faults(order string) { w.post("POST", "/sandbox/faults", order) }

// finished is the state of an incident that is over.
func finished(n int) *incident.State {
	f := incidentAt(n, began.AddDate(0, 0, n), rand.New(rand.NewPCG(uint64(n), 1)))
	f.State.Document.Merged, f.State.FollowUps = f.State.Closed, nil
	return &f.State
}

func numbers(read *stats.Read) (out []int) {
	for _, f := range read.Incidents {
		out = append(out, f.Issue.Ref.Number)
	}
	return out
}

func TestA5TheIssuesAreRead(t *testing.T) {
	w := newWorld(t)
	a, _ := w.declare(finished(1), true)
	b, _ := w.declare(finished(2), false) // as on servers without pinned comments
	forged, comment := w.declare(finished(3), true)
	w.post("PATCH", fmt.Sprintf("/api/v3/repos/acme/incidents/issues/comments/%d", comment),
		`{"body":"`+card.Marker+` v1 {} 00 -->"}`)
	none, _ := w.declare(nil, false)
	w.post("POST", "/api/v3/repos/acme/incidents/issues", `{"title":"no incident"}`)
	copied := w.post("POST", "/api/v3/repos/acme/incidents/issues", `{"title":"a copy","labels":["incident"]}`)
	if _, err := w.app.PostComment(t.Context(), ref(copied), cardOf(t, *finished(1), a, keys)); err != nil {
		t.Fatal(err) // the card of another incident
	}

	read, cards, err := w.read(time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if got := numbers(read); !slices.Equal(got, []int{a, b}) {
		t.Errorf("read %v, want %v", got, []int{a, b})
	}
	if want := []int{forged, none, copied}; !slices.Equal(read.Unread, want) {
		t.Errorf("not read: %v, want %v", read.Unread, want)
	}
	if cards != 5 {
		t.Errorf("%d issues were read one by one, want 5", cards)
	}
	r := stats.NewReport(read)
	if r.All.Incidents != 2 || r.Rows[0].Title != "The API is down" ||
		!strings.HasSuffix(r.Rows[0].URL, "/acme/incidents/issues/"+strconv.Itoa(a)) {
		t.Errorf("%d incidents, %+v", r.All.Incidents, r.Rows)
	}
	want := incident.Measure(*finished(1), read.Incidents[0].Issue.Created, read.At).Times[incident.ToMitigate]
	if got := r.Rows[0].Times[incident.ToMitigate]; got != want {
		t.Errorf("mitigated after %v, want %v: the state is not the one of the card", got, want)
	}
}

func TestOnlyWhatChangedIsReadAgain(t *testing.T) {
	w := newWorld(t)
	for n := range 4 {
		w.declare(finished(n+1), true)
	}
	open := finished(5)
	open.Closed, open.Document.Merged = nil, nil
	running, comment := w.declare(open, true)
	if _, cards, err := w.read(time.Time{}); err != nil || cards != 5 {
		t.Fatalf("the first time %d cards (%v), want 5", cards, err)
	}
	if _, cards, err := w.read(time.Time{}); err != nil || cards != 0 {
		t.Errorf("the second time %d cards (%v), want none", cards, err)
	}
	if err := w.box.Clock().Advance(t.Context(), 10*time.Minute); err != nil {
		t.Fatal(err)
	}
	over := finished(5)
	if err := w.app.EditComment(t.Context(), ref(running), comment,
		cardOf(t, *over, running, keys)); err != nil {
		t.Fatal(err)
	}
	read, cards, err := w.read(time.Time{})
	if err != nil || cards != 1 || len(read.Incidents) != 5 || read.Incidents[4].State.Closed == nil {
		t.Errorf("after a change %d cards (%v), want the one that changed", cards, err)
	}
}

// An incident that runs is read again after a while even if GitHub doesn't say that it changed.
func TestWhatIsNotOverGrowsStale(t *testing.T) {
	w := newWorld(t)
	open := finished(1)
	open.Document.Merged = nil
	w.declare(open, true)
	w.declare(finished(2), true)
	for i, want := range []int{2, 0, 1} {
		if i == 2 {
			if err := w.box.Clock().Advance(t.Context(), 61*time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		if _, cards, err := w.read(time.Time{}); err != nil || cards != want {
			t.Errorf("run %d: %d cards (%v), want %d", i+1, cards, err, want)
		}
	}
}

func TestSinceIsWhenItWasDeclared(t *testing.T) {
	w := newWorld(t)
	w.declare(finished(1), true)
	late, _ := w.declare(finished(9), true)
	read, _, err := w.read(began.AddDate(0, 0, 5))
	if err != nil || !slices.Equal(numbers(read), []int{late}) {
		t.Errorf("read %v (%v), want %d", numbers(read), err, late)
	}
	if read, cards, err := w.read(w.box.Clock().Now().Add(time.Hour)); err != nil || cards != 0 ||
		len(read.Incidents) != 0 {
		t.Errorf("from the future %d cards, %v (%v)", cards, numbers(read), err)
	}
}

// A4: GitHub's rate limit ends a run politely, and the next one goes on where it stopped.
func TestA4ARateLimitPausesAndTheNextRunGoesOn(t *testing.T) {
	for _, limit := range []string{"primary", "secondary"} {
		t.Run(limit, func(t *testing.T) {
			w := newWorld(t)
			const all, first = 12, 5
			for n := range all {
				w.declare(finished(n+1), true)
			}
			served := 0
			w.onGet = func() {
				if served++; served == first+1 {
					w.faults(`{"rate_limit":"` + limit + `","retry_after":"30m"}`)
				}
			}
			_, _, err := w.read(time.Time{})
			var paused *stats.Paused
			if !errors.As(err, &paused) {
				t.Fatalf("the limit returns %v, not a pause", err)
			}
			if wait := paused.Until.Sub(w.box.Clock().Now()); paused.Done != first || paused.Total != all ||
				wait < 29*time.Minute || wait > 31*time.Minute {
				t.Errorf("%v, in %v; want %d of %d, in half an hour", paused, wait, first, all)
			}
			if text := paused.Error(); !strings.Contains(text, paused.Until.UTC().Format("15:04:05 UTC")) ||
				!strings.Contains(text, "same command again") {
				t.Errorf("it says %q, not when to go on and how", text)
			}
			if err := w.box.Clock().Advance(t.Context(), 31*time.Minute); err != nil {
				t.Fatal(err)
			}
			read, cards, err := w.read(time.Time{})
			if err != nil || len(read.Incidents) != all || cards != all-first {
				t.Errorf("going on read %d cards (%v), want the %d that were left", cards, err, all-first)
			}
		})
	}
}

func TestOneLostAnswerIsAskedForAgain(t *testing.T) {
	w := newWorld(t)
	w.declare(finished(1), true)
	w.faults(`{"match":"GET .*/issues/[0-9]+$","status":502,"count":1}`)
	if read, _, err := w.read(time.Time{}); err != nil || len(read.Incidents) != 1 {
		t.Errorf("one lost answer: %v", err)
	}
	w.cache = t.TempDir()
	w.faults(`{"match":"GET .*/issues/[0-9]+$","status":502,"count":2}`)
	if _, _, err := w.read(time.Time{}); err == nil || !strings.Contains(err.Error(), "acme/incidents#1") {
		t.Errorf("an outage: %v", err)
	}
}

// double is a GitHub with many incidents and no network.
type double struct {
	issues      []*engine.Snapshot
	cards       map[int]string
	left, limit int
	reads       int
}

func (d *double) ReadIncidents(_ context.Context, _, _ string, _ time.Time, told func(int)) ([]*engine.Snapshot,
	error) {
	told(len(d.issues))
	return d.issues, nil
}

func (d *double) ReadCard(_ context.Context, ref incident.Ref, _ func(string) bool) (string, error) {
	d.reads, d.left = d.reads+1, d.left-1
	return d.cards[ref.Number], nil
}

func (d *double) RateLimit(context.Context, string, string) (int, int, time.Time, error) {
	return d.left, d.limit, began.Add(time.Hour), nil
}

func newDouble(t testing.TB, n int, keys [][]byte) *double {
	d := &double{cards: map[int]string{}}
	for i := range n {
		is := &engine.Snapshot{Ref: ref(i + 1), Updated: began, Created: began, Title: "The API is down",
			URL: "https://github.example/acme/incidents/issues/" + strconv.Itoa(i+1)}
		d.issues, d.cards[i+1] = append(d.issues, is), cardOf(t, *finished(i%300 + 1), i+1, keys)
	}
	return d
}

func (d *double) reader(cache string) *stats.Reader {
	return &stats.Reader{GitHub: d, Keys: keys, Cache: cache, Host: "github.example", Now: func() time.Time {
		return began
	}, Progress: func(string, int, int) {}}
}

// The incidents that run are run from the same limit: a fifth of it is theirs.
func TestA4AFifthOfTheLimitIsLeftToTheIncidents(t *testing.T) {
	d, cache := newDouble(t, 500, keys), t.TempDir()
	d.left, d.limit = 330, 1000
	for run, want := range []int{130, 370} {
		_, err := d.reader(cache).Read(t.Context(), "acme", "incidents", time.Time{})
		var paused *stats.Paused
		if run == 0 && (!errors.As(err, &paused) || paused.Done != want ||
			!paused.Until.Equal(began.Add(time.Hour))) || run == 1 && err != nil {
			t.Errorf("run %d: %v", run, err)
		}
		if d.reads != want || run == 0 && d.left != 200 {
			t.Errorf("run %d reads %d and leaves %d", run, d.reads, d.left)
		}
		d.reads, d.left = 0, 1000
	}
	d.left, d.limit = 0, 0 // a GitHub without a limit
	if _, err := d.reader(t.TempDir()).Read(t.Context(), "acme", "incidents", time.Time{}); err != nil {
		t.Errorf("without a limit: %v", err)
	}
}

func TestAWrongSecretIsNoticedSoon(t *testing.T) {
	d := newDouble(t, 100, card.Keys([][]byte{[]byte("another secret")}))
	cache := t.TempDir()
	if _, err := d.reader(cache).Read(t.Context(), "acme", "incidents", time.Time{}); err == nil ||
		!strings.Contains(err.Error(), "FIREBREAK_WEBHOOK_SECRET") || d.reads > 20 {
		t.Errorf("%v after %d cards", err, d.reads)
	}
	right := newDouble(t, 100, keys)
	if read, err := right.reader(cache).Read(t.Context(), "acme", "incidents", time.Time{}); err != nil ||
		len(read.Incidents) != 100 {
		t.Errorf("with the right secret: %v", err)
	}
}

// A crash cuts the last line; a file of another version, or of another repository, isn't one of ours.
func TestWhatWasKeptSurvivesACrash(t *testing.T) {
	d, cache := newDouble(t, 3, keys), t.TempDir()
	read := func(want int) {
		t.Helper()
		d.reads = 0
		got, err := d.reader(cache).Read(t.Context(), "acme", "incidents", time.Time{})
		if err != nil || len(got.Incidents) != 3 || d.reads != want {
			t.Errorf("%d cards read (%v), want %d", d.reads, err, want)
		}
	}
	read(3)
	files, err := filepath.Glob(filepath.Join(cache, "*", "*", "*.jsonl"))
	if err != nil || len(files) != 1 {
		t.Fatalf("kept in %v (%v)", files, err)
	}
	info, err := os.Stat(files[0])
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read %s: %v (%v)", files[0], info.Mode(), err)
	}
	if err := os.Truncate(files[0], info.Size()-40); err != nil {
		t.Fatal(err)
	}
	read(1)
	read(0)
	if err := os.WriteFile(files[0], []byte(`{"version":0}`+"\n"+`{"number":1}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	read(3)
	for range 60 { // every incident again and again: the file must not grow for ever
		for _, is := range d.issues {
			is.Updated = is.Updated.Add(time.Second)
		}
		read(3)
	}
	read(0)
	if text, err := os.ReadFile(files[0]); err != nil || strings.Count(string(text), `"number"`) > 110 {
		t.Errorf("the file has grown to %d entries (%v)", strings.Count(string(text), `"number"`), err)
	}
}

func TestProgressIsTold(t *testing.T) {
	d := newDouble(t, 3, keys)
	var told []string
	r := d.reader(t.TempDir())
	r.Progress = func(step string, done, total int) {
		told = append(told, fmt.Sprint(step, " ", done, "/", total))
	}
	if _, err := r.Read(t.Context(), "acme", "incidents", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"listing incidents 3/0", "reading incidents 1/3", "reading incidents 2/3",
		"reading incidents 3/3"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

// BenchmarkReadKept is a run in which nothing has changed since the one before.
func BenchmarkReadKept(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		d, cache := newDouble(b, n, keys), b.TempDir()
		if _, err := d.reader(cache).Read(b.Context(), "acme", "incidents", time.Time{}); err != nil {
			b.Fatal(err)
		}
		d.reads = 0
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				read, err := d.reader(cache).Read(b.Context(), "acme", "incidents", time.Time{})
				if err != nil || len(read.Incidents) != n || d.reads != 0 {
					b.Fatalf("%d cards read (%v)", d.reads, err)
				}
				if err := stats.NewReport(read).Table(io.Discard); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/incident")
		})
	}
}
