package simulation

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// excuses returns by incident why it need not end as the same acts do without faults.
func (w *world) excuses(titles []string, acts []acted) map[string]string {
	var script []step
	now := began
	for _, a := range acts {
		s := a.step
		s.wait, now = a.at.Sub(now), a.at
		script = append(script, s)
	}
	all := map[string]string{}
	met := folds(script)
	for _, title := range titles {
		switch {
		case w.late[title]:
			all[title] = "known only after an outage"
		case edited(script, title):
			all[title] = "edits are known by their webhooks alone"
		case w.harmed[title]:
			all[title] = "a card was harmed"
		case w.reconfigured:
			all[title] = "the configuration was another one"
		case w.botted:
			all[title] = "another bot was at it"
		case hurried(script, title) || unsettled(script, title, w.net.away, w.net.deaf[w.issues[title]]):
			all[title] = "asked for while it closed"
		case met[title]:
			all[title] = "folded while people were at the other one"
		case w.net.both[w.issues[title]]:
			all[title] = "two workers"
		}
	}
	return all
}

var issueNumber = regexp.MustCompile(`#\d+`)

// gist returns what must be so of an incident whenever the product came to look.
func (w *world) gist(title string) (lines []string) {
	s, i, ok := w.stateOf(title)
	tell := func(format string, args ...any) {
		lines = append(lines, title+": "+fmt.Sprintf(format, args...))
	}
	var labels, people []string
	for _, l := range i.Labels {
		labels = append(labels, l.Name)
	}
	for _, a := range i.Assignees {
		people = append(people, a.Login)
	}
	slices.Sort(labels)
	slices.Sort(people)
	tell("%s, %v, %v, card %t", i.State, labels, people, ok)
	tell("%s, %s, %q, closed %t %s", s.Phase, s.Severity, s.IC, s.Closed != nil, s.Outcome)
	tell("%v %v, %d findings, cause %t, fix %t, %d follow-ups, %d regressions", s.OEs, s.Customers, s.Findings, s.Cause != nil, s.Fix != nil, len(s.FollowUps), s.Regressions)
	for _, e := range s.Updates.Unsent {
		tell("not sent: %v", e)
	}
	for _, c := range list[comment](w, w.path(title)+"/comments") {
		if !strings.HasSuffix(c.User.Login, "[bot]") && !freezing.MatchString(c.Body) { // of which the answer hangs on GitHub's
			tell("%q answered by %q", issueNumber.ReplaceAllString(c.Body, "#n"), reactions(c))
		}
	}
	return lines
}

// stateOf reads the state that an incident's card holds.
func (w *world) stateOf(title string) (s incident.State, i issue, ok bool) {
	if w.issues[title] == 0 {
		return s, i, false
	}
	w.as("alice", "GET", w.path(title), nil, &i)
	if i.Pinned == nil {
		return s, i, false
	}
	s, err := w.open(title, i.Pinned.Body)
	return s, i, err == nil
}

