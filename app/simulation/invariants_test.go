package simulation

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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
	n, more := *seeds, []uint64(nil)
	if n == defaultSeeds {
		n, more = 14, narrowDays // by far the most are played by hand
	}
	if testing.Short() {
		n, more = min(n, 3), nil
	}
	for seed := *first; seed < *first+n; seed++ {
		more = append(more[:len(more):len(more)], seed)
	}
	for _, seed := range more {
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
	theme, _ := themeOf(seed)
	log.words = slices.DeleteFunc(slices.Clone(log.words), func(word string) bool { return slices.Contains(theme.told, word) })
	if isAlone(seed) {
		log.words = append(log.words[:len(log.words):len(log.words)], "several cards") // nobody but the app posts any
	}
	var people *reach
	if reaches(seed) {
		people = newReach(seed)
	}
	w := newWorldOf(t, seed, log, people)
	var wrong []string
	var acts []acted
	w.played = &acts
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
	hostile = hostile && people == nil
	w.busy.slow, w.spoilt = slow, spoilt
	isTrusted := isQuiet && slow == 0 // of people, nothing is known late
	silent := map[string]bool{}
	var due time.Time
	w.idle = func(next time.Time) {
		due, w.due = next, next
		lines := w.silent(titles, next)
		if people != nil {
			people.look(titles)
			people.unpagedNow(titles, acts, isTrusted)
		}
		if theme.holds != nil {
			lines = append(lines, theme.holds(w, titles, next)...)
		}
		for _, line := range lines {
			if title, _, _ := strings.Cut(line, ":"); !silent[title] {
				silent[title] = true
				wrong = append(wrong, line)
			}
		}
	}
	act := func(s step) {
		w.unread = false
		at, taken := w.box.Clock().Now(), w.act(s)
		acts = append(acts, acted{s, at, taken, w.unread})
	}
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
		if people != nil {
			people.before(n)
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
	lossy := w.spoilt > 0
	if w.busy.stuck == "" {
		w.end()
	}
	if w.busy.stuck != "" {
		wrong = append(wrong, "works without an end: "+w.busy.stuck)
		return
	}
	all := titles
	titles = slices.DeleteFunc(slices.Clone(titles), func(title string) bool { _, isGone := w.gone[title]; return isGone })
	wrong = append(wrong, w.judge(titles, acts)...)
	wrong = append(wrong, w.unreached(titles, acts, isTrusted)...)
	var played []step
	for _, a := range acts {
		played = append(played, a.step)
	}
	if hasChange(seed) {
		wrong = append(wrong, w.wrongChanges(titles, played)...)
	}
	wrong = append(wrong, w.wrongFreezes(played)...)
	if w.busy.busy != "" {
		wrong = append(wrong, w.busy.busy)
	}
	wrong = append(wrong, log.kept...)
	wrong = append(wrong, w.piled...)
	calm := newWorldOf(t, seed, io.Discard, people.calm())
	excuses := w.excuses(titles, acts)
	people.excuse(excuses)
	for _, a := range acts {
		if wait := max(0, a.at.Sub(calm.box.Clock().Now())); wait > 0 || !a.unread {
			calm.advance(wait)
		}
		s := a.step
		s.wait = 0
		if taken := calm.act(s); taken != a.taken && excuses[a.on] == "" && a.verb != "merges" {
			excuses[a.on] = "people met another issue: " + a.verb
		}
	}
	calm.finish()
	if theme.ends != nil {
		wrong = append(wrong, theme.ends(w, calm, all)...)
	}
	for _, title := range titles {
		compared.Add(1)
		want, got := calm.gist(title), w.gist(title)
		if isQuiet && slow == 0 && !w.isLate && people == nil { // at what times is looked, nothing hangs on
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
	w.reach.stall(wait)
	w.net.tell("in between: something is due")
	w.box.Clock().Pass(wait)
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
