package store

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"maps"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/firebreak-dev/firebreak/app/engine"
)

// postgresSchema is schema for PostgreSQL. A message is sorted in when it arrives, so arrivals has no
// rows: PostgreSQL takes many transactions at once.
const postgresSchema = `
CREATE TABLE IF NOT EXISTS messages (
	id       BIGSERIAL PRIMARY KEY,
	ref      TEXT COLLATE "C" NOT NULL,
	delivery TEXT COLLATE "C" NOT NULL,
	light    BIGINT NOT NULL,
	body     BYTEA NOT NULL,
	due      BIGINT NOT NULL,
	tries    BIGINT NOT NULL DEFAULT 0,
	dead     TEXT NOT NULL DEFAULT '',
	key      TEXT COLLATE "C" NOT NULL DEFAULT '',
	count    BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX IF NOT EXISTS messages_key ON messages (ref, key) WHERE key <> '';
CREATE INDEX IF NOT EXISTS messages_ref ON messages (ref, id);
CREATE INDEX IF NOT EXISTS messages_rank ON messages (ref, (` + messageOrder + `), id) WHERE dead = '';
CREATE INDEX IF NOT EXISTS messages_urgent ON messages (ref, due) WHERE dead = '' AND light IN (-1, 2);
CREATE INDEX IF NOT EXISTS messages_due ON messages (due) WHERE dead = '';
CREATE INDEX IF NOT EXISTS messages_dead ON messages (delivery) WHERE dead <> '';
CREATE TABLE IF NOT EXISTS arrivals (id BIGINT PRIMARY KEY, lines BYTEA NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (delivery TEXT COLLATE "C" PRIMARY KEY, at BIGINT NOT NULL);
CREATE INDEX IF NOT EXISTS deliveries_at ON deliveries (at);
CREATE TABLE IF NOT EXISTS health (id BIGINT PRIMARY KEY, at BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS shelf (name TEXT COLLATE "C" PRIMARY KEY, content BYTEA NOT NULL, at BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS timers (ref TEXT COLLATE "C" PRIMARY KEY, due BIGINT NOT NULL);
CREATE INDEX IF NOT EXISTS timers_due ON timers (due);
`

// Of a process that is gone PostgreSQL knows at once, and of a machine that is gone after seven
// seconds: then its incidents are the others'. A process that can't reach PostgreSQL for five seconds
// ends its looks before that.
const (
	heartbeat     = 2 * time.Second
	heartbeatWait = 3 * time.Second
	busyPause     = 200 * time.Millisecond // until a group is asked for again that another process has
	pollPause     = time.Second            // for what no notification says
	postgresConns = 8
	defaultSchema = "firebreak"
)

// keepalive is how PostgreSQL notices that a machine is gone.
func keepalive() map[string]string {
	return map[string]string{
		"tcp_keepalives_idle": "3", "tcp_keepalives_interval": "1", "tcp_keepalives_count": "4",
		"tcp_user_timeout": "7000", "application_name": "firebreak",
	}
}

// OpenPostgres opens the queue in a PostgreSQL database, by its address: postgres://user:password@host/name.
// Its tables are in the schema firebreak, or in the one that the address names as search_path. Any number
// of processes may share it: an advisory lock of PostgreSQL makes one at a time the only one that looks at
// an incident, so that no pooler may be in between that shares connections among transactions.
func OpenPostgres(ctx context.Context, address string, clock engine.Clock, log *slog.Logger) (*Store, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, fmt.Errorf("read the address of the database: %w", err) // it does not show the password
	}
	schema := config.RuntimeParams["search_path"]
	if schema == "" {
		schema = defaultSchema
	}
	maps.Copy(config.RuntimeParams, keepalive())
	config.RuntimeParams["search_path"] = schema
	path := net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port))) + "/" + config.Database
	db := database{DB: stdlib.OpenDB(*config), isNumbered: true}
	db.SetMaxOpenConns(postgresConns)
	fresh, err := preparePostgres(ctx, db, schema)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the queue in PostgreSQL at %s: %w; look whether it runs and takes "+
			"the user, and whether FIREBREAK_DATABASE_URL is right", path, err), db.Close())
	}
	s, err := newStore(db, path, fresh, clock, log)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if s.peers, err = newPeers(ctx, config, schema, log); err != nil {
		return nil, errors.Join(withAdvice("open the queue", path, err), db.Close())
	}
	s.writer.Go(s.runWriter)
	return s, nil
}

// preparePostgres creates the tables, and reports whether there were none.
func preparePostgres(ctx context.Context, db database, schema string) (fresh bool, err error) {
	tx, err := db.DB.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Rollback() }() // nothing after a commit
	name := pgx.Identifier{schema}.Sanitize()
	for _, query := range []string{
		fmt.Sprintf("SELECT pg_advisory_xact_lock(%d, 0)", lockSpace(schema)+1), // two processes may start at once
		"CREATE SCHEMA IF NOT EXISTS " + name,
	} {
		if _, err := tx.ExecContext(ctx, query); err != nil {
			return false, err
		}
	}
	if err := tx.QueryRowContext(ctx, `SELECT to_regclass($1) IS NULL`, name+".messages").Scan(&fresh); err != nil {
		return false, err
	}
	if _, err := tx.ExecContext(ctx, postgresSchema); err != nil {
		return false, err
	}
	return fresh, tx.Commit()
}

// lockSpace is the first of the two numbers of the locks of a schema. The next one is for the locks that
// are no incident's.
func lockSpace(schema string) int32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(schema)) // it never fails
	return int32(h.Sum32()>>2) * 2 //nolint:gosec // 30 bits
}

// The locks that are no incident's.
const (
	lockWrites = 0 // changes are made one after another, so that ids are in the order of commits
	lockLeader = 1 // held by the process that sweeps
)

