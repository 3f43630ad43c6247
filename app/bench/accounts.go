package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/store"
)

// Fairness is how long a command of a quiet account takes until it is done.
type Fairness struct {
	Accounts int           `json:"accounts"` // that share the process
	Waiting  int           `json:"waiting"`  // commands of the noisy account that wait all the time
	Look     time.Duration `json:"look"`     // that each command waits for GitHub, nanoseconds
	Alone    Row           `json:"alone"`    // while no account is noisy
	Noisy    Row           `json:"noisy"`    // while one is
	Ratio    float64       `json:"ratio"`    // of the two p99
	Rate     float64       `json:"rate"`     // commands of the noisy account that are done, a second
}

const (
	// lookTime is how long a look waits for GitHub here: three round trips of 100 ms.
	lookTime = 300 * time.Millisecond
	// waiting is how many incidents of the noisy account have a command that waits, all the time.
	waiting = 200
	// quietRate is how many commands the quiet accounts write a second, all together.
	quietRate = 10
)

// Accounts measures what a noisy account does to the others. The endpoint and the queue on the disk are the
// product's; a look only waits, as it does for GitHub, so that the figure is that of the queue and its workers. The
// two cases take turns.
func Accounts(ctx context.Context, o Options, accounts int) (f Fairness, err error) {
	tell := o.progress()
	q, err := openFair(ctx, o)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, q.close()) }()
	const turns = 6
	var alone, noisy []time.Duration
	var quiet, busy time.Duration
	tell(fmt.Sprintf("commands of %d accounts, in turns alone and while one of them is noisy", accounts))
	done := int64(0)
	for range turns {
		start := time.Now()
		took, err := q.play(ctx, accounts-1, o.Duration)
		if err != nil {
			return f, err
		}
		alone, quiet = append(alone, took...), quiet+time.Since(start)
		if err := q.flood(ctx); err != nil {
			return f, err
		}
		before := q.noisy.Load()
		start = time.Now()
		if took, err = q.play(ctx, accounts-1, o.Duration); err != nil {
			return f, err
		}
		noisy, busy = append(noisy, took...), busy+time.Since(start)
		done += q.noisy.Load() - before
		if err := q.drain(ctx); err != nil {
			return f, err
		}
	}
	f = Fairness{Accounts: accounts, Waiting: waiting, Look: lookTime,
		Alone: summary(alone, quiet), Noisy: summary(noisy, busy), Rate: float64(done) / busy.Seconds()}
	f.Alone.Name, f.Noisy.Name = "a quiet account, alone", "a quiet account, while another one is noisy"
	f.Ratio = float64(f.Noisy.P99) / float64(f.Alone.P99)
	return f, nil
}

// fair is the endpoint, the queue and its workers.
type fair struct {
	at    *server
	close func() error

	noisy    atomic.Int64 // commands of the noisy account that are done
	isFlood  atomic.Bool
	left     atomic.Int64 // of the noisy account
	failed   atomic.Pointer[error]
	mu       sync.Mutex
	ended    map[string]chan struct{} // by the account that waits for its command
	sequence atomic.Int64
}

func openFair(ctx context.Context, o Options) (*fair, error) {
	s, err := store.Open(filepath.Join(o.Dir, "accounts.db"), clock{}, nil)
	if err != nil {
		return nil, err
	}
	q := &fair{ended: map[string]chan struct{}{}}
	if q.at, err = listen(product(func(ctx context.Context, m incident.Message) error {
		return s.Enqueue(ctx, m, time.Time{})
	})); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, q.look) }()
	q.close = func() error {
		q.at.close()
		stop()
		return errors.Join(<-ended, s.Close())
	}
	return q, nil
}

const noisyAccount = "noisy"

// look waits as a look does for GitHub. The noisy account writes its next command as soon as one is done.
func (q *fair) look(ctx context.Context, m incident.Message) error {
	if m.Ref.Owner != noisyAccount || q.isFlood.Load() {
		select {
		case <-time.After(lookTime):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if m.Ref.Owner != noisyAccount {
		q.mu.Lock()
		defer q.mu.Unlock()
		if done := q.ended[m.Ref.Owner]; done != nil {
			close(done)
			delete(q.ended, m.Ref.Owner)
		}
		return nil
	}
	q.noisy.Add(1)
	if q.isFlood.Load() {
		if err := q.post(noisyAccount, int64(m.Ref.Number)); err != nil {
			q.failed.Store(&err)
		}
		return nil
	}
	q.left.Add(-1)
	return nil
}

// flood makes the noisy account write on all of its incidents.
func (q *fair) flood(ctx context.Context) error {
	q.isFlood.Store(true)
	q.left.Store(waiting)
	for n := range int64(waiting) {
		if err := errors.Join(q.post(noisyAccount, n+1), ctx.Err()); err != nil {
			return err
		}
	}
	return nil
}

// drain waits until the noisy account is done.
func (q *fair) drain(ctx context.Context) error {
	q.isFlood.Store(false)
	for q.left.Load() > 0 && ctx.Err() == nil {
		time.Sleep(lookTime / 10)
	}
	if failed := q.failed.Load(); failed != nil {
		return *failed
	}
	return ctx.Err()
}

// play writes commands of the quiet accounts, and returns how long each took until it was done.
func (q *fair) play(ctx context.Context, accounts int, during time.Duration) (took []time.Duration, err error) {
	var mu sync.Mutex
	var under sync.WaitGroup
	tick := time.NewTicker(time.Second / quietRate)
	defer tick.Stop()
	for end := time.Now().Add(during); time.Now().Before(end) && ctx.Err() == nil; {
		<-tick.C
		account := fmt.Sprintf("quiet-%d", rand.IntN(accounts)) //nolint:gosec // whose turn it is
		done := make(chan struct{})
		q.mu.Lock()
		_, isBusy := q.ended[account]
		if !isBusy {
			q.ended[account] = done
		}
		q.mu.Unlock()
		if isBusy {
			continue
		}
		under.Go(func() {
			start := time.Now()
			if e := q.post(account, 1); e != nil {
				mu.Lock()
				defer mu.Unlock()
				err = e
				return
			}
			select {
			case <-done:
			case <-ctx.Done():
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, time.Since(start))
		})
	}
	under.Wait()
	if err = errors.Join(err, ctx.Err()); err == nil && len(took) == 0 {
		err = errors.New("no command was written: --duration is too short")
	}
	slices.Sort(took)
	return took, err
}

// post delivers a command on an account's incident.
func (q *fair) post(account string, number int64) error {
	body := bytes.ReplaceAll(delivery(number-1, command), []byte("acme"), []byte(account))
	r, err := http.NewRequest(http.MethodPost, q.at.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", "issue_comment")
	r.Header.Set("X-GitHub-Delivery", fmt.Sprintf("accounts-%d", q.sequence.Add(1)))
	r.Header.Set("X-Hub-Signature-256", signature(body))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if answer, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusAccepted {
		return fmt.Errorf("a command of %s was answered %s: %s", account, res.Status, strings.TrimSpace(string(answer)))
	}
	return nil
}
