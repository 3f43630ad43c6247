package templates

import (
	"strings"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// shownNeighbours is how many services are shown that depend on one.
const shownNeighbours = 5

// Hit returns the service that is hit as one line: whose it is, its runbook, and what depends on
// it. Nobody is mentioned.
func Hit(h incident.Hit) string {
	parts := []string{"**" + texts.Inert(h.Name, 100) + "**"}
	if len(h.Owners) > 0 {
		var owners []string
		for _, o := range h.Owners {
			owners = append(owners, strings.TrimPrefix(o, "@"))
		}
		parts = append(parts, "owned by "+List(owners))
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
	return strings.Join(parts, " · ")
}
