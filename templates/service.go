package templates

import (
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/oncall"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// shownNeighbours is how many services are shown that depend on one.
const shownNeighbours = 5

// Hit returns the service that is hit as one line: whose it is, who is on call for it, its runbook,
// what depends on it, and how it is known if nobody named it. Nobody is mentioned.
func Hit(h incident.Hit, now []oncall.Now, at time.Time) string {
	parts := []string{"**" + texts.Inert(h.Name, 100) + "**"}
	if len(h.Owners) > 0 {
		var owners []string
		for _, o := range h.Owners {
			owners = append(owners, strings.TrimPrefix(o, "@"))
		}
		parts = append(parts, "owned by "+List(owners))
	}
	for _, n := range now {
		who := "nobody is on call"
		if len(n.Shift.Who) > 0 {
			var names []string
			for _, one := range n.Shift.Who {
				names = append(names, strings.TrimPrefix(one, "@"))
			}
			who = List(names) + " on call until " + UTC(n.Shift.Until, at)
		}
		parts = append(parts, who+" ("+texts.Inert(n.Rotation, 60)+")")
	}
	if h.Runbook != "" {
		parts = append(parts, Link(incident.Link{Name: "Runbook", URL: h.Runbook, IsVerified: true}))
	}
	if len(h.NeededBy) > 0 {
		parts = append(parts, "needed by "+List(h.NeededBy[:min(len(h.NeededBy), shownNeighbours)]))
	}
	if len(h.DependsOn) > 0 {
		parts = append(parts, "needs "+List(h.DependsOn[:min(len(h.DependsOn), shownNeighbours)]))
	}
	switch h.How {
	case incident.HitSummary:
		parts = append(parts, "guessed by “"+texts.Inert(h.By, 60)+"” in the summary")
	case incident.HitSuspect:
		parts = append(parts, "guessed by the suspect change "+texts.Inert(h.By, 100))
	}
	return strings.Join(parts, " · ")
}
