package store

import (
	"errors"
	"fmt"
	"os"

	sqlite3 "modernc.org/sqlite/lib"
)

// errDamaged is returned when the file is a database whose content is inconsistent.
var errDamaged = errors.New("its content is damaged")

// resultCode returns SQLite's primary result code, or 0. https://www.sqlite.org/rescode.html
func resultCode(err error) int {
	var coded interface{ Code() int }
	if errors.As(err, &coded) {
		return coded.Code() & 0xff
	}
	return sqlite3.SQLITE_OK
}

// isDamaged reports whether err means that the file can't be used any more.
func isDamaged(err error) bool {
	c := resultCode(err)
	return errors.Is(err, errDamaged) || c == sqlite3.SQLITE_CORRUPT || c == sqlite3.SQLITE_NOTADB
}

// withAdvice wraps err with what failed, on which file, and what to do.
func withAdvice(what, path string, err error) error {
	help := ""
	switch c := resultCode(err); {
	case isDamaged(err):
		help = "; start again: the file is put aside then, and incidents are read from GitHub"
	case c == sqlite3.SQLITE_BUSY:
		help = "; another process has it open: stop that one, or give this one a folder of its own"
	case c == sqlite3.SQLITE_FULL || c == sqlite3.SQLITE_IOERR || c == sqlite3.SQLITE_CANTOPEN ||
		c == sqlite3.SQLITE_READONLY:
		help = "; look whether its disk is full or can't be written: until that is mended webhooks are " +
			"refused, and GitHub keeps them to be delivered again"
	}
	return fmt.Errorf("%s %s: %w%s", what, path, err, help)
}

// moveAside renames a damaged file, and the files that SQLite stores next to it, and returns the
// new name.
func moveAside(path string) (kept string, err error) {
	for n := 1; ; n++ {
		kept = fmt.Sprintf("%s.damaged-%d", path, n)
		if _, err := os.Lstat(kept); errors.Is(err, os.ErrNotExist) {
			break
		} else if err != nil {
			return "", fmt.Errorf("move the damaged queue aside: %w", err)
		}
	}
	for _, part := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(path+part, kept+part); err != nil &&
			(part == "" || !errors.Is(err, os.ErrNotExist)) {
			return "", fmt.Errorf("move the damaged queue aside: %w; move it away by hand", err)
		}
	}
	return kept, nil
}
