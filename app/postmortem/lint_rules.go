package postmortem

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"

	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// promptWords begin every prompt of the template.
var promptWords = strings.Trim(Placeholder, "_ ")

// reportPrompt reports a prompt that is left.
func (p *parsedDocument) reportPrompt(from, to int) {
	of := ""
	if len(p.open) > 0 {
		s := p.open[len(p.open)-1]
		s.hasPrompt, of = true, fmt.Sprintf(" in “%s”", texts.Truncate(s.name, 60))
	}
	to = from + len(strings.TrimRightFunc(string(p.src[from:to]), unicode.IsSpace))
	p.cut = append(p.cut, byteRange{from, to})
	p.customer.hasPrompt = p.customer.hasPrompt ||
		p.customer.from <= from && from < p.customer.to && p.customer.heading != nil
	p.report(p.lineOf(from), p.lineOf(max(from, to-1)), Failure, "prompt",
		"a prompt is left"+of+": write your text in its place")
}

// endOf returns where an inline node ends: where the next one starts, or its block ends; -1 if
// neither has a position.
func (p *parsedDocument) endOf(n, block ast.Node) int {
	switch next := n.NextSibling().(type) {
	case nil:
	case *ast.Text:
		return next.Segment.Start
	default:
		if next.Pos() >= 0 {
			return next.Pos()
		}
	}
	if lines := block.Lines(); lines != nil && lines.Len() > 0 {
		return lines.At(lines.Len() - 1).Stop
	}
	return -1
}

var (
	placeholder = lazily.Compile(`\b(?:TODO|TBD|FIXME|XXX)\b|(?i:\blorem ipsum\b)`)
	// waiting matches a text that only says that there is none yet.
	waiting = lazily.Compile(`^(?i:todo|tbd|fixme|xxx|\.{2,}|…+|\?+)[.:!…]*$`)
	// blame finds words that say who instead of what. What comes before the group is quoted, or the
	// opposite of blame.
	blame = lazily.Compile(`(?i)"[^"]{0,200}"|“[^”]{0,200}”|` +
		`\b(?:nobody|no[- ]one|it|that|what)['’]s fault|\b(?:no|page|segmentation) fault of\b|` +
		`\b(?:not|nobody is|no[- ]one is|nothing) to blame\b|` +
		`\b(should have known|careless(?:ly|ness)?|negligen(?:t|tly|ce)|human error|` +
		`[\pL\pN_]+['’]s fault|fault of|to blame|stupid(?:ly|ity)?|forgot to|failed to follow)\b`)
)

// checkWords checks a block: whether it has words, and what should not be among them.
func (p *parsedDocument) checkWords(block ast.Node, f *flatText) {
	words := f.text.String()
	shown := strings.TrimFunc(words, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r)
	})
	if shown == "" || p.region != "" {
		return
	}
	_, heading := block.(*ast.Heading)
	if !heading {
		// Without its underscores it is still a prompt.
		if bare := strings.TrimLeft(shown, "_*"); strings.HasPrefix(bare, promptWords) {
			from := f.sourceOf(strings.Index(words, promptWords))
			p.reportPrompt(from, max(from, f.sourceOf(len(words)-1)+1))
			return
		}
		p.markWritten()
	}
	if p.quotes > 0 {
		return
	}
	found := func(m []int, level Level, rule, message string) {
		p.report(p.lineOf(f.sourceOf(m[0])), p.lineOf(f.sourceOf(m[1]-1)), level, rule,
			fmt.Sprintf(message, words[m[0]:m[1]]))
	}
	if waiting.MatchString(shown) {
		from := strings.Index(words, shown)
		found([]int{from, from + len(shown)}, Failure, "placeholder", "%s is not a text: write it, or n/a")
		return
	}
	for _, m := range placeholder.FindAllStringIndex(words, -1) {
		found(m, Failure, "placeholder", "%s is left: replace it, or remove it")
	}
	for _, m := range blame.FindAllStringSubmatchIndex(words, -1) {
		if m[2] >= 0 {
			found(m[2:4], Warning, "blame", "“%s” blames: say what made it possible instead")
		}
	}
}

// checkFollowUps checks the table of follow-ups. An owner is required (C3); the date and the ticket
// come later where a follow-up was added while closing.
func (p *parsedDocument) checkFollowUps(table *extast.Table) {
	columns := map[string]int{}
	for row := table.FirstChild(); row != nil; row = row.NextSibling() {
		var cells []string
		for c := row.FirstChild(); c != nil; c = c.NextSibling() {
			cells = append(cells, p.titleOf(c))
		}
		if _, ok := row.(*extast.TableHeader); ok {
			for i, c := range cells {
				columns[headingKey(c)] = i
			}
			continue
		}
		p.followUp(p.lineOf(row.Pos()), columns, cells)
	}
}

// nothing is what cells contain when there is nothing; the template writes the last three.
var nothing = map[string]bool{"": true, "-": true, "–": true, "?": true, "n/a": true, "none": true,
	"tbd": true, "todo": true,
	"nobody": true, "no date": true, "not opened yet": true}

func (p *parsedDocument) followUp(line int, columns map[string]int, cells []string) {
	if _, ok := columns["owner"]; !ok {
		return // another table
	}
	lacks := func(name string) bool {
		i, ok := columns[name]
		return ok && (i >= len(cells) || nothing[headingKey(cells[i])])
	}
	var without []string
	level := Warning
	if lacks("owner") {
		without, level = append(without, "owner"), Failure
	}
	if lacks("due") {
		without = append(without, "date")
	}
	if lacks("ticket") {
		without = append(without, "ticket")
	}
	if len(without) > 0 {
		number := ""
		if i, ok := columns["#"]; ok && i < len(cells) && cells[i] != "" {
			number = " " + texts.Truncate(cells[i], 20)
		}
		p.report(line, line, level, "follow-up",
			fmt.Sprintf("follow-up%s has no %s: write it into its row", number,
				strings.Join(without, " and no ")))
	}
}
