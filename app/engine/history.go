package engine

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/postmortem"
	"github.com/firebreak-dev/firebreak/templates"
)

// history is the whole timeline, told: what the card leaves out to stay small.
type history struct {
	state   incident.State
	entries []incident.Entry
	pages   []incident.Page
	spans   []incident.Span
}

// timeline reads the whole timeline, once.
func (r *reconciliation) timeline() ([]Item, error) {
	if r.Snapshot.Whole {
		return r.Snapshot.Items, nil
	}
	if r.fullTimeline == nil {
		all, err := r.GitHub.ReadTimeline(r.Ctx, r.m.Ref)
		if err != nil {
			return nil, fmt.Errorf("read the timeline: %w", err)
		}
		r.fullTimeline = all
	}
	return r.fullTimeline, nil
}

// replay steps over the whole timeline again, for its texts.
func (r *reconciliation) replay() (*history, error) {
	if r.replayed != nil {
		return r.replayed, nil
	}
	items, err := r.timeline()
	if err != nil {
		return nil, err
	}
	about := Message{Ref: r.m.Ref, Why: "history"}
	if c := r.m.Comment(); c != nil && c.Pull == 0 { // or else it is on the pull request
		about.What = c
	}
	snap := *r.Snapshot
	snap.Items, snap.First, snap.Whole = items, 0, true
	again := &reconciliation{Engine: r.Engine, Ctx: r.Ctx, m: about, Now: r.Now,
		Snapshot: &snap, Policy: r.Policy, isReplay: true, IsRebuilt: true, currentFollowUps: r.State.FollowUps, declaredAs: r.declaredAs, formerIDs: append(r.Before.WasIDs, r.formerIDs...)}
	facts, err := again.observe()
	if err != nil {
		return nil, err
	}
	if number := r.State.Document.Number; number != 0 {
		said, err := again.pullRequestCommands(number)
		if err != nil {
			return nil, err
		}
		facts = append(facts, said...)
	}
	h := &history{}
	for _, f := range facts {
		before := again.State
		again.Step(f)
		h.spans = append(h.spans, phasesLeft(before, again.State)...)
	}
	for _, e := range again.Effects {
		switch e := e.(type) {
		case incident.Record:
			if e.Entry.Kind != "closed" { // it is closed once the document is there, which must say the same before and after
				h.entries = append(h.entries, e.Entry)
			}
		case incident.Send:
			h.pages = append(h.pages, incident.Page{Key: e.Key, At: e.At, To: e.To, Why: e.Why})
		}
	}
	h.state = again.State
	r.replayed = h
	return h, nil
}

// phasesLeft gives the phases that a step left.
func phasesLeft(before, after incident.State) []incident.Span {
	if before.Phase == after.Phase || before.Phase == "" {
		return nil
	}
	return []incident.Span{{Phase: before.Phase, From: before.Since.At, To: after.Since.At}}
}

// recover brings back what replaying can't: the labels that the app set for commands which were edited since, unless a newer
// command says otherwise, and the customers' issues.
func (r *reconciliation) recover() error {
	rebuilt := incident.Rebuilt{Phase: r.State.Phase}
	for i, it := range r.Snapshot.Items {
		if !it.Own || it.Event != "labeled" || !naming.Contains(r.Snapshot.Labels, it.Label) {
			continue
		}
		label, _ := incident.OwnLabel(it.Label)
		since, confirmed := r.State.Since, r.State.Confirmed
		if phase, ok := strings.CutPrefix(label, incident.LabelPhase); ok && !it.At.Before(since.At) && r.isNewer(i, since, incident.LabelPhase+string(r.State.Phase)) {
			rebuilt.Phase = incident.Phase(phase)
		}
		severity, ok := strings.CutPrefix(label, incident.LabelSeverity)
		if ok && (confirmed == nil || !it.At.Before(confirmed.At) && r.isNewer(i, *confirmed, incident.LabelSeverity+r.State.Severity)) {
			rebuilt.Severity = severity
		}
	}
	if r.countPhases() == 1 {
		r.Report(rebuilt)
	}
	if err := r.recoverPostmortem(); err != nil {
		return err
	}
	if r.State.Updates.Last.IsZero() {
		return nil
	}
	for _, name := range r.State.Customers {
		c, _ := r.Policy.Customer(name)
		for _, ch := range c.Channels {
			if ch.Kind != "issue" {
				continue
			}
			n, id, err := r.GitHub.FindIssue(r.Ctx, ch.To, r.isMarked(r.sharedMark(c.Name)), r.State.Declared.At)
			if isRefused(err) { // the next update looks for it again
				r.Logger.Warn("customer's issue not found again", "incident", r.m.Ref.String(), "repository", ch.To, "err", redact(err))
				continue
			}
			if err != nil {
				return err
			}
			if n != 0 {
				r.Report(incident.SharedIssue{Customer: c.Name, Issue: fmt.Sprintf("%s#%d", ch.To, n), ID: id})
			}
		}
	}
	return nil
}

