package incident

import "time"

// turnDay notes that another day began. The state differs by that, so the card is written again,
// and what it calls by the time of day alone is of today.
func (r *run) turnDay() { r.Day = nextDay(r.f.At) }

// keepDay sets when the next day begins for an incident that runs, and for no other: a closed one
// shows all its dates.
func (r *run) keepDay() {
	switch {
	case !r.Running():
		r.Day = time.Time{}
	case r.Day.IsZero():
		r.Day = nextDay(r.f.At)
	}
}

// nextDay returns the midnight in UTC after a time.
func nextDay(t time.Time) time.Time {
	return t.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
}
