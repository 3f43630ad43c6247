package sandbox

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// dueTimes is a product that has something to do at some times.
type dueTimes struct {
	due  []time.Time
	seen []time.Time
}

func (d *dueTimes) Follow(_ context.Context, now time.Time) (time.Time, error) {
	d.seen = append(d.seen, now)
	for len(d.due) > 0 && !d.due[0].After(now) {
		d.due = d.due[1:]
	}
	if len(d.due) == 0 {
		return time.Time{}, nil
	}
	return d.due[0], nil
}

// The clock jumps from one due time to the next, and answers when all was done.
func TestControlClock(t *testing.T) {
	product := &dueTimes{due: []time.Time{testStart.Add(5 * time.Minute), testStart.Add(19 * time.Minute), testStart.Add(time.Hour)}}
	g := newGitHub(t, func(o *Options) { o.Follower = product })
	g.steps(
		step{"", "GET /sandbox/clock", "", 200, []string{"now=2026-11-24T10:41:00Z"}},
		step{"", "POST /sandbox/clock", `{"advance":"20m"}`, 200, []string{"now=2026-11-24T11:01:00Z"}},
		step{"", "GET /sandbox/clock", "", 200, []string{"now=2026-11-24T11:01:00Z"}},
	)
	seen := slices.Compact(product.seen)
	want := []time.Time{testStart, testStart.Add(5 * time.Minute), testStart.Add(19 * time.Minute), testStart.Add(20 * time.Minute)}
	if !slices.Equal(seen, want) {
		t.Errorf("the product was asked at %v, want %v", seen, want)
	}
	for _, bad := range []string{`{"advance":"-1m"}`, `{"advance":"soon"}`, `{}`, `nothing`} {
		g.call("", "POST /sandbox/clock", bad).want(http.StatusBadRequest)
	}
	g.steps(step{"", "GET /sandbox/clock", "", 200, []string{"now=2026-11-24T11:01:00Z"}})
}

// A product in a process of its own follows by a signed request.
func TestControlClockOverHTTP(t *testing.T) {
	var told []string
	product := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/clock" || r.Header.Get("X-Hub-Signature-256") != sign("a secret of the tests", body) {
			t.Errorf("%s %s: %q is not signed, or %v", r.Method, r.URL.Path, body, err)
		}
		told = append(told, string(body))
		next := "null"
		if len(told) == 1 {
			next = `"2026-11-24T10:43:00Z"`
		}
		_, _ = w.Write([]byte(`{"next":` + next + `}`))
	}))
	defer product.Close()
	g := newGitHub(t, func(o *Options) { o.WebhookURL = product.URL + "/webhook" })
	g.advance(5 * time.Minute)
	want := []string{`{"now":"2026-11-24T10:41:00Z","speed":0}`, `{"now":"2026-11-24T10:43:00Z","speed":0}`, `{"now":"2026-11-24T10:46:00Z","speed":0}`}
	if !slices.Equal(told, want) {
		t.Errorf("the product was told %v, want %v", told, want)
	}
}

func TestControlSettled(t *testing.T) {
	r := newReceiver(t)
	g := newGitHub(t, r.option)
	g.steps(step{"", "GET /sandbox/settled", "", 200, []string{"settled=true"}})
	release := r.hold()
	g.steps(
		step{"alice", "POST ~/issues", `{"title":"Down"}`, 201, nil},
		step{"", "GET /sandbox/settled?timeout=50ms", "", 504, []string{"settled=false"}},
		step{"", "GET /sandbox/settled?timeout=long", "", 400, nil},
	)
	release()
	g.steps(step{"", "GET /sandbox/settled?timeout=10s", "", 200, []string{"settled=true"}})
	if got := kinds(r.take()); len(got) != 1 {
		t.Errorf("settled, and what arrived is %v", got)
	}
}

func TestControlCalls(t *testing.T) {
	g := newGitHub(t)
	g.token("app")
	g.steps(
		step{"", "GET /sandbox/calls", "", 200, []string{"next>next", "calls.*.actor=app/robot", "calls.*.path=/api/v3/app/installations/7001/access_tokens", "calls.*.status=201"}},
		step{"app", "GET ~/issues?state=all", "", 200, nil},
		step{"alice", "POST ~/issues", `{"title":""}`, 422, nil},
		step{"", "GET ~", "", 404, nil},
		step{"", "GET /sandbox/calls?since=$next", "", 200, []string{"calls.*.n=2,3,4", "calls.*.actor=robot[bot],alice,", "calls.*.method=GET,POST,GET",
			"calls.*.path=/api/v3/repos/acme/incidents/issues?state=all,/api/v3/repos/acme/incidents/issues,/api/v3/repos/acme/incidents", "calls.*.status=200,422,404", "next>next"}},
		step{"", "GET /sandbox/calls?since=$next", "", 200, []string{"calls.#=0", "next=$next"}},
		step{"", "GET /sandbox/calls?since=x", "", 400, nil},
	)
}

