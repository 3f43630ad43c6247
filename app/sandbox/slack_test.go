package sandbox_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/app/sandbox/workspace"
	"github.com/firebreak-dev/firebreak/app/sandbox/workspace/webapi"
)

// The fixed addresses of the sandbox's Slack: an app posts a card with buttons, and people write, command, press and
// fill in a form, of which the app hears as from Slack, signed.
func TestSlack(t *testing.T) {
	var heard []string
	var api *slack.Client
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		verifier, err := slack.NewSecretsVerifier(r.Header, "secret")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = verifier.Write(body)
		if err := verifier.Ensure(); err != nil {
			t.Errorf("the signature: %v", err)
		}
		form, _ := url.ParseQuery(string(body))
		var i slack.InteractionCallback
		switch payload := form.Get("payload"); {
		case payload == "":
			heard = append(heard, "event or command")
			if form.Get("command") != "" {
				_, _ = io.WriteString(w, `{"response_type":"ephemeral","text":"heard `+form.Get("text")+`"}`)
			}
		case json.Unmarshal([]byte(payload), &i) != nil:
			t.Errorf("slack-go can't read %s", payload)
		case i.Type == slack.InteractionTypeBlockActions:
			heard = append(heard, "press "+i.ActionCallback.BlockActions[0].Value)
			field := slack.NewPlainTextInputBlockElement(nil, "a")
			text := func(s string) *slack.TextBlockObject { return slack.NewTextBlockObject("plain_text", s, false, false) }
			if _, err := api.OpenView(i.TriggerID, slack.ModalViewRequest{Type: slack.VTModal, CallbackID: "c", Title: text("Form"),
				Submit: text("Send"), Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewInputBlock("b", text("What"), nil, field)}}}); err != nil {
				t.Errorf("open the form: %v", err)
			}
		default:
			heard = append(heard, "form "+i.View.State.Values["b"]["a"].Value)
			if i.View.State.Values["b"]["a"].Value == "bad" {
				_, _ = io.WriteString(w, `{"response_action":"errors","errors":{"b":"not so"}}`)
			}
		}
	}))
	defer app.Close()
	var box *sandbox.Sandbox
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/slack/api/") {
			webapi.Middleware(t, box.Handler()).ServeHTTP(w, r)
			return
		}
		box.Handler().ServeHTTP(w, r)
	}))
	defer server.Close()
	var err error
	if box, err = sandbox.New(sandbox.Options{URL: server.URL, Slack: workspace.App{RequestURL: app.URL, Secret: "secret", Commands: []string{"/ic"}}}); err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	api = slack.New(workspace.Token, slack.OptionAPIURL(server.URL+"/slack/api/"))
	channel, err := api.CreateConversation(slack.CreateConversationParams{ChannelName: "inc-1", IsPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	button := slack.NewButtonBlockElement("do", "value", slack.NewTextBlockObject("plain_text", "Press me", false, false))
	if _, _, err := api.PostMessage(channel.ID, slack.MsgOptionText("x", false), slack.MsgOptionBlocks(slack.NewActionBlock("a", button))); err != nil {
		t.Fatal(err)
	}
	do := func(method, path, body string) (int, string) {
		req, _ := http.NewRequest(method, server.URL+path, bytes.NewReader([]byte(body)))
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(text)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
		has                string
	}{
		{"GET", "/sandbox/slack/channels", "", 200, `"name":"inc-1"`},
		{"POST", "/sandbox/slack/say", `{"channel":"inc-1","user":"bob","text":"a <b> & c"}`, 200, `"ok":true`},
		{"POST", "/sandbox/slack/say", `{"channel":"#inc-1","user":"bob","text":"/ic update x"}`, 200, `"answer":"heard update x"`},
		{"POST", "/sandbox/slack/say", `{"channel":"inc-1","user":"bob","text":"/nope"}`, 422, "not a valid command"},
		{"POST", "/sandbox/slack/say", `{"channel":"inc-2","user":"bob","text":"x"}`, 404, "inc-2"},
		{"POST", "/sandbox/slack/say", `{"channel":"inc-1","user":"nobody","text":"x"}`, 404, "nobody"},
		{"POST", "/sandbox/slack/say", `?`, 400, "JSON"},
		{"POST", "/sandbox/slack/press", `{"channel":"inc-1","user":"bob","button":"Press me"}`, 200, `"title":"Form"`},
		{"POST", "/sandbox/slack/press", `{"channel":"inc-1","user":"bob","button":"do","values":{"b":"good"}}`, 200, `"ok":true`},
		{"POST", "/sandbox/slack/press", `{"channel":"inc-1","user":"bob","button":"do","values":{"b":"bad"}}`, 200, `"errors":{"b":"not so"}`},
		{"POST", "/sandbox/slack/press", `{"channel":"inc-1","user":"bob","button":"gone"}`, 404, "gone"},
		{"GET", "/sandbox/slack/messages?channel=inc-1", "", 200, `"label":"Press me"`},
		{"GET", "/sandbox/slack/messages?channel=inc-1", "", 200, `a \u0026lt;b\u0026gt; \u0026amp; c`},
		{"GET", "/sandbox/slack/messages?channel=inc-2", "", 404, "no such channel"},
		{"GET", "/slack/inc-1", "", 200, "nobody has invited alice yet"},
		{"GET", "/slack/inc-2", "", 404, ""},
		{"GET", "/slack/general", "", 200, `data-channel="general"`},
	} {
		if status, text := do(c.method, c.path, c.body); status != c.status || !strings.Contains(text, c.has) {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, status, text)
		}
	}
	if got := strings.Join(heard, ", "); got != "event or command, event or command, press value, press value, form good, press value, form bad" {
		t.Errorf("the app heard: %s", got)
	}
}
