package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// running is an incident that bob coordinates.
const running = `alice opens "The API is down"
  Summary: Customers get 502
  Severity: critical
  Customers impacted: globex
carol: /ic
alice: /oe
alice: /oe finding The load balancer drops half of the connections
wait 1m`

// lags are the reads that may be behind, alone and together.
var lags = [][]string{{"issue"}, {"timeline"}, {"issue", "timeline"}}

// said returns what the app said, without its cards.
func (w *world) spoken() (all []string) {
	w.t.Helper()
	for _, c := range w.list() {
		if strings.HasSuffix(c.User.Login, "[bot]") && !strings.Contains(c.Body, "<!-- firebreak:card") {
			all = append(all, visible(c.Body))
		}
	}
	return all
}

// countCards counts the app's cards.
func (w *world) countCards() (n int) {
	w.t.Helper()
	for _, c := range w.list() {
		if strings.HasSuffix(c.User.Login, "[bot]") && strings.Contains(c.Body, "<!-- firebreak:card") {
			n++
		}
	}
	return n
}

// outcome is what an incident is like, and what was said, to be held against another's.
func (w *world) outcome() string {
	v := w.view()
	var sent []string
	for _, e := range w.outbox() {
		sent = append(sent, fmt.Sprintf("%s %s", e.To, e.Key))
	}
	return fmt.Sprintf("%s %v %v\n%d cards\n%s\n%s", v.State, v.labels(), v.assignees(), w.countCards(),
		strings.Join(w.spoken(), "\n---\n"), strings.Join(sent, "\n"))
}

// What a person does by hand comes to the same, however far behind the reads are that its webhook
// asks for, and until they show it the app changes nothing.
func TestA2ReadsBehindAWebhookAreWaitedFor(t *testing.T) {
	play := func(t *testing.T, act string, d time.Duration, lag []string) (outcome string) {
		w := newWorld(t)
		w.tell(running)
		if lag != nil {
			w.hold(lag...)
		}
		w.mark()
		w.tell(act)
		if lag != nil {
			if n := writes(w.calls()); n != 0 && !(len(lag) == 1 && lag[0] == "issue") {
				t.Errorf("%d writes on reads that are behind", n)
			}
		}
		w.advance(d)
		w.settle()
		w.release()
		w.advance(20 * time.Second)
		w.settle()
		return w.outcome()
	}
	for _, act := range []string{"carol unlabels phase/investigate", "carol labels phase/fixing",
		"carol labels severity/regular", "carol closes", "carol unassigns carol", "carol assigns dan",
		"carol: /ic severity regular", "carol: /oe cause A certificate ran out", "dan: /ic", "carol renames The API is down for all"} {
		for _, d := range []time.Duration{10 * time.Second, 100 * time.Second} {
			if testing.Short() && d > time.Minute {
				continue
			}
			t.Run(fmt.Sprintf("%s, for %s", act, d), func(t *testing.T) {
				t.Parallel()
				want := play(t, act, d, nil)
				for _, lag := range lags {
					t.Run(strings.Join(lag, " and ")+" behind", func(t *testing.T) {
						t.Parallel()
						if got := play(t, act, d, lag); want != got {
							t.Errorf("not as without lag:\n%s\n\nwant\n%s", got, want)
						}
					})
				}
			})
		}
	}
}

// A look that no webhook asks for, or whose webhook is lost, undoes nothing that a person did
// since.
func TestA2ATimersLookUndoesNothingOnAnOldRead(t *testing.T) {
	skipUnderRace(t)
	play := func(t *testing.T, act string, lag []string, isCold bool) issueView {
		w := newWorld(t)
		w.tell(running)
		next, err := w.product.Follow(t.Context(), w.sandbox.Clock().Now())
		if err != nil || next.IsZero() {
			t.Fatalf("the next timer is at %s: %v", next, err)
		}
		w.advance(next.Sub(w.sandbox.Clock().Now()) - 10*time.Second)
		w.settle()
		if lag != nil {
			w.hold(lag...)
			w.order(`{"drop_webhooks":1}`)
		}
		w.tell(act)
		if isCold {
			w.restart()
		}
		before := w.view()
		w.advance(50 * time.Second)
		w.settle()
		if after := w.view(); lag != nil && before.rights() != after.rights() {
			t.Errorf("%s became %s on an old read", before.rights(), after.rights())
		}
		w.release()
		w.advance(3 * time.Minute)
		w.settle()
		w.tell("alice: /oe finding It began at noon\nwait 1m") // nothing else replaces a lost webhook
		return w.view()
	}
	for _, act := range []string{"carol unlabels phase/investigate", "carol labels phase/fixing",
		"carol closes", "carol unassigns carol"} {
		t.Run(act, func(t *testing.T) {
			t.Parallel()
			want := play(t, act, nil, false).rights()
			for _, lag := range lags {
				for _, isCold := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s behind, cold %t", strings.Join(lag, " and "), isCold),
						func(t *testing.T) {
							t.Parallel()
							if got := play(t, act, lag, isCold).rights(); want != got {
								t.Errorf("in the end %s, want %s", got, want)
							}
						})
				}
			}
		})
	}
}

