package templates

import (
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// RunUsage returns how a workflow is run, as a person writes it.
func RunUsage(w incident.Workflow) string {
	usage := "/oe run " + w.Name
	for _, in := range w.Inputs {
		value := "…"
		switch {
		case in.Type == incident.InputChoice && len(in.Choices) > 0:
			value = strings.Join(in.Choices, "|")
		case in.Type == incident.InputBoolean:
			value = "true|false"
		}
		one := in.Name + "=" + value
		if !in.Required {
			one = "[" + one + "]"
		}
		usage += " " + one
	}
	return texts.Truncate(usage, 400)
}

// runNeeds returns who may run a workflow and when, and what its inputs are.
func runNeeds(w incident.Workflow, phase incident.Phase, isDrill bool) string {
	var parts []string
	if len(w.Who) > 0 {
		parts = append(parts, List(w.Who))
	} else {
		parts = append(parts, "write access to "+texts.Inert(w.Repo, 140))
	}
	if len(w.Phases) > 0 {
		var names []string
		for _, p := range w.Phases {
			names = append(names, Capital(p))
		}
		in := "in " + strings.Join(names, ", ")
		if !slices.Contains(w.Phases, phase) {
			in += " (not now)"
		}
		parts = append(parts, in)
	}
	if isDrill && !w.InDrill {
		parts = append(parts, "no drill")
	}
	for _, in := range w.Inputs {
		if in.About != "" {
			parts = append(parts, "`"+in.Name+"`: "+texts.Inert(in.About, 100))
		}
	}
	return strings.Join(parts, " · ")
}
