// Package effects applies to GitHub and to people what the core asks for. Each kind of effect is a
// file of its own, with the few calls to GitHub that it needs as its interface. An effect is
// idempotent by its own key or by comparing with what is there, and reports what came of it to the
// core (look.Look).
package effects

import (
	"context"
	"fmt"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// LabelsAPI is what Labels needs of GitHub.
type LabelsAPI interface {
	AddLabels(ctx context.Context, ref incident.Ref, labels []string) error
	RemoveLabel(ctx context.Context, ref incident.Ref, label string) error
}

// Labels puts the incident's labels right.
type Labels struct {
	*look.Look
	GitHub LabelsAPI
}

// Apply adds and removes labels one by one, never as a set: that would undo what a person does at
// the same moment (A2).
func (e Labels) Apply(add, remove []string) error {
	return e.Attempt("labels", func() error {
		if len(add) > 0 {
			if err := e.GitHub.AddLabels(e.Ctx, e.Ref, add); err != nil {
				return fmt.Errorf("add labels %v: %w", add, err)
			}
		}
		for _, l := range remove {
			if err := e.GitHub.RemoveLabel(e.Ctx, e.Ref, l); err != nil {
				return fmt.Errorf("remove label %s: %w", l, err)
			}
		}
		return nil
	})
}
