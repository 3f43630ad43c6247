package incident_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// pagesSince lists whom was paged, and why, after a number of pages.
func (s *story) pagesSince(n int) (out []string) {
	for _, p := range s.pages()[n:] {
		out = append(out, p.Why+": "+strings.Join(p.To, ", "))
	}
	return out
}

func (s *story) expectPages(since int, want ...string) *story {
	s.t.Helper()
	if got := s.pagesSince(since); !slices.Equal(got, want) {
		s.t.Errorf("pages %q, want %q", got, want)
	}
	return s
}

// monitored is a P1 that carol and alice watch from minute 10 on.
func monitored(t *testing.T) *story {
	s := critical(t).at(6, "alice", cmd(incident.Workaround)).at(10, "carol", because(incident.Monitoring)).at(11, "carol", cmd(incident.Update))
	s.expect(s.state.Phase == incident.Monitoring, "in %s", s.state.Phase)
	return s
}

func TestI5AnEscalationThatNobodyAnswersGoesOn(t *testing.T) {
	s := tell(t)
	s.policy.Phones = []string{"On-call desk"}
	s.policy.Escalation = []incident.EscalationStep{
		{To: []string{"incident-coordinators"}},
		{After: 5 * time.Minute, To: []string{"platform", "@dan"}, By: []string{"pagerduty"}},
		{After: 5 * time.Minute, To: []string{"phone"}},
	}
	s.policy.Rounds = 1
	s.fact(opened("alice", "critical")).clock(14.9)
	s.expect(s.state.Paging.Count() == 2 && s.state.Paging.Sent == 3, "%d pages went out, %d keys", s.state.Paging.Count(), s.state.Paging.Sent)
	s.clock(15).expectSays("unanswered")
	say := s.lastRemind().Say
	s.expect(say.Count == 2 && say.Names == nil && slices.Equal(say.Lines, s.policy.Phones) && say.Time.Equal(start.Add(30*time.Minute)), "says %+v", say)

	s.clock(29) // the customer's clock has had its say
	n := len(s.pages())
	s.clock(30).expectPages(n, "team: incident-coordinators", "team: platform, @dan")
	for _, p := range s.pages()[n:] {
		s.expect(p.Spoken, "a page of the slower rhythm comments by itself: %+v", p)
	}
	last := s.lastRemind()
	s.expect(incident.TopicOf(last.Key) == "unanswered" && slices.Equal(last.Say.Teams, []string{"incident-coordinators", "platform", "@dan"}) && last.Say.Names == nil, "says %+v", last)

	// A service that fails does not hurry the slower rhythm: it would go round for ever.
	before := len(s.pages())
	for _, p := range s.pages()[n:] {
		for _, by := range p.By {
			s.at(31, "", incident.PageFailed{Key: p.Key, Service: by, Why: "no network"})
		}
	}
	s.expect(len(s.pages()) == before, "a failed page of the slower rhythm makes another at once")
	s.at(100, "carol", cmd(incident.TakeIC))
	s.expect(s.state.Paging.Next.IsZero() && !s.state.Paging.GaveUp && s.state.Paging.Answered.By == "carol", "%+v", s.state.Paging)

	keys := map[string]bool{}
	for _, p := range s.pages() {
		s.expect(!keys[p.Key], "key %s twice", p.Key)
		keys[p.Key] = true
	}
}

// A step with 0s goes out together with the one before; only a round that starts again waits (I5).
func TestI5StepsTogether(t *testing.T) {
	s := tell(t)
	s.policy.Escalation = []incident.EscalationStep{{To: []string{"platform"}}, {To: []string{"@dan"}, By: []string{"pagerduty"}},
		{After: 3 * time.Minute, To: []string{"@gina"}}}
	s.policy.Rounds = 2
	s.fact(opened("alice", "critical")).expectPages(0, "team: platform", "team: @dan")
	s.clock(2.9).expectPages(2)
	s.clock(3).expectPages(2, "team: @gina")
	s.clock(7.9).expectPages(3)
	s.clock(8).expectPages(3, "team: platform", "team: @dan")
}

