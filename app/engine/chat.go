package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/postmortem"
)

// An incident's channel in Slack follows the incident (S1): whenever the card was written, a message in a
// group of its own brings the channel up to date, so that neither a page nor a command waits for Slack
// (S5). It reads the card and changes nothing at GitHub. What Slack said of the channel goes to the
// incident as a message, where that is news: the card shows the channel, or why it can't be reached.

const (
	// chatTimeout is how long one message may take to bring a channel up to date. What is left then is
	// done by the next one.
	chatTimeout = 20 * time.Second
	// chatPatience is how long a channel may be out of reach before the card says so.
	chatPatience = time.Minute
	// mostChatTries is how often it is tried in a row. After that the next change of the card tries again.
	mostChatTries = 400
)

// keptChat is what is kept of an incident's channel outside GitHub.
type keptChat struct {
	Seq    int             `json:"seq"`              // of the card that the channel shows
	At     time.Time       `json:"at"`               // when that card was read
	Since  time.Time       `json:"since,omitzero"`   // since when the chat fails; zero: it works
	Retry  time.Time       `json:"retry,omitzero"`   // when it is tried again
	Record json.RawMessage `json:"record,omitempty"` // as the chat keeps it
	ID     string          `json:"id,omitempty"`     // of the channel; empty: there is none that could be written to
	// IsThere says that Slack has the channel, though not all of it may be brought, nor the card know of it.
	IsThere bool      `json:"there,omitempty"`
	Lines   keptLines `json:"lines,omitzero"` // what it shows of what happened
}

func chatKey(ref incident.Ref) string { return fmt.Sprintf("chat/%s/%d", ref.FullName(), ref.Number) }

// sendChatSync has the incident's channel brought up to date with the card, once for each card.
func (r *reconciliation) sendChatSync() error {
	if r.Chat == nil || r.Queue == nil || !r.isSaved || !r.State.WantsChat(r.Policy) {
		return nil
	}
	r.mu.Lock()
	asked, ok := r.chatsAsked[r.Ref]
	r.mu.Unlock()
	if ok && asked == r.cardSeq && !r.IsRebuilt {
		return nil
	}
	name := fmt.Sprintf("chat %s %d", r.Ref, r.cardSeq)
	if r.IsRebuilt { // a card that is lost may have had that number
		name += fmt.Sprintf(" again %d %s", r.Now.UnixNano(), r.m.Delivery)
	}
	if err := r.askForChat(name, incident.ChatSync{Seq: r.cardSeq, At: r.Now}, time.Time{}); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.chatsAsked) >= mostCards {
		clear(r.chatsAsked)
	}
	r.chatsAsked[r.Ref] = r.cardSeq
	return nil
}

func (r *reconciliation) askForChat(name string, sync incident.ChatSync, at time.Time) error {
	m := Message{Ref: r.Ref, Why: "chat", What: &sync, Delivery: name}
	if err := r.Queue.Enqueue(r.Ctx, m, at); err != nil {
		return fmt.Errorf("ask for the Slack channel of %s: %w", r.Ref, err)
	}
	return nil
}

// syncChat brings the incident's channel up to date.
func (r *reconciliation) syncChat() error {
	r.Ctx = WithUrgency(r.Ctx, UrgencyCard)
	sync := *r.m.ChatSync()
	kept := r.loadChat()
	switch {
	case r.Chat == nil:
		return nil
	case sync.Try == 0 && r.Now.Before(kept.Retry):
		return nil // all of it is done then
	case sync.Try == 0 && sync.Seq <= kept.Seq && !sync.At.After(kept.At) && kept.Since.IsZero():
		return r.showLines(kept, 0) // a sync that began later has done it; its process may have ended before the lines
	}
	seq, err := r.readForChat(sync)
	var later *RetryAfter
	switch {
	case err == nil:
	case r.Ctx.Err() != nil, errors.As(err, &later) && r.Now.Sub(sync.At) < cardPatience:
		return err
	default:
		r.Logger.Warn("Slack channel not brought up to date: its incident can't be read", "incident", r.Ref.String(),
			"err", ports.Redact(err))
		return r.retryChat(sync, kept, err)
	}
	if r.Snapshot.Gone || !isSame(r.Snapshot.Ref, r.Ref) {
		return nil
	}
	// One that closed in the meantime may have a channel that is to be archived. One that is wanted no more gets none,
	// and if it has one already, whose people read it, that one is looked after.
	if !r.State.WantsChat(r.Policy) && (kept.Record == nil || !kept.IsThere && r.State.Running()) {
		return nil
	}
	return r.bringChat(sync, kept, seq)
}

