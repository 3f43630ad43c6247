package engine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/engine/delivery"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/texts"
	"github.com/firebreak-dev/firebreak/templates"
)

// Commands that people write in the incident's channel in Slack (S2, S3). Each becomes one comment by the
// app that names who said it, and has all of it in a signed mark. The next look reads that comment as a
// comment of theirs: so the same table of authority counts, the same answers are given, and the issue
// alone is enough. Who somebody is says the configuration alone; display names are never believed.

// chatOfKey names in the store which incident a channel is of and, in a second line, which secret has the bot's
// token. A third line says that what people write there is brought to the issue.
func chatOfKey(channel string) string { return "chats/" + channel }

// TakeChat stores a command that somebody wrote in Slack, or what they made of it, if the channel is an incident's,
// and reports whether it is. The same one is stored once, however often Slack sends it.
func (e *Engine) TakeChat(ctx context.Context, s incident.ChatSaid) (isTaken bool, err error) {
	if s.Of != "" { // Slack signs what a button says, and only the app's own buttons arrive
		ref, err := incident.ParseRef(s.Of)
		if err != nil || e.Chat == nil || e.Queue == nil {
			return false, nil //nolint:nilerr // no button of today
		}
		return true, e.enqueueChat(ctx, ref, s.Name(), &s)
	}
	return e.takeChat(ctx, s.Channel, s.Name(), &s)
}

// TakePin does the same with a message that somebody pinned there.
func (e *Engine) TakePin(ctx context.Context, p incident.ChatPin) (isTaken bool, err error) {
	return e.takeChat(ctx, p.Channel, p.Channel+" "+incident.PinID(p.TS)+" by "+p.User, &p)
}

func (e *Engine) takeChat(ctx context.Context, channel, name string, what incident.Request) (isTaken bool, err error) {
	if e.Chat == nil || e.Store == nil || e.Queue == nil {
		return false, nil
	}
	known, err := e.Store.Load(ctx, chatOfKey(channel))
	if err != nil {
		return false, fmt.Errorf("find the incident of a Slack channel: %w", err)
	}
	of, _, _ := strings.Cut(string(known), "\n")
	ref, err := incident.ParseRef(of)
	if err != nil {
		return false, nil //nolint:nilerr // it is no incident's channel
	}
	return true, e.enqueueChat(ctx, ref, name, what)
}

func (e *Engine) enqueueChat(ctx context.Context, ref incident.Ref, name string, what incident.Request) error {
	m := Message{Ref: ref, Why: "slack", What: what, Delivery: "slack " + name}
	if err := e.Queue.Enqueue(ctx, m, time.Time{}); err != nil {
		return fmt.Errorf("store what somebody did in Slack for %s: %w", ref, err)
	}
	return nil
}

// ChatSecret returns the name of the secret that has the bot's token for an incident's channel in Slack, and the
// account whose configuration names it; "" of any other channel. It reads what is kept alone: whoever asks has
// three seconds.
func (e *Engine) ChatSecret(ctx context.Context, channel string) (account, secret string, err error) {
	if e.Store == nil {
		return "", "", nil
	}
	known, err := e.Store.Load(ctx, chatOfKey(channel))
	if err != nil {
		return "", "", fmt.Errorf("find the incident of a Slack channel: %w", err)
	}
	lines := strings.Split(string(known), "\n")
	switch len(lines) {
	case 1:
		return "", "", nil
	case 2, 3: // as older versions kept it
		return accountOf(lines[0]), lines[1], nil
	}
	return lines[3], lines[1], nil
}

// userMention is a mention of a member in what Slack sends.
var userMention = lazily.Compile(`<@([UW][A-Z0-9]+)(?:\|[^<>]*)?>`)

// loginOf returns the login of a member, as the configuration has it: exactly one names them. Where none does, what
// they said themselves on GitHub counts.
func (r *reconciliation) loginOf(user string) (login string, ok bool) {
	service, _ := r.Policy.Service("slack")
	var logins []string
	for name, id := range service.Targets {
		if l, isPerson := strings.CutPrefix(name, "@"); isPerson && id == user && naming.IsLogin(l) {
			logins = append(logins, l)
		}
	}
	switch len(logins) {
	case 0:
	case 1:
		return logins[0], true
	default:
		return "", false
	}
	if login, ok := r.linkedLogin(user); ok {
		return login, true
	}
	return r.loginByEmail(user)
}

