package workspace

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// App is the app that is installed in the workspace: where Slack sends what people do, and how it is signed.
type App struct {
	RequestURL string // takes events, slash commands and interactions; empty: nothing is sent
	Secret     string // signs what is sent
	Commands   []string
	Scopes     []string // that its bot has
	HooksURL   string   // where response URLs lead, without a slash at its end
}

// patience is how long Slack waits for an answer.
// https://docs.slack.dev/interactivity/handling-user-interaction#acknowledgment_response
const patience = 3 * time.Second

// Slack's ids of the app.
const (
	appID  = "A0APP0001"
	domain = "acme"
)

var (
	// ErrUnknown is returned for a channel, a person or a button that isn't there.
	ErrUnknown = errors.New("not found")
	// ErrRefused is returned where Slack lets a person not do it.
	ErrRefused = errors.New("slack refuses it")
)

// trigger is what lets an app open one form, for three seconds.
type trigger struct {
	user, channel string
	at            time.Time
	isUsed        bool
}

// hook is where an app may answer an interaction.
type hook struct {
	user, channel string
	at            time.Time
	used          int
}

// View is a form that is open before somebody.
type View struct {
	ID, User, Channel string
	Title, Submit     string
	Fields            []Field

	callback, metadata string
}

// Field is a field of a form.
type Field struct {
	Block     string        `json:"name"`
	Label     string        `json:"label"`
	Hint      string        `json:"hint,omitempty"`
	Initial   string        `json:"initial,omitempty"`
	Options   []FieldOption `json:"options,omitempty"` // of a choice
	Multiline bool          `json:"multiline,omitempty"`
	Optional  bool          `json:"optional,omitempty"`
	MaxLength int           `json:"max_length,omitempty"`

	action, kind string
}

// FieldOption is one that can be chosen.
type FieldOption struct {
	Value string `json:"value"`
	Text  string `json:"text"`
}

// Button is a button of a message.
type Button struct {
	Action string `json:"action_id"`
	Label  string `json:"label"`
	Value  string `json:"value,omitempty"`
	Style  string `json:"style,omitempty"`

	block string
}

// Buttons returns the buttons of a message.
func (m Message) Buttons() (all []Button) {
	blocks, _ := readBlocks(m.Blocks, mostBlocks)
	for _, b := range blocks {
		for _, e := range b.buttons() {
			all = append(all, Button{Action: e.ActionID, Label: e.Text.Text, Value: e.Value, Style: e.Style, block: b.BlockID})
		}
	}
	return all
}

// Sections returns the texts of a message, in Slack's markup: of its blocks or, where it has none, its own.
func (m Message) Sections() (all []string) {
	blocks, _ := readBlocks(m.Blocks, mostBlocks)
	for _, b := range blocks {
		switch {
		case b.Type == "section":
			all = append(all, b.Text.Text)
		case b.Type == "context":
			var texts []textObject
			if json.Unmarshal(b.Elements, &texts) == nil {
				for _, t := range texts {
					all = append(all, t.Text)
				}
			}
		}
	}
	if len(all) == 0 {
		return []string{m.Text}
	}
	return all
}

// noteWrite says to whoever keeps the workspace that something changed.
func (w *Workspace) noteWrite() {
	if w.OnWrite != nil {
		w.OnWrite()
	}
}

// Users returns the people: id → name.
func (w *Workspace) Users() map[string]string { return w.users }

// UserOf returns the id of somebody by id or name; "": nobody.
func (w *Workspace) UserOf(name string) string {
	for id, n := range w.users {
		if id == name || strings.EqualFold(n, name) {
			return id
		}
	}
	return ""
}

// enter finds a channel by id or name for somebody who acts there. Into a private one that they are not in
// somebody invites them first: there nobody outside can do anything. The workspace must be locked.
func (w *Workspace) enter(channel, user string) (*Channel, string, error) {
	name := strings.TrimPrefix(channel, "#")
	c := w.channel(name)
	for _, one := range w.channels {
		if c == nil && one.Name == name {
			c = one
		}
	}
	id := w.UserOf(user)
	switch {
	case c == nil:
		return nil, "", fmt.Errorf("the channel %s: %w", channel, ErrUnknown)
	case id == "":
		return nil, "", fmt.Errorf("the person %s: %w", user, ErrUnknown)
	case c.IsArchived:
		return nil, "", fmt.Errorf("the channel %s is archived: %w", channel, ErrRefused)
	}
	if !slices.Contains(c.Members, id) {
		c.Members = append(c.Members, id)
	}
	return c, id, nil
}

