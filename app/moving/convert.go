package moving

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/oncall"
)

// What the files may hold at most; app/config refuses more.
const (
	mostRotations = 50
	mostLayers    = 10
	mostTurns     = 100
	mostWindows   = 14
	mostCovers    = 500
	mostSteps     = 20
	mostTo        = 50
	mostRounds    = 20
	mostPeriod    = 999
	mostWait      = 90 * day
	earliest      = 2000 // the year of a start
)

// Result is what an export becomes.
type Result struct {
	Schedule   oncall.Schedule
	Rotations  map[string][]string // by the vendor's schedule id
	Escalation *Steps              // nil: no policy was chosen, or nothing of it is left
	Notes      []Note

	missing map[string][]string // of each turn, layer and rotation, whoever has no name on GitHub
}

// Steps is the escalation of firebreak.yml.
type Steps struct {
	Rounds int
	Steps  []PolicyStep
}

// PolicyStep is a step of it.
type PolicyStep struct {
	After   time.Duration
	To      []string
	Missing []string // whom it can't name
}

// reserved are names that the file refuses for a rotation.
var reserved = []string{"phone", "nobody", "and", "from", "until", "for", "oncall", "decline"}

// slug returns a name in letters, digits and hyphens.
func slug(name string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(name) {
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_':
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	s := strings.Trim(b.String(), "-")
	return strings.TrimRight(s[:min(len(s), 80)], "-")
}

// converter makes a result of an export.
type converter struct {
	Result
	export Export
	people People
	now    time.Time
	asked  map[string]bool // who was named as missing
}

// Convert returns what an export becomes. What ended before now is left out. Policy is the name of
// the escalation that is taken, by whatever capitals; empty: the only one.
func Convert(e Export, people People, policy string, now time.Time) (Result, error) {
	chosen, err := e.choose(policy)
	if err != nil {
		return Result{}, err
	}
	c := &converter{export: e, people: people, now: now, asked: map[string]bool{},
		Result: Result{Rotations: map[string][]string{}, Notes: slices.Clone(e.Notes), missing: map[string][]string{}}}
	c.Schedule.Zone = time.UTC
	for _, s := range e.Schedules {
		c.schedule(s)
	}
	slices.SortStableFunc(c.Schedule.Covers, func(a, b oncall.Cover) int { return a.From.Compare(b.From) })
	if n := len(c.Schedule.Covers); n > mostCovers {
		c.note("overrides", "there are %d, and oncall.yml holds %d: the latest are left out", n, mostCovers)
		c.Schedule.Covers = c.Schedule.Covers[:mostCovers]
	}
	if chosen != nil {
		c.policy(*chosen)
	}
	for _, t := range e.Teams {
		c.team(Who{Kind: OfTeam, ID: t.ID, Name: t.Name})
	}
	return c.Result, nil
}

// choose returns the policy of a name; nil if there is no policy.
func (e Export) choose(name string) (*Policy, error) {
	var names []string
	for i, p := range e.Policies {
		if strings.EqualFold(p.Name, name) || name != "" && p.ID == name || name == "" && len(e.Policies) == 1 {
			return &e.Policies[i], nil
		}
		names = append(names, p.Name)
	}
	switch {
	case len(names) == 0 && name == "":
		return nil, nil
	case len(names) == 0:
		return nil, fmt.Errorf("the export has no escalation policy, and so not %q", name)
	case name == "":
		return nil, fmt.Errorf("firebreak.yml has one escalation, and the export has %d: choose one with --policy: %s",
			len(names), strings.Join(names, ", "))
	}
	return nil, fmt.Errorf("there is no escalation policy %q; choose of: %s", name, strings.Join(names, ", "))
}

func (c *converter) note(where, format string, args ...any) {
	c.Notes = append(c.Notes, Note{where, fmt.Sprintf(format, args...)})
}

// team returns a team's short name, and says that it must be there.
func (c *converter) team(w Who) string {
	name, known := c.people.find(w)
	if !known {
		if name = slug(w.Name); name == "" {
			return ""
		}
	}
	if key := "team/" + name; !c.asked[key] {
		c.asked[key] = true
		members := ""
		for _, t := range c.export.Teams {
			if t.ID == w.ID || t.Name == w.Name {
				if list := namesOf(c.people, t.Members); len(list) > 0 {
					members = ": " + strings.ReplaceAll(strings.Join(list, ", "), "@", "")
				}
			}
		}
		c.note("team "+w.Name, "it is the team %s on GitHub: check that it is there with the same members%s", name,
			members)
	}
	return name
}

// name returns what somebody is called in the files; "" if they can't be named.
func (c *converter) name(w Who) string {
	switch w.Kind {
	case None:
		return ""
	case OfTeam:
		return c.team(w)
	case Escalation, OfSchedule:
		return ""
	}
	name, ok := c.people.find(w)
	if !ok && !c.asked[w.String()] {
		c.asked[w.String()] = true
		c.note(w.String(), "there is no login for them: add a line `%s: LOGIN` to the file of --people", w)
	}
	return name
}

func (c *converter) schedule(s Schedule) {
	where := "schedule " + s.Name
	switch {
	case s.IsOff:
		c.note(where, "it is disabled: it is left out")
		return
	case len(s.Parts) == 0:
		c.note(where, "it has no rotation: it is left out")
		return
	}
	var owners []string
	for _, w := range s.Owners {
		if name := c.team(w); name != "" {
			owners = append(owners, name)
		}
	}
	type made struct {
		layer   oncall.Layer
		part    Part
		missing []string
	}
	var all []made
	for _, p := range s.Parts {
		if !p.Until.IsZero() && !p.Until.After(c.now) {
			continue // over
		}
		l, missing, ok := c.layer(where, s, p)
		if !ok {
			if s.IsLayered {
				c.note(where, "without one of its layers it would be another schedule: it is left out as a whole")
				return
			}
			continue
		}
		all = append(all, made{l, p, missing})
	}
	if len(all) == 0 {
		c.note(where, "nothing of it is left, or all of it has ended: it is left out")
		return
	}
	if s.IsLayered && len(all) > mostLayers || len(c.Schedule.Rotations)+len(all) > mostRotations {
		c.note(where, "oncall.yml holds %d rotations of %d layers: it is left out", mostRotations, mostLayers)
		return
	}
	for i, m := range all {
		if s.IsLayered && i > 0 {
			r := &c.Schedule.Rotations[len(c.Schedule.Rotations)-1]
			r.Layers = append(r.Layers, m.layer)
			c.missing[key(r.Name, i)] = m.missing
			continue
		}
		name := s.Name
		if !s.IsLayered && len(all) > 1 {
			name += "-" + m.part.Name
		}
		r := oncall.Rotation{Name: c.unique(name), Zone: s.Zone, Owners: owners, Layers: []oncall.Layer{m.layer}}
		c.missing[key(r.Name, 0)] = m.missing
		c.Schedule.Rotations = append(c.Schedule.Rotations, r)
		c.Rotations[s.ID] = append(c.Rotations[s.ID], r.Name)
		parts := []Part{m.part}
		if s.IsLayered {
			parts = s.Parts
		}
		c.covers(where, s, parts, r.Name)
	}
	if n := len(c.Rotations[s.ID]); n > 1 {
		c.note(where, "its %d rotations are on call at the same time: they become the rotations %s, and steps name all "+
			"of them", n, strings.Join(c.Rotations[s.ID], ", "))
	}
}

func key(rotation string, layer int) string { return fmt.Sprintf("%s/%d", rotation, layer) }

// unique returns a name for a rotation that no other has.
func (c *converter) unique(name string) string {
	base := slug(name)
	if base == "" || naming.Contains(reserved, base) {
		base = strings.Trim(base+"-rotation", "-")
	}
	one := base
	for n := 2; naming.Contains(c.Schedule.Names(), one); n++ {
		one = fmt.Sprintf("%s-%d", base, n)
	}
	return one
}

func (c *converter) covers(where string, s Schedule, parts []Part, rotation string) {
	for _, o := range s.Overrides {
		counts := len(o.Parts) == 0 || slices.ContainsFunc(parts, func(p Part) bool {
			return slices.Contains(o.Parts, p.ID) || slices.Contains(o.Parts, p.Name)
		})
		if !counts || !o.Until.After(c.now) {
			continue
		}
		who := c.name(o.Who)
		if who == "" {
			c.note(where, "the override of %s from %s until %s is left out, as they have no name on GitHub", o.Who,
				stamp(o.From), stamp(o.Until))
			continue
		}
		from, until := o.From.Truncate(time.Minute), o.Until.Truncate(time.Minute)
		if !from.Equal(o.From) || !until.Equal(o.Until) {
			c.note(where, "the override of %s from %s is cut to whole minutes", o.Who, stamp(o.From))
		}
		if from.Before(until) {
			c.Schedule.Covers = append(c.Schedule.Covers,
				oncall.Cover{Rotation: rotation, From: from, Until: until, Who: who})
		}
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// layer returns a part as a layer, and whoever of its turns can't be named, by the turn's number.
func (c *converter) layer(where string, s Schedule, p Part) (l oncall.Layer, missing []string, ok bool) {
	where += ", " + p.Name
	l = oncall.Layer{Name: oneLine(p.Name)}
	switch {
	case len(p.Turns) == 0:
		c.note(where, "it has nobody: it is left out")
		return l, nil, false
	case p.Start.Year() < earliest:
		c.note(where, "it has no start, or one before %d: it is left out", earliest)
		return l, nil, false
	case len(p.Turns) > mostTurns:
		c.note(where, "it has %d turns, and oncall.yml holds %d: it is left out", len(p.Turns), mostTurns)
		return l, nil, false
	}
	if l.Every, ok = period(p.Every); !ok {
		c.note(where, "turns of %s have no counterpart: oncall.yml counts whole hours, up to %d; it is left out", p.Every,
			mostPeriod)
		return l, nil, false
	}
	if l.Hours, ok = windows(p.Hours); !ok {
		c.note(where, "its restrictions are more than the %d windows that oncall.yml holds: it is left out", mostWindows)
		return l, nil, false
	}
	start, n := c.start(s.Zone, p)
	l.Start = oncall.ClockOf(start, s.Zone)
	if !p.From.IsZero() && p.From.After(c.now) && !start.Equal(p.From) {
		c.note(where, "it counts from %s, which is within a turn: here it counts from the begin of that turn, %s",
			stamp(p.From), stamp(start))
	}
	if p.Every%day != 0 && hasChanges(s.Zone, c.now) {
		c.note(where, "its turns of %s move by the clock when the clocks change; in oncall.yml the times of day stay",
			short(p.Every))
	}
	missing = make([]string, len(p.Turns))
	for i := range p.Turns {
		k := ((i+n)%len(p.Turns) + len(p.Turns)) % len(p.Turns)
		w := p.Turns[k]
		name := c.name(w)
		turn := []string{}
		switch {
		case name != "":
			turn = append(turn, name)
		case w.Kind == Escalation || w.Kind == OfSchedule:
			missing[i] = fmt.Sprintf("the %s %s, which can't have a turn here", w.Kind, w)
			c.note(where, "%s: name in its place the people whom it reaches", missing[i])
		case w.Kind != None:
			missing[i] = w.String() + " has no login in the file of --people"
		}
		l.Turns = append(l.Turns, turn)
	}
	if !p.Until.IsZero() {
		l.Until = c.until(where, s.Zone, l, p.Until)
	}
	return l, missing, true
}

// start returns the begin of a turn from which a layer goes on as the part does, and its number.
func (c *converter) start(zone *time.Location, p Part) (time.Time, int) {
	anchor := p.Start
	switch {
	case p.Every%day != 0 && c.now.After(anchor):
		anchor = c.now // its times of day move with the clocks: those of now count
		if p.From.After(anchor) {
			anchor = p.From
		}
	case !p.From.IsZero() && !p.From.Equal(p.Start):
		anchor = p.From
	}
	n := int(anchor.Sub(p.Start)/p.Every) - 2
	for !p.begin(zone, n+1).After(anchor) {
		n++
	}
	return p.begin(zone, n), n
}

// until returns the end of a layer: the file knows dates with the handover's time of day alone.
func (c *converter) until(where string, zone *time.Location, l oncall.Layer, end time.Time) oncall.Clock {
	at := oncall.ClockOf(end, zone)
	out := at
	out.Hour, out.Minute = l.Start.Hour, l.Start.Minute
	if out.In(zone).Before(end) {
		next := time.Date(at.Year, at.Month, at.Day+1, out.Hour, out.Minute, 0, 0, time.UTC)
		out = oncall.ClockOf(next, time.UTC)
	}
	if out != at {
		c.note(where, "it ends at %s; a layer can end at a handover's time of day, so here it ends at %s", at, out)
	}
	return out
}

// hasChanges reports whether a zone's clocks change in the year after now.
func hasChanges(zone *time.Location, now time.Time) bool {
	_, end := now.In(zone).ZoneBounds()
	return !end.IsZero() && end.Before(now.AddDate(1, 0, 0))
}

func period(every time.Duration) (oncall.Period, bool) {
	p := oncall.Period{Count: int(every / time.Hour), Unit: oncall.Hours}
	switch {
	case every <= 0 || every%time.Hour != 0:
		return p, false
	case every%(7*day) == 0:
		p = oncall.Period{Count: int(every / (7 * day)), Unit: oncall.Weeks}
	case every%day == 0:
		p = oncall.Period{Count: int(every / day), Unit: oncall.Days}
	}
	return p, p.Count <= mostPeriod
}

// windows returns restrictions as windows of at most a day each; those of the same times are one.
func windows(spans []Span) (out []oncall.Window, ok bool) {
	add := func(weekday time.Weekday, from, to time.Duration) {
		i := slices.IndexFunc(out, func(w oncall.Window) bool { return w.From == from && w.To == to })
		if i < 0 {
			i, out = len(out), append(out, oncall.Window{From: from, To: to})
		}
		out[i].Days[weekday] = true
	}
	for _, s := range spans {
		days := []time.Weekday{s.Day}
		length := min(s.Length, 7*day)
		if s.IsDaily {
			days, length = []time.Weekday{0, 1, 2, 3, 4, 5, 6}, min(s.Length, day)
		}
		for _, weekday := range days {
			from, end := s.From, s.From+length
			if length > day {
				add(weekday, from, day)
				for from, end = 0, end-day; end > day; end -= day {
					weekday = (weekday + 1) % 7
					add(weekday, 0, day)
				}
				weekday = (weekday + 1) % 7
			}
			if end > day {
				end -= day // on the next day
			}
			if from != end || length == day {
				add(weekday, from, end)
			}
		}
	}
	return out, len(out) <= mostWindows
}

func (c *converter) policy(p Policy) {
	where := "escalation " + p.Name
	out := &Steps{Rounds: 1 + p.Repeats}
	if out.Rounds > mostRounds {
		c.note(where, "it repeats %d times, and Firebreak has at most %d rounds", p.Repeats, mostRounds)
		out.Rounds = mostRounds
	}
	last := time.Duration(0)
	for i, s := range p.Steps {
		step := PolicyStep{After: s.At - last}
		for _, w := range s.To {
			names := []string{c.name(w)}
			if w.Kind == OfSchedule {
				names = c.rotationsOf(w)
			}
			if w.Kind == None {
				continue
			}
			if len(names) == 0 || names[0] == "" {
				step.Missing = append(step.Missing, fmt.Sprintf("the %s %s", w.Kind, w))
				continue
			}
			for _, name := range names {
				if !naming.Contains(step.To, name) {
					step.To = append(step.To, name)
				}
			}
		}
		for _, m := range step.Missing {
			c.note(where, "step %d can't name %s", i+1, m)
		}
		switch {
		case len(step.To) == 0:
			c.note(where, "step %d reaches nobody who has a name here: it is left out", i+1)
		case len(out.Steps) == mostSteps:
			c.note(where, "it has more than %d steps: step %d is left out", mostSteps, i+1)
		case len(step.To) > mostTo || step.After > mostWait:
			c.note(where, "step %d names more than %d, or waits longer than 90 days: it is left out", i+1, mostTo)
		default:
			last = s.At
			out.Steps = append(out.Steps, step)
		}
	}
	if len(out.Steps) == 0 {
		c.note(where, "nothing of it is left")
		return
	}
	first := out.Steps[0].After
	if first == 0 {
		first = 5 * time.Minute // I5
	}
	if p.Repeats > 0 && p.Wait != first {
		c.note(where, "it starts again %s after its last step; Firebreak does so after %s", short(p.Wait), short(first))
	}
	c.note(where, "once it is over, Firebreak goes on paging everybody; `again` of escalation says how often, or never")
	c.Escalation = out
}

// rotationsOf returns the rotations that a schedule became.
func (c *converter) rotationsOf(w Who) []string {
	for _, s := range c.export.Schedules {
		if w.ID != "" && s.ID == w.ID || w.ID == "" && s.Name == w.Name {
			return c.Rotations[s.ID]
		}
	}
	return nil
}
