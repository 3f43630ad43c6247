package engine_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// TestS2SeverityInSlack: who declares an incident in Slack says there how bad it is, too, which makes its channel. It
// counts by the same table of authority, once, and who pressed alone is answered.
func TestS2SeverityInSlack(t *testing.T) {
	w, chat := newChatWorld(t)
	at := "https://hooks.slack.com/actions/T1/press"
	press := func(user, of, ts string) {
		t.Helper()
		payload, err := json.Marshal(map[string]any{"type": "block_actions", "trigger_id": ts, "response_url": at,
			"team": map[string]string{"id": "T1"}, "channel": map[string]string{"id": "C1"}, "user": map[string]string{"id": user},
			"actions": []map[string]string{{"action_id": "run /ic severity critical", "value": "of " + of, "action_ts": ts}}})
		if err != nil {
			t.Fatal(err)
		}
		w.slack(url.Values{"payload": {string(payload)}})
	}
	answers := func() []string {
		w.replies.mu.Lock()
		defer w.replies.mu.Unlock()
		return slices.Clone(w.replies.all)
	}
	w.slack(url.Values{"command": {"/incident"}, "text": {"critical the database is gone"}, "team_id": {"T1"}, "channel_id": {"C1"},
		"user_id": {"U0BOB00"}, "user_name": {"bob"}, "trigger_id": {"9.9"}, "response_url": {at}})
	w.settle()
	if got := answers(); len(got) != 1 || !strings.Contains(got[0], "issues/1") || !strings.Contains(got[0], "How bad is it?") {
		t.Fatalf("bob is answered %q", got)
	}

	press("U0STRANGER", "acme/incidents#1", "1800.1")
	press("U0MALLORY", "acme/incidents#1", "1810.1") // who may only read
	press("U0BOB00", "acme/incidents#77", "1820.1")
	press("U0BOB00", "acme/payments#1", "1830.1")
	w.pass(3)
	if got := answers(); len(got) != 3 || !strings.Contains(got[1], "who you are on GitHub") ||
		!strings.Contains(got[2], ":no_entry:") || len(chat.Channels()) != 0 {
		t.Errorf("the answers are %q, and there are %d channels", got, len(chat.Channels()))
	}
	before := len(w.list())
	press("U0BOB00", "acme/incidents#1", "1840.1")
	press("U0BOB00", "acme/incidents#1", "1841.1") // twice at once
	w.pass(10)
	if got := answers(); len(got) != 4 || !strings.Contains(got[3], ":white_check_mark:") {
		t.Errorf("the answers are %q", got)
	}
	if c := only(t, chat); !strings.HasPrefix(c.Name, "inc-1-") || !slices.Contains(c.Members, "U0BOB00") {
		t.Errorf("the channel is %+v", c)
	}
	said := 0
	for _, c := range w.list()[before:] {
		if strings.Contains(visible(c.Body), "**bob** in Slack") {
			said++
		}
	}
	if said != 1 {
		t.Errorf("the issue says it %d times", said)
	}
	press("U0CAROL", "acme/incidents#1", "1900.1")
	w.pass(3)
	if got := answers(); len(got) != 5 || !strings.Contains(got[4], "has moved on") {
		t.Errorf("after it was confirmed the answers are %q", fmt.Sprint(got[4:]))
	}
}
