package witness

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/templates"
)

// emulate is the GitHub of vercel-labs/emulate, as a process of its own, with the filler in front.
type emulate struct {
	url     string // of what is in front
	port    int    // of emulate itself
	process *process
	tally   *tally
	forward http.Handler
	product *product
	key     string
	ready   atomic.Bool // the people, teams and files are in place, so webhooks count

	advancing sync.Mutex
	mu        sync.Mutex
	now       time.Time
	bodies    map[int64]string  // of comments, as last told by a webhook
	reactions map[string]object // of comments, by address
	pins      map[string]string // comment by issue, both by address
	double    map[string]bool   // issues closed as duplicates, by address
	hooks     atomic.Int64      // webhooks that arrived
}

// people and teams are those of the sandbox.
var (
	people = []string{"alice", "bob", "carol", "dan", "erin", "mallory", "gina"}
	teams  = map[string][]string{"Platform": {"alice", "bob"}, "Incident Coordinators": {"carol", "dan"},
		"Payments": {"erin"}}
	repos = []string{"incidents", "platform", "payments", "customer-globex"}
)

// privateKey is the App's.
var privateKey = sync.OnceValue(func() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY",
		Bytes: x509.MarshalPKCS1PrivateKey(key)}))
})

// newEmulate starts a GitHub in emulate's process, in place of the one before, and the product on it.
func newEmulate(t testing.TB, p *process, c *tally) *Stage {
	t.Helper()
	var e *emulate
	s := newStage(t, func(front string, product *product) GitHub {
		e = &emulate{
			url: front, product: product, process: p, tally: c, key: privateKey(), now: began,
			bodies: map[int64]string{}, reactions: map[string]object{},
			pins: map[string]string{}, double: map[string]bool{},
		}
		options := object{"service": "github", "port": 0, "baseUrl": front + "/api/v3", "seed": e.seed()}
		if err := p.order("start", object{"time": began.UnixMilli(), "emulator": options},
			&e.port); err != nil {
			t.Fatal(err)
		}
		e.forward = e.proxy()
		return e
	})
	if err := e.furnish(); err != nil {
		t.Fatal(err)
	}
	if err := p.order("settle", nil, nil); err != nil {
		t.Fatal(err)
	}
	e.ready.Store(true)
	return s
}

// seed is what emulate begins with. Its seed knows no teams, no files and no collaborators.
func (e *emulate) seed() object {
	tokens, users, places := object{}, []object{}, []object{}
	for _, login := range people {
		tokens["demo-"+login] = object{"login": login, "scopes": []string{"repo", "admin:org"}}
		users = append(users, object{"login": login})
	}
	for _, name := range repos {
		places = append(places, object{"owner": "acme", "name": name, "private": true})
	}
	permissions, events := map[string]string{}, []string{}
	for _, p := range github.Permissions {
		permissions[p.Name] = p.Level
	}
	for _, event := range github.Events {
		events = append(events, event.Name)
	}
	alice := object{"login": "alice", "role": "admin"}
	return object{"tokens": tokens, "github": object{
		"users": users, "repos": places,
		"orgs": []object{{"login": "acme", "name": "Acme", "members": []object{alice}}},
		"apps": []object{{
			"app_id": 1, "slug": "firebreak", "name": "Firebreak", "private_key": e.key,
			"permissions": permissions, "events": events,
			"webhook_url": e.url + "/emulate/webhook", "webhook_secret": webhookSecret,
			"installations": []object{{"installation_id": 1, "account": "acme", "repository_selection": "all"}},
		}},
	}}
}

// furnish makes the teams, and puts the files of a new incident repository in place, through the API.
func (e *emulate) furnish() error {
	var failed error
	do := func(method, path string, body any) {
		if failed == nil {
			failed = request(e.url+"/api/v3/", "alice", method, path, body, nil)
		}
	}
	for name, members := range teams {
		do("POST", "orgs/acme/teams", map[string]string{"name": name, "permission": "push"})
		slug := strings.ReplaceAll(strings.ToLower(name), " ", "-")
		for _, repo := range repos {
			do("PUT", "orgs/acme/teams/"+slug+"/repos/acme/"+repo, map[string]string{"permission": "push"})
		}
		for _, login := range members {
			do("PUT", "orgs/acme/teams/"+slug+"/memberships/"+login, map[string]string{})
		}
	}
	for _, repo := range repos {
		do("PUT", "repos/acme/"+repo+"/collaborators/mallory", map[string]string{"permission": "pull"})
	}
	do("PUT", "repos/acme/customer-globex/collaborators/gina", map[string]string{"permission": "pull"})
	for path, content := range templates.Repository() {
		path = "repos/" + repository + "/contents/" + path
		content64 := base64.StdEncoding.EncodeToString([]byte(content))
		file := map[string]string{"message": "Set up incidents", "content": content64}
		var there struct{ SHA string }
		if request(e.url+"/api/v3/", "alice", "GET", path, nil, &there) == nil {
			file["sha"] = there.SHA
		}
		do("PUT", path, file)
	}
	return failed
}

