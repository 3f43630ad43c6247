// Package bench plays load against the product as one process and measures how it bears it. A
// figure on its own describes the machine; each is compared with what bounds it, measured in the same
// run.
package bench

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/store"
	"github.com/firebreak-dev/firebreak/app/webhook"
)

// Options say how much load is played.
type Options struct {
	Dir      string        // where the queue's file is written: the disk that is measured
	Duration time.Duration // of each measurement
	Clients  int           // connections at once

	Progress func(string) // told what is being measured; nil: nobody
}

func (o Options) progress() func(string) {
	if o.Progress == nil {
		return func(string) {}
	}
	return o.Progress
}

// Row is one measurement.
type Row struct {
	Name  string        `json:"name"`
	Rate  float64       `json:"rate"`            // a second
	P50   time.Duration `json:"p50,omitempty"`   // from sending to the answer, nanoseconds
	P99   time.Duration `json:"p99,omitempty"`   //
	Bound string        `json:"bound,omitempty"` // the row that bounds it
	Ratio float64       `json:"ratio,omitempty"` // to the bound's rate, of what ran next to each other
}

// Secret is what deliveries are signed with.
const Secret = "the secret of a benchmark"

// rounds is how often what is compared takes turns, so that whatever else the machine does meets
// all alike.
const rounds = 30

// Webhooks measures how many deliveries a second are verified, stored and answered: by a bare
// handler, in memory, and on disk; how long an answer takes at half of what the disk bears; and how
// fast the queue puts what arrived in its place afterwards. No delivery is worked off in the meantime.
func Webhooks(ctx context.Context, o Options) ([]Row, error) {
	tell := o.progress()
	memory, err := endpoint("")
	if err != nil {
		return nil, err
	}
	defer memory.close()
	disk, err := endpoint(filepath.Join(o.Dir, "bench.db"))
	if err != nil {
		return nil, err
	}
	defer disk.close()
	plain, err := listen(http.HandlerFunc(bare))
	if err != nil {
		return nil, err
	}
	defer plain.close()
	deaf, err := listen(product(func(context.Context, incident.Message) error { return nil }))
	if err != nil {
		return nil, err
	}
	defer deaf.close()

	measures := []struct {
		name string
		at   *server
		rows series
	}{{"a handler that only computes the HMAC", plain, nil}, {"verified and decided", deaf, nil},
		{"stored in memory", memory, nil}, {"stored on disk", disk, nil}}
	tell("the endpoint, in turns with a bare handler")
	for range rounds {
		for i := range measures {
			m := &measures[i]
			row, err := m.at.load(ctx, o.Clients, o.Duration/rounds, 0)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m.name, err)
			}
			m.rows = append(m.rows, row)
		}
	}
	bound := measures[0]
	rows := []Row{bound.rows.middle(bound.name)}
	for _, m := range measures[1:] {
		rows = append(rows, m.rows.against(bound.rows, m.name, bound.name))
	}
	tell("the disk alone")
	syncs, err := fsync(ctx, o.Dir, o.Duration/rounds)
	if err != nil {
		return nil, err
	}
	tell("half load")
	stored := rows[len(rows)-1]
	half, err := disk.load(ctx, o.Clients, o.Duration, stored.Rate/2)
	if err != nil {
		return nil, fmt.Errorf("half load: %w", err)
	}
	half.Name, half.Bound, half.Ratio = "stored on disk, half load", stored.Name, half.Rate/stored.Rate
	tell("the queue")
	began := time.Now()
	waiting, err := disk.backlog(ctx)
	if err != nil {
		return nil, err
	}
	sorted := Row{Name: "put in its place in the queue afterwards",
		Rate: float64(waiting.Messages) / time.Since(began).Seconds()}
	return append(rows, half, sorted, Row{Name: "writes of 4 kB synced one by one", Rate: syncs}), nil
}

// series is what one thing took in each round.
type series []Row

// middle is the round in the middle, by its rate.
func (s series) middle(name string) Row {
	row := slices.SortedFunc(slices.Values(s), func(a, b Row) int {
		return cmp.Compare(a.Rate, b.Rate)
	})[len(s)/2]
	row.Name = name
	return row
}

// against is the round in the middle, with the middle ratio to a bound that was measured in the
// same rounds.
func (s series) against(bound series, name, boundName string) Row {
	row := s.middle(name)
	ratios := make([]float64, len(s))
	for i := range s {
		ratios[i] = s[i].Rate / bound[i].Rate
	}
	slices.Sort(ratios)
	row.Bound, row.Ratio = boundName, ratios[len(ratios)/2]
	return row
}

// bare is the least that a webhook's endpoint can do.
func bare(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	mac := hmac.New(sha256.New, []byte(Secret))
	mac.Write(body)
	mac.Sum(nil)
	w.WriteHeader(http.StatusAccepted)
}

func product(enqueue func(context.Context, incident.Message) error) http.Handler {
	h, err := webhook.Handler(webhook.Options{Secrets: [][]byte{[]byte(Secret)}, AppID: 1,
		Login: func() string {
			return "firebreak[bot]"
		}, Enqueue: enqueue})
	if err != nil {
		panic("bench: " + err.Error()) // there is a secret
	}
	return h
}

type clock struct{}

