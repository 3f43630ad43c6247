package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What GitHub could not deliver, and what it lost without a trace, is found by the sweep, once.
func TestA4TheSweepFindsWhatWasLost(t *testing.T) {
	w := newWorld(t)
	story := steps(whole(t))
	for _, s := range story[:5] {
		w.step(s)
		w.settle()
	}
	sweep := func() {
		t.Helper()
		if err := w.product.Sweep(context.Background(), began.Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
		w.settle()
	}
	w.stop() // deliveries fail from now on
	w.follower.Server = nil
	w.comment("alice", "/oe finding While it was down")
	w.settle()
	w.start()
	w.settle()
	if strings.Contains(w.card(), "findings (1)") {
		t.Fatal("the finding is known before the sweep")
	}
	sweep()
	if !strings.Contains(w.card(), "findings (1)") {
		t.Error("the failed delivery is not redelivered")
	}
	w.order(`{"drop_webhooks":1}`)
	w.comment("alice", "/oe finding Nobody heard this")
	w.settle()
	sweep()
	if !strings.Contains(w.card(), "findings (2)") {
		t.Error("the lost delivery is not made up for")
	}
	w.calls()
	sweep()
	if calls := w.calls(); writes(calls) > 0 {
		t.Errorf("a sweep with nothing lost writes: %+v", calls)
	}
	sweep()
	for _, c := range w.calls() {
		if strings.Contains(c.Path, "/issues/1") && c.Status != 304 {
			t.Errorf("what has not changed is asked for without its ETag: %+v", c)
		}
	}
}

// A declaration of which the product hears an hour later is not an old one: its people are paged, and
// its commands answered.
func TestA4I4ADeclarationHeardLateIsPaged(t *testing.T) {
	w := newWorld(t)
	w.order(`{"drop_webhooks":20}`)
	w.step(step{head: `alice opens "The API is down"`, body: []string{"Summary: Customers get 502",
		"Severity: critical", "Customers impacted: globex"}})
	w.comment("bob", "/ic sevrity critical")
	w.advance(time.Hour)
	if len(w.outbox()) > 0 || len(w.list()) > 1 {
		t.Fatal("the product knows already")
	}
	if err := w.product.Sweep(context.Background(), began.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if len(w.outbox()) == 0 {
		t.Error("nobody is paged")
	}
	replies := 0
	for _, c := range w.list() {
		if strings.Contains(c.Body, "firebreak:did reply/") {
			replies++
		}
	}
	if replies != 1 {
		t.Errorf("%d replies to the misspelt command", replies)
	}
}

// A merge is not an item of the incident's timeline: it counts however late it is heard of, and
// whatever was said in between.
func TestC3C5AMergeHeardLateCounts(t *testing.T) {
	w := newWorld(t)
	story := steps(whole(t))
	for _, s := range story[:len(story)-1] {
		w.step(s)
		w.settle()
	}
	w.order(`{"drop_webhooks":20}`)
	w.step(story[len(story)-1])
	w.settle()
	w.as("", "DELETE", "/sandbox/faults", nil, nil)
	w.advance(10 * time.Minute)
	w.comment("carol", "/incident note 10:50 It was the certificate")
	w.settle()
	if slices.Contains(w.view().labels(), "postmortem/merged") {
		t.Fatal("the product knows already")
	}
	if err := w.product.Sweep(context.Background(), began.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if !slices.Contains(w.view().labels(), "postmortem/merged") {
		t.Errorf("the labels are %v after the merge was heard of", w.view().labels())
	}
}

// A merge is told by one webhook: where GitHub refuses to show the pull request just then, also for
// longer, it is read again until it can be, and nobody needs to come back (A4, C3).
func TestC3A4AMergeThatCantBeReadIsReadAgain(t *testing.T) {
	skipUnderRace(t)
	w := newWorld(t)
	story := steps(whole(t))
	for _, s := range story[:len(story)-1] {
		w.step(s)
		w.settle()
	}
	w.order(`{"match":"GET .*/pulls/\\d+$","status":404,"count":10}`)
	w.step(story[len(story)-1])
	w.settle()
	if slices.Contains(w.view().labels(), "postmortem/merged") {
		t.Fatal("the product knows already")
	}
	w.advance(2 * time.Hour)
	w.settle()
	if !slices.Contains(w.view().labels(), "postmortem/merged") {
		t.Errorf("the labels are %v after the merge could be read", w.view().labels())
	}
}

// A command that was edited before the product read anything of the incident is asked for again, as
// any other is.
func TestA1A4ACommandEditedBeforeTheFirstLookIsAskedForAgain(t *testing.T) {
	w := newWorld(t)
	w.order(`{"drop_webhooks":20}`)
	w.step(step{head: `alice opens "The API is down"`, body: []string{"Summary: Customers get 502",
		"Severity: regular", "Customers impacted: globex"}})
	w.comment("carol", "/ic")
	w.advance(time.Minute)
	w.step(step{head: "carol edits 1: /ic", body: []string{"", "Thanks"}})
	w.as("", "DELETE", "/sandbox/faults", nil, nil)
	w.comment("alice", "/oe finding The disk is full")
	w.settle()
	asked := 0
	for _, c := range w.list() {
		if strings.Contains(c.Body, "edited this comment before I read it") {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("%d times carol is asked to write her command again", asked)
	}
}

// A merge that comes while the look that opened the pull request is still to be made again counts
// too.
func TestC3C5AMergeBeforeThePullRequestIsNotedCounts(t *testing.T) {
	w := newWorld(t)
	story := steps(whole(t))
	for _, s := range story[:len(story)-2] {
		w.step(s)
		w.settle()
	}
	w.order(`{"match":"PATCH .*/issues/1$","status":502,"count":1}`)
	w.tell("carol closes\ncarol merges\nwait 1m")
	if !slices.Contains(w.view().labels(), "postmortem/merged") {
		t.Errorf("the labels are %v after the merge", w.view().labels())
	}
}

// With no webhook at all the sweep alone runs an incident, only later: all that people see in the
// end is the same.
func TestA4TheSweepAloneRunsAnIncident(t *testing.T) {
	skipUnderRace(t)
	t.Parallel()
	heard, swept := newWorld(t), newWorld(t)
	heard.tell(whole(t))
	swept.deaf = true
	for _, s := range steps(whole(t)) {
		swept.step(s)
		if err := swept.product.Sweep(context.Background(), began.Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
		swept.settle()
	}
	if d := cmp.Diff(heard.everything(), swept.everything()); d != "" {
		t.Errorf("not as with webhooks (-want +got):\n%s", d)
	}
}

// Somebody who was asked for is paged however late that is heard of, and although the card was lost
// since.
func TestA4I5AnEscalationHeardAfterTheCardWasLostIsPaged(t *testing.T) {
	w := newWorld(t)
	for _, s := range steps(whole(t))[:5] {
		w.step(s)
		w.settle()
	}
	before := len(w.outbox())
	w.stop()
	w.follower.Server = nil
	w.comment("carol", "/ic escalate nobody here knows the network")
	w.advance(30 * time.Minute)
	w.tell("carol deletes card")
	w.start()
	if err := w.product.Sweep(context.Background(), began.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	w.settle()
	asked := 0
	for _, s := range w.outbox()[before:] {
		if strings.Contains(s.Text, "nobody here knows the network") {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("paged %d times for what carol asks", asked)
	}
}

// A card that is lost after the end is built again with the end in its place: what was said to a
// closed incident still counts for nothing, and one that was reopened stays open.
func TestC5ACardLostAfterTheEndKnowsOfIt(t *testing.T) {
	w := newWorld(t)
	w.tell(whole(t))
	w.tell("wait 5m\nalice: /oe finding Too late for this one\nwait 1m\nerin reopens\nwait 1m")
	before := w.view()
	if before.State != "open" || strings.Contains(w.card(), "Too late") {
		t.Fatalf("the incident is %s, its card\n%s", before.State, w.card())
	}
	w.tell("dan deletes card\nwait 1m")
	after := w.view()
	if after.State != "open" || !slices.Equal(after.labels(), before.labels()) {
		t.Errorf("%s %v before the card was lost, %s %v after", before.State, before.labels(), after.State,
			after.labels())
	}
	if strings.Contains(w.card(), "Too late") {
		t.Errorf("what was said after the end counts:\n%s", w.card())
	}
}

// An update that opened the customer's issue is not said there again when the card is lost before
// the look could note it.
func TestV1A5AFirstUpdateIsSaidOnceThoughTheCardIsLost(t *testing.T) {
	w := newWorld(t)
	w.tell("alice opens \"The API is down\"\n  Summary: Customers get 502\n  Severity: critical\n  Customers impacted: globex\ncarol: /ic")
	w.settle()
	w.order(`{"match":"POST .*/reactions$","status":502,"count":1}`)
	w.comment("carol", "/ic update We know what it is")
	w.tell("dan deletes card\nwait 1m")
	said := 0
	var issues []struct {
		Number int
		Body   string
	}
	w.ok("alice", "GET", "/api/v3/repos/acme/customer-globex/issues", nil, &issues)
	for _, i := range issues {
		said += strings.Count(i.Body, "We know what it is")
		var comments []struct{ Body string }
		w.ok("alice", "GET", fmt.Sprintf("/api/v3/repos/acme/customer-globex/issues/%d/comments", i.Number),
			nil, &comments)
		for _, c := range comments {
			said += strings.Count(c.Body, "We know what it is")
		}
	}
	if said != 1 {
		t.Errorf("the customer reads it %d times", said)
	}
}
