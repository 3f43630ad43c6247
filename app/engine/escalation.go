package engine

import (
	"slices"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// lookUpEscalation looks up whom an escalation names, as far as the configuration does not say it
// (V5). A look-up that GitHub refuses must not hold up a page: then people are paged as they are
// written, and the answer says so.
func (r *reconciliation) lookUpEscalation(fact string, c incident.Command) (incident.Command, error) {
	c.Org = r.Ref.Owner
	if r.wasUnasked(fact) {
		c.Unasked = true
		return c, nil
	}
	var failed error
	answer := func(yes bool, err error) incident.Answer {
		switch {
		case err != nil:
			c.Unasked = true
			r.Logger.Warn("look-up for an escalation failed", "incident", r.Ref.String(), "err",
				ports.Redact(err))
			failed = err
			return incident.Unasked
		case yes:
			return incident.Yes
		}
		return incident.No
	}
	incident.ReadTargets(c.Text, c.Org, r.Policy, r.State.People(), incident.Directory{
		Team: func(slug string) incident.Answer {
			yes, err := r.GitHub.HasTeam(r.Ctx, r.Ref, slug)
			if yes {
				c.Teams = append(c.Teams, slug)
			}
			return answer(yes, err)
		},
		Person: func(login string) incident.Answer {
			yes, err := r.canRespond(login)
			if yes {
				c.Logins = append(c.Logins, login)
			}
			return answer(yes, err)
		},
		Service: func(name string) []string {
			owners := r.State.OwnersOf(name, r.Policy)
			if _, ok := r.Policy.Catalog.Find(name); !ok || owners != nil {
				return owners
			}
			hit, err := r.owners.Find(incident.Hit{Name: name}, nil)
			if err != nil { // then the word names nobody, and the coordinators are paged
				r.Logger.Warn("whose a service is can't be read", "incident", r.Ref.String(), "err", ports.Redact(err))
				return nil
			}
			if c.Owners == nil {
				c.Owners = map[string][]string{}
			}
			c.Owners[naming.Key(name)] = hit.Owners
			return hit.Owners
		},
	})
	// Of what was acted on before, the answers of then count: they are asked for again. So are
	// those of a process that ends.
	if failed != nil && (r.IsCardLost || r.isReplay || r.Ctx.Err() != nil) {
		return c, failed
	}
	if failed != nil { // as it is read again, when only that much is known
		c.Logins, c.Teams = nil, nil
	}
	return c, nil
}

// wasUnasked reports whether an earlier look said of an escalation that GitHub could not be asked.
// It is not asked later either, since the page went out.
func (r *reconciliation) wasUnasked(fact string) bool {
	key := incident.UnaskedKey(fact)
	return r.IsPosted(key) || slices.ContainsFunc(r.Snapshot.Items, func(it Item) bool {
		return slices.Contains(r.KeysIn(it), key)
	})
}
