package functions_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/metrics"
)

// rings reports whether an alarm of CloudWatch's is in the state ALARM, by what its metric had in each of
// the last periods; a period with nothing is missing data.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
func rings(t *testing.T, alarm map[string]any, periods ...[]float64) bool {
	t.Helper()
	number := func(name string) float64 {
		n, ok := alarm[name].(float64)
		if !ok {
			t.Fatalf("%s is %v", name, alarm[name])
		}
		return n
	}
	n := int(number("EvaluationPeriods"))
	if len(periods) < n {
		t.Fatalf("%d periods are looked at, of which %d are known", n, len(periods))
	}
	for _, values := range periods[len(periods)-n:] {
		if len(values) == 0 {
			if alarm["TreatMissingData"] == "breaching" {
				continue
			}
			return false
		}
		v := values[0]
		for _, next := range values[1:] {
			if alarm["Statistic"] == "Sum" {
				v += next
			} else {
				v = max(v, next)
			}
		}
		is := v > number("Threshold")
		if alarm["ComparisonOperator"] == "LessThanThreshold" {
			is = v < number("Threshold")
		}
		if !is {
			return false
		}
	}
	return true
}

// written returns the values of a metric in the lines that the functions write, as CloudWatch reads them.
func written(t *testing.T, alarm map[string]any, record func(metrics.Recorder)) (values []float64) {
	t.Helper()
	var out bytes.Buffer
	emf := metrics.NewEMF(&out, "firebreak-prod", time.Now)
	record(emf)
	if err := emf.Flush(); err != nil {
		t.Fatal(err)
	}
	for lines := json.NewDecoder(&out); lines.More(); {
		var line map[string]any
		if err := lines.Decode(&line); err != nil {
			t.Fatal(err)
		}
		if line["deployment"] != alarm["Dimensions"].([]any)[0].(map[string]any)["Value"] {
			t.Errorf("another dimension: %v", line)
		}
		switch v := line[alarm["MetricName"].(string)].(type) {
		case float64:
			values = append(values, v)
		case []any: // a gauge's
			for _, one := range v {
				values = append(values, one.(float64))
			}
		}
	}
	return values
}

