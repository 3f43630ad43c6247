package functions_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/firebreak-dev/firebreak/templates"
)

// People run an incident from its channel in Slack: the function of Slack's takes slash commands and messages, and
// the worker does them. An alert it does not take, nor what Slack has not signed.
func TestS2SlackOnAWS(t *testing.T) {
	s := newStack(t, settings{config: templates.Repository()[".github/firebreak.yml"] + `
slack: { channel-per: all }
services:
  slack:
    secret: SLACK
    channel: C00000002
    targets: { "@alice": U0ALICE00, "@carol": U0CAROL00 }
`})
	s.aws.SetSecret("firebreak/slack", "demo-intake")
	s.coldSlack()
	n := s.declare("alice")
	s.settle()
	for _, c := range []struct{ who, text string }{{"carol", "/ic"}, {"carol", "/ic severity critical"}} {
		s.say(c.who, n, c.text)
		s.settle()
	}
	s.wait(time.Minute)
	var channels []struct{ ID, Name string }
	s.as("", "GET", "/sandbox/slack/channels", nil, &channels)
	if len(channels) != 3 || !strings.HasPrefix(channels[2].Name, "inc-") {
		t.Fatalf("channels %+v\n%s", channels, s.worker.Log())
	}
	in := func(user, text string) {
		t.Helper()
		body := map[string]string{"channel": channels[2].ID, "user": user, "text": text}
		if status := s.as("", "POST", "/sandbox/slack/say", body, nil); status != http.StatusOK {
			t.Fatalf("%s in Slack: %d\n%s", text, status, s.slack.Log())
		}
		s.settle()
		s.wait(time.Minute)
	}
	in("alice", "/oe finding The pool is full")
	in("alice", " /oe cause a bad deploy")
	contains(t, "the card", s.view(n).Card, "a bad deploy", "findings (1)")
	var messages []struct{ Text string }
	s.as("", "GET", "/sandbox/slack/messages?channel="+channels[2].ID, nil, &messages)
	answers := 0
	for _, m := range messages {
		if strings.Contains(m.Text, ":white_check_mark:") {
			answers++
		}
	}
	if answers != 2 {
		t.Errorf("%d answers in Slack: %+v", answers, messages)
	}

	for path, want := range map[string]int{"/intake/slack": http.StatusUnauthorized, "/prod/intake/slack": http.StatusUnauthorized,
		"/intake/alertmanager": http.StatusNotFound, "/a/token": http.StatusNotFound} {
		request := events.APIGatewayV2HTTPRequest{Version: "2.0", RawPath: path, Body: "command=%2Fic",
			Headers: map[string]string{"content-type": "application/x-www-form-urlencoded", "authorization": "Bearer token"}}
		request.RequestContext.HTTP.Method = http.MethodPost
		var answer events.APIGatewayV2HTTPResponse
		if err := s.slack.Invoke(t.Context(), request, &answer); err != nil || answer.StatusCode != want {
			t.Errorf("%s is answered %d %v, want %d", path, answer.StatusCode, err, want)
		}
	}
}
