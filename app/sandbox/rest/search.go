package rest

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// searchIssues understands what is used most of GitHub's search: see term.matches.
// https://docs.github.com/en/search-github/searching-on-github/searching-issues-and-pull-requests
func searchIssues(q *request) (int, any, error) {
	by, err := q.person()
	if err != nil {
		return 0, nil, err
	}
	terms := forge.ParseQuery(q.query("q"))
	if len(terms) == 0 {
		return 0, nil, forge.Invalid("Search", "q", "missing", "")
	}
	if !by.ViaApp && !slices.ContainsFunc(terms, forge.Term.ChoosesKind) {
		return 0, nil, forge.Invalid("Search", "q", "invalid",
			"Query must include 'is:issue' or 'is:pull-request'")
	}
	found, err := q.forge.SearchIssues(by, terms, q.query("sort"), q.query("order"))
	if err != nil {
		return 0, nil, err
	}
	from, to := q.page(min(len(found), forge.MaxFound))
	if from == forge.MaxFound {
		return 0, nil, &forge.Error{Status: http.StatusUnprocessableEntity,
			Message: fmt.Sprintf("Only the first %d search results are available", forge.MaxFound)}
	}
	return http.StatusOK, fields{"total_count": len(found), "incomplete_results": false,
		"search_type": "lexical",
		"items":       each(found[from:to], q.views.foundView)}, nil
}

// foundView is an issue as a search returns it, which says nothing of its parent.
func (v *Views) foundView(i *forge.Issue) fields {
	view := v.issueView(i).with(fields{"score": 1, "body": i.Body})
	delete(view, "parent_issue_url")
	return view
}
