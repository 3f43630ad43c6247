package sandbox

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func testRoot(g *github) {
	g.steps(
		step{"alice", "GET /", "", 200, []string{"rate_limit_url=" + g.url + "/api/v3/rate_limit"}},
		step{"", "GET /", "", 200, []string{"current_user_url=" + g.url + "/api/v3/user"}},

		step{"alice", "GET ~/readme", "", 200, []string{"name=README.md", "encoding=base64"}},
		step{"gina", "GET ~/readme", "", 404, nil},
		step{"alice", "GET ~/milestones", "", 200, []string{"#=0"}},
		step{"gina", "GET ~/milestones", "", 404, nil},

		step{"alice", "POST ~/issues", `{"title":"One"}`, 201, nil},
		step{"alice", "POST ~/issues", `{"title":"Two"}`, 201, nil},
		step{"alice", "POST ~/issues/2/comments", `{"body":"b"}`, 201, nil},
	)
	g.advance(1e9)
	g.steps(
		step{"alice", "POST ~/issues/1/comments", `{"body":"a"}`, 201, []string{"updated_at>later"}},
		step{"alice", "GET ~/issues/comments", "", 200, []string{"*.body=b,a"}},
		step{"alice", "GET ~/issues/comments?sort=created", "", 200, []string{"*.body=a,b"}},
		step{"alice", "GET ~/issues/comments?sort=updated&direction=asc", "", 200, []string{"*.body=b,a"}},
		step{"app", "GET ~/issues/comments?since=$later", "", 200, []string{"*.body=a"}},
		step{"alice", "GET ~/issues/comments?since=yesterday", "", 422, nil},
		step{"gina", "GET ~/issues/comments", "", 404, nil},

		step{"alice", "PUT ~/issues/1/lock", `{"lock_reason":"boring"}`, 422, nil},
		step{"alice", "PUT ~/issues/1/lock", `{"lock_reason":"too heated"}`, 204, nil},
		step{"alice", "GET ~/issues/1", "", 200, []string{"locked=true", "active_lock_reason=too heated", "type=null"}},
		step{"alice", "GET ~/issues/1/events", "", 200, []string{"0.lock_reason=too heated"}},
		step{"alice", "DELETE ~/issues/1/lock", "", 204, nil},
		step{"alice", "GET ~/issues/1", "", 200, []string{"locked=false", "active_lock_reason=null"}},

		step{"alice", "POST ~/dispatches", `{"event_type":"page","client_payload":{"n":1}}`, 204, nil},
		step{"app", "POST ~/dispatches", `{"event_type":"page"}`, 204, nil},
		step{"alice", "POST ~/dispatches", `{"client_payload":{}}`, 422, nil},
		step{"alice", "POST ~/dispatches", `{"event_type":"` + strings.Repeat("x", 101) + `"}`, 422, nil},
		step{"alice", "POST ~/dispatches", `{"event_type":"x","client_payload":{"1":1,"2":1,"3":1,"4":1,"5":1,"6":1,"7":1,"8":1,"9":1,"10":1,"11":1}}`, 422, nil},
		step{"mallory", "POST ~/dispatches", `{"event_type":"page"}`, 403, nil},

		step{"alice", "GET ~/commits/main", "", 200, []string{"sha>sha"}},
		step{"alice", "POST ~/statuses/$sha", `{"state":"pending","context":"ci"}`, 201, nil},
		step{"alice", "POST ~/statuses/$sha", `{"state":"success","context":"ci"}`, 201, nil},
		step{"alice", "POST ~/statuses/0123456789012345678901234567890123456789", `{"state":"success"}`, 422, []string{
			"message=No commit found for SHA: 0123456789012345678901234567890123456789"}},
		step{"alice", "GET ~/commits/main/statuses", "", 200, []string{"*.state=success,pending", "0.creator.login=alice"}},
		step{"gina", "GET ~/commits/main/statuses", "", 404, nil},

		step{"alice", "GET /search/issues?q=is:issue+repo:acme/none", "", 422, nil},
		step{"app", "GET /search/issues?q=repo:acme/none+repo:acme/incidents", "", 200, []string{"total_count=0"}},
		step{"gina", "GET /search/issues?q=is:issue+repo:acme/incidents", "", 422, nil},

		step{"alice", "DELETE /installation/token", "", 403, nil},
		step{"app issues:read", "DELETE /installation/token", "", 204, nil},
		step{"app issues:read", "GET ~", "", 401, []string{"message=Bad credentials"}},
		step{"app", "GET ~", "", 200, nil},
	)
}

