package workspace

import (
	"encoding/json"
	"slices"
	"unicode/utf8"
)

// What Slack takes of Block Kit. https://docs.slack.dev/reference/block-kit
const (
	mostBlocks     = 50 // of a message
	mostViewBlocks = 100
	mostSection    = 3000
	mostElements   = 25
	mostButton     = 75
	mostValue      = 2000
	mostID         = 255
	mostViewTitle  = 24
	mostInput      = 3000
	mostMetadata   = 3000
	mostOptions    = 100
)

// textObject is a text in Block Kit.
type textObject struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// fits reports whether a text is there, and no longer than Slack takes.
func (t *textObject) fits(most int) bool {
	return t != nil && (t.Type == "plain_text" || t.Type == "mrkdwn") && t.Text != "" &&
		utf8.RuneCountInString(t.Text) <= most
}

// element is an element of a block.
type element struct {
	Type      string      `json:"type"`
	ActionID  string      `json:"action_id"`
	Text      *textObject `json:"text"`
	Value     string      `json:"value"`
	URL       string      `json:"url"`
	Style     string      `json:"style"`
	Initial   string      `json:"initial_value"`
	Multiline bool        `json:"multiline"`
	MaxLength int         `json:"max_length"`
	Options   []struct {
		Text  *textObject `json:"text"`
		Value string      `json:"value"`
	} `json:"options"`
}

// block is a block.
type block struct {
	Type     string          `json:"type"`
	BlockID  string          `json:"block_id"`
	Text     *textObject     `json:"text"`
	Label    *textObject     `json:"label"`
	Hint     *textObject     `json:"hint"`
	Optional bool            `json:"optional"`
	Elements json.RawMessage `json:"elements"`
	Element  *element        `json:"element"`
}

// buttons returns the elements of a block of actions.
func (b block) buttons() (all []element) {
	if b.Type == "actions" && json.Unmarshal(b.Elements, &all) != nil {
		return nil
	}
	return all
}

// readBlocks reads blocks, and reports whether Slack takes them: at most so many.
func readBlocks(text []byte, most int) (blocks []block, ok bool) {
	if json.Unmarshal(text, &blocks) != nil || len(blocks) > most {
		return nil, false
	}
	var ids []string
	for _, b := range blocks {
		if !b.fits() || b.BlockID != "" && slices.Contains(ids, b.BlockID) || len(b.BlockID) > mostID {
			return nil, false
		}
		ids = append(ids, b.BlockID)
	}
	return blocks, true
}

// fits reports whether Slack takes a block.
func (b block) fits() bool {
	switch b.Type {
	case "section":
		return b.Text.fits(mostSection)
	case "actions":
		all := b.buttons()
		var ids []string
		for _, e := range all {
			if !e.isButton() || slices.Contains(ids, e.ActionID) {
				return false
			}
			ids = append(ids, e.ActionID)
		}
		return len(all) > 0 && len(all) <= mostElements
	case "context":
		var all []textObject
		return json.Unmarshal(b.Elements, &all) == nil && len(all) > 0 && len(all) <= 10
	case "input":
		return b.Label.fits(mostValue) && (b.Hint == nil || b.Hint.fits(mostValue)) && b.Element != nil && b.Element.isInput()
	case "divider":
		return true
	}
	return false
}

// isButton reports whether Slack takes it as a button.
func (e element) isButton() bool {
	isStyle := e.Style == "" || e.Style == "primary" || e.Style == "danger"
	return e.Type == "button" && isStyle && e.Text.fits(mostButton) && e.Text.Type == "plain_text" && e.ActionID != "" &&
		len(e.ActionID) <= mostID && utf8.RuneCountInString(e.Value) <= mostValue
}

// isInput reports whether Slack takes it as an input.
func (e element) isInput() bool {
	switch e.Type {
	case "plain_text_input":
		return e.MaxLength >= 0 && e.MaxLength <= mostInput && utf8.RuneCountInString(e.Initial) <= mostInput
	case "static_select":
		return len(e.Options) > 0 && len(e.Options) <= mostOptions && !slices.ContainsFunc(e.Options, func(o struct {
			Text  *textObject `json:"text"`
			Value string      `json:"value"`
		}) bool {
			return !o.Text.fits(mostButton) || o.Value == "" || len(o.Value) > 150
		})
	}
	return false
}

// isBlocks reports whether Slack takes the blocks of a message.
func isBlocks(text string) bool {
	blocks, ok := readBlocks([]byte(text), mostBlocks)
	return ok && !slices.ContainsFunc(blocks, func(b block) bool { return b.Type == "input" })
}
