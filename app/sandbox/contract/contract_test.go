package contract

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// A probe is a test that only remembers how it was failed.
type probe struct {
	testing.TB
	mu       sync.Mutex
	failures []string
	cleanups []func()
}

func (p *probe) Helper()          {}
func (p *probe) Cleanup(f func()) { p.cleanups = append(p.cleanups, f) }
func (p *probe) Errorf(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures = append(p.failures, fmt.Sprintf(format, args...))
}

func (p *probe) end() {
	for _, f := range p.cleanups {
		f()
	}
}

// expect fails t unless the probe was failed for just the reasons given.
func (p *probe) expect(t *testing.T, reasons ...string) {
	t.Helper()
	if len(p.failures) != len(reasons) {
		t.Fatalf("%d violations, want %d:\n%s", len(p.failures), len(reasons), strings.Join(p.failures, "\n"))
	}
	for i, reason := range reasons {
		if !strings.Contains(p.failures[i], reason) {
			t.Errorf("violation %q, want one with %q", p.failures[i], reason)
		}
	}
}

const (
	label = `{"id":1,"node_id":"LA_1","url":"https://github.test/api/v3/repos/acme/incidents/labels/incident","name":"incident","description":null,"color":"d73a4a","default":false}`

	alice = `{"login":"alice","id":11,"node_id":"U_11","avatar_url":"https://github.test/a.png","gravatar_id":"","url":"https://github.test/u",
		"html_url":"https://github.test/alice","followers_url":"https://github.test/f","following_url":"https://github.test/f{/other_user}",
		"gists_url":"https://github.test/g{/gist_id}","starred_url":"https://github.test/s{/owner}{/repo}","subscriptions_url":"https://github.test/s",
		"organizations_url":"https://github.test/o","repos_url":"https://github.test/r","events_url":"https://github.test/e{/privacy}",
		"received_events_url":"https://github.test/e","type":"User","site_admin":false}`

	event = `"id":5,"node_id":"E_5","url":"https://github.test/e","actor":` + alice + `,"commit_id":null,"commit_url":null,
		"created_at":"2026-11-24T09:00:00Z","performed_via_github_app":null`

	file = `{"type":"file","encoding":"base64","size":1,"name":"a.md","path":"docs/a.md","content":"YQ==","sha":"abc","url":"https://github.test/c",
		"git_url":"https://github.test/g","html_url":"https://github.test/h","download_url":null,"_links":{"git":null,"html":null,"self":"https://github.test/c"}}`

	repo   = "/api/v3/repos/acme/incidents"
	failed = `{"message":"something is wrong","documentation_url":"https://docs.github.com/rest"}`
)

// An exchange is a request with the answer it gets. Both are JSON unless said
// otherwise.
type exchange struct {
	method, path string
	header       http.Header
	body         string
	status       int
	contentType  string
	answer       string
}

// run sends the request through the middleware of p.
func (e exchange) run(t *testing.T, p *probe) *http.Response {
	t.Helper()
	handler := Middleware(p, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got, err := io.ReadAll(r.Body); err != nil || string(got) != e.body {
			t.Errorf("handler got body %q, %v; want %q", got, err, e.body)
		}
		contentType := "application/json; charset=utf-8"
		if e.contentType != "" {
			contentType = e.contentType
		}
		if e.answer != "" {
			w.Header().Set("Content-Type", contentType)
		}
		w.WriteHeader(e.status)
		_, _ = io.WriteString(w, e.answer)
	}))
	r := httptest.NewRequest(e.method, e.path, strings.NewReader(e.body))
	if e.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, values := range e.header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	got := w.Result()
	data, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got.StatusCode != e.status || string(data) != e.answer {
		t.Errorf("client got %d %q, want %d %q", got.StatusCode, data, e.status, e.answer)
	}
	return got
}

