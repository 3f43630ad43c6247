package command

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"pgregory.net/rapid"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// counter counts what goldmark is given to read.
type counter struct {
	parser.Parser
	reads, bytes int
}

func (c *counter) Parse(r text.Reader, opts ...parser.ParseOption) ast.Node {
	c.reads++
	c.bytes += len(r.Source())
	return c.Parser.Parse(r, opts...)
}

// stairs nests a marker line by line.
func stairs(marker string, steps int) string {
	var b strings.Builder
	for i := range steps {
		b.WriteString(strings.Repeat(strings.Repeat(" ", len(marker)), i) + marker + "x\n")
	}
	return b.String()
}

func TestWhatIsTooMuchNeverReachesGoldmark(t *testing.T) {
	const long, deep, lines, brackets, commands = "too long", "too deeply nested", "too many lines", "too many brackets", "too many commands"
	ordinary := strings.Repeat("An ordinary line of a text.\n", 1000)
	for _, c := range []struct {
		name, body string
		reads      int
		why        string
	}{
		{"no command at all", strings.Repeat("- ", 32<<10), 0, ""},
		{"GitHub's longest comment", ("/ic close\n" + strings.Repeat(ordinary, 3))[:65536], 0, long},
		{"64 KiB of nested lists", ("/ic close\n" + strings.Repeat("- ", 32<<10))[:65536], 0, long},
		{"16 KiB and a byte", "/ic\n\n" + strings.Repeat("x", 16<<10-4), 0, long},
		{"16 KiB", "/ic\n\n" + strings.Repeat("x", 16<<10-5), 1, ""},
		{"1501 lines", "/ic" + strings.Repeat("\n", 1501), 0, lines},
		{"1500 lines", "/ic" + strings.Repeat("\n", 1500), 1, ""},
		{"701 brackets", "/ic\n" + strings.Repeat("[", 701), 0, brackets},
		{"700 brackets", "/ic\n" + strings.Repeat("[", 700), 1, ""},
		{"101 commands", strings.Repeat("/ic\n", 101), 0, commands},
		{"100 commands", strings.Repeat("/ic\n", 100), 1, ""},
		{"33 quotes", "/ic\n\n" + strings.Repeat("> ", 33) + "x", 0, deep},
		{"32 quotes", "/ic\n\n" + strings.Repeat("> ", 32) + "x", 1, ""},
		{"33 quotes without spaces", "/ic\n\n" + strings.Repeat(">", 33) + "x", 0, deep},
		{"33 items on a line", "/ic\n\n" + strings.Repeat("- ", 33) + "x", 0, deep},
		{"33 numbers on a line", "/ic\n\n" + strings.Repeat("1. ", 33) + "x", 0, deep},
		{"33 steps of items", "/ic\n\n" + stairs("- ", 33), 0, deep},
		{"32 steps of items", "/ic\n\n" + stairs("- ", 32), 1, ""},
		{"33 steps of items in a quote", "/ic\n\n> " + strings.ReplaceAll(strings.TrimSpace(stairs("* ", 33)), "\n", "\n> "), 0, deep},
		{"20 items in 20 quotes", "/ic\n\n" + strings.Repeat("> - ", 20) + "x", 0, deep},
		{"steps with CRLF", strings.ReplaceAll("/ic\n\n"+stairs("+ ", 33), "\n", "\r\n"), 0, deep},
		{"a line across the page", "/ic\n\n" + strings.Repeat("- ", 60) + "\n\n" + strings.Repeat("*", 90), 1, ""},
		{"a hundred siblings", "/ic\n\n" + strings.Repeat("- a\n  - b\n\n", 100), 1, ""},
	} {
		md := &counter{Parser: markdown}
		got := parse(c.body, md)
		if md.reads != c.reads || md.bytes > maxSize {
			t.Errorf("%s: goldmark reads %d times, %d bytes, want %d times", c.name, md.reads, md.bytes, c.reads)
		}
		if c.why == "" {
			continue
		}
		if len(got) != 1 {
			t.Errorf("%s: %d answers, want one", c.name, len(got))
			continue
		}
		m, ok := got[0].(incident.Misspelt)
		if !ok || !strings.Contains(m.Why, c.why) || !strings.Contains(m.Why, "in a comment of its own") || !strings.HasPrefix(m.Line, "/ic") {
			t.Errorf("%s: %+v", c.name, got[0])
		}
	}
}

func TestAMisspeltLineIsQuotedCut(t *testing.T) {
	body := "/oe finding " + strings.Repeat("ü", 20<<10)
	m := Parse(body)[0].(incident.Misspelt)
	if n := len([]rune(m.Line)); n != 80 || !strings.HasPrefix(body, m.Line) {
		t.Errorf("%d runes: %q", n, m.Line)
	}
}

// nesting is how deep goldmark itself finds a text nested.
func nesting(n ast.Node) int {
	deepest := 0
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		deepest = max(deepest, nesting(c))
	}
	switch n.(type) {
	case *ast.ListItem, *ast.Blockquote:
		return deepest + 1
	}
	return deepest
}

func TestPropertyDepthIsNeverLessThanGoldmarkFinds(t *testing.T) {
	bit := rapid.SampledFrom([]string{"> ", ">", "- ", "* ", "+ ", "1. ", "12) ", " ", "  ", "   ", "    ", "\t", "-", "*", "x", "```", "---", "\n", "\n", "\n> ", "\n  ", "\n    "})
	rapid.Check(t, func(t *rapid.T) {
		body := strings.Join(rapid.SliceOfN(bit, 0, 40).Draw(t, "bits"), "")
		depth := nesting(markdown.Parse(text.NewReader([]byte(body))))
		if got := texts.Nesting(body, 1000); got < depth {
			t.Fatalf("depth %d, goldmark finds %d in\n%s", got, depth, body)
		}
	})
}