// addSaid has the comment posted in which the app says what somebody wrote in Slack. Who is not known
// is answered with how to become known, and nothing else happens.
func (r *reconciliation) addSaid() error {
	said := r.m.ChatSaid()
	if said == nil {
		return nil
	}
	if askedLink.MatchString(said.Text) && !said.IsPin {
		if said.Edited != "" {
			return nil
		}
		return r.offerLink(*said)
	}
	if said.Of != "" && r.State.Declared == nil { // it isn't an incident
		return nil
	}
	r.knownMembers = said.Known
	if isAsked, err := r.askWho(*said); isAsked || err != nil {
		return err
	}
	kept := r.loadSaid(*said)
	if said.Edited != "" {
		isNew, err := r.editSaid(*said, kept)
		if err != nil || !isNew {
			return err
		}
	} else if kept.Edited != "" { // what came before this says what became of it
		return nil
	}
	login, ok := r.loginOf(said.User)
	if said.IsPin && kept.Login != "" && kept.Login != login {
		if isPinned, err := r.isSaidPinned(*said); err != nil || isPinned {
			return err // by whoever was the first one
		}
	}
	if !ok {
		return r.answerChat(*said, "unknown", "I don't know who you are on GitHub, so nothing was done. Write "+
			"`/incident link` here, which needs no help. Or somebody who may change the configuration adds you there: "+
			"`services: { slack: { targets: { "+`"@your-login": `+said.User+" } } }`")
	}
	text, ok, err := r.readSaid(said)
	if err != nil || !ok {
		return err
	}
	quoted := *said
	quoted.Text = text
	if said.IsPin {
		r.saveSaid(*said, keptSaid{Login: login})
	}
	if said.Reply != "" {
		r.saveSaid(*said, keptSaid{Reply: said.Reply})
	}
	r.Effects = append(r.Effects, incident.Remind{Key: quoted.Key(login), At: said.At, Say: r.sayOf(quoted, login)})
	return nil
}

// readSaid returns the command that somebody wrote or pressed, or what they pinned. ok is false if it can't be a
// command, which they are told.
func (r *reconciliation) readSaid(said *incident.ChatSaid) (text string, ok bool, err error) {
	text, unknown := r.saidText(said.Text)
	switch {
	case said.IsPin:
		text = texts.TruncateBytes(text, incident.MaxSaid)
	case unknown != "":
		return "", false, r.answerChat(*said, "unknown other", "I don't know who <@"+unknown+"> is on GitHub, so "+
			"nothing was done. Write their login, or add them to services.slack.targets.")
	case said.IsPress && said.Seen != r.State.SeenFor(text):
		return "", false, r.answerChat(*said, "old", "The incident has moved on since that button was shown, so nothing was "+
			"done. The pinned card has what can be done now.")
	case len(text) > incident.MaxSaid:
		return "", false, r.answerChat(*said, "long", "That is too long for a command, so nothing was done. "+
			"Write it on the issue.")
	case !command.Has(text):
		return "", false, r.answerChat(*said, "no command", "That isn't a command. `/incident help` on the issue lists them.")
	}
	return text, true, nil
}

// sayOf returns what the app says that somebody wrote or pinned in Slack.
func (r *reconciliation) sayOf(said incident.ChatSaid, login string) incident.Say {
	if said.IsPin {
		return incident.Say{Name: "slack-pinned", Names: []string{login}, Who: said.Author, Line: said.Text,
			Reason: r.State.Chat.Name}
	}
	return incident.Say{Name: "slack-said", Names: []string{login}, Line: said.Text, Reason: r.State.Chat.Name}
}

// saidText returns what Slack sends as a person wrote it: a mention of a member becomes their login.
// unknown is a member whose login nobody knows.
func (r *reconciliation) saidText(text string) (plain, unknown string) {
	text = userMention.ReplaceAllStringFunc(text, func(mention string) string {
		id := userMention.FindStringSubmatch(mention)[1]
		login, ok := r.loginOf(id)
		if !ok {
			unknown, login = id, id
		}
		return "@" + login
	})
	return intake.SlackText(text), unknown
}

