package effects

import (
	"context"
	"fmt"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// OpenStateAPI is what OpenState needs of GitHub.
type OpenStateAPI interface {
	// SetOpen opens or closes the issue. reason is GitHub's state_reason; duplicate is the database
	// id of the issue of which this one is a duplicate, or 0.
	SetOpen(ctx context.Context, ref incident.Ref, open bool, reason string, duplicate int64) error
}

// OpenState opens or closes the incident's issue.
type OpenState struct {
	*look.Look
	GitHub OpenStateAPI
	// IDOf returns the database id of another issue of the repository, by its number; 0 if it
	// is unknown.
	IDOf func(number int) (int64, error)
}

// Apply makes the issue as the state wants it.
func (e OpenState) Apply(want incident.Wanted) error {
	return e.Attempt("state", func() error {
		duplicate := int64(0)
		if !want.Open && want.Reason == "duplicate" {
			var err error
			if duplicate, err = e.IDOf(want.Duplicate); err != nil {
				return err
			}
		}
		if err := e.GitHub.SetOpen(e.Ctx, e.Ref, want.Open, want.Reason, duplicate); err != nil {
			return fmt.Errorf("open or close the issue: %w", err)
		}
		return nil
	})
}
