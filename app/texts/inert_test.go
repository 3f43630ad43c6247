package texts_test

import (
	"html"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/firebreak-dev/firebreak/app/texts"
	"github.com/firebreak-dev/firebreak/app/texts/textstest"
)

// plain are the elements that inert text may consist of.
var plain = regexp.MustCompile(`</?(?:p|br|code|blockquote)(?: /)?>`)

func inertIsInert(t textstest.T, said string) {
	for _, limit := range []int{0, 20} {
		line := texts.Inert(said, limit)
		out := textstest.Render(t, line)
		if rest := plain.ReplaceAllString(out, ""); textstest.Tag.MatchString(rest) {
			t.Errorf("Inert(%q, %d) = %q gives\n%s", said, limit, line, out)
		}
		if strings.ContainsAny(line, "\n\r") || !utf8.ValidString(line) {
			t.Errorf("Inert(%q, %d) = %q is more than a line", said, limit, line)
		}
		textstest.Harmless(t, "Inert", line)
		shown := words(html.UnescapeString(textstest.Tag.ReplaceAllString(out, "")))
		if want := words(said); limit == 0 && shown != want {
			t.Errorf("Inert(%q) shows %q, want %q", said, shown, want)
		}
		if limit > 0 && utf8.RuneCountInString(shown) > limit {
			t.Errorf("Inert(%q, %d) shows %d characters: %q", said, limit, utf8.RuneCountInString(shown), shown)
		}
		// It stays so as a table's cell and between other words.
		cell := textstest.Render(t, "| a | b |\n|---|---|\n| "+line+" | x |\n")
		if strings.Count(cell, "<td>") != 2 || strings.Contains(cell, "<a ") {
			t.Errorf("Inert(%q) = %q breaks a table:\n%s", said, line, cell)
		}
		textstest.Harmless(t, "Inert in bold", "**before** "+line+" **after**")
	}
}

// words is what a reader should see of a text: what can be seen, on one line. Joiners stay or go by
// what is around them.
func words(said string) string {
	said = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Other_Default_Ignorable_Code_Point):
			return -1
		case unicode.Is(unicode.Variation_Selector, r) && r != '\ufe0e' && r != '\ufe0f':
			return -1
		}
		return r
	}, strings.ToValidUTF8(said, "\ufffd"))
	return strings.Join(strings.Fields(said), " ")
}

func quoteIsInert(t textstest.T, said string) {
	quoted := texts.Quote(said)
	out := textstest.Render(t, quoted)
	if rest := plain.ReplaceAllString(out, ""); textstest.Tag.MatchString(rest) {
		t.Errorf("Quote(%q) = %q gives\n%s", said, quoted, out)
	}
	for line := range strings.SplitSeq(quoted, "\n") {
		if !strings.HasPrefix(line, ">") {
			t.Errorf("Quote(%q) leaves the quote: %q", said, line)
		}
	}
	if n := strings.Count(out, "<blockquote>"); n != 1 {
		t.Errorf("Quote(%q) = %q has %d quotes:\n%s", said, quoted, n, out)
	}
	textstest.Harmless(t, "Quote", quoted)
	after := textstest.Render(t, quoted+"\n\nafter\n")
	if !strings.HasSuffix(after, "</blockquote>\n<p>after</p>\n") {
		t.Errorf("Quote(%q) = %q swallows what follows:\n%s", said, quoted, after)
	}
}