func TestMiddleware(t *testing.T) {
	tests := map[string]struct {
		exchange exchange
		want     []string
	}{
		"a right answer": {
			exchange: exchange{method: "GET", path: repo + "/labels?per_page=100", status: 200, answer: "[" + label + "]"},
		},
		"a right answer without the prefix": {
			exchange: exchange{method: "GET", path: "/repos/acme/incidents/labels", status: 200, answer: "[" + label + "]"},
		},
		"a right write": {
			exchange: exchange{method: "POST", path: repo + "/labels", body: `{"name":"incident","color":"d73a4a"}`, status: 201, answer: label},
		},
		"an answer without a body": {
			exchange: exchange{method: "GET", path: repo + "/issues/1/assignees/alice", status: 204},
		},
		"a file in a folder": {
			exchange: exchange{method: "GET", path: repo + "/contents/docs/a.md?ref=main", status: 200, answer: file},
		},
		"a file with an escaped name": {
			exchange: exchange{method: "GET", path: repo + "/contents/docs%2Fa.md", status: 200, answer: file},
		},
		"the root folder without its slash": {
			exchange: exchange{method: "GET", path: repo + "/contents", status: 200, answer: "[]"},
		},
		"the root folder": {
			exchange: exchange{method: "GET", path: repo + "/contents/", status: 200, answer: "[]"},
		},
		"a file's bytes": {
			exchange: exchange{method: "GET", path: repo + "/contents/docs/a.md", header: http.Header{"Accept": {"application/vnd.github.raw+json"}},
				status: 200, contentType: "application/vnd.github.raw+json; charset=utf-8", answer: "a"},
		},
		"a page": {
			exchange: exchange{method: "GET", path: "/acme/incidents/issues/1", status: 200, contentType: "text/html", answer: "<h1>Down</h1>"},
		},

		"a missing field": {
			exchange: exchange{method: "GET", path: repo + "/labels", status: 200, answer: "[" + strings.Replace(label, `"id":1,`, "", 1) + "]"},
			want:     []string{`GET /api/v3/repos/acme/incidents/labels: 200: answer /0/id: property "id" is missing`},
		},
		"a field of the wrong type": {
			exchange: exchange{method: "GET", path: repo + "/labels/incident", status: 200, answer: strings.Replace(label, `"id":1`, `"id":"1"`, 1)},
			want:     []string{`answer /id: value must be an integer, not "1"`},
		},
		"null where it may not be": {
			exchange: exchange{method: "GET", path: repo + "/labels/incident", status: 200, answer: strings.Replace(label, `"incident"`, `null`, 1)},
			want:     []string{`answer /name: Value is not nullable`},
		},
		"an address that is none": {
			exchange: exchange{method: "GET", path: repo + "/labels/incident", status: 200, answer: strings.Replace(label, `"https://github.test`, `"`, 1)},
			want:     []string{`answer /url: must be a uri, not "/api/v3/`},
		},
		"an invented field": {
			exchange: exchange{method: "GET", path: repo + "/labels/incident", status: 200, answer: strings.Replace(label, `"id":1`, `"id":1,"colour":"red"`, 1)},
			want:     []string{`answer /colour: GitHub knows no such field`},
		},
		"two mistakes, one of them twice": {
			exchange: exchange{method: "GET", path: repo + "/labels", status: 200, answer: "[" +
				strings.Replace(label, `"id":1,`, "", 1) + "," + strings.Replace(label, `"id":1,"node_id":"LA_1",`, "", 1) + "]"},
			want: []string{`property "id" is missing`, `property "node_id" is missing`},
		},
		"another content type": {
			exchange: exchange{method: "GET", path: repo + "/labels/incident", status: 200, contentType: "text/plain", answer: label},
			want:     []string{`answer: GitHub sends no Content-Type "text/plain" here`},
		},
		"a body where there is none": {
			exchange: exchange{method: "DELETE", path: repo + "/labels/incident", status: 204, answer: "{}"},
			want:     []string{"has a body"},
		},
		"another status": {
			exchange: exchange{method: "POST", path: repo + "/labels", body: `{"name":"incident"}`, status: 200, answer: label},
			want:     []string{"200: answer: GitHub describes no such status here"},
		},
		"a file that is half one": {
			exchange: exchange{method: "GET", path: repo + "/contents/docs/a.md", status: 200, answer: strings.Replace(file, `"sha":"abc",`, "", 1)},
			want:     []string{`answer /sha: property "sha" is missing`},
		},

		"an unknown operation": {
			exchange: exchange{method: "POST", path: repo + "/issues/1/escalate", status: 200, answer: "{}"},
			want:     []string{"GitHub has no such operation"},
		},
		"an unknown method": {
			exchange: exchange{method: "DELETE", path: repo + "/issues/1", status: 204},
			want:     []string{"DELETE /api/v3/repos/acme/incidents/issues/1: 204: GitHub has no such operation"},
		},
		"an unknown operation that isn't found": {
			exchange: exchange{method: "POST", path: repo + "/issues/1/escalate", status: 404, answer: failed},
		},

		"a bad request body": {
			exchange: exchange{method: "POST", path: repo + "/labels", body: `{"name":7}`, status: 201, answer: label},
			want:     []string{`request body /name: value must be a string, not 7`},
		},
		"a request body without what is needed": {
			exchange: exchange{method: "POST", path: repo + "/labels", body: `{"color":"d73a4a"}`, status: 201, answer: label},
			want:     []string{`request body /name: property "name" is missing`},
		},
		"no request body": {
			exchange: exchange{method: "POST", path: repo + "/labels", status: 201, answer: label},
			want:     []string{`request body: value is required but missing`},
		},
		"a misspelt wish in the request body": {
			exchange: exchange{method: "POST", path: repo + "/labels", body: `{"name":"incident","colour":"d73a4a"}`, status: 201, answer: label},
			want:     []string{`request body /colour: GitHub knows no such field`},
		},
		"a misspelt wish in the query": {
			exchange: exchange{method: "GET", path: repo + "/labels?perpage=100", status: 200, answer: "[]"},
			want:     []string{`GitHub knows no query parameter "perpage" here`},
		},
		"a bad value in the query": {
			exchange: exchange{method: "GET", path: repo + "/issues?state=opened", status: 200, answer: "[]"},
			want:     []string{`request parameter "state" in query: value is not one of the allowed values`},
		},
		"a bad value in the path": {
			exchange: exchange{method: "GET", path: repo + "/issues/one/labels", status: 200, answer: "[]"},
			want:     []string{`request parameter "issue_number" in path`},
		},
		"a request body in the wrong type": {
			exchange: exchange{method: "POST", path: repo + "/labels", header: http.Header{"Content-Type": {"text/plain"}},
				body: `{"name":"incident"}`, status: 201, answer: label},
			want: []string{`Content-Type has unexpected value "text/plain"`},
		},
		"a bad request that is refused": {
			exchange: exchange{method: "POST", path: repo + "/labels", body: `{"color":"d73a4a"}`, status: 422, answer: failed},
		},

		"labels in an object": {
			exchange: exchange{method: "POST", path: repo + "/issues/1/labels", body: `{"labels":["incident"]}`, status: 200, answer: "[" + label + "]"},
		},
		"labels as a list": {
			exchange: exchange{method: "POST", path: repo + "/issues/1/labels", body: `["incident"]`, status: 200, answer: "[" + label + "]"},
		},
		"labels replaced by none": {
			exchange: exchange{method: "PUT", path: repo + "/issues/1/labels", body: `[]`, status: 200, answer: "[]"},
		},
		"labels that are numbers": {
			exchange: exchange{method: "POST", path: repo + "/issues/1/labels", body: `[7]`, status: 200, answer: "[" + label + "]"},
			want:     []string{`request body /0: value must be a string, not 7`},
		},

		"an error that GitHub may always send": {
			exchange: exchange{method: "GET", path: repo + "/labels", status: 401, answer: failed},
		},
		"an error without a message": {
			exchange: exchange{method: "GET", path: repo + "/labels", status: 429, answer: `{"error":"slow down"}`},
			want:     []string{"an error without a JSON object that has a message"},
		},
		"an error with its status": {
			exchange: exchange{method: "POST", path: repo + "/labels", body: `{"name":"incident"}`, status: 422,
				answer: strings.Replace(failed, "{", `{"status":"422",`, 1)},
		},
		"an error that is described without a body": {
			exchange: exchange{method: "GET", path: repo + "/pulls/7/merge", status: 404, answer: failed},
		},
		"an error that is described without a body, and has no message": {
			exchange: exchange{method: "GET", path: repo + "/pulls/7/merge", status: 404, answer: "{}"},
			want:     []string{"an error without a JSON object that has a message"},
		},
		"an answer that was broken on purpose": {
			exchange: exchange{method: "GET", path: repo + "/labels", status: 502, contentType: "text/html", answer: "<h1>Unicorn</h1>"},
		},
		"an answer that hasn't changed": {
			exchange: exchange{method: "GET", path: repo + "/labels", status: 304},
		},

		"a timeline": {
			exchange: exchange{method: "GET", path: repo + "/issues/1/timeline", status: 200, answer: `[
				{"event":"labeled",` + event + `,"label":{"name":"incident","color":"d73a4a"}},
				{"event":"closed",` + event + `,"state_reason":"completed"}]`},
		},
		"a timeline's label without a label": {
			exchange: exchange{method: "GET", path: repo + "/issues/1/timeline", status: 200, answer: `[{"event":"labeled",` + event + `}]`},
			want:     []string{`answer /0/label: property "label" is missing`},
		},
		"a timeline's label with a name of the wrong type": {
			exchange: exchange{method: "GET", path: repo + "/issues/1/timeline", status: 200,
				answer: `[{"event":"labeled",` + event + `,"label":{"name":1,"color":"d73a4a"}}]`},
			want: []string{`answer /0/label/name: value must be a string, not 1`},
		},
		"a timeline's invented event": {
			exchange: exchange{method: "GET", path: repo + "/issues/1/timeline", status: 200, answer: `[{"event":"escalated",` + event + `}]`},
			want:     []string{`answer /0: GitHub knows no event "escalated" here`},
		},
		"a timeline's element that is nothing": {
			exchange: exchange{method: "GET", path: repo + "/issues/1/timeline", status: 200, answer: `["closed"]`},
			want:     []string{`answer /0: GitHub knows no event "" here`},
		},
		"a timeline that is no list": {
			exchange: exchange{method: "GET", path: repo + "/issues/1/timeline", status: 200, answer: `{"events":[]}`},
			want:     []string{`answer: value must be an array, not an object`},
		},
		"no JSON": {
			exchange: exchange{method: "GET", path: repo + "/labels/incident", status: 200, answer: "<h1>Label</h1>"},
			want:     []string{`answer: is no JSON`},
		},
		"no content type": {
			exchange: exchange{method: "GET", path: repo + "/labels/incident", status: 200, contentType: "-", answer: label},
			want:     []string{`answer: GitHub sends no Content-Type "-" here`},
		},
		"an issue's events": {
			exchange: exchange{method: "GET", path: repo + "/issues/1/events", status: 200, answer: `[
				{"event":"closed",` + event + `,"state_reason":"completed"},
				{"event":"assigned",` + event + `,"assignee":` + alice + `}]`},
			want: []string{`answer /1/assigner: property "assigner" is missing`},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := &probe{TB: t}
			test.exchange.run(t, p)
			p.expect(t, test.want...)
		})
	}
}

