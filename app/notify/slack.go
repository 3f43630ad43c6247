package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackutilsx"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// slackText is how long a text may be,
// https://docs.slack.dev/reference/methods/chat.postMessage#truncating
const slackText = 40_000

var (
	slackUser  = lazily.Compile(`^[UW][A-Z0-9]{2,20}$`)
	slackGroup = lazily.Compile(`^S[A-Z0-9]{2,20}$`)
)

// Errors of the Web API that pass, https://docs.slack.dev/reference/methods/chat.postMessage#errors
var slackPasses = []string{
	"ratelimited",
	"rate_limited",
	"message_limit_exceeded",
	"internal_error",
	"fatal_error",
	"service_unavailable",
	"request_timeout",
}

// pageSlack writes into Options["channel"] and mentions those who are paged there. Service.Secret
// names a bot's token. A target is the id of a user group (S…) or of a user (U…, W…); who has none
// is named only.
func (n *Notifier) pageSlack(ctx context.Context, p engine.Page) error {
	channel := p.Service.Options["channel"]
	if channel == "" {
		return final("slack", "set the option channel to the Slack channel for pages")
	}
	token, err := n.secret(ctx, "slack", p.Service.Secret)
	if err != nil {
		return err
	}
	var called []string
	for _, to := range p.To {
		called = append(called, slackMention(target(p, to), to))
	}
	text := strings.Join(called, " ") + "\n*" + slackutilsx.EscapeMessage(texts.Truncate(title(p), 300)) + "*"
	for _, line := range []string{texts.Truncate(p.Text, 2000), p.URL} {
		if line != "" {
			text += "\n" + slackutilsx.EscapeMessage(line)
		}
	}
	return n.postSlack(ctx, token, channel, text, n.hash(p.Key), nil)
}

// slackMention mentions a target,
// https://docs.slack.dev/messaging/formatting-message-text#mentioning-users-and-groups
func slackMention(target, name string) string {
	switch {
	case slackUser.MatchString(target):
		return "<@" + target + ">"
	case slackGroup.MatchString(target):
		return "<!subteam^" + target + ">"
	}
	return slackutilsx.EscapeMessage(name)
}

// announceSlack writes into a customer's channel.
func (n *Notifier) announceSlack(ctx context.Context, a engine.Announcement) error {
	token, err := n.secret(ctx, "slack", a.Service.Secret)
	if err != nil {
		return err
	}
	return n.postSlack(
		ctx,
		token,
		a.Channel.To,
		texts.Truncate(slackutilsx.EscapeMessage(a.Text), slackText),
		a.Key,
		a.Posted,
	)
}

// toSlack returns the address of Slack's Web API, and the client for it.
func (n *Notifier) toSlack() (string, *http.Client) {
	if n.SlackURL != "" {
		return strings.TrimSuffix(n.SlackURL, "/") + "/", n.own
	}
	return slack.APIURL, n.client
}

// Errors by which Slack says that it knows a message's client_msg_id and not the message: it was
// deleted, say.
var slackForgot = []string{"duplicate_message_not_found", "duplicate_channel_not_found"}

// postSlack writes one message. Its client_msg_id comes of the key: by that Slack recognises a
// repetition, though it promises nowhere that it drops each. The metadata makes one recognisable to
// others, https://docs.slack.dev/messaging/message-metadata/. posted hears where it is; nil: nobody asks.
func (n *Notifier) postSlack(ctx context.Context, token, channel, text, key string,
	posted func(channel, id string)) error {
	at, client := n.toSlack()
	api := slack.New(token, slack.OptionHTTPClient(client), slack.OptionAPIURL(at))
	post := func(ctx context.Context, more ...slack.MsgOption) error {
		options := []slack.MsgOption{
			slack.MsgOptionText(text, false),
			slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
			slack.MsgOptionMetadata(
				slack.SlackMetadata{EventType: "firebreak", EventPayload: map[string]any{"key": key}},
			),
		}
		in, id, err := api.PostMessageContext(ctx, channel, append(options, more...)...)
		if err == nil && posted != nil {
			posted(in, id)
		}
		return err
	}
	withID := slack.UnsafeMsgOptionEndpoint(
		at+"chat.postMessage",
		func(form url.Values) { form.Set("client_msg_id", slackID(key)) },
	)
	return n.send(ctx, "slack", []string{token}, func(ctx context.Context) error {
		err := post(ctx, withID)
		var said slack.SlackErrorResponse
		if errors.As(err, &said) && slices.Contains(slackForgot, said.Err) {
			err = post(ctx)
		}
		if errors.As(err, &said) {
			return &Error{
				kind:      "slack",
				text:      "Slack says " + said.Err,
				temporary: slices.Contains(slackPasses, said.Err),
			}
		}
		return err
	})
}

// slackID makes a UUID of a key, the same each time (RFC 9562, version 8).
func slackID(key string) string {
	hash := sha256.Sum256([]byte(key))
	hash[6], hash[8] = hash[6]&0x0f|0x80, hash[8]&0x3f|0x80
	h := hex.EncodeToString(hash[:16])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}
