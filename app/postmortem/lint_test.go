package postmortem

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/templates"
)

// written is a document with the prompts replaced by what people would write.
func written(t *testing.T, f Facts) string {
	t.Helper()
	document, err := Document(f)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(document, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, Placeholder) {
			lines[i] = "The disk was full, and nothing warned of it."
		}
	}
	return strings.Join(lines, "\n")
}

// found returns problems as `line rule`, with ! for warnings.
func found(problems []Problem) []string {
	var out []string
	for _, p := range problems {
		s := fmt.Sprintf("%d %s", p.Line, p.Rule)
		if p.EndLine != p.Line {
			s = fmt.Sprintf("%d-%d %s", p.Line, p.EndLine, p.Rule)
		}
		if p.Level == Warning {
			s += "!"
		}
		out = append(out, s)
	}
	return out
}

// TestC3FreshDocument: what Firebreak writes lacks what only people know, and nothing else.
func TestC3FreshDocument(t *testing.T) {
	for name, f := range map[string]Facts{"rich": rich(), "minimal": minimal(), "drill": drill()} {
		t.Run(name, func(t *testing.T) {
			document, err := Document(f)
			if err != nil {
				t.Fatal(err)
			}
			var want, late []string
			for i, line := range strings.Split(document, "\n") {
				if strings.HasPrefix(line, Placeholder) {
					want = append(want, fmt.Sprintf("%d prompt", i+1))
				}
				if strings.Contains(line, "not opened yet") {
					want = append(want, fmt.Sprintf("%d follow-up!", i+1))
					late = append(late, fmt.Sprintf("%d follow-up!", i+1))
				}
			}
			if diff := cmp.Diff(want, found(Lint(document, LintOptions{}))); diff != "" {
				t.Errorf("fresh (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(late, found(Lint(written(t, f), LintOptions{}))); diff != "" {
				t.Errorf("written (-want +got):\n%s", diff)
			}
		})
	}
}

// frame is a document that lacks nothing, with a line of text in each section and what a case adds
// at its end.
func frame(more string) string {
	var b strings.Builder
	b.WriteString("---\nid: \"acme/incidents#12\"\ndrill: false\ncustomers: [\"globex\"]\n---\n\n# " +
		"Postmortem\n\n")
	for _, name := range prompts(templates.Postmortem()) {
		if name != forCustomer {
			b.WriteString("## " + name + "\n\nThe disk was full.\n\n")
		}
	}
	return b.String() + "## For the customer\n\nA disk was full.\n\n## More\n\n" + more
}

// TestC3Rules: what a line of each kind is told, in a document that lacks nothing else. Lines count
// from the case's own.
func TestC3Rules(t *testing.T) {
	first := strings.Count(frame(""), "\n")
	const table = "## Follow-ups\n\n| # | Follow-up | Owner | Due | Ticket |\n|---|---|---|---|---|\n"
	for text, want := range map[string][]string{
		"": nil,
		// prompts
		"_Write here: what set it off._":                                     {"1 prompt"},
		"a\n\n_Write here: what,\nand_ when":                                 {"3-4 prompt"},
		"Write here: without its underscores":                                {"1 prompt"},
		"***Write here: x***\n\n| a |\n|---|\n| _Write here: x_ |":           {"1 prompt", "5 prompt"},
		"a **_Write here: x_**":                                              {"1 prompt"},
		"<div>\n_Write here: in HTML_\n</div>":                               {"2-3 prompt"},
		"- _Write here: in a list, for **globex**_":                          {"1 prompt"},
		"`_Write here: x_`\n\n```\n_Write here: x_\n```":                     nil,
		"We write here: a name":                                              nil,
		"<!-- prompt: trigger -->\n<!-- _Write here: in a comment_ -->\na":   nil,
		"<!-- firebreak:begin fix -->\n\nTODO\n\n<!-- firebreak:end fix -->": nil, // nobody can change it there
		"<!-- firebreak:begin fix -->\n<!-- firebreak:end fix -->\nTODO":     {"3 placeholder"},
		// placeholders
		"TODO: ask\nTBD, FIXME\n\nXXX":   {"1 placeholder", "2 placeholder", "2 placeholder", "4 placeholder"},
		"a\n\n…":                         {"3 placeholder"},
		"...":                            {"1 placeholder"},
		"tbd":                            {"1 placeholder"},
		"| a |\n|---|\n| ? |":            {"3 placeholder"},
		"Lorem\nipsum dolor":             {"1-2 placeholder"},
		"### TODO":                       {"1 placeholder"},
		"**TO**DO, the todo list, 5XXX":  {"1 placeholder"}, // as it reads
		"the todo list, HTTP 5XX, TODOS": nil,
		"`TODO`, [a](/TODO), ![TODO](x)": nil,
		"    TODO\n\n~~~\nFIXME\n~~~":    nil,
		"> TODO":                         nil,
		"n/a":                            nil,
		"and so on …":                    nil,
		"https://example.com/TODO":       nil,
		// follow-ups
		table + "| 1 | a | nobody | 2026-03-20 | x#1 |":                                                 {"5 follow-up"},
		table + "| 1 | a | **frank** | 2026-03-20 | [x#1](y) |\n| 2 | b | | no date | not opened yet |": {"6 follow-up"},
		table + "| 1 | a | **frank** | no date | x#1 |\n| 2 | b | erin | 2026-03-20 | - |": {"5 follow-up!",
			"6 follow-up!"},
		table + "| 1 | a |":                             {"5 follow-up"},
		"## Follow-ups\n\n| a | b |\n|---|---|\n| | |":  nil,
		"## Else\n\n| Owner |\n|---|\n| nobody |":       nil,
		"```\n" + table + "| 1 | a | nobody | | |\n```": nil,
		// links
		"[a](#summary) [b](#in-numbers) [c](#top) [d](#) [e](#user-content-more)":      nil,
		"[a](#sumary)\n[b][x]\n\n[x]: #nowhere":                                        {"1 link", "2 link"},
		"# A_b, C!  d—é ½\n# more\n# More\n[a](#a_b-c--dé-) [b](#more-1) [c](#more-2)": nil,
		"# `x` [y](z) &amp; \\#1\n[a](#x-y--1)":                                        nil,
		"[c](#%1B%0A)":                                                                 {"1 link"},
		"[c](#more-1)":                                                                 {"1 link"},
		"[a](#%C3%A9)\n\n# é":                                                          nil,
		"<a id=\"here\"></a>[a](#here)":                                                nil,
		"`[a](#b)`\n\n    [a](#b)":                                                     nil,
		"[a](x#b) [b](https://x/#c)":                                                   nil,
		// blame
		"Bob should have known.\n\nIt was careless\nand human error.": {"1 blame!", "3 blame!", "4 blame!"},
		"It was Bob's fault":                               {"1 blame!"},
		"the fault of ops; ops is to blame":                {"1 blame!", "1 blame!"},
		"He forgot to renew it, she\nfailed\nto follow it": {"1 blame!", "2-3 blame!"},
		"Negligent. Stupid.":                               {"1 blame!", "1 blame!"},
		"> human error\n\n`stupid`\n\n    careless\n\nthey say “human error”, \"to blame\"":   nil,
		"nobody's fault, no fault of theirs, nobody is to blame, fault tolerant, it's faulty": nil,
	} {
		var got []string
		for _, p := range Lint(frame(text), LintOptions{}) {
			if strings.ContainsAny(p.Message, "\n\x1b") {
				t.Errorf("%s: the message is %q", text, p.Message)
			}
			p.Line, p.EndLine = p.Line-first, p.EndLine-first
			got = append(got, found([]Problem{p})...)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// TestC3LongIncident: what the incident recorded may be long; what people wrote is checked all the
// same.
func TestC3LongIncident(t *testing.T) {
	f := rich()
	for i := range 20_000 {
		f.Entries = append(f.Entries,
			incident.Entry{At: f.At.Add(time.Duration(i) * time.Second), By: "alice", Kind: "note",
				Text: "TODO: look at [the dashboard](#nowhere) of the disks again"})
	}
	f.FollowUps[0].Title = strings.Repeat("[", 2000)
	document := strings.Replace(written(t, f), "| **frank** |", "| nobody |", 1)
	if len(document) <= 2*maxWords {
		t.Fatalf("the document has %d bytes", len(document))
	}
	line := func(words string) int { return strings.Count(document[:strings.Index(document, words)], "\n") + 1 }
	want := []string{fmt.Sprintf("%d follow-up", line("| nobody |")),
		fmt.Sprintf("%d follow-up!", line("not opened yet"))}
	if diff := cmp.Diff(want, found(Lint(document, LintOptions{}))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, c := range map[string]string{
		"people's words": document + strings.Repeat("words ", maxWords/6+1),
		"the whole": "<!-- firebreak:begin x -->\n" + strings.Repeat("words\n", maxDocument/6) +
			"<!-- firebreak:end x -->\n",
		"follow-ups": strings.Replace(document, "<!-- firebreak:end followups -->",
			strings.Repeat("words ", maxWords/6+1)+"\n\n<!-- firebreak:end followups -->", 1),
	} {
		if diff := cmp.Diff([]string{"1 size"}, found(Lint(c, LintOptions{}))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestC3MachineHeadings: a link may lead to what is in a machine's section.
func TestC3MachineHeadings(t *testing.T) {
	document := frame("<!-- firebreak:begin x -->\n\n### The graph\n\n<a id=\"disk\"></a>\n\n<!-- " +
		"firebreak:end x -->\n\n[a](#the-graph) [b](#disk) [c](#nowhere)")
	if got := found(Lint(document, LintOptions{})); len(got) != 1 || !strings.HasSuffix(got[0], " link") {
		t.Errorf("%v", got)
	}
}

// TestC3Template: a repository's own template says what people must write.
func TestC3Template(t *testing.T) {
	const template = "# {{title}}\n\n## What\n\n<!-- prompt: what -->\n_Write here: a_\n" +
		"{{#customers}}\n## To {{customer-names}}\n\n<!-- prompt: them -->\n_Write here: b_\n{{/customers}}"
	for name, c := range map[string]struct {
		template, document string
		want               []string
	}{
		"written": {template, "# P\n\n## What\n\nA disk.\n", nil},
		"left": {template, "# P\n\n## What\n\n<!-- prompt: what -->\n_Write here: a_\n",
			[]string{"6 prompt"}},
		"empty": {template, "# P\n\n## What\n", []string{"3 empty"}},
		"gone":  {template, "# P\n", []string{"1 missing"}},
		"of a customer": {template,
			"---\ncustomers: [\"globex\"]\n---\n## What\n\na\n\n## To **globex**\n\nb\n", nil},
		"without its own": {template, "---\ncustomers: [\"globex\"]\n---\n## What\n\na\n",
			[]string{"1 missing"}},
		"renamed":        {template, "# P\n\n## The disk\n\nA disk.\n\n<!-- prompt: what -->\n", nil},
		"renamed, empty": {template, "# P\n\n## The disk\n\n<!-- prompt: what -->\n", []string{"3 empty"}},
		"its comment in code": {template, "# P\n\n## The disk\n\n```\n<!-- prompt: what -->\n```\n",
			[]string{"1 missing"}},
		"broken": {"{{index .Entries 0}}\n\n## What\n\n<!-- prompt: what -->\n_Write here: a_\n",
			"# P\n\n## What\n\n<!-- prompt: what -->\n", []string{"3 empty"}},
	} {
		if diff := cmp.Diff(c.want, found(Lint(c.document, LintOptions{Template: c.template}))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestC3Sections: a section that people write must be there, with words in it.
func TestC3Sections(t *testing.T) {
	whole := frame("")
	line := func(heading string) int {
		return strings.Count(whole[:strings.Index(whole, "## "+heading+"\n")], "\n") + 1
	}
	gone := func(old, fresh string) string {
		if !strings.Contains(whole, old) {
			t.Fatalf("no %q in the document", old)
		}
		return strings.Replace(whole, old, fresh, 1)
	}
	trigger := "## Trigger\n\nThe disk was full.\n"
	empty := []string{fmt.Sprintf("%d empty", line("Trigger"))}
	for name, c := range map[string]struct {
		document string
		want     []string
	}{
		"whole":           {whole, nil},
		"Windows":         {strings.ReplaceAll(whole, "\n", "\r\n"), nil},
		"a mark of order": {"\ufeff" + whole, nil},
		"nothing":         {"", []string{"1 empty"}},
		"blanks":          {" \n\n\t\n", []string{"1 empty"}},
		"only the front":  {"---\ndrill: false\n---", []string{"1 empty"}},
		"empty":           {gone(trigger, "## Trigger\n\n"), empty},
		"n/a":             {gone(trigger, "## Trigger\n\nn/a\n"), nil},
		"other level":     {gone(trigger, "#### trigger\n\nn/a\n"), nil},
		"underlined":      {gone(trigger, "Trigger\n=======\n\nn/a\n"), nil},
		"code":            {gone(trigger, "## Trigger\n\n```\nfull\n```\n"), nil},
		"empty code":      {gone(trigger, "## Trigger\n\n```\n```\n"), empty},
		"an image":        {gone(trigger, "## Trigger\n\n![](x.png)\n"), nil},
		"a quote":         {gone(trigger, "## Trigger\n\n> full\n"), nil},
		"a comment":       {gone(trigger, "## Trigger\n\n<!-- full -->\n"), empty},
		"a rule":          {gone(trigger, "## Trigger\n\n---\n\n<br>\n"), empty},
		"invisible":       {gone(trigger, "## Trigger\n\n\u200b\n"), empty},
		"in a subsection": {gone(trigger, "## Trigger\n\n### Details\n\nfull\n"), nil},
		"of Firebreak": {gone(trigger,
			"## Trigger\n\n<!-- firebreak:begin x -->\n\nfull\n\n<!-- firebreak:end x -->\n"), empty},
		"after Firebreak": {gone(trigger,
			"## Trigger\n\n<!-- firebreak:begin x -->\n\nfull\n\n<!-- firebreak:end x -->\nfull\n"), nil},
		"without an end": {gone(trigger, "## Trigger\n\n<!-- firebreak:begin x -->\n\nfull\n"), empty},
		"gone":           {gone(trigger, ""), []string{"1 missing"}},
		"in code":        {gone(trigger, "```\n"+trigger+"```\n"), []string{"1 missing"}},
		"in a quote":     {gone(trigger, "> ## Trigger\n> full\n"), []string{"1 missing"}},
		"recorded cause": {gone("## Cause\n\nThe disk was full.\n",
			"## Cause\n\n<!-- firebreak:begin cause -->\n\n> full\n\n<!-- firebreak:end cause -->\n"), nil},
		"no cause": {gone("## Cause\n\nThe disk was full.\n",
			"## Cause\n\n<!-- firebreak:begin cause -->\n\nNone.\n\n<!-- firebreak:end cause -->\n"),
			[]string{fmt.Sprintf("%d empty", line("Cause"))}},
		"no customer text": {gone("## For the customer\n\nA disk was full.\n", "## For the customer\n"),
			[]string{fmt.Sprintf("%d empty", line("For the customer"))}},
		"no section": {gone("## For the customer\n\nA disk was full.\n", ""), []string{"1 missing"}},
		"no customer": {strings.Replace(gone("## For the customer\n\nA disk was full.\n", ""),
			`["globex"]`, "[]", 1), nil},
		"a drill": {strings.Replace(gone("## For the customer\n\nA disk was full.\n", ""), "false",
			"true", 1), nil},
		"too long":         {strings.Repeat("a", 10<<20), []string{"1 size"}},
		"too deep":         {strings.Repeat(">", 1000) + whole, []string{"1 size"}},
		"links":            {whole + strings.Repeat("[a](#more)", 3000), []string{"1 size"}},
		"its links":        {whole + strings.Repeat("[a](#more)\n\n", 3000), nil},
		"brackets":         {whole + strings.Repeat("[", 2000) + strings.Repeat("]", 2000), []string{"1 size"}},
		"escaped brackets": {whole + strings.Repeat(`\[`, 2000), nil},
		"definitions":      {whole + strings.Repeat("[a]: b\n", 3000), []string{"1 size"}},
		"cells": {whole + strings.Repeat("|a", 300) + "\n" + strings.Repeat("|-", 300) + "\n" +
			strings.Repeat("|\n", 300), []string{"1 size"}},
		"wide code": {whole + "```\n" + strings.Repeat(" ", 200) + "- a\n```\n", nil},
		"stairs":    {whole + stairs(40), []string{"1 size"}},
	} {
		if diff := cmp.Diff(c.want, found(Lint(c.document, LintOptions{}))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// stairs nests lists line by line.
func stairs(depth int) string {
	var b strings.Builder
	for i := range depth {
		b.WriteString(strings.Repeat("  ", i) + "- a\n")
	}
	return b.String()
}

func TestC3Summary(t *testing.T) {
	title, text := Summary(nil)
	if title != "The postmortem is complete" || text != title+".\n" {
		t.Errorf("of nothing: %q, %q", title, text)
	}
	title, text = Summary([]Problem{{3, 3, Failure, "link", "see @acme/all, #3 and <img src=x>"},
		{4, 4, Warning, "blame", "b"}})
	if want := "1 thing is missing, and 1 line is worth another look.\n\n- line 3: see @\u2060acme/all, " +
		"\\#\u20603 and &lt;img src=x&gt;\n- line 4: b\n"; title != "1 thing is missing" || text != want {
		t.Errorf("of two: %q, %q", title, text)
	}
	title, text = Summary([]Problem{{4, 4, Warning, "blame", "b"}})
	if title != "The postmortem is complete" || !strings.Contains(text, "another look") {
		t.Errorf("of a warning: %q, %q", title, text)
	}
	title, text = Summary(slices.Repeat([]Problem{{1, 1, Failure, "missing", "a"}}, 300))
	if title != "300 things are missing" || strings.Count(text, "\n") > 20 ||
		!strings.Contains(text, "- and 285 more\n") {
		t.Errorf("of many: %q, %q", title, text)
	}
}
