package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// everything is the state as clients see it.
func (g *github) everything() map[string]string {
	g.t.Helper()
	all := map[string]string{}
	for _, request := range []string{
		"GET ~", "GET ~/issues?state=all", "GET ~/issues/1", "GET ~/issues/1/comments", "GET ~/issues/1/timeline?per_page=100", "GET ~/labels?per_page=100",
		"GET ~/issues/1/sub_issues", "GET ~/pulls?state=all", "GET ~/pulls/2", "GET ~/pulls/2/reviews", "GET ~/issues/2/timeline", "GET ~/commits", "GET ~/commits/$head/check-runs",
		"GET ~/issues/comments/$card/reactions", "GET /orgs/acme/teams", "GET /user", "GET ~/check-runs/$run/annotations",
	} {
		a := g.call("alice", request, "")
		a.want(http.StatusOK)
		all[request] = string(a.body)
	}
	for _, request := range []string{"GET /app/hook/deliveries?per_page=100", "GET /app/installations/7001", "GET /app"} {
		a := g.call("jwt", request, "")
		a.want(http.StatusOK)
		all[request] = string(a.body)
	}
	for _, request := range []string{"GET /sandbox/deliveries", "GET /sandbox/outbox", "GET /sandbox/clock"} {
		all[request] = string(g.call("", request, "").body)
	}
	return all
}

// reopen ends the sandbox and opens what it kept.
func (g *github) reopen(options ...func(*Options)) *github {
	g.t.Helper()
	g.close()
	next := newGitHub(g.t, options...)
	next.vars = g.vars
	return next
}

// Opened again, a sandbox is as it was when it was closed.
func TestPersistence(t *testing.T) {
	folder := t.TempDir()
	r := newReceiver(t)
	var options []func(*Options)
	// The address is part of what clients see: the second sandbox has another port, and the first one's name.
	options = append(options, r.option, func(o *Options) { o.Data, o.URL = folder, "http://sandbox.test" })
	g := newGitHub(t, options...)
	g.branch("postmortem/1", "postmortems/1.md", "# Down\n")
	g.steps(
		step{"alice", "POST ~/issues", `{"title":"Down","labels":["incident","new one"],"assignees":["bob"]}`, 201, nil},
		step{"bob", "POST ~/pulls", `{"title":"Postmortem","body":"Of #1","head":"postmortem/1","base":"main"}`, 201, []string{"head.sha>head"}},
		step{"app", "POST ~/issues/1/comments", `{"body":"the card <&>"}`, 201, []string{"id>card"}},
		step{"app", "PUT ~/issues/comments/$card/pin", "", 200, nil},
		step{"bob", "POST ~/issues/comments/$card/reactions", `{"content":"eyes"}`, 201, nil},
		step{"alice", "POST ~/issues", `{"title":"Fix it"}`, 201, []string{"id>task"}},
		step{"app", "POST ~/issues/1/sub_issues", `{"sub_issue_id":$task}`, 201, nil},
		step{"carol", "POST ~/pulls/2/reviews", `{"event":"REQUEST_CHANGES","body":"no"}`, 200, []string{"id>review"}},
		step{"dan", "PUT ~/pulls/2/reviews/$review/dismissals", `{"message":"yes"}`, 200, nil},
		step{"app", "POST ~/check-runs", `{"name":"postmortem","head_sha":"$head","conclusion":"failure","output":{"title":"x","summary":"x","annotations":[
			{"path":"x","start_line":1,"end_line":1,"annotation_level":"failure","message":"x"}]}}`, 201, []string{"id>run"}},
	)
	g.fault(`{"drop_webhooks":1}`)
	g.call("alice", "POST ~/issues/1/comments", `{"body":"unheard"}`).want(201)
	page := `{"kind":"page","channel":"pager","to":"platform","text":"Down","key":"k"}`
	g.call("", "POST /sandbox/receive/page", page, "X-Signature-256: "+sign(g.box.outboundSecret(), []byte(page))).want(200)
	g.advance(3 * time.Hour)
	before := g.everything()
	token := g.token("app")
	calls := g.call("", "GET /sandbox/calls?since=0", "").body

	g = g.reopen(options...)
	if again := g.call("", "GET /sandbox/calls?since=0", "").body; !bytes.Equal(calls, again) {
		t.Errorf("the calls were\n%s\nand are\n%s", calls, again)
	}
	for request, was := range before {
		if is := g.everything()[request]; is != was {
			t.Errorf("%s was\n%s\nand is\n%s", request, was, is)
		}
	}
	// Tokens go on working, numbers go on counting, and what points at each other still does.
	g.tokens["app"] = token
	g.steps(
		step{"app", "POST ~/issues/1/comments", `{"body":"after"}`, 201, []string{"id>after"}},
		step{"alice", "POST ~/issues", `{"title":"Next"}`, 201, []string{"number=4"}},
		step{"alice", "PATCH ~/labels/new%20one", `{"new_name":"old one"}`, 200, nil},
		step{"alice", "GET ~/issues/1", "", 200, []string{"labels.*.name=incident,old one", "pinned_comment.id=$card", "comments=3"}},
		step{"", "POST /sandbox/clock", `{"advance":"1m"}`, 200, []string{"now=2026-11-24T13:42:00Z"}},
	)
	guids := map[string]bool{}
	for _, d := range r.take() {
		if guids[d.guid] {
			t.Errorf("two deliveries are %s", d.guid)
		}
		guids[d.guid] = true
	}

	g = g.reopen(options...)
	g.steps(step{"alice", "GET ~/issues/comments/$after", "", 200, []string{"body=after"}})
}

