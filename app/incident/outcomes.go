package incident

import (
	"slices"
	"strings"
)

// outcomes begin the keys of comments that say what came of something which is done outside the issue, each once for
// each such thing.
var outcomes = []string{"freeze-on/", "freeze-off/", "freeze-lost/", "let-through/", "deployments-refused/",
	"revert-merged/", "revert-live/", "run-ended/", "run-lost/"}

// mostTold is how many of them are kept.
const mostTold = 60

// Outcomes returns those of the keys of the app's comments, oldest first, that say what came of something; the newest
// ones, if they are many. What came of it is on the card. Where that is lost, the look that builds it again finds these
// comments and what they are about, but may end before it knows what came of that. Later looks, which find out, read
// the newest page of the timeline alone, and must not say it again.
func Outcomes(keys []string) (told []string) {
	for _, key := range keys {
		if isOutcome(key) {
			told = append(told, key)
		}
	}
	return told[max(0, len(told)-mostTold):]
}

func isOutcome(key string) bool {
	return slices.ContainsFunc(outcomes, func(begins string) bool { return strings.HasPrefix(key, begins) })
}

// SaysLate reports whether a comment with a key says what came of something that is done outside the issue, after the
// look that read the command. Until the card has that, later looks find out again, and must not say it again.
func (s State) SaysLate(key string) bool {
	id, isReply := strings.CutPrefix(key, "reply/")
	if !isReply {
		return isOutcome(key)
	}
	return slices.ContainsFunc(s.Runs, func(v WorkflowRun) bool { return v.ID == id }) ||
		slices.ContainsFunc(s.Reversals, func(v Reversal) bool { return v.ID == id }) ||
		slices.ContainsFunc(s.CoverChanges, func(c CoverChange) bool { return c.ID == id })
}
