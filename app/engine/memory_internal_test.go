package engine

import (
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// movingClock is a clock that a test moves.
type movingClock struct{ now time.Time }

func (c *movingClock) Now() time.Time { return c.now }

// A call of a look may take minutes. What the look posts after that is noted at its time: from the
// look's beginning, it would count as old before reads could show it, and be posted again (A4).
func TestA4WhatASlowLookPostsIsNotedAtItsTime(t *testing.T) {
	clock := &movingClock{time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)}
	ref := incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}
	e := New(Options{Secrets: [][]byte{[]byte("a secret of the tests")}, Store: shelves{}, Clock: clock})
	slow := e.newReconciliation(t.Context(), Message{Ref: ref})
	clock.now = clock.now.Add(7 * time.Minute)
	slow.RememberComment(7, []string{"reply/c1"})
	slow.rememberCard(8, 1, true)

	m := e.memoryOf(ref)
	seq, written := slow.loadWritten(8)
	for what, at := range map[string]time.Time{
		"the reply": m.said["reply/c1"].at, "the reply of another process": slow.loadComments()["reply/c1"].at,
		"the card": m.posted, "the card's text": m.wrote, "the text of another process": written,
	} {
		if !at.Equal(clock.now) {
			t.Errorf("%s is noted at %s", what, at)
		}
	}
	if seq != 1 {
		t.Errorf("the card's number is %d", seq)
	}
}

// A process that ends between a comment and its answer, and another that ends after it: the third one
// knows what each of them left (A4).
func TestA4WhatProcessesThatEndedPostedIsKnown(t *testing.T) {
	clock := &movingClock{time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)}
	ref, shelf := incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}, shelves{}
	start := func() *reconciliation {
		e := New(Options{Secrets: [][]byte{[]byte("a secret of the tests")}, Store: shelf, Clock: clock})
		r := e.newReconciliation(t.Context(), Message{Ref: ref})
		r.Snapshot, r.Posted, r.doubted = &ports.Snapshot{}, map[string]int64{}, map[string]postedComment{}
		r.addRecentComments()
		return r
	}
	first := start()
	first.RememberComment(0, []string{"reply/c1", "reply/c2"})
	first.ForgetComment([]string{"reply/c2"})
	start().RememberComment(7, []string{"reply/c3"})
	third := start()
	if err := third.AwaitDoubted([]string{"reply/c1"}); err == nil {
		t.Error("what the first process may have posted is posted again")
	}
	if err := third.AwaitDoubted([]string{"reply/c2"}); err != nil {
		t.Errorf("what GitHub refused is waited for: %v", err)
	}
	if third.Posted["reply/c3"] != 7 {
		t.Errorf("what the second one posted is not known: %v", third.Posted)
	}
}
