package notify_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/notify"
)

const (
	twilioAccount = "AC0123456789abcdef0123456789abcdef"
	twilioToken   = "0fedcba9876543210fedcba987654321"
	pushoverApp   = "azGDORePK8gMaC0QOYAMyEEuzJnyUi"
	pushoverUser  = "uQiRzpo4DXghDmr9QzzfQu27cmVRsG"
	answerLink    = "https://firebreak.example/a/TOKEN-OF-DAN"
)

// withPeople makes a notifier whose secret PEOPLE has this text.
func withPeople(t *testing.T, text string) *notify.Notifier {
	t.Helper()
	read := map[string]string{"PEOPLE": text, "TWILIO": twilioToken, "PUSHOVER": pushoverApp, "SLACK": secrets["SLACK"], "SMTP": secrets["SMTP"]}
	return newNotifier(t, func(o *notify.Options) {
		before := o.Secret
		o.Secret = func(ctx ctxType, name string) (string, error) {
			if s, ok := read[name]; ok {
				return s, nil
			}
			return before(ctx, name)
		}
	})
}

var byPeople = incident.Service{Kind: "people", Secret: "PEOPLE", Options: map[string]string{
	"twilio-account": twilioAccount, "twilio-from": "+14155550100", "twilio-secret": "TWILIO", "pushover-secret": "PUSHOVER"}}

func peoplePage(to ...string) engine.Page {
	p := page(byPeople, to...)
	p.LinkOf = func(string) string { return answerLink }
	p.Others = []incident.Service{smtp, {Kind: "slack", Secret: "SLACK", Options: map[string]string{"channel": "C0123ABCD"}}}
	return p
}

// Each way is used as its vendor documents it, and carries the link by which its person answers (O3).
func TestO3EachWayIsUsedAsItsVendorDocuments(t *testing.T) {
	for name, c := range map[string]struct {
		way, host, address string
		form               map[string]string // its fields, or words that they have
		json               []string          // words of the body
		header             map[string]string
	}{
		"a text": {`{"sms": "+49301234567"}`, "api.twilio.com", "https://api.twilio.com/2010-04-01/Accounts/" + twilioAccount + "/Messages.json",
			map[string]string{"To": "+49301234567", "From": "+14155550100", "Body": answerLink}, nil, map[string]string{"Authorization": "Basic "}},
		"a call": {`{"call": "+49301234567"}`, "api.twilio.com", "https://api.twilio.com/2010-04-01/Accounts/" + twilioAccount + "/Calls.json",
			map[string]string{"To": "+49301234567", "Twiml": `action="` + answerLink + `?way=call"`}, nil, nil},
		"Pushover": {`{"pushover": "` + pushoverUser + `"}`, "api.pushover.net", "https://api.pushover.net/1/messages.json",
			map[string]string{"token": pushoverApp, "user": pushoverUser, "priority": "2", "retry": "60", "expire": "1800",
				"url": answerLink, "callback": answerLink + "?way=pushover"}, nil, nil},
		"ntfy": {`{"ntfy": "https://ntfy.example/dan-x8s7", "token": "tk_secret"}`, "ntfy.example", "https://ntfy.example/", nil,
			[]string{`"topic":"dan-x8s7"`, `"priority":5`, `"body":"answer=coordinate"`, `"body":"answer=seen"`, `"body":"answer=pass"`,
				`"url":"` + answerLink + `?via=ntfy"`, `"method":"POST"`, `"click":"` + answerLink + `"`}, map[string]string{"Authorization": "Bearer tk_secret"}},
		"Gotify": {`{"gotify": "https://gotify.example", "token": "AGotifyToken"}`, "gotify.example", "https://gotify.example/message", nil,
			[]string{`"priority":10`, `"url":"` + answerLink + `"`}, map[string]string{"X-Gotify-Key": "AGotifyToken"}},
		"Slack": {`{"slack": "U0123ABCD"}`, "slack.com", "https://slack.com/api/chat.postMessage",
			map[string]string{"channel": "U0123ABCD", "text": answerLink}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			body := accepted
			if c.host == "slack.com" {
				body = answer{status: 200, body: `{"ok":true,"channel":"D1","ts":"1.2"}`}
			}
			d := &double{host: c.host, answers: []answer{body}}
			n := withPeople(t, `{"dan": [`+c.way+`]}`)
			n.Through(d)
			if err := n.Page(t.Context(), peoplePage("@dan")); err != nil {
				t.Fatal(err)
			}
			got := d.one(t)
			got.has(t, c.address, nil)
			form, err := url.ParseQuery(got.body)
			if c.form != nil && err != nil {
				t.Fatal(err)
			}
			for field, want := range c.form {
				if !strings.Contains(form.Get(field), want) {
					t.Errorf("%s: %q, want %q", field, form.Get(field), want)
				}
			}
			if c.json != nil && !json.Valid([]byte(got.body)) {
				t.Errorf("no JSON: %s", got.body)
			}
			for _, want := range c.json {
				if !strings.Contains(got.body, want) {
					t.Errorf("the body lacks %s:\n%s", want, got.body)
				}
			}
			for name, want := range c.header {
				if !strings.HasPrefix(got.header.Get(name), want) {
					t.Errorf("%s: %q", name, got.header.Get(name))
				}
			}
		})
	}
}

