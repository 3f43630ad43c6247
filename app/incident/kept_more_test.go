package incident_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// The reminder of an update names all customers or, once some have heard, the others (V3).
func TestV3TheReminderNamesWhoHasHeardNothing(t *testing.T) {
	s := untold(t, "globex", "initech").clock(20)
	s.expect(slices.Equal(s.say("update-due").Names, []string{"globex", "initech"}), "names %v", s.say("update-due").Names)
	s = untold(t, "globex", "initech").at(10, "carol", toldBy("globex by phone")).clock(20)
	s.expect(slices.Equal(s.say("update-due").Names, []string{"initech"}), "names %v", s.say("update-due").Names)
}

// Who was reached, and by what not, stays on the card until the next round begins (V3).
func TestV3ARoundOfTellingIsOneList(t *testing.T) {
	s := untold(t, "globex", "initech").at(10, "carol", toldBy("globex by phone")).at(11, "carol", toldBy("initech by phone"))
	s.expect(slices.Equal(s.state.Updates.ReachedBy, []string{"globex: carol", "initech: carol"}), "reached are %v", s.state.Updates.ReachedBy)
	s.at(12, "carol", toldBy("globex by phone"))
	s.expect(slices.Equal(s.state.Updates.ReachedBy, []string{"globex: carol"}), "the next round: %v", s.state.Updates.ReachedBy)

	s = untold(t, "globex", "hooli").at(10, "carol", cmd(incident.Update))
	s.at(11, "", failed("globex", 10, "issue", "email")).at(11, "", failed("hooli", 10, "slack")).at(12, "carol", toldBy("globex by phone"))
	s.expect(slices.Equal(s.state.Updates.Unsent, []string{"hooli: slack"}), "lost are %v", s.state.Updates.Unsent)
}

// Each turn of an alert is in the timeline once, however often it is reported; also that it was
// over when it was first heard of (I6).
func TestI6EachTurnOfAnAlertIsToldOnce(t *testing.T) {
	for _, c := range []struct {
		firing []bool
		want   []string
	}{
		{[]bool{true, true, true}, []string{"fired"}}, {[]bool{false, false}, []string{"recovered", "recovered"}},
		{[]bool{true, false, false, true, true}, []string{"fired", "recovered", "fired"}},
	} {
		s := critical(t)
		count := 0
		for i, firing := range c.firing {
			s.at(6+float64(i), "", incident.Signalled{Source: "Alertmanager", Firing: firing, Count: 1, Report: incident.Report{Mark: fmt.Sprint("r", i), ID: "i", At: minute(6 + float64(i)).Unix()}})
			if firing {
				count++
			}
		}
		var turns []string
		for _, e := range s.state.Timeline {
			if e.Kind == "fired" || e.Kind == "recovered" {
				turns = append(turns, e.Kind)
			}
		}
		s.expect(slices.Equal(turns, c.want) && s.state.Signals.Count == count, "%v: %v, %d counted", c.firing, turns, s.state.Signals.Count)
	}
}

// Who owns the service that is hit is asked for once the incident is critical, unless it is known; where none is named, which it is (X2).
func TestX2TheOwnerIsAskedForOnce(t *testing.T) {
	for _, c := range []struct {
		name string
		read time.Time
		owed bool
	}{{owed: true}, {name: "payments", owed: true}, {name: "payments", read: start}} {
		s := tell(t).fact(opened("alice", "")).at(1, "carol", cmd(incident.TakeIC))
		s.state.Hit = incident.Hit{Name: c.name, Read: c.read}
		s.at(2, "carol", incident.Command{Kind: incident.SetSeverity, Severity: "critical"})
		s.expect(s.state.Hit.Owed == c.owed, "%+v: %+v", c, s.state.Hit)
	}
}

// Of what reported the incidents that were folded into one, each is named once, and few (I3).
func TestI3TheSourcesOfFoldedIncidentsAreFew(t *testing.T) {
	s := tell(t).fact(incident.Fact{ID: "opened", At: start, By: robot, What: incident.Opened{Source: "Email", Summary: true, Signal: true}})
	for i := range 12 {
		f := folded(5+i, 1)
		f.Fold.Sources = []string{"Email", fmt.Sprint("source", i/2)}
		s.at(2, "", f)
	}
	s.expect(fmt.Sprint(s.state.ReportedBy()) == "[Email source0 source1 source2 source3 source4 source5]", "%v", s.state.ReportedBy())
	for i := range 6 {
		f := folded(25+i, 1)
		f.Fold.Sources = []string{fmt.Sprint("more", i)}
		s.at(3, "", f)
	}
	s.expect(fmt.Sprint(s.state.Sources) == "[source0 source1 source2 source3 source4 source5 more0 more1]", "%v", s.state.Sources)
}

