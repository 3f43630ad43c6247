package prom_test

import (
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	client "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/firebreak-dev/firebreak/app/metrics"
	"github.com/firebreak-dev/firebreak/app/metrics/prom"
	"github.com/firebreak-dev/firebreak/app/services"
)

// Prometheus reads what is shown, and its own linter has nothing to say.
func TestShown(t *testing.T) {
	r := prom.New()
	for _, m := range metrics.All {
		labels := make([]string, len(m.Labels))
		for i, l := range m.Labels {
			labels[i] = l.Values[0]
		}
		r.Record(m, 2, labels...)
		r.Record(m, 3, labels...)
	}
	r.Record(metrics.Rejected, 1, "nobody knows it", "token")
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text := w.Body.String()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(w.Body)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, m := range metrics.All {
		f := families[m.Name]
		if f == nil || f.GetHelp() != m.Help {
			t.Errorf("%s is %v", m.Name, f)
			continue
		}
		sum := 0.0
		for _, v := range f.Metric {
			sum += v.GetCounter().GetValue() + v.GetGauge().GetValue() + v.GetHistogram().GetSampleSum()
		}
		want := map[metrics.Kind]float64{metrics.Counter: 5, metrics.Gauge: 3, metrics.Histogram: 5}[m.Kind]
		if m == metrics.Rejected {
			want++
		}
		if sum != want {
			t.Errorf("%s is %v, want %v", m.Name, sum, want)
		}
		problems, err := promlint.NewWithMetricFamilies([]*client.MetricFamily{f}).Lint()
		if err != nil || len(problems) > 0 {
			t.Errorf("%s: %v %v", m.Name, problems, err)
		}
	}
	for _, name := range []string{"go_goroutines", "process_start_time_seconds"} {
		if families[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
}

// A counter is there before it counts, or no rule would see its first step.
func TestCountersBeginAtZero(t *testing.T) {
	w := httptest.NewRecorder()
	prom.New().Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"firebreak_updates_overdue_total": 1,
		"firebreak_page_failures_total": len(services.Kinds(services.Service.IsOutside))} {
		if got := len(families[name].GetMetric()); got != want {
			t.Errorf("%s has %d series, want %d", name, got, want)
		}
	}
}
