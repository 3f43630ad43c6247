package github

import (
	"fmt"
	"testing"
	"time"
)

// A process that runs for months hears of many people, and of strangers most.
func TestWhatIsKnownOfPeopleIsBounded(t *testing.T) {
	a := &App{people: map[string]permission{}}
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for n := range 3 * maxPeople {
		if n == maxPeople-1 {
			at = at.Add(keepPeople) // of those before, the time is over
		}
		a.keepPermission(fmt.Sprint(n), permission{may: true, at: at})
		if len(a.people) > maxPeople {
			t.Fatalf("%d answers are kept", len(a.people))
		}
		if n == maxPeople && !a.people[fmt.Sprint(n-1)].may {
			t.Error("an answer whose time is not over is forgotten with those whose is")
		}
	}
}
