package simulation

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Themes that bring one situation about, and nothing else, so that it can be held to the second what
// must come of it.

// themedAfter presses the seed's theme after a step.
func (f *trial) themedAfter(w *world, n int) {
	if t, ok := themeOf(w.net.seed); ok && t.after != nil && f.pressing != nil {
		t.after(f.pressing, w, n)
	}
}

// pressDeeds lets two people write at once: the look for the first comment reads the second too.
// While it works a label, the assignees or the issue's state are changed, or something becomes due.
func (f *trial) pressDeeds(w *world, n int) {
	s := f.script[n]
	number := w.issues[s.on]
	if f.play == nil || s.verb != "says" || number == 0 || s.closes() || !f.chance(50) {
		return
	}
	word := step{who: "bob", verb: "says", on: s.on, text: pick(f.draw, "I have a look", "/oe finding It is slow too"), name: fmt.Sprintf("at once/%d", n)}
	deed := step{who: "carol", on: s.on}
	deed.verb, deed.text = "labels", pick(f.draw, "phase/investigate", "phase/fixing", "severity/regular", "severity/critical")
	isDue := f.chance(50)
	w.busy.arm(number, 1+f.IntN(2), func() {
		w.net.tell("at once: %s", word)
		f.play(word)
	})
	if isDue && f.chance(50) { // once the look has set its timer
		w.busy.armAt("PATCH /api/v3/repos/acme/incidents/issues/comments/", func() { w.passTo(w.due) })
		w.advance(0)
		w.busy.disarm()
		return
	}
	w.busy.arm(number, 1+f.IntN(5), func() {
		if isDue {
			w.passTo(w.due)
			return
		}
		w.net.tell("at once: %s", deed)
		f.play(deed)
	})
	w.advance(0)
	w.busy.disarm()
}

// unheeded returns where an issue and its card say different things although the product has
// nothing to do: what somebody did was not looked at.
func (w *world) unheeded(titles []string, next time.Time) (lines []string) {
	w.mu.Lock()
	isComing := len(w.mail) > 0
	w.mu.Unlock()
	now := w.box.Clock().Now()
	if isComing || !next.IsZero() && next.Sub(now) < time.Minute {
		return nil
	}
	for _, title := range titles {
		for _, line := range w.contradicted(title) {
			lines = append(lines, fmt.Sprintf("%s, while the product rests at %s until %s", line, now.Format(time.TimeOnly), next.Format(time.DateTime)))
		}
	}
	return lines
}

// slack is how much later than at its time a page may go out while GitHub is away: the tries are a
// minute apart.
const slack = 90 * time.Second

// unpaged returns the escalations that became due while GitHub is away, and of which nobody was
// paged (I5).
func (w *world) unpaged(titles []string, _ time.Time) (lines []string) {
	now := w.box.Clock().Now()
	if !now.Before(w.outage) {
		return nil
	}
	for _, title := range titles {
		s, _, ok := w.stateOf(title)
		due := s.NextEscalation()
		if !ok || !s.Running() || due.IsZero() || due.Before(w.went.Add(slack)) || now.Before(due.Add(slack)) {
			continue
		}
		if at := w.pagedSince(title, due); at.IsZero() {
			lines = append(lines, fmt.Sprintf("%s: GitHub is away since %s, somebody was to be paged at %s, and nobody was by %s",
				title, w.went.Format(time.TimeOnly), due.Format(time.TimeOnly), now.Format(time.TimeOnly)))
		}
	}
	return lines
}

// pagedSince returns when a page of an incident first went out from a time on; zero: none did.
func (w *world) pagedSince(title string, since time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.receipts {
		if r.Kind == "page" && strings.HasPrefix(canonical(r.Key), fmt.Sprintf("acme/incidents#%d/", w.issues[title])) && !r.at.Before(since) {
			return r.at
		}
	}
	return time.Time{}
}

// pressFirstLook lets GitHub go away while an incident is looked at for the first time. One that
// opens while GitHub is away is not heard of.
func (f *trial) pressFirstLook(w *world, n int) {
	if !slices.Contains([]string{"opens", "declares", "titles"}, f.script[n].verb) || n+1 == len(f.script) || w.isUnheard() {
		return
	}
	title := f.script[n].on
	if d := f.spare(n+1, 40*time.Minute); d > 0 {
		w.net.cut("/repos/acme/incidents", 1+f.IntN(12), func() {
			if w.net.isConfigured() { // else nobody can know yet whom to page
				now := w.box.Clock().Now()
				w.first[title] = span{now, now.Add(d)}
			}
			f.outage(w, d)
		})
	}
}

