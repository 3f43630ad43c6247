package simulation

import (
	"slices"
	"time"
)

// A theme is one kind of trouble, or two that matter together, which fills a seed's day: what needs
// both a lost answer and reads that lag is found in days of both, and in thousands of days of
// everything. One seed of four has a theme.

// theme presses on a world before step n.
type theme struct {
	name  string
	rate  uint64    // faults in a thousand calls
	kinds []trouble // that they are of
	press func(f *trial, w *world, n int)
}

var themes = []theme{
	{"answers are lost while reads lag", 40, []trouble{lost, slow}, (*trial).pressLag},
	{"the process ends while reads lag", 25, []trouble{crashBefore, crashAfter}, (*trial).pressLag},
	{"another process starts while reads lag", 0, nil, func(f *trial, w *world, n int) {
		f.pressLag(w, n)
		if f.chance(35) {
			w.net.tell("started anew")
			w.restart()
		}
	}},
	{"operations are refused once", 40, []trouble{forbidden}, nil},
	{"tokens run out while GitHub is away", 0, nil, func(f *trial, w *world, n int) {
		if s := f.tokens(w, n); s.name != "" {
			w.spells = append(w.spells, s)
		}
		f.pressOutage(w, n, 15)
	}},
	{"cards are lost, and the process ends", 15, []trouble{crashAfter}, func(f *trial, w *world, n int) {
		if f.chance(12) {
			f.harm(w)
		}
	}},
	{"cards are lost after a rename", 0, nil, func(f *trial, w *world, n int) {
		if f.chance(15) {
			if s := f.rename(w, n); s.name != "" {
				w.spells = append(w.spells, s)
			}
		}
		if f.chance(12) {
			f.harm(w)
		}
	}},
	{"GitHub goes away in the first look", 0, nil, func(f *trial, w *world, n int) {
		if slices.Contains([]string{"opens", "declares", "titles"}, f.script[n].verb) && n+1 < len(f.script) {
			if d := f.spare(n+1, 40*time.Minute); d > 0 {
				w.net.cut(1+f.IntN(12), func() { f.outage(w, d) })
			}
		}
		f.pressOutage(w, n, 8)
	}},
}

// themeOf returns a seed's theme; ok is false where it has none.
func themeOf(seed uint64) (t theme, ok bool) {
	if seed%4 != 3 {
		return t, false
	}
	return themes[seed/4%uint64(len(themes))], true
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
		f.pressing = &trial{draw: newDraw(w.net.seed, 11), script: f.script}
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

// cut lets something happen after so many calls.
func (n *network) cut(calls int, then func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cutAfter, n.cutBy = calls, then
}

// cutNow does what is to happen at this call.
func (n *network) cutNow() {
	n.mu.Lock()
	if n.cutAfter == 0 {
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
