package incident

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/words"
)

// The commands of a freeze.
const (
	StartFreeze Kind = "freeze"
	LetThrough  Kind = "let"
	EndFreeze   Kind = "thaw"
	// RefuseDeployments has what a freeze holds fail rather than wait.
	RefuseDeployments Kind = "refuse"
)

var (
	_ = register(Row{
		Kind: StartFreeze, Verbs: []string{VerbIC}, Word: "freeze",
		Usage:   "/ic freeze [owner/repo, service or all] [for 2h] [why]",
		Does:    "hold all merges into a repository; it ends after two hours or once the fix is in",
		Example: "/ic freeze acme/payments for 1h the rollback must not meet other changes", Who: HolderIC,
		Place: 292,
	}, parseFreeze, (*run).startFreeze)

	_ = register(Row{
		Kind: LetThrough, Verbs: []string{VerbIC}, Word: "let",
		Usage: "/ic let owner/repo#n through because …", Does: "let one pull request into a frozen repository, as it is now",
		Example: "/ic let acme/payments#41 through because it is the fix", Who: HolderIC, Place: 293,
	}, parseLet, (*run).letThrough)

	_ = register(Row{
		Kind: RefuseDeployments, Verbs: []string{VerbIC}, Word: "refuse",
		Usage: "/ic refuse owner/repo because …", Does: "refuse the deployments that a freeze has waiting",
		Example: "/ic refuse acme/payments because the fix goes first", Who: HolderIC, Place: 295,
	}, parseRefuse, (*run).refuseDeployments)

	_ = register(Row{
		Kind: EndFreeze, Verbs: []string{VerbIC}, Word: "thaw",
		Usage: "/ic thaw [owner/repo, service or all]", Does: "end a freeze; alone, all of this incident",
		Example: "/ic thaw", Who: HolderIC, Place: 296, AfterClosing: true, AfterEnding: true,
	}, parseThaw, (*run).thaw)
)

// FreezeRules say what may be frozen and when (X4).
type FreezeRules struct {
	Repos []string // owner/repo, what "all" means; the coordinator may freeze them without write access
	// OnCritical is what happens when a critical severity is confirmed: one of FreezeMoments.
	OnCritical string
	For        time.Duration // how long a freeze lasts that says nothing else
	InDrill    bool          // drills freeze too
}

// What happens when a critical severity is confirmed.
const (
	FreezeProposed = "propose"
	FreezeImposed  = "freeze"
	FreezeLeft     = "nothing"
)

// FreezeMoments are what FreezeRules.OnCritical may be.
var FreezeMoments = []string{FreezeProposed, FreezeImposed, FreezeLeft}

// How a repository is frozen, the strongest first.
const (
	// FreezeByRuleset is by a ruleset: GitHub refuses each merge and push that has no exception.
	FreezeByRuleset = "ruleset"
	// FreezeByStatus is by a status on the pull requests that would merge. People see it; GitHub does not go by it,
	// since each freeze has a status of its own, which nobody could require before.
	FreezeByStatus = "status"
	// FreezeByWord is by asking the people.
	FreezeByWord = "word"
)

// Why a freeze ended.
const (
	ThawedByCommand = "thaw"
	ThawedByTime    = "time"
	ThawedByPhase   = "phase" // the fix is in
	ThawedByEnd     = "over"  // the incident is
	ThawedByHand    = "hand"  // somebody lifted it on GitHub
)

// Freeze is a repository of which this incident holds the merges (X4). Its Text is why.
type Freeze struct {
	Stamp
	Repo   string    `json:"repo"`   // owner/repo
	Number int       `json:"number"` // among the incident's: what GitHub shows of it has it
	Until  time.Time `json:"until"`
	// IsByPhase says that it ends before Until too, once the fix is in.
	IsByPhase bool `json:"byPhase,omitempty"`

	From    time.Time `json:"from,omitzero"`     // since when it is on; zero: it isn't yet
	Way     string    `json:"way,omitempty"`     // FreezeByRuleset, …
	Weak    string    `json:"weak,omitempty"`    // why not a stronger way
	Ruleset int64     `json:"ruleset,omitempty"` // its id
	URL     string    `json:"url,omitempty"`     // of the ruleset
	Shown   time.Time `json:"shown,omitzero"`    // the Until that GitHub shows

	End    *Stamp    `json:"end,omitempty"` // it is to end, and since when
	EndWhy string    `json:"endWhy,omitempty"`
	Ended  time.Time `json:"ended,omitzero"` // nothing of it is left on GitHub, or nothing ever was
	Lost   bool      `json:"lost,omitempty"` // nobody tries to end it any more

	Held    []HeldPull  `json:"held,omitempty"`    // the newest merges that wait, marked so on GitHub
	Waited  []int       `json:"waited,omitempty"`  // the pull requests that had to wait, at most mostWaited
	Through []Exception `json:"through,omitempty"` // what was let through
	// Environments are those whose deployments wait, as it began.
	Environments []string     `json:"envs,omitempty"`
	Deploys      []HeldDeploy `json:"deploys,omitempty"` // the deployments that wait
	Refusal      *Stamp       `json:"refusal,omitempty"` // those that wait are to be refused
	Refused      int          `json:"refused,omitempty"` // deployments that were
	Said         []QueueSaid  `json:"said,omitempty"`    // what GitHub was told of the merge queue's commits

	Next    time.Time `json:"next,omitzero"` // when it is looked at
	Due     bool      `json:"due,omitempty"` // it is to be looked at
	Asked   bool      `json:"-"`             // by a message, which comes again until that is done
	Trouble string    `json:"trouble,omitempty"`
	Tries   int       `json:"tries,omitempty"` // how often that went wrong one after the other
	// Edited is how somebody changed the ruleset by hand.
	Edited string `json:"edited,omitempty"`
}

