package engine_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// state brings about a state of GitHub.
func (w *world) bringAbout(state string) {
	w.t.Helper()
	if status := w.as("", "POST", "/sandbox/states", json.RawMessage(state), nil); status >= 300 {
		w.t.Fatalf("the state %s: %d", state, status)
	}
}

// rename is one way in which an incident gets another name.
type rename struct {
	name, state string
	ref         incident.Ref
	intake      string // the repository of the incidents afterwards
}

var renames = []rename{
	{"repository", `{"rename":["acme/incidents","acme/p1"]}`,
		incident.Ref{Owner: "acme", Repo: "p1", Number: 1}, "acme/p1"},
	{"organization", `{"rename_org":["acme","acme2"]}`, incident.Ref{Owner: "acme2", Repo: "incidents",
		Number: 1}, "acme2/incidents"},
	{"transfer", `{"transfer":["acme/incidents#1","acme/platform"]}`,
		incident.Ref{Owner: "acme", Repo: "platform", Number: 1}, "acme/incidents"},
}

// rename brings one about, and goes on under the new name.
func (w *world) rename(r rename) {
	w.t.Helper()
	w.bringAbout(r.state)
	w.ref = r.ref
}

// cards lists the app's cards on the incident.
func (w *world) cards() (bodies []string) {
	for _, c := range w.list() {
		if strings.Contains(c.Body, "<!-- firebreak:card") {
			bodies = append(bodies, c.Body)
		}
	}
	return bodies
}

// goesOn fails unless the incident is what it was before: one card, the same roles and labels,
// nothing said twice.
func (w *world) goesOn(r rename, before issueView, said int, outbox int) {
	w.t.Helper()
	if n := len(w.cards()); n != 1 {
		w.t.Errorf("%s: %d cards", r.name, n)
	}
	v := w.view()
	for _, l := range before.labels() {
		if !slices.Contains(v.labels(), l) {
			w.t.Errorf("%s: the label %s is lost: %v", r.name, l, v.labels())
		}
	}
	if got := len(w.list()); got > said {
		for _, c := range w.list() {
			w.t.Logf("%s: %s", c.User.Login, visible(c.Body))
		}
		w.t.Errorf("%s: %d comments, %d before", r.name, got, said)
	}
	if got := w.outbox(); len(got) > outbox {
		w.t.Errorf("%s: sent again: %+v", r.name, got[outbox:])
	}
}

const opened = `alice opens "Checkout is down"
  Summary: Checkout is down
  Severity: critical
  Customers impacted: globex
`

// phases of an incident, each the steps from the one before.
var lives = []struct{ name, steps string }{
	{"declared", opened},
	{"investigated", "carol: /ic\nbob: /oe\n"},
	{"fixing", "bob: /oe cause A bad deployment\ncarol: /ic update We found it\ncarol: /ic followup acme/platform Alert on it @bob\ncarol: /ic phase fixing\n"},
	{"monitoring", "bob: /oe fix Rolled back\ncarol: /ic phase monitoring\n"},
}

// An incident that gets another name goes on, in whatever phase it is: the card, the roles, the
// severity and the clocks are the same, and nobody is paged or told twice.
func TestK8ARenamedIncidentGoesOn(t *testing.T) {
	for _, r := range renames {
		for upto := range lives {
			t.Run(r.name+"/"+lives[upto].name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				for _, l := range lives[:upto+1] {
					for _, s := range steps(l.steps) {
						w.step(s)
						w.settle()
					}
				}
				before, shown, said, sent := w.view(), w.card(), len(w.list()), len(w.outbox())
				w.rename(r)
				w.settle()
				w.comment("carol", "Did it move?")
				w.comment("dan", "/incident status")
				w.settle()
				w.goesOn(r, before, said+3, sent)
				if strings.Count(shown, "\n") != strings.Count(w.card(), "\n") {
					t.Errorf("the card was\n%s\nand is\n%s", shown, w.card())
				}
				w.comment("dan", "/ic")
				w.settle()
				if upto > 0 && !strings.Contains(w.card(), "dan") {
					t.Errorf("a command does nothing: %s", w.card())
				}
			})
		}
	}
}

const unanswered = `alice opens "The API is down"
  Summary: Customers get 502
  Severity: critical
  Customers impacted: globex
`

