package look

import (
	"fmt"
	"strings"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/templates"
)

// Headline says in one line how bad the incident is, for whom, and what it is: the first thing that
// somebody reads who is paged.
func (l *Look) Headline() string {
	words := []string{l.State.Severity}
	if l.State.Critical(l.Policy) {
		words[0] = "P1"
	} else if l.State.Confirmed == nil {
		words[0] = strings.TrimSpace("Unconfirmed " + l.State.Claimed)
	}
	if len(l.State.Customers) > 0 {
		words = append(words, strings.Join(l.State.Customers, ", "))
	}
	return strings.Join(words, " ") + ": " + l.Snapshot.Title
}

// NamesToMention returns what GitHub notifies: people as they are, teams with their organisation.
func (l *Look) NamesToMention(to []string) []string {
	var out []string
	for _, name := range to {
		login, isPerson := strings.CutPrefix(name, "@")
		switch {
		case isPerson:
			out = append(out, login)
		case strings.Contains(name, "/"):
			out = append(out, name)
		default:
			out = append(out, l.Ref.Owner+"/"+name)
		}
	}
	return out
}

// Render returns the words of what is to be said.
func (l *Look) Render(s incident.Say) (string, error) {
	s.Teams = l.NamesToMention(s.Teams)
	text, err := templates.Comment(s)
	if err != nil {
		return "", fmt.Errorf("say %s: %w", s.Name, err)
	}
	return text, nil
}
