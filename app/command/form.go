package command

import (
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/words"
)

// The labels of the issue form, in its order. GitHub writes the label above the answer, not the
// field's id.
const (
	labelSummary   = "Summary"
	labelSeverity  = "Severity"
	labelCustomers = "Customers impacted"
	labelSource    = "How did you learn of it?"
	labelDrill     = "Drill"
)

// shapes are the forms that are known: a company may have taken the last fields out of its form.
var shapes = [][]string{
	{labelSummary, labelSeverity, labelCustomers, labelSource, labelDrill},
	{labelSummary, labelSeverity, labelCustomers, labelSource},
	{labelSummary, labelSeverity, labelCustomers, labelDrill},
	{labelSummary, labelSeverity, labelCustomers},
}

// Form reads the body of an issue that was opened by the issue form. ok is false if it wasn't.
func Form(body string) (opened incident.Opened, ok bool) {
	answers, ok := readForm(body)
	if !ok {
		return incident.Opened{}, false
	}
	names, none := words.List(answer(answers[labelCustomers]))
	return incident.Opened{
		Source:    "form",
		Summary:   answerOrEmpty(answers[labelSummary]) != "",
		Severity:  firstWord(answerOrEmpty(answers[labelSeverity])),
		Customers: names,
		None:      none,
		Drill:     ticked.MatchString(answers[labelDrill]),
	}, true
}

// Summary returns what the issue form's body says under Summary, or "" if it isn't a form or says
// nothing.
func Summary(body string) string {
	answers, _ := readForm(body)
	return answerOrEmpty(answers[labelSummary])
}

// LearnedFrom returns how people learned of it, as the issue form's body says, or "".
func LearnedFrom(body string) string {
	answers, _ := readForm(body)
	return answerOrEmpty(answers[labelSource])
}

// readForm returns the answers by label.
func readForm(body string) (answers map[string]string, ok bool) {
	lines := strings.Split(tidy(normalizeNewlines(body)), "\n")
	for _, labels := range shapes {
		if at, ok := findHeadings(lines, labels); ok {
			answers = map[string]string{}
			for i, label := range labels {
				answers[label] = strings.TrimSpace(strings.Join(lines[at[i]+1:at[i+1]], "\n"))
			}
			return answers, true
		}
	}
	return nil, false
}

// findHeadings finds the lines with the labels, and the end. The summary may hold lines that look
// like labels, and only it has more than one line: so the first Summary counts, and of all others
// the last.
func findHeadings(lines, labels []string) (at []int, ok bool) {
	at = make([]int, len(labels)+1)
	at[0] = slices.IndexFunc(lines, func(l string) bool { return isHeading(l, labels[0]) })
	at[len(labels)] = len(lines)
	line := len(lines)
	for i := len(labels) - 1; i > 0; i-- {
		line--
		for line >= 0 && !isHeading(lines[line], labels[i]) {
			line--
		}
		at[i] = line
	}
	return at, at[0] >= 0 && at[0] < line
}

func isHeading(line, label string) bool {
	text, ok := strings.CutPrefix(line, "###")
	return ok && strings.HasPrefix(text, " ") && strings.EqualFold(strings.TrimSpace(text), label)
}

// answer is a field of the form, or "" where GitHub wrote that nobody answered.
func answer(text string) string {
	if text == "_No response_" {
		return ""
	}
	return text
}

// answerOrEmpty is an answer, or "" where GitHub wrote that there is none.
func answerOrEmpty(text string) string {
	if strings.EqualFold(answer(text), "none") {
		return ""
	}
	return answer(text)
}

var ticked = lazily.Compile(`(?m)^\s*[-*+] \[[xX]\](?:\s|$)`)

// firstWord returns the first word in lower case, without what surrounds it.
func firstWord(s string) string {
	word, _ := words.Cut(s)
	return strings.ToLower(strings.Trim(word, ".,:;!()*_`\"'"))
}
