package incident

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// applyFact changes the state by the fact of this step.
func (r *run) applyFact() {
	if r.Declared == nil {
		r.declare()
		return
	}
	r.loseAccess()
	if !r.applyRefusal() && !r.applyPerson() && !r.applyDocument() && !r.applyFollowUp() && !r.applyPage() &&
		!r.applySource() && !r.applyReversal() && !r.applyRun() && !r.applyFreeze() && !r.applyCovers() {
		r.applyApp()
	}
}

// applyPerson applies what a person did to the issue, and reports whether it was that.
func (r *run) applyPerson() bool {
	switch w := r.f.What.(type) {
	case Command:
		r.command(w)
	case Tapped:
		r.tap(w)
	case PageAnswered:
		r.pageAnswered(w)
	case Misspelt:
		r.misspelt(w)
	case Corrected:
		r.recordCorrection(w)
	case Rewritten:
		r.react(Unclear)
		r.reply(Say{Name: "write-again"})
	case Withdrawn:
		r.withdraw(w)
	case Commented: // Step has noted it already
	case Labeled:
		r.applyLabeled(w.Name)
	case Unlabeled:
		r.applyUnlabeled(w.Name)
	case Assigned:
		r.applyAssigned(w.Login)
	case Unassigned:
		r.applyUnassigned(w.Login)
	case ClosedByHand:
		r.closedByHand()
	case Reopened:
		r.applyReopened()
	case Renamed:
		r.Summary = r.Summary || r.f.By.Respond && r.f.Titled
	default:
		return false
	}
	return true
}

// applyDocument applies what became of the postmortem and its pull request, and reports whether the
// fact was about that.
func (r *run) applyDocument() bool {
	switch w := r.f.What.(type) {
	case DocumentOpened:
		if w.Path == "" {
			w.Path = r.Document.Path
		}
		r.Document.Stale = r.Document.Stale || r.Document.IsClosed // nothing was written into it in between
		r.Document.Number, r.Document.Path, r.Document.IsClosed, r.Document.Wanted = w.Number, w.Path, false, false
	case DocumentRefreshed:
		r.Document.Stale = false
	case DocumentDelivered:
		r.Document.Owed = false
	case MergedChecked:
		r.mergedChecked(w)
	case Reviewed:
		r.Document.Approved, r.Document.Changes = w.Approved, w.Changes
	case DocumentMerged:
		r.applyMerged(w.Number)
	case PullRequestClosed:
		r.pullRequestClosed(w.Number)
	case Undelivered:
		r.emit(Remind{
			Key: "undelivered/" + url.PathEscape(w.Customer) + "/" + url.PathEscape(w.Channel), At: r.f.At,
			Say: Say{Name: "document-failed", Names: []string{w.Customer}, Line: w.Channel, Reason: w.Why,
				Untold: r.untold([]string{w.Customer})},
		})
	case BrokenTemplate:
		r.brokenTemplate(w)
	case ClosedUp:
		if r.Running() && r.Phase == Closing && w.Key == closedKey(r.Since.At) {
			r.noteClosed()
		}
	default:
		return false
	}
	return true
}

// applyFollowUp applies what became of a follow-up or its ticket, and reports whether the fact was
// about that.
func (r *run) applyFollowUp() bool {
	switch w := r.f.What.(type) {
	case TicketOpened:
		if fu := r.followUpAt(w.Index); fu != nil && fu.Ticket == "" {
			fu.Ticket, fu.TicketID = w.Ticket, w.ID
			r.remindOf(fu)
		}
	case TicketMoved:
		if fu := r.followUpAt(w.Index); fu != nil {
			fu.Ticket, fu.TicketID = w.Ticket, w.ID
		}
	case TicketUpToDate:
		if fu := r.followUpAt(w.Index); fu != nil {
			fu.Changed, fu.Was = false, ""
		}
	case TicketChanged:
		r.ticketChanged(w)
	case FollowUpEdited:
		r.followUpEdited(w)
	default:
		return false
	}
	return true
}

