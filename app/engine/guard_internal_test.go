package engine

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// A fact that the core can't handle counts as read, and whoever wrote it is told: it must not be
// tried for ever (A8).
func TestA8AFactThatCannotBeHandledIsSkipped(t *testing.T) {
	at := time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	r := New(Options{Clock: clockAt(at)}).newReconciliation(t.Context(), Message{})
	r.Policy = incident.DefaultPolicy()
	by := incident.Person{Login: "alice", Respond: true}
	r.Step(incident.Fact{ID: "opened", At: at, By: by, What: incident.Opened{Source: "form",
		Severity: "critical"}})
	before := len(r.Effects)
	// there is no such step
	r.State.Paging.Step, r.State.Paging.Next = -1, at
	broken := incident.Fact{ID: "c1.0", At: at, By: by, What: incident.Clock{}}
	r.Step(broken)
	if !r.State.Cursor.Knows(broken.ID, broken.At) {
		t.Error("it would be read again")
	}
	var said bool
	for _, e := range r.Effects[before:] {
		if x, ok := e.(incident.Reply); ok && x.Say.Name == "not-handled" {
			said = true
		}
	}
	if !said {
		t.Errorf("nobody is told: %v", r.Effects[before:])
	}
	r.State.Paging.Step = 0
	r.Step(incident.Fact{ID: "c2.0", At: at, By: by, What: incident.Command{Kind: incident.Finding,
		Text: "The disk is full"}})
	if r.State.Findings != 1 {
		t.Error("the next fact is lost")
	}
}

// The state that is kept while GitHub refuses a card is believed only as the card is: where the App
// signed it for this incident.
func TestARefusedCardIsBelievedOnlySigned(t *testing.T) {
	ref := incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}
	keys := card.Keys([][]byte{[]byte("a secret of the tests")})
	body := func(ref incident.Ref, key []byte) string {
		text, err := card.Render(incident.State{Phase: incident.Fixing, IC: "carol"}, 7,
			card.View{Ref: ref, Policy: incident.DefaultPolicy()}, key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	other := ref
	other.Number = 2
	for name, tt := range map[string]struct {
		kept string
		ok   bool
	}{
		"signed":          {body(ref, keys[0]), true},
		"by somebody":     {body(ref, []byte("a guess that is long enough")), false},
		"another's":       {body(other, keys[0]), false},
		"changed":         {strings.Replace(body(ref, keys[0]), `"carol"`, `"mallory"`, 1), false},
		"no card":         {`{"seq":9,"state":{"ic":"mallory"}}`, false},
		"nothing is kept": {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			e := New(Options{Secrets: [][]byte{[]byte("a secret of the tests")}, Store: shelfOf(tt.kept),
				Logger: slog.New(slog.DiscardHandler)})
			u, ok := e.loadRefusedCard(t.Context(), ref)
			if ok != tt.ok || ok && (u.Seq != 7 || u.State.IC != "carol") {
				t.Errorf("%v, %d, %q", ok, u.Seq, u.State.IC)
			}
		})
	}
}

// shelfOf returns one text for every name.
type shelfOf string

func (s shelfOf) Save(context.Context, string, []byte) error   { return nil }
func (s shelfOf) Load(context.Context, string) ([]byte, error) { return []byte(s), nil }

// What another process wrote since counts: a state that this process kept and that is gone from
// the shelf is not taken up again.
func TestARefusedCardThatAnotherProcessWroteIsForgotten(t *testing.T) {
	ref := incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}
	shelf := shelves{}
	open := func() *Engine {
		return New(Options{Secrets: [][]byte{[]byte("a secret of the tests")}, Store: shelf,
			Clock: clockAt(time.Now())})
	}
	pass := func(e *Engine) *reconciliation {
		r := e.newReconciliation(t.Context(), Message{Ref: ref})
		r.cardSeq, r.State = 7, incident.State{Phase: incident.Fixing}
		return r
	}
	one, two := open(), open()
	pass(one).saveRefusedCard(card.View{Ref: ref, Policy: incident.DefaultPolicy()})
	if u, ok := two.loadRefusedCard(t.Context(), ref); !ok || u.Seq != 7 {
		t.Errorf("another process finds %v, %t", u.Seq, ok)
	}
	pass(two).deleteRefusedCard()
	if u, ok := one.loadRefusedCard(t.Context(), ref); ok {
		t.Errorf("the first still has %d", u.Seq)
	}
}

// shelves keeps what it is given.
type shelves map[string][]byte

func (s shelves) Save(_ context.Context, name string, content []byte) error {
	s[name] = content
	return nil
}
func (s shelves) Load(_ context.Context, name string) ([]byte, error) { return s[name], nil }
