// Package lambda builds the product on AWS: as Lambda's functions, and for commands that read
// secrets there. It is a package of its own so that a server links nothing of AWS's.
package lambda

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/firebreak-dev/firebreak/app/assembly"
	"github.com/firebreak-dev/firebreak/app/aws"
	"github.com/firebreak-dev/firebreak/app/aws/worker"
	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
	"github.com/firebreak-dev/firebreak/app/metrics"
)

// Lambda is the product behind a queue on AWS, as one of its functions.
type Lambda struct {
	log     *slog.Logger
	clock   engine.Clock
	secrets *aws.Secrets
	signer  worker.KMS
	queue   *aws.Queue
	aside   assembly.Aside // nil: messages that were put aside stay there
	timers  *worker.Scheduler
	batch   *worker.Batch
	metrics *metrics.EMF
	object  func(ctx context.Context, bucket, key string, limit int64, condense func(io.Reader) io.Reader) ([]byte, error)
	mails   *url.URL // s3://bucket/prefix, where SES stores them

	shelf engine.Store // nil: there is none

	mu    sync.Mutex
	last  map[string]string // the environment by which it was built
	built *assembly.Product
}

// NewLambda builds what doesn't depend on secrets, from the variables of package variables that are
// for the functions on AWS. The others may refer to secrets and are read at each invocation.
func NewLambda(log *slog.Logger) (*Lambda, error) {
	cfg, err := aws.Config(os.Getenv)
	if err != nil {
		return nil, err
	}
	return New(cfg, log)
}

// New is NewLambda for a process that reaches AWS in its own way.
func New(cfg awssdk.Config, log *slog.Logger) (*Lambda, error) {
	var err error
	l := &Lambda{
		log:     log,
		clock:   assembly.NewFollowedClock(),
		signer:  kms.NewFromConfig(cfg),
		metrics: metrics.NewEMF(os.Stdout, os.Getenv("FIREBREAK_DEPLOYMENT"), time.Now),
	}
	l.secrets = &aws.Secrets{
		Environ:   os.Environ(),
		Manager:   secretsmanager.NewFromConfig(cfg),
		Parameter: worker.Parameter(ssm.NewFromConfig(cfg)),
		Now:       time.Now,
		Logger:    log,
	}
	l.timers = &worker.Scheduler{
		EventBridge: scheduler.NewFromConfig(cfg),
		Group:       os.Getenv("FIREBREAK_SCHEDULE_GROUP"),
		Role:        os.Getenv("FIREBREAK_SCHEDULE_ROLE"),
		QueueARN:    os.Getenv("FIREBREAK_QUEUE_ARN"),
		Now:         l.clock.Now,
	}
	l.queue = &aws.Queue{
		SQS:   sqs.NewFromConfig(cfg),
		URL:   os.Getenv("FIREBREAK_QUEUE_URL"),
		Now:   l.clock.Now,
		Later: l.timers.Send,
	}
	if dead := os.Getenv("FIREBREAK_DEAD_LETTERS_URL"); dead != "" {
		l.aside = &aws.DeadLetters{SQS: sqs.NewFromConfig(cfg), URL: dead, Now: l.clock.Now}
	}
	objects := s3.NewFromConfig(cfg)
	l.object = worker.Object(objects)
	if l.mails, err = place("FIREBREAK_INTAKE_MAILS"); err != nil {
		return nil, err
	}
	shelf, err := place("FIREBREAK_SHELF")
	if err != nil {
		return nil, err
	}
	if shelf.Host != "" {
		l.shelf = &worker.Shelf{S3: objects, Bucket: shelf.Host, Prefix: strings.TrimPrefix(shelf.Path, "/")}
	}
	l.batch = &worker.Batch{
		Handle:  l.handle,
		Queue:   l.queue,
		Now:     l.clock.Now,
		Metrics: l.metrics,
		Logger:  log,
	}
	if tries := os.Getenv("FIREBREAK_QUEUE_TRIES"); tries != "" {
		if l.batch.Tries, err = strconv.Atoi(tries); err != nil {
			return nil, fmt.Errorf("FIREBREAK_QUEUE_TRIES must be a number, not %q", tries)
		}
	}
	if l.queue.URL == "" {
		return nil, errors.New("FIREBREAK_QUEUE_URL must be the address of the SQS queue")
	}
	return l, nil
}

// place reads a variable that names a place on S3; its Host is empty if the variable is.
func place(name string) (*url.URL, error) {
	value := os.Getenv(name)
	u, err := url.Parse(value)
	if err != nil || value != "" && (u.Scheme != "s3" || u.Host == "") {
		return nil, fmt.Errorf("%s must be an address like s3://bucket/prefix/, not %q", name, value)
	}
	return u, nil
}

// Work handles a batch of the queue's messages.
func (l *Lambda) Work(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
	defer l.flush()
	return l.batch.Work(ctx, e)
}

