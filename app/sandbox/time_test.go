package sandbox

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// While reads lag, the App is answered what was so long ago, wherever it looks, and everybody else what is.
// Webhooks and the answers to writes tell what is new at once.
func TestFaultLag(t *testing.T) {
	r := newReceiver(t)
	g := newGitHub(t, r.option)
	g.steps(
		step{"alice", "POST ~/issues", `{"title":"Before","labels":["incident"]}`, 201, nil},
		step{"alice", "POST ~/issues/1/comments", `{"body":"first"}`, 201, []string{"id>first"}},
	)
	g.fault(`{"match":"GET ","lag":"10s"}`)
	g.advance(time.Minute)
	reads := []string{"~/issues/1", "~/issues", "~/issues/1/comments", "~/issues/1/timeline", "~/issues/1/events", "~/issues/1/labels", "~/labels",
		"~/contents/note.md", "~/contents", "~/commits", "~/branches", "~/git/ref/heads/main", "~/pulls", "~/pulls/2", "~/pulls/2/reviews",
		"~/collaborators/mallory/permission", "/search/issues?q=repo:acme/incidents+is:issue", "~/issues/2", "~", "/orgs/acme/teams/payments/members"}
	look := func(who string) (all []string) {
		for _, path := range reads {
			a := g.call(who, "GET "+path, "")
			all = append(all, fmt.Sprintf("GET %s: %d %s", path, a.status, a.body))
		}
		return all
	}
	differ := func(a, b []string) (paths []string) {
		for n := range a {
			if a[n] != b[n] {
				paths = append(paths, reads[n])
			}
		}
		return paths
	}
	before := look("app")
	g.steps(
		step{"app", "GET ~/issues/1", "", 200, []string{"title=Before", "pinned_comment=null"}},
		step{"alice", "PATCH ~/issues/1", `{"title":"After","state":"closed"}`, 200, nil},
		step{"alice", "PUT ~/issues/1/labels", `{"labels":["drill","new"]}`, 200, nil},
		step{"alice", "PUT ~/issues/comments/$first/pin", "", 200, nil},
		step{"alice", "PUT ~/contents/note.md", `{"message":"Add","content":"eA==","branch":"main"}`, 201, []string{"commit.sha>commit"}},
		step{"alice", "POST ~/git/refs", `{"ref":"refs/heads/b","sha":"$commit"}`, 201, nil},
		step{"alice", "PUT ~/contents/b.md", `{"message":"Add","content":"eA==","branch":"b"}`, 201, nil},
		step{"alice", "POST ~/pulls", `{"title":"P","head":"b","base":"main"}`, 201, []string{"number=2"}},
		step{"bob", "POST ~/pulls/2/reviews", `{"event":"APPROVE"}`, 200, nil},
		// A write is answered with what is new, and goes by it.
		step{"app", "POST ~/issues/1/comments", `{"body":"secnd"}`, 201, []string{"id>second"}},
		step{"app", "PATCH ~/issues/comments/$second", `{"body":"second"}`, 200, []string{"body=second"}},
		step{"app", "GET ~/issues/comments/$second", "", 404, []string{notFound}},
		step{"app", "GET ~/git/commits/$commit", "", 404, nil},
		step{"app", "GET ~/issues/1", "", 200, []string{"title=Before", "state=open", "labels.*.name=incident", "pinned_comment=null", "comments=1"}},
		step{"alice", "GET ~/issues/1", "", 200, []string{"title=After", "comments=2"}},
	)
	if err := g.box.Add(Person{Login: "sue", Team: "payments"}); err != nil {
		t.Fatal(err)
	}
	if late := differ(before, look("app")); late != nil {
		t.Errorf("in the lag these are new: %v", late)
	}
	g.settle()
	if got := r.take(); got[len(got)-1].field("comment.body") != "second" {
		t.Errorf("webhooks don't tell what is new: %v", kinds(got))
	}
	g.advance(9*time.Second + 999*time.Millisecond)
	if late := differ(before, look("app")); late != nil {
		t.Errorf("just before the lag ends these are new: %v", late)
	}
	g.advance(time.Millisecond)
	now := look("app")
	if still := differ(before, now); len(still) != len(reads)-1 { // mallory's permission stays
		t.Errorf("after the lag these alone are new: %v", still)
	}

	// Each version is answered for as long as it was, and its ETag is that of its content.
	title := func(s string) { g.call("alice", "PATCH ~/issues/1", `{"title":"`+s+`"}`).want(200) }
	old := g.call("app", "GET ~/issues/1", "").header.Get("ETag")
	g.advance(time.Second)
	title("one")
	g.advance(4 * time.Second)
	title("two")
	g.call("app", "GET ~/issues/1", "", "If-None-Match: "+old).want(http.StatusNotModified)
	for _, c := range []struct{ wait, title string }{{"5s", "After"}, {"1s", "one"}, {"3s", "one"}, {"1s", "two"}} {
		d, _ := time.ParseDuration(c.wait)
		g.advance(d)
		g.steps(step{"app", "GET ~/issues/1", "", 200, []string{"title=" + c.title}})
	}
	newer := g.call("app", "GET ~/issues/1", "").header.Get("ETag")
	if newer == old || g.call("app", "GET ~/issues/1", "", "If-None-Match: "+old).status != 200 {
		t.Errorf("the ETags are %s and %s", old, newer)
	}

	// Mended, reads are up to date, and nothing is kept any more.
	title("three")
	g.mend()
	g.steps(step{"app", "GET ~/issues/1", "", 200, []string{"title=three"}})
}

