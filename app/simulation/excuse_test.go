package simulation

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// timeless takes the times out of what is told of an incident.
func (o *outcome) timeless(title string) {
	for n, line := range o.same[title] {
		o.same[title][n] = times.ReplaceAllString(line, "then")
	}
}

// unpaged takes out how often was paged, and which updates were due: of an incident that began
// later that is less.
func (o *outcome) unpaged(title string) {
	o.same[title] = slices.DeleteFunc(o.same[title], func(line string) bool { return clocked.MatchString(line) })
}

var clocked = regexp.MustCompile(`: ((then|\d{4}-\S+)  (page|unanswered|missed|overdue) |card (paging|updates|stand-by): |paged: )`)

// unfilled takes out what nobody had written of a merged postmortem.
func (o *outcome) unfilled(title string) {
	o.same[title] = slices.DeleteFunc(o.same[title], func(line string) bool { return sections.MatchString(line) })
}

var sections = regexp.MustCompile(`: (then  unfilled |ticket \d+ in \S+: Write the postmortem: |card (follow-ups|document): )`)

// unrun takes out when a workflow ended: that is heard of late, or not before the incident is over.
func (o *outcome) unrun(title string) {
	o.same[title] = slices.DeleteFunc(o.same[title], func(line string) bool { return runsEnd.MatchString(line) })
}

var runsEnd = regexp.MustCompile(`: (then|\d{4}-\S+) \S* run-`)

// sighted counts a page that went out blindly as the one that is wanted; where somebody had taken
// over already it is one too many.
func (o *outcome) sighted(title string, want outcome) {
	for _, line := range o.blind[title] {
		if slices.Contains(want.same[title], line) && !slices.Contains(o.same[title], line) {
			o.same[title] = append(o.same[title], line)
		}
	}
}

// overtaken counts a page that was not sent as sent, if a later one reached the same people: where
// the app was away for several rounds, it pages everybody once.
func (o *outcome) overtaken(title string, want outcome) {
	var reached []paged
	for _, line := range o.same[title] {
		if p, ok := pageOf(title, line); ok {
			reached = append(reached, p)
		}
	}
	for _, line := range want.same[title] {
		p, ok := pageOf(title, line)
		if ok && !slices.Contains(o.same[title], line) && slices.ContainsFunc(reached, func(later paged) bool { return later.of == p.of && later.number > p.number && later.includes(p.to) }) {
			o.same[title] = append(o.same[title], line)
		}
	}
}

// elsewhereOf takes out what is outside the incidents and may come from one of them: what its
// customers were told, their version of its postmortem, and pages for its reports.
func (o *outcome) elsewhereOf(script []step, title string) {
	o.same[""] = slices.DeleteFunc(o.same[""], func(line string) bool {
		for _, s := range script {
			if s.on != title {
				continue
			}
			_, update, isUpdate := strings.Cut(s.text, "/ic update ")
			update, _, _ = strings.Cut(update, "\n")
			if s.verb == "signals" && strings.Contains(line, "paged: acme/incidents/signal/") || isUpdate && strings.Contains(line, update) {
				return true
			}
		}
		return !strings.Contains(line, "The API answers ") // a version of a postmortem
	})
}

// newestShared takes out which of an incident's updates a customer reads in their issue but for the newest that got
// there: where GitHub refused some, they get that one when GitHub takes it, and the issue may be opened with it.
func (o *outcome) newestShared(script []step, title string, got []string) {
	var updates []string
	for _, s := range script {
		if _, update, ok := strings.Cut(s.text, "/ic update "); ok && s.on == title {
			update, _, _ = strings.Cut(update, "\n")
			updates = append(updates, update)
		}
	}
	reads := func(line, update string) bool {
		return strings.HasPrefix(line, ": globex reads ") && strings.Contains(line, update)
	}
	isIn := func(update string) bool {
		return slices.ContainsFunc(got, func(line string) bool { return reads(line, update) })
	}
	for len(updates) > 0 && !isIn(updates[len(updates)-1]) {
		updates = updates[:len(updates)-1]
	}
	if len(updates) == 0 {
		return
	}
	older, newest := updates[:len(updates)-1], updates[len(updates)-1]
	o.same[""] = slices.DeleteFunc(o.same[""], func(line string) bool {
		return !reads(line, newest) && slices.ContainsFunc(older, func(update string) bool { return reads(line, update) })
	})
	for n, line := range o.same[""] {
		if reads(line, newest) {
			o.same[""][n] = opened.ReplaceAllString(line, "$1")
		}
	}
}

var opened = regexp.MustCompile(`^(: globex reads ")\*\*Status:\*\* .*?\\n\\n`)

// unneeded counts a page as sent that the other run sent at its time, and of which the product said
// that it was late here and answered by then, or overtaken.
func (o *outcome) unneeded(title string, want outcome, skipped map[string]bool) {
	for _, line := range want.same[title] {
		for key := range skipped {
			if strings.HasPrefix(line, fmt.Sprintf("%s: paged: [%s]/%s ", title, title, key)) && !slices.Contains(o.same[title], line) {
				o.same[title] = append(o.same[title], line)
			}
		}
	}
}

