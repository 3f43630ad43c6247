package slack

import (
	"github.com/slack-go/slack"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// Limits of a button. https://docs.slack.dev/reference/block-kit/block-elements/button-element
const (
	maxLabel  = 75
	maxAction = 255
)

// buttonsOf returns the buttons of the card: first what is done at once, then the forms.
func buttonsOf(all []incident.ChatButton) (blocks []slack.Block) {
	var taps, forms []slack.BlockElement
	for _, b := range all {
		action, value := b.Action()
		if len(action) > maxAction {
			continue // the command can be written all the same
		}
		text := slack.NewTextBlockObject(slack.PlainTextType, cut(b.Label, maxLabel), false, false)
		button := slack.NewButtonBlockElement(action, value, text)
		if b.IsForm {
			forms = append(forms, button)
			continue
		}
		if len(taps) == 0 {
			button = button.WithStyle(slack.StylePrimary)
		}
		taps = append(taps, button)
	}
	if len(taps) > 0 {
		blocks = append(blocks, slack.NewActionBlock("taps", taps...))
	}
	if len(forms) > 0 {
		blocks = append(blocks, slack.NewActionBlock("forms", forms...))
	}
	return blocks
}
