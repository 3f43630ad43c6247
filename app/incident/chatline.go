package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/firebreak-dev/firebreak/app/texts"
)

// ChatComment is the kind of a line that shows what somebody wrote on the issue without a command. It is in
// no timeline.
const ChatComment = "comment"

// maxChatText is how much of what somebody said a line shows, in characters.
const maxChatText = 300

// ChatText returns as much of a text as a line in Slack shows.
func ChatText(text string) string {
	return texts.Truncate(texts.Squeeze(texts.Clean(text)), maxChatText)
}

// ChatLine is one thing that happened on the issue, as the incident's channel in Slack shows it (S2).
type ChatLine struct {
	Key   string `json:"key"` // names it: it is shown once
	Entry Entry  `json:"entry"`
	Text  string `json:"text,omitempty"` // the beginning of what was said
}

// NewChatLine returns the line of an entry of the timeline.
func NewChatLine(e Entry) ChatLine {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%s\n%d", e.Ref, e.Kind, e.What, e.By, e.At.Unix()))
	line := ChatLine{Key: hex.EncodeToString(sum[:8]), Entry: e, Text: ChatText(e.Text)}
	line.Entry.Text = ""
	return line
}

// CommentLine returns the line of a comment without a command.
func CommentLine(comment int64, by, text string, at time.Time) ChatLine {
	ref := fmt.Sprintf("c%d", comment)
	return ChatLine{Key: ref, Entry: Entry{At: at, By: by, Kind: ChatComment, Ref: ref}, Text: ChatText(text)}
}

// ChatEdit says what became of a comment that somebody edited or deleted.
type ChatEdit struct {
	Comment int64             `json:"comment"`
	Words   string            `json:"words,omitempty"`   // of a comment without a command, as it is now
	Has     []string          `json:"has,omitempty"`     // what its commands say now
	Changed map[string]string `json:"changed,omitempty"` // what they said → what they say now
}

// Of returns what a line says after the edit; "" takes it away.
func (e ChatEdit) Of(l ChatLine) string {
	if l.Entry.Kind == ChatComment {
		return e.Words
	}
	if now, ok := e.Changed[l.Text]; ok {
		return now
	}
	for _, has := range e.Has {
		if has == l.Text {
			return l.Text
		}
	}
	return ""
}

// ChatLines says what the incident's channel in Slack is to show of what happened on the issue. It is
// handled apart from the incident.
type ChatLines struct {
	Lines  []ChatLine `json:"lines,omitempty"`
	Missed int        `json:"missed,omitempty"` // how many before them are left out
	Edits  []ChatEdit `json:"edits,omitempty"`
	// IsAgain says that the timeline was read a second time: only what is newer than all that is known counts.
	IsAgain bool `json:"again,omitempty"`
	Try     int  `json:"try,omitempty"` // how often it was tried before
}

func (*ChatLines) request() {}

// ChatLines returns what the channel in Slack is to show, or nil.
func (m Message) ChatLines() *ChatLines { return requestOf[*ChatLines](m) }

// IsChatLater reports whether the message only goes on with, or tries again, what is done in Slack.
func (m Message) IsChatLater() bool {
	lines, sync := m.ChatLines(), m.ChatSync()
	return lines != nil && len(lines.Lines)+len(lines.Edits) == 0 || sync != nil && sync.Try > 0 || m.ChatMirror() != nil
}
