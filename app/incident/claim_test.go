package incident_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

var (
	alice   = incident.Person{Login: "alice", Respond: true}
	bob     = incident.Person{Login: "bob", Respond: true}
	mallory = incident.Person{Login: "mallory"}
	robot   = incident.Person{Login: "alerts[bot]", Bot: true}
)

// first makes a fact in the second in which the incident is opened.
func first(id string, by incident.Person, what any) incident.Fact {
	return incident.Fact{ID: id, At: start, By: by, What: what, Titled: true}
}

func label(name string) incident.Labeled { return incident.Labeled{Name: name} }

// A responder who declares critical has confirmed it, in whichever way and order, and whatever is
// missing. Anybody else claims it.
func TestI2I3I7WhoDeclaresCritical(t *testing.T) {
	form := incident.Opened{Source: "form", Severity: "critical"}
	declare := func(severity string) incident.Command {
		return incident.Command{Kind: incident.Declare, Severity: severity}
	}
	const (
		confirmed = "confirmed"
		claimed   = "claimed"
		neither   = "neither"
	)
	for name, c := range map[string]struct {
		facts []incident.Fact
		want  string
		pages int
		clock bool
	}{
		"the form":                              {[]incident.Fact{first("opened", alice, form)}, confirmed, 1, true},
		"a command":                             {[]incident.Fact{first("c1.0", alice, declare("critical"))}, confirmed, 1, true},
		"a command with p1":                     {[]incident.Fact{first("c1.0", alice, declare("p1"))}, confirmed, 1, true},
		"both labels, incident first":           {[]incident.Fact{first("e1", alice, label("incident")), first("e2", alice, label("severity/critical"))}, confirmed, 1, true},
		"both labels, severity first":           {[]incident.Fact{first("e1", alice, label("severity/critical")), first("e2", alice, label("incident"))}, confirmed, 1, true},
		"the severity by a responder, by a bot": {[]incident.Fact{first("e1", alice, label("severity/critical")), first("e2", robot, label("incident"))}, confirmed, 1, true},
		"a severity that was taken off again": {[]incident.Fact{first("e1", alice, label("severity/critical")), first("e2", alice, incident.Unlabeled{Name: "severity/critical"}),
			first("e3", alice, label("incident"))}, neither, 0, false},
		"the form without a severity, and the label": {[]incident.Fact{first("e1", alice, label("severity/critical")), first("opened", alice, incident.Opened{Source: "form"})}, confirmed, 1, true},
		"the command, later":                         {[]incident.Fact{first("e1", alice, label("incident")), first("c1.0", alice, declare("critical"))}, confirmed, 1, true},
		"the command of somebody else, later":        {[]incident.Fact{first("e1", alice, label("incident")), first("c1.0", bob, declare("critical"))}, confirmed, 1, true},
		"the severity of somebody else, later":       {[]incident.Fact{first("e1", alice, label("incident")), first("c1.0", bob, incident.Command{Kind: incident.SetSeverity, Severity: "p1"})}, confirmed, 1, true},
		"the label of somebody else, later":          {[]incident.Fact{first("e1", alice, label("incident")), first("e2", bob, label("severity/critical"))}, confirmed, 1, true},
		"a reader's form":                            {[]incident.Fact{first("opened", mallory, form)}, claimed, 1, false},
		"a bot's form":                               {[]incident.Fact{first("opened", robot, form)}, claimed, 1, false},
		"a bot's labels":                             {[]incident.Fact{first("e1", robot, label("incident")), first("e2", robot, label("severity/critical"))}, claimed, 1, false},
		"a bot's labels, the other way round":        {[]incident.Fact{first("e1", robot, label("severity/critical")), first("e2", robot, label("incident"))}, claimed, 1, false},
		"a bot's severity on a responder's incident": {[]incident.Fact{first("e1", alice, label("incident")), first("e2", robot, label("severity/critical"))}, claimed, 1, false},
		"a drill":                             {[]incident.Fact{first("e1", alice, label("drill")), first("b.0", alice, declare("critical"))}, confirmed, 0, true},
		"a drill by the App, and the command": {[]incident.Fact{first("opened", robot, incident.Opened{Source: "form", Severity: "critical", Drill: true}), first("c1.0", alice, declare("critical"))}, confirmed, 0, true},
		"a reader's command":                  {[]incident.Fact{first("c1.0", mallory, declare("critical"))}, neither, 0, false},
		"regular":                             {[]incident.Fact{first("c1.0", alice, declare("regular"))}, confirmed, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := tell(t)
			for _, f := range c.facts {
				f.Titled = false // nothing is said of what is broken
				s.fact(f)
			}
			got := neither
			if s.state.Confirmed != nil {
				got = confirmed
			} else if s.state.Claimed != "" {
				got = claimed
			}
			s.expect(got == c.want, "%s, want %s", got, c.want)
			s.expect(len(s.pages()) == c.pages, "pages %v, want %d", s.pages(), c.pages)
			s.expect(!s.state.Updates.Due.IsZero() == c.clock, "the next update is due at %s", s.state.Updates.Due)
			s.expect(s.state.Early == nil || s.state.Declared == nil, "what the labels said is kept: %v", s.state.Early)
		})
	}
}

