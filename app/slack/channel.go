package slack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// record is what is kept of a channel. It spares calls: what it doesn't know is looked up in Slack.
type record struct {
	ID         string            `json:"id,omitempty"`
	Name       string            `json:"name,omitempty"`
	Making     string            `json:"making,omitempty"` // the name by which it is being made: the answer may be lost
	IsNew      bool              `json:"new,omitempty"`    // nothing of ours is in it yet
	IsArchived bool              `json:"archived,omitempty"`
	Closed     bool              `json:"closed,omitempty"` // by us: it is archived as the incident was over
	HasPurpose bool              `json:"purpose,omitempty"`
	Topic      string            `json:"topic,omitempty"`
	Card       string            `json:"card,omitempty"`    // its message's ts
	Posting    bool              `json:"posting,omitempty"` // the card is being posted
	CardHash   string            `json:"cardHash,omitempty"`
	IsPinned   bool              `json:"pinned,omitempty"`
	Bookmarks  map[string]mark   `json:"bookmarks,omitempty"` // by title; nil: not read yet
	Members    map[string]string `json:"members,omitempty"`   // id → "" or why Slack does not take them
}

// mark is a bookmark.
type mark struct{ ID, Link string }

// room is one call of Bring.
type room struct {
	*slack.Client
	ctx  context.Context
	bot  bot
	want engine.ChatChannel
	rec  record
	keep func(kept []byte, id string)
}

// Bring brings a channel up to date. It implements engine.Chat.
func (s *Slack) Bring(ctx context.Context, want engine.ChatChannel, kept []byte,
	keep func(kept []byte, id string)) (engine.ChatState, error) {
	r := &room{ctx: ctx, want: want, keep: keep}
	if len(kept) > 0 {
		if err := json.Unmarshal(kept, &r.rec); err != nil {
			r.rec = record{} // it is found again by its name
		}
	}
	var err error
	if r.Client, r.bot, err = s.open(ctx, want.Now, want.Service); err != nil {
		return r.state(), err
	}
	for _, stage := range []func() error{r.ensure, r.look, r.bringTopic, r.bringCard, r.bringBookmarks, r.invite,
		r.archive} {
		if err := stage(); err != nil {
			return r.state(), err
		}
		if r.rec.IsArchived { // nothing can be written there
			return r.state(), nil
		}
	}
	return r.state(), nil
}

// state returns what is known of the channel.
func (r *room) state() engine.ChatState {
	if r.rec.ID == "" {
		return engine.ChatState{}
	}
	return engine.ChatState{ID: r.rec.ID, Name: r.rec.Name, URL: r.bot.address(r.rec.ID), IsArchived: r.rec.IsArchived}
}

// save keeps what is known by now.
func (r *room) save() {
	text, err := json.Marshal(r.rec)
	if err == nil { // strings, flags and maps of them always marshal
		r.keep(text, r.rec.ID)
	}
}

func (r *room) fail(what string, err error) error { return errorOf(r.want.Now, what, err) }

// unescape returns a text as it was before Slack escaped it.
func unescape(text string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text)
}

// mostSuffixes is how many names are tried that others have.
const mostSuffixes = 20

// ensure finds the channel, or makes it. A name that somebody else has gets a number behind it.
func (r *room) ensure() error {
	if r.rec.ID != "" {
		return nil
	}
	if r.want.IsOver {
		return &Error{text: "the channel to archive is not known"}
	}
	if r.rec.Making == "" { // nothing is known: it may have been made by who lost what was kept
		found, err := r.find()
		if err != nil || found {
			return err
		}
	}
	making := r.rec.Making
	for n := 1; n <= mostSuffixes; n++ {
		name := r.nameOf(n)
		if making != "" && name != making && slices.Contains(r.names(n), making) {
			continue // it was taken when the one of the last call was tried
		}
		r.rec.Making = name
		r.save()
		channel, err := r.CreateConversationContext(r.ctx,
			slack.CreateConversationParams{ChannelName: name, IsPrivate: !r.want.IsPublic})
		err = r.fail("conversations.create", err)
		switch {
		case err == nil:
			return r.adopt(channel.ID, channel.Name, false, true)
		case !isOneOf(err, "name_taken"):
			return err
		}
		if name == making { // the answer to the call before may be lost: then nobody has described it yet
			if found, err := r.findNew(name); err != nil || found {
				return err
			}
		}
	}
	return &Error{text: "others have the names " + r.want.Name + " and " + fmt.Sprint(mostSuffixes-1) +
		" like it: rename a channel"}
}

