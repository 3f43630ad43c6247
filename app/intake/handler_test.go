package intake_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/intake"
	"github.com/google/go-cmp/cmp"
)

// endpoint is a Handler with what it was asked to do.
type endpoint struct {
	http.Handler
	refused  map[refusal]int
	log      bytes.Buffer
	accepted []intake.Result
}

type refusal struct{ Source, Reason string }

func serve(edit func(*intake.Options)) *endpoint {
	e := &endpoint{}
	o := intake.Options{
		Now: func() time.Time { return now }, Refused: e.count, Logger: slog.New(slog.NewTextHandler(&e.log, nil)),
		Accept: func(_ context.Context, r intake.Result) error { e.accepted = append(e.accepted, r); return nil },
	}
	for _, s := range sources() {
		o.Sources = append(o.Sources, s)
	}
	if edit != nil {
		edit(&o)
	}
	e.Handler = intake.Handler(o)
	return e
}

func (e *endpoint) count(source, reason string) {
	if e.refused == nil {
		e.refused = map[refusal]int{}
	}
	e.refused[refusal{source, reason}]++
}

func (e *endpoint) post(source, body string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/intake/"+source, strings.NewReader(body))
	r.Header = header
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

func TestI1EverySourceIsServed(t *testing.T) {
	for source, body := range bodies(t) {
		e := serve(nil)
		want := http.StatusAccepted
		if source == "slack" {
			want = http.StatusOK
		}
		if w := e.post(source, body, signedFor(source, body, "now")); w.Code != want || len(e.accepted) != 1 || len(e.accepted[0].Signals) != 1 {
			t.Errorf("%s: %d %s, %d accepted", source, w.Code, w.Body, len(e.accepted))
		}
	}
}

// 5xx is what makes Alertmanager try again; what was stored is answered with 202, and what is their
// fault with 4xx.
func TestI1WhatIsAnswered(t *testing.T) {
	alert, ping := example(t, "alertmanager.json"), `{"event":{"event_type":"pagey.ping","data":{}}}`
	fails := func(o *intake.Options) {
		o.Accept = func(context.Context, intake.Result) error { return errors.New("the disk is full") }
	}
	for name, c := range map[string]struct {
		edit         func(*intake.Options)
		source, body string
		header       http.Header
		status       int
		says         string
		counted      map[refusal]int
	}{
		"taken":              {nil, "alertmanager", alert, bearer("now"), 202, "", nil},
		"of no interest":     {fails, "pagerduty", ping, signedFor("pagerduty", ping, "now"), 202, "", nil},
		"a wrong token":      {nil, "alertmanager", alert, bearer("other"), 401, "Authorization: Bearer", map[refusal]int{{Source: "alertmanager", Reason: "token"}: 1}},
		"a wrong signature":  {nil, "grafana", alert, signedFor("grafana", alert, "other"), 401, "signature", map[refusal]int{{Source: "grafana", Reason: "signature"}: 1}},
		"not understood":     {nil, "alertmanager", "{}", bearer("now"), 400, "/intake/generic", map[refusal]int{{Source: "alertmanager", Reason: "format"}: 1}},
		"not stored":         {fails, "alertmanager", alert, bearer("now"), 503, "send it again", map[refusal]int{{Source: "alertmanager", Reason: "store"}: 1}},
		"too large":          {nil, "alertmanager", strings.Repeat(" ", intake.MaxBody+1), bearer("now"), 413, "too large", map[refusal]int{{Source: "alertmanager", Reason: "size"}: 1}},
		"as large as it may": {nil, "alertmanager", alert + strings.Repeat(" ", intake.MaxBody-len(alert)), bearer("now"), 202, "", nil},
		"a large mail":       {nil, "email", "Subject: x\r\n\r\n" + strings.Repeat("x\r\n", intake.MaxBody), bearer("now"), 202, "", nil},
		"a mail too large":   {nil, "email", strings.Repeat("x", intake.MaxMail+1), bearer("now"), 413, "too large", map[refusal]int{{Source: "email", Reason: "size"}: 1}},
		"an unknown source":  {nil, "nagios", alert, bearer("now"), 404, "no such source", nil},
		"no source":          {nil, "", alert, bearer("now"), 404, "no such source", nil},
	} {
		e := serve(c.edit)
		w := e.post(c.source, c.body, c.header)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if d := cmp.Diff(c.counted, e.refused); d != "" {
			t.Errorf("%s is counted (-want +got):\n%s", name, d)
		}
		if w.Code != 202 && strings.Contains(w.Body.String(), "disk") {
			t.Errorf("%s: the sender learns what is wrong with us: %s", name, w.Body)
		}
	}
}

func TestI1MethodsOfSources(t *testing.T) {
	body := example(t, "grafana.json")
	for method, status := range map[string]int{http.MethodPost: 202, http.MethodPut: 202, http.MethodGet: 405, http.MethodDelete: 405} {
		r := httptest.NewRequest(method, "/intake/grafana", strings.NewReader(body))
		r.Header = signedFor("grafana", body, "now")
		w := httptest.NewRecorder()
		serve(nil).ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
}

// The log says which source was refused and why, and nothing of what came: neither the token nor a
// text.
func TestI6TheLogHoldsNoSecretAndNoText(t *testing.T) {
	e := serve(nil)
	for source := range bodies(t) {
		for _, body := range []string{`{"version":"4","groupKey":"confidential","status":"confidential"}`, "confidential", "{\"confidential\":\xff"} {
			for _, token := range []string{"now", "confidential"} {
				e.post(source, body, signedFor(source, body, token))
			}
		}
	}
	log := e.log.String()
	if n := strings.Count(log, "a signal was refused"); n < 18 || !strings.Contains(log, "source=grafana reason=signature") {
		t.Errorf("%d refusals are logged:\n%s", n, log)
	}
	for _, word := range []string{"confidential", "Bearer now", mac("now", "confidential")} {
		if strings.Contains(log, word) {
			t.Errorf("%q is logged:\n%s", word, log)
		}
	}
}

func TestI1SlackIsAnswered(t *testing.T) {
	fails := func(o *intake.Options) {
		o.Accept = func(context.Context, intake.Result) error { return errors.New("full") }
	}
	opened := ""
	opens := func(o *intake.Options) {
		o.OpenModal = func(_ context.Context, m intake.Modal) error {
			opened = m.TriggerID + " " + m.View.Title.Text
			return nil
		}
	}
	cannot := func(o *intake.Options) {
		o.OpenModal = func(context.Context, intake.Modal) error { return errors.New("trigger_expired") }
	}
	shortcut, modal := slackForm("payload", example(t, "slack-shortcut.json")), slackForm("payload", example(t, "slack-modal.json"))
	for name, c := range map[string]struct {
		edit   func(*intake.Options)
		body   string
		status int
		says   string
	}{
		"a command":                       {nil, slackCommand("x"), 200, "Working on it"},
		"a command that can't be stored":  {fails, slackCommand("x"), 200, "nobody was told"},
		"a shortcut":                      {nil, shortcut, 200, ""},
		"a shortcut that can't be stored": {fails, shortcut, 503, ""},
		"a modal":                         {nil, modal, 200, ""},
		"a modal that can't be stored":    {fails, modal, 200, `"response_action":"errors"`},
		"no words, with a form":           {opens, slackCommand(""), 200, ""},
		"no words, and no form":           {nil, slackCommand(""), 200, "/incident critical"},
		"no words, and it does not open":  {cannot, slackCommand("help"), 200, "/incident critical"},
	} {
		w := serve(c.edit).post("slack", c.body, signedFor("slack", c.body, "now"))
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) || c.says == "" && c.status == 200 && w.Body.Len() > 0 {
			t.Errorf("%s: %d %q", name, w.Code, w.Body)
		}
	}
	if opened != "111.222.xyz Declare an incident" {
		t.Errorf("opened: %q", opened)
	}
}

func TestI1SubscriptionsAreConfirmed(t *testing.T) {
	fetched, confirmed := 0, ""
	body := jsonOf(signSNS(confirmation()))
	with := func(err error) func(*intake.Options) {
		return func(o *intake.Options) {
			o.Sources = []intake.Source{snsSource(&fetched)}
			o.Confirm = func(_ context.Context, url string) error { confirmed = url; return err }
		}
	}
	e := serve(with(nil))
	if w := e.post("sns", body, http.Header{}); w.Code != 202 || confirmed != confirmation()["SubscribeURL"] || len(e.accepted) > 0 {
		t.Errorf("%d %s, confirmed %q, accepted %v", w.Code, w.Body, confirmed, e.accepted)
	}
	if w := serve(with(errors.New("no route"))).post("sns", body, http.Header{}); w.Code != 503 {
		t.Errorf("a confirmation that fails is answered by %d", w.Code)
	}
}

// counting counts what is read of a body.
type counting struct {
	io.Reader
	n int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

// Nothing is read of what carries no token, or nothing that could be a signature of now; and a
// thousand such requests are one line of the log, without a word of theirs.
func TestI6NothingIsReadBeforeTheToken(t *testing.T) {
	for source := range bodies(t) {
		if source == "sns" { // its signature is in the body
			continue
		}
		e := serve(nil)
		old := http.Header{}
		for name, values := range signedFor(source, "{}", "other") {
			old[name] = values
			if strings.HasSuffix(name, "Timestamp") {
				old.Set(name, "1000")
			}
		}
		if source == "pagerduty" { // it signs no time, so a form that fits is read
			old = http.Header{"X-Pagerduty-Signature": {"v1=confidential"}}
		}
		for _, header := range []http.Header{{}, {"Authorization": {"Bearer " + strings.Repeat("confidential ", 4000)}}, old} {
			for range 100 {
				body := &counting{Reader: strings.NewReader(strings.Repeat("x", intake.MaxBody))}
				r := httptest.NewRequest(http.MethodPost, "/intake/"+source, body)
				r.Header = header
				w := httptest.NewRecorder()
				e.ServeHTTP(w, r)
				if w.Code != http.StatusUnauthorized || body.n > 0 {
					t.Fatalf("%s with %.100v: %d, %d bytes read", source, header, w.Code, body.n)
				}
			}
		}
		if n := strings.Count(e.log.String(), "\n"); n > 3 || strings.Contains(e.log.String(), "confidential") {
			t.Errorf("%s: %d lines: %s", source, n, &e.log)
		}
	}
}

func TestI6SNSNamesItsTopicFirst(t *testing.T) {
	body := &counting{Reader: strings.NewReader("{}")}
	r := httptest.NewRequest(http.MethodPost, "/intake/sns", body)
	r.Header.Set("X-Amz-Sns-Topic-Arn", "arn:aws:sns:eu-central-1:123456789012:other")
	w := httptest.NewRecorder()
	serve(nil).ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized || body.n > 0 {
		t.Errorf("%d, %d bytes read", w.Code, body.n)
	}
}
