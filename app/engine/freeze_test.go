package engine_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/templates"
)

// freezable names what may be frozen.
const freezable = "\nfreeze: { repositories: [acme/payments] }\n"

// newWorldOfFreezes has two pull requests of acme/payments, and an App that has what a freeze needs; or less.
func newWorldOfFreezes(t *testing.T, permissions map[string]string) *world {
	files := maps.Clone(templates.Repository())
	files[config.Path] += freezable
	w := newWorldWith(t, map[string]map[string]string{"acme/incidents": files}, func(o *sandbox.Options) {
		o.App.Permissions = permissions
	})
	for n, name := range []string{"fix", "other"} {
		w.openPull(name, n+1)
	}
	w.tell("alice opens \"payments restarts\"")
	w.comment("alice", "/incident critical payments restarts")
	w.comment("carol", "/ic")
	w.settle()
	return w
}

var allOfFreeze = map[string]string{"administration": "write", "statuses": "write"}

// openPull opens a pull request of acme/payments with a file of its own.
func (w *world) openPull(name string, number int) {
	w.t.Helper()
	const repo = "/api/v3/repos/acme/payments"
	var main struct{ Object struct{ SHA string } }
	w.ok("erin", "GET", repo+"/git/ref/heads/main", nil, &main)
	w.ok("erin", "POST", repo+"/git/refs", map[string]string{"ref": "refs/heads/" + name, "sha": main.Object.SHA}, nil)
	w.pushTo(name, name+".txt")
	var pull struct{ Number int }
	w.ok("erin", "POST", repo+"/pulls", map[string]string{"title": name, "head": name, "base": "main"}, &pull)
	if pull.Number != number {
		w.t.Fatalf("the pull request is %d", pull.Number)
	}
}

func (w *world) pushTo(branch, file string) {
	w.t.Helper()
	w.ok("erin", "PUT", "/api/v3/repos/acme/payments/contents/"+file, map[string]string{"message": file, "branch": branch,
		"content": base64.StdEncoding.EncodeToString([]byte(file))}, nil)
}

// merges returns how GitHub answers to a merge into acme/payments.
func (w *world) merges(number int) int {
	w.t.Helper()
	return w.as("erin", "PUT", fmt.Sprintf("/api/v3/repos/acme/payments/pulls/%d/merge", number), map[string]string{}, nil)
}

// rulesets returns the names of the rulesets of acme/payments.
func (w *world) rulesets() (names []string) {
	w.t.Helper()
	var all []struct{ Name, Enforcement string }
	w.ok("erin", "GET", "/api/v3/repos/acme/payments/rulesets", nil, &all)
	for _, s := range all {
		names = append(names, s.Name)
	}
	return names
}

