package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/aws/stack"
	"github.com/firebreak-dev/firebreak/app/stage"
)

// Cloud examines a deployment on AWS. It reads, and changes nothing.
type Cloud struct {
	Stack *stack.Stack
	Stage *stage.File
	Now   func() time.Time
	Told  func(step string, done, total int) // hears of each check as it begins

	found     []Finding
	described stack.Description
	parts     map[string]stack.Resource
}

// Described returns what CloudFormation said of the stack, and its parts, once it was examined.
func (c *Cloud) Described() (stack.Description, map[string]stack.Resource) {
	return c.described, c.parts
}

// Examine looks at the stack and at what it is made of.
func (c *Cloud) Examine(ctx context.Context) []Finding {
	c.found = nil
	checks := []struct {
		name string
		look func(context.Context) error
	}{{"stack", c.checkStack}, {"parameters", c.checkParameters}, {"queues", c.checkQueues}, {"alarms", c.checkAlarms},
		{"mail", c.checkMail}, {"timers", c.checkTimers}, {"secrets", c.checkSecrets}}
	for n, check := range checks {
		c.Told("checking AWS: "+check.name, n, len(checks))
		before := len(c.found)
		if c.parts == nil && n > 0 {
			c.add(Skipped, "not checked, because something before it failed", "")
		} else if err := check.look(ctx); err != nil {
			c.refuse(err)
		}
		for i := range c.found[before:] {
			c.found[before+i].Check = check.name
		}
	}
	return c.found
}

func (c *Cloud) add(s Status, found, mend string) {
	c.found = append(c.found, Finding{Status: s, Found: found, Mend: mend})
}

// refuse says what AWS did not answer.
func (c *Cloud) refuse(err error) {
	mend := "Try again; https://health.aws.amazon.com says whether AWS is out"
	switch text := err.Error(); {
	case strings.Contains(text, "AccessDenied"), strings.Contains(text, "AuthorizationError"):
		mend = "Let your AWS credentials do that: docs/production-aws.md lists what the doctor reads"
	case strings.Contains(text, "ExpiredToken"), strings.Contains(text, "InvalidClientTokenId"),
		strings.Contains(text, "needs credentials"), strings.Contains(text, "get credentials"):
		mend = "Sign in to AWS, so that `aws sts get-caller-identity` answers"
	}
	c.add(Failure, err.Error(), mend)
}

func (c *Cloud) deploy() string { return "`firebreak deploy " + c.Stage.Name + "`" }

// checkStack asks CloudFormation whether the last deployment went well.
func (c *Cloud) checkStack(ctx context.Context) error {
	d, err := c.Stack.Describe(ctx)
	if errors.Is(err, stack.ErrNone) {
		c.add(Failure, err.Error(), "Deploy it: "+c.deploy()+". Is it in another region? Then add region: to "+c.Stage.Path)
		return nil
	}
	if err != nil {
		return err
	}
	parts, err := c.Stack.Resources(ctx)
	if err != nil {
		return err
	}
	c.described, c.parts = d, parts
	says := fmt.Sprintf("%s in %s is %s", c.Stack.Name, c.Stack.Config.Region, d.Status)
	if d.Reason != "" {
		says += " (" + d.Reason + ")"
	}
	switch {
	case d.Status == "CREATE_COMPLETE" || d.Status == "UPDATE_COMPLETE":
		c.add(OK, says, "")
	case d.Status == "UPDATE_ROLLBACK_COMPLETE":
		c.add(Warning, says+": the last deployment failed, and the one before it runs", "See the stack's events in the AWS "+
			"console, mend the cause, and "+c.deploy())
	case strings.HasSuffix(d.Status, "_IN_PROGRESS"):
		c.add(Warning, says, "Wait until the deployment has ended, and look again")
	default:
		c.add(Failure, says, Recovery(c.Stage, d.Status))
	}
	return nil
}

// Recovery returns how a stack whose deployment failed can be deployed again.
func Recovery(of *stage.File, status string) string {
	by := " --stack-name " + of.Stack() + " --region " + of.Region()
	switch status {
	case "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED":
		return "Nothing runs of it. Delete it, then deploy again: `aws cloudformation delete-stack" + by + "`"
	case "UPDATE_ROLLBACK_FAILED":
		return "`aws cloudformation continue-update-rollback" + by + "`, then `firebreak deploy " + of.Name + "`"
	}
	return "See its events: `aws cloudformation describe-stack-events" + by + "`"
}

