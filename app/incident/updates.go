package incident

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/words"
)

// The commands of this file.
const (
	Update Kind = "update"
	Snooze Kind = "snooze"
)

var _ = register(Row{
	Kind: Update, Verbs: []string{VerbIC}, Word: "update",
	Usage: "/ic update text", Does: "tell every impacted customer, and restart the clock",
	Example: "/ic update We look into it", Who: HolderIC, Place: 260, IsCorrectable: true,
}, parseText("add what you tell the customers"), func(r *run, c Command) {
	r.sendUpdate(c.Text)
})

var _ = register(Row{
	Kind: Snooze, Verbs: []string{VerbIC}, Word: "snooze",
	Usage: "/ic snooze 15m why", Does: "move the next customer update",
	Example: "/ic snooze 15m in a call with them", Who: HolderIC, Place: 280,
}, parseSnooze, (*run).snoozeUpdate)

// hoursAndMinutes is a duration as people write it.
var hoursAndMinutes = lazily.Compile(`^(?i)(?:(\d{1,4})\s*(?:hours?|hrs?|h))?\s*` +
	`(?:(\d{1,4})\s*(?:minutes?|mins?|m))?(?:[\s.,:;]+|$)`)

// parseSnooze reads by how long the update moves, and why.
func parseSnooze(w words.Words) (Command, error) {
	w = w.First()
	m := hoursAndMinutes.FindStringSubmatch(w.Line)
	if m == nil || m[1]+m[2] == "" {
		return Command{}, errors.New("add how long: 15m, 1h or 1h30m")
	}
	hours, _ := strconv.Atoi(m[1]) // empty is 0
	minutes, _ := strconv.Atoi(m[2])
	c := Command{
		After: time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute,
		Text:  w.WithLine(w.Line[len(m[0]):]).Text(),
	}
	switch {
	case c.After <= 0 || c.After > 24*time.Hour:
		return Command{}, errors.New("an update can be moved by 24 hours at most")
	case c.Text == "":
		return Command{}, errors.New("add a reason: the customers will hear nothing for longer")
	}
	return c, nil
}

// keptSent is how many of the newest updates can be taken back.
const keptSent = 6

// Sent is an update, or what completed one, such as a call to the last customer who had heard nothing.
type Sent struct {
	At      time.Time `json:"at"`
	ID      string    `json:"id,omitempty"`      // of the fact
	Update  bool      `json:"update,omitempty"`  // it was sent, and not told by a person
	Reached []string  `json:"reached,omitempty"` // customers, as far as is known
	Lost    []string  `json:"lost,omitempty"`    // "customer: channel" that it did not reach
	// every impacted customer was reached: it restarted the clock
	Counts bool   `json:"counts,omitempty"`
	Kept   bool   `json:"kept,omitempty"` // and that in time
	Text   string `json:"text,omitempty"` // the beginning of what was said
	Wait   Wait   `json:"wait,omitzero"`  // the wait that it ended, if it counts
}

// Wait is a wait for a customer update, as Updates and StandBy hold it.
type Wait struct {
	From    time.Time `json:"from,omitzero"`
	Due     time.Time `json:"due,omitzero"`
	Stage   int       `json:"stage,omitempty"`
	Overdue bool      `json:"overdue,omitempty"`
	Ask     time.Time `json:"ask,omitzero"` // StandBy.Update
	Heard   []Heard   `json:"heard,omitempty"`
}

// Heard is a customer who was reached in a wait.
type Heard struct {
	Customer string    `json:"customer"`
	At       time.Time `json:"at"`
}

// Failure is a channel that did not take an update, and why.
type Failure struct{ Channel, Why string }

// Untold is an impacted customer whom an update did not reach, and what can be done about it.
type Untold struct {
	Customer string
	Unknown  bool     // the configuration has customers, and not this one
	Near     []string // whom the name may mean, if it is unknown
	Contacts []string
	Command  string // to write once somebody told them
}

// LongestAt returns the longest wait for an update until a time: also the one that goes on then.
func (u Updates) LongestAt(now time.Time) time.Duration {
	if u.Due.IsZero() || u.From.IsZero() {
		return u.Longest
	}
	return max(u.Longest, now.Sub(u.From))
}

