package engine_test

import (
	"fmt"
	"strings"
	"testing"
)

// shared is the first issue that globex shares with the company.
const shared = "/api/v3/repos/acme/customer-globex/issues/1"

// answerIn writes a comment into an issue of globex.
func (w *world) answerIn(who, issue, text string) (id int64) {
	w.t.Helper()
	var c struct{ ID int64 }
	w.ok(who, "POST", issue+"/comments", map[string]string{"body": text}, &c)
	w.settle()
	return c.ID
}

// startShared plays an incident until globex has an issue of it.
func (w *world) startShared() {
	w.t.Helper()
	w.tell("alice opens \"db-7 is down\"\n  Summary: db-7 is down\n  Severity: critical\n" +
		"  Customers impacted: globex\ncarol: /ic\ncarol: /ic update We see failing requests")
}

// A customer's answer reaches the incident once, and nothing in it acts (V6).
func TestV6AnAnswerIsQuotedOnce(t *testing.T) {
	w := newWorld(t)
	w.startShared()
	before := w.view()
	id := w.answerIn("gina", shared, "Still broken @alice\n/ic close\n/incident decline no")
	said := w.said("Still broken")
	if len(said) != 1 || !strings.Contains(said[0], "@carol") || strings.Contains(said[0], " @alice") {
		t.Fatalf("the incident says %q", said)
	}
	if v := w.view(); v.State != before.State || fmt.Sprint(v.labels()) != fmt.Sprint(before.labels()) {
		t.Errorf("an answer made it %s %v", v.State, v.labels())
	}
	if card := w.card(); !strings.Contains(card, "Still broken") {
		t.Errorf("the card does not show it:\n%s", card)
	}

	w.answerIn("gina", shared, "On Mon, 2 Mar 2026 at 11:00, Gina wrote:\nStill red on our side")
	if all := w.said("Still red on our side"); len(all) != 1 {
		t.Errorf("an answer that looks like a quoted mail is quoted %d times", len(all))
	}

	comment := fmt.Sprintf("/api/v3/repos/acme/customer-globex/issues/comments/%d", id)
	w.ok("gina", "PATCH", comment, map[string]string{"body": "Still broken, in other words"}, nil)
	w.settle()
	w.redeliver()
	w.settle()
	w.tell("alice deletes card\ncarol: /incident status")
	w.redeliver()
	w.settle()
	w.ok("gina", "DELETE", comment, nil, nil)
	w.tell("wait 1h")
	if n := len(w.said("Still broken")); n != 1 {
		t.Errorf("it is quoted %d times", n)
	}
	if all := w.customersIssue(); strings.Count(all, "firebreak[bot]") != 0 {
		t.Errorf("the app answers there:\n%s", all)
	}

	// A card that was lost knows the issue no more; its signed mark is enough.
	w.tell("alice deletes card")
	w.answerIn("gina", shared, "Once more")
	if n := len(w.said("Once more")); n != 1 {
		t.Errorf("after the card was lost it is quoted %d times", n)
	}
}

// What responders and machines write there is no answer, unless the customer's contacts name them (V6).
func TestV6TheCompanysOwnWordsAreNoAnswer(t *testing.T) {
	w := newWorld(t)
	w.change("main", "customers: {globex: {contacts: [\"Erin at globex, @erin\"], "+
		"channels: [{issue: acme/customer-globex}]}}\n")
	w.startShared()
	w.answerIn("bob", shared, "Words of bob")
	w.answerIn("erin", shared, "Words of erin")
	w.answerIn("mallory", shared, "Words of mallory")
	for who, want := range map[string]int{"bob": 0, "erin": 1, "mallory": 1} {
		if said := w.said("Words of " + who); len(said) != want {
			t.Errorf("%s is quoted %d times", who, len(said))
		}
	}
}

