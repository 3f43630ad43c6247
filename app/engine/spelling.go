package engine

import (
	"cmp"
	"fmt"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// spelt returns the name of the issue that was read, as GitHub spells it. ok is false where the message spells it so, too.
func (p *pass) spelt() (ref incident.Ref, ok bool) {
	repository, number, ok := naming.ReadIssue(p.snap.URL)
	same := ok && number == p.m.Ref.Number && naming.Equal(repository, p.m.Ref.FullName())
	if !same || repository == p.m.Ref.FullName() {
		return p.m.Ref, false
	}
	owner, repo, _ := naming.SplitRepository(repository)
	return incident.Ref{Owner: owner, Repo: repo, Number: number}, true
}

// passToSpelling passes the message on under the name that GitHub spells, and reports whether it did. The operator and the
// configuration may spell a repository in another case, and GitHub answers them; but an incident under two names would have two
// queues, two clocks and two keys of each page, so that everybody is paged and reminded twice.
func (p *pass) passToSpelling() (bool, error) {
	ref, ok := p.spelt()
	if !ok {
		return false, nil
	}
	on := p.m
	on.Ref = ref
	if id := cmp.Or(p.m.Delivery, signalID(p.m)); id != "" {
		on.Delivery = "spelt " + id + " " + p.m.Ref.String() // SQS would take it for the one that came at first
	}
	if err := p.Queue.Enqueue(p.ctx, on, time.Time{}); err != nil {
		return false, fmt.Errorf("pass on to %s: %w", ref, err)
	}
	return true, nil
}
