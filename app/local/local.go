// Package local keeps the queue and the timers of one process in one SQLite file, so that what was taken outlives it.
package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver, without cgo

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
)

const (
	workers   = 4                  // incidents looked at at the same time
	remember  = 3 * 24 * time.Hour // how long deliveries are known by their id; GitHub redelivers for as long
	firstWait = time.Second        // after a failure, doubled each time …
	longest   = 5 * time.Minute    // … up to this
	tries     = 20                 // then a message is put aside
)

const schema = `
CREATE TABLE IF NOT EXISTS messages (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	ref      TEXT NOT NULL,
	delivery TEXT NOT NULL,
	light    INTEGER NOT NULL, -- it says nothing but "look again"
	body     BLOB NOT NULL,
	due      INTEGER NOT NULL, -- Unix nanoseconds
	tries    INTEGER NOT NULL DEFAULT 0,
	dead     TEXT NOT NULL DEFAULT '', -- why it was put aside
	key      TEXT NOT NULL DEFAULT '', -- of a signal: while one waits, the next of its kind takes its place and is counted
	count    INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX IF NOT EXISTS messages_key ON messages (ref, key) WHERE key <> '';
CREATE INDEX IF NOT EXISTS messages_ref ON messages (ref, light, id, due, dead, key);
CREATE INDEX IF NOT EXISTS messages_dead ON messages (delivery) WHERE dead <> '';
CREATE TABLE IF NOT EXISTS deliveries (delivery TEXT PRIMARY KEY, at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS deliveries_at ON deliveries (at);
CREATE TABLE IF NOT EXISTS timers (ref TEXT PRIMARY KEY, due INTEGER NOT NULL);
`

// heads gives the message of every incident that is to be handed out first: the oldest that carries something, else the
// oldest. What only asks for a look has no place in the order, since the look for another message answers it, and a
// comment is better looked at with its signed text at hand.
//
// What a source repeats comes last: it may wait on purpose, and nobody's command waits with it.
const heads = `SELECT ref, due, min(light * 1000000000000 + (key <> '') * 2000000000000 + id) FROM messages WHERE dead = '' GROUP BY ref` // due is of the row with the least

const (
	nextDue   = `SELECT min(due) FROM (SELECT due FROM timers UNION ALL SELECT due FROM (` + heads + `))`
	allDue    = heads + ` UNION ALL SELECT '', due, 0 FROM timers ORDER BY due`
	timersDue = `SELECT ref, due FROM timers WHERE due <= ?`
	headOf    = `SELECT id, (SELECT max(id) FROM messages WHERE ref = m.ref), due, body, tries, count
		FROM messages m WHERE ref = ? AND dead = '' ORDER BY key <> '', light, id LIMIT 1` // as heads says
)

// Store is the queue and the timers. It implements engine.Queue and engine.Scheduler.
type Store struct {
	db    *sql.DB
	path  string
	fresh bool
	clock engine.Clock
	log   *slog.Logger

	// What is asked again and again, prepared: reading such a statement takes longer than what it does.
	selectNext, selectTimers, selectDue, selectHead *sql.Stmt

	writes chan write
	closed chan struct{}
	writer sync.WaitGroup
	closer sync.Once

	commits int // transactions so far; the writer's own

	mu      sync.Mutex
	running map[string]bool // refs being looked at
	changed chan struct{}   // closed at the next change of anything
	broken  error           // why Run gives up
}

// write is one change that waits for its commit.
type write struct {
	do   func(*sql.Tx) error
	done chan error
}

