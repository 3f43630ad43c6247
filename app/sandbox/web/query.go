package web

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// issueQuery is what a person asked to see in a list.
type issueQuery struct {
	state     string // open, closed or empty for both
	labels    []string
	notLabels []string
	author    string
	assignee  string
	noAssign  bool
	noLabel   bool
	words     []string
}

// parseIssueQuery reads GitHub's filter language as far as it concerns these lists. Unknown
// qualifiers are words.
func parseIssueQuery(query string) issueQuery {
	var q issueQuery
	for _, term := range splitTerms(query) {
		key, value, ok := strings.Cut(term, ":")
		if !ok || !q.addQualifier(key, strings.Trim(value, `"`)) {
			q.words = append(q.words, strings.ToLower(strings.Trim(term, `"`)))
		}
	}
	return q
}

// addQualifier reads a term like label:incident; it reports whether it is one that is known.
func (q *issueQuery) addQualifier(key, value string) bool {
	switch key + ":" + value {
	case "is:open", "is:closed", "state:open", "state:closed":
		q.state = value
		return true
	case "is:merged":
		q.state = "closed"
		return true
	case "is:issue", "is:pr", "type:issue", "type:pr":
		return true
	case "no:assignee":
		q.noAssign = true
		return true
	case "no:label":
		q.noLabel = true
		return true
	}
	switch key {
	case "label":
		q.labels = append(q.labels, value)
	case "-label":
		q.notLabels = append(q.notLabels, value)
	case "author":
		q.author = value
	case "assignee":
		q.assignee = value
	case "sort":
	default:
		return false
	}
	return true
}

// splitTerms splits at spaces outside of quotes.
func splitTerms(query string) []string {
	quoted := false
	return strings.FieldsFunc(query, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return unicode.IsSpace(r) && !quoted
	})
}

// matches reports whether an issue is asked for, whatever its state.
func (q issueQuery) matches(i *forge.Issue, viewer string) bool {
	me := func(login string) string {
		if login == "@me" {
			return viewer
		}
		return strings.TrimPrefix(login, "@")
	}
	for _, l := range q.labels {
		// "a","b" asks for either
		if !slices.ContainsFunc(strings.Split(l, ","),
			func(name string) bool { return i.HasLabel(strings.Trim(name, `"`)) }) {
			return false
		}
	}
	if slices.ContainsFunc(q.notLabels, i.HasLabel) {
		return false
	}
	if q.author != "" && !strings.EqualFold(i.Author, me(q.author)) {
		return false
	}
	if q.assignee != "" && !i.HasAssignee(me(q.assignee)) {
		return false
	}
	if q.noAssign && len(i.Assignees) > 0 || q.noLabel && len(i.Labels) > 0 {
		return false
	}
	for _, w := range q.words {
		if !strings.Contains(strings.ToLower(i.Title), w) &&
			!strings.Contains(strings.ToLower(i.Body), w) && w != strconv.Itoa(i.Number) &&
			w != "#"+strconv.Itoa(i.Number) {
			return false
		}
	}
	return true
}

// withState is the query with another state.
func withState(query, state string) string {
	var terms []string
	for _, term := range splitTerms(query) {
		switch term {
		case "is:open", "is:closed", "state:open", "state:closed", "is:merged":
		default:
			terms = append(terms, term)
		}
	}
	at := min(1, len(terms))
	return strings.Join(slices.Insert(terms, at, "state:"+state), " ")
}
