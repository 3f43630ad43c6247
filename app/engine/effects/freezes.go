package effects

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// FreezesAPI is what Freezes needs of GitHub.
type FreezesAPI interface {
	// FindFreezes returns the rulesets of a repository that freeze it.
	FindFreezes(ctx context.Context, repo incident.Ref) ([]ports.Freeze, error)
	// ReadFreeze reads one of them; ok is false if there is none.
	ReadFreeze(ctx context.Context, repo incident.Ref, id int64) (f ports.Freeze, ok bool, err error)
	// SaveFreeze makes such a ruleset, or sets another end for the one of that id.
	SaveFreeze(ctx context.Context, f ports.Freeze) (ports.Freeze, error)
	// DeleteFreeze deletes one. One that is gone is fine.
	DeleteFreeze(ctx context.Context, repo incident.Ref, id int64) error
	QueueAPI
	GatesAPI
	// ReadHead returns the commit that a pull request would bring, and whether it is open.
	ReadHead(ctx context.Context, ref incident.Ref) (head string, isOpen bool, err error)
}

// Freezes holds the merges into repositories, and lets go of them (X4).
//
// Each freeze of each incident is a ruleset of its own, with one writer: this incident's look. So several incidents
// may freeze one repository, and each ends its own. Nothing is kept outside GitHub: the ruleset is found by its
// name, which says who wants it and until when. It is made and deleted, not switched: what is not there can't be
// left on.
type Freezes struct {
	*look.Look
	GitHub FreezesAPI
	Gates  Gates
}

// Apply brings each freeze to where it is to be. What GitHub does not do now is tried again, and holds up nothing
// else.
func (e Freezes) Apply() error {
	return look.ForEach(e.Look, func(o incident.KeepFreeze) error {
		for _, f := range e.State.Freezes {
			if f.Number == o.Freeze.Number && f.IsOwed() {
				return e.keep(f)
			}
		}
		return nil
	})
}

func (e Freezes) keep(f incident.Freeze) error {
	repo := repoRef(f.Repo)
	if f.End != nil {
		return e.trouble(f, e.lift(f, repo))
	}
	if f.From.IsZero() || !f.Shown.Equal(f.Until) {
		if err := e.impose(f, repo); err != nil {
			return e.trouble(f, err)
		}
		f = e.now(f)
	}
	isLet := slices.ContainsFunc(f.Through, incident.Exception.IsOwed)
	err := e.letThrough(f, repo)
	switch f = e.now(f); {
	case err != nil:
	case f.Due:
		err = e.watch(f, repo, isLet)
	case isLet || f.Refusal != nil: // it may be in the merge queue
		err = e.see(f, repo, f.Edited, nil)
	}
	if f = e.now(f); err == nil && f.End != nil { // somebody lifted it on GitHub
		err = e.lift(f, repo)
	}
	return e.trouble(f, err)
}

// now returns a freeze as the state has it by now.
func (e Freezes) now(f incident.Freeze) incident.Freeze {
	i := slices.IndexFunc(e.State.Freezes, func(o incident.Freeze) bool { return o.Number == f.Number })
	if i < 0 {
		return f
	}
	return e.State.Freezes[i]
}

func repoRef(name string) incident.Ref {
	owner, repo, _ := naming.SplitRepository(name)
	return incident.Ref{Owner: owner, Repo: repo}
}

// trouble says what GitHub does not do. A rate limit ends the look, as everywhere.
func (e Freezes) trouble(f incident.Freeze, err error) error {
	if err == nil {
		return nil
	}
	isRefused := ports.IsRefused(err)
	if !isRefused && (!errors.Is(err, ports.ErrUnavailable) || e.Ctx.Err() != nil) {
		return fmt.Errorf("freeze %s: %w", f.Repo, err)
	}
	e.Logger.Warn("freeze waits for GitHub", "incident", e.Ref.String(), "repository", f.Repo, "ends", f.End != nil,
		"err", ports.Redact(err))
	why := "GitHub does not answer"
	switch {
	case isRefused:
		why = ports.Reason(err)
	case errors.Is(err, ports.ErrFreezerAway):
		why = ports.ErrFreezerAway.Error()
	}
	e.Report(incident.FreezeTrouble{Number: f.Number, Why: why, IsRefused: isRefused})
	return nil
}

