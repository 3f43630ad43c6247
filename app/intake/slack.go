package intake

import (
	"cmp"
	"context"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/lazily"
)

// Slack reads Slack's slash command, message shortcut and submitted modal.
// https://docs.slack.dev/authentication/verifying-requests-from-slack
type Slack struct {
	Secrets    Secrets
	Severities []string // offered in the modal and understood as a command's first word
	URL        string   // where Slack's Web API is, and response URLs lead; empty: at Slack
}

// Name returns "slack".
func (s *Slack) Name() string { return "slack" }

// Early needs what may be a signature of now.
func (s *Slack) Early(h http.Header, now time.Time) error {
	if needForm(h.Get("X-Slack-Signature"), "v0=") != nil {
		return rejected("signature", "X-Slack-Signature does not fit")
	}
	return needRecent(h.Get("X-Slack-Request-Timestamp"), now)
}

// Patience returns what is left of Slack's three seconds, after which it tells the person that we
// don't answer.
func (s *Slack) Patience() time.Duration { return 2500 * time.Millisecond }

// declareModal is the callback id of our modal.
const declareModal = "firebreak-declare"

const slackUsage = "Say what is wrong, with a severity if you know it: `/incident critical the API of " +
	"eu-1 does not answer`. Or use the message shortcut on what somebody wrote."

// maxProbe is how many bytes Slack's check of an address has at most.
const maxProbe = 512

// Probe answers the check that Slack makes of a slash command's address, which carries no
// signature; nil: it is something else.
// https://docs.slack.dev/interactivity/implementing-slash-commands
func (s *Slack) Probe(r *http.Request) *Answer {
	if r.Header.Get("X-Slack-Signature") != "" || r.ContentLength > maxProbe {
		return nil
	}
	form := r.URL.Query()
	if r.ContentLength > 0 {
		body, err := io.ReadAll(io.LimitReader(r.Body, maxProbe))
		if err != nil {
			return nil
		}
		if form, err = url.ParseQuery(string(body)); err != nil {
			return nil
		}
	}
	if form.Get("ssl_check") == "" || form.Has("command") || form.Has("payload") {
		return nil
	}

	return &Answer{}
}

// Read returns a Signal for a declaration, or the modal that asks for one.
func (s *Slack) Read(_ context.Context, r Request) (Result, error) {
	stamp := r.Header.Get("X-Slack-Request-Timestamp")
	signature, ok := strings.CutPrefix(r.Header.Get("X-Slack-Signature"), "v0=")
	// slack-go's own verifier goes by the wall clock.
	if !ok || !s.Secrets.signed(signature, "v0:", stamp, ":", string(r.Body)) {
		return Result{}, rejected("signature", "X-Slack-Signature does not fit")
	}
	if err := needRecent(stamp, r.Now); err != nil {
		return Result{}, err
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return handshake(r.Body, r.Now)
	}
	form, err := url.ParseQuery(string(r.Body))
	if err != nil {
		return Result{}, bad("the body is not a form")
	}
	return s.form(r, form)
}

// form reads a slash command or an interaction.
func (s *Slack) form(r Request, form url.Values) (Result, error) {
	switch {
	case form.Has("ssl_check") && !form.Has("command") && !form.Has("payload"):
		return Result{Answer: &Answer{}}, nil
	case form.Has("payload"):
		return s.interaction(r, form.Get("payload"))
	case form.Has("command"):
		command, err := slack.SlashCommandParse(&http.Request{Form: form, PostForm: form})
		if err != nil {
			return Result{}, bad("the body is not a slash command")
		}
		return s.command(r, command), nil
	}
	return Result{}, bad("neither a slash command nor an interaction")
}

// handshake answers the check that Slack makes of an address for its events.
func handshake(body []byte, now time.Time) (Result, error) {
	var event struct {
		Type      string `json:"type"`
		Challenge string `json:"challenge"`
	}
	if err := decode(body, &event); err != nil {
		return Result{}, err
	}
	switch event.Type {
	case "url_verification":
	case "event_callback":
		return slackEvent(body, now), nil
	default:
		return Result{Answer: &Answer{}}, nil
	}
	return Result{
		Answer: &Answer{ContentType: "text/plain; charset=utf-8", Body: []byte(event.Challenge)},
	}, nil
}

