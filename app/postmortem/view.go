package postmortem

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/texts"
	"github.com/firebreak-dev/firebreak/templates"
)

// view is the data of the document's template.
type view struct {
	Facts
	Declared, Confirmed, Mitigated, Closed time.Time
	Earliest                               time.Time // of the timeline, if before the declaration
	Unmitigated                            time.Duration
	Declarer, Severity                     string
	Customers, Coordinators, Engineers     []string
	Phases                                 []incident.Span
	Roles                                  []held
	Handovers                              []handover
	Diagram                                string
	Rows                                   []row
	Folds                                  []fold // the rows by phase, if there are many
	Updates                                []told
	Rhythm                                 bool
	Longest                                time.Duration
	Paged                                  []paged
	Findings, Causes, Actions              []said
	Workarounds, Fixes                     []said
	Regressions, Agreements                []said
	Impacts, Pins                          []said
	Began                                  time.Time // of the impact: as somebody said, or the declaration
	Work                                   []work
	Frozen                                 []incident.Freeze // that were on
	Dated                                  bool              // a follow-up has a date
	Tell                                   bool              // there is a customer to tell
}

// held is a role while somebody held it.
type held struct {
	Role, Who, Note string
	From, To        time.Time
}

// handover is a coordinator's request to somebody to take over.
type handover struct {
	At, Answered        time.Time
	From, To, Text, URL string
}

// row is a row of the timeline's table; What is Markdown.
type row struct {
	At            time.Time
	By, What, URL string
}

// fold is a part of a long timeline: a phase, or some of one.
type fold struct {
	Name string
	Rows []row
}

// How long the timeline may get.
const (
	maxUnfolded = 60  // rows, beyond which it folds away
	maxFolded   = 500 // rows of a fold
)

// told is a customer update; After is the time since the one before, or since the severity was
// confirmed.
type told struct {
	At            time.Time
	By, Text, URL string
	After         time.Duration
}

// paged is a page and its answer. One that asks for an answer to the incident has Awaited.
type paged struct {
	At          time.Time
	To, By      []string
	Why, Failed string
	Awaited     bool
	Answerer    string
	After       time.Duration // until the answer
}

// said is what somebody wrote; Back is when it turned out not to hold.
type said struct {
	At, Back      time.Time
	By, Text, URL string
}

// work is a follow-up; URL is the ticket's.
type work struct {
	FollowUp
	Number     int
	Name, Does string // its title and who does it
	URL        string
}

func look(f Facts) view {
	f.Entries = oldest(f.Entries)
	v := view{Facts: f, Declared: f.declared(), Closed: f.closed(), Declarer: f.Author,
		Severity:  f.State.Severity,
		Customers: visible(f.State.Customers), Diagram: diagram(f)}
	v.URL = address(f.URL)
	if f.State.Declared != nil && f.State.Declared.By != "" {
		v.Declarer = f.State.Declared.By
	}
	if f.State.Confirmed != nil {
		v.Confirmed = f.State.Confirmed.At
	}
	v.Began = v.Declared
	if !f.State.Began.IsZero() {
		v.Began = f.State.Began
	}
	v.Tell = len(v.Customers) > 0 && !f.State.Drill
	v.phases()
	v.people()
	v.rows()
	v.updates()
	v.pages()
	v.findings()
	for _, z := range f.State.Freezes {
		if !z.From.IsZero() {
			v.Frozen = append(v.Frozen, z)
		}
	}
	for i, fu := range f.FollowUps {
		v.Dated = v.Dated || fu.Due != ""
		v.Work = append(v.Work, work{FollowUp: fu, Number: i + 1, Name: f.name(fu),
			Does: f.State.OwnerOf(fu.FollowUp), URL: f.issue(fu.Ticket)})
	}
	return v
}

// visible returns the names of which something is left to see.
func visible(names []string) []string {
	var out []string
	for _, n := range names {
		if texts.Inert(n, 0) != "" {
			out = append(out, n)
		}
	}
	return out
}

