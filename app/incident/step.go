package incident

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// How much of a long incident a state keeps; the rest stands in the issue's timeline.
const (
	keptEntries = 25
	keptSpans   = 20
	keptPages   = 20
	keptPins    = 50
)

// Step gives the state after a fact, and what must be done. A fact that the state knows already changes nothing.
//
// What became due before the fact happens first, at its own time: so it makes no difference how often, or how late, the
// clock is looked at in between, and an incident rebuilt from its timeline is the one that ran.
func Step(s State, f Fact, p Policy) (State, []Effect) {
	r := &run{State: s.clone(), p: p, f: f}
	if f.ID != "" {
		if r.knows(f) {
			return s, nil
		}
		r.see(f)
	}
	r.hear(f)
	r.tick(f.At, func(due time.Time) bool { return due.Before(f.At) })
	r.f = f
	r.hearSummoned()
	r.apply()
	r.contest()
	r.keepAsking()
	r.tick(f.At, func(due time.Time) bool { return !due.After(f.At) })
	r.f = f
	r.settle()
	r.keepDay()
	if d := r.Document; d.Number != 0 && d.Merged == nil && !d.Shut && s.Document.Number != 0 && r.told(s) {
		r.Document.Stale = true
	}
	r.address()
	return r.State, r.effects
}

// told tells whether something changed that the postmortem tells of.
func (r *run) told(before State) bool {
	return r.Entries != before.Entries || !slices.Equal(r.FollowUps, before.FollowUps)
}

// run is one step under way.
type run struct {
	State
	p       Policy
	f       Fact
	effects []Effect

	isRefused bool // the fact is a label of ours that was refused with a word
}

func (s State) clone() State {
	s.Customers = slices.Clone(s.Customers)
	s.Phases = slices.Clone(s.Phases)
	s.OEs = slices.Clone(s.OEs)
	s.Mirrored = slices.Clone(s.Mirrored)
	s.Unplaced = slices.Clone(s.Unplaced)
	s.FollowUps = slices.Clone(s.FollowUps)
	s.Timeline = slices.Clone(s.Timeline)
	s.Pinned = slices.Clone(s.Pinned)
	s.Paging.Pages = slices.Clone(s.Paging.Pages)
	s.Asked.Edits = slices.Clone(s.Asked.Edits)
	s.Asked.Floor = slices.Clone(s.Asked.Floor)
	s.Updates.Shared = slices.Clone(s.Updates.Shared)
	s.Updates.Unsent = slices.Clone(s.Updates.Unsent)
	s.Updates.Told = slices.Clone(s.Updates.Told)
	s.Updates.Heard = slices.Clone(s.Updates.Heard)
	s.Updates.Sent = slices.Clone(s.Updates.Sent)
	for i := range s.Updates.Sent {
		sent := &s.Updates.Sent[i]
		sent.Reached, sent.Lost, sent.Wait.Heard = slices.Clone(sent.Reached), slices.Clone(sent.Lost), slices.Clone(sent.Wait.Heard)
	}
	s.Folded = slices.Clone(s.Folded)
	s.Sources = slices.Clone(s.Sources)
	s.Signals.Turns = slices.Clone(s.Signals.Turns)
	s.Signals.Taken = slices.Clone(s.Signals.Taken)
	s.Signals.Known = slices.Clone(s.Signals.Known)
	s.Summons.People = slices.Clone(s.Summons.People)
	return s
}

func (r *run) knows(f Fact) bool {
	if isOutside(f.ID) {
		return r.Asked.tookEdit(f.ID)
	}
	return r.Cursor.Knows(f.ID, f.At)
}

func (r *run) see(f Fact) {
	if isOutside(f.ID) {
		r.Asked.takeEdit(f.ID)
		return
	}
	r.Cursor = r.Cursor.See(f.ID, f.At)
}