// slackEvent reads a message that begins like a command, what its author makes of it later, and what somebody
// pins. All other messages, those of apps, and what Slack itself says are left. A message is known by its ts, so one
// that Slack sends again is the same.
// https://docs.slack.dev/reference/events/message
func slackEvent(body []byte, now time.Time) Result {
	var e struct {
		Event chatEvent `json:"event"`
	}
	nothing := Result{Answer: &Answer{}}
	if err := decode(body, &e); err != nil {
		return nothing
	}
	m := e.Event
	switch {
	case m.Type == "pin_added" && m.Item.Type == "message":
		// https://docs.slack.dev/reference/events/pin_added
		nothing.Pinned = &incident.ChatPin{User: m.User, Channel: m.ChannelID, TS: m.Item.Message.TS, At: now.UTC()}
	case m.Type == "reaction_added" && m.Reaction == "pushpin" && m.Item.Type == "message":
		// https://docs.slack.dev/reference/events/reaction_added
		nothing.Pinned = &incident.ChatPin{User: m.User, Channel: m.Item.Channel, TS: m.Item.TS, At: now.UTC()}
	case m.Type == "message":
		nothing.Said, nothing.Heard = m.said(now), m.heard(now)
	}
	if p := nothing.Pinned; p != nil && (p.User == "" || p.Channel == "" || p.TS == "") {
		nothing.Pinned = nil
	}
	return nothing
}

// chatEvent is what we read of an event in a channel.
type chatEvent struct {
	chatMessage
	Type      string      `json:"type"`
	Subtype   string      `json:"subtype"`
	Channel   string      `json:"channel"`
	ChannelID string      `json:"channel_id"` // of a pin
	Message   chatMessage `json:"message"`    // of an edit
	Before    chatMessage `json:"previous_message"`
	EventTS   string      `json:"event_ts"`
	Reaction  string      `json:"reaction"`
	Item      struct {
		Type    string      `json:"type"`
		Channel string      `json:"channel"`
		TS      string      `json:"ts"`
		Message chatMessage `json:"message"` // of a pin
	} `json:"item"`
}

// chatMessage is what we read of a message.
type chatMessage struct {
	User     string `json:"user"`
	Text     string `json:"text"`
	TS       string `json:"ts"`
	ThreadTS string `json:"thread_ts"`
	BotID    string `json:"bot_id"`
	AppID    string `json:"app_id"`
	Edited   struct {
		TS string `json:"ts"`
	} `json:"edited"`
	Files []struct {
		Name  string `json:"name"`
		Title string `json:"title"`
	} `json:"files"`
}

// said returns a command that somebody wrote, changed or deleted, or nil.
func (e chatEvent) said(now time.Time) *incident.ChatSaid {
	m, edited := e.chatMessage, ""
	switch e.Subtype {
	case "", "thread_broadcast":
	case "message_changed": // Slack sends it for the preview of a link, too
		if m, edited = e.Message, e.Message.Edited.TS; edited == "" || e.Message.Text == e.Before.Text {
			return nil
		}
	case "message_deleted":
		m, edited = e.Before, e.EventTS
	default:
		return nil
	}
	isOurs := isCommand.MatchString(m.Text) || isCommand.MatchString(e.Before.Text)
	if m.BotID != "" || m.AppID != "" || m.User == "" || m.TS == "" || !isOurs || e.Subtype != "" && edited == "" &&
		e.Subtype != "thread_broadcast" {
		return nil
	}
	said := &incident.ChatSaid{User: m.User, Channel: e.Channel, ID: m.TS, Text: m.Text, At: now.UTC(), Edited: edited,
		IsDeleted: e.Subtype == "message_deleted"}
	if m.ThreadTS != m.TS {
		said.Parent = m.ThreadTS
	}
	return said
}

