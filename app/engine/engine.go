// Package engine looks at an incident, lets the core step over what is new, and applies what
// follows.
//
// A message never says what happened, only where to look: so duplicates, reordering and lost
// deliveries are one ordinary case. Effects are idempotent by their own keys and applied in order
// of urgency, and the card, with the moved cursor, is written last: a crash anywhere before it
// means that the pass runs again and changes nothing twice (A4).
package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/engine/delivery"
	"github.com/firebreak-dev/firebreak/app/engine/effects"
	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// Options are what an engine needs. Without a Pager people are only mentioned, and without an
// Announcer customers are reached on GitHub only.
type Options struct {
	GitHub    GitHub
	Scheduler Scheduler
	Queue     Queue // for signals; nil: they are not handled
	Replier   Replier
	Store     Store // nil: while GitHub is out only what this process has read is known
	Pager     Pager
	Announcer Announcer
	Clock     Clock

	// for incidents, by their names or ids; owner/.github names a list: see served.go
	Repositories []string
	Reports      incident.Ref // the repository in which what sources report becomes an incident; zero: none

	Secrets [][]byte // webhook secrets, current first: the card's keys are derived from them
	Metrics metrics.Recorder
	Logger  *slog.Logger
}

// Engine runs incidents: it looks at them one at a time, and remembers what spares calls or closes
// gaps between looks.
type Engine struct {
	Options
	keys [][]byte

	deliveries     *delivery.Log
	givenReactions *effects.GivenReactions
	knownIssues    *effects.KnownIssues

	mu              sync.Mutex
	policies        map[string]cachedPolicy        // by repository
	openIncidents   map[string]openIncident        // by repository and dedup key
	recordedRepeats map[incident.Ref]time.Time     // when a source's repetition was written down last
	pagedEarly      map[string]time.Time           // by key, what was paged before GitHub was asked
	lastLooks       map[incident.Ref]lastLook      // of running incidents, what the last look read
	deferrals       map[incident.Ref]look.Deferral // when a look comes for what GitHub's limits held back
	knownCards      map[incident.Ref]knownCard     // what the cards of the incidents looked at of late say

	memories      map[incident.Ref]memory // what was written and read in the last minutes
	memoriesSwept time.Time               // when those were forgotten that nobody looked at

	repositoryIDs   map[string]knownRepository // by name, the ids of repositories
	boundIDs        map[string]int64           // by name, the ids of those that are served
	firstServedOf   map[string]string          // by owner, the first repository that was used
	repositoryLists map[string]repositoryList  // by owner, the repositories that they name
	bindTried       map[string]time.Time       // by name, when a repository's id was asked for, to bind it

	unservedNoticed map[incident.Ref]time.Time // where it was said that nothing is done

	marksSignedSince time.Time // since when marks are signed here; zero: not read yet

	refusedCards     map[incident.Ref]refusedCard // cards that GitHub refuses
	refusedLooks     map[incident.Ref]refusedLook // looks that GitHub refuses
	unavailableSince map[incident.Ref]time.Time   // since when looks fail because GitHub is away
}

// New builds an engine.
func New(o Options) *Engine {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = metrics.Discard{}
	}
	return &Engine{
		Options: o,
		keys:    card.Keys(o.Secrets),

		deliveries:     &delivery.Log{Store: o.Store, Clock: o.Clock, Logger: o.Logger},
		givenReactions: &effects.GivenReactions{},
		knownIssues:    &effects.KnownIssues{Store: o.Store},

		policies:         map[string]cachedPolicy{},
		openIncidents:    map[string]openIncident{},
		recordedRepeats:  map[incident.Ref]time.Time{},
		pagedEarly:       map[string]time.Time{},
		lastLooks:        map[incident.Ref]lastLook{},
		deferrals:        map[incident.Ref]look.Deferral{},
		knownCards:       map[incident.Ref]knownCard{},
		memories:         map[incident.Ref]memory{},
		repositoryIDs:    map[string]knownRepository{},
		boundIDs:         map[string]int64{},
		firstServedOf:    map[string]string{},
		repositoryLists:  map[string]repositoryList{},
		bindTried:        map[string]time.Time{},
		unservedNoticed:  map[incident.Ref]time.Time{},
		refusedCards:     map[incident.Ref]refusedCard{},
		refusedLooks:     map[incident.Ref]refusedLook{},
		unavailableSince: map[incident.Ref]time.Time{},
	}
}

