package effects

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/postmortem"
	"github.com/firebreak-dev/firebreak/templates"
)

// TicketsAPI is what Tickets needs of GitHub, besides Issues.
type TicketsAPI interface {
	// AddSubIssue makes the issue of repo ("owner/repo") with that database id a sub-issue of ref.
	// Where GitHub has no sub-issues it does nothing.
	AddSubIssue(ctx context.Context, ref incident.Ref, repo string, id int64) error
	// ChangeTicket brings a ticket up to date: body returns its new text, and owner is assigned in
	// the place of before, as far as GitHub takes them. What is there already stays.
	ChangeTicket(ctx context.Context, ref incident.Ref, body func(string) string, owner, before string) error
	CommentOnce(ctx context.Context, ref incident.Ref, once ports.Once, body string) (id int64, err error)
	SetOpen(ctx context.Context, ref incident.Ref, open bool, reason string, duplicate int64) error
}

// Tickets turns follow-ups into issues and reminds their owners (C4).
type Tickets struct {
	*look.Look
	GitHub   TicketsAPI
	Issues   Issues
	Comments Comments
	// Facts returns the facts of the postmortem, from which tickets are written.
	Facts func() (postmortem.Facts, error)
	// IsNew reports that no look before this one can have opened a ticket: none needs to be looked for.
	IsNew func() bool
	// Changed returns the fact that a follow-up's ticket changed, if it did.
	Changed func(index int) ([]incident.Fact, error)
	Due     time.Time // when the look was due, if a timer brought it
}

const (
	// labelFollowUp is the label of tickets. GitHub creates it where it is missing.
	labelFollowUp = "follow-up"
	// ticketPatience is how long GitHub may refuse a ticket in a repository before it is opened in
	// the incident's own. Somebody may give the App access by then.
	ticketPatience = 30 * time.Minute
)

// Open opens the follow-ups' tickets, each looked for before it is opened.
func (e Tickets) Open() error {
	return look.ForEach(e.Look, func(o incident.OpenTicket) error {
		if o.Index >= len(e.State.FollowUps) || e.State.FollowUps[o.Index].Ticket != "" {
			return nil
		}
		return e.Attempt(ticketEffect(o.Index), func() error { return e.open(o.Index) })
	})
}

func ticketEffect(index int) string { return fmt.Sprintf("ticket/%d", index) }

// open opens the ticket of one follow-up: in its repository or, if that is out of reach, in the
// incident's own.
func (e Tickets) open(index int) error {
	fu := e.State.FollowUps[index]
	issue, err := e.write(index)
	if err != nil {
		return err
	}
	own := e.Ref.FullName()
	repo := fu.Repo
	if repo == "" || !e.Policy.Issues {
		repo = own
	}

	var refused error
	n, id, err := e.findOrOpen(repo, issue, index)
	if !naming.Equal(repo, own) && e.isOutOfReach(err, index) {
		// The work must not get lost, so the ticket is here, and says so, until GitHub takes it
		// there.
		refused, repo = err, own
		issue.Title = postmortem.Plain(fu.Repo+": "+issue.Title, 250)
		n, id, err = e.findOrOpen(repo, issue, index)
	}
	if err != nil {
		return fmt.Errorf("open the ticket of follow-up %d in %s: %w", index, repo, err)
	}
	if err := e.addSubIssue(repo, n, id); errors.Is(err, ports.ErrLimited) {
		// a later look finds the ticket by its mark
		return fmt.Errorf("make ticket %s#%d a sub-issue: %w", repo, n, err)
	}
	e.Report(incident.TicketOpened{Index: index, Ticket: fmt.Sprintf("%s#%d", repo, n), ID: id})
	e.RecordWait(ports.UrgencyTicket, e.State.Since.At)
	if refused != nil {
		return e.RecordRefusal(incident.MoveEffect(index), refused)
	}
	return nil
}

