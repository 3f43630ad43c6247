// Package sqlite keeps the queue and the timers of one process in one SQLite file, so that what was
// taken outlives it.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the driver, without cgo

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
	"github.com/firebreak-dev/firebreak/app/wait"
)

const (
	workers   = 4                  // incidents looked at at the same time
	remember  = 3 * 24 * time.Hour // how long deliveries are known by their id; GitHub redelivers for as long
	firstWait = wait.Least         // after a failure, doubled each time …
	longest   = 5 * time.Minute    // … up to this
	tries     = 20                 // then a message is put aside
)

const schema = `
CREATE TABLE IF NOT EXISTS messages (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	ref      TEXT NOT NULL,
	delivery TEXT NOT NULL,
	light    INTEGER NOT NULL, -- 1: it says nothing but "look again"; 2: it is a timer, or the sweep asks; 3: the look must show what it proves; -1: an answer at the pager; 0: all else
	body     BLOB NOT NULL,
	due      INTEGER NOT NULL, -- Unix nanoseconds
	tries    INTEGER NOT NULL DEFAULT 0,
	dead     TEXT NOT NULL DEFAULT '', -- why it was put aside
	key      TEXT NOT NULL DEFAULT '', -- of a signal: while one waits, the next of its kind takes its place and is counted
	count    INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX IF NOT EXISTS messages_key ON messages (ref, key) WHERE key <> '';
CREATE INDEX IF NOT EXISTS messages_ref ON messages (ref, id);
DROP INDEX IF EXISTS messages_turn; -- of files before timers had a number of their own
CREATE INDEX IF NOT EXISTS messages_order ON messages (ref, (` + turn + `), id) WHERE dead = '';
CREATE INDEX IF NOT EXISTS messages_urgent ON messages (ref, due) WHERE dead = '' AND light IN (-1, 2);
CREATE INDEX IF NOT EXISTS messages_due ON messages (due) WHERE dead = '';
CREATE INDEX IF NOT EXISTS messages_dead ON messages (delivery) WHERE dead <> '';
CREATE TABLE IF NOT EXISTS arrivals (id INTEGER PRIMARY KEY AUTOINCREMENT, lines BLOB NOT NULL); -- not yet sorted in
CREATE TABLE IF NOT EXISTS deliveries (delivery TEXT PRIMARY KEY, at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS deliveries_at ON deliveries (at);
CREATE TABLE IF NOT EXISTS health (id INTEGER PRIMARY KEY, at INTEGER NOT NULL); -- written to see whether it can be
CREATE TABLE IF NOT EXISTS shelf (name TEXT PRIMARY KEY, content BLOB NOT NULL, at INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS timers (ref TEXT PRIMARY KEY, due INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS timers_due ON timers (due);
`

// turn orders the messages of an incident, and id those of one turn: first what carries something,
// in the order in which it came. What only asks for a look has no place in that order, since the
// look for another message answers it, and a comment is better looked at with its signed text at
// hand.
//
// What a source repeats comes last: it may wait on purpose, and nobody's command waits with it.
const turn = `(key <> '') * 2 + min(light, 1)`

// urgent are timers, the sweep's requests and answers at the pager. They wait for no message of
// their incident that waits for its next try: while GitHub is out, or one comment can't be handled,
// the escalation and the clock go on (A8).
const urgent = `light IN (-1, 2)`

// The values of light.
const (
	lightNot    = 0
	lightLook   = 1
	lightTimer  = 2
	lightProves = 3
	lightAnswer = -1
)

// answered are the messages of an incident that go with one that was looked at: of those that were
// there before the look began, the ones that ask for a look and no more. One that proves something
// about the issue is not among them: what the look read may have been older than that. The engine
// knows, and is asked (engine.ErrNotLooked).
const answered = `ref = ? AND id <= ? AND light IN (1, 2) AND due <= ? AND dead = ''`