// hear remembers the two newest comments by people, so that `/ic pin` finds the one before its own (V4).
func (r *run) hear(f Fact) {
	id := CommentOf(f.ID)
	if id == 0 || isOutside(f.ID) || f.By.Bot || r.Heard != nil && r.Heard.Comment() == id {
		return
	}
	r.Last, r.Heard = r.Heard, &Stamp{By: f.By.Login, At: f.At, ID: fmt.Sprintf("c%d", id)}
}

// newest keeps the last n of a list.
func newest[T any](list []T, n int) []T { return slices.Clone(list[max(0, len(list)-n):]) }

func (r *run) stamp() Stamp { return Stamp{By: r.f.By.Login, At: r.f.At, ID: r.f.ID} }

func (r *run) stamped() *Stamp { s := r.stamp(); return &s }

func (r *run) do(e Effect) { r.effects = append(r.effects, e) }

// record writes a timeline entry.
func (r *run) record(kind, what, text string) {
	r.recordAt(Entry{At: r.f.At, By: r.f.By.Login, Kind: kind, Ref: r.f.ID, What: what, Text: text})
}

func (r *run) recordAt(e Entry) {
	r.do(Record{Entry: e})
	e.Text = ""
	if n := len(r.Timeline); n > 1 && r.repeats(r.Timeline[n-1], e) && r.repeats(r.Timeline[n-2], e) {
		r.Timeline = slices.Clone(r.Timeline)
		r.Timeline[n-1] = e // a night of pages must not push out what happened: the first and the newest are shown
		return
	}
	r.Entries++
	r.Timeline = newest(append(r.Timeline, e), keptEntries)
}

// repeats reports whether two entries say that the same people were paged, as the escalation does when nobody answers.
func (r *run) repeats(a, b Entry) bool {
	return a.Kind == "page" && b.Kind == "page" && a.By == "" && b.By == "" && a.What == b.What
}

// reply says something about the fact.
func (r *run) reply(s Say) {
	if s.Who == "" {
		s.Who = r.f.By.Login
	}
	r.do(Reply{Fact: r.f.ID, Say: s})
}

func (r *run) react(how Reaction) {
	if CommentOf(r.f.ID) != 0 {
		r.do(React{Fact: r.f.ID, How: how})
	}
}

func (r *run) done() { r.react(Done) }

func (r *run) refuse(s Say) {
	r.react(Refused)
	r.reply(s)
}

// Running tells whether the incident is declared and not over.
func (s State) Running() bool { return s.Declared != nil && s.Closed == nil }

// Critical tells whether the confirmed severity starts the P1 process.
func (s State) Critical(p Policy) bool { return s.Confirmed != nil && p.Critical(s.Severity) }

// Coordinator gives who holds IC: who took it or, until somebody does, the declarer if they may respond (I4).
// covered is false for the declarer, and "" means nobody.
func (s State) Coordinator() (login string, covered bool) {
	if s.IC != "" {
		return s.IC, true
	}
	if s.Declared != nil && s.Responder {
		return s.Declared.By, false
	}
	return "", false
}

// holdsIC tells whether a responder may use the coordinator's verbs. An incident that was reported by a machine or by
// somebody who may not respond is held by whoever of the responders comes first.
func (s State) holdsIC(login string, p Policy) bool {
	if !s.Critical(p) && naming.Contains(s.OEs, login) && s.Confirmed != nil {
		return true // a regular incident has one person in both roles
	}
	holder, _ := s.Coordinator()
	return holder == "" || naming.Equal(holder, login)
}

// holdsOE tells whether a responder may use the engineer's verbs: the IC holds every role that is not delegated.
func (s State) holdsOE(login string, p Policy) bool {
	if naming.Contains(s.OEs, login) {
		return true
	}
	undelegated := len(s.OEs) == 0 || !s.Critical(p) || s.Alone != nil
	return undelegated && s.holdsIC(login, p)
}

