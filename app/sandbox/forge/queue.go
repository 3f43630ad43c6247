package forge

import (
	"fmt"
	"slices"
)

// QueueEntry is a pull request's place in the merge queue of its base branch. Its queue merges it once a status of its
// commit was set and none that is required is missing: GitHub doesn't wait for one where none is required.
// https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue
type QueueEntry struct {
	By      string
	Group   string // the commit by which it would be merged, with all before it
	GroupOn string // the commit on which that was made
}

// Enqueue puts a pull request into the merge queue, at its end. GitHub refuses what can't be merged now.
func (f *Forge) Enqueue(by *Actor, i *Issue) error {
	if err := f.Require(by, i.repo, RoleWrite, "pull_requests"); err != nil {
		return err
	}
	if i.Closed || i.Pull.Draft || i.Pull.Queued != nil {
		return &Error{Status: statusUnprocessableEntity, Message: "Pull request can't be added to the merge queue"}
	}
	if err := f.checkStatuses(i.repo, "refs/heads/"+i.Pull.Base, i.Pull.HeadSHA, statusMethodNotAllowed); err != nil {
		return err
	}
	i.Pull.Queued = &QueueEntry{By: by.Login}
	i.repo.Queue = append(i.repo.Queue, i.Number)
	f.NoteChange()
	f.buildQueue(i.repo)
	if i.Pull.Queued == nil {
		return &Error{Status: statusUnprocessableEntity, Message: "Pull request has conflicts"}
	}
	return nil
}

// Dequeue takes a pull request out of the merge queue; those behind it get other commits.
func (f *Forge) Dequeue(i *Issue) {
	f.leaveQueue(i)
	f.buildQueue(i.repo)
}

// QueuePlace returns a pull request's place in the merge queue, from 1; 0: it is in none.
func (r *Repository) QueuePlace(number int) int { return slices.Index(r.Queue, number) + 1 }

func queueRef(i *Issue) string {
	return fmt.Sprintf("refs/heads/gh-readonly-queue/%s/pr-%d-%s", i.Pull.Base, i.Number, i.Pull.Queued.GroupOn)
}

// queueActor is in whose name the queue works for a pull request: GitHub has an account of its own for that.
func queueActor(i *Issue) *Actor { return &Actor{Login: i.Pull.Queued.By} }

// leaveQueue takes one out, and its branch with it.
func (f *Forge) leaveQueue(i *Issue) {
	r := i.repo
	r.Queue = slices.DeleteFunc(slices.Clone(r.Queue), func(n int) bool { return n == i.Number })
	if i.Pull.Queued != nil && i.Pull.Queued.Group != "" {
		f.moveRef(queueActor(i), r, queueRef(i), "")
	}
	i.Pull.Queued = nil
	f.NoteChange()
}

// buildQueue makes the commit of each pull request in the queue, on that of the one before it. What has conflicts
// leaves.
func (f *Forge) buildQueue(r *Repository) {
	base, ok := r.Git.Branch(r.DefaultBranch)
	if !ok {
		return
	}
	on := base.SHA
	for _, number := range slices.Clone(r.Queue) {
		i, ok := r.IssueAt(number)
		if !ok || i.Closed || i.Pull == nil || i.Pull.Queued == nil {
			r.Queue = slices.DeleteFunc(slices.Clone(r.Queue), func(n int) bool { return n == number })
			continue
		}
		q := i.Pull.Queued
		if c, ok := r.Git.Commits[q.Group]; ok && q.GroupOn == on && c.Parents[1] == i.Pull.HeadSHA {
			on = q.Group
			continue
		}
		tree, ok := r.mergeOn(on, i.Pull.HeadSHA)
		if !ok {
			f.leaveQueue(i)
			continue
		}
		if q.Group != "" {
			f.moveRef(queueActor(i), r, queueRef(i), "")
		}
		q.GroupOn, q.Group = on, r.Git.PutCommit(&Commit{Tree: tree, Parents: []string{on, i.Pull.HeadSHA},
			Author: f.SignatureOf(q.By), Committer: gitHubSignature(f.Now()), Login: q.By, Verified: true,
			Message: MergeMessage(i, "merge")})
		on = q.Group
		f.moveRef(queueActor(i), r, queueRef(i), q.Group)
	}
}

// settleQueue does what follows from a status of one of the queue's commits: what failed leaves, and what is well and
// first is merged.
func (f *Forge) settleQueue(r *Repository, sha string) {
	n := slices.IndexFunc(r.Queue, func(number int) bool {
		i, ok := r.IssueAt(number)
		return ok && i.Pull != nil && i.Pull.Queued != nil && i.Pull.Queued.Group == sha
	})
	if n < 0 {
		return
	}
	i, _ := r.IssueAt(r.Queue[n])
	if f.hasFailed(r, sha) {
		f.Dequeue(i)
		return
	}
	for len(r.Queue) > 0 {
		i, _ := r.IssueAt(r.Queue[0])
		q := i.Pull.Queued
		isSaid := slices.ContainsFunc(r.Statuses, func(s *Status) bool { return s.SHA == q.Group })
		base := "refs/heads/" + i.Pull.Base
		if r.Git.Refs[base] != q.GroupOn {
			f.buildQueue(r)
			return
		}
		by, ok := f.PersonActor(q.By)
		if !ok || !isSaid || len(f.missingStatuses(r, base, q.Group)) > 0 {
			return
		}
		f.leaveQueue(i)
		f.noteMerge(by, i, q.Group, q.GroupOn)
	}
}

// hasFailed reports whether the newest status of some context of a commit is a failure.
func (f *Forge) hasFailed(r *Repository, sha string) bool {
	seen := map[string]bool{}
	for _, s := range slices.Backward(r.Statuses) {
		if s.SHA != sha || seen[s.Context] {
			continue
		}
		seen[s.Context] = true
		if s.State == "failure" || s.State == "error" {
			return true
		}
	}
	return false
}

// setQueued puts a pull request into the merge queue.
func setQueued(f *Forge, by *Actor, i *Issue) error {
	if i.Pull == nil {
		return fmt.Errorf("%s is not a pull request", i.Ref())
	}
	return f.Enqueue(by, i)
}