func TestI5TheSlowerRhythmEnds(t *testing.T) {
	for name, end := range map[string]func(s *story) *story{
		"never":             func(s *story) *story { s.policy.Again = 0; return s },
		"the role is taken": func(s *story) *story { return s.at(50, "carol", cmd(incident.TakeIC)) },
		"the page is acknowledged": func(s *story) *story {
			return s.at(50, "", incident.Acknowledged{Key: "page/1", Name: "Dan"}).at(51, "carol", cmd(incident.TakeIC))
		},
		"it is declined": func(s *story) *story {
			return s.at(50, "alice", incident.Command{Kind: incident.Decline, Text: "none"})
		},
		"it is a duplicate": func(s *story) *story { return s.at(50, "alice", incident.Command{Kind: incident.Duplicate, Number: 2}) },
		"it can wait": func(s *story) *story {
			return s.at(50, "alice", incident.Command{Kind: incident.SetSeverity, Severity: "regular"})
		},
		"it is a drill":      func(s *story) *story { return s.at(50, "alice", incident.Labeled{Name: "drill"}) },
		"somebody closes it": func(s *story) *story { return s.at(50, "alice", because(incident.Closing)) },
		"there is only a telephone": func(s *story) *story {
			s.policy.Escalation = []incident.EscalationStep{{To: []string{"phone"}}}
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := tell(t)
			s.policy.Severities[0].Every = 0 // the customer's clock pages too
			s.fact(opened("alice", "critical")).clock(31)
			s = end(s)
			s.clock(60)
			n := len(s.pages())
			s.clock(600).expectPages(n)
		})
	}
}

func TestM3AnAlertInMonitoringTakesTheIncidentBack(t *testing.T) {
	s := monitored(t)
	n := len(s.pages())
	at := start.Add(20*time.Minute + 300*time.Millisecond)
	s.fact(incident.Fact{At: at, What: incident.Signalled{Source: "Alertmanager", Firing: true, Count: 1}})
	s.expect(s.state.Phase == incident.Investigate && s.state.Regressions == 1 && s.state.Workaround == nil, "in %s, %d regressions", s.state.Phase, s.state.Regressions)
	s.expect(s.state.Updates.Due.Equal(start.Add(40*time.Minute)), "the next update is due at %v", s.state.Updates.Due)
	s.expectPages(n, "again: @carol, @alice").expectSays("signals", "came-back")
	var key string
	for _, e := range s.effects {
		if r, ok := e.(incident.Remind); ok && r.Say.Name == "came-back" {
			key = r.Key
			s.expect(incident.TopicOf(r.Key) == "" && slices.Equal(r.Say.Names, []string{"carol", "alice"}), "%+v", r)
		}
	}
	back, ok := incident.ParseCameBack(key)
	again := monitored(t).fact(incident.Fact{ID: "c900.0", At: at.Add(3 * time.Second), By: incident.Person{Bot: true}, What: back})
	s.expect(ok && again.state.Phase == s.state.Phase && again.state.Since == s.state.Since && again.state.Updates.Due.Equal(s.state.Updates.Due) &&
		again.state.Summons.Due.Equal(s.state.Summons.Due), "read again from %q it is\n%+v, and was\n%+v", key, again.state, s.state)
	s.at(22, "", incident.Signalled{Source: "Alertmanager", Firing: true, Count: 1})
	s.expect(s.state.Regressions == 1, "counted twice")
}

// A report that waited, as while GitHub was out, says how it was when it came, and not that the trouble came back since.
func TestM3AReportFromBeforeIsNoReturn(t *testing.T) {
	report := func(minutes float64) incident.Fact {
		at := start.Add(time.Duration(minutes * float64(time.Minute)))
		return incident.Fact{At: start.Add(20 * time.Minute), What: incident.Signalled{Source: "Alertmanager", Firing: true,
			Count: 1, Report: incident.Report{Mark: "m", ID: "i", At: at.Unix()}}}
	}
	s := monitored(t)
	n := len(s.pages())
	s.fact(report(9.9)).expectPages(n)
	s.expect(s.state.Phase == incident.Monitoring && s.state.Signals.Count > 0, "in %s", s.state.Phase)
	s = monitored(t).fact(report(10))
	s.expect(s.state.Phase == incident.Investigate && s.state.Regressions == 1, "in %s", s.state.Phase)
}

