package incident_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

func duplicateOf(n int, other *incident.Other) incident.Command {
	return incident.Command{Kind: incident.Duplicate, Number: n, Other: other}
}

// passed lists what the last fact leaves to other incidents.
func (s *story) passed() (out []incident.PassFold) {
	for _, e := range s.effects {
		if p, ok := e.(incident.PassFold); ok {
			out = append(out, p)
		}
	}
	return out
}

func TestI3AWrongOtherIncidentIsRefused(t *testing.T) {
	for _, why := range []string{incident.OtherSelf, incident.OtherElsewhere, incident.OtherPull, incident.OtherMissing, incident.OtherNoIncident, incident.OtherDeclined, incident.OtherDuplicate, incident.OtherFoldedHere, incident.OtherWasRefused} {
		t.Run(why, func(t *testing.T) {
			s := tell(t).fact(opened("alice", "regular")).at(1, "alice", duplicateOf(4, &incident.Other{Why: why})).expectSays("duplicate-refused")
			s.expect(s.state.Outcome == "" && s.state.Closed == nil && len(s.passed()) == 0, "it ended as %q", s.state.Outcome)
		})
	}
	s := tell(t).fact(opened("alice", "regular")).at(1, "alice", duplicateOf(4, &incident.Other{Why: incident.OtherDuplicate, Into: 2}))
	for _, e := range s.effects {
		if r, ok := e.(incident.Reply); ok && r.Say.Command != "/incident duplicate #2" {
			t.Errorf("proposes %q", r.Say.Command)
		}
	}
}

func folded(from, into int, customers ...string) incident.FoldedIn {
	return incident.FoldedIn{Fold: incident.Fold{From: from, Fact: "c9.0", By: "bob", At: start.Add(time.Minute), Customers: customers, Sources: []string{"Alertmanager"}},
		Ref: fmt.Sprintf("acme/incidents#%d", from), Into: into}
}

func TestI3TheOtherIncidentGetsCustomersAndSources(t *testing.T) {
	s := tell(t).fact(opened("alice", "critical")).at(2, "", folded(5, 1, "Globex", "initech")).expectSays("folded")
	s.expect(slices.Equal(s.state.Customers, []string{"globex", "initech"}) && slices.Equal(s.state.Sources, []string{"Alertmanager"}), "customers %v, sources %v", s.state.Customers, s.state.Sources)
	s.expect(slices.ContainsFunc(s.state.Timeline, func(e incident.Entry) bool { return e.Kind == "folded" && e.What == "#5" && e.By == "bob" }), "the timeline says %v", s.state.Timeline)
	entries := s.state.Entries
	s.at(3, "", folded(5, 1, "Globex", "initech")).expectSays()
	s.expect(s.state.Entries == entries, "the same again is told again")
}

// TestI3DuplicatesOfEachOtherLeaveTheOldest holds what becomes of two incidents that people fold
// into each other at the same time.
func TestI3DuplicatesOfEachOtherLeaveTheOldest(t *testing.T) {
	older := tell(t).fact(opened("alice", "critical")).at(1, "alice", duplicateOf(5, nil)).at(2, "", folded(5, 1, "initech"))
	older.expect(older.state.Running() && len(older.passed()) == 0 && naming.Contains(older.state.Customers, "initech"), "the older one: %+v, %v", older.state.Outcome, older.state.Customers)
	newer := tell(t).fact(opened("alice", "critical")).at(1, "alice", duplicateOf(1, nil)).at(2, "", folded(1, 5, "initech"))
	newer.expect(!newer.state.Running() && len(newer.passed()) == 0, "the newer one runs again")
}

// TestI3AFoldGoesWhereItsIncidentWent holds that what comes to an incident which was folded itself
// goes on, and never in circles.
func TestI3AFoldGoesWhereItsIncidentWent(t *testing.T) {
	s := tell(t).fact(opened("alice", "critical")).at(1, "alice", duplicateOf(2, nil)).at(2, "", folded(7, 5, "initech"))
	on := s.passed()
	if len(on) != 1 || on[0].Into != 2 || on[0].Fold.From != 7 || on[0].Fold.Hops != 1 || on[0].Fold.Lowest != 5 {
		t.Fatalf("passed on: %+v", on)
	}
	far := folded(7, 5)
	far.Hops = 8
	s.at(3, "", far).expect(len(s.passed()) == 0, "passed on for ever")
	back := folded(5, 5)
	back.Lowest = 5
	s.at(4, "", back).expectSays("folded").expect(s.state.Running(), "all of a circle are closed")
}

