package witness

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-cmp/cmp"
)

// View is what people see of an incident at one moment.
type View struct {
	State     string // "open" or "closed", with its reason
	Labels    []string
	Assignees []string
	Comments  []string // who wrote it, and its text without what is hidden
	Elsewhere []string // tickets, customers' issues, pull requests with their checks and documents
}

// Diff returns how two views differ; "" if they don't.
func Diff(ours, theirs View) string { return cmp.Diff(ours, theirs) }

type issueJSON struct {
	Number    int
	Title     string
	Body      string
	State     string
	Reason    string `json:"state_reason"`
	Labels    []struct{ Name string }
	Assignees []struct{ Login string }
	Pull      *struct{} `json:"pull_request"`
}

type commentJSON struct {
	ID   int64
	Body string
	User struct{ Login string }
}

// view reads through the API, as alice, what people see.
func (s *Stage) view() (v View) {
	s.t.Helper()
	var is issueJSON
	s.ok("alice", "GET", s.issue(), nil, &is)
	v.State = strings.TrimSpace(is.State + " " + is.Reason)
	v.Labels, v.Assignees = labelsOf(is), assigneesOf(is)
	names := map[int64]string{}
	v.Comments = s.comments(fmt.Sprintf("repos/%s/issues/%d", repository, s.number), names)

	for _, repo := range []string{repository, "acme/platform", "acme/payments", "acme/customer-globex"} {
		for _, other := range list[issueJSON](s, "repos/"+repo+"/issues?state=all&direction=asc") {
			if other.Pull != nil || repo == repository && other.Number == s.number {
				continue
			}
			about := fmt.Sprintf("issue %s#%d %s, labels %v, assigned %v: %s\n",
				repo, other.Number, other.State, labelsOf(other), assigneesOf(other), other.Title)
			v.Elsewhere = append(v.Elsewhere, about+steadyText(other.Body, names))
			v.Elsewhere = append(v.Elsewhere,
				s.comments(fmt.Sprintf("repos/%s/issues/%d", repo, other.Number), names)...)
		}
	}
	for _, p := range list[pullJSON](s, "repos/"+repository+"/pulls?state=all&direction=asc") {
		v.Elsewhere = append(v.Elsewhere, s.pull(p.Number, names)...)
	}
	return v
}

type pullJSON struct {
	Number int
	Title  string
	Body   string
	State  string
	Merged *string `json:"merged_at"`
	Head   struct{ Ref string }
}

// pull reads a pull request: its text, its comments, its checks, and the documents that it brings.
func (s *Stage) pull(number int, names map[int64]string) (out []string) {
	s.t.Helper()
	var p pullJSON
	s.ok("alice", "GET", fmt.Sprintf("repos/%s/pulls/%d", repository, number), nil, &p)
	about := fmt.Sprintf("pull request #%d %s (merged: %v) from %s: %s\n",
		p.Number, p.State, p.Merged != nil, p.Head.Ref, p.Title)
	out = append(out, about+steadyText(p.Body, names))
	out = append(out, s.comments(fmt.Sprintf("repos/%s/issues/%d", repository, number), names)...)
	ref := "main"
	if p.Merged == nil {
		// emulate's pull requests don't follow their branches.
		var branch struct{ Object struct{ SHA string } }
		s.ok("alice", "GET", fmt.Sprintf("repos/%s/git/ref/heads/%s", repository, p.Head.Ref), nil, &branch)
		ref = branch.Object.SHA
		var checks struct {
			Runs []struct {
				Name, Status, Conclusion string
				Output                   struct{ Title, Summary string }
			} `json:"check_runs"`
		}
		s.ok("alice", "GET", fmt.Sprintf("repos/%s/commits/%s/check-runs", repository, ref), nil, &checks)
		for _, c := range checks.Runs {
			out = append(out, fmt.Sprintf("check %s %s %s: %s\n%s", c.Name, c.Status, c.Conclusion,
				c.Output.Title, c.Output.Summary))
		}
	}
	var documents []struct{ Path string }
	s.ok("alice", "GET", fmt.Sprintf("repos/%s/contents/postmortems?ref=%s", repository, ref), nil, &documents)
	for _, d := range documents {
		var file struct{ Content string }
		s.ok("alice", "GET", fmt.Sprintf("repos/%s/contents/%s?ref=%s", repository, d.Path, ref), nil, &file)
		text, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(file.Content, "\n", ""))
		if err != nil {
			s.t.Fatal(err)
		}
		out = append(out, d.Path+"\n"+steadyText(string(text), names))
	}
	return out
}

// comments reads the comments of an issue, and names them by their order.
func (s *Stage) comments(issue string, names map[int64]string) (out []string) {
	s.t.Helper()
	all := list[commentJSON](s, issue+"/comments")
	for _, c := range all {
		names[c.ID] = strconv.Itoa(len(names) + 1)
	}
	for _, c := range all {
		out = append(out, c.User.Login+": "+steadyText(c.Body, names))
	}
	return out
}

var (
	hidden   = regexp.MustCompile(`(?s)<!--.*?-->`)
	comments = regexp.MustCompile(`#issuecomment-(\d+)`)
)

// steadyText returns a text as a person reads it, with comments named by their order instead of by
// their ids.
func steadyText(text string, names map[int64]string) string {
	text = comments.ReplaceAllStringFunc(text, func(link string) string {
		id, _ := strconv.ParseInt(strings.TrimPrefix(link, "#issuecomment-"), 10, 64)
		return "#comment-" + names[id]
	})
	return Steady(strings.TrimSpace(hidden.ReplaceAllString(strings.ReplaceAll(text, "\r\n", "\n"), "")))
}

func labelsOf(is issueJSON) (out []string) {
	for _, l := range is.Labels {
		out = append(out, l.Name)
	}
	slices.Sort(out)
	return out
}

func assigneesOf(is issueJSON) (out []string) {
	for _, a := range is.Assignees {
		out = append(out, a.Login)
	}
	slices.Sort(out)
	return out
}
