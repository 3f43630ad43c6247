package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// afterClosing are the commands that an incident still takes once it is closed up, and afterEnding those that one takes
// which was declined or folded into another.
var (
	afterClosing = []Kind{Help, Status, Note, AddFollowUp, Regression, Postmortem}
	afterEnding  = []Kind{Help, Status, Note}
	onPull       = []Kind{Help, Note, AddFollowUp, Postmortem}
)

// OnPull tells whether a fact's id is that of a comment on the postmortem's pull request: "c123@pull.0". There the
// commands work that change the document (C3).
func OnPull(id string) bool { return strings.Contains(id, "@pull") }

// command acts on one command (A1: each gets a reaction, and words only where they are needed).
func (r *run) command(c Command) {
	row := RowOf(c.Kind)
	if c.Kind == Help {
		r.help()
		return
	}
	if !r.may(row) {
		return
	}
	switch {
	case OnPull(r.f.ID) && !slices.Contains(onPull, c.Kind):
		r.refuse(Say{Name: "not-on-pull", Line: row.Usage})
		return
	case r.Outcome != "" && !slices.Contains(afterEnding, c.Kind):
		r.refuse(Say{Name: "ended", Reason: string(r.Outcome)})
		return
	case r.Closed != nil && !slices.Contains(afterClosing, c.Kind):
		r.refuse(Say{Name: "closed", Command: "/oe regression"})
		return
	}
	switch c.Kind {
	case Declare:
		r.redeclare(c)
	case Status:
		r.done()
	case Note:
		r.note(c)
	case Decline:
		r.end(Declined, 0, c.Text)
	case Duplicate:
		r.duplicate(c)
	case TakeIC:
		r.takeIC(c.Because)
	case GiveIC:
		r.giveIC(c)
	case SetSeverity:
		if r.confirm(c.Severity, c.Text) {
			r.done()
		}
	case AddCustomer:
		r.addCustomers(c)
	case RemoveCustomer:
		for _, n := range c.Customers {
			if Has(r.Customers, n) {
				r.Customers = without(r.Customers, n)
				r.record("customer", "-"+n, "")
			}
		}
		r.done()
	case Escalate:
		r.escalate(c)
	case Update:
		r.update(c.Text)
	case Snooze:
		r.snooze(c)
	case Pin, Unpin:
		r.pin(c)
	case MovePhase:
		if r.move(c.Phase, c.Because) {
			r.done()
		}
	case Agree:
		r.Agreed = r.stamped()
		r.record("agreed", "", c.Text)
		r.done()
	case AddFollowUp:
		r.followUp(c)
	case Postmortem:
		if r.Document.Number == 0 || r.Document.Merged != nil {
			r.refuse(Say{Name: "no-postmortem", Phase: r.Phase})
			return
		}
		r.do(RefreshDocument{})
		r.done()
	case Close:
		if r.closeUp(c.Because) {
			r.done()
		}
	case TakeOE:
		r.takeOE(c.Because)
	case GiveOE:
		r.giveOE(c)
	case DropOE:
		if Has(r.OEs, r.f.By.Login) {
			r.OEs = without(r.OEs, r.f.By.Login)
			r.record("left", r.f.By.Login, "oe")
		}
		r.done()
	case Finding:
		r.Findings++
		r.record("finding", "", c.Text)
		r.done()
	case Action:
		r.record("action", "", c.Text)
		r.done()
	case Cause:
		r.Cause = r.stamped()
		r.record("cause", "", c.Text)
		r.propose(Fixing, Identify, Investigate)
	case Workaround:
		r.Workaround = r.stamped()
		r.record("workaround", "", c.Text)
		r.propose(Monitoring, Identify, Investigate, Fixing)
	case Fix:
		r.Fix = r.stamped()
		r.record("fix", "", c.Text)
		r.propose(Monitoring, Identify, Investigate, Fixing)
	case Regression:
		r.regress(c.Text)
		r.done()
	}
}

// corrected keeps what a correction replaced, and who wrote it. Nothing is done again: a customer who was told was told.
func (r *run) corrected(c Corrected) {
	if !r.may(RowOf(c.New.Kind)) {
		return
	}
	r.record("corrected", string(c.New.Kind), textOf(c.New))
	r.renote(c.New)
	r.done()
	r.reply(Say{Name: "corrected", Role: string(c.New.Kind), Line: c.Old})
}

