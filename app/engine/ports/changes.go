package ports

import (
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/suspect"
)

// ChangeSpan is where and when changes are looked for (X1).
type ChangeSpan struct {
	Ref         incident.Ref // the incident, whose owner's repositories are looked at
	From, Until time.Time
	Repos       []string // owner/repo; empty: all that the App sees
}

// MergedPulls is what a search for merged pull requests found.
type MergedPulls struct {
	Pulls []suspect.Change // without their files
	// IsPublic says that everybody may read the incident: private repositories are left out (A7).
	IsPublic bool
}

// ChangeDetails is what is read of the changes that a search has found, in one call.
type ChangeDetails struct {
	ChangeSpan
	IsPublic     bool                   // private repositories are left out
	Pulls        []suspect.Change       // whose files are read
	Repos        []string               // whose deployments, releases and pushes are read
	Watched      []incident.WatchedPath // whose pushes count
	IsProduction func(environment string) bool
}

// FoundChanges is what changed.
type FoundChanges struct {
	Changes []suspect.Change
	Unread  []string // what GitHub does not let the App read, for people
}

// Reverted is what became of a pull request that takes another back.
type Reverted struct {
	Merged, Live time.Time // zero: not yet
	IsClosed     bool      // without merging
	HasNoLive    bool      // GitHub doesn't say what is deployed there
}
