package assembly

import (
	"fmt"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/intake"
)

// The queue joins reports that say the same, however their figures differ, and none that don't; a
// source whose words change each time does not fill it.
func TestI6ReportsAreJoinedByWhatTheySay(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	report := func(title, text, severity string) intake.Signal {
		return intake.Signal{Source: "generic", DedupKey: "generic:eu-1", Firing: true, Title: title, Text: text, SeverityHint: severity}
	}
	var s said
	first := s.saying(report("CPU at 81 %", "since 10:40", "warning"), now)
	for name, c := range map[string]struct {
		signal intake.Signal
		same   bool
	}{
		"other figures":      {report("CPU at 93.5 %", "since 10:41:07", "warning"), true},
		"another title":      {report("Disk at 81 %", "since 10:40", "warning"), false},
		"another text":       {report("CPU at 81 %", "orders are lost", "warning"), false},
		"a worse severity":   {report("CPU at 81 %", "since 10:40", "critical"), false},
		"a recovery, at all": {intake.Signal{DedupKey: "generic:eu-1", Title: "CPU at 81 %"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := s.saying(c.signal, now); (got == first) != c.same {
				t.Errorf("%q, and the first says %q", got, first)
			}
		})
	}
	different := map[string]bool{}
	for i := range 1000 {
		different[s.saying(report("Error", fmt.Sprintf("of %c%c", 'a'+i%26, 'a'+i/26), ""), now)] = true
	}
	if len(different) > sayings+1 {
		t.Errorf("a source that says 1000 things fills the queue with %d", len(different))
	}
	if got := s.saying(report("CPU at 81 %", "since 10:40", "warning"), now); got != first {
		t.Errorf("what was known is %q now, and was %q", got, first)
	}
}
