package card

import (
	"fmt"
	"path"
	"slices"
	"strconv"
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
	shownPages     = 5
	shownContacts  = 8
	shownFollowUps = 20
	shownFolded    = 5
	shownNow       = 4
)

// page is what templates/card.md shows: the decisions are made here, the words stand there.
type page struct {
	S      incident.State
	Policy incident.Policy
	Title  string

	Emoji       string // the one colour of the state
	Standing    string // "P1 · Investigate"
	When        string // "since 10:49 UTC"
	Reporter    string
	Running     bool
	Critical    bool
	Unconfirmed bool
	Nobody      bool   // nobody is on it
	Coordinator string // who holds IC, the declarer included
	Covered     bool
	Together    bool // one person is in charge of a regular incident
	Box         string
	Failed      string // why the newest page could not be sent
	Missing     []string
	Asked       string // who is asked for it
	Ask         bool   // it is asked for outside the box
	Facts       string
	Rhythm      string // "20 min"
	Kept        string
	Told        string
	Pages       []cell
	Contacts    []cell
	Waiting     []string // customers who wait for an update
	Unheard     []string // whom to call, each with the command for afterwards
	StandBy     bool
	Found       []fact
	Noted       string
	Folded      string
	Alone       string
	Pull        string
	Next        incident.Phase
	Checks      []check
	Ready       string   // the command that moves on, once nothing blocks
	Holder      []string // who may move on
	Insist      string   // the command that moves on for a reason
	FollowUps   []string
	Now         []command
	Timeline    []row
	Older       int
	Refusals    []cell   // what GitHub refuses at the moment
	Unsaid      []string // texts of comments that GitHub refused

	today time.Time
	url   string
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

// Utc returns a time, with the date where that isn't today. The card of a running incident is written again at midnight; one
// that is closed stays as it is, and shows the date always.
func (p page) Utc(t time.Time) string {
	if p.Running {
		return templates.UTC(t, p.today)
	}
	return templates.Dated(t, p.today)
}

// brief is Utc without the zone, for lists of times.
func (p page) brief(t time.Time) string { return strings.TrimSuffix(p.Utc(t), " UTC") }

func newPage(s incident.State, v View, shown int) page {
	p := page{S: s, Policy: v.Policy, Title: v.Title, today: v.Now, url: v.URL}
	p.Running = s.Running()
	p.Critical = s.Critical(v.Policy)
	p.Unconfirmed = s.Confirmed == nil
	p.Coordinator, p.Covered = s.Coordinator()
	p.Together = !p.Unconfirmed && !p.Critical && p.Coordinator != "" && (len(s.OEs) == 0 || len(s.OEs) == 1 && naming.Equal(s.OEs[0], p.Coordinator))
	p.Nobody = p.Running && s.IC == "" && len(s.OEs) == 0 && (p.Unconfirmed || p.Coordinator == "")
	p.standing()
	if p.Running {
		p.Missing, p.Asked = s.Missing(), s.AskedForData()
		p.Box, p.Failed = p.box()
		p.Ask = len(p.Missing) > 0 && p.Box != "data" && s.Phase != incident.Closing
		p.Rhythm = p.rhythm()
		p.StandBy = s.Phase == incident.Monitoring && !s.StandBy.Ends.IsZero()
		p.checks()
		p.contacts()
	}
	p.Kept, p.Told = kept(s.Updates, v.Now), p.told()
	p.unheard()
	if p.Told != "" && p.Kept != "" {
		p.Told, p.Kept = p.Told+" · "+p.Kept, ""
	}
	p.pages()
	p.found()
	if s.Alone != nil {
		p.Alone = p.stamp(*s.Alone)
	}
	p.Folded = p.folded()
	if s.Noted != nil && p.Running {
		p.Noted = p.link(p.Utc(s.Noted.At), s.Noted.ID) + " " + texts.Inert(s.Noted.By, 60) + ": " + texts.Inert(s.Noted.Text, 160)
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

// standing says in the first words how bad it is and where it stands.
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
		p.Emoji, p.Standing, p.When = "⚪", "Duplicate", "of "+p.other(s.Duplicate)+", "+p.ended("folded")
	case s.Closed != nil:
		p.Emoji, p.Standing = "🟢", join(severity, "Closed")
		p.When = templates.Dated(s.Closed.At, time.Time{}) + " after " + templates.Duration(s.Closed.At.Sub(s.Declared.At))
	case p.Unconfirmed:
		p.Emoji, p.Standing = "🟠", join("Unconfirmed", phase)
	case s.Phase == incident.Closing:
		p.Emoji, p.Standing = "🟢", join(severity, phase)
	case s.Phase == incident.Monitoring:
		p.Emoji, p.Standing = "🔵", join(severity, phase)
	case p.Critical:
		p.Emoji, p.Standing = "🔴", join(severity, phase)
	default:
		p.Emoji, p.Standing = "🟡", join(severity, phase)
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

func join(parts ...string) string {
	var out []string
	for _, part := range parts {
		if part != "" {
			out = append(out, part)
		}
	}
	return strings.Join(out, " · ")
}

// box chooses who must act first; templates/card.md has the words.
func (p page) box() (name, failed string) {
	s := p.S
	for _, pg := range s.Paging.Pages {
		if a := s.Paging.Answered; pg.Failed != "" && !pg.Skipped && (a == nil || pg.At.After(a.At)) {
			failed = pg.Failed
		}
	}
	open := p.Critical && s.IC == ""
	switch {
	case s.Paging.GaveUp && (s.IC == "" || s.Summons.Silent):
		return "unanswered", failed
	case failed != "" && (open || p.Nobody && p.Unconfirmed || s.Paging.Pages[len(s.Paging.Pages)-1].Why == "update" && s.Updates.Overdue):
		return "unsent-page", failed
	case !s.Updates.Due.IsZero() && s.Updates.Stage >= 2:
		return "overdue", failed
	case open && s.Phase != incident.Closing:
		return "nobody-coordinates", failed
	case s.Summons.Silent:
		return "silent", failed
	case !s.Updates.Due.IsZero() && s.Updates.Stage == 1:
		return "amber", failed
	case !s.Drill && len(s.Unheard()) > 0:
		return "unheard", failed
	case len(s.Updates.Unsent) > 0:
		return "unsent-update", failed
	case p.Critical && len(s.OEs) == 0 && s.Alone == nil && (s.Phase == incident.Identify || s.Phase == incident.Investigate || s.Phase == incident.Fixing):
		return "nobody-operates", failed
	case s.Handover != "":
		return "handover", failed
	case p.Unconfirmed && p.Nobody && (!s.Paging.Next.IsZero() || s.IsUnclaimed()):
		return "claim", failed
	case s.Phase == incident.Monitoring && s.StandBy.Asked && s.Agreed == nil && !s.NothingToTell():
		return "agreement", failed
	case s.Document.Shut && s.Document.Merged == nil:
		return "unmerged", failed
	case len(p.Missing) > 0 && s.Phase != incident.Closing:
		return "data", failed
	}
	return "", failed
}

// rhythm tells the wait between updates as it is at the moment.
func (p page) rhythm() string {
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

// kept tells how the customer updates were kept; nothing where none was due and nobody waited.
func kept(u incident.Updates, now time.Time) string {
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
	if longest := max(u.Longest, u.LongestAt(now).Truncate(time.Minute)); longest > 0 { // seconds of silence are none
		parts = append(parts, "longest wait "+templates.Duration(longest))
	}
	return strings.Join(parts, " · ")
}

// told tells when the customers heard last, and where.
func (p page) told() (told string) {
	u := p.S.Updates
	if !p.Running || u.Last.IsZero() {
		return ""
	}
	text := "**" + p.Utc(u.Last) + "**"
	if missed := p.S.Unheard(); len(missed) > 0 && !p.S.Drill {
		defer func() { told += " · **not** " + templates.List(missed) }()
	}
	if len(u.Told) == 0 {
		return text
	}
	ways := map[string][]string{}
	var names []string
	for _, t := range u.Told {
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
	return text
}

// pages tells the newest pages, each with its answer, and what comes next.
func (p *page) pages() {
	list := p.S.Paging.Pages
	if n := len(list) - shownPages; n > 0 {
		list = list[n:]
	}
	answered := p.answeredPage(list)
	times := ""
	for i, pg := range list {
		if times == "" {
			times = p.brief(pg.At)
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
		text := "**" + to + "** " + times + by(pg)
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
		if pg.Failed != "" {
			text += ": **not sent** (" + texts.Inert(pg.Failed, 120) + ")"
		}
		switch a := p.S.Paging.Answered; {
		case i == answered:
			text += " → **" + texts.Inert(a.By, 60) + "** answered " + strings.TrimSuffix(templates.UTC(a.At, pg.At), " UTC")
		case i == len(list)-1 && p.Running:
			text += p.waiting()
		}
		p.Pages = append(p.Pages, cell{len(p.Pages) == 0, text})
	}
}

// isSamePage reports whether a page repeats the one before it, and both went out.
func isSamePage(a, b incident.Page) bool {
	return slices.Equal(a.To, b.To) && slices.Equal(a.By, b.By) && a.Why == b.Why && a.Failed+b.Failed == "" && len(a.Lost)+len(b.Lost) == 0
}

// answeredPage returns the index of the page that was answered, -1 if it is none of them. The answer is one to the escalation or
// to a regression, and not to what somebody asked for in between.
func (p *page) answeredPage(list []incident.Page) int {
	a := p.S.Paging.Answered
	for i, pg := range slices.Backward(list) {
		if a != nil && pg.Why != "asked" && pg.Why != "update" && !a.At.Before(pg.At) {
			return i
		}
	}
	return -1
}

// by tells the services of a page, and which of them did not take it.
func by(pg incident.Page) string {
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

// waiting tells what comes of a page that nobody answered yet.
func (p page) waiting() string {
	g := p.S.Paging
	switch {
	case !p.S.Summons.Due.IsZero() && g.Next.IsZero() && naming.Contains(p.S.Summons.People, p.S.IC) && len(p.Policy.Escalation) > 0:
		first := p.Policy.Escalation[0]
		return " → no answer yet, next: " + texts.Inert(strings.Join(first.To, ", "), 120) + " " + p.brief(p.S.Summons.Due)
	case g.GaveUp && g.Next.IsZero():
		return " → nobody answered"
	case g.GaveUp:
		return " → nobody answered, next: everybody " + p.brief(g.Next)
	case !g.Next.IsZero() && len(p.Policy.Escalation) > 0:
		next := p.Policy.Escalation[g.Step%len(p.Policy.Escalation)]
		if g.Step >= len(p.Policy.Escalation)*max(1, p.Policy.Rounds) {
			return " → no answer yet"
		}
		return " → no answer yet, next: " + texts.Inert(strings.Join(next.To, ", "), 120) + " " + p.brief(g.Next)
	}
	return ""
}

// contacts tells whom to call at the impacted customers, and how they are told.
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

// unheard tells whom to call because the last update did not reach them.
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
		if i == shownContacts {
			p.Unheard = append(p.Unheard, "…")
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

// found tells what is known of cause and cure, each with a link to where it was written.
func (p *page) found() {
	add := func(name string, s *incident.Stamp) {
		if s != nil {
			p.Found = append(p.Found, fact{name, p.words(*s)})
		}
	}
	add("Cause", p.S.Cause)
	add("Workaround", p.S.Workaround)
	add("Fix", p.S.Fix)
	add("Agreed", p.S.Agreed)
}

// words gives what somebody wrote as a link to it: the text itself stands in the comment alone.
func (p page) words(s incident.Stamp) string {
	if s.By == "" || s.Comment() == 0 || p.url == "" {
		return p.stamp(s)
	}
	return p.link("what "+texts.Inert(s.By, 60)+" wrote", s.ID) + " · " + p.Utc(s.At)
}

// stamp tells who and when, linked to the comment.
func (p page) stamp(s incident.Stamp) string {
	text := p.Utc(s.At)
	if s.By != "" {
		text = texts.Inert(s.By, 60) + ", " + text
	}
	return p.link(text, s.ID)
}

// link links a text to the comment that a fact came from, on the incident or on the postmortem's pull request.
func (p page) link(text, fact string) string {
	comment := incident.CommentOf(fact)
	if comment == 0 || p.url == "" {
		return text
	}
	page := p.url
	if incident.OnPull(fact) {
		page = p.sibling("pull", p.S.Document.Number)
	}
	return "[" + text + "](" + page + "#issuecomment-" + strconv.FormatInt(comment, 10) + ")"
}

// sibling gives the address of another issue or pull request of the repository.
func (p page) sibling(kind string, number int) string {
	base, _, _ := strings.Cut(p.url, "#")
	return strings.TrimSuffix(base, path.Join(path.Base(path.Dir(base)), path.Base(base))) + kind + "/" + strconv.Itoa(number)
}

func (p page) other(number int) string {
	if p.url == "" {
		return "#" + strconv.Itoa(number)
	}
	return "[#" + strconv.Itoa(number) + "](" + p.sibling("issues", number) + ")"
}

// folded tells which incidents were folded into this one, the newest of them, and what reported them.
func (p page) folded() string {
	var list []string
	for _, f := range p.S.Folded {
		if other := p.other(f.From); !slices.Contains(list, other) { // one that was reopened may have come again
			list = append(list, other)
		}
	}
	text := ""
	if n := len(list) - shownFolded; n > 0 {
		list, text = list[n:], fmt.Sprintf("%d earlier, ", n)
	}
	text += strings.Join(list, ", ")
	for i, name := range p.S.Sources {
		if i == 0 {
			text += " · reported by "
		} else {
			text += ", "
		}
		text += "**" + texts.Inert(name, 60) + "**"
	}
	return text
}

// checks lists what blocks the next phase.
func (p *page) checks() {
	p.Next = p.S.Next()
	if p.Next == "" || p.Unconfirmed {
		return // before it is confirmed there is one thing to do, and it stands under Now
	}
	open, must := 0, false
	for _, c := range incident.Blocks(p.S, p.Policy, p.Next) {
		if c.Done && c.Must && p.Next != incident.Investigate {
			continue // what an earlier phase needed is no news
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

// followUps tells each with its ticket, whose title and state GitHub shows where the ticket's name stands in a list.
func (p *page) followUps() {
	for i, f := range p.S.FollowUps {
		if i == shownFollowUps {
			p.FollowUps = append(p.FollowUps, fmt.Sprintf("- and %d more", len(p.S.FollowUps)-i))
			return
		}
		text := templates.Reference(f.Ticket)
		switch {
		case text != "":
		case f.Auto:
			text = "replace the workaround, " + p.stamp(f.Stamp)
		default:
			text = p.stamp(f.Stamp)
			if f.Repo != "" {
				text += " · for " + texts.Inert(f.Repo, 120)
			}
		}
		if f.Owner != "" {
			text += " · **" + texts.Inert(f.Owner, 60) + "**"
		}
		if f.Due != "" {
			text += " · due " + texts.Inert(f.Due, 20)
		}
		p.FollowUps = append(p.FollowUps, fmt.Sprintf("%d. %s", i+1, text)) // by which `/ic followup 2 …` names it
	}
}

// now lists the commands that make sense, so short that they can be copied. What the box shows is not repeated, and what
// stands here is not repeated in the checklist.
func (p *page) now() {
	for _, h := range incident.Hints(p.S, p.Policy) {
		shown := strings.HasPrefix(h.Command, "/ic update") && (p.Box == "overdue" || p.Box == "amber") ||
			strings.HasPrefix(h.Command, "/ic customer") && p.Unconfirmed && (len(p.Missing) > 0 && (p.Box == "data" || p.Ask) || len(p.S.Customers) > 0)
		if !shown {
			p.Now = append(p.Now, command{h.Command, h.Does, h.Who})
		}
	}
	p.Now = p.Now[:min(len(p.Now), shownNow)]
	for _, c := range p.Now {
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

// inColumn returns a time below another one: with the date where a day begins, and with the year where that isn't this one.
func (p page) inColumn(t, above time.Time) string {
	if t.UTC().Format(time.DateOnly) == above.UTC().Format(time.DateOnly) {
		return templates.UTC(t, above)
	}
	return templates.Dated(t, p.today)
}

// timeline shows the newest entries, oldest first. The date stands where a day begins, so that the column stays narrow.
func (p *page) timeline(shown int) {
	list := slices.Clone(p.S.Timeline)
	slices.SortStableFunc(list, func(a, b incident.Entry) int { return a.At.Compare(b.At) }) // notes and pins carry their own time
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

// personOf returns a login as people say it: an App's bot by the App's name.
func personOf(login string) string {
	if slug, ok := naming.AppOf(login); ok {
		return slug
	}
	return login
}
