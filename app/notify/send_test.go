package notify_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/notify"
)

func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

func retryAfter(err error) time.Duration {
	var t interface{ RetryAfter() time.Duration }
	if !errors.As(err, &t) {
		return -1
	}
	return t.RetryAfter()
}

// vendor is a service as it answers: when it took the message, and when the key is wrong.
type vendor struct {
	host     string
	send     func(context.Context, *notify.Notifier) error
	took     answer
	wrongKey answer
	secret   string // what its answers repeat
}

func vendors(t *testing.T) map[string]vendor {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	by := func(s incident.Service) func(context.Context, *notify.Notifier) error {
		return func(ctx context.Context, n *notify.Notifier) error { return n.Page(ctx, page(s, "platform")) }
	}
	return map[string]vendor{
		"pagerduty": {"events.pagerduty.com", by(pagerDuty), accepted, answer{status: 400, body: `{"status":"invalid event","message":"Event object is invalid","errors":["Length of 'routing_key' is incorrect (should be 32 characters)"]}`}, "PD_PLATFORM"},
		"opsgenie":  {"api.eu.opsgenie.com", by(opsgenie), taken, answer{status: 403, body: `{"message":"Key format is not valid!","took":0.0,"requestId":"r"}`}, "OPSGENIE"},
		"jira":      {"api.atlassian.com", by(jira), taken, answer{status: 401, body: `{"code":401,"message":"Unauthorized"}`}, "JIRA"},
		"slack":     {"slack.com", by(slackService), posted, answer{status: 200, body: `{"ok":false,"error":"invalid_auth"}`}, "SLACK"},
		"webhook": {"hooks.globex.example", func(ctx context.Context, n *notify.Notifier) error {
			return n.Announce(ctx, engine.Announcement{Key: "k", Channel: incident.Channel{Kind: "webhook", To: "GLOBEX_HOOK"}, Text: "We are on it."})
		}, answer{status: 204}, answer{status: 401, body: "who are you?"}, "GLOBEX_HOOK"},
		"ses": {"email.eu-central-1.amazonaws.com", by(ses), answer{status: 200, body: `{"MessageId":"m"}`}, answer{status: 403, body: `{"message":"The security token included in the request is invalid."}`}, ""},
	}
}

func TestHowVendorsFail(t *testing.T) {
	refused := &answer{fails: fmt.Errorf("dial tcp 192.0.2.1:443: %w", syscall.ECONNREFUSED)}
	for name, v := range vendors(t) {
		again := func(status int, header map[string]string) answer {
			return answer{status: status, header: header, body: "no, " + secrets[v.secret] + " is what you sent"}
		}
		for what, c := range map[string]struct {
			answers   []answer
			requests  int
			took      time.Duration
			fails     bool
			temporary bool
			after     time.Duration
			says      string
		}{
			"all is well":            {answers: []answer{v.took}, requests: 1},
			"one 500":                {answers: []answer{again(500, nil), v.took}, requests: 2, took: 500 * time.Millisecond},
			"two 503":                {answers: []answer{again(503, nil), again(503, nil), v.took}, requests: 3, took: 1500 * time.Millisecond},
			"502 all the time":       {answers: []answer{again(502, nil)}, requests: 3, took: 1500 * time.Millisecond, fails: true, temporary: true, says: "502 Bad Gateway"},
			"429 for a second":       {answers: []answer{again(429, map[string]string{"Retry-After": "1"}), v.took}, requests: 2, took: time.Second},
			"429 for a minute":       {answers: []answer{again(429, map[string]string{"Retry-After": "60"})}, requests: 1, fails: true, temporary: true, after: time.Minute, says: "429 Too Many Requests"},
			"no answer":              {answers: []answer{{hangs: true}}, requests: 1, took: 10 * time.Second, fails: true, temporary: true, says: "no answer within 10s"},
			"429 until a time":       {answers: []answer{again(429, map[string]string{"Retry-After": "Sat, 01 Jan 2000 00:01:30 GMT"})}, requests: 1, fails: true, temporary: true, after: 90 * time.Second, says: "429 Too Many Requests"}, // a bubble's time begins with 2000
			"refused, then well":     {answers: []answer{*refused, v.took}, requests: 2, took: 500 * time.Millisecond},
			"refused all the time":   {answers: []answer{*refused}, requests: 3, took: 1500 * time.Millisecond, fails: true, temporary: true, says: "connection refused"},
			"the key is wrong":       {answers: []answer{v.wrongKey}, requests: 1, fails: true},
			"the message is refused": {answers: []answer{again(422, nil)}, requests: 1, fails: true, says: "422 Unprocessable Entity"},
			"a redirect":             {answers: []answer{{status: 302, header: map[string]string{"Location": "https://" + v.host + "/login"}}}, requests: 1, fails: true, says: "302 Found"},
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := &double{host: v.host, answers: c.answers}
					n := newNotifier(t, nil)
					n.Through(d)
					began := time.Now()
					err := v.send(t.Context(), n)
					if took := time.Since(began); took != c.took || len(d.all) != c.requests {
						t.Errorf("%d requests in %s, want %d in %s", len(d.all), took, c.requests, c.took)
					}
					for _, g := range d.all {
						if g.body != d.all[0].body && name != "ses" { // the boundary of its parts is another each time
							t.Errorf("sent again with another body:\n%s\n%s", d.all[0].body, g.body)
						}
					}
					if !c.fails {
						if err != nil {
							t.Error(err)
						}
						return
					}
					if err == nil {
						t.Fatal("no error")
					}
					if temporary(err) != c.temporary || retryAfter(err) != c.after || !strings.Contains(err.Error(), c.says) {
						t.Errorf("error %v, temporary %t, after %s", err, temporary(err), retryAfter(err))
					}
					if c.answers[0].hangs != errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("%v: deadline exceeded is %t", err, errors.Is(err, context.DeadlineExceeded))
					}
					if name == "opsgenie" && !strings.Contains(err.Error(), "2027-04-05") {
						t.Errorf("Opsgenie's end is not told: %v", err)
					}
					silent(t, err)
				})
			})
		}
	}
}

func TestWhoStopsIsNotMadeToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &double{host: "events.pagerduty.com", answers: []answer{{status: 500}}}
		n := newNotifier(t, nil)
		n.Through(d)
		ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer stop()
		began := time.Now()
		if err := n.Page(ctx, page(pagerDuty, "platform")); err == nil || time.Since(began) != 100*time.Millisecond {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}

// What Slack says inside an answer of 200 decides whether it passes.
func TestSlackErrors(t *testing.T) {
	for said, want := range map[string]bool{
		"internal_error": true, "ratelimited": true, "channel_not_found": false, "not_in_channel": false, "token_revoked": false,
	} {
		synctest.Test(t, func(t *testing.T) {
			d := &double{host: "slack.com", answers: []answer{{status: 200, body: `{"ok":false,"error":"` + said + `"}`}}}
			n := newNotifier(t, nil)
			n.Through(d)
			err := n.Page(t.Context(), page(slackService, "platform"))
			if err == nil || !strings.Contains(err.Error(), said) || temporary(err) != want {
				t.Errorf("%s: error %v, temporary %t", said, err, temporary(err))
			}
		})
	}
}
