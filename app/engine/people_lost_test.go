package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What was accepted before stays so on a card that is built again while GitHub does not say who may do what: the app's
// own reaction says that it was (A8). A comment that was edited since, and one to which only people reacted, is nobody's
// word for it.
func TestA8WhatWasAcceptedStaysThoughTheCardIsLostAndNobodyMayBeAskedAbout(t *testing.T) {
	skipUnderRace(t)
	t.Parallel()
	w := newWorldOfFreezes(t, allOfFreeze)
	say := func(who, text string) int64 {
		id := w.comment(who, text)
		w.settle()
		return id
	}
	say("alice", "/oe")
	say("carol", "/ic freeze acme/platform for 2h") // which the configuration does not name
	say("alice", "/oe finding The pool is full")
	say("carol", "/ic followup acme/payments Bound the pool @erin due:2026-03-09")
	w.advance(time.Minute)
	before := w.card()

	edited := say("mallory", "/incident status")
	w.ok("mallory", "PATCH", fmt.Sprintf("/api/v3/repos/acme/incidents/issues/comments/%d", edited),
		map[string]string{"body": "/oe finding Nothing is wrong"}, nil)
	w.settle()
	w.order(`{"match":"GET .*/collaborators/.*","status":403,"count":-1}`)
	own := say("mallory", "/oe finding All is well")
	w.ok("mallory", "POST", fmt.Sprintf("/api/v3/repos/acme/incidents/issues/comments/%d/reactions", own),
		map[string]string{"content": "+1"}, nil)

	for range 2 {
		w.restart()
		w.as("alice", "DELETE", fmt.Sprintf("/api/v3/repos/acme/incidents/issues/comments/%d", w.view().Pinned.ID), nil, nil)
		w.settle()
		w.advance(time.Minute)
		card := w.card()
		for _, words := range []string{"**carol**", "**alice**", "acme/platform", "frozen", "The pool is full", "Bound the pool"} {
			if !strings.Contains(before, words) || !strings.Contains(card, words) {
				t.Errorf("%q: before %t, now %t", words, strings.Contains(before, words), strings.Contains(card, words))
			}
		}
		for _, words := range []string{"Nothing is wrong", "All is well"} {
			if strings.Contains(card, words) {
				t.Errorf("the card has %q", words)
			}
		}
		if t.Failed() {
			t.Fatalf("before:\n%s\nnow:\n%s", before, card)
		}
	}
}

// Whoever may not respond any more did what they did, also on a card that another process builds again (A3).
func TestA3WhoLeftSinceDidWhatTheyDid(t *testing.T) {
	skipUnderRace(t)
	t.Parallel()
	w := newWorldOfFreezes(t, allOfFreeze)
	w.comment("dan", "/oe")
	w.settle()
	w.comment("dan", "/oe finding The pool is full")
	w.settle()
	w.order(`{"match":"GET .*/collaborators/dan/permission$","status":404,"count":-1}`)
	w.restart()
	w.as("alice", "DELETE", fmt.Sprintf("/api/v3/repos/acme/incidents/issues/comments/%d", w.view().Pinned.ID), nil, nil)
	w.settle()
	w.comment("dan", "/oe finding The pool is empty")
	w.settle()
	w.advance(time.Minute)
	if card := w.card(); !strings.Contains(card, "The pool is full") || strings.Contains(card, "The pool is empty") {
		t.Errorf("the card:\n%s", card)
	}
}
