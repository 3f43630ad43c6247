package incident

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Slack is how late GitHub may show an item of a timeline next to younger ones: within it, items
// are distinguished by id and not by time.
const Slack = 2 * time.Minute

// keptSeen is how many of the newest items a cursor names one by one, so that a storm of comments
// does not fill the card.
const keptSeen = 64

// Cursor says how far the timeline was read. Comments can be deleted, so a position alone
// is not enough, and stamps have whole seconds, so that a time alone is not: Items says where to go
// on reading, the rest what was read.
type Cursor struct {
	Items   int       `json:"n"`       // timeline items read, the app's own included
	Horizon time.Time `json:"horizon"` // everything older was read
	// what was read at or after Horizon, oldest first, the newest 64
	Seen []Seen `json:"seen,omitempty"`
	// of those dropped from Seen, the highest id of each kind; what is not above it was read
	Floor []string `json:"floor,omitempty"`
}

// Seen is an item that was read.
type Seen struct {
	ID string    `json:"i"`
	At time.Time `json:"t"`
}

// Knows reports whether an item was read already.
func (c Cursor) Knows(id string, at time.Time) bool {
	return at.Before(c.Horizon) ||
		slices.ContainsFunc(c.Seen, func(s Seen) bool { return s.ID == id }) ||
		slices.ContainsFunc(c.Floor, func(f string) bool { return f[:1] == id[:1] && compareIDs(id, f) <= 0 })
}

// See returns the cursor after an item was read.
func (c Cursor) See(id string, at time.Time) Cursor {
	if c.Knows(id, at) {
		return c
	}
	c.Seen = append(slices.Clone(c.Seen), Seen{ID: id, At: at})
	slices.SortStableFunc(c.Seen, func(a, b Seen) int { return a.At.Compare(b.At) })
	if h := c.Seen[len(c.Seen)-1].At.Add(-Slack); h.After(c.Horizon) {
		c.Horizon = h
	}
	c.Seen = slices.DeleteFunc(c.Seen, func(s Seen) bool { return s.At.Before(c.Horizon) })
	for len(c.Seen) > keptSeen {
		c.Floor = raiseFloor(c.Floor, c.Seen[0].ID)
		c.Seen = c.Seen[1:]
	}
	return c
}

// raiseFloor puts an id among the highest of each kind, which is its first letter.
func raiseFloor(floor []string, id string) []string {
	floor = slices.Clone(floor)
	for i, f := range floor {
		if f[:1] == id[:1] {
			if compareIDs(id, f) > 0 {
				floor[i] = id
			}
			return floor
		}
	}
	return append(floor, id)
}

// compareIDs orders ids of one kind as GitHub counts them: rising. "c12.3" is command 3 of comment 12.
func compareIDs(a, b string) int {
	numbers := func(id string) (n, part int64) {
		head, tail, _ := strings.Cut(id[1:], ".")
		n, _ = strconv.ParseInt(head, 10, 64)
		part, _ = strconv.ParseInt(tail, 10, 64)
		return n, part
	}
	an, ap := numbers(a)
	bn, bp := numbers(b)
	return cmp.Or(cmp.Compare(an, bn), cmp.Compare(ap, bp))
}

// Window returns the page of a timeline, as its number and size, on which reading goes on after n
// items. GitHub pages by position, at most 100 a page; the size is chosen so that the page holds
// some items that were read (a deleted comment moves the rest up) and has room for new ones, so
// that one call is enough whatever the timeline's length. Of those sizes it is the one with the
// fewest items that were read, since each comes with all its text.
func Window(n int) (page, size int) {
	const known, room = 10, 30
	fewest := 100
	for s := 100; s >= known+room; s-- {
		if at := n % s; at <= s-room && at < fewest && (at >= known || n < s) {
			page, size, fewest = n/s+1, s, at
		}
	}
	return page, size
}
