package oncall

import (
	"slices"
	"time"
)

// Version is a schedule as it stood from a time on.
type Version struct {
	Since    time.Time
	Schedule Schedule
}

// History is what a file said over time. Who was on call is answered by the version of that time, so
// that no later edit changes it.
type History []Version

// NewHistory returns versions in the order of their times.
func NewHistory(versions ...Version) History {
	h := History(slices.Clone(versions))
	slices.SortStableFunc(h, func(a, b Version) int { return a.Since.Compare(b.Since) })
	return h
}

// Then returns the schedule of a time; the zero Schedule if there was no file yet.
func (h History) Then(at time.Time) Schedule {
	for _, v := range slices.Backward(h) {
		if !v.Since.After(at) {
			return v.Schedule
		}
	}
	return Schedule{}
}

// OnCall returns who was or is on call, by the version of that time.
func (h History) OnCall(rotation string, at time.Time) []Person {
	return h.Then(at).OnCall(rotation, at)
}

// Shifts returns the shifts of a rotation, each by the version of its time: a version's last shift is
// cut where the next version begins. Times without the rotation are left out.
func (h History) Shifts(rotation string, from, to time.Time) (out []Shift) {
	for i, v := range h {
		begin, end := from, to
		if v.Since.After(begin) {
			begin = v.Since
		}
		if i+1 < len(h) && h[i+1].Since.Before(end) {
			end = h[i+1].Since
		}
		for _, s := range v.Schedule.Shifts(rotation, begin, end) {
			if n := len(out) - 1; n >= 0 && out[n].Until.Equal(s.From) && out[n].isLike(s) {
				out[n].Until = s.Until
				continue
			}
			out = append(out, s)
		}
	}
	return out
}

// isLike reports whether two shifts next to each other have the same people for the same reason, so
// that an edit between them that concerns neither doesn't show.
func (s Shift) isLike(o Shift) bool {
	return slices.Equal(s.Who, o.Who) && s.Layer == o.Layer && s.Meant == o.Meant &&
		slices.EqualFunc(s.Covers, o.Covers, func(a, b Cover) bool {
			a.Line, b.Line = 0, 0
			return a.From.Equal(b.From) && a.Until.Equal(b.Until) && a.Who == b.Who && a.For == b.For
		})
}