// holder names a freeze on GitHub.
func (e Freezes) holder(f incident.Freeze) string {
	return incident.FreezeHolder(e.DeclaredRef(), f.Number)
}

// own returns the rulesets of a freeze: one, or none. Two processes may have made two.
func (e Freezes) own(f incident.Freeze, repo incident.Ref) (own []ports.Freeze, err error) {
	all, err := e.GitHub.FindFreezes(e.Ctx, repo)
	for _, found := range all {
		if naming.Equal(found.Holder, e.holder(f)) {
			own = append(own, found)
		}
	}
	return own, err
}

// impose freezes a repository by the strongest way that GitHub allows, or changes until when.
func (e Freezes) impose(f incident.Freeze, repo incident.Ref) error {
	if f.Way != "" && f.Way != incident.FreezeByRuleset { // nothing on GitHub has its end
		e.Report(incident.FreezeOn{Number: f.Number, From: f.From, Way: f.Way, Weak: f.Weak, Until: f.Until,
			Environments: f.Environments})
		return nil
	}
	on := incident.FreezeOn{Number: f.Number, Way: incident.FreezeByRuleset, Until: f.Until}
	made, err := e.makeRuleset(f, repo)
	switch {
	case err == nil:
		on.From, on.Ruleset, on.URL = made.Created, made.ID, made.URL
		if on.From.IsZero() {
			on.From = e.Clock.Now().UTC()
		}
	case !ports.IsRefused(err) || !f.From.IsZero():
		return err
	default:
		e.Logger.Warn("ruleset refused by GitHub", "incident", e.Ref.String(), "repository", f.Repo, "err", ports.Redact(err))
		on.Weak, on.From, on.Way = ports.Reason(err), e.Clock.Now().UTC(), incident.FreezeByStatus
	}
	f.Way = on.Way
	if f.From.IsZero() {
		on.Environments = e.environments(repo)
	} else {
		on.Environments = f.Environments
	}
	seen, isMarked, err := e.mark(f, repo, nil)
	switch {
	case on.Way == incident.FreezeByRuleset: // what waits is told so at the next look too
	case err != nil && !ports.IsRefused(err):
		return err
	case err != nil || !isMarked:
		on.Way = incident.FreezeByWord
	}
	e.Report(on)
	e.Report(seen)
	return nil
}

// environments returns the environments whose deployments wait, for people to know. None is where that can't be seen.
func (e Freezes) environments(repo incident.Ref) []string {
	if e.State.Drill {
		return nil
	}
	all, err := e.GitHub.GatedEnvironments(e.Ctx, repo)
	if err != nil && !ports.IsRefused(err) {
		e.Logger.Warn("environments can't be listed", "repository", repo.FullName(), "err", ports.Redact(err))
	}
	return all
}

// makeRuleset makes the ruleset of a freeze unless it is there, and brings its end up to date.
func (e Freezes) makeRuleset(f incident.Freeze, repo incident.Ref) (ports.Freeze, error) {
	own, err := e.own(f, repo)
	if err != nil {
		return ports.Freeze{}, err
	}
	want := ports.Freeze{Repo: repo, Holder: e.holder(f), Until: f.Until}
	rank := func(o ports.Freeze) int { // where two are there, GitHub lets no other have the name of the one that is right
		switch {
		case !o.Until.Equal(f.Until):
			return 2
		case !o.IsActive:
			return 1
		}
		return 0
	}
	if len(own) > 0 {
		there := slices.MinFunc(own, func(a, b ports.Freeze) int { return cmp.Compare(rank(a), rank(b)) })
		if there.IsActive && there.Until.Equal(f.Until) {
			return there, nil
		}
		if !there.IsActive && !f.From.IsZero() {
			return there, nil // somebody disabled it: the next look says so
		}
		want.ID = there.ID
	}
	return e.GitHub.SaveFreeze(e.Ctx, want)
}

