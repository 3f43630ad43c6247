// Package slack keeps the incident's channel in Slack up to date (S1): it finds or makes the channel,
// and brings its topic, bookmarks, members and the pinned card to what the incident says. GitHub stays
// the truth, so whatever Slack loses, refuses or does twice is put right by the next call.
package slack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// Options are what the adapter needs.
type Options struct {
	// Secret returns a secret that the configuration names, such as the bot's token.
	Secret func(ctx context.Context, name string) (string, error)
	URL    string // of another server with Slack's Web API, such as the sandbox's; empty: Slack
	Client *http.Client
}

// Slack is the Slack of a repository's configuration. It implements engine.Chat.
type Slack struct {
	Options

	mu   sync.Mutex
	bots map[string]bot // by token
}

// bot is who a token is.
type bot struct {
	user string
	team string
	home string // "https://acme.slack.com/"
}

// callTimeout is how long one call may take.
const callTimeout = 10 * time.Second

// New returns the adapter.
func New(o Options) *Slack {
	if o.Client == nil {
		o.Client = &http.Client{Timeout: callTimeout}
	}
	return &Slack{Options: o, bots: map[string]bot{}}
}

// Error is what Slack says, or that it can't be reached. It holds no secret and no text of the incident.
type Error struct {
	text string
	code string // Slack's own; empty: it could not be reached
}

func (e *Error) Error() string { return e.text }

// errorOf returns the error of a call: a *engine.RetryAfter where Slack says when to come back.
func errorOf(now time.Time, what string, err error) error {
	if err == nil {
		return nil
	}
	var limited *slack.RateLimitedError
	var said slack.SlackErrorResponse
	var status slack.StatusCodeError
	var network net.Error
	switch {
	case errors.As(err, &limited):
		return &engine.RetryAfter{Until: now.Add(max(limited.RetryAfter, time.Second)),
			Err: &Error{text: "Slack limits the rate of " + what, code: "ratelimited"}}
	case errors.As(err, &said):
		return &Error{text: "Slack says " + said.Err + hintFor(said.Err) + " (" + what + ")", code: said.Err}
	case errors.As(err, &status):
		return &Error{text: fmt.Sprintf("Slack answers %d (%s)", status.Code, what)}
	case errors.As(err, &network) && network.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return &Error{text: "Slack does not answer in time (" + what + ")"}
	}
	return &Error{text: "Slack can't be reached (" + what + ")"}
}

// hints say what to do about what Slack says.
var hints = map[string]string{
	"invalid_auth":      ": the bot's token is wrong",
	"not_authed":        ": the bot's token is empty",
	"token_revoked":     ": install the Slack app again, and set the new token",
	"token_expired":     ": install the Slack app again, and set the new token",
	"account_inactive":  ": the Slack app was removed; install it again",
	"missing_scope":     ": add the scope to the Slack app, and install it again",
	"restricted_action": ": the workspace's settings keep the app from it",
	"channel_not_found": ": the channel was deleted, or the app was removed from it; invite it again",
	"not_in_channel":    ": invite the app to the channel again",
}

func hintFor(code string) string { return hints[code] }

// codeOf returns Slack's code of an error, or "".
func codeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.code
	}
	return ""
}

// open returns a client for the bot whose token a secret holds, and who it is.
func (s *Slack) open(ctx context.Context, now time.Time, of incident.Service) (*slack.Client, bot, error) {
	if of.Secret == "" {
		return nil, bot{}, &Error{text: "services.slack has no secret: it names the bot's token"}
	}
	token, err := s.Secret(incident.ForAccount(ctx, of.Account), of.Secret)
	if err != nil {
		return nil, bot{}, err
	}
	options := []slack.Option{slack.OptionHTTPClient(s.Client)}
	if s.URL != "" {
		options = append(options, slack.OptionAPIURL(strings.TrimSuffix(s.URL, "/")+"/"))
	}
	api := slack.New(token, options...)
	s.mu.Lock()
	known, ok := s.bots[token]
	s.mu.Unlock()
	if ok {
		return api, known, nil
	}
	who, err := api.AuthTestContext(ctx)
	if err != nil {
		return nil, bot{}, errorOf(now, "auth.test", err)
	}
	known = bot{user: who.UserID, team: who.TeamID, home: who.URL}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bots[token] = known
	return api, known, nil
}

// address returns where people read a channel.
func (b bot) address(id string) string {
	u, err := url.Parse(b.home)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.JoinPath("archives", id).String()
}

// member returns Slack's id of a login, as the configuration has it.
func member(targets map[string]string, login string) (id string, ok bool) {
	for name, to := range targets {
		if strings.EqualFold(name, "@"+login) && len(to) > 1 && (to[0] == 'U' || to[0] == 'W') {
			return to, true
		}
	}
	return "", false
}

// isOneOf reports whether Slack's code of an error is one of some.
func isOneOf(err error, codes ...string) bool {
	code := codeOf(err)
	return code != "" && slices.Contains(codes, code)
}
