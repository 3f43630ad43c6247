package oncall

import (
	"fmt"
	"time"
)

// Clock is a date and a time of day as a clock on the wall shows them, in no zone.
type Clock struct {
	Year         int
	Month        time.Month
	Day          int
	Hour, Minute int
}

// ClockOf returns what the clocks of a zone show.
func ClockOf(t time.Time, zone *time.Location) Clock {
	t = t.In(zone)
	return Clock{t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute()}
}

// IsZero reports whether it is the zero Clock.
func (c Clock) IsZero() bool { return c == Clock{} }

// String returns it as the file has it.
func (c Clock) String() string {
	return fmt.Sprintf("%04d-%02d-%02d %02d:%02d", c.Year, c.Month, c.Day, c.Hour, c.Minute)
}

// flat returns it as if its zone were UTC, where every day has 24 hours.
func (c Clock) flat() time.Time {
	return time.Date(c.Year, c.Month, c.Day, c.Hour, c.Minute, 0, 0, time.UTC)
}

// In returns the first moment at which the clocks of a zone show this time or a later one. So a time
// that a clock change leaves out is the moment of the change, and of a time that comes twice it is the
// first.
func (c Clock) In(zone *time.Location) time.Time { return resolve(c.flat(), zone) }

// farthest is farther than any zone's clocks ever were from UTC.
const farthest = 24 * time.Hour

// resolve returns the first moment at which the clocks of a zone show flat or a later time.
func resolve(flat time.Time, zone *time.Location) time.Time {
	at := flat.Add(-farthest).In(zone)
	for {
		_, end := at.ZoneBounds()
		_, offset := at.Zone()
		moment := flat.Add(-time.Duration(offset) * time.Second)
		if moment.Before(at) {
			moment = at // the clocks jumped over it
		}
		if end.IsZero() || moment.Before(end) {
			return moment.In(zone)
		}
		at = end
	}
}

// flatten returns what the clocks of a zone show, as if it were UTC.
func flatten(t time.Time, zone *time.Location) time.Time {
	_, offset := t.In(zone).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// Unit is what periods are counted in.
type Unit int

// The units.
const (
	Hours Unit = iota
	Days
	Weeks
	Months
)

// Period is how long a turn lasts, by the clock on the wall: a day is from a time of day to the same
// one of the next, whether it has 23, 24 or 25 hours.
type Period struct {
	Count int // from 1
	Unit  Unit
}

// String returns it as the file has it.
func (p Period) String() string {
	word := [...]string{"hour", "day", "week", "month"}[p.Unit]
	if p.Count != 1 {
		word += "s"
	}
	return fmt.Sprintf("%d %s", p.Count, word)
}

// flat returns the length of a period of hours, days or weeks.
func (p Period) flat() time.Duration {
	hours := [...]int{Hours: 1, Days: 24, Weeks: 7 * 24}[p.Unit]
	return time.Duration(max(1, p.Count)*hours) * time.Hour
}

// boundary returns when the n-th turn after start begins, on a flat clock. A month that is too short
// for the day ends with its last one.
func (p Period) boundary(start Clock, n int) time.Time {
	if p.Unit != Months {
		return start.flat().Add(time.Duration(n) * p.flat())
	}
	first := time.Date(start.Year, start.Month+time.Month(n*max(1, p.Count)), 1, start.Hour, start.Minute, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(start.Day, last)-1)
}

// guess returns about which turn a flat time is in.
func (p Period) guess(start Clock, flat time.Time) int {
	if p.Unit != Months {
		return int(flat.Sub(start.flat()) / p.flat())
	}
	return ((flat.Year()-start.Year)*12 + int(flat.Month()) - int(start.Month)) / max(1, p.Count)
}
