package card

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/texts"
	"github.com/firebreak-dev/firebreak/templates"
)

// maxShown is how many entries of the timeline a card shows; the state holds no more than a few dozen.
const maxShown = 40

// How many rows of what a long incident collects are shown.
const (
	shownPages      = 3
	shownOldPages   = 10
	shownContacts   = 8
	shownFollowUps  = 5
	foldedFollowUps = 20
	shownFolded     = 5
	shownFound      = 3
	shownSuspects   = 3
	shownReverts    = 3
	shownRuns       = 3
	shownTried      = 2
	shownBoxes      = 2
	shownNow        = 3
)

// page is what templates/card.md shows: the decisions are made here, the words are there.
type page struct {
	S      incident.State
	Policy incident.Policy
	Title  string

	Emoji         string // the one colour of the state
	Standing      string // "P1 · Investigate"
	When          string // "since 10:49 UTC"
	Reporter      string
	Running       bool
	Critical      bool
	Unconfirmed   bool
	Nobody        bool   // nobody is on it
	Coordinator   string // who holds IC, the declarer included
	Covered       bool
	Together      bool // one person is in charge of a regular incident
	Box           string
	Failed        string // why the newest page could not be sent
	Missing       []string
	Asked         string // who is asked for it
	Ask           bool   // it is asked for outside the box
	Facts         string
	Rhythm        string // "20 min"
	Kept          string
	Told          string
	Pages         []cell
	OldPages      []string
	Answer        string // what a customer answered last
	Contacts      []cell
	Waiting       []string // customers who wait for an update
	Unheard       []string // whom to call, each with the command for afterwards
	StandBy       bool
	Impact        string   // how bad it is, and since when
	Service       string   // that is hit, and whose it is
	Call          string   // address of the call or war room
	Known         []string // what people wrote of cause, cure, and what they see and tried
	Found         []fact
	Noted         string
	Folded        string
	Alone         string
	Pull          string
	Next          incident.Phase
	Checks        []check
	Ready         string   // the command that moves on, once nothing blocks
	Holder        []string // who may move on
	Insist        string   // the command that moves on for a reason
	FollowUps     []string
	MoreFollowUps []string
	Boxes         []string // what needs no words, as checkboxes
	Now           []command
	tapped        []command // what Boxes are
	Timeline      []row
	Older         int
	Refusals      []cell   // what GitHub refuses at the moment
	Unsaid        []string // texts of comments that GitHub refused

	today time.Time
	url   string
	ref   incident.Ref
}

type (
	cell struct {
		First bool
		Text  string
	}
	fact    struct{ Name, Text string }
	command struct {
		Usage, Does string
		Who         []string // who may use it; empty: any responder
	}
	check struct {
		incident.Check
		Who []string // who may use its command
	}
	row struct{ When, Who, What string }
)

func newPage(s incident.State, v View, shown int) page {
	p := page{S: s, Policy: v.Policy, Title: v.Title, today: v.Now, url: v.URL, ref: v.Ref}
	p.Running = s.Running()
	p.Critical = s.Critical(v.Policy)
	p.Unconfirmed = s.Confirmed == nil
	p.Coordinator, p.Covered = s.Coordinator()
	p.Together = !p.Unconfirmed && !p.Critical && p.Coordinator != "" &&
		(len(s.OEs) == 0 || len(s.OEs) == 1 && naming.Equal(s.OEs[0], p.Coordinator))
	p.Nobody = p.Running && s.IC == "" && len(s.OEs) == 0 && (p.Unconfirmed || p.Coordinator == "")
	if s.Hit.Name != "" {
		p.Service = templates.Hit(s.Hit, v.Policy.OnCallFor(s.Hit, v.Now), v.Now)
	}
	p.standing()
	if p.Running {
		p.Missing, p.Asked = s.Missing(), s.AskedForData()
		p.Failed = p.failedPage()
		p.Box = p.chooseBox()
		p.Ask = len(p.Missing) > 0 && p.Box != "data" && s.Phase != incident.Closing
		p.Rhythm = p.updateInterval()
		p.StandBy = s.Phase == incident.Monitoring && !s.StandBy.Ends.IsZero()
		p.checks()
		p.contacts()
	}
	p.Kept, p.Told = updateRecord(s.Updates, v.Now), p.lastUpdate()
	p.unheard()
	if p.Told != "" && p.Kept != "" {
		p.Told, p.Kept = p.Told+" · "+p.Kept, ""
	}
	p.Answer = p.answer()
	p.pages()
	p.Impact = p.impact()
	if p.Running {
		p.Call = s.CallOf(v.Policy)
	}
	p.known()
	p.found()
	p.runs()
	p.freezes()
	if s.Alone != nil {
		p.Alone = p.linkedStamp(*s.Alone)
	}
	p.Folded = p.folded()
	if s.Noted != nil && p.Running {
		p.Noted = p.link(p.Utc(s.Noted.At), s.Noted.ID) + " " + texts.Inert(s.Noted.By, 60) + ": " +
			texts.Inert(s.Noted.Text, 160)
	}
	if s.Document.Number > 0 && p.url != "" {
		p.Pull = p.sibling("pull", s.Document.Number)
	}
	p.followUps()
	p.refusals()
	p.now()
	p.timeline(shown)
	return p
}

