package functions_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/metrics"
)

const schedules = "arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule/${ScheduleGroup}/"

// Every permission that exists is here.
func TestPermissionsAreTheseAndNoOther(t *testing.T) {
	logs := func(function string, more ...string) []string {
		all := append(more, "logs:CreateLogStream on "+function+"LogGroup.Arn",
			"logs:PutLogEvents on "+function+"LogGroup.Arn")
		slices.Sort(all)
		return all
	}
	timers := []string{"iam:PassRole on TimerRole.Arn if iam:PassedToService=scheduler.amazonaws.com"}
	for _, verb := range []string{"Create", "Delete", "Get", "Update"} {
		timers = append(timers, "scheduler:"+verb+"Schedule on "+schedules+"clock-*",
			"scheduler:"+verb+"Schedule on "+schedules+"message-*")
	}
	const (
		send  = "sqs:SendMessage on Queue.Arn"
		hook  = "secretsmanager:GetSecretValue on WebhookSecret"
		token = "secretsmanager:GetSecretValue on IntakeSecret"
		key   = "secretsmanager:GetSecretValue on PrivateKey"
		out   = "secretsmanager:GetSecretValue on OutboundSecret"
		sign  = "kms:Sign on arn:kms:key if kms:SigningAlgorithm=RSASSA_PKCS1_V1_5_SHA_256"
		email = "ses:SendEmail on arn:ses:identity"
		mails = "s3:GetObject on ${MailBucket.Arn}/mail/*"
		aside = "sqs:SendMessage on MailDeadLetters.Arn"

		all   = "secretsmanager:GetSecretValue on arn:services"
		signs = "secretsmanager:GetSecretValue on arn:slack"
		thaw  = "secretsmanager:GetSecretValue on arn:freeze"

		storedHook = "secretsmanager:GetSecretValue on arn:stored:webhook-secret"
		storedKey  = "secretsmanager:GetSecretValue on arn:stored:private-key"
	)
	var dead []string // the sweep takes back what was put aside
	for _, action := range []string{"DeleteMessage", "GetQueueAttributes", "ListMessageMoveTasks", "ReceiveMessage",
		"StartMessageMoveTask"} {
		dead = append(dead, "sqs:"+action+" on DeadLetters.Arn")
	}
	shelf := []string{"s3:GetObject on ${ShelfBucket.Arn}/*", "s3:ListBucket on ShelfBucket.Arn",
		"s3:PutObject on ${ShelfBucket.Arn}/*"}
	received := []string{"sqs:ChangeMessageVisibility on Queue.Arn", "sqs:DeleteMessage on Queue.Arn",
		"sqs:GetQueueAttributes on Queue.Arn", "sqs:ReceiveMessage on Queue.Arn", send}
	for name, c := range map[string]struct {
		params []string
		want   map[string][]string
	}{
		"with what must be given": {[]string{"appId=17"}, map[string][]string{
			"WebhookRole": logs("Webhook", send, hook),
			"IntakeRole":  logs("Intake", slices.Concat(shelf, []string{send, hook, token, key})...),
			"SlackRole":   logs("Slack", slices.Concat(shelf, []string{send, hook, token, key})...),
			"WorkerRole":  logs("Worker", slices.Concat(shelf, timers, received, []string{hook, key})...),
			"SweepRole":   logs("Sweep", slices.Concat(dead, []string{send, key})...),
			"TimerRole":   {send},
		}},
		"with everything": {everything, map[string][]string{
			"WebhookRole": logs("Webhook", send, hook),
			"IntakeRole": logs("Intake",
				slices.Concat(shelf, []string{send, hook, token, out, all, sign, email, mails,
					"s3:ListBucket on MailBucket.Arn", aside})...),
			"SlackRole": logs("Slack", slices.Concat(shelf, []string{send, hook, signs, out, all, sign, email})...),
			"WorkerRole": logs("Worker",
				slices.Concat(shelf, timers, received, []string{hook, out, all, thaw, sign, email})...),
			"SweepRole": logs("Sweep", slices.Concat(dead, []string{send, sign, thaw})...),
			"TimerRole": {send},
		}},
		"with secrets that are there": {kept, map[string][]string{
			"WebhookRole": logs("Webhook", send, storedHook),
			"IntakeRole": logs("Intake",
				slices.Concat(shelf, []string{send, storedHook, token, storedKey})...),
			"SlackRole": logs("Slack", slices.Concat(shelf, []string{send, storedHook, token, storedKey})...),
			"WorkerRole": logs("Worker",
				slices.Concat(shelf, timers, received, []string{storedHook, storedKey})...),
			"SweepRole": logs("Sweep", slices.Concat(dead, []string{send, storedKey})...),
			"TimerRole": {send},
		}},
	} {
		x := packaged(t, c.params...)
		got := map[string][]string{}
		for role, r := range x.of("AWS::IAM::Role") {
			got[role] = x.may(role)
			if r["ManagedPolicyArns"] != nil {
				t.Errorf("%s: %s has managed policies %v", name, role, r["ManagedPolicyArns"])
			}
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
		for kind := range map[string]bool{"AWS::IAM::Policy": true, "AWS::IAM::ManagedPolicy": true,
			"AWS::IAM::RolePolicy": true} {
			if others := x.of(kind); len(others) > 0 {
				t.Errorf("%s: permissions stand elsewhere too: %v", name, others)
			}
		}
		trust := x.Resources["TimerRole"].Properties["AssumeRolePolicyDocument"].(map[string]any)["Statement"].([]any)[0].(map[string]any)
		if got := x.when(trust["Condition"]); got != "if aws:SourceAccount=AWS::AccountId and "+
			"aws:SourceArn=ScheduleGroup.Arn" {
			t.Errorf("%s: timers are trusted %s", name, got)
		}
	}
}

func TestNothingIsPublicButTheEndpoints(t *testing.T) {
	x := packaged(t, "appId=17")
	var routes []string
	for _, r := range x.of("AWS::ApiGatewayV2::Route") {
		routes = append(routes, x.text(r["RouteKey"]))
	}
	slices.Sort(routes)
	if want := []string{"ANY /a/{token}", "ANY /intake/slack", "ANY /intake/{source}",
		"GET /calendar/{secret}/{owner}/{repo}/{name}", "POST /webhook"}; !slices.Equal(routes, want) {
		t.Errorf("routes %q, want %q", routes, want)
	}
	permissions := map[string]string{}
	for name, p := range x.of("AWS::Lambda::Permission") {
		permissions[name] = x.text(p["Principal"]) + " for " + x.text(p["SourceArn"]) + " may call " +
			x.text(p["FunctionName"])
	}
	api := "apigateway.amazonaws.com for " +
		"arn:AWS::Partition:execute-api:AWS::Region:AWS::AccountId:HttpApi/* may call "
	if d := cmp.Diff(map[string]string{
		"WebhookLambdaPermissionHttpApi": api + "WebhookLambdaFunction.Arn",
		"IntakeLambdaPermissionHttpApi":  api + "IntakeLambdaFunction.Arn",
		"SlackLambdaPermissionHttpApi":   api + "SlackLambdaFunction.Arn",
		"SweepLambdaPermissionEventsRuleSchedule1": "events.amazonaws.com for " +
			"SweepEventsRuleSchedule1.Arn may call SweepLambdaFunction.Arn",
	}, permissions); d != "" {
		t.Error(d)
	}
	for _, kind := range []string{"AWS::Lambda::Url", "AWS::SQS::QueuePolicy",
		"AWS::SecretsManager::ResourcePolicy", "AWS::SNS::TopicPolicy", "AWS::ApiGateway::RestApi"} {
		if others := x.of(kind); len(others) > 0 {
			t.Errorf("there is %s: %v", kind, others)
		}
	}
	for name, b := range x.of("AWS::S3::Bucket") {
		block, _ := b["PublicAccessBlockConfiguration"].(map[string]any)
		if len(block) != 4 || slices.Contains(slices.Collect(maps.Values(block)), any(false)) {
			t.Errorf("%s may be public: %v", name, block)
		}
	}
	for name, p := range x.of("AWS::S3::BucketPolicy") {
		for _, s := range p["PolicyDocument"].(map[string]any)["Statement"].([]any) {
			if s.(map[string]any)["Effect"] != "Deny" {
				t.Errorf("%s allows %v", name, s)
			}
		}
	}
}

// A new account may run ten functions at a time, and must leave that: nothing is reserved unless asked for. The queue
// has a bound of its own.
func TestANewAccountDeploys(t *testing.T) {
	for _, f := range packaged(t, "appId=17").of("AWS::Lambda::Function") {
		if n := f["ReservedConcurrentExecutions"]; n != nil {
			t.Errorf("%v reserves %v", f["FunctionName"], n)
		}
	}
	x := packaged(t, "appId=17", "webhookConcurrency=20", "intakeConcurrency=10", "slackConcurrency=5", "sweepConcurrency=1", "workerConcurrency=10")
	for logical, want := range map[string]string{"WebhookLambdaFunction": "20", "IntakeLambdaFunction": "10", "SlackLambdaFunction": "5",
		"SweepLambdaFunction": "1"} {
		if n := fmt.Sprint(x.Resources[logical].Properties["ReservedConcurrentExecutions"]); n != want {
			t.Errorf("%s reserves %s, want %s", logical, n, want)
		}
	}
	for _, m := range x.of("AWS::Lambda::EventSourceMapping") {
		if n := fmt.Sprint(m["ScalingConfig"]); n != "map[MaximumConcurrency:10]" {
			t.Errorf("the queue is worked at by %s", n)
		}
	}
}

// The worker and the sweep ask the process for freezes, where there is one, and no other function knows its secret.
func TestTheProcessForFreezes(t *testing.T) {
	x := packaged(t, everything...)
	for logical, f := range x.of("AWS::Lambda::Function") {
		env := f["Environment"].(map[string]any)["Variables"].(map[string]any)
		name := strings.TrimSuffix(logical, "LambdaFunction")
		address, secret := "", ""
		if name == "Worker" || name == "Sweep" {
			address, secret = "https://freezer.acme.example", "secretsmanager:arn:freeze"
		}
		gotAddress, gotSecret := "", ""
		if v, ok := env["FIREBREAK_FREEZE_URL"]; ok {
			gotAddress, gotSecret = x.text(v), x.text(env["FIREBREAK_FREEZE_SECRET"])
		}
		if gotAddress != address || gotSecret != secret {
			t.Errorf("%s: %q with %q", name, gotAddress, gotSecret)
		}
	}
}

func TestTheFunctions(t *testing.T) {
	x := packaged(t, everything...)
	functions := x.of("AWS::Lambda::Function")
	if len(functions) != 5 {
		t.Errorf("%d functions", len(functions))
	}
	for logical, f := range functions {
		name := strings.TrimSuffix(logical, "LambdaFunction")
		if x.text(f["Runtime"]) != "provided.al2023" || x.text(f["Architectures"]) != "arm64" ||
			f["Handler"] != "bootstrap" || x.text(f["Role"]) != name+"Role.Arn" ||
			f["ReservedConcurrentExecutions"] != nil || f["TracingConfig"] != nil {
			t.Errorf("%s: %v", name, f)
		}
		log := x.Resources[name+"LogGroup"]
		if log.Type != "AWS::Logs::LogGroup" || x.text(log.Properties["RetentionInDays"]) != "30" ||
			log.Properties["LogGroupName"] != "/aws/lambda/"+x.text(f["FunctionName"]) {
			t.Errorf("%s logs to %v", name, log)
		}
		env := f["Environment"].(map[string]any)["Variables"].(map[string]any)
		if env["FIREBREAK_DEPLOYMENT"] != "firebreak-prod" {
			t.Errorf("%s measures for %v", name, env["FIREBREAK_DEPLOYMENT"])
		}
		for variable, value := range env {
			text := x.text(value)
			if (strings.Contains(variable, "SECRET") || strings.HasSuffix(variable, "PRIVATE_KEY")) &&
				text != "" && !strings.HasPrefix(text, "secretsmanager:") {
				t.Errorf("%s holds the secret %s=%s itself", name, variable, text)
			}
		}
		if name == "Webhook" {
			got := slices.Sorted(maps.Keys(env))
			if want := []string{"FIREBREAK_APP_ID", "FIREBREAK_APP_SLUG", "FIREBREAK_DEPLOYMENT",
				"FIREBREAK_QUEUE_URL", "FIREBREAK_SLACK_COMMENTS", "FIREBREAK_WEBHOOK_SECRET"}; !slices.Equal(got, want) {
				t.Errorf("the webhook function knows %q, want %q", got, want)
			}
		}
	}
	mapping := x.Resources["WorkerEventSourceMappingSQSQueue"].Properties
	if x.text(mapping["FunctionResponseTypes"]) != "ReportBatchItemFailures" ||
		x.text(mapping["EventSourceArn"]) != "Queue.Arn" || mapping["ScalingConfig"] == nil {
		t.Errorf("the worker is fed by %v", mapping)
	}
	if rule := x.Resources["SweepEventsRuleSchedule1"].Properties; rule["ScheduleExpression"] != "rate(5 minutes)" ||
		rule["State"] != "ENABLED" {
		t.Errorf("the sweep comes at %v", rule)
	}
}

func TestTheQueueAndItsAlarms(t *testing.T) {
	x := packaged(t, everything...)
	queue, dead := x.Resources["Queue"].Properties, x.Resources["DeadLetters"].Properties
	for name, q := range map[string]map[string]any{"Queue": queue, "DeadLetters": dead} {
		if q["FifoQueue"] != true || q["ContentBasedDeduplication"] != true ||
			q["SqsManagedSseEnabled"] != true || q["MessageRetentionPeriod"] != 1209600.0 ||
			q["MaximumMessageSize"] != 1048576.0 || !strings.HasSuffix(x.text(q["QueueName"]), ".fifo") {
			t.Errorf("%s is %v", name, q)
		}
	}
	redrive := queue["RedrivePolicy"].(map[string]any)
	if x.text(redrive["deadLetterTargetArn"]) != "DeadLetters.Arn" ||
		x.text(redrive["maxReceiveCount"]) != "10" {
		t.Errorf("dead letters: %v", redrive)
	}
	// Lambda asks for a visibility timeout of six times the function's.
	// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
	if timeout := x.Resources["WorkerLambdaFunction"].Properties["Timeout"].(float64); queue["VisibilityTimeout"].(float64) < 6*timeout {
		t.Errorf("a message is hidden for %v s, while the function may run for %v s",
			queue["VisibilityTimeout"], timeout)
	}
	alarms := map[string]string{}
	for name, a := range x.of("AWS::CloudWatch::Alarm") {
		of := a["Dimensions"].([]any)[0].(map[string]any)
		alarms[name] = fmt.Sprintf("%v %v of %s %s %v", a["Namespace"], a["MetricName"], x.text(of["Value"]),
			a["ComparisonOperator"], a["Threshold"])
		alarms[name] = strings.NewReplacer("GreaterThanThreshold", ">", "LessThanThreshold", "<").Replace(alarms[name])
		if a["AlarmDescription"] == nil {
			t.Errorf("%s: %v", name, a)
		}
	}
	if d := cmp.Diff(map[string]string{
		"DeadLettersAlarm":     "AWS/SQS ApproximateNumberOfMessagesVisible of DeadLetters.QueueName > 0",
		"MailDeadLettersAlarm": "AWS/SQS ApproximateNumberOfMessagesVisible of MailDeadLetters.QueueName > 0",
		"QueueAgeAlarm":        "AWS/SQS ApproximateAgeOfOldestMessage of Queue.QueueName > 900",
		"TimersAlarm":          "AWS/Scheduler InvocationDroppedCount of ScheduleGroup > 0",
		"WebhookAlarm":         "AWS/Lambda Errors of WebhookLambdaFunction > 0",
		"IntakeAlarm":          "AWS/Lambda Errors of IntakeLambdaFunction > 0",
		"SlackAlarm":           "AWS/Lambda Errors of SlackLambdaFunction > 0",
		// The names and the dimension are those of the lines that the functions write.
		"UnstoredAlarm":         "Firebreak " + metrics.Unstored.Name + " of firebreak-prod > 0",
		"SelfTestsMissingAlarm": "Firebreak " + metrics.SelfTestsOverdue.Name + " of firebreak-prod > 0",
		"SweepAlarm":            "Firebreak " + metrics.GoodSweeps.Name + " of firebreak-prod < 1",
		"PagesFailedAlarm":      "Firebreak " + metrics.PageFailures.Name + " of firebreak-prod > 0",
		"SelfTestsAlarm":        "Firebreak " + metrics.SelfTestFailures.Name + " of firebreak-prod > 0",
		"UpdatesOverdueAlarm":   "Firebreak " + metrics.UpdatesOverdue.Name + " of firebreak-prod > 0",
	}, alarms); d != "" {
		t.Error(d)
	}
	for name, s := range x.of("AWS::SecretsManager::Secret") {
		if s["SecretString"] != nil {
			t.Errorf("%s holds its value in the template", name)
		}
	}
	for _, name := range []string{"WebhookURL", "IntakeURL", "WebhookSecret", "IntakeSecret", "DeadLetters"} {
		if x.Outputs[name] == nil {
			t.Errorf("the output %s is missing", name)
		}
	}
}

// Whoever is woken by an alarm finds it in the runbook.
func TestEveryAlarmIsInTheRunbook(t *testing.T) {
	text, err := os.ReadFile("../serverless.yml")
	if err != nil {
		t.Fatal(err)
	}
	runbook, err := os.ReadFile("../RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	alarms := regexp.MustCompile(`(?m)^    ([A-Za-z]+Alarm):$`).FindAllStringSubmatch(string(text), -1)
	if len(alarms) != 13 {
		t.Errorf("%d alarms", len(alarms))
	}
	for _, a := range alarms {
		if !strings.Contains(string(runbook), "\n| `"+a[1]+"` |") {
			t.Errorf("RUNBOOK.md does not say what to do about %s", a[1])
		}
	}
}

func TestEveryParameterIsExplained(t *testing.T) {
	text, err := os.ReadFile("../serverless.yml")
	if err != nil {
		t.Fatal(err)
	}
	_, params, _ := strings.Cut(string(text), "\nparams:\n  default:\n")
	params, _, _ = strings.Cut(params, "\n\n")
	explained, n := false, 0
	for line := range strings.Lines(params) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch {
		case strings.HasPrefix(name, "#"):
			explained = true
		default:
			if n++; !explained && !strings.Contains(rest, "# ") {
				t.Errorf("%s is not explained", name)
			}
			if !regexp.MustCompile(`\$\{(opt:region, )?param:`+name+`\b`).Match(text) ||
				!strings.Contains(rest, "${self:custom.stage."+name) {
				t.Errorf("%s is not used", name)
			}
		}
	}
	if n < 10 {
		t.Errorf("%d parameters found", n)
	}
}
