package card

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/texts"
	"github.com/firebreak-dev/firebreak/templates"
)

// known lists what people wrote of the trouble, each with a link to the whole of it (V4): cause and
// cure, then the newest of what they see and of what they tried.
func (p *page) known() {
	add := func(name string, s *incident.Stamp) {
		if s != nil {
			p.Known = append(p.Known, "**"+name+"** "+p.quoted(*s))
		}
	}
	add("Cause", p.S.Cause)
	add("Workaround", p.S.Workaround)
	add("Fix", p.S.Fix)
	if !p.Running {
		return // what was found on the way is in the postmortem
	}
	for _, s := range newest(p.S.Found, shownFound) {
		p.Known = append(p.Known, p.quoted(s))
	}
	for _, s := range newest(p.S.Tried, shownTried) {
		p.Known = append(p.Known, "tried: "+p.quoted(s))
	}
	if p.S.Cause == nil {
		for _, s := range p.S.Changes.Suspects[:min(len(p.S.Changes.Suspects), shownSuspects)] {
			p.Known = append(p.Known, "suspect: "+templates.ShortSuspect(s))
		}
		for _, s := range p.S.Similar.Past[:min(len(p.S.Similar.Past), 1)] {
			p.Known = append(p.Known, "last time: "+templates.ShortPast(s))
		}
	}
}

// newest returns the last n of a list.
func newest(list []incident.Stamp, n int) []incident.Stamp { return list[max(0, len(list)-n):] }

// lastWords returns what the customers were told last.
func (p page) lastWords() string {
	for i := len(p.S.Updates.Sent) - 1; i >= 0; i-- {
		if s := p.S.Updates.Sent[i]; s.Update {
			return p.link(texts.Inert(s.Text, 160), s.ID)
		}
	}
	return ""
}

// answer returns what a customer answered last.
func (p page) answer() string {
	a := p.S.Answer
	if a == nil || !p.Running {
		return ""
	}
	words := texts.Inert(a.Text, 160)
	if words == "" {
		words = "answered"
	}
	ref, err := incident.ParseRef(a.Issue)
	if address := p.issueURL(ref); err == nil && address != "" && a.Comment != 0 {
		words = fmt.Sprintf("[%s](%s#issuecomment-%d)", words, address, a.Comment)
	}
	return "**" + p.Utc(a.At) + "** " + texts.Inert(cmp.Or(a.Customer, a.By), 60) + ": " + words
}

// impact returns how bad it is, and since when.
func (p page) impact() string {
	var parts []string
	if s := p.S.Impact; s != nil {
		parts = append(parts, p.link(texts.Inert(s.Text, 160), s.ID))
	}
	if !p.S.Began.IsZero() {
		parts = append(parts, "since "+p.Utc(p.S.Began))
	}
	return strings.Join(parts, " ")
}
