package incident_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// comment makes the facts of one comment in the order in which they count.
func comment(n int, at time.Time, by incident.Person, commands ...incident.Command) []incident.Fact {
	var facts []incident.Fact
	for i, c := range commands {
		facts = append(facts, incident.Fact{ID: fmt.Sprintf("c%d.%d", n, i), At: at, By: by, What: c})
	}
	return incident.InOrder(facts)
}

func TestI2ACommentIsJudgedByWhatStandsAtItsEnd(t *testing.T) {
	severity := incident.Command{Kind: incident.SetSeverity, Severity: "critical"}
	alone := incident.Command{Kind: incident.TakeIC, Because: "nobody else is awake"}
	declare := incident.Command{Kind: incident.Declare, Severity: "critical", Text: "The API is down"}
	for name, c := range map[string]struct {
		before   []incident.Command // by carol, each in a comment of its own
		commands []incident.Command
		is       func(incident.State) bool
	}{
		"a phase before the workaround": {[]incident.Command{alone},
			[]incident.Command{phase(incident.Monitoring), cmd(incident.Workaround)}, func(s incident.State) bool { return s.Phase == incident.Monitoring }},
		"a phase before the cause": {[]incident.Command{alone},
			[]incident.Command{phase(incident.Fixing), cmd(incident.Cause)}, func(s incident.State) bool { return s.Phase == incident.Fixing }},
		"a severity before the role": {nil, []incident.Command{severity, cmd(incident.TakeIC)}, func(s incident.State) bool { return s.IC == "carol" && s.Confirmed != nil }},
		"a close before its follow-up": {[]incident.Command{cmd(incident.TakeIC), cmd(incident.Workaround), because(incident.Monitoring), cmd(incident.Agree)},
			[]incident.Command{{Kind: incident.Close}, cmd(incident.AddFollowUp)}, func(s incident.State) bool {
				return s.Phase == incident.Closing && slices.ContainsFunc(s.FollowUps, func(f incident.FollowUp) bool { return !f.Auto })
			}},
		"a close before the agreement": {[]incident.Command{cmd(incident.TakeIC), cmd(incident.Workaround), because(incident.Monitoring)},
			[]incident.Command{{Kind: incident.Close}, cmd(incident.Agree)}, func(s incident.State) bool { return s.Phase == incident.Closing }},
		"a role given before it is used": {[]incident.Command{cmd(incident.TakeIC)},
			[]incident.Command{{Kind: incident.DropOE}, {Kind: incident.GiveOE, Logins: []string{"bob"}}}, func(s incident.State) bool { return slices.Equal(s.OEs, []string{"alice", "bob"}) }},
		"an update before the customer": {[]incident.Command{cmd(incident.TakeIC)},
			[]incident.Command{cmd(incident.Update), {Kind: incident.AddCustomer, Customers: []string{"initech"}}}, func(s incident.State) bool { return slices.Contains(s.Customers, "initech") }},
		"the role before the declaration": {nil, []incident.Command{cmd(incident.TakeIC), declare}, func(s incident.State) bool { return s.IC == "carol" && s.Summary }},
	} {
		t.Run(name, func(t *testing.T) {
			s := tell(t).fact(first("e1", alice, label("incident")))
			s.fact(first("c90.0", alice, incident.Command{Kind: incident.SetSeverity, Severity: "critical"})).fact(first("c91.0", alice, incident.Command{Kind: incident.AddCustomer, Customers: []string{"globex"}}))
			for i, b := range c.before {
				s.at(float64(i+1), "carol", b)
			}
			for _, f := range comment(200, start.Add(9*time.Minute), incident.Person{Login: "carol", Respond: true}, c.commands...) {
				s.fact(f)
			}
			s.expect(c.is(s.state), "phase %s, IC %s, OEs %v, follow-ups %v, says %v", s.state.Phase, s.state.IC, s.state.OEs, s.state.FollowUps, s.says())
		})
	}
}

var part = regexp.MustCompile(`"c(\d+)\.\d+"`)

// told returns a state without the places of commands in their comment and without the order of its entries.
func orderTold(t *rapid.T, s incident.State) string {
	s.Cursor = incident.Cursor{}
	var lines []string
	for _, e := range s.Timeline {
		text, _ := json.Marshal(e)
		lines = append(lines, part.ReplaceAllString(string(text), `"c$1"`))
	}
	slices.Sort(lines)
	s.Timeline = nil
	text, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return part.ReplaceAllString(string(text), `"c$1"`) + "\n" + strings.Join(lines, "\n")
}

// Whatever the order of the commands of one comment, of which no two are of a kind, it ends in the
// same state.
func TestPropertyTheOrderInACommentDoesNotMatter(t *testing.T) {
	p := incident.DefaultPolicy()
	p.Customers = []incident.Customer{{Name: "globex"}, {Name: "initech"}}
	rapid.Check(t, func(t *rapid.T) {
		facts := drawFacts(t)
		s, _ := run(facts, p)
		at := start
		if len(facts) > 0 {
			at = facts[len(facts)-1].At
		}
		// Never the very second in which a page is due: asked for another, the app sends the two in the
		// order in which it comes to them.
		at = at.Add(time.Minute + 7*time.Second)
		rows := rapid.SliceOfNDistinct(rapid.SampledFrom(incident.Commands), 2, 5, func(r incident.Row) incident.Kind { return r.Kind }).Draw(t, "kinds")
		var commands []incident.Command
		for _, row := range rows {
			c := incident.Command{Kind: row.Kind, Verb: row.Verbs[0], Text: "words", Severity: drawSeverity(t), Phase: rapid.SampledFrom(incident.Phases).Draw(t, "phase"),
				Number: 3, After: 15 * time.Minute, Entries: []incident.Line{{Text: "a line"}}}
			if rapid.Bool().Draw(t, "insist") {
				c.Because = "there is a reason"
			}
			switch row.Kind {
			case incident.GiveIC, incident.GiveOE:
				c.Logins = []string{rapid.SampledFrom([]string{"alice", "bob", "carol"}).Draw(t, "to")}
			case incident.AddCustomer, incident.RemoveCustomer:
				c.Customers = []string{rapid.SampledFrom([]string{"globex", "initech"}).Draw(t, "customer")}
			}
			commands = append(commands, c)
		}
		by := rapid.SampledFrom(people[:3]).Draw(t, "by")
		play := func(commands []incident.Command) string {
			after := s
			for _, f := range comment(900, at, by, commands...) {
				after, _ = incident.Step(after, f, p)
			}
			return orderTold(t, after)
		}
		want := play(commands)
		other := rapid.Permutation(commands).Draw(t, "other")
		if d := cmp.Diff(want, play(other)); d != "" {
			t.Fatalf("%v and %v differ:\n%s", kinds(commands), kinds(other), d)
		}
	})
}

func kinds(commands []incident.Command) (out []incident.Kind) {
	for _, c := range commands {
		out = append(out, c.Kind)
	}
	return out
}

// More facts of one comment than its cursor can name keep the order in which they were written.
func TestSoManyCommandsAreSorted(t *testing.T) {
	for n, isSorted := range map[int]bool{1: true, 2: true, 50: true, 51: false} {
		commands := make([]incident.Command, n)
		for i := range commands {
			commands[i] = cmd(incident.Finding)
		}
		commands[n-1] = cmd(incident.TakeIC) // counts before findings
		first, _ := comment(1, start, alice, commands...)[0].What.(incident.Command)
		if got := first.Kind == incident.TakeIC; got != isSorted {
			t.Errorf("%d facts: sorted is %t", n, got)
		}
	}
}
