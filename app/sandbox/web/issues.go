package web

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// issueRow is a line of a list of issues or pull requests.
type issueRow struct {
	Number    int
	Ref       issueRef
	Labels    []labelView
	Assignees []personView
	Author    personView
	Verb      string
	At        momentView
	Comments  int
	Draft     bool
	Review    string
	SubIssues string
}

type listPage struct {
	Pulls                bool
	Nouns                string
	ListURL, NewURL      string
	Query                string
	Filtered             bool
	Open, Closed         int
	ShowOpen, ShowClosed bool
	OpenURL, ClosedURL   string
	Rows                 []issueRow
}

// issueList lists issues or pull requests.
func (v *visit) issueList() (string, any, error) {
	if err := v.openRepo(); err != nil {
		return "", nil, err
	}
	d := listPage{ListURL: v.r.URL.Path, Pulls: strings.HasSuffix(v.r.URL.Path, "/pulls")}
	standard := "is:issue state:open"
	v.tab, v.title, d.Nouns = "issues", "Issues", "issues"
	if d.Pulls {
		v.tab, v.title, d.Nouns = "pulls", "Pull requests", "pull requests"
		standard = "is:pr state:open"
	} else {
		d.NewURL = "/" + v.repo.FullName() + "/issues/new/choose"
	}
	params := v.r.URL.Query()
	d.Query = strings.TrimSpace(params.Get("q"))
	if !params.Has("q") {
		d.Query = standard
		if state := params.Get("state"); state == "open" || state == "closed" {
			d.Query = withState(d.Query, state)
		}
		for _, label := range params["label"] {
			d.Query += " label:" + quoteTerm(label)
		}
		if who := params.Get("assignee"); who != "" {
			d.Query += " assignee:" + who
		}
	}
	d.Filtered = d.Query != standard
	q := parseIssueQuery(d.Query)
	d.ShowOpen, d.ShowClosed = q.state == "open", q.state == "closed"
	d.OpenURL = d.ListURL + "?q=" + url.QueryEscape(withState(d.Query, "open"))
	d.ClosedURL = d.ListURL + "?q=" + url.QueryEscape(withState(d.Query, "closed"))
	for _, i := range slices.Backward(v.repo.Issues) {
		if i == nil || (i.Pull != nil) != d.Pulls || !q.matches(i, v.by.Login) {
			continue
		}
		if i.Closed {
			d.Closed++
		} else {
			d.Open++
		}
		if q.state == "" || q.state == i.State() {
			d.Rows = append(d.Rows, v.row(i))
		}
	}
	return "issues", d, nil
}

func (v *visit) row(i *forge.Issue) issueRow {
	r := issueRow{Number: i.Number, Ref: newIssueRef(i, v.repo.FullName()), Labels: v.labels(i),
		Assignees: persons(i.Assignees),
		Author:    newPerson(i.Author), Verb: "opened", At: v.at(i.Created), Comments: len(i.Comments)}
	if i.Closed {
		r.Verb, r.At = "was closed", v.at(i.ClosedAt)
		if i.Pull != nil && i.Pull.Merged() {
			r.Verb = "was merged"
		}
		r.Author = newPerson(i.Author)
	}
	if i.Pull != nil {
		r.Draft = i.Pull.Draft && !i.Closed
		r.Review = reviewSummary(i.Pull)
	}
	if n := len(i.SubIssues); n > 0 {
		done := 0
		for _, id := range i.SubIssues {
			if child, ok := v.forge.IssuesByID[id]; ok && child.Closed {
				done++
			}
		}
		r.SubIssues = fmt.Sprintf("%d / %d", done, n)
	}
	return r
}

func persons(logins []string) []personView {
	var list []personView
	for _, login := range logins {
		list = append(list, newPerson(login))
	}
	return list
}

func (v *visit) labels(i *forge.Issue) []labelView {
	var list []labelView
	for _, l := range i.Labels {
		list = append(list, newLabel(v.repo.FullName(), l.Name, l.Color, l.Description))
	}
	return list
}
