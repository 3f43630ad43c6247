package graphql

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/graph-gophers/graphql-go"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// gqlRef is a branch or a tag.
type gqlRef struct {
	c *gqlCall
	r *forge.Repository

	ID           graphql.ID
	Name, Prefix string
}

// ref returns a branch or a tag by its full name; null where there is none.
func (c *gqlCall) ref(r *forge.Repository, full string) *gqlRef {
	if _, ok := r.Git.Refs[full]; !ok {
		return nil
	}
	kind, name, _ := strings.Cut(strings.TrimPrefix(full, "refs/"), "/")
	return &gqlRef{c: c, r: r, ID: graphql.ID("REF_" + r.FullName() + ":" + full), Name: name,
		Prefix: "refs/" + kind + "/"}
}

// Target is the commit to which it points.
func (r *gqlRef) Target() (*gqlObject, error) {
	return r.c.object(r.r, r.r.Git.Refs[r.Prefix+r.Name])
}

// DefaultBranchRef is the default branch, if the repository has one yet.
func (r *gqlRepository) DefaultBranchRef() *gqlRef {
	return r.c.ref(r.r, "refs/heads/"+r.r.DefaultBranch)
}

// Ref finds a branch or a tag by its full or its short name.
func (r *gqlRepository) Ref(args struct{ QualifiedName string }) *gqlRef {
	for _, before := range []string{"", "refs/heads/", "refs/tags/", "refs/"} {
		if found := r.c.ref(r.r, before+args.QualifiedName); found != nil &&
			strings.HasPrefix(before+args.QualifiedName, "refs/") {
			return found
		}
	}
	return nil
}

// Object finds a commit, a folder or a file by its name, or by an expression: COMMIT or COMMIT:PATH.
func (r *gqlRepository) Object(args struct {
	Expression *string
	OID        *gqlScalar
}) (*gqlObject, error) {
	if args.OID != nil {
		return r.c.object(r.r, string(*args.OID))
	}
	rev, path, hasPath := strings.Cut(orEmpty(args.Expression), ":")
	if rev == "HEAD" {
		rev = r.r.DefaultBranch
	}
	of, ok := r.r.Git.Resolve(rev)
	if !ok {
		return nil, nil
	}
	if !hasPath {
		return r.c.object(r.r, of.SHA)
	}
	entry, ok := r.r.Git.Entry(of.Tree, path)
	if !ok {
		return nil, nil
	}
	return r.c.object(r.r, entry.SHA)
}

// gqlObject is one of git's objects.
type gqlObject struct {
	c   *gqlCall
	r   *forge.Repository
	sha string

	commit *gqlCommit
	tree   []forge.TreeEntry // of a tree
	isTree bool
	blob   []byte
}

// object finds one of git's objects by its name; null where there is none.
func (c *gqlCall) object(r *forge.Repository, sha string) (*gqlObject, error) {
	if err := c.forge.Require(c.by, r, forge.RoleRead, "contents"); err != nil {
		return nil, gqlRefusal(err)
	}
	o := &gqlObject{c: c, r: r, sha: sha, commit: c.commit(r, sha)}
	o.tree, o.isTree = r.Git.Trees[sha]
	blob, isBlob := r.Git.Blobs[sha]
	o.blob = blob
	if o.commit == nil && !o.isTree && !isBlob {
		return nil, nil
	}
	return o, nil
}

// ID is its id.
func (o *gqlObject) ID() graphql.ID {
	switch {
	case o.commit != nil:
		return o.commit.ID
	case o.isTree:
		return graphql.ID("T_" + o.sha)
	}
	return graphql.ID("B_" + o.sha)
}

// OID is its name.
func (o *gqlObject) OID() gqlScalar { return gqlScalar(o.sha) }

// AbbreviatedOID is its short name.
func (o *gqlObject) AbbreviatedOID() string { return o.sha[:7] }

// ToCommit returns it as a commit.
func (o *gqlObject) ToCommit() (*gqlCommit, bool) { return o.commit, o.commit != nil }

// ToTree returns it as a folder.
func (o *gqlObject) ToTree() (*gqlTree, bool) { return &gqlTree{o}, o.isTree }

// ToBlob returns it as a file.
func (o *gqlObject) ToBlob() (*gqlBlob, bool) { return &gqlBlob{o}, o.commit == nil && !o.isTree }

// gqlTree is a folder.
type gqlTree struct{ o *gqlObject }

// ID, OID and AbbreviatedOID are the object's.
func (t *gqlTree) ID() graphql.ID         { return t.o.ID() }
func (t *gqlTree) OID() gqlScalar         { return t.o.OID() }
func (t *gqlTree) AbbreviatedOID() string { return t.o.AbbreviatedOID() }

// Entries lists what is in it.
func (t *gqlTree) Entries() *[]*gqlTreeEntry {
	return new(convert(t.o.tree, func(e forge.TreeEntry) *gqlTreeEntry {
		mode, _ := strconv.ParseInt(e.Mode, 8, 32)
		return &gqlTreeEntry{o: t.o, Name: e.Name, Path: new(e.Name), Mode: int32(mode), Type: e.Kind(),
			OID: gqlScalar(e.SHA), Size: int32(len(t.o.r.Git.Blobs[e.SHA]))}
	}))
}

