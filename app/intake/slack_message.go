package intake

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

// slackMessage is a message of Slack's on which somebody used the shortcut. What it says may be in
// its text, its blocks, its attachments, as with most alerts, or in files.
// https://docs.slack.dev/reference/events/message
type slackMessage struct {
	Text        string            `json:"text"`
	TS          string            `json:"ts"`
	ThreadTS    string            `json:"thread_ts"`
	User        string            `json:"user"`
	Attachments []slackAttachment `json:"attachments"`
	Blocks      json.RawMessage   `json:"blocks"`
	Files       []struct {
		Name  string `json:"name"`
		Title string `json:"title"`
	} `json:"files"`
}

// slackAttachment is a part of a message in Slack's older form.
// https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments
type slackAttachment struct {
	Fallback  string          `json:"fallback"`
	Pretext   string          `json:"pretext"`
	Title     string          `json:"title"`
	TitleLink string          `json:"title_link"`
	Text      string          `json:"text"`
	Blocks    json.RawMessage `json:"blocks"`
	Fields    []struct {
		Title string `json:"title"`
		Value string `json:"value"`
	} `json:"fields"`
}

// words returns what the message says, in the order in which Slack shows it, each text once.
func (m slackMessage) words() string {
	var said []string
	add := func(texts ...string) {
		for _, t := range texts {
			if t = strings.TrimSpace(t); t != "" &&
				!slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, t) }) {
				said = append(said, t)
			}
		}
	}
	add(m.Text)
	add(blockTexts(m.Blocks)...)
	for _, a := range m.Attachments {
		before := len(said)
		add(a.Pretext, a.Title, a.Text, a.TitleLink) // the address is not part of the incident's title
		for _, f := range a.Fields {
			add(strings.Trim(f.Title+": "+f.Value, ": "))
		}
		add(blockTexts(a.Blocks)...)
		if len(said) == before {
			add(a.Fallback)
		}
	}

	return strings.Join(said, "\n")
}

// files returns the names of the files that came with the message.
func (m slackMessage) files() (names []string) {
	for _, f := range m.Files {
		if name := cmp.Or(f.Name, f.Title); name != "" {
			names = append(names, name)
		}
	}

	return names
}

// maxBlocks is how many texts of a message's blocks are read.
const maxBlocks = 200

// blockTexts returns the texts in blocks, of whatever kinds these are: Slack adds kinds, and a text
// is in a field of that name in all of them. https://docs.slack.dev/reference/block-kit/blocks
func blockTexts(blocks json.RawMessage) (texts []string) {
	var root any
	if len(blocks) == 0 || json.Unmarshal(blocks, &root) != nil {
		return nil
	}
	var walk func(node any)
	walk = func(node any) {
		switch node := node.(type) {
		case []any:
			for _, n := range node {
				walk(n)
			}
		case map[string]any:
			if elements, isLine := node["elements"].([]any); isLine && node["type"] == "rich_text_section" {
				if line := sectionText(elements); line != "" && len(texts) < maxBlocks {
					texts = append(texts, line)
				}
				return
			}
			if text, isText := node["text"].(string); isText && len(texts) < maxBlocks {
				texts = append(texts, text)
			}
			for _, name := range []string{"text", "fields", "elements"} {
				walk(node[name])
			}
		}
	}
	walk(root)

	return texts
}

// sectionText returns the words of one line of rich text.
func sectionText(elements []any) string {
	var b strings.Builder
	for _, e := range elements {
		e, _ := e.(map[string]any)
		for _, name := range []string{"text", "url", "name"} {
			if text, isText := e[name].(string); isText {
				b.WriteString(text)
				break
			}
		}
	}

	return strings.TrimSpace(b.String())
}