func (e *emulate) host() string { return fmt.Sprintf("127.0.0.1:%d", e.port) }

func (e *emulate) Environment() map[string]string {
	return map[string]string{
		"FIREBREAK_GITHUB_URL": e.url + "/", "FIREBREAK_APP_ID": "1",
		"FIREBREAK_PRIVATE_KEY": e.key, "FIREBREAK_WEBHOOK_SECRET": webhookSecret,
		"FIREBREAK_CLOCK_URL":       e.url + "/clock", // an embedded GitHub's limits: none
		"FIREBREAK_OUTBOUND_SECRET": "a secret of the tests' own",
	}
}

func (e *emulate) Now() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.now
}

// Advance lets time pass from one due time of the product to the next.
func (e *emulate) Advance(ctx context.Context, d time.Duration) error {
	e.advancing.Lock()
	defer e.advancing.Unlock()
	next, err := e.settle(ctx)
	if err != nil {
		return err
	}
	for target := e.Now().Add(d); ; {
		last := next.IsZero() || !next.Before(target)
		to := target
		if !last {
			to = next
		}
		if err := e.setTime(to); err != nil {
			return err
		}
		if next, err = e.settle(ctx); err != nil || last {
			return err
		}
	}
}

// setTime sets the time of both the product and emulate.
func (e *emulate) setTime(to time.Time) error {
	e.mu.Lock()
	if to.After(e.now) {
		e.now = to
	}
	e.mu.Unlock()
	return e.process.order("time", e.Now().UnixMilli(), nil)
}

func (e *emulate) Settled(ctx context.Context) error {
	_, err := e.settle(ctx)
	return err
}

// settle waits until no webhook is under way and the product is idle, and returns when it has
// something to do next.
func (e *emulate) settle(ctx context.Context) (next time.Time, err error) {
	for {
		if err := e.process.order("settle", nil, nil); err != nil {
			return time.Time{}, err
		}
		before := e.hooks.Load()
		if next, err = e.product.Follow(ctx, e.Now()); err != nil {
			return time.Time{}, err
		}
		if err := e.process.order("settle", nil, nil); err != nil {
			return time.Time{}, err
		}
		if e.hooks.Load() == before {
			return next, ctx.Err()
		}
	}
}

// OpenForm opens an issue with the text and the label that GitHub adds when the form is sent.
func (e *emulate) OpenForm(who, title string, answers []string) error {
	e.fill("form")
	given := map[string]string{}
	for _, line := range answers {
		heading, value, _ := strings.Cut(line, ": ")
		given[heading] = value
	}
	var body strings.Builder
	for _, heading := range []string{"Summary", "Severity", "Customers impacted", "How did you learn of it?"} {
		fmt.Fprintf(&body, "### %s\n\n%s\n\n", heading, cmp.Or(given[heading], "_No response_"))
	}
	box := "- [ ] "
	if given["Drill"] != "" {
		box = "- [x] "
	}
	fmt.Fprintf(&body, "### Drill\n\n%sThis is a drill. Nobody is paged, no customer is told, and it is "+
		"not counted.", box)
	issue := object{"title": title, "body": body.String(), "labels": []string{"incident"}}
	return request(e.url+"/api/v3/", who, "POST", "repos/"+repository+"/issues", issue, nil)
}

// process is emulate's. It ends with its standard input, so it outlives no test, not even one that
// is killed.
type process struct {
	mu   sync.Mutex
	in   io.Writer
	out  *json.Decoder
	said bytes.Buffer // on standard error
}

// startProcess starts emulate's process, which ends with the test. It skips the test where emulate
// isn't installed, but not in CI.
func startProcess(t testing.TB) *process {
	t.Helper()
	folder := filepath.Join("testdata", "emulate")
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "emulate")); err != nil {
		const how = "emulate isn't installed (npm ci --prefix app/witness/testdata/emulate): %v"
		if os.Getenv("CI") != "" {
			t.Fatalf(how, err)
		}
		t.Skipf(how, err)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal(err)
	}
	p := &process{}
	c := exec.Command(node, "run.js")
	c.Dir, c.Stderr, c.Env = folder, &p.said, []string{"PATH=" + os.Getenv("PATH")}
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	p.in, p.out = in, json.NewDecoder(out)
	t.Cleanup(func() {
		_ = in.Close()
		hangs := time.AfterFunc(patience, func() { _ = c.Process.Kill() })
		defer hangs.Stop()
		_, _ = io.Copy(io.Discard, out)
		_ = c.Wait()
	})
	return p
}

// order returns an order and decodes the answer, which comes once it is carried out.
func (p *process) order(name string, value, into any) error {
	text, err := json.Marshal([]any{name, value})
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := p.in.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("emulate takes no orders: %w\n%s", err, p.said.String())
	}
	if into == nil {
		into = new(any)
	}
	if err := p.out.Decode(into); err != nil {
		return fmt.Errorf("emulate ended: %w\n%s", err, p.said.String())
	}
	return nil
}
