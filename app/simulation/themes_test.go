package simulation

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// A theme is one kind of trouble, or two that matter together, which fills a seed's day: what needs
// both a lost answer and reads that lag is found in days of both, and in thousands of days of
// everything. Every other seed has a theme.

// theme presses on a world before step n.
type theme struct {
	name  string
	rate  uint64    // faults in a thousand calls
	kinds []trouble // that they are of
	press func(f *trial, w *world, n int)

	alone bool                                                     // nothing else goes wrong
	told  []string                                                 // what the log may say then
	ends  func(w, calm *world, titles []string) []string           // what is wrong in the end
	after func(f *trial, w *world, n int)                          // presses on it after step n
	holds func(w *world, titles []string, next time.Time) []string // what is wrong whenever the product is idle

	story   func(t *teller) // of a narrow day, in place of any other
	changed bool            // a change was merged before its incidents
}

var themes = []theme{
	{name: "answers are lost while reads lag", rate: 40, kinds: []trouble{lost, slow}, press: (*trial).pressLag},
	{name: "the process ends while reads lag", rate: 25, kinds: []trouble{crashBefore, crashAfter}, press: (*trial).pressLag},
	{name: "another process starts while reads lag", press: func(f *trial, w *world, n int) {
		f.pressLag(w, n)
		if f.chance(35) {
			w.net.tell("started anew")
			w.restart()
		}
	}},
	{name: "operations are refused once", rate: 40, kinds: []trouble{forbidden}, press: func(f *trial, w *world, _ int) {
		if w.net.isConfigured() && f.chance(25) {
			w.spoilOnce(`GET .*/contents/.github/firebreak.yml$`, 404, false)
		}
	}},
	{name: "tokens run out while GitHub is away", press: func(f *trial, w *world, n int) {
		if s := f.tokens(w, n); s.name != "" {
			w.spells = append(w.spells, s)
		}
		f.pressOutage(w, n, 15)
	}},
	{name: "cards are lost, and the process ends", rate: 15, kinds: []trouble{crashAfter}, press: func(f *trial, w *world, n int) {
		if f.chance(12) {
			f.harm(w)
		}
	}},
	{name: "cards are lost after a rename", alone: true, press: func(f *trial, w *world, n int) {
		if f.chance(20) {
			if s := f.rename(w, n); s.name != "" {
				w.spells = append(w.spells, s)
				f.pressOutage(w, n, 50)
			}
		}
		if w.renamed && f.chance(30) {
			f.harm(w)
		}
	}, holds: (*world).unpaged},
	{name: "GitHub goes away in the first look", press: func(f *trial, w *world, n int) {
		if slices.Contains([]string{"opens", "declares", "titles"}, f.script[n].verb) && n+1 < len(f.script) {
			if d := f.spare(n+1, 40*time.Minute); d > 0 {
				w.net.cut("", 1+f.IntN(12), func() { f.outage(w, d) })
			}
		}
		f.pressOutage(w, n, 8)
	}},
	{name: "people act while what they said is read", alone: true, after: (*trial).pressDeeds, holds: (*world).unheeded},
	{name: "GitHub is away while nobody answers", alone: true, press: func(f *trial, w *world, n int) { f.pressOutage(w, n, 30) }, holds: (*world).unpaged},
	{name: "GitHub goes away in the first look, and nothing else happens", alone: true, press: (*trial).pressFirstLook},
	{name: "the process ends while the first card is not shown", alone: true, press: (*trial).pressFirstCard},
	{name: "answers to comments are lost while the timeline lags", alone: true, press: (*trial).pressLostComments},
	{name: "looks are refused once", alone: true, press: func(f *trial, w *world, _ int) {
		if f.chance(40) {
			w.spoilOnce(`GET .*/issues/\d+$`, pick(f.draw, 403, 404, 410, 451), false)
		}
	}},
	{name: "the first ticket is refused once", alone: true, press: func(f *trial, w *world, n int) {
		if n == 0 {
			w.spoilOnce(`POST .*/acme/(platform|payments)/issues$`, pick(f.draw, 403, 403, 404, 410), false)
			w.net.spoil[0].lasts = 10 * time.Second // a token is not new any more by then
		}
	}, holds: (*world).fellBack},
	{name: "new tokens are refused", alone: true, press: func(f *trial, w *world, n int) {
		w.net.mu.Lock()
		w.net.young = w.net.young || n > 0
		w.net.mu.Unlock()
		if s := f.tokens(w, n); s.name != "" {
			w.spells = append(w.spells, s)
		}
	}, holds: (*world).refusedByYouth},
	{name: "conversations are locked", alone: true, press: (*trial).pressLocks, ends: (*world).pagedOtherwise},
	{name: "the repository is archived", alone: true, press: (*trial).pressArchive},
	{name: "changes need pull requests", alone: true, press: func(_ *trial, w *world, n int) {
		if n == 0 {
			w.state("ruleset", "acme/incidents")
		}
	}, ends: (*world).pagedOtherwise},
	{name: "another repository takes the name", alone: true, press: (*trial).pressReuse},
	{name: "limits make no sense", alone: true, press: (*trial).pressLimits, ends: (*world).parked},
	{name: "comments are deleted", alone: true, after: (*trial).pressDeletions, ends: (*world).pagedOtherwise},
	{name: "issues are transferred", alone: true, after: (*trial).pressTransfers},
	{name: "issues are transferred, and the process ends", rate: 15, kinds: []trouble{crashBefore, crashAfter, lost}, alone: true, after: (*trial).pressTransfers},
	{name: "issues are converted and deleted", alone: true, after: (*trial).pressRemovals, ends: (*world).unlearned},
	{name: "other bots work", alone: true, press: (*trial).pressBots, ends: (*world).endless},
	{name: "templates mean no good", alone: true, press: (*trial).pressTemplate, ends: (*world).pagedOtherwise},
	{name: "the disk is full", alone: true, press: (*trial).pressDisk, told: []string{"queue worker stopped: "}, ends: (*world).pagedTogether},
	{name: "reports come while others are handled", alone: true, after: (*trial).pressReports, ends: (*world).miscounted},
	{name: "words and dates without measure", alone: true, after: (*trial).pressExtremes, ends: (*world).unbounded},
	{name: "marks are written", alone: true, press: func(f *trial, w *world, n int) {
		if f.chance(40) {
			f.mark(w, n)
		}
	}, ends: (*world).pagedOtherwise},
	{name: "webhooks are lost", alone: true, press: func(_ *trial, w *world, _ int) { w.hooks = 700 }},
	{name: "receivers fail", alone: true, press: func(_ *trial, w *world, _ int) { w.spoilt = 200 }},
	{name: "cards are refused, and another process starts", alone: true, press: (*trial).pressRefusedCards},
	{name: "the process ends", rate: 25, kinds: []trouble{crashBefore, crashAfter}, alone: true},
}