// nameOf returns the name that is tried in that place.
func (r *room) nameOf(n int) string {
	if n == 1 {
		return r.want.Name
	}
	return fmt.Sprintf("%s-%d", r.want.Name, n)
}

// names returns the names that are tried from that place on.
func (r *room) names(from int) (all []string) {
	for n := from; n <= mostSuffixes; n++ {
		all = append(all, r.nameOf(n))
	}
	return all
}

// adopt takes a channel as the incident's, and says so in its purpose, by which it is found again.
func (r *room) adopt(id, name string, hasPurpose, isNew bool) error {
	r.rec.ID, r.rec.Name, r.rec.Making, r.rec.HasPurpose, r.rec.IsNew = id, name, "", hasPurpose, isNew
	r.save()
	return nil
}

// describe says in the channel's purpose whose it is.
func (r *room) describe() error {
	if r.rec.HasPurpose {
		return nil
	}
	_, err := r.SetPurposeOfConversationContext(r.ctx, r.rec.ID, purpose(r.want.Purpose))
	if err != nil {
		return r.fail("conversations.setPurpose", err)
	}
	r.rec.HasPurpose = true
	r.save()
	return nil
}

// purpose is what names the incident in its channel's purpose: Slack lets it be 250 characters long.
func purpose(text string) string { return text[:min(len(text), 250)] }

// find finds the incident's channel by its purpose.
func (r *room) find() (bool, error) {
	return r.search(func(c slack.Channel) bool { return unescape(c.Purpose.Value) == purpose(r.want.Purpose) })
}

// findNew finds the channel of a name that this bot has made and nobody has described.
func (r *room) findNew(name string) (bool, error) {
	return r.search(func(c slack.Channel) bool {
		return c.Name == name && c.Creator == r.bot.user && c.Purpose.Value == ""
	})
}

// search looks for a channel among those that the bot is in, and adopts it.
func (r *room) search(is func(slack.Channel) bool) (bool, error) {
	p := &slack.GetConversationsForUserParameters{Types: []string{"public_channel", "private_channel"}, Limit: 200}
	var best *slack.Channel
	for {
		channels, next, err := r.GetConversationsForUserContext(r.ctx, p)
		if err != nil {
			return false, r.fail("users.conversations", err)
		}
		for i, c := range channels {
			if is(c) && (best == nil || best.IsArchived && !c.IsArchived) {
				best = &channels[i]
			}
		}
		if p.Cursor = next; next == "" {
			break
		}
	}
	if best == nil {
		return false, nil
	}
	return true, r.adopt(best.ID, best.Name, best.Purpose.Value != "", false)
}

// look reads what the channel is by now: somebody may have renamed or archived it.
func (r *room) look() error {
	c, err := r.GetConversationInfoContext(r.ctx, &slack.GetConversationInfoInput{ChannelID: r.rec.ID})
	if err != nil {
		return r.fail("conversations.info", err)
	}
	r.rec.Name, r.rec.IsArchived = c.Name, c.IsArchived
	if c.IsArchived {
		return r.reopen()
	}
	r.rec.Closed = false
	return r.describe()
}

// reopen opens the channel of an incident that goes on again. Slack lets few apps do that: where it
// refuses, another channel is made. One that a person archived stays archived.
func (r *room) reopen() error {
	if r.want.IsOver || !r.rec.Closed {
		return nil
	}
	err := r.fail("conversations.unarchive", r.UnArchiveConversationContext(r.ctx, r.rec.ID))
	switch {
	case err == nil, isOneOf(err, "not_archived"):
		r.rec.IsArchived, r.rec.Closed = false, false
		r.save()
		return nil
	case codeOf(err) == "", isOneOf(err, passing...):
		return err
	}
	r.rec = record{Making: r.want.Name} // which is taken: the next one gets a number
	if err := r.ensure(); err != nil {
		return err
	}
	return r.describe()
}

