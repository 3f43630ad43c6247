// Package engine looks at an incident, lets the core step over what is new, and applies what follows.
//
// A message never says what happened, only where to look: so duplicates, reordering and lost deliveries are one ordinary
// case. Effects are idempotent by their own keys and applied in order of urgency, and the card, with the moved cursor,
// is written last: a crash anywhere before it means that the pass runs again and changes nothing twice (A4).
package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// fresh is how old an effect may be that is done after a card was lost. What is older was done before; its marker would tell,
// but pages and mails leave none. A first look, however late it comes, leaves out nothing.
const fresh = 15 * time.Minute

// Options are what an engine needs. Pager and Announcer may be nil: then pages go out as mentions only, and customers
// are reached on GitHub only.
type Options struct {
	GitHub    GitHub
	Scheduler Scheduler
	Queue     Queue // for signals; nil: there are none
	Replier   Replier
	Shelf     Shelf // nil: while GitHub is out only what this process has read is known
	Pager     Pager
	Announcer Announcer
	Clock     Clock

	Repositories []string     // for incidents, by their names or ids; owner/.github names a list: see served.go
	Reports      incident.Ref // the repository in which what sources report becomes an incident; zero: none

	Secrets [][]byte // webhook secrets, current first: the card's keys are derived from them
	Metrics metrics.Recorder
	Logger  *slog.Logger
}

// Engine runs incidents.
type Engine struct {
	Options
	keys [][]byte

	mu     sync.Mutex
	files  map[string]file             // by repository
	places map[string]place            // where a trouble stands
	wrote  map[incident.Ref]time.Time  // when a source's repetition was written down last
	paged  map[string]time.Time        // by key, what was paged before GitHub was asked
	sent   map[string]delivery         // by name, what left of late for people outside GitHub
	heard  map[incident.Ref]heard      // of running incidents, what the last look read
	given  map[int64]incident.Reaction // by comment, the reactions of late
	owed   map[incident.Ref]owed       // when a look comes for what GitHub's limits held back
	cards  map[incident.Ref]cardRead   // what the cards of the incidents looked at of late say

	opened  map[string]openedIssue  // by the hash of a mark, issues that the app opened or tried to
	recents map[incident.Ref]recent // what was written and read in the last minutes
	swept   time.Time               // when those were forgotten that nobody looked at

	repos  map[string]repoRead        // by name, the ids of repositories
	bound  map[string]int64           // by name, the ids of those that are served
	firsts map[string]string          // by owner, the first repository that was used
	lists  map[string]ownList         // by owner, the repositories that they name
	stills map[incident.Ref]time.Time // when issues in other repositories were found to be the same still
	tried  map[string]time.Time       // by name, when a repository's id was asked for, to bind it

	toldUnserved map[incident.Ref]time.Time // where it was said that nothing is done

	signs time.Time // since when marks are signed here; zero: not read yet

	unwritten map[incident.Ref]unwritten   // cards that GitHub refuses
	refused   map[incident.Ref]refusedLook // looks that GitHub refuses
	away      map[incident.Ref]time.Time   // since when looks fail because GitHub is away
}

// New builds an engine.
func New(o Options) *Engine {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = metrics.Discard{}
	}
	return &Engine{Options: o, keys: card.Keys(o.Secrets), files: map[string]file{}, places: map[string]place{}, wrote: map[incident.Ref]time.Time{}, paged: map[string]time.Time{}, sent: map[string]delivery{}, heard: map[incident.Ref]heard{}, given: map[int64]incident.Reaction{}, owed: map[incident.Ref]owed{}, cards: map[incident.Ref]cardRead{}, recents: map[incident.Ref]recent{}, opened: map[string]openedIssue{}, unwritten: map[incident.Ref]unwritten{}, refused: map[incident.Ref]refusedLook{}, away: map[incident.Ref]time.Time{},
		repos: map[string]repoRead{}, bound: map[string]int64{}, firsts: map[string]string{}, lists: map[string]ownList{}, toldUnserved: map[incident.Ref]time.Time{}, stills: map[incident.Ref]time.Time{}, tried: map[string]time.Time{}}
}