// A sub-issue is listed with its repository, which may be another.
func TestSubIssuesHaveTheirRepository(t *testing.T) {
	g := newGitHub(t)
	g.steps(
		step{"alice", "POST ~/issues", `{"title":"Parent"}`, 201, nil},
		step{"alice", "POST /repos/acme/platform/issues", `{"title":"Child"}`, 201, []string{"id>id"}},
		step{"alice", "POST ~/issues/1/sub_issues", `{"sub_issue_id":$id}`, 201, nil},
		step{"alice", "GET ~/issues/1/sub_issues", "", 200, []string{"0.repository.full_name=acme/platform"}},
	)
}

// What is new is at the address that the Location header says.
func TestLocation(t *testing.T) {
	g := newGitHub(t)
	for _, test := range []struct{ request, body string }{
		{"POST ~/issues", `{"title":"Down"}`},
		{"POST ~/issues/1/comments", `{"body":"a"}`},
		{"POST ~/labels", `{"name":"new"}`},
	} {
		a := g.call("alice", test.request, test.body)
		a.want(http.StatusCreated)
		at := a.header.Get("Location")
		if at != a.field("url") {
			t.Errorf("%s: the Location is %q, and what is new is at %q", test.request, at, a.field("url"))
		}
		g.call("alice", "GET "+strings.TrimPrefix(at, g.url+"/api/v3"), "").want(http.StatusOK)
	}
	if at := g.call("alice", "POST ~/issues/1/assignees", `{"assignees":["bob"]}`).header.Get("Location"); at != "" {
		t.Errorf("an assignment has the Location %q", at)
	}
}

// Addresses that GitHub doesn't have are answered in JSON, however they are written.
func TestUnknownAddressesAreAnsweredInJSON(t *testing.T) {
	g := newGitHub(t)
	for _, path := range []string{"/api/v3/none", "/api/v3/repos/acme/incidents/none/1", "/api/v3//repos//acme", "/api/v3/repos/../user", "/api/v4/user", "/api/", "/api/v3/graphql"} {
		r := httptest.NewRequest(http.MethodGet, "http://github.example/", nil)
		r.URL.Path = path
		r.Header.Set("Authorization", "Bearer demo-alice")
		w := httptest.NewRecorder()
		g.box.Handler().ServeHTTP(w, r)
		var body struct{ Message, Status string }
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != http.StatusNotFound || body.Message != "Not Found" || body.Status != "404" {
			t.Errorf("%s is answered %d %s", path, w.Code, w.Body)
		}
	}
	g.call("alice", "PATCH /user", "{}").want(http.StatusNotFound)
}

