package incident

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// OwedTo returns the newest update that did not reach a customer by one of their channels, unless a
// later one reached them.
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

// sharedAfterAll notes that a customer's issue has an update that GitHub had refused there. From
// now on they have heard of it.
func (r *run) sharedAfterAll(w SharedAfterAll) {
	u := &r.Updates
	line := w.Customer + ": " + w.Channel
	isLost := func(s Sent) bool { return s.At.Equal(w.Update) && slices.Contains(s.Lost, line) }
	if !slices.ContainsFunc(u.Sent, isLost) {
		return // a timeline that is read again says so of an update that the card has
	}
	r.endRefusal(UpdateEffect(w.Customer))
	isNewest := false
	for i := range u.Sent {
		s := &u.Sent[i]
		if isLost(*s) {
			s.Lost = slices.DeleteFunc(slices.Clone(s.Lost), func(l string) bool { return l == line })
			isNewest = !slices.ContainsFunc(u.Sent[i+1:], func(s Sent) bool { return s.Update })
		}
	}
	if isNewest {
		u.Unsent = slices.DeleteFunc(slices.Clone(u.Unsent), func(l string) bool { return l == line })
		if !slices.Contains(u.ReachedBy, line) {
			u.ReachedBy = append(slices.Clone(u.ReachedBy), line)
		}
	}
	who, _ := r.Coordinator()
	r.emit(Remind{Key: SharedKey(w), At: r.f.At, Say: Say{
		Name: "update-shared", Who: who, Names: []string{w.Customer}, Line: w.Channel, Time: w.Update}})
	if !naming.Contains(r.Unheard(), w.Customer) {
		return // somebody told them in between
	}
	r.recordAt(Entry{At: r.f.At, Kind: "told", What: w.Customer})
	wait := r.currentWait()
	r.heardAt(w.Customer, r.f.At)
	if slices.ContainsFunc(r.Customers, func(c string) bool { return !heard(u.Heard, c) }) {
		return
	}
	u.Sent = keepNewest(append(u.Sent, Sent{At: r.f.At, Reached: []string{w.Customer}}), keptSent)
	r.completeUpdate(wait, r.f.At)
}

// unsent notes that an update did not reach a customer by some of their channels. If none is left,
// they have heard nothing, and what counted because of it is taken back.
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
	// no later one took its place on the card
	shown := !slices.ContainsFunc(u.Sent[i+1:], func(s Sent) bool { return s.Update })
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
			r.oweShare(f.Customer, failure.Channel, f.Update)
		}
		if shown && (i >= 0 || f.Update.Equal(u.Last)) {
			u.ReachedBy = slices.DeleteFunc(u.ReachedBy, func(t string) bool { return t == line })
			u.Unsent = append(u.Unsent, line)
		}
	}
	if len(channels) == 0 {
		return
	}
	say := Say{Name: "update-failed", Names: []string{f.Customer}, Lines: lines, Time: f.Update}
	if i >= 0 && r.loseCustomer(i, f.Customer) {
		r.recordAt(Entry{At: r.f.At, Kind: "unsent", What: f.Customer})
		counted := r.countUnreached(i, f.Customer)
		say.Variant, say.Untold = "unreached", r.untold([]string{f.Customer})
		say.Who, _ = r.Coordinator()
		if counted {
			say.Count = 1
		}
		how := Unclear
		if len(u.Sent[i].Reached) == 0 {
			how = Refused
		}
		if id := u.Sent[i].ID; CommentOf(id) != 0 {
			r.emit(React{Fact: id, How: how})
		}
	}
	r.emit(Remind{Key: UnsentKey(f, channels), At: r.f.At, Say: say})
}

// oweShare makes an update that did not get into a customer's issue be written there later. A look in which GitHub
// refused it says so next; one that finds that said in a comment, because its card is lost or was never written, has
// nothing else.
func (r *run) oweShare(customer, channel string, update time.Time) {
	kind, _, _ := strings.Cut(channel, " ")
	if effect := UpdateEffect(customer); kind == "issue" && !r.IsRefused(effect) {
		r.Refused = keepNewest(append(slices.Clone(r.Refused), Refusal{Effect: effect, Since: update, Next: update}),
			maxRefused)
	}
}

// loseCustomer reports whether an update reached a customer by none of their channels.
func (r *run) loseCustomer(i int, customer string) bool {
	c, _ := r.p.Customer(customer)
	if !naming.Contains(r.Updates.Sent[i].Reached, customer) {
		return false
	}
	return !slices.ContainsFunc(c.ChannelNames(), func(ch string) bool {
		return !slices.Contains(r.Updates.Sent[i].Lost, customer+": "+ch)
	})
}

// countUnreached takes back that an update reached a customer, and with it whatever counted because
// of that; it reports whether anything did.
func (r *run) countUnreached(i int, customer string) (counted bool) {
	u := &r.Updates
	at := u.Sent[i].At
	gone := func(list []Heard) []Heard {
		return slices.DeleteFunc(slices.Clone(list), func(h Heard) bool {
			return naming.Equal(h.Customer, customer) && h.At.Equal(at)
		})
	}
	u.Sent[i].Reached = withoutLogin(u.Sent[i].Reached, customer)
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

// takeBack makes it as if an update that counted had not been: it was not kept, and the wait that
// it ended goes on if no other wait began since.
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

// UnsentKey is the key of the reminder that the update of a time did not reach a customer by some channels:
// unsent/globex/issue,email/20260302105000,c123.
func UnsentKey(f Unsent, channels []string) string {
	var names []string
	for _, c := range channels {
		names = append(names, url.PathEscape(c))
	}
	key := "unsent/" + url.PathEscape(f.Customer) + "/" + strings.Join(names, ",") + "/" +
		f.Update.UTC().Format(unsentTime)
	if f.By != "" {
		key += "," + url.PathEscape(f.By)
	}
	return key
}

const unsentTime = "20060102150405"

// SharedKey returns the key of the comment that says that a customer's issue has an update after all: a card that is
// rebuilt knows it from there. It is shared/globex/issue/20260302104000.
func SharedKey(f SharedAfterAll) string {
	return "shared/" + url.PathEscape(f.Customer) + "/" + url.PathEscape(f.Channel) + "/" +
		f.Update.UTC().Format(unsentTime)
}

// ParseShared reads what SharedKey wrote.
func ParseShared(key string) (f SharedAfterAll, ok bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 4 || parts[0] != "shared" {
		return f, false
	}
	customer, err := url.PathUnescape(parts[1])
	channel, err2 := url.PathUnescape(parts[2])
	at, err3 := time.Parse(unsentTime, parts[3])
	return SharedAfterAll{Customer: customer, Channel: channel, Update: at}, errors.Join(err, err2, err3) == nil
}

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

// bounced notes that a mail of ours could not be delivered to an address that isn't a customer's, or not yet.
func (r *run) bounced(b Bounced) {
	if r.Signals.hasTaken(b.Report, true) {
		return
	}
	r.Signals.remember(b.Report)
	holder, _ := r.Coordinator()
	say := Say{Name: "mail-bounced", Who: holder, Line: b.Address, Reason: b.Why}
	if b.Delayed {
		say = Say{Name: "mail-delayed", Line: b.Address, Reason: b.Why, Time: b.Update}
	}
	if b.Customer != "" {
		say.Names = []string{b.Customer}
	}
	key := fmt.Sprintf("bounce/%s/%s/%d", b.Report.String(), url.PathEscape(b.Address), b.Update.Unix())
	r.emit(Remind{Key: key, At: r.f.At, Say: say})
}
