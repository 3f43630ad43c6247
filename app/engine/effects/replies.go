package effects

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/templates"
)

// replyGroup is what is said about one comment, in one comment of ours.
type replyGroup struct {
	keys []string
	says []incident.Say
}

// appendSay adds what is said about one more command of a comment. Of two proposals the later one
// leads further: a cause and a workaround in one comment ask for one move, not for two.
func appendSay(says []incident.Say, s incident.Say) []incident.Say {
	i := slices.IndexFunc(says,
		func(b incident.Say) bool { return b.Name == "propose" && s.Name == "propose" && b.Who == s.Who })
	if i < 0 {
		return append(says, s)
	}
	if says[i].Recorded != s.Recorded {
		s.Recorded = says[i].Recorded + " and " + s.Recorded
	}
	says[i] = s
	return says
}

// leadingMention is how a text begins that speaks to somebody.
var leadingMention = regexp.MustCompile(`^@` + naming.LoginPattern + `: `)

// joinSays writes an answer. Each thing is said once, and whom it speaks to is mentioned once.
func joinSays(says []incident.Say) (string, error) {
	var texts []string
	said, spoken := map[string]bool{}, ""
	for _, s := range says {
		text, err := templates.Comment(s)
		if err != nil {
			return "", fmt.Errorf("say %s: %w", s.Name, err)
		}
		if said[text] {
			continue
		}
		said[text] = true
		to := leadingMention.FindString(text)
		if to != "" && to == spoken {
			first, size := utf8.DecodeRuneInString(text[len(to):])
			text = string(unicode.ToUpper(first)) + text[len(to)+size:]
		}
		if to != "" {
			spoken = to
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "\n\n"), nil
}
