package effects

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/templates"
)

// CommentsAPI is what Comments needs of GitHub.
type CommentsAPI interface {
	PostComment(ctx context.Context, ref incident.Ref, body string) (id int64, err error)
	EditComment(ctx context.Context, ref incident.Ref, id int64, body string) error
	// DeleteComment deletes a comment; it is not an error if it is gone.
	DeleteComment(ctx context.Context, ref incident.Ref, id int64) error
	// CommentOnPull comments on a pull request unless a marked comment by the app is there already,
	// and returns that comment.
	CommentOnPull(ctx context.Context, ref incident.Ref, once ports.Once, body string) (id int64, err error)
}

// RecentComments knows the comments of the last minutes, which the timeline may not show yet (A4).
type RecentComments interface {
	// AwaitDoubted returns a *ports.RetryAfter while a comment with these keys may exist, as its
	// answer was lost.
	AwaitDoubted(keys []string) error
	// RememberComment notes a comment with its keys; id is 0 if its answer was lost.
	RememberComment(id int64, keys []string)
	// ForgetComment notes that a comment is not there: GitHub did not take it.
	ForgetComment(keys []string)
}

// Comments posts replies, reminders and what else is said on the incident. Each is posted once, by
// its key (A4).
type Comments struct {
	*look.Look
	GitHub CommentsAPI
	Recent RecentComments
	Issues Issues
}

const (
	// maxCommentLength keeps a comment under GitHub's 65,536 characters.
	maxCommentLength = 60_000
	// maxRateWait is how long a comment waits for GitHub's limits with its message. One that must
	// wait longer is put off.
	maxRateWait = time.Minute
)

// Apply posts what was put off before, then replies, one comment for each comment that is answered,
// then reminders.
func (e Comments) Apply() error {
	if err := e.postPutOff(); err != nil {
		return err
	}
	groups, order, err := e.groupReplies()
	if err != nil {
		return err
	}
	for _, to := range order {
		if err := e.postGroup(to, groups[to]); err != nil {
			return err
		}
	}
	return e.postReminders()
}

// groupReplies groups the replies of this look by the comment that they answer.
func (e Comments) groupReplies() (groups map[string]*replyGroup, order []string, err error) {
	groups = map[string]*replyGroup{}
	err = look.ForEach(e.Look, func(reply incident.Reply) error {
		key := "reply/" + reply.Fact
		if e.IsPosted(key) || e.WasHandled(reply.Fact) && !reply.IsLate {
			return nil
		}
		to, _, _ := strings.Cut(reply.Fact, ".")
		g := groups[to]
		if g == nil {
			g = &replyGroup{}
			groups[to] = g
			order = append(order, to)
		}
		g.says = appendSay(g.says, reply.Say)
		if !slices.Contains(g.keys, key) {
			g.keys = append(g.keys, key)
		}
		return nil
	})
	return groups, order, err
}

// postGroup posts all replies to one comment.
func (e Comments) postGroup(to string, g *replyGroup) error {
	text, err := joinSays(g.says)
	if err != nil {
		return err
	}
	if err := e.postOrKeep(g.keys, text, func() error { return e.reply(to, text, g.keys) }); err != nil {
		return err
	}
	if e.IsPosted(g.keys[0]) {
		e.RecordWait(ports.UrgencyAnswer, e.TimeOf(to))
	}
	for _, k := range g.keys {
		if !e.IsPosted(k) {
			e.Posted[k] = look.NotPosted
		}
	}
	return nil
}

// reply answers a comment where it was written: on the incident or on the postmortem's pull
// request.
func (e Comments) reply(to, text string, keys []string) error {
	if !incident.OnPull(to) {
		_, err := e.Post(text, keys...)
		return err
	}
	return e.PostOnPull(keys[0], text)
}

// PostOnPull comments on the postmortem's pull request, once. Its comments are not read in a look,
// so GitHub is asked.
func (e Comments) PostOnPull(key, text string) error {
	pull := e.DocumentRef()
	pull.Number = e.State.Document.Number
	marks := look.MarksFor(key)
	if _, err := e.Issues.CommentOnce(pull, marks[0], DoubtComment, func(once ports.Once) (int64, error) {
		return e.GitHub.CommentOnPull(e.Ctx, pull, once, e.SignComment(text, marks...))
	}); err != nil {
		return fmt.Errorf("comment on the postmortem's pull request: %w", err)
	}
	return nil
}

