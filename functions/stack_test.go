// Package functions_test runs the functions' own binaries, as Lambda does, against what is in
// for AWS and GitHub.
package functions_test

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/golang-jwt/jwt/v4"

	"github.com/firebreak-dev/firebreak/app/aws"
	"github.com/firebreak-dev/firebreak/app/aws/awstest"
	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/demo"
	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/functions/lambdatest"
	"github.com/firebreak-dev/firebreak/templates"
)

// folder is where the functions' binaries are.
var folder string

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "firebreak"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

var builds = map[string]func() (string, error){"webhook": once("webhook"), "worker": once("worker"),
	"intake": once("intake"), "slack": once("slack"), "sweep": once("sweep")}

func once(name string) func() (string, error) {
	return sync.OnceValues(func() (string, error) { return lambdatest.Build(folder, "./"+name) })
}

// binary returns a function, built once.
func binary(t testing.TB, name string) string {
	t.Helper()
	path, err := builds[name]()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// start starts a function until the end of the test.
func start(t testing.TB, name string, environ []string) *lambdatest.Function {
	t.Helper()
	f, err := lambdatest.Start(binary(t, name), patience, environ)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Stop)
	return f
}

// settings are what a test wants otherwise.
type settings struct {
	kms      bool         // the App's key is in KMS
	rotating bool         // GitHub still signs with the secret before
	sqs      http.Handler // serves SQS; nil: the double does
	receives int          // after how many tries a message is dead; 0: 20
	twin     bool         // two processes of the worker take turns
	config   string       // of acme/incidents; empty: as init writes it
}

// stack is the product on AWS: GitHub → webhook → queue → worker → schedules → queue.
type stack struct {
	t       *testing.T
	url     string // GitHub's
	box     *sandbox.Sandbox
	aws     *awstest.AWS
	sqs     *sqs.Client
	queue   string // address
	webhook *lambdatest.Function
	intake  *lambdatest.Function
	slack   *lambdatest.Function // nil: what Slack sends goes nowhere
	worker  *lambdatest.Function
	sweep   *lambdatest.Function
	twin    *lambdatest.Function // another worker, which takes every other batch; nil: there is one

	coldIntake, coldSlack, coldWorker func() // put a new process in its place

	mu       sync.Mutex
	batches  []events.SQSEvent // that the worker was given
	turns    int
	schedule bool // the queue is elsewhere: schedules that are due are sent there

	death death
}

const (
	visibility = 12 * time.Minute
	patience   = 30 * time.Second
)

