package notify_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/notify"
)

var (
	pagerDuty = incident.Service{Kind: "pagerduty", Secret: "PD_DEFAULT", Targets: map[string]string{"platform": "PD_PLATFORM"}}
	opsgenie  = incident.Service{Kind: "opsgenie", Secret: "OPSGENIE", Options: map[string]string{"region": "eu"}, Targets: map[string]string{
		"platform": "Platform Team", "@bob": "user:bob@acme.example", "sre": "schedule:Primary", "ops": "team:4513b7ea-3b91-438f-b7e4-e3e54af9147c",
	}}
	jira = incident.Service{Kind: "jira", Secret: "JIRA", Options: map[string]string{"cloud": "11111111-2222-3333-4444-555555555555", "user": "bot@acme.example"},
		Targets: map[string]string{"platform": "4513b7ea-3b91-438f-b7e4-e3e54af9147c", "@bob": "user:5c111369:bob"}}
	slackService = incident.Service{Kind: "slack", Secret: "SLACK", Options: map[string]string{"channel": "C0123ABCD"},
		Targets: map[string]string{"platform": "S0123ABCD", "@bob": "U0123ABCD"}}

	accepted = answer{status: 202, body: `{"status":"success","message":"Event processed","dedup_key":"k"}`}
	taken    = answer{status: 202, body: `{"result":"Request will be processed","took":0.1,"requestId":"43a29c5c-3dbf-4fa4-9c26-f4f71023e120"}`}
	posted   = answer{status: 200, body: `{"ok":true,"channel":"C0123ABCD","ts":"1503435956.000247"}`}
)

func decode(t *testing.T, body string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return m
}

func TestPagerDuty(t *testing.T) {
	d := &double{host: "events.pagerduty.com", answers: []answer{accepted}}
	n := newNotifier(t, nil)
	n.Through(d)
	if err := n.Page(t.Context(), page(pagerDuty, "platform")); err != nil {
		t.Fatal(err)
	}
	g := d.one(t)
	g.has(t, "https://events.pagerduty.com/v2/enqueue", map[string]string{"Content-Type": "application/json", "Authorization": ""})
	fits(t, "pagerduty-event.schema.json", g.body)
	want := map[string]any{
		"routing_key": secrets["PD_PLATFORM"], "event_action": "trigger", "dedup_key": "acme/incidents#98765/page/1",
		"client": "Firebreak", "client_url": "https://github.com/acme/incidents/issues/98765",
		"links": []any{map[string]any{"href": "https://github.com/acme/incidents/issues/98765", "text": "acme/incidents#98765"}},
		"payload": map[string]any{
			"summary": "API down: <b>& 502s", "source": "acme/incidents", "severity": "critical",
			"custom_details": map[string]any{"paged": []any{"platform"}, "text": "the database <!channel> is gone"},
		},
	}
	if diff := cmp.Diff(want, decode(t, g.body)); diff != "" {
		t.Error(diff)
	}
}

// Companies name their severities; PagerDuty knows four.
func TestPagerDutySeverity(t *testing.T) {
	for company, want := range map[string]string{"critical": "critical", "sev-1": "critical", "": "critical", "warning": "warning", "info": "info"} {
		d := &double{host: "events.pagerduty.com", answers: []answer{accepted}}
		n := newNotifier(t, nil)
		n.Through(d)
		p := page(pagerDuty, "platform")
		p.Severity, p.URL, p.Text, p.Title = company, "", "", ""
		if err := n.Page(t.Context(), p); err != nil {
			t.Error(err)
			continue
		}
		fits(t, "pagerduty-event.schema.json", d.one(t).body)
		payload := decode(t, d.one(t).body)["payload"].(map[string]any)
		if payload["severity"] != want || payload["summary"] != "acme/incidents#98765" {
			t.Errorf("%s: %v", company, payload)
		}
	}
}

