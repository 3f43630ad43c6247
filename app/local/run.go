package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// Run hands out what is due until ctx ends: one message per incident at a time, in order, several incidents at once. A
// message stays until handle returns nil, so a crash hands it out again. It gives up when the queue can't be written: what
// was done could not be noted, and would be done again without end.
func (s *Store) Run(ctx context.Context, handle func(context.Context, engine.Message) error) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	for ctx.Err() == nil {
		s.mu.Lock()
		changed, broken := s.changed, s.broken
		s.mu.Unlock()
		if broken != nil {
			return broken
		}
		if err := s.ring(ctx); err != nil {
			return stopped(ctx, err)
		}
		due, next, err := s.due()
		if err != nil {
			return err
		}
		for _, ref := range due {
			if s.take(ref) {
				wg.Go(func() {
					defer s.leave(ref)
					s.do(ctx, ref, handle)
				})
			}
		}
		s.pause(ctx, changed, next)
	}
	return nil
}

// stopped drops the errors that come of ending.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// take reserves an incident for a worker, if one is free. Whoever leaves wakes Run, so nothing is forgotten.
func (s *Store) take(ref string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[ref] || len(s.running) >= workers {
		return false
	}
	s.running[ref] = true
	return true
}

func (s *Store) leave(ref string) {
	s.mu.Lock()
	delete(s.running, ref)
	s.mu.Unlock()
	s.Wake()
}

// pause waits for a change or for the next due time. The clock may run faster than the real one, or jump, so it is
// looked at every second while something is to come.
func (s *Store) pause(ctx context.Context, changed <-chan struct{}, next time.Time) {
	var tick <-chan time.Time
	if !next.IsZero() {
		timer := time.NewTimer(min(next.Sub(s.clock.Now()), time.Second))
		defer timer.Stop()
		tick = timer.C
	}
	select {
	case <-changed:
	case <-tick:
	case <-ctx.Done():
	}
}

