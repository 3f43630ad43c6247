package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/store"
)

// needsPostgres skips a test of what processes share.
func needsPostgres(t *testing.T) {
	t.Helper()
	if os.Getenv(testDatabase) == "" {
		t.Skip("without PostgreSQL: set " + testDatabase)
	}
}

// lookTable is where the processes of a test note their looks.
const lookTable = `CREATE TABLE looks (id BIGSERIAL PRIMARY KEY, ref TEXT, delivery TEXT, pid BIGINT,
	began TIMESTAMPTZ DEFAULT clock_timestamp(), ended TIMESTAMPTZ)`

// childAddress names the variable that makes the test binary one of several processes that work the queue
// at an address.
const childAddress = "FIREBREAK_TEST_WORK_QUEUE"

func TestMain(m *testing.M) {
	if address := os.Getenv(childAddress); address != "" {
		fmt.Fprintln(os.Stderr, workQueue(address))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// workQueue works a queue until the process is killed, and notes each look.
func workQueue(address string) error {
	ctx := context.Background()
	db, err := sql.Open("pgx", address)
	if err != nil {
		return err
	}
	s, err := store.OpenPostgres(ctx, address, wall{}, nil)
	if err != nil {
		return err
	}
	return s.Run(ctx, func(ctx context.Context, m engine.Message) error {
		var id int64
		if err := db.QueryRow(`INSERT INTO looks (ref, delivery, pid) VALUES ($1, $2, $3) RETURNING id`,
			m.Ref.String(), m.Delivery, os.Getpid()).Scan(&id); err != nil {
			return err
		}
		_, err := db.Exec(`SELECT pg_sleep(0.01)`)
		_, errEnd := db.Exec(`UPDATE looks SET ended = clock_timestamp() WHERE id = $1`, id)
		return errors.Join(err, errEnd)
	})
}

// Three processes work one queue, and are killed again and again: each message is handled, in the order of
// its incident, by one process at a time, and what a process that was killed had is another's within ten
// seconds (A4).
func TestA4ProcessesShareAQueueAndAreKilled(t *testing.T) {
	needsPostgres(t)
	address := addressOf(t, "")
	s, err := store.OpenPostgres(t.Context(), address, wall{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(lookTable); err != nil {
		t.Fatal(err)
	}
	start := func() *exec.Cmd {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childAddress+"="+address)
		child.Stderr = os.Stderr
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		return child
	}
	children := []*exec.Cmd{start(), start(), start()}
	killed := map[int64]time.Time{}
	kill := func(child *exec.Cmd) {
		var at time.Time
		if err := errors.Join(db.QueryRow(`SELECT clock_timestamp()`).Scan(&at), child.Process.Kill()); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait() // it was killed
		killed[int64(child.Process.Pid)] = at
	}

	const incidents, rounds = 8, 12
	random := rand.New(rand.NewPCG(24, 9)) //nolint:gosec // a test's
	for round := range rounds {
		for number := 1; number <= incidents; number++ {
			for k := range 3 {
				if err := s.Enqueue(t.Context(), message(number, fmt.Sprintf("%d-%03d-%d", number, round, k)), time.Time{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		// Until some looks more were begun, so that one is under way.
		for want := (round + 1) * incidents; countLooks(t, db) < want; {
			if _, err := db.Exec(`SELECT pg_sleep(0.005)`); err != nil {
				t.Fatal(err)
			}
		}
		which := random.IntN(len(children))
		kill(children[which])
		children[which] = start()
	}
	for waiting := 1; waiting > 0; {
		if err := db.QueryRow(`SELECT count(*) FROM messages, pg_sleep(0.02)`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
	for _, child := range children {
		kill(child)
	}
	judgeLooks(t, db, killed, incidents*rounds*3)
}

func countLooks(t *testing.T, db *sql.DB) (n int) {
	t.Helper()
	if err := db.QueryRow(`SELECT count(*) FROM looks`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// judgeLooks judges what processes noted of their looks; killed has when each was killed.
func judgeLooks(t *testing.T, db *sql.DB, killed map[int64]time.Time, all int) {
	t.Helper()
	rows, err := db.Query(`SELECT ref, delivery, pid, began, ended FROM looks ORDER BY began`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	until := map[string]time.Time{} // when the last look at an incident ended
	order := map[string][]string{}  // an incident's deliveries in the order in which they were first handled
	cut := map[string]time.Time{}   // a delivery whose look was cut off, and when
	handled := map[string]bool{}
	for rows.Next() {
		var ref, delivery string
		var pid int64
		var began time.Time
		var ended sql.NullTime
		if err := rows.Scan(&ref, &delivery, &pid, &began, &ended); err != nil {
			t.Fatal(err)
		}
		if began.Before(until[ref]) {
			t.Errorf("%s: a look for %s began at %s, while another went on until %s", ref, delivery, began, until[ref])
		}
		if at, ok := cut[delivery]; ok && began.Sub(at) > 10*time.Second {
			t.Errorf("%s: %s was taken over after %s", ref, delivery, began.Sub(at))
		}
		until[ref] = ended.Time
		if !ended.Valid {
			until[ref], cut[delivery] = killed[pid], killed[pid]
			continue
		}
		delete(cut, delivery)
		if !handled[delivery] {
			order[ref] = append(order[ref], delivery)
		}
		handled[delivery] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if len(handled) != all {
		t.Errorf("%d of %d messages were handled", len(handled), all)
	}
	for ref, deliveries := range order {
		if !slices.IsSorted(deliveries) {
			t.Errorf("%s: out of order: %v", ref, deliveries)
		}
	}
}

// A process whose locks are lost works no more: its looks end at once, however long they would have to end
// on their own, and Run returns an error. It finds out on its own, or as it takes another message (A4).
func TestA4AProcessWithoutItsLocksEnds(t *testing.T) {
	for name, isBusy := range map[string]bool{"it asks": false, "it takes another message": true} {
		t.Run(name, func(t *testing.T) { losesItsLocks(t, isBusy) })
	}
}

func losesItsLocks(t *testing.T, isBusy bool) {
	needsPostgres(t)
	address := addressOf(t, "")
	s, err := store.OpenPostgres(t.Context(), address, wall{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Patience = time.Hour
	began, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.Run(t.Context(), func(ctx context.Context, m engine.Message) error {
			if m.Ref.Number == 1 {
				close(began)
			}
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	if err := s.Enqueue(t.Context(), message(1, "a"), time.Time{}); err != nil {
		t.Fatal(err)
	}
	<-began
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_namespace n ON n.nspname = current_schema
		WHERE l.locktype = 'advisory' AND l.objid = hashtext($1)::oid`, message(1, "a").Ref.String()); err != nil {
		t.Fatal(err)
	}
	if isBusy {
		if err := s.Enqueue(t.Context(), message(2, "b"), time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-ended; err == nil {
		t.Error("it goes on without its locks")
	}
	other, err := store.OpenPostgres(t.Context(), address, wall{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	ctx, stop := context.WithCancel(t.Context())
	if err := other.Run(ctx, func(_ context.Context, m engine.Message) error { stop(); return nil }); err != nil {
		t.Error(err)
	}
}

// A database that does not answer is named with what to look at, and the password is not.
func TestADatabaseThatDoesNotAnswerIsNamed(t *testing.T) {
	_, err := store.OpenPostgres(t.Context(), "postgres://user:hidden@127.0.0.1:1/queue", wall{}, nil)
	if err == nil || strings.Contains(err.Error(), "hidden") || !strings.Contains(err.Error(), "127.0.0.1:1/queue") ||
		!strings.Contains(err.Error(), "FIREBREAK_DATABASE_URL") {
		t.Errorf("error %v", err)
	}
}
