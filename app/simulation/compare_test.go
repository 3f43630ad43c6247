package simulation

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// outcome is how a world ended, told so that two runs of a script can be compared: a line for each
// thing, with the names of the script in place of GitHub's numbers.
type outcome struct {
	same     map[string][]string // by incident, what must be the same; "": what is elsewhere
	wrong    []string            // what must not be, whatever the script
	excused  map[string]string   // by incident, why nothing need be the same
	began    map[string]time.Time
	blind    map[string][]string // by incident, the pages that went out while GitHub was out
	reported []time.Time         // when pages for reports left

	reportedAt map[string][]time.Time // the same, by line

	pagedAt map[string]time.Time // of the lines about pages, when they left
	entries map[string][]entry   // by incident, what its card's timeline says
	oldest  map[string]time.Time // by incident, before when the card may have left out entries
	overdue map[string]time.Time // of the lines about pages for an overdue update, when they left
}

func (o *outcome) tell(title, format string, args ...any) {
	o.same[title] = append(o.same[title], title+": "+fmt.Sprintf(format, args...))
}

var (
	marks   = regexp.MustCompile(`<!-- firebreak:did (\S+) -->`)
	hidden  = regexp.MustCompile(`(?s)<!--.*?-->`)
	numbers = regexp.MustCompile(`\b[ce]\d+`)
	// marksUnasked is under what is said where people are paged by what somebody wrote alone.
	marksUnasked = "<!-- firebreak:did unasked/"

	episodes = regexp.MustCompile(`(/signal/[0-9a-f]+)-\d+`)
	merged   = regexp.MustCompile(`\bm\d+@pull`)
)

// outcome reads how it ended.
func (w *world) outcome(titles []string) outcome {
	w.t.Helper()
	o := outcome{reportedAt: map[string][]time.Time{}, same: map[string][]string{}, excused: map[string]string{}, began: map[string]time.Time{}, blind: map[string][]string{}, overdue: map[string]time.Time{}, pagedAt: map[string]time.Time{}, entries: map[string][]entry{}, oldest: map[string]time.Time{}}
	names := w.names(titles)
	for _, title := range titles {
		w.incident(&o, title, names)
	}
	w.elsewhere(&o, titles)
	for _, s := range w.sent() {
		if s.Kind == "page" {
			key, _, blind := strings.Cut(names.in(s.Key), "@")
			key = episodes.ReplaceAllString(key, "$1-then") // since when a trouble goes on, which hangs on when its incident was closed
			title := of(titles, key)
			line := fmt.Sprintf("paged: %s %s", key, s.To)
			if blind {
				o.blind[title] = append(o.blind[title], title+": "+line)
			} else {
				o.tell(title, "%s", line)
			}
			o.pagedAt[title+": "+line] = s.At
			if title == "" {
				o.reported = append(o.reported, s.At)
				o.reportedAt[": "+line] = append(o.reportedAt[": "+line], s.At)
			}
			if strings.Contains(s.Text, "customer update is overdue") {
				o.overdue[title+": "+line] = s.At
			}
			continue
		}
		o.tell("", "told: %s %s %q", s.Channel, s.To, s.Text) // its key is a hash of GitHub's numbers
	}
	for _, line := range w.net.wrote {
		if len(w.moved) > 0 { // its issue is written where it is now
			line = strings.Replace(line, "repos/"+elsewhere+"/", "repos/acme/incidents/", 1)
		}
		isRefused := w.archived && strings.HasSuffix(line, " 403") || w.wiped && strings.HasSuffix(line, "/reactions 404")
		if !isRefused && !slices.ContainsFunc(plan, func(r *regexp.Regexp) bool { return r.MatchString(line) }) {
			o.wrong = append(o.wrong, "a write that is not in the plan: "+line)
		}
	}
	for _, line := range w.net.strayed {
		o.wrong = append(o.wrong, "written to the repository that took the name: "+line)
	}
	if runsWorkflows(w.net.seed) {
		w.countRuns(&o, w.script)
	}
	o.wrong = append(o.wrong, w.wrongFreezes(w.script)...)
	if hasChange(w.net.seed) {
		o.wrong = append(o.wrong, w.wrongChanges(titles, w.script)...)
	}
	return o
}