// pass is one look at one incident.
type pass struct {
	*Engine
	ctx    context.Context
	m      Message
	now    time.Time
	snap   *Snapshot
	policy incident.Policy
	broken incident.BrokenConfig // what is wrong with the configuration

	declaredAs  string       // the name under which the incident was declared; empty: its present one
	wasNamed    incident.Ref // the name under which the card was written, if it is another one
	transferred bool         // since the card was written

	before  incident.State // as the card said
	state   incident.State
	seq     int
	rebuilt bool     // the card was missing or not in order: the state came from the whole timeline
	lost    bool     // of those, there had been one: the app was here before
	acted   bool     // something more than a plain comment is new
	orders  []string // names of the commands that are new
	effects []incident.Effect
	done    map[string]int64           // keys of markers in the app's own comments, with the comment
	request *Pull                      // the postmortem's pull request, if this pass read it
	past    *history                   // the whole timeline, told; nil until needed
	all     []Item                     // the whole timeline; nil until needed
	written bool                       // the card was
	looked  bool                       // at the incident
	part    *Snapshot                  // what a look that failed had read by then; nil: nothing
	stepped bool                       // over all that the look read
	left    bool                       // GitHub has refused the look for so long that the incident is left alone
	changed bool                       // somebody changed the card, and it is to be written as it was
	ups     []incident.FollowUp        // of a pass that tells the past, as they are now
	peeked  map[incident.Ref]*Snapshot // other issues that this pass read
	blind   bool                       // GitHub is out: this pass pages by what is kept outside
	doubted map[string]time.Time       // keys of comments that may be there, as their answers were lost, and since when
	pages   map[string]bool            // keys of the pages that this pass has handled
	foreign bool                       // the repository is not for incidents: only one that came from elsewhere goes on
	telling bool                       // this pass only tells the past: texts count although they were edited

	wasIDs     []int64          // of the issue before it was transferred, that the card does not have yet
	signatures map[string]int64 // of marks, with the comment in which each was found first

	since     time.Time // when the oldest of what is new came
	back      owed      // when to look again for what GitHub's limits held back; zero: nothing was
	backSaved owed

	isBrief    bool      // this look ends without the card, and only reactions go out
	reactLater time.Time // when GitHub's limits let reactions out again; zero: they do

	forged   bool // the card was there, and not as the app wrote it
	restored bool // the card is kept outside, since an automaton changes it back
	isKept   bool // a card is kept outside
	isNews   bool // the postmortem's facts changed, or a change back of them is noted

	behind      bool                 // reads were behind for longer than is waited for
	isOwing     bool                 // what follows from the state is not done yet
	unexplained map[string]time.Time // what was left as it is because a person may have done it, and since when

	saved   incident.State              // as the card says now
	isSaved bool                        // this pass has seen to it
	asker   string                      // who gave the newest command of this look
	reacted map[int64]incident.Reaction // by comment, what this pass answered
}

// ErrNotLooked: a message is done with, but its incident was not looked at, as it said nothing new or went on to another one.
// Whatever else asked for a look still needs it.
var ErrNotLooked = errors.New("done without a look")

// Handle looks at an incident and acts. A *Later error says when to look again; after any other error the message is to
// be handed out again.
func (e *Engine) Handle(ctx context.Context, m Message) error {
	err := e.HandleInTurn(ctx, m)
	if errors.Is(err, ErrNotLooked) {
		return nil
	}
	return err
}

// HandleInTurn is Handle for a queue that drops all requests for a look once there was one. It returns ErrNotLooked where there
// was none.
func (e *Engine) HandleInTurn(ctx context.Context, m Message) error {
	ctx, calls := metrics.Counted(ctx)
	p := &pass{Engine: e, ctx: ctx, m: m, now: e.Clock.Now().UTC(), done: map[string]int64{}, doubted: map[string]time.Time{}, reacted: map[int64]incident.Reaction{}}
	start := time.Now()
	err := p.run()
	p.measure(err, time.Since(start), calls)
	err = p.turn(err)
	if err != nil {
		return fmt.Errorf("handle %s (%s): %w", m.Ref, m.Why, err)
	}
	if !p.looked {
		return ErrNotLooked
	}
	p.noteBack()
	return nil
}