// heard returns what somebody wrote that isn't a command, or what became of it, or nil. A message that becomes a
// command is one that is gone: the command is on the issue.
func (e chatEvent) heard(now time.Time) *incident.ChatWords {
	m, edited, isGone := e.chatMessage, "", false
	switch e.Subtype {
	case "", "thread_broadcast", "file_share", "me_message":
	case "message_changed": // Slack sends it for the preview of a link, too
		if m, edited = e.Message, e.Message.Edited.TS; edited == "" || e.Message.Text == e.Before.Text {
			return nil
		}
		isGone = isCommand.MatchString(m.Text)
	case "message_deleted":
		m, edited, isGone = e.Before, e.EventTS, true
	default:
		return nil
	}
	isOurs := isCommand.MatchString(m.Text) && !isGone || isCommand.MatchString(e.Before.Text)
	if m.BotID != "" || m.AppID != "" || m.User == "" || m.TS == "" || isOurs {
		return nil
	}
	words := &incident.ChatWords{User: m.User, Channel: e.Channel, TS: m.TS, Text: m.Text, At: now.UTC(), Edited: edited,
		IsDeleted: isGone}
	for _, f := range m.Files {
		name := escaped.Replace(cmp.Or(f.Name, f.Title, "without a name"))
		words.Text = strings.TrimSpace(words.Text + "\n(file " + name + ")")
	}
	if m.ThreadTS != m.TS {
		words.Parent = m.ThreadTS
	}
	return words
}

// isCommand finds the beginning of a command.
var isCommand = lazily.Compile(`^\s*/(?:ic|oe|incident)(?:\s|$)`)

func (s *Slack) command(r Request, c slack.SlashCommand) Result {
	words := SlackText(c.Text)
	said := &incident.ChatSaid{User: c.UserID, Channel: c.ChannelID, Text: strings.TrimSpace(c.Command + " " + c.Text),
		ID: incident.SlashID(digest(c.TeamID + " " + cmp.Or(c.TriggerID, string(r.Body)))), At: r.Now.UTC()}
	if c.Command == "/ic" || c.Command == "/oe" {
		return Result{Said: said, Answer: ephemeral("Nothing was done: this is not the channel of an incident. " +
			"Write it there, or on the issue."),
			Failed: ephemeral("It was not saved, and nothing was done. Send it again, or write it on the issue.")}
	}
	if isHelp := strings.EqualFold(strings.Trim(words, " ?.!"), "help"); words == "" || isHelp {
		place := slackPlace{
			Team:    c.TeamID,
			Channel: c.ChannelID,
			Name:    c.ChannelName,
			URL:     slackLink(c.TeamDomain, c.ChannelID, ""),
			Reply:   c.ResponseURL,
		}
		return Result{
			Said:   said,
			Modal:  &Modal{TriggerID: c.TriggerID, View: declaration(place, s.Severities)},
			Answer: &Answer{},
			Failed: ephemeral(slackUsage),
		}
	}
	severity, title := s.severity(words)
	signal := Signal{
		Source: s.Name(), Firing: true, Trust: Verified, Started: r.Now,
		DedupKey: key(s.Name(), c.TeamID, cmp.Or(c.TriggerID, digest(string(r.Body)))),
		Title:    cmp.Or(title, "Declared in Slack"), Text: title, SeverityHint: severity,
		URL: slackLink(c.TeamDomain, c.ChannelID, ""), Reply: s.reply(c.ResponseURL),
		Labels: map[string]string{
			"team":         c.TeamID,
			"channel":      c.ChannelID,
			"channel_name": c.ChannelName,
			"user":         c.UserID,
			"user_name":    c.UserName,
		},
	}
	return Result{
		Said: said,
		Signals: []Signal{
			sealed(r, signal),
		}, Answer: ephemeral("Working on it: the incident's address follows here."),
		Failed: ephemeral("It was not saved, and nobody was told. Send it again, or open the issue by hand."),
	}
}