// A way that fails makes the next one go out at once; only who was reached by none is not reached. No
// error shows a number, a key or the link (O3).
func TestO3AWayThatFailsIsFollowedByTheNextAtOnce(t *testing.T) {
	const ways = `{"dan": [{"sms": "+49301234567"}, {"call": "+49301234567", "after": "4m"}]}`
	for name, c := range map[string]struct {
		answers []answer
		reached bool
		want    int // requests
	}{
		"the first works":          {[]answer{{status: 201, body: `{"sid":"SM1"}`}}, true, 1},
		"a wrong key, then a call": {[]answer{{status: 401, body: `{"code":20003}`}, {status: 201, body: `{"sid":"CA1"}`}}, true, 2},
		"both are refused":         {[]answer{{status: 400, body: "+49301234567 " + twilioToken + " " + answerLink}}, false, 2},
		"it comes back":            {[]answer{{status: 503}, {status: 201, body: `{}`}}, true, 2},
		"taken, and not readable":  {[]answer{{status: 201, body: "<html>"}}, true, 1},
		"moved":                    {[]answer{{status: 302, header: map[string]string{"Location": "https://evil.example/"}}}, false, 2},
		"too many, for a moment":   {[]answer{{status: 429}, {status: 201, body: `{}`}}, true, 2},
		"out":                      {[]answer{{status: 500}}, false, 6},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &double{host: "api.twilio.com", answers: c.answers}
				n := withPeople(t, ways)
				n.Through(d)
				err := n.Page(t.Context(), peoplePage("@dan"))
				if (err == nil) != c.reached || len(d.all) != c.want {
					t.Errorf("%v after %d requests, want %d", err, len(d.all), c.want)
				}
				if err != nil {
					if said := holds(err.Error(), "+4930", twilioToken, "TOKEN-OF-DAN"); len(said) > 0 {
						t.Errorf("the error shows %q: %v", said, err)
					}
				}
			})
		})
	}
}

