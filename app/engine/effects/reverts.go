package effects

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/mark"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/templates"
)

// RevertsAPI is what Reverts needs of GitHub.
type RevertsAPI interface {
	// FindRevert looks in a repository for a pull request by the app, opened since, that is marked;
	// number is 0 if there is none.
	FindRevert(ctx context.Context, repo string, is ports.IsMarked, since time.Time) (number int, err error)
	// RevertPull opens the revert of a merged pull request, and asks who wrote it, who merged it and
	// its owners, which are team slugs and people with @, for a review. It never retries: find it
	// first. A *ports.Refusal says why there is none.
	RevertPull(ctx context.Context, pull incident.Ref, body string, owners []string) (number int, err error)
	// ReadRevert reads what became of the pull request of a revert: IsProduction says which
	// environments count.
	ReadRevert(ctx context.Context, pull incident.Ref, isProduction func(string) bool) (ports.Reverted, error)
	IssueURL(ref incident.Ref) string
}

// Reverts opens pull requests that take others back, each once, and follows them (X3).
type Reverts struct {
	*look.Look
	GitHub RevertsAPI
	Issues Issues
	// Follow has the incident hear of the deployments of a repository, and Leave no more. Both only
	// spare waiting: a revert is looked at from time to time all the same.
	Follow, Leave func(repo string)
}

// Apply opens what is owed and looks at what is due.
func (e Reverts) Apply() error {
	err := look.ForEach(e.Look, func(o incident.OpenRevert) error {
		for _, v := range e.State.Reversals {
			if v.ID == o.Reversal.ID && v.Of == o.Reversal.Of && v.Pull == "" && !v.Closed {
				return e.open(v)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return look.ForEach(e.Look, func(c incident.CheckRevert) error {
		for _, v := range e.State.Reversals {
			if v.Of == c.Reversal.Of && v.Pull == c.Reversal.Pull && v.Due && !v.Closed {
				return e.check(v)
			}
		}
		return nil
	})
}

// open opens one revert. What GitHub refuses is told to who asked for it: there is nothing to wait
// for.
func (e Reverts) open(v incident.Reversal) error {
	of, err := incident.ParseRef(v.Of)
	if err != nil {
		return err
	}
	number, err := e.findOrOpen(v, of)
	if err == nil && number == 0 {
		e.Report(incident.RevertRefused{Of: v.Of, Why: "GitHub refused it before"})
		return nil
	}
	var refusal *ports.Refusal
	if errors.As(err, &refusal) {
		e.Logger.Warn("revert refused by GitHub", "incident", e.Ref.String(), "pull", v.Of, "err", ports.Redact(err))
		e.Report(incident.RevertRefused{Of: v.Of, Why: ports.Reason(err),
			IsMissing: refusal.Status == http.StatusNotFound && !refusal.NotInstalled,
			IsOpen:    errors.Is(err, ports.ErrNotMerged)})
		return nil
	}
	if err != nil {
		return fmt.Errorf("open the revert of %s: %w", v.Of, err)
	}
	pull := incident.Ref{Owner: of.Owner, Repo: of.Repo, Number: number}
	e.Follow(pull.FullName())
	e.Report(incident.RevertOpened{Of: v.Of, Pull: pull.String(), URL: e.GitHub.IssueURL(pull)})
	return nil
}

// findOrOpen returns the pull request that takes another back; 0 where it was answered, before a card
// was lost, that there is none: it is not tried again unasked.
func (e Reverts) findOrOpen(v incident.Reversal, of incident.Ref) (number int, err error) {
	m := mark.Mark{Kind: incident.RevertMarkKind, Text: e.DeclaredRef().String() + " " + v.Of + " " + v.ID}
	repo := of.FullName()
	number, err = e.GitHub.FindRevert(e.Ctx, repo, e.IsMarked(m), v.At)
	if err != nil || number != 0 || v.IsTold {
		return number, err
	}
	text, err := templates.RevertBody(v, e.DeclaredRef())
	if err != nil {
		return 0, err
	}
	o, err := e.Issues.openOnce(repo, m.Line(), "", DoubtUnasked, func(attempt) (int, int64, error) {
		number, err := e.GitHub.RevertPull(e.Ctx, of, e.SignIssue(text, m), e.State.OwnersAt(repo, e.Policy))
		return number, 0, err
	})
	return o.Number, err
}

// check looks at one revert. What GitHub does not show stays as it is until the next time: nothing
// waits for it.
func (e Reverts) check(v incident.Reversal) error {
	pull, err := incident.ParseRef(v.Pull)
	if err != nil {
		return err
	}
	seen, err := e.GitHub.ReadRevert(e.Ctx, pull, e.Policy.Changes.IsProduction)
	if err != nil && e.Ctx.Err() != nil {
		return fmt.Errorf("look at the revert %s: %w", v.Pull, err)
	}
	if err != nil {
		e.Logger.Warn("revert can't be read", "incident", e.Ref.String(), "pull", v.Pull, "err", ports.Redact(err))
		e.Report(incident.RevertSeen{Of: v.Of, Merged: v.Merged, Live: v.Live})
		return nil
	}
	switch {
	case !seen.IsClosed && !seen.HasNoLive && seen.Live.IsZero() && v.IsFollowed(seen.Merged, e.Now):
		e.Follow(pull.FullName()) // again, as another incident may have written over it
	case !e.waitsFor(pull.FullName(), v):
		e.Leave(pull.FullName())
	}
	e.Report(incident.RevertSeen{Of: v.Of, Merged: seen.Merged, Live: seen.Live, Closed: seen.IsClosed,
		HasNoLive: seen.HasNoLive})
	return nil
}

// waitsFor reports whether another revert than v waits for a deployment of a repository.
func (e Reverts) waitsFor(repo string, v incident.Reversal) bool {
	return slices.ContainsFunc(e.State.Reversals, func(other incident.Reversal) bool {
		pull, err := incident.ParseRef(other.Pull)
		return err == nil && other.ID != v.ID && !other.Closed && other.Live.IsZero() &&
			naming.Equal(pull.FullName(), repo)
	})
}
