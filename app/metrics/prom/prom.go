// Package prom exports the metrics to Prometheus. It is a package of its own because the functions
// on AWS link none of it.
package prom

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/firebreak-dev/firebreak/app/metrics"
)

// Recorder keeps values until they are asked for. It implements metrics.Recorder.
type Recorder struct {
	registry   *prometheus.Registry
	counters   map[*metrics.Metric]*prometheus.CounterVec
	gauges     map[*metrics.Metric]*prometheus.GaugeVec
	histograms map[*metrics.Metric]*prometheus.HistogramVec
}

// New builds a recorder of all metrics, those of the Go runtime and of the process included.
func New() *Recorder {
	r := &Recorder{registry: prometheus.NewRegistry(), counters: map[*metrics.Metric]*prometheus.CounterVec{},
		gauges:     map[*metrics.Metric]*prometheus.GaugeVec{},
		histograms: map[*metrics.Metric]*prometheus.HistogramVec{}}
	r.registry.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, m := range metrics.All {
		var labels []string
		for _, l := range m.Labels {
			labels = append(labels, l.Name)
		}
		switch m.Kind {
		case metrics.Counter:
			r.counters[m] = prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.Name, Help: m.Help}, labels)
			r.registry.MustRegister(r.counters[m])
			r.zero(m)
		case metrics.Gauge:
			r.gauges[m] = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: m.Name, Help: m.Help}, labels)
			r.registry.MustRegister(r.gauges[m])
		case metrics.Histogram:
			r.histograms[m] = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: m.Name,
				Help: m.Help, Buckets: m.Buckets}, labels)
			r.registry.MustRegister(r.histograms[m])
		}
	}
	return r
}

// zero shows a counter of one label or none before anything is counted: an increase from nothing is
// seen by no rule.
// https://prometheus.io/docs/practices/instrumentation/#avoid-missing-metrics
func (r *Recorder) zero(m *metrics.Metric) {
	switch len(m.Labels) {
	case 0:
		r.counters[m].WithLabelValues()
	case 1:
		for _, v := range m.Labels[0].Values {
			r.counters[m].WithLabelValues(v)
		}
	}
}

// Record implements metrics.Recorder.
func (r *Recorder) Record(m *metrics.Metric, value float64, labels ...string) {
	labels = m.Bounded(labels)
	switch m.Kind {
	case metrics.Counter:
		r.counters[m].WithLabelValues(labels...).Add(value)
	case metrics.Gauge:
		r.gauges[m].WithLabelValues(labels...).Set(value)
	case metrics.Histogram:
		r.histograms[m].WithLabelValues(labels...).Observe(value)
	}
}

// Handler serves the values as Prometheus asks for them.
func (r *Recorder) Handler() http.Handler {
	return promhttp.HandlerFor(r.registry, promhttp.HandlerOpts{Registry: r.registry})
}
