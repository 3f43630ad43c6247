package intake_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/intake"
)

var update = flag.Bool("update", false, "write what the examples give into testdata")

var now = time.Date(2026, 11, 25, 10, 45, 0, 0, time.UTC)

var secrets = intake.Secrets{[]byte("now"), []byte("before")}

func sources() map[string]intake.Source {
	served := map[string]intake.Source{}
	for _, s := range intake.Sources(intake.Settings{Secrets: func(string) [][]byte { return secrets }}) {
		served[s.Name()] = s
	}
	return served
}

func mac(secret string, parts ...string) string {
	m := hmac.New(sha256.New, []byte(secret))
	for _, p := range parts {
		m.Write([]byte(p))
	}
	return hex.EncodeToString(m.Sum(nil))
}

func bearer(token string) http.Header {
	return http.Header{"Authorization": {"Bearer " + token}}
}

// signedFor returns the headers by which a source takes the body.
func signedFor(source, body, secret string) http.Header {
	stamp := strconv.FormatInt(now.Unix(), 10)
	h := http.Header{}
	switch source {
	case "grafana":
		h.Set("X-Grafana-Alerting-Timestamp", stamp)
		h.Set("X-Grafana-Alerting-Signature", mac(secret, stamp, ":", body))
	case "pagerduty":
		h.Set("X-PagerDuty-Signature", "v1="+mac(secret, body))
	case "slack":
		h.Set("Content-Type", "application/x-www-form-urlencoded")
		h.Set("X-Slack-Request-Timestamp", stamp)
		h.Set("X-Slack-Signature", "v0="+mac(secret, "v0:", stamp, ":", body))
	case "generic":
		h.Set("X-Firebreak-Timestamp", stamp)
		h.Set("X-Firebreak-Signature-256", "sha256="+mac(secret, stamp, ":", body))
	default:
		return bearer(secret)
	}
	return h
}

func read(source string, body string) (intake.Result, error) {
	return sources()[source].Read(context.Background(), intake.Request{Header: signedFor(source, body, "now"), Body: []byte(body), Now: now})
}

func mustRead(t testing.TB, source, body string) intake.Result {
	t.Helper()
	result, err := read(source, body)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	return result
}

func signal(t testing.TB, source, body string) intake.Signal {
	t.Helper()
	result := mustRead(t, source, body)
	if len(result.Signals) != 1 {
		t.Fatalf("%s returns %d signals, want 1", source, len(result.Signals))
	}
	return result.Signals[0]
}

func example(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// snsNotification returns the envelope of a message, without a signature.
func snsNotification(message string) string {
	body, _ := json.Marshal(map[string]string{
		"Type": "Notification", "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e", "TopicArn": topic, "Subject": "ALARM", "Message": message, "Timestamp": "2026-11-25T10:41:43.750Z",
	})
	return string(body)
}

func slackForm(values ...string) string {
	form := url.Values{}
	for i := 0; i < len(values); i += 2 {
		form.Set(values[i], values[i+1])
	}
	return form.Encode()
}

// The examples are what the vendors document; what must come of them is next to them.
func TestI1EachSourceGivesASignal(t *testing.T) {
	for _, c := range []struct{ name, source, body string }{
		{"alertmanager", "alertmanager", example(t, "alertmanager.json")},
		{"grafana", "grafana", example(t, "grafana.json")},
		{"pagerduty", "pagerduty", example(t, "pagerduty.json")},
		{"opsgenie", "opsgenie", example(t, "opsgenie.json")},
		{"eventbridge", "eventbridge", example(t, "eventbridge.json")},
		{"sns", "sns", snsNotification(example(t, "alarm.json"))},
		{"generic", "generic", example(t, "generic.json")},
		{"ses", "email", example(t, "ses.json")},
		{"mail/multipart", "email", example(t, "mail/multipart.eml")},
		{"mail/html", "email", example(t, "mail/html.eml")},
		{"mail/reply", "email", example(t, "mail/reply.eml")},
		{"mail/outlook", "email", example(t, "mail/outlook.eml")},
		{"mail/forward", "email", example(t, "mail/forward.eml")},
		{"mail/latin", "email", example(t, "mail/latin.eml")},
		{"mail/unknown", "email", example(t, "mail/unknown.eml")},
		{"mail/spoilt", "email", example(t, "mail/spoilt.eml")},
		{"slack-command", "slack", slackCommand("critical the API of eu-1 does not answer")},
		{"slack-shortcut", "slack", slackForm("payload", example(t, "slack-shortcut.json"))},
		{"slack-modal", "slack", slackForm("payload", example(t, "slack-modal.json"))},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got bytes.Buffer
			enc := json.NewEncoder(&got)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			s := signal(t, c.source, c.body)
			check(t, intake.Result{Signals: []intake.Signal{s}})
			if err := enc.Encode(s); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", c.name+".want")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got.String()); d != "" {
				t.Errorf("what it returns differs from %s (-want +got):\n%s", file, d)
			}
		})
	}
}

