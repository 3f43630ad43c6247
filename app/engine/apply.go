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

// reactionNames are GitHub's names of how a command was taken.
var reactionNames = map[incident.Reaction]string{
	incident.Done: "+1", incident.Unclear: "confused", incident.Refused: "-1",
}

// applyUrgent does what people wait for: pages, customer updates, answers. What it brings about is stepped over as facts of
// its own, so each stage may add to a later one. The card is written after it.
func (r *reconciliation) applyUrgent() error {
	page, speak, react := r.withUrgency(UrgencyPage, r.sendPages), r.withUrgency(UrgencyAnswer, r.postReplies), r.withUrgency(UrgencyAnswer, r.applyReactions)
	err := r.inOrder(page, r.withUrgency(UrgencyAnswer, r.announceUpdates), page, r.withUrgency(UrgencyTicket, r.deliverOrDefer), speak)
	if _, ok := isPutOff(err); ok { // a reaction takes nothing of what there is too little of
		r.isReactingOnly = true
		defer func() { r.isReactingOnly = false }()
		return errors.Join(err, react())
	}
	if err != nil {
		return err
	}
	return r.inOrder(react, r.passFolds, r.withUrgency(UrgencyNudge, r.nudgeOwners), r.broadcastPhase, speak, react)
}

// applyRest makes GitHub look as the state says. It may take long, or be refused, and nobody waits for it.
func (r *reconciliation) applyRest() error {
	card := func() error { return r.inOrder(r.applyLabels, r.applyAssignees) }
	tickets := func() error {
		return r.inOrder(r.openTickets, r.moveTickets, r.openPostmortem, r.refreshPostmortem, r.addPending, r.changeTickets, r.deliverPostmortem)
	}
	return r.inOrder(r.addPending, r.withUrgency(UrgencyCard, card), r.withUrgency(UrgencyAnswer, r.retrySharedIssues), r.withUrgency(UrgencyTicket, tickets),
		r.withUrgency(UrgencyCard, r.syncOpenState), r.withUrgency(UrgencyAnswer, r.postReplies), r.withUrgency(UrgencyAnswer, r.applyReactions)) // refreshing reads what people wrote into the postmortem
}

// addPending adds what the state asks for and GitHub does not have.
func (r *reconciliation) addPending() error {
	r.Effects = append(r.Effects, incident.Pending(r.State)...)
	return nil
}

func (r *reconciliation) inOrder(stages ...func() error) error {
	for _, stage := range stages {
		if err := stage(); err != nil {
			return err
		}
	}
	return nil
}

// Report steps over what an effect brought about.
func (r *reconciliation) Report(what any) { r.Step(incident.Fact{At: r.Now, What: what}) }

// forEach hands out the effects of one type.
func forEach[T incident.Effect](r *reconciliation, do func(T) error) error {
	for i := 0; i < len(r.Effects); i++ { // what is done may add effects
		if t, ok := r.Effects[i].(T); ok {
			if err := do(t); err != nil {
				return err
			}
		}
	}
	return nil
}

// isBeforeLoss tells whether an effect belongs to the time before a card was lost.
func (r *reconciliation) isBeforeLoss(at time.Time) bool {
	return r.IsCardLost && r.Now.Sub(at) > maxReplayAge
}

// wasHandled tells whether a fact was acted on before the card was lost. Its comment carries the reaction with which a pass ends;
// what can't carry one is judged by its age.
func (r *reconciliation) wasHandled(fact string) bool {
	if incident.CommentOf(fact) == 0 || !r.IsCardLost {
		return r.isBeforeLoss(r.timeOf(fact))
	}
	return r.isAnswered(fact)
}

// wasSent tells whether a page went out before the card was lost. One that a comment asks for, as /ic escalate does, went out if
// that was answered; others are judged by their age.
func (r *reconciliation) wasSent(s incident.Send) bool {
	if incident.CommentOf(s.Fact) != 0 {
		return r.wasHandled(s.Fact)
	}
	return r.isBeforeLoss(s.At)
}

// sendPages is page that notes whether a page's mention still has to go out.
func (r *reconciliation) sendPages() error {
	err := r.sendEachPage()
	r.rememberPaging(err)
	return err
}