// watch looks whether somebody changed a freeze by hand, and what waits. isLet says that something was let through just
// now.
func (e Freezes) watch(f incident.Freeze, repo incident.Ref, isLet bool) error {
	var edited string
	if f.Way == incident.FreezeByRuleset {
		found, ok, err := e.GitHub.ReadFreeze(e.Ctx, repo, f.Ruleset)
		switch {
		case err != nil:
			return err
		case !ok || !found.IsActive:
			e.Report(incident.FreezeSeen{Number: f.Number, Held: f.Held, Said: f.Said, IsLifted: true})
			return nil
		case found.IsAltered:
			edited = "it does not require the status " + found.Context() + " of the default branch any more"
		}
	}
	var known []incident.HeldDeploy
	if !isLet {
		known = f.KnownDeploys(e.Now)
	}
	return e.see(f, repo, edited, known)
}

// see looks what waits but for the deployments that are known to, and says so on GitHub.
func (e Freezes) see(f incident.Freeze, repo incident.Ref, edited string, known []incident.HeldDeploy) error {
	seen, _, err := e.mark(f, repo, known)
	if err != nil && !ports.IsRefused(err) {
		return err
	}
	seen.Edited = edited
	e.Report(seen)
	return nil
}

// mark says on each merge that waits why, once for each commit, and returns what waits. isMarked is false where GitHub
// refuses that.
func (e Freezes) mark(f incident.Freeze, repo incident.Ref, known []incident.HeldDeploy) (seen incident.FreezeSeen,
	isMarked bool, err error) {
	seen = incident.FreezeSeen{Number: f.Number, Held: f.Held, Said: f.Said, Deploys: f.Deploys}
	waiting, err := e.GitHub.WaitingPulls(e.Ctx, repo)
	if err != nil {
		return seen, false, err
	}
	isMarked = true
	var held []incident.HeldPull
	for _, w := range waiting {
		h := incident.HeldPull{Pull: w.Number, Head: w.Head}
		switch {
		case f.IsLetThrough(w.Number, w.Head):
			continue
		case len(held) == incident.MostHeld:
			continue // the newest are told
		case !slices.Contains(f.Held, h):
			status := e.status(f, "pending", "Frozen until "+f.Until.UTC().Format("15:04 UTC")+" by "+e.DeclaredRef().String()+
				". The coordinator can let it through")
			if err := e.GitHub.SetStatus(e.Ctx, repo, w.Head, status); ports.IsRefused(err) {
				isMarked = false
			} else if err != nil {
				return seen, false, err
			}
		}
		held = append(held, h)
	}
	seen.Held = held
	if seen.Said, err = e.judgeQueue(f, repo, waiting); err != nil {
		return seen, isMarked, err
	}
	seen.Deploys, seen.Refused, err = e.settleGates(f, repo, known)
	return seen, isMarked, err
}

// settleGates answers the deployments that wait, says of each once why it does, and returns those that go on waiting
// for this freeze. Where somebody wants that, they are refused instead. Where GitHub does not let the app see them,
// none waits for it.
func (e Freezes) settleGates(f incident.Freeze, repo incident.Ref, known []incident.HeldDeploy) (
	waiting []incident.HeldDeploy, refused int, err error) {
	held, err := e.Gates.Settle(e.Ctx, repo, known)
	if err != nil && !ports.IsRefused(err) {
		return f.Deploys, 0, err
	}
	for _, h := range held {
		if !h.IsKnown && !h.IsBy(e.holder(f)) {
			continue // another one's
		}
		d := incident.HeldDeploy{Run: h.Run, Environment: h.Environment}
		state, text := "", GateText(ports.Freeze{Until: f.Until, Holder: e.DeclaredRef().String()}, e.Snapshot.URL)
		switch {
		case f.Refusal != nil && refused < incident.MostHeld:
			state, text = ports.GateRejected, "Refused by "+f.Refusal.By+": "+f.Refusal.Text+" "+e.Snapshot.URL
		case slices.Contains(f.Deploys, d):
			waiting = append(waiting, d)
			continue
		case len(waiting) == incident.MostHeld:
			continue
		}
		switch err := e.GitHub.AnswerGate(e.Ctx, h.Gate, state, text); {
		case err != nil && !ports.IsRefused(err):
			return append(waiting, f.Deploys...), refused, err
		case state != "" && err == nil:
			refused++
			continue
		}
		waiting = append(waiting, d)
	}
	return waiting, refused, nil
}

