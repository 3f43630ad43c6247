package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
	"github.com/firebreak-dev/firebreak/app/wait"
)

// Run hands out what is due until ctx ends: one message per incident at a time, in order, several
// incidents at once. A message stays until handle returns nil or engine.ErrNotLooked, so a crash
// hands it out again. It gives up when the queue can't be written: what was done could not be
// noted, and would be done again without end. Once ctx ended nothing is begun any more, and what is
// under way has Patience to end by itself; then the context that handle was given ends too, and its
// message stays as it was.
func (s *Store) Run(ctx context.Context, handle func(context.Context, engine.Message) error) error {
	ctx, giveUp := context.WithCancel(ctx)
	working, stop := s.outlive(ctx)
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer s.end()
	defer giveUp() // what is under way has as long to end as where ctx ended
	for ctx.Err() == nil {
		s.mu.Lock()
		changed, broken := s.changed, s.broken
		s.mu.Unlock()
		if broken != nil {
			return broken
		}
		if err := s.sort(ctx); err != nil {
			return stopped(ctx, err)
		}
		if err := s.ring(ctx); err != nil {
			return stopped(ctx, err)
		}
		due, next, err := s.due()
		if err != nil {
			return err
		}
		// What came before a message is handed out is counted with it, or answered by the same
		// look, but for what comes just now.
		if err := s.sort(ctx); err != nil {
			return stopped(ctx, err)
		}
		for _, ref := range due {
			if s.take(ref) {
				wg.Go(func() {
					defer s.leave(ref)
					s.do(ctx, working, ref, handle)
				})
			}
		}
		s.goRound()
		s.pause(ctx, changed, next)
	}
	return nil
}

// outlive returns a context that ends Patience after another, and what ends it at once.
func (s *Store) outlive(ctx context.Context) (working context.Context, stop func()) {
	working, cut := context.WithCancel(context.WithoutCancel(ctx))
	ended := context.AfterFunc(ctx, func() {
		if s.Patience > 0 {
			time.AfterFunc(s.Patience, cut)
			return
		}
		cut()
	})
	return working, func() { ended(); cut() }
}

// end notes that nothing is handed out any more.
func (s *Store) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
}

// stopped drops the errors that come of ending.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// take reserves an incident for a worker, if one is free. Whoever leaves wakes Run, so nothing is
// forgotten.
func (s *Store) take(ref string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, busy := s.running[ref]; busy || len(s.running) >= workers || s.isHeld(ref) {
		return false
	}
	s.running[ref] = 0
	return true
}

func (s *Store) leave(ref string) {
	s.mu.Lock()
	delete(s.running, ref)
	delete(s.ends, ref)
	s.mu.Unlock()
	s.Wake()
}

// hand notes which message an incident is looked at for.
func (s *Store) hand(ref string, id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[ref] = id
}

// isHanded tells whether a message may be under way.
func (s *Store) isHanded(ref string, id int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, busy := s.running[ref]
	return busy && (now == 0 || now == id)
}

// pause waits for a change or for the next due time. The clock may run faster than the real one, or
// jump, so it is looked at every second while something is to come.
func (s *Store) pause(ctx context.Context, changed <-chan struct{}, next time.Time) {
	s.mu.Lock()
	s.pausing = true
	if len(s.holds) > 0 && next.IsZero() { // their time is another than the clock's
		next = s.clock.Now().Add(time.Second)
	}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.pausing, s.looped = false, time.Now()
		s.mu.Unlock()
	}()
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
			if soonest := s.rang[t.ref].Add(wait.Least); now.Before(soonest) && !now.Before(s.rang[t.ref]) {
				// Whatever sets a timer for what is over already, it rings once a second.
				if _, err := tx.Exec(`UPDATE timers SET due = ? WHERE ref = ? AND due = ?`,
					soonest.UnixNano(), t.ref, t.due); err != nil {
					return err
				}
				continue
			}
			// Only if nobody has set it anew since.
			res, err := tx.Exec(`DELETE FROM timers WHERE ref = ? AND due = ?`, t.ref, t.due)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil || n == 0 {
				continue
			}
			s.noteRing(t.ref, now)
			ref, err := incident.ParseRef(t.ref)
			if err != nil {
				return err
			}
			body, err := json.Marshal(engine.Message{Ref: ref, Why: "clock", Due: time.Unix(0, t.due).UTC()})
			if err != nil {
				return err
			}
			if joined, err := s.joinTimer(tx, t.ref, t.due, body); joined || err != nil {
				if err != nil {
					return err
				}
				continue
			}
			if _, err := tx.Exec(`INSERT INTO messages (ref, delivery, light, body, due) VALUES (?, '', ?, ?, ?)`,
				t.ref, lightTimer, body, t.due); err != nil {
				return err
			}
		}
		return nil
	})
}

