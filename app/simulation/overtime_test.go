package simulation

import "time"

// What GitHub does over time: reads that lag behind its webhooks, webhooks that come hours late,
// outages that outlast the App's tokens, installations that are suspended, removed and come back,
// repositories that get another name. Each begins between two steps and ends some time later.

// spell is something that goes on for a while.
type spell struct {
	name string
	ends time.Time
	end  func(w *world)
}

// spellKinds are what may begin, each with how often of a thousand steps.
var spellKinds = []struct {
	perMille int
	begin    func(f *trial, w *world, n int) spell
}{
	{15, (*trial).lag},
	{8, (*trial).tokens},
	{4, (*trial).longOutage},
	{6, (*trial).delay},
	{4, (*trial).suspend},
	{3, (*trial).reinstall},
	{4, (*trial).allowList},
	{4, (*trial).rename},
}

// overtime ends the spells whose time is over, and may begin another. Of each kind one goes on at a time.
func (f *trial) overtime(w *world, n int) {
	w.endSpells(w.box.Clock().Now())
	for _, kind := range spellKinds {
		if f.IntN(1000) >= kind.perMille {
			continue
		}
		s := kind.begin(f, w, n)
		if s.name != "" {
			w.spells = append(w.spells, s)
		}
	}
}

// endSpells ends what was to end by a time; the zero time ends everything.
func (w *world) endSpells(by time.Time) {
	rest := w.spells[:0:0]
	for _, s := range w.spells {
		if !by.IsZero() && s.ends.After(by) {
			rest = append(rest, s)
			continue
		}
		w.net.tell("over: %s", s.name)
		if s.end != nil {
			s.end(w)
		}
	}
	w.spells = rest
}

// has reports whether a spell of a kind goes on.
func (w *world) has(name string) bool {
	for _, s := range w.spells {
		if s.name == name {
			return true
		}
	}
	return false
}

// state brings a state of GitHub's about.
func (w *world) state(key string, value any) {
	w.t.Helper()
	if status := w.as("", "POST", "/sandbox/states", map[string]any{key: value}, nil); status >= 300 {
		w.t.Fatalf("%s %v: %d", key, value, status)
	}
}

// fault orders a fault.
func (w *world) fault(order map[string]any) {
	w.t.Helper()
	if status := w.as("", "POST", "/sandbox/faults", order, nil); status >= 300 {
		w.t.Fatalf("%v: %d", order, status)
	}
}

// spare shortens what would keep the product from hearing of an edit or a report, from closing an
// incident, or mostly from having acted before people do something by hand: what comes then differs
// for good reason, and the two runs can't be compared. A few stay as long as they were drawn.
func (f *trial) spare(n int, d time.Duration) time.Duration {
	whole, byHand := f.chance(3), f.chance(20)
	var before time.Duration
	for i := n - 1; i >= 0 && before < settling; i-- {
		if before += f.script[i+1].wait; !whole && f.script[i].closes() && before < settling {
			return 0
		}
	}
	var passed time.Duration
	for _, s := range f.script[n:] {
		passed += s.wait
		if passed >= d+time.Minute {
			break
		}
		if whole {
			continue
		}
		switch s.verb {
		case "edits", "signals":
			return max(0, min(d, passed-time.Minute))
		case "labels", "unlabels", "assigns", "unassigns", "closes", "reopens", "merges":
			if !byHand {
				return max(0, min(d, passed-6*time.Minute))
			}
		}
		if s.closes() {
			return max(0, min(d, passed-6*time.Minute))
		}
	}
	return d
}

func (f *trial) until(w *world, d time.Duration) time.Time { return w.box.Clock().Now().Add(d) }

