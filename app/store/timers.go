package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/wait"
)

// Schedule sets the timer of an incident's next look; the zero time removes it.
func (s *Store) Schedule(ctx context.Context, ref incident.Ref, at time.Time) error {
	if _, err := incident.ParseRef(ref.String()); err != nil {
		return fmt.Errorf("set a timer: %w", err)
	}
	at = wait.NoLater(at, s.clock.Now(), wait.Timer)
	return s.write(ctx, func(tx transaction) error {
		if at.IsZero() {
			_, err := tx.Exec(`DELETE FROM timers WHERE ref = ?`, ref.String())
			return err
		}
		_, err := tx.Exec(`INSERT INTO timers (ref, due) VALUES (?, ?) ON CONFLICT (ref) DO UPDATE SET due = excluded.due`,
			ref.String(), wait.Nanos(at))
		return err
	})
}

// Next returns the next time at which something is due, or the zero time. A message that waits
// holds up those after it, so only the first of every incident counts.
func (s *Store) Next(ctx context.Context) (time.Time, error) {
	if err := s.ingest(ctx); err != nil {
		return time.Time{}, err
	}
	var due sql.NullInt64
	err := s.selectNext.QueryRow().Scan(&due)
	if err != nil {
		return time.Time{}, withAdvice("read the queue", s.path, err)
	}
	if !due.Valid {
		return time.Time{}, nil
	}
	return time.Unix(0, due.Int64).UTC(), nil
}

// Wake makes Run look for due messages again: something changed, or the clock moved.
func (s *Store) Wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
}
