package incident

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/words"
)

func TestFollowUpsAsPeopleWriteThem(t *testing.T) {
	for _, c := range []struct{ text, want, wrong string }{
		{"Add a limit", "Add a limit", ""},
		{"acme/payments Add a limit", "repo acme/payments: Add a limit", ""},
		{"acme/payments: Add a limit", "repo acme/payments: Add a limit", ""},
		{"acme/pay/ments Add", "acme/pay/ments Add", ""},
		{"Add a limit @erin due:2026-03-20", "Add a limit [erin] 2026-03-20", ""},
		{"Add @erin, a limit due: 2026-03-20.", "Add a limit [erin] 2026-03-20", ""},
		{"DUE:+7d @erin Add", "Add [erin] +7d", ""},
		{"Add due:", "Add due:", ""},
		{"Add @", "Add @", ""},
		{"Ask @acme/payments", "Ask @acme/payments", ""},
		{"Add a limit\n@erin\ndue:+2w\nwith words", "Add a limit|with words [erin] +2w", ""},
		{"Add a limit\n\nand @bob reads it", "Add a limit||and @bob reads it", ""},
		{"@erin due:+1d", "", "add a title"},
		{"", "", "add a title"},
		{"acme/payments", "", "add a title"},
		{"Add @erin @bob", "", "name one owner only"},
		{"Add\n@erin\n@bob", "", "name one owner only"},
		{"Add due:+1d due:+2d", "", "add one date only"},
		{"Add @sync[bot]", "", "is an app's bot: name a person"},
		{"Add @no_body_", "", "can't be a name on GitHub"},
		{"Add due:tomorrow", "", "write the date as 2026-12-31, +7d or +2w"},
		{"Add due:1999-12-31", "", "write the date as"},
		{"Add due:2000-01-01", "Add 2000-01-01", ""},
		{"Add due:+1000d", "", "write the date as"},
		{"Add due:+999d", "Add +999d", ""},
		{"Add due:2026-02-30", "", "write the date as"},
		{"2 @erin", "change #2 [erin]", ""},
		{"#2 due:+2w", "change #2 +2w", ""},
		{"2 to @erin, due 2026-12-24", "change #2 [erin] 2026-12-24", ""},
		{"2 owner is @erin and due: 2026-12-24.", "change #2 [erin] 2026-12-24", ""},
		{"acme/payments#7 for @erin", "change acme/payments#7 [erin]", ""},
		{"2 @erin due 2026-12-24 and", "change #2 [erin] 2026-12-24", ""},
		{"2 due : 2026-12-24", "2 due : 2026-12-24", ""},
		{"2", "change #2", ""},
		{"2 engineers check it @erin", "2 engineers check it [erin]", ""},
		{"2\n@erin", "change #2 [erin]", ""},
		{"2 @erin @bob", "", "name one owner only"},
	} {
		got, err := parseFollowUp(words.Words{Line: strings.SplitN(c.text, "\n", 2)[0], Below: strings.Join(strings.SplitN(c.text, "\n", 2)[1:], "")})
		var said []string
		if got.Number != 0 {
			said = append(said, "change "+got.Repo+"#"+string(rune('0'+got.Number)))
		} else if got.Repo != "" {
			said = append(said, "repo "+got.Repo+":")
		}
		if got.Text != "" {
			said = append(said, strings.ReplaceAll(got.Text, "\n", "|"))
		}
		if len(got.Logins) > 0 {
			said = append(said, "["+strings.Join(got.Logins, " ")+"]")
		}
		if got.Due != "" {
			said = append(said, got.Due)
		}
		isWrong := err != nil && c.wrong != "" && strings.Contains(err.Error(), c.wrong)
		if err == nil && c.wrong != "" || err != nil && !isWrong || err == nil && strings.Join(said, " ") != c.want {
			t.Errorf("%q: %q, %v; want %q, %q", c.text, strings.Join(said, " "), err, c.want, c.wrong)
		}
	}
}