// A vendor that takes a page and says nothing is waited for until the end of a try alone, and no account
// reaches another address than its own (O3).
func TestO3VendorsThatHangAreLeft(t *testing.T) {
	for host, way := range map[string]string{
		"api.twilio.com":   `{"call": "+49301234567"}`,
		"api.pushover.net": `{"pushover": "` + pushoverUser + `"}`,
		"ntfy.example":     `{"ntfy": "https://ntfy.example/dan-x8s7"}`,
		"gotify.example":   `{"gotify": "https://gotify.example", "token": "AGotifyToken"}`,
		"slack.com":        `{"slack": "U0123ABCD"}`,
	} {
		t.Run(host, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &double{host: host, answers: []answer{{hangs: true}}}
				n := withPeople(t, `{"dan": [`+way+`]}`)
				n.Through(d)
				began := time.Now()
				err := n.Page(t.Context(), peoplePage("@dan"))
				var said interface{ Temporary() bool }
				if !errors.As(err, &said) || !said.Temporary() || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v", err)
				}
				if took := time.Since(began); took > 11*time.Second {
					t.Errorf("it took %s", took)
				}
				if said := holds(err.Error(), "+4930", twilioToken, "TOKEN-OF-DAN", pushoverUser, "dan-x8s7"); len(said) > 0 {
					t.Errorf("the error shows %q: %v", said, err)
				}
			})
		})
	}
}

// Each vendor's refusals and faults, as it documents them, are tried again where that may help, and never where the
// key is wrong; no error shows what is secret (O3).
func TestO3EachVendorsFaults(t *testing.T) {
	vendors := map[string]struct{ way, host, well, wrongKey string }{
		"a text":   {`{"sms": "+49301234567"}`, "api.twilio.com", `{"sid":"SM1"}`, `{"code":20003,"message":"Authenticate","status":401}`},
		"a call":   {`{"call": "+49301234567"}`, "api.twilio.com", `{"sid":"CA1"}`, `{"code":20003,"message":"Authenticate","status":401}`},
		"Pushover": {`{"pushover": "` + pushoverUser + `"}`, "api.pushover.net", `{"status":1,"receipt":"rLqVuqTRh62UzxtmqiaLzQmVcPgiCy"}`, `{"token":"invalid","errors":["application token is invalid"],"status":0}`},
		"ntfy":     {`{"ntfy": "https://ntfy.example/dan-x8s7", "token": "tk_secret"}`, "ntfy.example", `{"id":"x"}`, `{"code":40101,"http":401,"error":"unauthorized"}`},
		"Gotify":   {`{"gotify": "https://gotify.example", "token": "AGotifyToken"}`, "gotify.example", `{"id":1}`, `{"error":"Unauthorized","errorCode":401}`},
		"Slack":    {`{"slack": "U0123ABCD"}`, "slack.com", `{"ok":true,"channel":"D1","ts":"1.2"}`, `{"ok":false,"error":"invalid_auth"}`},
	}
	for name, v := range vendors {
		keyStatus := http.StatusUnauthorized
		switch name {
		case "Pushover":
			keyStatus = http.StatusBadRequest
		case "Slack":
			keyStatus = http.StatusOK // and says so in the body
		}
		well := answer{status: http.StatusOK, body: v.well}
		for fault, c := range map[string]struct {
			answers   []answer
			isReached bool
			passes    bool // trying again later may help
			tries     int
		}{
			"too many, for a moment": {[]answer{{status: 429, header: map[string]string{"Retry-After": "1"}}, well}, true, false, 2},
			"too many, for long":     {[]answer{{status: 429, header: map[string]string{"Retry-After": "600"}}}, false, true, 1},
			"out for a moment":       {[]answer{{status: 503}, well}, true, false, 2},
			"out":                    {[]answer{{status: 500}}, false, true, 3},
			"the line breaks":        {[]answer{{fails: errors.New("connection reset")}, well}, true, false, 2},
			"a wrong key":            {[]answer{{status: keyStatus, body: v.wrongKey}}, false, false, 1},
		} {
			t.Run(name+", "+fault, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := &double{host: v.host, answers: c.answers}
					n := withPeople(t, `{"dan": [`+v.way+`]}`)
					n.Through(d)
					err := n.Page(t.Context(), peoplePage("@dan"))
					if (err == nil) != c.isReached || len(d.all) != c.tries {
						t.Fatalf("%v after %d requests, want %d", err, len(d.all), c.tries)
					}
					var said interface{ Temporary() bool }
					if err != nil && (!errors.As(err, &said) || said.Temporary() != c.passes) {
						t.Errorf("%v: trying again may help: %v", err, said.Temporary())
					}
					if err != nil {
						if shown := holds(err.Error(), "+4930", twilioToken, pushoverUser, pushoverApp, "dan-x8s7", "tk_secret",
							"AGotifyToken", "TOKEN-OF-DAN"); len(shown) > 0 {
							t.Errorf("the error shows %q: %v", shown, err)
						}
					}
				})
			})
		}
	}
}

