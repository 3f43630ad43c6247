package engine

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/templates"
)

// What happens on the issue is shown in the incident's channel in Slack (S2), a line for each thing. A look says
// what it is before it writes the card: a look that is made again says the same, by the same keys, and each
// key is shown once. What came from Slack isn't sent back there. One message is written a second, as Slack
// asks for; what could not be written for longer is brought up in one message.

const (
	mostNews      = 30  // lines of a look
	mostChatLines = 60  // that are kept of a channel
	mostLineText  = 300 // characters of what was said, in a line
	mostShortText = 100 // in a line among others of one message
	mostShort     = 8   // lines of one message
	// mostAlone is how many lines that wait longer than chatPatience are still shown one by one; the others come
	// together.
	mostAlone = 5
	// mostPatient is how many are, however short they wait.
	mostPatient = 12
	chatPace    = time.Second // between two messages to a channel
)

// keptLine is a line that the channel shows, or is to show.
type keptLine struct {
	incident.ChatLine
	Taken   time.Time `json:"taken"`
	Message string    `json:"message,omitempty"` // the key of the message that it is in; empty: it waits
	ID      string    `json:"id,omitempty"`      // of that message, once it is written
	Of      int       `json:"of,omitempty"`      // how many things that message is about
	Hidden  bool      `json:"hidden,omitempty"`  // it is only counted there
	Stale   bool      `json:"stale,omitempty"`   // the message says something older
	Gone    bool      `json:"gone,omitempty"`    // it is to be taken away
}

// keptLines is what is kept of the lines of a channel.
type keptLines struct {
	All     []keptLine `json:"all,omitempty"`     // in the order in which they came
	Missed  int        `json:"missed,omitempty"`  // how many are left out that were to be shown
	Newest  time.Time  `json:"newest,omitzero"`   // when the newest one happened
	Posting string     `json:"posting,omitempty"` // the key of a message that is being written: the answer may be lost
	Retry   time.Time  `json:"retry,omitzero"`    // when it is tried again
}

// sendChatLines says what of this look the channel is to show.
func (r *reconciliation) sendChatLines() error {
	// what ends an incident is said too, and what comes after that: the channel may come late, or it is opened again
	// before Slack is back
	if r.Chat == nil || r.Queue == nil || !r.State.MayHaveChat(r.Policy) && !r.Before.MayHaveChat(r.Policy) {
		return nil
	}
	news := r.chatNews()
	if len(news.Lines)+len(news.Edits) == 0 {
		return nil
	}
	sum := sha256.New()
	for _, l := range news.Lines {
		fmt.Fprintln(sum, l.Key)
	}
	for _, e := range news.Edits {
		fmt.Fprintln(sum, e.Comment, e.Words, e.Has, e.Changed)
	}
	m := Message{Ref: r.Ref, Why: "chat", What: &news,
		Delivery: fmt.Sprintf("chat lines %s %s", r.Ref, hex.EncodeToString(sum.Sum(nil)[:8]))}
	if err := r.Queue.Enqueue(r.Ctx, m, time.Time{}); err != nil {
		return fmt.Errorf("say to the Slack channel of %s what happened: %w", r.Ref, err)
	}
	return nil
}

// chatNews returns what of this look nobody said to the channel yet.
func (r *reconciliation) chatNews() incident.ChatLines {
	news := incident.ChatLines{IsAgain: r.IsCardLost || r.IsRebuilt}
	inSlack := r.saidIn()
	for _, effect := range r.Effects[r.toldEffects:] {
		record, ok := effect.(incident.Record)
		if !ok || record.Entry.Kind == "corrected" { // the line of what was corrected says so
			continue
		}
		if _, ok := inSlack[incident.CommentOf(record.Entry.Ref)]; !ok {
			news.Lines = append(news.Lines, incident.NewChatLine(record.Entry))
		}
	}
	r.toldEffects = len(r.Effects)
	if !r.hasToldItems {
		r.hasToldItems = true
		for _, it := range r.Snapshot.Items {
			if it.Event == "commented" && !it.Own && !it.Bot && !command.Has(it.Body) && !r.wasSeen(it.ID, it.At) {
				news.Lines = append(news.Lines, incident.CommentLine(it.Comment, it.By, it.Body, it.At))
			}
		}
		if c := r.m.Comment(); c != nil && c.Editor != "" && c.Pull == 0 && c.Said == nil {
			news.Edits = append(news.Edits, chatEdit(*c))
		}
	}
	slices.SortStableFunc(news.Lines, func(a, b incident.ChatLine) int { return a.Entry.At.Compare(b.Entry.At) })
	if n := len(news.Lines) - mostNews; n > 0 {
		news.Missed, news.Lines = n, news.Lines[n:]
	}
	return news
}

