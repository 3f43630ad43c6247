package rest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
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
	if err := q.forge.Require(q.by, r, forge.RoleRead, "issues", "pull_requests"); err != nil {
		return 0, nil, err
	}
	all := r.Issues
	if r.NoIssues { // the list is left, with the pull requests alone
		all = slices.DeleteFunc(slices.Clone(all),
			func(i *forge.Issue) bool { return i == nil || i.Pull == nil })
	}
	found, err := q.filter(all)
	if err != nil {
		return 0, nil, err
	}
	return paged(q, found, q.views.issueView)
}

// filter applies the query of GET issues.
func (q *request) filter(all []*forge.Issue) ([]*forge.Issue, error) {
	state := cmp.Or(q.query("state"), "open")
	if state != "open" && state != "closed" && state != "all" {
		return nil, forge.Invalid("Issue", "state", "invalid", "")
	}
	var since time.Time
	if s := q.query("since"); s != "" {
		var err error
		if since, err = time.Parse(time.RFC3339, s); err != nil {
			return nil, forge.Invalid("Issue", "since", "invalid", "")
		}
	}
	var labels []string
	for l := range strings.SplitSeq(q.query("labels"), ",") {
		if l = strings.TrimSpace(l); l != "" {
			labels = append(labels, l)
		}
	}

	creator, assignee := q.query("creator"), q.query("assignee")
	var found []*forge.Issue
	for _, i := range all {
		switch {
		case i == nil, state != "all" && i.State() != state, i.Updated.Before(since):
		case creator != "" && !strings.EqualFold(creator, i.Author), !isAssignedTo(i, assignee):
		case slices.ContainsFunc(labels, func(l string) bool { return !i.HasLabel(l) }):
		default:
			found = append(found, i)
		}
	}
	sortIssues(found, q.query("sort"), q.query("direction"))
	return found, nil
}

// isAssignedTo reports whether an issue fits the query's assignee: a login, "*" for anybody, "none", or empty.
func isAssignedTo(i *forge.Issue, who string) bool {
	switch who {
	case "":
		return true
	case "none":
		return len(i.Assignees) == 0
	case "*":
		return len(i.Assignees) > 0
	}
	return i.HasAssignee(who)
}

// sortIssues sorts issues by updated, comments, or when they were created; newest first unless the
// direction is asc.
func sortIssues(issues []*forge.Issue, by, direction string) {
	key := func(i *forge.Issue) int64 { return i.Created.Unix() }
	switch by {
	case "updated":
		key = func(i *forge.Issue) int64 { return i.Updated.Unix() }
	case "comments":
		key = func(i *forge.Issue) int64 { return int64(len(i.Comments)) }
	}
	slices.SortStableFunc(issues, func(a, b *forge.Issue) int {
		return cmp.Or(cmp.Compare(key(a), key(b)), a.Number-b.Number)
	})
	if direction != "asc" {
		slices.Reverse(issues)
	}
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
		Assignee  *string
		Assignees []string
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	if in.Assignee != nil && in.Assignees == nil && q.version == version2022 {
		in.Assignees = []string{*in.Assignee}
	}
	if in.Title == nil {
		return 0, nil, forge.MissingField("title")
	}
	// Unlike everywhere else, who can't be assigned makes GitHub refuse the whole issue.
	if q.forge.Can(q.by, r, forge.RoleTriage, "issues") {
		for _, login := range in.Assignees {
			if !q.forge.IsAssignable(login, r, nil) {
				return 0, nil, forge.Invalid("Issue", "assignees", "invalid", "")
			}
		}
	}
	i, err := q.forge.OpenIssue(q.by, r,
		forge.NewIssue{Title: *in.Title, Body: in.Body, Labels: in.Labels, Assignees: in.Assignees})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, q.views.issueFullView(i), nil
}