func TestM3WhoIsReachedWhenItComesBack(t *testing.T) {
	regression := cmd(incident.Regression)
	for name, c := range map[string]struct {
		by      string
		what    any
		pages   []string
		mention []string // at once or a minute later
		later   string   // why others are paged five minutes later, or what is said; empty: nothing
	}{
		"OE says it":    {"alice", regression, []string{"again: @carol"}, []string{"carol"}, "silent"},
		"IC says it":    {"carol", cmd(incident.Cause), nil, nil, ""},
		"alert":         {"", incident.Signalled{Source: "Alertmanager", Firing: true, Count: 1}, []string{"again: @carol, @alice"}, []string{"carol", "alice"}, "silent"},
		"closed by":     {"alice", incident.Unlabeled{Name: "bug"}, nil, nil, ""},
		"by hand again": {"bob", incident.Reopened{}, []string{"reopened: @carol, @alice"}, []string{"carol", "alice"}, "silent"},
		"by the IC":     {"carol", incident.Reopened{}, []string{"reopened: @alice"}, []string{"alice"}, "no-answer"},
	} {
		t.Run(name, func(t *testing.T) {
			s := monitored(t)
			s.policy.Pager = "webhook"
			if _, reopened := c.what.(incident.Reopened); reopened {
				s.at(15, "carol", because(incident.Closing))
				s.state.Closed = &incident.Stamp{By: "carol", At: start.Add(16 * time.Minute)}
			}
			n, said := len(s.pages()), len(s.all)
			s.state.StandBy.Update = time.Time{} // the customer is another matter
			s.at(20, c.by, c.what).expectPages(n, c.pages...)
			s.state.StandBy.Update = time.Time{}
			s.clock(21.5)
			var mentioned []string
			for _, e := range s.all[said:] {
				switch e := e.(type) {
				case incident.Remind:
					if e.Say.Name == "came-back" {
						mentioned = append(mentioned, e.Say.Names...)
					}
				case incident.Reply:
					if e.Say.Name == "reopened" {
						mentioned = append(mentioned, e.Say.Names...)
					}
				}
			}
			s.expect(slices.Equal(mentioned, c.mention), "mentions %q, want %q", mentioned, c.mention)
			n = len(s.pages())
			s.clock(24.9).expectPages(n)
			s.clock(25)
			switch c.later {
			case "":
				s.expectPages(n).expectSays()
			case "silent":
				s.expectPages(n, "silent: incident-coordinators")
				s.expect(s.state.Summons.Silent && s.state.IC == "carol", "%+v", s.state.Summons)
				s.clock(30)
				n = len(s.pages())
				s.at(31, "carol", incident.Commented{}) // she wakes up
				s.expect(s.state.Paging.Next.IsZero() && s.state.Paging.Answered.By == "carol", "%+v", s.state.Paging)
				s.clock(39).expectPages(n)
			default:
				s.expectPages(n).expectSays(c.later)
			}
		})
	}
}