// SentBy returns the newest update that was sent to a customer by a time, or ever if the time is zero.
func (u Updates) SentBy(customer string, at time.Time) (s Sent, ok bool) {
	for _, s := range slices.Backward(u.Sent) {
		if s.wentTo(customer) && (at.IsZero() || !s.At.After(at)) {
			return s, true
		}
	}
	return Sent{}, false
}

// CommandedBy returns the part of a fact's id that its comment's other commands share: c123 of c123.0.
func CommandedBy(id string) string {
	if at := strings.LastIndexByte(id, '.'); at >= 0 {
		return id[:at]
	}
	return id
}

// wentTo reports whether an update was sent to a customer, whether it reached them or not.
func (s Sent) wentTo(customer string) bool {
	isOfCustomer := func(lost string) bool { return strings.HasPrefix(lost, customer+": ") }
	return s.Update && (naming.Contains(s.Reached, customer) || slices.ContainsFunc(s.Lost, isOfCustomer))
}

// Unheard returns the impacted customers who have heard nothing while others have, or whom the last
// update did not reach: nobody once it counts.
func (s State) Unheard() (names []string) {
	n := len(s.Updates.Sent)
	pending := len(s.Updates.Heard) > 0 || n > 0 && !s.Updates.Sent[n-1].Counts
	if !pending {
		return nil
	}
	for _, c := range s.Customers {
		if !heard(s.Updates.Heard, c) {
			names = append(names, c)
		}
	}
	return names
}

// NothingToTell reports whether it is known that no customer is impacted: nobody waits for an
// update, and nobody need agree.
func (s State) NothingToTell() bool { return s.NoCustomer && len(s.Customers) == 0 }

func heard(list []Heard, customer string) bool {
	return slices.ContainsFunc(list, func(h Heard) bool { return naming.Equal(h.Customer, customer) })
}

// untold says of customers what can be done about them.
func (r *run) untold(names []string) (out []Untold) {
	for _, n := range names {
		c, _ := r.p.Customer(n)
		u := Untold{Customer: n, Unknown: r.p.UnknownCustomer(n), Contacts: c.Contacts,
			Command: "/ic told " + n + " by phone"}
		if u.Unknown {
			u.Near = r.p.NearCustomers(n)
		}
		out = append(out, u)
	}
	return out
}

// sendUpdate sends the update to the customers, and counts if it can reach each of them by a
// channel (V3). That it can is taken for granted here: unsent takes it back.
func (r *run) sendUpdate(text string) {
	var reached, deaf []string
	for _, n := range r.Customers {
		// A6: a drill tells no customer, and counts
		if c, _ := r.p.Customer(n); r.Drill || len(c.Channels) > 0 {
			reached = append(reached, n)
		} else {
			deaf = append(deaf, n)
		}
	}
	if len(reached) == 0 && !r.Drill {
		r.record("update", "-", text) // it left for nobody
	} else {
		r.record("update", joinNames(deaf), text)
	}
	u := &r.Updates
	u.Last, u.ReachedBy, u.Unsent = r.f.At, nil, nil
	if !r.Drill && len(reached) > 0 {
		for _, n := range reached {
			c, _ := r.p.Customer(n)
			for _, ch := range c.ChannelNames() {
				u.ReachedBy = append(u.ReachedBy, n+": "+ch)
			}
		}
		r.emit(Announce{Fact: r.f.ID, At: r.f.At, Customers: reached, Text: text})
		r.informOfUpdate(text)
	}
	if !r.Drill && len(r.Customers) == 0 {
		role := "unnamed"
		if r.NoCustomer {
			role = "none"
		}
		r.refuse(Say{Name: "update-untold", Variant: role, Command: RowOf(AddCustomer).Usage})
		return
	}
	if r.reachCustomers(reached, text) {
		r.done()
		if r.Confirmed == nil && !r.Drill {
			r.reply(Say{Name: "update-unconfirmed", Names: reached, Command: r.towards(Investigate, r.p)})
		}
		return
	}
	deaf = slices.DeleteFunc(deaf, func(n string) bool { return heard(u.Heard, n) })
	if len(reached) == 0 {
		r.react(Refused)
	} else {
		r.react(Unclear)
	}
	r.reply(Say{Name: "update-untold", Names: reached, Untold: r.untold(deaf), Time: u.Due})
}

