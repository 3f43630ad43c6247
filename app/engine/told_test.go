package engine_test

import (
	"strings"
	"testing"
)

// An update, or the customers' version of the postmortem, counts for those whom it reached. Who has
// no channel, or is in no configuration, is named at once (K4, V3, C3).
func TestK4WhoWasNotToldDoesNotCountAsTold(t *testing.T) {
	for name, c := range map[string]struct {
		customers, said string
		isReached       string // a customer, if one was
	}{
		"two in one answer":     {"Globex and Initech", "**initech** has no channel: call **Bill, +49 30 5550 177**", "globex"},
		"no channel":            {"initech", "nobody was told", ""},
		"not in the file":       {"Umbrella", "There is no customer `Umbrella` in the configuration", ""},
		"misspelt":              {"Globx", "nobody was told, so", ""},
		"one of them unknown":   {"globex, Umbrella", "There is no customer `Umbrella` in the configuration", "globex"},
		"as a list with bold":   {"**globex**; `initech`", "**initech** has no channel", "globex"},
		"none was named so far": {"", "no customer is named yet", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := unjudged(t)
			story := "alice opens \"The API is down\"\n  Summary: 502\n  Severity: critical\n"
			if c.customers != "" {
				story += "  Customers impacted: " + c.customers + "\n"
			}
			w.tell(story + "carol: /ic\ncarol: /ic update We work on it\nwait 1m")
			if said := w.said(c.said); len(said) != 1 || !strings.Contains(said[0], "@carol") {
				t.Errorf("carol is told %q", said)
			}
			if card := w.card(); strings.Contains(card, "on time 1") {
				t.Errorf("it counts:\n%s", card)
			}
			told := 0
			for _, s := range w.outbox() {
				if s.Kind == "announce" {
					told++
				}
			}
			if (told > 0) != (c.isReached != "") {
				t.Errorf("%d mails went out", told)
			}
		})
	}
}

// Whoever does not get the customers' version of the postmortem is named (K4, C3).
func TestK4ThePostmortemThatNobodyGets(t *testing.T) {
	for name, c := range map[string]struct{ customer, text, said string }{
		"no channel":     {"initech", "We renewed a certificate too late.", "did not reach **initech** (the configuration has no channel for them). Please give it to them another way: **Bill, +49 30 5550 177**."},
		"not configured": {"Umbrella", "We renewed a certificate too late.", "did not reach **Umbrella** (the configuration has no channel for them)"},
		"not written":    {"globex", "", "did not reach **globex** (the section “For the customer” is not written)"},
		"written":        {"globex", "We renewed a certificate too late.", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := unjudged(t)
			w.tell("alice opens \"The API is down\"\n  Summary: 502\n  Severity: critical\n  Customers impacted: " + c.customer +
				"\ncarol: /ic\ncarol: /ic told by phone\ncarol: /ic close because it works again\nwait 1m")
			if c.text != "" {
				w.edit("alice", fill(c.text))
			}
			w.tell("carol merges\nwait 1m")
			said := w.said("did not reach")
			if c.said == "" && len(said) > 0 || c.said != "" && (len(said) != 1 || !strings.Contains(said[0], c.said)) {
				t.Errorf("it says %q", said)
			}
		})
	}
}
