package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
)

// database is the pool of connections to either kind of database. Queries are written as SQLite takes
// them, with a question mark for each argument; PostgreSQL numbers its arguments.
type database struct {
	*sql.DB
	isNumbered bool
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
	return t.Tx.Exec(t.db.bind(query), t.db.clean(args)...)
}

func (t transaction) Query(query string, args ...any) (*sql.Rows, error) {
	return t.Tx.Query(t.db.bind(query), t.db.clean(args)...)
}

func (t transaction) QueryRow(query string, args ...any) *sql.Row {
	return t.Tx.QueryRow(t.db.bind(query), t.db.clean(args)...)
}
