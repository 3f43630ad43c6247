package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// A webhook says that a deployment succeeded, and not which incident waits for it. The incidents with an
// open revert in a repository are listed in the store, so that the deployments of all other
// repositories take no call. What is lost there costs two minutes: each revert is looked at from time to
// time.

// mostWaiting is how many incidents may wait for the deployments of one repository.
const mostWaiting = 20

func deploymentsKey(repo string) string { return "reverts/" + naming.Key(repo) }

// waitingFor returns the incidents that have an open revert in a repository.
func (r *reconciliation) waitingFor(repo string) (refs []incident.Ref) {
	for line := range strings.Lines(string(r.loadKept(r.Ctx, deploymentsKey(repo)))) {
		if ref, err := incident.ParseRef(strings.TrimSpace(line)); err == nil {
			refs = append(refs, ref)
		}
	}
	return refs
}

// saveWaiting keeps which incidents have an open revert in a repository, the newest ones.
func (r *reconciliation) saveWaiting(repo string, refs []incident.Ref) {
	var text strings.Builder
	for _, ref := range refs[max(0, len(refs)-mostWaiting):] {
		fmt.Fprintln(&text, ref)
	}
	r.saveKept(deploymentsKey(repo), []byte(text.String()))
}

// followDeployments has this incident hear of the deployments of a repository.
func (r *reconciliation) followDeployments(repo string) {
	refs := r.waitingFor(repo)
	if !slices.ContainsFunc(refs, func(ref incident.Ref) bool { return isSame(ref, r.Ref) }) {
		r.saveWaiting(repo, append(refs, r.Ref))
	}
}

// leaveDeployments ends followDeployments.
func (r *reconciliation) leaveDeployments(repo string) {
	refs := r.waitingFor(repo)
	left := slices.DeleteFunc(slices.Clone(refs), func(ref incident.Ref) bool { return isSame(ref, r.Ref) })
	if len(left) != len(refs) {
		r.saveWaiting(repo, left)
	}
}

// forwardDeployed asks for a look at each incident that has an open revert in the repository of which
// something was deployed to production.
func (r *reconciliation) forwardDeployed() error {
	waiting := r.waitingFor(r.Ref.FullName())
	left := slices.Clone(waiting)
	for _, ref := range waiting {
		if !r.lastPolicy(r.Ctx, ref.FullName()).Changes.IsProduction(r.m.Deployed().Environment) {
			continue
		}
		m := Message{Ref: ref, What: incident.Refresh{}, Why: incident.RevertDeployed,
			Delivery: "deployed " + r.m.Delivery + " " + ref.String()}
		if r.Queue == nil {
			return fmt.Errorf("pass on a deployment to %s: no queue", ref)
		}
		if err := r.Queue.Enqueue(r.Ctx, m, time.Time{}); err != nil {
			return fmt.Errorf("pass on a deployment to %s: %w", ref, err)
		}
		left = slices.DeleteFunc(left, func(l incident.Ref) bool { return isSame(l, ref) })
	}
	if len(left) != len(waiting) { // whoever still waits says so with its look
		r.saveWaiting(r.Ref.FullName(), left)
	}
	return nil
}
