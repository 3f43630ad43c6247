package effects

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// GatesAPI is what Gates needs of GitHub.
type GatesAPI interface {
	// FindFreezes returns the rulesets of a repository that freeze it.
	FindFreezes(ctx context.Context, repo incident.Ref) ([]ports.Freeze, error)
	// StatusOf returns the state of the app's newest status of a context; "" if there is none.
	StatusOf(ctx context.Context, repo incident.Ref, commit, of string) (string, error)
	// WaitingGates returns the deployments of a repository that wait for the app's word. Of the runs of those that are
	// known GitHub is asked only whether they wait.
	WaitingGates(ctx context.Context, repo incident.Ref, known []incident.HeldDeploy) ([]ports.Gate, error)
	// ReadGate reads what a run deploys, of which a webhook told.
	ReadGate(ctx context.Context, repo incident.Ref, run int64, environment string) (ports.Gate, error)
	// AnswerGate approves or rejects one of them, or with no state says why it waits.
	AnswerGate(ctx context.Context, g ports.Gate, state, comment string) error
	// GatedEnvironments returns the environments whose deployments wait for the app's word.
	GatedEnvironments(ctx context.Context, repo incident.Ref) ([]string, error)
	// MergedHeads returns the heads of the pull requests that a commit merged.
	MergedHeads(ctx context.Context, repo incident.Ref, commit string) ([]string, error)
}

// Gates answers the deployments that wait for the app's word, by a deployment protection rule (X4).
//
// An app that says nothing holds a deployment for 30 days. So what is not held by a freeze, as it is known now, is
// approved, whoever asks: the webhook, the look of an incident that has the repository frozen or ends that, and the
// sweep. Nothing is kept of a deployment; the next who looks decides again.
type Gates struct {
	GitHub GatesAPI
	// Wanted returns the freezes that incidents want of a repository, whatever GitHub has of them. Of those that
	// GitHub has, it leaves out what no incident wants any more.
	Wanted func(repo incident.Ref, onGitHub []ports.Freeze) ([]ports.Freeze, error)
	Now    func() time.Time
}

// HeldGate is a deployment that goes on waiting, and the freezes that hold it.
type HeldGate struct {
	ports.Gate
	By []ports.Freeze
}

// IsBy reports whether a freeze of that holder holds it.
func (h HeldGate) IsBy(holder string) bool {
	return slices.ContainsFunc(h.By, func(f ports.Freeze) bool { return naming.Equal(f.Holder, holder) })
}

// Settle answers the deployments of a repository that wait, and returns those that go on waiting. Those that the caller
// knows to be held go on, as long as their runs wait.
func (g Gates) Settle(ctx context.Context, repo incident.Ref, known []incident.HeldDeploy) (held []HeldGate,
	err error) {
	waiting, err := g.GitHub.WaitingGates(ctx, repo, known)
	if err != nil || len(waiting) == 0 {
		return nil, err
	}
	return g.answer(ctx, repo, waiting)
}

// SettleOne answers one of them, of which a webhook told. held is nil if it goes on.
func (g Gates) SettleOne(ctx context.Context, repo incident.Ref, run int64, environment string) (*HeldGate, error) {
	one, err := g.GitHub.ReadGate(ctx, repo, run, environment)
	if err != nil {
		return nil, err
	}
	held, err := g.answer(ctx, repo, []ports.Gate{one})
	if err != nil || len(held) == 0 {
		return nil, err
	}
	return &held[0], nil
}

// answer approves what no freeze holds. What GitHub refuses was answered before, or is gone.
func (g Gates) answer(ctx context.Context, repo incident.Ref, waiting []ports.Gate) (held []HeldGate, err error) {
	waiting = slices.DeleteFunc(waiting, func(one ports.Gate) bool {
		if one.IsKnown {
			held = append(held, HeldGate{one, nil})
		}
		return one.IsKnown
	})
	if len(waiting) == 0 {
		return held, nil
	}
	freezes, err := g.freezes(ctx, repo)
	if err != nil {
		return held, err
	}
	for _, one := range waiting {
		by, err := g.heldBy(ctx, one, freezes)
		if err != nil {
			return held, err
		}
		if len(by) > 0 {
			held = append(held, HeldGate{one, by})
			continue
		}
		comment := "Nothing freezes " + repo.FullName()
		switch {
		case len(freezes) > 0 && one.IsOwn:
			comment = "An incident runs this"
		case len(freezes) > 0:
			comment = "Let through"
		}
		if err := g.GitHub.AnswerGate(ctx, one, ports.GateApproved, comment); err != nil && !ports.IsRefused(err) {
			return held, err
		}
	}
	return held, nil
}

// freezes returns what freezes a repository now: what GitHub has of it, and what incidents want. Whatever its time,
// none holds a deployment beyond it.
func (g Gates) freezes(ctx context.Context, repo incident.Ref) (all []ports.Freeze, err error) {
	found, err := g.GitHub.FindFreezes(ctx, repo)
	if err != nil && !ports.IsRefused(err) {
		return nil, err
	}
	now := g.Now()
	isOver := func(f ports.Freeze) bool { return !f.IsActive || !now.Before(f.Until) }
	found = slices.DeleteFunc(found, isOver)
	if all, err = g.Wanted(repo, found); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, isOver), nil
}

// heldBy returns the freezes that hold a deployment. What the app itself runs, because somebody in an incident asked
// for it, is held by none, nor is a commit that has an exception of each, or merged one.
func (g Gates) heldBy(ctx context.Context, one ports.Gate, freezes []ports.Freeze) (by []ports.Freeze, err error) {
	if one.IsOwn || len(freezes) == 0 {
		return nil, nil
	}
	if !slices.ContainsFunc(freezes, func(f ports.Freeze) bool { return !f.IsTight }) {
		return freezes, nil
	}
	merged, err := g.GitHub.MergedHeads(ctx, one.Repo, one.Commit)
	if err != nil && !ports.IsRefused(err) {
		return nil, err
	}
	for _, f := range freezes {
		if f.IsTight {
			by = append(by, f)
			continue
		}
		isLet := false
		for _, commit := range append([]string{one.Commit}, merged...) {
			state, err := g.GitHub.StatusOf(ctx, one.Repo, commit, f.Context())
			if err != nil && !ports.IsRefused(err) { // who may not say it has let nothing through
				return nil, err
			}
			isLet = isLet || state == "success"
		}
		if !isLet {
			by = append(by, f)
		}
	}
	return by, nil
}

// GateText says why a deployment waits; url leads to who wants that.
func GateText(f ports.Freeze, url string) string {
	return fmt.Sprintf("Frozen until %s by %s: %s", f.Until.UTC().Format("15:04 UTC"), f.Holder, url)
}