func (p *pass) run() error {
	p.ctx = WithUrgency(p.ctx, p.urgency(p.m, p.now))
	switch {
	case p.m.Commit() != "":
		return p.checkSettings()
	case p.m.Signal() != nil && p.m.Ref.Number == 0:
		return p.signal()
	case p.m.Ack() != nil && p.m.Ref.Number == 0:
		return p.passOn()
	}
	if until, wait := p.wait(p.m, p.now); wait {
		return &Later{Until: until, Err: errors.New("a source repeats itself"), IsIdle: true}
	}
	if p.known(p.m) || p.isRead(p.m) {
		return nil
	}
	if err := p.hold(p.m, p.now); err != nil {
		return err
	}
	served, err := p.serves(p.ctx, p.m.Ref, p.m.Repository)
	if err != nil {
		p.foreign = true // nobody knows: what is kept was served, and nothing else pages
		return p.lookFailed(err)
	}
	if p.foreign = !served; p.foreign && p.isTold() {
		p.looked = true
		return nil
	}
	err = p.look()
	if later := p.waitForIssue(err); later != nil {
		return later
	}
	if p.foreign {
		if over, err := p.leaveUnserved(err); over || err != nil {
			return err
		}
	}
	if err != nil {
		var refusal *Refusal
		if errors.As(err, &refusal) && refusal.NotInstalled {
			if over, err := p.issueRemoved(); over {
				return err
			}
		}
		return p.lookFailed(err)
	}
	if passed, err := p.passToPresentName(); passed || err != nil {
		return err
	}
	if over, err := p.issueRemoved(); over || err != nil {
		return err
	}
	if p.snap.Gone {
		if over, err := p.issueGone(); over || err != nil {
			return err
		}
	}
	p.lookWorked()
	if passed, err := p.passToSpelling(); passed || err != nil {
		return err
	}
	if err := p.awaitReads(); err != nil {
		return err
	}
	if over, err := p.over(); over || err != nil {
		return err
	}
	if until, wait := p.calm(); wait {
		return &Later{Until: until, Err: errors.New("a source repeats itself"), IsIdle: true}
	}
	p.looked = true
	if p.snap.Pull || p.snap.Gone {
		return p.Scheduler.Schedule(p.ctx, p.m.Ref, time.Time{})
	}
	if over, err := p.issueConverted(); over || err != nil {
		return err
	}
	if err := p.act(); err != nil {
		return p.brokeOff(err)
	}
	if p.state.Declared == nil {
		return nil
	}
	if !p.state.Running() {
		p.forget(p.m.Ref)
	}
	if p.before.Outcome == incident.Duplicated && p.state.Running() {
		p.forgetAll()
	}
	p.hear()
	p.noteRead()
	p.stow()
	p.dropOldNames()
	if d := p.state.Document.Number; d == p.m.Pull() && d != p.before.Document.Number {
		// A look before opened the pull request and could not note it: what this message says of it counts from now on.
		return &Later{Until: p.now.Add(time.Second), Err: fmt.Errorf("pull request %d is known only now", d)}
	}
	return nil
}

// act steps over what was read, and makes everything as it follows from that.
func (p *pass) act() error {
	if err := p.load(); err != nil {
		return err
	}
	if err := p.step(); err != nil {
		return err
	}
	isFirstLook := p.before.Declared == nil && p.state.Declared != nil && !p.lost
	if isFirstLook {
		p.keepDeclaredName(p.snap.ID, true)
	}
	p.stepped = true
	p.stowFirst()
	if err := p.answerFirst(); err != nil {
		return err
	}
	if p.state.Declared == nil {
		return nil
	}
	p.noted(p.m, p.now)
	p.isOwing = true
	defer p.noteOwed()
	if err := p.save(); err != nil {
		return err
	}
	if isFirstLook {
		p.keepDeclaredName(p.snap.ID, false)
	}
	// Nobody waits for what comes now. It is derived from the state, so a failure here loses nothing: the next look goes on.
	if err := p.leaveForLater(p.followUp()); err != nil {
		return err
	}
	p.isOwing = !p.back.at.IsZero()
	p.lookAgain()
	return p.save()
}

// save sets the timer and writes the card. The timer comes first: a crash in between costs a needless look, not a missed one.
func (p *pass) save() error {
	if p.isSaved && equal(p.saved, p.state) && p.back == p.backSaved {
		return nil
	}
	p.backSaved = p.back
	if err := p.setTimer(); err != nil {
		return fmt.Errorf("set the timer: %w", err)
	}
	if err := p.as(max(UrgencyCard, UrgencyOf(p.ctx)), p.commit)(); err != nil {
		return err
	}
	p.isSaved, p.saved = true, p.state
	p.noteCardRead(p.state)
	return nil
}