// checkParameters looks whether the next deployment would lose what this one has.
func (c *Cloud) checkParameters(context.Context) error {
	lost := c.Stage.Lost(c.described.Outputs, func(name string) bool { _, ok := c.parts[name]; return ok })
	for _, l := range lost {
		c.add(Failure, "the next deployment would lose a parameter", l)
	}
	if len(lost) == 0 {
		c.add(OK, fmt.Sprintf("%d are in %s", len(c.Stage.Params), c.Stage.Path), "")
	}
	return nil
}

// checkQueues counts what waits, and what was put aside.
func (c *Cloud) checkQueues(ctx context.Context) error {
	for _, q := range []struct{ part, mend string }{{"Queue", ""},
		{"DeadLetters", "A good sweep has them tried again, every six hours. What they are: RUNBOOK.md, A message was put " +
			"aside"},
		{"MailDeadLetters", "Each mail is still in the bucket: RUNBOOK.md, MailDeadLettersAlarm"}} {
		queue, ok := c.parts[q.part]
		if !ok {
			continue
		}
		waiting, out, err := c.Stack.Count(ctx, queue.Physical)
		switch {
		case err != nil:
			return err
		case q.mend == "":
			c.add(OK, fmt.Sprintf("%d messages wait, %d are being handled or wait for their time", waiting, out), "")
		case waiting+out > 0:
			c.add(Warning, fmt.Sprintf("%d messages were put aside in %s", waiting+out, q.part), q.mend)
		default:
			c.add(OK, "nothing was put aside in "+q.part, "")
		}
	}
	return nil
}

// checkAlarms looks for alarms that ring, that do nothing, and that nobody reads.
func (c *Cloud) checkAlarms(ctx context.Context) error {
	byName := map[string]string{}
	for logical, part := range c.parts {
		if part.Type == "AWS::CloudWatch::Alarm" {
			byName[part.Physical] = logical
		}
	}
	alarms, err := c.Stack.Alarms(ctx, slices.Sorted(maps.Keys(byName)))
	if err != nil {
		return err
	}
	topics := map[string]bool{}
	for _, a := range alarms {
		name := byName[a.Name]
		if a.State == "ALARM" {
			c.add(Warning, name+" rings", "RUNBOOK.md, Alarms, says what to do")
		}
		if !a.IsEnabled {
			c.add(Failure, name+" does nothing when it rings: somebody switched its actions off",
				"`aws cloudwatch enable-alarm-actions --region "+c.Stage.Region()+" --alarm-names "+a.Name+"`")
		}
		for _, arn := range a.Actions {
			topics[arn] = topics[arn] || strings.Contains(arn, ":sns:")
		}
		delete(byName, a.Name)
	}
	for _, gone := range slices.Sorted(maps.Values(byName)) {
		c.add(Failure, gone+" is gone: somebody deleted it", "CloudFormation takes it to be there still. Make one of that "+
			"name in CloudWatch, as serverless.yml describes it")
	}
	if len(topics) == 0 {
		c.add(Failure, "the alarms tell nobody", "Deploy again: "+c.deploy())
	}
	for _, topic := range slices.Sorted(maps.Keys(topics)) {
		if err := c.checkReaders(ctx, topic); err != nil {
			return err
		}
	}
	return nil
}

// checkReaders looks whether somebody is told of what goes to a topic.
func (c *Cloud) checkReaders(ctx context.Context, topic string) error {
	readers, err := c.Stack.Subscriptions(ctx, topic)
	if err != nil {
		return err
	}
	confirmed, waiting := 0, []string{}
	for _, r := range readers {
		switch {
		case r.IsConfirmed():
			confirmed++
		case r.ARN == "PendingConfirmation":
			waiting = append(waiting, r.Endpoint)
		}
	}
	name := topic[strings.LastIndex(topic, ":")+1:]
	status := Failure
	if confirmed > 0 {
		status = Warning
		c.add(OK, fmt.Sprintf("alarms go to %s, which %d read", name, confirmed), "")
	}
	for _, w := range waiting {
		c.add(status, w+" is to be told of alarms and has not agreed yet", "Open the email of AWS Notifications there, and "+
			"follow Confirm subscription. It is good for two days; after that subscribe again, in the topic "+name)
	}
	if confirmed == 0 && len(waiting) == 0 {
		c.add(Failure, "nobody is told of alarms: "+name+" has no readers",
			`Write alarmEmail: "you@example.com" into `+c.Stage.Path+", and "+c.deploy()+"; or subscribe to the topic")
	}
	return nil
}

