package sandbox

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// maxFound is how many results of a search can be read, however many there are.
// https://docs.github.com/en/rest/search/search
const maxFound = 1000

// search finds issues and pull requests that the actor may read. Sort and order may be empty.
func (st *store) search(by *Actor, terms []term, sort, order string) ([]*Issue, error) {
	scopes, terms := splitScopes(terms)
	if st.searchesNothing(by, scopes) {
		return nil, invalid("Search", "q", "invalid", "The listed users and repositories cannot be searched either because "+
			"the resources do not exist or you do not have permission to view them.")
	}
	for n, t := range terms {
		if t.value == "@me" {
			terms[n].value = by.Login
		}
		if name, direction, ok := strings.Cut(t.value, "-"); t.key == "sort" && ok {
			sort, order = name, direction
		}
	}
	terms = slices.DeleteFunc(terms, func(t term) bool { return t.key == "sort" })
	var found []*Issue
	for _, r := range st.visibleRepos(by) {
		for _, i := range r.Issues {
			if i != nil && (i.Pull != nil || !r.NoIssues) && st.can(by, r, RoleRead, issueArea(i)...) && inScope(i, scopes) &&
				!slices.ContainsFunc(terms, func(t term) bool { return t.matches(i) == t.not }) {
				found = append(found, i)
			}
		}
	}
	// GitHub's best match is its own affair; here it is the newest.
	slices.SortFunc(found, func(a, b *Issue) int {
		newest := cmp.Compare(b.ID, a.ID)
		switch sort {
		case "created":
			return cmp.Or(b.Created.Compare(a.Created), newest)
		case "updated":
			return cmp.Or(b.Updated.Compare(a.Updated), newest)
		case "comments":
			return cmp.Or(len(b.Comments)-len(a.Comments), newest)
		}
		return newest
	})
	if order == "asc" {
		slices.Reverse(found)
	}
	return found, nil
}

// splitScopes parts the terms that name where to search from all others. Several of them are alternatives.
// https://docs.github.com/en/search-github/getting-started-with-searching-on-github/understanding-the-search-syntax
func splitScopes(terms []term) (scopes, others []term) {
	for _, t := range terms {
		if !t.not && (t.key == "repo" || t.key == "org" || t.key == "user") {
			scopes = append(scopes, t)
		} else {
			others = append(others, t)
		}
	}
	return scopes, others
}

// inScope reports whether an issue is where a query searches.
func inScope(i *Issue, scopes []term) bool {
	return len(scopes) == 0 || slices.ContainsFunc(scopes, func(t term) bool { return t.matches(i) })
}

// searchesNothing reports whether a query says where to search, and nowhere may the actor search.
func (st *store) searchesNothing(by *Actor, scopes []term) bool {
	return len(scopes) > 0 && !slices.ContainsFunc(scopes, func(t term) bool {
		if t.key == "repo" {
			r, ok := st.repo(t.value)
			return ok && st.sees(by, r)
		}
		_, ok := st.user(t.value)
		return ok
	})
}

// term is a part of a query: a qualifier like label:incident, or words that the issue must have.
type term struct {
	not        bool
	key, value string // key is empty for words
}

// searchTerms splits a query at spaces outside quotes. What is in quotes from its beginning on is no qualifier.
func searchTerms(query string) []term {
	var terms []term
	quoted := false
	for _, text := range strings.FieldsFunc(query, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	}) {
		var t term
		text, t.not = strings.CutPrefix(text, "-")
		key, value, isQualifier := strings.Cut(text, ":")
		if isQualifier && !strings.HasPrefix(text, `"`) {
			t.key, text = strings.ToLower(key), value
		}
		t.value = strings.ReplaceAll(text, `"`, "")
		terms = append(terms, t)
	}
	return terms
}

// choosesKind tells whether the term asks for issues, or for pull requests.
func (t term) choosesKind() bool {
	return (t.key == "is" || t.key == "type") && slices.Contains([]string{"issue", "pr", "pull-request"}, t.value)
}

func (t term) matches(i *Issue) bool {
	switch t.key {
	case "":
		return i.says(t.value)
	case "repo":
		return strings.EqualFold(i.repo.FullName(), t.value)
	case "org", "user":
		return strings.EqualFold(i.repo.Owner, t.value)
	case "is", "state", "type":
		switch t.value {
		case "issue":
			return i.Pull == nil
		case "pr", "pull-request":
			return i.Pull != nil
		case "merged":
			return i.Pull != nil && i.Pull.Merged()
		case "open", "closed":
			return i.State() == t.value
		}
	case "label":
		// several in one, separated by commas, are alternatives
		return slices.ContainsFunc(strings.Split(t.value, ","), i.HasLabel)
	case "author":
		return isAccount(i.Author, t.value)
	case "assignee":
		return i.HasAssignee(t.value)
	case "commenter":
		return slices.ContainsFunc(i.Comments, func(c *Comment) bool { return isAccount(c.Author, t.value) })
	case "no":
		return t.value == "assignee" && len(i.Assignees) == 0 || t.value == "label" && len(i.Labels) == 0
	case "in":
		return true // words are looked for everywhere
	case "draft":
		return i.Pull != nil && strconv.FormatBool(i.Pull.Draft) == t.value
	case "head":
		return i.Pull != nil && i.Pull.Head == t.value
	case "base":
		return i.Pull != nil && i.Pull.Base == t.value
	case "number":
		return strconv.Itoa(i.Number) == t.value
	case "created":
		return inRange(i.Created, t.value)
	case "updated":
		return inRange(i.Updated, t.value)
	case "closed":
		return i.Closed && inRange(i.ClosedAt, t.value)
	}
	return false
}

// isAccount compares a login with what a query says; app/NAME is an app's bot.
func isAccount(login, value string) bool {
	if app, ok := naming.AppOf(value); ok {
		value = naming.BotOf(app)
	}
	return strings.EqualFold(login, value)
}

// says tells whether words stand in the title, the body or a comment.
func (i *Issue) says(words string) bool {
	has := func(text string) bool { return strings.Contains(strings.ToLower(text), strings.ToLower(words)) }
	return has(i.Title) || has(i.Body) || slices.ContainsFunc(i.Comments, func(c *Comment) bool { return has(c.Body) })
}

// inRange tells whether a time fits >=, >, <=, < or A..B with dates or times, or a date alone.
func inRange(at time.Time, value string) bool {
	if from, to, ok := strings.Cut(value, ".."); ok {
		return inRange(at, ">="+from) && inRange(at, "<="+to)
	}
	text := strings.TrimLeft(value, "<>=")
	begin, err := time.Parse(time.RFC3339, text)
	end := begin
	if err != nil {
		if begin, err = time.Parse(time.DateOnly, text); err != nil {
			return false
		}
		end = begin.Add(24*time.Hour - 1)
	}
	switch strings.TrimSuffix(value, text) {
	case ">=":
		return !at.Before(begin)
	case ">":
		return at.After(end)
	case "<=":
		return !at.After(end)
	case "<":
		return at.Before(begin)
	}
	return !at.Before(begin) && !at.After(end)
}