// What waited to be delivered is delivered when the sandbox is opened again.
func TestPersistencePending(t *testing.T) {
	folder := t.TempDir()
	arrived, release := make(chan struct{}, 10), make(chan struct{})
	stuck := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer stuck.Close()
	defer close(release)
	keep := func(o *Options) { o.Data = folder }
	g := newGitHub(t, keep, func(o *Options) { o.WebhookURL = stuck.URL })
	g.call("alice", "POST ~/issues", `{"title":"Down","labels":["incident"]}`).want(201)
	<-arrived // the first is on its way, the second waits
	r := newReceiver(t)
	g = g.reopen(keep, r.option)
	g.settle()
	if got := strings.Join(kinds(r.take()), " "); got != "issues/opened issues/labeled" {
		t.Errorf("opened again, it sends %q", got)
	}
	g.steps(step{"", "GET /sandbox/deliveries", "", 200, []string{"*.status=200,200"}})
	g = g.reopen(keep, r.option)
	g.settle()
	if got := r.take(); len(got) > 0 {
		t.Errorf("it sends again: %v", kinds(got))
	}
}

// A process that is killed loses no more than its last moments, and no id is given out twice.
func TestPersistenceAfterKill(t *testing.T) {
	folder := t.TempDir()
	r := newReceiver(t)
	keep := func(o *Options) { o.Data = folder }
	g := newGitHub(t, keep, r.option)
	g.call("alice", "POST ~/issues", `{"title":"Down"}`).want(201)
	g.settle()
	snapshot, err := os.ReadFile(filepath.Join(folder, snapshotFile))
	if err != nil {
		t.Fatal(err)
	}
	g.close()
	// The snapshot is that of the beginning, and the log was cut in the middle of a line.
	log := filepath.Join(folder, logFile)
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(log, append(text, `{"call":{"n":`...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, snapshotFile), snapshot, 0o600); err != nil {
		t.Fatal(err)
	}
	before := r.take()
	g = newGitHub(t, keep, r.option)
	g.call("alice", "POST ~/issues", `{"title":"Down"}`).want(201)
	g.settle()
	if after := r.take(); len(before) != 1 || len(after) != 1 || before[0].guid == after[0].guid {
		t.Errorf("deliveries before %v and after %v", before, after)
	}
	g.steps(step{"", "GET /sandbox/deliveries", "", 200, []string{"*.event=issues,issues"}}, step{"", "GET /sandbox/calls", "", 200, []string{"calls.#=2"}})
}

// A folder that can't be read says which file is wrong, why, and what to do.
func TestPersistenceDamaged(t *testing.T) {
	tests := map[string]struct{ file, content, want string }{
		"a cut snapshot":      {snapshotFile, `{"now":"2026-11-24T10:41:00Z","model":{"Users":[`, "unexpected end of JSON input; move it away to start again"},
		"an empty snapshot":   {snapshotFile, "", "unexpected end of JSON input; move it away to start again"},
		"another file":        {snapshotFile, `{"name":"package"}`, "it holds no sandbox; move it away to start again"},
		"a changed log":       {logFile, "{}\nnothing\n{}\n", "line 2: invalid character 'o' in literal null (expecting 'u'); move the file away"},
		"a key that is none":  {keyName, "-----BEGIN", "holds no key"},
		"a key of some other": {keyName, "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", keyName},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			options := Options{URL: "http://sandbox.test", Data: folder, PrivateKey: testKey()}
			box, err := New(options)
			if err != nil {
				t.Fatal(err)
			}
			if err := box.Close(); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, test.file), []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			options.PrivateKey = nil
			if _, err = New(options); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), filepath.Join(folder, test.file)) {
				t.Errorf("it says %v, want %s", err, test.want)
			}
		})
	}
}

