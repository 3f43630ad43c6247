package command

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// tidy returns a comment without what keyboards, chats and web pages put into it unseen: marks that
// take no room, and white space other than the blank, which is a blank in a line and nothing before
// its first word. A slash of Japanese and Chinese keyboards is one. Blanks and tabs stay as they
// are: they are Markdown.
//
// What `/oe run` passes to a workflow stays as it is, byte for byte: from the first = of its line on.
func tidy(body string) string {
	if isASCII(body) {
		return body
	}
	var b strings.Builder
	b.Grow(len(body))
	for line := range strings.Lines(body) {
		head, values := line, ""
		if at := strings.IndexByte(line, '='); at >= 0 {
			if before := tidyText(line[:at]); runs.MatchString(before) {
				head, values = line[:at], line[at:]
			}
		}
		b.WriteString(tidyText(head))
		b.WriteString(values)
	}

	return b.String()
}

// runs finds a line that runs a workflow.
var runs = lazily.Compile(`^ {0,3}/(?i:oe)[:,.]?\s+(?i:run)[.,:;!]?\s`)

// tidyText is tidy for any other text.
func tidyText(body string) string {
	if isASCII(body) {
		return body
	}
	var b strings.Builder
	b.Grow(len(body))
	isStart := true // only white space was read of the line
	for i, r := range body {
		switch {
		case r < utf8.RuneSelf:
		case unicode.IsSpace(r) || r == '\u3164' || r == '\u2800':
			if isStart {
				continue
			}
			r = ' '
		case isJoiner(r) && !isStart && !isInWord(body, i):
		case texts.IsInvisible(r):
			continue
		case isStart && r == '／':
			r = '/'
		}
		b.WriteRune(r)
		isStart = r == '\n' || isStart && (r == ' ' || r == '\t')
	}

	return b.String()
}

// isJoiner reports whether a mark without width joins or parts the letters of some scripts, and the
// parts of emoji.
func isJoiner(r rune) bool { return r == '\u200c' || r == '\u200d' }

// isInWord reports whether the rune at a place has an ASCII letter before or behind it, which need
// no joining.
func isInWord(body string, at int) bool {
	before, _ := utf8.DecodeLastRuneInString(body[:at])
	_, size := utf8.DecodeRuneInString(body[at:])
	after, _ := utf8.DecodeRuneInString(body[at+size:])

	return before < utf8.RuneSelf || after < utf8.RuneSelf
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}

	return true
}
