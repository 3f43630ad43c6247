package engine_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// whole is the story of the README, from the form to the merged postmortem.
func whole(t testing.TB) string {
	t.Helper()
	story, err := os.ReadFile(filepath.Join("testdata", "scenarios", "C2-C5-a-whole-incident", "story.txt"))
	if err != nil {
		t.Fatal(err)
	}
	return string(story)
}

// tell plays a story without telling what the product did.
func (w *world) tell(story string) {
	w.t.Helper()
	for _, s := range steps(story) {
		w.step(s)
		w.settle()
	}
}

// everything is what people see of the incident: the issue, its comments, the tickets, the pull
// requests, what left.
func (w *world) everything() string {
	w.t.Helper()
	var out strings.Builder
	v := w.view()
	fmt.Fprintln(&out, v.State, v.Reason, v.labels(), v.assignees())
	for _, c := range w.list() {
		fmt.Fprintln(&out, c.User.Login, visible(c.Body), reactionsOf(c))
	}
	for _, path := range []string{"acme/incidents/issues?state=all", "acme/payments/issues?state=all",
		"acme/customer-globex/issues?state=all", "acme/incidents/pulls?state=all", "acme/incidents/branches"} {
		var all []map[string]any
		w.ok("alice", "GET", "/api/v3/repos/"+path, nil, &all)
		for _, one := range all {
			fmt.Fprintln(&out, path, one["number"], one["title"], one["state"], one["name"])
			if strings.HasPrefix(path, "acme/customer") {
				var read []commentView
				w.ok("alice", "GET", fmt.Sprintf("/api/v3/repos/acme/customer-globex/issues/%v/comments",
					one["number"]), nil, &read)
				for _, c := range read {
					fmt.Fprintln(&out, visible(c.Body))
				}
			}
		}
	}
	for _, e := range w.outbox() {
		fmt.Fprintln(&out, e)
	}
	return w.steady(out.String())
}

func TestA4EveryDeliveryAgainTwiceInAnyOrder(t *testing.T) {
	w := newWorld(t)
	w.tell(whole(t))
	before := w.everything()
	var all []struct{ ID int64 }
	w.as("", "GET", "/sandbox/deliveries", nil, &all)
	if len(all) < 20 {
		t.Fatalf("the story made %d deliveries", len(all))
	}
	all = append(all, all...)
	random := rand.New(rand.NewPCG(1, 2))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	w.calls()
	for _, d := range all {
		if status := w.as("", "POST", fmt.Sprintf("/sandbox/deliveries/%d/redeliver", d.ID), nil,
			nil); status != http.StatusOK {
			t.Fatalf("redelivering %d: %d", d.ID, status)
		}
	}
	w.settle()
	if calls := w.calls(); writes(calls) > 0 {
		t.Errorf("%d writes after every delivery came twice more: %+v", writes(calls), calls)
	}
	if d := cmp.Diff(before, w.everything()); d != "" {
		t.Errorf("changed (-before +after):\n%s", d)
	}
}

func TestA5ALostOrForgedCardComesBack(t *testing.T) {
	story := steps(whole(t))
	for _, harm := range []string{"alice deletes card", "alice tampers card"} {
		t.Run(harm, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for i, s := range story {
				w.step(s)
				w.settle()
				if i < 2 || i%3 != 0 {
					continue
				}
				before := w.card()
				w.tell(harm)
				if d := cmp.Diff(before, w.card()); d != "" {
					t.Fatalf("after %q, %s: the card is another (-before +after):\n%s", s.head, harm, d)
				}
				cards := 0
				for _, c := range w.list() {
					if strings.Contains(c.Body, "<!-- firebreak:card") {
						cards++
					}
				}
				if cards != 1 {
					t.Fatalf("after %q, %s: %d cards", s.head, harm, cards)
				}
			}
		})
	}
}

