package store

import (
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

type wall struct{}

func (wall) Now() time.Time { return time.Now() }

// What waits for the disk is written together, and nobody is answered before.
func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := Open("", wall{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		busy, err := s.db.Conn(t.Context()) // the disk is busy
		if err != nil {
			t.Fatal(err)
		}
		const all = 100
		answers := make(chan error, all)
		for i := range all {
			go func() {
				ref := incident.Ref{Owner: "acme", Repo: "incidents", Number: i + 1}
				answers <- s.Enqueue(t.Context(), incident.Message{Ref: ref, Delivery: fmt.Sprint(i)},
					time.Time{})
			}()
		}
		synctest.Wait()
		if len(answers) != 0 {
			t.Errorf("%d were answered before anything was written", len(answers))
		}
		if err := busy.Close(); err != nil {
			t.Fatal(err)
		}
		for range all {
			if err := <-answers; err != nil {
				t.Error(err)
			}
		}
		if n := s.commits; n < 1 || n > 2 { // the first that came may be alone, and then come all others
			t.Errorf("%d messages took %d transactions", all, n)
		}
		if n := stored(t, s); n != all {
			t.Errorf("%d of %d stored", n, all)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// What can't be written fails alone.
func TestOneBadWriteFailsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := Open("", wall{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if _, err := s.db.Exec(`CREATE TRIGGER bad BEFORE INSERT ON timers WHEN new.ref = 'a/bad#1' BEGIN SELECT RAISE(ABORT, 'bad'); END`); err != nil {
			t.Fatal(err)
		}
		busy, err := s.db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		answers := map[string]chan error{"first": make(chan error, 1), "bad": make(chan error, 1),
			"good": make(chan error, 1), "message": make(chan error, 1)}
		for name, answer := range answers {
			go func() {
				ref := incident.Ref{Owner: "a", Repo: name, Number: 1}
				if name == "message" {
					answer <- s.Enqueue(t.Context(), incident.Message{Ref: ref}, time.Time{})
				} else {
					answer <- s.Schedule(t.Context(), ref, time.Now().Add(time.Hour))
				}
			}()
		}
		synctest.Wait()
		if err := busy.Close(); err != nil {
			t.Fatal(err)
		}
		for name, answer := range answers {
			if err := <-answer; (err != nil) != (name == "bad") {
				t.Errorf("%s: %v", name, err)
			}
		}
		var timers int
		if err := s.db.QueryRow(`SELECT count(*) FROM timers`).Scan(&timers); err != nil || timers != 2 ||
			stored(t, s) != 1 {
			t.Errorf("%d timers and %d messages are stored: %v", timers, stored(t, s), err)
		}
	})
}

// What is stored is on disk, not in the disk's cache, when it is acknowledged: a power cut takes
// nothing.
func TestWrittenThrough(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "q.db"), wall{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2",
		"locking_mode": "exclusive"} {
		var got string
		if err := s.db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, want %q (%v)", pragma, got, want, err)
		}
	}
}