// Write writes what somebody types in a channel, into a thread where one is named: a slash command, or a
// message of which the app hears. It returns the message's ts, or what Slack shows to a command's writer alone.
func (w *Workspace) Write(ctx context.Context, channel, user, thread, text string) (ts, answer string, err error) {
	defer w.noteWrite()
	w.mu.Lock()
	c, id, err := w.enter(channel, user)
	if err == nil && strings.TrimSpace(text) == "" {
		err = fmt.Errorf("an empty message: %w", ErrRefused)
	}
	if err != nil {
		w.mu.Unlock()
		return "", "", err
	}
	word, rest := text, "" // with a space before it, it is a message
	if i := strings.IndexAny(word, " \t\n"); i >= 0 {
		word, rest = word[:i], strings.TrimSpace(word[i:])
	}
	if strings.HasPrefix(word, "/") && thread == "" {
		if !slices.Contains(w.App.Commands, word) {
			w.mu.Unlock()
			return "", "", fmt.Errorf("%s is not a valid command. To send this as a message, put a space before it: %w",
				word, ErrRefused)
		}
		form := url.Values{"command": {word}, "text": {rest}, "user_id": {id}, "user_name": {w.users[id]},
			"channel_id": {c.ID}, "channel_name": {shownName(c)}, "team_id": {Team}, "team_domain": {domain},
			"trigger_id": {w.newTrigger(id, c.ID)}, "response_url": {w.newHook(id, c.ID)}, "api_app_id": {appID}}
		w.mu.Unlock()
		answer, err = w.command(ctx, c.ID, id, form)
		return "", answer, err
	}
	ts = w.say(c, Message{User: id, Text: escape(text), Thread: thread})
	event := messageEvent(c, id, ts, thread, escape(text))
	hears := slices.Contains(c.Members, BotUser)
	w.mu.Unlock()
	if hears {
		w.tellEvent(ctx, event)
	}
	return ts, "", nil
}

// escape writes a text as Slack sends what people type.
func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// shownName is the name of a channel in what Slack sends: of a private one it says none.
func shownName(c *Channel) string {
	if c.IsPrivate {
		return "privategroup"
	}
	return c.Name
}

// messageEvent returns the event of a message. https://docs.slack.dev/reference/events/message
func messageEvent(c *Channel, user, ts, thread, text string) answer {
	kind := "channel"
	if c.IsPrivate {
		kind = "group"
	}
	event := answer{"type": "message", "channel": c.ID, "user": user, "text": text, "ts": ts, "event_ts": ts, "team": Team,
		"channel_type": kind}
	if thread != "" {
		event["thread_ts"] = thread
	}
	return event
}

// command sends a slash command, and returns what is shown to its writer.
func (w *Workspace) command(ctx context.Context, channel, user string, form url.Values) (string, error) {
	name := form.Get("command")
	status, body, err := w.send(ctx, "application/x-www-form-urlencoded", []byte(form.Encode()), nil)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "", fmt.Errorf(`%s failed with the error "operation_timeout": %w`, name, ErrRefused)
	case err != nil, status != http.StatusOK:
		return "", fmt.Errorf(`%s failed with the error "dispatch_failed": %w`, name, ErrRefused)
	}
	said := string(bytes.TrimSpace(body))
	var out struct {
		Text         string `json:"text"`
		ResponseType string `json:"response_type"`
	}
	if json.Unmarshal(body, &out) == nil {
		said = out.Text
	}
	if said == "" {
		return "", nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.channel(channel); c != nil {
		m := Message{User: BotUser, Text: said}
		if out.ResponseType != "in_channel" {
			m.OnlyTo = user
		}
		w.say(c, m)
	}
	return said, nil
}

// retries is how often an event is sent again whose receiver failed: once at once. The real Slack tries
// again after a minute and after five, too.
const retries = 1

// tellEvent sends an event. https://docs.slack.dev/apis/events-api
func (w *Workspace) tellEvent(ctx context.Context, event answer) {
	w.mu.Lock()
	id := fmt.Sprintf("Ev%08d", w.next())
	w.mu.Unlock()
	body, err := json.Marshal(answer{"type": "event_callback", "team_id": Team, "api_app_id": appID, "event_id": id,
		"event_time": w.Now().Unix(), "event": event})
	if err != nil {
		return // texts alone always marshal
	}
	header := http.Header{}
	for n := range retries + 1 {
		if n > 0 {
			header.Set("X-Slack-Retry-Num", fmt.Sprint(n))
			header.Set("X-Slack-Retry-Reason", "http_error")
		}
		if status, _, err := w.send(ctx, "application/json", body, header); err == nil && status/100 == 2 {
			return
		}
	}
}

