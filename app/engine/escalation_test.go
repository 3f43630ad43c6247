package engine_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// paged lists whom pages went to, after so many entries of the outbox.
func (w *world) paged(since int) (to []string) {
	for _, e := range w.outbox()[since:] {
		if e.Kind == "page" {
			to = append(to, e.To)
		}
	}
	return to
}

// coordinated opens a P1 that carol coordinates.
func coordinated(t *testing.T) *world {
	w := newWorld(t)
	w.tell("alice opens \"Checkout fails\"\n  Summary: Orders of globex fail\n  Severity: critical\n  Customers impacted: globex")
	w.settle()
	w.tell("carol: /ic")
	w.settle()
	return w
}

// V5: a page goes out although GitHub can't say whom it is for, and the timeline says the same
// later.
func TestV5WhoIsPagedWhenGitHubCannotBeAsked(t *testing.T) {
	for name, status := range map[string]string{"it fails": "502", "it refuses": "403"} {
		t.Run(name, func(t *testing.T) {
			w := coordinated(t)
			w.order(`{"match":"GET .*/teams/databases$","status":` + status + `,"count":5}`)
			n := len(w.outbox())
			w.comment("carol", "/ic escalate databases the disk is full")
			w.settle()
			if to := w.paged(n); !slices.Equal(to, []string{"incident-coordinators"}) {
				t.Fatalf("paged %q", to)
			}
			if text := w.outbox()[n].Text; !strings.Contains(text, "databases the disk is full") {
				t.Errorf("the page says %q", text)
			}
			if said := w.said("GitHub could not tell me who **databases** is"); len(said) != 1 {
				t.Errorf("says %q", said)
			}
			before := w.state()
			w.as("", "DELETE", "/sandbox/faults", nil, nil)
			w.tell("dan deletes card")
			w.settle()
			w.tell("carol: /incident status")
			w.settle()
			if d := cmp.Diff(before.Paging, w.state().Paging); d != "" {
				t.Errorf("built again, the pages are others:\n%s", d)
			}
			if to := w.paged(n); len(to) != 1 {
				t.Errorf("paged %q", to)
			}
		})
	}
}

// V5, A4: a look that is made again can find out whom a page was for, and pages them, although the
// coordinators were paged in their place.
func TestV5WhoWasAskedForIsPagedByTheNextTry(t *testing.T) {
	w := coordinated(t)
	w.restart()
	w.order(`{"match":"GET .*/teams/payments$","status":403,"count":1}`)
	w.order(`{"match":"^POST .*/issues/[0-9]+/comments$","status":502,"count":1}`) // nor can it be said
	n := len(w.outbox())
	w.tell("carol: /ic escalate payments, @bob the disk is full\nwait 1m")
	if to := w.paged(n); !slices.Contains(to, "incident-coordinators") ||
		!slices.ContainsFunc(to, func(to string) bool { return strings.Contains(to, "payments") }) {
		t.Errorf("paged %q", to)
	}
}

// V5: names that the configuration knows cost no call, another word costs one, and its
// answer is kept.
func TestV5WhatNamesCost(t *testing.T) {
	w := coordinated(t)
	for _, c := range []struct {
		text  string
		calls int
	}{
		{"/ic escalate platform the api is slow", 4},
		{"/ic escalate @acme/incident-coordinators all hands", 4},
		{"/ic escalate read-only since 10:40", 5},
		{"/ic escalate read-only it still is", 4},
		{"/ic escalate payments the card page is down", 5},
		{"/ic escalate @acme/payments it still is", 4},
	} {
		w.calls()
		w.comment("carol", c.text)
		w.settle()
		if n := len(w.calls()); n != c.calls {
			t.Errorf("%s costs %d calls, want %d", c.text, n, c.calls)
		}
	}
}

// M3, A5: an alert's regression is in the timeline, where a lost card finds it again.
func TestM3AnAlertsRegressionOutlivesTheCard(t *testing.T) {
	w := newWorld(t)
	w.alert("firing", "APIServerDown", 1)
	w.settle()
	for _, line := range []string{"bob: /oe", "bob: /ic severity critical", "dan: /ic", "wait 2m",
		"bob: /oe workaround Restarted", "dan: /ic phase monitoring", "wait 7m"} {
		w.tell(line)
		w.settle()
	}
	n := len(w.outbox())
	w.alert("firing", "APIServerDown", 2)
	w.settle()
	if to := w.paged(n); !slices.Equal(to, []string{"@dan, @bob"}) {
		t.Errorf("paged %q", to)
	}
	w.tell("wait 1m")
	before := w.state()
	if before.Phase != incident.Investigate || before.Regressions != 1 {
		t.Fatalf("in %s after %d regressions", before.Phase, before.Regressions)
	}
	w.tell("alice deletes card")
	w.settle()
	w.tell("alice: /incident status")
	w.settle()
	after := w.state()
	for name, parts := range map[string][2]any{
		"phase": {before.Since, after.Since}, "regressions": {before.Regressions,
			after.Regressions}, "summons": {before.Summons, after.Summons},
		"update": {before.Updates.Due, after.Updates.Due}, "paging": {before.Paging,
			after.Paging}, "mended": {before.Workaround, after.Workaround},
	} {
		if d := cmp.Diff(parts[0], parts[1]); d != "" {
			t.Errorf("built again, %s differs:\n%s", name, d)
		}
	}
	if to := w.paged(n); len(to) != 1 {
		t.Errorf("paged %q", to)
	}
}

// I5: after a time without the app everybody is paged once, not once for each time that was missed.
func TestI5WhatWasMissedIsNotMadeUpFor(t *testing.T) {
	w := newWorld(t)
	w.tell("alice opens \"Checkout fails\"\n  Summary: Orders of globex fail\n  Severity: critical\n  Customers impacted: globex")
	w.settle()
	w.tell("wait 40m")
	w.stop()
	w.follower.Server = nil
	n := len(w.outbox())
	w.tell("wait 3h")
	w.start()
	w.tell("wait 1m")
	slow := slices.DeleteFunc(w.paged(n),
		func(to string) bool { return to != "incident-coordinators, platform" })
	if len(slow) != 1 {
		t.Errorf("back after three hours everybody is paged %d times: %q", len(slow), w.paged(n))
	}
}

// state opens the card.
func (w *world) state() incident.State {
	w.t.Helper()
	v := w.view()
	if v.Pinned == nil {
		w.t.Fatal("there is no card")
	}
	s, _, err := card.Open(v.Pinned.Body, w.ref, card.Keys([][]byte{[]byte("a secret of the tests")}))
	if err != nil {
		w.t.Fatal(err)
	}
	text, err := json.Marshal(s) // as it is kept
	if err != nil {
		w.t.Fatal(err)
	}
	var out incident.State
	if err := json.Unmarshal(text, &out); err != nil {
		w.t.Fatal(err)
	}
	return out
}
