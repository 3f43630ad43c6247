package moving

import (
	"cmp"
	"slices"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/oncall"
)

// The vendor's calendar is computed here from its own layers and not from what they became, so that
// a mistake of the conversion is a difference.

// turns returns who has the turns of a part between two times, with its restrictions.
func (p Part) turns(zone *time.Location, from, to time.Time) (out []Period) {
	if len(p.Turns) == 0 || p.Every < time.Hour || p.Start.Year() < earliest {
		return nil // neither vendor has it, and it wasn't converted
	}
	if p.From.After(from) {
		from = p.From
	}
	if !p.Until.IsZero() && p.Until.Before(to) {
		to = p.Until
	}
	n := int(from.Sub(p.Start)/p.Every) - 2
	for ; ; n++ {
		one := Period{From: p.begin(zone, n), Until: p.begin(zone, n+1)}
		if !one.From.Before(to) {
			return out
		}
		one.Who = p.Turns[((n%len(p.Turns))+len(p.Turns))%len(p.Turns)]
		if one, ok := one.cut(from, to); ok {
			out = append(out, p.within(zone, one)...)
		}
	}
}

// begin returns when the n-th turn begins. Days keep their time of day when the clocks change, and
// hours are of 60 minutes.
func (p Part) begin(zone *time.Location, n int) time.Time {
	if p.Every%day != 0 {
		return p.Start.Add(time.Duration(n) * p.Every)
	}
	return p.Start.In(zone).AddDate(0, 0, n*int(p.Every/day))
}

func (p Period) cut(from, to time.Time) (Period, bool) {
	if p.From.Before(from) {
		p.From = from
	}
	if p.Until.After(to) {
		p.Until = to
	}
	return p, p.From.Before(p.Until)
}

// within returns what the restrictions leave of a turn.
func (p Part) within(zone *time.Location, turn Period) (out []Period) {
	if len(p.Hours) == 0 {
		return []Period{turn}
	}
	at := turn.From.In(zone).AddDate(0, 0, -8)
	for ; !at.After(turn.Until.AddDate(0, 0, 1)); at = at.AddDate(0, 0, 1) {
		for _, span := range p.Hours {
			if !span.IsDaily && at.Weekday() != span.Day {
				continue
			}
			wall := func(since time.Duration) time.Time {
				return time.Date(at.Year(), at.Month(), at.Day(), 0, int(since/time.Minute), 0, 0, zone)
			}
			one := Period{wall(span.From), wall(span.From + span.Length), turn.Who}
			if one, ok := one.cut(turn.From, turn.Until); ok {
				out = append(out, one)
			}
		}
	}
	return out
}

// line is who is on call by one part, once overrides are applied.
type line struct{ turns, overrides []Period }

// computed returns the vendor's calendar by its layers, as its documentation says: Opsgenie's
// rotations are on call at the same time, and of PagerDuty's layers the last that has somebody. An
// override takes the place of everybody.
func (s Schedule) computed(from, to time.Time) []line {
	var out []line
	for _, p := range s.Parts {
		l := line{turns: p.turns(s.Zone, from, to)}
		for _, o := range s.Overrides {
			if len(o.Parts) == 0 || slices.Contains(o.Parts, p.ID) || slices.Contains(o.Parts, p.Name) {
				l.overrides = append(l.overrides, Period{o.From, o.Until, o.Who})
			}
		}
		out = append(out, l)
	}
	return out
}

func at(list []Period, t time.Time) (out []Who) {
	for _, p := range list {
		if !t.Before(p.From) && t.Before(p.Until) {
			out = append(out, p.Who)
		}
	}
	return out
}

// Row is a time in which both calendars stay the same.
type Row struct {
	From, Until  time.Time
	Theirs, Ours []string
	IsDifferent  bool
	IsComputed   bool // the vendor's side is computed, as the export has no calendar of that time
}

// Calendars are both calendars of a schedule.
type Calendars struct {
	Schedule  string
	Zone      *time.Location
	Rotations []string
	Rows      []Row
}

