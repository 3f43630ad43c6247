package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/store"
)

// closing plays a P1 up to the command that closes it.
const beforeClosing = declared + `
carol: /ic phase investigate
alice: /oe fix A new certificate
carol: /ic update It works again
carol: /ic phase monitoring
carol: /ic agree Gina, by phone`

// Publishing that GitHub refuses leaves the incident in closing, says why, and lets every other
// command work. Once it is mended the postmortem is opened, once (A8).
func TestA8ThePostmortemIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, match string
		status      int
	}{
		{"an empty repository", `GET .*/git/ref/heads/main$`, 409},
		{"a ruleset", `POST .*/git/refs$`, 422},
		{"no permission", `POST .*/git/trees$`, 403},
		{"not found", `GET .*/git/commits/.*`, 404},
		{"a pull request refused", `POST .*/pulls$`, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.tell(beforeClosing)
			// refused at once it is tried step by step, and one step is refused
			for _, match := range []string{tt.match, `POST .*/graphql$`} {
				w.order(fmt.Sprintf(`{"match":%q,"status":%d,"count":50}`, match, tt.status))
			}
			// a new token may lack its permissions at first
			w.tell("carol: /ic close\nwait 4s\ncarol: /incident note it was Tuesday\nwait 4s")
			said := w.said("GitHub refuses the postmortem's pull request")
			if len(said) != 1 || !strings.Contains(said[0], "@carol") ||
				!strings.Contains(said[0], fmt.Sprint(tt.status)) {
				t.Errorf("the incident says %q", said)
			}
			for _, c := range w.list() {
				if (strings.HasPrefix(c.Body, "/ic close") ||
					strings.HasPrefix(c.Body, "/incident note")) && reactionsOf(c) != "+1" {
					t.Errorf("%q is answered by %q", c.Body, reactionsOf(c))
				}
			}
			v := w.view()
			if v.State != "open" || !strings.Contains(strings.Join(v.labels(), " "), "phase/closing") ||
				!strings.Contains(w.card(), "GitHub&nbsp;refuses | the postmortem's pull request") {
				t.Errorf("%s, %v, and the card says\n%s", v.State, v.labels(), w.card())
			}
			if status := w.as("", "DELETE", "/sandbox/faults", nil, nil); status >= 300 {
				t.Fatal(status)
			}
			w.tell("carol: /incident status")
			if v := w.view(); v.State != "closed" || strings.Contains(w.card(), "GitHub&nbsp;refuses") {
				t.Errorf("after mending: %s, and the card says\n%s", v.State, w.card())
			}
			if said := w.said("The postmortem's pull request exists now"); len(said) != 1 {
				t.Errorf("after mending the incident says %q", said)
			}
			var pulls []struct{ Number int }
			w.ok("alice", "GET", "/api/v3/repos/acme/incidents/pulls?state=all", nil, &pulls)
			if len(pulls) != 1 {
				t.Errorf("%d pull requests", len(pulls))
			}
		})
	}
}

// A card that GitHub refuses is kept with the queue: nobody is paged or answered again, also by
// the next process, and once GitHub takes it, it says all that happened (A8).
func TestA8ACardThatIsRefusedIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tell(declared)
	pages := len(w.outbox())
	w.order(`{"match":"PATCH .*/issues/comments/.*","status":403,"count":50}`)
	w.tell("carol: /ic escalate @dan we need one more\nalice: /oe finding The disk is full")
	w.restart()
	w.tell("alice: /oe cause A log that nobody rotates\nwait 2m")
	if n := len(w.outbox()) - pages; n != 1 {
		t.Errorf("%d pages while the card is refused, want 1: %+v", n, w.outbox())
	}
	for _, c := range w.list() {
		if strings.HasPrefix(c.Body, "/oe") && reactionsOf(c) != "+1" {
			t.Errorf("%q is answered by %q", c.Body, reactionsOf(c))
		}
	}
	if strings.Contains(w.card(), "findings (1)") {
		t.Errorf("the card was written:\n%s", w.card())
	}
	w.as("", "DELETE", "/sandbox/faults", nil, nil)
	w.tell("carol: /incident status")
	for _, want := range []string{"findings (1)", "found the cause", "paged **@\u2060dan**"} {
		if !strings.Contains(w.card(), want) {
			t.Errorf("the card lacks %q:\n%s", want, w.card())
		}
	}
	if n := len(w.outbox()) - pages; n != 1 {
		t.Errorf("%d pages after mending, want 1", n)
	}
}

