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
func (p *pass) timeline() ([]Item, error) {
	if p.snap.Whole {
		return p.snap.Items, nil
	}
	if p.all == nil {
		all, err := p.GitHub.Timeline(p.ctx, p.m.Ref)
		if err != nil {
			return nil, fmt.Errorf("read the timeline: %w", err)
		}
		p.all = all
	}
	return p.all, nil
}

// tell steps over the whole timeline again, for its texts.
func (p *pass) tell() (*history, error) {
	if p.past != nil {
		return p.past, nil
	}
	items, err := p.timeline()
	if err != nil {
		return nil, err
	}
	about := Message{Ref: p.m.Ref, Why: "history"}
	if c := p.m.Comment(); c != nil && c.Pull == 0 { // or else it is on the pull request
		about.What = c
	}
	snap := *p.snap
	snap.Items, snap.First, snap.Whole = items, 0, true
	again := &pass{Engine: p.Engine, ctx: p.ctx, m: about, now: p.now,
		snap: &snap, policy: p.policy, telling: true, rebuilt: true, ups: p.state.FollowUps, declaredAs: p.declaredAs, wasIDs: append(p.before.WasIDs, p.wasIDs...)}
	facts, err := again.facts()
	if err != nil {
		return nil, err
	}
	if number := p.state.Document.Number; number != 0 {
		said, err := again.onPull(number)
		if err != nil {
			return nil, err
		}
		facts = append(facts, said...)
	}
	h := &history{}
	for _, f := range facts {
		before := again.state
		again.fact(f)
		h.spans = append(h.spans, left(before, again.state)...)
	}
	for _, e := range again.effects {
		switch e := e.(type) {
		case incident.Record:
			if e.Entry.Kind != "closed" { // it is closed once the document is there, which must say the same before and after
				h.entries = append(h.entries, e.Entry)
			}
		case incident.Send:
			h.pages = append(h.pages, incident.Page{Key: e.Key, At: e.At, To: e.To, Why: e.Why})
		}
	}
	h.state = again.state
	p.past = h
	return h, nil
}

// left gives the phases that a step left.
func left(before, after incident.State) []incident.Span {
	if before.Phase == after.Phase || before.Phase == "" {
		return nil
	}
	return []incident.Span{{Phase: before.Phase, From: before.Since.At, To: after.Since.At}}
}

// recall brings back what replaying can't: the labels that the app set for commands which were edited since, unless a newer
// command says otherwise, and the customers' issues.
func (p *pass) recall() error {
	rebuilt := incident.Rebuilt{Phase: p.state.Phase}
	for i, it := range p.snap.Items {
		if !it.Own || it.Event != "labeled" || !naming.Contains(p.snap.Labels, it.Label) {
			continue
		}
		label, _ := incident.OwnLabel(it.Label)
		since, confirmed := p.state.Since, p.state.Confirmed
		if phase, ok := strings.CutPrefix(label, incident.LabelPhase); ok && !it.At.Before(since.At) && p.isNewer(i, since, incident.LabelPhase+string(p.state.Phase)) {
			rebuilt.Phase = incident.Phase(phase)
		}
		severity, ok := strings.CutPrefix(label, incident.LabelSeverity)
		if ok && (confirmed == nil || !it.At.Before(confirmed.At) && p.isNewer(i, *confirmed, incident.LabelSeverity+p.state.Severity)) {
			rebuilt.Severity = severity
		}
	}
	if p.phases() == 1 {
		p.result(rebuilt)
	}
	if err := p.recallDocument(); err != nil {
		return err
	}
	if p.state.Updates.Last.IsZero() {
		return nil
	}
	for _, name := range p.state.Customers {
		c, _ := p.policy.Customer(name)
		for _, ch := range c.Channels {
			if ch.Kind != "issue" {
				continue
			}
			n, id, err := p.GitHub.FindIssue(p.ctx, ch.To, p.isMarked(p.sharedMark(c.Name)), p.state.Declared.At)
			if isRefused(err) { // the next update looks for it again
				p.Logger.Warn("customer's issue not found again", "incident", p.m.Ref.String(), "repository", ch.To, "err", brief(err))
				continue
			}
			if err != nil {
				return err
			}
			if n != 0 {
				p.result(incident.SharedIssue{Customer: c.Name, Issue: fmt.Sprintf("%s#%d", ch.To, n), ID: id})
			}
		}
	}
	return nil
}

