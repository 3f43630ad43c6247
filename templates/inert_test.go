package templates_test

import (
	"bytes"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	ghtml "github.com/yuin/goldmark/renderer/html"
	"pgregory.net/rapid"

	"github.com/firebreak-dev/firebreak/templates"
)

// github renders as comments are rendered there: with raw HTML, and with a line break for each end of a line.
var github = goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote), goldmark.WithRendererOptions(ghtml.WithUnsafe(), ghtml.WithHardWraps()))

func render(t fataler, markdown string) string {
	var b bytes.Buffer
	if err := github.Convert([]byte(markdown), &b); err != nil {
		t.Fatalf("render: %v", err)
	}
	return b.String()
}

type fataler interface {
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
	Helper()
}

var (
	tag       = regexp.MustCompile(`<[^>]*>`)
	codeSpan  = regexp.MustCompile(`<code>[^<]*</code>`)
	mention   = regexp.MustCompile("(?:^|[^A-Za-z0-9_`/])@([A-Za-z0-9][A-Za-z0-9-]*)")
	reference = regexp.MustCompile(`(?i)(?:#|\bGH-)[0-9]`)
	command   = regexp.MustCompile(`(?m)^[\s\x{2060}]*/(?:ic|oe|incident)\b`)
	web       = regexp.MustCompile(`(?i)[a-z]://|www\.`)
)

func prose(rendered string) string {
	return html.UnescapeString(tag.ReplaceAllString(codeSpan.ReplaceAllString(rendered, "\u00b7"), ""))
}

// harmless fails if Markdown, rendered, does anything but show words and mention those who are allowed.
func harmless(t fataler, name, markdown string, allowed ...string) {
	t.Helper()
	out := render(t, markdown)
	for _, bad := range []string{"<a ", "<img", "<!--", "<script", "<del", "<sup", "<h1", "<h2", "<hr"} {
		if strings.Contains(out, bad) {
			t.Errorf("%s: %s acts in\n%s\nof\n%s", name, bad, out, markdown)
		}
	}
	text := prose(out)
	for _, m := range mention.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(allowed, m[1]) {
			t.Errorf("%s: @%s is mentioned in\n%s\nof\n%s", name, m[1], text, markdown)
		}
	}
	if strings.Contains(name, "merged") || strings.Contains(name, "closed-up") || strings.Contains(name, "review-") {
		text = strings.ReplaceAll(text, "#3", "") // the pull request is meant to be referred to
	}
	for _, p := range []*regexp.Regexp{reference, command, web} {
		if found := p.FindString(text); found != "" {
			t.Errorf("%s: %q acts in\n%s\nof\n%s", name, found, text, markdown)
		}
	}
}

// plain are the elements that inert text may consist of.
var plain = regexp.MustCompile(`</?(?:p|br|code|blockquote)(?: /)?>`)

func inertIsInert(t fataler, text string) {
	for _, max := range []int{0, 20} {
		line := templates.Inert(text, max)
		out := render(t, line)
		if rest := plain.ReplaceAllString(out, ""); tag.MatchString(rest) {
			t.Errorf("Inert(%q, %d) = %q gives\n%s", text, max, line, out)
		}
		if strings.ContainsAny(line, "\n\r") || !utf8.ValidString(line) {
			t.Errorf("Inert(%q, %d) = %q is more than a line", text, max, line)
		}
		harmless(t, "Inert", line)
		shown := strings.TrimSpace(strings.ReplaceAll(html.UnescapeString(tag.ReplaceAllString(out, "")), "\u2060", ""))
		if want := words(text); max == 0 && shown != want {
			t.Errorf("Inert(%q) shows %q, want %q", text, shown, want)
		}
		if max > 0 && utf8.RuneCountInString(shown) > max {
			t.Errorf("Inert(%q, %d) shows %d characters: %q", text, max, utf8.RuneCountInString(shown), shown)
		}
		// It stays so as a table's cell and between other words.
		cell := render(t, "| a | b |\n|---|---|\n| "+line+" | x |\n")
		if strings.Count(cell, "<td>") != 2 || strings.Contains(cell, "<a ") {
			t.Errorf("Inert(%q) = %q breaks a table:\n%s", text, line, cell)
		}
		harmless(t, "Inert in bold", "**before** "+line+" **after**")
	}
}

// words is what a reader should see of a text: what can be seen, on one line.
func words(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || r == '\u2028' || r == '\u2029':
			return ' '
		case r == '\u200c' || r == '\u200d':
			return r
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	return strings.Join(strings.Fields(text), " ")
}

func quoteIsInert(t fataler, text string) {
	quoted := templates.Quote(text)
	out := render(t, quoted)
	if rest := plain.ReplaceAllString(out, ""); tag.MatchString(rest) {
		t.Errorf("Quote(%q) = %q gives\n%s", text, quoted, out)
	}
	for line := range strings.SplitSeq(quoted, "\n") {
		if !strings.HasPrefix(line, ">") {
			t.Errorf("Quote(%q) leaves the quote: %q", text, line)
		}
	}
	if n := strings.Count(out, "<blockquote>"); n != 1 {
		t.Errorf("Quote(%q) = %q has %d quotes:\n%s", text, quoted, n, out)
	}
	harmless(t, "Quote", quoted)
	after := render(t, quoted+"\n\nafter\n")
	if !strings.HasSuffix(after, "</blockquote>\n<p>after</p>\n") {
		t.Errorf("Quote(%q) = %q swallows what follows:\n%s", text, quoted, after)
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
	for _, text := range tricks {
		inertIsInert(t, text)
		quoteIsInert(t, text)
	}
	for text, want := range map[string]string{
		"snake_case stays":         "snake_case stays",
		"see https://a.example/b.": "see `https://a.example/b`.",
		"ask gina@globex.example":  "ask `gina@globex.example`",
		"+49 30 1234":              `\+49 30 1234`,
		"a - b":                    "a - b",
	} {
		if got := templates.Inert(text, 0); got != want {
			t.Errorf("Inert(%q) = %q, want %q", text, got, want)
		}
	}
	if got := templates.Inert("one two three four", 12); got != "one two…" {
		t.Errorf("cut to %q", got)
	}
	if got := templates.Quote("one\n  two\n\nthree"); got != "> one  \n> \u00a0\u00a0two\n>\n> three" {
		t.Errorf("quoted as %q", got)
	}
	if n := strings.Count(templates.Quote(strings.Repeat("y\n", 5000)), "\n"); n > 100 {
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
	for _, text := range tricks {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 2000 {
			return
		}
		inertIsInert(t, text)
		quoteIsInert(t, text)
		code := templates.Code(text)
		if out := render(t, code); code != "" && (!strings.HasPrefix(out, "<p><code>") || strings.Contains(out, "<a ")) {
			t.Errorf("Code(%q) = %q gives\n%s", text, code, out)
		}
	})
}
