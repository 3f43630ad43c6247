package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/templates"
)

// reactions are GitHub's names of how a command was taken.
var reactions = map[incident.Reaction]string{
	incident.Done: "+1", incident.Unclear: "confused", incident.Refused: "-1",
}

// answerFirst does what people wait for: pages, customer updates, answers. What it brings about is stepped over as facts of
// its own, so each stage may add to a later one. The card is written after it.
func (p *pass) answerFirst() error {
	page, speak, react := p.as(UrgencyPage, p.mention), p.as(UrgencyAnswer, p.speak), p.as(UrgencyAnswer, p.react)
	err := p.inOrder(page, p.as(UrgencyAnswer, p.announce), page, p.as(UrgencyTicket, p.deliverOrLeave), speak)
	if _, ok := isPutOff(err); ok { // a reaction takes nothing of what there is too little of
		p.isBrief = true
		defer func() { p.isBrief = false }()
		return errors.Join(err, react())
	}
	if err != nil {
		return err
	}
	return p.inOrder(react, p.folds, p.as(UrgencyNudge, p.nudges), p.broadcast, speak, react)
}

// followUp makes GitHub look as the state says. It may take long, or be refused, and nobody waits for it.
func (p *pass) followUp() error {
	card := func() error { return p.inOrder(p.labels, p.assignees) }
	tickets := func() error {
		return p.inOrder(p.tickets, p.moveTickets, p.publish, p.refresh, p.pending, p.changeTickets, p.deliver)
	}
	return p.inOrder(p.pending, p.as(UrgencyCard, card), p.as(UrgencyAnswer, p.shareAgain), p.as(UrgencyTicket, tickets),
		p.as(UrgencyCard, p.open), p.as(UrgencyAnswer, p.speak), p.as(UrgencyAnswer, p.react)) // refreshing reads what people wrote into the postmortem
}

// pending adds what the state asks for and GitHub does not have.
func (p *pass) pending() error {
	p.effects = append(p.effects, incident.Pending(p.state)...)
	return nil
}

func (p *pass) inOrder(stages ...func() error) error {
	for _, stage := range stages {
		if err := stage(); err != nil {
			return err
		}
	}
	return nil
}

// result steps over what an effect brought about.
func (p *pass) result(what any) { p.fact(incident.Fact{At: p.now, What: what}) }

// each hands out the effects of one type.
func each[T incident.Effect](p *pass, do func(T) error) error {
	for i := 0; i < len(p.effects); i++ { // what is done may add effects
		if t, ok := p.effects[i].(T); ok {
			if err := do(t); err != nil {
				return err
			}
		}
	}
	return nil
}

// old tells whether an effect belongs to the time before a card was lost.
func (p *pass) old(at time.Time) bool { return p.lost && p.now.Sub(at) > fresh }

// handled tells whether a fact was acted on before the card was lost. Its comment carries the reaction with which a pass ends;
// what can't carry one is judged by its age.
func (p *pass) handled(fact string) bool {
	if incident.CommentOf(fact) == 0 || !p.lost {
		return p.old(p.when(fact))
	}
	return p.answered(fact)
}

// sentBefore tells whether a page went out before the card was lost. One that a comment asks for, as /ic escalate does, went out if
// that was answered; others are judged by their age.
func (p *pass) sentBefore(s incident.Send) bool {
	if incident.CommentOf(s.Fact) != 0 {
		return p.handled(s.Fact)
	}
	return p.old(s.At)
}

// mention is page that notes whether a page's mention still has to go out.
func (p *pass) mention() error {
	err := p.page()
	p.notePaging(err)
	return err
}