// The account is in a reviewed file: whatever it holds, the key goes to its own account alone (O3).
func TestO3AnAccountIsNoPath(t *testing.T) {
	for _, account := range []string{"../../evil", "AC01/../AC02", "AC01?x=", "AC01#"} {
		d := &double{host: "api.twilio.com", answers: []answer{accepted}}
		n := withPeople(t, `{"dan": [{"call": "+49301234567"}]}`)
		n.Through(d)
		p := peoplePage("@dan")
		p.Service.Options = maps.Clone(p.Service.Options)
		p.Service.Options["twilio-account"] = account
		err := n.Page(t.Context(), p)
		var said interface{ Temporary() bool }
		if !errors.As(err, &said) || said.Temporary() || len(d.all) != 0 {
			t.Errorf("%s: %v, %d requests", account, err, len(d.all))
		}
	}
}

// A mention on the issue is a way as well. Where there is no issue, or GitHub refuses it, the next way is
// used at once (O3).
func TestO3AMentionIsAWay(t *testing.T) {
	const ways = `{"dan": [{"github": "@Dan"}, {"ntfy": "https://ntfy.example/dan", "after": "5m"}]}`
	for name, c := range map[string]struct {
		mention func(string) error
		pushes  int
	}{
		"written":  {func(string) error { return nil }, 0},
		"refused":  {func(string) error { return &engine.Refusal{Status: 403, Reason: "locked"} }, 1},
		"no issue": {nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := &double{host: "ntfy.example", answers: []answer{accepted}}
			n := withPeople(t, ways)
			n.Through(d)
			var mentioned []string
			p := peoplePage("@dan")
			if c.mention != nil {
				p.Mention = func(login string) error { mentioned = append(mentioned, login); return c.mention(login) }
			}
			if err := n.Page(t.Context(), p); err != nil || len(d.all) != c.pushes {
				t.Errorf("%v after %d pushes", err, len(d.all))
			}
			if c.mention != nil && !slices.Equal(mentioned, []string{"Dan"}) {
				t.Errorf("mentioned %q", mentioned)
			}
			p.Mention = func(string) error { return errors.New("502") }
			p.Way = &engine.Way{Login: "dan", Index: 0, Kind: "github"}
			var said interface{ Temporary() bool }
			if err := n.Page(t.Context(), p); !errors.As(err, &said) || !said.Temporary() {
				t.Errorf("out for a moment: %v", err)
			}
		})
	}
}

// A team is its people of the secret, each reached once, by two ways side by side. Who is not there is
// said, and the others are reached all the same (O3).
func TestO3TeamsAreTheirPeople(t *testing.T) {
	const ways = `{"dan": [{"ntfy": "https://ntfy.example/dan"}, {"ntfy": "https://ntfy.example/dan-2"}],
		"carol": [{"ntfy": "https://ntfy.example/carol"}, {"ntfy": "https://ntfy.example/carol-2", "after": "2m"}],
		"Platform": ["dan", "carol", "Dan"]}`
	d := &double{host: "ntfy.example", answers: []answer{accepted}}
	n := withPeople(t, ways)
	n.Through(d)
	if err := n.Page(t.Context(), peoplePage("acme/platform", "@dan")); err != nil || len(d.all) != 3 {
		t.Errorf("%v after %d requests", err, len(d.all))
	}
	later, err := n.LaterWays(t.Context(), byPeople, []string{"acme/platform", "@carol"})
	if err != nil || len(later) != 1 || later[0] != (engine.Way{Login: "carol", Index: 1, Kind: "ntfy", After: 2 * time.Minute}) {
		t.Errorf("%+v, %v", later, err)
	}
	d.all = nil
	p := peoplePage("@carol")
	p.Way = &later[0]
	if err := n.Page(t.Context(), p); err != nil || !strings.Contains(d.one(t).body, "carol-2") {
		t.Errorf("%v: %+v", err, d.all)
	}
	d.all = nil
	err = n.Page(t.Context(), peoplePage("@carol", "@erin"))
	reached, _ := err.(interface{ Reached() []string })
	if err == nil || !strings.Contains(err.Error(), "erin") || len(reached.Reached()) != 1 || len(d.all) != 1 {
		t.Errorf("%v, %d requests", err, len(d.all))
	}
}

