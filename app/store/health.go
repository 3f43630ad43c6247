package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Backlog describes what is in the queue.
type Backlog struct {
	Messages int           // waiting, those due later included
	Oldest   time.Duration // of the message that has been due the longest; 0: none is due
	Dead     int           // put aside
}

// Backlog returns how much is in the queue.
func (s *Store) Backlog(ctx context.Context) (b Backlog, err error) {
	if err := s.ingest(ctx); err != nil {
		return b, err
	}
	var oldest sql.NullInt64
	err = s.db.QueryRowContext(ctx,
		`SELECT count(*) FILTER (WHERE dead = ''), count(*) FILTER (WHERE dead <> ''),
			min(due) FILTER (WHERE dead = '') FROM messages`).
		Scan(&b.Messages, &b.Dead, &oldest)
	if err != nil {
		return b, fmt.Errorf("read the queue: %w", err)
	}
	if oldest.Valid {
		b.Oldest = max(0, s.clock.Now().Sub(time.Unix(0, oldest.Int64)))
	}
	return b, nil
}

// Health returns an error if no work gets done: nothing can be stored, every worker hangs, or a
// message has waited too long for a worker.
func (s *Store) Health(ctx context.Context) error {
	if err := s.Ready(ctx); err != nil {
		return err
	}
	return s.findStall(ctx)
}

// Ready returns an error if the queue takes no messages: Run has ended, or the file can't be
// written.
func (s *Store) Ready(ctx context.Context) error {
	s.mu.Lock()
	ended, broken := s.hasEnded, s.broken
	s.mu.Unlock()
	if ended || broken != nil {
		return errors.Join(errors.New("queue worker stopped"), broken)
	}
	written := make(chan error, 1) // a disk that hangs must not hang whoever asks
	go func() {
		written <- s.write(ctx, func(tx transaction) error {
			_, err := tx.Exec(`INSERT INTO health (id, at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at`,
				s.clock.Now().UnixNano())
			return err
		})
	}()
	select {
	case err := <-written:
		return err
	case <-ctx.Done():
		return fmt.Errorf("write the queue: %w", ctx.Err())
	}
}

// Dead returns the messages that were put aside, as incident and reason.
func (s *Store) Dead(ctx context.Context) (map[string]string, error) {
	if err := s.ingest(ctx); err != nil { // one that was put aside may have been delivered again
		return nil, err
	}
	rows, err := s.db.Query(`SELECT ref, dead FROM messages WHERE dead <> '' ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	dead := map[string]string{}
	for rows.Next() {
		var ref, why string
		if err := rows.Scan(&ref, &why); err != nil {
			return nil, err
		}
		dead[ref] = why
	}
	return dead, rows.Err()
}
