package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/store"
)

// present is the clock of the machine, or of the bubble that a test runs in.
type present struct{}

func (present) Now() time.Time { return time.Now() }

// accounts is a queue whose looks take a while, as each waits for GitHub.
type accounts struct {
	*store.Store
	t *testing.T

	mu    sync.Mutex
	waits map[string][]time.Duration // by owner
	now   map[string]int             // looks under way
	most  map[string]int
	slow  time.Duration // more that each look takes
}

const lookTakes = 300 * time.Millisecond

func openAccounts(t *testing.T) (a *accounts, stop func()) {
	t.Helper()
	s, err := store.Open("", present{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a = &accounts{Store: s, t: t, waits: map[string][]time.Duration{}, now: map[string]int{}, most: map[string]int{}}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, a.look) }()
	return a, func() {
		cancel()
		if err := errors.Join(<-ended, s.Close()); err != nil {
			t.Error(err)
		}
	}
}

func (a *accounts) look(ctx context.Context, m engine.Message) error {
	owner := m.Ref.Owner
	a.mu.Lock()
	a.waits[owner] = append(a.waits[owner], time.Since(m.Due))
	a.now[owner]++
	a.most[owner] = max(a.most[owner], a.now[owner])
	a.mu.Unlock()
	select {
	case <-time.After(lookTakes + a.slow):
	case <-ctx.Done():
	}
	a.mu.Lock()
	a.now[owner]--
	a.mu.Unlock()
	return nil
}

func (a *accounts) put(owner string, number int) {
	a.t.Helper()
	ref := incident.Ref{Owner: owner, Repo: "incidents", Number: number}
	m := engine.Message{Ref: ref, Why: "issue_comment.created", Due: time.Now(), What: &incident.Comment{ID: int64(number)}}
	if err := a.Enqueue(a.t.Context(), m, time.Time{}); err != nil {
		a.t.Fatal(err)
	}
}

// An account with hundreds of incidents that all want something does not hold up another one's.
func TestANoisyAccountHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, stop := openAccounts(t)
		defer stop()
		for n := range 200 {
			a.put("noisy", n+1)
		}
		for n := range 20 {
			<-time.After(500 * time.Millisecond)
			a.put(fmt.Sprint("quiet-", n%5), n+1)
		}
		<-time.After(10 * time.Minute)
		for n := range 5 {
			waits := a.waits[fmt.Sprint("quiet-", n)]
			if len(waits) != 4 || slices.Max(waits) > 0 {
				t.Errorf("quiet-%d waited %v, want no time at all", n, waits)
			}
		}
		if len(a.waits["noisy"]) != 200 || a.most["noisy"] != 4 {
			t.Errorf("noisy had %d looks, %d at once", len(a.waits["noisy"]), a.most["noisy"])
		}
	})
}

// However many accounts are noisy, one that has nothing under way finds a worker.
func TestManyNoisyAccountsHoldUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, stop := openAccounts(t)
		defer stop()
		for n := range 20 {
			for account := range 7 {
				a.put(fmt.Sprint("noisy-", account), n+1)
			}
		}
		<-time.After(time.Second)
		a.put("quiet", 1)
		<-time.After(10 * time.Minute)
		if waits := a.waits["quiet"]; len(waits) != 1 || waits[0] > 0 {
			t.Errorf("quiet waited %v, want no time at all", waits)
		}
		for account := range 7 {
			if n := len(a.waits[fmt.Sprint("noisy-", account)]); n != 20 {
				t.Errorf("noisy-%d had %d looks of 20", account, n)
			}
		}
	})
}

// Accounts that arrive at the same time take turns, however much each brings.
func TestAccountsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, stop := openAccounts(t)
		defer stop()
		for n := range 60 { // more than there are workers
			for incident := range 3 {
				a.put(fmt.Sprint("busy-", n), incident+1)
			}
		}
		a.put("late", 1)
		<-time.After(10 * time.Minute)
		if waits := a.waits["late"]; len(waits) != 1 || waits[0] > 2*lookTakes {
			t.Errorf("the last of 61 accounts waited %v, want its turn in the third round of 32 workers", waits)
		}
	})
}

// A process with several accounts is healthy while one of them has more to do than its workers can.
func TestANoisyAccountIsNoFaultOfTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, stop := openAccounts(t)
		defer stop()
		a.slow = 4 * time.Minute
		a.put("quiet", 1)
		<-time.After(5 * time.Minute)
		for n := range 40 {
			a.put("noisy", n+1)
		}
		<-time.After(21 * time.Minute)
		if err := a.Health(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
