package postmortem

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/firebreak-dev/firebreak/app/incident"
)

func documentOf(t interface{ Fatal(...any) }, f Facts) string {
	document, err := Document(f)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

func refreshed(t interface{ Fatal(...any) }, document string, f Facts) string {
	got, err := Refresh(document, f)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// later is rich after its tickets were opened and done: nearly every section says something else.
func later() Facts {
	f := rich()
	f.At = at("40:00")
	f.State.Customers = append(f.State.Customers, "hooli")
	f.FollowUps[0].Done = true
	f.FollowUps[1].Ticket = "acme/incidents#45"
	f.Summary = "It was worse."
	f.Spans[len(f.Spans)-1].To = f.At
	f.Entries = append(f.Entries,
		incident.Entry{At: at("38:00"), By: "dora", Kind: "followup done", What: "acme/platform#77"})
	for _, kind := range []string{"update", "finding", "cause", "action", "workaround", "fix", "regression",
		"agreed", "oe"} {
		f.Entries = append(f.Entries,
			incident.Entry{At: at("39:00"), By: "dora", Kind: kind, Ref: "c900.0", What: "gina",
				Text: "later " + kind})
	}
	f.Pages = append(f.Pages,
		incident.Page{Key: "page/9", At: at("38:30"), To: []string{"hooli"}, Why: "asked"})
	return f
}

func TestC2RefreshWritesEverySectionAnew(t *testing.T) {
	before, after := documentOf(t, rich()), documentOf(t, later())
	old, fresh := lines(before), lines(after)
	for i, s := range markedSections(old) {
		if s.name != machine[i] {
			t.Fatalf("section %d is %s, want %s", i, s.name, machine[i])
		}
		now := markedSections(fresh)[i]
		if slices.Equal(old[s.begin:s.end], fresh[now.begin:now.end]) {
			t.Errorf("%s is the same before and after: the test shows nothing", s.name)
		}
	}
	// What people have to write differs in nothing but the customers' names.
	want := strings.Replace(after, "**globex**, **Initech \\& Söhne** and **hooli**. They get",
		"**globex** and **Initech \\& Söhne**. They get", 1)
	if got := refreshed(t, before, later()); got != want {
		t.Errorf("refreshed:\n%s\nwant\n%s", got, want)
	}
}

// TestC2RefreshFindsItsSections holds what is a section and what is a person's text that looks like
// one.
func TestC2RefreshFindsItsSections(t *testing.T) {
	f := later()
	x := func(name string) string {
		return "<!-- firebreak:begin " + name + " -->\n\nold " + name + "\n\n<!-- firebreak:end " + name +
			" -->\n"
	}
	begins, _, _ := strings.Cut(x("cause"), "<!-- firebreak:end")
	_, ends, _ := strings.Cut(x("cause"), "begin cause -->\n")
	for _, c := range []struct {
		name, document string
		again, stays   string // of the contents, "cause", "fix" or both: written again once, or still there
	}{
		{"two sections", x("cause") + "words\n" + x("fix"), "cause fix", ""},
		{"a section is gone", x("fix"), "fix", ""},
		{"a section that nobody knows", x("weather") + x("fix"), "fix", "weather"},
		{"no line end at the end", strings.TrimSpace(x("cause")), "cause", ""},
		{"twice", x("cause") + x("cause") + x("fix"), "cause fix", "cause"},
		{"in a fence, then for good", "```\n" + x("cause") + "```\n" + x("cause"), "cause", "cause"},
		{"in a tilde fence with ticks in it", "~~~~ md\n```\n~~~\n" + x("cause") + "~~~~\n" + x("fix"),
			"fix", "cause"},
		{"in a fence without an end", x("fix") + "```\n" + x("cause"), "fix", "cause"},
		{"after ticks that are no fence", "a ``` b\n``` `\n" + x("cause"), "cause", ""},
		{"in a quote", "> " + strings.ReplaceAll(x("cause"), "\n", "\n> ") + "\n", "", "cause"},
		{"in a list", "- a\n\n  " + strings.ReplaceAll(x("cause"), "\n", "\n  ") + "\n", "", "cause"},
		{"as indented code", "    " + strings.ReplaceAll(x("cause"), "\n", "\n    ") + "\n", "", "cause"},
		{"after a fence that ended with its list", "- ```\n  a\n\n" + x("cause"), "cause", ""},
		{"in a comment", "<!--\n" + strings.ReplaceAll(x("cause"), "-->", "--") + "-->\n" + x("fix"), "fix",
			"cause"},
		{"in preformatted text", "<pre>\n" + x("cause") + "</pre>\n" + x("fix"), "fix", "cause"},
		{"in a line of words", "see " + x("cause") + x("fix"), "fix", "cause"},
		{"with blanks behind", strings.ReplaceAll(x("cause"), " -->\n", " --> \t\n"), "cause", ""},
		{"the end is gone", begins + x("fix"), "fix", "cause"},
		{"the beginning is gone", ends + x("fix"), "fix", "cause"},
		{"the end stands before the beginning", "<!-- firebreak:end cause -->\n" + x("cause"), "cause", ""},
		{"the end is gone, and a whole one follows", begins + "words\n" + x("cause"), "cause", "cause"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, end := range []string{"\n", "\r\n"} {
				got := refreshed(t, strings.ReplaceAll(c.document, "\n", end), f)
				for _, name := range []string{"cause", "fix", "weather"} {
					if want, is := strings.Contains(c.stays, name),
						strings.Contains(got, "old "+name); is != want {
						t.Errorf("the old %s is still there: %v, want %v\n%s", name, is, want, got)
					}
					if want, n := strings.Contains(c.again, name),
						strings.Count(got, "> later "+name); want != (n == 1) || n > 1 {
						t.Errorf("%s was written again %d times\n%s", name, n, got)
					}
				}
				if end == "\r\n" && strings.Count(got, "\n") != strings.Count(got, "\r\n") {
					t.Errorf("line ends are mixed: %q", got)
				}
				if again := refreshed(t, got, f); again != got {
					t.Errorf("refreshed twice:\n%s\nwant\n%s", again, got)
				}
			}
		})
	}
}

func TestC2RefreshKeepsFrontMatterOfPeople(t *testing.T) {
	f := minimal()
	front, body, _ := strings.Cut(documentOf(t, f), "people:\n")
	_, body, _ = strings.Cut(body, "---\n")
	const people = "people:\n  declared_by: \"alice\"\n  coordinator: [\"alice\"]\n  operations: []\n"
	for name, c := range map[string]struct{ old, want string }{
		"keys and comments": {
			"---\nid: old\n# seen by the board\ntags: [db]\nteam:\n  - a\n\nseverity: x\npeople:\n  " +
				"declared_by: y\n---\n" + body,
			front + people + "# seen by the board\ntags: [db]\nteam:\n  - a\n\n---\n" + body},
		"CRLF": {"---\r\nid: old\r\n---\r\n" + body,
			strings.ReplaceAll(front+people, "\n", "\r\n") + "---\r\n" + body},
		"none":            {body, body},
		"a rule on top":   {"---\n\nwords\n\n---\n" + body, "---\n\nwords\n\n---\n" + body},
		"its end is gone": {front + body + "\n---\n", front + body + "\n---\n"},
		"it alone":        {"---\nid: old\n---", front + people + "---"},
		"nothing":         {"", ""},
	} {
		if got := refreshed(t, c.old, f); got != c.want {
			t.Errorf("%s:\n%q\nwant\n%q", name, got, c.want)
		}
	}
}

// TestC2RefreshTouchesNoHumanLine: whatever people write between the sections stays byte for byte
// and in its place, and a second refresh finds nothing to do.
func TestC2RefreshTouchesNoHumanLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		document := documentOf(t, f)
		if got := refreshed(t, document, f); got != document {
			t.Fatalf("a document that is up to date changed:\n%s\nwas\n%s", got, document)
		}
		// Take the document apart, and put people's words in front of each section and at the end.
		ended := func(text string) string { return text }
		if rapid.Bool().Draw(t, "CRLF") {
			ended = func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }
		}
		all := lines(document)
		at := frontEnd(all)
		whole := ended(strings.Join(all[:at], ""))
		type piece struct{ words, old, fresh string }
		pieces := []piece{{words: whole}}
		tame := true // of the words so far, none can hide a marker
		for _, s := range markedSections(all) {
			p := piece{words: theirs().Draw(t, "words")}
			tame = tame && !strings.ContainsAny(p.words, "`~<>-!")
			p.words = ended(strings.Join(all[at:s.begin], "") + p.words + "\n")
			p.fresh = ended(strings.Join(all[s.begin:s.end+1], ""))
			switch rapid.IntRange(0, 5).Draw(t, "what became of it") {
			case 0: // deleted
				p.fresh = ""
			case 1, 2:
				p.old = ended(all[s.begin] + "\nstale\n\n" + all[s.end])
			default:
				p.old = p.fresh
			}
			whole += p.words + p.old
			if tame {
				p.old = p.fresh
			}
			pieces = append(pieces, p)
			at = s.end + 1
		}
		last := ended(strings.Join(all[at:], "") + theirs().Draw(t, "last words"))
		whole += last
		got := refreshed(t, whole, f)
		rest := got
		for i, p := range pieces {
			after, same := strings.CutPrefix(rest, p.words)
			if !same {
				t.Fatalf("words %d changed: %q does not begin with %q\n%q\nwas\n%q", i, rest, p.words, got,
					whole)
			}
			if rest, same = strings.CutPrefix(after, p.fresh); same {
				continue
			}
			if rest, same = strings.CutPrefix(after, p.old); !same {
				t.Fatalf("section %d is neither fresh nor as it was: %q\n%q\nwas\n%q", i, after, got, whole)
			}
		}
		if rest != last {
			t.Fatalf("the last words became %q, were %q", rest, last)
		}
		if again := refreshed(t, got, f); again != got {
			t.Fatalf("refreshed twice:\n%q\nwant\n%q", again, got)
		}
	})
}