type sent struct {
	Kind, Channel, To, Text, Key string
	At                           time.Time
}

func (w *world) sent() (all []sent) {
	w.t.Helper()
	w.as("", "GET", "/sandbox/outbox", nil, &all)
	return all
}

// names has the script's names for GitHub's numbers.
type names map[string]string

func (n names) in(text string) string {
	text = merged.ReplaceAllString(canonical(text), "[merged]")
	text = numbers.ReplaceAllStringFunc(text, func(id string) string {
		if name, ok := n[id]; ok {
			return name
		}
		return id
	})
	return refs.ReplaceAllStringFunc(text, func(ref string) string {
		if name, ok := n[ref]; ok {
			return name
		}
		return ref
	})
}

var refs = regexp.MustCompile(`acme/(incidents|ledger)#\d+`)

type event struct {
	ID       int64
	Event    string
	Actor    struct{ Login string }
	Label    struct{ Name string }
	Assignee struct{ Login string }
}

// names looks up which number means what: a comment for its place in the script, an event for
// who did what, and for which time.
func (w *world) names(titles []string) names {
	w.t.Helper()
	all := names{}
	for name, id := range w.comments {
		all[fmt.Sprintf("c%d", id)] = "[" + name + "]"
	}
	for _, title := range titles {
		n := w.number(title)
		if n == 0 {
			continue
		}
		all[fmt.Sprintf("acme/incidents#%d", n)] = "[" + title + "]"
		all[w.ref(title).String()] = "[" + title + "]"
		times := map[string]int{}
		for _, e := range list[event](w, w.path(title)+"/timeline") {
			name := fmt.Sprintf("%s %s %s%s of %s", e.Actor.Login, e.Event, e.Label.Name, e.Assignee.Login, title)
			times[name]++
			all[fmt.Sprintf("e%d", e.ID)] = fmt.Sprintf("[%s, time %d]", name, times[name])
		}
	}
	w.nameOthers(all)
	return all
}

// nameOthers names the incidents that a source opened again, by their order: their numbers hang on
// when pull requests were opened.
func (w *world) nameOthers(all names) {
	others := 0
	for _, i := range list[issue](w, repository+"/issues?state=all&direction=asc&labels=incident") {
		ref := fmt.Sprintf("acme/incidents#%d", i.Number)
		if all[ref] == "" && i.Pull == nil {
			others++
			all[ref] = fmt.Sprintf("[another incident, %d]", others)
		}
	}
}