// So it is kept where the repository gets another name while GitHub refuses the card, and somebody
// deletes or changes what is there: a webhook leads to the new name, and the timer of the old one
// comes later. Nobody is paged twice for one command (A4, K8).
func TestA4K8ARefusedCardIsKeptUnderAnotherName(t *testing.T) {
	for _, r := range renames[:2] {
		for _, harm := range []string{"", "dan deletes card", "dan tampers card"} {
			t.Run(r.name+"/"+harm, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.tell(declared)
				pages := len(w.outbox())
				w.order(`{"match":"PATCH .*/issues/comments/.*","status":403,"count":500}`)
				w.tell("bob: /oe\nalice: /oe finding The disk is full\nwait 1m")
				w.as("", "DELETE", "/sandbox/faults", nil, nil)
				if harm != "" {
					w.order(`{"drop_webhooks":1}`)
					w.step(steps(harm)[0])
				}
				w.order(`{"drop_webhooks":1}`)
				w.rename(r)
				w.tell("carol: /ic escalate @dan we need one more\nwait 30m\ncarol: /incident status\nwait 1m")
				got := slices.DeleteFunc(w.outbox()[pages:], func(m sent) bool { return m.To != "@dan" })
				if len(got) != 1 {
					t.Errorf("paged %+v", got)
				}
				if s := w.stateOf(); len(w.cards()) != 1 || s.Findings != 1 || s.IC != "carol" {
					t.Errorf("%d cards, the state %+v", len(w.cards()), s)
				}
			})
		}
	}
}

// What could not be handled however often it was tried is told on the issue and on the card (A8).
func TestA8WhatIsPutAsideIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tell(declared)
	aside, ok := engine.AsideMessage(engine.Message{Ref: w.ref, Why: "issue_comment.created",
		Delivery: "1"}, errors.New("it never works"))
	if !ok {
		t.Fatal("it is not told")
	}
	w.stop()
	queue, err := store.Open(w.queue, w.sandbox.Clock(), nil)
	if err == nil {
		err = errors.Join(queue.Enqueue(t.Context(), aside, time.Time{}), queue.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	w.start()
	w.tell("wait 1m")
	said := w.said("I could not handle a message about this incident")
	if len(said) != 1 || !strings.Contains(said[0], "issue_comment.created") {
		t.Errorf("the incident says %q", said)
	}
	if !strings.Contains(w.card(), "Not&nbsp;handled") {
		t.Errorf("the card says\n%s", w.card())
	}
	w.tell("carol: /incident status")
	if strings.Contains(w.card(), "Not&nbsp;handled") {
		t.Errorf("after a command the card still says\n%s", w.card())
	}
}

// Where GitHub does not tell who may respond, people with a role go on and others are told so (A8).
func TestA8APermissionThatGitHubDoesNotTell(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tell(declared)
	w.advance(10 * 60 * 1e9) // what is known of people is forgotten
	w.order(`{"match":"GET .*/collaborators/.*/permission$","status":403,"count":50}`)
	w.tell("carol: /ic phase investigate\nbob: /oe")
	reaction := map[string]string{}
	for _, c := range w.list() {
		reaction[c.User.Login+" "+c.Body] = reactionsOf(c)
	}
	if reaction["carol /ic phase investigate"] != "+1" || reaction["bob /oe"] != "confused" {
		t.Errorf("answered by %v", reaction)
	}
	if said := w.said("GitHub does not tell me whether you may respond"); len(said) != 1 ||
		!strings.Contains(said[0], "@bob") {
		t.Errorf("the incident says %q", said)
	}
}

// It says so of people whom a command names, too, and not that they may not (A8).
func TestA8APermissionOfSomebodyNamedThatGitHubDoesNotTell(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tell(declared)
	w.advance(10 * time.Minute) // what is known of people is forgotten
	w.order(`{"match":"GET .*/collaborators/bob/permission$","status":403,"count":50}`)
	w.tell("carol: /ic followup Raise the limit @bob\ncarol: /incident cover @bob until 18:00\ncarol: /ic @bob")
	for _, c := range w.list() {
		if strings.Contains(c.Body, "@bob") && c.User.Login == "carol" && reactionsOf(c) != "confused" {
			t.Errorf("%q is answered by %q", c.Body, reactionsOf(c))
		}
	}
	if n := len(w.said("GitHub does not tell me whether **bob** may respond here")); n != 3 || len(w.said("is not a responder")) != 0 {
		t.Errorf("%d of 3 answers: %s", n, w.everything())
	}
}

// So it is where GitHub refuses to show the postmortem (A8).
func TestA8ARefusedPostmortemHoldsUpNoLostCard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tell(declared)
	w.tell("carol: /ic\nalice: /oe cause A log\ncarol: /ic phase fixing\nalice: /oe fix It is gone\ncarol: /ic phase monitoring\nwait 30m\n" +
		"carol: /ic agree Gina, by phone\ncarol: /ic close\nwait 1m")
	if w.stateOf().Document.Number == 0 {
		t.Fatalf("no postmortem:\n%s", w.card())
	}
	w.order(`{"match":"GET .*/pulls.*","status":403,"count":-1}`)
	w.tell("alice deletes card\nwait 1m\ncarol: /incident status\nwait 5m")
	if n := len(w.cards()); n != 1 {
		t.Errorf("%d cards", n)
	}
}

