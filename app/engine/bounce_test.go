package engine_test

import (
	"fmt"
	"strings"
	"testing"
)

const declared = "alice opens \"The API is down\"\n  Summary: Customers get 502\n  Severity: critical\n  Customers impacted: globex\ncarol: /ic"

// issues counts the issues of the incidents' repository.
func (w *world) issues() int {
	w.t.Helper()
	var all []struct{ Number int }
	w.ok("alice", "GET", "/api/v3/repos/acme/incidents/issues?state=all", nil, &all)
	return len(all)
}

// A mail server says that the customer's address is no more: the update did not reach them, so it
// was not kept. No report opens an incident, whatever it is about.
func TestV3I1ABounceTakesTheUpdateBack(t *testing.T) {
	w := newWorld(t)
	post := newPostbox(t)
	w.env["FIREBREAK_MAIL_URL"], w.env["FIREBREAK_SECRET_SMTP"], w.env["FIREBREAK_OUTBOUND_ALLOW"] = "", "smtp://"+post.address, "127.0.0.1"
	w.restart()
	w.change("main", "services: {email: {secret: SMTP, from: incidents@acme.example}}\ncustomers: {globex: {contacts: [\"Gina, +49 30 5550 142\"], channels: [{email: gina@globex.example}]}}\n"+
		"pager: webhook\nsignals: [{labels: {auto-submitted: auto-.*}, do: drop}, {source: email, do: page}]\n")
	w.tell(declared + "\ncarol: /ic update We are on it\nwait 12m")
	first := post.last(t)
	w.tell("carol: /ic update Half of it works\nwait 3m")
	if !strings.Contains(w.card(), "on time 2 of 2") {
		t.Fatalf("the card says\n%s", w.card())
	}
	paged := len(w.outbox())
	n := 0
	bounce := func(about, address, action, status string) {
		t.Helper()
		n++
		w.post("/intake/email", "message/rfc822", strings.ReplaceAll(fmt.Sprintf(`Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.acme.example>
To: incidents@acme.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Message-ID: <bounce%d@mx.acme.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=BB

--BB
Content-Type: text/plain

I'm sorry.

--BB
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.acme.example

Final-Recipient: rfc822; %s
Action: %s
Status: %s
Diagnostic-Code: smtp; 550 @carol /ic close

--BB
Content-Type: text/rfc822-headers

%s
--BB--
`, n, address, action, status, about), "\n", "\r\n"))
		w.tell("wait 1m")
	}
	head := func(date string) string {
		return "From: incidents@acme.example\nDate: " + date + "\nReferences: " +
			first.Header.Get("References")
	}

	bounce(head(first.Header.Get("Date")), "gina@globex.example", "delayed", "4.4.1")
	if said := w.said("still trying"); len(said) != 1 || !strings.Contains(w.card(), "on time 2 of 2") {
		t.Errorf("a delay: the incident says %q, and the card\n%s", said, w.card())
	}
	bounce(head(first.Header.Get("Date")), "Gina@Globex.example", "failed", "5.1.1")
	said := w.said("did not reach **globex** by email")
	if len(said) != 1 || !strings.Contains(said[0], "@carol: the update of 10:40 UTC") ||
		!strings.Contains(said[0], "/ic told globex by phone") ||
		!strings.Contains(said[0], "Gina, +49 30 5550 142") {
		t.Errorf("a bounce of the first update: the incident says %q", said)
	}
	if strings.Contains(said[0], "550 @carol") {
		t.Errorf("what the server says mentions people: %q", said[0])
	}
	if card := w.card(); !strings.Contains(card, "on time 1 of 1") ||
		!strings.Contains(card, "Next&nbsp;update | **11:12 UTC**") ||
		!strings.Contains(card, "longest wait 12 min") {
		t.Errorf("after the bounce of the first update the card says\n%s", card)
	}
	bounce(head(first.Header.Get("Date")), "gina@globex.example", "failed", "5.1.1")
	if said := w.said("did not reach **globex** by email"); len(said) != 1 {
		t.Errorf("a report that comes twice is told %d times", len(said))
	}
	bounce(head("Mon, 02 Mar 2026 10:52:00 +0000"), "gina@globex.example", "failed", "5.1.1")
	if card := w.card(); strings.Contains(card, "on time") ||
		!strings.Contains(card, "Next&nbsp;update | **11:00 UTC**") {
		t.Errorf("after the bounce of the last update the card says\n%s", card)
	}
	bounce(head("Mon, 02 Mar 2026 10:40:30 +0000"), "oncall@acme.example", "failed", "5.1.1")
	if said := w.said("`oncall@acme.example`"); len(said) != 1 {
		t.Errorf("another address: the incident says %q", said)
	}

	// The card is lost: what was said of the bounces still counts.
	before := w.card()
	w.tell("alice deletes card\ncarol: /incident status")
	if got := w.card(); got != before {
		t.Errorf("rebuilt, the card says\n%s\nand before\n%s", got, before)
	}
	w.tell("wait 7m")
	if got := w.card(); !strings.Contains(got, "on time 0 of 1") {
		t.Errorf("nobody was told, and the card says\n%s", got)
	}

	// By our id alone, which some servers quote and no other header (K12).
	bounce("From: incidents@acme.example\nMessage-ID: "+first.Header.Get("Message-ID"), "support@acme.example", "failed", "5.1.1")
	if said := w.said("`support@acme.example`"); len(said) != 1 {
		t.Errorf("by the id alone the incident says %q", said)
	}

	// About a mail that is not ours, and about none: case 47.
	bounce("From: incidents@acme.example\nMessage-ID: <7ef0164f@acme.example>", "gina@globex.example",
		"failed", "5.1.1")
	if w.issues() != 1 {
		t.Errorf("reports opened %d incidents", w.issues()-1)
	}
	if more := w.outbox()[paged:]; len(more) != 1 || !strings.Contains(more[0].Text, "overdue") {
		t.Errorf("paged for reports: %+v", more)
	}
}