// incident describes one incident: the issue, its card, its comments.
func (w *world) incident(o *outcome, title string, names names) {
	w.t.Helper()
	tell := func(format string, args ...any) {
		o.tell(title, "%s", names.in(fmt.Sprintf(format, args...)))
	}
	wrong := func(format string, args ...any) {
		o.wrong = append(o.wrong, title+": "+names.in(fmt.Sprintf(format, args...)))
	}
	n := w.number(title)
	if n == 0 {
		tell("not there")
		return
	}
	at := w.path(title)
	var i issue
	w.as("alice", "GET", at, nil, &i)
	var labels, people []string
	phases := 0
	for _, l := range i.Labels {
		labels = append(labels, l.Name)
		if strings.HasPrefix(l.Name, incident.LabelPhase) {
			phases++
		}
	}
	for _, a := range i.Assignees {
		people = append(people, a.Login)
	}
	slices.Sort(labels)
	slices.Sort(people)
	tell("%s %s, labels %v, assigned %v", i.State, i.Reason, labels, people)
	if phases > 1 {
		wrong("%d phases: %v", phases, labels)
	}
	cards, said := 0, map[string]int{}
	for _, c := range list[comment](w, at+"/comments") {
		if c.Body == thanks {
			continue
		}
		if !strings.HasSuffix(c.User.Login, "[bot]") {
			tell("%s answered by %s", names.in(fmt.Sprintf("c%d", c.ID)), reactions(c))
			continue
		}
		if strings.Contains(c.Body, card.Marker) {
			cards++
			if i.Pinned != nil && c.ID != i.Pinned.ID {
				continue // of two workers, who posted one each
			}
			w.card(o, title, c.Body, names)
		}
		// What is to be done when a comment was edited before its webhook came nobody can know: it
		// is asked for again.
		if strings.Contains(c.Body, "edited this comment before I read it") {
			o.excused[title] = "an edit was known before what it edited"
		}
		if strings.Contains(c.Body, marksUnasked) {
			o.excused[title] = "GitHub could not be asked whom to page"
		}
		// GitHub refused to say who may write to another repository: the author is asked to write the
		// command again (A8), which nobody in a script does.
		if strings.Contains(c.Body, "GitHub does not tell me whether you may write to") {
			o.excused[title] = "GitHub could not be asked who may write"
		}
		if strings.Contains(c.Body, "runs have not started yet") {
			o.excused[title] = "workflows were asked for together, as they were read together"
		}
		if slices.Contains(w.marked[title], c.ID) {
			continue // what is there is not the app's word
		}
		if w.net.unwanted[c.ID] {
			continue // it says again what another one says, and GitHub refused to delete it
		}
		for _, m := range marks.FindAllStringSubmatch(c.Body, -1) {
			said[m[1]]++
		}
	}
	// GitHub has no way to write only if nobody else did: while two workers are at one incident
	// each may say what the other says. The queue keeps that from happening, and the state outlives
	// it.
	if cards > 1 && !w.net.both[n] {
		wrong("%d cards", cards)
	}
	// Until one of two comments is deleted people read both. Where nothing else happens none is
	// posted again that is there, also if its answer was lost while the timeline lags.
	if times := w.journal.saidTwice(n); times > 0 && !w.net.both[n] && (isAlone(w.net.seed) || !w.net.unsure[n]) {
		wrong("%d comments were there twice for a while", times)
	}
	for key, times := range said {
		// That the configuration can't be read is told each time that it begins.
		switch {
		case times < 2 || strings.HasPrefix(key, "config/"):
		case w.net.both[n]: // who comes next sees one of the two only where the other one had read so far
			o.excused[title] = "two workers were at it"
		default:
			wrong("%s said %d times", key, times)
		}
		if strings.HasPrefix(key, "reply/") {
			tell("%s is there", key)
		}
	}
}

func reactions(c comment) string {
	var out []string
	for _, name := range []string{"+1", "-1", "confused"} {
		if n, _ := c.Reactions[name].(float64); n > 0 {
			out = append(out, name)
		}
	}
	return strings.Join(out, " ")
}

// card describes the state that the card holds.
func (w *world) card(o *outcome, title, body string, names names) {
	s, err := w.open(title, body)
	if err != nil {
		o.wrong = append(o.wrong, title+": the card can't be read: "+err.Error())
		return
	}
	if n := len(s.Timeline); n >= keptEntries-3 { // where as many are kept as can be, the oldest hang on what came and went in the meantime
		for _, e := range s.Timeline[:n-keptEntries/2+1] { // what an outage held back is behind what came later
			if e.At.After(o.oldest[title]) {
				o.oldest[title] = e.At
			}
		}
	}
	for _, e := range s.Timeline {
		at := e.At.Format(time.RFC3339)
		if e.Kind == "page" && e.Ref == "opened" { // where a look broke off, the clock asks for it
			e.By, e.Ref = "", ""
		}
		if e.Kind == "merged" || e.Kind == "unfilled" { // the pull request may exist only in the end
			at = "then"
		}
		line := fmt.Sprintf("%s %s %s %s %s", at, e.By, e.Kind, names.in(e.Ref), what(e, names))
		o.entries[title] = append(o.entries[title], entry{e.At, line})
	}
	if s.Declared != nil && strings.HasSuffix(s.Declared.By, "[bot]") {
		o.began[title] = s.Declared.At
		defer o.timeless(title) // a source's incident begins when GitHub took it
	}
	for name, value := range parts(s) {
		text, err := json.Marshal(value)
		if err != nil {
			panic(err)
		}
		o.tell(title, "card %s: %s", name, names.in(string(text)))
	}
}

// entry is one of a card's timeline.
type entry struct {
	at   time.Time
	line string
}

// unsaid takes out which commands are answered with words.
func (o *outcome) unsaid(title string) {
	o.same[title] = slices.DeleteFunc(o.same[title], func(line string) bool {
		return strings.HasPrefix(line, title+": reply/") && strings.HasSuffix(line, " is there")
	})
}

