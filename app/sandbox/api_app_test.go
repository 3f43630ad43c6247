package sandbox

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v4"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

func testApp(g *github) {
	// Somebody who answers, so that there are deliveries.
	broken := false
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if broken {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = w.Write([]byte("thanks"))
	}))
	defer receiver.Close()
	g.held(func(f *forge.Forge) { f.App.HookURL = receiver.URL })

	g.steps(
		step{"jwt", "GET /app", "", 200, []string{"slug=robot", "id=1", "installations_count=1", "permissions.issues=write", "client_id>client"}},
		step{"app", "GET /app", "", 401, []string{"message=A JSON web token could not be decoded"}},
		step{"", "GET /app", "", 401, nil},
		step{"alice", "GET /apps/robot", "", 200, []string{"slug=robot"}},
		step{"alice", "GET /apps/none", "", 404, nil},
		step{"jwt", "GET /app/installations", "", 200, []string{"*.id=7001", "0.account.login=acme", "0.suspended_at=null"}},
		step{"alice", "GET /app/installations", "", 401, nil},
		step{"jwt", "GET /app/installations/7001", "", 200, []string{"repository_selection=all"}},
		step{"jwt", "GET /app/installations/7", "", 404, nil},
		step{"jwt", "GET ~/installation", "", 200, []string{"id=7001"}},
		step{"jwt", "GET /repos/acme/none/installation", "", 404, nil},
		step{"app", "GET ~/installation", "", 401, nil},
		step{"jwt", "GET /orgs/acme/installation", "", 200, []string{"id=7001"}},
		step{"jwt", "GET /orgs/globex/installation", "", 404, nil},
		step{"jwt", "GET /users/alice/installation", "", 404, nil},

		step{"app", "GET /installation/repositories", "", 200, []string{"total_count=7", "repository_selection=all"}},
		step{"app @platform", "GET /installation/repositories", "", 200, []string{"repositories.*.name=platform", "repository_selection=selected"}},
		step{"alice", "GET /installation/repositories", "", 403, nil},

		step{"jwt", "POST /app/installations/7001/access_tokens", "", 201, []string{"repository_selection=all", "permissions.members=read", "repositories=absent"}},
		step{"jwt", "POST /app/installations/7001/access_tokens", `{"repositories":["payments"],"permissions":{"issues":"read"}}`, 201, []string{
			"repository_selection=selected", "repositories.*.name=payments", "permissions.issues=read", "permissions.contents=absent"}},
		step{"jwt", "POST /app/installations/7001/access_tokens", `{"repository_ids":[3001]}`, 201, []string{"repositories.*.name=incidents"}},
		step{"jwt", "POST /app/installations/7001/access_tokens", `{"repositories":["none"]}`, 422, nil},
		step{"jwt", "POST /app/installations/7001/access_tokens", `{"permissions":{"administration":"write"}}`, 422, []string{"message=The permissions requested are not granted to this installation."}},
		step{"jwt", "POST /app/installations/7001/access_tokens", `{"permissions":{"members":"write"}}`, 422, nil},
		step{"jwt", "POST /app/installations/7/access_tokens", "", 404, nil},
		step{"app", "POST /app/installations/7001/access_tokens", "", 401, nil},

		step{"", "GET /meta", "", 200, []string{"hooks.#=1"}},
		step{"", "GET /versions", "", 200, []string{"#=2", "0=2026-03-10"}},
		step{"app", "GET /rate_limit", "", 200, []string{"resources.core.limit=5000", "resources.search.limit=30"}},
		step{"jwt", "GET /app/hook/config", "", 200, []string{"url=" + receiver.URL, "secret=********", "content_type=json"}},
		step{"alice", "GET /app/hook/config", "", 401, nil},
		step{"jwt", "PATCH /app/hook/config", `{"url":"https://elsewhere.example/webhook","secret":"another"}`, 200,
			[]string{"url=https://elsewhere.example/webhook", "secret=********", "content_type=json", "insecure_ssl=0"}},
		step{"jwt", "PATCH /app/hook/config", `{"url":"elsewhere"}`, 422, []string{"errors.0.field=url"}},
		step{"jwt", "PATCH /app/hook/config", `{"content_type":"form"}`, 422, []string{"errors.0.field=content_type"}},
		step{"jwt", "PATCH /app/hook/config", `{"insecure_ssl":"1"}`, 422, []string{"errors.0.field=insecure_ssl"}},
		step{"app", "PATCH /app/hook/config", `{"url":"https://elsewhere.example"}`, 401, nil},
		step{"jwt", "GET /app/hook/config", "", 200, []string{"url=https://elsewhere.example/webhook"}},
		step{"jwt", "PATCH /app/hook/config", `{"url":"` + receiver.URL + `","content_type":"json","insecure_ssl":0}`, 200,
			[]string{"url=" + receiver.URL}},
	)
	if html := g.call("alice", "POST /markdown", `{"text":"**bold** #1","context":"acme/incidents"}`); !strings.Contains(string(html.body), "<strong>bold</strong>") {
		g.t.Errorf("Markdown becomes %s", html.body)
	}

	// Deliveries, newest first.
	g.steps(step{"alice", "POST ~/issues", `{"title":"Down"}`, 201, nil})
	g.settle()
	broken = true
	g.steps(step{"alice", "POST ~/issues/1/comments", `{"body":"/ic"}`, 201, nil})
	g.settle()
	broken = false
	g.steps(
		step{"jwt", "GET /app/hook/deliveries", "", 200, []string{"*.event=issue_comment,issues", "*.action=created,opened", "*.status_code=500,200",
			"*.status=Invalid HTTP Response: 500,OK", "*.redelivery=false,false", "0.id>failed", "0.guid>guid", "1.id>fine", "0.repository_id=3001", "0.installation_id=7001"}},
		step{"jwt", "GET /app/hook/deliveries?status=failure", "", 200, []string{"*.id=$failed"}},
		step{"jwt", "GET /app/hook/deliveries?status=success", "", 200, []string{"*.id=$fine"}},
		step{"app", "GET /app/hook/deliveries", "", 401, nil},
		step{"jwt", "GET /app/hook/deliveries/$failed", "", 200, []string{"request.payload.comment.body=/ic", "request.headers.X-GitHub-Delivery=$guid", "response.payload=thanks"}},
		step{"jwt", "GET /app/hook/deliveries/1", "", 404, nil},
		step{"jwt", "POST /app/hook/deliveries/$failed/attempts", "", 202, nil},
		step{"jwt", "POST /app/hook/deliveries/1/attempts", "", 404, nil},
	)
	g.settle()
	g.steps(step{"jwt", "GET /app/hook/deliveries", "", 200, []string{"#=3", "0.guid=$guid", "0.redelivery=true", "0.status=OK", "1.status_code=500"}})
	first := g.call("jwt", "GET /app/hook/deliveries?per_page=2", "")
	next := strings.TrimSuffix(strings.TrimPrefix(first.header.Get("Link"), "<"+g.url+"/api/v3"), `>; rel="next"`)
	g.steps(step{"jwt", "GET " + next, "", 200, []string{"*.id=$fine"}})

	// A suspended installation does nothing and hears nothing.
	g.steps(
		step{"app", "PUT /app/installations/7001/suspended", "", 401, nil},
		step{"jwt", "PUT /app/installations/7/suspended", "", 404, nil},
		step{"jwt", "PUT /app/installations/7001/suspended", "", 204, nil},
		step{"jwt", "PUT /app/installations/7001/suspended", "", 204, nil},
		step{"jwt", "GET /app/installations/7001", "", 200, []string{"suspended_at=2026-11-24T10:41:00Z"}},
		step{"app", "GET ~", "", 403, []string{"message=This installation has been suspended"}},
		step{"jwt", "POST /app/installations/7001/access_tokens", "", 403, []string{"message=This installation has been suspended"}},
		step{"alice", "POST ~/issues", `{"title":"Nobody hears it"}`, 201, nil},
		step{"jwt", "DELETE /app/installations/7/suspended", "", 404, nil},
		step{"jwt", "DELETE /app/installations/7001/suspended", "", 204, nil},
		step{"app", "GET ~", "", 200, nil},
	)
	g.settle()
	g.steps(step{"jwt", "GET /app/hook/deliveries?per_page=3", "", 200, []string{"*.event=installation,installation,issue_comment", "*.action=unsuspend,suspend,created"}})
}