// gqlTreeEntry is a file or a folder of a folder. Its path is its name: a folder doesn't know where it is.
type gqlTreeEntry struct {
	o *gqlObject

	Name, Type string
	Path       *string
	Mode, Size int32
	OID        gqlScalar
}

// Object is the file or the folder.
func (e *gqlTreeEntry) Object() (*gqlObject, error) { return e.o.c.object(e.o.r, string(e.OID)) }

// gqlBlob is a file.
type gqlBlob struct{ o *gqlObject }

// ID, OID and AbbreviatedOID are the object's.
func (b *gqlBlob) ID() graphql.ID         { return b.o.ID() }
func (b *gqlBlob) OID() gqlScalar         { return b.o.OID() }
func (b *gqlBlob) AbbreviatedOID() string { return b.o.AbbreviatedOID() }

// ByteSize counts its bytes.
func (b *gqlBlob) ByteSize() int32 { return int32(len(b.o.blob)) }

// IsBinary reports whether it isn't text.
func (b *gqlBlob) IsBinary() *bool { return new(!utf8.Valid(b.o.blob) || slices.Contains(b.o.blob, 0)) }

// maxBlob is how much GitHub shows of a file.
const maxBlob = 512_000

// IsTruncated reports whether its text is cut.
func (b *gqlBlob) IsTruncated() bool { return len(b.o.blob) > maxBlob }

// Text is what is in it; null if that isn't text.
func (b *gqlBlob) Text() *string {
	if *b.IsBinary() {
		return nil
	}
	return new(strings.ToValidUTF8(string(b.o.blob[:min(len(b.o.blob), maxBlob)]), ""))
}

// guarded is a connection that whoever asks may not read: its parts are refused, so that the rest of an
// answer stays.
type guarded[T any] struct {
	connection[T]
	refused error
}

// guard makes a connection that is empty, and has no nodes, if it is refused.
func guard[T any](c *connection[T], refused error) *guarded[T] {
	if refused != nil {
		c.all = nil
		refused = gqlRefusal(refused)
	}
	return &guarded[T]{*c, refused}
}

// Nodes returns the part of the list, or why not.
func (g *guarded[T]) Nodes() (*[]T, error) {
	if g.refused != nil {
		return nil, g.refused
	}
	return g.connection.Nodes()
}

type releasesArgs struct {
	pageArgs
	OrderBy *struct{ Field, Direction string }
}

// Releases lists releases, the newest first unless asked otherwise.
func (r *gqlRepository) Releases(args releasesArgs) *guarded[*gqlRelease] {
	releases := r.c.forge.VisibleReleases(r.c.by, r.r)
	if order := args.OrderBy; order != nil {
		slices.SortStableFunc(releases, func(a, b *forge.Release) int {
			if order.Field == "NAME" {
				return strings.Compare(a.Name, b.Name)
			}
			return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
		})
		if order.Direction == "DESC" {
			slices.Reverse(releases)
		}
	}
	return guard(connect("releases", releases, args.pageArgs, r.release),
		r.c.forge.Require(r.c.by, r.r, forge.RoleRead, "contents"))
}

// LatestRelease is the newest release that is public and finished.
func (r *gqlRepository) LatestRelease() (*gqlRelease, error) {
	if err := r.c.forge.Require(r.c.by, r.r, forge.RoleRead, "contents"); err != nil {
		return nil, gqlRefusal(err)
	}
	if latest := r.r.LatestRelease(); latest != nil {
		return r.release(latest), nil
	}
	return nil, nil
}

// gqlRelease is a release.
type gqlRelease struct {
	r *gqlRepository
	o *forge.Release

	ID                              graphql.ID
	DatabaseID                      *int32
	Name, Description               *string
	TagName                         string
	CreatedAt, UpdatedAt            gqlScalar
	PublishedAt                     *gqlScalar
	URL                             gqlScalar
	IsDraft, IsLatest, IsPrerelease bool
}

func (r *gqlRepository) release(o *forge.Release) *gqlRelease {
	return &gqlRelease{r: r, o: o, ID: graphql.ID(forge.NodeID("RE", o.ID)), DatabaseID: databaseID(o.ID),
		Name: orNull(o.Name), Description: orNull(o.Body), TagName: o.Tag, CreatedAt: dateTime(o.Created),
		UpdatedAt: dateTime(o.Updated), PublishedAt: dateTimeOrNull(o.Published),
		URL: gqlScalar(r.c.forge.ReleaseURL(r.r, o)), IsDraft: o.Draft, IsLatest: r.r.LatestRelease() == o,
		IsPrerelease: o.Prerelease}
}

// Author is who wrote it. GraphQL calls an App's bot a user here, whose name is as everywhere in GraphQL.
func (o *gqlRelease) Author() *gqlUser {
	u, ok := o.r.c.forge.FindUser(o.o.Author)
	if !ok {
		return nil
	}
	author := o.r.c.user(u)
	author.Login = strings.TrimSuffix(author.Login, "[bot]")
	return author
}

// Tag is its tag; a draft has none yet.
func (o *gqlRelease) Tag() *gqlRef { return o.r.c.ref(o.r.r, "refs/tags/"+o.o.Tag) }

// TagCommit is the commit of its tag.
func (o *gqlRelease) TagCommit() *gqlCommit {
	return o.r.c.commit(o.r.r, o.r.r.Git.Refs["refs/tags/"+o.o.Tag])
}

// Repository is where it is.
func (o *gqlRelease) Repository() *gqlRepository { return o.r }