// What is asked again and again. Each goes by an index, so that it takes as long with ten thousand
// incidents waiting as with ten (BenchmarkBacklog).
const (
	first   = `(SELECT id FROM messages WHERE ref = m.ref AND dead = '' ORDER BY ` + turn + `, id LIMIT 1)`
	nextDue = `SELECT min(due) FROM (SELECT due FROM timers UNION ALL SELECT due FROM messages m WHERE dead = '' AND (` +
		urgent + ` OR id = ` + first + `))`
	nowDue      = `SELECT ref FROM ` + isDue
	nowDueSince = `SELECT ref, min(due) FROM ` + isDue
	isDue       = `messages m WHERE dead = '' AND due <= ? AND (` + urgent + ` OR id = ` + first +
		`) GROUP BY ref ORDER BY min(due), min(id) LIMIT ?`
	laterDue  = `SELECT min(due) FROM (SELECT min(due) AS due FROM timers UNION ALL SELECT min(due) FROM messages WHERE dead = '' AND due > ?)`
	timersDue = `SELECT ref, due FROM timers WHERE due <= ?`
	note      = `INSERT INTO deliveries (delivery, at) VALUES (?, ?) ON CONFLICT DO NOTHING`
	forget    = `DELETE FROM deliveries WHERE at < ?`
	add       = `INSERT INTO messages (ref, delivery, light, body, due, key, count) VALUES (?, ?, ?, ?, ?, ?, ?)`
	arrived   = `SELECT id, lines FROM arrivals ORDER BY id LIMIT 1`
	putDown   = `INSERT INTO arrivals (id, lines) VALUES (?, ?)`
	drop      = `DELETE FROM arrivals WHERE id = ?`
	headOf    = `SELECT id, (SELECT max(id) FROM messages WHERE ref = m.ref), due, body, tries, count
		FROM messages m WHERE ref = ? AND dead = '' ORDER BY ` + turn + `, id LIMIT 1`
	urgentOf = `SELECT id, (SELECT max(id) FROM messages WHERE ref = m.ref), due, body, tries, count
		FROM messages m WHERE ref = ? AND dead = '' AND ` + urgent + ` AND due <= ? ORDER BY due, id LIMIT 1`
)

// Store is the queue and the timers. It implements engine.Queue and engine.Scheduler.
type Store struct {
	// Metrics takes how long messages wait; to be set before Run.
	Metrics metrics.Recorder
	// Patience is how long what is under way may take to end by itself once Run's context ended; to
	// be set before Run.
	Patience time.Duration

	db    *sql.DB
	tally *tally
	path  string
	fresh bool
	clock engine.Clock
	log   *slog.Logger

	// What is asked again and again, prepared: reading such a statement takes longer than what it does.
	selectNext, selectTimers, selectDue, selectLater, selectHead, selectUrgent, selectArrivals,
	noteDelivery, forgetDeliveries, addMessage, addArrivals, dropArrivals *sql.Stmt

	writes chan write
	closed chan struct{}
	writer sync.WaitGroup
	closer sync.Once

	commits  int       // transactions so far; the writer's own
	cleared  time.Time // when the shelf was rid of what counts no more; the writer's own
	answered int64     // how many messages arrived so far; the writer's own

	arrived, sorted atomic.Int64 // the last row of arrivals, and the last that is sorted in

	mu sync.Mutex
	// refs being looked at, and the message that each is handed; 0: not known yet
	running         map[string]int64
	ends            map[string]time.Time // when the time of a look under way is over, by the wall clock
	holds           map[string]hold      // refs that are not looked at for now
	hung            int                  // looks that were given up and still run
	looped          time.Time            // when Run last went round
	pausing         bool                 // Run waits for something to do
	epoch           time.Time            // by the clock, when Run began or the clock jumped
	clockAt, wallAt time.Time            // both clocks, as looked at last
	changed         chan struct{}        // closed at the next change of anything
	broken          error                // why Run gives up
	ended           bool                 // Run has ended

	rang map[string]time.Time // when timers rang of late; Run's own
}

// write is one change that waits for its commit, or one message that arrived.
type write struct {
	do      func(*sql.Tx) error
	arrived []byte
	done    chan error
}