// What is wrong in the secret is said without what it holds.
func TestO3MistakesInTheSecretShowNoAddress(t *testing.T) {
	for text, want := range map[string]string{
		`nonsense`: "JSON", `{"dan": 5}`: "dan", `{"dan": [{}]}`: "way 1 of dan",
		`{"dan": [{"sms": "0301234567"}]}`:                           "sms",
		`{"dan": [{"sms": "+49301234567", "call": "+49301234567"}]}`: "several",
		`{"dan": [{"ntfy": "https://ntfy.example"}]}`:                "ntfy",
		`{"dan": [{"pushover": "0301234567"}]}`:                      "pushover",
		`{"dan": [{"github": "acme/301234567"}]}`:                    "github",
		`{"dan": [{"sms": "+49301234567", "after": "soon"}]}`:        "after",
		`{"dan": [{"sms": "+49301234567", "after": "2h"}]}`:          "after",
		`{"dan": []}`: "no way to reach dan",
	} {
		err := withPeople(t, text).Page(t.Context(), peoplePage("@dan"))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "301234567") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Calls and texts are bounded by person and hour, whatever goes wrong: they cost money and sleep (O3).
func TestO3CallsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &double{host: "api.twilio.com", answers: []answer{accepted}}
		n := withPeople(t, `{"dan": [{"call": "+49301234567"}]}`)
		n.Through(d)
		for range 30 {
			_ = n.Page(t.Context(), peoplePage("@dan"))
		}
		if len(d.all) != 12 {
			t.Errorf("%d calls", len(d.all))
		}
		err := n.Page(t.Context(), peoplePage("@dan"))
		if err == nil || !strings.Contains(err.Error(), "within an hour") {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		if err := n.Page(t.Context(), peoplePage("@dan")); err != nil || len(d.all) != 13 {
			t.Errorf("an hour later: %v, %d calls", err, len(d.all))
		}
	})
}

// Processes count calls together by what is kept, and each alone where that can't be read: a call waits
// for no store (O3).
func TestO3CallsAreBoundedInAllProcesses(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want int
	}{"kept": {nil, 12}, "the store is out": {errors.New("out"), 24}} {
		synctest.Test(t, func(t *testing.T) {
			kept := &shelf{err: c.err, saved: map[string][]byte{}}
			d := &double{host: "api.twilio.com", answers: []answer{accepted}}
			var all []*notify.Notifier
			for range 2 {
				n := withPeople(t, `{"dan": [{"call": "+49301234567"}]}`)
				n.Kept = kept
				n.Through(d)
				all = append(all, n)
			}
			for k := range 60 {
				_ = all[k%2].Page(t.Context(), peoplePage("@dan"))
			}
			if len(d.all) != c.want {
				t.Errorf("%s: %d calls, want %d", name, len(d.all), c.want)
			}
			time.Sleep(time.Hour)
			for _, n := range all {
				if err := n.Page(t.Context(), peoplePage("@dan")); err != nil {
					t.Errorf("%s, an hour later: %v", name, err)
				}
			}
		})
	}
}

// shelf is a store that may fail.
type shelf struct {
	err   error
	saved map[string][]byte
}

