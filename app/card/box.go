package card

import "github.com/firebreak-dev/firebreak/app/incident"

// box is what comes before all else on a card: who must act first. templates/card.md has the words.
type box struct {
	name    string
	isShown func(p page) bool
}

// boxes are in the order of their urgency: the first one that applies is shown.
var boxes = []box{
	{"unanswered", func(p page) bool { return p.S.Paging.GaveUp && (p.S.IC == "" || p.S.Summons.Silent) }},
	{"unsent-page", func(p page) bool { return p.Failed != "" && p.needsPage() }},
	{"overdue", func(p page) bool { return !p.S.Updates.Due.IsZero() && p.S.Updates.Stage >= 2 }},
	{"nobody-coordinates", func(p page) bool { return p.needsIC() && p.S.Phase != incident.Closing }},
	{"silent", func(p page) bool { return p.S.Summons.Silent }},
	{"amber", func(p page) bool { return !p.S.Updates.Due.IsZero() && p.S.Updates.Stage == 1 }},
	{"unheard", func(p page) bool { return !p.S.Drill && len(p.S.Unheard()) > 0 }},
	{"unsent-update", func(p page) bool { return len(p.S.Updates.Unsent) > 0 }},
	{"nobody-operates", func(p page) bool { return p.needsOE() }},
	{"handover", func(p page) bool { return p.S.Handover != "" }},
	{"claim", func(p page) bool {
		return p.Unconfirmed && p.Nobody && (!p.S.Paging.Next.IsZero() || p.S.IsUnclaimed())
	}},
	{"agreement", func(p page) bool {
		return p.S.Phase == incident.Monitoring && p.S.StandBy.Asked && p.S.Agreed == nil && !p.S.NothingToTell()
	}},
	{"unmerged", func(p page) bool { return p.S.Document.IsClosed && p.S.Document.Merged == nil }},
	{"data", func(p page) bool { return len(p.Missing) > 0 && p.S.Phase != incident.Closing }},
}

// chooseBox returns the name of the box that is shown, or "".
func (p page) chooseBox() string {
	for _, b := range boxes {
		if b.isShown(p) {
			return b.name
		}
	}
	return ""
}

// failedPage returns why the newest page could not be sent, or "" if it was, or was answered.
func (p page) failedPage() (why string) {
	answered := p.S.Paging.Answered
	for _, pg := range p.S.Paging.Pages {
		if pg.Failed != "" && !pg.Skipped && (answered == nil || pg.At.After(answered.At)) {
			why = pg.Failed
		}
	}
	return why
}

// needsIC reports whether a critical incident has no Incident Coordinator.
func (p page) needsIC() bool { return p.Critical && p.S.IC == "" }

// needsOE reports whether a critical incident that nobody has mended yet has no Operations Engineer.
func (p page) needsOE() bool {
	isBroken := p.S.Phase == incident.Identify || p.S.Phase == incident.Investigate || p.S.Phase == incident.Fixing
	return p.Critical && len(p.S.OEs) == 0 && p.S.Alone == nil && isBroken
}

// needsPage reports whether what the newest page asked for is still needed.
func (p page) needsPage() bool {
	newest := p.S.Paging.Pages[len(p.S.Paging.Pages)-1]
	return p.needsIC() || p.Nobody && p.Unconfirmed || newest.Why == "update" && p.S.Updates.Overdue
}