// tricks are what has made text act in Markdown.
var tricks = []string{
	"", " ", "plain words", "@carol", "mail a@b.example and @acme/team", "a@b+c@d", "#12", "acme/incidents#12", "GH-12", "gh-1 GH-x",
	"/ic close", " \u200b/ic close", "x\n/ic close", "\u2028/ic close", "/incident", "\\/ic close", "&#47;ic close",
	"[link](https://evil.example)", "[ref]", "[ref]: https://evil.example", "![image](https://evil.example/x.png)", "<https://evil.example>",
	"https://evil.example/a_b_c?d=e|f", "http://ä.example", "www.evil.example", "WWW.evil.example.", "xhttps://evil.example", "://x", "mailto:a@b.example",
	"ftp://a@b:c@d/e", "http://x`y`z", "`http://x", "http://x,`www.y`", "https://a.example.https://b.example",
	"<b>bold</b>", "<!-- firebreak:card v1 {} -->", "<details>", "&lt;b&gt; &amp; &#64;carol", "*a* _b_ __c__ **d** ~~e~~ ~f~", "snake_case_name",
	"`code`", "``", "```\nfence", "~~~", "$x$ $$y$$", "| a | b |", "a\\|b", "\\", "a\\", "x  ", "# heading", "#", "> quote", ">x", "- list", "+ x", "* x", "-", "1. x", "1) x", "123456789. x",
	"a\n===", "a\n---", "a\n:-:", "|a|\n|-|", "---", "***", "___", "- [x] task", "[x] task", "[!NOTE]\ntext", "[^1]", "[^1]: note", ":tada:", "    indented code", "\tx",
	"a\u202eb", "a\ufeffb", "zero\u200bwidth", "\x00\x07", "\xff\xfe", "👩\u200d🚀 Ünïcödé نص", "\u2060@carol @\u2060carol", "@\u200dcarol", "@_carol", "@@carol", "@-x", "#\u00a012", "(@carol)", "a@carol", "_@carol_", "x/@carol",
	"line one\n\n   line two\r\nline three\rline four", strings.Repeat("long ", 50), strings.Repeat("x", 500), strings.Repeat("y\n", 200),
}

func TestInert(t *testing.T) {
	for _, said := range tricks {
		inertIsInert(t, said)
		quoteIsInert(t, said)
	}
	for said, want := range map[string]string{
		"snake_case stays":         "snake_case stays",
		"see https://a.example/b.": "see `https://a.example/b`.",
		"ask gina@globex.example":  "ask `gina@globex.example`",
		"+49 30 1234":              `\+49 30 1234`,
		"a - b":                    "a - b",
	} {
		if got := texts.Inert(said, 0); got != want {
			t.Errorf("Inert(%q) = %q, want %q", said, got, want)
		}
	}
	if got := texts.Inert("one two three four", 12); got != "one two…" {
		t.Errorf("cut to %q", got)
	}
	if got := texts.Quote("one\n  two\n\nthree"); got != "> one  \n> \u00a0\u00a0two\n>\n> three" {
		t.Errorf("quoted as %q", got)
	}
	if n := strings.Count(texts.Quote(strings.Repeat("y\n", 5000)), "\n"); n > 100 {
		t.Errorf("a long text has %d lines", n)
	}
}

// hostileText mixes what Markdown and GitHub act upon.
func hostileText() *rapid.Generator[string] {
	piece := rapid.OneOf(rapid.SampledFrom(tricks), rapid.SampledFrom(strings.Split("@ # / < > [ ] ( ) ! * _ ~ ` | \\ & ; : . - + = $ { } ^ \" ' \n \t 0 1 x X é \u200d http:// www. a@b ic incident carol 12 GH- &#64; ]( ](http://x", " ")),
		rapid.SampledFrom([]string{" ", "\n", "\n\n"}), rapid.StringN(0, 6, 12))
	return rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "pieces"), "") })
}

func TestInertIsInertWhateverIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { inertIsInert(t, hostileText().Draw(t, "text")) })
}

func TestQuoteIsInertWhateverIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { quoteIsInert(t, hostileText().Draw(t, "text")) })
}

func FuzzInert(f *testing.F) {
	for _, said := range tricks {
		f.Add(said)
	}
	f.Fuzz(func(t *testing.T, said string) {
		if len(said) > 2000 {
			return
		}
		inertIsInert(t, said)
		quoteIsInert(t, said)
		code := texts.Code(said)
		if out := textstest.Render(t, code); code != "" && (!strings.HasPrefix(out, "<p><code>") || strings.Contains(out, "<a ")) {
			t.Errorf("Code(%q) = %q gives\n%s", said, code, out)
		}
	})
}
