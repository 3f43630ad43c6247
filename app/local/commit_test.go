package local

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
				answers <- s.Enqueue(t.Context(), incident.Message{Ref: ref, Delivery: fmt.Sprint(i)}, time.Time{})
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
		var stored int
		if err := s.db.QueryRow(`SELECT count(*) FROM messages`).Scan(&stored); err != nil || stored != all {
			t.Errorf("%d of %d stored: %v", stored, all, err)
		}
		if n := s.commits; n != 2 { // the first that came, and then all others
			t.Errorf("%d messages took %d transactions", all, n)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// A message that can't be written fails alone.
func TestOneBadWriteFailsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := Open("", wall{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if _, err := s.db.Exec(`CREATE TRIGGER bad BEFORE INSERT ON messages WHEN new.delivery = 'bad' BEGIN SELECT RAISE(ABORT, 'bad'); END`); err != nil {
			t.Fatal(err)
		}
		busy, err := s.db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		answers := map[string]chan error{"first": make(chan error, 1), "bad": make(chan error, 1), "good": make(chan error, 1)}
		for d, answer := range answers {
			go func() {
				answer <- s.Enqueue(t.Context(), incident.Message{Ref: incident.Ref{Owner: "a", Repo: "b", Number: 1}, Delivery: d}, time.Time{})
			}()
		}
		synctest.Wait()
		if err := busy.Close(); err != nil {
			t.Fatal(err)
		}
		for d, answer := range answers {
			if err := <-answer; (err != nil) != (d == "bad") {
				t.Errorf("%s: %v", d, err)
			}
		}
		// It left no trace of its delivery, so that it can be delivered again.
		var known int
		if err := s.db.QueryRow(`SELECT count(*) FROM deliveries WHERE delivery = 'bad'`).Scan(&known); err != nil || known != 0 {
			t.Errorf("what was not stored counts as delivered: %d, %v", known, err)
		}
	})
}

// What is stored is on disk, not in the disk's cache, when it is acknowledged: a power cut takes nothing.
func TestWrittenThrough(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "q.db"), wall{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "locking_mode": "exclusive"} {
		var got string
		if err := s.db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, want %q (%v)", pragma, got, want, err)
		}
	}
}