// changes asks for what changed before the start; the answer lists these.
func listed(refs ...string) incident.ChangesListed {
	w := incident.ChangesListed{From: start.Add(-time.Hour), Seen: 40}
	for _, ref := range refs {
		w.Suspects = append(w.Suspects, incident.Suspect{Ref: ref})
	}
	return w
}

func owedChanges(s *story) *incident.ListChanges {
	for _, e := range incident.OwedChanges(s.state, s.policy) {
		l := e.(incident.ListChanges)
		return &l
	}
	return nil
}

// Changes are looked for from when somebody says, else as far back as the policy says, and always
// until the start; what came after it is not the cause (X1).
func TestX1FromWhenChangesAreLookedFor(t *testing.T) {
	began := minute(-30)
	look := func(c incident.Command) incident.Command { c.Kind = incident.FindChanges; return c }
	for _, c := range []struct {
		command incident.Command
		from    time.Time // zero: it asks
	}{
		{look(incident.Command{}), began.Add(-incident.DefaultPolicy().Changes.LookBack)},
		{look(incident.Command{After: 3 * time.Hour}), began.Add(-3 * time.Hour)},
	} {
		s := critical(t)
		s.state.Began, s.state.Changes = began, incident.Changes{}
		s.expect(owedChanges(s) == nil, "it is looked for unasked")
		s.at(10, "carol", c.command).expectReaction(incident.Done).expectSays()
		l := owedChanges(s)
		s.expect(l != nil && l.From.Equal(c.from) && l.Until.Equal(began), "%+v: %+v", c.command, l)
		s.state.Began = minute(-24 * 60) // moved before what was asked for
		if l = owedChanges(s); c.command.After > 0 {
			s.expect(l.From.Equal(s.state.Began.Add(-s.policy.Changes.LookBack)) && l.Until.Equal(s.state.Began), "moved: %+v", l)
		}
	}
}

// The list shows five at most; nobody is told of nothing, unless they asked or read of some before (X1).
func TestX1WhatTheListOfChangesSays(t *testing.T) {
	quiet := func() *story {
		s := critical(t)
		s.state.Changes = incident.Changes{}
		return s
	}
	s := quiet().at(7, "", listed("a", "b", "c", "d", "e", "f")).expectSays("changes")
	s.expect(len(s.state.Changes.Suspects) == incident.MostSuspects && s.say("changes").Count == 40, "%+v", s.state.Changes)
	quiet().at(7, "", listed()).expectSays()
	s = quiet().at(7, "carol", incident.Command{Kind: incident.FindChanges}).at(8, "", listed()).expectSays("changes")
	s.at(9, "", listed()).expectSays()
	s.state.Said = map[string]int64{"changes": 7}
	s.at(10, "", listed()).expectSays("changes")

	s = quiet().at(7, "", listed("acme/a#1", "acme/b#2"))
	s.at(8, "alice", incident.Command{Kind: incident.ClearChange, Names: []string{"Acme/A#1"}, Text: "acme/a#1 is not the cause: rolled back"})
	s.expect(len(s.state.Changes.Suspects) == 1 && s.state.Changes.Suspects[0].Ref == "acme/b#2" && s.state.Findings == 1, "%+v", s.state.Changes)
	s.expect(owedChanges(s) != nil && slices.Equal(owedChanges(s).Cleared, []string{"Acme/A#1"}), "the list is not made again: %+v", owedChanges(s))
	s.at(9, "alice", incident.Command{Kind: incident.ClearChange, Names: []string{"acme/a#1"}, Text: "again"})
	s.expect(len(s.state.Changes.Cleared) == 1, "it is cleared twice: %v", s.state.Changes.Cleared)
	s = quiet().at(8, "alice", incident.Command{Kind: incident.ClearChange, Names: []string{"acme/a#1"}, Text: "no"})
	s.expect(owedChanges(s) == nil, "a list that nobody has is made again")
}

