package command

import (
	"errors"
	"regexp"
	"strings"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// linked is an issue's address as the target of a Markdown link.
var linked = regexp.MustCompile(`^\[[^\]\n]*\]\(<?([^)>\s]+)>?(?:\s+"[^"\n]*")?\)`)

// named reads the issue that a text begins with: its repository, if one is told, and its number.
func named(line string) (repo string, n int, rest string, ok bool) {
	if m := linked.FindStringSubmatch(line); m != nil {
		repo, n, ok = naming.ReadIssue(m[1])
		return repo, n, strings.TrimLeft(line[len(m[0]):], " \t.,:;!"), ok
	}
	word, rest := next(line)
	repo, n, ok = naming.ReadIssue(strings.Trim(word, "<>().,:;!*\"'“”`"))
	return repo, n, rest, ok
}

// leading are words that people write before the number of the other incident.
var leading = map[string]bool{"of": true, "to": true, "with": true, "as": true, "in": true, "into": true, "the": true, "incident": true, "issue": true, "number": true, "no": true}

func duplicate(w words) (incident.Command, error) {
	w = w.first()
	line := w.line
	for {
		if repo, n, rest, ok := named(line); ok {
			return incident.Command{Repo: repo, Number: n, Text: w.rest(rest).text()}, nil
		}
		word, rest := next(line)
		if !leading[strings.ToLower(strings.Trim(word, ".:"))] {
			break
		}
		line = rest
	}
	for word := range strings.FieldsSeq(w.line) { // "the same as we saw in #4"
		if !strings.ContainsAny(word, "#/") {
			continue
		}
		if repo, n, _, ok := named(word); ok {
			return incident.Command{Repo: repo, Number: n, Text: w.text()}, nil
		}
	}
	return incident.Command{}, errors.New("add the number of the other incident: #12")
}

// joining are words between a follow-up's number and what changes about it.
var joining = map[string]bool{"to": true, "for": true, "owner": true, "is": true, "by": true, "and": true, "on": true, "now": true, "due": true, "→": true, "-": true}

// changeOf reads the change of a follow-up: its number or its ticket, and nothing but an owner and a date. What has other words
// is a title that begins with a number.
func changeOf(line, below string) (c incident.Command, f details, ok bool) {
	repo, n, rest, ok := named(line)
	if !ok {
		return c, f, false
	}
	said := strings.Fields(rest)
	for i, word := range said { // "due 2026-12-24"
		if i > 0 && strings.EqualFold(strings.TrimRight(said[i-1], ":"), "due") && isDue(strings.TrimRight(word, ".,;!")) {
			said[i] = "due:" + word
		}
	}
	for _, word := range f.takeAll(said) {
		if !joining[strings.ToLower(strings.TrimRight(word, ".,:;!"))] {
			return c, details{}, false
		}
	}
	for line := range strings.SplitSeq(below, "\n") {
		var own details
		if len(own.takeAll(strings.Fields(line))) == 0 {
			f.logins, f.dues = append(f.logins, own.logins...), append(f.dues, own.dues...)
		}
	}
	return incident.Command{Repo: repo, Number: n}, f, true
}