// redeclare takes /incident on what is an incident already as the data that it lacked.
func (r *run) redeclare(c Command) {
	r.Summary = r.Summary || c.Text != ""
	if c.Severity != "" && r.Confirmed == nil && r.holdsIC(r.f.By.Login, r.p) && !r.confirm(c.Severity, "") {
		return
	}
	r.done()
}

func (r *run) end(o Outcome, number int, why string) {
	r.Outcome, r.Duplicate, r.Closed = o, number, r.stamped()
	r.stopUpdates()
	into := ""
	if number != 0 {
		into = fmt.Sprintf("#%d", number)
	}
	r.record(string(o), into, why)
	r.done()
}

func (r *run) takeIC(because string) {
	me := r.f.By.Login
	r.Handover = ""
	if Same(r.IC, me) {
		r.done()
		return
	}
	if r.IC != "" {
		r.Handed++
	}
	r.IC, r.ICSince = me, r.stamped()
	r.record("ic", me, because)
	if because != "" {
		r.Alone = r.stamped()
	}
	if r.Critical(r.p) && Has(r.OEs, me) && r.Alone == nil {
		// Coordinating and debugging are two people's work (V1): who takes the one leaves the other.
		r.OEs = without(r.OEs, me)
		r.record("left", me, "oe")
		if len(r.OEs) == 0 {
			r.reply(Say{Name: "role-open", Role: "oe", Names: []string{me}})
		}
	}
	if !r.Paging.Next.IsZero() || r.Paging.GaveUp || (len(r.Paging.Pages) > 0 && r.Paging.Answered == nil) {
		r.answered()
	}
	r.done()
}

func (r *run) giveIC(c Command) {
	if len(c.Logins) != 1 {
		r.react(Unclear)
		r.reply(Say{Name: "unclear", Line: "/ic @…", Command: RowOf(GiveIC).Usage, Reason: "one person coordinates"})
		return
	}
	to := c.Logins[0]
	switch {
	case len(c.Cannot) > 0:
		r.refuse(Say{Name: "cannot-respond", Names: c.Cannot})
	case Same(to, r.IC):
		r.done()
	default:
		// The role moves when the other answers: a page must not end because somebody who sleeps was named.
		r.Handover = to
		r.record("handover", to, c.Text)
		holder, _ := r.Coordinator()
		r.reply(Say{Name: "handover", Who: to, Holder: holder, Phase: r.Phase, Time: r.Updates.Due, Names: r.OEs, Count: len(r.FollowUps),
			Missing: open(Blocks(r.State, r.p, r.Next())), Lines: r.contacts(), Line: c.Text})
		r.done()
	}
}

// contacts lists whom to call at the impacted customers.
func (r *run) contacts() (lines []string) {
	for _, name := range r.Customers {
		if c, _ := r.p.Customer(name); len(c.Contacts) > 0 {
			lines = append(lines, c.Name+": "+strings.Join(c.Contacts, ", "))
		}
	}
	return lines
}

func (r *run) takeOE(because string) {
	me := r.f.By.Login
	if Has(r.OEs, me) {
		r.done()
		return
	}
	if because != "" {
		r.Alone = r.stamped()
	}
	if r.Critical(r.p) && Same(r.IC, me) && r.Alone == nil {
		r.refuse(Say{Name: "two-people", Command: "/ic @user", Insist: "/oe because …"})
		return
	}
	r.OEs = append(r.OEs, me)
	r.record("oe", me, because)
	if r.Confirmed == nil && !r.Paging.Next.IsZero() {
		r.answered() // who takes a look at what nobody has confirmed yet has answered the page
	}
	r.done()
}

func (r *run) giveOE(c Command) {
	if len(c.Cannot) > 0 {
		r.refuse(Say{Name: "cannot-respond", Names: c.Cannot})
		return
	}
	for _, l := range c.Logins {
		if r.Critical(r.p) && Same(r.IC, l) && r.Alone == nil {
			r.refuse(Say{Name: "two-people", Command: "/ic @user", Insist: "/oe because …"})
			return
		}
	}
	for _, l := range c.Logins {
		if !Has(r.OEs, l) {
			r.OEs = append(r.OEs, l)
			r.record("oe", l, c.Text)
		}
	}
	r.done()
}

