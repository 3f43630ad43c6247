package intake_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/intake"
)

type object = map[string]any

// group returns an Alertmanager group with one alert for each status.
func group(edit func(object), statuses ...string) string {
	var alerts []object
	overall := "resolved"
	for i, s := range statuses {
		if s == "firing" {
			overall = s
		}
		alerts = append(alerts, object{
			"status": s, "fingerprint": fmt.Sprint(i), "startsAt": fmt.Sprintf("2026-11-25T10:%02d:00Z", 40-i),
			"labels": object{"alertname": "Down", "instance": fmt.Sprintf("node-%02d", i)},
		})
	}
	g := object{"version": "4", "groupKey": "k", "status": overall, "groupLabels": object{"alertname": "Down"}, "commonLabels": object{"alertname": "Down"}, "alerts": alerts}
	if edit != nil {
		edit(g)
	}
	body, _ := json.Marshal(g)
	return string(body)
}

func TestI6AMixedGroupFiresUntilItsLastAlertIsResolved(t *testing.T) {
	for _, c := range []struct {
		statuses []string
		firing   bool
	}{
		{[]string{"firing"}, true},
		{[]string{"resolved"}, false},
		{[]string{"resolved", "firing", "resolved"}, true},
		{[]string{"resolved", "resolved"}, false},
	} {
		if s := signal(t, "alertmanager", group(nil, c.statuses...)); s.Firing != c.firing {
			t.Errorf("%v: firing is %t", c.statuses, s.Firing)
		}
	}
	// What the whole says doesn't silence an alert.
	if s := signal(t, "alertmanager", group(func(g object) { g["status"] = "resolved" }, "firing")); !s.Firing {
		t.Error("a firing alert in a group that calls itself resolved is lost")
	}
}

func TestI6AGroupIsOneSignalAndListsTwentyAlerts(t *testing.T) {
	statuses := append(strings.Fields(strings.Repeat("resolved ", 5)), strings.Fields(strings.Repeat("firing ", 20))...)
	s := signal(t, "alertmanager", group(func(g object) { g["truncatedAlerts"] = 7 }, statuses...))
	if n := strings.Count(s.Text, ", firing since "); n != 20 || strings.Contains(s.Text, ", resolved") {
		t.Errorf("%d firing alerts are listed, and resolved ones before them:\n%s", n, s.Text)
	}
	if !strings.HasSuffix(s.Text, "and 5 more\n7 more were left out by the sender") {
		t.Errorf("the rest is not counted:\n%s", s.Text)
	}
	if want := "2026-11-25T10:16:00Z"; s.Started.Format("2006-01-02T15:04:05Z07:00") != want {
		t.Errorf("it started at %s, want the first alert's %s", s.Started, want)
	}
}

func TestI6TheSameGroupAgain(t *testing.T) {
	first := signal(t, "alertmanager", group(nil, "firing", "firing"))
	for name, c := range map[string]struct {
		body string
		same bool
	}{
		"repeated":          {group(func(g object) { g["notification_reason"] = "repeat_interval" }, "firing", "firing"), true},
		"one is resolved":   {group(nil, "firing", "resolved"), false},
		"one more":          {group(nil, "firing", "firing", "firing"), false},
		"all are resolved":  {group(nil, "resolved", "resolved"), false},
		"another beginning": {strings.ReplaceAll(group(nil, "firing", "firing"), "10:40:00", "10:44:00"), false},
	} {
		s := signal(t, "alertmanager", c.body)
		if s.DedupKey != first.DedupKey {
			t.Errorf("%s: the key is %q, was %q", name, s.DedupKey, first.DedupKey)
		}
		if (s.Event == first.Event) != c.same {
			t.Errorf("%s: the same event: %t", name, !c.same)
		}
	}
	if other := signal(t, "alertmanager", group(func(g object) { g["groupKey"] = "other" }, "firing", "firing")); other.DedupKey == first.DedupKey {
		t.Error("two groups share a key")
	}
}

func TestI1TitlesOfGroups(t *testing.T) {
	for want, edit := range map[string]func(object){
		"Down": nil,
		"Down eu-1": func(g object) {
			g["groupLabels"] = object{"alertname": "Down", "cluster": "eu-1"}
		},
		"Down: no answer":       func(g object) { g["commonAnnotations"] = object{"summary": "no answer"} },
		"a title of Grafana's":  func(g object) { g["groupLabels"], g["commonLabels"], g["title"] = nil, nil, "a title of Grafana's" },
		"Down: two lines of it": func(g object) { g["commonAnnotations"] = object{"summary": "two lines\nof it"} },
		"Reported by ":          func(g object) { g["groupLabels"], g["commonLabels"], g["alerts"] = nil, nil, []object{{}} },
	} {
		got := signal(t, "alertmanager", group(edit, "firing", "firing")).Title
		if strings.HasSuffix(want, " ") {
			want += "alertmanager"
		}
		if got != want {
			t.Errorf("the title is %q, want %q", got, want)
		}
	}
}