// rights says in a line what the app puts right: the state, the labels and the assignees.
func (v issueView) rights() string { return fmt.Sprint(v.State, v.labels(), v.assignees()) }

// An issue that the API does not show yet is waited for: its webhook came first.
func TestI1TheWebhookComesBeforeTheIssue(t *testing.T) {
	for _, reads := range lags {
		w := newWorld(t)
		w.hold(reads...) // 404
		w.tell("alice opens \"The API is down\"\n  Summary: Customers get 502\n  Severity: critical\n  Customers impacted: globex")
		w.advance(30 * time.Second)
		w.settle()
		if n := w.countCards(); n != 0 {
			t.Fatalf("%v: %d cards", reads, n)
		}
		w.release()
		w.advance(16 * time.Second)
		w.settle()
		if w.countCards() != 1 || len(w.outbox()) != 1 {
			t.Errorf("%v: %d cards and the outbox %v", reads, w.countCards(), w.outbox())
		}
	}
}

// Reads that are older than the app's own card, comments and answers lead to no second one.
func TestA4ReadsBehindTheAppsOwnWrites(t *testing.T) {
	opening := "alice opens \"The API is down\"\n  Summary: Customers get 502\n  Severity: critical\n  Customers impacted: globex"
	for _, lag := range lags {
		for _, cold := range []bool{false, true} {
			for _, d := range []time.Duration{5 * time.Second, 4 * time.Minute} {
				t.Run(fmt.Sprintf("%s behind by %s, cold %t", strings.Join(lag, " and "), d, cold),
					func(t *testing.T) {
						t.Parallel()
						w := newWorld(t)
						w.stop() // the issue is there before anybody looks
						w.follower.Server = nil
						w.deaf = true
						w.tell(opening)
						w.advance(time.Minute)
						w.hold(lag...)
						w.deaf = false
						w.start()
						w.redeliver()
						w.settle()
						w.advance(time.Second)
						w.settle()
						first := len(w.spoken())
						if cold {
							w.restart()
						}
						w.tell("carol: /ic\nalice: /oe")
						w.advance(d)
						w.settle()
						w.release()
						w.advance(time.Minute)
						w.settle()
						w.tell("carol: /ic severity critical\nwait 1m")
						if n := w.countCards(); n != 1 {
							t.Errorf("%d cards", n)
						}
						if v := w.view(); v.Pinned == nil || !strings.Contains(v.Pinned.Body, "carol") {
							t.Errorf("the card is %s", w.card())
						}
						seen := map[string]bool{}
						for _, s := range w.spoken() {
							if seen[s] {
								t.Errorf("said twice: %s", s)
							}
							seen[s] = true
						}
						if first == 0 && lag[0] != "issue" {
							t.Log("nothing was said at first")
						}
					})
			}
		}
	}
}

// A process that reads an older card and timeline than another process wrote and read waits for
// them, as it does for its own.
func TestA4ReadsBehindAnotherProcessesCard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tell(down + "carol: /ic\nwait 19m")
	w.hold("issue", "timeline")
	w.replicas.mu.Lock()
	held, body := w.replicas.held, w.replicas.body
	w.replicas.mu.Unlock()
	w.release()
	w.tell("wait 50s\ncarol: /ic phase investigate")
	w.restart()
	w.replicas.mu.Lock()
	w.replicas.held, w.replicas.body = held, body
	w.replicas.mu.Unlock()
	w.advance(15 * time.Second) // an update is overdue by then
	if card := w.card(); !strings.Contains(card, "investigate") || strings.Contains(card, "verdue") {
		t.Errorf("it wrote a card on old reads:\n%s", card)
	}
	w.release()
	w.advance(time.Minute)
	if card := w.card(); !strings.Contains(card, "investigate") || !strings.Contains(card, "verdue") {
		t.Errorf("in the end the card says\n%s", card)
	}
}

// Two cards, as two processes post them whose reads do not show each other's, become one, and
// nobody is told.
func TestA4TwoCardsBecomeOne(t *testing.T) {
	for _, isSecondBetter := range []bool{false, true} {
		for _, cold := range []bool{false, true} {
			w := newWorld(t)
			w.tell(running)
			told, first := w.spoken(), w.view().Pinned
			w.tell("alice: /oe finding It began at noon\nwait 1m")
			// What the other process posted is pinned in its place.
			older, newer := first.Body, w.view().Pinned.Body
			path := "/api/v3/repos/acme/incidents/issues/comments/"
			if isSecondBetter {
				w.asApp("PATCH", path+fmt.Sprint(first.ID), map[string]string{"body": older}, nil)
				older = newer
			}
			var second struct{ ID int64 }
			w.asApp("POST", w.issue()+"/comments", map[string]string{"body": older}, &second)
			w.asApp("PUT", path+fmt.Sprint(second.ID)+"/pin", nil, nil)
			if cold {
				w.restart()
			}
			w.tell("alice: /oe finding It is the load balancer\nwait 1m")
			v := w.view()
			if w.countCards() != 1 || v.Pinned == nil || v.Pinned.ID != first.ID ||
				!strings.Contains(w.card(), "findings (3)") {
				t.Errorf("cold %t, the second is better %t: %d cards, and pinned is\n%s", cold,
					isSecondBetter, w.countCards(), w.card())
			}
			if now := w.spoken(); len(now) != len(told) {
				t.Errorf("cold %t: it said %q", cold, now[len(told):])
			}
		}
	}
}

