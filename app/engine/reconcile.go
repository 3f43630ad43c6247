package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// reconciliation is one look at one incident: it observes, reduces, applies and commits. What
// effects need too is in look.Look; the rest is how the look came about and how it goes.
type reconciliation struct {
	*Engine
	*look.Look
	applier
	m Message

	commentsMu sync.Mutex // held while what was said of late is changed and saved

	// What was observed.
	brokenConfig   incident.BrokenConfig // what is wrong with the configuration
	brokenOnCall   incident.BrokenOnCall // what is wrong with the rotations
	formerName     incident.Ref          // the name under which the card was written, if it is another one
	wasTransferred bool                  // since the card was written
	// the repository is not for incidents: only one that came from elsewhere goes on
	isUnserved   bool
	cardSeq      int
	isCardForged bool // the card was there, and not as the app wrote it
	// somebody changed the card, and it is to be written as it was
	isCardChanged bool
	tickedLines   []string // of the card's boxes that somebody ticked
	// the card is kept in the store, since an automaton changes it back
	isCardRestored   bool
	hasRefusedCard   bool                       // a card is kept in the store
	partialSnapshot  *Snapshot                  // what a failed look had read by then; nil: nothing
	peekedIssues     map[incident.Ref]*Snapshot // other issues that this look read
	fullTimeline     []Item                     // nil until needed
	replayed         *history                   // the whole timeline, replayed; nil until needed
	isReplay         bool                       // this look only replays the past: edited texts count
	currentFollowUps []incident.FollowUp        // of a replay: as they are now
	wasRefused       bool                       // of a replay: a command that is looked at may have been refused …
	asksAgain        bool                       // … and GitHub is asked about its author again
	// reads were older than what is known, for longer than is waited for
	isReadBehind bool
	// by key, comments that may be there, as their answers were lost
	doubted map[string]postedComment

	// What is new.
	hasNews          bool      // more than plain comments
	newsSince        time.Time // when the oldest of it came
	commandNames     []string
	unexplainedSince map[string]time.Time // what was left as it is because a person may have done it

	// What was committed.
	isCardWritten bool
	isSaved       bool           // the card says what follows, or needn't
	savedState    incident.State // as the card says now
	savedDeferral look.Deferral
	nextWay       time.Time         // when somebody who was paged is reached by another way; zero: nobody is
	hasUnfinished bool              // what follows from the state is not done yet
	hasLooked     bool              // at the incident
	hasStepped    bool              // over all that the look read
	isAbandoned   bool              // GitHub has refused the look for so long that the incident is left alone
	sentSeeks     int               // of the searches that were sent, the last one's number
	knownMembers  map[string]string // in Slack, by their e-mail addresses
	toldEffects   int               // how many of the effects the channel in Slack was told of
	hasToldItems  bool              // and of the comments
}

// newReconciliation returns a look for a message, of which nothing is read yet.
func (e *Engine) newReconciliation(ctx context.Context, m Message) *reconciliation {
	r := &reconciliation{
		Engine: e,
		Look: &look.Look{
			Ctx: ctx, Ref: m.Ref, Now: e.Clock.Now().UTC(), Posted: map[string]int64{},
			Logger: e.Logger, Metrics: e.Metrics, Clock: e.Clock, Keys: e.markKeys(), SignedSince: e.signedSince,
		},
		m:       m,
		doubted: map[string]postedComment{},
	}
	r.applier = r.newApplier()
	return r
}

// reconcile looks at the incident that the message is about. Each step either ends the look or
// leaves it to the next one.
func (r *reconciliation) reconcile() error {
	r.Ctx = WithUrgency(r.Ctx, r.urgency(r.m, r.Now))

	for _, step := range []func() (isOver bool, err error){
		r.handleWithoutIssue,
		r.skipNeedlessLook,
		r.checkServed,
		r.lookAtIssue,
		r.forwardToPresentName,
		r.handleRemoved,
		r.checkFound,
		r.forwardToSpelling,
		r.awaitReads,
		r.reroute,
		r.awaitRepeats,
		r.checkIncident,
	} {
		if isOver, err := step(); isOver || err != nil {
			return err
		}
	}

	if err := r.stepAndApply(); err != nil {
		return r.handleBrokenOff(err)
	}
	if r.State.Declared == nil {
		return nil
	}
	r.rememberReconciled()
	return r.awaitPullRequest()
}

