package engine

import (
	"testing"

	"github.com/firebreak-dev/firebreak/app/config"
)

// TestAFileIsParsedWhereItChanged: what is kept of a file counts for this file and these rotations only.
func TestAFileIsParsedWhereItChanged(t *testing.T) {
	paging := func(step string) []byte { return []byte("escalation:\n  steps:\n    - to: [" + step + "]\n") }
	rotations := []byte("rotations:\n  night:\n    people: [ada, bob]\n    every: day\n    start: 2026-12-07\n")
	schedule, err := config.ParseOnCall(rotations)
	if err != nil {
		t.Fatal(err)
	}
	var f cachedPolicy
	f.onCall.isKnown = true

	first, err := f.parsePolicy(paging("ada"))
	if err != nil {
		t.Fatal(err)
	}
	f.parsed.policy.Rounds = 77 // shows whether it is parsed again
	if again, _ := f.parsePolicy(paging("ada")); again.Rounds != 77 {
		t.Error("the same file is parsed again")
	}
	if other, _ := f.parsePolicy(paging("bob")); other.Rounds != first.Rounds || other.Escalation[0].To[0] != "bob" {
		t.Errorf("another file is not parsed: %+v", other.Escalation)
	}
	f.parsed.policy.Rounds = 77
	f.onCall.schedule, f.onCall.kept = schedule, rotations
	if other, _ := f.parsePolicy(paging("bob")); other.Rounds != first.Rounds {
		t.Error("other rotations, and the file is not parsed again")
	}
	f.parsed.policy.Rounds = 77
	f.onCall.kept = nil // they could not be kept
	for range 2 {
		if other, _ := f.parsePolicy(paging("bob")); other.Rounds != first.Rounds {
			t.Error("rotations that are not kept count as those before")
		}
	}
	if _, err := f.parsePolicy([]byte("nothing-like-it: 1\n")); err == nil {
		t.Error("a mistake is not told")
	}
	if _, err := f.parsePolicy([]byte("nothing-like-it: 1\n")); err == nil {
		t.Error("a mistake is told once only")
	}
}
