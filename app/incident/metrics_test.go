package incident_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

func minutes(m float64) time.Duration { return time.Duration(m * float64(time.Minute)) }

// measured holds times, in minutes, and counts of a story against what is wanted; a time that is
// not named must not be known, unless it is a phase's or a silence's.
func (s *story) measured(times map[incident.Figure]float64, counts map[incident.Figure]int) {
	s.t.Helper()
	m := incident.Measure(s.state, start.Add(-minutes(2)), s.state.Since.At.AddDate(1, 0, 0))
	for _, d := range incident.Definitions {
		got, known := m.Times[d.Figure]
		want, wanted := times[d.Figure]
		switch {
		case !d.IsTime():
			if n, named := counts[d.Figure]; named && m.Counts[d.Figure] != n {
				s.t.Errorf("%s: %d, want %d", d.Figure, m.Counts[d.Figure], n)
			}
		case wanted && (!known || got != minutes(want)):
			s.t.Errorf("%s: %v (known: %v), want %v", d.Figure, got, known, minutes(want))
		case !wanted && known && d.Phase == "" && d.Figure != incident.LongestSilence:
			s.t.Errorf("%s: %v, want it unknown", d.Figure, got)
		}
	}
}

type figures = map[incident.Figure]float64
type counts = map[incident.Figure]int

func TestFiguresOfAnIncidentFromStartToEnd(t *testing.T) {
	s := critical(t) // declared by alice, who may respond; carol takes IC after 5 minutes
	s.measured(figures{incident.ToDeclare: 2, incident.ToAcknowledge: 5, incident.ToConfirm: 0, incident.ToTeam: 5}, nil)
	s.at(10, "carol", phase(incident.Investigate)).at(15, "carol", incident.Command{Kind: incident.Update, Text: "we look"})
	s.at(40, "alice", cmd(incident.Cause)).at(41, "carol", phase(incident.Fixing))
	s.at(50, "alice", cmd(incident.Workaround)).at(52, "carol", phase(incident.Monitoring))
	s.at(55, "alice", incident.Command{Kind: incident.AddFollowUp, Text: "replace it", Due: "2026-03-05"})
	s.at(1500, "carol", cmd(incident.Agree)).at(1510, "carol", cmd(incident.Close))
	for i := range s.state.FollowUps {
		s.at(1511, "", incident.TicketOpened{Index: i, Ticket: "acme/incidents#9"})
	}
	s.at(1511, "", incident.DocumentOpened{Number: 7}).at(1710, "carol", incident.DocumentMerged{Number: 7})
	s.expect(s.state.Closed != nil, "it is not closed")
	want := figures{
		incident.ToDeclare: 2, incident.ToAcknowledge: 5, incident.ToConfirm: 0, incident.ToTeam: 5, incident.ToMitigate: 50, incident.ToResolve: 1510,
		incident.InIdentify: 5, incident.InInvestigate: 35, incident.InFixing: 12, incident.InMonitoring: 1458,
		incident.OnStandBy: 1458, incident.LongestSilence: 37, incident.ToPostmortem: 200,
	}
	s.measured(want, counts{incident.UpdatesKept: 1, incident.UpdatesMissed: 1, incident.RegressionCount: 0, incident.FollowUpsOpen: 2, incident.FollowUpsOverdue: 1, incident.FollowUpsDone: 0})
	s.at(2000, "", incident.TicketChanged{Index: 0, Done: true}).at(9000, "", incident.TicketChanged{Index: 1, Done: true})
	s.measured(want, counts{incident.FollowUpsOpen: 0, incident.FollowUpsOverdue: 0, incident.FollowUpsDone: 2, incident.FollowUpsInTime: 1, incident.FollowUpsLate: 0})
}

// A regression takes back the mitigation before it, and the time in a phase counts over all visits.
func TestM3ARegressionTakesTheMitigationBack(t *testing.T) {
	s := critical(t).at(10, "carol", phase(incident.Investigate)).at(20, "alice", cmd(incident.Fix)).at(21, "carol", phase(incident.Monitoring))
	s.measured(figures{incident.ToDeclare: 2, incident.ToAcknowledge: 5, incident.ToConfirm: 0, incident.ToTeam: 5, incident.ToMitigate: 20}, nil)
	s.at(100, "alice", cmd(incident.Regression))
	if d, known := incident.Measure(s.state, start, start).Times[incident.InInvestigate]; known {
		t.Errorf("%v in investigate, while it stands in it", d)
	}
	s.measured(figures{incident.ToDeclare: 2, incident.ToAcknowledge: 5, incident.ToConfirm: 0, incident.ToTeam: 5}, counts{incident.RegressionCount: 1})
	s.at(130, "alice", cmd(incident.Fix)).at(140, "alice", cmd(incident.Workaround)).at(150, "carol", phase(incident.Monitoring))
	s.measured(figures{incident.ToDeclare: 2, incident.ToAcknowledge: 5, incident.ToConfirm: 0, incident.ToTeam: 5, incident.ToMitigate: 130, incident.InInvestigate: 16 + 50}, counts{incident.RegressionCount: 1})
}

