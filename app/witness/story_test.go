package witness

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// step is one line of a story with the indented lines below it. How stories are written:
// TestScenarios of app/engine.
type step struct {
	head string
	body []string
}

// readStory reads a story of the engine's.
func readStory(t testing.TB, name string) (out []step) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(scenarios, name, "story.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "  "):
			out[len(out)-1].body = append(out[len(out)-1].body, strings.TrimPrefix(line, "  "))
		case line != "":
			out = append(out, step{head: line})
		case len(out) > 0 && len(out[len(out)-1].body) > 0:
			out[len(out)-1].body = append(out[len(out)-1].body, "")
		}
	}
	return out
}

var action = regexp.MustCompile(`^([\w-]+)(?::| (\w+)) ?(.*)$`)

// play does one step of a story, a second after the one before, and returns when all came to rest.
func (s *Stage) play(st step) {
	s.t.Helper()
	// people need a while for each step, and the product's own pace puts off what is least urgent in a rush
	s.advance(5 * time.Second)
	if wait, ok := strings.CutPrefix(st.head, "wait "); ok {
		d, err := time.ParseDuration(wait)
		if err != nil {
			s.t.Fatal(err)
		}
		s.advance(d)
		return
	}
	if n, ok := strings.CutPrefix(st.head, "on "); ok {
		s.number, _ = strconv.Atoi(n)
		return
	}
	m := action.FindStringSubmatch(st.head)
	if m == nil {
		s.t.Fatalf("a line of the story that means nothing: %q", st.head)
	}
	s.act(m[1], m[2], m[3], st.body)
	s.settle()
}

// act does what a line of a story says.
func (s *Stage) act(who, verb, rest string, body []string) {
	s.t.Helper()
	switch verb {
	case "":
		s.ok(who, "POST", s.issue()+"/comments", map[string]string{"body": textOf(rest, body)}, nil)
	case "opens":
		if err := s.github.OpenForm(who, s.unquoted(rest), body); err != nil {
			s.t.Fatal(err)
		}
	case "writes":
		issue := map[string]string{"title": s.unquoted(rest), "body": strings.Join(body, "\n")}
		s.ok(who, "POST", "repos/"+repository+"/issues", issue, nil)
	case "edits":
		n, text, _ := strings.Cut(rest, ": ")
		comment := fmt.Sprintf("repos/%s/issues/comments/%d", repository, s.byPeople(n))
		s.ok(who, "PATCH", comment, map[string]string{"body": textOf(text, body)}, nil)
	case "answers": // in the issue in which globex reads updates
		s.ok(who, "POST", "repos/acme/customer-globex/issues/1/comments",
			map[string]string{"body": textOf(rest, body)}, nil)
	case "labels":
		s.ok(who, "POST", s.issue()+"/labels", map[string][]string{"labels": {rest}}, nil)
	case "unlabels":
		s.ok(who, "DELETE", s.issue()+"/labels/"+url.PathEscape(rest), nil, nil)
	case "assigns":
		s.ok(who, "POST", s.issue()+"/assignees", map[string][]string{"assignees": {rest}}, nil)
	case "unassigns":
		s.ok(who, "DELETE", s.issue()+"/assignees", map[string][]string{"assignees": {rest}}, nil)
	case "closes":
		s.ok(who, "PATCH", s.issue(), map[string]string{"state": "closed"}, nil)
	case "reopens":
		s.ok(who, "PATCH", s.issue(), map[string]string{"state": "open"}, nil)
	case "ticks": // a box of the card, by words of its label
		for _, c := range list[commentJSON](s, s.issue()+"/comments") {
			if strings.Contains(c.Body, "<!-- firebreak:card") {
				comment := fmt.Sprintf("repos/%s/issues/comments/%d", repository, c.ID)
				body := tick(c.Body, rest)
				if body == c.Body {
					s.t.Fatalf("the card has no box %q:\n%s", rest, c.Body)
				}
				s.ok(who, "PATCH", comment, map[string]string{"body": body}, nil)
			}
		}
	case "deletes":
		if !strings.HasPrefix(rest, "card") && rest != "" {
			s.ok(who, "DELETE", fmt.Sprintf("repos/%s/issues/comments/%d", repository, s.byPeople(rest)), nil, nil)
			return
		}
		for _, c := range list[commentJSON](s, s.issue()+"/comments") {
			if strings.HasPrefix(rest, "card") && strings.Contains(c.Body, "<!-- firebreak:card") {
				s.ok(who, "DELETE", fmt.Sprintf("repos/%s/issues/comments/%d", repository, c.ID), nil, nil)
			}
		}
	case "merges":
		pulls := list[struct{ Number int }](s, "repos/"+repository+"/pulls?state=all")
		if len(pulls) == 0 {
			s.t.Fatal("there is no pull request")
		}
		s.ok(who, "PUT", fmt.Sprintf("repos/%s/pulls/%d/merge", repository, pulls[0].Number),
			map[string]string{}, nil)
	default:
		s.t.Fatalf("nobody can %q", verb)
	}
}

// tick ticks the boxes of a card whose line has these words.
func tick(card, words string) string {
	var lines []string
	for line := range strings.Lines(card) {
		if rest, ok := strings.CutPrefix(line, "- [ ] "); ok && strings.Contains(rest, words) {
			line = "- [x] " + rest
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "")
}

func textOf(first string, more []string) string {
	return strings.TrimSpace(strings.Join(append([]string{first}, more...), "\n"))
}

func (s *Stage) unquoted(text string) string {
	s.t.Helper()
	plain, err := strconv.Unquote(text)
	if err != nil {
		s.t.Fatalf("%s: %v", text, err)
	}
	return plain
}

// byPeople returns the id of the nth comment that a person wrote.
func (s *Stage) byPeople(n string) int64 {
	s.t.Helper()
	left, err := strconv.Atoi(n)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range list[commentJSON](s, s.issue()+"/comments") {
		if !strings.HasSuffix(c.User.Login, "[bot]") {
			if left--; left == 0 {
				return c.ID
			}
		}
	}
	s.t.Fatalf("no comment %s by a person", n)
	return 0
}

func (s *Stage) advance(d time.Duration) {
	s.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	if err := s.github.Advance(ctx, d); err != nil {
		s.t.Fatal(err)
	}
}

func (s *Stage) settle() {
	s.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	if err := s.github.Settled(ctx); err != nil {
		s.t.Fatalf("it does not come to rest: %v", err)
	}
}
