package card

import (
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/texts"
	"github.com/firebreak-dev/firebreak/templates"
)

// updateInterval returns the wait between updates as it is at the moment.
func (p page) updateInterval() string {
	severity, _ := p.Policy.Severity(p.S.Severity)
	wait := severity.Every
	if severity.Later > 0 && p.S.Confirmed != nil && !p.today.Before(p.S.Confirmed.At.Add(severity.After)) {
		wait = severity.Later
	}
	switch wait {
	case 0:
		return ""
	case time.Hour:
		return "hour"
	}
	return templates.Duration(wait)
}

// updateRecord returns how the customer updates were kept; nothing where none was due and nobody waited.
func updateRecord(u incident.Updates, now time.Time) string {
	if u.Kept+u.Missed+u.Snoozed == 0 && len(u.Sent) == 0 {
		return ""
	}
	var counts, parts []string
	if due := u.Kept + u.Missed; due > 0 {
		counts = append(counts, fmt.Sprintf("on time %d of %d", u.Kept, due))
	}
	if u.Snoozed > 0 {
		counts = append(counts, fmt.Sprintf("%d snoozed", u.Snoozed))
	}
	if len(counts) > 0 {
		parts = append(parts, strings.Join(counts, ", "))
	}
	// seconds of silence are none
	if longest := max(u.Longest, u.LongestAt(now).Truncate(time.Minute)); longest > 0 {
		parts = append(parts, "longest wait "+templates.Duration(longest))
	}
	return strings.Join(parts, " · ")
}

// lastUpdate returns when the customers heard last, and where.
func (p page) lastUpdate() (told string) {
	u := p.S.Updates
	if !p.Running || u.Last.IsZero() {
		return ""
	}
	text := "**" + p.Utc(u.Last) + "**"
	if missed := p.S.Unheard(); len(missed) > 0 && !p.S.Drill {
		defer func() { told += " · **not** " + templates.List(missed) }()
	}
	if len(u.ReachedBy) == 0 {
		return text
	}
	ways := map[string][]string{}
	var names []string
	for _, t := range u.ReachedBy {
		name, way, _ := strings.Cut(t, ": ")
		if ways[name] == nil {
			names = append(names, name)
		}
		ways[name] = append(ways[name], way)
	}
	for i, name := range names {
		if i == shownContacts {
			return text + " …"
		}
		text += " → " + texts.Inert(name, 60) + " by " + strings.Join(ways[name], ", ")
	}
	if words := p.lastWords(); words != "" {
		text += ": " + words
	}
	return text
}

// contacts lists whom to call at the impacted customers, and how they hear of updates.
func (p *page) contacts() {
	for _, name := range p.S.Customers {
		c, ok := p.Policy.Customer(name)
		unknown := p.Policy.UnknownCustomer(name)
		if !unknown && (!ok || len(c.Contacts)+len(c.Channels) == 0) {
			continue
		}
		if len(p.Contacts) == shownContacts {
			break
		}
		if unknown {
			text := "**" + texts.Inert(name, 60) + "** is not in the configuration"
			p.Contacts = append(p.Contacts, cell{len(p.Contacts) == 0, text})
			continue
		}
		var parts []string
		for _, contact := range c.Contacts {
			parts = append(parts, texts.Inert(contact, 80))
		}
		for _, ch := range c.Channels {
			parts = append(parts, p.channel(c.Name, ch))
		}
		text := strings.Join(parts, " · ")
		if len(p.S.Customers) > 1 {
			text = "**" + texts.Inert(c.Name, 60) + "**: " + text
		}
		p.Contacts = append(p.Contacts, cell{len(p.Contacts) == 0, text})
	}
}

// shownUnheard bounds the customers in the box: "Now" is below it, on a phone's first screen.
const shownUnheard = 4

// unheard lists whom to call because the last update did not reach them.
func (p *page) unheard() {
	p.Waiting = p.S.Customers
	if p.S.Drill || p.Box != "unheard" && p.Box != "overdue" && p.Box != "amber" {
		return
	}
	unheard := p.S.Unheard()
	if len(unheard) > 0 {
		p.Waiting = unheard
	}
	for i, name := range unheard {
		if rest := len(unheard) - shownUnheard; i == shownUnheard && rest > 1 {
			p.Unheard = append(p.Unheard, fmt.Sprintf("… and %d more, named at \"Last update\"", rest))
			return
		}
		text := "**" + texts.Inert(name, 60) + "**: "
		c, _ := p.Policy.Customer(name)
		var contacts []string
		for _, contact := range c.Contacts {
			contacts = append(contacts, texts.Inert(contact, 80))
		}
		switch {
		case len(contacts) > 0:
			text += "call " + strings.Join(contacts, ", or ") + ", then "
		case p.Policy.UnknownCustomer(name):
			text += "not in the configuration. Tell them yourself, then "
		default:
			text += "no channel and no contact. Tell them yourself, then "
		}
		p.Unheard = append(p.Unheard, text+texts.Code("/ic told "+name+" by phone"))
	}
}

func (p page) channel(customer string, ch incident.Channel) string {
	switch ch.Kind {
	case "issue":
		for _, shared := range p.S.Updates.Shared {
			if naming.Equal(shared.Customer, customer) {
				return templates.Reference(shared.Issue)
			}
		}
		return "issue in " + texts.Inert(ch.To, 120)
	case "slack":
		return "Slack " + texts.Inert(strings.TrimPrefix(ch.To, "#"), 80)
	case "email":
		return texts.Inert(ch.To, 120)
	}
	return ch.Kind
}
