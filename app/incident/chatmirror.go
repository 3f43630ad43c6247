package incident

import (
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/texts"
)

// What of a channel in Slack comes to the issue (S2).
const (
	MirrorCommands = "commands" // commands, and what somebody pins
	MirrorAll      = "all"      // all that people write
)

// ChatMirrors lists the words that say what of a channel in Slack comes to the issue.
var ChatMirrors = []string{MirrorCommands, MirrorAll}

// ChatWords is what somebody wrote in a channel in Slack that isn't a command, or what became of it. It is handled
// apart from the incident, and never acts.
type ChatWords struct {
	User    string    `json:"user"`    // Slack's id
	Channel string    `json:"channel"` // Slack's id
	TS      string    `json:"ts"`      // of the message
	Text    string    `json:"text"`    // as Slack sends it
	At      time.Time `json:"at"`      // when it was received
	Parent  string    `json:"parent,omitempty"`
	// Edited is when it was edited or deleted, by Slack's clock; empty: it is new.
	Edited    string `json:"edited,omitempty"`
	IsDeleted bool   `json:"deleted,omitempty"`
}

func (*ChatWords) request() {}

// ChatWords returns what somebody wrote in Slack that isn't a command, or nil.
func (m Message) ChatWords() *ChatWords { return requestOf[*ChatWords](m) }

// Name names it, and each edit of it: Slack may send it twice.
func (w ChatWords) Name() string {
	name := "heard " + w.Channel + " " + w.TS
	if w.Edited != "" {
		name += " " + w.Edited
	}
	return name
}

// ChatMirror asks to bring to the issue what people wrote in its channel in Slack.
type ChatMirror struct {
	Try int `json:"try,omitempty"` // how often it was tried before
}

func (*ChatMirror) request() {}

// ChatMirror returns what asks to bring to the issue what people wrote in Slack, or nil.
func (m Message) ChatMirror() *ChatMirror { return requestOf[*ChatMirror](m) }

// IsInChat reports whether the message is handled apart from its incident, as it is about its channel in Slack.
func (m Message) IsInChat() bool {
	switch m.What.(type) {
	case *ChatSync, *ChatAnswer, *ChatLines, *ChatPin, *ChatWords, *ChatMirror, *ChatWho:
		return true
	}
	return false
}

// MirrorKey is the key of the comment that has what people wrote in a channel in Slack, from one message on.
func MirrorKey(channel, first string) string { return "mirror/" + channel + "/" + first }

// Mirrored is a message in Slack, as the issue shows it.
type Mirrored struct {
	By      string // a login, or Slack's id of somebody whom nobody knows
	IsKnown bool   // By is a login
	At      time.Time
	Text    string
	URL     string // of the message
	IsReply bool   // it is in a thread
}

// maxMirrored is how much of a message comes to the issue, in characters.
const maxMirrored = 3000

// MirrorText returns as much of a message as comes to the issue.
func MirrorText(text string) string { return texts.Truncate(strings.TrimSpace(text), maxMirrored) }
