package effects

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/suspect"
)

// ChangesAPI is what Changes needs of GitHub.
type ChangesAPI interface {
	// FindMerged returns the pull requests that were merged into default branches.
	FindMerged(ctx context.Context, s ports.ChangeSpan) (ports.MergedPulls, error)
	// ReadChanges returns the same pull requests with their files, and what else changed.
	ReadChanges(ctx context.Context, d ports.ChangeDetails) (ports.FoundChanges, error)
}

// Changes lists what changed before an incident (X1).
type Changes struct {
	*look.Look
	GitHub ChangesAPI
	Ranked *Ranked // gets what is listed
}

const (
	// changesTimeout is how long what changed is looked for. What people write in that time is looked
	// at afterwards.
	changesTimeout = 8 * time.Second
	// detailedPulls is how many pull requests are looked at with their files, the most suspect
	// first, and detailedRepos of how many repositories deployments and releases are.
	detailedPulls = 40
	detailedRepos = 20
)

// Apply lists what changed, if that is owed. It never fails because of GitHub: nothing else waits
// for it.
func (e Changes) Apply() error {
	return look.ForEach(e.Look, func(l incident.ListChanges) error {
		if !e.State.Changes.Owed {
			return nil // done by an effect before
		}
		ctx, cancel := context.WithTimeout(e.Ctx, changesTimeout)
		defer cancel()
		listed, err := e.list(ctx, l)
		var refusal *ports.Refusal
		switch {
		case err == nil:
		case e.Ctx.Err() != nil:
			return err
		case errors.As(err, &refusal):
			e.Logger.Warn("what changed can't be read", "incident", e.Ref.String(), "err", ports.Redact(err))
			listed = incident.ChangesListed{From: l.From, Unread: []string{"what changed: " + ports.Reason(err)}}
		default:
			e.Logger.Warn("what changed is looked for later", "incident", e.Ref.String(), "err", ports.Redact(err))
			e.Report(incident.ChangesUnread{})
			return nil
		}
		e.Report(listed)
		return nil
	})
}

// list reads what changed and ranks it: first without files, to find those that are worth the call.
func (e Changes) list(ctx context.Context, l incident.ListChanges) (incident.ChangesListed, error) {
	listed := incident.ChangesListed{From: l.From}
	span := ports.ChangeSpan{Ref: e.Ref, From: l.From, Until: l.Until, Repos: l.Repos}
	merged, err := e.GitHub.FindMerged(ctx, span)
	if err != nil {
		return listed, err
	}
	symptoms := e.symptoms(l)
	var pulls []suspect.Change
	for _, s := range suspect.Rank(merged.Pulls, symptoms, detailedPulls) {
		i := slices.IndexFunc(merged.Pulls, func(c suspect.Change) bool { return c.Ref == s.Ref })
		pulls = append(pulls, merged.Pulls[i])
	}
	repos := e.reposOf(l, pulls)
	found := ports.FoundChanges{}
	if len(repos) > 0 {
		found, err = e.GitHub.ReadChanges(ctx, ports.ChangeDetails{ChangeSpan: span, Pulls: pulls, Repos: repos,
			IsPublic: merged.IsPublic, Watched: e.Policy.Changes.Watched, IsProduction: e.Policy.Changes.IsProduction})
		if err != nil {
			return listed, err
		}
	}
	listed.Unread = found.Unread
	// what was not looked at with its files still counts, as a revert of another for instance
	all := found.Changes
	for _, c := range merged.Pulls {
		if !slices.ContainsFunc(all, func(d suspect.Change) bool { return d.Ref == c.Ref }) {
			all = append(all, c)
		}
	}
	listed.Seen = len(all)
	e.Ranked.suspects = suspect.Rank(all, symptoms, incident.MostSuspects)
	for _, s := range e.Ranked.suspects {
		one := incident.Suspect{Ref: s.Ref, Title: s.Title, URL: s.URL, By: s.By}
		for _, r := range s.Reasons {
			one.Why = append(one.Why, r.String())
		}
		listed.Suspects = append(listed.Suspects, one)
	}
	return listed, nil
}

// reposOf returns the repositories whose deployments, releases and pushes are looked at: those that
// somebody named, those of the most suspect pull requests, those of watched paths, and the
// incident's own, where the configuration is.
func (e Changes) reposOf(l incident.ListChanges, pulls []suspect.Change) (repos []string) {
	add := func(repo string) {
		if len(repos) < detailedRepos && !naming.Contains(repos, repo) {
			repos = append(repos, repo)
		}
	}
	for _, repo := range l.Repos {
		add(repo)
	}
	if len(l.Repos) > 0 {
		return repos
	}
	for _, w := range e.Policy.Changes.Watched {
		if owner, _, _ := strings.Cut(w.Repo, "/"); naming.Equal(owner, e.Ref.Owner) {
			add(w.Repo)
		}
	}
	for _, p := range pulls {
		add(p.Repo)
	}
	if len(repos) > 0 { // else nothing else may have changed that is worth a call
		add(e.Ref.FullName())
	}
	return repos
}

// symptoms returns what is known of the incident.
func (e Changes) symptoms(l incident.ListChanges) suspect.Symptoms {
	words := []string{e.Snapshot.Title, e.Snapshot.Body}
	for _, s := range e.State.Found {
		words = append(words, s.Text)
	}
	if e.State.Impact != nil {
		words = append(words, e.State.Impact.Text)
	}
	s := suspect.Symptoms{Start: l.Until, Words: strings.Join(words, "\n"), Cleared: l.Cleared}
	if hit := e.State.Hit; hit.How != incident.HitSuspect && (hit.Repo != "" || hit.Name != "") {
		s.Services = []string{cmp.Or(hit.Repo, hit.Name)}
	}
	return s
}
