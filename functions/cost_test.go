package functions_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/functions/lambdatest"
)

// AWS's list prices in US dollars, of serverless.yml's default region, eu-central-1, without the free tiers, as known on
// 30 November 2026. Those of us-east-1 are the same but for HTTP requests (1.00) and logs (0.50). AWS's own pages can't be
// reached from where they were looked up: that of logs is from a public price list of 2025, those of metrics and secrets
// fit a public bill of that region, and the rest is as the pages below had it.
// https://aws.amazon.com/lambda/pricing/ https://aws.amazon.com/sqs/pricing/ https://aws.amazon.com/eventbridge/pricing/
// https://aws.amazon.com/api-gateway/pricing/ https://aws.amazon.com/secrets-manager/pricing/ https://aws.amazon.com/cloudwatch/pricing/
const (
	perInvocation  = 0.20e-6
	perGBSecond    = 0.0000133334 // arm64
	perHTTPRequest = 1.20e-6      // HTTP API
	perSQSRequest  = 0.50e-6      // FIFO, up to 64 KB
	perSchedule    = 1.00e-6      // firing of EventBridge Scheduler
	perSecretRead  = 0.05 / 10_000
	perSecret      = 0.40 // a month
	perLogByte     = 0.63e-9
	perMetric      = 0.30 // a month in which it has values all the time
	perAlarm       = 0.10 // a month

	memory = 0.25 // GB, as serverless.yml says
	month  = 30 * 24 * time.Hour
	// How long GitHub takes to answer; a write waits for a second since the one before besides.
	// Seconds.
	perRead, perWrite = 0.2, 1.2
	// Lambda polls a queue by five long polls of 20 s each while nothing is in it; of FIFO queues
	// the page says nothing else.
	// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
	polls = 5 * int(month/(20*time.Second))
)

// bill is what was counted.
type bill struct {
	webhooks, intakes, workers, sweeps int
	sent, received, deleted, hidden    int // requests of SQS
	scheduled, fired                   int // requests of Scheduler are free, firings are not
	secrets                            int
	reads, writes                      int // calls of GitHub
	logged                             int // bytes
}

// count counts since it was last called.
func (s *stack) count(before *bill, since *int) bill {
	s.t.Helper()
	now := bill{webhooks: s.webhook.Invocations(), intakes: s.intake.Invocations(),
		workers: s.worker.Invocations(), sweeps: s.sweep.Invocations(), logged: len(s.logs())}
	b := bill{webhooks: now.webhooks - before.webhooks, intakes: now.intakes - before.intakes,
		workers: now.workers - before.workers, sweeps: now.sweeps - before.sweeps,
		logged: now.logged - before.logged}
	*before = now
	// The double's poll asks once more to learn that nothing is left: polls counts those.
	b.received = b.workers
	for _, call := range s.aws.Calls() {
		switch call {
		case "SendMessage":
			b.sent++
		case "DeleteMessageBatch":
			b.deleted++
		case "ChangeMessageVisibilityBatch":
			b.hidden++
		case "GetSecretValue":
			b.secrets++
		case "CreateSchedule", "UpdateSchedule", "DeleteSchedule", "GetSchedule":
			b.scheduled++
		}
	}
	for _, h := range s.handed() {
		if strings.HasSuffix(h, " clock") {
			b.fired++
		}
	}
	var answer struct {
		Next  int
		Calls []struct{ Method, Path, Actor string }
	}
	s.as("", "GET", fmt.Sprintf("/sandbox/calls?since=%d", *since), nil, &answer)
	*since = answer.Next
	for _, c := range answer.Calls {
		switch {
		case c.Actor != "firebreak[bot]" && c.Actor != "app/firebreak":
		case c.Method == http.MethodGet, strings.HasSuffix(c.Path, "/access_tokens"):
			b.reads++
		default:
			b.writes++
		}
	}
	return b
}

func (s *stack) logs() string {
	return s.webhook.Log() + s.intake.Log() + s.worker.Log() + s.sweep.Log()
}

// dollars is what it costs by AWS's list. What the webhook function does takes some milliseconds;
// the others wait for GitHub.
func (b bill) dollars() float64 {
	invocations := b.webhooks + b.intakes + b.workers + b.sweeps
	seconds := 0.05*float64(invocations) + perRead*float64(b.reads) + perWrite*float64(b.writes)
	requests := float64(b.webhooks + b.intakes)
	queue := float64(b.sent + b.received + b.deleted + b.hidden + b.fired)
	return perInvocation*float64(invocations) + perGBSecond*memory*seconds + perHTTPRequest*requests +
		perSQSRequest*queue +
		perSchedule*float64(b.fired) + perSecretRead*float64(b.secrets) + perLogByte*float64(b.logged)
}

