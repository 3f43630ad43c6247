package forge

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The states of what reached a phone.
const (
	PhoneRinging  = "ringing"  // nobody has pressed a key yet
	PhoneAnswered = "answered" // a key or a button was pressed, and whoever called took it
	PhoneFailed   = "failed"   // a key or a button was pressed, and whoever called did not take it
	PhoneArrived  = "arrived"  // a text, or a push that does not ring on
)

// ButtonAcknowledge is the action of a button that says that somebody saw the push.
const ButtonAcknowledge = "acknowledge"

// PhoneButton is a button of a push.
type PhoneButton struct {
	Label   string            `json:"label"`
	Action  string            `json:"action"` // view, http, broadcast as ntfy has them, or ButtonAcknowledge
	URL     string            `json:"url,omitempty"`
	Method  string            `json:"method,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
	Clear   bool              `json:"clear,omitempty"` // the push is gone once it was answered
}

// PhoneEntry is a call, a text or a push that reached somebody's phone.
type PhoneEntry struct {
	Login string    `json:"login"`
	Kind  string    `json:"kind"`          // call, text or push
	Via   string    `json:"via,omitempty"` // of a push: pushover, ntfy or gotify
	Text  string    `json:"text"`
	Link  string    `json:"link,omitempty"` // of a text: the first address in it; of a push: where a tap leads
	At    time.Time `json:"at"`
	State string    `json:"state"`

	ID     string `json:"id"`
	Digit  string `json:"digit,omitempty"` // that was pressed
	Answer string `json:"answer,omitempty"`
	// Where whoever calls hears which key was pressed; empty: no key means anything.
	Callback string `json:"callback,omitempty"`

	Buttons []PhoneButton `json:"buttons,omitempty"` // of a push
	Pressed string        `json:"pressed,omitempty"` // the label of the button that was tapped
	// of Pushover's emergencies: for how long it rings, when it was acknowledged, and when whoever sent it heard of it
	Lasts        time.Duration `json:"lasts,omitempty"`
	Acknowledged time.Time     `json:"acknowledged,omitzero"`
	CalledBack   time.Time     `json:"called_back,omitzero"`
}

// CanTap reports whether a push is still there with its buttons.
func (p *PhoneEntry) CanTap() bool {
	if len(p.Buttons) == 0 || !p.Acknowledged.IsZero() {
		return false
	}
	return p.State != PhoneAnswered || !slices.ContainsFunc(p.Buttons, func(b PhoneButton) bool {
		return b.Label == p.Pressed && b.Clear
	})
}

// PhoneEntryByID finds what reached a phone; nil: nothing has the id.
func (f *Forge) PhoneEntryByID(id string) *PhoneEntry {
	for n := range f.Phones {
		if f.Phones[n].ID == id {
			return &f.Phones[n]
		}
	}
	return nil
}

// PhoneNumber is somebody's phone, from the numbers that are nobody's.
// https://www.twilio.com/docs/iam/test-credentials
func (u *User) PhoneNumber() string { return fmt.Sprintf("+1500555%04d", u.ID%10_000) }

// UserByPhone finds whose phone a number is.
func (f *Forge) UserByPhone(number string) (*User, bool) {
	for _, u := range f.Users {
		if u.Kind == KindUser && u.PhoneNumber() == strings.TrimSpace(number) {
			return u, true
		}
	}
	return nil, false
}

// Ringing is the newest call to somebody that nobody has answered; nil: none.
func (f *Forge) Ringing(login string) *PhoneEntry {
	for n := len(f.Phones) - 1; n >= 0; n-- {
		if p := &f.Phones[n]; strings.EqualFold(p.Login, login) && p.Kind == "call" && p.State == PhoneRinging {
			return p
		}
	}
	return nil
}
