// Package suspect ranks what changed before an incident by how likely it is where the incident came
// from, and says why of each change (X1). It is a table of weights and no model.
package suspect

import (
	"cmp"
	"slices"
	"time"
)

// Kind is what a change is.
type Kind string

// The kinds of changes.
const (
	Pull          Kind = "pull"          // a merged pull request
	Deployment    Kind = "deployment"    // one to production that succeeded
	Release       Kind = "release"       // a published one
	Push          Kind = "push"          // one to a branch, or a path, that the configuration names
	Dependency    Kind = "dependency"    // a pull request that updates what others wrote
	Workflow      Kind = "workflow"      // a run of a workflow on the default branch
	Configuration Kind = "configuration" // a change of Firebreak's own configuration
)

// Change is one thing that changed where the incident may have come from.
type Change struct {
	Kind  Kind
	Ref   string // how people name it: "acme/payments#41", "acme/payments@v1.4.0", "acme/payments@3f2c1a9"
	Repo  string // "acme/payments"
	Title string
	URL   string
	By    string // login of who merged, deployed or released it; never mentioned

	Merged time.Time // when it entered the default branch; zero: not known
	Live   time.Time // when it reached production: deployed with success, released; zero: not known, Merged counts

	Files  []string
	Lines  int // added and deleted; 0: not known
	Labels []string

	Environment string // of a deployment; the caller leaves those out that aren't production
	Commit      string // what a deployment brought, or a pull request's merge commit: joins the two

	Reverts        string // the Ref of what it takes back; "": nothing
	Reverted       bool   // something later took it back already
	RevertedBefore bool   // the same change was taken back once before, and came again
}

// Symptoms is what is known of an incident when somebody asks.
type Symptoms struct {
	Start    time.Time         // of the impact; zero: not known, then no change is too late or old
	Words    string            // title, summary, findings
	Labels   map[string]string // of its alerts
	Services []string          // services or repositories that are said to be hit: "payments", "acme/payments"
	Cleared  []string          // Refs that are set aside
}

// Suspect is a change with why it is suspected.
type Suspect struct {
	Change
	Score   float64  // in doublings of suspicion: a change with one more is twice as suspect
	Reasons []Reason // most telling first
}

// Rank returns at most n suspects, the most suspect first. Changes after the start are no suspects. A
// pull request and the deployment or release that brought it are one suspect: with the time of the
// deployment, and the title and files of the pull request. A release of several is one suspect, too.
// What was taken back before the start is left out, and so is what is cleared.
func Rank(changes []Change, s Symptoms, n int) []Suspect {
	all := join(changes, s.Start, s.Cleared)
	symptoms := read(s)
	corpus := index(all)
	symptoms.mention(corpus.names, corpus)
	var out []Suspect
	for i, c := range all {
		out = append(out, symptoms.suspect(c, corpus.docs[i], corpus))
	}
	slices.SortStableFunc(out, func(a, b Suspect) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), at(b.Change).Compare(at(a.Change)), cmp.Compare(a.Ref, b.Ref))
	})
	return out[:min(max(n, 0), len(out))]
}
