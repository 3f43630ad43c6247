package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/effects"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// keepFreezes freezes what is to be frozen, lets through what is to be let through, and ends what is over.
func (r *reconciliation) keepFreezes() error {
	if repo := r.m.Queue(); repo != "" {
		r.Report(incident.FreezeAsked{Repo: repo})
		if err := r.addPending(); err != nil {
			return err
		}
	}
	isFreeze := func(e incident.Effect) bool { _, ok := e.(incident.KeepFreeze); return ok }
	if !slices.ContainsFunc(r.Effects, isFreeze) {
		return nil
	}
	r.listHolders()
	// what became of it is said before a limit can end this look
	return inOrder(r.freezes.Apply, r.comments.Apply)
}

// forwardQueue asks for a look at each incident that has the repository frozen whose merge queue is about to merge
// something. What the command line has frozen is nobody's: that is settled here. What is lost here the next look at
// a freeze finds.
func (r *reconciliation) forwardQueue() error {
	all, err := r.GitHub.FindFreezes(r.Ctx, r.Ref)
	if ports.IsRefused(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look by what %s is frozen: %w", r.Ref.FullName(), err)
	}
	for _, f := range all {
		ref, isOfIncident := f.Incident()
		switch {
		case !f.IsActive:
		case !isOfIncident:
			if err := effects.SettleQueue(r.Ctx, r.GitHub, f); err != nil && !ports.IsRefused(err) {
				return fmt.Errorf("settle the merge queue: %w", err)
			}
		default:
			if err := r.askFreezer(ref); err != nil {
				return err
			}
		}
	}
	return nil
}

// askFreezer asks for a look at an incident that has the repository of the message frozen.
func (r *reconciliation) askFreezer(ref incident.Ref) error {
	if !naming.Equal(ref.Owner, r.Ref.Owner) || r.Queue == nil {
		return nil
	}
	m := Message{Ref: ref, What: incident.QueueChanged{Repo: r.Ref.FullName()}, Why: r.m.Why,
		Delivery: "queue " + r.m.Delivery + " " + ref.String()}
	if err := r.Queue.Enqueue(r.Ctx, m, time.Time{}); err != nil {
		return fmt.Errorf("pass on what waits to %s: %w", ref, err)
	}
	return nil
}

// lookUpFreezer looks up whether a command's author may freeze what it names: what the configuration names, and
// else what they may write to.
func (r *reconciliation) lookUpFreezer(c *incident.Command, login string) error {
	c.Org = r.Ref.Owner
	repos, _, _ := incident.FreezeTargets(r.State, r.Policy, c.Org, *c)
	for _, repo := range repos {
		if naming.Contains(r.Policy.Freeze.Repos, repo) {
			continue
		}
		owner, name, ok := naming.SplitRepository(repo)
		if !ok || !naming.Equal(owner, c.Org) {
			continue // it is refused as another owner's
		}
		may, err := r.hasAccess(incident.Ref{Owner: owner, Repo: name}, login, nil)
		switch {
		case ports.IsRefused(err):
			c.Unsure = ports.Reason(err)
		case err != nil:
			return fmt.Errorf("look up whether %s may write to %s: %w", login, repo, err)
		case !may:
			c.Cannot = append(c.Cannot, repo)
		}
	}
	return nil
}