// lapsed counts a page as sent that became due while GitHub could not be asked. One for an overdue
// update, of due, goes out afterwards only if no update was given in the meantime; of any, a card that
// was lost later may have said that it was not needed any more.
func (o *outcome) lapsed(title string, want outcome, due map[string]time.Time, away []span) {
	for _, line := range want.same[title] {
		at, ok := due[line]
		if ok && !slices.Contains(o.same[title], line) && slices.ContainsFunc(away, func(s span) bool { return s.has(at) }) {
			o.same[title] = append(o.same[title], line)
		}
	}
}

// answeredByMerge takes out of both who answered the pages, where that was whoever merged the postmortem while GitHub was
// away: a comment of the same time may be read before it is known that it was merged.
func answeredByMerge(title string, want, got *outcome, away []span) {
	for _, line := range want.same[title] {
		m := mergeAnswers.FindStringSubmatch(line)
		if m == nil || slices.Contains(got.same[title], line) {
			continue
		}
		at, err := time.Parse(time.RFC3339, m[1])
		if err != nil || !slices.ContainsFunc(away, func(s span) bool { return s.has(at) }) {
			continue
		}
		for _, o := range []*outcome{want, got} {
			o.same[title] = slices.DeleteFunc(slices.Clone(o.same[title]), func(line string) bool {
				return answers.MatchString(line) || strings.HasPrefix(line, title+": card paging: ")
			})
		}
		return
	}
}

var (
	mergeAnswers = regexp.MustCompile(`: (\d{4}-\S+) \S+ answered \[merged\]`)
	answers      = regexp.MustCompile(`: (then|\d{4}-\S+) \S+ answered `)
)

// inVain takes out pages that went out while the product could not see that they were not needed any
// more, and their entries on the card.
func (o *outcome) inVain(title string, want outcome, away []span) {
	o.same[title] = slices.DeleteFunc(o.same[title], func(line string) bool {
		at, ok := o.pagedAt[line]
		// A process that ended while it took a report may have stored it without having paged: its
		// source sends it again.
		if ok && !slices.Contains(want.same[title], line) && slices.ContainsFunc(o.reported, at.Equal) {
			return true
		}
		if m := pageEntry.FindStringSubmatch(line); m != nil {
			then, err := time.Parse(time.RFC3339, m[1])
			at, ok = then, err == nil
		}
		return ok && !slices.Contains(want.same[title], line) && slices.ContainsFunc(away, func(s span) bool { return s.has(at) })
	})
}

var pageEntry = regexp.MustCompile(`: (\d{4}-\S+)  page  `)

// isPagedIn reports whether a page too many went out while reads lagged, or an update counts as
// missed: somebody's answer, some seconds before, was not there to be read, and a page does not wait
// for that.
func (o *outcome) isPagedIn(title string, want outcome, dim []span) bool {
	if at, ok := o.phonedMore(title, want); ok && slices.ContainsFunc(dim, func(s span) bool { return s.has(at) }) {
		return true
	}
	return slices.ContainsFunc(o.same[title], func(line string) bool {
		at, ok := o.pagedAt[line]
		if m := phoneLine.FindStringSubmatch(line); m != nil { // the numbers to call, in a comment, or an update that was missed
			then, err := time.Parse(time.RFC3339, m[1])
			at, ok = then, err == nil
		}
		return ok && !slices.Contains(want.same[title], line) && slices.ContainsFunc(dim, func(s span) bool { return s.has(at) })
	})
}

var phoneLine = regexp.MustCompile(`: (\d{4}-\S+)  (page  phone|missed  )$`)

// phonedMore returns when the numbers to call were shown once more than in the other run. Of an
// incident that a source reported the lines have no times.
func (o *outcome) phonedMore(title string, want outcome) (at time.Time, ok bool) {
	phoned := func(o outcome) (all []time.Time) {
		for _, e := range o.entries[title] {
			if strings.HasSuffix(e.line, "  page  phone") {
				all = append(all, e.at)
			}
		}
		return all
	}
	here, there := phoned(*o), len(phoned(want))
	if len(here) != there+1 {
		return at, false
	}
	return here[there], true
}

func (s span) has(at time.Time) bool { return !at.Before(s.from) && !at.After(s.to) }

// span is a time in which the product could not look at an incident.
type span struct{ from, to time.Time }

// paged is a page that left.
type paged struct {
	of     string
	number int
	to     []string
}

func (p paged) includes(to []string) bool {
	return !slices.ContainsFunc(to, func(name string) bool { return !slices.Contains(p.to, name) })
}

// pageOf reads a line about a page of an incident; with title "", of one that the script does not name.
func pageOf(title, line string) (p paged, ok bool) {
	m := pageLine.FindStringSubmatch(strings.TrimPrefix(line, title))
	if m == nil || title != "" && m[1] != "["+title+"]" {
		return p, false
	}
	p.of = m[1]
	p.number, _ = strconv.Atoi(m[2])
	p.to = strings.Split(m[3], ", ")
	return p, p.number > 0
}

