package incident_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// A fact about a follow-up that the card does not hold any more changes nothing, and stops nothing (C4).
func TestC4WhatIsSaidOfNoFollowUpChangesNothing(t *testing.T) {
	for _, index := range []int{-1, 1, 2} {
		for _, what := range []any{incident.TicketChanged{Index: index, Done: true, Owner: "zoe"}, incident.FollowUpEdited{Index: index, Owner: "zoe"},
			incident.TicketOpened{Index: index, Ticket: "acme/payments#9"}, incident.TicketMoved{Index: index, Ticket: "acme/payments#9"}, incident.TicketUpToDate{Index: index}} {
			s := closedUp(t).at(12, "", what)
			f := s.state.FollowUps
			s.expect(len(f) == 1 && !f[0].Done && f[0].Owner == "erin" && f[0].Ticket == "acme/payments#1", "%T at %d: %+v", what, index, f)
		}
	}
}

// A ticket that changes hands twice before GitHub has it is taken from whoever it is assigned to
// there, and not from the one in between (C4).
func TestC4ATicketIsTakenFromWhomGitHubHas(t *testing.T) {
	hand := func(login, due string) incident.FollowUpEdited {
		return incident.FollowUpEdited{Index: 0, Owner: login, Due: due, Read: minute(12)}
	}
	was := func(s *story) []string {
		var all []string
		for _, e := range incident.Pending(s.state) {
			if c, ok := e.(incident.ChangeTicket); ok {
				all = append(all, c.Was)
			}
		}
		return all
	}
	s := closedUp(t).at(12, "", hand("frank", "")).at(13, "", hand("gil", ""))
	s.expect(slices.Equal(was(s), []string{"erin"}), "it is taken from %q", was(s))
	s = closedUp(t).at(12, "", hand("", "2026-03-20"))
	s.expect(slices.Equal(was(s), []string{""}), "a new date takes it from %q", was(s))
	s.at(13, "", hand("frank", ""))
	s.expect(slices.Equal(was(s), []string{"erin"}), "after a new date it is taken from %q", was(s))
}

