package postmortem

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/texts"
	"github.com/firebreak-dev/firebreak/templates"
)

// How much the diagram shows. It grows to the side, so that what is close together shares a column.
const (
	maxNodes   = 36
	maxColumns = 9
	maxLabel   = 70
	maxWord    = 24 // Mermaid wraps between words only
)

// weights tell what the diagram shows first; kinds that are not here come last.
var weights = map[string]int{
	"declared": 1, "severity": 1, "phase": 1, "cause": 1, "workaround": 1, "fix": 1, "regression": 1,
	"agreed":   1,
	"reopened": 1, "declined": 1, "duplicate": 1, "unanswered": 1, "closed": 1,
	"ic": 2, "oe": 2, "page": 2, "answered": 2, "finding": 2, "action": 2, "update": 2, "told": 2,
	"unsent": 2, "missed": 2, "overdue": 2, "alert": 2,
}

const lightest = 3

// diagram returns the entries, oldest first, as a Mermaid timeline with a section per phase, or ""
// if there are none.
func diagram(f Facts) string {
	shown := choose(f.Entries)
	if len(shown) == 0 {
		return ""
	}
	// A column holds so many entries that there are no more than maxColumns, next to one per section.
	size := (len(shown) + maxColumns - 1) / maxColumns
	first, last := shown[0].At.UTC().Format(time.DateOnly), shown[len(shown)-1].At.UTC().Format(time.DateOnly)
	title, day := first, first
	if first != last {
		title += " – " + last
	}
	clock := func(t time.Time) string { // with the day where it is another one
		if d := t.UTC().Format(time.DateOnly); d != day {
			day = d
			return t.UTC().Format("2 Jan 15∶04")
		}
		return t.UTC().Format("15∶04")
	}
	var b strings.Builder
	b.WriteString("timeline\n    title " + label(title+", UTC"))
	for _, s := range groupByPhase(f.Spans, shown) {
		b.WriteString("\n    section " + label(s.name))
		for column := range slices.Chunk(s.entries, size) {
			b.WriteString("\n        " + clock(column[0].At))
			from, to := minute(column[0].At), column[len(column)-1].At.UTC()
			switch {
			case minute(to) == from:
			case to.Format(time.DateOnly) == day:
				b.WriteString(to.Format(" – 15∶04"))
			default:
				b.WriteString(to.Format(" – 2 Jan 15∶04"))
			}
			for _, e := range column {
				words := brief(e)
				if minute(e.At) != from {
					words = clock(e.At) + " " + words
				}
				b.WriteString(" : " + label(words))
			}
		}
	}
	return b.String()
}

// choose returns the entries that the diagram shows: the most important ones and, of those that
// don't all fit, every nth.
func choose(entries []incident.Entry) []incident.Entry {
	if len(entries) <= maxNodes {
		return entries
	}
	keep := make([]bool, len(entries))
	room := maxNodes
	for weight := 1; weight <= lightest && room > 0; weight++ {
		var at []int
		for i, e := range entries {
			w := weights[e.Kind]
			if w == 0 {
				w = lightest
			}
			if w == weight {
				at = append(at, i)
			}
		}
		n := min(room, len(at))
		for i := range n {
			keep[at[i*len(at)/n]] = true
		}
		room -= n
	}
	var out []incident.Entry
	for i, e := range entries {
		if keep[i] {
			out = append(out, e)
		}
	}
	return out
}

// diagramSection is a phase with its entries.
type diagramSection struct {
	name    string
	entries []incident.Entry
}

// groupByPhase sorts the entries into the phases by their times. Mermaid takes sections of the same
// name for one, so a phase that comes back gets a number.
func groupByPhase(spans []incident.Span, entries []incident.Entry) []diagramSection {
	var out []diagramSection
	times := map[incident.Phase]int{}
	at, last := 0, -1
	for _, e := range entries {
		for at+1 < len(spans) && !spans[at+1].From.After(e.At) {
			at++
		}
		if at != last {
			name := "Incident"
			if at < len(spans) {
				phase := spans[at].Phase
				times[phase]++
				name = templates.Capital(string(phase))
				if n := times[phase]; n > 1 {
					name += fmt.Sprintf(" – %d", n)
				}
			}
			out, last = append(out, diagramSection{name: name}), at
		}
		s := &out[len(out)-1]
		s.entries = append(s.entries, e)
	}
	return out
}

// brief describes an entry in a few words without Markdown.
func brief(e incident.Entry) string {
	with := func(words ...string) string {
		text := strings.Join(words, " ")
		if e.Text != "" {
			text += ": " + e.Text
		}
		return text
	}
	switch e.Kind {
	case "declared":
		return "declared by " + e.By
	case "severity":
		return with("severity", e.What)
	case "phase":
		return "on to " + e.What
	case "insisted":
		return with("insisted on", e.What)
	case "ic":
		return e.What + " coordinates"
	case "oe":
		return e.What + " operates"
	case "left":
		return e.What + " leaves " + strings.ToUpper(e.Text)
	case "handover":
		return "handover to " + e.What + " asked for"
	case "customer":
		if name, gone := strings.CutPrefix(e.What, "-"); gone {
			return "customer " + name + " not impacted"
		}
		return "customer " + e.What
	case "page":
		return with("paged", e.What)
	case "answered":
		return e.What + " answers"
	case "unanswered":
		return "nobody answered"
	case "update":
		return with("customer update")
	case "told":
		return with("told", e.What)
	case "unsent":
		return "update did not reach " + e.What
	case "missed":
		return "update missed"
	case "overdue":
		return "update overdue"
	case "snooze":
		return with("update moved")
	case "agreed":
		return with("customer agrees")
	case "followup":
		if e.Text == "" {
			return "follow-up: replace the workaround"
		}
		return with("follow-up")
	case "note", "":
		return e.Text
	}
	return with(e.Kind)
}

// lookalikes represent the characters that mean something to Mermaid, in its timeline or before it
// is told apart.
var lookalikes = map[rune]rune{
	':': '∶', ';': ',', '#': '№', '"': '”', '\'': '’', '`': '’', '(': '‹', ')': '›', '[': '‹', ']': '›',
	'{': '‹', '}': '›',
	'<': '‹', '>': '›', '|': '¦', '\\': '/', '&': '+', '~': '-', '^': ' ', '*': '·', '_': '-', '$': ' ',
	'¶': ' ', 'ﬂ': 'f',
}

// label returns words as Mermaid's timeline takes them: one line without Mermaid's syntax, and
// never empty.
func label(text string) string {
	text = strings.Map(func(r rune) rune {
		if like, ok := lookalikes[r]; ok {
			return like
		}
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsGraphic(r):
			return r
		}
		return -1
	}, strings.ToValidUTF8(text, "\ufffd"))
	for strings.Contains(text, "%%") {
		text = strings.ReplaceAll(text, "%%", "%") // a comment to Mermaid
	}
	words := strings.Fields(text)
	for i, w := range words {
		words[i] = texts.Truncate(w, maxWord)
	}
	text = texts.Truncate(strings.Join(words, " "), maxLabel)
	if text == "" {
		return "–"
	}
	return strings.ReplaceAll(text, "@", "@"+texts.Joiner)
}