func (g *github) settle() {
	g.t.Helper()
	if err := g.box.Settled(g.t.Context()); err != nil {
		g.t.Fatal(err)
	}
}

// The App's own token is checked as GitHub does.
func TestJWT(t *testing.T) {
	g := newGitHub(t)
	with := func(change func(*jwt.RegisteredClaims)) string {
		claims := goodClaims()
		change(&claims)
		return signJWT(t, testKey(), claims)
	}
	in := func(d time.Duration) *jwt.NumericDate { return jwt.NewNumericDate(time.Now().Add(d)) }
	symmetric, err := jwt.NewWithClaims(jwt.SigningMethodHS256, goodClaims()).SignedString([]byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	numeric := func(issuer float64) string {
		return signJWT(t, testKey(), jwt.MapClaims{"iss": issuer, "iat": time.Now().Unix() - 60, "exp": time.Now().Unix() + 540})
	}
	tests := map[string]struct {
		token   string
		status  int
		message string
	}{
		"by a number":      {numeric(1), 200, "absent"},
		"another's number": {numeric(2), 404, "Integration not found"},
		"good":             {with(func(*jwt.RegisteredClaims) {}), 200, "absent"},
		"by the client id": {with(func(c *jwt.RegisteredClaims) { c.Issuer = "Iv23sandbox1" }), 200, "absent"},
		"expired":          {with(func(c *jwt.RegisteredClaims) { c.ExpiresAt = in(-time.Second) }), 401, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"},
		"for too long":     {with(func(c *jwt.RegisteredClaims) { c.ExpiresAt = in(11 * time.Minute) }), 401, "'Expiration time' claim ('exp') is too far in the future"},
		"for ever":         {with(func(c *jwt.RegisteredClaims) { c.ExpiresAt = nil }), 401, "'Expiration time' claim ('exp') is too far in the future"},
		"from the future":  {with(func(c *jwt.RegisteredClaims) { c.IssuedAt = in(5 * time.Minute) }), 401, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"},
		"of another App":   {with(func(c *jwt.RegisteredClaims) { c.Issuer = "2" }), 404, "Integration not found"},
		"by another key":   {signJWT(t, otherKey(), goodClaims()), 401, "A JSON web token could not be decoded"},
		"by a secret":      {symmetric, 401, "A JSON web token could not be decoded"},
		"of nothing":       {"a.b.c", 401, "A JSON web token could not be decoded"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := g.call("", "GET /app", "", "Authorization: Bearer "+test.token)
			if a.status != test.status || a.field("message") != test.message {
				t.Errorf("answers %d %s, want %d %s", a.status, a.field("message"), test.status, test.message)
			}
		})
	}
}

// An installation's token is what it was made, and ends after an hour.
func TestInstallationToken(t *testing.T) {
	g := newGitHub(t)
	good := g.token("app")
	other := newGitHub(t, func(o *Options) { o.WebhookSecret = "x" })
	tests := map[string]struct {
		header string
		status int
	}{
		"good":             {"Bearer " + good, 200},
		"in the old way":   {"token " + good, 200},
		"as a password":    {"Basic " + good, 401},
		"changed":          {"Bearer " + good[:len(good)-1] + map[bool]string{true: "1", false: "0"}[good[len(good)-1] == '0'], 401},
		"of another app":   {"Bearer " + other.token("app"), 401},
		"of nobody":        {"Bearer ghs_x", 401},
		"a person's":       {"Bearer demo-alice", 200},
		"the bot's, as if": {"Bearer demo-robot[bot]", 401},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			g.call("", "GET ~", "", "Authorization: "+test.header).want(test.status)
		})
	}
	g.advance(time.Hour)
	g.call("", "GET ~", "", "Authorization: Bearer "+good).want(401)
}

