package incident_test

import (
	"fmt"
	"testing"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// A storm of comments within a second: each is read once, and the cursor stays small.
func TestA4ACursorOutlivesAStorm(t *testing.T) {
	var c incident.Cursor
	for i := range 5000 {
		for part := range 3 {
			id := fmt.Sprintf("c%d.%d", 7_000_000+i, part)
			if c.Knows(id, start) {
				t.Fatalf("%s is known before it was read", id)
			}
			c = c.See(id, start)
		}
		if event := fmt.Sprintf("e%d", 100+i); i%7 == 0 {
			if c.Knows(event, start) {
				t.Fatalf("%s is known before it was read", event)
			}
			c = c.See(event, start)
		}
	}
	for i := range 5000 {
		for _, id := range []string{fmt.Sprintf("c%d.0", 7_000_000+i), fmt.Sprintf("c%d.2", 7_000_000+i)} {
			if !c.Knows(id, start) {
				t.Fatalf("%s was read and is not known", id)
			}
		}
	}
	if len(c.Seen) > 64 || len(c.Floor) > 2 {
		t.Errorf("the cursor names %d items and %d floors", len(c.Seen), len(c.Floor))
	}
}

// Whatever a timeline's length, one page shows where reading goes on, with little of what was read.
func TestWindow(t *testing.T) {
	for n := range 5000 {
		page, size := incident.Window(n)
		known := n - (page-1)*size
		if size < 1 || size > 100 || known < min(n, 10) || known > 50 || size-known < 30 {
			t.Errorf("after %d items page %d of %d is read: %d known, room for %d", n, page, size, known, size-known)
		}
	}
}
