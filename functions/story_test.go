package functions_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/firebreak-dev/firebreak/app/aws/awstest"
)

// contains holds a text to parts of it.
func contains(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%s: %q is not in\n%s", what, p, text)
		}
	}
}

// A whole incident on AWS: declared, taken, 20 minutes unanswered, closed (I3, V3, C1, C2).
func TestV3C1AnIncidentOnAWS(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		t.Run(map[bool]string{false: "double", true: "fauxqs"}[elsewhere], func(t *testing.T) {
			o := settings{rotating: true}
			if elsewhere {
				o = settings{sqs: fauxqs(t), kms: true}
			}
			s := newStack(t, o)
			n := s.declare("alice")
			s.settle()
			if v := s.view(n); !strings.Contains(v.Labels, "phase/identify") || v.Card == "" {
				t.Fatalf("declared, and it is %+v\n%s", v, s.worker.Log())
			}
			for _, c := range []struct{ who, text string }{{"carol", "/ic"}, {"alice", "/oe"},
				{"carol", "/ic severity critical"}, {"carol", "/ic phase investigate"},
				{"alice", "/oe finding The load balancer drops half of the connections"}} {
				s.say(c.who, n, c.text)
				s.settle()
			}
			v := s.view(n)
			contains(t, "labels", v.Labels, "phase/investigate", "severity/critical")
			contains(t, "assignees", v.Assignees, "alice", "carol")
			contains(t, "the card", v.Card, "Incident Coordinator **carol**", "findings (1)")
			if strings.Contains(v.Labels, "overdue") ||
				!slices.Equal(s.outbox(), []string{"page incident-coordinators"}) {
				t.Errorf("nothing is overdue, and it is %s, %q", v.Labels, s.outbox())
			}

			s.handed()
			s.wait(26 * time.Minute) // nobody writes an update
			v = s.view(n)
			contains(t, "labels", v.Labels, "update-overdue")
			if handed := s.handed(); !slices.Contains(handed, fmt.Sprintf("acme/incidents#%d clock", n)) {
				t.Errorf("it was not the clock: %q", handed)
			}
			if sent := s.outbox(); len(sent) != 2 {
				t.Errorf("the group was not paged once more: %q", sent)
			}
			for _, c := range []struct{ who, text string }{{"carol", "/ic update We know what it is"},
				{"alice", "/oe cause A certificate ran out"}, {"carol", "/ic phase fixing"},
				{"alice", "/oe workaround By hand"}, {"carol", "/ic phase monitoring"},
				{"carol", "/ic agree Gina, by phone"}, {"carol", "/ic close"}} {
				s.say(c.who, n, c.text)
				s.settle()
			}
			v = s.view(n)
			if v.State != "closed" || strings.Contains(v.Labels, "update-overdue") {
				t.Errorf("closed, and it is %+v", v)
			}
			var pulls []struct{ Head struct{ Ref string } }
			s.as("alice", "GET", "/api/v3/repos/acme/incidents/pulls", nil, &pulls)
			if len(pulls) != 1 || pulls[0].Head.Ref != fmt.Sprintf("postmortem/%d", n) {
				t.Errorf("postmortems %+v", pulls)
			}

			// A timer of before that comes late changes nothing.
			since := 0
			s.writes(&since)
			late := fmt.Sprintf(`{"ref":{"owner":"acme","repo":"incidents","number":%d},"why":"clock","due":%q}`,
				n, s.box.Clock().Now().Add(-time.Hour).Format(time.RFC3339))
			if err := s.enqueue(t.Context(), late); err != nil {
				t.Fatal(err)
			}
			s.settle()
			if writes := s.writes(&since); len(writes) > 0 {
				t.Errorf("a late timer of a closed incident makes it write %q", writes)
			}
			if !elsewhere {
				if left := s.aws.Messages(s.queue); len(left) > 0 {
					t.Errorf("left in the queue: %+v", left)
				}
			}
		})
	}
}

