package incident

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/words"
)

// The commands of this file.
const (
	MovePhase Kind = "phase"
)

var _ = register(Row{
	Kind: MovePhase, Verbs: []string{VerbIC}, Word: "phase",
	Usage: "/ic phase NAME [because why]", Does: "move to another phase, as changing the label does",
	Example: "/ic phase fixing", Who: HolderIC, Place: 310,
}, parsePhase, func(r *run, c Command) {
	if isOutside(r.f.ID) && r.f.At.Before(r.Since.At) {
		r.done() // an edit that is known late: somebody has moved on since
		return
	}
	if r.moveTo(c.Phase, c.Because) {
		r.done()
	}
})

// parsePhase reads a phase, and why it is moved there before its checks are met.
func parsePhase(w words.Words) (Command, error) {
	w = w.First()
	name, rest := words.CutName(w.Line)
	if !slices.Contains(Phases, Phase(name)) {
		return Command{}, unknownPhase(name)
	}
	c, err := parseReason(w.WithLine(rest))
	c.Phase = Phase(name)
	return c, err
}

// unknownPhase returns an error that says which phase was meant, or which there are.
func unknownPhase(name string) error {
	for _, p := range phaseNames() {
		begins := len(name) >= 3 && (strings.HasPrefix(p, name) || strings.HasPrefix(name, p))
		if begins || words.IsNear(name, p) {
			return Suggestion{Command: "/ic phase " + p, Why: "I don't know the phase " + words.FirstLine(name)}
		}
	}
	return errors.New("name a phase: " + strings.Join(phaseNames(), ", "))
}

// propose says that the next phase is open now; the move stays the coordinator's.
func (r *run) propose(to Phase, from ...Phase) {
	r.done()
	if !slices.Contains(from, r.Phase) {
		return
	}
	holder, _ := r.Coordinator()
	say := Say{Name: "propose", Who: holder, Holder: r.f.By.Login, Recorded: string(r.f.What.(Command).Kind),
		Phase: to, Command: "/ic phase " + string(to)}
	checks := Blocks(r.State, r.p, to)
	say.Missing = openChecks(checks)
	if r.p.Advance && to == Fixing && len(say.Missing) == 0 {
		return // it is entered on its own
	}
	if len(say.Missing) > 0 {
		say.Command = firstCommand(checks)
	}
	r.reply(say)
}

// Check is one thing that a phase needs.
type Check struct {
	Text    string // what is needed, in a few words: "the cause"
	Done    bool
	Command string // what makes it true
	Must    bool   // a reason can't replace it
}

// Blocks returns what a phase needs (V1, F1, M1, C1), done or not, in the order in which it is best done.
func Blocks(s State, p Policy, to Phase) []Check {
	severity := Check{"a confirmed severity", s.Confirmed != nil, "/ic severity critical", true}
	if s.Claimed != "" {
		severity.Command = "/ic severity " + s.Claimed
	}
	var checks []Check
	switch to {
	case Identify:
		return nil
	case Closing:
		if s.NothingToTell() {
			return append([]Check{severity}, s.dataChecks()...) // there is nobody to agree
		}
		agreement := Check{"the customer's agreement that it is over", s.Agreed != nil, "/ic agree …", false}
		if s.Phase != Monitoring && s.Phase != Closing {
			// they can't agree before
			agreement.Text, agreement.Command = "Monitoring, then "+agreement.Text, s.towards(Monitoring, p)
		}
		return append([]Check{severity, agreement}, s.dataChecks()...)
	}
	checks = append(checks, severity)
	if p.Critical(s.Severity) || s.Confirmed == nil && p.Critical(s.Claimed) {
		checks = append(checks, s.teamCheck())
	}
	switch to {
	case Fixing:
		checks = append(checks, Check{"the cause", s.Cause != nil, "/oe cause …", false})
	case Monitoring:
		hasSolution := s.Workaround != nil || s.Fix != nil
		checks = append(checks, Check{"a workaround or a fix", hasSolution, "/oe workaround …", false})
		checks = append(checks, s.dataChecks()...)
	}
	return checks
}

// dataChecks returns a check for each part of I2's data that is missing: only monitoring and
// closing wait for it.
func (s State) dataChecks() (checks []Check) {
	for _, m := range s.missing() {
		switch m {
		case "summary":
			checks = append(checks, Check{"a few words on what is broken", false, "/incident …", false})
		case "customers":
			checks = append(checks, Check{"the impacted customers, or that there are none", false,
				"/ic customer add …", false})
		}
	}
	return checks
}

// teamCheck is V1's check: an IC and an OE who differ, unless one person may do both for a reason.
func (s State) teamCheck() Check {
	c := Check{Text: "two people: an Incident Coordinator and an Operations Engineer", Command: "/ic"}
	if s.IC != "" {
		c.Command = "/oe"
	}
	c.Done = s.IC != "" && len(withoutLogin(s.OEs, s.IC)) > 0 || s.IC != "" && s.Alone != nil
	return c
}

