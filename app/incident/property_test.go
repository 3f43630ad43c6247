package incident_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

var people = []incident.Person{
	{Login: "alice", Respond: true}, {Login: "bob", Respond: true}, {Login: "carol", Respond: true},
	{Login: "mallory"}, {Login: "alerts[bot]", Bot: true},
}

// drawFacts draws what may happen to an issue, in GitHub's order, some of it within the same second.
func drawFacts(t *rapid.T) []incident.Fact {
	at := start
	var facts []incident.Fact
	if rapid.Bool().Draw(t, "form") {
		facts = append(facts, incident.Fact{ID: "opened", At: at, By: rapid.SampledFrom(people).Draw(t, "author"), What: incident.Opened{
			Source: "form", Summary: rapid.Bool().Draw(t, "summary"), Severity: drawSeverity(t),
			Customers: rapid.SliceOfN(rapid.SampledFrom([]string{"globex", "initech"}), 0, 2).Draw(t, "customers"), Drill: rapid.IntRange(0, 5).Draw(t, "drill") == 0,
		}})
	}
	for i := range rapid.IntRange(0, 60).Draw(t, "facts") {
		at = at.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 30, 240, 1300, 9000}).Draw(t, "gap")) * time.Second)
		what := drawWhat(t)
		f := incident.Fact{ID: fmt.Sprintf("c%d.0", i+1), At: at, By: rapid.SampledFrom(people).Draw(t, "by"), What: what}
		switch what.(type) {
		case incident.Clock, incident.TicketOpened, incident.DocumentOpened, incident.DocumentMerged, incident.PageFailed, incident.Unsent:
			f.ID, f.By = "", incident.Person{}
		}
		facts = append(facts, f)
	}
	return facts
}

func drawSeverity(t *rapid.T) string {
	return rapid.SampledFrom([]string{"", "critical", "regular", "huge"}).Draw(t, "severity")
}

func drawWhat(t *rapid.T) any {
	login := func() string { return rapid.SampledFrom([]string{"alice", "bob", "carol", "mallory"}).Draw(t, "login") }
	phase := func() incident.Phase { return rapid.SampledFrom(incident.Phases).Draw(t, "phase") }
	switch rapid.IntRange(0, 18).Draw(t, "kind") {
	case 17:
		return incident.Unsent{Customer: rapid.SampledFrom([]string{"globex", "hooli"}).Draw(t, "customer"), Update: start.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "update")) * time.Second),
			Failed: []incident.Failure{{Channel: rapid.SampledFrom([]string{"issue", "email", "slack"}).Draw(t, "channel"), Why: "550"}}}
	case 18: // the last update reached nobody by e-mail
		return incident.Unsent{Customer: "globex", Failed: []incident.Failure{{Channel: "email"}, {Channel: "issue"}}}
	case 0:
		return incident.Labeled{Name: "phase/" + string(phase())}
	case 1:
		return incident.Unlabeled{Name: "phase/" + string(phase())}
	case 2:
		return incident.Labeled{Name: rapid.SampledFrom([]string{"severity/critical", "severity/regular", "incident", "drill"}).Draw(t, "label")}
	case 3:
		return incident.Assigned{Login: login()}
	case 4:
		return incident.Unassigned{Login: login()}
	case 5:
		return incident.ClosedByHand{}
	case 6:
		return incident.Reopened{}
	case 7:
		return incident.Commented{}
	case 8:
		return incident.Clock{}
	case 9:
		return incident.TicketOpened{Index: rapid.IntRange(0, 2).Draw(t, "index"), Ticket: "acme/payments#1"}
	case 10:
		return incident.DocumentOpened{Number: 7}
	case 11:
		return incident.DocumentMerged{Number: 7}
	}
	row := rapid.SampledFrom(incident.Commands).Draw(t, "command")
	c := incident.Command{Kind: row.Kind, Verb: row.Verbs[0], Text: "some words", Severity: drawSeverity(t), Phase: phase(), Number: 3, After: 15 * time.Minute,
		Entries: []incident.Line{{Text: "a line"}, {When: incident.Moment{Said: "03:10", Hour: 3, Minute: 10, Plain: true}, Text: "another"}}}
	if rapid.IntRange(0, 3).Draw(t, "insist") == 0 {
		c.Because = "there is a reason"
	}
	switch row.Kind {
	case incident.GiveIC, incident.GiveOE, incident.AddFollowUp:
		c.Logins = []string{login()}
		if c.Logins[0] == "mallory" {
			c.Cannot = c.Logins
		}
	case incident.AddCustomer, incident.RemoveCustomer:
		c.Customers = []string{rapid.SampledFrom([]string{"globex", "initech", "hooli", "Globx", "n/a", "globex and initech"}).Draw(t, "customer")}
		c.None = rapid.IntRange(0, 5).Draw(t, "none") == 0
		if c.None {
			c.Customers = nil
		}
	case incident.Told:
		c.Text = rapid.SampledFrom([]string{"by phone", "globex by phone", "initech, Bill", "Gina", "globx by phone"}).Draw(t, "how")
	}
	return c
}

