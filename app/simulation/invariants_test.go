package simulation

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/templates"
)

// TestA4InvariantsHold plays each seed's script while people act between any two calls of a pass,
// webhooks and timers come in between, single operations fail for a while and receivers lose what they
// were sent. It holds what must be so whatever happens: nothing is lost, nothing happens twice, nobody
// waits for ever. Where nothing but that happened, it ends as the same acts do at the same times without
// any of it.
func TestA4InvariantsHold(t *testing.T) {
	if *one != 0 {
		hold(t, *one, os.Stderr)
		return
	}
	n := *seeds
	if n == defaultSeeds {
		n = 20 // by far the most are played by hand
	}
	if testing.Short() {
		n = min(n, 4)
	}
	for seed := *first; seed < *first+n; seed++ {
		if !isOfTheme(seed, *only) {
			continue
		}
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			t.Parallel()
			hold(t, seed, io.Discard)
		})
	}
}

// locked is a writer for several processes, which keeps what matters of a log.
type locked struct {
	mu    sync.Mutex
	out   io.Writer
	words []string
	kept  []string
}

// wrongWords are what the log never says, whatever happens.
var wrongWords = []string{"message put aside", "panic", "fact skipped", "queue worker stopped: "}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(string(b)) {
		for _, word := range l.words {
			if strings.Contains(line, word) {
				l.kept = append(l.kept, strings.TrimSpace(line))
			}
		}
	}
	return l.out.Write(b)
}

// policy is the one of the repository's configuration.
var policy = sync.OnceValues(func() (incident.Policy, error) {
	return config.Parse([]byte(templates.Repository()[".github/firebreak.yml"]))
})

// hold plays one seed.
func hold(t *testing.T, seed uint64, out io.Writer) {
	d := newDraw(seed, 3)
	script := write(seed)
	var titles []string
	for _, s := range script {
		if !slices.Contains(titles, s.on) {
			titles = append(titles, s.on)
		}
	}
	log := &locked{out: out, words: wrongWords}
	if isAlone(seed) {
		log.words = append(log.words[:len(log.words):len(log.words)], "several cards") // nobody but the app posts any
	}
	w := newWorld(t, seed, log)
	var wrong []string
	var acts []acted
	defer func() {
		if len(wrong) == 0 && !t.Failed() {
			return
		}
		var told strings.Builder
		for _, a := range acts {
			fmt.Fprintf(&told, "%s %s (%s)\n", a.at.Format("02T15:04:05"), a.step, a.taken)
		}
		t.Errorf("seed %d fails; replay it with go test ./app/simulation -run TestA4InvariantsHold -seed %d\n\nwhat was done:\n%s\nthe faults:\n%s\n\n%s", seed, seed, told.String(), strings.Join(w.net.told, "\n"), strings.Join(wrong, "\n"))
	}()
	w.busy = &interleaving{w: w}
	w.net.between = w.busy.between
	w.sweeps, w.sweepAt = 5*time.Minute, began.Add(5*time.Minute)
	f := &trial{draw: newDraw(seed, 5), script: script}
	// Most seeds have some kinds of trouble only, so that what they show is seen for itself.
	during, slow := pick(d, 0, 30, 60), pick(d, uint64(0), 0, 5, 30)
	isQuiet, faulty, strange, spoilt := d.chance(40), d.chance(40), d.chance(50), pick(d, uint64(0), 0, 0, 100)
	hostile := d.chance(40)
	if isQuiet {
		faulty, strange, spoilt = false, false, 0
	}
	if _, is := themeOf(seed); is {
		isQuiet, faulty = false, true
	}
	if isAlone(seed) {
		during, slow, strange, spoilt, hostile = 0, 0, false, 0, false
	}
	w.busy.slow, w.spoilt = slow, spoilt
	lossy := spoilt > 0
	silent := map[string]bool{}
	var due time.Time
	w.idle = func(next time.Time) {
		due, w.due = next, next
		lines := w.silent(titles, next)
		if theme, ok := themeOf(seed); ok && theme.holds != nil {
			lines = append(lines, theme.holds(w, titles, next)...)
		}
		for _, line := range lines {
			if title, _, _ := strings.Cut(line, ":"); !silent[title] {
				silent[title] = true
				wrong = append(wrong, line)
			}
		}
	}
	act := func(s step) { acts = append(acts, acted{s, w.box.Clock().Now(), w.act(s)}) }
	f.play = act
	for n := range script {
		if faulty {
			f.before(w, n)
		}
		if strange {
			f.strange(w, n)
		}
		if hostile {
			w.endSpells(w.box.Clock().Now())
			f.hostile(w, n)
			if s, ok := f.extreme(w, n); ok && f.chance(3) {
				act(s)
			}
		}
		s := script[n]
		if n > 0 && d.IntN(100) < during && s.verb != "merges" {
			if n+1 < len(script) {
				script[n+1].wait += s.wait
			}
			w.busy.arm(w.issues[script[n-1].on], 1+d.IntN(pick(d, 8, 40)), func() {
				w.net.tell("in between: %s", s)
				act(s)
			})
			if d.chance(35) {
				w.busy.arm(0, 1+d.IntN(6), func() { w.passTo(due) })
			}
			if n+1 < len(script) && d.chance(40) {
				continue // and somebody else too
			}
			w.advance(0)
			w.busy.disarm()
			continue
		}
		w.busy.disarm()
		w.advance(s.wait)
		act(s)
		f.themedAfter(w, n)
		if w.busy.stuck != "" {
			break
		}
	}
	if w.busy.stuck == "" {
		w.end()
	}
	if w.busy.stuck != "" {
		wrong = append(wrong, "works without an end: "+w.busy.stuck)
		return
	}
	wrong = append(wrong, w.judge(titles, acts)...)
	if w.busy.busy != "" {
		wrong = append(wrong, w.busy.busy)
	}
	wrong = append(wrong, log.kept...)
	calm := newWorld(t, seed, io.Discard)
	excuses := w.excuses(titles, acts)
	for _, a := range acts {
		calm.advance(max(0, a.at.Sub(calm.box.Clock().Now())))
		s := a.step
		s.wait = 0
		if taken := calm.act(s); taken != a.taken && excuses[a.on] == "" && a.verb != "merges" {
			excuses[a.on] = "people met another issue: " + a.verb
		}
	}
	calm.finish()
	for _, title := range titles {
		compared.Add(1)
		want, got := calm.gist(title), w.gist(title)
		if isQuiet && slow == 0 && !w.isLate { // at what times is looked, nothing hangs on
			want, got = append(want, calm.pagesOf(title)...), append(got, w.pagesOf(title)...)
		}
		switch d, why := differ(want, got), excuses[title]; {
		case d == "":
		case why != "":
			excused.add(why)
			if *tell {
				fmt.Printf("seed %d: excused, %s:\n%s", seed, why, d)
			}
		default:
			wrong = append(wrong, title+" is not as the same acts end without all that (-want +got):", d)
		}
	}
	if len(excuses) == 0 && !lossy {
		if d := differ(calm.mails(), w.mails()); d != "" {
			wrong = append(wrong, "other mails left than without all that (-want +got):", d)
		}
	}
}

