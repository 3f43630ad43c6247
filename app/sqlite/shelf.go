package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
)

// Save stores content by a name. It implements engine.Shelf.
func (s *Store) Save(ctx context.Context, name string, content []byte) error {
	now := s.clock.Now()
	err := s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec(`INSERT INTO shelf (name, content, at) VALUES (?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET content = excluded.content, at = excluded.at`,
			strings.ToLower(name), content, now.UnixNano()); err != nil {
			return err
		}
		return s.clearShelf(tx, now)
	})
	if err != nil {
		return explain("keep "+name+" in", s.path, err)
	}
	return nil
}

// clearing is how often the shelf is rid of what counts no more.
const clearing = time.Hour

// clearShelf drops what counts no more, once an hour. It runs on the writer, which alone knows when
// it ran last.
func (s *Store) clearShelf(tx *sql.Tx, now time.Time) error {
	if now.Sub(s.cleared) < clearing && !now.Before(s.cleared) {
		return nil
	}
	s.cleared = now
	for prefix, days := range engine.StoreRetention() {
		end := strings.TrimSuffix(prefix, "/") + "0" // the character after the slash
		before := now.AddDate(0, 0, -days).UnixNano()
		if _, err := tx.Exec(`DELETE FROM shelf WHERE name >= ? AND name < ? AND at < ?`, prefix, end,
			before); err != nil {
			return err
		}
	}
	return nil
}

// dateShelf gives what has no time, as versions before this one kept it, the present one.
func dateShelf(db *sql.DB, now time.Time) error {
	var has bool
	if err := db.QueryRow(`SELECT count(*) > 0 FROM pragma_table_info('shelf') WHERE name = 'at'`).Scan(&has); err != nil {
		return err
	}
	if !has {
		if _, err := db.Exec(`ALTER TABLE shelf ADD COLUMN at INTEGER NOT NULL DEFAULT 0`); err != nil {
			return err
		}
	}
	_, err := db.Exec(`UPDATE shelf SET at = ? WHERE at = 0`, now.UnixNano())
	return err
}

// Load gives what was kept by a name; nil if nothing was. It implements engine.Shelf.
func (s *Store) Load(ctx context.Context, name string) (content []byte, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT content FROM shelf WHERE name = ?`,
		strings.ToLower(name)).Scan(&content)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, explain("read "+name+" of", s.path, err)
	}
	if content == nil {
		content = []byte{} // which was kept empty
	}
	return content, nil
}
