package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
)

// Incidents whose issue is no more: somebody deleted it, converted it to a discussion, which takes no comments and can't be opened
// again, or transferred it to where the App is not installed. Nothing can be said there any more, so the end is told elsewhere: to
// the operator by the log and a metric and, if a critical incident was running, once to the coordinators by the pager: whoever did
// it may not know what they ended, and nobody else would hear of it. Everybody else sees on GitHub that it is gone. What GitHub
// merely does not find is no such end (see lookRefused): only a webhook says that it was deleted, and only the issue that it was
// converted.

// converted is the event of an issue that became a discussion.
const converted = "converted_to_discussion"

// issueConverted handles a look at an issue that became a discussion. It reports whether it is one.
func (p *pass) issueConverted() (bool, error) {
	i := slices.IndexFunc(p.snap.Items, func(it Item) bool { return it.Event == converted })
	if i < 0 || p.snap.Open {
		return false, nil
	}
	if p.before.Declared == nil || !p.before.Running() {
		return true, p.Scheduler.Schedule(p.ctx, p.m.Ref, time.Time{})
	}
	return true, p.endWithout(incident.Removed{How: "converted", By: p.snap.Items[i].By, Title: p.snap.Title, Severity: p.before.Severity, Drill: p.before.Drill})
}

// issueRemoved handles a webhook that told that the incident's issue is no more, once the look has confirmed that. It reports
// whether that is so. A transferred issue that is only not found yet may still come.
func (p *pass) issueRemoved() (bool, error) {
	r := p.m.Removed()
	switch {
	case r == nil, r.How == "deleted" && (p.snap == nil || !p.snap.Gone), r.How == "transferred" && p.snap != nil:
		return false, nil
	}
	return true, p.endWithout(*r)
}

// endWithout ends an incident whose issue is no more.
func (p *pass) endWithout(r incident.Removed) error {
	p.looked = true
	p.forget(p.m.Ref)
	p.mu.Lock()
	delete(p.heard, p.m.Ref)
	p.mu.Unlock()
	p.putAway(spareName(p.m.Ref), []byte{})
	p.Metrics.Record(metrics.Removed, 1, r.How)
	p.Logger.Error("incident ended: its issue is no more", "incident", p.m.Ref.String(), "how", r.How, "by", r.By, "severity", r.Severity)
	if err := p.Scheduler.Schedule(p.ctx, p.m.Ref, time.Time{}); err != nil {
		return fmt.Errorf("remove the timer: %w", err)
	}
	settings := p.settingsName()
	if r.How == "transferred" { // those of the new repository can't be read
		settings = p.m.Was.FullName()
	}
	policy := p.lastPolicy(p.ctx, settings)
	if r.Drill || !policy.Critical(r.Severity) || p.Pager == nil {
		return nil
	}
	p.tellCoordinators(policy, r)
	return nil
}

// howRemoved says what somebody did to an issue.
var howRemoved = map[string]string{
	"deleted":     "deleted the issue of this incident",
	"converted":   "converted the issue of this incident to a discussion",
	"transferred": "transferred the issue of this incident to a repository where Firebreak is not installed",
}

// tellCoordinators pages the coordinators, once.
func (p *pass) tellCoordinators(policy incident.Policy, r incident.Removed) {
	by := []string{policy.Pager}
	if len(policy.Escalation) > 0 && len(policy.Escalation[0].By) > 0 {
		by = policy.Escalation[0].By
	}
	key := p.m.Ref.String() + "/removed"
	text := cmp.Or(r.By, "Somebody") + " " + howRemoved[r.How] + " while it ran. Firebreak can't go on with it. Still on? Declare it again."
	for _, kind := range by {
		if kind == "github" { // there is no issue on which somebody could be mentioned
			continue
		}
		service, _ := policy.Service(kind)
		isNew, _, err := p.sendOnce(p.ctx, p.m.Ref, "removed "+kind, func(ctx context.Context, before delivery) error {
			return p.Pager.Page(ctx, Page{Ref: p.m.Ref, Key: key, To: []string{policy.Coordinators}, Reached: before.Reached,
				Title: "P1 ended without a close: " + r.Title, Text: text,
				URL:      strings.TrimSuffix(p.GitHub.Address(p.m.Ref), fmt.Sprintf("/%d", p.m.Ref.Number)),
				Severity: r.Severity, Service: service})
		})
		if isNew {
			p.countPage(kind, p.m.Ref.String(), key, err)
		}
	}
}
