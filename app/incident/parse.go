package incident

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/words"
)

// ErrNoReason is returned for a command whose "because" is followed by nothing.
var ErrNoReason = errors.New("add the reason after “because”")

// Suggestion is an error that knows which command was probably meant.
type Suggestion struct{ Command, Why string }

func (s Suggestion) Error() string { return s.Why }

// parseText reads a command that is a text; missing says what to add where it is empty.
func parseText(missing string) Parser {
	return func(w words.Words) (Command, error) {
		if w.Text() == "" {
			return Command{}, errors.New(missing)
		}
		return Command{Text: w.Text()}, nil
	}
}

// parseNothing reads a command that takes nothing. What follows it is for people.
func parseNothing(words.Words) (Command, error) { return Command{}, nil }

// parseAlone reads a command that would be a summary if something followed on its line: "/incident
// status page is down".
func parseAlone(w words.Words) (Command, error) {
	if w.Line != "" {
		return Command{}, errors.New("this command takes no text (if it begins the summary, write the " +
			"severity first: /incident critical …)")
	}
	return Command{}, nil
}

// cutReason cuts "because …" off: has is true if the word is there, and why is empty if nothing follows it.
func cutReason(w words.Words) (why string, has bool) {
	rest, has := words.CutPrefix(w.Line, "because")
	if !has {
		return "", false
	}
	return w.WithLine(rest).Text(), true
}

// parseReason reads a command that may say why. Without "because", what follows is for people.
func parseReason(w words.Words) (Command, error) {
	why, has := cutReason(w)
	if has && why == "" {
		return Command{}, ErrNoReason
	}
	return Command{Because: why}, nil
}

// recipients are the people and teams that a command names.
type recipients struct{ logins, teams []string }

// cutRecipients reads the people and teams that come first: @user and @org/team, with spaces,
// commas or "and" between.
func cutRecipients(w words.Words) (to recipients, text string, err error) {
	line := w.Line
	for line != "" {
		word, rest := line, ""
		if i := strings.IndexFunc(line, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }); i >= 0 {
			word, rest = line[:i], strings.TrimLeftFunc(line[i:], unicode.IsSpace)
		}
		after := strings.TrimLeftFunc(rest, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
		switch {
		case word == "":
		case word[0] == '@':
			if err := to.add(strings.TrimRight(word, ".:;!")); err != nil {
				return recipients{}, "", err
			}
		case (strings.EqualFold(word, "and") || word == "&") && strings.HasPrefix(after, "@"):
		default:
			return to, w.WithLine(line).Text(), nil
		}
		line = after
	}
	return to, w.WithLine("").Text(), nil
}

// add takes @user or @org/team.
func (to *recipients) add(name string) error {
	org, team, isTeam := strings.Cut(name[1:], "/")
	switch {
	case naming.IsBot(name[1:]):
		return fmt.Errorf("%s is an app's bot: name a person", words.FirstLine(name))
	case !naming.IsLogin(org):
		return fmt.Errorf("%s can't be a name on GitHub", words.FirstLine(name))
	case isTeam && !naming.IsTeam(team):
		return fmt.Errorf("%s can't be a team on GitHub", words.FirstLine(name))
	case isTeam && !naming.Contains(to.teams, name[1:]):
		to.teams = append(to.teams, name[1:])
	case !isTeam && !naming.Contains(to.logins, org):
		to.logins = append(to.logins, org)
	}
	return nil
}

// parsePeople reads the people to whom a role is given.
func parsePeople(w words.Words) (Command, error) {
	to, text, err := cutRecipients(w)
	if err != nil {
		return Command{}, err
	}
	if len(to.teams) > 0 {
		return Command{}, errors.New("name a person: a team can't have a role")
	}
	return Command{Logins: to.logins, Text: text}, nil
}