// A comment whose answer was posted, but whose card was not written, is answered once although the
// timeline does not show the answer yet.
func TestA4AnAnswerThatTheTimelineDoesNotShowYetIsGivenOnce(t *testing.T) {
	w := newWorld(t)
	w.tell(running)
	w.order(`{"match":"PATCH .*/issues/comments/","status":502,"count":1}`)
	w.comment("alice", "/oe sevrity regular")
	w.hold("timeline")
	w.settle()
	w.advance(30 * time.Second)
	w.settle()
	w.release()
	w.advance(time.Minute)
	w.settle()
	if said := w.said("I don't know"); len(said) != 1 {
		t.Errorf("answered %d times: %q", len(said), said)
	}
}

// GitHub's answer about a pull request is behind its branch for a moment after a push. What was
// read there can't be written on, and the branch says what can.
func TestA2APullRequestBehindItsBranchIsNoRefusal(t *testing.T) {
	w := newWorld(t)
	for _, s := range steps(whole(t)) {
		if s.head == "carol merges" {
			break
		}
		w.step(s)
		w.settle()
	}
	w.advance(time.Minute)
	w.order(`{"match":"GET .*/pulls/\\d+$","lag":"1h","count":-1}`)
	for _, what := range []string{"Add an alert", "Add a graph", "Add a probe"} {
		w.tell("carol: /ic followup acme/payments " + what + " @erin")
		w.advance(2 * time.Second)
	}
	for _, c := range w.list() {
		if strings.Contains(c.Body, "refuses") {
			t.Errorf("it says: %s", visible(c.Body))
		}
	}
	var files []struct{ Path string }
	w.ok("alice", "GET", "/api/v3/repos/acme/incidents/contents/postmortems?ref=postmortem/1", nil, &files)
	if len(files) != 2 {
		t.Fatalf("the branch holds %v", files)
	}
	var document struct{ Content []byte }
	w.ok("alice", "GET", "/api/v3/repos/acme/incidents/contents/"+files[1].Path+"?ref=postmortem/1", nil,
		&document)
	for _, ticket := range []string{"acme/payments#1", "acme/payments#2", "acme/payments#3",
		"acme/payments#4"} {
		if !strings.Contains(string(document.Content), ticket) {
			t.Errorf("%s doesn't name %s", files[1].Path, ticket)
		}
	}
}

// The answer to a reply is lost while the timeline is behind: the issue, which is not, says that
// something was written. The reply is not posted again.
func TestA4AReplyIsNotPostedAgainWhileTheTimelineIsBehind(t *testing.T) {
	w := newWorld(t)
	w.tell(opened + "carol: /ic\nwait 1m\n")
	w.order(`{"match":"POST .*/issues/1/comments$","status":502,"count":1,"applied":true}`)
	w.order(`{"match":"GET .*/issues/1/timeline$","lag":"90s"}`)
	w.comment("carol", "/ic phase monitoring")
	w.tell("wait 10m")
	replies := 0
	for _, c := range w.list() {
		if strings.Contains(c.Body, "firebreak:did reply/") {
			replies++
		}
	}
	if replies != 1 {
		t.Errorf("%d replies", replies)
	}
}

// The answer to a reply is lost while all reads are behind, and nothing shows that just now. Reads
// were as far behind before: the reply is not posted again before they can show it, by the same
// process or the next.
func TestA4AReplyIsNotPostedAgainWhileAllReadsAreBehind(t *testing.T) {
	for _, isRestarted := range []bool{false, true} {
		w := newWorld(t)
		w.tell(opened + "carol: /ic\nwait 10m\n")
		w.order(`{"match":"GET .*/issues/1(/timeline)?$","lag":"45s"}`)
		w.order(`{"match":"POST .*/issues/1/comments$","status":502,"count":1,"applied":true}`)
		w.comment("carol", "/ic phase monitoring")
		if isRestarted {
			w.advance(time.Minute + time.Second)
			w.restart()
		}
		w.tell("wait 10m")
		replies := 0
		for _, c := range w.list() {
			if strings.Contains(c.Body, "firebreak:did reply/") {
				replies++
			}
		}
		if replies != 1 {
			t.Errorf("restarted %t: %d replies", isRestarted, replies)
		}
	}
}
