package oncall

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// Ahead is how far a check of the file looks.
const Ahead = 4 * 7 * 24 * time.Hour

// Warning is something in the file that people may not have meant.
type Warning struct {
	Line int // from 1
	Text string
}

// People answers what a file can't say of those whom it names. A nil function knows nothing.
type People struct {
	IsKnown func(name string) bool // whether a person may respond, or a team is there
	// Ways are by what a rotation reaches a person: ways that don't depend on each other. isKnown is false
	// where that can't be said.
	Ways func(rotation, name string) (ways []string, isKnown bool)
}

// EnoughWays is by how many ways a person should be reached: one of them may be out.
const EnoughWays = 2

// Warnings returns what may not be meant, in the order of the file: gaps, people who are not known or
// can't be reached, and more nights in a row than the file allows, in the time ahead.
func (s Schedule) Warnings(from time.Time, people People) (out []Warning) {
	asked, unknown := map[string]bool{}, map[string]bool{}
	for _, r := range s.Rotations {
		out = append(out, s.gaps(r, from)...)
		names := r.Members()
		for _, c := range s.covers(r) {
			if c.Until.After(from) && !naming.Contains(names, c.Who) {
				names = append(names, c.Who)
			}
		}
		for _, name := range names {
			if asked[naming.Key(name)] {
				continue
			}
			asked[naming.Key(name)] = true
			if people.IsKnown != nil && !people.IsKnown(name) {
				unknown[naming.Key(name)] = true
				out = append(out, Warning{r.Line, fmt.Sprintf("%s can't respond here: check the name and the access", plain(name))})
			}
		}
		names = slices.DeleteFunc(names, func(name string) bool { return !IsPerson(name) || unknown[naming.Key(name)] })
		out = append(out, hardToReach(r, names, people)...)
	}
	out = append(out, s.nights(from)...)
	slices.SortStableFunc(out, func(a, b Warning) int { return cmp.Compare(a.Line, b.Line) })
	return out
}

// hardToReach returns who in a rotation is reached by nothing, or by one way alone: those of the same way
// together.
func hardToReach(r Rotation, names []string, people People) (out []Warning) {
	if people.Ways == nil {
		return nil
	}
	var ways []string
	who := map[string][]string{} // by their only way
	for _, name := range names {
		all, isKnown := people.Ways(r.Name, name)
		if !isKnown || len(all) >= EnoughWays {
			continue
		}
		way := strings.Join(all, "")
		if who[way] == nil {
			ways = append(ways, way)
		}
		who[way] = append(who[way], plain(name))
	}
	for _, way := range ways {
		text := fmt.Sprintf("in %s, only %s reaches %s: while that is out nobody does", r.Name, way,
			strings.Join(who[way], ", "))
		if way == "" {
			text = fmt.Sprintf("in %s, there is no way to reach %s", r.Name, strings.Join(who[way], ", "))
		}
		out = append(out, Warning{r.Line, text})
	}
	return out
}

// plain returns a name without its @, so that nobody is mentioned.
func plain(name string) string { return strings.TrimPrefix(name, "@") }

// mostGaps is how many gaps of a rotation are listed.
const mostGaps = 3

func (s Schedule) gaps(r Rotation, from time.Time) (out []Warning) {
	count := 0
	for _, shift := range s.Shifts(r.Name, from, from.Add(Ahead)) {
		if len(shift.Who) > 0 || shift.Meant {
			continue
		}
		if count++; count <= mostGaps {
			out = append(out, Warning{r.Line, fmt.Sprintf("nobody is on call in %s from %s until %s", r.Name,
				When(shift.From, r.Zone), When(shift.Until, r.Zone))})
		}
	}
	if more := count - mostGaps; more > 0 {
		out = append(out, Warning{r.Line, fmt.Sprintf("nobody is on call in %s at %d more times in these four weeks",
			r.Name, more)})
	}
	return out
}

// When returns a time as people read it in a zone.
func When(at time.Time, zone *time.Location) string { return at.In(zone).Format("Mon 2 Jan 15:04") }

