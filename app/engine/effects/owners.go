package effects

import (
	"context"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/owner"
	"github.com/firebreak-dev/firebreak/app/suspect"
)

// OwnersAPI is what Owners needs of GitHub.
type OwnersAPI interface {
	// ReadOwners returns what a repository says of whose it is. Where everybody may read the incident,
	// a private one says nothing.
	ReadOwners(ctx context.Context, ref incident.Ref, repo string) (owner.Files, error)
}

// Owners finds which service is hit, and whose it is (X2).
type Owners struct {
	*look.Look
	GitHub  OwnersAPI
	Summary func() string // of the incident, as its issue says
	Ranked  *Ranked
}

// Ranked are the suspects that this look ranked, with what the incident doesn't keep of them.
type Ranked struct{ suspects []suspect.Suspect }

// filesOf returns the files of a suspect; nil if they are not known.
func (r *Ranked) filesOf(ref string) []string {
	for _, s := range r.suspects {
		if s.Ref == ref {
			return s.Files
		}
	}
	return nil
}

// ownersTimeout is how long whose a service is may take to be read.
const ownersTimeout = 4 * time.Second

// Apply finds whose the service is that is hit, if that is owed: the one that somebody named, or else that
// the title and the summary name. It never fails because of GitHub: nothing else waits for it.
func (e Owners) Apply() error {
	return look.ForEach(e.Look, func(f incident.FindOwner) error {
		if !e.State.Hit.Owed {
			return nil // done by an effect before
		}
		hit := f.Hit
		if hit.Name == "" {
			var ok bool
			if hit, ok = e.named(); !ok {
				return nil // what changed may say it
			}
		}
		return e.report(hit, nil)
	})
}

// ApplySuspected finds the service by the most suspect change, where nothing else says which it is.
func (e Owners) ApplySuspected() error {
	if hit := e.State.Hit; !hit.Owed || hit.Name != "" || e.State.Changes.Owed {
		return nil // known, or what changed could not be read and comes later
	}
	hit, files, ok := e.suspected()
	if !ok {
		e.Report(incident.OwnerFound{Hit: e.State.Hit}) // nothing says it
		return nil
	}
	return e.report(hit, files)
}

// report reads whose a service is, and reports it.
func (e Owners) report(hit incident.Hit, files []string) error {
	hit.Search = e.State.Hit.Search
	found, err := e.Find(hit, files)
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
}

// named returns the service of the configuration that the title or the summary names.
func (e Owners) named() (incident.Hit, bool) {
	words := e.Snapshot.Title + "\n" + e.Summary()
	if e.State.Impact != nil {
		words += "\n" + e.State.Impact.Text
	}
	s, said, ok := e.Policy.Catalog.Named(words)
	if !ok {
		return incident.Hit{}, false
	}
	hit := e.Policy.HitOf(s.Name)
	hit.How, hit.By = incident.HitSummary, said
	return hit, true
}

// suspected returns the service in which the most suspect change to one was made, and which files it
// touched, as far as that was read.
func (e Owners) suspected() (hit incident.Hit, files []string, ok bool) {
	for _, s := range e.State.Changes.Suspects {
		repo := s.Ref[:max(0, strings.IndexAny(s.Ref, "#@"))]
		of, name, isRepo := naming.SplitRepository(repo)
		if !isRepo || naming.Equal(repo, e.Ref.FullName()) {
			continue // a change of Firebreak's own configuration is of no service
		}
		files := e.Ranked.filesOf(s.Ref)
		if known, isKnown := e.Policy.Catalog.At(repo, files); isKnown {
			name = known.Name
		} else if !naming.Equal(of, e.Ref.Owner) {
			name = repo
		}
		hit = e.Policy.HitOf(name)
		hit.How, hit.By = incident.HitSuspect, s.Ref
		return hit, files, true
	}
	return hit, nil, false
}

// Find completes what is configured of a service by what its repository says. files are known to be of it.
func (e Owners) Find(hit incident.Hit, files []string) (incident.Hit, error) {
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
	says, err := e.GitHub.ReadOwners(ctx, e.Ref, repo)
	if err != nil {
		return hit, err
	}
	s := owner.Complete(owner.Service{Name: hit.Name, Repository: configured.Repo, Path: configured.Path,
		Files: files, Owners: hit.Owners, Runbook: hit.Runbook, DependsOn: hit.DependsOn,
		NeededBy: hit.NeededBy}, says, e.Ref.Owner)
	hit.Repo, hit.Owners, hit.Runbook = s.Repository, s.Owners, s.Runbook
	hit.DependsOn, hit.NeededBy = s.DependsOn, s.NeededBy
	return hit, nil
}
