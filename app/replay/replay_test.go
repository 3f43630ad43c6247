package replay_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/demo"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/replay"
	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/app/webhook"
	"github.com/firebreak-dev/firebreak/templates"
)

// key is the App's, made once: making one takes long.
var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

type clock struct{}

func (clock) Now() time.Time { return time.Now() }

// past is a GitHub on which something happened that nobody has handled.
type past struct {
	t   *testing.T
	url string
	box *sandbox.Sandbox
	o   replay.Options
}

func newPast(t *testing.T) *past {
	t.Helper()
	p := &past{t: t}
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		isQuery := false // of GraphQL, which is posted, too
		if strings.HasSuffix(r.URL.Path, "/graphql") {
			body, err := io.ReadAll(r.Body)
			isQuery = err == nil && bytes.HasPrefix(body, []byte(`{"query":"query(`))
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		if app := strings.HasPrefix(r.Header.Get("Authorization"), "token ghs_"); app &&
			r.Method != http.MethodGet && !isQuery {
			t.Errorf("it writes: %s %s", r.Method, r.URL)
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	var err error
	p.box, err = demo.New(sandbox.Options{PrivateKey: key(), URL: p.url, WebhookURL: p.url + "/nobody",
		Files: map[string]map[string]string{"acme/incidents": templates.Repository()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.box.Close(); err != nil {
			t.Error(err)
		}
	})
	handler = p.box.Handler()
	app, err := github.New(github.Options{BaseURL: p.url, AppID: 1,
		PEM: []byte(p.box.Environment()["FIREBREAK_PRIVATE_KEY"])})
	if err != nil {
		t.Fatal(err)
	}
	p.o = replay.Options{GitHub: app, Clock: clock{}, Secrets: [][]byte{[]byte("secret")},
		Self: webhook.Self{AppID: 1, Login: "firebreak[bot]"}}
	return p
}

func (p *past) request(method, path, body string) {
	p.t.Helper()
	req, err := http.NewRequest(method, p.url+"/api/v3/repos/acme/incidents"+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer demo-alice")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	if text, _ := io.ReadAll(res.Body); res.StatusCode >= 300 {
		p.t.Fatalf("%s %s: %s %s", method, path, res.Status, text)
	}
}

// last returns the newest delivery of an event from GitHub.
func (p *past) last(event string) replay.Delivery {
	p.t.Helper()
	if err := p.box.Settled(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	app, ok := p.o.GitHub.(*github.App)
	if !ok {
		p.t.Fatal("no App")
	}
	all, _, err := app.Self().Apps.ListHookDeliveries(p.t.Context(), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, d := range all {
		if d.GetEvent() == event {
			byID, err := replay.Fetch(p.t.Context(), app.Self(), fmt.Sprint(d.GetID()))
			if err != nil {
				p.t.Fatal(err)
			}
			byGUID, err := replay.Fetch(p.t.Context(), app.Self(), d.GetGUID())
			if err != nil || byID.GUID != d.GetGUID() || byID.Event != event ||
				!bytes.Equal(byID.Payload, byGUID.Payload) {
				p.t.Fatalf("%+v by its id, %+v by its GUID (%v)", byID, byGUID, err)
			}
			return byID
		}
	}
	p.t.Fatalf("no delivery of %s", event)
	return replay.Delivery{}
}

func (p *past) plan(d replay.Delivery) replay.Plan {
	p.t.Helper()
	plan, err := replay.Make(p.t.Context(), p.o, d)
	if err != nil {
		p.t.Fatal(err)
	}
	return plan
}

// steps lists what is done, in order.
func steps(p replay.Plan) string {
	var all []string
	for _, s := range p.Steps {
		all = append(all, s.Do)
	}
	return strings.Join(all, "\n")
}

func TestThePlanOfADeclaration(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	p.request("POST", "/issues", `{"title":"The API is down","body":"It is"}`)
	p.request("POST", "/issues/1/comments", `{"body":"Just talking"}`)
	if plan := p.plan(p.last("issue_comment")); plan.Why == "" || len(plan.Steps) > 0 {
		t.Errorf("what is no command: %+v", plan)
	}
	p.request("POST", "/issues/1/comments", `{"body":"/incident critical the API is down"}`)
	plan := p.plan(p.last("issue_comment"))
	got := steps(plan)
	if plan.Incident != "acme/incidents#1" || plan.Event != "issue_comment" || plan.Delivery == "" {
		t.Errorf("the plan is of %+v", plan)
	}
	at := 0
	for _, want := range []string{"react with +1", "set the timer", "comment", "pin that comment",
		"add labels incident"} {
		n := strings.Index(got[at:], want)
		if n < 0 {
			t.Fatalf("the plan lacks %q, or in its place:\n%s", want, got)
		}
		at += n
	}
	if again := steps(p.plan(p.last("issue_comment"))); len(again) != len(got) {
		t.Errorf("the second time, though nothing was done:\n%s", again)
	}
	if !slices.ContainsFunc(plan.Steps, func(s replay.Step) bool {
		return strings.Contains(s.Text, "firebreak:card")
	}) {
		t.Errorf("no card would be written:\n%s", got)
	}
}

// A page is shown as it would go out, and goes to nobody.
func TestThePlanPagesNobody(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	form := `### Summary\n\nThe API is down\n\n### Severity\n\ncritical\n\n### Customers impacted\n\nglobex\n\n### How did you learn of it?\n\n_No response_\n\n### Drill\n\n- [ ] This is a drill`
	p.request("POST", "/issues", `{"title":"The API is down","labels":["incident"],"body":"`+form+`"}`)
	plan := p.plan(p.last("issues"))
	if len(plan.Steps) == 0 || plan.Steps[0].Do != "page incident-coordinators" ||
		plan.Steps[0].Where != "by webhook" || !strings.Contains(plan.Steps[0].Text, "The API is down") {
		t.Errorf("the plan is %+v", plan.Steps)
	}
	if !strings.Contains(steps(plan), "assign alice") {
		t.Errorf("the plan assigns nobody:\n%s", steps(plan))
	}
}

func TestWhatIsNoDelivery(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "[]", "{}", `{"event":"issues"}`,
		`{"event":"issues","request":{"payload":"x"}}`, `{"request":{"payload":{}}}`} {
		if d, err := replay.Parse([]byte(text)); err == nil {
			t.Errorf("%q is %+v", text, d)
		}
	}
	d, err := replay.Parse([]byte(`{"request":{"headers":{"X-GitHub-Event":"ping","X-GitHub-Delivery":"1"},"payload":{"zen":"x"}}}`))
	if err != nil || d.Event != "ping" || d.GUID != "1" {
		t.Errorf("%+v (%v)", d, err)
	}
	p := newPast(t)
	if plan := p.plan(d); plan.Why == "" {
		t.Errorf("a ping: %+v", plan)
	}
	app, ok := p.o.GitHub.(*github.App)
	if !ok {
		t.Fatal("no App")
	}
	for _, name := range []string{"7", "00000000-0000-0000-0000-000000000000"} {
		if d, err := replay.Fetch(t.Context(), app.Self(), name); !replay.Names(name) || err == nil ||
			!strings.Contains(err.Error(), name) {
			t.Errorf("%s is %+v (%v)", name, d, err)
		}
	}
	if replay.Names("delivery.json") || replay.Names("-") {
		t.Error("a file is taken for a delivery's name")
	}
}