func TestControlDeliveries(t *testing.T) {
	r := newReceiver(t)
	g := newGitHub(t, r.option)
	g.steps(step{"alice", "POST ~/issues", `{"title":"Down","labels":["incident"]}`, 201, nil})
	g.settle()
	first := r.take()
	g.steps(
		step{"", "GET /sandbox/deliveries", "", 200, []string{"*.event=issues,issues", "*.action=opened,labeled", "*.status=200,200", "0.guid=" + first[0].guid, "0.id>opened", "*.redelivery=false,false"}},
		step{"", "POST /sandbox/deliveries/$opened/redeliver", "", 200, []string{"guid=" + first[0].guid, "status=200"}},
		step{"", "POST /sandbox/deliveries/1/redeliver", "", 404, nil},
		step{"", "GET /sandbox/deliveries", "", 200, []string{"*.redelivery=false,false,true"}},
	)
	if again := r.take(); len(again) != 1 || again[0].guid != first[0].guid || string(again[0].body) != string(first[0].body) {
		t.Errorf("redelivered is %v", kinds(again))
	}
}

func TestControlOutbox(t *testing.T) {
	g := newGitHub(t)
	send := func(kind, body, secret string, status int) {
		t.Helper()
		g.call("", "POST /sandbox/receive/"+kind, body, "X-Signature-256: "+sign(secret, []byte(body))).want(status)
	}
	secret := g.box.outboundSecret()
	page := `{"kind":"page","channel":"pager","to":"incident-coordinators","text":"Down","key":"acme/incidents#1/page/1"}`
	g.steps(step{"", "GET /sandbox/outbox", "", 200, []string{"#=0"}})
	send("page", page, secret, 200)
	again := strings.Replace(page, "Down", "Still down", 1)
	send("page", again, secret, 200) // counted: one entry per key
	send("announce", `{"kind":"announce","channel":"email","to":"gina@globex.test","text":"We look","key":"acme/incidents#1/page/1"}`, secret, 200)
	send("page", page, "guessed", 401)
	send("announce", page, secret, 422)
	send("letter", `{"kind":"letter"}`, secret, 422)
	send("page", `[]`, secret, 422)
	g.steps(step{"", "GET /sandbox/outbox", "", 200, []string{"*.kind=page,announce", "*.channel=pager,email", "0.to=incident-coordinators", "1.text=We look",
		"0.key=acme/incidents#1/page/1", "0.at=2026-11-24T10:41:00Z", "*.count=2,1", "0.text=Down", "0.repeats.0.text=Still down",
		"0.repeats.0.at=2026-11-24T10:41:00Z"}})
	if r := g.box.Repeated(); len(r) != 1 || r[0].Kind != "page" || r[0].Count != 2 || len(r[0].Repeats) != 1 {
		t.Errorf("Repeated returns %+v", r)
	}
}

// fault orders what goes wrong.
func (g *github) fault(order string) {
	g.t.Helper()
	g.call("", "POST /sandbox/faults", order).want(http.StatusOK)
}

func (g *github) mend() {
	g.t.Helper()
	g.call("", "DELETE /sandbox/faults", "").want(http.StatusNoContent)
}