// Another start makes the list again where it could be another: a later one, or where it showed some (X1).
func TestX1AnotherStartMakesTheListAgain(t *testing.T) {
	for _, c := range []struct {
		isRead, hasSuspects, isLater, again bool
	}{{}, {isLater: true}, {isRead: true}, {isRead: true, isLater: true, again: true}, {isRead: true, hasSuspects: true, again: true}} {
		s := critical(t)
		s.state.Began, s.state.Changes = minute(-30), incident.Changes{}
		if c.isRead {
			s.state.Changes.Read = minute(6)
		}
		if c.hasSuspects {
			s.state.Changes.Suspects = []incident.Suspect{{Ref: "acme/a#1"}}
		}
		m := 0
		if c.isLater {
			m = 20
		}
		when := incident.NewMoment(incident.Moment{Said: "it", Hour: 10, Minute: m})
		s.at(10, "carol", incident.Command{Kind: incident.Started, Entries: []incident.Line{{When: when}}})
		s.expect(s.state.Changes.Owed == c.again, "%+v: %+v, began %s, says %v", c, s.state.Changes, s.state.Began, s.says())
	}
}

// Production is what the configuration names or, without it, what is called so (X1).
func TestX1WhatIsProduction(t *testing.T) {
	for environment, want := range map[string]bool{"production": true, "Prod-EU": true, "live/eu": true, "prd_1": true, "prod 2": true, "staging": false, "preprod": false, "": false, "staging-live": false} {
		if got := (incident.ChangeRules{}).IsProduction(environment); got != want {
			t.Errorf("%q: %t", environment, got)
		}
		if (incident.ChangeRules{Environments: []string{"green"}}).IsProduction(environment) {
			t.Errorf("%q is taken for green", environment)
		}
	}
}

// A customer's issue that GitHub had refused gets the update after all: whoever had heard nothing
// has heard it then, and nobody is asked for another (V3, A8).
func TestV3A8AnUpdateThatIsSharedAfterAllCounts(t *testing.T) {
	after := func(at float64) incident.SharedAfterAll {
		return incident.SharedAfterAll{Customer: "globex", Channel: "issue", Update: minute(at)}
	}
	s := untold(t, "globex").at(10, "carol", cmd(incident.Update)).at(11, "", failed("globex", 10, "issue", "email"))
	s.expect(slices.Equal(s.state.Unheard(), []string{"globex"}) && len(s.state.Updates.Unsent) == 2, "%+v", s.state.Updates)
	s.expectUpdates(0, 0, 0, 20).at(13, "", after(10)).expectSays("update-shared")
	s.expect(len(s.state.Unheard()) == 0 && slices.Equal(s.state.Updates.Unsent, []string{"globex: email"}) && slices.Contains(s.state.Updates.ReachedBy, "globex: issue"), "%+v", s.state.Updates)
	s.expectUpdates(1, 0, 13, 33)

	s = untold(t, "globex", "hooli").at(10, "carol", cmd(incident.Update)).at(11, "", failed("globex", 10, "issue", "email")).at(11, "", failed("hooli", 10, "slack"))
	s.at(13, "", after(10)).expectUpdates(0, 0, 0, 20)
	s.expect(slices.Equal(s.state.Unheard(), []string{"hooli"}), "unheard are %v", s.state.Unheard())

	s = untold(t, "globex").at(10, "carol", cmd(incident.Update)).at(11, "", failed("globex", 10, "issue")).at(12, "carol", cmd(incident.Update))
	s.at(13, "", after(10)).expectSays("update-shared").expectUpdates(2, 0, 12, 32)
	s.expect(!slices.Contains(s.state.Updates.ReachedBy[1:], "globex: issue") && len(s.state.Updates.Unsent) == 0, "an older update is on the card: %+v", s.state.Updates)
	_, owed := s.state.Updates.OwedTo("globex", "issue")
	s.expect(!owed, "it is owed still")
}

// Once somebody is impacted after all, the 20 minutes begin: in a P1 that is worked on (V3).
func TestV3TheClockBeginsWithTheFirstCustomer(t *testing.T) {
	for _, phase := range incident.Phases {
		for _, severity := range []string{"critical", "regular"} {
			s := tell(t).fact(opened("alice", severity)).at(1, "carol", cmd(incident.TakeIC)).at(2, "carol", incident.Command{Kind: incident.AddCustomer, None: true})
			s.expect(s.state.NoCustomer && s.state.Updates.Due.IsZero(), "without customers an update is due at %s", s.state.Updates.Due)
			s.state.Phase = phase
			s.at(10, "carol", customer(incident.AddCustomer, "globex"))
			isWorkedOn := phase != incident.Monitoring && phase != incident.Closing
			s.expect(s.state.Updates.Due.Equal(minute(30)) == (isWorkedOn && severity == "critical") && !s.state.NoCustomer, "%s in %s: an update is due at %s", severity, phase, s.state.Updates.Due)
		}
	}
}