// isNewer reports whether the app set the label of item i of the timeline knowing what somebody had said or done before, which asks
// for another label. What a pass wrote may stand behind a comment that it had not read: so the times, or the order, prove nothing. It
// knew of the comment if it had set that other label, or if somebody edited a command in between that was acted on.
func (p *pass) isNewer(i int, word incident.Stamp, other string) bool {
	id, _, _ := strings.Cut(word.ID, ".")
	said := slices.IndexFunc(p.snap.Items, func(it Item) bool { return it.ID == id })
	if said < 0 || p.snap.Items[said].Own {
		return true // the issue's own text, which each look reads, or what the app itself said
	}
	if said > i {
		return false
	}
	return slices.ContainsFunc(p.snap.Items[said:i], func(it Item) bool {
		return it.Own && it.Event == "labeled" && naming.Equal(it.Label, other) || it.Edited && it.Reacted && !it.Own
	})
}

// phases counts the phase labels on the issue.
func (p *pass) phases() int {
	n := 0
	for _, l := range p.snap.Labels {
		if label, _ := incident.OwnLabel(l); strings.HasPrefix(label, incident.LabelPhase) {
			n++
		}
	}
	return n
}

// facts of the postmortem and its tickets.
func (p *pass) told() (postmortem.Facts, error) {
	h, err := p.tell()
	if err != nil {
		return postmortem.Facts{}, err
	}
	f := postmortem.Facts{
		Ref: p.m.Ref, URL: p.snap.URL, Title: p.snap.Title, Author: p.snap.Author,
		State: p.state, Policy: p.policy, Entries: h.entries, Pages: p.sent(h.pages), At: p.state.Since.At,
		Summary: command.Summary(p.snap.Body),
	}
	if f.Template, err = p.template(); err != nil {
		return f, err
	}
	if f.Summary == "" {
		f.Summary = p.snap.Title
	}
	f.Spans = append(h.spans, incident.Span{Phase: p.state.Phase, From: p.state.Since.At, To: p.state.Since.At})
	texts := map[string]string{}
	for _, e := range h.entries {
		if e.Kind == "followup" || e.Kind == "workaround" {
			texts[e.Ref] = e.Text
		}
	}
	for _, fu := range p.state.FollowUps {
		f.FollowUps = append(f.FollowUps, postmortem.FollowUp{FollowUp: fu, Title: texts[fu.ID]})
	}
	return f, nil
}

