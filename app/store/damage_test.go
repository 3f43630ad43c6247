package store

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// fill stores n webhooks of as many incidents.
func fill(t *testing.T, s *Store, n int) {
	t.Helper()
	for i := range n {
		ref := incident.Ref{Owner: "acme", Repo: "incidents", Number: i + 1}
		if err := s.Enqueue(t.Context(), incident.Message{Ref: ref, Delivery: fmt.Sprint(i)},
			time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
}

func stored(t *testing.T, s *Store) int {
	t.Helper()
	b, err := s.Backlog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return b.Messages
}

func TestA5ADamagedFileIsPutAside(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"not a database":    func([]byte) []byte { return []byte("this is no database\n") },
		"cut off":           func(b []byte) []byte { return b[:len(b)/2] },
		"a page of zeros":   func(b []byte) []byte { copy(b[2*4096:], make([]byte, 4096)); return b },
		"a header of noise": func(b []byte) []byte { copy(b, bytes.Repeat([]byte{0xa5}, 100)); return b },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "firebreak.db")
			s, err := Open(path, wall{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !s.Fresh() {
				t.Error("a file that was not there is not fresh")
			}
			fill(t, s, 200)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			bad := damage(whole)
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			for n := 1; n <= 2; n++ { // what was put aside before stays
				var said bytes.Buffer
				if s, err = Open(path, wall{}, slog.New(slog.NewTextHandler(&said, nil))); err != nil {
					t.Fatal(err)
				}
				kept := fmt.Sprintf("%s.damaged-%d", path, n)
				if got, err := os.ReadFile(kept); err != nil || !bytes.Equal(got, bad) {
					t.Errorf("the damaged file is not kept as it was: %d of %d bytes, %v", len(got),
						len(bad), err)
				}
				for _, part := range []string{path, kept, "read from GitHub again"} {
					if !strings.Contains(said.String(), part) {
						t.Errorf("the log does not say %q: %s", part, &said)
					}
				}
				if !s.Fresh() {
					t.Error("the new file is not told to be one")
				}
				fill(t, s, 1)
				if n := stored(t, s); n != 1 {
					t.Errorf("%d messages in the new file, want 1", n)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, bad, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// A machine that loses power in the midst of a write leaves a torn log: what was answered before is
// in it.
func TestA4ATornWriteLosesNothingBefore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "firebreak.db")
	s, err := Open(path, wall{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fill(t, s, 30)
	log, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	fill31 := incident.Message{Ref: incident.Ref{Owner: "acme", Repo: "incidents", Number: 31}, Delivery: "31"}
	if err := s.Enqueue(t.Context(), fill31, time.Time{}); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(path + "-wal")
	if err != nil || len(after) <= len(log) {
		t.Fatalf("the log did not grow by a message: %d, %d, %v", len(log), len(after), err)
	}
	main, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int{1, 5000, len(after) - len(log) - 1} {
		torn := filepath.Join(t.TempDir(), "firebreak.db")
		if err := os.WriteFile(torn, main, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(torn+"-wal", after[:len(after)-cut], 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(torn, wall{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := stored(t, s); n != 30 || s.Fresh() {
			t.Errorf("cut by %d bytes: %d messages, want the 30 before; fresh %t", cut, n, s.Fresh())
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFullDiskIsToldAndOutlived(t *testing.T) {
	path := filepath.Join(t.TempDir(), "firebreak.db")
	s, err := Open(path, wall{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	limit := func(pages int) {
		t.Helper()
		if _, err := s.db.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
			t.Fatal(err)
		}
	}
	fill(t, s, 1)
	limit(1) // SQLite takes what there is for the least
	taken := 1
	for err == nil {
		taken++
		err = s.Enqueue(t.Context(),
			incident.Message{Ref: incident.Ref{Owner: "acme", Repo: "incidents", Number: taken},
				Delivery: fmt.Sprint(taken)}, time.Time{})
	}
	for _, part := range []string{path, "full", "delivered again"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, err)
		}
	}
	limit(1_000_000)
	if n := stored(t, s); n != taken-1 {
		t.Errorf("%d messages are stored, %d were taken", n, taken-1)
	}
	// What was refused left no trace of its delivery: it is taken when it is delivered again.
	fill(t, s, 300)
	if n := stored(t, s); n != 300 || taken >= 300 {
		t.Errorf("%d messages are stored, want 300; %d were refused at", n, taken)
	}
}

// A message that the disk changed is put aside, and holds up no other.
func TestADamagedMessageIsPutAside(t *testing.T) {
	var said bytes.Buffer
	s, err := Open("", wall{}, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fill(t, s, 1)
	if _, err := s.db.Exec(`UPDATE arrivals SET lines = CAST('{"at":1,"mess?age":{}' || char(10) || lines AS BLOB)`); err != nil {
		t.Fatal(err)
	}
	b, err := s.Backlog(t.Context())
	if err != nil || b.Messages != 1 || b.Dead != 1 {
		t.Errorf("%d messages wait and %d are put aside, want one each: %v", b.Messages, b.Dead, err)
	}
	if !strings.Contains(said.String(), "damaged message put aside") || !strings.Contains(said.String(), "mess") {
		t.Errorf("the log does not say what was put aside: %s", &said)
	}
}
