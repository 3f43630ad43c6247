package incident

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// keptSent is how many of the newest updates can be taken back.
const keptSent = 6

// Sent is an update, or what completed one, such as a call to the last customer who had heard nothing.
type Sent struct {
	At      time.Time `json:"at"`
	ID      string    `json:"id,omitempty"`      // of the fact
	Update  bool      `json:"update,omitempty"`  // it was sent, and not told by a person
	Reached []string  `json:"reached,omitempty"` // customers, as far as is known
	Lost    []string  `json:"lost,omitempty"`    // "customer: channel" that it did not reach
	Counts  bool      `json:"counts,omitempty"`  // every impacted customer was reached: it restarted the clock
	Kept    bool      `json:"kept,omitempty"`    // and that in time
	Wait    Wait      `json:"wait,omitzero"`     // the wait that it ended, if it counts
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
	return s.Update && (naming.Contains(s.Reached, customer) || slices.ContainsFunc(s.Lost, func(l string) bool { return strings.HasPrefix(l, customer+": ") }))
}

// Unheard returns the impacted customers who have heard nothing while others have, or whom the last update did not reach: nobody
// once it counts.
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

// NothingToTell reports whether it is known that no customer is impacted: nobody waits for an update, and nobody need agree.
func (s State) NothingToTell() bool { return s.NoCustomer && len(s.Customers) == 0 }

func heard(list []Heard, customer string) bool {
	return slices.ContainsFunc(list, func(h Heard) bool { return naming.Equal(h.Customer, customer) })
}

// untold says of customers what can be done about them.
func (r *run) untold(names []string) (out []Untold) {
	for _, n := range names {
		c, _ := r.p.Customer(n)
		u := Untold{Customer: n, Unknown: r.p.UnknownCustomer(n), Contacts: c.Contacts, Command: "/ic told " + n + " by phone"}
		if u.Unknown {
			u.Near = r.p.NearCustomers(n)
		}
		out = append(out, u)
	}
	return out
}

