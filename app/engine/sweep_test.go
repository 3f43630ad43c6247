package engine_test

import (
	"context"
	"strings"
	"testing"
	"time"
)

// What GitHub could not deliver, and what it lost without a trace, is found by the sweep, once.
func TestA4TheSweepFindsWhatWasLost(t *testing.T) {
	w := newWorld(t)
	story := steps(whole(t))
	for _, s := range story[:5] {
		w.step(s)
		w.settle()
	}
	sweep := func() {
		t.Helper()
		if err := w.product.Sweep(context.Background(), began.Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
		w.settle()
	}
	w.stop() // deliveries fail from now on
	w.follower.Server = nil
	w.comment("alice", "/oe finding While it was down")
	w.settle()
	w.start()
	w.settle()
	if strings.Contains(w.card(), "findings (1)") {
		t.Fatal("the finding is known before the sweep")
	}
	sweep()
	if !strings.Contains(w.card(), "findings (1)") {
		t.Error("the failed delivery is not redelivered")
	}
	w.order(`{"drop_webhooks":1}`)
	w.comment("alice", "/oe finding Nobody heard this")
	w.settle()
	sweep()
	if !strings.Contains(w.card(), "findings (2)") {
		t.Error("the lost delivery is not made up for")
	}
	w.calls()
	sweep()
	if calls := w.calls(); writes(calls) > 0 {
		t.Errorf("a sweep with nothing lost writes: %+v", calls)
	}
}
