package similar

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Folder is where merged postmortems are, and the data next to them.
const Folder = "postmortems"

// File is a file of the folder, as git lists it.
type File struct {
	Name string
	OID  string // of its content
	Size int    // in bytes
}

// Index is what is kept of the past incidents of a repository. It can be built again from there at
// any time.
type Index struct {
	Version int       `json:"version"`
	Read    time.Time `json:"read,omitzero"` // when it was compared with the repository; zero: it must be
	Entries []Entry   `json:"entries,omitempty"`
}

// Entry is one file of an index.
type Entry struct {
	Name     string `json:"name"` // of the data
	OID      string `json:"oid"`
	Document string `json:"document"`       // the file for people: the postmortem, or the data if that is gone
	Past     *Past  `json:"past,omitempty"` // nil: it isn't a past incident, or isn't read yet
	IsRead   bool   `json:"is_read,omitempty"`
}

const (
	// indexVersion changes whenever an index that is kept says less than one that is built.
	indexVersion = 2
	// fresh is how long an index is used without comparing it with the repository.
	fresh = time.Hour
	// maxFiles is how many postmortems are compared, the newest.
	maxFiles = 300
	// maxFile is the size in bytes of a file from which it isn't read: a long incident's has a tenth.
	maxFile = 256 << 10
	// maxIndex is the size in bytes of an index: the store takes one of 1 MiB.
	maxIndex = 900_000
	// maxBatchFiles and maxBatch are how many files, and of how many bytes in all, are read at once.
	maxBatchFiles = 150
	maxBatch      = 4 << 20
)

// dataName is how the data of a postmortem are called: the day, the number, and some words.
var dataName = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}-\d+(-[\w.-]*)?\.json$`)

// OpenIndex returns a kept index, or an empty one if there is none, or one of another version.
func OpenIndex(kept []byte) Index {
	var x Index
	if err := json.Unmarshal(kept, &x); err != nil || x.Version != indexVersion {
		return Index{Version: indexVersion}
	}
	return x
}

// IsFresh reports whether an index can be used at a time without comparing it with the repository.
func (x Index) IsFresh(at time.Time) bool {
	return !x.Read.IsZero() && at.Sub(x.Read) < fresh && !at.Before(x.Read) && len(x.Unread()) == 0
}

// Compare brings an index up to date with the files of the folder: what is gone is left out, and what
// is new or another is to be read. The newest come first.
func (x *Index) Compare(files []File, at time.Time) {
	known := map[string]Entry{}
	for _, e := range x.Entries {
		known[e.Name+" "+e.OID] = e
	}
	documents := map[string]bool{}
	var data []File
	for _, f := range files {
		documents[f.Name] = path.Ext(f.Name) == ".md"
		if dataName.MatchString(f.Name) && f.Size <= maxFile {
			data = append(data, f)
		}
	}
	slices.SortFunc(data, func(a, b File) int { return strings.Compare(b.Name, a.Name) })
	x.Read, x.Entries = at, nil
	for _, f := range data[:min(len(data), maxFiles)] {
		e := known[f.Name+" "+f.OID]
		e.Name, e.OID, e.Document = f.Name, f.OID, strings.TrimSuffix(f.Name, ".json")+".md"
		if !documents[e.Document] {
			e.Document = f.Name
		}
		x.Entries = append(x.Entries, e)
	}
}

// Unread returns the object names of the contents that are still to be read, the newest first.
func (x Index) Unread() (oids []string) {
	for _, e := range x.Entries {
		if !e.IsRead && !slices.Contains(oids, e.OID) {
			oids = append(oids, e.OID)
		}
	}
	return oids
}

// Batch returns the first of some contents, as many as can be read at once.
func Batch(oids []string, files []File) []string {
	size := map[string]int{}
	for _, f := range files {
		size[f.OID] = f.Size
	}
	sum := 0
	for i, oid := range oids {
		if sum += size[oid]; i == maxBatchFiles || i > 0 && sum > maxBatch {
			return oids[:i]
		}
	}
	return oids
}

// Add adds contents by their object names. Nobody waits for one that can't be understood: somebody
// wrote it, and it is left out.
func (x *Index) Add(contents map[string]string) {
	for i := range x.Entries {
		e := &x.Entries[i]
		text, ok := contents[e.OID]
		if e.IsRead || !ok {
			continue
		}
		e.IsRead = true
		if p, err := Read([]byte(text)); err == nil {
			e.Past = &p
		}
	}
}

// Encode returns an index as it is kept. The oldest are left out if it is too large.
func (x Index) Encode() ([]byte, error) {
	for {
		data, err := json.Marshal(x)
		if err != nil || len(data) <= maxIndex || len(x.Entries) == 0 {
			return data, err
		}
		x.Entries = x.Entries[:len(x.Entries)*3/4]
	}
}
