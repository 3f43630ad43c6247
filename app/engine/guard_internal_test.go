package engine

import (
	"log/slog"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// A fact that the core can't handle counts as read, and whoever wrote it is told: it must not be tried for ever (A8).
func TestA8AFactThatCannotBeHandledIsSkipped(t *testing.T) {
	at := time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	p := &pass{Engine: New(Options{Logger: slog.New(slog.DiscardHandler)}), now: at, policy: incident.DefaultPolicy()}
	by := incident.Person{Login: "alice", Respond: true}
	p.fact(incident.Fact{ID: "opened", At: at, By: by, What: incident.Opened{Source: "form", Severity: "critical"}})
	before := len(p.effects)
	broken := incident.Fact{ID: "c1.0", At: at, By: by, What: incident.TicketUpToDate{Index: 7}} // there is no such follow-up
	p.fact(broken)
	if !p.state.Cursor.Knows(broken.ID, broken.At) {
		t.Error("it would be read again")
	}
	var said bool
	for _, e := range p.effects[before:] {
		if r, ok := e.(incident.Reply); ok && r.Say.Name == "not-handled" {
			said = true
		}
	}
	if !said {
		t.Errorf("nobody is told: %v", p.effects[before:])
	}
	p.fact(incident.Fact{ID: "c2.0", At: at, By: by, What: incident.Command{Kind: incident.Finding, Text: "The disk is full"}})
	if p.state.Findings != 1 {
		t.Error("the next fact is lost")
	}
}