// lag lets reads answer what stood some seconds or minutes ago.
func (f *trial) lag(w *world, _ int) spell {
	if w.has("lag") {
		return spell{}
	}
	by := pick(f.draw, time.Second, 2*time.Second, 5*time.Second, 20*time.Second, time.Minute, 2*time.Minute)
	match := pick(f.draw, "^GET ", "^GET .*/issues/\\d+$", "^GET .*/timeline", "^GET .*/comments")
	w.net.tell("reads (%s) lag by %s", match, by)
	w.fault(map[string]any{"match": match, "lag": by.String()})
	ends := f.until(w, time.Duration(1+f.IntN(30))*time.Minute)
	w.net.dim = append(w.net.dim, span{w.box.Clock().Now(), ends.Add(by)}) // it ends with the first step after that
	return spell{"lag", ends, func(w *world) {
		w.fault(map[string]any{"match": match, "lag": "0s"})
		if last := &w.net.dim[len(w.net.dim)-1]; w.box.Clock().Now().After(last.to) {
			last.to = w.box.Clock().Now()
		}
	}}
}

// tokens lets the installation's tokens live for some minutes only.
func (f *trial) tokens(w *world, _ int) spell {
	if w.has("short tokens") {
		return spell{}
	}
	life := pick(f.draw, 2*time.Minute, 10*time.Minute)
	w.net.tell("tokens live %s", life)
	w.state("token_life", life.String())
	return spell{"short tokens", f.until(w, time.Hour), func(w *world) { w.state("token_life", "1h") }}
}

// longOutage lets GitHub be out for longer than a token lives.
func (f *trial) longOutage(w *world, n int) spell {
	d := f.spare(n, pick(f.draw, 69*time.Minute, 69*time.Minute, 6*time.Hour))
	if d == 0 {
		return spell{}
	}
	f.outage(w, d)
	return spell{"a long outage", f.until(w, d), nil}
}

// delay lets webhooks come hours late.
func (f *trial) delay(w *world, n int) spell {
	d := f.spare(n, time.Duration(1+f.IntN(160))*time.Minute)
	if w.has("late webhooks") || d == 0 {
		return spell{}
	}
	w.net.tell("webhooks come 160 minutes late")
	w.delayed = 160 * time.Minute
	w.net.isAway(w.box.Clock().Now(), f.until(w, 6*time.Hour))
	return spell{"late webhooks", f.until(w, d), func(w *world) { w.delayed = 0 }}
}

// suspend lets an owner suspend the installation for a while. GitHub sends no webhooks in that time.
func (f *trial) suspend(w *world, n int) spell {
	d := f.spare(n, time.Duration(1+f.IntN(90))*time.Minute)
	if w.has("suspended") || w.has("removed") || d == 0 {
		return spell{}
	}
	w.net.tell("the installation is suspended for %s", d)
	w.state("suspend", "acme")
	w.net.isAway(w.box.Clock().Now(), f.until(w, d))
	return spell{"suspended", f.until(w, d), func(w *world) { w.state("resume", "acme") }}
}

// reinstall lets an owner remove the App and install it again, which makes another installation of it.
func (f *trial) reinstall(w *world, n int) spell {
	d := f.spare(n, time.Duration(1+f.IntN(60))*time.Minute)
	if w.has("suspended") || w.has("removed") || d == 0 {
		return spell{}
	}
	w.net.tell("the App is removed for %s", d)
	w.state("uninstall", "acme")
	w.net.isAway(w.box.Clock().Now(), f.until(w, d))
	return spell{"removed", f.until(w, d), func(w *world) { w.state("install", "acme") }}
}

// allowList lets the organisation's IP allow list leave the product out.
func (f *trial) allowList(w *world, n int) spell {
	d := f.spare(n, time.Duration(1+f.IntN(60))*time.Minute)
	if w.has("an allow list") || d == 0 {
		return spell{}
	}
	w.net.tell("an IP allow list for %s", d)
	w.state("allow_list", "acme")
	w.net.isAway(w.box.Clock().Now(), f.until(w, d))
	return spell{"an allow list", f.until(w, d), func(w *world) { w.state("allow_list", "") }}
}

// rename changes the name of the incidents' repository, and later the first one again.
func (f *trial) rename(w *world, _ int) spell {
	if w.has("renamed") {
		return spell{}
	}
	w.net.tell("acme/incidents is called acme/p1")
	w.renamed = true
	w.state("rename", []string{"acme/incidents", "acme/p1"})
	return spell{"renamed", f.until(w, time.Duration(1+f.IntN(120))*time.Minute), func(w *world) {
		w.state("rename", []string{"acme/p1", "acme/incidents"})
	}}
}