// addSubIssue makes a ticket a sub-issue of the incident, as far as GitHub takes it. An error is
// logged unless GitHub's limits are its cause.
func (e Tickets) addSubIssue(repo string, number int, id int64) error {
	err := e.GitHub.AddSubIssue(e.Ctx, e.Ref, repo, id)
	if err != nil && !errors.Is(err, ports.ErrLimited) {
		e.Logger.Warn("the ticket could not be made a sub-issue", "incident", e.Ref.String(), "ticket", number, "err", err)
	}
	return err
}

// write returns the ticket of a follow-up.
func (e Tickets) write(index int) (ports.NewIssue, error) {
	facts, err := e.Facts()
	if err != nil {
		return ports.NewIssue{}, err
	}
	title, body, err := postmortem.Ticket(facts, index)
	if err != nil {
		return ports.NewIssue{}, fmt.Errorf("write the ticket of follow-up %d: %w", index, err)
	}
	owner := e.State.OwnerOf(e.State.FollowUps[index])
	return ports.NewIssue{Title: title, Body: body, Labels: []string{labelFollowUp},
		Assignees: []string{owner}, Parent: e.Ref}, nil
}

func (e Tickets) findOrOpen(repo string, i ports.NewIssue, index int) (number int, id int64, err error) {
	ticket := e.TicketMark(index)
	if !e.IsNew() {
		number, id, err = e.Issues.Find(repo, e.IsMarked(ticket))
		if err != nil || number != 0 {
			return number, id, err
		}
	}
	i.Body = e.SignIssue(strings.TrimSuffix(strings.TrimSpace(i.Body), ticket.Line()), ticket)
	o, err := e.Issues.OpenOnce(repo, ticket.Line(), "", i, DoubtUnasked)
	return o.Number, o.ID, err
}

// isOutOfReach reports whether a follow-up's repository can't have its ticket: the App is not
// installed there, or GitHub has refused it for long.
func (e Tickets) isOutOfReach(err error, index int) bool {
	var refusal *ports.Refusal
	if !errors.As(err, &refusal) {
		return false
	}
	return refusal.NotInstalled || e.State.RefusedFor(ticketEffect(index), e.Now) >= ticketPatience
}

// Move opens tickets in the repositories that they were meant for, once GitHub takes them there.
func (e Tickets) Move() error {
	return look.ForEach(e.Look, func(m incident.MoveTicket) error {
		effect := incident.MoveEffect(m.Index)
		fu := e.State.FollowUps[m.Index]
		isThere := strings.HasPrefix(strings.ToLower(fu.Ticket), strings.ToLower(fu.Repo)+"#")
		if fu.Ticket == "" || fu.Done || fu.Repo == "" || isThere {
			e.Report(incident.TakenByGitHub{Effect: effect}) // it is done, or somebody moved it
			return nil
		}
		return e.Attempt(effect, func() error { return e.move(m.Index) })
	})
}

// move opens the ticket of one follow-up in its repository and closes the one that stood in for it.
// It closes that one last: until then a look that broke off finds the new one by its mark, and goes
// on.
func (e Tickets) move(index int) error {
	fu := e.State.FollowUps[index]
	before, err := incident.ParseRef(fu.Ticket)
	if err != nil {
		return err
	}
	issue, err := e.write(index)
	if err != nil {
		return err
	}
	n, id, err := e.findOrOpen(fu.Repo, issue, index)
	if err != nil {
		return fmt.Errorf("open the ticket of follow-up %d in %s: %w", index, fu.Repo, err)
	}
	if err := e.GitHub.AddSubIssue(e.Ctx, e.Ref, fu.Repo, id); err != nil {
		e.Logger.Warn("the ticket could not be made a sub-issue", "incident", e.Ref.String(), "ticket", n, "err", err)
	}

	ticket := fmt.Sprintf("%s#%d", fu.Repo, n)
	text, err := templates.Comment(incident.Say{Name: "ticket-moved", Line: ticket})
	if err != nil {
		return fmt.Errorf("say ticket-moved: %w", err)
	}
	marks := look.MarksFor(fmt.Sprintf("%s/ticket-moved/%d", e.Ref, index))
	if _, err := e.Issues.CommentOnce(before, marks[0], DoubtUnasked, func(once ports.Once) (int64, error) {
		return e.GitHub.CommentOnce(e.Ctx, before, once, e.SignComment(text, marks...))
	}); err != nil {
		return fmt.Errorf("say where the ticket of follow-up %d is now: %w", index, err)
	}
	// It is closed without the other's id: the token for this repository may not see that one.
	if err := e.GitHub.SetOpen(e.Ctx, before, false, "duplicate", 0); err != nil {
		return fmt.Errorf("close %s, which was the ticket of follow-up %d: %w", fu.Ticket, index, err)
	}
	e.Report(incident.TicketMoved{Index: index, Ticket: ticket, ID: id})
	return nil
}

