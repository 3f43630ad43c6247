package incident

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/texts"
	"github.com/firebreak-dev/firebreak/app/words"
)

// The commands of this file.
const (
	Note  Kind = "note"
	Pin   Kind = "pin"
	Unpin Kind = "unpin"
)

var _ = register(Row{
	Kind: Note, Verbs: []string{VerbIncident}, Word: "note",
	Usage: "/incident note [HH:MM] text", Does: "add timeline entries, one per line; with a time, at that time",
	Example: "/incident note 10:41 restarted payments", Who: Responder, Place: 130,
	AfterClosing: true, AfterEnding: true, OnPull: true, IsCorrectable: true,
}, parseNote, (*run).addNotes)

var _ = register(Row{
	Kind: Pin, Verbs: []string{VerbIC}, Word: "pin",
	Usage: "/ic pin [link] [note]", Does: "keep a comment in the timeline: the linked or quoted one, else the one above",
	Example: "/ic pin", Who: HolderIC, Place: 290,
}, parsePin, (*run).pinComment)

var _ = register(Row{
	Kind: Unpin, Verbs: []string{VerbIC}, Word: "unpin",
	Usage: "/ic unpin [link]", Does: "remove a pinned comment again: the linked or quoted one, else the last",
	Example: "/ic unpin", Who: HolderIC, Place: 300,
}, parsePin, (*run).pinComment)

// parseNote reads an entry per line, in or out of a list. What is in a code block belongs to the
// entry before it.
func parseNote(w words.Words) (Command, error) {
	var c Command
	var at Moment
	code := false
	for line := range strings.SplitSeq(w.Text(), "\n") {
		said := strings.TrimSpace(line)
		fence := strings.HasPrefix(said, "```") || strings.HasPrefix(said, "~~~")
		if last := len(c.Entries) - 1; last >= 0 && (fence || code) {
			code = code != fence
			c.Entries[last].Text += "\n" + line
			continue
		}

		when, said := readMoment(said)
		if when.Said == "" { // "27. Nov 17:40" looks like a list's second item
			when, said = readMoment(words.CutBullet(said))
		}
		if when.Said != "" {
			at = when
		}
		if said != "" { // a time alone is the next line's
			c.Entries = append(c.Entries, Line{When: at, Text: said})
			at = Moment{}
		}
	}
	if len(c.Entries) == 0 {
		return Command{}, errors.New("add the note's text")
	}
	return c, nil
}

// commentLink is a link to a comment, bare or in Markdown.
var commentLink = lazily.Compile(`(?:\[[^\]\n]*\]\()?<?(?:https?://[^\s#<>()]*)?#issuecomment-(\d+)>?\)?`)

// parsePin reads the link of a comment and what to note about it. Without a link, what the comment
// quotes is meant.
func parsePin(w words.Words) (Command, error) {
	text := w.Text()
	m := commentLink.FindStringSubmatchIndex(text)
	if m == nil {
		if word, _ := words.Cut(text); strings.Contains(word, "://") &&
			(strings.Contains(word, "/issues/") || strings.Contains(word, "/pull/")) {
			return Command{}, errors.New("that is not the link of a comment; it ends in #issuecomment-…, " +
				"see “Copy link” in the comment's menu")
		}
		return Command{Text: text, Quote: w.Quote()}, nil
	}
	id, err := strconv.ParseInt(text[m[2]:m[3]], 10, 64)
	if err != nil || id < 1 {
		return Command{}, errors.New("there is no comment with that number")
	}
	text = strings.TrimSpace(text[:m[0]]) + " " + strings.TrimSpace(text[m[1]:])
	return Command{Link: id, Text: strings.TrimSpace(text)}, nil
}

// addNotes records the lines of a note. A line whose time can't be is asked about, and the others
// are recorded; what was understood of a time is said where it isn't plain.
func (r *run) addNotes(c Command) {
	var understood, unclear []string
	for _, line := range c.Entries {
		at, guessed, why := line.When.resolve(r.f.At, r.p.Zone)
		switch {
		case line.When.Said == "":
			at = r.f.At
		case why != "":
			unclear = append(unclear, fmt.Sprintf("“%s”: %s",
				texts.Truncate(texts.Squeeze(line.When.Said+" "+line.Text), 60), why))
			continue
		default:
			r.Noted = &Stamp{By: r.f.By.Login, At: at, ID: r.f.ID, Text: beginningOf(line.Text)}
			if guessed || !line.When.Plain {
				understood = append(understood, fmt.Sprintf("%s is %s", line.When.Said, r.spellTime(at)))
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

// spellTime returns a time in UTC, with its date where that isn't the fact's, and its seconds where
// it has some.
func (r *run) spellTime(t time.Time) string {
	layout := "15:04 UTC"
	if t.Second() != 0 && !t.Equal(r.f.At) {
		layout = "15:04:05 UTC"
	}
	if t.UTC().Format(time.DateOnly) != r.f.At.UTC().Format(time.DateOnly) {
		layout = "2 Jan " + layout
	}
	return t.UTC().Format(layout)
}

// correctNote follows an edit of the note that the card shows.
func (r *run) correctNote(c Command) {
	if r.Noted == nil || c.Kind != Note || CommentOf(r.f.ID) == 0 || CommentOf(r.f.ID) != r.Noted.Comment() {
		return
	}
	for _, line := range c.Entries {
		if at, _, why := line.When.resolve(r.f.At, r.p.Zone); line.When.Said != "" && why == "" {
			r.Noted = &Stamp{By: r.Noted.By, At: at, ID: r.Noted.ID, Text: beginningOf(line.Text)}
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

func (r *run) pinComment(c Command) {
	if c.Pin == nil && c.Link == 0 && c.Quote == "" {
		c.Pin = r.Last
		// what was pinned last, and not the comment that pinned it
		if n := len(r.Pinned); c.Kind == Unpin && n > 0 {
			c.Pin = &Stamp{ID: "c" + strconv.FormatInt(r.Pinned[n-1], 10)}
		}
	}
	if c.Pin == nil || c.Pin.Comment() == 0 {
		r.refuse(Say{Name: "nothing-to-pin", Command: RowOf(c.Kind).Usage})
		return
	}
	id := c.Pin.Comment()
	i := slices.Index(r.Pinned, id)
	switch {
	case c.Kind == Pin && i < 0:
		r.Pinned = keepNewest(append(r.Pinned, id), keptPins)
		r.recordAt(Entry{At: c.Pin.At, By: c.Pin.By, Kind: "pinned", Ref: c.Pin.ID, What: r.f.By.Login, Text: c.Text})
	case c.Kind == Unpin && i < 0:
		r.reply(Say{Name: "not-pinned"})
	case c.Kind == Unpin:
		r.Pinned = slices.Delete(r.Pinned, i, i+1)
		r.Timeline = slices.DeleteFunc(r.Timeline, func(e Entry) bool {
			return e.Kind == "pinned" && CommentOf(e.Ref) == id
		})
		r.record("unpinned", "", "")
	}
	r.done()
}

// recordCorrection keeps what a correction replaced, and who wrote it. Nothing is done again: what
// customers were told stays told.
func (r *run) recordCorrection(c Corrected) {
	if !r.authorize(RowOf(c.New.Kind)) {
		return
	}
	r.record("corrected", string(c.New.Kind), textOf(c.New))
	r.correctNote(c.New)
	r.correctText(c)
	r.done()
	r.reply(Say{Name: "corrected", Recorded: string(c.New.Kind), Line: c.Old})
}
