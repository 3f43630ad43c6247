package incident

import (
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// The commands of this file.
const (
	Told Kind = "told"
)

var _ = register(Row{
	Kind: Told, Verbs: []string{VerbIC}, Word: "told",
	Usage:   "/ic told [customer] how",
	Does:    "record that you told them yourself, by phone or in their room; counts as the update",
	Example: "/ic told globex by phone, Gina", Who: HolderIC, Place: 270, IsCorrectable: true,
}, parseText("add how they were told, such as “by phone”"), func(r *run, c Command) {
	r.toldBy(c.Text)
})

// toldBy notes that a person told customers, by phone or in their room: for them it counts as the
// update (V3).
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
		r.refuse(Say{Name: "update-untold", Variant: role, Line: "told", Command: RowOf(AddCustomer).Usage})
		return
	}
	r.record("told", joinNames(names), how)
	u := &r.Updates
	if len(u.Heard) == 0 && len(r.Unheard()) == 0 { // the first of a round
		u.ReachedBy, u.Unsent = nil, nil
	}
	u.Last = r.f.At
	wait := r.currentWait()
	for _, n := range names {
		r.heardAt(n, r.f.At)
		u.Unsent = slices.DeleteFunc(slices.Clone(u.Unsent), func(line string) bool {
			return strings.HasPrefix(line, n+": ")
		})
		if entry := n + ": " + r.f.By.Login; !slices.Contains(u.ReachedBy, entry) {
			u.ReachedBy = append(u.ReachedBy, entry)
		}
	}
	if slices.ContainsFunc(r.Customers, func(c string) bool { return !heard(u.Heard, c) }) {
		r.done()
		if !u.Due.IsZero() || !r.StandBy.Update.IsZero() {
			r.reply(Say{Name: "told-partly", Names: names, Untold: r.untold(r.Unheard()), Time: u.Due})
		}
		return
	}
	u.Sent = keepNewest(append(u.Sent, Sent{At: r.f.At, ID: r.f.ID, Reached: names}), keptSent)
	r.completeUpdate(wait, r.f.At)
	r.done()
}

var (
	// byWords begin the how of `/ic told by phone`.
	byWords = []string{"by", "via", "in", "on", "at", "over", "through", "with", "per", "during", "using",
		"from", "im", "am", "auf"}
	// everyWords begin a how that names no customer.
	everyWords = []string{"them", "all", "everybody", "everyone", "both", "each", "the", "customer",
		"customers", "called", "phoned", "spoke", "talked", "call",
		"phone", "verbally", "personally", "just", "we", "i", "it", "done", "yes", "telefonisch"}
)

// whoWasTold reads `/ic told [customer] how`. It asks about a name that isn't an impacted customer's;
// ok is false then.
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
			r.reply(Say{Name: "customer-unknown", Variant: "told", Line: name,
				Names: nearNames(p, name, r.Customers), Lines: r.Customers, Start: "/ic told"})
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
		r.reply(Say{Name: "customer-unknown", Variant: "unimpacted", Line: joinNames(other),
			Command: "/ic customer add " + joinNames(other)})
		return nil, "", false
	}
	return names, how, true
}

// nearNames returns the impacted customers that a name is close to.
func nearNames(p Policy, name string, impacted []string) []string {
	return slices.DeleteFunc(p.NearCustomers(name), func(n string) bool { return !naming.Contains(impacted, n) })
}

// toldOf returns whom words without a customer's name mean: the customer whose contact they name,
// or nobody in particular. asks reports that they look like a name that nobody has.
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
	return first, len(nearNames(r.impactedToo(), first, r.Customers)) > 0 || len(words) == 1 && len(r.Customers) > 1
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
