package command

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// commandStarts returns the place of every slash that starts a line and a verb. It knows nothing of
// Markdown.
func commandStarts(body string) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; i < len(body); i++ {
			next := strings.IndexByte(body[i:], '/')
			if next < 0 {
				return
			}
			i += next
			if !startsLine(body, i) {
				continue
			}
			if verb, _ := verbOf(body[i:]); verb != "" && !yield(i) {
				return
			}
		}
	}
}

// startsLine reports whether only spaces are before i on its line, and at most three: four are
// code.
func startsLine(body string, i int) bool {
	for range 4 {
		i--
		if i < 0 || body[i] == '\n' || body[i] == '\r' {
			return true
		}
		if body[i] != ' ' {
			return false
		}
	}
	return false
}

// verbOf returns the verb that s starts with after its slash, in lower case, and how many bytes it
// takes. A verb ends at white space or at the end; a colon, comma or full stop between is forgiven,
// as phones write them. So /ic/foo, /icy and /etc/hosts start with no verb. A word that is nearly
// "incident" is one too: "incident?".
func verbOf(s string) (verb string, n int) {
	const longest = len(incident.VerbIncident) + 2
	n = 1
	for n < len(s) && n <= longest+1 && isLetter(s[n]) {
		n++
	}
	word := s[1:n]
	switch {
	case strings.EqualFold(word, incident.VerbIC):
		verb = incident.VerbIC
	case strings.EqualFold(word, incident.VerbOE):
		verb = incident.VerbOE
	case strings.EqualFold(word, incident.VerbIncident):
		verb = incident.VerbIncident
	case len(word) >= len(incident.VerbIncident)-2 && len(word) <= longest && word[0]|0x20 == 'i' &&
		texts.Distance(word, incident.VerbIncident) <= 2:
		verb = misspeltVerb
	default:
		return "", 0
	}
	if n < len(s) && strings.IndexByte(":,.", s[n]) >= 0 {
		n++
	}
	if n < len(s) {
		if r, _ := utf8.DecodeRuneInString(s[n:]); !unicode.IsSpace(r) {
			return "", 0
		}
	}
	return verb, n
}

const misspeltVerb = "incident?"

// isLetter reports whether a byte is an ASCII letter.
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