// GitHub refuses the customer's repository for good: that must stop nothing, and the update does
// not count.
func TestV3A8AnUpdateThatGitHubRefuses(t *testing.T) {
	for _, status := range []int{403, 404, 410} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			w := unjudged(t)
			w.change("main", "customers: {globex: {contacts: [\"Gina, +49 30 5550 142\"], channels: [{issue: acme/customer-globex}]}}\npager: webhook\n")
			w.tell(declared)
			w.order(fmt.Sprintf(`{"match":"POST .*/customer-globex/issues$","status":%d,"count":50}`, status))
			w.tell("carol: /ic update We are on it\nwait 4s") // a new token may lack its permissions at first
			w.as("", "DELETE", "/sandbox/faults", nil, nil)
			said := w.said("did not reach **globex** by issue")
			if len(said) != 1 || !strings.Contains(said[0], "@carol") ||
				!strings.Contains(said[0], "/ic told globex by phone") {
				t.Errorf("the incident says %q", said)
			}
			card := w.card()
			if !strings.Contains(card, "Next&nbsp;update | **11:00 UTC**") ||
				!strings.Contains(card, "**not** **globex**") || strings.Contains(card, "on time 1 of") {
				t.Errorf("the card says\n%s", card)
			}
			for _, c := range w.list() {
				if strings.HasPrefix(c.Body, "/ic update") && reactionsOf(c) != "-1" {
					t.Errorf("the update is answered by %q", reactionsOf(c))
				}
			}
			w.tell("carol: /ic told globex by phone, Gina")
			if card := w.card(); !strings.Contains(card, "on time 1 of 1") ||
				!strings.Contains(card, "globex by carol") {
				t.Errorf("after the call the card says\n%s", card)
			}
			w.tell("wait 15m\ncarol: /ic update Half of it works")
			if card := w.card(); !strings.Contains(card, "on time 2 of 2") ||
				!strings.Contains(card, "globex by issue") {
				t.Errorf("once GitHub takes it the card says\n%s", card)
			}
		})
	}
}

// newWorldOfShares has an incident of a customer who reads updates in an issue alone.
func newWorldOfShares(t *testing.T) *world {
	w := unjudged(t)
	w.change("main", "customers: {globex: {channels: [{issue: acme/customer-globex}]}}\npager: webhook\n")
	w.tell(declared)
	return w
}

