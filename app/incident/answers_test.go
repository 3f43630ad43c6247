package incident_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/templates"
)

var update = flag.Bool("update", false, "renew testdata/answers.md")

// wrong are slips in the arguments of a command, besides leaving them out.
var wrong = map[incident.Kind][]string{
	incident.Declare:        {"/incdent critical The API is down", "/incident regular", "/incident update We look into it"},
	incident.Help:           {"/incident hlep", "/incident help me"},
	incident.Duplicate:      {"/incident duplicate that other one", "/incident duplicate acme/other#3"},
	incident.TakeIC:         {"/ic me", "/ic because"},
	incident.GiveIC:         {"/ic @dan @bob", "/ic @acme/platform", "/ic @mallory"},
	incident.SetSeverity:    {"/ic severity huge"},
	incident.AddCustomer:    {"/ic customer globex"},
	incident.RemoveCustomer: {"/ic customer remove initech"},
	incident.Escalate:       {"/ic escalate @dan"},
	incident.Started:        {"/incident started failing at noon", "/incident started 25:99"},
	incident.Call:           {"/ic call me", "/ic call http://meet.example/p1", "/ic call https://meet.example/`x`"},
	incident.Snooze:         {"/ic snooze a bit", "/ic snooze 15m", "/ic snooze 48h in a call"},
	incident.Pin:            {"/ic pin https://github.com/acme/incidents/issues/1"},
	incident.MovePhase:      {"/ic phase fix", "/ic phase done", "/ic phase monitoring", "/ic phase closing"},
	incident.AddFollowUp:    {"/ic followup", "/ic followup Raise it due:friday", "/ic followup Raise it @mallory"},
	incident.TakeOE:         {"/oe because"},
	incident.GiveOE:         {"/oe @carol", "/oe @mallory"},
}

// moments are the incidents on which the commands are tried.
var moments = []struct {
	name string
	at   func(*testing.T) *story
}{
	{"an issue that is no incident", tell},
	{"unconfirmed", func(t *testing.T) *story {
		return tell(t).fact(opened("mallory", "critical"))
	}},
	{"nobody coordinates", func(t *testing.T) *story { return tell(t).fact(opened("alice", "critical")) }},
	{"investigate", investigating},
	{"monitoring", func(t *testing.T) *story {
		return investigating(t).at(8, "alice", cmd(incident.Cause)).at(9, "alice", cmd(incident.Workaround)).at(9, "carol", phase(incident.Monitoring))
	}},
	{"closed", func(t *testing.T) *story {
		return investigating(t).at(8, "alice", cmd(incident.Cause)).at(9, "alice", cmd(incident.Fix)).at(9, "carol", phase(incident.Monitoring)).
			at(10, "carol", cmd(incident.Agree)).at(11, "carol", cmd(incident.Close)).at(11, "", incident.DocumentOpened{Number: 7}).clock(12)
	}},
	{"declined", func(t *testing.T) *story { return investigating(t).at(9, "carol", cmd(incident.Decline)) }},
}

func investigating(t *testing.T) *story {
	return critical(t).at(6, "carol", phase(incident.Investigate))
}

// write writes a comment on an incident, and returns how it was answered.
func (s *story) write(by, text string) (reaction, words string) {
	shown := ""
	var said []string
	for i, what := range command.Parse(text) {
		s.n++
		f := incident.Fact{ID: fmt.Sprintf("c%d.%d", 1000+s.n, i), At: start.Add(15 * time.Minute), By: incident.Person{Login: by, Respond: by != "mallory"}, What: what}
		if c, ok := what.(incident.Command); ok {
			if naming.Contains(c.Logins, "mallory") {
				c.Cannot = []string{"mallory"}
			}
			f.What = c
		}
		s.fact(f)
		for _, e := range s.effects {
			switch e := e.(type) {
			case incident.React:
				shown = map[incident.Reaction]string{incident.Done: "👍", incident.Unclear: "😕", incident.Refused: "👎"}[e.How]
			case incident.Reply:
				comment, err := templates.Comment(e.Say)
				if err != nil {
					s.t.Fatal(err)
				}
				comment, _, _ = strings.Cut(comment, "\nWrite a command on a line") // of help, what everybody gets
				said = append(said, strings.Join(strings.FieldsFunc(comment, func(r rune) bool { return r == '\n' }), " ⏎ "))
			}
		}
	}
	return shown, strings.Join(said, " ⏎ ")
}

// TestA1Answers plays every command with nothing behind it, misspelt, by the wrong person, at the
// wrong time and as it should be, and holds the answers against testdata/answers.md, which is
// written to be read as whoever gets them does.
func TestA1Answers(t *testing.T) {
	var b strings.Builder
	b.WriteString("What each command is answered, as TestA1Answers found it. go test ./app/incident -run TestA1Answers -update renews it.\n" +
		"carol is the Incident Coordinator, alice the Operations Engineer, bob a responder without a role; mallory may only read.\n" +
		"Read each line as the one who gets it at 3 a.m. would. \"⏎\" is a new line.\n")
	for _, row := range incident.Commands {
		for _, verb := range row.Verbs {
			line := strings.Replace(row.Example, "/"+row.Verbs[0], "/"+verb, 1)
			holder := "carol"
			if verb == "oe" && row.Kind != incident.TakeOE && row.Kind != incident.GiveOE {
				holder = "alice"
			}
			fmt.Fprintf(&b, "\n## %s\n", strings.Replace(row.Usage, "/"+row.Verbs[0], "/"+verb, 1))
			var silent []string
			tried := map[string]bool{}
			try := func(moment int, by, text string) {
				m := moments[moment]
				key := m.name + by + text
				if tried[key] {
					return
				}
				tried[key] = true
				reaction, words := m.at(t).write(by, text)
				if reaction == "" {
					t.Errorf("%s by %s, %s: no reaction", text, by, m.name)
				}
				if words == "" {
					silent = append(silent, fmt.Sprintf("`%s` by %s, %s", text, by, m.name))
					if reaction != "👍" {
						t.Errorf("%s by %s, %s: %s without a word", text, by, m.name, reaction)
					}
					return
				}
				fmt.Fprintf(&b, "- `%s` by %s, %s → %s %s\n", text, by, m.name, reaction, words)
			}
			bare := strings.TrimSpace("/" + verb + " " + row.Word)
			try(3, holder, bare)
			if n := len(bare); row.Word != "" {
				try(3, holder, strings.Replace(line, bare, bare[:n-2]+bare[n-1:]+bare[n-2:n-1], 1))
			}
			for _, text := range wrong[row.Kind] {
				try(3, holder, text)
			}
			for _, by := range []string{"carol", "alice", "bob", "mallory"} {
				try(3, by, line)
			}
			for i := range moments {
				try(i, holder, line)
			}
			try(1, "bob", line)
			if len(silent) > 0 {
				b.WriteString("- 👍 without a word: " + strings.Join(silent, "; ") + "\n")
			}
		}
	}
	const golden = "testdata/answers.md"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatalf("%v (run with -update)", err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(b.String(), "\n")); d != "" {
		t.Errorf("not as %s says (-want +got); read it, then run with -update:\n%s", golden, d)
	}
}
