package incident

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/words"
)

// parseFollowUp reads a title with the repository before it and the owner and the date anywhere on
// its line, or on lines of their own. The lines below are the ticket's text.
func parseFollowUp(w words.Words) (Command, error) {
	w = w.First()
	if c, f, ok := readChange(w.Line, w.Below); ok {
		return f.addTo(c)
	}
	f := followUpDetails{}
	title := strings.Fields(w.Line)
	if len(title) > 0 {
		if repo := strings.TrimRight(title[0], ":,"); naming.IsRepository(repo) {
			f.repo, title = repo, title[1:]
		}
	}
	title = f.take(title)
	lines := []string{strings.Join(title, " ")}
	for line := range strings.SplitSeq(w.Below, "\n") {
		var own followUpDetails
		if strings.TrimSpace(line) == "" || len(own.take(strings.Fields(line))) > 0 {
			lines = append(lines, line)
			continue
		}
		f.logins, f.dues = append(f.logins, own.logins...), append(f.dues, own.dues...)
	}
	if len(title) == 0 {
		return Command{}, errors.New("add a title")
	}
	return f.addTo(Command{Repo: f.repo, Text: strings.TrimSpace(strings.Join(lines, "\n"))})
}

// addTo adds the owner and the date to a command, if they are in order.
func (d followUpDetails) addTo(c Command) (Command, error) {
	c.Logins = d.logins
	if len(d.dues) > 0 {
		c.Due = d.dues[0]
	}
	switch {
	case len(d.logins) > 1:
		return Command{}, errors.New("name one owner only")
	case len(d.dues) > 1:
		return Command{}, errors.New("add one date only")
	case len(d.logins) == 1 && naming.IsBot(d.logins[0]):
		return Command{}, fmt.Errorf("@%s is an app's bot: name a person", words.FirstLine(d.logins[0]))
	case len(d.logins) == 1 && !naming.IsLogin(d.logins[0]):
		return Command{}, fmt.Errorf("@%s can't be a name on GitHub", words.FirstLine(d.logins[0]))
	case len(d.dues) == 1 && !isDue(c.Due):
		return Command{}, errors.New("write the date as 2026-12-31, +7d or +2w")
	}
	return c, nil
}

// followUpDetails are what a follow-up's line says besides its title.
type followUpDetails struct {
	repo         string
	logins, dues []string
}

// take takes @owner and due:DATE, and returns the words that are left.
func (d *followUpDetails) take(all []string) (left []string) {
	for i := 0; i < len(all); i++ {
		word := all[i]
		if strings.EqualFold(word, "due:") && i+1 < len(all) {
			i++
			word += all[i]
		}
		name := strings.TrimRight(word, words.Marks)
		switch {
		case len(word) > len("due:") && strings.EqualFold(word[:len("due:")], "due:"):
			d.dues = append(d.dues, strings.TrimRight(word[len("due:"):], ".,;!"))
		case len(name) > 1 && name[0] == '@' && !strings.Contains(name, "/"):
			d.logins = append(d.logins, name[1:])
		default:
			left = append(left, word)
		}
	}
	return left
}

// relativeDay is a due date that counts from the day of the comment.
var relativeDay = lazily.Compile(`^\+\d{1,3}[dw]$`)

// isDue reports whether a text is a due date.
func isDue(s string) bool {
	if relativeDay.MatchString(s) {
		return true
	}
	t, err := time.Parse(time.DateOnly, s)
	return err == nil && t.Year() >= 2000
}

// fillerWords are words between a follow-up's number and what changes about it.
var fillerWords = map[string]bool{"to": true, "for": true, "owner": true, "is": true, "by": true, "and": true,
	"on": true, "now": true, "due": true, "→": true, "-": true}

// readChange reads the change of a follow-up: its number or its ticket, and nothing but an owner
// and a date. What has other words is a title that begins with a number.
func readChange(line, below string) (c Command, f followUpDetails, ok bool) {
	repo, n, rest, ok := cutIssue(line)
	if !ok {
		return c, f, false
	}
	given := strings.Fields(rest)
	for i, word := range given { // "due 2026-12-24"; with a colon behind due it is one detail already
		if i > 0 && strings.EqualFold(given[i-1], "due") && isDue(strings.TrimRight(word, ".,;!")) {
			given[i] = "due:" + word
		}
	}
	for _, word := range f.take(given) {
		if !fillerWords[strings.ToLower(strings.TrimRight(word, words.Marks))] {
			return c, followUpDetails{}, false
		}
	}
	for line := range strings.SplitSeq(below, "\n") {
		var own followUpDetails
		if len(own.take(strings.Fields(line))) == 0 {
			f.logins, f.dues = append(f.logins, own.logins...), append(f.dues, own.dues...)
		}
	}
	return Command{Repo: repo, Number: n}, f, true
}