// handleWithoutIssue handles a message that is not of an issue, or not yet: a push of a
// configuration, a deployment, the end of a workflow's run, a source's report, an answer to a page that was sent
// before there was an issue,
// what somebody wrote in a customer's issue, and a search, which changes nothing there. It reports
// whether the message is one.
func (r *reconciliation) handleWithoutIssue() (isOver bool, err error) {
	switch {
	case r.m.Commit() != "":
		return true, r.checkConfiguration()
	case r.m.Deployed() != nil:
		return true, r.forwardDeployed()
	case r.m.Run() != 0:
		return true, r.routeRun()
	case r.m.Queue() != "" && r.Ref.Number == 0:
		return true, r.forwardQueue()
	case r.m.Gate() != nil:
		return true, r.answerGates()
	case r.m.Signal() != nil && r.Ref.Number == 0:
		return true, r.handleReport()
	case r.m.Ack() != nil && r.Ref.Number == 0:
		return true, r.forwardAck()
	case r.m.PageAnswer() != nil && r.Ref.Number == 0:
		return true, r.forwardPageAnswer()
	case r.m.Sought() != nil:
		return true, r.search()
	case r.m.ChatSync() != nil:
		return true, r.syncChat()
	case r.m.ChatAnswer() != nil:
		return true, r.writeChatAnswer()
	case r.m.ChatLines() != nil:
		return true, r.takeChatLines()
	case r.m.ChatPin() != nil:
		return true, r.readChatPin()
	case r.m.ChatWords() != nil:
		return true, r.takeChatWords()
	case r.m.ChatWho() != nil:
		return true, r.lookUpWho()
	case r.m.ChatMirror() != nil:
		return true, r.writeMirror()
	case r.m.CustomerAnswer() != nil && !r.m.CustomerAnswer().IsRouted:
		return true, r.routeAnswer()
	}
	return false, nil
}

// skipNeedlessLook reports whether a look before has read what the message is about. It returns a
// *RetryAfter if the look has to wait for others.
func (r *reconciliation) skipNeedlessLook() (isOver bool, err error) {
	if until, wait := r.repeatsSuppressed(r.m, r.Now); wait {
		return true, &RetryAfter{Until: until, Err: errRepeats, IsIdle: true}
	}
	if r.alreadySeen(r.m) || r.hasReadEvent(r.m) {
		return true, nil
	}
	return false, r.deferIfLow(r.m, r.Now)
}

// checkServed finds out whether the repository is for incidents. It reports whether the look ends
// with that: nobody knows, or it isn't and that was already said there.
func (r *reconciliation) checkServed() (isOver bool, err error) {
	served, err := r.serves(r.Ctx, r.Ref, r.m.Repository)
	if err != nil {
		r.isUnserved = true // nobody knows: what is kept was served, and nothing else pages
		return true, r.handleFailedLook(err)
	}
	r.isUnserved = !served
	if r.isUnserved && r.isUnservedNoticed() {
		r.hasLooked = true
		return true, nil
	}
	return false, nil
}

// lookAtIssue reads the issue, and pages from what is saved if that fails. It reports whether the
// look ends with that, as it does in a repository that is not for incidents.
func (r *reconciliation) lookAtIssue() (isOver bool, err error) {
	failed := r.readIssue()
	if later := r.waitForIssue(failed); later != nil {
		return true, later
	}
	if r.isUnserved {
		if isOver, err := r.leaveUnserved(failed); isOver || err != nil {
			return true, err
		}
	}
	if failed == nil {
		return false, nil
	}
	var refusal *Refusal
	if errors.As(failed, &refusal) && refusal.NotInstalled {
		if isOver, err := r.handleRemoved(); isOver {
			return true, err
		}
	}
	return true, r.handleFailedLook(failed)
}

// checkFound handles an issue that is gone. One that isn't ends a series of refusals.
func (r *reconciliation) checkFound() (isOver bool, err error) {
	if r.Snapshot.Gone {
		if isOver, err := r.handleGone(); isOver || err != nil {
			return true, err
		}
	}
	r.clearRefusedLooks()
	return false, nil
}

// errRepeats is why a report waits.
var errRepeats = errors.New("a source repeats itself")

// awaitRepeats returns a *RetryAfter if the card shows that a report was recorded just now.
func (r *reconciliation) awaitRepeats() (isOver bool, err error) {
	if until, wait := r.repeatsSuppressedByCard(); wait {
		return true, &RetryAfter{Until: until, Err: errRepeats, IsIdle: true}
	}
	return false, nil
}

// checkIncident removes the timer of what can't be an incident, or no longer: a pull request, an
// issue that is gone, and one that became a discussion. It reports whether it is one of these.
func (r *reconciliation) checkIncident() (isOver bool, err error) {
	r.hasLooked = true
	if r.Snapshot.Pull || r.Snapshot.Gone {
		return true, r.Scheduler.Schedule(r.Ctx, r.Ref, time.Time{})
	}
	return r.handleConverted()
}

// rememberReconciled keeps what spares calls at the next look, and what pages people if GitHub goes
// away before it.
func (r *reconciliation) rememberReconciled() {
	if !r.State.Running() {
		r.forgetOpenIncident(r.Ref)
	}
	if r.Before.Outcome == incident.Duplicated && r.State.Running() {
		r.forgetOpenIncidents()
	}
	r.rememberLook()
	r.rememberRead()
	r.saveForOutage()
	r.dropOldNames()
}