// chatEdit returns what an edit of a comment with commands, or its deletion, changes in the channel.
func chatEdit(c incident.Comment) incident.ChatEdit {
	edit := incident.ChatEdit{Comment: c.ID}
	if c.Deleted {
		return edit
	}
	for _, text := range commandTexts(c.Body) {
		edit.Has = append(edit.Has, incident.ChatText(text))
	}
	if c.Editor != c.Author {
		return edit // what somebody else puts into it is not the author's
	}
	edit.Changed = map[string]string{}
	_, corrected := command.Edited(c.Before, c.Body)
	for _, k := range corrected {
		edit.Changed[incident.ChatText(commandText(k.Old))] = incident.ChatText(commandText(k.New))
	}
	return edit
}

// takeChatLines takes what happened on the issue, and shows what the channel does not show yet.
func (r *reconciliation) takeChatLines() error {
	r.Ctx = WithUrgency(r.Ctx, UrgencyCard)
	kept := r.loadChat()
	if r.Chat == nil || kept.Record == nil && r.m.Why != "chat" { // a comment where there is no channel
		return nil
	}
	news := *r.m.ChatLines()
	if kept.Lines.take(news, r.Now) {
		r.saveChat(kept)
	}
	return r.showLines(kept, news.Try)
}

// take takes what happened, and reports whether anything of it is new.
func (k *keptLines) take(news incident.ChatLines, now time.Time) (isNew bool) {
	newest := k.Newest
	for _, l := range news.Lines {
		isKnown := slices.ContainsFunc(k.All, func(o keptLine) bool { return o.Key == l.Key })
		if isKnown || news.IsAgain && !l.Entry.At.After(newest) {
			continue
		}
		k.All, isNew = append(k.All, keptLine{ChatLine: l, Taken: now}), true
		if l.Entry.At.After(k.Newest) {
			k.Newest = l.Entry.At
		}
	}
	if isNew {
		k.Missed += news.Missed
	}
	slices.SortStableFunc(k.All, func(a, b keptLine) int {
		return cmp.Or(a.Entry.At.Compare(b.Entry.At),
			cmp.Compare(incident.CommentOf(a.Entry.Ref), incident.CommentOf(b.Entry.Ref)))
	})
	for _, edit := range news.Edits {
		for i := range k.All {
			if k.All[i].edit(edit) {
				isNew = true
			}
		}
	}
	for len(k.All) > mostChatLines {
		if k.All[0].isWaiting() {
			k.Missed++
		}
		k.All = k.All[1:]
	}
	return isNew
}

// edit has a line follow an edit of its comment, and reports whether it changes.
func (l *keptLine) edit(e incident.ChatEdit) bool {
	if l.Gone || incident.CommentOf(l.Entry.Ref) != e.Comment || l.Text == "" && l.Entry.Kind != incident.ChatComment &&
		len(e.Has) > 0 {
		return false
	}
	text := e.Of(l.ChatLine)
	if text == l.Text && text != "" {
		return false
	}
	l.Text, l.Gone, l.Stale = text, text == "", true
	return true
}

func (l *keptLine) isWaiting() bool { return l.Message == "" && !l.Gone }

// next returns the key of the message that is to be written or changed next; "": the channel shows everything.
// Those that waited too long come together.
func (k *keptLines) next(now time.Time) (key string) {
	var waiting []int
	for i, l := range k.All {
		switch {
		case l.ID != "" && l.Stale:
			return l.Message
		case l.ID == "" && l.Message != "":
			key = l.Message
		case l.isWaiting():
			waiting = append(waiting, i)
		}
	}
	if key != "" || len(waiting) == 0 {
		return key
	}
	first := &k.All[waiting[0]]
	if len(waiting) <= mostAlone || len(waiting) <= mostPatient && now.Sub(first.Taken) < chatPatience {
		first.Message, first.Of = "line "+first.Key, 1
		return first.Message
	}
	key = "lines " + first.Key
	for n, i := range waiting {
		l := &k.All[i]
		l.Message, l.Of, l.Hidden = key, len(waiting)+k.Missed, n < len(waiting)-mostShort
	}
	k.Missed = 0
	return key
}

// isDone reports whether the channel shows all that it is to show.
func (k *keptLines) isDone() bool {
	return !slices.ContainsFunc(k.All, func(l keptLine) bool {
		return l.isWaiting() || l.Message != "" && (l.ID == "" || l.Stale)
	})
}

// written notes that a message says what its lines say.
func (k *keptLines) written(key, id string) {
	for i := range k.All {
		if l := &k.All[i]; l.Message == key {
			l.ID, l.Stale = id, false
		}
	}
}

