package engine_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/templates"
)

// merge merges a pull request with one changed file into a repository, and returns its number.
func (w *world) merge(who, repo, title, path, content string) int {
	w.t.Helper()
	number := w.propose(who, repo, title, path, content)
	w.ok(who, "PUT", fmt.Sprintf("/api/v3/repos/%s/pulls/%d/merge", repo, number), map[string]string{}, nil)
	return number
}

// propose opens a pull request that changes a file, and returns its number.
func (w *world) propose(who, repo, title, path, content string) int {
	w.t.Helper()
	api := "/api/v3/repos/" + repo
	var tip struct{ Object struct{ SHA string } }
	w.ok(who, "GET", api+"/git/ref/heads/main", nil, &tip)
	branch := strings.ReplaceAll(strings.ToLower(title), " ", "-")
	w.ok(who, "POST", api+"/git/refs", map[string]string{"ref": "refs/heads/" + branch, "sha": tip.Object.SHA}, nil)
	var before struct{ SHA string } // empty: it is a new file
	w.as(who, "GET", api+"/contents/"+path+"?ref="+branch, nil, &before)
	change := map[string]string{"message": title, "branch": branch,
		"content": base64.StdEncoding.EncodeToString([]byte(content))}
	if before.SHA != "" {
		change["sha"] = before.SHA
	}
	w.ok(who, "PUT", api+"/contents/"+path, change, nil)
	var pull struct{ Number int }
	w.ok(who, "POST", api+"/pulls", map[string]string{"title": title, "head": branch, "base": "main"}, &pull)
	return pull.Number
}

// changesComments returns the comments that list what changed.
func (w *world) changesComments() (all []string) {
	for _, c := range w.list() {
		if strings.Contains(c.Body, "What changed before") || strings.Contains(c.Body, "I see nothing that changed") {
			all = append(all, visible(c.Body))
		}
	}
	return all
}

// What was merged before the start is listed once somebody confirms that it is critical, in one
// comment that is edited in place, and its first lines are on the card (X1).
func TestX1ChangesAreListedOnceCritical(t *testing.T) {
	skipUnderRace(t)
	w := newWorld(t)
	limits := w.merge("erin", "acme/payments", "Lower memory limits", "deploy/payments.yaml", "memory: 256Mi\n")
	w.advance(3 * time.Minute)
	w.merge("bob", "acme/platform", "Reword the handbook", "docs/handbook.md", "Be kind.\n")
	w.advance(5 * time.Minute)
	w.act("mallory", "opens", `"payments runs out of memory"`, []string{"Summary: pods restart", "Severity: critical"})
	w.settle()
	if said := w.changesComments(); len(said) != 0 {
		t.Fatalf("nobody has confirmed it, and changes are listed: %q", said)
	}
	for _, c := range w.calls() {
		if strings.Contains(c.Path, "graphql") {
			t.Fatalf("changes are read for what nobody has confirmed: %+v", c)
		}
	}
	w.comment("carol", "/ic severity critical")
	w.settle()

	ref := fmt.Sprintf("acme/payments#%d", limits)
	said := w.changesComments()
	if len(said) != 1 || !strings.Contains(said[0], "1. [acme/payments\\#") || !strings.Contains(said[0], "Lower memory limits") ||
		!strings.Contains(said[0], "deploy/payments.yaml") || !strings.Contains(said[0], "merged 8 min before the start") {
		t.Fatalf("the list: %q", said)
	}
	if strings.Contains(said[0], "@erin") {
		t.Errorf("who merged it is mentioned: %s", said[0])
	}
	if card := w.card(); !strings.Contains(card, "suspect: [acme/payments") {
		t.Errorf("the card does not name it:\n%s", card)
	}

	w.comment("alice", "/oe")
	w.comment("alice", "/oe clear "+ref+" it was rolled back at once")
	w.settle()
	said = w.changesComments()
	if len(said) != 1 || strings.Contains(said[0], "Lower memory limits") || !strings.Contains(said[0], "Reword the handbook") {
		t.Errorf("the list without what was cleared: %q", said)
	}
	if card := w.card(); strings.Contains(card, "suspect: [acme/payments") ||
		!strings.Contains(card, "is not the cause: it was rolled back at once") {
		t.Errorf("the card after it was cleared:\n%s", card)
	}
}

// Whoever asks gets an answer, also that there is nothing; and nobody is told of an empty list who
// did not ask (X1).
func TestX1WhoAsksForChangesIsAnswered(t *testing.T) {
	skipUnderRace(t)
	w := newWorld(t)
	w.tell("alice opens \"Checkout fails\"")
	w.comment("carol", "/incident regular checkout fails")
	w.settle()
	if said := w.changesComments(); len(said) != 0 {
		t.Errorf("listed though nobody asked: %q", said)
	}
	for _, c := range w.calls() {
		if strings.Contains(c.Path, "graphql") {
			t.Errorf("read though nobody asked: %+v", c)
		}
	}
	w.comment("carol", "/incident changes since 3d")
	w.settle()
	if said := w.changesComments(); len(said) != 1 || !strings.Contains(said[0], "I see nothing that changed between") {
		t.Errorf("the answer: %q", said)
	}
	for _, wrong := range []string{"/incident changes since tomorrow", "/incident changes were made", "/incident changes since 400h",
		"/oe clear 41", "/oe clear acme/payments#41"} {
		w.comment("carol", wrong)
		w.settle()
		all := w.list()
		if last := all[len(all)-1]; last.User.Login == "carol" {
			t.Errorf("%s gets no answer", wrong)
		}
	}
}