func newStack(t *testing.T, o settings) *stack {
	t.Helper()
	s := &stack{t: t, schedule: o.sqs != nil}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.url = server.URL
	mux.HandleFunc("POST /webhook", func(w http.ResponseWriter, r *http.Request) { s.gateway(s.webhook, w, r) })
	mux.HandleFunc("/intake/slack", func(w http.ResponseWriter, r *http.Request) {
		s.gateway(s.slack, w, r)
	})
	mux.HandleFunc("/intake/{source}", func(w http.ResponseWriter, r *http.Request) {
		s.gateway(s.intake, w, r)
	})

	files := templates.Repository()
	if o.config != "" {
		files[config.Path] = o.config
	}
	// Secrets are kept and rotated by the real clock, so the virtual one begins near it, at the
	// same minute of the hour always: what the sweep looks at hourly hangs on that.
	box, err := demo.New(sandbox.Options{URL: s.url, WebhookURL: s.url + "/webhook", Frozen: true,
		Start: time.Now().UTC().Truncate(time.Hour).Add(15 * time.Minute),
		Files: map[string]map[string]string{"acme/incidents": files}, Follower: s})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	s.box = box
	mux.Handle("/", s.death.between(s, box.Handler()))

	s.aws = awstest.New(t, box.Clock().Now)
	s.aws.Answered = s.death.hear
	if o.receives == 0 {
		o.receives = 20
	}
	url, arn := s.aws.AddQueue("firebreak.fifo",
		awstest.QueueOptions{Visibility: visibility, Receives: o.receives})
	if o.sqs != nil {
		s.aws.ServeSQS(o.sqs)
	}
	cfg, err := aws.Config(s.aws.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	s.sqs, s.queue = sqs.NewFromConfig(cfg), url
	if o.sqs != nil {
		s.queue = s.makeQueue(o.receives)
	}

	env := box.Environment()
	s.aws.SetSecret("firebreak/webhook", env["FIREBREAK_WEBHOOK_SECRET"])
	if o.rotating {
		s.aws.SetSecret("firebreak/webhook", "the secret to come")
	}
	env["FIREBREAK_WEBHOOK_SECRET"] = "secretsmanager:firebreak/webhook"
	if o.kms {
		key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(env["FIREBREAK_PRIVATE_KEY"]))
		if err != nil {
			t.Fatal(err)
		}
		s.aws.SetKey("alias/firebreak", key)
		delete(env, "FIREBREAK_PRIVATE_KEY")
		env["FIREBREAK_KMS_KEY"] = "alias/firebreak"
	} else {
		if block, _ := pem.Decode([]byte(env["FIREBREAK_PRIVATE_KEY"])); block == nil {
			t.Fatal("the sandbox returns no key")
		}
		s.aws.SetSecret("firebreak/key", env["FIREBREAK_PRIVATE_KEY"])
		env["FIREBREAK_PRIVATE_KEY"] = "secretsmanager:firebreak/key"
	}
	s.aws.SetParameter("/firebreak/outbound", env["FIREBREAK_OUTBOUND_SECRET"])
	env["FIREBREAK_OUTBOUND_SECRET"] = "ssm:/firebreak/outbound"
	env["FIREBREAK_QUEUE_URL"], env["FIREBREAK_QUEUE_ARN"] = s.queue, arn
	env["FIREBREAK_SCHEDULE_GROUP"], env["FIREBREAK_SCHEDULE_ROLE"] = "firebreak-test",
		"arn:aws:iam::123456789012:role/firebreak-timers"
	begin := func(name string, env map[string]string, only ...string) *lambdatest.Function {
		environ := s.aws.Environ()
		for k, v := range env {
			if len(only) == 0 || strings.Contains(strings.Join(only, " "), k) {
				environ = append(environ, k+"="+v)
			}
		}
		return start(t, name, environ)
	}
	// What serverless.yml passes to each of them, and no more.
	s.webhook = begin("webhook", env, "FIREBREAK_APP_ID", "FIREBREAK_WEBHOOK_SECRET", "FIREBREAK_QUEUE_URL")
	env["FIREBREAK_SHELF"] = "s3://firebreak-shelf/"
	working := maps.Clone(env)
	working["FIREBREAK_QUEUE_TRIES"] = fmt.Sprint(o.receives)
	s.coldWorker = func() { s.worker = begin("worker", working) }
	s.coldWorker()
	if o.twin {
		s.twin = begin("worker", working)
	}
	env["FIREBREAK_INTAKE_REPOSITORY"], env["FIREBREAK_INTAKE_SECRET"] = "acme/incidents",
		"secretsmanager:firebreak/intake"
	env["FIREBREAK_INTAKE_MAILS"] = "s3://firebreak-mails/mail/"
	delete(env, "FIREBREAK_SCHEDULE_GROUP")
	s.aws.SetSecret("firebreak/intake", "token")
	s.coldIntake = func() { s.intake = begin("intake", env) }
	s.coldIntake()
	s.coldSlack = func() {
		env := maps.Clone(env)
		env["FIREBREAK_INTAKE_SLACK_SECRET"] = "secretsmanager:firebreak/slack"
		delete(env, "FIREBREAK_INTAKE_SECRET")
		delete(env, "FIREBREAK_INTAKE_MAILS")
		s.slack = begin("slack", env)
	}
	s.sweep = begin("sweep", env, "FIREBREAK_GITHUB_URL", "FIREBREAK_APP_ID", "FIREBREAK_PRIVATE_KEY",
		"FIREBREAK_KMS_KEY", "FIREBREAK_QUEUE_URL", "FIREBREAK_CLOCK_URL")
	return s
}

// makeQueue makes the queue where SQS is served by another emulator, as serverless.yml describes it.
func (s *stack) makeQueue(receives int) string {
	s.t.Helper()
	create := func(name string, attributes map[string]string) string {
		attributes["FifoQueue"], attributes["ContentBasedDeduplication"] = "true", "true"
		out, err := s.sqs.CreateQueue(s.t.Context(),
			&sqs.CreateQueueInput{QueueName: awssdk.String(name), Attributes: attributes})
		if err != nil {
			s.t.Fatal(err)
		}
		return awssdk.ToString(out.QueueUrl)
	}
	dead := create("firebreak-dead.fifo", map[string]string{})
	out, err := s.sqs.GetQueueAttributes(s.t.Context(),
		&sqs.GetQueueAttributesInput{QueueUrl: awssdk.String(dead),
			AttributeNames: []types.QueueAttributeName{"QueueArn"}})
	if err != nil {
		s.t.Fatal(err)
	}
	return create("firebreak.fifo",
		map[string]string{"VisibilityTimeout": fmt.Sprint(int(visibility.Seconds())),
			"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"%d"}`,
				out.Attributes["QueueArn"], receives)})
}

