package setup

import (
	"context"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// Label is one that incidents carry.
type Label struct{ Name, Color, Description string }

// phaseLabels say what each phase is for, in a blue that deepens.
var phaseLabels = map[incident.Phase]Label{
	incident.Identify:    {Color: "c5def5", Description: "What is it, and how bad"},
	incident.Investigate: {Color: "bfd4f2", Description: "Looking for the cause"},
	incident.Fixing:      {Color: "a2c4f5", Description: "The cause is known, a solution is under way"},
	incident.Monitoring:  {Color: "7fb2f0", Description: "Stand-by: is there a regression?"},
	incident.Closing:     {Color: "5a9bea", Description: "Postmortem and follow-ups"},
}

// Labels lists the labels that incidents carry under a policy.
func Labels(p incident.Policy) []Label {
	all := []Label{{incident.LabelIncident, "b60205", "An incident"}}
	for _, s := range p.Severities {
		l := Label{incident.LabelSeverity + s.Name, "fbca04", "It can wait for working hours"}
		if s.Critical {
			l.Color, l.Description = "d73a4a", "P1: coordinators are paged, and the customer hears regularly"
		}
		all = append(all, l)
	}
	for _, phase := range incident.Phases {
		l := phaseLabels[phase]
		l.Name = incident.LabelPhase + string(phase)
		all = append(all, l)
	}
	return append(all, Label{incident.LabelDrill, "d4c5f9", "An exercise: pages nobody, tells no customer"},
		Label{incident.LabelUpdateOverdue, "e99695", "The customer waits for an update"},
		Label{incident.LabelMerged, "0e8a16", "The postmortem is reviewed and finished"})
}

// MissingLabels lists the labels that a repository lacks.
func MissingLabels(ctx context.Context, c *github.Client, ref incident.Ref,
	p incident.Policy) (missing []string, err error) {
	there, err := labelsOf(ctx, c, ref)
	if err != nil {
		return nil, err
	}
	for _, l := range Labels(p) {
		if !there[strings.ToLower(l.Name)] {
			missing = append(missing, l.Name)
		}
	}
	return missing, nil
}

// Declares reports whether an issue form puts the label of incidents on what it opens.
func Declares(form []byte) bool {
	var f struct{ Labels any }
	if err := yaml.Unmarshal(form, &f); err != nil {
		return false
	}
	names, _ := f.Labels.([]any)
	if text, ok := f.Labels.(string); ok { // GitHub takes a list with commas, too
		for name := range strings.SplitSeq(text, ",") {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return slices.ContainsFunc(names, func(n any) bool {
		name, ok := n.(string)
		return ok && naming.Equal(strings.TrimSpace(name), incident.LabelIncident)
	})
}