// Two incidents in one batch: one can't be reached, the other goes on. The first's messages come
// again in their order.
func TestA4APartialFailure(t *testing.T) {
	s := newStack(t, settings{})
	one, two := s.declare("alice"), s.declare("bob")
	s.settle()
	s.faults(fmt.Sprintf(`{"match":"GET .*/issues/%d$","status":500,"count":2}`, one))
	s.handed()
	s.say("carol", one, "/ic")
	s.say("carol", two, "/ic")
	s.say("alice", one, "/oe")
	s.settle() // the clock doesn't move, so what failed is still hidden
	contains(t, "the second incident", s.view(two).Assignees, "carol")
	if v := s.view(one); strings.Contains(v.Assignees, "carol") {
		t.Errorf("the first incident can't be reached, and it is %+v", v)
	}
	if wait := s.aws.Hidden(s.queue).Sub(s.box.Clock().Now()); wait != time.Second {
		t.Errorf("after one failure the commands wait for %s", wait)
	}
	s.wait(5 * time.Second)
	contains(t, "the first incident", s.view(one).Assignees, "alice", "carol")
	if dead := s.aws.Dead(s.queue); len(dead) > 0 {
		t.Errorf("dead: %+v", dead)
	}
}

// What fails for good is put aside without holding up the incident for ever, and sent again it is done.
func TestA4DeadLetters(t *testing.T) {
	s := newStack(t, settings{receives: 3})
	n := s.declare("alice")
	s.settle()
	// GitHub is fine, and no timer can be set
	for _, operation := range []string{"CreateSchedule", "UpdateSchedule"} {
		s.aws.Refuse(operation, "AccessDeniedException")
	}
	s.say("carol", n, "/ic")
	s.settle()
	if dead := s.aws.Dead(s.queue); len(dead) > 0 {
		t.Errorf("dead at once: %+v", dead)
	}
	s.wait(time.Minute)
	dead := s.aws.Dead(s.queue)
	if len(dead) == 0 || dead[0].Received != 3 ||
		!strings.Contains(dead[0].Body, "issue_comment.created") || len(s.aws.Messages(s.queue)) != 0 {
		t.Fatalf("dead %+v, left %+v", dead, s.aws.Messages(s.queue))
	}
	for _, operation := range []string{"CreateSchedule", "UpdateSchedule"} {
		s.aws.Refuse(operation, "")
	}
	s.wait(5 * time.Minute)  // by then its delivery is forgotten
	for _, m := range dead { // that it was put aside could not be told either
		if err := s.enqueue(t.Context(), m.Body); err != nil {
			t.Fatal(err)
		}
	}
	s.settle()
	v := s.view(n)
	contains(t, "assignees", v.Assignees, "carol")
	contains(t, "what is told", v.Card+strings.Join(v.Comments, "\n"), "set the timer")
}

// GitHub is out for six hours. Waiting isn't a failure: nothing is put aside, although the queue
// counts each time that it hands out a message, people are paged as the rules say, and when GitHub
// is back what was asked is done at once.
func TestA4AnOutageOnAWS(t *testing.T) {
	s := newStack(t, settings{receives: 10})
	waiting, taken := s.declare("alice"), s.declare("bob")
	s.say("carol", taken, "/ic")
	s.settle()
	s.faults(`{"match":"GET .*/repos/","status":502,"count":1000000}`)
	s.say("carol", waiting, "/ic")
	s.say("carol", taken, "/ic update We know what it is")
	s.wait(6 * time.Hour)
	if dead := s.aws.Dead(s.queue); len(dead) > 0 {
		t.Errorf("put aside: %+v", dead)
	}
	if sent := s.outbox(); len(sent) < 10 {
		t.Errorf("paged %q", sent)
	}
	s.as("", "DELETE", "/sandbox/faults", nil, nil)
	s.wait(5 * time.Minute)
	contains(t, "the incident that waited", s.view(waiting).Assignees, "carol")
	contains(t, "the other one", s.view(taken).Card, "| carol | [customer update]")
	if left, dead := s.aws.Messages(s.queue), s.aws.Dead(s.queue); len(left)+len(dead) > 0 {
		t.Errorf("left %+v, put aside %+v", left, dead)
	}
}

// GitHub limits the rate: the message waits as long as GitHub says, hidden in the queue, and is
// done then. It comes by the time at which somebody is to be paged next, here for the overdue
// update after 25 minutes.
func TestA4ARateLimit(t *testing.T) {
	s := newStack(t, settings{})
	taken := s.declare("alice")
	s.say("carol", taken, "/ic")
	s.settle()
	s.faults(`{"rate_limit":"primary","retry_after":"30m"}`)
	s.say("bob", taken, "/oe")
	s.settle()
	wait := s.aws.Hidden(s.queue).Sub(s.box.Clock().Now())
	if wait < 24*time.Minute || wait > 31*time.Minute {
		t.Errorf("it is hidden for %s", wait)
	}
	s.wait(29 * time.Minute)
	if v := s.view(taken); strings.Contains(v.Assignees, "bob") {
		t.Errorf("it is done while GitHub takes nothing: %+v", v)
	}
	s.wait(2 * time.Minute)
	contains(t, "assignees", s.view(taken).Assignees, "bob")
}

