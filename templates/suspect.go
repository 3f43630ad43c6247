package templates

import (
	"strings"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// suspectReasons is how many of a suspect's reasons the card shows.
const suspectReasons = 2

// Suspect returns a change that the incident may come from as Markdown: what it is, who brought it, and
// each reason. Its address is what GitHub gave, so it can be clicked; there GitHub
// says that an incident mentions it, to those who may read the incident.
func Suspect(s incident.Suspect) string {
	text := suspectName(s)
	if s.By != "" {
		text += " by " + texts.Inert(s.By, 60)
	}
	if len(s.Why) > 0 {
		text += ": " + texts.Inert(strings.Join(s.Why, "; "), 600)
	}
	return text
}

// ShortSuspect returns a change as one line of the card.
func ShortSuspect(s incident.Suspect) string {
	text := suspectName(s)
	for _, why := range s.Why[:min(len(s.Why), suspectReasons)] {
		short, _, _ := strings.Cut(why, ", ") // what follows are particulars
		text += ", " + texts.Inert(short, 120)
	}
	return text
}

func suspectName(s incident.Suspect) string {
	name := texts.Inert(s.Ref, 140)
	if s.Title != "" {
		name += " “" + texts.Inert(s.Title, 100) + "”"
	}
	if s.URL == "" {
		return name
	}
	return "[" + name + "](<" + destination.Replace(s.URL) + ">)"
}
