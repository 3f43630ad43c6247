package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"sync"
)

// database is the pool of connections to either kind of database. Queries are written as SQLite takes
// them, with a question mark for each argument; PostgreSQL numbers its arguments.
type database struct {
	*sql.DB
	isNumbered bool
	prepared   *statements // nil: the driver keeps its own, as pgx does
}

// statements are the queries that were asked before, prepared: parsing one takes SQLite longer than most take to
// run. A transaction has the only connection, so that what it asks is prepared before the next one begins.
type statements struct {
	mu    sync.Mutex
	asked map[string]int // how often
	ready map[string]*sql.Stmt
}

// maxPrepared bounds them. All texts are constants of this package, of which there are fewer.
const maxPrepared = 100

func newStatements() *statements {
	return &statements{asked: map[string]int{}, ready: map[string]*sql.Stmt{}}
}

// find returns a query that is prepared, or nil.
func (s *statements) find(query string) *sql.Stmt {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if stmt := s.ready[query]; stmt != nil {
		return stmt
	}
	if len(s.asked)+len(s.ready) < maxPrepared {
		s.asked[query]++
	}
	return nil
}

// prepare prepares what was asked more than once: of what opens the file only, nothing.
func (s *statements) prepare(db *sql.DB) {
	if s == nil {
		return
	}
	s.mu.Lock()
	var due []string
	for query, times := range s.asked {
		if times > 1 {
			due = append(due, query)
			delete(s.asked, query)
		}
	}
	s.mu.Unlock()
	for _, query := range due {
		stmt, err := db.Prepare(query)
		if err != nil {
			continue // whoever asks it hears why
		}
		s.mu.Lock()
		s.ready[query] = stmt
		s.mu.Unlock()
	}
}

// transaction is a transaction of a database.
type transaction struct {
	*sql.Tx
	db database
}

// bind returns a query as the database takes it. No query has a question mark in a text.
func (d database) bind(query string) string {
	if !d.isNumbered {
		return query
	}
	query = strings.ReplaceAll(query, "instr(", "strpos(") // which PostgreSQL calls so
	var b strings.Builder
	for n := 1; ; n++ {
		before, after, found := strings.Cut(query, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString("$" + strconv.Itoa(n))
		query = after
	}
}

func (d database) Begin() (transaction, error) {
	d.prepared.prepare(d.DB)
	tx, err := d.DB.Begin()
	return transaction{tx, d}, err
}

func (d database) Prepare(query string) (*sql.Stmt, error) { return d.DB.Prepare(d.bind(query)) }

func (d database) Exec(query string, args ...any) (sql.Result, error) {
	return d.DB.Exec(d.bind(query), d.clean(args)...)
}

func (d database) Query(query string, args ...any) (*sql.Rows, error) {
	return d.DB.Query(d.bind(query), d.clean(args)...)
}

func (d database) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return d.DB.QueryContext(ctx, d.bind(query), d.clean(args)...)
}

func (d database) QueryRow(query string, args ...any) *sql.Row {
	return d.DB.QueryRow(d.bind(query), d.clean(args)...)
}

func (d database) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if stmt := d.prepared.find(query); stmt != nil {
		return stmt.QueryRowContext(ctx, args...)
	}
	return d.DB.QueryRowContext(ctx, d.bind(query), d.clean(args)...)
}

// ExecStmt runs a prepared statement in the transaction.
func (t transaction) ExecStmt(stmt *sql.Stmt, args ...any) (sql.Result, error) {
	return t.Stmt(stmt).Exec(t.db.clean(args)...)
}

// clean returns arguments as the database takes them. PostgreSQL refuses a text that is not UTF-8 or has a
// zero byte in it, as one of a stranger may.
func (d database) clean(args []any) []any {
	if !d.isNumbered {
		return args
	}
	for i, a := range args {
		if text, ok := a.(string); ok {
			args[i] = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
		}
	}
	return args
}

func (t transaction) Exec(query string, args ...any) (sql.Result, error) {
	if stmt := t.db.prepared.find(query); stmt != nil {
		return t.Stmt(stmt).Exec(args...)
	}
	return t.Tx.Exec(t.db.bind(query), t.db.clean(args)...)
}

func (t transaction) Query(query string, args ...any) (*sql.Rows, error) {
	return t.Tx.Query(t.db.bind(query), t.db.clean(args)...)
}

func (t transaction) QueryRow(query string, args ...any) *sql.Row {
	if stmt := t.db.prepared.find(query); stmt != nil {
		return t.Stmt(stmt).QueryRow(args...)
	}
	return t.Tx.QueryRow(t.db.bind(query), t.db.clean(args)...)
}
