package notify

import (
	"context"
	"net/url"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackutilsx"

	"github.com/firebreak-dev/firebreak/app/texts"
)

// Reply answers somebody in Slack, at the address that came with their command. It implements
// engine.Replier.
// https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
func (n *Notifier) Reply(ctx context.Context, address, text string) error {
	u, err := url.Parse(address)
	isSlack := err == nil && u.Scheme == "https" && u.Hostname() == "hooks.slack.com"
	if err != nil || !isSlack && !n.guard.names(u.Hostname(), u.Port()) {
		return final("slack", "the address to answer at is not Slack's")
	}
	if err := slack.PostWebhookCustomHTTPContext(ctx, address, n.client,
		&slack.WebhookMessage{Text: slackutilsx.EscapeMessage(texts.Clean(text))}); err != nil {
		return final("slack", "the answer was not taken")
	}
	return nil
}