// Open opens the file, or a queue in memory if path is empty. A damaged file is put aside, and an empty one is begun.
func Open(path string, clock engine.Clock, log *slog.Logger) (*Store, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	db, fresh, err := openFile(path)
	if path != "" && damaged(err) {
		kept, errAside := putAside(path)
		if errAside != nil {
			return nil, errors.Join(err, errAside)
		}
		log.Error("the queue's file is damaged: it is put aside and an empty one begun. Incidents are read from GitHub again; alerts that waited in it are to be looked up at their source",
			"file", path, "kept", kept, "err", err)
		db, fresh, err = openFile(path)
	}
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, path: path, fresh: fresh, clock: clock, log: log, writes: make(chan write), closed: make(chan struct{}), running: map[string]bool{}, changed: make(chan struct{})}
	for to, query := range map[**sql.Stmt]string{&s.selectNext: nextDue, &s.selectTimers: timersDue, &s.selectDue: allDue, &s.selectHead: headOf} {
		if *to, err = db.Prepare(query); err != nil {
			return nil, errors.Join(explain("open the queue", path, err), db.Close())
		}
	}
	s.writer.Go(s.commit)
	return s, nil
}

// openFile opens a queue's file, whole, and tells whether it was made only now.
func openFile(path string) (db *sql.DB, fresh bool, err error) {
	// The file is locked for as long as it is open: two processes would be two writers of one incident.
	source := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(),
		RawQuery: "_pragma=busy_timeout(1000)&_pragma=locking_mode(EXCLUSIVE)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"}).String()
	if path == "" {
		source = "file::memory:"
	}
	db, err = sql.Open("sqlite", source)
	if err != nil {
		return nil, false, fmt.Errorf("open the queue %s: %w", path, err)
	}
	db.SetMaxOpenConns(1) // one writer, and a queue in memory is one connection
	if fresh, err = prepare(db); err != nil {
		return nil, false, errors.Join(explain("open the queue", path, err), db.Close())
	}
	return db, fresh, nil
}

// prepare makes what a queue's file holds, and looks whether it is in order.
func prepare(db *sql.DB) (fresh bool, err error) {
	if err := db.QueryRow(`SELECT count(*) = 0 FROM sqlite_schema`).Scan(&fresh); err != nil {
		return false, err
	}
	if _, err := db.Exec(schema); err != nil {
		return false, err
	}
	var found string
	if err := db.QueryRow(`PRAGMA quick_check(1)`).Scan(&found); err != nil {
		return false, err
	}
	if found != "ok" {
		return false, fmt.Errorf("%w: %s", errDamaged, found)
	}
	return fresh, nil
}

// Fresh tells whether the queue began empty when it was opened, without the timers of incidents that there may be.
func (s *Store) Fresh() bool { return s.fresh }

// Close ends the store; what is in it stays.
func (s *Store) Close() error {
	s.closer.Do(func() { close(s.closed) })
	s.writer.Wait()
	return s.db.Close()
}

// commit writes what waits, all of it in one transaction: a disk takes hundreds of webhooks in the time that it takes one.
func (s *Store) commit() {
	for {
		var batch []write
		select {
		case w := <-s.writes:
			batch = append(batch, w)
		case <-s.closed:
			return
		}
		for more := true; more && len(batch) < 1000; {
			select {
			case w := <-s.writes:
				batch = append(batch, w)
			default:
				more = false
			}
		}
		err := s.tx(batch)
		if err == nil || len(batch) == 1 {
			for _, w := range batch {
				w.done <- err
			}
		} else {
			// One of them can't be written; the others must not fail for it.
			for _, w := range batch {
				w.done <- s.tx([]write{w})
			}
		}
		s.Wake()
	}
}