// measured lists what the functions' lines in the embedded metric format make: metrics with their
// dimensions and, of each, the sum of its values or how many there are.
func measured(t *testing.T, functions ...*lambdatest.Function) (sums map[string]float64, kept map[string]bool) {
	t.Helper()
	sums, kept = map[string]float64{}, map[string]bool{}
	for _, f := range functions {
		for line := range strings.Lines(f.Log()) {
			var root map[string]any
			if err := json.Unmarshal([]byte(line), &root); err != nil {
				t.Fatalf("not a line of JSON: %v: %s", err, line)
			}
			meta, ok := root["_aws"].(map[string]any)
			if !ok {
				continue
			}
			if stamp := time.UnixMilli(int64(meta["Timestamp"].(float64))); time.Since(stamp) > time.Hour ||
				time.Until(stamp) > time.Minute {
				t.Errorf("of %s: CloudWatch goes by when it was: %s", stamp, line)
			}
			for _, d := range meta["CloudWatchMetrics"].([]any) {
				d := d.(map[string]any)
				for _, m := range d["Metrics"].([]any) {
					name := m.(map[string]any)["Name"].(string)
					for _, set := range d["Dimensions"].([]any) {
						key := d["Namespace"].(string) + " " + name
						for _, dimension := range set.([]any) {
							value, ok := root[dimension.(string)].(string)
							if !ok {
								t.Errorf("%s has no value in %s", dimension, line)
							}
							key += " " + value
						}
						switch v := root[name].(type) {
						case float64:
							sums[key] += v
						case []any:
							sums[key] += float64(len(v))
						default:
							t.Errorf("%s has no value in %s", name, line)
						}
						kept[key] = true
					}
				}
			}
		}
	}
	return sums, kept
}