// gateway is the HTTP API before a function.
func (s *stack) gateway(f *lambdatest.Function, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	e := events.APIGatewayV2HTTPRequest{Version: "2.0", RawPath: r.URL.Path, RawQueryString: r.URL.RawQuery,
		Headers: map[string]string{},
		Body:    base64.StdEncoding.EncodeToString(body), IsBase64Encoded: true}
	for name := range r.Header {
		e.Headers[strings.ToLower(name)] = strings.Join(r.Header.Values(name), ",")
	}
	e.RequestContext.HTTP.Method, e.RequestContext.HTTP.SourceIP = r.Method, "192.0.2.1"
	var answer events.APIGatewayV2HTTPResponse
	if err := f.Invoke(r.Context(), e, &answer); err != nil {
		s.t.Errorf("%s: %v", r.URL.Path, err)
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	for name, value := range answer.Headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = io.WriteString(w, answer.Body)
}

// Follow implements sandbox.Follower: what is due is done, and the next time is that of a schedule
// or of a hidden message.
func (s *stack) Follow(ctx context.Context, now time.Time) (next time.Time, err error) {
	for {
		if err := s.fire(ctx); err != nil {
			return next, err
		}
		handed, err := s.poll(ctx)
		if err != nil {
			return next, err
		}
		if handed > 0 {
			continue
		}
		soon := []time.Time{s.aws.Hidden(s.aws.URL + "/" + awstest.Account + "/firebreak.fifo")}
		if all := s.aws.Schedules(); len(all) > 0 {
			soon = append(soon, all[0].At)
		}
		for _, t := range soon {
			if !t.IsZero() && (next.IsZero() || t.Before(next)) {
				next = t
			}
		}
		return next, nil
	}
}

// fire lets the schedules that are due reach the queue.
func (s *stack) fire(ctx context.Context) error {
	if !s.schedule {
		s.aws.Fire()
		return nil
	}
	for _, due := range s.aws.Due() {
		if err := s.enqueue(ctx, due.Input); err != nil {
			return err
		}
	}
	return nil
}

// enqueue sends a message as EventBridge Scheduler does: without a deduplication id.
func (s *stack) enqueue(ctx context.Context, body string) error {
	m, err := aws.Decode(body)
	if err != nil {
		return err
	}
	_, err = s.sqs.SendMessage(ctx,
		&sqs.SendMessageInput{QueueUrl: awssdk.String(s.queue), MessageBody: awssdk.String(body),
			MessageGroupId: awssdk.String(aws.Group(m.Ref))})
	return err
}

// poll is Lambda's event source mapping with ReportBatchItemFailures: it hands the worker what the
// queue hands out, and deletes what the worker doesn't say has failed.
func (s *stack) poll(ctx context.Context) (handed int, err error) {
	out, err := s.sqs.ReceiveMessage(ctx,
		&sqs.ReceiveMessageInput{QueueUrl: awssdk.String(s.queue), MaxNumberOfMessages: 10,
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll}})
	if err != nil || len(out.Messages) == 0 {
		return 0, err
	}
	var e events.SQSEvent
	for _, m := range out.Messages {
		e.Records = append(e.Records,
			events.SQSMessage{MessageId: *m.MessageId, ReceiptHandle: *m.ReceiptHandle, Body: *m.Body,
				Attributes:  m.Attributes,
				EventSource: "aws:sqs", AWSRegion: awstest.Region})
	}
	s.mu.Lock()
	s.batches = append(s.batches, e)
	worker := s.worker
	if s.turns++; s.twin != nil && s.turns%2 == 0 {
		worker = s.twin
	}
	s.mu.Unlock()
	var answer events.SQSEventResponse
	if err := worker.Invoke(ctx, e, &answer); err != nil {
		if s.death.take() {
			s.coldWorker() // Lambda starts another process, and says nothing of the messages
			return len(out.Messages), nil
		}
		return 0, fmt.Errorf("the worker function: %w", err)
	}
	failed := map[string]bool{}
	for _, f := range answer.BatchItemFailures {
		failed[f.ItemIdentifier] = true
	}
	in := &sqs.DeleteMessageBatchInput{QueueUrl: awssdk.String(s.queue)}
	for i, r := range e.Records {
		if !failed[r.MessageId] {
			in.Entries = append(in.Entries,
				types.DeleteMessageBatchRequestEntry{Id: awssdk.String(fmt.Sprint(i)),
					ReceiptHandle: awssdk.String(r.ReceiptHandle)})
		}
	}
	if len(in.Entries) == 0 {
		return len(e.Records), nil
	}
	gone, err := s.sqs.DeleteMessageBatch(ctx, in)
	if err == nil && len(gone.Failed) > 0 {
		err = fmt.Errorf("delete: %v", gone.Failed)
	}
	return len(e.Records), err
}

// handed lists the messages that the worker was given since it was last called, as "group why".
func (s *stack) handed() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.batches {
		for _, r := range b.Records {
			m, err := aws.Decode(r.Body)
			if err != nil {
				s.t.Error(err)
			}
			all = append(all, r.Attributes["MessageGroupId"]+" "+m.Why)
		}
	}
	s.batches = nil
	return all
}