// may enforces a row's permission (A3, V2) and answers who may not.
func (r *run) may(row Row) bool {
	if row.Who == Anyone {
		return true
	}
	if r.f.By.Unsure != "" && !r.f.By.Respond {
		r.react(Unclear)
		r.reply(Say{Name: "permission-unknown", Line: row.Usage, Reason: r.f.By.Unsure})
		return false
	}
	if !r.f.By.Respond || r.f.By.Bot {
		r.refuse(Say{Name: "refused-reader", Line: short(row)})
		return false
	}
	login := r.f.By.Login
	who := row.Who
	if (row.Kind == Decline || row.Kind == Duplicate) && r.Confirmed != nil {
		who = Holder // what was confirmed is no longer everybody's to wave away
	}
	if row.Kind == DropOE {
		who = Responder // who does not have the role is told so
	}
	switch {
	case who == HolderIC && !r.holdsIC(login, r.p) && !r.mayAnswer(row.Kind):
		r.refuse(r.onlyFor("ic", "/ic"))
	case who == HolderOE && !r.holdsOE(login, r.p):
		if naming.Equal(r.IC, login) {
			r.refuse(Say{Name: "ic-does-not-debug", Names: r.OEs, Command: short(row), Try: []string{"/incident note …"}})
			break
		}
		r.refuse(r.onlyFor("oe", "/oe"))
	case who == Holder && !r.holdsIC(login, r.p) && !r.holdsOE(login, r.p):
		r.refuse(r.onlyFor("", "/ic"))
	default:
		return true
	}
	return false
}

// onlyFor says who holds the role that a command needs: "ic", "oe" or, for either of them, "".
func (r *run) onlyFor(role, command string) Say {
	say := Say{Name: "refused-role", Role: role, Names: r.OEs, Command: command}
	holder, taken := r.Coordinator()
	if say.Holder = holder; !taken {
		say.Reason = "covering"
	}
	return say
}

// mayByHand is the permission for labels, assignees and open or closed, which name no role: whoever holds one.
func (r *run) mayByHand() bool {
	l := r.f.By.Login
	return r.f.By.Respond && !r.f.By.Bot && (r.holdsIC(l, r.p) || r.holdsOE(l, r.p))
}

