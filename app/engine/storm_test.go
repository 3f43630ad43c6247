package engine_test

import (
	"flag"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/metrics"
	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/templates"
)

var storm = flag.Int("storm", 4,
	"how many incidents the storm has; GitHub allows 50 calls for each, as it does for 100")

// A storm of incidents with 50 commands each, one after the other, within an hour: it stays within
// what GitHub allows, the limit is not hit once, whoever must be paged is paged at once, and no
// command is lost.
func TestA4AStormStaysWithinTheLimit(t *testing.T) {
	t.Parallel()
	n := *storm
	if testing.Short() {
		n = min(n, 3)
	}
	const commands = 50
	w := newWorldWith(t, map[string]map[string]string{"acme/incidents": templates.Repository()},
		func(o *sandbox.Options) { o.Calls = 50 * n })
	declare := func(number int) {
		w.ref.Number = number
		w.step(step{head: fmt.Sprintf(`alice opens "Incident %d"`, number),
			body: []string{"Summary: Customers get 502", "Severity: critical", "Customers impacted: globex"}})
		w.settle()
	}
	for i := range n - 1 {
		declare(i + 1)
		w.comment("carol", "/ic")
		w.comment("alice", "/oe")
		w.settle()
	}
	for c := range commands {
		for i := range n - 1 {
			w.ref.Number = i + 1
			w.comment("alice", fmt.Sprintf("/oe finding number %d", c+1))
			w.advance(55 * time.Minute / time.Duration(n*commands))
		}
		if c == commands/2 {
			before := len(w.outbox())
			declare(n)
			if len(w.outbox()) == before {
				t.Error("in the midst of the storm nobody is paged for a new incident")
			}
		}
	}
	counted := 0
	for _, c := range w.calls() {
		switch {
		case c.Status == 403 || c.Status == 429:
			t.Errorf("the limit is hit: %s %s", c.Method, c.Path)
		case c.Actor == "firebreak[bot]" && c.Status != 304:
			counted++
		}
	}
	t.Logf("%d commands took %d of %d calls", (n-1)*commands, counted, 50*n)
	if counted >= 50*n {
		t.Errorf("%d commands took %d calls, and GitHub allows %d", (n-1)*commands, counted, 50*n)
	}
	w.advance(time.Hour)
	for i := range n - 1 {
		w.ref.Number = i + 1
		if card := w.card(); !strings.Contains(card, fmt.Sprintf("findings (%d)", commands)) {
			t.Errorf("incident %d lost findings:\n%s", i+1, card)
		}
	}
}

var stormLimited = flag.Int("storm-limited", 3,
	"how many incidents the storm has in which GitHub enforces its secondary limits; the whole one has 100")

var stormCalls = flag.Int("storm-calls", 15_000,
	"how many calls an hour GitHub allows the installation in that storm")

// waits keeps how long each kind of write waited.
type waits struct {
	mu  sync.Mutex
	all map[string][]time.Duration
}

func (w *waits) Record(m *metrics.Metric, value float64, labels ...string) {
	if m != metrics.WriteWait {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all[labels[0]] = append(w.all[labels[0]], time.Duration(value*float64(time.Second)))
}

// most logs what each kind waited and returns the longest.
func (w *waits) most(t *testing.T) map[string]time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	most := map[string]time.Duration{}
	for _, kind := range []string{"page", "answer", "card", "ticket", "nudge"} {
		if all := w.all[kind]; len(all) > 0 {
			slices.Sort(all)
			most[kind] = all[len(all)-1]
			t.Logf("%-6s %5d times: it waited %s at least, %s in the middle, %s at most", kind, len(all),
				all[0], all[len(all)/2], most[kind])
		}
	}
	return most
}

