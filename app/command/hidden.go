package command

import (
	"strings"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/words"
)

// whyHidden is what somebody reads whose command is not read because of the Markdown around it.
const whyHidden = "commands in lists, quotes, headings and code are not read, so put it on a line of its own"

// maxHidden is how many lines are tried.
const maxHidden = 20

var (
	// dressed is what Markdown may have before a command that was meant as one: a list item, a
	// task, a heading, code or emphasis.
	dressed = lazily.Compile("^ {0,3}(?:(?:[-*+]|[0-9]{1,9}[.)]) +)?(?:\\[[ xX]\\] +)?(?:#{1,6} +)?[`*_]*")

	// element begins a tag of HTML.
	element = lazily.Compile(`<[!/a-zA-Z]`)
)

// hidden finds a command that was probably meant as one in a comment that has none, so that it is
// not passed over in silence (A1): a valid one in a list, a heading, code within a line, or below a
// quoted line, which Markdown counts as quoted. What is quoted with ">", struck through, in a block
// of code or in HTML was not meant.
func hidden(body string) (m incident.Misspelt, ok bool) {
	if strings.Contains(body, "~~") || element.MatchString(body) {
		return m, false
	}
	isFenced, tried := false, 0
	for line := range strings.Lines(body) {
		trimmed := strings.TrimSpace(line)
		if strings.HasPrefix(trimmed, "```") || strings.HasPrefix(trimmed, "~~~") {
			isFenced = !isFenced
			continue
		}
		if isFenced || strings.HasPrefix(trimmed, ">") || strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t") {
			continue
		}
		said := strings.TrimRight(line[len(dressed.FindString(line)):], "`*_ \n")
		if !strings.HasPrefix(said, "/") {
			continue
		}
		if verb, _ := verbOf(said); verb == "" || verb == misspeltVerb {
			continue
		}
		if tried++; tried > maxHidden {
			break
		}
		if _, isCommand := parsePlace(place{said: said, quote: func() string { return "" }}).(incident.Command); isCommand {
			return incident.Misspelt{Line: words.FirstLine(said), Why: whyHidden}, true
		}
	}

	return m, false
}
