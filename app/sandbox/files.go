package sandbox

import (
	"fmt"
	"path"
	"strings"
)

// fileChange writes or removes one file on a branch.
type fileChange struct {
	Path      string
	Content   []byte
	Remove    bool
	SHA       string // of the blob that the caller saw; needed when the file is there already
	Branch    string // the default branch when empty
	Message   string
	Author    *Signature // the actor when nil
	Committer *Signature
}

// changeFile commits a change of one file; created tells that the file was not there before.
func (st *store) changeFile(by *Actor, r *Repository, in fileChange) (c *Commit, created bool, err error) {
	if err := st.need(by, r, RoleWrite, "contents"); err != nil {
		return nil, false, err
	}
	name := path.Clean(in.Path)
	if in.Path == "" || name != in.Path || strings.HasPrefix(name, "/") || strings.HasPrefix(name, "..") || name == "." {
		return nil, false, &Error{Status: statusUnprocessableEntity, Message: "path contains a malformed path component"}
	}
	if by.ViaApp && strings.HasPrefix(name, ".github/workflows/") && !by.allows("workflows", "write") {
		return nil, false, forbidden("Resource not accessible by integration")
	}
	if in.Message == "" {
		return nil, false, missing("message")
	}
	branch := strings.TrimPrefix(in.Branch, "refs/heads/")
	if branch == "" {
		branch = r.DefaultBranch
	}
	tip, hasTip := r.Git.branch(branch)
	if !hasTip && (len(r.Git.Commits) > 0 || branch != r.DefaultBranch) {
		return nil, false, &Error{Status: statusNotFound, Message: "Branch " + branch + " not found"}
	}
	was, tree := "", ""
	if hasTip {
		tree = tip.Tree
		if e, ok := r.Git.entry(tip.Tree, name); ok {
			was = e.SHA
		}
	}
	if err := r.ruled("refs/heads/"+branch, statusConflict); err != nil {
		return nil, false, err
	}
	switch {
	case in.Remove && was == "":
		return nil, false, errNotFound
	case was != "" && in.SHA == "":
		return nil, false, missing("sha")
	case in.SHA != was:
		return nil, false, &Error{Status: statusConflict, Message: fmt.Sprintf("%s does not match %s", name, in.SHA)}
	}
	entry := TreeEntry{Mode: modeFile}
	if !in.Remove {
		entry.SHA = r.Git.putBlob(in.Content)
	}
	tree, err = r.Git.set(tree, name, entry)
	if err != nil {
		return nil, false, &Error{Status: statusUnprocessableEntity, Message: err.Error()}
	}
	c = st.newCommit(by, tree, in.Message, in.Author, in.Committer)
	if hasTip {
		c.Parents = []string{tip.SHA}
	}
	r.Git.putCommit(c)
	st.moveRef(by, r, "refs/heads/"+branch, c.SHA)
	return c, was == "" && !in.Remove, nil
}

// newCommit prepares a commit by the actor. GitHub signs what an app or a person commits through it without naming an author.
func (st *store) newCommit(by *Actor, tree, message string, author, committer *Signature) *Commit {
	own := st.signature(by.Login)
	c := &Commit{Tree: tree, Message: message, Author: own, Committer: own, Login: by.Login, Verified: by.ViaApp && author == nil && committer == nil}
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

// createRef makes a branch or tag.
func (st *store) createRef(by *Actor, r *Repository, ref, sha string) error {
	if err := st.need(by, r, RoleWrite, "contents"); err != nil {
		return err
	}
	if !strings.HasPrefix(ref, "refs/") || strings.Count(ref, "/") < 2 || strings.HasSuffix(ref, "/") || strings.ContainsAny(ref, " ~^:?*[\\") || strings.Contains(ref, "..") {
		return &Error{Status: statusUnprocessableEntity, Message: "Reference name must start with 'refs' and have at least two slashes."}
	}
	if r.Git.isEmpty() {
		return errEmptyGit
	}
	if _, ok := r.Git.Refs[ref]; ok {
		return &Error{Status: statusUnprocessableEntity, Message: "Reference already exists"}
	}
	if _, ok := r.Git.Commits[sha]; !ok {
		return &Error{Status: statusUnprocessableEntity, Message: "Object does not exist"}
	}
	st.moveRef(by, r, ref, sha)
	return nil
}

// updateRef moves a branch or tag; without force only forward.
func (st *store) updateRef(by *Actor, r *Repository, ref, sha string, force bool) error {
	if err := st.need(by, r, RoleWrite, "contents"); err != nil {
		return err
	}
	if r.Git.isEmpty() {
		return errEmptyGit
	}
	old, ok := r.Git.Refs[ref]
	if !ok {
		return &Error{Status: statusUnprocessableEntity, Message: "Reference does not exist"}
	}
	if _, ok := r.Git.Commits[sha]; !ok {
		return &Error{Status: statusUnprocessableEntity, Message: "Object does not exist"}
	}
	if !force && !r.Git.ancestors(sha)[old] {
		return &Error{Status: statusUnprocessableEntity, Message: "Update is not a fast forward"}
	}
	if err := r.ruled(ref, statusUnprocessableEntity); err != nil {
		return err
	}
	st.moveRef(by, r, ref, sha)
	return nil
}

// deleteRef removes a branch or tag; open pull requests from that branch are closed.
func (st *store) deleteRef(by *Actor, r *Repository, ref string) error {
	if err := st.need(by, r, RoleWrite, "contents"); err != nil {
		return err
	}
	if _, ok := r.Git.Refs[ref]; !ok {
		return &Error{Status: statusUnprocessableEntity, Message: "Reference does not exist"}
	}
	if ref == "refs/heads/"+r.DefaultBranch {
		return &Error{Status: statusUnprocessableEntity, Message: "Cannot delete the default branch"}
	}
	st.moveRef(by, r, ref, "")
	return nil
}

// moveRef makes, moves or (with an empty sha) removes a reference and tells everybody: push, create or delete, and the open
// pull requests from the branch.
func (st *store) moveRef(by *Actor, r *Repository, ref, sha string) {
	before := r.Git.Refs[ref]
	if before == sha {
		return
	}
	if sha == "" {
		delete(r.Git.Refs, ref)
	} else {
		r.Git.Refs[ref] = sha
	}
	r.Pushed, r.Updated = st.now(), st.now()
	r.revise()
	st.changed()
	switch {
	case before == "":
		st.emit(&refEvent{By: by, Repository: r, Ref: ref})
	case sha == "":
		st.emit(&refEvent{By: by, Repository: r, Ref: ref, Deleted: true})
	}
	st.emit(&pushEvent{By: by, Repository: r, Ref: ref, Before: before, After: sha})
	branch, ok := strings.CutPrefix(ref, "refs/heads/")
	if !ok {
		return
	}
	for _, i := range r.Issues {
		if i == nil || i.Pull == nil || i.Closed || i.Pull.Head != branch {
			continue
		}
		if sha == "" {
			st.close(by, i, "", "")
			continue
		}
		i.Pull.HeadSHA = sha
		base := i.Pull.BaseSHA
		if tip, ok := r.Git.branch(i.Pull.Base); ok {
			base = tip.SHA
		}
		st.committed(by, i, base)
		st.touch(i)
		st.emit(&issueEvent{By: by, Issue: i, Action: "synchronize", Before: before, After: sha})
	}
}
