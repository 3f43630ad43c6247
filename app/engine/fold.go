package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// lookUpDuplicate looks up the issue that `/incident duplicate` names: one call, and none where the
// number alone decides. What was decided before a card was lost stays decided, as the other issue
// may have changed; a refusal shows in an answer.
func (r *reconciliation) lookUpDuplicate(fact string, c incident.Command) (*incident.Other, error) {
	switch {
	case c.Repo != "" && !naming.Equal(c.Repo, r.Ref.FullName()):
		return &incident.Other{Why: incident.OtherElsewhere}, nil
	case c.Number == r.Ref.Number:
		return &incident.Other{Why: incident.OtherSelf}, nil
	case r.HasKey("reply/" + fact):
		return &incident.Other{Why: incident.OtherWasRefused}, nil
	case r.isReplay || r.IsCardLost && r.IsAnswered(fact):
		return &incident.Other{}, nil
	}
	ref := r.Ref
	ref.Number = c.Number
	snap, err := r.peekIssue(ref)
	if err != nil {
		return nil, fmt.Errorf("look at the other incident %s: %w", ref, err)
	}
	return r.checkFoldable(snap), nil
}

// peekIssue reads another issue, once in a look.
func (r *reconciliation) peekIssue(ref incident.Ref) (*Snapshot, error) {
	if snap := r.peekedIssues[ref]; snap != nil {
		return snap, nil
	}
	snap, err := r.GitHub.PeekIssue(r.Ctx, ref)
	if err != nil {
		return nil, err
	}
	if r.peekedIssues == nil {
		r.peekedIssues = map[incident.Ref]*Snapshot{}
	}
	r.peekedIssues[ref] = snap
	return snap, nil
}

// checkFoldable returns whether this incident can be folded into another issue, or why not. Where
// the issue has no valid card, what GitHub shows counts.
func (r *reconciliation) checkFoldable(snap *Snapshot) *incident.Other {
	s, ok := r.pinnedState(snap)
	switch {
	case snap.Pull:
		return &incident.Other{Why: incident.OtherPull}
	case snap.Gone:
		return &incident.Other{Why: incident.OtherMissing}
	case !ok && !naming.Contains(snap.Labels, incident.LabelIncident), ok && s.Declared == nil:
		return &incident.Other{Why: incident.OtherNoIncident}
	case s.Outcome == incident.Declined, !ok && !snap.Open && snap.Reason == "not_planned":
		return &incident.Other{Why: incident.OtherDeclined}
	case s.Outcome == incident.Duplicated && s.Duplicate == r.Ref.Number:
		return &incident.Other{Why: incident.OtherFoldedHere}
	case s.Outcome == incident.Duplicated, !ok && !snap.Open && snap.Reason == "duplicate":
		return &incident.Other{Why: incident.OtherDuplicate, Into: s.Duplicate}
	}
	return &incident.Other{}
}

// pinnedState returns the state in an issue's pinned card, if that is valid.
func (e *Engine) pinnedState(snap *Snapshot) (s incident.State, ok bool) {
	c, ok := e.openPinned(snap)
	return c.State, ok
}

func (e *Engine) openPinned(snap *Snapshot) (c card.Card, ok bool) {
	if snap.Card == nil {
		return c, false
	}
	c, err := card.OpenIn(snap.Card.Body, card.Issue{Ref: snap.Ref, ID: snap.ID}, e.keys)
	return c, err == nil
}

// foldFact returns the fact that another incident was folded into this one.
func (r *reconciliation) foldFact(f incident.Fold) incident.FoldedIn {
	from := r.Ref
	from.Number = f.From
	return incident.FoldedIn{Fold: f, Ref: from.String(), Into: r.Ref.Number}
}

// canonicalID returns the database id of the incident of which this one is a duplicate; 0 if it
// does not exist.
func (r *reconciliation) canonicalID(number int) (int64, error) {
	if number == 0 {
		return 0, nil
	}
	ref := r.Ref
	ref.Number = number
	snap, err := r.peekIssue(ref)
	if err != nil {
		return 0, fmt.Errorf("look at the other incident %s: %w", ref, err)
	}
	return snap.ID, nil
}

// maxFollowed is how many incidents that were folded into one another are followed.
const maxFollowed = 8

// followFolds returns the number of the open incident in which a folded one ended, in however many
// steps; 0 if none is open.
func (e *Engine) followFolds(ctx context.Context, ref incident.Ref) (number int, err error) {
	seen := map[int]bool{}
	for range maxFollowed {
		if ref.Number == 0 || seen[ref.Number] {
			return 0, nil
		}
		seen[ref.Number] = true
		snap, err := e.GitHub.PeekIssue(ctx, ref)
		if err != nil {
			return 0, fmt.Errorf("follow the duplicate %s: %w", ref, err)
		}
		s, ok := e.pinnedState(snap)
		switch {
		case snap.Gone || snap.Pull || !ok:
			return 0, nil
		case s.Outcome == incident.Duplicated:
			ref.Number = s.Duplicate
		case s.Running():
			return ref.Number, nil
		default:
			return 0, nil
		}
	}
	return 0, nil
}

// passToCanonical passes a report of a folded incident on to the one into which it was folded, if
// that is open.
func (r *reconciliation) passToCanonical() (bool, error) {
	if r.Before.Outcome != incident.Duplicated || r.Snapshot.Open {
		return false, nil
	}
	ref := r.Ref
	ref.Number = r.Before.Duplicate
	number, err := r.followFolds(r.Ctx, ref)
	if err != nil || number == 0 {
		return false, err
	}
	r.forgetOpenIncident(r.Ref)
	on := r.m
	on.Ref.Number = number
	// SQS would take it for the one that came at first
	on.Delivery = "fold " + signalID(r.m) + " " + r.Ref.String()
	return true, r.Queue.Enqueue(r.Ctx, on, time.Time{})
}
