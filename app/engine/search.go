package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// What changed before an incident, what was like it, whose the service is and what its runbook says
// is read apart from the incident (X1, X2, L1, L2): by a message in a group of its own, so that neither a
// command nor a page waits while GitHub takes its time. Such a search reads the card and changes
// nothing. What it found goes to the incident as a message, and counts there once.

const (
	// searchTimeout is how long one search may take, all that it reads together.
	searchTimeout = 10 * time.Second
	// cardPatience is how long a search waits for a card that says that it is owed, and cardPace how
	// often it looks. The incident asks again later where it waits for nothing.
	cardPatience = time.Minute
	cardPace     = time.Second
)

// sendSeeks asks for the searches that this look found to be owed, once the card says so. Where the
// process ends in between, the incident asks again when it hears nothing.
func (r *reconciliation) sendSeeks() error {
	return look.ForEach(r.Look, func(s incident.Seek) error {
		if s.Number <= r.sentSeeks || !r.State.IsSought(s.Number) {
			return nil // done, or something else was asked for since
		}
		r.sentSeeks = s.Number
		name := fmt.Sprintf("seek %s %d %d", r.Ref, s.Number, s.At.UnixNano())
		if r.IsRebuilt { // it was asked for before, for a card that is lost
			name += fmt.Sprintf(" again %d %s", r.Now.UnixNano(), r.m.Delivery)
		}
		if r.Queue == nil {
			r.Logger.Error("search not asked for: no queue", "incident", r.Ref.String())
			return nil
		}
		m := Message{Ref: r.Ref, Why: "seek", What: &incident.Sought{Number: s.Number, At: r.Now},
			Delivery: name}
		if err := r.Queue.Enqueue(r.Ctx, m, time.Time{}); err != nil {
			return fmt.Errorf("ask for a search for %s: %w", r.Ref, err)
		}
		return nil
	})
}

// search makes the searches that a message asks for, and sends what was found to the incident. What
// fails is asked for again by the incident.
func (r *reconciliation) search() error {
	r.Ctx = WithUrgency(r.Ctx, UrgencyCard)
	err := r.readForSearch()
	var later *RetryAfter
	switch {
	case err == nil:
	case r.Ctx.Err() != nil, errors.As(err, &later) && r.Now.Sub(r.m.Sought().At) < cardPatience:
		return err
	default:
		r.Logger.Warn("search not made", "incident", r.Ref.String(), "err", ports.Redact(err))
		return nil
	}
	number := r.m.Sought().Number
	if r.Snapshot.Gone || r.State.Declared == nil || !isSame(r.Snapshot.Ref, r.Ref) || !r.State.IsSought(number) {
		return nil // done, or something else was asked for since
	}
	return r.searchAll(number)
}

// readForSearch reads the incident as its card says. It returns a *RetryAfter where the card doesn't
// say yet what the message does.
func (r *reconciliation) readForSearch() error {
	if err := r.peekForSearch(); err != nil {
		return err
	}
	if r.State.Declared != nil && r.State.Seeks >= r.m.Sought().Number || r.Snapshot.Gone {
		return r.loadPolicy()
	}
	return &RetryAfter{Until: r.Now.Add(cardPace), Err: errors.New("the card isn't written yet"), IsIdle: true}
}

// peekForSearch reads the issue and its card in one call, or else as any other look does.
func (r *reconciliation) peekForSearch() error {
	snap, err := r.GitHub.PeekIssue(r.Ctx, r.Ref)
	if err != nil {
		return err
	}
	if snap.Card != nil && isSame(snap.Ref, r.Ref) && !snap.Gone {
		if c, err := r.openCard(snap, snap.Card.Body); err == nil {
			r.Snapshot, r.Before, r.cardSeq = snap, r.withFreezeLooks(c.State), c.Seq
			r.State = r.Before
			return nil
		}
	}
	return r.readIssue()
}

// searchStage makes one search. unread is what it reports where its time was over.
type searchStage struct {
	owed   func() []incident.Effect
	apply  func() error
	unread any
}

// searchStages lists the searches in the order in which they are made: what is found of the service
// counts for all others, and where nothing names it the most suspect change says which it is.
func (r *reconciliation) searchStages() []searchStage {
	return []searchStage{
		{func() []incident.Effect { return incident.OwedOwner(r.State) }, r.owners.Apply, incident.OwnerUnread{}},
		{func() []incident.Effect { return incident.OwedChanges(r.State, r.Policy) }, r.changes.Apply,
			incident.ChangesUnread{}},
		{func() []incident.Effect { return incident.OwedOwner(r.State) }, r.owners.ApplySuspected, incident.OwnerUnread{}},
		{func() []incident.Effect { return incident.OwedSimilar(r.State) }, r.similar.Apply, incident.SimilarUnread{}},
		{func() []incident.Effect { return incident.OwedRunbook(r.State) }, r.runbook.Apply, incident.RunbookUnread{}},
	}
}

// searchAll makes what is sought, within searchTimeout, and sends what was found to the incident. An
// owner who is to be paged goes first.
func (r *reconciliation) searchAll(number int) error {
	whole := r.Ctx
	ctx, cancel := context.WithTimeout(whole, searchTimeout)
	defer cancel()
	r.Ctx = ctx
	r.State.OnlySought(number)
	found := incident.Found{Number: number}
	r.Reported = func(what any) { found.Add(what) }

	for _, stage := range r.searchStages() {
		owed := stage.owed()
		if len(owed) == 0 {
			continue
		}
		r.Effects = append(r.Effects, owed...)
		if err := stage.apply(); err != nil {
			if whole.Err() != nil {
				return err
			}
			found.Add(stage.unread) // the time for all of them is over
			continue
		}
		if found.Owner != nil && found.Owner.Hit.Reported && r.Policy.Catalog.PageOwners {
			if err := r.sendFound(whole, "owner", incident.Found{Number: number, Owner: found.Owner,
				IsUrgent: true}); err != nil {
				return err
			}
			found.Owner = nil
		}
	}
	return r.sendFound(whole, "found", found)
}

// sendFound sends what was found to the incident, each once.
func (r *reconciliation) sendFound(ctx context.Context, what string, found incident.Found) error {
	if found == (incident.Found{Number: found.Number}) {
		return nil
	}
	m := Message{Ref: r.Ref, Why: what, What: &found, Delivery: what + " " + r.m.Delivery}
	if err := r.Queue.Enqueue(ctx, m, time.Time{}); err != nil {
		return fmt.Errorf("send what was found to %s: %w", r.Ref, err)
	}
	return nil
}