// An issue is a customer's only if the app opened it for the incident (V6, A7).
func TestV6AForgedIssueReachesNoIncident(t *testing.T) {
	w := newWorld(t)
	w.startShared()
	var issue struct{ Body string }
	w.ok("gina", "GET", shared, nil, &issue)
	if strings.Contains(issue.Body, "acme/incidents") {
		t.Fatalf("the customer reads the name of the incident:\n%s", issue.Body)
	}
	var forged struct{ Number int }
	w.ok("bob", "POST", "/api/v3/repos/acme/customer-globex/issues",
		map[string]string{"title": "Mine", "body": issue.Body}, &forged)
	w.answerIn("mallory", fmt.Sprintf("/api/v3/repos/acme/customer-globex/issues/%d", forged.Number), "By a person's issue")

	// One by the app, of another incident, into which somebody copied the marks.
	w.tell("alice opens \"Another\"\n  Summary: Another one\n  Severity: critical\n  Customers impacted: globex\n" +
		"on 2\ncarol: /ic\nwait 1m\ncarol: /ic update Another thing")
	other := "/api/v3/repos/acme/customer-globex/issues/3"
	w.ok("bob", "PATCH", other, map[string]string{"body": issue.Body}, nil)
	w.answerIn("mallory", other, "By another incident's issue")
	for _, number := range []int{1, 2} {
		w.ref.Number = number
		for _, words := range []string{"By a person's issue", "By another incident's issue"} {
			if said := w.said(words); len(said) > 0 {
				t.Errorf("incident %d says %q", number, said)
			}
		}
	}
}

// Nobody can fill an incident with answers (V6).
func TestV6AnswersAreBounded(t *testing.T) {
	skipUnderRace(t)
	w := unjudged(t)
	w.startShared()
	for i := range 25 {
		w.answerIn("gina", shared, fmt.Sprintf("Flood %d %s", i, strings.Repeat("x ", 20_000)))
	}
	said := w.said("answered in")
	if more := w.said("too many answers"); len(said) != 21 || len(more) != 1 {
		t.Errorf("%d comments, %d of them say that there are more", len(said), len(more))
	}
	for _, s := range said {
		if len(s) > 12_000 {
			t.Errorf("an answer is quoted with %d bytes", len(s))
		}
	}
	w.tell("wait 1h")
	w.answerIn("gina", shared, "An hour later")
	if said := w.said("An hour later"); len(said) != 1 {
		t.Errorf("an hour later: %q", said)
	}
}

// An answer goes where its incident goes (V6, I3).
func TestV6AnAnswerFollowsItsIncident(t *testing.T) {
	w := newWorld(t)
	w.startShared()
	w.tell("alice opens \"The same\"\n  Summary: The same\n  Severity: critical\n  Customers impacted: none\n" +
		"alice: /incident duplicate #2\nwait 2m")
	if all := w.customersIssue(); !strings.HasPrefix(all, "closed: ") ||
		!strings.Contains(all, "closed, we handle it together with another incident, since ") {
		t.Errorf("the customer reads of an incident that was folded\n%s", all)
	}
	w.answerIn("gina", shared, "Into the other one")
	if w.ref.Number = 2; len(w.said("Into the other one")) != 1 {
		t.Errorf("the other incident does not say it")
	}
	if w.ref.Number = 1; len(w.said("Into the other one")) != 0 {
		t.Errorf("the folded incident says it")
	}
}

// What customers read of how far the incident is follows it, in their words (V6).
func TestV6TheCustomersIssueFollows(t *testing.T) {
	w := newWorld(t)
	w.startShared()
	status := func(want string) {
		t.Helper()
		if all := w.customersIssue(); !strings.HasPrefix(all, want) {
			t.Errorf("globex reads\n%s\nnot %s", all, want)
		}
	}
	const title = "We see failing requests (2 March 2026)\n\n**Status:** "
	status("open: " + title + "we look for the cause")
	var issue struct{ Body string }
	w.ok("gina", "GET", shared, nil, &issue)
	w.ok("bob", "PATCH", shared, map[string]string{"body": "Our reference: 4711\n\n" + issue.Body}, nil)
	w.tell("alice: /oe cause a certificate\nwait 2m")
	if all := w.customersIssue(); !strings.Contains(all, "Our reference: 4711") || strings.Count(all, "**Status:**") != 1 ||
		!strings.Contains(all, "we know the cause") {
		t.Errorf("after the cause globex reads\n%s", all)
	}

	// Phases that follow one another at once are told once.
	w.ok("bob", "PATCH", shared, map[string]string{"body": issue.Body}, nil)
	w.mark()
	w.tell("alice: /oe workaround by hand\ncarol: /ic phase monitoring\nalice: /oe regression again\nwait 2m")
	edits := strings.Count(w.changes(), "PATCH /repos/acme/customer-globex/issues/1 ")
	status("open: " + title + "we look for the cause")
	if edits != 1 {
		t.Errorf("the issue was edited %d times", edits)
	}

	// What GitHub refuses is said, and everything else goes on.
	w.order(`{"match":"PATCH .*customer-globex/issues/1$","status":403,"count":1}`)
	w.tell("alice: /oe cause another one\nwait 2m")
	if said := w.said("refuses to show in a customer's issue"); len(said) != 1 {
		t.Errorf("a refusal is said %d times", len(said))
	}
	w.tell("wait 6m")
	status("open: " + title + "we know the cause")
	if said := w.said("shows now how far"); len(said) != 1 {
		t.Errorf("that GitHub took it is said %d times", len(said))
	}

	w.tell("carol: /incident decline a test alert\nwait 2m")
	status("closed: " + title + "closed, there was no incident")
	w.ok("carol", "PATCH", w.issue(), map[string]string{"state": "open"}, nil)
	w.tell("wait 2m")
	status("open: " + title + "we know the cause")
}