// A lag is for the addresses that match, and for as many reads as it was ordered for; the newest order counts.
func TestFaultLagMatches(t *testing.T) {
	g := newGitHub(t)
	g.call("alice", "POST ~/issues", `{"title":"Before"}`).want(201)
	g.fault(`{"match":"GET .*/issues/\\d+$","lag":"10s","count":2}`)
	g.advance(time.Second)
	g.call("alice", "PATCH ~/issues/1", `{"title":"After"}`).want(200)
	g.steps(
		step{"app", "GET ~/issues", "", 200, []string{"0.title=After"}},
		step{"app", "GET ~/issues/1", "", 200, []string{"title=Before"}},
		step{"app", "GET ~/issues/1", "", 200, []string{"title=Before"}},
		step{"app", "GET ~/issues/1", "", 200, []string{"title=After"}},
	)
	g.fault(`{"match":"GET ","lag":"1h"}`)
	g.fault(`{"match":"issues$","lag":"1s"}`)
	g.advance(time.Minute)
	g.call("alice", "PATCH ~/issues/1", `{"title":"Later"}`).want(200)
	g.advance(time.Minute)
	g.steps(
		step{"app", "GET ~/issues", "", 200, []string{"0.title=Later"}},
		step{"app", "GET ~/issues/1", "", 200, []string{"title=After"}},
	)
	g.fault(`{"match":"GET ","lag":"0s"}`)
	g.steps(step{"app", "GET ~/issues/1", "", 200, []string{"title=Later"}})
	for _, bad := range []string{`{"lag":"10s"}`, `{"match":"GET","lag":"-1s"}`, `{"match":"GET","lag":"1s","status":404}`, `{"match":"GET","lag":"soon"}`,
		`{"match":"GET","count":-2}`, `{"webhook_delay":"-1m"}`, `{"skew":"much"}`, `{"message":"x"}`} {
		g.call("", "POST /sandbox/faults", bad).want(http.StatusBadRequest)
	}
}

// A refusal lasts as long as it was ordered, in GitHub's words.
func TestFaultForEver(t *testing.T) {
	g := newGitHub(t)
	g.call("alice", "POST ~/issues", `{"title":"Down"}`).want(201)
	for status, message := range map[int]string{401: "Bad credentials", 403: "Resource not accessible by integration", 404: "Not Found",
		410: "Issues are disabled for this repo", 502: "Server Error"} {
		g.fault(fmt.Sprintf(`{"match":"GET .*/issues/\\d+$","status":%d,"count":-1}`, status))
		for range 3 {
			g.steps(step{"app", "GET ~/issues/1", "", status, []string{"message=" + message}})
		}
		g.mend()
	}
	g.fault(`{"match":"GET","status":403,"message":"Your token was eaten"}`)
	g.steps(step{"app", "GET ~/issues/1", "", 403, []string{"message=Your token was eaten"}}, step{"app", "GET ~/issues/1", "", 200, nil})
}