// sendEachPage sends pages, outside first: nothing may delay them. A page that no service takes makes the next step go out at
// once, so the list of effects grows while it is walked.
func (r *reconciliation) sendEachPage() error {
	return forEach(r, func(s incident.Send) error {
		key := s.Key
		if s.Unsure { // whom it is for may be known when this look is tried again: that is another page
			key = timedKey(s.Key, s.At)
		}
		if r.handledPages[key] || r.isPosted(key) || r.wasSent(s) {
			return nil
		}
		r.markPageHandled(key)
		if why := r.whySkipPage(s); why != "" {
			r.skipPage(s, why)
			return nil
		}
		outside, phones := r.splitReceivers(s)
		say := incident.Say{Name: "page", Reason: s.Why, Line: s.Text, Holder: s.Asker, Count: r.State.Paging.Count()}
		switch {
		case r.State.Drill:
			say.Role = "drill"
		case r.State.Confirmed == nil:
			say.Role = "unconfirmed"
		}
		mention := len(phones) > 0 || slices.Contains(s.To, "phone")
		for _, kind := range s.By {
			if kind == "github" {
				say.Names, mention = r.namesToMention(outside), !s.Spoken
				continue
			}
			r.sendByService(s, kind, outside)
		}
		if !mention {
			return nil
		}
		if r.IsRebuilt && r.isDelivered(r.Ctx, r.declaredRef(), pageDeliveryName(s, "github")) {
			return nil // with the card somebody deleted the comment too
		}
		say.Missing = phones
		err := r.postSayOnce(key, say)
		if err == nil {
			r.recordWait(UrgencyPage, s.At)
			r.noteDelivered(r.Ctx, r.declaredRef(), pageDeliveryName(s, "github"))
		}
		if isRefused(err) {
			r.Report(incident.PageFailed{Key: s.Key, Service: "github", Why: shortReason(err)})
			return nil
		}
		return err
	})
}

// markPageHandled remembers that this pass has handled a page.
func (r *reconciliation) markPageHandled(key string) {
	if r.handledPages == nil {
		r.handledPages = map[string]bool{}
	}
	r.handledPages[key] = true
}

// splitReceivers parts those whom services reach from the phone list, which people call.
func (r *reconciliation) splitReceivers(s incident.Send) (outside, phones []string) {
	for _, to := range s.To {
		if to == "phone" {
			phones = r.Policy.Phones
			continue
		}
		outside = append(outside, to)
	}
	return outside, phones
}

// sendByService pages by one service outside GitHub, unless this process or another did so before. A failure is a fact of its own.
func (r *reconciliation) sendByService(s incident.Send, kind string, to []string) {
	if len(to) == 0 {
		return
	}
	key := r.declaredRef().String() + "/" + s.Key // the same under each name of its repository
	if r.isOffline || s.Unsure {
		key = timedKey(key, s.At)
	}
	isNew, failed, err := r.sendOnce(r.Ctx, r.declaredRef(), pageDeliveryName(s, kind), func(ctx context.Context, before delivery) error {
		return r.callPager(ctx, s, kind, to, key, before.Reached)
	})
	if !isNew {
		return
	}
	r.countPage(kind, r.m.Ref.String(), s.Key, err)
	if err != nil {
		r.Step(incident.Fact{At: failed, What: incident.PageFailed{Key: s.Key, Service: kind, Why: shortReason(err)}})
	}
}

// pageDeliveryName tells a page by one service from all others of its incident. Its number alone does not, where a state was rebuilt.
func pageDeliveryName(s incident.Send, kind string) string {
	once := timedKey(s.Key, s.At) + " " + kind
	if s.Unsure { // it went to others than those who were asked for
		once += " unsure"
	}
	return once
}

func (r *reconciliation) callPager(ctx context.Context, s incident.Send, kind string, to []string, key string, reached []string) error {
	if r.Pager == nil {
		return errors.New("no service is set up here to page people outside GitHub")
	}
	service, _ := r.Policy.Service(kind)
	return r.Pager.Page(ctx, Page{Ref: r.m.Ref, Key: key, To: to, Reached: reached, Title: r.pageTitle(), Text: r.pageText(s),
		URL: r.Snapshot.URL, Severity: cmp.Or(r.State.Severity, r.State.Claimed), Drill: r.State.Drill, Service: service, Tag: r.mailTag(r.declaredRef())})
}

// pageTitle says in one line how bad it is, for whom, and what: all that somebody who is woken reads at first.
func (r *reconciliation) pageTitle() string {
	words := []string{r.State.Severity}
	if r.State.Critical(r.Policy) {
		words[0] = "P1"
	} else if r.State.Confirmed == nil {
		words[0] = strings.TrimSpace("Unconfirmed " + r.State.Claimed)
	}
	if len(r.State.Customers) > 0 {
		words = append(words, strings.Join(r.State.Customers, ", "))
	}
	return strings.Join(words, " ") + ": " + r.Snapshot.Title
}

