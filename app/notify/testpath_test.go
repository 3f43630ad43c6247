package notify_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// vendorsOf answers by method, host and path, and notes what was asked. What it does not know is 404.
type vendorsOf struct {
	mu      sync.Mutex
	answers map[string]answer
	asked   []string
	forms   []string
}

func (v *vendorsOf) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = string(text)
	}
	what := r.Method + " " + r.URL.Host + r.URL.Path
	v.mu.Lock()
	v.asked, v.forms = append(v.asked, what), append(v.forms, body)
	a, ok := v.answers[what]
	v.mu.Unlock()
	if a.hangs {
		<-r.Context().Done()
		return nil, context.Cause(r.Context())
	}
	w := httptest.NewRecorder()
	if !ok {
		a.status = http.StatusNotFound
	}
	w.WriteHeader(a.status)
	_, _ = w.WriteString(a.body)
	res := w.Result()
	res.Request = r
	return res, nil
}

const allWays = `{"dan": [{"pushover": "` + pushoverUser + `"}, {"ntfy": "https://ntfy.example/dan-x8s7", "token": "tk_secret"},
	{"call": "+49301234567", "after": "2m"}, {"slack": "U0123ABCD", "after": "3m"}, {"github": "dan"}],
	"carol": [{"sms": "+49301234568"}, {"gotify": "https://gotify.example", "token": "AGotifyToken"}, {"ntfy": "https://ntfy.example/carol"}],
	"desk": ["dan", "carol"]}`

// The path's test asks each vendor once whether it is there and knows the account, as it documents that, and pages
// nobody. What is wrong is said without an address (O3).
func TestO3ThePathIsTestedAsEachVendorDocuments(t *testing.T) {
	const account = "GET api.twilio.com/2010-04-01/Accounts/" + twilioAccount + ".json"
	well := map[string]answer{
		account: {status: 200, body: `{"sid":"` + twilioAccount + `","status":"active"}`},
		"POST api.pushover.net/1/users/validate.json": {status: 200, body: `{"status":1,"devices":["phone"],"request":"x"}`},
		"GET ntfy.example/v1/health":                  {status: 200, body: `{"healthy":true}`},
		"GET gotify.example/health":                   {status: 200, body: `{"health":"green","database":"green"}`},
		"POST slack.com/api/auth.test":                {status: 200, body: `{"ok":true,"user_id":"U1"}`},
	}
	for name, c := range map[string]struct {
		what string
		says answer
		want []string // what is wrong
	}{
		"well":              {"", answer{}, nil},
		"a wrong token":     {account, answer{status: 401, body: `{"code":20003,"message":"Authenticate","status":401}`}, []string{"twilio", "401"}},
		"an ended account":  {account, answer{status: 200, body: `{"status":"suspended"}`}, []string{"twilio", "suspended"}},
		"an unknown user":   {"POST api.pushover.net/1/users/validate.json", answer{status: 400, body: `{"user":"invalid","errors":["user key is invalid"],"status":0}`}, []string{"pushover", "user key is invalid"}},
		"status 0":          {"POST api.pushover.net/1/users/validate.json", answer{status: 200, body: `{"status":0}`}, []string{"pushover", "well"}},
		"an ill server":     {"GET ntfy.example/v1/health", answer{status: 200, body: `{"healthy":false}`}, []string{"ntfy", "well"}},
		"another server":    {"GET ntfy.example/v1/health", answer{status: 200, body: `<html>`}, []string{"ntfy", "well"}},
		"out":               {"GET gotify.example/health", answer{status: 503}, []string{"gotify", "503"}},
		"hanging":           {"GET gotify.example/health", answer{hangs: true}, []string{"gotify", "no answer"}},
		"too many requests": {"GET gotify.example/health", answer{status: 429}, []string{"gotify", "429"}},
		"a revoked token":   {"POST slack.com/api/auth.test", answer{status: 200, body: `{"ok":false,"error":"token_revoked"}`}, []string{"slack", "token_revoked"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &vendorsOf{answers: map[string]answer{}}
				for what, says := range well {
					v.answers[what] = says
				}
				if c.what != "" {
					v.answers[c.what] = c.says
				}
				n := withPeople(t, allWays)
				n.Through(v)
				wrong := n.TestPath(t.Context(), peoplePage("acme/desk", "@dan"))
				if len(wrong) != min(1, len(c.want)) {
					t.Fatalf("wrong is %v", wrong)
				}
				for _, want := range c.want {
					if !strings.Contains(wrong[0].Error(), want) {
						t.Errorf("%v, want %q", wrong[0], want)
					}
				}
				if said := holds(fmt.Sprint(wrong), "+4930", twilioToken, pushoverUser, pushoverApp, "dan-x8s7", "tk_secret", "AGotifyToken"); len(said) > 0 {
					t.Errorf("it shows %q: %v", said, wrong)
				}
				slices.Sort(v.asked)
				if name == "well" && len(v.asked) != 5 || len(slices.Compact(v.asked)) != 5 {
					t.Errorf("asked %q", v.asked)
				}
			})
		})
	}
}

// What can't be tried at a vendor is wrong at once, and nothing leaves.
func TestO3ThePathsTestNamesWhatIsMissing(t *testing.T) {
	v := &vendorsOf{}
	n := withPeople(t, `{"dan": [{"gotify": "http://gotify.example", "token": "x"}], "erin": []}`)
	n.Through(v)
	got := fmt.Sprint(n.TestPath(t.Context(), peoplePage("@dan", "@erin", "acme/unknown")))
	for _, want := range []string{"https://", "no way to reach erin", "says nothing of acme/unknown"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s lacks %q", got, want)
		}
	}
	p := peoplePage("@dan")
	p.Service = incident.Service{Kind: "people", Secret: "NONE"}
	if got := n.TestPath(t.Context(), p); len(got) != 1 || len(v.asked) != 0 {
		t.Errorf("%v, asked %q", got, v.asked)
	}
}

// A test page says everywhere that it is a test, and asks for one answer alone (O3).
func TestO3ATestSaysThatItIsOne(t *testing.T) {
	for way, host := range map[string]string{
		`{"sms": "+49301234567"}`:                            "api.twilio.com",
		`{"call": "+49301234567"}`:                           "api.twilio.com",
		`{"ntfy": "https://ntfy.example/dan"}`:               "ntfy.example",
		`{"gotify": "https://gotify.example", "token": "A"}`: "gotify.example",
		`{"pushover": "` + pushoverUser + `"}`:               "api.pushover.net",
		`{"slack": "U0123ABCD"}`:                             "slack.com",
	} {
		body := accepted
		if host == "slack.com" {
			body = answer{status: 200, body: `{"ok":true,"channel":"D1","ts":"1.2"}`}
		}
		d := &double{host: host, answers: []answer{body}}
		n := withPeople(t, `{"dan": [`+way+`]}`)
		n.Through(d)
		p := peoplePage("@dan")
		p.Test, p.Title, p.Drill = true, "Firebreak tests whether pages reach you", false
		if err := n.Page(t.Context(), p); err != nil {
			t.Errorf("%s: %v", way, err)
			continue
		}
		got := d.one(t).body
		if !strings.Contains(got, "TEST") || strings.Contains(got, "oordinate") {
			t.Errorf("%s: %s", way, got)
		}
	}
}
