package store

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// SQLite starts its write-ahead log again at the first page that is damaged, and reports nothing:
// what was acknowledged after that is lost. So the number of acknowledged messages is also written
// to a file next to the queue's. That file is not synced: a process that is killed loses nothing of
// it, and after a power cut the number may be too small. Each row of arrivals has as its id the
// number of messages up to it.

// tally is the file with the number of acknowledged messages. A nil tally has no file, as for a
// queue in memory.
type tally struct{ file *os.File }

// openTally opens the file next to a queue's.
func openTally(path string) (*tally, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.OpenFile(path+".count", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the count next to the queue: %w", err)
	}
	return &tally{file}, nil
}

// read returns how many messages were acknowledged; 0 if that isn't known.
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

// write records how many messages were acknowledged. The file always has the same length, so that
// it needs no space on a full disk.
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

// countLost compares what the queue contains with what was acknowledged, and logs what is lost.
// isAnew means that the file was moved aside, which has been logged already.
func (s *Store) countLost(isAnew bool) error {
	row := s.db.QueryRow(`SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'arrivals'), 0)`)
	if err := row.Scan(&s.answered); err != nil {
		return err
	}
	if lost := s.tally.read() - s.answered; lost > 0 && !isAnew {
		s.isFresh = true // timers may be lost too
		s.log.Error("queue file damaged: the last of what was answered is lost. Incidents are read from "+
			"GitHub again; look up alerts and mails of the last minutes at their source",
			"file", s.path, "lost", lost)
	}
	s.saveTally()
	return nil
}

// saveTally records how many messages were acknowledged. Without it only the message about a loss
// is missing.
func (s *Store) saveTally() {
	if err := s.tally.write(s.answered); err != nil {
		s.log.Warn("acknowledged messages not counted", "file", s.path, "err", err)
	}
}

// waitingIn returns how many messages wait in a file that was moved aside, as far as it can be
// read.
func waitingIn(path string) (n int64, err error) {
	db, err := sql.Open("sqlite", (fileURL(path) + "?mode=ro&immutable=1"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.QueryRow(`SELECT count(*) FROM messages WHERE dead = ''`).Scan(&n)
	return n, err
}