// Nobody hears of the new name but by GitHub's redirect: the timer goes off under the old one,
// people are paged on, and an answer at the pager to a page of before ends that.
func TestI5ARenamedIncidentPagesOn(t *testing.T) {
	for _, r := range renames {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.tell(unanswered)
			key := w.outbox()[0].Key
			w.order(`{"drop_webhooks":9}`)
			w.rename(r)
			w.tell("wait 6m")
			if got := w.steps(); !slices.Equal(got, []string{"1", "2"}) {
				t.Fatalf("paged %v", got)
			}
			w.post("/intake/opsgenie", "application/json",
				fmt.Sprintf(`{"action":"Acknowledge","source":{"name":"web","type":"web"},"alert":{"alertId":"1","alias":%q,"message":"x","username":"dan@acme.example","updatedAt":%d}}`,
					key, began.UnixMilli()+360_000))
			w.settle()
			if !strings.Contains(w.card(), "dan@acme.example") {
				t.Errorf("the answer is not heard:\n%s", w.card())
			}
			w.tell("wait 9m")
			if got := w.steps(); !slices.Equal(got, []string{"1", "2"}) {
				t.Errorf("paged on after the answer: %v", got)
			}
			if n := len(w.cards()); n != 1 {
				t.Errorf("%d cards", n)
			}
		})
	}
}

// GitHub is away when the timer goes off under the old name: people are paged from what is kept.
func TestI5ARenamedIncidentPagesWhileGitHubIsAway(t *testing.T) {
	for _, r := range renames {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.tell(unanswered)
			w.order(`{"drop_webhooks":9}`)
			w.rename(r)
			w.order(`{"match":".*","status":503,"count":-1}`)
			w.tell("wait 6m")
			if got := w.steps(); !slices.Equal(got, []string{"1", "2"}) {
				t.Errorf("paged %v", got)
			}
			w.as("", "DELETE", "/sandbox/faults", nil, nil)
			w.tell("wait 1m\ncarol: /ic\nwait 1m")
			if n := len(w.cards()); n != 1 || !strings.Contains(w.card(), "Coordinator **carol**") {
				t.Errorf("%d cards, the last\n%s", n, w.card())
			}
		})
	}
}

// GitHub does not show the configuration at the first look under the new name. The last good one
// goes on: customers hear of it.
func TestA4ARenamedIncidentKeepsItsConfiguration(t *testing.T) {
	for _, r := range renames {
		for _, status := range []int{403, 404} {
			t.Run(fmt.Sprintf("%s/%d", r.name, status), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.tell(opened + "carol: /ic\n")
				w.restart()
				w.rename(r)
				w.order(fmt.Sprintf(`{"match":"GET .*/contents/.github/firebreak.yml.*","status":%d,"count":1}`, status))
				before := len(w.outbox())
				w.comment("carol", "/ic update We found it")
				w.settle()
				if len(w.outbox()) == before {
					t.Errorf("the customer hears nothing:\n%s", w.card())
				}
			})
		}
	}
}

// A webhook under the old name arrives late: its command is done once, under the new name.
func TestALateWebhookUnderTheOldName(t *testing.T) {
	for _, r := range renames {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.tell(unanswered)
			_, delivery := w.unheard("carol", "/ic")
			w.rename(r)
			w.settle()
			w.late(delivery)
			w.settle()
			w.late(delivery)
			w.settle()
			if n := len(w.cards()); n != 1 || !strings.Contains(w.card(), "Coordinator **carol**") {
				t.Errorf("%d cards, the last\n%s", n, w.card())
			}
			if got := w.pages(); len(got) != 1 {
				t.Errorf("paged %v", got)
			}
		})
	}
}