// Open opens the file, or a queue in memory if path is empty. A damaged file is put aside, and an
// empty one is begun.
func Open(path string, clock engine.Clock, log *slog.Logger) (*Store, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	db, fresh, err := openFile(path)
	isAnew := path != "" && damaged(err)
	if isAnew {
		kept, errAside := putAside(path)
		if errAside != nil {
			return nil, errors.Join(err, errAside)
		}
		waiting := "not known"
		if n, err := waitingIn(kept); err == nil {
			waiting = fmt.Sprint(n)
		}
		log.Error("queue file damaged: moved aside, starting with an empty one. Incidents are read from "+
			"GitHub again; look up alerts that waited in it at their source",
			"file", path, "kept", kept, "waiting", waiting, "err", err)
		db, fresh, err = openFile(path)
	}
	if err != nil {
		return nil, err
	}
	count, err := openTally(path)
	if err != nil {
		log.Warn("what is answered is not counted beside the queue", "file", path, "err", err)
	}
	s := &Store{Metrics: metrics.Discard{}, db: db, tally: count, path: path, fresh: fresh, clock: clock,
		log: log, writes: make(chan write), closed: make(chan struct{}), running: map[string]int64{},
		ends: map[string]time.Time{}, holds: map[string]hold{}, changed: make(chan struct{}),
		rang: map[string]time.Time{}}
	for to, query := range map[**sql.Stmt]string{&s.selectNext: nextDue, &s.selectTimers: timersDue,
		&s.selectDue: nowDue, &s.selectLater: laterDue, &s.selectHead: headOf, &s.selectUrgent: urgentOf,
		&s.selectArrivals: arrived, &s.noteDelivery: note, &s.forgetDeliveries: forget, &s.addMessage: add,
		&s.addArrivals: putDown, &s.dropArrivals: drop} {
		if *to, err = db.Prepare(query); err != nil {
			return nil, errors.Join(explain("open the queue", path, err), count.close(), db.Close())
		}
	}
	err = s.countLost(isAnew)
	s.writer.Go(s.commit)
	if err = errors.Join(err, s.takeOver()); err != nil {
		return nil, errors.Join(explain("open the queue", path, err), s.Close())
	}
	return s, nil
}

// takeOver puts in order what the process before left.
func (s *Store) takeOver() error {
	var row int64
	if err := s.db.QueryRow(`SELECT coalesce(max(id), 0) FROM arrivals`).Scan(&row); err != nil {
		return err
	}
	s.arrived.Store(row)
	if err := s.sort(context.Background()); err != nil {
		return err
	}
	// It may have been handed out already: a report that was counted with it since would be lost or
	// counted twice, for it is known by its newest.
	if err := dateShelf(s.db, s.clock.Now()); err != nil {
		return err
	}
	_, err := s.db.Exec(`UPDATE messages SET count = count` + sealed + ` WHERE key <> ''`)
	return err
}

// fileURL names a file as SQLite's driver takes it.
func fileURL(path string) string {
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String()
}