// interaction is what we read of a payload. slack-go's type would refuse a message with a block
// that it doesn't know.
type interaction struct {
	Type        string `json:"type"`
	TriggerID   string `json:"trigger_id"`
	ResponseURL string `json:"response_url"`
	Team        struct {
		ID     string `json:"id"`
		Domain string `json:"domain"`
	} `json:"team"`
	Channel struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"channel"`
	User struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"user"`
	Message slackMessage `json:"message"`
	Actions []struct {
		ActionID string `json:"action_id"`
		Value    string `json:"value"`
		ActionTS string `json:"action_ts"`
	} `json:"actions"`
	View struct {
		ID              string          `json:"id"`
		CallbackID      string          `json:"callback_id"`
		PrivateMetadata string          `json:"private_metadata"`
		State           slack.ViewState `json:"state"`
	} `json:"view"`
}

func (s *Slack) interaction(r Request, payload string) (Result, error) {
	var i interaction
	if err := decode([]byte(payload), &i); err != nil {
		return Result{}, err
	}
	switch {
	case i.Type == "message_action":
		return s.shortcut(r, i), nil
	case i.Type == "view_submission" && i.View.CallbackID == declareModal:
		return s.submission(r, i), nil
	case i.Type == "view_submission" && i.View.CallbackID == commandModal:
		return s.filled(r, i), nil
	case i.Type == "block_actions":
		return s.press(r, i), nil
	case i.Type == "":
		return Result{}, bad("the payload has no type")
	}
	return Result{Answer: &Answer{}}, nil
}

// shortcut declares at once: what somebody wrote is the summary, and what is missing is asked for
// on the card. Slash commands don't work in threads, so this is the way there.
func (s *Slack) shortcut(r Request, i interaction) Result {
	words := SlackText(i.Message.words())
	first, _, _ := strings.Cut(words, "\n")
	severity, _ := s.severity(words)
	files := i.Message.files()
	title := cmp.Or(first, strings.Join(files, ", "), "A message in Slack")
	signal := Signal{
		Source: s.Name(), Firing: true, Trust: Verified, DedupKey: key(s.Name(), i.Team.ID, i.Channel.ID, i.Message.TS),
		Title: title, Text: words, Attachments: files, SeverityHint: severity, Started: slackTime(i.Message.TS),
		URL: slackLink(i.Team.Domain, i.Channel.ID, i.Message.TS), Reply: s.reply(i.ResponseURL),
		Labels: map[string]string{
			"team":         i.Team.ID,
			"channel":      i.Channel.ID,
			"channel_name": i.Channel.Name,
			"user":         i.User.ID,
			"user_name":    i.User.Name,
			"author":       i.Message.User,
			"thread_ts":    i.Message.ThreadTS,
		},
	}
	return Result{Signals: []Signal{sealed(r, signal)}, Answer: &Answer{}}
}

func (s *Slack) submission(r Request, i interaction) Result {
	var place slackPlace
	if err := json.Unmarshal([]byte(i.View.PrivateMetadata), &place); err != nil {
		place = slackPlace{} // where it was asked for is lost; what was answered isn't
	}
	answer := func(block string) string {
		a := i.View.State.Values[block][block]
		return strings.TrimSpace(cmp.Or(a.Value, a.SelectedOption.Value))
	}
	signal := Signal{
		Source: s.Name(), Firing: true, Trust: Verified, DedupKey: key(s.Name(), i.Team.ID, i.View.ID), Started: r.Now,
		Title: cmp.Or(answer("summary"), "Declared in Slack"), Text: answer("summary"),
		SeverityHint: answer("severity"), CustomerHint: answer("customers"),
		URL: place.URL, Reply: s.reply(place.Reply),
		Labels: map[string]string{
			"team":         i.Team.ID,
			"channel":      place.Channel,
			"channel_name": place.Name,
			"user":         i.User.ID,
			"user_name":    i.User.Name,
		},
	}
	failed, _ := json.Marshal(
		map[string]any{
			"response_action": "errors",
			"errors": map[string]string{
				"summary": "It was not saved, and nobody was told. Send it again, or open the issue by hand.",
			},
		},
	)
	return Result{
		Signals: []Signal{sealed(r, signal)},
		Answer:  &Answer{},
		Failed:  &Answer{ContentType: "application/json", Body: failed},
	}
}

