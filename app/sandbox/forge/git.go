package forge

import (
	"errors"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"
)

// Resolve finds the commit that a branch, a tag, a full reference or a commit's name (also shortened) means.
func (g *Git) Resolve(ref string) (*Commit, bool) {
	for _, name := range []string{ref, "refs/heads/" + ref, "refs/tags/" + ref, "refs/" + ref} {
		if sha, ok := g.Refs[name]; ok {
			c, ok := g.Commits[sha]
			return c, ok
		}
	}
	if c, ok := g.Commits[ref]; ok {
		return c, true
	}
	if len(ref) >= 7 && len(ref) < 40 && isHex(ref) {
		for sha, c := range g.Commits {
			if strings.HasPrefix(sha, ref) {
				return c, true
			}
		}
	}
	return nil, false
}

func isHex(s string) bool {
	return s != "" && strings.Trim(s, "0123456789abcdef") == ""
}

// Branch is the tip of a branch.
func (g *Git) Branch(name string) (*Commit, bool) {
	c, ok := g.Commits[g.Refs["refs/heads/"+name]]
	return c, ok
}

// Branches lists the names of the branches, sorted.
func (g *Git) Branches() []string {
	var names []string
	for ref := range g.Refs {
		if name, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Entry finds what is at a path of a tree; the empty path is the tree itself.
func (g *Git) Entry(tree, path string) (TreeEntry, bool) {
	at := TreeEntry{Mode: ModeTree, SHA: tree}
	for _, part := range SplitPath(path) {
		if at.Mode != ModeTree {
			return TreeEntry{}, false
		}
		i := slices.IndexFunc(g.Trees[at.SHA], func(e TreeEntry) bool { return e.Name == part })
		if i < 0 {
			return TreeEntry{}, false
		}
		at = g.Trees[at.SHA][i]
	}
	return at, true
}

// SplitPath splits a path at its slashes.
func SplitPath(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// File reads a file of a commit.
func (g *Git) File(c *Commit, path string) (content []byte, sha string, ok bool) {
	e, ok := g.Entry(c.Tree, path)
	if !ok || e.Kind() != "blob" {
		return nil, "", false
	}
	return g.Blobs[e.SHA], e.SHA, true
}

// files lists every blob of a tree by path.
func (g *Git) files(tree string) map[string]TreeEntry {
	all := map[string]TreeEntry{}
	g.Walk(tree, "", func(path string, e TreeEntry) {
		if e.Kind() == "blob" {
			all[path] = e
		}
	})
	return all
}

// Walk visits everything in a tree, a directory before what is in it.
func (g *Git) Walk(tree, prefix string, visit func(path string, e TreeEntry)) {
	for _, e := range g.Trees[tree] {
		visit(prefix+e.Name, e)
		if e.Mode == ModeTree {
			g.Walk(e.SHA, prefix+e.Name+"/", visit)
		}
	}
}

// ErrPathTaken is returned when a file is where a path needs a folder.
var ErrPathTaken = errors.New("a file is where a folder is needed")

// SetEntry returns the tree with one path changed; an entry without SHA removes the path, and
// folders that become empty go with it.
func (g *Git) SetEntry(tree, path string, entry TreeEntry) (string, error) {
	parts := SplitPath(path)
	entries := slices.Clone(g.Trees[tree])
	i := slices.IndexFunc(entries, func(e TreeEntry) bool { return e.Name == parts[0] })
	child := TreeEntry{Mode: entry.Mode, Name: parts[0], SHA: entry.SHA}
	if len(parts) > 1 {
		under := ""
		if i >= 0 {
			if entries[i].Mode != ModeTree {
				return "", ErrPathTaken
			}
			under = entries[i].SHA
		}
		sub, err := g.SetEntry(under, strings.Join(parts[1:], "/"), entry)
		if err != nil {
			return "", err
		}
		child = TreeEntry{Mode: ModeTree, Name: parts[0], SHA: sub}
		if len(g.Trees[sub]) == 0 {
			child.SHA = ""
		}
	}
	switch {
	case child.SHA == "" && i >= 0:
		entries = slices.Delete(entries, i, i+1)
	case child.SHA == "":
	case i >= 0:
		entries[i] = child
	default:
		entries = append(entries, child)
	}
	return g.putTree(entries), nil
}

// Ancestors is the set of commits reachable from one, itself included.
func (g *Git) Ancestors(sha string) map[string]bool {
	seen := map[string]bool{}
	todo := []string{sha}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		c, ok := g.Commits[at]
		if !ok || seen[at] {
			continue
		}
		seen[at] = true
		todo = append(todo, c.Parents...)
	}
	return seen
}

// Log lists the commits reachable from head, newest first, except those reachable from base.
func (g *Git) Log(head, base string) []*Commit {
	without := map[string]bool{}
	if base != "" {
		without = g.Ancestors(base)
	}
	seen := map[string]bool{}
	var list []*Commit
	// breadth first keeps a child before its parents when stamps are equal
	todo := []string{head}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		c, ok := g.Commits[at]
		if !ok || seen[at] || without[at] {
			continue
		}
		seen[at] = true
		list = append(list, c)
		todo = append(todo, c.Parents...)
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Committer.At.After(list[j].Committer.At) })
	return list
}

