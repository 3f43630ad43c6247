package workspace

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slacktest"

	"github.com/firebreak-dev/firebreak/app/sandbox/workspace/webapi"
)

func TestMethodsAreDescribed(t *testing.T) {
	for name := range methods {
		if !webapi.IsDescribed(name) {
			t.Errorf("nothing says what Slack's %s takes and answers: add it to webapi/trim", name)
		}
	}
}

// newWorkspace returns a workspace that is held against Slack's description, with a channel, and a client of it.
func newWorkspace(t *testing.T) (*Workspace, *recorded, string) {
	t.Helper()
	at := time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	w := New(func() time.Time { return at }, map[string]string{"U0BOB00": "bob"})
	w.SetProfile("U0BOB00", Profile{Email: "bob@example.com"})
	server := httptest.NewServer(webapi.Middleware(t, w))
	t.Cleanup(server.Close)
	c := newRecorded(Token, server.URL+"/api/")
	made, err := c.CreateConversation(slack.CreateConversationParams{ChannelName: "inc-1"})
	if err != nil {
		t.Fatal(err)
	}
	return w, c, made.ID
}

// recorded is a client of a Slack that keeps the last answer.
type recorded struct {
	*slack.Client
	last []byte
}

func newRecorded(token, url string) *recorded {
	r := &recorded{}
	r.Client = slack.New(token, slack.OptionAPIURL(url), slack.OptionHTTPClient(&http.Client{Transport: r}))
	return r
}

// RoundTrip implements http.RoundTripper.
func (r *recorded) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if r.last, err = io.ReadAll(res.Body); err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(r.last))
	return res, nil
}

// fields returns the kinds of all values of an answer, by their paths.
func fields(t *testing.T, text []byte) map[string]string {
	t.Helper()
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	var walk func(path string, value any)
	walk = func(path string, value any) {
		switch v := value.(type) {
		case map[string]any:
			for name, one := range v {
				walk(path+"."+name, one)
			}
		case nil:
		case []any:
			all[path] = "list"
		case string:
			all[path] = "string"
		case float64:
			all[path] = "number"
		case bool:
			all[path] = "boolean"
		}
	}
	walk("", value)
	return all
}

// TestAnswersAreThoseOfSlacktest plays the same calls at slack-go's own test server: what both answer is of the same
// kind, and what that one answers and this one does not is listed here.
func TestAnswersAreThoseOfSlacktest(t *testing.T) {
	_, ours, channel := newWorkspace(t)
	server := slacktest.NewTestServer()
	server.Start()
	t.Cleanup(server.Stop)
	theirs := newRecorded("xoxb-theirs", server.GetAPIURL())

	// what a channel, or a person, has for Slack's own clients
	unread := []string{".channel.last_read", ".channel.unread_count", ".channel.unread_count_display",
		".channel.num_members", ".channel.pending_shared", ".channel.previous_names", ".channel.priority",
		".channel.unlinked", ".channel.topic.creator", ".channel.topic.last_set", ".channel.purpose.creator",
		".channel.purpose.last_set"}
	for name, c := range map[string]struct {
		call func(*recorded) error
		lack []string
	}{
		"auth.test": {func(r *recorded) error { _, err := r.AuthTest(); return err }, nil},
		"conversations.create": {func(r *recorded) error {
			_, err := r.CreateConversation(slack.CreateConversationParams{ChannelName: "inc-2"})
			return err
		}, unread},
		"conversations.info": {func(r *recorded) error {
			_, err := r.GetConversationInfo(&slack.GetConversationInfoInput{ChannelID: channel})
			return err
		}, append(unread, ".channel.is_user_deleted", ".channel.is_open",
			".channel.is_global_shared", ".channel.is_read_only", ".channel.user")},
		"conversations.setTopic": {func(r *recorded) error {
			_, err := r.SetTopicOfConversation(channel, "P1")
			return err
		}, unread},
		"conversations.setPurpose": {func(r *recorded) error {
			_, err := r.SetPurposeOfConversation(channel, "P1")
			return err
		}, unread},
		"conversations.invite": {func(r *recorded) error {
			_, err := r.InviteUsersToConversation(channel, "U0BOB00")
			return err
		}, unread},
		"users.info": {func(r *recorded) error { _, err := r.GetUserInfo("U0BOB00"); return err }, nil},
		"chat.postMessage": {func(r *recorded) error {
			_, _, err := r.PostMessage(channel, slack.MsgOptionText("hello", false))
			return err
		}, []string{".text"}}, // which is in .message, by Slack's description
	} {
		for _, r := range []*recorded{theirs, ours} {
			if err := c.call(r); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		got, want := fields(t, ours.last), fields(t, theirs.last)
		for _, path := range slices.Sorted(maps.Keys(want)) {
			isPersons := strings.HasPrefix(path, ".user.")
			switch kind, has := got[path]; {
			case has && kind != want[path]:
				t.Errorf("%s: %s is a %s, and a %s at slacktest", name, path, kind, want[path])
			case !has && !isPersons && !slices.Contains(c.lack, path):
				t.Errorf("%s: there is no %s, a %s at slacktest", name, path, want[path])
			}
		}
	}
}