// reachCustomers notes that customers were reached by an update, and reports whether it counts:
// every impacted one has been, in this wait.
func (r *run) reachCustomers(names []string, text string) bool {
	u := &r.Updates
	if n := len(u.Sent); n > 0 && u.Sent[n-1].Counts && u.Sent[n-1].At.Equal(r.f.At) &&
		CommentOf(u.Sent[n-1].ID) == CommentOf(r.f.ID) {
		last := &u.Sent[n-1] // two updates in one comment are one
		last.Text = beginningOf(text)
		for _, name := range names {
			if !naming.Contains(last.Reached, name) {
				last.Reached = append(last.Reached, name)
			}
		}
		return true
	}
	u.Sent = keepNewest(append(u.Sent,
		Sent{At: r.f.At, ID: r.f.ID, Update: true, Reached: names, Text: beginningOf(text)}), keptSent)
	wait := r.currentWait()
	for _, name := range names {
		r.heardAt(name, r.f.At)
	}
	return r.completeUpdate(wait, r.f.At)
}

// heardAt notes that a customer was reached in this wait.
func (r *run) heardAt(customer string, at time.Time) {
	others := slices.DeleteFunc(slices.Clone(r.Updates.Heard), func(h Heard) bool {
		return naming.Equal(h.Customer, customer)
	})
	r.Updates.Heard = append(others, Heard{customer, at})
}

// currentWait returns the wait that goes on.
func (r *run) currentWait() Wait {
	u := r.Updates
	return Wait{From: u.From, Due: u.Due, Stage: u.Stage, Overdue: u.Overdue, Ask: r.StandBy.Update,
		Heard: slices.Clone(u.Heard)}
}

// completeUpdate reports whether every impacted customer has been reached since the wait began. Then
// it counts the newest of Sent and starts the next wait.
func (r *run) completeUpdate(wait Wait, at time.Time) bool {
	u := &r.Updates
	for _, c := range r.Customers {
		if !heard(u.Heard, c) {
			return false
		}
	}
	s := &u.Sent[len(u.Sent)-1]
	s.Counts, s.Wait = true, wait
	u.Heard = nil
	r.StandBy.Update = time.Time{}
	if u.Due.IsZero() {
		return true
	}
	if !at.After(u.Due) && !u.Overdue {
		u.Kept++
		s.Kept = true
	}
	r.takeMissesBack(s, at)
	u.Longest = max(u.Longest, at.Sub(u.From))
	r.startUpdatesAt(at)
	return true
}

// takeMissesBack takes back the times that passed without the update that ends a wait, although it was given before:
// its comment is read after a timer went off. Of a wait that is overdue the first stays. If the update is taken back,
// the timer counts again.
func (r *run) takeMissesBack(s *Sent, at time.Time) {
	u := &r.Updates
	var overdue, last time.Time // since when it is, as the first was missed; and the last miss that stays
	for _, e := range r.Timeline {
		if e.Kind == "overdue" && e.At.After(u.From) {
			overdue = e.At
		}
	}
	before := len(r.Timeline)
	r.Timeline = slices.DeleteFunc(slices.Clone(r.Timeline), func(e Entry) bool {
		switch {
		case e.Kind != "missed" || !e.At.After(u.From):
			return false
		case e.At.Before(at) || e.At.Before(overdue):
			last = e.At
			return false
		}
		return true
	})
	taken := before - len(r.Timeline)
	r.Entries -= taken
	u.Missed -= taken
	switch {
	case taken > 0 && !u.Overdue:
		s.Wait.Stage = 1
	case taken > 0 && !last.IsZero():
		s.Wait.Due, s.Wait.Stage = last, 3
	}
}

// completeIfAllHeard counts the update if those who had heard nothing are not impacted after all:
// from when the last of the others was reached.
func (r *run) completeIfAllHeard() {
	u := &r.Updates
	if len(u.Heard) == 0 || len(r.Customers) == 0 || len(r.Unheard()) > 0 {
		return
	}
	at := u.Heard[0].At
	for _, h := range u.Heard {
		if h.At.After(at) {
			at = h.At
		}
	}
	u.Sent = keepNewest(append(u.Sent, Sent{At: at, ID: r.f.ID}), keptSent)
	r.completeUpdate(r.currentWait(), at)
}

// rhythm returns the wait between updates at a time (V3: slower after two hours).
func (s State) rhythm(p Policy, at time.Time) time.Duration {
	sev, _ := p.Severity(s.Severity)
	if sev.Later > 0 && s.Confirmed != nil && !at.Before(s.Confirmed.At.Add(sev.After)) {
		return sev.Later
	}
	return sev.Every
}

