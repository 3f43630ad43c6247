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
	operations := readsOf(t)
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
							w.refuseReads(operation, http.StatusForbidden)
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
			if n++; *seeds == defaultSeeds && n%100 != 0 {
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

// TestA4EachWebhookMayGoWrong lets each webhook of a day in turn not be delivered, come twice, come before those in front
// of it, or late.
func TestA4EachWebhookMayGoWrong(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector sees the same in TestA4FaultsChangeNothing")
	}
	n, made := 0, callsOfADay(t)
	for _, name := range slices.Sorted(maps.Keys(made)) {
		if !strings.HasPrefix(name, "webhook ") {
			continue
		}
		for nth := range made[name] {
			for harm, what := range []string{"lost", "twice", "early", "late"} {
				if n++; *seeds == defaultSeeds && n%1000 != 0 {
					continue
				}
				t.Run(fmt.Sprintf("%s, time %d, %s", name, nth+1, what), func(t *testing.T) {
					t.Parallel()
					compare(t, fullSeed, fullStory, io.Discard, func(w *world) {
						w.fated, w.fate = call{name, nth + 1}, uint64(harm)
						w.play(fullStory, nil)
					})
				})
			}
		}
	}
	if n < 200 {
		t.Errorf("only %d webhooks", n)
	}
}

// TestA8EachReadMayBeRefusedOrUnanswered lets GitHub refuse each kind of read, or not answer it, for five minutes, at four
// times of a day.
func TestA8EachReadMayBeRefusedOrUnanswered(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector sees the same in TestA4FaultsChangeNothing")
	}
	n, operations := 0, readsOf(t)
	for _, at := range []int{1, 6, 14, 19} {
		for _, operation := range operations {
			for _, status := range []int{http.StatusForbidden, http.StatusNotFound, http.StatusBadGateway} {
				if n++; *seeds == defaultSeeds && n%200 != 0 {
					continue
				}
				t.Run(fmt.Sprintf("%d %s %d", at, operation, status), func(t *testing.T) {
					t.Parallel()
					compare(t, fullSeed, fullStory, io.Discard, func(w *world) {
						w.before = func(n int) {
							if n == at {
								w.refuseReads(operation, status)
							}
						}
						w.play(fullStory, nil)
					})
				})
			}
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

// refuseReads lets GitHub answer a kind of read with a status for five minutes.
func (w *world) refuseReads(operation string, status int) {
	w.net.mu.Lock()
	defer w.net.mu.Unlock()
	w.net.denied = &denial{operation: operation, status: status, isOfRead: true, until: w.box.Clock().Now().Add(5 * time.Minute)}
	w.net.isAway(w.box.Clock().Now(), w.net.denied.until)
}

// readsOf returns each kind of read of a whole day.
func readsOf(t *testing.T) (operations []string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(callsOfADay(t))) {
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
	return operations
}
