package incident

// advance enters investigate once the team is there, and fixing once the cause is known (V1, F1):
// what nobody has to decide, nobody has to say. Monitoring stays a decision, as the customers hear
// of it. Only what this fact brought about counts, so that a phase to which somebody went back by
// hand is not left at once.
func (r *run) advance(before State) {
	isMoved := before.Declared != nil && r.Phase != before.Phase
	if !r.p.Advance || !r.Running() || r.Confirmed == nil || isMoved || r.movesPhase() {
		return
	}
	to := r.Phase
	if to == Identify && r.hasBecomePossible(Investigate, before) {
		to = Investigate
	}
	isNewCause := r.Cause != nil && (before.Cause == nil || before.Cause.ID != r.Cause.ID) // an edit makes none
	if (to == Identify || to == Investigate) && r.Cause != nil && r.isOpen(r.State, Fixing) &&
		(isNewCause || !r.isOpen(before, Fixing)) {
		to = Fixing
	}
	if to != r.Phase {
		r.enterPhase(to)
	}
}

// movesPhase reports whether somebody moves the phase by hand with this fact, and so decides where
// it is.
func (r *run) movesPhase() bool {
	switch w := r.f.What.(type) {
	case Command:
		return w.Kind == MovePhase || w.Kind == Close || w.Kind == Regression
	case Unlabeled, Rebuilt:
		return true
	}
	return false
}

// hasBecomePossible reports whether a phase has all that it needs since this fact.
func (r *run) hasBecomePossible(phase Phase, before State) bool {
	return r.isOpen(r.State, phase) && !r.isOpen(before, phase)
}

// isOpen reports whether a phase has all that it needs.
func (r *run) isOpen(s State, phase Phase) bool {
	return s.Declared != nil && s.Confirmed != nil && len(openChecks(Blocks(s, r.p, phase))) == 0
}
