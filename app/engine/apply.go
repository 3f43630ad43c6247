package engine

import (
	"errors"
	"slices"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/engine/effects"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// applier holds the kinds of effects of one look.
type applier struct {
	comments   effects.Comments
	reactions  *effects.Reactions
	pages      *effects.Pages
	issues     effects.Issues
	updates    effects.Updates
	tickets    effects.Tickets
	postmortem *effects.Postmortem
	reverts    effects.Reverts
	runs       effects.Runs
	freezes    effects.Freezes
	changes    effects.Changes
	runbook    effects.Runbook
	owners     effects.Owners
	similar    effects.Similar
	covers     effects.Covers
}

// newApplier returns the kinds of effects for a look.
func (r *reconciliation) newApplier() applier {
	var a applier
	a.issues = r.openedIssues()
	a.comments = effects.Comments{Look: r.Look, GitHub: r.GitHub, Recent: r, Issues: a.issues}
	a.reactions = &effects.Reactions{Look: r.Look, GitHub: r.GitHub, Comments: a.comments,
		Given: r.givenReactions}
	a.pages = &effects.Pages{Look: r.Look, Comments: a.comments, Pager: r.Pager, Deliveries: r.deliveries,
		MailTag: r.mailTag, AnswerLink: r.answerLink, CountPage: r.countPage}
	a.updates = effects.Updates{Look: r.Look, GitHub: r.GitHub, Issues: a.issues, Announcer: r.Announcer,
		Deliveries: r.deliveries, MailTag: r.mailTag, TextOf: r.updateText, NoteTold: r.noteTold}
	a.tickets = effects.Tickets{Look: r.Look, GitHub: r.GitHub, Issues: a.issues, Comments: a.comments,
		Facts: r.factsOfTickets, IsNew: r.isFirstClosing, Changed: r.ticketFact, Due: r.m.Due}
	a.postmortem = &effects.Postmortem{Look: r.Look, GitHub: r.GitHub, Comments: a.comments,
		Updates: a.updates,
		Facts:   r.postmortemFacts, CanRespond: r.canRespond, NoteChangedBack: r.noteChangedBack}
	a.reverts = effects.Reverts{Look: r.Look, GitHub: r.GitHub, Issues: a.issues, Follow: r.followDeployments,
		Leave: r.leaveDeployments}
	a.runs = effects.Runs{Look: r.Look, GitHub: r.GitHub, Store: r.Store}
	a.freezes = effects.Freezes{Look: r.Look, GitHub: r.GitHub, Gates: r.gates()}
	a.covers = effects.Covers{Look: r.Look, GitHub: r.GitHub, Where: r.onCallRepo, Expire: r.expireOnCall}
	a.runbook = effects.Runbook{Look: r.Look, GitHub: r.GitHub}
	ranked, summary := &effects.Ranked{}, func() string { return command.Summary(r.Snapshot.Body) }
	a.changes = effects.Changes{Look: r.Look, GitHub: r.GitHub, Ranked: ranked}
	a.owners = effects.Owners{Look: r.Look, GitHub: r.GitHub, Summary: summary, Ranked: ranked}
	a.similar = effects.Similar{Look: r.Look, GitHub: r.GitHub, Summary: summary,
		Load: func() []byte { return r.loadKept(r.Ctx, similarKey(r.Ref)) },
		Save: func(index []byte) { r.saveKept(similarKey(r.Ref), index) }}
	return a
}

// similarKey names on the shelf what is known of a repository's past incidents.
func similarKey(ref incident.Ref) string { return "similar/" + ref.FullName() }

// applyUrgent applies what people wait for: pages, customer updates, answers. What that brings
// about goes through the core, so each stage may add effects for a later one. The card is written
// afterwards.
func (r *reconciliation) applyUrgent() error {
	page := r.WithUrgency(UrgencyPage, r.sendPages)
	update := r.WithUrgency(UrgencyAnswer, r.updates.Apply)
	deliver := r.WithUrgency(UrgencyTicket, r.deliverOrDefer)
	comment := r.WithUrgency(UrgencyAnswer, r.comments.Apply)

	err := inOrder(page, update, page, deliver, comment)
	if _, ok := ports.IsPutOff(err); ok { // reactions don't count against the limit on content
		return errors.Join(err, r.WithUrgency(UrgencyAnswer, r.reactions.ApplyAnswered)())
	}
	if err != nil {
		return err
	}

	react := r.WithUrgency(UrgencyAnswer, r.react)
	fold := effects.Folds{Look: r.Look, Queue: r.Queue}.Apply
	nudge := r.WithUrgency(UrgencyNudge, r.tickets.Nudge)
	tidy := r.WithUrgency(UrgencyCard, r.deleteRepeated)
	return inOrder(react, fold, nudge, r.updates.Broadcast, comment, react, tidy)
}

// applyRest makes GitHub look as the state says. It may take long, or be refused, and nobody waits
// for it. Comments and reactions come last, since refreshing the postmortem reads what people wrote
// into it.
func (r *reconciliation) applyRest() error {
	card := func() error { return inOrder(r.correctLabels, r.correctAssignees) }
	tickets := func() error {
		return inOrder(r.checkMerged, r.tickets.Open, r.tickets.Move, r.postmortem.Open,
			r.refreshPostmortem, r.addPending, r.tickets.Change, r.postmortem.Deliver)
	}
	return inOrder(
		r.addPending,
		r.WithUrgency(UrgencyCard, card),
		r.WithUrgency(UrgencyAnswer, r.updates.ShareAgain),
		r.WithUrgency(UrgencyAnswer, r.openReverts),
		r.WithUrgency(UrgencyAnswer, r.startRuns),
		r.WithUrgency(UrgencyAnswer, r.keepFreezes),
		r.WithUrgency(UrgencyAnswer, r.writeCovers),
		r.WithUrgency(UrgencyTicket, tickets),
		r.WithUrgency(UrgencyCard, r.updates.TellStatus),
		r.WithUrgency(UrgencyCard, r.correctOpenState),
		r.WithUrgency(UrgencyAnswer, r.comments.Apply),
		r.WithUrgency(UrgencyAnswer, r.react),
		r.WithUrgency(UrgencyCard, r.expirePast),
	)
}

// openReverts opens what is to be taken back, and looks what became of what was.
func (r *reconciliation) openReverts() error {
	if r.m.IsAboutRevert() {
		r.Report(incident.RevertChanged{})
		if err := r.addPending(); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(r.Effects, isRevert) {
		return nil
	}
	// what became of it is said before a limit can end this look: the state says that it is opened,
	// and nothing else would say it later
	return inOrder(r.reverts.Apply, r.comments.Apply)
}

// writeCovers writes who takes over, and says so before a limit can end this look.
func (r *reconciliation) writeCovers() error {
	if len(r.State.CoverChanges) == 0 {
		return nil
	}
	return inOrder(r.covers.Apply, r.comments.Apply)
}

func isRevert(e incident.Effect) bool {
	switch e.(type) {
	case incident.OpenRevert, incident.CheckRevert:
		return true
	}
	return false
}

// expirePast has the index of past incidents compared with the repository again once a postmortem is
// merged: there is one more.
func (r *reconciliation) expirePast() error {
	if r.Before.Document.Merged == nil && r.State.Document.Merged != nil {
		return r.similar.Expire()
	}
	return nil
}

// inOrder runs stages until one fails.
func inOrder(stages ...func() error) error {
	for _, stage := range stages {
		if err := stage(); err != nil {
			return err
		}
	}
	return nil
}

// addPending adds the effects that the state asks for and GitHub does not have yet.
func (r *reconciliation) addPending() error {
	r.Effects = append(r.Effects, incident.Pending(r.State)...)
	return nil
}

// checkMerged looks whether the merged postmortem is written. What is missing becomes follow-ups,
// which this look opens.
func (r *reconciliation) checkMerged() error {
	known := len(r.State.FollowUps)
	if err := r.postmortem.CheckMerged(); err != nil || len(r.State.FollowUps) == known {
		return err
	}
	return r.addPending()
}

func (r *reconciliation) react() error { return r.reactions.Apply(r.isSaved) }

// sendPages sends the pages of this look, and remembers whether a page's mention still has to go
// out.
func (r *reconciliation) sendPages() error {
	err := r.pages.Apply()
	r.nextWay = r.pages.RemindByWays()
	r.rememberPaging(err)
	return err
}

func (r *reconciliation) refreshPostmortem() error {
	return r.postmortem.Refresh(r.m.Pull() != 0 && r.m.Comment() == nil)
}

// updateText returns the text of an update that was given before, by its fact; "" if somebody
// deleted it.
func (r *reconciliation) updateText(fact string) (text string, err error) {
	h, err := r.replay()
	if err != nil {
		return "", err
	}
	for _, e := range h.entries {
		if e.Kind == "update" && e.Ref == fact {
			text = e.Text
		}
	}
	return text, nil
}

func (r *reconciliation) correctLabels() error {
	add, remove, _, _ := r.pendingCorrections()
	return effects.Labels{Look: r.Look, GitHub: r.GitHub}.Apply(add, remove)
}

func (r *reconciliation) correctAssignees() error {
	_, _, assign, unassign := r.pendingCorrections()
	return effects.Assignees{Look: r.Look, GitHub: r.GitHub}.Apply(assign, unassign)
}

func (r *reconciliation) correctOpenState() error {
	if r.State.Declared == nil {
		return nil
	}
	want := incident.AsWanted(r.State, r.Policy)
	if want.Open == r.Snapshot.Open || r.State.Contested.Left(incident.ContestState) ||
		!r.canCorrectState(want.Open) {
		return nil
	}
	return effects.OpenState{Look: r.Look, GitHub: r.GitHub, IDOf: r.canonicalID}.Apply(want)
}
