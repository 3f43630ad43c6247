package simulation

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/contract"
)

// TestA8ACardIsBuiltAgainThoughReadsAreRefused deletes the card while GitHub refuses each kind of read in turn: what was
// decided and done before stays so. A plain run refuses to say who may do what; -seeds with any other number plays all.
func TestA8ACardIsBuiltAgainThoughReadsAreRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector sees the same in TestA4FaultsChangeNothing")
	}
	calm := newWorld(t, fullSeed, io.Discard)
	calm.play(fullStory, nil)
	var operations []string
	for _, name := range slices.Sorted(maps.Keys(calm.net.made)) {
		method, path, _ := strings.Cut(name, " ")
		if method != http.MethodGet {
			continue
		}
		if operation, _, err := contract.Refusals(method, path); err == nil && !slices.Contains(operations, operation) {
			operations = append(operations, operation)
		}
	}
	if len(operations) < 20 {
		t.Errorf("only %d reads to refuse: %v", len(operations), operations)
	}
	when := []int{6, 14, 19} // something is frozen; all is under way; it is being closed
	if *seeds == defaultSeeds {
		when = when[:1]
		operations = slices.DeleteFunc(operations, func(o string) bool { return !strings.HasSuffix(o, "/permission") })
	}
	for _, lost := range when {
		for _, operation := range operations {
			t.Run(fmt.Sprintf("%d %s", lost, operation), func(t *testing.T) {
				t.Parallel()
				compare(t, fullSeed, fullStory, io.Discard, func(w *world) {
					w.before = func(n int) {
						if n == lost {
							w.net.denied = &denial{operation: operation, status: http.StatusForbidden, isOfRead: true,
								until: w.box.Clock().Now().Add(5 * time.Minute)}
							w.loseCard("Incident A")
						}
					}
					w.play(fullStory, nil)
				})
			})
		}
	}
}

// TestA4ACardIsBuiltAgainWhileReadsLag deletes the card before each step of a whole day in turn, while what is read of
// GitHub is behind: nothing is done twice, lost, or undone.
func TestA4ACardIsBuiltAgainWhileReadsLag(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector sees the same in TestA4FaultsChangeNothing")
	}
	lags := []lagging{
		{"^GET ", 5 * time.Second}, {"^GET ", 30 * time.Second}, {"^GET .*/timeline", time.Minute},
		{"^GET .*/issues/\\d+$", time.Minute}, {"^GET .*/comments", time.Minute},
	}
	n := 0
	for lost := 1; lost <= len(fullStory); lost++ {
		for _, lag := range lags {
			if n++; *seeds == defaultSeeds && n%40 != 0 {
				continue
			}
			t.Run(fmt.Sprintf("%d, %s%s", lost, lag.by, strings.TrimPrefix(lag.match, "^GET")), func(t *testing.T) {
				t.Parallel()
				compare(t, fullSeed, fullStory, io.Discard, func(w *world) {
					w.before = func(n int) {
						if n == lost-1 {
							w.behind(lag)
						}
						if n == lost {
							w.loseCard("Incident A")
						}
					}
					w.play(fullStory, nil)
				})
			})
		}
	}
}

// behind lets reads lag from now on.
func (w *world) behind(lag lagging) {
	w.net.tell("reads (%s) lag by %s", lag.match, lag.by)
	w.fault(map[string]any{"match": lag.match, "lag": lag.by.String()})
	w.net.mu.Lock()
	defer w.net.mu.Unlock()
	w.net.dim = append(w.net.dim, span{w.box.Clock().Now(), w.box.Clock().Now().Add(24 * time.Hour)})
}