// standing says in the first words how bad it is and how far it is.
func (p *page) standing() {
	s := p.S
	severity := templates.Capital(texts.Inert(s.Severity, 40))
	if p.Critical {
		severity = "P1"
		if s.Severity != "critical" {
			severity = "P1 " + texts.Inert(s.Severity, 40)
		}
	}
	phase := templates.Capital(s.Phase)
	if !s.Since.At.IsZero() {
		p.When = "since " + p.Utc(s.Since.At)
	}
	if p.Unconfirmed && s.Declared != nil {
		p.Reporter = s.Declared.By
		if s.Source != "form" && s.Source != "command" && s.Source != "label" && s.Source != "" {
			p.Reporter = s.Source
		}
	}
	switch {
	case s.Declared == nil:
		p.Emoji, p.Standing, p.When = "⚪", "No incident", ""
	case s.Outcome == incident.Declined:
		p.Emoji, p.Standing, p.When = "⚪", "Declined", p.ended("declined")
	case s.Outcome == incident.Duplicated:
		p.Emoji, p.Standing, p.When = "⚪", "Duplicate", "of "+p.siblingIncident(s.Duplicate)+", "+p.ended("folded")
	case s.Closed != nil:
		p.Emoji, p.Standing = "🟢", joinParts(severity, "Closed")
		p.When = templates.Dated(s.Closed.At, time.Time{}) + " after " + templates.Duration(s.Closed.At.Sub(s.Declared.At))
	case p.Unconfirmed:
		p.Emoji, p.Standing = "🟠", joinParts("Unconfirmed", phase)
	case s.Phase == incident.Closing:
		p.Emoji, p.Standing = "🟢", joinParts(severity, phase)
	case s.Phase == incident.Monitoring:
		p.Emoji, p.Standing = "🔵", joinParts(severity, phase)
	case p.Critical:
		p.Emoji, p.Standing = "🔴", joinParts(severity, phase)
	default:
		p.Emoji, p.Standing = "🟡", joinParts(severity, phase)
	}
}

// ended says when and by whom an incident was ended without closing up.
func (p *page) ended(how string) string {
	if p.S.Closed == nil {
		return how
	}
	text := templates.Dated(p.S.Closed.At, time.Time{}) // with the year, which such a card outlives
	if p.S.Closed.By != "" {
		text += " by **" + texts.Inert(p.S.Closed.By, 60) + "**"
	}
	return text
}

func joinParts(parts ...string) string {
	var out []string
	for _, part := range parts {
		if part != "" {
			out = append(out, part)
		}
	}
	return strings.Join(out, " · ")
}

// found lists what else people said, each with a link to where it was written.
func (p *page) found() {
	if s := p.S.Agreed; s != nil {
		p.Found = append(p.Found, fact{"Agreed", p.quoted(*s)})
	}
	for _, v := range p.S.Reversals[max(0, len(p.S.Reversals)-shownReverts):] {
		standing := "open"
		switch {
		case v.Closed || v.Pull == "":
			continue
		case !v.Live.IsZero():
			standing = "live since " + p.Utc(v.Live)
		case !v.Merged.IsZero():
			standing = "merged " + p.Utc(v.Merged)
		}
		p.Found = append(p.Found, fact{"Revert", templates.Reference(v.Pull) + " of " + templates.Reference(v.Of) +
			", " + standing})
	}
}

