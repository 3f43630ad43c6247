package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// names reads lists that GitHub takes as texts or as objects with a name.
type names []string

func (n *names) UnmarshalJSON(b []byte) error {
	return unmarshalNames(b, n)
}

func listIssues(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	if err := q.st.need(q.by, r, RoleRead, "issues", "pull_requests"); err != nil {
		return 0, nil, err
	}
	found, err := q.filter(r.Issues)
	if err != nil {
		return 0, nil, err
	}
	return paged(q, found, q.st.issueView)
}

// filter applies the query of GET issues.
func (q *request) filter(all []*Issue) ([]*Issue, error) {
	state := q.query("state")
	if state == "" {
		state = "open"
	}
	if state != "open" && state != "closed" && state != "all" {
		return nil, invalid("Issue", "state", "invalid", "")
	}
	var since time.Time
	if s := q.query("since"); s != "" {
		var err error
		if since, err = time.Parse(time.RFC3339, s); err != nil {
			return nil, invalid("Issue", "since", "invalid", "")
		}
	}
	var labels []string
	for l := range strings.SplitSeq(q.query("labels"), ",") {
		if l = strings.TrimSpace(l); l != "" {
			labels = append(labels, l)
		}
	}
	var found []*Issue
	for _, i := range all {
		switch {
		case i == nil, state != "all" && i.State() != state, i.Updated.Before(since):
			continue
		case q.query("creator") != "" && !strings.EqualFold(q.query("creator"), i.Author):
			continue
		case slices.ContainsFunc(labels, func(l string) bool { return !i.HasLabel(l) }):
			continue
		}
		switch who := q.query("assignee"); {
		case who == "none" && len(i.Assignees) > 0, who == "*" && len(i.Assignees) == 0:
			continue
		case who != "" && who != "none" && who != "*" && !i.HasAssignee(who):
			continue
		}
		found = append(found, i)
	}
	key := func(i *Issue) int64 { return i.Created.Unix() }
	switch q.query("sort") {
	case "updated":
		key = func(i *Issue) int64 { return i.Updated.Unix() }
	case "comments":
		key = func(i *Issue) int64 { return int64(len(i.Comments)) }
	}
	slices.SortStableFunc(found, func(a, b *Issue) int {
		if d := key(a) - key(b); d != 0 {
			return int(min(max(d, -1), 1))
		}
		return a.Number - b.Number
	})
	if q.query("direction") != "asc" {
		slices.Reverse(found)
	}
	return found, nil
}

func createIssue(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Title     *string
		Body      string
		Labels    names
		Assignees []string
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	if in.Title == nil {
		return 0, nil, missing("title")
	}
	// Unlike everywhere else, who can't be assigned makes GitHub refuse the whole issue.
	if q.st.can(q.by, r, RoleTriage, "issues") {
		for _, login := range in.Assignees {
			if !q.st.assignable(login, r, nil) {
				return 0, nil, invalid("Issue", "assignees", "invalid", "")
			}
		}
	}
	i, err := q.st.openIssue(q.by, r, newIssue{Title: *in.Title, Body: in.Body, Labels: in.Labels, Assignees: in.Assignees})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, q.st.issueFullView(i), nil
}

func getIssue(q *request) (int, any, error) {
	i, err := q.issue()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.st.issueFullView(i), nil
}

func patchIssue(q *request) (int, any, error) {
	i, err := q.issue()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Title       *string
		Body        *string
		State       *string
		StateReason *string `json:"state_reason"`
		DuplicateOf *int64  `json:"duplicate_issue_id"`
		Labels      *names
		Assignees   *[]string
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	edit := issueEdit{Title: in.Title, Body: in.Body, State: in.State, StateReason: in.StateReason, DuplicateOf: in.DuplicateOf, Assignees: in.Assignees}
	if in.Labels != nil {
		l := []string(*in.Labels)
		edit.Labels = &l
	}
	if err := q.st.editIssue(q.by, i, edit); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.st.issueFullView(i), nil
}

func lockIssue(locked bool) endpoint {
	return func(q *request) (int, any, error) {
		i, err := q.issue()
		if err == nil {
			err = q.st.lockIssue(q.by, i, locked)
		}
		return http.StatusNoContent, nil, err
	}
}

func listComments(q *request) (int, any, error) {
	i, err := q.issue()
	if err != nil {
		return 0, nil, err
	}
	comments := i.Comments
	if s := q.query("since"); s != "" {
		since, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return 0, nil, invalid("IssueComment", "since", "invalid", "")
		}
		comments = slices.DeleteFunc(slices.Clone(comments), func(c *Comment) bool { return c.Updated.Before(since) })
	}
	return paged(q, comments, q.st.commentView)
}

