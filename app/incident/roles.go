package incident

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/words"
)

// The commands of this file.
const (
	TakeIC Kind = "ic"
	GiveIC Kind = "ic @user"
	TakeOE Kind = "oe"
	GiveOE Kind = "oe @user"
	DropOE Kind = "drop"
)

var _ = register(Row{
	Kind: TakeIC, Verbs: []string{VerbIC},
	Usage: "/ic", Does: "take the role of Incident Coordinator",
	Example: "/ic", Who: Responder, Place: 200,
}, parseReason, func(r *run, c Command) {
	r.takeIC(c.Because)
})

var _ = register(Row{
	Kind: GiveIC, Verbs: []string{VerbIC},
	Usage: "/ic @user", Does: "hand the role over: they have it once they answer `/ic`",
	Example: "/ic @dan I need sleep", Who: HolderIC, Place: 210,
}, parsePerson, (*run).giveIC)

var _ = register(Row{
	Kind: TakeOE, Verbs: []string{VerbOE},
	Usage: "/oe", Does: "take the role of Operations Engineer: you debug",
	Example: "/oe", Who: Responder, Place: 400,
}, parseReason, func(r *run, c Command) {
	r.takeOE(c.Because)
})

var _ = register(Row{
	Kind: GiveOE, Verbs: []string{VerbOE},
	Usage: "/oe @user", Does: "make somebody Operations Engineer",
	Example: "/oe @dan", Who: Holder, Place: 410,
}, parsePeople, (*run).giveOE)

var _ = register(Row{
	Kind: DropOE, Verbs: []string{VerbOE}, Word: "drop",
	Usage: "/oe drop", Does: "leave the role of Operations Engineer",
	Example: "/oe drop", Who: HolderOE, Place: 420,
}, parseNothing, (*run).dropOE)

// parsePerson reads one person, since one coordinates.
func parsePerson(w words.Words) (Command, error) {
	c, err := parsePeople(w)
	if len(c.Logins) > 1 {
		return Command{}, errors.New("name one person: only one can be Incident Coordinator")
	}
	return c, err
}

// dropOE removes its author from the role. Somebody who doesn't have it reads who does.
func (r *run) dropOE(Command) {
	if naming.Contains(r.OEs, r.f.By.Login) {
		r.OEs = withoutLogin(r.OEs, r.f.By.Login)
		r.record("left", r.f.By.Login, "oe")
	} else {
		r.reply(Say{Name: "not-engineer", Names: r.OEs, Try: []string{"/oe", "/oe @user"}})
	}
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
		r.OEs = withoutLogin(r.OEs, me)
		r.record("left", me, "oe")
		if len(r.OEs) == 0 {
			r.reply(Say{Name: "role-open", Role: "oe", Reason: "two people", Names: []string{me}})
		}
	}
	if !r.Paging.Next.IsZero() || r.Paging.GaveUp || (len(r.Paging.Pages) > 0 && r.Paging.Answered == nil) {
		r.endPaging()
	}
	r.done()
	r.brief()
}

