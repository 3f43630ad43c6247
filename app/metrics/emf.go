package metrics

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// namespace is where CloudWatch keeps the metrics, each under the dimension "deployment".
const namespace = "Firebreak"

// most is how many values of one metric a line may hold.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
const most = 100

// EMF keeps values until Flush writes them as lines in CloudWatch's embedded metric format: what a
// function on Lambda writes so to its log becomes metrics, without a call. It implements Recorder.
type EMF struct {
	w          io.Writer
	deployment string
	now        func() time.Time

	mu    sync.Mutex
	lines []*line // by labels, in the order of their first value
}

// line is what is to be written of the metrics with the same labels.
type line struct {
	names  []string // of the labels
	labels []string
	values []value
}

type value struct {
	m    *Metric
	list []float64
}

// NewEMF builds a recorder for the functions of a deployment, such as "firebreak-prod".
func NewEMF(w io.Writer, deployment string, now func() time.Time) *EMF {
	if deployment == "" {
		deployment = "firebreak"
	}
	return &EMF{w: w, deployment: deployment, now: now}
}

// Record implements Recorder.
func (e *EMF) Record(m *Metric, v float64, labels ...string) {
	labels = m.Bounded(labels)
	var names []string
	for _, l := range m.Labels {
		names = append(names, l.Name)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	at := slices.IndexFunc(e.lines, func(l *line) bool {
		return slices.Equal(l.names, names) && slices.Equal(l.labels, labels)
	})
	if at < 0 {
		at = len(e.lines)
		e.lines = append(e.lines, &line{names: names, labels: labels})
	}
	e.lines[at].add(m, v)
}

func (l *line) add(m *Metric, v float64) {
	at := slices.IndexFunc(l.values, func(known value) bool {
		return known.m == m && (m.Kind == Counter || len(known.list) < most)
	})
	switch {
	case at < 0:
		l.values = append(l.values, value{m, []float64{v}})
	case m.Kind == Counter:
		l.values[at].list[0] += v
	default:
		l.values[at].list = append(l.values[at].list, v)
	}
}

// Flush writes what was recorded.
func (e *EMF) Flush() error {
	e.mu.Lock()
	lines := e.lines
	e.lines = nil
	e.mu.Unlock()
	var failed []error
	for _, l := range lines {
		for len(l.values) > 0 {
			// A name can be in a line once: more of its values go into another.
			var now, next []value
			for _, v := range l.values {
				if slices.ContainsFunc(now, func(n value) bool { return n.m == v.m }) {
					next = append(next, v)
				} else {
					now = append(now, v)
				}
			}
			failed = append(failed, e.write(l, now))
			l.values = next
		}
	}
	return errors.Join(failed...)
}

func (e *EMF) write(l *line, values []value) error {
	type directive struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []map[string]string
	}
	root := map[string]any{"deployment": e.deployment}
	for i, name := range l.names {
		root[name] = l.labels[i]
	}
	full := append([]string{"deployment"}, l.names...)
	var directives []directive
	for _, v := range values {
		root[v.m.Name] = v.list
		if v.m.Kind == Counter {
			root[v.m.Name] = v.list[0]
		}
		d := directive{Namespace: namespace, Dimensions: [][]string{full},
			Metrics: []map[string]string{{"Name": v.m.Name, "Unit": v.m.Unit}}}
		if v.m.Kind == Counter && len(l.names) > 0 {
			// An alarm watches one metric and adds up none, so a counter's sum over its labels is
			// one too.
			d.Dimensions = append(d.Dimensions, []string{"deployment"})
		}
		directives = append(directives, d)
	}
	root["_aws"] = map[string]any{"Timestamp": e.now().UnixMilli(), "CloudWatchMetrics": directives}
	text, err := json.Marshal(root)
	if err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	// at once: other lines must not be in between
	if _, err := io.WriteString(e.w, string(text)+"\n"); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}