// The installation's calls are counted, per hour of virtual time.
func TestRateLimit(t *testing.T) {
	g := newGitHub(t)
	g.token("app")
	left := func(a *answer) string { return a.header.Get("X-RateLimit-Remaining") }
	a := g.call("app", "GET ~", "")
	if left(a) != "4999" || a.header.Get("X-RateLimit-Limit") != "5000" || a.header.Get("X-RateLimit-Used") != "1" ||
		a.header.Get("X-RateLimit-Resource") != "core" || a.header.Get("X-RateLimit-Reset") != "1795520460" {
		t.Errorf("the first call's limits are %v", a.header)
	}
	// People, the App's own token and questions about the limit cost nothing; refusals do.
	g.call("alice", "GET ~", "").want(200)
	g.call("jwt", "GET /app", "").want(200)
	if got := g.call("app", "GET /rate_limit", "").field("resources.core.remaining"); got != "4999" {
		t.Errorf("%s calls are left", got)
	}
	if a := g.call("app", "GET ~/issues/7", ""); left(a) != "4998" {
		t.Errorf("after a refusal %s calls are left", left(a))
	}
	for range 4998 {
		r := httptest.NewRequest(http.MethodGet, "/api/v3/repos/acme/incidents/issues/7", nil)
		r.Header.Set("Authorization", "Bearer "+g.token("app"))
		g.box.Handler().ServeHTTP(httptest.NewRecorder(), r)
	}
	a = g.call("app", "GET ~", "")
	a.want(http.StatusForbidden)
	if left(a) != "0" || a.field("message") != "API rate limit exceeded for installation ID 7001." {
		t.Errorf("the call too many answers %s with limits %v", a.body, a.header)
	}
	g.call("alice", "GET ~", "").want(200)
	list := func() []byte { return g.call("", "GET /sandbox/calls?since=5000", "").body }
	if !bytes.Contains(list(), []byte(`"status":403`)) {
		t.Errorf("the refused call is not listed: %s", list())
	}
	g.advance(time.Hour)
	if a := g.call("app", "GET ~", ""); a.status != 200 || left(a) != "4999" {
		t.Errorf("an hour later: %d with %s left", a.status, left(a))
	}
}
