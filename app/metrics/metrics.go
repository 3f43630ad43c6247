// Package metrics lists what is measured, in one table, and records the values: as CloudWatch's
// embedded metric format on Lambda, and by package prom for Prometheus. It imports hardly more than
// the standard library, because the webhook function links it.
//
// Names go by Prometheus' conventions, units included, and are the same in CloudWatch. The values
// that a label takes are few and listed here: an incident's number or a person's login is never one,
// but belongs in the log.
// https://prometheus.io/docs/practices/naming/
package metrics

import (
	"context"
	"slices"
	"sync"
)

// Kind says how a metric's values make one.
type Kind int

// The kinds.
const (
	Counter   Kind = iota // they are added
	Gauge                 // the last one counts
	Histogram             // each one counts
)

// Metric is one figure.
type Metric struct {
	Name    string
	Help    string
	Kind    Kind
	Unit    string // as CloudWatch calls it
	Labels  []Label
	Buckets []float64 // upper bounds of a histogram
}

// Label distinguishes a metric's values.
type Label struct {
	Name   string
	Values []string // all that it takes; any other is "other"
}

// Recorder takes values. The labels' values are in the order of the metric's labels.
type Recorder interface {
	Record(m *Metric, value float64, labels ...string)
}

// Discard measures nothing.
type Discard struct{}

// Record implements Recorder.
func (Discard) Record(*Metric, float64, ...string) {}

// other represents the values that a label doesn't list.
const other = "other"

// Bounded returns the values under which a value is recorded: what a label doesn't list is "other".
func (m *Metric) Bounded(labels []string) []string {
	if len(labels) != len(m.Labels) {
		panic("metrics: " + m.Name + " takes other labels")
	}
	all := slices.Clone(labels)
	for i, l := range m.Labels {
		if !slices.Contains(l.Values, all[i]) {
			all[i] = other
		}
	}
	return all
}

// Calls counts the calls of GitHub within a context.
type Calls struct {
	mu    sync.Mutex
	n     int
	left  int
	known bool
}

type callsKey struct{}

// Counted returns a context in which calls of GitHub are counted.
func Counted(ctx context.Context) (context.Context, *Calls) {
	c := &Calls{}
	return context.WithValue(ctx, callsKey{}, c), c
}

// Called counts a call in the context of its request.
func Called(ctx context.Context) {
	if c, ok := ctx.Value(callsKey{}).(*Calls); ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.n++
	}
}

// Left notes how many calls GitHub says are left of the rate limit.
func Left(ctx context.Context, left int) {
	if c, ok := ctx.Value(callsKey{}).(*Calls); ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.known || left < c.left {
			c.left, c.known = left, true
		}
	}
}

// Total returns how many calls were made, and the least that GitHub said is left; known is false if
// it never said.
func (c *Calls) Total() (n, left int, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n, c.left, c.known
}
