package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/effects"
	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/templates"
)

// With `slack: { mirror: all }` what people write in the incident's channel in Slack is brought to the issue (S2). It
// is collected in comments by the app, which hold many messages each: one is written or edited a minute at most,
// however much people write. Each message is there once, follows what its author makes of it in Slack, and does
// nothing: the comments are the app's own, so they are not read for commands, and they are not shown in Slack.

const (
	mirrorPace   = time.Minute
	mirrorBlock  = 100    // messages of one comment
	mirrorSize   = 30_000 // bytes of one comment, as its messages come
	mirrorShort  = 200    // characters of a message, where edits made a comment too long
	mostBlocks   = 100    // comments of one incident: what is written after that stays in Slack
	mirrorLength = 60_000 // bytes that GitHub takes of a comment, and its marks
)

// keptMirror is what is kept of what is mirrored of an incident's channel. Its messages are kept block by block, so
// that no entry of the store grows large.
type keptMirror struct {
	Blocks []mirrorOf `json:"blocks,omitempty"`
	IsFull bool       `json:"full,omitempty"` // messages are left out
	Last   time.Time  `json:"last,omitzero"`  // when a comment was written last, or tried
	Due    time.Time  `json:"due,omitzero"`   // when the next one is; zero: all is written
}

// mirrorOf is one comment.
type mirrorOf struct {
	Channel string `json:"channel"`
	First   string `json:"first"`           // the ts of the message that it began with
	From    string `json:"from"`            // the lowest ts
	To      string `json:"to"`              // the highest
	Count   int    `json:"count"`           // of messages
	Size    int    `json:"size"`            // in bytes
	ID      int64  `json:"id,omitempty"`    // of the comment; 0: it is not written yet
	Stale   bool   `json:"stale,omitempty"` // the comment says something older
	Begun   bool   `json:"begun,omitempty"` // it may be there, with something older
	IsLost  bool   `json:"lost,omitempty"`  // somebody deleted it
	IsEnd   bool   `json:"end,omitempty"`   // it says that messages are left out

	Changed bool `json:"changed,omitempty"` // what it says already was edited or deleted in Slack since
}

// mirrorLine is a message.
type mirrorLine struct {
	TS     string `json:"ts"`
	User   string `json:"user"`
	Text   string `json:"text"`
	Parent string `json:"parent,omitempty"`
	Edited string `json:"edited,omitempty"`
	IsGone bool   `json:"gone,omitempty"`
	IsNew  bool   `json:"new,omitempty"` // nobody has tried yet to bring it to the issue
}

func mirrorStoreKey(ref incident.Ref, of ...string) string {
	return fmt.Sprintf("mirror/%s/%d", ref.FullName(), ref.Number) + strings.Join(append([]string{""}, of...), "/")
}

// TakeWords stores what somebody wrote in Slack that isn't a command, if the channel is an incident's whose
// messages are brought to the issue, and reports whether it is.
func (e *Engine) TakeWords(ctx context.Context, w incident.ChatWords) (isTaken bool, err error) {
	if e.Chat == nil || e.Store == nil || e.Queue == nil {
		return false, nil
	}
	known, err := e.Store.Load(ctx, chatOfKey(w.Channel))
	if err != nil {
		return false, fmt.Errorf("find the incident of a Slack channel: %w", err)
	}
	lines := strings.Split(string(known), "\n")
	if len(known) == 0 {
		return e.takeCustomersWords(ctx, w)
	}
	if len(lines) < 3 || lines[2] != incident.MirrorAll {
		return false, nil
	}
	return e.takeChat(ctx, w.Channel, w.Name(), &w)
}

func loadJSON[T any](r *reconciliation, key string) (kept T) {
	if text := r.loadKept(r.Ctx, key); len(text) > 0 {
		if err := json.Unmarshal(text, &kept); err != nil {
			r.Logger.Warn("what is kept of messages in Slack is damaged", "key", key, "err", err)
		}
	}
	return kept
}

func (r *reconciliation) saveJSON(key string, what any) {
	if text, err := json.Marshal(what); err == nil { // texts, numbers and times always marshal
		r.saveKept(key, text)
	}
}