// Delayed webhooks go out when they are due on the virtual clock, and nobody waits for them before.
func TestFaultWebhookDelay(t *testing.T) {
	r := newReceiver(t)
	product, data := &dueTimes{due: []time.Time{testStart.Add(time.Hour)}}, t.TempDir()
	options := []func(*Options){r.option, func(o *Options) { o.Data, o.Follower = data, product }}
	g := newGitHub(t, options...)
	say := func(word string) { g.call("alice", "POST ~/issues/1/comments", `{"body":"`+word+`"}`).want(201) }
	heard := func() string {
		g.settle()
		return strings.Join(eachOf(r.take(), func(d delivered) string { return d.field("comment.body") }), " ")
	}
	g.call("alice", "POST ~/issues", `{"title":"Down"}`).want(201)
	heard()
	g.fault(`{"webhook_delay":"160m"}`)
	say("a")
	g.advance(10 * time.Minute)
	say("b")
	g.steps(
		step{"", "GET /sandbox/settled", "", 200, nil},
		step{"jwt", "GET /app/hook/deliveries", "", 200, []string{"#=1"}},
	)
	g.advance(149*time.Minute + 59*time.Second)
	if got := heard(); got != "" {
		t.Errorf("before it is due, %q arrived", got)
	}
	g.advance(time.Second)
	if got := heard(); got != "a" {
		t.Errorf("when it is due, %q arrived", got)
	}
	g.steps(step{"jwt", "GET /app/hook/deliveries", "", 200, []string{"#=2", "0.delivered_at=2026-11-24T13:21:00Z"}})

	// What waits outlives the process, and a jump stops where it is due.
	g = g.reopen(options...)
	product.seen = nil
	g.advance(24 * time.Hour)
	if got := heard(); got != "b" {
		t.Errorf("a day later, %q arrived", got)
	}
	stops := strings.Join(eachOf(product.seen, func(t time.Time) string { return t.Format("15:04") }), " ")
	if !strings.Contains(stops, "13:31") {
		t.Errorf("the clock stopped at %s", stops)
	}

	// Without the delay what is new overtakes what waits; mending delivers that, in its order.
	g.fault(`{"webhook_delay":"1h"}`)
	say("c")
	say("d")
	g.fault(`{"webhook_delay":"0s"}`)
	say("e")
	if got := heard(); got != "e" {
		t.Errorf("without the delay, %q arrived", got)
	}
	g.mend()
	if got := heard(); got != "c d" {
		t.Errorf("mended, %q arrived", got)
	}
}

// On a clock that runs, what is delayed goes out without anybody's asking.
func TestFaultWebhookDelayRuns(t *testing.T) {
	arrived := make(chan string, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { arrived <- r.Header.Get("X-GitHub-Event") }))
	defer receiver.Close()
	g := newGitHub(t, func(o *Options) { o.WebhookURL, o.Frozen, o.Speed = receiver.URL, false, 36_000 })
	g.fault(`{"webhook_delay":"160m"}`)
	g.call("alice", "POST ~/issues", `{"title":"Down"}`).want(201)
	if event := <-arrived; event != "issues" {
		t.Errorf("%s arrived", event)
	}
}