// A card that is lost is built again where GitHub refuses to show a customer's repository, too
// (A8).
func TestA8ARefusedCustomersRepositoryHoldsUpNoLostCard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tell(declared)
	w.tell("carol: /ic update We are at it\nwait 1m")
	w.order(`{"match":"GET .*/customer-globex/issues.*","status":403,"count":-1}`)
	w.tell("alice deletes card\nwait 1m\ncarol: /ic phase investigate\nwait 1m")
	if card := w.card(); !strings.Contains(card, "Investigate") {
		t.Errorf("the card says\n%s", card)
	}
}

// That the App gets no token for a question about a person says nothing of the person: the command
// waits (A4).
func TestA4NoTokenIsNoAnswerAboutAPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tell(declared)
	w.advance(70 * time.Minute) // tokens have run out, and what is known of people is forgotten
	w.comment("carol", "/incident status")
	w.settle()
	w.advance(10 * time.Minute)
	w.order(`{"match":"POST .*/access_tokens$","status":404,"count":4}`)
	w.order(`{"match":"GET .*/collaborators/.*/permission$","status":401,"count":1}`)
	w.tell("bob: /oe\nwait 10m")
	if said := w.said("GitHub does not tell me"); len(said) > 0 {
		t.Errorf("the incident says %q", said)
	}
	for _, c := range w.list() {
		if c.Body == "/oe" && reactionsOf(c) != "+1" {
			t.Errorf("answered by %q", reactionsOf(c))
		}
	}
}

// A configuration that GitHub refuses to show leaves the last good one in force, and is told (A8).
func TestA8AConfigurationThatGitHubRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tell(declared)
	w.order(`{"match":"GET .*/contents/.github/firebreak.yml.*","status":403,"count":50}`)
	w.tell("wait 26m")
	if said := w.said(".github/firebreak.yml"); len(said) != 1 || !strings.Contains(said[0], "403") {
		t.Errorf("the incident says %q", said)
	}
	if !strings.Contains(strings.Join(w.view().labels(), " "), "update-overdue") {
		t.Errorf("the clock stands still: %v", w.view().labels())
	}
}

// A ticket that GitHub refuses stays due in its repository for half an hour, however many commands
// try it: somebody may give the App its access. Then it is opened next to the incident
// (A8).
func TestA8ATicketIsMovedOnlyAfterHalfAnHour(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tell(beforeClosing)
	w.tell("carol: /ic followup acme/payments Add a limit @erin due:2026-03-20")
	w.order(`{"match":"POST .*/repos/acme/payments/issues$","status":403,"count":50}`)
	w.tell("carol: /ic close\ncarol: /incident status\ncarol: /incident status\ncarol: /incident status\nwait 4s")
	if said := w.said("GitHub refuses the ticket of follow-up 1"); len(said) != 1 {
		t.Errorf("the incident says %q", said)
	}
	if v := w.view(); v.State != "open" {
		t.Errorf("after four tries the incident is %s, and the card says\n%s", v.State, w.card())
	}
	w.tell("wait 40m")
	if v := w.view(); v.State != "closed" {
		t.Errorf("after 40 minutes the incident is %s, and the card says\n%s", v.State, w.card())
	}
	if said := w.said("I opened it in this repository"); len(said) != 1 {
		t.Errorf("the incident says %q", said)
	}
	// What fell back is put right once GitHub takes it: one ticket is open, where it was meant to
	// be.
	w.as("", "DELETE", "/sandbox/faults", nil, nil)
	w.tell("wait 4h")
	var there []struct{ Number int }
	w.ok("erin", "GET", "/api/v3/repos/acme/payments/issues?state=all", nil, &there)
	var here []struct {
		Title, State string
		Reason       string `json:"state_reason"`
	}
	w.ok("alice", "GET", "/api/v3/repos/acme/incidents/issues?state=all&labels=follow-up", nil, &here)
	if len(there) != 1 || len(here) != 1 || here[0].State != "closed" || here[0].Reason != "duplicate" {
		t.Errorf("tickets in acme/payments %+v, in acme/incidents %+v", there, here)
	}
	if card := w.card(); !strings.Contains(card, "acme/payments#") ||
		strings.Contains(card, "GitHub&nbsp;refuses") {
		t.Errorf("the card says\n%s", card)
	}
	if said := w.said("is in its own repository now"); len(said) != 1 {
		t.Errorf("the incident says %q", said)
	}
}

