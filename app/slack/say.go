package slack

import (
	"context"

	"github.com/slack-go/slack"

	"github.com/firebreak-dev/firebreak/app/engine"
)

// Say writes a message. It implements engine.Chat.
func (s *Slack) Say(ctx context.Context, m engine.ChatMessage) error {
	api, _, err := s.open(ctx, m.Now, m.Service.Secret)
	if err != nil {
		return err
	}
	options := []slack.MsgOption{
		slack.MsgOptionText(cut(m.Text, maxSection), false), slack.MsgOptionDisableLinkUnfurl(),
		slack.MsgOptionDisableMediaUnfurl(),
		slack.MsgOptionMetadata(slack.SlackMetadata{EventType: eventType,
			EventPayload: map[string]any{"key": m.Key}}),
	}
	if m.Thread != "" {
		options = append(options, slack.MsgOptionTS(m.Thread))
	}
	_, _, err = api.PostMessageContext(ctx, m.Channel, options...)
	return errorOf(m.Now, "chat.postMessage", err)
}
