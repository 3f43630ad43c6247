package intake_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
)

// pressed is what Slack sends of a button.
func pressed(user, action, value, at string) string {
	return fmt.Sprintf(`{"type":"block_actions","trigger_id":"1.2.x","response_url":"https://hooks.slack.com/actions/T1/1/x",
		"team":{"id":"T1"},"channel":{"id":"C1"},"user":{"id":%q},"message":{"ts":"17.1"},
		"actions":[{"action_id":%q,"value":%q,"action_ts":%q}]}`, user, action, value, at)
}

// sent is what Slack sends of a form.
func sent(command, words string) string { return sentTo(command, "", words) }

// sentTo is the same of a form that has names.
func sentTo(command, names, words string) string {
	metadata, _ := json.Marshal(map[string]string{"channel": "C1", "command": command})
	text, _ := json.Marshal(map[string]any{"type": "view_submission", "team": map[string]string{"id": "T1"},
		"user": map[string]string{"id": "U1"}, "view": map[string]any{"id": "V1", "callback_id": "firebreak-command",
			"private_metadata": string(metadata), "state": map[string]any{"values": map[string]any{
				"whom":  map[string]any{"whom": map[string]string{"type": "plain_text_input", "value": names}},
				"words": map[string]any{"words": map[string]string{"type": "plain_text_input", "value": words}}}}}})
	return string(text)
}

// TestS1PressesAndForms: what a button and a form say becomes what their person said in the channel, the same over
// HTTP and by Socket Mode; what can't be right is answered in the form.
func TestS1PressesAndForms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ payload, says, opens, answers, told string }{
		"a button":         {payload: pressed("U1", "run /ic phase fixing", "investigate", "18.1"), says: "U1 C1 /ic phase fixing investigate"},
		"a form's button":  {payload: pressed("U1", "form /ic update", "", "18.1"), opens: "Customer update"},
		"another's button": {payload: pressed("U1", "approve", "x", "18.1")},
		"no form of ours":  {payload: pressed("U1", "form /ic nonsense", "", "18.1")},
		"a form":           {payload: sent("/oe finding", "a <b> & c"), says: "U1 C1 /oe finding a &lt;b&gt; &amp; c "},
		"an empty form":    {payload: sent("/oe finding", " \n"), answers: "Write what it is"},
		"a form too long":  {payload: sent("/oe finding", strings.Repeat("€", 1400)), answers: "too long"},
		"a form's command": {payload: sent("/oe finding", "x\n  /ic close"), answers: "begins with a command"},
		"a form without names": {payload: sent("/ic escalate", "platform is on fire"),
			says: "U1 C1 /ic escalate because platform is on fire "},
		"a form with names": {payload: sentTo("/ic escalate", " @dan,\n@acme/db ", "because @bob is out"),
			says: "U1 C1 /ic escalate @dan, @acme/db because @bob is out "},
		"a form of old days": {payload: sent("/ic nonsense", "x"), answers: "old one"},
	} {
		var said, opened, told string
		edit := func(o *intake.Options) {
			o.Said = func(_ context.Context, s incident.ChatSaid) (bool, error) {
				said = s.User + " " + s.Channel + " " + s.Text + " " + s.Seen
				return true, nil
			}
			o.OpenModal = func(_ context.Context, m intake.Modal) error { opened = m.View.Title.Text; return nil }
			o.Reply = func(_ context.Context, _, text string) error { told = text; return nil }
		}
		body := slackForm("payload", c.payload)
		w := serve(edit).post("slack", body, signedFor("slack", body, "now"))
		check := func(way, answer string) {
			if said != c.says || opened != c.opens || told != c.told || !strings.Contains(answer, c.answers) || c.answers == "" && answer != "" {
				t.Errorf("%s %s: said %q, opened %q, told %q, answered %q", name, way, said, opened, told, answer)
			}
		}
		check("over HTTP", w.Body.String())
		said, opened, told = "", "", ""
		o := intake.Options{}
		edit(&o)
		answer, err := o.Envelope(t.Context(), &intake.Slack{}, []byte(c.payload))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		text, _ := answer.(json.RawMessage)
		check("by Socket Mode", string(text))
	}
}