func createComment(q *request) (int, any, error) {
	i, err := q.issue()
	if err != nil {
		return 0, nil, err
	}
	var in struct{ Body *string }
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	if in.Body == nil {
		return 0, nil, missing("body")
	}
	c, err := q.st.comment(q.by, i, *in.Body)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, q.st.commentView(c), nil
}

func getComment(q *request) (int, any, error) {
	c, err := q.comment()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.st.commentView(c), nil
}

func patchComment(q *request) (int, any, error) {
	c, err := q.comment()
	if err != nil {
		return 0, nil, err
	}
	var in struct{ Body *string }
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	if in.Body == nil {
		return 0, nil, missing("body")
	}
	if err := q.st.editComment(q.by, c, *in.Body); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.st.commentView(c), nil
}

func deleteComment(q *request) (int, any, error) {
	c, err := q.comment()
	if err == nil {
		err = q.st.deleteComment(q.by, c)
	}
	return http.StatusNoContent, nil, err
}

func pinComment(q *request) (int, any, error) {
	c, err := q.comment()
	if err == nil {
		err = q.st.pinComment(q.by, c)
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.st.commentView(c), nil
}

func unpinComment(q *request) (int, any, error) {
	c, err := q.comment()
	if err == nil {
		err = q.st.unpinComment(q.by, c)
	}
	return http.StatusNoContent, nil, err
}

// reacting serves the reactions of issues and of comments alike.
func (q *request) reacting() (i *Issue, on *[]*Reaction, react func(string) (*Reaction, bool, error), err error) {
	if q.value("comment") != "" {
		c, err := q.comment()
		if err != nil {
			return nil, nil, nil, err
		}
		return c.issue, &c.Reactions, func(content string) (*Reaction, bool, error) { return q.st.reactComment(q.by, c, content) }, nil
	}
	i, err = q.issue()
	if err != nil {
		return nil, nil, nil, err
	}
	return i, &i.Reactions, func(content string) (*Reaction, bool, error) { return q.st.reactIssue(q.by, i, content) }, nil
}

func listReactions(q *request) (int, any, error) {
	_, on, _, err := q.reacting()
	if err != nil {
		return 0, nil, err
	}
	reactions := *on
	if content := q.query("content"); content != "" {
		reactions = slices.DeleteFunc(slices.Clone(reactions), func(r *Reaction) bool { return r.Content != content })
	}
	return paged(q, reactions, q.st.reactionView)
}

func createReaction(q *request) (int, any, error) {
	_, _, react, err := q.reacting()
	if err != nil {
		return 0, nil, err
	}
	var in struct{ Content string }
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	r, created, err := react(in.Content)
	if err != nil {
		return 0, nil, err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return status, q.st.reactionView(r), nil
}

func deleteReaction(q *request) (int, any, error) {
	i, on, _, err := q.reacting()
	if err == nil {
		err = q.st.unreact(q.by, i, on, q.id("reaction"))
	}
	return http.StatusNoContent, nil, err
}

func listRepoLabels(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	return paged(q, r.Labels, func(l *Label) fields { return q.st.labelView(r, l) })
}

// label finds the label of the path.
func (q *request) label() (*Repository, *Label, error) {
	r, err := q.repo()
	if err != nil {
		return nil, nil, err
	}
	l, ok := r.label(q.value("name"))
	if !ok {
		return nil, nil, errNotFound
	}
	return r, l, nil
}

func getLabel(q *request) (int, any, error) {
	r, l, err := q.label()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.st.labelView(r, l), nil
}

func createLabel(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	var in struct{ Name, Color, Description string }
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	l, err := q.st.createLabel(q.by, r, in.Name, strings.TrimPrefix(in.Color, "#"), in.Description)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, q.st.labelView(r, l), nil
}

func patchLabel(q *request) (int, any, error) {
	r, l, err := q.label()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		NewName     *string `json:"new_name"`
		Color       *string
		Description *string
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	if err := q.st.editLabel(q.by, r, l, in.NewName, in.Color, in.Description); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.st.labelView(r, l), nil
}

func deleteLabel(q *request) (int, any, error) {
	r, l, err := q.label()
	if err == nil {
		err = q.st.deleteLabel(q.by, r, l)
	}
	return http.StatusNoContent, nil, err
}

func listIssueLabels(q *request) (int, any, error) {
	i, err := q.issue()
	if err != nil {
		return 0, nil, err
	}
	return paged(q, i.Labels, func(l *Label) fields { return q.st.labelView(i.repo, l) })
}

// changeLabels serves POST and PUT, whose bodies are {"labels": […]} or the list itself.
func changeLabels(change func(*store, *Actor, *Issue, []string) error) endpoint {
	return func(q *request) (int, any, error) {
		i, err := q.issue()
		if err != nil {
			return 0, nil, err
		}
		var in struct{ Labels names }
		if len(q.body) > 0 && q.body[0] == '[' {
			err = q.read(&in.Labels)
		} else {
			err = q.read(&in)
		}
		if err == nil {
			err = change(q.st, q.by, i, in.Labels)
		}
		if err != nil {
			return 0, nil, err
		}
		return http.StatusOK, q.st.labelViews(i), nil
	}
}

func removeLabel(q *request) (int, any, error) {
	i, err := q.issue()
	if err == nil {
		err = q.st.removeLabel(q.by, i, q.value("name"))
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.st.labelViews(i), nil
}

func removeLabels(q *request) (int, any, error) {
	i, err := q.issue()
	if err == nil {
		err = q.st.setLabels(q.by, i, nil)
	}
	return http.StatusNoContent, nil, err
}

func changeAssignees(change func(*store, *Actor, *Issue, []string) error, status int) endpoint {
	return func(q *request) (int, any, error) {
		i, err := q.issue()
		if err != nil {
			return 0, nil, err
		}
		var in struct{ Assignees []string }
		if err := q.read(&in); err != nil {
			return 0, nil, err
		}
		if err := change(q.st, q.by, i, in.Assignees); err != nil {
			return 0, nil, err
		}
		return status, q.st.issueFullView(i), nil
	}
}

func listAssignable(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	var people []string
	for _, u := range q.st.Users {
		if q.st.assignable(u.Login, r, nil) {
			people = append(people, u.Login)
		}
	}
	return paged(q, people, q.st.userView)
}

func checkAssignable(q *request) (int, any, error) {
	var i *Issue
	r, err := q.repo()
	if err == nil && q.value("number") != "" {
		i, err = q.issue()
	}
	if err == nil && !q.st.assignable(q.value("login"), r, i) {
		err = errNotFound
	}
	return http.StatusNoContent, nil, err
}

func listTimeline(q *request) (int, any, error) {
	i, err := q.issue()
	if err != nil {
		return 0, nil, err
	}
	events := i.Timeline
	if exclude := strings.Split(q.query("exclude"), ","); exclude[0] != "" {
		events = slices.DeleteFunc(slices.Clone(events), func(e *Event) bool { return slices.Contains(exclude, e.Kind) })
	}
	return paged(q, events, func(e *Event) fields { return q.st.eventView(i, e, true) })
}

// outsideEvents are items of the timeline that the events API does not have.
var outsideEvents = []string{"commented", "cross-referenced", "reviewed", "committed"}

func listEvents(q *request) (int, any, error) {
	i, err := q.issue()
	if err != nil {
		return 0, nil, err
	}
	events := slices.DeleteFunc(slices.Clone(i.Timeline), func(e *Event) bool { return slices.Contains(outsideEvents, e.Kind) })
	return paged(q, events, func(e *Event) fields { return q.st.eventView(i, e, false) })
}

func listSubIssues(q *request) (int, any, error) {
	i, err := q.issue()
	if err != nil {
		return 0, nil, err
	}
	var children []*Issue
	for _, id := range i.SubIssues {
		if c, ok := q.st.issues[id]; ok && q.st.sees(q.by, c.repo) {
			children = append(children, c)
		}
	}
	return paged(q, children, q.st.issueView)
}

// subIssue reads which sub-issue is meant.
func (q *request) subIssue() (parent, child *Issue, replace bool, err error) {
	parent, err = q.issue()
	if err != nil {
		return nil, nil, false, err
	}
	var in struct {
		ID      int64 `json:"sub_issue_id"`
		Replace bool  `json:"replace_parent"`
	}
	if err := q.read(&in); err != nil {
		return nil, nil, false, err
	}
	child, ok := q.st.issues[in.ID]
	if !ok || !q.st.sees(q.by, child.repo) {
		return nil, nil, false, &Error{Status: http.StatusNotFound, Message: "The provided sub-issue does not exist"}
	}
	return parent, child, in.Replace, nil
}

func addSubIssue(q *request) (int, any, error) {
	parent, child, replace, err := q.subIssue()
	if err == nil {
		err = q.st.addSubIssue(q.by, parent, child, replace)
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, q.st.issueFullView(parent), nil
}

func removeSubIssue(q *request) (int, any, error) {
	parent, child, _, err := q.subIssue()
	if err == nil {
		err = q.st.removeSubIssue(q.by, parent, child)
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.st.issueFullView(parent), nil
}

func getParent(q *request) (int, any, error) {
	i, err := q.issue()
	if err != nil {
		return 0, nil, err
	}
	parent, ok := q.st.issues[i.Parent]
	if !ok || !q.st.sees(q.by, parent.repo) {
		return 0, nil, errNotFound
	}
	return http.StatusOK, q.st.issueFullView(parent), nil
}

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
