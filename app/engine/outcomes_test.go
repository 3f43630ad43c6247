package engine_test

import (
	"fmt"
	"testing"
	"time"
)

// What came of something is said once, also where the card is lost and the look that builds it again ends in the middle,
// or can't find out what came of it: later looks read the newest page of the timeline alone (A4).
func TestA4WhatCameOfSomethingIsNotSaidAgainForALostCard(t *testing.T) {
	skipUnderRace(t)
	play := func(t *testing.T, i *interruption, fault string) {
		w := newWorldOfFreezes(t, allOfFreeze)
		w.comment("carol", "/ic freeze all the rollback must not meet other changes")
		w.settle()
		w.comment("carol", "/ic let acme/payments#1 through because it is the fix")
		w.settle()
		for n := range 120 { // so that it isn't on the newest page of the timeline any more
			w.comment("dan", fmt.Sprint("We look into it, ", n))
		}
		w.settle()
		w.advance(20 * time.Minute) // the process that said it knows of it no more
		w.restart()
		w.settle()
		if fault != "" {
			w.order(fault)
		}
		w.interrupt(i, func() {})
		w.step(steps("carol deletes the card")[0])
		w.settleOrDie(i)
		for range 6 {
			w.advance(time.Minute)
		}
		for _, said := range []string{"is frozen: GitHub refuses merges", "acme/payments#1 may be merged as it is"} {
			if got := w.heard(said); got != 1 {
				t.Errorf("%q is said %d times", said, got)
			}
		}
		if len(w.rulesets()) != 1 {
			t.Errorf("frozen by %q", w.rulesets())
		}
	}
	for name, fault := range map[string]string{
		"the rulesets can't be read": `{"match":"GET .*/rulesets.*","status":502,"count":1}`,
		"a limit":                    `{"match":"GET .*/rulesets.*","status":429,"count":2}`,
	} {
		t.Run(name, func(t *testing.T) { play(t, &interruption{at: -1, spoken: -1}, fault) })
	}
	alone := &interruption{at: -1, spoken: -1}
	play(t, alone, "")
	for at, what := range alone.did[:min(6, len(alone.did))] {
		t.Run(fmt.Sprintf("%d, %s", at, what), func(t *testing.T) {
			t.Parallel()
			play(t, &interruption{at: at, spoken: -1, how: "killed after"}, "")
		})
	}
}