// An update that GitHub kept from a customer's issue is written there once GitHub takes it, without
// another command (A8).
func TestA8AnUpdateIsSharedAfterAll(t *testing.T) {
	t.Parallel()
	w := newWorldOfShares(t)
	w.order(`{"match":"POST .*/customer-globex/issues$","status":403,"count":50}`)
	w.tell("carol: /ic update We are on it\nwait 4s")
	if said := w.said("did not reach **globex** by issue"); len(said) != 1 {
		t.Fatalf("the incident says %q", said)
	}
	w.as("", "DELETE", "/sandbox/faults", nil, nil)
	w.tell("wait 7m")
	var shared []struct{ Body string }
	w.ok("gina", "GET", "/api/v3/repos/acme/customer-globex/issues", nil, &shared)
	if len(shared) != 1 || !strings.Contains(shared[0].Body, "\n\nWe are on it\n") {
		t.Errorf("the customer reads %+v", shared)
	}
	if said := w.said("is in the issue of **globex** now"); len(said) != 1 {
		t.Errorf("the incident says %q", said)
	}
	card := w.card()
	if !strings.Contains(card, "globex by issue") || !strings.Contains(card, "on time 1 of 1") ||
		strings.Contains(card, "GitHub&nbsp;refuses") {
		t.Errorf("the card says\n%s", card)
	}
	w.tell("carol: /ic update It works again\nwait 3h")
	w.ok("gina", "GET", "/api/v3/repos/acme/customer-globex/issues/1/comments", nil, &shared)
	if len(shared) != 1 {
		t.Errorf("the customer's issue has the comments %+v", shared)
	}
}

// A card that is built again knows of such an update whether it was shared, and it is shared if not.
func TestA8AnUpdateIsSharedAfterAllThoughTheCardIsLost(t *testing.T) {
	t.Parallel()
	for when, script := range map[string]string{
		"after it was shared":  "wait 7m\nalice deletes card\ncarol: /incident status\nwait 7m",
		"before it was shared": "alice deletes card\ncarol: /incident status\nwait 7m",
	} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			w := newWorldOfShares(t)
			w.order(`{"match":"POST .*/customer-globex/issues$","status":403,"count":50}`)
			w.tell("carol: /ic update We are on it\nwait 4s")
			if said := w.said("did not reach **globex** by issue"); len(said) != 1 {
				t.Fatalf("the incident says %q", said)
			}
			w.as("", "DELETE", "/sandbox/faults", nil, nil)
			w.tell(script)

			var shared []struct {
				Body     string
				Comments int
			}
			w.ok("gina", "GET", "/api/v3/repos/acme/customer-globex/issues", nil, &shared)
			if len(shared) != 1 || !strings.Contains(shared[0].Body, "\n\nWe are on it\n") || shared[0].Comments != 0 {
				t.Errorf("the customer reads %+v", shared)
			}
			if said := w.said("is in the issue of **globex** now"); len(said) != 1 {
				t.Errorf("the incident says %q", said)
			}
			if card := w.card(); !strings.Contains(card, "globex by issue") || strings.Contains(card, "**not** **globex**") {
				t.Errorf("the card says\n%s", card)
			}
		})
	}
}

// Where reads have been behind for long, nothing is opened again before they may show it (A4).
func TestA4AnIssueIsNotOpenedAgainWhileReadsAreBehind(t *testing.T) {
	t.Parallel()
	w := newWorldOfShares(t)
	w.order(`{"match":"GET .*","lag":"50s"}`)
	w.tell("carol: /ic phase investigate\nwait 2m")
	w.order(`{"match":"POST .*/customer-globex/issues$","status":502,"count":1,"applied":true}`)
	w.tell("carol: /ic update We are on it\nwait 5m")
	var shared []struct{ Body string }
	w.ok("gina", "GET", "/api/v3/repos/acme/customer-globex/issues", nil, &shared)
	if len(shared) != 1 || !strings.Contains(w.card(), "globex by issue") {
		t.Errorf("the customer has %d issues, the card says\n%s", len(shared), w.card())
	}
}

// What became due because an update reached nobody is paged for in the same look, and its label is
// set.
func TestV3AnUpdateThatReachedNobodyTooLate(t *testing.T) {
	w := unjudged(t)
	w.change("main", "customers: {globex: {channels: [{issue: acme/customer-globex}]}}\npager: webhook\n")
	w.tell(declared + "\nwait 26m")
	if !strings.Contains(strings.Join(w.view().labels(), " "), "update-overdue") {
		t.Fatalf("labels %v", w.view().labels())
	}
	w.order(`{"match":"POST .*/customer-globex/issues$","status":403,"count":50}`)
	w.tell("carol: /ic update We are on it\nwait 4s")
	if !strings.Contains(strings.Join(w.view().labels(), " "), "update-overdue") ||
		!strings.Contains(w.card(), "heard nothing since 10:40 UTC") {
		t.Errorf("labels %v, the card\n%s", w.view().labels(), w.card())
	}
	w.as("", "DELETE", "/sandbox/faults", nil, nil)
	w.tell("carol: /ic update Really")
	if strings.Contains(strings.Join(w.view().labels(), " "), "update-overdue") {
		t.Errorf("labels %v after an update that reached them", w.view().labels())
	}
}