// Tickets and the postmortem are found again after the incident got another name, and closed once.
func TestK8C4TicketsAndPostmortemOfARenamedIncident(t *testing.T) {
	skipUnderRace(t)
	closing := "carol: /ic agree Gina, by phone, sees no errors\ncarol: /ic close\nwait 1m\n"
	for _, r := range renames {
		for _, early := range []bool{true, false} {
			t.Run(fmt.Sprint(r.name, " ", early), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				for _, l := range lives {
					w.tell(l.steps)
				}
				w.advance(25 * time.Hour)
				if !early {
					w.tell(closing)
				}
				w.order(`{"drop_webhooks":1}`)
				w.rename(r)
				if r.name == "transfer" && !early {
					w.ref.Number = 2 // the ticket is the first there
				}
				w.settle()
				w.as("", "DELETE", "/sandbox/faults", nil, nil)
				if early {
					w.tell(closing)
				}
				w.tell("carol: /incident status\nwait 1m")
				tickets := w.tickets(r)
				if len(tickets) != 1 {
					t.Fatalf("%d tickets", len(tickets))
				}
				s := w.stateOf()
				if s.Phase != incident.Closing || s.Document.Number == 0 {
					t.Fatalf("phase %s, document %+v:\n%s", s.Phase, s.Document, w.card())
				}
				w.ok("alice", "PATCH", tickets[0], map[string]string{"state": "closed"}, nil)
				w.settle()
				if s := w.stateOf(); !s.FollowUps[0].Done {
					t.Errorf("nobody hears that the ticket %s was closed: %+v", tickets[0], s.FollowUps)
				}
				repo := r.ref.FullName()
				if r.name == "transfer" && !early {
					repo = "acme/incidents"
				}
				w.ok("carol", "PUT", fmt.Sprintf("/api/v3/repos/%s/pulls/%d/merge", repo,
					s.Document.Number), map[string]string{}, nil)
				w.tell("wait 1m")
				if s := w.stateOf(); s.Document.Merged == nil || w.view().State != "closed" {
					t.Errorf("merged, and it is %s: %+v\n%s", w.view().State, s.Document, w.card())
				}
				if n := len(w.cards()); n != 1 {
					t.Errorf("%d cards", n)
				}
			})
		}
	}
}

// steps lists which steps of the escalation were paged, under whatever name.
func (w *world) steps() (steps []string) {
	for _, e := range w.outbox() {
		if _, step, ok := strings.Cut(e.Key, "/page/"); ok {
			step, _, _ = strings.Cut(step, "@") // as it is paged while GitHub is away
			steps = append(steps, step)
		}
	}
	return steps
}

// tickets lists the addresses of the follow-ups' tickets.
func (w *world) tickets(r rename) (paths []string) {
	w.t.Helper()
	owner := r.ref.Owner
	var all []struct {
		Number int
		Labels []struct{ Name string }
	}
	w.ok("alice", "GET", "/api/v3/repos/"+owner+"/platform/issues?state=all", nil, &all)
	for _, i := range all {
		for _, l := range i.Labels {
			if l.Name == "follow-up" {
				paths = append(paths, fmt.Sprintf("/api/v3/repos/%s/platform/issues/%d", owner, i.Number))
			}
		}
	}
	return paths
}

// stateOf reads the incident's state from its card.
func (w *world) stateOf() incident.State {
	w.t.Helper()
	c, err := card.OpenIn(w.view().Pinned.Body, card.Issue{Ref: w.ref},
		card.Keys([][]byte{[]byte("a secret of the tests")}))
	if err != nil {
		w.t.Fatal(err)
	}
	return c.State
}

// Cards of the version before are bound to the name alone. They are read under the new name, and
// written again.
func TestACardOfTheVersionBeforeIsReadUnderANewName(t *testing.T) {
	for _, r := range renames {
		for _, hint := range []bool{true, false} {
			t.Run(fmt.Sprint(r.name, " ", hint), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				for _, l := range lives[:3] {
					w.tell(l.steps)
				}
				id, body := w.pinnedCard()
				keys := card.Keys([][]byte{[]byte("a secret of the tests")})
				s, seq, err := card.Open(body, w.ref, keys)
				if err != nil {
					t.Fatal(err)
				}
				old, err := card.Render(s, seq, card.View{Ref: w.ref,
					URL: w.url + "/acme/incidents/issues/1", Policy: incident.DefaultPolicy()}, keys[0])
				if err != nil {
					t.Fatal(err)
				}
				w.order(`{"drop_webhooks":1}`)
				w.overwrite("alice", id, old)
				before, said, sent := w.view(), len(w.list()), len(w.outbox())
				if !hint {
					w.order(`{"drop_webhooks":2}`)
				}
				w.rename(r)
				w.settle()
				w.as("", "DELETE", "/sandbox/faults", nil, nil)
				w.tell("dan: /incident status\nwait 1m")
				w.goesOn(r, before, said+2, sent)
				if now := w.stateOf(); now.IC != "carol" || now.DeclaredAs != "acme/incidents#1" ||
					len(now.FollowUps) != 1 {
					t.Errorf("the state is %+v", now)
				}
			})
		}
	}
}

