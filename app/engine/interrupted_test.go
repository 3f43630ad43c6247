package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var errKilled = errors.New("the process was killed")

// interruption lets something happen at one write of the product's first pass.
type interruption struct {
	at, spoken int    // the write that goes wrong, and the one before which a person writes; from 0
	how        string // "502", "lost", "killed before", "killed after"; empty: it goes well

	mu     sync.Mutex
	writes int
	dead   bool
	did    []string // the writes
	killed chan struct{}
}

// interrupt lets it happen. speak is what the person does.
func (w *world) interrupt(i *interruption, speak func()) {
	i.killed = make(chan struct{})
	w.replicas.sees(func(req *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
		if req.Method == http.MethodGet || strings.HasSuffix(req.URL.Path, "/access_tokens") {
			if i.isDead() {
				return nil, errKilled
			}
			return send()
		}
		i.mu.Lock()
		n := i.writes
		i.writes++
		i.did = append(i.did, req.Method+" "+req.URL.Path)
		dead := i.dead
		i.mu.Unlock()
		if dead {
			return nil, errKilled
		}
		if n == i.spoken {
			speak()
		}
		if n != i.at {
			return send()
		}
		bad := &http.Response{StatusCode: 502, Status: "502 Bad Gateway", Proto: "HTTP/1.1", ProtoMajor: 1,
			ProtoMinor: 1, Request: req,
			Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"message":"Server Error"}`))}
		switch i.how {
		case "502":
			return bad, nil
		case "lost", "killed after":
			res, err := send()
			if err != nil {
				return res, err
			}
			res.Body.Close()
			if i.how == "lost" {
				return bad, nil
			}
			i.kill()
			return nil, errKilled
		case "killed before":
			i.kill()
			return nil, errKilled
		}
		return send()
	})
}

func (i *interruption) kill() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.dead = true
	close(i.killed)
}

func (i *interruption) isDead() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.dead
}

// settleOrDie returns once the product has nothing to do, or was killed and started again and has
// nothing to do.
func (w *world) settleOrDie(i *interruption) {
	w.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	settled := make(chan error, 1)
	go func() { settled <- w.sandbox.Settled(ctx) }()
	select {
	case err := <-settled:
		if err != nil && !i.isDead() {
			w.t.Fatalf("it does not settle: %v", err)
		}
	case <-i.killed:
		stop()
		<-settled
	}
	if i.isDead() {
		w.replicas.sees(nil)
		w.restart()
	}
	w.settle()
}

// numbers are the ids of comments, which differ with how many there are before.
var numbers = regexp.MustCompile(`#issuecomment-\d+`)

// A person's command that the first pass did not see, as it came between what that read and what it
// wrote, is done as if that pass had not been interrupted, whatever it had written by then: the
// app's own labels are no newer than what a person said (A2, A4).
func TestA2A4AnInterruptedFirstPassUndoesNoCommand(t *testing.T) {
	skipUnderRace(t)
	// Of the first two each write goes wrong in two ways of four, and the other two at the next write; of the
	// others each write and each way occur once.
	for nth, c := range []struct{ severity, command string }{
		{"critical", "/ic phase fixing because it can't wait"},
		{"critical", "/ic severity regular"},
		{"critical", "/ic phase monitoring because it can't wait"},
		{"regular", "/ic severity critical"},
		{"", "/ic severity critical"},
		{"regular", "/ic close because it was nothing"},
		{"critical", "/ic close because it was nothing"},
	} {
		play := func(t *testing.T, i *interruption) string {
			w := newWorld(t)
			severity := "\n  Severity: " + c.severity
			if c.severity == "" {
				severity = ""
			}
			w.interrupt(i, func() { w.comment("alice", c.command); w.delivered() })
			w.step(steps("alice opens \"The API is down\"\n  Summary: Customers get 502" + severity +
				"\n  Customers impacted: globex")[0])
			w.settleOrDie(i)
			if i.spoken < 0 {
				return ""
			}
			w.advance(4 * time.Minute)
			v := w.view()
			said := ""
			for _, l := range w.list() {
				if l.Body == c.command {
					said = reactionsOf(l)
				}
			}
			return numbers.ReplaceAllString(w.steady(fmt.Sprintf("%s %s %v %v, answered by %s\npaged %v\n%s", v.State, v.Reason, v.labels(), v.assignees(), said, w.pages(), w.card())), "#issuecomment-N")
		}
		t.Run(strings.TrimSpace(c.severity+" "+c.command), func(t *testing.T) {
			alone := &interruption{at: -1, spoken: -1}
			play(t, alone)
			calm := play(t, &interruption{at: -1})
			for at, what := range alone.did {
				for n, how := range []string{"502", "lost", "killed before", "killed after"} {
					if (at+nth)%2 != n%2 || nth > 1 && (at+nth)%4 != n {
						continue
					}
					// at the beginning of what is written, or just before it goes wrong
					spoken := []int{0, at}[(at+n+nth)%2]
					t.Run(fmt.Sprintf("said before %d, %s at %d, %s", spoken, how, at, what),
						func(t *testing.T) {
							t.Parallel()
							if d := cmp.Diff(calm, play(t, &interruption{at: at, spoken: spoken,
								how: how})); d != "" {
								t.Errorf("not as without the interruption (-want +got):\n%s", d)
							}
						})
				}
			}
		})
	}
}

// The card is lost while a command waits that came between what a pass read and the labels that it
// wrote: the label is newer than the command, and does not count for all that, since it was set
// without knowing of it. One that was set for a command that was edited since does.
func TestA5ALabelIsNoNewerThanAWordThatTheAppHadNotSeen(t *testing.T) {
	for _, c := range []struct{ name, before, command, label, lost string }{
		{"a phase", "", "/ic phase fixing because it can't wait", "phase/fixing", "phase/identify"},
		{"a severity", "", "/ic severity regular", "severity/regular", "severity/critical"},
		{"a phase later on", "carol: /ic phase fixing because it can't wait", "/ic phase monitoring because it can't wait",
			"phase/monitoring", "phase/fixing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			who, last := "alice", down
			if c.before != "" {
				who, last = "carol", c.before
				w.tell(down + "carol: /ic")
			}
			var once, twice sync.Once
			w.replicas.sees(func(req *http.Request, send func() (*http.Response, error)) (*http.Response,
				error) {
				isLabel := req.Method == http.MethodPost &&
					strings.HasSuffix(req.URL.Path, "/issues/1/labels")
				if isLabel {
					once.Do(func() { w.comment(who, c.command) })
				}
				res, err := send()
				if isLabel {
					twice.Do(func() { w.step(steps("bob deletes card")[0]); w.delivered() })
				}
				return res, err
			})
			for _, s := range steps(last) {
				w.step(s)
			}
			w.settle()
			w.advance(time.Minute)
			if labels := w.view().labels(); !slices.Contains(labels, c.label) ||
				slices.Contains(labels, c.lost) {
				t.Errorf("the labels are %v after %s\n%s", labels, c.command, w.everything())
			}
		})
	}
	t.Run("an edited command", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.tell(down + "carol: /ic\nbob: /oe\ncarol: /ic phase fixing because it can't wait\ncarol edits 3: /ic phase fixing\nbob deletes card")
		if labels := w.view().labels(); !slices.Contains(labels, "phase/fixing") {
			t.Errorf("the labels are %v", labels)
		}
	})
}