func (r *run) apply() {
	if r.Declared == nil {
		r.declare()
		return
	}
	r.loseAccess()
	if r.applyRefusal() {
		return
	}
	switch w := r.f.What.(type) {
	case Command:
		r.command(w)
	case Misspelt:
		if r.f.By.Respond {
			r.react(Unclear)
			r.reply(unclear(w))
		}
	case Corrected:
		r.corrected(w)
	case Rewritten:
		r.react(Unclear)
		r.reply(Say{Name: "write-again"})
	case Commented: // heard already
	case Labeled:
		r.labeled(w.Name)
	case Unlabeled:
		r.unlabeled(w.Name)
	case Assigned:
		r.assigned(w.Login)
	case Unassigned:
		r.unassigned(w.Login)
	case Shut:
		r.shut()
	case Reopened:
		r.reopened()
	case Renamed:
		r.Summary = r.Summary || r.f.By.Respond && r.f.Titled
	case TicketUpToDate:
		r.FollowUps[w.Index].Changed, r.FollowUps[w.Index].Was = false, ""
	case TicketOpened:
		if w.Index < len(r.FollowUps) && r.FollowUps[w.Index].Ticket == "" {
			r.FollowUps[w.Index].Ticket, r.FollowUps[w.Index].TicketID = w.Ticket, w.ID
			r.remindOf(&r.FollowUps[w.Index])
		}
	case TicketMoved:
		if w.Index < len(r.FollowUps) {
			r.FollowUps[w.Index].Ticket, r.FollowUps[w.Index].TicketID = w.Ticket, w.ID
		}
	case DocumentOpened:
		if w.Path == "" {
			w.Path = r.Document.Path
		}
		r.Document.Number, r.Document.Path, r.Document.Shut, r.Document.Wanted = w.Number, w.Path, false, false
	case DocumentRefreshed:
		r.Document.Stale = false
	case DocumentDelivered:
		r.Document.Owed = false
	case Reviewed:
		r.Document.Approved, r.Document.Changes = w.Approved, w.Changes
	case DocumentMerged:
		r.merged(w.Number)
	case SharedIssue:
		if !slices.ContainsFunc(r.Updates.Shared, func(s Shared) bool { return s.Customer == w.Customer }) {
			r.Updates.Shared = append(r.Updates.Shared, Shared(w))
		}
	case Said:
		r.Said = maps.Clone(r.Said)
		if r.Said == nil {
			r.Said = map[string]int64{}
		}
		r.Said[w.Topic] = w.Comment
	case TicketChanged:
		r.ticketChanged(w)
	case FollowUpEdited:
		r.followUpEdited(w)
	case FoldedIn:
		r.foldedIn(w)
	case BrokenConfig:
		if r.Asked.Config == w.Where {
			return
		}
		if r.Asked.Config = w.Where; w.Where == "" {
			return
		}
		say := Say{Name: "config-broken", Reason: w.Why}
		if w.Instead != "" {
			say = Say{Name: "config-removed", Line: w.Instead}
		}
		r.do(Remind{Key: "config/" + w.Where, Topic: "config", At: r.f.At, Say: say})
	case BrokenTemplate:
		if r.Asked.Template == w.Where {
			return
		}
		if r.Asked.Template = w.Where; w.Where != "" {
			r.do(Remind{Key: "template/" + w.Where, Topic: "template", At: r.f.At, Say: Say{Name: "template-broken", Reason: w.Why}})
		}
	case Unsent:
		r.unsent(w)
	case Undelivered:
		r.do(Remind{Key: "undelivered/" + url.PathEscape(w.Customer) + "/" + url.PathEscape(w.Channel), At: r.f.At, Say: Say{
			Name: "document-failed", Names: []string{w.Customer}, Line: w.Channel, Reason: w.Why}})
	case Bounced:
		r.bounced(w)
	case Rebuilt:
		r.Phase = w.Phase
		if w.Severity != "" {
			r.Severity = w.Severity
		}
	case DocumentShut:
		if w.Number == r.Document.Number && r.Document.Merged == nil && !r.Document.Shut {
			r.Document.Shut = true
			r.record("unmerged", "", "")
			r.do(Remind{Key: fmt.Sprintf("shut/%d/%d", w.Number, r.f.At.Unix()), Topic: "review", At: r.f.At, Say: Say{
				Name: "review-shut", Count: w.Number, Names: r.roles(), Lines: r.unfinished()}})
		}
	case PageFailed:
		r.pageFailed(w)
	case PageSkipped:
		r.pageSkipped(w)
	case Acknowledged:
		r.acknowledged(w)
	case Signalled:
		r.signalled(w)
	case CameBack:
		if r.Running() {
			r.comeBack(w.Source, w.At)
		}
	case Counted:
		r.counted(Signals(w))
	case Learned:
		if r.isNews(w) {
			r.learned(w)
		}
	case Received:
		if !r.Signals.took(w.Report, true) {
			r.Signals.take(w.Report)
			r.record("message", w.Source, "")
		}
		r.claim(w.Severity, w.Page, false)
	case ClosedUp:
		if r.Running() && r.Phase == Closing && w.Key == closedKey(r.Since.At) {
			r.closed()
		}
	case Unassignable:
		for _, l := range w.Logins {
			if !naming.Contains(r.Unplaced, l) {
				r.Unplaced = append(r.Unplaced, l)
				r.do(Remind{Key: "unassignable/" + strings.ToLower(l), At: r.f.At, Say: Say{Name: "unassignable", Names: []string{l}}})
			}
		}
	}
}

// unclear says what is wrong with a misspelt command, and what was probably meant.
func unclear(m Misspelt) Say {
	say := Say{Name: "unclear", Line: m.Line, Command: m.Known, Reason: m.Why}
	if m.Why == NotACommand {
		words := strings.Fields(m.Line)
		say.Line, say.Reason = strings.Join(words[:min(2, len(words))], " "), ""
	}
	return say
}