// nights returns who is on call for more nights in a row than the file allows.
func (s Schedule) nights(from time.Time) (out []Warning) {
	if s.MostNights <= 0 {
		return nil
	}
	var rows []*nightsOf
	days := int(Ahead / (24 * time.Hour))
	for _, r := range s.Rotations {
		for _, shift := range s.Shifts(r.Name, from, from.Add(Ahead)) {
			for _, who := range shift.Who {
				i := slices.IndexFunc(rows, func(o *nightsOf) bool { return naming.Equal(o.name, who) })
				if i < 0 {
					i, rows = len(rows), append(rows, &nightsOf{who, r.Line, map[time.Time]bool{}})
				}
				rows[i].add(shift, r.Zone)
			}
		}
	}
	for _, one := range rows {
		if !IsPerson(one.name) {
			continue // a team shares its nights
		}
		first := Clock{Year: from.Year(), Month: from.Month(), Day: from.Day()}.flat().AddDate(0, 0, -1)
		in, most := 0, 0
		var until time.Time
		for d := range days + 3 {
			if day := first.AddDate(0, 0, d); one.days[day] {
				if in++; in > most {
					most, until = in, day
				}
				continue
			}
			in = 0
		}
		if most > s.MostNights {
			out = append(out, Warning{one.line, fmt.Sprintf("%s is on call for %d nights in a row, up to that of %s; "+
				"nights-in-a-row is %d", plain(one.name), most, until.Format("Mon 2 Jan"), s.MostNights)})
		}
	}
	return out
}

// nightEnds is the end of a night, which begins at midnight.
const nightEnds = 6 * time.Hour

// nightsOf are the dates of somebody's nights.
type nightsOf struct {
	name string
	line int
	days map[time.Time]bool
}

// add notes the nights that a shift has a part of.
func (o *nightsOf) add(shift Shift, zone *time.Location) {
	first := ClockOf(shift.From, zone)
	day := Clock{Year: first.Year, Month: first.Month, Day: first.Day}.flat()
	for ; resolve(day, zone).Before(shift.Until); day = day.AddDate(0, 0, 1) {
		if resolve(day.Add(nightEnds), zone).After(shift.From) {
			o.days[day] = true
		}
	}
}

// Table returns the shifts of the time ahead as a table in Markdown, a row for each.
func (s Schedule) Table(from time.Time) string {
	const most = 60 // rows of a rotation
	var b strings.Builder
	for _, r := range s.Rotations {
		fmt.Fprintf(&b, "**%s**, times in %s\n\n| from | until | on call | |\n|---|---|---|---|\n", r.Name, r.Zone)
		shifts := s.Shifts(r.Name, from, from.Add(Ahead))
		for _, shift := range shifts[:min(len(shifts), most)] {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", When(shift.From, r.Zone), When(shift.Until, r.Zone), names(shift),
				cell(shift))
		}
		if more := len(shifts) - most; more > 0 {
			fmt.Fprintf(&b, "\n%d more shifts in these four weeks.\n", more)
		}
		b.WriteString("\n")
	}
	return strings.TrimSpace(b.String())
}

func names(s Shift) string {
	var out []string
	for _, who := range s.Who {
		out = append(out, plain(who))
	}
	switch {
	case len(out) > 0:
		return strings.Join(out, ", ")
	case s.Meant:
		return "nobody, as the file says"
	}
	return "**nobody**"
}

// inert takes from a layer's name what Markdown would act on.
var inert = strings.NewReplacer("|", "/", "`", "'", "<", "", "@", "", "#", "", "[", "(", "]", ")")

// cell returns why a shift is as it is.
func cell(s Shift) string {
	var parts []string
	for _, c := range s.Covers {
		text := "cover"
		if c.For != "" {
			text = plain(c.Who) + " for " + plain(c.For)
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 && s.Layer != "" {
		parts = append(parts, inert.Replace(s.Layer))
	}
	return strings.Join(parts, ", ")
}