func TestEveryRowHasAGroupInHelp(t *testing.T) {
	for _, row := range incident.Commands {
		if !slices.ContainsFunc(groups, groupOf(row)) {
			t.Errorf("no group of the README holds %s", row.Usage)
		}
		if len(row.Word) > texts.Far-1 {
			t.Errorf("%q is too long to be compared with", row.Word)
		}
	}
}

func groupOf(row incident.Row) func(struct{ verb, title string }) bool {
	return func(g struct{ verb, title string }) bool { return g.verb == row.Verbs[0] }
}

func TestHasAllocatesNothing(t *testing.T) {
	for _, body := range []string{"/ic close", strings.Repeat("a/b ", 16<<10), strings.Repeat("/incidxxx\n", 6<<10), strings.Repeat("\n/", 32<<10)} {
		if n := testing.AllocsPerRun(10, func() { Has(body) }); n > 1 {
			t.Errorf("%.0f allocations for %q…", n, body[:min(20, len(body))])
		}
	}
}

// hostile are texts that parsers are slow at, each as long as is read at most.
func hostile() map[string]string {
	fill := func(head, bit string) string {
		n := (maxSize - len(head)) / len(bit)
		for what, most := range map[string]int{"\n": maxLines, "[": maxBrackets, "/ic": maxCommands} {
			if each := strings.Count(bit, what); each > 0 {
				n = min(n, (most-strings.Count(head, what))/each)
			}
		}
		return head + strings.Repeat(bit, n)
	}
	steps := strings.TrimSpace(stairs("- ", maxDepth))
	out := map[string]string{
		"commands":     fill("", "/ic\n"),
		"pins":         fill("> "+strings.Repeat("q", 8<<10)+"\n\n", "/ic pin\n"),
		"quotes":       fill("/ic\n\n", ">\n\n"),
		"alternating":  fill("", "/ic pin\n\n>\n\n"),
		"brackets":     fill("/ic\n", "["),
		"images":       fill("/ic\n", "!["),
		"closed":       fill("/ic\n"+strings.Repeat("[", maxBrackets), "]"),
		"links":        fill("/ic\n", "[a]("),
		"references":   fill("/ic\n\n", "[a]: b\n"),
		"emphasis":     fill("/ic\n", "*a _b "),
		"stars":        fill("/ic\n", "**a *"),
		"tildes":       fill("/ic\n", "~~a ~"),
		"backticks":    "/ic\n",
		"tags":         fill("/ic\n", "<a "),
		"comments":     fill("/ic\n", "a <!-- "),
		"instructions": fill("/ic\n", "a <? "),
		"tables":       fill("/ic\n\n", "|a|b|\n|-|-|\n\n"),
		"wide table":   fill("/ic\n\n|a\n|-", "\n|a"),
		"delimiters":   fill("/ic\n\n", "-|\n"),
		"entities":     fill("/ic\n", "&#1;"),
		"backslashes":  fill("/ic\n", `\`),
		"deepest":      fill("/ic\n\n"+steps, "\n"+strings.Repeat(" ", 2*maxDepth)+"a"),
		"deep quotes":  fill("/ic\n\n", strings.Repeat(">", maxDepth)+"a\n"),
		"deep mixture": fill("/ic\n\n", strings.Repeat("> - ", maxDepth/2)+"a\n"),
		"introduction": fill("/ic\n\n", "On a <b@c> wrote:\n> a\n\n"),
		"long lines":   fill("/ic\n\n> a\n\nOn ", "a ")[:maxSize-len(" wrote:\n> a")] + " wrote:\n> a",
		"details":      fill("/ic\n\n", "<details>\n\n"),
		"misspelt":     fill("", "/ic foo bar\n"),
	}
	for i := 1; len(out["backticks"])+i+2 < maxSize; i++ {
		out["backticks"] += strings.Repeat("`", i) + "a "
	}
	return out
}

func TestHostileTextsAreRead(t *testing.T) {
	for name, body := range hostile() {
		if tooMuch(body) != "" {
			t.Errorf("%s is refused, so says nothing of the time that reading takes", name)
		}
		if len(Parse(body)) == 0 {
			t.Errorf("%s: the command is not found", name)
		}
	}
}

func BenchmarkHostile(b *testing.B) {
	for name, body := range hostile() {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Parse(body)
			}
		})
	}
}

func BenchmarkHas(b *testing.B) {
	for _, bit := range []string{"ordinary text, and/or not\n", "/incidxxx\n", "/", "\n   /"} {
		body := strings.Repeat(bit, 65536/len(bit))
		b.Run(fmt.Sprintf("%q", bit), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Has(body)
			}
		})
	}
}

// The time and memory of an ordinary comment grow with its length, and not faster.
func BenchmarkSizes(b *testing.B) {
	line := "An ordinary line of text with `code` and a [link](http://example.com).\n"
	for _, size := range []int{1 << 10, 4 << 10, maxSize} {
		body := "/oe finding x\n" + strings.Repeat(line, size/len(line)+1)[:size-14]
		b.Run(fmt.Sprintf("%d KiB", size>>10), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if len(Parse(body)) != 1 {
					b.Fatal("the command is not read")
				}
			}
		})
	}
}

func BenchmarkLongestComment(b *testing.B) {
	line := "An ordinary line of text with `code` and a [link](http://example.com).\n"
	for name, body := range map[string]string{
		"64 KiB, refused":    (strings.Repeat(line, 1000))[:65532] + "\n/ic",
		"64 KiB, no command": (strings.Repeat(line, 1000))[:65536],
		"16 KiB, read":       "/oe finding x\n" + strings.Repeat(line, 1000)[:maxSize-14],
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Parse(body)
			}
		})
	}
}