// judgeQueue says of the commits of a merge queue whether they may be merged.
func (e Freezes) judgeQueue(f incident.Freeze, repo incident.Ref, waiting []ports.WaitingPull) ([]incident.QueueSaid,
	error) {
	if f.Way != incident.FreezeByRuleset { // nothing requires what would be said
		return nil, nil
	}
	var said []incident.QueueSaid
	isLet := func(w ports.WaitingPull) bool { return f.IsLetThrough(w.Number, w.Head) }
	for _, s := range ports.JudgeQueue(waiting, isLet) {
		if !slices.Contains(f.Said, s) {
			status := e.status(f, s.State, queueText(s, f.Until, e.DeclaredRef().String()))
			if err := e.GitHub.SetStatus(e.Ctx, repo, s.Commit, status); ports.IsRefused(err) {
				continue // it may be of a group that is gone
			} else if err != nil {
				return append(said, f.Said...), err
			}
		}
		said = append(said, s)
	}
	return said, nil
}

// queueText says why a commit of a merge queue may be merged, or not.
func queueText(s incident.QueueSaid, until time.Time, by string) string {
	frozen := "Frozen until " + until.UTC().Format("15:04 UTC") + " by " + by
	switch s.State {
	case incident.QueueSuccess:
		return "Let through"
	case incident.QueueFailure:
		return frozen + ", and in the way of what is let through. Queue it again then"
	}
	return frozen
}

// QueueAPI is what SettleQueue needs of GitHub.
type QueueAPI interface {
	// WaitingPulls returns the open pull requests that have auto-merge or are in the merge queue.
	WaitingPulls(ctx context.Context, repo incident.Ref) ([]ports.WaitingPull, error)
	// StatusOf returns the state of the app's newest status of a context; "" if there is none.
	StatusOf(ctx context.Context, repo incident.Ref, commit, of string) (string, error)
	// SetStatus says something of a commit.
	SetStatus(ctx context.Context, repo incident.Ref, commit string, s ports.CommitStatus) error
}

// SettleQueue says of the commits of a merge queue whether they may be merged into a repository that the command line
// has frozen: what is let through is known by the status of its commit alone.
func SettleQueue(ctx context.Context, api QueueAPI, f ports.Freeze) error {
	waiting, err := api.WaitingPulls(ctx, f.Repo)
	if err != nil {
		return err
	}
	let := map[int]bool{}
	for _, w := range waiting {
		if w.Place == 0 {
			continue
		}
		state, err := api.StatusOf(ctx, f.Repo, w.Head, f.Context())
		if err != nil {
			return err
		}
		let[w.Number] = state == "success"
	}
	for _, s := range ports.JudgeQueue(waiting, func(w ports.WaitingPull) bool { return let[w.Number] }) {
		state, err := api.StatusOf(ctx, f.Repo, s.Commit, f.Context())
		if err != nil {
			return err
		}
		if state == s.State {
			continue
		}
		status := ports.CommitStatus{Context: f.Context(), State: s.State, Description: queueText(s, f.Until, f.Holder),
			URL: f.URL}
		if err := api.SetStatus(ctx, f.Repo, s.Commit, status); err != nil {
			return err
		}
	}
	return nil
}

// ReleaseQueue says of what waited for a freeze that it may go on: a merge queue is looked at once something is said of
// its commits, and a status that stays would hold up what requires it. Nothing else of the freeze may be left by then.
func ReleaseQueue(ctx context.Context, api QueueAPI, f ports.Freeze) error {
	waiting, err := api.WaitingPulls(ctx, f.Repo)
	if err != nil {
		return err
	}
	for _, w := range waiting {
		for _, commit := range []string{w.Head, w.Group} {
			if commit == "" {
				continue
			}
			state, err := api.StatusOf(ctx, f.Repo, commit, f.Context())
			if err != nil {
				return err
			}
			if state != incident.QueuePending {
				continue
			}
			over := ports.CommitStatus{Context: f.Context(), State: incident.QueueSuccess, Description: freezeOver, URL: f.URL}
			if err := api.SetStatus(ctx, f.Repo, commit, over); err != nil && !ports.IsRefused(err) {
				return err // else its group is gone
			}
		}
	}
	return nil
}