// check holds what every result must be, whatever was sent.
func check(t testing.TB, result intake.Result) {
	t.Helper()
	for _, s := range result.Signals {
		if s.Title == "" || utf8.RuneCountInString(s.Title) > 200 || strings.Contains(s.Title, "\n") {
			t.Errorf("the title is %q", s.Title)
		}
		if len(s.Text) > 8<<10 {
			t.Errorf("the text has %d bytes", len(s.Text))
		}
		if s.DedupKey == "" || len(s.DedupKey) > 200 || s.Event == "" || s.Source == "" || s.Trust == "" {
			t.Errorf("key %q, event %q, source %q, trust %q", s.DedupKey, s.Event, s.Source, s.Trust)
		}
		if s.Started.IsZero() || s.Started.After(now) {
			t.Errorf("it started at %s", s.Started)
		}
		for _, link := range append([]string{s.URL, s.Runbook, s.Reply}, s.CallLinks...) {
			if u, err := url.Parse(link); err != nil || link != "" && u.Scheme != "https" && u.Scheme != "http" {
				t.Errorf("the link %q", link)
			}
		}
		all := []string{s.Title, s.Text, s.DedupKey, s.SeverityHint, s.CustomerHint, s.Thread.MessageID, s.Thread.InReplyTo, strings.Join(s.Thread.Tags, " ")}
		all = append(append(all, s.Attachments...), s.Thread.References...)
		for name, value := range s.Labels {
			all = append(all, name, value)
		}
		for _, a := range all {
			if !utf8.ValidString(a) {
				t.Errorf("%q isn't UTF-8", a)
			}
			if i := strings.IndexAny(a, hiding); i >= 0 {
				t.Errorf("%q hides something", a)
			}
		}
	}
	for _, a := range result.Acks {
		if a.DedupKey == "" || a.At.IsZero() {
			t.Errorf("the ack %+v", a)
		}
	}
}

// hiding are some of the characters that change what is read without being seen.
const hiding = "\x00\x07\x1b\r\t\u007f\u0085\u00ad\u034f\u061c\u115f\u180e\u200b\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\u3164\ufeff\ufff9\U000e0041\U000e0100\ue000"

func kind(t testing.TB, err error) intake.Kind {
	t.Helper()
	var e *intake.Error
	if !errors.As(err, &e) {
		t.Fatalf("the error is %v, want one of the package's", err)
	}
	if e.Reason == "" {
		t.Errorf("%v has no reason to count it by", err)
	}
	return e.Kind
}

func TestI1SecretsAreNeeded(t *testing.T) {
	for source, body := range bodies(t) {
		for name, c := range map[string]struct {
			header http.Header
			taken  bool
		}{
			"the secret":             {signedFor(source, body, "now"), true},
			"the one before":         {signedFor(source, body, "before"), true},
			"another":                {signedFor(source, body, "other"), false},
			"an empty one":           {signedFor(source, body, ""), false},
			"none":                   {http.Header{}, false},
			"of another body":        {signedFor(source, body+" ", "now"), source == "alertmanager" || source == "opsgenie" || source == "sns" || source == "eventbridge" || source == "email"},
			"a prefix of the secret": {signedFor(source, body, "no"), false},
		} {
			_, err := sources()[source].Read(context.Background(), intake.Request{Header: c.header, Body: []byte(body), Now: now})
			if c.taken && err != nil {
				t.Errorf("%s, %s: %v", source, name, err)
			}
			if !c.taken && (err == nil || kind(t, err) != intake.Rejected) {
				t.Errorf("%s, %s: the error is %v, want a rejection", source, name, err)
			}
		}
	}
}

// bodies returns one body that each source takes.
func bodies(t testing.TB) map[string]string {
	return map[string]string{
		"alertmanager": example(t, "alertmanager.json"), "grafana": example(t, "grafana.json"), "pagerduty": example(t, "pagerduty.json"),
		"opsgenie": example(t, "opsgenie.json"), "eventbridge": example(t, "eventbridge.json"), "sns": snsNotification(example(t, "alarm.json")),
		"generic": example(t, "generic.json"), "email": example(t, "mail/reply.eml"), "slack": slackCommand("the API is down"),
	}
}