// page sends pages, outside first: nothing may delay them. A page that no service takes makes the next step go out at
// once, so the list of effects grows while it is walked.
func (p *pass) page() error {
	return each(p, func(s incident.Send) error {
		key := s.Key
		if s.Unsure { // whom it is for may be known when this look is tried again: that is another page
			key = blindKey(s.Key, s.At)
		}
		if p.pages[key] || p.said(key) || p.sentBefore(s) {
			return nil
		}
		p.note(key)
		if why := p.whyNot(s); why != "" {
			p.skipPage(s, why)
			return nil
		}
		outside, phones := p.receivers(s)
		say := incident.Say{Name: "page", Reason: s.Why, Line: s.Text, Holder: s.Asker, Count: p.state.Paging.Count()}
		switch {
		case p.state.Drill:
			say.Role = "drill"
		case p.state.Confirmed == nil:
			say.Role = "unconfirmed"
		}
		mention := len(phones) > 0 || slices.Contains(s.To, "phone")
		for _, kind := range s.By {
			if kind == "github" {
				say.Names, mention = p.mentions(outside), !s.Spoken
				continue
			}
			p.send(s, kind, outside)
		}
		if !mention {
			return nil
		}
		if p.rebuilt && p.isDelivered(p.ctx, p.identity(), onceBy(s, "github")) {
			return nil // with the card somebody deleted the comment too
		}
		say.Missing = phones
		err := p.sayOnce(key, say)
		if err == nil {
			p.waited(UrgencyPage, s.At)
			p.noteDelivered(p.ctx, p.identity(), onceBy(s, "github"))
		}
		if isRefused(err) {
			p.result(incident.PageFailed{Key: s.Key, Service: "github", Why: reason(err)})
			return nil
		}
		return err
	})
}

// note remembers that this pass has handled a page.
func (p *pass) note(key string) {
	if p.pages == nil {
		p.pages = map[string]bool{}
	}
	p.pages[key] = true
}

// receivers parts those whom services reach from the phone list, which people call.
func (p *pass) receivers(s incident.Send) (outside, phones []string) {
	for _, to := range s.To {
		if to == "phone" {
			phones = p.policy.Phones
			continue
		}
		outside = append(outside, to)
	}
	return outside, phones
}

// send pages by one service outside GitHub, unless this process or another did so before. A failure is a fact of its own.
func (p *pass) send(s incident.Send, kind string, to []string) {
	if len(to) == 0 {
		return
	}
	key := p.identity().String() + "/" + s.Key // the same under each name of its repository
	if p.blind || s.Unsure {
		key = blindKey(key, s.At)
	}
	isNew, failed, err := p.sendOnce(p.ctx, p.identity(), onceBy(s, kind), func(ctx context.Context, before delivery) error {
		return p.sendTo(ctx, s, kind, to, key, before.Reached)
	})
	if !isNew {
		return
	}
	p.countPage(kind, p.m.Ref.String(), s.Key, err)
	if err != nil {
		p.fact(incident.Fact{At: failed, What: incident.PageFailed{Key: s.Key, Service: kind, Why: reason(err)}})
	}
}

// onceBy tells a page by one service from all others of its incident. Its number alone does not, where a state was rebuilt.
func onceBy(s incident.Send, kind string) string {
	once := blindKey(s.Key, s.At) + " " + kind
	if s.Unsure { // it went to others than those who were asked for
		once += " unsure"
	}
	return once
}

func (p *pass) sendTo(ctx context.Context, s incident.Send, kind string, to []string, key string, reached []string) error {
	if p.Pager == nil {
		return errors.New("no service is set up here to page people outside GitHub")
	}
	service, _ := p.policy.Service(kind)
	return p.Pager.Page(ctx, Page{Ref: p.m.Ref, Key: key, To: to, Reached: reached, Title: p.headline(), Text: p.asks(s),
		URL: p.snap.URL, Severity: cmp.Or(p.state.Severity, p.state.Claimed), Drill: p.state.Drill, Service: service, Tag: p.tag(p.identity())})
}

// headline says in one line how bad it is, for whom, and what: all that somebody who is woken reads at first.
func (p *pass) headline() string {
	words := []string{p.state.Severity}
	if p.state.Critical(p.policy) {
		words[0] = "P1"
	} else if p.state.Confirmed == nil {
		words[0] = strings.TrimSpace("Unconfirmed " + p.state.Claimed)
	}
	if len(p.state.Customers) > 0 {
		words = append(words, strings.Join(p.state.Customers, ", "))
	}
	return strings.Join(words, " ") + ": " + p.snap.Title
}

// asks says what is asked of whoever is paged.
func (p *pass) asks(s incident.Send) string {
	if s.Why == "team" && p.state.Confirmed == nil {
		return "Nobody has confirmed it yet. On it? Write /oe on the incident's page, then /ic severity and how bad it is."
	}
	switch s.Why {
	case "update":
		return "A customer update is overdue. Please help the coordinator write it, or take over with /ic."
	case "asked":
		return strings.TrimSpace(s.Asker + " asks for your help. " + s.Text)
	case "again":
		return strings.TrimSpace("It came back. Please answer on the incident's page. " + s.Text)
	case "reopened":
		return "The incident was reopened. Please answer on its page."
	case "silent":
		return "The Incident Coordinator does not answer. To take over, write /ic on the incident's page."
	}
	return "It has no Incident Coordinator yet. To take the role, write /ic on the incident's page."
}

