package forge

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// FileChange writes or removes one file on a branch.
type FileChange struct {
	Path      string
	Content   []byte
	Remove    bool
	SHA       string // of the blob that the caller saw; needed when the file is there already
	Branch    string // the default branch when empty
	Message   string
	Author    *Signature // the actor when nil
	Committer *Signature
}

// ChangeFile commits a change of one file; created reports that the file was not there before.
func (f *Forge) ChangeFile(by *Actor, r *Repository, in FileChange) (c *Commit, created bool, err error) {
	if err := f.Require(by, r, RoleWrite, "contents"); err != nil {
		return nil, false, err
	}
	if err := in.check(by); err != nil {
		return nil, false, err
	}
	branch := cmp.Or(strings.TrimPrefix(in.Branch, "refs/heads/"), r.DefaultBranch)
	tip, hasTip := r.Git.Branch(branch)
	if !hasTip && (len(r.Git.Commits) > 0 || branch != r.DefaultBranch) {
		return nil, false, &Error{Status: statusNotFound, Message: "Branch " + branch + " not found"}
	}
	was, tree := "", ""
	if hasTip {
		tree = tip.Tree
		if e, ok := r.Git.Entry(tip.Tree, in.Path); ok {
			was = e.SHA
		}
	}
	if err := f.checkRules(r, "refs/heads/"+branch, "", statusConflict); err != nil {
		return nil, false, err
	}
	if err := in.checkSHA(was); err != nil {
		return nil, false, err
	}
	entry := TreeEntry{Mode: ModeFile}
	if !in.Remove {
		entry.SHA = r.Git.PutBlob(in.Content)
	}
	tree, err = r.Git.SetEntry(tree, in.Path, entry)
	if err != nil {
		return nil, false, &Error{Status: statusUnprocessableEntity, Message: err.Error()}
	}
	c = f.NewCommit(by, tree, in.Message, in.Author, in.Committer)
	if hasTip {
		c.Parents = []string{tip.SHA}
	}
	r.Git.PutCommit(c)
	f.moveRef(by, r, "refs/heads/"+branch, c.SHA)
	return c, was == "" && !in.Remove, nil
}

// BranchCommit is one commit on a branch.
type BranchCommit struct {
	Branch   string
	Expected string // the commit to which the branch points
	Message  string
	Write    map[string][]byte // by path
	Remove   []string
}

// CommitOnBranch commits changes of several files on a branch that nobody moved in between.
func (f *Forge) CommitOnBranch(by *Actor, r *Repository, in BranchCommit) (*Commit, error) {
	if err := f.Require(by, r, RoleWrite, "contents"); err != nil {
		return nil, err
	}
	tip, ok := r.Git.Branch(in.Branch)
	if !ok {
		return nil, &Error{Status: statusNotFound, Message: "Branch " + in.Branch + " not found"}
	}
	if tip.SHA != in.Expected {
		return nil, &Error{Status: statusConflict, Message: fmt.Sprintf(
			"Expected branch to point to %q but it did not. Pull and try again.", in.Expected)}
	}
	if err := f.checkRules(r, "refs/heads/"+in.Branch, "", statusConflict); err != nil {
		return nil, err
	}
	changes := make([]FileChange, 0, len(in.Write)+len(in.Remove))
	for _, name := range slices.Sorted(maps.Keys(in.Write)) {
		changes = append(changes, FileChange{Path: name, Content: in.Write[name], Message: in.Message})
	}
	for _, name := range in.Remove {
		changes = append(changes, FileChange{Path: name, Remove: true, Message: in.Message})
	}
	tree := tip.Tree
	for _, change := range changes {
		if err := change.check(by); err != nil {
			return nil, err
		}
		entry := TreeEntry{Mode: ModeFile}
		if !change.Remove {
			entry.SHA = r.Git.PutBlob(change.Content)
		}
		var err error
		if tree, err = r.Git.SetEntry(tree, change.Path, entry); err != nil {
			return nil, &Error{Status: statusUnprocessableEntity, Message: err.Error()}
		}
	}
	c := f.NewCommit(by, tree, in.Message, nil, nil)
	c.Parents = []string{tip.SHA}
	r.Git.PutCommit(c)
	f.moveRef(by, r, "refs/heads/"+in.Branch, c.SHA)
	return c, nil
}

// check refuses a change of a file that can't be, or that the actor may not make.
func (in FileChange) check(by *Actor) error {
	name := path.Clean(in.Path)
	switch {
	case in.Path == "" || name != in.Path || strings.HasPrefix(name, "/") ||
		strings.HasPrefix(name, "..") || name == ".":
		return &Error{Status: statusUnprocessableEntity, Message: "path contains a malformed path component"}
	case by.ViaApp && strings.HasPrefix(name, ".github/workflows/") && !by.HasPermission("workflows", "write"):
		return Forbidden("Resource not accessible by integration")
	case in.Message == "":
		return MissingField("message")
	}
	return nil
}

// checkSHA refuses a change of another file than the caller saw; was is the blob that is there,
// empty if there is none.
func (in FileChange) checkSHA(was string) error {
	switch {
	case in.Remove && was == "":
		return ErrNotFound
	case was != "" && in.SHA == "":
		return MissingField("sha")
	case in.SHA != was:
		return &Error{Status: statusConflict, Message: fmt.Sprintf("%s does not match %s", in.Path, in.SHA)}
	}
	return nil
}

