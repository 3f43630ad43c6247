package incident

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/oncall"
	"github.com/firebreak-dev/firebreak/app/words"
)

// The commands of this file.
const (
	Started  Kind = "started"
	Impact   Kind = "impact"
	GetBrief Kind = "brief"
	Call     Kind = "call"
)

var _ = register(Row{
	Kind: Started, Verbs: []string{VerbIncident}, Word: "started",
	Usage: "/incident started 13:05", Does: "record when the impact began",
	Example: "/incident started 13:05", Who: Responder, Place: 132, AfterClosing: true, OnPull: true,
}, parseStarted, (*run).noteStart)

var _ = register(Row{
	Kind: Impact, Verbs: []string{VerbIncident}, Word: "impact",
	Usage: "/incident impact text", Does: "record how bad it is, in a line",
	Example: "/incident impact 30 % of checkouts fail", Who: Responder, Place: 134,
	AfterClosing: true, OnPull: true, IsCorrectable: true,
}, parseText("add how bad it is, such as “30 % of checkouts fail”"), func(r *run, c Command) {
	r.Impact = r.stampedText(c.Text)
	r.record("impact", "", c.Text)
	r.done()
})

var _ = register(Row{
	Kind: GetBrief, Verbs: []string{VerbIncident}, Word: "brief",
	Usage: "/incident brief", Does: "read what is known, what was tried, and what is expected of you",
	Example: "/incident brief", Who: Responder, Place: 136, AfterClosing: true, AfterEnding: true,
}, parseAlone, func(r *run, _ Command) {
	r.done()
	r.reply(Say{Name: "brief"})
})

var _ = register(Row{
	Kind: Call, Verbs: []string{VerbIC}, Word: "call",
	Usage: "/ic call https://…", Does: "name the call or war room: it is on the card, in pages and in briefs",
	Example: "/ic call https://meet.example/p1", Who: HolderIC, Place: 285,
}, parseCall, func(r *run, c Command) {
	r.Call = c.Text
	r.record("call", c.Text, "")
	r.done()
})

// parseStarted reads a time of day, with a date where it isn't today.
func parseStarted(w words.Words) (Command, error) {
	when, rest := readMoment(strings.TrimSpace(w.Line))
	if when.Said == "" || strings.TrimSpace(rest) != "" {
		return Command{}, errors.New("add when the impact began, such as 13:05 " +
			"(if it begins the summary, write the severity first: /incident critical …)")
	}
	return Command{Entries: []Line{{When: when}}}, nil
}

// noteStart records when the impact began: times to mitigate and to resolve count from there.
func (r *run) noteStart(c Command) {
	when := c.Entries[0].When
	at, guessed, why := when.resolve(r.f.At, r.p.Zone)
	if why == "" && at.After(r.f.At) {
		why = "that is in the future"
	}
	if why != "" {
		r.react(Unclear)
		r.reply(Say{Name: "noted", Missing: []string{fmt.Sprintf("“%s”: %s", when.Said, why)}})
		return
	}
	if !r.Changes.Read.IsZero() && (len(r.Changes.Suspects) > 0 || at.After(r.Start())) {
		r.Changes.want(false) // other changes came before another start
	}
	r.Began = at
	r.recordAt(Entry{At: at, By: r.f.By.Login, Kind: "began", Ref: r.f.ID})
	r.done()
	if guessed || !when.Plain {
		r.reply(Say{Name: "noted", Lines: []string{fmt.Sprintf("%s is %s", when.Said, r.spellTime(at))}, Count: 1})
	}
}

// callAddress is an address that is safe to be clickable wherever it is shown.
var callAddress = lazily.Compile(`^https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:[/?][A-Za-z0-9/:?&=._~%#+,;!$*-]*)?$`)

const maxCall = 300 // bytes of a call's address

// IsCall reports whether a text is the address of a call or war room: HTTPS, and of characters
// that end no link.
func IsCall(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && len(address) <= maxCall && callAddress.MatchString(address)
}

// parseCall reads the address of a call, bare or as Markdown makes it of a pasted one.
func parseCall(w words.Words) (Command, error) {
	address := strings.Trim(strings.TrimSpace(w.Line), "<>")
	if !IsCall(address) {
		return Command{}, errors.New("add the call's address, beginning with https://")
	}
	return Command{Text: address}, nil
}

// CallOf returns the address of the call or war room of an incident: as the coordinator said, or
// else as the policy has it for the first impacted customer that has one, for the severity, or for
// all. It returns "" if there is none.
func (s State) CallOf(p Policy) string {
	ofCustomer := ""
	for _, name := range s.Customers {
		c, _ := p.Customer(name)
		ofCustomer = cmp.Or(ofCustomer, c.Call)
	}
	severity, _ := p.Severity(cmp.Or(s.Severity, s.Claimed))
	return cmp.Or(s.Call, ofCustomer, severity.Call, p.Call)
}

// CallNumber is what the configuration's address of the call has in the place of the incident's number.
const CallNumber = "{number}"

// For returns the policy as it is for one incident: the address of its call has its number.
func (p Policy) For(ref Ref) Policy {
	number := strconv.Itoa(ref.Number)
	p.Call = strings.ReplaceAll(p.Call, CallNumber, number)
	p.Severities, p.Customers = slices.Clone(p.Severities), slices.Clone(p.Customers)
	for i := range p.Severities {
		p.Severities[i].Call = strings.ReplaceAll(p.Severities[i].Call, CallNumber, number)
	}
	for i := range p.Customers {
		p.Customers[i].Call = strings.ReplaceAll(p.Customers[i].Call, CallNumber, number)
	}
	return p
}

// Brief is what somebody who joins needs to know (V4), from the state alone.
type Brief struct {
	State    State
	Now      time.Time // when it is read: times of that day have no date
	Critical bool
	Holder   string   // who coordinates, the declarer included
	Told     Sent     // the last update; zero: none
	Call     string   // the call's address; empty: there is none
	Waiting  []string // customers who have heard nothing
	Missing  []string // what the next phase needs
	Next     Phase
	Mine     []Hint       // what its reader may do now
	OnCall   []oncall.Now // for the service that is hit
}

// briefHints is how many commands a brief proposes.
const briefHints = 3

// BriefOf returns what a reader needs to know at a time.
func BriefOf(s State, p Policy, reader Person, now time.Time) Brief {
	b := Brief{State: s, Now: now, Critical: s.Critical(p), Call: s.CallOf(p), Next: s.Next(),
		OnCall: p.OnCallFor(s.Hit, now)}
	b.Holder, _ = s.Coordinator()
	for _, sent := range s.Updates.Sent {
		if sent.Update {
			b.Told = sent
		}
	}
	if !s.Running() {
		return b
	}
	if !s.Drill {
		b.Waiting = s.Unheard()
	}
	if b.Next != "" && s.Confirmed != nil {
		b.Missing = openChecks(Blocks(s, p, b.Next))
	}
	for _, h := range HintsFor(s, p, reader) {
		if h.Mine && len(b.Mine) < briefHints {
			b.Mine = append(b.Mine, h)
		}
	}
	return b
}

// brief sends the brief to whoever takes a role, once there is something to know. Who has taken part
// knows it.
func (r *run) brief() {
	me := r.f.By.Login
	if slices.ContainsFunc(r.Timeline, func(e Entry) bool { return naming.Equal(e.By, me) && e.Ref != r.f.ID }) {
		return
	}
	if len(r.Found)+len(r.Tried) > 0 || r.Cause != nil || r.Workaround != nil || r.Fix != nil {
		r.reply(Say{Name: "brief"})
	}
}
