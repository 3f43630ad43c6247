package postmortem

import (
	"strings"

	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/texts"
)

var (
	ticketOwner = lazily.Compile(`(?m)^\| Owner \|[^\r\n]*`)
	ticketDue   = lazily.Compile(`(?m)^\| Due \|[^\r\n]*`)
)

// TicketOf writes who owns a follow-up and when it is due into the text of its ticket, and touches
// nothing else of it. A text from which somebody took the rows stays as it is.
func TicketOf(text, owner, due string) string {
	shown := "nobody yet"
	if owner != "" {
		shown = "**" + who(owner) + "**"
	}
	text = replaceFirst(text, ticketOwner, "| Owner | "+shown+" |")
	shown = "no date"
	if due != "" {
		shown = "**" + texts.Inert(due, 20) + "**"
	}
	return replaceFirst(text, ticketDue, "| Due | "+shown+" |")
}

// replaceFirst writes a line in the place of the first that a pattern finds.
func replaceFirst(text string, pattern *lazily.Regexp, line string) string {
	m := pattern.FindStringIndex(text)
	if m == nil {
		return text
	}
	var b strings.Builder
	b.WriteString(text[:m[0]])
	b.WriteString(line)
	b.WriteString(text[m[1]:])
	return b.String()
}
