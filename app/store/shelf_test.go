package store_test

import (
	"database/sql"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/store"
)

// onShelf reports whether something is kept by a name.
func onShelf(t *testing.T, s *store.Store, name string) bool {
	t.Helper()
	content, err := s.Load(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return content != nil
}

// Of all who claim a name at once one alone is first (X5).
func TestX5OneAloneIsFirst(t *testing.T) {
	s, err := openStore(t, "", &clock{now: start}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	first := make(chan bool, 20)
	var all sync.WaitGroup
	for range cap(first) {
		all.Go(func() {
			is, err := s.Claim(t.Context(), "runs/Acme/incidents/1/a/0")
			if err != nil {
				t.Error(err)
			}
			first <- is
		})
	}
	all.Wait()
	close(first)
	n := 0
	for is := range first {
		if is {
			n++
		}
	}
	if again, err := s.Claim(t.Context(), "runs/acme/incidents/1/a/1"); n != 1 || !again || err != nil {
		t.Errorf("%d are first; the next name: %t, %v", n, again, err)
	}
}

// What is kept on the shelf goes once it counts no more, and not before; what is kept again counts
// from then on.
func TestWhatIsKeptHasAnEnd(t *testing.T) {
	lives := engine.StoreRetention()
	lives["policies/"] = 0
	for prefix, days := range lives {
		t.Run(prefix, func(t *testing.T) {
			c := &clock{now: start}
			s, err := openStore(t, "", c, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			keep := func(name string) {
				if err := s.Save(t.Context(), name, []byte("x")); err != nil {
					t.Fatal(err)
				}
			}
			once, again := prefix+"Acme/incidents/1", prefix+"acme/incidents/2"
			keep(once)
			keep(again)
			whole := time.Duration(days) * 24 * time.Hour
			if days == 0 {
				whole = 10_000 * 24 * time.Hour
			}
			c.add(whole - time.Minute)
			keep(again)
			if !onShelf(t, s, once) {
				t.Errorf("it is gone a minute before its end")
			}
			c.add(2 * time.Hour)
			keep("other")
			if got := onShelf(t, s, once); got != (days == 0) {
				t.Errorf("kept after %d days: %t", days, got)
			}
			if !onShelf(t, s, again) {
				t.Error("what was kept anew is gone")
			}
		})
	}
}

// A file of a version before, in which nothing on the shelf had a time, is opened, and what is in
// it counts from now on.
func TestAShelfWithoutTimesIsTakenOver(t *testing.T) {
	path, c := filepath.Join(t.TempDir(), "queue.db"), &clock{now: start}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`CREATE TABLE shelf (name TEXT PRIMARY KEY, content BLOB NOT NULL); INSERT INTO shelf VALUES ('said/acme/incidents/1', 'x')`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s, err := store.Open(path, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !onShelf(t, s, "said/acme/incidents/1") {
			t.Error("it is gone")
		}
		if err := s.Save(t.Context(), "other", []byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		c.add(23 * time.Hour)
	}
	c.add(2 * time.Hour)
	s, err := store.Open(path, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Save(t.Context(), "other", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if onShelf(t, s, "said/acme/incidents/1") {
		t.Error("it has no end")
	}
}