// pagesOf returns the pages of an incident.
func (w *world) pagesOf(title string) (lines []string) {
	for _, s := range w.sent() {
		if s.Kind == "page" && strings.HasPrefix(s.Key, fmt.Sprintf("acme/incidents#%d/", w.issues[title])) {
			lines = append(lines, fmt.Sprintf("%s: paged %s %s at %s", title, s.Key, s.To, s.At.Format(time.TimeOnly)))
		}
	}
	return lines
}

// mails returns what customers were told by mail.
func (w *world) mails() (lines []string) {
	for _, s := range w.sent() {
		if s.Kind != "page" {
			lines = append(lines, fmt.Sprintf("%s to %s: %s", s.Channel, s.To, s.Text))
		}
	}
	return lines
}

// passTo lets time pass to when something is due, while the product works.
func (w *world) passTo(due time.Time) {
	wait := due.Sub(w.box.Clock().Now())
	if due.IsZero() || wait <= 0 || wait > 40*time.Minute {
		return
	}
	w.isLate = true
	w.net.tell("in between: something is due")
	w.box.Clock().Pass(wait)
}

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
	for _, c := range list[comment](w, fmt.Sprintf("%s/issues/%d/comments", repository, w.issues[title])) {
		if !strings.HasSuffix(c.User.Login, "[bot]") {
			tell("%q answered by %q", issueNumber.ReplaceAllString(c.Body, "#n"), reactions(c))
		}
	}
	return lines
}

// finish lets a world without faults come to its end.
func (w *world) finish() {
	w.t.Helper()
	w.advance(80 * time.Minute)
	for _, s := range w.unmerged {
		w.merge(s, w.number(s.on))
	}
	w.advance(80 * time.Minute)
}

// end lets everything come to its end: the faults are over, and what was lost is found by the
// product's own sweeps.
func (w *world) end() {
	w.t.Helper()
	w.advance(time.Second)
	w.endSpells(time.Time{})
	w.net.mu.Lock()
	w.net.rate, w.net.until, w.net.denied, w.net.spoil, w.net.odd = 0, time.Time{}, nil, nil, nil
	w.net.mu.Unlock()
	w.spoilt, w.busy.slow = 0, 0
	w.as("", "DELETE", "/sandbox/faults", nil, nil)
	w.mu.Lock()
	w.hooks = 0
	for n := range w.mail {
		w.mail[n].due = time.Time{}
	}
	w.mu.Unlock()
	w.advance(80 * time.Minute)
	unmerged := w.unmerged
	for _, s := range unmerged {
		w.merge(s, w.number(s.on))
	}
	w.advance(80 * time.Minute)
}

// stateOf reads the state that an incident's card holds.
func (w *world) stateOf(title string) (s incident.State, i issue, ok bool) {
	n := w.issues[title]
	if n == 0 {
		return s, i, false
	}
	w.as("alice", "GET", fmt.Sprintf("%s/issues/%d", repository, n), nil, &i)
	if i.Pinned == nil {
		return s, i, false
	}
	s, _, err := card.Open(i.Pinned.Body, incident.Ref{Owner: "acme", Repo: "incidents", Number: n}, card.Keys([][]byte{[]byte(secret)}))
	return s, i, err == nil
}

// silent returns the incidents of which something is due before the product looks again: nobody would
// be paged.
func (w *world) silent(titles []string, next time.Time) (lines []string) {
	p, err := policy()
	if err != nil {
		panic(err)
	}
	now := w.box.Clock().Now()
	if w.has("suspended") || w.has("removed") || w.twin != nil || w.unwritten || w.reconfigured || slices.ContainsFunc(w.net.resting, func(s span) bool { return s.has(now) }) {
		return nil
	}
	for _, title := range titles {
		s, _, ok := w.stateOf(title)
		if !ok || !s.Running() {
			continue
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
		all := list[comment](w, fmt.Sprintf("%s/issues/%d/comments", repository, w.issues[title]))
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