// isNewer reports whether the app set the label of item i of the timeline knowing what somebody had said or done before, which asks
// for another label. What a pass wrote may stand behind a comment that it had not read: so the times, or the order, prove nothing. It
// knew of the comment if it had set that other label, or if somebody edited a command in between that was acted on.
func (r *reconciliation) isNewer(i int, word incident.Stamp, other string) bool {
	id, _, _ := strings.Cut(word.ID, ".")
	said := slices.IndexFunc(r.Snapshot.Items, func(it Item) bool { return it.ID == id })
	if said < 0 || r.Snapshot.Items[said].Own {
		return true // the issue's own text, which each look reads, or what the app itself said
	}
	if said > i {
		return false
	}
	return slices.ContainsFunc(r.Snapshot.Items[said:i], func(it Item) bool {
		return it.Own && it.Event == "labeled" && naming.Equal(it.Label, other) || it.Edited && it.Reacted && !it.Own
	})
}

// countPhases counts the phase labels on the issue.
func (r *reconciliation) countPhases() int {
	n := 0
	for _, l := range r.Snapshot.Labels {
		if label, _ := incident.OwnLabel(l); strings.HasPrefix(label, incident.LabelPhase) {
			n++
		}
	}
	return n
}

// facts of the postmortem and its tickets.
func (r *reconciliation) postmortemFacts() (postmortem.Facts, error) {
	h, err := r.replay()
	if err != nil {
		return postmortem.Facts{}, err
	}
	f := postmortem.Facts{
		Ref: r.m.Ref, URL: r.Snapshot.URL, Title: r.Snapshot.Title, Author: r.Snapshot.Author,
		State: r.State, Policy: r.Policy, Entries: h.entries, Pages: r.withDelivery(h.pages), At: r.State.Since.At,
		Summary: command.Summary(r.Snapshot.Body),
	}
	if f.Template, err = r.readTemplate(); err != nil {
		return f, err
	}
	if f.Summary == "" {
		f.Summary = r.Snapshot.Title
	}
	f.Spans = append(h.spans, incident.Span{Phase: r.State.Phase, From: r.State.Since.At, To: r.State.Since.At})
	texts := map[string]string{}
	for _, e := range h.entries {
		if e.Kind == "followup" || e.Kind == "workaround" {
			texts[e.Ref] = e.Text
		}
	}
	for _, fu := range r.State.FollowUps {
		f.FollowUps = append(f.FollowUps, postmortem.FollowUp{FollowUp: fu, Title: texts[fu.ID]})
	}
	return f, nil
}

// readTemplate returns the repository's own template, or "" where it has none that can be used: then the postmortem has ours,
// and the incident says why, once for each version of the template.
func (r *reconciliation) readTemplate() (string, error) {
	content, _, err := r.GitHub.ReadFile(r.Ctx, r.m.Ref, postmortem.TemplatePath)
	if isRefused(err) {
		r.Report(incident.BrokenTemplate{Where: "unreadable", Why: shortReason(err)})
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the postmortem's template: %w", err)
	}
	if wrong := postmortem.LintTemplate(string(content)); len(wrong) > 0 {
		sum := sha256.Sum256(content)
		r.Report(incident.BrokenTemplate{Where: hex.EncodeToString(sum[:6]), Why: templateMistakes(wrong)})
		r.Logger.Warn("postmortem template invalid: using the standard one", "incident", r.m.Ref.String(),
			"file", postmortem.TemplatePath, "line", wrong[0].Line, "mistakes", len(wrong))
		return "", nil
	}
	r.Report(incident.BrokenTemplate{})
	return string(content), nil
}

