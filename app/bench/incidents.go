package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firebreak-dev/firebreak/app/assembly"
	"github.com/firebreak-dev/firebreak/app/demo"
	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/templates"
)

// Work is what the product did for people's commands.
type Work struct {
	Incidents int           `json:"incidents"`
	Commands  int           `json:"commands"` // on all of them
	Took      time.Duration `json:"took"`     // until the last was done, nanoseconds
	Calls     int           `json:"calls"`    // of GitHub's API
	P50       time.Duration `json:"p50"`      // from a comment to all that it brings about, one at a time
	P99       time.Duration `json:"p99"`      //
}

// alone is how many commands are timed one by one.
const alone = 50

// Incidents plays commands against the whole product and an embedded GitHub, over HTTP and in one
// process: first one after the other, then a burst on each of many incidents at once. No network is
// between the two, so the times are the product's and the embedded GitHub's own; at GitHub each
// call takes tens of milliseconds more.
func Incidents(ctx context.Context, o Options, incidents, burst int) (work Work, err error) {
	tell := o.progress()
	w, err := newWorld(ctx, o)
	if err != nil {
		return work, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	tell(fmt.Sprintf("declaring %d incidents", incidents))
	for n := 1; n <= incidents; n++ {
		if err := w.post("carol", "/issues",
			map[string]string{"title": fmt.Sprintf("Trouble %d", n),
				"body": "/incident critical it is down"}); err != nil {
			return work, err
		}
	}
	if err := w.settle(ctx); err != nil {
		return work, err
	}
	if work.P50, work.P99, err = w.oneByOne(ctx, tell); err != nil {
		return work, err
	}
	tell(fmt.Sprintf("%d commands on each of %d incidents", burst, incidents))
	if _, err := w.calls(); err != nil {
		return work, err
	}
	start := time.Now()
	if err := w.burst(o.Clients, incidents, burst); err != nil {
		return work, err
	}
	if err := w.settle(ctx); err != nil {
		return work, err
	}
	work.Incidents, work.Commands, work.Took = incidents, incidents*burst, time.Since(start)
	if work.Calls, err = w.calls(); err != nil {
		return work, err
	}
	for n := 1; n <= incidents; n++ {
		findings := burst
		if n == 1 {
			findings += alone
		}
		if err := w.done(n, findings); err != nil {
			return work, err
		}
	}
	return work, nil
}

// world is the product and its GitHub.
type world struct {
	url   string
	box   *sandbox.Sandbox
	since int // calls counted so far
	close func() error
}

const repository = "acme/incidents"

func newWorld(ctx context.Context, o Options) (*world, error) {
	var handler atomic.Pointer[http.ServeMux]
	front, err := listen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.Load().ServeHTTP(w, r)
	}))
	if err != nil {
		return nil, err
	}
	follow := &follower{}
	const unlimited = 1 << 30 // GitHub's limit is not a property of the product
	box, err := demo.New(sandbox.Options{Calls: unlimited, URL: front.url,
		WebhookURL: front.url + "/webhook",
		Files:      map[string]map[string]string{repository: templates.Repository()}, Follower: follow})
	if err != nil {
		front.close()
		return nil, err
	}
	env := box.Environment()
	env["FIREBREAK_GITHUB_LIMITS"] = "none" // the product is measured, and not how long GitHub lets it wait
	product, err := assembly.New(func(name string) string {
		return env[name]
	}, assembly.Options{Clock: box.Clock(), File: filepath.Join(o.Dir, "incidents.db"),
		Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		front.close()
		return nil, errors.Join(err, box.Close())
	}
	follow.product.Store(product)
	mux := http.NewServeMux()
	mux.Handle("/", box.Handler())
	mux.Handle("/webhook", product.Handler())
	handler.Store(mux)
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- product.Run(ctx) }()
	return &world{url: front.url, box: box, close: func() error {
		stop()
		err := <-ended
		front.close()
		return errors.Join(err, product.Close(), box.Close())
	}}, nil
}

// follower is the product, once it is there.
type follower struct {
	product atomic.Pointer[assembly.Server]
}

// Follow implements sandbox.Follower.
func (f *follower) Follow(ctx context.Context, now time.Time) (time.Time, error) {
	if p := f.product.Load(); p != nil {
		return p.Follow(ctx, now)
	}
	return time.Time{}, nil
}

func (w *world) settle(ctx context.Context) error {
	if err := w.box.Settled(ctx); err != nil {
		return fmt.Errorf("wait for the product to be done: %w", err)
	}
	return nil
}

// oneByOne times commands from the comment until all is done.
func (w *world) oneByOne(ctx context.Context, tell func(string)) (p50, p99 time.Duration, err error) {
	tell(fmt.Sprintf("%d commands, one after the other", alone))
	var took []time.Duration
	for i := range alone {
		start := time.Now()
		if err := w.comment(1, fmt.Sprintf("/oe finding number %d", i)); err != nil {
			return 0, 0, err
		}
		if err := w.settle(ctx); err != nil {
			return 0, 0, err
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took[len(took)/2], took[len(took)*99/100], nil
}

// burst writes the comments of all incidents, mixed, from so many people at once.
func (w *world) burst(clients, incidents, each int) error {
	var wg sync.WaitGroup
	next := atomic.Int64{}
	failed := make([]error, clients)
	for i := range clients {
		wg.Go(func() {
			for failed[i] == nil {
				n := int(next.Add(1)) - 1
				if n >= incidents*each {
					return
				}
				failed[i] = w.comment(n%incidents+1, fmt.Sprintf("/oe finding burst %d", n/incidents))
			}
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}

// done looks whether an incident's card counts that many findings: a figure of what was not done
// would be a good one.
func (w *world) done(number, findings int) error {
	var comments []struct{ Body string }
	if err := w.ask("carol", http.MethodGet,
		fmt.Sprintf("/api/v3/repos/%s/issues/%d/comments", repository, number), nil, &comments); err != nil {
		return err
	}
	want := fmt.Sprintf("findings (%d)", findings)
	for _, c := range comments {
		if strings.Contains(c.Body, want) {
			return nil
		}
	}
	return fmt.Errorf("%s#%d: no card says %q: the commands that were measured are not done", repository,
		number, want)
}

func (w *world) comment(number int, text string) error {
	return w.post("carol", "/issues/"+strconv.Itoa(number)+"/comments", map[string]string{"body": text})
}

func (w *world) post(who, path string, body any) error {
	return w.ask(who, http.MethodPost, "/api/v3/repos/"+repository+path, body, nil)
}

// calls counts the product's calls since the last time.
func (w *world) calls() (n int, err error) {
	var answer struct {
		Next  int
		Calls []struct{ Actor string }
	}
	if err := w.ask("", http.MethodGet, "/sandbox/calls?since="+strconv.Itoa(w.since), nil,
		&answer); err != nil {
		return 0, err
	}
	w.since = answer.Next
	for _, c := range answer.Calls {
		if strings.Contains(c.Actor, "firebreak") {
			n++
		}
	}
	return n, nil
}

// ask makes a request of the embedded GitHub as a person.
func (w *world) ask(who, method, path string, body, into any) error {
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		payload = bytes.NewReader(text)
	}
	r, err := http.NewRequest(method, w.url+path, payload)
	if err != nil {
		return err
	}
	if who != "" {
		r.Header.Set("Authorization", "Bearer demo-"+who)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: %s: %s", method, path, res.Status, text)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}