// idOf returns the id of a message; "" if it is not written.
func (k *keptLines) idOf(key string) string {
	i := slices.IndexFunc(k.All, func(l keptLine) bool { return l.Message == key })
	return k.All[i].ID
}

// showLines makes one step to what the channel is to show, and asks for the next one.
func (r *reconciliation) showLines(kept keptChat, try int) error {
	switch {
	case kept.ID == "" || kept.Lines.isDone():
		return nil // the channel is made first, and then it goes on
	case r.Now.Before(kept.Lines.Retry):
		return r.goOnShowing(kept, try)
	}
	if err := r.loadPolicy(); err != nil {
		return err
	}
	err := r.showNext(&kept)
	if r.Ctx.Err() != nil {
		return r.Ctx.Err()
	}
	wait := chatPace
	if err != nil {
		r.Logger.Warn("Slack channel does not show what happened", "incident", r.Ref.String(), "try", try, "err",
			ports.Redact(err))
		if try++; try >= mostChatTries {
			kept.Lines.Retry = time.Time{}
			r.saveChat(kept)
			return nil // what happens next tries again
		}
		wait = chatRetry(r.Now, try-1, err)
	} else {
		try = 0
	}
	kept.Lines.Retry = r.Now.Add(wait)
	r.saveChat(kept)
	if kept.Lines.isDone() {
		return nil
	}
	return r.goOnShowing(kept, try)
}

// goOnShowing asks for the next step, once.
func (r *reconciliation) goOnShowing(kept keptChat, try int) error {
	next := Message{Ref: r.Ref, Why: "chat", What: &incident.ChatLines{Try: try},
		Delivery: fmt.Sprintf("chat lines %s on %d", r.Ref, kept.Lines.Retry.UnixNano())}
	if err := r.Queue.Enqueue(r.Ctx, next, kept.Lines.Retry); err != nil {
		return fmt.Errorf("go on with the Slack channel of %s: %w", r.Ref, err)
	}
	return nil
}

// chatRetry returns after how long something is tried again that failed.
func chatRetry(now time.Time, try int, failed error) time.Duration {
	var later *RetryAfter
	if errors.As(failed, &later) {
		return max(later.Until.Sub(now), time.Second)
	}
	return min(5*time.Second<<min(try, 10), 5*time.Minute)
}

// nobody is the id of a message that was not written, as there is nothing left of it.
const nobody = "-"

// showNext makes one change in the channel.
func (r *reconciliation) showNext(kept *keptChat) error {
	lines := &kept.Lines
	key := lines.next(r.Now)
	if key == "" {
		return nil
	}
	service, _ := r.Policy.Service("slack")
	message := ports.ChatMessage{Service: service, Channel: kept.ID, Key: key, ID: lines.idOf(key), Now: r.Now,
		Text: r.textOf(*lines, key)}
	if message.ID == "" && lines.Posting == key { // the answer to the last call may be lost
		id, err := r.Chat.Find(r.Ctx, message)
		if err != nil {
			return err
		}
		message.ID = id
	}
	switch {
	case message.ID == nobody, message.ID == "" && message.Text == "":
		message.ID = nobody
	case message.ID != "":
		if err := r.Chat.Change(r.Ctx, message); err != nil {
			return err
		}
	default:
		lines.Posting = key
		r.saveChat(*kept)
		id, err := r.Chat.Say(r.Ctx, message)
		if err != nil {
			return err
		}
		message.ID = id
	}
	lines.written(key, message.ID)
	lines.Posting = ""
	return nil
}

// textOf returns what a message says; "" if nothing of it is left.
func (r *reconciliation) textOf(lines keptLines, key string) string {
	var shown []string
	count := 0
	for _, l := range lines.All {
		if l.Message != key {
			continue
		}
		count = l.Of
		most := mostLineText
		if l.Of > 1 {
			most = mostShortText
		}
		if !l.Gone && !l.Hidden {
			shown = append(shown, templates.ChatLine(l.ChatLine, r.addressOf(l.Entry.Ref), most))
		}
	}
	switch {
	case len(shown) == 0:
		return ""
	case count <= 1:
		return shown[0]
	}
	return templates.ChatMissed(count, shown, r.GitHub.IssueURL(r.Ref), r.Ref.String())
}

// addressOf returns where on GitHub something is that happened.
func (r *reconciliation) addressOf(fact string) string {
	at := r.GitHub.IssueURL(r.Ref)
	if comment := incident.CommentOf(fact); comment != 0 && !incident.OnPull(fact) {
		at += "#issuecomment-" + strconv.FormatInt(comment, 10)
	}
	return at
}
