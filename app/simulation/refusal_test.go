package simulation

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/sandbox/contract"
)

// denial is an operation that GitHub refuses: once, or until it is mended.
type denial struct {
	operation string // "POST /repos/{owner}/{repo}/issues/{issue_number}/labels"
	status    int
	isOnce    bool
	until     time.Time // zero: until it is mended
	isOfRead  bool      // whatever is read
	isByREST  bool      // the postmortem can't be published by GraphQL either
}

func (d denial) String() string {
	times := "for ever"
	if d.isOnce {
		times = "once"
	}
	if d.isByREST {
		times += " by REST"
	}
	return fmt.Sprintf("%s %d %s", strings.ReplaceAll(d.operation, "/repos/{owner}/{repo}", ""), d.status, times)
}

// publishing is what a pull request is made by in one call.
const publishing = "POST /graphql, to publish"

// operationOf names what a request does as GitHub's description does, and says with which statuses GitHub can refuse
// that. That description has no GraphQL. A query asks for what may be missing: tests of its own hold that.
func operationOf(req *http.Request) (operation string, statuses []int, err error) {
	if !strings.HasSuffix(req.URL.Path, "/graphql") {
		return contract.Refusals(req.Method, req.URL.EscapedPath())
	}
	text, err := io.ReadAll(req.Body)
	req.Body = io.NopCloser(bytes.NewReader(text))
	if err != nil || !bytes.Contains(text, []byte("createPullRequest")) {
		return "", nil, err
	}
	return publishing, []int{http.StatusForbidden}, nil
}

// deny returns the answer of a call that GitHub refuses, and whether it does. An update that does
// not reach a customer's issue is not made up for: whoever wrote it is told to reach them in
// another way (V3), which tests of its own hold.
func (n *network) deny(req *http.Request) (*http.Response, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.byREST {
		if operation, _, err := operationOf(req); err == nil && operation == publishing {
			return answer(req, http.StatusForbidden, nil, "GitHub does not want this"), true
		}
	}
	if n.denied == nil || !isRefusable(req) && !n.denied.isOfRead {
		return nil, false
	}
	if !n.denied.until.IsZero() && n.now().After(n.denied.until) {
		n.denied = nil
		return nil, false
	}
	operation, _, err := operationOf(req)
	if err != nil || operation != n.denied.operation {
		return nil, false
	}
	status := n.denied.status
	n.tell("refused with %d: %s %s", status, req.Method, req.URL.Path)
	n.denials++
	n.hidden = n.hidden || status == http.StatusNotFound && strings.Contains(req.URL.Path, "/contents/postmortems")
	if n.denied.isOnce {
		n.denied = nil
	}
	return answer(req, status, nil, "GitHub does not want this"), true
}

// isReadDenied reports whether GitHub refuses reads of a kind.
func (n *network) isReadDenied() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.denied != nil && strings.HasPrefix(n.denied.operation, "GET ") &&
		(n.denied.until.IsZero() || !n.now().After(n.denied.until))
}

// refusedStory goes through every kind of effect: pages, roles, labels, updates, answers, the
// postmortem with its check and its tickets, the customers' version, and reminders.
var refusedStory = func() []step {
	form := "### Summary\n\nCustomers get 502\n\n### Severity\n\ncritical\n\n### Customers impacted\n\nglobex\n\n### How did you learn of it?\n\nA call\n\n### Drill\n\n- [ ] This is a drill"
	story := []step{
		{who: "alice", verb: "opens", text: form},
		{wait: 6 * time.Minute, who: "carol", verb: "says", text: "/ic", name: "A/1"},
		{wait: time.Minute, who: "carol", verb: "says", text: "/ic phase investigate", name: "A/2"},
		{wait: time.Minute, who: "bob", verb: "says", text: "/ic close", name: "A/3"},
		{wait: time.Minute, who: "carol", verb: "says", text: "/ic update We look into it", name: "A/4"},
		{wait: time.Minute, who: "alice", verb: "says", text: "/oe cause A certificate ran out", name: "A/5"},
		{wait: time.Minute, who: "carol", verb: "says", text: "/ic phase fixing", name: "A/6"},
		{wait: time.Minute, who: "alice", verb: "says", text: "/oe workaround By hand", name: "A/7"},
		{wait: time.Minute, who: "alice", verb: "says", text: "/ic followup acme/payments Add a limit @erin due:2026-03-09", name: "A/8"},
		{wait: time.Minute, who: "carol", verb: "says", text: "/oe @bob", name: "A/9"},
		{wait: 3 * time.Minute, who: "carol", verb: "labels", text: "phase/monitoring"},
		{wait: time.Minute, who: "carol", verb: "says", text: "/ic update It works again", name: "A/10"},
		{wait: 30 * time.Minute, who: "carol", verb: "says", text: "/ic agree Gina, by phone", name: "A/11"},
		{wait: time.Minute, who: "carol", verb: "says", text: "/ic close", name: "A/12"},
		{wait: time.Minute, who: "carol", verb: "says", text: "/incident status", name: "A/13"},
		{wait: time.Minute, who: "carol", verb: "says", text: "/incident note it was Tuesday", name: "A/14"},
	}
	for i := range story {
		story[i].on = "Incident A"
		story[i].wait = odd(story[i].wait) + time.Duration(i)*grid
	}
	return story
}()