// bringChat brings the channel to what the card says, and reports to the incident what came of it.
func (r *reconciliation) bringChat(sync incident.ChatSync, kept keptChat, seq int) error {
	want := r.chatChannel()
	ctx, cancel := context.WithTimeout(r.Ctx, chatTimeout)
	defer cancel()
	noted := ""
	note := func(id string) {
		if id != noted {
			r.noteChannel(id, want.Service)
			noted = id
		}
	}
	state, err := r.Chat.Bring(ctx, want, kept.Record, func(record []byte, id string) {
		kept.Record, kept.IsThere = record, kept.IsThere || id != ""
		r.saveChat(kept)
		note(id)
	})
	if r.Ctx.Err() != nil {
		return r.Ctx.Err() // the process ends: the message comes again
	}
	note(state.ID)
	synced := incident.ChatSynced{ID: state.ID, Name: state.Name, URL: state.URL, IsArchived: state.IsArchived}
	if err != nil {
		r.Logger.Warn("Slack channel not brought up to date", "incident", r.Ref.String(), "try", sync.Try, "err",
			ports.Redact(err))
		if kept.Since.IsZero() {
			kept.Since = r.Now
		}
		if r.Now.Sub(kept.Since) >= chatPatience {
			synced.Away, synced.Since = ports.Reason(err), kept.Since
		}
		if err := r.retryChat(sync, kept, err); err != nil {
			return err
		}
		if synced.Away == "" && synced.ID == "" {
			return nil
		}
		synced.Away = cmp.Or(synced.Away, r.State.Chat.Away) // until it works again
		return r.sendChatSynced(synced)
	}
	kept.Seq, kept.At, kept.Since, kept.Retry, kept.ID = seq, r.Now, time.Time{}, time.Time{}, state.ID
	if state.IsArchived {
		kept.ID = ""
	}
	// before it counts as done: else nobody does it again, and the incident never hears of its channel
	if err := r.sendChatSynced(synced); err != nil {
		return err
	}
	r.saveChat(kept)
	return r.showLines(kept, 0)
}

// noteChannel notes which incident a channel is of, so that what people write there is heard: from when it is there,
// though Slack may refuse what else belongs to it.
func (r *reconciliation) noteChannel(id string, service incident.Service) {
	if id == "" {
		return
	}
	mirrored := ""
	if r.Policy.Chat.IsMirrored {
		mirrored = incident.MirrorAll
	}
	known := []string{r.Ref.String(), service.Secret, mirrored, service.Account}
	r.saveKept(chatOfKey(id), []byte(strings.Join(known, "\n")))
}

// retryChat has the channel tried again later.
func (r *reconciliation) retryChat(sync incident.ChatSync, kept keptChat, failed error) error {
	if sync.Try >= mostChatTries {
		kept.Retry = time.Time{}
		r.saveChat(kept)
		r.Logger.Error("Slack channel given up until the incident changes", "incident", r.Ref.String(), "tries",
			sync.Try)
		return nil
	}
	wait := chatRetry(r.Now, sync.Try, failed)
	kept.Retry = r.Now.Add(wait)
	r.saveChat(kept)
	next := incident.ChatSync{Seq: sync.Seq, At: r.Now, Try: sync.Try + 1}
	return r.askForChat(fmt.Sprintf("chat %s again %d", r.Ref, r.Now.UnixNano()), next, kept.Retry)
}

