package incident_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// oddDays are dates that people have written, and those that an old card may hold.
var oddDays = []string{"0000-01-01", "0001-01-01", "1677-09-21", "1970-01-01", "2026-03-02", "2026-03-03", "2028-03-02", "2028-03-03", "2262-04-11", "2262-04-12",
	"2926-01-01", "9999-12-31", "none", "2026-02-30", "soon", "99999-01-01", "-001-01-01"}

// after plays an incident with the date in its state over some years, look by look, and returns how
// many looks and effects that took.
func after(t *testing.T, s incident.State, p incident.Policy, until time.Time) (looks, effects int) {
	t.Helper()
	for {
		due := incident.Due(s, p)
		if due.IsZero() || due.After(until) {
			return looks, effects
		}
		var out []incident.Effect
		s, out = incident.Step(s, incident.Fact{At: due, What: incident.Clock{}}, p)
		looks, effects = looks+1, effects+len(out)
		if next := incident.Due(s, p); !next.IsZero() && !next.After(due) {
			t.Fatalf("the look at %s asks for another at %s", due, next)
		}
		if looks > 1000 {
			t.Fatal("it does not end")
		}
	}
}

// Whatever date a follow-up has, in a card of any age, looking ends: reminders come once a week,
// and nothing is due at once again.
func TestAnyDateOfAFollowUpEnds(t *testing.T) {
	for _, day := range oddDays {
		for _, zone := range []string{"UTC", "Europe/Berlin", "Pacific/Kiritimati", "America/New_York"} {
			s := closedUp(t)
			place, err := time.LoadLocation(zone)
			if err != nil {
				t.Fatal(err)
			}
			s.policy.Zone = place
			closed := start.Add(10 * time.Minute)
			for i := range s.state.FollowUps {
				s.state.FollowUps[i].Due = day
				s.state.FollowUps[i].Ticket = fmt.Sprintf("acme/payments#%d", i+1)
			}
			// Opening a ticket, and a change of its date, set when it is reminded of.
			for i := range s.state.FollowUps {
				s.fact(incident.Fact{At: closed.Add(48 * time.Hour), What: incident.TicketOpened{Index: i, Ticket: fmt.Sprintf("acme/payments#%d", i+1)}})
				s.fact(incident.Fact{At: closed.Add(49 * time.Hour), What: incident.FollowUpEdited{Index: i, Due: day, Read: closed.Add(49 * time.Hour)}})
			}
			if looks, effects := after(t, s.state, s.policy, start.AddDate(3, 0, 0)); looks > 500 || effects > 500 {
				t.Errorf("%q in %s: %d looks and %d effects in three years", day, zone, looks, effects)
			}
		}
	}
}

// A command asks about a date that is over, isn't one, or is more than two years off, and takes every other.
func TestADateThatCannotBeMeantIsAskedAbout(t *testing.T) {
	for _, day := range oddDays {
		s := tell(t).fact(opened("alice", "critical")).at(1, "carol", cmd(incident.TakeIC))
		s.at(2, "carol", incident.Command{Kind: incident.AddFollowUp, Repo: "acme/payments", Text: "test the fallback", Logins: []string{"carol"}, Due: day})
		problem := incident.DueProblem(day, start, nil)
		isTaken := len(s.state.FollowUps) == 1
		if isTaken != (problem == "" || day == "") {
			t.Errorf("%q (%s) is taken: %t, and it says %v", day, problem, isTaken, s.says())
		}
	}
}

// A clock that jumps, by years or by centuries, or that goes back, is done with after a bounded
// number of steps.
func TestAClockThatJumpsEnds(t *testing.T) {
	for _, at := range []time.Time{start.Add(-time.Hour), {}, start.AddDate(1, 0, 0), start.AddDate(300, 0, 0), start.AddDate(900, 0, 0), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		time.Unix(1<<62, 0), time.Unix(-1<<62, 0)} {
		s := tell(t).fact(opened("alice", "critical")).at(1, "carol", cmd(incident.TakeIC)).at(2, "carol", incident.Command{Kind: incident.SetSeverity, Severity: "critical"})
		s.fact(incident.Fact{At: at, What: incident.Clock{}})
		if n := len(s.effects); n > 20_000 {
			t.Errorf("%s: %d effects", at, n)
		}
		if due := incident.Due(s.state, s.policy); !due.IsZero() && due.Before(at) {
			t.Errorf("%s: %s is due still", at, due)
		}
	}
}