// While GitHub limits the rate, an incident that nobody has taken goes on paging, and its command
// waits no longer than the limit.
func TestA4ARateLimitWhileNobodyAnswers(t *testing.T) {
	s := newStack(t, settings{})
	n := s.declare("alice")
	s.settle()
	s.faults(`{"rate_limit":"primary","retry_after":"30m"}`)
	s.say("carol", n, "/ic")
	s.settle()
	paged := len(s.outbox())
	s.wait(29 * time.Minute)
	if sent := s.outbox(); len(sent) <= paged {
		t.Errorf("nobody was paged again: %q", sent)
	}
	if v := s.view(n); strings.Contains(v.Assignees, "carol") {
		t.Errorf("it is done while GitHub takes nothing: %+v", v)
	}
	s.wait(2 * time.Minute)
	contains(t, "assignees", s.view(n).Assignees, "carol")
}

// A webhook that GitHub sends twice is one message, and one that it sends again days later changes
// nothing.
func TestA4Duplicates(t *testing.T) {
	s := newStack(t, settings{kms: true})
	n := s.declare("alice")
	s.settle()
	s.handed()
	s.faults(`{"duplicate_webhooks":1}`)
	s.say("carol", n, "/ic")
	s.settle()
	if handed := s.handed(); !slices.Equal(handed,
		[]string{fmt.Sprintf("acme/incidents#%d issue_comment.created", n)}) {
		t.Errorf("handed out %q", handed)
	}
	s.wait(6 * time.Minute)
	before := s.view(n)
	var deliveries []struct {
		ID    int64
		Event string
	}
	s.as("", "GET", "/sandbox/deliveries", nil, &deliveries)
	s.handed()
	for _, d := range deliveries {
		if status := s.as("", "POST", fmt.Sprintf("/sandbox/deliveries/%d/redeliver", d.ID), nil,
			nil); status != http.StatusOK {
			t.Fatalf("redeliver: %d", status)
		}
	}
	s.settle()
	if after := s.view(n); after.Labels != before.Labels || after.Assignees != before.Assignees ||
		len(after.Comments) != len(before.Comments) {
		t.Errorf("it was %+v and is %+v", before, after)
	}
	if len(s.handed()) == 0 {
		t.Error("nothing was looked at, so nothing was proved")
	}
}

// Webhooks that never arrived are found by the sweep.
func TestA4LostWebhooksOnAWS(t *testing.T) {
	s := newStack(t, settings{})
	n := s.declare("alice")
	s.settle()
	s.faults(`{"drop_webhooks":1}`)
	s.say("carol", n, "/ic")
	s.settle()
	if v := s.view(n); strings.Contains(v.Assignees, "carol") {
		t.Fatalf("the webhook was lost, and it is %+v", v)
	}
	s.handed()
	for range 2 {
		if err := s.sweep.Invoke(t.Context(), map[string]string{"source": "aws.events"}, nil); err != nil {
			t.Fatalf("the sweep: %v\n%s", err, s.sweep.Log())
		}
		s.settle()
	}
	contains(t, "assignees", s.view(n).Assignees, "carol")
	handed := s.handed()
	for _, why := range []string{"sweep", "issue_comment.created"} {
		if !slices.Contains(handed, fmt.Sprintf("acme/incidents#%d %s", n, why)) {
			t.Errorf("%s is not in what was handed out: %q", why, handed)
		}
	}
}