// noteRing notes when a timer rang, as long as it matters.
func (s *Store) noteRing(ref string, now time.Time) {
	if len(s.rang) >= mostRang {
		maps.DeleteFunc(s.rang, func(_ string, at time.Time) bool { return now.Sub(at) >= wait.Least })
	}
	s.rang[ref] = now
}

// mostRang is how many timers' last times are kept before those that don't matter are forgotten.
const mostRang = 1000

// joinTimer makes one look of a timer and an earlier one of the incident that waits for its next
// try, unless that is being handed out. By a number of its own: a look that is under way began
// before this timer rang, and does not answer it.
func (s *Store) joinTimer(tx *sql.Tx, ref string, due int64, body []byte) (bool, error) {
	tried, joined, err := s.takeOut(tx, ref, func(m engine.Message, _ []byte) bool {
		return m.Why == "clock" && m.IsBare()
	})
	if joined {
		_, err = tx.Exec(`INSERT INTO messages (ref, delivery, light, body, due, tries) VALUES (?, '', ?, ?, ?, ?)`,
			ref, lightTimer, body, due, tried)
	}
	return joined, err
}

// joinSweep makes one look of what the sweep asks for and what an earlier one asked for and that
// waits for its next try: the sweep comes every five minutes, also while GitHub is out for a day.
func (s *Store) joinSweep(tx *sql.Tx, m engine.Message, due int64, body []byte) (bool, error) {
	tried, joined, err := s.takeOut(tx, m.Ref.String(), func(before engine.Message, text []byte) bool {
		return before.Why == "sweep" && bytes.Equal(text, body)
	})
	if joined {
		_, err = tx.Exec(`INSERT INTO messages (ref, delivery, light, body, due, tries) VALUES (?, '', ?, ?, ?, ?)`,
			m.Ref.String(), lightOf(m), body, due, tried)
	}
	return joined, err
}

// takeOut takes an incident's newest message that is alike out of the queue, and returns how often
// it was tried. One that is being handed out stays.
func (s *Store) takeOut(tx *sql.Tx, ref string,
	isAlike func(m engine.Message, body []byte) bool) (tried int, ok bool, err error) {
	rows, err := tx.Query(`SELECT id, body, tries FROM messages WHERE ref = ? AND delivery = '' AND dead = '' ORDER BY id DESC`,
		ref)
	if err != nil {
		return 0, false, err
	}
	var id int64
	for rows.Next() && !ok && err == nil {
		var body []byte
		var m engine.Message
		err = rows.Scan(&id, &body, &tried)
		ok = err == nil && json.Unmarshal(body, &m) == nil && isAlike(m, body) && !s.isHanded(ref, id)
	}
	if err = errors.Join(err, rows.Err(), rows.Close()); err != nil || !ok {
		return 0, false, err
	}
	_, err = tx.Exec(`DELETE FROM messages WHERE id = ?`, id)
	return tried, err == nil, err
}