// send posts what Slack posts, signed. https://docs.slack.dev/authentication/verifying-requests-from-slack
func (w *Workspace) send(ctx context.Context, kind string, body []byte, more http.Header,
) (status int, out []byte, err error) {
	if w.App.RequestURL == "" {
		return 0, nil, errors.New("the app has no address")
	}
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.App.RequestURL, bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("tell the app: %w", err)
	}
	for name := range more {
		req.Header.Set(name, more.Get(name))
	}
	stamp := fmt.Sprint(time.Now().Unix()) // of the real clock, by which receivers judge it
	mac := hmac.New(sha256.New, []byte(w.App.Secret))
	mac.Write([]byte("v0:" + stamp + ":"))
	mac.Write(body)
	req.Header.Set("Content-Type", kind)
	req.Header.Set("X-Slack-Request-Timestamp", stamp)
	req.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("tell the app: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	out, err = io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return 0, nil, fmt.Errorf("read what the app answers: %w", err)
	}
	return res.StatusCode, out, nil
}

// newTrigger returns a trigger of something that somebody does. The workspace must be locked.
func (w *Workspace) newTrigger(user, channel string) string {
	id := fmt.Sprintf("%d.%d.%s", w.next(), w.Now().Unix(), strings.ToLower(user))
	w.triggers[id] = &trigger{user: user, channel: channel, at: w.Now()}
	return id
}

// newHook returns an address at which the app may answer. The workspace must be locked.
func (w *Workspace) newHook(user, channel string) string {
	id := fmt.Sprintf("%s/%d", Team, w.next())
	w.hooks[id] = &hook{user: user, channel: channel, at: w.Now()}
	return w.App.HooksURL + "/" + id
}

// Limits of a response URL.
// https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
const (
	hookUses = 5
	hookLife = 30 * time.Minute
)

// HooksPath is where response URLs are, below the Web API.
const HooksPath = "/hooks"