func (s *shelf) Save(_ context.Context, name string, content []byte) error {
	if s.err == nil {
		s.saved[name] = content
	}
	return s.err
}

func (s *shelf) Load(_ context.Context, name string) ([]byte, error) { return s.saved[name], s.err }

// A callback of Twilio's counts with its signature alone, as Twilio's documentation computes it, and one
// of Pushover's once Pushover confirms it.
func TestO3CallbacksAreVerified(t *testing.T) {
	// https://www.twilio.com/docs/usage/security#validating-requests
	n := newNotifier(t, func(o *notify.Options) {
		o.Secret = func(ctxType, string) (string, error) { return "12345", nil }
	})
	const address = "https://example.com/myapp.php?foo=1&bar=2"
	form := func() url.Values {
		return url.Values{"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+12349013030"}, "Digits": {"1234"},
			"From": {"+12349013030"}, "To": {"+18005551212"}}
	}
	if err := n.VerifyCall(t.Context(), byPeople, address, form(), twilioSignature("12345", address, form())); err != nil {
		t.Error(err)
	}
	forged := form()
	forged.Set("Digits", "1")
	for name, err := range map[string]error{
		"another key":     n.VerifyCall(t.Context(), byPeople, address, forged, twilioSignature("12345", address, form())),
		"another address": n.VerifyCall(t.Context(), byPeople, address+"x", form(), twilioSignature("12345", address, form())),
		"no signature":    n.VerifyCall(t.Context(), byPeople, address, form(), ""),
		"another secret":  n.VerifyCall(t.Context(), byPeople, address, form(), twilioSignature("54321", address, form())),
	} {
		if err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	for body, want := range map[string]bool{`{"status":1,"acknowledged":1,"acknowledged_by":"` + pushoverUser + `"}`: true,
		`{"status":1,"acknowledged":0}`: false, `{"status":0}`: false, `{`: false} {
		d := &double{host: "api.pushover.net", answers: []answer{{status: 200, body: body}}}
		n := withPeople(t, `{}`)
		n.Through(d)
		if err := n.VerifyReceipt(t.Context(), byPeople, "rLqVuqTRh62UzxtmqiaLzQmVcPgiCy"); (err == nil) != want {
			t.Errorf("%s: %v", body, err)
		}
	}
	if err := n.VerifyReceipt(t.Context(), byPeople, "../messages"); err == nil {
		t.Error("a receipt that is a path is taken")
	}
}