func TestM3WhoeverAnswersEndsIt(t *testing.T) {
	for name, answer := range map[string]struct {
		by   string
		what any
	}{
		"a comment":                 {"carol", incident.Commented{}},
		"a command":                 {"alice", cmd(incident.Finding)},
		"somebody takes IC":         {"dan", cmd(incident.TakeIC)},
		"somebody takes OE":         {"bob", cmd(incident.TakeOE)},
		"an answer at the pager":    {"", incident.Acknowledged{Key: "page/2", Service: "pagerduty", Name: "Carol"}},
		"it was a mistake: /ic":     {"carol", because(incident.Closing)},
		"it becomes a regular one":  {"carol", incident.Command{Kind: incident.SetSeverity, Severity: "regular"}},
		"it becomes a drill":        {"carol", incident.Labeled{Name: "drill"}},
		"the IC leaves, and /ic is": {"dan", cmd(incident.TakeIC)},
	} {
		t.Run(name, func(t *testing.T) {
			s := monitored(t)
			s.policy.Severities[0].Every = 0
			s.at(20, "", incident.Signalled{Source: "Alertmanager", Firing: true, Count: 1})
			s.expect(s.state.Summons.Page == "page/2", "paged by %s", s.state.Summons.Page)
			s.at(23, answer.by, answer.what)
			n := len(s.pages())
			s.clock(300).expectPages(n)
			s.expect(len(s.state.Summons.People) == 0, "still waits for %v", s.state.Summons)
		})
	}
	t.Run("a comment of somebody else does not", func(t *testing.T) {
		s := monitored(t).at(20, "", incident.Signalled{Source: "Alertmanager", Firing: true, Count: 1})
		n := len(s.pages())
		s.at(23, "bob", incident.Commented{}).clock(25).expectPages(n, "silent: incident-coordinators")
	})
}

func TestM3APagerThatCannotReachThemDoesNotWait(t *testing.T) {
	s := monitored(t)
	s.policy.Pager = "pagerduty"
	s.policy.Escalation[0].After = 10 * time.Minute
	s.at(20, "alice", cmd(incident.Regression))
	n := len(s.pages())
	s.at(20, "", incident.PageFailed{Key: s.state.Summons.Page, Service: "pagerduty", Why: "it has no target for @carol"})
	s.expectSays("page-failed", "came-back").clock(30).expectPages(n, "silent: incident-coordinators")
}

func TestA6ADrillThatComesBackPagesNobody(t *testing.T) {
	s := monitored(t).at(11, "carol", incident.Labeled{Name: "drill"})
	n := len(s.pages())
	s.at(20, "", incident.Signalled{Source: "Alertmanager", Firing: true, Count: 1}).clock(90).expectPages(n)
	s.expect(s.state.Phase == incident.Investigate, "in %s", s.state.Phase)
}

func TestM3ARegularIncidentThatComesBackOnlyMentions(t *testing.T) {
	s := monitored(t).at(11, "carol", incident.Command{Kind: incident.SetSeverity, Severity: "regular"})
	n := len(s.pages())
	s.at(20, "alice", cmd(incident.Regression)).expectSays()
	s.clock(21.5).expectSays("came-back").clock(90).expectPages(n)
}