func (r *run) giveIC(c Command) {
	if len(c.Logins) != 1 {
		r.react(Unclear)
		r.reply(Say{Name: "unclear", Line: "/ic @…", Command: RowOf(GiveIC).Usage,
			Reason: "name one person: only one can be Incident Coordinator"})
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
		r.reply(Say{Name: "handover", Who: to, Holder: holder, Phase: r.Phase, Time: r.Updates.Due,
			Names: r.OEs, Count: len(r.FollowUps),
			Missing: openChecks(Blocks(r.State, r.p, r.Next())), Lines: r.contacts(), Line: c.Text})
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
		r.refuse(Say{Name: "two-people", Holder: me, Command: "/oe @user", Insist: "/oe because …",
			Try: []string{"/ic @user"}})
		return
	}
	r.OEs = append(r.OEs, me)
	r.record("oe", me, because)
	if r.Confirmed == nil && !r.Paging.Next.IsZero() {
		r.endPaging() // who takes a look at what nobody has confirmed yet has answered the page
	}
	r.done()
	r.brief()
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

func (r *run) applyAssigned(login string) {
	r.Mirrored = withoutLogin(r.Mirrored, login)
	if !r.f.By.Respond || r.f.By.Bot || naming.Equal(r.IC, login) || naming.Contains(r.OEs, login) {
		return
	}
	r.reply(Say{Name: "which-role", Who: login, Holder: r.IC})
}

func (r *run) applyUnassigned(login string) {
	if !r.f.By.Respond || r.f.By.Bot {
		return // Wanted assigns them again (A3)
	}
	r.Mirrored = withoutLogin(r.Mirrored, login)
	r.leaveRoles(login)
}

// vacateIC leaves the role open; a critical incident without an IC pages the group again.
func (r *run) vacateIC() {
	r.IC, r.ICSince, r.Handover = "", nil, ""
	r.Summons = Summons{}
	if r.Critical(r.p) {
		r.startPaging()
	}
}

// leaveRoles takes somebody out of their roles.
func (r *run) leaveRoles(login string) {
	if naming.Contains(r.OEs, login) {
		r.OEs = withoutLogin(r.OEs, login)
		r.record("left", login, "oe")
		if len(r.OEs) == 0 {
			r.reply(Say{Name: "role-open", Role: "oe", Holder: r.f.By.Login, Names: []string{login}})
		}
	}
	if naming.Equal(r.IC, login) {
		r.record("left", login, "ic")
		r.vacateIC()
		r.reply(Say{Name: "role-open", Role: "ic", Holder: r.f.By.Login, Names: []string{login}})
	}
}

// loseAccess takes the roles of somebody who may not respond any more: who can't act can't hold them.
func (r *run) loseAccess() {
	login := r.f.By.Login
	if _, command := r.f.What.(Command); !command || login == "" || r.f.By.Respond || r.f.By.Bot || !r.Running() {
		return // of others nobody looked up whether they may
	}
	r.leaveRoles(login)
}

// askHandover says once to the one who asked somebody to take the role over that they have not answered.
func (r *run) askHandover() {
	r.Asked.Handover = time.Time{}
	r.emit(Remind{Key: fmt.Sprintf("handover/%d", r.f.At.Unix()), At: r.f.At, Say: Say{
		Name: "handover-unanswered", Who: r.Asked.Asker, Names: []string{r.Handover}, Holder: r.IC}})
}

// watchRoles sets when a role that fell vacant is asked for.
func (r *run) watchRoles() {
	if vacant := r.vacancy(); vacant != r.Asked.Open {
		r.Asked.Open, r.Asked.Role = vacant, time.Time{}
		if vacant != "" {
			r.Asked.Role = r.f.At.Add(r.p.AskRole)
		}
	}
}

// vacancy names the role of a critical incident that nobody holds and nobody is paged for: "ic", "oe", or "".
func (r *run) vacancy() string {
	switch {
	case !r.Running() || !r.Critical(r.p) || r.Phase == Closing:
		return ""
	case r.IC == "" && r.Paging.Next.IsZero():
		return "ic"
	case r.Phase == Monitoring:
		return ""
	case r.IC != "" && len(r.OEs) == 0 && r.Alone == nil:
		return "oe"
	}
	return ""
}

// askRole asks once for each vacancy. For a coordinator it pages the group again: who answered the
// page has not taken the role.
func (r *run) askRole() {
	r.Asked.Role = time.Time{}
	holder, _ := r.Coordinator()
	say := Say{Name: "role-vacant", Who: holder, Role: r.Asked.Open}
	if r.Asked.Open == "ic" && !r.Drill { // a drill wakes nobody who isn't there already (A6)
		say.Teams = []string{r.p.Coordinators}
	}
	r.emit(Remind{Key: fmt.Sprintf("role/%s/%d", r.Asked.Open, r.f.At.Unix()), At: r.f.At, Say: say})
	if r.Asked.Open == "ic" && !r.Paging.GaveUp {
		r.startPaging()
	}
}

// roles lists who holds a role, IC first.
func (s State) roles() []string {
	var out []string
	if s.IC != "" {
		out = append(out, s.IC)
	}
	for _, l := range s.OEs {
		if !naming.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}

func withoutLogin(list []string, login string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(l string) bool { return naming.Equal(l, login) })
}
