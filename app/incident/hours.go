package incident

import "time"

// Next returns t if it is within working hours, else the next opening. Hours without a day delay
// nothing. No zone is UTC.
func (h Hours) Next(t time.Time, zone *time.Location) time.Time {
	if h.always() {
		return t
	}
	if zone == nil {
		zone = time.UTC
	}
	for at := t.In(zone); ; {
		next := h.next(at)
		_, change := at.ZoneBounds()
		if change.IsZero() || next.Before(change) {
			return next.In(t.Location())
		}
		at = change // the clocks change before: by the new time it may be open at once, or later
	}
}

// next is Next as if the clocks never changed after t.
func (h Hours) next(t time.Time) time.Time {
	_, offset := t.Zone()
	t = t.In(time.FixedZone("", offset))
	year, month, day := t.Date()
	for ; ; day++ {
		midnight := time.Date(year, month, day, 0, 0, 0, 0, t.Location())
		switch {
		case !h.Days[midnight.Weekday()]:
		case t.Before(midnight.Add(h.From)):
			return midnight.Add(h.From)
		case t.Before(midnight.Add(h.To)):
			return t
		}
	}
}

// Add returns the same time of day so many working days later, or the next opening after that. The
// day of t itself doesn't count. Of hours without a day, every day counts.
func (h Hours) Add(t time.Time, days int, zone *time.Location) time.Time {
	if zone == nil {
		zone = time.UTC
	}
	local := t.In(zone)
	year, month, day := local.Date()
	for days > 0 {
		day++
		if h.always() || h.Days[time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Weekday()] {
			days--
		}
	}
	hour, minute, second := local.Clock()
	then := time.Date(year, month, day, hour, minute, second, local.Nanosecond(), zone)
	return h.Next(then.In(t.Location()), zone)
}

// always reports whether there are no hours that could delay something.
func (h Hours) always() bool { return h.Days == [7]bool{} || h.From >= h.To }
