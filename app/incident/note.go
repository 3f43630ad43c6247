package incident

import (
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/texts"
)

// Noted is the newest note with a time of its own, so that its author sees on the card how that was understood.
type Noted struct {
	Stamp        // By and ID are the comment's, At is the note's own time
	Text  string `json:"text,omitempty"` // the first words
}

// note records the lines of a note. A line whose time can't be is asked about, and the others are recorded; what was understood
// of a time is said where it isn't plain.
func (r *run) note(c Command) {
	var understood, unclear []string
	for _, line := range c.Entries {
		at, guessed, why := line.When.resolve(r.f.At, r.p.Zone)
		switch {
		case line.When.Said == "":
			at = r.f.At
		case why != "":
			unclear = append(unclear, fmt.Sprintf("“%s”: %s", texts.Truncate(texts.Squeeze(line.When.Said+" "+line.Text), 60), why))
			continue
		default:
			r.Noted = &Noted{Stamp: Stamp{By: r.f.By.Login, At: at, ID: r.f.ID}, Text: texts.Truncate(texts.Squeeze(line.Text), maxNoted)}
			if guessed || !line.When.Plain {
				understood = append(understood, fmt.Sprintf("%s is %s", line.When.Said, r.spell(at)))
			}
		}
		r.recordAt(Entry{At: at, By: r.f.By.Login, Kind: "note", Ref: r.f.ID, Text: line.Text})
	}
	if len(unclear) > 0 {
		r.react(Unclear)
	} else {
		r.done()
	}
	if len(understood)+len(unclear) > 0 {
		r.reply(Say{Name: "noted", Lines: understood, Missing: unclear, Count: len(c.Entries) - len(unclear)})
	}
}

// spell returns a time in UTC, with its date where that isn't the fact's, and its seconds where it has some.
func (r *run) spell(t time.Time) string {
	layout := "15:04 UTC"
	if t.Second() != 0 && !t.Equal(r.f.At) {
		layout = "15:04:05 UTC"
	}
	if t.UTC().Format(time.DateOnly) != r.f.At.UTC().Format(time.DateOnly) {
		layout = "2 Jan " + layout
	}
	return t.UTC().Format(layout)
}

// renote follows an edit of the note that the card shows.
func (r *run) renote(c Command) {
	if r.Noted == nil || c.Kind != Note || CommentOf(r.f.ID) == 0 || CommentOf(r.f.ID) != r.Noted.Comment() {
		return
	}
	for _, line := range c.Entries {
		if at, _, why := line.When.resolve(r.f.At, r.p.Zone); line.When.Said != "" && why == "" {
			r.Noted = &Noted{Stamp: Stamp{By: r.Noted.By, At: at, ID: r.Noted.ID}, Text: texts.Truncate(texts.Squeeze(line.Text), maxNoted)}
		}
	}
}

// textOf returns the words of a command.
func textOf(c Command) string {
	lines := []string{c.Text}
	for _, e := range c.Entries {
		lines = append(lines, strings.TrimSpace(e.When.Said+" "+e.Text))
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

const maxNoted = 160 // characters