// postReminders posts what came due. After a time without the app several of a kind may have: only
// the newest is posted.
func (e Comments) postReminders() error {
	newest := map[string]string{}
	_ = look.ForEach(e.Look, func(rem incident.Remind) error {
		newest[subjectOf(rem)] = rem.Key
		return nil
	})
	hasMention := false // one of the reminders is a page's mention
	_ = look.ForEach(e.Look, func(s incident.Send) error { hasMention = hasMention || s.Spoken; return nil })

	return look.ForEach(e.Look, func(rem incident.Remind) error {
		if e.IsBeforeLoss(rem.At) || newest[subjectOf(rem)] != rem.Key {
			return nil
		}
		u := ports.UrgencyAnswer
		switch {
		case hasMention:
			u = ports.UrgencyPage
		case incident.TopicOf(rem.Key) != "":
			u = ports.UrgencyCard
		}
		return e.WithUrgency(u, func() error { return e.remind(rem) })()
	})
}

// subjectOf names what a reminder is about, without its number.
func subjectOf(rem incident.Remind) string {
	return strings.Join(append([]string{rem.Say.Name, rem.Say.Who, rem.Say.Line}, rem.Say.Names...), "\n")
}

// remind posts one reminder, or edits the one before it.
func (e Comments) remind(rem incident.Remind) error {
	if before := e.State.Said[incident.TopicOf(rem.Key)]; rem.Edit && before != 0 && !e.IsPosted(rem.Key) {
		err := e.edit(before, rem)
		if ports.IsRefused(err) { // somebody deleted it, perhaps: the card says the same
			e.Logger.Warn("comment not brought up to date", "incident", e.Ref.String(), "topic", incident.TopicOf(rem.Key),
				"err", ports.Redact(err))
			e.Posted[rem.Key] = look.NotPosted
			return nil
		}
		return err
	}
	if e.Posted[rem.Key] == look.NotPosted {
		return nil
	}

	text, err := e.Render(rem.Say)
	if err != nil {
		return err
	}
	keys := []string{rem.Key}
	if incident.TopicOf(rem.Key) != "" {
		keys = nil // the card shows it: it is not made up for
	}
	if err := e.postOrKeep(keys, text, func() error { return e.postOnce(rem.Key, text) }); err != nil {
		return err
	}
	if !e.IsPosted(rem.Key) {
		e.Posted[rem.Key] = look.NotPosted
		return nil
	}
	if incident.TopicOf(rem.Key) == "" {
		return nil
	}
	return e.Replace(e.Ref, incident.TopicOf(rem.Key), e.Posted[rem.Key])
}

// edit puts a reminder into the comment that reminded before.
func (e Comments) edit(comment int64, rem incident.Remind) error {
	text, err := templates.Comment(rem.Say)
	if err != nil {
		return fmt.Errorf("say %s: %w", rem.Say.Name, err)
	}
	if err := e.GitHub.EditComment(e.Ctx, e.Ref, comment,
		e.SignComment(text, look.MarksFor(rem.Key)...)); err != nil {
		return fmt.Errorf("edit the comment of %s: %w", incident.TopicOf(rem.Key), err)
	}
	e.Posted[rem.Key] = comment
	return nil
}

// Replace makes a comment the one of its topic and deletes the one before, so that reminders never
// pile up.
func (e Comments) Replace(ref incident.Ref, topic string, comment int64) error {
	before := e.State.Said[topic]
	if before == comment {
		return nil
	}
	if before != 0 { // a reminder too many does no harm
		if err := e.GitHub.DeleteComment(e.Ctx, ref, before); err != nil && !ports.IsRefused(err) {
			return fmt.Errorf("delete the reminder before: %w", err)
		}
	}
	e.Report(incident.Said{Topic: topic, Comment: comment})
	return nil
}