// Each routing key is paged once, whoever has none of their own by the service's.
func TestPagerDutyRoutingKeys(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*incident.Service)
		to     []string
		want   []string
	}{
		"a team's own":                 {to: []string{"Platform"}, want: []string{"PD_PLATFORM"}},
		"a team's own, with its owner": {to: []string{"acme/platform"}, want: []string{"PD_PLATFORM"}},
		"nobody's own":                 {to: []string{"payments", "@carol"}, want: []string{"PD_DEFAULT"}},
		"both":                         {to: []string{"platform", "payments"}, want: []string{"PD_PLATFORM", "PD_DEFAULT"}},
		"the same twice": {to: []string{"platform", "sre"}, change: func(s *incident.Service) {
			s.Targets = map[string]string{"platform": "PD_DEFAULT", "sre": "PD_DEFAULT"}
		}, want: []string{"PD_DEFAULT"}},
		"a team's own and no other's":     {to: []string{"platform", "payments"}, change: func(s *incident.Service) { s.Secret = "" }, want: []string{"PD_PLATFORM"}},
		"the service's in Europe":         {to: []string{"payments"}, change: func(s *incident.Service) { s.Options = map[string]string{"region": "eu"} }, want: []string{"PD_DEFAULT"}},
		"none at all":                     {to: []string{"payments"}, change: func(s *incident.Service) { s.Secret = "" }},
		"one that is not set":             {to: []string{"payments"}, change: func(s *incident.Service) { s.Secret = "NOWHERE" }},
		"a region that PagerDuty has not": {to: []string{"payments"}, change: func(s *incident.Service) { s.Options = map[string]string{"region": "mars"} }},
	} {
		t.Run(name, func(t *testing.T) {
			s := pagerDuty
			if c.change != nil {
				c.change(&s)
			}
			d := &double{host: "events.pagerduty.com", answers: []answer{accepted}}
			if s.Options["region"] == "eu" {
				d.host = "events.eu.pagerduty.com"
			}
			n := newNotifier(t, nil)
			n.Through(d)
			err := n.Page(t.Context(), page(s, c.to...))
			if (err != nil) != (len(c.want) == 0) {
				t.Fatalf("error %v", err)
			}
			var sent, want []string
			for _, g := range d.all {
				sent = append(sent, decode(t, g.body)["routing_key"].(string))
			}
			for _, name := range c.want {
				want = append(want, secrets[name])
			}
			slices.Sort(sent)
			slices.Sort(want)
			if !slices.Equal(sent, want) {
				t.Errorf("paged by %q, want %q", sent, want)
			}
		})
	}
}

// One routing key that is wrong does not keep the page from the others, and is told.
func TestPagerDutyOneOfTwoFails(t *testing.T) {
	d := &double{host: "events.pagerduty.com", answers: []answer{{status: 400, body: `{"status":"invalid event","message":"Event object is invalid"}`}, accepted}}
	n := newNotifier(t, nil)
	n.Through(d)
	err := n.Page(t.Context(), page(pagerDuty, "platform", "payments"))
	if err == nil || !strings.Contains(err.Error(), "400 Bad Request: {\"status\":\"invalid event\"") || len(d.all) != 2 {
		t.Errorf("error %v after %d requests", err, len(d.all))
	}
}

func TestLongTextsAreCutWhereTheServiceWouldRefuseThem(t *testing.T) {
	for schema, c := range map[string]struct {
		service incident.Service
		d       *double
	}{
		"pagerduty-event.schema.json": {pagerDuty, &double{host: "events.pagerduty.com", answers: []answer{accepted}}},
		"opsgenie-alert.schema.json":  {opsgenie, &double{host: "api.eu.opsgenie.com", answers: []answer{taken}}},
		"jira-alert.schema.json":      {jira, &double{host: "api.atlassian.com", answers: []answer{taken}}},
	} {
		n := newNotifier(t, nil)
		n.Through(c.d)
		p := page(c.service, "platform")
		p.Title, p.Text, p.Drill = strings.Repeat("ü", 5000), strings.Repeat("ß\n", 20_000), true
		if err := n.Page(t.Context(), p); err != nil {
			t.Error(err)
			continue
		}
		fits(t, schema, c.d.one(t).body)
		if !strings.Contains(c.d.one(t).body, "DRILL: üü") {
			t.Errorf("%s does not say that it is a drill", schema)
		}
	}
}

