package local

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

// Keep stores content by a name. It implements engine.Shelf.
func (s *Store) Keep(ctx context.Context, name string, content []byte) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO shelf (name, content) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET content = excluded.content`, strings.ToLower(name), content)
		return err
	})
	if err != nil {
		return explain("keep "+name+" in", s.path, err)
	}
	return nil
}

// Kept gives what was kept by a name; nil if nothing was. It implements engine.Shelf.
func (s *Store) Kept(ctx context.Context, name string) (content []byte, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT content FROM shelf WHERE name = ?`, strings.ToLower(name)).Scan(&content)
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