// HeldPull is a pull request that waits to be merged: it has auto-merge, or is in the merge queue.
type HeldPull struct {
	Pull int    `json:"n"`
	Head string `json:"h"` // commit
}

// HeldDeploy is a deployment that waits.
type HeldDeploy struct {
	Run         int64  `json:"r"` // of a workflow
	Environment string `json:"e"`
}

// QueueSaid is the status of the commit by which a merge queue would merge.
type QueueSaid struct {
	Commit string `json:"c"`
	State  string `json:"s"` // QueueSuccess, …
}

// What is said of a commit of a merge queue.
const (
	QueueSuccess = "success" // all that it would merge is let through
	QueuePending = "pending" // its own pull request is not
	QueueFailure = "failure" // nor is it, and something behind it is: the queue puts it out
)

// Exception is one pull request that is let into a frozen repository, as it was then. Its Text is why.
type Exception struct {
	Stamp
	Pull   int    `json:"n"`
	Head   string `json:"head,omitempty"` // the one commit that is let through
	Failed bool   `json:"failed,omitempty"`
}

// IsOwed reports whether it is not let through yet.
func (e Exception) IsOwed() bool { return e.Head == "" && !e.Failed }

// IsOn reports whether it holds merges, as far as is known.
func (f Freeze) IsOn() bool { return !f.From.IsZero() && f.Ended.IsZero() }

// IsLive reports whether somebody wants it: it is on, or about to be.
func (f Freeze) IsLive() bool { return f.End == nil && f.Ended.IsZero() }

// IsOver reports whether nothing is to be done about it any more.
func (f Freeze) IsOver() bool { return !f.Ended.IsZero() || f.Lost }

// IsLetThrough reports whether a commit of a pull request has an exception.
func (f Freeze) IsLetThrough(pull int, head string) bool {
	return slices.ContainsFunc(f.Through, func(e Exception) bool { return e.Pull == pull && e.Head == head && !e.Failed })
}

// Holds reports whether a freeze of this incident, by its number, holds deployments: somebody wants it, and it is no
// drill. One that this state does not know of yet is wanted.
func (s State) Holds(number int) bool {
	if s.Drill {
		return false
	}
	return number > s.FreezesAsked ||
		slices.ContainsFunc(s.Freezes, func(f Freeze) bool { return f.Number == number && f.IsLive() })
}

// LetsNothingThrough reports whether nothing was let through a freeze of this incident, by its number. Of one that this
// state does not know of yet, it is not known.
func (s State) LetsNothingThrough(number int) bool {
	i := slices.IndexFunc(s.Freezes, func(f Freeze) bool { return f.Number == number })
	return i >= 0 && len(s.Freezes[i].Through) == 0
}

// MostHeld is how many merges that wait are told why.
const MostHeld = 20

const (
	// FreezeStandard is how long a freeze lasts that says nothing else.
	FreezeStandard = 2 * time.Hour
	// FreezeMost is how long one can last.
	FreezeMost = 72 * time.Hour
	// What the card has room for.
	mostFreezes      = 8 // at a time
	keptFreezes      = 8 // of those that are over
	mostWaited       = 60
	mostExceptions   = 10 // of a freeze
	mostEnvironments = 5
	// A freeze is looked at every freezePace: whether somebody changed it by hand, and what waits. What
	// can't be switched is tried at once again, and then the more seldom, for freezeLife.
	freezePace  = 2 * time.Minute
	freezeAgain = 20 * time.Second
	freezeSlow  = time.Hour
	freezeLife  = 30 * 24 * time.Hour
	// freezeRounds is which of these looks asks about all that waits, though it be known.
	freezeRounds = 5
	// freezePatience is how long a freeze that can't be switched on is tried as long as GitHub is out.
	freezePatience = 15 * time.Minute
	// freezeTries is how often it is tried in that time, and at least: whoever asked may have been heard late, and a
	// freeze may be on although the card that said so is lost.
	freezeTries = 6
)

