package incident

import (
	"fmt"
	"time"
)

// Moment is a time as a person wrote it: a time of day, and what else they said of it. The zero
// value says nothing.
type Moment struct {
	Said                 string // as written; empty: no time was written
	Hour, Minute, Second int
	Year, Month, Day     int    // 0: not said
	Back                 int    // days before the comment's own day; 1 is yesterday
	Today                bool   // it says that it is the comment's own day
	Weekday              int    // 1 is Monday; 0: not said
	Zone                 Zone   // the zero value: the policy's
	Plain                bool   // HH:MM and nothing else: what is understood goes without saying
	Why                  string // why it can't be a time; nothing else is set but Said then
}

// Zone is a time zone that a person named.
type Zone struct{ place *time.Location }

// NewZone returns the zone of a place.
func NewZone(place *time.Location) Zone { return Zone{place} }

// Equal reports whether two zones are the same.
func (z Zone) Equal(other Zone) bool { return z.String() == other.String() }

// String returns the zone's name; empty: none was named.
func (z Zone) String() string {
	if z.place == nil {
		return ""
	}
	return z.place.String()
}

// MarshalText returns the zone's name.
func (z Zone) MarshalText() ([]byte, error) { return []byte(z.String()), nil }

// How far from the comment a moment may be.
const (
	maxAhead = 2 * time.Minute     // people's clocks differ from GitHub's; such a moment is the comment's
	maxAgo   = 30 * 24 * time.Hour // what is older is asked about: it is a slip more often than meant
)

// resolve returns the time that a moment of a comment means, or why none is meant. Where a day
// isn't said it is the newest that isn't after the comment. guessed reports that the time is not
// the one that everybody would read there.
func (m Moment) resolve(at time.Time, zone *time.Location) (t time.Time, guessed bool, why string) {
	if m.Why != "" {
		return t, false, m.Why
	}
	if m.Zone.place != nil {
		zone = m.Zone.place
	}
	if zone == nil {
		zone = time.UTC
	}
	year, month, day := at.In(zone).Date()
	dated := true
	switch {
	case m.Month != 0 && m.Year != 0:
		year, month, day = m.Year, time.Month(m.Month), m.Day
	case m.Month != 0:
		month, day = time.Month(m.Month), m.Day
		then := time.Date(year, month, day, m.Hour, m.Minute, m.Second, 0, zone)
		if then.After(at.Add(maxAhead)) || then.Day() != day {
			year--
		}
		if !isDay(year, int(month), day) {
			return t, false, fmt.Sprintf("there is no %d %s in %d", day, month.String()[:3], year)
		}
	case m.Back != 0 || m.Today:
		day -= m.Back
	case m.Weekday != 0:
		day -= (int(at.In(zone).Weekday()) - m.Weekday%7 + 7) % 7
		if m.on(year, month, day, zone).After(at.Add(maxAhead)) {
			day -= 7
		}
	default:
		dated = false
	}
	times := m.times(year, month, day, zone)
	if !dated && (len(times) == 0 && m.on(year, month, day, zone).After(at) ||
		len(times) > 0 && times[0].After(at.Add(maxAhead))) {
		day--
		times, guessed = m.times(year, month, day, zone), true
	}
	if len(times) == 0 {
		on := time.Date(year, month, day, 12, 0, 0, 0, zone)
		return t, false, fmt.Sprintf("%s did not exist on %s: the clocks of %s went forward then", m.clock(),
			on.Format("2 Jan"), zone)
	}
	t = times[0]
	if len(times) > 1 { // the hour that came twice: the newest that isn't after the comment
		guessed = true
		if !times[1].After(at.Add(maxAhead)) {
			t = times[1]
		}
	}
	t = t.UTC()
	switch {
	case t.After(at.Add(maxAhead)):
		return t, false, t.Format("2 Jan 2006 15:04 UTC") + " is in the future"
	case t.Before(at.Add(-maxAgo)):
		return t, false, t.Format("2 Jan 2006 15:04 UTC") + " is more than 30 days ago"
	case t.After(at):
		t = at
	}
	return t, guessed, ""
}

// on returns the moment's time of day on a date, whether or not the clocks showed it then.
func (m Moment) on(year int, month time.Month, day int, zone *time.Location) time.Time {
	return time.Date(year, month, day, m.Hour, m.Minute, m.Second, 0, zone)
}

// times returns when the clocks of a zone showed the moment's time of day on a date: once, or twice
// where they went back, or never where they went forward.
func (m Moment) times(year int, month time.Month, day int, zone *time.Location) (all []time.Time) {
	shown := m.on(year, month, day, time.UTC)
	// before and after a change of the clocks
	for _, near := range []time.Duration{-26 * time.Hour, 26 * time.Hour} {
		_, offset := shown.Add(near).In(zone).Zone()
		t := shown.Add(-time.Duration(offset) * time.Second)
		_, is := t.In(zone).Zone()
		if is == offset && (len(all) == 0 || t.After(all[0])) {
			all = append(all, t)
		}
	}
	return all
}

func (m Moment) clock() string { return fmt.Sprintf("%02d:%02d", m.Hour, m.Minute) }

// isDay reports whether a year has such a day.
func isDay(year, month, day int) bool {
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return t.Day() == day && int(t.Month()) == month
}

// NewMoment returns a moment, or one that says why it can't be: with an hour and a month that there are.
func NewMoment(m Moment) Moment {
	year := m.Year
	if year == 0 {
		year = 2024 // 29 Feb is a day of some years
	}
	switch {
	case m.Why != "":
	case m.Hour > 23 || m.Minute > 59 || m.Second > 59:
		m.Why = "there is no such time of day"
	case m.Month != 0 && (m.Month > 12 || !isDay(year, m.Month, m.Day)):
		m.Why = "there is no such day"
	}
	if m.Why != "" {
		return Moment{Said: m.Said, Why: m.Why}
	}
	return m
}
