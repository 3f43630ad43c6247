package engine

import (
	"cmp"
	"fmt"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// respelledRef returns the issue's name as GitHub spells it. ok is false if the message spells it
// so, too.
func (r *reconciliation) respelledRef() (ref incident.Ref, ok bool) {
	repository, number, ok := naming.ReadIssue(r.Snapshot.URL)
	same := ok && number == r.Ref.Number && naming.Equal(repository, r.Ref.FullName())
	if !same || repository == r.Ref.FullName() {
		return r.Ref, false
	}
	owner, repo, _ := naming.SplitRepository(repository)
	return incident.Ref{Owner: owner, Repo: repo, Number: number}, true
}

// forwardToSpelling passes the message on under the name as GitHub spells it, and reports whether
// it did. The operator and the configuration may spell a repository in another case, and GitHub
// answers them; but an incident under two names would have two queues, two clocks and two keys for
// each page, so that everybody is paged twice.
func (r *reconciliation) forwardToSpelling() (bool, error) {
	ref, ok := r.respelledRef()
	if !ok {
		return false, nil
	}
	on := r.m
	on.Ref = ref
	if id := cmp.Or(r.m.Delivery, signalID(r.m)); id != "" {
		on.Delivery = "spelt " + id + " " + r.Ref.String() // SQS would take it for the one that came at first
	}
	if err := r.Queue.Enqueue(r.Ctx, on, time.Time{}); err != nil {
		return false, fmt.Errorf("pass on to %s: %w", ref, err)
	}
	return true, nil
}