// FreezeHolder names a freeze on GitHub: acme/incidents#12/3 is the third of that incident.
func FreezeHolder(of Ref, number int) string { return TicketName(of, number) }

// parseFreeze reads what is frozen, for how long and why. Only the configuration knows which word is a
// service: Names has the word that may be one.
func parseFreeze(w words.Words) (Command, error) {
	c, rest := cutTarget(w.Line)
	if after, text, ok := cutFor(rest); ok {
		if after <= 0 || after > FreezeMost {
			return Command{}, fmt.Errorf("a freeze lasts %d hours at most", int(FreezeMost.Hours()))
		}
		c.After, rest = after, text
	}
	c.Text = w.WithLine(strings.TrimLeft(rest, "–—-:, ")).Text()
	if because, ok := words.CutPrefix(c.Text, "because"); ok {
		c.Text = because
	}
	return c, nil
}

// parseThaw reads of what the freeze ends.
func parseThaw(w words.Words) (Command, error) {
	c, _ := cutTarget(w.Line)
	return c, nil
}

// everything is the word for all repositories.
const everything = "all"

// cutTarget cuts off what is frozen. A word that may be a service is in Names, and still in the rest.
func cutTarget(line string) (c Command, rest string) {
	word, rest := words.Cut(line)
	name := strings.TrimRight(strings.Trim(word, "`*<>()"), ".,:;")
	repo := strings.TrimPrefix(strings.TrimSuffix(name, "/"), "https://github.com/")
	_, _, isRepo := naming.SplitRepository(repo)
	switch {
	case isRepo:
		return Command{Repo: repo}, rest
	case naming.Equal(name, everything):
		return Command{Names: []string{everything}}, rest
	case name == "" || naming.Equal(name, "for") || naming.Equal(name, "because"):
		return Command{}, line
	}
	return Command{Names: []string{name}}, rest
}

// forLong is how long, as people write it after what is frozen.
var forLong = lazily.Compile(`(?i)^for\s+(?:(an?|\d{1,4})\s*(?:hours?|hrs?|h))?\s*` +
	`(?:(\d{1,5})\s*(?:minutes?|mins?|m))?(?:[\s.,:;]+|$)`)

// cutFor cuts "for 2h" off.
func cutFor(line string) (after time.Duration, rest string, ok bool) {
	m := forLong.FindStringSubmatch(line)
	if m == nil || m[1]+m[2] == "" {
		return 0, line, false
	}
	hours, err := strconv.Atoi(m[1])
	if err != nil && m[1] != "" {
		hours = 1 // an hour
	}
	minutes, _ := strconv.Atoi(m[2])
	return time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute, line[len(m[0]):], true
}

// parseLet reads which pull request is let through, and why.
func parseLet(w words.Words) (Command, error) {
	w = w.First()
	name, rest := words.Cut(w.Line)
	repo, number, ok := naming.ReadIssue(strings.TrimRight(strings.Trim(name, "`*<>()"), ".,:;"))
	if !ok || repo == "" {
		return Command{}, errors.New("add the pull request to let through: owner/repo#n")
	}
	if after, ok := words.CutPrefix(rest, "through"); ok {
		rest = after
	}
	why := w.WithLine(strings.TrimLeft(rest, "–—-:, ")).Text()
	because, ok := words.CutPrefix(why, "because")
	if !ok || because == "" {
		return Command{}, errors.New("add the reason: through because …")
	}
	return Command{Repo: repo, Number: number, Text: because}, nil
}

// parseRefuse reads where the deployments that wait are refused, and why.
func parseRefuse(w words.Words) (Command, error) {
	w = w.First()
	c, rest := cutTarget(w.Line)
	because, ok := words.CutPrefix(w.WithLine(strings.TrimLeft(rest, "–—-:, ")).Text(), "because")
	switch {
	case c.Repo == "":
		return Command{}, errors.New("add the repository: owner/repo")
	case !ok || because == "":
		return Command{}, errors.New("add the reason: because …")
	}
	c.Text = because
	return c, nil
}