// While GitHub does not answer what changed, nothing else waits, and the list comes later (X1, A8).
func TestX1ChangesComeLaterWhenGitHubIsOut(t *testing.T) {
	skipUnderRace(t)
	w := newWorld(t)
	w.merge("erin", "acme/payments", "Lower memory limits", "deploy/payments.yaml", "memory: 256Mi\n")
	w.advance(time.Minute)
	w.order(`{"match":"POST .*graphql$","status":502,"count":2}`)
	w.tell("alice opens \"payments restart\"")
	w.comment("carol", "/incident critical payments restart")
	w.settle()
	if said := w.changesComments(); len(said) != 0 {
		t.Errorf("listed without an answer: %q", said)
	}
	if v := w.view(); !strings.Contains(strings.Join(v.labels(), " "), "severity/critical") {
		t.Errorf("the rest waited: %v", v.labels())
	}
	w.advance(time.Minute)
	w.advance(2 * time.Minute)
	if said := w.changesComments(); len(said) != 1 {
		t.Errorf("the list after the outage: %q", said)
	}
}

// A span counts back from the start of the impact, however late somebody asks, and a time after the
// start gets words: what came later is not the cause. Several repositories are searched at once (X1).
func TestX1SinceCountsFromTheStart(t *testing.T) {
	skipUnderRace(t)
	w := newWorld(t)
	w.merge("erin", "acme/payments", "Lower memory limits", "deploy/payments.yaml", "memory: 256Mi\n")
	w.merge("bob", "acme/platform", "Reword the handbook", "docs/handbook.md", "Be kind.\n")
	w.advance(10 * time.Minute)
	w.tell("alice opens \"payments restarts\"")
	w.comment("alice", "/incident regular payments restarts")
	w.advance(3 * time.Hour)
	w.comment("alice", "/incident changes since 1h")
	w.settle()
	said := w.changesComments()
	if len(said) != 1 || !strings.Contains(said[0], "Lower memory limits") || !strings.Contains(said[0], "Reword the handbook") {
		t.Errorf("an hour before the start: %q", said)
	}
	w.comment("alice", "/incident changes since 1h acme/payments, acme/web")
	w.settle()
	if said = w.changesComments(); len(said) != 1 || !strings.Contains(said[0], "Lower memory limits") ||
		strings.Contains(said[0], "Reword the handbook") {
		t.Errorf("of two repositories: %q", said)
	}
	w.comment("alice", "/incident changes since 13:00")
	w.settle()
	if w.heard("that is not before the start, 10:50 UTC") != 1 {
		t.Errorf("a time after the start: %s", w.everything())
	}
}

// The list is there within ten seconds of the confirmation where each call takes 250 ms: all calls
// until then, one after the other, are 40 at most. The reads of one search are ten at most (X1).
func TestX1TheListTakesFewCalls(t *testing.T) {
	skipUnderRace(t)
	w := newWorldWith(t, map[string]map[string]string{"acme/incidents": templates.Repository()},
		func(o *sandbox.Options) { o.Morning = true })
	w.tell("alice opens \"payments restarts\"")
	w.settle()
	w.calls()
	w.comment("alice", "/incident critical payments pods are OOMKilled")
	w.settle()
	queries, calls := 0, w.calls()
	for _, c := range calls {
		if strings.Contains(c.Path, "graphql") || strings.Contains(c.Path, "/search/") || strings.Contains(c.Path, "/deployments") {
			queries++
		}
	}
	t.Logf("%d calls, %d of them read for the lists", len(calls), queries)
	if len(w.changesComments()) != 1 || len(calls) > 40 || queries > 10 {
		t.Errorf("%d calls, %d of them read for the lists: %q", len(calls), queries, w.changesComments())
	}
}

// A card that is written again has the list again, in the comment that is there (X1, A4).
func TestX1ALostCardStillHasItsList(t *testing.T) {
	skipUnderRace(t)
	w := newWorld(t)
	w.merge("erin", "acme/payments", "Lower memory limits", "deploy/payments.yaml", "memory: 256Mi\n")
	w.advance(time.Minute)
	w.tell("alice opens \"payments restart\"")
	w.comment("carol", "/incident critical payments restart")
	w.settle()
	w.advance(time.Hour) // what was posted then is not in any memory any more
	w.tell("alice deletes card")
	w.settle()
	if card := w.card(); !strings.Contains(card, "suspect: [acme/payments") || len(w.changesComments()) != 1 {
		t.Errorf("the card that was written again:\n%s\n%q", card, w.changesComments())
	}
}
