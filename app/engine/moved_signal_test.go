package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// An incident that a source opened is built again from its issue where its card is lost and its
// repository has another name, also by a process that knows nothing of it (A5).
func TestA5AReportedIncidentIsBuiltAgainUnderAnotherName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alert("firing", "APIServerDown", 1)
	w.settle()
	w.comment("carol", "/ic")
	w.settle()
	w.rename(renames[0])
	w.settle()
	w.restart()
	for _, c := range w.list() {
		if strings.Contains(c.Body, "<!-- firebreak:card") {
			w.ok("bob", "DELETE", fmt.Sprintf("/api/v3/repos/%s/issues/comments/%d", w.ref.FullName(),
				c.ID), nil, nil)
		}
	}
	w.comment("carol", "/ic severity critical")
	w.tell("wait 1m")
	if said := w.said("this issue is not an incident"); len(said) != 0 {
		t.Errorf("the incident says %q", said)
	}
	if cards := w.cards(); len(cards) != 1 || !strings.Contains(cards[0],
		"Incident Coordinator **carol**") || !strings.Contains(cards[0], "P1") {
		t.Errorf("the cards say %q", cards)
	}
}

// The name under which an incident was declared outlives its card: marks are made with it, so that
// nothing is opened twice where the card is lost after its repository got another name, and where
// it got the first one back.
func TestC4NothingIsOpenedTwiceWhereARenamedIncidentLosesItsCard(t *testing.T) {
	for _, back := range []bool{false, true} {
		t.Run(fmt.Sprint("with the first name again: ", back), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for _, l := range lives {
				w.tell(l.steps)
			}
			shared := len(w.sharedIssues())
			if shared == 0 {
				t.Fatal("no customer was told by an issue")
			}
			w.advance(25 * time.Hour)
			w.tell("carol: /ic agree Gina, by phone, sees no errors\ncarol: /ic close\nwait 1h")
			w.rename(renames[0])
			w.tell("carol: /incident status\nwait 1m")
			if back {
				w.rename(rename{state: `{"rename":["acme/p1","acme/incidents"]}`,
					ref: incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}})
			}
			w.restart()
			w.tell("alice deletes card\nwait 1m\ncarol: /incident reopen\nwait 1m\ncarol: /ic update Half of it works\nwait 1h")
			if n := len(w.tickets(renames[0])); n != 1 {
				t.Errorf("%d tickets", n)
			}
			if n := len(w.sharedIssues()); n != shared {
				t.Errorf("%d issues for customers, and %d before", n, shared)
			}
		})
	}
}

// sharedIssues lists the titles of the issues that the app opened for a customer.
func (w *world) sharedIssues() (titles []string) {
	w.t.Helper()
	var all []struct{ Title string }
	w.ok("alice", "GET", "/api/v3/repos/acme/customer-globex/issues?state=all", nil, &all)
	for _, i := range all {
		titles = append(titles, i.Title)
	}
	return titles
}

// What a source reports of a trouble goes to the incident of that trouble, whatever that is called,
// and whether the operator has changed the intake's address or not.
func TestK8I6AnAlertFindsTheRenamedIncident(t *testing.T) {
	for _, r := range renames {
		for _, changed := range []bool{false, true} {
			t.Run(fmt.Sprint(r.name, " ", changed), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.alert("firing", "APIServerDown", 1)
				w.settle()
				w.order(`{"drop_webhooks":1}`)
				w.rename(r)
				w.settle()
				if changed {
					w.env["FIREBREAK_INTAKE_REPOSITORY"] = r.intake
				}
				w.restart() // without tokens: none is given by the old name
				w.tell("wait 1m")
				w.as("", "DELETE", "/sandbox/faults", nil, nil)
				w.alert("firing", "APIServerDown", 2)
				w.tell("wait 1m")
				w.alert("resolved", "APIServerDown", 2)
				w.tell("wait 1m")
				var all []struct{ Number int }
				w.ok("alice", "GET", "/api/v3/repos/"+r.intake+"/issues?state=all", nil, &all)
				want := 1
				if r.name == "transfer" {
					want = 0
				}
				if len(all) != want {
					t.Errorf("%d issues in %s, want %d", len(all), r.intake, want)
				}
				if said := w.said("says that it recovered, at"); len(said) != 1 {
					t.Errorf("the incident says %d times that it recovered", len(said))
				}
				if n := len(w.cards()); n != 1 {
					t.Errorf("%d cards", n)
				}
			})
		}
	}
}

// An answer to a mail of before becomes a comment on the incident, whatever that is called.
func TestI1AnAnswerToAMailFindsTheRenamedIncident(t *testing.T) {
	for _, r := range renames {
		for _, changed := range []bool{false, true} {
			t.Run(fmt.Sprint(r.name, " ", changed), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				post := newPostbox(t)
				w.env["FIREBREAK_MAIL_URL"], w.env["FIREBREAK_SECRET_SMTP"], w.env["FIREBREAK_OUTBOUND_ALLOW"] = "", "smtp://"+post.address, "127.0.0.1"
				w.restart()
				w.change("main", "services: {email: {secret: SMTP, from: incidents@acme.example, reply-to: p1@acme.example}}\ncustomers: {globex: {channels: [{email: gina@globex.example}]}}\n"+
					"pager: webhook\nsignals: [{source: email, do: page}]\n")
				w.tell(unanswered + "carol: /ic\ncarol: /ic update We are on it")
				refers := "References: " + post.last(t).Header.Get("References")
				w.rename(r)
				if changed {
					w.env["FIREBREAK_INTAKE_REPOSITORY"] = r.intake
					w.restart()
				}
				w.settle()
				w.post("/intake/email", "message/rfc822",
					"From: Gina <gina@globex.example>\r\nTo: p1@acme.example\r\nSubject: Re: Incident update\r\nMessage-ID: <a@globex.example>\r\n"+refers+"\r\n\r\nStill down\r\n")
				w.tell("wait 1m")
				if said := w.said("Still down"); len(said) != 1 {
					t.Errorf("the incident says %q", said)
				}
				w.tell("carol: /ic update Half of it works\nwait 1m")
				if got := post.last(t).Header.Get("References"); "References: "+got != refers {
					t.Errorf("the next mail refers to %q, and before to %q", got, refers)
				}
			})
		}
	}
}