func (r *run) startUpdates() { r.startUpdatesAt(r.f.At) }

// startUpdatesAt begins a wait. Where it is known that no customer is impacted nobody waits.
func (r *run) startUpdatesAt(at time.Time) {
	every := r.rhythm(r.p, at)
	if every == 0 || r.NothingToTell() {
		return
	}
	r.Updates.From, r.Updates.Due = at, at.Add(every)
	r.Updates.Stage, r.Updates.Overdue, r.Updates.Heard = 0, false, nil
}

// stopUpdates ends the rhythm; the wait that it ends counts towards the longest.
func (r *run) stopUpdates() {
	if !r.Updates.Due.IsZero() {
		r.Updates.Longest = max(r.Updates.Longest, r.f.At.Sub(r.Updates.From))
	}
	r.Updates.From, r.Updates.Due = time.Time{}, time.Time{}
	r.Updates.Stage, r.Updates.Overdue, r.Updates.Heard = 0, false, nil
}

// nextUpdate returns when the next thing about the update happens: amber, due, overdue, due again.
func (s State) nextUpdate(p Policy) time.Time {
	// the configuration may have said since that none is due
	if s.Updates.Due.IsZero() || s.rhythm(p, s.Updates.Due) == 0 {
		return time.Time{}
	}
	sev, _ := p.Severity(s.Severity)
	switch s.Updates.Stage {
	case 0:
		return s.Updates.Due.Add(-sev.Amber)
	case 1:
		return s.Updates.Due
	case 2:
		return s.Updates.Due.Add(sev.Grace)
	}
	return s.Updates.Due.Add(s.rhythm(p, s.Updates.Due))
}

// updateDue is V3: amber, then a mention of the IC and one more missed, then the label and the group.
func (r *run) updateDue() {
	u := &r.Updates
	switch u.Stage {
	case 0:
		u.Stage = 1
		return
	case 2:
		u.Stage = 3
		if !u.Overdue {
			u.Overdue = true
			r.record("overdue", "", "")
			if !r.Drill {
				r.pagePeople([]string{r.p.Coordinators}, nil, "update", "")
			}
		}
		return
	case 3:
		u.Due = r.f.At // still nothing: the next one is missed too
	}
	u.Stage = 2
	u.Missed++
	r.record("missed", "", "")
	holder, _ := r.Coordinator()
	since, names, unheard := u.From, r.Customers, r.Unheard()
	if len(unheard) > 0 {
		names = unheard
	}
	r.emit(Remind{Key: fmt.Sprintf("update/%d", u.Due.Unix()), At: r.f.At, Say: Say{
		Name: "update-due", Who: holder, Time: since, Count: u.Missed, Names: names, Command: "/ic update …",
		Untold: r.untold(unheard)}})
}

func (r *run) askUpdate() {
	r.StandBy.Update = time.Time{}
	holder, _ := r.Coordinator()
	r.emit(Remind{Key: fmt.Sprintf("told/%d", r.f.At.Unix()), At: r.f.At, Say: Say{
		Name: "tell-customer", Who: holder, Phase: r.Phase, Names: r.Customers, Command: "/ic update …"}})
}

func (r *run) snoozeUpdate(c Command) {
	if r.Updates.Due.IsZero() {
		r.refuse(Say{Name: "nothing-due"})
		return
	}
	r.noteSnooze(c.After)
	if r.Updates.Due.Before(r.f.At) {
		r.Updates.Due = r.f.At
	}
	r.Updates.Due = r.Updates.Due.Add(c.After)
	r.Updates.Stage, r.Updates.Overdue = 0, false
	r.Updates.Snoozed++
	r.record("snooze", c.After.String(), c.Text)
	r.done()
}

// noteSnooze moves the wait that the newest update ended too: if it is taken back, what was put off
// stays put off.
func (r *run) noteSnooze(by time.Duration) {
	u := &r.Updates
	if n := len(u.Sent) - 1; n >= 0 && u.Sent[n].Counts && !u.Sent[n].Wait.Due.IsZero() && u.From.Equal(u.Sent[n].At) {
		w := &u.Sent[n].Wait
		if w.Due.Before(r.f.At) {
			w.Due = r.f.At
		}
		w.Due, w.Stage, w.Overdue = w.Due.Add(by), 0, false
	}
}