// tellEntries describes the entries of both cards' timelines, but for those that one of the two may have
// left out.
func tellEntries(title string, want, got *outcome) {
	oldest := want.oldest[title]
	if got.oldest[title].After(oldest) {
		oldest = got.oldest[title]
	}
	wanted, told := want.entriesSince(title, oldest), got.entriesSince(title, oldest)
	if _, timeless := want.began[title]; timeless && !oldest.IsZero() {
		// Each may have begun some seconds after the other, so the same entry may be left out in one
		// only, and one more page may have gone out in the other, or a workflow's end been heard of there.
		isElse := func(line string) bool {
			line = ": " + line
			return clocked.MatchString(line) || runsEnd.MatchString(line) || frost.MatchString(line)
		}
		wanted, told = slices.DeleteFunc(wanted, isElse), slices.DeleteFunc(told, isElse)
		n := min(len(wanted), len(told))
		wanted, told = wanted[len(wanted)-n:], told[len(told)-n:]
	}
	for _, line := range wanted {
		want.tell(title, "%s", line)
	}
	for _, line := range told {
		got.tell(title, "%s", line)
	}
}

// entriesSince returns the entries of a card's timeline from a time on. Those of an incident that a
// source reported have no times.
func (o *outcome) entriesSince(title string, oldest time.Time) (lines []string) {
	for _, e := range withoutRepeats(o.entries[title]) {
		if e.at.Before(oldest) {
			continue
		}
		line := e.line
		if !o.began[title].IsZero() {
			line = times.ReplaceAllString(line, "then")
		}
		lines = append(lines, line)
	}
	return lines
}

// withoutRepeats leaves out the pages between the first and the newest of those that reached the same people in a
// row, as a card does. There a freeze or a workflow that ends in between begins another row, and when that is heard
// of differs.
func withoutRepeats(entries []entry) (left []entry) {
	var row []int // of left
	for _, e := range entries {
		_, page, isPage := strings.Cut(e.line, "  page  ")
		isElse := runsEnd.MatchString(": "+e.line) || frost.MatchString(": "+e.line)
		switch {
		case isPage && len(row) > 0 && strings.HasSuffix(left[row[0]].line, "  page  "+page):
			if len(row) == 2 {
				left = slices.Delete(left, row[1], row[1]+1)
				row = row[:1]
			}
			row = append(row, len(left))
		case isPage:
			row = []int{len(left)}
		case !isElse:
			row = nil
		}
		left = append(left, e)
	}
	return left
}

// keptEntries is how many entries of its timeline a card keeps.
const keptEntries = 25

// what returns what an entry names, the other incident by its title.
func what(e incident.Entry, names names) string {
	if e.Kind == "folded" || e.Kind == "duplicate" {
		return names.in("acme/incidents" + e.What)
	}
	return e.What
}

var times = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

