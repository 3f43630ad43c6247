package forge

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// MaxFound is how many results of a search can be read, however many there are.
// https://docs.github.com/en/rest/search/search
const MaxFound = 1000

// SearchIssues finds issues and pull requests that the actor may read. Sort and order may be empty.
func (f *Forge) SearchIssues(by *Actor, terms []Term, sort, order string) ([]*Issue, error) {
	scopes, terms := splitScopes(terms)
	if f.searchesNothing(by, scopes) {
		return nil, Invalid("Search", "q", "invalid",
			"The listed users and repositories cannot be searched either because "+
				"the resources do not exist or you do not have permission to view them.")
	}
	for n, t := range terms {
		if t.Value == "@me" {
			terms[n].Value = by.Login
		}
		if name, direction, ok := strings.Cut(t.Value, "-"); t.Key == "sort" && ok {
			sort, order = name, direction
		}
	}
	terms = slices.DeleteFunc(terms, func(t Term) bool { return t.Key == "sort" })
	var found []*Issue
	for _, r := range f.VisibleRepositories(by) {
		for _, i := range r.Issues {
			if i != nil && (i.Pull != nil || !r.NoIssues) && f.Can(by, r, RoleRead, IssueAreas(i)...) &&
				inScope(i, scopes) &&
				!slices.ContainsFunc(terms, func(t Term) bool { return t.matches(i) == t.IsNegated }) {
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

// splitScopes parts the terms that name where to search from all others. All of them must fit:
// since GitHub's searches are the advanced ones, several are no longer alternatives
// (https://github.com/cli/cli/issues/9828).
// https://docs.github.com/en/search-github/getting-started-with-searching-on-github/understanding-the-search-syntax
func splitScopes(terms []Term) (scopes, others []Term) {
	for _, t := range terms {
		if !t.IsNegated && (t.Key == "repo" || t.Key == "org" || t.Key == "user") {
			scopes = append(scopes, t)
		} else {
			others = append(others, t)
		}
	}
	return scopes, others
}

// inScope reports whether an issue is where a query searches.
func inScope(i *Issue, scopes []Term) bool {
	return !slices.ContainsFunc(scopes, func(t Term) bool { return !t.matches(i) })
}

// searchesNothing reports whether a query says where to search, and nowhere may the actor search.
func (f *Forge) searchesNothing(by *Actor, scopes []Term) bool {
	return len(scopes) > 0 && !slices.ContainsFunc(scopes, func(t Term) bool {
		if t.Key == "repo" {
			r, ok := f.FindRepository(t.Value)
			return ok && f.CanSee(by, r)
		}
		_, ok := f.FindUser(t.Value)
		return ok
	})
}

// Term is a part of a query: a qualifier like label:incident, or words that the issue must have.
type Term struct {
	IsNegated  bool
	Key, Value string // key is empty for words
}

// ParseQuery splits a query at spaces outside quotes. What is in quotes from its beginning on isn't a qualifier.
func ParseQuery(query string) []Term {
	var terms []Term
	quoted := false
	for _, text := range strings.FieldsFunc(query, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	}) {
		var t Term
		text, t.IsNegated = strings.CutPrefix(text, "-")
		key, value, isQualifier := strings.Cut(text, ":")
		if isQualifier && !strings.HasPrefix(text, `"`) {
			t.Key, text = strings.ToLower(key), value
		}
		t.Value = strings.ReplaceAll(text, `"`, "")
		terms = append(terms, t)
	}
	return terms
}

// ChoosesKind reports whether the term asks for issues, or for pull requests.
func (t Term) ChoosesKind() bool {
	return (t.Key == "is" || t.Key == "type") && slices.Contains([]string{"issue", "pr", "pull-request"},
		t.Value)
}

// matches reports whether an issue fits the term, whether or not the term is negated.
func (t Term) matches(i *Issue) bool {
	switch t.Key {
	case "":
		return i.hasWords(t.Value)
	case "repo":
		return strings.EqualFold(i.repo.FullName(), t.Value)
	case "org", "user":
		return strings.EqualFold(i.repo.Owner, t.Value)
	case "is", "state", "type":
		return i.isKind(t.Value)
	case "label":
		// several in one, separated by commas, are alternatives
		return slices.ContainsFunc(strings.Split(t.Value, ","), i.HasLabel)
	case "author":
		return IsAccount(i.Author, t.Value)
	case "assignee":
		return i.HasAssignee(t.Value)
	case "commenter":
		return slices.ContainsFunc(i.Comments, func(c *Comment) bool { return IsAccount(c.Author, t.Value) })
	case "no":
		return t.Value == "assignee" && len(i.Assignees) == 0 || t.Value == "label" && len(i.Labels) == 0
	case "in":
		return true // words are looked for everywhere
	case "archived":
		return strconv.FormatBool(i.repo.Archived) == t.Value
	case "number":
		return strconv.Itoa(i.Number) == t.Value
	case "created":
		return inRange(i.Created, t.Value)
	case "updated":
		return inRange(i.Updated, t.Value)
	case "closed":
		return i.Closed && inRange(i.ClosedAt, t.Value)
	}
	return i.Pull != nil && i.Pull.matches(t)
}

// matches reports whether a pull request fits a term that only pull requests have.
func (p *PullRequest) matches(t Term) bool {
	switch t.Key {
	case "merged":
		return p.Merged() && inRange(p.MergedAt, t.Value)
	case "draft":
		return strconv.FormatBool(p.Draft) == t.Value
	case "head":
		return p.Head == t.Value
	case "base":
		return p.Base == t.Value
	}
	return false
}

// isKind reports whether an issue is what a query calls issue, pr, merged, open or closed.
func (i *Issue) isKind(kind string) bool {
	switch kind {
	case "issue":
		return i.Pull == nil
	case "pr", "pull-request":
		return i.Pull != nil
	case "merged", "unmerged":
		return i.Pull != nil && i.Pull.Merged() == (kind == "merged")
	case "draft":
		return i.Pull != nil && i.Pull.Draft
	case "locked", "unlocked":
		return i.Locked == (kind == "locked")
	case "private", "public":
		return i.repo.Visibility() == kind
	case "open", "closed":
		return i.State() == kind
	}
	return false
}

// IsAccount reports whether a login is what a query says; app/NAME is an app's bot.
func IsAccount(login, value string) bool {
	if app, ok := naming.AppOf(value); ok {
		value = naming.BotOf(app)
	}
	return strings.EqualFold(login, value)
}

// hasWords reports whether words are in the title, the body or a comment.
func (i *Issue) hasWords(words string) bool {
	has := func(text string) bool { return strings.Contains(strings.ToLower(text), strings.ToLower(words)) }
	return has(i.Title) || has(i.Body) ||
		slices.ContainsFunc(i.Comments, func(c *Comment) bool { return has(c.Body) })
}

// inRange reports whether a time fits >=, >, <=, < or A..B with dates or times, or a date alone. One
// side of A..B may be *.
func inRange(at time.Time, value string) bool {
	if from, to, ok := strings.Cut(value, ".."); ok {
		return (from == "*" || inRange(at, ">="+from)) && (to == "*" || inRange(at, "<="+to))
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
