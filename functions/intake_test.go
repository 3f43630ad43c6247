package functions_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// report posts what a source reports, and returns the answer's status.
func (s *stack) report(source, kind, token, body string) int {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/intake/"+source,
		strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// alert is what Alertmanager posts of one group.
func alert(status, name string, n int) string {
	return fmt.Sprintf(`{"version":"4","groupKey":"{}:{alertname=%[2]s}","status":%[1]q,"receiver":"p1","groupLabels":{"alertname":%[2]q},"commonLabels":{"alertname":%[2]q},
		"commonAnnotations":{"summary":"The API is down"},"externalURL":"http://am.example","alerts":[{"status":%[1]q,"labels":{"alertname":%[2]q},
		"annotations":{"summary":"The API is down"},"startsAt":"2026-03-02T10:40:00Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"f%[3]d"}]}`,
		status, name, n)
}

// incidents lists the numbers of the incidents, the oldest first.
func (s *stack) incidents() (numbers []int) {
	s.t.Helper()
	var all []struct{ Number int }
	s.as("alice", "GET", issues+"?labels=incident&state=all&direction=asc", nil, &all)
	for _, i := range all {
		numbers = append(numbers, i.Number)
	}
	return numbers
}

// Two processes that share no memory take turns in what one source reports: what they know they
// have of GitHub.
func TestA4I6TwoWorkersWithoutSharedMemory(t *testing.T) {
	s := newStack(t, settings{twin: true})
	say := func(status string, n int) {
		t.Helper()
		if code := s.report("alertmanager", "application/json", "token",
			alert(status, "APIDown", n)); code != http.StatusAccepted {
			t.Fatalf("an alert: %d\n%s", code, s.intake.Log())
		}
		s.settle()
		s.wait(time.Minute)
	}
	for n := range 4 {
		say("firing", n)
	}
	say("resolved", 5)
	if all := s.incidents(); len(all) != 1 {
		t.Fatalf("incidents %v\n%s\n%s", all, s.worker.Log(), s.twin.Log())
	}
	first := s.incidents()[0]
	v := s.view(first)
	contains(t, "the card", v.Card, `"signals":{"count":4`, "said that it recovered")
	if said := strings.Count(strings.Join(v.Comments, "\n"), "did signals/"); said != 1 {
		t.Errorf("the reports are counted in %d comments: %q", said, v.Comments)
	}
	// One of them closes the incident, and the other still believes it open.
	s.say("bob", first, "/incident decline A false alarm")
	s.settle()
	for n := range 2 {
		say("firing", 10+n)
	}
	all := s.incidents()
	if len(all) != 2 {
		t.Fatalf("incidents %v, %+v\n%s\n%s\n%s", all, s.view(first), s.worker.Log(), s.twin.Log(),
			s.intake.Log())
	}
	contains(t, "the first card", s.view(first).Card, `"signals":{"count":4`)
	contains(t, "the second card", s.view(all[1]).Card, `"signals":{"count":2`)
}

// A function that starts while GitHub is out pages by the configuration that another read before (I5).
func TestI5AColdFunctionKnowsWhomToPage(t *testing.T) {
	s := newStack(t, settings{config: "pager: webhook\nsignals:\n  - source: alertmanager\n    do: " +
		"page\n    severity: critical\n    customer: globex\ncustomers: {globex: {}}\n"})
	report := func(name string) {
		t.Helper()
		if code := s.report("alertmanager", "application/json", "token",
			alert("firing", name, 1)); code != http.StatusAccepted {
			t.Fatalf("an alert: %d\n%s", code, s.intake.Log())
		}
	}
	number := s.declare("alice")
	s.settle()
	if s.aws.Object("firebreak-shelf", "policies/acme/incidents") == nil {
		t.Fatalf("#%d was looked at, and no configuration is kept\n%s", number, s.worker.Log())
	}
	before := len(s.outbox())
	s.faults(`{"outage":"10m"}`)
	s.coldIntake()
	report("APIDown")
	if sent := s.outbox()[before:]; len(sent) != 1 || !strings.Contains(sent[0], "page") {
		t.Errorf("while GitHub is out the outbox holds %v\n%s", sent, s.intake.Log())
	}
	// And the escalations of the incident that is open and of the report go on, by a worker that never
	// saw either.
	before = len(s.outbox())
	s.coldWorker()
	s.wait(6 * time.Minute)
	if sent := s.outbox()[before:]; len(sent) != 2 || !strings.Contains(sent[0], "page") ||
		!strings.Contains(sent[1], "page") {
		t.Errorf("five minutes later the outbox holds %v\n%s", sent, s.worker.Log())
	}
}