func (clock) Now() time.Time { return time.Now() }

// endpoint is the product's endpoint before a queue in a file, or in memory.
func endpoint(file string) (*server, error) {
	store, err := store.Open(file, clock{}, nil)
	if err != nil {
		return nil, err
	}
	s, err := listen(product(func(ctx context.Context, m incident.Message) error {
		return store.Enqueue(ctx, m, time.Time{})
	}))
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	s.backlog = store.Backlog
	stop := s.close
	s.close = func() { stop(); _ = store.Close() }
	return s, nil
}

// server is a handler on a port of this machine.
type server struct {
	url     string
	close   func()
	backlog func(context.Context) (store.Backlog, error) // of the queue behind it, if it has one
	// deliveries so far: each has an id and an incident of its own
	sent atomic.Int64
}

func listen(h http.Handler) (*server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.Serve(l) }()
	return &server{url: "http://" + l.Addr().String(), close: func() { _ = s.Close() }}, nil
}

// load posts deliveries for a while: as fast as they are answered, or so many a second. Each is a
// command on an incident, which has to be stored; the least that happens in practice.
func (s *server) load(ctx context.Context, clients int, during time.Duration, rate float64) (Row, error) {
	ctx, stop := context.WithTimeout(ctx, during)
	defer stop()
	var due chan time.Time
	if rate > 0 {
		due = make(chan time.Time, 10*clients)
		go pace(ctx, due, rate)
	}
	var wg sync.WaitGroup
	took := make([][]time.Duration, clients)
	failed := make([]error, clients)
	start := time.Now()
	for i := range clients {
		wg.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			// The first client delivers once in any case: on a busy machine the time may be over
			// before it runs.
			for isFirst := i == 0; isFirst || ctx.Err() == nil; isFirst = false {
				at := time.Now()
				if due != nil && !isFirst {
					select {
					case at = <-due: // when it should have left: waiting for a free connection counts
					case <-ctx.Done():
						return
					}
				}
				if err := s.post(client); err != nil {
					failed[i] = err
					return
				}
				took[i] = append(took[i], time.Since(at))
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(start)
	if err := errors.Join(failed...); err != nil {
		return Row{}, err
	}
	return summary(slices.Concat(took...), elapsed), nil
}

// summary returns the rate, and how long it took in the middle and at most but for one in a hundred.
func summary(took []time.Duration, elapsed time.Duration) Row {
	slices.Sort(took)
	return Row{Rate: float64(len(took)) / elapsed.Seconds(), P50: took[len(took)/2],
		P99: took[len(took)*99/100]}
}

// pace returns the times at which deliveries are due. It catches up in one go where it was late.
func pace(ctx context.Context, due chan<- time.Time, rate float64) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	next, between := time.Now(), time.Duration(float64(time.Second)/rate)
	for {
		for ; !next.After(time.Now()); next = next.Add(between) {
			select {
			case due <- next:
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *server) post(client *http.Client) error {
	n := s.sent.Add(1)
	body := delivery(n, command)
	// What is under way when the time is over is still answered.
	r, err := http.NewRequest(http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", "issue_comment")
	r.Header.Set("X-GitHub-Delivery", fmt.Sprintf("bench-%d", n))
	r.Header.Set("X-Hub-Signature-256", signature(body))
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if answer, _ := io.ReadAll(res.Body); res.StatusCode/100 != 2 {
		return fmt.Errorf("delivery %d was answered %s: %s", n, res.Status, bytes.TrimSpace(answer))
	}
	return nil
}

// signature signs a delivery's body as GitHub does.
func signature(body []byte) string {
	mac := hmac.New(sha256.New, []byte(Secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// fsync returns how many small writes a second the disk takes one by one, which group commit avoids.
func fsync(ctx context.Context, dir string, during time.Duration) (float64, error) {
	f, err := os.CreateTemp(dir, "fsync")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer func() { _ = f.Close() }()
	page := make([]byte, 4096)
	start, n := time.Now(), 0
	for ; ctx.Err() == nil && time.Since(start) < during; n++ {
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(start).Seconds(), ctx.Err()
}

// incidents is how many incidents the deliveries are for.
const incidents = 1000

// command is a comment that has to be looked at.
const command = "/oe finding The disk is full"

// delivery returns the payload of a comment, as large as GitHub sends it: most of it are addresses.
func delivery(n int64, text string) []byte {
	return fmt.Appendf(nil, `{"action":"created","issue":{"number":%d,"labels":[{"name":"incident"}],`+
		`"comments":7,"body":"Customers see 502"%s},`+
		`"comment":{"id":%d,"user":{"login":"alice","type":"User"%s},"body":%q,`+
		`"created_at":"2026-03-02T10:40:00Z","updated_at":"2026-03-02T10:40:00Z"},`+
		`"repository":{"name":"incidents","full_name":"acme/incidents",`+
		`"owner":{"login":"acme","type":"Organization"}%s},`+
		`"sender":{"login":"alice","type":"User"%s},"installation":{"id":7}}`,
		n%incidents+1, few, n, few, text, many, few)
}

var few, many = addresses(12), addresses(60)

func addresses(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"some_%d_url":"https://api.github.com/repos/acme/incidents/something{/number}"`, i)
	}
	return b.String()
}
