package incident

import "time"

// Next gives t if it falls into working hours, else the next opening. Hours without a day are always open.
func (h Hours) Next(t time.Time, zone *time.Location) time.Time {
	if h.Days == [7]bool{} {
		return t
	}
	if zone == nil {
		zone = time.UTC
	}
	local := t.In(zone)
	for day := range 8 {
		from := h.at(local, day, h.From)
		if to := h.at(local, day, h.To); !h.Days[from.Weekday()] || !t.Before(to) {
			continue
		}
		if t.Before(from) {
			return from.UTC()
		}
		return t
	}
	return t
}

// Add gives the time that many working days later, at the same time of day or at the opening.
func (h Hours) Add(t time.Time, days int, zone *time.Location) time.Time {
	if zone == nil {
		zone = time.UTC
	}
	local := t.In(zone)
	for days > 0 {
		local = local.AddDate(0, 0, 1)
		if h.Days == [7]bool{} || h.Days[local.Weekday()] {
			days--
		}
	}
	return h.Next(local.UTC(), zone)
}

// at gives a time of day, that many days after a local time's own.
func (h Hours) at(local time.Time, days int, since time.Duration) time.Time {
	minutes := int(since / time.Minute)
	return time.Date(local.Year(), local.Month(), local.Day()+days, minutes/60, minutes%60, 0, 0, local.Location())
}