// Differences returns how many rows differ.
func (c Calendars) Differences() (n int) {
	for _, r := range c.Rows {
		if r.IsDifferent {
			n++
		}
	}
	return n
}

// Compare returns both calendars of each schedule that was converted, from one time to another.
func Compare(e Export, people People, r Result, from, to time.Time) (out []Calendars) {
	for _, s := range e.Schedules {
		names := r.Rotations[s.ID]
		if len(names) == 0 {
			continue
		}
		out = append(out, Calendars{s.Name, s.Zone, names, s.rows(people, r.Schedule, names, from, to)})
	}
	return out
}

func (s Schedule) rows(people People, ours oncall.Schedule, names []string, from, to time.Time) (out []Row) {
	lines := s.computed(from, to)
	edges := []time.Time{from, s.RenderedFrom, s.RenderedTo}
	for _, l := range append(lines, line{turns: s.Rendered}) {
		for _, p := range slices.Concat(l.turns, l.overrides) {
			edges = append(edges, p.From, p.Until)
		}
	}
	var shifts []oncall.Shift
	for _, name := range names {
		shifts = append(shifts, ours.Shifts(name, from, to)...)
	}
	for _, shift := range shifts {
		edges = append(edges, shift.From)
	}
	edges = slices.DeleteFunc(edges, func(t time.Time) bool { return t.Before(from) || !t.Before(to) })
	slices.SortFunc(edges, time.Time.Compare)
	edges = slices.CompactFunc(edges, time.Time.Equal)
	for i, edge := range edges {
		row := Row{From: edge, Until: to, Ours: onCall(shifts, edge)}
		if i+1 < len(edges) {
			row.Until = edges[i+1]
		}
		row.IsComputed = edge.Before(s.RenderedFrom) || !edge.Before(s.RenderedTo)
		if row.IsComputed {
			row.Theirs = namesOf(people, s.theirs(lines, edge))
		} else {
			row.Theirs = namesOf(people, at(s.Rendered, edge))
		}
		row.IsDifferent = !slices.Equal(row.Theirs, row.Ours)
		if n := len(out) - 1; n >= 0 && out[n].IsComputed == row.IsComputed && slices.Equal(out[n].Theirs, row.Theirs) &&
			slices.Equal(out[n].Ours, row.Ours) {
			out[n].Until = row.Until
			continue
		}
		out = append(out, row)
	}
	return out
}

// theirs returns who is on call at a time by what is computed.
func (s Schedule) theirs(lines []line, t time.Time) (out []Who) {
	for _, l := range lines {
		who := at(l.turns, t)
		if over := at(l.overrides, t); len(over) > 0 {
			who = over[len(over)-1:]
		}
		who = slices.DeleteFunc(who, func(w Who) bool { return s.IsLayered && w.Kind == None })
		switch {
		case !s.IsLayered:
			out = append(out, who...)
		case len(who) > 0:
			out = who[:1]
		}
	}
	return out
}

// namesOf returns what people are called here, each once and in order: a login with @, a team's short
// name, or what the vendor calls whoever has neither.
func namesOf(people People, list []Who) (out []string) {
	for _, w := range list {
		name, ok := people.find(w)
		switch {
		case w.Kind == None:
			continue
		case !ok && w.Kind == OfTeam:
			name = slug(w.Name)
		case !ok:
			name = w.String()
		}
		if !naming.Contains(out, name) {
			out = append(out, name)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Compare(naming.Key(a), naming.Key(b)) })
	return out
}

// onCall returns who is on call in any of some shifts, each once and in order.
func onCall(shifts []oncall.Shift, t time.Time) (out []string) {
	for _, s := range shifts {
		if t.Before(s.From) || !t.Before(s.Until) {
			continue
		}
		for _, name := range s.Who {
			if !naming.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Compare(naming.Key(a), naming.Key(b)) })
	return out
}