// theirs is Markdown of people: all that means something to somebody, and whole blocks.
func theirs() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		parts := rapid.SliceOfN(rapid.OneOf(words(),
			rapid.SampledFrom([]string{"```\n", "\n```\n", "~~~\n", "    code\n", "- a\n  - b\n", "> q\n",
				"<div>\n", "<pre>\n",
				"<!--\n", "-->\n", "<details><summary>x</summary>\n\ny\n\n</details>\n", "\n---\n",
				"<!-- firebreak:end cause -->\n", "<!-- firebreak:begin mine -->\n", "\r\n",
				"a | b\n--|--\n"})), 0, 4).Draw(t, "parts")
		return strings.Join(parts, "")
	})
}

// BenchmarkRefresh grows with the entries and no faster.
func BenchmarkRefresh(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		f := long(n)
		document := documentOf(b, f)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				refreshed(b, document, f)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/entry")
		})
	}
}

// TestC2RefreshOfListsInListsIsQuick: a pull request holds what anybody with write access put there, and the parser
// alone would take minutes. It is measured against as long a text without lists, as machines differ.
func TestC2RefreshOfListsInListsIsQuick(t *testing.T) {
	var nested, flat strings.Builder
	for i := range 1500 {
		indent := strings.Repeat(" ", 2*i)
		nested.WriteString(indent + "- a\n")
		flat.WriteString("words" + indent + "\n")
	}
	took := func(document string) time.Duration {
		start := time.Now()
		refreshed(t, document, minimal())
		return time.Since(start)
	}
	if n, f := took(nested.String()), took(flat.String()); n > 50*f+time.Second {
		t.Errorf("lists in lists took %v, as long a text %v", n, f)
	}
}