// FreezeTargets returns the repositories that a command is about, and the text that is why. Without a
// name they are those of the service that is hit, or else all of the configuration. A word that is no
// service's name begins the reason; any other word alone is wrong, and returned as unknown.
func FreezeTargets(s State, p Policy, own string, c Command) (repos []string, why, unknown string) {
	why = c.Text
	switch {
	case c.Repo != "":
		return []string{c.Repo}, why, ""
	case len(c.Names) == 0:
	case naming.Equal(c.Names[0], everything):
		return p.Freeze.Repos, why, ""
	default:
		service, ok := p.Catalog.Find(c.Names[0])
		if !ok && (c.After != 0 || why == "") {
			return nil, why, c.Names[0]
		}
		if ok {
			return []string{repoOf(service, own)}, why, ""
		}
		why = c.Names[0] + " " + why
	}
	if s.Hit.Repo != "" {
		return []string{s.Hit.Repo}, why, ""
	}
	return p.Freeze.Repos, why, ""
}

// repoOf returns the repository of a service: one without is next to the incident's.
func repoOf(service CatalogService, owner string) string {
	if service.Repo != "" {
		return service.Repo
	}
	return owner + "/" + service.Name
}

// startFreeze notes what is to be frozen, or until when it is from now on.
func (r *run) startFreeze(c Command) {
	repos, why, unknown := FreezeTargets(r.State, r.p, c.Org, c)
	if say := r.refusalOfFreeze(c, repos, unknown); say.Variant != "" {
		say.Name = "freeze-refused"
		r.refuse(say)
		return
	}
	r.freeze(repos, c.After, r.stampText(why), why)
	r.done()
}

// refusalOfFreeze says why nothing is frozen; its Variant is empty if it is.
func (r *run) refusalOfFreeze(c Command, repos []string, unknown string) Say {
	isForeign := func(repo string) bool {
		owner, _, _ := naming.SplitRepository(repo)
		return c.Org != "" && !naming.Equal(owner, c.Org)
	}
	var more int
	for _, repo := range repos {
		if r.liveFreeze(repo) == nil {
			more++
		}
	}
	live := len(slices.DeleteFunc(slices.Clone(r.Freezes), Freeze.IsOver))
	switch {
	case unknown != "":
		return Say{Variant: "unknown", Line: unknown}
	case len(repos) == 0:
		return Say{Variant: "nothing"}
	case slices.ContainsFunc(repos, isForeign):
		return Say{Variant: "other owner", Names: repos}
	case len(c.Cannot) > 0:
		return Say{Variant: "no access", Names: c.Cannot}
	case r.Drill && !r.p.Freeze.InDrill:
		return Say{Variant: "drill"}
	case r.Phase == Closing:
		return Say{Variant: "over"}
	case live+more > mostFreezes:
		return Say{Variant: "too many", Count: mostFreezes}
	}
	return Say{}
}

// freeze notes that repositories are to be frozen.
func (r *run) freeze(repos []string, after time.Duration, by Stamp, why string) {
	length := after
	if length == 0 {
		length = r.p.Freeze.For
	}
	if length == 0 {
		length = FreezeStandard
	}
	until := by.At.Add(min(length, FreezeMost)).Truncate(time.Minute)
	for _, repo := range repos {
		if f := r.liveFreeze(repo); f != nil {
			f.Until, f.IsByPhase = until, after == 0
			continue
		}
		r.keepFreezes()
		r.FreezesAsked++
		r.Freezes = append(r.Freezes, Freeze{Stamp: by, Repo: repo, Number: r.FreezesAsked, Until: until,
			IsByPhase: after == 0})
		r.record("freeze", repo, why)
	}
}

// keepFreezes drops the oldest that are over.
func (r *run) keepFreezes() {
	over := 0
	for _, f := range r.Freezes {
		if f.IsOver() {
			over++
		}
	}
	r.Freezes = slices.DeleteFunc(slices.Clone(r.Freezes), func(f Freeze) bool {
		isDropped := f.IsOver() && over >= keptFreezes
		if isDropped {
			over--
		}
		return isDropped
	})
}

// liveFreeze returns the freeze of a repository that somebody wants; nil if there isn't one.
func (r *run) liveFreeze(repo string) *Freeze {
	for i, f := range r.Freezes {
		if f.IsLive() && naming.Equal(f.Repo, repo) {
			return &r.Freezes[i]
		}
	}
	return nil
}

// freezeAt returns a freeze by its number; nil if there isn't one, or it is over.
func (r *run) freezeAt(number int) *Freeze {
	for i, f := range r.Freezes {
		if f.Number == number && !f.IsOver() {
			return &r.Freezes[i]
		}
	}
	return nil
}

