package assembly

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/engine/effects"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// forgottenAfter is how long a freeze may be there after its end, or after its incident's, before the sweep lifts
// it: until then the incident does.
const forgottenAfter = 15 * time.Minute

// liftForgotten ends each freeze of an installation whose time has passed or whose incident is over (X4). All that it
// goes by is on GitHub: so a lost timer, a lost card and a deleted incident leave none. For those of the command line
// it settles the merge queues too. What fails is tried at the next sweep, and keeps nothing else from being swept.
func (s *sweeper) liftForgotten(ctx context.Context, inst github.Installation, now time.Time) {
	if !inst.CanFreeze {
		return
	}
	all, err := s.app.AllFreezes(ctx, inst)
	if err != nil {
		s.log.Warn("frozen repositories can't be listed", "account", inst.Owner, "err", ports.Redact(err))
	}
	for _, f := range all {
		why, err := s.whyForgotten(ctx, f, now)
		if err == nil && why != "" {
			if err = s.app.DeleteFreeze(ctx, f.Repo, f.ID); err == nil {
				s.log.Warn("freeze lifted", "repository", f.Repo.FullName(), "holder", f.Holder, "until", f.Until, "why", why)
				if err = effects.ReleaseQueue(ctx, s.app, f); ports.IsRefused(err) {
					err = nil // who may not set a status has held nothing by one
				}
			}
		}
		if _, isOfIncident := f.Incident(); err == nil && why == "" && !isOfIncident && f.IsActive {
			if err := effects.SettleQueue(ctx, s.app, f); err != nil { // an incident settles its own
				s.log.Warn("merge queue can't be settled", "repository", f.Repo.FullName(), "holder", f.Holder,
					"err", ports.Redact(err))
			}
		}
		if err != nil {
			s.log.Warn("freeze can't be lifted", "repository", f.Repo.FullName(), "holder", f.Holder, "until", f.Until,
				"err", ports.Redact(err))
		}
	}
}

// whyForgotten says why a freeze is lifted; "" if it isn't.
func (s *sweeper) whyForgotten(ctx context.Context, f ports.Freeze, now time.Time) (string, error) {
	ref, isOfIncident := f.Incident()
	switch {
	case !isOfIncident && !now.Before(f.Until):
		return "its time is over", nil
	case !isOfIncident:
		return "", nil
	case now.Sub(f.Until) >= forgottenAfter:
		return "its time is over", nil
	case now.Sub(f.Created) < forgottenAfter:
		return "", nil
	}
	since, isOver, err := s.app.IncidentEnded(ctx, ref)
	if err != nil {
		return "", fmt.Errorf("look whether %s wants %s frozen: %w", ref, f.Repo.FullName(), err)
	}
	if isOver && now.Sub(since) >= forgottenAfter {
		return "its incident is over", nil
	}
	return "", nil
}

// askToSettle returns a message for each repository of an installation in which some deployment waits (X4): a webhook
// that was lost would hold it for 30 days.
func (s *sweeper) askToSettle(ctx context.Context, inst github.Installation, now time.Time) (all []engine.Message) {
	if !inst.CanHold {
		return nil
	}
	waiting, err := s.app.WaitingRepositories(ctx, inst)
	if err != nil { // it is tried at the next sweep, and keeps nothing else from being swept
		s.log.Warn("deployments that wait can't be listed", "account", inst.Owner, "err", ports.Redact(err))
	}
	for _, repo := range waiting {
		all = append(all, engine.Message{Ref: repo, What: &incident.GateAsked{}, Why: "sweep",
			Delivery: "gates " + strings.ToLower(repo.FullName()) + " " + now.UTC().Format(time.RFC3339)})
	}
	return all
}
