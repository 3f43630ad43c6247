package templates

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/firebreak-dev/firebreak/app/incident"
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
	chatStrong = regexp.MustCompile(`\*\*([^*\n]+)\*\*`)
	chatHidden = regexp.MustCompile(`(?s)&lt;!--.*?--&gt;`)
	chatLinked = regexp.MustCompile(`\[([^\]\n|]+)\]\((https?://[^\s()|]+)\)`)
	chatSlash  = regexp.MustCompile("\\\\([!-/:-@\\[-`{-~])")
)

// ChatMarkdown returns one of the app's own comments in Slack's markup. Nobody is mentioned there.
func ChatMarkdown(text string) string {
	text = chatEscape.Replace(strings.NewReplacer("&nbsp;", " ", "&#64;", "@").Replace(text))
	text = chatHidden.ReplaceAllString(text, "")
	text = chatStrong.ReplaceAllString(text, "*$1*")
	text = chatLinked.ReplaceAllString(text, "<$2|$1>")
	return strings.TrimSpace(chatSlash.ReplaceAllString(text, "$1"))
}