// letThrough notes that one pull request may be merged although its repository is frozen.
func (r *run) letThrough(c Command) {
	f, of := r.liveFreeze(c.Repo), fmt.Sprintf("%s#%d", c.Repo, c.Number)
	switch {
	case f == nil:
		r.refuse(Say{Name: "let-refused", Variant: "not frozen", Line: of})
		return
	case len(f.Through) >= mostExceptions:
		r.refuse(Say{Name: "let-refused", Variant: "too many", Line: of, Count: mostExceptions})
		return
	}
	f.Through = append(slices.Clone(f.Through), Exception{Stamp: r.stampText(c.Text), Pull: c.Number})
	r.record("let", of, c.Text)
	r.done()
}

// refuseDeployments notes that the deployments that a freeze has waiting are to fail.
func (r *run) refuseDeployments(c Command) {
	f := r.liveFreeze(c.Repo)
	if f == nil {
		r.refuse(Say{Name: "deployments-refused", Variant: "not frozen", Line: c.Repo})
		return
	}
	by := r.stampText(c.Text)
	f.Refusal = &by
	r.record("refuse", f.Repo, c.Text)
	r.done()
}

// deploymentsRefused says how many deployments were refused, as somebody asked for.
func (r *run) deploymentsRefused(f *Freeze, count int) {
	if f.Refusal == nil {
		return
	}
	r.emit(Remind{Key: "deployments-refused/" + f.Refusal.ID, At: r.f.At,
		Say: Say{Name: "deployments-refused", Who: f.Refusal.By, Line: f.Repo, Count: count}})
	f.Refused, f.Refusal = f.Refused+count, nil
}

// thaw ends freezes. Of those that can't be ended yet it is tried at once.
func (r *run) thaw(c Command) {
	targets, _, unknown := FreezeTargets(r.State, r.p, c.Org, c)
	isAll := c.Repo == "" && (len(c.Names) == 0 || naming.Equal(c.Names[0], everything))
	if unknown != "" && !isAll {
		r.refuse(Say{Name: "freeze-refused", Variant: "unknown", Line: unknown})
		return
	}
	ended := 0
	for i := range r.Freezes {
		f := &r.Freezes[i]
		if f.IsOver() || !isAll && !naming.Contains(targets, f.Repo) {
			continue
		}
		ended++
		f.Next, f.Due = time.Time{}, true
		r.endFreeze(f, ThawedByCommand)
	}
	if ended == 0 {
		r.refuse(Say{Name: "freeze-refused", Variant: "not frozen"})
		return
	}
	r.done()
}

// endFreeze says that a freeze is to end, unless that was said.
func (r *run) endFreeze(f *Freeze, why string) {
	if f.End == nil {
		f.End, f.EndWhy, f.Next, f.Tries, f.Trouble = r.stamped(), why, time.Time{}, 0, ""
	}
}

// watchFreezes ends what this incident has no need of any more, and proposes a freeze once it is
// critical.
func (r *run) watchFreezes(before State) {
	isOver := !r.Running() || r.Outcome != "" || r.Phase == Closing
	for i := range r.Freezes {
		f := &r.Freezes[i]
		switch {
		case !f.IsLive():
		case isOver:
			r.endFreeze(f, ThawedByEnd)
		case f.IsByPhase && r.Phase == Monitoring && r.Since.At.After(f.At):
			r.endFreeze(f, ThawedByPhase)
		}
	}
	if !isOver && r.Critical(r.p) && !before.Critical(r.p) {
		r.proposeFreeze()
	}
}

// proposeFreeze proposes a freeze, or imposes it where the configuration says so, each time that the incident becomes
// critical without one.
func (r *run) proposeFreeze() {
	rules := r.p.Freeze
	if len(rules.Repos) == 0 || r.FreezesAsked > 0 || r.Drill && !rules.InDrill {
		return
	}
	switch rules.OnCritical {
	case FreezeImposed:
		r.freeze(rules.Repos[:min(len(rules.Repos), mostFreezes)], 0, Stamp{At: r.f.At, ID: r.f.ID}, "")
	case FreezeProposed:
		who, _ := r.Coordinator()
		r.emit(Remind{Key: fmt.Sprintf("freeze-propose/%d", r.f.At.Unix()), At: r.f.At,
			Say: Say{Name: "freeze-propose", Who: who, Names: rules.Repos, Command: "/ic freeze all"}})
	}
}

// KeepFreeze brings a freeze on GitHub to where it is to be: on, looked at, let through, off.
type KeepFreeze struct{ Freeze Freeze }

func (KeepFreeze) effect() string { return "freeze" }

// owedFreezes returns the freezes about which something is to be done.
func (s State) owedFreezes() (effects []Effect) {
	for _, f := range s.Freezes {
		if f.IsOwed() {
			effects = append(effects, KeepFreeze{f})
		}
	}
	return effects
}