// phases returns the phases, and from them the impact: it ended with the last move to where it is
// only watched.
func (v *view) phases() {
	v.mitigated()
	for _, s := range v.Spans {
		if s.Phase != incident.Closing || s.To.After(s.From) {
			v.Phases = append(v.Phases, s)
		}
		if s.Phase == incident.Monitoring || s.Phase == incident.Closing {
			continue
		}
		to := s.To
		if !v.Mitigated.IsZero() && to.After(v.Mitigated) {
			to = v.Mitigated
		}
		v.Unmitigated += max(0, to.Sub(s.From))
	}
	if v.Began.Before(v.Declared) {
		v.Unmitigated += v.Declared.Sub(v.Began)
	}
}

func (v *view) mitigated() {
	watched := false
	for _, s := range v.Spans {
		switch s.Phase {
		case incident.Monitoring:
			if !watched {
				v.Mitigated, watched = s.From, true
			}
		case incident.Closing:
		default:
			v.Mitigated, watched = time.Time{}, false
		}
	}
	if !v.Mitigated.IsZero() {
		return
	}
	// It went straight to closing, so the impact ended with the last repair.
	for _, e := range v.Entries {
		switch e.Kind {
		case "workaround", "fix":
			v.Mitigated = e.At
		case "regression":
			v.Mitigated = time.Time{}
		}
	}
}

// people returns who held which role from when to when, and the handovers.
func (v *view) people() {
	var ics, oes []held
	asked := map[string]int{}
	end := func(list []held, at time.Time, match func(held) bool) {
		for i := len(list) - 1; i >= 0; i-- {
			if list[i].To.IsZero() && match(list[i]) {
				list[i].To = at
				return
			}
		}
	}
	anyone := func(held) bool { return true }
	holds := func(login string) func(held) bool {
		return func(h held) bool { return naming.Equal(h.Who, login) }
	}
	for _, e := range v.Entries {
		switch {
		case e.Kind == "ic":
			end(ics, e.At, anyone)
			ics = append(ics, held{Role: "ic", Who: e.What, From: e.At})
			if i, ok := asked[strings.ToLower(e.What)]; ok {
				v.Handovers[i].Answered = e.At
			}
			clear(asked) // whoever takes the role ends every open question for it
		case e.Kind == "oe":
			end(oes, e.At, holds(e.What))
			oes = append(oes, held{Role: "oe", Who: e.What, From: e.At})
		case e.Kind == "left" && e.Text == "ic":
			end(ics, e.At, holds(e.What))
		case e.Kind == "left":
			end(oes, e.At, holds(e.What))
		case e.Kind == "handover":
			asked[strings.ToLower(e.What)] = len(v.Handovers)
			v.Handovers = append(v.Handovers,
				handover{At: e.At, From: e.By, To: e.What, Text: e.Text, URL: v.permalink(e.Ref)})
		}
	}
	if holder, covered := v.State.Coordinator(); len(ics) == 0 && holder != "" && !covered {
		ics = []held{{Role: "ic", Who: holder, From: v.Declared, Note: "as the declarer: nobody took the role"}}
	}
	v.Roles = append(ics, oes...)
	for i := range v.Roles {
		h := &v.Roles[i]
		if h.To.IsZero() {
			h.To = v.Closed
		}
		if h.Role == "ic" && !naming.Contains(v.Coordinators, h.Who) {
			v.Coordinators = append(v.Coordinators, h.Who)
		}
		if h.Role == "oe" && !naming.Contains(v.Engineers, h.Who) {
			v.Engineers = append(v.Engineers, h.Who)
		}
	}
}

// rows returns the whole timeline. The longer it is, the less each row says of its text, so that
// GitHub still shows the file; the link leads to all of it.
func (v *view) rows() {
	room := min(300, max(20, 400_000/max(1, len(v.Entries))-160))
	for _, e := range v.Entries {
		what := templates.Line(e)
		text := texts.Inert(e.Text, room)
		switch {
		case e.Kind == "left":
			what = "**" + who(e.What) + "** left the role: " + texts.Inert(templates.Role(e.Text), 60)
		case e.Kind == "followup" && text == "": // nobody asked for it (F2)
			what += ": replace the workaround"
		case text != "":
			what += ": " + text
		}
		v.Rows = append(v.Rows, row{At: e.At, By: e.By, What: what, URL: v.permalink(e.Ref)})
	}
	if len(v.Rows) > maxUnfolded {
		at := 0
		for _, s := range groupByPhase(v.Spans, v.Entries) {
			for part := range slices.Chunk(v.Rows[at:at+len(s.entries)], maxFolded) {
				v.Folds = append(v.Folds, fold{s.name, part})
			}
			at += len(s.entries)
		}
	}
	if len(v.Entries) > 0 && minute(v.Entries[0].At) < minute(v.Declared) {
		v.Earliest = v.Entries[0].At
	}
}

