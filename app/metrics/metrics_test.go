package metrics_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
	"github.com/firebreak-dev/firebreak/app/metrics"
	"github.com/firebreak-dev/firebreak/app/services"
)

var at = time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)

func record(do func(metrics.Recorder)) string {
	var b bytes.Buffer
	e := metrics.NewEMF(&b, "firebreak-prod", func() time.Time { return at })
	do(e)
	if err := e.Flush(); err != nil {
		panic(err)
	}
	return b.String()
}

// The lines are as CloudWatch documents its embedded metric format.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
func TestLinesOfCloudWatch(t *testing.T) {
	got := record(func(r metrics.Recorder) {
		r.Record(metrics.QueueAge, 1.5)
		r.Record(metrics.UpdatesOverdue, 1)
		r.Record(metrics.Effects, 2, "reply")
		r.Record(metrics.Effects, 3, "reply")
		r.Record(metrics.QueueAge, 0)
		r.Record(metrics.RateLeft, 4999, "core")
	})
	want := `{"_aws":{"CloudWatchMetrics":[{"Namespace":"Firebreak","Dimensions":[["deployment"]],"Metrics":[{"Name":"firebreak_queue_age_seconds","Unit":"Seconds"}]},` +
		`{"Namespace":"Firebreak","Dimensions":[["deployment"]],"Metrics":[{"Name":"firebreak_updates_overdue_total","Unit":"Count"}]}],"Timestamp":1772448000000},` +
		`"deployment":"firebreak-prod","firebreak_queue_age_seconds":[1.5,0],"firebreak_updates_overdue_total":1}
{"_aws":{"CloudWatchMetrics":[{"Namespace":"Firebreak","Dimensions":[["deployment","kind"],["deployment"]],"Metrics":[{"Name":"firebreak_effects_total","Unit":"Count"}]}],` +
		`"Timestamp":1772448000000},"deployment":"firebreak-prod","firebreak_effects_total":5,"kind":"reply"}
{"_aws":{"CloudWatchMetrics":[{"Namespace":"Firebreak","Dimensions":[["deployment","limit"]],"Metrics":[{"Name":"firebreak_github_calls_left","Unit":"Count"}]}],` +
		`"Timestamp":1772448000000},"deployment":"firebreak-prod","firebreak_github_calls_left":[4999],"limit":"core"}
`
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// A line holds a hundred values of a metric; the others go into more.
func TestManyValuesAreSeveralLines(t *testing.T) {
	text := record(func(r metrics.Recorder) {
		for i := range 250 {
			r.Record(metrics.QueueAge, float64(i))
			r.Record(metrics.UpdatesOverdue, 1)
		}
	})
	var all []float64
	overdue := 0
	for line := range strings.Lines(text) {
		var l struct {
			Ages    []float64 `json:"firebreak_queue_age_seconds"`
			Overdue int       `json:"firebreak_updates_overdue_total"`
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil || len(l.Ages) > 100 {
			t.Errorf("%v, %d values", err, len(l.Ages))
		}
		all, overdue = append(all, l.Ages...), overdue+l.Overdue
	}
	if len(all) != 250 || all[249] != 249 || overdue != 250 {
		t.Errorf("%d values, %d overdue", len(all), overdue)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestFlushedOnceAndNamelessOnes(t *testing.T) {
	var b bytes.Buffer
	e := metrics.NewEMF(&b, "", time.Now)
	e.Record(metrics.UpdatesOverdue, 1)
	if err := errors.Join(e.Flush(), e.Flush()); err != nil || strings.Count(b.String(), "\n") != 1 ||
		!strings.Contains(b.String(), `"deployment":"firebreak"`) {
		t.Errorf("%v: %s", err, &b)
	}
	e = metrics.NewEMF(broken{}, "", time.Now)
	e.Record(metrics.UpdatesOverdue, 1)
	if err := e.Flush(); err == nil {
		t.Error("nothing could be written, and no error")
	}
}

// What a label doesn't list is not told apart, so that nobody's name and no number becomes one.
func TestLabelsAreFew(t *testing.T) {
	text := record(func(r metrics.Recorder) {
		r.Record(metrics.Rejected, 1, "acme/incidents#7", "token")
		r.Record(metrics.Rejected, 1, "carol", "token")
	})
	if strings.Count(text, "\n") != 1 || !strings.Contains(text, `"source":"other"`) ||
		strings.Contains(text, "acme") || strings.Contains(text, "carol") {
		t.Error(text)
	}
}

// What the product distinguishes is in the labels, or it would count as "other".
func TestLabelsKnowTheProduct(t *testing.T) {
	has := func(m *metrics.Metric, label int, value string) {
		t.Helper()
		if !slices.Contains(m.Labels[label].Values, value) {
			t.Errorf("%s: %q is not among %q", m.Name, value, m.Labels[label].Values)
		}
	}
	for _, s := range intake.Sources(intake.Settings{Secrets: func(string) [][]byte {
		return [][]byte{[]byte("x")}
	}, Topics: []string{"arn:aws:sns:eu-central-1:1:t"}}) {
		has(metrics.Rejected, 0, s.Name())
	}
	for _, kind := range services.Kinds(services.Service.IsOutside) { // a mention on GitHub is a comment
		has(metrics.Pages, 0, kind)
		has(metrics.PageFailures, 0, kind)
	}
	for _, e := range []incident.Effect{incident.Send{}, incident.Reply{}, incident.Remind{},
		incident.React{}, incident.Announce{}, incident.Broadcast{}, incident.OpenTicket{},
		incident.Nudge{}, incident.OpenDocument{}, incident.RefreshDocument{}, incident.AnnounceDocument{}} {
		has(metrics.Effects, 0, incident.KindOf(e))
	}
	if kind := incident.KindOf(incident.Record{}); kind != "" {
		t.Errorf("a record is counted as %q, and changes nothing outside", kind)
	}
}

// Few labels with few values: the product of all of them is what Prometheus keeps, and what
// CloudWatch is paid for.
func TestTheTable(t *testing.T) {
	name := regexp.MustCompile(`^firebreak(_[a-z]+)+$`)
	seen := map[string]bool{}
	for _, m := range metrics.All {
		if !name.MatchString(m.Name) || seen[m.Name] || !strings.HasSuffix(m.Help, ".") ||
			strings.HasSuffix(m.Name, "_total") != (m.Kind == metrics.Counter) {
			t.Errorf("%s: %s", m.Name, m.Help)
		}
		seen[m.Name] = true
		if strings.HasSuffix(m.Name, "_seconds") != (m.Unit == "Seconds") ||
			m.Unit != "Seconds" && m.Unit != "Count" {
			t.Errorf("%s is in %s", m.Name, m.Unit)
		}
		if (m.Kind == metrics.Histogram) != (len(m.Buckets) > 0) || !slices.IsSorted(m.Buckets) {
			t.Errorf("%s has the buckets %v", m.Name, m.Buckets)
		}
		series := 1
		for _, l := range m.Labels {
			series *= len(l.Values) + 1
		}
		if series > 150 {
			t.Errorf("%s may become %d series", m.Name, series)
		}
	}
}

// The runbook lists each metric as it is.
func TestTheRunbookListsTheMetrics(t *testing.T) {
	text, err := os.ReadFile("../../RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range metrics.All {
		var labels []string
		for _, l := range m.Labels {
			labels = append(labels, "`"+l.Name+"`")
		}
		if row := "| `" + m.Name + "` | " + strings.Join(labels, ", ") + " | " + m.Help +
			" |\n"; !strings.Contains(string(text), row) {
			t.Errorf("RUNBOOK.md lacks\n%s", row)
		}
	}
	for _, name := range regexp.MustCompile(`firebreak_[a-z_]+`).FindAllString(string(text), -1) {
		if !slices.ContainsFunc(metrics.All, func(m *metrics.Metric) bool { return m.Name == name }) {
			t.Errorf("RUNBOOK.md speaks of %s, which is none", name)
		}
	}
}

func TestCallsOfAContext(t *testing.T) {
	ctx, calls := metrics.Counted(context.Background())
	if n, _, known := calls.Total(); n != 0 || known {
		t.Errorf("%d calls, %t", n, known)
	}
	for _, left := range []int{40, 38, 39} {
		metrics.Called(ctx)
		metrics.Left(ctx, left)
	}
	metrics.Called(context.Background())
	metrics.Left(context.Background(), 1)
	if n, left, known := calls.Total(); n != 3 || left != 38 || !known {
		t.Errorf("%d calls, %d left, %t", n, left, known)
	}
}