func TestI5AcknowledgingAnswersTheCall(t *testing.T) {
	source := func() *story {
		return tell(t).fact(incident.Fact{ID: "opened", At: start, By: incident.Person{Login: "alerts[bot]", Bot: true},
			What: incident.Opened{Source: "Alertmanager", Summary: true, Severity: "critical", Customers: []string{"globex"}}})
	}
	for _, c := range []struct {
		name  string
		story *story
		want  float64
		known bool
	}{
		{"nobody", source(), 0, false},
		{"an engineer looks at an alert", source().at(3, "alice", cmd(incident.TakeOE)), 3, true},
		{"somebody confirms an alert", source().at(4, "alice", incident.Command{Kind: incident.SetSeverity, Severity: "critical"}), 4, true},
		{"a note is no answer", source().at(3, "alice", cmd(incident.Note)), 0, false},
		{"the first answer counts", source().at(3, "alice", cmd(incident.TakeOE)).at(9, "carol", cmd(incident.TakeIC)), 3, true},
		{"a responder declares, and somebody answers the page", tell(t).fact(opened("alice", "critical")).clock(1).at(6, "carol", cmd(incident.TakeIC)), 6, true},
		{"an answer at the pager", tell(t).fact(opened("alice", "critical")).clock(1).at(2, "", incident.Acknowledged{Key: "page/1", Service: "pagerduty", Name: "Dan"}), 2, true},
		{"a coordinator was there, and leaves", tell(t).fact(opened("alice", "regular")).at(1, "bob", cmd(incident.TakeIC)).
			at(5, "bob", incident.Command{Kind: incident.SetSeverity, Severity: "critical"}).
			at(10, "bob", incident.Unassigned{Login: "bob"}).clock(11).at(14, "carol", cmd(incident.TakeIC)), 4, true},
		{"a responder declares and nobody is called", tell(t).fact(opened("alice", "regular")).at(3, "bob", cmd(incident.TakeOE)), 0, false},
	} {
		got, known := incident.Measure(c.story.state, start, start).Times[incident.ToAcknowledge]
		if known != c.known || got != minutes(c.want) {
			t.Errorf("%s: %v (known: %v), want %v (%v)", c.name, got, known, minutes(c.want), c.known)
		}
	}
}

func TestV1OnlyTwoPeopleAreATeam(t *testing.T) {
	alone := tell(t).fact(opened("alice", "critical")).at(2, "alice", incident.Command{Kind: incident.TakeIC, Because: "it is night"})
	if d, known := incident.Measure(alone.state, start, start).Times[incident.ToTeam]; known {
		t.Errorf("one person is a team after %v", d)
	}
	later := tell(t).fact(opened("mallory", "critical")).at(1, "carol", cmd(incident.TakeIC)).at(2, "alice", cmd(incident.TakeOE)).
		at(8, "carol", incident.Command{Kind: incident.SetSeverity, Severity: "critical"})
	m := incident.Measure(later.state, start, start)
	if m.Times[incident.ToTeam] != 0 || m.Times[incident.ToConfirm] != minutes(8) {
		t.Errorf("team after %v, confirmed after %v; want 0 and 8m: the two were there", m.Times[incident.ToTeam], m.Times[incident.ToConfirm])
	}
}

func TestTheFirstConfirmationCounts(t *testing.T) {
	s := tell(t).fact(opened("alice", "regular")).at(30, "alice", incident.Command{Kind: incident.SetSeverity, Severity: "critical"}).at(34, "carol", cmd(incident.TakeIC))
	m := incident.Measure(s.state, start, start)
	if m.Times[incident.ToConfirm] != 0 || m.Times[incident.ToTeam] != minutes(4) || m.Severity != "critical" {
		t.Errorf("confirmed after %v, team %v after that, %s", m.Times[incident.ToConfirm], m.Times[incident.ToTeam], m.Severity)
	}
}

func TestA6WhatIsLeftOut(t *testing.T) {
	for want, s := range map[string]*story{
		"":          critical(t),
		"drill":     critical(t).at(6, "carol", incident.Labeled{Name: incident.LabelDrill}),
		"declined":  critical(t).at(6, "carol", incident.Command{Kind: incident.Decline, Text: "a test"}),
		"duplicate": critical(t).at(6, "carol", incident.Command{Kind: incident.Duplicate, Number: 3}),
	} {
		if got := incident.Measure(s.state, start, start).LeftOut; got != want {
			t.Errorf("left out as %q, want %q", got, want)
		}
	}
}