// look reads the issue and what is new, and opens the card.
func (p *pass) look() error {
	ok := false
	var failed error
	refused, kept := p.findUnwritten(p.ctx, p.names()...)
	snap, err := p.GitHub.Look(p.ctx, p.m.Ref, func(issue *Snapshot, body string) (incident.Cursor, bool) {
		kept = kept && refused.isOf(issue)
		c, err := p.openCard(issue, body)
		if err != nil {
			if errors.Is(err, card.ErrForged) && kept {
				ok, p.changed, p.before, p.seq = true, true, refused.State, refused.Seq
				p.declaredAs = refused.State.DeclaredAs
				return p.before.Cursor, true
			}
			if errors.Is(err, card.ErrForged) {
				p.forged = true
				p.Logger.Warn("the card is not as the app wrote it: rebuilding", "incident", p.m.Ref.String(), "err", err)
			} else if !errors.Is(err, card.ErrNone) {
				failed = err
			}
			return incident.Cursor{}, false
		}
		c = p.takeOver(issue, c)
		if p.m.IsCardEdited() && kept && refused.Seq >= c.Seq { // the newest, which alone knows what was not said yet
			ok, p.changed, p.before, p.seq = true, true, refused.State, refused.Seq
			return p.before.Cursor, true
		}
		if p.m.IsCardEdited() {
			p.Logger.Warn("somebody edited a comment of the app's own: rebuilding the card", "incident", p.m.Ref.String())
			p.seq = c.Seq
			return incident.Cursor{}, false
		}
		if !kept && p.wasNamed.Number != 0 {
			refused, kept = p.findUnwritten(p.ctx, p.wasNamed)
			kept = kept && refused.isOf(issue)
		}
		if kept && refused.Seq > c.Seq {
			c.State, c.Seq = refused.State, refused.Seq
			c = p.takeOver(issue, c)
		}
		ok, p.before, p.seq = true, c.State, c.Seq
		return c.State.Cursor, true
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		p.part = snap
		return err
	}
	if kept && snap.Card == nil && refused.isOf(snap) { // GitHub refused even the first one, or somebody deleted it meanwhile
		p.restored = refused.State.Contested.Left(incident.ContestCard)
		ok, p.before, p.seq = true, refused.State, refused.Seq
	}
	p.snap, p.rebuilt = snap, !ok
	p.lost = p.rebuilt && slices.ContainsFunc(snap.Items, leftBehind)
	for _, it := range snap.Items {
		for _, k := range p.marksIn(it) {
			p.done[k] = it.Comment
		}
	}
	p.skipOldIDs()
	if p.lost {
		p.recallDeclaredName()
	}
	p.before.DeclaredAs = p.declaredAs
	p.state, p.saved = p.before, p.before
	p.isKept = kept
	p.recallCardContest()
	return nil
}

// leftBehind tells what no first look finds: a comment by the app, or a phase that it set. Pages go out before both, and a card
// may be deleted with all other comments.
func leftBehind(it Item) bool {
	return it.Own && (it.Event == "commented" || it.Event == "labeled" && strings.HasPrefix(naming.Key(it.Label), incident.LabelPhase))
}

// step runs the core over what is new.
func (p *pass) step() error {
	facts, err := p.facts()
	if err != nil {
		return err
	}
	for _, f := range facts {
		_, plain := f.What.(incident.Commented)
		if !plain && f.ID != "" && (p.since.IsZero() || f.At.Before(p.since)) {
			p.since = f.At
		}
		p.acted = p.acted || !plain && f.ID != "" // what is not noted as read, as how a pull request stands, shows in the state
		if name := order(f.What); name != "" {
			p.orders = append(p.orders, name)
			p.asker = f.By.Login
		}
		p.fact(f)
	}
	if p.state.Declared == nil {
		return nil
	}
	p.state.Locked = p.snap.Locked
	if p.rebuilt {
		if err := p.recall(); err != nil {
			return err
		}
	}
	p.noteContests()
	p.result(p.broken)
	if p.m.PutAside() != nil {
		p.result(*p.m.PutAside())
	}
	p.result(incident.Clock{})
	p.result(incident.TryAgain{IsUrgent: p.m.Why == "sweep"})
	return nil
}

// fact steps over one fact and keeps its effects. A fact that the core can't handle must not keep the others from being
// handled for ever: it counts as read, and whoever wrote it is told (A8).
func (p *pass) fact(f incident.Fact) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		if f.ID == "" {
			panic(r) // the clock and our own doings can't be skipped: the message is tried again, and then put aside
		}
		p.Logger.Error("fact skipped: it can't be handled", "incident", p.m.Ref.String(), "fact", f.ID, "kind", fmt.Sprintf("%T", f.What), "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		state, effects := incident.Skip(p.state, f, p.policy)
		p.state, p.effects = state, append(p.effects, effects...)
	}()
	state, effects := incident.Step(p.state, f, p.policy)
	p.state, p.effects = state, append(p.effects, effects...)
}

// unread is how much of a timeline may be read again and again before the card is written for that alone. The webhook asks
// for a look before so much is new, so that a command costs the same whatever was said before it.
const unread = 10