func (s *Store) tx(batch []write) error {
	tx, err := s.db.Begin()
	if err != nil {
		return explain("write the queue", s.path, err)
	}
	defer func() { _ = tx.Rollback() }() // nothing after a commit
	for _, w := range batch {
		if err := w.do(tx); err != nil {
			return explain("write the queue", s.path, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return explain("write the queue", s.path, err)
	}
	s.commits++
	return nil
}

// write makes a change and returns once it is on disk.
func (s *Store) write(ctx context.Context, do func(*sql.Tx) error) error {
	w := write{do: do, done: make(chan error, 1)}
	select {
	case s.writes <- w:
	case <-s.closed:
		return errors.New("the queue is closed")
	case <-ctx.Done():
		return ctx.Err()
	}
	return <-w.done
}

// Enqueue stores a message and returns once it is on disk. One whose delivery is known already changes nothing, unless
// it was put aside: then it is tried anew.
func (s *Store) Enqueue(ctx context.Context, m engine.Message, at time.Time) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	now := s.clock.Now()
	if at.Before(now) {
		at = now
	}
	return s.write(ctx, func(tx *sql.Tx) error {
		if m.Delivery != "" {
			res, err := tx.Exec(`INSERT INTO deliveries (delivery, at) VALUES (?, ?) ON CONFLICT DO NOTHING`, m.Delivery, now.UnixNano())
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil || n == 0 {
				_, again := tx.Exec(`UPDATE messages SET dead = '', tries = 0, due = ? WHERE delivery = ? AND dead <> ''`, now.UnixNano(), m.Delivery)
				return errors.Join(err, again)
			}
			if _, err := tx.Exec(`DELETE FROM deliveries WHERE at < ?`, now.Add(-remember).UnixNano()); err != nil {
				return err
			}
		}
		if m.Key != "" {
			// Only the last thing said is said again: joined to one before it, an alert that flaps would end as recovered.
			trouble := m.Key[:strings.LastIndexByte(m.Key, ' ')+1]
			res, err := tx.Exec(`UPDATE messages SET body = ?, count = count + ? WHERE key = ? AND id = (
				SELECT max(id) FROM messages WHERE ref = ? AND dead = '' AND (key = ? OR ? <> '' AND substr(key, 1, length(?)) = ?))`,
				body, max(1, m.Count), m.Key, m.Ref.String(), m.Key, trouble, trouble, trouble)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil || n > 0 {
				return err
			}
		}
		_, err := tx.Exec(`INSERT INTO messages (ref, delivery, light, body, due, key, count) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			m.Ref.String(), m.Delivery, m.Bare(), body, at.UnixNano(), m.Key, max(1, m.Count))
		return err
	})
}

// Schedule sets the time of an incident's next look; zero removes it.
func (s *Store) Schedule(ctx context.Context, ref incident.Ref, at time.Time) error {
	if _, err := incident.ParseRef(ref.String()); err != nil {
		return fmt.Errorf("set a timer: %w", err)
	}
	return s.write(ctx, func(tx *sql.Tx) error {
		if at.IsZero() {
			_, err := tx.Exec(`DELETE FROM timers WHERE ref = ?`, ref.String())
			return err
		}
		_, err := tx.Exec(`INSERT INTO timers (ref, due) VALUES (?, ?) ON CONFLICT (ref) DO UPDATE SET due = excluded.due`, ref.String(), at.UnixNano())
		return err
	})
}

// Next gives the next time at which something is due, or zero. A message that waits holds up those behind it, so only the
// first of every incident counts.
func (s *Store) Next(context.Context) (time.Time, error) {
	var due sql.NullInt64
	err := s.selectNext.QueryRow().Scan(&due)
	if err != nil {
		return time.Time{}, explain("read the queue", s.path, err)
	}
	if !due.Valid {
		return time.Time{}, nil
	}
	return time.Unix(0, due.Int64).UTC(), nil
}

// Dead lists the messages that were put aside, as ref and reason.
func (s *Store) Dead(context.Context) (map[string]string, error) {
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

// Wake looks again at what is due: something changed, or the clock moved.
func (s *Store) Wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
}

// Idle returns once nothing is due by now and nothing is being done.
func (s *Store) Idle(ctx context.Context) error {
	for {
		s.mu.Lock()
		changed, busy := s.changed, len(s.running) > 0
		s.mu.Unlock()
		next, err := s.Next(ctx)
		if err != nil {
			return err
		}
		if !busy && (next.IsZero() || next.After(s.clock.Now())) {
			// Something may have begun between the two looks.
			s.mu.Lock()
			quiet := len(s.running) == 0 && s.changed == changed
			s.mu.Unlock()
			if quiet {
				return nil
			}
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("still busy: %w", ctx.Err())
		case <-s.closed:
			return errors.New("the queue is closed")
		}
	}
}