// A storm against a GitHub that enforces its secondary limits: incidents are opened within minutes
// and get 50 commands each, 5,000 in an hour with a hundred incidents (few incidents get theirs so
// much faster). GitHub refuses nothing, no command is lost, pages go out at once, and at the end
// every card is right. There are no tickets in it, and so no reminders on them.
//
// The whole one (-args -storm-limited 100), measured with the timers of an incident joined in the
// queue; waits in virtual time from when something was written or fell due until GitHub had it:
//
//	        times   minimum  median   maximum
//	page      200   0s       0s       1s
//	answer   5329   0s       4m10s    50m6s
//	card     1211   0s       1m41s    40m18s
//
// It takes 13,947 requests, 2.8 for each command, as commands share looks where they wait; GitHub
// refuses none. It takes some two minutes on two cores. The longest waits are those of answers in
// words: 100 cards, 200 mentions and 300 answers are more than the 500 contents that GitHub takes
// in an hour, and a card waits with an answer that is too long for it to keep.
//
// With the 5,000 calls an hour of a small organization (-storm-calls 5000) looks wait for each
// other and commands share them. Nothing is lost either, but of the commands that share a look only
// the newest has a reaction, some 20 of 50 (see thrift.go):
//
//	        times   minimum  median   maximum
//	page      200   0s       0s       800ms
//	answer   1844   0s       1m3s     51m4s
//	card     1042   0s       4m18s    22m26s
//
// That takes 9,340 requests until all is quiet; GitHub refuses one, the first beyond the 5,000 of
// the hour.
func TestA4AStormStaysWithinTheSecondaryLimits(t *testing.T) {
	t.Parallel()
	n := *stormLimited
	const commands = 50
	files := templates.Repository()
	for path, text := range files {
		files[path] = strings.Replace(text, "pager: webhook ", "pager: github ", 1)
	}
	measured := &waits{all: map[string][]time.Duration{}}
	w := newWorldJudged(t, map[string]map[string]string{"acme/incidents": files},
		func(h http.Handler) http.Handler { return h },
		func(o *sandbox.Options) { o.Calls = *stormCalls })
	w.stop()
	w.measured = measured
	delete(w.env, "FIREBREAK_GITHUB_LIMITS")
	w.start()
	w.order(`{"limits":"github"}`)
	hour := time.Hour
	if n < 100 {
		hour = time.Duration(n*commands) * time.Hour / 5000 // as many in a minute as in the whole storm
	}
	for i := range n {
		w.ref.Number = i + 1
		w.step(step{head: fmt.Sprintf(`alice opens "Incident %d"`, i+1),
			body: []string{"Summary: Customers get 502", "Severity: critical", "Customers impacted: globex"}})
		w.advance(hour / time.Duration(20*n))
	}
	for i := range n {
		w.ref.Number = i + 1
		w.comment("carol", "/ic")
		w.comment("alice", "/oe")
		w.advance(hour / time.Duration(20*n))
	}
	for c := range commands - 2 {
		for i := range n {
			w.ref.Number = i + 1
			text := fmt.Sprintf("/oe finding number %d", c+1)
			if c%16 == 7 { // a few are answered in words
				text = "/incident help"
			}
			w.comment("alice", text)
			w.advance(hour * 9 / 10 / time.Duration(n*commands))
		}
	}
	w.advance(3 * time.Hour)
	most := measured.most(t)
	if longest := most["page"]; longest > time.Minute {
		t.Errorf("a page's mention waited %s", longest)
	}
	refused, counted := 0, 0
	for _, c := range w.calls() {
		if c.Actor != "firebreak[bot]" {
			continue
		}
		counted++
		if c.Status == 403 || c.Status == 429 {
			refused++
		}
	}
	t.Logf("%d incidents, %d commands: %d requests, of which GitHub refused %d; %d pages", n, n*commands,
		counted, refused, len(w.outbox()))
	isScarce := *stormCalls < 15_000
	if refused > 0 && !isScarce {
		t.Errorf("GitHub refused %d of %d requests", refused, counted)
	}
	for i := range n {
		w.ref.Number = i + 1
		if card := w.card(); !strings.Contains(card, fmt.Sprintf("findings (%d)", commands-2-3)) {
			t.Errorf("incident %d lost findings:\n%s", i+1, card)
		}
		if labels := w.view().labels(); !slices.Contains(labels, "severity/critical") {
			t.Errorf("incident %d has the labels %v", i+1, labels)
		}
		reacted, times := 0, map[string]int{} // how often each marker is there
		for _, c := range w.list() {
			if !strings.HasSuffix(c.User.Login, "[bot]") && reactionsOf(c) != "" {
				reacted++
			}
			for _, m := range markedOnce.FindAllString(c.Body, -1) {
				times[m]++
			}
		}
		answers, pages := 0, 0
		for m, n := range times {
			if n > 1 {
				t.Errorf("incident %d: %s is there %d times", i+1, m, n)
			}
			if strings.Contains(m, "reply/") {
				answers++
			} else {
				pages++
			}
		}
		if reacted != commands && !isScarce || answers != 3 || pages == 0 {
			t.Errorf("incident %d: %d of %d commands have a reaction, %d of 3 questions are answered in words, %d mentions page", i+1, reacted, commands, answers, pages)
		}
	}
}

var markedOnce = regexp.MustCompile(`<!-- firebreak:did (?:reply|page)/\S+ -->`)
