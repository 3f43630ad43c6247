package workspace

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// methods are those that are served. https://docs.slack.dev/reference/methods
var methods = map[string]method{
	"auth.test": func(w *Workspace, _ url.Values) (answer, string) {
		return answer{"url": cmp.Or(w.Home, Home), "team": "acme", "user": "firebreak", "team_id": Team, "user_id": BotUser,
			"bot_id": "B0BOT0001"}, ""
	},
	"conversations.create":     create,
	"conversations.info":       in(func(*Workspace, *Channel, url.Values) (answer, string) { return nil, "" }),
	"conversations.setTopic":   open(setTopic),
	"conversations.setPurpose": open(setPurpose),
	"conversations.invite":     open(invite),
	"conversations.archive":    in(archive),
	"conversations.unarchive":  in(unarchive),
	"conversations.history":    in(history),
	"conversations.replies":    in(replies),
	"users.conversations":      conversations,
	"users.info":               userInfo,
	"chat.postMessage":         open(postMessage),
	"chat.update":              open(update),
	"chat.delete":              open(deleteMessage),
	"chat.postEphemeral":       open(postEphemeral),
	"views.open":               openView,
	"pins.add":                 open(pin),
	"bookmarks.list":           in(listBookmarks),
	"bookmarks.add":            open(addBookmark),
	"bookmarks.edit":           open(editBookmark),
	"bookmarks.remove":         open(removeBookmark),
}

// reads are the methods that change nothing.
var reads = []string{"auth.test", "conversations.info", "conversations.history", "conversations.replies",
	"users.conversations", "users.info", "bookmarks.list"}

// userInfo shows somebody. https://docs.slack.dev/reference/methods/users.info
func userInfo(w *Workspace, form url.Values) (answer, string) {
	id := form.Get("user")
	p, ok := w.profiles[id]
	if name := w.users[id]; name != "" || ok {
		profile := answer{"real_name": name, "display_name": name}
		if p.Email != "" {
			profile["email"] = p.Email
		}
		return answer{"user": answer{"id": id, "team_id": cmp.Or(p.Team, Team), "name": name, "deleted": p.IsDeleted,
			"is_bot": p.IsBot, "is_stranger": p.Team != "" && p.Team != Team, "profile": profile}}, ""
	}
	return nil, "user_not_found"
}

// in makes a method of one that is about a channel that the bot is in.
func in(do func(w *Workspace, c *Channel, form url.Values) (answer, string)) method {
	return func(w *Workspace, form url.Values) (answer, string) {
		c := w.channel(form.Get("channel"))
		if c == nil {
			c = w.channel(form.Get("channel_id"))
		}
		if c == nil || c.IsPrivate && !slices.Contains(c.Members, BotUser) {
			return nil, "channel_not_found"
		}
		out, code := do(w, c, form)
		if out == nil && code == "" {
			out = answer{"channel": view(c)}
		}
		return out, code
	}
}

// open is in for what an archived channel refuses.
func open(do func(w *Workspace, c *Channel, form url.Values) (answer, string)) method {
	return in(func(w *Workspace, c *Channel, form url.Values) (answer, string) {
		switch {
		case c.IsArchived:
			return nil, "is_archived"
		case !slices.Contains(c.Members, BotUser):
			return nil, "not_in_channel"
		}
		return do(w, c, form)
	})
}

func view(c *Channel) answer {
	return answer{"id": c.ID, "name": c.Name, "name_normalized": c.Name, "creator": c.Creator, "created": c.Created.Unix(),
		"is_channel": !c.IsPrivate, "is_group": c.IsPrivate, "is_private": c.IsPrivate, "is_archived": c.IsArchived,
		"is_im": false, "is_mpim": false, "is_general": false, "is_shared": false, "is_ext_shared": false,
		"is_org_shared": false, "is_pending_ext_shared": false, "is_member": slices.Contains(c.Members, BotUser),
		"topic": answer{"value": c.Topic}, "purpose": answer{"value": c.Purpose}}
}

var channelName = regexp.MustCompile(`^[a-z0-9_-]{1,80}$`)

func create(w *Workspace, form url.Values) (answer, string) {
	name := form.Get("name")
	switch {
	case name == "":
		return nil, "invalid_name_required"
	case len(name) > 80:
		return nil, "invalid_name_maxlength"
	case !channelName.MatchString(name):
		return nil, "invalid_name_specials"
	case slices.ContainsFunc(w.channels, func(c *Channel) bool { return c.Name == name }):
		return nil, "name_taken" // of an archived one, too
	}
	return answer{"channel": view(w.make(name, BotUser, form.Get("is_private") == "true"))}, ""
}