// While GitHub does not say who somebody is, those count who have a role, or declared it and may respond.
func TestI4WhoHasARole(t *testing.T) {
	for _, c := range []struct {
		ic, declared string
		oes          []string
		responder    bool
		want         string
	}{
		{ic: "carol", want: "carol"}, {ic: "carol", oes: []string{"alice", "bob"}, want: "alice bob carol"}, {oes: []string{"Alice"}, want: "alice"},
		{declared: "dan", responder: true, want: "dan"}, {declared: "dan"}, {declared: "dan", responder: true, ic: "carol", want: "carol"},
	} {
		var s incident.State
		s.IC, s.OEs, s.Responder = c.ic, c.oes, c.responder
		if c.declared != "" {
			s.Declared = &incident.Stamp{By: c.declared}
		}
		var has []string
		for _, login := range []string{"", "alice", "bob", "carol", "dan"} {
			if s.HasRole(login) {
				has = append(has, login)
			}
		}
		if got := fmt.Sprint(has); got != "["+c.want+"]" {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// `/ic told Ann` means the customer whose contact Ann is; of two of that name it means neither, and
// two letters are no name (V3).
func TestV3TheNameOfAContactMeansTheCustomer(t *testing.T) {
	for how, want := range map[string][]string{"Ann by phone": {"globex"}, "ann": {"globex"}, "Jo by phone": nil, "Hugo by phone": nil} {
		s := untold(t, "globex", "initech")
		s.policy.Customers[0].Contacts = []string{"Ann, +49 1", "Jo, +49 3", "Hugo, +49 4"}
		s.policy.Customers[1].Contacts = []string{"Hugo, +49 5"}
		s.at(10, "carol", toldBy(how))
		var heard []string
		for _, h := range s.state.Updates.Heard {
			heard = append(heard, h.Customer)
		}
		s.expect(slices.Equal(heard, want), "%q: %q have heard, and it says %v", how, heard, s.says())
	}
}

// An update that comes at the last moment is in time, and one that was overdue already is not (V3).
func TestV3AnUpdateIsInTimeUntilItIsDue(t *testing.T) {
	for _, c := range []struct {
		at        float64
		isOverdue bool
		kept      int
	}{{at: 19.9, kept: 1}, {at: 20, kept: 1}, {at: 20.1}, {at: 19.9, isOverdue: true}} {
		s := untold(t, "globex")
		s.state.Updates.Overdue = c.isOverdue
		s.at(c.at, "carol", toldBy("globex by phone"))
		s.expect(s.state.Updates.Kept == c.kept, "told at %v, overdue: %t: %d kept", c.at, c.isOverdue, s.state.Updates.Kept)
	}
}

// Who has a role ends a drill by its label, and from then on people are paged; nobody else does, and
// no other label (A6).
func TestA6WhoEndsADrillByItsLabel(t *testing.T) {
	for _, c := range []struct {
		by, label string
		ends      bool
	}{{"alice", "drill", true}, {"alice", "Drill", true}, {"bob", "drill", false}, {"mallory", "drill", false}, {"alice", "bug", false}, {"mallory", "bug", false}} {
		s := critical(t)
		s.state.Drill, s.state.IC = true, ""
		paged := len(s.pages())
		s.at(8, c.by, incident.Unlabeled{Name: c.label})
		s.expect(s.state.Drill != c.ends && (len(s.pages()) > paged) == c.ends, "%+v: drill is %t, pages %v", c, s.state.Drill, s.pages())
	}
	s := critical(t)
	s.state.IC = ""
	paged := len(s.pages())
	s.at(8, "alice", incident.Unlabeled{Name: "drill"})
	s.expect(len(s.pages()) == paged && !s.state.Drill, "what was no drill pages %v", s.pages())
}

// Of the customers that the sender of a report may belong to three are proposed, and none that is
// impacted already or not configured (I1).
func TestI1ThreeCustomersAreProposed(t *testing.T) {
	p := incident.DefaultPolicy()
	for _, name := range []string{"globex", "initech", "hooli", "umbrella"} {
		p.Customers = append(p.Customers, incident.Customer{Name: name})
	}
	for _, c := range []struct{ proposed, customers, want []string }{
		{proposed: []string{"globex", "initech", "hooli", "umbrella"}, want: []string{"globex", "initech", "hooli"}},
		{proposed: []string{"Globex", "initech", "unknown"}, customers: []string{"initech"}, want: []string{"globex"}}, {},
	} {
		s := &story{t: t, policy: p}
		s.fact(incident.Fact{ID: "opened", At: start, By: robot, What: incident.Opened{Source: "Email", Summary: true, Signal: true, Customers: c.customers, Proposed: c.proposed}})
		s.expect(slices.Equal(s.state.Proposed, c.want), "%+v: proposed are %v", c, s.state.Proposed)
		want := "/ic customer add NAME"
		if len(c.want) > 0 {
			want = "/ic customer add globex"
			for _, n := range c.want[1:] {
				want += ", " + n
			}
		}
		s.expect(s.state.ProposeCustomers() == want, "proposes %s", s.state.ProposeCustomers())
	}
}

// The next page is that of the escalation, of the vacant role or of those who were asked for,
// whichever comes first; a drill and an escalation that ended page for no role (I5).
func TestI5WhenTheNextPageIs(t *testing.T) {
	for _, c := range []struct {
		paging, role, summons float64
		open                  string
		drill, gaveUp         bool
		phase                 incident.Phase
		want                  float64
	}{
		{}, {paging: 5, want: 5}, {role: 7, open: "ic", want: 7}, {role: 7, open: "oe"}, {summons: 9, want: 9}, {paging: 5, role: 7, open: "ic", summons: 9, want: 5},
		{paging: 8, role: 7, open: "ic", summons: 9, want: 7}, {paging: 8, role: 7, open: "ic", summons: 6, want: 6}, {paging: 8, role: 7, open: "oe", want: 8},
		{role: 7, open: "ic", drill: true}, {role: 7, open: "ic", gaveUp: true}, {paging: 5, phase: incident.Closing}, {paging: 5, phase: incident.Closing, summons: 9, want: 9},
	} {
		at := func(n float64) time.Time {
			if n == 0 {
				return time.Time{}
			}
			return minute(n)
		}
		var s incident.State
		s.Phase, s.Drill = c.phase, c.drill
		s.Paging.Next, s.Paging.GaveUp, s.Asked.Role, s.Asked.Open, s.Summons.Due = at(c.paging), c.gaveUp, at(c.role), c.open, at(c.summons)
		if got := s.NextEscalation(); !got.Equal(at(c.want)) {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// Back from Monitoring and from Closing the work goes on: no stand-by any more, no agreement, and
// the customers are told again every 20 minutes (M3, C1).
func TestM3BackToWorkTheClocksRun(t *testing.T) {
	for _, from := range []incident.Phase{incident.Monitoring, incident.Closing} {
		s := critical(t).at(6, "alice", cmd(incident.Fix)).at(7, "carol", phase(incident.Monitoring)).at(8, "carol", cmd(incident.Agree))
		if from == incident.Closing {
			s.at(9, "carol", because(incident.Closing))
		}
		s.expect(s.state.Phase == from && s.state.Updates.Due.IsZero(), "it is in %s, and an update is due at %s", s.state.Phase, s.state.Updates.Due)
		s.at(10, "carol", because(incident.Investigate))
		s.expect(s.state.StandBy == incident.StandBy{} && s.state.Agreed == nil, "from %s it keeps %+v, %+v", from, s.state.StandBy, s.state.Agreed)
		s.expect(s.state.Updates.Due.Equal(minute(30)), "from %s an update is due at %s", from, s.state.Updates.Due)
	}
	s := critical(t).at(10, "carol", because(incident.Fixing))
	s.expect(s.state.Updates.Due.Equal(start.Add(20*time.Minute)), "a phase further the wait begins anew: %s", s.state.Updates.Due)
}

// The customers get their version of the merged postmortem, unless there are none or it is a drill (C3).
func TestC3WhoGetsTheirVersion(t *testing.T) {
	for _, c := range []struct {
		drill     bool
		customers []string
		owed      bool
	}{{customers: []string{"globex"}, owed: true}, {}, {drill: true, customers: []string{"globex"}}} {
		s := closedUp(t)
		s.state.Drill, s.state.Customers = c.drill, c.customers
		s.at(12, "bob", incident.DocumentMerged{Number: 5})
		s.expect(s.state.Document.Merged == nil, "another pull request counts")
		s.at(13, "bob", incident.DocumentMerged{Number: 4}).expectSays("merged")
		s.expect(s.state.Document.Owed == c.owed && (pending[incident.AnnounceDocument](s) == 1) == c.owed && s.state.Document.Unchecked != c.drill, "%+v: %+v", c, s.state.Document)
		s.at(14, "bob", incident.DocumentMerged{Number: 4}).expectSays()
	}
}

// What is missing of a merged postmortem is a ticket at once, also where it could be read only after
// somebody reopened the incident (C3, A4).
func TestC3UnwrittenPartsAreTicketsThoughItIsReopened(t *testing.T) {
	s := closedUp(t).at(12, "bob", incident.DocumentMerged{Number: 4}).at(13, "bob", incident.Reopened{})
	before := pending[incident.OpenTicket](s)
	s.at(14, "", incident.MergedChecked{Unfilled: []string{"Root cause", "Detection"}})
	s.expect(pending[incident.OpenTicket](s) == before+2, "pending is %v", incident.Pending(s.state))
}

// What nobody has written of a merged postmortem becomes follow-ups, five at most, of those who had the roles in turn (C3).
func TestC3UnwrittenPartsBecomeFollowUps(t *testing.T) {
	for _, c := range []struct {
		parts, sections, owners []string
		key                     string
	}{
		{parts: []string{"Root cause"}, sections: []string{"Root cause"}, owners: []string{"carol"}, key: "unfilled/Root%20cause"},
		{parts: []string{"A", "B", "C", "D", "E"}, sections: []string{"A", "B", "C", "D", "E"}, owners: []string{"carol", "alice", "carol", "alice", "carol"}, key: "unfilled/A,B,C,D,E"},
		{parts: []string{"A", "B", "C", "D", "E", "F"}, sections: []string{"A", "B", "C", "D", "E, F"}, owners: []string{"carol", "alice", "carol", "alice", "carol"}, key: "unfilled/A,B,C,D,E%2C%20F"},
		{},
	} {
		s := closedUp(t).at(12, "bob", incident.DocumentMerged{Number: 4}).at(60, "", incident.MergedChecked{Unfilled: c.parts})
		var sections, owners []string
		for _, f := range s.state.FollowUps[1:] {
			sections, owners = append(sections, f.Section), append(owners, f.Owner)
			s.expect(f.By == "bob" && f.At.Equal(minute(12)), "%s is of %+v", f.Section, f.Stamp)
		}
		s.expect(slices.Equal(sections, c.sections) && slices.Equal(owners, c.owners) && !s.state.Document.Unchecked, "%v: %v of %v", c.parts, sections, owners)
		for _, e := range s.effects {
			if r, ok := e.(incident.Remind); ok && r.Say.Name == "unfilled" {
				read, ok := incident.ParseMergedChecked(r.Key)
				s.expect(r.Key == c.key && ok && slices.Equal(read.Unfilled, c.sections), "%v: %s is read as %v", c.parts, r.Key, read)
			}
		}
		if len(c.parts) > 0 {
			s.at(61, "", incident.MergedChecked{Unfilled: c.parts}).expectSays()
			s.expect(len(s.state.FollowUps) == 1+len(c.sections), "they are there twice")
		}
	}
	for _, key := range []string{"", "filled/A", "unfilled/%zz"} {
		if _, ok := incident.ParseMergedChecked(key); ok {
			t.Errorf("%q is taken", key)
		}
	}
}

// What a comment says of news is read back, and what is nearly that is not (I6).
func TestI6WhatIsNoNewsIsNotRead(t *testing.T) {
	good := "news/a.b.1/1772447000/critical/page/m1,m2/Alertmanager"
	l, ok := incident.ParseNews(good)
	if !ok || l.At != 1772447000 || l.Severity != "critical" || !l.Page || l.Paged || !slices.Equal(l.Marks, []string{"m1", "m2"}) || l.Source != "Alertmanager" {
		t.Errorf("%+v, %t", l, ok)
	}
	for _, bad := range []string{"", "news/a.b.1/1772447000/critical/page/m1", "olds/a.b.1/1772447000/critical/page/m1/A", "news/a.b.1/noon/critical/page/m1/A", "news/a.b.1/1772447000/critical/page/m1/%zz"} {
		if _, ok := incident.ParseNews(bad); ok {
			t.Errorf("%q is taken", bad)
		}
	}
}