// templateMistakes tells the first mistakes of a template, with their places.
func templateMistakes(wrong postmortem.Mistakes) string {
	const most = 3
	told := wrong[:min(len(wrong), most)].Error()
	if len(wrong) > most {
		told += "; …"
	}
	return templates.Capital(told)
}

// withDelivery gives the pages as they went out: the timeline tells that they did, and the card whether they got through.
func (r *reconciliation) withDelivery(pages []incident.Page) []incident.Page {
	known := map[string]incident.Page{}
	for _, page := range r.State.Paging.Pages {
		known[page.Key] = page
	}
	for i, page := range pages {
		if k, ok := known[page.Key]; ok {
			pages[i] = k
		}
	}
	return pages
}

// labelFollowUp is the label of follow-ups' tickets; GitHub makes it where it is not there.
const labelFollowUp = "follow-up"

// openTickets opens the follow-ups' tickets (C4), each looked for before it is opened.
func (r *reconciliation) openTickets() error {
	return forEach(r, func(o incident.OpenTicket) error {
		if o.Index >= len(r.State.FollowUps) || r.State.FollowUps[o.Index].Ticket != "" {
			return nil
		}
		return r.attempt(fmt.Sprintf("ticket/%d", o.Index), func() error { return r.openTicket(o.Index) })
	})
}

// openTicket opens the ticket of one follow-up, where it is not there yet.
func (r *reconciliation) openTicket(index int) error {
	fu := r.State.FollowUps[index]
	title, body, err := r.writeTicket(index)
	if err != nil {
		return err
	}
	var refused error
	repo := fu.Repo
	if repo == "" || !r.Policy.Issues {
		repo = r.m.Ref.FullName()
	}
	n, id, err := r.findOrOpenTicket(repo, NewIssue{Title: title, Body: body, Labels: []string{labelFollowUp}, Assignees: []string{r.State.OwnerOf(fu)}}, index)
	if !naming.Equal(repo, r.m.Ref.FullName()) && r.isOutOfReach(err, index) {
		// The work must not be lost for that, so it stays here and says so, until GitHub takes it there.
		refused = err
		repo = r.m.Ref.FullName()
		n, id, err = r.findOrOpenTicket(repo, NewIssue{Title: postmortem.Plain(fu.Repo+": "+title, 250), Body: body, Labels: []string{labelFollowUp}, Assignees: []string{r.State.OwnerOf(fu)}}, index)
	}
	if err != nil {
		return fmt.Errorf("open the ticket of follow-up %d in %s: %w", index, repo, err)
	}
	if err := r.GitHub.AddSubIssue(r.Ctx, r.m.Ref, repo, id); errors.Is(err, ErrLimited) {
		return fmt.Errorf("make ticket %s#%d a sub-issue: %w", repo, n, err) // a later look finds the ticket by its mark
	} else if err != nil {
		r.Logger.Warn("the ticket is no sub-issue", "incident", r.m.Ref.String(), "ticket", n, "err", err)
	}
	r.Report(incident.TicketOpened{Index: index, Ticket: fmt.Sprintf("%s#%d", repo, n), ID: id})
	r.recordWait(UrgencyTicket, r.State.Since.At)
	if refused != nil {
		return r.noteRefusal(incident.MoveEffect(index), refused)
	}
	return nil
}

// writeTicket returns the title and the text of a follow-up's ticket.
func (r *reconciliation) writeTicket(index int) (title, body string, err error) {
	facts, err := r.postmortemFacts()
	if err != nil {
		return "", "", err
	}
	title, body, err = postmortem.Ticket(facts, index)
	if err != nil {
		return "", "", fmt.Errorf("write the ticket of follow-up %d: %w", index, err)
	}
	return title, body, nil
}

