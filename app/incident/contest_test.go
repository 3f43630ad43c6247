package incident

import (
	"testing"
	"time"
)

// The rule by which two automata end, for whoever changes things back.
func TestContests(t *testing.T) {
	bot, machine, tom, unknown := Person{Login: "sync[bot]", Bot: true}, Person{Login: "machine"}, Person{Login: "tom"}, Person{}
	type act struct {
		by    Person
		after time.Duration
		order bool // a responder's command, and no change back
		left  bool
		tell  bool
	}
	again := func(n int, a act) (all []act) {
		for range n {
			all = append(all, a)
		}
		return all
	}
	join := func(lists ...[]act) (all []act) {
		for _, l := range lists {
			all = append(all, l...)
		}
		return all
	}
	second := time.Second
	for name, acts := range map[string][]act{
		"a bot, at once":        {{by: bot}, {by: bot, after: second}, {by: bot, after: second, left: true, tell: true}, {by: bot, after: second, left: true}},
		"a bot, once a day":     {{by: bot}, {by: bot, after: 24 * time.Hour}, {by: bot, after: 24 * time.Hour, left: true, tell: true}, {by: bot, after: 24 * time.Hour, left: true, tell: true}},
		"two bots":              {{by: bot}, {by: Person{Login: "x[bot]", Bot: true}}, {by: bot, left: true, tell: true}},
		"an account, at once":   join(again(4, act{by: machine, after: second}), []act{{by: machine, left: true, tell: true}, {by: machine, left: true}}),
		"a person, each hour":   again(20, act{by: tom, after: 61 * time.Minute}),
		"nobody says who":       join(again(4, act{by: unknown, after: second}), []act{{by: unknown, left: true, tell: true}, {by: unknown, left: true}}),
		"nobody says, of a bot": {{by: bot}, {by: unknown}, {by: bot, left: true, tell: true}, {by: unknown, left: true}},
		"a responder acts": {{by: bot}, {by: bot}, {by: bot, left: true, tell: true}, {order: true, after: second}, {by: bot, left: true}, {by: bot, left: true},
			{order: true, after: second}, {by: bot, left: true}},
		"a responder of before": {{by: bot}, {by: bot}, {by: bot, left: true, tell: true}, {order: true, after: -second, left: true}},
		"somebody else by hand": {{by: bot}, {by: bot}, {by: bot, left: true, tell: true}, {by: tom, after: second}, {by: bot, after: second}, {by: bot, after: second, left: true}},
	} {
		var c Contests
		now := time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
		for i, a := range acts {
			now = now.Add(a.after)
			tell := false
			if a.order {
				c = c.tryAgain(now)
			} else {
				c, tell = c.changedBack("label phase/fixing", a.by, now)
			}
			if c.Left("label phase/fixing") != a.left || tell != a.tell {
				t.Errorf("%s, step %d: left %t and told %t, want %t and %t: %+v", name, i+1, c.Left("label phase/fixing"), tell, a.left, a.tell, c)
			}
		}
	}
	var card Contests
	for i := range 19 {
		if card, _ = card.changedBack(ContestCard, tom, time.Time{}); card.Left(ContestCard) {
			t.Fatalf("after %d times by hand the card is left as it is", i+1)
		}
	}
	if card, _ = card.changedBack(ContestCard, tom, time.Time{}); !card.LeavesCard(time.Time{}.Add(59*time.Minute)) || card.LeavesCard(time.Time{}.Add(time.Hour)) {
		t.Error("the card is not left for an hour")
	}
	var many Contests
	for i := range 100 {
		many, _ = many.changedBack(ContestAssignee(string(rune('a'+i%26))+string(rune('a'+i/26))), bot, time.Time{})
	}
	if len(many) != maxContests {
		t.Errorf("%d are kept", len(many))
	}
}

// What the app leaves as it is, it leaves for good; but for the label that makes the incident one, and the card,
// which are tried again each hour.
func TestWhatIsLeftForAnHour(t *testing.T) {
	at := time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	label := func(name string, left bool) Contest {
		return Contest{What: ContestLabel(name), At: at, Left: left, Back: 3}
	}
	for _, c := range []struct {
		one          Contest
		name         string
		label, later bool // now, and after an hour
	}{
		{label("drill", true), "drill", true, true}, {label("drill", false), "drill", false, false}, {label("drill", true), "bug", false, false},
		{label(LabelIncident, true), LabelIncident, true, false},
	} {
		for _, all := range []Contests{{c.one}, {label("other", true), c.one}} {
			now, later := all.LeavesLabel(c.name, at.Add(time.Hour-1)), all.LeavesLabel(c.name, at.Add(time.Hour))
			if now != c.label || later != c.later {
				t.Errorf("%s of %+v: %t, and later %t", c.name, all, now, later)
			}
			if left := all.Left(ContestLabel(c.name)); left != c.label {
				t.Errorf("%s of %+v is left: %t", c.name, all, left)
			}
		}
	}
	card := Contests{{What: ContestCard, At: at, Left: true, Back: 2}}
	if !card.LeavesCard(at.Add(time.Hour-1)) || card.LeavesCard(at.Add(time.Hour)) || (Contests{}).LeavesCard(at) || (Contests{{What: ContestCard, At: at}}).LeavesCard(at) {
		t.Error("the card is left for another time than an hour")
	}
	if card.Back(ContestCard) != 2 || card.Back("other") != 0 {
		t.Errorf("changed back %d and %d times", card.Back(ContestCard), card.Back("other"))
	}
}