// serveHook takes an answer at a response URL.
func (w *Workspace) serveHook(rw http.ResponseWriter, r *http.Request, id string) {
	var in struct {
		Text         string `json:"text"`
		ResponseType string `json:"response_type"`

		Blocks json.RawMessage `json:"blocks"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(rw, r.Body, 1<<20)).Decode(&in); err != nil || in.Text == "" {
		http.Error(rw, "invalid_payload", http.StatusBadRequest)
		return
	}
	defer w.noteWrite()
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.hooks[id]
	if h == nil || h.used >= hookUses || w.Now().Sub(h.at) > hookLife {
		http.Error(rw, "used_url", http.StatusNotFound)
		return
	}
	h.used++
	m := Message{User: BotUser, Text: in.Text, Blocks: in.Blocks}
	if in.ResponseType != "in_channel" {
		m.OnlyTo = h.user
	}
	if c := w.channel(h.channel); c != nil {
		w.say(c, m)
	}
	_, _ = io.WriteString(rw, "ok")
}

// Press presses a button as somebody does: of a message, or of the newest one that has such a button. A
// button is named by its label or its action. It returns the form that opened, if one did.
// https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
func (w *Workspace) Press(ctx context.Context, channel, user, ts, button string) (*View, error) {
	defer w.noteWrite()
	w.mu.Lock()
	c, id, err := w.enter(channel, user)
	if err != nil {
		w.mu.Unlock()
		return nil, err
	}
	m, b, ok := c.button(ts, button)
	if !ok {
		w.mu.Unlock()
		return nil, fmt.Errorf("the button %s in %s: %w", button, channel, ErrUnknown)
	}
	trigger := w.newTrigger(id, c.ID)
	payload := answer{"type": "block_actions", "api_app_id": appID, "trigger_id": trigger,
		"user": answer{"id": id, "username": w.users[id], "name": w.users[id], "team_id": Team},
		"team": answer{"id": Team, "domain": domain}, "channel": answer{"id": c.ID, "name": shownName(c)},
		"container": answer{"type": "message", "message_ts": m.TS, "channel_id": c.ID, "is_ephemeral": false},
		"message":   m, "response_url": w.newHook(id, c.ID),
		"actions": []answer{{"type": "button", "action_id": b.Action, "block_id": b.block, "value": b.Value,
			"text":      answer{"type": "plain_text", "text": b.Label},
			"action_ts": fmt.Sprintf("%d.%06d", w.Now().Unix(), w.next())}}}
	w.mu.Unlock()
	status, _, err := w.interact(ctx, payload)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("the app answers %d: %w", status, ErrRefused)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.views[viewOf(trigger)], nil
}

func viewOf(trigger string) string {
	return "V" + strings.ReplaceAll(strings.ToUpper(trigger), ".", "")
}

// interact posts an interaction.
func (w *Workspace) interact(ctx context.Context, payload answer) (status int, body []byte, err error) {
	text, err := json.Marshal(payload)
	if err != nil {
		return 0, nil, fmt.Errorf("write what somebody did: %w", err)
	}
	return w.send(ctx, "application/x-www-form-urlencoded", []byte(url.Values{"payload": {string(text)}}.Encode()), nil)
}

// button finds a button by its label or its action: in one message, or in the newest that has it.
func (c *Channel) button(ts, name string) (Message, Button, bool) {
	for _, m := range slices.Backward(c.Messages) {
		for _, b := range m.Buttons() {
			if (ts == "" || m.TS == ts) && (b.Action == name || strings.EqualFold(b.Label, name)) {
				return m, b, true
			}
		}
	}
	return Message{}, Button{}, false
}

// openView opens a form. https://docs.slack.dev/reference/methods/views.open
func openView(w *Workspace, form url.Values) (answer, string) {
	t := w.triggers[form.Get("trigger_id")]
	switch {
	case t == nil:
		return nil, "invalid_trigger_id"
	case t.isUsed:
		return nil, "exchanged_trigger_id"
	case w.Now().Sub(t.at) > patience:
		return nil, "expired_trigger_id"
	}
	v, ok := readView(form.Get("view"))
	if !ok {
		return nil, "invalid_arguments"
	}
	t.isUsed = true
	v.ID, v.User, v.Channel = viewOf(form.Get("trigger_id")), t.user, t.channel
	for id, other := range w.views {
		if other.User == v.User {
			delete(w.views, id) // one form is open before somebody
		}
	}
	w.views[v.ID] = v
	return answer{"view": v.shown()}, ""
}

// readView reads a form, and reports whether Slack takes it. https://docs.slack.dev/reference/views/modal-views
func readView(text string) (*View, bool) {
	var in struct {
		Type       string          `json:"type"`
		Title      *textObject     `json:"title"`
		Submit     *textObject     `json:"submit"`
		Close      *textObject     `json:"close"`
		CallbackID string          `json:"callback_id"`
		Metadata   string          `json:"private_metadata"`
		Blocks     json.RawMessage `json:"blocks"`
	}
	if json.Unmarshal([]byte(text), &in) != nil || in.Type != "modal" || !in.Title.fits(mostViewTitle) ||
		in.Submit != nil && !in.Submit.fits(mostViewTitle) || in.Close != nil && !in.Close.fits(mostViewTitle) ||
		len(in.CallbackID) > mostID || utf8.RuneCountInString(in.Metadata) > mostMetadata {
		return nil, false
	}
	blocks, ok := readBlocks(in.Blocks, mostViewBlocks)
	if !ok {
		return nil, false
	}
	v := &View{Title: in.Title.Text, callback: in.CallbackID, metadata: in.Metadata}
	for _, b := range blocks {
		if b.Type != "input" {
			continue
		}
		if in.Submit == nil {
			return nil, false // a form with inputs needs a button
		}
		f := Field{Block: b.BlockID, Label: b.Label.Text, Initial: b.Element.Initial, Multiline: b.Element.Multiline,
			Optional: b.Optional, MaxLength: b.Element.MaxLength, action: b.Element.ActionID, kind: b.Element.Type}
		if b.Hint != nil {
			f.Hint = b.Hint.Text
		}
		for _, o := range b.Element.Options {
			f.Options = append(f.Options, FieldOption{Value: o.Value, Text: o.Text.Text})
		}
		v.Fields = append(v.Fields, f)
	}
	if in.Submit != nil {
		v.Submit = in.Submit.Text
	}
	return v, true
}

// shown returns a form as Slack shows it to the app.
func (v *View) shown() answer {
	return answer{"id": v.ID, "type": "modal", "team_id": Team, "callback_id": v.callback, "private_metadata": v.metadata,
		"title": answer{"type": "plain_text", "text": v.Title}, "app_id": appID, "bot_id": "B0BOT0001"}
}

// View returns the form that is open before somebody, or nil.
func (w *Workspace) View(user string) *View {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := w.UserOf(user)
	for _, v := range w.views {
		if v.User == id {
			return v
		}
	}
	return nil
}

// Cancel closes the form that is open before somebody.
func (w *Workspace) Cancel(user string) {
	v := w.View(user)
	if v == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.views, v.ID)
}

// Submit sends the form that is open before somebody, by field. It returns what is wrong with them, by
// field; the form stays open then. https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload
func (w *Workspace) Submit(ctx context.Context, user string, values map[string]string,
) (wrong map[string]string, err error) {
	v := w.View(user)
	if v == nil {
		return nil, fmt.Errorf("an open form of %s: %w", user, ErrUnknown)
	}
	if wrong = v.check(values); len(wrong) > 0 {
		return wrong, nil
	}
	w.mu.Lock()
	payload := answer{"type": "view_submission", "api_app_id": appID, "trigger_id": w.newTrigger(v.User, v.Channel),
		"user": answer{"id": v.User, "username": w.users[v.User], "name": w.users[v.User], "team_id": Team},
		"team": answer{"id": Team, "domain": domain}, "view": v.filled(values)}
	w.mu.Unlock()
	status, body, err := w.interact(ctx, payload)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("the app answers %d: %w", status, ErrRefused)
	}
	var out struct {
		Action string            `json:"response_action"`
		Errors map[string]string `json:"errors"`
	}
	switch err := json.Unmarshal(body, &out); {
	case len(bytes.TrimSpace(body)) > 0 && err != nil:
		return nil, fmt.Errorf("what the app answers isn't JSON: %w", ErrRefused)
	case out.Action == "errors":
		return out.Errors, nil
	case out.Action != "" && out.Action != "clear":
		return nil, fmt.Errorf("the app answers %q, which isn't known here: %w", out.Action, ErrRefused)
	}
	w.Cancel(user)
	return nil, nil
}

// check returns what Slack itself finds wrong with a form.
func (v *View) check(values map[string]string) map[string]string {
	wrong := map[string]string{}
	for _, f := range v.Fields {
		switch n := utf8.RuneCountInString(values[f.Block]); {
		case n == 0 && !f.Optional:
			wrong[f.Block] = "Please complete this required field."
		case n > cmp.Or(f.MaxLength, mostInput):
			wrong[f.Block] = fmt.Sprintf("Please enter no more than %d characters.", cmp.Or(f.MaxLength, mostInput))
		}
	}
	return wrong
}

// filled returns a form with what somebody entered.
func (v *View) filled(values map[string]string) answer {
	state := answer{}
	for _, f := range v.Fields {
		entered := answer{"type": f.kind}
		switch value := values[f.Block]; {
		case f.kind == "static_select" && value == "":
			entered["selected_option"] = nil
		case f.kind == "static_select":
			entered["selected_option"] = answer{"value": value}
		case value == "":
			entered["value"] = nil
		default:
			entered["value"] = value
		}
		state[f.Block] = answer{f.action: entered}
	}
	shown := v.shown()
	shown["state"] = answer{"values": state}
	return shown
}

func postEphemeral(w *Workspace, c *Channel, form url.Values) (answer, string) {
	m := Message{User: BotUser, Text: form.Get("text"), OnlyTo: form.Get("user")}
	if !slices.Contains(c.Members, m.OnlyTo) {
		return nil, "user_not_in_channel"
	}
	if code := fill(&m, form); code != "" {
		return nil, code
	}
	return answer{"message_ts": w.say(c, m)}, ""
}

// kept is what is kept of a workspace.
type kept struct {
	IDs      int        `json:"ids"`
	Channels []*Channel `json:"channels"`
}

// Export returns all that is written in the workspace.
func (w *Workspace) Export() ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text, err := json.Marshal(kept{IDs: w.ids, Channels: w.channels})
	if err != nil {
		return nil, fmt.Errorf("keep the workspace: %w", err)
	}
	return text, nil
}

// Import takes what Export returned.
func (w *Workspace) Import(text []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var in kept
	if err := json.Unmarshal(text, &in); err != nil {
		return fmt.Errorf("read what is kept of the workspace: %w", err)
	}
	w.ids, w.channels = in.IDs, in.Channels
	return nil
}

// Find returns a channel by its id or name, and whether it is there.
func (w *Workspace) Find(name string) (Channel, bool) {
	name = strings.TrimPrefix(name, "#")
	for _, c := range w.Channels() {
		if c.ID == name || c.Name == name {
			return c, true
		}
	}
	return Channel{}, false
}

// IsPinned reports whether a message is pinned.
func (c *Channel) IsPinned(ts string) bool { return slices.Contains(c.Pins, ts) }

// At returns when a message was written.
func (m Message) At() time.Time {
	seconds, _, _ := strings.Cut(m.TS, ".")
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}
