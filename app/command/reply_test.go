package command_test

import (
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// A comment by mail has whatever its author's mail client quotes below it (K1, A1, A7): none of
// that is a command, or a command's text.
func TestK1NothingThatAMailQuotesIsACommand(t *testing.T) {
	const quoted = "From: Alice ***@***.***>\nSent: Tuesday, 24 November 2026 10:40\nTo: acme/incidents ***@***.***>\nSubject: Re: API down\n\n" +
		"Internal only\n\n/incident decline it was a test\n"
	if got := command.Parse("Thanks Alice, good find.\n\n" + quoted); len(got) != 0 {
		t.Errorf("a quoted command is read: %+v", got)
	}
	for _, below := range []string{"\n\n" + quoted, "\n________________________________\n" + quoted, "\n\n-- \nCarol Doe", "\n-- \nCarol Doe\n+49 170 1234567"} {
		got := command.Parse("/ic update We found it, back in 10 minutes." + below)
		if len(got) != 1 {
			t.Fatalf("%q: %+v", below, got)
		}
		if c, ok := got[0].(incident.Command); !ok || c.Text != "We found it, back in 10 minutes." {
			t.Errorf("%q: %+v", below, got[0])
		}
	}
}

// An update that may hold a quoted mail in a form that is not known for sure is asked about before
// it leaves (K1, A7).
func TestK1ADoubtfulUpdateIsAskedAbout(t *testing.T) {
	for text, isAsked := range map[string]bool{
		"We found it.\n\nBegin forwarded message:\n\nBob deleted the volume":                              true,
		"We found it.\nOn Thu, 31 Mar 2026 at 11:16 Alice <alice@acme.example>\nBob deleted the volume":   true,
		"We found it.\nFrom: Alice\nSubject: internal\nBob deleted the volume":                            true,
		"We found it at 10:40: a full disk. It is back in ten minutes.":                                   false,
		"The error was:\n```\nFrom: Alice <alice@acme.example>\nSubject: x\n```\nIt is gone since 10:40.": false,
		"Write to support@acme.example if you still see it at 11:00.":                                     false,
	} {
		got := command.Parse("/ic update " + text)
		if len(got) != 1 {
			t.Fatalf("%q: %+v", text, got)
		}
		if m, ok := got[0].(incident.Misspelt); ok != isAsked || ok && !strings.Contains(m.Why, "nothing was sent") {
			t.Errorf("%q: %+v", text, got[0])
		}
	}
}
