package store

import (
	"context"
	"fmt"
)

// mostTakenBack is how often a message that was put aside is tried once more: five minutes after it was
// put aside, and then each time twice as late, for two weeks.
const mostTakenBack = 12

// TakeBack makes messages due again that were put aside: the caller knows that GitHub answers, and what
// failed then may work now. Each has one more try, so one that fails for a reason of its own holds up its
// incident no more. It returns how many.
func (s *Store) TakeBack(ctx context.Context) (n int, err error) {
	now := s.clock.Now().UnixNano()
	err = s.write(ctx, func(tx transaction) error {
		res, err := tx.Exec(`UPDATE messages SET dead = '', due = ?,
			light = CASE WHEN light IN (1, 2) THEN ? ELSE light END
			WHERE dead <> '' AND ref <> '' AND tries BETWEEN ? AND ?
			AND due + (300000000000 << CAST(tries - ? AS INTEGER)) <= ?`,
			now, rankProof, maxTries, maxTries+mostTakenBack-1, maxTries, now)
		if err != nil {
			return err
		}
		taken, err := res.RowsAffected()
		n = int(taken)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("take back what was put aside: %w", err)
	}
	if n > 0 {
		s.Wake()
	}
	return n, nil
}
