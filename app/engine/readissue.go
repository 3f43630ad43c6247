package engine

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// readIssue reads the issue and what is new, and opens the card.
func (r *reconciliation) readIssue() error {
	var found cardChoice
	found.refused, found.kept = r.loadRefusedCard(r.Ctx, r.names()...)
	var failed error
	waitForAnswers := func() {}
	snap, err := r.GitHub.ReadIssue(r.Ctx, r.Ref, func(issue *Snapshot, body string) (incident.Cursor, bool) {
		failed = r.chooseCard(&found, issue, body)
		if failed == nil && found.ok {
			waitForAnswers = r.askAhead()
		}
		return r.Before.Cursor, found.ok
	})
	waitForAnswers()
	if err == nil {
		err = failed
	}
	if err != nil {
		r.partialSnapshot = snap
		return err
	}
	wasHere := slices.ContainsFunc(snap.Items, isAppTrace)
	if !found.kept && snap.Card == nil && wasHere {
		found.refused, found.kept = r.loadFormerRefusedCard(snap)
	}
	// GitHub refused even the first one, or somebody deleted it
	if found.kept && snap.Card == nil && found.refused.isOf(snap) {
		r.useCard(&found, r.adoptRefusedCard(snap, found.refused))
		r.isCardRestored = r.Before.Contested.Left(incident.ContestCard)
	}
	r.Snapshot, r.IsRebuilt = snap, !found.ok
	r.IsCardLost = r.IsRebuilt && wasHere
	for _, it := range snap.Items {
		for _, k := range r.KeysIn(it) {
			r.Posted[k] = it.Comment
		}
	}
	r.skipOldIDs()
	if r.IsCardLost {
		r.loadDeclaredName()
	}
	r.Before.DeclaredAs = r.DeclaredAs
	r.State, r.savedState = r.Before, r.Before
	r.hasRefusedCard = found.kept
	r.loadCardContest()
	return nil
}

// postedKeys returns the keys of the app's comments that this look read, the oldest first.
func (r *reconciliation) postedKeys() []string {
	return slices.SortedFunc(maps.Keys(r.Posted), func(a, b string) int {
		return cmp.Or(cmp.Compare(r.Posted[a], r.Posted[b]), cmp.Compare(a, b))
	})
}

// cardChoice is which card a look goes on from.
type cardChoice struct {
	refused refusedCard
	kept    bool // there is a refused one
	ok      bool // there is one that counts
}

// useCard goes on from a card.
func (r *reconciliation) useCard(found *cardChoice, c card.Card) {
	found.ok, r.Before, r.cardSeq = true, r.withFreezeLooks(c.State), c.Seq
}

// chooseCard opens the card of an issue that is read, and chooses between it and the one that is kept
// as GitHub refused it. It chooses none where the card is to be built again.
func (r *reconciliation) chooseCard(found *cardChoice, issue *Snapshot, body string) error {
	found.kept = found.kept && found.refused.isOf(issue)
	c, err := r.openCard(issue, body)
	if !found.kept && (err != nil || r.m.IsCardEdited()) {
		found.refused, found.kept = r.loadFormerRefusedCard(issue)
	}
	if err != nil {
		return r.replaceCard(found, issue, err)
	}
	r.tickedLines = c.Ticked
	c = r.adoptCard(issue, c)
	// the newest, which alone knows what was not said yet
	if r.m.IsCardEdited() && found.kept && found.refused.Seq >= c.Seq {
		r.useCard(found, r.adoptRefusedCard(issue, found.refused))
		r.isCardChanged = true
		return nil
	}
	if r.m.IsCardEdited() {
		r.Logger.Warn("somebody edited a comment of the app's own: rebuilding the card", "incident",
			r.Ref.String())
		r.cardSeq = c.Seq
		return nil
	}
	if !found.kept && r.formerName.Number != 0 {
		found.refused, found.kept = r.loadRefusedCard(r.Ctx, r.formerName)
		found.kept = found.kept && found.refused.isOf(issue)
	}
	if found.kept && found.refused.Seq > c.Seq {
		c = r.adoptRefusedCard(issue, found.refused)
	}
	r.useCard(found, c)
	return nil
}

// replaceCard goes on from the card that is kept where the one on GitHub could not be opened.
func (r *reconciliation) replaceCard(found *cardChoice, issue *Snapshot, err error) error {
	switch {
	case errors.Is(err, card.ErrForged) && found.kept:
		r.useCard(found, r.adoptRefusedCard(issue, found.refused))
		r.isCardChanged = true
	case errors.Is(err, card.ErrForged):
		r.isCardForged = true
		r.Logger.Warn("the card is not as the app wrote it: rebuilding", "incident", r.Ref.String(),
			"err", err)
	case !errors.Is(err, card.ErrNone):
		return err
	}
	return nil
}

// isAppTrace reports whether it shows that the app was here before: one of its comments, or a phase
// label that it set. Pages go out before both, and the card may be deleted with all other comments.
func isAppTrace(it Item) bool {
	return it.Own && (it.Event == "commented" || it.Event == "labeled" &&
		strings.HasPrefix(naming.Key(it.Label), incident.LabelPhase))
}