// mentions gives what GitHub notifies: people as they are, teams with their organisation.
func (p *pass) mentions(to []string) []string {
	var out []string
	for _, name := range to {
		login, person := strings.CutPrefix(name, "@")
		switch {
		case person:
			out = append(out, login)
		case strings.Contains(name, "/"):
			out = append(out, name)
		default:
			out = append(out, p.m.Ref.Owner+"/"+name)
		}
	}
	return out
}

// reason gives the first line of an error, short enough for the card.
func reason(err error) string {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return refusal.Error() // GitHub's reason, and not the way to it
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	if len(line) > maxReason {
		line = strings.ToValidUTF8(line[:maxReason], "") + "…"
	}
	return line
}

const maxReason = 160

// labels makes labels and assignees as they should be: added and removed one by one, never as a set, which would undo
// what a person does at the same moment.
func (p *pass) labels() error {
	add, remove, _, _, _ := p.wanted()
	return p.attempt("labels", func() error {
		if len(add) > 0 {
			if err := p.GitHub.AddLabels(p.ctx, p.m.Ref, add); err != nil {
				return fmt.Errorf("add labels %v: %w", add, err)
			}
		}
		for _, l := range remove {
			if err := p.GitHub.RemoveLabel(p.ctx, p.m.Ref, l); err != nil {
				return fmt.Errorf("remove label %s: %w", l, err)
			}
		}
		return nil
	})
}

// assignees makes the assignees as they should be, as far as GitHub takes them.
func (p *pass) assignees() error {
	_, _, assign, dismiss, _ := p.wanted()
	return p.attempt("assignees", func() error {
		if len(dismiss) > 0 {
			if err := p.GitHub.Unassign(p.ctx, p.m.Ref, dismiss); err != nil {
				return fmt.Errorf("unassign %v: %w", dismiss, err)
			}
		}
		if len(assign) == 0 {
			return nil
		}
		now, err := p.GitHub.Assign(p.ctx, p.m.Ref, assign)
		if err != nil {
			return fmt.Errorf("assign %v: %w", assign, err)
		}
		if refused := slices.DeleteFunc(assign, func(l string) bool { return naming.Contains(now, l) }); len(refused) > 0 {
			p.result(incident.Unassignable{Logins: refused})
		}
		return nil
	})
}

// open opens or closes the issue.
func (p *pass) open() error {
	if p.state.Declared == nil {
		return nil
	}
	w := incident.AsWanted(p.state, p.policy)
	if w.Open == p.snap.Open || p.state.Contested.Left(incident.ContestState) || !p.mayPutStateRight(w.Open) {
		return nil
	}
	return p.attempt("state", func() error {
		canonical := int64(0)
		if !w.Open && w.Reason == "duplicate" {
			var err error
			if canonical, err = p.canonical(w.Duplicate); err != nil {
				return err
			}
		}
		if err := p.GitHub.SetOpen(p.ctx, p.m.Ref, w.Open, w.Reason, canonical); err != nil {
			return fmt.Errorf("open or close the issue: %w", err)
		}
		return nil
	})
}

