package ports

import "time"

const (
	callsPerLook = 5    // calls to GitHub that one look costs, about
	lowShare     = 0.75 // of the calls that should be left by now: below it they are spent too fast
)

// RateBudget is how many calls are left of those that GitHub allows in an hour. The zero value
// means that it is unknown.
type RateBudget struct {
	Left, Limit int
	Reset       time.Time // when Left is Limit again
}

// IsLow reports whether calls are spent faster than they come.
func (b RateBudget) IsLow(now time.Time) bool {
	rest := b.Reset.Sub(now)
	return b.Limit > 0 && rest > 0 && float64(b.Left) < lowShare*float64(b.Limit)*rest.Hours()
}

// Interval returns how far apart to space looks at one of n incidents so that the remaining calls
// last until the reset. It keeps a reserve for the looks that don't wait.
func (b RateBudget) Interval(now time.Time, n int) time.Duration {
	rest := b.Reset.Sub(now)
	spare := float64(b.Left) - float64(b.Limit)*(0.02+0.1*rest.Hours())
	if spare <= 0 {
		return rest
	}
	return min(rest, time.Duration(float64(rest)*float64(n*callsPerLook)/spare))
}
