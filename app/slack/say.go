package slack

import (
	"context"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// plain lets Slack add no previews of links to a message. chat.update has no such arguments.
var plain = []slack.MsgOption{slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl()}

// textOf and keyOf return what a message says, and by what it is known: a message for one person alone has no key.
func textOf(m engine.ChatMessage) slack.MsgOption {
	return slack.MsgOptionText(cut(m.Text, maxSection), false)
}

func keyOf(m engine.ChatMessage) slack.MsgOption {
	return slack.MsgOptionMetadata(slack.SlackMetadata{EventType: eventType, EventPayload: map[string]any{"key": m.Key}})
}

// optionsOf returns a new message as Slack takes it.
func optionsOf(m engine.ChatMessage) []slack.MsgOption {
	options := append([]slack.MsgOption{textOf(m)}, plain...)
	if m.Only == "" {
		options = append(options, keyOf(m))
	}
	if m.Thread != "" {
		options = append(options, slack.MsgOptionTS(m.Thread))
	}
	return options
}

// Say writes a message. It implements engine.Chat.
func (s *Slack) Say(ctx context.Context, m engine.ChatMessage) (id string, err error) {
	api, _, err := s.open(ctx, m.Now, m.Service)
	if err != nil {
		return "", err
	}
	if m.Only != "" {
		id, err = api.PostEphemeralContext(ctx, m.Channel, m.Only, optionsOf(m)...)
		if err = errorOf(m.Now, "chat.postEphemeral", err); isOneOf(err, "user_not_in_channel") {
			return "", nil // they left, and nobody else is to see it
		}
		return id, err
	}
	_, id, err = api.PostMessageContext(ctx, m.Channel, optionsOf(m)...)
	return id, errorOf(m.Now, "chat.postMessage", err)
}

// Change changes a message, or takes it away. It implements engine.Chat.
func (s *Slack) Change(ctx context.Context, m engine.ChatMessage) error {
	api, _, err := s.open(ctx, m.Now, m.Service)
	if err != nil {
		return err
	}
	if m.Text == "" {
		_, _, err = api.DeleteMessageContext(ctx, m.Channel, m.ID)
		err = errorOf(m.Now, "chat.delete", err)
	} else {
		_, _, _, err = api.UpdateMessageContext(ctx, m.Channel, m.ID, textOf(m), keyOf(m))
		err = errorOf(m.Now, "chat.update", err)
	}
	if isOneOf(err, unchangeable...) {
		return nil
	}
	return err
}

// unchangeable are the codes by which Slack says that a message can't be changed any more, whoever did that.
var unchangeable = []string{"message_not_found", "cant_update_message", "cant_delete_message", "edit_window_closed",
	"is_inactive", "compliance_exports_prevent_deletion", "external_channel_migrating"}

// Find finds a message of ours by its key. It implements engine.Chat.
func (s *Slack) Find(ctx context.Context, m engine.ChatMessage) (id string, err error) {
	api, who, err := s.open(ctx, m.Now, m.Service)
	if err != nil {
		return "", err
	}
	const newest = 100 // it was written just now, if it was
	var found []slack.Message
	if m.Thread != "" {
		found, _, _, err = api.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
			ChannelID: m.Channel, Timestamp: m.Thread, Limit: newest, IncludeAllMetadata: true})
		err = errorOf(m.Now, "conversations.replies", err)
		if isOneOf(err, "thread_not_found") { // somebody deleted what it answers
			return "", nil
		}
	} else {
		var page *slack.GetConversationHistoryResponse
		page, err = api.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{
			ChannelID: m.Channel, Limit: newest, IncludeAllMetadata: true})
		err = errorOf(m.Now, "conversations.history", err)
		if page != nil {
			found = page.Messages
		}
	}
	if err != nil {
		return "", err
	}
	for _, one := range found {
		if one.User == who.user && one.Metadata.EventType == eventType && one.Metadata.EventPayload["key"] == m.Key {
			return one.Timestamp, nil
		}
	}
	return "", nil
}

// EmailOf returns the e-mail address of a member of the bot's own workspace. It is empty of everybody else: an address
// that another workspace shows proves nothing, and apps and who has left have none. It implements engine.Chat.
// https://docs.slack.dev/reference/methods/users.info
func (s *Slack) EmailOf(ctx context.Context, service incident.Service, user string, now time.Time) (string, error) {
	api, who, err := s.open(ctx, now, service)
	if err != nil {
		return "", err
	}
	u, err := api.GetUserInfoContext(ctx, user)
	err = errorOf(now, "users.info", err)
	switch {
	case isOneOf(err, "missing_scope", "no_permission", "user_not_found", "user_not_visible"):
		return "", nil
	case err != nil:
		return "", err
	case who.team == "" || u.TeamID != who.team || u.ID != user || u.Deleted || u.IsBot || u.IsStranger:
		return "", nil
	}
	return strings.ToLower(strings.TrimSpace(u.Profile.Email)), nil
}

// Read returns a message. It implements engine.Chat.
func (s *Slack) Read(ctx context.Context, m engine.ChatMessage) (heard engine.ChatHeard, err error) {
	api, who, err := s.open(ctx, m.Now, m.Service)
	if err != nil {
		return heard, err
	}
	// of a message in a thread it returns that one, and of any other the message and then its thread
	found, _, _, err := api.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
		ChannelID: m.Channel, Timestamp: m.ID, Limit: 1, Inclusive: true})
	err = errorOf(m.Now, "conversations.replies", err)
	if isOneOf(err, "thread_not_found", "message_not_found") {
		return engine.ChatHeard{IsGone: true}, nil
	}
	if err != nil {
		return heard, err
	}
	for _, one := range found {
		if one.Timestamp != m.ID {
			continue
		}
		heard = engine.ChatHeard{User: one.User, Text: one.Text, IsApp: one.BotID != "" || one.User == who.user}
		if one.ThreadTimestamp != one.Timestamp {
			heard.Thread = one.ThreadTimestamp
		}
		return heard, nil
	}
	return engine.ChatHeard{IsGone: true}, nil
}