// runs lists the newest runs of workflows, each with a link to where it can be seen.
func (p *page) runs() {
	for _, v := range p.S.Runs[max(0, len(p.S.Runs)-shownRuns):] {
		var standing string
		switch {
		case v.Succeeded():
			standing = "ended well " + p.Utc(v.Ended)
		case !v.Ended.IsZero():
			standing = "did not end well (" + texts.Inert(strings.ReplaceAll(v.Outcome, "_", " "), 40) + ") " + p.Utc(v.Ended)
		case v.IsStarted() && v.Status == "waiting":
			standing = "waits for an approval on GitHub"
		case v.IsStarted():
			standing = "running"
		case v.Closed:
			continue
		default:
			standing = "starts"
		}
		name := "**" + texts.Inert(v.Name, 60) + "**"
		if isWebAddress(v.URL) {
			name = "[" + texts.Inert(v.Name, 60) + "](<" + v.URL + ">)"
		}
		p.Found = append(p.Found, fact{"Run", name + " in " + texts.Inert(v.Repo, 140) + ", by **" +
			texts.Inert(v.By, 60) + "**, " + standing})
	}
}

// freezes lists in one line what is frozen, and what can't be lifted.
func (p *page) freezes() {
	var all []string
	for _, f := range p.S.Freezes {
		if f.IsOver() {
			continue
		}
		one := templates.FrozenRepo(f)
		switch {
		case f.End != nil:
			one += " is being lifted"
		case f.From.IsZero():
			one += " is about to be frozen"
		default:
			one += " until " + p.Utc(f.Until) + ", " + templates.FreezeWay(f)
		}
		if n := len(f.Held); n > 0 {
			one += ", " + templates.Plural(n, "merge waits", "merges wait")
		}
		if n := len(f.Deploys); n > 0 {
			one += ", " + templates.Plural(n, "deployment waits", "deployments wait")
		}
		for _, x := range f.Through {
			if x.Head != "" {
				one += ", " + templates.Reference(fmt.Sprintf("%s#%d", f.Repo, x.Pull)) + " was let through"
			}
		}
		if f.Edited != "" {
			one += ", changed by hand"
		}
		if f.Trouble != "" {
			one += ", **trouble**: " + texts.Inert(f.Trouble, 120)
		}
		all = append(all, one)
	}
	if len(all) > 0 {
		p.Found = append(p.Found, fact{"Frozen", strings.Join(all, "; ")})
	}
}

// isWebAddress reports whether GitHub's address of something can be the target of a link as it is.
func isWebAddress(s string) bool {
	isWeb := strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")
	return isWeb && !strings.ContainsAny(s, "<>\n\\ ")
}

// checks lists what blocks the next phase.
func (p *page) checks() {
	p.Next = p.S.Next()
	if p.Next == "" || p.Unconfirmed {
		return // before it is confirmed there is one thing to do, and it is under Now
	}
	open, must := 0, false
	for _, c := range incident.Blocks(p.S, p.Policy, p.Next) {
		if c.Done && c.Must && p.Next != incident.Investigate {
			continue // what an earlier phase needed is not news
		}
		shown := check{Check: c}
		if !c.Done {
			open++
			must = must || c.Must
			shown.Who, _ = incident.WhoMay(p.S, p.Policy, c.Command)
		}
		p.Checks = append(p.Checks, shown)
	}
	switch {
	case open == 0 && p.Next == incident.Closing:
		p.Ready = "/ic close"
	case open == 0:
		p.Ready = "/ic phase " + string(p.Next)
	case !must && p.Next == incident.Closing:
		p.Insist = "/ic close because …"
	case !must:
		p.Insist = "/ic phase " + string(p.Next) + " because …"
	}
	p.Holder, _ = incident.WhoMay(p.S, p.Policy, p.Ready+p.Insist)
}

