package incident

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/words"
)

// The commands of this file.
const (
	AddCustomer    Kind = "customer add"
	RemoveCustomer Kind = "customer remove"
)

var _ = register(Row{
	Kind: AddCustomer, Verbs: []string{VerbIC}, Word: "customer add",
	Usage: "/ic customer add NAME…", Does: "add impacted customers, or `none`",
	Example: "/ic customer add globex", Who: HolderIC, Place: 230,
}, parseCustomers, (*run).addCustomers)

var _ = register(Row{
	Kind: RemoveCustomer, Verbs: []string{VerbIC}, Word: "customer remove",
	Usage: "/ic customer remove NAME…", Does: "remove customers that are not impacted",
	Example: "/ic customer remove globex", Who: HolderIC, Place: 240,
}, parseRemovedCustomers, (*run).removeCustomers)

// parseCustomers reads names off the line, split at commas and semicolons alone: which of the words
// between them are one name only the policy knows (Policy.ReadCustomers).
func parseCustomers(w words.Words) (Command, error) {
	names, none := words.List(w.First().Line)
	if len(names) == 0 && !none {
		return Command{}, errors.New("add the customers' names, or “none”")
	}
	return Command{Customers: names, None: none}, nil
}

// parseRemovedCustomers reads the names of customers that are not impacted.
func parseRemovedCustomers(w words.Words) (Command, error) {
	names, _ := words.List(w.First().Line)
	if len(names) == 0 {
		return Command{}, errors.New("add the customers' names")
	}
	return Command{Customers: names}, nil
}

// impactedToo returns the policy with the impacted customers that the configuration does not have,
// so that their names are read too.
func (r *run) impactedToo() Policy {
	p := r.p
	p.Customers = slices.Clone(p.Customers)
	for _, name := range r.Customers {
		if _, ok := p.Customer(name); !ok {
			p.Customers = append(p.Customers, Customer{Name: name})
		}
	}
	return p
}

// askCustomers asks about names that the configuration does not have, and reports whether there are
// any. Command is what to write.
func (r *run) askCustomers(names []string, command string) (asked bool) {
	for _, name := range names {
		if !r.p.UnknownCustomer(name) {
			continue
		}
		asked = true
		say := Say{Name: "customer-unknown", Line: name, Names: r.p.NearCustomers(name), Start: command}
		if len(say.Names) == 0 {
			for _, c := range r.p.Customers {
				say.Lines = append(say.Lines, c.Name)
			}
		}
		r.reply(say)
	}
	return asked
}

// addCustomers adds impacted customers. A name that the configuration does not have is asked about
// and kept, so that nothing is lost; the right one takes its place.
func (r *run) addCustomers(c Command) {
	names, none := r.p.ReadCustomers(c.Customers...)
	switch {
	case len(names) > 0:
	case none || c.None:
		for _, n := range r.Customers {
			r.record("customer", "-"+n, "")
		}
		r.Customers, r.Proposed = nil, nil
		r.noCustomers(true)
		r.done()
		return
	default:
		r.unclearCustomers(c)
		return
	}
	for _, old := range slices.Clone(r.Customers) {
		corrected := slices.ContainsFunc(r.p.NearCustomers(old), func(n string) bool { return naming.Contains(names, n) })
		if r.p.UnknownCustomer(old) && corrected {
			r.dropCustomer(old)
		}
	}
	for _, n := range names {
		if !naming.Contains(r.Customers, n) && len(r.Customers) < maxCustomers {
			r.Customers = append(r.Customers, n)
			r.record("customer", n, "")
		}
	}
	r.noCustomers(false)
	if r.askCustomers(names, "/ic customer add") {
		r.react(Unclear)
		return
	}
	r.Proposed = nil
	r.done()
}

func (r *run) removeCustomers(c Command) {
	names, _ := r.impactedToo().ReadCustomers(c.Customers...)
	if len(names) == 0 {
		r.unclearCustomers(c)
		return
	}
	isProposed := func(n string) bool { return naming.Contains(r.Proposed, n) }
	if slices.ContainsFunc(names, isProposed) {
		r.Proposed = slices.DeleteFunc(slices.Clone(r.Proposed), func(n string) bool { return naming.Contains(names, n) })
		names = slices.DeleteFunc(names, func(n string) bool { return !naming.Contains(r.Customers, n) })
		if len(names) == 0 {
			r.done()
			return
		}
	}
	wrong := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return naming.Contains(r.Customers, n) })
	isNear := func(n string) bool { return r.p.UnknownCustomer(n) && len(r.impactedToo().NearCustomers(n)) > 0 }
	absent := slices.DeleteFunc(slices.Clone(wrong), isNear)
	asked := r.askCustomers(slices.DeleteFunc(wrong, func(n string) bool { return !isNear(n) }), "/ic customer remove")
	hadKnown := false // one that is configured was impacted, so that nobody is once it is gone
	for _, n := range names {
		if naming.Contains(r.Customers, n) {
			hadKnown = hadKnown || !r.p.UnknownCustomer(n)
			r.dropCustomer(n)
		}
	}
	if len(r.Customers) == 0 && hadKnown {
		r.noCustomers(true)
	}
	r.completeIfAllHeard()
	if len(absent) > 0 {
		r.reply(Say{Name: "not-impacted", Lines: absent, Names: r.Customers})
	}
	if asked {
		r.react(Unclear)
		return
	}
	r.done()
}

func (r *run) dropCustomer(name string) {
	r.Customers = withoutLogin(r.Customers, name)
	r.record("customer", "-"+name, "")
}

func (r *run) unclearCustomers(c Command) {
	row := RowOf(c.Kind)
	r.react(Unclear)
	r.reply(Say{Name: "unclear", Line: "/" + row.Verbs[0] + " " + row.Word + " " + joinNames(c.Customers),
		Command: row.Usage, Reason: "that names no customer. Leave it until somebody knows"})
}

// noCustomers notes whether no customer is impacted. If none is, nobody waits for an update: there
// isn't a clock (V3).
func (r *run) noCustomers(none bool) {
	if r.NoCustomer == none {
		return
	}
	r.NoCustomer = none
	switch {
	case none:
		longest := r.Updates.Longest
		r.stopUpdates()
		r.Updates.Longest = longest // nobody waited
		r.StandBy.Update = time.Time{}
	case r.Running() && r.Critical(r.p) && r.Phase != Monitoring && r.Phase != Closing && r.Updates.Due.IsZero():
		r.startUpdates()
	}
}

// EverImpacted returns the impacted customers, and those who were, as far as is known: what was opened for them is
// there still.
func (s State) EverImpacted() []string {
	all := slices.Clone(s.Customers)
	add := func(name string) {
		if !naming.Contains(all, name) {
			all = append(all, name)
		}
	}
	for _, sent := range s.Updates.Sent {
		for _, name := range sent.Reached {
			add(name)
		}
	}
	for _, e := range s.Timeline {
		if name, isRemoved := strings.CutPrefix(e.What, "-"); isRemoved && e.Kind == "customer" {
			add(name)
		}
	}
	return all
}