// Whatever is wrong with a body that was verified is a bad request, and what is said of it holds
// none of it.
func TestI1MalformedBodies(t *testing.T) {
	malformed := map[string][]string{
		"alertmanager": {
			"", "null", "[]", `"firing"`, `{"version":"4"`, `{}`, `{"version":"4","groupKey":"k","status":"firing","alerts":[]}`,
			`{"version":"4","status":"firing","alerts":[{}]}`, `{"groupKey":"k","status":"firing","alerts":[{}]}`, `{"version":"4","groupKey":"k","status":"secret-word","alerts":[{}]}`,
		},
		"grafana":     {"", "{}", `{"title":"legacy","state":"alerting","message":"secret-word"}`},
		"pagerduty":   {"{}", `{"event":"secret-word"}`, `{"event":{"event_type":"incident.triggered","data":{}}}`, `{"messages":[{"event":"incident.trigger"}]}`},
		"opsgenie":    {"", "{}", `{"action":"Create"}`, `{"action":"Create","alert":{"alias":"secret-word"}}`},
		"eventbridge": {"", "{}", `{"source":"aws.cloudwatch","detail-type":"CloudWatch Alarm State Change","detail":{}}`, `{"source":"aws.cloudwatch","detail-type":"CloudWatch Alarm State Change"}`, `{"time":"secret-word"}`},
		"sns":         {"", "{}", `{"Type":"secret-word"}`},
		"generic":     {"", "{}", `{"severity":"secret-word"}`, "not JSON"},
		"slack":       {"", "%zz", "text=secret-word", "payload=secret-word", "payload={}"},
		"email":       {"", " \r\n "},
	}
	for source, list := range malformed {
		for _, body := range list {
			_, err := read(source, body)
			if err == nil || kind(t, err) != intake.Bad {
				t.Errorf("%s takes %q: %v", source, body, err)
			} else if strings.Contains(err.Error(), "secret-word") {
				t.Errorf("%s repeats what was sent: %v", source, err)
			}
		}
	}
}

func TestI1OldTimestamps(t *testing.T) {
	body := map[string]string{"grafana": example(t, "grafana.json"), "slack": slackCommand("x"), "generic": example(t, "generic.json")}
	for source, b := range body {
		for _, c := range []struct {
			after time.Duration
			taken bool
		}{{0, true}, {299 * time.Second, true}, {301 * time.Second, false}, {-299 * time.Second, true}, {-301 * time.Second, false}} {
			_, err := sources()[source].Read(context.Background(), intake.Request{Header: signedFor(source, b, "now"), Body: []byte(b), Now: now.Add(c.after)})
			if c.taken != (err == nil) || err != nil && kind(t, err) != intake.Rejected {
				t.Errorf("%s, %s later: %v", source, c.after, err)
			}
		}
	}
}

func TestI1TokensStandInAnyHeader(t *testing.T) {
	body := example(t, "opsgenie.json")
	for name, c := range map[string]struct {
		header http.Header
		taken  bool
	}{
		"bearer":                  {bearer("now"), true},
		"another scheme":          {http.Header{"Authorization": {"GenieKey now"}}, true},
		"basic":                   {http.Header{"Authorization": {"Basic YW55Ym9keTpub3c="}}, true}, // anybody:now
		"basic, as the user":      {http.Header{"Authorization": {"Basic bm93Og=="}}, false},        // now:
		"basic, not base64":       {http.Header{"Authorization": {"Basic now"}}, false},
		"a header of its own":     {http.Header{"X-Api-Key": {"now"}}, true},
		"not the only value":      {http.Header{"X-Api-Key": {"other", "now"}}, true},
		"the name of a header":    {http.Header{"now": {"1"}}, false},
		"inside of a longer word": {http.Header{"X-Api-Key": {"now!"}}, false},
	} {
		_, err := sources()["opsgenie"].Read(context.Background(), intake.Request{Header: c.header, Body: []byte(body), Now: now})
		if c.taken != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNoSecretNoSource(t *testing.T) {
	served := intake.Sources(intake.Settings{Secrets: func(name string) [][]byte {
		if name == "generic" {
			return [][]byte{[]byte("x")}
		}
		return nil
	}})
	if len(served) != 1 || served[0].Name() != "generic" {
		t.Errorf("served without a secret: %v", served)
	}
	empty := intake.Sources(intake.Settings{Secrets: func(string) [][]byte { return [][]byte{nil, []byte("")} }})
	for _, source := range append(empty, &intake.Alertmanager{}, &intake.Generic{}, &intake.PagerDuty{}) {
		body := bodies(t)[source.Name()]
		h := signedFor(source.Name(), body, "")
		h.Set("X-Empty", "")
		if _, err := source.Read(context.Background(), intake.Request{Header: h, Body: []byte(body), Now: now}); err == nil {
			t.Errorf("%s takes a request without a secret", source.Name())
		}
	}
}