// themeOf returns a seed's theme; ok is false where it has none.
func themeOf(seed uint64) (t theme, ok bool) {
	if isNarrow(seed) {
		return narrowOf(seed), true
	}
	if seed%2 == 0 {
		return t, false
	}
	return themes[seed/2%uint64(len(themes))], true
}

// isOfTheme reports whether the name of a seed's theme contains one of some texts, "first|second";
// "": any seed's does.
func isOfTheme(seed uint64, names string) bool {
	t, ok := themeOf(seed)
	return names == "" || ok && slices.ContainsFunc(strings.Split(names, "|"), func(name string) bool { return strings.Contains(t.name, name) })
}

// isAlone reports whether nothing happens in a seed but what its theme brings about.
func isAlone(seed uint64) bool {
	t, ok := themeOf(seed)
	return ok && t.alone
}

// pressLag lets reads lag from step to step.
func (f *trial) pressLag(w *world, n int) {
	if !f.chance(40) {
		return
	}
	if s := f.lag(w, n); s.name != "" {
		w.spells = append(w.spells, s)
	}
}

// pressOutage lets GitHub be away in so many of a hundred steps.
func (f *trial) pressOutage(w *world, n, percent int) {
	if !f.chance(percent) {
		return
	}
	if d := f.spare(n, time.Duration(1+f.IntN(40))*time.Minute); d > 0 {
		f.outage(w, d)
	}
}

// themed presses the seed's theme.
func (f *trial) themed(w *world, n int) {
	t, ok := themeOf(w.net.seed)
	if !ok {
		return
	}
	if f.pressing == nil {
		f.pressing = &trial{draw: newDraw(w.net.seed, 11), script: f.script, play: f.play}
		w.net.tell("theme: %s", t.name)
		w.net.mu.Lock()
		w.net.rate, w.net.kinds = t.rate, t.kinds
		w.net.mu.Unlock()
	}
	w.endSpells(w.box.Clock().Now())
	if t.press != nil {
		t.press(f.pressing, w, n)
	}
}

// cut lets something happen at the call of a kind that is made after so many of them; "": of any.
func (n *network) cut(match string, calls int, then func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cutAt, n.cutAfter, n.cutBy = regexp.MustCompile(match), calls, then
}

// cutNow does what is to happen at this call.
func (n *network) cutNow(name string) {
	n.mu.Lock()
	if n.cutAfter == 0 || !n.cutAt.MatchString(name) {
		n.mu.Unlock()
		return
	}
	n.cutAfter--
	then := n.cutBy
	if n.cutAfter > 0 {
		then = nil
	}
	n.mu.Unlock()
	if then != nil {
		then()
	}
}
