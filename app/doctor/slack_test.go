package doctor_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/doctor"
	"github.com/firebreak-dev/firebreak/app/sandbox/workspace"
	"github.com/firebreak-dev/firebreak/app/sandbox/workspace/webapi"
	"github.com/firebreak-dev/firebreak/app/slack"
	"github.com/firebreak-dev/firebreak/templates"
)

// The doctor asks Slack who the bot is and what it may do, and tries whether what Slack sends arrives (issue 22).
func TestS1DoctorLooksAtSlack(t *testing.T) {
	t.Parallel()
	files := templates.Repository()
	files[".github/firebreak.yml"] += "\nslack: { channel-per: critical }\nservices: { slack: { secret: SLACK, channel: C0123ABCD } }\n"
	s := open(t, files)
	all := make([]string, 0, len(slack.Scopes))
	for _, scope := range slack.Scopes {
		all = append(all, scope.Name)
	}
	chat := workspace.New(time.Now, map[string]string{})
	server := httptest.NewServer(webapi.Middleware(t, chat))
	defer server.Close()
	token := ""
	adapter := slack.New(slack.Options{URL: server.URL, Secret: func(context.Context, string) (string, error) { return token, nil }})
	for _, c := range []struct {
		token  string
		scopes []string
		reach  error
		want   []string
	}{
		{workspace.Token, all, nil, []string{"ok firebreak in acme has all scopes", "ok what Slack sends arrives, and the signing secret fits"}},
		{workspace.Token, all[1:], doctor.ErrNoAddress, []string{"failure the bot lacks groups:write", "warning whether commands"}},
		{workspace.Token, all, doctor.ErrSocketMode, []string{"ok firebreak", "ok what Slack sends comes by Socket Mode"}},
		{workspace.Token, all, errors.New("https://x answers 401"), []string{"ok firebreak", "failure https://x answers 401"}},
		{"xoxb-wrong", all, nil, []string{"failure Slack says invalid_auth"}},
	} {
		token, chat.App.Scopes = c.token, c.scopes
		s.doctor.Slack = doctor.Chat{Examine: adapter.Examine, Reach: func(context.Context) error { return c.reach }}
		var got []string
		for _, f := range s.doctor.Examine(t.Context(), "acme", "incidents") {
			if f.Check == "slack" {
				got = append(got, fmt.Sprint(f.Status, " ", f.Found))
			}
		}
		if !slices.EqualFunc(got, c.want, strings.HasPrefix) {
			t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}