// Who names no version of the API is given the older one, which says when it ends.
func TestVersions(t *testing.T) {
	g := newGitHub(t)
	newest := "X-GitHub-Api-Version: " + "2026-03-10"
	g.branch("change", "a.txt", "a")
	g.steps(
		step{"alice", "POST ~/issues", `{"title":"One"}`, 201, nil},
		step{"alice", "POST ~/pulls", `{"title":"Two","head":"change","base":"main"}`, 201, nil},
	)
	tests := map[string]struct {
		who, request, body, header string
		selected, sunset           string
		want                       []string
	}{
		"older, unnamed":        {who: "alice", request: "GET ~/issues/1", selected: "2022-11-28", want: []string{"assignee=null", "assignees.#=0"}},
		"older":                 {who: "alice", request: "GET ~/issues/1", header: "X-GitHub-Api-Version: 2022-11-28", selected: "2022-11-28", want: []string{"assignee=null"}},
		"an issue":              {who: "alice", request: "GET ~/issues/1", header: newest, selected: "2026-03-10", want: []string{"assignee=absent", "assignees.#=0"}},
		"a search":              {who: "app", request: "GET /search/issues?q=is:issue", header: newest, selected: "2026-03-10", want: []string{"items.0.assignee=absent"}},
		"a pull request":        {who: "alice", request: "GET ~/pulls/2", header: newest, selected: "2026-03-10", want: []string{"assignee=absent", "merge_commit_sha=absent", "base.repo.has_downloads=absent"}},
		"its older form":        {who: "alice", request: "GET ~/pulls/2", selected: "2022-11-28", want: []string{"merge_commit_sha=null", "base.repo.has_downloads=true"}},
		"a repository":          {who: "app", request: "GET ~", header: newest, selected: "2026-03-10", want: []string{"has_downloads=absent", "has_issues=true"}},
		"limits":                {who: "app", request: "GET /rate_limit", header: newest, selected: "2026-03-10", want: []string{"rate=absent", "resources.core.limit=5000"}},
		"the root":              {who: "", request: "GET /", header: newest, selected: "2026-03-10", want: []string{"authorizations_url=absent", "hub_url=absent"}},
		"a file as it is":       {who: "alice", request: "GET ~/contents/README.md", header: newest, selected: "2026-03-10", want: []string{"name=README.md"}},
		"an older new issue":    {who: "alice", request: "POST ~/issues", body: `{"title":"x","assignee":"bob"}`, selected: "2022-11-28", sunset: "Fri, 10 Mar 2028 00:00:00 GMT", want: []string{"assignees.*.login=bob"}},
		"a new issue":           {who: "alice", request: "POST ~/issues", body: `{"title":"x","assignees":["bob"]}`, header: newest, selected: "2026-03-10", want: []string{"assignee=absent", "assignees.*.login=bob"}},
		"an older change":       {who: "alice", request: "PATCH ~/issues/1", body: `{"title":"y"}`, selected: "2022-11-28", sunset: "Fri, 10 Mar 2028 00:00:00 GMT", want: []string{"title=y"}},
		"an assignment stays":   {who: "alice", request: "GET ~/issues/3/timeline", header: newest, selected: "2026-03-10", want: []string{"0.assignee.login=bob"}},
		"an unknown version":    {who: "alice", request: "GET ~", header: "X-GitHub-Api-Version: v3"},
		"a version of the past": {who: "alice", request: "GET ~", header: "X-GitHub-Api-Version: 2021-01-01"},
	}
	g.steps(step{"alice", "POST ~/issues", `{"title":"Three","assignees":["bob"]}`, 201, nil})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			header := []string{}
			if test.header != "" {
				header = append(header, test.header)
			}
			a := g.call(test.who, test.request, test.body, header...)
			if got := a.header.Get("X-GitHub-Api-Version-Selected"); got != test.selected {
				t.Errorf("version %q answers %s", got, a.body)
			}
			if test.selected == "" {
				a.want(http.StatusBadRequest)
				if !strings.Contains(a.field("message"), `not a supported version. The following versions are currently supported: "2026-03-10"`) {
					t.Errorf("an unknown version is answered %s", a.body)
				}
				return
			}
			if got := a.header.Get("Sunset"); got != test.sunset || (got == "") != (a.header.Get("Deprecation") == "") {
				t.Errorf("Sunset is %q, Deprecation %q", got, a.header.Get("Deprecation"))
			}
			for _, want := range test.want {
				path, value, _ := strings.Cut(want, "=")
				if got := a.field(path); got != value {
					t.Errorf("%s is %q, want %q: %s", path, got, value, a.body)
				}
			}
		})
	}
	// The singular assignee of a request counts for nothing any more. GitHub describes no such field, so this goes past the contract.
	r := httptest.NewRequest(http.MethodPost, "/api/v3/repos/acme/incidents/issues", strings.NewReader(`{"title":"x","assignee":"bob"}`))
	r.Header.Set("Authorization", "Bearer demo-alice")
	r.Header.Set("X-GitHub-Api-Version", "2026-03-10")
	w := httptest.NewRecorder()
	g.box.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusCreated || !strings.Contains(w.Body.String(), `"assignees":[]`) {
		t.Errorf("an issue with a singular assignee is answered %d %s", w.Code, w.Body)
	}
}

// Everybody is told how many calls they have, and only the installation runs out of them.
func TestEverybodyIsToldTheirLimit(t *testing.T) {
	g := newGitHub(t, func(o *Options) { o.Calls = 3 })
	for _, test := range []struct{ who, request, limit, left, resource string }{
		{"alice", "GET ~", "5000", "4999", "core"},
		{"alice", "GET ~", "5000", "4998", "core"},
		{"bob", "GET ~", "5000", "4999", "core"},
		{"bob", "GET /search/issues?q=is:issue", "30", "29", "search"},
		{"jwt", "GET /app", "5000", "4999", "core"},
		{"", "GET /meta", "60", "59", "core"},
		{"app", "GET ~", "3", "2", "core"},
	} {
		head := g.call(test.who, test.request, "").header
		if head.Get("X-RateLimit-Limit") != test.limit || head.Get("X-RateLimit-Remaining") != test.left ||
			head.Get("X-RateLimit-Resource") != test.resource {
			t.Errorf("%s %s has the limits %v", test.who, test.request, head)
		}
	}
	if got := g.call("alice", "GET /rate_limit", "").field("resources.core.remaining"); got != "4998" {
		t.Errorf("alice has %s calls left", got)
	}
	if scopes := g.call("alice", "GET ~", "").header.Get("X-OAuth-Scopes"); !strings.Contains(scopes, "repo") {
		t.Errorf("a person's token has the scopes %q", scopes)
	}
}

// Receivers that check the older signature find it.
func TestOlderSignature(t *testing.T) {
	got := make(chan bool, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mac := hmac.New(sha1.New, []byte("a secret of the tests"))
		mac.Write(body)
		got <- r.Header.Get("X-Hub-Signature") == "sha1="+hex.EncodeToString(mac.Sum(nil))
	}))
	defer receiver.Close()
	g := newGitHub(t, func(o *Options) { o.WebhookURL = receiver.URL })
	g.call("alice", "POST ~/issues", `{"title":"Down"}`).want(http.StatusCreated)
	g.settle()
	if !<-got {
		t.Error("X-Hub-Signature does not fit")
	}
}
