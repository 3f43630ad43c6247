package assembly

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"github.com/firebreak-dev/firebreak/app/intake"
)

func TestI1SlacksFormIsOpened(t *testing.T) {
	answer := `{"ok":true,"view":{}}`
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Trigger string                 `json:"trigger_id"`
			View    slack.ModalViewRequest `json:"view"`
		}
		if r.URL.Path != "/views.open" || r.Header.Get("Authorization") != "Bearer xoxb-test" || json.NewDecoder(r.Body).Decode(&asked) != nil || asked.Trigger != "13345224609" || asked.View.CallbackID != "declare" {
			t.Errorf("%s %s asks %+v", r.URL.Path, r.Header.Get("Authorization"), asked)
		}
		_, _ = w.Write([]byte(answer))
	}))
	defer api.Close()
	env := map[string]string{"FIREBREAK_INTAKE_SLACK_TOKEN": "xoxb-test"}
	r := &reception{env: Environment{SlackURL: api.URL, getenv: func(name string) string { return env[name] }}}
	open := func(ctx context.Context, trigger string, view slack.ModalViewRequest) error {
		return r.openModal(ctx, intake.Modal{TriggerID: trigger, View: view})
	}
	view := slack.ModalViewRequest{Type: "modal", CallbackID: "declare"}
	if err := open(t.Context(), "13345224609", view); err != nil {
		t.Error(err)
	}
	answer = `{"ok":false,"error":"expired_trigger_id"}`
	if err := open(t.Context(), "13345224609", view); err == nil || !strings.Contains(err.Error(), "expired_trigger_id") || strings.Contains(err.Error(), "xoxb") {
		t.Errorf("error %v", err)
	}
	clear(env)
	if err := open(t.Context(), "13345224609", view); !errors.Is(err, intake.ErrNoToken) {
		t.Errorf("without a token: %v", err)
	}
}

// An acknowledgement finds its incident by the key with which the page went out.
func TestI5AnAcknowledgementFindsItsPage(t *testing.T) {
	for key, want := range map[string]string{
		"acme/incidents#7/page/2":      "acme/incidents#7 page/2",
		"acme/incidents/signal/abc123": "acme/incidents#0 signal/abc123",
		"somebody else's":              "",
		"acme/incidents#x/page/2":      "",
		"acme/incidents#7":             "",
	} {
		m, ok := acknowledgement(intake.Ack{Source: "pagerduty", Key: key, By: "Dan"})
		got := ""
		if ok {
			got = m.Ref.String() + " " + m.Ack().Page
		}
		if strings.Contains(m.Delivery, "Dan") || m.Ack().Name != "Dan" {
			t.Errorf("%q, which stands in the log, is of %s", m.Delivery, m.Ack().Name)
		}
		if got != want {
			t.Errorf("%q returns %q, want %q", key, got, want)
		}
	}
}