// applyPage applies what became of a page or an update, and reports whether the fact was about that.
func (r *run) applyPage() bool {
	switch w := r.f.What.(type) {
	case PageFailed:
		r.pageFailed(w)
	case WayFailed:
		r.wayFailed(w)
	case PageSkipped:
		r.pageSkipped(w)
	case Acknowledged:
		r.applyAck(w)
	case SharedIssue:
		if !slices.ContainsFunc(r.Updates.Shared, func(s Shared) bool { return s.Customer == w.Customer }) {
			r.Updates.Shared = append(r.Updates.Shared,
				Shared{Customer: w.Customer, Issue: w.Issue, ID: w.ID, Status: w.Status})
		}
	case Unsent:
		r.unsent(w)
	case Bounced:
		r.bounced(w)
	case Uninformed:
		r.uninformed(w)
	case StatusTold:
		r.statusTold(w)
	case Found:
		r.found(w)
	case ChangesListed:
		r.changesListed(w)
	case ChangesUnread:
		r.Changes.failed(r.f.At)
	case OwnerFound:
		r.ownerFound(w)
	case OwnerUnread:
		r.Hit.failed(r.f.At)
	case RunbookFound:
		r.runbookFound(w)
	case RunbookUnread:
		r.Runbook.failed(r.f.At)
	case SimilarFound:
		r.similarFound(w)
	case SimilarUnread:
		r.Similar.failed(r.f.At)
	default:
		return false
	}
	return true
}

// applySource applies what a source said, and reports whether the fact was about that.
func (r *run) applySource() bool {
	switch w := r.f.What.(type) {
	case Signalled:
		r.signalled(w)
	case CustomerAnswered:
		r.customerAnswered(w)
	case CameBack:
		if r.Running() {
			r.comeBack(w.Source, w.At)
		}
	case Counted:
		r.restoreSignals(Signals(w))
	case Learned:
		if r.isNews(w) {
			r.recordNews(w)
		}
	case Received:
		r.addLinks(w.Links)
		r.Signals.rememberMail(w.Report)
		if !r.Signals.hasTaken(w.Report, true) {
			r.Signals.remember(w.Report)
			r.record("message", w.Source, "")
		}
		r.claimSeverity(w.Severity, w.Page, false)
	case FoldedIn:
		r.foldedIn(w)
	default:
		return false
	}
	return true
}

// applyApp applies what the app itself found out or did.
func (r *run) applyApp() {
	switch w := r.f.What.(type) {
	case Said:
		r.Said = maps.Clone(r.Said)
		if r.Said == nil {
			r.Said = map[string]int64{}
		}
		r.Said[w.Topic] = w.Comment
		r.shown(w)
	case Replied:
		r.answered(w.Fact)
	case BoxesFound:
		r.foundTicked(w)
	case BrokenConfig:
		r.brokenConfig(w)
	case BrokenOnCall:
		r.brokenOnCall(w)
	case Rebuilt:
		r.Phase = w.Phase
		if w.Severity != "" {
			r.Severity = w.Severity
		}
	case ChatSynced:
		r.Chat.note(w)
	case Unassignable:
		r.unassignable(w.Logins)
	}
}

// brokenConfig says, once for each version of the file, that the configuration can't be used.
func (r *run) brokenConfig(w BrokenConfig) {
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
	r.emit(Remind{Key: "config/" + w.Where, At: r.f.At, Say: say})
}

// brokenTemplate says, once for each version of the file, that the repository's postmortem template
// can't be used.
func (r *run) brokenTemplate(w BrokenTemplate) {
	if r.Asked.Template == w.Where {
		return
	}
	if r.Asked.Template = w.Where; w.Where != "" {
		say := Say{Name: "template-broken", Reason: w.Why}
		r.emit(Remind{Key: "template/" + w.Where, At: r.f.At, Say: say})
	}
}

// unassignable notes the role holders that GitHub doesn't take as assignees, and says so once for each.
func (r *run) unassignable(logins []string) {
	for _, l := range logins {
		if !naming.Contains(r.Unplaced, l) {
			r.Unplaced = append(r.Unplaced, l)
			say := Say{Name: "unassignable", Names: []string{l}}
			r.emit(Remind{Key: "unassignable/" + strings.ToLower(l), At: r.f.At, Say: say})
		}
	}
}

// misspelt answers a line that begins like a command and isn't one.
func (r *run) misspelt(m Misspelt) {
	if r.f.By.Respond {
		r.react(Unclear)
		r.reply(unclear(m))
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

// command acts on one command (A1: each gets a reaction, and words only where they are needed).
func (r *run) command(c Command) {
	row := RowOf(c.Kind)
	switch {
	case row.handle == nil:
		return
	case row.Who == Anyone:
		row.handle(r, c)
		return
	case !r.authorize(row):
		return
	}
	r.tryAgain(true)
	r.Aside = nil

	switch {
	case OnPull(r.f.ID) && !row.OnPull:
		r.refuse(Say{Name: "not-on-pull", Line: row.Usage})
	case r.Outcome != "" && !row.AfterEnding:
		r.refuse(Say{Name: "ended", Reason: string(r.Outcome)})
	case r.Closed != nil && !row.AfterClosing:
		r.refuse(r.isClosed())
	case c.Unsure != "":
		r.unsureOfNamed(row, c)
	default:
		row.handle(r, c)
	}
}
