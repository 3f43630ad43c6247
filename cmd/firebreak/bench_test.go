package main_test

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// The shortest run measures each thing once, and compares it with what bounds it.
func TestBenchMeasuresAgainstABound(t *testing.T) {
	t.Parallel()
	args := []string{"bench", "--json", "--data", t.TempDir(), "--duration", "500ms", "--clients", "4",
		"--incidents", "2", "--burst", "2"}
	if !testing.Short() { // it takes a build
		args = append(args, "--functions", "../..")
	}
	var log strings.Builder
	run := exec.CommandContext(t.Context(), binary, args...)
	run.Stderr = &log
	out, err := run.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &log)
	}
	type row struct {
		Name, Bound string
		Rate, Ratio float64
		P50, P99    int64
	}
	var figures struct {
		Webhooks, Functions []row
		Incidents           struct{ Commands, Calls int }
	}
	if err := json.Unmarshal(out, &figures); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if n := figures.Incidents; n.Commands != 4 || n.Calls < n.Commands {
		t.Errorf("%+v on incidents", n)
	}
	bounded := 0
	for _, rows := range [][]row{figures.Webhooks, figures.Functions} {
		for _, r := range rows {
			if r.Rate <= 0 || r.P99 != 0 && r.P50 > r.P99 {
				t.Errorf("%+v", r)
			}
			if r.Bound == "" {
				continue
			}
			bounded++
			if r.Ratio <= 0 || !slices.ContainsFunc(rows, func(b row) bool { return b.Name == r.Bound }) {
				t.Errorf("%+v is not against its bound", r)
			}
		}
	}
	if want := map[bool]int{true: 4, false: 7}[testing.Short()]; bounded != want {
		t.Errorf("%d rows have a bound, want %d", bounded, want)
	}
}
