package store

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

var toldLost = regexp.MustCompile(`lost=(\d+)`)

// A write-ahead log that is damaged anywhere, cut off or gone loses answered messages only with a
// word about how many. One that is in order, as a killed process leaves it, says nothing.
func TestA5ADamagedLogTellsHowManyAreLost(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes ten times as long under the race detector")
	}
	const answered = 40
	dir := t.TempDir()
	path := filepath.Join(dir, "firebreak.db")
	s, err := Open(path, wall{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fill(t, s, answered)
	files := map[string][]byte{} // as they are if the process is killed now
	for _, part := range []string{"", "-wal", ".count"} {
		if files[part], err = os.ReadFile(path + part); err != nil {
			t.Fatal(err)
		}
	}
	log := files["-wal"]
	damages := map[string]func() []byte{
		"whole": func() []byte { return log },
		"gone":  func() []byte { return nil },
	}
	for n := range 16 {
		at := 32 + (len(log)-33)*n/15
		damages[fmt.Sprint("a byte at ", at)] = func() []byte {
			bad := bytes.Clone(log)
			bad[at] ^= 0x40
			return bad
		}
		damages[fmt.Sprint("cut off at ", at)] = func() []byte { return log[:at] }
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "firebreak.db")
			for part, text := range files {
				if part == "-wal" {
					text = damage()
				}
				if err := os.WriteFile(path+part, text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var said bytes.Buffer
			s, err := Open(path, wall{}, slog.New(slog.NewTextHandler(&said, nil)))
			if err != nil {
				t.Fatal(err)
			}
			lost := 0
			if m := toldLost.FindStringSubmatch(said.String()); m != nil {
				lost, _ = strconv.Atoi(m[1])
			}
			if got := stored(t, s); got+lost != answered {
				t.Errorf("%d are there and %d are told to be lost, of %d\n%s", got, lost, answered, &said)
			}
			if name == "whole" && (lost > 0 || s.Fresh()) || lost > 0 && !s.Fresh() {
				t.Errorf("%d lost, all incidents are looked at: %t", lost, s.Fresh())
			}
			fill(t, s, 1)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			said.Reset()
			if s, err = Open(path, wall{}, slog.New(slog.NewTextHandler(&said, nil))); err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if toldLost.MatchString(said.String()) {
				t.Errorf("it is told again: %s", &said)
			}
		})
	}
}

// A file that is put aside says how many messages wait in it, where that can be read.
func TestA5AFileThatIsPutAsideTellsHowManyWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "firebreak.db")
	s, err := Open(path, wall{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s, 200)
	if n := stored(t, s); n != 200 {
		t.Fatalf("%d messages", n)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	n, err := waitingIn(path)
	if err != nil || n != 200 {
		t.Errorf("%d wait, %v", n, err)
	}
	if err := os.WriteFile(path, []byte("this is no database\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	if s, err = Open(path, wall{}, slog.New(slog.NewTextHandler(&said, nil))); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if !bytes.Contains(said.Bytes(), []byte(`waiting="not known"`)) || toldLost.Match(said.Bytes()) {
		t.Errorf("it says %s", &said)
	}
}
