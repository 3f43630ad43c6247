package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/demo"
	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/templates"
)

var (
	kills    = flag.Int("kills", 20, "how often serve is killed at least")
	killSeed = flag.Uint64("killseed", 1, "when")
)

// github is an embedded GitHub whose product is a process of its own. Once the fuse has burnt down
// the process is killed, in the midst of a call of its own or of a webhook, and started again on
// its file.
type github struct {
	t    *testing.T
	box  *sandbox.Sandbox
	url  string
	env  []string
	data string

	flags []string // of serve, next to the usual ones

	mu     sync.Mutex
	rand   *rand.Rand
	fuse   int // calls and webhooks until the process is killed; 0: it is not
	killed int
	sweeps bool // the product may look for what was lost
	served *process
	peer   *process      // works the same database; nil: none does
	wrote  chan struct{} // something, to a comment

	// what happens to what leaves for people; nil: it is taken
	receive func(w http.ResponseWriter, r *http.Request, take func())
}

func newGitHub(t *testing.T, seed uint64) *github {
	g := &github{t: t, data: t.TempDir(), rand: rand.New(rand.NewPCG(seed, 0)),
		wrote: make(chan struct{}, 1000)}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	g.url = server.URL
	box, err := demo.New(sandbox.Options{URL: g.url, WebhookURL: g.url + "/webhook",
		WebhookSecret: "a secret of the tests", Frozen: true,
		Files: map[string]map[string]string{"acme/incidents": templates.Repository()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	g.box = box
	for name, value := range box.Environment() {
		g.env = append(g.env, name+"="+strings.ReplaceAll(value, "\n", `\n`))
	}
	mux.HandleFunc("/", g.call)
	mux.HandleFunc("/webhook", g.hook)
	mux.HandleFunc("/clock", g.clock)
	return g
}

func (g *github) serve() {
	g.t.Helper()
	p := start(g.t, g.env, append([]string{"serve", "--listen", "127.0.0.1:0", "--data", g.data},
		g.flags...)...)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.served = p
}

// servePeer starts a second process.
func (g *github) servePeer() {
	g.t.Helper()
	p := start(g.t, g.env, "serve", "--listen", "127.0.0.1:0", "--metrics", "", "--data", g.t.TempDir())
	g.mu.Lock()
	defer g.mu.Unlock()
	g.peer = p
}

// anyone returns one of the processes. The lock is held.
func (g *github) anyone() **process {
	if g.peer != nil && g.rand.IntN(2) == 0 {
		return &g.peer
	}
	return &g.served
}

func (g *github) kills() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.killed
}

// burn counts a call, and reports whether the process is to be killed over it, and whether that is
// before anything is done.
func (g *github) burn() (now, before bool) {
	if g.fuse == 0 {
		return false, false
	}
	g.fuse--
	return g.fuse == 0, g.rand.IntN(2) == 0
}

// again kills a process and starts the next. The lock is held.
func (g *github) again() {
	of := g.anyone()
	(*of).kill()
	g.killed++
	p, err := launch(g.t, g.env, binary, "serve", "--listen", "127.0.0.1:0", "--data", g.data)
	if err != nil {
		g.t.Errorf("after %d kills: %v", g.killed, err)
		return
	}
	*of = p
	g.fuse = 1 + g.rand.IntN(40)
}

// call answers a call to GitHub's API.
func (g *github) call(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/sandbox/receive/") && g.receive != nil {
		g.receive(w, r, func() { g.box.Handler().ServeHTTP(httptest.NewRecorder(), r) })
		return
	}
	if strings.HasPrefix(r.Header.Get("Authorization"), "Bearer demo-") ||
		!strings.HasPrefix(r.URL.Path, "/api/") {
		g.box.Handler().ServeHTTP(w, r)
		return
	}
	g.mu.Lock()
	sweep := strings.Contains(r.URL.Path, "/search/") || strings.Contains(r.URL.Path, "/deliveries")
	if sweep && !g.sweeps {
		g.mu.Unlock()
		http.Error(w, "no sweep", http.StatusInternalServerError)
		return
	}
	now, before := g.burn()
	if !now {
		g.mu.Unlock()
		g.box.Handler().ServeHTTP(w, r)
		if r.Method == http.MethodPatch && strings.Contains(r.URL.Path, "/comments/") {
			select {
			case g.wrote <- struct{}{}:
			default: // nobody counts them
			}
		}
		return
	}
	defer g.mu.Unlock()
	if !before {
		g.box.Handler().ServeHTTP(httptest.NewRecorder(), r)
	}
	g.again()
	panic(http.ErrAbortHandler)
}

// hook hands a webhook to the process.
func (g *github) hook(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	g.mu.Lock()
	now, before := g.burn()
	to := *g.anyone()
	if !now {
		g.mu.Unlock()
		status, _ := forward(r, to.url, body)
		w.WriteHeader(status)
		return
	}
	defer g.mu.Unlock()
	status := http.StatusBadGateway
	if !before {
		status, _ = forward(r, to.url, body)
	}
	g.again()
	w.WriteHeader(status) // what the process answered before it was killed
}

// clock passes the time to the process, and the next one if it is killed in the meantime. What one of two
// does may be for the other one to go on with.
func (g *github) clock(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	turns := []**process{&g.served}
	if g.peer != nil {
		turns = append(turns, &g.peer, &g.served)
	}
	var said []byte
	for _, of := range turns {
		if said, err = g.passTime(r, of, body); err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
	}
	_, _ = w.Write(said)
}

// passTime passes the time to a process, or the one that takes its place.
func (g *github) passTime(r *http.Request, of **process, body []byte) ([]byte, error) {
	for r.Context().Err() == nil {
		g.mu.Lock()
		to := *of
		g.mu.Unlock()
		if to == nil {
			break
		}
		if status, said := forward(r, to.url, body); status == http.StatusOK {
			return said, nil
		}
		g.mu.Lock()
		same := *of == to
		g.mu.Unlock()
		if same {
			break
		}
	}
	return nil, errors.New("no process takes the time")
}

func forward(r *http.Request, to string, body []byte) (int, []byte) {
	req, err := http.NewRequestWithContext(r.Context(), r.Method, to+r.URL.Path, bytes.NewReader(body))
	if err != nil {
		return http.StatusBadGateway, nil
	}
	req.Header = r.Header.Clone()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return http.StatusBadGateway, nil
	}
	defer res.Body.Close()
	said, err := io.ReadAll(res.Body)
	if err != nil {
		return http.StatusBadGateway, nil
	}
	return res.StatusCode, said
}

func (g *github) settle() {
	g.t.Helper()
	g.settleIn(11 * time.Second) // what is tried again is so within seconds
}

// settleIn lets so much time pass.
func (g *github) settleIn(d time.Duration) {
	g.t.Helper()
	ctx, stop := context.WithTimeout(g.t.Context(), 2*patience)
	defer stop()
	if err := g.box.Clock().Advance(ctx, d); err != nil {
		g.t.Fatalf("it does not settle after %d kills: %v", g.kills(), err)
	}
}

// ask makes a request as a person that must succeed.
func (g *github) ask(who, method, path, body string, into any) {
	g.t.Helper()
	status, said := request(g.t, who, method, g.url+path, body)
	if status >= 300 {
		g.t.Fatalf("%s %s as %s: %d %s", method, path, who, status, said)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(said), into); err != nil {
			g.t.Fatalf("%s %s: %v: %s", method, path, err, said)
		}
	}
}
