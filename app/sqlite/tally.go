package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// SQLite begins its write-ahead log anew at the first page of it that is damaged, and says nothing:
// what was answered after that is gone. So how many messages were answered is written to a file
// beside the queue's too. It is not synced: a process that is killed loses nothing of it, and after
// a power cut it may say too little. Each row of arrivals has as its id how many messages there
// were with it.

// tally is the file beside the queue's; nil: there is none, as for a queue in memory.
type tally struct{ file *os.File }

// openTally opens the file beside a queue's.
func openTally(path string) (*tally, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.OpenFile(path+".count", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the count beside the queue: %w", err)
	}
	return &tally{file}, nil
}

// read returns how many messages were answered, as far as it says; 0: it says nothing.
func (t *tally) read() int64 {
	if t == nil {
		return 0
	}
	text, err := io.ReadAll(io.NewSectionReader(t.file, 0, 64))
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0
	}
	return max(0, n)
}

// write notes how many messages were answered. It always has the same length, so that it needs no
// room on a full disk.
func (t *tally) write(n int64) error {
	if t == nil {
		return nil
	}
	_, err := t.file.WriteAt(fmt.Appendf(nil, "%019d\n", n), 0)
	return err
}

func (t *tally) close() error {
	if t == nil {
		return nil
	}
	return t.file.Close()
}

// countLost compares what the queue holds with what was answered, and tells of what is lost. isAnew
// says that the file was put aside and another one begun, which was told already.
func (s *Store) countLost(isAnew bool) error {
	if err := s.db.QueryRow(`SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'arrivals'), 0)`).Scan(&s.answered); err != nil {
		return err
	}
	if lost := s.tally.read() - s.answered; lost > 0 && !isAnew {
		s.fresh = true // timers may be lost too
		s.log.Error("queue file damaged: the last of what was answered is lost. Incidents are read from "+
			"GitHub again; look up alerts and mails of the last minutes at their source",
			"file", s.path, "lost", lost)
	}
	s.count()
	return nil
}

// count notes beside the queue how many messages were answered. Without it nothing is lost but the
// word of what was lost.
func (s *Store) count() {
	if err := s.tally.write(s.answered); err != nil {
		s.log.Warn("what is answered is not counted beside the queue", "file", s.path, "err", err)
	}
}

// waitingIn counts the messages that wait in a file that was put aside, as far as it can be read.
func waitingIn(path string) (n int64, err error) {
	db, err := sql.Open("sqlite", (fileURL(path) + "?mode=ro&immutable=1"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.QueryRow(`SELECT count(*) FROM messages WHERE dead = ''`).Scan(&n)
	return n, err
}
