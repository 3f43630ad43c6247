package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net/url"
	"os"
	"sync/atomic"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // to delete what tests leave

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/store"
)

// testDatabase names the variable with the address of a PostgreSQL database in which tests may create
// and delete what they like. testStore, set to postgres, makes it the database of all tests in place of
// SQLite; the gate runs them with both.
const (
	testDatabase = "FIREBREAK_TEST_DATABASE_URL"
	testStore    = "FIREBREAK_TEST_STORE"
)

// isPostgres reports whether the tests run with PostgreSQL.
func isPostgres() bool { return os.Getenv(testStore) == "postgres" }

var schemas atomic.Int64

// openStore opens a store of the file, or of a schema of its own in the test database. Without a path
// nobody else opens it.
func openStore(t testing.TB, path string, c engine.Clock, log *slog.Logger) (*store.Store, error) {
	t.Helper()
	if !isPostgres() {
		return store.Open(path, c, log)
	}
	return store.OpenPostgres(context.Background(), addressOf(t, path), c, log)
}

// addressOf returns the address of the schema that takes the place of a file. It is deleted after the
// test.
func addressOf(t testing.TB, path string) string {
	t.Helper()
	if path == "" {
		path = fmt.Sprintf("%s %d of %d", t.Name(), schemas.Add(1), os.Getpid())
	}
	h := fnv.New64a()
	fmt.Fprint(h, path)
	schema := fmt.Sprintf("test_%x", h.Sum64())
	address, err := url.Parse(os.Getenv(testDatabase))
	if err != nil {
		t.Fatal(err)
	}
	bare := address.String()
	query := address.Query()
	query.Set("search_path", schema)
	address.RawQuery = query.Encode()
	t.Cleanup(func() {
		db, err := sql.Open("pgx", bare)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec("DROP SCHEMA IF EXISTS " + schema + " CASCADE"); err != nil {
			t.Error(err)
		}
	})
	return address.String()
}