// declare takes the facts that make an issue an incident (I1).
func (r *run) declare() {
	switch w := r.f.What.(type) {
	case Opened:
		r.begin(w)
	case Labeled:
		if !naming.Equal(w.Name, LabelIncident) {
			r.labeledEarly(w.Name)
		} else if r.f.By.Respond || r.f.By.Bot { // GitHub lets nobody else but triagers set it
			r.begin(Opened{Source: "label"})
		}
	case Unlabeled:
		r.unlabeledEarly(w.Name)
	case Command:
		if !r.may(RowOf(w.Kind)) {
			return
		}
		switch w.Kind {
		case Declare:
			r.done()
			severity, text := r.spoken(w)
			r.begin(Opened{Source: "command", Summary: text != "", Severity: severity})
		case Help:
			r.help()
		default:
			r.refuse(Say{Name: "not-incident", Command: "/incident"})
		}
	case Misspelt:
		if r.f.By.Respond {
			r.react(Unclear)
			r.reply(unclear(w))
		}
	}
}

func (r *run) begin(o Opened) {
	r.Declared = r.stamped()
	r.Responder = r.f.By.Respond && !r.f.By.Bot
	early := Early{}
	if r.Early != nil {
		early, r.Early = *r.Early, nil
	}
	r.Source, r.Summary, r.Drill = o.Source, o.Summary || r.f.Titled, o.Drill || early.Drill
	names, none := r.p.ReadCustomers(o.Customers...)
	r.Customers, r.NoCustomer = names, (o.None || none) && len(names) == 0
	r.Phase, r.Since = Identify, r.stamp()
	r.record("declared", o.Source, "")
	r.askCustomers(names, "/ic customer add")
	if o.Signal {
		r.Signals = Signals{Count: max(1, o.Count), Last: r.f.At, Firing: true}
		r.Signals.take(o.Report)
		for _, mark := range o.Known {
			r.knowWord(mark)
		}
	}
	r.judge(o, early)
}

// missing tells which data of I2 is not there, as Say names of templates: "severity", "summary", "customers".
func (s State) missing() []string {
	var m []string
	if s.Severity == "" && s.Claimed == "" {
		m = append(m, "severity")
	}
	if !s.Summary {
		m = append(m, "summary")
	}
	if len(s.Customers) == 0 && !s.NoCustomer {
		m = append(m, "customers")
	}
	return m
}

// Missing tells which data an incident still lacks (I2): "severity", "summary", "customers".
func (s State) Missing() []string { return s.missing() }

// confirm confirms or changes the severity (I3, I4) and reports whether it could.
func (r *run) confirm(name, why string) bool {
	name = cmp.Or(r.p.Named(name), name)
	if _, ok := r.p.Severity(name); !ok {
		var names []string
		for _, s := range r.p.Severities {
			names = append(names, s.Name)
		}
		r.refuse(Say{Name: "unknown-severity", Line: name, Names: names})
		return false
	}
	if r.Confirmed != nil && r.Severity == name {
		return true
	}
	was := r.Critical(r.p)
	r.Severity, r.Claimed, r.Confirmed = name, "", r.stamped()
	r.record("severity", name, why)
	if r.Phase == Identify {
		r.broadcast()
	}
	switch is := r.Critical(r.p); {
	case is && !was:
		r.becomeCritical()
	case !is:
		if was {
			r.stopUpdates()
		} else {
			r.answeredPage() // it was paged as unconfirmed: who says that it can wait has answered
		}
		r.stopPaging()
	}
	return true
}

// becomeCritical starts the P1 process: two different people, the page, and the customer's clock (I4, V3).
func (r *run) becomeCritical() {
	if r.IC != "" && naming.Contains(r.OEs, r.IC) && r.Alone == nil {
		// Whoever did both goes on as the engineer if nobody else is: they know the system, and coordinators are paged.
		if len(r.OEs) > 1 {
			r.record("left", r.IC, "oe")
			r.OEs = without(r.OEs, r.IC)
		} else {
			r.record("left", r.IC, "ic")
			r.IC, r.ICSince = "", nil
		}
	}
	if len(r.OEs) == 0 && r.Responder && !naming.Equal(r.IC, r.Declared.By) {
		r.OEs = []string{r.Declared.By}
		r.record("oe", r.Declared.By, "")
	}
	if r.Phase != Monitoring && r.Phase != Closing {
		r.startUpdates()
	}
	if r.IC != "" {
		r.answeredPage() // it was paged as unconfirmed, and its coordinator confirms it
	}
	r.seekCoordinator()
}

