package card

import (
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/texts"
	"github.com/firebreak-dev/firebreak/templates"
)

// pages lists the newest pages, each with its answer, and what comes next. Those before are folded.
func (p *page) pages() {
	list := p.S.Paging.Pages
	if n := len(list) - shownPages - shownOldPages; n > 0 {
		list = list[n:]
	}
	answered := p.S.Paging.AnsweredPage() - (len(p.S.Paging.Pages) - len(list)) // below 0 where it isn't shown
	times := ""
	for i, pg := range list {
		if times == "" {
			times = p.shortTime(pg.At)
		} else if at := strings.TrimSuffix(templates.UTC(pg.At, list[i-1].At), " UTC"); !strings.HasSuffix(times, at) {
			times += ", " + at
		}
		if i+1 < len(list) && i != answered && isSamePage(pg, list[i+1]) {
			continue // one row for them all
		}
		to := texts.Inert(strings.Join(pg.To, ", "), 120)
		if to == "phone" {
			to = "phone list"
		}
		if len(pg.Rotations) > 0 {
			to += " (" + texts.Inert(strings.Join(pg.Rotations, ", "), 120) + ")"
		}
		text := "**" + to + "** " + times + servicesOf(pg)
		times = ""
		switch pg.Why {
		case "update":
			text += " for the overdue update"
		case "asked":
			text += " on request"
		case "again":
			text += " because it came back"
		case "reopened":
			text += " because it was reopened"
		}
		text += missedOf(pg)
		if pg.Failed != "" {
			text += ": **not sent** (" + texts.Inert(pg.Failed, 120) + ")"
		}
		switch a := p.S.Paging.Answered; {
		case i == answered:
			text += " → **" + texts.Inert(a.By, 60) + "** answered " + strings.TrimSuffix(templates.UTC(a.At, pg.At), " UTC")
		case i == len(list)-1 && p.Running:
			text += p.waiting()
		}
		p.OldPages = append(p.OldPages, text)
	}

	shown := max(0, len(p.OldPages)-shownPages)
	for i, text := range p.OldPages[shown:] {
		p.Pages = append(p.Pages, cell{i == 0, text})
	}
	p.OldPages = p.OldPages[:shown]
}

// whoIsPaged returns whom a step pages at a time.
func (p page) whoIsPaged(step incident.EscalationStep, at time.Time) string {
	return texts.Inert(strings.Join(p.Policy.WhoIsPaged(step, at), ", "), 120)
}

// isSamePage reports whether a page repeats the one before it, and both went out.
func isSamePage(a, b incident.Page) bool {
	return slices.Equal(a.To, b.To) && slices.Equal(a.By, b.By) && a.Why == b.Why && a.Failed+b.Failed == "" &&
		len(a.Lost)+len(b.Lost)+len(a.Missed)+len(b.Missed) == 0
}

// missedOf returns which ways of a page failed to reach somebody (O3).
func missedOf(pg incident.Page) string {
	var parts []string
	for _, missed := range pg.Missed {
		way, login, _ := strings.Cut(missed, " ")
		parts = append(parts, texts.Inert(login, 60)+" by "+texts.Inert(templates.Way(way), 40))
	}
	if len(parts) == 0 {
		return ""
	}
	return ", **did not reach** " + strings.Join(parts, ", ")
}

// servicesOf returns the services of a page, and which of them did not take it.
func servicesOf(pg incident.Page) string {
	if !slices.ContainsFunc(pg.To, func(to string) bool { return to != "phone" }) {
		return "" // a list to call is shown, not sent
	}
	var parts []string
	for _, kind := range pg.By {
		switch {
		case slices.Contains(pg.Lost, kind) && pg.Failed == "":
			parts = append(parts, "**not** by "+templates.Service(kind))
		case kind != "github":
			parts = append(parts, "by "+templates.Service(kind))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " " + strings.Join(parts, ", ")
}

// waiting returns what comes of a page that nobody answered yet.
func (p page) waiting() string {
	g := p.S.Paging
	switch {
	case !p.S.Summons.Due.IsZero() && g.Next.IsZero() && naming.Contains(p.S.Summons.People, p.S.IC) &&
		len(p.Policy.Escalation) > 0:
		first := p.Policy.Escalation[0]
		return " → no answer yet, next: " + p.whoIsPaged(first, p.S.Summons.Due) + " " +
			p.shortTime(p.S.Summons.Due)
	case g.GaveUp && g.Next.IsZero():
		return " → nobody answered"
	case g.GaveUp:
		return " → nobody answered, next: everybody " + p.shortTime(g.Next)
	case !g.Next.IsZero() && len(p.Policy.Escalation) > 0:
		next := p.Policy.Escalation[g.Step%len(p.Policy.Escalation)]
		if g.Step >= len(p.Policy.Escalation)*max(1, p.Policy.Rounds) {
			return " → no answer yet"
		}
		return " → no answer yet, next: " + p.whoIsPaged(next, g.Next) + " " + p.shortTime(g.Next)
	}
	return ""
}