// checkMail looks whether SES goes by the rule that takes mails.
func (c *Cloud) checkMail(ctx context.Context) error {
	if _, ok := c.parts["MailRule"]; !ok {
		c.add(OK, "no mails are taken (mailAddress)", "")
		return nil
	}
	active, rules, err := c.Stack.ActiveRules(ctx)
	name := c.Stack.Name // of the rule, and of the set unless another is given
	set := cmp.Or(c.Stage.Params["mailRuleSet"], name)
	activate := "`aws ses set-active-receipt-rule-set --region " + c.Stage.Region() + " --rule-set-name " + set + "`"
	switch {
	case err != nil:
		return err
	case active == "":
		c.add(Failure, "SES takes no mails: no receipt rule set is active", activate)
	case active != set:
		c.add(Failure, "SES goes by the receipt rule set "+active+", and not by "+set+", so no mail becomes a report",
			"Add the rule to that one: mailRuleSet: \""+active+"\" in "+c.Stage.Path+", and "+c.deploy()+
				". Or go by ours: "+activate)
	case !slices.Contains(rules, name):
		c.add(Failure, "the receipt rule "+name+" is switched off or gone, so no mail becomes a report",
			"Switch it on in the AWS console, under Amazon SES, Email receiving, "+set)
	default:
		c.add(OK, "SES goes by the receipt rule "+name, "")
	}
	return nil
}

// checkTimers looks at the group of the schedules.
func (c *Cloud) checkTimers(ctx context.Context) error {
	group, ok := c.parts["ScheduleGroup"]
	if !ok {
		c.add(Failure, "there is no group for timers", "Deploy again: "+c.deploy())
		return nil
	}
	state, err := c.Stack.ScheduleGroup(ctx, group.Physical)
	switch {
	case err != nil:
		return err
	case state != "ACTIVE":
		c.add(Failure, "the group of timers "+group.Physical+" is "+state+", so nothing is reminded of or escalated on time",
			"Somebody deletes it. Wait until it is gone, then delete the stack and deploy again: docs/production-aws.md")
	default:
		c.add(OK, "the group of timers "+group.Physical+" is there", "")
	}
	return nil
}

// old is how old a secret may be before it is worth a word.
const old = 365 * 24 * time.Hour

// checkSecrets looks at how old the secrets are, and whether they have a value. None is read.
func (c *Cloud) checkSecrets(ctx context.Context) error {
	ids := map[string]string{}
	for name, id := range map[string]string{"webhook secret": c.described.Outputs["WebhookSecret"],
		"private key": c.described.Outputs["PrivateKey"], "intake's token": c.described.Outputs["IntakeSecret"],
		"secret of freezes": c.Stage.Params["freezeSecret"], "secrets of services": c.Stage.Params["servicesSecret"]} {
		if id != "" {
			ids[name] = id
		}
	}
	for _, name := range slices.Sorted(maps.Keys(ids)) {
		s, err := c.Stack.Secret(ctx, ids[name])
		days := int(c.Now().Sub(s.Changed).Hours() / 24)
		switch {
		case err != nil:
			c.refuse(err)
		case !s.HasValue:
			c.add(Failure, "the "+name+" has no value", "`aws secretsmanager put-secret-value --region "+c.Stage.Region()+
				" --secret-id "+ids[name]+" --secret-string file://FILE`")
		case !s.Changed.IsZero() && c.Now().Sub(s.Changed) > old:
			c.add(Warning, fmt.Sprintf("the %s is %d days old", name, days), "SECURITY.md says how: Rotate a secret")
		default:
			c.add(OK, fmt.Sprintf("the %s is %d days old", name, days), "")
		}
	}
	return nil
}