const mostTopic = 250

func setTopic(_ *Workspace, c *Channel, form url.Values) (answer, string) {
	if len([]rune(form.Get("topic"))) > mostTopic {
		return nil, "too_long"
	}
	c.Topic = form.Get("topic")
	return nil, ""
}

func setPurpose(_ *Workspace, c *Channel, form url.Values) (answer, string) {
	if len([]rune(form.Get("purpose"))) > mostTopic {
		return nil, "too_long"
	}
	c.Purpose = form.Get("purpose")
	return nil, ""
}

func invite(w *Workspace, c *Channel, form url.Values) (answer, string) {
	for _, id := range strings.Split(form.Get("users"), ",") {
		switch {
		case w.users[id] == "":
			return nil, "user_not_found"
		case slices.Contains(c.Members, id):
			return nil, "already_in_channel"
		}
		c.Members = append(c.Members, id)
	}
	return nil, ""
}

func archive(_ *Workspace, c *Channel, _ url.Values) (answer, string) {
	if c.IsArchived {
		return nil, "already_archived"
	}
	c.IsArchived = true
	return answer{}, ""
}

func unarchive(_ *Workspace, c *Channel, _ url.Values) (answer, string) {
	if !c.IsArchived {
		return nil, "not_archived"
	}
	return nil, "not_in_channel" // a bot that is in no archived channel can't open one again
}

func conversations(w *Workspace, form url.Values) (answer, string) {
	limit, _ := strconv.Atoi(form.Get("limit"))
	from, _ := strconv.Atoi(form.Get("cursor"))
	var all []answer
	for _, c := range w.channels {
		if slices.Contains(c.Members, BotUser) {
			one := view(c)
			delete(one, "is_member") // it is, of each
			all = append(all, one)
		}
	}
	page, next := pageOf(all, from, limit)
	return answer{"channels": page, "response_metadata": answer{"next_cursor": next}}, ""
}

// pageOf returns a page of a list, and the cursor of the next one.
func pageOf[T any](all []T, from, limit int) (page []T, next string) {
	if limit <= 0 {
		limit = 100
	}
	to := min(from+limit, len(all))
	if to < len(all) {
		next = strconv.Itoa(to)
	}
	return append([]T{}, all[min(from, to):to]...), next
}

func history(_ *Workspace, c *Channel, form url.Values) (answer, string) {
	limit, _ := strconv.Atoi(form.Get("limit"))
	from, _ := strconv.Atoi(form.Get("cursor"))
	var all []Message
	for _, m := range slices.Backward(c.Messages) {
		if m.OnlyTo == "" && (m.Thread == "" || m.Thread == m.TS) { // answers are in their threads
			all = append(all, seen(m, form))
		}
	}
	page, next := pageOf(all, from, limit)
	return answer{"messages": page, "has_more": next != "", "response_metadata": answer{"next_cursor": next}}, ""
}

// seen returns a message as a call asks for it.
func seen(m Message, form url.Values) Message {
	if form.Get("include_all_metadata") != "1" && form.Get("include_all_metadata") != "true" {
		m.Metadata = nil
	}
	return m
}

func replies(_ *Workspace, c *Channel, form url.Values) (answer, string) {
	limit, _ := strconv.Atoi(form.Get("limit"))
	from, _ := strconv.Atoi(form.Get("cursor"))
	ts := form.Get("ts")
	var all []Message
	for _, m := range c.Messages {
		if m.OnlyTo == "" && (m.TS == ts || m.Thread == ts) {
			all = append(all, seen(m, form))
		}
	}
	if len(all) == 0 {
		return nil, "thread_not_found"
	}
	page, next := pageOf(all, from, limit)
	return answer{"messages": page, "has_more": next != "", "response_metadata": answer{"next_cursor": next}}, ""
}

// Say writes a message as somebody does, and returns its ts.
func (w *Workspace) Say(channel, user, text string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.channel(channel)
	if c == nil {
		return ""
	}
	return w.say(c, Message{User: user, Text: text})
}

func (w *Workspace) say(c *Channel, m Message) string {
	m.Type, m.TS = "message", fmt.Sprintf("%d.%06d", w.Now().Unix(), w.next())
	c.Messages = append(c.Messages, m)
	return m.TS
}

const mostText = 40_000