func TestFollowUpsAreJudgedByTheEndOfTheirDay(t *testing.T) {
	day := func(d, hour int) time.Time { return time.Date(2026, 3, d, hour, 0, 0, 0, time.UTC) }
	for _, c := range []struct {
		name                              string
		followUp                          incident.FollowUp
		now                               time.Time
		open, overdue, done, inTime, late int
	}{
		{"open, without a date", incident.FollowUp{}, day(9, 0), 1, 0, 0, 0, 0},
		{"open, due today", incident.FollowUp{Due: "2026-03-09"}, day(9, 23), 1, 0, 0, 0, 0},
		{"open, due yesterday", incident.FollowUp{Due: "2026-03-09"}, day(10, 0), 1, 1, 0, 0, 0},
		{"done on its day", incident.FollowUp{Due: "2026-03-09", Done: true, Ended: day(9, 23)}, day(20, 0), 0, 0, 1, 1, 0},
		{"done the day after", incident.FollowUp{Due: "2026-03-09", Done: true, Ended: day(10, 0)}, day(20, 0), 0, 0, 1, 0, 1},
		{"done, without a date", incident.FollowUp{Done: true, Ended: day(10, 0)}, day(20, 0), 0, 0, 1, 0, 0},
	} {
		s := incident.State{Declared: &incident.Stamp{At: start}, FollowUps: []incident.FollowUp{c.followUp}}
		got := incident.Measure(s, start, c.now).Counts
		for f, want := range (counts{incident.FollowUpsOpen: c.open, incident.FollowUpsOverdue: c.overdue, incident.FollowUpsDone: c.done, incident.FollowUpsInTime: c.inTime, incident.FollowUpsLate: c.late}) {
			if got[f] != want {
				t.Errorf("%s: %s is %d, want %d", c.name, f, got[f], want)
			}
		}
	}
}

// What a state no longer holds, or never could, is not known rather than wrong.
func TestWhatIsNotKnownIsNotGuessed(t *testing.T) {
	at := func(m float64) time.Time { return start.Add(minutes(m)) }
	s := incident.State{Declared: &incident.Stamp{At: start}, Phase: incident.Closing, Closed: &incident.Stamp{At: at(90)},
		Phases:   []incident.Span{{Phase: incident.Fixing, From: at(60), To: at(80)}, {Phase: incident.Monitoring, From: at(80), To: at(90)}},
		Document: incident.Pull{Merged: &incident.Stamp{At: at(50)}}} // merged, and then it came back
	m := incident.Measure(s, time.Time{}, at(100))
	for _, f := range []incident.Figure{incident.ToDeclare, incident.InFixing, incident.ToPostmortem, incident.ToConfirm, incident.ToMitigate, incident.LongestSilence} {
		if d, known := m.Times[f]; known {
			t.Errorf("%s: %v, want it unknown", f, d)
		}
	}
	if m.Times[incident.OnStandBy] != minutes(10) || m.Times[incident.ToResolve] != minutes(90) {
		t.Errorf("stand-by %v, resolved after %v; want 10m and 90m", m.Times[incident.OnStandBy], m.Times[incident.ToResolve])
	}
	if m := incident.Measure(incident.State{}, start, start); len(m.Times)+len(m.Counts) > 0 {
		t.Errorf("what is no incident has figures: %v", m)
	}
}

// Reports, help and files rely on every figure having one definition, a stable name, and the
// sentence of the process.
func TestEveryFigureIsDefined(t *testing.T) {
	name, id := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`), regexp.MustCompile(`\((?:[IVFMCA][1-6](?:, )?)+\)`)
	seen, titles := map[incident.Figure]bool{}, map[string]bool{}
	for _, d := range incident.Definitions {
		if seen[d.Figure] || titles[d.Title] || !name.MatchString(string(d.Figure)) {
			t.Errorf("%q (%q) is there twice, or no name", d.Figure, d.Title)
		}
		seen[d.Figure], titles[d.Title] = true, true
		if d.Title == "" || d.Phase == "" && !id.MatchString(d.Text) {
			t.Errorf("%s cites no sentence of the process: %q", d.Figure, d.Text)
		}
		if d.IsTime() && d.Phase == "" && d.Figure != incident.LongestSilence && (!strings.HasPrefix(d.Text, "from ") || !strings.Contains(d.Text, " to ")) {
			t.Errorf("%s does not say from what to what it is counted: %q", d.Figure, d.Text)
		}
		if got := incident.Define(d.Figure).Title; got != d.Title {
			t.Errorf("Define(%s) returns %q", d.Figure, got)
		}
	}
	for _, p := range incident.Phases[:4] {
		if !seen[incident.Figure("phase_"+string(p))] {
			t.Errorf("the time in %s is no figure", p)
		}
	}
}