// An App finds what it needs with the data, and the same again after a restart.
func TestPersistenceEnvironment(t *testing.T) {
	folder := t.TempDir()
	open := func() (env string, key []byte) {
		t.Helper()
		box, err := New(Options{URL: "http://sandbox.test", Data: folder, EnvironmentFile: "app.env", Environment: func(c Credentials) map[string]string {
			return map[string]string{"APP": fmt.Sprint(c.AppID), "SECRET": c.WebhookSecret, "KEY": c.PrivateKeyFile, "CLOCK": c.ClockURL}
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer box.Close()
		text, err := os.ReadFile(filepath.Join(folder, "app.env"))
		if err != nil {
			t.Fatal(err)
		}
		if key, err = os.ReadFile(box.Environment()["KEY"]); err != nil {
			t.Fatal(err)
		}
		return string(text), key
	}
	env, key := open()
	for _, want := range []string{"APP=1\n", "CLOCK=http://sandbox.test/sandbox/clock\n", "SECRET=", "KEY=" + folder} {
		if !strings.Contains(env, want) {
			t.Errorf("the file lacks %q:\n%s", want, env)
		}
	}
	if again, sameKey := open(); again != env || !bytes.Equal(key, sameKey) {
		t.Errorf("opened again, it is another App:\n%s\n%s", env, again)
	}
}

// manyComments makes an issue with many comments, straight in the model.
func manyComments(tb testing.TB, n int) *Sandbox {
	tb.Helper()
	box, err := New(Options{URL: "http://sandbox.test", PrivateKey: testKey(), Frozen: true, Start: testStart})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = box.Close() })
	box.forge.Lock()
	defer box.forge.Unlock()
	i, err := box.forge.OpenIssue(&forge.Actor{Login: "alice"}, box.forge.Repos[0], forge.NewIssue{Title: "Down"})
	if err != nil {
		tb.Fatal(err)
	}
	bot := &forge.Actor{Login: "robot[bot]", ViaApp: true, Permissions: box.forge.App.Permissions}
	for k := range n {
		by := bot
		if k%2 == 0 {
			by = &forge.Actor{Login: "alice"}
		}
		if _, err := box.forge.AddComment(by, i, fmt.Sprintf("comment %d, of #1 and for @bob", k)); err != nil {
			tb.Fatal(err)
		}
	}
	return box
}

func get(tb testing.TB, box *Sandbox, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer demo-alice")
	w := httptest.NewRecorder()
	box.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		tb.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return w
}

// A page costs what is on it, however many others there are.
func TestPageCost(t *testing.T) {
	few, many := manyComments(t, 200), manyComments(t, 10_000)
	for _, list := range []string{"comments", "timeline"} {
		cost := func(box *Sandbox, page int) float64 {
			return testing.AllocsPerRun(5, func() {
				get(t, box, fmt.Sprintf("/api/v3/repos/acme/incidents/issues/1/%s?per_page=100&page=%d", list, page))
			})
		}
		if few, many := cost(few, 2), cost(many, 100); many > 1.1*few {
			t.Errorf("%s: a page of a hundred takes %.0f allocations among 200 and %.0f among 10,000", list, few, many)
		}
	}
}

// BenchmarkDemo posts comments as in a demo with --data: they are saved, and their webhooks are delivered.
func BenchmarkDemo(b *testing.B) {
	receiver := httptest.NewServer(http.NotFoundHandler())
	defer receiver.Close()
	box, err := New(Options{URL: "http://sandbox.test", PrivateKey: testKey(), Data: b.TempDir(), WebhookURL: receiver.URL})
	if err != nil {
		b.Fatal(err)
	}
	defer box.Close()
	post := func(path, body string) {
		r := httptest.NewRequest(http.MethodPost, "/api/v3/repos/acme/incidents"+path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer demo-alice")
		w := httptest.NewRecorder()
		box.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusCreated {
			b.Fatal(w.Body)
		}
	}
	post("/issues", `{"title":"Down"}`)
	for b.Loop() {
		post("/issues/1/comments", `{"body":"one more"}`)
	}
	if err := box.courier.idle(b.Context()); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkListComments(b *testing.B) {
	box := manyComments(b, 10_000)
	for b.Loop() {
		get(b, box, "/api/v3/repos/acme/incidents/issues/1/comments?per_page=100&page=100")
	}
}

func BenchmarkListTimeline(b *testing.B) {
	box := manyComments(b, 10_000)
	for b.Loop() {
		get(b, box, "/api/v3/repos/acme/incidents/issues/1/timeline?per_page=100&page=100")
	}
}

// BenchmarkComment posts to an issue that has 10,000 comments already.
func BenchmarkComment(b *testing.B) {
	box := manyComments(b, 10_000)
	i := box.forge.Repos[0].Issues[0]
	by := &forge.Actor{Login: "alice"}
	for b.Loop() {
		box.forge.Lock()
		_, err := box.forge.AddComment(by, i, "one more, of #1 and for @bob")
		box.forge.Unlock()
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSave is how long the forge is locked while it is saved.
func BenchmarkSave(b *testing.B) {
	box := manyComments(b, 2_000)
	for b.Loop() {
		if _, err := json.Marshal(snapshot{Model: box.forge.Model}); err != nil {
			b.Fatal(err)
		}
	}
}
