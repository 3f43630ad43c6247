// Package stack reads what a deployment is on AWS: its stack, and how its queues, alarms, mail rules, timers and
// secrets are. It is for a person's command, and changes nothing.
package stack

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// ErrNone is returned where there is no such stack.
var ErrNone = errors.New("there is no such stack")

// Stack is a stack of CloudFormation, by its name.
type Stack struct {
	Name   string
	Config aws.Config
}

// Description is what CloudFormation says of a stack.
type Description struct {
	Status, Reason string
	Outputs        map[string]string
}

// Describe returns what CloudFormation says of the stack.
func (s *Stack) Describe(ctx context.Context) (Description, error) {
	var answer struct {
		Stacks []struct {
			StackStatus       string
			StackStatusReason string
			Outputs           []struct {
				OutputKey   string
				OutputValue string
			} `xml:"Outputs>member"`
		} `xml:"DescribeStacksResult>Stacks>member"`
	}
	d := Description{Outputs: map[string]string{}}
	err := s.query(ctx, cloudFormation, "DescribeStacks", url.Values{"StackName": {s.Name}}, &answer)
	var refused *Error
	if errors.As(err, &refused) && refused.Code == "ValidationError" &&
		strings.Contains(refused.Message, "does not exist") {
		return d, fmt.Errorf("%s in %s: %w", s.Name, s.Config.Region, ErrNone)
	}
	if err != nil {
		return d, err
	}
	if len(answer.Stacks) != 1 {
		return d, fmt.Errorf("DescribeStacks: %d stacks are called %s", len(answer.Stacks), s.Name)
	}
	of := answer.Stacks[0]
	d.Status, d.Reason = of.StackStatus, of.StackStatusReason
	for _, o := range of.Outputs {
		d.Outputs[o.OutputKey] = o.OutputValue
	}
	return d, nil
}

// Resource is a part of the stack. Physical is its name, address or ARN.
type Resource struct {
	Logical  string `xml:"LogicalResourceId"`
	Physical string `xml:"PhysicalResourceId"`
	Type     string `xml:"ResourceType"`
	Status   string `xml:"ResourceStatus"`
}

// IsGone reports whether the resource was deleted.
func (r Resource) IsGone() bool { return r.Status == "DELETE_COMPLETE" }

// maxPages bounds how many pages of a list are read.
const maxPages = 50

// Resources returns the parts of the stack that are there, by their names in the template.
func (s *Stack) Resources(ctx context.Context) (map[string]Resource, error) {
	all := map[string]Resource{}
	err := pages(ctx, s, cloudFormation, "ListStackResources", url.Values{"StackName": {s.Name}}, func(answer struct {
		List []Resource `xml:"ListStackResourcesResult>StackResourceSummaries>member"`
		Next string     `xml:"ListStackResourcesResult>NextToken"`
	}) string {
		for _, r := range answer.List {
			if !r.IsGone() {
				all[r.Logical] = r
			}
		}
		return answer.Next
	})
	return all, err
}

// pages reads a list to its end. take takes a page, and returns the token of the next one; empty: it is the last.
func pages[P any](ctx context.Context, s *Stack, of service, action string, params url.Values,
	take func(page P) (next string)) error {
	for range maxPages {
		var page P
		if err := s.query(ctx, of, action, params, &page); err != nil {
			return err
		}
		next := take(page)
		if next == "" {
			return nil
		}
		params.Set("NextToken", next)
	}
	return fmt.Errorf("%s: there are more than %d pages", action, maxPages)
}

// Alarm is an alarm of CloudWatch.
type Alarm struct {
	Name      string   `xml:"AlarmName"`
	State     string   `xml:"StateValue"`
	IsEnabled bool     `xml:"ActionsEnabled"`
	Actions   []string `xml:"AlarmActions>member"`
}

// Alarms returns the alarms with these names, up to a hundred.
func (s *Stack) Alarms(ctx context.Context, names []string) (all []Alarm, err error) {
	params := url.Values{}
	for i, name := range names {
		params.Set("AlarmNames.member."+strconv.Itoa(i+1), name)
	}
	err = pages(ctx, s, cloudWatch, "DescribeAlarms", params, func(answer struct {
		List []Alarm `xml:"DescribeAlarmsResult>MetricAlarms>member"`
		Next string  `xml:"DescribeAlarmsResult>NextToken"`
	}) string {
		all = append(all, answer.List...)
		return answer.Next
	})
	return all, err
}