// Each alarm rings in the case that it is for, and in no quiet hour. What the functions count is written as
// they write it; what AWS counts is as its documentation says.
func TestEachAlarmRingsInItsCase(t *testing.T) {
	alarms := packaged(t, everything...).of("AWS::CloudWatch::Alarm")
	aws := func(values ...float64) func(map[string]any) []float64 {
		return func(map[string]any) []float64 { return values }
	}
	ours := func(record func(metrics.Recorder)) func(map[string]any) []float64 {
		return func(alarm map[string]any) []float64 { return written(t, alarm, record) }
	}
	quiet := ours(func(r metrics.Recorder) {
		r.Record(metrics.Sweeps, 1, "done")
		r.Record(metrics.GoodSweeps, 1)
		r.Record(metrics.SelfTestsOverdue, 0)
		r.Record(metrics.SelfTestsChecked, 1)
		r.Record(metrics.Rejected, 1, "github", "signature") // a stranger's
		r.Record(metrics.Pages, 1, "webhook")
	})
	for name, c := range map[string]struct {
		quiet, bad func(alarm map[string]any) []float64
	}{
		"DeadLettersAlarm":     {aws(0, 0), aws(0, 1)},
		"MailDeadLettersAlarm": {aws(0), aws(1)},
		"QueueAgeAlarm":        {aws(30, 600), aws(901, 960)},
		"TimersAlarm":          {aws(), aws(1)},
		"WebhookAlarm":         {aws(0, 0), aws(0, 1)},
		"IntakeAlarm":          {aws(), aws(1)},
		"SlackAlarm":           {aws(), aws(1)},
		"UnstoredAlarm":        {quiet, ours(func(r metrics.Recorder) { r.Record(metrics.Unstored, 1) })},
		// that nothing runs at all is the case that no other alarm rings for
		"SweepAlarm": {quiet, aws()},
		"PagesFailedAlarm": {quiet, ours(func(r metrics.Recorder) {
			r.Record(metrics.PageFailures, 1, "webhook")
		})},
		"SelfTestsAlarm": {quiet, ours(func(r metrics.Recorder) { r.Record(metrics.SelfTestFailures, 1, "person", "silent") })},
		// that nothing measures it is the case that SelfTestsAlarm is silent in
		"SelfTestsMissingAlarm": {quiet, aws()},
		"UpdatesOverdueAlarm":   {quiet, ours(func(r metrics.Recorder) { r.Record(metrics.UpdatesOverdue, 1) })},
	} {
		alarm := alarms[name]
		if alarm == nil {
			t.Errorf("there is no %s", name)
			continue
		}
		good, bad := c.quiet(alarm), c.bad(alarm)
		if rings(t, alarm, good, good, good) {
			t.Errorf("%s rings in a quiet hour", name)
		}
		if !rings(t, alarm, bad, bad, bad) {
			t.Errorf("%s is silent in its case: %v", name, bad)
		}
		if !rings(t, alarm, good, bad, bad, bad) || rings(t, alarm, bad, bad, bad, good, good, good) {
			t.Errorf("%s does not begin or does not end", name)
		}
		delete(alarms, name)
	}
	for name := range alarms {
		t.Errorf("%s has no case here", name)
	}
	late := written(t, packaged(t, everything...).of("AWS::CloudWatch::Alarm")["SelfTestsMissingAlarm"],
		func(r metrics.Recorder) { r.Record(metrics.SelfTestsOverdue, 7200) })
	if alarm := packaged(t, everything...).of("AWS::CloudWatch::Alarm")["SelfTestsMissingAlarm"]; !rings(t, alarm, late, late, late) {
		t.Errorf("a test page that is missing for two hours rings nothing: %v", late)
	}
	// Sweeps that fail are no good sweeps.
	failed := written(t, map[string]any{"MetricName": metrics.GoodSweeps.Name,
		"Dimensions": []any{map[string]any{"Value": "firebreak-prod"}}},
		func(r metrics.Recorder) { r.Record(metrics.Sweeps, 1, "failed") })
	if len(failed) > 0 {
		t.Errorf("a failed sweep counts as %v", failed)
	}
}

// Without a topic of one's own one is made, which can tell somebody by email.
func TestSomebodyIsToldOfAlarms(t *testing.T) {
	for _, c := range []struct {
		params []string
		topics int
		email  bool
	}{{[]string{"appId=17"}, 1, false}, {[]string{"appId=17", "alarmEmail=oncall@acme.example"}, 1, true}, {everything, 0, false}} {
		x := packaged(t, c.params...)
		topics := x.of("AWS::SNS::Topic")
		if len(topics) != c.topics {
			t.Errorf("%q: topics %v", c.params, topics)
		}
		for _, topic := range topics {
			if said := fmt.Sprint(topic["Subscription"]); strings.Contains(said, "oncall@acme.example") != c.email {
				t.Errorf("%q: subscribed is %q", c.params, said)
			}
		}
		for name, a := range x.of("AWS::CloudWatch::Alarm") {
			want := "AlarmTopic"
			if c.topics == 0 {
				want = "arn:sns:topic"
			}
			if got := x.text(a["AlarmActions"]); got != want {
				t.Errorf("%q: %s tells %q", c.params, name, got)
			}
		}
	}
}

// A flood starts no more functions than the limit says.
func TestThePublicAddressIsThrottled(t *testing.T) {
	x := packaged(t, "appId=17")
	for name, s := range x.of("AWS::ApiGatewayV2::Stage") {
		set, _ := s["DefaultRouteSettings"].(map[string]any)
		if x.text(set["ThrottlingRateLimit"]) != "200" || x.text(set["ThrottlingBurstLimit"]) != "200" || set["DetailedMetricsEnabled"] != true {
			t.Errorf("%s: %v", name, set)
		}
	}
}
