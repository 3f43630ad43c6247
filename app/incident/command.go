package incident

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
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
	r.tryAgain(true)
	r.Aside = nil
	switch {
	case OnPull(r.f.ID) && !slices.Contains(onPull, c.Kind):
		r.refuse(Say{Name: "not-on-pull", Line: row.Usage})
		return
	case r.Outcome != "" && !slices.Contains(afterEnding, c.Kind):
		r.refuse(Say{Name: "ended", Reason: string(r.Outcome)})
		return
	case r.Closed != nil && !slices.Contains(afterClosing, c.Kind):
		r.refuse(r.isClosed())
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
		r.removeCustomers(c)
	case Escalate:
		r.escalate(c)
	case Update:
		r.update(c.Text)
	case Told:
		r.toldBy(c.Text)
	case Snooze:
		r.snooze(c)
	case Pin, Unpin:
		r.pin(c)
	case MovePhase:
		if r.move(c.Phase, c.Because) {
			r.done()
		}
	case Agree:
		r.agree(c)
	case AddFollowUp:
		r.followUp(c)
	case Postmortem:
		if r.Document.Number == 0 || r.Document.Merged != nil {
			r.refuse(Say{Name: "no-postmortem", Phase: r.Phase, Count: r.Document.Number, Command: "/ic close"})
			return
		}
		r.Document.Stale = true
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
		if naming.Contains(r.OEs, r.f.By.Login) {
			r.OEs = without(r.OEs, r.f.By.Login)
			r.record("left", r.f.By.Login, "oe")
		} else {
			r.reply(Say{Name: "not-engineer", Names: r.OEs, Try: []string{"/oe", "/oe @user"}})
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
		r.regression(c)
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
	severity, text := r.spoken(c)
	if text != "" && severity == "" && r.Summary {
		r.react(Unclear) // it has its summary: this is a slip, or belongs into the timeline
		r.reply(Say{Name: "declared-already", Line: "/incident " + firstWord(text), Command: c.Like})
		return
	}
	r.Summary = r.Summary || text != "" || r.f.Titled
	holdsIC := r.holdsIC(r.f.By.Login, r.p)
	switch {
	case severity == "" || r.Confirmed != nil && r.Severity == severity:
	case r.Confirmed != nil && !(holdsIC && r.p.Critical(severity)):
		// What is confirmed is changed by the word that says so: a slip must not end the pages of a P1.
		r.refuse(Say{Name: "severity-stays", Line: severity, Reason: r.Severity, Command: "/ic severity " + severity})
		return
	case !holdsIC && !r.mayConfirm():
		r.refuse(r.onlyFor("ic", "/ic"))
		return
	case !r.confirm(severity, ""):
		return
	}
	r.done()
}

// firstWord returns the first word of a text.
func firstWord(text string) string { return strings.Fields(text + " …")[0] }

// spoken returns the severity and the summary of a declaration. The summary may begin with a severity that only the policy knows.
func (r *run) spoken(c Command) (severity, text string) {
	if c.Severity != "" {
		return cmp.Or(r.p.Named(c.Severity), c.Severity), c.Text
	}
	word, rest, _ := strings.Cut(strings.TrimSpace(c.Text), " ")
	if name := strings.ToLower(strings.TrimRight(word, ".,:;!")); name != "" {
		if _, ok := r.p.Severity(name); ok {
			return name, strings.TrimSpace(rest)
		}
	}
	return "", c.Text
}

func (r *run) end(o Outcome, number int, why string) {
	r.Outcome, r.Duplicate, r.Closed = o, number, r.stamped()
	r.stopUpdates()
	r.stopPaging()
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
	if naming.Equal(r.IC, me) {
		r.answeredPage()
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
	if r.Critical(r.p) && naming.Contains(r.OEs, me) && r.Alone == nil {
		// Coordinating and debugging are two people's work (V1): who takes the one leaves the other.
		r.OEs = without(r.OEs, me)
		r.record("left", me, "oe")
		if len(r.OEs) == 0 {
			r.reply(Say{Name: "role-open", Role: "oe", Reason: "two people", Names: []string{me}})
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
		r.reply(Say{Name: "unclear", Line: "/ic @…", Command: RowOf(GiveIC).Usage, Reason: "name one person: only one can be Incident Coordinator"})
		return
	}
	to := c.Logins[0]
	switch {
	case len(c.Cannot) > 0:
		r.refuse(Say{Name: "cannot-respond", Names: c.Cannot})
	case naming.Equal(to, r.IC):
		r.done()
	default:
		// The role moves when the other answers: a page must not end because somebody who sleeps was named.
		r.Handover = to
		r.Asked.Handover, r.Asked.Asker = r.f.At.Add(r.p.AskRole), r.f.By.Login
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
	if naming.Contains(r.OEs, me) {
		if r.Confirmed == nil {
			r.answeredPage() // somebody who had a look already was paged again, as it got worse
		}
		r.done()
		return
	}
	if because != "" {
		r.Alone = r.stamped()
	}
	if r.Critical(r.p) && naming.Equal(r.IC, me) && r.Alone == nil {
		r.refuse(Say{Name: "two-people", Holder: me, Command: "/oe @user", Insist: "/oe because …", Try: []string{"/ic @user"}})
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
		if r.Critical(r.p) && naming.Equal(r.IC, l) && r.Alone == nil {
			say := Say{Name: "two-people", Holder: r.IC, Command: "/oe @user", Try: []string{"/ic @user"}}
			if naming.Equal(r.IC, r.f.By.Login) {
				say.Insist = "/oe because …"
			}
			r.refuse(say)
			return
		}
	}
	for _, l := range c.Logins {
		if !naming.Contains(r.OEs, l) {
			r.OEs = append(r.OEs, l)
			r.record("oe", l, c.Text)
		}
	}
	r.done()
}

func (r *run) snooze(c Command) {
	if r.Updates.Due.IsZero() {
		r.refuse(Say{Name: "nothing-due"})
		return
	}
	r.snoozed(c.After)
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
		if n := len(r.Pinned); c.Kind == Unpin && n > 0 { // what was pinned last, and not the comment that pinned it
			c.Pin = &Stamp{ID: "c" + strconv.FormatInt(r.Pinned[n-1], 10)}
		}
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
	case c.Kind == Unpin && i < 0:
		r.reply(Say{Name: "not-pinned"})
	case c.Kind == Unpin:
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

// isClosed says that the incident is closed, and what it still takes.
func (r *run) isClosed() Say {
	return Say{Name: "closed", Command: "/oe regression …", Try: []string{"/incident note …", "/ic followup …"}}
}

// propose says that the next phase is open now; the move stays the coordinator's.
func (r *run) propose(to Phase, from ...Phase) {
	r.done()
	if !slices.Contains(from, r.Phase) {
		return
	}
	holder, _ := r.Coordinator()
	say := Say{Name: "propose", Who: holder, Holder: r.f.By.Login, Role: string(r.f.What.(Command).Kind), Phase: to, Command: "/ic phase " + string(to)}
	checks := Blocks(r.State, r.p, to)
	if say.Missing = open(checks); len(say.Missing) > 0 {
		say.Command = firstCommand(checks)
	}
	r.reply(say)
}

func (r *run) help() {
	r.done()
	r.reply(Say{Name: "help"})
}
