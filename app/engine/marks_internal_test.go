package engine

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/mark"
)

// shelfOfAll is a shelf in memory.
type shelfOfAll map[string][]byte

func (s shelfOfAll) Save(_ context.Context, name string, content []byte) error {
	s[name] = content
	return nil
}

func (s shelfOfAll) Load(_ context.Context, name string) ([]byte, error) { return s[name], nil }

type clockAt time.Time

func (c clockAt) Now() time.Time { return time.Time(c) }

// lookAt returns a look at the issue with an id, which had other ids before.
func lookAt(t *testing.T, e *Engine, id int64, former ...int64) *reconciliation {
	r := e.newReconciliation(t.Context(), Message{})
	r.Snapshot, r.FormerIDs = &Snapshot{ID: id}, former
	return r
}

// What versions before this one wrote without a signature counts where it can only be theirs: it is
// older than the first start of this one and, in a comment, nobody edited it.
func TestUnsignedMarksOfOlderVersions(t *testing.T) {
	start := time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC)
	shelf := shelfOfAll{}
	first := New(Options{Store: shelf, Clock: clockAt(start), Secrets: [][]byte{[]byte("a secret")}})
	if got := first.signedSince(t.Context()); !got.Equal(start) {
		t.Fatalf("signed since %s", got)
	}
	e := New(Options{Store: shelf, Clock: clockAt(start.Add(24 * time.Hour)),
		Secrets: [][]byte{[]byte("a secret")}})
	page := mark.Mark{Kind: look.MarkKind, Text: "page/1"}
	body := "Paged carol.\n" + page.Line()
	for name, c := range map[string]struct {
		it     Item
		shelf  Store
		counts bool
	}{
		"older":                 {Item{At: start.Add(-time.Hour)}, shelf, true},
		"older, and edited":     {Item{At: start.Add(-time.Hour), Edited: true}, shelf, false},
		"younger":               {Item{At: start.Add(time.Hour)}, shelf, false},
		"at the same time":      {Item{At: start}, shelf, false},
		"nobody knows how old":  {Item{At: start.Add(-time.Hour)}, nil, false},
		"older, and a person's": {Item{At: start.Add(-time.Hour), By: "bob"}, shelf, false},
	} {
		e.Store, e.marksSignedSince = c.shelf, time.Time{}
		r := lookAt(t, e, 1)
		c.it.Event, c.it.Body, c.it.Own, c.it.Comment = "commented", body, c.it.By == "", 7
		if got := r.KeysIn(c.it); slices.Equal(got, []string{"page/1"}) != c.counts || !c.counts &&
			len(got) > 0 {
			t.Errorf("%s: %v", name, got)
		}
		if c.it.By != "" {
			continue
		}
		w := Written{Body: body, IsComment: true, Created: c.it.At, Updated: c.it.At}
		if c.it.Edited {
			w.Updated = w.Created.Add(time.Minute)
		}
		if r.IsMarked(page)(w) != c.counts {
			t.Errorf("%s, in another issue: %t", name, !c.counts)
		}
		w.IsComment = false // an issue's text is for people to edit
		if want := c.counts || c.it.Edited; r.IsMarked(page)(w) != want {
			t.Errorf("%s, in an issue's text: %t", name, !want)
		}
	}
}

// A copy of a comment with its marks counts once, wherever it is.
func TestACopiedCommentCountsOnce(t *testing.T) {
	e := New(Options{Clock: clockAt(time.Now()), Secrets: [][]byte{[]byte("a secret")}})
	r := lookAt(t, e, 1)
	body := r.SignComment("Paged carol.", look.MarksFor("page/1")...)
	for _, look := range []int{1, 2} {
		if n := len(r.KeysIn(Item{Event: "commented", Own: true, Comment: 7, Body: body})); n != 1 {
			t.Errorf("look %d: %d marks", look, n)
		}
		if n := len(r.KeysIn(Item{Event: "commented", Own: true, Comment: 8, Body: body})); n != 0 {
			t.Errorf("look %d: %d marks in the copy", look, n)
		}
	}
}

// After a transfer an issue has another id: what was signed before counts there, and in no other
// issue.
func TestMarksAfterATransfer(t *testing.T) {
	e := New(Options{Clock: clockAt(time.Now()), Secrets: [][]byte{[]byte("a secret")}})
	before := lookAt(t, e, 1)
	it := Item{Event: "commented", Own: true, Comment: 7,
		Body: before.SignComment("Paged carol.", look.MarksFor("page/1")...)}
	after := lookAt(t, e, 2, 1)
	other := lookAt(t, e, 2)
	if n, m := len(after.KeysIn(it)), len(other.KeysIn(it)); n != 1 || m != 0 {
		t.Errorf("%d marks after the transfer, %d in another issue", n, m)
	}
}

// Once the card is lost, what each comment of the app's own is the newest of is read from its mark:
// the next list is written into the comment that is there, not posted next to it (X1, A4).
func TestX1ALostCardKnowsItsListAgain(t *testing.T) {
	e := New(Options{Clock: clockAt(time.Now()), Secrets: [][]byte{[]byte("a secret")}})
	r := lookAt(t, e, 1)
	it := Item{ID: "c7", Event: "commented", Own: true, Comment: 7,
		Body: r.SignComment("What changed before 10:51 UTC", look.MarksFor("changes/2")...)}
	want := incident.Said{Topic: "changes", Comment: 7, Number: 2}
	if facts := r.ownCommentFacts(it, true); len(facts) != 1 || facts[0].What != want {
		t.Errorf("read again: %+v", facts)
	}
	r.State.Changes.Lists = 1
	if facts := r.ownCommentFacts(it, false); len(facts) != 1 || facts[0].What != want {
		t.Errorf("the card was not written since: %+v", facts)
	}
	r.State.Changes.Lists = 2
	if facts := r.ownCommentFacts(it, false); len(facts) != 0 {
		t.Errorf("the card says so already: %+v", facts)
	}
}
