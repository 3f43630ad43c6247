package ports

import "context"

// Urgency says how long a request to GitHub may wait where GitHub limits how much an installation
// may ask and write: the more urgent one goes first, and the less urgent leaves room for it.
type Urgency int

// The urgencies, the least first.
const (
	UrgencyNudge  Urgency = iota // a reminder on a ticket, a sweep: minutes and hours don't matter
	UrgencyTicket                // tickets, the postmortem: whoever asked for them has their answer
	UrgencyCard                  // the card, labels, assignees, reminders of what the card shows
	// somebody waits: answers, reactions, updates for customers, and the looks at GitHub for them
	UrgencyAnswer
	UrgencyPage // somebody is paged or an incident is opened, and the looks for it
)

// Urgencies are how many there are.
const Urgencies = int(UrgencyPage) + 1

// String returns the name of an urgency in the metrics.
func (u Urgency) String() string {
	return [Urgencies]string{"nudge", "ticket", "card", "answer", "page"}[u]
}

type urgencyKey struct{}

// WithUrgency returns a context whose requests to GitHub are that urgent.
func WithUrgency(ctx context.Context, u Urgency) context.Context {
	return context.WithValue(ctx, urgencyKey{}, u)
}

// UrgencyOf returns how urgent the requests of a context are: as an answer where nothing is said.
func UrgencyOf(ctx context.Context) Urgency {
	if u, ok := ctx.Value(urgencyKey{}).(Urgency); ok {
		return u
	}
	return UrgencyAnswer
}