func TestI4AMissingCoordinatorIsLookedForHoweverTheRoleFellVacant(t *testing.T) {
	vacate := func(s *story, minute float64) *story { return s.at(minute, "bob", incident.Unassigned{Login: "carol"}) }
	drill := func(t *testing.T) *story {
		f := opened("alice", "critical")
		o := f.What.(incident.Opened)
		o.Drill = true
		f.What = o
		return tell(t).fact(f)
	}
	for name, c := range map[string]struct {
		story  func(t *testing.T) *story // until minute 100, or what is due then
		happen func(s *story) *story     // at minute 100
		within float64                   // minutes
	}{
		"nobody takes it": {func(t *testing.T) *story { return tell(t) }, func(s *story) *story {
			f := opened("alice", "critical")
			f.At = start.Add(100 * time.Minute)
			return s.fact(f)
		}, 0},
		"unassigned by hand": {critical, func(s *story) *story { return vacate(s, 100) }, 0},
		"acknowledged at the pager and never taken": {func(t *testing.T) *story { return tell(t).fact(opened("alice", "critical")) }, func(s *story) *story {
			return s.at(100, "", incident.Acknowledged{Key: "page/1", Service: "pagerduty", Name: "Dan"})
		}, 10},
		"acknowledged, with nobody coordinating a stand-by": {func(t *testing.T) *story {
			return tell(t).fact(opened("alice", "critical")).at(5, "alice", because(incident.Monitoring))
		}, func(s *story) *story {
			return s.at(100, "", incident.Acknowledged{Key: "page/1", Service: "pagerduty", Name: "Dan"})
		}, 10},
		"the drill is none": {drill, func(s *story) *story { return s.at(100, "alice", incident.Unlabeled{Name: "drill"}) }, 0},
		"the drill isn't one, and the coordinator has left": {func(t *testing.T) *story {
			return vacate(critical(t).at(20, "carol", incident.Labeled{Name: "drill"}), 50)
		},
			func(s *story) *story { return s.at(100, "alice", incident.Unlabeled{Name: "drill"}) }, 0},
		"regular becomes critical": {func(t *testing.T) *story { return tell(t).fact(opened("alice", "regular")) },
			func(s *story) *story { return s.at(100, "alice", incident.Labeled{Name: "severity/critical"}) }, 0},
		"one person did both, and it becomes critical": {func(t *testing.T) *story {
			return tell(t).fact(opened("alice", "regular")).at(5, "alice", cmd(incident.TakeIC)).at(5, "alice", cmd(incident.TakeOE))
		}, func(s *story) *story { return s.at(100, "alice", incident.Labeled{Name: "severity/critical"}) }, 0},
		"critical again": {func(t *testing.T) *story {
			return tell(t).fact(opened("alice", "critical")).at(50, "alice", incident.Command{Kind: incident.SetSeverity, Severity: "regular"})
		}, func(s *story) *story { return s.at(100, "alice", incident.Labeled{Name: "severity/critical"}) }, 0},
		"a claim whose page an engineer answered is confirmed": {func(t *testing.T) *story {
			f := opened("alertmanager[bot]", "critical")
			o := f.What.(incident.Opened)
			o.Signal, o.Page = true, true
			f.What, f.By = o, incident.Person{Login: "alertmanager[bot]", Bot: true}
			return tell(t).fact(f).at(5, "alice", cmd(incident.TakeOE))
		}, func(s *story) *story {
			return s.at(100, "alice", incident.Command{Kind: incident.SetSeverity, Severity: "critical"})
		}, 0},
		"declined and reopened": {func(t *testing.T) *story {
			return tell(t).fact(opened("alice", "critical")).at(50, "alice", incident.Command{Kind: incident.Decline, Text: "none"})
		}, func(s *story) *story { return s.at(100, "bob", incident.Reopened{}) }, 0},
		"a regression with nobody": {func(t *testing.T) *story {
			s := vacate(critical(t), 10).at(12, "", incident.Acknowledged{Key: "page/2", Name: "Dan"})
			s.policy.AskRole = 200 * time.Minute
			return s.at(13, "alice", because(incident.Monitoring))
		}, func(s *story) *story { return s.at(100, "alice", cmd(incident.Regression)) }, 0},
		"somebody was asked, and nobody holds it": {func(t *testing.T) *story {
			return tell(t).fact(opened("alice", "critical")).at(3, "alice", incident.Command{Kind: incident.GiveIC, Logins: []string{"dan"}})
		}, func(s *story) *story { return s.clock(105) }, 10},
		"the coordinator lost access": {critical, func(s *story) *story {
			s.n++
			return s.fact(incident.Fact{ID: "c999.0", At: start.Add(100 * time.Minute), By: incident.Person{Login: "carol"}, What: cmd(incident.Update)})
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.story(t)
			s.policy.Severities[0].Every = 0 // the customer's clock pages the group too
			s.clock(99.9)
			n := len(s.pages())
			s = c.happen(s)
			s.clock(100 + c.within)
			if got := s.pagesSince(n); !slices.Contains(got, "team: incident-coordinators") {
				t.Errorf("pages %q within %v minutes, IC %q", got, c.within, s.state.IC)
			}
		})
	}
}

func TestI5WithoutASlowerRhythmAVacantRoleStartsNoRounds(t *testing.T) {
	s := tell(t)
	s.policy.Again, s.policy.Severities[0].Every = 0, 0
	s.fact(opened("alice", "critical")).clock(31)
	n := len(s.pages())
	s.clock(600).expectPages(n)
	s.expect(count(s, "role-vacant") == 1, "asked %d times", count(s, "role-vacant"))
}