// speak posts replies, one comment per comment answered, and reminders.
func (p *pass) speak() error {
	if err := p.speakAfterAll(); err != nil {
		return err
	}
	answers := map[string]*answer{}
	var order []string
	err := each(p, func(r incident.Reply) error {
		key := "reply/" + r.Fact
		if p.said(key) || p.handled(r.Fact) {
			return nil
		}
		to, _, _ := strings.Cut(r.Fact, ".")
		a := answers[to]
		if a == nil {
			a = &answer{}
			answers[to] = a
			order = append(order, to)
		}
		a.says = addSay(a.says, r.Say)
		if !slices.Contains(a.keys, key) {
			a.keys = append(a.keys, key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, to := range order {
		text, err := joinSays(answers[to].says)
		if err != nil {
			return err
		}
		keys := answers[to].keys
		if err := p.comment(keys, text, func() error { return p.answer(to, text, keys) }); err != nil {
			return err
		}
		if p.said(keys[0]) {
			p.waited(UrgencyAnswer, p.when(to))
		}
		for _, k := range keys { // said, or kept to be said
			if !p.said(k) {
				p.done[k] = kept
			}
		}
	}
	return p.remind()
}

// answer answers a comment where it stands: on the incident, or on the postmortem's pull request, whose other comments this
// look has not seen.
func (p *pass) answer(to, text string, keys []string) error {
	if !incident.OnPull(to) {
		_, err := p.post(text, keys...)
		return err
	}
	pull := p.documentRef()
	pull.Number = p.state.Document.Number
	said := dids(keys[0])
	if _, err := p.GitHub.CommentOnPull(p.ctx, pull, p.isMarked(said[0]), p.signed(text, said...)); err != nil {
		return fmt.Errorf("comment on the postmortem's pull request: %w", err)
	}
	return nil
}

// remind posts what came due. After a time without the app several of a kind may have: only the newest is worth saying.
func (p *pass) remind() error {
	about := func(r incident.Remind) string {
		return strings.Join(append([]string{r.Say.Name, r.Say.Who, r.Say.Line}, r.Say.Names...), "\n")
	}
	newest := map[string]string{}
	_ = each(p, func(r incident.Remind) error {
		newest[about(r)] = r.Key
		return nil
	})
	spoken := false // a page whose mention is one of these
	_ = each(p, func(s incident.Send) error { spoken = spoken || s.Spoken; return nil })
	remind := func(r incident.Remind) error {
		if p.old(r.At) || newest[about(r)] != r.Key {
			return nil
		}
		if before := p.state.Said[r.Topic]; r.Edit && before != 0 && !p.said(r.Key) {
			err := p.rewrite(before, r)
			if isRefused(err) { // somebody deleted it, say, and it woke nobody: the card says the same
				p.Logger.Warn("comment not brought up to date", "incident", p.m.Ref.String(), "topic", r.Topic, "err", brief(err))
				p.done[r.Key] = kept
				return nil
			}
			return err
		}
		if p.said(r.Key) && p.done[r.Key] == kept {
			return nil
		}
		text, err := p.textOf(r.Say)
		if err != nil {
			return err
		}
		keys := []string{r.Key}
		if r.Topic != "" {
			keys = nil // a reminder of what the card shows is not made up for
		}
		if err := p.comment(keys, text, func() error { return p.postOnce(r.Key, text) }); err != nil {
			return err
		}
		if !p.said(r.Key) {
			p.done[r.Key] = kept
			return nil
		}
		if r.Topic == "" {
			return nil
		}
		return p.replace(p.m.Ref, r.Topic, p.done[r.Key])
	}
	return each(p, func(r incident.Remind) error {
		u := UrgencyAnswer
		switch {
		case spoken:
			u = UrgencyPage
		case r.Topic != "":
			u = UrgencyCard
		}
		return p.as(u, func() error { return remind(r) })()
	})
}

// kept marks what GitHub refused to take as a comment, and the card shows.
const kept = -1

// rewrite says it in the comment that said it last.
func (p *pass) rewrite(comment int64, r incident.Remind) error {
	text, err := templates.Comment(r.Say)
	if err != nil {
		return fmt.Errorf("say %s: %w", r.Say.Name, err)
	}
	if err := p.GitHub.EditComment(p.ctx, p.m.Ref, comment, p.signed(text, dids(r.Key)...)); err != nil {
		return fmt.Errorf("rewrite the comment of %s: %w", r.Topic, err)
	}
	p.done[r.Key] = comment
	return nil
}

// replace makes a comment the one that stands for a topic, and takes the one before away: reminders never pile up.
func (p *pass) replace(ref incident.Ref, topic string, comment int64) error {
	before := p.state.Said[topic]
	if before == comment {
		return nil
	}
	if before != 0 {
		if err := p.GitHub.DeleteComment(p.ctx, ref, before); err != nil && !isRefused(err) { // a reminder too many is no harm
			return fmt.Errorf("take the reminder before away: %w", err)
		}
	}
	p.result(incident.Said{Topic: topic, Comment: comment})
	return nil
}

// when gives the time of a fact of this look, or now.
func (p *pass) when(fact string) time.Time {
	id, _, _ := strings.Cut(fact, ".")
	id, _, edit := strings.Cut(id, "@")
	for _, it := range p.snap.Items {
		if it.ID == id && !edit {
			return it.At
		}
	}
	if strings.HasPrefix(fact, "b.") || fact == "opened" {
		return p.snap.Created
	}
	return p.now
}

// said tells whether something stands in a comment of the app's own already.
func (p *pass) said(key string) bool { return p.done[key] != 0 }

func (p *pass) sayOnce(key string, s incident.Say) error {
	if p.said(key) {
		return nil
	}
	text, err := p.textOf(s)
	if err != nil {
		return err
	}
	return p.postOnce(key, text)
}

// textOf returns the words of what is to be said.
func (p *pass) textOf(s incident.Say) (string, error) {
	s.Teams = p.mentions(s.Teams)
	text, err := templates.Comment(s)
	if err != nil {
		return "", fmt.Errorf("say %s: %w", s.Name, err)
	}
	return text, nil
}

func (p *pass) postOnce(key, text string) error {
	if p.said(key) {
		return nil
	}
	_, err := p.post(text, key)
	return err
}

func (p *pass) post(text string, keys ...string) (int64, error) {
	if len(text) > maxComment {
		text = strings.ToValidUTF8(text[:maxComment], "")
	}
	text = p.signed(text, dids(keys...)...)
	if err := p.inDoubt(keys); err != nil {
		return 0, err
	}
	id, err := p.GitHub.Comment(p.ctx, p.m.Ref, text)
	if errors.Is(err, ErrUnavailable) {
		p.noteSaid(0, keys) // it may be there all the same
	}
	if err != nil {
		return 0, fmt.Errorf("comment: %w", err)
	}
	for _, k := range keys {
		p.done[k] = id
	}
	p.noteSaid(id, keys)
	return id, nil
}

// maxComment keeps a comment under GitHub's 65,536 characters.
const maxComment = 60_000

// skipUnanswered drops the reactions to comments that ask for more than one, as an answer in words or a page, and that has not
// gone out. Where the card is lost a comment counts as answered that has a reaction, or that stands above one with a reaction:
// there what is newer than such a comment gets none either.
func (p *pass) skipUnanswered(reactions map[int64]incident.Reaction) {
	var oldest int64
	skip := func(fact, key string) {
		id := incident.CommentOf(fact)
		delete(reactions, id)
		if id != 0 && !p.said(key) && (oldest == 0 || id < oldest) {
			oldest = id
		}
	}
	_ = each(p, func(r incident.Reply) error { skip(r.Fact, "reply/"+r.Fact); return nil })
	_ = each(p, func(s incident.Send) error { skip(s.Fact, s.Key); return nil })
	if p.lost && oldest != 0 {
		maps.DeleteFunc(reactions, func(id int64, _ incident.Reaction) bool { return id > oldest })
	}
}

// isKeptNow reports whether this look put an answer to a comment off. Before the card keeps it, it stands nowhere.
func (p *pass) isKeptNow(comment int64) bool {
	isKept := false
	_ = each(p, func(r incident.Reply) error {
		isKept = isKept || incident.CommentOf(r.Fact) == comment && p.done["reply/"+r.Fact] == kept
		return nil
	})
	return isKept
}

// react answers each comment with one reaction: the worst that one of its commands got.
func (p *pass) react() error {
	worst, facts := map[int64]incident.Reaction{}, map[int64]string{}
	note := func(fact string, how incident.Reaction) {
		id := incident.CommentOf(fact)
		worst[id], facts[id] = max(worst[id], how), fact
	}
	_ = each(p, func(r incident.React) error { note(r.Fact, r.How); return nil })
	for _, u := range p.state.Unreacted {
		note(u.Fact, u.How)
	}
	if p.rebuilt {
		for _, it := range p.snap.Items {
			if it.Reacted {
				delete(worst, it.Comment)
			}
		}
	}
	newest := int64(0)
	for id := range worst {
		newest = max(newest, id)
	}
	if p.isBrief {
		p.skipUnanswered(worst)
	}
	scarce := p.GitHub.Budget(p.m.Ref).scarce(p.now)
	for _, id := range slices.Sorted(maps.Keys(worst)) {
		if scarce && id != newest && worst[id] == incident.Done {
			continue // the newest one's answer, and the card, say it for those before
		}
		if p.reacted[id] >= worst[id] {
			continue
		}
		if !p.isSaved && p.isKeptNow(id) {
			p.result(incident.NotReacted{Fact: facts[id], How: worst[id], Since: p.writtenAt(facts[id])})
			continue
		}
		p.reacted[id] = worst[id]
		if err := p.giveReaction(id, facts[id], worst[id]); err != nil {
			return err
		}
	}
	return nil
}
