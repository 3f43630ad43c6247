package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/postmortem"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// changeTickets brings tickets up to date with who owns their follow-ups and when they are due (C4).
func (r *reconciliation) changeTickets() error {
	return forEach(r, func(c incident.ChangeTicket) error {
		fu := r.State.FollowUps[c.Index]
		if !fu.Changed {
			return nil
		}
		ref, err := incident.ParseRef(fu.Ticket)
		if err != nil {
			return fmt.Errorf("change the ticket of follow-up %d: %w", c.Index+1, err)
		}
		owner := r.State.OwnerOf(fu)
		body := func(text string) string { return postmortem.TicketOf(text, owner, fu.Due) }
		return r.attempt(fmt.Sprintf("ticket change/%d", c.Index), func() error {
			if err := r.verifySameIssue(ref, fu.TicketID); err != nil {
				return err
			}
			if err := r.GitHub.ChangeTicket(r.Ctx, ref, body, owner, c.Was); err != nil {
				return fmt.Errorf("change the ticket of follow-up %d: %w", c.Index+1, err)
			}
			r.Report(incident.TicketUpToDate{Index: c.Index})
			return nil
		})
	})
}

// resolveTicket gives the change of a follow-up that is named by its ticket the follow-up's number. The ticket says which it is of, where
// the state doesn't know it: once a card is lost tickets are known again only after what was said of them.
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
		return c, nil // the core answers that there is none
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

// followUpOf returns which follow-up of this incident a ticket of the app's says that it is.
func (r *reconciliation) followUpOf(ticket Ticket) (index int, ok bool) {
	if !ticket.Own {
		return 0, false
	}
	w := Written{Body: ticket.Body, Created: ticket.Created, Updated: ticket.Updated}
	for _, m := range r.marksOf(w, r.signingNames(), r.signedSince(r.Ctx)) {
		of, i, ok := incident.ReadTicketMark(m.Line())
		if ok && slices.ContainsFunc(r.names(), func(name incident.Ref) bool { return isSame(of, name) }) {
			return i, true
		}
	}
	return 0, false
}

// followUpTable is what people wrote into the table of the follow-ups of a postmortem.
type followUpTable struct {
	kept     postmortem.Kept
	problems map[int][]string // by the number of the follow-up
}

// readTable reads back what people wrote into the table of the follow-ups since the app wrote it (C3). An owner who may respond and a
// date count from now on; anything else stays as written, and the check says what is wrong with it.
func (r *reconciliation) readTable(document string, data []byte) (t followUpTable, err error) {
	t = followUpTable{kept: postmortem.Kept{}, problems: map[int][]string{}}
	written := postmortem.LastWritten(data)
	for _, row := range postmortem.Rows(document) {
		i := row.Number - 1
		if i < 0 || i >= len(written) || i >= len(r.State.FollowUps) {
			continue
		}
		keep := func(column, problem string) {
			t.kept[row.Number] = append(t.kept[row.Number], column)
			if problem != "" {
				t.problems[row.Number] = append(t.problems[row.Number], problem)
			}
		}
		edited := incident.FollowUpEdited{Index: i, Read: r.Now}
		switch was := written[i]; {
		case naming.Equal(row.Owner, was.Owner):
		case row.Owner == "":
			keep(postmortem.ColumnOwner, "") // the check asks for one
		case !naming.IsLogin(row.Owner):
			keep(postmortem.ColumnOwner, fmt.Sprintf("“%s” is not a name on GitHub: write the name of one person", row.Owner))
		default:
			may, err := r.canRespond(row.Owner)
			if err != nil {
				return t, err
			}
			if may {
				edited.Owner = row.Owner
			} else {
				keep(postmortem.ColumnOwner, fmt.Sprintf("%s may not respond here: name somebody who may", row.Owner))
			}
		}
		if was := written[i].Due; row.Due != was {
			day, ok := postmortem.DayOf(row.Due)
			switch why := incident.DueProblem(day, r.Now, r.Policy.Zone); {
			case row.Due == "":
				edited.Due = "none"
			case ok && day == was:
			case !ok:
				keep(postmortem.ColumnDue, fmt.Sprintf("“%s” is not a date: write it as 2026-12-31", row.Due))
			case why == "past":
				keep(postmortem.ColumnDue, day+" is over: write a date that comes")
			case why != "":
				keep(postmortem.ColumnDue, day+" is more than two years from now: write an earlier date")
			default:
				edited.Due = day
			}
		}
		if row.Cell(postmortem.ColumnTitle) != texts.Inert(written[i].Title, 300) {
			keep(postmortem.ColumnTitle, "")
		}
		if edited.Owner != "" || edited.Due != "" {
			r.Report(edited)
		}
	}
	return t, nil
}

// problemsIn lists what is wrong with the rows of a document's table.
func (t followUpTable) problemsIn(document string, followUps int) (all []postmortem.Problem) {
	add := func(row postmortem.Row, message string) {
		all = append(all, postmortem.Problem{Line: row.Line, EndLine: row.Line, Level: postmortem.Failure, Rule: "follow-up", Message: message})
	}
	for _, row := range postmortem.Rows(document) {
		if row.Number < 1 || row.Number > followUps {
			add(row, "this row is no follow-up of the incident yet: write /ic followup title @owner due:2026-12-31 in a comment here, and take the row out")
		}
		for _, problem := range t.problems[row.Number] {
			add(row, fmt.Sprintf("follow-up %d: %s", row.Number, problem))
		}
	}
	return all
}
