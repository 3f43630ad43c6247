package sandbox

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v4"

	"github.com/firebreak-dev/firebreak/app/sandbox/contract"

	"github.com/firebreak-dev/firebreak/app/sandbox/rest"
)

var (
	testKey   = sync.OnceValue(newTestKey)
	otherKey  = sync.OnceValue(newTestKey)
	testStart = time.Date(2026, 11, 24, 10, 41, 0, 0, time.UTC)
)

// givenLabels are those of acme/incidents.
var givenLabels = []Label{
	{Name: "incident", Color: "b60205", Description: "An incident"},
	{Name: "severity/critical", Color: "d73a4a"},
	{Name: "severity/regular", Color: "fbca04"},
	{Name: "phase/identify", Color: "c5def5"},
	{Name: "phase/investigate", Color: "bfd4f2"},
	{Name: "phase/fixing", Color: "a2c4f5"},
	{Name: "phase/monitoring", Color: "7fb2f0"},
	{Name: "phase/closing", Color: "5a9bea"},
	{Name: "drill", Color: "d4c5f9"},
	{Name: "update-overdue", Color: "e99695"},
	{Name: "postmortem/merged", Color: "0e8a16"},
}

func newTestKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// github is a sandbox behind HTTP. Everything that passes is held against GitHub's description.
type github struct {
	t      *testing.T
	box    *Sandbox
	url    string
	tokens map[string]string
	until  map[string]time.Time // when a token runs out
	vars   map[string]string    // what steps remembered
	client *http.Client         // nil: the default one
}

func newGitHub(t *testing.T, options ...func(*Options)) *github {
	t.Helper()
	g := &github{t: t, tokens: map[string]string{}, until: map[string]time.Time{}, vars: map[string]string{}}
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	g.url = server.URL
	o := Options{URL: g.url, WebhookSecret: "a secret of the tests", PrivateKey: testKey(), Frozen: true, Start: testStart,
		Labels: map[string][]Label{"acme/incidents": givenLabels}}
	for _, option := range options {
		option(&o)
	}
	box, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	g.box = box
	handler = contract.Middleware(t, box.Handler())
	t.Cleanup(func() {
		if g.box != nil {
			g.close()
		}
	})
	return g
}

func (g *github) close() {
	g.t.Helper()
	if err := g.box.Close(); err != nil {
		g.t.Error(err)
	}
	g.box = nil
}