// openChecks returns the texts of the checks that are not done.
func openChecks(checks []Check) []string {
	var out []string
	for _, c := range checks {
		if !c.Done {
			out = append(out, c.Text)
		}
	}
	return out
}

// firstCommand returns what makes the first open check true.
func firstCommand(checks []Check) string {
	for _, c := range checks {
		if !c.Done {
			return c.Command
		}
	}
	return ""
}

// Next returns the phase that follows, or "" after the last.
func (s State) Next() Phase {
	if i := slices.Index(Phases, s.Phase); i >= 0 && i+1 < len(Phases) {
		return Phases[i+1]
	}
	return ""
}

// moveTo moves the phase if what it needs is there, or a reason instead; it reports whether the
// phase is to now. Otherwise it says what is missing and how to insist, and Wanted puts a label
// back (A2).
func (r *run) moveTo(to Phase, because string) bool {
	if to == r.Phase {
		return true
	}
	if r.Closed != nil {
		r.refuse(r.isClosed())
		return false
	}
	if to == Closing {
		return r.closeUp(because)
	}
	if !r.checkMove(to, because, "/ic phase "+string(to)+" because …") {
		return false
	}
	r.enterPhase(to)
	return true
}

// checkMove reports whether the incident has what a phase needs, and says what is missing. A reason
// replaces what it can.
func (r *run) checkMove(to Phase, because, insist string) bool {
	var must bool
	checks := Blocks(r.State, r.p, to)
	for _, c := range checks {
		must = must || c.Must && !c.Done
	}
	missing := openChecks(checks)
	if len(missing) == 0 {
		return true
	}
	if because == "" || must {
		if must {
			insist = ""
		}
		r.refuse(Say{Name: "blocked", Phase: to, Missing: missing, Command: firstCommand(checks), Insist: insist})
		return false
	}
	r.Insisted = r.stamped()
	if slices.Contains(missing, r.teamCheck().Text) {
		r.Alone = r.stamped()
	}
	r.record("insisted", string(to), because)
	return true
}

// enterPhase makes the phase the current one, with its clocks.
func (r *run) enterPhase(to Phase) {
	from := r.Phase
	r.Phases = keepNewest(append(r.Phases, Span{Phase: from, From: r.Since.At, To: r.f.At}), keptSpans)
	r.Phase, r.Since = to, r.stamp()
	r.record("phase", string(to), "")
	r.broadcast()
	watched := from == Monitoring || from == Closing
	r.Document.Wanted = r.Document.Wanted && to == Closing
	if from == Closing && !r.Paging.Next.IsZero() {
		if r.IC == "" {
			r.startPaging() // from the start: what was due in between is not made up for
		} else {
			r.stopPaging()
		}
	}
	switch {
	case to == Monitoring:
		r.stopUpdates()
		r.StandBy = StandBy{Ends: r.f.At.Add(r.p.StandBy)}
		r.StandBy.CheckIn = r.nextCheckIn()
		// back from closing, they know it
		if from != Closing && r.Critical(r.p) && len(r.Customers) > 0 && !r.hasTold() {
			r.StandBy.Update = r.f.At.Add(r.p.AskUpdate)
		}
	case to == Closing:
		r.Summons = Summons{}
		r.stopUpdates()
		r.StandBy = StandBy{Ends: r.StandBy.Ends}
	case watched:
		r.StandBy, r.Agreed = StandBy{}, nil
		if r.Critical(r.p) {
			r.startUpdates()
		}
	}
}

// hasTold reports whether the comment that is acted on holds an update: then nobody is asked for one.
func (r *run) hasTold() bool {
	id := CommentOf(r.f.ID)
	return id != 0 && slices.ContainsFunc(r.Timeline, func(e Entry) bool {
		return e.Kind == "update" && CommentOf(e.Ref) == id
	})
}

// broadcast informs the company's own channels how far the incident is.
func (r *run) broadcast() {
	if r.p.HasStakeholders() && r.Confirmed != nil {
		r.emit(Broadcast{Key: fmt.Sprintf("phase/%s/%d", r.Phase, r.f.At.Unix()), At: r.f.At, Phase: r.Phase})
	}
}

// towards returns the command that is next on the way to a phase: what makes its first open check
// true, or the move.
func (s State) towards(to Phase, p Policy) string {
	if command := firstCommand(Blocks(s, p, to)); command != "" {
		return command
	}
	return "/ic phase " + string(to)
}

