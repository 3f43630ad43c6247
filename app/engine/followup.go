package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/postmortem"
)

// changeTickets brings the tickets of follow-ups up to date whose owner or date was changed (C4): as the state says, however
// often it was changed meanwhile.
func (p *pass) changeTickets() error {
	done := map[int]bool{}
	was := map[int]string{}
	_ = each(p, func(c incident.ChangeTicket) error {
		if was[c.Index] == "" {
			was[c.Index] = c.Was
		}
		return nil
	})
	return each(p, func(c incident.ChangeTicket) error {
		if done[c.Index] || p.changedBefore(c.Fact) || c.Index >= len(p.state.FollowUps) {
			return nil
		}
		done[c.Index] = true
		fu := p.state.FollowUps[c.Index]
		ref, err := incident.ParseRef(fu.Ticket)
		if err != nil {
			return fmt.Errorf("change the ticket of follow-up %d: %w", c.Index+1, err)
		}
		owner := p.state.OwnerOf(fu)
		body := func(text string) string { return postmortem.TicketOf(text, owner, fu.Due) }
		if err := p.GitHub.ChangeTicket(p.ctx, ref, body, owner, was[c.Index]); err != nil {
			return fmt.Errorf("change the ticket of follow-up %d: %w", c.Index+1, err)
		}
		return nil
	})
}

// changedBefore reports whether a ticket was changed for a fact before the card was lost: for a command that was answered, and for
// what a comment of the app's own tells.
func (p *pass) changedBefore(fact string) bool {
	id := incident.CommentOf(fact)
	if !p.lost || id == 0 {
		return false
	}
	return p.handled(fact) || slices.ContainsFunc(p.snap.Items, func(it Item) bool { return it.Own && it.Comment == id })
}

// byTicket gives the change of a follow-up that is named by its ticket the follow-up's number. The ticket says which it is of, where
// the state doesn't know it: once a card is lost tickets are known again only after what was said of them.
func (p *pass) byTicket(c incident.Command) (incident.Command, error) {
	name := fmt.Sprintf("%s#%d", c.Repo, c.Number)
	for _, list := range [][]incident.FollowUp{p.state.FollowUps, p.ups} {
		for i, fu := range list {
			if incident.Same(fu.Ticket, name) {
				c.Repo, c.Number = "", i+1
				return c, nil
			}
		}
	}
	ref, err := incident.ParseRef(name)
	if err != nil {
		return c, nil // the core answers that there is none
	}
	ticket, err := p.GitHub.Ticket(p.ctx, ref)
	if errors.Is(err, ErrNoAccess) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("look for the follow-up of %s: %w", name, err)
	}
	if of, i, ok := incident.ReadTicketMark(ticket.Body); ok && incident.Same(of.String(), p.m.Ref.String()) {
		c.Repo, c.Number = "", i+1
	}
	return c, nil
}
