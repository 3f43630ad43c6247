package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/engine/effects"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/postmortem"
	"github.com/firebreak-dev/firebreak/app/texts"
	"github.com/firebreak-dev/firebreak/templates"
)

// history is what a replay of the whole timeline yields: what the card leaves out to stay small.
type history struct {
	state   incident.State
	entries []incident.Entry
	pages   []incident.Page
	spans   []incident.Span
}

// timeline reads the whole timeline, once. The look has read a short one from its start.
func (r *reconciliation) timeline() ([]Item, error) {
	if r.Snapshot.Whole || r.Snapshot.First == 0 {
		return r.Snapshot.Items, nil
	}
	if r.fullTimeline == nil {
		all, err := r.GitHub.ReadTimeline(r.Ctx, r.Ref)
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
	about := Message{Ref: r.Ref, Why: "history"}
	if c := r.m.Comment(); c != nil && c.Pull == 0 { // or else it is on the pull request
		about.What = c
	}
	snap := *r.Snapshot
	snap.Items, snap.First, snap.Whole = items, 0, true
	again := r.newReconciliation(r.Ctx, about)
	again.Now, again.Snapshot, again.Policy = r.Now, &snap, r.Policy
	again.isReplay, again.IsRebuilt, again.currentFollowUps = true, true, r.State.FollowUps
	again.DeclaredAs, again.FormerIDs = r.DeclaredAs, append(r.Before.WasIDs, r.FormerIDs...)
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
			// it is closed once the document is there, which must say the same before and after
			if e.Entry.Kind != "closed" {
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

// phasesLeft returns the phase that a step left, if it did.
func phasesLeft(before, after incident.State) []incident.Span {
	if before.Phase == after.Phase || before.Phase == "" {
		return nil
	}
	return []incident.Span{{Phase: before.Phase, From: before.Since.At, To: after.Since.At}}
}

// recover recovers what replaying can't: the labels that the app set for commands which were edited
// since, unless a newer command says otherwise, and the customers' issues.
func (r *reconciliation) recover() error {
	rebuilt := incident.Rebuilt{Phase: r.State.Phase}
	for i, it := range r.Snapshot.Items {
		if !it.Own || it.Event != "labeled" || !naming.Contains(r.Snapshot.Labels, it.Label) {
			continue
		}
		label, _ := incident.OwnLabel(it.Label)
		since, confirmed := r.State.Since, r.State.Confirmed
		if phase, ok := strings.CutPrefix(label, incident.LabelPhase); ok && !it.At.Before(since.At) &&
			r.isNewer(i, since, incident.LabelPhase+string(r.State.Phase)) {
			rebuilt.Phase = incident.Phase(phase)
		}
		severity, ok := strings.CutPrefix(label, incident.LabelSeverity)
		if ok && (confirmed == nil || !it.At.Before(confirmed.At) &&
			r.isNewer(i, *confirmed, incident.LabelSeverity+r.State.Severity)) {
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
	for _, name := range r.State.EverImpacted() {
		c, _ := r.Policy.Customer(name)
		for _, ch := range c.Channels {
			if ch.Kind != "issue" {
				continue
			}
			n, id, err := r.GitHub.FindIssue(r.Ctx, ch.To, r.IsMarked(r.updates.SharedMark(c.Name)),
				r.State.Declared.At)
			if ports.IsRefused(err) { // the next update looks for it again
				r.Logger.Warn("customer's issue not found again", "incident", r.Ref.String(), "repository",
					ch.To, "err", ports.Redact(err))
				continue
			}
			if err != nil {
				return err
			}
			if n != 0 {
				r.Report(incident.SharedIssue{Customer: c.Name, Issue: fmt.Sprintf("%s#%d", ch.To, n),
					ID: id})
			}
		}
	}
	return nil
}

// isNewer reports whether the app set the label of timeline item i knowing what somebody had said
// or done before, which asks for another label. A look may write after a comment that it had not
// read, so neither times nor order prove it. It knew of the comment if it had set that other label,
// or if somebody edited a command in between that it acted on.
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
		return it.Own && it.Event == "labeled" && naming.Equal(it.Label, other) || it.Edited &&
			it.Reacted && !it.Own
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

// postmortemFacts returns what the postmortem is written from.
func (r *reconciliation) postmortemFacts() (postmortem.Facts, error) {
	f, err := r.factsOfTickets()
	if err != nil {
		return f, err
	}
	f.Template, err = r.readTemplate()
	return f, err
}

// factsOfTickets returns what the tickets are written from: the same but for the postmortem's template.
func (r *reconciliation) factsOfTickets() (postmortem.Facts, error) {
	h, err := r.replay()
	if err != nil {
		return postmortem.Facts{}, err
	}
	f := postmortem.Facts{
		Ref: r.Ref, URL: r.Snapshot.URL, Title: r.Snapshot.Title, Author: r.Snapshot.Author,
		State: r.State, Policy: r.Policy, Entries: h.entries, Pages: r.withDelivery(h.pages), At: r.State.Since.At,
		Summary: command.Summary(r.Snapshot.Body), Source: r.learnedFrom(),
	}
	if f.Summary == "" {
		f.Summary = r.Snapshot.Title
	}
	f.Spans = append(h.spans, incident.Span{Phase: r.State.Phase, From: r.State.Since.At,
		To: r.State.Since.At})
	if err := r.quotePinned(f.Entries); err != nil {
		return f, err
	}
	titles := map[string]string{}
	for _, e := range h.entries {
		if e.Kind == "followup" || e.Kind == "workaround" {
			titles[e.Ref] = e.Text
		}
	}
	for _, fu := range r.State.FollowUps {
		f.FollowUps = append(f.FollowUps, postmortem.FollowUp{FollowUp: fu, Title: titles[fu.ID]})
	}
	return f, nil
}

// readTemplate returns the repository's own template, or "" if it has none that can be used. Then
// the postmortem uses the standard one, and the incident says why, once for each version of the
// template.
func (r *reconciliation) readTemplate() (string, error) {
	content, _, err := r.GitHub.ReadFile(r.Ctx, r.Ref, postmortem.TemplatePath)
	if ports.IsRefused(err) {
		r.Report(incident.BrokenTemplate{Where: "unreadable", Why: ports.Reason(err)})
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the postmortem's template: %w", err)
	}
	if wrong := postmortem.LintTemplate(string(content)); len(wrong) > 0 {
		sum := sha256.Sum256(content)
		r.Report(incident.BrokenTemplate{Where: hex.EncodeToString(sum[:6]), Why: templateMistakes(wrong)})
		r.Logger.Warn("postmortem template invalid: using the standard one", "incident", r.Ref.String(),
			"file", postmortem.TemplatePath, "line", wrong[0].Line, "mistakes", len(wrong))
		return "", nil
	}
	r.Report(incident.BrokenTemplate{})
	return string(content), nil
}

// templateMistakes returns the first mistakes of a template, with their places.
func templateMistakes(wrong postmortem.Mistakes) string {
	const most = 3
	told := wrong[:min(len(wrong), most)].Error()
	if len(wrong) > most {
		told += "; …"
	}
	return templates.Capital(told)
}

// withDelivery returns pages with what became of them: the timeline says that they went out, and
// the card whether they got through.
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

// ticketFact reads the ticket of a follow-up and returns the fact that it changed, if it did.
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
	if ports.IsRefused(err) {
		return nil, r.readAgain(&incident.Ticket{Index: index}, "ticket "+fu.Ticket, err)
	}
	if err != nil {
		return nil, err
	}
	if effects.IsOtherIssue(ref, fu.TicketID, ticket) {
		r.Logger.Warn("ticket not readable: another repository has its name by now", "incident",
			r.Ref.String(), "ticket", fu.Ticket)
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

// learnedFrom returns how people learned of the incident: what its form says, and what reported it.
func (r *reconciliation) learnedFrom() string {
	all := r.State.ReportedBy()
	if said := texts.Squeeze(texts.Clean(command.LearnedFrom(r.Snapshot.Body))); said != "" {
		all = append([]string{said}, all...)
	}
	return strings.Join(all, ", ")
}

// maxPinned is how much of a pinned comment the postmortem has, in bytes.
const maxPinned = 4 << 10

// quotePinned adds the text of each pinned comment to its entry, below what was said when it was
// pinned.
func (r *reconciliation) quotePinned(entries []incident.Entry) error {
	isPinned := func(e incident.Entry) bool { return e.Kind == "pinned" }
	if !slices.ContainsFunc(entries, isPinned) {
		return nil
	}
	items, err := r.timeline()
	if err != nil {
		return err
	}
	bodies := map[int64]string{}
	for _, it := range items {
		bodies[it.Comment] = it.Body
	}
	for i, e := range entries {
		if isPinned(e) {
			text := texts.TruncateBytes(strings.TrimSpace(texts.Clean(bodies[incident.CommentOf(e.Ref)])), maxPinned)
			if text != strings.TrimSpace(e.Text) && !strings.HasSuffix(e.Text, text) {
				entries[i].Text = strings.TrimSpace(e.Text + "\n\n" + text)
			}
		}
	}
	return nil
}