// An installation's token lives an hour of the virtual clock, or as long as it was said.
func TestTokenLife(t *testing.T) {
	g := newGitHub(t)
	mint := func() (bearer, expires string) {
		a := g.call("jwt", "POST /app/installations/7001/access_tokens", "")
		a.want(201)
		return "Authorization: Bearer " + a.field("token"), a.field("expires_at")
	}
	check := func(bearer string, status int) {
		t.Helper()
		a := g.call("", "GET ~", "", bearer)
		if a.want(status); status == 401 && a.field("message") != "Bad credentials" {
			t.Error(a.field("message"))
		}
	}
	old, expires := mint()
	if expires != "2026-11-24T11:41:00Z" {
		t.Errorf("it ends at %s", expires)
	}
	g.advance(time.Hour - time.Second)
	check(old, 200)
	g.advance(time.Second)
	check(old, 401)
	g.steps(step{"", "POST /sandbox/states", `{"token_life":"10m"}`, 200, nil})
	short, expires := mint()
	if expires != "2026-11-24T11:51:00Z" {
		t.Errorf("it ends at %s", expires)
	}
	g.advance(10*time.Minute - time.Second)
	check(short, 200)

	// During an outage nobody looks at tokens: one that ran out is answered like any other.
	g.fault(`{"outage":"1h"}`)
	g.advance(10 * time.Minute)
	check(short, 503)
	g.call("jwt", "POST /app/installations/7001/access_tokens", "").want(503)
	g.mend()
	check(short, 401)
}

// With a skew GitHub's clock is ahead of ours: it refuses what was signed too long ago by it, or in its future.
func TestFaultSkew(t *testing.T) {
	g := newGitHub(t)
	ask := func(iat, exp time.Duration) *answer {
		claims := goodClaims()
		claims.IssuedAt.Time, claims.ExpiresAt.Time = time.Now().Add(iat), time.Now().Add(exp)
		return g.call("", "GET /app", "", "Authorization: Bearer "+signJWT(t, testKey(), claims))
	}
	for _, c := range []struct {
		skew     string
		iat, exp time.Duration
		status   int
		message  string
	}{
		{"0s", -time.Minute, 9 * time.Minute, 200, ""},
		{"90s", -time.Minute, 9 * time.Minute, 200, ""},
		{"90s", -time.Minute, time.Minute, 401, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"},
		{"-90s", -time.Minute, 8 * time.Minute, 401, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"},
		{"-2m", -3 * time.Minute, 9 * time.Minute, 401, "'Expiration time' claim ('exp') is too far in the future"},
	} {
		g.fault(`{"skew":"` + c.skew + `"}`)
		if a := ask(c.iat, c.exp); a.status != c.status || c.message != "" && a.field("message") != c.message {
			t.Errorf("skew %s: %s", c.skew, a.body)
		}
	}
	g.mend()
	reset := func() string { return g.call("app", "GET ~", "").header.Get("X-RateLimit-Reset") }
	was := reset()
	g.fault(`{"skew":"90s"}`)
	a := g.call("app", "GET ~", "")
	date, err := http.ParseTime(a.header.Get("Date"))
	if ahead := time.Until(date); err != nil || ahead < 80*time.Second || ahead > 90*time.Second {
		t.Errorf("the Date is %s", a.header.Get("Date"))
	}
	if is := reset(); was != "1795520460" || is != "1795520550" {
		t.Errorf("the reset was %s and is %s", was, is)
	}
}

// Faults are kept, as states are.
func TestFaultsAreKept(t *testing.T) {
	data := t.TempDir()
	kept := func(o *Options) { o.Data = data }
	g := newGitHub(t, kept)
	g.call("alice", "POST ~/issues", `{"title":"Before"}`).want(201)
	for _, order := range []string{`{"match":"GET .*/labels$","status":404,"count":-1}`, `{"match":"issues/1$","lag":"10s"}`, `{"outage":"2m"}`, `{"skew":"90s"}`,
		`{"webhook_delay":"1h","drop_webhooks":1,"duplicate_webhooks":2,"shuffle_webhooks":true}`, `{"rate_limit":"secondary","retry_after":"1m"}`, `{"limits":"github"}`} {
		g.fault(order)
	}
	was := g.box.describeFaults()
	g = g.reopen(kept)
	if is := g.box.describeFaults(); !slices.Equal(was, is) || len(is) != 10 {
		t.Errorf("the faults were %q and are %q", was, is)
	}
	g.advance(2 * time.Minute)
	g.call("alice", "PATCH ~/issues/1", `{"title":"After"}`).want(200)
	g.steps(step{"app", "GET ~/labels", "", 404, nil}, step{"app", "GET ~/issues/1", "", 200, []string{"title=Before"}})
	g.mend()
	if is := g.box.describeFaults(); is != nil {
		t.Errorf("mended, there are %q", is)
	}
}
