package forge

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"
)

// TreeEntry is one line of a tree.
type TreeEntry struct {
	Mode string // 100644, 100755, 120000, 040000 or 160000
	Name string
	SHA  string
}

// Kind is blob, tree or commit.
func (e TreeEntry) Kind() string {
	switch e.Mode {
	case ModeTree:
		return "tree"
	case "160000":
		return "commit"
	}
	return "blob"
}

// Modes of the entries of a tree.
const (
	ModeFile = "100644"
	ModeTree = "040000"
)

// Commit is a commit.
type Commit struct {
	SHA       string
	Tree      string
	Parents   []string
	Author    Signature
	Committer Signature
	Message   string
	Login     string // the account that made it, empty when unknown
	Verified  bool   // signed by GitHub on behalf of an app or of a person on the web
}

// Signature names who did something to a commit and when.
type Signature struct {
	Name  string
	Email string
	At    time.Time
}

// String writes a signature as it is in a commit object.
func (s Signature) String() string {
	return fmt.Sprintf("%s <%s> %d +0000", s.Name, s.Email, s.At.Unix())
}

// Git is a repository's object database with its references. Names of objects are those that git
// itself would give.
type Git struct {
	Blobs   map[string][]byte
	Trees   map[string][]TreeEntry
	Commits map[string]*Commit
	Refs    map[string]string // refs/heads/main → commit
}

// NewGit makes an empty object database.
func NewGit() *Git {
	return &Git{Blobs: map[string][]byte{}, Trees: map[string][]TreeEntry{}, Commits: map[string]*Commit{},
		Refs: map[string]string{}}
}

// objectName is git's name for an object: the SHA-1 of its kind, length and content.
func objectName(kind string, content []byte) string {
	h := sha1.New()
	fmt.Fprintf(h, "%s %d\x00", kind, len(content))
	h.Write(content)
	return hex.EncodeToString(h.Sum(nil))
}

// PutBlob adds a blob, and returns its name.
func (g *Git) PutBlob(content []byte) string {
	sha := objectName("blob", content)
	if _, ok := g.Blobs[sha]; !ok {
		g.Blobs[sha] = slices.Clone(content)
	}
	return sha
}

func (g *Git) putTree(entries []TreeEntry) string {
	entries = slices.Clone(entries)
	// git orders a directory as though its name ended with a slash
	key := func(e TreeEntry) string {
		if e.Mode == ModeTree {
			return e.Name + "/"
		}
		return e.Name
	}
	sort.Slice(entries, func(i, j int) bool { return key(entries[i]) < key(entries[j]) })
	var b bytes.Buffer
	for _, e := range entries {
		raw, _ := hex.DecodeString(e.SHA)
		fmt.Fprintf(&b, "%s %s\x00", strings.TrimPrefix(e.Mode, "0"), e.Name)
		b.Write(raw)
	}
	sha := objectName("tree", b.Bytes())
	g.Trees[sha] = entries
	return sha
}

// PutCommit names a commit and adds it.
func (g *Git) PutCommit(c *Commit) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "tree %s\n", c.Tree)
	for _, p := range c.Parents {
		fmt.Fprintf(&b, "parent %s\n", p)
	}
	fmt.Fprintf(&b, "author %s\ncommitter %s\n\n%s", c.Author, c.Committer, c.Message)
	c.SHA = objectName("commit", b.Bytes())
	if _, ok := g.Commits[c.SHA]; !ok {
		g.Commits[c.SHA] = c
	}
	return c.SHA
}

// IsEmpty reports whether nothing was ever committed.
func (g *Git) IsEmpty() bool { return len(g.Commits) == 0 }

// copyOf returns a copy that doesn't change with the original.
func (g *Git) copyOf() *Git {
	return &Git{Blobs: maps.Clone(g.Blobs), Trees: maps.Clone(g.Trees), Commits: maps.Clone(g.Commits),
		Refs: maps.Clone(g.Refs)}
}

// sameAs reports whether git has what its later state has. Objects are only ever added.
func (g *Git) sameAs(later *Git) bool {
	return len(g.Blobs) == len(later.Blobs) && len(g.Trees) == len(later.Trees) &&
		len(g.Commits) == len(later.Commits) &&
		maps.Equal(g.Refs, later.Refs)
}