// The issue of a customer who isn't impacted after all follows too, also if the card is lost after that (V6).
func TestV6TheIssueOfARemovedCustomerFollowsThoughTheCardIsLost(t *testing.T) {
	w := newWorld(t)
	w.startShared()
	w.tell("carol: /ic customer remove globex\nwait 2m\nalice deletes card\nwait 2m\ncarol: /incident decline a test alert\nwait 2m")
	if all := w.customersIssue(); !strings.HasPrefix(all, "closed: ") || !strings.Contains(all, "closed, there was no incident") {
		t.Errorf("globex reads\n%s", all)
	}
}

// An issue that was opened by a look which could not note it says how far the incident was then:
// the look that finds it brings that up to date (V6).
func TestV6TheStatusFollowsWhereTheFirstLookBrokeOff(t *testing.T) {
	w := newWorld(t)
	w.tell(declared + "\nalice: /oe cause a certificate\nwait 1m")
	w.order(`{"match":"^PATCH .*/incidents/issues/comments/","status":502,"count":-1}`)
	w.tell("carol: /ic update We see failing requests\nwait 1m")
	if all := w.customersIssue(); !strings.Contains(all, "we know the cause") {
		t.Fatalf("globex reads\n%s", all)
	}
	w.tell("alice: /oe workaround by hand\ncarol: /ic phase monitoring\nwait 1m")
	w.as("", "DELETE", "/sandbox/faults", nil, nil)
	w.tell("wait 10m")
	if all := w.customersIssue(); !strings.Contains(all, "it should work again") {
		t.Errorf("globex reads\n%s", all)
	}
}

// A mail of a customer's contact mentions the coordinator, and others do not (V6).
func TestV6AMailOfACustomerMentionsTheCoordinator(t *testing.T) {
	w := unjudged(t)
	w.change("main", "signals: [{source: email, do: open}]\ncustomers: {globex: {domains: [globex.example]}}\n")
	w.mailIn("Gina <gina@globex.example>", "Subject: Prod down\nMessage-ID: <root@x.example>", "It is down")
	w.tell("carol: /ic severity critical\ncarol: /ic")
	head := func(n int) string {
		return fmt.Sprintf("Subject: Re: x\nMessage-ID: <%d@x.example>\nIn-Reply-To: <root@x.example>", n)
	}
	for i, c := range []struct{ from, head, want string }{
		{"Gina <gina@globex.example>", "", "@carol: a message by Email from `gina@globex.example` of **globex**"},
		{"Bill <bill@initech.example>", "", "A message by Email from `bill@initech.example`"},
		{"Gina <gina@globex.example>", "\nAuto-Submitted: auto-replied", "A message by Email from `gina@globex.example`"},
	} {
		words := fmt.Sprintf("News number %d", i)
		w.mailIn(c.from, head(i)+c.head, words)
		if said := w.said(words); len(said) != 1 || !strings.HasPrefix(said[0], c.want) {
			t.Errorf("%s: the incident says %q", c.from, said)
		}
	}
	if card := w.card(); !strings.Contains(card, "globex: News number 0") {
		t.Errorf("the card does not show it:\n%s", card)
	}
}
