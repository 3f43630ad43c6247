// Package oncall says who is on call: by rotations of people and teams, in layers, with restrictions
// and covers, exact to the minute in every time zone. It reads no file and no clock.
package oncall

import (
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a Lambda's system has no time zones

	"github.com/firebreak-dev/firebreak/app/naming"
)

// Path is the file in an incident repository, or in the organisation's, next to firebreak.yml.
const Path = ".github/oncall.yml"

// Nobody is who is on call where a layer says that somebody's absence is meant.
const Nobody = "nobody"

// Schedule is what the file says. The zero Schedule has no rotation.
type Schedule struct {
	Rotations []Rotation
	Covers    []Cover // in the file's order: a later one changes what an earlier one left
	Zone      *time.Location
	// MostNights is how many nights in a row nobody should be on call; more are warned of.
	MostNights int

	// Unread says why it is unknown which rotations there are: the file was never read. Empty: it is known.
	Unread string
	// Lost are the names of rotations of a file that is not there any more; the rest is known.
	Lost []string
}

// IsDoubtful reports whether a name may be that of a rotation that is not known, and nothing says that it is a team.
func (s Schedule) IsDoubtful(name string) bool {
	switch {
	case IsPerson(name) || strings.Contains(name, "/"):
		return false
	case naming.Contains(s.Lost, name):
		return true
	}
	return s.Unread != ""
}

// Rotation is people who are on call in turn.
type Rotation struct {
	Name   string
	Zone   *time.Location
	Owners []string // teams by slug and people with @, who may change covers besides those in it
	Layers []Layer  // a later one wins where it has somebody
	Line   int      // where the file names it, from 1; 0: unknown
}

// Layer is one order of people. The first turn begins at Start, and each lasts Every.
type Layer struct {
	Name  string
	Turns [][]string // who has each turn: people with @, and teams by slug; empty: nobody, on purpose
	Every Period
	Start Clock
	Until Clock    // when it ends; the zero Clock: never
	Hours []Window // when it counts; none: always
}

// Cover says who takes over.
type Cover struct {
	Rotation    string
	From, Until time.Time
	Who         string
	For         string // whose place they take; empty: everybody's
	Line        int    // where the file has it, from 1; 0: unknown
}

// Shift is a time with the same people on call.
type Shift struct {
	Rotation    string
	From, Until time.Time
	Who         []string // teams by slug, and people with @; empty: nobody
	Layer       string   // whose turn it is; empty: the rotation has one without a name, or a cover filled a gap
	Covers      []Cover  // those that changed it
	Meant       bool     // nobody is on call, and a layer says so
}

// Person is somebody who is on call.
type Person struct {
	Name  string    // a person with @, or a team by slug
	Until time.Time // when their shift ends
	For   string    // whom they cover; empty: nobody in particular, or it isn't a cover
}

// WithMembers returns names with all who have turns in place of the names of rotations.
func (s Schedule) WithMembers(names []string) (all []string) {
	for _, name := range names {
		if rotation, ok := s.Find(name); ok {
			all = append(all, rotation.Members()...)
			continue
		}
		all = append(all, name)
	}
	return all
}

// Find returns a rotation by its name, whatever its capitals.
func (s Schedule) Find(name string) (Rotation, bool) {
	i := slices.IndexFunc(s.Rotations, func(r Rotation) bool { return naming.Equal(r.Name, name) })
	if i < 0 {
		return Rotation{}, false
	}
	return s.Rotations[i], true
}

// Names returns the names of the rotations, in the file's order.
func (s Schedule) Names() (out []string) {
	for _, r := range s.Rotations {
		out = append(out, r.Name)
	}
	return out
}

// Members returns who has turns in a rotation, each once: people with @, and teams by slug.
func (r Rotation) Members() (out []string) {
	for _, l := range r.Layers {
		for _, turn := range l.Turns {
			for _, who := range turn {
				if !naming.Contains(out, who) {
					out = append(out, who)
				}
			}
		}
	}
	return out
}

// OnCall returns who is on call in a rotation at a time, each with the end of their shift; nobody if
// there is a gap or the rotation is unknown.
func (s Schedule) OnCall(rotation string, at time.Time) (out []Person) {
	shift := s.At(rotation, at)
	for _, who := range shift.Who {
		p := Person{Name: who, Until: shift.Until}
		for _, c := range shift.Covers {
			if naming.Equal(c.Who, who) {
				p.For = c.For
			}
		}
		out = append(out, p)
	}
	return out
}

// Reach returns whom names mean at a time: rotations become who is on call in them, and every
// other name stays. Gaps are rotations with nobody on call.
func (s Schedule) Reach(names []string, at time.Time) (to, gaps []string) {
	for _, name := range names {
		r, ok := s.Find(name)
		if !ok {
			if !naming.Contains(to, name) {
				to = append(to, name)
			}
			continue
		}
		people := s.OnCall(r.Name, at)
		if len(people) == 0 {
			gaps = append(gaps, r.Name)
		}
		for _, p := range people {
			if !naming.Contains(to, p.Name) {
				to = append(to, p.Name)
			}
		}
	}
	return to, gaps
}