func TestI1HintsOfGroups(t *testing.T) {
	label := func(i int, name, value string) func(object) {
		return func(g object) { g["alerts"].([]object)[i]["labels"].(object)[name] = value }
	}
	for name, c := range map[string]struct {
		edits              []func(object)
		severity, customer string
	}{
		"nothing said":            {nil, "", ""},
		"the first that says any": {[]func(object){label(1, "severity", "Warning")}, "warning", ""},
		"any that is critical":    {[]func(object){label(0, "severity", "warning"), label(1, "severity", "critical")}, "critical", ""},
		"P1 is critical":          {[]func(object){label(0, "priority", "P1")}, "critical", ""},
		"all customers":           {[]func(object){label(0, "customer", "globex"), label(1, "customer", "initech")}, "", "globex, initech"},
		"a customer once":         {[]func(object){label(0, "customer", "globex"), label(1, "customer", "globex")}, "", "globex"},
		"not of resolved alerts":  {[]func(object){label(2, "customer", "initech"), label(2, "severity", "critical")}, "", ""},
	} {
		s := signal(t, "alertmanager", group(func(g object) {
			for _, e := range c.edits {
				e(g)
			}
		}, "firing", "firing", "resolved"))
		if s.SeverityHint != c.severity || s.CustomerHint != c.customer {
			t.Errorf("%s: severity %q, customer %q; want %q, %q", name, s.SeverityHint, s.CustomerHint, c.severity, c.customer)
		}
	}
}

// A field of an unexpected type must not lose the alert.
func TestI1OddFieldsAreLeftOut(t *testing.T) {
	s := signal(t, "alertmanager", group(func(g object) {
		g["truncatedAlerts"], g["commonAnnotations"], g["externalURL"] = "many", []string{"x"}, 5
		g["commonLabels"] = object{"alertname": "Down", "shard": 3}
		g["field_of_the_future"] = object{"x": []int{1}}
	}, "firing"))
	if !s.Firing || s.Title != "Down" || s.URL != "" {
		t.Errorf("it returns %+v", s)
	}
}

func TestI1GrafanaSignatures(t *testing.T) {
	body := example(t, "grafana.json")
	strict := &intake.Grafana{Secrets: secrets, SignatureHeader: "X-Sig", TimestampHeader: "X-Time"}
	stamp := fmt.Sprint(now.Unix())
	for name, c := range map[string]struct {
		source intake.Source
		header map[string]string
		trust  intake.Trust
	}{
		"signed without a time":             {sources()["grafana"], map[string]string{"X-Grafana-Alerting-Signature": mac("now", body)}, intake.Verified},
		"a token":                           {sources()["grafana"], map[string]string{"Authorization": "Bearer now"}, intake.SharedSecret},
		"a wrong signature next to a token": {sources()["grafana"], map[string]string{"X-Grafana-Alerting-Signature": mac("other", body), "Authorization": "Bearer now"}, ""},
		"its time taken away":               {sources()["grafana"], map[string]string{"X-Grafana-Alerting-Signature": mac("now", stamp, ":", body)}, ""},
		"a time added":                      {sources()["grafana"], map[string]string{"X-Grafana-Alerting-Signature": mac("now", body), "X-Grafana-Alerting-Timestamp": stamp}, ""},
		"a time that isn't one":             {sources()["grafana"], map[string]string{"X-Grafana-Alerting-Signature": mac("now", "noon:", body), "X-Grafana-Alerting-Timestamp": "noon"}, ""},
		"headers as configured":             {strict, map[string]string{"X-Sig": mac("now", stamp, ":", body), "X-Time": stamp}, intake.Verified},
		"without the time that is required": {strict, map[string]string{"X-Sig": mac("now", body)}, ""},
	} {
		h := http.Header{}
		for k, v := range c.header {
			h.Set(k, v)
		}
		result, err := c.source.Read(context.Background(), intake.Request{Header: h, Body: []byte(body), Now: now})
		switch {
		case c.trust == "" && (err == nil || kind(t, err) != intake.Rejected):
			t.Errorf("%s: the error is %v, want a rejection", name, err)
		case c.trust != "" && (err != nil || result.Signals[0].Trust != c.trust):
			t.Errorf("%s: %v, %+v", name, err, result)
		}
	}
}