// pageText says what is asked of whoever is paged.
func (r *reconciliation) pageText(s incident.Send) string {
	if s.Why == "team" && r.State.Confirmed == nil {
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

// namesToMention gives what GitHub notifies: people as they are, teams with their organisation.
func (r *reconciliation) namesToMention(to []string) []string {
	var out []string
	for _, name := range to {
		login, person := strings.CutPrefix(name, "@")
		switch {
		case person:
			out = append(out, login)
		case strings.Contains(name, "/"):
			out = append(out, name)
		default:
			out = append(out, r.m.Ref.Owner+"/"+name)
		}
	}
	return out
}

// shortReason gives the first line of an error, short enough for the card.
func shortReason(err error) string {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return refusal.Error() // GitHub's reason, and not the way to it
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	if len(line) > maxReasonLength {
		line = strings.ToValidUTF8(line[:maxReasonLength], "") + "…"
	}
	return line
}

const maxReasonLength = 160

// applyLabels makes labels and assignees as they should be: added and removed one by one, never as a set, which would undo
// what a person does at the same moment.
func (r *reconciliation) applyLabels() error {
	add, remove, _, _, _ := r.pendingCorrections()
	return r.attempt("labels", func() error {
		if len(add) > 0 {
			if err := r.GitHub.AddLabels(r.Ctx, r.m.Ref, add); err != nil {
				return fmt.Errorf("add labels %v: %w", add, err)
			}
		}
		for _, l := range remove {
			if err := r.GitHub.RemoveLabel(r.Ctx, r.m.Ref, l); err != nil {
				return fmt.Errorf("remove label %s: %w", l, err)
			}
		}
		return nil
	})
}

// applyAssignees makes the assignees as they should be, as far as GitHub takes them.
func (r *reconciliation) applyAssignees() error {
	_, _, assign, dismiss, _ := r.pendingCorrections()
	return r.attempt("assignees", func() error {
		if len(dismiss) > 0 {
			if err := r.GitHub.Unassign(r.Ctx, r.m.Ref, dismiss); err != nil {
				return fmt.Errorf("unassign %v: %w", dismiss, err)
			}
		}
		if len(assign) == 0 {
			return nil
		}
		now, err := r.GitHub.Assign(r.Ctx, r.m.Ref, assign)
		if err != nil {
			return fmt.Errorf("assign %v: %w", assign, err)
		}
		if refused := slices.DeleteFunc(assign, func(l string) bool { return naming.Contains(now, l) }); len(refused) > 0 {
			r.Report(incident.Unassignable{Logins: refused})
		}
		return nil
	})
}

// syncOpenState opens or closes the issue.
func (r *reconciliation) syncOpenState() error {
	if r.State.Declared == nil {
		return nil
	}
	w := incident.AsWanted(r.State, r.Policy)
	if w.Open == r.Snapshot.Open || r.State.Contested.Left(incident.ContestState) || !r.canCorrectState(w.Open) {
		return nil
	}
	return r.attempt("state", func() error {
		canonical := int64(0)
		if !w.Open && w.Reason == "duplicate" {
			var err error
			if canonical, err = r.canonicalID(w.Duplicate); err != nil {
				return err
			}
		}
		if err := r.GitHub.SetOpen(r.Ctx, r.m.Ref, w.Open, w.Reason, canonical); err != nil {
			return fmt.Errorf("open or close the issue: %w", err)
		}
		return nil
	})
}

// postReplies posts replies, one comment per comment answered, and reminders.
func (r *reconciliation) postReplies() error {
	if err := r.postKept(); err != nil {
		return err
	}
	answers := map[string]*replyGroup{}
	var order []string
	err := forEach(r, func(reply incident.Reply) error {
		key := "reply/" + reply.Fact
		if r.isPosted(key) || r.wasHandled(reply.Fact) {
			return nil
		}
		to, _, _ := strings.Cut(reply.Fact, ".")
		a := answers[to]
		if a == nil {
			a = &replyGroup{}
			answers[to] = a
			order = append(order, to)
		}
		a.says = addSay(a.says, reply.Say)
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
		if err := r.postOrKeep(keys, text, func() error { return r.postReply(to, text, keys) }); err != nil {
			return err
		}
		if r.isPosted(keys[0]) {
			r.recordWait(UrgencyAnswer, r.timeOf(to))
		}
		for _, k := range keys { // said, or kept to be said
			if !r.isPosted(k) {
				r.Posted[k] = notPosted
			}
		}
	}
	return r.postReminders()
}

// postReply answers a comment where it stands: on the incident, or on the postmortem's pull request, whose other comments this
// look has not seen.
func (r *reconciliation) postReply(to, text string, keys []string) error {
	if !incident.OnPull(to) {
		_, err := r.postComment(text, keys...)
		return err
	}
	pull := r.documentRef()
	pull.Number = r.State.Document.Number
	said := marksFor(keys[0])
	if _, err := r.GitHub.CommentOnPull(r.Ctx, pull, r.isMarked(said[0]), r.signComment(text, said...)); err != nil {
		return fmt.Errorf("comment on the postmortem's pull request: %w", err)
	}
	return nil
}

// postReminders posts what came due. After a time without the app several of a kind may have: only the newest is worth saying.
func (r *reconciliation) postReminders() error {
	about := func(rem incident.Remind) string {
		return strings.Join(append([]string{rem.Say.Name, rem.Say.Who, rem.Say.Line}, rem.Say.Names...), "\n")
	}
	newest := map[string]string{}
	_ = forEach(r, func(rem incident.Remind) error {
		newest[about(rem)] = rem.Key
		return nil
	})
	spoken := false // a page whose mention is one of these
	_ = forEach(r, func(s incident.Send) error { spoken = spoken || s.Spoken; return nil })
	remind := func(rem incident.Remind) error {
		if r.isBeforeLoss(rem.At) || newest[about(rem)] != rem.Key {
			return nil
		}
		if before := r.State.Said[rem.Topic]; rem.Edit && before != 0 && !r.isPosted(rem.Key) {
			err := r.editReminder(before, rem)
			if isRefused(err) { // somebody deleted it, say, and it woke nobody: the card says the same
				r.Logger.Warn("comment not brought up to date", "incident", r.m.Ref.String(), "topic", rem.Topic, "err", redact(err))
				r.Posted[rem.Key] = notPosted
				return nil
			}
			return err
		}
		if r.isPosted(rem.Key) && r.Posted[rem.Key] == notPosted {
			return nil
		}
		text, err := r.renderSay(rem.Say)
		if err != nil {
			return err
		}
		keys := []string{rem.Key}
		if rem.Topic != "" {
			keys = nil // a reminder of what the card shows is not made up for
		}
		if err := r.postOrKeep(keys, text, func() error { return r.postOnce(rem.Key, text) }); err != nil {
			return err
		}
		if !r.isPosted(rem.Key) {
			r.Posted[rem.Key] = notPosted
			return nil
		}
		if rem.Topic == "" {
			return nil
		}
		return r.replaceReminder(r.m.Ref, rem.Topic, r.Posted[rem.Key])
	}
	return forEach(r, func(rem incident.Remind) error {
		u := UrgencyAnswer
		switch {
		case spoken:
			u = UrgencyPage
		case rem.Topic != "":
			u = UrgencyCard
		}
		return r.withUrgency(u, func() error { return remind(rem) })()
	})
}

// notPosted marks what GitHub refused to take as a comment, and the card shows.
const notPosted = -1

// editReminder says it in the comment that said it last.
func (r *reconciliation) editReminder(comment int64, rem incident.Remind) error {
	text, err := templates.Comment(rem.Say)
	if err != nil {
		return fmt.Errorf("say %s: %w", rem.Say.Name, err)
	}
	if err := r.GitHub.EditComment(r.Ctx, r.m.Ref, comment, r.signComment(text, marksFor(rem.Key)...)); err != nil {
		return fmt.Errorf("rewrite the comment of %s: %w", rem.Topic, err)
	}
	r.Posted[rem.Key] = comment
	return nil
}

// replaceReminder makes a comment the one that stands for a topic, and takes the one before away: reminders never pile up.
func (r *reconciliation) replaceReminder(ref incident.Ref, topic string, comment int64) error {
	before := r.State.Said[topic]
	if before == comment {
		return nil
	}
	if before != 0 {
		if err := r.GitHub.DeleteComment(r.Ctx, ref, before); err != nil && !isRefused(err) { // a reminder too many is no harm
			return fmt.Errorf("take the reminder before away: %w", err)
		}
	}
	r.Report(incident.Said{Topic: topic, Comment: comment})
	return nil
}

// timeOf gives the time of a fact of this look, or now.
func (r *reconciliation) timeOf(fact string) time.Time {
	id, _, _ := strings.Cut(fact, ".")
	id, _, edit := strings.Cut(id, "@")
	for _, it := range r.Snapshot.Items {
		if it.ID == id && !edit {
			return it.At
		}
	}
	if strings.HasPrefix(fact, "b.") || fact == "opened" {
		return r.Snapshot.Created
	}
	return r.Now
}

// isPosted tells whether something stands in a comment of the app's own already.
func (r *reconciliation) isPosted(key string) bool { return r.Posted[key] != 0 }

func (r *reconciliation) postSayOnce(key string, s incident.Say) error {
	if r.isPosted(key) {
		return nil
	}
	text, err := r.renderSay(s)
	if err != nil {
		return err
	}
	return r.postOnce(key, text)
}

// renderSay returns the words of what is to be said.
func (r *reconciliation) renderSay(s incident.Say) (string, error) {
	s.Teams = r.namesToMention(s.Teams)
	text, err := templates.Comment(s)
	if err != nil {
		return "", fmt.Errorf("say %s: %w", s.Name, err)
	}
	return text, nil
}

func (r *reconciliation) postOnce(key, text string) error {
	if r.isPosted(key) {
		return nil
	}
	_, err := r.postComment(text, key)
	return err
}

func (r *reconciliation) postComment(text string, keys ...string) (int64, error) {
	if len(text) > maxCommentLength {
		text = strings.ToValidUTF8(text[:maxCommentLength], "")
	}
	text = r.signComment(text, marksFor(keys...)...)
	if err := r.awaitDoubted(keys); err != nil {
		return 0, err
	}
	id, err := r.GitHub.PostComment(r.Ctx, r.m.Ref, text)
	if errors.Is(err, ErrUnavailable) {
		r.rememberComment(0, keys) // it may be there all the same
	}
	if err != nil {
		return 0, fmt.Errorf("comment: %w", err)
	}
	for _, k := range keys {
		r.Posted[k] = id
	}
	r.rememberComment(id, keys)
	return id, nil
}

// maxCommentLength keeps a comment under GitHub's 65,536 characters.
const maxCommentLength = 60_000

// dropUnanswered drops the reactions to comments that ask for more than one, as an answer in words or a page, and that has not
// gone out. Where the card is lost a comment counts as answered that has a reaction, or that stands above one with a reaction:
// there what is newer than such a comment gets none either.
func (r *reconciliation) dropUnanswered(reactions map[int64]incident.Reaction) {
	var oldest int64
	skip := func(fact, key string) {
		id := incident.CommentOf(fact)
		delete(reactions, id)
		if id != 0 && !r.isPosted(key) && (oldest == 0 || id < oldest) {
			oldest = id
		}
	}
	_ = forEach(r, func(reply incident.Reply) error { skip(reply.Fact, "reply/"+reply.Fact); return nil })
	_ = forEach(r, func(s incident.Send) error { skip(s.Fact, s.Key); return nil })
	if r.IsCardLost && oldest != 0 {
		maps.DeleteFunc(reactions, func(id int64, _ incident.Reaction) bool { return id > oldest })
	}
}

// isAnswerPutOff reports whether this look put an answer to a comment off. Before the card keeps it, it stands nowhere.
func (r *reconciliation) isAnswerPutOff(comment int64) bool {
	isKept := false
	_ = forEach(r, func(reply incident.Reply) error {
		isKept = isKept || incident.CommentOf(reply.Fact) == comment && r.Posted["reply/"+reply.Fact] == notPosted
		return nil
	})
	return isKept
}

// applyReactions answers each comment with one reaction: the worst that one of its commands got.
func (r *reconciliation) applyReactions() error {
	worst, facts := map[int64]incident.Reaction{}, map[int64]string{}
	note := func(fact string, how incident.Reaction) {
		id := incident.CommentOf(fact)
		worst[id], facts[id] = max(worst[id], how), fact
	}
	_ = forEach(r, func(re incident.React) error { note(re.Fact, re.How); return nil })
	for _, u := range r.State.Unreacted {
		note(u.Fact, u.How)
	}
	if r.IsRebuilt {
		for _, it := range r.Snapshot.Items {
			if it.Reacted {
				delete(worst, it.Comment)
			}
		}
	}
	newest := int64(0)
	for id := range worst {
		newest = max(newest, id)
	}
	if r.isReactingOnly {
		r.dropUnanswered(worst)
	}
	scarce := r.GitHub.RateBudget(r.m.Ref).isLow(r.Now)
	for _, id := range slices.Sorted(maps.Keys(worst)) {
		if scarce && id != newest && worst[id] == incident.Done {
			continue // the newest one's answer, and the card, say it for those before
		}
		if r.reactionsDone[id] >= worst[id] {
			continue
		}
		if !r.isSaved && r.isAnswerPutOff(id) {
			r.Report(incident.NotReacted{Fact: facts[id], How: worst[id], Since: r.commentTime(facts[id])})
			continue
		}
		r.reactionsDone[id] = worst[id]
		if err := r.addReaction(id, facts[id], worst[id]); err != nil {
			return err
		}
	}
	return nil
}