func (r *run) addCustomers(c Command) {
	r.NoCustomer = r.NoCustomer || c.None && len(r.Customers) == 0
	for _, n := range r.known(c.Customers) {
		if !Has(r.Customers, n) {
			r.Customers = append(r.Customers, n)
			r.record("customer", n, "")
		}
	}
	if len(r.Customers) > 0 {
		r.NoCustomer = false
	}
	r.done()
}

func (r *run) escalate(c Command) {
	var to []string
	for _, l := range c.Logins {
		to = append(to, "@"+l)
	}
	to = append(to, c.Teams...)
	if len(to) == 0 {
		to = []string{r.p.Coordinators}
	}
	r.record("page", list(to), c.Text)
	r.page(to, nil, "asked", c.Text)
	r.done()
}

func (r *run) update(text string) {
	r.record("update", "", text)
	r.Updates.Told, r.Updates.Unsent = nil, nil
	if !r.Drill { // A6: a drill tells no customer
		r.do(Announce{Fact: r.f.ID, Customers: r.Customers, Text: text})
	}
	r.updated()
	r.done()
}

func (r *run) snooze(c Command) {
	if r.Updates.Due.IsZero() {
		r.refuse(Say{Name: "nothing-due"})
		return
	}
	if r.Updates.Due.Before(r.f.At) {
		r.Updates.Due = r.f.At
	}
	r.Updates.Due = r.Updates.Due.Add(c.After)
	r.Updates.Stage, r.Updates.Overdue = 0, false
	r.Updates.Snoozed++
	r.record("snooze", c.After.String(), c.Text)
	r.done()
}

func (r *run) pin(c Command) {
	if c.Pin == nil && c.Link == 0 && c.Quote == "" {
		c.Pin = r.Last
	}
	if c.Pin == nil || c.Pin.Comment() == 0 {
		r.refuse(Say{Name: "nothing-to-pin", Command: RowOf(c.Kind).Usage})
		return
	}
	id := c.Pin.Comment()
	i := slices.Index(r.Pinned, id)
	switch {
	case c.Kind == Pin && i < 0:
		r.Pinned = newest(append(r.Pinned, id), keptPins)
		r.recordAt(Entry{At: c.Pin.At, By: c.Pin.By, Kind: "pinned", Ref: c.Pin.ID, What: r.f.By.Login, Text: c.Text})
	case c.Kind == Unpin && i >= 0:
		r.Pinned = slices.Delete(r.Pinned, i, i+1)
		r.Timeline = slices.DeleteFunc(r.Timeline, func(e Entry) bool { return e.Kind == "pinned" && CommentOf(e.Ref) == id })
		r.record("unpinned", "", "")
	}
	r.done()
}

func (r *run) followUp(c Command) {
	if c.Number != 0 {
		r.changeFollowUp(c)
		return
	}
	if len(c.Cannot) > 0 {
		r.refuse(Say{Name: "cannot-respond", Names: c.Cannot})
		return
	}
	due := r.day(c.Due)
	if !r.mayBeDue(due) {
		return
	}
	fu := FollowUp{Stamp: r.stamp(), Repo: c.Repo, Due: due}
	if len(c.Logins) > 0 {
		fu.Owner = c.Logins[0]
	}
	r.FollowUps = append(r.FollowUps, fu)
	r.record("followup", c.Repo, c.Text)
	if r.Phase == Closing {
		r.do(OpenTicket{Index: len(r.FollowUps) - 1})
	}
	r.done()
}

// day resolves +7d and +2w from the day of the comment in the configured zone.
func (r *run) day(due string) string {
	rest, ok := strings.CutPrefix(due, "+")
	if !ok || rest == "" {
		return due
	}
	n := 0
	for _, d := range rest[:len(rest)-1] {
		n = n*10 + int(d-'0')
	}
	if strings.HasSuffix(rest, "w") {
		n *= 7
	}
	zone := r.p.Zone
	if zone == nil {
		zone = time.UTC
	}
	return r.f.At.In(zone).AddDate(0, 0, n).Format(time.DateOnly)
}

// propose says that the next phase is open now; the move stays the coordinator's.
func (r *run) propose(to Phase, from ...Phase) {
	r.done()
	if !slices.Contains(from, r.Phase) {
		return
	}
	holder, _ := r.Coordinator()
	r.reply(Say{Name: "propose", Who: holder, Phase: to, Command: "/ic phase " + string(to), Missing: open(Blocks(r.State, r.p, to))})
}

func (r *run) help() {
	r.done()
	r.reply(Say{Name: "help", Entries: Now(r.State, r.p)})
}