// moveTickets opens tickets in the repositories that they were meant for, once GitHub takes them there.
func (r *reconciliation) moveTickets() error {
	return forEach(r, func(m incident.MoveTicket) error {
		fu := r.State.FollowUps[m.Index]
		if fu.Ticket == "" || fu.Done || fu.Repo == "" || strings.HasPrefix(strings.ToLower(fu.Ticket), strings.ToLower(fu.Repo)+"#") {
			r.Report(incident.TakenByGitHub{Effect: incident.MoveEffect(m.Index)}) // it is done, or somebody moved it
			return nil
		}
		return r.attempt(incident.MoveEffect(m.Index), func() error { return r.moveTicket(m.Index) })
	})
}

// moveTicket opens the ticket of one follow-up in its repository, and closes the one that stood in for it. It closes that one
// last: until then a look that broke off finds the new one by its mark, and goes on.
func (r *reconciliation) moveTicket(index int) error {
	fu := r.State.FollowUps[index]
	before, err := incident.ParseRef(fu.Ticket)
	if err != nil {
		return err
	}
	title, body, err := r.writeTicket(index)
	if err != nil {
		return err
	}
	n, id, err := r.findOrOpenTicket(fu.Repo, NewIssue{Title: title, Body: body, Labels: []string{labelFollowUp}, Assignees: []string{r.State.OwnerOf(fu)}}, index)
	if err != nil {
		return fmt.Errorf("open the ticket of follow-up %d in %s: %w", index, fu.Repo, err)
	}
	if err := r.GitHub.AddSubIssue(r.Ctx, r.m.Ref, fu.Repo, id); err != nil {
		r.Logger.Warn("the ticket is no sub-issue", "incident", r.m.Ref.String(), "ticket", n, "err", err)
	}
	ticket := fmt.Sprintf("%s#%d", fu.Repo, n)
	text, err := templates.Comment(incident.Say{Name: "ticket-moved", Line: ticket})
	if err != nil {
		return fmt.Errorf("say ticket-moved: %w", err)
	}
	said := marksFor(fmt.Sprintf("%s/ticket-moved/%d", r.m.Ref, index))
	if _, err := r.GitHub.CommentOnce(r.Ctx, before, r.isMarked(said[0]), r.signComment(text, said...)); err != nil {
		return fmt.Errorf("say where the ticket of follow-up %d is now: %w", index, err)
	}
	// Without the other's id: the token for this repository may not see it.
	if err := r.GitHub.SetOpen(r.Ctx, before, false, "duplicate", 0); err != nil {
		return fmt.Errorf("close %s, which was the ticket of follow-up %d: %w", fu.Ticket, index, err)
	}
	r.Report(incident.TicketMoved{Index: index, Ticket: ticket, ID: id})
	return nil
}

// ticketPatience is how long GitHub may refuse a ticket in a repository before it is opened in the incident's own. Somebody may give
// the App its access meanwhile, however often the ticket is tried.
const ticketPatience = 30 * time.Minute

// isOutOfReach reports whether a follow-up's repository can't have its ticket: the App is not installed there, or GitHub has
// refused it for so long.
func (r *reconciliation) isOutOfReach(err error, index int) bool {
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		return false
	}
	return refusal.NotInstalled || r.State.RefusedFor(fmt.Sprintf("ticket/%d", index), r.Now) >= ticketPatience
}

