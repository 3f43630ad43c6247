package engine_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// A mail of a customer's contact proposes the customer: it is shown, and counts once a person says
// so (I1, I2).
func TestI1AContactsMailProposesTheCustomer(t *testing.T) {
	for name, c := range map[string]struct{ from, say, shown, gone string }{
		"taken":       {"Gina <GINA@globex.example>", "/ic customer add globex", "customer **globex**", "probably"},
		"another one": {"gina@globex.example", "/ic customer add initech", "customer **initech**", "globex, whose"},
		"none":        {"gina@globex.example", "/ic customer add none", "no customer impacted", "probably"},
		"removed":     {"gina@globex.example", "/ic customer remove globex", "", "probably"},
		"a colleague": {"gustav@sub.globex.example", "/ic customer add globex", "customer **globex**", "probably"},
	} {
		t.Run(name, func(t *testing.T) {
			w := unjudged(t)
			w.change("main", "pager: webhook\ncustomers:\n  globex:\n    contacts: [\"Gina, gina@globex.example\"]\n    domains: [sub.globex.example]\n    channels: [{issue: acme/customer-globex}]\n  initech: {contacts: [Bill]}\n")
			w.mailIn(c.from, "Subject: It is slow\nMessage-ID: <m@x.example>", "Really\nhttps://zoom.us/j/42")
			if card := w.card(); !strings.Contains(card, "probably **globex**, whose contact reported it") || strings.Contains(card, "customer **globex**") {
				t.Fatalf("the card says\n%s", card)
			}
			if card := w.card(); !strings.Contains(card, "Call at zoom.us: `https://zoom.us/j/42`") {
				t.Errorf("the link of an unverified sender:\n%s", card)
			}
			before := w.card()
			w.tell("alice deletes card\ncarol: /incident status")
			if got := w.card(); got != before {
				t.Errorf("rebuilt, the card says\n%s\nand before\n%s", got, before)
			}
			w.tell("carol: /ic severity critical\ncarol: /ic\ncarol: " + c.say)
			if card := w.card(); !strings.Contains(card, c.shown) || strings.Contains(card, c.gone) {
				t.Errorf("the card says\n%s", card)
			}
		})
	}
	w := unjudged(t)
	w.change("main", "pager: webhook\ncustomers: {globex: {contacts: [\"Gina, gina@globex.example\"]}}\n")
	w.mailIn("Mallory <mallory@globex.example>", "Subject: It is slow\nMessage-ID: <m@x.example>", "Really")
	if card := w.card(); strings.Contains(card, "globex") {
		t.Errorf("no contact's mail proposes\n%s", card)
	}
}

// sesMail posts a mail as Amazon SES publishes it, which its domain verifies or not.
func (w *world) sesMail(dmarc, head, text string) {
	w.t.Helper()
	body, err := json.Marshal(map[string]any{
		"notificationType": "Received", "mail": map[string]any{"messageId": "x"},
		"receipt": map[string]any{"recipients": []string{"p1@acme.example"}, "dmarcVerdict": map[string]string{"status": dmarc}},
		"content": "From: Gina <gina@globex.example>\r\nTo: p1@acme.example\r\n" + strings.ReplaceAll(head+"\n\n"+text, "\n", "\r\n"),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.post("/intake/email", "application/json", string(body))
	w.tell("wait 20s")
}

// The links of later reports are on the card, too: those of verified ones can be clicked, the others
// show their host and do nothing (I1). They are there again once the card is lost (A5).
func TestI1LinksOfLaterReportsAreOnTheCard(t *testing.T) {
	w := unjudged(t)
	w.sesMail("PASS", "Subject: It is slow\nMessage-ID: <m@globex.example>", "Call https://zoom.us/j/1")
	answer := "Subject: Re: It is slow\nIn-Reply-To: <m@globex.example>\nMessage-ID: "
	w.sesMail("PASS", answer+"<a@globex.example>", "New call: https://acme.webex.com/meet/gina")
	w.sesMail("FAIL", answer+"<b@globex.example>", "And https://meet.google.com/abc-defg-hij")
	links := []string{"[Call at zoom.us](<https://zoom.us/j/1>)", "[Call at acme.webex.com](<https://acme.webex.com/meet/gina>)",
		"Call at meet.google.com: `https://meet.google.com/abc-defg-hij`"}
	for _, l := range links {
		if card := w.card(); !strings.Contains(card, l) {
			t.Fatalf("%s is not on the card\n%s", l, card)
		}
	}
	w.sesMail("PASS", answer+"<c@globex.example>", "Yes, https://meet.google.com/abc-defg-hij") // now it is sure
	links[2] = "[Call at meet.google.com](<https://meet.google.com/abc-defg-hij>)"
	before := w.card()
	w.tell("carol deletes card\ncarol: /incident status")
	for _, card := range []string{before, w.card()} {
		if !strings.Contains(card, "| Links | "+strings.Join(links, " · ")+" |") {
			t.Errorf("the card says\n%s", card)
		}
	}
}

// A worse alert of the same trouble has a runbook of its own: it is told and on the card (I1, I6).
func TestI1TheRunbookOfAWorseAlertIsOnTheCard(t *testing.T) {
	w := unjudged(t)
	group := func(name, severity string) {
		w.post("/intake/alertmanager", "application/json", fmt.Sprintf(`{"version":"4","groupKey":"{}:x","status":"firing","alerts":[
			{"status":"firing","labels":{"alertname":%q,"severity":%q},"annotations":{"runbook_url":"https://runbooks.example/%[1]s"},"generatorURL":"https://prom.example/graph"}]}`, name, severity))
		w.tell("wait 20s")
	}
	group("DiskFilling", "warning")
	group("APIServerDown", "critical")
	group("APIServerDown", "critical")
	if sent := w.outbox(); len(sent) != 1 || !strings.Contains(sent[0].Text, "New: APIServerDown\n") {
		t.Errorf("paged is %+v", sent)
	}
	const first, second = "[Runbook at runbooks.example](<https://runbooks.example/DiskFilling>)", "[Runbook at runbooks.example](<https://runbooks.example/APIServerDown>)"
	if said := w.said("reports something new"); len(said) != 1 || !strings.Contains(said[0], second) || strings.Contains(said[0], "prom.example") {
		t.Errorf("it says %q", said)
	}
	before := w.card()
	w.tell("carol deletes card\ncarol: /incident status")
	for _, card := range []string{before, w.card()} {
		if !strings.Contains(card, first) || !strings.Contains(card, second) || strings.Count(card, "prom.example") != 2 {
			t.Errorf("the card says\n%s", card)
		}
	}
}