// commit writes the card. Nothing is written when nothing changed but how far was read, unless that is far.
func (p *pass) commit() error {
	p.state.Cursor.Items = max(p.state.Cursor.Items, p.snap.First+len(p.snap.Items))
	posted := p.snap.Card != nil
	far := p.state.Cursor.Items-p.before.Cursor.Items >= unread
	if posted && !p.rebuilt && !p.changed && !p.acted && !far && equal(p.before, p.state) && !p.state.IsRefused("card") {
		return p.pin(p.snap.Card)
	}
	before := p.state
	if p.state.IsRefused("card") {
		p.result(incident.TakenByGitHub{Effect: "card"})
	}
	if p.rebuilt {
		p.seq = max(p.seq, p.recentOf(p.m.Ref).seq) // the newest is known by it
	}
	view := card.View{Ref: p.m.Ref, ID: p.snap.ID, URL: p.snap.URL, Title: p.snap.Title, Policy: p.policy, Now: p.now}
	p.keepCardContest()
	if p.leavesCard() {
		p.seq++
		p.keepUnwritten(view)
		return nil
	}
	body, err := card.Render(p.state, p.seq+1, view, p.keys[0])
	if err != nil {
		return fmt.Errorf("render the card: %w", err)
	}
	err = p.putCard(body)
	p.seq++
	if isRefused(err) {
		p.state = before
		if err := p.noteRefusal("card", err); err != nil {
			return err
		}
		p.keepUnwritten(view)
	} else if err != nil {
		return err
	} else if p.state.OwesAnswers() { // what could not be said stands only on the card, and that may be lost
		p.keepUnwritten(view)
	} else if p.isKept || before.IsRefused("card") || p.before.OwesAnswers() || p.saved.OwesAnswers() {
		p.dropUnwritten()
	}
	if err == nil {
		p.waited(UrgencyCard, p.since)
		p.since = time.Time{}
	}
	p.written = true
	if p.snap.Card == nil {
		return nil
	}
	return p.pin(p.snap.Card)
}

// putCard edits the card, or posts it where there is none. That GitHub does not find the card says too little to post another
// one: if it was deleted, the next look finds none.
func (p *pass) putCard(body string) error {
	if p.snap.Card != nil {
		if err := p.GitHub.EditComment(p.ctx, p.m.Ref, p.snap.Card.ID, body); err != nil {
			return fmt.Errorf("write the card: %w", err)
		}
		p.noteCard(p.snap.Card.ID, p.seq+1, false)
		return nil
	}
	id, err := p.GitHub.Comment(p.ctx, p.m.Ref, body)
	if err != nil {
		return fmt.Errorf("post the card: %w", err)
	}
	p.snap.Card = &Card{ID: id}
	p.noteCard(id, p.seq+1, true)
	return nil
}

// pin pins the card. One that GitHub does not pin is found among the first comments.
func (p *pass) pin(c *Card) error {
	if c.Pinned || p.state.Contested.Left(incident.ContestPin) {
		return nil
	}
	err := p.GitHub.Pin(p.ctx, p.m.Ref, c.ID)
	if err == nil || isRefused(err) {
		c.Pinned = true
		return nil
	}
	return fmt.Errorf("pin the card: %w", err)
}

// equal compares two states but for the cursor and the newest comments, which move with every look.
func equal(a, b incident.State) bool {
	a.Cursor, b.Cursor = incident.Cursor{}, incident.Cursor{}
	a.Heard, b.Heard, a.Last, b.Last = nil, nil, nil, nil
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}

// wanted lists what differs between the issue and how it should look.
func (p *pass) wanted() (add, remove, assign, dismiss []string, w incident.Wanted) {
	w = incident.AsWanted(p.state, p.policy)
	for _, l := range w.Labels {
		if !naming.Contains(p.snap.Labels, l) {
			add = append(add, l)
		}
	}
	for _, l := range p.snap.Labels { // as the repository spells them
		if w.IsUnwanted(l) {
			remove = append(remove, l)
		}
	}
	for _, l := range w.Assignees {
		if !naming.Contains(p.snap.Assignees, l) {
			assign = append(assign, l)
		}
	}
	for _, l := range w.Dismissed {
		if naming.Contains(p.snap.Assignees, l) {
			dismiss = append(dismiss, l)
		}
	}
	slices.Sort(remove)
	add, remove, assign, dismiss = p.leaveContested(add, remove, assign, dismiss)
	add, remove, assign, dismiss = p.leaveUnexplained(add, remove, assign, dismiss)
	return add, remove, assign, dismiss, w
}