// A repository may turn the pages for a reader's claim off; then the coordinators are mentioned.
func TestI7AReadersClaimByTheRules(t *testing.T) {
	s := tell(t)
	s.policy.Signals = []incident.Rule{{Source: "reader", Action: incident.RuleOpen}}
	s.fact(opened("mallory", "critical")).expectSays("unclaimed")
	s.expect(len(s.pages()) == 0, "pages %v", s.pages())
}

// A severity that the policy calls by another name is meant by the words that people use.
func TestI3TheWordsForASeverity(t *testing.T) {
	s := tell(t)
	s.policy.Severities[0].Name, s.policy.Severities[1].Name = "sev1", "sev2"
	for word, want := range map[string]string{"critical": "sev1", "P1": "sev1", "SEV1": "sev1", "regular": "sev2", "p3": "sev2", "warning": "", "": ""} {
		if got := s.policy.Named(word); got != want {
			t.Errorf("%q means %q, want %q", word, got, want)
		}
	}
	s.fact(first("c1.0", alice, incident.Command{Kind: incident.Declare, Text: "sev1: the API is down"}))
	s.expect(s.state.Severity == "sev1" && s.state.Summary, "severity %q", s.state.Severity)
}

// Missing data stops nothing, and whoever declared it is asked, again and more slowly, until it is there.
func TestI2MissingDataIsAskedForUntilItIsThere(t *testing.T) {
	s := tell(t).fact(incident.Fact{ID: "opened", At: start, By: alice, What: incident.Opened{Source: "form", Severity: "critical"}})
	s.expect(s.state.Critical(s.policy) && len(s.pages()) == 1, "it is not confirmed, or nobody is paged")
	s.at(1, "carol", cmd(incident.TakeIC))
	asked := func() (at []float64) {
		for _, e := range s.all {
			if r, ok := e.(incident.Remind); ok && r.Say.Name == "missing-data" {
				at = append(at, r.At.Sub(start).Minutes())
				if r.Say.Who != "alice" || incident.TopicOf(r.Key) != "data" {
					t.Errorf("%s is asked, as %s", r.Say.Who, r.Key)
				}
			}
		}
		return at
	}
	s.clock(60 * 16)
	if got, want := asked(), []float64{10, 30, 70, 150, 310, 550, 790}; !slices.Equal(got, want) {
		t.Errorf("asked at %v, want %v", got, want)
	}
	s.at(961, "alice", incident.Renamed{})
	s.expect(!s.state.Summary, "a title that says nothing is a summary")
	s.fact(incident.Fact{ID: "e9", At: start.Add(962 * time.Minute), By: alice, What: incident.Renamed{}, Titled: true})
	s.expect(s.state.Summary, "a title that says something is none")
	s.at(963, "alice", incident.Command{Kind: incident.AddCustomer, Customers: []string{"globex"}})
	s.expect(slices.Equal(s.state.Customers, []string{"globex"}), "who declared it may not answer: %v", s.says())
	s.at(964, "alice", incident.Command{Kind: incident.AddCustomer, Customers: []string{"initech"}}).expectSays("refused-role")
	before := len(asked())
	s.clock(60 * 40)
	s.expect(len(asked()) == before && s.state.Asked.Data.IsZero(), "it is asked for again: %v", asked())
	s.at(2401, "carol", incident.Command{Kind: incident.RemoveCustomer, Customers: []string{"globex"}}).clock(2415)
	s.expect(len(asked()) == before && s.state.NoCustomer, "the last customer is removed, so none is impacted, and it is asked for: %v", asked())
}

// Customers and a summary block monitoring and closing, and nothing before; a reason insists.
func TestI2DataBlocksMonitoringAndClosing(t *testing.T) {
	s := tell(t).fact(incident.Fact{ID: "opened", At: start, By: alice, What: incident.Opened{Source: "form", Severity: "critical"}})
	s.at(1, "carol", cmd(incident.TakeIC)).at(2, "carol", phase(incident.Investigate)).at(3, "alice", cmd(incident.Cause)).at(4, "carol", phase(incident.Fixing))
	s.expect(s.state.Phase == incident.Fixing, "missing data blocks %s", s.state.Phase)
	s.at(5, "alice", cmd(incident.Workaround)).at(6, "carol", phase(incident.Monitoring)).expectSays("blocked")
	s.expect(s.state.Phase == incident.Fixing, "phase %s", s.state.Phase)
	s.at(7, "carol", because(incident.Monitoring))
	s.expect(s.state.Phase == incident.Monitoring, "a reason does not insist: %s", s.state.Phase)
	s.at(8, "carol", cmd(incident.Agree)).at(9, "carol", incident.Command{Kind: incident.Close}).expectSays("blocked")
	s.at(10, "carol", incident.Command{Kind: incident.Declare, Text: "The API is down"}).at(10, "carol", incident.Command{Kind: incident.AddCustomer, None: true})
	s.at(11, "carol", incident.Command{Kind: incident.Close})
	s.expect(s.state.Phase == incident.Closing, "phase %s, says %v", s.state.Phase, s.says())
}

