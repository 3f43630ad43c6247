package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
)

// Save stores content under a name. It implements engine.Shelf.
func (s *Store) Save(ctx context.Context, name string, content []byte) error {
	now := s.clock.Now()
	err := s.write(ctx, func(tx transaction) error {
		if _, err := tx.Exec(`INSERT INTO shelf (name, content, at) VALUES (?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET content = excluded.content, at = excluded.at`,
			strings.ToLower(name), content, now.UnixNano()); err != nil {
			return err
		}
		return s.cleanShelf(tx, now)
	})
	if err != nil {
		return withAdvice("keep "+name+" in", s.path, err)
	}
	return nil
}

// Claim saves an entry unless there is one. It implements engine.Claimer.
func (s *Store) Claim(ctx context.Context, name string) (isFirst bool, err error) {
	now := s.clock.Now()
	err = s.write(ctx, func(tx transaction) error {
		res, err := tx.Exec(`INSERT INTO shelf (name, content, at) VALUES (?, '1', ?) ON CONFLICT (name) DO NOTHING`,
			strings.ToLower(name), now.UnixNano())
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		isFirst = n == 1
		return err
	})
	if err != nil {
		return false, withAdvice("claim "+name+" in", s.path, err)
	}
	return isFirst, nil
}

// shelfCleaning is how often expired content is deleted.
const shelfCleaning = time.Hour

// cleanShelf deletes expired content, once an hour. Only the writer calls it.
func (s *Store) cleanShelf(tx transaction, now time.Time) error {
	if now.Sub(s.shelfCleaned) < shelfCleaning && !now.Before(s.shelfCleaned) {
		return nil
	}
	s.shelfCleaned = now
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

// migrateShelf dates the content that older versions stored without a time.
func migrateShelf(db database, now time.Time) error {
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

// Load returns the content stored under a name, or nil. It implements engine.Shelf.
func (s *Store) Load(ctx context.Context, name string) (content []byte, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT content FROM shelf WHERE name = ?`,
		strings.ToLower(name)).Scan(&content)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, withAdvice("read "+name+" of", s.path, err)
	}
	if content == nil {
		content = []byte{} // which was kept empty
	}
	return content, nil
}
