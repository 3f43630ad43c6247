package engine_test

import (
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