// parts are the parts of a state that must be the same. Left out are how far was read and which
// comment said what, which are GitHub's numbers, and what came of looks and not of facts.
func parts(s incident.State) map[string]any {
	shared := 0 // with customers that are impacted; the issues of others are found again when they are
	for _, i := range s.Updates.Shared {
		if slices.Contains(s.Customers, i.Customer) {
			shared++
		}
	}
	var ups []string
	for _, f := range s.FollowUps {
		if f.Section != "" { // of the merge, whose time is left out
			f.At = time.Time{}
		}
		// The tickets of an incident that is open again are found again when it closes.
		hasTicket := f.Ticket != "" && (!s.Running() || s.Phase == incident.Closing)
		ups = append(ups, fmt.Sprint(f.Stamp, f.Section, f.Repo, f.Owner, f.Due, f.Auto, f.Done, hasTicket))
	}
	return map[string]any{
		"declared": s.Declared, "source": s.Source, "severity": []any{s.Claimed, s.Severity, s.Confirmed}, "data": []any{s.Summary, s.Customers, s.NoCustomer}, "drill": s.Drill,
		"phase": []any{s.Phase, s.Since, s.Phases}, "end": []any{s.Closed, s.Outcome, fmt.Sprintf("acme/incidents#%d", s.Duplicate)}, "noted": s.Noted, "folded": []any{len(s.Folded), s.Sources}, "regressions": s.Regressions, "alone": s.Alone,
		"ic": []any{s.IC, s.ICSince, s.Handover, s.Handed}, "oe": s.OEs, "cause": s.Cause, "mended": []any{s.Workaround, s.Fix}, "agreed": s.Agreed,
		"follow-ups": ups, "findings": s.Findings, "pinned": len(s.Pinned),
		"updates": []any{s.Updates.Last, s.Updates.Due, s.Updates.Kept, s.Updates.Missed, s.Updates.Snoozed, s.Updates.Longest.Round(time.Second), s.Updates.Overdue, slices.Sorted(slices.Values(s.Updates.ReachedBy)), s.Updates.Unsent, shared},
		"paging":  []any{s.Paging.Sent, s.Paging.Step, s.Paging.Next, s.Paging.Answered, s.Paging.GaveUp, s.Paging.Listed, s.Summons, s.Asked.Handover}, "stand-by": s.StandBy,
		"signals": []any{s.Signals.Firing, s.Signals.Count, s.Signals.Known, s.Signals.Worst}, "document": []any{s.Document.Number != 0, s.Document.Merged != nil, s.Document.IsClosed},
	}
}

// thing is what is elsewhere and belongs to an incident.
type thing struct{ of, line string }

// of returns the incident that a text names; "" if it names none.
func of(titles []string, text string) string {
	for _, title := range titles {
		if strings.Contains(text, "["+title+"]") {
			return title
		}
	}
	return ""
}

// elsewhere describes what is outside the incidents: tickets, pull requests, what customers read.
func (w *world) elsewhere(o *outcome, titles []string) {
	w.t.Helper()
	title := map[int]string{}
	for _, t := range titles {
		title[w.number(t)] = t
	}
	once := map[thing]int{}
	for _, repo := range []string{"incidents", "platform", "payments"} {
		for _, i := range list[issue](w, "/api/v3/repos/acme/"+repo+"/issues?state=all") {
			if ref, index, ok := incident.ReadTicketMark(i.Body); ok {
				once[thing{title[ref.Number], fmt.Sprintf("ticket %d in %s: %s, %s", index, repo, i.Title, i.State)}]++
			}
		}
	}
	for _, p := range w.pulls() {
		if ref, ok := incident.ReadPullMark(p.Body); ok {
			once[thing{title[ref.Number], fmt.Sprintf("pull request, merged %t", p.Merged != nil)}]++
		}
	}
	for it, times := range once {
		o.tell(it.of, "%s", it.line)
		if times > 1 {
			o.wrong = append(o.wrong, fmt.Sprintf("%s: %d times: %s", it.of, times, it.line))
		}
	}
	read := map[string]int{}
	for _, i := range list[issue](w, "/api/v3/repos/acme/customer-globex/issues?state=all") {
		read[i.Body]++
		for _, c := range list[comment](w, fmt.Sprintf("/api/v3/repos/acme/customer-globex/issues/%d/comments", i.Number)) {
			read[c.Body]++
		}
	}
	for body, times := range read {
		body = sinceThen.ReplaceAllString(hidden.ReplaceAllString(body, ""), ".")
		o.tell("", "globex reads %q", strings.TrimSpace(body))
		if times > 1 {
			o.wrong = append(o.wrong, fmt.Sprintf("globex reads it %d times: %s", times, body))
		}
	}
}

// differ returns which lines one outcome has and the other hasn't.
func differ(want, got []string) string {
	var out strings.Builder
	count := map[string]int{}
	for _, line := range want {
		count[line]++
	}
	for _, line := range got {
		count[line]--
	}
	for _, line := range slices.Sorted(maps.Keys(count)) {
		switch n := count[line]; {
		case n > 0:
			fmt.Fprintln(&out, "-", line)
		case n < 0:
			fmt.Fprintln(&out, "+", line)
		}
	}
	return out.String()
}

// sinceThen is when a phase began, as customers read it: phases are entered when the product hears
// of what they need.
var sinceThen = regexp.MustCompile(`, since \d+ \w+ \d{4} \d\d:\d\d UTC\.`)
