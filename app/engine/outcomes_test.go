package engine_test

import (
	"fmt"
	"testing"
	"time"
)

// A look that builds a lost card again and ends in the middle is made again from the start: the look that goes on
// from what it wrote by then would say again what it can't see any more (A4).
func TestA4ARebuildThatEndsInTheMiddleStartsOver(t *testing.T) {
	skipUnderRace(t)
	play := func(t *testing.T, i *interruption) {
		w := newWorldOfFreezes(t, allOfFreeze)
		w.comment("carol", "/ic freeze all the rollback must not meet other changes")
		w.settle()
		for n := range 120 { // so that it isn't on the newest page of the timeline any more
			w.comment("dan", fmt.Sprint("We look into it, ", n))
		}
		w.settle()
		w.advance(20 * time.Minute) // the process that said it knows of it no more
		w.restart()
		w.settle()
		w.interrupt(i, func() {})
		w.step(steps("carol deletes the card")[0])
		w.settleOrDie(i)
		w.advance(4 * time.Minute)
		if got := w.heard("is frozen: GitHub refuses merges"); got != 1 {
			t.Errorf("that it is frozen is said %d times:\n%s", got, w.everything())
		}
		if len(w.rulesets()) != 1 {
			t.Errorf("frozen by %q", w.rulesets())
		}
	}
	alone := &interruption{at: -1, spoken: -1}
	play(t, alone)
	for at, what := range alone.did[:min(6, len(alone.did))] {
		t.Run(fmt.Sprintf("%d, %s", at, what), func(t *testing.T) {
			t.Parallel()
			play(t, &interruption{at: at, spoken: -1, how: "killed after"})
		})
	}
}
