package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/firebreak-dev/firebreak/app/assembly"
	"github.com/firebreak-dev/firebreak/app/demo"
	"github.com/firebreak-dev/firebreak/app/metrics/prom"
	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/app/server"
)

// journal is a log that several may write.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// watched is the product with an embedded GitHub, as demo is, logging and measured as serve is.
type watched struct {
	t   *testing.T
	url string // GitHub's, and the product's
	own string // of the metrics
	env map[string]string
	log *journal
	box *sandbox.Sandbox
}

func watchAll(t *testing.T, change map[string]string) *watched {
	t.Helper()
	w := &watched{t: t, log: &journal{}}
	mux := http.NewServeMux()
	front := httptest.NewServer(mux)
	t.Cleanup(front.Close)
	w.url = front.URL
	// Besides the webhook, people are paged by email, whose server is out of order.
	repository := files()
	settings := repository["acme/incidents"][".github/firebreak.yml"]
	settings = strings.Replace(settings, "by: [webhook, people]", "by: [webhook, email]", 1)
	settings = strings.Replace(settings, "      by: [webhook, people]\n", "", 1)
	settings = strings.Replace(settings, "\nservices:\n", "\nservices:\n  email:\n    from: incidents@acme.example\n"+
		"    secret: SMTP\n    targets: { incident-coordinators: oncall@acme.example }\n", 1)
	repository["acme/incidents"][".github/firebreak.yml"] = settings
	follow := &follower{}
	box, err := demo.New(sandbox.Options{URL: w.url, WebhookURL: w.url + "/webhook", Frozen: true,
		Files: repository, Follower: follow})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	w.box, w.env = box, box.Environment()
	for name, value := range change {
		w.env[name] = value
	}
	m, log := prom.New(), slog.New(slog.NewJSONHandler(w.log, nil))
	s, err := assembly.New(func(name string) string {
		return w.env[name]
	}, assembly.Options{Clock: box.Clock(), Metrics: m, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	follow.server.Store(s)
	mux.Handle("/", box.Handler())
	for _, path := range []string{"/webhook", "/intake/", "/healthz", "/metrics"} {
		mux.Handle(path, s.Handler())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.own = server.Address(l)
	ended := make(chan error, 1)
	go func() { ended <- server.Observe(l, s, m, log, s.Run)(t.Context()) }()
	t.Cleanup(func() {
		if err := <-ended; err != nil { // t's context ends before its cleanups
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// request makes a request, as a person if who isn't empty, and returns status and body.
func request(t *testing.T, who, method, url, body string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if who != "" {
		r.Header.Set("Authorization", "Bearer demo-"+who)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	said, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(said)
}

// do makes a request as a person and lets all that follows be done.
func (w *watched) do(who, path, body string, want int, header ...string) {
	w.t.Helper()
	if status, said := request(w.t, who, "POST", w.url+path, body, header...); status != want {
		w.t.Fatalf("%s: %d %s\n%s", path, status, said, w.log)
	}
	if status, said := request(w.t, "", "GET", w.url+"/sandbox/settled?timeout=20s",
		""); status != http.StatusOK {
		w.t.Fatalf("it does not settle: %d %s", status, said)
	}
}

func (w *watched) say(who string, number int, text string) {
	w.t.Helper()
	body, err := json.Marshal(map[string]string{"body": text})
	if err != nil {
		w.t.Fatal(err)
	}
	w.do(who, fmt.Sprintf("/api/v3/repos/acme/incidents/issues/%d/comments", number), string(body),
		http.StatusCreated)
}

// scrape reads the metrics as Prometheus does: a counter's and a gauge's value, and how often a
// histogram was observed.
func (w *watched) scrape() map[string]float64 {
	w.t.Helper()
	status, text := request(w.t, "", "GET", w.own+"/metrics", "")
	if status != http.StatusOK {
		w.t.Fatalf("metrics: %d %s", status, text)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		w.t.Fatal(err)
	}
	all := map[string]float64{}
	for name, f := range families {
		for _, m := range f.Metric {
			key := name
			for _, l := range m.Label {
				key += " " + l.GetValue()
			}
			switch {
			case m.Counter != nil:
				all[key] = m.Counter.GetValue()
			case m.Gauge != nil:
				all[key] = m.Gauge.GetValue()
			case m.Histogram != nil:
				all[key] = float64(m.Histogram.GetSampleCount())
			}
		}
	}
	return all
}

// What people wrote in the story, who they are, and every secret in it.
var unsaid = []string{
	"The API of Globex drops payments", "Customers at the Hamburg branch get 502", // title and summary
	"zanzibar", // in every text of a command
	"APIServerDown", "Vault sealed in cell nine", "hamburg-7",
	// a number that no time in the log can be
	"Gina Globexson", "gina@globex.example", "our checkout is dead", "30 5550",
	"Dana Private", "oncall@acme.example",
	"smtp-password", "alert-token",
}

// The whole story, the people and secrets in it, and what goes wrong on the way: none of their
// words is in the log, which says what was done; and what was counted is what happened (A7).
func TestA7TheLogTellsNothingAndTheMetricsAll(t *testing.T) {
	t.Parallel()
	// The receiver of emails for customers refuses them, and repeats what it was sent.
	echo := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		rw.WriteHeader(http.StatusBadRequest)
		_, _ = rw.Write(body)
	}))
	t.Cleanup(echo.Close)
	w := watchAll(t, map[string]string{"FIREBREAK_MAIL_URL": echo.URL,
		"FIREBREAK_INTAKE_SECRET":  "alert-token-1f",
		"FIREBREAK_SECRET_SMTP":    "smtp://firebreak:smtp-password-3d@127.0.0.1:1",
		"FIREBREAK_OUTBOUND_ALLOW": "127.0.0.1"})
	const (
		issues = "/api/v3/repos/acme/incidents/issues"
		alert  = `{"version":"4","groupKey":"{}:{alertname=\"APIServerDown\",cell=\"hamburg-7\"}","status":"firing","receiver":"p1","groupLabels":{"alertname":"APIServerDown"},
			"commonLabels":{"alertname":"APIServerDown","cell":"hamburg-7"},"commonAnnotations":{"summary":"Vault sealed in cell nine"},"externalURL":"","alerts":[{"status":"firing",
			"labels":{"alertname":"APIServerDown"},"annotations":{},"startsAt":"2026-03-02T10:40:00Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"f1"}]}`
		mail = "From: Gina Globexson <gina@globex.example>\r\nTo: p1@acme.example\r\nSubject: our " +
			"checkout is dead\r\nMessage-ID: <1@globex.example>\r\n\r\nzanzibar, please help\r\n"
	)
	w.do("", "/intake/alertmanager", alert, http.StatusUnauthorized, "Authorization", "Bearer guessed")
	w.do("", "/webhook", `{"zen":"zanzibar"}`, http.StatusUnauthorized, "X-GitHub-Event", "ping",
		"X-Hub-Signature-256", "sha256=00")
	w.do("", "/intake/alertmanager", alert, http.StatusAccepted, "Authorization", "Bearer alert-token-1f")
	w.do("", "/intake/alertmanager", strings.Replace(alert, "firing", "resolved", 2), http.StatusAccepted,
		"Authorization", "Bearer alert-token-1f")
	w.do("", "/intake/alertmanager",
		strings.ReplaceAll(strings.ReplaceAll(alert, "firing", "resolved"), "nine", "ten, never opened"),
		http.StatusAccepted, "Authorization", "Bearer alert-token-1f")
	w.do("", "/intake/email", mail, http.StatusAccepted, "Authorization", "Bearer alert-token-1f",
		"Content-Type", "message/rfc822")
	w.do("alice", issues, `{"title":"The API of Globex drops payments","labels":["incident"],"body":"### Summary\n\nCustomers at the Hamburg branch get 502\n\n### Severity\n\ncritical\n\n`+
		`### Customers impacted\n\nglobex\n\n### How did you learn of it?\n\n_No response_\n"}`,
		http.StatusCreated)
	const n = 3
	w.say("alice", n, "/oe")
	w.do("", "/intake/opsgenie",
		`{"action":"Acknowledge","alert":{"alertId":"a1","alias":"acme/incidents#3/page/1","username":"Dana Private"},"source":{"type":"api"}}`,
		http.StatusAccepted, "X-Firebreak-Token", "alert-token-1f", "Authorization", "Bearer alert-token-1f")
	w.say("carol", n, "/ic")
	w.say("carol", n, "/ic severity critical zanzibar")
	w.say("carol", n, "/ic phase investigate")
	w.say("alice", n, "/oe finding the zanzibar rack is dark")
	w.say("alice", n, "/oe fnding zanzibar again")
	w.say("carol", n, "a plain comment about zanzibar")
	w.do("", "/sandbox/clock", `{"advance":"26m"}`, http.StatusOK)
	w.do("", "/sandbox/faults", `{"match":"POST .*/comments$","status":502,"count":1}`, http.StatusOK)
	w.say("alice", n, "/oe fnding zanzibar is answered in words, which GitHub does not take")
	w.do("", "/sandbox/clock", `{"advance":"1m"}`, http.StatusOK)
	for _, c := range []struct{ who, text string }{{"carol", "/ic update We see zanzibar and are on it"},
		{"carol", "/ic escalate @dan zanzibar needs you"},
		{"alice", "/oe cause The zanzibar certificate ran out"}, {"carol", "/ic phase fixing"},
		{"alice", "/oe workaround zanzibar by hand"}, {"carol", "/ic phase monitoring"},
		{"carol", "/ic followup acme/platform Renew zanzibar by itself @bob"},
		{"carol", "/ic agree Gina Globexson, by phone"}, {"carol", "/ic close"}} {
		w.say(c.who, n, c.text)
	}
	if os.Getenv("FIREBREAK_SHOW_LOG") != "" {
		t.Log(w.log)
	}

	log := w.log.String()
	for _, secret := range append([]string{w.env["FIREBREAK_WEBHOOK_SECRET"],
		w.env["FIREBREAK_OUTBOUND_SECRET"], "PRIVATE KEY", "ghs_", "bearer alert", "eyJ"}, unsaid...) {
		if at := strings.Index(strings.ToLower(log), strings.ToLower(secret)); at >= 0 {
			t.Errorf("%q is in the log: … %s", secret, log[max(0, at-300):min(len(log), at+300)])
		}
	}
	looks, found := 0, false
	for line := range strings.Lines(log) {
		var l struct {
			Msg, Incident, Why, Delivery string
			Commands                     []string
			Effects                      map[string]int
			Calls                        *int
			Left                         int `json:"rate_left"`
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("not JSON: %v: %s", err, line)
		}
		if l.Calls == nil {
			continue
		}
		looks++
		if l.Why == "issue_comment.created" && len(l.Commands) == 1 && l.Commands[0] == "oe cause" {
			if l.Incident != "acme/incidents#3" || l.Delivery == "" || *l.Calls < 2 || l.Left < 1 ||
				l.Effects["react"] != 1 {
				t.Errorf("the look that found the cause: %s", line)
			}
			found = true
		}
	}
	if !found {
		t.Errorf("no line tells that a cause was found:\n%s", log)
	}

	got := w.scrape()
	var calls struct{ Calls []struct{ Actor string } }
	_, said := request(t, "", "GET", w.url+"/sandbox/calls?since=0", "")
	if err := json.Unmarshal([]byte(said), &calls); err != nil {
		t.Fatal(err)
	}
	made := 0.0
	for _, c := range calls.Calls {
		if strings.Contains(c.Actor, "firebreak") {
			made++
		}
	}
	counted := 0.0
	for key, value := range got {
		if strings.HasPrefix(key, "firebreak_github_calls_total ") {
			counted += value
		}
	}
	if counted != made {
		t.Errorf("GitHub was called %v times, and %v are counted", made, counted)
	}
	passes := got["firebreak_pass_duration_seconds done"] + got["firebreak_pass_duration_seconds later"] +
		got["firebreak_pass_duration_seconds failed"]
	if handed := got["firebreak_queue_age_seconds"]; handed != passes || handed != float64(looks) {
		t.Errorf("%v messages were handed out, %v looks measured, and %d logged", handed, passes, looks)
	}
	for name, want := range map[string]float64{
		"firebreak_pass_duration_seconds failed": 1,
		"firebreak_github_calls_total 5xx":       1,
		// the first, for the update, and by /ic escalate
		"firebreak_pages_total webhook":                       3,
		"firebreak_page_failures_total email":                 1,
		"firebreak_page_failures_total webhook":               0,
		"firebreak_updates_overdue_total":                     1,
		"firebreak_signals_rejected_total token alertmanager": 1,
		"firebreak_signals_rejected_total signature github":   1,
		"firebreak_effects_total announce":                    1,
		"firebreak_effects_total document":                    1,
		"firebreak_dead_letters":                              0,
		"firebreak_queue_oldest_seconds":                      0,
	} {
		if value, ok := got[name]; !ok || value != want {
			t.Errorf("%s is %v (%t), want %v", name, value, ok, want)
		}
	}
	if left := got["firebreak_github_calls_left core"]; left < 4000 || left >= 5000 {
		t.Errorf("%v calls are left", left)
	}
	if status, _ := request(t, "", "GET", w.url+"/metrics", ""); status != http.StatusNotFound {
		t.Errorf("strangers are shown metrics: %d", status)
	}
	if status, said := request(t, "", "GET", w.own+"/healthz", ""); status != http.StatusOK || said != "ok\n" {
		t.Errorf("health: %d %s", status, said)
	}
}
