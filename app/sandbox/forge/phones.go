package forge

import (
	"fmt"
	"strings"
	"time"
)

// The states of what reached a phone.
const (
	PhoneRinging  = "ringing"  // nobody has pressed a key yet
	PhoneAnswered = "answered" // a key was pressed, and whoever called took it
	PhoneFailed   = "failed"   // a key was pressed, and whoever called did not take it
	PhoneArrived  = "arrived"  // a text
)

// PhoneEntry is a call or a text that reached somebody's phone.
type PhoneEntry struct {
	Login string    `json:"login"`
	Kind  string    `json:"kind"` // call or text
	Text  string    `json:"text"`
	Link  string    `json:"link,omitempty"` // of a text: the first address in it
	At    time.Time `json:"at"`
	State string    `json:"state"`

	ID     string `json:"id"`
	Digit  string `json:"digit,omitempty"` // that was pressed
	Answer string `json:"answer,omitempty"`
	// Where whoever calls hears which key was pressed; empty: no key means anything.
	Callback string `json:"callback,omitempty"`
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
		if p := &f.Phones[n]; strings.EqualFold(p.Login, login) && p.State == PhoneRinging {
			return p
		}
	}
	return nil
}
