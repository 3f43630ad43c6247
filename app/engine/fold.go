package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// otherOf looks up the issue that `/incident duplicate` names: one call, and none where the number alone says no. What was
// decided before a card was lost stays decided, since the other issue may have changed: a refusal has an answer in words.
func (p *pass) otherOf(fact string, c incident.Command) (*incident.Other, error) {
	switch {
	case c.Repo != "" && !naming.Equal(c.Repo, p.m.Ref.FullName()):
		return &incident.Other{Why: incident.OtherElsewhere}, nil
	case c.Number == p.m.Ref.Number:
		return &incident.Other{Why: incident.OtherSelf}, nil
	case p.repliedTo(fact):
		return &incident.Other{Why: incident.OtherWasRefused}, nil
	case p.telling || p.lost && p.answered(fact):
		return &incident.Other{}, nil
	}
	ref := p.m.Ref
	ref.Number = c.Number
	snap, err := p.peek(ref)
	if err != nil {
		return nil, fmt.Errorf("look at the other incident %s: %w", ref, err)
	}
	return p.foldable(snap), nil
}

// repliedTo reports whether a comment of the app's own answers a fact in words.
func (p *pass) repliedTo(fact string) bool {
	return slices.ContainsFunc(p.snap.Items, func(it Item) bool {
		return slices.Contains(p.marksIn(it), "reply/"+fact)
	})
}

// peek reads another issue, once in a pass.
func (p *pass) peek(ref incident.Ref) (*Snapshot, error) {
	if snap := p.peeked[ref]; snap != nil {
		return snap, nil
	}
	snap, err := p.GitHub.Peek(p.ctx, ref)
	if err != nil {
		return nil, err
	}
	if p.peeked == nil {
		p.peeked = map[incident.Ref]*Snapshot{}
	}
	p.peeked[ref] = snap
	return snap, nil
}

// foldable reports whether this incident can be folded into another issue. Where the issue has no card that can be read, what
// GitHub shows counts.
func (p *pass) foldable(snap *Snapshot) *incident.Other {
	s, ok := p.cardOf(snap)
	switch {
	case snap.Pull:
		return &incident.Other{Why: incident.OtherPull}
	case snap.Gone:
		return &incident.Other{Why: incident.OtherMissing}
	case !ok && !naming.Contains(snap.Labels, incident.LabelIncident), ok && s.Declared == nil:
		return &incident.Other{Why: incident.OtherNoIncident}
	case s.Outcome == incident.Declined, !ok && !snap.Open && snap.Reason == "not_planned":
		return &incident.Other{Why: incident.OtherDeclined}
	case s.Outcome == incident.Duplicated && s.Duplicate == p.m.Ref.Number:
		return &incident.Other{Why: incident.OtherFoldedHere}
	case s.Outcome == incident.Duplicated, !ok && !snap.Open && snap.Reason == "duplicate":
		return &incident.Other{Why: incident.OtherDuplicate, Into: s.Duplicate}
	}
	return &incident.Other{}
}

// cardOf returns the state that an issue's card holds, if it has one that can be believed.
func (e *Engine) cardOf(snap *Snapshot) (s incident.State, ok bool) {
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

// folds tells the other incidents what they get. Each is told by a message, since each has one writer.
func (p *pass) folds() error {
	return each(p, func(f incident.PassFold) error {
		if f.Fact != "" && p.handled(f.Fact) {
			return nil
		}
		into := p.m.Ref
		into.Number = f.Into
		fold := f.Fold
		if fold.From == 0 {
			fold.From = p.m.Ref.Number
		}
		if p.Queue == nil {
			p.Logger.Error("fold not passed on: no queue", "incident", p.m.Ref.String(), "into", into.String())
			return nil
		}
		m := Message{Ref: into, Why: "fold", What: &fold,
			Delivery: fmt.Sprintf("fold %s #%d %s to %d", p.m.Ref, fold.From, fold.Fact, f.Into)}
		if err := p.Queue.Enqueue(p.ctx, m, time.Time{}); err != nil {
			return fmt.Errorf("tell %s of its duplicate: %w", into, err)
		}
		return nil
	})
}

// foldedIn gives the fact that another incident was folded into this one.
func (p *pass) foldedIn(f incident.Fold) incident.FoldedIn {
	from := p.m.Ref
	from.Number = f.From
	return incident.FoldedIn{Fold: f, Ref: from.String(), Into: p.m.Ref.Number}
}

// canonical returns the database id of the incident that this one was folded into; 0 if it isn't there.
func (p *pass) canonical(number int) (int64, error) {
	if number == 0 {
		return 0, nil
	}
	ref := p.m.Ref
	ref.Number = number
	snap, err := p.peek(ref)
	if err != nil {
		return 0, fmt.Errorf("look at the other incident %s: %w", ref, err)
	}
	return snap.ID, nil
}

// maxFollowed is how many incidents that were folded into one another are followed.
const maxFollowed = 8

// follow returns the number of the open incident that a folded one ended in, by however many steps; 0 if none is open there.
func (p *pass) follow(ref incident.Ref) (number int, err error) {
	seen := map[int]bool{}
	for range maxFollowed {
		if ref.Number == 0 || seen[ref.Number] {
			return 0, nil
		}
		seen[ref.Number] = true
		snap, err := p.GitHub.Peek(p.ctx, ref)
		if err != nil {
			return 0, fmt.Errorf("follow the duplicate %s: %w", ref, err)
		}
		s, ok := p.cardOf(snap)
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

// openOf finds the open incident of a trouble, by its names in this version and in older ones; where there is none, the one that its newest was folded into, or the
// one that was transferred elsewhere. Its number is 0 if there is none.
func (p *pass) openOf(repo incident.Ref, troubles ...string) (incident.Ref, error) {
	at := incident.Ref{Owner: repo.Owner, Repo: repo.Repo}
	is := p.isAbout(p.ctx, troubles...)
	var err error
	if at.Number, err = p.GitHub.FindIncident(p.ctx, repo.FullName(), is); err != nil || at.Number != 0 {
		return at, err
	}
	folded := at
	if folded.Number, err = p.GitHub.FindFolded(p.ctx, repo.FullName(), is); err != nil {
		return at, err
	}
	if folded.Number != 0 {
		at.Number, err = p.follow(folded)
		return at, err
	}
	for _, trouble := range troubles {
		if ref, open, err := p.transferredOf(p.ctx, trouble); err != nil || open {
			return ref, err
		}
	}
	return at, nil
}

// passSignal sends what a source reports of a folded incident on to the one that it was folded into, if that is open.
func (p *pass) passSignal() (bool, error) {
	if p.before.Outcome != incident.Duplicated || p.snap.Open {
		return false, nil
	}
	ref := p.m.Ref
	ref.Number = p.before.Duplicate
	number, err := p.follow(ref)
	if err != nil || number == 0 {
		return false, err
	}
	p.forget(p.m.Ref)
	on := p.m
	on.Ref.Number = number
	on.Delivery = "fold " + signalID(p.m) + " " + p.m.Ref.String() // SQS would take it for the one that came at first
	return true, p.Queue.Enqueue(p.ctx, on, time.Time{})
}

// forgetAll makes the next report of any trouble ask GitHub: a duplicate that was reopened has its own reports again, and under which
// trouble the other incident got them is not known here.
func (p *pass) forgetAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.places)
}