// update tells the customers, and counts if it can reach each of them by a channel (V3). That it can is taken for granted here:
// unsent takes it back.
func (r *run) update(text string) {
	var reached, deaf []string
	for _, n := range r.Customers {
		if c, _ := r.p.Customer(n); r.Drill || len(c.Channels) > 0 { // A6: a drill tells no customer, and counts
			reached = append(reached, n)
		} else {
			deaf = append(deaf, n)
		}
	}
	if len(reached) == 0 && !r.Drill {
		r.record("update", "-", text) // it left for nobody
	} else {
		r.record("update", list(deaf), text)
	}
	u := &r.Updates
	u.Last, u.Told, u.Unsent = r.f.At, nil, nil
	if !r.Drill && len(reached) > 0 {
		for _, n := range reached {
			c, _ := r.p.Customer(n)
			for _, ch := range c.ChannelNames() {
				u.Told = append(u.Told, n+": "+ch)
			}
		}
		r.do(Announce{Fact: r.f.ID, At: r.f.At, Customers: reached, Text: text})
	}
	if !r.Drill && len(r.Customers) == 0 {
		role := "unnamed"
		if r.NoCustomer {
			role = "none"
		}
		r.refuse(Say{Name: "update-untold", Role: role, Command: RowOf(AddCustomer).Usage})
		return
	}
	if r.reach(reached) {
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

// reach notes that customers were reached by an update, and reports whether it counts: every impacted one has been, in this wait.
func (r *run) reach(names []string) bool {
	u := &r.Updates
	if n := len(u.Sent); n > 0 && u.Sent[n-1].Counts && u.Sent[n-1].At.Equal(r.f.At) && CommentOf(u.Sent[n-1].ID) == CommentOf(r.f.ID) {
		last := &u.Sent[n-1] // two updates in one comment are one
		for _, name := range names {
			if !naming.Contains(last.Reached, name) {
				last.Reached = append(last.Reached, name)
			}
		}
		return true
	}
	u.Sent = newest(append(u.Sent, Sent{At: r.f.At, ID: r.f.ID, Update: true, Reached: names}), keptSent)
	wait := r.wait()
	for _, name := range names {
		r.heardAt(name, r.f.At)
	}
	return r.complete(wait, r.f.At)
}

// heardAt notes that a customer was reached in this wait.
func (r *run) heardAt(customer string, at time.Time) {
	r.Updates.Heard = append(slices.DeleteFunc(slices.Clone(r.Updates.Heard), func(h Heard) bool { return naming.Equal(h.Customer, customer) }), Heard{customer, at})
}

// wait returns the wait that goes on.
func (r *run) wait() Wait {
	u := r.Updates
	return Wait{From: u.From, Due: u.Due, Stage: u.Stage, Overdue: u.Overdue, Ask: r.StandBy.Update, Heard: slices.Clone(u.Heard)}
}

// complete counts the newest of Sent if every impacted customer has been reached since the wait began, and starts the next wait.
func (r *run) complete(wait Wait, at time.Time) bool {
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
	u.Longest = max(u.Longest, at.Sub(u.From))
	r.startUpdatesAt(at)
	return true
}

// completeIfAllHeard counts what was told if those who had heard nothing are not impacted after all: from when the last of the
// others was reached.
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
	u.Sent = newest(append(u.Sent, Sent{At: at, ID: r.f.ID}), keptSent)
	r.complete(r.wait(), at)
}

// toldBy notes that a person told customers, by phone or in their room: for them it counts as the update (V3).
func (r *run) toldBy(text string) {
	names, how, ok := r.whoWasTold(text)
	if !ok {
		return
	}
	if len(r.Customers) == 0 && !r.Drill {
		role := "unnamed"
		if r.NoCustomer {
			role = "none"
		}
		r.refuse(Say{Name: "update-untold", Role: role, Line: "told", Command: RowOf(AddCustomer).Usage})
		return
	}
	r.record("told", list(names), how)
	u := &r.Updates
	if len(u.Heard) == 0 && len(r.Unheard()) == 0 { // the first of a round
		u.Told, u.Unsent = nil, nil
	}
	u.Last = r.f.At
	wait := r.wait()
	for _, n := range names {
		r.heardAt(n, r.f.At)
		u.Unsent = slices.DeleteFunc(slices.Clone(u.Unsent), func(line string) bool { return strings.HasPrefix(line, n+": ") })
		if entry := n + ": " + r.f.By.Login; !slices.Contains(u.Told, entry) {
			u.Told = append(u.Told, entry)
		}
	}
	if len(r.Customers) > 0 {
		if slices.ContainsFunc(r.Customers, func(c string) bool { return !heard(u.Heard, c) }) {
			r.done()
			if !u.Due.IsZero() || !r.StandBy.Update.IsZero() {
				r.reply(Say{Name: "told-partly", Names: names, Untold: r.untold(r.Unheard()), Time: u.Due})
			}
			return
		}
	}
	u.Sent = newest(append(u.Sent, Sent{At: r.f.At, ID: r.f.ID, Reached: names}), keptSent)
	r.complete(wait, r.f.At)
	r.done()
}

var (
	// byWords begin the how of `/ic told by phone`.
	byWords = []string{"by", "via", "in", "on", "at", "over", "through", "with", "per", "during", "using", "from", "im", "am", "auf"}
	// everyWords begin a how that names no customer.
	everyWords = []string{"them", "all", "everybody", "everyone", "both", "each", "the", "customer", "customers", "called", "phoned", "spoke", "talked", "call",
		"phone", "verbally", "personally", "just", "we", "i", "it", "done", "yes", "telefonisch"}
)

// whoWasTold reads `/ic told [customer] how`. It asks about a name that is no impacted customer's; ok is false then.
func (r *run) whoWasTold(text string) (names []string, how string, ok bool) {
	p := r.impactedToo()
	line, below, _ := strings.Cut(text, "\n")
	words := splitCustomerWords(line)
	from := 0
	for i := 0; i < len(words); {
		if words[i].connects() || words[i].fold == "" {
			i++
			continue
		}
		name, n := p.longestCustomer(words[i:])
		if n == 0 {
			break
		}
		if !naming.Contains(names, name) {
			names = append(names, name)
		}
		i += n
		from = words[i-1].end
	}
	how = strings.TrimSpace(strings.TrimLeft(line[from:], " \t.,:;!\"'“”’)-–—") + "\n" + below)
	if len(names) == 0 {
		words = slices.DeleteFunc(words, func(w customerWord) bool { return w.fold == "" })
		name, asks := r.toldOf(words)
		switch {
		case asks:
			r.react(Unclear)
			r.reply(Say{Name: "customer-unknown", Role: "told", Line: name, Names: near(p, name, r.Customers), Lines: r.Customers, Start: "/ic told"})
			return nil, "", false
		case name != "":
			names = []string{name}
		default:
			names = slices.Clone(r.Customers)
		}
		return names, how, true
	}
	other := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return naming.Contains(r.Customers, n) })
	if len(other) > 0 {
		r.react(Unclear)
		r.reply(Say{Name: "customer-unknown", Role: "unimpacted", Line: list(other), Command: "/ic customer add " + list(other)})
		return nil, "", false
	}
	return names, how, true
}