// NewCommit prepares a commit by the actor. GitHub signs what an app or a person commits through it
// without naming an author.
func (f *Forge) NewCommit(by *Actor, tree, message string, author, committer *Signature) *Commit {
	own := f.SignatureOf(by.Login)
	c := &Commit{Tree: tree, Message: message, Author: own, Committer: own, Login: by.Login,
		Verified: by.ViaApp && author == nil && committer == nil}
	if author != nil {
		c.Author, c.Committer = *author, *author
	}
	if committer != nil {
		c.Committer = *committer
	}
	if c.Verified {
		c.Committer = gitHubSignature(own.At)
	}
	return c
}

// CreateRef makes a branch or tag.
func (f *Forge) CreateRef(by *Actor, r *Repository, ref, sha string) error {
	if err := f.Require(by, r, RoleWrite, "contents"); err != nil {
		return err
	}
	if !strings.HasPrefix(ref, "refs/") || strings.Count(ref, "/") < 2 || strings.HasSuffix(ref, "/") ||
		strings.ContainsAny(ref, " ~^:?*[\\") || strings.Contains(ref, "..") {
		return &Error{Status: statusUnprocessableEntity,
			Message: "Reference name must start with 'refs' and have at least two slashes."}
	}
	if r.Git.IsEmpty() {
		return ErrEmptyGit
	}
	if _, ok := r.Git.Refs[ref]; ok {
		return &Error{Status: statusUnprocessableEntity, Message: "Reference already exists"}
	}
	if _, ok := r.Git.Commits[sha]; !ok {
		return &Error{Status: statusUnprocessableEntity, Message: "Object does not exist"}
	}
	f.moveRef(by, r, ref, sha)
	return nil
}

// UpdateRef moves a branch or tag; without force only forward.
func (f *Forge) UpdateRef(by *Actor, r *Repository, ref, sha string, force bool) error {
	if err := f.Require(by, r, RoleWrite, "contents"); err != nil {
		return err
	}
	if r.Git.IsEmpty() {
		return ErrEmptyGit
	}
	old, ok := r.Git.Refs[ref]
	if !ok {
		return &Error{Status: statusUnprocessableEntity, Message: "Reference does not exist"}
	}
	if _, ok := r.Git.Commits[sha]; !ok {
		return &Error{Status: statusUnprocessableEntity, Message: "Object does not exist"}
	}
	if !force && !r.Git.Ancestors(sha)[old] {
		return &Error{Status: statusUnprocessableEntity, Message: "Update is not a fast forward"}
	}
	if err := f.checkRules(r, ref, sha, statusUnprocessableEntity); err != nil {
		return err
	}
	f.moveRef(by, r, ref, sha)
	return nil
}

// DeleteRef removes a branch or tag; open pull requests from that branch are closed.
func (f *Forge) DeleteRef(by *Actor, r *Repository, ref string) error {
	if err := f.Require(by, r, RoleWrite, "contents"); err != nil {
		return err
	}
	if _, ok := r.Git.Refs[ref]; !ok {
		return &Error{Status: statusUnprocessableEntity, Message: "Reference does not exist"}
	}
	if ref == "refs/heads/"+r.DefaultBranch {
		return &Error{Status: statusUnprocessableEntity, Message: "Cannot delete the default branch"}
	}
	f.moveRef(by, r, ref, "")
	return nil
}

// moveRef makes, moves or (with an empty sha) removes a reference and emits push, create
// or delete, and the open pull requests from the branch.
func (f *Forge) moveRef(by *Actor, r *Repository, ref, sha string) {
	before := r.Git.Refs[ref]
	if before == sha {
		return
	}
	if sha == "" {
		delete(r.Git.Refs, ref)
	} else {
		r.Git.Refs[ref] = sha
	}
	r.Pushed, r.Updated = f.Now(), f.Now()
	r.revise()
	f.NoteChange()
	switch {
	case before == "":
		f.Emit(&RefEvent{By: by, Repository: r, Ref: ref})
	case sha == "":
		f.Emit(&RefEvent{By: by, Repository: r, Ref: ref, Deleted: true})
	}
	f.Emit(&PushEvent{By: by, Repository: r, Ref: ref, Before: before, After: sha})
	branch, ok := strings.CutPrefix(ref, "refs/heads/")
	if !ok {
		return
	}
	for _, i := range r.Issues {
		if i == nil || i.Pull == nil || i.Closed || i.Pull.Head != branch {
			continue
		}
		if sha == "" {
			f.close(by, i, "", "")
			continue
		}
		i.Pull.HeadSHA = sha
		if i.Pull.Queued != nil { // what was queued is not that
			f.Dequeue(i)
		}
		base := i.Pull.BaseSHA
		if tip, ok := r.Git.Branch(i.Pull.Base); ok {
			base = tip.SHA
		}
		f.noteCommits(by, i, base)
		f.touch(i)
		f.Emit(&IssueEvent{By: by, Issue: i, Action: "synchronize", Before: before, After: sha})
	}
}