func TestI1PagerDutyEvents(t *testing.T) {
	body := example(t, "pagerduty.json")
	as := func(kind string) string { return strings.Replace(body, "incident.triggered", kind, 1) }
	triggered := signal(t, "pagerduty", body)
	for kind, firing := range map[string]bool{"incident.reopened": true, "incident.resolved": false} {
		if s := signal(t, "pagerduty", as(kind)); s.Firing != firing || s.DedupKey != triggered.DedupKey {
			t.Errorf("%s: firing %t, key %q", kind, s.Firing, s.DedupKey)
		}
	}
	for _, kind := range []string{"pagey.ping", "incident.annotated", "incident.responder.added", "service.updated", "incident.of_the_future"} {
		if result := mustRead(t, "pagerduty", as(kind)); len(result.Signals)+len(result.Acks) > 0 {
			t.Errorf("%s returns %+v", kind, result)
		}
	}
	result := mustRead(t, "pagerduty", as("incident.acknowledged"))
	if len(result.Signals) != 0 || len(result.Acks) != 1 {
		t.Fatalf("an acknowledgement returns %+v", result)
	}
	if a := result.Acks[0]; a.Key != "d3640fbd41094207a1c11e58e46b1662" || a.DedupKey != triggered.DedupKey || a.By != "Tenex Engineer" || a.At.Format("15:04:05") != "10:41:22" {
		t.Errorf("the acknowledgement is %+v", a)
	}
	low := signal(t, "pagerduty", strings.Replace(body, `"priority": {"id": "PSO75BM", "summary": "P1", "type": "priority_reference"}`, `"priority": null`, 1))
	if low.SeverityHint != "high" {
		t.Errorf("without a priority the severity is %q, want the urgency", low.SeverityHint)
	}
}

func TestI1PagerDutySignsWithEachOfItsSecrets(t *testing.T) {
	body := example(t, "pagerduty.json")
	for header, taken := range map[string]bool{
		"v1=" + mac("other", body) + ",v1=" + mac("now", body): true,
		"v1=" + mac("before", body):                            true,
		"v0=" + mac("now", body):                               false,
		mac("now", body):                                       false,
		"v1=zz":                                                false,
		"v1=":                                                  false,
	} {
		_, err := sources()["pagerduty"].Read(context.Background(), intake.Request{Header: http.Header{"X-Pagerduty-Signature": {header}}, Body: []byte(body), Now: now})
		if taken != (err == nil) {
			t.Errorf("%s: %v", header, err)
		}
	}
}

// A page of ours comes back from the pager as an alert: it must not open another incident, which
// would page again.
func TestI6OurOwnPagesOpenNothing(t *testing.T) {
	own := "acme/incidents#12/page/3"
	duty := func(kind string) string {
		return strings.NewReplacer("d3640fbd41094207a1c11e58e46b1662", own, "incident.triggered", "incident."+kind).Replace(example(t, "pagerduty.json"))
	}
	genie := func(action string) string {
		return strings.NewReplacer("monitoring-alert-001", own, "Create", action).Replace(example(t, "opsgenie.json"))
	}
	for _, c := range [][2]string{{"pagerduty", duty("triggered")}, {"pagerduty", duty("resolved")}, {"opsgenie", genie("Create")}, {"opsgenie", genie("Close")}} {
		if result := mustRead(t, c[0], c[1]); len(result.Signals) > 0 {
			t.Errorf("%s: our own page returns %+v", c[0], result.Signals)
		}
	}
	for _, c := range [][2]string{{"pagerduty", duty("acknowledged")}, {"opsgenie", genie("Acknowledge")}} {
		if result := mustRead(t, c[0], c[1]); len(result.Acks) != 1 || result.Acks[0].Key != own {
			t.Errorf("%s: the answer to our own page returns %+v", c[0], result)
		}
	}
	for _, other := range []string{"disk #1/2 is full", "acme/incidents#12", "#12/1", "issue#12/1"} {
		body := strings.Replace(example(t, "opsgenie.json"), "monitoring-alert-001", other, 1)
		if result := mustRead(t, "opsgenie", body); len(result.Signals) != 1 {
			t.Errorf("the alias %q is taken for a page of ours", other)
		}
	}
}

