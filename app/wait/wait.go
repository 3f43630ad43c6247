// Package wait bounds how long anything waits: never less than a second, and never longer than
// makes sense, whatever a header, a clock or a file says. Answers have held 0, negative numbers,
// times in the past, days, and numbers that overflow.
package wait

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The least and the longest waits.
const (
	Least = time.Second // between two tries of anything
	// what a limit of somebody else's may ask for: GitHub's longest lasts an hour
	Limit   = time.Hour
	Pause   = 15 * time.Second     // between two reads of what may be behind
	Message = 12 * time.Hour       // a message until it is looked at again; SQS hides one no longer
	Timer   = 400 * 24 * time.Hour // a timer until it is looked at again
)

// Within returns d, or the least or the longest wait where it is outside.
func Within(d, longest time.Duration) time.Duration { return min(max(d, Least), max(longest, Least)) }

// Until returns a time to come back at: at, but no sooner than the least wait from now and no later
// than the longest.
func Until(at, now time.Time, longest time.Duration) time.Time {
	switch earliest, latest := now.Add(Least), now.Add(max(longest, Least)); {
	case at.Before(earliest):
		return earliest
	case at.After(latest):
		return latest
	}
	return at
}

// NoLater returns at, or the longest wait from now where it is later; a time that is over stays as
// it is.
func NoLater(at, now time.Time, longest time.Duration) time.Time {
	if latest := now.Add(longest); at.After(latest) {
		return latest
	}
	return at
}

// ForReads returns how long to wait for reads of GitHub that have been behind for so long: 1 s, 1 s, 2 s, 4 s, … up to
// 15 s.
func ForReads(waited time.Duration) time.Duration {
	return Within(waited, Pause).Truncate(Least)
}

// Backoff returns how long to wait after so many tries: first, doubled with each, up to longest.
func Backoff(first time.Duration, tries int, longest time.Duration) time.Duration {
	d := max(first, Least)
	for ; tries > 0 && d < longest; tries-- {
		d *= 2
	}
	return Within(d, longest)
}

// RetryAfter reads a Retry-After header, which is a number of seconds or a date, as a wait of at
// most longest; 0 is one, and the caller's to bound from below, since it tells somebody that a
// service said 0 from one that said nothing.
// https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
func RetryAfter(header string, now time.Time, longest time.Duration) (d time.Duration, ok bool) {
	header = strings.TrimSpace(header)
	if seconds, err := strconv.ParseFloat(header, 64); err == nil && isNumber(header) { // some send 1.5
		return time.Duration(max(0, min(seconds, longest.Seconds())) * float64(time.Second)), true
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0, false
	}
	return max(0, NoLater(at, now, longest).Sub(now)), true
}

// isNumber reports whether a text is a decimal number; ParseFloat takes inf, nan and 0x1p-2 as
// well.
func isNumber(text string) bool {
	return text != "" && strings.Trim(text, "+-.0123456789") == ""
}

// Epoch reads a time in Unix seconds, such as X-RateLimit-Reset has, that is within longest of now
// on either side: others are of no clock that could be meant.
func Epoch(header string, now time.Time, longest time.Duration) (at time.Time, ok bool) {
	seconds, err := strconv.ParseInt(strings.TrimSpace(header), 10, 64)
	if err != nil || seconds < now.Add(-longest).Unix() || seconds > now.Add(longest).Unix()+1 {
		return time.Time{}, false
	}
	return time.Unix(seconds, 0).UTC(), true
}

// Nanos returns a time in Unix nanoseconds for a file; what those can't say (before 1678 or after
// 2262) is the first or the last that they can, where time.Time.UnixNano wraps around.
func Nanos(t time.Time) int64 {
	switch {
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixNano()
}