// LogQuery chooses commits of a log.
type LogQuery struct {
	Path         string    // that changed, or in which something did; empty: any
	Since, Until time.Time // of the committer; zero: any
}

// LogOf lists the commits reachable from head that fit, newest first.
func (g *Git) LogOf(head string, q LogQuery) []*Commit {
	return slices.DeleteFunc(g.Log(head, ""), func(c *Commit) bool {
		return !q.Since.IsZero() && c.Committer.At.Before(q.Since) ||
			!q.Until.IsZero() && c.Committer.At.After(q.Until) ||
			q.Path != "" && !g.touches(c, q.Path)
	})
}

// touches reports whether a commit has something else at a path than each of its parents. A merge that
// took one side's has not.
func (g *Git) touches(c *Commit, path string) bool {
	at := func(tree string) string {
		e, _ := g.Entry(tree, path)
		return e.SHA
	}
	own := at(c.Tree)
	if len(c.Parents) == 0 {
		return own != ""
	}
	return !slices.ContainsFunc(c.Parents, func(sha string) bool {
		parent, ok := g.Commits[sha]
		return ok && at(parent.Tree) == own
	})
}

// MergeBase is the newest commit that both have.
func (g *Git) MergeBase(a, b string) (*Commit, bool) {
	of := g.Ancestors(a)
	for _, c := range g.Log(b, "") {
		if of[c.SHA] {
			return c, true
		}
	}
	return nil, false
}

// Change is the difference of one file between two trees.
type Change struct {
	Path      string
	Status    string // added, removed or modified
	Old, New  []byte
	SHA       string // of the new blob, or of the removed one
	Additions int
	Deletions int
	Patch     string
}

// Diff compares two trees file by file, sorted by path; an empty name means the empty tree.
func (g *Git) Diff(from, to string) []Change {
	before, after := g.files(from), g.files(to)
	var paths []string
	for p := range before {
		paths = append(paths, p)
	}
	for p := range after {
		if _, ok := before[p]; !ok {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	var changes []Change
	for _, p := range paths {
		o, had := before[p]
		n, has := after[p]
		if had && has && o.SHA == n.SHA {
			continue
		}
		c := Change{Path: p, Status: "modified", Old: g.Blobs[o.SHA], New: g.Blobs[n.SHA], SHA: n.SHA}
		if !had {
			c.Status = "added"
		}
		if !has {
			c.Status, c.SHA = "removed", o.SHA
		}
		c.Patch, c.Additions, c.Deletions = unified(string(c.Old), string(c.New))
		changes = append(changes, c)
	}
	return changes
}

// threeWay merges two trees over their base, and files that both sides changed by their lines. It says
// which paths have a conflict.
func (g *Git) threeWay(base, ours, theirs string) (tree string, conflicts []string) {
	was, us, them := g.files(base), g.files(ours), g.files(theirs)
	tree = ours
	paths := map[string]bool{}
	for p := range them {
		paths[p] = true
	}
	for p := range was {
		paths[p] = true
	}
	for _, p := range slices.Sorted(maps.Keys(paths)) {
		if them[p].SHA == was[p].SHA || them[p].SHA == us[p].SHA {
			continue
		}
		entry := TreeEntry{Mode: them[p].Mode, SHA: them[p].SHA}
		if us[p].SHA != was[p].SHA {
			merged, ok := g.mergeBlobs(was[p].SHA, us[p].SHA, them[p].SHA)
			if !ok {
				conflicts = append(conflicts, p)
				continue
			}
			entry = TreeEntry{Mode: us[p].Mode, SHA: merged}
		}
		next, err := g.SetEntry(tree, p, entry)
		if err != nil {
			conflicts = append(conflicts, p)
			continue
		}
		tree = next
	}
	return tree, conflicts
}

// mergeBlobs merges a file that both sides changed. One that a side added or removed is a conflict.
func (g *Git) mergeBlobs(was, ours, theirs string) (sha string, ok bool) {
	if was == "" || ours == "" || theirs == "" {
		return "", false
	}
	merged, ok := mergeTexts(string(g.Blobs[was]), string(g.Blobs[ours]), string(g.Blobs[theirs]))
	if !ok {
		return "", false
	}
	return g.PutBlob([]byte(merged)), true
}

// CommitChanges lists what a commit changes over its first parent.
func CommitChanges(g *Git, c *Commit) []Change {
	from := ""
	if len(c.Parents) > 0 {
		if parent, ok := g.Commits[c.Parents[0]]; ok {
			from = parent.Tree
		}
	}
	return g.Diff(from, c.Tree)
}
