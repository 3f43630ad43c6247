package webhook_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/webhook"
)

// A message carries what its webhook proves, so that a look can tell a read that is older than it.
func TestWhatAPayloadProves(t *testing.T) {
	const at = "2026-03-02T10:41:00Z"
	issue := `"issue":{"number":1,"updated_at":"` + at + `","labels":[{"name":"incident"}]},`
	when := time.Date(2026, 3, 2, 10, 41, 0, 0, time.UTC)
	for _, c := range []struct {
		event, body string
		want        incident.Floor
	}{
		{"issues", `{"action":"labeled","label":{"name":"phase/fixing"},` + issue + repo + alice + `}`, incident.Floor{Updated: when, Event: "labeled", Name: "phase/fixing", By: "alice"}},
		{"issues", `{"action":"unlabeled","label":{"name":"phase/fixing"},` + issue + repo + alice + `}`, incident.Floor{Updated: when, Event: "unlabeled", Name: "phase/fixing", By: "alice"}},
		{"issues", `{"action":"assigned","assignee":{"login":"bob"},` + issue + repo + alice + `}`, incident.Floor{Updated: when, Event: "assigned", Name: "bob", By: "alice"}},
		{"issues", `{"action":"unassigned","assignee":{"login":"bob"},` + issue + repo + alice + `}`, incident.Floor{Updated: when, Event: "unassigned", Name: "bob", By: "alice"}},
		{"issues", `{"action":"closed",` + issue + repo + alice + `}`, incident.Floor{Updated: when, Event: "closed", By: "alice"}},
		{"issues", `{"action":"reopened",` + issue + repo + alice + `}`, incident.Floor{Updated: when, Event: "reopened", By: "alice"}},
		{"issues", `{"action":"edited","changes":{"title":{"from":"a"}},` + issue + repo + alice + `}`, incident.Floor{Updated: when, Event: "renamed", By: "alice"}},
		{"issues", `{"action":"opened",` + issue + repo + alice + `}`, incident.Floor{Updated: when}},
		{"issue_comment", `{"action":"created",` + issue + by("alice", "User", "/ic") + repo + alice + `}`, incident.Floor{Updated: when, Comment: 5}},
		{"issue_comment", `{"action":"deleted",` + issue + `"comment":{"id":9,"body":"card","user":{"login":"firebreak[bot]","type":"Bot"}},` + repo + alice + `}`, incident.Floor{Updated: when, Deleted: 9, By: "alice"}},
		{"issue_comment", `{"action":"unpinned",` + issue + `"comment":{"id":9,"body":"card","user":{"login":"firebreak[bot]","type":"Bot"}},` + repo + alice + `}`, incident.Floor{Updated: when, Touched: 9, By: "alice"}},
		{"pull_request", `{"action":"synchronize","pull_request":{"number":4,"updated_at":"` + at + `","head":{"ref":"postmortem/1","repo":{"full_name":"acme/incidents"}}},` + repo + alice + `}`, incident.Floor{Updated: when, By: "alice"}},
		{"pull_request", `{"action":"closed","pull_request":{"number":4,"updated_at":"` + at + `","head":{"ref":"postmortem/1","repo":{"full_name":"acme/incidents"}}},` + repo + alice + `}`, incident.Floor{Updated: when}},
	} {
		m, ok, err := webhook.Decide(c.event, []byte(c.body), webhook.Self{AppID: appID, Login: "firebreak[bot]"})
		if !ok || err != nil || m.Floor == nil {
			t.Errorf("%s: %t, %v, %+v", c.body, ok, err, m)
			continue
		}
		if d := cmp.Diff(c.want, *m.Floor); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.body, d)
		}
	}
}

// The endpoint notes when a webhook came, by the product's clock.
func TestWhenAWebhookCame(t *testing.T) {
	body := `{"action":"labeled","label":{"name":"incident"},"issue":{"number":1,"labels":[{"name":"incident"}]},` + repo + alice + `}`
	now := time.Date(2026, 3, 2, 10, 41, 0, 0, time.UTC)
	var got incident.Message
	h, err := webhook.Handler(webhook.Options{Secrets: [][]byte{[]byte("now")}, AppID: appID, Now: func() time.Time { return now },
		Enqueue: func(_ context.Context, m incident.Message) error { got = m; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	if w := post(h, "issues", body, sign(body, "now")); w.Code != 202 || got.Floor == nil || !got.Floor.Received.Equal(now) {
		t.Errorf("%d, %+v", w.Code, got.Floor)
	}
}

// Of a webhook by which an issue becomes an incident the message carries what the issue says, and
// of no other (I5).
func TestI5WhatIsDeclaredIsCarried(t *testing.T) {
	issue := func(body, labels string) string {
		return `"issue":{"id":77,"number":1,"title":"The API is down","body":"` + body + `","html_url":"https://github.test/1","created_at":"2026-03-02T10:40:00Z","user":{"login":"alice","type":"User"},"labels":[` + labels + `]},`
	}
	label := `{"name":"incident"}`
	want := incident.Issue{ID: 77, Title: "The API is down", Author: "alice", URL: "https://github.test/1", Created: time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)}
	for name, c := range map[string]struct {
		body   string
		change func(*incident.Issue) bool
	}{
		"opened":            {`{"action":"opened",` + issue("text", label), func(i *incident.Issue) bool { i.Body, i.Labels = "text", []string{"incident"}; return true }},
		"opened by command": {`{"action":"opened",` + issue("/incident critical", ""), func(i *incident.Issue) bool { i.Body = "/incident critical"; return true }},
		"made one by label": {`{"action":"labeled","label":` + label + `,` + issue("text", label), func(i *incident.Issue) bool {
			i.Body, i.Labels, i.By = "text", []string{"incident"}, "alice"
			return true
		}},
		"opened with labels": {`{"action":"labeled","label":{"name":"severity/critical"},` +
			strings.Replace(issue("text", label+`,{"name":"severity/critical"}`), `"user"`, `"updated_at":"2026-03-02T10:40:01Z","user"`, 1), func(i *incident.Issue) bool {
			i.Body, i.Labels, i.By = "text", []string{"incident", "severity/critical"}, "alice"
			return true
		}},
		"given another later": {`{"action":"labeled","label":{"name":"severity/critical"},` +
			strings.Replace(issue("text", label), `"user"`, `"updated_at":"2026-03-02T10:41:01Z","user"`, 1), nil},
		"given another":     {`{"action":"labeled","label":{"name":"severity/critical"},` + issue("text", label), nil},
		"closed":            {`{"action":"closed",` + issue("text", label), nil},
		"deleted":           {`{"action":"deleted",` + issue("text", label), nil},
		"too long to parse": {`{"action":"opened",` + issue(strings.Repeat("x", 17<<10), label), nil},
	} {
		m, ok, err := webhook.Decide("issues", []byte(c.body+repo+alice+`}`), webhook.Self{AppID: appID, Login: "firebreak[bot]"})
		if err != nil || !ok && name != "deleted" {
			t.Errorf("%s: %t, %v", name, ok, err)
		}
		if c.change == nil {
			if m.Issue() != nil {
				t.Errorf("%s: it carries %+v", name, m.Issue())
			}
			continue
		}
		wanted := want
		c.change(&wanted)
		if d := cmp.Diff(&wanted, m.Issue()); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}
