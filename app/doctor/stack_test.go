package doctor_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/firebreak-dev/firebreak/app/aws"
	"github.com/firebreak-dev/firebreak/app/aws/awstest"
	"github.com/firebreak-dev/firebreak/app/aws/stack"
	"github.com/firebreak-dev/firebreak/app/doctor"
	"github.com/firebreak-dev/firebreak/app/stage"
	"github.com/firebreak-dev/firebreak/templates"
)

const (
	topic = "arn:aws:sns:eu-central-1:123456789012:firebreak-prod-alarms"
	hook  = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:hook"
)

// deployment is a stack in which nothing is wrong.
type deployment struct {
	*awstest.AWS
	cloud *doctor.Cloud
	stack awstest.Stack
	dead  string // address of the queue
	now   time.Time
}

func deployed(t *testing.T) *deployment {
	t.Helper()
	d := &deployment{now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
	d.AWS = awstest.New(t, func() time.Time { return d.now })
	cfg, err := aws.Config(d.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	queue, _ := d.AddQueue("firebreak-prod.fifo", awstest.QueueOptions{Receives: 3})
	d.dead, _ = d.AddQueue("firebreak-prod-dead.fifo", awstest.QueueOptions{Receives: 3})
	d.stack = awstest.Stack{Status: "UPDATE_COMPLETE", Outputs: map[string]string{"WebhookSecret": hook},
		Resources: []awstest.StackResource{{Logical: "Queue", Type: "AWS::SQS::Queue", Physical: queue},
			{Logical: "DeadLetters", Type: "AWS::SQS::Queue", Physical: d.dead},
			{Logical: "SweepAlarm", Type: "AWS::CloudWatch::Alarm", Physical: "a-1"},
			{Logical: "MailRule", Type: "AWS::SES::ReceiptRule", Physical: "firebreak-prod"},
			{Logical: "ScheduleGroup", Type: "AWS::Scheduler::ScheduleGroup", Physical: "firebreak-prod"}}}
	d.SetStack("firebreak-prod", d.stack)
	d.SetAlarms(awstest.Alarm{Name: "a-1", State: "OK", Actions: []string{topic}})
	d.SetTopic(topic, awstest.Subscription{ARN: topic + ":1", Protocol: "email", Endpoint: "a@acme.example"})
	d.SetActiveRules("firebreak-prod", awstest.Rule{Name: "firebreak-prod", Enabled: true})
	d.SetScheduleGroup("firebreak-prod", "ACTIVE")
	d.SetSecret(hook, "secret")
	d.cloud = &doctor.Cloud{Stack: &stack.Stack{Name: "firebreak-prod", Config: cfg}, Now: func() time.Time { return d.now },
		Stage: &stage.File{Name: "prod", Path: "stages/prod.yml", Params: map[string]string{"webhookSecret": hook}},
		Told:  func(string, int, int) {}}
	return d
}

// Each thing that can be wrong with a deployment is seen, with what to do, and nothing else is.
func TestTheDoctorSeesWhatIsWrongOnAWS(t *testing.T) {
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		breaks func(*deployment)
		want   []string // status check: what is found, and what to do
	}{
		"nothing": {func(*deployment) {}, nil},
		"a deployment that was rolled back": {func(d *deployment) {
			d.stack.Status, d.stack.Reason = "UPDATE_ROLLBACK_COMPLETE", "no rights"
			d.SetStack("firebreak-prod", d.stack)
		}, []string{"warning stack: no rights", "firebreak deploy prod"}},
		"one that can't go on": {func(d *deployment) {
			d.stack.Status = "UPDATE_ROLLBACK_FAILED"
			d.SetStack("firebreak-prod", d.stack)
		}, []string{"failure stack: UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name firebreak-prod"}},
		"a lost parameter": {func(d *deployment) { delete(d.cloud.Stage.Params, "webhookSecret") },
			[]string{"failure parameters: the next deployment", `write webhookSecret: "` + hook}},
		"messages put aside": {func(d *deployment) {
			m := "m"
			_, err := sqs.NewFromConfig(d.cloud.Stack.Config).SendMessage(t.Context(),
				&sqs.SendMessageInput{QueueUrl: &d.dead, MessageBody: &m, MessageGroupId: &m})
			if err != nil {
				t.Fatal(err)
			}
		}, []string{"warning queues: 1 messages were put aside in DeadLetters", "RUNBOOK.md"}},
		"a queue that can't be looked at": {func(d *deployment) { d.Refuse("GetQueueAttributes", "AccessDenied") },
			[]string{"failure queues: AccessDenied", "docs/production-aws.md"}},
		"an alarm that rings": {func(d *deployment) {
			d.SetAlarms(awstest.Alarm{Name: "a-1", State: "ALARM", Actions: []string{topic}})
		}, []string{"warning alarms: SweepAlarm rings", "RUNBOOK.md"}},
		"an alarm that is switched off": {func(d *deployment) {
			d.SetAlarms(awstest.Alarm{Name: "a-1", State: "OK", Actions: []string{topic}, IsDisabled: true})
		}, []string{"failure alarms: SweepAlarm does nothing", "enable-alarm-actions --region eu-central-1 --alarm-names a-1"}},
		"an alarm that is gone": {func(d *deployment) { d.SetAlarms() },
			[]string{"failure alarms: SweepAlarm is gone", "Make one", "failure alarms: tell nobody", "firebreak deploy prod"}},
		"nobody is told": {func(d *deployment) { d.SetTopic(topic) },
			[]string{"failure alarms: nobody is told", `alarmEmail: "you@example.com"`}},
		"whoever is told has not agreed": {func(d *deployment) {
			d.SetTopic(topic, awstest.Subscription{ARN: "PendingConfirmation", Protocol: "email", Endpoint: "a@acme.example"})
		}, []string{"failure alarms: a@acme.example is to be told", "Confirm subscription"}},
		"another has not agreed": {func(d *deployment) {
			d.SetTopic(topic, awstest.Subscription{ARN: topic + ":1"}, awstest.Subscription{ARN: "PendingConfirmation",
				Endpoint: "b@acme.example"})
		}, []string{"warning alarms: b@acme.example", "Confirm subscription"}},
		"no rule set is active": {func(d *deployment) { d.SetActiveRules("") },
			[]string{"failure mail: takes no mails", "aws ses set-active-receipt-rule-set --region eu-central-1 --rule-set-name firebreak-prod"}},
		"another rule set is active": {func(d *deployment) { d.SetActiveRules("ours") },
			[]string{"failure mail: SES goes by the receipt rule set ours", `mailRuleSet: "ours"`}},
		"the rule is switched off": {func(d *deployment) { d.SetActiveRules("firebreak-prod", awstest.Rule{Name: "firebreak-prod"}) },
			[]string{"failure mail: switched off", "Switch it on"}},
		"a set of ours, which is active": {func(d *deployment) {
			d.cloud.Stage.Params["mailRuleSet"] = "ours"
			d.SetActiveRules("ours", awstest.Rule{Name: "firebreak-prod", Enabled: true})
		}, nil},
		"timers that are being deleted": {func(d *deployment) { d.SetScheduleGroup("firebreak-prod", "DELETING") },
			[]string{"failure timers: DELETING", "docs/production-aws.md"}},
		"an old secret": {func(d *deployment) { d.now = d.now.Add(366 * day) },
			[]string{"warning secrets: the webhook secret is 366 days old", "Rotate a secret"}},
		"a secret without a value": {func(d *deployment) { d.SetEmptySecret(hook) },
			[]string{"failure secrets: has no value", "put-secret-value --region eu-central-1 --secret-id " + hook}},
		"a secret that is not there": {func(d *deployment) { d.cloud.Stage.Params["servicesSecret"] = "arn:none" },
			[]string{"failure secrets: look at the secret arn:none", "Try again"}},
		"credentials that are over": {func(d *deployment) { d.Refuse("DescribeStacks", "ExpiredToken") },
			[]string{"failure stack: ExpiredToken", "aws sts get-caller-identity"}},
	} {
		d := deployed(t)
		c.breaks(d)
		var got []string
		for _, f := range d.cloud.Examine(t.Context()) {
			if f.Status != doctor.OK && f.Status != doctor.Skipped {
				got = append(got, fmt.Sprintf("%s %s: %s", f.Status, f.Check, f.Found), f.Mend)
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: found %q, want %q", name, got, c.want)
			continue
		}
		for i, want := range c.want {
			check, text, _ := strings.Cut(want, ": ")
			if i%2 == 1 {
				check, text = "", want
			}
			if !strings.HasPrefix(got[i], check) || !strings.Contains(got[i], text) {
				t.Errorf("%s: found %q, want %q", name, got[i], want)
			}
		}
	}
}

func TestTheDoctorComparesTheWebhookWithTheStack(t *testing.T) {
	s := open(t, templates.Repository())
	s.answer.Store(http.StatusAccepted)
	s.doctor.Deployed, s.doctor.Stage = "https://x.execute-api.eu-central-1.amazonaws.com/webhook", "prod"
	found := s.doctor.Examine(t.Context(), "", "")
	if !slices.ContainsFunc(found, func(f doctor.Finding) bool {
		return f.Check == "webhook" && f.Status == doctor.Failure && strings.Contains(f.Found, s.doctor.Deployed) &&
			strings.Contains(f.Mend, "firebreak deploy prod --webhook-only")
	}) {
		t.Errorf("%+v", found)
	}
}