// reconciliation is one look at one incident: it observes, reduces, applies and commits. What
// effects need too is in look.Look; the rest is how the look came about and how it goes.
type reconciliation struct {
	*Engine
	*look.Look
	applier
	m Message

	// What was observed.
	brokenConfig   incident.BrokenConfig // what is wrong with the configuration
	formerName     incident.Ref          // the name under which the card was written, if it is another one
	wasTransferred bool                  // since the card was written
	// the repository is not for incidents: only one that came from elsewhere goes on
	isUnserved   bool
	cardSeq      int
	isCardForged bool // the card was there, and not as the app wrote it
	// somebody changed the card, and it is to be written as it was
	isCardChanged bool
	// the card is kept in the store, since an automaton changes it back
	tickedLines      []string // of the card\'s boxes that somebody ticked
	isCardRestored   bool
	hasRefusedCard   bool                       // a card is kept in the store
	partialSnapshot  *Snapshot                  // what a failed look had read by then; nil: nothing
	peekedIssues     map[incident.Ref]*Snapshot // other issues that this look read
	fullTimeline     []Item                     // nil until needed
	replayed         *history                   // the whole timeline, replayed; nil until needed
	isReplay         bool                       // this look only replays the past: edited texts count
	currentFollowUps []incident.FollowUp        // of a replay: as they are now
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
	hasUnfinished bool // what follows from the state is not done yet
	hasLooked     bool // at the incident
	hasStepped    bool // over all that the look read
	isAbandoned   bool // GitHub has refused the look for so long that the incident is left alone
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

// ErrNotLooked is returned when a message is done with although its incident was not looked at, as
// it said nothing new or went on to another incident. Whatever else asked for a look still needs
// it.
var ErrNotLooked = errors.New("done without a look")

// Handle looks at an incident and acts. After a *RetryAfter the message is due again at its time,
// after any other error at once.
func (e *Engine) Handle(ctx context.Context, m Message) error {
	err := e.HandleInTurn(ctx, m)
	if errors.Is(err, ErrNotLooked) {
		return nil
	}
	return err
}

// HandleInTurn is Handle for a queue that drops all requests for a look once there was one. It
// returns ErrNotLooked if there was none.
func (e *Engine) HandleInTurn(ctx context.Context, m Message) error {
	ctx, calls := metrics.Counted(ctx)
	r := e.newReconciliation(ctx, m)
	start := time.Now()
	err := r.reconcile()
	r.recordMetrics(err, time.Since(start), calls)
	err = r.staggerRetry(err)
	if err != nil {
		return fmt.Errorf("handle %s (%s): %w", m.Ref, m.Why, err)
	}
	if !r.hasLooked {
		return ErrNotLooked
	}
	r.clearUnavailable()
	return nil
}

func (r *reconciliation) reconcile() error {
	r.Ctx = WithUrgency(r.Ctx, r.urgency(r.m, r.Now))
	switch {
	case r.m.Commit() != "":
		return r.checkConfiguration()
	case r.m.Signal() != nil && r.Ref.Number == 0:
		return r.routeSignal()
	case r.m.Ack() != nil && r.Ref.Number == 0:
		return r.forwardAck()
	}
	if until, wait := r.repeatsSuppressed(r.m, r.Now); wait {
		return &RetryAfter{Until: until, Err: errors.New("a source repeats itself"), IsIdle: true}
	}
	if r.alreadySeen(r.m) || r.hasReadEvent(r.m) {
		return nil
	}
	if err := r.deferIfLow(r.m, r.Now); err != nil {
		return err
	}
	served, err := r.serves(r.Ctx, r.Ref, r.m.Repository)
	if err != nil {
		r.isUnserved = true // nobody knows: what is kept was served, and nothing else pages
		return r.handleFailedLook(err)
	}
	if r.isUnserved = !served; r.isUnserved && r.isUnservedNoticed() {
		r.hasLooked = true
		return nil
	}
	err = r.readIssue()
	if later := r.waitForIssue(err); later != nil {
		return later
	}
	if r.isUnserved {
		if over, err := r.leaveUnserved(err); over || err != nil {
			return err
		}
	}
	if err != nil {
		var refusal *Refusal
		if errors.As(err, &refusal) && refusal.NotInstalled {
			if over, err := r.handleRemoved(); over {
				return err
			}
		}
		return r.handleFailedLook(err)
	}
	if passed, err := r.forwardToPresentName(); passed || err != nil {
		return err
	}
	if over, err := r.handleRemoved(); over || err != nil {
		return err
	}
	if r.Snapshot.Gone {
		if over, err := r.handleGone(); over || err != nil {
			return err
		}
	}
	r.clearRefusedLooks()
	if passed, err := r.forwardToSpelling(); passed || err != nil {
		return err
	}
	if err := r.awaitReads(); err != nil {
		return err
	}
	if over, err := r.reroute(); over || err != nil {
		return err
	}
	if until, wait := r.repeatsSuppressedByCard(); wait {
		return &RetryAfter{Until: until, Err: errors.New("a source repeats itself"), IsIdle: true}
	}
	r.hasLooked = true
	if r.Snapshot.Pull || r.Snapshot.Gone {
		return r.Scheduler.Schedule(r.Ctx, r.Ref, time.Time{})
	}
	if over, err := r.handleConverted(); over || err != nil {
		return err
	}
	if err := r.stepAndApply(); err != nil {
		return r.handleBrokenOff(err)
	}
	if r.State.Declared == nil {
		return nil
	}
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
	if d := r.State.Document.Number; d == r.m.Pull() && d != r.Before.Document.Number {
		// A look before opened the pull request and could not note it: what this message says of it
		// counts from now on.
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
	if err := r.commit(); err != nil {
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
	return r.commit()
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

// readIssue reads the issue and what is new, and opens the card.
func (r *reconciliation) readIssue() error {
	ok := false
	var failed error
	refused, kept := r.loadRefusedCard(r.Ctx, r.names()...)
	snap, err := r.GitHub.ReadIssue(r.Ctx, r.Ref, func(issue *Snapshot, body string) (incident.Cursor, bool) {
		kept = kept && refused.isOf(issue)
		c, err := r.openCard(issue, body)
		if err != nil {
			if errors.Is(err, card.ErrForged) && kept {
				ok, r.isCardChanged, r.Before, r.cardSeq = true, true, refused.State, refused.Seq
				r.DeclaredAs = refused.State.DeclaredAs
				return r.Before.Cursor, true
			}
			if errors.Is(err, card.ErrForged) {
				r.isCardForged = true
				r.Logger.Warn("the card is not as the app wrote it: rebuilding", "incident", r.Ref.String(),
					"err", err)
			} else if !errors.Is(err, card.ErrNone) {
				failed = err
			}
			return incident.Cursor{}, false
		}
		r.tickedLines = c.Ticked
		c = r.adoptCard(issue, c)
		// the newest, which alone knows what was not said yet
		if r.m.IsCardEdited() && kept && refused.Seq >= c.Seq {
			ok, r.isCardChanged, r.Before, r.cardSeq = true, true, refused.State, refused.Seq
			return r.Before.Cursor, true
		}
		if r.m.IsCardEdited() {
			r.Logger.Warn("somebody edited a comment of the app's own: rebuilding the card", "incident",
				r.Ref.String())
			r.cardSeq = c.Seq
			return incident.Cursor{}, false
		}
		if !kept && r.formerName.Number != 0 {
			refused, kept = r.loadRefusedCard(r.Ctx, r.formerName)
			kept = kept && refused.isOf(issue)
		}
		if kept && refused.Seq > c.Seq {
			c.State, c.Seq = refused.State, refused.Seq
			c = r.adoptCard(issue, c)
		}
		ok, r.Before, r.cardSeq = true, c.State, c.Seq
		return c.State.Cursor, true
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		r.partialSnapshot = snap
		return err
	}
	// GitHub refused even the first one, or somebody deleted it
	if kept && snap.Card == nil && refused.isOf(snap) {
		r.isCardRestored = refused.State.Contested.Left(incident.ContestCard)
		ok, r.Before, r.cardSeq = true, refused.State, refused.Seq
	}
	r.Snapshot, r.IsRebuilt = snap, !ok
	r.IsCardLost = r.IsRebuilt && slices.ContainsFunc(snap.Items, isAppTrace)
	for _, it := range snap.Items {
		for _, k := range r.KeysIn(it) {
			r.Posted[k] = it.Comment
		}
	}
	r.skipOldIDs()
	if r.IsCardLost {
		r.loadDeclaredName()
	}
	r.Before.DeclaredAs = r.DeclaredAs
	r.State, r.savedState = r.Before, r.Before
	r.hasRefusedCard = kept
	r.loadCardContest()
	return nil
}

// isAppTrace reports whether it shows that the app was here before: one of its comments, or a phase
// label that it set. Pages go out before both, and the card may be deleted with all other comments.
func isAppTrace(it Item) bool {
	return it.Own && (it.Event == "commented" || it.Event == "labeled" &&
		strings.HasPrefix(naming.Key(it.Label), incident.LabelPhase))
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
	}
	r.noteContests()
	r.Report(r.brokenConfig)
	if r.m.PutAside() != nil {
		r.Report(*r.m.PutAside())
	}
	r.Report(incident.Clock{})
	r.Report(incident.TryAgain{IsUrgent: r.m.Why == "sweep"})
	return nil
}

// maxUnread limits how much of a timeline is read again and again before the card is written for
// that alone. The webhook asks for a look before so much is new, so a command costs the same
// whatever was said before it.
const maxUnread = 10

// writeCard writes the card, unless nothing changed but how far was read, and that is not far.
func (r *reconciliation) writeCard() error {
	r.State.Cursor.Items = max(r.State.Cursor.Items, r.Snapshot.First+len(r.Snapshot.Items))
	posted := r.Snapshot.Card != nil
	far := r.State.Cursor.Items-r.Before.Cursor.Items >= maxUnread
	isTicked := len(r.tickedLines) > 0 // the boxes are to be empty again
	if posted && !r.IsRebuilt && !r.isCardChanged && !isTicked && !r.hasNews && !far && equalStates(r.Before, r.State) &&
		!r.State.IsRefused("card") {
		return r.pinCard(r.Snapshot.Card)
	}
	before := r.State
	if r.State.IsRefused("card") {
		r.Report(incident.TakenByGitHub{Effect: "card"})
	}
	if r.IsRebuilt {
		r.cardSeq = max(r.cardSeq, r.memoryOf(r.Ref).seq) // the newest is known by it
	}
	view := card.View{Ref: r.Ref, ID: r.Snapshot.ID, URL: r.Snapshot.URL, Title: r.Snapshot.Title,
		Policy: r.Policy, Now: r.Now}
	r.saveCardContest()
	if r.leavesCard() {
		r.cardSeq++
		r.saveRefusedCard(view)
		return nil
	}
	body, err := card.Render(r.State, r.cardSeq+1, view, r.keys[0])
	if err != nil {
		return fmt.Errorf("render the card: %w", err)
	}
	err = r.putCard(body)
	r.cardSeq++
	if ports.IsRefused(err) {
		r.State = before
		if err := r.RecordRefusal("card", err); err != nil {
			return err
		}
		r.saveRefusedCard(view)
	} else if err != nil {
		return err
	} else if r.State.OwesAnswers() { // only the card has what could not be said, and the card may be lost
		r.saveRefusedCard(view)
	} else if r.hasRefusedCard || before.IsRefused("card") || r.Before.OwesAnswers() ||
		r.savedState.OwesAnswers() {
		r.deleteRefusedCard()
	}
	if err == nil {
		r.RecordWait(UrgencyCard, r.newsSince)
		r.newsSince = time.Time{}
	}
	r.isCardWritten = true
	if r.Snapshot.Card == nil {
		return nil
	}
	return r.pinCard(r.Snapshot.Card)
}

// putCard edits the card, or posts one. If GitHub does not find the card to edit, that does not prove
// that it is gone: the next look posts another if it finds none.
func (r *reconciliation) putCard(body string) error {
	if r.Snapshot.Card != nil {
		if err := r.GitHub.EditComment(r.Ctx, r.Ref, r.Snapshot.Card.ID, body); err != nil {
			return fmt.Errorf("write the card: %w", err)
		}
		r.rememberCard(r.Snapshot.Card.ID, r.cardSeq+1, false)
		return nil
	}
	id, err := r.GitHub.PostComment(r.Ctx, r.Ref, body)
	if err != nil {
		return fmt.Errorf("post the card: %w", err)
	}
	r.Snapshot.Card = &Card{ID: id}
	r.rememberCard(id, r.cardSeq+1, true)
	return nil
}

// pinCard pins the card. If GitHub refuses, the card is found among the first comments.
func (r *reconciliation) pinCard(c *Card) error {
	if c.Pinned || r.State.Contested.Left(incident.ContestPin) {
		return nil
	}
	err := r.GitHub.PinComment(r.Ctx, r.Ref, c.ID)
	if err == nil || ports.IsRefused(err) {
		c.Pinned = true
		return nil
	}
	return fmt.Errorf("pin the card: %w", err)
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

// pendingCorrections returns what differs between the issue and how it should look.
func (r *reconciliation) pendingCorrections() (add, remove, assign, dismiss []string) {
	w := incident.AsWanted(r.State, r.Policy)
	for _, l := range w.Labels {
		if !naming.Contains(r.Snapshot.Labels, l) {
			add = append(add, l)
		}
	}
	for _, l := range r.Snapshot.Labels { // as the repository spells them
		if w.IsUnwanted(l) {
			remove = append(remove, l)
		}
	}
	for _, l := range w.Assignees {
		if !naming.Contains(r.Snapshot.Assignees, l) {
			assign = append(assign, l)
		}
	}
	for _, l := range w.Dismissed {
		if naming.Contains(r.Snapshot.Assignees, l) {
			dismiss = append(dismiss, l)
		}
	}
	slices.Sort(remove)
	add, remove, assign, dismiss = r.dropContested(add, remove, assign, dismiss)
	return r.dropUnexplained(add, remove, assign, dismiss)
}
