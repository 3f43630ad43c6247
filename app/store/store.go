// Package store stores the queue, the timers and what is kept for outages, so that a restart loses
// nothing: in one SQLite file, for one process, or in PostgreSQL, for any number of them.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the driver, without cgo

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/metrics"
	"github.com/firebreak-dev/firebreak/app/wait"
)

const (
	maxWorkers        = 32                 // incidents looked at at the same time
	accountWorkers    = 4                  // of these, of one account: the others have theirs
	freeWorkers       = 8                  // of all, that only accounts without a look take
	maxSearches       = 2                  // of those, for what is done apart: no page waits for a search
	maxChats          = 1                  // of those, whose Slack channel is looked after: no search waits for Slack
	deliveryRetention = 3 * 24 * time.Hour // how long deliveries are known by their id; GitHub redelivers for as long
	minRetryDelay     = wait.Least         // after a failure, doubled each time …
	maxRetryDelay     = 5 * time.Minute    // … up to this
	maxTries          = 10                 // then a message is put aside
)

const schema = `
CREATE TABLE IF NOT EXISTS messages (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	ref      TEXT NOT NULL,
	delivery TEXT NOT NULL,
	light    INTEGER NOT NULL, -- the rank, see rankOther
	body     BLOB NOT NULL,
	due      INTEGER NOT NULL, -- Unix nanoseconds
	tries    INTEGER NOT NULL DEFAULT 0,
	dead     TEXT NOT NULL DEFAULT '', -- why it was put aside
	key      TEXT NOT NULL DEFAULT '', -- of a signal: while one waits, the next one replaces it and is counted
	count    INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX IF NOT EXISTS messages_key ON messages (ref, key) WHERE key <> '';
CREATE INDEX IF NOT EXISTS messages_ref ON messages (ref, id);
DROP INDEX IF EXISTS messages_turn; -- of files before timers had a number of their own
DROP INDEX IF EXISTS messages_order; -- of files before the order was written for PostgreSQL, too
CREATE INDEX IF NOT EXISTS messages_rank ON messages (ref, (` + messageOrder + `), id) WHERE dead = '';
CREATE INDEX IF NOT EXISTS messages_urgent ON messages (ref, due) WHERE dead = '' AND light IN (-1, 2);
CREATE INDEX IF NOT EXISTS messages_due ON messages (due) WHERE dead = '';
CREATE INDEX IF NOT EXISTS messages_dead ON messages (delivery) WHERE dead <> '';
CREATE TABLE IF NOT EXISTS arrivals (id INTEGER PRIMARY KEY AUTOINCREMENT, lines BLOB NOT NULL); -- not yet ingested
CREATE TABLE IF NOT EXISTS deliveries (delivery TEXT PRIMARY KEY, at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS deliveries_at ON deliveries (at);
CREATE TABLE IF NOT EXISTS health (id INTEGER PRIMARY KEY, at INTEGER NOT NULL); -- written to see whether that works
CREATE TABLE IF NOT EXISTS shelf (name TEXT PRIMARY KEY, content BLOB NOT NULL, at INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS timers (ref TEXT PRIMARY KEY, due INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS timers_due ON timers (due);
`

// messageOrder sorts the messages of an incident, and id those of the same order. Messages that
// carry something come first, in the order in which they arrived. A message that only asks for a
// look has no place in that order: the look for another message answers it, and a comment is better
// looked at with its signed text at hand.
//
// Reports of a source come last: they may wait on purpose, and no command should wait with them.
const messageOrder = `(CASE WHEN key <> '' THEN 2 ELSE 0 END) + (CASE WHEN light > 1 THEN 1 ELSE light END)`

// isUrgent selects timers, requests of the sweep, and acknowledgements. They don't wait for a
// message of their incident that waits for its next try: during an outage of GitHub, or while one
// comment can't be handled, the escalation and the clock go on (A8).
const isUrgent = `light IN (-1, 2)`

// The values of the column light: the rank of a message.
const (
	rankOther  = 0
	rankLook   = 1
	rankTimer  = 2
	rankProof  = 3
	rankAnswer = -1
)

// answeredByLook selects the messages of an incident that a look answers besides the one that it
// was for: those that only ask for a look, and were there before it began. A message that proves
// something about the issue is not among them, since the look may have read an older issue. The
// engine decides that (engine.ErrNotLooked).
const answeredByLook = `ref = ? AND id <= ? AND light IN (1, 2) AND due <= ? AND dead = ''`

