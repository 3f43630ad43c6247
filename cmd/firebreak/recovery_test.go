package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/demo"
	"github.com/firebreak-dev/firebreak/app/incident"
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

// again kills the process and starts the next. The lock is held.
func (g *github) again() {
	g.served.kill()
	g.killed++
	p, err := launch(g.t, g.env, binary, "serve", "--listen", "127.0.0.1:0", "--data", g.data)
	if err != nil {
		g.t.Errorf("after %d kills: %v", g.killed, err)
		return
	}
	g.served = p
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
	to := g.served
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

// clock passes the time to the process, and the next one if it is killed in the meantime.
func (g *github) clock(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for r.Context().Err() == nil {
		g.mu.Lock()
		to := g.served
		g.mu.Unlock()
		if to == nil {
			break
		}
		if status, said := forward(r, to.url, body); status == http.StatusOK {
			_, _ = w.Write(said)
			return
		}
		g.mu.Lock()
		same := g.served == to
		g.mu.Unlock()
		if same {
			break
		}
	}
	w.WriteHeader(http.StatusBadGateway)
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

const incidents = "/api/v3/repos/acme/incidents"

// redeliver asks again for each webhook that was not taken, as GitHub's page of an App's deliveries
// does.
func (g *github) redeliver() {
	g.t.Helper()
	for range 10 {
		var all []struct {
			ID     int64
			GUID   string
			Status int
		}
		g.ask("", "GET", "/sandbox/deliveries", "", &all)
		taken := map[string]bool{}
		for _, d := range all {
			taken[d.GUID] = taken[d.GUID] || d.Status == http.StatusAccepted
		}
		lost := 0
		for _, d := range all {
			if !taken[d.GUID] {
				taken[d.GUID] = true // once is enough
				lost++
				g.ask("", "POST", fmt.Sprintf("/sandbox/deliveries/%d/redeliver", d.ID), "", nil)
			}
		}
		if lost == 0 {
			return
		}
		g.settle()
	}
	g.t.Fatal("ten times a webhook was not taken")
}

var didMark = regexp.MustCompile(`<!-- firebreak:did (\S+) -->`)

type remark struct {
	ID        int64
	Body      string
	User      struct{ Login string }
	Reactions map[string]any
}

// story is how an incident goes, as who and what.
var story = [][2]string{
	{"carol", "/ic"}, {"alice", "/oe"}, {"alice", "/oe finding The disk is full"},
	{"carol", "/ic update We are at it"}, {"alice", "/oe cause A log"},
	{"carol", "/ic phase fixing"}, {"alice", "/oe workaround Deleted it by hand"},
	{"carol", "/ic phase monitoring"}, {"carol", "/ic update It is back"},
	{"carol", "/ic agree Gina, by phone"}, {"carol", "/ic close because the customer is content"},
}

// TestA4ServeIsKilledAgainAndAgain kills the process in the midst of whatever it does, while
// nothing looks for what was lost: what was answered is done all the same, and nothing is there
// twice.
func TestA4ServeIsKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	n := *kills
	if testing.Short() {
		n = min(n, 6)
	}
	g := newGitHub(t, *killSeed)
	g.serve()
	g.mu.Lock()
	g.fuse = 5
	g.mu.Unlock()
	for number := 1; g.kills() < n; number++ {
		g.incident(number)
		if t.Failed() {
			t.Fatalf("after %d kills, with -killseed %d", g.kills(), *killSeed)
		}
	}
	g.mu.Lock()
	g.fuse = 0
	g.mu.Unlock()
	g.settle()
	left := g.box.Outbox()
	for _, e := range left {
		if e.Count > 1 { // it was killed over calls to GitHub, when what had left was noted
			t.Errorf("%s left %d times: %q", e.Key, e.Count, e.Text)
		}
	}
	t.Logf("%d messages left over %d kills", len(left), g.kills())
	g.served.end(syscall.SIGTERM)
}

func (g *github) incident(number int) {
	t := g.t
	t.Helper()
	title := fmt.Sprint("Incident ", number)
	form := "### Summary\n\nCustomers get 502\n\n### Severity\n\ncritical\n\n### Customers " +
		"impacted\n\nglobex\n\n### How did you learn of it?\n\nA call\n\n### Drill\n\n- [ ] This is a drill"
	var issue struct {
		Number int
		State  string
	}
	body, err := json.Marshal(map[string]any{"title": title, "body": form, "labels": []string{"incident"}})
	if err != nil {
		t.Fatal(err)
	}
	g.ask("alice", "POST", incidents+"/issues", string(body), &issue)
	at := fmt.Sprintf("%s/issues/%d", incidents, issue.Number)
	g.settle()
	g.redeliver()
	for _, s := range story {
		var said remark
		body, err := json.Marshal(map[string]string{"body": s[1]})
		if err != nil {
			t.Fatal(err)
		}
		g.ask(s[0], "POST", at+"/comments", string(body), &said)
		g.settle()
		g.redeliver()
		g.ask("alice", "GET", fmt.Sprintf("%s/issues/comments/%d", incidents, said.ID), "", &said)
		if said.Reactions["+1"] != 1.0 {
			t.Errorf("%s: %q was taken and has the reactions %v", title, s[1], said.Reactions)
		}
	}
	// whether a ticket was opened whose answer was lost is known within a minute, labels come after two
	g.settleIn(5 * time.Minute)
	g.redeliver()
	if g.ask("alice", "GET", at, "", &issue); issue.State != "closed" {
		t.Errorf("%s is %s", title, issue.State)
	}
	var remarks []remark
	g.ask("alice", "GET", at+"/comments?per_page=100", "", &remarks)
	cards, did := 0, map[string]int{}
	for _, c := range remarks {
		if !strings.HasSuffix(c.User.Login, "[bot]") {
			continue
		}
		if strings.Contains(c.Body, "<!-- firebreak:card") {
			cards++
		}
		for _, m := range didMark.FindAllStringSubmatch(c.Body, -1) {
			did[m[1]]++
		}
	}
	if cards != 1 {
		t.Errorf("%s has %d cards", title, cards)
	}
	for key, times := range did {
		if times > 1 {
			t.Errorf("%s: %s is said %d times", title, key, times)
		}
	}
	g.outside(title, number, issue.Number)
}

// outside holds what left the nth incident to being there once.
func (g *github) outside(title string, n, number int) {
	t := g.t
	t.Helper()
	ref := fmt.Sprintf("acme/incidents#%d", number)
	var sent []struct{ Kind, Key, Text string }
	g.ask("", "GET", "/sandbox/outbox", "", &sent)
	pages, mails := map[string]int{}, 0
	for _, s := range sent {
		if s.Kind == "page" && strings.HasPrefix(s.Key, ref+"/") {
			pages[s.Key]++
		}
		if s.Kind == "announce" {
			mails++
		}
	}
	if len(pages) == 0 {
		t.Errorf("%s: nobody was paged", title)
	}
	for key, times := range pages {
		if times > 1 {
			t.Errorf("%s was sent %d times", key, times)
		}
	}
	if mails != 2*n {
		t.Errorf("%d mails to customers after %d incidents with 2 updates each", mails, n)
	}
	var pulls []struct{ Head struct{ Ref string } }
	g.ask("alice", "GET", incidents+"/pulls?state=all&per_page=100", "", &pulls)
	found := 0
	for _, p := range pulls {
		if p.Head.Ref == fmt.Sprintf("postmortem/%d", number) {
			found++
		}
	}
	if found != 1 {
		t.Errorf("%s has %d postmortems", title, found)
	}
	var issues []struct{ Body string }
	g.ask("alice", "GET", incidents+"/issues?state=all&per_page=100", "", &issues)
	tickets := map[int]int{}
	for _, i := range issues {
		if ref, index, ok := incident.ReadTicketMark(i.Body); ok && ref.Number == number {
			tickets[index]++
		}
	}
	if len(tickets) != 1 || tickets[0] != 1 {
		t.Errorf("%s has the tickets %v, want one to replace the workaround", title, tickets)
	}
	var told []struct{ Body string }
	g.ask("alice", "GET", "/api/v3/repos/acme/customer-globex/issues?state=all&per_page=100", "", &told)
	if len(told) != n {
		t.Errorf("globex has %d issues after %d incidents", len(told), n)
	}
}

// A disk that is full makes webhooks be refused, or the process end, and says so. What was taken is
// done once there is room.
func TestA4ServeOnAFullDisk(t *testing.T) {
	t.Parallel()
	g := newGitHub(t, 1)
	p, err := launch(t, g.env, "sh", "-c", `ulimit -f 800; exec "$@"`, "sh", binary, "serve", "--listen",
		"127.0.0.1:0", "--data", g.data)
	if err != nil {
		t.Fatal(err)
	}
	g.served = p
	taken := 0
	for status := http.StatusAccepted; status == http.StatusAccepted; {
		if taken++; taken > 200 {
			t.Fatal("200 webhooks were taken on a disk of 400 KB")
		}
		status = g.declare(taken)
	}
	if taken < 3 {
		t.Fatalf("webhook %d was not taken: there was no room at all", taken)
	}
	until(t, "the log says what is wrong", func() bool { // GitHub has its answer before
		said := p.err.String()
		return strings.Contains(said, "firebreak.db") && strings.Contains(said, "disk is full") &&
			strings.Contains(said, "delivered again")
	})
	p.kill()
	g.serve()
	g.settle()
	for n := 1; n < taken; n++ {
		if body := g.card(n); body == "" {
			t.Errorf("the webhook of incident %d of %d was taken, and nothing came of it", n, taken)
		}
	}
}

// declare opens an incident, and returns what the product answered to the webhook.
func (g *github) declare(number int) int {
	g.t.Helper()
	g.ask("alice", "POST", incidents+"/issues",
		fmt.Sprintf(`{"title":"Incident %d","body":"/incident regular %s"}`, number,
			strings.Repeat("word ", 400)), nil)
	ctx, stop := context.WithTimeout(g.t.Context(), patience)
	defer stop()
	if err := g.box.Settled(ctx); err != nil {
		g.t.Fatal(err)
	}
	var all []struct{ Status int }
	g.ask("", "GET", "/sandbox/deliveries", "", &all)
	return all[len(all)-1].Status
}

// card returns the body of an incident's card; "": it has none.
func (g *github) card(number int) string {
	g.t.Helper()
	var issue struct {
		Pinned *struct{ Body string } `json:"pinned_comment"`
	}
	g.ask("alice", "GET", fmt.Sprintf("%s/issues/%d", incidents, number), "", &issue)
	if issue.Pinned == nil {
		return ""
	}
	return issue.Pinned.Body
}

// Where the file is damaged it is put aside, and what stood in it is known again from GitHub: the
// timers of an incident, too, in which nothing has happened for days.
func TestA5ServeOnADamagedFile(t *testing.T) {
	t.Parallel()
	g := newGitHub(t, 1)
	g.serve()
	g.ask("alice", "POST", incidents+"/issues",
		`{"title":"The API is down","body":"/incident critical\n/ic customer add globex\n/ic severity critical"}`,
		nil)
	g.settle()
	before := g.card(1)
	g.served.end(syscall.SIGTERM)
	g.mu.Lock()
	g.served, g.sweeps = nil, true
	g.mu.Unlock()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	if err := g.box.Clock().Advance(ctx, 5*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(g.data, "firebreak.db")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	copy(text, bytes.Repeat([]byte{0xa5}, len(text)/2))
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for len(g.wrote) > 0 {
		<-g.wrote
	}
	g.serve()
	select {
	case <-g.wrote:
	case <-time.After(patience):
		t.Fatalf("nobody looked:\n%s", g.served.err)
	}
	g.settle()
	if after := g.card(1); after == before {
		t.Error("the card is as it was five days ago")
	}
	if kept, err := os.ReadFile(file + ".damaged-1"); err != nil || !bytes.Equal(kept, text) {
		t.Errorf("the damaged file is not kept: %v", err)
	}
	g.served.end(syscall.SIGTERM)
	if said := g.served.err.String(); !strings.Contains(said, file+".damaged-1") {
		t.Errorf("the log does not say where the damaged file is:\n%s", said)
	}
}
