package effects

import (
	"slices"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/incident"
)

func TestA1AnAnswerMentionsOnceAndSaysEachThingOnce(t *testing.T) {
	cause := incident.Say{Name: "propose", Who: "carol", Holder: "alice", Recorded: "cause",
		Phase: incident.Fixing, Next: incident.Hint{Command: "/ic phase fixing", Does: "start fixing",
			Mine: true}}
	workaround := incident.Say{Name: "propose", Who: "carol", Holder: "alice", Recorded: "workaround",
		Phase: incident.Monitoring,
		Next:  incident.Hint{Command: "/ic phase monitoring", Does: "start monitoring", Mine: true}}
	due := incident.Say{Name: "nothing-due", Who: "carol"}
	other := incident.Say{Name: "nothing-due", Who: "bob"}
	for _, c := range []struct {
		name string
		says []incident.Say
		want []string // the paragraphs' beginnings
	}{
		{"a cause and a workaround", []incident.Say{cause, workaround},
			[]string{"@carol: **alice** recorded the cause and workaround. To start monitoring: `/ic phase monitoring`."}},
		{"twice the same", []incident.Say{due, due}, []string{"@carol: no customer update is due"}},
		{"two things to one person", []incident.Say{cause, due},
			[]string{"@carol: **alice** recorded the cause.", "No customer update is due"}},
		{"to two people", []incident.Say{due, other}, []string{"@carol: no customer update is due",
			"@bob: no customer update is due"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var says []incident.Say
			for _, s := range c.says {
				says = appendSay(says, s)
			}
			text, err := joinSays(says)
			if err != nil {
				t.Fatal(err)
			}
			got := slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return line == "" })
			if !slices.EqualFunc(got, c.want, strings.HasPrefix) {
				t.Errorf("says %q, want %q", got, c.want)
			}
		})
	}
}
