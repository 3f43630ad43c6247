package postmortem

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/texts"
)

// Level is how bad a problem is, in the words of GitHub's annotations.
type Level string

// The levels: a failure keeps a postmortem from being complete, a warning does not.
const (
	Failure Level = "failure"
	Warning Level = "warning"
)

// Problem is what a postmortem still needs (C3): where, which rule says so, and what to do.
type Problem struct {
	Line    int    `json:"line"`
	EndLine int    `json:"end_line"`
	Level   Level  `json:"level"`
	Rule    string `json:"rule"`
	Message string `json:"message"`
}

// LintOptions is what Lint must know besides the document.
type LintOptions struct {
	// Internal are names that no customer should read: people, teams, repositories, systems.
	Internal []string
	// Template is the text of the template that the document was written from, whose prompts say
	// what people must write; empty is the one of templates/postmortem.md.
	Template string
}

// The headings with checks of their own.
const (
	forCustomer = "For the customer"
	followUps   = "Follow-ups"
	// customerPrompt names the prompt below the first.
	customerPrompt = "customer"
)

// Lint returns the problems of a postmortem, sorted by line.
func Lint(document string, o LintOptions) []Problem {
	p, why := parseDocument(document, o.Template)
	if why != "" {
		return []Problem{{1, 1, Failure, "size", why + ", so the document is not checked: shorten it"}}
	}
	if p.isBlank() {
		return []Problem{{1, 1, Failure, "empty",
			"the document is empty: /ic postmortem in the incident writes it again"}}
	}
	p.checkSections()
	p.checkLinks()
	p.checkCustomer(o.Internal)
	slices.SortStableFunc(p.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Rule, b.Rule))
	})
	return slices.CompactFunc(p.problems, func(a, b Problem) bool {
		return a.Line == b.Line && a.Rule == b.Rule && a.Message == b.Message
	})
}

// Unfilled lists the sections of a document that people must write and nobody has: a prompt is left in
// them, or they are empty or gone. template is as LintOptions has it.
func Unfilled(document, template string) (sections []string) {
	p, why := parseDocument(document, template)
	if why != "" || p.isBlank() {
		return nil
	}
	add := func(name string) {
		if name = texts.Truncate(texts.Squeeze(name), 60); name != "" && !slices.Contains(sections, name) {
			sections = append(sections, name)
		}
	}
	for _, s := range p.sections {
		if s.hasPrompt || !s.isWritten {
			add(s.name)
		}
	}
	for _, r := range p.required {
		if p.byHeading[headingKey(r.heading)] == nil && p.prompted[r.name] == nil &&
			(r.heading != forCustomer || p.hasAudience()) {
			add(r.heading)
		}
	}
	return sections
}

// checkSections reports sections that people must write and that are missing or empty.
func (p *parsedDocument) checkSections() {
	for _, r := range p.required {
		if p.byHeading[headingKey(r.heading)] == nil && p.prompted[r.name] == nil &&
			(r.heading != forCustomer || p.hasAudience()) {
			p.report(1, 1, Failure, "missing",
				fmt.Sprintf("the section “%s” is gone: add its heading and what belongs there, or n/a",
					texts.Truncate(r.heading, 60)))
		}
	}
	for _, s := range p.sections {
		if !s.isWritten && !s.hasPrompt {
			line := p.lineOf(s.at)
			p.report(line, line, Failure, "empty",
				fmt.Sprintf("the section “%s” is empty: write what belongs there, or n/a",
					texts.Truncate(s.name, 60)))
		}
	}
}

// checkLinks reports internal links without a heading.
func (p *parsedDocument) checkLinks() {
	for _, l := range p.links {
		if l.to != "" && l.to != "top" && !p.anchors[strings.TrimPrefix(l.to, "user-content-")] {
			line := p.lineOf(l.at)
			p.report(line, line, Failure, "link",
				fmt.Sprintf("no heading here has the anchor #%s: correct the link", texts.Truncate(l.to, 60)))
		}
	}
}

const maxListed = 15

// Summary returns the problems as a check run shows them: a title, and inert Markdown.
func Summary(problems []Problem) (title, markdown string) {
	failures, warnings := 0, 0
	for _, p := range problems {
		if p.Level == Failure {
			failures++
		} else {
			warnings++
		}
	}
	switch failures {
	case 0:
		title = "The postmortem is complete"
	case 1:
		title = "1 thing is missing"
	default:
		title = fmt.Sprintf("%d things are missing", failures)
	}
	var b strings.Builder
	b.WriteString(title)
	switch {
	case warnings == 1:
		b.WriteString(", and 1 line is worth another look")
	case warnings > 1:
		fmt.Fprintf(&b, ", and %d lines are worth another look", warnings)
	}
	b.WriteString(".\n")
	if len(problems) > 0 {
		b.WriteString("\n")
	}
	for i, p := range problems {
		if i == maxListed {
			fmt.Fprintf(&b, "- and %d more\n", len(problems)-i)
			break
		}
		fmt.Fprintf(&b, "- line %d: %s\n", p.Line, texts.Inert(p.Message, 300))
	}
	return title, b.String()
}