// ring turns timers that are due into messages.
func (s *Store) ring(ctx context.Context) error {
	now := s.clock.Now()
	rows, err := s.selectTimers.Query(now.UnixNano())
	if err != nil {
		return explain("read the timers", s.path, err)
	}
	type timer struct {
		ref string
		due int64
	}
	var due []timer
	for rows.Next() {
		var t timer
		if err := rows.Scan(&t.ref, &t.due); err != nil {
			return errors.Join(err, rows.Close())
		}
		due = append(due, t)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(due) == 0 {
		return err
	}
	return s.write(ctx, func(tx *sql.Tx) error {
		for _, t := range due {
			// Only if nobody has set it anew since.
			res, err := tx.Exec(`DELETE FROM timers WHERE ref = ? AND due = ?`, t.ref, t.due)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil || n == 0 {
				continue
			}
			ref, err := incident.ParseRef(t.ref)
			if err != nil {
				return err
			}
			body, err := json.Marshal(engine.Message{Ref: ref, Why: "clock", Due: time.Unix(0, t.due).UTC()})
			if err != nil {
				return err
			}
			if _, err := tx.Exec(`INSERT INTO messages (ref, delivery, light, body, due) VALUES (?, '', 1, ?, ?)`, t.ref, body, t.due); err != nil {
				return err
			}
		}
		return nil
	})
}

// due lists the incidents that are due, the longest due first, and gives the time at which the next one will be.
func (s *Store) due() (refs []string, next time.Time, err error) {
	now := s.clock.Now().UnixNano()
	rows, err := s.selectDue.Query()
	if err != nil {
		return nil, next, explain("read the queue", s.path, err)
	}
	defer rows.Close()
	for rows.Next() {
		var ref string
		var due, place int64
		if err := rows.Scan(&ref, &due, &place); err != nil {
			return nil, next, explain("read the queue", s.path, err)
		}
		if ref != "" && due <= now {
			refs = append(refs, ref)
		} else if next.IsZero() {
			next = time.Unix(0, due) // a timer may have become due since ring looked
		}
	}
	if err := rows.Err(); err != nil {
		return nil, next, explain("read the queue", s.path, err)
	}
	return refs, next, nil
}

// job is a message to hand out.
type job struct {
	id    int64
	last  int64 // newest message of the incident by now
	due   int64
	body  []byte
	tries int
	count int // of a signal: how often it was said
}

// head reads an incident's message that is first, as heads says.
func (s *Store) head(ref string) (j job, err error) {
	err = s.selectHead.QueryRow(ref).Scan(&j.id, &j.last, &j.due, &j.body, &j.tries, &j.count)
	return j, err
}

// do hands out an incident's first message and keeps, drops or puts aside what comes of it.
func (s *Store) do(ctx context.Context, ref string, handle func(context.Context, engine.Message) error) {
	j, err := s.head(ref)
	if errors.Is(err, sql.ErrNoRows) || err == nil && j.due > s.clock.Now().UnixNano() {
		return // somebody was here since Run looked
	}
	if err != nil {
		s.fail(explain("read the queue", s.path, err))
		return
	}
	var m engine.Message
	if err = json.Unmarshal(j.body, &m); err == nil {
		if m.Signal != nil {
			m.Count = j.count
		}
		err = guarded(ctx, m, handle)
	}
	if err != nil && ctx.Err() != nil {
		return // it ends: the message stays as it was
	}
	var later *engine.Later
	now := s.clock.Now()
	change := func(tx *sql.Tx) error {
		// What was said again meanwhile is still to be told.
		again, err := tx.Exec(`UPDATE messages SET count = count - ?, tries = 0 WHERE id = ? AND count > ?`, j.count, j.id, j.count)
		if err != nil {
			return err
		}
		id := j.id
		if n, err := again.RowsAffected(); err != nil || n > 0 {
			id = 0 // no message's
		}
		// A look sees all there is, so whatever else asked for no more than a look is answered too.
		_, err = tx.Exec(`DELETE FROM messages WHERE id = ? OR (ref = ? AND id <= ? AND light AND due <= ? AND dead = '')`, id, ref, j.last, now.UnixNano())
		return err
	}
	switch {
	case err == nil:
	case errors.As(err, &later):
		change = func(tx *sql.Tx) error {
			_, err := tx.Exec(`UPDATE messages SET due = ? WHERE id = ?`, max(later.Until.UnixNano(), now.UnixNano()+1), j.id)
			return err
		}
	case j.tries+1 >= tries && !errors.Is(err, engine.ErrUnavailable):
		s.log.Error("a message was put aside: deliver it again once the cause is mended", "incident", ref, "delivery", m.Delivery, "tries", j.tries+1, "err", err)
		change = func(tx *sql.Tx) error {
			_, e := tx.Exec(`UPDATE messages SET dead = ?, tries = tries + 1 WHERE id = ?`, err.Error(), j.id)
			return e
		}
	default:
		wait := min(firstWait<<min(j.tries, tries), longest)
		s.log.Warn("a look failed: trying again", "incident", ref, "in", wait, "tries", j.tries+1, "err", err)
		change = func(tx *sql.Tx) error {
			_, err := tx.Exec(`UPDATE messages SET due = ?, tries = tries + 1 WHERE id = ?`, now.Add(wait).UnixNano(), j.id)
			return err
		}
	}
	if err := s.write(context.WithoutCancel(ctx), change); err != nil {
		s.fail(fmt.Errorf("note what was done for %s: %w", ref, err))
	}
}

// fail makes Run give up.
func (s *Store) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = err
}

// guarded turns a panic into an error: one incident must not end the others.
func guarded(ctx context.Context, m engine.Message, handle func(context.Context, engine.Message) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("handle %s: panic: %v\n%s", m.Ref, r, debug.Stack())
		}
	}()
	return handle(ctx, m)
}