// openFile opens a queue's file, whole, and tells whether it was made only now.
func openFile(path string) (db *sql.DB, fresh bool, err error) {
	// The file is locked for as long as it is open: two processes would be two writers of one incident.
	source := fileURL(path) +
		"?_pragma=busy_timeout(1000)&_pragma=locking_mode(EXCLUSIVE)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"
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

// Fresh tells whether the queue began empty when it was opened, without the timers of incidents
// that there may be.
func (s *Store) Fresh() bool { return s.fresh }

// Close ends the store; what is in it stays.
func (s *Store) Close() error {
	s.closer.Do(func() { close(s.closed) })
	s.writer.Wait()
	return errors.Join(s.db.Close(), s.tally.close())
}

// commit writes what waits, all of it in one transaction: a disk takes hundreds of webhooks in the
// time that it takes one.
func (s *Store) commit() {
	for {
		var batch []write
		select {
		case w := <-s.writes:
			batch = append(batch, w)
		case <-s.closed:
			return
		}
		for n := 0; n < len(batch); batch = s.gather(batch) {
			n = len(batch)
			// who is about to send something does so first: what is written together costs little
			// more than one
			runtime.Gosched()
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

// gather adds what waits to a batch.
func (s *Store) gather(batch []write) []write {
	for len(batch) < 1000 {
		select {
		case w := <-s.writes:
			batch = append(batch, w)
		default:
			return batch
		}
	}
	return batch
}

func (s *Store) tx(batch []write) error {
	tx, err := s.db.Begin()
	if err != nil {
		return explain("write the queue", s.path, err)
	}
	defer func() { _ = tx.Rollback() }() // nothing after a commit
	var lines [][]byte
	for _, w := range batch {
		if w.arrived != nil {
			lines = append(lines, w.arrived)
		} else if err := w.do(tx); err != nil {
			return explain("write the queue", s.path, err)
		}
	}
	row, err := s.putDown(tx, lines)
	if err != nil {
		return explain("write the queue", s.path, err)
	}
	if err := tx.Commit(); err != nil {
		return explain("write the queue", s.path, err)
	}
	s.commits++
	if len(lines) > 0 {
		s.arrived.Store(row)
		s.answered = row
		s.count()
	}
	return nil
}

// write makes a change and returns once it is on disk.
func (s *Store) write(ctx context.Context, do func(*sql.Tx) error) error {
	return s.send(ctx, write{do: do})
}

// send gives the writer something and returns once it is on disk.
func (s *Store) send(ctx context.Context, w write) error {
	w.done = make(chan error, 1)
	select {
	case s.writes <- w:
	case <-s.closed:
		return errors.New("the queue is closed")
	case <-ctx.Done():
		return ctx.Err()
	}
	return <-w.done
}

// Schedule sets the time of an incident's next look; zero removes it.
func (s *Store) Schedule(ctx context.Context, ref incident.Ref, at time.Time) error {
	if _, err := incident.ParseRef(ref.String()); err != nil {
		return fmt.Errorf("set a timer: %w", err)
	}
	at = wait.NoLater(at, s.clock.Now(), wait.Timer)
	return s.write(ctx, func(tx *sql.Tx) error {
		if at.IsZero() {
			_, err := tx.Exec(`DELETE FROM timers WHERE ref = ?`, ref.String())
			return err
		}
		_, err := tx.Exec(`INSERT INTO timers (ref, due) VALUES (?, ?) ON CONFLICT (ref) DO UPDATE SET due = excluded.due`,
			ref.String(), wait.Nanos(at))
		return err
	})
}

// Next gives the next time at which something is due, or zero. A message that waits holds up those
// behind it, so only the first of every incident counts.
func (s *Store) Next(ctx context.Context) (time.Time, error) {
	if err := s.sort(ctx); err != nil {
		return time.Time{}, err
	}
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

// Backlog is what stands in the queue.
type Backlog struct {
	Messages int           // waiting, those for later included
	Oldest   time.Duration // how long the one that has been due the longest waits; 0: none is due
	Dead     int           // put aside
}

// Backlog counts what stands in the queue.
func (s *Store) Backlog(ctx context.Context) (b Backlog, err error) {
	if err := s.sort(ctx); err != nil {
		return b, err
	}
	var oldest sql.NullInt64
	err = s.db.QueryRowContext(ctx,
		`SELECT count(*) FILTER (WHERE dead = ''), count(*) FILTER (WHERE dead <> ''), min(due) FILTER (WHERE dead = '') FROM messages`).
		Scan(&b.Messages, &b.Dead, &oldest)
	if err != nil {
		return b, fmt.Errorf("read the queue: %w", err)
	}
	if oldest.Valid {
		b.Oldest = max(0, s.clock.Now().Sub(time.Unix(0, oldest.Int64)))
	}
	return b, nil
}

// Health tells why work does not get done: nothing can be stored, every worker hangs, or what could
// be handed out waits too long.
func (s *Store) Health(ctx context.Context) error {
	if err := s.Ready(ctx); err != nil {
		return err
	}
	return s.stalled(ctx)
}

// Ready tells why the queue takes nothing: nobody hands it out any more, or it can't be written to
// disk.
func (s *Store) Ready(ctx context.Context) error {
	s.mu.Lock()
	ended, broken := s.ended, s.broken
	s.mu.Unlock()
	if ended || broken != nil {
		return errors.Join(errors.New("queue worker stopped"), broken)
	}
	written := make(chan error, 1) // a disk that hangs must not hang whoever asks
	go func() {
		written <- s.write(ctx, func(tx *sql.Tx) error {
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

// Dead lists the messages that were put aside, as ref and reason.
func (s *Store) Dead(ctx context.Context) (map[string]string, error) {
	if err := s.sort(ctx); err != nil { // one that was put aside may have been delivered again
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
		if err := s.sort(ctx); err != nil {
			return err
		}
		due, next, err := s.due()
		if err != nil {
			return err
		}
		if !busy && len(due) == 0 && (next.IsZero() || next.After(s.clock.Now())) {
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
