package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// resolveTicket replaces a follow-up's ticket in a command by the follow-up's number. The ticket
// says which follow-up it is of where the state doesn't know it: after a card is lost, tickets are
// known only once all comments were read.
func (r *reconciliation) resolveTicket(c incident.Command) (incident.Command, error) {
	name := fmt.Sprintf("%s#%d", c.Repo, c.Number)
	for _, list := range [][]incident.FollowUp{r.State.FollowUps, r.currentFollowUps} {
		for i, fu := range list {
			if naming.Equal(fu.Ticket, name) {
				c.Repo, c.Number = "", i+1
				return c, nil
			}
		}
	}
	ref, err := incident.ParseRef(name)
	if err != nil {
		return c, nil // the core answers that it does not exist
	}
	ticket, err := r.GitHub.ReadTicket(r.Ctx, ref)
	if errors.Is(err, ErrNoAccess) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("look for the follow-up of %s: %w", name, err)
	}
	if i, ok := r.followUpOf(ticket); ok {
		c.Repo, c.Number = "", i+1
	}
	return c, nil
}

// followUpOf returns which follow-up of this incident a ticket of the app's says that it is of.
func (r *reconciliation) followUpOf(ticket Ticket) (index int, ok bool) {
	if !ticket.Own {
		return 0, false
	}
	w := Written{Body: ticket.Body, Created: ticket.Created, Updated: ticket.Updated}
	for _, m := range look.Marks(r.markKeys(), w, r.SigningNames(), r.signedSince(r.Ctx)) {
		of, i, ok := incident.ReadTicketMark(m.Line())
		if ok && slices.ContainsFunc(r.names(), func(name incident.Ref) bool { return isSame(of, name) }) {
			return i, true
		}
	}
	return 0, false
}