func without(list []string, login string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(l string) bool { return naming.Equal(l, login) })
}

func (r *run) labeled(name string) {
	label, _ := OwnLabel(name)
	phase, isPhase := strings.CutPrefix(label, LabelPhase)
	severity, isSeverity := strings.CutPrefix(label, LabelSeverity)
	switch {
	case label == LabelDrill && r.mayByHand():
		r.Drill = true
		r.stopPaging()
	case isSeverity && severity == r.Severity && r.Confirmed != nil, isPhase && Phase(phase) == r.Phase:
		// it says what is
	case isSeverity && r.Confirmed == nil && !r.isResponder():
		r.claim(severity, r.p.PagesClaims(), false)
	case isSeverity && r.mayConfirm():
		r.confirm(severity, "")
	case (isPhase || isSeverity) && !r.mayByHand():
		r.isRefused = true
		if r.isRepeated(ContestLabel(name)) {
			break
		}
		holder, _ := r.Coordinator()
		r.reply(Say{Name: "label-refused", Line: name, Holder: holder, Names: r.OEs, Command: "/ic"})
	case isSeverity:
		r.confirm(severity, "")
	case isPhase && slices.Contains(Phases, Phase(phase)):
		r.move(Phase(phase), "")
	case isPhase: // an incident has one phase at a time (A2)
		r.isRefused = true
		r.refuse(Say{Name: "unknown-phase", Line: name, Names: phaseNames()})
	}
}

// phaseNames returns the names of all phases, in their order.
func phaseNames() (names []string) {
	for _, ph := range Phases {
		names = append(names, string(ph))
	}
	return names
}

// unlabeled: a phase or severity label that goes is put back without a word, since the next one is about to come (a
// picker removes one and adds the other), and the card says what is. To stop being an incident is another matter.
func (r *run) unlabeled(name string) {
	switch {
	case naming.Equal(name, LabelIncident):
		if r.isRepeated(ContestLabel(name)) {
			break
		}
		r.reply(Say{Name: "label-kept", Line: name, Try: []string{"/incident decline …", "/ic close"}})
	case naming.Equal(name, LabelDrill) && r.Drill && r.mayByHand():
		r.Drill = false
		r.seekCoordinator()
	}
}

func (r *run) assigned(login string) {
	r.Mirrored = without(r.Mirrored, login)
	if !r.f.By.Respond || r.f.By.Bot || naming.Equal(r.IC, login) || naming.Contains(r.OEs, login) {
		return
	}
	r.reply(Say{Name: "which-role", Who: login, Holder: r.IC})
}

func (r *run) unassigned(login string) {
	if !r.f.By.Respond || r.f.By.Bot {
		return // Wanted assigns them again (A3)
	}
	r.Mirrored = without(r.Mirrored, login)
	r.leave(login)
}

// vacateIC leaves the role open; a critical incident without an IC pages the group again.
func (r *run) vacateIC() {
	r.IC, r.ICSince, r.Handover = "", nil, ""
	r.Summons = Summons{}
	if r.Critical(r.p) {
		r.startPaging()
	}
}

func (r *run) shut() {
	switch {
	case r.Closed != nil:
	case !r.mayByHand():
		if r.isRepeated(ContestState) {
			break
		}
		holder, _ := r.Coordinator()
		r.reply(Say{Name: "close-refused", Holder: holder, Names: r.OEs, Command: "/ic"})
	default:
		r.closeUp("")
	}
}