func TestI1OpsgenieActions(t *testing.T) {
	body := example(t, "opsgenie.json")
	as := func(action string) string { return strings.Replace(body, "Create", action, 1) }
	created := signal(t, "opsgenie", body)
	for _, action := range []string{"Close", "Delete"} {
		if s := signal(t, "opsgenie", as(action)); s.Firing || s.DedupKey != created.DedupKey || s.Event == created.Event {
			t.Errorf("%s returns %+v", action, s)
		}
	}
	for _, action := range []string{"AddNote", "Add Team", "AssignOwnership", "EscalateNext", "UnAcknowledge", "a custom one"} {
		if result := mustRead(t, "opsgenie", as(action)); len(result.Signals)+len(result.Acks) > 0 {
			t.Errorf("%s returns %+v", action, result)
		}
	}
	result := mustRead(t, "opsgenie", as("Acknowledge"))
	if len(result.Acks) != 1 || len(result.Signals) != 0 {
		t.Fatalf("an acknowledgement returns %+v", result)
	}
	if a := result.Acks[0]; a.Key != "monitoring-alert-001" || a.DedupKey != created.DedupKey || a.By != "admin@example.com" || a.At.Format("15:04:05") != "10:41:10" {
		t.Errorf("the acknowledgement is %+v", a)
	}
	nano := mustRead(t, "opsgenie", strings.Replace(as("Acknowledge"), "1795603270000", "1795603270000000000", 1))
	if at := nano.Acks[0].At; at.Format("15:04:05") != "10:41:10" {
		t.Errorf("nanoseconds are read as %s", at)
	}
	if s := signal(t, "opsgenie", `{"action":"Create","alert":{"alertId":"a1","createdAt":"soon"}}`); s.DedupKey != "opsgenie:a1" || !s.Started.Equal(now) {
		t.Errorf("without an alias and a time it returns %+v", s)
	}
}

// A6: an exercise is told as one, and what is neither yes nor no is refused rather than taken for
// either.
func TestA6GenericDrill(t *testing.T) {
	for drill, want := range map[string]bool{"true": true, `"true"`: true, "false": false, `"false"`: false, "null": false, `""`: false} {
		s := signal(t, "generic", `{"title":"x","drill":`+drill+`}`)
		if s.Drill != want || strings.HasPrefix(s.DedupKey, "drill:") != want {
			t.Errorf("drill %s returns %+v", drill, s)
		}
	}
	for _, drill := range []string{"1", `"yes"`, "{}", `["true"]`} {
		var wrong *intake.Error
		_, err := sources()["generic"].Read(t.Context(), intake.Request{Header: http.Header{"Authorization": {"Bearer now"}}, Body: []byte(`{"title":"x","drill":` + drill + `}`), Now: now})
		if !errors.As(err, &wrong) || wrong.Kind != intake.Bad {
			t.Errorf("drill %s: %v, want it refused as bad", drill, err)
		}
	}
}

func TestI1Generic(t *testing.T) {
	for name, c := range map[string]struct {
		body, title, key string
		firing           bool
	}{
		"only a title":     {`{"title":"x"}`, "x", "generic:x", true},
		"only a message":   {`{"message":"\n first\nsecond"}`, "first", "generic:first", true},
		"recovered":        {`{"title":"x","state":"ok","alert_uid":"7"}`, "x", "generic:7", false},
		"an unknown state": {`{"title":"x","state":"melting","alert_uid":"7","dedup_key":"8"}`, "x", "generic:8", true},
	} {
		if s := signal(t, "generic", c.body); s.Title != c.title || s.DedupKey != c.key || s.Firing != c.firing {
			t.Errorf("%s returns %+v", name, s)
		}
	}
}

func TestI1GenericSignatures(t *testing.T) {
	body, stamp := example(t, "generic.json"), fmt.Sprint(now.Unix())
	for name, c := range map[string]struct {
		header map[string]string
		trust  intake.Trust
	}{
		"the body alone":                    {map[string]string{"X-Firebreak-Signature-256": "sha256=" + mac("now", body)}, intake.Verified},
		"the time and the body":             {map[string]string{"X-Firebreak-Signature-256": "sha256=" + mac("before", stamp, ":", body), "X-Firebreak-Timestamp": stamp}, intake.Verified},
		"another time":                      {map[string]string{"X-Firebreak-Signature-256": "sha256=" + mac("now", stamp, ":", body), "X-Firebreak-Timestamp": stamp + "0"}, ""},
		"its time taken away":               {map[string]string{"X-Firebreak-Signature-256": "sha256=" + mac("now", stamp, ":", body)}, ""},
		"a token":                           {map[string]string{"Authorization": "Bearer before"}, intake.SharedSecret},
		"a wrong signature next to a token": {map[string]string{"X-Firebreak-Signature-256": "sha256=00", "Authorization": "Bearer now"}, ""},
		"without its name":                  {map[string]string{"X-Firebreak-Signature-256": mac("now", body)}, ""},
	} {
		h := http.Header{}
		for k, v := range c.header {
			h.Set(k, v)
		}
		result, err := sources()["generic"].Read(context.Background(), intake.Request{Header: h, Body: []byte(body), Now: now})
		switch {
		case c.trust == "" && (err == nil || kind(t, err) != intake.Rejected):
			t.Errorf("%s: the error is %v, want a rejection", name, err)
		case c.trust != "" && (err != nil || result.Signals[0].Trust != c.trust):
			t.Errorf("%s: %v, %+v", name, err, result)
		}
	}
}
