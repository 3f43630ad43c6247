package templates

import (
	"strings"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// Past returns an incident that is over as Markdown: what it was, when, and what it has in common with
// the one of now. Only its postmortem is linked.
func Past(p incident.PastIncident) string {
	text := pastName(p)
	if len(p.Why) > 0 {
		text += ": " + texts.Inert(strings.Join(p.Why, "; "), 300)
	}
	return text
}

// ShortPast returns an incident that is over as one line of the card: what it was, and what helped.
func ShortPast(p incident.PastIncident) string {
	text := pastName(p)
	switch {
	case p.Fix != "":
		text += ", fixed by: " + texts.Inert(p.Fix, 140)
	case p.Workaround != "":
		text += ", worked around by: " + texts.Inert(p.Workaround, 140)
	case p.Cause != "":
		text += ", cause: " + texts.Inert(p.Cause, 140)
	}
	return text
}

func pastName(p incident.PastIncident) string {
	name := texts.Inert(p.Ref, 140)
	if p.Title != "" {
		name += " “" + texts.Inert(p.Title, 100) + "”"
	}
	if p.URL != "" {
		name = "[" + name + "](<" + destination.Replace(p.URL) + ">)"
	}
	if !p.At.IsZero() {
		name += ", " + p.At.UTC().Format("2 Jan 2006")
	}
	return name
}