func TestFaultMatch(t *testing.T) {
	const comment = `{"body":"hello"}`
	g := newGitHub(t)
	g.call("alice", "POST ~/issues", `{"title":"Down"}`).want(201)
	count := func(want string) {
		t.Helper()
		g.steps(step{"alice", "GET ~/issues/1", "", 200, []string{"comments=" + want}})
	}
	g.token("app")

	g.fault(`{"match":"POST .*/comments$","status":502,"count":2}`)
	g.call("alice", "POST ~/issues/1/comments", comment).want(201) // people go on
	g.call("app", "GET ~/issues/1/comments", "").want(200)
	g.call("app", "POST ~/issues/1/comments", comment).want(502)
	g.call("app", "POST ~/issues/1/comments", comment).want(502)
	count("1")
	g.call("app", "POST ~/issues/1/comments", comment).want(201)
	count("2")

	// Only the answer is lost.
	g.fault(`{"match":"POST .*/comments$","applied":true}`)
	g.call("app", "POST ~/issues/1/comments", comment).want(502)
	count("3")
	g.call("app", "POST ~/issues/1/comments", comment).want(201)
	count("4")

	// The App's own token may be hit, too.
	g.fault(`{"match":"access_tokens$","status":500}`)
	g.call("jwt", "POST /app/installations/7001/access_tokens", "").want(500)
	g.call("jwt", "POST /app/installations/7001/access_tokens", "").want(201)

	g.fault(`{"match":"GET","status":404,"count":100}`)
	g.call("app", "GET ~/issues/1", "").want(404)
	g.mend()
	g.call("app", "GET ~/issues/1", "").want(200)

	for _, bad := range []string{`{"match":"("}`, `{"match":"GET","status":200}`, `{"status":502}`, `{"drop_webhook":1}`, `{"drop_webhooks":-1}`, `{"latency":"fast"}`,
		`{"outage":"-1m"}`, `{"rate_limit":"tertiary"}`, `{"shuffle_webhooks":"yes"}`, `everything`} {
		if a := g.call("", "POST /sandbox/faults", bad); a.status != 400 || a.field("message") == "" {
			t.Errorf("%s answers %d %s", bad, a.status, a.body)
		}
	}
	g.call("app", "GET ~/issues/1", "").want(200)
}

func TestFaultRateLimit(t *testing.T) {
	g := newGitHub(t)
	g.token("app")
	g.fault(`{"rate_limit":"primary","retry_after":"5s"}`)
	a := g.call("app", "GET ~", "")
	a.want(http.StatusForbidden)
	for name, want := range map[string]string{"Remaining": "0", "Limit": "5000", "Used": "5000", "Resource": "core", "Reset": "1795516865"} {
		if got := a.header.Get("X-RateLimit-" + name); got != want {
			t.Errorf("X-RateLimit-%s is %q, want %q", name, got, want)
		}
	}
	if a.field("message") != "API rate limit exceeded for installation ID 7001." {
		t.Error(a.field("message"))
	}
	g.call("alice", "GET ~", "").want(200)
	g.call("jwt", "POST /app/installations/7001/access_tokens", "").want(201) // it has a limit of its own
	g.advance(4 * time.Second)
	g.call("app", "GET ~", "").want(http.StatusForbidden)
	g.advance(time.Second)
	g.call("app", "GET ~", "").want(200)

	g.fault(`{"rate_limit":"secondary","retry_after":"90s"}`)
	a = g.call("app", "GET ~", "")
	a.want(http.StatusForbidden)
	if a.header.Get("Retry-After") != "90" || !strings.Contains(a.field("message"), "secondary rate limit") {
		t.Errorf("the secondary limit answers %s %v", a.body, a.header)
	}
	g.advance(90 * time.Second)
	g.call("app", "GET ~", "").want(200)
	g.fault(`{"rate_limit":"secondary"}`)
	g.call("app", "GET ~", "").want(http.StatusForbidden)
	g.mend()
	g.call("app", "GET ~", "").want(200)
}

func TestFaultLatency(t *testing.T) {
	g := newGitHub(t)
	g.token("app")
	g.fault(`{"latency":"400ms"}`)
	took := func(who string) time.Duration {
		began := time.Now()
		g.call(who, "GET ~", "").want(200)
		return time.Since(began)
	}
	if d := took("app"); d < 400*time.Millisecond {
		t.Errorf("the App waits %s", d)
	}
	if d := took("alice"); d >= 400*time.Millisecond {
		t.Errorf("alice waits %s", d)
	}
	g.mend()
	if d := took("app"); d >= 400*time.Millisecond {
		t.Errorf("the App still waits %s", d)
	}
}