// At returns the shift of a time, as a whole. Where nothing changes any more, it ends a year later.
func (s Schedule) At(rotation string, at time.Time) Shift {
	r, ok := s.Find(rotation)
	if !ok {
		return Shift{Rotation: rotation, From: at, Until: at.AddDate(1, 0, 0)}
	}
	from, until := at.AddDate(-1, 0, 0), at.AddDate(1, 0, 0)
	one := s.part(r, at)
	for one.From.After(from) {
		before := s.part(r, one.From.Add(-time.Nanosecond))
		if !isSame(before, one) {
			break
		}
		one.From = before.From
	}
	for one.Until.Before(until) {
		after := s.part(r, one.Until)
		if !isSame(one, after) {
			break
		}
		one.Until = after.Until
	}
	return one.shift(r, s.covers(r))
}

// Shifts returns the shifts of a rotation from one time to another, in order and without a hole:
// where nobody is on call there is a shift without people. The first and the last are cut to that
// time.
func (s Schedule) Shifts(rotation string, from, to time.Time) (out []Shift) {
	r, ok := s.Find(rotation)
	if !ok || !from.Before(to) {
		return nil
	}
	covers := s.covers(r)
	last := part{}
	for at := from; at.Before(to); {
		one := s.part(r, at)
		one.From = at
		if one.Until.After(to) {
			one.Until = to
		}
		if len(out) > 0 && isSame(last, one) {
			out[len(out)-1].Until = one.Until
		} else {
			out = append(out, one.shift(r, covers))
		}
		last, at = one, one.Until
	}
	return out
}

// covers returns a rotation's covers, in the file's order.
func (s Schedule) covers(r Rotation) (out []Cover) {
	for _, c := range s.Covers {
		if naming.Equal(c.Rotation, r.Name) && c.From.Before(c.Until) {
			out = append(out, c)
		}
	}
	return out
}

// part is a time in which nothing changes: neither a turn nor a restriction nor a cover.
type part struct {
	From, Until time.Time
	who         []string
	layer       int       // -1: no layer has somebody
	turn        time.Time // when the turn began: of two turns of the same people each is a shift
	covers      []int     // indexes of those that count, among the rotation's
	meant       bool
}

// isSame reports whether two parts next to each other are one shift.
func isSame(a, b part) bool {
	return slices.Equal(a.who, b.who) && slices.Equal(a.covers, b.covers) && a.meant == b.meant &&
		(len(a.who) == 0 || a.layer == b.layer && a.turn.Equal(b.turn))
}

func (p part) shift(r Rotation, covers []Cover) Shift {
	s := Shift{Rotation: r.Name, From: p.From, Until: p.Until, Who: p.who, Meant: p.meant}
	if p.layer >= 0 {
		s.Layer = r.Layers[p.layer].Name
	}
	for _, i := range p.covers {
		s.Covers = append(s.Covers, covers[i])
	}
	return s
}

// part returns what a rotation is at a time, and from when until when nothing changes.
func (s Schedule) part(r Rotation, at time.Time) part {
	p := part{From: at.AddDate(-1, 0, 0), Until: at.AddDate(1, 0, 0), layer: -1}
	for i, l := range r.Layers {
		turn := l.turnAt(r.Zone, at)
		p.cut(turn.from, turn.until)
		switch {
		case turn.who == nil:
		case len(turn.who) == 0:
			p.meant = true
		default:
			p.who, p.layer, p.turn = turn.who, i, turn.began
		}
	}
	for i, c := range s.covers(r) {
		switch {
		case at.Before(c.From):
			p.cut(time.Time{}, c.From)
		case !at.Before(c.Until):
			p.cut(c.Until, time.Time{})
		default:
			p.cut(c.From, c.Until)
			if who, ok := c.apply(p.who); ok {
				p.who = who
				p.covers = append(p.covers, i)
			}
		}
	}
	p.meant = p.meant && len(p.who) == 0
	return p
}

// cut makes a part shorter, so that it has none of what is outside these times. The zero time cuts
// nothing.
func (p *part) cut(from, until time.Time) {
	if !from.IsZero() && from.After(p.From) {
		p.From = from
	}
	if !until.IsZero() && until.Before(p.Until) {
		p.Until = until
	}
}

// apply returns who is on call once a cover counts; ok is false if it changes nothing, as whose place
// it takes is not on call.
func (c Cover) apply(who []string) (out []string, ok bool) {
	if c.For == "" {
		return []string{c.Who}, true
	}
	at := slices.IndexFunc(who, func(w string) bool { return naming.Equal(w, c.For) })
	if at < 0 {
		return who, false
	}
	for i, w := range who {
		if i == at {
			w = c.Who
		}
		if !naming.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out, true
}

// IsPerson reports whether a name is a person's, as @login, and not a team's.
func IsPerson(name string) bool { return strings.HasPrefix(name, "@") }

// Now is who is on call in a rotation, and who is next.
type Now struct {
	Rotation string
	Shift    Shift
	Next     Shift
}

// Now returns who is on call at a time, and who is next.
func (s Schedule) Now(rotation string, at time.Time) Now {
	shift := s.At(rotation, at)
	return Now{Rotation: shift.Rotation, Shift: shift, Next: s.At(rotation, shift.Until)}
}

// Next returns somebody's shift at a time, or their next one within a year.
func (s Schedule) Next(rotation, who string, at time.Time) (Shift, bool) {
	for _, shift := range s.Shifts(rotation, at, at.AddDate(1, 0, 0)) {
		if naming.Contains(shift.Who, who) {
			return shift, true
		}
	}
	return Shift{}, false
}
