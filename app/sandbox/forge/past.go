package forge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// storeLock guards the forge. While older versions are kept, whoever takes it has the version kept that
// was before: what they are about to change.
type storeLock struct {
	sync.Mutex
	taken func() // nil: nothing is kept
}

// Lock takes the forge.
func (l *storeLock) Lock() {
	l.Mutex.Lock()
	if l.taken != nil {
		l.taken()
	}
}

// past keeps the versions that the model had, as far back as reads lag behind. GitHub answers reads from
// replicas, which are behind what its webhooks have told already.
type past struct {
	forge *Forge
	now   func() time.Time // virtual, to the nanosecond
	reach time.Duration    // how far back reads go

	versions []*version // oldest first
	touched  bool       // the model changed since the newest version was kept
	at       time.Time  // when it changed last
}

// version is the model as it was from one moment to the next version's.
type version struct {
	at    time.Time
	model []byte // JSON, without the repositories
	repos []repoVersion

	replica *Forge // made when it is asked for first
}

// repoVersion is one repository of a version. What didn't change is shared with the version before.
type repoVersion struct {
	text []byte // JSON, without git's objects
	from *Git   // of which git is a copy
	git  *Git   // objects never change, so that the maps are copied alone
}

// KeepPast begins to keep versions, or changes how far they reach back; 0 ends it. The first version is what
// is now: reads don't go back before it. The forge is locked.
func (f *Forge) KeepPast(now func() time.Time, reach time.Duration) {
	switch {
	case reach == 0:
		f.past, f.taken = nil, nil
	case f.past == nil:
		f.past = &past{forge: f, now: now, reach: reach, at: now()}
		f.past.keep()
		f.taken = func() {
			if p := f.past; p.touched && p.now().After(p.at) {
				p.keep()
			}
		}
	default:
		f.past.reach = reach // what is too old goes with the next version
	}
}

// touch notes that the model changes.
func (p *past) touch() { p.touched, p.at = true, p.now() }

// keep adds the model as it is to the versions, and drops those that no read goes back to.
func (p *past) keep() {
	var before *version
	if n := len(p.versions); n > 0 {
		before = p.versions[n-1]
	}
	v := &version{at: p.at}
	m := p.forge.Model
	m.Repos, m.Outbox, m.Phones, m.Delayed = nil, nil, nil, nil
	v.model = encode(m)
	for n, r := range p.forge.Repos {
		bare := *r
		bare.Git, bare.Emptied = nil, nil
		kept := repoVersion{text: encode(&bare), from: r.Git}
		if before != nil && n < len(before.repos) {
			old := before.repos[n]
			if bytes.Equal(old.text, kept.text) {
				kept.text = old.text
			}
			if old.from == r.Git && old.git.sameAs(r.Git) {
				kept.git = old.git
			}
		}
		if kept.git == nil {
			kept.git = r.Git.copyOf()
		}
		v.repos = append(v.repos, kept)
	}
	p.versions, p.touched = append(p.versions, v), false
	oldest := p.now().Add(-p.reach)
	for len(p.versions) > 1 && !p.versions[1].at.After(oldest) {
		p.versions = p.versions[1:]
	}
}

// AsOf returns the forge as it was then: this one, if nothing changed since.
func (f *Forge) AsOf(then time.Time) (*Forge, error) {
	p := f.past
	if p == nil || p.touched && !p.at.After(then) {
		return f, nil
	}
	n := len(p.versions) - 1
	if !p.touched && !p.versions[n].at.After(then) {
		return f, nil
	}
	for n > 0 && p.versions[n].at.After(then) {
		n--
	}
	replica, err := p.versions[n].open(f)
	if err != nil {
		return nil, fmt.Errorf("open the version of %s: %w", FormatTime(p.versions[n].at), err)
	}
	// Who asks, and what became of webhooks, is not read from a replica.
	replica.App, replica.Deliveries, replica.Now = f.App, f.Deliveries, f.Now
	replica.Registered, replica.Suspended, replica.Installation = f.Registered, f.Suspended, f.Installation
	replica.Uninstalled, replica.AllowList = f.Uninstalled, f.AllowList
	return replica, nil
}

// open makes a store of a version. Nothing is told of what happens in it, and nothing does.
func (v *version) open(f *Forge) (*Forge, error) {
	if v.replica != nil {
		return v.replica, nil
	}
	replica := New(f.URL)
	replica.App = f.App
	if err := json.Unmarshal(v.model, &replica.Model); err != nil {
		return nil, err
	}
	for _, kept := range v.repos {
		r := &Repository{}
		if err := json.Unmarshal(kept.text, r); err != nil {
			return nil, err
		}
		r.Git = kept.git
		replica.Repos = append(replica.Repos, r)
	}
	replica.Relink()
	v.replica = replica
	return replica, nil
}

// encode writes a part of the model, which has nothing that JSON can't have.
func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("sandbox: the model can't be written: %v", err))
	}
	return text
}