// slackPlace is where the modal was asked for. It travels with it, signed by Slack.
type slackPlace struct {
	Team    string `json:"team"`
	Channel string `json:"channel"`
	Name    string `json:"name"`
	URL     string `json:"url"`
	Reply   string `json:"reply"`
}

// declaration returns the modal that asks for summary, severity and customers (I2). Only the
// summary has to be there.
func declaration(place slackPlace, severities []string) slack.ModalViewRequest {
	plain := func(s string) *slack.TextBlockObject {
		return slack.NewTextBlockObject(slack.PlainTextType, s, false, false)
	}
	summary := slack.NewPlainTextInputBlockElement(plain("What is wrong, in one sentence"), "summary").
		WithMaxLength(maxTitle)
	options := make([]*slack.OptionBlockObject, 0, len(severities))
	for _, s := range severities {
		options = append(options, slack.NewOptionBlockObject(s, plain(s), nil))
	}
	severity := slack.NewOptionsSelectBlockElement(
		slack.OptTypeStatic,
		plain("Not sure yet"),
		"severity",
		options...)
	customers := slack.NewPlainTextInputBlockElement(plain("Names, separated by commas, or none"), "customers").
		WithMaxLength(maxWord)
	metadata, _ := json.Marshal(place)
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: declareModal, PrivateMetadata: string(metadata),
		Title: plain("Declare an incident"), Submit: plain("Declare"), Close: plain("Cancel"),
		Blocks: slack.Blocks{BlockSet: []slack.Block{
			slack.NewInputBlock("summary", plain("Summary"), nil, summary),
			slack.NewInputBlock("severity", plain("Severity"), nil, severity).WithOptional(true),
			slack.NewInputBlock("customers", plain("Customers impacted"), nil, customers).WithOptional(true),
		}},
	}
}

func ephemeral(words string) *Answer {
	body, _ := json.Marshal(map[string]string{"response_type": slack.ResponseTypeEphemeral, "text": words})
	return &Answer{ContentType: "application/json", Body: body}
}

var slackMark = lazily.Compile(`<([@#!]?)([^<>|]+)(?:\|([^<>]*))?>`)

// SlackText returns a message without Slack's marks: <https://a.example|here> becomes "here
// (https://a.example)".
// https://docs.slack.dev/messaging/formatting-message-text
func SlackText(s string) string {
	s = slackMark.ReplaceAllStringFunc(s, func(mark string) string {
		part := slackMark.FindStringSubmatch(mark)
		switch kind, target, label := part[1], part[2], part[3]; {
		case kind == "@" || kind == "!":
			return "@" + cmp.Or(label, target)
		case kind == "#":
			return "#" + cmp.Or(label, target)
		case label == "" || label == target:
			return target
		default:
			return label + " (" + target + ")"
		}
	})
	return strings.TrimSpace(html.UnescapeString(s))
}

func slackLink(domain, channel, ts string) string {
	if domain == "" || channel == "" {
		return ""
	}
	link := "https://" + domain + ".slack.com/archives/" + url.PathEscape(channel)
	if ts != "" {
		link += "/p" + strings.ReplaceAll(url.PathEscape(ts), ".", "")
	}
	return link
}

// reply returns the address only if it is Slack's: what we write there must go nowhere else.
func (s *Slack) reply(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	if own, err := url.Parse(s.URL); err == nil && s.URL != "" && u.Scheme == own.Scheme && u.Host == own.Host {
		return address
	}
	if u.Scheme != "https" || u.Host != "hooks.slack.com" {
		return ""
	}
	return address
}

// slackTime reads a message's ts: Unix seconds and a counter.
func slackTime(ts string) time.Time {
	whole, _, _ := strings.Cut(ts, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}