// IsOwed reports whether something is to be done about it now.
func (f Freeze) IsOwed() bool {
	isWaiting := !f.Next.IsZero() && f.Tries > 0
	isNew := f.From.IsZero() || f.End != nil || !f.Shown.Equal(f.Until) || f.Refusal != nil ||
		slices.ContainsFunc(f.Through, Exception.IsOwed)
	return !f.IsOver() && (f.Due || isNew && !isWaiting)
}

// FreezeLooksOf returns the state with when its freezes are looked at as in before, where they only waited for that: a
// look that finds nothing new every few minutes needs no new card. A process that knows only the card looks
// once more.
func (s State) FreezeLooksOf(before State) State {
	return s.withFreezeLooks(func(f *Freeze) {
		if was := before.freeze(f.Number); was.isWatched() {
			f.Next, f.Due = was.Next, was.Due
		}
	})
}

// LaterFreezeLooks returns the state of a card with when its freezes are looked at as in a newer state that was not
// written for that alone.
func (s State) LaterFreezeLooks(known State) State {
	return s.withFreezeLooks(func(f *Freeze) {
		if k := known.freeze(f.Number); f.isWatched() && k.isWatched() && k.Next.After(f.Next) {
			f.Next = k.Next
		}
	})
}

func (s State) withFreezeLooks(change func(*Freeze)) State {
	s.Freezes = slices.Clone(s.Freezes)
	for i := range s.Freezes {
		change(&s.Freezes[i])
	}
	return s
}

// freeze returns the freeze of a number, or an empty one.
func (s State) freeze(number int) Freeze {
	i := slices.IndexFunc(s.Freezes, func(f Freeze) bool { return f.Number == number })
	if i < 0 {
		return Freeze{}
	}
	return s.Freezes[i]
}

// isWatched reports whether nothing is to be done about it until its next look.
func (f Freeze) isWatched() bool { return !f.Due && !f.Next.IsZero() && f.Tries == 0 && !f.IsOver() }

// KnownDeploys returns the deployments of which GitHub need not be asked at a look: they wait until the freeze lets
// something through, ends, or an administrator starts them. Each freezeRounds looks it is asked of all, and so where a
// message says that there is another one, or the look before failed.
func (f Freeze) KnownDeploys(now time.Time) []HeldDeploy {
	isRound := now.Sub(f.From)/freezePace%freezeRounds == 0
	if isRound || f.Asked || f.Refusal != nil || f.Tries > 0 {
		return nil
	}
	return f.Deploys
}

// freezeDues lists when freezes end, and when they are looked at.
func (s State) freezeDues() (all []due) {
	for i, f := range s.Freezes {
		if f.IsLive() {
			all = append(all, due{f.Until, func(r *run) { r.endFreeze(&r.Freezes[i], ThawedByTime) }})
		}
		if !f.IsOver() && !f.Next.IsZero() {
			all = append(all, due{f.Next, func(r *run) { r.Freezes[i].Next, r.Freezes[i].Due = time.Time{}, true }})
		}
	}
	return all
}

type (
	// FreezeOn says that a repository is frozen, and how.
	FreezeOn struct {
		Number  int
		From    time.Time
		Way     string
		Weak    string // why not by a stronger way
		Ruleset int64
		URL     string
		Until   time.Time // that GitHub shows

		Environments []string // whose deployments wait
	}
	// FreezeSeen says what waits, and how somebody changed the ruleset by hand.
	FreezeSeen struct {
		Number int
		Held   []HeldPull
		Said   []QueueSaid
		Edited string
		// Deploys are the deployments that wait.
		Deploys []HeldDeploy
		Refused int // deployments, as was asked for
		// IsLifted says that somebody lifted it on GitHub.
		IsLifted bool
	}
	// FreezeAsked says that a repository, if it is frozen, is to be looked at: its merge queue changed.
	FreezeAsked struct{ Repo string }
	// FreezeOff says that nothing of it is left on GitHub. Since is zero if that was so before.
	FreezeOff struct {
		Number int
		At     time.Time
	}
	// FreezeTrouble says that GitHub does not do what is to be done.
	FreezeTrouble struct {
		Number int
		Why    string
		// IsRefused says that GitHub refuses it; else it is away.
		IsRefused bool
	}
	// PullLetThrough says that a commit is let through. ID is of the fact that asked for it.
	PullLetThrough struct {
		Number   int
		ID, Head string
	}
	// PullNotLet says that a pull request is not let through, and why.
	PullNotLet struct {
		Number  int
		ID, Why string
	}
)