// told is a policy with a customer who has two channels, one who has none, and one who is not impacted.
func told() incident.Policy {
	p := incident.DefaultPolicy()
	p.Customers = []incident.Customer{
		{Name: "globex", Contacts: []string{"Gina, +49 1"}, Channels: []incident.Channel{{Kind: "issue", To: "acme/globex"}, {Kind: "email", To: "gina@globex.example"}}},
		{Name: "initech", Contacts: []string{"Bill, +49 2"}}, {Name: "hooli", Channels: []incident.Channel{{Kind: "slack", To: "#hooli"}}},
	}
	return p
}

func run(facts []incident.Fact, p incident.Policy) (incident.State, []incident.Effect) {
	var s incident.State
	var all []incident.Effect
	for _, f := range facts {
		var effects []incident.Effect
		s, effects = incident.Step(s, f, p)
		all = append(all, effects...)
	}
	return s, all
}

func TestPropertyOnePhaseAndTwoPeople(t *testing.T) {
	p := told()
	rapid.Check(t, func(t *rapid.T) {
		var s incident.State
		for _, f := range drawFacts(t) {
			s, _ = incident.Step(s, f, p)
			if s.Declared == nil {
				continue
			}
			w := incident.AsWanted(s, p)
			phases, severities := 0, 0
			for _, l := range w.Labels {
				if strings.HasPrefix(l, incident.LabelPhase) {
					phases++
				}
				if strings.HasPrefix(l, incident.LabelSeverity) {
					severities++
				}
				if slices.Contains(w.Unwanted, l) {
					t.Fatalf("label %s is wanted and unwanted", l)
				}
			}
			if phases != 1 || severities > 1 {
				t.Fatalf("labels %v: want exactly one phase and at most one severity", w.Labels)
			}
			if s.Critical(p) && s.Phase != incident.Identify && s.Alone == nil && s.IC != "" && naming.Contains(s.OEs, s.IC) {
				t.Fatalf("%s is IC and OE of a critical incident in %s, and nobody insisted (V1)", s.IC, s.Phase)
			}
			if s.Critical(p) != (p.Critical(s.Severity) && s.Confirmed != nil) {
				t.Fatal("critical is not what was confirmed")
			}
			for _, l := range append([]string{s.IC}, s.OEs...) {
				if l == "mallory" || l == "alerts[bot]" {
					t.Fatalf("%s may not respond and holds a role (A3)", l)
				}
			}
		}
	})
}

func TestPropertySameFactsSameState(t *testing.T) {
	p := told()
	rapid.Check(t, func(t *rapid.T) {
		facts := drawFacts(t)
		a, ea := run(facts, p)
		b, eb := run(facts, p)
		if d := cmp.Diff(a, b); d != "" {
			t.Fatal(d)
		}
		if d := cmp.Diff(ea, eb); d != "" {
			t.Fatal(d)
		}
		text, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		var back incident.State
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if again, _ := json.Marshal(back); string(again) != string(text) {
			t.Fatalf("the state does not survive its own JSON:\n%s\n%s", text, again)
		}
	})
}

func TestPropertyStepLeavesItsInputAlone(t *testing.T) {
	p := told()
	rapid.Check(t, func(t *rapid.T) {
		var s incident.State
		for _, f := range drawFacts(t) {
			before, _ := json.Marshal(s)
			next, _ := incident.Step(s, f, p)
			if after, _ := json.Marshal(s); string(after) != string(before) {
				t.Fatalf("%T changed the state that it was given", f.What)
			}
			s = next
		}
	})
}

func TestPropertyReplayChangesNothing(t *testing.T) {
	p := told()
	rapid.Check(t, func(t *rapid.T) {
		facts := drawFacts(t)
		s, _ := run(facts, p)
		for _, f := range facts {
			if f.ID == "" {
				continue
			}
			again, effects := incident.Step(s, f, p)
			if d := cmp.Diff(s, again); d != "" || len(effects) > 0 {
				t.Fatalf("replaying %s (%T) has effects %v and changes:\n%s", f.ID, f.What, effects, d)
			}
		}
	})
}

