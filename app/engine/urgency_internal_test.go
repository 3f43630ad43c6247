package engine

import (
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// A look is as urgent as a page only if it may page: if all timers' looks were, they would leave no
// room for the cards that they have to write, and a hundred incidents would look without end.
func TestUrgency(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	policy := incident.DefaultPolicy()
	ref := incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}
	open := incident.State{Phase: incident.Identify, Severity: "critical", IC: "carol",
		Declared: &incident.Stamp{At: now}, Confirmed: &incident.Stamp{At: now}}
	paging, reminding, unanswered := open, open, open
	paging.Updates.From, paging.Updates.Due, paging.Updates.Stage = now.Add(-25*time.Minute), now.Add(-5*time.Minute), 2
	reminding.Updates.From, reminding.Updates.Due = now.Add(-20*time.Minute), now.Add(4*time.Minute)
	unanswered.IC = ""
	owes := look.Deferral{At: now.Add(-time.Second), Urgency: UrgencyTicket}
	for name, test := range map[string]struct {
		card *knownCard
		m    Message
		want Urgency
	}{
		"a card that is not known": {nil, Message{Why: "issue_comment.created"}, UrgencyPage},
		"a comment": {&knownCard{state: open}, Message{Why: "issue_comment.created"},
			UrgencyCard},
		"a comment where nobody answers": {&knownCard{state: unanswered},
			Message{Why: "issue_comment.created"}, UrgencyPage},
		"an answer at the pager": {&knownCard{state: open}, Message{What: &incident.Ack{}},
			UrgencyPage},
		"a timer that reminds": {&knownCard{state: reminding}, Message{Why: "clock", Due: now},
			UrgencyCard},
		"a timer that pages": {&knownCard{state: paging}, Message{Why: "clock", Due: now},
			UrgencyPage},
		"a page whose mention is not out": {&knownCard{state: open, isPaging: true},
			Message{Why: "clock", Due: now}, UrgencyPage},
		"work that was left": {&knownCard{state: open}, Message{Why: "clock", Due: owes.At},
			UrgencyTicket},
		"work that was left, and a page": {&knownCard{state: paging}, Message{Why: "clock", Due: owes.At},
			UrgencyPage},
		"a comment while a page falls due": {&knownCard{state: paging},
			Message{Why: "issue_comment.created"}, UrgencyPage},
	} {
		t.Run(name, func(t *testing.T) {
			e := New(Options{})
			e.deferrals[ref] = owes
			if test.card != nil {
				test.card.policy = policy
				e.knownCards[ref] = *test.card
			}
			test.m.Ref = ref
			if got := e.urgency(test.m, now); got != test.want {
				t.Errorf("it is as urgent as %s, want %s", got, test.want)
			}
		})
	}
	e := New(Options{})
	soon := open
	soon.Updates.From, soon.Updates.Due, soon.Updates.Stage = now.Add(-20*time.Minute), now, 2
	e.knownCards[ref] = knownCard{state: soon, policy: policy}
	if at := e.untilPage(ref, now.Add(time.Hour), now); !at.After(now) || at.After(now.Add(10*time.Minute)) {
		t.Errorf("a look comes back at %s, after the page", at)
	}
}
