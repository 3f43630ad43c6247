package functions_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// as makes a request, as a person if who isn't empty.
func (s *stack) as(who, method, path string, body, into any) int {
	s.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	if raw, ok := body.(string); ok {
		text = []byte(raw)
	}
	ctx, stop := context.WithTimeout(s.t.Context(), patience)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(text))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if who != "" {
		r.Header.Set("Authorization", "Bearer demo-"+who)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && into != nil {
		err = json.Unmarshal(answer, into)
	}
	if err != nil {
		s.t.Fatalf("%s %s: %s %s: %v", method, path, res.Status, answer, err)
	}
	return res.StatusCode
}

// declare opens an incident as the issue form does, and returns its number.
func (s *stack) declare(who string) int {
	s.t.Helper()
	var issue struct{ Number int }
	s.as(who, "POST", issues,
		map[string]any{"title": "The API of globex is down", "labels": []string{"incident"},
			"body": "### Summary\n\nCustomers get 502\n\n### Severity\n\ncritical\n\n### Customers " +
				"impacted\n\nglobex\n\n### How did you learn of it?\n\n_No response_\n"}, &issue)
	return issue.Number
}

const issues = "/api/v3/repos/acme/incidents/issues"

// say comments without waiting.
func (s *stack) say(who string, number int, text string) {
	s.t.Helper()
	if status := s.as(who, "POST", fmt.Sprintf("%s/%d/comments", issues, number),
		map[string]string{"body": text}, nil); status != 201 {
		s.t.Fatalf("%s comments: %d", who, status)
	}
}

func (s *stack) settle() {
	s.t.Helper()
	ctx, stop := context.WithTimeout(s.t.Context(), patience)
	defer stop()
	if err := s.box.Settled(ctx); err != nil {
		s.t.Fatalf("it does not settle: %v\n%s", err, s.worker.Log())
	}
}

func (s *stack) wait(d time.Duration) {
	s.t.Helper()
	ctx, stop := context.WithTimeout(s.t.Context(), 2*patience)
	defer stop()
	if err := s.box.Clock().Advance(ctx, d); err != nil {
		s.t.Fatalf("the clock: %v\n%s", err, s.worker.Log())
	}
}

// faults orders what goes wrong at GitHub.
func (s *stack) faults(order string) {
	s.t.Helper()
	if status := s.as("", "POST", "/sandbox/faults", order, nil); status != 200 {
		s.t.Fatalf("faults: %d", status)
	}
}

// view is an incident as GitHub shows it.
type view struct {
	State, Card, Labels, Assignees string
	Comments                       []string // by the app, but for the card
}

func (s *stack) view(number int) (v view) {
	s.t.Helper()
	var issue struct {
		State     string
		Labels    []struct{ Name string }
		Assignees []struct{ Login string }
		Pinned    *struct{ Body string } `json:"pinned_comment"`
	}
	s.as("alice", "GET", fmt.Sprintf("%s/%d", issues, number), nil, &issue)
	v.State = issue.State
	for _, l := range issue.Labels {
		v.Labels += l.Name + " "
	}
	for _, a := range issue.Assignees {
		v.Assignees += a.Login + " "
	}
	if issue.Pinned != nil {
		v.Card = issue.Pinned.Body
	}
	var comments []struct {
		Body string
		User struct{ Login string }
	}
	s.as("alice", "GET", fmt.Sprintf("%s/%d/comments?per_page=100", issues, number), nil, &comments)
	for _, c := range comments {
		if c.User.Login == "firebreak[bot]" && c.Body != v.Card {
			v.Comments = append(v.Comments, c.Body)
		}
	}
	return v
}

// outbox lists what left for people outside GitHub, as "kind to".
func (s *stack) outbox() (all []string) {
	s.t.Helper()
	var sent []struct{ Kind, To string }
	s.as("", "GET", "/sandbox/outbox", nil, &sent)
	for _, e := range sent {
		all = append(all, e.Kind+" "+e.To)
	}
	return all
}

// writes lists the writes by the app since it was last called, but for reactions.
func (s *stack) writes(since *int) (all []string) {
	s.t.Helper()
	var answer struct {
		Next  int
		Calls []struct{ Method, Path, Actor string }
	}
	s.as("", "GET", fmt.Sprintf("/sandbox/calls?since=%d", *since), nil, &answer)
	*since = answer.Next
	for _, c := range answer.Calls {
		if c.Actor == "firebreak[bot]" && c.Method != http.MethodGet {
			all = append(all, c.Method+" "+c.Path)
		}
	}
	return all
}
