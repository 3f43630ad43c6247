package suspect

import (
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// Clocks differ by tolerance at most. A deployment is reported once it is complete, and may have hurt
// before: rollout is how long one may take.
const (
	tolerance = 2 * time.Minute
	rollout   = 10 * time.Minute
)

// candidate is a change that may become a suspect.
type candidate struct {
	Change
	with    string // the Ref of the deployment or release that brought it
	release *Change
	brings  []Change // of a release: what is in it
	late    bool     // it reached production after the start
	notLive bool     // its repository was deployed, without it
}

// at returns when a change came: when it reached production, or else the default branch.
func at(c Change) time.Time {
	if !c.Live.IsZero() {
		return c.Live
	}
	return c.Merged
}

// join returns the changes that came before the start, where a pull request and what brought it to
// production are one. What was taken back before the start, and what is cleared, is left out.
func join(changes []Change, start time.Time, cleared []string) []candidate {
	byRepo := map[string][]Change{}
	var repos []string
	for _, c := range changes {
		key := naming.Key(c.Repo)
		if _, known := byRepo[key]; !known {
			repos = append(repos, key)
		}
		byRepo[key] = append(byRepo[key], c)
	}
	var all []candidate
	for _, key := range repos {
		all = append(all, joinRepo(byRepo[key], start)...)
	}
	all = leaveReverted(all, start)
	return foldReleases(slices.DeleteFunc(all, func(c candidate) bool {
		return c.late || !isBefore(c.Change, start) || naming.Contains(cleared, c.Ref) ||
			c.with != "" && naming.Contains(cleared, c.with)
	}))
}

// foldReleases returns a release of several pull requests in their place, with all that they touch:
// who uses it has all of them or none, and eight of one library would crowd out everything else.
func foldReleases(all []candidate) []candidate {
	of := map[string][]candidate{}
	for _, c := range all {
		if c.release != nil {
			of[c.with] = append(of[c.with], c)
		}
	}
	var out []candidate
	for _, c := range all {
		group := of[c.with]
		if c.release == nil || len(group) == 1 {
			out = append(out, c)
			continue
		}
		if group == nil {
			continue // folded already
		}
		delete(of, c.with)
		r := candidate{Change: *c.release}
		for _, one := range group {
			r.brings = append(r.brings, one.Change)
			r.Files = append(r.Files, one.Files...)
			r.Lines += one.Lines
			r.Reverted = r.Reverted || one.Reverted
			r.RevertedBefore = r.RevertedBefore || one.RevertedBefore
		}
		out = append(out, r)
	}
	return out
}

// isBefore reports whether a change came before the start.
func isBefore(c Change, start time.Time) bool {
	slack := tolerance
	if c.Kind == Deployment || c.Environment != "" {
		slack = rollout
	}
	return start.IsZero() || at(c).IsZero() || !at(c).After(start.Add(slack))
}

// deploys are the workflows that bring changes to production where nobody uses GitHub's deployments.
var deploys = lazily.Compile(`(?i)(^|[^a-z])(deploy|release|publish|rollout|ship|promot|image)`)

// carriers splits a repository's changes into what brings others to production, and the rest:
// deployments, or releases if there are none, or workflows that deploy.
func carriers(changes []Change) (bring, rest []Change) {
	has := func(k Kind, c Change) bool { return c.Kind == k && (k != Workflow || deploys.MatchString(c.Title)) }
	for _, k := range []Kind{Deployment, Release, Workflow} {
		for _, c := range changes {
			if has(k, c) {
				bring = append(bring, c)
			}
		}
		if bring != nil {
			rest = slices.DeleteFunc(slices.Clone(changes), func(c Change) bool { return has(k, c) })
			break
		}
	}
	if bring == nil {
		return nil, changes
	}
	slices.SortStableFunc(bring, func(a, b Change) int { return at(a).Compare(at(b)) })
	return bring, rest
}

// joinRepo joins the changes of one repository.
func joinRepo(changes []Change, start time.Time) []candidate {
	bring, rest := carriers(changes)
	var all []candidate
	for _, c := range rest {
		all = append(all, candidate{Change: c})
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return a.Merged.Compare(b.Merged) })

	brought := map[string]map[int]bool{} // by environment: which changes are there already
	exact := false                       // a deployment's commit was that of a pull request
	for _, d := range bring {
		in := brought[d.Environment]
		if in == nil {
			in = map[int]bool{}
			brought[d.Environment] = in
		}
		until, known := reach(d, all)
		exact = exact || known
		news := 0
		for i := range all {
			c := &all[i]
			if in[i] || c.Merged.IsZero() || c.Merged.After(until) || !isMerge(c.Kind) {
				continue
			}
			in[i] = true
			news++
			c.arrive(d, start)
		}
		if news == 0 {
			all = append(all, candidate{Change: d})
		}
	}
	for i := range all {
		c := &all[i]
		c.notLive = exact && c.with == "" && isMerge(c.Kind) && !c.late
	}
	return slices.DeleteFunc(all, func(c candidate) bool { return isSameAsPull(c.Change, all) })
}

