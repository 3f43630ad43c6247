package functions_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// death is when the worker's process is killed.
type death struct {
	mu      sync.Mutex
	at      int           // at which of its calls of GitHub from now on; 0: at none
	isAfter bool          // GitHub has done what it was asked, and the answer is lost
	isHit   bool          // that call came
	said    chan struct{} // takes one when AWS has answered something
	isDead  bool          // and the next poll finds it so
}

// aim has the worker killed at a call of GitHub, from now on.
func (d *death) aim(at int, isAfter bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at, d.isAfter, d.isHit = at, isAfter, false
}

// hear hears that AWS has answered something.
func (d *death) hear() {
	select {
	case d.said <- struct{}{}:
	default: // one is enough
	}
}

// between kills the worker before or after GitHub gets a call of its.
func (d *death) between(s *stack, github http.Handler) http.Handler {
	d.said = make(chan struct{}, 1)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		by := r.Header.Get("Authorization")
		isProduct := strings.HasPrefix(r.URL.Path, "/api/v3/") && !strings.HasPrefix(by, "Bearer demo-") && by != ""
		d.mu.Lock()
		isLast, isAfter := isProduct && d.at == 1, d.isAfter
		if isProduct && d.at > 0 {
			d.at--
		}
		d.isHit = d.isHit || isLast
		d.mu.Unlock()
		if !isLast {
			github.ServeHTTP(w, r)
			return
		}
		// The worker calls GitHub and says to SQS that it is at work at once, in either order.
		for wait := s.hidden(); wait <= 0 || wait > longestHeld; wait = s.hidden() {
			select {
			case <-d.said:
			case <-r.Context().Done():
				s.t.Errorf("the worker doesn't say that it is at work: its message is hidden for %s", wait)
				return
			}
		}
		if isAfter {
			github.ServeHTTP(w, r)
		}
		d.mu.Lock()
		d.isDead = true
		d.mu.Unlock()
		s.worker.Stop()
	})
}

// longestHeld is how long SQS keeps a message of a worker that has said that it is at work, and says no more.
const longestHeld = 20 * time.Second

// hidden is how long SQS still keeps the messages that it has handed out.
func (s *stack) hidden() time.Duration { return s.aws.Hidden(s.queue).Sub(s.box.Clock().Now()) }

// take reports whether the worker was killed, once.
func (d *death) take() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	is := d.isDead
	d.isDead = false
	return is
}

// spare lets the worker live, and reports whether it does.
func (d *death) spare() (isAlive bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = 0
	return !d.isHit
}

// A worker that is killed in the middle of a message, before or after whichever of its calls of GitHub, holds its
// incident for seconds: SQS hands the message to another process after what the worker said last, and what came later
// after it. Nothing is lost, and nothing done twice.
func TestA4AWorkerIsKilledInTheMiddleOfAMessage(t *testing.T) {
	s := newStack(t, settings{receives: 5})
	incidents := 0
	play := func(at int) (told string, isAlive bool) {
		incidents++
		n := s.declare("alice")
		s.settle()
		s.say("carol", n, "/ic")
		s.say("carol", n, "/ic update Somebody looks at it") // opens the customer's issue
		s.settle()
		s.death.aim(at, at%2 == 0)
		s.say("carol", n, "/ic update We see it and are on it")
		s.settle()
		if isAlive = s.death.spare(); !isAlive {
			if wait := s.hidden(); wait <= 0 || wait > longestHeld {
				t.Errorf("call %d: the incident is held for %s", at, wait)
			}
		}
		s.say("bob", n, "/oe") // waits for the one before
		s.settle()
		s.wait(30 * time.Second) // of which eight may be for an answer that was lost
		if left, dead := s.aws.Messages(s.queue), s.aws.Dead(s.queue); len(left)+len(dead) > 0 {
			t.Errorf("call %d: left %+v, put aside %+v", at, left, dead)
		}
		s.wait(3 * time.Minute) // what may be a person's doing is put right only then
		v := s.view(n)
		told = fmt.Sprintf("%s, %s, %d comments, sent %t", v.State, v.Assignees, len(v.Comments),
			strings.Contains(v.Card, "| carol | [customer update]"))
		s.say("carol", n, "/incident decline a test")
		s.settle()
		return told, isAlive
	}
	want, _ := play(0)
	for at := 1; ; at++ {
		got, isAlive := play(at)
		if got != want {
			t.Errorf("killed at call %d: %s; undisturbed: %s", at, got, want)
		}
		if isAlive {
			if at < 5 {
				t.Errorf("it makes %d calls", at-1)
			}
			break
		}
	}
	var shared []struct{ Comments int }
	s.as("alice", "GET", "/api/v3/repos/acme/customer-globex/issues?state=all&per_page=100", nil, &shared)
	if len(shared) != incidents {
		t.Errorf("%d incidents have %d issues for their customer", incidents, len(shared))
	}
	for i, issue := range shared {
		if issue.Comments != shared[0].Comments || issue.Comments == 0 {
			t.Errorf("of the customer's issues the %d. has %d comments, the first %d", i+1, issue.Comments, shared[0].Comments)
		}
	}
}
