package incident_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// spelled fills in what a hint leaves to the reader.
func spelled(text string) string {
	return strings.NewReplacer("…", "some words", "NAME", "globex", "@user", "@dan", " link", "", "who and how", "Gina, by phone", "text", "words", "why", "for a reason").Replace(text)
}

// refuses says whether a command that is written on an incident is refused or not understood.
func refuses(s incident.State, p incident.Policy, by incident.Person, text string) bool {
	at := s.Since.At.Add(300 * 24 * time.Hour)
	refused := false
	for _, what := range command.Parse(spelled(text)) {
		_, effects := incident.Step(s, incident.Fact{ID: "c999999.0", At: at, By: by, What: what}, p)
		for _, e := range effects {
			if react, ok := e.(incident.React); ok && react.How != incident.Done {
				refused = true
			}
		}
	}
	return refused
}

// Whatever the card or an answer proposes to somebody, they may write it, as it is there, and
// are not refused (A1).
func TestA1PropertyNoHintIsRefused(t *testing.T) {
	p := incident.DefaultPolicy()
	// What becomes due in between could change what is allowed: here nothing does.
	p.AskData, p.AskRole = 1000*time.Hour, 1000*time.Hour
	rapid.Check(t, func(t *rapid.T) {
		var s incident.State
		facts := drawFacts(t)
		for i, f := range facts {
			var effects []incident.Effect
			s, effects = incident.Step(s, f, p)
			if i < len(facts)-1 {
				continue // each list of facts is the beginning of another
			}
			for _, h := range incident.Hints(s, p) {
				readers := h.Who
				if len(readers) == 0 {
					readers = []string{"erin"}
				}
				for _, login := range readers {
					if refuses(s, p, incident.Person{Login: login, Respond: true}, h.Command) {
						t.Fatalf("the card proposes %s to %s, who is refused", h.Command, login)
					}
				}
			}
			for _, e := range effects {
				var say incident.Say
				switch e := e.(type) {
				case incident.Reply:
					say = e.Say
				case incident.Remind:
					say = e.Say
				}
				if say.Name == "unclear" {
					continue // it repeats what was meant, and says who may
				}
				for _, h := range append(slices.Clone(say.Hints), say.Next, say.Force) {
					readers := h.Who
					switch {
					case h.Command == "":
						continue
					case h.Mine && say.Who != "":
						readers = []string{say.Who}
					case len(readers) == 0:
						readers = []string{"erin"}
					}
					for _, login := range readers {
						if login == "mallory" {
							continue // may not respond; nobody proposes anything to a reader but where it asks everybody
						}
						if refuses(s, p, incident.Person{Login: login, Respond: true}, h.Command) {
							t.Fatalf("%s proposes %s to %s, who is refused", say.Name, h.Command, login)
						}
					}
				}
			}
		}
	})
}

func TestF1OnceTheCauseIsKnownTheNextStepLeads(t *testing.T) {
	tests := []struct {
		name string
		at   func(*story) *story
		want []string
	}{
		{"nothing is known", func(s *story) *story { return s }, []string{"/oe cause …", "/oe finding …"}},
		{"the cause is known", func(s *story) *story { return s.at(8, "alice", cmd(incident.Cause)) }, []string{"/ic phase fixing", "/oe workaround …"}},
		{"a workaround is in place", func(s *story) *story { return s.at(8, "alice", cmd(incident.Workaround)) }, []string{"/ic phase monitoring", "/oe cause …"}},
		{"fixing", func(s *story) *story {
			return s.at(8, "alice", cmd(incident.Cause)).at(9, "carol", phase(incident.Fixing))
		}, []string{"/oe workaround …", "/oe fix …"}},
		{"fixed", func(s *story) *story {
			return s.at(8, "alice", cmd(incident.Cause)).at(9, "carol", phase(incident.Fixing)).at(10, "alice", cmd(incident.Fix))
		}, []string{"/ic phase monitoring", "/oe fix …"}},
		{"agreed", func(s *story) *story {
			return s.at(8, "alice", cmd(incident.Fix)).at(10, "carol", phase(incident.Monitoring)).at(11, "carol", cmd(incident.Agree))
		}, []string{"/ic close", "/ic followup …"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.at(investigating(t).asked())
			var got []string
			for _, h := range incident.Hints(s.state, s.policy) {
				got = append(got, h.Command)
			}
			if len(got) < 2 || !slices.Equal(got[:2], tt.want) {
				t.Errorf("proposes %q, want %q first", got, tt.want)
			}
		})
	}
}

func TestV2TheICIsNeverToldToWriteAnEngineersCommand(t *testing.T) {
	s := investigating(t)
	for _, h := range incident.HintsFor(s.state, s.policy, incident.Person{Login: "carol", Respond: true}) {
		if h.Mine && strings.HasPrefix(h.Command, "/oe") {
			t.Errorf("carol, who is IC, is told to write %s", h.Command)
		}
		if strings.HasPrefix(h.Command, "/oe") && !slices.Equal(h.Who, []string{"alice"}) {
			t.Errorf("%s is for %q, want alice", h.Command, h.Who)
		}
	}
	s.at(9, "carol", phase(incident.Fixing)).expectSays("blocked")
	say := s.effects[len(s.effects)-1].(incident.Reply).Say
	if say.Next.Mine || !slices.Equal(say.Next.Who, []string{"alice"}) || !say.Force.Mine {
		t.Errorf("what is missing is asked of %+v, and insisting of %+v", say.Next, say.Force)
	}
}

// A box says which severity it sets, unless that is called critical (A9).
func TestA9BoxesNameTheSeverity(t *testing.T) {
	p := incident.Policy{Severities: []incident.Severity{{Name: "sev1", Critical: true}, {Name: "critical", Critical: true},
		{Name: "minor"}}}
	for command, want := range map[string]string{
		"/ic severity sev1":     "**This is a P1** (sev1): page the coordinators",
		"/ic severity critical": "**This is a P1**: page the coordinators",
		"/ic severity minor":    "**It can wait** (minor)",
	} {
		if box, ok := incident.BoxFor(command, p); !ok || box.Label != want {
			t.Errorf("%s: %q, %t", command, box.Label, ok)
		}
	}
}

// An overdue update comes before what else there is to do, and once.
func TestHintsBeginWithWhatIsOverdue(t *testing.T) {
	first := func(s *story) string { return incident.Hints(s.state, s.policy)[0].Command }
	s := critical(t)
	if got := first(s); strings.HasPrefix(got, "/ic update") {
		t.Errorf("at minute 5: %s", got)
	}
	s.clock(26)
	if got := first(s); !strings.HasPrefix(got, "/ic update") {
		t.Errorf("an update is overdue: %s", got)
	}
	updates := 0
	for _, h := range incident.Hints(s.state, s.policy) {
		if strings.HasPrefix(h.Command, "/ic update") {
			updates++
		}
	}
	if updates != 1 {
		t.Errorf("it is proposed %d times", updates)
	}
}