// Subscription is one of an SNS topic.
type Subscription struct {
	ARN      string `xml:"SubscriptionArn"`
	Protocol string `xml:"Protocol"`
	Endpoint string `xml:"Endpoint"`
}

// IsConfirmed reports whether its reader has agreed, and so is told.
func (s Subscription) IsConfirmed() bool { return strings.HasPrefix(s.ARN, "arn:") }

// Subscriptions returns those of a topic.
func (s *Stack) Subscriptions(ctx context.Context, topic string) (all []Subscription, err error) {
	err = pages(ctx, s, sns, "ListSubscriptionsByTopic", url.Values{"TopicArn": {topic}}, func(answer struct {
		List []Subscription `xml:"ListSubscriptionsByTopicResult>Subscriptions>member"`
		Next string         `xml:"ListSubscriptionsByTopicResult>NextToken"`
	}) string {
		all = append(all, answer.List...)
		return answer.Next
	})
	return all, err
}

// ActiveRules returns the active receipt rule set of SES, "" where none is, and its rules that are enabled.
func (s *Stack) ActiveRules(ctx context.Context) (set string, enabled []string, err error) {
	var answer struct {
		Name  string `xml:"DescribeActiveReceiptRuleSetResult>Metadata>Name"`
		Rules []struct {
			Name    string
			Enabled bool
		} `xml:"DescribeActiveReceiptRuleSetResult>Rules>member"`
	}
	if err := s.query(ctx, ses, "DescribeActiveReceiptRuleSet", nil, &answer); err != nil {
		return "", nil, err
	}
	for _, r := range answer.Rules {
		if r.Enabled {
			enabled = append(enabled, r.Name)
		}
	}
	return answer.Name, enabled, nil
}

// Count returns about how many messages of a queue wait, and how many are handed out or wait for their time.
func (s *Stack) Count(ctx context.Context, queue string) (waiting, out int, err error) {
	const visible, hidden, delayed = types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed
	q, err := sqs.NewFromConfig(s.Config).GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: aws.String(queue), AttributeNames: []types.QueueAttributeName{visible, hidden, delayed}})
	if err != nil {
		return 0, 0, fmt.Errorf("count what is in %s: %w", queue, err)
	}
	number := func(name types.QueueAttributeName) int {
		n, _ := strconv.Atoi(q.Attributes[string(name)])
		return n
	}
	return number(visible), number(hidden) + number(delayed), nil
}

// ScheduleGroup returns the state of a group of schedules: ACTIVE or DELETING.
func (s *Stack) ScheduleGroup(ctx context.Context, name string) (state string, err error) {
	g, err := scheduler.NewFromConfig(s.Config).GetScheduleGroup(ctx,
		&scheduler.GetScheduleGroupInput{Name: aws.String(name)})
	if err != nil {
		return "", fmt.Errorf("look at the group of schedules %s: %w", name, err)
	}
	return string(g.State), nil
}

// Secret is what Secrets Manager says of a secret, without its value.
type Secret struct {
	Changed  time.Time // zero: AWS does not know
	HasValue bool
}

// Secret looks at a secret by its name or ARN.
func (s *Stack) Secret(ctx context.Context, id string) (Secret, error) {
	d, err := secretsmanager.NewFromConfig(s.Config).DescribeSecret(ctx,
		&secretsmanager.DescribeSecretInput{SecretId: aws.String(id)})
	if err != nil {
		return Secret{}, fmt.Errorf("look at the secret %s: %w", id, err)
	}
	found := Secret{Changed: aws.ToTime(d.LastChangedDate)}
	if found.Changed.IsZero() {
		found.Changed = aws.ToTime(d.CreatedDate)
	}
	for _, stages := range d.VersionIdsToStages {
		for _, stage := range stages {
			found.HasValue = found.HasValue || stage == "AWSCURRENT"
		}
	}
	return found, nil
}