// What a comment's key says of an update that did not arrive, of a customer's answer and of a tap is
// read back, and nothing else is.
func TestKeysOfCommentsAreReadBack(t *testing.T) {
	at := time.Date(2026, 3, 2, 10, 50, 0, 0, time.UTC)
	u := Unsent{Customer: "globex/eu", Update: at, By: "c12,3", Failed: []Failure{{Channel: "issue"}, {Channel: "e,mail"}}}
	if key := UnsentKey(u, []string{"issue", "e,mail"}); key != "unsent/globex%2Feu/issue,e%2Cmail/20260302105000,c12%2C3" {
		t.Error(key)
	}
	for key, want := range map[string]*Unsent{
		UnsentKey(u, []string{"issue", "e,mail"}):       &u,
		"unsent/globex/issue/20260302105000":            {Customer: "globex", Update: at, Failed: []Failure{{Channel: "issue"}}},
		"unsent/globex/issue/20260302105000/more":       nil,
		"unsent/globex/issue":                           nil,
		"sent/globex/issue/20260302105000":              nil,
		"unsent/glob%ex/issue/20260302105000":           nil,
		"unsent/globex/iss%ue/20260302105000":           nil,
		"unsent/globex/issue/20260302105000,c%1":        nil,
		"unsent/globex/issue/2026030210500":             nil,
		"unsent/globex/issue/yesterday":                 nil,
		"unsent/globex/issue,email/20260302105000,c1.0": {Customer: "globex", Update: at, By: "c1.0", Failed: []Failure{{Channel: "issue"}, {Channel: "email"}}},
	} {
		got, ok := ParseUnsent(key)
		if ok != (want != nil) || ok && !reflect.DeepEqual(got, *want) {
			t.Errorf("%s: %+v, %t, want %+v", key, got, ok, want)
		}
	}

	a := CustomerAnswered{Customer: "globex", Issue: "acme/customer-globex#4", Comment: 7000012, IsRestored: true}
	f := Fact{ID: "s7000012@shared", At: at, By: Person{Login: "gina"}, What: a}
	key := a.answerKey(f)
	if got, ok := ParseCustomerAnswered(key); !ok || !reflect.DeepEqual(got, f) {
		t.Errorf("%s: %+v, %t", key, got, ok)
	}
	for _, bad := range []string{"", "answer/globex/gina/1/i", key + "/more", "answered" + strings.TrimPrefix(key, "answer"), "answer/g%x/gina/1/i/2", "answer/globex/gi%na/1/i/2",
		"answer/globex/gina/now/i/2", "answer/globex/gina/1/i%/2", "answer/globex/gina/1/i/two"} {
		if _, ok := ParseCustomerAnswered(bad); ok {
			t.Errorf("%q is read as an answer", bad)
		}
	}

	p := DefaultPolicy()
	for _, b := range Boxes(p) {
		tap := TapOf(b, 7000001, at, "carol")
		if got, ok := ParseTap(tapKey(tap, b.Command), p); !ok || !reflect.DeepEqual(got, tap) {
			t.Errorf("%s: %+v, %t, want %+v", tapKey(tap, b.Command), got, ok, tap)
		}
		for line, want := range map[string]bool{b.Line(): true, b.Line() + " · **carol**": true, b.Line() + "!": false, "x" + b.Line(): false, b.Line() + " ·": false} {
			if got, ok := ReadBox(line, p); ok != want || ok && got != b {
				t.Errorf("%q is box %+v, %t, want %t", line, got, ok, want)
			}
		}
		if got, ok := BoxFor(b.Command+" …", p); !ok || got != b {
			t.Errorf("%s: box %+v, %t", b.Command, got, ok)
		}
	}
	for _, bad := range []string{"", "tap/1/2/carol", "tap/1/2/carol/%2Fic/more", "taps/1/2/carol/%2Fic", "tap/one/2/carol/%2Fic", "tap/1/two/carol/%2Fic", "tap/1/2//%2Fic", "tap/1/2/carol/%2", "tap/1/2/carol/%2Fic+update"} {
		if _, ok := ParseTap(bad, p); ok {
			t.Errorf("%q is read as a tap", bad)
		}
	}
}

