package ports

import (
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// NewRun is a run of a workflow that is to be started.
type NewRun struct {
	Repo   incident.Ref // without a number
	File   string       // of the workflow, in .github/workflows
	Branch string       // or tag
	Inputs map[string]string
}

// Run is a run of a workflow.
type Run struct {
	ID      int64
	URL     string
	Status  string // as GitHub says: "queued", "waiting", "in_progress", "completed"
	Outcome string // its conclusion; empty until it ended
	Created time.Time
	Updated time.Time
}
