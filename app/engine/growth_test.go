package engine_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/templates"
)

// unjudged makes a world in which nothing is held against GitHub's description, which takes longer
// than all the rest.
func unjudged(tb testing.TB) *world {
	return newWorldJudged(tb, map[string]map[string]string{"acme/incidents": templates.Repository()},
		func(h http.Handler) http.Handler { return h })
}

// talk is an incident of which much was said before.
func talk(tb testing.TB, comments int) *world {
	tb.Helper()
	w := unjudged(tb)
	for _, s := range steps(whole(tb))[:5] {
		w.step(s)
		w.settle()
	}
	w.hear(comments)
	w.calls()
	return w
}

// hear lets people write comments that ask for nothing. The webhook asks for a look at every few of
// them; here one look reads them all in the end, which takes a moment less.
func (w *world) hear(comments int) {
	w.t.Helper()
	w.order(fmt.Sprintf(`{"drop_webhooks":%d}`, comments))
	for i := range comments {
		w.comment("bob", fmt.Sprintf("I see %d", i))
	}
	w.comment("alice", "/oe finding It began at noon")
	w.settle()
}

// BenchmarkCommand takes commands on incidents of which 10, 1,000 and 10,000 comments were written
// before, in turn, each from the comment until all is done. Calls and the median of the times are
// told, and both as ratios to those after 10.
func BenchmarkCommand(b *testing.B) {
	sizes := []int{10, 1_000, 10_000}
	worlds := make([]*world, len(sizes))
	calls, took := make([]int, len(sizes)), make([][]time.Duration, len(sizes))
	for i, n := range sizes {
		worlds[i] = talk(b, n)
	}
	for b.Loop() {
		for i, w := range worlds {
			start := time.Now()
			w.comment("alice", fmt.Sprintf("/oe finding number %d", len(took[i])))
			w.settle()
			took[i] = append(took[i], time.Since(start))
			calls[i] += len(w.calls())
		}
	}
	median := func(i int) float64 { slices.Sort(took[i]); return took[i][len(took[i])/2].Seconds() }
	for i, n := range sizes {
		b.ReportMetric(float64(calls[i])/float64(len(took[i])), fmt.Sprintf("calls/%d", n))
		b.ReportMetric(float64(calls[i])/float64(calls[0]), fmt.Sprintf("calls-ratio/%d", n))
		b.ReportMetric(median(i)*1e3, fmt.Sprintf("ms/%d", n))
		b.ReportMetric(median(i)/median(0), fmt.Sprintf("time-ratio/%d", n))
	}
}