// ticketFact reads the ticket of a follow-up and gives the fact that it changed, if it did.
func (r *reconciliation) ticketFact(index int) ([]incident.Fact, error) {
	if index < 0 || index >= len(r.State.FollowUps) || r.State.FollowUps[index].Ticket == "" {
		return nil, nil
	}
	fu := r.State.FollowUps[index]
	ref, err := incident.ParseRef(fu.Ticket)
	if err != nil {
		return nil, err
	}
	ticket, err := r.GitHub.ReadTicket(r.Ctx, ref)
	if isRefused(err) {
		r.Logger.Warn("ticket not readable: it counts as before", "incident", r.m.Ref.String(), "ticket", fu.Ticket, "err", redact(err))
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if isOtherIssue(ref, fu.TicketID, ticket) {
		r.Logger.Warn("ticket not readable: another repository has its name by now", "incident", r.m.Ref.String(), "ticket", fu.Ticket)
		return nil, nil
	}
	isAbout := r.m.Ticket() != nil && r.m.Ticket().Index == index
	if err := r.awaitOther(isAbout, fu.Ticket, ticket.Updated); err != nil {
		return nil, err
	}
	changed := incident.TicketChanged{Index: index, Done: !ticket.Open}
	if owner := r.State.OwnerOf(fu); len(ticket.Assignees) > 0 && !naming.Contains(ticket.Assignees, owner) {
		changed.Owner = ticket.Assignees[0]
	}
	if changed.Done == fu.Done && changed.Owner == "" {
		return nil, nil
	}
	return []incident.Fact{{At: r.Now, What: changed}}, nil
}

// nudgeOwners reminds the owners of follow-ups, on their tickets, unless those were closed while nobody looked (C4).
func (r *reconciliation) nudgeOwners() error {
	return forEach(r, func(n incident.Nudge) error {
		changed, err := r.ticketFact(n.Index)
		if err != nil {
			return err
		}
		for _, f := range changed {
			r.Step(f)
		}
		fu := r.State.FollowUps[n.Index]
		ref, err := incident.ParseRef(fu.Ticket)
		if err != nil || fu.Done {
			return err
		}
		err = r.nudgeOwner(ref, n, fu)
		if err == nil && r.State.IsRefused(nudgeEffect(n)) {
			r.Report(incident.TakenByGitHub{Effect: nudgeEffect(n)})
		}
		if until, ok := isPutOff(err); ok {
			r.Report(incident.NudgePutOff{Index: n.Index, Until: until})
			return nil
		}
		if err == nil {
			r.recordWait(UrgencyNudge, r.m.Due)
		}
		if err != nil {
			return r.noteRefusal(nudgeEffect(n), err)
		}
		return nil
	})
}

// nudgeEffect names a reminder for when GitHub refuses it. The clock asks for it again, so it is never held back.
func nudgeEffect(n incident.Nudge) string { return fmt.Sprintf("nudge/%d", n.Index) }

// nudgeOwner reminds the owner of one follow-up on its ticket.
func (r *reconciliation) nudgeOwner(ticket incident.Ref, n incident.Nudge, fu incident.FollowUp) error {
	say := n.Say
	say.Who = r.State.OwnerOf(fu)
	text, err := templates.Comment(say)
	if err != nil {
		return fmt.Errorf("say %s: %w", say.Name, err)
	}
	if err := r.verifySameIssue(ticket, fu.TicketID); err != nil {
		return err
	}
	said := marksFor(r.declaredRef().String() + "/" + n.Key)
	id, err := r.GitHub.CommentOnce(r.Ctx, ticket, r.isMarked(said[0]), r.signComment(text, said...))
	if err != nil {
		return fmt.Errorf("remind of the follow-up %s: %w", fu.Ticket, err)
	}
	return r.replaceReminder(ticket, fmt.Sprintf("follow-up/%d", n.Index), id)
}

func (r *reconciliation) findOrOpenTicket(repo string, i NewIssue, index int) (number int, id int64, err error) {
	of := r.ticketMark(index)
	number, id, err = r.GitHub.FindIssue(r.Ctx, repo, r.isMarked(of), r.State.Declared.At)
	if err != nil || number != 0 {
		return number, id, err
	}
	i.Body = r.signIssue(strings.TrimSuffix(strings.TrimSpace(i.Body), of.Line()), of)
	o, err := r.openIssueOnce(repo, of.Line(), "", i, longDoubt)
	return o.Number, o.ID, err
}

// hashFor names something for the eyes of others without telling them what.
func (r *reconciliation) hashFor(parts ...string) string {
	mac := hmac.New(sha256.New, r.keys[0])
	mac.Write([]byte(r.declaredRef().String() + "\n" + strings.Join(parts, "\n")))
	return hex.EncodeToString(mac.Sum(nil)[:12])
}
