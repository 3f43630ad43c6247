package engine

import (
	"fmt"
	"slices"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// keepFreezes freezes what is to be frozen, lets through what is to be let through, and ends what is over.
func (r *reconciliation) keepFreezes() error {
	isFreeze := func(e incident.Effect) bool { _, ok := e.(incident.KeepFreeze); return ok }
	if !slices.ContainsFunc(r.Effects, isFreeze) {
		return nil
	}
	// what became of it is said before a limit can end this look
	return inOrder(r.freezes.Apply, r.comments.Apply)
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
		may, err := r.GitHub.CanRespond(r.Ctx, incident.Ref{Owner: owner, Repo: name}, login, nil)
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
