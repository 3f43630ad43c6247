package command

import (
	"errors"
	"slices"
	"strings"
	"unicode"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/reply"
	"github.com/firebreak-dev/firebreak/app/texts"
	"github.com/firebreak-dev/firebreak/app/words"
)

// whyDoubtful is what the coordinator reads whose update may hold a mail that is not meant for
// customers.
const whyDoubtful = "nothing was sent, as this looks as if it holds a mail that somebody else wrote. " +
	"Write the update again without it. " +
	"To send it as it is, put that part between two lines of three backquotes"

// parsePlace returns the command at a place, or how it is misspelt.
func parsePlace(p place) any {
	verb, n := verbOf(p.said)
	line, below, _ := strings.Cut(p.said[n:], "\n")
	w := words.Words{Line: strings.TrimLeftFunc(line, unicode.IsSpace), Below: below, Quote: p.quote}
	wrong := incident.Misspelt{Line: words.FirstLine(p.said), Why: incident.NotACommand}
	if verb == misspeltVerb {
		row, _, ok := rowOf(incident.VerbIncident, w)
		if !ok {
			row = incident.RowOf(incident.Declare)
		}
		wrong.Known = row.Usage
		return wrong
	}
	row, rest, ok := rowOf(verb, w)
	if !ok {
		wrong.Known = nearestUsage(verb, w.Line)
		return wrong
	}
	if row.Kind == incident.Declare {
		if known, why := strayCommand(w); known != "" {
			wrong.Known, wrong.Why = known, why
			return wrong
		}
	}
	c, err := row.Parse(rest)
	if err != nil {
		wrong.Known, wrong.Why = usageUnder(row, verb), err.Error()
		var s incident.Suggestion
		if errors.As(err, &s) {
			wrong.Known = s.Command
		} else if errors.Is(err, incident.ErrNoReason) && !strings.Contains(wrong.Known, "because ") {
			wrong.Known += " because …"
		}
		return wrong
	}
	if row.Kind == incident.Update && reply.LooksQuoted(c.Text) {
		wrong.Why = whyDoubtful
		return wrong
	}
	c.Kind, c.Verb = row.Kind, verb
	if row.Kind == incident.Declare && c.Severity == "" {
		c.Like = nearestUsage(verb, w.Line)
	}
	return c
}

// rowOf finds the row that the words after a verb choose, the longest word first, and returns what
// follows the word.
func rowOf(verb string, w words.Words) (row incident.Row, rest words.Words, ok bool) {
	long := 0
	for _, r := range incident.Commands {
		if r.Word == "" || len(r.Word) <= long || !slices.Contains(r.Verbs, verb) {
			continue
		}
		if line, has := words.CutPrefix(w.Line, r.Word); has {
			row, rest, ok, long = r, w.WithLine(line), true, len(r.Word)
		}
	}
	if ok {
		return row, rest, true
	}
	takes, gives := incident.TakeIC, incident.GiveIC
	switch verb {
	case incident.VerbIncident:
		return incident.RowOf(incident.Declare), w, true
	case incident.VerbOE:
		takes, gives = incident.TakeOE, incident.GiveOE
	}
	if strings.HasPrefix(w.Line, "@") {
		return incident.RowOf(gives), w, true
	}
	if _, has := words.CutPrefix(w.Line, "because"); w.Line == "" || has {
		return incident.RowOf(takes), w, true
	}
	return incident.Row{}, w, false
}

// usageUnder returns a row's usage under the verb that was written.
func usageUnder(row incident.Row, verb string) string {
	if len(row.Verbs) > 1 && slices.Contains(row.Verbs, verb) {
		return "/" + verb + strings.TrimPrefix(row.Usage, "/"+row.Verbs[0])
	}
	return row.Usage
}

// nearestUsage returns the usage of the command that somebody probably meant, or "".
func nearestUsage(verb, line string) string {
	switch word, _ := words.Cut(line); {
	case words.IsNear(word, "because"):
		return "/" + verb + " because …"
	case verb != incident.VerbIncident && strings.EqualFold(word, "me"):
		return "/" + verb
	}
	best, found := texts.Far, ""
	for _, row := range incident.Commands {
		if row.Word == "" {
			continue
		}
		// the first of two words is better than nothing
		d := min(words.Off(line, row.Word), words.Off(line, strings.Fields(row.Word)[0])+2)
		if !slices.Contains(row.Verbs, verb) && d < texts.Far {
			d++ // the same word under the verb that was written comes first
		}
		if d < best {
			best, found = d, usageUnder(row, verb)
		}
	}
	return found
}

// strayCommand returns the word of another command after /incident, which takes any text as its
// summary: `/incident update …` would declare instead of telling the customer, and nobody would
// notice.
func strayCommand(w words.Words) (known, why string) {
	for _, row := range incident.Commands {
		if row.Word == "" || slices.Contains(row.Verbs, incident.VerbIncident) {
			continue
		}
		if _, ok := words.CutPrefix(w.Line, strings.Fields(row.Word)[0]); ok {
			return row.Usage, "“" + strings.Fields(row.Word)[0] +
				"” is another command (if it begins the summary, write the severity first: /incident critical …)"
		}
	}
	if word, rest := words.Cut(w.Line); rest == "" && strings.TrimSpace(w.Below) == "" && len(word) > 2 {
		return nearestUsage(incident.VerbIncident, word), incident.NotACommand
	}
	return "", ""
}