// TestS1OnePress: two presses at once and one that is sent again are the same, another person's and a later one are not.
func TestS1OnePress(t *testing.T) {
	t.Parallel()
	var ids []string
	o := intake.Options{Said: func(_ context.Context, s incident.ChatSaid) (bool, error) {
		ids = append(ids, s.ID)
		return true, nil
	}}
	for _, payload := range []string{pressed("U1", "run /oe", "", "1800.1"), pressed("U1", "run /oe", "", "1800.9"),
		pressed("U2", "run /oe", "", "1800.1"), pressed("U1", "run /oe", "", "1900.1")} {
		if _, err := o.Envelope(t.Context(), &intake.Slack{}, []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	if ids[0] != ids[1] || ids[0] == ids[2] || ids[0] == ids[3] {
		t.Errorf("ids %v", ids)
	}
}

// TestS5Unstored: what can't be stored is not acknowledged by Socket Mode, and a command's writer is told.
func TestS5Unstored(t *testing.T) {
	t.Parallel()
	o := intake.Options{Said: func(context.Context, incident.ChatSaid) (bool, error) { return false, errors.New("full") }}
	event := `{"type":"event_callback","event":{"type":"message","channel":"C1","user":"U1","text":"/ic","ts":"1.1"}}`
	if _, err := o.Envelope(t.Context(), &intake.Slack{}, []byte(event)); err == nil {
		t.Error("a message that is not stored is acknowledged")
	}
	answer, err := o.Envelope(t.Context(), &intake.Slack{}, []byte(`{"command":"/ic","text":"x","channel_id":"C1","user_id":"U1"}`))
	if text, _ := answer.(json.RawMessage); err != nil || !strings.Contains(string(text), "was not saved") {
		t.Errorf("%s, %v", text, err)
	}
}

// TestS2HeardInSlack: what people write, change and delete that isn't a command is passed on as words; what apps
// write and what Slack itself says is not, and a command counts as none.
func TestS2HeardInSlack(t *testing.T) {
	type m = map[string]any
	edit := func(from, to string) m {
		return m{"subtype": "message_changed", "message": m{"user": "U1", "text": to, "ts": "1.1", "edited": m{"ts": "2.0"}},
			"previous_message": m{"user": "U1", "text": from, "ts": "1.1"}}
	}
	for name, c := range map[string]struct {
		event m
		want  string // the words, or "" for nothing; gone
	}{
		"words":           {m{"user": "U1", "text": "hello /ic", "ts": "1.1"}, "hello /ic"},
		"in a thread":     {m{"user": "U1", "text": "hello", "ts": "1.1", "thread_ts": "1.0"}, "hello in 1.0"},
		"a file":          {m{"user": "U1", "subtype": "file_share", "ts": "1.1", "files": []m{{"name": "<a>.png"}}}, "(file &lt;a&gt;.png)"},
		"a command":       {m{"user": "U1", "text": "/oe finding x", "ts": "1.1"}, ""},
		"by an app":       {m{"user": "U1", "text": "hello", "ts": "1.1", "bot_id": "B1"}, ""},
		"somebody joined": {m{"user": "U1", "text": "joined", "ts": "1.1", "subtype": "channel_join"}, ""},
		"an edit":         {edit("helo", "hello"), "hello at 2.0"},
		"a link's view":   {edit("hello", "hello"), ""},
		"now a command":   {edit("oe", "/oe finding x"), "/oe finding x at 2.0 gone"},
		"no longer one":   {edit("/oe finding x", "x"), ""},
		"deleted": {m{"subtype": "message_deleted", "event_ts": "3.0", "previous_message": m{"user": "U1", "text": "hello",
			"ts": "1.1"}}, "hello at 3.0 gone"},
		"a deleted command": {m{"subtype": "message_deleted", "event_ts": "3.0", "previous_message": m{"user": "U1",
			"text": "/ic", "ts": "1.1"}}, ""},
	} {
		c.event["type"], c.event["channel"] = "message", "C1"
		body, err := json.Marshal(m{"type": "event_callback", "event": c.event})
		if err != nil {
			t.Fatal(err)
		}
		var heard incident.ChatWords
		o := intake.Options{Logger: slog.New(slog.DiscardHandler),
			Heard: func(_ context.Context, w incident.ChatWords) (bool, error) { heard = w; return true, nil }}
		if _, err := o.Envelope(context.Background(), &intake.Slack{}, body); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got := heard.Text
		for _, of := range [][2]string{{" in ", heard.Parent}, {" at ", heard.Edited}} {
			if of[1] != "" {
				got += of[0] + of[1]
			}
		}
		if heard.IsDeleted {
			got += " gone"
		}
		if got != c.want {
			t.Errorf("%s is heard as %q, want %q", name, got, c.want)
		}
	}
}
