package simulation

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/assembly"
	"github.com/firebreak-dev/firebreak/app/demo"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/app/store/storetest"
	"github.com/firebreak-dev/firebreak/app/witness"
)

const (
	address = "https://github.test" // of the embedded GitHub
	secret  = "a secret of the simulation"
)

var (
	began = time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	// key is shorter than GitHub's, which take five times as long to sign with.
	key = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 1024) })
)

// world is the product and GitHub, with a clock that moves only when told to.
type world struct {
	t      *testing.T
	script []step // what people do here
	box    *sandbox.Sandbox
	net    *network
	env    map[string]string
	queue  string
	log    io.Writer

	product *assembly.Server
	life    context.Context // of the product's process
	kill    context.CancelFunc

	twins  int            // other workers, each with a queue of its own, and the product's shelf
	handed map[int]letter // by incident, what the product was handed last

	busy         *interleaving // what happens while the product works; nil: nothing does
	sweeps       time.Duration // how often the product sweeps on its own; 0: never
	sweepAt      time.Time
	idle         func(next time.Time)    // called whenever the product is idle, with its next time
	before       func(n int)             // called before a step of the script
	fated        call                    // a webhook that goes wrong …
	fate         uint64                  // … and how
	due          time.Time               // that of the last time
	lives        int                     // processes so far
	crashed      map[int]time.Time       // of those, when they ended at work
	receipts     []receipt               // what reached receivers
	isLate       bool                    // what was due came while the product worked
	reconfigured bool                    // the configuration was another one for a while
	marked       map[string][]int64      // by title, comments of the app into which somebody wrote marks
	bot          string                  // what another bot keeps as it wants it; empty: there is none
	botted       bool                    // there was one
	formats      int                     // commits of it
	unwritten    bool                    // GitHub refuses cards, so they are behind what the product knows
	botAs        string                  // its login
	acts         int                     // of it
	deeds        []deed                  // the same, but for commits
	other        *world                  // the run whose bot's deeds are done here too; nil: there is none
	moved        map[string]incident.Ref // by title, where an issue is that was transferred
	gone         map[string]ending       // by title, the incidents whose issue somebody deleted or converted
	wiped        bool                    // comments were deleted
	archived     bool                    // the incidents' repository was, for a while
	reused       bool                    // another repository has the incidents' repository's first name
	disk         *disk                   // that the queue's file is on
	spoilt       uint64                  // of a thousand requests to receivers, how many go wrong
	reach        *reach                  // rotations, and people's own ways; nil: there are none

	pages witness.Sink // every page and mail that left, repetitions too

	mu    sync.Mutex
	mail  []letter // webhooks that GitHub sent and the product has not got
	hooks uint64   // of a thousand webhooks, how many something happens to; 0: none

	issues   map[string]int       // number by title
	comments map[string]int64     // number by name
	readAt   map[string]int       // by name, how often its issue had been read when it was written
	unread   bool                 // what was deleted last had not been read
	harmed   map[string]bool      // by title, whether its card was
	journal  *journal             // what the product logs of its work
	edited   map[string]time.Time // by title, when a comment last was
	late     map[string]bool      // by title, whether something came while GitHub was out, or just before, that counts when it is known
	reported map[string]bool      // by title, whether a source did
	outage   time.Time            // its end
	went     time.Time            // its begin
	first    map[string]span      // by title, the outage that began in the first look
	spells   []spell              // that go on
	unmerged []step               // merges of pull requests that did not exist yet
	renamed  bool                 // the incidents' repository had another name for a while
	delayed  time.Duration        // by which webhooks come late now
	taken    []string             // what GitHub answered to each step
	played   *[]acted             // what people did so far; nil: it isn't kept
	piled    []string             // what is wrong with the queue's file
	merges   int                  // that people tried into what may be frozen
	admitted []admitted           // what got past a freeze
}

func newWorld(t *testing.T, seed uint64, log io.Writer) *world { return newWorldOf(t, seed, log, nil) }