// PostSay posts what is to be said, once by its key.
func (e Comments) PostSay(key string, s incident.Say) error {
	if e.IsPosted(key) {
		return nil
	}
	text, err := e.Render(s)
	if err != nil {
		return err
	}
	return e.postOnce(key, text)
}

func (e Comments) postOnce(key, text string) error {
	if e.IsPosted(key) {
		return nil
	}
	_, err := e.Post(text, key)
	return err
}

// Post posts a comment with the marks of its keys.
func (e Comments) Post(text string, keys ...string) (int64, error) {
	if len(text) > maxCommentLength {
		text = strings.ToValidUTF8(text[:maxCommentLength], "")
	}
	text = e.SignComment(text, look.MarksFor(keys...)...)
	if err := e.Recent.AwaitDoubted(keys); err != nil {
		return 0, err
	}

	e.Recent.RememberComment(0, keys) // this process may end before it hears that GitHub has it
	id, err := e.GitHub.PostComment(e.Ctx, e.Ref, text)
	var later *ports.RetryAfter
	switch {
	case errors.As(err, &later) || ports.IsRefused(err):
		e.Recent.ForgetComment(keys)
	case err != nil:
		e.Recent.RememberComment(0, keys) // GitHub may have taken it, just now
	}
	if err != nil {
		return 0, fmt.Errorf("comment: %w", err)
	}
	for _, k := range keys {
		e.Posted[k] = id
	}
	e.Recent.RememberComment(id, keys)
	return id, nil
}

// postOrKeep posts a comment. One that GitHub refuses is kept in the state, if it has keys: the
// card shows its text until GitHub takes it.
func (e Comments) postOrKeep(keys []string, text string, post func() error) error {
	keep := func() {
		if len(keys) > 0 {
			e.Report(incident.NotSaid{Keys: keys, Text: text})
		}
	}
	if e.State.IsHeldBack("comments") {
		keep()
		return nil
	}

	err := post()
	switch {
	case err == nil:
		if e.State.IsRefused("comments") {
			e.Report(incident.TakenByGitHub{Effect: "comments"})
		}
		return nil
	case e.putOff(keys, text, err):
		return nil
	case !ports.IsRefused(err):
		return err
	}
	keep()
	return e.RecordRefusal("comments", err)
}

// putOff keeps a comment in the state if GitHub's limits hold it back for long, so that the rest of
// the look goes on. It reports whether it did. A comment without keys shows what the card shows,
// and is dropped.
func (e Comments) putOff(keys []string, text string, err error) bool {
	until, ok := ports.IsPutOff(err)
	if !ok || until.Sub(e.Now) <= maxRateWait || ports.UrgencyOf(e.Ctx) == ports.UrgencyPage ||
		len(keys) > 0 && !e.State.CanPutOff(keys, text) {
		return false
	}
	e.Logger.Info("comment put off", "incident", e.Ref.String(), "until", until)
	if len(keys) == 0 {
		return true
	}
	since := e.Now
	if fact, ok := strings.CutPrefix(keys[0], "reply/"); ok {
		since = e.TimeOf(fact)
	}
	e.Report(incident.PutOff{Keys: keys, Text: text, Since: since})
	e.DeferUntil(until, ports.UrgencyOf(e.Ctx))
	return true
}

// postPutOff posts the comments that GitHub refused before, or that were put off.
func (e Comments) postPutOff() error {
	for _, u := range e.State.Unsaid {
		if e.State.IsHeldBack("comments") {
			return nil
		}
		if e.Posted[u.Keys[0]] == look.NotPosted { // by this look
			continue
		}
		if !e.IsPosted(u.Keys[0]) {
			post := func() error { _, err := e.Post(u.Text, u.Keys...); return err }
			if err := e.postOrKeep(u.Keys, u.Text, post); err != nil {
				return err
			}
		}
		if e.IsPosted(u.Keys[0]) {
			e.RecordWait(ports.UrgencyAnswer, u.Since)
			e.Report(incident.SaidAfterAll{Key: u.Keys[0]})
		} else {
			e.Posted[u.Keys[0]] = look.NotPosted
		}
	}
	return nil
}