func getIssue(q *request) (int, any, error) {
	i, err := q.issue()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.views.issueFullView(i), nil
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
		Assignee    *string
		Assignees   *[]string
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	if in.Assignee != nil && in.Assignees == nil && q.version == version2022 {
		in.Assignees = &[]string{*in.Assignee}
	}
	edit := forge.IssueEdit{Title: in.Title, Body: in.Body, State: in.State, StateReason: in.StateReason,
		DuplicateOf: in.DuplicateOf, Assignees: in.Assignees}
	if in.Labels != nil {
		l := []string(*in.Labels)
		edit.Labels = &l
	}
	if err := q.forge.EditIssue(q.by, i, edit); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.views.issueFullView(i), nil
}

func lockIssue(locked bool) endpoint {
	return func(q *request) (int, any, error) {
		i, err := q.issue()
		var in struct {
			Reason string `json:"lock_reason"`
		}
		if err == nil {
			err = q.read(&in)
		}
		if err == nil {
			err = q.forge.LockIssue(q.by, i, locked, in.Reason)
		}
		return http.StatusNoContent, nil, err
	}
}

func listTimeline(q *request) (int, any, error) {
	i, err := q.issue()
	if err != nil {
		return 0, nil, err
	}
	exclude := strings.Split(q.query("exclude"), ",")
	var events []*forge.TimelineEvent
	for _, e := range i.Timeline {
		if slices.Contains(exclude, e.Kind) {
			continue
		}
		if source, ok := q.forge.IssuesByID[e.IssueID]; e.Kind != "cross-referenced" ||
			ok && q.forge.CanSee(q.by, source.Repo()) {
			events = append(events, e)
		}
	}
	return paged(q, events, func(e *forge.TimelineEvent) fields { return q.views.eventView(q.by, i, e, true) })
}

// outsideEvents are items of the timeline that the events API does not have.
var outsideEvents = []string{"commented", "cross-referenced", "reviewed", "committed"}

func listEvents(q *request) (int, any, error) {
	i, err := q.issue()
	if err != nil {
		return 0, nil, err
	}
	events := slices.DeleteFunc(slices.Clone(i.Timeline),
		func(e *forge.TimelineEvent) bool { return slices.Contains(outsideEvents, e.Kind) })
	return paged(q, events, func(e *forge.TimelineEvent) fields { return q.views.eventView(q.by, i, e, false) })
}

func listSubIssues(q *request) (int, any, error) {
	i, err := q.issue()
	if err != nil {
		return 0, nil, err
	}
	var children []*forge.Issue
	for _, id := range i.SubIssues {
		if c, ok := q.forge.IssuesByID[id]; ok && q.forge.CanSee(q.by, c.Repo()) {
			children = append(children, c)
		}
	}
	return paged(q, children, q.views.relatedView)
}

// subIssue reads which sub-issue is meant.
func (q *request) subIssue() (parent, child *forge.Issue, replace bool, err error) {
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
	child, ok := q.forge.IssuesByID[in.ID]
	if !ok || !q.forge.CanSee(q.by, child.Repo()) {
		return nil, nil, false, &forge.Error{Status: http.StatusNotFound,
			Message: "The provided sub-issue does not exist"}
	}
	return parent, child, in.Replace, nil
}

func addSubIssue(q *request) (int, any, error) {
	parent, child, replace, err := q.subIssue()
	if err == nil {
		err = q.forge.AddSubIssue(q.by, parent, child, replace)
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, q.views.issueFullView(parent), nil
}

func removeSubIssue(q *request) (int, any, error) {
	parent, child, _, err := q.subIssue()
	if err == nil {
		err = q.forge.RemoveSubIssue(q.by, parent, child)
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.views.issueFullView(parent), nil
}

func getParent(q *request) (int, any, error) {
	i, err := q.issue()
	if err != nil {
		return 0, nil, err
	}
	parent, ok := q.forge.IssuesByID[i.Parent]
	if !ok || !q.forge.CanSee(q.by, parent.Repo()) {
		return 0, nil, forge.ErrNotFound
	}
	return http.StatusOK, q.views.issueFullView(parent), nil
}
