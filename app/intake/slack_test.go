package intake_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
)

func slackCommand(text string) string {
	return slackForm("token", "deprecated", "team_id", "T111", "team_domain", "acme", "channel_id", "C111", "channel_name", "globex-p1", "user_id", "W111", "user_name", "bob",
		"command", "/incident", "text", text, "response_url", "https://hooks.slack.com/commands/T111/123/xyz", "trigger_id", "111.222.xyz", "api_app_id", "A111", "is_enterprise_install", "false")
}

func TestI1SlackCommands(t *testing.T) {
	for text, want := range map[string][2]string{
		"the API is down":                   {"", "the API is down"},
		"critical the API is down":          {"critical", "the API is down"},
		"Regular slow":                      {"regular", "slow"},
		"critical":                          {"critical", "Declared in Slack"},
		"criticality unknown":               {"", "criticality unknown"},
		"see <https://a.example|the graph>": {"", "see the graph (https://a.example)"},
		"<@W222|carol> says &lt;500&gt; in <#C2|ops>, <!channel>": {"", "@carol says <500> in #ops, @channel"},
	} {
		s := signal(t, "slack", slackCommand(text))
		if s.SeverityHint != want[0] || s.Title != want[1] {
			t.Errorf("%q returns severity %q and title %q", text, s.SeverityHint, s.Title)
		}
	}
	result := mustRead(t, "slack", slackCommand("the API is down"))
	for name, a := range map[string]*intake.Answer{"answer": result.Answer, "answer to a failure": result.Failed} {
		var said struct {
			Type string `json:"response_type"`
			Text string `json:"text"`
		}
		if err := json.Unmarshal(a.Body, &said); err != nil || said.Type != "ephemeral" || said.Text == "" {
			t.Errorf("the %s is %s", name, a.Body)
		}
	}
	foreign := strings.Replace(slackCommand("x"), "hooks.slack.com", "hooks.slack.com.evil.example", 1)
	if s := signal(t, "slack", foreign); s.Reply != "" {
		t.Errorf("answers would go to %s", s.Reply)
	}
}

// The modal asks what I2 needs; what it was answered comes back as a Signal.
func TestI1SlackModal(t *testing.T) {
	result := mustRead(t, "slack", slackCommand(""))
	if len(result.Signals) > 0 || result.Modal == nil || result.Modal.TriggerID != "111.222.xyz" {
		t.Fatalf("a command without words returns %+v", result)
	}
	view := result.Modal.View
	var asked []string
	for _, b := range view.Blocks.BlockSet {
		input, ok := b.(*slack.InputBlock)
		if !ok {
			t.Fatalf("a block of the type %s", b.BlockType())
		}
		asked = append(asked, input.BlockID+":"+strconv.FormatBool(input.Optional))
	}
	if got := strings.Join(asked, " "); got != "summary:false severity:true customers:true" {
		t.Errorf("it asks for %s", got)
	}
	written, err := json.Marshal(view)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(written), `"value":"critical"`) || !strings.Contains(string(written), `"value":"regular"`) {
		t.Errorf("the severities are not offered: %s", written)
	}
	// As Slack sends it: the view's own metadata and the blocks' own ids.
	payload, _ := json.Marshal(object{
		"type": "view_submission", "team": object{"id": "T111"}, "user": object{"id": "W111"},
		"view": object{"id": "V1", "callback_id": view.CallbackID, "private_metadata": view.PrivateMetadata, "state": object{"values": object{
			"summary":   object{"summary": object{"type": "plain_text_input", "value": " it is down "}},
			"severity":  object{"severity": object{"type": "static_select", "selected_option": nil}},
			"customers": object{"customers": object{"type": "plain_text_input", "value": nil}},
		}}},
	})
	s := signal(t, "slack", slackForm("payload", string(payload)))
	if s.Title != "it is down" || s.SeverityHint != "" || s.CustomerHint != "" || s.Labels["channel"] != "C111" || s.Reply != "https://hooks.slack.com/commands/T111/123/xyz" {
		t.Errorf("it returns %+v", s)
	}
}

func TestI1SlackPayloadsOfOtherKinds(t *testing.T) {
	for _, payload := range []string{
		`{"type":"block_actions"}`, `{"type":"view_closed"}`, `{"type":"view_submission","view":{"callback_id":"of another app"}}`, `{"type":"shortcut","callback_id":"x"}`,
	} {
		result := mustRead(t, "slack", slackForm("payload", payload))
		if len(result.Signals) > 0 || result.Answer == nil || len(result.Answer.Body) > 0 {
			t.Errorf("%s returns %+v", payload, result)
		}
	}
	twice := slackForm("payload", example(t, "slack-shortcut.json"))
	if a, b := signal(t, "slack", twice), signal(t, "slack", strings.Replace(twice, "111.222.xyz", "333.444.xyz", 1)); a.DedupKey != b.DedupKey {
		t.Error("the shortcut on the same message is another trouble")
	}
	if a, b := signal(t, "slack", slackCommand("x")), signal(t, "slack", strings.Replace(slackCommand("x"), "111.222.xyz", "333.444.xyz", 1)); a.DedupKey == b.DedupKey {
		t.Error("two commands are one trouble")
	}
}

func TestI1SlackHandshake(t *testing.T) {
	body := `{"token":"deprecated","challenge":"3eZbrw1aB","type":"url_verification"}`
	h := signedFor("slack", body, "now")
	h.Set("Content-Type", "application/json")
	result, err := sources()["slack"].Read(context.Background(), intake.Request{Header: h, Body: []byte(body), Now: now})
	if err != nil || result.Answer == nil || string(result.Answer.Body) != "3eZbrw1aB" {
		t.Errorf("%v, %+v", err, result)
	}
	if _, err := sources()["slack"].Read(context.Background(), intake.Request{Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body), Now: now}); err == nil {
		t.Error("a challenge without a signature is answered")
	}
}

// TestS2TheChannelDecides: in an incident's channel a slash command is a command, and in others it declares.
// Where nobody can say which channel it is, /incident declares all the same, and /ic is to be sent again.
func TestS2TheChannelDecides(t *testing.T) {
	ic := strings.Replace(slackCommand("severity critical"), "%2Fincident", "%2Fic", 1)
	for _, c := range []struct {
		name, body string
		isTaken    bool
		err        error
		accepted   int
		answer     string
	}{
		{"/incident in a channel", slackCommand("note it burns"), true, nil, 0, "the answer follows here"},
		{"/incident elsewhere", slackCommand("it burns"), false, nil, 1, "the incident's address follows here"},
		{"/incident without the store", slackCommand("it burns"), false, errors.New("away"), 1, "address follows here"},
		{"/ic in a channel", ic, true, nil, 0, "the answer follows here"},
		{"/ic elsewhere", ic, false, nil, 0, "not the channel of an incident"},
		{"/ic without the store", ic, false, errors.New("away"), 0, "Send it again"},
	} {
		var said incident.ChatSaid
		e := serve(func(o *intake.Options) {
			o.Said = func(_ context.Context, s incident.ChatSaid) (bool, error) { said = s; return c.isTaken, c.err }
		})
		w := e.post("slack", c.body, signedFor("slack", c.body, "now"))
		if w.Code != http.StatusOK || len(e.accepted) != c.accepted || !strings.Contains(w.Body.String(), c.answer) {
			t.Errorf("%s: %d %s, %d accepted", c.name, w.Code, w.Body, len(e.accepted))
		}
		if said.User != "W111" || said.Channel != "C111" || said.Thread() != "" || !strings.HasPrefix(said.Text, "/i") {
			t.Errorf("%s: %+v", c.name, said)
		}
	}
}