// refusedRun plays the story while GitHub refuses an operation, mends that, and lets the rest come
// to its end. It returns how it ended, and which commands had no answer within one look.
func refusedRun(t *testing.T, d *denial, isByREST bool, log io.Writer) (w *world, o outcome, unanswered []string) {
	return refusedRunLosing(t, d, isByREST, len(refusedStory)+1, log)
}

// refusedRunLosing is a refusedRun in which somebody deletes the card before a step; before the one after the last it
// is when GitHub takes everything again.
func refusedRunLosing(t *testing.T, d *denial, isByREST bool, lost int, log io.Writer) (w *world, o outcome,
	unanswered []string) {
	w = newWorld(t, 1, log)
	w.net.denied, w.net.byREST = d, isByREST
	for n, s := range refusedStory {
		if n == lost {
			w.loseCard("Incident A")
		}
		w.do(s)
		w.advance(4 * time.Second) // one look; a token that was renewed just now may be refused for three seconds
		if s.verb == "says" && !w.isAnswered(s.name) {
			unanswered = append(unanswered, s.name+" "+s.text)
		}
	}
	w.net.mu.Lock()
	w.net.denied = nil
	w.net.mu.Unlock()
	if lost == len(refusedStory) {
		w.loseCard("Incident A")
	}
	w.sweep()
	w.advance(10 * time.Minute)
	w.do(step{on: "Incident A", who: "carol", verb: "merges"})
	w.sweep()
	w.advance(10 * time.Minute)
	return w, w.outcome([]string{"Incident A"}), unanswered
}

// loseCard deletes the card of an incident, as somebody who may write can.
func (w *world) loseCard(title string) {
	w.t.Helper()
	for _, c := range list[comment](w, fmt.Sprintf("%s/issues/%d/comments", repository, w.number(title))) {
		if strings.Contains(c.Body, card.Marker) {
			w.net.tell("the card of %s is deleted", title)
			w.as("dan", "DELETE", fmt.Sprintf("%s/issues/comments/%d", repository, c.ID), nil, nil)
		}
	}
	w.advance(2 * time.Second)
}

// isAnswered reports whether a command has a reaction by the app, or words of its own.
func (w *world) isAnswered(name string) bool {
	w.t.Helper()
	id := w.comments[name]
	var words bool
	for _, c := range list[comment](w, fmt.Sprintf("%s/issues/%d/comments", repository, w.number("Incident A"))) {
		if c.ID == id && reactions(c) != "" {
			return true
		}
		words = words || strings.Contains(c.Body, fmt.Sprintf("reply/c%d", id)) || strings.Contains(c.Body, fmt.Sprintf("reaction/%d -->", id))
	}
	return words
}