// saidFacts returns what a comment of the app's own says that somebody wrote in Slack, as if they had
// written the comment.
func (r *reconciliation) saidFacts(i int, it Item) []incident.Fact {
	if !incident.MayBeSaid(it.Body) || !r.isReplay && r.wasSeen(it.ID, it.At) {
		return nil // what an edit in Slack put into it since came in a message of its own
	}
	for _, key := range r.KeysIn(it) {
		if login, said, ok := incident.ParseChatSaid(key); ok {
			f := incident.Fact{ID: it.ID, At: it.At, By: incident.Person{Login: login}, Titled: r.isTitled(i)}
			if said.IsPin {
				return r.commandFacts([]any{incident.Command{Kind: incident.Pin,
					Pin: &incident.Stamp{By: cmp.Or(said.Author, login), At: it.At, ID: it.ID}}}, i, f)
			}
			text := said.Text
			if c := r.m.Comment(); c != nil && c.ID == it.Comment {
				text = c.Before // of an edit only what it adds counts, see editFacts
			}
			return r.commandFacts(withoutLinks(r.parse(text)), i, f)
		}
	}
	return nil
}

// withoutLinks leaves out what counts on GitHub alone.
func withoutLinks(parsed []any) []any {
	return slices.DeleteFunc(parsed, func(what any) bool {
		c, ok := what.(incident.Command)
		return ok && c.Kind == incident.LinkChat
	})
}

// saidIn returns, by comment, what people wrote in Slack that this look reads.
func (r *reconciliation) saidIn() map[int64]incident.ChatSaid {
	all := map[int64]incident.ChatSaid{}
	if c := r.m.Comment(); c != nil && c.Said != nil {
		all[c.ID] = *c.Said
	}
	for _, it := range r.Snapshot.Items {
		if !incident.MayBeSaid(it.Body) {
			continue
		}
		for _, key := range r.KeysIn(it) {
			if _, said, ok := incident.ParseChatSaid(key); ok {
				all[it.Comment] = said
			}
		}
	}
	return all
}

// sendSaid asks for the look that acts on a command from Slack whose comment this look posted, and
// answers in Slack those on which this look acted.
func (r *reconciliation) sendSaid() error {
	if r.Queue == nil || r.Chat == nil {
		return nil
	}
	read := r.saidIn()
	for _, key := range slices.Sorted(maps.Keys(r.Posted)) {
		id := r.Posted[key]
		if _, _, ok := incident.ParseChatSaid(key); !ok || id <= 0 || read[id].ID != "" {
			continue
		}
		m := Message{Ref: r.Ref, Why: "slack", What: incident.Refresh{}, Delivery: fmt.Sprintf("said %s %d", r.Ref, id),
			Floor: &incident.Floor{Received: r.Now, Comment: id}}
		if err := r.Queue.Enqueue(r.Ctx, m, time.Time{}); err != nil {
			return fmt.Errorf("ask for a look at %s: %w", r.Ref, err)
		}
	}
	if r.IsCardLost {
		return nil // it was answered then
	}
	return r.answerSaid(read)
}

// chatReactions are how a command was taken, in Slack.
var chatReactions = map[incident.Reaction]string{incident.Done: ":white_check_mark:", incident.Unclear: ":confused:",
	incident.Refused: ":no_entry:"}