// What a person said on their own page counts in place of the secret's, for that person; where it can't be read, the
// secret counts (O3).
func TestO3OwnWaysCountInPlaceOfTheSecrets(t *testing.T) {
	for name, c := range map[string]struct {
		own  string
		err  error
		want string // topics
	}{
		"set":            {`[{"ntfy":"https://ntfy.example/own"},{"ntfy":"https://ntfy.example/late","after":"3m"}]`, nil, "carol own"},
		"none":           {"", nil, "carol dan"},
		"not readable":   {"", errors.New("out"), "carol dan"},
		"not understood": {`[{"ntfy":"x"}]`, nil, "carol dan"},
	} {
		d := &double{host: "ntfy.example", answers: []answer{accepted}}
		n := withPeople(t, `{"dan": [{"ntfy": "https://ntfy.example/dan"}], "carol": [{"ntfy": "https://ntfy.example/carol"}], "desk": ["dan", "carol"]}`)
		n.Own = func(_ context.Context, login string) ([]byte, error) {
			if login == "dan" {
				return []byte(c.own), c.err
			}
			return nil, nil
		}
		n.Through(d)
		if err := n.Page(t.Context(), peoplePage("acme/desk")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var topics []string
		for _, got := range d.all {
			var m struct{ Topic string }
			if err := json.Unmarshal([]byte(got.body), &m); err != nil {
				t.Fatal(err)
			}
			topics = append(topics, m.Topic)
		}
		slices.Sort(topics)
		if got := strings.Join(topics, " "); got != c.want {
			t.Errorf("%s: rang %q, want %q", name, got, c.want)
		}
		later, err := n.LaterWays(t.Context(), byPeople, []string{"@dan"})
		if err != nil || (name == "set") != (len(later) == 1) {
			t.Errorf("%s: later %v, %v", name, later, err)
		}
	}
}

// Ways count by what is out when one of them is: a vendor, or a server of one's own (O3).
func TestO3WaysCountByTheirVendors(t *testing.T) {
	for ways, want := range map[string]string{
		`[{"sms": "+49301234567"}, {"call": "+49301234567", "after": "2m"}]`:                 "twilio",
		`[{"ntfy": "https://ntfy.example/a"}, {"ntfy": "https://ntfy.example/b"}]`:           "ntfy",
		`[{"ntfy": "https://ntfy.example/a"}, {"ntfy": "https://other.example/b"}]`:          "ntfy ntfy",
		`[{"ntfy": "https://push.example/a"}, {"gotify": "https://push.example"}]`:           "ntfy",
		`[{"github": "dan"}, {"call": "+49301234567", "after": "4m"}, {"slack": "U0123AB"}]`: "github slack twilio",
		`[]`: "",
	} {
		n := withPeople(t, `{"dan": `+ways+`, "desk": ["dan", "erin"]}`)
		all, err := n.Ways(t.Context(), byPeople, []string{"acme/desk", "@Dan", "unknown"})
		if err != nil || len(all) != 2 || all[0].Login != "dan" || strings.Join(all[0].Vendors, " ") != want ||
			all[1].Login != "erin" || len(all[1].Vendors) != 0 {
			t.Errorf("%s: %+v, %v", ways, all, err)
		}
	}
}

// A way that failed is told although another one works, or nobody notices until that one fails too (O3).
func TestO3AFailedWayIsToldThoughAnotherWorks(t *testing.T) {
	const ways = `{"dan": [{"ntfy": "https://ntfy.example/dan"}, {"gotify": "https://gotify.example", "token": "A"}],
		"carol": [{"gotify": "https://gotify.example", "token": "A"}, {"ntfy": "https://ntfy.example/carol", "after": "5m"}]}`
	n := withPeople(t, ways)
	n.Through(&double{host: "ntfy.example", answers: []answer{accepted}}) // Gotify can't be reached
	var mu sync.Mutex
	var missed []string
	p := peoplePage("@dan", "@carol")
	p.Missed = func(login, way string, err error) {
		mu.Lock()
		defer mu.Unlock()
		missed = append(missed, login+" "+way)
		if said := holds(err.Error(), "TOKEN-OF-DAN"); len(said) > 0 {
			t.Errorf("the error shows %q: %v", said, err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		if err := n.Page(t.Context(), p); err != nil {
			t.Error(err)
		}
	})
	slices.Sort(missed)
	if !slices.Equal(missed, []string{"carol gotify", "dan gotify"}) {
		t.Errorf("told %q", missed)
	}
}

// The doctor's dry run finds each way that can't work, and sends nothing (O3).
func TestO3TheDryRunChecksEachWay(t *testing.T) {
	d := &double{host: "none.example", answers: []answer{accepted}}
	for ways, want := range map[string]string{
		`[{"ntfy": "https://ntfy.example/dan"}, {"call": "+49301234567", "after": "2m"}, {"email": "dan@acme.example"}, {"slack": "U0123ABCD"}]`: "",
		`[]`: "no way to reach dan",
		`[{"ntfy": "https://ntfy.example/dan"}, {"gotify": "http://gotify.example", "token": "x"}]`: "https",
	} {
		n := withPeople(t, `{"dan": `+ways+`}`)
		n.Through(d)
		err := n.Page(notify.Dry(t.Context()), peoplePage("@dan"))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", ways, err, want)
		}
	}
	if len(d.all) != 0 {
		t.Errorf("%d requests left", len(d.all))
	}
}
