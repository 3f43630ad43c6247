package engine

import (
	"errors"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// readIssue reads the issue and what is new, and opens the card.
func (r *reconciliation) readIssue() error {
	ok := false
	var failed error
	refused, kept := r.loadRefusedCard(r.Ctx, r.names()...)
	snap, err := r.GitHub.ReadIssue(r.Ctx, r.Ref, func(issue *Snapshot, body string) (incident.Cursor, bool) {
		kept = kept && refused.isOf(issue)
		c, err := r.openCard(issue, body)
		if err != nil {
			if errors.Is(err, card.ErrForged) && kept {
				ok, r.isCardChanged, r.Before, r.cardSeq = true, true, refused.State, refused.Seq
				r.DeclaredAs = refused.State.DeclaredAs
				return r.Before.Cursor, true
			}
			if errors.Is(err, card.ErrForged) {
				r.isCardForged = true
				r.Logger.Warn("the card is not as the app wrote it: rebuilding", "incident", r.Ref.String(),
					"err", err)
			} else if !errors.Is(err, card.ErrNone) {
				failed = err
			}
			return incident.Cursor{}, false
		}
		r.tickedLines = c.Ticked
		c = r.adoptCard(issue, c)
		// the newest, which alone knows what was not said yet
		if r.m.IsCardEdited() && kept && refused.Seq >= c.Seq {
			ok, r.isCardChanged, r.Before, r.cardSeq = true, true, refused.State, refused.Seq
			return r.Before.Cursor, true
		}
		if r.m.IsCardEdited() {
			r.Logger.Warn("somebody edited a comment of the app's own: rebuilding the card", "incident",
				r.Ref.String())
			r.cardSeq = c.Seq
			return incident.Cursor{}, false
		}
		if !kept && r.formerName.Number != 0 {
			refused, kept = r.loadRefusedCard(r.Ctx, r.formerName)
			kept = kept && refused.isOf(issue)
		}
		if kept && refused.Seq > c.Seq {
			c.State, c.Seq = refused.State, refused.Seq
			c = r.adoptCard(issue, c)
		}
		ok, r.Before, r.cardSeq = true, c.State, c.Seq
		return c.State.Cursor, true
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		r.partialSnapshot = snap
		return err
	}
	// GitHub refused even the first one, or somebody deleted it
	if kept && snap.Card == nil && refused.isOf(snap) {
		r.isCardRestored = refused.State.Contested.Left(incident.ContestCard)
		ok, r.Before, r.cardSeq = true, refused.State, refused.Seq
	}
	r.Snapshot, r.IsRebuilt = snap, !ok
	r.IsCardLost = r.IsRebuilt && slices.ContainsFunc(snap.Items, isAppTrace)
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
	r.hasRefusedCard = kept
	r.loadCardContest()
	return nil
}

// isAppTrace reports whether it shows that the app was here before: one of its comments, or a phase
// label that it set. Pages go out before both, and the card may be deleted with all other comments.
func isAppTrace(it Item) bool {
	return it.Own && (it.Event == "commented" || it.Event == "labeled" &&
		strings.HasPrefix(naming.Key(it.Label), incident.LabelPhase))
}
