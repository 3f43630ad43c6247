package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox"
)

// critical opens a critical incident and waits for nothing.
func (g *github) critical() {
	g.t.Helper()
	form := "### Summary\n\nCustomers get 502\n\n### Severity\n\ncritical\n\n### Customers " +
		"impacted\n\nglobex\n\n### How did you learn of it?\n\nA call\n\n### Drill\n\n- [ ] This is a drill"
	body, err := json.Marshal(map[string]any{"title": "The API is down", "body": form,
		"labels": []string{"incident"}})
	if err != nil {
		g.t.Fatal(err)
	}
	g.ask("alice", "POST", incidents+"/issues", string(body), nil)
}

// A page and an update that their receiver has answered a moment before SIGTERM leave once, and
// what was under way is done, by this process or by the next (A4).
func TestA4SIGTERMTellsNobodyAgain(t *testing.T) {
	t.Parallel()
	for _, grace := range []string{"20s", "0s"} {
		t.Run(grace, func(t *testing.T) {
			t.Parallel()
			g := newGitHub(t, 1)
			g.flags = []string{"--grace", grace}
			g.serve()
			var armed atomic.Bool
			asked := make(chan struct{}, 1)
			g.receive = func(w http.ResponseWriter, _ *http.Request, take func()) {
				take()
				w.Header().Set("Content-Length", "0") // so that the answer is whole before this ends
				w.WriteHeader(http.StatusOK)
				_ = http.NewResponseController(w).Flush()
				if armed.CompareAndSwap(true, false) {
					if err := g.served.cmd.Process.Signal(syscall.SIGTERM); err != nil {
						t.Error(err)
					}
					asked <- struct{}{}
				}
			}
			for n, step := range []string{"", "/ic update We are at it", "/ic escalate @dan please help"} {
				armed.Store(true)
				if step == "" {
					g.critical()
				} else {
					body, err := json.Marshal(map[string]string{"body": step})
					if err != nil {
						t.Fatal(err)
					}
					g.ask("carol", "POST", incidents+"/issues/1/comments", string(body), nil)
				}
				select {
				case <-asked:
				case <-time.After(patience):
					t.Fatalf("nothing left at %q", step)
				}
				if err := g.served.cmd.Wait(); err != nil {
					t.Errorf("at %q it ended with %v", step, err)
				}
				g.serve()
				g.settle()
				if n == 0 {
					g.ask("carol", "POST", incidents+"/issues/1/comments", `{"body":"/ic"}`, nil)
					g.settle()
				}
			}
			for _, e := range g.box.Repeated() {
				t.Errorf("%s to %s left %d times: %q", e.Key, e.To, e.Count, e.Text)
			}
			if n := len(g.box.Outbox()); n != 3 {
				t.Errorf("%d messages left, want 3: %+v", n, g.box.Outbox())
			}
			g.served.end(syscall.SIGTERM)
		})
	}
}

// A second signal ends a process at once that waits for what is under way.
func TestASecondSignalEndsServeAtOnce(t *testing.T) {
	t.Parallel()
	g := newGitHub(t, 1)
	g.flags = []string{"--grace", "1h"}
	g.serve()
	arrived, release := make(chan struct{}, 10), make(chan struct{})
	g.receive = func(_ http.ResponseWriter, r *http.Request, take func()) {
		take()
		arrived <- struct{}{}
		<-release
	}
	defer close(release)
	g.critical()
	select {
	case <-arrived:
	case <-time.After(patience):
		t.Fatal("nobody is paged")
	}
	ended := make(chan error, 1)
	go func() { ended <- g.served.cmd.Wait() }()
	for n := 0; ; n++ { // the first is taken at some time, and the process waits; then another ends it
		if err := g.served.cmd.Process.Signal(syscall.SIGTERM); err != nil && n == 0 {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			var exit *exec.ExitError
			if !errors.As(err, &exit) || !exit.Sys().(syscall.WaitStatus).Signaled() || n == 0 {
				t.Errorf("after %d signals: %v", n+1, err)
			}
			return
		case <-time.After(300 * time.Millisecond):
		}
		if n > 100 {
			t.Fatal("it goes on")
		}
	}
}

// moment is when a process is killed over a message to people.
type moment int

const (
	beforeTaken  moment = iota // the receiver does not have it
	beforeAnswer               // it has it, and the answer is on its way
	afterAnswer                // the process has the answer, since a moment
)

// What is under way when the process is killed is not lost. It leaves twice at most where the
// receiver had it and its answer was not noted yet; otherwise once. The rates are those of the
// runbook.
func TestA4HowManyLeaveTwiceOverKills(t *testing.T) {
	t.Parallel()
	g := newGitHub(t, *killSeed)
	g.serve()
	g.critical()
	g.settle()
	g.ask("carol", "POST", incidents+"/issues/1/comments", `{"body":"/ic"}`, nil)
	g.settle()
	var armed atomic.Bool
	var at moment
	var wait time.Duration
	dead := make(chan struct{}, 1)
	g.receive = func(w http.ResponseWriter, _ *http.Request, take func()) {
		if !armed.CompareAndSwap(true, false) {
			take()
			return
		}
		if at != beforeTaken {
			take()
		}
		if at == afterAnswer {
			w.Header().Set("Content-Length", "0") // so that the answer is whole before this ends
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			time.Sleep(wait) // so long the process goes on
		}
		g.served.kill()
		dead <- struct{}{}
		panic(http.ErrAbortHandler)
	}
	n := *kills
	if testing.Short() {
		n = min(n, 6)
	}
	sent, twice := map[moment]int{}, map[moment]int{}
	for i := range n {
		at, wait = moment(i%3), time.Duration(g.rand.IntN(20))*time.Millisecond
		before := len(g.box.Outbox())
		armed.Store(true)
		step := fmt.Sprintf("/ic update This is number %d", i)
		if i%2 == 0 {
			step = fmt.Sprintf("/ic escalate @dan number %d", i)
		}
		g.ask("carol", "POST", incidents+"/issues/1/comments", fmt.Sprintf(`{"body":%q}`, step), nil)
		select {
		case <-dead:
		case <-time.After(patience):
			t.Fatalf("nothing left at %q", step)
		}
		g.serve()
		g.settle()
		g.redeliver()
		now := g.box.Outbox()[before:]
		if len(now) != 1 {
			t.Fatalf("%d messages left at %q: %+v", len(now), step, now)
		}
		sent[at]++
		if now[0].Count > 1 {
			twice[at]++
		}
		if now[0].Count > 2 || at == beforeTaken && now[0].Count != 1 {
			t.Errorf("%q, killed at %d, left %d times", step, at, now[0].Count)
		}
	}
	for _, e := range g.box.Outbox() {
		if !isTold(e, n) {
			t.Errorf("what left is %+v", e)
		}
	}
	for m, name := range map[moment]string{beforeTaken: "before its receiver had it",
		beforeAnswer: "before its receiver's answer", afterAnswer: "up to 20 ms after its receiver's answer"} {
		t.Logf("killed %s: %d of %d left twice", name, twice[m], sent[m])
	}
	if late := twice[afterAnswer]; late > sent[afterAnswer]/2 {
		t.Errorf("%d of %d that were answered left twice", late, sent[afterAnswer])
	}
	g.served.end(syscall.SIGTERM)
}

// isTold reports whether a message is one that the test asked for.
func isTold(e sandbox.OutboxEntry, n int) bool {
	for i := range n {
		if strings.Contains(e.Text, fmt.Sprintf("number %d", i)) {
			return true
		}
	}
	return e.Kind == "page" && strings.Contains(e.Key, "/page/1")
}