// The story of the issue: freeze, let the fix through, thaw; whatever is lost on the way (X4).
func TestX4AFreezeHoldsAllButTheFix(t *testing.T) {
	skipUnderRace(t)
	for name, fault := range map[string]string{
		"":                           "",
		"the answer is lost":         `{"match":"POST .*/rulesets$","status":502,"count":1,"applied":true}`,
		"the request is lost":        `{"match":"POST .*/rulesets$","status":502,"count":1}`,
		"the end is lost":            `{"match":"DELETE .*/rulesets/.*","status":502,"count":2}`,
		"the end's answer is lost":   `{"match":"DELETE .*/rulesets/.*","status":502,"count":1,"applied":true}`,
		"the end is refused first":   `{"match":"DELETE .*/rulesets/.*","status":403,"count":1}`,
		"the exception is lost":      `{"match":"POST .*/statuses/.*","status":502,"count":1}`,
		"the card is not taken":      `{"match":"PATCH .*/issues/comments/.*","status":502,"count":2}`,
		"the list is lost for a bit": `{"match":"GET .*/rulesets\\?.*","status":502,"count":3}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldOfFreezes(t, allOfFreeze)
			if fault != "" {
				w.order(fault)
			}
			w.comment("carol", "/ic freeze all the rollback must not meet other changes")
			w.settle()
			w.advance(30 * time.Second)
			w.advance(30 * time.Second)
			if got := w.merges(2); got != http.StatusMethodNotAllowed || len(w.rulesets()) != 1 || w.heard("is frozen: GitHub refuses merges") != 1 {
				t.Fatalf("merging answers %d, rulesets %q\n%s", got, w.rulesets(), w.everything())
			}
			if !strings.Contains(w.card(), "| Frozen |") {
				t.Errorf("the card:\n%s", w.card())
			}
			w.comment("carol", "/ic let acme/payments#1 through because it is the fix")
			w.settle()
			w.advance(time.Minute)
			if got := w.merges(1); got != http.StatusOK || w.heard("acme/payments#1 may be merged as it is") != 1 {
				t.Errorf("merging the fix answers %d\n%s", got, w.everything())
			}
			if got := w.merges(2); got != http.StatusMethodNotAllowed {
				t.Errorf("merging the other answers %d", got)
			}
			w.comment("carol", "/ic thaw")
			w.settle()
			for range 4 {
				w.advance(time.Minute)
			}
			if got := w.merges(2); got != http.StatusOK || len(w.rulesets()) != 0 || w.heard("is open for merges again") != 1 {
				t.Errorf("merging answers %d, rulesets %q\n%s", got, w.rulesets(), w.everything())
			}
		})
	}
}

// What was pushed after an exception needs another one; a freeze that is prolonged stays one ruleset; two incidents
// freeze one repository, and each ends its own.
func TestX4AFreezeIsOfOneIncidentAndOneCommit(t *testing.T) {
	skipUnderRace(t)
	w := newWorldOfFreezes(t, allOfFreeze)
	w.comment("carol", "/ic freeze acme/payments for 1h")
	w.comment("carol", "/ic let acme/payments#1 through because it is the fix")
	w.settle()
	w.pushTo("fix", "more.txt")
	if got := w.merges(1); got != http.StatusMethodNotAllowed {
		t.Errorf("merging what was pushed later answers %d", got)
	}
	w.comment("carol", "/ic freeze acme/payments for 3h")
	w.settle()
	if names := w.rulesets(); len(names) != 1 || !strings.HasPrefix(names[0], "firebreak freeze of acme/incidents#1/1 until ") {
		t.Errorf("rulesets %q", names)
	}
	w.tell("bob opens \"search is slow\"")
	w.ref.Number = 2
	w.comment("bob", "/incident critical search is slow")
	w.comment("carol", "/ic")
	w.comment("carol", "/ic freeze all")
	w.settle()
	if names := w.rulesets(); len(names) != 2 {
		t.Errorf("rulesets %q", names)
	}
	w.comment("carol", "/ic thaw")
	w.settle()
	if got, names := w.merges(2), w.rulesets(); got != http.StatusMethodNotAllowed || len(names) != 1 {
		t.Errorf("merging answers %d, rulesets %q", got, names)
	}
	w.ref.Number = 1
	w.advance(3*time.Hour + time.Minute)
	if got, names := w.merges(2), w.rulesets(); got != http.StatusOK || len(names) != 0 {
		t.Errorf("after its time merging answers %d, rulesets %q", got, names)
	}
}

// Without the permission for rulesets what waits is marked, without any the people are asked, and the answer says so;
// the marks don't stay.
func TestX4AWeakerFreezeSaysSo(t *testing.T) {
	skipUnderRace(t)
	for says, permissions := range map[string]map[string]string{
		"is frozen by a status on the pull requests": {"statuses": "write"},
		"GitHub does not hold merges into":           {},
	} {
		w := newWorldOfFreezes(t, permissions)
		if err := w.sandbox.SetState([]byte(`{"auto_merge":"acme/payments#2"}`)); err != nil {
			t.Fatal(err)
		}
		w.comment("carol", "/ic freeze all")
		w.settle()
		if w.heard(says) != 1 || w.heard("firebreak setup --with freeze") != 1 {
			t.Errorf("it says %s", w.everything())
		}
		want := "pending"
		if len(permissions) == 0 {
			want = ""
		}
		if got := w.status(2); got != want {
			t.Errorf("the status is %q", got)
		}
		if !strings.Contains(w.card(), "1 merge waits") {
			t.Errorf("the card:\n%s", w.card())
		}
		w.comment("carol", "/ic thaw")
		w.settle()
		if got := w.status(2); got == "pending" || w.heard("is open for merges again") != 1 {
			t.Errorf("after its end the status is %q, it says %s", got, w.everything())
		}
	}
}

// status returns what the App says of a pull request of acme/payments.
func (w *world) status(number int) string {
	w.t.Helper()
	var pull struct{ Head struct{ SHA string } }
	w.ok("erin", "GET", fmt.Sprintf("/api/v3/repos/acme/payments/pulls/%d", number), nil, &pull)
	var all struct {
		Statuses []struct{ State, Context string }
	}
	w.ok("erin", "GET", "/api/v3/repos/acme/payments/commits/"+pull.Head.SHA+"/status", nil, &all)
	for _, s := range all.Statuses {
		if strings.HasPrefix(s.Context, "firebreak/freeze ") {
			return s.State
		}
	}
	return ""
}

// GitHub's list of rulesets is behind, and the answer that one was made is lost: it stays one ruleset, and nothing weaker
// is tried (X4).
func TestX4ARulesetIsMadeOnceThoughTheListIsBehind(t *testing.T) {
	skipUnderRace(t)
	w := newWorldOfFreezes(t, allOfFreeze)
	w.order(`{"match":"GET .*/rulesets.*","lag":"2m"}`)
	w.order(`{"match":"POST .*/rulesets$","status":502,"count":1,"applied":true}`)
	w.comment("carol", "/ic freeze acme/payments for 2h")
	w.settle()
	for range 4 {
		w.advance(time.Minute)
	}
	w.as("", "DELETE", "/sandbox/faults", nil, nil)
	w.advance(time.Hour)
	if len(w.rulesets()) != 1 || w.heard("is frozen: GitHub refuses merges") != 1 || strings.Contains(w.card(), "**trouble**") {
		t.Errorf("rulesets %q, the card:\n%s\n%s", w.rulesets(), w.card(), w.everything())
	}
}

// Two processes made a ruleset each, of two ends, since GitHub's list was behind: the freeze goes on by the one whose end
// is right, and ends with both (X4).
func TestX4TwoRulesetsOfOneFreeze(t *testing.T) {
	skipUnderRace(t)
	w := newWorldOfFreezes(t, allOfFreeze)
	w.comment("carol", "/ic freeze acme/payments for 1h")
	w.settle()
	first, ok := ports.ReadFreeze(w.rulesets()[0])
	if !ok {
		t.Fatalf("rulesets %q", w.rulesets())
	}
	first.Until = first.Until.Add(time.Hour)
	if err := w.sandbox.Add(sandbox.Person{Login: "ruth",
		Roles: map[string]sandbox.Role{"acme/payments": sandbox.RoleAdmin}}); err != nil {
		t.Fatal(err)
	}
	w.ok("ruth", "POST", "/api/v3/repos/acme/payments/rulesets", map[string]any{"name": first.Name(),
		"target": "branch", "enforcement": "active"}, nil)
	w.comment("carol", "/ic freeze acme/payments for 2h")
	w.settle()
	if w.heard("GitHub refuses it") != 0 || strings.Contains(w.card(), "**trouble**") || len(w.rulesets()) != 2 {
		t.Errorf("rulesets %q, the card:\n%s\n%s", w.rulesets(), w.card(), w.everything())
	}
	w.comment("carol", "/ic thaw")
	w.settle()
	w.advance(time.Minute)
	if got := w.merges(2); got != http.StatusOK || len(w.rulesets()) != 0 {
		t.Errorf("merging answers %d, rulesets %q", got, w.rulesets())
	}
}

// What somebody does to the ruleset by hand is told and counts; what somebody may not freeze is refused.
func TestX4ByHand(t *testing.T) {
	skipUnderRace(t)
	w := newWorldOfFreezes(t, allOfFreeze)
	w.comment("carol", "/ic freeze acme/nowhere")
	w.settle()
	if w.heard("is frozen") != 0 || w.heard("GitHub does not tell me whether you may respond here") != 1 {
		t.Errorf("it says %s", w.everything())
	}
	for how, says := range map[string]string{"disabled": "somebody lifted the freeze on GitHub", "deleted": "somebody lifted the freeze on GitHub",
		"emptied": "so merges may get through"} {
		w.comment("carol", "/ic freeze acme/payments")
		w.settle()
		before := w.heard(says)
		if err := w.sandbox.SetState(fmt.Appendf(nil, `{"rulesets":{"repository":"acme/payments","enforcement":%q}}`, how)); err != nil {
			t.Fatal(err)
		}
		w.advance(5 * time.Minute)
		if got, isLeft := w.heard(says), len(w.rulesets()) > 0; got != before+1 || isLeft != (how == "emptied") {
			t.Errorf("%s: rulesets %q, it says %s", how, w.rulesets(), w.everything())
		}
		w.comment("carol", "/ic thaw")
		w.settle()
		if names := w.rulesets(); len(names) > 0 {
			t.Errorf("%s: rulesets %q are left", how, names)
		}
	}
}

// The incident's end ends its freezes, and so does a refusal of GitHub that ends: the App may lose its permission in
// between.
func TestX4TheEndIsTriedUntilItSucceeds(t *testing.T) {
	skipUnderRace(t)
	w := newWorldOfFreezes(t, allOfFreeze)
	w.comment("carol", "/ic freeze all for 70h")
	w.settle()
	if err := w.sandbox.SetState([]byte(`{"archive":"acme/payments"}`)); err != nil {
		t.Fatal(err)
	}
	w.comment("carol", "/incident decline false alarm")
	w.settle()
	if w.heard("I can't lift the freeze of acme/payments yet") != 1 || !strings.Contains(w.card(), "**trouble**") {
		t.Errorf("the card:\n%s\n%s", w.card(), w.everything())
	}
	w.advance(3 * time.Hour)
	if err := w.sandbox.SetState([]byte(`{"archive":""}`)); err != nil {
		t.Fatal(err)
	}
	w.advance(2 * time.Hour)
	if names := w.rulesets(); len(names) > 0 || w.heard("open for merges again: the incident is over") != 1 {
		t.Errorf("rulesets %q, it says %s", names, w.everything())
	}
}

// In a merge queue the commits are the queue's own, and each brings all before it. What is not let through leaves the
// queue, so that what is let through is merged, once it is alone; whatever comes first, and whatever is lost (X4).
func TestX4AMergeQueueBringsTheFixAlone(t *testing.T) {
	skipUnderRace(t)
	for name, fault := range map[string]string{
		"":                       "",
		"the verdict is lost":    `{"match":"POST .*/statuses/.*","status":502,"count":3}`,
		"the list is lost":       `{"match":"POST .*/graphql$","status":502,"count":2}`,
		"the rulesets can't be":  `{"match":"GET .*/rulesets\\?.*","status":502,"count":2}`,
		"the answer is lost too": `{"match":"POST .*/statuses/.*","status":502,"count":2,"applied":true}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldOfFreezes(t, allOfFreeze)
			w.openPull("third", 3)
			for _, n := range []int{2, 1, 3} { // the fix is behind another one
				w.queuePull(n)
			}
			if fault != "" {
				w.order(fault)
			}
			w.comment("carol", "/ic freeze all the rollback must not meet other changes")
			w.settle()
			w.comment("carol", "/ic let acme/payments#1 through because it is the fix")
			w.settle()
			for range 6 {
				w.advance(time.Minute)
			}
			if got := w.merged(); !slices.Equal(got, []int{1}) || w.queueLength() != 1 {
				t.Errorf("merged %v\n%s", got, w.everything())
			}
			if w.heard("acme/payments#1 may be merged as it is") != 1 || !strings.Contains(w.card(), "| Frozen |") {
				t.Errorf("it says %s", w.everything())
			}
			w.comment("carol", "/ic thaw")
			w.settle()
			for range 3 {
				w.advance(time.Minute)
			}
			if got := w.merged(); !slices.Equal(got, []int{1, 3}) { // the other one was in the way, and has to be queued again
				t.Errorf("after its end merged %v", got)
			}
			if got := w.merges(2); got != http.StatusOK {
				t.Errorf("after its end merging answers %d", got)
			}
		})
	}
}

// queueLength returns how many pull requests of acme/payments are in the merge queue.
func (w *world) queueLength() (n int) {
	w.t.Helper()
	var branches []struct{ Name string }
	w.ok("erin", "GET", "/api/v3/repos/acme/payments/branches", nil, &branches)
	for _, b := range branches {
		if strings.HasPrefix(b.Name, "gh-readonly-queue/main/") {
			n++
		}
	}
	return n
}

// queuePull puts a pull request of acme/payments into the merge queue.
func (w *world) queuePull(number int) {
	w.t.Helper()
	if err := w.sandbox.SetState(fmt.Appendf(nil, `{"merge_queue":"acme/payments#%d"}`, number)); err != nil {
		w.t.Fatal(err)
	}
}

// merged returns which pull requests of acme/payments are merged.
func (w *world) merged() (numbers []int) {
	w.t.Helper()
	for n := 1; ; n++ {
		var p struct{ Merged bool }
		if status := w.as("erin", "GET", fmt.Sprintf("/api/v3/repos/acme/payments/pulls/%d", n), nil, &p); status != http.StatusOK {
			return numbers
		}
		if p.Merged {
			numbers = append(numbers, n)
		}
	}
}