// awaitPullRequest returns a *RetryAfter if this look learned of the pull request that the message
// is about: a look before opened it and could not record that, and what the message says of it
// counts from now on.
func (r *reconciliation) awaitPullRequest() error {
	if d := r.State.Document.Number; d == r.m.Pull() && d != r.Before.Document.Number {
		return &RetryAfter{Until: r.Now.Add(time.Second),
			Err: fmt.Errorf("pull request %d is known only now", d)}
	}
	return nil
}

// stepAndApply reduces what was read, applies what follows from it, and commits.
func (r *reconciliation) stepAndApply() error {
	if err := r.loadPolicy(); err != nil {
		return err
	}
	if err := r.reduce(); err != nil {
		return err
	}
	isFirstLook := r.Before.Declared == nil && r.State.Declared != nil && !r.IsCardLost
	if isFirstLook {
		r.saveDeclaredName(r.Snapshot.ID, true)
	}
	r.hasStepped = true
	r.saveBeforeWrites()
	if err := r.applyUrgent(); err != nil {
		return err
	}
	if r.State.Declared == nil {
		return nil
	}
	r.recordRepeat(r.m, r.Now)
	r.hasUnfinished = true
	defer r.rememberUnfinished()
	// What Slack is to show goes first: where the card is written and the answer to that is lost, or the process
	// ends, the next look finds nothing new. A look that is made again says the same, which is shown once.
	if err := inOrder(r.sendChatLines, r.sendSaid, r.commit, r.sendSeeks, r.sendChatSync); err != nil {
		return err
	}
	if isFirstLook {
		r.saveDeclaredName(r.Snapshot.ID, false)
	}
	// Nobody waits for what comes now. It is derived from the state, so a failure here loses
	// nothing: the next look goes on.
	if err := r.deferRest(r.applyRest()); err != nil {
		return err
	}
	r.hasUnfinished = !r.Deferral.At.IsZero()
	r.scheduleRecheck()
	return inOrder(r.sendChatLines, r.commit, r.sendSeeks, r.sendChatSync)
}

// commit sets the timer and writes the card. The timer comes first: a crash in between costs a
// needless look, not a missed one.
func (r *reconciliation) commit() error {
	if r.isSaved && equalStates(r.savedState, r.State) && r.Deferral == r.savedDeferral {
		return nil
	}
	r.savedDeferral = r.Deferral
	if err := r.setTimer(); err != nil {
		return fmt.Errorf("set the timer: %w", err)
	}
	if err := r.WithUrgency(max(UrgencyCard, UrgencyOf(r.Ctx)), r.writeCard)(); err != nil {
		return err
	}
	r.isSaved, r.savedState = true, r.State
	r.rememberKnownCard(r.State)
	return nil
}

// reduce steps the core over what is new.
func (r *reconciliation) reduce() error {
	facts, err := r.observe()
	if err != nil {
		return err
	}
	for _, f := range facts {
		_, plain := f.What.(incident.Commented)
		if !plain && f.ID != "" && (r.newsSince.IsZero() || f.At.Before(r.newsSince)) {
			r.newsSince = f.At
		}
		// facts without an id (e.g. PR status) are visible as state changes instead
		r.hasNews = r.hasNews || !plain && f.ID != ""
		if name := commandName(f.What); name != "" {
			r.commandNames = append(r.commandNames, name)
			r.Asker = f.By.Login
		}
		r.Step(f)
	}
	if r.State.Declared == nil {
		return nil
	}
	r.State.Locked = r.Snapshot.Locked
	if r.IsRebuilt {
		if err := r.recover(); err != nil {
			return err
		}
		r.State.Told = incident.Outcomes(r.postedKeys())
	}
	r.noteContests()
	r.Report(r.brokenConfig)
	r.Report(r.brokenOnCall)
	if r.m.PutAside() != nil {
		r.Report(*r.m.PutAside())
	}
	if r.m.Found() != nil {
		r.Report(*r.m.Found())
	}
	if r.m.ChatSynced() != nil {
		r.Report(*r.m.ChatSynced())
	}
	if err := r.addSaid(); err != nil {
		return err
	}
	r.Report(incident.Clock{})
	r.Report(incident.TryAgain{IsUrgent: r.m.Why == "sweep"})
	return nil
}

// hasChanged reports whether the card says something else than the state does: when freezes are looked at the process
// knows.
func (r *reconciliation) hasChanged() bool {
	return !equalStates(r.Before, r.State.FreezeLooksOf(r.Before))
}

// equalStates reports whether two states are the same but for the cursor and the newest comments,
// which move with every look.
func equalStates(a, b incident.State) bool {
	a.Cursor, b.Cursor = incident.Cursor{}, incident.Cursor{}
	a.Heard, b.Heard, a.Last, b.Last = nil, nil, nil, nil
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}
