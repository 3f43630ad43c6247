package incident

import (
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// Which incidents get a channel in Slack (S1).
const (
	ChatNone     = "none"
	ChatCritical = "critical" // whose severity is a critical one
	ChatAll      = "all"      // that somebody has confirmed
)

// ChatPer lists the words that say which incidents get a channel.
var ChatPer = []string{ChatNone, ChatCritical, ChatAll}

// ChatRules say which incidents get a channel in Slack, and what kind of one (S1).
type ChatRules struct {
	Per          string        // of ChatPer; empty: ChatNone
	IsPublic     bool          // everybody in the workspace can read it
	IsMirrored   bool          // what people write there is brought to the issue, commands or not (S2)
	ArchiveAfter time.Duration // how long after the end of an incident its channel is archived
}

// Chat is the incident's channel in Slack, as Slack said last. Everything in it follows from the
// incident: it is brought up to date apart from it, and nothing waits for that (S5).
type Chat struct {
	ID         string    `json:"id,omitempty"` // empty: there is none yet
	Name       string    `json:"name,omitempty"`
	URL        string    `json:"url,omitempty"`
	IsArchived bool      `json:"archived,omitempty"`
	Ends       time.Time `json:"ends,omitzero"`      // when it is to be archived
	IsOver     bool      `json:"over,omitempty"`     // it is to be archived now
	Away       string    `json:"away,omitempty"`     // why it can't be reached; empty: it can
	AwaySince  time.Time `json:"awaySince,omitzero"` // since when
}

// ChatSync asks to bring the incident's channel in Slack up to date. It is handled apart from the incident,
// which it reads and does not change.
type ChatSync struct {
	Seq int       `json:"seq"`           // of the card that it follows
	At  time.Time `json:"at"`            // when it was sent
	Try int       `json:"try,omitempty"` // how often it was tried before
}

func (*ChatSync) request() {}

// ChatSync returns which channel is to be brought up to date, or nil.
func (m Message) ChatSync() *ChatSync { return requestOf[*ChatSync](m) }

// ChatSynced says what came of bringing the incident's channel up to date: what Slack says of it or,
// where Away is set, why it can't be reached.
type ChatSynced struct {
	ID         string    `json:"id,omitempty"`
	Name       string    `json:"name,omitempty"`
	URL        string    `json:"url,omitempty"`
	IsArchived bool      `json:"archived,omitempty"`
	Away       string    `json:"away,omitempty"`
	Since      time.Time `json:"since,omitzero"` // of Away
}

func (*ChatSynced) request() {}

// ChatSynced returns what came of bringing the incident's channel up to date, or nil.
func (m Message) ChatSynced() *ChatSynced { return requestOf[*ChatSynced](m) }

// IsNews reports whether it says something that the state doesn't know.
func (w ChatSynced) IsNews(s State) bool {
	after := s.Chat
	after.note(w)
	return after != s.Chat
}

// note notes what came of bringing the channel up to date.
func (c *Chat) note(w ChatSynced) {
	if w.ID != "" {
		c.ID, c.Name, c.URL, c.IsArchived = w.ID, w.Name, w.URL, w.IsArchived
	}
	if c.Away == w.Away {
		return // since when does not change
	}
	if c.Away, c.AwaySince = w.Away, w.Since; w.Away == "" {
		c.AwaySince = time.Time{}
	}
}

// WantsChat reports whether the incident is to have a channel in Slack, or has one.
func (s State) WantsChat(p Policy) bool {
	return s.MayHaveChat(p) && (s.Chat.ID != "" || s.Running())
}

// MayHaveChat reports whether the incident may have a channel in Slack: it has one, or was to have one as long as it
// went on. Where Slack was away, the channel may come once it is over.
func (s State) MayHaveChat(p Policy) bool {
	switch {
	case s.Declared == nil:
		return false
	case s.Chat.ID != "":
		return true
	case s.Confirmed == nil || p.Chat.Per == ChatNone:
		return false
	case s.Chat.Away != "": // it would be there, had Slack been
		return true
	}
	return p.Chat.Per == ChatAll || p.Chat.Per == ChatCritical && s.Critical(p)
}

// ChatMembers lists the logins that belong into the incident's channel, in the order in which they
// came: who holds a role or was asked to, who was paged by name, and who did something.
func (s State) ChatMembers() (logins []string) {
	add := func(names ...string) {
		for _, name := range names {
			if naming.IsLogin(name) && !naming.IsNobody(name) && !naming.Contains(logins, name) {
				logins = append(logins, name)
			}
		}
	}
	if s.Responder && s.Declared != nil {
		add(s.Declared.By)
	}
	add(s.IC, s.Handover)
	add(s.OEs...)
	for _, page := range s.Paging.Pages {
		for _, to := range page.To {
			if len(to) > 1 && to[0] == '@' {
				add(to[1:])
			}
		}
	}
	for _, e := range s.Timeline {
		if e.Kind != "answer" && e.Kind != "declared" { // a customer's, and a reader's
			add(e.By)
		}
	}
	return logins
}

// keepChat notes when the channel of an incident that ended is archived.
func (r *run) keepChat() {
	c := &r.Chat
	switch {
	case c.ID == "":
	case r.Running():
		c.Ends, c.IsOver = time.Time{}, false
	case c.Ends.IsZero() && !c.IsOver:
		c.Ends = r.Closed.At.Add(r.p.Chat.ArchiveAfter)
	}
}

// chatDues lists when the channel of an incident that ended is archived.
func (s State) chatDues() []due {
	if s.Chat.Ends.IsZero() {
		return nil
	}
	return []due{{s.Chat.Ends, (*run).archiveChat}}
}

// archiveChat has the channel archived.
func (r *run) archiveChat() { r.Chat.Ends, r.Chat.IsOver = time.Time{}, true }
