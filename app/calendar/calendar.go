// Package calendar writes who is on call as iCalendar, and serves it at addresses with a secret in
// them, which calendar programs subscribe to.
package calendar

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"

	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/oncall"
)

// Ahead is how far a calendar goes.
const Ahead = 26 * 7 * 24 * time.Hour

// Write writes the shifts of a rotation as a calendar, from the one of now on; of a person ("@login")
// those of every rotation that they have. ok is false if there is neither.
func Write(s oncall.Schedule, name string, now time.Time) (calendar []byte, ok bool) {
	c := ics.NewCalendar()
	c.SetProductId("-//Firebreak//On call//EN")
	c.SetMethod(ics.MethodPublish)
	c.SetName("On call: " + strings.TrimPrefix(name, "@"))
	c.SetXWRCalName("On call: " + strings.TrimPrefix(name, "@"))
	c.SetRefreshInterval("PT15M")
	rotations := s.Rotations
	if !oncall.IsPerson(name) {
		r, found := s.Find(name)
		if !found {
			return nil, false
		}
		rotations = []oncall.Rotation{r}
	}
	for _, r := range rotations {
		for _, shift := range s.Shifts(r.Name, s.At(r.Name, now).From, now.Add(Ahead)) {
			switch isTheirs := naming.Contains(shift.Who, name); {
			case len(shift.Who) == 0:
			case !oncall.IsPerson(name) || isTheirs:
				add(c, r, shift, now)
				ok = ok || isTheirs
			}
		}
		ok = ok || !oncall.IsPerson(name)
	}
	return []byte(c.Serialize()), ok
}

// add adds a shift as an event. Its UID stays as long as the shift begins at that time.
func add(c *ics.Calendar, r oncall.Rotation, shift oncall.Shift, now time.Time) {
	sum := sha256.Sum256([]byte(r.Name + "\n" + shift.From.UTC().Format(time.RFC3339)))
	e := c.AddEvent(hex.EncodeToString(sum[:12]) + "@firebreak")
	e.SetDtStampTime(now.UTC())
	e.SetStartAt(shift.From.UTC())
	e.SetEndAt(shift.Until.UTC())
	var who, why []string
	for _, one := range shift.Who {
		who = append(who, strings.TrimPrefix(one, "@"))
	}
	e.SetSummary(r.Name + ": " + strings.Join(who, ", "))
	for _, cover := range shift.Covers {
		text := strings.TrimPrefix(cover.Who, "@") + " takes over"
		if cover.For != "" {
			text += " from " + strings.TrimPrefix(cover.For, "@")
		}
		why = append(why, text)
	}
	if shift.Layer != "" {
		why = append(why, shift.Layer)
	}
	if len(why) > 0 {
		e.SetDescription(strings.Join(why, "; "))
	}
}

// Prefix is where calendars are served.
const Prefix = "/calendar/"

// Secret returns the secret of a calendar's address. It follows from the App's own secret, so that it
// is stored nowhere; changing that one changes all addresses.
func Secret(key []byte, repo, name string) string {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "calendar\n%s\n%s", naming.Key(repo), naming.Key(name))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:24])
}

// Path returns the path of a calendar's address: of a rotation, or of a person as @login.
func Path(key []byte, repo, name string) string {
	return Prefix + Secret(key, repo, name) + "/" + repo + "/" + name + ".ics"
}
