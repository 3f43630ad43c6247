package card

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/firebreak-dev/firebreak/app/texts"
)

// refusedThings says what GitHub refuses, by the name of the effect; "%s" is the number of a follow-up.
var refusedThings = map[string]string{
	"labels": "the labels", "assignees": "the assignees", "state": "to open or close the issue",
	"document": "the postmortem's pull request", "refresh": "new facts in the postmortem",
	"check": "the check of the postmortem", "customer version": "to show me the merged postmortem",
	"merged document": "to show me whether the merged postmortem is written",
	"comments":        "my comments", "reactions": "my reactions", "card": "this card",
	"ticket": "the ticket of follow-up %s", "ticket change": "to change the ticket of follow-up %s",
	"nudge":       "my reminder on the ticket of follow-up %s",
	"ticket move": "the ticket of follow-up %s in its own repository",
	"update":      "the last update in the issue of %s",
	"status":      "to show in the issue of %s how far the incident is",
}

// shownRefused is how many of the things that GitHub refuses the card names, the newest.
const shownRefused = 5

// shownUnsaid is how many of the comments that GitHub refuses the card shows, the newest.
const shownUnsaid = 5

// shownLength is how much of each, in bytes.
const shownLength = 400

// refusals lists what GitHub refuses at the moment, with its reason, and what could therefore not
// be said in a comment (A8).
func (p *page) refusals() {
	refused := p.S.Refused
	older := len(refused) - shownRefused
	if older <= 1 { // its line would be as long as the one that it replaces
		older = 0
	}
	for i, r := range refused[older:] {
		kind, index, numbered := strings.Cut(r.Effect, "/")
		thing := refusedThings[kind]
		if numbered {
			of := texts.Inert(index, 60)
			if n, err := strconv.Atoi(index); err == nil {
				of = strconv.Itoa(n + 1)
			}
			thing = fmt.Sprintf(thing, of)
		}
		if thing == "" {
			thing = texts.Inert(r.Effect, 40)
		}
		text := thing
		if r.Reason != "" {
			text += ": " + texts.Inert(r.Reason, 160)
		}
		text += ", since " + p.Utc(r.Since)
		if !r.Next.IsZero() {
			text += ", next try " + p.Utc(r.Next)
		}
		p.Refusals = append(p.Refusals, cell{i == 0, text})
	}
	if older > 0 {
		p.Refusals = append(p.Refusals, cell{Text: fmt.Sprintf("and %d more, refused before", older)})
	}
	for _, u := range p.S.Unsaid[max(0, len(p.S.Unsaid)-shownUnsaid):] {
		text := u.Text
		if len(text) > shownLength { // put off and not refused: it is kept whole
			text = strings.ToValidUTF8(text[:shownLength], "") + "…"
		}
		p.Unsaid = append(p.Unsaid, text)
	}
}