func TestI4WhoeverAskedIsToldThatNobodyAnswered(t *testing.T) {
	ask := incident.Command{Kind: incident.GiveIC, Logins: []string{"dan"}}
	told := func(s *story) int { return count(s, "handover-unanswered") }
	s := critical(t).at(20, "carol", ask).clock(29.9)
	s.expect(told(s) == 0, "told too early").clock(30).expectSays("handover-unanswered")
	say := s.lastRemind().Say
	s.expect(say.Who == "carol" && say.Holder == "carol" && slices.Equal(say.Names, []string{"dan"}), "%+v", say)
	s.clock(90).expect(told(s) == 1, "told %d times", told(s))
	s.at(91, "carol", ask).clock(120).expect(told(s) == 2, "asked again, and told %d times", told(s))

	s = critical(t).at(20, "carol", ask).at(25, "dan", cmd(incident.TakeIC)).clock(60)
	s.expect(told(s) == 0, "told although dan has answered")
	s = critical(t).at(20, "carol", ask).at(25, "carol", cmd(incident.TakeIC)).clock(60)
	s.expect(told(s) == 0, "told although carol keeps it")
}

// A page that comes late asks for what is still so, whatever that was when it became due.
func TestI5V3APageIsWantedWhileWhatItAsksForIsSo(t *testing.T) {
	at := time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	running := func(change func(*incident.State)) incident.State {
		s := incident.State{Declared: &incident.Stamp{By: "alice", At: at}, Phase: incident.Investigate, Severity: "critical"}
		change(&s)
		return s
	}
	paging := func(s *incident.State) { s.Paging.Next = at }
	for _, c := range []struct {
		name string
		s    incident.State
		why  string
		want bool
	}{
		{"nobody has the role", running(paging), "team", true},
		{"the rounds are over", running(func(s *incident.State) { s.Paging.GaveUp = true }), "team", true},
		{"somebody took the role", running(func(s *incident.State) { paging(s); s.IC = "carol" }), "team", false},
		{"somebody answered at the pager", running(func(*incident.State) {}), "team", false},
		{"it is closing", running(func(s *incident.State) { paging(s); s.Phase = incident.Closing }), "team", false},
		{"it is closed", running(func(s *incident.State) { paging(s); s.Closed = &incident.Stamp{At: at} }), "team", false},
		{"it was never declared", incident.State{}, "team", false},
		{"the coordinator is silent", running(func(s *incident.State) { paging(s); s.IC = "carol"; s.Summons.Silent = true }), "silent", true},
		{"the coordinator was heard", running(func(s *incident.State) { s.IC = "carol" }), "silent", false},
		{"an update is overdue", running(func(s *incident.State) { s.Updates.Overdue = true }), "update", true},
		{"the update was given", running(func(*incident.State) {}), "update", false},
		{"the update of one that is closed", running(func(s *incident.State) { s.Updates.Overdue = true; s.Closed = &incident.Stamp{At: at} }), "update", false},
		{"it came back", running(func(s *incident.State) { s.Summons.Page = "page/3" }), "again", true},
		{"it came back, and they answered", running(func(*incident.State) {}), "again", false},
		{"it came back twice", running(func(s *incident.State) { s.Summons.Page = "page/4" }), "again", false},
		{"it was reopened", running(func(s *incident.State) { s.Summons.Page = "page/3" }), "reopened", true},
		{"somebody asked", running(func(*incident.State) {}), "asked", true},
		{"somebody asked, and it is over", running(func(s *incident.State) { s.Closed = &incident.Stamp{At: at} }), "asked", false},
	} {
		if got := c.s.Wants(incident.Send{Key: "page/3", Why: c.why, At: at}); got != c.want {
			t.Errorf("%s: a page for %q is wanted %v, want %v", c.name, c.why, got, c.want)
		}
	}
}