// A claim that is not critical mentions the coordinators at once, and again until somebody takes it (I7).
func TestI7AClaimIsMentionedUntilSomebodyTakesIt(t *testing.T) {
	asked := func(s *story) (at []float64) {
		for _, e := range s.all {
			if r, ok := e.(incident.Remind); ok && r.Say.Name == "unclaimed" {
				at = append(at, r.At.Sub(start).Minutes())
			}
		}
		return at
	}
	report := func(severity string, drill bool) incident.Fact {
		return incident.Fact{ID: "opened", At: start, By: robot, What: incident.Opened{Source: "Alertmanager", Summary: true, Signal: true, Severity: severity, Drill: drill, Customers: []string{"globex"}}}
	}
	for name, c := range map[string]struct {
		fact   incident.Fact
		take   any // by bob, at minute 50
		before []float64
		after  []float64
	}{
		"a role":               {report("", false), cmd(incident.TakeOE), []float64{0, 15, 45}, nil},
		"the coordinator's":    {report("regular", false), cmd(incident.TakeIC), []float64{0, 15, 45}, nil},
		"a severity":           {report("regular", false), incident.Command{Kind: incident.SetSeverity, Severity: "regular"}, []float64{0, 15, 45}, nil},
		"declined":             {report("regular", false), cmd(incident.Decline), []float64{0, 15, 45}, nil},
		"a word is no taking":  {report("regular", false), cmd(incident.Note), []float64{0, 15, 45}, []float64{105, 225, 465, 705}},
		"critical by the rule": {report("critical", false), cmd(incident.Note), []float64{0, 15, 45}, []float64{105, 225, 465, 705}},
		"a reader's":           {opened("mallory", "regular"), cmd(incident.Note), []float64{0, 15, 45}, []float64{105, 225, 465, 705}},
		"a responder's":        {opened("alice", ""), cmd(incident.Note), nil, nil},
		"a drill":              {report("regular", true), cmd(incident.Note), nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := tell(t).fact(c.fact).clock(49)
			if got := asked(s); !slices.Equal(got, c.before) {
				t.Errorf("asked at %v, want %v", got, c.before)
			}
			s.at(50, "bob", c.take).clock(800)
			if got, want := asked(s), append(slices.Clone(c.before), c.after...); !slices.Equal(got, want) {
				t.Errorf("asked at %v, want %v", got, want)
			}
		})
	}
}

// An escalation for what nobody confirmed ends with the word of whoever looks at it, and a claim
// that was paged in vain is reminded of.
func TestI5I7APageForAClaimEnds(t *testing.T) {
	claim := func() *story {
		s := tell(t).fact(incident.Fact{ID: "opened", At: start, By: robot, What: incident.Opened{Source: "Alertmanager", Summary: true, Signal: true, Severity: "critical", Page: true}})
		return s.expect(len(s.pages()) == 1, "pages %v", s.pages())
	}
	for name, what := range map[string]any{"regular": incident.Command{Kind: incident.SetSeverity, Severity: "regular"}, "/oe": cmd(incident.TakeOE), "/ic": cmd(incident.TakeIC)} {
		t.Run(name, func(t *testing.T) {
			s := claim().at(2, "bob", what).clock(30)
			s.expect(len(s.pages()) == 1 && s.state.Paging.Answered != nil, "pages %v", s.pages())
		})
	}
	s := claim().at(1, "bob", cmd(incident.TakeIC)).at(2, "bob", incident.Command{Kind: incident.SetSeverity, Severity: "critical"}).clock(12)
	s.expect(len(s.pages()) == 1, "the coordinator confirms, and people are paged: %v", s.pages())
	s = claim().fact(incident.Fact{At: start.Add(time.Minute), What: incident.Acknowledged{Key: "page/1", Service: "pagerduty", Name: "Dan"}}).clock(17)
	said := false
	for _, e := range s.all {
		r, ok := e.(incident.Remind)
		said = said || ok && r.Say.Name == "unclaimed"
	}
	s.expect(said, "somebody saw the page, nobody took it, and nobody is reminded")
}

// What is said twice is said once: the facts of a claim may come in any order within a second.
func TestI3TheOrderOfLabelsDoesNotMatter(t *testing.T) {
	facts := []incident.Fact{first("e1", alice, label("incident")), first("e2", alice, label("severity/critical")), first("e3", alice, label("drill"))}
	for i, order := range [][]int{{0, 1, 2}, {1, 0, 2}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			s := tell(t)
			for _, n := range order {
				s.fact(facts[n])
			}
			s.expect(s.state.Critical(s.policy) && s.state.Drill && !s.state.Updates.Due.IsZero(), "%v returns %+v", order, s.state)
		})
	}
}
