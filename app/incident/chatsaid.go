package incident

import (
	"cmp"
	"net/url"
	"strings"
	"time"
)

// ChatSaid is a command that somebody wrote in the incident's channel in Slack (S2). It becomes a comment by
// the app, which names who said it, and counts as theirs from there (A5).
type ChatSaid struct {
	User    string    `json:"user"`    // Slack's id
	Channel string    `json:"channel"` // Slack's id
	ID      string    `json:"id"`      // of the message, its ts; else what names this slash command
	Text    string    `json:"text"`    // as Slack sends it
	At      time.Time `json:"at"`

	// of a button of the card: what of the incident it was for, see State.SeenFor
	IsPress bool   `json:"press,omitempty"`
	Seen    string `json:"seen,omitempty"`
	// Of names the incident that a button outside its channel is for; empty: Channel is the incident's.
	Of string `json:"of,omitempty"`
	// Reply is where its person alone is answered, instead of in Channel; empty: nowhere.
	Reply string `json:"reply,omitempty"`

	By string `json:"-"` // their login, once the app has said what they wrote

	Only   string `json:"-"`                // who alone sees the answer; empty: everybody there
	Parent string `json:"parent,omitempty"` // the message in whose thread it is; empty: in none
	// IsPin says that User pinned a message, and did not write it. Author is who did, by their login, if that is known.
	IsPin  bool   `json:"pin,omitempty"`
	Author string `json:"author,omitempty"`
	// Edited is when User edited it, or deleted it, by Slack's clock; empty: it is new.
	Edited    string `json:"edited,omitempty"`
	IsDeleted bool   `json:"deleted,omitempty"`
	// Known says which logins members have by their verified e-mail addresses; nil: nobody has asked yet.
	Known map[string]string `json:"known,omitempty"`
}

// ChatWho asks who the members in a command are that neither the configuration nor they themselves say (S3). It is
// handled apart from the incident, so that nothing of it waits for Slack.
type ChatWho struct {
	Said  ChatSaid `json:"said"`
	Users []string `json:"users"`
}

func (*ChatWho) request() {}

// ChatWho returns what asks who is in a command, or nil.
func (m Message) ChatWho() *ChatWho { return requestOf[*ChatWho](m) }

// MaxSaid is how long a command in Slack may be, in bytes.
const MaxSaid = 4000

func (*ChatSaid) request() {}

// ChatPin says that somebody pinned a message in the incident's channel in Slack, or marked it with a pin. What the
// message says is read apart from the incident.
type ChatPin struct {
	User    string    `json:"user"`    // Slack's id
	Channel string    `json:"channel"` // Slack's id
	TS      string    `json:"ts"`      // of the message
	At      time.Time `json:"at"`
}

func (*ChatPin) request() {}

// ChatPin returns which message in Slack somebody pinned, or nil.
func (m Message) ChatPin() *ChatPin { return requestOf[*ChatPin](m) }

// ChatSaid returns what somebody wrote in the incident's channel in Slack, or nil.
func (m Message) ChatSaid() *ChatSaid { return requestOf[*ChatSaid](m) }

// These begin the IDs of slash commands, of buttons and of forms: nothing that could be answered in a thread.
const (
	slashMark = "slash-"
	pressMark = "press-"
)

// pinMark begins the ID of a message that somebody pinned.
const pinMark = "pin-"

// PinID returns the ID of a message that somebody pinned by its ts.
func PinID(ts string) string { return pinMark + ts }

// SlashID returns the ID of a slash command by what names it.
func SlashID(name string) string { return slashMark + name }

// PressID returns the ID of a button that was pressed, or a form that was sent, by what names it.
func PressID(name string) string { return pressMark + name }

// IsSlash reports whether it is a slash command.
func (s ChatSaid) IsSlash() bool { return strings.HasPrefix(s.ID, slashMark) }

// Thread returns the message in whose thread an answer goes; "": in the channel.
func (s ChatSaid) Thread() string {
	if s.IsSlash() || strings.HasPrefix(s.ID, pressMark) {
		return ""
	}
	return cmp.Or(s.Parent, strings.TrimPrefix(s.ID, pinMark))
}

// ChatAnswer is an answer to what somebody wrote in Slack. It is handled apart from the incident.
type ChatAnswer struct {
	Channel string `json:"channel"`
	Thread  string `json:"thread,omitempty"`
	Text    string `json:"text"`            // in Slack's markup
	Only    string `json:"only,omitempty"`  // who alone sees it; empty: everybody there
	Reply   string `json:"reply,omitempty"` // where it is written instead: an address of Slack's, for one answer
}

func (*ChatAnswer) request() {}

// ChatAnswer returns an answer to what somebody wrote in Slack, or nil.
func (m Message) ChatAnswer() *ChatAnswer { return requestOf[*ChatAnswer](m) }

// saidKey begins the keys of comments in which the app says what somebody wrote in Slack.
const saidKey = "slack/"

// Key is the key of the comment in which the app says that a login wrote it in Slack. It holds all of it.
func (s ChatSaid) Key(login string) string {
	parts := []string{login, s.Channel, s.ID, s.Text}
	if s.Parent != "" || s.Author != "" {
		parts = append(parts, s.Parent, s.Author)
	}
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return saidKey + strings.Join(parts, "/")
}

// MayBeSaid reports whether a comment may have such a key: hardly one has, and to verify its marks takes time.
func MayBeSaid(body string) bool { return strings.Contains(body, saidKey) }

// ParseChatSaid reads such a key: who wrote what.
func ParseChatSaid(key string) (login string, s ChatSaid, ok bool) {
	rest, isSaid := strings.CutPrefix(key, saidKey)
	parts := strings.Split(rest, "/")
	if !isSaid || len(parts) != 4 && len(parts) != 6 {
		return "", s, false
	}
	for i, part := range parts {
		text, err := url.PathUnescape(part)
		if err != nil {
			return "", s, false
		}
		parts[i] = text
	}
	s = ChatSaid{Channel: parts[1], ID: parts[2], Text: parts[3], By: parts[0],
		IsPin: strings.HasPrefix(parts[2], pinMark)}
	if len(parts) == 6 {
		s.Parent, s.Author = parts[4], parts[5]
	}
	return parts[0], s, parts[0] != ""
}

// Name names it, and each edit of it: Slack may send it twice.
func (s *ChatSaid) Name() string {
	name := s.Channel + " " + s.ID
	if s.IsPin {
		name += " by " + s.User
	}
	return strings.TrimSpace(name + " " + s.Edited)
}