// takeChatWords collects what somebody wrote.
func (r *reconciliation) takeChatWords() error {
	if r.Chat == nil {
		return nil
	}
	w := *r.m.ChatWords()
	kept := loadJSON[keptMirror](r, mirrorStoreKey(r.Ref))
	early := mirrorStoreKey(r.Ref, "early", w.TS)
	for i := range kept.Blocks {
		b := &kept.Blocks[i]
		if b.Channel != w.Channel || w.TS < b.From || w.TS > b.To {
			continue
		}
		lines := loadJSON[[]mirrorLine](r, mirrorStoreKey(r.Ref, b.First))
		at := slices.IndexFunc(lines, func(l mirrorLine) bool { return l.TS == w.TS })
		if at < 0 {
			continue
		}
		l := &lines[at]
		if l.IsGone || w.Edited <= l.Edited || l.User != w.User { // Slack's clock has as many digits each time
			return r.askForMirror(&kept) // what is known already
		}
		l.Text, l.Edited, l.IsGone = incident.MirrorText(w.Text), w.Edited, w.IsDeleted
		b.Stale, b.Changed = true, b.Changed || !l.IsNew
		r.saveJSON(mirrorStoreKey(r.Ref, b.First), lines)
		return r.askForMirror(&kept)
	}
	if w.Edited != "" { // it comes before what it is of, or is of something that was never brought here
		if !w.IsDeleted && loadJSON[mirrorLine](r, early).Edited < w.Edited {
			r.saveJSON(early, mirrorLine{Edited: w.Edited, Text: w.Text})
		} else if w.IsDeleted {
			r.saveJSON(early, mirrorLine{Edited: w.Edited, IsGone: true})
		}
		return nil
	}
	l := mirrorLine{TS: w.TS, User: w.User, Text: incident.MirrorText(w.Text), Parent: w.Parent,
		IsNew: true}
	if known := loadJSON[mirrorLine](r, early); known.IsGone {
		return nil
	} else if known.Edited != "" {
		l.Text, l.Edited = incident.MirrorText(known.Text), known.Edited
	}
	if l.Text != "" {
		r.addMirrorLine(&kept, w.Channel, l)
	}
	return r.askForMirror(&kept)
}

// addMirrorLine puts a message into the newest comment, or a new one where that is full.
func (r *reconciliation) addMirrorLine(kept *keptMirror, channel string, l mirrorLine) {
	var b *mirrorOf
	size := len(l.Text) + 150 // what is around it
	if n := len(kept.Blocks); n > 0 {
		b = &kept.Blocks[n-1]
	}
	if b == nil || b.Channel != channel || b.IsLost || b.Count >= mirrorBlock || b.Size+size > mirrorSize {
		if len(kept.Blocks) >= mostBlocks {
			kept.IsFull = true
			return
		}
		kept.Blocks = append(kept.Blocks, mirrorOf{Channel: channel, First: l.TS, From: l.TS, To: l.TS})
		b = &kept.Blocks[len(kept.Blocks)-1]
	}
	key := mirrorStoreKey(r.Ref, b.First)
	lines := append(loadJSON[[]mirrorLine](r, key), l)
	slices.SortStableFunc(lines, func(a, b mirrorLine) int { return strings.Compare(a.TS, b.TS) })
	b.From, b.To = min(b.From, l.TS), max(b.To, l.TS)
	b.Count, b.Size, b.Stale = len(lines), b.Size+size, true
	r.saveJSON(key, lines)
}

// next returns the comment that is to be written next, or nil.
func (k *keptMirror) next() *mirrorOf {
	for i := range k.Blocks {
		b := &k.Blocks[i]
		if !b.IsLost && (b.Stale || i == mostBlocks-1 && k.IsFull && !b.IsEnd) {
			return b
		}
	}
	return nil
}

// askForMirror keeps what is known, and asks to write it: a minute after the comment before.
func (r *reconciliation) askForMirror(kept *keptMirror) error {
	isAsked := kept.Due.After(r.Now)
	switch {
	case kept.next() == nil:
		kept.Due = time.Time{}
	case !isAsked:
		kept.Due = r.Now
		if earliest := kept.Last.Add(mirrorPace); earliest.After(r.Now) {
			kept.Due = earliest
		}
	}
	r.saveJSON(mirrorStoreKey(r.Ref), *kept)
	if isAsked || kept.Due.IsZero() {
		return nil
	}
	return r.enqueueMirror(kept.Due, 0)
}

func (r *reconciliation) enqueueMirror(at time.Time, try int) error {
	m := Message{Ref: r.Ref, Why: "chat", What: &incident.ChatMirror{Try: try},
		Delivery: fmt.Sprintf("chat mirror %s %d", r.Ref, at.UnixNano())}
	if err := r.Queue.Enqueue(r.Ctx, m, at); err != nil {
		return fmt.Errorf("ask for what people wrote in Slack for %s: %w", r.Ref, err)
	}
	return nil
}

// writeMirror writes one comment, and asks for the next one.
func (r *reconciliation) writeMirror() error {
	r.Ctx = WithUrgency(r.Ctx, UrgencyCard)
	kept := loadJSON[keptMirror](r, mirrorStoreKey(r.Ref))
	b := kept.next()
	switch {
	case b == nil:
		return nil
	case r.Now.Before(kept.Due), r.Now.Before(kept.Last.Add(mirrorPace)):
		return nil // another message does it then
	}
	err := r.peekForSearch()
	if err == nil && (r.Snapshot.Gone || !isSame(r.Snapshot.Ref, r.Ref)) {
		return nil
	}
	if err == nil {
		err = r.loadPolicy()
	}
	if err == nil && !r.Policy.Chat.IsMirrored { // it was turned off since
		r.dropNewWords(&kept)
		if b = kept.next(); b == nil {
			return r.askForMirror(&kept)
		}
	}
	if err == nil {
		kept.Last = r.Now
		err = r.writeMirrorOf(&kept, b)
	}
	if r.Ctx.Err() != nil {
		return r.Ctx.Err()
	}
	if err == nil {
		kept.Due = time.Time{}
		return r.askForMirror(&kept)
	}
	return r.retryMirror(kept, err)
}

