// Package textstest checks that Markdown acts on nobody: it renders as GitHub does, and looks for
// what would act.
package textstest

import (
	"bytes"
	"html"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	ghtml "github.com/yuin/goldmark/renderer/html"
)

// T is what a test needs to fail: *testing.T and *rapid.T have it.
type T interface {
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
	Helper()
}

// github renders as comments are rendered there: with raw HTML, and with a line break for each end of a line.
var github = goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote),
	goldmark.WithRendererOptions(ghtml.WithUnsafe(), ghtml.WithHardWraps()))

// Render returns Markdown as HTML.
func Render(t T, markdown string) string {
	t.Helper()
	var b bytes.Buffer
	if err := github.Convert([]byte(markdown), &b); err != nil {
		t.Fatalf("render: %v", err)
	}
	return b.String()
}

// Tag finds the tags of rendered Markdown.
var Tag = regexp.MustCompile(`<[^>]*>`)

var (
	codeSpan  = regexp.MustCompile(`<code>[^<]*</code>`)
	mention   = regexp.MustCompile("(?:^|[^A-Za-z0-9_`/])@([A-Za-z0-9][A-Za-z0-9-]*)")
	reference = regexp.MustCompile(`(?i)(?:#|\bGH-)[0-9]`)
	command   = regexp.MustCompile(`(?m)^[\s\x{2060}]*/(?:ic|oe|incident)\b`)
	web       = regexp.MustCompile(`(?i)[a-z]://|www\.`)
)

// Harmless fails the test if Markdown, rendered, does anything but show words, mention the logins
// of allowed, and refer to its issues ("#3").
func Harmless(t T, name, markdown string, allowed ...string) {
	t.Helper()
	out := Render(t, markdown)
	for _, bad := range []string{"<a ", "<img", "<!--", "<script", "<del", "<sup", "<h1", "<h2", "<hr"} {
		if strings.Contains(out, bad) {
			t.Errorf("%s: %s acts in\n%s\nof\n%s", name, bad, out, markdown)
		}
	}

	text := html.UnescapeString(Tag.ReplaceAllString(codeSpan.ReplaceAllString(out, "\u00b7"), ""))
	for _, m := range mention.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(allowed, m[1]) {
			t.Errorf("%s: @%s is mentioned in\n%s\nof\n%s", name, m[1], text, markdown)
		}
	}

	for _, a := range allowed {
		if strings.HasPrefix(a, "#") {
			text = strings.ReplaceAll(text, a, "")
		}
	}
	for _, p := range []*regexp.Regexp{reference, command, web} {
		if found := p.FindString(text); found != "" {
			t.Errorf("%s: %q acts in\n%s\nof\n%s", name, found, text, markdown)
		}
	}
}