func TestMiddlewareAtOnce(t *testing.T) {
	p := &probe{TB: t}
	handler := Middleware(p, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{}`)
	}))
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			path := fmt.Sprintf("%s/issues/%d/labels", repo, i)
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
		})
	}
	all.Wait()
	p.expect(t, "answer: value must be an array, not an object")

	p.end()
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", repo+"/labels", nil))
	p.expect(t, "answer: value must be an array, not an object")
}

// A dropped connection isn't an answer, and so breaks no contract.
func TestMiddlewareLetsConnectionsDrop(t *testing.T) {
	p := &probe{TB: t}
	server := httptest.NewServer(Middleware(p, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.Close()
	})))
	defer server.Close()
	if answer, err := http.Get(server.URL + repo + "/labels"); err == nil {
		_ = answer.Body.Close()
		t.Errorf("got %s, want a dropped connection", answer.Status)
	}
	p.expect(t)
}

// The description holds what the product and its sandbox use.
func TestOperations(t *testing.T) {
	d, err := load()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"PUT /repos/acme/incidents/issues/comments/7/pin":                  "issues/pin-comment",
		"GET /repos/acme/incidents/issues/7":                               "issues/get",
		"GET /repos/acme/incidents/issues/comments":                        "issues/list-comments-for-repo",
		"POST /repos/acme/incidents/issues/7/sub_issues":                   "issues/add-sub-issue",
		"GET /repos/acme/incidents/commits/feature/x":                      "repos/get-commit",
		"GET /repos/acme/incidents/commits/feature/x/check-runs":           "checks/list-for-ref",
		"GET /repos/acme/incidents/git/ref/heads/postmortem/7":             "git/get-ref",
		"PATCH /repos/acme/incidents/git/refs/heads/postmortem/7":          "git/update-ref",
		"GET /repos/acme/incidents/branches/postmortem/7":                  "repos/get-branch",
		"GET /repos/acme/incidents/compare/main...postmortem/7":            "repos/compare-commits-with-basehead",
		"PUT /repos/acme/incidents/contents/.github/firebreak.yml":         "repos/create-or-update-file-contents",
		"HEAD /repos/acme/incidents":                                       "repos/get",
		"POST /app/installations/5/access_tokens":                          "apps/create-installation-access-token",
		"POST /app/hook/deliveries/5/attempts":                             "apps/redeliver-webhook-delivery",
		"DELETE /repos/acme/incidents/issues/7/labels/needs%20decision":    "issues/remove-label",
		"GET /repos/acme/incidents/issues/7/labels/needs/decision":         "",
		"GET /repos/acme/incidents/collaborators/alice/permission":         "repos/get-collaborator-permission-level",
		"GET /repos/acme/incidents/collaborators/firebreak%5Bbot%5D":       "repos/check-collaborator",
		"GET /orgs/acme/teams/incident-coordinators/memberships/carol":     "teams/get-membership-for-user-in-org",
		"DELETE /repos/acme/incidents/pulls/7/requested_reviewers":         "pulls/remove-requested-reviewers",
		"GET /repos/acme/incidents/pulls/7/merge":                          "pulls/check-if-merged",
		"POST /repos/acme/incidents/issues/7/sub_issue":                    "",
		"POST /app-manifests/0123456789abcdef0123456789abcdef/conversions": "apps/create-from-manifest",
	}
	for request, want := range tests {
		method, path, _ := strings.Cut(request, " ")
		got := ""
		if route, _, ok := d.find(method, path); ok {
			got = route.Operation.OperationID
		}
		if got != want {
			t.Errorf("%s is %q, want %q", request, got, want)
		}
	}
}
