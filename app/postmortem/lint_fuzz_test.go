package postmortem

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"
)

func FuzzLint(f *testing.F) {
	f.Add(frame("TODO"))
	f.Fuzz(func(t *testing.T, document string) {
		problems := Lint(document, LintOptions{Internal: []string{"carol", "acme/db"}})
		lines := strings.Count(document, "\n") + 1
		for _, p := range problems {
			if p.Line < 1 || p.EndLine < p.Line || p.EndLine > lines || p.Message == "" ||
				p.Level != Failure && p.Level != Warning {
				t.Fatalf("%+v in %d lines", p, lines)
			}
		}
		if !slices.IsSortedFunc(problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) }) {
			t.Fatal("not in the order of lines")
		}
		Summary(problems)
		markdown, ok := CustomerVersion(document)
		if ok != (strings.TrimSpace(markdown) != "") {
			t.Fatalf("%v: %q", ok, markdown)
		}
	})
}

// TestC3HostileDocuments: what is quadratic in a Markdown parser does not hold a worker. Four times
// as much takes about four times as long; what is quadratic would take sixteen times as long.
func TestC3HostileDocuments(t *testing.T) {
	const size, least, most = 4 << 10, 50 * time.Millisecond, 10
	for _, piece := range []string{"> ", "- ", "1. ", "[", "![", "](", "[a](", "[a](#b)", "[a]: b\n",
		"[a]: b\n\n[a]\n\n", "*a **b ", "~~a ", "`` ` ", "<a ", "<!-- ",
		"<a id=x>", "&", "|a", "|-", "# a\n", "a\n===\n", "\" human error ", "TODO ", "_Write here: a_ ",
		"www.", "http://a.b ", "a@", "#1 ", "a/b#1 ", "carol ", "\x00", "\xff", "\r",
		"<!-- firebreak:begin x -->\n", "<!-- firebreak:begin x -->\n<!-- firebreak:end x -->\n",
		"## a\n<!-- prompt: a -->\n"} {
		grows(t, piece, least, most, func(times int) string {
			return strings.Repeat(piece, times*size/len(piece))
		})
	}
	for _, pair := range []string{"[]", "![]", "*a", "()"} {
		grows(t, "nested "+pair, least, most, func(times int) string {
			n := times * size // of each
			return strings.Repeat(pair[:len(pair)-1], n/(len(pair)-1)) + strings.Repeat(pair[len(pair)-1:], n)
		})
	}
}

// grows compares what a size takes with what four times as much takes. One of three attempts may do: another process may
// have held up one of the two.
func grows(t *testing.T, name string, least time.Duration, most int, text func(times int) string) {
	t.Helper()
	took := func(said string) time.Duration {
		document := toCustomer(said)
		start := time.Now()
		Lint(document, LintOptions{Internal: []string{"carol"}})
		CustomerVersion(document)
		return time.Since(start)
	}
	var small, large time.Duration
	for range 3 {
		small, large = took(text(1)), took(text(4))
		if large < least || large < time.Duration(most)*small {
			return
		}
	}
	t.Errorf("many %q take %s, and four times as many %s", name, small, large)
}
