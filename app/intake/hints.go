package intake

import (
	"slices"
	"strings"
	"unicode"

	"github.com/firebreak-dev/firebreak/app/lazily"
)

// criticalSubject are the words in a mail's subject that claim a critical incident (I7): P1,
// critical, sev1, SEV-1, priority 1, outage, production down. Nothing else of a mail does: its text
// may quote them, and mail programs call too much important.
var criticalSubject = lazily.Compile(
	`(?i)\b(?:p-?1|critical|sev(?:erity)?[ -]?1|prio(?:rity)?[ -]?1|outage|prod(?:uction)? (?:is |system is )?down)\b`,
)

// harmless are subjects that hold such words and claim the opposite.
var harmless = lazily.Compile(
	`(?i)\b(?:non?|not|planned|scheduled)[ -]+(?:a |an |so )?(?:p-?1|critical|outage)\b`,
)

// subjectHint returns the severity that a mail's subject claims. An answer that a machine gave
// claims nothing.
func subjectHint(m mail) string {
	if strings.HasPrefix(strings.ToLower(m.auto), "auto-replied") ||
		!criticalSubject.MatchString(harmless.ReplaceAllString(m.subject, "")) {
		return ""
	}
	return "critical"
}

// severity reads the severity that a text begins with, as `/incident` on an issue does: "critical:
// the API is down", "p1 …".
func (s *Slack) severity(text string) (severity, rest string) {
	word, rest := text, ""
	if i := strings.IndexFunc(text, unicode.IsSpace); i >= 0 {
		word, rest = text[:i], strings.TrimSpace(text[i:])
	}
	name := strings.ToLower(strings.TrimRight(word, ".,:;!"))
	switch {
	case slices.Contains(s.Severities, name):
	case name == "p1" || name == "critical":
		name = "critical"
	case name == "p2" || name == "p3" || name == "regular":
		name = "regular"
	default:
		return "", text
	}
	return name, strings.TrimSpace(strings.TrimLeft(rest, "-–—: "))
}