// Which boxes an edit of a card ticked.
func TestTicksOfAnEdit(t *testing.T) {
	box := func(tick, command string) string { return "- [" + tick + "] " + boxMark + command + " -->**words**" }
	line := func(command string) string { return boxMark + command + " -->**words**" }
	card := func(ticks ...string) string {
		out := "# card\n"
		for i, tick := range ticks {
			out += box(tick, []string{"/ic", "/oe", "/ic close"}[i]) + "\n"
		}
		return out + "end\n"
	}
	for name, c := range map[string]struct {
		before, after string
		lines         []string
		isClean       bool
	}{
		"one":                  {card(" ", " "), card("x", " "), []string{line("/ic")}, true},
		"both, in capitals":    {card(" ", " "), card("X", "x"), []string{line("/ic"), line("/oe")}, true},
		"one more":             {card("x", " "), card("x", "x"), []string{line("/oe")}, true},
		"none":                 {card("x", " "), card("x", " "), nil, true},
		"taken away":           {card("x", " "), card(" ", " "), nil, true},
		"and words":            {card(" ", " "), card("x", " ") + "more", []string{line("/ic")}, false},
		"with other line ends": {card(" ", " "), strings.ReplaceAll(card("x", " "), "\n", "\r\n") + "\r\n", []string{line("/ic")}, true},
		"in the middle of one": {"a - [ ] " + line("/ic"), "a - [x] " + line("/ic"), nil, false},
	} {
		if lines, isClean := TickedBy(c.before, c.after); !slices.Equal(lines, c.lines) || isClean != c.isClean {
			t.Errorf("%s: %q, clean %t; want %q, %t", name, lines, isClean, c.lines, c.isClean)
		}
	}
	if got := Untick(card("x", "X", " ")); got != card(" ", " ", " ") {
		t.Error(got)
	}
	many := strings.Repeat(box("x", "/ic")+"\n", 11) + box("x", strings.Repeat("l", 400))
	if got := TickedBoxes(many); len(got) != 10 {
		t.Errorf("%d lines of 12", len(got))
	}
	if got := TickedBoxes(box("x", strings.Repeat("l", 400))); len(got) != 1 || len([]rune(got[0])) > 300 {
		t.Errorf("%q is kept of a long line", got)
	}
}

// A box that was found ticked is one that a webhook told of before if it is the same box, of the
// same card, within ten minutes.
func TestABoxIsActedOnOnce(t *testing.T) {
	at := time.Date(2026, 3, 2, 10, 50, 0, 0, time.UTC)
	asked := Asked{Edits: []string{"e5@1.1", TapID(7, at, "/ic", "carol")}}
	for _, c := range []struct {
		comment int64
		after   time.Duration
		command string
		want    bool
	}{
		{7, 0, "/ic", true}, {7, 10*time.Minute - time.Second, "/ic", true}, {7, time.Second - 10*time.Minute, "/ic", true},
		{7, 10 * time.Minute, "/ic", false}, {7, -10 * time.Minute, "/ic", false}, {8, 0, "/ic", false}, {7, 0, "/oe", false},
	} {
		if got := asked.tookTap(c.comment, at.Add(c.after), c.command); got != c.want {
			t.Errorf("box %s of %d, %s later: %t, want %t", c.command, c.comment, c.after, got, c.want)
		}
	}
	if (Asked{Edits: []string{strings.Replace(TapID(7, at, "/ic", "carol"), "t", "e", 1)}}).tookTap(7, at, "/ic") {
		t.Error("an edit counts as a tick")
	}
}
