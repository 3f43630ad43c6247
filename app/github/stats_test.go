package github_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/incident"
)

var key = sync.OnceValue(func() []byte {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)})
})

// answer is what a GitHub answers to a request: its body, and its Link header if it has one.
type answer struct {
	body string
	link string
}

// serve returns the port to a GitHub that answers these requests ("path?query", below the API),
// each as often as it comes, and fails the test at any other.
func serve(t *testing.T, answers map[string]answer) *github.App {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		what := strings.TrimPrefix(r.URL.RequestURI(), "/api/v3/")
		switch a, ok := answers[what]; {
		case ok && a.body == "":
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"message":"Not Found"}`)
		case ok:
			if r.Header.Get("Authorization") != "token ghs_x" {
				t.Errorf("%s is asked for as %q", what, r.Header.Get("Authorization"))
			}
			if a.link != "" {
				w.Header().Set("Link", a.link)
			}
			_, _ = io.WriteString(w, a.body)
		case what == "repos/acme/incidents/installation":
			_, _ = io.WriteString(w, `{"id":7}`)
		case what == "app/installations/7/access_tokens":
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"token":"ghs_x","expires_at":%q}`,
				time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		case what == "app":
			_, _ = io.WriteString(w, `{"id":17,"slug":"firebreak"}`)
		default:
			t.Errorf("asked for %s", what)
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	t.Cleanup(server.Close)
	app, err := github.New(github.Options{BaseURL: server.URL, AppID: 17, PEM: key()})
	if err != nil {
		t.Fatal(err)
	}
	return app
}

const listed = "repos/acme/incidents/issues?"

// GitHub goes on by number in short lists and by a cursor in long ones; pull requests are issues
// too.
func TestIncidentsAreListedToTheEnd(t *testing.T) {
	const query = "direction=asc&labels=incident"
	app := serve(t, map[string]answer{
		listed + query + "&per_page=100&since=2026-03-02T10%3A40%3A00Z&sort=created&state=all": {
			`[{"number":1,"title":"one","body":"long","html_url":"u1","created_at":"2026-03-01T00:00:00Z","updated_at":"2026-03-03T00:00:00Z"},{"number":2,"pull_request":{}}]`,
			`<http://x/issues?per_page=100&page=2>; rel="next", <http://x/issues?page=3>; rel="last"`},
		listed + query + "&page=2&per_page=100&since=2026-03-02T10%3A40%3A00Z&sort=created&state=all": {
			`[{"number":3}]`, `<http://x/issues?per_page=100&after=Y3Vyc29y%3D>; rel="next"`},
		listed + "after=Y3Vyc29y%3D&" + query +
			"&per_page=100&since=2026-03-02T10%3A40%3A00Z&sort=created&state=all": {`[{"number":4}]`, ""},
	})
	var told []int
	found, err := app.ReadIncidents(context.Background(), "acme", "incidents",
		time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC), func(n int) { told = append(told, n) })
	if err != nil {
		t.Fatal(err)
	}
	var numbers []int
	for _, f := range found {
		numbers = append(numbers, f.Ref.Number)
	}
	if !slices.Equal(numbers, []int{1, 3, 4}) || !slices.Equal(told, []int{1, 2, 3}) {
		t.Errorf("found %v, told %v", numbers, told)
	}
	if f := found[0]; f.Title != "one" || f.URL != "u1" || f.Body != "" ||
		f.Ref.FullName() != "acme/incidents" || f.Updated.Day() != 3 || f.Created.Day() != 1 {
		t.Errorf("found %+v", f)
	}
}

func TestTheCardIsTheOneThatIsBelieved(t *testing.T) {
	comment := func(by, body string) string {
		return fmt.Sprintf(`{"id":1,"user":{"login":%q},"body":%q}`, by, body)
	}
	const old, good, bad = "<!-- firebreak:card old", "<!-- firebreak:card good", "<!-- firebreak:card bad"
	const at, comments = "repos/acme/incidents/issues/5", "repos/acme/incidents/issues/5/comments?per_page=100"
	for name, c := range map[string]struct {
		answers map[string]answer
		want    string
	}{
		"pinned": {map[string]answer{at: {body: `{"number":5,"comments":3,"pinned_comment":` +
			comment("firebreak[bot]", good) + `}`}}, good},
		"pinned by somebody else": {map[string]answer{
			at:       {body: `{"number":5,"comments":3,"pinned_comment":` + comment("mallory", good) + `}`},
			comments: {body: `[` + comment("mallory", good) + `]`}}, ""},
		"not pinned": {map[string]answer{
			at: {body: `{"number":5,"comments":3,"pinned_comment":null}`},
			comments: {body: `[` + comment("alice", "hello") + `,` + comment("firebreak[bot]", bad) + `,` +
				comment("firebreak[bot]", good) + `,` + comment("firebreak[bot]", bad) + `]`}}, good},
		"the newest of several": {map[string]answer{
			at: {body: `{"number":5,"comments":3}`},
			comments: {body: `[` + comment("firebreak[bot]", old+good) + `,` +
				comment("firebreak[bot]", good) + `]`}}, good},
		"only an unbelievable one": {map[string]answer{
			at: {body: `{"number":5,"comments":1,"pinned_comment":` + comment("firebreak[bot]", bad) +
				`}`},
			comments: {body: `[` + comment("firebreak[bot]", bad) + `]`}}, bad},
		"no comments": {map[string]answer{at: {body: `{"number":5,"comments":0}`}}, ""},
		"deleted":     {map[string]answer{at: {}}, ""},
	} {
		got, err := serve(t, c.answers).ReadCard(context.Background(),
			incident.Ref{Owner: "acme", Repo: "incidents",
				Number: 5}, func(body string) bool { return strings.HasSuffix(body, "good") })
		if err != nil || got != c.want {
			t.Errorf("%s: %q (%v), want %q", name, got, err, c.want)
		}
	}
}

func TestAllowance(t *testing.T) {
	app := serve(t, map[string]answer{"rate_limit": {body: `{"resources":{"core":{"limit":5000,"remaining":4321,"reset":1772448000},"search":{"limit":30,"remaining":1,"reset":1}}}`}})
	left, limit, until, err := app.RateLimit(context.Background(), "acme", "incidents")
	if err != nil || left != 4321 || limit != 5000 || !until.Equal(time.Unix(1772448000, 0)) {
		t.Errorf("%d of %d until %v (%v)", left, limit, until, err)
	}
	// GitHub Enterprise Server with its limits off, as they are by default
	if _, limit, _, err := serve(t, map[string]answer{"rate_limit": {}}).RateLimit(context.Background(),
		"acme", "incidents"); err != nil || limit != 0 {
		t.Errorf("without limits: %d (%v)", limit, err)
	}
}