// due lists the incidents that are due, the longest due first and as many as can begin now, and
// gives the time at which more may be.
func (s *Store) due() (refs []string, next time.Time, err error) {
	now := s.clock.Now().UnixNano()
	s.mu.Lock()
	held := len(s.holds)
	s.mu.Unlock()
	rows, err := s.selectDue.Query(now, 2*workers+held) // so many are being looked at, and so many are free
	if err != nil {
		return nil, next, explain("read the queue", s.path, err)
	}
	for rows.Next() {
		var ref string
		if err := rows.Scan(&ref); err != nil {
			return nil, next, explain("read the queue", s.path, errors.Join(err, rows.Close()))
		}
		refs = append(refs, ref)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, next, explain("read the queue", s.path, err)
	}
	var later sql.NullInt64
	if err := s.selectLater.QueryRow(now).Scan(&later); err != nil {
		return nil, next, explain("read the queue", s.path, err)
	}
	if later.Valid {
		next = time.Unix(0, later.Int64) // a timer may have become due since ring looked
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

// head reads the message of an incident that is to be handed out now: the first by turn or, while
// that waits for its next try, one that waits for nobody.
func (s *Store) head(ref string) (j job, err error) {
	read := func(row *sql.Row) error { return row.Scan(&j.id, &j.last, &j.due, &j.body, &j.tries, &j.count) }
	err = read(s.selectHead.QueryRow(ref))
	if now := s.clock.Now().UnixNano(); err == nil && j.due > now {
		if urgent := read(s.selectUrgent.QueryRow(ref, now)); !errors.Is(urgent, sql.ErrNoRows) {
			return j, urgent
		}
	}
	return j, err
}

// do hands out an incident's first message, with the context working, and keeps, drops or puts
// aside what comes of it.
func (s *Store) do(ctx, working context.Context, ref string,
	handle func(context.Context, engine.Message) error) {
	if ctx.Err() != nil {
		return // it ended since Run looked: nothing is begun any more
	}
	j, err := s.head(ref)
	if errors.Is(err, sql.ErrNoRows) || err == nil && j.due > s.clock.Now().UnixNano() {
		return // somebody was here since Run looked
	}
	if err != nil {
		s.fail(explain("read the queue", s.path, err))
		return
	}
	s.Metrics.Record(metrics.QueueAge, s.clock.Now().Sub(time.Unix(0, j.due)).Seconds())
	s.hand(ref, j.id)
	began := s.clock.Now()
	var m engine.Message
	if err = json.Unmarshal(j.body, &m); err == nil {
		if s := m.Signal(); s != nil {
			s.Count = j.count
		}
		err = s.watched(working, m, handle)
	}
	if err != nil && working.Err() != nil {
		return // it ends: the message stays as it was
	}
	var later *engine.RetryAfter
	isAside := false
	now := s.clock.Now()
	change := func(tx *sql.Tx) error {
		_, err := tx.Exec(`DELETE FROM messages WHERE id = ? OR (`+answered+`)`, j.id, ref, j.last,
			began.UnixNano())
		return err
	}
	switch {
	case err == nil:
	case errors.Is(err, engine.ErrNotLooked):
		change = func(tx *sql.Tx) error {
			_, err := tx.Exec(`DELETE FROM messages WHERE id = ?`, j.id)
			return err
		}
	case errors.As(err, &later):
		change = func(tx *sql.Tx) error {
			_, err := tx.Exec(`UPDATE messages SET due = ?`+seal(!later.IsIdle)+` WHERE id = ?`,
				wait.Until(later.Until, now, wait.Message).UnixNano(), j.id)
			return err
		}
	case j.tries+1 >= tries && !errors.Is(err, engine.ErrUnavailable), j.tries+1 >= hungTries &&
		errors.Is(err, errHung):
		isAside = true
		s.log.Error("a message was put aside: deliver it again once the cause is mended", "incident", ref,
			"delivery", m.Delivery, "tries", j.tries+1, "err", err)
		change = func(tx *sql.Tx) error {
			_, e := tx.Exec(`UPDATE messages SET dead = ?, tries = tries + 1 WHERE id = ?`, err.Error(), j.id)
			return e
		}
	default:
		rest := wait.Backoff(firstWait, j.tries, longest)
		s.log.Warn("a look failed: trying again", "incident", ref, "in", rest, "tries", j.tries+1, "err", err)
		change = func(tx *sql.Tx) error {
			_, err := tx.Exec(`UPDATE messages SET due = ?, tries = tries + 1`+seal(true)+` WHERE id = ?`,
				now.Add(rest).UnixNano(), j.id)
			return err
		}
	}
	if errWrite := s.write(context.WithoutCancel(ctx), change); errWrite != nil {
		s.fail(fmt.Errorf("note what was done for %s: %w", ref, errWrite))
		return
	}
	if isAside {
		s.tellAside(context.WithoutCancel(ctx), m, err)
	}
}

// seal returns what keeps a message from being joined any more, if it is to be. A look that failed
// may have written down what the message counts, and knows it again by its newest report: what came
// after that must be counted by itself.
func seal(is bool) string {
	if !is {
		return ""
	}
	return sealed
}

const sealed = `, key = CASE WHEN key = '' THEN '' ELSE rtrim(key) || ' ' END`

// tellAside asks for a look that tells the incident of a message that was put aside.
func (s *Store) tellAside(ctx context.Context, m engine.Message, cause error) {
	told, ok := engine.AsideMessage(m, cause)
	if !ok {
		return
	}
	if err := s.Enqueue(ctx, told, time.Time{}); err != nil {
		s.log.Error("message put aside and not told", "incident", m.Ref.String(), "err", err)
	}
}

// fail makes Run give up.
func (s *Store) fail(err error) {
	// at once: what is being answered may still take a while
	s.log.Error("the queue fails: no more is handed out", "err", err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = err
}

// guarded turns a panic into an error: one incident must not end the others.
func guarded(ctx context.Context, m engine.Message,
	handle func(context.Context, engine.Message) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("handle %s: panic: %v\n%s", m.Ref, r, debug.Stack())
		}
	}()
	return handle(ctx, m)
}