// nextCommands lists the commands that make sense at this moment: the next step first, then what
// goes on at the same time.
func nextCommands(s State, p Policy) []Kind {
	kinds := s.nextInPhase(p)
	if s.Declared == nil || s.Outcome != "" || s.Closed != nil {
		return kinds
	}
	if !s.Drill && s.Confirmed != nil && len(s.Unheard()) > 0 {
		kinds = append([]Kind{Told}, kinds...)
	}
	if s.Confirmed != nil && !s.Updates.Due.IsZero() && s.Updates.Stage > 0 {
		kinds = append([]Kind{Update}, slices.DeleteFunc(kinds, func(k Kind) bool { return k == Update })...)
	}
	return kinds
}

// nextInPhase lists the commands that make sense in the phase.
func (s State) nextInPhase(p Policy) []Kind {
	canMove := s.reachable(p) != ""
	switch {
	case s.Declared == nil:
		return []Kind{Declare}
	case s.Outcome != "":
		return []Kind{Note}
	case s.Closed != nil:
		return []Kind{AddFollowUp, Note, Regression}
	case s.Confirmed == nil:
		return []Kind{SetSeverity, TakeOE, AddCustomer, Decline}
	case s.Phase == Identify || s.Phase == Investigate:
		return s.nextInInvestigation(p, canMove)
	case s.Phase == Fixing && canMove:
		return []Kind{MovePhase, Fix, Action, Update}
	case s.Phase == Fixing:
		return []Kind{Workaround, Fix, Action, Update, Escalate}
	case s.Phase == Monitoring && s.Agreed == nil && !s.NothingToTell():
		return []Kind{Agree, Regression, AddFollowUp, Update}
	case s.Phase == Monitoring:
		return []Kind{Close, AddFollowUp, Regression}
	case s.Phase == Closing:
		return []Kind{AddFollowUp, Note, Regression}
	}
	return nil
}

// nextInInvestigation lists the commands that make sense until the cause is known.
func (s State) nextInInvestigation(p Policy, canMove bool) (kinds []Kind) {
	if s.Critical(p) && s.IC == "" {
		kinds = append(kinds, TakeIC)
	}
	if s.Critical(p) && len(withoutLogin(s.OEs, s.IC)) == 0 {
		kinds = append(kinds, TakeOE)
	}
	if canMove {
		kinds = append(kinds, MovePhase)
	}
	if s.Cause == nil {
		kinds = append(kinds, Cause)
	} else if s.Workaround == nil && s.Fix == nil {
		kinds = append(kinds, Workaround)
	}
	return append(kinds, Finding, Update, Pin, Escalate)
}

// Wanted is how the issue should look on GitHub. The engine changes only what differs, label by
// label (never the set).
type Wanted struct {
	Labels    []string // labels of ours that should be set
	Unwanted  []string // labels of ours that should not be set
	Assignees []string // role holders
	Dismissed []string // people who held a role and are to be unassigned
	Open      bool
	Reason    string // state_reason when not Open
	Duplicate int
}

// AsWanted returns how the issue should look on GitHub: one phase, the confirmed severity, the role
// holders assigned as far as GitHub takes them, and open until the incident is over.
func AsWanted(s State, p Policy) Wanted {
	if s.Declared == nil {
		return Wanted{Open: true}
	}
	w := Wanted{Open: s.Closed == nil, Reason: "completed", Duplicate: s.Duplicate}
	switch s.Outcome {
	case Declined:
		w.Reason = "not_planned"
	case Duplicated:
		w.Reason = "duplicate"
	}
	set := func(on bool, label string) {
		if on {
			w.Labels = append(w.Labels, label)
		} else {
			w.Unwanted = append(w.Unwanted, label)
		}
	}
	set(true, LabelIncident)
	for _, ph := range Phases {
		set(ph == s.Phase, LabelPhase+string(ph))
	}
	for _, sev := range p.Severities {
		set(s.Confirmed != nil && sev.Name == s.Severity, LabelSeverity+sev.Name)
	}
	set(s.Drill, LabelDrill)
	set(s.Updates.Overdue, LabelUpdateOverdue)
	set(s.Document.Merged != nil, LabelMerged)
	roles := s.roles()
	for _, l := range roles {
		if !naming.Contains(s.Unplaced, l) {
			w.Assignees = append(w.Assignees, l)
		}
	}
	for _, l := range s.Mirrored {
		if !naming.Contains(roles, l) {
			w.Dismissed = append(w.Dismissed, l)
		}
	}
	return w
}

// IsUnwanted reports whether a label that the issue has should not be set: one of Unwanted, or of a
// phase that there isn't.
func (w Wanted) IsUnwanted(label string) bool {
	phase, isPhase := strings.CutPrefix(naming.Key(label), LabelPhase)
	return naming.Contains(w.Unwanted, label) || isPhase && !slices.Contains(Phases, Phase(phase))
}

// WasClosing reports whether an incident is being closed or was before, as far as that is known: of very
// many phases the oldest are dropped.
func (s State) WasClosing() bool {
	return s.Phase == Closing || len(s.Phases) >= keptSpans ||
		slices.ContainsFunc(s.Phases, func(span Span) bool { return span.Phase == Closing })
}