func TestOpsgenie(t *testing.T) {
	d := &double{host: "api.eu.opsgenie.com", answers: []answer{taken}}
	var log bytes.Buffer
	n := newNotifier(t, func(o *notify.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	n.Through(d)
	if err := n.Page(t.Context(), page(opsgenie, "platform", "@bob", "sre", "ops", "@carol")); err != nil {
		t.Fatal(err)
	}
	g := d.one(t)
	g.has(t, "https://api.eu.opsgenie.com/v2/alerts", map[string]string{
		"Authorization": "GenieKey " + secrets["OPSGENIE"], "Content-Type": "application/json", "Accept": "application/json",
	})
	fits(t, "opsgenie-alert.schema.json", g.body)
	want := map[string]any{
		"message": "API down: <b>& 502s", "alias": "acme/incidents#98765/page/1", "priority": "P1", "source": "Firebreak", "entity": "acme/incidents#98765",
		"description": "API down: <b>& 502s\n\nthe database <!channel> is gone\n\nhttps://github.com/acme/incidents/issues/98765",
		"details":     map[string]any{"url": "https://github.com/acme/incidents/issues/98765"},
		"responders": []any{
			map[string]any{"type": "team", "name": "Platform Team"},
			map[string]any{"type": "user", "username": "bob@acme.example"},
			map[string]any{"type": "schedule", "name": "Primary"},
			map[string]any{"type": "team", "id": "4513b7ea-3b91-438f-b7e4-e3e54af9147c"},
		},
	}
	if diff := cmp.Diff(want, decode(t, g.body)); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(log.String(), "2027-04-05") || !strings.Contains(log.String(), "@carol") {
		t.Errorf("neither Opsgenie's end nor who is not reached is told:\n%s", &log)
	}
}

// Without a target the team of the integration is paged.
func TestOpsgenieWithoutTargets(t *testing.T) {
	d := &double{host: "api.opsgenie.com", answers: []answer{taken}}
	n := newNotifier(t, nil)
	n.Through(d)
	p := page(incident.Service{Kind: "opsgenie", Secret: "OPSGENIE"}, "platform")
	p.URL = ""
	if err := n.Page(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	fits(t, "opsgenie-alert.schema.json", d.one(t).body)
	if m := decode(t, d.one(t).body); m["responders"] != nil || m["details"] != nil {
		t.Errorf("sent %v", m)
	}
}

func TestJira(t *testing.T) {
	d := &double{host: "api.atlassian.com", answers: []answer{taken}}
	n := newNotifier(t, nil)
	n.Through(d)
	if err := n.Page(t.Context(), page(jira, "platform", "@bob")); err != nil {
		t.Fatal(err)
	}
	g := d.one(t)
	g.has(t, "https://api.atlassian.com/jsm/ops/api/11111111-2222-3333-4444-555555555555/v1/alerts", map[string]string{
		"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("bot@acme.example:"+secrets["JIRA"])),
		"Content-Type":  "application/json", "Accept": "application/json",
	})
	fits(t, "jira-alert.schema.json", g.body)
	want := map[string]any{
		"message": "API down: <b>& 502s", "alias": "acme/incidents#98765/page/1", "priority": "P1", "source": "Firebreak", "entity": "acme/incidents#98765",
		"description":     "API down: <b>& 502s\n\nthe database <!channel> is gone\n\nhttps://github.com/acme/incidents/issues/98765",
		"extraProperties": map[string]any{"url": "https://github.com/acme/incidents/issues/98765"},
		"responders": []any{
			map[string]any{"type": "team", "id": "4513b7ea-3b91-438f-b7e4-e3e54af9147c"},
			map[string]any{"type": "user", "id": "5c111369:bob"},
		},
	}
	if diff := cmp.Diff(want, decode(t, g.body)); diff != "" {
		t.Error(diff)
	}
}

// A mention in Slack is ours, never one that somebody wrote into a title or text.
func TestSlackPage(t *testing.T) {
	d := &double{host: "slack.com", answers: []answer{posted}}
	n := newNotifier(t, nil)
	n.Through(d)
	if err := n.Page(t.Context(), page(slackService, "platform", "@bob", "<!here>")); err != nil {
		t.Fatal(err)
	}
	g := d.one(t)
	g.has(t, "https://slack.com/api/chat.postMessage", map[string]string{"Content-Type": "application/x-www-form-urlencoded"})
	form := slackForm(t, g)
	want := "<!subteam^S0123ABCD> <@U0123ABCD> &lt;!here&gt;\n*API down: &lt;b&gt;&amp; 502s*\nthe database &lt;!channel&gt; is gone\nhttps://github.com/acme/incidents/issues/98765"
	if form.Get("text") != want || form.Get("channel") != "C0123ABCD" {
		t.Errorf("posted to %s:\n%s\nwant\n%s", form.Get("channel"), form.Get("text"), want)
	}
}

// slackForm reads a chat.postMessage strictly.
func slackForm(t *testing.T, g got) url.Values {
	t.Helper()
	form, err := url.ParseQuery(g.body)
	if err != nil {
		t.Fatal(err)
	}
	for name := range form {
		if !slices.Contains([]string{"token", "channel", "text", "unfurl_links", "unfurl_media", "metadata", "client_msg_id"}, name) || len(form[name]) != 1 {
			t.Errorf("%s: %q", name, form[name])
		}
	}
	if form.Get("token") != secrets["SLACK"] || form.Get("unfurl_links") != "false" || form.Get("unfurl_media") != "false" {
		t.Errorf("posted %v", form)
	}
	var meta struct {
		Type    string            `json:"event_type"`
		Payload map[string]string `json:"event_payload"`
	}
	if err := json.Unmarshal([]byte(form.Get("metadata")), &meta); err != nil || meta.Type == "" || len(meta.Payload) != 1 || len(meta.Payload["key"]) != 32 {
		t.Errorf("metadata %s: %v", form.Get("metadata"), err)
	}
	return form
}

func TestWhatCannotBeSent(t *testing.T) {
	without := func(s incident.Service, change func(*incident.Service)) incident.Service {
		change(&s)
		return s
	}
	n := newNotifier(t, nil)
	n.Through(&double{host: "nobody", answers: []answer{{status: 500}}})
	for want, s := range map[string]incident.Service{
		"no address is set to send a page to":       {Kind: "webhook"},
		"it can't send pages":                       {Kind: "pigeon"},
		"no target is configured for platform":      without(jira, func(s *incident.Service) { s.Targets = nil }),
		"the options cloud and user":                without(jira, func(s *incident.Service) { s.Options = nil }),
		"the option channel":                        without(slackService, func(s *incident.Service) { s.Options = nil }),
		"the secret NOWHERE can't be read":          without(slackService, func(s *incident.Service) { s.Secret = "NOWHERE" }),
		"the configuration names no secret":         without(opsgenie, func(s *incident.Service) { s.Secret = "" }),
		`region must be "us" or "eu"`:               without(opsgenie, func(s *incident.Service) { s.Options = map[string]string{"region": "mars"} }),
		"no target is configured for platform,@bob": {Kind: "email", Options: map[string]string{"from": "p1@acme.example"}},
		"the option from must be":                   {Kind: "email", Targets: map[string]string{"platform": "a@acme.example"}},
		"the receiver is not an address":            {Kind: "email", Options: map[string]string{"from": "p1@acme.example"}, Targets: map[string]string{"platform": "a@acme.example\r\nBcc: b@acme.example"}},
		`the option via must be "smtp" or`:          {Kind: "email", Options: map[string]string{"from": "p1@acme.example", "via": "fax"}, Targets: map[string]string{"platform": "a@acme.example"}},
		"must hold an address such as smtp://":      {Kind: "email", Secret: "SLACK", Options: map[string]string{"from": "p1@acme.example"}, Targets: map[string]string{"platform": "a@acme.example"}},
		"neither a target nor the service names":    {Kind: "pagerduty"},
	} {
		p := page(s, "platform")
		if strings.Contains(want, "@bob") {
			p, want = page(s, "platform", "@bob"), "no target is configured for platform, @bob"
		}
		err := n.Page(t.Context(), p)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "send by "+s.Kind+": ") {
			t.Errorf("%s: error %v", want, err)
			continue
		}
		if temporary(err) {
			t.Errorf("%v: sending it again will not help", err)
		}
		silent(t, err)
	}
	for want, a := range map[string]engine.Announcement{
		"it can't reach customers":        {Channel: incident.Channel{Kind: "fax", To: "1"}},
		"the secret NOWHERE can't be":     {Channel: incident.Channel{Kind: "webhook", To: "NOWHERE"}},
		"must hold an address such as":    {Channel: incident.Channel{Kind: "webhook", To: "SLACK"}},
		"the configuration names no secr": {Channel: incident.Channel{Kind: "slack", To: "#p1"}},
		"the option from must be":         {Channel: incident.Channel{Kind: "email", To: "gina@globex.example"}},
	} {
		if err := n.Announce(t.Context(), a); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", want, err)
		} else {
			silent(t, err)
		}
	}
}