// The frequent queries. Each uses an index, so that it takes as long with ten thousand incidents
// waiting as with ten (BenchmarkBacklog).
const (
	firstOfIncident = `(SELECT id FROM messages WHERE ref = m.ref AND dead = '' ORDER BY ` + messageOrder + `, id LIMIT 1)`
	selectNextDue   = `SELECT min(due) FROM (SELECT due FROM timers UNION ALL
		SELECT due FROM messages m WHERE dead = '' AND (` +
		isUrgent + ` OR id = ` + firstOfIncident + `)) AS d`
	selectDueNow   = `SELECT ref FROM ` + fromDue
	selectDueSince = `SELECT ref, due FROM ` + fromDue
	// The accounts take turns: the longest due of each comes before the second of any. What is before the
	// first slash of a group is its account, and for what is done apart of that.
	fromDue = `(SELECT ref, min(due) AS due, min(id) AS id,
		row_number() OVER (PARTITION BY lower(substr(ref, 1, instr(ref, '/'))) ORDER BY min(due), min(id)) AS turn
		FROM messages m WHERE dead = '' AND due <= ? AND (` + isUrgent + ` OR id = ` + firstOfIncident + `) GROUP BY ref) AS d
		WHERE turn <= ? ORDER BY CASE WHEN substr(ref, 1, 6) IN ('~chat:', '~chat ') THEN 2
		WHEN substr(ref, 1, 1) = '~' THEN 1 ELSE 0 END,
		turn, due, id LIMIT ?`
	// Whether fromDue may find anything is asked with it, as in a quiet hour it never does.
	selectLaterDue = `SELECT min(due), EXISTS (SELECT 1 FROM messages WHERE dead = '' AND due <= ?)
		FROM (SELECT min(due) AS due FROM timers
		UNION ALL SELECT min(due) FROM messages WHERE dead = '' AND due > ?) AS d`
	selectTimersDue  = `SELECT ref, due FROM timers WHERE due <= ?`
	insertDelivery   = `INSERT INTO deliveries (delivery, at) VALUES (?, ?) ON CONFLICT DO NOTHING`
	deleteDeliveries = `DELETE FROM deliveries WHERE at < ?`
	insertMessage    = `INSERT INTO messages (ref, delivery, light, body, due, key, count) VALUES (?, ?, ?, ?, ?, ?, ?)`
	selectArrival    = `SELECT id, lines FROM arrivals ORDER BY id LIMIT 1`
	insertArrival    = `INSERT INTO arrivals (id, lines) VALUES (?, ?)`
	deleteArrival    = `DELETE FROM arrivals WHERE id = ?`
	selectFirst      = `SELECT id, (SELECT max(id) FROM messages WHERE ref = m.ref), due, body, tries, count, key <> ''
		FROM messages m WHERE ref = ? AND dead = '' ORDER BY ` + messageOrder + `, id LIMIT 1`
	selectFirstUrgent = `SELECT id, (SELECT max(id) FROM messages WHERE ref = m.ref), due, body, tries, count, key <> ''
		FROM messages m WHERE ref = ? AND dead = '' AND ` + isUrgent + ` AND due <= ? ORDER BY due, id LIMIT 1`
)

// Store is the queue and the timers. It implements engine.Queue and engine.Scheduler.
type Store struct {
	// Metrics receives how long messages waited. Set it before Run.
	Metrics metrics.Recorder
	// Patience is how long the looks under way may take to end once Run's context has ended. Set it
	// before Run.
	Patience time.Duration

	db      database
	tally   *tally
	peers   *peers // what other processes share this database; nil: it is this one's alone
	path    string // of the file, or the address of the database
	isFresh bool
	clock   engine.Clock
	log     *slog.Logger

	// The frequent queries, prepared: parsing such a statement takes longer than running it.
	selectNext, selectTimers, selectDue, selectLater, selectHead, selectUrgent, selectArrivals,
	noteDelivery, forgetDeliveries, addMessage, addArrivals, dropArrivals *sql.Stmt

	writes chan write
	closed chan struct{}
	writer sync.WaitGroup
	closer sync.Once

	commits      int       // transactions so far; only for the writer
	shelfCleaned time.Time // when expired content was deleted; only for the writer
	answered     int64     // how many messages arrived so far; only for the writer

	arrived, ingested atomic.Int64 // the last row of arrivals, and the last that is ingested

	mu sync.Mutex
	// Incidents being looked at, with the id of the message assigned to each; 0: not known yet.
	running         map[string]int64
	ends            map[string]time.Time // deadlines of the looks under way, by the wall clock
	holds           map[string]hold      // refs that are not looked at for now
	served          map[string]int64     // whose incidents were looked at, with the number of the last look
	looks           int64                // that began so far
	hung            int                  // abandoned looks that still run
	lastRound       time.Time            // when Run last worked
	isWaiting       bool                 // Run waits for something to do
	epoch           time.Time            // when Run began or the clock jumped
	clockAt, wallAt time.Time            // both clocks, as read last
	changed         chan struct{}        // closed at the next change of anything
	broken          error                // why Run returns an error
	hasEnded        bool                 // Run has ended

	firedAt map[string]time.Time // when timers fired lately; only for Run
}