// Poller returns what hands the queue's messages to Work in a process that runs on.
func (l *Lambda) Poller(cfg awssdk.Config, atOnce int, grace time.Duration) *worker.Poller {
	return &worker.Poller{SQS: sqs.NewFromConfig(cfg), URL: l.queue.URL, Work: l.Work, AtOnce: atOnce, Grace: grace,
		Logger: l.log}
}

// flush writes the metrics of an invocation to its log, before Lambda may freeze the function.
func (l *Lambda) flush() {
	if err := l.metrics.Flush(); err != nil {
		l.log.Warn("the metrics could not be written", "err", err)
	}
}

func (l *Lambda) handle(ctx context.Context, m incident.Message) error {
	p, err := l.ready(ctx, true)
	if l.timers.Group == "" || l.timers.Role == "" || l.timers.QueueARN == "" {
		err = errors.Join(
			err,
			errors.New(
				"FIREBREAK_SCHEDULE_GROUP, FIREBREAK_SCHEDULE_ROLE and FIREBREAK_QUEUE_ARN must say where timers are set",
			),
		)
	}
	if err != nil {
		return err
	}
	return p.Handle(ctx, m)
}

// Intake returns what takes the reports of sources and serves the links of pages.
func (l *Lambda) Intake(ctx context.Context) (http.Handler, error) {
	p, err := l.ready(ctx, true)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer l.flush()
		p.Public().ServeHTTP(w, r)
	}), nil
}

// Slack builds what takes what Slack sends, and nothing else.
func (l *Lambda) Slack(ctx context.Context) (http.Handler, error) {
	all, err := l.Intake(ctx)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, intake.Prefix+"slack") { // a stage may be before it
			http.NotFound(w, r)
			return
		}
		all.ServeHTTP(w, r)
	}), nil
}

func (l *Lambda) receives(ctx context.Context) (*assembly.Product, error) {
	p, err := l.ready(ctx, true)
	if err == nil && p.Intake() == nil {
		err = errors.New(
			"FIREBREAK_INTAKE_REPOSITORY must name the repository in which reports become incidents",
		)
	}
	return p, err
}

// Mail takes the mails of an event of Amazon SES's: SES stores each, and names it here. Whatever is
// wrong with a mail, it is taken. An error is ours: Lambda tries again, and then puts the event
// aside.
// https://docs.aws.amazon.com/ses/latest/dg/receiving-email-action-lambda.html
func (l *Lambda) Mail(ctx context.Context, e intake.SESEvent) error {
	defer l.flush()
	p, err := l.receives(ctx)
	if err != nil {
		return err
	}
	for _, record := range e.Records {
		if err := l.mail(ctx, p, &record.SES); err != nil {
			p.Refuse("email", "store", err)
			return err
		}
	}
	return nil
}

func (l *Lambda) mail(ctx context.Context, p *assembly.Product, m *intake.SESMail) error {
	if l.mails.Host == "" {
		return errors.New("FIREBREAK_INTAKE_MAILS must say where SES stores mails, as s3://bucket/prefix/")
	}
	raw, err := l.object(
		ctx,
		l.mails.Host,
		strings.TrimPrefix(l.mails.Path, "/")+m.Mail.MessageID,
		intake.MaxMail,
		intake.Condense,
	)
	if err != nil {
		return fmt.Errorf("a mail from Amazon SES: %w", err)
	}
	if raw == nil {
		l.log.Warn(
			"a mail is no longer where Amazon SES stored it: its headers are taken alone",
			"message",
			m.Mail.MessageID,
		)
	}
	signal := intake.ReadMail(intake.Request{Body: raw, Now: l.clock.Now()}, raw, m)
	return p.Take(ctx, signal)
}

// Sweep finds what was lost on the way.
func (l *Lambda) Sweep(ctx context.Context) error {
	defer l.flush()
	p, err := l.ready(ctx, false)
	if err != nil {
		return err
	}
	return p.Sweep(ctx)
}

// ready returns the product by the secrets of the moment. Only with an engine the webhook secret is
// needed.
func (l *Lambda) ready(ctx context.Context, withEngine bool) (*assembly.Product, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	values, err := l.secrets.Read(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the secrets: %w", err)
	}
	if l.built == nil || !maps.Equal(l.last, values) {
		build := assembly.NewSweeping
		if withEngine {
			build = assembly.NewProduct
		}
		getenv := func(name string) string { return values[name] }
		built, err := build(ctx, getenv, assembly.Parts{
			Clock: l.clock, Timers: l.timers, Queue: l.queue, Aside: l.aside, Shelf: l.shelf, Metrics: l.metrics, Logger: l.log,
			Cloud: assembly.Cloud{Sign: l.sign, SES: worker.SES},
		})
		if err != nil {
			return nil, err
		}
		l.built, l.last = built, values
	}
	if err := l.built.ReadClock(ctx); err != nil {
		return nil, err
	}
	return l.built, nil
}

// sign signs by the role of the function.
func (l *Lambda) sign(_ context.Context, key string) (assembly.Signer, error) {
	return (&worker.Key{KMS: l.signer, ID: key}).Sign, nil
}
