package incident

import (
	"cmp"
	"fmt"
	"slices"
)

// claimSeverity takes a severity from somebody who may not confirm one, while nobody has. A rise to
// critical pages as unconfirmed, once (I7).
func (r *run) claimSeverity(severity string, page, paged bool) {
	if severity = r.p.Named(severity); !r.Running() || r.Confirmed != nil || !r.isWorse(severity, r.Claimed) {
		return
	}
	r.Claimed = severity
	hasPaged := slices.ContainsFunc(r.Paging.Pages, func(p Page) bool { return p.Why == "team" })
	if page && r.p.Critical(severity) && !hasPaged && r.Paging.Next.IsZero() && r.Phase != Closing {
		r.pageUnconfirmed(paged, EarlyPage{})
	}
}

// isWorse reports whether a severity is worse than what is known.
func (r *run) isWorse(severity, known string) bool {
	return severity != "" && (known == "" || r.p.Critical(severity) && !r.p.Critical(known))
}

// isUnclaimed reports whether the incident is a claim from outside that nobody has taken and nobody
// is being paged for. A drill reminds nobody (A6).
func (s State) isUnclaimed() bool {
	return s.Running() && s.Confirmed == nil && !s.Responder && s.IC == "" && len(s.OEs) == 0 && !s.Drill &&
		s.Phase != Closing && s.Paging.Next.IsZero()
}

// IsUnclaimed reports whether the incident waits for somebody to take it.
func (s State) IsUnclaimed() bool { return s.isUnclaimed() }

// askClaim asks the coordinators who takes what somebody outside reported (I7): at once, and more
// and more slowly until somebody does.
func (r *run) askClaim() {
	r.Asked.ClaimWait = cmp.Or(r.Asked.ClaimWait, r.p.AskClaim/2)
	r.Asked.ClaimWait = doubleWait(r.Asked.ClaimWait)
	r.Asked.Claim = r.f.At.Add(r.Asked.ClaimWait)
	r.emit(Remind{Key: fmt.Sprintf("claim/%d", r.f.At.Unix()), At: r.f.At, Say: Say{
		Name: "unclaimed", Line: r.reporter(), Severity: r.Claimed, Time: r.Declared.At,
		Teams: []string{r.p.Coordinators}}})
}

// reporter names who reported the incident: a source, or somebody who may not respond.
func (s State) reporter() string {
	if s.Source == "form" || s.Source == "label" || s.Source == "command" || s.Source == "" {
		return s.Declared.By
	}
	return s.Source
}
