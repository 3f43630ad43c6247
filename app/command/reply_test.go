package command_test

import (
	"testing"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// A comment by mail has whatever its author's mail client quotes below it (K1, A1, A7): none of that is a command, or a command's text.
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