const freezeOver = "The freeze is over"

// status is what the app says of a commit. It links to the incident.
func (e Freezes) status(f incident.Freeze, state, text string) ports.CommitStatus {
	return ports.CommitStatus{Context: ports.FreezeContext(e.holder(f)), State: state, Description: text,
		URL: e.Snapshot.URL}
}

// letThrough lets each commit through that has an exception and not the status yet.
func (e Freezes) letThrough(f incident.Freeze, repo incident.Ref) error {
	for _, x := range f.Through {
		if !x.IsOwed() {
			continue
		}
		ref := repo
		ref.Number = x.Pull
		head, isOpen, err := e.GitHub.ReadHead(e.Ctx, ref)
		switch {
		case ports.IsRefused(err):
			e.Report(incident.PullNotLet{Number: f.Number, ID: x.ID, Why: ports.Reason(err)})
			continue
		case err != nil:
			return err
		case !isOpen:
			e.Report(incident.PullNotLet{Number: f.Number, ID: x.ID, Why: "it is not open"})
			continue
		}
		if f.Way != incident.FreezeByWord || len(f.Environments) > 0 {
			text := "Let through by " + x.By + ": " + x.Text
			if err := e.GitHub.SetStatus(e.Ctx, repo, head, e.status(f, "success", text)); ports.IsRefused(err) {
				e.Report(incident.PullNotLet{Number: f.Number, ID: x.ID, Why: ports.Reason(err)})
				continue
			} else if err != nil {
				return err
			}
		}
		e.Report(incident.PullLetThrough{Number: f.Number, ID: x.ID, Head: head})
	}
	return nil
}

// lift ends a freeze, and says that it is over once GitHub shows that nothing is left of it.
func (e Freezes) lift(f incident.Freeze, repo incident.Ref) error {
	own, err := e.own(f, repo)
	if isUnseen := ports.IsRefused(err) && f.IsOn() && f.Way != incident.FreezeByRuleset; err != nil && !isUnseen {
		return err // else GitHub never let the app make one
	}
	for _, found := range own {
		if err := e.GitHub.DeleteFreeze(e.Ctx, repo, found.ID); err != nil {
			return err
		}
	}
	off := incident.FreezeOff{Number: f.Number}
	if len(own) > 0 {
		if own, err = e.own(f, repo); err != nil {
			return err
		}
		if len(own) > 0 {
			return fmt.Errorf("delete the ruleset of %s: %w: it is there still", f.Repo, ports.ErrUnavailable)
		}
		off.At = e.Clock.Now().UTC()
	}
	if err := e.unmark(f, repo); err != nil {
		return err
	}
	if off.At.IsZero() && f.EndWhy == incident.ThawedByHand || f.Way != incident.FreezeByRuleset {
		off.At = f.End.At
	}
	e.Report(off)
	// what is left the sweep does
	if _, err := e.Gates.Settle(e.Ctx, repo, nil); err != nil && !ports.IsRefused(err) {
		e.Logger.Warn("deployments can't be approved", "repository", f.Repo, "err", ports.Redact(err))
	}
	return nil
}

// unmark says to what waited that it may go on: a status that stays would hold it up for ever. What has
// changed since has no status.
func (e Freezes) unmark(f incident.Freeze, repo incident.Ref) error {
	var commits []string
	for _, h := range f.Held {
		commits = append(commits, h.Head)
	}
	for _, s := range f.Said { // GitHub looks at a queue once something is said of its commits
		if s.State == incident.QueuePending {
			commits = append(commits, s.Commit)
		}
	}
	for _, commit := range commits {
		err := e.GitHub.SetStatus(e.Ctx, repo, commit, e.status(f, "success", freezeOver))
		if err != nil && !ports.IsRefused(err) {
			return err
		}
	}
	return nil
}
