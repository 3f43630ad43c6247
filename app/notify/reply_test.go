package notify_test

import (
	"strings"
	"testing"
)

// Whoever declared in Slack is answered there and nowhere else; what the answer says isn't markup.
func TestI1AnAnswerGoesToSlackAlone(t *testing.T) {
	t.Parallel()
	d := &double{host: "hooks.slack.com", answers: []answer{{status: 200, body: "ok"}}}
	n := newNotifier(t, nil)
	n.Through(d)
	if err := n.Reply(t.Context(), "https://hooks.slack.com/commands/T1/2/xyz", "https://github.com/acme/incidents/issues/7 <!channel>"); err != nil {
		t.Error(err)
	}
	sent := d.one(t)
	sent.has(t, "https://hooks.slack.com/commands/T1/2/xyz", map[string]string{"Content-Type": "application/json"})
	if !strings.Contains(sent.body, "https://github.com/acme/incidents/issues/7 ") || strings.Contains(sent.body, "<!channel>") {
		t.Errorf("Slack gets %s", sent.body)
	}
	for _, address := range []string{"http://hooks.slack.com/commands/T1/2/xyz", "https://hooks.slack.com.evil.example/x", "https://127.0.0.1/x", ""} {
		if err := n.Reply(t.Context(), address, "x"); err == nil || len(d.all) != 1 {
			t.Errorf("%q is answered (%v)", address, err)
		}
	}
	d.answers = []answer{{status: 404, body: "used_url"}}
	if err := n.Reply(t.Context(), "https://hooks.slack.com/commands/T1/2/secret", "x"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("an address that is used up: %v", err)
	}
}