// dropNewWords forgets what waits to be brought to the issue. What is there already goes on to follow Slack.
func (r *reconciliation) dropNewWords(kept *keptMirror) {
	for i := range kept.Blocks {
		b := &kept.Blocks[i]
		if !b.Stale {
			continue
		}
		lines := loadJSON[[]mirrorLine](r, mirrorStoreKey(r.Ref, b.First))
		for n := range lines {
			if lines[n].IsNew {
				lines[n].IsNew, lines[n].IsGone = false, true // known, so that a late try of Slack's changes nothing
			}
		}
		r.saveJSON(mirrorStoreKey(r.Ref, b.First), lines)
		b.Stale = b.ID != 0 && b.Changed
	}
	kept.IsFull = kept.IsFull && kept.Blocks[len(kept.Blocks)-1].IsEnd
}

// retryMirror tries again later.
func (r *reconciliation) retryMirror(kept keptMirror, failed error) error {
	try := r.m.ChatMirror().Try + 1
	r.Logger.Warn("what people wrote in Slack is not on the issue", "incident", r.Ref.String(), "try", try, "err",
		ports.Redact(failed))
	if try >= mostChatTries {
		kept.Due = time.Time{}
		r.saveJSON(mirrorStoreKey(r.Ref), kept)
		return nil // what somebody writes next tries again
	}
	kept.Due = r.Now.Add(max(chatRetry(r.Now, try, failed), mirrorPace))
	r.saveJSON(mirrorStoreKey(r.Ref), kept)
	return r.enqueueMirror(kept.Due, try)
}

// writeMirrorOf posts or edits one comment.
func (r *reconciliation) writeMirrorOf(kept *keptMirror, b *mirrorOf) error {
	lines := loadJSON[[]mirrorLine](r, mirrorStoreKey(r.Ref, b.First))
	isEnd := kept.IsFull && len(kept.Blocks) == mostBlocks && b == &kept.Blocks[mostBlocks-1]
	text := r.mirrorText(lines, isEnd)
	key := look.MarksFor(incident.MirrorKey(b.Channel, b.First))
	body := r.SignComment(text, key...)
	if b.ID == 0 && !slices.ContainsFunc(lines, func(l mirrorLine) bool { return !l.IsGone }) {
		b.Stale = false // all of it was taken back before anybody could read it
		return nil
	}
	for i := range lines {
		lines[i].IsNew = false // the answer may be lost
	}
	r.saveJSON(mirrorStoreKey(r.Ref, b.First), lines)
	if b.ID == 0 {
		mayBeOlder := b.Begun
		b.Begun = true
		r.saveJSON(mirrorStoreKey(r.Ref), *kept)
		id, err := r.openedIssues().CommentOnce(r.Ref, key[0], effects.DoubtUnasked, func(once ports.Once) (int64, error) {
			return r.GitHub.CommentOnPull(r.Ctx, r.Ref, once, body)
		})
		if err != nil {
			return err
		}
		b.ID, b.Stale, b.Changed, b.IsEnd = id, mayBeOlder, mayBeOlder, isEnd
		return nil
	}
	err := r.GitHub.EditComment(r.Ctx, r.Ref, b.ID, body)
	var later *RetryAfter
	if ports.IsRefused(err) && !errors.As(err, &later) { // somebody deleted it, perhaps
		r.Logger.Warn("comment does not follow the channel in Slack", "incident", r.Ref.String(), "err",
			ports.Redact(err))
		b.Stale, b.IsLost = false, true
		return nil
	}
	if err != nil {
		return fmt.Errorf("follow the channel in Slack on %s: %w", r.Ref, err)
	}
	b.Stale, b.Changed, b.IsEnd = false, false, isEnd
	return nil
}

// mirrorText returns what a comment says.
func (r *reconciliation) mirrorText(lines []mirrorLine, isEnd bool) string {
	for _, l := range lines {
		r.knowMembers(l.User)
	}
	text := ""
	for _, most := range []int{0, mirrorShort, mirrorShort / 4} {
		var shown []incident.Mirrored
		for _, l := range lines {
			if l.IsGone || l.Text == "" {
				continue
			}
			said, _ := r.saidText(l.Text)
			m := incident.Mirrored{By: l.User, At: chatTime(l.TS), Text: said, IsReply: l.Parent != ""}
			if login, ok := r.loginOf(l.User); ok {
				m.By, m.IsKnown = login, true
			}
			if r.State.Chat.URL != "" {
				m.URL = r.State.Chat.URL + "/p" + strings.ReplaceAll(l.TS, ".", "")
			}
			shown = append(shown, m)
		}
		if text = templates.Mirror(r.State.Chat, shown, isEnd, most); len(text) <= mirrorLength {
			return text
		}
	}
	return strings.ToValidUTF8(text[:mirrorLength], "")
}

// chatTime returns when a message was written, by its ts.
func chatTime(ts string) time.Time {
	whole, _, _ := strings.Cut(ts, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