// peers is what processes that share a database know of one another: who looks at which incident. A nil
// *peers has no others.
type peers struct {
	schema string
	space  int32
	config *pgx.ConnConfig
	log    *slog.Logger

	mu   sync.Mutex // held while conn is used
	conn *pgx.Conn  // its session has the locks of the incidents under way

	isFirst atomic.Bool // this session has lockLeader

	lost chan error // holds why the locks may be lost, once they may

	busyMu sync.Mutex
	busy   map[string]time.Time // groups that another process has, until when they aren't asked for again
}

func newPeers(ctx context.Context, config *pgx.ConnConfig, schema string, log *slog.Logger) (*peers, error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return &peers{schema: schema, space: lockSpace(schema), config: config, log: log, conn: conn,
		lost: make(chan error, 1), busy: map[string]time.Time{}}, nil
}

func (p *peers) close() error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	ctx, stop := context.WithTimeout(context.Background(), heartbeatWait)
	defer stop()
	return p.conn.Close(ctx)
}

// ask asks for a truth on the connection of the locks. Without an answer the locks may be lost.
func (p *peers) ask(ctx context.Context, query string, args ...any) (yes bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// A query that is ended takes the connection with it, and all locks.
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), heartbeatWait)
	defer stop()
	if err = p.conn.QueryRow(ctx, query, args...).Scan(&yes); err != nil {
		p.lose(err)
	}
	return yes, err
}

// lose notes that the locks may be lost.
func (p *peers) lose(why error) {
	select {
	case p.lost <- why:
	default: // it is known
	}
}

// take makes this process the one that looks at a group, unless another one is.
func (p *peers) take(ctx context.Context, ref string) (isMine bool, err error) {
	isMine, err = p.ask(ctx, `SELECT pg_try_advisory_lock($1, hashtext($2))`, p.space, ref)
	if err != nil || isMine {
		return isMine, err
	}
	p.busyMu.Lock()
	defer p.busyMu.Unlock()
	p.busy[ref] = time.Now().Add(busyPause)
	return false, nil
}

// give lets other processes look at a group.
func (p *peers) give(ctx context.Context, ref string) error {
	isGiven, err := p.ask(ctx, `SELECT pg_advisory_unlock($1, hashtext($2))`, p.space, ref)
	if err == nil && !isGiven {
		err = errors.New("its lock was lost")
		p.lose(err)
	}
	return err
}

// leads reports whether this process is the one that does what one process should do.
func (p *peers) leads(ctx context.Context) (bool, error) {
	if p == nil || p.isFirst.Load() {
		return true, nil
	}
	is, err := p.ask(ctx, `SELECT pg_try_advisory_lock($1, $2)`, p.space+1, lockLeader)
	if err == nil && is {
		p.isFirst.Store(true)
	}
	return is && err == nil, err
}

// isBusy reports whether any process looks at a group. If none does, none begins to before the
// transaction ends.
func (p *peers) isBusy(tx transaction, ref string) (is bool, err error) {
	err = tx.QueryRow(`SELECT NOT pg_try_advisory_xact_lock(?, hashtext(?))`, p.space, ref).Scan(&is)
	return is, err
}

// begin makes a transaction the only one that writes.
func (p *peers) begin(tx transaction) error {
	if p == nil {
		return nil
	}
	_, err := tx.Exec(`SELECT pg_advisory_xact_lock(?, ?)`, p.space+1, lockWrites)
	return err
}

// announce wakes all processes once the transaction is committed.
func (p *peers) announce(tx transaction) error {
	if p == nil {
		return nil
	}
	_, err := tx.Exec(`SELECT pg_notify(?, '')`, p.channel())
	return err
}

func (p *peers) channel() string { return "firebreak_" + p.schema }

// isElsewhere reports whether another process had a group a moment ago.
func (p *peers) isElsewhere(ref string) bool {
	if p == nil {
		return false
	}
	p.busyMu.Lock()
	defer p.busyMu.Unlock()
	return time.Now().Before(p.busy[ref])
}

// elsewhereNow returns how many groups other processes had a moment ago.
func (p *peers) elsewhereNow() int {
	if p == nil {
		return 0
	}
	p.busyMu.Lock()
	defer p.busyMu.Unlock()
	now := time.Now()
	maps.DeleteFunc(p.busy, func(_ string, until time.Time) bool { return !now.Before(until) })
	return len(p.busy)
}

// tick returns a channel that says when to look at the queue again, as another process may be done; nil:
// there is none.
func (p *peers) tick() <-chan time.Time {
	switch {
	case p == nil:
		return nil
	case p.elsewhereNow() > 0:
		return time.After(busyPause)
	}
	return time.After(pollPause)
}

// watch calls changed whenever a process changed something, until ctx ends. It returns an error once the
// locks may be lost: other processes may look at this one's incidents then.
func (p *peers) watch(ctx context.Context, changed func()) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var listening sync.WaitGroup
	defer listening.Wait()
	defer stop()
	listening.Go(func() {
		for ctx.Err() == nil {
			if err := p.listen(ctx, changed); err != nil && ctx.Err() == nil {
				p.log.Warn("other processes are not heard: asking the database instead", "err", err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(pollPause):
			}
		}
	})
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-p.lost:
			return fmt.Errorf("others may have the incidents of this process: %w", err)
		case <-time.After(heartbeat):
			_, _ = p.ask(ctx, `SELECT true`) // an error is among the lost
		}
	}
}

// listen calls changed at each notification until ctx or the connection ends.
func (p *peers) listen(ctx context.Context, changed func()) error {
	conn, err := pgx.ConnectConfig(ctx, p.config)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // it ends anyway
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{p.channel()}.Sanitize()); err != nil {
		return err
	}
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
		changed()
	}
}