func (r *run) reopened() {
	if r.Closed == nil || !r.f.By.Respond || r.f.By.Bot {
		return
	}
	r.Closed, r.Outcome, r.Duplicate = nil, "", 0
	r.record("reopened", "", "")
	switch {
	case r.Phase == Closing:
		r.enter(Monitoring)
	case r.Phase != Monitoring && r.Critical(r.p):
		r.startUpdates() // of an incident that was declined, they stopped
	}
	say := Say{Name: "reopened", Phase: r.Phase, Names: r.summon("reopened", "", true)}
	if r.Confirmed != nil {
		say.Try = []string{"/oe regression …", "/ic close"}
	}
	r.reply(say)
}

// settle ends what has become complete: the incident closes once its postmortem and tickets exist (C5).
func (r *run) settle() {
	for _, l := range r.roles() {
		if !naming.Contains(r.Mirrored, l) {
			r.Mirrored = append(r.Mirrored, l)
		}
	}
	if r.Handover == "" {
		r.Asked.Handover, r.Asked.Asker = time.Time{}, ""
	}
	r.watchRoles()
	r.firsts()
	if !r.Running() || r.Phase != Closing || r.Document.Number == 0 {
		return
	}
	for _, fu := range r.FollowUps {
		if fu.Ticket == "" {
			return
		}
	}
	var tickets []string
	for _, fu := range r.FollowUps {
		tickets = append(tickets, fu.Ticket)
	}
	r.do(Remind{Key: closedKey(r.Since.At), At: r.f.At, Say: Say{
		Name: "closed-up", Count: r.Document.Number, Names: tickets}})
	r.closed()
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

// closedKey is the key of what is said once a closing that was asked for at a time is complete.
func closedKey(asked time.Time) string { return "closed/" + asked.UTC().Format("20060102150405") }

// closed notes that the closing is complete.
func (r *run) closed() {
	closed := r.Since // the stamp of the request: the same whenever the parts came to exist
	r.Closed = &closed
	if r.Document.Merged == nil {
		r.Document.Next = r.p.Hours.Add(closed.At, r.p.ReviewDays, r.p.Zone)
	}
	r.recordAt(Entry{At: closed.At, By: closed.By, Kind: "closed", Ref: closed.ID})
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

// unfinished lists the tickets that are still open.
func (s State) unfinished() (tickets []string) {
	for _, fu := range s.FollowUps {
		if fu.Ticket != "" && !fu.Done {
			tickets = append(tickets, fu.Ticket)
		}
	}
	return tickets
}

// ticketChanged follows what people do with a follow-up's ticket (C4).
func (r *run) ticketChanged(t TicketChanged) {
	if t.Index < 0 || t.Index >= len(r.FollowUps) {
		return
	}
	fu := &r.FollowUps[t.Index]
	if t.Owner != "" {
		fu.Owner = t.Owner
	}
	if t.Done == fu.Done {
		return
	}
	fu.Done, fu.Ended = t.Done, time.Time{}
	if fu.Done {
		fu.Ended = r.f.At
		r.record("followup done", fu.Ticket, "")
		fu.Next = time.Time{}
		return
	}
	r.record("followup reopened", fu.Ticket, "")
	r.remindOf(fu)
}

// OwnerOf tells who is to do a follow-up: who was named, else an OE, the IC, the declarer (C4); "" if nobody may.
func (s State) OwnerOf(fu FollowUp) string {
	switch {
	case fu.Owner != "":
		return fu.Owner
	case len(s.OEs) > 0:
		return s.OEs[0]
	case s.IC != "":
		return s.IC
	case s.Declared != nil && s.Responder:
		return s.Declared.By
	}
	return ""
}

func (r *run) merged(number int) {
	if number != r.Document.Number || r.Document.Merged != nil {
		return
	}
	r.Document.Merged, r.Document.Shut, r.Document.Next = r.stamped(), false, time.Time{}
	r.record("merged", "", "")
	if !r.Drill && len(r.Customers) > 0 {
		r.Document.Owed = true
		r.do(r.customerVersion())
	}
	r.do(Remind{Key: "merged", At: r.f.At, Say: Say{Name: "merged", Count: number, Names: r.roles()}})
}