// TestA8RefusalsWedgeNothing lets GitHub refuse every operation by which the product writes, with
// every 4xx of GitHub's description, once and until it is mended: each command is answered within
// one look, people are paged and customers told as without it, and after mending all ends the same,
// with nothing done twice.
func TestA8RefusalsWedgeNothing(t *testing.T) {
	_, want, unanswered := refusedRun(t, nil, false, io.Discard)
	if len(want.wrong)+len(unanswered) > 0 {
		t.Fatalf("without refusals: %v, unanswered %v", want.wrong, unanswered)
	}
	denials := []denial{{operation: publishing, status: http.StatusForbidden, isOnce: true},
		{operation: publishing, status: http.StatusForbidden}}
	tried := map[string]bool{}
	for _, isByREST := range []bool{false, true} {
		calm, got, _ := refusedRun(t, nil, isByREST, io.Discard)
		if difference := differ(want.same["Incident A"], got.same["Incident A"]); difference != "" {
			t.Fatalf("by REST it ends in another way:\n%s", difference)
		}
		for _, request := range calm.net.written {
			method, path, _ := strings.Cut(request, " ")
			if strings.HasSuffix(path, "/graphql") {
				continue
			}
			operation, statuses, err := contract.Refusals(method, path)
			if err != nil {
				t.Fatal(err)
			}
			for _, status := range statuses {
				key := fmt.Sprint(operation, status)
				if tried[key] {
					continue
				}
				tried[key] = true
				for _, isOnce := range []bool{true, false} {
					denials = append(denials, denial{operation: operation, status: status, isOnce: isOnce, isByREST: isByREST})
				}
			}
		}
	}
	if len(denials) < 60 {
		t.Errorf("only %d refusals to try", len(denials))
	}
	step := 1
	switch {
	case testing.Short():
		step = 25 // under the race detector each takes ten times as long
	case *seeds == defaultSeeds:
		step = 3 // once and until it is mended take turns; -seeds with any other number plays all
	}
	for i, d := range denials {
		if i%step != 0 {
			continue
		}
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			var log strings.Builder
			w, got, unanswered := refusedRun(t, &d, d.isByREST, &log)
			if w.net.denials == 0 {
				t.Fatal("nothing was refused")
			}
			var failed strings.Builder
			for _, line := range got.wrong {
				fmt.Fprintln(&failed, line)
			}
			for _, line := range unanswered {
				fmt.Fprintln(&failed, "no answer within one look:", line)
			}
			for _, title := range []string{"Incident A", ""} {
				if difference := differ(want.same[title], got.same[title]); difference != "" {
					fmt.Fprintf(&failed, "not as without refusals (-want +got):\n%s", difference)
				}
			}
			if failed.Len() > 0 {
				t.Errorf("%s\nthe refusals:\n%s", failed.String(), strings.Join(w.net.told, "\n"))
			}
		})
	}
}

// TestA8RefusalsThoughTheCardIsLost does so while somebody deletes the card: what is to be tried again must not be known
// to the card alone.
func TestA8RefusalsThoughTheCardIsLost(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector sees the same in TestA8RefusalsWedgeNothing")
	}
	step, tries := 1, 0
	if *seeds == defaultSeeds {
		step = 20
	}
	for _, lost := range []int{6, 11, len(refusedStory)} {
		calm, want, _ := refusedRunLosing(t, nil, true, lost, io.Discard)
		if len(want.wrong) > 0 || len(calm.net.told) != 1 { // the card's loss
			t.Fatalf("without refusals: %v; %v", want.wrong, calm.net.told)
		}
		want.unreacted("Incident A")
		tried := map[string]bool{}
		for _, request := range calm.net.written {
			method, path, _ := strings.Cut(request, " ")
			operation, statuses, err := contract.Refusals(method, path)
			if strings.HasSuffix(path, "/graphql") || tried[operation] {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			tried[operation] = true
			for _, status := range statuses {
				if tries++; tries%step == 0 {
					d := denial{operation: operation, status: status, isByREST: true}
					t.Run(fmt.Sprintf("%d %s", lost, d), func(t *testing.T) { d.trySo(t, lost, want) })
				}
			}
		}
	}
}

// trySo plays the story with a refusal and without the card, and compares how it ends.
func (d denial) trySo(t *testing.T, lost int, want outcome) {
	t.Parallel()
	w, got, _ := refusedRunLosing(t, &d, d.isByREST, lost, io.Discard)
	if w.net.denials == 0 {
		t.Fatal("nothing was refused")
	}
	got.unreacted("Incident A")
	failed := slices.Clone(got.wrong)
	for _, title := range []string{"Incident A", ""} {
		if difference := differ(want.same[title], got.same[title]); difference != "" {
			failed = append(failed, "not as without refusals (-want +got):\n"+difference)
		}
	}
	if len(failed) > 0 {
		t.Errorf("%s\nthe refusals:\n%s", strings.Join(failed, "\n"), strings.Join(w.net.told, "\n"))
	}
}
