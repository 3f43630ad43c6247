package engine

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// shelf is a store in memory.
type shelf map[string][]byte

func (s shelf) Save(_ context.Context, name string, content []byte) error {
	s[name] = content
	return nil
}

func (s shelf) Load(_ context.Context, name string) ([]byte, error) { return s[name], nil }

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
	kept := shelf{}
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
	e := &Engine{Options: Options{Logger: slog.New(slog.DiscardHandler), Store: shelf{}, Queue: queue, Chat: broughtChat{}}}
	r := &reconciliation{Engine: e, Look: &look.Look{Ctx: t.Context(), Ref: ref, Now: now},
		m: Message{Ref: ref, What: &incident.ChatSync{Seq: 3, At: now}}}
	r.saveChat(keptChat{Seq: 3, At: now, ID: "C1", IsThere: true, Lines: keptLines{Retry: now.Add(time.Second),
		All: []keptLine{{ChatLine: incident.ChatLine{Key: "e1"}}}}})
	if err := r.syncChat(); err != nil || len(queue.taken) != 1 || queue.taken[0].ChatLines() == nil {
		t.Errorf("asked for %v, error %v", queue.taken, err)
	}
}