// pagedLate returns the incidents in whose first look GitHub went away, and of which a page left late
// that left in time where it did not. The first may wait for the answer whether GitHub is away; a step
// of the escalation is five minutes.
func (w *world) pagedLate(script []step, want, got outcome) (lines []string) {
	for title, away := range w.first {
		pages, others := want.pagesOf(title), got.pagesOf(title)
		if len(pages) == 0 || pages[0].Sub(away.from) >= time.Minute {
			continue // nobody is paged at once
		}
		for k, on := range pages {
			if !on.Before(second(script, title)) || !on.Before(away.to) {
				break
			}
			if k >= len(others) || others[k].Sub(on) > 6*time.Minute {
				lines = append(lines, fmt.Sprintf("%s: GitHub went away in its first look, and page %d of %s left late: %v",
					title, k+1, on.Format(time.TimeOnly), others))
				break
			}
		}
	}
	return lines
}

// second returns when somebody does the second thing about an incident, such as to ask for a page.
func second(script []step, title string) time.Time {
	at, steps := began, 0
	for _, s := range script {
		if at = at.Add(s.wait); s.on == title {
			steps++
		}
		if steps == 2 {
			return at
		}
	}
	return at.Add(time.Hour)
}

// pagesOf returns when the pages of an incident left, in their order, but for those of an overdue update:
// while GitHub is away nobody knows whether one was given.
func (o *outcome) pagesOf(title string) (all []time.Time) {
	for line, when := range o.pagedAt {
		if _, isOverdue := o.overdue[line]; !isOverdue && strings.HasPrefix(line, title+": paged: ["+title+"]/page/") {
			all = append(all, when)
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	return all
}

// pressFirstCard lets the process end after it posted an incident's card and before it pinned it,
// while GitHub does not show the card to the next one yet.
func (f *trial) pressFirstCard(w *world, n int) {
	if !slices.Contains([]string{"opens", "declares", "titles"}, f.script[n].verb) {
		return
	}
	if w.has("lag") {
		w.endSpells(time.Time{})
	}
	by := pick(f.draw, 5*time.Second, 20*time.Second, 40*time.Second)
	w.net.tell("all reads lag by %s", by)
	w.fault(map[string]any{"match": "^GET ", "lag": by.String()})
	w.net.dim = append(w.net.dim, span{w.box.Clock().Now(), w.box.Clock().Now().Add(24 * time.Hour)})
	w.spells = append(w.spells, spell{"lag", f.until(w, 30*time.Minute), func(w *world) { w.fault(map[string]any{"match": "^GET ", "lag": "0s"}) }})
	w.net.cut(`PUT .*/pin$`, 1, func() {
		w.net.tell("the process ends before it pins the card")
		w.net.stop()
		w.kill()
	})
}

// pressLostComments lets the answer to the next comment of the app be lost, while the timeline is
// some seconds behind.
func (f *trial) pressLostComments(w *world, _ int) {
	if !w.has("lag") {
		by := pick(f.draw, 2*time.Second, 3*time.Second, 4*time.Second) // a comment in doubt is not posted again for five
		w.net.tell("the timeline lags by %s", by)
		w.fault(map[string]any{"match": "^GET .*/timeline", "lag": by.String()})
		w.net.dim = append(w.net.dim, span{w.box.Clock().Now(), w.box.Clock().Now().Add(24 * time.Hour)})
		w.spells = append(w.spells, spell{"lag", f.until(w, time.Hour), func(w *world) {
			w.fault(map[string]any{"match": "^GET .*/timeline", "lag": "0s"})
		}})
	}
	if f.chance(50) {
		w.spoilOnce(`POST .*/issues/\d+/comments$`, 502, true)
	}
}

// spoilOnce lets the next call of a kind fail; isLost: it happens nevertheless.
func (w *world) spoilOnce(match string, status int, isLost bool) {
	w.net.mu.Lock()
	defer w.net.mu.Unlock()
	now := w.box.Clock().Now()
	w.net.spoil = append(w.net.spoil, &spoiled{match: regexp.MustCompile("^" + match), status: status, isLost: isLost})
	w.net.isAway(now, now)
}

// isYoung reports whether a call is refused as its token was made only now.
func (n *network) isYoung(req *http.Request) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	token := req.Header.Get("Authorization")
	if !strings.HasPrefix(token, "token ") {
		return false
	}
	now := n.now()
	if n.tokens[token].IsZero() { // a token is as old as its first call, also where no token is refused yet
		n.tokens[token] = now
	}
	if !n.young {
		return false
	}
	isWrite := req.Method != http.MethodGet && strings.Contains(canonical(req.URL.Path), "/repos/acme/incidents/")
	return isWrite && now.Sub(n.tokens[token]) < time.Second
}

func (n *network) hasEnded() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dead
}

// refusedByYouth returns what a card says GitHub refuses: it refuses nothing but what a new token
// asks for, for a second.
func (w *world) refusedByYouth(titles []string, _ time.Time) (lines []string) {
	for _, title := range titles {
		s, _, _ := w.stateOf(title)
		for _, r := range s.Refused {
			lines = append(lines, fmt.Sprintf("%s: the card says that GitHub refuses %s (%s)", title, r.Effect, r.Reason))
		}
	}
	return lines
}