// Another repository takes the old name: what comes under it late still finds the incident, and a
// card of the one is worth nothing in the other.
func TestA5AnotherRepositoryTakesTheOldName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// by which names they are known, whatever they are called
	w.env["FIREBREAK_REPOSITORIES"] = "acme/incidents acme/payments"
	w.restart()
	w.tell(opened + "carol: /ic")
	_, stolen := w.pinnedCard()
	w.rename(renames[0])
	w.settle()
	w.tell("wait 21m") // the timer under the old name
	w.bringAbout(`{"rename":["acme/payments","acme/incidents"]}`)
	w.settle()
	w.tell("carol: /ic update Back\nwait 1m")
	if w.stateOf().Updates.Last.IsZero() {
		t.Errorf("the renamed one does not go on:\n%s", w.card())
	}
	w.ref = incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}
	w.tell("bob writes \"Something else\"\n  /incident It burns\n")
	before := w.card()
	id, _ := w.pinnedCard()
	w.ok("bob", "PATCH", fmt.Sprintf("/api/v3/repos/acme/incidents/issues/comments/%d", id),
		map[string]string{"body": stolen}, nil)
	w.settle()
	w.tell("bob: /incident status\nwait 1m")
	if strings.Contains(w.card(), "globex") || w.card() != before {
		t.Errorf("a stolen card counts: before\n%s\nnow\n%s", before, w.card())
	}
}

// A locked issue is said on the card, and no longer once it is unlocked. The App goes on.
func TestALockedIssueIsSaidOnTheCard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tell(opened + "carol: /ic")
	said := len(w.list())
	w.bringAbout(`{"lock":"acme/incidents#1"}`)
	w.settle()
	if !strings.Contains(w.card(), "somebody locked this issue") {
		t.Errorf("the card says\n%s", w.card())
	}
	w.tell("bob: /oe")
	if !strings.Contains(w.card(), "**bob**") || len(w.list()) != said+1 {
		t.Errorf("%d comments, and the card says\n%s", len(w.list()), w.card())
	}
	w.bringAbout(`{"unlock":"acme/incidents#1"}`)
	w.settle()
	if strings.Contains(w.card(), "locked") {
		t.Errorf("the card says\n%s", w.card())
	}
}

// The operator named the accounts that are served: one that was renamed is still served, before
// they write the new name down.
func TestA8ARenamedAccountIsStillServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env["FIREBREAK_ACCOUNTS"] = "acme"
	w.restart()
	w.tell(unanswered)
	w.order(`{"drop_webhooks":9}`)
	w.rename(renames[1])
	w.restart()
	w.tell("wait 6m")
	w.as("", "DELETE", "/sandbox/faults", nil, nil)
	w.tell("carol: /ic")
	if got := w.steps(); !slices.Equal(got, []string{"1", "2"}) ||
		!strings.Contains(w.card(), "Coordinator **carol**") {
		t.Errorf("paged %v, and the card says\n%s", got, w.card())
	}
}

// The repositories around an incident get other names, too: the customer still hears by their issue,
// and a ticket that is done counts as done (K8).
func TestK8ACustomersAndATeamsRepositoryAreRenamed(t *testing.T) {
	t.Parallel()
	w := unjudged(t)
	w.tell(opened + "carol: /ic\ncarol: /ic update We look into it\ncarol: /ic followup acme/platform Watch the certificate\nwait 5m")
	w.bringAbout(`{"rename":["acme/customer-globex","acme/globex"]}`)
	w.tell("carol: /ic update It works again\ncarol: /ic close because it works again\nwait 1m")
	var theirs []commentView
	w.ok("gina", "GET", "/api/v3/repos/acme/globex/issues/1/comments", nil, &theirs)
	if len(theirs) != 1 || !strings.HasPrefix(theirs[0].Body, "It works again") || len(w.said("did not reach")) > 0 {
		t.Errorf("the customer reads %+v", theirs)
	}
	w.bringAbout(`{"rename":["acme/platform","acme/infra"]}`)
	w.ok("alice", "PATCH", "/api/v3/repos/acme/infra/issues/1", map[string]string{"state": "closed"}, nil)
	w.tell("wait 1m")
	if s := w.stateOf(); len(s.FollowUps) != 1 || !s.FollowUps[0].Done {
		t.Errorf("the follow-ups are %+v", s.FollowUps)
	}
}