// A ticket whose opening had no answer is opened once, though GitHub's list does not show it for a
// while, also by the next process (A4).
func TestA4ATicketIsOpenedOnceWhileListsLag(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tell(beforeClosing)
	w.tell("carol: /ic followup acme/payments Add a limit @erin due:2026-03-20")
	w.order(`{"match":"GET .*/repos/acme/payments/issues$","lag":"40s"}`)
	w.order(`{"match":"POST .*/repos/acme/payments/issues$","status":502,"count":1,"applied":true}`)
	w.tell("carol: /ic close\nwait 5s")
	w.restart()
	w.tell("wait 3m")
	var tickets []struct{ Number int }
	w.ok("erin", "GET", "/api/v3/repos/acme/payments/issues?state=all", nil, &tickets)
	if len(tickets) != 1 {
		t.Errorf("%d tickets", len(tickets))
	}
	if v := w.view(); v.State != "closed" {
		t.Errorf("the incident is %s", v.State)
	}
}

// An answer that was given just before the process ended is given once, though the next one's reads
// are behind (A4).
func TestA4AnAnswerIsGivenOnceWhileReadsLag(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tell(declared)
	w.order(`{"match":"GET .*/issues/1(/timeline)?$","lag":"30s"}`)
	w.tell("wait 40s\nbob: /incident help")
	w.order(`{"match":"PATCH .*/issues/comments/.*","status":502,"count":1}`)
	w.tell("bob: /oe findng it\nwait 2s")
	w.restart()
	w.tell("wait 2m")
	if said := w.said("Did you mean `/oe finding"); len(said) != 1 {
		t.Errorf("it is answered %d times: %q", len(said), said)
	}
}

// What GitHub refused to say is only on the card. It is said after all also where the card was
// deleted or changed since (A8).
func TestA8WhatWasNotSaidOutlivesTheCard(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(w *world, card string){
		"deleted": func(w *world, card string) { w.ok("bob", "DELETE", card, nil, nil) },
		"changed": func(w *world, card string) {
			w.ok("bob", "PATCH", card, map[string]string{"body": "<!-- firebreak:card -->\nAll is well"}, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.tell(declared)
			pages := len(w.outbox())
			w.order(`{"match":"POST .*/issues/1/comments$","status":403,"count":50}`)
			w.tell("carol: /ic customer add inittech\nwait 4s")
			var id int64
			for _, c := range w.list() {
				if strings.Contains(c.Body, "Incident Coordinator") && strings.Contains(c.Body, "firebreak:") {
					id = c.ID
					break
				}
			}
			if id == 0 {
				t.Fatal("no card")
			}
			lose(w, fmt.Sprintf("/api/v3/repos/acme/incidents/issues/comments/%d", id))
			w.tell("bob: hello\nwait 2m")
			w.restart()
			w.tell("bob: hello again\nwait 2m")
			w.as("", "DELETE", "/sandbox/faults", nil, nil)
			w.tell("carol: /incident status")
			if said := w.said("initech"); len(said) != 1 {
				t.Errorf("the incident says %q", said)
			}
			if n := len(w.outbox()) - pages; n != 0 {
				t.Errorf("%d pages more", n)
			}
			if !strings.Contains(w.card(), "carol") {
				t.Errorf("the card says\n%s", w.card())
			}
		})
	}
}
