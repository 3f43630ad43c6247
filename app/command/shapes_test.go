package command_test

import (
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// Marks and white space that nobody sees or means change no command (K3, A1).
func TestK3WhatCannotBeSeenChangesNothing(t *testing.T) {
	for name, mark := range map[string]string{
		"zero width space": "\u200b", "word joiner": "\u2060", "byte order mark": "\ufeff", "zero width joiner": "\u200d", "zero width non-joiner": "\u200c",
		"left-to-right mark": "\u200e", "right-to-left mark": "\u200f", "right-to-left isolate": "\u2067", "soft hyphen": "\u00ad",
		"no-break space": "\u00a0", "narrow no-break space": "\u202f", "ideographic space": "\u3000", "em space": "\u2003", "figure space": "\u2007",
	} {
		isSpace := strings.ContainsAny(mark, "\u00a0\u202f\u3000\u2003\u2007")
		bodies := []string{mark + "/ic escalate need a DBA", mark + mark + mark + mark + "/ic escalate need a DBA", "text\n" + mark + "/ic escalate need a DBA",
			"/ic" + mark + " escalate need a DBA", "/ic " + mark + "escalate need a DBA", "/ic escalate" + mark + " need a DBA", "/ic escalate need a DBA" + mark,
			"/ic escalate need a DBA\n" + mark + "\n"}
		if isSpace {
			bodies = append(bodies, "/ic"+mark+"escalate need a DBA", "/ic escalate"+mark+"need a DBA")
		} else {
			bodies = append(bodies, "/"+mark+"ic escalate need a DBA", "/i"+mark+"c escalate need a DBA", "/ic esca"+mark+"late need a DBA")
		}
		for _, body := range bodies {
			got := command.Parse(body)
			if !command.Has(body) || len(got) != 1 {
				t.Errorf("%s: %+q: %+v", name, body, got)
				continue
			}
			if c, ok := got[0].(incident.Command); !ok || c.Kind != incident.Escalate || strings.TrimSpace(c.Text) != "need a DBA" {
				t.Errorf("%s: %+q: %+v", name, body, got[0])
			}
		}
	}
	if got := command.Parse("／ic escalate need a DBA"); len(got) != 1 {
		t.Errorf("the slash of a Japanese keyboard: %+v", got)
	}
}

// What people write in their languages, and emoji, stay as they are.
func TestK3JoinersStayInWords(t *testing.T) {
	for _, text := range []string{"می\u200cخواهم", "👩\u200d🚒 is on it", "क्\u200dष", "東京は大丈夫"} {
		got := command.Parse("/oe finding " + text)
		if c, ok := got[0].(incident.Command); !ok || c.Text != text {
			t.Errorf("%+q: %+v", text, got)
		}
	}
}

// A line that is drawn below a command makes it no heading, and belongs to no text (K2).
func TestK2ALineBelowACommand(t *testing.T) {
	for _, line := range []string{"---", "--", "-", "===", "=", "-----------", "  ---"} {
		for _, rest := range []string{"", "\n", "\n\nCarol"} {
			got := command.Parse("/ic update We are working on it.\n" + line + rest)
			if len(got) != 1 {
				t.Errorf("%q %q: %+v", line, rest, got)
				continue
			}
			if c, ok := got[0].(incident.Command); !ok || !strings.HasPrefix(c.Text, "We are working on it.") {
				t.Errorf("%q %q: %+v", line, rest, got[0])
			} else if rest == "" && len(strings.TrimSpace(line)) > 1 && c.Text != "We are working on it." {
				t.Errorf("%q: %q", line, c.Text)
			}
		}
	}
}

// A command that Markdown hides is not passed over in silence, unless it was quoted, pasted or
// taken back (K21, A1).
func TestK21AHiddenCommandIsAnswered(t *testing.T) {
	for body, isAnswered := range map[string]bool{
		"`/ic escalate need a DBA`": true, "- /ic close": true, "* /oe finding disk full": true, "1. /ic": true, "- [ ] /ic close": true, "## /ic close": true,
		"**/ic close**": true, "> could you take it?\n/oe": true,
		"> /ic close\n\nReally?": false, "```\n/ic close\n```": false, "    /ic close": false, "\t/ic close": false, "~~/ic close~~": false,
		"<details>\n\n- /ic close\n\n</details>": false, "- /etc/hosts": false, "- /icy": false, "Use `/ic close` to close it": false, "`/ic` takes the role": false,
		"- /ic nonsense": false,
	} {
		got := command.Parse(body)
		if (len(got) == 1) != isAnswered {
			t.Errorf("%q: %+v", body, got)
			continue
		}
		if isAnswered {
			if m, ok := got[0].(incident.Misspelt); !ok || !strings.Contains(m.Why, "a line of its own") || !command.Has(body) {
				t.Errorf("%q: %+v", body, got[0])
			}
		}
	}
	if got := command.Parse("- /ic close\n\n/oe"); len(got) != 1 {
		t.Errorf("with a command beside it: %+v", got)
	}
}
