package templates

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// chatEscape replaces what begins a mention, a link or an entity in Slack.
// https://docs.slack.dev/messaging/formatting-message-text#escaping
var chatEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// ChatText returns a text, cut to a length, so that nothing in it acts in Slack: it mentions nobody and
// links nowhere.
func ChatText(text string, limit int) string {
	return chatEscape.Replace(texts.Truncate(strings.TrimSpace(texts.Clean(text)), limit))
}

// ChatURL returns a link in Slack's markup, or the name alone where the address can't be in one.
func ChatURL(address, name string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || strings.ContainsAny(address, "<>| \n") {
		return ChatText(name, 300)
	}
	return "<" + chatEscape.Replace(address) + "|" + strings.ReplaceAll(ChatText(name, 300), "|", "¦") + ">"
}

// ChatLink links to an incident's channel in Slack.
func ChatLink(c incident.Chat) string {
	name := "#" + texts.Inert(c.Name, 80)
	if u, err := url.Parse(c.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" ||
		strings.ContainsAny(c.URL, "<>()[] \n") {
		return name
	}
	return "[" + name + "](" + c.URL + ")"
}

var (
	chatStrong = lazily.Compile(`\*\*([^*\n]+)\*\*`)
	chatHidden = lazily.Compile(`(?s)&lt;!--.*?--&gt;`)
	chatLinked = lazily.Compile(`\[([^\]\n|]+)\]\((https?://[^\s()|]+)\)`)
	chatSlash  = lazily.Compile("\\\\([!-/:-@\\[-`{-~])")
)

// ChatMarkdown returns one of the app's own comments in Slack's markup. Nobody is mentioned there.
func ChatMarkdown(text string) string {
	text = chatEscape.Replace(strings.NewReplacer("&nbsp;", " ", "&#64;", "@").Replace(text))
	text = chatHidden.ReplaceAllString(text, "")
	text = chatStrong.ReplaceAllString(text, "*$1*")
	text = chatLinked.ReplaceAllString(text, "<$2|$1>")
	return strings.TrimSpace(chatSlash.ReplaceAllString(text, "$1"))
}

// chatEmoji are what a line in the incident's channel begins with, by the kind of its entry.
var chatEmoji = map[string]string{
	incident.ChatComment: ":speech_balloon:", "declared": ":rotating_light:", "severity": ":rotating_light:",
	"regression": ":rotating_light:", "ic": ":bust_in_silhouette:", "oe": ":bust_in_silhouette:",
	"left": ":bust_in_silhouette:", "handover": ":bust_in_silhouette:", "page": ":pager:", "answered": ":pager:",
	"seen": ":pager:", "pass": ":pager:", "unanswered": ":warning:", "silent": ":warning:", "missed": ":warning:",
	"overdue": ":warning:", "unsent": ":warning:", "finding": ":mag:", "cause": ":dart:", "action": ":wrench:",
	"workaround": ":wrench:", "fix": ":wrench:", "phase": ":arrow_forward:", "insisted": ":arrow_forward:",
	"update": ":mega:", "told": ":mega:", "inform": ":mega:", "answer": ":love_letter:", "pinned": ":pushpin:",
	"closed": ":checkered_flag:", "declined": ":checkered_flag:", "duplicate": ":checkered_flag:",
	"merged": ":checkered_flag:",
}

// ChatLine returns what happened on the issue as the incident's channel in Slack shows it: one line, with a link
// to where it is.
func ChatLine(l incident.ChatLine, address string, most int) string {
	emoji, ok := chatEmoji[l.Entry.Kind]
	if !ok {
		emoji = ":small_blue_diamond:"
	}
	var what string
	if l.Entry.Kind != incident.ChatComment {
		what = ChatMarkdown(Line(l.Entry))
	}
	if by := ChatText(l.Entry.By, 60); by != "" {
		what = strings.TrimSpace("*" + strings.ReplaceAll(by, "*", "") + "* " + what)
	}
	if l.Text != "" {
		what += ": " + ChatText(l.Text, most)
	}
	return strings.Join([]string{emoji, what, "·", ChatURL(address, "on GitHub")}, " ")
}

// ChatMissed returns what happened while the channel showed nothing: the newest lines, in short.
func ChatMissed(count int, lines []string, address, name string) string {
	text := fmt.Sprintf(":hourglass: *%d things happened* that this channel did not show, on %s",
		count, ChatURL(address, name))
	for _, line := range lines {
		text += "\n• " + line
	}
	if n := count - len(lines); n > 0 {
		text += fmt.Sprintf("\nThe %s on the issue.", Plural(n, "earlier one is", "earlier ones are"))
	}
	return text
}

// Mirror returns the comment that shows what people wrote in the incident's channel in Slack. It does nothing: nobody
// is mentioned, and no command is in it. Each message is cut after most characters; 0 means no limit.
func Mirror(c incident.Chat, messages []incident.Mirrored, isEnd bool, most int) string {
	text := "What people wrote in Slack, " + ChatLink(c) + ":"
	if c.Name == "" {
		text = "What people wrote in Slack:"
	}
	if len(messages) == 0 {
		text += "\n\nThey took all of it back."
	}
	for _, m := range messages {
		by := texts.Inert(m.By, 60)
		if m.IsKnown {
			by = "**" + by + "**"
		} else {
			by = "the member " + texts.Code(m.By)
		}
		at := m.At.UTC().Format("2 Jan 15:04 UTC")
		if u, err := url.Parse(m.URL); m.URL != "" && err == nil && !strings.ContainsAny(m.URL, "<>()[] \n") && u.Host != "" {
			at = "[" + at + "](" + m.URL + ")"
		}
		if m.IsReply {
			at += ", in a thread"
		}
		said := m.Text
		if most > 0 {
			said = texts.Truncate(said, most)
		}
		text += "\n\n" + by + " at " + at + "\n" + texts.Quote(said)
	}
	if isEnd {
		text += "\n\nWhat people write after that stays in Slack."
	}
	return text
}