// Change brings tickets up to date with who owns their follow-ups and when those are due.
func (e Tickets) Change() error {
	return look.ForEach(e.Look, func(c incident.ChangeTicket) error {
		fu := e.State.FollowUps[c.Index]
		if !fu.Changed {
			return nil
		}
		ref, err := incident.ParseRef(fu.Ticket)
		if err != nil {
			return fmt.Errorf("change the ticket of follow-up %d: %w", c.Index+1, err)
		}
		owner := e.State.OwnerOf(fu)
		body := func(text string) string { return postmortem.TicketOf(text, owner, fu.Due) }
		return e.Attempt(fmt.Sprintf("ticket change/%d", c.Index), func() error {
			if err := e.Issues.Verify(ref, fu.TicketID); err != nil {
				return err
			}
			if err := e.GitHub.ChangeTicket(e.Ctx, ref, body, owner, c.Was); err != nil {
				return fmt.Errorf("change the ticket of follow-up %d: %w", c.Index+1, err)
			}
			e.Report(incident.TicketUpToDate{Index: c.Index})
			return nil
		})
	})
}

// Nudge reminds the owners of follow-ups on their tickets, unless those were closed while nobody
// looked.
func (e Tickets) Nudge() error {
	return look.ForEach(e.Look, func(n incident.Nudge) error {
		changed, err := e.Changed(n.Index)
		if err != nil {
			return err
		}
		for _, f := range changed {
			e.Step(f)
		}
		fu := e.State.FollowUps[n.Index]
		ref, err := incident.ParseRef(fu.Ticket)
		if err != nil || fu.Done {
			return err
		}

		// The clock asks for a reminder again, so that one is never held back.
		effect := fmt.Sprintf("nudge/%d", n.Index)
		err = e.nudge(ref, n, fu)
		if err == nil && e.State.IsRefused(effect) {
			e.Report(incident.TakenByGitHub{Effect: effect})
		}
		if until, ok := ports.IsPutOff(err); ok {
			e.Report(incident.NudgePutOff{Index: n.Index, Until: until})
			return nil
		}
		if err != nil {
			return e.RecordRefusal(effect, err)
		}
		e.RecordWait(ports.UrgencyNudge, e.Due)
		return nil
	})
}

// nudge reminds the owner of one follow-up on its ticket.
func (e Tickets) nudge(ticket incident.Ref, n incident.Nudge, fu incident.FollowUp) error {
	say := n.Say
	say.Who = e.State.OwnerOf(fu)
	text, err := templates.Comment(say)
	if err != nil {
		return fmt.Errorf("say %s: %w", say.Name, err)
	}
	if err := e.Issues.Verify(ticket, fu.TicketID); err != nil {
		return err
	}
	marks := look.MarksFor(e.DeclaredRef().String() + "/" + n.Key)
	id, err := e.Issues.CommentOnce(ticket, marks[0], DoubtUnasked, func(once ports.Once) (int64, error) {
		return e.GitHub.CommentOnce(e.Ctx, ticket, once, e.SignComment(text, marks...))
	})
	if err != nil {
		return fmt.Errorf("remind of the follow-up %s: %w", fu.Ticket, err)
	}
	return e.Comments.Replace(ticket, fmt.Sprintf("follow-up/%d", n.Index), id)
}
