package notify_test

import (
	"errors"
	"regexp"
	"slices"
	"testing"
	"testing/synctest"
)

// A message in Slack carries an id that comes of its key, so that Slack may drop a repetition.
// Where Slack knows the id and not the message any more, the message is posted without one: nobody
// may miss it.
func TestASlackMessageCarriesTheSameIDEachTime(t *testing.T) {
	send := func(key string, answers ...answer) (ids []string) {
		d := &double{host: "slack.com", answers: answers}
		n := newNotifier(t, nil)
		n.Through(d)
		p := page(slackService, "platform")
		p.Key = key
		if err := n.Page(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		for _, g := range d.all {
			ids = append(ids, slackForm(t, g).Get("client_msg_id"))
		}
		return ids
	}
	first, again, other := send("one", posted), send("one", posted), send("two", posted)
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(first[0]) {
		t.Errorf("%q is no UUID", first[0])
	}
	if first[0] != again[0] || first[0] == other[0] {
		t.Errorf("ids %q, %q, %q", first, again, other)
	}
	forgot := answer{status: 200, body: `{"ok":false,"error":"duplicate_message_not_found"}`}
	if ids := send("one", forgot, posted); len(ids) != 2 || ids[0] != first[0] || ids[1] != "" {
		t.Errorf("posted with %q", ids)
	}
}

// A page by mail that one of two addresses refuses names whom it reached, and the next try writes
// to the other alone.
func TestAMailIsNotSentAgainToThoseItReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, trust := newMailServer(t, func(s *mailServer) { s.replies = map[string]string{"RCPT": "550 5.1.1 nobody here"} })
		n := newNotifier(t, nil)
		n.Dial(s.dial, trust)
		p := page(smtp, "platform", "@bob")
		err := n.Page(t.Context(), p)
		var partly interface{ Reached() []string }
		if !errors.As(err, &partly) || len(partly.Reached()) != 1 || len(s.mails) != 1 {
			t.Fatalf("%v, %d mails", err, len(s.mails))
		}
		p.Reached = partly.Reached()
		if err := n.Page(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		var to []string
		for _, raw := range s.mails {
			to = append(to, read(t, raw).header.Get("To"))
		}
		slices.Sort(to)
		if !slices.Equal(to, []string{"<bob@acme.example>", "<platform@acme.example>"}) {
			t.Errorf("written to %q", to)
		}
	})
}