// During an outage the App reaches nothing and hears nothing. People's doings are not lost: their webhooks are listed as
// failed, and can be asked for once it is over.
func TestFaultOutage(t *testing.T) {
	r := newReceiver(t)
	g := newGitHub(t, r.option)
	g.token("app")
	g.fault(`{"outage":"2m"}`)
	g.steps(
		step{"app", "GET ~", "", 503, nil},
		step{"jwt", "GET /app", "", 503, nil},
		step{"alice", "POST ~/issues", `{"title":"Down"}`, 201, nil},
	)
	g.settle()
	g.steps(step{"", "GET /sandbox/deliveries", "", 200, []string{"*.event=issues", "*.status=0", "*.reason=failed to connect to host"}})
	g.advance(119 * time.Second)
	g.call("app", "GET ~", "").want(503)
	g.advance(time.Second)
	if got := r.take(); len(got) > 0 {
		t.Errorf("in the outage %v arrived", kinds(got))
	}
	g.steps(
		step{"app", "GET ~", "", 200, nil},
		step{"jwt", "GET /app/hook/deliveries?status=failure", "", 200, []string{"*.event=issues", "*.status=failed to connect to host", "*.status_code=502", "0.id>failed"}},
		step{"jwt", "GET /app/hook/deliveries?status=success", "", 200, []string{"#=0"}},
		step{"jwt", "GET /app/hook/deliveries?status=other", "", 422, nil},
		step{"jwt", "POST /app/hook/deliveries/$failed/attempts", "", 202, nil},
	)
	g.settle()
	if got := strings.Join(kinds(r.take()), " "); got != "issues/opened" {
		t.Errorf("after the outage %q arrived", got)
	}
	g.fault(`{"outage":"1h"}`)
	g.mend()
	g.call("app", "GET ~", "").want(200)
}

func TestFaultWebhooks(t *testing.T) {
	r := newReceiver(t)
	g := newGitHub(t, r.option)
	g.call("alice", "POST ~/issues", `{"title":"Down"}`).want(201)
	g.settle()
	r.take()
	// say posts comments and returns the bodies that arrived, in their order. All but the first wait together.
	say := func(words string) string {
		t.Helper()
		release := r.hold()
		for word := range strings.FieldsSeq(words) {
			g.call("alice", "POST ~/issues/1/comments", `{"body":"`+word+`"}`).want(201)
		}
		release()
		g.settle()
		return strings.Join(eachOf(r.take(), func(d delivered) string { return d.field("comment.body") }), " ")
	}

	g.fault(`{"drop_webhooks":2}`)
	if got := say("a b c"); got != "c" {
		t.Errorf("with two dropped, %q arrived", got)
	}
	g.steps(
		step{"", "GET /sandbox/deliveries", "", 200, []string{"1.reason=dropped", "1.status=0", "2.reason=dropped", "3.reason=OK", "1.id>dropped"}},
		step{"", "POST /sandbox/deliveries/$dropped/redeliver", "", 200, []string{"status=200"}},
	)
	if got := r.take(); len(got) != 1 || got[0].field("comment.body") != "a" {
		t.Errorf("redelivered is %v", got)
	}

	g.fault(`{"duplicate_webhooks":2}`)
	if got := say("a b c"); got != "a a b b c" {
		t.Errorf("with two duplicated, %q arrived", got)
	}

	// Of what waits, any may come next.
	g.fault(`{"shuffle_webhooks":true,"seed":7}`)
	const sent = "a b c d e f g h i j"
	got := say(sent)
	sorted := strings.Fields(got)
	slices.Sort(sorted)
	if got == sent || strings.Join(sorted, " ") != sent {
		t.Errorf("shuffled, %q arrived", got)
	}
	g.fault(`{"shuffle_webhooks":false}`)
	if got := say(sent); got != sent {
		t.Errorf("no longer shuffled, %q arrived", got)
	}

	g.fault(`{"drop_webhooks":9,"duplicate_webhooks":9,"shuffle_webhooks":true}`)
	g.mend()
	if got := say("a b"); got != "a b" {
		t.Errorf("mended, %q arrived", got)
	}
}

// What a receiver answers is written down, and nothing is tried again without being asked.
func TestDeliveryFails(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"Invalid HTTP Response: 500": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"Invalid HTTP Response: 302": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"OK":                         func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) },
		"failed to connect to host": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		},
	}
	for reason, answer := range answers {
		t.Run(reason, func(t *testing.T) {
			attempts := 0
			receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/webhook" {
					attempts++
					answer(w, r)
				}
			}))
			defer receiver.Close()
			g := newGitHub(t, func(o *Options) { o.WebhookURL = receiver.URL + "/webhook" })
			g.call("alice", "POST ~/issues", `{"title":"Down"}`).want(201)
			g.settle()
			g.steps(step{"jwt", "GET /app/hook/deliveries", "", 200, []string{"*.status=" + reason}})
			if attempts != 1 {
				t.Errorf("%d attempts", attempts)
			}
		})
	}
}
