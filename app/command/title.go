package command

import (
	"slices"
	"strings"
	"unicode"
)

// empty are the words that say nothing of what is broken: a title of nothing else is not a summary.
var empty = []string{
	"incident", "incidents", "issue", "problem", "trouble", "outage", "alert", "alarm", "error", "failure",
	"emergency", "drill", "report", "p0", "p1", "p2", "p3", "p4", "p5", "sev", "sev0", "sev1", "sev2",
	"sev3", "severity", "prio", "priority", "critical", "regular", "major", "minor", "high", "low",
	"urgent", "urgently", "help", "sos", "asap", "please", "now", "new", "again", "hello", "hi", "untitled",
	"title", "summary", "short", "todo", "tbd", "none", "unknown", "na", "n", "a", "an", "the", "response",
	"no", "we", "have", "need", "it", "is", "there", "something", "everything", "broken", "down", "wrong",
	"declared", "message", "in", "slack", "mail", "says",
}

// SaysWhat reports whether a title says what is broken, so that it can serve as a summary (I2).
// "Incident", "[P1]: " and "urgent, please help" say nothing.
func SaysWhat(title string) bool {
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r)
	})
	return slices.ContainsFunc(words, func(w string) bool {
		isNumber := strings.IndexFunc(w, func(r rune) bool { return !unicode.IsNumber(r) }) < 0
		return !isNumber && !slices.Contains(empty, w)
	})
}
