package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// shelf is a store in memory, into whose calls something else may come.
type shelf struct {
	kept  map[string][]byte
	calls int
	at    int    // the call, counted from 1, behind which other comes
	other func() // nil: nothing does
}

func (s *shelf) called() {
	if s.calls++; s.calls == s.at {
		s.other()
	}
}

func (s *shelf) Save(_ context.Context, name string, content []byte) error {
	s.kept[name] = content
	s.called()
	return nil
}

func (s *shelf) Load(_ context.Context, name string) ([]byte, error) {
	content := s.kept[name]
	s.called()
	return content, nil
}

func (s *shelf) Claim(_ context.Context, name string) (isFirst bool, err error) {
	if _, isThere := s.kept[name]; !isThere {
		s.kept[name], isFirst = []byte("1"), true
	}
	s.called()
	return isFirst, nil
}

func newShelf() *shelf { return &shelf{kept: map[string][]byte{}} }

// closingQueue is a queue that takes no messages once the process ends.
type closingQueue struct {
	isOpen bool
	taken  []Message
}

func (q *closingQueue) Enqueue(_ context.Context, m Message, _ time.Time) error {
	if !q.isOpen {
		return errors.New("the queue is closed")
	}
	q.taken = append(q.taken, m)
	return nil
}

// broughtChat is a chat that brings everything.
type broughtChat struct{ ports.Chat }

func (broughtChat) Bring(_ context.Context, _ ports.ChatChannel, _ []byte, keep func([]byte, string)) (ports.ChatState,
	error) {
	keep([]byte("{}"), "C1")
	return ports.ChatState{ID: "C1", Name: "inc-1"}, nil
}

// TestS5BroughtOnceTheIncidentIsTold: a channel counts as brought once the incident hears of it. Where the process ends
// in between, the message comes again, and does it again.
func TestS5BroughtOnceTheIncidentIsTold(t *testing.T) {
	ref := incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}
	kept := newShelf()
	for _, isOpen := range []bool{false, true} {
		e := &Engine{Options: Options{Logger: slog.New(slog.DiscardHandler), Store: kept, Queue: &closingQueue{isOpen: isOpen},
			Chat: broughtChat{}}}
		r := &reconciliation{Engine: e, Look: &look.Look{Ctx: t.Context(), Ref: ref, Snapshot: &Snapshot{Ref: ref}}}
		err := r.bringChat(incident.ChatSync{Seq: 3}, r.loadChat(), 3)
		if isDone := r.loadChat().Seq == 3; isDone != isOpen || (err == nil) != isOpen || !r.loadChat().IsThere {
			t.Errorf("queue open %v: kept %+v, error %v", isOpen, r.loadChat(), err)
		}
	}
}

// TestS5LinesOfAProcessThatEnded: where the process ended after the channel was brought, and before its lines were, the
// message that comes again goes on with them.
func TestS5LinesOfAProcessThatEnded(t *testing.T) {
	ref, now := incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}, time.Unix(1772448000, 0)
	queue := &closingQueue{isOpen: true}
	e := &Engine{Options: Options{Logger: slog.New(slog.DiscardHandler), Store: newShelf(), Queue: queue, Chat: broughtChat{}}}
	r := &reconciliation{Engine: e, Look: &look.Look{Ctx: t.Context(), Ref: ref, Now: now},
		m: Message{Ref: ref, What: &incident.ChatSync{Seq: 3, At: now}}}
	r.saveChat(keptChat{Seq: 3, At: now, ID: "C1", IsThere: true, Lines: keptLines{Retry: now.Add(time.Second),
		All: []keptLine{{ChatLine: incident.ChatLine{Key: "e1"}}}}})
	if err := r.syncChat(); err != nil || len(queue.taken) != 1 || queue.taken[0].ChatLines() == nil {
		t.Errorf("asked for %v, error %v", queue.taken, err)
	}
}

// toldWorld is two processes that share a store.
type toldWorld struct {
	t     *testing.T
	store *shelf
	queue *closingQueue
}

// note notes in a process of its own that an incident told its customer something.
func (w *toldWorld) note(number int) {
	r := &reconciliation{Engine: w.engine(), Look: &look.Look{Ctx: w.t.Context(),
		Ref: incident.Ref{Owner: "acme", Repo: "incidents", Number: number}}}
	r.noteTold("globex", "C1", fmt.Sprint("ts", number))
}

func (w *toldWorld) engine() *Engine {
	return &Engine{Options: Options{Logger: slog.New(slog.DiscardHandler), Store: w.store, Queue: w.queue}}
}

// asked returns which incident hears what the customer writes in the thread of that incident's update.
func (w *toldWorld) asked(number int) (all []int) {
	w.queue.taken = nil
	isTaken, err := w.engine().takeCustomersWords(w.t.Context(), incident.ChatWords{Channel: "C1", TS: "1772448000.000001",
		Parent: fmt.Sprint("ts", number), User: "U0GINA00", Text: "Still broken"})
	if err != nil || !isTaken {
		w.t.Errorf("taken %v, error %v", isTaken, err)
	}
	for _, m := range w.queue.taken {
		all = append(all, m.Ref.Number)
	}
	return all
}

// TestS4TwoProcessesTellOneCustomer: two incidents tell the same customer at once, in two processes. Whichever comes
// between the other's calls, what the customer answers finds both.
func TestS4TwoProcessesTellOneCustomer(t *testing.T) {
	for at := 1; ; at++ {
		w := &toldWorld{t, newShelf(), &closingQueue{isOpen: true}}
		w.note(1)
		w.store.calls, w.store.at, w.store.other = 0, at, func() { w.note(3) }
		if w.note(2); w.store.calls < at {
			return // it would come after all of it
		}
		for number := 1; number <= 3; number++ {
			if got := w.asked(number); !slices.Equal(got, []int{number}) {
				t.Errorf("3 comes after call %d of 2: an answer to %d finds %v", at, number, got)
			}
		}
	}
}

// TestS4AProcessEndsAsItNotes: a process that ends before it has written what it claimed hides nothing of the others,
// and is passed over in the end.
func TestS4AProcessEndsAsItNotes(t *testing.T) {
	w := &toldWorld{t, newShelf(), &closingQueue{isOpen: true}}
	w.note(1)
	if isFirst, err := w.store.Claim(t.Context(), toldEntryKey("C1", 2)); !isFirst || err != nil {
		t.Fatal(isFirst, err)
	}
	for number := 2; number <= 3*mostTold; number++ {
		w.note(number)
		if got := w.asked(number); !slices.Equal(got, []int{number}) {
			t.Errorf("an answer to %d finds %v", number, got)
		}
	}
	if w.store.calls = 0; !slices.Equal(w.asked(3*mostTold), []int{3 * mostTold}) || w.store.calls > 2 {
		t.Errorf("what a customer writes costs %d calls", w.store.calls)
	}
}