// near returns the impacted customers that a name is close to.
func near(p Policy, name string, impacted []string) []string {
	return slices.DeleteFunc(p.NearCustomers(name), func(n string) bool { return !naming.Contains(impacted, n) })
}

// toldOf returns whom words without a customer's name mean: the customer whose contact they name, or nobody in particular. asks
// reports that they look like a name that nobody has.
func (r *run) toldOf(words []customerWord) (name string, asks bool) {
	if len(words) == 0 || slices.Contains(byWords, words[0].fold) || slices.Contains(everyWords, words[0].fold) {
		return "", false
	}
	if c := r.contactOf(words[0].fold); c != "" {
		return c, false
	}
	by := slices.IndexFunc(words, func(w customerWord) bool { return slices.Contains(byWords, w.fold) })
	if by > 0 && by <= 4 {
		return joinWords(words[:by]), true
	}
	first := joinWords(words[:1])
	return first, len(near(r.impactedToo(), first, r.Customers)) > 0 || len(words) == 1 && len(r.Customers) > 1
}

// contactOf returns the only impacted customer with a contact of that first name.
func (r *run) contactOf(fold string) (customer string) {
	for _, n := range r.Customers {
		c, _ := r.p.Customer(n)
		for _, contact := range c.Contacts {
			words := splitCustomerWords(contact)
			if len(words) == 0 || len(fold) < 3 || words[0].fold != fold {
				continue
			}
			if customer != "" && customer != n {
				return ""
			}
			customer = n
		}
	}
	return customer
}

// OwedTo returns the newest update that did not reach a customer by one of their channels, unless a later one reached them.
func (u Updates) OwedTo(customer, channel string) (s Sent, ok bool) {
	for _, s := range slices.Backward(u.Sent) {
		if slices.Contains(s.Lost, customer+": "+channel) {
			return s, true
		}
		if s.Update && naming.Contains(s.Reached, customer) {
			return Sent{}, false
		}
	}
	return Sent{}, false
}

// sharedAfterAll notes that a customer's issue has an update that GitHub had refused there. From now on they have heard of it.
func (r *run) sharedAfterAll(w SharedAfterAll) {
	r.endRefusal(UpdateEffect(w.Customer))
	u := &r.Updates
	line := w.Customer + ": " + w.Channel
	isNewest := false
	for i := range u.Sent {
		s := &u.Sent[i]
		if s.At.Equal(w.Update) && slices.Contains(s.Lost, line) {
			s.Lost = slices.DeleteFunc(slices.Clone(s.Lost), func(l string) bool { return l == line })
			isNewest = !slices.ContainsFunc(u.Sent[i+1:], func(s Sent) bool { return s.Update })
		}
	}
	if isNewest {
		u.Unsent = slices.DeleteFunc(slices.Clone(u.Unsent), func(l string) bool { return l == line })
		if !slices.Contains(u.Told, line) {
			u.Told = append(slices.Clone(u.Told), line)
		}
	}
	who, _ := r.Coordinator()
	r.do(Remind{Key: fmt.Sprintf("shared/%s/%d", w.Customer, w.Update.Unix()), At: r.f.At, Say: Say{
		Name: "update-shared", Who: who, Names: []string{w.Customer}, Line: w.Channel, Time: w.Update}})
	if !naming.Contains(r.Unheard(), w.Customer) {
		return // somebody told them meanwhile
	}
	r.recordAt(Entry{At: r.f.At, Kind: "told", What: w.Customer})
	wait := r.wait()
	r.heardAt(w.Customer, r.f.At)
	if slices.ContainsFunc(r.Customers, func(c string) bool { return !heard(u.Heard, c) }) {
		return
	}
	u.Sent = newest(append(u.Sent, Sent{At: r.f.At, Reached: []string{w.Customer}}), keptSent)
	r.complete(wait, r.f.At)
}