// What an incident costs, and a month without one:
//
//	go test ./functions -run Cost -v
//
// The story is a P1 of 40 minutes, declared by the form: 2 people, 12 commands, an update missed
// for 26 minutes, a cause, a workaround, a postmortem and one ticket, on the functions' own
// binaries. It also holds what they write of it to its metrics and to silence about its texts (A7).
func TestCostOfAnIncident(t *testing.T) {
	s := newStack(t, settings{})
	var before bill
	since := 0
	s.count(&before, &since)
	n := s.declare("alice")
	s.settle()
	for _, c := range []struct{ who, text string }{{"carol", "/ic"}, {"alice", "/oe"},
		{"carol", "/ic severity critical"}, {"carol", "/ic phase investigate"},
		{"alice", "/oe finding The zanzibar rack is dark"}} {
		s.say(c.who, n, c.text)
		s.settle()
	}
	s.wait(26 * time.Minute)
	for _, c := range []struct{ who, text string }{{"carol", "/ic update We see zanzibar and are on it"},
		{"alice", "/oe cause The zanzibar certificate ran out"}, {"carol", "/ic phase fixing"},
		{"alice", "/oe workaround zanzibar by hand"}, {"carol", "/ic phase monitoring"},
		{"carol", "/ic agree Gina, by phone"}, {"carol", "/ic close"}} {
		s.say(c.who, n, c.text)
		s.settle()
		s.wait(2 * time.Minute)
	}
	if v := s.view(n); v.State != "closed" {
		t.Fatalf("closed, and it is %+v", v)
	}
	incident := s.count(&before, &since)
	t.Logf("one incident: %+v: $%.5f", incident, incident.dollars())

	// The metrics say what happened.
	got, kept := measured(t, s.worker, s.webhook, s.intake)
	d := "firebreak"
	for key, want := range map[string]float64{
		"Firebreak firebreak_updates_overdue_total " + d:             1,
		"Firebreak firebreak_pages_total " + d + " webhook":          2,
		"Firebreak firebreak_pages_total " + d:                       2,
		"Firebreak firebreak_effects_total " + d + " document":       1,
		"Firebreak firebreak_effects_total " + d + " announce":       1,
		"Firebreak firebreak_github_calls_total " + d:                float64(incident.reads + incident.writes),
		"Firebreak firebreak_pass_duration_seconds " + d + " failed": 0,
		"Firebreak firebreak_page_failures_total " + d:               0,
	} {
		if got[key] != want {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
	if passes := got["Firebreak firebreak_pass_duration_seconds "+d+
		" done"]; passes != got["Firebreak firebreak_queue_age_seconds "+d] || passes < 13 {
		t.Errorf("%v looks of %v messages", passes, got["Firebreak firebreak_queue_age_seconds "+d])
	}
	// An unsigned webhook is counted by the function that refuses it, the others' by theirs.
	s.as("", "POST", "/webhook", `{"zen":"zanzibar"}`, nil)
	s.as("", "POST", "/intake/generic", `{"title":"zanzibar"}`, nil)
	got, _ = measured(t, s.webhook, s.intake)
	for _, key := range []string{"github signature", "generic token"} {
		source, reason, _ := strings.Cut(key, " ")
		if n := got["Firebreak firebreak_signals_rejected_total "+d+" "+source+" "+reason]; n != 1 {
			t.Errorf("%s: %v", key, n)
		}
	}

	// The log says what was done and contains nobody's words.
	for _, private := range []string{"zanzibar", "Customers get 502", "API of globex", "Gina",
		"PRIVATE KEY", s.box.Environment()["FIREBREAK_WEBHOOK_SECRET"],
		s.box.Environment()["FIREBREAK_OUTBOUND_SECRET"], "AKIATEST", "ghs_", "eyJ"} {
		if strings.Contains(s.logs(), private) {
			t.Errorf("%q is in the log", private)
		}
	}
	contains(t, "the worker's log", s.worker.Log(), `"commands":["oe cause"]`,
		fmt.Sprintf(`"incident":"acme/incidents#%d"`, n), `"rate_left":`)

	// A month in which nothing happens: the first sweep looks far back, the ones after it as one.
	s.count(&before, &since)
	sweep := func() {
		if err := s.sweep.Invoke(t.Context(), struct{}{}, nil); err != nil {
			t.Fatal(err)
		}
		s.settle()
	}
	sweep()
	s.wait(2 * time.Hour) // the incident is no more among those that changed
	sweep()
	s.count(&before, &since)
	sweep()
	idle := s.count(&before, &since)
	idle.secrets = 1 // its cache is five minutes old by then; here, no time passes
	_, always := measured(t, s.sweep)
	times := float64(month / (5 * time.Minute))
	const secrets, alarms = 3, 12 // without mail and what else is optional
	monthly := times*idle.dollars() + perSQSRequest*float64(polls) + perSecret*secrets + perAlarm*alarms +
		perMetric*float64(len(always))
	t.Logf("one sweep: %+v: $%.7f; %.0f of them: $%.2f", idle, idle.dollars(), times, times*idle.dollars())
	t.Logf("an idle month: $%.2f: sweeps $%.2f, %d empty polls of the queue $%.2f, %d secrets $%.2f, %d "+
		"alarms $%.2f, %d metrics $%.2f", monthly,
		times*idle.dollars(), polls, perSQSRequest*float64(polls), secrets, perSecret*secrets, alarms,
		perAlarm*alarms, len(always), perMetric*float64(len(always)))
	hourly := perMetric / float64(month/time.Hour)
	holdPage(t, incident.dollars(), monthly, hourly*float64(len(kept)), alarms)
	t.Logf("and for each hour with an incident: %d metrics $%.4f: %s", len(kept), hourly*float64(len(kept)),
		strings.Join(slices.Sorted(maps.Keys(kept)), ", "))

	// The runbook's figures are good to a factor: what calls or wakes twice as much fails here.
	for what, c := range map[string]struct{ got, least, most int }{
		"webhooks": {incident.webhooks, 30, 120},
		"workers":  {incident.workers, 14, 50},
		"SQS requests": {incident.sent + incident.received + incident.deleted + incident.hidden, 40,
			160},
		"timers":              {incident.fired, 3, 20},
		"secrets":             {incident.secrets, 3, 60},
		"GitHub calls":        {incident.reads + incident.writes, 60, 220},
		"GitHub calls, sweep": {idle.reads + idle.writes, 2, 6},
		"metrics, idle":       {len(always), 2, 10},
		"metrics, incident":   {len(kept), 10, 40},
	} {
		if c.got < c.least || c.got > c.most {
			t.Errorf("%s: %d, which is not between %d and %d: see RUNBOOK.md", what, c.got, c.least, c.most)
		}
	}
}

// holdPage holds the runbook's page to what was counted: its sums, and that its tables add up to them.
func holdPage(t *testing.T, incident, monthly, hourly float64, alarms int) {
	t.Helper()
	read := func(name string) string {
		text, err := os.ReadFile("../" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	contains(t, "serverless.yml", read("serverless.yml"), "region: ${self:custom.stage.region, 'eu-central-1'}")
	const alarm, mails = "Type: AWS::CloudWatch::Alarm\n", 1
	if n := strings.Count(read("serverless.yml"), alarm) - mails; n != alarms {
		t.Errorf("serverless.yml has %d alarms, and %d are paid", n, alarms)
	}
	contains(t, "docs/performance.md", read("docs/performance.md"), fmt.Sprintf("about %.0f dollars a month", monthly))
	_, page, _ := strings.Cut(read("RUNBOOK.md"), "## What it costs on AWS")
	contains(t, "RUNBOOK.md", page, "eu-central-1", fmt.Sprintf("| **together** | | | **%.4f** |", incident),
		fmt.Sprintf("| **together** | | | **%.2f** |", monthly),
		fmt.Sprintf("So a month is %.2f + %.4f × incidents + %.4f × hours", monthly, incident, hourly),
		fmt.Sprintf("20 incidents of two hours each, %.2f dollars", monthly+20*incident+20*2*hourly))
	sum, rows := 0.0, 0
	for line := range strings.Lines(page) {
		cells := strings.Split(strings.Trim(line, "| \n"), "|")
		last := strings.TrimSpace(cells[len(cells)-1])
		together, isSum := strings.CutPrefix(last, "**")
		if figure, err := strconv.ParseFloat(strings.Trim(together, "*"), 64); err == nil && len(cells) == 4 {
			if !isSum {
				sum, rows = sum+figure, rows+1
				continue
			}
			unit := math.Pow(10, -float64(len(strings.Trim(together, "*"))-2)) // of its last digit
			if off := math.Abs(sum - figure); off > unit || rows < 5 {
				t.Errorf("RUNBOOK.md: %d rows add up to %v, not %v", rows, sum, figure)
			}
			sum, rows = 0, 0
		}
	}
}
