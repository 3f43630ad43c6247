// Package command turns what people write in Markdown into commands: a comment into
// incident.Commands, the issue form into the fact that an incident was opened. The table in
// docs/commands.md is made of the same rows as the parser.
package command

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/words"
	"github.com/yuin/goldmark/parser"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/reply"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// What is parsed at most. goldmark is quadratic in nesting, so that a hostile comment could hold a
// worker for seconds.
const (
	// What is read at most of a comment that holds a command, so that none takes longer than a few
	// milliseconds (BenchmarkHostile): no person's comes near.
	maxSize     = 16 << 10 // bytes
	maxLines    = 1500
	maxDepth    = 32  // quotes and list items inside one another
	maxBrackets = 700 // each may begin a link, and is looked at again for each one's end
	maxCommands = 100
)

// Parse returns the commands of a comment in order, each an incident.Command, or an
// incident.Misspelt where a line starts like a command and isn't one.
//
// A command is a line of a top-level paragraph that starts with /ic, /oe or /incident. What is in a
// quote, code, a list, a table, a heading, a link or HTML isn't a command, nor is what is struck
// through. A command's text runs on until the next command or the comment's end, whatever Markdown
// it is; quotes at its end are left out, since that is what mail programs append. A mail that is
// quoted without marks, and a signature, belong to nobody: see package reply.
func Parse(body string) []any { return parse(body, markdown) }

func parse(body string, md parser.Parser) []any {
	body = reply.Own(tidy(normalizeNewlines(body)))
	if !Has(body) {
		return nil
	}
	if why := tooMuch(body); why != "" {
		return refuseComment(body, why+"; write the command in a comment of its own")
	}
	var out []any
	for _, p := range findCommands(body, md) {
		out = append(out, parsePlace(p))
	}
	if len(out) == 0 {
		if m, ok := hidden(body); ok {
			out = append(out, m)
		}
	}
	return out
}

// tooMuch returns why a comment isn't read, if it isn't.
func tooMuch(body string) string {
	if len(body) > maxSize {
		return "the comment is too long"
	}
	body = normalizeNewlines(body)
	commands := 0
	for range commandStarts(body) {
		commands++
	}
	switch {
	case strings.Count(body, "\n") > maxLines:
		return "the comment has too many lines"
	case commands > maxCommands:
		return "the comment has too many commands"
	case strings.Count(body, "[") > maxBrackets:
		return "the comment has too many brackets"
	case texts.Nesting(body, maxDepth) > maxDepth:
		return "the comment is too deeply nested"
	}
	return ""
}

// Has reports whether some line could be a command: cheap, and true for every comment in which
// Parse finds something. It is also true for a line that turns out to be in code or in a quote.
func Has(body string) bool {
	body = tidy(normalizeNewlines(body))
	for range commandStarts(body) {
		return true
	}
	return strings.Contains(body, "/") && hasDressed(body)
}

// HasWords reports whether a comment holds a command that says something in its author's words: the card shows them.
func HasWords(body string) bool {
	return Has(body) && slices.ContainsFunc(Parse(body), func(what any) bool {
		c, ok := what.(incident.Command)
		return ok && (c.Text != "" || len(c.Entries) > 0)
	})
}

// hasDressed reports whether a line could be a command but for the Markdown before it.
func hasDressed(body string) bool {
	for line := range strings.Lines(body) {
		said := line[len(dressed.FindString(line)):]
		if strings.HasPrefix(said, "/") {
			if verb, _ := verbOf(strings.TrimRight(said, "`*_ \n")); verb != "" {
				return true
			}
		}
	}
	return false
}

// Added returns the commands that an edit added. Commands are the same if they say the same,
// however they are spaced.
func Added(before, after string) []any {
	had := map[string]int{}
	for _, c := range Parse(before) {
		had[identityOf(c)]++
	}
	var out []any
	for _, c := range Parse(after) {
		if k := identityOf(c); had[k] > 0 {
			had[k]--
		} else {
			out = append(out, c)
		}
	}
	return out
}

// Correction is a command whose words an edit changed.
type Correction struct{ Old, New incident.Command }

// Edited returns an edit's new commands, apart from those whose words it only corrects: what says
// something once, and is there before and after, is not said twice. What it takes away stays done.
func Edited(before, after string) (added []any, corrected []Correction) {
	gone := map[incident.Kind][]incident.Command{}
	for _, c := range Added(after, before) {
		if c, ok := c.(incident.Command); ok {
			gone[c.Kind] = append(gone[c.Kind], c)
		}
	}
	for _, what := range Added(before, after) {
		c, ok := what.(incident.Command)
		if old := gone[c.Kind]; ok && incident.RowOf(c.Kind).IsCorrectable && len(old) > 0 {
			corrected = append(corrected, Correction{old[0], c})
			gone[c.Kind] = old[1:]
			continue
		}
		added = append(added, what)
	}
	return added, corrected
}

// identityOf names what a command says. Text after a command that takes none is not part of it, so
// that thanks written below `/ic close` later don't close again.
func identityOf(what any) string {
	kind := "misspelt"
	if c, ok := what.(incident.Command); ok {
		c.Text, c.Because, c.Quote = texts.Squeeze(c.Text), texts.Squeeze(c.Because), texts.Squeeze(c.Quote)
		what, kind = c, "command"
	}
	said, err := json.Marshal(what)
	if err != nil {
		panic("command: " + err.Error()) // strings, numbers and lists of them always marshal
	}
	return kind + string(said)
}

// refuseComment is the answer to a comment that is not parsed at all.
func refuseComment(body, why string) []any {
	for i := range commandStarts(body) {
		return []any{incident.Misspelt{Line: words.FirstLine(body[i:]), Why: why}}
	}
	return nil
}

// normalizeNewlines returns a text whose lines end as goldmark expects.
func normalizeNewlines(s string) string {
	if strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}