// A command that comes while the card is lost is newer than the label that the app set last.
func TestA5ALostCardKeepsNoCommandFromMovingThePhase(t *testing.T) {
	w := newWorld(t)
	for _, s := range steps(whole(t))[:4] {
		w.step(s)
		w.settle()
	}
	w.tell("carol: /ic phase investigate")
	w.advance(time.Minute)
	w.order(`{"drop_webhooks":1}`)
	w.tell("alice deletes card")
	w.comment("carol", "/ic phase fixing because it can't wait")
	w.settle()
	if labels := w.view().labels(); !slices.Contains(labels, "phase/fixing") {
		t.Errorf("the labels are %v, and the phase was moved to fixing", labels)
	}
}

func TestA3AReaderChangesNothing(t *testing.T) {
	w := newWorld(t)
	opening := steps(whole(t))
	for _, s := range opening[:5] {
		w.step(s)
		w.settle()
	}
	before, card := w.view(), w.card()
	for _, command := range []string{"/ic", "/oe", "/ic severity regular", "/ic update All is well",
		"/ic phase monitoring because I say so", "/ic close", "/oe finding nonsense", "/incident decline nothing there", "/incident note 10:00 nonsense"} {
		w.comment("mallory", command)
		w.settle()
	}
	after := w.view()
	if d := cmp.Diff(append(before.labels(), before.assignees()...),
		append(after.labels(), after.assignees()...)); d != "" {
		t.Errorf("labels or assignees changed:\n%s", d)
	}
	if d := cmp.Diff(card, w.card()); d != "" {
		t.Errorf("the card changed:\n%s", d)
	}
	for _, e := range w.outbox() {
		if e.Kind == "announce" {
			t.Errorf("a customer was told: %v", e)
		}
	}
}

func TestIrrelevantEventsAndTheAppsOwnCostNothing(t *testing.T) {
	w := newWorld(t)
	for _, s := range steps(whole(t))[:5] {
		w.step(s)
		w.settle()
	}
	w.calls()
	w.comment("bob", "I am looking at the graphs")
	w.ok("bob", "POST", w.issue()+"/labels", map[string][]string{"labels": {"bug"}}, nil)
	w.ok("bob", "POST", "/api/v3/repos/acme/platform/issues",
		map[string]string{"title": "Something else", "body": "/oe finding"}, nil)
	w.ok("bob", "POST", "/api/v3/repos/acme/platform/issues/1/comments", map[string]string{"body": "/ic"},
		nil)
	w.settle()
	if calls := w.calls(); len(calls) > 0 {
		t.Errorf("%d calls: %+v", len(calls), calls)
	}
}

// The card, and what the app says, hold no mention that wakes somebody twice; and one comment
// answers one.
func TestA1EachCommentIsAnsweredOnce(t *testing.T) {
	w := newWorld(t)
	w.tell(whole(t))
	var said []string
	for _, c := range w.list() {
		if !strings.HasSuffix(c.User.Login, "[bot]") {
			if n := len(strings.Fields(reactionsOf(c))); n != 1 {
				t.Errorf("%q got %d reactions", c.Body, n)
			}
			continue
		}
		said = append(said, c.Body)
	}
	slices.Sort(said)
	if n := len(slices.Compact(slices.Clone(said))); n != len(said) {
		t.Errorf("%d comments of %d say something that another says", len(said)-n, len(said))
	}
}

func TestV3I5TheOutboxHoldsEachOnce(t *testing.T) {
	w := newWorld(t)
	w.tell(whole(t))
	kinds := map[string]int{}
	keys := map[string]bool{}
	for _, e := range w.outbox() {
		kinds[e.Kind]++
		if keys[e.Key] {
			t.Errorf("%s twice", e.Key)
		}
		keys[e.Key] = true
	}
	if kinds["page"] != 1 || kinds["announce"] != 1 {
		t.Errorf("the outbox holds %v, want one page and one announcement", kinds)
	}
}