// newWorldOf makes a world whose people are on call by rotations, and reached by ways of their own; nil: by none.
func newWorldOf(t *testing.T, seed uint64, log io.Writer, people *reach) *world {
	w := &world{t: t, log: log, script: write(seed), issues: map[string]int{}, comments: map[string]int64{}, readAt: map[string]int{}, harmed: map[string]bool{}, journal: newJournal(), late: map[string]bool{}, reported: map[string]bool{}, edited: map[string]time.Time{}, handed: map[int]letter{}, crashed: map[int]time.Time{}, marked: map[string][]int64{}, first: map[string]span{}, moved: map[string]incident.Ref{}, gone: map[string]ending{}}
	hooks := httptest.NewServer(http.HandlerFunc(w.post))
	t.Cleanup(func() {
		hooks.Close()
		*w = world{} // the testing package holds on to what it cleaned up, and thousands of worlds need gigabytes
	})
	private, err := key()
	if err != nil {
		t.Fatal(err)
	}
	options := sandbox.Options{URL: address, WebhookURL: hooks.URL + "/webhook", WebhookSecret: secret, PrivateKey: private, Frozen: true, Start: began,
		Files: map[string]map[string]string{"acme/incidents": people.withFiles(files(seed))}, Follower: w}
	if runsWorkflows(seed) {
		options.App.Permissions, options.App.Events = map[string]string{"actions": "write"}, []string{"workflow_run"}
	}
	if freezes(seed) {
		permissions := map[string]string{"administration": "write", "statuses": "write"}
		maps.Copy(permissions, options.App.Permissions)
		options.App.Permissions = permissions
	}
	if holds(seed) {
		options.App.Permissions["deployments"] = "write"
		options.App.Permissions["actions"] = cmp.Or(options.App.Permissions["actions"], "read")
		options.App.Events = append(slices.Clone(options.App.Events), "deployment_protection_rule")
	}
	w.box, err = demo.New(options)
	if err != nil {
		t.Fatal(err)
	}
	w.journal.now = w.box.Clock().Now
	w.net = &network{seed: seed, github: w.box.Handler(), now: w.box.Clock().Now, made: map[string]int{}, timelines: map[string]int{}, unwanted: map[int64]bool{}, both: map[int]bool{}, unsure: map[int]bool{}, muted: map[int]bool{}, deaf: map[int][]span{}, tokens: map[string]time.Time{}, crash: func() { w.kill() }, twin: w.double}
	w.env = w.box.Environment()
	w.env["FIREBREAK_GITHUB_LIMITS"] = "none" // hours of a script may pass at one instant
	w.env["FIREBREAK_PAGER_URL"], w.env["FIREBREAK_MAIL_URL"] = hooks.URL+"/sandbox/receive/page", hooks.URL+"/sandbox/receive/announce"
	if w.reach = people; people != nil {
		people.join(w, hooks.URL)
	}
	w.queue = filepath.Join(storetest.Memory(t), "queue.db")
	w.disk = newDisk(t, w.queue)
	w.start()
	if hasChange(seed) {
		w.change()
	}
	if runsWorkflows(seed) {
		w.addWorkflow()
	}
	if freezes(seed) {
		w.addPulls()
		if holds(seed) {
			w.state("gate", map[string]string{"repository": "acme/platform", "environment": "production"})
		}
	}
	t.Cleanup(func() {
		_ = w.product.Close()
		_ = w.box.Close()
	})
	return w
}

// start starts the product's process on its file.
func (w *world) start() {
	w.net.mu.Lock()
	w.net.dead = false
	w.net.mu.Unlock()
	w.lives++
	var err error
	w.product, err = assembly.New(func(name string) string { return w.env[name] },
		assembly.Options{Clock: w.box.Clock(), File: w.queue, Transport: w.net, Logger: w.logger()})
	if err != nil {
		panic(err) // on a goroutine of the sandbox's
	}
	w.life, w.kill = context.WithCancel(context.Background())
}

// double hands another worker what the product was handed last of an incident, and lets it do all
// that follows. It knows what the product keeps, as workers share a bucket or a database. It is another one each time: one that went on would look at incidents whose timers
// it had set before, while the product looks at them, which no queue lets happen.
func (w *world) double(number int) {
	l, ok := w.handed[number]
	if !ok {
		return
	}
	w.twins++
	twin, err := assembly.New(func(name string) string { return w.env[name] }, assembly.Options{Clock: w.box.Clock(), Transport: w.net, Logger: w.logger(),
		Shelf: w.product.Shelf()})
	if err != nil {
		panic(err)
	}
	req := httptest.NewRequest(http.MethodPost, "/webhook", bytes.NewReader(l.body))
	req.Header = l.header.Clone()
	twin.Handler().ServeHTTP(httptest.NewRecorder(), req)
	work, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- twin.Run(work) }()
	_, err = twin.Follow(work, w.box.Clock().Now())
	stop()
	if err := errors.Join(err, <-ended, twin.Close()); err != nil {
		panic(err)
	}
}