// silent returns the incidents of which something is due before the product looks again: nobody would
// be paged.
func (w *world) silent(titles []string, next time.Time) (lines []string) {
	p, err := policy()
	if err != nil {
		panic(err)
	}
	if w.reach != nil {
		p = w.reach.parse()
	}
	now := w.box.Clock().Now()
	if w.has("suspended") || w.has("removed") || w.twins > 0 || w.unwritten || w.reconfigured || slices.ContainsFunc(w.net.resting, func(s span) bool { return s.has(now) }) {
		return nil
	}
	for _, title := range titles {
		s, _, ok := w.stateOf(title)
		if _, isGone := w.gone[title]; isGone || !ok || !s.Running() {
			continue // GitHub shows people the pinned comment of an issue that was converted
		}
		due := incident.Due(s, p)
		if due.IsZero() || !next.IsZero() && !next.After(due) || !next.IsZero() && next.Sub(now) < 6*time.Minute {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s: at %s the product rests until %s, and something is due at %s", title, now.Format(time.TimeOnly), next.Format(time.DateTime), due.Format(time.DateTime)))
	}
	return lines
}

// judge returns what is wrong in the end.
func (w *world) judge(titles []string, acts []acted) (wrong []string) {
	for _, line := range w.outcome(titles).wrong {
		// What GitHub refuses isn't a write.
		if !strings.HasSuffix(line, " 401") && !strings.HasSuffix(line, " 403") {
			wrong = append(wrong, line)
		}
	}
	wrong = append(wrong, w.repeated()...)
	wrong = append(wrong, w.unanswered(titles, acts)...)
	for _, title := range titles {
		wrong = append(wrong, w.contradicted(title)...)
		wrong = append(wrong, w.lost(title)...)
	}
	return wrong
}

// lost returns the pages of which the card says that they went out, and which no receiver has.
func (w *world) lost(title string) (wrong []string) {
	s, _, _ := w.stateOf(title)
	if w.harmed[title] || w.renamed || len(w.marked[title]) > 0 || s.Signals.Count > 0 { // a page for a report has a key of its own
		return nil
	}
	for _, p := range s.Paging.Pages {
		if slices.ContainsFunc(w.net.away, func(s span) bool { return s.has(p.At) }) { // what goes out during an outage is numbered by what is kept
			continue
		}
		if slices.Equal(p.To, []string{"phone"}) || !slices.Contains(p.By, "webhook") || p.Failed != "" || len(p.Lost) > 0 || p.Key == "" {
			continue
		}
		key := fmt.Sprintf("#%d/%s", w.issues[title], p.Key)
		is := slices.ContainsFunc(w.receipts, func(r receipt) bool {
			at, _, _ := strings.Cut(r.Key, "@")
			return r.Kind == "page" && strings.HasSuffix(at, key)
		})
		if !is {
			var keys []string
			for _, r := range w.receipts {
				keys = append(keys, r.Key)
			}
			wrong = append(wrong, fmt.Sprintf("%s: %s of %s, because %s, has reached nobody: %v", title, p.Key, p.At.Format(time.DateTime), p.Why, keys))
		}
	}
	return wrong
}

// unanswered returns the commands of people that have neither a reaction nor a reply.
func (w *world) unanswered(titles []string, acts []acted) (wrong []string) {
	edited := map[string]bool{}
	text := map[string]string{}
	who := map[string]string{}
	for _, a := range acts {
		switch a.verb {
		case "edits":
			edited[a.name] = true
		case "says":
			text[a.name], who[a.name] = a.text, a.who
		}
	}
	for _, title := range titles {
		if _, _, ok := w.stateOf(title); !ok {
			continue // no incident
		}
		all := list[comment](w, w.path(title)+"/comments")
		for name, id := range w.comments {
			at := slices.IndexFunc(all, func(c comment) bool { return c.ID == id })
			if at < 0 || edited[name] || reactions(all[at]) != "" {
				continue
			}
			commands := command.Parse(text[name])
			if who[name] == "mallory" { // what somebody who may give none has misspelt is not told
				commands = slices.DeleteFunc(commands, func(c any) bool { _, is := c.(incident.Misspelt); return is })
			}
			if len(commands) == 0 {
				continue
			}
			said := slices.ContainsFunc(all, func(c comment) bool {
				return !slices.Contains(w.marked[title], c.ID) && strings.HasSuffix(c.User.Login, "[bot]") && strings.Contains(c.Body, fmt.Sprintf("reply/c%d", id)) || strings.Contains(c.Body, fmt.Sprintf("reaction/%d", id))
			})
			if !said {
				wrong = append(wrong, fmt.Sprintf("%s: no answer to %s %q", title, name, text[name]))
			}
		}
	}
	slices.Sort(wrong)
	return wrong
}

// contradicted returns where an issue and its card say different things.
func (w *world) contradicted(title string) (wrong []string) {
	s, i, ok := w.stateOf(title)
	if !ok || s.Declared == nil {
		return nil
	}
	tell := func(format string, args ...any) { wrong = append(wrong, title+": "+fmt.Sprintf(format, args...)) }
	if (i.State == "closed") != (s.Closed != nil) {
		tell("the issue is %s, and the card says closed: %v", i.State, s.Closed)
	}
	var labels []string
	for _, l := range i.Labels {
		labels = append(labels, l.Name)
	}
	if phase := incident.LabelPhase + string(s.Phase); s.Running() && !slices.Contains(labels, phase) {
		tell("labels %v, and the card says %s", labels, phase)
	}
	if severity := incident.LabelSeverity + s.Severity; s.Running() && s.Severity != "" && !slices.Contains(labels, severity) {
		tell("labels %v, and the card says %s", labels, severity)
	}
	var people []string
	for _, a := range i.Assignees {
		people = append(people, a.Login)
	}
	if s.Running() && s.IC != "" && !slices.Contains(people, s.IC) && !slices.Contains(s.Unplaced, s.IC) {
		tell("assigned %v, and the card says that %s coordinates", people, s.IC)
	}
	return wrong
}