func (v *view) updates() {
	severity, _ := v.Policy.Severity(v.Severity)
	v.Rhythm = severity.Every > 0
	v.Longest = v.State.Updates.LongestAt(v.At)
	before := v.Declared
	if !v.Confirmed.IsZero() {
		before = v.Confirmed
	}
	gap := time.Duration(0)
	for _, e := range v.Entries {
		if e.Kind != "update" && e.Kind != "told" {
			continue
		}
		after, text := max(0, e.At.Sub(before)), e.Text
		switch {
		case e.Kind == "told": // by a person
			text = strings.TrimSpace("told " + cmp.Or(e.What, "the customers") + ", " + e.Text)
		case e.What == "-":
			text = "(reached nobody) " + e.Text
		case e.What != "":
			text = "(not to " + e.What + ") " + e.Text
		}
		v.Updates = append(v.Updates,
			told{At: e.At, By: e.By, Text: text, URL: v.permalink(e.Ref), After: after})
		if e.What != "-" {
			gap, before = max(gap, after), e.At
		}
	}
	if v.Longest == 0 {
		v.Longest = gap
	}
}

// whys are the reasons of pages, in words.
var whys = map[string]string{
	"team":       "nobody coordinated yet",
	"escalation": "nobody had answered",
	"update":     "a customer update was overdue",
	"asked":      "more people were asked for",
	"silent":     "the coordinator did not answer",
	"again":      "it came back",
	"reopened":   "it was reopened",
}

func why(reason string) string {
	if words, ok := whys[reason]; ok {
		return words
	}
	return texts.Inert(reason, 60)
}

func (v *view) pages() {
	pages := v.Pages
	if len(pages) == 0 {
		pages = v.State.Paging.Pages
	}
	failed := map[string]string{}
	for _, p := range v.State.Paging.Pages {
		failed[p.Key] = p.Failed
	}
	var answers []incident.Entry
	for _, e := range v.Entries {
		if e.Kind == "answered" {
			answers = append(answers, e)
		}
	}
	for _, p := range pages {
		out := paged{At: p.At, To: visible(p.To), By: p.By, Why: p.Why, Failed: failed[p.Key],
			Awaited: incident.Escalates(p.Why) || p.Why == "again" || p.Why == "reopened" ||
				p.Why == "escalation"}
		if p.Failed != "" {
			out.Failed = p.Failed
		}
		for len(answers) > 0 && answers[0].At.Before(p.At) {
			answers = answers[1:]
		}
		if out.Awaited && len(answers) > 0 {
			out.Answerer, out.After = answers[0].What, answers[0].At.Sub(p.At)
		}
		v.Paged = append(v.Paged, out)
	}
}

// findings sorts what people wrote down by its kind. A repair before a regression did not hold.
func (v *view) findings() {
	lists := map[string]*[]said{"finding": &v.Findings, "cause": &v.Causes, "action": &v.Actions,
		"workaround": &v.Workarounds,
		"fix":        &v.Fixes, "regression": &v.Regressions, "agreed": &v.Agreements,
		"impact": &v.Impacts, "pinned": &v.Pins}
	var back *incident.Entry // the regression that came next
	for i := len(v.Entries) - 1; i >= 0; i-- {
		e := v.Entries[i]
		list := lists[e.Kind]
		if list == nil {
			continue
		}
		s := said{At: e.At, By: e.By, Text: strings.TrimSpace(e.Text), URL: v.permalink(e.Ref)}
		switch e.Kind {
		case "pinned":
			if !slices.Contains(v.State.Pinned, incident.CommentOf(e.Ref)) {
				continue // it was unpinned again
			}
		case "regression":
			back = &v.Entries[i]
		case "workaround", "fix", "agreed":
			if back != nil {
				s.Back = back.At
			}
		}
		*list = append(*list, s)
	}
	for _, list := range lists {
		for i, j := 0, len(*list)-1; i < j; i, j = i+1, j-1 {
			(*list)[i], (*list)[j] = (*list)[j], (*list)[i]
		}
	}
}