func (w *world) logger() *slog.Logger {
	return slog.New(w.journal.handler(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
}

// restart ends the product's process, if it is not dead already, and starts it again.
func (w *world) restart() {
	w.kill()
	if err := w.product.Close(); err != nil {
		panic(err)
	}
	w.start()
}

// Follow lets the product take the webhooks that are due, and then work until nothing is due. It
// works at no other time.
func (w *world) Follow(ctx context.Context, _ time.Time) (time.Time, error) {
	for {
		if w.disk.isDown {
			return time.Time{}, nil
		}
		now := w.box.Clock().Now() // it may pass while the product works
		for _, l := range w.arrived(now) {
			w.handed[l.issue] = l
			w.react(l)
			if err := w.hand(l.to(), l.header, l.body); err != nil && !w.disk.full() { // then it is lost
				return time.Time{}, err
			}
		}
		life := w.life
		if w.sweeps > 0 && !now.Before(w.sweepAt) {
			w.sweepAt = now.Add(w.sweeps)
			_ = w.product.SweepInTurn(life) // what fails is tried by the next one
		}
		work, stop := context.WithCancel(life)
		ended := make(chan error, 1)
		go func() {
			ended <- w.product.Run(work)
			stop()
		}()
		next, err := w.product.Follow(work, now)
		stop()
		e := <-ended
		if w.disk.full() && (e != nil || err != nil) {
			w.down()
			return time.Time{}, nil
		}
		if e != nil {
			return next, e
		}
		if life.Err() != nil {
			w.crashed[w.lives] = w.box.Clock().Now()
			w.restart()
			continue
		}
		if err != nil {
			return next, err
		}
		if w.idle != nil {
			w.idle(next)
		}
		if w.sweeps > 0 && (next.IsZero() || w.sweepAt.Before(next)) {
			next = w.sweepAt
		}
		return w.next(next), ctx.Err()
	}
}

// patience is how long a world may work until it counts as stuck: busy machines play a day in minutes.
const patience = 20 * time.Minute

func (w *world) advance(d time.Duration) {
	w.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	if err := w.box.Clock().Advance(ctx, d); err != nil {
		w.t.Fatal(err)
	}
}

// as makes a request as a person, and decodes the answer.
func (w *world) as(who, method, path string, body, into any) int {
	w.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	if w.reused {
		path = strings.Replace(path, repository, "/api/v3/repos/acme/p1", 1)
	}
	req := httptest.NewRequest(method, address+path, bytes.NewReader(text))
	if who != "" {
		req.Header.Set("Authorization", "Bearer demo-"+who)
		req.Header.Set("Accept", "application/vnd.github+json")
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	rec := httptest.NewRecorder()
	w.box.Handler().ServeHTTP(rec, req)
	if rec.Code == http.StatusMovedPermanently || rec.Code == http.StatusTemporaryRedirect { // it has another name
		to := strings.TrimPrefix(rec.Header().Get("Location"), address)
		return w.as(who, method, to, body, into)
	}
	if into != nil && rec.Code < 300 {
		if err := json.Unmarshal(rec.Body.Bytes(), into); err != nil {
			w.t.Fatalf("%s %s: %d %s: %v", method, path, rec.Code, rec.Body, err)
		}
	}
	return rec.Code
}

const repository = "/api/v3/repos/acme/incidents"

// list reads all pages of a list.
func list[T any](w *world, path string) (all []T) {
	w.t.Helper()
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	for page := 1; ; page++ {
		var some []T
		if status := w.as("alice", "GET", fmt.Sprintf("%s%sper_page=100&page=%d", path, separator, page), nil, &some); status != http.StatusOK {
			w.t.Fatalf("%s: %d", path, status)
		}
		all = append(all, some...)
		if len(some) < 100 {
			return all
		}
	}
}

type issue struct {
	ID        int64
	Number    int
	State     string
	Title     string
	Body      string
	Reason    string `json:"state_reason"`
	Labels    []struct{ Name string }
	Assignees []struct{ Login string }
	User      struct{ Login string }
	Pull      *struct{} `json:"pull_request"`
	Pinned    *comment  `json:"pinned_comment"`
}

type comment struct {
	ID        int64
	Body      string
	User      struct{ Login string }
	Created   time.Time `json:"created_at"`
	Reactions map[string]any
}

// number returns an incident's number, or 0 while it does not exist.
func (w *world) number(title string) int {
	if w.issues[title] == 0 {
		for _, i := range list[issue](w, repository+"/issues?state=all&direction=asc") {
			if i.Pull == nil && w.issues[i.Title] == 0 {
				w.issues[i.Title] = i.Number
			}
		}
	}
	return w.issues[title]
}

// play plays a script to its end: the faults end, the product is started again, everything that was
// late arrives, and what was lost on the way is looked for once. Ten minutes are the longest wait
// between two tries, twice.
func (w *world) play(script []step, faults *trial) {
	w.t.Helper()
	for n := range script {
		if faults != nil {
			faults.before(w, n)
		}
		if w.before != nil {
			w.before(n)
		}
		s := script[n] // which may have waited already
		if w.other != nil {
			s.wait = max(0, s.wait-w.repeat(w.other, n))
		}
		w.do(s)
	}
	if w.other != nil {
		w.repeat(w.other, len(script))
	}
	w.advance(time.Second)
	w.endSpells(time.Time{})
	w.net.mu.Lock()
	w.net.rate, w.net.until, w.net.denied = 0, time.Time{}, nil
	w.net.mu.Unlock()
	w.as("", "DELETE", "/sandbox/faults", nil, nil)
	w.mu.Lock()
	w.hooks = 0
	for n := range w.mail {
		w.mail[n].due = time.Time{}
	}
	w.mu.Unlock()
	w.restart()
	w.sweep()
	w.advance(10 * time.Minute)
	unmerged := w.unmerged
	for _, s := range unmerged {
		w.merge(s, w.number(s.on))
	}
	w.sweep() // which tries again what GitHub refused, at least once an hour
	w.advance(time.Hour)
	w.sweep()
	w.advance(10 * time.Minute)
}

func (w *world) sweep() {
	w.t.Helper()
	if err := w.product.Sweep(context.Background(), began.Add(-time.Hour)); err != nil && !errors.Is(err, context.Canceled) {
		w.t.Fatal(err)
	}
	w.advance(0)
}
