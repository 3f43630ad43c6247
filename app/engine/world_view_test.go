package engine_test

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

type seen struct{ body, reactions string }

type issueView struct {
	Number    int
	State     string
	Title     string
	Reason    string `json:"state_reason"`
	Labels    []struct{ Name string }
	Assignees []struct{ Login string }
	Pinned    *struct {
		ID   int64
		Body string
	} `json:"pinned_comment"`
}

func (w *world) view() (v issueView) {
	w.t.Helper()
	w.ok("alice", "GET", w.issue(), nil, &v)
	return v
}

func (v issueView) labels() []string {
	var out []string
	for _, l := range v.Labels {
		out = append(out, l.Name)
	}
	slices.Sort(out)
	return out
}

func (v issueView) assignees() []string {
	var out []string
	for _, a := range v.Assignees {
		out = append(out, a.Login)
	}
	return out
}

type commentView struct {
	ID        int64
	Body      string
	User      struct{ Login string }
	Reactions map[string]any
}

func (w *world) list() []commentView {
	w.t.Helper()
	var all []commentView
	for page := 1; ; page++ {
		var some []commentView
		w.ok("alice", "GET", w.issue()+"/comments?per_page=100&page="+strconv.Itoa(page), nil, &some)
		all = append(all, some...)
		if len(some) < 100 {
			return all
		}
	}
}

// card returns the card as a person sees it, without its hidden block.
func (w *world) card() string {
	v := w.view()
	if v.Pinned == nil {
		return "(none)"
	}
	return visible(v.Pinned.Body)
}

// steady takes out of a text what differs from run to run: the sandbox's address, and the names of
// commits.
func (w *world) steady(s string) string {
	return commits.ReplaceAllString(strings.ReplaceAll(s, w.url, "https://github.test"), "COMMIT")
}

var commits = regexp.MustCompile(`\b[0-9a-f]{40}\b`)

var hidden = regexp.MustCompile(`(?s)<!--.*?-->`)

func visible(body string) string {
	return strings.TrimSpace(hidden.ReplaceAllString(body, ""))
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func reactionsOf(c commentView) string {
	var out []string
	for _, name := range []string{"+1", "-1", "confused"} {
		if n, _ := c.Reactions[name].(float64); n > 0 {
			out = append(out, name)
		}
	}
	return strings.Join(out, " ")
}
