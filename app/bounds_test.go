package app

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/postmortem"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// GitHub's limits of what a person can write, in characters and numbers.
const (
	longestBody  = 65_536
	longestTitle = 256
	largestFile  = 1 << 20 // that its API returns with its content
)

// hostile are what parsers are slow at, in pieces that are repeated.
var hostile = []string{
	"> ", "- ", "1. ", "[", "![", "](", "[a](", "[a]: b\n", "[a]: b\n\n[a]\n\n", "*a **b ", "~~a ", "`` ` ",
	"<a ", "<!-- ", "<details>\n",
	"&", "|a", "|-|-\n", "# a\n", "a\n===\n", "www.", "http://a.b ", "a@b.c ", "@a ", "a/b#1 ", "\x00",
	"\xff", "\r", "\u202e", "\\", "\n", " \n", "    a\n", "\ta\n",
	"/ic close\n", "/", "> a\n\n/ic pin\n", "### Summary\n\n", "- [x] a\n", "```\n", "- - - a\n  ", "&a ",
	"*a ", "? a\n", "a: &a [*a]\n", "- {a: b}\n", "{", "[[", "a: b\n",
	"<!-- firebreak:begin x -->\n", "<!-- firebreak:begin x -->\n<!-- firebreak:end x -->\n",
	"<!-- firebreak:did x -->\n", "<!-- firebreak:card ", "<!-- prompt: a -->\n",
	"{{title}}", "{{#cause}}", "{{/cause}}", "{{!", "{{", "\\{{", "{{range 9}}", "{{timeline}}\n", "---\n",
	"![a](https://github.com/user-attachments/assets/a)\n",
	"```mermaid\ntimeline\n", "section a\n", "a : b : c\n",
}

// What anybody can write is bounded: of each input the worst that is taken costs no more memory than so much for each byte. It is counted in what is allocated, which is the same on a busy machine; goldmark and the other parsers allocate
// where they work. The tests of each package hold their time.
func TestWhatAnybodyWritesIsBounded(t *testing.T) {
	at := time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	ref := incident.Ref{Owner: "acme", Repo: "incidents", Number: 12}
	policy := incident.DefaultPolicy()
	facts := func(text string, entries int) postmortem.Facts {
		f := postmortem.Facts{Ref: ref, URL: "https://github.com/acme/incidents/issues/12", Policy: policy,
			At: at.Add(time.Hour), Title: text[:min(len(text), longestTitle)], Summary: text}
		f.State.Declared = &incident.Stamp{At: at, By: "alice"}
		for i := range entries {
			kind := []string{"finding", "note", "pin", "cause", "update"}[i%5]
			f.Entries = append(f.Entries,
				incident.Entry{At: at.Add(time.Duration(i) * time.Second), By: "alice", Kind: kind,
					Text: text, Ref: fmt.Sprintf("c%d", i)})
		}
		return f
	}
	standard, err := postmortem.Document(facts("x", 10))
	if err != nil {
		t.Fatal(err)
	}
	keys := card.Keys([][]byte{[]byte("a secret")})
	for _, in := range []struct {
		name   string
		size   int // the largest that is taken, or that GitHub has
		each   int // bytes allocated for each byte of it, at most
		read   func(text string)
		before string // what is before the text
	}{
		{"a comment", longestBody, 400, func(text string) { command.Parse(text) }, "/ic close\n\n"},
		{"the longest comment that is read", 16 << 10, 400, func(text string) {
			command.Parse(text)
		}, "/ic close\n\n"},
		{"an edited comment", longestBody, 800, func(text string) {
			command.Edited(text, "/ic close\n"+text)
		}, ""},
		{"an issue form", longestBody, 100, func(text string) {
			command.Form(text)
			command.Summary(text)
		}, "### Summary\n\n"},
		{"a title", longestTitle, 4000, func(text string) {
			postmortem.Plain(text, 120)
			postmortem.Path(facts(text, 0))
			command.SaysWhat(text)
		}, ""},
		{"a quoted text", longestBody, 200, func(text string) {
			texts.Quote(text)
			texts.Inert(text, 300)
		}, ""},
		{"a card that somebody changed", longestBody, 100, func(text string) {
			_, _, _ = card.Open(text, ref, keys)
		}, ""},
		{"firebreak.yml", config.MaxSize, 2500, func(text string) { _, _ = config.Parse([]byte(text)) }, ""},
		{"a list of firebreak.yml", config.MaxSize, 2500, func(text string) {
			_, _ = config.Parse([]byte(text))
		}, "responders: ["},
		{"a postmortem template", postmortem.MaxTemplate, 400, func(text string) {
			postmortem.LintTemplate(text)
		}, ""},
		{"a postmortem that people wrote", longestBody, 4000, func(text string) {
			postmortem.Lint(text, postmortem.LintOptions{})
		}, standard + "\n\n"},
		{"a postmortem that is refreshed", largestFile, 2000, func(text string) {
			_, _ = postmortem.Refresh(text, facts("x", 10))
		}, standard + "\n\n"},
		{"what the timeline tells", longestBody, 2000, func(text string) {
			_, _ = postmortem.Document(facts(text, 5))
		}, ""},
	} {
		t.Run(in.name, func(t *testing.T) {
			worst := 0
			for _, piece := range hostile {
				text := in.before + strings.Repeat(piece, (in.size-len(in.before))/len(piece))
				got := allocated(func() { in.read(text) })
				if most := 4<<20 + in.each*in.size; got > most {
					t.Errorf("%q: %d KB are allocated for %d KB, more than %d KB", piece, got>>10,
						in.size>>10, most>>10)
				}
				worst = max(worst, got)
			}
			t.Logf("%d KB at worst, for %d KB", worst>>10, in.size>>10)
		})
	}
}

// allocated counts the bytes that are allocated on the way.
func allocated(do func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// However much the timeline holds, the diagram stays small: Mermaid itself draws no more than 50,000 characters.
// https://mermaid.js.org/config/schema-docs/config.html#maxtextsize
func TestTheDiagramIsBounded(t *testing.T) {
	at := time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	for _, piece := range hostile {
		f := postmortem.Facts{Ref: incident.Ref{Owner: "acme", Repo: "incidents", Number: 12},
			URL: "https://github.com/acme/incidents/issues/12", Policy: incident.DefaultPolicy(), At: at}
		for i := range 100 {
			f.Entries = append(f.Entries,
				incident.Entry{At: at.Add(time.Duration(i) * time.Hour), By: "alice", Kind: "cause",
					Text: strings.Repeat(piece, 300/len(piece))})
		}
		document, err := postmortem.Document(f)
		if err != nil {
			t.Fatal(err)
		}
		_, diagram, ok := strings.Cut(document, "```mermaid\n")
		diagram, _, ends := strings.Cut(diagram, "\n```\n")
		if !ok || !ends || len(diagram) > 20_000 {
			t.Errorf("%q: the diagram has %d bytes", piece, len(diagram))
		}
	}
}
