package engine_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// When GitHub takes calls again, the incident that nobody coordinates goes first, and one that is
// not critical last.
func TestTheMostUrgentGoesFirstAfterALimit(t *testing.T) {
	w := newWorld(t)
	for i, severity := range []string{"critical", "regular", "critical"} {
		w.tell(fmt.Sprintf("alice opens \"Incident %d\"\n  Summary: Customers get 502\n  Severity: %s\n  Customers impacted: globex", i+1, severity))
		w.settle()
	}
	on := func(number int, text string) {
		w.ref.Number = number
		w.comment("carol", text)
	}
	on(1, "/incident status")
	on(2, "/incident status")
	on(3, "/ic")
	w.settle()
	w.order(`{"rate_limit":"primary","retry_after":"4m"}`)
	for number := 1; number <= 3; number++ {
		on(number, "/oe finding The disk is full")
	}
	w.advance(3 * time.Minute)
	w.calls()
	w.advance(2 * time.Minute)
	var order []string
	issue := regexp.MustCompile(`/issues/(\d)$`)
	for _, c := range w.calls() {
		if m := issue.FindStringSubmatch(strings.SplitN(c.Path, "?", 2)[0]); m != nil && c.Status < 400 &&
			!slices.Contains(order, m[1]) {
			order = append(order, m[1])
		}
	}
	if !slices.Equal(order, []string{"1", "3", "2"}) {
		t.Errorf("after the limit the incidents come in the order %v", order)
	}
}