func TestA5AFoldIsReadBackFromItsComment(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.StringMatching(`[A-Za-z0-9 ,/%é_-]{1,30}`)
		f := folded(rapid.IntRange(2, 1e6).Draw(rt, "from"), 1)
		f.By, f.Customers, f.Sources = "bob", rapid.SliceOfN(name, 0, 5).Draw(rt, "customers"), rapid.SliceOfN(name, 0, 3).Draw(rt, "sources")
		s := tell(t).fact(opened("alice", "critical")).at(2, "", f)
		var key string
		for _, e := range s.effects {
			if r, ok := e.(incident.Remind); ok {
				key = r.Key
			}
		}
		got, ok := incident.ParseFold(key)
		if !ok || strings.ContainsAny(key, " \n") || fmt.Sprint(got) != fmt.Sprint(f.Fold) {
			rt.Fatalf("%q reads back as %+v, want %+v", key, got, f.Fold)
		}
	})
	for _, key := range []string{"", "folded", "folded/x/c1.0/1/bob//", "folded/0/c1.0/1/bob//", "folded/5//1/bob//", "folded/5/c1.0/x/bob//", "folded/5/c1.0/1/bob/%zz/"} {
		if f, ok := incident.ParseFold(key); ok {
			t.Errorf("%q reads as %+v", key, f)
		}
	}
}

func TestC4AFollowUpChangesAfterTheFact(t *testing.T) {
	change := func(n int, owner, due string) incident.Command {
		c := incident.Command{Kind: incident.AddFollowUp, Number: n, Due: due}
		if owner != "" {
			c.Logins = []string{owner}
		}
		return c
	}
	s := closedUp(t)
	s.at(20, "carol", change(1, "bob", "2026-03-27")).expectSays()
	fu := s.state.FollowUps[0]
	s.expect(fu.Owner == "bob" && fu.Due == "2026-03-27" && fu.Next.Format(time.DateOnly) == "2026-03-25", "%+v", fu)
	change1 := incident.Effect(incident.ChangeTicket{Index: 0, Was: "erin"})
	s.expect(slices.Contains(incident.Pending(s.state), change1), "the ticket stays as it is: %+v", incident.Pending(s.state))
	s.at(20, "", incident.TicketUpToDate{Index: 0})
	s.at(21, "carol", change(1, "bob", "2026-03-27"))
	s.expect(!slices.Contains(incident.Pending(s.state), incident.Effect(incident.ChangeTicket{Index: 0})), "the same again changes the ticket")
	s.at(22, "carol", change(3, "bob", "")).expectSays("follow-up-unknown")
	s.at(23, "carol", change(1, "", "")).expectSays("follow-up-change")
	s.at(24, "carol", change(1, "", "2126-01-01")).expectSays("due-unlikely")
	s.at(25, "carol", change(1, "", "2026-03-01")).expectSays("due-unlikely")
	s.at(26, "carol", change(1, "", "+1w")).expect(s.state.FollowUps[0].Due == "2026-03-09", "due %s", s.state.FollowUps[0].Due)
	byTicket := change(1, "erin", "")
	byTicket.Repo = "Acme/payments"
	s.at(27, "carol", byTicket).expect(s.state.FollowUps[0].Owner == "erin", "by its ticket: %+v", s.state.FollowUps[0])
	refused := change(1, "mallory", "")
	refused.Cannot = []string{"mallory"}
	s.at(28, "carol", refused).expectSays("cannot-respond")
	s.at(29, "", incident.FollowUpEdited{Index: 0, Owner: "bob", Due: "none", Read: start.Add(29 * time.Minute)}).expectSays("follow-up-edited")
	s.expect(s.state.FollowUps[0].Owner == "bob" && s.state.FollowUps[0].Due == "" && s.state.FollowUps[0].Next.IsZero(), "%+v", s.state.FollowUps[0])
}
