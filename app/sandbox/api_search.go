package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// searchIssues understands what is used most: repo:, org:, is:, state:, type:, label:, author:, assignee:, in:, and words.
func searchIssues(q *request) (int, any, error) {
	by, err := q.person()
	if err != nil {
		return 0, nil, err
	}
	var found []*Issue
	terms := searchTerms(q.query("q"))
	if len(terms) == 0 {
		return 0, nil, invalid("Search", "q", "missing", "")
	}
	for _, r := range q.st.visibleRepos(by) {
		for _, i := range r.Issues {
			if i != nil && !slices.ContainsFunc(terms, func(t string) bool { return !matches(i, t) }) {
				found = append(found, i)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b *Issue) int { return b.Created.Compare(a.Created) })
	from, to := q.page(len(found))
	return http.StatusOK, fields{"total_count": len(found), "incomplete_results": false,
		"items": each(found[from:to], func(i *Issue) fields { return q.st.issueView(i).with(fields{"score": 1}) })}, nil
}

// searchTerms splits a query at spaces outside quotes.
func searchTerms(query string) []string {
	var terms []string
	quoted := false
	for _, t := range strings.FieldsFunc(query, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	}) {
		terms = append(terms, strings.ReplaceAll(t, `"`, ""))
	}
	return terms
}

func matches(i *Issue, term string) bool {
	key, value, ok := strings.Cut(term, ":")
	if !ok {
		return strings.Contains(strings.ToLower(i.Title+"\n"+i.Body), strings.ToLower(term))
	}
	switch key {
	case "repo":
		return strings.EqualFold(i.repo.FullName(), value)
	case "org", "user":
		return strings.EqualFold(i.repo.Owner, value)
	case "is", "state", "type":
		switch value {
		case "issue":
			return i.Pull == nil
		case "pr", "pull-request":
			return i.Pull != nil
		case "merged":
			return i.Pull != nil && i.Pull.Merged()
		case "open", "closed":
			return i.State() == value
		}
	case "label":
		return i.HasLabel(value)
	case "author":
		return strings.EqualFold(i.Author, value) || strings.EqualFold(i.Author, strings.TrimPrefix(value, "app/")+"[bot]")
	case "assignee":
		return i.HasAssignee(value)
	case "in":
		return true
	case "number":
		return strconv.Itoa(i.Number) == value
	}
	return false
}
