package incident

import "slices"

// isMended reports whether something is in place that can fail again, or was until somebody saw it return: a workaround or a
// fix, or the incident was watched or over.
func (s State) isMended() bool {
	return s.Workaround != nil || s.Fix != nil || s.Closed != nil || s.Phase == Monitoring || s.Phase == Closing
}

// wasWatched reports whether the incident has been in monitoring or closing before.
func (s State) wasWatched() bool {
	return slices.ContainsFunc(s.Phases, func(p Span) bool { return p.Phase == Monitoring || p.Phase == Closing })
}

// regression acts on the word that it came back (M3). What was never mended can't come back; and what somebody adds to a
// regression that is known is a finding, so that nobody is called twice and it counts once.
func (r *run) regression(c Command) {
	switch {
	case r.isMended() || r.Regressions == 0 && r.wasWatched():
		r.regress(c.Text)
		r.summon("again", c.Text, false)
		r.done()
	case r.Regressions > 0:
		r.Findings++
		r.record("finding", "", c.Text)
		r.done()
	default:
		r.react(Unclear)
		r.reply(Say{Name: "regression-early", Command: "/oe finding …", Try: []string{"/incident note …"}})
	}
}

// agree records that the customer agrees that it is over (C1). That needs something to agree on: the incident is watched, or
// closing.
func (r *run) agree(c Command) {
	if r.Phase != Monitoring && r.Phase != Closing {
		r.refuse(Say{Name: "agree-early", Phase: Monitoring, Command: r.towards(Monitoring, r.p)})
		return
	}
	r.Agreed = r.stamped()
	r.record("agreed", "", c.Text)
	r.done()
}

// towards returns the command that is next on the way to a phase: what makes its first open check true, or the move.
func (s State) towards(to Phase, p Policy) string {
	if command := firstCommand(Blocks(s, p, to)); command != "" {
		return command
	}
	return "/ic phase " + string(to)
}