// sendChatSynced reports to the incident what came of it, where that is news.
func (r *reconciliation) sendChatSynced(synced incident.ChatSynced) error {
	if !synced.IsNews(r.State) {
		return nil
	}
	m := Message{Ref: r.Ref, Why: "chat", What: &synced,
		Delivery: fmt.Sprintf("chatted %s %d", r.Ref, r.Now.UnixNano())}
	if err := r.Queue.Enqueue(r.Ctx, m, time.Time{}); err != nil {
		return fmt.Errorf("say what became of the Slack channel of %s: %w", r.Ref, err)
	}
	return nil
}

// readForChat reads the incident as its card says, and returns the card's number. It returns a
// *RetryAfter where the card isn't the one that the message follows.
func (r *reconciliation) readForChat(sync incident.ChatSync) (seq int, err error) {
	if err := r.peekForSearch(); err != nil {
		return 0, err
	}
	if r.Snapshot.Gone || r.cardSeq >= sync.Seq || r.Now.Sub(sync.At) >= cardPatience {
		return r.cardSeq, r.loadPolicy()
	}
	return 0, &RetryAfter{Until: r.Now.Add(cardPace), Err: errors.New("the card isn't written yet"), IsIdle: true}
}

// chatChannel returns what the channel is to be.
func (r *reconciliation) chatChannel() ports.ChatChannel {
	service, _ := r.Policy.Service("slack")
	shown := card.Chat(r.State, card.View{Ref: r.Ref, ID: r.Snapshot.ID, URL: r.Snapshot.URL, Title: r.Snapshot.Title,
		Policy: r.Policy, Now: r.Now})
	c := ports.ChatChannel{
		Ref: r.Ref, Service: service, Name: chatName(r.Ref.Number, r.Snapshot.Title),
		Purpose: fmt.Sprintf("Incident %s: %s", r.DeclaredRef(), r.Snapshot.URL), IsPublic: r.Policy.Chat.IsPublic,
		IsOver: r.State.Chat.IsOver, Topic: shown.Topic, Text: shown.Topic, Card: shown.Sections, Buttons: shown.Buttons,
		Members: r.State.ChatMembers(), Now: r.Now,
	}
	c.Service.Targets = maps.Clone(service.Targets)
	for _, login := range c.Members {
		if user, ok := r.linkedUser(login); ok && c.Service.Targets["@"+login] == "" {
			if c.Service.Targets == nil {
				c.Service.Targets = map[string]string{}
			}
			c.Service.Targets["@"+login] = user
		}
	}
	c.Links = append(c.Links, incident.Link{Name: "Issue", URL: r.Snapshot.URL})
	if r.State.Document.Number != 0 {
		c.Links = append(c.Links, incident.Link{Name: "Postmortem",
			URL: r.GitHub.IssueURL(incident.Ref{Owner: r.DocumentRef().Owner, Repo: r.DocumentRef().Repo,
				Number: r.State.Document.Number})})
	}
	if call := r.State.CallOf(r.Policy.For(r.Ref)); call != "" && r.State.Running() {
		c.Links = append(c.Links, incident.Link{Name: "Call", URL: call})
	}
	return c
}

// chatNameLength is how long Slack lets a channel's name be.
const chatNameLength = 80

// chatName returns the name of an incident's channel: inc-12-checkout-is-down.
func chatName(number int, title string) string {
	name := fmt.Sprintf("inc-%d", number)
	if slug := postmortem.Slug(title, chatNameLength-len(name)-4); slug != "" { // room for a number behind it
		name += "-" + slug
	}
	return name
}

// loadChat reads what is kept of the channel.
func (r *reconciliation) loadChat() (kept keptChat) {
	text := r.loadKept(r.Ctx, chatKey(r.Ref))
	if len(text) == 0 {
		return keptChat{}
	}
	if err := json.Unmarshal(text, &kept); err != nil {
		r.Logger.Warn("what is kept of a Slack channel is damaged: it is found again by its name", "incident",
			r.Ref.String(), "err", err)
		return keptChat{}
	}
	return kept
}

// saveChat keeps it.
func (r *reconciliation) saveChat(kept keptChat) {
	text, err := json.Marshal(kept)
	if err != nil {
		r.Logger.Error("what is known of a Slack channel can't be kept", "incident", r.Ref.String(), "err", err)
		return
	}
	r.saveKept(chatKey(r.Ref), text)
}
