package suspect_test

import (
	"slices"
	"testing"

	"github.com/firebreak-dev/firebreak/app/suspect"
)

// asRead returns the suspects of a day as the engine finds them, which can't read everything: the files of so many pull
// requests, the most suspect by their titles, and the deployments and releases of the first repositories of those.
func asRead(all []suspect.Change, s suspect.Symptoms, pulls, repos int) []suspect.Suspect {
	bare := func(c suspect.Change) suspect.Change { c.Files = nil; return c }
	var merged []suspect.Change
	for _, c := range all {
		if c.Kind == suspect.Pull {
			merged = append(merged, bare(c))
		}
	}
	var read, in []string
	for _, first := range suspect.Rank(merged, s, pulls) {
		read = append(read, first.Ref)
		if !slices.Contains(in, first.Repo) && len(in) < repos {
			in = append(in, first.Repo)
		}
	}
	var known []suspect.Change
	for _, c := range all {
		switch {
		case c.Kind == suspect.Pull && !slices.Contains(read, c.Ref):
			known = append(known, bare(c))
		case c.Kind == suspect.Pull, c.Kind == suspect.Push, slices.Contains(in, c.Repo):
			known = append(known, c)
		}
	}
	return suspect.Rank(known, s, len(known))
}

// What isn't read costs a few places.
func TestTheGeneratedDayAsItIsRead(t *testing.T) {
	for _, c := range []struct{ pulls, repos int }{{20, 10}, {40, 20}} {
		var found tally
		for seed := range uint64(150) {
			d, s := newDay(seed)
			found.add(d.place(asRead(d.changes, s, c.pulls, c.repos)))
		}
		t.Logf("files of %d pull requests, deployments of %d repositories: %s", c.pulls, c.repos, found)
		if found.percent(found.five) < 80 {
			t.Error("the culprit must be among the first five in 80 % of the days")
		}
	}
}