// postMessage posts a message. One that comes again with the client_msg_id of another one is that one.
// https://docs.slack.dev/reference/methods/chat.postMessage#errors
func postMessage(w *Workspace, c *Channel, form url.Values) (answer, string) {
	m := Message{User: BotUser, Text: form.Get("text"), Thread: form.Get("thread_ts"), ClientID: form.Get("client_msg_id")}
	if code := fill(&m, form); code != "" {
		return nil, code
	}
	if ts, ok := w.posted[m.ClientID]; ok {
		before := c.find(ts)
		if before == nil {
			return nil, "duplicate_message_not_found"
		}
		return posted(c, *before), ""
	}
	ts := w.say(c, m)
	if m.ClientID != "" {
		w.posted[m.ClientID] = ts
	}
	return posted(c, *c.find(ts)), ""
}

// posted is the answer to a message. Slack does not say its client_msg_id there.
func posted(c *Channel, m Message) answer {
	m.ClientID = ""
	return answer{"channel": c.ID, "ts": m.TS, "message": m}
}

// fill sets what a form says of a message. It returns what is wrong with it.
func fill(m *Message, form url.Values) string {
	blocks, metadata := form.Get("blocks"), form.Get("metadata")
	switch {
	case m.Text == "" && blocks == "":
		return "no_text"
	case len(m.Text) > mostText:
		return "msg_too_long"
	case blocks != "" && !isBlocks(blocks):
		return "invalid_blocks"
	case metadata != "" && !json.Valid([]byte(metadata)):
		return "invalid_metadata_format"
	}
	if blocks != "" {
		m.Blocks = json.RawMessage(blocks)
	}
	if metadata != "" {
		m.Metadata = json.RawMessage(metadata)
	}
	return ""
}

func (c *Channel) find(ts string) *Message {
	i := slices.IndexFunc(c.Messages, func(m Message) bool { return m.TS == ts })
	if i < 0 {
		return nil
	}
	return &c.Messages[i]
}

func update(_ *Workspace, c *Channel, form url.Values) (answer, string) {
	m := c.find(form.Get("ts"))
	switch {
	case m == nil:
		return nil, "message_not_found"
	case m.User != BotUser:
		return nil, "cant_update_message"
	}
	changed := *m
	changed.Text, changed.Edited = form.Get("text"), true
	if code := fill(&changed, form); code != "" {
		return nil, code
	}
	*m = changed
	return answer{"channel": c.ID, "ts": m.TS, "text": m.Text}, ""
}

func deleteMessage(_ *Workspace, c *Channel, form url.Values) (answer, string) {
	m := c.find(form.Get("ts"))
	switch {
	case m == nil:
		return nil, "message_not_found"
	case m.User != BotUser:
		return nil, "cant_delete_message"
	}
	ts := m.TS
	c.Messages = slices.DeleteFunc(c.Messages, func(m Message) bool { return m.TS == ts })
	return answer{"channel": c.ID, "ts": ts}, ""
}

func pin(_ *Workspace, c *Channel, form url.Values) (answer, string) {
	ts := form.Get("timestamp")
	switch {
	case c.find(ts) == nil:
		return nil, "message_not_found"
	case slices.Contains(c.Pins, ts):
		return nil, "already_pinned"
	}
	c.Pins = append(c.Pins, ts)
	return answer{}, ""
}

func listBookmarks(_ *Workspace, c *Channel, _ url.Values) (answer, string) {
	return answer{"bookmarks": append([]Bookmark{}, c.Bookmarks...)}, ""
}

func addBookmark(w *Workspace, c *Channel, form url.Values) (answer, string) {
	if form.Get("title") == "" || form.Get("type") != "link" || form.Get("link") == "" {
		return nil, "invalid_arguments"
	}
	b := Bookmark{ID: fmt.Sprintf("Bk%08d", w.next()), Title: form.Get("title"), Link: form.Get("link"), Type: "link"}
	c.Bookmarks = append(c.Bookmarks, b)
	return answer{"bookmark": b}, ""
}

func editBookmark(_ *Workspace, c *Channel, form url.Values) (answer, string) {
	i := slices.IndexFunc(c.Bookmarks, func(b Bookmark) bool { return b.ID == form.Get("bookmark_id") })
	if i < 0 {
		return nil, "not_found"
	}
	b := &c.Bookmarks[i]
	if title := form.Get("title"); title != "" {
		b.Title = title
	}
	if link := form.Get("link"); link != "" {
		b.Link = link
	}
	return answer{"bookmark": *b}, ""
}

func removeBookmark(_ *Workspace, c *Channel, form url.Values) (answer, string) {
	n := len(c.Bookmarks)
	c.Bookmarks = slices.DeleteFunc(c.Bookmarks, func(b Bookmark) bool { return b.ID == form.Get("bookmark_id") })
	if len(c.Bookmarks) == n {
		return nil, "not_found"
	}
	return answer{}, ""
}