// However often the clock is looked at in between, and however late, the same happens at the same times.
func TestPropertyClockLooksChangeNothing(t *testing.T) {
	p := told()
	rapid.Check(t, func(t *rapid.T) {
		facts := drawFacts(t)
		if len(facts) == 0 {
			return
		}
		end := incident.Fact{At: facts[len(facts)-1].At.Add(3 * time.Hour), What: incident.Clock{}}
		var looked []incident.Fact
		for i, f := range facts {
			looked = append(looked, f)
			next := end.At
			if i+1 < len(facts) {
				next = facts[i+1].At
			}
			if gap := next.Sub(f.At); gap > time.Second {
				looked = append(looked, incident.Fact{At: f.At.Add(time.Duration(rapid.Int64Range(1, int64(gap)-1).Draw(t, "look"))), What: incident.Clock{}})
			}
		}
		a, _ := run(append(facts, end), p)
		b, _ := run(append(looked, end), p)
		if d := cmp.Diff(a, b); d != "" {
			t.Fatal(d)
		}
	})
}

func TestPropertyDueIsAhead(t *testing.T) {
	p := told()
	rapid.Check(t, func(t *rapid.T) {
		facts := drawFacts(t)
		s, _ := run(facts, p)
		now := start
		if len(facts) > 0 {
			now = facts[len(facts)-1].At
		}
		if due := incident.Due(s, p); !due.IsZero() && !due.After(now) {
			t.Fatalf("due at %s, and it is %s already", due, now)
		}
	})
}

// A3: whoever may not respond changes nothing but how far was read.
func TestA3PropertyReadersChangeNothing(t *testing.T) {
	p := told()
	rapid.Check(t, func(t *rapid.T) {
		s, _ := run(append([]incident.Fact{opened("alice", "critical")}, drawFacts(t)...), p)
		what := drawWhat(t)
		switch what.(type) {
		case incident.TicketOpened, incident.DocumentOpened, incident.DocumentMerged, incident.Unsent, incident.Clock:
			return
		}
		at := start.Add(200 * time.Hour)
		s, _ = incident.Step(s, incident.Fact{At: at, What: incident.Clock{}}, p)
		after, effects := incident.Step(s, incident.Fact{ID: "c9999.0", At: at, By: people[3], What: what}, p)
		for _, e := range effects {
			switch e.(type) {
			case incident.Reply, incident.React:
			default:
				t.Fatalf("%T by a reader has the effect %T", what, e)
			}
		}
		after.Cursor, s.Cursor = incident.Cursor{}, incident.Cursor{}
		after.Heard, after.Last, s.Heard, s.Last = nil, nil, nil, nil
		after.Mirrored, s.Mirrored = nil, nil
		after.Contested, s.Contested = nil, nil // who changes back what the app puts right is counted
		if d := cmp.Diff(s, after); d != "" {
			t.Fatalf("%T by a reader changes:\n%s", what, d)
		}
	})
}

// The state stays small however long the incident lasts: it is in one comment.
func TestStateIsBounded(t *testing.T) {
	p := told()
	s, _ := incident.Step(incident.State{}, opened("alice", "critical"), p)
	for i := range 20000 {
		s, _ = incident.Step(s, incident.Fact{ID: fmt.Sprintf("c%d.0", 100+i), At: start.Add(time.Duration(i) * 13 * time.Second), By: people[0],
			What: incident.Command{Kind: incident.Finding, Text: strings.Repeat("x", 100)}}, p)
	}
	text, _ := json.Marshal(s)
	if len(text) > 20_000 {
		t.Fatalf("the state of an incident with %d entries takes %d bytes", s.Entries, len(text))
	}
	if s.Findings != 20000 {
		t.Fatalf("%d findings counted, want 20000", s.Findings)
	}
}

func TestWindowHoldsWhatComesNext(t *testing.T) {
	for n := range 30_000 {
		page, size := incident.Window(n)
		first := (page - 1) * size
		if first > n || n-first >= size {
			t.Fatalf("after %d items, page %d of %d holds %d to %d", n, page, size, first, first+size-1)
		}
		if n > 5 && n-first < 5 {
			t.Fatalf("after %d items, the page begins at %d: a deleted comment would hide a new one", n, first)
		}
		if first+size-n < 20 {
			t.Fatalf("after %d items, there is room for %d more only", n, first+size-n)
		}
	}
}
