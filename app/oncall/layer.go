package oncall

import (
	"time"
)

// Window is a time of day at which a layer counts, on some days. One that ends at or before its
// begin ends on the next day.
type Window struct {
	Days     [7]bool       // on which it begins, by time.Weekday
	From, To time.Duration // since midnight, by the clock on the wall; To may be 24 h
}

// turn is what a layer says of a time.
type turn struct {
	from, until time.Time // in which it says the same; the zero time: no bound
	who         []string  // nil: it says nothing; empty: nobody, on purpose
	began       time.Time // when the turn began, by the order alone
}

// turnAt returns what a layer says of a time.
func (l Layer) turnAt(zone *time.Location, at time.Time) turn {
	if len(l.Turns) == 0 {
		return turn{}
	}
	boundary := func(n int) time.Time { return resolve(l.Every.boundary(l.Start, n), zone) }
	first := boundary(0)
	if at.Before(first) {
		return turn{until: first}
	}
	var end time.Time
	if !l.Until.IsZero() {
		if end = l.Until.In(zone); !at.Before(end) {
			return turn{from: end}
		}
	}

	n := max(0, l.Every.guess(l.Start, flatten(at, zone)))
	for n > 0 && at.Before(boundary(n)) {
		n--
	}
	for !at.Before(boundary(n + 1)) {
		n++
	}
	one := turn{from: boundary(n), until: boundary(n + 1), began: boundary(n), who: l.Turns[n%len(l.Turns)]}
	if one.who == nil {
		one.who = []string{}
	}
	if !end.IsZero() && end.Before(one.until) {
		one.until = end
	}

	in, from, until := l.within(zone, at)
	if !in {
		one.who = nil
	}
	if from.After(one.from) {
		one.from = from
	}
	if !until.IsZero() && until.Before(one.until) {
		one.until = until
	}
	return one
}

// within reports whether a layer's restrictions let it count at a time, and between which times that
// stays so; the zero time: no bound.
func (l Layer) within(zone *time.Location, at time.Time) (in bool, from, until time.Time) {
	if len(l.Hours) == 0 {
		return true, time.Time{}, time.Time{}
	}
	day := ClockOf(at, zone)
	midnight := Clock{Year: day.Year, Month: day.Month, Day: day.Day}.flat()
	const reach = 9 // days: each window comes at least once a week, and a zone may leave a day out
	bound := func(t time.Time) {
		switch {
		case !t.After(at) && t.After(from):
			from = t
		case t.After(at) && (until.IsZero() || t.Before(until)):
			until = t
		}
	}
	for d := -reach; d <= reach; d++ {
		on := midnight.AddDate(0, 0, d)
		for _, w := range l.Hours {
			if !w.Days[on.Weekday()] {
				continue
			}
			to := on.Add(w.To)
			if w.To <= w.From {
				to = on.AddDate(0, 0, 1).Add(w.To)
			}
			begin, end := resolve(on.Add(w.From), zone), resolve(to, zone)
			bound(begin)
			bound(end)
			in = in || !at.Before(begin) && at.Before(end)
		}
	}
	return in, from, until
}