// Open opens the queue in a file, or in memory if path is empty. A damaged file is moved aside, and
// an empty one is created.
func Open(path string, clock engine.Clock, log *slog.Logger) (*Store, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	db, fresh, err := openFile(path)
	isAnew := path != "" && isDamaged(err)
	if isAnew {
		kept, errAside := moveAside(path)
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
		log.Warn("acknowledged messages not counted", "file", path, "err", err)
	}
	s, err := newStore(db, path, fresh, clock, log)
	if err != nil {
		return nil, errors.Join(err, count.close(), db.Close())
	}
	s.tally = count
	err = s.countLost(isAnew)
	s.writer.Go(s.runWriter)
	if err = errors.Join(err, s.restore()); err != nil {
		return nil, errors.Join(withAdvice("open the queue", path, err), s.Close())
	}
	return s, nil
}

// newStore returns a store of a database that has its tables. Its writer does not run yet.
func newStore(db database, path string, fresh bool, clock engine.Clock, log *slog.Logger) (*Store, error) {
	s := &Store{Metrics: metrics.Discard{}, db: db, path: path, isFresh: fresh, clock: clock,
		log: log, writes: make(chan write), closed: make(chan struct{}), running: map[string]int64{},
		ends: map[string]time.Time{}, holds: map[string]hold{}, served: map[string]int64{}, changed: make(chan struct{}),
		firedAt: map[string]time.Time{}}
	for to, query := range map[**sql.Stmt]string{
		&s.selectNext: selectNextDue, &s.selectTimers: selectTimersDue, &s.selectDue: selectDueNow,
		&s.selectLater: selectLaterDue, &s.selectHead: selectFirst, &s.selectUrgent: selectFirstUrgent,
		&s.selectArrivals: selectArrival, &s.noteDelivery: insertDelivery,
		&s.forgetDeliveries: deleteDeliveries, &s.addMessage: insertMessage,
		&s.addArrivals: insertArrival, &s.dropArrivals: deleteArrival,
	} {
		var err error
		if *to, err = db.Prepare(query); err != nil {
			return nil, withAdvice("open the queue", path, err)
		}
	}
	return s, nil
}

// restore ingests what the process before left, and repairs what it may have left half done.
func (s *Store) restore() error {
	var row int64
	if err := s.db.QueryRow(`SELECT coalesce(max(id), 0) FROM arrivals`).Scan(&row); err != nil {
		return err
	}
	s.arrived.Store(row)
	if err := s.ingest(context.Background()); err != nil {
		return err
	}
	// A report may have been assigned already. One that was counted with it since would be lost or
	// counted twice, since it is known by its newest report.
	if err := migrateShelf(s.db, s.clock.Now()); err != nil {
		return err
	}
	_, err := s.db.Exec(`UPDATE messages SET count = count` + sealKey + ` WHERE key <> ''`)
	return err
}

// fileURL returns the name of a file as SQLite's driver takes it.
func fileURL(path string) string {
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String()
}

// openFile opens a queue's file, checks it, and reports whether it is new.
func openFile(path string) (db database, fresh bool, err error) {
	// The lock lasts while the file is open: two processes would be two writers of one incident.
	source := fileURL(path) +
		"?_pragma=busy_timeout(1000)&_pragma=locking_mode(EXCLUSIVE)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"
	if path == "" {
		source = "file::memory:"
	}
	pool, err := sql.Open("sqlite", source)
	if err != nil {
		return db, false, fmt.Errorf("open the queue %s: %w", path, err)
	}
	pool.SetMaxOpenConns(1) // one writer, and a queue in memory is one connection
	db = database{DB: pool, prepared: newStatements()}
	if fresh, err = prepare(db); err != nil {
		return db, false, errors.Join(withAdvice("open the queue", path, err), db.Close())
	}
	return db, fresh, nil
}

// prepare creates the tables and indexes, and checks the file.
func prepare(db database) (fresh bool, err error) {
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

// Fresh reports whether the queue was empty when it was opened, without the timers of incidents
// that may exist.
func (s *Store) Fresh() bool { return s.isFresh }

// Leads reports whether this process is the one of those that share the store that does what one of them
// should do, such as to sweep. It stays so until it ends; a store of one process's own has no other.
func (s *Store) Leads(ctx context.Context) (bool, error) {
	is, err := s.peers.leads(ctx)
	if err != nil {
		return false, withAdvice("ask who sweeps in", s.path, err)
	}
	return is, nil
}

// Close closes the store. What is in it stays on disk.
func (s *Store) Close() error {
	s.closer.Do(func() { close(s.closed) })
	s.writer.Wait()
	return errors.Join(s.peers.close(), s.db.Close(), s.tally.close())
}

// Idle returns once nothing is due by now and no look is under way.
func (s *Store) Idle(ctx context.Context) error {
	for {
		s.mu.Lock()
		changed, busy := s.changed, len(s.running) > 0
		s.mu.Unlock()
		if err := s.ingest(ctx); err != nil {
			return err
		}
		due, next, err := s.listDue()
		if err != nil {
			return err
		}
		if !busy && len(due) == 0 && (next.IsZero() || next.After(s.clock.Now())) {
			// A look may have started between the two checks.
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
		case <-s.peers.tick():
		case <-ctx.Done():
			return fmt.Errorf("still busy: %w", ctx.Err())
		case <-s.closed:
			return errors.New("the queue is closed")
		}
	}
}