func signJWT(t *testing.T, key *rsa.PrivateKey, claims jwt.Claims) string {
	t.Helper()
	text, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func goodClaims() jwt.RegisteredClaims {
	return jwt.RegisteredClaims{Issuer: "1", IssuedAt: jwt.NewNumericDate(time.Now().Add(-time.Minute)), ExpiresAt: jwt.NewNumericDate(time.Now().Add(9 * time.Minute))}
}

// token returns who calls a token: "" is nobody, "jwt" the App itself, "app" its installation, "app issues:read @platform" the
// installation with less than it could have, everybody else a person.
func (g *github) token(who string) string {
	g.t.Helper()
	word, limits, _ := strings.Cut(who, " ")
	switch {
	case who == "":
		return ""
	case who == "jwt":
		return signJWT(g.t, testKey(), goodClaims())
	case word != "app":
		return "demo-" + who
	}
	if until := g.until[who]; !until.IsZero() && !g.box.Clock().Now().Before(until) {
		g.tokens[who] = "" // clients renew theirs in time
	}
	if g.tokens[who] == "" {
		body := map[string]any{}
		for limit := range strings.FieldsSeq(limits) {
			if repo, ok := strings.CutPrefix(limit, "@"); ok {
				body["repositories"] = []string{repo}
				continue
			}
			area, level, _ := strings.Cut(limit, ":")
			body["permissions"] = map[string]string{area: level}
		}
		a := g.call("jwt", fmt.Sprintf("POST /app/installations/%d/access_tokens", g.box.forge.InstallationID()), string(asJSON(body)))
		a.want(http.StatusCreated)
		g.tokens[who] = a.field("token")
		g.until[who], _ = time.Parse(time.RFC3339, a.field("expires_at"))
	}
	return g.tokens[who]
}

// answer is what came back.
type answer struct {
	t      *testing.T
	what   string
	status int
	header http.Header
	body   []byte
}

// call makes a request, like "GET ~/issues/1": ~ is the repository acme/incidents, $name what a step remembered.
func (g *github) call(who, request, body string, header ...string) *answer {
	g.t.Helper()
	return g.callBy(cmp.Or(g.client, http.DefaultClient), who, request, body, header...)
}

// callBy is call by another client.
func (g *github) callBy(client *http.Client, who, request, body string, header ...string) *answer {
	g.t.Helper()
	request, body = g.fill(request), g.fill(body)
	method, path, _ := strings.Cut(request, " ")
	path = strings.Replace(path, "~", "/repos/acme/incidents", 1)
	if !strings.HasPrefix(path, "/sandbox/") {
		path = "/api/v3" + path
	}
	r, err := http.NewRequest(method, g.url+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	if token := g.token(who); token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	res, err := client.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	a := &answer{t: g.t, what: who + ": " + request, status: res.StatusCode, header: res.Header}
	if a.body, err = io.ReadAll(res.Body); err != nil {
		g.t.Fatal(err)
	}
	return a
}

var variable = regexp.MustCompile(`\$[a-z]+`)

func (g *github) fill(text string) string {
	return variable.ReplaceAllStringFunc(text, func(name string) string {
		value, ok := g.vars[name[1:]]
		if !ok {
			g.t.Fatalf("nothing is remembered as %s", name)
		}
		return value
	})
}

func (a *answer) want(status int) {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s answers %d, want %d: %s", a.what, a.status, status, a.body)
	}
}

// field reads a part of the answer, like "labels.0.name"; "labels.*.name" are all, with commas; "labels.#" is how many.
func (a *answer) field(path string) string {
	a.t.Helper()
	in := json.NewDecoder(bytes.NewReader(a.body))
	in.UseNumber()
	var v any
	if err := in.Decode(&v); err != nil {
		a.t.Fatalf("%s: %v in %q", a.what, err, a.body)
	}
	return pick(v, path)
}

func pick(v any, path string) string {
	if path == "" {
		if v == nil {
			return "null"
		}
		return fmt.Sprint(v)
	}
	key, rest, _ := strings.Cut(path, ".")
	switch v := v.(type) {
	case map[string]any:
		inner, ok := v[key]
		if !ok {
			return "absent"
		}
		return pick(inner, rest)
	case []any:
		switch key {
		case "#":
			return strconv.Itoa(len(v))
		case "*":
			return strings.Join(eachOf(v, func(x any) string { return pick(x, rest) }), ",")
		}
		if n, err := strconv.Atoi(key); err == nil && n < len(v) {
			return pick(v[n], rest)
		}
	}
	return "absent"
}

// step is one request and what must come of it. Each of want is "field=value", or "field>name" to remember the field.
type step struct {
	who, request, body string
	status             int
	want               []string
}

func (g *github) steps(steps ...step) {
	g.t.Helper()
	for _, s := range steps {
		a := g.call(s.who, s.request, s.body)
		if a.status != s.status {
			g.t.Fatalf("%s %s answers %d, want %d: %s", a.what, s.body, a.status, s.status, a.body)
		}
		for _, want := range s.want {
			if path, name, ok := strings.Cut(want, ">"); ok && !strings.Contains(path, "=") {
				g.vars[name] = a.field(path)
				continue
			}
			path, value, _ := strings.Cut(want, "=")
			if got := a.field(path); got != g.fill(value) {
				g.t.Errorf("%s %s: %s is %q, want %q", a.what, s.body, path, got, g.fill(value))
			}
		}
	}
}

const (
	notForApp = "message=Resource not accessible by integration"
	notFound  = "message=Not Found"
)

// TestAPI calls every operation that the sandbox has. What nobody calls fails it.
func TestAPI(t *testing.T) {
	areas := []struct {
		name    string
		test    func(*github)
		options []func(*Options)
	}{
		{"people", testPeople, nil}, {"issues", testIssues, nil}, {"comments", testComments, nil}, {"labels", testLabels, nil}, {"assignees", testAssignees, nil},
		{"relations", testRelations, nil}, {"timeline", testTimeline, nil}, {"search", testSearch, nil}, {"contents", testContents, nil}, {"git", testGit, nil},
		{"pulls", testPulls, nil}, {"reviews", testReviews, nil}, {"checks", testChecks, nil}, {"app", testApp, nil},
		{"root", testRoot, nil}, {"changes", testChanges, []func(*Options){withChanges}},
		{"dispatch", func(g *github) { testDispatch(g, g.settle) }, []func(*Options){withChanges}},
		{"rulesets", testRulesets, []func(*Options){withRules}},
		{"gates", testGates, []func(*Options){withGates}},
		{"registration", testRegistration, []func(*Options){empty}},
	}
	var calls []Call
	ran := 0
	for _, area := range areas {
		t.Run(area.name, func(t *testing.T) {
			g := newGitHub(t, area.options...)
			area.test(g)
			calls = append(calls, g.box.calls...)
			ran++
		})
	}
	if ran == len(areas) {
		checkAllCalled(t, calls)
	}
}

// checkAllCalled fails the test for each route that no successful call took, and for each that nobody was refused.
func checkAllCalled(t *testing.T, calls []Call) {
	worked, refused := map[string]bool{}, map[string]bool{}
	for _, c := range calls {
		pattern := rest.OperationOf(c.Method, strings.TrimPrefix(c.Path, "/api/v3"))
		if c.Status < 400 {
			worked[pattern] = true
		} else {
			refused[pattern] = true
		}
	}
	patterns := rest.Operations()
	// The only installation is the organization's.
	neverWorks := []string{"GET /users/{login}/installation"}
	open := []string{"GET /", "GET /meta", "GET /rate_limit", "GET /versions", "POST /markdown"}
	for _, p := range patterns {
		if !worked[p] && !slices.Contains(neverWorks, p) {
			t.Errorf("no call of %s succeeded", p)
		}
		if !refused[p] && !slices.Contains(open, p) {
			t.Errorf("no call of %s was refused", p)
		}
	}
}

// eachOf makes a view of every element.
func eachOf[T, V any](all []T, view func(T) V) (views []V) {
	for _, one := range all {
		views = append(views, view(one))
	}
	return views
}

// asJSON writes a value as JSON.
func asJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}
