package engine

import (
	"slices"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// lookUpEscalation looks up whom an escalation names, as far as the configuration does not say it (V5). A look-up that GitHub
// refuses must not keep a page from going out: then people are paged by what is written, and that is said.
func (r *reconciliation) lookUpEscalation(fact string, c incident.Command) (incident.Command, error) {
	c.Org = r.m.Ref.Owner
	if r.wasUnasked(fact) {
		c.Unasked = true
		return c, nil
	}
	var failed error
	answer := func(yes bool, err error) incident.Answer {
		switch {
		case err != nil:
			c.Unasked = true
			r.Logger.Warn("look-up for an escalation failed", "incident", r.m.Ref.String(), "err", redact(err))
			failed = err
			return incident.Unasked
		case yes:
			return incident.Yes
		}
		return incident.No
	}
	incident.ReadTargets(c.Text, c.Org, r.Policy, r.State.People(), incident.Directory{
		Team: func(slug string) incident.Answer {
			yes, err := r.GitHub.HasTeam(r.Ctx, r.m.Ref, slug)
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
	})
	// Of what was acted on before, the answers of then count: they are asked for again. So are those of a process that ends.
	if failed != nil && (r.IsCardLost || r.isReplay || r.Ctx.Err() != nil) {
		return c, failed
	}
	if failed != nil { // as it is read again, when only that much is known
		c.Logins, c.Teams = nil, nil
	}
	return c, nil
}

// wasUnasked reports whether it was said of an escalation that GitHub could not be asked: it is not asked later either, since
// the page went out.
func (r *reconciliation) wasUnasked(fact string) bool {
	key := incident.UnaskedKey(fact)
	return r.isPosted(key) || slices.ContainsFunc(r.Snapshot.Items, func(it Item) bool {
		return slices.Contains(r.keysIn(it), key)
	})
}

// isNeedless reports whether a page is not to go out.
func (r *reconciliation) isNeedless(s incident.Send) bool {
	return r.wasSent(s) || r.whySkipPage(s) != ""
}

// whySkipPage returns why a page need not go out: it is late, and for something that is no longer so, or it is one of several that reach the
// same people. After a time without the app one page, of now, is enough. "" where it must.
func (r *reconciliation) whySkipPage(s incident.Send) string {
	switch {
	case r.Now.Sub(s.At) > pageLateAfter && !r.State.Wants(s):
		return "it was late, and answered by then"
	case r.isPageOvertaken(s):
		return "it was late, and a newer one reached the same people"
	}
	return ""
}

// skipPage notes that a page did not go out, unless it did so before: while GitHub was out, or by a look that broke off.
func (r *reconciliation) skipPage(s incident.Send, why string) {
	for _, kind := range s.By {
		if r.isDelivered(r.Ctx, r.declaredRef(), pageDeliveryName(s, kind)) {
			return
		}
	}
	r.Logger.Info("page not needed any more", "incident", r.m.Ref.String(), "page", s.Key, "due", s.At, "why", why)
	r.Report(incident.PageSkipped{Key: s.Key, Why: why})
}

// pageLateAfter is by how much a page may be late before it is asked whether it is still wanted: it is at its time that it was.
const pageLateAfter = 2 * time.Minute

// isPageOvertaken reports whether everybody whom a page of the escalation reaches is paged once more in the same look.
func (r *reconciliation) isPageOvertaken(s incident.Send) bool {
	if s.Why != "update" && !incident.Escalates(s.Why) {
		return false
	}
	var reached []string
	isOlder, isNewest := false, true
	for _, e := range r.Effects {
		later, ok := e.(incident.Send)
		switch {
		case !ok || (later.Why == "update") != (s.Why == "update") || !slices.Equal(later.By, s.By):
		case later.Key == s.Key && later.At.Equal(s.At):
			isOlder = true
		case isOlder:
			isNewest = false
			reached = append(reached, later.To...)
		}
	}
	return !isNewest && !slices.ContainsFunc(s.To, func(to string) bool { return !slices.Contains(reached, to) })
}
