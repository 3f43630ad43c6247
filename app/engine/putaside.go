package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// AsideMessage returns the message by which an incident learns that a message about it was put
// aside because of err (A8). ok is false if the message has no incident, is such a message
// itself, or is about a search, which the incident asks for again.
func AsideMessage(m Message, err error) (told Message, ok bool) {
	if m.Ref.Number == 0 || m.PutAside() != nil || m.Sought() != nil || m.Found() != nil ||
		m.IsInChat() || m.ChatSynced() != nil {
		return Message{}, false
	}
	id := m.Delivery
	if id == "" {
		text, _ := json.Marshal(m) // a message always marshals: it came out of the queue as JSON
		id = string(text)
	}
	sum := sha256.Sum256([]byte(id))
	aside := incident.PutAside{What: m.Why, Why: ports.Reason(err), ID: hex.EncodeToString(sum[:6])}
	if m.Comment() != nil {
		aside.Comment = m.Comment().ID
	}
	return Message{Ref: m.Ref, Why: "aside", Delivery: "aside " + aside.ID, What: &aside}, true
}
