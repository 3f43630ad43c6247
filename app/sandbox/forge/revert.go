package forge

import (
	"cmp"
	"fmt"
	"strings"
)

// RevertRequest says how the pull request that takes another one back is opened.
type RevertRequest struct {
	Title string // empty: GitHub's own
	Body  string // empty: GitHub's own
	Draft bool
}

// errRevert is GitHub's sentence on its pages. What the mutation says of it is written down nowhere,
// and clients had better not compare its words.
var errRevert = &Error{Status: statusUnprocessableEntity,
	Message: "Sorry, this pull request couldn't be reverted automatically. It may have already been reverted, " +
		"or the content may have changed since it was merged."}

// errNotMerged is of an open pull request, and of one that was closed without a merge.
var errNotMerged = &Error{Status: statusUnprocessableEntity,
	Message: "Only a merged pull request can be reverted."}

// RevertPull opens a pull request that takes a merged one back, on a branch of its own in the same
// repository. An App needs to write contents and pull requests.
// https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/incorporating-changes-from-a-pull-request/reverting-a-pull-request
func (f *Forge) RevertPull(by *Actor, i *Issue, in RevertRequest) (*Issue, error) {
	r := i.repo
	for _, area := range []string{"pull_requests", "contents"} {
		if err := f.Require(by, r, RoleWrite, area); err != nil {
			return nil, err
		}
	}
	if !i.Pull.Merged() {
		return nil, errNotMerged
	}
	tip, hasBase := r.Git.Branch(i.Pull.Base)
	merge, hasMerge := r.Git.Commits[i.Pull.MergeSHA]
	if !hasBase || !hasMerge || len(merge.Parents) == 0 {
		return nil, errRevert
	}
	before := r.Git.Commits[merge.Parents[0]]
	tree, conflicts := r.Git.threeWay(merge.Tree, tip.Tree, before.Tree)
	if len(conflicts) > 0 || tree == tip.Tree {
		return nil, errRevert
	}
	title := cmp.Or(strings.TrimSpace(in.Title), `Revert "`+i.Title+`"`)
	body := cmp.Or(strings.TrimSpace(in.Body), "Reverts "+i.Ref())
	if err := validIssue(title, body); err != nil {
		return nil, err
	}
	c := f.NewCommit(by, tree, revertMessage(merge), nil, nil)
	c.Parents = []string{tip.SHA}
	c.Committer, c.Verified = gitHubSignature(f.Now()), true
	branch := r.revertBranch(i)
	f.moveRef(by, r, "refs/heads/"+branch, r.Git.PutCommit(c))
	return f.OpenPull(by, r, NewPull{Title: title, Body: body, Head: branch, Base: i.Pull.Base, Draft: in.Draft})
}

// revertMessage is what git writes of a commit that takes another one back.
func revertMessage(merge *Commit) string {
	headline, _, _ := strings.Cut(merge.Message, "\n")
	message := fmt.Sprintf("Revert \"%s\"\n\nThis reverts commit %s", headline, merge.SHA)
	if len(merge.Parents) > 1 {
		message += fmt.Sprintf(", reversing\nchanges made to %s", merge.Parents[0])
	}
	return message + "."
}

// revertBranch names the branch of a revert. A name that is taken gets a number, as the branches have
// that GitHub makes for edits on its pages.
func (r *Repository) revertBranch(i *Issue) string {
	name := fmt.Sprintf("revert-%d-%s", i.Number, i.Pull.Head)
	free := name
	for n := 1; r.Git.Refs["refs/heads/"+free] != ""; n++ {
		free = fmt.Sprintf("%s-%d", name, n)
	}
	return free
}