// template returns the repository's own template, or "" where it has none that can be used: then the postmortem has ours,
// and the incident says why, once for each version of the template.
func (p *pass) template() (string, error) {
	content, _, err := p.GitHub.File(p.ctx, p.m.Ref, postmortem.TemplatePath)
	if isRefused(err) {
		p.result(incident.BrokenTemplate{Where: "unreadable", Why: reason(err)})
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the postmortem's template: %w", err)
	}
	if wrong := postmortem.LintTemplate(string(content)); len(wrong) > 0 {
		sum := sha256.Sum256(content)
		p.result(incident.BrokenTemplate{Where: hex.EncodeToString(sum[:6]), Why: templateMistakes(wrong)})
		p.Logger.Warn("postmortem template invalid: using the standard one", "incident", p.m.Ref.String(),
			"file", postmortem.TemplatePath, "line", wrong[0].Line, "mistakes", len(wrong))
		return "", nil
	}
	p.result(incident.BrokenTemplate{})
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

// sent gives the pages as they went out: the timeline tells that they did, and the card whether they got through.
func (p *pass) sent(pages []incident.Page) []incident.Page {
	known := map[string]incident.Page{}
	for _, page := range p.state.Paging.Pages {
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

// tickets opens the follow-ups' tickets (C4), each looked for before it is opened.
func (p *pass) tickets() error {
	return each(p, func(o incident.OpenTicket) error {
		if o.Index >= len(p.state.FollowUps) || p.state.FollowUps[o.Index].Ticket != "" {
			return nil
		}
		return p.attempt(fmt.Sprintf("ticket/%d", o.Index), func() error { return p.openTicket(o.Index) })
	})
}

// openTicket opens the ticket of one follow-up, where it is not there yet.
func (p *pass) openTicket(index int) error {
	fu := p.state.FollowUps[index]
	title, body, err := p.writeTicket(index)
	if err != nil {
		return err
	}
	var refused error
	repo := fu.Repo
	if repo == "" || !p.policy.Issues {
		repo = p.m.Ref.FullName()
	}
	n, id, err := p.ticket(repo, NewIssue{Title: title, Body: body, Labels: []string{labelFollowUp}, Assignees: []string{p.state.OwnerOf(fu)}}, index)
	if !naming.Equal(repo, p.m.Ref.FullName()) && p.isOutOfReach(err, index) {
		// The work must not be lost for that, so it stays here and says so, until GitHub takes it there.
		refused = err
		repo = p.m.Ref.FullName()
		n, id, err = p.ticket(repo, NewIssue{Title: postmortem.Plain(fu.Repo+": "+title, 250), Body: body, Labels: []string{labelFollowUp}, Assignees: []string{p.state.OwnerOf(fu)}}, index)
	}
	if err != nil {
		return fmt.Errorf("open the ticket of follow-up %d in %s: %w", index, repo, err)
	}
	if err := p.GitHub.AddSubIssue(p.ctx, p.m.Ref, repo, id); errors.Is(err, ErrLimited) {
		return fmt.Errorf("make ticket %s#%d a sub-issue: %w", repo, n, err) // a later look finds the ticket by its mark
	} else if err != nil {
		p.Logger.Warn("the ticket is no sub-issue", "incident", p.m.Ref.String(), "ticket", n, "err", err)
	}
	p.result(incident.TicketOpened{Index: index, Ticket: fmt.Sprintf("%s#%d", repo, n), ID: id})
	p.waited(UrgencyTicket, p.state.Since.At)
	if refused != nil {
		return p.noteRefusal(incident.MoveEffect(index), refused)
	}
	return nil
}

// writeTicket returns the title and the text of a follow-up's ticket.
func (p *pass) writeTicket(index int) (title, body string, err error) {
	facts, err := p.told()
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
func (p *pass) moveTickets() error {
	return each(p, func(m incident.MoveTicket) error {
		fu := p.state.FollowUps[m.Index]
		if fu.Ticket == "" || fu.Done || fu.Repo == "" || strings.HasPrefix(strings.ToLower(fu.Ticket), strings.ToLower(fu.Repo)+"#") {
			p.result(incident.TakenByGitHub{Effect: incident.MoveEffect(m.Index)}) // it is done, or somebody moved it
			return nil
		}
		return p.attempt(incident.MoveEffect(m.Index), func() error { return p.moveTicket(m.Index) })
	})
}

// moveTicket opens the ticket of one follow-up in its repository, and closes the one that stood in for it. It closes that one
// last: until then a look that broke off finds the new one by its mark, and goes on.
func (p *pass) moveTicket(index int) error {
	fu := p.state.FollowUps[index]
	before, err := incident.ParseRef(fu.Ticket)
	if err != nil {
		return err
	}
	title, body, err := p.writeTicket(index)
	if err != nil {
		return err
	}
	n, id, err := p.ticket(fu.Repo, NewIssue{Title: title, Body: body, Labels: []string{labelFollowUp}, Assignees: []string{p.state.OwnerOf(fu)}}, index)
	if err != nil {
		return fmt.Errorf("open the ticket of follow-up %d in %s: %w", index, fu.Repo, err)
	}
	if err := p.GitHub.AddSubIssue(p.ctx, p.m.Ref, fu.Repo, id); err != nil {
		p.Logger.Warn("the ticket is no sub-issue", "incident", p.m.Ref.String(), "ticket", n, "err", err)
	}
	ticket := fmt.Sprintf("%s#%d", fu.Repo, n)
	text, err := templates.Comment(incident.Say{Name: "ticket-moved", Line: ticket})
	if err != nil {
		return fmt.Errorf("say ticket-moved: %w", err)
	}
	said := dids(fmt.Sprintf("%s/ticket-moved/%d", p.m.Ref, index))
	if _, err := p.GitHub.CommentOnce(p.ctx, before, p.isMarked(said[0]), p.signed(text, said...)); err != nil {
		return fmt.Errorf("say where the ticket of follow-up %d is now: %w", index, err)
	}
	// Without the other's id: the token for this repository may not see it.
	if err := p.GitHub.SetOpen(p.ctx, before, false, "duplicate", 0); err != nil {
		return fmt.Errorf("close %s, which was the ticket of follow-up %d: %w", fu.Ticket, index, err)
	}
	p.result(incident.TicketMoved{Index: index, Ticket: ticket, ID: id})
	return nil
}

// ticketPatience is how long GitHub may refuse a ticket in a repository before it is opened in the incident's own. Somebody may give
// the App its access meanwhile, however often the ticket is tried.
const ticketPatience = 30 * time.Minute

// isOutOfReach reports whether a follow-up's repository can't have its ticket: the App is not installed there, or GitHub has
// refused it for so long.
func (p *pass) isOutOfReach(err error, index int) bool {
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		return false
	}
	return refusal.NotInstalled || p.state.RefusedFor(fmt.Sprintf("ticket/%d", index), p.now) >= ticketPatience
}

// ticketFact reads the ticket of a follow-up and gives the fact that it changed, if it did.
func (p *pass) ticketFact(index int) ([]incident.Fact, error) {
	if index < 0 || index >= len(p.state.FollowUps) || p.state.FollowUps[index].Ticket == "" {
		return nil, nil
	}
	fu := p.state.FollowUps[index]
	ref, err := incident.ParseRef(fu.Ticket)
	if err != nil {
		return nil, err
	}
	ticket, err := p.GitHub.Ticket(p.ctx, ref)
	if isRefused(err) {
		p.Logger.Warn("ticket not readable: it counts as before", "incident", p.m.Ref.String(), "ticket", fu.Ticket, "err", brief(err))
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if isAnother(ref, fu.TicketID, ticket) {
		p.Logger.Warn("ticket not readable: another repository has its name by now", "incident", p.m.Ref.String(), "ticket", fu.Ticket)
		return nil, nil
	}
	isAbout := p.m.Ticket() != nil && p.m.Ticket().Index == index
	if err := p.awaitOther(isAbout, fu.Ticket, ticket.Updated); err != nil {
		return nil, err
	}
	changed := incident.TicketChanged{Index: index, Done: !ticket.Open}
	if owner := p.state.OwnerOf(fu); len(ticket.Assignees) > 0 && !naming.Contains(ticket.Assignees, owner) {
		changed.Owner = ticket.Assignees[0]
	}
	if changed.Done == fu.Done && changed.Owner == "" {
		return nil, nil
	}
	return []incident.Fact{{At: p.now, What: changed}}, nil
}

// nudges reminds the owners of follow-ups, on their tickets, unless those were closed while nobody looked (C4).
func (p *pass) nudges() error {
	return each(p, func(n incident.Nudge) error {
		changed, err := p.ticketFact(n.Index)
		if err != nil {
			return err
		}
		for _, f := range changed {
			p.fact(f)
		}
		fu := p.state.FollowUps[n.Index]
		ref, err := incident.ParseRef(fu.Ticket)
		if err != nil || fu.Done {
			return err
		}
		err = p.nudge(ref, n, fu)
		if err == nil && p.state.IsRefused(nudgeEffect(n)) {
			p.result(incident.TakenByGitHub{Effect: nudgeEffect(n)})
		}
		if until, ok := isPutOff(err); ok {
			p.result(incident.NudgePutOff{Index: n.Index, Until: until})
			return nil
		}
		if err == nil {
			p.waited(UrgencyNudge, p.m.Due)
		}
		if err != nil {
			return p.noteRefusal(nudgeEffect(n), err)
		}
		return nil
	})
}

// nudgeEffect names a reminder for when GitHub refuses it. The clock asks for it again, so it is never held back.
func nudgeEffect(n incident.Nudge) string { return fmt.Sprintf("nudge/%d", n.Index) }

// nudge reminds the owner of one follow-up on its ticket.
func (p *pass) nudge(ticket incident.Ref, n incident.Nudge, fu incident.FollowUp) error {
	say := n.Say
	say.Who = p.state.OwnerOf(fu)
	text, err := templates.Comment(say)
	if err != nil {
		return fmt.Errorf("say %s: %w", say.Name, err)
	}
	if err := p.isStill(ticket, fu.TicketID); err != nil {
		return err
	}
	said := dids(p.identity().String() + "/" + n.Key)
	id, err := p.GitHub.CommentOnce(p.ctx, ticket, p.isMarked(said[0]), p.signed(text, said...))
	if err != nil {
		return fmt.Errorf("remind of the follow-up %s: %w", fu.Ticket, err)
	}
	return p.replace(ticket, fmt.Sprintf("follow-up/%d", n.Index), id)
}

func (p *pass) ticket(repo string, i NewIssue, index int) (number int, id int64, err error) {
	of := p.ticketMark(index)
	number, id, err = p.GitHub.FindIssue(p.ctx, repo, p.isMarked(of), p.state.Declared.At)
	if err != nil || number != 0 {
		return number, id, err
	}
	i.Body = p.signedIssue(strings.TrimSuffix(strings.TrimSpace(i.Body), of.Line()), of)
	o, err := p.openOnce(repo, of.Line(), "", i, longDoubt)
	return o.Number, o.ID, err
}

// hash names something for the eyes of others without telling them what.
func (p *pass) hash(parts ...string) string {
	mac := hmac.New(sha256.New, p.keys[0])
	mac.Write([]byte(p.identity().String() + "\n" + strings.Join(parts, "\n")))
	return hex.EncodeToString(mac.Sum(nil)[:12])
}
