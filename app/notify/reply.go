package notify

import (
	"context"
	"net/url"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackutilsx"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// Reply answers somebody in Slack, at the address that came with their command. It implements
// engine.Replier.
// https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
func (n *Notifier) Reply(ctx context.Context, address, text string) error {
	return n.ReplyWith(ctx, address, engine.ChatReply{Text: text})
}

// ReplyWith does the same with buttons, or a text in Slack's markup. It implements engine.Replier.
func (n *Notifier) ReplyWith(ctx context.Context, address string, reply engine.ChatReply) error {
	u, err := url.Parse(address)
	isSlack := err == nil && u.Scheme == "https" && u.Hostname() == "hooks.slack.com"
	if err != nil || !isSlack && !n.guard.names(u.Hostname(), u.Port()) {
		return final("slack", "the address to answer at is not Slack's")
	}
	if err := slack.PostWebhookCustomHTTPContext(ctx, address, n.client,
		messageOf(reply)); err != nil {
		return final("slack", "the answer was not taken")
	}
	return nil
}

// messageOf returns an answer as Slack takes it.
func messageOf(reply engine.ChatReply) *slack.WebhookMessage {
	text := texts.Clean(reply.Text)
	if !reply.IsMarkup {
		text = slackutilsx.EscapeMessage(text)
	}
	m := &slack.WebhookMessage{Text: text}
	if len(reply.Buttons) == 0 {
		return m
	}
	var buttons []slack.BlockElement
	for _, b := range reply.Buttons {
		action, value := b.Action()
		label := slack.NewTextBlockObject(slack.PlainTextType, texts.Truncate(b.Label, maxLabel), false, false)
		buttons = append(buttons, slack.NewButtonBlockElement(action, value, label))
	}
	said := slack.NewTextBlockObject(slack.MarkdownType, text, false, reply.IsMarkup) // else addresses become links
	m.Blocks = &slack.Blocks{BlockSet: []slack.Block{slack.NewSectionBlock(said, nil, nil),
		slack.NewActionBlock("", buttons...)}}
	return m
}

// maxLabel is how long a button's text may be.
// https://docs.slack.dev/reference/block-kit/block-elements/button-element
const maxLabel = 75
