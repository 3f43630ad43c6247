package effects

import (
	"context"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/owner"
)

// OwnersAPI is what Owners needs of GitHub.
type OwnersAPI interface {
	// ReadOwners returns what a repository says of whose it is. Where everybody may read the incident,
	// a private one says nothing.
	ReadOwners(ctx context.Context, ref incident.Ref, repo string) (owner.Files, error)
}

// Owners finds whose the service is that is hit (X2).
type Owners struct {
	*look.Look
	GitHub OwnersAPI
}

// ownersTimeout is how long whose a service is may take to be read.
const ownersTimeout = 4 * time.Second

// Apply finds whose the service is that is hit, if that is owed. It never fails because of GitHub:
// nothing else waits for it.
func (e Owners) Apply() error {
	return look.ForEach(e.Look, func(f incident.FindOwner) error {
		if !e.State.Hit.Owed {
			return nil // done by an effect before
		}
		found, err := e.Find(f.Hit)
		switch {
		case err == nil || ports.IsRefused(err): // what is configured counts
			e.Report(incident.OwnerFound{Hit: found, IsRefused: err != nil})
		case e.Ctx.Err() != nil:
			return err
		default:
			e.Report(incident.OwnerUnread{})
		}
		if err != nil {
			e.Logger.Warn("whose a service is can't be read", "incident", e.Ref.String(), "err", ports.Redact(err))
		}
		return nil
	})
}

// Find completes what is configured of a service by what its repository says.
func (e Owners) Find(hit incident.Hit) (incident.Hit, error) {
	configured, _ := e.Policy.Catalog.Find(hit.Name)
	repo := configured.Repo
	switch {
	case repo != "":
	case naming.IsRepository(hit.Name):
		repo = hit.Name
	default:
		repo = e.Ref.Owner + "/" + hit.Name
	}
	if of, _, ok := naming.SplitRepository(repo); !ok || !naming.Equal(of, e.Ref.Owner) {
		return hit, nil // another organisation's, where this installation reads nothing
	}
	if len(hit.Owners) > 0 && hit.Runbook != "" {
		return hit, nil // the configuration says it
	}
	ctx, cancel := context.WithTimeout(e.Ctx, ownersTimeout)
	defer cancel()
	files, err := e.GitHub.ReadOwners(ctx, e.Ref, repo)
	if err != nil {
		return hit, err
	}
	s := owner.Complete(owner.Service{Name: hit.Name, Repository: configured.Repo, Path: configured.Path,
		Owners:  hit.Owners,
		Runbook: hit.Runbook, DependsOn: hit.DependsOn, NeededBy: hit.NeededBy}, files, e.Ref.Owner)
	hit.Repo, hit.Owners, hit.Runbook = s.Repository, s.Owners, s.Runbook
	hit.DependsOn, hit.NeededBy = s.DependsOn, s.NeededBy
	return hit, nil
}
