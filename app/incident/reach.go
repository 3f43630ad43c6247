package incident

import (
	"slices"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// ByPeople is the service that reaches each person by their own ways (O3).
const ByPeople = "people"

// WaysBy returns the independent ways by which services reach a person, each by its vendor: an outage
// of one ends one of them. own are the vendors of the person's own ways, which the service people uses.
func WaysBy(services, own []string) (ways []string) {
	for _, kind := range services {
		if kind != ByPeople && !slices.Contains(ways, kind) {
			ways = append(ways, kind)
		}
	}
	if !slices.Contains(services, ByPeople) {
		return ways
	}
	for _, vendor := range own {
		if !slices.Contains(services, vendor) { // their own mention, and that of the step, are one
			ways = append(ways, vendor)
		}
	}
	return ways
}

// ServicesFor returns by which services steps page a name, for each step that has it. A name of no step
// is paged as /ic escalate does.
func (p Policy) ServicesFor(name string) (all [][]string) {
	for _, step := range p.Escalation {
		if naming.Contains(step.To, name) {
			all = append(all, p.ServicesOf(step))
		}
	}
	if len(all) == 0 {
		all = append(all, []string{p.Pager})
	}
	return all
}

// ServicesOf returns the services by which a step pages: its own, or the policy's.
func (p Policy) ServicesOf(step EscalationStep) []string {
	if len(step.By) > 0 {
		return step.By
	}
	return []string{p.Pager}
}