// followUps lists each with its title and its ticket; those beyond the first few are folded.
func (p *page) followUps() {
	for i, f := range p.S.FollowUps {
		if i == foldedFollowUps {
			p.MoreFollowUps = append(p.MoreFollowUps, fmt.Sprintf("- and %d more", len(p.S.FollowUps)-i))
			return
		}
		text := texts.Inert(f.Text, 80)
		switch {
		case f.Auto:
			text = "Replace the workaround"
		case f.Section != "":
			text = "Write the postmortem: " + texts.Inert(f.Section, 80)
		case text == "":
			text = p.linkedStamp(f.Stamp)
		}
		switch ticket := p.ticketLink(f.Ticket); {
		case ticket != "":
			text += " · " + ticket
		case f.Repo != "":
			text += " · for " + texts.Inert(f.Repo, 120)
		}
		if f.Owner != "" {
			text += " · **" + texts.Inert(f.Owner, 60) + "**"
		}
		if f.Due != "" {
			text += " · due " + texts.Inert(f.Due, 20)
		}
		text = fmt.Sprintf("%d. %s", i+1, text) // by which `/ic followup 2 …` names it
		if i < shownFollowUps {
			p.FollowUps = append(p.FollowUps, text)
		} else {
			p.MoreFollowUps = append(p.MoreFollowUps, text)
		}
	}
}

// now lists the commands that make sense, so short that they can be copied. What the box shows is
// not repeated, and what is here is not repeated in the checklist.
func (p *page) now() {
	for _, h := range incident.Hints(p.S, p.Policy) {
		shown := strings.HasPrefix(h.Command, "/ic update") && (p.Box == "overdue" || p.Box == "amber") ||
			strings.HasPrefix(h.Command, "/ic agree") && p.Box == "agreement" ||
			strings.HasPrefix(h.Command, "/ic customer") && p.Unconfirmed &&
				(len(p.Missing) > 0 && (p.Box == "data" || p.Ask) || len(p.S.Customers) > 0)
		if !shown {
			p.Now = append(p.Now, command{h.Command, h.Does, h.Who})
		}
	}
	p.split()
	for _, c := range append(slices.Clone(p.Now), p.tapped...) {
		if c.Usage == p.Ready {
			p.Ready = ""
		}
		for i := range p.Checks {
			if p.Checks[i].Command == c.Usage {
				p.Checks[i].Command = ""
			}
		}
	}
}

// split makes checkboxes of what needs no words, and leaves the rest as commands to write: three
// lines in all, and one more where nobody has confirmed the incident yet.
func (p *page) split() {
	boxes, lines := shownBoxes, shownNow
	if p.Unconfirmed {
		boxes, lines = boxes+1, lines+1
	}
	all := p.Now
	p.Now = nil
	for _, c := range all {
		if b, ok := incident.BoxFor(c.Usage, p.Policy); ok && len(p.Boxes) < boxes {
			line := b.Line()
			if len(c.Who) > 0 {
				line += " · " + templates.List(c.Who)
			}
			p.Boxes, p.tapped = append(p.Boxes, line), append(p.tapped, c)
		} else if !ok {
			p.Now = append(p.Now, c)
		}
	}
	p.Now = p.Now[:min(len(p.Now), lines-len(p.Boxes))]
}

// timeline shows the newest entries, oldest first. The date is shown where a day begins, so that
// the column stays narrow.
func (p *page) timeline(shown int) {
	list := slices.Clone(p.S.Timeline)
	// notes and pins carry their own time
	slices.SortStableFunc(list, func(a, b incident.Entry) int { return a.At.Compare(b.At) })
	if n := len(list) - shown; n > 0 {
		list = list[n:]
	}
	var day time.Time
	if p.Running {
		day = p.today
	}
	for _, e := range list {
		who := "Firebreak"
		if e.By != "" {
			who = texts.Inert(personOf(e.By), 60)
		}
		when := strings.TrimSuffix(p.inColumn(e.At, day), " UTC")
		p.Timeline = append(p.Timeline, row{when, who, p.link(templates.Line(e), e.Ref)})
		day = e.At
	}
	p.Older = max(0, p.S.Entries-len(p.Timeline))
}
