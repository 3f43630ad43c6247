package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/workspace"
)

// TestS3KnownByEmail: a member whose e-mail address in Slack is a verified one of exactly one member of the
// organisation on GitHub is that one, as long as both say so. Names say nothing, and neither does what another
// workspace shows.
func TestS3KnownByEmail(t *testing.T) {
	w, chat := newChatWorld(t)
	w.declareCritical()
	id := only(t, chat).ID
	emails := func(login string, all ...string) {
		t.Helper()
		if err := w.sandbox.SetDomainEmails(login, all...); err != nil {
			t.Fatal(err)
		}
	}
	chat.Change(id, func(c *workspace.Channel) { c.Members = append(c.Members, "U0ERIN00") })
	trigger := 0
	isTaken := func(user, text string) bool {
		t.Helper()
		trigger++
		before := w.card()
		w.slash("3."+strings.Repeat("1", trigger), user, id, "/incident", "note "+text)
		w.settle()
		isUnknown := false
		for _, m := range only(t, chat).Messages {
			isUnknown = isUnknown || strings.Contains(m.Text, text) && strings.Contains(m.Text, "who you are on GitHub")
		}
		isDone := w.card() != before
		if isDone == isUnknown {
			t.Errorf("%q is done: %v, and %s is told that nobody knows them: %v", text, isDone, user, isUnknown)
		}
		return isDone
	}
	for _, c := range []struct {
		name    string
		profile workspace.Profile
		erin    []string // verified addresses on GitHub
		other   []string // of gina
		want    bool
	}{
		{"the same", workspace.Profile{Email: "Erin@acme.example"}, []string{"erin@acme.example"}, nil, true},
		{"GitHub shows none", workspace.Profile{Email: "erin@acme.example"}, nil, nil, false},
		{"Slack shows none", workspace.Profile{}, []string{"erin@acme.example"}, nil, false},
		{"another one", workspace.Profile{Email: "e@acme.example"}, []string{"erin@acme.example"}, nil, false},
		{"two have it", workspace.Profile{Email: "erin@acme.example"}, []string{"erin@acme.example"},
			[]string{"erin@acme.example"}, false},
		{"of another workspace", workspace.Profile{Email: "erin@acme.example", Team: "T0EVIL001"},
			[]string{"erin@acme.example"}, nil, false},
		{"has left", workspace.Profile{Email: "erin@acme.example", IsDeleted: true}, []string{"erin@acme.example"}, nil, false},
		{"an app", workspace.Profile{Email: "erin@acme.example", IsBot: true}, []string{"erin@acme.example"}, nil, false},
		{"the configuration names another member", workspace.Profile{Email: "dan@acme.example"},
			nil, nil, false},
	} {
		emails("erin", c.erin...)
		emails("alice", c.other...)
		emails("dan", "dan@acme.example")
		chat.SetProfile("U0ERIN00", c.profile)
		w.advance(6 * time.Minute) // what was looked up before counts no more
		if got := isTaken("U0ERIN00", "by "+strings.ReplaceAll(c.name, " ", "-")); got != c.want {
			t.Errorf("%s: counts %v, want %v", c.name, got, c.want)
		}
	}

	emails("erin", "erin@acme.example")
	chat.SetProfile("U0ERIN00", workspace.Profile{Email: "erin@acme.example"})
	w.advance(6 * time.Minute)
	chat.Break(workspace.Fault{Match: "users.info", Code: "missing_scope", Count: 1})
	if isTaken("U0ERIN00", "without-the-scope") {
		t.Error("it counts without the scope")
	}
	w.advance(6 * time.Minute)
	chat.Break(workspace.Fault{Match: "users.info", Status: 503, Count: 2})
	w.slash("3.away", "U0ERIN00", id, "/incident", "note once-slack-is-back")
	w.pass(10)
	all := w.list()
	if text := visible(all[len(all)-1].Body); !strings.Contains(text, "**erin** in Slack") ||
		!strings.Contains(text, "once\\-slack") && !strings.Contains(text, "once-slack") {
		t.Errorf("the issue says: %s", text)
	}
	// a mention of them, too
	w.slash("3.mention", "U0CAROL", id, "/incident", "note ask <@U0ERIN00|dan>")
	w.pass(5)
	all = w.list()
	if text := visible(all[len(all)-1].Body); !strings.Contains(text, "erin") {
		t.Errorf("a mention is not of erin: %s", text)
	}
	// what they said themselves counts first
	w.comment("erin", "/incident link none")
	w.advance(6 * time.Minute)
	if isTaken("U0ERIN00", "after-none") {
		t.Error("it counts although they took it back")
	}
}