// applyFreeze applies what became of a freeze, and reports whether the fact was about one.
func (r *run) applyFreeze() bool {
	switch w := r.f.What.(type) {
	case FreezeOn:
		r.freezeOn(w)
	case FreezeSeen:
		r.freezeSeen(w)
	case FreezeAsked:
		for i := range r.Freezes {
			f := &r.Freezes[i]
			if f.IsOn() && f.IsLive() && naming.Equal(f.Repo, w.Repo) {
				f.Due, f.Asked = true, true
			}
		}
	case FreezeOff:
		r.freezeOff(w)
	case FreezeTrouble:
		r.freezeTrouble(w)
	case PullLetThrough:
		r.pullLetThrough(w)
	case PullNotLet:
		r.pullNotLet(w)
	default:
		return false
	}
	return true
}

func (r *run) freezeOn(w FreezeOn) {
	f := r.freezeAt(w.Number)
	if f == nil {
		return
	}
	isNew := f.From.IsZero()
	f.Way, f.Weak, f.Ruleset, f.URL, f.Shown = w.Way, w.Weak, w.Ruleset, w.URL, w.Until
	f.Environments = w.Environments[:min(len(w.Environments), mostEnvironments)]
	f.Trouble, f.Tries, f.Next = "", 0, r.f.At.Add(freezePace)
	if !isNew {
		return
	}
	f.From = w.From
	r.recordAt(Entry{At: f.From, By: f.By, Kind: "freeze-on", Ref: f.ID, What: f.Repo})
	r.sayFrozen(*f)
}

// sayFrozen says what is frozen once all is that was asked for together.
func (r *run) sayFrozen(of Freeze) {
	say := Say{Name: "freeze-on", Who: of.By, Time: of.Until, Reason: of.Text, Command: "/ic thaw"}
	if of.IsByPhase {
		say.Variant = "phase"
	}
	first := of.Number
	for _, f := range r.Freezes {
		if f.ID != of.ID || !f.At.Equal(of.At) {
			continue
		}
		if f.From.IsZero() && f.IsLive() {
			return
		}
		first = min(first, f.Number)
		say.Freezes = append(say.Freezes, f)
		say.Teams = append(say.Teams, r.teamsOf(f)...)
	}
	r.emit(Remind{Key: fmt.Sprintf("freeze-on/%d", first), At: r.f.At, Say: say})
}

// teamsOf returns the owners of what is frozen whom only a word can stop: nothing else does.
func (r *run) teamsOf(f Freeze) (slugs []string) {
	if f.Way == FreezeByRuleset || f.Way == "" {
		return nil
	}
	for _, o := range r.OwnersAt(f.Repo, r.p) {
		if !strings.HasPrefix(o, "@") {
			slugs = append(slugs, o)
		}
	}
	return slugs
}

func (r *run) freezeSeen(w FreezeSeen) {
	f := r.freezeAt(w.Number)
	if f == nil {
		return
	}
	f.Due, f.Asked, f.Next, f.Tries, f.Trouble = false, false, r.f.At.Add(freezePace), 0, ""
	f.Held, f.Said = keepNewest(w.Held, MostHeld), keepNewest(w.Said, MostHeld)
	f.Deploys, f.Waited = keepNewest(w.Deploys, MostHeld), slices.Clone(f.Waited)
	for _, h := range w.Held {
		if !slices.Contains(f.Waited, h.Pull) && len(f.Waited) < mostWaited {
			f.Waited = append(f.Waited, h.Pull)
		}
	}
	if !w.IsLifted {
		r.deploymentsRefused(f, w.Refused)
	}
	who, _ := r.Coordinator()
	switch {
	case w.IsLifted && f.End == nil:
		r.endFreeze(f, ThawedByHand)
	case w.Edited != f.Edited:
		f.Edited = w.Edited
		if w.Edited != "" {
			r.emit(Remind{Key: fmt.Sprintf("freeze-edited/%d/%d", f.Number, r.f.At.Unix()), At: r.f.At,
				Say: Say{Name: "freeze-edited", Who: who, Line: f.Repo, Reason: w.Edited, Links: []Link{{URL: f.URL}},
					Command: "/ic thaw"}})
		}
	}
}

func (r *run) freezeOff(w FreezeOff) {
	f := r.freezeAt(w.Number)
	if f == nil || f.End == nil {
		return
	}
	at := w.At
	if at.IsZero() { // it ended before, and the card that said so was lost
		at = f.End.At
	}
	f.Ended, f.Next, f.Due, f.Trouble, f.Tries, f.Held, f.Said, f.Deploys = at, time.Time{}, false, "", 0, nil, nil, nil
	f.Refusal = nil
	for i := range f.Through {
		f.Through[i].Failed = f.Through[i].Failed || f.Through[i].IsOwed()
	}
	if f.From.IsZero() {
		return // it was never on
	}
	r.recordAt(Entry{At: f.Ended, By: f.End.By, Kind: "freeze-off", Ref: f.End.ID, What: f.Repo})
	r.sayThawed(*f)
}