// passing are codes of Slack's that pass.
var passing = []string{"ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}

// bringTopic sets the topic, where it is another one than was set last: what a person sets stays until
// the incident changes.
func (r *room) bringTopic() error {
	if r.rec.Topic == r.want.Topic {
		return nil
	}
	if _, err := r.SetTopicOfConversationContext(r.ctx, r.rec.ID, r.want.Topic); err != nil {
		return r.fail("conversations.setTopic", err)
	}
	r.rec.Topic = r.want.Topic
	r.save()
	return nil
}

const (
	eventType = "firebreak" // of the metadata by which our messages are known
	cardKey   = "card"
)

// message returns the card as a message.
func (r *room) message() []slack.MsgOption {
	var blocks []slack.Block
	for _, section := range r.want.Card {
		// verbatim: Slack would mention whom a text calls @here
		text := slack.NewTextBlockObject(slack.MarkdownType, cut(section, maxSection), false, true)
		blocks = append(blocks, slack.NewSectionBlock(text, nil, nil))
	}
	blocks = append(blocks, buttonsOf(r.want.Buttons)...)
	return []slack.MsgOption{
		slack.MsgOptionText(r.want.Text, false), slack.MsgOptionBlocks(blocks...),
		slack.MsgOptionMetadata(slack.SlackMetadata{EventType: eventType,
			EventPayload: map[string]any{"key": cardKey, "incident": r.want.Ref.String()}}),
	}
}

// maxSection is how long the text of a block may be.
// https://docs.slack.dev/reference/block-kit/blocks/section-block
const maxSection = 3000

func cut(text string, most int) string {
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}

// bringCard brings the pinned message to what the card says: one message, edited in place.
func (r *room) bringCard() error {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%v", r.want.Text, strings.Join(r.want.Card, "\n"), r.want.Buttons))
	hash := hex.EncodeToString(sum[:8])
	if r.rec.Card != "" && r.rec.CardHash != hash {
		_, _, _, err := r.UpdateMessageContext(r.ctx, r.rec.ID, r.rec.Card, r.message()...)
		switch err := r.fail("chat.update", err); {
		case err == nil:
			r.rec.CardHash = hash
			r.save()
		case isOneOf(err, "message_not_found", "cant_update_message"): // somebody deleted it
			r.rec.Card, r.rec.IsPinned = "", false
		default:
			return err
		}
	}
	if r.rec.Card == "" {
		if err := r.postCard(hash); err != nil {
			return err
		}
	}
	if r.rec.IsPinned {
		return nil
	}
	err := r.fail("pins.add", r.AddPinContext(r.ctx, r.rec.ID, slack.NewRefToMessage(r.rec.ID, r.rec.Card)))
	if err != nil && !isOneOf(err, "already_pinned") && !isOneOf(err, unpinnable...) {
		return err
	}
	r.rec.IsPinned = true
	r.save()
	return nil
}

// unpinnable are the codes by which Slack says that the workspace lets the card not be pinned: it is read all the same,
// and people are still to be invited. https://docs.slack.dev/reference/methods/pins.add#errors
var unpinnable = []string{"not_pinnable", "restricted_action", "too_many_pins"}

// postCard posts the card, unless a post whose answer was lost did.
func (r *room) postCard(hash string) error {
	if r.rec.Posting || !r.rec.IsNew {
		ts, err := r.findCard()
		if err != nil {
			return err
		}
		if ts != "" {
			r.rec.Card, r.rec.Posting, r.rec.IsNew = ts, false, false
			r.rec.CardHash = "" // which text it has is not known
			r.save()
			return r.bringCard()
		}
	}
	r.rec.Posting = true
	r.save()
	_, ts, err := r.PostMessageContext(r.ctx, r.rec.ID, append(r.message(), plain...)...)
	if err != nil {
		return r.fail("chat.postMessage", err)
	}
	r.rec.Card, r.rec.CardHash, r.rec.Posting, r.rec.IsNew = ts, hash, false, false
	r.save()
	return nil
}

// cardPages is how many pages of a channel's history are searched for the card.
const cardPages = 10

// findCard finds the card in the channel by its metadata: the newest one of ours. It returns "" where
// there is none.
func (r *room) findCard() (ts string, err error) {
	p := &slack.GetConversationHistoryParameters{ChannelID: r.rec.ID, Limit: 100, IncludeAllMetadata: true}
	for range cardPages {
		page, err := r.GetConversationHistoryContext(r.ctx, p)
		if err != nil {
			return "", r.fail("conversations.history", err)
		}
		for _, m := range page.Messages {
			if m.User == r.bot.user && m.Metadata.EventType == eventType &&
				m.Metadata.EventPayload["key"] == cardKey {
				return m.Timestamp, nil
			}
		}
		if p.Cursor = page.ResponseMetaData.NextCursor; p.Cursor == "" {
			break
		}
	}
	return "", nil
}

// bringBookmarks brings the bookmarks to the incident's links. Those of other people stay.
func (r *room) bringBookmarks() error {
	if r.rec.Bookmarks == nil {
		if err := r.readBookmarks(); err != nil {
			return err
		}
	}
	for _, link := range r.want.Links {
		known, ok := r.rec.Bookmarks[link.Name]
		var made slack.Bookmark
		var err error
		switch {
		case ok && known.Link == link.URL:
			continue
		case ok:
			title := link.Name
			made, err = r.EditBookmarkContext(r.ctx, r.rec.ID, known.ID,
				slack.EditBookmarkParameters{Title: &title, Link: link.URL})
			err = r.fail("bookmarks.edit", err)
		default:
			made, err = r.AddBookmarkContext(r.ctx, r.rec.ID,
				slack.AddBookmarkParameters{Title: link.Name, Type: "link", Link: link.URL})
			err = r.fail("bookmarks.add", err)
		}
		switch {
		case err == nil:
		case ok && isOneOf(err, "not_found", "bookmark_not_found"): // somebody removed it
			delete(r.rec.Bookmarks, link.Name)
			r.save()
			continue
		default:
			r.rec.Bookmarks = nil // the answer may be lost: they are read again
			r.save()
			return err
		}
		r.rec.Bookmarks[link.Name] = mark{ID: made.ID, Link: link.URL}
		r.save()
	}
	return r.dropBookmarks()
}

func (r *room) readBookmarks() error {
	r.rec.Bookmarks = map[string]mark{}
	if r.rec.IsNew {
		return nil
	}
	all, err := r.ListBookmarksContext(r.ctx, r.rec.ID)
	if err != nil {
		r.rec.Bookmarks = nil
		return r.fail("bookmarks.list", err)
	}
	for _, b := range all {
		if slices.Contains(bookmarkTitles, b.Title) {
			r.rec.Bookmarks[b.Title] = mark{ID: b.ID, Link: b.Link}
		}
	}
	return nil
}

// bookmarkTitles are the titles of our bookmarks.
var bookmarkTitles = []string{"Issue", "Postmortem", "Call"}

// dropBookmarks removes bookmarks of ours that lead nowhere any more, such as an old call's.
func (r *room) dropBookmarks() error {
	for _, title := range bookmarkTitles {
		known, ok := r.rec.Bookmarks[title]
		wanted := slices.ContainsFunc(r.want.Links, func(l incident.Link) bool { return l.Name == title })
		if !ok || wanted {
			continue
		}
		err := r.fail("bookmarks.remove", r.RemoveBookmarkContext(r.ctx, r.rec.ID, known.ID))
		if err != nil && !isOneOf(err, "not_found", "bookmark_not_found") {
			return err
		}
		delete(r.rec.Bookmarks, title)
		r.save()
	}
	return nil
}

// invite invites who belongs into the channel, each once: who leaves it again is left alone. Whom Slack
// does not take, others are not kept waiting for.
func (r *room) invite() error {
	for _, login := range r.want.Members {
		id, ok := member(r.want.Service.Targets, login)
		if _, known := r.rec.Members[id]; !ok || known || id == r.bot.user {
			continue
		}
		_, err := r.InviteUsersToConversationContext(r.ctx, r.rec.ID, id)
		err = r.fail("conversations.invite", err)
		why := codeOf(err)
		switch {
		case err == nil, why == "already_in_channel", why == "cant_invite_self":
			why = ""
		case slices.Contains(refusedMembers, why):
		default:
			return err
		}
		if r.rec.Members == nil {
			r.rec.Members = map[string]string{}
		}
		r.rec.Members[id] = why
		r.save()
	}
	return nil
}

// refusedMembers are the codes by which Slack says that somebody can't be invited.
// https://docs.slack.dev/reference/methods/conversations.invite#errors
var refusedMembers = []string{"user_not_found", "users_not_found", "cant_invite", "user_is_restricted",
	"user_is_ultra_restricted", "no_user", "user_team_not_in_channel", "ura_max_channels", "org_user_not_in_team",
	"user_disabled", "external_users_not_found", "invitee_cant_see_channel", "no_external_invite_permission"}

// archive archives the channel of an incident that ended a while ago.
func (r *room) archive() error {
	if !r.want.IsOver {
		return nil
	}
	r.rec.Closed = true // before: the answer may be lost
	r.save()
	err := r.fail("conversations.archive", r.ArchiveConversationContext(r.ctx, r.rec.ID))
	if err != nil && !isOneOf(err, "already_archived") {
		return err
	}
	r.rec.IsArchived = true
	r.save()
	return nil
}
