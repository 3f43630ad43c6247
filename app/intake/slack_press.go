package intake

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/slack-go/slack"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/lazily"
)

// Buttons and forms of the card in an incident's channel. Each becomes what its person said there, so that it
// counts by the same rules as a command that they write.

// commandModal is the callback id of the form of a command.
const commandModal = "firebreak-command"

// wordsOf is the field of a command's form.
const wordsOf = "words"

// whomOf is the field with names of a form that has one.
const whomOf = "whom"

// maxWords is how many characters a command's form takes: Slack takes no more.
// https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element
const maxWords = 3000

// maxWhom is how many characters the names take.
const maxWhom = 300

// formPlace is where a form was asked for. It travels with it, signed by Slack.
type formPlace struct {
	Channel string `json:"channel"`
	Command string `json:"command"`
}

// notHere is what somebody hears where there isn't an incident's channel.
const notHere = "Nothing was done: this is not the channel of an incident any more. Write it on the issue."

// press reads a button that somebody pressed. One that somebody presses twice at once, and one that is sent
// again, is the same.
// https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
func (s *Slack) press(r Request, i interaction) Result {
	nothing := Result{Answer: &Answer{}}
	if len(i.Actions) == 0 {
		return nothing
	}
	a := i.Actions[0]
	b, ok := incident.ReadChatButton(a.ActionID, a.Value)
	if !ok {
		return nothing // a link, or a button of another one's
	}
	result := Result{Answer: &Answer{}, ReplyTo: s.reply(i.ResponseURL), Untaken: notHere}
	if b.IsForm {
		form, _ := incident.ChatFormOf(b.Command)
		result.Modal = &Modal{TriggerID: i.TriggerID, Channel: i.Channel.ID, View: formOf(form, i.Channel.ID)}
		result.Untaken = "The form could not be opened. Press the button again, or write `" + b.Command + " …` here."
		result.Failed = &Answer{}
		return result
	}
	result.Said = &incident.ChatSaid{User: i.User.ID, Channel: i.Channel.ID, Text: b.Command, At: r.Now.UTC(),
		IsPress: true, Seen: b.Seen, ID: incident.PressID(digest(strings.Join([]string{i.Team.ID, i.Message.TS, i.User.ID,
			a.ActionID, a.Value, moment(a.ActionTS)}, " ")))}
	if b.Of != "" {
		result.Said.Of, result.Said.Reply = b.Of, result.ReplyTo
	}
	return result
}

// sameMoment is how many seconds apart two presses of one button by one person may be that are one.
const sameMoment = 10

// moment returns what the presses of one moment have in common.
func moment(ts string) string {
	whole, _, _ := strings.Cut(ts, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return ts
	}
	return strconv.FormatInt(seconds/sameMoment, 10)
}

// formOf returns the form of a command.
func formOf(f incident.ChatForm, channel string) slack.ModalViewRequest {
	plain := func(text string) *slack.TextBlockObject {
		return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
	}
	field := slack.NewPlainTextInputBlockElement(nil, wordsOf).WithMultiline(true).WithMaxLength(maxWords)
	input := slack.NewInputBlock(wordsOf, plain(f.Label), nil, field)
	if f.Hint != "" {
		input.Hint = plain(f.Hint)
	}
	var whom []slack.Block
	if f.Whom != "" {
		names := slack.NewPlainTextInputBlockElement(nil, whomOf).WithMaxLength(maxWhom)
		whom = append(whom, slack.NewInputBlock(whomOf, plain(f.Whom), nil, names).WithOptional(true))
	}
	metadata, _ := json.Marshal(formPlace{Channel: channel, Command: f.Command})
	return slack.ModalViewRequest{Type: slack.VTModal, CallbackID: commandModal, PrivateMetadata: string(metadata),
		Title: plain(f.Title), Submit: plain("Send"), Close: plain("Cancel"),
		Blocks: slack.Blocks{BlockSet: append(whom, input)}}
}

// isCommandLine finds a line that begins like a command.
var isCommandLine = lazily.Compile(`(?m)^[ \t]*/(?:ic|oe|incident)(?:\s|$)`)

// filled reads a form that somebody sent. What can't be right is said in the form, which stays open.
// https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload
func (s *Slack) filled(r Request, i interaction) Result {
	var place formPlace
	if err := json.Unmarshal([]byte(i.View.PrivateMetadata), &place); err != nil {
		return Result{Answer: wrongForm("It is not known for which incident this is. Write it in its channel.")}
	}
	form, ok := incident.ChatFormOf(place.Command)
	if !ok {
		return Result{Answer: wrongForm("This form is an old one. Close it, and press the button again.")}
	}
	words := strings.TrimSpace(i.View.State.Values[wordsOf][wordsOf].Value)
	text := place.Command + " " + escaped.Replace(words)
	if form.Whom != "" { // so that no word of the reason is taken for a name
		names := escaped.Replace(strings.Join(strings.Fields(i.View.State.Values[whomOf][whomOf].Value), " "))
		reason, _ := strings.CutPrefix(escaped.Replace(words), incident.Because+" ")
		text = strings.Join(strings.Fields(place.Command+" "+names), " ") + " " + incident.Because + " " + reason
	}
	switch {
	case words == "":
		return Result{Answer: wrongForm("Write what it is.")}
	case len(text) > incident.MaxSaid:
		return Result{Answer: wrongForm("This is too long. Shorten it, or write it on the issue.")}
	case isCommandLine.MatchString(words):
		return Result{Answer: wrongForm("A line begins with a command. Write that one in the channel.")}
	}
	return Result{
		Said: &incident.ChatSaid{User: i.User.ID, Channel: place.Channel, Text: text, At: r.Now.UTC(),
			ID: incident.PressID(digest(i.Team.ID + " " + i.View.ID))},
		Answer: wrongForm("This is not the channel of an incident any more, so nothing was done. Write it on the issue."),
		Failed: wrongForm("It was not saved, and nothing was done. Send it again, or write it on the issue."),
	}
}

// escaped writes a text as Slack writes messages: what people enter in forms is as they typed it.
var escaped = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// wrongForm answers that a form can't be taken, and why.
func wrongForm(why string) *Answer {
	body, _ := json.Marshal(map[string]any{"response_action": "errors", "errors": map[string]string{wordsOf: why}})
	return &Answer{ContentType: "application/json", Body: body}
}
