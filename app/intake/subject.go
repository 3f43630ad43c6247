package intake

import (
	"strings"

	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// answering is what mail programs put before the subject of a mail that they answer or forward, in
// the languages in which they are delivered most, and how some count: Re[2]:, AW (3):.
var answering = lazily.Compile(
	`^(?i:re|r|aw|antw|antwort|sv|vs|ref|rif|res|odp|ynt|fwd?|wg|wl|tr|rv|i|enc|vb|doorst|pd|vl` +
		`|ilt|İLT|回复|回覆|答复|答覆|返信|转发|轉寄|轉發|転送|Ответ|НА|回信)` +
		`(?:\s?[\[(^]\d{1,4}[\])]?)?\s?[:：]`,
)

// warning is what companies put before the subject of a mail that came from outside.
var warning = lazily.Compile(`^(?i:\[(?:external|extern|externe|externo|ext|suspicious|spam\??|caution)\]` +
	`|\*\*\* ?external ?\*\*\*)`)

// conversation returns the subject that all mails of a conversation have in common, in lower case,
// and whether this one says that it answers or forwards another.
func conversation(subject string) (common string, isAnswer bool) {
	subject = line(subject, 2*maxTitle)
	for {
		found := answering.FindString(subject)
		isAnswer = isAnswer || found != ""
		if found == "" {
			found = warning.FindString(subject)
		}
		if found == "" {
			return strings.ToLower(texts.Squeeze(subject)), isAnswer
		}
		subject = strings.TrimSpace(subject[len(found):])
	}
}

// ends returns at most n of a list: its first one, which names the conversation, and its last ones.
func ends(list []string, n int) []string {
	if len(list) <= n {
		return list
	}
	return append([]string{list[0]}, list[len(list)-n+1:]...)
}