// unsent notes that an update did not reach a customer by some of their channels. If none is left, they have heard nothing, and
// what counted because of it is taken back.
func (r *run) unsent(f Unsent) {
	u := &r.Updates
	if f.Update.IsZero() {
		f.Update = u.Last
	}
	i := -1
	for n, s := range u.Sent {
		if s.At.Equal(f.Update) && s.wentTo(f.Customer) && (f.By == "" || f.By == CommandedBy(s.ID)) {
			i = n
		}
	}
	shown := !slices.ContainsFunc(u.Sent[i+1:], func(s Sent) bool { return s.Update }) // no later one took its place on the card
	var channels, lines []string
	for _, failure := range f.Failed {
		line := f.Customer + ": " + failure.Channel
		if i >= 0 && slices.Contains(u.Sent[i].Lost, line) || slices.Contains(channels, failure.Channel) {
			continue
		}
		channels = append(channels, failure.Channel)
		if failure.Why == "" {
			lines = append(lines, failure.Channel)
		} else {
			lines = append(lines, failure.Channel+": "+failure.Why)
		}
		if i >= 0 {
			u.Sent[i].Lost = append(u.Sent[i].Lost, line)
		}
		if shown && (i >= 0 || f.Update.Equal(u.Last)) {
			u.Told = slices.DeleteFunc(u.Told, func(t string) bool { return t == line })
			u.Unsent = append(u.Unsent, line)
		}
	}
	if len(channels) == 0 {
		return
	}
	say := Say{Name: "update-failed", Names: []string{f.Customer}, Lines: lines, Time: f.Update}
	if i >= 0 && r.lost(i, f.Customer) {
		r.recordAt(Entry{At: r.f.At, Kind: "unsent", What: f.Customer})
		counted := r.unreached(i, f.Customer)
		say.Role, say.Untold = "unreached", r.untold([]string{f.Customer})
		say.Who, _ = r.Coordinator()
		if counted {
			say.Count = 1
		}
		how := Unclear
		if len(u.Sent[i].Reached) == 0 {
			how = Refused
		}
		if id := u.Sent[i].ID; CommentOf(id) != 0 {
			r.do(React{Fact: id, How: how})
		}
	}
	r.do(Remind{Key: UnsentKey(f, channels), At: r.f.At, Say: say})
}

// lost reports whether an update reached a customer by none of their channels.
func (r *run) lost(i int, customer string) bool {
	c, _ := r.p.Customer(customer)
	if !naming.Contains(r.Updates.Sent[i].Reached, customer) {
		return false
	}
	return !slices.ContainsFunc(c.ChannelNames(), func(ch string) bool { return !slices.Contains(r.Updates.Sent[i].Lost, customer+": "+ch) })
}

// unreached takes back that an update reached a customer, and with it whatever counted because of that; it reports whether anything
// did.
func (r *run) unreached(i int, customer string) (counted bool) {
	u := &r.Updates
	at := u.Sent[i].At
	gone := func(list []Heard) []Heard {
		return slices.DeleteFunc(slices.Clone(list), func(h Heard) bool { return naming.Equal(h.Customer, customer) && h.At.Equal(at) })
	}
	u.Sent[i].Reached = without(u.Sent[i].Reached, customer)
	u.Heard = gone(u.Heard)
	for n := range u.Sent {
		s := &u.Sent[n]
		had := len(s.Wait.Heard)
		s.Wait.Heard = gone(s.Wait.Heard)
		depends := n == i || len(s.Wait.Heard) < had
		if s.Counts && depends && !heard(s.Wait.Heard, customer) {
			counted = true
			r.takeBack(n)
		}
	}
	return counted
}

