package effects

import (
	"context"
	"fmt"
	"slices"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// AssigneesAPI is what Assignees needs of GitHub.
type AssigneesAPI interface {
	// Assign assigns people and returns who is assigned afterwards: GitHub drops silently whom it
	// can't assign.
	Assign(ctx context.Context, ref incident.Ref, logins []string) (assigned []string, err error)
	Unassign(ctx context.Context, ref incident.Ref, logins []string) error
}

// Assignees puts the incident's assignees right.
type Assignees struct {
	*look.Look
	GitHub AssigneesAPI
}

// Apply assigns and unassigns people. Whom GitHub can't assign is reported to the core.
func (e Assignees) Apply(assign, unassign []string) error {
	return e.Attempt("assignees", func() error {
		if len(unassign) > 0 {
			if err := e.GitHub.Unassign(e.Ctx, e.Ref, unassign); err != nil {
				return fmt.Errorf("unassign %v: %w", unassign, err)
			}
		}
		if len(assign) == 0 {
			return nil
		}

		assigned, err := e.GitHub.Assign(e.Ctx, e.Ref, assign)
		if err != nil {
			return fmt.Errorf("assign %v: %w", assign, err)
		}
		refused := slices.DeleteFunc(assign,
			func(login string) bool { return naming.Contains(assigned, login) })
		if len(refused) > 0 {
			e.Report(incident.Unassignable{Logins: refused})
		}
		return nil
	})
}
