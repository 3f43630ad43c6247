package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/delivery"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
)

// Incidents whose issue is gone: somebody deleted it, converted it to a discussion, which takes
// no comments and can't be opened again, or transferred it to where the App is not installed. Nothing
// can be said there any more. So the operator learns of it by the log and a metric and, if a
// critical incident was running, the coordinators are paged once: whoever did it may not know what
// they ended. That GitHub merely does not find the issue does not count (see handleRefusedLook):
// only a webhook says that it was deleted, and only the issue that it was converted.

// converted is the event of an issue that became a discussion.
const converted = "converted_to_discussion"

// handleConverted handles a look at an issue that became a discussion. It reports whether it is
// one.
func (r *reconciliation) handleConverted() (bool, error) {
	i := slices.IndexFunc(r.Snapshot.Items, func(it Item) bool { return it.Event == converted })
	if i < 0 || r.Snapshot.Open {
		return false, nil
	}
	if r.Before.Declared == nil || !r.Before.Running() {
		return true, r.Scheduler.Schedule(r.Ctx, r.Ref, time.Time{})
	}
	return true, r.endRemoved(incident.Removed{How: "converted", By: r.Snapshot.Items[i].By,
		Title: r.Snapshot.Title, Severity: r.Before.Severity, Drill: r.Before.Drill})
}

// handleRemoved handles a webhook that says that the incident's issue is gone, once the look has
// confirmed that. It reports whether it is. A transferred issue that is only not found yet may
// still appear.
func (r *reconciliation) handleRemoved() (bool, error) {
	gone := r.m.Removed()
	switch {
	case gone == nil, gone.How == "deleted" && (r.Snapshot == nil || !r.Snapshot.Gone),
		gone.How == "transferred" && r.Snapshot != nil:
		return false, nil
	}
	return true, r.endRemoved(*gone)
}

// endRemoved ends an incident whose issue is gone.
func (r *reconciliation) endRemoved(gone incident.Removed) error {
	r.hasLooked = true
	r.forgetOpenIncident(r.Ref)
	r.mu.Lock()
	delete(r.lastLooks, r.Ref)
	r.mu.Unlock()
	r.saveKept(outageKey(r.Ref), []byte{})
	r.Metrics.Record(metrics.Removed, 1, gone.How)
	r.Logger.Error("incident ended: its issue is no more", "incident", r.Ref.String(), "how", gone.How,
		"by", gone.By, "severity", gone.Severity)
	if err := r.Scheduler.Schedule(r.Ctx, r.Ref, time.Time{}); err != nil {
		return fmt.Errorf("remove the timer: %w", err)
	}
	settings := r.settingsName()
	if gone.How == "transferred" { // those of the new repository can't be read
		settings = r.m.Was.FullName()
	}
	policy := r.lastPolicy(r.Ctx, settings)
	if gone.Drill || !policy.Critical(gone.Severity) || r.Pager == nil {
		return nil
	}
	r.pageCoordinators(policy, gone)
	return nil
}

// howRemoved says what somebody did to an issue.
var howRemoved = map[string]string{
	"deleted":     "deleted the issue of this incident",
	"converted":   "converted the issue of this incident to a discussion",
	"transferred": "transferred the issue of this incident to a repository where Firebreak is not installed",
}

// pageCoordinators pages the coordinators, once.
func (r *reconciliation) pageCoordinators(policy incident.Policy, gone incident.Removed) {
	by := []string{policy.Pager}
	if len(policy.Escalation) > 0 && len(policy.Escalation[0].By) > 0 {
		by = policy.Escalation[0].By
	}
	key := r.Ref.String() + "/removed"
	text := cmp.Or(gone.By, "Somebody") + " " + howRemoved[gone.How] +
		" while it ran. Firebreak can't go on with it. Still on? Declare it again."
	for _, kind := range by {
		if kind == "github" { // nobody can be mentioned without the issue
			continue
		}
		service, _ := policy.Service(kind)
		isNew, _, err := r.deliveries.Send(r.Ctx, r.Ref, "removed "+kind,
			func(ctx context.Context, before delivery.Attempt) error {
				return r.Pager.Page(ctx, Page{Ref: r.Ref, Key: key,
					To:      policy.ReachSomebody([]string{policy.Coordinators}, r.Now).To,
					Reached: before.Reached,
					Title:   "P1 ended without a close: " + gone.Title, Text: text,
					URL:      strings.TrimSuffix(r.GitHub.IssueURL(r.Ref), fmt.Sprintf("/%d", r.Ref.Number)),
					Severity: gone.Severity, Service: service})
			})
		if isNew {
			r.countPage(kind, r.Ref.String(), key, err)
		}
	}
}