// takeBack makes it as if an update that counted had not been: it was not kept, and the wait that it ended goes on if no other wait
// began since.
func (r *run) takeBack(n int) {
	u := &r.Updates
	s := &u.Sent[n]
	s.Counts = false
	if s.Kept {
		u.Kept, s.Kept = u.Kept-1, false
	}
	for later := n + 1; later < len(u.Sent); later++ {
		next := &u.Sent[later]
		if !next.Counts {
			continue
		}
		if next.Wait.From.Equal(s.At) && !s.Wait.From.IsZero() {
			next.Wait.From = s.Wait.From
			u.Longest = max(u.Longest, next.At.Sub(s.Wait.From))
		}
		return
	}
	if r.StandBy.Update.IsZero() && r.Running() && !r.Since.At.After(s.At) && len(r.Customers) > 0 {
		r.StandBy.Update = s.Wait.Ask
	}
	if s.Wait.Due.IsZero() || u.Due.IsZero() || !u.From.Equal(s.At) {
		return
	}
	u.From = s.Wait.From
	if u.Stage < 2 { // else the next one is due already, and everybody knows
		u.Due, u.Stage, u.Overdue = s.Wait.Due, s.Wait.Stage, s.Wait.Overdue
	}
	again := slices.Clone(s.Wait.Heard)
	for _, c := range s.Reached {
		again = append(again, Heard{c, s.At})
	}
	for _, h := range u.Heard {
		again = append(slices.DeleteFunc(again, func(old Heard) bool { return naming.Equal(old.Customer, h.Customer) }), h)
	}
	u.Heard = again
}

// snoozed moves the wait that the newest update ended too: if it is taken back, what was put off stays put off.
func (r *run) snoozed(by time.Duration) {
	u := &r.Updates
	if n := len(u.Sent) - 1; n >= 0 && u.Sent[n].Counts && !u.Sent[n].Wait.Due.IsZero() && u.From.Equal(u.Sent[n].At) {
		w := &u.Sent[n].Wait
		if w.Due.Before(r.f.At) {
			w.Due = r.f.At
		}
		w.Due, w.Stage, w.Overdue = w.Due.Add(by), 0, false
	}
}

// UnsentKey is the key of the reminder that the update of a time did not reach a customer by some channels:
// unsent/globex/issue,email/20260302105000,c123.
func UnsentKey(f Unsent, channels []string) string {
	var names []string
	for _, c := range channels {
		names = append(names, url.PathEscape(c))
	}
	key := "unsent/" + url.PathEscape(f.Customer) + "/" + strings.Join(names, ",") + "/" + f.Update.UTC().Format(unsentTime)
	if f.By != "" {
		key += "," + url.PathEscape(f.By)
	}
	return key
}

const unsentTime = "20060102150405"

// ParseUnsent reads what UnsentKey wrote.
func ParseUnsent(key string) (f Unsent, ok bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 4 || parts[0] != "unsent" {
		return f, false
	}
	customer, err := url.PathUnescape(parts[1])
	when, by, _ := strings.Cut(parts[3], ",")
	by, err2 := url.PathUnescape(by)
	at, err3 := time.Parse(unsentTime, when)
	if err != nil || err2 != nil || err3 != nil {
		return f, false
	}
	f = Unsent{Customer: customer, Update: at, By: by}
	for name := range strings.SplitSeq(parts[2], ",") {
		channel, err := url.PathUnescape(name)
		if err != nil {
			return f, false
		}
		f.Failed = append(f.Failed, Failure{Channel: channel})
	}
	return f, true
}

// bounced notes that a mail of ours could not be delivered to an address that is no customer's, or not yet.
func (r *run) bounced(b Bounced) {
	if r.Signals.took(b.Report, true) {
		return
	}
	r.Signals.take(b.Report)
	holder, _ := r.Coordinator()
	say := Say{Name: "mail-bounced", Who: holder, Line: b.Address, Reason: b.Why}
	if b.Delayed {
		say = Say{Name: "mail-delayed", Line: b.Address, Reason: b.Why, Time: b.Update}
	}
	if b.Customer != "" {
		say.Names = []string{b.Customer}
	}
	r.do(Remind{Key: fmt.Sprintf("bounce/%s/%s/%d", b.Report.String(), url.PathEscape(b.Address), b.Update.Unix()), At: r.f.At, Say: say})
}
