package similar_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/similar"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// data returns what is next to a merged postmortem.
func data(number int, title string) string {
	return fmt.Sprintf(`{"version":1,"incident":{"id":"acme/incidents#%d","title":%q}}`, number, title)
}

// Only what is new or another is read again, and only of the newest postmortems.
func TestAnIndexIsKeptUpToDate(t *testing.T) {
	files := []similar.File{{"README.md", "r", 10}, {"evil.json", "e", 10}, {"2026-01-09-0x.json", "h", 10},
		{"2026-01-08-1-disk.json", "a", 100}, {"2026-01-08-1-disk.md", "m", 100}, {"2026-02-08-2.json", "b", 100},
		{"2026-02-09-3-huge.json", "c", 10 << 20}}
	x := similar.OpenIndex(nil)
	if x.IsFresh(noon) {
		t.Error("what was never read is fresh")
	}
	x.Compare(files, noon)
	if got := x.Unread(); !slices.Equal(got, []string{"b", "a"}) {
		t.Fatalf("to be read: %q", got)
	}
	x.Add(map[string]string{"a": data(1, "Disk full"), "z": "{}"})
	if got := x.Unread(); !slices.Equal(got, []string{"b"}) || x.IsFresh(noon) {
		t.Errorf("then: %q", got)
	}
	x.Add(map[string]string{"b": `{"version":"hostile"`})

	kept, err := x.Encode()
	if err != nil {
		t.Fatal(err)
	}
	x = similar.OpenIndex(kept)
	if !x.IsFresh(noon.Add(59*time.Minute)) || x.IsFresh(noon.Add(time.Hour)) || x.IsFresh(noon.Add(-time.Minute)) {
		t.Errorf("read at %s", x.Read)
	}
	if len(x.Entries) != 2 || x.Entries[0].Past != nil || x.Entries[0].Document != "2026-02-08-2.json" ||
		x.Entries[1].Past == nil || x.Entries[1].Past.Title != "Disk full" || x.Entries[1].Document != "2026-01-08-1-disk.md" {
		t.Errorf("%+v", x.Entries)
	}

	files[3].OID = "a2" // somebody corrected it
	x.Compare(files[:5], noon)
	if got := x.Unread(); !slices.Equal(got, []string{"a2"}) || len(x.Entries) != 1 {
		t.Errorf("of a changed file %q, in %+v", got, x.Entries)
	}
	for _, odd := range []string{"", "[]", "{", `{"version":99,"read":"2026-03-04T12:00:00Z"}`} {
		if x := similar.OpenIndex([]byte(odd)); !x.Read.IsZero() || len(x.Entries) > 0 {
			t.Errorf("%q is %+v", odd, x)
		}
	}
}

// However many postmortems there are and however much is in them, few are read at once, and the index
// has an end.
func TestAnIndexIsBounded(t *testing.T) {
	var files []similar.File
	contents := map[string]string{}
	for i := range 500 {
		oid := fmt.Sprint("o", i)
		files = append(files, similar.File{Name: fmt.Sprintf("2025-%02d-%02d-%d.json", 1+i/28%12, 1+i%28, i), OID: oid, Size: 100_000})
		long, err := json.Marshal(strings.Repeat("\"long\"\x01 ", 5000))
		if err != nil {
			t.Fatal(err)
		}
		contents[oid] = fmt.Sprintf(`{"version":1,"incident":{"id":"acme/incidents#%d","title":%[2]s},"summary":%[2]s,`+
			`"findings":[{"text":%[2]s}],"causes":[{"text":%[2]s}]}`, i, long)
	}
	var x similar.Index
	x.Compare(files, noon)
	todo := x.Unread()
	if first := similar.Batch(todo, files); len(todo) != 300 || len(first) != 41 || len(similar.Batch(todo, nil)) != 150 {
		t.Errorf("%d are to be read, %d at once", len(todo), len(first))
	}
	x.Add(contents)
	kept, err := x.Encode()
	if back := similar.OpenIndex(kept); err != nil || len(kept) > 1<<20 || len(kept) < 500_000 {
		t.Errorf("an index of %d bytes, %d incidents: %v", len(kept), len(back.Entries), err)
	}
}
