package card

import (
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/texts"
	"github.com/firebreak-dev/firebreak/templates"
)

// ChatCard is the card as it is in the incident's channel in Slack, in Slack's markup.
type ChatCard struct {
	Topic    string   // one line
	Sections []string // the first one is the head
	Buttons  []incident.ChatButton
}

// maxTopic is how long Slack lets a channel's topic be.
// https://docs.slack.dev/reference/methods/conversations.setTopic
const maxTopic = 250

// chatPage is what templates/chat.md shows.
type chatPage struct {
	S           incident.State
	Emoji       string
	State       string // "P1 · Investigate"
	Running     bool
	Critical    bool
	Coordinator string
	Covered     bool
	Title       string
	Name        string // "acme/incidents#12"
	URL         string
	Commands    []incident.Hint // that have no button
}

// Clock returns a time as the card in Slack shows it: it is edited whenever something changes, and not
// because a day ends.
func (chatPage) Clock(t time.Time) string { return templates.UTC(t, t) }

// Chat returns the card as it is in the incident's channel in Slack.
func Chat(s incident.State, v View) ChatCard {
	p := newPage(s, v, 0)
	c := chatPage{S: s, Emoji: p.Emoji, State: p.Standing, Running: p.Running, Critical: p.Critical,
		Coordinator: p.Coordinator, Covered: p.Covered, Title: v.Title, Name: v.Ref.String(), URL: v.URL}
	buttons := incident.ChatButtons(s, v.Policy)
	if p.Running {
		for _, h := range incident.Hints(s, v.Policy) {
			isButton := slices.ContainsFunc(buttons, func(b incident.ChatButton) bool {
				return b.Command == strings.TrimSuffix(h.Command, " …")
			})
			if !isButton && len(c.Commands) <= shownNow {
				c.Commands = append(c.Commands, h)
			}
		}
	}
	shown := ChatCard{Topic: chatPart("topic", c), Buttons: buttons}
	shown.Topic = texts.Truncate(strings.Join(strings.Fields(shown.Topic), " "), maxTopic)
	for _, part := range []string{"head", "facts", "now"} {
		if text := chatPart(part, c); text != "" {
			shown.Sections = append(shown.Sections, text)
		}
	}
	return shown
}

// chatPart writes one part. A template that fails shows where the card is: a channel without words is
// worse than one with a few.
func chatPart(part string, c chatPage) string {
	text, err := templates.ChatCard(part, c)
	if err != nil {
		return c.Emoji + " " + templates.ChatText(c.Name, 200)
	}
	return text
}
