package incident_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// The webhook of an edit may come late. A phase that it asks for is not entered where somebody has
// moved on since (A2, A4).
func TestA2AnEditThatIsKnownLateTakesNoPhaseBack(t *testing.T) {
	for _, minute := range []float64{15, 25} {
		s := critical(t).asked().
			at(10, "carol", because(incident.Fixing)).at(20, "carol", because(incident.Monitoring)).
			fact(incident.Fact{ID: "c3@1.0", At: start.Add(time.Duration(minute) * time.Minute),
				By: incident.Person{Login: "carol", Respond: true}, What: because(incident.Fixing)})
		want := incident.Monitoring
		if minute > 20 {
			want = incident.Fixing
		}
		s.expect(s.state.Phase == want, "edited at %g: the phase is %s", minute, s.state.Phase)
	}
}

// The comment of an update that was given in time may be read after it was due: the wait counts as
// kept, and not as missed too (V3).
func TestV3AnUpdateInTimeThatIsReadLateIsNotMissed(t *testing.T) {
	s := critical(t)
	due := s.state.Updates.Due.Sub(start).Minutes()
	s.clock(due - 2).clock(due + 0.2)
	s.expect(s.state.Updates.Missed == 1, "missed %d times", s.state.Updates.Missed)
	s.at(due-0.2, "carol", incident.Command{Kind: incident.Update, Text: "It works for some"})
	u := s.state.Updates
	s.expect(u.Missed == 0 && u.Kept == 1, "missed %d times, kept %d times", u.Missed, u.Kept)
	for _, e := range s.state.Timeline {
		s.expect(e.Kind != "missed", "the timeline says that it was missed")
	}
	s.expect(u.Due.Sub(start).Minutes() == 2*due-0.2, "the next one is due at %s", u.Due)
}

// So it is with those that pass while it is overdue: only those before it was given are missed (V3).
func TestV3AnOverdueUpdateThatIsReadLateIsMissedNoMoreOften(t *testing.T) {
	update := incident.Command{Kind: incident.Update, Text: "It works for some"}
	play := func(isLate bool) *story {
		s := critical(t)
		due := s.state.Updates.Due.Sub(start).Minutes()
		s.clock(due - 2).clock(due).clock(due + 6).clock(2 * due) // missed twice
		for _, minute := range []float64{3 * due, 3*due + 1} {
			if !isLate {
				minute = 3*due - 2
			}
			s.clock(minute)
		}
		return s.at(3*due-1, "carol", update)
	}
	inTime, late := play(false), play(true)
	late.expect(late.state.Updates.Missed == 2, "missed %d times", late.state.Updates.Missed)
	want, got := inTime.state, late.state
	late.expect(reflect.DeepEqual(got.Updates, want.Updates), "read late: %+v\nread in time: %+v", got.Updates, want.Updates)
	late.expect(reflect.DeepEqual(got.Timeline, want.Timeline), "read late: %+v\nread in time: %+v", got.Timeline,
		want.Timeline)
}

// That is so, too, where the timeline no longer has the misses before (V3).
func TestV3AMissIsTakenBackAfterMuchElse(t *testing.T) {
	s := critical(t)
	due := s.state.Updates.Due.Sub(start).Minutes()
	s.clock(due).clock(due + 6).clock(2 * due)
	for n := range 30 {
		s.at(2*due+1+float64(n)/10, "alice", incident.Command{Kind: incident.Finding, Text: fmt.Sprintf("Disk %d is full", n)})
	}
	s.expect(!slices.ContainsFunc(s.state.Timeline, func(e incident.Entry) bool { return e.Kind == "missed" }),
		"the timeline has it all: %v", s.state.Timeline)
	s.clock(3*due).at(3*due-1, "carol", incident.Command{Kind: incident.Update, Text: "It works for some"})
	s.expect(s.state.Updates.Missed == 2, "missed %d times", s.state.Updates.Missed)
}

// Whoever is paged because an incident came back answers by what they do then. What they did before,
// and is heard of late, answers nothing: the merge of a pull request (M3).
func TestM3NobodyAnswersBeforeTheyArePaged(t *testing.T) {
	s := critical(t).at(6, "carol", phase(incident.Investigate)).at(8, "alice", cmd(incident.Fix)).
		at(10, "carol", phase(incident.Monitoring)).at(100, "alice", cmd(incident.Regression))
	s.at(99, "carol", incident.DocumentMerged{Number: 7})
	s.fact(incident.Fact{At: start.Add(101 * time.Minute), By: incident.Person{Login: "carol", Respond: true},
		What: incident.ChangedBack{What: incident.ContestCard}})
	s.expect(len(s.state.Summons.People) == 1, "carol has answered by %+v", s.state.Summons)
	s.at(101, "carol", incident.Commented{})
	s.expect(len(s.state.Summons.People) == 0, "carol has not answered: %+v", s.state.Summons)
}