// answerSaid answers in Slack what people wrote there: how it was taken, and the words that the issue has.
func (r *reconciliation) answerSaid(read map[int64]incident.ChatSaid) error {
	worst, words := map[int64]incident.Reaction{}, map[int64][]string{}
	for _, effect := range r.Effects {
		switch e := effect.(type) {
		case incident.React:
			id := incident.CommentOf(e.Fact)
			worst[id] = max(worst[id], e.How)
		case incident.Reply:
			text, err := r.Render(e.Say)
			if err != nil {
				return err
			}
			id := incident.CommentOf(e.Fact)
			words[id] = append(words[id], templates.ChatMarkdown(text))
		}
	}
	for id, said := range read {
		if worst[id] == 0 && len(words[id]) == 0 {
			continue
		}
		text := strings.TrimSpace(chatReactions[worst[id]] + " " + strings.Join(words[id], "\n"))
		if text == chatReactions[incident.Done] {
			text += " Done"
		}
		if said.Channel != r.State.Chat.ID {
			said.Reply = loadJSON[keptSaid](r, saidStoreKey(said)).Reply
		}
		if err := r.answerChat(said, fmt.Sprint(id), text); err != nil {
			return err
		}
	}
	return nil
}

// answerChat has an answer written in Slack, each once: in the thread of what was said or, as a slash
// command has none, with what it was.
func (r *reconciliation) answerChat(said incident.ChatSaid, what, text string) error {
	if said.Thread() == "" && !said.IsPin {
		first, _, _ := strings.Cut(said.Text, "\n")
		who := ""
		if said.By != "" {
			who = " by " + templates.ChatText(said.By, 40)
		}
		text = "`" + templates.ChatText(strings.ReplaceAll(first, "`", "'"), 200) + "`" + who + "\n" + text
	}
	sum := sha256.Sum256([]byte(what + "\n" + text))
	answer := &incident.ChatAnswer{Channel: said.Channel, Thread: said.Thread(), Text: text,
		Only: said.Only, Reply: said.Reply}
	m := Message{Ref: r.Ref, Why: "slack", What: answer,
		Delivery: fmt.Sprintf("slack answer %s %s %s", said.Channel, said.ID, hex.EncodeToString(sum[:6]))}
	if err := r.Queue.Enqueue(r.Ctx, m, time.Time{}); err != nil {
		return fmt.Errorf("answer in Slack for %s: %w", r.Ref, err)
	}
	return nil
}

// chatAnswers is how often an answer is tried that Slack does not take.
var chatAnswers = pace{5 * time.Second, 2 * time.Minute, 60}

// writeChatAnswer writes an answer in Slack.
func (r *reconciliation) writeChatAnswer() error {
	if r.Chat == nil {
		return nil
	}
	if err := r.loadPolicy(); err != nil {
		return err
	}
	answer := *r.m.ChatAnswer()
	if answer.Reply != "" {
		return r.replyInChat(answer)
	}
	service, _ := r.Policy.Service("slack")
	cause, _, _ := strings.Cut(r.m.Delivery, againMark)
	_, _, err := r.deliveries.Send(r.Ctx, r.Ref, cause, func(ctx context.Context, before delivery.Attempt) error {
		m := ports.ChatMessage{Service: service, Channel: answer.Channel, Thread: answer.Thread, Text: answer.Text,
			Key: cause, Only: answer.Only, Now: r.Now}
		// the answer to the last call may be lost
		if m.Only == "" && (!before.Failed.IsZero() || before.Begun.Before(r.Now)) {
			if id, err := r.Chat.Find(ctx, m); err != nil || id != "" {
				return err
			}
		}
		_, err := r.Chat.Say(ctx, m)
		return err
	})
	if err == nil || r.Ctx.Err() != nil {
		return err
	}
	var later *RetryAfter
	if errors.As(err, &later) {
		return err
	}
	at, again := r.sendAgain(r.m, chatAnswers)
	r.Logger.Warn("answer in Slack not written", "incident", r.Ref.String(), "again", at, "err", ports.Redact(err))
	return again
}

// replyInChat answers somebody at the address that came with what they did. Such an address ends after half an hour.
func (r *reconciliation) replyInChat(answer incident.ChatAnswer) error {
	if r.Replier == nil {
		return nil
	}
	err := r.Replier.ReplyWith(r.Ctx, answer.Reply, ports.ChatReply{Text: answer.Text, IsMarkup: true})
	if err == nil || r.Ctx.Err() != nil {
		return r.Ctx.Err()
	}
	at, again := r.sendAgain(r.m, whoPace)
	r.Logger.Warn("answer in Slack not written", "incident", r.Ref.String(), "again", at, "err", ports.Redact(err))
	return again
}