// An alert becomes an incident on its own, and said again it is the same one.
func TestI1I6AnAlertOnAWS(t *testing.T) {
	s := newStack(t, settings{})
	alert := `{"version":"4","groupKey":"{}:{alertname=\"APIDown\"}","status":"firing","receiver":"p1","groupLabels":{"alertname":"APIDown"},"commonLabels":{"alertname":"APIDown"},
		"commonAnnotations":{"summary":"The API is down"},"externalURL":"http://am.example","alerts":[{"status":"firing","labels":{"alertname":"APIDown"},
		"annotations":{"summary":"The API is down"},"startsAt":"2026-03-02T10:40:00Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"f1"}]}`
	post := func(token string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/intake/alertmanager",
			strings.NewReader(alert))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	if status := post("guessed"); status != http.StatusUnauthorized {
		t.Errorf("without its token: %d", status)
	}
	for range 3 {
		if status := post("token"); status != http.StatusAccepted {
			t.Fatalf("an alert: %d\n%s", status, s.intake.Log())
		}
		s.settle()
		s.wait(time.Minute)
	}
	var all []struct {
		Title  string
		Number int
	}
	s.as("alice", "GET", issues+"?labels=incident", nil, &all)
	if len(all) != 1 || !strings.Contains(all[0].Title, "API") {
		t.Fatalf("incidents %+v\n%s", all, s.worker.Log())
	}
	contains(t, "the card", s.view(all[0].Number).Card, "Alertmanager", `"signals":{"count":3`)
}

// Nobody can give orders without a secret, and what can't be stored is answered so that GitHub
// lists it as failed.
func TestTheWebhookFunctionRefuses(t *testing.T) {
	s := newStack(t, settings{})
	if status := s.as("", "POST", "/webhook", `{}`, nil); status != http.StatusUnauthorized {
		t.Errorf("unsigned: %d", status)
	}
	s.aws.Refuse("SendMessage", "ServiceUnavailable")
	n := s.declare("alice")
	s.settle()
	var deliveries []struct {
		Event  string
		Status int
	}
	s.as("", "GET", "/sandbox/deliveries", nil, &deliveries)
	if !slices.ContainsFunc(deliveries, func(d struct {
		Event  string
		Status int
	}) bool {
		return d.Event == "issues" && d.Status == http.StatusServiceUnavailable
	}) {
		t.Errorf("the queue is out of order, and the deliveries are %+v", deliveries)
	}
	s.aws.Refuse("SendMessage", "")
	if err := s.sweep.Invoke(t.Context(), struct{}{}, nil); err != nil {
		t.Fatal(err)
	}
	s.settle()
	if s.view(n).Card == "" {
		t.Error("the incident is lost")
	}
}

// A function that lacks something says what, and does not go on.
func TestMistakesInTheEnvironmentAreNamed(t *testing.T) {
	for name, want := range map[string][]string{
		"webhook": {"FIREBREAK_APP_ID", "FIREBREAK_QUEUE_URL", "AWS_REGION"},
		"worker":  {"AWS_REGION"},
		"sweep":   {"AWS_REGION"},
	} {
		said := failing(t, name)
		contains(t, name, said, want...)
	}
	a := awstest.New(t, time.Now)
	url, _ := a.AddQueue("firebreak.fifo", awstest.QueueOptions{Visibility: visibility, Receives: 20})
	worker := start(t, "worker", append(a.Environ(), "FIREBREAK_QUEUE_URL="+url))
	var answer events.SQSEventResponse
	if err := worker.Invoke(t.Context(), oneMessage, &answer); err != nil ||
		len(answer.BatchItemFailures) != 1 {
		t.Errorf("%+v, %v", answer, err)
	}
	contains(t, "worker", worker.Log(), "FIREBREAK_APP_ID", "FIREBREAK_PRIVATE_KEY",
		"FIREBREAK_WEBHOOK_SECRET", "FIREBREAK_SCHEDULE_GROUP")
	sweep := start(t, "sweep", append(a.Environ(), "FIREBREAK_QUEUE_URL="+url, "FIREBREAK_APP_ID=17"))
	if err := sweep.Invoke(t.Context(), struct{}{}, nil); err == nil ||
		!strings.Contains(err.Error(), "FIREBREAK_PRIVATE_KEY") ||
		strings.Contains(err.Error(), "WEBHOOK_SECRET") {
		t.Errorf("sweep: %v", err)
	}
}

// oneMessage is a batch with a message of no incident that is there.
var oneMessage = events.SQSEvent{Records: []events.SQSMessage{{MessageId: "1", ReceiptHandle: "1",
	Attributes: map[string]string{"MessageGroupId": "acme/incidents#1"},
	Body:       `{"ref":{"owner":"acme","repo":"incidents","number":1},"why":"clock"}`}}}

// failing starts a function that can't work and returns what it says.
func failing(t *testing.T, name string) string {
	t.Helper()
	f := start(t, name, nil)
	err := f.Invoke(t.Context(), struct{}{}, nil)
	if err == nil {
		t.Fatalf("%s works without anything", name)
	}
	return err.Error()
}