// isMerge reports whether a change entered the default branch, and so is brought to production by
// something later.
func isMerge(k Kind) bool { return k == Pull || k == Push || k == Dependency || k == Configuration }

// reach returns until when changes were merged that a deployment brings: until the one with its
// commit. One whose commit is not known brings all before it; one with the commit of none, nothing.
func reach(d Change, all []candidate) (until time.Time, exact bool) {
	if d.Commit == "" {
		return at(d), false
	}
	for _, c := range all {
		if isMerge(c.Kind) && isSameCommit(c.Commit, d.Commit) {
			return c.Merged, true
		}
	}
	return time.Time{}, false
}

// isSameCommit reports whether two hashes, maybe short ones, are of the same commit.
func isSameCommit(a, b string) bool {
	n := min(len(a), len(b))
	return n >= 7 && strings.EqualFold(a[:n], b[:n])
}

// arrive notes that a deployment brought the change. Where several environments got it one after
// the other, the last before the start counts.
func (c *candidate) arrive(d Change, start time.Time) {
	switch {
	case isBefore(d, start):
		c.Live, c.Environment, c.with, c.late = at(d), d.Environment, d.Ref, false
		if d.Kind == Release {
			c.release = &d
		}
	case c.with == "":
		c.late = true
	}
}

// isSameAsPull reports whether a release or a run of a workflow is there as a pull request already.
func isSameAsPull(c Change, all []candidate) bool {
	return (c.Kind == Release || c.Kind == Workflow) && slices.ContainsFunc(all, func(o candidate) bool {
		return isMerge(o.Kind) && isSameCommit(o.Commit, c.Commit)
	})
}

// leaveReverted leaves out what was taken back before the start. What was taken back after it stays,
// and so does what came again, which is marked.
func leaveReverted(all []candidate, start time.Time) []candidate {
	back := map[string][]candidate{} // what takes back a Ref
	for _, c := range all {
		if c.Reverts != "" {
			back[naming.Key(c.Reverts)] = append(back[naming.Key(c.Reverts)], c)
		}
	}
	var left []candidate
	for _, c := range all {
		by := back[naming.Key(c.Ref)]
		if slices.ContainsFunc(by, func(r candidate) bool { return r.came(start) }) {
			continue
		}
		c.Reverted = c.Reverted || len(by) > 0
		c.RevertedBefore = c.RevertedBefore || isAgain(c, all)
		left = append(left, c)
	}
	return left
}

// came reports whether a change reached production before the start.
func (c candidate) came(start time.Time) bool {
	return !c.late && !c.notLive && isBefore(c.Change, start)
}

// isAgain reports whether a change takes back what took something back.
func isAgain(c candidate, all []candidate) bool {
	return c.Reverts != "" && slices.ContainsFunc(all, func(o candidate) bool {
		return o.Reverts != "" && naming.Equal(o.Ref, c.Reverts)
	})
}