// sayThawed says what is open again once all is that ended together.
func (r *run) sayThawed(of Freeze) {
	say := Say{Name: "freeze-off", Who: of.End.By, Variant: of.EndWhy, Command: "/ic freeze"}
	if say.Who == "" {
		say.Who, _ = r.Coordinator()
	}
	first := of.Number
	for _, f := range r.Freezes {
		if f.EndWhy != of.EndWhy || f.End == nil || !f.End.At.Equal(of.End.At) || f.From.IsZero() {
			continue
		}
		if !f.IsOver() {
			return
		}
		first = min(first, f.Number)
		say.Freezes = append(say.Freezes, f)
		say.Count += len(f.Waited)
	}
	r.emit(Remind{Key: fmt.Sprintf("freeze-off/%d", first), At: r.f.At, Say: say})
}

// freezeTrouble notes what GitHub does not do. A freeze that can't be switched on in time is given up;
// one that can't be ended is tried on and on.
func (r *run) freezeTrouble(w FreezeTrouble) {
	f := r.freezeAt(w.Number)
	if f == nil {
		return
	}
	isFirst := f.Trouble == ""
	f.Due, f.Trouble = false, w.Why
	wait := min(freezeAgain<<min(f.Tries, 10), freezeSlow)
	f.Tries++
	f.Next = r.f.At.Add(wait)
	who, _ := r.Coordinator()
	say := Say{Name: "freeze-trouble", Who: who, Line: f.Repo, Reason: w.Why, Links: []Link{{URL: f.URL}}}
	switch {
	case f.End != nil && r.f.At.Sub(f.End.At) > freezeLife:
		f.Lost, f.Next = true, time.Time{}
		say.Variant = "lost"
		r.emit(Remind{Key: fmt.Sprintf("freeze-lost/%d", f.Number), At: r.f.At, Say: say})
	case f.End != nil && w.IsRefused && isFirst && !f.From.IsZero():
		say.Variant = "off"
		r.emit(Remind{Key: fmt.Sprintf("freeze-trouble/%d", f.Number), At: r.f.At, Say: say})
	case f.End == nil && f.From.IsZero() && (w.IsRefused || r.f.At.Sub(f.At) > freezePatience && f.Tries > freezeTries):
		r.giveUpFreeze(f, say)
	}
}

// giveUpFreeze ends a freeze that can't be switched on. A request may have reached GitHub all the same, so what is
// there is taken away.
func (r *run) giveUpFreeze(f *Freeze, say Say) {
	say.Variant = "on"
	r.emit(Remind{Key: fmt.Sprintf("freeze-trouble/%d", f.Number), At: r.f.At, Say: say})
	r.endFreeze(f, ThawedByCommand)
	f.Next, f.Tries = r.f.At.Add(freezeAgain), 1
	for _, other := range r.Freezes { // those that were asked for with it wait for nothing any more
		if other.ID == f.ID && other.At.Equal(f.At) && other.IsOn() {
			r.sayFrozen(other)
			return
		}
	}
}

// exceptionOf returns the exception that a fact asked for, as long as it is owed; else nil.
func (r *run) exceptionOf(number int, id string) (*Freeze, *Exception) {
	f := r.freezeAt(number)
	if f == nil {
		return nil, nil
	}
	f.Through = slices.Clone(f.Through)
	for i, e := range f.Through {
		if e.ID == id && e.IsOwed() {
			return f, &f.Through[i]
		}
	}
	return f, nil
}

func (r *run) pullLetThrough(w PullLetThrough) {
	f, e := r.exceptionOf(w.Number, w.ID)
	if e == nil {
		return
	}
	e.Head = w.Head
	f.Held = slices.DeleteFunc(slices.Clone(f.Held), func(h HeldPull) bool { return h.Pull == e.Pull && h.Head == w.Head })
	of := fmt.Sprintf("%s#%d", f.Repo, e.Pull)
	r.recordAt(Entry{At: r.f.At, By: e.By, Kind: "let-through", Ref: e.ID, What: of})
	r.emit(Remind{Key: "let-through/" + e.ID, At: r.f.At, Say: Say{Name: "let-through", Who: e.By, Line: of,
		Reason: w.Head}})
}

func (r *run) pullNotLet(w PullNotLet) {
	f, e := r.exceptionOf(w.Number, w.ID)
	if e == nil {
		return
	}
	e.Failed = true
	r.emit(Remind{Key: "let-through/" + e.ID, At: r.f.At, Say: Say{Name: "let-refused", Who: e.By,
		Line: fmt.Sprintf("%s#%d", f.Repo, e.Pull), Reason: w.Why}})
}
