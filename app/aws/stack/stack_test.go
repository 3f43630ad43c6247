package stack_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/aws"
	"github.com/firebreak-dev/firebreak/app/aws/awstest"
	"github.com/firebreak-dev/firebreak/app/aws/stack"
)

var now = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

func newStack(t *testing.T) (*awstest.AWS, *stack.Stack) {
	t.Helper()
	double := awstest.New(t, func() time.Time { return now })
	cfg, err := aws.Config(double.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	return double, &stack.Stack{Name: "firebreak-prod", Config: cfg}
}

func TestAStackIsRead(t *testing.T) {
	double, s := newStack(t)
	if _, err := s.Describe(t.Context()); !errors.Is(err, stack.ErrNone) || !strings.Contains(err.Error(), "eu-central-1") {
		t.Errorf("no stack: %v", err)
	}
	parts := []awstest.StackResource{}
	for _, name := range []string{"A", "B", "C", "D", "E", "F", "G"} { // three pages
		parts = append(parts, awstest.StackResource{Logical: name, Type: "AWS::SQS::Queue", Physical: "q<" + name})
	}
	double.SetStack("firebreak-prod", awstest.Stack{Status: "UPDATE_ROLLBACK_COMPLETE", Reason: "a & b",
		Outputs: map[string]string{"WebhookURL": "https://x.example/webhook", "Empty": ""}, Resources: parts})
	d, err := s.Describe(t.Context())
	if diff := cmp.Diff(stack.Description{Status: "UPDATE_ROLLBACK_COMPLETE", Reason: "a & b",
		Outputs: map[string]string{"WebhookURL": "https://x.example/webhook", "Empty": ""}}, d); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	all, err := s.Resources(t.Context())
	if err != nil || len(all) != len(parts) || all["G"].Physical != "q<G" {
		t.Errorf("%v %v", all, err)
	}
	if calls := double.Calls(); len(calls) != 5 {
		t.Errorf("called %q", calls)
	}
}

func TestWhatAStackIsMadeOfIsRead(t *testing.T) {
	double, s := newStack(t)
	const topic = "arn:aws:sns:eu-central-1:123456789012:alarms"
	double.SetAlarms(awstest.Alarm{Name: "a", State: "ALARM", Actions: []string{topic}},
		awstest.Alarm{Name: "b", State: "OK", IsDisabled: true}, awstest.Alarm{Name: "c", State: "OK"},
		awstest.Alarm{Name: "d", State: "INSUFFICIENT_DATA"}, awstest.Alarm{Name: "other", State: "OK"})
	alarms, err := s.Alarms(t.Context(), []string{"a", "b", "c", "d"})
	if d := cmp.Diff([]stack.Alarm{{"a", "ALARM", true, []string{topic}}, {"b", "OK", false, nil}, {"c", "OK", true, nil},
		{"d", "INSUFFICIENT_DATA", true, nil}}, alarms); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}

	double.SetTopic(topic, awstest.Subscription{ARN: "PendingConfirmation", Protocol: "email", Endpoint: "a@acme.example"},
		awstest.Subscription{ARN: topic + ":1", Protocol: "email", Endpoint: "b@acme.example"},
		awstest.Subscription{ARN: "Deleted"}, awstest.Subscription{ARN: topic + ":2", Protocol: "https"})
	readers, err := s.Subscriptions(t.Context(), topic)
	var confirmed []string
	for _, r := range readers {
		if r.IsConfirmed() {
			confirmed = append(confirmed, r.Protocol)
		}
	}
	if err != nil || len(readers) != 4 || !slices.Equal(confirmed, []string{"email", "https"}) {
		t.Errorf("%v %v", readers, err)
	}
	var refused *stack.Error
	if _, err := s.Subscriptions(t.Context(), topic+"2"); !errors.As(err, &refused) || refused.Code != "NotFound" {
		t.Errorf("no topic: %v", err)
	}

	if set, rules, err := s.ActiveRules(t.Context()); set != "" || rules != nil || err != nil {
		t.Errorf("no rule set is active, and it says %q %q %v", set, rules, err)
	}
	double.SetActiveRules("ours", awstest.Rule{Name: "off"}, awstest.Rule{Name: "on", Enabled: true})
	if set, rules, err := s.ActiveRules(t.Context()); set != "ours" || !slices.Equal(rules, []string{"on"}) || err != nil {
		t.Errorf("%q %q %v", set, rules, err)
	}

	double.SetScheduleGroup("firebreak-prod", "DELETING")
	if state, err := s.ScheduleGroup(t.Context(), "firebreak-prod"); state != "DELETING" || err != nil {
		t.Errorf("%q %v", state, err)
	}
	if _, err := s.ScheduleGroup(t.Context(), "none"); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("no group: %v", err)
	}
}

func TestAQueueIsCountedAndASecretLookedAt(t *testing.T) {
	double, s := newStack(t)
	url, _ := double.AddQueue("q.fifo", awstest.QueueOptions{Visibility: time.Minute, Receives: 3})
	client := sqs.NewFromConfig(s.Config)
	for _, group := range []string{"1", "2", "3"} {
		if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &group,
			MessageGroupId: &group}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: awssdk.String(url)}); err != nil {
		t.Fatal(err)
	}
	if waiting, out, err := s.Count(t.Context(), url); waiting != 2 || out != 1 || err != nil {
		t.Errorf("%d wait, %d are out, %v", waiting, out, err)
	}

	double.SetSecret("set", "x")
	double.SetEmptySecret("empty")
	if got, err := s.Secret(t.Context(), "set"); !got.Changed.Equal(now) || !got.HasValue || err != nil {
		t.Errorf("%v %v", got, err)
	}
	if got, err := s.Secret(t.Context(), "empty"); got.HasValue || err != nil {
		t.Errorf("%v %v", got, err)
	}
	if _, err := s.Secret(t.Context(), "none"); err == nil {
		t.Error("a secret that is not there is found")
	}
}

// Whoever may not look is told what was refused.
func TestRefusalsOfAWS(t *testing.T) {
	double, s := newStack(t)
	double.Refuse("DescribeStacks", "AccessDenied")
	if _, err := s.Describe(t.Context()); err == nil || !strings.Contains(err.Error(), "AWS refused DescribeStacks: AccessDenied") {
		t.Errorf("%v", err)
	}
}