var pageLine = regexp.MustCompile(`^: paged: (\[[^\]]+\]|acme/incidents#\d+)/page/(\d+) (.*)`)

// hurried takes out when was paged of an incident of which GitHub refused to show a page, as the
// next step goes out at once, or showed an answer late: people are paged earlier and more often,
// never less.
func (o *outcome) hurried(title string, want *outcome) {
	count := func(lines []string) (n int) {
		for _, line := range lines {
			if _, ok := pageOf(title, line); ok {
				n++
			}
		}
		return n
	}
	if count(o.same[title]) >= count(want.same[title]) {
		o.unpaged(title)
		want.unpaged(title)
	}
}

// pagedLater counts the first page of an incident as the page for its report. Where the
// configuration could not be read at once the look pages, under a name of its own.
func (o *outcome) pagedLater(titles []string, want *outcome) {
	for _, line := range slices.Clone(want.same[""]) {
		_, to, ok := strings.Cut(strings.TrimPrefix(line, ": paged: acme/incidents/signal/"), " ")
		if !ok || !strings.HasPrefix(line, ": paged: acme/incidents/signal/") || !o.lacks(line, *want) {
			continue
		}
		for _, title := range titles {
			first := title + ": paged: [" + title + "]/page/1 " + to
			if at := slices.Index(o.same[title], first); at >= 0 && !slices.Contains(want.same[title], first) {
				o.same[title] = slices.Delete(o.same[title], at, at+1)
				o.same[""] = append(o.same[""], line)
				break
			}
		}
		o.otherPagedLater(line, to, *want)
	}
}

// lacks reports whether a line is here less often than it should be: a trouble that comes back is
// reported under the same name.
func (o *outcome) lacks(line string, want outcome) bool {
	count := func(lines []string) (n int) {
		for _, l := range lines {
			if l == line {
				n++
			}
		}
		return n
	}
	return count(o.same[""]) < count(want.same[""])
}

// otherPagedLater does the same with an incident that the script does not name.
func (o *outcome) otherPagedLater(line, to string, want outcome) {
	if !o.lacks(line, want) {
		return
	}
	at := slices.IndexFunc(o.same[""], func(got string) bool {
		p, ok := pageOf("", got)
		return ok && p.number == 1 && strings.Join(p.to, ", ") == to && !slices.Contains(want.same[""], got)
	})
	if at >= 0 {
		o.same[""][at] = line
	}
}

// pagedFirst takes out pages for a report that the other run did not send: while GitHub can't be
// asked whether the trouble is known already, people are paged rather than not (I7). Where the
// other run paged for an earlier report of the same trouble, a call failed at that moment.
func (o *outcome) pagedFirst(want outcome, failed []time.Time) {
	surplus := map[string]int{}
	for _, line := range o.same[""] {
		surplus[line]++
	}
	for _, line := range want.same[""] {
		surplus[line]--
	}
	isExcused := func(at time.Time) bool {
		return slices.ContainsFunc(failed, func(f time.Time) bool { return f.Equal(at) })
	}
	o.same[""] = slices.DeleteFunc(o.same[""], func(line string) bool {
		if !strings.HasPrefix(line, ": paged: acme/incidents/signal/") || surplus[line] <= 0 {
			return false
		}
		if slices.Contains(want.same[""], line) && !slices.ContainsFunc(o.reportedAt[line], isExcused) {
			return false
		}
		surplus[line]--
		return true
	})
}

// unanswered takes out the reactions to a comment.
func (o *outcome) unanswered(title, comment string) {
	o.same[title] = slices.DeleteFunc(o.same[title], func(line string) bool {
		return strings.HasPrefix(line, title+": ["+comment+"] answered by ")
	})
}

// isEditReadLate reports whether an edit's webhook was looked at only once people had gone on: the looks before met a
// fault. The timeline doesn't say who edited, so the others' looks, which read what people said since, can't count it in
// its place.
func (w *world) isEditReadLate(script []step, title string) bool {
	at := began
	var edited time.Time // not followed by anything yet
	for _, s := range script {
		at = at.Add(s.wait)
		if s.on != title {
			continue
		}
		if !edited.IsZero() && w.journal.readEdit(w.issues[title], edited).After(at) {
			return true
		}
		edited = time.Time{}
		if s.verb == "edits" {
			edited = at
		}
	}
	return false
}

// unthanked takes out which commands got a thumb alone: while few calls are left only the newest one gets it, and the
// card answers the others (A1).
func (o *outcome) unthanked(title string) {
	o.same[title] = slices.DeleteFunc(o.same[title], func(line string) bool { return thanked.MatchString(line) })
}

var thanked = regexp.MustCompile(`: \[[^\]]+\] answered by (\+1)?$`)

// unreacted takes out the answers to what can't carry a reaction. Once a card was lost, what is old
// of it counts as answered.
func (o *outcome) unreacted(title string) {
	o.same[title] = slices.DeleteFunc(o.same[title], func(line string) bool {
		return strings.Contains(line, ": reply/[") && strings.Contains(line, ", time ")
	})
}
